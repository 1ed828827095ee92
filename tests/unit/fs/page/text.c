/* Characters that may be shown, and numbers as people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "tests/unit/fs/page/written.h"

static void what_can_be_seen_is_shown_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		size_t length, seen;
	} ROWS[] = {
		{"a", 1, 1},
		{" ", 1, 1},
		{"~", 1, 1},
		{"", 0, 0},
		{"\0", 1, 0},
		{"\t", 1, 0},
		{"\n", 1, 0},
		{"\x1b", 1, 0},
		{"\x7f", 1, 0},
		{"\xc3\xbc", 2, 2}, /* u with two dots */
		{"\xc3\xbcxyz", 5, 2},
		{"\xc3", 1, 0},		    /* cut off */
		{"\xc3\xbc", 1, 0},	    /* the same, of a longer text */
		{"\xe2\x82\xac", 3, 3},	    /* euro */
		{"\xf0\xa0\xae\xb7", 4, 4}, /* U+20BB7 */
		{"\xf0\xa0\xae\xb7", 3, 0},
		{"\xd8\xb9", 2, 2},	    /* an Arabic letter */
		{"\xcc\x81", 2, 2},	    /* an accent that combines */
		{"\xc2\x85", 2, 0},	    /* C1 */
		{"\xc2\xad", 2, 0},	    /* soft hyphen */
		{"\xd8\x9c", 2, 0},	    /* Arabic letter mark */
		{"\xe2\x80\x8b", 3, 0},	    /* zero width space */
		{"\xe2\x80\x8d", 3, 0},	    /* zero width joiner */
		{"\xe2\x80\xa8", 3, 0},	    /* line separator */
		{"\xe2\x80\xae", 3, 0},	    /* right-to-left override */
		{"\xe2\x81\xa6", 3, 0},	    /* isolate */
		{"\xef\xbb\xbf", 3, 0},	    /* byte order mark */
		{"\xef\xbf\xbf", 3, 0},	    /* no character */
		{"\xe3\x85\xa4", 3, 0},	    /* Hangul filler */
		{"\xe2\xa0\x80", 3, 0},	    /* empty Braille */
		{"\xef\xb8\x8f", 3, 0},	    /* variation selector */
		{"\xf3\xa0\x81\xa1", 4, 0}, /* tag */
		{"\xee\x80\x80", 3, 0},	    /* private use */
		{"\xed\xa0\x80", 3, 0},	    /* a surrogate */
		{"\xc0\xbc", 2, 0},	    /* overlong '<' */
		{"\xe0\x80\xbc", 3, 0},
		{"\xf8\x88\x80\x80\x80", 5, 0}, /* five bytes */
		{"\x80", 1, 0},
		{"\xff", 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		if (page_seen(ROWS[i].text, ROWS[i].length) != ROWS[i].seen)
			fail_msg("row %zu: %zu bytes, not %zu", i,
				 page_seen(ROWS[i].text, ROWS[i].length), ROWS[i].seen);
}

static void numbers_are_grouped_by_thousands(void **state)
{
	static const struct {
		uint64_t value;
		const char *text;
	} ROWS[] = {{0, "0"},
		    {999, "999"},
		    {1000, "1,000"},
		    {999999, "999,999"},
		    {1000000, "1,000,000"},
		    {UINT64_MAX, "18,446,744,073,709,551,615"}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		assert_string_equal(PAGE_GROUPED(ROWS[i].value), ROWS[i].text);
}

static void sizes_have_the_unit_that_fits(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} ROWS[] = {{0, "0 bytes"},
		    {1, "1 bytes"},
		    {999, "999 bytes"},
		    {1000, "1.0 kB"},
		    {999949, "999.9 kB"},
		    {999950, "1.0 MB"},
		    {512110190592, "512.1 GB"},
		    {UINT64_MAX, "18.4 EB"}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		assert_string_equal(PAGE_SIZED(ROWS[i].bytes), ROWS[i].text);
}

static void words_go_into_lines_and_long_ones_stay_whole(void **state)
{
	struct written written;

	(void)state;
	page_wrap(written_begin(&written), "a short text", 4);
	written_is(&written, "a short text\n");
	page_wrap(written_begin(&written),
		  "twenty letters in it twenty letters in it twenty letters in it twenty letters "
		  "in it",
		  22);
	written_is(&written, "twenty letters in it twenty letters in it twenty letters\n"
			     "                      in it twenty letters in it\n");
	page_wrap(written_begin(&written),
		  "digest "
		  "0123456789012345678901234567890123456789012345678901234567890123 end",
		  22);
	written_is(&written, "digest\n                "
			     "0123456789012345678901234567890123456789012345678901234567890123\n"
			     "                      end\n");
	page_wrap(written_begin(&written), "", 4);
	written_is(&written, "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_can_be_seen_is_shown_and_nothing_else),
		cmocka_unit_test(numbers_are_grouped_by_thousands),
		cmocka_unit_test(sizes_have_the_unit_that_fits),
		cmocka_unit_test(words_go_into_lines_and_long_ones_stay_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
