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

struct answer {
	int64_t due;
	const char *entry;
};

/* Earliest wins; of two that agree the first id, so that the order of the file means nothing. */
static void sooner(struct answer *answer, int64_t due, const char *entry, bool is_first)
{
	if (due < answer->due || is_first)
		*answer = (struct answer){due, entry};
}

static bool is_before(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a < (unsigned char)*b;
}

static void take_date(struct answer *answer, int64_t intake, int64_t seconds, const char *entry,
		      const char *builtin)
{
	if (seconds < 0)
		return;
	int64_t due = later(intake, seconds);
	bool is_tie =
		due == answer->due && (answer->entry == builtin || is_before(entry, answer->entry));

	sooner(answer, due, entry, is_tie);
}

int64_t rules_due(const struct policy *policy, const struct rules_retention_facts *facts,
		  const char **out_entry)
{
	static const char builtin[] = "builtin/longest";
	int64_t intake = facts->intake_unix;
	int64_t cap = later(intake, RULES_LONGEST_DAYS * DAY_SECONDS);
	struct answer answer = {cap, builtin};
	struct answer kept = {INT64_MIN, NULL};

	for (size_t i = 0; i < policy->retention_count; i++) {
		const struct retention_entry *entry = &policy->retention[i];

		if (!speaks_of(entry, facts))
			continue;
		take_date(&answer, intake, entry->after_intake_seconds, entry->id, builtin);
		take_date(&answer, intake, entry->destroy_by_seconds, entry->id, builtin);
		if (entry->keep_at_least_seconds < 0)
			continue;
		int64_t keep = later(intake, entry->keep_at_least_seconds);

		if (keep > kept.due || (keep == kept.due && is_before(entry->id, kept.entry)))
			kept = (struct answer){keep, entry->id};
	}
	if (kept.due > answer.due)
		answer = kept;
	if (answer.due > cap)
		answer = (struct answer){cap, builtin};

	int64_t floor = BL_MAX(intake, BL_MIN(kept.due, cap));
	int64_t moved = INT64_MIN;

	for (size_t i = 0; i < policy->retention_count; i++)
		if (speaks_of(&policy->retention[i], facts))
			moved = BL_MAX(moved, last_in_windows(policy->zone, &policy->retention[i],
							      answer.due));
	if (moved >= floor)
		answer.due = moved;
	*out_entry = answer.entry;
	return answer.due;
}
