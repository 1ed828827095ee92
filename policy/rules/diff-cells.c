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

	if (copy)
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

/* ---- paths: one for each state of both automata --------------------------------------------------------- */

#define NAMES_LIMIT   256u
#define ALTERNATIVES  16u
#define NAME_SIZE     (GLOB_LENGTH_LIMIT + 8)
#define EXAMPLE_LIMIT 160u /* bytes of a path that is shown */

struct names {
	const char *items[NAMES_LIMIT];
	size_t count;
};

static void add_name(struct cells *cells, struct names *names, const char *text, size_t length)
{
	for (size_t i = 0; i < names->count; i++)
		if (strlen(names->items[i]) == length && memcmp(names->items[i], text, length) == 0)
			return;
	if (!length || length > 255 || names->count == NAMES_LIMIT)
		return;
	names->items[names->count] = arena_copy(cells->arena, text, length);
	names->count += names->items[names->count] != NULL;
}

/* The part of "{a,b}" that is asked for: the brace and all others of the component give their @which part. */
static size_t choose_parts(const char *text, size_t length, unsigned which, char out[NAME_SIZE])
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		size_t end = i;
		unsigned part = 0, parts = 1;

		if (text[i] != '{') {
			out[used++] = text[i];
			continue;
		}
		for (; end < length && text[end] != '}'; end++)
			parts += text[end] == ',';
		for (i++; i < end; i++) {
			if (text[i] == ',')
				part++;
			else if (part == which % parts && text[i] != '{')
				out[used++] = text[i];
		}
	}
	return used;
}

/* A character that "[..]" takes; moves @at to its end. */
static char class_member(const char *text, size_t length, size_t *at)
{
	size_t begin = *at + 1, end = begin;
	bool is_negated = begin < length && text[begin] == '!';

	begin += is_negated;
	end = begin + 1;
	while (end < length && text[end] != ']')
		end++;
	*at = end;
	if (!is_negated)
		return begin < length ? text[begin] : 'x';
	for (const char *other = "x0_~A"; *other; other++)
		if (!memchr(text + begin, *other, BL_MIN(end, length) - begin))
			return *other;
	return '=';
}

/* A name that one component of a pattern matches. */
static size_t make_name(const char *text, size_t length, char out[NAME_SIZE])
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++)
		if (text[i] == '[')
			out[used++] = class_member(text, length, &i);
		else
			out[used++] = text[i] == '*' || text[i] == '?' ? 'x' : text[i];
	return used;
}

static void add_component(struct cells *cells, struct names *names, const char *text, size_t length)
{
	char chosen[NAME_SIZE], name[NAME_SIZE];

	if (length > GLOB_LENGTH_LIMIT)
		return;
	for (unsigned which = 0; which < ALTERNATIVES; which++) {
		size_t parts = choose_parts(text, length, which, chosen);
		size_t used = make_name(chosen, parts, name);

		add_name(cells, names, used ? name : "", used);
		if (!memchr(text, '{', length))
			return;
	}
}

/* What "IMG*" and "*.jpg" both match: the head of the one before the tail of the other. */
static void add_crossing(struct cells *cells, struct names *names, const char *a, size_t a_length,
			 const char *b, size_t b_length)
{
	const char *head = memchr(a, '*', a_length), *tail = memrchr(b, '*', b_length);
	char text[2 * NAME_SIZE];

	if (!head || !tail || head == a || tail == b + b_length - 1 ||
	    a_length + b_length > GLOB_LENGTH_LIMIT)
		return;

	size_t front = (size_t)(head - a) + 1, back = (size_t)(b + b_length - tail) - 1;

	memcpy(text, a, front);
	memcpy(text + front, tail + 1, back);
	add_component(cells, names, text, front + back);
}

/* Every component of every pattern of @side, each given to @names; with those of @other crossed. */
static void add_names(struct cells *cells, struct names *names, enum side side)
{
	const struct automaton *automaton = &cells->policy[side]->compiled->automaton;

	for (size_t i = 0; i < automaton->glob_count; i++) {
		size_t length;
		const char *text = glob_text(automaton->globs[i], &length);

		if (!glob_is_any(automaton->globs[i]))
			add_component(cells, names, text, length);
	}
}

static void add_crossings(struct cells *cells, struct names *names, enum side a, enum side b)
{
	const struct automaton *left = &cells->policy[a]->compiled->automaton;
	const struct automaton *right = &cells->policy[b]->compiled->automaton;

	for (size_t i = 0; i < left->glob_count && names->count < NAMES_LIMIT; i++)
		for (size_t k = 0; k < right->glob_count && names->count < NAMES_LIMIT; k++) {
			size_t a_length, b_length;
			const char *head = glob_text(left->globs[i], &a_length);
			const char *tail = glob_text(right->globs[k], &b_length);

			add_crossing(cells, names, head, a_length, tail, b_length);
		}
}

struct walk {
	struct rules_places *places[SIDES];
	rules_place place[CELL_LIMIT][SIDES];
	const char *paths[CELL_LIMIT];
	size_t count;
};

static void walk_free(struct walk *walk)
{
	if (walk)
		for (unsigned side = 0; side < SIDES; side++)
			rules_places_free(walk->places[side]);
	free(walk);
}
BL_DEFINE_CLEANUP(struct walk, walk_free)

static enum bl_status walk_begin(const struct cells *cells, struct walk *walk)
{
	struct rules_device device = {.id = NULL, .kind = -1};
	enum bl_status status = BL_OK;

	for (unsigned side = 0; side < SIDES && status == BL_OK; side++) {
		status = rules_places_new(cells->policy[side], &device, &walk->places[side], NULL);
		if (status == BL_OK)
			walk->place[0][side] = rules_places_root(walk->places[side]);
	}
	walk->paths[0] = "";
	walk->count = 1;
	return status;
}

/* @out_to: where the step leads; @from when there is no room for it. */
static enum bl_status walk_step(struct cells *cells, struct walk *walk, size_t from,
				const char *name, size_t *out_to)
{
	rules_place place[SIDES];
	char path[EXAMPLE_LIMIT];

	for (unsigned side = 0; side < SIDES; side++)
		if (rules_places_step(walk->places[side], walk->place[from][side], name,
				      strlen(name), &place[side]) != BL_OK)
			return BL_NO_MEMORY;
	for (size_t i = 1; i < walk->count; i++)
		if (memcmp(walk->place[i], place, sizeof(place)) == 0) {
			*out_to = i;
			return BL_OK;
		}
	int length = snprintf(path, sizeof(path), "%s/%s", walk->paths[from], name);

	if (length < 0 || (size_t)length >= sizeof(path) || walk->count == CELL_LIMIT)
		return BL_OK;
	memcpy(walk->place[walk->count], place, sizeof(place));
	walk->paths[walk->count] = arena_copy(cells->arena, path, (size_t)length);
	if (!walk->paths[walk->count])
		return BL_NO_MEMORY;
	*out_to = walk->count++;
	return BL_OK;
}

/* The paths that the patterns of one rule are an example of, each with the folders on the way. */
static enum bl_status walk_pattern(struct cells *cells, struct walk *walk, const char *pattern,
				   unsigned which)
{
	const char *text;
	size_t length, from = 0;
	enum bl_status status = BL_OK;

	while (status == BL_OK && glob_next(&pattern, &text, &length)) {
		char chosen[NAME_SIZE], name[NAME_SIZE] = "other";

		if (length > GLOB_LENGTH_LIMIT)
			return BL_OK;
		if (strncmp(text, "**", length) != 0) {
			size_t parts = choose_parts(text, length, which, chosen);

			name[make_name(chosen, parts, name)] = '\0';
		}
		if (!name[0])
			return BL_OK;
		status = walk_step(cells, walk, from, name, &from);
	}
	return status;
}

static enum bl_status walk_differing(struct cells *cells, struct walk *walk)
{
	enum bl_status status = BL_OK;

	for (unsigned side = 0; side < SIDES; side++) {
		const struct policy *policy = cells->policy[side];

		for (size_t i = 0; i < policy->rule_count; i++) {
			const struct rule *rule = &policy->rules[i];

			if (!rule->paths.count || diff_is_shared(cells, (enum side)side, rule))
				continue;
			for (size_t k = 0; k < rule->paths.count * ALTERNATIVES; k++)
				if (status == BL_OK)
					status = walk_pattern(cells, walk,
							      rule->paths.items[k / ALTERNATIVES],
							      (unsigned)(k % ALTERNATIVES));
		}
	}
	return status;
}

/* Places of a device that is not known: `maybe` of a place is then just what its path matches. */
static enum bl_status keep_paths(struct cells *cells, const struct walk *walk)
{
	size_t count = walk->count;

	for (unsigned side = 0; side < SIDES; side++) {
		const struct policy *policy = cells->policy[side];
		size_t words = words_for(policy->rule_count);
		uint64_t *rules = arena_take(cells->arena, words * count, sizeof(*rules));

		if (!rules)
			return BL_NO_MEMORY;
		for (size_t i = 0; i < count; i++) {
			struct place_sets sets;

			/* the root comes last: a path of a file makes the better example */
			places_sets(walk->places[side], walk->place[(i + 1) % count][side], &sets);
			for (size_t bit = 0; bit < policy->compiled->words * 64; bit++)
				if (policy->compiled->rule_of[bit] != BIT_NONE &&
				    bit_is_set(sets.maybe, bit))
					bit_set(rules + i * words, policy->compiled->rule_of[bit]);
		}
		cells->path_rules[side] = rules;
		cells->path_words[side] = words;
	}
	for (size_t i = 0; i < count; i++)
		cells->paths[i] = i + 1 < count ? walk->paths[i + 1] : "/";
	cells->count[DIM_PATH] = count;
	return BL_OK;
}

static enum bl_status add_paths(struct cells *cells)
{
	BL_CLEANUP(walk_free) struct walk *walk = calloc(1, sizeof(*walk));
	BL_CLEANUP(bl_free) struct names *names = calloc(1, sizeof(*names));
	enum bl_status status = walk && names ? walk_begin(cells, walk) : BL_NO_MEMORY;

	if (status != BL_OK)
		return status;
	add_name(cells, names, "other", 5);
	for (unsigned side = 0; side < SIDES; side++)
		add_names(cells, names, (enum side)side);
	for (unsigned pair = 0; pair < SIDES * SIDES; pair++)
		add_crossings(cells, names, (enum side)(pair / SIDES), (enum side)(pair % SIDES));
	status = walk_differing(cells, walk);
	for (size_t from = 0; from < walk->count; from++)
		for (size_t i = 0; i < names->count && status == BL_OK; i++) {
			size_t unused;

			status = walk_step(cells, walk, from, names->items[i], &unused);
		}
	return status == BL_OK ? keep_paths(cells, walk) : status;
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
	enum bl_status status = add_paths(cells);

	if (status != BL_OK)
		return status;
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
