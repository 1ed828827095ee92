/* Sealed sessions asked for, listed and ended (docs/sessions.md). */
#include "fs/daemon/asked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define RULE_NO_TERMINAL  "builtin/no-terminal"
#define RULE_VISIBLE_PROC "builtin/visible-proc"
#define RULE_VIEWER	  "builtin/viewer"

/* Refused before there is a view: the log says so, by which rule. */
static enum bl_status refuse(struct asked *asked, const char *device, const char *rule,
			     enum bl_status status, struct bl_error *why)
{
	struct bl_error log_why = {{0}};

	snprintf(asked->rule, sizeof(asked->rule), "%s", rule);
	if (asked_log(asked, AUDIT_VIEW_OPENED, device, "sealed", BL_FORBIDDEN, &log_why) != BL_OK)
		return bl_fail(why, BL_LOG_BROKEN, "%s", log_why.text);
	return status;
}

static const char *name_of(const char *program)
{
	const char *slash = strrchr(program, '/');

	return slash ? slash + 1 : program;
}

/* "less" and "/usr/bin/less" are the same viewer: it lies in the tree by its name. */
static bool is_among(const char *name, const char *const *programs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, name_of(programs[i])) == 0)
			return true;
	return false;
}

/* Programs with spaces between, by their names. */
static bool is_word_of(const char *words, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = words; *at;) {
		size_t word = strcspn(at, " ");

		if (word >= length && memcmp(at + word - length, name, length) == 0 &&
		    (word == length || at[word - length - 1] == '/'))
			return true;
		at += word + (at[word] == ' ');
	}
	return false;
}

static void say_viewers(const struct rules_sessions *sessions, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sessions->viewer_count && used < size; i++) {
		int more = snprintf(out + used, size - used, "%s%s", i ? " " : "",
				    name_of(sessions->viewers[i]));

		used += (size_t)BL_MAX(more, 0);
	}
}

/* The first argument is the viewer; none: the one that the policy names first and that is here. */
static const char *viewer_of(const json_t *arguments, const struct rules_sessions *sessions,
			     const char *missing)
{
	if (arguments)
		return name_of(json_string_value(json_array_get(arguments, 0)));
	for (size_t i = 0; i < sessions->viewer_count; i++)
		if (!is_word_of(missing, name_of(sessions->viewers[i])))
			return name_of(sessions->viewers[i]);
	return name_of(sessions->viewers[0]);
}

static enum bl_status check_viewer(struct asked *asked, const char *device,
				   const struct rules_sessions *sessions, const char *viewer,
				   const char *missing, struct bl_error *why)
{
	char viewers[160];

	say_viewers(sessions, viewers, sizeof(viewers));
	if (!is_among(viewer, sessions->viewers, sessions->viewer_count) &&
	    !is_among(viewer, sessions->interpreters, sessions->interpreter_count))
		return refuse(asked, device, RULE_VIEWER,
			      bl_fail(why, BL_FORBIDDEN,
				      "that viewer is not one of the policy's by " RULE_VIEWER
				      " (use one of: %s)",
				      viewers),
			      why);
	if (is_word_of(missing, viewer))
		return refuse(asked, device, RULE_VIEWER,
			      bl_fail(why, BL_UNSUPPORTED,
				      "the viewer is not installed on this host (apt install it, "
				      "or use another one of: %s)",
				      viewers),
			      why);
	return BL_OK;
}

static enum bl_status check_terminal(struct asked *asked, const char *device, struct bl_error *why)
{
	const struct message_fds *fds = asked->fds;

	if (fds->count != 2)
		return refuse(asked, device, RULE_NO_TERMINAL,
			      bl_fail(why, BL_INVALID,
				      "a session needs a terminal by " RULE_NO_TERMINAL
				      " (start it at one, without pipes)"),
			      why);
	enum bl_status status =
		sight_is_terminal(fds->items[0], fds->items[1], asked->peer->uid, why);

	return status == BL_OK ? BL_OK : refuse(asked, device, RULE_NO_TERMINAL, status, why);
}

static enum bl_status check_sight(struct asked *asked, const char *device,
				  const struct rules_sessions *sessions, bool *out_is_visible,
				  struct bl_error *why)
{
	*out_is_visible = !sight_hides(asked->peer->pid);
	if (!*out_is_visible || sessions->accepts_visible_proc)
		return BL_OK;
	return refuse(asked, device, RULE_VISIBLE_PROC,
		      bl_fail(why, BL_FORBIDDEN,
			      "/proc shows other people's processes here by " RULE_VISIBLE_PROC
			      " (mount it with hidepid=invisible, or let the policy say "
			      "sessions: {visible_proc: accept})"),
		      why);
}

/* argv for the sealed place; the viewer by its path there. */
static bool put_arguments(const json_t *arguments, const char *viewer,
			  struct launch_request *launch)
{
	size_t count = json_array_size(arguments);
	int used = snprintf(launch->args, sizeof(launch->args), "/usr/bin/%s", viewer);

	launch->argc = 1;
	for (size_t i = 1; i < count && used >= 0 && (size_t)used < sizeof(launch->args) - 1; i++) {
		size_t at = (size_t)used + 1;
		const char *text = json_string_value(json_array_get(arguments, i));

		used = (int)at + snprintf(launch->args + at, sizeof(launch->args) - at, "%s", text);
		launch->argc++;
	}
	if (used < 0 || (size_t)used >= sizeof(launch->args) || launch->argc < BL_MAX(count, 1))
		return false;
	launch->args_length = (uint16_t)(used + 1);
	return true;
}

static enum bl_status fill(struct asked *asked, const struct rules_sessions *sessions,
			   const char *device, const char *viewer, struct session_request *out,
			   struct bl_error *why)
{
	const char *term = asked_text(asked, "term");

	out->size =
		screen_clamp((struct screen_size){(unsigned)asked_number(asked, "rows", 24),
						  (unsigned)asked_number(asked, "columns", 80)});
	out->idle_seconds = sessions->idle_seconds;
	out->total_seconds = sessions->total_seconds;
	out->launch.version = LAUNCH_VERSION;
	out->launch.rows = (uint16_t)(out->size.rows - 1);
	out->launch.columns = (uint16_t)out->size.columns;
	snprintf(out->launch.term, sizeof(out->launch.term), "%s", term ? term : "");
	snprintf(out->launch.device, sizeof(out->launch.device), "%s", device ? device : "");
	snprintf(out->viewer, sizeof(out->viewer), "%s", viewer);
	if (strlen(viewer) >= sizeof(out->viewer) ||
	    !put_arguments(json_object_get(asked->request, "arguments"), viewer, &out->launch))
		return bl_fail(why, BL_TOO_LARGE, "the viewer's arguments have over %u bytes",
			       LAUNCH_ARGS);
	return BL_OK;
}

/* All that can be said before there is a view. */
static enum bl_status prepare(struct asked *asked, const char *device, struct session_request *out,
			      struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	const json_t *arguments = json_object_get(asked->request, "arguments");
	struct rules_sessions sessions;
	char missing[LAUNCH_TEXT];

	if (!policy)
		return bl_fail(why, BL_FORBIDDEN, "there is no policy in force (load one)");
	policy_sessions(policy, &sessions);

	enum bl_status status = check_terminal(asked, device, why);

	if (status == BL_OK)
		status = check_sight(asked, device, &sessions, &out->is_proc_visible, why);
	if (status == BL_OK)
		status = sessions_zygote(asked->daemon->sessions, policy, &out->zygote, missing,
					 why);
	if (status != BL_OK)
		return status;
	const char *viewer = viewer_of(arguments, &sessions, missing);

	status = check_viewer(asked, device, &sessions, viewer, missing, why);
	return status == BL_OK ? fill(asked, &sessions, device, viewer, out, why) : status;
}

static enum bl_status open_session(struct asked *asked, const char *device,
				   struct session_request *session, struct bl_error *why)
{
	char where[sizeof(((struct view *)0)->device) + 32];
	struct view_request request = {
		.gate = {.uid = asked->peer->uid,
			 .gid = asked->peer->gid,
			 .pid = (uint32_t)asked->peer->pid,
			 .login_uid = asked_login_uid(asked),
			 .purpose = asked_text(asked, "purpose"),
			 .reason = asked_text(asked, "reason"),
			 .session_device = device,
			 .inside_uid = LAUNCH_INSIDE},
		.mountpoint_fd = -1,
		.path = where,
		.session = session,
	};
	uint64_t number;
	int pair[2];

	snprintf(where, sizeof(where), "(sealed session of %s)", device);
	if (request.gate.purpose && strlen(request.gate.purpose) >= PURPOSE_LIMIT)
		return bl_fail(why, BL_INVALID, "purpose is longer than %d bytes",
			       PURPOSE_LIMIT - 1);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return bl_fail_errno(why, BL_FAILED, "no descriptor left for a session");
	session->client_fd = pair[0];
	asked->answer_fd = pair[1];

	enum bl_status status = views_open(asked->daemon, &request, &number, why);

	if (status != BL_OK)
		return status;
	answer_number(asked->answer, "session", (int64_t)number);
	answer_text(asked->answer, "device", device);
	answer_text(asked->answer, "viewer", session->viewer);
	return BL_OK;
}

enum bl_status request_view(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct device *device = calloc(1, sizeof(*device));
	BL_CLEANUP(bl_free) struct session_request *session = calloc(1, sizeof(*session));

	if (!device || !session)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	session->client_fd = -1;

	enum bl_status found = asked_device(asked, device, why);

	if (found != BL_OK && found != BL_NOT_FOUND)
		return found;
	/* One that is not there is told like one that they may not see, and after all that has nothing to do with it. */
	enum bl_status status = prepare(asked, found == BL_OK ? device->id : NULL, session, why);

	if (status == BL_OK && found == BL_NOT_FOUND)
		status = refuse(
			asked, NULL, "gate",
			bl_fail(why, BL_NOT_FOUND, "no device '%s'", asked_text(asked, "device")),
			why);
	if (status == BL_OK)
		status = open_session(asked, device->id, session, why);
	sessions_put(asked->daemon->sessions, session->zygote);
	fd_close(session->client_fd);
	if (status != BL_OK)
		fd_close(fd_take(&asked->answer_fd));
	return status;
}

/* ---- those that are there --------------------------------------------------------------------------- */

static json_t *session_json(const struct view *view)
{
	json_t *item = json_object();
	struct session_state state = {0};

	session_look(view, &state);
	answer_number(item, "number", (int64_t)gate_view_session(view->gate_view));
	answer_text(item, "device", view->device);
	answer_number(item, "uid", view->uid);
	answer_text(item, "person", gate_view_person(view->gate_view));
	answer_text(item, "purpose", view->purpose);
	answer_text(item, "viewer", view->viewer);
	answer_number(item, "since_unix", view->since_unix);
	answer_number(item, "idle_s", state.idle_seconds);
	answer_number(item, "shown", (int64_t)state.shown);
	answer_text(item, "state", state.is_begun ? "running" : "welcome");
	return item;
}

/* Collected first: no lock of views is held while somebody is slow to listen. */
static json_t *sessions_of(struct asked *asked, bool is_privileged)
{
	struct daemon *daemon = asked->daemon;
	json_t *list = json_array();

	pthread_mutex_lock(&daemon->views_lock);
	for (struct view *view = daemon->views; view; view = view->next)
		if (view->place && (is_privileged || view->uid == asked->peer->uid))
			json_array_append_new(list, session_json(view));
	pthread_mutex_unlock(&daemon->views_lock);
	return list;
}

enum bl_status request_sessions(struct asked *asked, struct bl_error *why)
{
	bool is_privileged = asked_is_privileged(asked);
	enum bl_status status = asked_log(asked, AUDIT_ADMIN, NULL, "sessions", BL_OK, why);

	if (status != BL_OK)
		return status;
	BL_CLEANUP(json_decref) json_t *list = sessions_of(asked, is_privileged);
	size_t index;
	json_t *item;

	json_array_foreach(list, index, item)
	{
		asked_send(asked, "session", json_incref(item));
	}
	return BL_OK;
}

/* One's own, or anybody's for who may administer or review. */
enum bl_status request_session_end(struct asked *asked, struct bl_error *why)
{
	char text[160], detail[64];
	int64_t number = asked_number(asked, "session", 0);
	bool may_any = asked_is_privileged(asked);

	if (number <= 0)
		return bl_fail(why, BL_INVALID, "name the session (bailee sessions lists them)");
	snprintf(detail, sizeof(detail), "session-end %lld", (long long)number);

	enum bl_status status = asked_log(asked, AUDIT_ADMIN, NULL, detail, BL_OK, why);

	if (status != BL_OK)
		return status;
	snprintf(text, sizeof(text), "it was ended by uid %u", asked->peer->uid);
	status = views_end_session(asked->daemon, (uint64_t)number, may_any, asked->peer->uid, text,
				   why);
	asked_undone(asked, AUDIT_ADMIN, NULL, status);
	answer_number(asked->answer, "session", number);
	return status;
}
