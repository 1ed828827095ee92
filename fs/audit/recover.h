/* recover.h - private to fs/audit: the log's folder made ready, and where writing goes on */
#ifndef FS_AUDIT_RECOVER_H
#define FS_AUDIT_RECOVER_H

#include "fs/audit/format.h"
#include "fs/audit/io.h"
#include "fs/audit/note.h"

struct resume {
	int log_fd;   /* locked; owned by the caller */
	int notes_fd; /* the folder of checkpoints; owned by the caller */
	uint8_t log_id[LOG_ID_SIZE];
	uint64_t number, sequence, frame; /* the next ones */
	uint8_t chain[AUDIT_DIGEST];
	char tail_detail[AUDIT_DETAIL_SIZE], empty_detail[AUDIT_DETAIL_SIZE]; /* "": none */
	char note_name[NOTE_FILE_NAME]; /* the newest file of checkpoints; "": none */
	uint64_t note_at;		/* where its next note goes */
};

/*
 * recover - open the folder, lock it, and find the end of the log. Makes folder and log id when there are
 * none; changes nothing else.
 *
 * Statuses as audit_open. On failure nothing is left open.
 */
enum bl_status recover(const struct audit_config *config, const struct audit_io *io,
		       struct resume *out_resume, struct bl_error *why) BL_MUST_CHECK;

#endif
