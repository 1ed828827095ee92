/* What can be said of a whole policy once its words are understood. Errors: ids that stand twice. */
#include <stdlib.h>
#include <string.h>

#include "policy/rules/check.h"

/* ---- ids ---------------------------------------------------------------------------------------- */

struct named {
	const char *id;
	struct position at;
};

static int compare_named(const void *left, const void *right)
{
	const struct named *a = left, *b = right;
	int order = strcmp(a->id, b->id);

	if (order)
		return order;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	return a->at.column < b->at.column ? -1 : a->at.column > b->at.column;
}

static void refuse_same_ids(const struct policy *policy, struct rules_findings *findings,
			    struct named *names, size_t count)
{
	qsort(names, count, sizeof(*names), compare_named);
	for (size_t i = 1; i < count; i++)
		if (names[i].id[0] && strcmp(names[i - 1].id, names[i].id) == 0)
			rules_find(policy, findings, RULES_ERROR, names[i].at,
				   "give one of the two another id",
				   "id '%s' is there already, in line %u", names[i].id,
				   names[i - 1].at.line);
}

static void check_ids(const struct policy *policy, struct rules_findings *findings)
{
	struct named *names = arena_take(
		policy->arena, BL_MAX(policy->rule_count, policy->retention_count), sizeof(*names));

	if (!names) {
		/* Not looked at is not accepted. */
		rules_find(policy, findings, RULES_ERROR, (struct position){0}, "",
			   "no memory to check ids");
		return;
	}
	for (size_t i = 0; i < policy->rule_count; i++)
		names[i] = (struct named){policy->rules[i].id, policy->rules[i].id_at};
	refuse_same_ids(policy, findings, names, policy->rule_count);
	for (size_t i = 0; i < policy->retention_count; i++)
		names[i] = (struct named){policy->retention[i].id, policy->retention[i].id_at};
	refuse_same_ids(policy, findings, names, policy->retention_count);
}

void rules_check(struct policy *policy, struct rules_findings *findings)
{
	check_ids(policy, findings);
	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i].severity == RULES_ERROR)
			return; /* half a policy: what else is odd about it says nothing */
	check_people(policy, findings);
	check_rules(policy, findings);
	check_classes(policy, findings);
	check_retention(policy, findings);
}
