/* One path for each state that the path automata of both files reach together. */
#include <stdlib.h>
#include <string.h>

#include "policy/rules/diff.h"

/* ---- names that the patterns match ------------------------------------------------------------------------------ */

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
	if (names->items[names->count])
		names->count++;
	else
		cells->is_out_of_memory = true;
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

/* ---- walking both automata ---------------------------------------------------------------------------------------- */

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

enum bl_status cells_add_paths(struct cells *cells)
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
