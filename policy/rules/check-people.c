/* People and roles that come to nothing, and what nobody is left to do. */
#include "policy/rules/check.h"

/* ---- requirements and roles ------------------------------------------------------------------------ */

/* Is a requirement of this person past at the test clock? */
static bool is_past(const struct policy *policy, int32_t last_day)
{
	if (last_day == DAY_NONE)
		return true;
	if (policy->test_clock_unix == INT64_MIN)
		return false; /* no clock, no opinion */
	return people_day(policy, policy->test_clock_unix) > last_day;
}

static const char *lapse_words(int32_t last_day)
{
	return last_day == DAY_NONE ? "is not stated" : "has run out at the test clock";
}

static void check_requirements(const struct policy *policy, struct rules_findings *findings,
			       const struct person *person)
{
	for (size_t i = 0; i < policy->role_count; i++) {
		const struct role *role = &policy->roles[i];

		if (!(person->roles >> i & 1))
			continue;
		if (role->needs_training && is_past(policy, person->training_expires_day))
			check_warn(policy, findings, person->at,
				   "renew 'training_expires', or take the role away",
				   "'%s' has lapsed as '%s': training %s", person->name, role->name,
				   lapse_words(person->training_expires_day));
		if (role->needs_insurance && is_past(policy, person->insurance_expires_day))
			check_warn(policy, findings, person->at,
				   "renew 'insurance_expires', or take the role away",
				   "'%s' has lapsed as '%s': insurance %s", person->name,
				   role->name, lapse_words(person->insurance_expires_day));
	}
}

/* The first two roles that are never held together are told; then the person is known to be odd. */
static void check_conflict(const struct policy *policy, struct rules_findings *findings,
			   const struct person *person)
{
	for (size_t i = 0; i < policy->role_count; i++) {
		uint64_t against =
			policy->roles[i].never_with & person->roles & ~(UINT64_C(1) << i);

		if (!(person->roles >> i & 1) || !against)
			continue;
		check_warn(policy, findings, person->at, "take one of the two roles away",
			   "'%s' gets neither '%s' nor '%s': nobody may hold both", person->name,
			   policy->roles[i].name, policy->roles[__builtin_ctzll(against)].name);
		return;
	}
}

static void check_roles(const struct policy *policy, struct rules_findings *findings)
{
	uint64_t held = 0;

	for (size_t i = 0; i < policy->person_count; i++)
		held |= policy->people[i].roles;
	for (size_t i = 0; i < policy->role_count; i++)
		if (!(held >> i & 1))
			check_warn(policy, findings, policy->roles[i].at,
				   "give it to somebody, or remove it",
				   "nobody holds the role '%s'", policy->roles[i].name);
}

/* ---- approvals --------------------------------------------------------------------------------------- */

/* Per person: roles that give something, and those with which an approval can be given. */
struct staff {
	uint64_t *given, *giving;
};

static bool staff_init(const struct policy *policy, struct staff *out)
{
	struct people_office office = people_office(policy, ACTION_APPROVE);

	out->given = arena_take(policy->arena, policy->person_count, sizeof(*out->given));
	out->giving = arena_take(policy->arena, policy->person_count, sizeof(*out->giving));
	if (!out->given || !out->giving)
		return false;
	for (size_t i = 0; i < policy->person_count; i++) {
		const struct person *person = &policy->people[i];

		out->given[i] = people_given(policy, person, PEOPLE_ANY_DAY);
		if (people_can(policy, &office, person, PEOPLE_ANY_DAY))
			out->giving[i] = out->given[i];
	}
	return true;
}

static void check_approvals_of(const struct policy *policy, struct rules_findings *findings,
			       const struct staff *staff, const struct rule *rule)
{
	uint64_t who = check_who(policy, rule), from = rule->approvals.from;
	size_t givers = 0;

	for (size_t i = 0; i < policy->person_count; i++) {
		if (!(staff->giving[i] & from))
			continue;
		if (policy->people[i].key == PERSON_GROUP)
			return; /* a group may be any number of people */
		givers++;
	}
	for (size_t i = 0; i < policy->person_count; i++) {
		size_t others = givers - ((staff->giving[i] & from) != 0);

		if (!(staff->given[i] & who) || others >= rule->approvals.count)
			continue;
		check_warn(policy, findings, rule->id_at,
			   "lower 'count', or let somebody else of 'from' approve",
			   "rule '%s' asks for %u approval%s, and other people can give '%s' only "
			   "%zu",
			   rule->id, rule->approvals.count, rule->approvals.count == 1 ? "" : "s",
			   policy->people[i].name, others);
		return;
	}
}

static bool check_approvals(const struct policy *policy, struct rules_findings *findings)
{
	struct staff staff;
	bool has_any = false, is_known = staff_init(policy, &staff);

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->effect != EFFECT_PERMIT || !rule->approvals.count)
			continue;
		has_any = true;
		if (is_known)
			check_approvals_of(policy, findings, &staff, rule);
	}
	return has_any;
}

/* ---- what nobody is left to do ---------------------------------------------------------------------- */

static void check_office(const struct policy *policy, struct rules_findings *findings,
			 enum bl_action action, const char *without)
{
	bool has_clock = policy->test_clock_unix != INT64_MIN;
	int32_t day = has_clock ? people_day(policy, policy->test_clock_unix) : PEOPLE_ANY_DAY;
	char fix[128];

	if (people_anybody_can(policy, action, day))
		return;
	snprintf(fix, sizeof(fix), "add a rule 'permit: [%s]' for a role that somebody holds",
		 bl_action_name(action));
	check_warn(policy, findings, (struct position){0}, fix, "nobody is left who can %s%s: %s",
		   bl_action_name(action), has_clock ? " at the test clock" : "", without);
}

void check_people(const struct policy *policy, struct rules_findings *findings)
{
	for (size_t i = 0; i < policy->person_count; i++) {
		check_requirements(policy, findings, &policy->people[i]);
		check_conflict(policy, findings, &policy->people[i]);
	}
	check_roles(policy, findings);
	if (check_approvals(policy, findings))
		check_office(policy, findings, ACTION_APPROVE,
			     "what asks for approvals is never done");
	check_office(policy, findings, ACTION_HOLD, "no shredding could ever be stopped");
	check_office(policy, findings, ACTION_ADMINISTER, "the daemon answers no administrator");
}
