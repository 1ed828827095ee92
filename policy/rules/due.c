#include <string.h>

#include "policy/rules/compile.h"
#include "policy/rules/zone.h"

#define DAY_SECONDS INT64_C(86400)

/* What we do not know of the device counts as true: it can only be destroyed sooner, or kept. */
static bool speaks_of(const struct retention_entry *entry,
		      const struct rules_retention_facts *facts)
{
	const struct rules_device *device = &facts->device;

	if (entry->device_kinds && device->kind >= 0 && !(entry->device_kinds >> device->kind & 1))
		return false;
	if (entry->states && facts->state >= 0 && !(entry->states >> facts->state & 1))
		return false;
	if (!entry->ids.count || !device->id)
		return true;
	for (size_t i = 0; i < entry->ids.count; i++)
		if (glob_match_id(entry->ids.items[i], device->id))
			return true;
	return false;
}

static int64_t later(int64_t at_unix, int64_t seconds)
{
	int64_t sum;

	return __builtin_add_overflow(at_unix, seconds, &sum) ? INT64_MAX : sum;
}

/* The latest moment up to @due inside one of the entry's windows; INT64_MIN when there is none. */
static int64_t last_in_windows(const struct zone *zone, const struct retention_entry *entry,
			       int64_t due)
{
	struct zone_time today;
	int64_t best = INT64_MIN;

	zone_local(zone, due, &today);
	for (int32_t back = 0; back <= 8; back++) {
		int32_t day = today.day - back;
		unsigned weekday = (unsigned)(today.weekday + 14 - back) % 7;

		for (size_t i = 0; i < entry->window_count; i++) {
			const struct hours *window = &entry->window[i];

			if (!(window->days >> weekday & 1))
				continue;
			int64_t from = zone_unix(zone, day, window->from_minute);
			int64_t until = window->until_minute >= 1440
						? zone_unix(zone, day + 1, 0)
						: zone_unix(zone, day, window->until_minute);
			int64_t last = BL_MIN(until - 1, due);

			if (last >= from)
				best = BL_MAX(best, last);
		}
	}
	return best;
}

/* ---- the date ------------------------------------------------------------------------------ */

/*
 * Who decides, and when. Earliest wins, of two that agree the first id: the order of the file means
 * nothing.
 */
struct answer {
	int64_t due, start;
	const char *id;			     /* NULL: nobody yet */
	const struct retention_entry *entry; /* NULL: built in */
};

static const char LONGEST[] = "builtin/longest";

/* Built in only where no entry says the same. */
static bool is_named_before(const struct answer *a, const struct answer *b)
{
	if (!a->entry != !b->entry)
		return a->entry != NULL;
	return strcmp(a->id, b->id) < 0;
}

static void take_sooner(struct answer *answer, struct answer other)
{
	if (!answer->id || other.due < answer->due ||
	    (other.due == answer->due && is_named_before(&other, answer)))
		*answer = other;
}

static void take_later(struct answer *answer, struct answer other)
{
	if (!answer->id || other.due > answer->due ||
	    (other.due == answer->due && is_named_before(&other, answer)))
		*answer = other;
}

/* A start that has not happened gives no date; nor has one that no entry speaks of. */
static void take_start(struct answer *answer, const struct retention_entry *entry, bool has_begun,
		       int64_t start, int64_t seconds)
{
	if (has_begun)
		take_sooner(answer,
			    (struct answer){later(start, seconds), start, entry->id, entry});
}

struct dates {
	struct answer after, by, kept, urgent;
};

static void take_entry(struct dates *dates, const struct retention_entry *entry,
		       const struct rules_retention_facts *facts)
{
	int64_t intake = facts->intake_unix;

	take_start(&dates->after, entry, entry->after_intake_seconds >= 0, intake,
		   entry->after_intake_seconds);
	take_start(&dates->after, entry, entry->after_last_open_seconds && facts->last_open_unix,
		   facts->last_open_unix, entry->after_last_open_seconds);
	take_start(&dates->after, entry, entry->after_closed_seconds && facts->closed_unix,
		   facts->closed_unix, entry->after_closed_seconds);
	take_start(&dates->by, entry, entry->destroy_by_seconds >= 0, intake,
		   entry->destroy_by_seconds);
	if (entry->keep_at_least_seconds >= 0)
		take_later(&dates->kept,
			   (struct answer){later(intake, entry->keep_at_least_seconds), intake,
					   entry->id, entry});
}

/*
 * What the customer asked for, or somebody was permitted to do early. Without its section: at once.
 */
static void take_urgent(struct answer *urgent, const struct policy *policy,
			const struct rules_retention_facts *facts)
{
	const struct {
		int64_t start, seconds;
		const char *id;
	} rows[] = {
		{facts->early_shred_unix, 0, "builtin/early-shred"},
		{facts->requested_unix, policy->request_seconds, "builtin/request"},
		{facts->consent_withdrawn_unix, policy->consent_seconds,
		 "builtin/consent-withdrawn"},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (rows[i].start)
			take_sooner(urgent, (struct answer){later(rows[i].start, rows[i].seconds),
							    rows[i].start, rows[i].id, NULL});
}

/*
 * Strongest first, and each only where those before it leave room: what must be kept is not
 * destroyed sooner; else what is urgent counts if it is sooner; nothing outlives the cap of an
 * entry, and nothing at all the built-in one.
 */
static struct answer decide(const struct dates *dates, struct answer cap)
{
	struct answer answer = cap;

	if (dates->after.id)
		take_sooner(&answer, dates->after);
	if (dates->by.id)
		take_sooner(&answer, dates->by);
	if (dates->urgent.id && dates->urgent.due <= answer.due)
		answer = dates->urgent;
	if (dates->kept.id && dates->kept.due > answer.due)
		answer = dates->kept;
	return answer.due > cap.due ? cap : answer;
}

static struct answer due_of(const struct policy *policy, const struct rules_retention_facts *facts)
{
	struct answer cap = {later(facts->intake_unix, RULES_LONGEST_DAYS * DAY_SECONDS),
			     facts->intake_unix, LONGEST, NULL};
	struct dates dates = {.kept = {.due = INT64_MIN}};
	int64_t moved = INT64_MIN;

	for (size_t i = 0; i < policy->retention_count; i++)
		if (speaks_of(&policy->retention[i], facts))
			take_entry(&dates, &policy->retention[i], facts);
	take_urgent(&dates.urgent, policy, facts);

	struct answer answer = decide(&dates, cap);
	/* a window that closed before the clock began to run is no window */
	int64_t floor = BL_MAX(answer.start, BL_MIN(dates.kept.due, cap.due));

	for (size_t i = 0; i < policy->retention_count; i++)
		if (speaks_of(&policy->retention[i], facts)) {
			int64_t last =
				last_in_windows(policy->zone, &policy->retention[i], answer.due);

			moved = BL_MAX(moved, last);
		}
	if (moved >= floor)
		answer.due = moved;
	return answer;
}

int64_t rules_due(const struct policy *policy, const struct rules_retention_facts *facts,
		  const char **out_entry)
{
	struct answer answer = due_of(policy, facts);

	*out_entry = answer.id;
	return answer.due;
}

int64_t rules_notice(const struct policy *policy, const struct rules_retention_facts *facts)
{
	struct answer answer = due_of(policy, facts);
	int64_t notice = answer.entry ? answer.entry->notice_seconds : 0;
	int64_t from;

	return __builtin_sub_overflow(answer.due, notice, &from) ? INT64_MIN : from;
}

/* ---- clock hours and calendar days --------------------------------------------------------- */

int64_t rules_period_start(const struct policy *policy, enum bl_period period, int64_t at_unix,
			   int64_t *out_next)
{
	const struct zone *zone = policy->zone;
	bool is_day = period == PERIOD_DAY;
	struct zone_time local;

	zone_local(zone, at_unix, &local);
	unsigned from = is_day ? 0 : local.minute / 60u * 60u;
	unsigned until = is_day ? 1440 : from + 60;
	int64_t start = zone_unix(zone, local.day, from);
	/*
	 * an hour that the wall shows twice is one hour: counters do not start anew in its middle
	 */
	int64_t next = until == 1440 ? zone_unix(zone, local.day + 1, 0)
				     : zone_unix(zone, local.day, until);

	/* where clocks go back over midnight the day's end has been seen before: look again soon */
	*out_next = next > at_unix ? next : later(at_unix - (at_unix % 900 + 900) % 900, 900);
	return start;
}
