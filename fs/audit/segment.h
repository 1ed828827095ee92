/* segment.h - private to fs/audit: making segments ahead of their use, and putting them to use */
#ifndef FS_AUDIT_SEGMENT_H
#define FS_AUDIT_SEGMENT_H

#include "fs/audit/format.h"
#include "fs/audit/io.h"

#include <stdatomic.h>

struct segment {
	int fd; /* -1: none */
	uint64_t size;
	uint64_t at;	  /* where the next frame goes */
	const char *name; /* before it has its own: "spare", "reserve"; static */
};

/*
 * segment_prepare - a new file @name: allocated, full of written zeros, synced
 *
 * @name          static; a file that has it already goes: nothing is synced again whose sync may have failed
 * @is_cancelled  looked at between the writes; may be NULL. BL_STALE when it was
 */
enum bl_status segment_prepare(const struct audit_io *io, int log_fd, const char *name,
			       uint64_t size, const atomic_bool *is_cancelled,
			       struct segment *out_spare, struct bl_error *why) BL_MUST_CHECK;
/* segment_is_blank - whether it has @size and nothing but zeros in it */
bool segment_is_blank(int fd, uint64_t size);
/* segment_begin - give the spare its header and its name, durably; @chain takes the header's step */
enum bl_status segment_begin(const struct audit_io *io, int log_fd, struct segment *spare,
			     const struct segment_header *header, uint8_t chain[AUDIT_DIGEST],
			     struct bl_error *why) BL_MUST_CHECK;
/* segment_end - give back the room behind the last frame (it reads as zeros as before), close */
void segment_end(struct segment *segment);
/* segment_size - @wanted, or less when the disk is nearly full */
uint64_t segment_size(int log_fd, uint64_t wanted);
void boot_id_read(uint8_t out[16]);

#endif
