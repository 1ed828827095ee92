/* Dates that never decide, and promises that are missing. */
#include "policy/rules/check.h"
#include "policy/rules/cover.h"

#define LONGEST_SECONDS (RULES_LONGEST_DAYS * INT64_C(86400))

/* ---- entries ------------------------------------------------------------------------------------------- */

static bool covers_device(const struct retention_entry *outer, const struct retention_entry *inner)
{
	return cover_bits(outer->device_kinds, inner->device_kinds) &&
	       cover_bits(outer->states, inner->states) && cover_list(&outer->ids, &inner->ids);
}

/* A date counts from something; -1 or 0: not stated. From the same start the smaller comes first. */
static bool is_first(int64_t mine, int64_t other, bool is_tie_mine)
{
	return other <= 0 || mine < other || (mine == other && is_tie_mine);
}

static int64_t intake_date(const struct retention_entry *entry)
{
	if (entry->after_intake_seconds < 0)
		return entry->destroy_by_seconds;
	if (entry->destroy_by_seconds < 0)
		return entry->after_intake_seconds;
	return BL_MIN(entry->after_intake_seconds, entry->destroy_by_seconds);
}

static bool has_date(const struct retention_entry *entry)
{
	return entry->after_intake_seconds >= 0 || entry->destroy_by_seconds >= 0 ||
	       entry->after_last_open_seconds || entry->after_closed_seconds;
}

/* Can a date of @entry come before all that @other says of the same device? */
static bool is_ever_first(const struct retention_entry *entry, const struct retention_entry *other,
			  bool is_tie_mine)
{
	int64_t mine = intake_date(entry);

	if (mine > 0 && is_first(mine, intake_date(other), is_tie_mine))
		return true;
	if (entry->after_last_open_seconds > 0 &&
	    is_first(entry->after_last_open_seconds, other->after_last_open_seconds, is_tie_mine))
		return true;
	return entry->after_closed_seconds > 0 &&
	       is_first(entry->after_closed_seconds, other->after_closed_seconds, is_tie_mine);
}

static bool keeps_longer(const struct retention_entry *entry, const struct retention_entry *other,
			 bool is_tie_mine)
{
	int64_t keep = entry->keep_at_least_seconds;

	if (keep > other->keep_at_least_seconds)
		return true;
	return keep >= 0 && keep == other->keep_at_least_seconds && is_tie_mine;
}

/*
 * Dates of an entry with `paths` are those of its files where they can be destroyed alone, and of the
 * whole device elsewhere: they stand behind others only if they do so in both. What is kept is kept alike.
 */
static bool destroys_no_more(const struct retention_entry *entry,
			     const struct retention_entry *other)
{
	if (!has_date(entry) || !other->paths.count)
		return true;
	return entry->paths.count && cover_paths(&other->paths, &entry->paths);
}

static void check_shadowed(const struct policy *policy, struct rules_findings *findings, size_t at)
{
	const struct retention_entry *entry = &policy->retention[at];

	for (size_t i = 0; i < policy->retention_count; i++) {
		const struct retention_entry *other = &policy->retention[i];

		if (i == at || !covers_device(other, entry) || !destroys_no_more(entry, other) ||
		    is_ever_first(entry, other, at < i) || keeps_longer(entry, other, at < i))
			continue;
		check_warn(policy, findings, entry->id_at, "remove it, or give it an earlier date",
			   "retention entry '%s' never decides: '%s' always comes first", entry->id,
			   other->id);
		return;
	}
}

/* ---- files that have a date of their own -------------------------------------------------------------- */

/* Who keeps whatever @entry speaks of, at least until a date of @other from intake; NULL: nobody. */
static const struct retention_entry *keeper_past(const struct policy *policy,
						 const struct retention_entry *entry,
						 const struct retention_entry *other)
{
	int64_t date = intake_date(other);

	for (size_t i = 0; date > 0 && i < policy->retention_count; i++)
		if (covers_device(&policy->retention[i], entry) &&
		    policy->retention[i].keep_at_least_seconds >= date)
			return &policy->retention[i];
	return NULL;
}

/* Files that never go before the device they are in need no entry. True: that was told. */
static bool check_part(const struct policy *policy, struct rules_findings *findings, size_t at)
{
	const struct retention_entry *entry = &policy->retention[at];

	if (!entry->paths.count || !has_date(entry))
		return false;
	for (size_t i = 0; i < policy->retention_count; i++) {
		const struct retention_entry *other = &policy->retention[i], *keeper;

		if (other->paths.count || !covers_device(other, entry))
			continue;
		keeper = keeper_past(policy, entry, other);
		if (!keeper && is_ever_first(entry, other, false))
			continue;
		check_warn(policy, findings, entry->id_at,
			   "give it an earlier date, or remove its dates",
			   "the files of retention entry '%s' never go before the whole device: "
			   "'%s' %s",
			   entry->id, keeper ? keeper->id : other->id,
			   keeper ? "keeps them until then" : "always comes first");
		return true;
	}
	return false;
}

static void check_entry(const struct policy *policy, struct rules_findings *findings,
			const struct retention_entry *entry)
{
	int64_t by = entry->destroy_by_seconds;
	bool has_other_start = entry->after_last_open_seconds || entry->after_closed_seconds;

	if (entry->keep_at_least_seconds > LONGEST_SECONDS)
		check_warn(policy, findings, entry->id_at, "write at most 180d",
			   "'keep_at_least' of '%s' is not kept: nothing stays longer than %d days",
			   entry->id, RULES_LONGEST_DAYS);
	if (intake_date(entry) >= LONGEST_SECONDS && !has_other_start &&
	    entry->keep_at_least_seconds < 0)
		check_warn(policy, findings, entry->id_at, "write less than 180d",
			   "retention entry '%s' never decides: %d days from intake always come "
			   "first",
			   entry->id, RULES_LONGEST_DAYS);
	if (by >= 0 && entry->after_intake_seconds >= by)
		check_warn(
			policy, findings, entry->id_at, "write a shorter 'intake', or remove it",
			"'destroy_after: intake' of '%s' never decides: 'destroy_by' comes first",
			entry->id);
}

/* ---- consent and workplaces ---------------------------------------------------------------------------- */

/* Whoever asks for consent must say what happens when it is taken back. */
static void check_consent(const struct policy *policy, struct rules_findings *findings)
{
	if (policy->consent_seconds)
		return;
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (!check_is_own(rule) || (!rule->when.consent && !rule->unless.consent))
			continue;
		check_warn(policy, findings, rule->id_at,
			   "add 'consent_withdrawn: {destroy_within: 24h}'",
			   "rule '%s' asks for consent, and no 'consent_withdrawn' says what "
			   "follows when it is withdrawn",
			   rule->id);
		return;
	}
}

static void check_workplaces(const struct policy *policy, struct rules_findings *findings)
{
	uint64_t used = 0;

	for (size_t i = 0; i < policy->rule_count; i++)
		used |= policy->rules[i].workplaces;
	for (size_t i = 0; i < policy->workplace_count; i++) {
		const struct workplace *workplace = &policy->workplaces[i];

		if (i >= 64 || !(used >> i & 1))
			check_warn(policy, findings, workplace->at,
				   "name it in the 'where' of a rule, or remove it",
				   "no rule speaks of the workplace '%s'", workplace->name);
		else if (!workplace->hosts.count)
			check_warn(policy, findings, workplace->at,
				   "list its machines: 'hosts: [bench-01]'",
				   "nobody is ever at the workplace '%s': it has no hosts",
				   workplace->name);
	}
}

void check_retention(const struct policy *policy, struct rules_findings *findings)
{
	for (size_t i = 0; i < policy->retention_count; i++) {
		check_entry(policy, findings, &policy->retention[i]);
		/* a window moves dates, also what other entries decide */
		if (!policy->retention[i].window_count && !check_part(policy, findings, i))
			check_shadowed(policy, findings, i);
	}
	check_consent(policy, findings);
	check_workplaces(policy, findings);
}
