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
		{"a:b", 3, "a:b"},
		{"%3A %uD800", 10, "%3A %uD800"},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char out[READER_NAME_LIMIT + 1];
		size_t length = name_show(NAMES_BYTES, rows[i].name, rows[i].length, out);

		if (strcmp(out, rows[i].shown) != 0 || length != strlen(out))
			fail_msg("row %zu: shown as '%s'", i, out);
	}
}

/* What a name of NTFS was, from how it is shown: the page's rule, written a second time. */
static size_t undo(const char *shown, uint16_t *units)
{
	size_t count = 0;

	while (*shown) {
		unsigned value = 0;
		int used = 0;

		if (sscanf(shown, "%%u%4X%n", &value, &used) == 1 && used == 6 &&
		    value >> 11 == 0x1b) {
			units[count++] = (uint16_t)value;
		} else if ((!memcmp(shown, "%2F", 3) || !memcmp(shown, "%00", 3) ||
			    !memcmp(shown, "%25", 3) || !memcmp(shown, "%3A", 3)) &&
			   sscanf(shown, "%%%2X%n", &value, &used) == 1) {
			units[count++] = (uint16_t)value;
		} else {
			used = 1;
			units[count++] = (uint8_t)*shown;
		}
		shown += used;
	}
	return count;
}

static size_t show_units(const uint16_t *units, size_t count, char out[READER_NAME_LIMIT + 1])
{
	uint8_t bytes[2 * 255];
	char name[3 * 255];

	for (size_t i = 0; i < count; i++)
		bl_put16(bytes + 2 * i, units[i]);
	return name_show(NAMES_UTF16, name, name_of_utf16(bytes, count, name), out);
}

static void names_of_ntfs_are_shown_reversibly(void **state BL_UNUSED)
{
	/* Every short name over what is special, and over what looks like an escape. */
	static const uint16_t units[] = {'%', 'u', 'D', '8', '0', '2', 'F', '3',    'A',
					 '5', ':', '/', 0,   1,	  'z', '-', 0xd800, 0xdfff};
	uint64_t random = 11;

	for (unsigned round = 0; round < 300000; round++) {
		uint16_t name[12], again[64];
		char shown[READER_NAME_LIMIT + 1];
		size_t count = 1 + round % 12;

		for (size_t i = 0; i < count; i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
			name[i] = units[(random >> 40) % BL_COUNT(units)];
			/* a whole pair is a character of its own */
			if (i && name[i - 1] == 0xd800 && name[i] == 0xdfff)
				name[i] = 'b';
		}
		show_units(name, count, shown);
		assert_null(strpbrk(shown, "/:"));
		if (undo(shown, again) != count || memcmp(again, name, 2 * count) != 0)
			fail_msg("round %u: '%s'", round, shown);
	}
}

static void utf16_becomes_utf8(void **state BL_UNUSED)
{
	static const struct {
		uint16_t units[4];
		size_t count;
		const char *shown;
	} rows[] = {
		{{'a', 0xe9, 0x20ac}, 3, "a\xc3\xa9\xe2\x82\xac"},
		{{0xd83d, 0xde00}, 2, "\xf0\x9f\x98\x80"},
		{{0xd83d}, 1, "%uD83D"},
		{{0xde00, 0xd83d, 'x'}, 3, "%uDE00%uD83Dx"},
		{{0xd83d, 0xd83d, 0xde00}, 3, "%uD83D\xf0\x9f\x98\x80"},
		{{1, 0x1f, 0x7f}, 3, "\x01\x1f\x7f"},
		{{':', 0, '/'}, 3, "%3A%00%2F"},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char shown[READER_NAME_LIMIT + 1];

		show_units(rows[i].units, rows[i].count, shown);
		if (strcmp(shown, rows[i].shown) != 0)
			fail_msg("row %zu: '%s'", i, shown);
	}
}

static void streams_have_names_of_their_own(void **state BL_UNUSED)
{
	static const struct {
		const char *file, *stream;
		unsigned twins;
		const char *shown;
	} rows[] = {
		{"a.docx", "Zone.Identifier", 0, "a.docx:Zone.Identifier"},
		{"a%3Ab", "c:d", 0, "a%3Ab:c%3Ad"},
		{"a", "s", 1, "a:s%~2"},
		{"a", "s%~2", 0, "a:s%25~2"},
		{"a%~2", "s", 0, "a%~2:s"},
		{".", "s", 0, ".:s"},
		{"a", "\xed\xa0\x80/", 0, "a:%uD800%2F"},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char shown[READER_NAME_LIMIT + 1];
		size_t length = name_stream(rows[i].file, strlen(rows[i].file), rows[i].stream,
					    strlen(rows[i].stream), rows[i].twins, shown);

		if (strcmp(shown, rows[i].shown) != 0 || length != strlen(shown))
			fail_msg("row %zu: '%s'", i, shown);
	}
}

static void long_names_of_streams_are_cut_and_stay_apart(void **state BL_UNUSED)
{
	char file[256], stream[766], one[READER_NAME_LIMIT + 1], other[READER_NAME_LIMIT + 1];

	for (size_t files = 1; files < 256; files += 127) {
		for (size_t streams = 1; streams < 766; streams += 17) {
			memset(file, 'f', files);
			memset(stream, 's', streams);
			size_t length = name_stream(file, files, stream, streams, 0, one);
			assert_in_range(length, 1, READER_NAME_LIMIT);
			assert_int_equal(length, strlen(one));
			assert_non_null(strchr(one, ':'));
			stream[streams - 1] = 't';
			(void)name_stream(file, files, stream, streams, 0, other);
			assert_string_not_equal(one, other);
		}
	}
	/* Half a surrogate pair is the longest there is. */
	for (size_t i = 0; i < 255; i++)
		memcpy(stream + 3 * i, "\xed\xa0\x80", 3);
	assert_in_range(name_stream(file, 255, stream, 765, 3, one), 1, READER_NAME_LIMIT);
}

/* An index block that was left behind names the same file again. */
static void the_very_same_entry_is_listed_once(void **state BL_UNUSED)
{
	struct listing listing;

	listing_init(&listing, KEY);
	assert_int_equal(listing_add_sequenced(&listing, 70, 1, "a", 1), 0);
	assert_int_equal(listing_add_sequenced(&listing, 70, 1, "a", 1), 0);
	assert_int_equal(listing.count, 1);
	assert_int_equal(listing_add_sequenced(&listing, 70, 2, "a", 1), 0);
	assert_int_equal(listing_add_sequenced(&listing, 71, 1, "a", 1), 0);
	assert_int_equal(listing.count, 3);
	listing_done(&listing);
}

static void long_names_are_cut_and_stay_apart(void **state BL_UNUSED)
{
	char one[800], other[800], shown[READER_NAME_LIMIT + 1], again[READER_NAME_LIMIT + 1];

	memset(one, 'a', sizeof(one));
	memcpy(one + sizeof(one) - 4, ".txt", 4);
	memcpy(other, one, sizeof(one));
	other[700] = 'b';
	size_t length = name_show(NAMES_BYTES, one, sizeof(one), shown);
	assert_in_range(length, 1, READER_NAME_LIMIT);
	assert_string_equal(shown + length - 4, ".txt");
	(void)name_show(NAMES_BYTES, other, sizeof(other), again);
	assert_string_not_equal(shown, again);
}

static void name_of_slashes_fits(void **state BL_UNUSED)
{
	char name[READER_NAME_LIMIT], shown[READER_NAME_LIMIT + 1];

	memset(name, '/', sizeof(name));
	size_t length = name_show(NAMES_BYTES, name, sizeof(name), shown);
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
		cmocka_unit_test(names_of_ntfs_are_shown_reversibly),
		cmocka_unit_test(utf16_becomes_utf8),
		cmocka_unit_test(streams_have_names_of_their_own),
		cmocka_unit_test(long_names_of_streams_are_cut_and_stay_apart),
		cmocka_unit_test(the_very_same_entry_is_listed_once),
		cmocka_unit_test(long_names_are_cut_and_stay_apart),
		cmocka_unit_test(name_of_slashes_fits),
		cmocka_unit_test(duplicates_are_numbered),
		cmocka_unit_test(many_names_are_all_kept),
		cmocka_unit_test(directory_of_one_name_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
