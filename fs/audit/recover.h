/* recover.h - private to fs/audit: the log's folder made ready, and where writing goes on */
#ifndef FS_AUDIT_RECOVER_H
#define FS_AUDIT_RECOVER_H

#include "fs/audit/format.h"
#include "fs/audit/framekey.h"
#include "fs/audit/io.h"
#include "fs/audit/note.h"

struct resume {
	int log_fd;   /* locked; owned by the caller */
	int notes_fd; /* the folder of checkpoints; owned by the caller */
	int key_fd;   /* the file `key`; owned by the caller */
	struct log_identity identity;
	uint64_t number, sequence, frame; /* the next ones */
	uint8_t chain[AUDIT_DIGEST];
	struct framekey key;	 /* of the next frame */
	uint64_t key_generation; /* of the newest copy of `key` */
	uint64_t key_frame; /* the least f that was found there: frames from it on were forgeable */
	char tail_detail[AUDIT_DETAIL_SIZE], empty_detail[AUDIT_DETAIL_SIZE]; /* "": none */
	char note_name[NOTE_FILE_NAME]; /* the newest file of checkpoints; "": none */
	uint64_t note_at;		/* where its next note goes */
};

/*
 * recover - open the folder, lock it, and find the end of the log. Makes folder, log id, key and kit when there are
 * none (config->keep_kit, config->auditors); changes nothing else. Every frame from `key` on must have its mac.
 *
 * Statuses as audit_open. On failure nothing is left open.
 */
enum bl_status recover(const struct audit_config *config, const struct audit_io *io,
		       struct resume *out_resume, struct bl_error *why) BL_MUST_CHECK;

/*
 * recover_again - where writing goes on after a write or sync failed, without a restart
 *
 * @resume  in: the three descriptors, identity, and in `key` the key of the first frame that nobody was told is durable.
 *          out: the rest; key is of the next frame. Key file and generation are left as they are.
 *
 * What the page cache holds of the last segment and of the newest notes is dropped first and read from the medium: after a failed
 * sync the cache may show what is not there. BL_OK, BL_IO, BL_TAMPERED.
 */
enum bl_status recover_again(const uint8_t public_key[VAULT_PUBLIC_KEY], struct resume *resume,
			     struct bl_error *why) BL_MUST_CHECK;

#endif
