/* state.h - the daemon from inside: what its files share. Private to fs/daemon. */
#ifndef FS_DAEMON_STATE_H
#define FS_DAEMON_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "fs/audit/audit.h"
#include "fs/daemon/daemon.h"
#include "fs/daemon/sessions.h"
#include "fs/device/device.h"
#include "fs/gate/gate.h"
#include "fs/retention/clock.h"
#include "fs/retention/retention.h"
#include "fs/serve/serve.h"
#include "policy/rules/rules.h"

#define PURPOSE_LIMIT 64
#define PATH_LIMIT    4096
/* A view has some threads, descriptors and buffers: nobody takes those of the log or of others. */
#define VIEWS_LIMIT	  256
#define VIEWS_PER_UID	  16
#define RULE_MANY_VIEWS	  "builtin/too-many-views"
#define RULE_MANY_INTAKES "builtin/too-many-intakes"
#define RULE_KERNEL	  "builtin/leaking-kernel"
#define RULE_STORE_OWNER  "builtin/store-owner"

struct view {
	struct daemon *daemon;
	uint64_t number;
	uid_t uid;
	char purpose[PURPOSE_LIMIT]; /* "" : none */
	char path[PATH_LIMIT];
	int64_t since_unix;
	bool is_monitored; /* mounted by the monitor, which has to unmount it */
	atomic_bool has_ended;
	struct gate_view *gate_view;
	struct serve *serve;
	struct view *next;

	/* Of a sealed session (sessions.c). */
	char device[BL_DEVICE_ID_SIZE], viewer[64]; /* "": an open mount */
	struct place *place;			    /* NULL: an open mount */
	pthread_mutex_t place_lock;
	uint64_t shown_counted; /* bytes; its broker's */
};

/* Which file it is, and who can write into it. */
struct policy_identity {
	uint64_t device, inode;
	uint32_t mode, owner;
};

struct message_fds;

struct daemon {
	const struct daemon_options *options;
	struct device_store *store;
	struct clock *clock; /* trusted time */
	struct audit *audit;
	struct sealed_hot *hot;
	struct gate *gate;
	uid_t owner;		      /* the uid we run as: owns the store */
	char reader_path[PATH_LIMIT]; /* bailee-reader; borrowed by the gate */
	char host[256];		      /* this machine's name, lower case; borrowed by the gate */

	/* What this kernel was found to do with views, before there were threads; kernel.c */
	char kernel_words[SERVE_KERNEL_WORDS]; /* "": nobody looked (solo) */
	char kernel_trouble[sizeof(
		((struct bl_error *)0)->text)]; /* no view is opened; "": one may */

	int monitor_fd; /* -1: solo */
	pthread_mutex_t monitor_lock;

	int wake_fd; /* eventfd: something for the main thread */
	int signal_fd;
	int listen_fd;
	int watch_fd; /* inotify on the folders of --policy; -1: none */
	char policy_real
		[PATH_LIMIT]; /* where --policy led when it was last looked at; the main thread's */
	atomic_bool is_stopping;
	atomic_bool is_log_broken;
	atomic_bool has_latched; /* since the main loop ended the views for it */

	/* The log's anchors, and the thread that keeps them younger than the policy wants. */
	struct anchors *anchors;	     /* NULL: none */
	atomic_int_fast64_t anchor_every_ns; /* 0: the policy does not ask */
	atomic_bool is_unanchored;	     /* contents are closed for it */
	pthread_mutex_t contents_lock;	     /* log_refresh */
	pthread_t fresh;
	bool has_fresh;
	pthread_mutex_t fresh_lock;
	pthread_cond_t fresh_wake;

	struct sessions *sessions;
	struct log_index *log_index; /* log-index.h */

	pthread_mutex_t views_lock;
	struct view *views;
	struct view *opening; /* not there yet, but counted */
	/* Whoever reaps waits for what is under way in a view, which may be a reader that hangs: so it is nobody who is waited for. */
	pthread_t reaper;
	bool has_reaper;
	int reap_fd; /* eventfd: a view has ended, or nobody is to reap any more */
	atomic_bool is_reaped_no_more;

	/* One policy load, hold or enrolment at a time: they decide on what the others change. Never held for long. */
	pthread_mutex_t life_lock;
	/* One pass over what is due at a time. It may take hours, and a hold has to come in between: the store itself sees to it
	 * that a device is either held or being destroyed. */
	pthread_mutex_t shred_lock;

	/* How the last attempts to load a policy went; under life_lock. */
	char policy_trouble[sizeof(((struct bl_error *)0)->text)]; /* "" : the last one went well */
	int64_t policy_trouble_unix;
	uint64_t policy_loads, policy_refusals;
	struct policy_identity policy_seen; /* the file as it was last read */
	uint8_t policy_seen_digest[32];	    /* of its bytes and its signature */

	pthread_t keeper;
	bool has_keeper;
	int64_t notices_unix; /* none before then, trusted time: the last could not be kept; its thread's */
	int keeper_wake_fd, keeper_timer_fd; /* eventfd: it has work; timerfd of its next date */
	pthread_mutex_t keeper_lock;
	/* What stood in the way of the last pass; "": nothing. Under keeper_lock. */
	char shred_trouble[sizeof(((struct bl_error *)0)->text)];

	pthread_mutex_t connections_lock;
	pthread_cond_t connections_gone;
	struct connection *connections;
};

/* Who sent a request, as the kernel says. */
struct peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

/*
 * Two times (docs/retention.md, "Trusted time"), in seconds since 1970: daemon_now decides on access, and is never behind; daemon_trusted
 * starts dates and destroys.
 */
int64_t daemon_now(void *daemon);
int64_t daemon_trusted(const struct daemon *daemon);
struct retention_now daemon_times(const struct daemon *daemon);

/* ---- paths.c ---------------------------------------------------------------------------------- */

/* path_is_inside - is the folder @above_fd, or anywhere below it? What cannot be told is taken as being so */
bool path_is_inside(int folder_fd, int above_fd);
/* path_open_folder - of an open file, by the path that it was opened by; -1: none */
int path_open_folder(int fd);

/* ---- log.c ------------------------------------------------------------------------------------ */

/* Anchors and log; the log is made on first use, and its kit left in the store. */
enum bl_status log_open(struct daemon *daemon, struct bl_error *why) BL_MUST_CHECK;
/* log_start - once requests are about to be answered; log_stop - before anything that they use goes; log_close - at last */
enum bl_status log_start(struct daemon *daemon, struct bl_error *why) BL_MUST_CHECK;
void log_stop(struct daemon *daemon);
void log_close(struct daemon *daemon);
/*
 * log_append - audit_append with the reason that was given for it: people may name anybody in one, so the log has it for auditors
 * only, under the key of the event's device or the store's
 *
 * @reason  NULL or "": none
 */
enum bl_status log_append(struct daemon *daemon, const struct audit_event *event,
			  const char *reason, struct bl_error *why) BL_MUST_CHECK;
/* log_obey - durability, span of the anchors and digest are this policy's from now on */
void log_obey(struct daemon *daemon, const struct policy *policy);
/* log_refresh - open or close contents by the age of the newest anchor; when to look again (CLOCK_BOOTTIME ns) */
int64_t log_refresh(struct daemon *daemon);
/* log_unlatch - as audit_unlatch, and everything is served again */
enum bl_status log_unlatch(struct daemon *daemon, const struct audit_event *event,
			   struct bl_error *why) BL_MUST_CHECK;
/* log_trim - remove what is older than `audit: keep`; the keeper's */
void log_trim(struct daemon *daemon);

/* ---- policy.c ---------------------------------------------------------------------------------- */

/* At start: --policy, else the last good one, else (solo) the built-in one; never an empty one. */
enum bl_status policy_first(struct daemon *daemon, struct bl_error *why) BL_MUST_CHECK;
/* A policy as it comes in. */
struct policy_text {
	const char *bytes;
	size_t length;
	const char *signature; /* the text of a .minisig; NULL: none came with it */
	const char *name;      /* of its file, for messages; NULL: it came without */
	const char *reason;    /* why it is put in force, for auditors; NULL: none was given */
};
/*
 * A new one: signature where the store trusts keys, check, its own tests, serial; durable event; in force. The old one
 * stays on any failure.
 */
enum bl_status policy_replace(struct daemon *daemon, const struct policy_text *text,
			      const struct peer *peer, struct bl_error *why) BL_MUST_CHECK;

/* policy_parse - one that is not put in force: checked, and its own tests run. @out_policy: policy_unref */
enum bl_status policy_parse(const char *bytes, size_t length, struct policy **out_policy,
			    struct bl_error *why) BL_MUST_CHECK;

/* A file that could not even be read: told in status and in the log. */
void policy_refused(struct daemon *daemon, const struct bl_error *why);

/* ---- policy-kept.c ------------------------------------------------------------------------------ */

/* policy_told_digest - of the policy that an event AUDIT_POLICY_LOADED tells of; false: it tells of none */
bool policy_told_digest(const struct audit_event *event, uint8_t out_digest[DEVICE_DIGEST]);
/* policy_forget_old - what was kept of policies whose loading no event tells of any more; after parts of the log were removed */
void policy_forget_old(struct daemon *daemon);

/* ---- policy-file.c ------------------------------------------------------------------------------ */

/* --policy, with FILE.minisig beside it when there is one. BL_INVALID when the daemon has no --policy. */
enum bl_status policy_load_file(struct daemon *daemon, const struct peer *peer, const char *reason,
				struct bl_error *why) BL_MUST_CHECK;
/* SIGHUP: load it and say on stderr what came of it. */
void policy_reload(struct daemon *daemon);
/* The same after a save: the very policy that is in force, signature and all, is no event. */
void policy_file_changed(struct daemon *daemon);

/* ---- policy-watch.c ------------------------------------------------------------------------------ */

/* From now on the folder of --policy is watched: saving the file is enough. Failing to watch is told, not fatal. */
void policy_watch(struct daemon *daemon);
/* Something happened in that folder: load the file if it is another one now. */
void policy_watched(struct daemon *daemon);

/* ---- policy-trust.c ------------------------------------------------------------------------------ */

/* Is @text signed as this store wants it? BL_OK (also when no key is trusted), BL_NOT_VERIFIED, BL_INVALID */
enum bl_status trust_check(struct daemon *daemon, const struct policy_text *text,
			   struct bl_error *why) BL_MUST_CHECK;
/* One more key; @signature must be one of the policy in force by it, so that nobody locks themselves out. */
enum bl_status trust_add(struct daemon *daemon, const char *key, const char *signature,
			 struct bl_error *why) BL_MUST_CHECK;

/* ---- caller.c ---------------------------------------------------------------------------------- */

struct may_question {
	enum bl_action action;
	const char *device;  /* id; NULL: none */
	const char *purpose; /* NULL: none */
	bool has_reason;
};
/*
 * may         - does the policy, or owning the store, let this peer do it?
 * may_by_role - does the policy, whoever owns the store?
 *
 * @out_rule  BL_RULE_ID_SIZE bytes: what decided, for the event
 * BL_OK, BL_FORBIDDEN or BL_ASK with rule and next step in @why, BL_IO (who it is could not be told).
 */
enum bl_status may(struct daemon *daemon, const struct peer *peer, const struct may_question *asked,
		   char *out_rule, struct bl_error *why) BL_MUST_CHECK;
enum bl_status may_by_role(struct daemon *daemon, const struct peer *peer,
			   const struct may_question *asked, char *out_rule,
			   struct bl_error *why) BL_MUST_CHECK;
/* knows - may this peer list something of the device? The store's owner knows all. */
bool knows(struct daemon *daemon, const struct peer *peer, const struct may_question *asked);
/*
 * may_take_in - the same of `intake` and a device that is not there yet: nothing is on record of it but what it is said to be
 */
enum bl_status may_take_in(struct daemon *daemon, const struct peer *peer,
			   const struct may_question *asked, enum bl_device_kind kind,
			   char *out_rule, struct bl_error *why) BL_MUST_CHECK;
/* lapsed_roles - of the peer, "," between; "" when none or not known; owned by the caller; NULL: no memory */
char *lapsed_roles(struct daemon *daemon, const struct peer *peer);
/* caller_told - who that is by the policy in force, and the roles that count now, "," between; both owned by the caller (free), also on failure */
enum bl_status caller_told(struct daemon *daemon, uid_t uid, char **out_person,
			   char **out_roles) BL_MUST_CHECK;
/* has_role - BL_OK when the peer holds at least one role that counts now; BL_FORBIDDEN */
enum bl_status has_role(struct daemon *daemon, const struct peer *peer,
			struct bl_error *why) BL_MUST_CHECK;

/* An event by @peer (NULL: the daemon itself), filled as far as a peer goes. */
struct audit_event event_by(struct daemon *daemon, const struct peer *peer, enum audit_op op);

/* ---- views.c ----------------------------------------------------------------------------------- */

struct view_request {
	struct gate_view_request gate;
	int mountpoint_fd; /* O_PATH, borrowed; -1: solo, mount on @path ourselves */
	const char *path;
	struct session_request
		*session; /* sealed: neither of them is looked at. NULL: an open mount */
};

enum bl_status views_open(struct daemon *daemon, const struct view_request *request,
			  uint64_t *out_number, struct bl_error *why) BL_MUST_CHECK;
/* Close by number, or by path when @number is 0; only those of @uid unless it owns the store. BL_NOT_FOUND. */
enum bl_status views_close(struct daemon *daemon, uint64_t number, const char *path, uid_t uid,
			   struct bl_error *why) BL_MUST_CHECK;
/* views_end_session - a sealed session, by its number; of @uid's own unless @may_any. @text: what its person is told. BL_NOT_FOUND */
enum bl_status views_end_session(struct daemon *daemon, uint64_t number, bool may_any, uid_t uid,
				 const char *text, struct bl_error *why) BL_MUST_CHECK;
/* views_start - from now on those that end are reaped, and the main thread is woken. views_ended - one has; any thread */
enum bl_status views_start(struct daemon *daemon, struct bl_error *why) BL_MUST_CHECK;
void views_ended(struct daemon *daemon);
void views_close_all(struct daemon *daemon); /* and none is reaped any more */
void views_abort_all(struct daemon *daemon); /* the log is broken: cut every connection, at once */
bool views_any(struct daemon *daemon);
/* Wait, a second at most, until no kernel keeps what a view has lost: whoever changed something is answered then. */
void views_settle(struct daemon *daemon);

/* ---- keeper.c ---------------------------------------------------------------------------------- */

enum bl_status keeper_start(struct daemon *daemon, struct bl_error *why) BL_MUST_CHECK;
void keeper_wake(struct daemon *daemon);
/* keeper_looked - wakes the keeper: for gate_config.looked. keeper_keep_looks - write down who looked; life_lock is held. */
void keeper_looked(void *context);
void keeper_keep_looks(struct daemon *daemon);
void keeper_stop(struct daemon *daemon);
/*
 * keeper_close_due - end all access to what is due by the policy in force
 *
 * Destroys nothing, so it is quick; life_lock is held by the caller. The first failure in @why; all are tried.
 */
enum bl_status keeper_close_due(struct daemon *daemon, struct bl_error *why) BL_MUST_CHECK;
/* keeper_settle - the same of one device whose date may be another now: closed when it is due, opened again when it is not any more */
enum bl_status keeper_settle(struct daemon *daemon, const char *id,
			     struct bl_error *why) BL_MUST_CHECK;
/*
 * keeper_pass - close what is due and destroy what was given to us to destroy
 *
 * @on_step may be NULL. @out_shredded counts; a device that could not be destroyed is told in @why (the first one)
 * and by BL_IO or its status, the others are done all the same.
 */
enum bl_status keeper_pass(struct daemon *daemon, const struct peer *peer,
			   void (*on_step)(void *context, const char *device,
					   enum retention_step step),
			   void *context, size_t *out_shredded, struct bl_error *why) BL_MUST_CHECK;

/* ---- calendar.c -------------------------------------------------------------------------------- */

/* The wall clock as the kernel has it: for waits, and for what is told beside trusted time. */
int64_t daemon_wall(void);
/* calendar_clock - look at the clocks; what parts them is told, in the log and on stderr */
void calendar_clock(struct daemon *daemon);
/* calendar_notices - tell of every date whose notice has begun, once */
void calendar_notices(struct daemon *daemon);
/* calendar_restored - tell of the holds that stand again since the store was opened; once, when the log is open */
void calendar_restored(struct daemon *daemon);
/*
 * calendar_reopen - what is due no more (another policy, a consent granted again) is what it was before; life_lock is held
 *
 * Not what is being destroyed. The first failure in @why; all are tried.
 */
enum bl_status calendar_reopen(struct daemon *daemon, const struct policy *policy,
			       struct bl_error *why) BL_MUST_CHECK;
/* calendar_reopen_device - the same of one, by its plan: nothing where it is not due, or still */
enum bl_status calendar_reopen_device(struct daemon *daemon, const struct device *device,
				      const struct retention_plan *plan,
				      struct bl_error *why) BL_MUST_CHECK;
/* calendar_grace - @newer takes the place of @older (NULL: there was none): what it makes due gets its grace */
enum bl_status calendar_grace(struct daemon *daemon, const struct policy *older,
			      const struct policy *newer, struct bl_error *why) BL_MUST_CHECK;

/* ---- request-incident.c ------------------------------------------------------------------------ */

/* incidents_refreeze - an open incident that a crash left without its hold gets it; at start, before anything is destroyed */
void incidents_refreeze(struct daemon *daemon);

/* ---- control.c, requests.c --------------------------------------------------------------------- */

enum bl_status control_listen(struct daemon *daemon, struct bl_error *why) BL_MUST_CHECK;
void control_accept(struct daemon *daemon);
enum seat { SEAT_REQUEST, SEAT_INTAKE, SEAT_FOLLOW };
/*
 * control_take_seat - the connection @fd does something long from now on, and takes no seat of the others; control_leave_seat is due
 *
 * BL_FORBIDDEN: too many of its kind are under way.
 */
enum bl_status control_take_seat(struct daemon *daemon, int fd, enum seat seat,
				 struct bl_error *why) BL_MUST_CHECK;
void control_leave_seat(struct daemon *daemon, int fd);
void control_stop(struct daemon *daemon); /* no new connections; waits for those under way */

/* request_answer - carry one request out and send its answers; false when the connection should end */
bool request_answer(struct daemon *daemon, const struct peer *peer, int fd, const json_t *request,
		    const struct message_fds *fds);

#endif
