#include <string.h>

#include "policy/rules/model.h"

const char *policy_rule_why(const struct policy *policy, const char *id)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (strcmp(policy->rules[i].id, id) == 0)
			return policy->rules[i].why;
	return NULL;
}
