/* gate.h - the only doorway from contents to a person: decide, read, detect, mask, audit
 *
 * Devices (their images, trees and spans) are shared by all views; what a view shows is its own. Every request below
 * ends in exactly one reply, given only after its event is durable: gate_reply.done runs on a notifier thread of the log.
 * On an open mount contents need `copy`, and an original is shown only where a permit of copy with approvals is met and `unmask` of its
 * class is permitted. In a sealed session (docs/sessions.md) contents need `read`, and an original `unmask`.
 */
#ifndef FS_GATE_GATE_H
#define FS_GATE_GATE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "fs/audit/audit.h"
#include "fs/device/device.h"
#include "fs/image/image.h"
#include "policy/base.h"
#include "policy/rules/rules.h"

struct gate;

struct gate_config {
	struct device_store *store;	    /* borrowed for the gate's life */
	struct audit *audit;		    /* borrowed */
	const char *reader_path;	    /* bailee-reader */
	int64_t (*now_unix)(void *context); /* trusted time */
	void *clock_context;
	struct sealed_hot
		*hot; /* decrypted chunks of sealed images; borrowed. NULL: they cannot be opened */
	bool is_solo; /* said in every view's events: the viewer owns the store */
	const char *host; /* this machine's name, lower case, for `where`; NULL: no workplace */
	/* Told from any thread when a device is looked into that was not for an hour: gate_each_look has something. May be NULL. */
	void (*looked)(void *context);
	void *looked_context;
};

enum bl_status gate_new(const struct gate_config *config, struct gate **out_gate,
			struct bl_error *why) BL_MUST_CHECK;
void gate_free(struct gate *gate); /* every view is closed already */
BL_DEFINE_CLEANUP(struct gate, gate_free)

/*
 * gate_set_policy - a new policy in force (pinned by the gate). Every view decides again: handles that lost
 * their permit answer ESTALE, and the view's `changed` is called. The event (AUDIT_POLICY_LOADED) is the caller's.
 */
void gate_set_policy(struct gate *gate, const struct policy *policy);
struct policy *gate_policy(struct gate *gate); /* counted: policy_unref */

/*
 * gate_device_changed - a device was enrolled, held, released, became due or was shredded: read it again from the store
 * and let every view decide again. A device that is due or being shredded gives no content and no names from now on.
 */
void gate_device_changed(struct gate *gate, const char *id);
/* gate_device_drop - close its image and wipe its trees, spans and keys (before a shred, after closing access) */
void gate_device_drop(struct gate *gate, const char *id);
/* gate_device_renew - both: what is looked for in it has changed. To whoever asks a question meanwhile it is there */
void gate_device_renew(struct gate *gate, const char *id);
/*
 * gate_contents - are contents shown at all? Not while the newest anchor of the log is older than the policy wants: opens and reads
 * are refused by "builtin/not-anchored" then, and no kernel keeps what it had. At first they are.
 */
void gate_contents(struct gate *gate, bool are_shown);
/* gate_tick - time has passed: views whose subject is no longer valid decide again. Returns the next instant, unix. */
int64_t gate_tick(struct gate *gate, int64_t now_unix);

/*
 * gate_recount - what every person has used up since the start of today, and who looked into what, from the log; once,
 *                before the first view and with a policy
 *
 * Limits survive a restart and a crash because every counted event is durable before its answer.
 * BL_OK, BL_IO, BL_TAMPERED, BL_NO_MEMORY.
 */
enum bl_status gate_recount(struct gate *gate, int log_fd, struct bl_error *why) BL_MUST_CHECK;

/*
 * gate_each_look - every device that was looked into since it was last kept, by somebody who may neither review nor administer
 *
 * A look is a permitted open of contents, or a listing within the device. @keep writes it down (device_opened); false: it is told
 * again. One thread at a time; no lock is held.
 */
typedef bool gate_look_fn(void *context, const char *device, int64_t at_unix);
void gate_each_look(struct gate *gate, gate_look_fn *keep, void *context);

/*
 * gate_nobody - the uid that is nobody whatever a policy says: the kernel's overflow uid, as whom it shows people of other user
 * namespaces; (uid_t)-1 where the one user of a solo store is that account
 */
uid_t gate_nobody(const struct gate *gate);

/* gate_refresh_people - ask NSS again who the persons of all views and approvals are. Blocks; call it before gate_set_policy. */
void gate_refresh_people(struct gate *gate);

/* ---- questions: what the daemon decides for its requests, by the same facts ----------------------- */

struct gate_question {
	uid_t uid;
	gid_t gid;
	const char *purpose;
	bool has_reason;
	enum bl_action action;
	unsigned class;	    /* of unmask */
	const char *device; /* NULL: none */
};
/*
 * gate_ask - may this person do that? By the policy in force, with the device's consent, checks, approvals, and limits
 *
 * @out_rule  BL_RULE_ID_SIZE bytes: what decided
 * BL_OK, BL_FORBIDDEN or BL_ASK (rule and next step in @why), BL_WITHHELD, BL_NOT_FOUND (no such device), BL_IO (NSS).
 */
enum bl_status gate_ask(struct gate *gate, const struct gate_question *question, char *out_rule,
			struct bl_error *why) BL_MUST_CHECK;

/*
 * gate_knows - may this person list the device, or something in it, or would they but for a limit? Whoever may not is told
 * nothing that a device which is not there would not be told of. @question->action is not looked at.
 */
bool gate_knows(struct gate *gate, const struct gate_question *question);

/*
 * gate_may - what a person may do with each device that they may list, and beside devices
 *
 * One call per device and action that is not simply forbidden by default; @device NULL: an action without one. Tells nothing
 * of devices that they may not list.
 */
struct gate_may_line {
	const char *device;
	enum bl_action action;
	const char *outcome; /* "permit", "ask", "forbid", "withhold" */
	const char *rule;
	const char *text;   /* rules_say */
	int64_t until_unix; /* of a permit; INT64_MAX: no end in sight */
	const char *limits; /* "12 of 200 files this hour", "; " between; "" : none */
};
typedef bool gate_may_fn(void *context, const struct gate_may_line *line);
enum bl_status gate_may(struct gate *gate, uid_t uid, gid_t gid, const char *purpose,
			bool has_reason, gate_may_fn *tell, void *context,
			struct bl_error *why) BL_MUST_CHECK;

/* ---- views ------------------------------------------------------------------------------------- */

struct gate_view;

struct gate_view_request {
	uid_t uid; /* of the person: requests of any other uid are refused */
	gid_t gid;
	uint32_t login_uid;  /* UINT32_MAX: unset */
	uint32_t pid;	     /* of the client that asked */
	const char *purpose; /* NULL: none */
	const char *
		reason; /* NULL: none; the log has it for auditors only, and says whether one was given */
	/*
	 * Of a sealed session: the one device that it shows (its id), and the uid that its processes have inside, as the kernel says it of
	 * requests of its mount. Callers of any other uid, and those that the mount's pid namespace does not know (pid 0), are refused. NULL:
	 * an open mount.
	 */
	const char *session_device;
	uint32_t inside_uid;
	/* Of a mount of one's own: the ids of the devices it was asked for, copied; all others are not there. NULL: every device. */
	char (*devices)[BL_DEVICE_ID_SIZE];
	size_t device_count;
};

/* Told from any thread when what the view may see has changed; serve then invalidates what the kernel keeps. */
typedef void gate_changed_fn(void *context);

/*
 * gate_view_open - resolve the person (NSS, once), decide, log AUDIT_VIEW_OPENED (durable), give the view
 *
 * BL_OK, BL_FORBIDDEN (this person may list nothing at all: rule and next step in @why), BL_LOG_BROKEN, BL_NO_MEMORY.
 * Of a session also BL_NOT_FOUND (no such device, or not for them: in the words of gate_ask), BL_ASK, BL_WITHHELD.
 */
enum bl_status gate_view_open(struct gate *gate, const struct gate_view_request *request,
			      struct gate_view **out_view, struct bl_error *why) BL_MUST_CHECK;
/* gate_view_close - logs AUDIT_VIEW_CLOSED; no request is under way any more */
void gate_view_close(struct gate_view *view);
void gate_view_on_change(struct gate_view *view, gate_changed_fn *changed, void *context);
/* gate_view_is_revoked - the view is over, whatever it may see: serve cuts its connection when `changed` tells */
bool gate_view_is_revoked(const struct gate_view *view);
uint64_t gate_view_number(const struct gate_view *view);
const char *gate_view_person(const struct gate_view *view);
uid_t gate_view_uid(const struct gate_view *view);
gid_t gate_view_gid(const struct gate_view *view);

/* ---- sealed sessions (session.c): docs/sessions.md ----------------------------------------------- */

/* gate_view_session - its number for ever: the sequence number of its AUDIT_VIEW_OPENED. 0: an open mount */
uint64_t gate_view_session(const struct gate_view *view);
/*
 * gate_view_may_read - may its person still read something in the device? Asked whenever the view has changed.
 *
 * Limits of files and unmasks do not end a session: what is open stays readable, and the next open is refused. Any thread that holds no
 * lock of the gate's: a device that is being renewed is waited for. Before a session goes it is asked once more: what changed between its
 * opening and gate_view_on_change was told to nobody.
 *
 * BL_OK; BL_FORBIDDEN, BL_ASK, BL_WITHHELD with rule and next step in @why; BL_NOT_FOUND (the device is gone, or closed to everybody),
 * BL_LOG_BROKEN, BL_NO_MEMORY.
 */
enum bl_status gate_view_may_read(struct gate_view *view, struct bl_error *why) BL_MUST_CHECK;
/*
 * gate_view_count_shown - @bytes are about to be shown: counted against `limits: shown` of the person, over all their sessions, and
 * durable (AUDIT_SHOWN; @counted_so_far goes along) when this returns BL_OK
 *
 * A step of a limit that is reached makes all views of the person decide again; what is over the limit is refused as a whole, also when
 * some of it would not be: never is more shown than the limit. Statuses of gate_view_may_read. Waits for the log.
 */
enum bl_status gate_view_count_shown(struct gate_view *view, uint64_t bytes,
				     uint64_t counted_so_far, struct bl_error *why) BL_MUST_CHECK;
/* gate_view_begun - AUDIT_SESSION_BEGUN, durable; @viewer: its name, of the policy's list */
enum bl_status gate_view_begun(struct gate_view *view, const char *viewer,
			       struct bl_error *why) BL_MUST_CHECK;
/* gate_view_ended - AUDIT_SESSION_ENDED; of @counted bytes only @shown were: the rest is given back. @detail: why, cut to fit; our own words */
void gate_view_ended(struct gate_view *view, uint64_t counted, uint64_t shown, const char *detail);
/*
 * gate_view_terms - what the first screen says of policy: lines of our own words, each "LABEL:", a tab, and what it is
 *
 * Which classes are masked how, which are shown as they are, what no detector finds, limits and how much of them is used ("12 of 200 files this
 * hour"), until when it is permitted. Cut to @size, at a line's end.
 */
void gate_view_terms(struct gate_view *view, char *out, size_t size);
/*
 * gate_view_refused - how often contents were refused in this session so far. Any thread.
 *
 * @out  why, the last time: rule and next step, in words that name nothing in the device; "": never. NULL: not asked for
 */
uint64_t gate_view_refused(struct gate_view *view, char *out, size_t size);

/* ---- requests: what serve translates FUSE into --------------------------------------------------- */

struct gate_caller {
	uint32_t uid, gid, pid;
};

#define GATE_ROOT UINT64_C(1) /* node of the view's root: its entries are device ids */

struct gate_attr {
	uint64_t node;	/* the number to use in later requests: one per path, never used twice */
	uint64_t inode; /* st_ino: the same for every hard link of a file */
	bool has_stat;	/* false: `list` without `stat`; only the type in attr says something */
	struct image_attr
		attr; /* mode without write, suid and sgid bits; uid and gid are the view's */
};

/*
 * One request under way. Embedded by serve in its own request; zeroed, then `done` set, then given to one of the
 * functions below. All of them return at once or after reading; the reply may come before they return.
 */
struct gate_reply {
	void (*done)(struct gate_reply *reply);
	int error;		    /* 0 or a positive errno */
	struct gate_attr attr;	    /* lookup, getattr */
	uint64_t handle;	    /* open, opendir */
	bool may_lend;		    /* in, of a read: see gate_read */
	const uint8_t *bytes;	    /* read, readlink, why: inside the buffer that was given */
	size_t length;		    /* of bytes; readdir: how many entries were added */
	uint64_t offset;	    /* seek */
	uint64_t epoch;		    /* of the view when this was decided: see gate_view_epoch */
	struct audit_ticket ticket; /* the gate's own, with what follows */
	struct gate_view *view;
	struct ahead *lent;
};

/*
 * gate_view_epoch - grows before `changed` is called. A reply whose epoch is older was decided under what no longer
 * holds: what it names must not be kept by the kernel.
 */
uint64_t gate_view_epoch(const struct gate_view *view);

void gate_lookup(struct gate_view *view, const struct gate_caller *caller, uint64_t parent,
		 const char *name, struct gate_reply *reply);
void gate_getattr(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		  struct gate_reply *reply);
void gate_readlink(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		   uint8_t *buffer, size_t size, struct gate_reply *reply);
/* gate_open - decide on contents (copy; in a session read), pin the file. @flags: anything but O_RDONLY is EROFS. */
void gate_open(struct gate_view *view, const struct gate_caller *caller, uint64_t node, int flags,
	       struct gate_reply *reply);
/*
 * gate_read - masked bytes of [@offset, @offset + @size). Allocation-free when the windows' spans are known.
 *
 * @size    at most GATE_READ_LIMIT
 * @room    of @buffer, at least @size; with GATE_READ_ROOM(size) the work is done in place, without a copy. What
 *          lies in @buffer outside reply->bytes is not masked and must not leave the process.
 *
 * With reply->may_lend reply->bytes may lie in a buffer of the gate's, until `done` returns; and this may go on after `done`, with the part
 * that would be read next.
 */
#define GATE_READ_LIMIT	     (1u << 20)
#define GATE_READ_ROOM(size) ((size) + 2 * DETECT_WINDOW + DETECT_LEAD + DETECT_TAIL)
void gate_read(struct gate_view *view, const struct gate_caller *caller, uint64_t handle,
	       uint64_t offset, size_t size, uint8_t *buffer, size_t room,
	       struct gate_reply *reply);
void gate_opendir(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		  struct gate_reply *reply);
/*
 * gate_readdir - entries from cookie @offset on; @add packs one and returns false when the buffer is full
 *
 * @add runs before the event is durable and only fills memory; the reply sends it.
 */
typedef bool gate_add_fn(void *context, const char *name, const struct gate_attr *attr,
			 uint64_t next_offset);
void gate_readdir(struct gate_view *view, const struct gate_caller *caller, uint64_t handle,
		  uint64_t offset, gate_add_fn *add, void *context, struct gate_reply *reply);
/*
 * gate_seek - where data, or a hole, begins next, as lseek(2) tells it; ENXIO: none does
 *
 * Judged like a read, and logged as one of no bytes. Holes are zeros, which no mask changes.
 */
void gate_seek(struct gate_view *view, const struct gate_caller *caller, uint64_t handle,
	       uint64_t offset, bool is_hole, struct gate_reply *reply);
/*
 * gate_xattrs - names of a node's extended attributes, each with its NUL, in reply->bytes; E2BIG: more than a buffer holds
 * gate_xattr  - the value of one; ENODATA: there is none by this name
 *
 * There is always GATE_WHY: what may be done here, what not, which rule, next step. Beside it those of a file of the image that
 * may be shown (docs/serving.md, "Extended attributes"): values are contents, judged, masked and counted as such.
 *
 * @buffer  GATE_XATTR_ROOM bytes; what lies in it outside reply->bytes must not leave the process
 * @size    that whoever asks has room for: when the value is longer, reply->length says so, and bytes is NULL
 */
#define GATE_WHY	"user.bailee.why"
#define GATE_XATTR_ROOM 65536u
void gate_xattrs(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		 uint8_t *buffer, struct gate_reply *reply);
void gate_xattr(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		const char *name, uint8_t *buffer, size_t size, struct gate_reply *reply);
/* gate_why - what GATE_WHY holds */
void gate_why(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
	      uint8_t *buffer, size_t size, struct gate_reply *reply);
void gate_release(struct gate_view *view, uint64_t handle);

/* ---- looking through a whole device (inventory.c): docs/detection.md -------------------------------- */

struct gate_scan_counts {
	uint64_t directories, directories_done; /* known so far; listed */
	uint64_t files, files_done;
	uint64_t bytes, bytes_done; /* of those files; skipped ones are done at once */
	uint64_t looked_bytes;	    /* of these: looked into now, the rest was known already */
	uint64_t skipped;	    /* files that are no text */
	uint64_t
		withheld; /* text, but a part of it is none: masked reads of that part are withheld */
	uint64_t failed; /* files and directories that cannot be read */
	uint64_t
		unreadable; /* partitions that cannot be read, or the image as a whole: nothing of them was looked into */
	uint64_t found[CLASS_LIMIT]; /* values by class; one of two classes counts in both */
	uint64_t names[CLASS_LIMIT]; /* the same in names of files and folders */
	unsigned
		wait_percent; /* who is known on the device is found out first: how far that is; 100: done */
};
enum gate_scanned { SCANNED_WHOLE, SCANNED_PARTLY, SCANNED_SKIPPED, SCANNED_FAILED };
struct gate_scan_file {
	const char *
		path; /* below the device, as a view shows it in which everything is masked by `fill`; no value */
	uint64_t size_bytes;
	enum gate_scanned how; /* PARTLY: some of it is no text */
	const char *reason;    /* of SKIPPED: "a database", "a picture"; static. Else NULL */
	const uint64_t *found; /* CLASS_LIMIT of them */
};
/*
 * gate_scan - look through all files of a device, so that every later look costs a look-up; counts by class, never values
 *
 * Begins where it was ended, and may be ended any time: what is kept already is not looked into again. Names by the policy in force; who may
 * do this is the caller's to ask. Blocks, for hours maybe: not for a thread that holds a lock, or that others wait for.
 *
 * @threads       0: as many as there are processors
 * @is_cancelled  looked at now and then; NULL: never
 * @progress      told about four times a second and at the end. NULL: nobody
 * @file          told of each file in which something was found and of each that could not be looked into, or not wholly. NULL: nobody
 *                Both are told one at a time, from any thread, and may not call the gate.
 *
 * BL_OK; BL_TIMED_OUT (it was cancelled), BL_STALE (the device was dropped, or is looked into in another way from now on: call it
 * again), BL_NOT_FOUND, BL_WITHHELD (nothing of it is shown: due, or being destroyed), BL_IO (its image cannot be opened), BL_NO_MEMORY.
 */
struct gate_scan {
	const char *device;
	unsigned threads;
	const atomic_bool *is_cancelled;
	void (*progress)(void *context, const struct gate_scan_counts *counts);
	void (*file)(void *context, const struct gate_scan_file *file);
	void *context;
};
enum bl_status gate_scan(struct gate *gate, const struct gate_scan *scan,
			 struct gate_scan_counts *out_counts, struct bl_error *why) BL_MUST_CHECK;

/* ---- persons: what NSS says of a uid, resolved once by whoever opens a view or asks ------------- */

struct person;

/*
 * person_lookup - login and group names of @uid
 *
 * A uid without an account is no error: it has no login and no groups, and matches only a key `uid:N`.
 * Blocks on NSS (files, or a directory service): never on a read path.
 * BL_OK, BL_IO (NSS could not tell), BL_TOO_LARGE (more than 1024 groups), BL_NO_MEMORY.
 */
enum bl_status person_lookup(uid_t uid, gid_t gid, struct person **out_person,
			     struct bl_error *why) BL_MUST_CHECK;
void person_free(struct person *person);
BL_DEFINE_CLEANUP(struct person, person_free)

/* The caller as the policy takes it; borrows from @person. */
struct rules_caller person_caller(const struct person *person, uid_t uid);

#endif
