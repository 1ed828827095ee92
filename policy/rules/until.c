#include <string.h>

#include "policy/rules/say.h"
#include "policy/rules/zone.h"

#define FORTNIGHT (INT64_C(14) * 86400)
/* Twenty different hours of a day make 560 edges in a fortnight; whoever has more is told an earlier end. */
#define EDGES_TRIED 600

/* ---- roles at another moment --------------------------------------------------------------- */

/* Is @name one of the keys that matched? They are kept as one list, "," between. */
static bool is_key_of(const struct rules_subject *subject, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = subject->person; (at = strstr(at, name)); at++)
		if ((at == subject->person || at[-1] == ',') &&
		    (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

/* The first instant of the day after the last on which the requirements of @role are met; INT64_MIN: they never are. */
static int64_t end_of(const struct policy *policy, const struct role *role,
		      const struct person *person)
{
	int32_t day = INT32_MAX;

	if (role->needs_training)
		day = BL_MIN(day, person->training_expires_day);
	if (role->needs_insurance)
		day = BL_MIN(day, person->insurance_expires_day);
	if (day == DAY_NONE)
		return INT64_MIN;
	return day == INT32_MAX ? INT64_MAX : zone_unix(policy->zone, day + 1, 0);
}

/* By whichever key a role is held longest. */
static int64_t role_end(const struct rules_subject *subject, size_t role)
{
	const struct policy *policy = subject->policy;
	int64_t end = INT64_MIN;

	for (size_t i = 0; i < policy->person_count; i++) {
		const struct person *person = &policy->people[i];

		if (person->roles >> role & 1 && is_key_of(subject, person->name))
			end = BL_MAX(end, end_of(policy, &policy->roles[role], person));
	}
	return end;
}

int64_t subject_roles_at(const struct rules_subject *subject, int64_t at_unix, uint64_t *out_roles)
{
	int64_t next = INT64_MAX;

	*out_roles = subject->roles;
	/* as if holding one role: that is asked without a person, whose dates it could have */
	if (subject->is_role_only)
		return next;
	for (size_t i = 0; i < subject->policy->role_count; i++) {
		if (!(subject->roles >> i & 1))
			continue;
		int64_t end = role_end(subject, i);

		if (end <= at_unix)
			*out_roles &= ~(UINT64_C(1) << i);
		else
			next = BL_MIN(next, end);
	}
	return next;
}

/* ---- until when ---------------------------------------------------------------------------- */

struct walk {
	const struct rules_subject *subject;
	const struct rules_facts *facts;
	enum bl_action action;
	unsigned class;
};

static bool is_permitted_at(const struct walk *walk, int64_t at_unix)
{
	BL_CLEANUP(rules_subject_free) struct rules_subject *later = NULL;
	struct rules_subject now = *walk->subject; /* borrows what it points to */
	struct subject_change change = {.now_unix = at_unix};
	struct rules_decision decision;

	(void)subject_roles_at(walk->subject, at_unix, &now.roles);
	now.lapsed |= walk->subject->roles & ~now.roles;
	if (subject_new_changed(&now, &change, &later) != BL_OK)
		return false;
	rules_decide(later, walk->facts, walk->action, walk->class, &decision);
	return decision.outcome == RULES_PERMIT;
}

/*
 * When something may turn next. A new hour or day only gives back what limits took, and that only ever opens: it ends
 * nothing, so what is used up now is taken as used up all the time.
 */
static int64_t next_edge(const struct walk *walk, int64_t at_unix)
{
	const struct policy *policy = walk->subject->policy;
	uint64_t roles;
	int64_t edge = subject_hours_edge(policy, at_unix);
	int64_t lapse = subject_roles_at(walk->subject, at_unix, &roles);
	int64_t approvals = rules_approvals_until(policy, walk->facts->approvals,
						  walk->facts->approval_count, at_unix);

	return BL_MIN(edge, BL_MIN(lapse, approvals));
}

int64_t rules_permit_until(const struct rules_subject *subject, const struct rules_facts *facts,
			   enum bl_action action, unsigned class)
{
	struct walk walk = {subject, facts, action, class};
	int64_t at = subject->now_unix;
	int64_t end = at + FORTNIGHT;

	/* without a clock that is trusted no rule that names hours permits, and nothing is told to lapse */
	if (!subject->is_clock_trusted)
		return INT64_MAX;
	for (unsigned i = 0; i < EDGES_TRIED; i++) {
		at = next_edge(&walk, at);
		if (at > end)
			return INT64_MAX;
		if (!is_permitted_at(&walk, at))
			return at;
	}
	return at;
}
