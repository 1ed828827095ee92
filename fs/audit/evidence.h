/* evidence.h - private to fs/audit: anchors as an auditor brings them, read along with the log
 *
 * docs/format-log.md, "Checkpoints", anchors: a file of notes in a row, or text in which a syslog daemon or journalctl shows them.
 */
#ifndef FS_AUDIT_EVIDENCE_H
#define FS_AUDIT_EVIDENCE_H

#include "fs/audit/note.h"

#define EVIDENCE_BUFFER (16u << 10)

struct evidence_file {
	int fd;		  /* borrowed */
	off_t from;	  /* where it was read from; -1: it cannot be read again */
	size_t number;	  /* from 1, for messages */
	uint64_t left;	  /* bytes that may still be read: what comes later is not seen */
	char *buffer;	  /* EVIDENCE_BUFFER bytes */
	size_t at, have;  /* what is not used up yet */
	bool is_text;	  /* syslog; else notes in a row */
	struct note note; /* the next one of this log */
	bool has_note, has_before;
	struct note before;
};

struct evidence {
	struct evidence_file *files;
	size_t count;
	const uint8_t *log_id, *public_key; /* borrowed */
};

/*
 * evidence_open - the first note of each anchor
 *
 * BL_OK, BL_INVALID (no checkpoint of this log, or one that is not signed: the words blame the anchor), BL_IO, BL_NO_MEMORY,
 * BL_TAMPERED (as evidence_next). Call evidence_close in any case.
 */
enum bl_status evidence_open(const int *fds, size_t count, const uint8_t log_id[LOG_ID_SIZE],
			     const uint8_t public_key[VAULT_PUBLIC_KEY], struct evidence *out,
			     struct bl_error *why) BL_MUST_CHECK;
void evidence_close(struct evidence *evidence);
/* evidence_rewind - make ready to be read from its beginning by another evidence_open; false: that cannot be */
bool evidence_rewind(const struct evidence *evidence);

/*
 * evidence_next - go on to the next note of this log; file->has_note says whether there was one
 *
 * Notes of other logs are passed over, and so is text that is not signed: who can write to syslog is no auditor. In a row of notes
 * what is not signed is refused. BL_OK, BL_INVALID, BL_IO, BL_TAMPERED (a signed note speaks of less than the one before it, or of
 * another chain: the log was put back in between; file->note is that note).
 */
enum bl_status evidence_next(const struct evidence *evidence, struct evidence_file *file,
			     struct bl_error *why) BL_MUST_CHECK;

#endif
