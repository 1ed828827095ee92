/* Tests policy/detect/pattern.c: what a pattern of detect.custom may say, and the words when it may not */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "policy/detect/parts.h"

static void patterns_as_people_write_them_are_taken(void **state)
{
	static const struct {
		const char *pattern;
		unsigned weight; /* positions once repeats are written out */
	} rows[] = {
		{"NG-[0-9]{8}", 11},
		{"ST[0-9]{2}-[0-9]{5}", 10},
		{"(?:ab|c){2,3}d", 10},
		{"((a{2}){3}){4}", 24},
		{"(?i)case(?-i:No)\\.?", 7},
		{"\\bID[ :#]?\\d{6,12}\\b", 17},
		{"[]a-]{2}[^]]", 34},
		{"[[:alpha:]]x", 2},
		{"[\\d\\]]{3}", 3},
		{"é{3}", 6},
		{"[à-ü]", 32},
		{"[!-ü]", 32},
		{"[^ü]", 32},
		{"[ü-]", 2},
		{"[A-ZÄÖÜ][a-zäöüß-]{1,20}", 104},
		{"[€]", 32},
		{"[\\x41]", 32},
		{".\\D", 64},
		{"\\x{e9}\\x41", 8},
		{"a{2}?b??", 3},
		{"\\{\\^\\$\\*\\+\\\\", 6},
		{"[$^*+{.]", 1},
		{"a{0}b", 2},
		{"-]}", 3},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct bl_error why = {""};
		unsigned weight = 0;

		if (pattern_check(rows[i].pattern, &weight, &why) != BL_OK ||
		    weight != rows[i].weight)
			fail_msg("row %zu: '%s' weighs %u: %s", i, rows[i].pattern, weight,
				 why.text);
	}
}

static void patterns_that_would_mislead_are_refused_with_a_fix(void **state)
{
	static const struct {
		const char *pattern, *words;
	} rows[] = {
		{"", "is empty"},
		{"NG-[0-9]+", "can match without end: write a bound like {1,20}"},
		{"x.*", "can match without end: write a bound like {1,20}"},
		{"x{3,}", "can match without end: write a bound like {1,20}"},
		{"(ab)+", "can match without end"},
		{"^NG", "leave out ^ and $"},
		{"NG$", "leave out ^ and $"},
		{"(a|^b)", "leave out ^ and $"},
		{"\\ANG", "anchor"},
		{"NG\\z", "anchor"},
		{"NG\\Z", "anchor"},
		{"\\GNG", "anchor"},
		{"(a)\\1", "means nothing here"},
		{"\\Qa.b\\E", "means nothing here"},
		{"a\\Kb", "means nothing here"},
		{"a\\C", "means nothing here"},
		{"[\\b]", "inside [ ]"},
		{"a\\", "ends in a backslash"},
		{"(?=a)b", "(? that is not taken"},
		{"(?<!a)b", "(? that is not taken"},
		{"(?<n>a)", "(? that is not taken"},
		{"(?x)a # b", "(? that is not taken"},
		{"(?m)ab", "(? that is not taken"},
		{"(?#a)b", "(? that is not taken"},
		{"(?", "(? that is not taken"},
		{"(*UCP)a", "has (*"},
		{"(ab", "( without its )"},
		{"ab)", ") without its ("},
		{"[ab", "[ without its ]"},
		{"[]", "[ without its ]"},
		{"\\x{41", "{ without its }"},
		{"a{,3}", "begins no count"},
		{"a{x}", "begins no count"},
		{"a{1", "begins no count"},
		{"a{3,1}", "wrong way round"},
		{"a{999999999}", "count that is too large"},
		{"a{99999999999999999999}", "begins no count"},
		{"(([a-z]{32}){32}){32}", "too large once its repeats"},
		{"a{257}", "too large once its repeats"},
		{".{9}", "too large once its repeats"},
		{"\\pL", "list the letters"},
		{"[\\P{L}]", "list the letters"},
		{"((((((((((((((((a))))))))))))))))", "too many groups"},
		{"a\xff", "is not UTF-8"},
		{"a\xc3", "is not UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct bl_error why = {""};
		unsigned weight = 77;

		if (pattern_check(rows[i].pattern, &weight, &why) != BL_INVALID || weight != 77 ||
		    !strstr(why.text, rows[i].words))
			fail_msg("row %zu: '%s' is told '%s', not '%s'", i, rows[i].pattern,
				 why.text, rows[i].words);
	}
}

static void a_pattern_has_at_most_400_bytes(void **state)
{
	char pattern[402];
	struct bl_error why = {""};
	unsigned weight;

	(void)state;
	memset(pattern, 'a', sizeof(pattern) - 1);
	memset(pattern, '[', 1);
	pattern[400] = ']';
	pattern[401] = '\0';
	assert_int_equal(pattern_check(pattern, &weight, &why), BL_INVALID);
	assert_non_null(strstr(why.text, "longer than 400 bytes"));
	pattern[399] = ']';
	pattern[400] = '\0';
	assert_int_equal(pattern_check(pattern, &weight, NULL), BL_OK);
	assert_int_equal(weight, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_as_people_write_them_are_taken),
		cmocka_unit_test(patterns_that_would_mislead_are_refused_with_a_fix),
		cmocka_unit_test(a_pattern_has_at_most_400_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
