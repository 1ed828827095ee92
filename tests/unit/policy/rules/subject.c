#include "desk.h"

static struct rules_subject *subject(const struct policy *policy, uid_t uid, const char *login,
				     const char *group, int64_t now)
{
	struct rules_circumstances who = {.caller = {.uid = uid,
						     .login = login,
						     .groups = &group,
						     .group_count = group != NULL},
					  .now_unix = now,
					  .is_clock_trusted = true};
	struct rules_subject *made = NULL;

	assert_int_equal(rules_subject_new(policy, &who, &made, NULL), BL_OK);
	return made;
}

static void a_caller_has_the_union_of_their_keys(void **state)
{
	static const struct {
		uid_t uid;
		const char *login, *group, *person, *roles, *lapsed;
	} rows[] = {
		{7, "anna", NULL, "anna", "technician", ""},
		{61001, NULL, NULL, "uid:61001", "technician", ""},
		{7, "ben", NULL, "ben", "", "technician"},
		{7, "ben", "desk", "ben,group:desk", "supervisor", "technician"},
		/* one key's lapse does not take what another gives */
		{61001, "ben", NULL, "ben,uid:61001", "technician", ""},
		{7, "zed", "other", "nobody", "", ""},
		{(uid_t)-1, NULL, NULL, "nobody", "", ""},
	};
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(DESK_HEAD);

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		BL_CLEANUP(rules_subject_free)
		struct rules_subject *got =
			subject(policy, rows[i].uid, rows[i].login, rows[i].group, DESK_NOW);

		if (strcmp(rules_subject_person(got), rows[i].person) != 0 ||
		    strcmp(rules_subject_roles(got), rows[i].roles) != 0 ||
		    strcmp(rules_subject_lapsed(got), rows[i].lapsed) != 0)
			fail_msg("row %zu: %s, %s, %s", i, rules_subject_person(got),
				 rules_subject_roles(got), rules_subject_lapsed(got));
	}
}

static void a_subject_holds_until_the_next_edge_or_lapse(void **state)
{
	/* uid:61001 may work through 2026-07-02; Wednesday's hours end at 20:00 */
	static const struct {
		uid_t uid;
		int64_t now, until;
	} rows[] = {
		{61001, DESK_NOW, DESK_NOW + 10 * 3600},
		{61001, DESK_NOW + 10 * 3600, DESK_NOW + 21 * 3600},
		{61001, DESK_NOW + 34 * 3600, DESK_NOW + 38 * 3600}, /* the lapse at midnight */
		{7, DESK_NOW, INT64_MAX},
	};
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(DESK_HEAD);

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		BL_CLEANUP(rules_subject_free)
		struct rules_subject *got = subject(policy, rows[i].uid, NULL, NULL, rows[i].now);

		if (rules_subject_valid_until(got) != rows[i].until)
			fail_msg("row %zu: %lld", i, (long long)rules_subject_valid_until(got));
	}
}

static void a_role_counts_through_its_last_day(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(DESK_HEAD);
	BL_CLEANUP(rules_subject_free)
	struct rules_subject *last = subject(policy, 61001, NULL, NULL, DESK_NOW + 38 * 3600 - 1);
	BL_CLEANUP(rules_subject_free)
	struct rules_subject *after = subject(policy, 61001, NULL, NULL, DESK_NOW + 38 * 3600);

	(void)state;
	assert_string_equal(rules_subject_roles(last), "technician");
	assert_string_equal(rules_subject_roles(after), "");
}

static void no_trusted_clock_gives_no_role_that_has_a_date(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(DESK_HEAD);
	struct rules_circumstances who = {.caller = {.uid = 7, .login = "anna"}};
	BL_CLEANUP(rules_subject_free) struct rules_subject *got = NULL;

	(void)state;
	assert_int_equal(rules_subject_new(policy, &who, &got, NULL), BL_OK);
	assert_string_equal(rules_subject_roles(got), "");
	assert_string_equal(rules_subject_lapsed(got), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_caller_has_the_union_of_their_keys),
		cmocka_unit_test(a_subject_holds_until_the_next_edge_or_lapse),
		cmocka_unit_test(a_role_counts_through_its_last_day),
		cmocka_unit_test(no_trusted_clock_gives_no_role_that_has_a_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
