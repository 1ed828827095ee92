/* sessions.h - sealed sessions as the daemon sees them: a view whose mount lies in a sealed place, and a broker for its screen
 *
 * docs/sessions.md. fs/session launches and relays; the gate decides and counts; here they are joined.
 */
#ifndef FS_DAEMON_SESSIONS_H
#define FS_DAEMON_SESSIONS_H

#include "fs/session/session.h"
#include "policy/base.h"
#include "policy/rules/rules.h"

struct daemon;
struct view;

/* One bailee-session, counted: the daemon's for the policy in force, and one for each of its sessions. */
struct zygote;
struct sessions;

/* sessions_new - NULL: no memory. sessions_free: every session has ended */
struct sessions *sessions_new(struct daemon *daemon);
void sessions_free(struct sessions *sessions);

/* sessions_obey - @policy is in force: have its viewers ready before somebody asks, if it speaks of sessions. Never fails: who asks is told. */
void sessions_obey(struct sessions *sessions, const struct policy *policy);
/*
 * sessions_zygote - a bailee-session whose tree is built for the viewers of @policy; sessions_put gives it back
 *
 * @out_missing  LAUNCH_TEXT bytes: which of them this host does not have, with spaces between
 * BL_OK, BL_UNSUPPORTED (not here: why and what to do), BL_FAILED, BL_TIMED_OUT.
 */
enum bl_status sessions_zygote(struct sessions *sessions, const struct policy *policy,
			       struct zygote **out_zygote, char *out_missing,
			       struct bl_error *why) BL_MUST_CHECK;
void sessions_put(struct sessions *sessions, struct zygote *zygote);

/* What `bailee view` asked for, checked. */
struct session_request {
	struct zygote *zygote; /* the caller's, until it is launched (then NULL) */
	int client_fd;	       /* the broker's end: the same (then -1) */
	struct launch_request launch;
	struct screen_size size;
	char viewer[64];
	int64_t idle_seconds, total_seconds;
	bool is_proc_visible; /* and the policy accepts it */
};

/*
 * session_place - the sealed place of @view, up to its mount; view->place holds it
 * session_begin - its mount is served: first screen, and all that follows
 * session_cut   - it is over, and why: nothing of it runs when this returns. Of any view: one that is no session, or not yet, is left alone
 * session_stops - serve is about to stop: it is not called any more when this returns
 * session_gone  - the last step: its broker ends, what it held is given back. serve has stopped
 */
enum bl_status session_place(struct view *view, struct session_request *request, int *out_fuse_fd,
			     struct bl_error *why) BL_MUST_CHECK;
enum bl_status session_begin(struct view *view, struct session_request *request,
			     struct bl_error *why) BL_MUST_CHECK;
void session_cut(struct view *view, const char *text);
void session_stops(struct view *view);
void session_gone(struct view *view);

/* session_look - how it goes; of one that is not there yet: nothing so far. views_lock is held */
void session_look(const struct view *view, struct session_state *out);

/* For serve_options of a session's mount: what it may see has changed; its connection has ended. */
void session_changed(void *context);
void session_unserved(void *context);

#endif
