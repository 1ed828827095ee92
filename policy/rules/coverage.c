#include <stdlib.h>

#include "policy/rules/test.h"

struct covered {
	const struct rule *rule;
	size_t tests;
};

/* A mask takes part where a test says how a class of it is shown, and the mask has a say in that. */
static bool masks_what_is_stated(const struct test_run *run, size_t bit, const struct rule *rule)
{
	struct rule_standing standing;
	struct request request;
	bool is_stated = false;

	for (unsigned class = 0; class < CLASS_LIMIT; class ++)
		is_stated |= run->test->shows[class] != STYLE_NONE &&
			     rule->styles[class] < STYLE_COUNT &&
			     (!rule->contains || rule->contains >> class & 1);
	if (rule->effect != EFFECT_MASK || !is_stated)
		return false;
	request_init(&request, run->subject, &run->facts);
	request_stand(&request, bit, &standing);
	return standing.value != FALSE3;
}

/* Whether a class is shown as it is was decided by the rules about unmasking it. */
static void ask_what_is_shown(const struct test_run *run, const uint8_t *shows,
			      struct test_answer answers[CLASS_LIMIT], size_t *out_count)
{
	*out_count = 0;
	for (unsigned class = 0; class < CLASS_LIMIT; class ++)
		if (shows[class] != STYLE_NONE)
			test_ask(run, ACTION_UNMASK, class, &answers[(*out_count)++]);
}

static void cover(const struct test_run *run, struct covered *covered)
{
	const struct rules_test_case *test = run->test;
	const struct policy *policy = run->subject->policy;
	const struct compiled *compiled = policy->compiled;
	struct test_answer answer, shown[CLASS_LIMIT];
	size_t shown_count;

	test_ask(run, test->action, test->class >= 0 ? (unsigned)test->class : CLASS_LIMIT,
		 &answer);
	ask_what_is_shown(run, test->shows, shown, &shown_count);
	for (size_t bit = 0; bit < compiled->words * 64; bit++) {
		uint16_t index = compiled->rule_of[bit];

		if (index == BIT_NONE)
			continue;
		bool is_part = test_decides(run, &answer, bit) ||
			       masks_what_is_stated(run, bit, &policy->rules[index]);

		for (size_t i = 0; i < shown_count && !is_part; i++)
			is_part = test_decides(run, &shown[i], bit);
		covered[index].tests += is_part;
	}
}

static int least_first(const void *left, const void *right)
{
	const struct covered *a = left, *b = right;

	if (a->tests != b->tests)
		return a->tests < b->tests ? -1 : 1;
	if (a->rule->at.line != b->rule->at.line)
		return a->rule->at.line < b->rule->at.line ? -1 : 1;
	return a->rule->at.column < b->rule->at.column ? -1 : 1;
}

static enum bl_status run_all(struct test_people *people, struct covered *covered)
{
	const struct policy *policy = people->policy;

	for (size_t i = 0; i < policy->test_count; i++) {
		struct test_run run;
		enum bl_status status = test_begin(people, &policy->tests[i], &run);

		if (status == BL_OK)
			cover(&run, covered);
		test_end(&run);
		if (status != BL_OK)
			return BL_NO_MEMORY;
	}
	return BL_OK;
}

enum bl_status rules_test_coverage(const struct policy *policy, rules_coverage_fn *tell,
				   void *context)
{
	BL_CLEANUP(bl_free)
	struct covered *covered = calloc(policy->rule_count + 1, sizeof(*covered));
	struct test_people people;
	enum bl_status status = test_people_init(&people, policy);

	if (!covered)
		status = BL_NO_MEMORY;
	if (status == BL_OK)
		status = run_all(&people, covered);
	test_people_done(&people);
	if (status != BL_OK)
		return status;
	for (size_t i = 0; i < policy->rule_count; i++)
		covered[i].rule = &policy->rules[i];
	qsort(covered, policy->rule_count, sizeof(*covered), least_first);
	/* what a shipped set brings is tested where it is made */
	for (size_t i = 0; i < policy->rule_count; i++)
		if (!covered[i].rule->set)
			tell(context, covered[i].rule->id, covered[i].rule->at.line,
			     covered[i].tests);
	return BL_OK;
}
