/* How each role of each person stands, and what is said of dates. */
#include "tests/unit/policy/rules/rows.h"

#include "policy/rules/check.h"

static const char BASE[] =
	"bailee: 1\n"
	"name: Desk\n"
	"serial: 3\n"
	"timezone: America/Chicago\n"
	"people:\n"
	"  anna: {roles: [technician], training_expires: 2026-07-31}\n"
	"  ben: {roles: [technician, contractor], training_expires: 2026-06-30, insurance_expires: "
	"2027-01-01}\n"
	"  cleo: {roles: [contractor], training_expires: 2027-01-01}\n"
	"  dora: {roles: [auditor, clerk], training_expires: 2027-01-01}\n"
	"  'group:desk': {roles: [contractor], training_expires: 2027-01-01, insurance_expires: "
	"2026-11-03}\n"
	"  'uid:61001': {roles: [clerk]}\n"
	"roles:\n"
	"  technician: {requires: [training]}\n"
	"  contractor: {requires: [training, insurance]}\n"
	"  auditor: {requires: [training], never_with: [clerk]}\n"
	"  clerk: {}\n"
	"defaults: {access: forbid, mask: fill}\n"
	"rules:\n"
	"  - {id: looks, permit: [list, read], who: [technician], why: They repair it all day.}\n"
	"  - {id: runs, permit: [administer], who: [clerk, technician], why: Somebody runs it.}\n"
	"  - {id: holds, permit: [hold], who: [technician], why: Technicians stop a shred.}\n";

/* Midnight in Chicago: UTC-5 in summer, UTC-6 in winter. */
#define JULY_1	 INT64_C(1782882000)
#define AUGUST_1 INT64_C(1785560400)
#define NOV_4	 INT64_C(1793772000)
#define JAN_2	 INT64_C(1798869600)

struct wanted {
	const char *person, *role;
	enum rules_standing standing;
	const char *requirement;
	int64_t lapses_unix;
};

/* At the last second of 2026-07-31 in Chicago. */
static const struct wanted WANTED[] = {
	{"anna", "technician", STANDING_COUNTS, "training", AUGUST_1},
	{"ben", "technician", STANDING_LAPSED, "training", JULY_1},
	{"ben", "contractor", STANDING_LAPSED, "training", JULY_1},
	{"cleo", "contractor", STANDING_NOT_RECORDED, "insurance", 0},
	{"dora", "auditor", STANDING_CONFLICT, "training", JAN_2},
	{"dora", "clerk", STANDING_CONFLICT, NULL, INT64_MAX},
	{"group:desk", "contractor", STANDING_COUNTS, "insurance", NOV_4},
	{"uid:61001", "clerk", STANDING_COUNTS, NULL, INT64_MAX},
};

static struct policy *parse(const char *text)
{
	struct rules_findings findings;
	struct policy *policy = NULL;
	struct bl_error why = {""};

	if (rules_parse(text, strlen(text), &policy, &findings, &why) != BL_OK)
		fail_msg("%s", why.text);
	return policy;
}

struct heard {
	size_t count, wrong;
	size_t stop_after;
};

static bool hear(void *context, const struct rules_role_standing *standing)
{
	struct heard *heard = context;
	const struct wanted *wanted = &WANTED[heard->count++];
	const char *requirement = standing->requirement ? standing->requirement : "none";

	if (strcmp(standing->person, wanted->person) != 0 ||
	    strcmp(standing->role, wanted->role) != 0 || standing->standing != wanted->standing ||
	    strcmp(requirement, wanted->requirement ? wanted->requirement : "none") != 0 ||
	    standing->lapses_unix != wanted->lapses_unix || !standing->line) {
		print_error("row %zu: %s as %s is %d, %s, %lld\n", heard->count - 1,
			    standing->person, standing->role, (int)standing->standing, requirement,
			    (long long)standing->lapses_unix);
		heard->wrong++;
	}
	return heard->count != heard->stop_after && heard->count < BL_COUNT(WANTED);
}

static void each_role_is_told_with_how_it_stands(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = parse(BASE);
	struct heard heard = {0};

	(void)state;
	rules_each_role(policy, AUGUST_1 - 1, hear, &heard);
	assert_int_equal(heard.wrong, 0);
	assert_int_equal(heard.count, BL_COUNT(WANTED));
}

static void telling_ends_when_the_listener_says_so(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = parse(BASE);
	struct heard heard = {.stop_after = 3};

	(void)state;
	rules_each_role(policy, AUGUST_1 - 1, hear, &heard);
	assert_int_equal(heard.count, 3);
}

struct count {
	const char *person;
	enum rules_standing standing;
};

static bool find(void *context, const struct rules_role_standing *standing)
{
	struct count *count = context;

	if (strcmp(standing->person, count->person) != 0)
		return true;
	count->standing = standing->standing;
	return false;
}

static void a_role_counts_through_its_last_day_in_the_zone_of_the_policy(void **state)
{
	static const struct {
		const char *person;
		int64_t now_unix;
		enum rules_standing standing;
	} rows[] = {
		{"anna", AUGUST_1 - 1, STANDING_COUNTS},
		{"anna", AUGUST_1, STANDING_LAPSED},
		{"group:desk", NOV_4 - 1, STANDING_COUNTS},
		{"group:desk", NOV_4, STANDING_LAPSED},
		{"uid:61001", INT64_C(1) << 40, STANDING_COUNTS},
	};
	BL_CLEANUP(policy_unref) struct policy *policy = parse(BASE);

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct count count = {.person = rows[i].person, .standing = STANDING_CONFLICT};

		rules_each_role(policy, rows[i].now_unix, find, &count);
		if (count.standing != rows[i].standing)
			fail_msg("row %zu: %d", i, (int)count.standing);
	}
}

/* ---- dates ----------------------------------------------------------------------------------------------------- */

struct date_row {
	int64_t now_unix;
	const char *texts[6]; /* up to NULL, by line */
};

#define DAYS(n) ((n)*INT64_C(86400))

static const struct date_row DATES[] = {
	{JULY_1 - DAYS(61), {NULL}},
	{JULY_1 - DAYS(30) - 1, {NULL}},
	{JULY_1 - DAYS(30),
	 {"'ben' lapses soon as 'technician': training counts through 2026-06-30"}},
	{JULY_1 - 1, {"'ben' lapses soon as 'technician': training counts through 2026-06-30"}},
	{JULY_1, {"'ben' has lapsed as 'technician': training ran out on 2026-06-30"}},
	{AUGUST_1 - DAYS(30),
	 {"nobody will be left soon who can hold: everybody's requirements run out",
	  "'anna' lapses soon as 'technician': training counts through 2026-07-31",
	  "'ben' has lapsed as 'technician': training ran out on 2026-06-30"}},
	{AUGUST_1,
	 {"nobody is left who can hold: everybody's requirements have run out",
	  "'anna' has lapsed as 'technician': training ran out on 2026-07-31",
	  "'ben' has lapsed as 'technician': training ran out on 2026-06-30"}},
	{NOV_4 - DAYS(30),
	 {"nobody is left who can hold: everybody's requirements have run out",
	  "'anna' has lapsed as 'technician': training ran out on 2026-07-31",
	  "'ben' has lapsed as 'technician': training ran out on 2026-06-30",
	  "'group:desk' lapses soon as 'contractor': insurance counts through 2026-11-03"}},
};

static void dates_that_ran_out_or_soon_will_are_told_and_no_others(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = parse(BASE);
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(DATES); i++) {
		struct rules_findings findings = {0};
		size_t count = 0;

		rules_check_dates(policy, DATES[i].now_unix, &findings);
		while (DATES[i].texts[count])
			count++;
		wrong += findings.count != count;
		for (size_t k = 0; k < BL_MIN(count, findings.count); k++)
			wrong += strcmp(findings.items[k].text, DATES[i].texts[k]) != 0 ||
				 findings.items[k].severity != RULES_WARNING;
		for (size_t k = 0; wrong && k < findings.count; k++)
			print_error("row %zu: %s\n", i, findings.items[k].text);
		assert_int_equal(wrong, 0);
	}
}

static void a_date_is_told_where_the_person_stands_with_how_to_renew_it(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = parse(BASE);
	struct rules_findings findings = {0};

	(void)state;
	rules_check_dates(policy, JULY_1, &findings);
	assert_int_equal(findings.items[0].line, 7);
	assert_int_equal(findings.items[0].column, 3);
	assert_string_equal(findings.items[0].fix,
			    "renew 'training_expires' of 'ben' in 'people', in line 7");
	assert_non_null(strstr(findings.items[0].source, "ben:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_role_is_told_with_how_it_stands),
		cmocka_unit_test(telling_ends_when_the_listener_says_so),
		cmocka_unit_test(a_role_counts_through_its_last_day_in_the_zone_of_the_policy),
		cmocka_unit_test(dates_that_ran_out_or_soon_will_are_told_and_no_others),
		cmocka_unit_test(a_date_is_told_where_the_person_stands_with_how_to_renew_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
