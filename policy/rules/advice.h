/* advice.h - what would help: tried with the code that decides, with something different; private to policy/rules
 *
 * Nothing is advised that was not seen to help. A trial has a number of decisions to make; when they are used up
 * nothing more helps.
 */
#ifndef POLICY_RULES_ADVICE_H
#define POLICY_RULES_ADVICE_H

#include "policy/rules/say.h"

#define ADVICE_CHOICES 8 /* purposes, and permits of what may be approved */

/* Several things at once; zeroed: all as it is. */
struct help {
	const char *role;	     /* somebody else asks, who holds just this */
	const char *purpose;	     /* is stated */
	const char *workplace;	     /* the question comes from there */
	const struct rule *approved; /* its approvals are given, and its reason */
	enum bl_check check;	     /* of the caller */
	bool is_consented;	     /* consent is on record, for the purpose */
	bool is_renewed;	     /* lapsed roles count again */
	uint64_t freed;		     /* roles that are no longer held together with another */
	bool is_looked_through;	     /* and nothing more was found */
	int64_t at_unix;	     /* asked then; 0: now */
};

struct trial {
	const struct asked *asked;
	const struct rules_decision *decision; /* what was decided */
	unsigned left;			       /* of advice_tries */
};

/* What the rules about this action name: only that can make a difference. */
struct choices {
	const char *purposes[ADVICE_CHOICES + 1]; /* the first is NULL: as it is */
	size_t purpose_count;
	uint64_t workplaces;
	const struct rule *approved[ADVICE_CHOICES + 1]; /* likewise */
	size_t approved_count;
};

/* The purpose that is stated then; NULL: none. */
const char *advice_purpose(const struct trial *trial, const struct help *help);

/* What would be decided, and of an ask how its rule stands. */
struct advised {
	struct rules_decision decision;
	struct rule_standing standing;
};
/* advice_decide - false when it cannot be worked out */
bool advice_decide(struct trial *trial, const struct help *help, struct advised *out);

/* advice_helps - is it permitted then, or asked for more that leads there? */
bool advice_helps(struct trial *trial, const struct help *help);

/* advice_tries - how many decisions one way of helping may cost: the more rules, the dearer each of them is */
unsigned advice_tries(const struct policy *policy);
/* advice_roles - the roles that some permit of @action names: nobody else can be helped */
uint64_t advice_roles(const struct policy *policy, enum bl_action action);

/* advice_has_request - is there a command that requests approvals of @action? */
bool advice_has_request(enum bl_action action);
/* advice_action - the action whose approvals @rule asks for: the one in question if it is one of them */
enum bl_action advice_action(const struct asked *asked, const struct rule *rule);

/* advice_choices - by bit, which is by effect and id: what is said never depends on the order of the file */
void advice_choices(const struct trial *trial, const struct rules_decision *decision,
		    struct choices *out);

/*
 * advice_find - the fewest things that have to be added to @base for the question to be permitted, or asked for more
 *
 * @base  who asks, and when
 */
bool advice_find(struct trial *trial, const struct choices *choices, const struct help *base,
		 struct help *out);

/* advice_parts - how many things have to be brought about */
unsigned advice_parts(const struct help *help);

#endif
