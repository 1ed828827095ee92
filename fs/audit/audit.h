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
	AUDIT_LATCHED,	  /* the log takes no more events but those of its reserve; detail: why */
	AUDIT_UNLATCHED,  /* by an admin; bytes: how many requests were refused meanwhile */
	AUDIT_TRIMMED, /* a segment was old enough to go; offset, bytes: its records; detail: its tombstone's digest */
	AUDIT_INTAKE, /* a sealed image is complete; bytes: of the image; detail: digest of the receipt */
	AUDIT_SOURCE_INTENT, /* the source of an intake is about to be destroyed */
	AUDIT_SOURCE_DONE,   /* detail: status, certificate digest */
	AUDIT_PART_INTENT, /* files of a sealed image are about to be destroyed; handle: number of the part; bytes: of their places */
	AUDIT_PART_DONE,   /* detail: status, certificate digest; handle: number of the part */
	AUDIT_CUSTODY,	   /* the record changed; detail: how, and a place, a number or a digest */
	AUDIT_NOTICE,	   /* its date is near; bytes: the date, seconds since 1970 */
	AUDIT_INCIDENT,	   /* detail: opened, noted or closed, which kind; handle: its number */
	AUDIT_CUSTOMER_REQUEST, /* detail: recorded, done or refused, which kind; handle: its number */
	AUDIT_VERIFIED, /* somebody looked again at a destruction; detail: what came of it */
	AUDIT_INSPECTED, /* a wipe check; bytes: of the medium; detail: verdict, digest of the statement */
	AUDIT_CLOCK, /* wall clock and trusted time part or meet; detail: how far; offset, bytes: wall, trusted */
	AUDIT_SESSION_BEGUN, /* its first screen was acknowledged; detail: the viewer */
	AUDIT_SHOWN,	     /* bytes: about to be shown in a session; offset: counted so far */
	AUDIT_SESSION_ENDED, /* bytes: shown, offset: counted; detail: why */
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
	uint64_t session;	/* 0: none; else the sequence number of its AUDIT_VIEW_OPENED */
	char device[BL_DEVICE_ID_SIZE]; /* "" : none */
	char rule[BL_RULE_ID_SIZE];	/* the deciding rule; "" : none */
	uint32_t error_number;		/* errno answered; 0 */
	uint64_t policy_serial;		/* generation that decided */
	uint64_t offset, bytes, handle;
	uint8_t token[AUDIT_TOKEN];	/* zero: no path */
	char detail[AUDIT_DETAIL_SIZE]; /* "" usually */
	uint32_t
		repeats; /* in a record read back: it stands for so many more; the log's own, ignored when submitted */
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

#define AUDIT_LOG_ID   16
#define AUDIT_KEY      32  /* frame keys, LK, and X25519 keys (RFC 7748) of auditors */
#define AUDIT_AUDITORS 32  /* at most */
#define AUDIT_NOTE     267 /* bytes of a checkpoint: a signed note, see docs/format-log.md */

/* What the auditor keeps: docs/format-log.md, "The auditor kit". `first` is secret: wipe it. */
struct audit_kit {
	uint8_t log_id[AUDIT_LOG_ID];
	uint8_t public_key[VAULT_PUBLIC_KEY]; /* of the checkpoints */
	uint8_t first[AUDIT_KEY];	      /* k_0 */
	int64_t made_unix;
	size_t auditor_count;
	uint8_t auditors[AUDIT_AUDITORS][AUDIT_KEY]; /* ascending */
};

/* A checkpoint that is durable in the log's own folder. */
struct audit_checkpoint_note {
	char text[AUDIT_NOTE]; /* as it stands in the file; no NUL */
	uint8_t log_id[AUDIT_LOG_ID];
	uint64_t sequence, frame;
	int64_t realtime_s;
	int64_t boottime_ns; /* when it was made */
};

struct audit_config {
	int store_fd;		   /* the log is its folder "log" (0700), made when missing */
	struct vault *vault;	   /* signs checkpoints; borrowed for the log's life */
	uint64_t segment_bytes;	   /* 0: 64 MiB; tests: 256 KiB */
	const struct audit_io *io; /* NULL: real */

	/*
	 * The newest record that an anchor outside knows of (anchors_known); 0: none. A log that ends before it was put back to an
	 * older state: BL_TAMPERED, and nothing is changed.
	 */
	uint64_t known_sequence;

	/* For a log that is made: who may read names. Any order; double ones count once. */
	const uint8_t (*auditors)[AUDIT_KEY];
	size_t auditor_count;
	/* Keeps the kit, durably, before the log is there. Anything but BL_OK: no log is made. NULL: a kit nobody keeps (tests). */
	enum bl_status (*keep_kit)(void *context, const struct audit_kit *kit,
				   struct bl_error *why);

	/*
	 * From the log's own threads; may not call audit_*.
	 *   on_broken      whenever the log latches deny: end views and sessions
	 *   on_checkpoint  after each checkpoint: hand it to the anchors; must not wait
	 */
	void (*on_broken)(void *context, const char *text);
	void (*on_checkpoint)(void *context, const struct audit_checkpoint_note *note);
	void *context; /* of the three */
};

struct audit;

/*
 * audit_create - make the log of a store, without writing any event. BL_EXISTS when there is one; else as audit_open
 */
enum bl_status audit_create(const struct audit_config *config, struct bl_error *why) BL_MUST_CHECK;

/*
 * audit_open - recover the log, open a new segment, start the log's threads, write AUDIT_START. Makes the log when there is none.
 *
 * A torn tail (docs/format-log.md) is cut and told as AUDIT_RECOVERED. Anything else that does not verify:
 * BL_TAMPERED, and nothing is changed. When there is no room for a segment but for the reserve the log opens latched: see
 * audit_is_writable.
 *
 * BL_OK, BL_IO, BL_TAMPERED, BL_LOCKED (another writer), BL_INVALID (not ours, readable by others), BL_UNSUPPORTED (newer),
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
 * may call audit_submit again; it must not wait for another ticket. With bounded durability `done` of a permitted read or stat is
 * called from audit_submit itself, before it returns: a caller must not hold a lock that `done` takes.
 */
struct audit_ticket {
	void (*done)(struct audit_ticket *ticket, enum bl_status status);
	uint64_t sequence;	   /* of the event; set before `done` */
	struct audit_ticket *next; /* the log's own */
};

/*
 * audit_submit - hand one event over; returns at once (waits only while the queue is full)
 *
 * @event is copied. Any thread. No allocation. When the log has latched deny, `done` is called with
 * BL_LOG_BROKEN (from this thread, before returning), unless the reserve has a place for the event: what ends views, what destroys
 * (due, intent, done), policies, stop.
 *
 * Denials of one kind that come without end are gathered (docs/format-log.md, "Repeats"): each is answered after at most
 * 100 ms and the commit, by one record that counts them exactly.
 */
void audit_submit(struct audit *audit, const struct audit_event *event,
		  struct audit_ticket *ticket);

/* audit_append - the same, waiting: BL_OK once durable, or BL_LOG_BROKEN */
enum bl_status audit_append(struct audit *audit, const struct audit_event *event,
			    uint64_t *out_sequence, struct bl_error *why) BL_MUST_CHECK;

/* ---- names: what only auditors may read ------------------------------------------------------- */

enum audit_name_kind { AUDIT_NAME_PATH = 1, AUDIT_NAME_REASON = 2 };
#define AUDIT_NAME_TEXT 8192 /* bytes of a name at most; a longer one is cut */

struct audit_name {
	enum audit_name_kind kind;
	const char *device;	      /* "": none (a reason only) */
	const uint8_t *log_names_key; /* LN of the device, or of the store; VAULT_KEY bytes */
	const uint8_t *token;	      /* AUDIT_TOKEN bytes; NULL: none */
	const char *text;
	size_t length;
};

/*
 * audit_naming - the number of the segment that events go into now: who wrote a node's name with this number need not do it again.
 * 0: there are no auditors, and names are written never. Lock-free.
 */
uint64_t audit_naming(const struct audit *audit);
/*
 * audit_submit_named - audit_submit with NAME records before the event, all in one frame
 *
 * @count  at most 2 (a path and a reason); 0 or no auditors: as audit_submit
 *
 * Returns the number of the segment they went into, 0 when they did not. Seals here, off all locks; no allocation.
 */
uint64_t audit_submit_named(struct audit *audit, const struct audit_event *event,
			    const struct audit_name *names, size_t count,
			    struct audit_ticket *ticket);
/* audit_append_named - the same, waiting */
enum bl_status audit_append_named(struct audit *audit, const struct audit_event *event,
				  const struct audit_name *names, size_t count,
				  uint64_t *out_sequence, struct bl_error *why) BL_MUST_CHECK;

/* ---- modes ------------------------------------------------------------------------------------ */

/*
 * audit_bounded - permitted reads and stats are answered at once and durable within @milliseconds; 0: before the answer, as at
 * first. When the disk is slower than that they wait for it again. Everything else is durable before its answer in any case.
 */
void audit_bounded(struct audit *audit, uint32_t milliseconds);
/* audit_policy - the digest (32 B) that the header of the next segment tells */
void audit_policy(struct audit *audit, const uint8_t digest[32]);

/*
 * audit_wait - until something behind @sequence is durable, for at most @milliseconds; gives back what is durable then
 *
 * For who follows the log: no event is missed between two calls. Returns at once when the log is being closed. Costs the writer nothing
 * while nobody waits.
 */
uint64_t audit_wait(struct audit *audit, uint64_t sequence, unsigned milliseconds);

bool audit_is_writable(const struct audit *audit); /* false while latched; lock-free */
/*
 * audit_unlatch - take the log up again after whatever latched it was mended; @event (op AUDIT_UNLATCHED) is the first thing it says
 *
 * BL_OK, BL_EXISTS (it is not latched), BL_IO, BL_TAMPERED (it stays latched, with this as the reason).
 */
enum bl_status audit_unlatch(struct audit *audit, const struct audit_event *event,
			     struct bl_error *why) BL_MUST_CHECK;
/*
 * audit_trim - replace segments that ended before @before_unix by tombstones, the oldest first
 *
 * Never the one being written nor the one before. BL_OK, BL_IO, BL_LOG_BROKEN. Nothing is removed whose event is not durable.
 */
enum bl_status audit_trim(struct audit *audit, int64_t before_unix, size_t *out_segments,
			  struct bl_error *why) BL_MUST_CHECK;

/*
 * audit_checkpoint - a signed checkpoint now (stop, shred, policy change); waits for its sync
 *
 * BL_OK, BL_LOG_BROKEN (it latched meanwhile, or is dead). On the reserve BL_OK also when there was no room for the checkpoint: a
 * destruction must go on.
 */
enum bl_status audit_checkpoint(struct audit *audit, struct bl_error *why) BL_MUST_CHECK;

enum audit_mode {
	AUDIT_WRITING, /* as it should be */
	AUDIT_RESERVE, /* latched; what ends and destroys is still taken */
	AUDIT_DEAD,    /* latched; nothing is taken */
};

struct audit_state {
	enum audit_mode mode;
	bool is_writable;      /* mode is AUDIT_WRITING */
	char broken_text[200]; /* why it latched */
	uint64_t refused;      /* requests since it latched */
	uint64_t last_sequence, durable_sequence, segment, syncs;
	uint64_t forgeable_frames; /* behind the key slot: by who holds the disk now */
	uint64_t noted_sequence;   /* up to here a checkpoint vouches */
	uint32_t bounded_ms;	   /* 0: before the answer */
	size_t auditor_count;
	char log_id[33]; /* hex */
};
void audit_state(const struct audit *audit, struct audit_state *out);

/* audit_token - the token of @path on a device: BLAKE2b-128 keyed by LN over "partition/path" */
void audit_token(const uint8_t log_names_key[VAULT_KEY], const char *path, size_t length,
		 uint8_t out[AUDIT_TOKEN]);

/* ---- reading (no writer needed: works on a copy, offline) ------------------------------------ */

/* What it looks like: the words of docs/format-log.md. */
enum audit_looks {
	LOOKS_GOOD,
	LOOKS_CHANGED,
	LOOKS_REWRITTEN,
	LOOKS_DROPPED,
	LOOKS_REORDERED,
	LOOKS_REPEATED,
	LOOKS_SPLICED,
	LOOKS_TRUNCATED,
	LOOKS_ROLLED_BACK,
	LOOKS_INSERTED,
	LOOKS_CHECKPOINT,
	LOOKS_TOMBSTONE,
	LOOKS_KEY,
	LOOKS_IDENTITY,
	LOOKS_CLOCK,
	LOOKS_COUNT
};
const char *audit_looks_name(enum audit_looks looks); /* "changed"; static */

/* Records that somebody who held the disk at that time could have made anew, and no anchor of before that time speaks against it. */
struct audit_window {
	uint64_t first_sequence, last_sequence;
	bool is_now; /* by who holds it now; else: when the log was taken up again behind it */
};
#define AUDIT_WINDOWS 16

struct audit_report {
	uint64_t records, frames, segments, checkpoints; /* that are there */
	uint64_t names;					 /* NAME records among the records */
	uint64_t trimmed_segments, trimmed_records;	 /* that tombstones stand for */
	uint64_t first_sequence, last_sequence;
	uint64_t checkpointed_sequence; /* up to here a signed checkpoint vouches */
	bool has_macs;			/* a kit was there, and every frame's mac was checked */
	bool has_anchor;		/* one lies on the chain; the newest of them: */
	uint64_t anchored_sequence;
	int64_t anchored_unix;
	bool is_torn; /* a torn tail that recovery would cut: not an error */

	struct audit_window windows[AUDIT_WINDOWS]; /* the newest ones */
	uint64_t window_count;			    /* all */
	uint64_t silences, silence_sequence,
		longest_silence_s; /* more than 75 s; before which record the longest one lies */
	uint64_t clock_steps,
		clock_step_sequence; /* more than 2 s; before which record the first one lies */

	/* when broken: */
	enum audit_looks looks;
	uint64_t bad_sequence, bad_offset;
	char bad_file[64];
	char problem[200];	     /* "record 17 does not match its chain" */
	uint8_t chain[AUDIT_DIGEST]; /* of the last good record */
};

/* What the auditor brings. All borrowed. */
struct audit_evidence {
	const uint8_t *public_key;   /* VAULT_PUBLIC_KEY bytes; NULL: the kit's */
	const struct audit_kit *kit; /* NULL: macs are not checked */
	const int *
		anchor_fds; /* files of notes, or of syslog lines that hold some; read from where they stand */
	size_t anchor_count;

	/* Told after each segment, from the caller's thread: bytes of segments, records so far. NULL: nobody waits. */
	void (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes, uint64_t records);
	void *context;
};

/*
 * audit_verify - check a log folder by what the auditor brings; trusts nothing in the folder
 *
 * @log_fd  the folder; read only, streaming, constant memory
 *
 * BL_OK (has_anchor says whether it is anchored: the caller ends with 0 or 13), BL_TAMPERED (the report says where),
 * BL_INVALID (not a log of ours; kit, key or anchor of another log: nothing is said about the log), BL_UNSUPPORTED (newer), BL_IO.
 */
enum bl_status audit_verify(int log_fd, const struct audit_evidence *evidence,
			    struct audit_report *out_report, struct bl_error *why) BL_MUST_CHECK;

/* ---- auditors: kits and keys ------------------------------------------------------------------- */

#define AUDIT_KIT_TEXT	   4096 /* more than a kit with all auditors takes */
#define AUDIT_AUDITOR_TEXT 128

/* audit_kit_format - its text with a NUL; returns the length */
size_t audit_kit_format(const struct audit_kit *kit, char out[AUDIT_KIT_TEXT]);
/* BL_OK, BL_INVALID (no kit, a newer one, or damaged: the words say which, and blame the kit) */
enum bl_status audit_kit_parse(const char *text, size_t length, struct audit_kit *out_kit,
			       struct bl_error *why) BL_MUST_CHECK;
/* auditor_new - a fresh pair (X25519). The caller wipes the secret. */
void auditor_new(uint8_t out_secret[AUDIT_KEY], uint8_t out_public[AUDIT_KEY]);
/* One line with its newline and a NUL; returns the length. */
size_t auditor_format(bool is_secret, const uint8_t key[AUDIT_KEY], char out[AUDIT_AUDITOR_TEXT]);
/* The line, or (for a public key) just 64 hex digits. BL_OK, BL_INVALID (also when it is the other half) */
enum bl_status auditor_parse(bool is_secret, const char *text, size_t length,
			     uint8_t out_key[AUDIT_KEY], struct bl_error *why) BL_MUST_CHECK;

/* ---- reading back ------------------------------------------------------------------------------ */

/* Where a record stands: in the segment of that name, that many bytes behind its begin. All zero: it was not read from a log. */
struct audit_place {
	uint64_t segment_first, offset;
};

/* A record as read back. */
struct audit_record {
	uint64_t sequence;
	int64_t realtime_ns, boottime_ns;
	struct audit_event event;
	struct audit_place place;
};

/* Its CLOCK_REALTIME in whole seconds, rounded down */
int64_t audit_record_unix(const struct audit_record *record);

/* Return false to stop. */
typedef bool audit_record_fn(void *context, const struct audit_record *record);

/* A NAME record as read back. */
struct audit_named {
	uint64_t sequence, segment; /* segment: its number */
	enum audit_name_kind kind;
	unsigned part, parts;
	char device[BL_DEVICE_ID_SIZE];
	uint8_t token[AUDIT_TOKEN], nonce[24];
	const uint8_t *sealed; /* borrowed while it is told */
	size_t length;
};
#define AUDIT_SEALED_LK 80 /* crypto_box_SEALBYTES + AUDIT_KEY */
struct audit_segment {
	uint64_t number, first_sequence;
	size_t auditor_count;
	const uint8_t *
		slots; /* auditor_count times: 32 B public key, AUDIT_SEALED_LK; borrowed while it is told */
};
typedef bool audit_named_fn(void *context, const struct audit_named *named);
typedef bool audit_segment_fn(void *context, const struct audit_segment *segment);

/* Who is told of what; each may be NULL. Return false to stop. */
struct audit_listener {
	audit_record_fn *record;
	audit_named_fn *named;
	audit_segment_fn *segment; /* before the first record of each */
	void *context;
};
/*
 * audit_scan_names - events, names and segments from the segment that holds @from_sequence on (0: all), structure checked but
 * chain not verified. Statuses as audit_scan_since.
 */
enum bl_status audit_scan_names(int log_fd, uint64_t from_sequence,
				const struct audit_listener *listener,
				struct bl_error *why) BL_MUST_CHECK;

/* audit_segment_key - LK out of a segment's slots, by an auditor's pair. BL_OK, BL_NOT_FOUND (no slot), BL_TAMPERED */
enum bl_status audit_segment_key(const uint8_t *slots, size_t auditor_count,
				 const uint8_t secret[AUDIT_KEY],
				 uint8_t out_lk[AUDIT_KEY]) BL_MUST_CHECK;
/* audit_name_key - K: what opens the names of one device in one segment. The daemon has LN, the auditor LK. */
void audit_name_key(const uint8_t log_names_key[VAULT_KEY], const uint8_t log_id[AUDIT_LOG_ID],
		    const uint8_t lk[AUDIT_KEY], uint8_t out_key[AUDIT_KEY]);
/* audit_name_open - the text of one part (no NUL added); @out: named->length bytes. BL_OK, BL_TAMPERED */
enum bl_status audit_name_open(const struct audit_named *named, const uint8_t log_id[AUDIT_LOG_ID],
			       const uint8_t key[AUDIT_KEY], char *out,
			       size_t *out_length) BL_MUST_CHECK;

/* audit_log_id - of a log folder. BL_OK, BL_INVALID (not ours), BL_UNSUPPORTED (newer), BL_IO */
enum bl_status audit_log_id(int log_fd, uint8_t out_log_id[AUDIT_LOG_ID],
			    struct bl_error *why) BL_MUST_CHECK;

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

/* audit_torn - does the log end in half a frame, which a crash left and nobody was answered for? Statuses as audit_scan_since's */
enum bl_status audit_torn(int log_fd, bool *out_is_torn, struct bl_error *why) BL_MUST_CHECK;

struct audit_query {
	int64_t uid;		   /* -1: any; UINT32_MAX: the daemon itself */
	const char *device, *rule; /* NULL: any */
	int op, verdict;	   /* -1: any */
	uint64_t view;		   /* 0: any */
	/* 0: any; its AUDIT_VIEW_OPENED matches too, which has that number and cannot carry it */
	uint64_t session;
	int64_t since_unix, until_unix; /* until excluded; INT64_MIN, INT64_MAX: any */
	const uint8_t *token;		/* NULL: any */
	uint64_t last;			/* only the last N that match; 0: all */
	const uint32_t
		*uids; /* one person's, when they have several: any of these; NULL: as `uid` says */
	size_t uid_count;
	uint64_t policy_serial;			/* 0: any */
	uint64_t first_sequence, last_sequence; /* none before and behind these; 0: any */
};
bool audit_query_matches(const struct audit_query *query, const struct audit_record *record);

/* One line for people / one JSON object and newline. Control characters never pass. */
void audit_print(FILE *out, const struct audit_record *record);
void audit_print_json(FILE *out, const struct audit_record *record);

/* ---- anchors: checkpoints where whoever holds the store cannot change them ---------------------- */

struct anchors;

/*
 * anchors_open - make ready to put checkpoints into each of @targets, from one thread of its own
 *
 * A target is
 *   DIR                a folder on another medium: appended, synced, to DIR/<log id>.anchors
 *   syslog:[SOCKET]    RFC 5424 to a Unix socket, datagram or stream; /dev/log
 *   command:COMMAND    /bin/sh -c COMMAND with one note as its standard input; taken when it ends with 0 within 30 s
 *
 * @store_fd  no folder inside the store is taken; one on the same medium is told in its state
 *
 * BL_OK, BL_INVALID (no such kind, not a folder, in the store, readable file of somebody else), BL_IO, BL_NO_MEMORY.
 */
enum bl_status anchors_open(const char *const *targets, size_t count, int store_fd,
			    struct anchors **out_anchors, struct bl_error *why) BL_MUST_CHECK;
/* anchors_close - puts what waits, for at most 5 s, and ends the thread */
void anchors_close(struct anchors *anchors);
BL_DEFINE_CLEANUP(struct anchors, anchors_close)
/* anchors_put - hand a note over; returns at once. While a target is slow only the newest waits for it. */
void anchors_put(struct anchors *anchors, const struct audit_checkpoint_note *note);

struct anchor_state {
	const char *target;  /* borrowed */
	uint64_t sequence;   /* of the newest that it took; 0: none yet */
	int64_t realtime_s;  /* of that note */
	int64_t boottime_ns; /* when that note was made */
	bool is_same_medium; /* as the store */
	char trouble[160];   /* "": the last one was taken */
};
size_t anchors_count(const struct anchors *anchors);
void anchors_state(const struct anchors *anchors, size_t index, struct anchor_state *out);
/* anchors_newest - of all targets; false: none was taken yet */
bool anchors_newest(const struct anchors *anchors, struct anchor_state *out);
/*
 * anchors_known - the newest record of this log that a folder among the targets has a signed note of; 0: none. What cannot be read or is
 * not signed counts for nothing: whoever may write there could keep every log from being opened.
 */
uint64_t anchors_known(const struct anchors *anchors, const uint8_t log_id[AUDIT_LOG_ID],
		       const uint8_t public_key[VAULT_PUBLIC_KEY]);
/* anchors_on_change - told from the anchors' thread whenever a note was taken or not */
void anchors_on_change(struct anchors *anchors, void (*changed)(void *context), void *context);

/* ---- exports: records for other people's tools (docs/exports.md) --------------------------------- */

enum audit_export {
	AUDIT_EXPORT_JSONL, /* one JSON object a line: audit_print_json's, with "path" and "reason" */
	AUDIT_EXPORT_OCSF,    /* the same, as OCSF 1.1.0 File System Activity (class 1001) */
	AUDIT_EXPORT_RFC5424, /* one syslog message a line */
};
bool audit_export_parse(const char *name, enum audit_export *out); /* "jsonl" "ocsf" "rfc5424" */

struct audit_exporting {
	enum audit_export format;
	const char *host;   /* where the log was written; NULL or "": not known */
	const char *log_id; /* hex; NULL or "": not known */
};
/*
 * audit_export - one record as one line
 *
 * @name    the path as it lies in the image, any bytes, may be NULL: then the token stands for it
 * @reason  any bytes, may be NULL
 *
 * Whatever the texts hold, a line is valid UTF-8 without control characters, format controls (directions among them) and separators of
 * lines and paragraphs: those, and bytes that are no UTF-8, are told as \xNN. Errors are left in @out (ferror). When there is no memory
 * a line of JSON Lines has the token only.
 */
void audit_export(FILE *out, const struct audit_exporting *how, const struct audit_record *record,
		  const char *name, size_t name_length, const char *reason, size_t reason_length);

#endif
