/* load.h - from the YAML tree to the model: what load*.c share; private to policy/rules */
#ifndef POLICY_RULES_LOAD_H
#define POLICY_RULES_LOAD_H

#include "policy/rules/model.h"
#include "policy/yaml/arena.h"
#include "policy/yaml/yaml.h"

#define ROLE_LIMIT	64u   /* bits of a uint64_t */
#define RULE_LIMIT	4096u /* bits of a bitset; their number fits 16 bits */
#define PERSON_LIMIT	4096u
#define TEST_LIMIT	4096u
#define RETENTION_LIMIT 256u
#define LIST_LIMIT	256u /* entries of one list inside a rule */
#define HOURS_LIMIT	64u
#define TEXT_LIMIT	400u  /* bytes of a name or a why */
#define PATH_LIMIT	1024u /* bytes of a path or a pattern */
#define LINE_LIMIT	100000u
#define SPAN_DAYS_LIMIT 36525 /* a hundred years */

struct loader {
	struct policy *policy;
	struct rules_findings *findings;
	const struct yaml_node *custom; /* detect.custom, whose classes are known by name only */
	bool is_out_of_memory;
	/* By class: where a mask asks for a token, where for the last 4; line 0: nowhere. */
	struct position token_at[CLASS_COUNT], tail_at[CLASS_COUNT];
};

/* A key of a map. A later one belongs to the language and not yet to this version. */
struct load_key {
	const char *name;
	enum { KEY_OPTIONAL, KEY_REQUIRED, KEY_LATER } need;
	const char *example; /* for the fix when a required one is missing */
};

/* A closed list of words, numbered from 0; at most 64. */
struct vocabulary {
	const char *what; /* "action" */
	const char *(*name)(unsigned value);
	unsigned count;
};
extern const struct vocabulary ACTION_WORDS, DEVICE_KIND_WORDS, STATE_WORDS, FILE_KIND_WORDS,
	CLASS_WORDS, STYLE_WORDS, SHOWN_WORDS;

struct position load_at(const struct yaml_node *node);
struct position load_key_at(const struct yaml_node *node); /* its key's; its own when it has none */

#define load_error(loader, at, fix, ...)                                                           \
	rules_find((loader)->policy, (loader)->findings, RULES_ERROR, at, fix, __VA_ARGS__)
#define load_warning(loader, at, fix, ...)                                                         \
	rules_find((loader)->policy, (loader)->findings, RULES_WARNING, at, fix, __VA_ARGS__)
void load_later(struct loader *loader, struct position at, const char *what, const char *word);

/* A word of the file, cut to what fits a message. LOAD_QUOTE(text) lives as long as its block. */
#define LOAD_QUOTE_SIZE	 52
#define LOAD_QUOTE(text) load_quote((text), (char[LOAD_QUOTE_SIZE]){0})
const char *load_quote(const char *text, char out[LOAD_QUOTE_SIZE]);

/* "did you mean 'x'?" for the nearest of @count names, else "one of: a, b, c". */
void load_suggest(const struct loader *loader, const char *word,
		  const char *(*name)(const void *, size_t), const void *names, size_t count,
		  char fix[256]);

/*
 * Is some key of the map, none of @keys, @name misspelt? That is told as an unknown key, so @name need not be
 * missed as well. Never said of hostile maps, and never when nobody would see it.
 */
bool load_has_near(const struct loader *loader, const struct yaml_node *map,
		   const struct load_key *keys, size_t count, const char *name);

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
bool load_value(struct loader *loader, const struct yaml_node *node, const struct vocabulary *words,
		unsigned *out_value);
bool load_bits(struct loader *loader, const struct yaml_node *node, const struct vocabulary *words,
	       uint32_t *out_bits);
bool load_class(struct loader *loader, const struct yaml_node *node, unsigned *out_class);
bool load_true_or_false(struct loader *loader, const struct yaml_node *node, bool *out);
bool load_number(struct loader *loader, const struct yaml_node *node, uint64_t *out);
bool load_span(struct loader *loader, const struct yaml_node *node, int64_t *out_seconds);
bool load_size(struct loader *loader, const struct yaml_node *node, int64_t *out_bytes);
bool load_day(struct loader *loader, const struct yaml_node *node, int32_t *out_day);
bool load_moment(struct loader *loader, const struct yaml_node *node, int64_t *out_unix);
bool load_hours(struct loader *loader, const struct yaml_node *node, struct hours **out_hours,
		size_t *out_count);
bool load_ids(struct loader *loader, const struct yaml_node *node, struct string_list *out_ids);
bool load_roles(struct loader *loader, const struct yaml_node *node, uint64_t *out_roles);
bool load_paths(struct loader *loader, const struct yaml_node *node, struct string_list *out_paths);
bool load_device_ids(struct loader *loader, const struct yaml_node *node,
		     struct string_list *out_ids);

/* Sections. Roles come before people and rules, people before tests. */
void load_people(struct loader *loader, const struct yaml_node *roles,
		 const struct yaml_node *people);
void load_rules(struct loader *loader, const struct yaml_node *rules);
void load_retention(struct loader *loader, const struct yaml_node *retention);
void load_tests(struct loader *loader, const struct yaml_node *tests);

/* findings.c: errors first, then by place */
void rules_sort_findings(struct rules_findings *findings);

#endif
