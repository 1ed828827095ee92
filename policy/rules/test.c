#include <stdio.h>
#include <string.h>

#include "policy/rules/say.h"

static const char *outcome_name(enum rules_outcome outcome)
{
	static const char *const names[] = {"permit", "forbid", "ask", "withhold"};

	return names[outcome];
}

struct run {
	const struct rules_test_case *test;
	struct rules_subject *subject;
	struct rules_places *places;
	struct rules_facts facts;
};

static void run_done(struct run *run)
{
	rules_subject_free(run->subject);
	rules_places_free(run->places);
}

/* The caller a test means by one key of `people`, and nobody else. */
static enum bl_status begin_subject(const struct policy *policy, struct run *run)
{
	const struct person *person = &policy->people[run->test->person];
	bool is_group = person->key == PERSON_GROUP;
	struct rules_circumstances circumstances = {
		.caller = {.uid = person->key == PERSON_UID ? person->uid : (uid_t)-1,
			   .login = person->key == PERSON_LOGIN ? person->value : NULL,
			   .groups = is_group ? &person->value : NULL,
			   .group_count = is_group},
		.purpose = run->test->purpose,
		.has_reason = run->test->has_reason,
		.now_unix = run->test->at_unix,
		.is_clock_trusted = run->test->at_unix != INT64_MIN,
	};

	return rules_subject_new(policy, &circumstances, &run->subject, NULL);
}

static enum bl_status begin(const struct policy *policy, struct run *run)
{
	const struct rules_test_case *test = run->test;
	enum bl_status status = begin_subject(policy, run);

	if (status == BL_OK)
		status = rules_places_new(policy, &test->device, &run->places, NULL);
	run->facts = (struct rules_facts){
		.places = run->places,
		.place = RULES_PLACE_UNKNOWN,
		.kind = test->kind,
		.size_bytes = test->size_bytes,
		.state = test->state,
		.is_log_writable = true,
	};
	if (status == BL_OK && test->file)
		status = rules_places_walk(run->places, test->file, &run->facts.place);
	return status;
}

/* Is the rule of @bit one of those that make @outcome? */
static bool is_deciding(const struct request *request, size_t bit, enum bl_action action,
			enum rules_outcome outcome)
{
	const struct compiled *compiled = request->compiled;
	uint64_t one = UINT64_C(1) << bit % 64;
	bool is_true = request_true(request, bit / 64) & one;
	bool is_maybe = request_maybe(request, bit / 64) & one;
	bool is_ready = bit_is_set(request->subject->ready, bit);

	switch (outcome) {
	case RULES_PERMIT:
		return is_true && is_ready && bit_is_set(compiled->permit[action], bit);
	case RULES_ASK:
		return is_true && !is_ready && bit_is_set(compiled->permit[action], bit);
	case RULES_FORBID:
		return is_maybe && bit_is_set(compiled->forbid[action], bit);
	case RULES_WITHHOLD:
		return is_maybe && bit_is_set(compiled->withhold[request->kind], bit);
	}
	return false;
}

static bool names_decider(const struct run *run, const struct rules_decision *decision)
{
	const struct rules_test_case *test = run->test;
	const struct policy *policy = run->subject->policy;
	struct request request;

	if (strcmp(test->rule, decision->rule) == 0)
		return true;
	/* a gate stands before all rules: with it shut none of them decides */
	if (decision->by == RULES_BY_GATE)
		return false;
	request_init(&request, run->subject, &run->facts);
	for (size_t bit = 0; bit < request.compiled->words * 64; bit++) {
		uint16_t index = request.compiled->rule_of[bit];

		if (index == BIT_NONE || strcmp(policy->rules[index].id, test->rule) != 0)
			continue;
		return is_deciding(&request, bit, test->action, decision->outcome) ||
		       (action_needs_read(test->action) &&
			is_deciding(&request, bit, ACTION_READ, decision->outcome));
	}
	return false;
}

/* What a reader would see of @class: its style, or STYLE_ORIGINAL where unmask is permitted. */
static unsigned shown(const struct run *run, const uint8_t styles[CLASS_LIMIT], unsigned class)
{
	struct rules_decision decision;

	rules_decide(run->subject, &run->facts, ACTION_UNMASK, class, &decision);
	return decision.outcome == RULES_PERMIT ? STYLE_ORIGINAL : styles[class];
}

static bool check_shows(const struct run *run, struct rules_test_result *result)
{
	uint8_t styles[CLASS_LIMIT];

	rules_styles(run->subject, &run->facts, styles);
	for (unsigned class = 0; class < CLASS_LIMIT; class ++) {
		unsigned wanted = run->test->shows[class];
		unsigned got = shown(run, styles, class);

		if (wanted == STYLE_NONE || wanted == got)
			continue;
		snprintf(result->text, sizeof(result->text), "expected %s shown as %s, got %s",
			 class < CLASS_COUNT ? bl_class_name((enum bl_class) class) : "a class",
			 bl_style_name(wanted), bl_style_name(got));
		return false;
	}
	return true;
}

static bool check(const struct run *run, struct rules_test_result *result)
{
	const struct rules_test_case *test = run->test;
	struct rules_decision decision;
	/* unmask without a class asks for none that could be shown */
	unsigned class = test->class >= 0 ? (unsigned)test->class : CLASS_LIMIT;

	rules_decide(run->subject, &run->facts, test->action, class, &decision);
	if (decision.outcome != test->expect || (test->rule && !names_decider(run, &decision))) {
		snprintf(result->text, sizeof(result->text), "expected %s%s%s, got %s by %s",
			 outcome_name(test->expect), test->rule ? " by " : "",
			 test->rule ? test->rule : "", outcome_name(decision.outcome),
			 decision.rule);
		return false;
	}
	return check_shows(run, result);
}

enum bl_status rules_test(const struct policy *policy, rules_test_fn *tell, void *context,
			  size_t *out_passed, size_t *out_failed)
{
	size_t passed = 0, failed = 0;

	for (size_t i = 0; i < policy->test_count; i++) {
		struct run run = {.test = &policy->tests[i]};
		struct rules_test_result result = {.name = run.test->name,
						   .line = run.test->at.line};
		enum bl_status status = begin(policy, &run);

		if (status == BL_OK)
			result.has_passed = check(&run, &result);
		run_done(&run);
		if (status != BL_OK)
			return BL_NO_MEMORY;
		*(result.has_passed ? &passed : &failed) += 1;
		if (tell)
			tell(context, &result);
	}
	*out_passed = passed;
	*out_failed = failed;
	return failed ? BL_FAILED : BL_OK;
}
