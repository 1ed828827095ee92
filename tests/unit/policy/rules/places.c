#include "desk.h"
#include "policy/rules/compile.h"

static const struct rules_device LAPTOP = {"RMA-1", DEVICE_LAPTOP};

static bool is_true_at(const struct policy *policy, struct rules_places *places, const char *path)
{
	const struct compiled *compiled = policy->compiled;
	struct place_sets sets;
	rules_place place;

	assert_int_equal(rules_places_walk(places, path, &place), BL_OK);
	places_sets(places, place, &sets);
	for (size_t w = compiled->begin[EFFECT_FORBID]; w < compiled->end[EFFECT_FORBID]; w++)
		if (sets.is_true[w])
			return true;
	return false;
}

static void paths_match_as_the_page_says(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool is_match;
	} rows[] = {
		{"/Users/**", "/Users", false},
		{"/Users/**", "/users/a", true},
		{"/Users/**", "/Users/a/b/c", true},
		{"/**", "/", false},
		{"/**", "/a", true},
		{"**/DCIM/**", "/DCIM/1", true},
		{"**/DCIM/**", "/a/b/dcim/1/2", true},
		{"**/DCIM/**", "/DCIM", false},
		{"/a/**/b", "/a/b", true},
		{"/a/**/b", "/a/x/y/b", true},
		{"/a/**/b", "/a/x/y/b/c", false},
		{"/a/**/**/b", "/a/b", true},
		{"/a/**/**", "/a", false},
		{"/a/**/**", "/a/b", true},
		{"/a/**/b/**/c", "/a/b/b/c", true},
		{"/a/**/b/**/c", "/a/c", false},
		{"/Users/*/x", "/Users/k/x", true},
		{"/Users/*/x", "/Users/k/l/x", false},
		{"/Users/", "/Users", true},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char text[sizeof(DESK_HEAD) + 256];

		snprintf(text, sizeof(text),
			 "%s  - id: here\n    forbid: [list]\n    who: everyone\n"
			 "    what: {paths: ['%s']}\n    why: Only here, for this test.\n"
			 "  - id: there\n    permit: [list]\n    who: everyone\n    why: "
			 "Everywhere else.\n",
			 DESK_HEAD, rows[i].pattern);
		char *copies = strstr(text, "  - id: no-copies");
		char *export = strstr(text, "  - id: export");

		/* the desk's own forbid has no path: out with it */
		memmove(copies, export, strlen(export) + 1);
		BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(text);
		BL_CLEANUP(rules_places_free) struct rules_places *places = NULL;

		assert_int_equal(rules_places_new(policy, &LAPTOP, &places, NULL), BL_OK);
		if (is_true_at(policy, places, rows[i].path) != rows[i].is_match)
			fail_msg("row %zu: '%s' and '%s'", i, rows[i].pattern, rows[i].path);
	}
}

static void equal_states_share_one_number(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(DESK_HEAD);
	BL_CLEANUP(rules_places_free) struct rules_places *places = NULL;
	rules_place first, other;

	(void)state;
	assert_int_equal(rules_places_new(policy, &LAPTOP, &places, NULL), BL_OK);
	assert_int_equal(rules_places_walk(places, "/Users/a", &first), BL_OK);
	/* a hostile tree of many names makes no more states than the patterns have */
	for (unsigned i = 0; i < 100000; i++) {
		char name[16];
		int length = snprintf(name, sizeof(name), "n%u", i);

		assert_int_equal(rules_places_step(places, first, name, (size_t)length, &other),
				 BL_OK);
		assert_true(other < 16);
	}
	assert_int_equal(rules_places_walk(places, "/USERS/b", &other), BL_OK);
	assert_int_equal(first, other);
}

static void a_place_never_given_out_is_unknown(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(DESK_HEAD);
	BL_CLEANUP(rules_places_free) struct rules_places *places = NULL;
	struct place_sets unknown, wild;
	rules_place child;

	(void)state;
	assert_int_equal(rules_places_new(policy, &LAPTOP, &places, NULL), BL_OK);
	places_sets(places, RULES_PLACE_UNKNOWN, &unknown);
	places_sets(places, PLACES_LIMIT - 1, &wild);
	assert_ptr_equal(unknown.maybe, wild.maybe);
	assert_int_equal(rules_places_step(places, RULES_PLACE_UNKNOWN, "a", 1, &child), BL_OK);
	assert_true(child == RULES_PLACE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_match_as_the_page_says),
		cmocka_unit_test(equal_states_share_one_number),
		cmocka_unit_test(a_place_never_given_out_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
