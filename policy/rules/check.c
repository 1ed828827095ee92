/* What can be said of a whole policy: ids, people and roles that come to nothing, rules that never matter. */
#include <stdlib.h>
#include <string.h>

#include "policy/detect/detect.h"
#include "policy/rules/load.h"
#include "policy/rules/zone.h"

#define warn(policy, findings, at, fix, ...)                                                       \
	rules_find(policy, findings, RULES_WARNING, at, fix, __VA_ARGS__)

/* ---- ids ---------------------------------------------------------------------------------------- */

struct named {
	const char *id;
	struct position at;
};

static int compare_named(const void *left, const void *right)
{
	const struct named *a = left, *b = right;
	int order = strcmp(a->id, b->id);

	if (order)
		return order;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	return a->at.column < b->at.column ? -1 : a->at.column > b->at.column;
}

static void refuse_same_ids(const struct policy *policy, struct rules_findings *findings,
			    struct named *names, size_t count)
{
	qsort(names, count, sizeof(*names), compare_named);
	for (size_t i = 1; i < count; i++)
		if (names[i].id[0] && strcmp(names[i - 1].id, names[i].id) == 0)
			rules_find(policy, findings, RULES_ERROR, names[i].at,
				   "give one of the two another id",
				   "id '%s' is there already, in line %u", names[i].id,
				   names[i - 1].at.line);
}

static void check_ids(const struct policy *policy, struct rules_findings *findings)
{
	struct named *names = arena_take(
		policy->arena, BL_MAX(policy->rule_count, policy->retention_count), sizeof(*names));

	if (!names) {
		/* Not looked at is not accepted. */
		rules_find(policy, findings, RULES_ERROR, (struct position){0}, "",
			   "no memory to check ids");
		return;
	}
	for (size_t i = 0; i < policy->rule_count; i++)
		names[i] = (struct named){policy->rules[i].id, policy->rules[i].id_at};
	refuse_same_ids(policy, findings, names, policy->rule_count);
	for (size_t i = 0; i < policy->retention_count; i++)
		names[i] = (struct named){policy->retention[i].id, policy->retention[i].id_at};
	refuse_same_ids(policy, findings, names, policy->retention_count);
}

/* ---- people and roles ---------------------------------------------------------------------------- */

/* Is a requirement of this person past at the test clock? */
static bool is_past(const struct policy *policy, int32_t last_day)
{
	struct zone_time wall;

	if (last_day == DAY_NONE)
		return true;
	if (policy->test_clock_unix == INT64_MIN)
		return false; /* no clock, no opinion */
	zone_local(policy->zone, policy->test_clock_unix, &wall);
	return wall.day > last_day;
}

static const char *lapse_words(int32_t last_day)
{
	return last_day == DAY_NONE ? "is not stated" : "has run out at the test clock";
}

static void check_person(const struct policy *policy, struct rules_findings *findings,
			 const struct person *person)
{
	for (size_t i = 0; i < policy->role_count; i++) {
		const struct role *role = &policy->roles[i];

		if (!(person->roles >> i & 1))
			continue;
		if (role->needs_training && is_past(policy, person->training_expires_day))
			warn(policy, findings, person->at,
			     "renew 'training_expires', or take the role away",
			     "'%s' has lapsed as '%s': training %s", person->name, role->name,
			     lapse_words(person->training_expires_day));
		if (role->needs_insurance && is_past(policy, person->insurance_expires_day))
			warn(policy, findings, person->at,
			     "renew 'insurance_expires', or take the role away",
			     "'%s' has lapsed as '%s': insurance %s", person->name, role->name,
			     lapse_words(person->insurance_expires_day));
	}
}

static uint64_t held_roles(const struct policy *policy)
{
	uint64_t roles = 0;

	for (size_t i = 0; i < policy->person_count; i++)
		roles |= policy->people[i].roles;
	return roles;
}

static void check_roles(const struct policy *policy, struct rules_findings *findings)
{
	uint64_t held = held_roles(policy);

	for (size_t i = 0; i < policy->role_count; i++)
		if (!(held >> i & 1))
			warn(policy, findings, policy->roles[i].at,
			     "give it to somebody, or remove it", "nobody holds the role '%s'",
			     policy->roles[i].name);
}

/* ---- rules ---------------------------------------------------------------------------------------- */

static bool has_purpose(const struct string_list *list, const char *purpose)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], purpose) == 0)
			return true;
	return false;
}

/* Every purpose of `when` is one of `unless`, and nothing else is asked of `unless`. */
static bool is_contradiction(const struct rule *rule)
{
	if (!rule->when.purposes.count || !rule->unless.purposes.count || rule->unless.hours_count)
		return false;
	for (size_t i = 0; i < rule->when.purposes.count; i++)
		if (!has_purpose(&rule->unless.purposes, rule->when.purposes.items[i]))
			return false;
	return true;
}

static bool has_conditions(const struct rule *rule)
{
	return rule->device_kinds || rule->states || rule->ids.count || rule->paths.count ||
	       rule->file_kinds || rule->max_size_bytes >= 0 || rule->when.hours_count ||
	       rule->when.purposes.count || rule->unless.hours_count || rule->unless.purposes.count;
}

/* Actions that bare forbids close to each role; index ROLE_LIMIT is everyone. */
struct shadows {
	uint32_t actions[ROLE_LIMIT + 1];
	const struct rule *by[ROLE_LIMIT + 1][ACTION_COUNT];
};

static void cast(struct shadows *shadows, const struct rule *rule)
{
	if (rule->effect != EFFECT_FORBID || has_conditions(rule))
		return;
	for (unsigned i = 0; i <= ROLE_LIMIT; i++) {
		if (!rule->is_for_everyone && (i == ROLE_LIMIT || !(rule->roles >> i & 1)))
			continue;
		shadows->actions[i] |= rule->actions;
		for (unsigned action = 0; action < ACTION_COUNT; action++)
			if (rule->actions >> action & 1)
				shadows->by[i][action] = rule;
	}
}

/* A permit is shadowed when each of its roles has each of its actions forbidden outright. */
static const struct rule *shadow_of(const struct shadows *shadows, const struct rule *rule)
{
	const struct rule *by = NULL;

	for (unsigned i = 0; i <= ROLE_LIMIT; i++) {
		bool is_mine = i == ROLE_LIMIT ? rule->is_for_everyone
					       : !rule->is_for_everyone && (rule->roles >> i & 1);

		if (!is_mine)
			continue;
		if (rule->actions & ~shadows->actions[i])
			return NULL;
		for (unsigned action = 0; action < ACTION_COUNT && !by; action++)
			if (rule->actions >> action & 1)
				by = shadows->by[i][action];
	}
	return by;
}

static void check_permits(const struct policy *policy, struct rules_findings *findings,
			  const struct shadows *shadows)
{
	uint64_t held = held_roles(policy);

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		const struct rule *shadow;

		if (is_contradiction(rule))
			warn(policy, findings, rule->id_at,
			     "change 'when' or 'unless', or remove the rule",
			     "rule '%s' never matches: 'unless' takes every purpose of 'when'",
			     rule->id);
		if (rule->effect != EFFECT_PERMIT)
			continue;
		if (!rule->is_for_everyone && !(rule->roles & held))
			warn(policy, findings, rule->id_at,
			     "give one of its roles to somebody, or remove it",
			     "rule '%s' permits nobody: its roles are held by no one", rule->id);
		shadow = shadow_of(shadows, rule);
		if (shadow)
			warn(policy, findings, rule->id_at, "remove one of the two",
			     "rule '%s' never counts: '%s' forbids all of it", rule->id,
			     shadow->id);
	}
}

static void check_masks(const struct policy *policy, struct rules_findings *findings)
{
	bl_classes told = 0;

	for (size_t i = 0; i < policy->rule_count; i++)
		for (unsigned class = 0; class < CLASS_COUNT; class ++) {
			if (policy->rules[i].effect != EFFECT_MASK ||
			    policy->rules[i].styles[class] == STYLE_NONE ||
			    (detect_supported() | told) & CLASS_BIT(class))
				continue;
			told |= CLASS_BIT(class);
			warn(policy, findings, policy->rules[i].id_at,
			     "keep it for later, or remove it",
			     "no detector of this version finds '%s': the mask changes nothing yet",
			     bl_class_name((enum bl_class) class));
		}
}

void rules_check(struct policy *policy, struct rules_findings *findings)
{
	struct shadows *shadows;

	check_ids(policy, findings);
	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i].severity == RULES_ERROR)
			return; /* half a policy: what else is odd about it says nothing */
	for (size_t i = 0; i < policy->person_count; i++)
		check_person(policy, findings, &policy->people[i]);
	check_roles(policy, findings);
	shadows = arena_take(policy->arena, 1, sizeof(*shadows));
	if (shadows) {
		for (size_t i = 0; i < policy->rule_count; i++)
			cast(shadows, &policy->rules[i]);
		check_permits(policy, findings, shadows);
	}
	check_masks(policy, findings);
}
