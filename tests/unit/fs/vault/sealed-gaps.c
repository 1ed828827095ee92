/* What is not there: kept sealed, in order, and as the header says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/vault/sealed-image.h"

#include <sodium.h>

static const uint8_t ROOT[VAULT_KEY] = {1}, OTHER_ROOT[VAULT_KEY] = {2};
static const struct sealed_gap GAPS[] = {
	{0, 512, SEALED_UNREADABLE}, {512, 4096, SEALED_LEFT_OUT}, {90000, 10000, SEALED_LEFT_OUT}};

static void gaps_come_back(void **state)
{
	struct sealed_files files;
	struct sealed_gap *gaps = NULL;
	uint8_t hash[SEALED_HASH];
	size_t count = 0;

	place_files(*state, &files);
	assert_int_equal(sealed_gaps_write(&files, ID, ROOT, GAPS, BL_COUNT(GAPS), hash, NULL),
			 BL_OK);
	assert_int_equal(sealed_gaps_read(&files, ID, ROOT, hash, 100000, &gaps, &count, NULL),
			 BL_OK);
	assert_int_equal(count, BL_COUNT(GAPS));
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(gaps[i].offset, GAPS[i].offset);
		assert_int_equal(gaps[i].length, GAPS[i].length);
		assert_int_equal(gaps[i].kind, GAPS[i].kind);
	}
	free(gaps);
	sealed_files_close(&files);
}

static void no_gaps_need_no_file(void **state)
{
	struct sealed_files files;
	struct sealed_gap *gaps = NULL;
	uint8_t hash[SEALED_HASH];
	size_t count = 1;

	place_files(*state, &files);
	assert_int_equal(sealed_gaps_write(&files, ID, ROOT, NULL, 0, hash, NULL), BL_OK);
	assert_true(sodium_is_zero(hash, sizeof(hash)));
	assert_int_equal(faccessat(files.folder, "gaps", F_OK, 0), -1);
	assert_int_equal(sealed_gaps_read(&files, ID, ROOT, hash, 1, &gaps, &count, NULL), BL_OK);
	assert_null(gaps);
	assert_int_equal(count, 0);
	sealed_files_close(&files);
}

static const struct {
	const char *what;
	struct sealed_gap gaps[2];
} WRONG[] = {
	{"empty", {{0, 0, SEALED_LEFT_OUT}, {8, 1, SEALED_LEFT_OUT}}},
	{"overlap", {{0, 2, SEALED_LEFT_OUT}, {1, 1, SEALED_LEFT_OUT}}},
	{"order", {{5, 2, SEALED_LEFT_OUT}, {1, 1, SEALED_LEFT_OUT}}},
	{"overflow", {{0, 2, SEALED_LEFT_OUT}, {4, UINT64_MAX, SEALED_LEFT_OUT}}},
	{"kind", {{0, 2, SEALED_LEFT_OUT}, {4, 1, 3}}},
};

static void gaps_out_of_order_are_not_written(void **state)
{
	struct sealed_files files;
	uint8_t hash[SEALED_HASH];

	place_files(*state, &files);
	for (size_t i = 0; i < BL_COUNT(WRONG); i++)
		if (sealed_gaps_write(&files, ID, ROOT, WRONG[i].gaps, 2, hash, NULL) != BL_INVALID)
			fail_msg("%s", WRONG[i].what);
	assert_int_equal(faccessat(files.folder, "gaps", F_OK, 0), -1);
	sealed_files_close(&files);
}

enum damage { NONE, GONE, BIT, SHORT, LONG, LINK };
static const struct {
	const char *what;
	enum damage damage;
	const uint8_t *root;
	const char *id;
	uint64_t image_bytes;
} DAMAGES[] = {
	{"missing", GONE, ROOT, ID, 100000},
	{"one bit", BIT, ROOT, ID, 100000},
	{"too short", SHORT, ROOT, ID, 100000},
	{"too long", LONG, ROOT, ID, 100000},
	{"a link", LINK, ROOT, ID, 100000},
	{"another root", NONE, OTHER_ROOT, ID, 100000},
	{"another device", NONE, ROOT, "phone-2", 100000},
	{"behind the end", NONE, ROOT, ID, 99999},
};

static void damage_file(int folder, enum damage damage)
{
	BL_CLEANUP(fd_close) int fd = openat(folder, "gaps", O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, 60), 1);
	byte ^= 1;
	if (damage == GONE)
		assert_int_equal(unlinkat(folder, "gaps", 0), 0);
	if (damage == BIT)
		assert_int_equal(pwrite(fd, &byte, 1, 60), 1);
	if (damage == SHORT)
		assert_int_equal(ftruncate(fd, 10), 0);
	if (damage == LONG)
		assert_int_equal(pwrite(fd, &byte, 1, 4000), 1);
	if (damage == LINK) {
		assert_int_equal(renameat(folder, "gaps", folder, "else"), 0);
		assert_int_equal(symlinkat("else", folder, "gaps"), 0);
	}
}

static void gaps_that_are_not_what_was_written_are_refused(void **state)
{
	struct sealed_files files;

	place_files(*state, &files);
	for (size_t i = 0; i < BL_COUNT(DAMAGES); i++) {
		struct sealed_gap *gaps = NULL;
		uint8_t hash[SEALED_HASH];
		size_t count = 0;

		assert_int_equal(
			sealed_gaps_write(&files, ID, ROOT, GAPS, BL_COUNT(GAPS), hash, NULL),
			BL_OK);
		damage_file(files.folder, DAMAGES[i].damage);
		if (sealed_gaps_read(&files, DAMAGES[i].id, DAMAGES[i].root, hash,
				     DAMAGES[i].image_bytes, &gaps, &count, NULL) != BL_TAMPERED ||
		    gaps)
			fail_msg("%s", DAMAGES[i].what);
	}
	sealed_files_close(&files);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gaps_come_back),
		TEST(no_gaps_need_no_file),
		TEST(gaps_out_of_order_are_not_written),
		TEST(gaps_that_are_not_what_was_written_are_refused),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
