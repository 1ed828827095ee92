/* choose-match.c - the automaton of policy/rules/compile.c once more, small: no rules, two kinds of pattern */
#include "fs/image/choose-match.h"

#include "policy/rules/glob.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* The first two slots are ends: "a pattern of this kind matched here or above", and they stay. */
enum kind { KIND_WITHOUT, KIND_ONLY, KINDS };

#define WORDS	  (CHOOSE_SLOTS / 64)
#define NO_VOLUME SIZE_MAX

enum role { ROLE_NAME, ROLE_DOUBLE, ROLE_END };

struct slot {
	struct glob *glob; /* ROLE_NAME */
	uint8_t role, kind;
};

struct pattern {
	uint16_t first;	 /* slot */
	bool has_volume; /* its first component names one */
	size_t volume;
};

struct choose_match {
	struct slot slots[CHOOSE_SLOTS];
	size_t slot_count, words;
	struct pattern patterns[KINDS * IMAGE_PATTERNS];
	size_t pattern_count;
	bool has[KINDS];
	uint64_t of_kind[KINDS][WORDS]; /* its slots, without its end */
	uint64_t *states;		/* words each */
	size_t state_count, state_room;
	uint32_t *table; /* open addressing: state + 1; 0 is free */
	size_t table_size;
	uint8_t key[crypto_shorthash_KEYBYTES]; /* so that no image can choose what collides */
	uint32_t symbols[GLOB_ROOM(IMAGE_NAME_LIMIT)];
};

static void set_bit(uint64_t *words, size_t bit)
{
	words[bit / 64] |= UINT64_C(1) << bit % 64;
}

static bool has_bit(const uint64_t *words, size_t bit)
{
	return words[bit / 64] >> bit % 64 & 1;
}

static const uint64_t *words_of(const struct choose_match *match, uint32_t state)
{
	return match->states + state * match->words;
}

/* ---- compiling ----------------------------------------------------------------------------- */

static enum bl_status add_slot(struct choose_match *match, enum role role, enum kind kind,
			       struct bl_error *why)
{
	if (match->slot_count >= CHOOSE_SLOTS)
		return bl_fail(why, BL_INVALID, "the patterns have more than %u components in all",
			       CHOOSE_SLOTS);
	match->slots[match->slot_count++] =
		(struct slot){.role = (uint8_t)role, .kind = (uint8_t)kind};
	return BL_OK;
}

static enum bl_status add_name(struct choose_match *match, const char *text, size_t length,
			       enum kind kind, struct bl_error *why)
{
	struct glob *glob = NULL;
	enum bl_status status = glob_new(text, length, &glob, why);

	if (status == BL_OK)
		status = add_slot(match, ROLE_NAME, kind, why);
	if (status == BL_OK)
		match->slots[match->slot_count - 1].glob = BL_TAKE(glob);
	glob_free(glob);
	return status;
}

static bool is_double(const char *text, size_t length)
{
	return length == 2 && memcmp(text, "**", 2) == 0;
}

/* A trailing `**` needs a component; all below that one matches anyway. Two doubles are one. */
static enum bl_status add_components(struct choose_match *match, const char *at, enum kind kind,
				     size_t *out_count, struct bl_error *why)
{
	enum bl_status status = BL_OK;
	bool is_after_double = false;
	const char *text;
	size_t length;

	for (*out_count = 0; status == BL_OK && glob_next(&at, &text, &length); ++*out_count) {
		if (is_double(text, length)) {
			is_after_double = true;
			continue;
		}
		if (is_after_double)
			status = add_slot(match, ROLE_DOUBLE, kind, why);
		is_after_double = false;
		if (status == BL_OK)
			status = add_name(match, text, length, kind, why);
	}
	if (status == BL_OK && is_after_double)
		status = add_name(match, "*", 1, kind, why);
	if (status == BL_OK)
		status = add_slot(match, ROLE_END, kind, why);
	return status;
}

static size_t volume_named(struct choose_match *match, const struct image *image,
			   const struct slot *slot)
{
	size_t literal_count, count;

	if (slot->role != ROLE_NAME || !glob_literal(slot->glob, &literal_count))
		return NO_VOLUME;
	for (size_t i = 0; i < image_volume_count(image); i++) {
		const char *name = image_volume(image, i)->name;

		if (glob_fold(name, strlen(name), match->symbols, &count) == BL_OK &&
		    glob_match(slot->glob, match->symbols, count))
			return i;
	}
	return NO_VOLUME;
}

static enum bl_status add_pattern(struct choose_match *match, const struct image *image,
				  const char *text, enum kind kind, struct bl_error *why)
{
	size_t first = match->slot_count, count = 0;
	enum bl_status status = add_components(match, text, kind, &count, why);

	if (status != BL_OK)
		return status;
	if (count == 0)
		return bl_fail(why, BL_INVALID, "it names nothing (/** is every file)");
	size_t volume = image ? volume_named(match, image, &match->slots[first]) : NO_VOLUME;

	match->patterns[match->pattern_count++] = (struct pattern){
		.first = (uint16_t)first,
		.has_volume = volume != NO_VOLUME,
		.volume = volume,
	};
	match->has[kind] = true;
	return BL_OK;
}

/* By its number: a pattern may be the name of a customer's file, and messages go everywhere. */
static void number_pattern(size_t at, enum kind kind, struct bl_error *why)
{
	bl_explain(why, "%spattern %zu", kind == KIND_ONLY ? "only-" : "", at + 1);
}

static enum bl_status add_patterns(struct choose_match *match, const struct image *image,
				   const char *const *texts, size_t count, enum kind kind,
				   struct bl_error *why)
{
	enum bl_status status = BL_OK;
	size_t first = match->slot_count;

	if (count > IMAGE_PATTERNS)
		return bl_fail(why, BL_INVALID, "more than %d patterns of one kind",
			       IMAGE_PATTERNS);
	for (size_t i = 0; status == BL_OK && i < count; i++) {
		status = add_pattern(match, image, texts[i], kind, why);
		if (status == BL_INVALID)
			number_pattern(i, kind, why);
	}
	for (size_t slot = first; slot < match->slot_count; slot++)
		set_bit(match->of_kind[kind], slot);
	return status;
}

static enum bl_status compile(struct choose_match *match, const struct image *image,
			      const struct image_choice *choice, struct bl_error *why)
{
	match->slots[KIND_WITHOUT] = (struct slot){.role = ROLE_END, .kind = KIND_WITHOUT};
	match->slots[KIND_ONLY] = (struct slot){.role = ROLE_END, .kind = KIND_ONLY};
	match->slot_count = KINDS;
	enum bl_status status = add_patterns(match, image, choice->without, choice->without_count,
					     KIND_WITHOUT, why);

	if (status == BL_OK)
		status = add_patterns(match, image, choice->only, choice->only_count, KIND_ONLY,
				      why);
	match->words = (match->slot_count + 63) / 64;
	return status;
}

enum bl_status image_choice_check(const struct image_choice *choice, struct bl_error *why)
{
	BL_CLEANUP(choose_match_free) struct choose_match *match = NULL;

	return choose_match_new(NULL, choice, &match, why);
}

enum bl_status choose_match_new(const struct image *image, const struct image_choice *choice,
				struct choose_match **out_match, struct bl_error *why)
{
	BL_CLEANUP(choose_match_free) struct choose_match *match = calloc(1, sizeof(*match));

	if (!match)
		return bl_fail(why, BL_NO_MEMORY, "cannot choose files: out of memory");
	crypto_shorthash_keygen(match->key);
	enum bl_status status = compile(match, image, choice, why);

	if (status != BL_OK)
		return status;
	*out_match = BL_TAKE(match);
	return BL_OK;
}

void choose_match_free(struct choose_match *match)
{
	if (!match)
		return;
	for (size_t i = 0; i < match->slot_count; i++)
		glob_free(match->slots[i].glob);
	free(match->states);
	free(match->table);
	free(match);
}

/* ---- states -------------------------------------------------------------------------------- */

static size_t place_of(const struct choose_match *match, const uint64_t *state)
{
	uint8_t hash[crypto_shorthash_BYTES];

	crypto_shorthash(hash, (const uint8_t *)state, match->words * sizeof(*state), match->key);
	return (size_t)bl_get64(hash) & (match->table_size - 1);
}

static bool grow_table(struct choose_match *match)
{
	size_t size = match->table_size ? match->table_size * 2 : 64;
	uint32_t *table = calloc(size, sizeof(*table));

	if (!table)
		return false;
	free(match->table);
	match->table = table;
	match->table_size = size;
	for (uint32_t i = 0; i < match->state_count; i++) {
		size_t at = place_of(match, words_of(match, i));

		while (table[at])
			at = (at + 1) & (size - 1);
		table[at] = i + 1;
	}
	return true;
}

static bool grow_states(struct choose_match *match)
{
	size_t room = match->state_room ? match->state_room * 2 : 32;
	uint64_t *states = reallocarray(match->states, room, match->words * sizeof(*states));

	if (!states)
		return false;
	match->states = states;
	match->state_room = room;
	return true;
}

static enum bl_status intern(struct choose_match *match, const uint64_t *state, uint32_t *out_state,
			     struct bl_error *why)
{
	size_t bytes = match->words * sizeof(*state);

	if ((match->state_count * 2 >= match->table_size && !grow_table(match)) ||
	    (match->state_count >= match->state_room && !grow_states(match)))
		return bl_fail(why, BL_NO_MEMORY, "cannot choose files: out of memory");
	size_t at = place_of(match, state);

	for (; match->table[at]; at = (at + 1) & (match->table_size - 1)) {
		*out_state = match->table[at] - 1;
		if (memcmp(words_of(match, *out_state), state, bytes) == 0)
			return BL_OK;
	}
	if (match->state_count >= CHOOSE_STATES)
		return bl_fail(why, BL_TOO_LARGE,
			       "the patterns are too many for this tree of folders (use fewer)");
	memcpy(match->states + match->state_count * match->words, state, bytes);
	*out_state = (uint32_t)match->state_count++;
	match->table[at] = *out_state + 1;
	return BL_OK;
}

/* `**` stands for nothing too; and where a pattern ended, what others of its kind could still say is said. */
static void settle(const struct choose_match *match, uint64_t *state)
{
	for (size_t w = 0; w < match->words; w++)
		for (uint64_t todo = state[w]; todo; todo &= todo - 1) {
			size_t slot = w * 64 + (size_t)__builtin_ctzll(todo);

			if (match->slots[slot].role == ROLE_DOUBLE)
				set_bit(state, slot + 1);
			if (match->slots[slot].role == ROLE_END)
				set_bit(state, match->slots[slot].kind);
		}
	for (size_t kind = 0; kind < KINDS; kind++)
		for (size_t w = 0; has_bit(state, kind) && w < match->words; w++)
			state[w] &= ~match->of_kind[kind][w];
}

enum bl_status choose_match_root(struct choose_match *match, size_t volume, uint32_t *out_state,
				 struct bl_error *why)
{
	uint64_t state[WORDS] = {0};

	for (size_t i = 0; i < match->pattern_count; i++) {
		const struct pattern *pattern = &match->patterns[i];

		if (!pattern->has_volume)
			set_bit(state, pattern->first);
		else if (pattern->volume == volume)
			set_bit(state, pattern->first + 1u);
	}
	settle(match, state);
	return intern(match, state, out_state, why);
}

static bool is_live(const struct choose_match *match, const uint64_t *state, enum kind kind)
{
	for (size_t w = 0; w < match->words; w++)
		if (state[w] & match->of_kind[kind][w])
			return true;
	return false;
}

static void step(const struct choose_match *match, const uint64_t *state, size_t count,
		 uint64_t *next)
{
	for (size_t w = 0; w < match->words; w++)
		for (uint64_t todo = state[w]; todo; todo &= todo - 1) {
			size_t slot = w * 64 + (size_t)__builtin_ctzll(todo);

			if (match->slots[slot].role != ROLE_NAME)
				set_bit(next, slot);
			else if (glob_match(match->slots[slot].glob, match->symbols, count))
				set_bit(next, slot + 1);
		}
	settle(match, next);
}

enum bl_status choose_match_step(struct choose_match *match, uint32_t state, const char *name,
				 size_t length, uint32_t *out_state, struct bl_error *why)
{
	const uint64_t *words = words_of(match, state);
	uint64_t next[WORDS] = {0};
	size_t count = 0;

	if (!is_live(match, words, KIND_WITHOUT) && !is_live(match, words, KIND_ONLY)) {
		*out_state = state; /* nothing below can say anything new */
		return BL_OK;
	}
	if (length > IMAGE_NAME_LIMIT || glob_fold(name, length, match->symbols, &count) != BL_OK)
		return bl_fail(why, BL_NO_MEMORY, "cannot compare a name: out of memory");
	step(match, words, count, next);
	return intern(match, next, out_state, why);
}

static bool is_only(const struct choose_match *match, const uint64_t *words)
{
	return !match->has[KIND_ONLY] || has_bit(words, KIND_ONLY);
}

enum choose_verdict choose_match_verdict(const struct choose_match *match, uint32_t state)
{
	const uint64_t *words = words_of(match, state);

	if (!is_only(match, words))
		return CHOOSE_OTHER;
	return has_bit(words, KIND_WITHOUT) ? CHOOSE_WITHOUT : CHOOSE_KEPT;
}

bool choose_match_is_settled(const struct choose_match *match, uint32_t state)
{
	const uint64_t *words = words_of(match, state);

	return choose_match_verdict(match, state) == CHOOSE_KEPT &&
	       !is_live(match, words, KIND_WITHOUT);
}
