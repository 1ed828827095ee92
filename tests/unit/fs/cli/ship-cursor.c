#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include <unistd.h>

/* Of cli.c, which belongs to the program: as it is there, for a small file. */
#include "fs/cli/ship-cursor.c"

enum bl_status cli_read_file(const char *path, size_t limit, char **out_text, size_t *out_length,
			     struct bl_error *why)
{
	FILE *in = fopen(path, "re");

	if (!in)
		return bl_fail_errno(why, BL_IO, "cannot open '%s'", path);
	*out_text = calloc(1, limit + 1);
	*out_length = *out_text ? fread(*out_text, 1, limit, in) : 0;
	fclose(in);
	return *out_text ? BL_OK : BL_NO_MEMORY;
}

#define LOG   "00112233445566778899aabbccddeeff"
#define OTHER "ff112233445566778899aabbccddeeff"

static int begin(void **state)
{
	static char folder[] = "/tmp/bailee-cursor.XXXXXX";

	memcpy(strrchr(folder, '.') + 1, "XXXXXX", 6);
	*state = mkdtemp(folder);
	return *state && chdir(folder) == 0 ? 0 : -1;
}

static int end(void **state)
{
	unlink("cursor");
	unlink("cursor.new");
	unlink("cursor.lock");
	return chdir("/") == 0 && rmdir(*state) == 0 ? 0 : -1;
}

static void what_is_written_is_read_and_nothing_is_left_beside(void **state BL_UNUSED)
{
	static const uint64_t SEQUENCES[] = {1, 2, 10000, INT64_MAX};
	uint64_t sequence = 7;

	assert_int_equal(ship_cursor_read("cursor", LOG, "tcp:a:1", &sequence, NULL), BL_OK);
	assert_true(sequence == 0);
	for (size_t i = 0; i < BL_COUNT(SEQUENCES); i++) {
		assert_int_equal(ship_cursor_write("cursor", LOG, "tcp:a:1", SEQUENCES[i], NULL),
				 BL_OK);
		assert_int_equal(ship_cursor_read("cursor", LOG, "tcp:a:1", &sequence, NULL),
				 BL_OK);
		assert_true(sequence == SEQUENCES[i]);
		assert_true(access("cursor.new", F_OK) < 0);
	}
}

static void a_cursor_of_something_else_is_refused(void **state BL_UNUSED)
{
	uint64_t sequence = 7;
	struct bl_error why = {{0}};

	assert_int_equal(ship_cursor_write("cursor", LOG, "tcp:a:1", 5, NULL), BL_OK);
	assert_int_equal(ship_cursor_read("cursor", OTHER, "tcp:a:1", &sequence, &why), BL_INVALID);
	assert_non_null(strstr(why.text, "another log"));
	assert_non_null(strstr(why.text, "--cursor"));
	assert_int_equal(ship_cursor_read("cursor", LOG, "tcp:b:1", &sequence, &why), BL_INVALID);
	assert_non_null(strstr(why.text, "another target"));
	assert_true(sequence == 7);
}

static void what_is_no_cursor_is_refused(void **state BL_UNUSED)
{
	static const char *const TEXTS[] = {
		"",
		"5",
		"{}",
		"{\"format\":\"bailee.cursor/v1\"",
		"{\"format\":\"bailee.cursor/v2\",\"log\":\"" LOG
		"\",\"target\":\"tcp:a:1\",\"sequence\":5}",
		"{\"format\":\"bailee.cursor/v1\",\"log\":\"" LOG
		"\",\"target\":\"tcp:a:1\",\"sequence\":-5}",
		"{\"format\":\"bailee.cursor/v1\",\"log\":\"" LOG
		"\",\"target\":\"tcp:a:1\",\"sequence\":\"5\"}",
		"{\"format\":\"bailee.cursor/v1\",\"log\":\"" LOG "\",\"target\":\"tcp:a:1\"}",
	};
	uint64_t sequence;

	for (size_t i = 0; i < BL_COUNT(TEXTS); i++) {
		FILE *out = fopen("cursor", "we");

		fputs(TEXTS[i], out);
		fclose(out);
		if (ship_cursor_read("cursor", LOG, "tcp:a:1", &sequence, NULL) != BL_INVALID)
			fail_msg("taken: %s", TEXTS[i]);
	}
}

static void one_at_a_time_moves_it(void **state BL_UNUSED)
{
	BL_CLEANUP(fd_close) int first = -1;
	int second = -1;

	assert_int_equal(ship_cursor_lock("cursor", &first, NULL), BL_OK);
	assert_int_equal(ship_cursor_lock("cursor", &second, NULL), BL_EXISTS);
	assert_int_equal(second, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read_and_nothing_is_left_beside,
						begin, end),
		cmocka_unit_test_setup_teardown(a_cursor_of_something_else_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(what_is_no_cursor_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(one_at_a_time_moves_it, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
