/* load.h - from the YAML tree to the model: what load*.c share; private to policy/rules */
#ifndef POLICY_RULES_LOAD_H
#define POLICY_RULES_LOAD_H

#include "policy/rules/glob.h"
#include "policy/rules/model.h"
#include "policy/yaml/arena.h"
#include "policy/yaml/yaml.h"

#define ROLE_LIMIT	64u /* bits of a uint64_t */
#define WORKPLACE_LIMIT 64u
#define RULE_LIMIT	4096u /* bits of a bitset; their number fits 16 bits */
#define PERSON_LIMIT	4096u
#define TEST_LIMIT	4096u
#define RETENTION_LIMIT 256u
#define LIST_LIMIT	256u /* entries of one list inside a rule */
#define APPROVALS_LIMIT 5u   /* people that one permit asks */
#define HOURS_LIMIT	64u
#define TEXT_LIMIT	400u  /* bytes of a name or a why */
#define PATH_LIMIT	1024u /* bytes of a path or a pattern */
/* Of all paths together, braces spread out: what they take of memory and of time for each name. */
#define PATH_ALTERNATIVES_LIMIT 4096u
#define PATH_SYMBOLS_LIMIT	(1u << 20)
#define LINE_LIMIT		100000u
#define HOST_LIMIT		253u  /* bytes of a host name */
#define SPAN_DAYS_LIMIT		36525 /* a hundred years */

struct loader {
	struct policy *policy;
	struct rules_findings *findings;
	bool is_out_of_memory;
	struct glob_size paths;	      /* what those so far come to */
	const struct person **people; /* by name, for look-ups; as many as the policy has */
	struct rule *set_rules;	      /* of the sets in `uses` */
	size_t set_rule_count;
	const char *set; /* the set that is being loaded; NULL: the file itself */
	struct position set_at;
	/* By class: where a mask asks for a token, where for the last 4; line 0: nowhere. */
	struct position token_at[CLASS_LIMIT], tail_at[CLASS_LIMIT];
};

/* A key of a map. */
struct load_key {
	const char *name;
	enum { KEY_OPTIONAL, KEY_REQUIRED } need;
	const char *example; /* for the fix when a required one is missing */
};

/* Words that may stand somewhere, numbered from 0: of the language, or the names that the policy gives. */
struct vocabulary {
	const char *what; /* "action" */
	const char *(*name)(const void *items, size_t i);
	const void *items;
	size_t count;
	bool is_own; /* names of this policy: what is not among them "is not there", it is not "unknown" */
};
extern const struct vocabulary ACTION_WORDS, DEVICE_KIND_WORDS, STATE_WORDS, FILE_KIND_WORDS,
	STYLE_WORDS, SHOWN_WORDS, CONSENT_WORDS, CHECK_WORDS;
/* CONSENT_WORDS and CHECK_WORDS leave out the value 0, which is never written. */
#define FIRST_WRITTEN 1

struct vocabulary load_role_words(const struct loader *loader);
struct vocabulary load_class_words(const struct loader *loader); /* custom ones too */
struct vocabulary load_workplace_words(const struct loader *loader);
struct vocabulary load_person_words(const struct loader *loader);
struct vocabulary load_rule_words(const struct loader *loader);

struct position load_at(const struct yaml_node *node);
struct position load_key_at(const struct yaml_node *node); /* its key's; its own when it has none */

#define load_error(loader, at, fix, ...)                                                           \
	rules_find((loader)->policy, (loader)->findings, RULES_ERROR, at, fix, __VA_ARGS__)
#define load_warning(loader, at, fix, ...)                                                         \
	rules_find((loader)->policy, (loader)->findings, RULES_WARNING, at, fix, __VA_ARGS__)

/* A word of the file, cut to what fits a message. LOAD_QUOTE(text) lives as long as its block. */
#define LOAD_QUOTE_SIZE	 52
#define LOAD_QUOTE(text) load_quote((text), (char[LOAD_QUOTE_SIZE]){0})
const char *load_quote(const char *text, char out[LOAD_QUOTE_SIZE]);

/* "did you mean 'x'?" for the nearest of the words, else "one of: a, b, c". */
void load_suggest(const struct loader *loader, const char *word, const struct vocabulary *words,
		  char fix[256]);
/* Say that @node, a word, is none of @words. */
void load_unknown(struct loader *loader, const struct yaml_node *node,
		  const struct vocabulary *words);

/*
 * Is some key of the map, none of @keys, @name misspelt? That is told as an unknown key, so @name need not be
 * missed as well. Never said of hostile maps, and never when nobody would see it.
 */
bool load_has_near(const struct loader *loader, const struct yaml_node *map,
		   const struct load_key *keys, size_t count, const char *name);

/* "roles", of a value; "entry", of an entry of a list. */
const char *load_shown_name(const struct yaml_node *node);
void *load_take(struct loader *loader, size_t count, size_t size);
const char *load_copy(struct loader *loader, const char *text);

/*
 * Each of these says what is wrong, if anything is, and returns false then. @node is a value of a map or an
 * entry of a list and may be NULL: false, and nothing is said (load_keys has told of a missing key).
 */
bool load_keys(struct loader *loader, const struct yaml_node *map, const char *where,
	       const struct load_key *keys, size_t count);
bool load_list(struct loader *loader, const struct yaml_node *node, size_t limit);
bool load_word(struct loader *loader, const struct yaml_node *node, const char **out_text);
bool load_text(struct loader *loader, const struct yaml_node *node, size_t limit,
	       const char **out_text);
bool load_id(struct loader *loader, const struct yaml_node *node, const char **out_id);
/* A name that others refer to: kept when it is refused, so that they are not refused as well. */
bool load_name(struct loader *loader, const struct yaml_node *key, const char **out_name);
bool load_value(struct loader *loader, const struct yaml_node *node, const struct vocabulary *words,
		unsigned *out_value);
/* A list of at most 64 words, as bits. */
bool load_bits(struct loader *loader, const struct yaml_node *node, const struct vocabulary *words,
	       uint64_t *out_bits);
bool load_bits32(struct loader *loader, const struct yaml_node *node,
		 const struct vocabulary *words, uint32_t *out_bits);
bool load_class(struct loader *loader, const struct yaml_node *node, unsigned *out_class);
bool load_true_or_false(struct loader *loader, const struct yaml_node *node, bool *out);

/* A list of strings, each taken by @load_one. */
typedef bool load_string_fn(struct loader *loader, const struct yaml_node *node,
			    const char **out_text);
bool load_strings(struct loader *loader, const struct yaml_node *node, load_string_fn *load_one,
		  struct string_list *out_list);
/* For load_strings. */
bool load_path(struct loader *loader, const struct yaml_node *node, const char **out_path);
bool load_device_id(struct loader *loader, const struct yaml_node *node, const char **out_id);
bool load_host(struct loader *loader, const struct yaml_node *node, const char **out_host);
bool load_program(struct loader *loader, const struct yaml_node *node, const char **out_program);

/* Quantities. */
bool load_number(struct loader *loader, const struct yaml_node *node, uint64_t *out);
bool load_count(struct loader *loader, const struct yaml_node *node, unsigned least, unsigned most,
		unsigned *out);
bool load_percent(struct loader *loader, const struct yaml_node *node, unsigned *out);
bool load_span(struct loader *loader, const struct yaml_node *node, int64_t *out_seconds);
bool load_milliseconds(struct loader *loader, const struct yaml_node *node, uint32_t *out_ms);
bool load_size(struct loader *loader, const struct yaml_node *node, int64_t *out_bytes);
bool load_rate(struct loader *loader, const struct yaml_node *node, bool has_units,
	       uint64_t *out_amount, enum bl_period *out_period);
/* A rate of one unit: bytes may be written with K, M and G. */
extern const struct load_key UNIT_KEYS[UNIT_COUNT];
bool load_amount(struct loader *loader, const struct yaml_node *node, enum bl_unit unit,
		 uint64_t *out_amount, enum bl_period *out_period);
bool load_day(struct loader *loader, const struct yaml_node *node, int32_t *out_day);
bool load_moment(struct loader *loader, const struct yaml_node *node, int64_t *out_unix);
bool load_hours(struct loader *loader, const struct yaml_node *node, struct hours **out_hours,
		size_t *out_count);

/*
 * A map of at least one and at most @limit entries, of which an array of @size is made; NULL when it is none,
 * which is said.
 */
void *load_section(struct loader *loader, const struct yaml_node *map, size_t limit, size_t size,
		   const char *example);
/* Say that a map is there and empty. */
void load_empty(struct loader *loader, const struct yaml_node *map, const char *fix);

/* What the floor, builtin/baseline, always fills; and a card, which it never shows whole. */
#define FILLED_CLASSES                                                                             \
	(CLASS_BIT(CLASS_CARD_TRACK) | CLASS_BIT(CLASS_CARD_PIN) |                                 \
	 CLASS_BIT(CLASS_CARD_SECURITY_CODE) | CLASS_BIT(CLASS_PASSWORD) |                         \
	 CLASS_BIT(CLASS_SECRET) | CLASS_BIT(CLASS_PRIVATE_KEY) |                                  \
	 CLASS_BIT(CLASS_URL_CREDENTIALS))
#define FLOOR_CLASSES (FILLED_CLASSES | CLASS_BIT(CLASS_CARD))

/*
 * Sections. Custom classes, workplaces and roles come before people and rules, sets before rules, people and
 * rules before tests.
 */
void load_sections(struct loader *loader, const struct yaml_node *root);
void load_custom(struct loader *loader, const struct yaml_node *custom);
void load_workplaces(struct loader *loader, const struct yaml_node *workplaces);
void load_people(struct loader *loader, const struct yaml_node *roles,
		 const struct yaml_node *people);
void load_uses(struct loader *loader, const struct yaml_node *uses);
void load_rules(struct loader *loader, const struct yaml_node *rules);
void load_rule(struct loader *loader, const struct yaml_node *node, struct rule *rule);
void load_rule_id(struct loader *loader, const struct yaml_node *node, char out[BL_RULE_ID_SIZE]);
void load_effect(struct loader *loader, const struct yaml_node *node, struct rule *rule,
		 const struct load_key *keys, size_t key_count);
void load_retention(struct loader *loader, const struct yaml_node *retention);
void load_upkeep(struct loader *loader, const struct yaml_node *root);
void load_sessions(struct loader *loader, const struct yaml_node *sessions);
void load_tests(struct loader *loader, const struct yaml_node *tests);

/* A class that nothing looks for, where a mask or `contains` names it: a warning. */
void load_looked_for(struct loader *loader, const struct yaml_node *node, unsigned class);

/* policy.c */
struct policy *policy_new(void); /* with one reference; NULL: no memory */

/* builtin-sets.c: the shipped sets that `uses` may name, the floor left out; static */
struct shipped_set {
	const char *name; /* "builtin/pci" */
	const char *text; /* a list of rules in YAML, ids without "builtin/" */
};
extern const struct shipped_set SHIPPED_SETS[];
extern const size_t SHIPPED_SET_COUNT;

/* findings.c: errors first, then by place */
void rules_sort_findings(struct rules_findings *findings);

#endif
