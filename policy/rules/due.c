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

/* A week, and another: the clocks of a zone may skip the one window of a week. */
#define DAYS_BACK 14

/*
 * The latest moment up to @due inside one of the entry's windows; INT64_MIN when there is none. A
 * window is from when the wall first shows its beginning until it first shows its end.
 */
static int64_t last_in_windows(const struct zone *zone, const struct retention_entry *entry,
			       int64_t due)
{
	struct zone_time today;
	int64_t best = INT64_MIN;

	zone_local(zone, due, &today);
	/* where clocks go back over midnight the next day has been seen before */
	for (int32_t back = -1; back <= DAYS_BACK && best == INT64_MIN; back++) {
		int32_t day = today.day - back;
		unsigned weekday = (unsigned)(today.weekday + 14 - back) % 7;

		for (size_t i = 0; i < entry->window_count; i++) {
			const struct hours *window = &entry->window[i];

			if (!(window->days >> weekday & 1))
				continue;
			int64_t from = zone_unix(zone, day, window->from_minute);
			/* 24:00 is the next day's midnight */
			int64_t until = zone_unix(zone, day, window->until_minute);
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
	int64_t due, start, span;
	const char *id;			     /* NULL: nobody yet */
	const struct retention_entry *entry; /* NULL: built in */
	enum rules_start from;
	bool is_kept;
};

static const char LONGEST[] = "builtin/longest";

const char *rules_start_name(enum rules_start start)
{
	static const char *const NAMES[RULES_START_COUNT] = {
		[RULES_FROM_INTAKE] = "intake",
		[RULES_FROM_LAST_OPEN] = "last look",
		[RULES_FROM_CLOSED] = "closing",
		[RULES_FROM_REQUEST] = "request",
		[RULES_FROM_WITHDRAWAL] = "withdrawal of consent",
		[RULES_FROM_EARLY_SHRED] = "early shred",
	};

	return NAMES[start];
}

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

static struct answer answer_of(const struct retention_entry *entry, enum rules_start from,
			       int64_t start, int64_t span)
{
	return (struct answer){.due = later(start, span),
			       .start = start,
			       .span = span,
			       .id = entry->id,
			       .entry = entry,
			       .from = from};
}

static struct answer built_in(const char *id, enum rules_start from, int64_t start, int64_t span)
{
	return (struct answer){
		.due = later(start, span), .start = start, .span = span, .id = id, .from = from};
}

/* Each with its id NULL where nothing says so. */
struct dates {
	struct answer destroy, kept, urgent;
	struct answer cap;
};

/* The earliest that an entry says. A start that has not happened gives no date. */
static void take_destroy(struct answer *destroy, const struct retention_entry *entry,
			 const struct rules_retention_facts *facts)
{
	const struct {
		bool is_stated;
		enum rules_start from;
		int64_t start, span;
	} rows[] = {
		{entry->destroy_by_seconds >= 0, RULES_FROM_INTAKE, facts->intake_unix,
		 entry->destroy_by_seconds},
		{entry->after_intake_seconds >= 0, RULES_FROM_INTAKE, facts->intake_unix,
		 entry->after_intake_seconds},
		{entry->after_last_open_seconds && facts->last_open_unix, RULES_FROM_LAST_OPEN,
		 facts->last_open_unix, entry->after_last_open_seconds},
		{entry->after_closed_seconds && facts->closed_unix, RULES_FROM_CLOSED,
		 facts->closed_unix, entry->after_closed_seconds},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (rows[i].is_stated)
			take_sooner(destroy,
				    answer_of(entry, rows[i].from, rows[i].start, rows[i].span));
}

/* Also of entries with `paths`: whether their files are among those to destroy is not known. */
static void take_kept(struct answer *kept, const struct retention_entry *entry,
		      const struct rules_retention_facts *facts)
{
	if (entry->keep_at_least_seconds < 0)
		return;
	struct answer answer = answer_of(entry, RULES_FROM_INTAKE, facts->intake_unix,
					 entry->keep_at_least_seconds);

	answer.is_kept = true;
	take_later(kept, answer);
}

/*
 * What the customer asked for, or somebody was permitted to do early. Without its section: at once.
 */
static void take_urgent(struct answer *urgent, const struct policy *policy,
			const struct rules_retention_facts *facts)
{
	const struct {
		enum rules_start from;
		int64_t start, span;
		const char *id;
	} rows[] = {
		{RULES_FROM_EARLY_SHRED, facts->early_shred_unix, 0, "builtin/early-shred"},
		{RULES_FROM_REQUEST, facts->requested_unix, policy->request_seconds,
		 "builtin/request"},
		{RULES_FROM_WITHDRAWAL, facts->consent_withdrawn_unix, policy->consent_seconds,
		 "builtin/consent-withdrawn"},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (rows[i].start)
			take_sooner(urgent, built_in(rows[i].id, rows[i].from, rows[i].start,
						     rows[i].span));
}

/*
 * Strongest first, and each only where those before it leave room: what must be kept is not
 * destroyed sooner; else what is urgent counts if it is sooner; nothing outlives the cap of an
 * entry, and nothing at all the built-in one.
 */
static struct answer decide(const struct dates *dates)
{
	struct answer answer = dates->cap;

	if (dates->destroy.id)
		take_sooner(&answer, dates->destroy);
	if (dates->urgent.id && dates->urgent.due <= answer.due)
		answer = dates->urgent;
	if (dates->kept.id && dates->kept.due > answer.due)
		answer = dates->kept;
	return answer.due > dates->cap.due ? dates->cap : answer;
}

/* ---- of the device, of a part of it -------------------------------------------------------- */

/* Its dates and windows are those of its files, which can be destroyed by themselves. */
static bool is_of_part(const struct retention_entry *entry,
		       const struct rules_retention_facts *facts)
{
	return facts->has_parts && entry->paths.count;
}

/* Whose dates and windows count: @part's; NULL: those of the device. */
static bool counts_for(const struct retention_entry *entry, const struct retention_entry *part,
		       const struct rules_retention_facts *facts)
{
	return part ? entry == part : speaks_of(entry, facts) && !is_of_part(entry, facts);
}

static void gather(const struct policy *policy, const struct rules_retention_facts *facts,
		   const struct retention_entry *part, struct dates *out)
{
	*out = (struct dates){.cap = built_in(LONGEST, RULES_FROM_INTAKE, facts->intake_unix,
					      RULES_LONGEST_DAYS * DAY_SECONDS)};
	for (size_t i = 0; i < policy->retention_count; i++) {
		const struct retention_entry *entry = &policy->retention[i];

		if (counts_for(entry, part, facts))
			take_destroy(&out->destroy, entry, facts);
		if (speaks_of(entry, facts))
			take_kept(&out->kept, entry, facts);
	}
	if (!part)
		take_urgent(&out->urgent, policy, facts);
}

/* Back to the latest moment in a window, but not before what is kept, nor before the clock ran. */
static void move_into_window(const struct policy *policy, const struct rules_retention_facts *facts,
			     const struct retention_entry *part, int64_t floor,
			     struct rules_due *due)
{
	int64_t moved = INT64_MIN;
	const char *window = NULL;

	for (size_t i = 0; i < policy->retention_count; i++) {
		const struct retention_entry *entry = &policy->retention[i];

		if (!entry->window_count || !counts_for(entry, part, facts))
			continue;
		int64_t last = last_in_windows(policy->zone, entry, due->unmoved_unix);

		if (window && (last < moved || (last == moved && strcmp(window, entry->id) < 0)))
			continue;
		moved = last;
		window = entry->id;
	}
	if (moved < floor || moved == due->unmoved_unix)
		return;
	due->due_unix = moved;
	due->window = window;
}

static int64_t kept_until(const struct dates *dates)
{
	return dates->kept.id ? BL_MIN(dates->kept.due, dates->cap.due) : INT64_MIN;
}

static int64_t notice_of(const struct answer *answer, int64_t due_unix)
{
	int64_t notice = answer->entry ? answer->entry->notice_seconds : 0;
	int64_t from;

	return __builtin_sub_overflow(due_unix, notice, &from) ? INT64_MIN : from;
}

static void finish(const struct policy *policy, const struct rules_retention_facts *facts,
		   const struct retention_entry *part, const struct dates *dates,
		   struct rules_due *out)
{
	struct answer answer = decide(dates);
	int64_t floor = BL_MAX(answer.start, kept_until(dates));

	*out = (struct rules_due){.due_unix = answer.due,
				  .entry = answer.id,
				  .start = answer.from,
				  .start_unix = answer.start,
				  .span_seconds = answer.span,
				  .unmoved_unix = answer.due,
				  .is_kept = answer.is_kept,
				  .is_capped = answer.id == LONGEST};
	move_into_window(policy, facts, part, floor, out);
	out->notice_unix = notice_of(&answer, out->due_unix);
}

void rules_due_told(const struct policy *policy, const struct rules_retention_facts *facts,
		    struct rules_due *out_due)
{
	struct dates dates;

	gather(policy, facts, NULL, &dates);
	finish(policy, facts, NULL, &dates, out_due);
}

int64_t rules_due(const struct policy *policy, const struct rules_retention_facts *facts,
		  const char **out_entry)
{
	struct rules_due due;

	rules_due_told(policy, facts, &due);
	*out_entry = due.entry;
	return due.due_unix;
}

bool rules_has_parts(const struct policy *policy)
{
	for (size_t i = 0; i < policy->retention_count; i++)
		if (policy->retention[i].paths.count)
			return true;
	return false;
}

size_t rules_retention_count(const struct policy *policy)
{
	return policy->retention_count;
}

bool rules_part_due(const struct policy *policy, const struct rules_retention_facts *facts,
		    size_t index, struct rules_part *out_part)
{
	const struct retention_entry *part = &policy->retention[index];
	struct dates dates;

	if (!is_of_part(part, facts) || !speaks_of(part, facts))
		return false;
	gather(policy, facts, part, &dates);
	if (!dates.destroy.id)
		return false;
	out_part->paths = part->paths.items;
	out_part->path_count = part->paths.count;
	finish(policy, facts, part, &dates, &out_part->due);
	return true;
}

int64_t rules_kept(const struct policy *policy, const struct rules_retention_facts *facts,
		   const char **out_entry)
{
	struct dates dates;

	gather(policy, facts, NULL, &dates);
	if (dates.kept.id)
		*out_entry = dates.kept.id;
	return kept_until(&dates);
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
	int64_t next = zone_unix(zone, local.day, until);

	/* where clocks go back over midnight the day's end has been seen before: look again soon */
	*out_next = next > at_unix ? next : later(at_unix - (at_unix % 900 + 900) % 900, 900);
	return start;
}
