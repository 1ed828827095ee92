/* compile.h - rules as numbered bits, and the automaton of their paths
 *
 * Private to policy/rules. A *bit* is a rule's number in every set of rules: rules are numbered by
 * effect and then by id, so that a loop runs over one effect only, the first bit found is the first
 * id, and the order of the file means nothing. Each effect starts at a word of its own.
 *
 * Sets come in pairs: "true" (the condition holds) and "maybe" (it holds or is not known).
 */
#ifndef POLICY_RULES_COMPILE_H
#define POLICY_RULES_COMPILE_H

#include "policy/rules/glob.h"
#include "policy/rules/model.h"

#define EFFECTS	     4 /* of enum rules_effect */
#define RULES_LIMIT  16384
#define SLOTS_LIMIT  65536 /* components of all path patterns, their ends included */
#define PLACES_LIMIT 65536 /* states of one device: a hostile tree cannot make more */
#define BIT_NONE     UINT16_MAX

#define KIND_UNKNOWN   FILE_KIND_COUNT
#define KIND_DIRECTORY (FILE_KIND_COUNT + 1) /* of no kind of file: what speaks of files is false */
#define KIND_SETS      (FILE_KIND_COUNT + 2)
#define STATE_UNKNOWN  STATE_COUNT
#define STATE_SETS     (STATE_COUNT + 1)
/* One row for each status, consent and caller check, so that all three cost one AND. */
#define FACT_SETS (STATE_SETS * CONSENT_COUNT * CHECK_COUNT)

/* Three values; AND is the smaller, OR the greater, NOT the mirror. */
enum three { FALSE3, UNKNOWN3, TRUE3 };

static inline enum three three_not(enum three value)
{
	return (enum three)(TRUE3 - value);
}

static inline size_t fact_row(unsigned state, enum bl_consent consent, enum bl_check check)
{
	return (state * CONSENT_COUNT + consent) * CHECK_COUNT + check;
}

/*
 * The paths of all rules as one automaton. A *slot* is a position in a pattern; the slots of one
 * pattern are consecutive, so that a step is a move to the next bit. A state is a set of slots.
 * A trailing `**` needs a component, so it is kept as `*` and then `**`.
 */
struct automaton {
	struct glob **globs; /* equal names share one glob */
	size_t glob_count;
	uint32_t *table;   /* open addressing: glob number + 1; 0 is free */
	size_t table_size; /* power of two */
	size_t slot_count, slot_words;
	uint32_t *slot_glob;
	uint16_t *slot_bit;		  /* the rule's bit */
	uint32_t *first_slot;		  /* of a glob: slot number + 1; 0: none */
	uint32_t *next_slot;		  /* of the same glob, likewise */
	uint64_t *doubles, *ends, *start; /* sets of slots */
	uint64_t *wild;			  /* slots whose glob may match more than one name */
};

/* What sets cannot say of one rule: all that is looked at often, in one line of the cache. */
#define ODD_APPROVALS 1u /* its needs */
#define ODD_LIMITS    2u
#define ODD_UNLESS    4u /* of caller and device at once */
#define ODD_APPROVED  8u /* when or unless */
struct odd_rule {
	int64_t max_size_bytes; /* -1: none */
	bl_classes contains;	/* 0: none, or of a mask */
	uint64_t most[UNIT_COUNT];
	uint8_t periods[UNIT_COUNT]; /* PERIOD_COUNT: no limit */
	uint8_t flags;
};

struct compiled {
	size_t words;			     /* of a set of rules */
	size_t begin[EFFECTS], end[EFFECTS]; /* the words of an effect */
	uint16_t *rule_of; /* bit -> index into policy->rules, BIT_NONE for padding */
	uint64_t *permit[ACTION_COUNT], *forbid[ACTION_COUNT];
	uint64_t *withhold[KIND_SETS];
	uint64_t *kind_true[KIND_SETS], *kind_maybe[KIND_SETS];
	uint64_t *fact_true[FACT_SETS], *fact_maybe[FACT_SETS];
	uint64_t *any_path;			    /* rules without `paths` */
	uint64_t *no_device_true, *no_device_maybe; /* what holds when there is no device */
	/*
	 * Rules that sets alone cannot say: sizes, `contains` as a fact or a class, limits,
	 * approvals, and an `unless` that speaks of the device. Each of them that is left over is
	 * looked at by itself; all others cost nothing more.
	 */
	uint64_t *odd;
	uint64_t *approvals; /* permits that need approvals */
	uint64_t *all;
	uint64_t *memory;	      /* every set above */
	struct odd_rule *odd_rules;   /* by bit */
	bool has_limit[PERIOD_COUNT]; /* some rule counts by it */
	struct automaton automaton;
};

/*
 * The conditions of one rule that no set holds by itself, in three values. @state at least
 * STATE_UNKNOWN: not stated.
 */
enum three rule_state(const struct rule *rule, unsigned state);
enum three conditions_consent(const struct conditions *conditions, enum bl_consent consent);
enum three conditions_check(const struct conditions *conditions, enum bl_check check);
/*
 * conditions_ask_device - do they speak of what a subject does not know: consent, caller check,
 * approvals?
 * conditions_are_late - and no set of facts says all of it either
 */
bool conditions_ask_device(const struct conditions *conditions);
bool conditions_are_late(const struct conditions *conditions);

/* What a place says of the rules. */
struct place_sets {
	const uint64_t *is_true, *maybe;
	const uint64_t *below; /* true of the device, and the path matches or could further down */
};

/* places_sets - of any place; one that was never given out is as unknown as RULES_PLACE_UNKNOWN */
void places_sets(const struct rules_places *places, rules_place place, struct place_sets *out_sets);
const struct policy *places_policy(const struct rules_places *places);
/* device_matches - `devices` and `ids` of a rule, in three values */
enum three device_matches(const struct rules_device *device, const struct rule *rule);
const struct rules_device *places_device(const struct rules_places *places);

/* automaton_find - the number of the glob for exactly this name, or UINT32_MAX */
uint32_t automaton_find(const struct automaton *automaton, const uint32_t *symbols, size_t count);

static inline void bit_set(uint64_t *set, size_t bit)
{
	set[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static inline bool bit_is_set(const uint64_t *set, size_t bit)
{
	return set[bit / 64] >> (bit % 64) & 1;
}

static inline size_t bit_first(uint64_t word)
{
	return (size_t)__builtin_ctzll(word);
}

static inline size_t words_for(size_t bits)
{
	return bits ? (bits + 63) / 64 : 1;
}

#endif
