#include "fs/daemon/sessions.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/daemon/monitor.h"
#include "fs/daemon/state.h"
#include "fs/daemon/zygotes.h"

#define WELCOME_SIZE  4096u
#define DYING_SECONDS 2 /* from the end of a mount to that of its process 1 */

struct zygote {
	struct zygote *next;
	size_t users;
	int fd;
	bool is_ready, is_current;
	bool is_awaited;	 /* somebody waits for its tree, and tells the others */
	enum bl_status failed;	 /* its tree could not be built; BL_OK: nobody knows that */
	struct bl_error failure; /* why */
	size_t length;
	char names[ZYGOTES_TEXT];
	char missing[LAUNCH_TEXT];
};

struct sessions {
	struct daemon *daemon;
	struct session_uids *uids;
	pthread_mutex_t lock;
	pthread_cond_t built; /* a tree, or not */
	struct zygote *zygotes;
};

/* ---- bailee-session -------------------------------------------------------------------------------- */

struct sessions *sessions_new(struct daemon *daemon)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return NULL;
	sessions->daemon = daemon;
	sessions->uids = session_uids_new(device_store_fd(daemon->store));
	pthread_mutex_init(&sessions->lock, NULL);
	pthread_cond_init(&sessions->built, NULL);
	if (!sessions->uids) {
		sessions_free(sessions);
		return NULL;
	}
	return sessions;
}

static void zygote_free(struct zygote *zygote)
{
	fd_close(zygote->fd);
	free(zygote);
}

void sessions_free(struct sessions *sessions)
{
	if (!sessions)
		return;
	while (sessions->zygotes) {
		struct zygote *zygote = sessions->zygotes;

		sessions->zygotes = zygote->next;
		zygote_free(zygote);
	}
	session_uids_free(sessions->uids);
	pthread_cond_destroy(&sessions->built);
	pthread_mutex_destroy(&sessions->lock);
	free(sessions);
}

static bool add_names(struct zygote *zygote, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(names[i]) + 1;

		if (size > sizeof(zygote->names) - zygote->length)
			return false;
		memcpy(zygote->names + zygote->length, names[i], size);
		zygote->length += size;
	}
	return true;
}

/* What nobody needs any more ends by itself when its socket is closed. lock is held. */
static void sweep(struct sessions *sessions)
{
	for (struct zygote **link = &sessions->zygotes; *link;) {
		struct zygote *zygote = *link;

		if (zygote->users || zygote->is_current) {
			link = &zygote->next;
			continue;
		}
		*link = zygote->next;
		zygote_free(zygote);
	}
}

/* Killed, say for want of memory: whoever asks it would be told so, and whoever comes next. */
static bool is_gone(const struct zygote *zygote)
{
	struct pollfd polled = {.fd = zygote->fd};

	return poll(&polled, 1, 0) > 0;
}

/* One for the viewers of @policy, which may still be building. lock is held. */
static enum bl_status zygote_for(struct sessions *sessions, const struct rules_sessions *wanted,
				 struct zygote **out_zygote, struct bl_error *why)
{
	struct daemon *daemon = sessions->daemon;
	BL_CLEANUP(bl_free) struct zygote *fresh = calloc(1, sizeof(*fresh));

	if (!fresh)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (!add_names(fresh, wanted->viewers, wanted->viewer_count) ||
	    !add_names(fresh, wanted->interpreters, wanted->interpreter_count))
		return bl_fail(why, BL_TOO_LARGE, "the names of viewers have over %u bytes",
			       ZYGOTES_TEXT);
	for (struct zygote *zygote = sessions->zygotes; zygote; zygote = zygote->next) {
		zygote->is_current &= zygote->length == fresh->length &&
				      memcmp(zygote->names, fresh->names, fresh->length) == 0 &&
				      !is_gone(zygote);
		if (zygote->is_current) {
			*out_zygote = zygote;
			return BL_OK;
		}
	}
	pthread_mutex_lock(&daemon->monitor_lock);
	enum bl_status status =
		monitor_zygote(daemon->monitor_fd, fresh->names, fresh->length, &fresh->fd, why);
	pthread_mutex_unlock(&daemon->monitor_lock);
	if (status != BL_OK)
		return status;
	fresh->is_current = true;
	fresh->next = sessions->zygotes;
	sessions->zygotes = fresh;
	*out_zygote = BL_TAKE(fresh);
	return BL_OK;
}

static enum bl_status check_root(const struct daemon *daemon, struct bl_error *why)
{
	if (daemon->monitor_fd >= 0 && daemon->owner == 0)
		return BL_OK;
	return bl_fail(why, BL_UNSUPPORTED,
		       "no sealed session without root (bailee serve, run by root, has them)");
}

/*
 * Until its tree is built. lock is held, but not while that lasts: a policy, a hold and the end of another session wait for it as well,
 * and must not wait for this.
 */
static enum bl_status await_tree(struct sessions *sessions, struct zygote *zygote,
				 struct bl_error *why)
{
	char missing[LAUNCH_TEXT];

	while (zygote->is_awaited)
		pthread_cond_wait(&sessions->built, &sessions->lock);
	if (zygote->is_ready)
		return BL_OK;
	if (zygote->failed != BL_OK)
		return bl_fail(why, zygote->failed, "%s", zygote->failure.text);
	zygote->is_awaited = true;
	pthread_mutex_unlock(&sessions->lock);

	enum bl_status status = launch_wait_ready(zygote->fd, missing, &zygote->failure);

	pthread_mutex_lock(&sessions->lock);
	zygote->is_awaited = false;
	zygote->is_ready = status == BL_OK;
	zygote->failed = status;
	/* One that cannot build its tree never will; who asks again may find the host mended. */
	if (status == BL_OK)
		memcpy(zygote->missing, missing, LAUNCH_TEXT);
	else
		zygote->is_current = false;
	pthread_cond_broadcast(&sessions->built);
	return status == BL_OK ? status : bl_fail(why, status, "%s", zygote->failure.text);
}

enum bl_status sessions_zygote(struct sessions *sessions, const struct policy *policy,
			       struct zygote **out_zygote, char *out_missing, struct bl_error *why)
{
	struct rules_sessions wanted;
	struct zygote *zygote = NULL;
	enum bl_status status = check_root(sessions->daemon, why);

	if (status != BL_OK)
		return status;
	policy_sessions(policy, &wanted);
	pthread_mutex_lock(&sessions->lock);
	status = zygote_for(sessions, &wanted, &zygote, why);
	if (status == BL_OK) {
		zygote->users++;
		status = await_tree(sessions, zygote, why);
		zygote->users -= status != BL_OK;
	}
	if (status == BL_OK) {
		*out_zygote = zygote;
		memcpy(out_missing, zygote->missing, LAUNCH_TEXT);
	}
	sweep(sessions);
	pthread_mutex_unlock(&sessions->lock);
	return status;
}

void sessions_put(struct sessions *sessions, struct zygote *zygote)
{
	if (!zygote)
		return;
	pthread_mutex_lock(&sessions->lock);
	zygote->users--;
	sweep(sessions);
	pthread_mutex_unlock(&sessions->lock);
}

void sessions_obey(struct sessions *sessions, const struct policy *policy)
{
	struct rules_sessions wanted;
	struct zygote *zygote;

	policy_sessions(policy, &wanted);
	if (!wanted.is_stated || check_root(sessions->daemon, NULL) != BL_OK)
		return;
	pthread_mutex_lock(&sessions->lock);
	(void)!zygote_for(sessions, &wanted, &zygote, NULL);
	sweep(sessions);
	pthread_mutex_unlock(&sessions->lock);
}

/* It does not answer as it should: the next session gets another one. */
static void distrust(struct sessions *sessions, struct zygote *zygote)
{
	pthread_mutex_lock(&sessions->lock);
	zygote->is_current = false;
	pthread_mutex_unlock(&sessions->lock);
}

/* ---- one session ------------------------------------------------------------------------------------ */

struct place {
	struct view *view;
	struct zygote *zygote;
	struct launched launched; /* until the broker has it */
	struct session *session;  /* under view->place_lock, as are the next three */
	struct serve *serve;	  /* of its mount; NULL: not yet, or not any more */
	bool is_cut;
	char cut_text[sizeof(((struct bl_error *)0)->text)];
	int pidfd; /* of process 1: a copy of our own */
};

static void place_free(struct place *place)
{
	launched_done(&place->launched);
	fd_close(place->pidfd);
	sessions_put(place->view->daemon->sessions, place->zygote);
	free(place);
}

enum bl_status session_place(struct view *view, struct session_request *request, int *out_fuse_fd,
			     struct bl_error *why)
{
	struct sessions *sessions = view->daemon->sessions;
	struct place *place = calloc(1, sizeof(*place));

	if (!place)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	place->view = view;
	place->launched = LAUNCHED_NONE;
	place->pidfd = -1;
	place->zygote = BL_TAKE(request->zygote);
	view->place = place;

	enum bl_status status = session_uids_next(sessions->uids, &request->launch.uid, why);

	if (status == BL_OK)
		status = launch_session(place->zygote->fd, &request->launch, &place->launched, why);
	if (status == BL_FAILED || status == BL_TIMED_OUT)
		distrust(sessions, place->zygote);
	if (status != BL_OK)
		return status;
	place->pidfd = fcntl(place->launched.pidfd, F_DUPFD_CLOEXEC, 0);
	if (place->pidfd < 0)
		return bl_fail_errno(why, BL_FAILED, "no descriptor left for a session");
	*out_fuse_fd = fd_take(&place->launched.fuse_fd);
	return BL_OK;
}

/* For whoever has never seen the viewer. */
static const char *keys_of(const char *viewer)
{
	static const struct {
		const char *viewer, *keys;
	} KEYS[] = {
		{"nnn", "Keys:\tarrows move, Enter opens, q comes back and leaves, ? lists all\n"},
		{"less", "Keys:\tspace goes on, / searches, q leaves, h lists all\n"},
		{"mc", "Keys:\tarrows move, F3 opens and closes, F10 leaves\n"},
	};

	for (size_t i = 0; i < BL_COUNT(KEYS); i++)
		if (strcmp(viewer, KEYS[i].viewer) == 0)
			return KEYS[i].keys;
	return "";
}

/*
 * What the person is told before anything is shown. Words of ours and of the policy; what matters most comes first, as a small terminal
 * shows no more.
 */
static void welcome_of(const struct view *view, const struct session_request *request, char *out,
		       size_t size)
{
	char terms[2048], idle[32], total[32];

	gate_view_terms(view->gate_view, terms, sizeof(terms));
	session_span(request->idle_seconds, idle, sizeof(idle));
	session_span(request->total_seconds, total, sizeof(total));
	snprintf(out, size,
		 "Sealed session %llu: device %s, in %s\n\n"
		 "Logged:\tevery name and every file you look at, as %s\n"
		 "%s"
		 "%s"
		 "Copying:\tnothing can be copied out; the last row says whose screen it is\n"
		 "Ends:\tafter %s without a key, after %s in all, and at once when you may no "
		 "longer read this\n"
		 "Refused?\tthe reason stands in /devices/READ ME.txt\n"
		 "%s",
		 (unsigned long long)gate_view_session(view->gate_view), view->device,
		 request->viewer, gate_view_person(view->gate_view), terms,
		 request->is_proc_visible
			 ? "Seen:\tother users of this host can see the names that "
			   "viewers were started with (the policy accepts that)\n"
			 : "",
		 idle, total, keys_of(request->viewer));
}

static enum bl_status on_begin(void *context, struct bl_error *why)
{
	struct view *view = context;

	return gate_view_begun(view->gate_view, view->viewer, why);
}

static enum bl_status on_show(void *context, uint64_t bytes, struct bl_error *why)
{
	struct view *view = context;
	struct bl_error log_why = {{0}};
	enum bl_status status =
		gate_view_count_shown(view->gate_view, bytes, view->shown_counted, &log_why);

	if (status != BL_OK)
		return bl_fail(why, status, "%s", log_why.text);
	view->shown_counted += bytes;
	return BL_OK;
}

static uint64_t on_refused(void *context, char *out, size_t size)
{
	struct view *view = context;

	return gate_view_refused(view->gate_view, out, size);
}

/* Whoever waits inside for an answer does not die before the mount is gone. */
static void on_over(void *context)
{
	struct view *view = context;
	struct place *place = view->place;

	pthread_mutex_lock(&view->place_lock);
	if (place->serve)
		serve_abort(place->serve);
	pthread_mutex_unlock(&view->place_lock);
}

/* The broker's last word. */
static void on_session_end(void *context, const struct session_end *end)
{
	struct view *view = context;

	gate_view_ended(view->gate_view, end->counted, end->shown, end->text);
	atomic_store(&view->has_ended, true);
	views_ended(view->daemon);
}

static enum bl_status broker_start(struct view *view, struct session_request *request,
				   struct bl_error *why)
{
	struct place *place = view->place;
	char welcome[WELCOME_SIZE], mark[SCREEN_MARK];
	struct session_options options = {
		.launched = place->launched,
		.client_fd = fd_take(&request->client_fd),
		.size = request->size,
		.mark = mark,
		.welcome = welcome,
		.idle_seconds = request->idle_seconds,
		.total_seconds = request->total_seconds,
		.begin = on_begin,
		.show = on_show,
		.refused = on_refused,
		.over = on_over,
		.ended = on_session_end,
		.context = view,
	};
	struct session *session = NULL;

	welcome_of(view, request, welcome, sizeof(welcome));
	snprintf(mark, sizeof(mark), "%s  %s  session %llu", gate_view_person(view->gate_view),
		 view->device, (unsigned long long)gate_view_session(view->gate_view));
	place->launched = LAUNCHED_NONE;

	enum bl_status status = session_start(&options, &session, why);

	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&view->place_lock);
	place->session = session;
	/* What ended it before it was there. */
	if (place->is_cut)
		session_end(session, place->cut_text);
	pthread_mutex_unlock(&view->place_lock);
	return BL_OK;
}

enum bl_status session_begin(struct view *view, struct session_request *request,
			     struct bl_error *why)
{
	pthread_mutex_lock(&view->place_lock);
	view->place->serve = view->serve;
	pthread_mutex_unlock(&view->place_lock);

	enum bl_status status = broker_start(view, request, why);

	/* A change between the decision and here found no session to end. */
	if (status == BL_OK)
		session_changed(view);
	return status;
}

void session_cut(struct view *view, const char *text)
{
	struct place *place = view->place;

	if (!place)
		return;
	pthread_mutex_lock(&view->place_lock);
	if (!place->is_cut)
		snprintf(place->cut_text, sizeof(place->cut_text), "%s", text);
	place->is_cut = true;
	if (place->session)
		session_end(place->session, place->cut_text);
	/* At once, too: serve's keeper would wait for who waits inside, and then hold the mount. */
	if (place->serve)
		serve_abort(place->serve);
	pthread_mutex_unlock(&view->place_lock);
}

void session_stops(struct view *view)
{
	if (!view->place)
		return;
	pthread_mutex_lock(&view->place_lock);
	view->place->serve = NULL;
	pthread_mutex_unlock(&view->place_lock);
}

void session_look(const struct view *view, struct session_state *out)
{
	*out = (struct session_state){0};
	if (view->place && view->place->session)
		session_state(view->place->session, out);
}

void session_gone(struct view *view)
{
	struct place *place = view->place;

	if (!place)
		return;
	if (place->session)
		session_stop(place->session, place->cut_text);
	view->place = NULL;
	place_free(place);
}

void session_changed(void *context)
{
	struct view *view = context;
	struct bl_error why = {{0}};

	if (gate_view_may_read(view->gate_view, &why) != BL_OK)
		session_cut(view, why.text);
}

/*
 * Its connection has ended. Mostly since process 1 did, whose pidfd tells so in a moment: then the broker knows why. One that lives
 * on would look at nothing.
 */
void session_unserved(void *context)
{
	struct view *view = context;
	struct pollfd dying = {.fd = view->place->pidfd, .events = POLLIN};

	if (gate_view_is_revoked(view->gate_view))
		session_cut(view,
			    "it was refused again and again (what asks without end is ended)");
	else if (poll(&dying, 1, DYING_SECONDS * 1000) == 0)
		session_cut(view, "its view has ended");
}
