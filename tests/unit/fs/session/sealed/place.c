/* What process 1 and the zygote tell, and the order of the steps. */

/* bailee-session is no part of libfs; this is one file of it, and what it calls is not called here. */
#include "fs/session/sealed/place.c"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>

#include <cmocka.h>

int landlock_seal(void)
{
	return ENOSYS;
}
int calls_seal(BL_UNUSED const struct calls *calls)
{
	return ENOSYS;
}
int seal_trial(BL_UNUSED const char *step)
{
	return ENOSYS;
}
_Noreturn void holder_main(BL_UNUSED const struct launch_request *request)
{
	_exit(255);
}

static const struct launch_report TOLD = {
	.kind = LAUNCH_FAILED, .error = EIO, .status = 1, .text = "fuse"};

static size_t receive(int fd, struct launch_report *out, int fds[2])
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = {out, sizeof(*out)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};

	assert_int_equal(recvmsg(fd, &message, MSG_CMSG_CLOEXEC), sizeof(*out));
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	size_t length = header ? header->cmsg_len - CMSG_LEN(0) : 0;
	if (header)
		memcpy(fds, CMSG_DATA(header), length);
	return length / sizeof(int);
}

static void a_report_brings_the_descriptors_it_has(void **state)
{
	int ends[2], fds[2];
	struct launch_report report;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	for (size_t count = 0; count <= 2; count++) {
		assert_true(report_send(ends[0], &TOLD, count > 0 ? STDIN_FILENO : -1,
					count > 1 ? STDOUT_FILENO : -1));
		assert_int_equal(receive(ends[1], &report, fds), count);
		assert_memory_equal(&report, &TOLD, sizeof(report));
		for (size_t i = 0; i < count; i++)
			close(fds[i]);
	}
	close(ends[0]);
	close(ends[1]);
}

/* SIGPIPE would be the zygote's end, and that of every session. */
static void nobody_to_tell_is_no_signal(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	close(ends[1]);
	(void)signal(SIGPIPE, SIG_DFL);
	assert_false(report_send(ends[0], &TOLD, -1, -1));
	assert_false(report_send(ends[0], &TOLD, STDIN_FILENO, -1));
	close(ends[0]);
}

static void a_device_is_one_folder(void **state)
{
	static const char *const names[] = {"", ".", "..", "/", "a/b", "../etc", "/etc"};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(names); i++)
		assert_int_equal(enter_device(names[i]), EINVAL);
}

/* What one person takes of the host, however many processes they are. In a child: it cannot be given back. */
static int limits_of_a_session(const char *viewer)
{
	struct launch_request request = {.argc = 1};
	struct place place = {.request = &request};
	static const __rlimit_resource_t NONE[] = {RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE};
	struct rlimit limit;

	snprintf(request.args, sizeof(request.args), "%s", viewer);
	if (step_limits(&place) || getpriority(PRIO_PROCESS, 0) < NICENESS)
		return 1;
	for (size_t i = 0; i < BL_COUNT(NONE); i++)
		if (getrlimit(NONE[i], &limit) || limit.rlim_max)
			return 2;
	if (getrlimit(RLIMIT_NPROC, &limit) || limit.rlim_max > 32 ||
	    getrlimit(RLIMIT_AS, &limit) || limit.rlim_max > (rlim_t)512 << 20 ||
	    getrlimit(RLIMIT_SIGPENDING, &limit) || limit.rlim_max > 64)
		return 3;
	/* 0 would still give a handler of the host a core. */
	if (getrlimit(RLIMIT_CORE, &limit) || limit.rlim_max != 1)
		return 4;
	return getrlimit(RLIMIT_FSIZE, &limit) ||
	       limit.rlim_max != (has_tmp(&request) ? TMP_BYTES : 0);
}

static void a_session_is_limited(void **state)
{
	static const char *const viewers[] = {"/usr/bin/less", "/usr/bin/mc"};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(viewers); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(limits_of_a_session(viewers[i]));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static size_t index_of(const char *name)
{
	const char *const *steps = place_steps();

	for (size_t i = 0; steps[i]; i++)
		if (strcmp(steps[i], name) == 0)
			return i;
	fail_msg("no step %s", name);
	return 0;
}

/* What a later step would undo, or could not do any more. */
static void steps_are_in_their_order(void **state)
{
	static const char *const pairs[][2] = {
		{"identity", "death"},	   {"private", "pts"},	     {"fuse", "root"},
		{"root", "landlock"},	   {"pts", "terminal"},	     {"limits", "capabilities"},
		{"capabilities", "calls"}, {"privileges", "calls"},  {"privileges", "landlock"},
		{"landlock", "calls"},	   {"calls", "descriptors"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(pairs); i++)
		assert_true(index_of(pairs[i][0]) < index_of(pairs[i][1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_brings_the_descriptors_it_has),
		cmocka_unit_test(nobody_to_tell_is_no_signal),
		cmocka_unit_test(a_device_is_one_folder),
		cmocka_unit_test(a_session_is_limited),
		cmocka_unit_test(steps_are_in_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
