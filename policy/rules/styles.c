#include <string.h>

#include "policy/rules/decide.h"

static void floor_styles(uint8_t styles[CLASS_LIMIT])
{
	for (unsigned class = 0; class < CLASS_LIMIT; class ++)
		if (floor_always_fill() >> class & 1)
			styles[class] = STYLE_FILL;
	/* the loosest style there is: said all the same, should a looser one ever come */
	styles[CLASS_CARD] = BL_MIN(styles[CLASS_CARD], (uint8_t)STYLE_KEEP_FIRST_6_LAST_4);
}

void rules_styles(const struct rules_subject *subject, const struct rules_facts *facts,
		  uint8_t out_styles[CLASS_LIMIT])
{
	const struct policy *policy = subject->policy;
	const struct compiled *compiled = policy->compiled;
	bl_classes has_true_mask = 0;
	struct request request;

	request_init(&request, subject, facts);
	memset(out_styles, request.is_mismatched ? STYLE_FILL : STYLE_COUNT - 1, CLASS_LIMIT);
	for (size_t w = compiled->begin[EFFECT_MASK];
	     w < compiled->end[EFFECT_MASK] && !request.is_mismatched; w++) {
		uint64_t known = request_true(&request, w);

		for (uint64_t todo = request_maybe(&request, w); todo; todo &= todo - 1) {
			size_t in_word = bit_first(todo);
			const struct rule *rule =
				&policy->rules[compiled->rule_of[w * 64 + in_word]];

			for (unsigned class = 0; class < CLASS_LIMIT; class ++) {
				if (rule->styles[class] >= STYLE_COUNT ||
				    (rule->contains && !(rule->contains >> class & 1)))
					continue;
				uint8_t style =
					(uint8_t)bl_style_fitted(rule->styles[class], class);

				out_styles[class] = BL_MIN(out_styles[class], style);
				/* a shipped set only tightens: the file's own default stays */
				if (known >> in_word & 1 && !rule->set)
					has_true_mask |= CLASS_BIT(class);
			}
		}
	}
	for (unsigned class = 0; class < CLASS_LIMIT; class ++)
		if (!(has_true_mask >> class & 1))
			out_styles[class] =
				BL_MIN(out_styles[class],
				       (uint8_t)bl_style_fitted(policy->default_style, class));
	floor_styles(out_styles);
}

/* Was the copy permitted by a rule with approvals? Only then may it hold originals. */
static bool is_approved_copy(const struct rules_subject *subject, const struct rules_facts *facts)
{
	const struct compiled *compiled = subject->policy->compiled;
	const uint64_t *permits = compiled->permit[ACTION_COPY];
	struct rules_decision decision;
	struct request request;

	rules_decide(subject, facts, ACTION_COPY, 0, &decision);
	if (decision.outcome != RULES_PERMIT)
		return false;
	request_init(&request, subject, facts);
	request_ask(&request, ACTION_COPY, CLASS_NONE);
	for (size_t w = compiled->begin[EFFECT_PERMIT]; w < compiled->end[EFFECT_PERMIT]; w++)
		if (permits[w] & compiled->approvals[w] & request_ready(&request, w))
			return true;
	return false;
}

/* Most subjects may unmask nothing: then no class need be asked. */
static bool may_unmask_any(const struct rules_subject *subject)
{
	const struct compiled *compiled = subject->policy->compiled;

	for (size_t w = compiled->begin[EFFECT_PERMIT]; w < compiled->end[EFFECT_PERMIT]; w++)
		if (compiled->permit[ACTION_UNMASK][w] & subject->ready[w])
			return true;
	return false;
}

void rules_shows(const struct rules_subject *subject, const struct rules_facts *facts,
		 enum bl_action action, uint8_t out_styles[CLASS_LIMIT])
{
	rules_styles(subject, facts, out_styles);
	if (!may_unmask_any(subject) ||
	    (action == ACTION_COPY && !is_approved_copy(subject, facts)))
		return;
	for (unsigned class = 0; class < CLASS_LIMIT; class ++) {
		struct rules_decision decision;

		rules_decide(subject, facts, ACTION_UNMASK, class, &decision);
		if (decision.outcome == RULES_PERMIT)
			out_styles[class] = STYLE_ORIGINAL;
	}
}
