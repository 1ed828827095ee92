#include "fs/session/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "fs/session/private.h"

#define STACK_SIZE    (256u << 10) /* touched only as far as the log's callbacks go */
#define SEND_ROOM     (2 * SESSION_FRAME)
#define FRAMES_A_TURN 8
#define UNREAD_FRAMES 1024 /* more than a socket's queue holds */

/* ---- clocks ------------------------------------------------------------------------------------ */

static int64_t host_now_ms(void *context)
{
	struct timespec at;

	(void)context;
	clock_gettime(CLOCK_BOOTTIME, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static int64_t host_wall_seconds(void *context)
{
	(void)context;
	return (int64_t)time(NULL);
}

/* ---- what any thread may do ----------------------------------------------------------------------- */

void session_finish(struct session *session, int exit_code, const char *format, ...)
{
	va_list arguments;

	pthread_mutex_lock(&session->lock);
	if (!session->is_over) {
		va_start(arguments, format);
		vsnprintf(session->text, sizeof(session->text), format, arguments);
		va_end(arguments);
		session->exit_code = exit_code;
		session->is_over = true;
	}
	pthread_mutex_unlock(&session->lock);
	/* After the words: its death is not what ended it. */
	launch_kill(session->pidfd);
}

bool session_is_over(struct session *session)
{
	pthread_mutex_lock(&session->lock);
	bool is_over = session->is_over;
	pthread_mutex_unlock(&session->lock);
	return is_over;
}

void session_poke(struct session *session)
{
	eventfd_write(session->wake_fd, 1);
}

void session_end(struct session *session, const char *text)
{
	session_finish(session, bl_status_exit(BL_FORBIDDEN), "%s", text);
	session_poke(session);
}

void session_state(struct session *session, struct session_state *out)
{
	int64_t now_ms = session->host.now_ms(session->host.context);

	pthread_mutex_lock(&session->lock);
	*out = (struct session_state){.shown = session->shown,
				      .idle_seconds = BL_MAX(now_ms - session->typed_ms, 0) / 1000,
				      .is_begun = session->is_begun};
	pthread_mutex_unlock(&session->lock);
}

/* ---- the broker: one turn -------------------------------------------------------------------------- */

enum polled {
	POLL_CLIENT,
	POLL_MASTER,
	POLL_CHANNEL,
	POLL_PROCESS,
	POLL_WAKE,
	POLL_TIMER,
	POLL_COUNT
};

static int64_t now(const struct session *session)
{
	return session->host.now_ms(session->host.context);
}

/* The sooner of two; each is -1 for never. */
static int64_t sooner(int64_t left, int64_t right)
{
	if (left < 0 || right < 0)
		return BL_MAX(left, right);
	return BL_MIN(left, right);
}

static int64_t until(int64_t at_ms, int64_t now_ms)
{
	return BL_MAX(at_ms - now_ms, 0);
}

static int64_t typed_ms(struct session *session)
{
	pthread_mutex_lock(&session->lock);
	int64_t at_ms = session->typed_ms;
	pthread_mutex_unlock(&session->lock);
	return at_ms;
}

static void check_times(struct session *session)
{
	const struct session_options *options = &session->options;
	int64_t now_ms = now(session);
	char span[64];

	if (now_ms - typed_ms(session) >= options->idle_seconds * 1000) {
		session_span(options->idle_seconds, span, sizeof(span));
		session_finish(session, bl_status_exit(BL_FORBIDDEN),
			       "nothing was typed for %s (sessions: idle)", span);
	}
	if (now_ms - session->begun_ms >= options->total_seconds * 1000) {
		session_span(options->total_seconds, span, sizeof(span));
		session_finish(session, bl_status_exit(BL_FORBIDDEN),
			       "it has lasted %s (sessions: total)", span);
	}
	if (session->stage == STAGE_STARTING && now_ms - session->go_ms >= LAUNCH_STEP_MS)
		session_finish(session, bl_status_exit(BL_TIMED_OUT),
			       "no sealed session: bailee-session does not answer");
}

/* How long nothing has to be looked at. */
static int64_t next_ms(struct session *session)
{
	const struct session_options *options = &session->options;
	int64_t now_ms = now(session), seconds = session->host.wall_seconds(session->host.context);
	int64_t next = until(typed_ms(session) + options->idle_seconds * 1000, now_ms);

	next = sooner(next, until(session->begun_ms + options->total_seconds * 1000, now_ms));
	next = sooner(next, (60 - seconds % 60) * 1000); /* the watermark's time */
	if (session->stage == STAGE_STARTING)
		next = sooner(next, until(session->go_ms + LAUNCH_STEP_MS, now_ms));
	if (session->stage == STAGE_RUNNING && bucket_wait_ms(&session->shows) > 0)
		next = sooner(next, bucket_wait_ms(&session->shows));
	if (session->hung_ms > now_ms)
		next = sooner(next, session->hung_ms - now_ms);
	if (session->is_dead)
		next = sooner(next, until(session->drain_ms, now_ms));
	return next;
}

static void set_timer(const struct session *session, int64_t after_ms)
{
	/* 0 would switch it off. */
	int64_t ms = BL_MAX(after_ms, 1);
	struct itimerspec when = {
		.it_value = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = ms % 1000 * 1000000}};

	timerfd_settime(session->timer_fd, 0, &when, NULL);
}

/* A pty whose other end is closed has always something to say: it is asked only when its answer is wanted. */
static short master_events(const struct session *session)
{
	bool is_hung = !session->is_dead && session->hung_ms > now(session);
	short events = relay_wants_output(session) && !is_hung ? POLLIN : 0;

	if (session->pending_length && !is_hung && !session->is_dead)
		events |= POLLOUT;
	return events;
}

static void wait_for_something(struct session *session, struct pollfd polled[POLL_COUNT])
{
	short master = master_events(session);
	bool has_frame = session->frame_length > 0;

	polled[POLL_CLIENT] = (struct pollfd){
		.fd = session->client_fd, .events = (short)(POLLIN | (has_frame ? POLLOUT : 0))};
	polled[POLL_MASTER] =
		(struct pollfd){.fd = master ? session->master_fd : -1, .events = master};
	polled[POLL_CHANNEL] = (struct pollfd){
		.fd = session->is_channel_over ? -1 : session->channel_fd, .events = POLLIN};
	polled[POLL_PROCESS] =
		(struct pollfd){.fd = session->is_dead ? -1 : session->pidfd, .events = POLLIN};
	polled[POLL_WAKE] = (struct pollfd){.fd = session->wake_fd, .events = POLLIN};
	polled[POLL_TIMER] = (struct pollfd){.fd = session->timer_fd, .events = POLLIN};
	set_timer(session, next_ms(session));
	if (poll(polled, POLL_COUNT, session->is_busy ? 0 : -1) < 0)
		for (size_t i = 0; i < POLL_COUNT; i++)
			polled[i].revents = 0;
	if (polled[POLL_WAKE].revents) {
		eventfd_t ignored;

		(void)!eventfd_read(session->wake_fd, &ignored);
	}
}

/* Sealed: the first screen makes room for the viewer's. */
static void run(struct session *session)
{
	static const char CLEARED[] = "\033[H\033[2J";

	session->stage = STAGE_RUNNING;
	free(session->page);
	session->page = NULL;
	memcpy(session->raw, CLEARED, sizeof(CLEARED) - 1);
	session->raw_length = sizeof(CLEARED) - 1;
	session->raw_at = 0;
}

static void obey_channel(struct session *session)
{
	struct launch_report report;
	struct bl_error why = {{0}};
	int fds[2] = {-1, -1};
	enum bl_status status = launch_receive(session->channel_fd, &report, fds, &why);

	if (status == BL_TIMED_OUT)
		return;
	fd_close(fds[0]);
	fd_close(fds[1]);
	if (status == BL_NOT_FOUND) {
		session->is_channel_over = true;
	} else if (status == BL_OK && report.kind == LAUNCH_SEALED &&
		   session->stage == STAGE_STARTING) {
		run(session);
	} else if (status == BL_OK && report.kind == LAUNCH_ENDED && !session->has_status) {
		session->has_status = true;
		session->status = report.status;
	} else if (status == BL_OK && report.kind == LAUNCH_FAILED &&
		   session->stage != STAGE_RUNNING) {
		status = launch_failed(&report, &why);
		session_finish(session, bl_status_exit(status), "%s", why.text);
	} else {
		session_finish(session, bl_status_exit(BL_FAILED),
			       "what bailee-session says is not understood");
	}
}

/* It may have ended because nothing could be opened; and its screen is gone. */
static void end_with_reason(struct session *session, int exit_code, const char *text)
{
	const struct session_options *options = &session->options;
	char why[400] = "";

	if (options->refused)
		options->refused(options->context, why, sizeof(why));
	session_finish(session, exit_code, "%s%s%s", text,
		       why[0] ? "; what was refused last: " : "", why);
}

static void end_naturally(struct session *session)
{
	if (session->stage != STAGE_RUNNING)
		session_finish(session, bl_status_exit(BL_FAILED),
			       "its processes ended before its viewer ran");
	else if (session->has_status && session->status == 0)
		end_with_reason(session, 0, "its viewer ended");
	else
		end_with_reason(session, bl_status_exit(BL_FAILED), "its viewer failed");
}

/* Whatever tells that it has ended, tells it of all of it. */
static void note_death(struct session *session, bool is_dead)
{
	if (session->is_dead || !(is_dead || session->has_status || session->is_channel_over))
		return;
	session->is_dead = true;
	session->drain_ms = now(session) + SESSION_DRAIN_MS;
	launch_kill(session->pidfd);
}

/* Dead, its status known, its last output shown. The rest has time, but not for ever. */
static void check_death(struct session *session)
{
	bool is_known = session->has_status || session->is_channel_over;
	bool is_shown = session->stage != STAGE_RUNNING ||
			(session->is_drained && session->raw_at == session->raw_length &&
			 session->frame_length == 0);

	if (session->is_dead && ((is_known && is_shown) || now(session) >= session->drain_ms))
		end_naturally(session);
}

/* As much as is there, the rate permits and the client takes; what it typed meanwhile comes in between. */
static void show(struct session *session)
{
	bucket_fill(&session->shows, now(session));
	for (unsigned i = 0; i < FRAMES_A_TURN; i++) {
		session->is_busy = false;
		if (session_is_over(session))
			return;
		relay_draw(session);
		if (session->frame_length == 0 || !relay_send(session))
			return;
		session->is_busy = true;
	}
}

static void turn(struct session *session)
{
	struct pollfd polled[POLL_COUNT];

	wait_for_something(session, polled);
	if (session_is_over(session))
		return;
	if (polled[POLL_CHANNEL].revents)
		obey_channel(session);
	note_death(session, polled[POLL_PROCESS].revents != 0);
	check_times(session);
	if (polled[POLL_CLIENT].revents & ~POLLOUT)
		relay_client(session);
	relay_typed(session);
	show(session);
	check_death(session);
}

/* ---- the end --------------------------------------------------------------------------------------- */

/* The last words, in two frames: the terminal as it was, and why. */
static void say_goodbye(struct session *session, unsigned which)
{
	struct screen_out out = {.bytes = session->frame + 1, .room = SESSION_FRAME - 1};
	size_t length = strlen(session->text);

	if (which == 0) {
		screen_close(session->screen, &out);
		session->frame[0] = SESSION_OUTPUT;
		session->frame_length = out.length + 1;
		return;
	}
	session->frame[0] = SESSION_END;
	session->frame[1] = (uint8_t)session->exit_code;
	memcpy(session->frame + 2, session->text, length);
	session->frame_length = 2 + length;
}

/* False: it takes nothing just now. */
static bool send_goodbye(struct session *session, unsigned *which)
{
	while (*which < 2) {
		say_goodbye(session, *which);

		ssize_t sent = send(session->client_fd, session->frame, session->frame_length,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			return false;
		*which = sent < 0 ? 2 : *which + 1;
	}
	return true;
}

/* The client is told, and process 1 has died, and with it everything in there: both at once, neither for ever. */
static void farewell(struct session *session)
{
	int64_t began_ms = host_now_ms(NULL);
	bool is_told = session->is_client_gone, is_dead = false;
	unsigned which = session->is_open ? 0 : 1;

	launch_kill(session->pidfd);
	while (!is_told || !is_dead) {
		int64_t passed = host_now_ms(NULL) - began_ms;

		is_told |= send_goodbye(session, &which) || passed >= SESSION_TOLD_MS;
		if (passed >= SESSION_DYING_MS || (is_told && is_dead))
			return;

		struct pollfd polled[] = {
			{.fd = is_told ? -1 : session->client_fd, .events = POLLOUT},
			{.fd = is_dead ? -1 : session->pidfd, .events = POLLIN},
		};
		int64_t left = (is_told ? SESSION_DYING_MS : SESSION_TOLD_MS) - passed;

		if (poll(polled, BL_COUNT(polled), (int)BL_MAX(left, 1)) > 0)
			is_dead |= polled[1].revents != 0;
	}
}

/* What is closed with something unread in it tells the other end so, before and instead of the last words. */
static void hear_out(const struct session *session)
{
	uint8_t ignored;

	shutdown(session->client_fd, SHUT_RD);
	for (unsigned i = 0; i < UNREAD_FRAMES; i++)
		if (recv(session->client_fd, &ignored, 1, MSG_DONTWAIT) < 0)
			return;
}

static void let_go(int *fd)
{
	fd_close(*fd);
	*fd = -1;
}

static void *broke(void *argument)
{
	struct session *session = argument;
	struct session_end end;

	while (!session_is_over(session))
		turn(session);
	if (session->options.over)
		session->options.over(session->options.context);
	farewell(session);
	hear_out(session);
	let_go(&session->client_fd);
	let_go(&session->master_fd);
	let_go(&session->channel_fd);
	end = (struct session_end){.shown = session->shown,
				   .counted = session->counted,
				   .is_begun = session->is_begun};
	snprintf(end.text, sizeof(end.text), "%s", session->text);
	session->options.ended(session->options.context, &end);
	return NULL;
}

/* ---- its life -------------------------------------------------------------------------------------- */

static void session_free(struct session *session)
{
	launch_kill(session->pidfd);
	fd_close(session->client_fd);
	fd_close(session->channel_fd);
	fd_close(session->master_fd);
	fd_close(session->pidfd);
	fd_close(session->wake_fd);
	fd_close(session->timer_fd);
	screen_free(session->screen);
	free(session->page);
	free(session->welcome);
	pthread_mutex_destroy(&session->lock);
	free(session);
}
BL_DEFINE_CLEANUP(struct session, session_free)

/* Whatever fails later: what it was given is its own from here on. */
static struct session *adopt(const struct session_options *options, const struct session_host *host)
{
	struct session *session = calloc(1, sizeof(*session));
	struct launched launched = options->launched;

	if (!session) {
		launched.fuse_fd = -1;
		launched_done(&launched);
		fd_close(options->client_fd);
		return NULL;
	}
	session->options = *options;
	session->host = *host;
	session->client_fd = options->client_fd;
	session->channel_fd = launched.channel_fd;
	session->master_fd = launched.master_fd;
	session->pidfd = launched.pidfd;
	session->wake_fd = session->timer_fd = -1;
	pthread_mutex_init(&session->lock, NULL);
	return session;
}

static bool equip(struct session *session)
{
	const struct session_options *options = &session->options;
	int room = SEND_ROOM, flags = fcntl(session->master_fd, F_GETFL);

	snprintf(session->mark, sizeof(session->mark), "%s", options->mark);
	session->welcome = strdup(options->welcome);
	session->options.mark = session->mark;
	session->options.welcome = session->welcome;
	session->size = session->wanted_size = screen_clamp(options->size);
	session->screen = screen_new(session->size);
	session->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	session->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	session->begun_ms = session->typed_ms = now(session);
	session->is_busy = true; /* the first screen waits for nothing */
	session->shows = (struct bucket){.rate = SESSION_RATE,
					 .most = SESSION_BURST,
					 .level_milli = SESSION_BURST * INT64_C(1000),
					 .at_ms = session->begun_ms};
	session->types = (struct bucket){.rate = SESSION_TYPED_RATE,
					 .most = SESSION_TYPED_BURST,
					 .level_milli = SESSION_TYPED_BURST * INT64_C(1000),
					 .at_ms = session->begun_ms};
	/* What lies in there was sent already, and can be taken back no more: little. */
	(void)setsockopt(session->client_fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (session->screen)
		relay_tell_size(session);
	return session->welcome && session->screen && session->wake_fd >= 0 &&
	       session->timer_fd >= 0 && flags >= 0 &&
	       fcntl(session->master_fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static bool launch_thread(struct session *session)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	bool is_there = pthread_create(&session->thread, &attr, broke, session) == 0;
	pthread_attr_destroy(&attr);
	return is_there;
}

enum bl_status session_start_on(const struct session_options *options,
				const struct session_host *host, struct session **out_session,
				struct bl_error *why)
{
	BL_CLEANUP(session_free) struct session *session = adopt(options, host);

	if (!session || !equip(session) || !launch_thread(session))
		return bl_fail(why, BL_NO_MEMORY, "no memory or descriptor for a session");
	*out_session = BL_TAKE(session);
	return BL_OK;
}

enum bl_status session_start(const struct session_options *options, struct session **out_session,
			     struct bl_error *why)
{
	static const struct session_host HOST = {.now_ms = host_now_ms,
						 .wall_seconds = host_wall_seconds};

	return session_start_on(options, &HOST, out_session, why);
}

void session_stop(struct session *session, const char *text)
{
	session_end(session, text);
	pthread_join(session->thread, NULL);
	session_free(session);
}
