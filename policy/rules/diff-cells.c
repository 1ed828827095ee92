#include <stdlib.h>
#include <string.h>

#include "policy/rules/diff.h"
#include "policy/rules/zone.h"

/* ---- adding values once ------------------------------------------------------------------------------- */

static void add_text(const char **list, size_t *count, const char *text)
{
	for (size_t i = 0; i < *count; i++)
		if (list[i] == text || (list[i] && text && strcmp(list[i], text) == 0))
			return;
	if (*count < CELL_LIMIT)
		list[(*count)++] = text;
}

static void add_number(int64_t *list, size_t *count, int64_t number)
{
	for (size_t i = 0; i < *count; i++)
		if (list[i] == number)
			return;
	if (*count < CELL_LIMIT)
		list[(*count)++] = number;
}

/* ---- moments: each window's edges, a minute inside and outside, in the reference week ------------------- */

static void add_minute(struct cells *cells, const struct policy *policy, unsigned weekday,
		       int minute)
{
	struct zone_time base;

	zone_local(policy->zone, cells->base_unix, &base);
	int32_t day = base.day - base.weekday + (int32_t)weekday;

	if (minute < 0 || minute >= 1440)
		return;
	add_number(cells->moments, &cells->count[DIM_MOMENT],
		   zone_unix(policy->zone, day, (unsigned)minute));
}

static void add_window(struct cells *cells, const struct policy *policy, const struct hours *hours)
{
	unsigned inside = 0, outside = 0;

	while (inside < 6 && !(hours->days >> inside & 1))
		inside++;
	while (outside < 7 && hours->days >> outside & 1)
		outside++;
	add_minute(cells, policy, inside, hours->from_minute);
	add_minute(cells, policy, inside, hours->from_minute - 1);
	add_minute(cells, policy, inside, hours->until_minute);
	add_minute(cells, policy, inside, hours->until_minute - 1);
	if (hours->until_minute >= 1440)
		add_minute(cells, policy, (inside + 1) % 7, 0);
	if (outside < 7)
		add_minute(cells, policy, outside, hours->from_minute);
	/* another day of the window, should one file leave it out */
	for (unsigned day = 0; day < 7; day++)
		if (hours->days >> day & 1)
			add_minute(cells, policy, day, hours->from_minute);
}

static void add_moments(struct cells *cells, const struct policy *policy,
			const struct conditions *conditions)
{
	for (size_t i = 0; i < conditions->hours_count; i++)
		add_window(cells, policy, &conditions->hours[i]);
}

/* ---- ids ------------------------------------------------------------------------------------------------ */

/* A device id that a pattern matches: stars stand for nothing or "1", question marks for "1". */
static void add_id(struct cells *cells, const char *pattern, bool is_star_empty)
{
	char id[BL_DEVICE_ID_SIZE];
	size_t used = 0;

	for (; *pattern && used + 1 < sizeof(id); pattern++) {
		if (*pattern == '*' && is_star_empty)
			continue;
		id[used++] = *pattern == '*' || *pattern == '?' ? '1' : *pattern;
	}
	id[used] = '\0';
	if (!bl_device_id_ok(id))
		return;

	const char *copy = arena_copy(cells->arena, id, used);

	if (!copy)
		cells->is_out_of_memory = true;
	else
		add_text(cells->ids, &cells->count[DIM_ID], copy);
}

static void add_ids(struct cells *cells, const struct string_list *patterns)
{
	for (size_t i = 0; i < patterns->count; i++) {
		add_id(cells, patterns->items[i], false);
		add_id(cells, patterns->items[i], true);
	}
}

/* ---- what was used and approved ------------------------------------------------------------------------ */

static void add_used(struct cells *cells, unsigned unit, const struct limit *limit, uint64_t amount)
{
	size_t *count = &cells->count[DIM_USED];
	struct diff_used used = {
		.unit = (enum bl_unit)unit, .period = limit->period, .amount = amount};

	for (size_t i = 0; i < *count; i++)
		if (!cells->used[i].is_none && cells->used[i].unit == used.unit &&
		    cells->used[i].period == used.period && cells->used[i].amount == amount)
			return;
	if (*count < CELL_LIMIT)
		cells->used[(*count)++] = used;
}

static void add_limits(struct cells *cells, const struct rule *rule)
{
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++) {
		const struct limit *limit = &rule->limits[unit];

		if (!limit->is_set)
			continue;
		add_used(cells, unit, limit, limit->most);
		if (limit->most)
			add_used(cells, unit, limit, limit->most - 1);
	}
}

static void add_approval(struct cells *cells, const char *role, unsigned people, int64_t age)
{
	size_t *count = &cells->count[DIM_APPROVALS];

	for (size_t i = 0; i < *count; i++)
		if (cells->approvals[i].role && strcmp(cells->approvals[i].role, role) == 0 &&
		    cells->approvals[i].count == people && cells->approvals[i].age_seconds == age)
			return;
	if (*count < CELL_LIMIT && people)
		cells->approvals[(*count)++] = (struct diff_approvals){role, people, age};
}

static void add_approvals(struct cells *cells, const struct policy *policy,
			  const struct approvals *needed)
{
	unsigned count = BL_MIN(needed->count, APPROVERS_LIMIT);

	for (size_t i = 0; count && i < policy->role_count; i++) {
		const char *role = policy->roles[i].name;

		if (!(needed->from >> i & 1))
			continue;
		add_approval(cells, role, count, 0);
		add_approval(cells, role, count - 1, 0);
		add_approval(cells, role, count, needed->valid_seconds - 1);
		add_approval(cells, role, count, needed->valid_seconds);
	}
}

/* ---- classes -------------------------------------------------------------------------------------------- */

static size_t find_class(struct cells *cells, const char *name)
{
	for (size_t i = 0; i < cells->class_count; i++)
		if (strcmp(cells->classes[i].name, name) == 0)
			return i;
	cells->classes[cells->class_count] = (struct diff_class){name, {-1, -1}};
	return cells->class_count++;
}

static void add_classes(struct cells *cells, enum side side)
{
	const struct policy *policy = cells->policy[side];

	for (unsigned class = 0; class < CLASS_COUNT; class ++)
		cells->classes[find_class(cells, bl_class_name((enum bl_class) class))]
			.number[side] = (int)class;
	for (size_t i = 0; i < policy->custom_count && CLASS_COUNT + i < CLASS_LIMIT; i++)
		cells->classes[find_class(cells, policy->custom[i].name)].number[side] =
			(int)(CLASS_COUNT + i);
}

static void add_has(struct cells *cells, enum side side, bl_classes contains)
{
	for (size_t i = 0; i < cells->class_count; i++) {
		int number = cells->classes[i].number[side];
		size_t known = 0;

		if (number < 0 || !(contains >> number & 1))
			continue;
		while (known < cells->has_count && cells->has[known] != i)
			known++;
		if (known == cells->has_count && known < CELL_LIMIT - 3)
			cells->has[cells->has_count++] = i;
	}
}

/* ---- all of them ----------------------------------------------------------------------------------------- */

static void add_rule(struct cells *cells, enum side side, const struct rule *rule)
{
	const struct policy *policy = cells->policy[side];

	add_moments(cells, policy, &rule->when);
	add_moments(cells, policy, &rule->unless);
	for (size_t i = 0; i < rule->when.purposes.count; i++)
		add_text(cells->purposes, &cells->count[DIM_PURPOSE], rule->when.purposes.items[i]);
	for (size_t i = 0; i < rule->unless.purposes.count; i++)
		add_text(cells->purposes, &cells->count[DIM_PURPOSE],
			 rule->unless.purposes.items[i]);
	add_ids(cells, &rule->ids);
	if (rule->max_size_bytes >= 0) {
		add_number(cells->sizes, &cells->count[DIM_SIZE], rule->max_size_bytes);
		add_number(cells->sizes, &cells->count[DIM_SIZE], rule->max_size_bytes + 1);
	}
	add_limits(cells, rule);
	add_approvals(cells, policy, &rule->approvals);
	add_has(cells, side, rule->contains);
}

static void add_policy(struct cells *cells, enum side side)
{
	const struct policy *policy = cells->policy[side];

	for (size_t i = 0; i < policy->workplace_count; i++)
		for (size_t k = 0; k < policy->workplaces[i].hosts.count; k++)
			add_text(cells->hosts, &cells->count[DIM_HOST],
				 policy->workplaces[i].hosts.items[k]);
	for (size_t i = 0; i < policy->retention_count; i++)
		add_ids(cells, &policy->retention[i].ids);
}

/* Rules that differ come first, should there be more values than fit. */
static void add_rules(struct cells *cells, bool is_shared)
{
	for (unsigned side = 0; side < SIDES; side++) {
		const struct policy *policy = cells->policy[side];

		for (size_t i = 0; i < policy->rule_count; i++)
			if (diff_is_shared(cells, (enum side)side, &policy->rules[i]) == is_shared)
				add_rule(cells, (enum side)side, &policy->rules[i]);
	}
}

/* 2026-07-01 10:00 UTC, a Wednesday: a fixed now for policies without a test clock. */
#define FIXED_UNIX INT64_C(1782900000)

static void begin(struct cells *cells)
{
	int64_t newer = cells->policy[NEWER]->test_clock_unix;
	int64_t older = cells->policy[OLDER]->test_clock_unix;

	cells->base_unix = newer != INT64_MIN ? newer : older != INT64_MIN ? older : FIXED_UNIX;
	add_number(cells->moments, &cells->count[DIM_MOMENT], cells->base_unix);
	add_text(cells->purposes, &cells->count[DIM_PURPOSE], NULL);
	add_text(cells->hosts, &cells->count[DIM_HOST], NULL);
	add_text(cells->ids, &cells->count[DIM_ID], "ZZ-0");
	add_number(cells->sizes, &cells->count[DIM_SIZE], 1);
	cells->used[0].is_none = true;
	cells->count[DIM_USED] = 1;
	cells->count[DIM_APPROVALS] = 1;
	cells->count[DIM_REASON] = 2;
	cells->count[DIM_DEVICE] = DEVICE_KIND_COUNT;
	cells->count[DIM_KIND] = FILE_KIND_COUNT + 1;
	cells->count[DIM_STATE] = STATE_COUNT;
	cells->count[DIM_CONSENT] = CONSENT_COUNT;
	cells->count[DIM_CHECK] = CHECK_COUNT;
	for (unsigned side = 0; side < SIDES; side++)
		add_classes(cells, (enum side)side);
}

enum bl_status cells_new(const struct policy *older, const struct policy *newer,
			 struct cells **out_cells)
{
	BL_CLEANUP(cells_free) struct cells *cells = calloc(1, sizeof(*cells));

	if (!cells)
		return BL_NO_MEMORY;
	cells->policy[OLDER] = older;
	cells->policy[NEWER] = newer;
	cells->arena = arena_new();
	if (!cells->arena)
		return BL_NO_MEMORY;
	begin(cells);
	diff_note_sameness(cells);
	add_rules(cells, false);
	for (unsigned side = 0; side < SIDES; side++)
		add_policy(cells, (enum side)side);
	add_rules(cells, true);
	cells->count[DIM_HAS] = cells->has_count + 3;
	enum bl_status status = cells_add_paths(cells);

	if (status != BL_OK || cells->is_out_of_memory)
		return BL_NO_MEMORY;
	*out_cells = BL_TAKE(cells);
	return BL_OK;
}

void cells_free(struct cells *cells)
{
	if (!cells)
		return;
	arena_free(cells->arena);
	free(cells);
}
