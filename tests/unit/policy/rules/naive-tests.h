/* naive-tests.h - the tests that policies bring along, put to the naive evaluator */
#ifndef TESTS_UNIT_POLICY_RULES_NAIVE_TESTS_H
#define TESTS_UNIT_POLICY_RULES_NAIVE_TESTS_H

#include "random-words.h"

/* A uid of each person's own, so that nobody approves for themselves unless the test says so. */
static inline struct rules_caller tests_caller(const struct person *person, size_t number)
{
	struct rules_caller caller = {.uid = 1000000u + (uid_t)number};

	if (person->key == PERSON_UID)
		caller.uid = person->uid;
	if (person->key == PERSON_LOGIN)
		caller.login = person->value;
	if (person->key == PERSON_GROUP) {
		caller.groups = (const char *const *)&person->value;
		caller.group_count = 1;
	}
	return caller;
}

static inline uint64_t tests_roles(const struct policy *policy, const struct question *q,
				   size_t person)
{
	struct rules_circumstances who = {.caller = tests_caller(&policy->people[person], person),
					  .now_unix = q->who->now_unix,
					  .is_clock_trusted = true};
	struct question giver = {.who = &who};
	struct naive_case n = naive_case(policy, &giver, NULL);
	uint64_t roles = 0;

	for (size_t r = 0; r < policy->role_count; r++)
		roles |= (uint64_t)(n.held[r] == YES) << r;
	return roles;
}

static inline void tests_facts(const struct rules_test_case *test, struct question *q)
{
	q->path = test->file;
	q->kind = test->kind;
	q->state = test->state;
	q->size_bytes = test->size_bytes;
	q->is_log_writable = true;
	q->consent = test->consent;
	q->check = test->check;
	q->has = test->is_has_unknown ? 0 : test->has;
	q->is_whole_known = !test->is_has_unknown;
	q->is_unscanned = test->is_has_unknown;
	q->used = test->used;
	q->action = test->action;
	q->class = test->class < 0 ? 0 : (unsigned)test->class;
}

/* Of life's actions the naive evaluator is asked as well: no device is an unknown one. */
static inline bool tests_agree(const struct policy *policy, const struct rules_test_case *test)
{
	struct rules_circumstances who = {
		.caller = tests_caller(&policy->people[test->person], test->person),
		.purpose = test->purpose,
		.workplace = test->workplace,
		.has_reason = test->has_reason,
		.now_unix = test->at_unix,
		.is_clock_trusted = true};
	struct question q = {.who = &who, .device = &test->device};

	tests_facts(test, &q);
	for (size_t i = 0; i < test->approval_count && i < NAIVE_APPROVALS; i++) {
		size_t giver = test->approvals[i];

		q.approvals[q.approval_count++] = (struct rules_approval){
			.giver = tests_caller(&policy->people[giver], giver).uid,
			.roles = tests_roles(policy, &q, giver),
			.given_unix = who.now_unix,
			.action = RULES_ANY,
			.class = RULES_ANY};
	}
	struct naive_case n = naive_case(policy, &q, NULL);
	struct naive_answer answer = naive_about(&n, q.action, q.class);
	uint8_t shows[CLASS_LIMIT];
	bool agrees = answer.outcome == test->expect && strcmp(answer.rule, test->rule) == 0;

	naive_shows(&n, q.action, shows);
	for (unsigned class = 0; class < CLASS_LIMIT; class ++)
		agrees &= test->shows[class] == STYLE_NONE || test->shows[class] == shows[class];
	if (!agrees)
		fprintf(stderr, "%s: '%s': naive says %s by %s\n", policy->name, test->name,
			words_outcome(answer.outcome), answer.rule);
	return agrees;
}

#endif
