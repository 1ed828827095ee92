#include <string.h>
#include "policy/rules/check.h"
#include "policy/rules/cover.h"
#include "policy/rules/zone.h"

/* ---- how a role stands --------------------------------------------------------------------------- */

/* The requirement of a role that ends first, or is missing. */
struct requirement {
	const char *name; /* NULL: the role requires nothing */
	int32_t last_day;
};

static struct requirement first_to_end(const struct role *role, const struct person *person)
{
	struct requirement training = {"training", person->training_expires_day};
	struct requirement insurance = {"insurance", person->insurance_expires_day};

	if (!role->needs_training && !role->needs_insurance)
		return (struct requirement){NULL, 0};
	if (!role->needs_insurance)
		return training;
	if (!role->needs_training)
		return insurance;
	/* DAY_NONE is before every day: what is missing comes first */
	return insurance.last_day < training.last_day ? insurance : training;
}

static bool is_conflict(const struct policy *policy, const struct person *person, size_t role)
{
	return policy->roles[role].never_with & person->roles & ~(UINT64_C(1) << role);
}

static int64_t end_of(const struct policy *policy, const struct requirement *requirement)
{
	if (!requirement->name)
		return INT64_MAX;
	if (requirement->last_day == DAY_NONE)
		return 0;
	return zone_unix(policy->zone, requirement->last_day + 1, 0);
}

int64_t people_lapse(const struct policy *policy, const struct person *person, size_t role)
{
	struct requirement requirement = first_to_end(&policy->roles[role], person);

	return is_conflict(policy, person, role) ? 0 : end_of(policy, &requirement);
}

static void stand(const struct policy *policy, const struct person *person, size_t role,
		  int64_t now_unix, struct rules_role_standing *out)
{
	struct requirement requirement = first_to_end(&policy->roles[role], person);
	bool is_missing = requirement.name && requirement.last_day == DAY_NONE;

	*out = (struct rules_role_standing){
		.person = person->name,
		.role = policy->roles[role].name,
		.line = person->at.line,
		.requirement = requirement.name,
		.lapses_unix = end_of(policy, &requirement),
	};
	if (is_conflict(policy, person, role))
		out->standing = STANDING_CONFLICT;
	else if (is_missing)
		out->standing = STANDING_NOT_RECORDED;
	else
		out->standing = out->lapses_unix <= now_unix ? STANDING_LAPSED : STANDING_COUNTS;
}

void rules_each_role(const struct policy *policy, int64_t now_unix, rules_role_fn *tell,
		     void *context)
{
	for (size_t i = 0; i < policy->person_count; i++)
		for (size_t role = 0; role < policy->role_count; role++) {
			struct rules_role_standing standing;

			if (!(policy->people[i].roles >> role & 1))
				continue;
			stand(policy, &policy->people[i], role, now_unix, &standing);
			if (!tell(context, &standing))
				return;
		}
}

int32_t people_day(const struct policy *policy, int64_t at_unix)
{
	struct zone_time wall;

	zone_local(policy->zone, at_unix, &wall);
	return wall.day;
}

uint64_t people_given(const struct policy *policy, const struct person *person, int32_t day)
{
	uint64_t given = 0;

	for (size_t role = 0; role < policy->role_count; role++) {
		if (!(person->roles >> role & 1) || is_conflict(policy, person, role))
			continue;
		struct requirement requirement = first_to_end(&policy->roles[role], person);
		bool is_met = requirement.last_day != DAY_NONE && requirement.last_day >= day;

		if (!requirement.name || is_met)
			given |= UINT64_C(1) << role;
	}
	return given;
}

/* ---- who can do what ----------------------------------------------------------------------------- */

uint64_t check_who(const struct policy *policy, const struct rule *rule)
{
	uint64_t all =
		policy->role_count >= 64 ? UINT64_MAX : (UINT64_C(1) << policy->role_count) - 1;

	return rule->is_for_everyone ? all : rule->roles & all;
}

/* No condition at all, but that of who. */
static bool is_bare(const struct rule *rule)
{
	return !rule->device_kinds && !rule->states && !rule->ids.count && !rule->paths.count &&
	       !rule->file_kinds && !rule->contains && rule->max_size_bytes < 0 &&
	       !rule->workplaces && conditions_are_absent(&rule->when) &&
	       conditions_are_absent(&rule->unless);
}

struct people_office people_office(const struct policy *policy, enum bl_action action)
{
	struct people_office office = {0};

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (!(rule->actions >> action & 1))
			continue;
		if (rule->effect == EFFECT_PERMIT)
			office.permits |= check_who(policy, rule);
		if (rule->effect != EFFECT_FORBID || !is_bare(rule))
			continue;
		office.forbids |= rule->roles;
		office.is_closed |= rule->is_for_everyone;
	}
	return office;
}

bool people_can(const struct policy *policy, const struct people_office *office,
		const struct person *person, int32_t day)
{
	/* what binds a role binds it also when it has lapsed */
	return !office->is_closed && !(person->roles & office->forbids) &&
	       people_given(policy, person, day) & office->permits;
}

bool people_anybody_can(const struct policy *policy, enum bl_action action, int32_t day)
{
	struct people_office office = people_office(policy, action);

	for (size_t i = 0; i < policy->person_count; i++)
		if (people_can(policy, &office, &policy->people[i], day))
			return true;
	return false;
}

/* ---- dates ----------------------------------------------------------------------------------------- */

#define DAY_SECONDS INT64_C(86400)

/* The test clock has told of this person's role already, in the same place: once is enough. */
static bool is_told(const struct rules_findings *findings, const struct person *person)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i].line == person->at.line &&
		    findings->items[i].column == person->at.column &&
		    strstr(findings->items[i].text, "has lapsed as"))
			return true;
	return false;
}

static void warn_date(const struct policy *policy, struct rules_findings *findings,
		      const struct rules_role_standing *standing, const struct person *person,
		      bool has_lapsed)
{
	char last[20], fix[256];

	/* noon of the last day that counts */
	rules_local_time(policy, standing->lapses_unix - DAY_SECONDS / 2, last);
	snprintf(fix, sizeof(fix), "renew '%s_expires' of '%s' in 'people', in line %u",
		 standing->requirement, standing->person, standing->line);
	check_warn(policy, findings, person->at, fix,
		   has_lapsed ? "'%s' has lapsed as '%s': %s ran out on %.10s"
			      : "'%s' lapses soon as '%s': %s counts through %.10s",
		   standing->person, standing->role, standing->requirement, last);
}

/* One finding for each requirement of a person, with the first of the roles that hang on it. */
static void check_person_dates(const struct policy *policy, int64_t now_unix,
			       const struct person *person, struct rules_findings *findings)
{
	const char *told[2] = {NULL, NULL};
	bool was_told = is_told(findings, person);

	for (size_t role = 0; role < policy->role_count; role++) {
		struct rules_role_standing standing;

		if (!(person->roles >> role & 1))
			continue;
		stand(policy, person, role, now_unix, &standing);
		bool is_soon = standing.standing == STANDING_COUNTS &&
			       standing.lapses_unix <= now_unix + RULES_WARN_DAYS * DAY_SECONDS;
		bool has_lapsed = standing.standing == STANDING_LAPSED;

		if ((!is_soon && !has_lapsed) || standing.requirement == told[0] ||
		    standing.requirement == told[1] || (has_lapsed && was_told))
			continue;
		told[told[0] ? 1 : 0] = standing.requirement;
		warn_date(policy, findings, &standing, person, has_lapsed);
	}
}

/* Somebody can when dates do not matter, and nobody can at @at_unix. */
static bool is_left_alone(const struct policy *policy, enum bl_action action, int64_t at_unix)
{
	return people_anybody_can(policy, action, PEOPLE_ANY_DAY) &&
	       !people_anybody_can(policy, action, people_day(policy, at_unix));
}

static void check_offices(const struct policy *policy, int64_t now_unix,
			  struct rules_findings *findings)
{
	static const enum bl_action offices[] = {ACTION_APPROVE, ACTION_HOLD, ACTION_ADMINISTER};

	for (size_t i = 0; i < BL_COUNT(offices); i++) {
		bool is_now = is_left_alone(policy, offices[i], now_unix);
		int64_t soon = now_unix + RULES_WARN_DAYS * DAY_SECONDS;

		if (!is_now && !is_left_alone(policy, offices[i], soon))
			continue;
		check_warn(policy, findings, (struct position){0},
			   "renew what has run out in 'people', or give the role to somebody else",
			   "%s who can %s: everybody's requirements %s",
			   is_now ? "nobody is left" : "nobody will be left soon",
			   bl_action_name(offices[i]), is_now ? "have run out" : "run out");
	}
}

void rules_check_dates(const struct policy *policy, int64_t now_unix,
		       struct rules_findings *findings)
{
	for (size_t i = 0; i < policy->person_count; i++)
		check_person_dates(policy, now_unix, &policy->people[i], findings);
	check_offices(policy, now_unix, findings);
	rules_sort_findings(findings);
}
