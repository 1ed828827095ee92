/* say.h - words shared by rules_say and rules_explain; private to policy/rules */
#ifndef POLICY_RULES_SAY_H
#define POLICY_RULES_SAY_H

#include "policy/rules/decide.h"

/* A line that is cut, never overrun. */
struct line {
	char *out;
	size_t size, used;
};

void line_add(struct line *line, const char *format, ...) BL_PRINTF(2, 3);

/* say_decision - "copy is forbidden by rule 'no-copies': Contents stay on Bailee." */
void say_decision(struct line *line, const struct rules_subject *subject,
		  const struct rules_facts *facts, enum bl_action action,
		  const struct rules_decision *decision);

/*
 * say_next - what the person can do, worked out by deciding again with one thing different
 *
 * Adds nothing and returns false when permitted, or when nothing they can do would help.
 */
bool say_next(struct line *line, const struct rules_subject *subject,
	      const struct rules_facts *facts, enum bl_action action, unsigned class,
	      const struct rules_decision *decision);

#endif
