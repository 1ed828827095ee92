/* check.h - what check*.c and people.c share; private to policy/rules */
#ifndef POLICY_RULES_CHECK_H
#define POLICY_RULES_CHECK_H

#include "policy/rules/load.h"

#define check_warn(policy, findings, at, fix, ...)                                                 \
	rules_find(policy, findings, RULES_WARNING, at, fix, __VA_ARGS__)

/* Sections of the check; each only ever warns. */
void check_people(const struct policy *policy, struct rules_findings *findings);
void check_rules(const struct policy *policy, struct rules_findings *findings);
void check_classes(const struct policy *policy, struct rules_findings *findings);
void check_retention(const struct policy *policy, struct rules_findings *findings);

/* check_is_own - a rule of the file itself; of a shipped set's there is nothing to correct */
static inline bool check_is_own(const struct rule *rule)
{
	return !rule->set;
}

/* check_who - the roles a rule speaks of; `everyone` is each of them */
uint64_t check_who(const struct policy *policy, const struct rule *rule);

/* A day for people_given: requirements must be recorded, but when they end does not matter. */
#define PEOPLE_ANY_DAY INT32_MIN

int32_t people_day(const struct policy *policy, int64_t at_unix);

/*
 * people_given - the roles of one key of `people` that give something on @day of the policy's zone
 *
 * Not those that have lapsed, that lack a date, or that are held beside one they are never with.
 */
uint64_t people_given(const struct policy *policy, const struct person *person, int32_t day);

/* Who can do one action, leaving aside what, where and when; forbids count when they have no condition. */
struct people_office {
	uint64_t permits, forbids; /* roles */
	bool is_closed;		   /* to everyone */
};
struct people_office people_office(const struct policy *policy, enum bl_action action);
bool people_can(const struct policy *policy, const struct people_office *office,
		const struct person *person, int32_t day);
bool people_anybody_can(const struct policy *policy, enum bl_action action, int32_t day);

/* people_lapse - the first instant at which the role gives nothing; 0: it never did, INT64_MAX: never */
int64_t people_lapse(const struct policy *policy, const struct person *person, size_t role);

#endif
