/* daemon.h - the one daemon of a store (and its monitor), and how clients talk to it */
#ifndef FS_DAEMON_DAEMON_H
#define FS_DAEMON_DAEMON_H

#include <jansson.h>
#include <sys/types.h>

#include "fs/audit/audit.h"
#include "fs/device/device.h"
#include "fs/image/part.h"
#include "policy/base.h"
#include "policy/words.h"

/* BL_CLEANUP(json_decref): a reference that is let go */
static inline void json_decref_cleanup(json_t **message)
{
	json_decref(*message);
}

/* ---- running ---------------------------------------------------------------------------------- */

/* One source named on the command line of `bailee mount`. */
struct daemon_source {
	const char *path;
	char id[BL_DEVICE_ID_SIZE];
	struct image_part part; /* all zero: the whole */
};

struct daemon_options {
	const char *store_path;	 /* made when missing */
	const char *policy_path; /* NULL: the last good one; solo without any: the built-in one */
	const char *const *anchors; /* targets of anchors_open; checkpoints go there */
	size_t anchor_count;
	const struct vault_secret *secrets; /* what opens the store's locks */
	size_t secret_count;
	/* Solo only: one view of the caller on @mountpoint, of these sources; NULL: none, requests only, until a signal. */
	bool is_solo;
	const struct daemon_source *sources;
	size_t source_count;
	const char *mountpoint;
	const char *purpose, *reason; /* of the solo view */
	unsigned idle_seconds;	      /* so long unused, its mount goes; 0: never */
	bool is_debug;		      /* its requests are told on stderr (struct serve_options) */
	/* Told once, when requests are answered (and the solo mount is there). May be NULL. */
	void (*on_ready)(void *context);
	void *context;
};

/*
 * daemon_run - own the store until SIGTERM, SIGINT or SIGQUIT (or, solo, until the mount is gone)
 *
 * As a service this process becomes the monitor and a child the daemon, and SIGHUP loads @policy_path again. In solo mode there is one
 * process, which SIGHUP ends, for that is what a terminal says when it goes.
 *
 * BL_OK (stopped as asked), or why it could not start: BL_LOCKED, BL_INVALID, BL_IO, BL_TAMPERED, BL_LOG_BROKEN ...
 */
enum bl_status daemon_run(const struct daemon_options *options, struct bl_error *why) BL_MUST_CHECK;

/* ---- making a store --------------------------------------------------------------------------- */

struct daemon_init {
	const char *store_path;
	const char *kit_path; /* a file that is not there yet, outside the store */
	const uint8_t (*auditors)[AUDIT_KEY];
	size_t auditor_count;
	struct device_store_keys keys; /* locks, and the folder of the key file */
};

/*
 * daemon_init - make a store and its log, and write the auditor's kit; no daemon may run
 *
 * BL_UNSUPPORTED: the keys would lie on a filesystem where an overwrite in place leaves the old bytes (medium_look), with the way out.
 * BL_OK, BL_EXISTS (the store has a log, or the kit's file is there), BL_INVALID, BL_LOCKED, BL_IO.
 */
enum bl_status daemon_init(const struct daemon_init *init, uint8_t out_log_id[AUDIT_LOG_ID],
			   struct bl_error *why) BL_MUST_CHECK;

/* daemon_default_store - $BAILEE_STORE, else /var/lib/bailee (root) or $XDG_STATE_HOME/bailee */
enum bl_status daemon_default_store(char *out, size_t size, struct bl_error *why) BL_MUST_CHECK;

/* ---- asking ------------------------------------------------------------------------------------- */

#define DAEMON_MESSAGE_LIMIT (128u << 10)

/* daemon_connect - BL_NOT_MOUNTED when no daemon answers for this store */
enum bl_status daemon_connect(const char *store_path, int *out_fd,
			      struct bl_error *why) BL_MUST_CHECK;

/* An answer that comes before the last one. Borrowed. Return false to stop listening. */
typedef bool daemon_partial_fn(void *context, const json_t *answer);

/*
 * daemon_call - one request, to its last answer
 *
 * @request  an object with "do" and its keys; "bailee" is added. Borrowed.
 * @pass_fd  a descriptor that goes with it, or -1
 * @partial  told of answers before the last; may be NULL
 * @out_answer  the last answer, owned by the caller (json_decref); written on BL_OK only
 *
 * BL_OK, the daemon's refusal with its words, or BL_IO.
 */
enum bl_status daemon_call(int fd, json_t *request, int pass_fd, daemon_partial_fn *partial,
			   void *context, json_t **out_answer, struct bl_error *why) BL_MUST_CHECK;

/* daemon_refusal - the status and the words of an answer that is a refusal: for who reads answers without daemon_call */
enum bl_status daemon_refusal(const json_t *answer, struct bl_error *why) BL_MUST_CHECK;

/* daemon_call_fds - the same with several descriptors (an intake) */
enum bl_status daemon_call_fds(int fd, json_t *request, const int *fds, size_t count,
			       daemon_partial_fn *partial, void *context, json_t **out_answer,
			       struct bl_error *why) BL_MUST_CHECK;

/*
 * daemon_call_for_fd - the same when a descriptor comes with the last answer (a session's terminal)
 *
 * @out_fd  owned by the caller; -1 when none came
 */
enum bl_status daemon_call_for_fd(int fd, json_t *request, const int *fds, size_t count,
				  json_t **out_answer, int *out_fd,
				  struct bl_error *why) BL_MUST_CHECK;

/*
 * record_json - an event as the service tells it: what audit_print_json has (numbers that JSON cannot hold are told as 2^63 - 1)
 *
 * NULL: no memory
 */
json_t *record_json(const struct audit_record *record);

/* daemon_program_path - where one of our programs is: beside this one, else in libexec. BL_FAILED: nowhere */
enum bl_status daemon_program_path(const char *name, char *out, size_t size,
				   struct bl_error *why) BL_MUST_CHECK;
/* daemon_reader_path - the same of bailee-reader */
enum bl_status daemon_reader_path(char *out, size_t size, struct bl_error *why) BL_MUST_CHECK;

#endif
