#include <stdio.h>
#include <stdlib.h>

#include "policy/rules/test.h"

/*
 * One policy beside the given one: it shares all of it but the rules, which are a copy and are changed in place, one at a
 * time. The given policy may be in force meanwhile. The copy is never handed out, so its count never reaches nothing.
 */
struct mutator {
	struct policy policy;
	struct rule *rules;
	struct test_people people;
	bool *passes; /* by test: does it pass as the policy stands? One that fails anyway notices nothing. */
	rules_mutation_fn *tell;
	void *context;
	size_t unnoticed;
};

static enum bl_status passes(struct mutator *mutator, size_t index, bool *out_passes)
{
	struct rules_test_result unused;
	struct test_run run;
	enum bl_status status = test_begin(&mutator->people, &mutator->policy.tests[index], &run);

	if (status == BL_OK)
		*out_passes = test_passes(&run, &unused);
	test_end(&run);
	return status;
}

/* ---- one change ---------------------------------------------------------------------------- */

/* Compile what was changed and look for the first test that fails by it. */
static enum bl_status try_change(struct mutator *mutator, const struct rule *rule,
				 const char *change)
{
	struct rules_mutation mutation = {
		.rule = rule->id, .line = rule->at.line, .change = change};
	enum bl_status status = rules_compile(&mutator->policy, NULL);

	for (size_t i = 0;
	     status == BL_OK && !mutation.is_noticed && i < mutator->policy.test_count; i++) {
		bool is_passed = true;

		if (mutator->passes[i])
			status = passes(mutator, i, &is_passed);
		if (!is_passed) {
			mutation.is_noticed = true;
			mutation.by = mutator->policy.tests[i].name;
		}
	}
	/* fewer paths than before always compile */
	if (status != BL_OK)
		return BL_NO_MEMORY;
	mutator->unnoticed += !mutation.is_noticed;
	mutator->tell(mutator->context, &mutation);
	return BL_OK;
}

static enum bl_status delete_rule(struct mutator *mutator, size_t index)
{
	struct rule deleted = mutator->rules[index];
	size_t last = mutator->policy.rule_count - 1;
	enum bl_status status;

	/* the order of rules never matters */
	mutator->rules[index] = mutator->rules[last];
	mutator->policy.rule_count = last;
	status = try_change(mutator, &deleted, "deleted");
	mutator->policy.rule_count = last + 1;
	mutator->rules[index] = deleted;
	return status;
}

/* What belongs to permits alone goes with the permit. */
static void flip_access(struct rule *rule)
{
	if (rule->effect == EFFECT_FORBID) {
		rule->effect = EFFECT_PERMIT;
		rule->unless.approved = 0;
		return;
	}
	rule->effect = EFFECT_FORBID;
	rule->when.approved = 0;
	rule->needs_reason = false;
	rule->approvals = (struct approvals){0};
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++)
		rule->limits[unit] = (struct limit){0};
}

static enum bl_status flip_rule(struct mutator *mutator, size_t index)
{
	struct rule whole = mutator->rules[index];
	bool is_permit = whole.effect == EFFECT_PERMIT;
	enum bl_status status;

	flip_access(&mutator->rules[index]);
	status = try_change(mutator, &whole,
			    is_permit ? "permit became forbid" : "forbid became permit");
	mutator->rules[index] = whole;
	return status;
}

/* ---- masks --------------------------------------------------------------------------------- */

/* The loosest style that leaves something of a class to see; beyond it every style is fill again. */
static uint8_t loosest_style(unsigned class)
{
	unsigned style = STYLE_COUNT - 1;

	if (floor_always_fill() >> class & 1)
		return STYLE_FILL;
	while (bl_style_fitted(style, class) != style)
		style--;
	return (uint8_t)style;
}

static enum bl_status restyle(struct mutator *mutator, size_t index, unsigned class, uint8_t style)
{
	struct rule *rule = &mutator->rules[index];
	uint8_t before = rule->styles[class];
	enum bl_status status;
	char change[160];

	snprintf(change, sizeof(change), "%.63s: %s became %s",
		 policy_class_name(&mutator->policy, class), bl_style_name(before),
		 bl_style_name(style));
	rule->styles[class] = style;
	status = try_change(mutator, rule, change);
	rule->styles[class] = before;
	return status;
}

/* Each class of a mask is a promise of its own: made stricter and made looser, as far as that is a change. */
static enum bl_status restyle_rule(struct mutator *mutator, size_t index)
{
	const struct rule *rule = &mutator->rules[index];
	enum bl_status status = BL_OK;

	for (unsigned class = 0; class < CLASS_LIMIT && status == BL_OK; class ++) {
		uint8_t style = rule->styles[class], loosest = loosest_style(class);

		if (style >= STYLE_COUNT || floor_always_fill() >> class & 1)
			continue;
		if (style != STYLE_FILL)
			status = restyle(mutator, index, class, STYLE_FILL);
		if (status == BL_OK && style < loosest)
			status = restyle(mutator, index, class, loosest);
	}
	return status;
}

/* ---- all of them --------------------------------------------------------------------------- */

static enum bl_status mutate_rule(struct mutator *mutator, size_t index)
{
	enum bl_status status = delete_rule(mutator, index);

	if (status != BL_OK)
		return status;
	switch (mutator->rules[index].effect) {
	case EFFECT_PERMIT:
	case EFFECT_FORBID:
		return flip_rule(mutator, index);
	case EFFECT_MASK:
		return restyle_rule(mutator, index);
	case EFFECT_WITHHOLD:
		/* the other way round a withhold is none, and that is what deleting it was */
		break;
	}
	return BL_OK;
}

static enum bl_status begin(struct mutator *mutator, const struct policy *policy)
{
	enum bl_status status;

	mutator->policy = *policy;
	atomic_init(&mutator->policy.references, 1);
	mutator->policy.compiled = NULL;
	mutator->rules = calloc(policy->rule_count + 1, sizeof(*mutator->rules));
	mutator->passes = calloc(policy->test_count + 1, sizeof(*mutator->passes));
	if (!mutator->rules || !mutator->passes)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < policy->rule_count; i++)
		mutator->rules[i] = policy->rules[i];
	mutator->policy.rules = mutator->rules;
	status = rules_compile(&mutator->policy, NULL);
	if (status == BL_OK)
		status = test_people_init(&mutator->people, &mutator->policy);
	for (size_t i = 0; status == BL_OK && i < policy->test_count; i++)
		status = passes(mutator, i, &mutator->passes[i]);
	return status == BL_OK ? BL_OK : BL_NO_MEMORY;
}

static void end(struct mutator *mutator)
{
	rules_compiled_free(mutator->policy.compiled);
	test_people_done(&mutator->people);
	free(mutator->rules);
	free(mutator->passes);
}

enum bl_status rules_test_mutate(const struct policy *policy, rules_mutation_fn *tell,
				 void *context, size_t *out_unnoticed)
{
	struct mutator mutator = {.tell = tell, .context = context};
	enum bl_status status = begin(&mutator, policy);

	/* what a shipped set brings is tested where it is made */
	for (size_t i = 0; status == BL_OK && i < policy->rule_count; i++)
		if (!policy->rules[i].set)
			status = mutate_rule(&mutator, i);
	end(&mutator);
	if (status != BL_OK)
		return status;
	*out_unnoticed = mutator.unnoticed;
	return mutator.unnoticed ? BL_FAILED : BL_OK;
}
