/* diff-told.h - differences that were found, each kind of them once; private to policy/rules */
#ifndef POLICY_RULES_DIFF_TOLD_H
#define POLICY_RULES_DIFF_TOLD_H

#include "policy/rules/rules.h"

#define TOLD_LIMIT                                                                                 \
	200u /* of wider ones, and of narrower ones: many of these must not hide one of those */

/* One side of a difference: an outcome or a style or a date, and what decided it. */
struct told_answer {
	unsigned rank;	   /* the greater is the wider */
	const char *words; /* "permit" */
	const char *rule;
};

struct told {
	struct rules_difference difference;
	struct told_answer before, after;
	unsigned topic; /* what is asked: told apart, but not shown */
};

struct tellings {
	struct told *items;  /* 2 * TOLD_LIMIT */
	size_t count, wider; /* wider: of the count */
};

static inline bool tellings_are_full(const struct tellings *tellings)
{
	return tellings->count == 2 * (size_t)TOLD_LIMIT;
}

/* tellings_is_known - was the same said of the same caller and topic? What there is no room for is known. */
bool tellings_is_known(const struct tellings *tellings, const char *who, unsigned topic,
		       const struct told_answer *before, const struct told_answer *after);
/* tellings_add - the answers must differ in rank and not be known */
void tellings_add(struct tellings *tellings, const char *who, unsigned topic,
		  const struct told_answer *before, const struct told_answer *after,
		  const char *question);

/* What is not a decision of a role: dates of people, patterns, retention, what sessions, holds, proof and audit say, the tests of both files. */
void diff_people(const struct policy *older, const struct policy *newer, struct tellings *tellings);
void diff_patterns(const struct policy *older, const struct policy *newer,
		   struct tellings *tellings);
void diff_upkeep(const struct policy *older, const struct policy *newer, struct tellings *tellings);
struct cells;
enum bl_status diff_retention(const struct cells *cells, struct tellings *tellings) BL_MUST_CHECK;
enum bl_status diff_tests(const struct policy *older, const struct policy *newer,
			  struct tellings *tellings) BL_MUST_CHECK;
struct told_answer diff_answer(const struct rules_decision *decision);

#endif
