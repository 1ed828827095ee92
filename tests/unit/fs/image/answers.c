/* answers.c - every field a reader says, at and over its limits */
#include "fs/image/answers.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define IMAGE 1000000u

static const struct wire_volume GOOD = {
	.offset = 4096, .length = 8192, .root = 2, .number = 1, .is_readable = 1, .type = "ext4"};

static bool check(const struct wire_volume *wire, size_t count, struct image_volume *out)
{
	size_t checked = 0;

	return image_check_volumes((const uint8_t *)wire, count * sizeof(*wire), IMAGE, out,
				   &checked) &&
	       checked == count;
}

static void volumes_outside_the_image_are_clipped_or_refused(void **state)
{
	static const struct {
		uint64_t offset, length;
		uint32_t is_readable;
		bool is_good;
		uint64_t clipped;
	} ROWS[] = {
		{4096, 8192, 1, true, 8192},
		{4096, IMAGE, 1, true, IMAGE - 4096},
		{4096, UINT64_MAX, 1, true, IMAGE - 4096},
		{IMAGE - 1, 1, 1, true, 1},
		{IMAGE, 1, 1, false, 0},
		{UINT64_MAX, UINT64_MAX, 1, false, 0},
		{4096, 0, 1, false, 0},
		{IMAGE, 1, 0, true, 0},
		{4096, 8192, 2, false, 0},
	};
	struct image_volume out[IMAGE_VOLUMES];

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct wire_volume wire = GOOD;

		wire.offset = ROWS[i].offset;
		wire.length = ROWS[i].length;
		wire.is_readable = ROWS[i].is_readable;
		if (check(&wire, 1, out) != ROWS[i].is_good ||
		    (ROWS[i].is_good && out[0].length != ROWS[i].clipped))
			fail_msg("row %zu", i);
	}
}

static void volume_names_are_of_our_own_shape(void **state)
{
	static const struct {
		const char *type;
		uint32_t number, is_readable;
		const char *name; /* NULL: refused */
	} ROWS[] = {
		{"ext4", 1, 1, "p1-ext4"},
		{"fat32", 0, 1, "p1-fat32"},
		{"ntfs", UINT32_MAX, 1, "p4294967295-ntfs"},
		{"", 2, 0, "p2-unreadable"},
		{"xfs", 2, 0, "p2-unreadable"},
		{"../up", 1, 1, NULL},
		{"EXT4", 1, 1, NULL},
		{"", 1, 1, NULL},
		{"\x1b[31m", 3, 0, "p3-unreadable"},
		{"sixteen-bytes-x", 1, 1, NULL},
	};
	struct image_volume out[IMAGE_VOLUMES];

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct wire_volume wire = GOOD;

		memset(wire.type, 0, sizeof(wire.type));
		strncpy(wire.type, ROWS[i].type, sizeof(wire.type) - 1);
		wire.number = ROWS[i].number;
		wire.is_readable = ROWS[i].is_readable;
		bool is_good = check(&wire, 1, out);
		if (is_good != !!ROWS[i].name ||
		    (is_good && strcmp(out[0].name, ROWS[i].name) != 0))
			fail_msg("row %zu: '%s'", i, is_good ? out[0].name : "refused");
	}
}

static void notices_become_one_printable_line(void **state)
{
	struct wire_volume wire = GOOD;
	struct image_volume out[IMAGE_VOLUMES];

	(void)state;
	wire.is_readable = 0;
	memcpy(wire.notice, "a\nb\x1b\xff", 5);
	assert_true(check(&wire, 1, out));
	assert_string_equal(out[0].notice, "a\\x0ab\\x1b\\xff");
	memset(wire.notice, '\n', sizeof(wire.notice));
	assert_true(check(&wire, 1, out));
	assert_int_equal(strlen(out[0].notice), 252);
	memset(wire.notice, 0, sizeof(wire.notice));
	assert_true(check(&wire, 1, out));
	assert_string_equal(out[0].notice, "cannot be read");
}

static void tables_of_odd_lengths_and_numbers_are_refused(void **state)
{
	static struct wire_volume wire[IMAGE_VOLUMES + 1];
	struct image_volume out[IMAGE_VOLUMES];
	size_t count = 0;

	(void)state;
	for (uint32_t i = 0; i < BL_COUNT(wire); i++) {
		wire[i] = GOOD;
		wire[i].number = i + 1;
	}
	assert_true(check(wire, IMAGE_VOLUMES, out));
	assert_false(check(wire, IMAGE_VOLUMES + 1, out));
	assert_false(image_check_volumes((uint8_t *)wire, sizeof(*wire) - 1, IMAGE, out, &count));
	assert_true(image_check_volumes((uint8_t *)wire, 0, IMAGE, out, &count));
	assert_int_equal(count, 0);
	wire[1].number = wire[0].number;
	assert_false(check(wire, 2, out));
	wire[1].number = 0;
	assert_false(check(wire, 2, out));
}

static void volumes_are_the_same_but_for_notices(void **state)
{
	struct wire_volume a = GOOD, b = GOOD;
	const uint8_t *one = (const uint8_t *)&a, *two = (const uint8_t *)&b;

	(void)state;
	memcpy(b.notice, "words", 5);
	assert_true(image_same_volumes(one, sizeof(a), two, sizeof(b)));
	assert_false(image_same_volumes(one, sizeof(a), two, 0));
	b.digest[31] = 1;
	assert_false(image_same_volumes(one, sizeof(a), two, sizeof(b)));
	b = a;
	b.root++;
	assert_false(image_same_volumes(one, sizeof(a), two, sizeof(b)));
}

static void modes_become_types_and_odd_ones_are_inert(void **state)
{
	static const struct {
		uint32_t mode;
		enum image_type type;
		uint32_t shown;
	} ROWS[] = {
		{S_IFREG | 0644, IMAGE_FILE, S_IFREG | 0644},
		{S_IFDIR | 07777, IMAGE_DIR, S_IFDIR | 07777},
		{S_IFLNK | 0777, IMAGE_LINK, S_IFLNK | 0777},
		{S_IFIFO | 0600, IMAGE_OTHER, S_IFIFO | 0600},
		{S_IFBLK | 0600, IMAGE_OTHER, S_IFBLK | 0600},
		{0644, IMAGE_OTHER, S_IFSOCK},
		{0xf000 | 0777, IMAGE_OTHER, S_IFSOCK},
		{0xffff0000 | S_IFREG | 0600, IMAGE_FILE, S_IFREG | 0600},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct wire_attr wire = {.mode = ROWS[i].mode};
		struct image_attr out;

		if (!image_check_attr(&wire, &out) || out.type != ROWS[i].type ||
		    out.mode != ROWS[i].shown)
			fail_msg("row %zu: mode %o", i, out.mode);
	}
}

static void sizes_no_file_has_are_refused(void **state)
{
	struct wire_attr wire = {.size_bytes = INT64_MAX, .blocks_512 = UINT64_MAX, .nlink = 0};
	struct image_attr out;

	(void)state;
	assert_true(image_check_attr(&wire, &out));
	assert_true(out.blocks_512 <= INT64_MAX / 512);
	assert_int_equal(out.nlink, 1);
	wire.size_bytes++;
	assert_false(image_check_attr(&wire, &out));
}

static void entries_must_fit_their_records(void **state)
{
	static const struct {
		uint16_t name_length, record_length;
		size_t given;
		const char *name;
		bool is_good;
	} ROWS[] = {
		{1, sizeof(struct wire_entry) + 8, sizeof(struct wire_entry) + 8, "a", true},
		{8, sizeof(struct wire_entry) + 8, sizeof(struct wire_entry) + 8, "abcdefgh", true},
		{9, sizeof(struct wire_entry) + 8, sizeof(struct wire_entry) + 8, "abcdefghi",
		 false},
		{1, sizeof(struct wire_entry), sizeof(struct wire_entry), "", false},
		{1, sizeof(struct wire_entry) + 4, sizeof(struct wire_entry) + 4, "a", false},
		{1, sizeof(struct wire_entry) + 16, sizeof(struct wire_entry) + 8, "a", false},
		{1, 0, sizeof(struct wire_entry) + 8, "a", false},
		{0, sizeof(struct wire_entry) + 8, sizeof(struct wire_entry) + 8, "", false},
		{1, sizeof(struct wire_entry) + 8, sizeof(struct wire_entry) - 1, "a", false},
		{256, sizeof(struct wire_entry) + 256, sizeof(struct wire_entry) + 256, "a", false},
		{1, sizeof(struct wire_entry) + 8, sizeof(struct wire_entry) + 8, ".", false},
		{2, sizeof(struct wire_entry) + 8, sizeof(struct wire_entry) + 8, "..", false},
		{3, sizeof(struct wire_entry) + 8, sizeof(struct wire_entry) + 8, "...", true},
		{1, sizeof(struct wire_entry) + 8, sizeof(struct wire_entry) + 8, "/", false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint8_t bytes[512];
		struct wire_entry wire = {.inode = 5,
					  .name_length = ROWS[i].name_length,
					  .record_length = ROWS[i].record_length};
		size_t count = 0;

		memset(bytes, 'x', sizeof(bytes));
		memcpy(bytes, &wire, sizeof(wire));
		memcpy(bytes + sizeof(wire), ROWS[i].name, strlen(ROWS[i].name));
		if (image_check_entries(bytes, ROWS[i].given, &count) != ROWS[i].is_good ||
		    (ROWS[i].is_good && count != 1))
			fail_msg("row %zu", i);
	}
}

static void entry_with_impossible_attributes_has_none(void **state)
{
	uint8_t bytes[sizeof(struct wire_entry) + 8] = {0};
	struct wire_entry wire = {.has_attr = 1,
				  .attr = {.size_bytes = UINT64_MAX},
				  .name_length = 1,
				  .record_length = sizeof(bytes)};
	struct image_entry entry;
	char name[IMAGE_NAME_LIMIT + 1];
	size_t at = 0;

	(void)state;
	memcpy(bytes, &wire, sizeof(wire));
	bytes[sizeof(wire)] = 'a';
	assert_true(image_next_entry(bytes, sizeof(bytes), &at, &entry, name));
	assert_false(entry.has_attr);
	assert_int_equal(at, sizeof(bytes));
}

static void runs_must_be_sorted_apart_and_inside(void **state)
{
	static const struct image_volume VOLUME = {.offset = 1000, .length = 9000};
	static const struct {
		struct wire_run runs[2];
		size_t kept; /* SIZE_MAX: refused */
	} ROWS[] = {
		{{{0, 1000, 100}, {200, 1100, 100}}, 2},
		{{{0, 1000, 100}, {100, 1100, 100}}, 1},	/* joined */
		{{{0, 1100, 100}, {100, 1000, 100}}, 2},	/* not neighbours in the image */
		{{{0, 9900, 100}, {5000, 1000, 100}}, 1},	/* the second behind the end */
		{{{0, 1000, 100}, {99, 1100, 100}}, SIZE_MAX},	/* overlap */
		{{{200, 1000, 100}, {0, 1100, 100}}, SIZE_MAX}, /* unsorted */
		{{{0, 999, 100}, {200, 1100, 100}}, SIZE_MAX},	/* before the volume */
		{{{0, 9901, 100}, {200, 1100, 100}}, SIZE_MAX}, /* behind it */
		{{{0, 1000, 0}, {200, 1100, 100}}, SIZE_MAX},	/* empty */
		{{{0, UINT64_MAX, 2}, {200, 1100, 100}}, SIZE_MAX}, /* overflow in the image */
		{{{UINT64_MAX, 1000, 2}, {0, 1100, 1}}, SIZE_MAX},  /* overflow in the file */
		{{{6000, 9990, 100}, {7000, 1100, 1}},
		 SIZE_MAX}, /* outside, though behind the end */
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct wire_run runs[2];
		size_t count = 0;
		uint64_t end = 0;
		bool is_good =
			image_append_runs((const uint8_t *)ROWS[i].runs, sizeof(ROWS[i].runs),
					  &VOLUME, 5000, runs, &count, &end);

		if (is_good != (ROWS[i].kept != SIZE_MAX) || (is_good && count != ROWS[i].kept))
			fail_msg("row %zu: %s, %zu runs", i, is_good ? "good" : "refused", count);
	}
}

static void runs_are_clipped_to_the_file_and_checked_over_pages(void **state)
{
	static const struct image_volume VOLUME = {.offset = 0, .length = 100000};
	static const struct wire_run FIRST = {0, 0, 4096}, SECOND = {4096, 8192, 4096},
				     OVERLAP = {4095, 20000, 10};
	struct wire_run runs[3];
	size_t count = 0;
	uint64_t end = 0;

	(void)state;
	assert_true(image_append_runs((const uint8_t *)&FIRST, sizeof(FIRST), &VOLUME, 5000, runs,
				      &count, &end));
	assert_true(image_append_runs((const uint8_t *)&SECOND, sizeof(SECOND), &VOLUME, 5000, runs,
				      &count, &end));
	assert_int_equal(runs[1].length, 5000 - 4096);
	assert_false(image_append_runs((const uint8_t *)&OVERLAP, sizeof(OVERLAP), &VOLUME, 5000,
				       runs, &count, &end));
	assert_false(image_append_runs((const uint8_t *)&FIRST, sizeof(FIRST) - 1, &VOLUME, 5000,
				       runs, &count, &end));
}

static void places_must_be_sorted_apart_and_inside(void **state)
{
	static const struct image_volume VOLUME = {.offset = 4096, .length = 100000};
	static const struct {
		struct wire_run runs[2];
		size_t kept; /* SIZE_MAX: refused */
	} ROWS[] = {
		{{{0, 4096, 10}, {0, 5000, 1}}, 2},
		{{{0, 4096, 10}, {0, 4106, 1}}, 1},
		{{{0, 4096, 100000 - 1}, {0, 4096 + 100000 - 1, 1}}, 1},
		{{{0, 4095, 10}, {0, 5000, 1}}, SIZE_MAX},
		{{{0, 4096, 10}, {0, 4105, 1}}, SIZE_MAX},
		{{{0, 5000, 10}, {0, 4096, 1}}, SIZE_MAX},
		{{{0, 4096, 0}, {0, 5000, 1}}, SIZE_MAX},
		{{{0, 4096, 10}, {0, 4096 + 100000, 1}}, SIZE_MAX},
		{{{0, 4096, 10}, {0, UINT64_MAX, 2}}, SIZE_MAX},
		{{{0, 4096, UINT64_MAX}, {0, 5000, 1}}, SIZE_MAX},
		{{{1, 4096, 10}, {0, 5000, 1}}, SIZE_MAX},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const uint8_t *bytes = (const uint8_t *)ROWS[i].runs;
		struct image_range out[2];
		size_t count = 0, half = sizeof(ROWS[i].runs) / 2;
		uint64_t end = 0;
		/* in two pages, as many places come */
		bool is_good = image_append_places(bytes, half, &VOLUME, out, &count, &end) &&
			       image_append_places(bytes + half, half, &VOLUME, out, &count, &end);

		if (is_good != (ROWS[i].kept != SIZE_MAX) || (is_good && count != ROWS[i].kept))
			fail_msg("row %zu: %s, %zu ranges", i, is_good ? "good" : "refused", count);
		assert_false(image_append_places(bytes, half - 1, &VOLUME, out, &count, &end));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(volumes_outside_the_image_are_clipped_or_refused),
		cmocka_unit_test(volume_names_are_of_our_own_shape),
		cmocka_unit_test(notices_become_one_printable_line),
		cmocka_unit_test(tables_of_odd_lengths_and_numbers_are_refused),
		cmocka_unit_test(volumes_are_the_same_but_for_notices),
		cmocka_unit_test(modes_become_types_and_odd_ones_are_inert),
		cmocka_unit_test(sizes_no_file_has_are_refused),
		cmocka_unit_test(entries_must_fit_their_records),
		cmocka_unit_test(entry_with_impossible_attributes_has_none),
		cmocka_unit_test(runs_must_be_sorted_apart_and_inside),
		cmocka_unit_test(runs_are_clipped_to_the_file_and_checked_over_pages),
		cmocka_unit_test(places_must_be_sorted_apart_and_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
