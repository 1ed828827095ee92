/* note.h - private to fs/audit: checkpoints as signed notes (docs/format-log.md, "Checkpoints") */
#ifndef FS_AUDIT_NOTE_H
#define FS_AUDIT_NOTE_H

#include "fs/audit/format.h"

#define NOTE_SIZE      267u
#define NOTE_FILE_NAME 11 /* "YYYY-MM-DD" and NUL */
#define NOTE_FOLDER    "checkpoints"
#define NOTE_FILES     (1u << 16) /* at most: 179 years of days */

struct note {
	uint8_t log_id[LOG_ID_SIZE];
	uint64_t sequence, frame;
	uint8_t chain[AUDIT_DIGEST];
	int64_t realtime_s;
};

void note_write(const struct note *note, const struct vault *vault, char out[NOTE_SIZE]);

enum note_result { NOTE_GOOD, NOTE_TORN, NOTE_BAD };
/*
 * @public_key  NULL: form only, the signature is not checked
 *
 * NOTE_TORN: short, or with a NUL: what a crash can leave at the end of the newest file.
 */
enum note_result note_parse(const char *bytes, size_t length,
			    const uint8_t public_key[VAULT_PUBLIC_KEY], struct note *out);

/* A note put together again from its fields (as they stand in text, not ended by a NUL): 267 bytes, signed or not */
struct note_fields {
	const char *log_id;    /* 32 hex digits */
	const char *chain;     /* base64, 44 characters */
	const char *signature; /* base64, 92 characters */
	uint64_t sequence, frame, realtime_s;
};
void note_join(const struct note_fields *fields, char out[NOTE_SIZE]);

void note_file_name(int64_t realtime_s, char out[NOTE_FILE_NAME]);
bool note_file_name_ok(const char *name);

/*
 * All notes of a folder in order of file name and place, a file at a time. Notes that are added
 * after notes_open are not seen: a log may be read while it is written.
 */
struct notes {
	int folder_fd;		   /* -1: no folder, no notes */
	int fd;			   /* of the current file */
	char name[NOTE_FILE_NAME]; /* of the current file, "" before the first */
	char newest[NOTE_FILE_NAME];
	char (*names)[NOTE_FILE_NAME]; /* of all, ascending */
	size_t name_count, next_name;
	uint64_t newest_size, size, at; /* bytes */
	bool is_torn;			/* the newest ends in a torn note */
	struct note last;		/* what notes_next gave */
	bool has_last;
};
/* BL_OK, BL_TAMPERED (a folder or newest file that is none), BL_IO, BL_NO_MEMORY, BL_TOO_LARGE; nothing is left open then */
enum bl_status notes_open(int log_fd, struct notes *notes, struct bl_error *why) BL_MUST_CHECK;
/* notes_skip - go on with the last notes of the newest file only */
void notes_skip(struct notes *notes);
void notes_close(struct notes *notes);
/*
 * BL_OK, BL_NOT_FOUND (no more), BL_TAMPERED (bad form, signature or order; notes->name and ->at say
 * where), BL_IO
 */
enum bl_status notes_next(struct notes *notes, const uint8_t *log_id,
			  const uint8_t public_key[VAULT_PUBLIC_KEY], struct note *out_note,
			  struct bl_error *why) BL_MUST_CHECK;

#endif
