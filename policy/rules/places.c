#include <stdlib.h>
#include <string.h>

#include "policy/rules/compile.h"

/* Places live in chunks that never move: a place given out may be decided on while others step. */
#define CHUNK_PLACES 64
#define CHUNKS	     (PLACES_LIMIT / CHUNK_PLACES)

struct rules_places {
	const struct policy *policy; /* pinned */
	struct rules_device device;
	char id[BL_DEVICE_ID_SIZE];
	size_t rule_words, slot_words, stride;
	uint64_t *device_true, *device_maybe;
	uint64_t *unknown_true; /* of RULES_PLACE_UNKNOWN; its maybe is device_maybe */
	uint64_t *next;		/* scratch: the state a step leads to */
	uint32_t *memo;		/* scratch: per glob, epoch * 2 + did it match */
	uint32_t epoch;
	uint32_t *symbols; /* scratch: the folded name */
	size_t symbol_room;
	uint32_t *table; /* open addressing over states: place + 1 */
	size_t table_size;
	size_t count;
	uint64_t *chunks[CHUNKS]; /* per place: slots, true, maybe, below */
};

static uint64_t *record_of(const struct rules_places *places, size_t place)
{
	return places->chunks[place / CHUNK_PLACES] + place % CHUNK_PLACES * places->stride;
}

/* ---- the device's own conditions ----------------------------------------------------------- */

static bool has_id(const struct rule *rule, const char *id)
{
	for (size_t i = 0; i < rule->ids.count; i++)
		if (glob_match_id(rule->ids.items[i], id))
			return true;
	return false;
}

enum three device_matches(const struct rules_device *device, const struct rule *rule)
{
	enum three kind = TRUE3, id = TRUE3;

	if (rule->device_kinds && device->kind < 0)
		kind = UNKNOWN3;
	else if (rule->device_kinds && !(rule->device_kinds >> device->kind & 1))
		kind = FALSE3;
	if (rule->ids.count && !device->id)
		id = UNKNOWN3;
	else if (rule->ids.count && !has_id(rule, device->id))
		id = FALSE3;
	return BL_MIN(kind, id);
}

static void fill_device(struct rules_places *places)
{
	const struct compiled *compiled = places->policy->compiled;

	for (size_t bit = 0; bit < places->rule_words * 64; bit++) {
		if (compiled->rule_of[bit] == BIT_NONE)
			continue;
		const struct rule *rule = &places->policy->rules[compiled->rule_of[bit]];
		enum three value = device_matches(&places->device, rule);

		if (value == TRUE3)
			bit_set(places->device_true, bit);
		if (value != FALSE3)
			bit_set(places->device_maybe, bit);
		if (value == TRUE3 && !rule->paths.count)
			bit_set(places->unknown_true, bit);
	}
}

/* ---- states -------------------------------------------------------------------------------- */

static uint64_t hash_state(const uint64_t *slots, size_t words)
{
	uint64_t hash = UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < words; i++) {
		hash = (hash ^ slots[i]) * UINT64_C(0xff51afd7ed558ccd);
		hash ^= hash >> 32;
	}
	return hash;
}

static void fill_place(const struct rules_places *places, uint64_t *record)
{
	const struct automaton *automaton = &places->policy->compiled->automaton;
	const uint64_t *any_path = places->policy->compiled->any_path;
	uint64_t *is_true = record + places->slot_words;
	uint64_t *maybe = is_true + places->rule_words;
	uint64_t *below = maybe + places->rule_words;

	memcpy(is_true, any_path, places->rule_words * sizeof(*is_true));
	memcpy(below, any_path, places->rule_words * sizeof(*below));
	for (size_t w = 0; w < places->slot_words; w++)
		for (uint64_t todo = record[w]; todo; todo &= todo - 1) {
			size_t slot = w * 64 + bit_first(todo);
			bool is_end = bit_is_set(automaton->ends, slot);

			bit_set(is_end ? is_true : below, automaton->slot_bit[slot]);
		}
	for (size_t w = 0; w < places->rule_words; w++) {
		maybe[w] = is_true[w] & places->device_maybe[w];
		below[w] = (below[w] | is_true[w]) & places->device_true[w];
		is_true[w] &= places->device_true[w];
	}
}

static enum bl_status grow_table(struct rules_places *places)
{
	size_t size = places->table_size ? places->table_size * 2 : 64;
	uint32_t *table = calloc(size, sizeof(*table));

	if (!table)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < places->count; i++) {
		size_t at = hash_state(record_of(places, i), places->slot_words) & (size - 1);

		while (table[at])
			at = (at + 1) & (size - 1);
		table[at] = (uint32_t)i + 1;
	}
	free(places->table);
	places->table = table;
	places->table_size = size;
	return BL_OK;
}

static enum bl_status add_place(struct rules_places *places, size_t at, rules_place *out_place)
{
	size_t number = places->count;

	if (number >= PLACES_LIMIT)
		return BL_NO_MEMORY;
	if (number % CHUNK_PLACES == 0) {
		uint64_t *chunk = calloc(CHUNK_PLACES * places->stride, sizeof(*chunk));

		if (!chunk)
			return BL_NO_MEMORY;
		places->chunks[number / CHUNK_PLACES] = chunk;
	}
	uint64_t *record = record_of(places, number);

	memcpy(record, places->next, places->slot_words * sizeof(*record));
	fill_place(places, record);
	places->count++;
	places->table[at] = (uint32_t)number + 1;
	*out_place = (rules_place)number;
	return BL_OK;
}

/* The place of the state in places->next. */
static enum bl_status intern_state(struct rules_places *places, rules_place *out_place)
{
	if (places->count * 2 >= places->table_size) {
		enum bl_status status = grow_table(places);

		if (status != BL_OK)
			return status;
	}
	size_t mask = places->table_size - 1;
	size_t at = hash_state(places->next, places->slot_words) & mask;

	for (; places->table[at]; at = (at + 1) & mask) {
		size_t place = places->table[at] - 1;

		if (memcmp(record_of(places, place), places->next,
			   places->slot_words * sizeof(uint64_t)) == 0) {
			*out_place = (rules_place)place;
			return BL_OK;
		}
	}
	return add_place(places, at, out_place);
}

/* ---- stepping ------------------------------------------------------------------------------ */

static enum bl_status fold_name(struct rules_places *places, const char *name, size_t length,
				size_t *out_count)
{
	size_t room;

	if (__builtin_mul_overflow(length, 4, &room) || __builtin_add_overflow(room, 4, &room))
		return BL_NO_MEMORY;
	if (room > places->symbol_room) {
		uint32_t *grown = reallocarray(places->symbols, room, sizeof(*grown));

		if (!grown)
			return BL_NO_MEMORY;
		places->symbols = grown;
		places->symbol_room = room;
	}
	return glob_fold(name, length, places->symbols, out_count);
}

static void next_epoch(struct rules_places *places)
{
	size_t globs = places->policy->compiled->automaton.glob_count;

	if (++places->epoch >= UINT32_MAX / 2) {
		memset(places->memo, 0, globs * sizeof(*places->memo));
		places->epoch = 1;
	}
}

/* Each glob is tried at most once a step, however many patterns share it. */
static bool matches(struct rules_places *places, uint32_t number, size_t count)
{
	const struct glob *glob = places->policy->compiled->automaton.globs[number];
	uint32_t *memo = &places->memo[number];

	if (*memo / 2 != places->epoch) {
		bool is_match = glob_is_any(glob) || glob_match(glob, places->symbols, count);

		*memo = places->epoch * 2 + is_match;
	}
	return *memo & 1;
}

static void step(struct rules_places *places, const uint64_t *state, uint32_t literal, size_t count)
{
	const struct automaton *automaton = &places->policy->compiled->automaton;
	uint64_t *next = places->next;
	uint64_t carry = 0;

	for (size_t w = 0; w < places->slot_words; w++) {
		uint64_t hit = 0;

		for (uint64_t todo = state[w] & automaton->wild[w]; todo; todo &= todo - 1) {
			size_t in_word = bit_first(todo);

			if (matches(places, automaton->slot_glob[w * 64 + in_word], count))
				hit |= UINT64_C(1) << in_word;
		}
		next[w] = hit << 1 | carry | (state[w] & automaton->doubles[w]);
		carry = hit >> 63;
	}
	/* of all the plain names only this one can match: its slots are a list */
	uint32_t slot = literal == UINT32_MAX ? 0 : automaton->first_slot[literal];

	for (; slot; slot = automaton->next_slot[slot - 1])
		if (bit_is_set(state, slot - 1))
			bit_set(next, slot);
	/* `**` also stands for nothing: whoever is before one is behind it too (two never meet) */
	carry = 0;
	for (size_t w = 0; w < places->slot_words; w++) {
		uint64_t skip = next[w] & automaton->doubles[w];

		next[w] |= skip << 1 | carry;
		carry = skip >> 63;
	}
}

enum bl_status rules_places_step(struct rules_places *places, rules_place parent, const char *name,
				 size_t length, rules_place *out_place)
{
	size_t count;

	if (parent >= places->count) {
		*out_place = RULES_PLACE_UNKNOWN;
		return BL_OK;
	}
	enum bl_status status = fold_name(places, name, length, &count);

	if (status != BL_OK)
		return status;
	next_epoch(places);
	step(places, record_of(places, parent),
	     automaton_find(&places->policy->compiled->automaton, places->symbols, count), count);
	return intern_state(places, out_place);
}

enum bl_status rules_places_walk(struct rules_places *places, const char *path,
				 rules_place *out_place)
{
	rules_place place = rules_places_root(places);
	const char *name;
	size_t length;

	while (glob_next(&path, &name, &length)) {
		enum bl_status status = rules_places_step(places, place, name, length, &place);

		if (status != BL_OK)
			return status;
	}
	*out_place = place;
	return BL_OK;
}

rules_place rules_places_root(const struct rules_places *places BL_UNUSED)
{
	return 0;
}

/* ---- life ---------------------------------------------------------------------------------- */

static enum bl_status allocate(struct rules_places *places)
{
	const struct compiled *compiled = places->policy->compiled;

	places->rule_words = compiled->words;
	places->slot_words = compiled->automaton.slot_words;
	places->stride = places->slot_words + 3 * places->rule_words;
	places->device_true = calloc(places->rule_words, sizeof(uint64_t));
	places->device_maybe = calloc(places->rule_words, sizeof(uint64_t));
	places->unknown_true = calloc(places->rule_words, sizeof(uint64_t));
	places->next = calloc(places->slot_words, sizeof(uint64_t));
	places->memo = calloc(compiled->automaton.glob_count + 1, sizeof(uint32_t));
	if (!places->device_true || !places->device_maybe || !places->unknown_true ||
	    !places->next || !places->memo)
		return BL_NO_MEMORY;
	return BL_OK;
}

enum bl_status rules_places_new(const struct policy *policy, const struct rules_device *device,
				struct rules_places **out_places, struct bl_error *why)
{
	if (device->id && strlen(device->id) >= BL_DEVICE_ID_SIZE)
		return bl_fail(why, BL_INVALID, "a device id is too long");
	if (device->kind >= DEVICE_KIND_COUNT)
		return bl_fail(why, BL_INVALID, "no such kind of device");

	BL_CLEANUP(rules_places_free) struct rules_places *places = calloc(1, sizeof(*places));

	if (!places)
		return BL_NO_MEMORY;
	places->policy = policy_ref(policy);
	places->device.kind = device->kind;
	if (device->id) {
		memcpy(places->id, device->id, strlen(device->id));
		places->device.id = places->id;
	}
	enum bl_status status = allocate(places);

	if (status != BL_OK)
		return status;
	fill_device(places);
	memcpy(places->next, policy->compiled->automaton.start,
	       places->slot_words * sizeof(uint64_t));
	rules_place root;

	status = intern_state(places, &root);
	if (status != BL_OK)
		return status;
	*out_places = BL_TAKE(places);
	return BL_OK;
}

void rules_places_free(struct rules_places *places)
{
	if (!places)
		return;
	policy_unref((struct policy *)places->policy);
	for (size_t i = 0; i < CHUNKS && places->chunks[i]; i++)
		free(places->chunks[i]);
	free(places->device_true);
	free(places->device_maybe);
	free(places->unknown_true);
	free(places->next);
	free(places->memo);
	free(places->symbols);
	free(places->table);
	free(places);
}

/* ---- for decide ---------------------------------------------------------------------------- */

void places_sets(const struct rules_places *places, rules_place place, struct place_sets *out_sets)
{
	if (place >= PLACES_LIMIT || !places->chunks[place / CHUNK_PLACES]) {
		*out_sets = (struct place_sets){places->unknown_true, places->device_maybe,
						places->unknown_true};
		return;
	}
	const uint64_t *record = record_of(places, place);

	out_sets->is_true = record + places->slot_words;
	out_sets->maybe = out_sets->is_true + places->rule_words;
	out_sets->below = out_sets->maybe + places->rule_words;
}

const struct policy *places_policy(const struct rules_places *places)
{
	return places->policy;
}

const struct rules_device *places_device(const struct rules_places *places)
{
	return &places->device;
}
