/* The broker, between a client and a viewer that both are this test; process 1 is a real one, and so is the pty. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <termios.h>

#include "fs/session/private.h"
#include "tests/unit/fs/session/fake.h"

#define SHOWN	   'Z' /* in no word of ours: what it counts came from the viewer */
#define MANY	   64
#define PATIENCE_S 60 /* after so long a test has failed; nothing is measured by it */
#define WELCOME	   "Sealed session: what is looked at is logged.\n\nNothing leaves.\n"

/* A client's end, and everything that came out of it. */
struct client {
	int fd;
	size_t length, shown; /* bytes of output; those of them that are SHOWN */
	char output[1 << 20];
	bool has_end, is_closed;
	int exit_code;
	char why[SESSION_FRAME];
};

struct stage {
	struct fake_process process;
	int channel_fd, slave_fd; /* the zygote's and the viewer's ends */
	struct client client;
	struct session *session;
	struct session_options options;
	struct session_host host;
	int told_fd[2]; /* a byte when `ended` was called */
	_Atomic int64_t now_ms, wall_seconds;
	atomic_ulong counted;
	atomic_uint begins, shows, ends;
	enum bl_status begin_status;
	unsigned show_refused_at; /* 0: never */
	void (*on_show)(struct stage *stage);
	struct session_end end;
};

static int64_t fake_now(void *context)
{
	return ((struct stage *)context)->now_ms;
}

static int64_t fake_wall(void *context)
{
	return ((struct stage *)context)->wall_seconds;
}

static enum bl_status on_begin(void *context, struct bl_error *why)
{
	struct stage *stage = context;

	stage->begins++;
	return stage->begin_status == BL_OK ? BL_OK
					    : bl_fail(why, stage->begin_status, "no beginning");
}

static enum bl_status on_show(void *context, uint64_t bytes, struct bl_error *why)
{
	struct stage *stage = context;

	assert_int_equal(bytes % SESSION_STEP, 0);
	if (++stage->shows == stage->show_refused_at)
		return bl_fail(why, BL_FORBIDDEN, "used up (limits: shown)");
	stage->counted += bytes;
	if (stage->on_show)
		stage->on_show(stage);
	return BL_OK;
}

static void on_ended(void *context, const struct session_end *end)
{
	struct stage *stage = context;

	stage->end = *end;
	stage->ends++;
	(void)!write(stage->told_fd[1], "", 1);
}

/* ---- the stage ----------------------------------------------------------------------------------- */

static bool place(struct stage *stage)
{
	int channel[2], client[2], master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios modes;
	char name[64];

	stage->process = fake_process_start();
	if (master < 0 || grantpt(master) || unlockpt(master) ||
	    ptsname_r(master, name, sizeof(name)) || stage->process.pidfd < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, client) ||
	    pipe2(stage->told_fd, O_CLOEXEC))
		return false;
	stage->slave_fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (stage->slave_fd < 0 || tcgetattr(stage->slave_fd, &modes) != 0)
		return false;
	cfmakeraw(&modes);
	tcsetattr(stage->slave_fd, TCSANOW, &modes);
	stage->channel_fd = channel[1];
	stage->client.fd = client[1];
	stage->options = (struct session_options){
		.launched = {.channel_fd = channel[0],
			     .pidfd = fcntl(stage->process.pidfd, F_DUPFD_CLOEXEC, 0),
			     .fuse_fd = -1,
			     .master_fd = master},
		.client_fd = client[0],
		.size = {.rows = 24, .columns = 80},
		.mark = "erika.m  RMA-1  session 17",
		.welcome = WELCOME,
		.idle_seconds = 900,
		.total_seconds = 28800,
		.begin = on_begin,
		.show = on_show,
		.ended = on_ended,
		.context = stage,
	};
	return true;
}

static int set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	if (!stage || !place(stage))
		return -1;

	struct timeval patience = {.tv_sec = PATIENCE_S};

	setsockopt(stage->client.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(stage->channel_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	stage->now_ms = 1000000;
	stage->wall_seconds = 14 * 3600 + 5 * 60; /* 14:05 */
	stage->host = (struct session_host){
		.now_ms = fake_now, .wall_seconds = fake_wall, .context = stage};
	*state = stage;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *stage = *state;

	fd_close(stage->client.fd);
	stage->client.fd = -1;
	if (stage->session)
		session_stop(stage->session, "the test is over");
	fake_process_done(&stage->process);
	fd_close(stage->channel_fd);
	fd_close(stage->slave_fd);
	fd_close(stage->told_fd[0]);
	fd_close(stage->told_fd[1]);
	free(stage);
	return 0;
}

static void start(struct stage *stage)
{
	struct bl_error why = {{0}};

	if (session_start_on(&stage->options, &stage->host, &stage->session, &why) != BL_OK)
		fail_msg("%s", why.text);
}

/* ---- the client ---------------------------------------------------------------------------------- */

static void send_frame(const struct stage *stage, const void *bytes, size_t length)
{
	(void)send(stage->client.fd, bytes, length, MSG_NOSIGNAL);
}

static void type(const struct stage *stage, const char *text)
{
	char frame[256] = {SESSION_INPUT};
	size_t length = strlen(text);

	memcpy(frame + 1, text, length);
	send_frame(stage, frame, length + 1);
}

static void resize(const struct stage *stage, unsigned rows, unsigned columns)
{
	uint8_t frame[5] = {SESSION_SIZE};

	bl_put16(frame + 1, (uint16_t)rows);
	bl_put16(frame + 3, (uint16_t)columns);
	send_frame(stage, frame, sizeof(frame));
}

static void take_output(struct stage *stage, const uint8_t *bytes, size_t length)
{
	struct client *client = &stage->client;

	for (size_t i = 0; i < length; i++)
		client->shown += bytes[i] == SHOWN;
	/* What is here was counted before it was sent. */
	assert_true(client->shown <= stage->counted);
	if (length > sizeof(client->output) - 1 - client->length)
		client->length = 0;
	memcpy(client->output + client->length, bytes, length);
	client->length += length;
	client->output[client->length] = '\0';
}

/* One frame. False: there are no more (or, with MSG_DONTWAIT, none yet). */
static bool receive(struct stage *stage, int flags)
{
	struct client *client = &stage->client;
	uint8_t frame[SESSION_FRAME + 1];
	ssize_t length = recv(client->fd, frame, sizeof(frame), flags);

	if (length < 0 && (flags & MSG_DONTWAIT) && errno == EAGAIN)
		return false;
	if (length < 0 && errno == EAGAIN)
		fail_msg("nothing came for %d seconds", PATIENCE_S);
	if (length <= 0) {
		client->is_closed = true;
		return false;
	}
	assert_true(length <= SESSION_FRAME && length > 1);
	assert_false(client->has_end);
	if (frame[0] == SESSION_OUTPUT) {
		take_output(stage, frame + 1, (size_t)length - 1);
		return true;
	}
	assert_int_equal(frame[0], SESSION_END);
	client->has_end = true;
	client->exit_code = frame[1];
	memcpy(client->why, frame + 2, (size_t)length - 2);
	client->why[length - 2] = '\0';
	assert_null(strchr(client->why, '\n'));
	return true;
}

static void await(struct stage *stage, const char *text)
{
	while (!memmem(stage->client.output, stage->client.length, text, strlen(text)))
		if (!receive(stage, 0))
			fail_msg("it ended (%s) before '%s' was shown", stage->client.why, text);
}

static void await_shown(struct stage *stage, size_t shown)
{
	while (stage->client.shown < shown)
		if (!receive(stage, 0))
			fail_msg("it ended (%s) when %zu bytes were shown", stage->client.why,
				 stage->client.shown);
}

/* ---- viewer and zygote ---------------------------------------------------------------------------- */

/* As much as the pty takes. */
static size_t view(const struct stage *stage, const char *bytes, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t put = write(stage->slave_fd, bytes + done, length - done);

		if (put <= 0)
			break;
		done += (size_t)put;
	}
	return done;
}

/* So many bytes of text, while the client takes them. */
static void view_shown(struct stage *stage, size_t count)
{
	char text[1024];

	memset(text, SHOWN, sizeof(text));
	while (count && !stage->client.has_end && !stage->client.is_closed) {
		size_t put = view(stage, text, BL_MIN(count, sizeof(text)));

		count -= put;
		if (put == 0)
			receive(stage, 0);
	}
}

static void await_go(const struct stage *stage)
{
	char go[8];

	assert_int_equal(recv(stage->channel_fd, go, sizeof(go), 0), 1);
}

static void report(const struct stage *stage, enum launch_kind kind, uint32_t status)
{
	assert_true(fake_report(stage->channel_fd, kind, 0, status, NULL, NULL, 0));
}

static void die(struct stage *stage)
{
	kill(stage->process.pid, SIGKILL);
	assert_true(fake_process_dies_killed(&stage->process));
}

static void hang_up(int *fd)
{
	fd_close(*fd);
	*fd = -1;
}

/* What was typed, as the viewer gets it. */
static void await_typed(const struct stage *stage, const char *wanted)
{
	size_t got = 0, length = strlen(wanted);
	char text[256];

	while (got < length) {
		struct pollfd ready = {.fd = stage->slave_fd, .events = POLLIN};

		if (poll(&ready, 1, PATIENCE_S * 1000) <= 0)
			fail_msg("'%s' did not come", wanted);

		ssize_t length_now = read(stage->slave_fd, text + got, length - got);

		if (length_now > 0)
			got += (size_t)length_now;
	}
	assert_memory_equal(text, wanted, length);
}

enum until { UNTIL_WELCOME, UNTIL_STARTING, UNTIL_RUNNING, UNTIL_COUNT };

static void go_on(struct stage *stage, enum until until)
{
	await(stage, "q: leave");
	await(stage, "Ctrl-] leaves");
	if (until == UNTIL_WELCOME)
		return;
	type(stage, " ");
	await_go(stage);
	if (until == UNTIL_STARTING)
		return;
	report(stage, LAUNCH_SEALED, 0);
	view(stage, "hello", 5);
	await(stage, "hello");
}

/* ---- the end ------------------------------------------------------------------------------------- */

static void await_end(struct stage *stage)
{
	struct pollfd ready = {.fd = stage->told_fd[0], .events = POLLIN};

	if (poll(&ready, 1, PATIENCE_S * 1000) != 1)
		fail_msg("it does not end");
	assert_int_equal(stage->ends, 1);
	assert_true(stage->end.shown <= stage->end.counted);
	assert_int_equal(stage->end.counted, stage->counted);
	assert_int_equal(stage->end.is_begun, stage->begins > 0 && stage->begin_status == BL_OK);
	/* Nothing in it lives when it is told. */
	assert_true(fake_process_was_killed(&stage->process));
}

static void assert_ends(struct stage *stage, int exit_code, const char *words)
{
	while (receive(stage, 0))
		;
	await_end(stage);
	if (!stage->client.has_end)
		fail_msg("there was no last word, '%s'", stage->end.text);
	if (stage->client.exit_code != exit_code || !strstr(stage->client.why, words))
		fail_msg("%d '%s'", stage->client.exit_code, stage->client.why);
	assert_string_equal(stage->client.why, stage->end.text);
	assert_true(stage->client.shown <= stage->end.shown);
}

/* ---- from the first screen on ---------------------------------------------------------------------- */

static void viewer_is_shown_from_the_key_to_its_end(void **state)
{
	struct stage *stage = *state;
	struct session_state now;

	start(stage);
	go_on(stage, UNTIL_WELCOME);
	await(stage, "what is looked at is logged.");
	await(stage, "erika.m  RMA-1  session 17  14:05  Ctrl-] leaves");
	session_state(stage->session, &now);
	assert_false(now.is_begun);
	assert_int_equal(now.shown, 0);
	assert_int_equal(stage->shows, 0);
	assert_int_equal(stage->begins, 0);
	type(stage, " ");
	await_go(stage);
	assert_int_equal(stage->begins, 1);
	report(stage, LAUNCH_SEALED, 0);
	view_shown(stage, 100);
	await_shown(stage, 100);
	assert_int_equal(stage->shows, 1);
	type(stage, "j\033[A");
	await_typed(stage, "j\033[A");
	session_state(stage->session, &now);
	assert_true(now.is_begun);
	assert_int_equal(now.shown, 100);
	/* Its last words are shown, though it is dead. */
	view(stage, "adieu", 5);
	hang_up(&stage->slave_fd);
	die(stage);
	report(stage, LAUNCH_ENDED, 0);
	await(stage, "adieu");
	assert_ends(stage, 0, "its viewer ended");
	assert_int_equal(stage->end.shown, 105);
	assert_int_equal(stage->end.counted, SESSION_STEP);
}

static void nothing_of_the_viewer_is_read_before_it_is_sealed(void **state)
{
	struct stage *stage = *state;

	view(stage, "ZZZZ", 4);
	start(stage);
	go_on(stage, UNTIL_STARTING);
	type(stage, "early");
	resize(stage, 30, 100);
	/* Drawn again for the new size: so all that was typed before was taken. */
	await(stage, "\033[29;1H");
	assert_int_equal(stage->client.shown, 0);
	report(stage, LAUNCH_SEALED, 0);
	await_shown(stage, 4);
	type(stage, "late");
	await_typed(stage, "late");
}

static void key_typed_before_the_first_screen_is_none(void **state)
{
	struct stage *stage = *state;

	type(stage, "\n");
	resize(stage, 30, 100);
	start(stage);
	go_on(stage, UNTIL_WELCOME);
	assert_int_equal(stage->begins, 0);
	type(stage, "\n");
	await_go(stage);
	assert_int_equal(stage->begins, 1);
}

static void some_keys_leave_at_the_first_screen(void **state)
{
	static const char *const KEYS[] = {"q", "\x03", "\x04", "\x1d", "abc\x1d", "\x1dq"};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(KEYS); i++) {
		void *own = NULL;

		assert_int_equal(set_up(&own), 0);

		struct stage *stage = own;

		start(stage);
		go_on(stage, UNTIL_WELCOME);
		type(stage, KEYS[i]);
		assert_ends(stage, 0, "its person left at the first screen");
		assert_int_equal(stage->begins, 0);
		assert_int_equal(stage->counted, 0);
		tear_down(&own);
	}
}

static void one_key_leaves_at_any_time(void **state)
{
	(void)state;
	for (enum until until = UNTIL_WELCOME; until < UNTIL_COUNT; until++) {
		void *own = NULL;

		assert_int_equal(set_up(&own), 0);

		struct stage *stage = own;

		start(stage);
		go_on(stage, until);
		type(stage, "abc\x1d"
			    "def");
		assert_ends(stage, 0, "its person left");
		/* The terminal is given back. */
		assert_non_null(strstr(stage->client.output, "\033[?1049l"));
		tear_down(&own);
	}
}

static void leaving_works_when_the_viewer_takes_nothing(void **state)
{
	struct stage *stage = *state;
	char text[201];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	start(stage);
	go_on(stage, UNTIL_RUNNING);
	for (unsigned i = 0; i < 1000; i++)
		type(stage, text);
	type(stage, "\x1d");
	assert_ends(stage, 0, "its person left");
}

/* ---- what the place may say ------------------------------------------------------------------------ */

static void place_that_ends_ends_the_session(void **state)
{
	static const struct {
		const char *name;
		enum until until;
		bool dies, is_told, hangs_up;
		uint32_t status;
		int exit_code;
		const char *words;
	} ROWS[] = {
		{"well", UNTIL_RUNNING, true, true, false, 0, 0, "its viewer ended"},
		{"badly", UNTIL_RUNNING, true, true, false, 1, 1, "its viewer failed"},
		{"strangely", UNTIL_RUNNING, true, true, false, 77, 1, "its viewer failed"},
		{"told alone", UNTIL_RUNNING, false, true, false, 0, 0, "its viewer ended"},
		{"channel alone", UNTIL_RUNNING, false, false, true, 0, 1, "its viewer failed"},
		{"untold", UNTIL_RUNNING, true, false, true, 0, 1, "its viewer failed"},
		{"at the first screen", UNTIL_WELCOME, true, true, true, 1, 1, "before its viewer"},
		{"channel at the first screen", UNTIL_WELCOME, false, false, true, 0, 1,
		 "before its viewer"},
		{"when starting", UNTIL_STARTING, true, true, true, 1, 1, "before its viewer"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		void *own = NULL;

		assert_int_equal(set_up(&own), 0);

		struct stage *stage = own;

		start(stage);
		go_on(stage, ROWS[i].until);
		if (ROWS[i].dies)
			die(stage);
		if (ROWS[i].is_told)
			report(stage, LAUNCH_ENDED, ROWS[i].status);
		if (ROWS[i].hangs_up)
			hang_up(&stage->channel_fd);
		assert_ends(stage, ROWS[i].exit_code, ROWS[i].words);
		tear_down(&own);
	}
}

static void step_that_fails_is_named(void **state)
{
	(void)state;
	for (enum until until = UNTIL_WELCOME; until <= UNTIL_STARTING; until++) {
		void *own = NULL;

		assert_int_equal(set_up(&own), 0);

		struct stage *stage = own;

		start(stage);
		go_on(stage, until);
		assert_true(fake_report(stage->channel_fd, LAUNCH_FAILED, EPERM, 0, "landlock",
					NULL, 0));
		/* Who knows of the failed step may have hung up by now. */
		(void)fake_report(stage->channel_fd, LAUNCH_ENDED, 0, 1, NULL, NULL, 0);
		assert_ends(stage, 2, "no sealed session: landlock: Operation not permitted");
		tear_down(&own);
	}
}

static void viewer_that_is_done_at_once_is_shown(void **state)
{
	struct stage *stage = *state;

	start(stage);
	go_on(stage, UNTIL_STARTING);
	/* All of it before the broker looks once. */
	view(stage, "ZZZ", 3);
	hang_up(&stage->slave_fd);
	die(stage);
	report(stage, LAUNCH_SEALED, 0);
	report(stage, LAUNCH_ENDED, 0);
	hang_up(&stage->channel_fd);
	assert_ends(stage, 0, "its viewer ended");
	assert_int_equal(stage->client.shown, 3);
}

static void what_the_place_may_not_say_ends_it(void **state)
{
	static const struct {
		const char *name;
		enum until until;
		uint32_t kind;
		size_t size, fds;
	} ROWS[] = {
		{"sealed before go", UNTIL_WELCOME, LAUNCH_SEALED, 0, 0},
		{"sealed twice", UNTIL_RUNNING, LAUNCH_SEALED, 0, 0},
		{"failed when running", UNTIL_RUNNING, LAUNCH_FAILED, 0, 0},
		{"started", UNTIL_STARTING, LAUNCH_STARTED, 0, 1},
		{"mounted", UNTIL_RUNNING, LAUNCH_MOUNTED, 0, 2},
		{"ready", UNTIL_RUNNING, LAUNCH_READY, 0, 0},
		{"ended with a descriptor", UNTIL_RUNNING, LAUNCH_ENDED, 0, 1},
		{"no kind", UNTIL_RUNNING, 99, 0, 0},
		{"short", UNTIL_RUNNING, LAUNCH_ENDED, 5, 0},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct launch_report bytes = {.kind = ROWS[i].kind};
		void *own = NULL;

		assert_int_equal(set_up(&own), 0);

		struct stage *stage = own;
		int fds[2] = {stage->slave_fd, stage->slave_fd};

		start(stage);
		go_on(stage, ROWS[i].until);
		assert_true(fake_send(stage->channel_fd, &bytes,
				      ROWS[i].size ? ROWS[i].size : sizeof(bytes), fds,
				      ROWS[i].fds));
		assert_ends(stage, 1, "bailee-session says");
		tear_down(&own);
	}
}

/* ---- ended from outside ---------------------------------------------------------------------------- */

static void end_from_outside_kills_and_tells(void **state)
{
	(void)state;
	for (enum until until = UNTIL_WELCOME; until <= UNTIL_COUNT; until++) {
		struct session_state then;
		void *own = NULL;

		assert_int_equal(set_up(&own), 0);

		struct stage *stage = own;

		start(stage);
		/* The last row: at once, when nobody has seen anything. */
		if (until < UNTIL_COUNT)
			go_on(stage, until);
		if (until == UNTIL_RUNNING)
			view(stage, "ZZZZZZZZZZZZ", 12);
		session_end(stage->session, "the policy has changed");
		session_state(stage->session, &then);
		/* Killed before it returns, not only soon. */
		assert_true(fake_process_dies_killed(&stage->process));
		session_end(stage->session, "something else");
		assert_ends(stage, 3, "the policy has changed");
		assert_int_equal(stage->end.shown, then.shown);
		tear_down(&own);
	}
}

static void end_it(struct stage *stage)
{
	session_end(stage->session, "over its limit");
}

static void end_while_counting_shows_nothing_of_it(void **state)
{
	struct stage *stage = *state;

	stage->on_show = end_it;
	start(stage);
	go_on(stage, UNTIL_STARTING);
	report(stage, LAUNCH_SEALED, 0);
	view(stage, "ZZZZ", 4);
	assert_ends(stage, 3, "over its limit");
	assert_int_equal(stage->client.shown, 0);
	assert_int_equal(stage->end.shown, 0);
	assert_int_equal(stage->end.counted, SESSION_STEP);
}

static void end_of_what_has_ended_changes_nothing(void **state)
{
	struct stage *stage = *state;

	start(stage);
	go_on(stage, UNTIL_RUNNING);
	type(stage, "\x1d");
	assert_ends(stage, 0, "its person left");
	session_end(stage->session, "too late");
	session_stop(stage->session, "too late");
	stage->session = NULL;
	assert_int_equal(stage->ends, 1);
	assert_string_equal(stage->end.text, "its person left");
}

static void stop_waits_until_it_was_told(void **state)
{
	struct stage *stage = *state;

	start(stage);
	session_stop(stage->session, "the service stops");
	stage->session = NULL;
	assert_int_equal(stage->ends, 1);
	assert_ends(stage, 3, "the service stops");
}

static void *stop_all(void *argument)
{
	struct stage **stages = argument;

	for (size_t i = 0; i < MANY; i++) {
		session_stop(stages[i]->session, "the service stops");
		stages[i]->session = NULL;
	}
	return NULL;
}

static void many_are_stopped_from_another_thread(void **state)
{
	void *stages[MANY];
	size_t before;
	pthread_t thread;

	(void)state;
	/* The zone's file, once. */
	start(*state);
	before = fake_open_fds();
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(set_up(&stages[i]), 0);
		start(stages[i]);
	}
	for (size_t i = 0; i < MANY; i++)
		go_on(stages[i], (enum until)(i % UNTIL_COUNT));
	assert_int_equal(pthread_create(&thread, NULL, stop_all, stages), 0);
	for (size_t i = 0; i < MANY; i++)
		assert_ends(stages[i], 3, "the service stops");
	pthread_join(thread, NULL);
	for (size_t i = 0; i < MANY; i++)
		tear_down(&stages[i]);
	assert_int_equal(fake_open_fds(), before);
}

static void what_cannot_start_leaves_nothing(void **state)
{
	struct stage *stage = *state;
	struct session *session = NULL;
	struct bl_error why = {{0}};
	char byte;

	hang_up(&stage->options.launched.master_fd);
	assert_int_equal(session_start(&stage->options, &session, &why), BL_NO_MEMORY);
	assert_null(session);
	assert_true(*why.text);
	assert_true(fake_process_dies_killed(&stage->process));
	assert_int_equal(recv(stage->client.fd, &byte, 1, 0), 0);
	assert_int_equal(recv(stage->channel_fd, &byte, 1, 0), 0);
	assert_int_equal(stage->ends, 0);
}

/* ---- refusals ------------------------------------------------------------------------------------ */

static void beginning_that_is_refused_starts_no_viewer(void **state)
{
	struct stage *stage = *state;
	char go;

	stage->begin_status = BL_LOG_BROKEN;
	start(stage);
	go_on(stage, UNTIL_WELCOME);
	type(stage, " ");
	assert_ends(stage, 12, "no beginning");
	assert_int_equal(recv(stage->channel_fd, &go, 1, 0), 0);
}

static void nothing_is_shown_that_was_not_counted(void **state)
{
	static const unsigned ROWS[] = {1, 2, 3, 7};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		void *own = NULL;

		assert_int_equal(set_up(&own), 0);

		struct stage *stage = own;

		stage->show_refused_at = ROWS[i];
		start(stage);
		go_on(stage, UNTIL_STARTING);
		report(stage, LAUNCH_SEALED, 0);
		view_shown(stage, 40 * SESSION_STEP);
		assert_ends(stage, 3, "used up (limits: shown)");
		assert_int_equal(stage->shows, ROWS[i]);
		assert_true(stage->client.shown <= (ROWS[i] - 1) * SESSION_STEP);
		assert_int_equal(stage->client.shown, stage->end.shown);
		tear_down(&own);
	}
}

/* A repeat shows more than it takes to write: what it comes to is counted before as well. */
static void repeats_are_counted_as_they_show(void **state)
{
	struct stage *stage = *state;

	start(stage);
	go_on(stage, UNTIL_STARTING);
	report(stage, LAUNCH_SEALED, 0);
	for (unsigned i = 0; i < 200; i++)
		view(stage, "\033[HZ\033[79b", 10);
	view(stage, "\033[Hhello", 8);
	await(stage, "hello");

	struct session_state now;

	session_state(stage->session, &now);
	assert_true(now.shown >= 200 * 80);
	assert_true(now.shown <= stage->counted);
}

static void rate_holds_until_time_has_passed(void **state)
{
	struct stage *stage = *state;
	char text[SESSION_STEP];

	start(stage);
	go_on(stage, UNTIL_RUNNING);
	view_shown(stage, SESSION_BURST - SESSION_STEP);
	await_shown(stage, SESSION_BURST - SESSION_STEP);
	/* As much more as the pty takes: it is not read to its end. */
	memset(text, SHOWN, sizeof(text));
	for (unsigned i = 0; i < 16; i++) {
		view(stage, text, sizeof(text));
		type(stage, "k");
		await_typed(stage, "k");
		while (receive(stage, MSG_DONTWAIT))
			;
	}
	assert_true(stage->client.shown <= SESSION_BURST + 64);

	size_t before = stage->client.shown;

	stage->now_ms += 1000;
	session_poke(stage->session);
	await_shown(stage, before + 1024);
	type(stage, "k");
	await_typed(stage, "k");
	assert_true(stage->client.shown <= SESSION_BURST + SESSION_RATE + 64);
}

/* What shows nothing could still be work without end, and a way to carry something. */
static void what_shows_nothing_has_a_rate_as_well(void **state)
{
	static const char *const ROWS[] = {"\033]0;title\a", "\033[31m\033[32m", "\033[5;5H"};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		size_t written = 0, length = strlen(ROWS[i]), idle = 0;
		void *own = NULL;

		assert_int_equal(set_up(&own), 0);

		struct stage *stage = own;

		start(stage);
		go_on(stage, UNTIL_RUNNING);
		/* Until the broker turns and the pty takes nothing all the same. */
		while (idle < 3) {
			size_t before = written;

			while (view(stage, ROWS[i], length) == length)
				written += length;
			type(stage, "k");
			await_typed(stage, "k");
			while (receive(stage, MSG_DONTWAIT))
				;
			idle = written == before ? idle + 1 : 0;
			if (written > 8u * SESSION_BURST)
				fail_msg("row %zu has no rate", i);
		}
		tear_down(&own);
	}
}

/* ---- times --------------------------------------------------------------------------------------- */

static void times_end_it(void **state)
{
	static const struct {
		enum until until;
		int64_t passed_ms;
		int exit_code;
		const char *words;
	} ROWS[] = {
		{UNTIL_WELCOME, 900000, 3, "nothing was typed for 15 minutes (sessions: idle)"},
		{UNTIL_RUNNING, 900000, 3, "nothing was typed for 15 minutes (sessions: idle)"},
		{UNTIL_STARTING, LAUNCH_STEP_MS, 1, "does not answer"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		void *own = NULL;

		assert_int_equal(set_up(&own), 0);

		struct stage *stage = own;

		start(stage);
		go_on(stage, ROWS[i].until);
		stage->now_ms += ROWS[i].passed_ms - 1;
		session_poke(stage->session);
		resize(stage, 30, 100);
		await(stage, "\033[30;1H"); /* it has looked at the time, and lives */
		stage->now_ms += 1;
		session_poke(stage->session);
		assert_ends(stage, ROWS[i].exit_code, ROWS[i].words);
		tear_down(&own);
	}
}

static void who_types_is_ended_after_the_whole_time(void **state)
{
	struct stage *stage = *state;
	struct session_state now;

	start(stage);
	go_on(stage, UNTIL_RUNNING);
	for (unsigned i = 0; i < 35; i++) {
		stage->now_ms += 800000;
		type(stage, "j");
		await_typed(stage, "j");
		session_state(stage->session, &now);
		assert_int_equal(now.idle_seconds, 0);
	}
	stage->now_ms += 800000;
	session_poke(stage->session);
	assert_ends(stage, 3, "it has lasted 8 hours (sessions: total)");
}

static void times_pass_without_anybody_turning_them(void **state)
{
	struct stage *stage = *state;

	stage->options.idle_seconds = 1;
	assert_int_equal(session_start(&stage->options, &stage->session, NULL), BL_OK);
	assert_ends(stage, 3, "nothing was typed for 1 second (sessions: idle)");
}

static void watermark_tells_the_time(void **state)
{
	struct stage *stage = *state;

	start(stage);
	go_on(stage, UNTIL_RUNNING);
	stage->wall_seconds += 60;
	session_poke(stage->session);
	await(stage, "session 17  14:06  Ctrl-] leaves");
}

/* ---- clients ------------------------------------------------------------------------------------- */

static void client_that_goes_ends_it(void **state)
{
	(void)state;
	for (enum until until = UNTIL_WELCOME; until < UNTIL_COUNT; until++) {
		void *own = NULL;

		assert_int_equal(set_up(&own), 0);

		struct stage *stage = own;

		start(stage);
		go_on(stage, until);
		hang_up(&stage->client.fd);
		await_end(stage);
		assert_string_equal(stage->end.text, "its terminal is gone");
		tear_down(&own);
	}
}

static void junk_frames_cut_it(void **state)
{
	static uint8_t junk[SESSION_FRAME + 1] = {SESSION_INPUT};
	static const struct {
		const char *name;
		const void *bytes;
		size_t length;
	} ROWS[] = {
		{"unknown", "x", 1},
		{"NUL", "\0", 1},
		{"output", "Oabc", 4},
		{"end", "E\0", 2},
		{"size alone", "W", 1},
		{"size short", "W\1\0\1", 4},
		{"size long", "W\1\0\1\0\0", 6},
		{"too long", junk, sizeof(junk)},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		void *own = NULL;

		assert_int_equal(set_up(&own), 0);

		struct stage *stage = own;

		start(stage);
		go_on(stage, (enum until)(i % UNTIL_COUNT));
		send_frame(stage, ROWS[i].bytes, ROWS[i].length);
		assert_ends(stage, 2, "its client sent what is no frame");
		tear_down(&own);
	}
}

static void longest_frame_is_taken(void **state)
{
	static uint8_t frame[SESSION_FRAME] = {SESSION_INPUT, 'a', 'b', 'c'};
	struct stage *stage = *state;

	start(stage);
	go_on(stage, UNTIL_RUNNING);
	send_frame(stage, frame, sizeof(frame));
	await_typed(stage, "abc");
}

static void descriptors_of_a_client_are_not_kept(void **state)
{
	struct stage *stage = *state;
	int pair[2];
	char byte;

	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	start(stage);
	go_on(stage, UNTIL_RUNNING);
	assert_true(fake_send(stage->client.fd, "Ia", 2, &pair[1], 1));
	await_typed(stage, "a");
	fd_close(pair[1]);
	assert_int_equal(read(pair[0], &byte, 1), 0);
	fd_close(pair[0]);
}

static void flood_of_the_client_cuts_it(void **state)
{
	static const struct {
		const char *name;
		size_t length;
	} ROWS[] = {{"long ones", SESSION_FRAME}, {"short ones", 2}, {"empty ones", 1}};
	static uint8_t frame[SESSION_FRAME] = {SESSION_INPUT};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		void *own = NULL;

		assert_int_equal(set_up(&own), 0);

		struct stage *stage = own;

		start(stage);
		go_on(stage, UNTIL_RUNNING);
		/* Until nobody takes it any more. */
		while (send(stage->client.fd, frame, ROWS[i].length, MSG_NOSIGNAL) > 0)
			;
		assert_ends(stage, 3, "its client sends more than anybody types");
		tear_down(&own);
	}
}

static void client_that_takes_nothing_is_alone_with_it(void **state)
{
	struct stage *slow = *state;
	void *own = NULL;

	assert_int_equal(set_up(&own), 0);

	struct stage *other = own;
	char text[1024];

	start(slow);
	go_on(slow, UNTIL_RUNNING);
	memset(text, SHOWN, sizeof(text));
	/* Nobody reads it; in the end the broker turns and the pty takes nothing all the same. */
	for (unsigned idle = 0; idle < 3;) {
		size_t written = view(slow, text, sizeof(text));

		type(slow, "k");
		await_typed(slow, "k");
		idle = written ? 0 : idle + 1;
	}
	start(other);
	go_on(other, UNTIL_RUNNING);
	view_shown(other, 3 * SESSION_STEP);
	await_shown(other, 3 * SESSION_STEP);
	type(other, "\x1d");
	assert_ends(other, 0, "its person left");
	tear_down(&own);
	/* It still listens, and ends without being read. */
	type(slow, "\x1d");
	await_end(slow);
	while (receive(slow, 0))
		;
	assert_int_equal(slow->client.shown + 5, slow->end.shown);
}

static void pty_has_one_row_less(void **state)
{
	struct stage *stage = *state;
	struct winsize size = {0};

	start(stage);
	go_on(stage, UNTIL_RUNNING);
	assert_int_equal(ioctl(stage->slave_fd, TIOCGWINSZ, &size), 0);
	assert_int_equal(size.ws_row, 23);
	assert_int_equal(size.ws_col, 80);
}

static void await_size(struct stage *stage, unsigned rows, unsigned columns)
{
	struct winsize size = {0};

	for (;;) {
		assert_int_equal(ioctl(stage->slave_fd, TIOCGWINSZ, &size), 0);
		if (size.ws_row == rows && size.ws_col == columns)
			return;
		/* Whoever changes it draws as well. */
		assert_true(receive(stage, 0));
	}
}

static void sizes_are_clamped_and_the_last_one_counts(void **state)
{
	struct stage *stage = *state;

	start(stage);
	go_on(stage, UNTIL_RUNNING);
	resize(stage, 0, 0);
	await_size(stage, SCREEN_ROWS_LEAST - 1, SCREEN_COLUMNS_LEAST);
	resize(stage, 65535, 65535);
	await_size(stage, SCREEN_MOST - 1, SCREEN_MOST);
	/* A storm, and nobody reads meanwhile. */
	for (unsigned i = 0; i < 1000; i++)
		resize(stage, 10 + i % 50, 40 + i % 70);
	resize(stage, 25, 81);
	await_size(stage, 24, 81);
	view(stage, "still there", 11);
	await(stage, "still there");
	type(stage, "\x1d");
	assert_ends(stage, 0, "its person left");
}

static void first_screen_fits_any_terminal(void **state)
{
	static const struct screen_size ROWS[] = {{3, 20}, {3, 80}, {5, 20}, {24, 80}, {999, 1000}};
	static const char TEXT[] = "A line that is much longer than twenty columns, with "
				   "averyveryverylongwordthatnobodywouldwriteinatextofthiskind\n\n"
				   "Gr\xc3\xbc\xc3\x9f"
				   "e \xe5\xae\xa2\xe6\x88\xb7 \xff\xfe end\nlast\n";

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(bl_free) char *page = welcome_page(TEXT, ROWS[i]);
		char clock[64];
		unsigned lines = 1;

		assert_non_null(page);
		for (const char *at = page; (at = strchr(at, '\n')); at++)
			lines++;
		assert_true(lines <= ROWS[i].rows);
		snprintf(clock, sizeof(clock), "\033[%u;1H\033[Kany key: go", ROWS[i].rows);
		assert_non_null(strstr(page, clock));
		assert_int_equal(strstr(page, "last") == NULL, ROWS[i].rows < 10);
		assert_int_equal(strstr(page, "...") != NULL, ROWS[i].rows < 10);
	}
}

/* Beside its label where there is room, and going on below itself; a small terminal has no empty rows. */
static void labels_have_a_column_of_their_own(void **state)
{
	static const char TEXT[] =
		"Title\n\nEnds:\tone two three four five six seven eight nine ten "
		"eleven twelve thirteen\nLast:\tword\n";
	BL_CLEANUP(bl_free) char *wide = welcome_page(TEXT, (struct screen_size){24, 60});
	BL_CLEANUP(bl_free) char *narrow = welcome_page(TEXT, (struct screen_size){12, 40});

	(void)state;
	assert_non_null(strstr(wide, "Title\r\n\r\nEnds:        one two"));
	assert_non_null(strstr(wide, "\r\n             ten eleven"));
	assert_non_null(strstr(wide, "\r\nLast:        word"));
	assert_non_null(strstr(narrow, "Title\r\nEnds: one two"));
	assert_null(strstr(narrow, "\r\n\r\n"));
}

static void spans_are_said_in_words(void **state)
{
	static const struct {
		int64_t seconds;
		const char *words;
	} ROWS[] = {{1, "1 second"},	 {90, "90 seconds"}, {60, "1 minute"},
		    {900, "15 minutes"}, {3600, "1 hour"},   {28800, "8 hours"}};
	char words[64];

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		session_span(ROWS[i].seconds, words, sizeof(words));
		assert_string_equal(words, ROWS[i].words);
	}
}

static void session_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct session) <= 48u << 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(viewer_is_shown_from_the_key_to_its_end),
		TEST(nothing_of_the_viewer_is_read_before_it_is_sealed),
		TEST(key_typed_before_the_first_screen_is_none),
		cmocka_unit_test(some_keys_leave_at_the_first_screen),
		cmocka_unit_test(one_key_leaves_at_any_time),
		TEST(leaving_works_when_the_viewer_takes_nothing),
		cmocka_unit_test(place_that_ends_ends_the_session),
		cmocka_unit_test(step_that_fails_is_named),
		TEST(viewer_that_is_done_at_once_is_shown),
		cmocka_unit_test(what_the_place_may_not_say_ends_it),
		cmocka_unit_test(end_from_outside_kills_and_tells),
		TEST(end_while_counting_shows_nothing_of_it),
		TEST(end_of_what_has_ended_changes_nothing),
		TEST(stop_waits_until_it_was_told),
		TEST(many_are_stopped_from_another_thread),
		TEST(what_cannot_start_leaves_nothing),
		TEST(beginning_that_is_refused_starts_no_viewer),
		cmocka_unit_test(nothing_is_shown_that_was_not_counted),
		TEST(repeats_are_counted_as_they_show),
		TEST(rate_holds_until_time_has_passed),
		cmocka_unit_test(what_shows_nothing_has_a_rate_as_well),
		cmocka_unit_test(times_end_it),
		TEST(who_types_is_ended_after_the_whole_time),
		TEST(times_pass_without_anybody_turning_them),
		TEST(watermark_tells_the_time),
		cmocka_unit_test(client_that_goes_ends_it),
		cmocka_unit_test(junk_frames_cut_it),
		TEST(longest_frame_is_taken),
		TEST(descriptors_of_a_client_are_not_kept),
		cmocka_unit_test(flood_of_the_client_cuts_it),
		TEST(client_that_takes_nothing_is_alone_with_it),
		TEST(pty_has_one_row_less),
		TEST(sizes_are_clamped_and_the_last_one_counts),
		cmocka_unit_test(first_screen_fits_any_terminal),
		cmocka_unit_test(labels_have_a_column_of_their_own),
		cmocka_unit_test(spans_are_said_in_words),
		cmocka_unit_test(session_is_small),
	};

	setenv("TZ", "UTC0", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
