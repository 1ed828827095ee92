#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>

#include "fs/cli/relay.c"

/* A terminal (whose person is @master), a session (whose broker is @broker), and signals that wait to be read. */
struct fixture {
	int master, broker;
	struct termios raw;
	struct relay relay;
	struct relay_end end;
};

static int setup(void **state)
{
	/* No SIGTERM: who waits for this test has to be able to end it. */
	static const int SIGNALS[] = {SIGWINCH, SIGCONT, SIGTSTP, SIGUSR1};
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int pair[2], slave;
	sigset_t set;

	assert_non_null(fixture);
	assert_int_equal(openpty(&fixture->master, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(slave, &fixture->raw), 0);
	cfmakeraw(&fixture->raw);
	assert_int_equal(tcsetattr(slave, TCSANOW, &fixture->raw), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	sigemptyset(&set);
	for (size_t i = 0; i < BL_COUNT(SIGNALS); i++)
		sigaddset(&set, SIGNALS[i]);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	fixture->broker = pair[0];
	fixture->relay = (struct relay){
		.input_fd = slave,
		.output_fd = open(ptsname(fixture->master), O_WRONLY | O_NONBLOCK | O_NOCTTY),
		.session_fd = pair[1],
		.signal_fd = signalfd(-1, &set, SFD_NONBLOCK),
		.raw = &fixture->raw};
	assert_true(fixture->relay.output_fd >= 0 && fixture->relay.signal_fd >= 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	fd_close(fixture->master);
	fd_close(fixture->broker);
	fd_close(fixture->relay.input_fd);
	fd_close(fixture->relay.output_fd);
	fd_close(fixture->relay.session_fd);
	fd_close(fixture->relay.signal_fd);
	free(fixture);
	return 0;
}

static enum bl_status run(struct fixture *fixture)
{
	return relay(&fixture->relay, &fixture->end);
}

static void say(const struct fixture *fixture, const void *frame, size_t length)
{
	assert_int_equal(send(fixture->broker, frame, length, 0), length);
}

/* What has arrived, and no more. */
static void assert_shown(const struct fixture *fixture, const char *wanted)
{
	char got[256] = "";
	ssize_t length = *wanted ? read(fixture->master, got, sizeof(got) - 1) : 0;
	int left = -1;

	assert_true(length >= 0);
	assert_string_equal(got, wanted);
	assert_int_equal(ioctl(fixture->master, FIONREAD, &left), 0);
	assert_int_equal(left, 0);
}

static void assert_size(const struct fixture *fixture, unsigned rows, unsigned columns)
{
	uint8_t frame[16];

	assert_int_equal(recv(fixture->broker, frame, sizeof(frame), 0), 5);
	assert_int_equal(frame[0], SESSION_SIZE);
	assert_int_equal(frame[1] | frame[2] << 8, rows);
	assert_int_equal(frame[3] | frame[4] << 8, columns);
}

/* Nothing was said to the broker any more; it would have been before run() came back. */
static void assert_silent(const struct fixture *fixture)
{
	uint8_t frame[16];

	assert_int_equal(recv(fixture->broker, frame, sizeof(frame), MSG_DONTWAIT), -1);
}

/* ---- what a session says ----------------------------------------------------------------------------- */

static void what_it_shows_arrives_whole_and_its_end_last(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "O\033[1mone\r\n", 10);
	say(fixture, "Otwo", 4);
	say(fixture, "E\003it is closed", 14);
	assert_int_equal(run(fixture), BL_OK);
	assert_shown(fixture, "\033[1mone\r\ntwo");
	assert_true(fixture->end.was_told);
	assert_int_equal(fixture->end.exit_code, 3);
	assert_string_equal(fixture->end.text, "it is closed");
}

static void words_that_are_too_long_are_cut(void **state)
{
	struct fixture *fixture = *state;
	char frame[2 + 2000] = "E";

	memset(frame + 2, 'w', sizeof(frame) - 2);
	say(fixture, frame, sizeof(frame));
	assert_int_equal(run(fixture), BL_OK);
	assert_true(fixture->end.was_told);
	assert_int_equal(fixture->end.exit_code, 0);
	assert_int_equal(strlen(fixture->end.text), sizeof(fixture->end.text) - 1);
}

static void a_service_that_goes_without_a_word_is_told_apart(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "Oone", 4);
	fd_close(fd_take(&fixture->broker));
	assert_int_equal(run(fixture), BL_OK);
	assert_shown(fixture, "one");
	assert_false(fixture->end.was_told);
	assert_int_equal(fixture->end.exit_code, 1);
}

static void what_is_no_frame_is_the_end_and_never_shown(void **state)
{
	static const char *const FRAMES[] = {"X\033[2J", "E", "Ityped", "W1234"};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < BL_COUNT(FRAMES); i++) {
		say(fixture, FRAMES[i], strlen(FRAMES[i]));
		assert_int_equal(run(fixture), BL_OK);
		assert_false(fixture->end.was_told);
		assert_shown(fixture, "");
	}
}

/* ---- what a person types ----------------------------------------------------------------------------- */

struct typed {
	const struct fixture *fixture;
	char bytes[3000];
	size_t length;
	bool is_good;
};

/* A broker that ends when it has heard everything. */
static void *listen_to(void *context)
{
	struct typed *typed = context;
	uint8_t frame[SESSION_FRAME + 1];

	typed->is_good = true;
	while (typed->is_good && typed->length < sizeof(typed->bytes)) {
		ssize_t got = recv(typed->fixture->broker, frame, sizeof(frame), 0);

		if (got > 0 && frame[0] == SESSION_SIZE)
			continue;
		typed->is_good = got > 1 && (size_t)got <= SESSION_FRAME &&
				 frame[0] == SESSION_INPUT &&
				 (size_t)got - 1 <= sizeof(typed->bytes) - typed->length;
		if (typed->is_good) {
			memcpy(typed->bytes + typed->length, frame + 1, (size_t)got - 1);
			typed->length += (size_t)got - 1;
		}
	}
	(void)!send(typed->fixture->broker, "E\0heard", 7, 0);
	return NULL;
}

static void every_byte_that_is_typed_goes_there_as_it_is(void **state)
{
	struct fixture *fixture = *state;
	struct typed typed = {.fixture = fixture};
	char bytes[sizeof(typed.bytes)];
	pthread_t thread;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	assert_int_equal(pthread_create(&thread, NULL, listen_to, &typed), 0);
	assert_int_equal(write(fixture->master, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(run(fixture), BL_OK);
	pthread_join(thread, NULL);
	assert_true(typed.is_good);
	assert_memory_equal(typed.bytes, bytes, sizeof(bytes));
	assert_string_equal(fixture->end.text, "heard");
}

/* ---- its terminal ------------------------------------------------------------------------------------ */

static void its_size_is_told_first(void **state)
{
	static const struct {
		struct winsize size;
		unsigned rows, columns;
	} ROWS[] = {
		{{.ws_row = 50, .ws_col = 300}, 50, 300},
		{{.ws_row = 0, .ws_col = 0}, 24, 80},
		{{.ws_row = 0, .ws_col = 132}, 24, 132},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		assert_int_equal(ioctl(fixture->master, TIOCSWINSZ, &ROWS[i].size), 0);
		say(fixture, "E\0", 2);
		assert_int_equal(run(fixture), BL_OK);
		assert_size(fixture, ROWS[i].rows, ROWS[i].columns);
		assert_silent(fixture);
	}
}

static void a_terminal_that_is_gone_is_told(void **state)
{
	struct fixture *fixture = *state;

	fd_close(fd_take(&fixture->master));
	assert_int_equal(run(fixture), BL_IO);
	assert_false(fixture->end.was_told);
}

/* More than a pty holds, of which nobody reads a byte. */
#define MUCH (SESSION_FRAME - 1)

static void say_much(const struct fixture *fixture)
{
	char frame[SESSION_FRAME];

	memset(frame, '.', sizeof(frame));
	frame[0] = SESSION_OUTPUT;
	memcpy(frame + sizeof(frame) - 4, "more", 4);
	for (unsigned i = 0; i < 4; i++)
		say(fixture, frame, sizeof(frame));
}

static void a_frozen_terminal_does_not_keep_a_signal_away(void **state)
{
	struct fixture *fixture = *state;

	say_much(fixture);
	raise(SIGUSR1);
	assert_int_equal(run(fixture), BL_FAILED);
	assert_int_equal(fixture->end.exit_code, SIGUSR1);
}

struct reading {
	int master;
	size_t wanted;
	char last[5];
	bool is_good;
};

static void *read_all(void *context)
{
	struct reading *reading = context;
	char byte;

	reading->is_good = true;
	for (size_t i = 0; reading->is_good && i < reading->wanted; i++) {
		reading->is_good = read(reading->master, &byte, 1) == 1;
		memmove(reading->last, reading->last + 1, 3);
		reading->last[3] = byte;
	}
	return NULL;
}

static void a_slow_terminal_gets_everything(void **state)
{
	struct fixture *fixture = *state;
	struct reading reading = {.master = fixture->master, .wanted = 4 * (size_t)MUCH};
	pthread_t thread;

	say_much(fixture);
	say(fixture, "E\0", 2);
	assert_int_equal(pthread_create(&thread, NULL, read_all, &reading), 0);
	assert_int_equal(run(fixture), BL_OK);
	pthread_join(thread, NULL);
	assert_true(reading.is_good && fixture->end.was_told);
	assert_string_equal(reading.last, "more");
}

/* ---- signals ------------------------------------------------------------------------------------------ */

static void a_signal_ends_it(void **state)
{
	struct fixture *fixture = *state;

	raise(SIGUSR1);
	assert_int_equal(run(fixture), BL_FAILED);
	assert_int_equal(fixture->end.exit_code, SIGUSR1);
	assert_false(fixture->end.was_told);
}

static void another_size_is_told(void **state)
{
	const struct winsize size = {.ws_row = 11, .ws_col = 22};
	struct fixture *fixture = *state;

	assert_int_equal(ioctl(fixture->master, TIOCSWINSZ, &size), 0);
	raise(SIGWINCH);
	assert_true(take_signal(&fixture->relay, &fixture->end));
	assert_size(fixture, 11, 22);
}

static void who_goes_on_has_the_modes_again(void **state)
{
	struct fixture *fixture = *state;
	struct termios cooked, now;

	assert_int_equal(tcgetattr(fixture->relay.input_fd, &cooked), 0);
	cooked.c_lflag |= ICANON | ECHO;
	assert_int_equal(tcsetattr(fixture->relay.input_fd, TCSANOW, &cooked), 0);
	raise(SIGCONT);
	assert_true(take_signal(&fixture->relay, &fixture->end));
	assert_int_equal(tcgetattr(fixture->relay.input_fd, &now), 0);
	assert_int_equal(now.c_lflag & (ICANON | ECHO), 0);
}

static void a_stop_is_no_end(void **state)
{
	struct fixture *fixture = *state;

	raise(SIGTSTP);
	assert_true(take_signal(&fixture->relay, &fixture->end));
	assert_silent(fixture);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_it_shows_arrives_whole_and_its_end_last),
		TEST(words_that_are_too_long_are_cut),
		TEST(a_service_that_goes_without_a_word_is_told_apart),
		TEST(what_is_no_frame_is_the_end_and_never_shown),
		TEST(every_byte_that_is_typed_goes_there_as_it_is),
		TEST(its_size_is_told_first),
		TEST(a_terminal_that_is_gone_is_told),
		TEST(a_frozen_terminal_does_not_keep_a_signal_away),
		TEST(a_slow_terminal_gets_everything),
		TEST(a_signal_ends_it),
		TEST(another_size_is_told),
		TEST(who_goes_on_has_the_modes_again),
		TEST(a_stop_is_no_end),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
