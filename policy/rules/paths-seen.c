#include <stdlib.h>
#include <string.h>

#include "policy/rules/check.h"
#include "policy/rules/compile.h"

/*
 * Each pattern becomes a rule of a policy of its own, so that the automaton of the real rules answers which
 * patterns a path matches, one step per component. A rule's number fits 16 bits: more patterns make more policies.
 */
#define PATTERNS_PER_POLICY 8192u

struct pattern {
	const char *text, *owner; /* of the policy that is looked at */
	bool is_retention, is_seen;
	struct position at;
};

struct automata {
	struct policy *policy;
	struct rules_places *places;
	size_t first; /* of its patterns */
};

struct rules_paths_seen {
	const struct policy *policy; /* pinned */
	struct pattern *patterns;
	size_t count, left; /* left: not seen yet */
	struct automata *automata;
	size_t automata_count;
};

/* ---- the patterns ---------------------------------------------------------------------------------------- */

static void add_patterns(struct rules_paths_seen *seen, const struct string_list *paths,
			 const struct pattern *like)
{
	for (size_t i = 0; i < paths->count; i++) {
		seen->patterns[seen->count] = *like;
		seen->patterns[seen->count++].text = paths->items[i];
	}
}

static enum bl_status collect(struct rules_paths_seen *seen)
{
	const struct policy *policy = seen->policy;
	size_t total = 1;

	for (size_t i = 0; i < policy->rule_count; i++)
		total += policy->rules[i].paths.count;
	for (size_t i = 0; i < policy->retention_count; i++)
		total += policy->retention[i].paths.count;
	seen->patterns = calloc(total, sizeof(*seen->patterns));
	if (!seen->patterns)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		struct pattern like = {.owner = rule->id, .at = rule->id_at};

		if (check_is_own(rule))
			add_patterns(seen, &rule->paths, &like);
	}
	for (size_t i = 0; i < policy->retention_count; i++) {
		const struct retention_entry *entry = &policy->retention[i];
		struct pattern like = {
			.owner = entry->id, .at = entry->id_at, .is_retention = true};

		add_patterns(seen, &entry->paths, &like);
	}
	seen->left = seen->count;
	return BL_OK;
}

/* ---- their automata -------------------------------------------------------------------------------------- */

static enum bl_status fill_policy(struct policy *policy, const struct pattern *patterns,
				  size_t count)
{
	policy->rules = arena_take(policy->arena, count, sizeof(*policy->rules));
	if (!policy->rules)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		struct rule *rule = &policy->rules[i];
		const char **text = arena_take(policy->arena, 1, sizeof(*text));

		if (!text)
			return BL_NO_MEMORY;
		*text = patterns[i].text;
		*rule = (struct rule){.effect = EFFECT_PERMIT,
				      .actions = UINT32_C(1) << ACTION_LIST,
				      .is_for_everyone = true,
				      .max_size_bytes = -1,
				      .paths = {text, 1},
				      .why = ""};
		snprintf(rule->id, sizeof(rule->id), "p%zu", i);
	}
	policy->rule_count = count;
	return BL_OK;
}

static enum bl_status new_places(struct automata *automata)
{
	struct rules_device device = {.id = NULL, .kind = -1};

	return rules_places_new(automata->policy, &device, &automata->places, NULL);
}

static enum bl_status build(const struct rules_paths_seen *seen, struct automata *out,
			    struct bl_error *why)
{
	size_t count = BL_MIN(seen->count - out->first, PATTERNS_PER_POLICY);

	out->policy = policy_new();
	if (!out->policy)
		return BL_NO_MEMORY;
	enum bl_status status = fill_policy(out->policy, seen->patterns + out->first, count);

	if (status == BL_OK)
		status = rules_compile(out->policy, why);
	return status == BL_OK ? new_places(out) : status;
}

enum bl_status rules_paths_new(const struct policy *policy, struct rules_paths_seen **out_seen,
			       struct bl_error *why)
{
	BL_CLEANUP(rules_paths_free) struct rules_paths_seen *seen = calloc(1, sizeof(*seen));

	if (!seen)
		return bl_fail(why, BL_NO_MEMORY, "no memory to look for patterns");
	seen->policy = policy_ref(policy);
	enum bl_status status = collect(seen);
	size_t needed = (seen->count + PATTERNS_PER_POLICY - 1) / PATTERNS_PER_POLICY;

	if (status == BL_OK) {
		seen->automata = calloc(needed + 1, sizeof(*seen->automata));
		status = seen->automata ? BL_OK : BL_NO_MEMORY;
	}
	while (status == BL_OK && seen->automata_count < needed) {
		struct automata *next = &seen->automata[seen->automata_count];

		next->first = seen->automata_count++ * PATTERNS_PER_POLICY;
		status = build(seen, next, why);
	}
	if (status == BL_NO_MEMORY)
		return bl_fail(why, status, "no memory to look for patterns");
	if (status != BL_OK)
		return status;
	*out_seen = BL_TAKE(seen);
	return BL_OK;
}

void rules_paths_free(struct rules_paths_seen *seen)
{
	if (!seen)
		return;
	for (size_t i = 0; i < seen->automata_count; i++) {
		rules_places_free(seen->automata[i].places);
		policy_unref(seen->automata[i].policy);
	}
	free(seen->automata);
	free(seen->patterns);
	policy_unref((struct policy *)seen->policy);
	free(seen);
}

/* ---- what is there ---------------------------------------------------------------------------------------- */

/* Places are never given back. A tree that fills them is forgotten and walked afresh from here on. */
static enum bl_status walk(struct automata *automata, const char *path, rules_place *out_place)
{
	enum bl_status status = rules_places_walk(automata->places, path, out_place);

	if (status != BL_NO_MEMORY)
		return status;
	rules_places_free(automata->places);
	automata->places = NULL;
	status = new_places(automata);
	return status == BL_OK ? rules_places_walk(automata->places, path, out_place) : status;
}

static void note(struct rules_paths_seen *seen, const struct automata *automata, rules_place place)
{
	const struct compiled *compiled = automata->policy->compiled;
	struct place_sets sets;

	places_sets(automata->places, place, &sets);
	for (size_t w = compiled->begin[EFFECT_PERMIT]; w < compiled->end[EFFECT_PERMIT]; w++)
		for (uint64_t todo = sets.is_true[w]; todo; todo &= todo - 1) {
			size_t index = compiled->rule_of[w * 64 + bit_first(todo)];
			struct pattern *pattern = &seen->patterns[automata->first + index];

			seen->left -= !pattern->is_seen;
			pattern->is_seen = true;
		}
}

enum bl_status rules_paths_see(struct rules_paths_seen *seen, const char *path)
{
	for (size_t i = 0; i < seen->automata_count && seen->left; i++) {
		struct automata *automata = &seen->automata[i];
		rules_place place;

		/* left without places by a failure before */
		if (!automata->places && new_places(automata) != BL_OK)
			return BL_NO_MEMORY;
		if (walk(automata, path, &place) != BL_OK)
			return BL_NO_MEMORY;
		note(seen, automata, place);
	}
	return BL_OK;
}

void rules_paths_find(const struct rules_paths_seen *seen, struct rules_findings *findings)
{
	for (size_t i = 0; i < seen->count; i++) {
		const struct pattern *pattern = &seen->patterns[i];

		if (pattern->is_seen)
			continue;
		check_warn(seen->policy, findings, pattern->at,
			   "look at its spelling and where it is rooted, or remove it",
			   "pattern '%s' of %s '%s' matches nothing in this image",
			   LOAD_QUOTE(pattern->text),
			   pattern->is_retention ? "retention entry" : "rule", pattern->owner);
	}
	rules_sort_findings(findings);
}
