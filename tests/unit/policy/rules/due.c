#include "desk.h"

static void dates_follow_the_strongest_entry(void **state)
{
	static const struct {
		const char *entries;
		const char *id;
		int kind;
		int64_t after_seconds;
		const char *entry;
	} rows[] = {
		{"  - {id: all, destroy_after: {intake: 30d}}\n", "X", DEVICE_PHONE, 30 * DESK_DAY,
		 "all"},
		{"  - {id: all, destroy_after: {intake: 30d}}\n"
		 "  - {id: ph, what: {devices: [phone]}, destroy_after: {intake: 14d}}\n",
		 "X", DEVICE_PHONE, 14 * DESK_DAY, "ph"},
		{"  - {id: all, destroy_after: {intake: 30d}}\n"
		 "  - {id: ph, what: {devices: [phone]}, destroy_after: {intake: 14d}}\n",
		 "X", DEVICE_DISK, 30 * DESK_DAY, "all"},
		/* not known to be no phone: sooner */
		{"  - {id: all, destroy_after: {intake: 30d}}\n"
		 "  - {id: ph, what: {devices: [phone]}, destroy_after: {intake: 14d}}\n",
		 "X", -1, 14 * DESK_DAY, "ph"},
		{"  - {id: all, destroy_after: {intake: 30d}, destroy_by: 20d}\n", "X", DEVICE_DISK,
		 20 * DESK_DAY, "all"},
		{"  - {id: all, destroy_after: {intake: 2d}, destroy_by: 5d}\n"
		 "  - {id: paid, what: {ids: ['RMA-*']}, keep_at_least: 10d}\n",
		 "RMA-1", DEVICE_DISK, 10 * DESK_DAY, "paid"},
		{"  - {id: all, destroy_after: {intake: 2d}}\n"
		 "  - {id: paid, what: {ids: ['RMA-*']}, keep_at_least: 10d}\n",
		 "CB-1", DEVICE_DISK, 2 * DESK_DAY, "all"},
		{"  - {id: all, destroy_after: {intake: 3y}}\n", "X", DEVICE_DISK, 180 * DESK_DAY,
		 "builtin/longest"},
		{"  - {id: ph, what: {devices: [phone]}, destroy_after: {intake: 14d}}\n", "X",
		 DEVICE_DISK, 180 * DESK_DAY, "builtin/longest"},
		/* due Friday 10:00: back to the end of Thursday's window */
		{"  - {id: all, destroy_after: {intake: 2d}, window: 'Mon-Sun 21:00-23:00'}\n", "X",
		 DEVICE_DISK, DESK_DAY + 13 * 3600 - 1, "all"},
		/* inside a window already */
		{"  - {id: all, destroy_after: {intake: 2d}, window: 'Fri 09:00-11:00'}\n", "X",
		 DEVICE_DISK, 2 * DESK_DAY, "all"},
		/* no window between intake and the date: the date stands */
		{"  - {id: all, destroy_after: {intake: 2d}, window: 'Sun 09:00-11:00'}\n", "X",
		 DEVICE_DISK, 2 * DESK_DAY, "all"},
		/* and none moves it before what must be kept */
		{"  - {id: all, destroy_after: {intake: 2d}, window: 'Mon-Sun 21:00-23:00'}\n"
		 "  - {id: kept, keep_at_least: 40h}\n",
		 "X", DEVICE_DISK, 2 * DESK_DAY, "all"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char text[sizeof(DESK_HEAD) + 512];

		snprintf(text, sizeof(text), "%sretention:\n%s", DESK_HEAD, rows[i].entries);
		BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(text);
		struct rules_retention_facts facts = {
			.device = {rows[i].id, rows[i].kind}, .state = -1, .intake_unix = DESK_NOW};
		const char *entry = NULL;
		int64_t due = rules_due(policy, &facts, &entry);

		if (due - DESK_NOW != rows[i].after_seconds || strcmp(entry, rows[i].entry) != 0)
			fail_msg("row %zu: %lld s by %s", i, (long long)(due - DESK_NOW), entry);
	}
}

static void kept_is_until_the_last_that_says_so(void **state)
{
	static const char ENTRIES[] =
		"retention:\n"
		"  - {id: short, keep_at_least: 2d, destroy_by: 3d}\n"
		"  - {id: files, what: {paths: ['/a/**'], devices: [disk]}, keep_at_least: 4d}\n"
		"  - {id: ever, what: {ids: ['RMA-*']}, keep_at_least: 3y}\n";
	static const struct {
		const char *id;
		int kind;
		int64_t days;
		const char *entry;
	} ROWS[] = {
		{"X", DEVICE_PHONE, 2, "short"},
		{"X", DEVICE_DISK, 4, "files"},
		{"RMA-1", DEVICE_DISK, 180, "ever"},
	};
	BL_CLEANUP(bl_free) char *text = NULL;

	(void)state;
	assert_true(asprintf(&text, "%s%s", DESK_HEAD, ENTRIES) > 0);
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(text);
	BL_CLEANUP(policy_unref)
	struct policy *other =
		desk_parse(DESK_HEAD "retention:\n  - {id: all, destroy_after: {intake: 30d}}\n");
	const char *entry = "none";

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const struct rules_retention_facts facts = {.device = {ROWS[i].id, ROWS[i].kind},
							    .state = -1,
							    .has_parts = true,
							    .intake_unix = DESK_NOW};
		int64_t until = rules_kept(policy, &facts, &entry) - DESK_NOW;

		if (until != ROWS[i].days * DESK_DAY || strcmp(entry, ROWS[i].entry) != 0)
			fail_msg("row %zu: %lld s by %s", i, (long long)until, entry);
		assert_true(rules_kept(other, &facts, &entry) == INT64_MIN);
	}
}

static void a_date_beyond_time_does_not_wrap(void **state)
{
	BL_CLEANUP(policy_unref)
	struct policy *policy =
		desk_parse(DESK_HEAD "retention:\n  - {id: all, destroy_after: {intake: 30d}}\n");
	struct rules_retention_facts facts = {
		.device = {"X", -1}, .state = -1, .intake_unix = INT64_MAX - 10};
	const char *entry;

	(void)state;
	assert_true(rules_due(policy, &facts, &entry) == INT64_MAX);
}

/* ---- who outranks whom --------------------------------------------------------------------- */

/*
 * What may speak of a date; no two agree on one. Facts: opened on day 10, closed on 12, asked and
 * withdrawn on 11.
 */
enum speaker { INTAKE, OPENED, CLOSED, BY, EARLY, REQUEST, CONSENT, SHORT, LONG, SPEAKERS };

static const struct {
	const char *entry; /* NULL: a fact, not an entry */
	int64_t day;	   /* from intake */
	const char *id;
} SPEAKER[SPEAKERS] = {
	[INTAKE] = {"  - {id: intake, destroy_after: {intake: 30d}}\n", 30, "intake"},
	[OPENED] = {"  - {id: opened, destroy_after: {last_open: 14d}}\n", 24, "opened"},
	[CLOSED] = {"  - {id: shut, destroy_after: {closed: 3d}}\n", 15, "shut"},
	[BY] = {"  - {id: cap, destroy_by: 20d}\n", 20, "cap"},
	[EARLY] = {NULL, 16, "builtin/early-shred"},
	[REQUEST] = {NULL, 11 + 3, "builtin/request"},
	[CONSENT] = {NULL, 11 + 1, "builtin/consent-withdrawn"},
	[SHORT] = {"  - {id: short, keep_at_least: 13d}\n", 13, "short"},
	[LONG] = {"  - {id: long, keep_at_least: 40d}\n", 40, "long"},
};

static bool speaks(unsigned who, enum speaker speaker)
{
	return who >> speaker & 1;
}

static void every_combination_keeps_its_order(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 1u << SPEAKERS; who++) {
		char text[sizeof(SCENE_HEAD) + 1024] = SCENE_HEAD
			"  - {id: one, permit: [list], who: everyone, why: Only for a test.}\n"
			"requests: {destroy_within: 72h}\n"
			"consent_withdrawn: {destroy_within: 24h}\nretention:\n"
			"  - {id: others, what: {ids: ['CB-*']}, destroy_by: 1d}\n";
		struct rules_retention_facts facts = {
			.device = {"X", DEVICE_PHONE},
			.state = -1,
			.intake_unix = DESK_NOW,
			.last_open_unix = DESK_NOW + 10 * DESK_DAY,
			.closed_unix = DESK_NOW + 12 * DESK_DAY,
			.early_shred_unix = speaks(who, EARLY) ? DESK_NOW + 16 * DESK_DAY : 0,
			.requested_unix = speaks(who, REQUEST) ? DESK_NOW + 11 * DESK_DAY : 0,
			.consent_withdrawn_unix =
				speaks(who, CONSENT) ? DESK_NOW + 11 * DESK_DAY : 0,
		};
		/* kept until the latest keep; else destroyed at the earliest of all others */
		unsigned wanted = SPEAKERS;
		int64_t day = RULES_LONGEST_DAYS;

		for (unsigned i = INTAKE; i < SPEAKERS; i++) {
			size_t used = strlen(text);

			if (!speaks(who, (enum speaker)i))
				continue;
			if (SPEAKER[i].entry)
				snprintf(text + used, sizeof(text) - used, "%s", SPEAKER[i].entry);
			if (i < SHORT ? SPEAKER[i].day < day : SPEAKER[i].day > day) {
				day = SPEAKER[i].day;
				wanted = i;
			}
		}
		const char *id = wanted < SPEAKERS ? SPEAKER[wanted].id : "builtin/longest";
		BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(text);
		const char *entry = NULL;
		int64_t due = rules_due(policy, &facts, &entry);

		if (due != DESK_NOW + day * DESK_DAY || strcmp(entry, id) != 0)
			fail_msg("%x: day %lld by %s, not %lld by %s", who,
				 (long long)((due - DESK_NOW) / DESK_DAY), entry, (long long)day,
				 id);
	}
}

static void starts_windows_and_ties(void **state)
{
	enum fact { NONE, OPEN_NEVER, CLOSED_NEVER, REQUESTED, WITHDRAWN, SHRED_NOW };
	static const struct {
		const char *sections;
		enum fact fact;
		int64_t seconds, notice_seconds; /* from intake */
		const char *entry;
	} rows[] = {
		/* a start that has not happened gives no date */
		{"  - {id: a, destroy_after: {intake: 30d, last_open: 1d}, notice: 2d}\n",
		 OPEN_NEVER, 30 * DESK_DAY, 28 * DESK_DAY, "a"},
		{"  - {id: a, destroy_after: {intake: 30d, last_open: 1d}}\n", NONE, 11 * DESK_DAY,
		 11 * DESK_DAY, "a"},
		{"  - {id: a, destroy_after: {intake: 30d, closed: 1d}}\n", CLOSED_NEVER,
		 30 * DESK_DAY, 30 * DESK_DAY, "a"},
		{"  - {id: a, destroy_after: {closed: 1d}}\n", CLOSED_NEVER, 180 * DESK_DAY,
		 180 * DESK_DAY, "builtin/longest"},
		/* of two that agree the first id, whatever their order */
		{"  - {id: b, destroy_by: 5d}\n  - {id: a, destroy_after: {intake: 5d}, notice: "
		 "1d}\n",
		 NONE, 5 * DESK_DAY, 4 * DESK_DAY, "a"},
		{"  - {id: a, keep_at_least: 9d}\n  - {id: b, keep_at_least: 9d, notice: 1d}\n"
		 "  - {id: c, destroy_by: 5d}\n",
		 NONE, 9 * DESK_DAY, 9 * DESK_DAY, "a"},
		{"  - {id: z, destroy_by: 180d}\n", NONE, 180 * DESK_DAY, 180 * DESK_DAY, "z"},
		/* the stronger of two that agree */
		{"  - {id: a, destroy_by: 11d}\n", REQUESTED, 11 * DESK_DAY, 11 * DESK_DAY,
		 "builtin/request"},
		/* without a section of its own: at once */
		{"  - {id: a, destroy_by: 90d}\n", WITHDRAWN, 11 * DESK_DAY, 11 * DESK_DAY,
		 "builtin/consent-withdrawn"},
		{"  - {id: a, destroy_by: 90d, notice: 5d}\n", SHRED_NOW, 11 * DESK_DAY,
		 11 * DESK_DAY, "builtin/early-shred"},
		{"  - {id: a, destroy_by: 90d}\nrequests: {destroy_within: 36h}\n", REQUESTED,
		 11 * DESK_DAY + 36 * 3600, 11 * DESK_DAY + 36 * 3600, "builtin/request"},
		/* a request never makes it later */
		{"  - {id: a, destroy_by: 12d}\nrequests: {destroy_within: 72h}\n", REQUESTED,
		 12 * DESK_DAY, 12 * DESK_DAY, "a"},
		/* nothing keeps longer than the longest: never for ever */
		{"  - {id: a, keep_at_least: 365d}\n", NONE, 180 * DESK_DAY, 180 * DESK_DAY,
		 "builtin/longest"},
		{"  - {id: a, keep_at_least: 365d}\n", SHRED_NOW, 180 * DESK_DAY, 180 * DESK_DAY,
		 "builtin/longest"},
		/* asked on a Sunday at ten: back to Saturday night would be before it was asked */
		{"  - {id: a, destroy_by: 90d, window: Sat 21:00-23:00}\n", REQUESTED,
		 11 * DESK_DAY, 11 * DESK_DAY, "builtin/request"},
		{"  - {id: a, destroy_by: 90d, window: Mon-Sun 21:00-23:00}\n"
		 "requests: {destroy_within: 24h}\n",
		 REQUESTED, 11 * DESK_DAY + 13 * 3600 - 1, 11 * DESK_DAY + 13 * 3600 - 1,
		 "builtin/request"},
		/* a part's own date counts for the whole where it cannot be destroyed alone */
		{"  - {id: a, what: {paths: ['/Users/**']}, destroy_after: {intake: 4d}}\n", NONE,
		 4 * DESK_DAY, 4 * DESK_DAY, "a"},
		/* by status; one that is not known counts as true, see below */
		{"  - {id: a, what: {status: [closed]}, destroy_after: {intake: 4d}}\n"
		 "  - {id: b, what: {status: [open]}, destroy_after: {intake: 5d}}\n",
		 NONE, 5 * DESK_DAY, 5 * DESK_DAY, "b"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char text[sizeof(DESK_HEAD) + 512];

		snprintf(text, sizeof(text), "%sretention:\n%s", DESK_HEAD, rows[i].sections);
		BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(text);
		enum fact fact = rows[i].fact;
		int64_t eleven = DESK_NOW + 11 * DESK_DAY;
		struct rules_retention_facts facts = {
			.device = {"X", DEVICE_DISK},
			.state = STATE_OPEN,
			.intake_unix = DESK_NOW,
			.last_open_unix = fact == OPEN_NEVER ? 0 : DESK_NOW + 10 * DESK_DAY,
			.closed_unix = fact == CLOSED_NEVER ? 0 : DESK_NOW + 12 * DESK_DAY,
			.requested_unix = fact == REQUESTED ? eleven : 0,
			.consent_withdrawn_unix = fact == WITHDRAWN ? eleven : 0,
			.early_shred_unix = fact == SHRED_NOW ? eleven : 0,
		};
		struct rules_due told;

		rules_due_told(policy, &facts, &told);

		const char *entry = told.entry;
		int64_t due = told.due_unix - DESK_NOW, notice = told.notice_unix - DESK_NOW;

		if (due != rows[i].seconds || notice != rows[i].notice_seconds ||
		    strcmp(entry, rows[i].entry) != 0)
			fail_msg("row %zu: %lld s, told from %lld s, by %s", i, (long long)due,
				 (long long)notice, entry);
	}
}

static void what_is_not_known_of_a_device_counts_as_true(void **state)
{
	static const struct {
		const char *what, *id;
		int kind, state;
		bool is_true;
	} rows[] = {
		{"{devices: [phone]}", "X", -1, -1, true},
		{"{devices: [phone]}", "X", DEVICE_DISK, -1, false},
		{"{ids: ['RMA-*']}", NULL, DEVICE_DISK, -1, true},
		{"{ids: ['RMA-*']}", "CB-1", DEVICE_DISK, -1, false},
		{"{status: [closed]}", "X", DEVICE_DISK, -1, true},
		{"{status: [closed]}", "X", DEVICE_DISK, STATE_OPEN, false},
		/* the first of a list is known as well as the others, and all of a list count */
		{"{devices: [laptop]}", "X", DEVICE_PHONE, -1, false},
		{"{devices: [laptop, phone]}", "X", DEVICE_PHONE, -1, true},
		{"{devices: [laptop, phone]}", "X", DEVICE_LAPTOP, -1, true},
		{"{status: [closed]}", "X", DEVICE_DISK, STATE_RECEIVED, false},
		{"{status: [closed, received]}", "X", DEVICE_DISK, STATE_RECEIVED, true},
		{"{ids: ['CB-*', 'RMA-*', 'X-?']}", "RMA-1", DEVICE_DISK, -1, true},
		{"{ids: ['CB-*', 'RMA-*', 'X-?']}", "X-1", DEVICE_DISK, -1, true},
		{"{ids: ['CB-*', 'RMA-*', 'X-?']}", "X-11", DEVICE_DISK, -1, false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char text[sizeof(DESK_HEAD) + 256];

		snprintf(text, sizeof(text),
			 "%sretention:\n  - {id: a, what: %s, destroy_by: 1d}\n", DESK_HEAD,
			 rows[i].what);
		BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(text);
		struct rules_retention_facts facts = {.device = {rows[i].id, rows[i].kind},
						      .state = rows[i].state,
						      .intake_unix = DESK_NOW};
		const char *entry = NULL;

		(void)rules_due(policy, &facts, &entry);
		if ((strcmp(entry, "a") == 0) != rows[i].is_true)
			fail_msg("row %zu: %s", i, entry);
	}
}

/* ---- clock hours and calendar days --------------------------------------------------------- */

static void hours_and_days_are_those_of_the_wall(void **state)
{
	/* 2026: clocks go forward on 29 March at 01:00 UTC, back on 25 October at 01:00 UTC */
#define MARCH	INT64_C(1774742400) /* 2026-03-29 00:00 UTC, and Dublin's midnight */
#define OCTOBER INT64_C(1792882800) /* 2026-10-25 00:00 in Dublin, 23:00 UTC the day before */
	static const struct {
		enum bl_period period;
		int64_t at, start, next;
	} rows[] = {
		{PERIOD_HOUR, DESK_NOW, DESK_NOW, DESK_NOW + 3600},
		{PERIOD_HOUR, DESK_NOW - 1, DESK_NOW - 3600, DESK_NOW},
		{PERIOD_DAY, DESK_NOW, DESK_NOW - 10 * 3600, DESK_NOW + 14 * 3600},
		/* a day of 23 hours, whose second is not there */
		{PERIOD_DAY, MARCH, MARCH, MARCH + 23 * 3600},
		{PERIOD_DAY, MARCH + 23 * 3600 - 1, MARCH, MARCH + 23 * 3600},
		{PERIOD_HOUR, MARCH + 3599, MARCH, MARCH + 3600},
		{PERIOD_HOUR, MARCH + 3600, MARCH + 3600, MARCH + 7200},
		/* a day of 25; the hour that the wall shows twice is one */
		{PERIOD_DAY, OCTOBER + 24 * 3600, OCTOBER, OCTOBER + 25 * 3600},
		{PERIOD_HOUR, OCTOBER + 3600, OCTOBER + 3600, OCTOBER + 3 * 3600},
		{PERIOD_HOUR, OCTOBER + 2 * 3600 + 60, OCTOBER + 3600, OCTOBER + 3 * 3600},
		{PERIOD_HOUR, OCTOBER + 3 * 3600, OCTOBER + 3 * 3600, OCTOBER + 4 * 3600},
	};
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(DESK_HEAD);

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		int64_t next, start = rules_period_start(policy, rows[i].period, rows[i].at, &next);

		if (start != rows[i].start || next != rows[i].next)
			fail_msg("row %zu: %lld to %lld s", i, (long long)(start - rows[i].at),
				 (long long)(next - rows[i].at));
	}
#undef MARCH
#undef OCTOBER
}

/* Clocks went back from a minute past midnight: the next day began before this one was over. */
static void a_day_whose_end_was_seen_before_is_looked_at_again_in_a_quarter(void **state)
{
#define NOVEMBER_7 INT64_C(1289097000) /* 2010-11-07 02:30 UTC, midnight for a minute */
	static const struct {
		int64_t at, next;
	} rows[] = {
		{NOVEMBER_7 - 1, NOVEMBER_7},	       {NOVEMBER_7 + 60, NOVEMBER_7 + 900},
		{NOVEMBER_7 + 899, NOVEMBER_7 + 900},  {NOVEMBER_7 + 900, NOVEMBER_7 + 1800},
		{NOVEMBER_7 + 961, NOVEMBER_7 + 1800},
	};
	char text[sizeof(DESK_HEAD) + 64];

	(void)state;
	snprintf(text, sizeof(text),
		 "bailee: 1\nname: Desk\nserial: 1\ntimezone: America/St_Johns\n%s",
		 strstr(DESK_HEAD, "uses:"));
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(text);

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		int64_t next;

		(void)rules_period_start(policy, PERIOD_DAY, rows[i].at, &next);
		if (next != rows[i].next)
			fail_msg("row %zu: %lld s on", i, (long long)(next - rows[i].at));
	}
#undef NOVEMBER_7
}

static void a_period_holds_its_moment_in_every_zone(void **state)
{
	/* half hours, clocks that change by half an hour, at midnight, and back over it */
	static const struct {
		const char *zone;
		int64_t from, until;
	} rows[] = {
		{"Asia/Kolkata", 1767225600, 1767225600 + 3 * DESK_DAY},
		{"Australia/Lord_Howe", 1767225600, 1798761600},
		{"Africa/Cairo", 1767225600, 1798761600},
		{"America/Havana", 1767225600, 1798761600},
		{"America/St_Johns", 1289000000, 1289000000 + 3 * DESK_DAY},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char text[sizeof(DESK_HEAD) + 64];

		snprintf(text, sizeof(text), "bailee: 1\nname: Desk\nserial: 1\ntimezone: %s\n%s",
			 rows[i].zone, strstr(DESK_HEAD, "uses:"));
		BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(text);

		/* 13 minutes less a second: no moment is special */
		for (int64_t at = rows[i].from; at < rows[i].until; at += 779)
			for (int period = 0; period < PERIOD_COUNT; period++) {
				int64_t next, again;
				int64_t start = rules_period_start(policy, (enum bl_period)period,
								   at, &next);

				if (start > at || next <= at ||
				    rules_period_start(policy, (enum bl_period)period, start,
						       &again) != start)
					fail_msg("%s at %lld: from %lld to %lld", rows[i].zone,
						 (long long)at, (long long)start, (long long)next);
			}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_follow_the_strongest_entry),
		cmocka_unit_test(kept_is_until_the_last_that_says_so),
		cmocka_unit_test(a_date_beyond_time_does_not_wrap),
		cmocka_unit_test(every_combination_keeps_its_order),
		cmocka_unit_test(starts_windows_and_ties),
		cmocka_unit_test(what_is_not_known_of_a_device_counts_as_true),
		cmocka_unit_test(hours_and_days_are_those_of_the_wall),
		cmocka_unit_test(a_day_whose_end_was_seen_before_is_looked_at_again_in_a_quarter),
		cmocka_unit_test(a_period_holds_its_moment_in_every_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
