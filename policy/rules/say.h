/* say.h - words shared by rules_say and rules_explain, and what they are worked out from; private to policy/rules */
#ifndef POLICY_RULES_SAY_H
#define POLICY_RULES_SAY_H

#include "policy/rules/decide.h"

/* A line that is cut, never overrun. */
struct line {
	char *out;
	size_t size, used;
};

void line_add(struct line *line, const char *format, ...) BL_PRINTF(2, 3);
/* line_add_roles - "'supervisor' or 'privacy-officer'", for bits into policy->roles */
void line_add_roles(struct line *line, const struct policy *policy, uint64_t roles,
		    const char *between);
/* line_add_why - ": " and the policy's own words on one line, with one full stop; "." when there are none */
void line_add_why(struct line *line, const char *why);
/* line_add_amount - "200 files", "500M bytes" */
void line_add_amount(struct line *line, uint64_t amount, enum bl_unit unit);

/* A question and who asks it; what is tried out is tried with it. */
struct asked {
	const struct rules_subject *subject;
	const struct rules_facts *facts;
	enum bl_action action;
	unsigned class; /* of an unmask */
};

/* say_decision - "copy is forbidden by rule 'no-copies': Contents stay on Bailee." */
void say_decision(struct line *line, const struct asked *asked,
		  const struct rules_decision *decision);

/* say_stand - how the rule that decided stands to what was asked; false when no rule did */
bool say_stand(const struct asked *asked, const struct rules_decision *decision,
	       struct rule_standing *out_standing);
/* say_needs - "a reason and 2 approvals": what a permit still needs */
void say_needs(struct line *line, const struct rule *rule, const struct rule_standing *standing);

/*
 * say_next - what the person can do, worked out by deciding again with something different
 *
 * Adds nothing and returns false when permitted, or when nothing they can do would help.
 */
bool say_next(struct line *line, const struct asked *asked, const struct rules_decision *decision);

/*
 * subject_roles_at - until.c: which of the roles that count now do so still at @at_unix, if nothing is renewed
 *
 * Returns the first instant after it at which one more lapses; INT64_MAX: none does.
 */
int64_t subject_roles_at(const struct rules_subject *subject, int64_t at_unix, uint64_t *out_roles);

#endif
