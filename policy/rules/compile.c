#include "policy/rules/compile.h"

#include <stdlib.h>
#include <string.h>

/* ---- numbering ----------------------------------------------------------------------------- */

struct numbered {
	const struct rule *rule;
	uint16_t index;
};

static int by_effect_and_id(const void *left, const void *right)
{
	const struct numbered *a = left, *b = right;

	if (a->rule->effect != b->rule->effect)
		return a->rule->effect < b->rule->effect ? -1 : 1;
	int order = strcmp(a->rule->id, b->rule->id);

	return order ? order : (int)a->index - (int)b->index;
}

static enum bl_status number_rules(struct compiled *compiled, const struct policy *policy)
{
	size_t count = policy->rule_count;
	BL_CLEANUP(bl_free) struct numbered *rules = calloc(count + 1, sizeof(*rules));
	size_t room = words_for(count) + EFFECTS;

	compiled->rule_of = malloc(room * 64 * sizeof(*compiled->rule_of));
	if (!rules || !compiled->rule_of)
		return BL_NO_MEMORY;
	memset(compiled->rule_of, 0xff, room * 64 * sizeof(*compiled->rule_of));
	for (size_t i = 0; i < count; i++)
		rules[i] = (struct numbered){&policy->rules[i], (uint16_t)i};
	qsort(rules, count, sizeof(*rules), by_effect_and_id);

	size_t word = 0, at = 0;

	for (unsigned effect = 0; effect < EFFECTS; effect++) {
		size_t bit = word * 64;

		compiled->begin[effect] = word;
		for (; at < count && rules[at].rule->effect == (enum rules_effect)effect; at++)
			compiled->rule_of[bit++] = rules[at].index;
		word = (bit + 63) / 64;
		compiled->end[effect] = word;
	}
	compiled->words = word ? word : 1;
	return BL_OK;
}

/* ---- sets ---------------------------------------------------------------------------------- */

static enum bl_status allocate_sets(struct compiled *compiled)
{
	uint64_t **lists[] = {compiled->permit,	   compiled->forbid,	 compiled->withhold,
			      compiled->kind_true, compiled->kind_maybe, compiled->fact_true,
			      compiled->fact_maybe};
	static const size_t counts[] = {ACTION_COUNT, ACTION_COUNT, KIND_SETS, KIND_SETS,
					KIND_SETS,    FACT_SETS,    FACT_SETS};
	uint64_t **singles[] = {&compiled->any_path,	    &compiled->no_device_true,
				&compiled->no_device_maybe, &compiled->odd,
				&compiled->approvals,	    &compiled->all};
	size_t total = BL_COUNT(singles);

	for (size_t i = 0; i < BL_COUNT(lists); i++)
		total += counts[i];
	uint64_t *next = compiled->memory = calloc(total * compiled->words, sizeof(*next));

	compiled->odd_rules = calloc(compiled->words * 64, sizeof(*compiled->odd_rules));
	if (!next || !compiled->odd_rules)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < BL_COUNT(lists); i++)
		for (size_t j = 0; j < counts[i]; j++, next += compiled->words)
			lists[i][j] = next;
	for (size_t i = 0; i < BL_COUNT(singles); i++, next += compiled->words)
		*singles[i] = next;
	return BL_OK;
}

/* A permit of list or read is a permit of stat; a forbid brings nothing along. */
static uint32_t permitted_actions(const struct rule *rule)
{
	uint32_t looks = 1u << ACTION_LIST | 1u << ACTION_READ;

	return rule->actions | (rule->actions & looks ? 1u << ACTION_STAT : 0);
}

static void fill_effect(struct compiled *compiled, const struct rule *rule, size_t bit)
{
	switch (rule->effect) {
	case EFFECT_PERMIT:
		for (unsigned action = 0; action < ACTION_COUNT; action++)
			if (permitted_actions(rule) >> action & 1)
				bit_set(compiled->permit[action], bit);
		break;
	case EFFECT_FORBID:
		for (unsigned action = 0; action < ACTION_COUNT; action++)
			if (rule->actions >> action & 1)
				bit_set(compiled->forbid[action], bit);
		break;
	case EFFECT_WITHHOLD:
		for (unsigned kind = 0; kind < FILE_KIND_COUNT; kind++)
			if (rule->withhold_kinds >> kind & 1)
				bit_set(compiled->withhold[kind], bit);
		if (rule->withhold_kinds)
			bit_set(compiled->withhold[KIND_UNKNOWN], bit);
		break;
	case EFFECT_MASK:
		break;
	}
}

/* `any` names every kind, so a withhold of any is true, not unknown, of a kind not known. */
static bool is_withhold_of_all(const struct rule *rule)
{
	uint32_t all = (UINT32_C(1) << FILE_KIND_COUNT) - 1;

	return (rule->withhold_kinds & all) == all;
}

static void fill_kinds(struct compiled *compiled, const struct rule *rule, size_t bit)
{
	bool is_partly_withheld = rule->effect == EFFECT_WITHHOLD && !is_withhold_of_all(rule);

	for (unsigned kind = 0; kind < KIND_SETS; kind++) {
		bool is_known = kind != KIND_UNKNOWN;
		bool is_in = kind < FILE_KIND_COUNT && (rule->file_kinds >> kind & 1);
		bool holds = !rule->file_kinds || is_in;

		if (holds && (is_known || !is_partly_withheld))
			bit_set(compiled->kind_true[kind], bit);
		if (holds || !is_known)
			bit_set(compiled->kind_maybe[kind], bit);
	}
}

enum three rule_state(const struct rule *rule, unsigned state)
{
	if (!rule->states)
		return TRUE3;
	if (state >= STATE_UNKNOWN)
		return UNKNOWN3;
	return rule->states >> state & 1 ? TRUE3 : FALSE3;
}

enum three conditions_consent(const struct conditions *conditions, enum bl_consent consent)
{
	if (conditions->consent == CONSENT_UNKNOWN)
		return TRUE3;
	if (consent == CONSENT_UNKNOWN)
		return UNKNOWN3;
	return consent == conditions->consent ? TRUE3 : FALSE3;
}

/* The greater check includes the lesser, and no check at all is a known fact. */
enum three conditions_check(const struct conditions *conditions, enum bl_check check)
{
	return check >= conditions->check ? TRUE3 : FALSE3;
}

/* Of an `unless` that speaks of nothing but the device's facts. */
static enum three not_unless(const struct rule *rule, enum bl_consent consent, enum bl_check check)
{
	const struct conditions *unless = &rule->unless;

	if (!conditions_ask_device(unless) || conditions_are_late(unless))
		return TRUE3;
	enum three is_consent = conditions_consent(unless, consent);
	enum three is_check = conditions_check(unless, check);

	return three_not(BL_MIN(is_consent, is_check));
}

static void fill_facts(struct compiled *compiled, const struct rule *rule, size_t bit)
{
	for (unsigned row = 0; row < FACT_SETS; row++) {
		enum bl_consent consent = (enum bl_consent)(row / CHECK_COUNT % CONSENT_COUNT);
		enum bl_check check = (enum bl_check)(row % CHECK_COUNT);
		enum three value = rule_state(rule, row / CHECK_COUNT / CONSENT_COUNT);

		value = BL_MIN(value, conditions_consent(&rule->when, consent));
		value = BL_MIN(value, conditions_check(&rule->when, check));
		value = BL_MIN(value, not_unless(rule, consent, check));
		if (value == TRUE3)
			bit_set(compiled->fact_true[row], bit);
		if (value != FALSE3)
			bit_set(compiled->fact_maybe[row], bit);
	}
}

bool conditions_ask_device(const struct conditions *conditions)
{
	return conditions->consent != CONSENT_UNKNOWN || conditions->check != CHECK_NONE ||
	       conditions->approved;
}

bool conditions_are_late(const struct conditions *conditions)
{
	return conditions->approved || (conditions_ask_device(conditions) &&
					(conditions->hours_count || conditions->purposes.count));
}

static void fill_odd(struct compiled *compiled, const struct rule *rule, size_t bit)
{
	struct odd_rule *odd = &compiled->odd_rules[bit];

	odd->max_size_bytes = rule->max_size_bytes;
	odd->contains = rule->effect == EFFECT_MASK ? 0 : rule->contains;
	odd->flags = rule->approvals.count ? ODD_APPROVALS : 0;
	if (conditions_are_late(&rule->unless))
		odd->flags |= ODD_UNLESS;
	if (rule->when.approved || rule->unless.approved)
		odd->flags |= ODD_APPROVED;
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++) {
		const struct limit *limit = &rule->limits[unit];

		odd->most[unit] = limit->most;
		odd->periods[unit] = limit->is_set ? (uint8_t)limit->period : PERIOD_COUNT;
		if (limit->is_set) {
			odd->flags |= ODD_LIMITS;
			compiled->has_limit[limit->period] = true;
		}
	}
	if (odd->flags || odd->contains || odd->max_size_bytes >= 0)
		bit_set(compiled->odd, bit);
}

static void fill_sets(struct compiled *compiled, const struct policy *policy)
{
	for (size_t bit = 0; bit < compiled->words * 64; bit++) {
		if (compiled->rule_of[bit] == BIT_NONE)
			continue;
		const struct rule *rule = &policy->rules[compiled->rule_of[bit]];

		fill_effect(compiled, rule, bit);
		fill_kinds(compiled, rule, bit);
		fill_facts(compiled, rule, bit);
		bit_set(compiled->all, bit);
		bit_set(compiled->no_device_maybe, bit);
		if (!rule->paths.count)
			bit_set(compiled->any_path, bit);
		if (!rule->paths.count && !rule->ids.count && !rule->device_kinds)
			bit_set(compiled->no_device_true, bit);
		fill_odd(compiled, rule, bit);
		if (rule->approvals.count)
			bit_set(compiled->approvals, bit);
	}
}

/* ---- the automaton ------------------------------------------------------------------------- */

static uint64_t hash_symbols(const uint32_t *symbols, size_t count)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a, by symbol */

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ symbols[i]) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 29;
}

static uint64_t hash_glob(const struct glob *glob)
{
	size_t count;
	const uint32_t *literal = glob_literal(glob, &count);

	if (literal)
		return hash_symbols(literal, count);
	const char *text = glob_text(glob, &count);
	uint64_t hash = 1;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 29;
}

static bool is_same_glob(const struct glob *a, const struct glob *b)
{
	size_t a_count, b_count;
	const uint32_t *a_literal = glob_literal(a, &a_count);
	const uint32_t *b_literal = glob_literal(b, &b_count);

	if (!a_literal != !b_literal)
		return false;
	if (a_literal)
		return a_count == b_count &&
		       memcmp(a_literal, b_literal, a_count * sizeof(*a_literal)) == 0;
	const char *a_text = glob_text(a, &a_count);
	const char *b_text = glob_text(b, &b_count);

	return a_count == b_count && memcmp(a_text, b_text, a_count) == 0;
}

uint32_t automaton_find(const struct automaton *automaton, const uint32_t *symbols, size_t count)
{
	if (!automaton->table_size)
		return UINT32_MAX;
	size_t mask = automaton->table_size - 1;

	for (size_t at = hash_symbols(symbols, count) & mask; automaton->table[at];
	     at = (at + 1) & mask) {
		uint32_t number = automaton->table[at] - 1;
		size_t literal_count;
		const uint32_t *literal = glob_literal(automaton->globs[number], &literal_count);

		if (literal && literal_count == count &&
		    memcmp(literal, symbols, count * sizeof(*symbols)) == 0)
			return number;
	}
	return UINT32_MAX;
}

/* Number @glob, or free it and give the number of its equal. The table never fills: see size_up. */
static uint32_t intern_glob(struct automaton *automaton, struct glob *glob)
{
	size_t mask = automaton->table_size - 1;
	size_t at = hash_glob(glob) & mask;

	for (; automaton->table[at]; at = (at + 1) & mask) {
		uint32_t number = automaton->table[at] - 1;

		if (is_same_glob(automaton->globs[number], glob)) {
			glob_free(glob);
			return number;
		}
	}
	automaton->globs[automaton->glob_count++] = glob;
	automaton->table[at] = (uint32_t)automaton->glob_count;
	return (uint32_t)automaton->glob_count - 1;
}

static bool is_double(const char *text, size_t length)
{
	return length == 2 && memcmp(text, "**", 2) == 0;
}

/* Components, a trailing `**` counted twice, and the end. */
static size_t count_slots(const char *pattern)
{
	size_t count = 2, length;
	const char *text;

	while (glob_next(&pattern, &text, &length))
		count++;
	return count;
}

static enum bl_status size_up(struct automaton *automaton, const struct policy *policy,
			      struct bl_error *why)
{
	size_t slots = 0;

	for (size_t i = 0; i < policy->rule_count; i++)
		for (size_t j = 0; j < policy->rules[i].paths.count; j++) {
			slots += count_slots(policy->rules[i].paths.items[j]);
			if (slots > SLOTS_LIMIT)
				return bl_fail(why, BL_INVALID,
					       "the rules' paths have more than %d components",
					       SLOTS_LIMIT);
		}
	automaton->slot_words = words_for(slots);
	automaton->table_size = 16;
	while (automaton->table_size < slots * 2)
		automaton->table_size *= 2;
	automaton->table = calloc(automaton->table_size, sizeof(*automaton->table));
	automaton->globs = calloc(slots + 1, sizeof(struct glob *));
	automaton->slot_glob = calloc(slots + 1, sizeof(*automaton->slot_glob));
	automaton->slot_bit = calloc(slots + 1, sizeof(*automaton->slot_bit));
	automaton->doubles = calloc(automaton->slot_words, sizeof(uint64_t));
	automaton->ends = calloc(automaton->slot_words, sizeof(uint64_t));
	automaton->start = calloc(automaton->slot_words, sizeof(uint64_t));
	automaton->wild = calloc(automaton->slot_words, sizeof(uint64_t));
	automaton->first_slot = calloc(slots + 1, sizeof(*automaton->first_slot));
	automaton->next_slot = calloc(slots + 1, sizeof(*automaton->next_slot));
	if (!automaton->table || !automaton->globs || !automaton->slot_glob ||
	    !automaton->slot_bit || !automaton->doubles || !automaton->ends || !automaton->start ||
	    !automaton->wild || !automaton->first_slot || !automaton->next_slot)
		return BL_NO_MEMORY;
	return BL_OK;
}

static enum bl_status add_component(struct automaton *automaton, const char *text, size_t length,
				    uint16_t bit, struct bl_error *why)
{
	struct glob *glob = NULL;
	enum bl_status status = glob_new(text, length, &glob, why);

	if (status != BL_OK)
		return status;
	size_t slot = automaton->slot_count;
	uint32_t number = intern_glob(automaton, glob);
	size_t count;

	automaton->slot_glob[slot] = number;
	automaton->next_slot[slot] = automaton->first_slot[number];
	automaton->first_slot[number] = (uint32_t)slot + 1;
	if (!glob_literal(automaton->globs[number], &count))
		bit_set(automaton->wild, slot);
	automaton->slot_bit[automaton->slot_count++] = bit;
	return BL_OK;
}

static void add_double(struct automaton *automaton, uint16_t bit)
{
	bit_set(automaton->doubles, automaton->slot_count);
	automaton->slot_bit[automaton->slot_count++] = bit;
}

static enum bl_status add_pattern(struct automaton *automaton, const char *pattern, uint16_t bit,
				  struct bl_error *why)
{
	size_t first = automaton->slot_count;
	bool is_after_double = false;
	const char *text;
	size_t length;

	while (glob_next(&pattern, &text, &length)) {
		if (!is_double(text, length)) {
			enum bl_status status = add_component(automaton, text, length, bit, why);

			if (status != BL_OK)
				return status;
			is_after_double = false;
		} else if (!is_after_double) {
			/* held back: what follows decides whether it needs a component */
			is_after_double = true;
			const char *rest = pattern;
			const char *next = text;
			size_t next_length = length;

			while (is_double(next, next_length))
				if (!glob_next(&rest, &next, &next_length))
					break;
			if (!next_length) {
				enum bl_status status = add_component(automaton, "*", 1, bit, why);

				if (status != BL_OK)
					return status;
			}
			add_double(automaton, bit);
		}
	}
	bit_set(automaton->start, first);
	if (bit_is_set(automaton->doubles, first))
		bit_set(automaton->start, first + 1);
	bit_set(automaton->ends, automaton->slot_count);
	automaton->slot_bit[automaton->slot_count++] = bit;
	return BL_OK;
}

static enum bl_status build_automaton(struct compiled *compiled, const struct policy *policy,
				      struct bl_error *why)
{
	enum bl_status status = size_up(&compiled->automaton, policy, why);

	for (size_t bit = 0; status == BL_OK && bit < compiled->words * 64; bit++) {
		if (compiled->rule_of[bit] == BIT_NONE)
			continue;
		const struct rule *rule = &policy->rules[compiled->rule_of[bit]];

		for (size_t i = 0; status == BL_OK && i < rule->paths.count; i++) {
			status = add_pattern(&compiled->automaton, rule->paths.items[i],
					     (uint16_t)bit, why);
			if (status == BL_INVALID)
				bl_explain(why, "path '%s' of rule '%s'", rule->paths.items[i],
					   rule->id);
		}
	}
	return status;
}

/* ---- life ---------------------------------------------------------------------------------- */

BL_DEFINE_CLEANUP(struct compiled, rules_compiled_free)

enum bl_status rules_compile(struct policy *policy, struct bl_error *why)
{
	if (policy->rule_count > RULES_LIMIT)
		return bl_fail(why, BL_INVALID, "more than %d rules", RULES_LIMIT);

	BL_CLEANUP(rules_compiled_free) struct compiled *compiled = calloc(1, sizeof(*compiled));

	if (!compiled)
		return BL_NO_MEMORY;
	enum bl_status status = number_rules(compiled, policy);

	if (status == BL_OK)
		status = allocate_sets(compiled);
	if (status != BL_OK)
		return status;
	fill_sets(compiled, policy);
	status = build_automaton(compiled, policy, why);
	if (status != BL_OK)
		return status;
	rules_compiled_free(policy->compiled);
	policy->compiled = BL_TAKE(compiled);
	return BL_OK;
}

static void automaton_done(struct automaton *automaton)
{
	for (size_t i = 0; i < automaton->glob_count; i++)
		glob_free(automaton->globs[i]);
	free(automaton->globs);
	free(automaton->table);
	free(automaton->slot_glob);
	free(automaton->slot_bit);
	free(automaton->doubles);
	free(automaton->ends);
	free(automaton->start);
	free(automaton->wild);
	free(automaton->first_slot);
	free(automaton->next_slot);
}

void rules_compiled_free(struct compiled *compiled)
{
	if (!compiled)
		return;
	automaton_done(&compiled->automaton);
	free(compiled->rule_of);
	free(compiled->memory);
	free(compiled->odd_rules);
	free(compiled);
}
