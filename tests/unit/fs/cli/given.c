#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>

#include "fs/cli/given.c"
#include "tests/unit/fs/cli/folder.h"
#include "tests/unit/fs/cli/page.h"

static void a_matter_is_an_id_and_a_number(void **state)
{
	static const struct {
		const char *text, *device; /* NULL: it is none */
		uint64_t number;
	} ROWS[] = {
		{"RMA-1/3", "RMA-1", 3},
		{"a.b/4294967295", "a.b", UINT32_MAX},
		{"a/b/2", "a/b", 2}, /* no id; the daemon says so */
		{"RMA-1", NULL, 0},
		{"/3", NULL, 0},
		{"RMA-1/", NULL, 0},
		{"RMA-1/0", NULL, 0},
		{"RMA-1/-1", NULL, 0},
		{"RMA-1/3x", NULL, 0},
		{"RMA-1/ 3", NULL, 0},
		{"RMA-1/4294967296", NULL, 0},
		{"RMA-1/99999999999999999999", NULL, 0},
		{"1234567890123456789012345678901/1", "1234567890123456789012345678901", 1},
		{"12345678901234567890123456789012/1", NULL, 0},
		{"", NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char device[BL_DEVICE_ID_SIZE] = "";
		uint64_t number = 0;
		bool is_one = cli_split(ROWS[i].text, device, &number);

		if (is_one != (ROWS[i].device != NULL))
			fail_msg("'%s'", ROWS[i].text);
		if (is_one && (strcmp(device, ROWS[i].device) != 0 || number != ROWS[i].number))
			fail_msg("'%s' is %s and %llu", ROWS[i].text, device,
				 (unsigned long long)number);
	}
}

/* ---- files ----------------------------------------------------------------------------------------------- */

static void a_proof_is_known_by_its_sha256(void **state)
{
	const struct folder *folder = *state;
	char hex[CLI_DIGEST];

	write_file(folder->file, "abc");
	assert_int_equal(cli_digest_file(folder->file, hex, NULL), BL_OK);
	/* FIPS 180-4's own example */
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void a_proof_that_proves_nothing_is_refused(void **state)
{
	const struct folder *folder = *state;
	char hex[CLI_DIGEST] = "";
	struct bl_error why = {{0}};

	/* Nobody writes into that pipe: it must not be waited for. */
	assert_int_equal(mkfifo(folder->other, 0600), 0);
	write_file(folder->file, "");

	const char *const PATHS[] = {folder->file, folder->other, folder->path, "/dev/zero",
				     "/nonexistent"};

	for (size_t i = 0; i < BL_COUNT(PATHS); i++)
		if (cli_digest_file(PATHS[i], hex, &why) != BL_INVALID)
			fail_msg("%s", PATHS[i]);
	assert_string_equal(hex, "");
}

static void nothing_is_overwritten(void **state)
{
	const struct folder *folder = *state;
	BL_CLEANUP(bl_free) char *text = NULL;
	struct bl_error why = {{0}};
	struct stat st;
	size_t length;

	assert_int_equal(cli_write_new(folder->file, "first", 5, &why), BL_OK);
	assert_int_equal(stat(folder->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(cli_write_new(folder->file, "second", 6, &why), BL_EXISTS);
	page_has(why.text, "nothing is overwritten");
	assert_int_equal(cli_read_file(folder->file, 100, &text, &length, &why), BL_OK);
	assert_string_equal(text, "first");
}

static void no_file_is_made_where_a_link_points(void **state)
{
	const struct folder *folder = *state;

	assert_int_equal(symlink(folder->other, folder->file), 0);
	assert_int_equal(cli_write_new(folder->file, "x", 1, NULL), BL_EXISTS);
	assert_int_equal(access(folder->other, F_OK), -1);
}

static void half_a_file_is_taken_away_again(void **state)
{
	const struct folder *folder = *state;
	static const char LONG[65536] = "";
	struct rlimit before, small;
	struct bl_error why = {{0}};

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){.rlim_cur = 4096, .rlim_max = before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	enum bl_status status = cli_write_new(folder->file, LONG, sizeof(LONG), &why);

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(status, BL_IO);
	assert_int_equal(access(folder->file, F_OK), -1);
}

#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, folder_set_up, folder_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_matter_is_an_id_and_a_number),
		FILE_TEST(a_proof_is_known_by_its_sha256),
		FILE_TEST(a_proof_that_proves_nothing_is_refused),
		FILE_TEST(nothing_is_overwritten),
		FILE_TEST(no_file_is_made_where_a_link_points),
		FILE_TEST(half_a_file_is_taken_away_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
