#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/diff-told.h"
#include "policy/rules/diff.h"
#include "policy/rules/test.h"

#define TOPIC_TESTS 0x30000u

/* ---- a test of one file as the other understands it --------------------------------------------------------- */

static bool find_person(const struct policy *policy, const char *name, size_t *out_index)
{
	for (size_t i = 0; i < policy->person_count; i++)
		if (strcmp(policy->people[i].name, name) == 0) {
			*out_index = i;
			return true;
		}
	return false;
}

/* The number of a class in another file; -1 when that has no such class. */
static int translate_class(const struct policy *from, const struct policy *to, int class)
{
	unsigned number;

	if (class < CLASS_COUNT)
		return class;
	return policy_class_parse(to, policy_class_name(from, (unsigned)class), &number)
		       ? (int)number
		       : -1;
}

static bl_classes translate_classes(const struct policy *from, const struct policy *to,
				    bl_classes classes)
{
	bl_classes out = 0;

	for (unsigned class = 0; class < CLASS_LIMIT; class ++) {
		int number = classes >> class & 1 ? translate_class(from, to, (int)class) : -1;

		if (number >= 0)
			out |= CLASS_BIT(number);
	}
	return out;
}

/* @approvals has room for those of @test. Whoever the other file does not know approves nothing there. */
static bool translate(const struct policy *from, const struct policy *to,
		      const struct rules_test_case *test, size_t *approvals,
		      struct rules_test_case *out)
{
	*out = *test;
	out->approvals = approvals;
	out->approval_count = 0;
	for (size_t i = 0; i < test->approval_count; i++)
		if (find_person(to, from->people[test->approvals[i]].name,
				&approvals[out->approval_count]))
			out->approval_count++;
	if (test->class >= 0)
		out->class = translate_class(from, to, test->class);
	out->has = translate_classes(from, to, test->has);
	return find_person(to, from->people[test->person].name, &out->person);
}

/* ---- asking both -------------------------------------------------------------------------------------------------- */

static enum bl_status ask(struct test_people *people, const struct rules_test_case *test,
			  bool is_known, struct told_answer *out)
{
	const struct rules_decision nobody = {
		.outcome = RULES_FORBID, .by = RULES_BY_DEFAULT, .rule = "default"};
	struct test_run run = {0};
	struct test_answer answer;
	enum bl_status status;

	if (!is_known || (test->action == ACTION_UNMASK && test->class < 0)) {
		*out = diff_answer(&nobody);
		return BL_OK;
	}
	status = test_begin(people, test, &run);
	if (status == BL_OK) {
		test_ask(&run, test->action, test->class < 0 ? CLASS_NONE : (unsigned)test->class,
			 &answer);
		*out = diff_answer(&answer.decision);
	}
	test_end(&run);
	return status;
}

static enum bl_status compare(struct test_people people[SIDES], enum side side, size_t index,
			      struct tellings *tellings)
{
	const struct policy *from = people[side].policy, *to = people[!side].policy;
	const struct rules_test_case *test = &from->tests[index];
	BL_CLEANUP(bl_free) size_t *approvals = calloc(test->approval_count + 1, sizeof(size_t));
	struct rules_test_case other;
	struct told_answer answers[SIDES];
	char question[200];

	if (!approvals)
		return BL_NO_MEMORY;
	bool is_known = translate(from, to, test, approvals, &other);
	enum bl_status status = ask(&people[side], test, true, &answers[side]);

	if (status == BL_OK)
		status = ask(&people[!side], &other, is_known, &answers[!side]);
	if (status != BL_OK)
		return status;
	/* one of the two files tells of each test: the same names stand for the same question */
	unsigned topic = TOPIC_TESTS + test->action;

	if (answers[OLDER].rank == answers[NEWER].rank ||
	    tellings_is_known(tellings, from->people[test->person].name, topic, &answers[OLDER],
			      &answers[NEWER]))
		return BL_OK;
	snprintf(question, sizeof(question), "%s, as in the test '%.120s'",
		 bl_action_name(test->action), test->name);
	tellings_add(tellings, from->people[test->person].name, topic, &answers[OLDER],
		     &answers[NEWER], question);
	return BL_OK;
}

enum bl_status diff_tests(const struct policy *older, const struct policy *newer,
			  struct tellings *tellings)
{
	const struct policy *policy[SIDES] = {older, newer};
	struct test_people people[SIDES] = {0};
	enum bl_status status = BL_OK;

	for (unsigned side = 0; side < SIDES && status == BL_OK; side++)
		status = test_people_init(&people[side], policy[side]);
	for (unsigned side = SIDES; side-- > 0;)
		for (size_t i = 0; i < policy[side]->test_count && status == BL_OK; i++)
			status = compare(people, (enum side)side, i, tellings);
	for (unsigned side = 0; side < SIDES; side++)
		test_people_done(&people[side]);
	return status;
}
