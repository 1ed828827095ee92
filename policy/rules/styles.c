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
				if (rule->styles[class] >= STYLE_COUNT)
					continue;
				out_styles[class] = BL_MIN(out_styles[class], rule->styles[class]);
				if (known >> in_word & 1)
					has_true_mask |= CLASS_BIT(class);
			}
		}
	}
	for (unsigned class = 0; class < CLASS_LIMIT; class ++)
		if (!(has_true_mask >> class & 1))
			out_styles[class] =
				BL_MIN(out_styles[class], (uint8_t)policy->default_style);
	floor_styles(out_styles);
}
