/* choose-match.c - path patterns mean what they mean in a policy, and what lies below comes along */
#include "fs/image/choose-match.h"

#include "fs/image/backend.h"
#include "policy/rules/glob.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct image_volume volumes[] = {
	{.name = "p1-fat32", .is_readable = true, .length = 1},
	{.name = "p2-ext4", .is_readable = true, .length = 1},
};
static const struct image image = {.volumes = volumes, .volume_count = BL_COUNT(volumes)};

static uint32_t state_of(struct choose_match *match, size_t volume, const char *path)
{
	const char *name;
	size_t length;
	uint32_t state = 0;

	assert_int_equal(choose_match_root(match, volume, &state, NULL), BL_OK);
	while (glob_next(&path, &name, &length))
		assert_int_equal(choose_match_step(match, state, name, length, &state, NULL),
				 BL_OK);
	return state;
}

static void patterns_match_as_in_a_policy(void **state)
{
	static const struct {
		const char *pattern;
		size_t volume;
		const char *path;
		bool is_match;
	} ROWS[] = {
		{"/Users/kim/x", 0, "/Users/kim/x", true},
		{"Users/kim/x", 0, "/users/KIM/X", true},
		{"/Users/kim", 0, "/Users/kim/deep/er", true},
		{"/Users/kim", 0, "/Users/kimberly", false},
		{"/Users/kim", 0, "/Users", false},
		{"/Users/kim", 0, "/x/Users/kim", false},
		{"/Users/**", 0, "/Users/a/b/c", true},
		{"/Users/**", 0, "/Users/a", true},
		{"/Users/**", 0, "/Users", false},
		{"/**/*.jpg", 0, "/A.JPG", true},
		{"/**/*.jpg", 1, "/a/b/c.jpg", true},
		{"/**/*.jpg", 0, "/a/b.jpg/c.txt", true}, /* below a folder that matches */
		{"/**/*.jpg", 0, "/a/b.jpeg", false},
		{"**/a/**/b", 0, "/x/a/y/z/b", true},
		{"**/a/**/b", 0, "/a/b", true},
		{"**/a/**/b", 0, "/b/a", false},
		{"**/**/b", 0, "/b", true},
		{"/a/**/**", 0, "/a", false},
		{"/a/**/**", 0, "/a/b", true},
		{"/**", 0, "/x", true},
		{"/**", 0, "/", false},
		{"/{a,b}/[cd]?", 0, "/b/dx", true},
		{"/{a,b}/[cd]?", 0, "/b/ex", false},
		{"/*", 1, "/x/y", true},
		{"/*/y", 1, "/x/y", true},
		{"/*/y", 1, "/y", false},
		/* a volume in front */
		{"p2-ext4/a", 1, "/a/b", true},
		{"P2-EXT4/a", 1, "/a", true},
		{"p2-ext4/a", 0, "/a", false},
		{"p2-ext4/a", 0, "/p2-ext4/a", false},
		{"p2-ext4/a", 1, "/p2-ext4/a", false},
		{"/p2-ext4", 1, "/", true},
		{"/p2-ext4", 1, "/x/y", true},
		{"/p2-ext4", 0, "/", false},
		{"/p2-ext4/**", 1, "/", false},
		{"/p2-ext4/**/x", 1, "/x", true},
		{"p3-ext4/a", 0, "/p3-ext4/a", true}, /* no volume has this name: a folder */
		{"p?-ext4/a", 1, "/a", false},	      /* a wildcard names no volume */
		{"p?-ext4/a", 1, "/p9-ext4/a", true},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(choose_match_free) struct choose_match *match = NULL;
		struct image_choice choice = {.without = &ROWS[i].pattern, .without_count = 1};

		assert_int_equal(choose_match_new(&image, &choice, &match, NULL), BL_OK);
		enum choose_verdict verdict =
			choose_match_verdict(match, state_of(match, ROWS[i].volume, ROWS[i].path));
		if (verdict != (ROWS[i].is_match ? CHOOSE_WITHOUT : CHOOSE_KEPT))
			fail_msg("row %zu: '%s' in volume %zu of '%s'", i, ROWS[i].path,
				 ROWS[i].volume, ROWS[i].pattern);
	}
}

static void both_kinds_make_one_verdict(void **state)
{
	static const char *const WITHOUT[] = {"/keep/not", "**/*.tmp"};
	static const char *const ONLY[] = {"/keep", "p1-fat32/more/**"};
	static const struct {
		size_t volume;
		const char *path;
		enum choose_verdict verdict;
		bool is_settled;
	} ROWS[] = {
		{0, "/keep/a", CHOOSE_KEPT, false}, /* a *.tmp may lie below */
		{0, "/keep/not/a", CHOOSE_WITHOUT, false},
		{0, "/keep/a.tmp", CHOOSE_WITHOUT, false},
		{0, "/a.tmp", CHOOSE_OTHER, false},
		{0, "/more/a", CHOOSE_KEPT, false},
		{1, "/more/a", CHOOSE_OTHER, false},
		{1, "/", CHOOSE_OTHER, false},
	};
	BL_CLEANUP(choose_match_free) struct choose_match *match = NULL;
	struct image_choice choice = {WITHOUT, BL_COUNT(WITHOUT), ONLY, BL_COUNT(ONLY), false};

	(void)state;
	assert_int_equal(choose_match_new(&image, &choice, &match, NULL), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint32_t at = state_of(match, ROWS[i].volume, ROWS[i].path);

		if (choose_match_verdict(match, at) != ROWS[i].verdict ||
		    choose_match_is_settled(match, at) != ROWS[i].is_settled)
			fail_msg("row %zu: '%s'", i, ROWS[i].path);
	}
}

static void settled_is_what_no_pattern_can_reach(void **state)
{
	static const char *const WITHOUT[] = {"/a/b", "p2-ext4/c"};
	static const struct {
		size_t volume;
		const char *path;
		bool is_settled;
	} ROWS[] = {
		{0, "/", false}, {0, "/a", false}, {0, "/a/b", false}, {0, "/a/c", true},
		{0, "/b", true}, {0, "/c", true},  {1, "/c", false},   {1, "/b/a", true},
	};
	BL_CLEANUP(choose_match_free) struct choose_match *match = NULL;
	struct image_choice choice = {.without = WITHOUT, .without_count = BL_COUNT(WITHOUT)};

	(void)state;
	assert_int_equal(choose_match_new(&image, &choice, &match, NULL), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		if (choose_match_is_settled(match, state_of(match, ROWS[i].volume, ROWS[i].path)) !=
		    ROWS[i].is_settled)
			fail_msg("row %zu: '%s'", i, ROWS[i].path);
}

/* By number: what was typed may be the name of a customer's file. */
static void bad_patterns_are_told_by_number(void **state)
{
	static const char *const ROWS[] = {"", "//", "/zq/[b", "/zq/../b", "/zq/{b", "/zq\nb/["};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const char *const patterns[] = {"/fine", ROWS[i]};
		const struct image_choice without = {.without = patterns, .without_count = 2};
		const struct image_choice only = {.only = patterns, .only_count = 2};
		struct choose_match *match = NULL;
		struct bl_error why = {{0}}, why_only = {{0}};

		assert_int_equal(choose_match_new(&image, &without, &match, &why), BL_INVALID);
		assert_int_equal(choose_match_new(&image, &only, &match, &why_only), BL_INVALID);
		assert_null(match);
		if (strncmp(why.text, "pattern 2: ", 11) != 0 || strstr(why.text, "zq") ||
		    strncmp(why_only.text, "only-pattern 2: ", 16) != 0 || strchr(why.text, '\n'))
			fail_msg("row %zu: '%s', '%s'", i, why.text, why_only.text);
	}
}

static void patterns_are_checked_without_an_image(void **state)
{
	const char *const good = "/p1-ext4/home/*.jpg", *const bad = "/a/[b";
	struct bl_error why = {.text = ""};

	(void)state;
	assert_int_equal(
		image_choice_check(&(struct image_choice){.only = &good, .only_count = 1}, &why),
		BL_OK);
	assert_int_equal(image_choice_check(
				 &(struct image_choice){.without = &bad, .without_count = 1}, &why),
			 BL_INVALID);
	assert_null(strstr(why.text, "[b"));
}

static void too_many_patterns_are_refused(void **state)
{
	const char *patterns[IMAGE_PATTERNS + 1];
	static char deep[CHOOSE_SLOTS * 2];
	struct choose_match *match = NULL;
	struct image_choice choice = {.without = patterns, .without_count = IMAGE_PATTERNS + 1};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(patterns); i++)
		patterns[i] = "/a";
	assert_int_equal(choose_match_new(&image, &choice, &match, NULL), BL_INVALID);
	choice.without_count = IMAGE_PATTERNS;
	assert_int_equal(choose_match_new(&image, &choice, &match, NULL), BL_OK);
	choose_match_free(match);
	match = NULL;
	for (size_t i = 0; i + 2 < sizeof(deep); i += 2)
		memcpy(deep + i, "/a", 2);
	patterns[0] = deep;
	assert_int_equal(choose_match_new(&image, &choice, &match, NULL), BL_INVALID);
	assert_null(match);
}

/* Each `**` with names behind it is in several places at once: a tree could ask for all combinations. */
static void states_have_a_limit(void **state)
{
	char texts[IMAGE_PATTERNS][16];
	const char *patterns[IMAGE_PATTERNS];
	BL_CLEANUP(choose_match_free) struct choose_match *match = NULL;
	struct image_choice choice = {.without = patterns, .without_count = IMAGE_PATTERNS};
	enum bl_status status = BL_OK;
	uint64_t seed = 1;
	uint32_t at = 0;

	(void)state;
	/* which letters were in the last three names: the image says, and each answer is a state */
	for (size_t i = 0; i < IMAGE_PATTERNS; i++) {
		snprintf(texts[i], sizeof(texts[i]), "**/*%c*/*/*/?", (int)('a' + i % 26));
		patterns[i] = texts[i];
	}
	assert_int_equal(choose_match_new(&image, &choice, &match, NULL), BL_OK);
	assert_int_equal(choose_match_root(match, 0, &at, NULL), BL_OK);
	for (unsigned i = 0; status == BL_OK && i < 2 * CHOOSE_STATES; i++) {
		char name[27];
		size_t length = 0;

		seed = seed * UINT64_C(6364136223846793005) + 1;
		for (unsigned letter = 0; letter < 26; letter++)
			if (seed >> (letter + 32) & 1)
				name[length++] = (char)('a' + letter);
		if (length < 2)
			continue;
		status = choose_match_step(match, at, name, length, &at, NULL);
	}
	assert_int_equal(status, BL_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_as_in_a_policy),
		cmocka_unit_test(both_kinds_make_one_verdict),
		cmocka_unit_test(settled_is_what_no_pattern_can_reach),
		cmocka_unit_test(bad_patterns_are_told_by_number),
		cmocka_unit_test(patterns_are_checked_without_an_image),
		cmocka_unit_test(too_many_patterns_are_refused),
		cmocka_unit_test(states_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
