/* Patterns that match nothing of what is in an image. */
#include "tests/unit/policy/rules/rows.h"

static const char HEAD[] = "bailee: 1\n"
			   "name: Desk\n"
			   "serial: 3\n"
			   "timezone: UTC\n"
			   "people: {anna: {roles: [owner]}}\n"
			   "roles: {owner: {}}\n"
			   "defaults: {access: forbid, mask: fill}\n"
			   "rules:\n";

static const char RULES[] =
	"  - {id: looks, permit: [list, read], who: [owner], what: {paths: ['/Users/**', "
	"'/Program Files*/**']}, why: They repair it all day.}\n"
	"  - {id: shut, withhold: [any], who: everyone, what: {paths: ['**/DCIM/**', "
	"'/Users/*/{Pictures,Movies}/*.jpg', '**/caf\xc3\xa9']}, why: Pictures stay closed.}\n"
	"retention:\n"
	"  - {id: logs, what: {paths: ['/var/log/**']}, destroy_after: {intake: 30d}}\n";

static struct policy *parse(const char *text)
{
	struct rules_findings findings;
	struct policy *policy = NULL;
	struct bl_error why = {""};

	if (rules_parse(text, strlen(text), &policy, &findings, &why) != BL_OK)
		fail_msg("%s", why.text);
	return policy;
}

static struct policy *parse_rules(void)
{
	char text[sizeof(HEAD) + sizeof(RULES)];

	snprintf(text, sizeof(text), "%s%s", HEAD, RULES);
	return parse(text);
}

struct seen_row {
	const char *paths[8];	/* up to NULL */
	const char *missing[8]; /* patterns that are told, in the order of the file */
};

#define USERS	 "/Users/**"
#define PROGRAMS "/Program Files*/**"
#define DCIM	 "**/DCIM/**"
#define PICTURES "/Users/*/{Pictures,Movies}/*.jpg"
#define CAFE	 "**/caf\xc3\xa9"
#define LOGS	 "/var/log/**"

static const struct seen_row ROWS[] = {
	{{NULL}, {PROGRAMS, USERS, DCIM, PICTURES, CAFE, LOGS}},
	{{"/"}, {PROGRAMS, USERS, DCIM, PICTURES, CAFE, LOGS}},
	/* the folder itself is not below itself */
	{{"/Users"}, {PROGRAMS, USERS, DCIM, PICTURES, CAFE, LOGS}},
	{{"/users/KIM"}, {PROGRAMS, DCIM, PICTURES, CAFE, LOGS}},
	{{"/Users/kim/movies/a.JPG"}, {PROGRAMS, DCIM, CAFE, LOGS}},
	{{"/Users/kim/movies/deeper/a.JPG"}, {PROGRAMS, DCIM, PICTURES, CAFE, LOGS}},
	{{"/x/y/DCIM/100/1.jpg", "/Cafe\xcc\x81"}, {PROGRAMS, USERS, PICTURES, LOGS}},
	{{"/Program Files (x86)/a", "/var/log/a", "/DCIM/1", "/Users/k/Pictures/1.jpg",
	  "/a/b/CAF\xc3\x89"},
	 {NULL}},
};

/* Findings of one place are told by their text, so that only their being there is asked. */
static bool tells(const struct rules_findings *findings, const char *pattern)
{
	char text[128];

	snprintf(text, sizeof(text), "pattern '%s' of ", pattern);
	for (size_t i = 0; i < findings->count; i++)
		if (strncmp(findings->items[i].text, text, strlen(text)) == 0)
			return true;
	return false;
}

static void a_pattern_is_told_when_no_path_matches_it(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = parse_rules();

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(rules_paths_free) struct rules_paths_seen *seen = NULL;
		struct rules_findings findings = {0};
		size_t wanted = 0;

		assert_int_equal(rules_paths_new(policy, &seen, NULL), BL_OK);
		for (size_t k = 0; ROWS[i].paths[k]; k++)
			assert_int_equal(rules_paths_see(seen, ROWS[i].paths[k]), BL_OK);
		rules_paths_find(seen, &findings);
		for (; ROWS[i].missing[wanted]; wanted++)
			if (!tells(&findings, ROWS[i].missing[wanted]))
				fail_msg("row %zu: %s is not told", i, ROWS[i].missing[wanted]);
		if (findings.count != wanted)
			fail_msg("row %zu: %zu findings, wanted %zu", i, findings.count, wanted);
	}
}

static void findings_name_the_rule_or_the_retention_entry_at_its_place(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = parse_rules();
	BL_CLEANUP(rules_paths_free) struct rules_paths_seen *seen = NULL;
	struct rules_findings findings = {0};

	(void)state;
	assert_int_equal(rules_paths_new(policy, &seen, NULL), BL_OK);
	rules_paths_find(seen, &findings);
	assert_int_equal(findings.count, 6);
	assert_int_equal(findings.items[0].line, 9);
	assert_int_equal(findings.items[0].column, 10);
	assert_string_equal(findings.items[0].text,
			    "pattern '/Program Files*/**' of rule 'looks' matches nothing in this "
			    "image");
	assert_string_equal(findings.items[5].text,
			    "pattern '/var/log/**' of retention entry 'logs' matches nothing in "
			    "this image");
	assert_true(findings.items[5].fix[0] && findings.items[5].severity == RULES_WARNING);
}

static void a_policy_without_patterns_has_nothing_to_tell(void **state)
{
	char text[sizeof(HEAD) + 200];

	snprintf(text, sizeof(text),
		 "%s  - {id: looks, permit: [list], who: [owner], why: They see the names.}\n",
		 HEAD);

	BL_CLEANUP(policy_unref) struct policy *policy = parse(text);
	BL_CLEANUP(rules_paths_free) struct rules_paths_seen *seen = NULL;
	struct rules_findings findings = {0};

	(void)state;
	assert_int_equal(rules_paths_new(policy, &seen, NULL), BL_OK);
	assert_int_equal(rules_paths_see(seen, "/Users/kim"), BL_OK);
	rules_paths_find(seen, &findings);
	assert_int_equal(findings.count, 0);
}

/*
 * Eighteen patterns that each remember where an 'a' stood: every path of a and b leads to a state of its own,
 * and more of them than a set of places holds.
 */
static void more_states_than_places_hold_do_not_end_the_walk(void **state)
{
	char text[sizeof(HEAD) + 18 * 100];
	size_t used =
		(size_t)snprintf(text, sizeof(text),
				 "%s  - {id: r, permit: [list], who: [owner], why: They see the "
				 "names., what: {paths: [",
				 HEAD);

	for (unsigned i = 0; i < 18; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s'**/a",
					 i ? ", " : "");
		for (unsigned k = 0; k < i; k++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "/?");
		used += (size_t)snprintf(text + used, sizeof(text) - used, "'");
	}
	snprintf(text + used, sizeof(text) - used, ", '/z/**']}}\n");

	BL_CLEANUP(policy_unref) struct policy *policy = parse(text);
	BL_CLEANUP(rules_paths_free) struct rules_paths_seen *seen = NULL;
	struct rules_findings findings = {0};

	(void)state;
	assert_int_equal(rules_paths_new(policy, &seen, NULL), BL_OK);
	for (unsigned number = 0; number < 1u << 17; number++) {
		char path[40] = "";

		for (unsigned bit = 0; bit < 17; bit++) {
			path[2 * bit] = '/';
			path[2 * bit + 1] = number >> bit & 1 ? 'a' : 'b';
		}
		assert_int_equal(rules_paths_see(seen, path), BL_OK);
	}
	rules_paths_find(seen, &findings);
	assert_int_equal(findings.count, 2);
	assert_true(tells(&findings, "/z/**"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pattern_is_told_when_no_path_matches_it),
		cmocka_unit_test(findings_name_the_rule_or_the_retention_entry_at_its_place),
		cmocka_unit_test(a_policy_without_patterns_has_nothing_to_tell),
		cmocka_unit_test(more_states_than_places_hold_do_not_end_the_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
