#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/daemon/monitor.h"
#include "fs/daemon/state.h"

#include <sys/eventfd.h>

#define SESSION_THREADS 2 /* one person, mostly one viewer */

/* Told by serve's own thread: the kernel has let go of the connection. */
static void on_end(void *context)
{
	struct view *view = context;

	atomic_store(&view->has_ended, true);
	views_ended(view->daemon);
}

/* Solo, told as above: somebody who stands in it keeps it, and is asked again later. */
static void on_idle(void *context)
{
	struct view *view = context;

	(void)!serve_unmount(view->path, NULL);
}

static void unmount(struct view *view)
{
	struct daemon *daemon = view->daemon;

	if (!view->is_monitored)
		return;
	pthread_mutex_lock(&daemon->monitor_lock);
	/* A mount that its user has detached already is not found: what we wanted holds. */
	(void)!monitor_unmount(daemon->monitor_fd, view->number, NULL);
	pthread_mutex_unlock(&daemon->monitor_lock);
}

/* Out of sight first, then cut, then freed: nothing new begins on a view that is going. */
static void finish(struct view *view, const char *why_ended)
{
	session_cut(view, why_ended);
	session_stops(view);
	unmount(view);
	if (view->serve)
		serve_stop(view->serve);
	session_gone(view);
	if (view->gate_view)
		gate_view_close(view->gate_view);
	pthread_mutex_destroy(&view->place_lock);
	free(view);
}

static enum bl_status mount_by_monitor(struct view *view, const struct view_request *request,
				       int *out_fd, struct bl_error *why)
{
	struct daemon *daemon = view->daemon;

	pthread_mutex_lock(&daemon->monitor_lock);
	enum bl_status status =
		monitor_mount(daemon->monitor_fd, view->number, gate_view_uid(view->gate_view),
			      gate_view_gid(view->gate_view), request->mountpoint_fd, out_fd, why);
	pthread_mutex_unlock(&daemon->monitor_lock);
	view->is_monitored = status == BL_OK;
	return status;
}

static enum bl_status start(struct view *view, const struct view_request *request,
			    struct bl_error *why)
{
	struct daemon *daemon = view->daemon;
	struct serve_options options = {
		.fuse_fd = -1, .mountpoint = view->path, .on_end = on_end, .context = view};
	enum bl_status status = gate_view_open(daemon->gate, &request->gate, &view->gate_view, why);

	if (status != BL_OK)
		return status;
	view->number = gate_view_number(view->gate_view);
	if (daemon->options->is_solo) {
		options.idle_seconds = daemon->options->idle_seconds;
		options.on_idle = on_idle;
		options.is_debug = daemon->options->is_debug;
		if (daemon->options->source_count == 1)
			options.source = daemon->options->sources[0].path;
	}
	if (request->session) {
		options.on_end = session_unserved;
		options.on_change = session_changed;
		options.threads = SESSION_THREADS;
		options.is_private = true;
		status = session_place(view, request->session, &options.fuse_fd, why);
	} else if (request->mountpoint_fd >= 0) {
		status = mount_by_monitor(view, request, &options.fuse_fd, why);
	}
	if (status == BL_OK)
		status = serve_start(view->gate_view, &options, &view->serve, why);
	if (status == BL_OK && request->session)
		status = session_begin(view, request->session, why);
	return status;
}

static void count(const struct view *views, uid_t uid, size_t *all, size_t *same)
{
	for (; views; views = views->next) {
		++*all;
		*same += views->uid == uid;
	}
}

/* A seat for the view among those that are being opened. False: there are too many. */
static bool seat(struct view *view)
{
	struct daemon *daemon = view->daemon;
	size_t all = 0, same = 0;

	pthread_mutex_lock(&daemon->views_lock);
	count(daemon->views, view->uid, &all, &same);
	count(daemon->opening, view->uid, &all, &same);
	bool has_room = all < VIEWS_LIMIT && same < VIEWS_PER_UID;

	if (has_room) {
		view->next = daemon->opening;
		daemon->opening = view;
	}
	pthread_mutex_unlock(&daemon->views_lock);
	return has_room;
}

static void abort_one(struct view *view)
{
	session_cut(view, "the log can take no more events (ask who administers the service)");
	serve_abort(view->serve);
}

/* From its seat to the views, or away. */
static void settle(struct view *view, bool is_open)
{
	struct daemon *daemon = view->daemon;

	pthread_mutex_lock(&daemon->views_lock);
	for (struct view **link = &daemon->opening; *link; link = &(*link)->next)
		if (*link == view) {
			*link = view->next;
			break;
		}
	if (is_open) {
		view->next = daemon->views;
		daemon->views = view;
		/* A log that broke while we were opening found no view of ours to cut. */
		if (atomic_load(&daemon->is_log_broken))
			abort_one(view);
		/* Nor was it found by whoever reaps when its connection ended meanwhile. */
		if (atomic_load(&view->has_ended))
			views_ended(daemon);
	}
	pthread_mutex_unlock(&daemon->views_lock);
}

/* @rule has opened none; its event first. */
static enum bl_status refuse(struct daemon *daemon, const struct view_request *request,
			     const char *rule, struct bl_error *why)
{
	const struct peer peer = {.uid = request->gate.uid,
				  .gid = request->gate.gid,
				  .pid = (pid_t)request->gate.pid};
	struct audit_event event = event_by(daemon, &peer, AUDIT_VIEW_OPENED);

	event.verdict = AUDIT_DENIED;
	snprintf(event.rule, sizeof(event.rule), "%s", rule);

	return audit_append(daemon->audit, &event, NULL, why);
}

static enum bl_status too_many(struct daemon *daemon, const struct view_request *request,
			       struct bl_error *why)
{
	enum bl_status status = refuse(daemon, request, RULE_MANY_VIEWS, why);

	return status != BL_OK ? status
			       : bl_fail(why, BL_FORBIDDEN,
					 "too many views are open by " RULE_MANY_VIEWS
					 ": at most %d of one person, %d in all (close some)",
					 VIEWS_PER_UID, VIEWS_LIMIT);
}

static enum bl_status leaking(struct daemon *daemon, const struct view_request *request,
			      struct bl_error *why)
{
	enum bl_status status = refuse(daemon, request, RULE_KERNEL, why);

	return status != BL_OK
		       ? status
		       : bl_fail(why, BL_FORBIDDEN, "no view is opened by " RULE_KERNEL ": %.300s",
				 daemon->kernel_trouble);
}

enum bl_status views_open(struct daemon *daemon, const struct view_request *request,
			  uint64_t *out_number, struct bl_error *why)
{
	if (*daemon->kernel_trouble)
		return leaking(daemon, request, why);
	struct view *view = calloc(1, sizeof(*view));

	if (!view)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	view->daemon = daemon;
	view->uid = request->gate.uid;
	pthread_mutex_init(&view->place_lock, NULL);
	if (!seat(view)) {
		finish(view, "");
		return too_many(daemon, request, why);
	}
	if (request->session) {
		memcpy(view->device, request->session->launch.device, sizeof(view->device));
		memcpy(view->viewer, request->session->viewer, sizeof(view->viewer));
	}
	view->since_unix = daemon_now(daemon);
	strncpy(view->path, request->path, sizeof(view->path) - 1);
	if (request->gate.purpose)
		strncpy(view->purpose, request->gate.purpose, sizeof(view->purpose) - 1);

	enum bl_status status = start(view, request, why);

	*out_number = request->session && view->gate_view ? gate_view_session(view->gate_view)
							  : view->number;
	settle(view, status == BL_OK);
	/* From here on whoever reaps or closes may have freed it. */
	if (status != BL_OK)
		finish(view, why->text);
	return status;
}

typedef bool view_fn(const struct view *view, const void *wanted);

/* Unlink the first view that @is_it; NULL when none is. */
static struct view *take(struct daemon *daemon, view_fn *is_it, const void *wanted)
{
	struct view *found = NULL;

	pthread_mutex_lock(&daemon->views_lock);
	for (struct view **link = &daemon->views; *link; link = &(*link)->next)
		if (is_it(*link, wanted)) {
			found = *link;
			*link = found->next;
			break;
		}
	pthread_mutex_unlock(&daemon->views_lock);
	return found;
}

static bool has_ended(const struct view *view, const void *wanted)
{
	(void)wanted;
	return atomic_load(&view->has_ended);
}

static bool is_any(const struct view *view, const void *wanted)
{
	(void)view;
	(void)wanted;
	return true;
}

struct wanted {
	uint64_t number;
	const char *path;
	uid_t uid, owner;
};

static bool is_wanted(const struct view *view, const void *context)
{
	const struct wanted *wanted = context;

	if (view->uid != wanted->uid && wanted->uid != wanted->owner)
		return false;
	return wanted->number ? view->number == wanted->number
			      : strcmp(view->path, wanted->path) == 0;
}

enum bl_status views_close(struct daemon *daemon, uint64_t number, const char *path, uid_t uid,
			   struct bl_error *why)
{
	struct wanted wanted = {.number = number, .path = path, .uid = uid, .owner = daemon->owner};
	struct view *view = take(daemon, is_wanted, &wanted);

	if (!view)
		return bl_fail(why, BL_NOT_MOUNTED,
			       "no open view of yours there (bailee status lists them)");
	finish(view, "it was closed");
	return BL_OK;
}

static bool is_session(const struct view *view, const void *wanted)
{
	return view->place && gate_view_session(view->gate_view) == *(const uint64_t *)wanted;
}

enum bl_status views_end_session(struct daemon *daemon, uint64_t number, bool may_any, uid_t uid,
				 const char *text, struct bl_error *why)
{
	struct view *found = NULL;

	/* Cut where it stands: its broker tells its person, and then it is reaped like any other. */
	pthread_mutex_lock(&daemon->views_lock);
	for (struct view *view = daemon->views; view && !found; view = view->next)
		if (is_session(view, &number) && (may_any || view->uid == uid))
			found = view;
	if (found)
		session_cut(found, text);
	pthread_mutex_unlock(&daemon->views_lock);
	return found ? BL_OK
		     : bl_fail(why, BL_NOT_FOUND,
			       "no session %llu of yours (bailee sessions lists them)",
			       (unsigned long long)number);
}

/* ---- reaping --------------------------------------------------------------------------------- */

void views_ended(struct daemon *daemon)
{
	eventfd_write(daemon->reap_fd, 1);
}

static void *reap(void *context)
{
	struct daemon *daemon = context;
	struct view *view;
	eventfd_t count;

	while (!atomic_load(&daemon->is_reaped_no_more)) {
		eventfd_read(daemon->reap_fd, &count);
		while ((view = take(daemon, has_ended, NULL)))
			finish(view, "");
		/* Solo it may have been the last one. */
		eventfd_write(daemon->wake_fd, 1);
	}
	return NULL;
}

enum bl_status views_start(struct daemon *daemon, struct bl_error *why)
{
	daemon->reap_fd = eventfd(0, EFD_CLOEXEC);
	daemon->has_reaper =
		daemon->reap_fd >= 0 && pthread_create(&daemon->reaper, NULL, reap, daemon) == 0;
	return daemon->has_reaper
		       ? BL_OK
		       : bl_fail(why, BL_NO_MEMORY, "cannot start the thread that reaps views");
}

void views_close_all(struct daemon *daemon)
{
	struct view *view;

	while ((view = take(daemon, is_any, NULL)))
		finish(view, "the service stops");
	if (!daemon->has_reaper)
		return;
	atomic_store(&daemon->is_reaped_no_more, true);
	views_ended(daemon);
	pthread_join(daemon->reaper, NULL);
}

void views_abort_all(struct daemon *daemon)
{
	pthread_mutex_lock(&daemon->views_lock);
	for (struct view *view = daemon->views; view; view = view->next)
		abort_one(view);
	pthread_mutex_unlock(&daemon->views_lock);
}

bool views_any(struct daemon *daemon)
{
	pthread_mutex_lock(&daemon->views_lock);
	bool any = daemon->views != NULL;

	pthread_mutex_unlock(&daemon->views_lock);
	return any;
}

#define SETTLE_TRIES 500
#define SETTLE_NS    2000000 /* between two of them: a second in all */

static bool are_settled(struct daemon *daemon)
{
	bool are = true;

	pthread_mutex_lock(&daemon->views_lock);
	for (struct view *view = daemon->views; view && are; view = view->next)
		are = serve_is_settled(view->serve);
	pthread_mutex_unlock(&daemon->views_lock);
	return are;
}

/*
 * Looked at again and again, for no lock may be held meanwhile: one kernel that is slow, since a folder of a slow image is being
 * read, must not hold up whoever opens or closes another view. It goes on by itself: only the answer comes before its end.
 */
void views_settle(struct daemon *daemon)
{
	const struct timespec pause = {.tv_nsec = SETTLE_NS};

	for (unsigned i = 0; i < SETTLE_TRIES && !are_settled(daemon); i++)
		nanosleep(&pause, NULL);
}
