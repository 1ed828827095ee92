#include "policy/rules/decide.h"

/* Would the rule of @bit permit, but for its limits and needs? No class is asked for, so none can be the wrong one. */
static bool is_permit_here(const struct request *request, size_t bit)
{
	uint32_t beside = PART_BIT(PART_LIMIT) | PART_BIT(PART_REASON) | PART_BIT(PART_APPROVALS);
	struct rule_standing standing;

	if (request->action == ACTION_UNMASK)
		beside |= PART_BIT(PART_CONTAINS);
	request_stand(request, bit, &standing);
	return !((standing.is_false | standing.is_unknown) & ~beside);
}

static bool tell_rule(const struct rule *rule, const struct rules_used *used, rules_limit_fn *tell,
		      void *context)
{
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++) {
		const struct limit *limit = &rule->limits[unit];

		if (!limit->is_set)
			continue;
		struct rules_limit told = {
			.rule = rule->id,
			.unit = (enum bl_unit)unit,
			.period = limit->period,
			.most = limit->most,
			.used = used ? used->amount[unit][limit->period] : 0,
		};

		if (!tell(context, &told))
			return false;
	}
	return true;
}

void rules_each_limit(const struct rules_subject *subject, const struct rules_facts *facts,
		      enum bl_action action, rules_limit_fn *tell, void *context)
{
	const struct compiled *compiled = subject->policy->compiled;
	const uint64_t *permits = compiled->permit[action];
	struct request request;

	request_init(&request, subject, facts);
	if (request.is_mismatched)
		return;
	request_ask(&request, action, CLASS_NONE);
	for (size_t w = compiled->begin[EFFECT_PERMIT]; w < compiled->end[EFFECT_PERMIT]; w++)
		for (uint64_t todo = permits[w]; todo; todo &= todo - 1) {
			size_t bit = w * 64 + bit_first(todo);
			const struct rule *rule = &subject->policy->rules[compiled->rule_of[bit]];

			if (is_permit_here(&request, bit) &&
			    !tell_rule(rule, facts->used, tell, context))
				return;
		}
}
