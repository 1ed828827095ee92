/* intake.h - a device's image into the vault: one pass, sealed in the pipe, begun again where it stopped, with a receipt
 *
 * docs/format-vault.md ("Intake", "The stream"), docs/format-receipt.md. The device is enrolled already (SOURCE_SEALED, not complete), and its
 * keys are there. No plaintext is ever written anywhere. Memory: under 64 MiB whatever the image.
 */
#ifndef FS_INTAKE_INTAKE_H
#define FS_INTAKE_INTAKE_H

#include "fs/audit/audit.h"
#include "fs/device/device.h"
#include "fs/image/choose.h"
#include "fs/vault/sealed.h"

enum intake_form {
	INTAKE_FILE, /* a regular file or a block device: read at any place; holes are skipped, bad sectors tried one by one */
	INTAKE_PLAIN,  /* bytes until their end (a pipe): `-` */
	INTAKE_STREAM, /* BSTREAM1, from bailee-container-* */
};

struct intake_source {
	enum intake_form form;
	int fd; /* borrowed; read-only is enough. A pipe that others may read from too: O_NONBLOCK */
	uint64_t
		bytes; /* INTAKE_PLAIN: as somebody says (0: not known; else an early or late end is told as that). Others: found */
	const char *container; /* container_kind_name for the receipt; "raw" */
};

struct intake_progress {
	enum intake_stage {
		INTAKE_CHOOSING, /* what is left out; done: files seen */
		INTAKE_CHECKING, /* what an earlier try sealed */
		INTAKE_SEALING,
		INTAKE_VERIFYING /* reading the sealed copy back, before its source is destroyed */
	} stage;
	uint64_t done, total; /* bytes; total 0: not known */
	uint64_t unreadable;  /* bytes so far */
};
const char *intake_stage_name(enum intake_stage stage); /* "sealing" */

struct intake {
	struct device_store *store;
	struct audit *audit;
	const char *reader_path; /* for image_choice */
	uid_t by;
	int64_t (*now_unix)(void *context);
	/* Several times a second at most; false: stop (what was sealed stays, and is gone on from). */
	bool (*on_progress)(void *context, const struct intake_progress *progress);
	void *context;
	/* Fault injection of tests: called at each named step; NULL. */
	void (*on_step)(void *context, const char *step);
};

struct intake_result {
	struct sealed_facts facts;
	uint64_t unreadable, left_out; /* bytes */
	struct image_choice_report choice;
	uint64_t resumed_at; /* 0: from the start */
	uint8_t receipt_digest[32];
};

/* intake_check_store - may anything be taken in at all? Asked before a device is made known. BL_UNSUPPORTED (as of intake_run), BL_IO */
enum bl_status intake_check_store(const struct device_store *store,
				  struct bl_error *why) BL_MUST_CHECK;

/*
 * intake_run - seal it all, verify when asked, sign the receipt, append the `intake` event, and let the record say complete
 *
 * @choice       what to leave out; NULL or empty: nothing. INTAKE_FILE of raw bytes only (BL_UNSUPPORTED otherwise, with the way out)
 * @is_verified  read the whole sealed copy back and compare digests before the receipt is signed (it says so)
 * @before_complete  called when the receipt is durable and before the record says complete: what must survive with it is written down here
 *               (the source's destruction). May be NULL; its failure ends the intake, resumable
 *
 * BL_OK; BL_STALE (stopped by on_progress: resumable), BL_INVALID (the source ends early or goes on too long, is not what was begun with, another choice than
 * it was begun with; empty), BL_UNSUPPORTED (the keys lie where an overwrite is not true: medium_look, with the way out), BL_EXISTS (complete already), BL_TAMPERED,
 * BL_NOT_VERIFIED, BL_LOG_BROKEN, BL_TOO_LARGE, BL_IO (also: no space; resumable), BL_NO_MEMORY. Whatever failed: resumable, or nothing of it is there.
 */
enum bl_status intake_run(const struct intake *intake, const char *id,
			  const struct intake_source *source, const struct image_choice *choice,
			  bool is_verified,
			  enum bl_status (*before_complete)(void *context, struct bl_error *why),
			  struct intake_result *out_result, struct bl_error *why) BL_MUST_CHECK;

/* intake_done - bytes of an unfinished intake that are durable: where a stream may begin. BL_NOT_FOUND: none is unfinished */
enum bl_status intake_done(struct device_store *store, const char *id, uint64_t *out_bytes,
			   struct bl_error *why) BL_MUST_CHECK;

/*
 * intake_receipt_verify - is this receipt (JSON bytes) genuine and whole? Offline: only @public_key
 *
 * @out_text  a page for people, owned by the caller; may be NULL. BL_OK, BL_TAMPERED (signature), BL_INVALID (no receipt of ours)
 */
enum bl_status intake_receipt_verify(const char *json, size_t length,
				     const uint8_t public_key[VAULT_PUBLIC_KEY], char **out_text,
				     struct bl_error *why) BL_MUST_CHECK;

#endif
