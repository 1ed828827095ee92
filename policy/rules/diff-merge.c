#include <stdlib.h>
#include <string.h>

#include "policy/rules/diff.h"
#include "policy/rules/zone.h"

/* ---- one dimension of one rule ---------------------------------------------------------------------- */

static enum three known(bool is_true)
{
	return is_true ? TRUE3 : FALSE3;
}

static enum three in_hours(const struct conditions *conditions, const struct zone_time *wall)
{
	for (size_t i = 0; i < conditions->hours_count; i++) {
		const struct hours *hours = &conditions->hours[i];

		if (hours->days >> wall->weekday & 1 && wall->minute >= hours->from_minute &&
		    wall->minute < hours->until_minute)
			return TRUE3;
	}
	return known(!conditions->hours_count);
}

static enum three has_purpose(const struct conditions *conditions, const char *purpose)
{
	for (size_t i = 0; purpose && i < conditions->purposes.count; i++)
		if (strcmp(conditions->purposes.items[i], purpose) == 0)
			return TRUE3;
	return known(!conditions->purposes.count);
}

static enum three at_host(const struct policy *policy, const struct rule *rule, const char *host)
{
	if (!rule->workplaces)
		return TRUE3;
	for (size_t i = 0; host && i < policy->workplace_count; i++)
		for (size_t k = 0;
		     rule->workplaces >> i & 1 && k < policy->workplaces[i].hosts.count; k++)
			if (strcmp(policy->workplaces[i].hosts.items[k], host) == 0)
				return TRUE3;
	return FALSE3;
}

static enum three has_id(const struct rule *rule, const char *id)
{
	for (size_t i = 0; i < rule->ids.count; i++)
		if (glob_match_id(rule->ids.items[i], id))
			return TRUE3;
	return known(!rule->ids.count);
}

static struct cell_code of_kind(const struct rule *rule, size_t kind)
{
	bool is_directory = kind == VALUE_DIRECTORY;
	bool speaks_of_files = rule->file_kinds || rule->contains || rule->max_size_bytes >= 0;
	struct cell_code code = {known(!rule->file_kinds), TRUE3, 0};

	if (is_directory) {
		code.what = known(!speaks_of_files && rule->effect != EFFECT_WITHHOLD);
		code.extra = 1;
		return code;
	}
	if (rule->file_kinds)
		code.what = known(rule->file_kinds >> kind & 1);
	if (rule->effect == EFFECT_WITHHOLD && !(rule->withhold_kinds >> kind & 1))
		code.what = FALSE3;
	return code;
}

static enum three of_has(const struct cells *cells, const struct sided *sided, size_t value)
{
	bl_classes contains = sided->rule->contains;

	if (!contains || value == HAS_NOTHING)
		return known(!contains);
	if (value == HAS_CLASS(cells->has_count)) /* all of them */
		return TRUE3;
	if (value > HAS_CLASS(cells->has_count))
		return UNKNOWN3;
	int number = cells->classes[cells->has[value - 1]].number[sided->side];

	return known(number >= 0 && contains >> number & 1);
}

static enum three of_used(const struct rule *rule, const struct diff_used *used)
{
	const struct limit *limit = &rule->limits[used->unit];

	return known(used->is_none || !limit->is_set || limit->period != used->period ||
		     used->amount < limit->most);
}

static enum three of_approvals(const struct policy *policy, const struct rule *rule,
			       const struct diff_approvals *given)
{
	const struct approvals *needed = &rule->approvals;

	if (!needed->count)
		return TRUE3;
	for (size_t i = 0; given->count && i < policy->role_count; i++)
		if (needed->from >> i & 1 && strcmp(policy->roles[i].name, given->role) == 0)
			return known(given->count >= needed->count &&
				     given->age_seconds < needed->valid_seconds);
	return FALSE3;
}

static struct cell_code of_state(const struct rule *rule, size_t state)
{
	/* a gate closes a device that is due or shredded, whatever rules say */
	unsigned gate = state == STATE_DUE || state == STATE_SHREDDED;

	return (struct cell_code){rule_state(rule, (unsigned)state), TRUE3, gate};
}

struct cell_code cell_code(const struct cells *cells, const struct sided *sided,
			   enum dimension dimension, size_t value)
{
	const struct policy *policy = cells->policy[sided->side];
	const struct rule *rule = sided->rule;
	const struct conditions *when = &rule->when, *unless = &rule->unless;
	struct cell_code code = {TRUE3, TRUE3, 0};
	struct zone_time wall;

	switch (dimension) {
	case DIM_MOMENT:
		zone_local(policy->zone, cells->moments[value], &wall);
		code.what = in_hours(when, &wall);
		code.unless = in_hours(unless, &wall);
		break;
	case DIM_PURPOSE:
		code.what = has_purpose(when, cells->purposes[value]);
		code.unless = has_purpose(unless, cells->purposes[value]);
		break;
	case DIM_HOST:
		code.what = at_host(policy, rule, cells->hosts[value]);
		break;
	case DIM_REASON:
		code.what = known(!rule->needs_reason || value);
		break;
	case DIM_DEVICE:
		code.what = known(!rule->device_kinds || rule->device_kinds >> value & 1);
		break;
	case DIM_ID:
		code.what = has_id(rule, cells->ids[value]);
		break;
	case DIM_PATH:
		code.what = known(bit_is_set(cells->path_rules[sided->side] +
						     value * cells->path_words[sided->side],
					     (size_t)(rule - policy->rules)));
		break;
	case DIM_KIND:
		return of_kind(rule, value);
	case DIM_SIZE:
		code.what = known(rule->max_size_bytes < 0 ||
				  cells->sizes[value] <= rule->max_size_bytes);
		break;
	case DIM_STATE:
		return of_state(rule, value);
	case DIM_CONSENT:
		code.what = conditions_consent(when, (enum bl_consent)value);
		code.unless = conditions_consent(unless, (enum bl_consent)value);
		break;
	case DIM_CHECK:
		code.what = conditions_check(when, (enum bl_check)value);
		code.unless = conditions_check(unless, (enum bl_check)value);
		break;
	case DIM_HAS:
		code.what = of_has(cells, sided, value);
		break;
	case DIM_USED:
		code.what = of_used(rule, &cells->used[value]);
		break;
	case DIM_APPROVALS:
		code.what = of_approvals(policy, rule, &cells->approvals[value]);
		break;
	case DIM_COUNT:
		break;
	}
	return code;
}

/* ---- values that no rule tells apart -------------------------------------------------------------------- */

static uint64_t signature(const struct cells *cells, const struct sided *rules, size_t count,
			  enum dimension dimension, size_t value)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < count; i++) {
		struct cell_code code = cell_code(cells, &rules[i], dimension, value);
		uint64_t mixed = code.what | (uint64_t)code.unless << 2 | (uint64_t)code.extra << 4;

		hash = (hash ^ (mixed + 1)) * UINT64_C(0x100000001b3);
		hash ^= hash >> 29;
	}
	return hash;
}

static bool is_new(const uint64_t *seen, size_t count, uint64_t hash)
{
	for (size_t i = 0; i < count; i++)
		if (seen[i] == hash)
			return false;
	return true;
}

enum bl_status cells_merge(const struct cells *cells, const struct sided *rules, size_t count,
			   struct arena *arena, struct merged *out_merged)
{
	uint64_t seen[CELL_LIMIT];

	for (unsigned dimension = 0; dimension < DIM_COUNT; dimension++) {
		size_t raw = cells->count[dimension], kept = 0;
		uint16_t *values = arena_take(arena, raw, sizeof(*values));

		if (!values)
			return BL_NO_MEMORY;
		for (size_t value = 0; value < raw; value++) {
			uint64_t hash =
				signature(cells, rules, count, (enum dimension)dimension, value);

			if (!is_new(seen, kept, hash))
				continue;
			seen[kept] = hash;
			values[kept++] = (uint16_t)value;
		}
		out_merged->values[dimension] = values;
		out_merged->count[dimension] = kept;
	}
	return BL_OK;
}
