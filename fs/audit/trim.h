/* trim.h - private to fs/audit: old segments become tombstones (docs/format-log.md, "Tombstones") */
#ifndef FS_AUDIT_TRIM_H
#define FS_AUDIT_TRIM_H

#include "fs/audit/tombstone.h"

struct trim {
	const struct audit_io *io;
	int log_fd;
	const struct vault *vault;
	const struct log_identity *identity;
	uint64_t current_number; /* of the segment being written: it and the one before stay */
	/* f of the file `key`: a log that dies now is taken up again from there, so those frames stay. */
	uint64_t key_frame;
	int64_t before_unix;
	/* Makes AUDIT_TRIMMED durable. */
	enum bl_status (*tell)(void *context, const struct audit_event *event,
			       struct bl_error *why);
	void *context;
};

/*
 * trim_run - the oldest segments first, as long as the one behind was begun before before_unix (so this one had ended by then)
 *
 * Finishes what a crash left half done. *out_segments counts what was removed, also on failure. BL_OK, BL_IO, BL_TAMPERED (the segment
 * is not whole: it stays), BL_LOG_BROKEN.
 */
enum bl_status trim_run(const struct trim *trim, size_t *out_segments,
			struct bl_error *why) BL_MUST_CHECK;

#endif
