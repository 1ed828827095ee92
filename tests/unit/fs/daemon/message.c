#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fs/daemon/message.h"

struct ends {
	int near, far;
};

static int set_up(void **state)
{
	struct ends *ends = calloc(1, sizeof(*ends));
	int pair[2];

	if (!ends || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	*ends = (struct ends){.near = pair[0], .far = pair[1]};
	*state = ends;
	return 0;
}

static int tear_down(void **state)
{
	struct ends *ends = *state;

	fd_close(ends->near);
	fd_close(ends->far);
	free(ends);
	return 0;
}

static int lowest_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	fd_close(fd);
	return fd;
}

static void object_arrives_with_its_descriptor(void **state)
{
	const struct ends *ends = *state;
	BL_CLEANUP(json_decref) json_t *sent = json_pack("{s:s,s:i}", "do", "open", "bailee", 1);
	BL_CLEANUP(json_decref) json_t *got = NULL;
	BL_CLEANUP(fd_close) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	BL_CLEANUP(fd_close) int passed = -1;

	assert_int_equal(message_send(ends->near, sent, null, NULL), BL_OK);
	assert_int_equal(message_receive(ends->far, &got, &passed, NULL), BL_OK);
	assert_true(json_equal(sent, got));
	assert_true(passed >= 0 && passed != null);
	assert_int_equal(fcntl(passed, F_GETFD), FD_CLOEXEC);
}

static void what_is_no_object_is_refused_in_one_line(void **state)
{
	static const struct {
		const char *name, *text;
		size_t length;
	} ROWS[] = {
#define ROW(name, text) {name, text, sizeof(text) - 1}
		ROW("words", "hello"),
		ROW("list", "[]"),
		ROW("text", "\"x\""),
		ROW("half", "{"),
		ROW("two", "{}{}"),
		ROW("duplicate key", "{\"a\":1,\"a\":2}"),
		ROW("no UTF-8", "{\"a\":\"\xff\"}"),
		ROW("NUL behind", "{}\0"),
		ROW("NUL in a text", "{\"a\":\"\\u0000\"}"),
#undef ROW
	};
	const struct ends *ends = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {{0}};
		json_t *got = NULL;
		int passed = -1;

		assert_int_equal(
			message_send_bytes(ends->near, ROWS[i].text, ROWS[i].length, -1, NULL),
			BL_OK);
		if (message_receive(ends->far, &got, &passed, &why) != BL_INVALID)
			fail_msg("%s was taken", ROWS[i].name);
		assert_null(got);
		if (!*why.text || strchr(why.text, '\n'))
			fail_msg("%s is told as '%s'", ROWS[i].name, why.text);
	}
}

static void too_long_a_message_is_refused_at_both_ends(void **state)
{
	const struct ends *ends = *state;
	BL_CLEANUP(bl_free) char *text = malloc(DAEMON_MESSAGE_LIMIT + 1);
	json_t *got = NULL;
	int passed = -1;

	assert_non_null(text);
	memset(text, ' ', DAEMON_MESSAGE_LIMIT + 1);
	memcpy(text, "{}", 2);
	assert_int_equal(message_send_bytes(ends->near, text, DAEMON_MESSAGE_LIMIT + 1, -1, NULL),
			 BL_OK);
	assert_int_equal(message_receive(ends->far, &got, &passed, NULL), BL_INVALID);
	assert_int_equal(message_send_bytes(ends->near, text, DAEMON_MESSAGE_LIMIT, -1, NULL),
			 BL_OK);
	assert_int_equal(message_receive(ends->far, &got, &passed, NULL), BL_OK);
	json_decref(got);

	memset(text, 'x', DAEMON_MESSAGE_LIMIT);
	text[DAEMON_MESSAGE_LIMIT] = '\0';
	BL_CLEANUP(json_decref) json_t *long_one = json_pack("{s:s}", "a", text);

	assert_int_equal(message_send(ends->near, long_one, -1, NULL), BL_TOO_LARGE);
}

static void no_descriptor_of_a_refused_message_is_kept(void **state)
{
	static const int COUNTS[] = {2, 4, 5, 100};
	const struct ends *ends = *state;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(100 * sizeof(int))];
	} control;
	struct iovec part = {.iov_base = (char[]){"{}"}, .iov_len = 2};
	BL_CLEANUP(fd_close) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int before = lowest_free_fd();

	for (size_t i = 0; i < BL_COUNT(COUNTS); i++) {
		struct msghdr message = {.msg_iov = &part,
					 .msg_iovlen = 1,
					 .msg_control = control.room,
					 .msg_controllen =
						 CMSG_SPACE((size_t)COUNTS[i] * sizeof(int))};
		json_t *got = NULL;
		int passed = -1;

		memset(&control, 0, sizeof(control));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN((size_t)COUNTS[i] * sizeof(int));
		for (int k = 0; k < COUNTS[i]; k++)
			memcpy(CMSG_DATA(&control.header) + (size_t)k * sizeof(int), &null,
			       sizeof(int));
		assert_int_equal(sendmsg(ends->near, &message, MSG_NOSIGNAL), 2);
		assert_int_equal(message_receive(ends->far, &got, &passed, NULL), BL_INVALID);
		assert_int_equal(passed, -1);
		if (lowest_free_fd() != before)
			fail_msg("%d descriptors: some were kept", COUNTS[i]);
	}
}

static void closed_and_silent_peers_are_told_apart(void **state)
{
	const struct ends *ends = *state;
	const struct timeval soon = {.tv_usec = 1000};
	json_t *got = NULL;
	int passed = -1;

	assert_int_equal(setsockopt(ends->far, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
	assert_int_equal(message_receive(ends->far, &got, &passed, NULL), BL_TIMED_OUT);
	shutdown(ends->near, SHUT_WR);
	assert_int_equal(message_receive(ends->far, &got, &passed, NULL), BL_NOT_FOUND);
	shutdown(ends->far, SHUT_RDWR);
	assert_int_equal(message_send_bytes(ends->near, "{}", 2, -1, NULL), BL_IO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(object_arrives_with_its_descriptor),
		TEST(what_is_no_object_is_refused_in_one_line),
		TEST(too_long_a_message_is_refused_at_both_ends),
		TEST(no_descriptor_of_a_refused_message_is_kept),
		TEST(closed_and_silent_peers_are_told_apart),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
