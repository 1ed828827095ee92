#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "policy/rules/glob.h"

static bool matches(const char *pattern, const char *name)
{
	BL_CLEANUP(glob_free) struct glob *glob = NULL;
	uint32_t symbols[GLOB_ROOM(256)];
	size_t count;

	assert_int_equal(glob_new(pattern, strlen(pattern), &glob, NULL), BL_OK);
	assert_int_equal(glob_fold(name, strlen(name), symbols, &count), BL_OK);
	return glob_match(glob, symbols, count);
}

static void components_match_as_the_page_says(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool is_match;
	} rows[] = {
		{"Users", "users", true},
		{"users", "USERS", true},
		{"Users", "Users2", false},
		{"*", "anything", true},
		{"*.jpg", "A.JPG", true},
		{"*.jpg", "jpg", false},
		{"a*b*c", "aXXbYYc", true},
		{"a*b*c", "acb", false},
		{"?im", "Kim", true},
		{"?im", "im", false},
		{"?", "\xc3\xa9", true},	       /* one character, two bytes */
		{"caf\xc3\xa9", "cafe\xcc\x81", true}, /* composed against decomposed */
		{"cafe\xcc\x81", "CAF\xc3\x89", true},
		{"stra\xc3\x9f"
		 "e",
		 "STRASSE", true}, /* full case folding */
		{"[a-c]x", "Bx", true},
		{"[A-C]x", "bx", true},
		{"[!a-c]x", "Bx", false},
		{"[!a-c]x", "dx", true},
		{"[]]", "]", true},
		{"[{,}]", ",", true},
		{"{Pictures,Movies}", "movies", true},
		{"{Pictures,Movies}", "Music", false},
		{"{a*,b?}z", "abcz", true},
		{"{a,{b,c}d}e", "cde", true},
		{"{a,}b", "b", true},
		{"a**b", "axxb", true},	     /* two stars inside a name are one */
		{"*.jpg", "\xff.JPG", true}, /* a stray byte hides nothing else */
		{"?.jpg", "\xff.jpg", true},
		{"\xff", "\xff", true},
		{"\xff", "\xfe", false},
		{"[!a]", "\xff", true},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (matches(rows[i].pattern, rows[i].name) != rows[i].is_match)
			fail_msg("row %zu: '%s' and '%s'", i, rows[i].pattern, rows[i].name);
}

static void bad_patterns_are_refused_with_a_reason(void **state)
{
	static const char *const rows[] = {"/a/{b", "/a/b}",  "/a/[b",	     "/{a/b,c}", "/a/../b",
					   "/./a",  "/[z-a]", "/[\xc3\x9f]", "/a]"};
	char wide[2 * GLOB_ALTERNATIVES_LIMIT + 64] = "/{a";
	struct glob_size size = {0};
	struct bl_error why;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		why.text[0] = '\0';
		if (glob_check(rows[i], &size, &why) != BL_INVALID || !why.text[0])
			fail_msg("row %zu: '%s' was taken", i, rows[i]);
	}
	for (size_t i = 0; i < GLOB_ALTERNATIVES_LIMIT; i++)
		strcat(wide, ",a");
	strcat(wide, "}");
	assert_int_equal(glob_check(wide, &size, &why), BL_INVALID);
	/* nesting multiplies: the limit is on what comes out */
	assert_int_equal(glob_check("/{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", &size, &why),
			 BL_INVALID);
}

static void what_a_pattern_comes_to_is_added_up(void **state)
{
	struct glob_size size = {0};
	struct bl_error why;

	(void)state;
	assert_int_equal(glob_check("/Users/*/{Pictures,Movies}/**", &size, &why), BL_OK);
	assert_int_equal(size.alternatives, 2);
	assert_int_equal(size.symbols, 5 + 1 + 8 + 6 + 1);
	assert_int_equal(glob_check("/a{b,c}[x-z1]{d,e}", &size, &why), BL_OK);
	assert_int_equal(size.alternatives, 2 + 4);
	/* each of four: a, b or c, a class of two ranges, d or e */
	assert_int_equal(size.symbols, 21 + 4 * (4 + 2));
}

static void stars_cost_no_more_than_tokens_times_symbols(void **state)
{
	char name[256];

	(void)state;
	memset(name, 'a', 255);
	name[255] = '\0';
	/* backtracking into every star would not end in our lifetime */
	assert_false(matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", name));
}

static void device_ids_match_by_case(void **state)
{
	(void)state;
	assert_true(glob_match_id("RMA-*", "RMA-1001"));
	assert_false(glob_match_id("RMA-*", "rma-1001"));
	assert_true(glob_match_id("RMA-?", "RMA-1"));
	assert_false(glob_match_id("RMA-?", "RMA-"));
	assert_true(glob_match_id("*-1*1", "RMA-1001"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(components_match_as_the_page_says),
		cmocka_unit_test(bad_patterns_are_refused_with_a_reason),
		cmocka_unit_test(what_a_pattern_comes_to_is_added_up),
		cmocka_unit_test(stars_cost_no_more_than_tokens_times_symbols),
		cmocka_unit_test(device_ids_match_by_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
