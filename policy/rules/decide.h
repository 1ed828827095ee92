/* decide.h - one request as sets of rules; what rules_decide, explain and the tests share
 *
 * Private to policy/rules.
 */
#ifndef POLICY_RULES_DECIDE_H
#define POLICY_RULES_DECIDE_H

#include "policy/rules/subject.h"

struct request {
	const struct rules_subject *subject;
	const struct compiled *compiled;
	const struct rules_facts *facts;
	struct place_sets place; /* by the path used */
	const uint64_t *kind_true, *kind_maybe, *state_true, *state_maybe;
	unsigned kind;	    /* row of compiled->withhold */
	bool is_mismatched; /* places of another policy: nothing can be said */
};

void request_init(struct request *request, const struct rules_subject *subject,
		  const struct rules_facts *facts);

/* One word of the rules that are true (by the path used), or true or unknown (by any known path). */
uint64_t request_true(const struct request *request, size_t word);
uint64_t request_maybe(const struct request *request, size_t word);
/* request_but_lapse - of the rules that would be true if lapsed roles counted */
uint64_t request_but_lapse(const struct request *request, size_t word);

/* The classes that are never shown unmasked and always fill; CLASS_CARD has its own floor. */
bl_classes floor_always_fill(void);
bool floor_forbids_unmask(unsigned class);

/* copy and unmask need a read under the same facts; read, copy and unmask are closed by a withhold */
bool action_needs_read(enum bl_action action);
bool action_is_of_contents(enum bl_action action);

#endif
