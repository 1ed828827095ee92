#include "policy/rules/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *outcome_name(enum rules_outcome outcome)
{
	static const char *const names[] = {"permit", "forbid", "ask", "withhold"};

	return names[outcome];
}

/* ---- people -------------------------------------------------------------------------------- */

/* A row of uids that no `uid:` key names: whenever one stands in the row, begin behind it. */
static uid_t find_uids(const struct policy *policy)
{
	uid_t first = 1;
	bool is_taken;

	do {
		is_taken = false;
		for (size_t i = 0; i < policy->person_count && !is_taken; i++) {
			const struct person *person = &policy->people[i];

			if (person->key != PERSON_UID || person->uid < first ||
			    person->uid - first >= policy->person_count)
				continue;
			first = person->uid + 1;
			is_taken = true;
		}
	} while (is_taken);
	return first;
}

enum bl_status test_people_init(struct test_people *people, const struct policy *policy)
{
	*people = (struct test_people){
		.policy = policy,
		.first_uid = find_uids(policy),
		.at_unix = INT64_MIN,
		.role_bits = calloc(policy->person_count + 1, sizeof(*people->role_bits)),
		.is_known = calloc(policy->person_count + 1, sizeof(*people->is_known)),
	};
	return people->role_bits && people->is_known ? BL_OK : BL_NO_MEMORY;
}

void test_people_done(struct test_people *people)
{
	free(people->role_bits);
	free(people->is_known);
}

static uid_t uid_of(const struct test_people *people, size_t index)
{
	const struct person *person = &people->policy->people[index];

	return person->key == PERSON_UID ? person->uid : people->first_uid + (uid_t)index;
}

/* The caller a test means by one key of `people`, and nobody else. */
static struct rules_caller caller_of(const struct test_people *people, size_t index)
{
	const struct person *person = &people->policy->people[index];
	bool is_group = person->key == PERSON_GROUP;

	return (struct rules_caller){
		.uid = uid_of(people, index),
		.login = person->key == PERSON_LOGIN ? person->value : NULL,
		.groups = is_group ? &person->value : NULL,
		.group_count = is_group,
	};
}

/* The roles that count of somebody who approves, at @at_unix; kept, as most tests have one now. */
static enum bl_status roles_of(struct test_people *people, size_t index, int64_t at_unix,
			       uint64_t *out_bits)
{
	if (people->at_unix != at_unix) {
		memset(people->is_known, 0, people->policy->person_count);
		people->at_unix = at_unix;
	}
	if (!people->is_known[index]) {
		BL_CLEANUP(rules_subject_free) struct rules_subject *giver = NULL;
		struct rules_circumstances circumstances = {.caller = caller_of(people, index),
							    .now_unix = at_unix,
							    .is_clock_trusted = true};
		enum bl_status status =
			rules_subject_new(people->policy, &circumstances, &giver, NULL);

		if (status != BL_OK)
			return status;
		people->role_bits[index] = rules_subject_role_bits(giver);
		people->is_known[index] = true;
	}
	*out_bits = people->role_bits[index];
	return BL_OK;
}

/* ---- setting up ---------------------------------------------------------------------------- */

static enum bl_status begin_subject(const struct test_people *people, struct test_run *run)
{
	const struct rules_test_case *test = run->test;
	struct rules_circumstances circumstances = {
		.caller = caller_of(people, test->person),
		.purpose = test->purpose,
		.workplace = test->workplace,
		.has_reason = test->has_reason,
		.now_unix = test->at_unix,
		.is_clock_trusted = test->at_unix != INT64_MIN,
	};

	return rules_subject_new(people->policy, &circumstances, &run->subject, NULL);
}

static enum bl_status begin_approvals(struct test_people *people, struct test_run *run)
{
	const struct rules_test_case *test = run->test;

	if (!test->approval_count)
		return BL_OK;
	run->approvals = calloc(test->approval_count, sizeof(*run->approvals));
	if (!run->approvals)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < test->approval_count; i++) {
		struct rules_approval *approval = &run->approvals[i];
		enum bl_status status =
			roles_of(people, test->approvals[i], test->at_unix, &approval->roles);

		if (status != BL_OK)
			return status;
		approval->giver = uid_of(people, test->approvals[i]);
		approval->given_unix = test->at_unix;
		approval->action = RULES_ANY;
		approval->class = RULES_ANY;
	}
	return BL_OK;
}

static enum bl_status begin_place(const struct test_people *people, struct test_run *run)
{
	enum bl_status status =
		rules_places_new(people->policy, &run->test->device, &run->places, NULL);

	if (status != BL_OK || !run->test->file)
		return status;
	return rules_places_walk(run->places, run->test->file, &run->facts.place);
}

enum bl_status test_begin(struct test_people *people, const struct rules_test_case *test,
			  struct test_run *run)
{
	bool is_unknown = test->is_has_unknown;
	enum bl_status status;

	*run = (struct test_run){.test = test, .facts.place = RULES_PLACE_UNKNOWN};
	status = begin_subject(people, run);
	if (status == BL_OK)
		status = begin_place(people, run);
	if (status == BL_OK)
		status = begin_approvals(people, run);
	run->facts = (struct rules_facts){
		.places = run->places,
		.place = run->facts.place,
		.kind = test->kind,
		.size_bytes = test->size_bytes,
		.state = test->state,
		.is_log_writable = true,
		.consent = test->consent,
		.caller_check = test->check,
		/* not looked through: neither the window that is read nor the whole file */
		.has = is_unknown ? 0 : test->has,
		.is_whole_known = !is_unknown,
		.is_unscanned = is_unknown,
		.used = &test->used,
		.approvals = run->approvals,
		.approval_count = run->approvals ? test->approval_count : 0,
	};
	return status;
}

void test_end(struct test_run *run)
{
	rules_subject_free(run->subject);
	rules_places_free(run->places);
	free(run->approvals);
	*run = (struct test_run){0};
}

/* ---- who decided --------------------------------------------------------------------------- */

/* Is the rule of @bit one of those that lead to @outcome, as far as @action alone goes? */
static bool leads_to(const struct request *request, size_t bit, enum rules_outcome outcome)
{
	const struct compiled *compiled = request->compiled;
	bool is_permit = bit_is_set(compiled->permit[request->action], bit);
	struct rule_standing standing;

	request_stand(request, bit, &standing);
	switch (outcome) {
	case RULES_PERMIT:
		return is_permit && standing.value == TRUE3 && !standing.unmet;
	case RULES_ASK:
		return is_permit && standing.value == TRUE3 && standing.unmet;
	case RULES_FORBID:
		return bit_is_set(compiled->forbid[request->action], bit) &&
		       standing.value != FALSE3;
	case RULES_WITHHOLD:
		return bit_is_set(compiled->withhold[request->kind], bit) &&
		       standing.value != FALSE3;
	}
	return false;
}

static bool has_ready_permit(const struct request *request)
{
	const struct compiled *compiled = request->compiled;
	const uint64_t *permits = compiled->permit[request->action];

	for (size_t w = compiled->begin[EFFECT_PERMIT]; w < compiled->end[EFFECT_PERMIT]; w++)
		if (permits[w] & request_ready(request, w))
			return true;
	return false;
}

bool test_decides(const struct test_run *run, const struct test_answer *answer, size_t bit)
{
	enum rules_outcome outcome = answer->decision.outcome;
	const enum bl_action actions[] = {answer->action, ACTION_READ};
	size_t count = action_needs_read(answer->action) ? 2 : 1;
	struct request request;

	/* a gate or the floor stands before all rules; by default, lapse or limit none decides */
	if (answer->decision.by != RULES_BY_RULE)
		return false;
	request_init(&request, run->subject, &run->facts);
	for (size_t i = 0; i < count; i++) {
		request_ask(&request, actions[i],
			    answer->action == ACTION_UNMASK ? answer->class : CLASS_NONE);
		/* of two actions the one that is permitted already does not ask */
		if (outcome == RULES_ASK && has_ready_permit(&request))
			continue;
		if (leads_to(&request, bit, outcome))
			return true;
	}
	return false;
}

static bool names_decider(const struct test_run *run, const struct test_answer *answer)
{
	const struct policy *policy = run->subject->policy;
	const struct compiled *compiled = policy->compiled;

	if (strcmp(run->test->rule, answer->decision.rule) == 0)
		return true;
	for (size_t bit = 0; bit < compiled->words * 64; bit++) {
		uint16_t index = compiled->rule_of[bit];

		if (index != BIT_NONE && strcmp(policy->rules[index].id, run->test->rule) == 0)
			return test_decides(run, answer, bit);
	}
	return false;
}

/* ---- passing ------------------------------------------------------------------------------- */

static bool check_shows(const struct test_run *run, struct rules_test_result *result)
{
	const struct policy *policy = run->subject->policy;
	/* who unmasks sees in a session what a reader sees there */
	enum bl_action action =
		run->test->action == ACTION_UNMASK ? ACTION_READ : run->test->action;
	uint8_t styles[CLASS_LIMIT];

	rules_shows(run->subject, &run->facts, action, styles);
	for (unsigned class = 0; class < CLASS_LIMIT; class ++) {
		unsigned wanted = run->test->shows[class];

		if (wanted == STYLE_NONE || wanted == styles[class])
			continue;
		snprintf(result->text, sizeof(result->text), "expected %s shown as %s, got %s",
			 policy_class_name(policy, class), bl_style_name(wanted),
			 bl_style_name(styles[class]));
		return false;
	}
	return true;
}

void test_ask(const struct test_run *run, enum bl_action action, unsigned class,
	      struct test_answer *out_answer)
{
	out_answer->action = action;
	out_answer->class = class;
	rules_decide(run->subject, &run->facts, action, class, &out_answer->decision);
}

bool test_passes(const struct test_run *run, struct rules_test_result *result)
{
	const struct rules_test_case *test = run->test;
	struct test_answer answer;

	/* unmask without a class asks for none that could be shown */
	test_ask(run, test->action, test->class >= 0 ? (unsigned)test->class : CLASS_LIMIT,
		 &answer);
	if (answer.decision.outcome != test->expect ||
	    (test->rule && !names_decider(run, &answer))) {
		snprintf(result->text, sizeof(result->text), "expected %s%s%s, got %s by %s",
			 outcome_name(test->expect), test->rule ? " by " : "",
			 test->rule ? test->rule : "", outcome_name(answer.decision.outcome),
			 answer.decision.rule);
		return false;
	}
	return check_shows(run, result);
}

static enum bl_status run_all(struct test_people *people, rules_test_fn *tell, void *context,
			      size_t *out_passed, size_t *out_failed)
{
	const struct policy *policy = people->policy;
	size_t passed = 0, failed = 0;

	for (size_t i = 0; i < policy->test_count; i++) {
		const struct rules_test_case *test = &policy->tests[i];
		struct rules_test_result result = {.name = test->name, .line = test->at.line};
		struct test_run run;
		enum bl_status status = test_begin(people, test, &run);

		if (status == BL_OK)
			result.has_passed = test_passes(&run, &result);
		test_end(&run);
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

enum bl_status rules_test(const struct policy *policy, rules_test_fn *tell, void *context,
			  size_t *out_passed, size_t *out_failed)
{
	struct test_people people;
	enum bl_status status = test_people_init(&people, policy);

	if (status == BL_OK)
		status = run_all(&people, tell, context, out_passed, out_failed);
	test_people_done(&people);
	return status;
}
