#include <string.h>

#include "policy/rules/diff.h"

static bool same_lists(const struct string_list *a, const struct string_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool same_hours(const struct hours *a, const struct hours *b)
{
	return a->days == b->days && a->from_minute == b->from_minute &&
	       a->until_minute == b->until_minute;
}

static bool same_conditions(const struct conditions *a, const struct conditions *b)
{
	if (a->hours_count != b->hours_count || !same_lists(&a->purposes, &b->purposes))
		return false;
	for (size_t i = 0; i < a->hours_count; i++)
		if (!same_hours(&a->hours[i], &b->hours[i]))
			return false;
	return a->consent == b->consent && a->check == b->check && a->approved == b->approved;
}

static bool same_limits(const struct rule *a, const struct rule *b)
{
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++) {
		const struct limit *x = &a->limits[unit], *y = &b->limits[unit];

		if (x->is_set != y->is_set ||
		    (x->is_set && (x->period != y->period || x->most != y->most)))
			return false;
	}
	return true;
}

/* ---- by name: bits may mean something else in the other file --------------------------------------------------- */

static uint64_t find_role(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->role_count; i++)
		if (strcmp(policy->roles[i].name, name) == 0)
			return UINT64_C(1) << i;
	return 0;
}

/* Roles of the older file as the newer numbers them; false when it lacks one of them. */
static bool translate_roles(const struct cells *cells, uint64_t roles, uint64_t *out_roles)
{
	const struct policy *older = cells->policy[OLDER];

	*out_roles = 0;
	for (size_t i = 0; i < older->role_count; i++) {
		uint64_t bit =
			roles >> i & 1 ? find_role(cells->policy[NEWER], older->roles[i].name) : 0;

		if (roles >> i & 1 && !bit)
			return false;
		*out_roles |= bit;
	}
	return true;
}

static bool same_roles(const struct cells *cells, uint64_t older, uint64_t newer)
{
	uint64_t roles;

	return translate_roles(cells, older, &roles) && roles == newer;
}

/* Workplaces by name, of the same machines. */
static bool same_workplaces(const struct cells *cells, uint64_t older, uint64_t newer)
{
	uint64_t found = 0;

	for (size_t i = 0; i < cells->policy[OLDER]->workplace_count; i++) {
		const struct workplace *a = &cells->policy[OLDER]->workplaces[i];
		uint64_t bit = 0;

		for (size_t k = 0; k < cells->policy[NEWER]->workplace_count; k++) {
			const struct workplace *b = &cells->policy[NEWER]->workplaces[k];

			if (strcmp(a->name, b->name) == 0 && same_lists(&a->hosts, &b->hosts))
				bit = UINT64_C(1) << k;
		}
		if (older >> i & 1 && !bit)
			return false;
		found |= older >> i & 1 ? bit : 0;
	}
	return found == newer;
}

static bool same_customs(const struct cells *cells)
{
	const struct policy *a = cells->policy[OLDER], *b = cells->policy[NEWER];

	if (a->custom_count != b->custom_count)
		return false;
	for (size_t i = 0; i < a->custom_count; i++)
		if (strcmp(a->custom[i].name, b->custom[i].name) != 0)
			return false;
	return true;
}

/* Custom classes are numbered by each file: unless both number them alike, rules that name one differ. */
static bool same_classes(const struct cells *cells, const struct rule *a, const struct rule *b)
{
	bool has_custom = a->contains >> CLASS_COUNT;

	for (unsigned class = CLASS_COUNT; class < CLASS_LIMIT; class ++)
		has_custom |= a->effect == EFFECT_MASK && a->styles[class] != STYLE_NONE;
	return a->contains == b->contains && memcmp(a->styles, b->styles, sizeof(a->styles)) == 0 &&
	       (!has_custom || cells->is_same_customs);
}

static bool same_what(const struct rule *a, const struct rule *b)
{
	return a->device_kinds == b->device_kinds && a->states == b->states &&
	       same_lists(&a->ids, &b->ids) && same_lists(&a->paths, &b->paths) &&
	       a->file_kinds == b->file_kinds && a->max_size_bytes == b->max_size_bytes;
}

bool diff_same_rule(const struct cells *cells, const struct rule *older, const struct rule *newer)
{
	const struct rule *a = older, *b = newer;

	return a->effect == b->effect && a->actions == b->actions &&
	       a->withhold_kinds == b->withhold_kinds && a->is_for_everyone == b->is_for_everyone &&
	       a->needs_reason == b->needs_reason && a->approvals.count == b->approvals.count &&
	       a->approvals.valid_seconds == b->approvals.valid_seconds && !a->set == !b->set &&
	       same_what(a, b) && same_classes(cells, a, b) &&
	       same_conditions(&a->when, &b->when) && same_conditions(&a->unless, &b->unless) &&
	       same_limits(a, b) && same_roles(cells, a->roles, b->roles) &&
	       same_roles(cells, a->approvals.from, b->approvals.from) &&
	       same_workplaces(cells, a->workplaces, b->workplaces) &&
	       (cells->is_same_zone || (!a->when.hours_count && !a->unless.hours_count));
}

/* ---- callers and what is looked for ---------------------------------------------------------------------------- */

static bool same_role(const struct cells *cells, size_t older, uint64_t newer)
{
	const struct role *a = &cells->policy[OLDER]->roles[older];
	const struct role *b = &cells->policy[NEWER]->roles[__builtin_ctzll(newer)];

	return a->needs_training == b->needs_training && a->needs_insurance == b->needs_insurance &&
	       same_roles(cells, a->never_with, b->never_with);
}

static bool same_person(const struct cells *cells, const struct person *a, const struct person *b)
{
	if (!a || !b || !same_roles(cells, a->roles, b->roles) || !cells->is_same_zone ||
	    a->training_expires_day != b->training_expires_day ||
	    a->insurance_expires_day != b->insurance_expires_day)
		return false;
	for (size_t i = 0; i < cells->policy[OLDER]->role_count; i++) {
		const char *name = cells->policy[OLDER]->roles[i].name;

		if (a->roles >> i & 1 &&
		    !same_role(cells, i, find_role(cells->policy[NEWER], name)))
			return false;
	}
	return true;
}

bool diff_same_caller(const struct cells *cells, const struct diff_caller *caller)
{
	if (caller->is_person)
		return same_person(cells, caller->person[OLDER], caller->person[NEWER]);
	return caller->roles[OLDER] && caller->roles[NEWER];
}

bool diff_same_looks(const struct cells *cells)
{
	const struct policy *a = cells->policy[OLDER], *b = cells->policy[NEWER];

	return a->default_style == b->default_style && a->detects == b->detects &&
	       cells->is_same_customs;
}

bool diff_is_shared(const struct cells *cells, enum side side, const struct rule *rule)
{
	const struct policy *other = cells->policy[!side];
	size_t index = (size_t)(rule - cells->policy[side]->rules);

	for (size_t i = 0; i < other->rule_count; i++) {
		/* most rules stand where they stood */
		const struct rule *candidate = &other->rules[(index + i) % other->rule_count];

		if (strcmp(candidate->id, rule->id) == 0)
			return side == OLDER ? diff_same_rule(cells, rule, candidate)
					     : diff_same_rule(cells, candidate, rule);
	}
	return false;
}

void diff_note_sameness(struct cells *cells)
{
	cells->is_same_customs = same_customs(cells);
	cells->is_same_zone =
		strcmp(cells->policy[OLDER]->zone_name, cells->policy[NEWER]->zone_name) == 0;
}
