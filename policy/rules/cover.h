/* cover.h - does one rule hold whenever another does, and can two hold together? private to policy/rules
 *
 * Answers are for static analysis: "no" also means "not seen from the words alone".
 */
#ifndef POLICY_RULES_COVER_H
#define POLICY_RULES_COVER_H

#include "policy/rules/model.h"

/* Lists longer than this are not compared: a hostile file must not make the check slow. */
#define COVER_LIST_LIMIT 32

/* cover_hours - is every minute of @inner one of @outer? A count of 0 is always. */
bool cover_hours(const struct hours *outer, size_t outer_count, const struct hours *inner,
		 size_t inner_count);
bool cover_list(const struct string_list *outer, const struct string_list *inner);
/* cover_pattern - does @outer match every file that @inner matches? Equal, or a folder with all below it. */
bool cover_pattern(const char *outer, const char *inner);
/* cover_paths - the same of lists; one without patterns matches nothing here */
bool cover_paths(const struct string_list *outer, const struct string_list *inner);
/* cover_bits - for sets in which none means any */
static inline bool cover_bits(uint64_t outer, uint64_t inner)
{
	return !outer || (inner && !(inner & ~outer));
}

/* cover_conditions - do @outer hold whenever @inner do? Conditions that are all absent always hold. */
bool cover_conditions(const struct conditions *outer, const struct conditions *inner);
bool conditions_are_absent(const struct conditions *conditions);

/* cover_rule - does @outer hold whenever @inner does, leaving aside who, effect, kinds of file and `contains`? */
bool cover_rule(const struct rule *outer, const struct rule *inner);

/* rules_overlap - can both rules hold of one file at one moment? Who and `contains` are left aside. */
bool rules_overlap(const struct rule *a, const struct rule *b);

#endif
