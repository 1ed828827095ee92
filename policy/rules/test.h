/* test.h - one test of a policy's file, set up and asked; what test.c, coverage.c and mutate.c share
 *
 * Private to policy/rules. One thread.
 */
#ifndef POLICY_RULES_TEST_H
#define POLICY_RULES_TEST_H

#include "policy/rules/decide.h"

/*
 * The people of a policy as its tests see them. Every key is a person of their own with a uid of their own: `uid:N` its N,
 * the others one that no key names, so that nobody approves for themselves and nobody is taken for somebody else.
 */
struct test_people {
	const struct policy *policy; /* borrowed */
	uid_t first_uid;     /* of the made-up ones: first_uid + index into policy->people */
	int64_t at_unix;     /* the moment role_bits speaks of; INT64_MIN: of none yet */
	uint64_t *role_bits; /* by person, where is_known */
	bool *is_known;
};

enum bl_status test_people_init(struct test_people *people,
				const struct policy *policy) BL_MUST_CHECK;
void test_people_done(struct test_people *people);

/* One test set up: who asks and what they ask for. */
struct test_run {
	const struct rules_test_case *test;
	struct rules_subject *subject;
	struct rules_places *places;
	struct rules_approval *approvals;
	struct rules_facts facts; /* points into the rest */
};

/* test_begin - BL_OK, BL_NO_MEMORY; test_end is due in both cases, of a zeroed run too */
enum bl_status test_begin(struct test_people *people, const struct rules_test_case *test,
			  struct test_run *run) BL_MUST_CHECK;
void test_end(struct test_run *run);

/* test_passes - does the policy answer as the test expects? When not, @result's text says what was got. */
bool test_passes(const struct test_run *run, struct rules_test_result *result);

/* What the policy answers in a test: to its own question, or to another one asked under its facts. */
struct test_answer {
	enum bl_action action;
	unsigned class; /* of an unmask */
	struct rules_decision decision;
};
void test_ask(const struct test_run *run, enum bl_action action, unsigned class,
	      struct test_answer *out_answer);

/*
 * test_decides - is the rule of @bit one of those that led to @answer?
 *
 * Several rules may lead to one outcome: all matching forbids to a forbid, all matching permits to a permit. What a copy or
 * an unmask comes to is decided by the read it needs as well.
 */
bool test_decides(const struct test_run *run, const struct test_answer *answer, size_t bit);

#endif
