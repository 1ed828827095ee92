/* promise.h - what a policy promises its customers: shared by the notice and the report of one device. Private to policy/rules. */
#ifndef POLICY_RULES_PROMISE_H
#define POLICY_RULES_PROMISE_H

#include "policy/rules/model.h"

#define PROMISE_LOOKS ((UINT32_C(1) << ACTION_LIST) | (UINT32_C(1) << ACTION_READ))

bool promise_is_look(const struct rule *rule);
bool promise_is_copy(const struct rule *rule);
bool promise_is_unmask(const struct rule *rule);

/* What is looked for and can be found: nothing is promised of the rest. */
bl_classes promise_classes(const struct policy *policy);
/* What each class is called by people who are no engineers; of the policy's own, its name. */
const char *promise_class_words(const struct policy *policy, unsigned class);

#endif
