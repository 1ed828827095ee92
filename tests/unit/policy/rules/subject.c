#include "desk.h"
#include "policy/rules/subject.h"

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

static void roles_that_clash_give_nothing_and_are_not_lapsed(void **state)
{
	static const char text[] =
		"bailee: 1\nname: Clash\nserial: 1\ntimezone: Europe/Dublin\n"
		"uses: [builtin/baseline]\n"
		"people:\n"
		"  anna:  {roles: [auditor, clerk]}\n"
		"  ben:   {roles: [auditor]}\n"
		"  carla: {roles: [auditor, trainee], training_expires: 2026-06-30}\n"
		"  'group:admins': {roles: [administrator]}\n"
		"roles:\n"
		"  auditor: {never_with: [administrator, trainee]}\n"
		"  administrator: {}\n"
		"  clerk: {}\n"
		"  trainee: {requires: [training]}\n"
		"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"
		"rules:\n"
		"  - {id: review, permit: [review], who: [auditor], why: Auditors read the log.}\n"
		"  - {id: run, permit: [administer], who: [administrator], why: Somebody runs "
		"it.}\n"
		"  - {id: shred, permit: [shred], who: everyone, why: Only for a test.}\n"
		"  - {id: never, forbid: [shred], who: [auditor], why: Auditors destroy "
		"nothing.}\n";
	static const struct {
		const char *login, *group, *roles, *lapsed;
		bool may_review, may_administer, may_shred;
	} rows[] = {
		{"ben", NULL, "auditor", "", true, false, false},
		{"anna", NULL, "auditor,clerk", "", true, false, false},
		{"zed", "admins", "administrator", "", false, true, true},
		/* over all keys; what is left gives what it gives, and what binds still binds */
		{"ben", "admins", "", "", false, false, false},
		{"anna", "admins", "clerk", "", false, false, false},
		/* one of the two has lapsed: it is held all the same */
		{"carla", NULL, "", "", false, false, false},
	};
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(text);

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct rules_facts facts = {
			.kind = -1, .size_bytes = -1, .state = -1, .is_log_writable = true};
		BL_CLEANUP(rules_subject_free)
		struct rules_subject *got =
			subject(policy, 7, rows[i].login, rows[i].group, DESK_NOW);
		const enum bl_action actions[] = {ACTION_REVIEW, ACTION_ADMINISTER, ACTION_SHRED};
		const bool may[] = {rows[i].may_review, rows[i].may_administer, rows[i].may_shred};

		if (strcmp(rules_subject_roles(got), rows[i].roles) != 0 ||
		    strcmp(rules_subject_lapsed(got), rows[i].lapsed) != 0)
			fail_msg("row %zu: %s, %s", i, rules_subject_roles(got),
				 rules_subject_lapsed(got));
		for (size_t j = 0; j < BL_COUNT(actions); j++) {
			struct rules_decision decision;

			rules_decide(got, &facts, actions[j], 0, &decision);
			if ((decision.outcome == RULES_PERMIT) != may[j] ||
			    decision.by == RULES_BY_LAPSED)
				fail_msg("row %zu: %s by %s", i, bl_action_name(actions[j]),
					 decision.rule);
		}
	}
}

static void role_bits_are_those_of_roles_that_count(void **state)
{
	static const struct {
		const char *login, *group;
		uint64_t bits;
	} rows[] = {{"anna", NULL, 1},
		    {"ben", NULL, 0},
		    {"ben", "desk", 2},
		    {"anna", "desk", 3},
		    {"zed", NULL, 0}};
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(DESK_HEAD);

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		BL_CLEANUP(rules_subject_free)
		struct rules_subject *got =
			subject(policy, 7, rows[i].login, rows[i].group, DESK_NOW);

		if (rules_subject_role_bits(got) != rows[i].bits)
			fail_msg("row %zu: %llx", i,
				 (unsigned long long)rules_subject_role_bits(got));
	}
}

static void counters_that_start_anew_end_a_subject(void **state)
{
	static const struct {
		const char *limits;
		int64_t now, until;
	} rows[] = {
		{"", DESK_NOW + 60, INT64_MAX},
		{"    limits: {files: 5 per hour}\n", DESK_NOW + 60, DESK_NOW + 3600},
		{"    limits: {files: 5 per hour}\n", DESK_NOW, DESK_NOW + 3600},
		{"    limits: {files: 5 per day}\n", DESK_NOW + 60, DESK_NOW + 14 * 3600},
		{"    limits: {bytes: 5M per day, shown: 1 per hour}\n", DESK_NOW + 60,
		 DESK_NOW + 3600},
		/* the hours of a rule end before the day does */
		{"    limits: {files: 5 per day}\n    when: {hours: Wed 09:00-11:00}\n", DESK_NOW,
		 DESK_NOW + 3600},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char text[sizeof(SCENE_HEAD) + 256];

		snprintf(text, sizeof(text),
			 "%s  - id: one\n    permit: [list]\n    who: [supervisor]\n%s"
			 "    why: Only for a test.\n",
			 SCENE_HEAD, rows[i].limits);
		BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(text);
		BL_CLEANUP(rules_subject_free)
		struct rules_subject *got = subject(policy, 7, "carla", NULL, rows[i].now);

		if (rules_subject_valid_until(got) != rows[i].until)
			fail_msg("row %zu: %lld s", i,
				 (long long)(rules_subject_valid_until(got) - DESK_NOW));
	}
}

static void advice_changes_one_thing_of_a_caller(void **state)
{
	static const char text[] = SCENE_HEAD
		"  - {id: one, permit: [hold], who: [technician], where: [office], needs: {reason: "
		"required}, when: {purpose: [grading], hours: 'Wed 12:00-13:00'}, why: Only for a "
		"test.}\n";
	static const struct {
		struct subject_change change;
		enum rules_outcome outcome;
	} rows[] = {
		{{NULL, "grading", "office", true, DESK_NOW + 2 * 3600}, RULES_PERMIT},
		{{NULL, NULL, "office", true, DESK_NOW + 2 * 3600}, RULES_FORBID},
		{{NULL, "grading", NULL, true, DESK_NOW + 2 * 3600}, RULES_FORBID},
		{{NULL, "grading", "office", false, DESK_NOW + 2 * 3600}, RULES_ASK},
		{{NULL, "grading", "office", true, INT64_MIN}, RULES_FORBID},
		{{"supervisor", "grading", "office", true, DESK_NOW + 2 * 3600}, RULES_FORBID},
		{{"technician", "grading", "office", true, DESK_NOW + 2 * 3600}, RULES_PERMIT},
	};
	struct scene scene = scene_make();
	struct stage stage;

	(void)state;
	stage_open(&stage, text, &scene);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		BL_CLEANUP(rules_subject_free) struct rules_subject *changed = NULL;
		struct rules_decision got;

		assert_int_equal(subject_new_changed(stage.subject, &rows[i].change, &changed),
				 BL_OK);
		rules_decide(changed, &stage.facts, ACTION_HOLD, 0, &got);
		if (got.outcome != rows[i].outcome)
			fail_msg("row %zu: %d by %s", i, (int)got.outcome, got.rule);
	}
	stage_close(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_caller_has_the_union_of_their_keys),
		cmocka_unit_test(a_subject_holds_until_the_next_edge_or_lapse),
		cmocka_unit_test(a_role_counts_through_its_last_day),
		cmocka_unit_test(no_trusted_clock_gives_no_role_that_has_a_date),
		cmocka_unit_test(roles_that_clash_give_nothing_and_are_not_lapsed),
		cmocka_unit_test(role_bits_are_those_of_roles_that_count),
		cmocka_unit_test(counters_that_start_anew_end_a_subject),
		cmocka_unit_test(advice_changes_one_thing_of_a_caller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
