/* What a viewer is started with: its arguments as they were asked for, an environment that is ours alone. */

/* bailee-session is no part of libfs; what starts viewers is one file that stands by itself. */
#include "fs/session/sealed/holder.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct row {
	const char *args; /* each with its NUL, but for the last */
	size_t length;
	uint16_t argc;
	bool is_taken;
	const char *path, *argv[4];
} ROWS[] = {
#define ARGS(text) text, sizeof(text)
	{ARGS("/usr/bin/less"), 1, true, "/usr/bin/less", {"less"}},
	{ARGS("/usr/bin/grep\0-r\0x y"), 3, true, "/usr/bin/grep", {"grep", "-r", "x y"}},
	{ARGS("/usr/bin/ls\0"), 2, true, "/usr/bin/ls", {"ls", ""}},
	{ARGS("/usr/bin/mc"), 1, true, "/usr/bin/mc", {"mc", "-u"}},
	{ARGS("/usr/bin/mc\0docs"), 2, true, "/usr/bin/mc", {"mc", "-u", "docs"}},
	{ARGS("/usr/bin/less"), 0, false, NULL, {NULL}},
	{ARGS("/usr/bin/less"), 2, false, NULL, {NULL}},
	{ARGS("/usr/bin/less\0a\0b"), 2, false, NULL, {NULL}},
	{ARGS("/usr/bin/less"), LAUNCH_ARGC + 1, false, NULL, {NULL}},
	{"/usr/bin/less", 13, 1, false, NULL, {NULL}}, /* no end */
	{"", 0, 1, false, NULL, {NULL}},
};

static struct launch_request request_of(const struct row *row)
{
	struct launch_request request = {
		.argc = row->argc, .args_length = (uint16_t)row->length, .term = "xterm"};

	memcpy(request.args, row->args, row->length);
	return request;
}

static bool is_as_asked(const struct row *row)
{
	struct launch_request request = request_of(row);
	struct viewer viewer;

	if (put_viewer(&viewer, &request) != row->is_taken)
		return false;
	if (!row->is_taken)
		return true;
	for (size_t i = 0; i < BL_COUNT(row->argv); i++) {
		const char *is = viewer.argv[i], *wanted = row->argv[i];

		if (!is != !wanted || (is && strcmp(is, wanted) != 0))
			return false;
	}
	return strcmp(viewer.path, row->path) == 0;
}

static void arguments_are_those_asked_for(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		bool is_right = is_as_asked(&ROWS[i]);

		if (!is_right)
			print_message("row %zu: '%s'\n", i, ROWS[i].args);
		wrong += !is_right;
	}
	assert_int_equal(wrong, 0);
}

static void as_many_arguments_as_there_may_be_fit(void **state)
{
	struct launch_request request = {.argc = LAUNCH_ARGC};
	struct viewer viewer;

	(void)state;
	strcpy(request.args, "/usr/bin/mc");
	request.args_length = sizeof("/usr/bin/mc") + LAUNCH_ARGC - 1;
	assert_true(put_viewer(&viewer, &request));
	assert_non_null(viewer.argv[LAUNCH_ARGC]);
	assert_null(viewer.argv[LAUNCH_ARGC + 1]);
}

static void the_environment_is_ours_alone(void **state)
{
	struct launch_request request = request_of(&ROWS[0]);
	struct viewer viewer;
	size_t count = 0;

	(void)state;
	/* All of it, with no NUL: what is too long is cut, not read on. */
	memset(request.term, 't', sizeof(request.term));
	assert_true(put_viewer(&viewer, &request));
	while (viewer.env[count])
		count++;
	assert_int_equal(count, BL_COUNT(ENVIRONMENT) + 1);
	assert_memory_equal(viewer.env[0], "TERM=ttt", 8);
	assert_int_equal(strlen(viewer.env[0]), strlen("TERM=") + LAUNCH_TERM - 1);
	assert_string_equal(viewer.env[1], "PATH=/usr/bin");
}

static int status_of(struct launch_request *request)
{
	int status;
	pid_t pid = fork();

	/* Not with the terminal of whoever runs the tests. */
	if (pid == 0)
		_exit(setsid() < 0 ? 255 : hold(request));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void the_end_is_the_viewers(void **state)
{
	static const struct row ends[] = {
		{ARGS("/bin/true"), 1, true, NULL, {NULL}},
		{ARGS("/bin/false"), 1, true, NULL, {NULL}},
		{ARGS("/nowhere/viewer"), 1, true, NULL, {NULL}},
	};
	static const int statuses[] = {0, 1, 1};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ends); i++) {
		struct launch_request request = request_of(&ends[i]);

		assert_int_equal(status_of(&request), statuses[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_are_those_asked_for),
		cmocka_unit_test(as_many_arguments_as_there_may_be_fit),
		cmocka_unit_test(the_environment_is_ours_alone),
		cmocka_unit_test(the_end_is_the_viewers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
