/* subject.h - one caller's sets of rules, valid until an instant; private to policy/rules */
#ifndef POLICY_RULES_SUBJECT_H
#define POLICY_RULES_SUBJECT_H

#include "policy/rules/compile.h"
#include "policy/rules/zone.h"

struct rules_subject {
	const struct policy *policy; /* pinned */
	/*
	 * Sets of rules whose who, where, hours, purpose and not-unless hold. An `unless` that also
	 * speaks of a device's facts is left to the request, and so are approvals.
	 */
	const uint64_t *holds;	   /* true */
	const uint64_t *ready;	   /* true, and a reason is given where one is needed */
	const uint64_t *maybe;	   /* true or unknown */
	const uint64_t *but_lapse; /* would be true if lapsed roles counted */
	uint64_t *memory;
	uint64_t roles, lapsed; /* bits into policy->roles */
	uint64_t
		unsure; /* roles whose date cannot be compared, the clock not being trusted; and @conflicted */
	uint64_t conflicted; /* roles that are never_with another one that is held, lapsed or not */
	uint64_t workplaces; /* bits into policy->workplaces */
	uid_t uid;	     /* whose own approvals never count; (uid_t)-1: not known */
	bool is_person;
	bool has_reason, is_clock_trusted;
	int64_t now_unix, valid_until;
	struct zone_time local; /* of now_unix, when the clock is trusted */
	char *purpose;		/* copy; NULL: none */
	char *person, *role_names, *lapsed_names;
	char *lapses; /* "role 'technician' (training until 2026-02-28)", "," between */
	bool is_role_only;
};

/* subject_as - the subject that @role alone, @purpose or another moment would give: for advice */
struct subject_change {
	const char *role;      /* NULL: as it is */
	const char *purpose;   /* NULL: as it is */
	const char *workplace; /* NULL: as it is */
	bool with_reason;      /* false: as it is */
	int64_t now_unix;      /* INT64_MIN: as it is */
};

/*
 * subject_new_changed - @caller again, with one thing different
 *
 * @subject  what is known of the caller; the roles are kept unless `role` is set. A later moment
 *           keeps today's roles: it answers for hours, never for a lapse.
 *
 * BL_OK, BL_NO_MEMORY.
 */
enum bl_status subject_new_changed(const struct rules_subject *subject,
				   const struct subject_change *change,
				   struct rules_subject **out_subject) BL_MUST_CHECK;

/* The parts of a rule that the caller and the moment decide, in three values. */
struct subject_parts {
	enum three who, where, hours, purpose;
	bool but_lapse; /* would `who` hold if lapsed roles counted? */
};
void subject_parts(const struct rules_subject *subject, const struct rule *rule,
		   struct subject_parts *out_parts);
/* The two of `when` or `unless` that the caller and the moment decide. */
enum three subject_in_hours(const struct rules_subject *subject,
			    const struct conditions *conditions);
enum three subject_has_purpose(const struct rules_subject *subject,
			       const struct conditions *conditions);

/* subject_hours_edge - the first instant after @now at which some `hours` of the policy may turn */
int64_t subject_hours_edge(const struct policy *policy, int64_t now_unix);

#endif
