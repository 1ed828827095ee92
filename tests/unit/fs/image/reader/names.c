#include "fs/image/reader/reader.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const uint8_t KEY[READER_KEY] = {7};

static void names_are_shown_reversibly(void **state BL_UNUSED)
{
	static const struct {
		const char *name;
		size_t length;
		const char *shown;
	} rows[] = {
		{"notes.txt", 9, "notes.txt"},
		{"100% sure", 9, "100% sure"},
		{"a/b", 3, "a%2Fb"},
		{"a\0b", 3, "a%00b"},
		{"a%2Fb", 5, "a%252Fb"},
		{"%25", 3, "%2525"},
		{"%2f", 3, "%2f"},
		{"", 0, "%-"},
		{"%-", 2, "%25-"},
		{"\xff\xfe", 2, "\xff\xfe"},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char out[READER_NAME_LIMIT + 1];
		size_t length = name_show(rows[i].name, rows[i].length, out);

		if (strcmp(out, rows[i].shown) != 0 || length != strlen(out))
			fail_msg("row %zu: shown as '%s'", i, out);
	}
}

static void long_names_are_cut_and_stay_apart(void **state BL_UNUSED)
{
	char one[800], other[800], shown[READER_NAME_LIMIT + 1], again[READER_NAME_LIMIT + 1];

	memset(one, 'a', sizeof(one));
	memcpy(one + sizeof(one) - 4, ".txt", 4);
	memcpy(other, one, sizeof(one));
	other[700] = 'b';
	size_t length = name_show(one, sizeof(one), shown);
	assert_in_range(length, 1, READER_NAME_LIMIT);
	assert_string_equal(shown + length - 4, ".txt");
	(void)name_show(other, sizeof(other), again);
	assert_string_not_equal(shown, again);
}

static void name_of_slashes_fits(void **state BL_UNUSED)
{
	char name[READER_NAME_LIMIT], shown[READER_NAME_LIMIT + 1];

	memset(name, '/', sizeof(name));
	size_t length = name_show(name, sizeof(name), shown);
	assert_in_range(length, 1, READER_NAME_LIMIT);
	assert_null(strchr(shown, '/'));
}

static void duplicates_are_numbered(void **state BL_UNUSED)
{
	static const char *const expected[] = {"a.txt", "a%~2.txt", "a%~3.txt", "b", "a%~2%~2.txt"};
	static const char *const given[] = {"a.txt", "a.txt", "a.txt", "b", "a%~2.txt"};
	struct listing listing;

	listing_init(&listing, KEY);
	for (size_t i = 0; i < BL_COUNT(given); i++)
		assert_int_equal(listing_add(&listing, i, given[i], strlen(given[i])), 0);
	for (size_t i = 0; i < BL_COUNT(given); i++) {
		const struct listed *item = &listing.items[i];

		if (item->name_length != strlen(expected[i]) ||
		    memcmp(listing.names + item->name, expected[i], item->name_length) != 0)
			fail_msg("row %zu", i);
	}
	listing_done(&listing);
}

static void many_names_are_all_kept(void **state BL_UNUSED)
{
	struct listing listing;
	char name[32];

	listing_init(&listing, KEY);
	for (unsigned i = 0; i < 100000; i++) {
		int length = snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(listing_add(&listing, i, name, (size_t)length), 0);
	}
	assert_int_equal(listing.count, 100000);
	listing_done(&listing);
}

static void directory_of_one_name_has_an_end(void **state BL_UNUSED)
{
	struct listing listing;
	int error = 0;
	unsigned i = 0;

	listing_init(&listing, KEY);
	for (; i < 100000 && !error; i++)
		error = listing_add(&listing, i, "same", 4);
	assert_int_equal(error, EFBIG);
	assert_in_range(i, 2, 2000);
	listing_done(&listing);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_shown_reversibly),
		cmocka_unit_test(long_names_are_cut_and_stay_apart),
		cmocka_unit_test(name_of_slashes_fits),
		cmocka_unit_test(duplicates_are_numbered),
		cmocka_unit_test(many_names_are_all_kept),
		cmocka_unit_test(directory_of_one_name_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
