/* audit.h - the log: every access durable before its answer, hash-chained, checkpointed, verifiable
 *
 * Format: docs/format-log.md (BLOG1). One writer per store. Group commit: one fdatasync for all who wait.
 */
#ifndef FS_AUDIT_AUDIT_H
#define FS_AUDIT_AUDIT_H

#include <stdio.h>
#include <sys/types.h>

#include "fs/vault/vault.h"
#include "policy/base.h"
#include "policy/words.h"

#define AUDIT_TOKEN	   16 /* bytes of a path token: BLAKE2b keyed by LN, cut */
#define AUDIT_DIGEST	   32
#define AUDIT_RECORD_LIMIT 4096
#define AUDIT_DETAIL_SIZE  160 /* free text of admin events with its NUL; never a name or a value */

/* What happened. Numbers are the format's: append only, never renumber. */
enum audit_op {
	AUDIT_START = 1, /* the log was opened; detail: version */
	AUDIT_STOP,
	AUDIT_RECOVERED, /* a torn tail was cut; detail: digest and length of what was cut */
	AUDIT_HEARTBEAT,
	AUDIT_POLICY_LOADED,  /* detail: digest and serial */
	AUDIT_POLICY_REFUSED, /* a bad file; nothing changed */
	AUDIT_ENROLLED,
	AUDIT_VIEW_OPENED, /* detail: purpose, whether a reason was given, solo */
	AUDIT_VIEW_CLOSED,
	AUDIT_VIEW_REVOKED, /* detail: why */
	AUDIT_LOOKUP,	    /* a name was looked up */
	AUDIT_LIST,	    /* names were listed; bytes: how many entries */
	AUDIT_STAT,
	AUDIT_READLINK,
	AUDIT_OPEN,	    /* bytes: how many classes are shown unmasked */
	AUDIT_READ,	    /* offset, bytes */
	AUDIT_WHY,	    /* a why was asked for */
	AUDIT_SOURCE_ERROR, /* reader crash, time-out, unreadable partition */
	AUDIT_HOLD_ADDED,
	AUDIT_HOLD_RELEASED,
	AUDIT_DUE, /* the device reached its date and was closed */
	AUDIT_SHRED_INTENT,
	AUDIT_SHRED_DONE, /* detail: status, certificate digest */
	AUDIT_ADMIN,	  /* any other control request; detail: which */
	AUDIT_CONSENT,	  /* recorded; detail: granted or withdrawn, for which purpose */
	AUDIT_CALLER,	  /* a caller was checked; detail: by what, under which ticket */
	AUDIT_REQUESTED,  /* somebody asked for more; detail: request number, action, class */
	AUDIT_APPROVED,	  /* detail: request number */
	AUDIT_REFUSED,	  /* a request was refused; detail: request number */
	AUDIT_OP_COUNT
};
const char *audit_op_name(enum audit_op op); /* "read"; static */
bool audit_op_parse(const char *name, enum audit_op *out);

enum audit_verdict {
	AUDIT_PERMITTED,
	AUDIT_DENIED,
	AUDIT_ASKED,
	AUDIT_WITHHELD,
	AUDIT_FAILED_VERDICT
};
const char *audit_verdict_name(enum audit_verdict verdict);

struct audit_event {
	enum audit_op op;
	enum audit_verdict verdict;
	uint32_t uid, gid, pid; /* of the caller; UINT32_MAX: none (the daemon itself) */
	uint32_t login_uid;	/* /proc/PID/loginuid when the view was opened; UINT32_MAX: unset */
	uint64_t view;		/* 0: none */
	uint64_t session;	/* 0: none (sessions come later) */
	char device[BL_DEVICE_ID_SIZE]; /* "" : none */
	char rule[BL_RULE_ID_SIZE];	/* the deciding rule; "" : none */
	uint32_t error_number;		/* errno answered; 0 */
	uint64_t policy_serial;		/* generation that decided */
	uint64_t offset, bytes, handle;
	uint8_t token[AUDIT_TOKEN];	/* zero: no path */
	char detail[AUDIT_DETAIL_SIZE]; /* "" usually */
};

/* ---- writing --------------------------------------------------------------------------------- */

/* How the log reaches its disk and the clock: real in audit_io_real(), replaced in fault tests only. */
struct audit_io {
	void *context;
	int (*open_at)(void *context, int dir_fd, const char *name, int flags, unsigned mode);
	ssize_t (*write_at)(void *context, int fd, const void *bytes, size_t length,
			    uint64_t offset);
	int (*sync_data)(void *context, int fd);    /* fdatasync */
	int (*sync_dir)(void *context, int dir_fd); /* fsync */
	int (*rename_at)(void *context, int dir_fd, const char *from, const char *to);
	int64_t (*realtime_ns)(void *context);
	int64_t (*boottime_ns)(void *context);
};
const struct audit_io *audit_io_real(void);

struct audit_config {
	int store_fd;		   /* the log is its folder "log" (0700), made when missing */
	struct vault *vault;	   /* signs checkpoints; borrowed for the log's life */
	uint64_t segment_bytes;	   /* 0: 64 MiB; tests: 256 KiB */
	const struct audit_io *io; /* NULL: real */
	/* Called once, from the log's own thread, when the log latches deny. May not call audit_*. */
	void (*on_broken)(void *context, const char *text);
	void *broken_context;
};

struct audit;

/*
 * audit_open - recover the log, open a new segment, start the commit thread, write AUDIT_START
 *
 * A torn tail (rule 3 of the format) is cut and told as AUDIT_RECOVERED. Anything else that does not verify:
 * BL_TAMPERED, and nothing is changed.
 *
 * BL_OK, BL_IO, BL_TAMPERED, BL_LOCKED (another writer), BL_INVALID (not ours, newer, readable by others),
 * BL_NO_MEMORY.
 */
enum bl_status audit_open(const struct audit_config *config, struct audit **out_audit,
			  struct bl_error *why) BL_MUST_CHECK;
/* audit_close - commit what is queued, AUDIT_STOP, checkpoint, close. Callers have stopped submitting. */
void audit_close(struct audit *audit);
BL_DEFINE_CLEANUP(struct audit, audit_close)

/*
 * A ticket is embedded in whatever waits for an event. `done` is called exactly once, from a notifier thread
 * of the log, after the event is durable (BL_OK) or can never be (BL_LOG_BROKEN). It may reply to the kernel and
 * may call audit_submit again; it must not wait for another ticket.
 */
struct audit_ticket {
	void (*done)(struct audit_ticket *ticket, enum bl_status status);
	uint64_t sequence;	   /* of the event; set by audit_submit */
	struct audit_ticket *next; /* the log's own */
};

/*
 * audit_submit - hand one event over; returns at once (waits only while the queue is full)
 *
 * @event is copied. Any thread. No allocation. When the log has latched deny, `done` is called with
 * BL_LOG_BROKEN (from this thread, before returning).
 */
void audit_submit(struct audit *audit, const struct audit_event *event,
		  struct audit_ticket *ticket);

/* audit_append - the same, waiting: BL_OK once durable, or BL_LOG_BROKEN */
enum bl_status audit_append(struct audit *audit, const struct audit_event *event,
			    uint64_t *out_sequence, struct bl_error *why) BL_MUST_CHECK;

bool audit_is_writable(const struct audit *audit); /* false once latched; lock-free */
/* audit_checkpoint - a signed checkpoint now (stop, shred, policy change); waits for its sync */
enum bl_status audit_checkpoint(struct audit *audit, struct bl_error *why) BL_MUST_CHECK;

struct audit_state {
	bool is_writable;
	char broken_text[200]; /* why it latched */
	uint64_t last_sequence, durable_sequence, segment, syncs;
	char log_id[33]; /* hex */
};
void audit_state(const struct audit *audit, struct audit_state *out);

/* audit_token - the token of @path on a device: BLAKE2b-128 keyed by LN over "partition/path" */
void audit_token(const uint8_t log_names_key[VAULT_KEY], const char *path, size_t length,
		 uint8_t out[AUDIT_TOKEN]);

/* ---- reading (no writer needed: works on a copy, offline) ------------------------------------ */

struct audit_report {
	uint64_t records, frames, segments, checkpoints;
	uint64_t first_sequence, last_sequence;
	uint64_t checkpointed_sequence; /* up to here a signed checkpoint vouches */
	bool is_torn;			/* a torn tail that recovery would cut: not an error */
	/* when broken: */
	uint64_t bad_sequence, bad_offset;
	char bad_file[64];
	char problem[200];	     /* "record 17 does not match its chain" */
	uint8_t chain[AUDIT_DIGEST]; /* of the last good record */
};

/*
 * audit_verify - check a log folder against the store's public key
 *
 * @log_fd       the folder; read only, streaming, constant memory
 * @public_key   from the auditor, never from the folder
 * @log_id       expected id (16 B) or NULL for whatever the folder says
 *
 * BL_OK, BL_TAMPERED (report says where), BL_INVALID (not a log of ours, newer), BL_IO.
 * Without an anchor a complete roll-back to an older copy cannot be seen: the caller says so (exit 13).
 */
enum bl_status audit_verify(int log_fd, const uint8_t public_key[VAULT_PUBLIC_KEY],
			    const uint8_t *log_id, struct audit_report *out_report,
			    struct bl_error *why) BL_MUST_CHECK;

/* A record as read back. */
struct audit_record {
	uint64_t sequence;
	int64_t realtime_ns, boottime_ns;
	struct audit_event event;
};

/* Return false to stop. */
typedef bool audit_record_fn(void *context, const struct audit_record *record);

/* audit_scan - every record in order, structure checked but chain not verified; stops at a torn tail */
enum bl_status audit_scan(int log_fd, audit_record_fn *tell, void *context,
			  struct bl_error *why) BL_MUST_CHECK;

/*
 * audit_scan_since - the same without the segments that ended before @since_unix: for counting what a day used up
 *
 * Whole segments are left out, so records from before are told as well: look at their times. A segment is left out only
 * if a day and more lies between its end, by the headers of the log, and @since_unix, and if nothing there says that the clock
 * was put back meanwhile. So every record stamped @since_unix or later is told, unless the clock was more than a day ahead
 * when it was written and was put right again before its segment ended, or before the boot that followed.
 *
 * Of what is left out only the headers are looked at. Statuses as audit_scan's, and BL_NO_MEMORY.
 */
enum bl_status audit_scan_since(int log_fd, int64_t since_unix, audit_record_fn *tell,
				void *context, struct bl_error *why) BL_MUST_CHECK;

/*
 * audit_scan_from - the same from the segment that holds record @sequence on: for finding one record in a long log
 *
 * Records before it in that segment are told as well. Statuses as audit_scan_since's.
 */
enum bl_status audit_scan_from(int log_fd, uint64_t sequence, audit_record_fn *tell, void *context,
			       struct bl_error *why) BL_MUST_CHECK;

struct audit_query {
	int64_t uid;			/* -1: any; UINT32_MAX: the daemon itself */
	const char *device, *rule;	/* NULL: any */
	int op, verdict;		/* -1: any */
	uint64_t view;			/* 0: any */
	int64_t since_unix, until_unix; /* until excluded; INT64_MIN, INT64_MAX: any */
	const uint8_t *token;		/* NULL: any */
	uint64_t last;			/* only the last N that match; 0: all */
};
bool audit_query_matches(const struct audit_query *query, const struct audit_record *record);

/* One line for people / one JSON object and newline. Control characters never pass. */
void audit_print(FILE *out, const struct audit_record *record);
void audit_print_json(FILE *out, const struct audit_record *record);

#endif
