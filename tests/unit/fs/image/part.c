/* part.c - what offset=, partition= and fs= mean, and what is said when there is no such part */
#include "fs/image/part.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

static void offsets_are_bytes_or_1024s(void **state)
{
	static const struct {
		const char *value;
		uint64_t bytes;
		enum bl_status status;
	} ROWS[] = {
		{"0", 0, BL_OK},
		{"512", 512, BL_OK},
		{"1K", 1024, BL_OK},
		{"1KiB", 1024, BL_OK},
		{"3M", 3u << 20, BL_OK},
		{"2GiB", UINT64_C(2) << 30, BL_OK},
		{"1T", UINT64_C(1) << 40, BL_OK},
		{"9223372036854775807", INT64_MAX, BL_OK},
		{"9223372036854775808", 0, BL_INVALID},
		{"99999999999999999999999", 0, BL_INVALID},
		{"8388608T", 0, BL_INVALID},
		{"16777216T", 0, BL_INVALID},
		{"1KB", 0, BL_INVALID}, /* 1,000 or 1,024? */
		{"1k", 0, BL_INVALID},
		{"1iB", 0, BL_INVALID},
		{"", 0, BL_INVALID},
		{"-1", 0, BL_INVALID},
		{"+1", 0, BL_INVALID},
		{" 1", 0, BL_INVALID},
		{"1 ", 0, BL_INVALID},
		{"0x10", 0, BL_INVALID},
		{"K", 0, BL_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct image_part part = {.offset = 0};
		enum bl_status status = image_part_take(&part, "offset", ROWS[i].value, NULL);

		if (status != ROWS[i].status || part.offset != ROWS[i].bytes)
			fail_msg("'%s': %s, %llu", ROWS[i].value, bl_status_name(status),
				 (unsigned long long)part.offset);
	}
}

static void words_are_taken_or_refused(void **state)
{
	static const struct {
		const char *name, *value;
		enum bl_status status;
	} ROWS[] = {
		{"start", "1M", BL_OK},		 {"partition", "1", BL_OK},
		{"partition", "0", BL_INVALID},	 {"partition", "p2", BL_INVALID},
		{"partition", "1K", BL_INVALID}, {"partition", "4294967296", BL_INVALID},
		{"fs", "ext4", BL_OK},		 {"fs", "vfat", BL_OK},
		{"fs", "", BL_INVALID},		 {"fs", "EXT4", BL_INVALID},
		{"fs", "xfs\n", BL_INVALID},	 {"fs", "0123456789abcdef0", BL_INVALID},
		{"offsets", "1", BL_NOT_FOUND},	 {"", "", BL_NOT_FOUND},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct image_part part = {.offset = 0};
		enum bl_status status = image_part_take(&part, ROWS[i].name, ROWS[i].value, NULL);

		if (status != ROWS[i].status || image_part_is_whole(&part) != (status != BL_OK))
			fail_msg("%s=%s: %s", ROWS[i].name, ROWS[i].value, bl_status_name(status));
	}
}

static void what_was_not_asked_for_is_left_out(void **state)
{
	static const struct {
		struct image_part part;
		const char *left;  /* "1" per volume that stays */
		const char *words; /* when none does */
	} ROWS[] = {
		{{.fs = ""}, "1111", NULL},
		{{.partition = 2}, "0100", NULL},
		{{.fs = "vfat"}, "1001", NULL},
		{{.fs = "fat32"}, "1000", NULL},
		{{.partition = 2, .fs = "ext4"}, "0100", NULL},
		{{.partition = 2, .fs = "ntfs"}, "0000", "partition 2 is ext4, not ntfs"},
		{{.partition = 3, .fs = "ntfs"},
		 "0000",
		 "partition 3 is nothing that can be read, not ntfs"},
		{{.partition = 4},
		 "0000",
		 "the image has no partition 4 (it has p1-fat32 p2-ext4 "
		 "p3-unreadable p12-fat16)"},
		{{.partition = 1 << 31}, "0000", NULL},
		{{.fs = "ntfs"},
		 "0000",
		 "no partition of the image is ntfs (it has p1-fat32 p2-ext4 "
		 "p3-unreadable p12-fat16)"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct image_volume volumes[] = {
			{.name = "p1-fat32", .type = "fat32"},
			{.name = "p2-ext4", .type = "ext4"},
			{.name = "p3-unreadable"},
			{.name = "p12-fat16", .type = "fat16", .is_left_out = true},
		};
		struct bl_error why = {.text = ""};
		bool is_any = strchr(ROWS[i].left, '1');
		enum bl_status status =
			image_part_choose(volumes, BL_COUNT(volumes), &ROWS[i].part, &why);

		if (status != (is_any ? BL_OK : BL_NOT_FOUND))
			fail_msg("row %zu: %s", i, bl_status_name(status));
		for (size_t v = 0; v < BL_COUNT(volumes); v++)
			if (volumes[v].is_left_out == (ROWS[i].left[v] == '1'))
				fail_msg("row %zu, volume %zu", i, v);
		if (ROWS[i].words && strcmp(why.text, ROWS[i].words) != 0)
			fail_msg("row %zu: %s", i, why.text);
	}
}

static void lone_volume_says_what_it_is(void **state)
{
	struct image_volume volume = {.name = "p1-ntfs", .type = "ntfs"};
	struct bl_error why = {.text = ""};

	(void)state;
	assert_int_equal(image_part_choose(&volume, 1, &(struct image_part){.fs = "ext4"}, &why),
			 BL_NOT_FOUND);
	assert_string_equal(why.text, "partition 1 is ntfs, not ext4");
}

static void part_has_to_lie_in_the_file(void **state)
{
	(void)state;
	assert_int_equal(image_part_ok(&(struct image_part){.offset = 511}, 512, NULL), BL_OK);
	assert_int_equal(image_part_ok(&(struct image_part){.offset = 512}, 512, NULL), BL_INVALID);
	assert_int_equal(image_part_ok(&(struct image_part){.fs = "zfs"}, 512, NULL), BL_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_are_bytes_or_1024s),
		cmocka_unit_test(words_are_taken_or_refused),
		cmocka_unit_test(what_was_not_asked_for_is_left_out),
		cmocka_unit_test(lone_volume_says_what_it_is),
		cmocka_unit_test(part_has_to_lie_in_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
