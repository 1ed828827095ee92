/* The daemon's side of a launch, against ends that say what they should not, too little, or nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "fs/session/private.h"
#include "tests/unit/fs/session/fake.h"

/* Time stands still, and passes as whoever waits for it asks, when nothing else can come. */
static atomic_bool is_hurried;
static atomic_llong hurried_ms;

int clock_gettime(clockid_t clock, struct timespec *out)
{
	int error = (int)syscall(SYS_clock_gettime, clock, out);

	if (error == 0)
		out->tv_sec += hurried_ms / 1000;
	return error;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	struct timespec wait = {timeout / 1000, timeout % 1000 * 1000000L};
	struct timespec none = {0};
	int ready = (int)syscall(SYS_ppoll, fds, count,
				 is_hurried    ? &none
				 : timeout < 0 ? NULL
					       : &wait,
				 NULL, 0);

	if (ready == 0 && is_hurried && timeout > 0)
		hurried_ms += timeout + 1000;
	return ready;
}

enum pass { PASS_NONE, PASS_PIDFD, PASS_FUSE, PASS_MASTER, PASS_NULL };

/* What the fake says, one after another. */
struct saying {
	uint32_t kind;
	int error;
	const char *text;
	enum pass fds[FAKE_FDS];
	size_t size; /* of the datagram; 0: a report's own */
};

struct stage {
	int near, far;
	int null_fd, fuse_fd, master_fd;
	struct fake_process process;
	pthread_t thread;
	const struct saying *sayings;
	size_t count;
	bool keeps_channel; /* it says nothing more and does not hang up either */
	int channel_fd;
	size_t request_length, request_fds;
	struct launch_request request;
};

static int set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	int pair[2];

	is_hurried = false;
	hurried_ms = 0;
	if (!stage || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	stage->near = pair[0];
	stage->far = pair[1];
	stage->channel_fd = -1;
	stage->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	stage->fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	stage->master_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	stage->process = fake_process_start();
	*state = stage;
	return stage->process.pidfd < 0 || stage->null_fd < 0 || stage->master_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct stage *stage = *state;

	fake_process_done(&stage->process);
	fd_close(stage->near);
	fd_close(stage->far);
	fd_close(stage->null_fd);
	fd_close(stage->fuse_fd);
	fd_close(stage->master_fd);
	fd_close(stage->channel_fd);
	free(stage);
	return 0;
}

static size_t fds_of(const struct stage *stage, const struct saying *saying, int fds[FAKE_FDS])
{
	const int have[] = {-1, stage->process.pidfd, stage->fuse_fd, stage->master_fd,
			    stage->null_fd};
	size_t count = 0;

	while (count < FAKE_FDS && saying->fds[count] != PASS_NONE) {
		fds[count] = have[saying->fds[count]];
		count++;
	}
	return count;
}

static void say(const struct stage *stage, int fd, const struct saying *saying)
{
	struct {
		struct launch_report report;
		char more[64];
	} bytes = {.report = {.kind = saying->kind, .error = saying->error}};
	int fds[FAKE_FDS];
	size_t count = fds_of(stage, saying, fds);

	if (saying->text)
		memcpy(bytes.report.text, saying->text, strlen(saying->text));
	(void)fake_send(fd, &bytes, saying->size ? saying->size : sizeof(bytes.report), fds, count);
}

/* A request with the channel, then all the sayings on it. */
static void *play(void *argument)
{
	struct stage *stage = argument;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec part = {.iov_base = &stage->request, .iov_len = sizeof(stage->request)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.room,
				 .msg_controllen = sizeof(control.room)};
	ssize_t got = recvmsg(stage->far, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	if (!header)
		return NULL;
	stage->request_length = (size_t)got;
	stage->request_fds = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(&stage->channel_fd, CMSG_DATA(header), sizeof(int));
	for (size_t i = 0; i < stage->count; i++)
		say(stage, stage->channel_fd, &stage->sayings[i]);
	if (!stage->keeps_channel) {
		fd_close(stage->channel_fd);
		stage->channel_fd = -1;
	}
	return NULL;
}

static enum bl_status launch(struct stage *stage, const struct saying *sayings, size_t count,
			     struct launched *out, struct bl_error *why)
{
	struct launch_request request = {.version = LAUNCH_VERSION, .uid = SESSION_UID_FIRST + 5};

	stage->sayings = sayings;
	stage->count = count;
	assert_int_equal(pthread_create(&stage->thread, NULL, play, stage), 0);

	enum bl_status status = launch_session(stage->near, &request, out, why);

	pthread_join(stage->thread, NULL);
	return status;
}

#define STARTED                                                                                    \
	{                                                                                          \
		.kind = LAUNCH_STARTED, .fds = { PASS_PIDFD }                                      \
	}
#define MOUNTED                                                                                    \
	{                                                                                          \
		.kind = LAUNCH_MOUNTED, .fds = { PASS_FUSE, PASS_MASTER }                          \
	}

static void session_is_launched_and_killed_by_its_owner(void **state)
{
	static const struct saying SAYINGS[] = {STARTED, MOUNTED};
	struct stage *stage = *state;
	struct bl_error why = {{0}};
	char go[8];

	if (stage->fuse_fd < 0)
		skip();
	stage->keeps_channel = true;
	{
		LAUNCHED_CLEANUP struct launched launched = LAUNCHED_NONE;

		if (launch(stage, SAYINGS, BL_COUNT(SAYINGS), &launched, &why) != BL_OK)
			fail_msg("%s", why.text);
		assert_int_equal(stage->request_length, sizeof(struct launch_request));
		assert_int_equal(stage->request_fds, 1);
		assert_int_equal(stage->request.uid, SESSION_UID_FIRST + 5);
		assert_int_equal(fcntl(launched.pidfd, F_GETFD), FD_CLOEXEC);
		assert_int_equal(fcntl(launched.fuse_fd, F_GETFD), FD_CLOEXEC);
		assert_int_equal(fcntl(launched.master_fd, F_GETFD), FD_CLOEXEC);
		assert_int_equal(fcntl(launched.channel_fd, F_GETFD), FD_CLOEXEC);
		assert_int_equal(launch_go(&launched, &why), BL_OK);
		assert_int_equal(recv(stage->channel_fd, go, sizeof(go), 0), 1);
		assert_false(fake_process_was_killed(&stage->process));
	}
	assert_true(fake_process_dies_killed(&stage->process));
	/* Nobody else holds the near end. */
	assert_int_equal(recv(stage->channel_fd, go, sizeof(go), 0), 0);
}

static void go_to_what_is_gone_fails(void **state)
{
	static const struct saying SAYINGS[] = {STARTED, MOUNTED};
	struct stage *stage = *state;
	LAUNCHED_CLEANUP struct launched launched = LAUNCHED_NONE;
	struct bl_error why = {{0}};

	if (stage->fuse_fd < 0)
		skip();
	assert_int_equal(launch(stage, SAYINGS, BL_COUNT(SAYINGS), &launched, &why), BL_OK);
	assert_int_equal(launch_go(&launched, &why), BL_FAILED);
	assert_true(*why.text);
}

static void what_is_not_a_launch_leaves_nothing(void **state)
{
	static const struct {
		const char *name;
		enum bl_status status;
		const char *words;
		bool is_started;
		struct saying sayings[3];
	} ROWS[] = {
		{"gone at once", BL_FAILED, "gone", false, {{0}}},
		{"gone when started", BL_FAILED, "gone", true, {STARTED}},
		{"failed at once",
		 BL_UNSUPPORTED,
		 "no sealed session: clone: ",
		 false,
		 {{.kind = LAUNCH_FAILED, .error = EPERM, .text = "clone"}}},
		{"failed when started",
		 BL_UNSUPPORTED,
		 "no sealed session: fuse: ",
		 true,
		 {STARTED, {.kind = LAUNCH_FAILED, .error = ENODEV, .text = "fuse"}}},
		{"failed without an errno",
		 BL_UNSUPPORTED,
		 "no sealed session: unknown step: ",
		 false,
		 {{.kind = LAUNCH_FAILED}}},
		{"failed with control characters",
		 BL_UNSUPPORTED,
		 "a?[31m?b",
		 false,
		 {{.kind = LAUNCH_FAILED, .error = 1, .text = "a\033[31m\nb"}}},
		{"failed with a descriptor",
		 BL_FAILED,
		 "understood",
		 false,
		 {{.kind = LAUNCH_FAILED, .error = 1, .text = "x", .fds = {PASS_NULL}}}},
		{"mounted first", BL_FAILED, "else", false, {MOUNTED}},
		{"started twice", BL_FAILED, "else", true, {STARTED, STARTED}},
		{"sealed too early", BL_FAILED, "else", true, {STARTED, {.kind = LAUNCH_SEALED}}},
		{"ended", BL_FAILED, "else", true, {STARTED, {.kind = LAUNCH_ENDED}}},
		{"kind 0", BL_FAILED, "understood", false, {{.kind = 0}, {.size = 4}}},
		{"kind 99", BL_FAILED, "understood", false, {{.kind = 99}}},
		{"kind of all bits", BL_FAILED, "understood", false, {{.kind = UINT32_MAX}}},
		{"too short",
		 BL_FAILED,
		 "understood",
		 false,
		 {{.kind = LAUNCH_STARTED, .fds = {PASS_PIDFD}, .size = 8}}},
		{"too long",
		 BL_FAILED,
		 "understood",
		 false,
		 {{.kind = LAUNCH_STARTED,
		   .fds = {PASS_PIDFD},
		   .size = sizeof(struct launch_report) + 1}}},
		{"started without a process",
		 BL_FAILED,
		 "understood",
		 false,
		 {{.kind = LAUNCH_STARTED}}},
		{"started with two",
		 BL_FAILED,
		 "understood",
		 false,
		 {{.kind = LAUNCH_STARTED, .fds = {PASS_PIDFD, PASS_PIDFD}}}},
		{"started with what is no process",
		 BL_FAILED,
		 "no process",
		 false,
		 {{.kind = LAUNCH_STARTED, .fds = {PASS_NULL}}}},
		{"mounted with one",
		 BL_FAILED,
		 "understood",
		 true,
		 {STARTED, {.kind = LAUNCH_MOUNTED, .fds = {PASS_FUSE}}}},
		{"mounted with ten",
		 BL_FAILED,
		 "understood",
		 true,
		 {STARTED,
		  {.kind = LAUNCH_MOUNTED,
		   .fds = {PASS_FUSE, PASS_MASTER, PASS_NULL, PASS_NULL, PASS_NULL, PASS_NULL,
			   PASS_NULL, PASS_NULL, PASS_NULL, PASS_NULL}}}},
		{"mounted the wrong way round",
		 BL_FAILED,
		 "no mount",
		 true,
		 {STARTED, {.kind = LAUNCH_MOUNTED, .fds = {PASS_MASTER, PASS_FUSE}}}},
		{"mounted with what is no terminal",
		 BL_FAILED,
		 "no mount",
		 true,
		 {STARTED, {.kind = LAUNCH_MOUNTED, .fds = {PASS_FUSE, PASS_NULL}}}},
	};
	struct stage *stage = *state;

	if (stage->fuse_fd < 0)
		skip();
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct launched launched = {4, 5, 6, 7};
		struct bl_error why = {{0}};
		size_t before = fake_open_fds(), count = 0;

		while (count < 3 && (ROWS[i].sayings[count].kind || ROWS[i].sayings[count].size))
			count++;
		if (strcmp(ROWS[i].name, "kind 0") == 0)
			count = 1;

		enum bl_status status = launch(stage, ROWS[i].sayings, count, &launched, &why);

		if (status != ROWS[i].status || !strstr(why.text, ROWS[i].words))
			fail_msg("%s: %s, '%s'", ROWS[i].name, bl_status_name(status), why.text);
		assert_int_equal(launched.pidfd, 5);
		if (fake_open_fds() != before)
			fail_msg("%s leaves descriptors open", ROWS[i].name);
		if (!ROWS[i].is_started) {
			assert_false(fake_process_was_killed(&stage->process));
			continue;
		}
		assert_true(fake_process_dies_killed(&stage->process));
		fake_process_done(&stage->process);
		stage->process = fake_process_start();
	}
}

static void who_says_nothing_is_not_waited_for(void **state)
{
	static const struct saying SAYINGS[] = {STARTED};
	struct stage *stage = *state;
	struct launched launched;
	struct bl_error why = {{0}};

	/* All that will ever be said lies there before the waiting begins. */
	stage->keeps_channel = true;
	is_hurried = true;
	assert_int_equal(launch(stage, SAYINGS, 0, &launched, &why), BL_TIMED_OUT);
	assert_true(*why.text);
	assert_true(hurried_ms >= LAUNCH_STEP_MS && hurried_ms < LAUNCH_READY_MS);
	hurried_ms = 0;
	assert_int_equal(launch_wait_ready(stage->near, NULL, &why), BL_TIMED_OUT);
	assert_true(hurried_ms >= LAUNCH_READY_MS);
}

static void who_takes_no_request_is_not_waited_for(void **state)
{
	struct stage *stage = *state;
	struct launch_request request = {0};
	struct launched launched;
	struct bl_error why = {{0}};

	while (send(stage->near, &request, sizeof(request), MSG_DONTWAIT) > 0)
		;
	is_hurried = true;
	assert_int_equal(launch_session(stage->near, &request, &launched, &why), BL_TIMED_OUT);
	fd_close(stage->far);
	stage->far = -1;
	assert_int_equal(launch_session(stage->near, &request, &launched, &why), BL_FAILED);
}

static void tree_is_ready_or_says_why_not(void **state)
{
	static const struct {
		const char *name;
		struct saying saying;
		enum bl_status status;
		const char *words;
	} ROWS[] = {
		{"ready", {.kind = LAUNCH_READY, .text = "nnn mc"}, BL_OK, "nnn mc"},
		{"all there", {.kind = LAUNCH_READY}, BL_OK, ""},
		{"a step",
		 {.kind = LAUNCH_READY, .error = EPERM, .text = "namespace"},
		 BL_UNSUPPORTED,
		 "no sealed session: namespace: Operation not permitted"},
		{"failed",
		 {.kind = LAUNCH_FAILED, .error = EPERM, .text = "calls"},
		 BL_UNSUPPORTED,
		 "no sealed session: calls: "},
		{"something else", {.kind = LAUNCH_SEALED}, BL_FAILED, "else"},
		{"with a descriptor",
		 {.kind = LAUNCH_READY, .fds = {PASS_NULL}},
		 BL_FAILED,
		 "understood"},
		{"short", {.kind = LAUNCH_READY, .size = 12}, BL_FAILED, "understood"},
	};
	struct stage *stage = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char missing[LAUNCH_TEXT] = "as before";
		struct bl_error why = {{0}};

		say(stage, stage->far, &ROWS[i].saying);

		enum bl_status status = launch_wait_ready(stage->near, missing, &why);
		const char *words = status == BL_OK ? missing : why.text;

		if (status != ROWS[i].status || !strstr(words, ROWS[i].words))
			fail_msg("%s: %s, '%s'", ROWS[i].name, bl_status_name(status), words);
		assert_true(status == BL_OK || strcmp(missing, "as before") == 0);
	}
	fd_close(stage->far);
	stage->far = -1;
	assert_int_equal(launch_wait_ready(stage->near, NULL, NULL), BL_FAILED);
}

static void text_without_end_is_ended(void **state)
{
	struct stage *stage = *state;
	char missing[LAUNCH_TEXT], text[LAUNCH_TEXT + 1];

	memset(text, 'a', LAUNCH_TEXT);
	text[LAUNCH_TEXT] = '\0';
	assert_true(fake_report(stage->far, LAUNCH_READY, 0, 0, text, NULL, 0));
	assert_int_equal(launch_wait_ready(stage->near, missing, NULL), BL_OK);
	assert_int_equal(strlen(missing), LAUNCH_TEXT - 1);
}

static void nothing_can_be_let_go_and_killed_too(void **state)
{
	struct stage *stage = *state;
	struct launched launched = LAUNCHED_NONE;

	launched_done(&launched);
	errno = 4711;
	launch_kill(-1);
	launch_kill(stage->null_fd);
	launch_kill(stage->process.pidfd);
	assert_true(fake_process_dies_killed(&stage->process));
	waitpid(stage->process.pid, NULL, 0);
	stage->process.pid = -1;
	launch_kill(stage->process.pidfd);
	assert_int_equal(errno, 4711);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(session_is_launched_and_killed_by_its_owner),
		TEST(go_to_what_is_gone_fails),
		TEST(what_is_not_a_launch_leaves_nothing),
		TEST(who_says_nothing_is_not_waited_for),
		TEST(who_takes_no_request_is_not_waited_for),
		TEST(tree_is_ready_or_says_why_not),
		TEST(text_without_end_is_ended),
		TEST(nothing_can_be_let_go_and_killed_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
