/* Meaning 11 sentence by sentence, with exact dates; and windows where clocks change. */
#include <stdio.h>
#include <time.h>

#include "desk.h"

/* ---- moments as people write them ---------------------------------------------------------- */

/* "2026-07-01 09:00:00" in UTC; NULL: 0, it has not happened. */
static int64_t utc(const char *text)
{
	struct tm tm = {0};

	if (!text)
		return 0;
	const char *end = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);

	if (!end || *end)
		fail_msg("'%s' is no moment", text);
	return timegm(&tm);
}

static void say_utc(int64_t at_unix, char out[32])
{
	time_t at = at_unix;
	struct tm tm;

	if (!gmtime_r(&at, &tm) || !strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(out, 32, "%lld", (long long)at_unix);
}

static struct policy *parse(const char *zone, const char *sections)
{
	char text[sizeof(DESK_HEAD) + 1024];

	snprintf(text, sizeof(text), "bailee: 1\nname: Desk\nserial: 1\ntimezone: %s\n%s%s", zone,
		 strstr(DESK_HEAD, "uses:"), sections);
	return desk_parse(text);
}

/* ---- sentence by sentence ------------------------------------------------------------------ */

/* A device's life, in UTC. Intake on 1 July, ten o'clock in Dublin, unless stated. */
struct life {
	const char *intake, *opened, *closed, *withdrawn, *requested, *early;
	int state; /* 0: closed */
	bool has_parts;
};

struct sentence {
	const char *says, *sections;
	struct life life;
	const char *due, *entry, *start, *unmoved, *window; /* unmoved, window: NULL, not moved */
	bool is_kept, is_capped;
};

#define AFTER_30 "retention:\n  - {id: all, destroy_after: {intake: 30d}}\n"
#define PART	 "  - {id: part, what: {paths: ['/Users/**']}, destroy_after: {intake: 5d}}\n"
#define JULY_31	 "2026-07-31 09:00:00"
#define NIGHTLY	 "window: 'Mon-Sun 21:00-23:00'"

static const struct sentence SENTENCES[] = {
	{.says = "the earliest destroy_after",
	 .sections = "retention:\n  - {id: all, destroy_after: {intake: 30d, last_open: 14d, "
		     "closed: 3d}}\n",
	 .life = {.opened = "2026-07-10 12:00:00", .closed = "2026-07-12 15:30:01"},
	 .due = "2026-07-15 15:30:01",
	 .entry = "all",
	 .start = "closing"},
	{.says = "of several entries too",
	 .sections = AFTER_30 "  - {id: soon, destroy_after: {last_open: 14d}}\n",
	 .life = {.opened = "2026-07-10 12:00:00"},
	 .due = "2026-07-24 12:00:00",
	 .entry = "soon",
	 .start = "last look"},
	{.says = "a start that has not happened gives no date",
	 .sections = "retention:\n  - {id: all, destroy_after: {intake: 30d, last_open: 1d, "
		     "closed: 1d}}\n",
	 .due = JULY_31,
	 .entry = "all",
	 .start = "intake"},
	{.says = "and no other date is the cap",
	 .sections = "retention:\n  - {id: all, destroy_after: {closed: 1d}}\n",
	 .due = "2026-12-28 09:00:00",
	 .entry = "builtin/longest",
	 .start = "intake",
	 .is_capped = true},
	{.says = "without any entry the cap holds",
	 .sections = "",
	 .due = "2026-12-28 09:00:00",
	 .entry = "builtin/longest",
	 .start = "intake",
	 .is_capped = true},
	{.says = "180 days cap what is later",
	 .sections = "retention:\n  - {id: all, destroy_by: 181d}\n",
	 .due = "2026-12-28 09:00:00",
	 .entry = "builtin/longest",
	 .start = "intake",
	 .is_capped = true},
	{.says = "of 180 days the entry is named, not what is built in",
	 .sections = "retention:\n  - {id: z, destroy_by: 180d}\n",
	 .due = "2026-12-28 09:00:00",
	 .entry = "z",
	 .start = "intake"},
	{.says = "destroy_by caps destroy_after",
	 .sections = "retention:\n  - {id: all, destroy_after: {last_open: 60d}, destroy_by: "
		     "40d}\n",
	 .life = {.opened = "2026-07-02 09:00:00"},
	 .due = "2026-08-10 09:00:00",
	 .entry = "all",
	 .start = "intake"},
	{.says = "a request comes before destroy_by and destroy_after",
	 .sections = AFTER_30 "requests: {destroy_within: 72h}\n",
	 .life = {.requested = "2026-07-04 10:00:00"},
	 .due = "2026-07-07 10:00:00",
	 .entry = "builtin/request",
	 .start = "request"},
	{.says = "without its section a request counts at once",
	 .sections = AFTER_30,
	 .life = {.requested = "2026-07-04 10:00:00"},
	 .due = "2026-07-04 10:00:00",
	 .entry = "builtin/request",
	 .start = "request"},
	{.says = "a request never makes it later",
	 .sections = AFTER_30 "requests: {destroy_within: 72h}\n",
	 .life = {.requested = "2026-07-30 10:00:00"},
	 .due = JULY_31,
	 .entry = "all",
	 .start = "intake"},
	{.says = "of a request and an entry on one moment the stronger is named",
	 .sections = AFTER_30 "requests: {destroy_within: 72h}\n",
	 .life = {.requested = "2026-07-28 09:00:00"},
	 .due = JULY_31,
	 .entry = "builtin/request",
	 .start = "request"},
	{.says = "consent that was withdrawn",
	 .sections = AFTER_30 "consent_withdrawn: {destroy_within: 24h}\n",
	 .life = {.withdrawn = "2026-07-04 10:00:00"},
	 .due = "2026-07-05 10:00:00",
	 .entry = "builtin/consent-withdrawn",
	 .start = "withdrawal of consent"},
	{.says = "an early shred counts from when it was permitted",
	 .sections = AFTER_30,
	 .life = {.early = "2026-07-04 10:00:00"},
	 .due = "2026-07-04 10:00:00",
	 .entry = "builtin/early-shred",
	 .start = "early shred"},
	{.says = "keep_at_least outranks destroy_after",
	 .sections = AFTER_30 "  - {id: law, keep_at_least: 40d}\n",
	 .due = "2026-08-10 09:00:00",
	 .entry = "law",
	 .start = "intake",
	 .is_kept = true},
	{.says = "and destroy_by of another entry",
	 .sections = "retention:\n  - {id: all, destroy_by: 30d}\n"
		     "  - {id: law, keep_at_least: 40d}\n",
	 .due = "2026-08-10 09:00:00",
	 .entry = "law",
	 .start = "intake",
	 .is_kept = true},
	{.says = "and a request, a withdrawal and an early shred",
	 .sections = AFTER_30 "  - {id: law, keep_at_least: 40d}\n",
	 .life = {.requested = "2026-07-04 10:00:00",
		  .withdrawn = "2026-07-04 10:00:00",
		  .early = "2026-07-04 10:00:00"},
	 .due = "2026-08-10 09:00:00",
	 .entry = "law",
	 .start = "intake",
	 .is_kept = true},
	{.says = "the longest of several",
	 .sections = AFTER_30 "  - {id: a, keep_at_least: 35d}\n  - {id: law, keep_at_least: "
			      "40d}\n",
	 .due = "2026-08-10 09:00:00",
	 .entry = "law",
	 .start = "intake",
	 .is_kept = true},
	{.says = "whatever their order",
	 .sections = AFTER_30 "  - {id: law, keep_at_least: 40d}\n  - {id: a, keep_at_least: "
			      "35d}\n",
	 .due = "2026-08-10 09:00:00",
	 .entry = "law",
	 .start = "intake",
	 .is_kept = true},
	{.says = "of two that keep it as long the first by name",
	 .sections = AFTER_30 "  - {id: law, keep_at_least: 40d}\n  - {id: a, keep_at_least: "
			      "40d}\n",
	 .due = "2026-08-10 09:00:00",
	 .entry = "a",
	 .start = "intake",
	 .is_kept = true},
	{.says = "what is kept no longer than it stays anyway changes nothing",
	 .sections = AFTER_30 "  - {id: law, keep_at_least: 30d}\n",
	 .due = JULY_31,
	 .entry = "all",
	 .start = "intake"},
	{.says = "nothing is kept for ever",
	 .sections = AFTER_30 "  - {id: law, keep_at_least: 10y}\n",
	 .life = {.requested = "2026-07-04 10:00:00"},
	 .due = "2026-12-28 09:00:00",
	 .entry = "builtin/longest",
	 .start = "intake",
	 .is_capped = true},
	{.says = "of two entries on one moment the first by name, not by place",
	 .sections = "retention:\n  - {id: b, destroy_by: 5d}\n  - {id: a, destroy_after: {intake: "
		     "5d}}\n",
	 .due = "2026-07-06 09:00:00",
	 .entry = "a",
	 .start = "intake"},
	{.says = "an entry about another status says nothing",
	 .sections = AFTER_30 "  - {id: open, what: {status: [open]}, destroy_by: 5d}\n",
	 .due = JULY_31,
	 .entry = "all",
	 .start = "intake"},
	{.says = "where the status is not known it does",
	 .sections = AFTER_30 "  - {id: open, what: {status: [open]}, destroy_by: 5d}\n",
	 .life = {.state = -1},
	 .due = "2026-07-06 09:00:00",
	 .entry = "open",
	 .start = "intake"},
	{.says = "keep_at_least too counts where the status is not known",
	 .sections = AFTER_30 "  - {id: open, what: {status: [open]}, keep_at_least: 40d}\n",
	 .life = {.state = -1},
	 .due = "2026-08-10 09:00:00",
	 .entry = "open",
	 .start = "intake",
	 .is_kept = true},

	/* windows: due on Friday 31 July at 10:00 in Dublin */
	{.says = "back to the end of the last window",
	 .sections = AFTER_30 "  - {id: night, keep_at_least: 1d, " NIGHTLY "}\n",
	 .due = "2026-07-30 21:59:59",
	 .unmoved = JULY_31,
	 .entry = "all",
	 .start = "intake",
	 .window = "night"},
	{.says = "a week back for a window of one day",
	 .sections = AFTER_30 "  - {id: night, keep_at_least: 1d, window: 'Fri 10:01-11:00'}\n",
	 .due = "2026-07-24 09:59:59",
	 .unmoved = JULY_31,
	 .entry = "all",
	 .start = "intake",
	 .window = "night"},
	{.says = "inside a window nothing moves",
	 .sections = AFTER_30 "  - {id: now, keep_at_least: 1d, window: 'Fri 10:00-10:01'}\n",
	 .due = JULY_31,
	 .entry = "all",
	 .start = "intake"},
	{.says = "of two windows the later, whoever decided the date",
	 .sections = "retention:\n  - {id: all, destroy_by: 30d, window: 'Wed 10:00-12:00'}\n"
		     "  - {id: other, keep_at_least: 1d, window: 'Thu 10:00-12:00'}\n",
	 .due = "2026-07-30 10:59:59",
	 .unmoved = JULY_31,
	 .entry = "all",
	 .start = "intake",
	 .window = "other"},
	{.says = "of the windows of one entry the latest, wherever it stands",
	 .sections = AFTER_30 "  - {id: w, keep_at_least: 1d, window: [Wed 10:00-12:00, Thu "
			      "10:00-12:00, Thu 08:00-09:00]}\n",
	 .due = "2026-07-30 10:59:59",
	 .unmoved = JULY_31,
	 .entry = "all",
	 .start = "intake",
	 .window = "w"},
	{.says = "none of an entry about other devices",
	 .sections = AFTER_30 "  - {id: cb, what: {ids: ['CB-*']}, destroy_by: 30d, " NIGHTLY "}\n",
	 .due = JULY_31,
	 .entry = "all",
	 .start = "intake"},
	{.says = "no window before the clock began to run",
	 .sections = AFTER_30 "  - {id: night, keep_at_least: 1d, " NIGHTLY "}\n"
			      "requests: {destroy_within: 10h}\n",
	 .life = {.requested = "2026-07-10 23:00:00"},
	 .due = "2026-07-11 09:00:00",
	 .entry = "builtin/request",
	 .start = "request"},
	{.says = "a window that begins with the clock is one",
	 .sections = AFTER_30 "  - {id: night, keep_at_least: 1d, " NIGHTLY "}\n"
			      "requests: {destroy_within: 10h}\n",
	 .life = {.requested = "2026-07-10 21:59:59"},
	 .due = "2026-07-10 21:59:59",
	 .unmoved = "2026-07-11 07:59:59",
	 .entry = "builtin/request",
	 .start = "request",
	 .window = "night"},
	{.says = "no window before what is kept",
	 .sections = AFTER_30 "  - {id: law, keep_at_least: 719h, " NIGHTLY "}\n",
	 .due = JULY_31,
	 .entry = "all",
	 .start = "intake"},
	{.says = "the cap too is moved",
	 .sections = "retention:\n  - {id: all, keep_at_least: 1d, " NIGHTLY "}\n",
	 .due = "2026-12-27 22:59:59",
	 .unmoved = "2026-12-28 09:00:00",
	 .entry = "builtin/longest",
	 .start = "intake",
	 .window = "all",
	 .is_capped = true},

	/* parts */
	{.says = "an entry with paths is about its files, where they can be destroyed alone",
	 .sections = AFTER_30 PART,
	 .life = {.has_parts = true},
	 .due = JULY_31,
	 .entry = "all",
	 .start = "intake"},
	{.says = "else about the whole device",
	 .sections = AFTER_30 PART,
	 .due = "2026-07-06 09:00:00",
	 .entry = "part",
	 .start = "intake"},
	{.says = "its keep_at_least keeps the device in any case",
	 .sections = AFTER_30 "  - {id: part, what: {paths: ['/Users/**']}, keep_at_least: 40d}\n",
	 .life = {.has_parts = true},
	 .due = "2026-08-10 09:00:00",
	 .entry = "part",
	 .start = "intake",
	 .is_kept = true},
	{.says = "its window moves only itself",
	 .sections = AFTER_30
	 "  - {id: part, what: {paths: ['/Users/**']}, destroy_by: 5d, " NIGHTLY "}\n",
	 .life = {.has_parts = true},
	 .due = JULY_31,
	 .entry = "all",
	 .start = "intake"},

	/* calendars: a day is 24 hours, whatever the clocks do */
	{.says = "over the night the clocks go forward",
	 .sections = "retention:\n  - {id: all, destroy_after: {intake: 1d}}\n",
	 .life = {.intake = "2026-03-28 12:00:00"},
	 .due = "2026-03-29 12:00:00",
	 .entry = "all",
	 .start = "intake"},
	{.says = "29 February is there in 2028",
	 .sections = "retention:\n  - {id: all, destroy_after: {intake: 1d}}\n",
	 .life = {.intake = "2028-02-28 12:00:00"},
	 .due = "2028-02-29 12:00:00",
	 .entry = "all",
	 .start = "intake"},
	{.says = "and not in 2100",
	 .sections = "retention:\n  - {id: all, destroy_after: {intake: 1d}, window: 'Mon "
		     "00:00-01:00'}\n",
	 .life = {.intake = "2100-02-28 12:00:00"},
	 .due = "2100-03-01 00:59:59",
	 .unmoved = "2100-03-01 12:00:00",
	 .entry = "all",
	 .start = "intake",
	 .window = "all"},
	{.says = "a year of a span is 365 days, also a leap year",
	 .sections = "retention:\n  - {id: all, destroy_after: {last_open: 1y}}\n",
	 .life = {.intake = "2028-12-01 00:00:00", .opened = "2027-12-31 00:00:00"},
	 .due = "2028-12-30 00:00:00",
	 .entry = "all",
	 .start = "last look"},
	{.says = "the year 9999 ends, and time goes on",
	 .sections = "retention:\n  - {id: all, destroy_after: {intake: 2d}, " NIGHTLY "}\n",
	 .life = {.intake = "9999-12-30 12:00:00"},
	 .due = "9999-12-31 22:59:59",
	 .unmoved = "10000-01-01 12:00:00",
	 .entry = "all",
	 .start = "intake",
	 .window = "all"},
	{.says = "what came in before 1970 is not what has not come in",
	 .sections = "retention:\n  - {id: all, destroy_after: {intake: 2d, closed: 1d}, " NIGHTLY
		     "}\n",
	 .life = {.intake = "1969-12-20 12:00:00", .closed = "1969-12-20 18:00:00"},
	 .due = "1969-12-20 21:59:59",
	 .unmoved = "1969-12-21 18:00:00",
	 .entry = "all",
	 .start = "closing",
	 .window = "all"},
	{.says = "a closing before the intake counts as it stands",
	 .sections = "retention:\n  - {id: all, destroy_after: {intake: 2d, closed: 1d}}\n",
	 .life = {.closed = "2026-06-01 12:00:00"},
	 .due = "2026-06-02 12:00:00",
	 .entry = "all",
	 .start = "closing"},
};

static struct rules_retention_facts facts_of(const struct life *life)
{
	return (struct rules_retention_facts){
		.device = {"RMA-1", DEVICE_LAPTOP},
		.state = life->state ? life->state : STATE_CLOSED,
		.has_parts = life->has_parts,
		.intake_unix = life->intake ? utc(life->intake) : DESK_NOW,
		.last_open_unix = utc(life->opened),
		.closed_unix = utc(life->closed),
		.consent_withdrawn_unix = utc(life->withdrawn),
		.requested_unix = utc(life->requested),
		.early_shred_unix = utc(life->early),
	};
}

static bool is_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Dates are compared as they are written: a row that cannot be read fails. */
static bool is_told(const struct rules_due *due, const struct sentence *row)
{
	char at[32], unmoved[32];

	say_utc(due->due_unix, at);
	say_utc(due->unmoved_unix, unmoved);
	return is_text(at, row->due) && is_text(due->entry, row->entry) &&
	       is_text(unmoved, row->unmoved ? row->unmoved : row->due) &&
	       is_text(due->window, row->window) &&
	       is_text(rules_start_name(due->start), row->start) && due->is_kept == row->is_kept &&
	       due->is_capped == row->is_capped &&
	       due->start_unix + due->span_seconds == due->unmoved_unix;
}

static void fail_row(const char *says, const struct rules_due *due)
{
	char at[32], unmoved[32], start[32];

	say_utc(due->due_unix, at);
	say_utc(due->unmoved_unix, unmoved);
	say_utc(due->start_unix, start);
	fail_msg("%s: %s by %s, unmoved %s, window %s, from %s at %s and %lld s, kept %d, capped "
		 "%d",
		 says, at, due->entry, unmoved, due->window ? due->window : "none",
		 rules_start_name(due->start), start, (long long)due->span_seconds, due->is_kept,
		 due->is_capped);
}

static void every_sentence_of_meaning_11_holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < BL_COUNT(SENTENCES); i++) {
		const struct sentence *row = &SENTENCES[i];
		BL_CLEANUP(policy_unref)
		struct policy *policy = parse("Europe/Dublin", row->sections);
		struct rules_retention_facts facts = facts_of(&row->life);
		struct rules_due due;
		const char *entry;

		rules_due_told(policy, &facts, &due);
		if (!is_told(&due, row) || rules_due(policy, &facts, &entry) != due.due_unix ||
		    strcmp(entry, due.entry) != 0)
			fail_row(row->says, &due);
	}
}

/* ---- parts --------------------------------------------------------------------------------- */

/* Of the entry `part`, the last of each. */
static const struct {
	bool is_there;
	struct sentence told;
} PARTS[] = {
	{true,
	 {.says = "its own date",
	  .sections = AFTER_30 PART,
	  .due = "2026-07-06 09:00:00",
	  .entry = "part",
	  .start = "intake"}},
	{true,
	 {.says = "the earliest of its own",
	  .sections = AFTER_30
	  "  - {id: part, what: {paths: ['/Users/**']}, destroy_after: {last_open: 2d, closed: "
	  "1d}, destroy_by: 20d}\n",
	  .life = {.opened = "2026-07-10 09:00:00", .closed = "2026-07-12 09:00:00"},
	  .due = "2026-07-12 09:00:00",
	  .entry = "part",
	  .start = "last look"}},
	{true,
	 {.says = "that of no other entry",
	  .sections = "retention:\n  - {id: all, destroy_by: 2d}\n" PART,
	  .due = "2026-07-06 09:00:00",
	  .entry = "part",
	  .start = "intake"}},
	{true,
	 {.says = "urgent dates are the device's",
	  .sections = AFTER_30 PART,
	  .life = {.withdrawn = "2026-07-02 09:00:00",
		   .requested = "2026-07-02 09:00:00",
		   .early = "2026-07-02 09:00:00"},
	  .due = "2026-07-06 09:00:00",
	  .entry = "part",
	  .start = "intake"}},
	{true,
	 {.says = "whatever is kept keeps every part",
	  .sections = AFTER_30 "  - {id: law, keep_at_least: 10d}\n" PART,
	  .due = "2026-07-11 09:00:00",
	  .entry = "law",
	  .start = "intake",
	  .is_kept = true}},
	{true,
	 {.says = "also by another part's entry",
	  .sections = AFTER_30 "  - {id: law, what: {paths: ['/**']}, keep_at_least: 10d}\n" PART,
	  .due = "2026-07-11 09:00:00",
	  .entry = "law",
	  .start = "intake",
	  .is_kept = true}},
	{true,
	 {.says = "no longer than the longest",
	  .sections = AFTER_30 "  - {id: law, keep_at_least: 1y}\n" PART,
	  .due = "2026-12-28 09:00:00",
	  .entry = "builtin/longest",
	  .start = "intake",
	  .is_capped = true}},
	{true,
	 {.says = "its own window moves it",
	  .sections = AFTER_30 "  - {id: part, what: {paths: ['/Users/**']}, destroy_by: "
			       "5d, " NIGHTLY "}\n",
	  .due = "2026-07-05 21:59:59",
	  .unmoved = "2026-07-06 09:00:00",
	  .entry = "part",
	  .start = "intake",
	  .window = "part"}},
	{true,
	 {.says = "no other one",
	  .sections = AFTER_30 "  - {id: night, keep_at_least: 1d, " NIGHTLY "}\n" PART,
	  .due = "2026-07-06 09:00:00",
	  .entry = "part",
	  .start = "intake"}},
	{false,
	 {.says = "a start that has not happened gives no date",
	  .sections = AFTER_30
	  "  - {id: part, what: {paths: ['/Users/**']}, destroy_after: {closed: 1d}}\n"}},
	{false,
	 {.says = "what is only kept is no part",
	  .sections =
		  AFTER_30 "  - {id: part, what: {paths: ['/Users/**']}, keep_at_least: 1d}\n"}},
	{false, {.says = "without paths no part", .sections = AFTER_30}},
	{false,
	 {.says = "none of an entry about other devices",
	  .sections = AFTER_30
	  "  - {id: part, what: {ids: ['CB-*'], paths: ['/Users/**']}, destroy_by: 5d}\n"}},
	{false,
	 {.says = "none in another status",
	  .sections = AFTER_30
	  "  - {id: part, what: {status: [open], paths: ['/Users/**']}, destroy_by: 5d}\n"}},
};

static void a_part_has_its_own_date(void **state)
{
	(void)state;
	for (size_t i = 0; i < BL_COUNT(PARTS); i++) {
		const struct sentence *row = &PARTS[i].told;
		BL_CLEANUP(policy_unref)
		struct policy *policy = parse("Europe/Dublin", row->sections);
		struct rules_retention_facts facts = facts_of(&row->life);
		size_t last = rules_retention_count(policy) - 1;
		struct rules_part part = {0};

		facts.has_parts = true;
		if (rules_part_due(policy, &facts, last, &part) != PARTS[i].is_there)
			fail_msg("%s: %s", row->says,
				 PARTS[i].is_there ? "no part" : "there is one");
		if (PARTS[i].is_there && !is_told(&part.due, row))
			fail_row(row->says, &part.due);
		if (PARTS[i].is_there &&
		    (part.path_count != 1 || strcasecmp(part.paths[0], "/Users/**") != 0))
			fail_msg("%s: not its paths", row->says);
		facts.has_parts = false;
		if (rules_part_due(policy, &facts, last, &part))
			fail_msg("%s: a part of a device that has none", row->says);
	}
}

/* ---- windows where clocks change ----------------------------------------------------------- */

/* Dublin 2026: an hour forward on 29 March at 01:00 UTC, back on 25 October at 01:00 UTC. */
#define FORWARD "2026-03-29 01:00:00"
#define BACK	"2026-10-25 01:00:00"

static void windows_over_changes_of_the_clocks(void **state)
{
	static const struct {
		const char *window, *due, *moved; /* due: ten days from intake; NULL: not moved */
		const char *zone;		  /* NULL: Dublin */
	} rows[] = {
		/* the hour that is not there is no window: a week back */
		{"Sun 01:15-01:45", "2026-03-29 12:00:00", "2026-03-22 01:44:59", NULL},
		{"Sun 01:00-02:00", "2026-03-29 12:00:00", "2026-03-22 01:59:59", NULL},
		/* one that begins in it begins after it; one that ends in it ends before it */
		{"Sun 01:30-02:30", "2026-03-29 12:00:00", "2026-03-29 01:29:59", NULL},
		{"Sun 01:30-02:30", "2026-03-29 01:00:00", "2026-03-29 01:00:00", NULL},
		{"Sun 00:30-01:30", "2026-03-29 12:00:00", "2026-03-29 00:59:59", NULL},
		/* a day of 23 hours, and one of 25 */
		{"Sun 00:00-24:00", "2026-03-30 12:00:00", "2026-03-29 22:59:59", NULL},
		{"Sun 00:00-24:00", "2026-10-26 12:00:00", "2026-10-25 23:59:59", NULL},
		/* the hour that is there twice: a window runs to when the wall first shows its end */
		{"Sun 01:15-01:45", "2026-10-25 12:00:00", "2026-10-25 00:44:59", NULL},
		{"Sun 01:15-01:45", "2026-10-25 01:30:00", "2026-10-25 00:44:59", NULL},
		{"Sun 00:30-01:30", "2026-10-25 12:00:00", "2026-10-25 00:29:59", NULL},
		{"Sun 01:30-02:30", "2026-10-25 01:10:00", "2026-10-25 01:10:00", NULL},
		{"Sun 01:30-02:30", "2026-10-25 12:00:00", "2026-10-25 02:29:59", NULL},
		/* the last minute of a day, and all but that */
		{"Sun 10:00-23:59", "2026-07-06 12:00:00", "2026-07-05 22:58:59", NULL},
		{"Sun 10:00-24:00", "2026-07-06 12:00:00", "2026-07-05 22:59:59", NULL},
		/* the evenings before and after */
		{"Mon-Sun 21:00-23:00", "2026-03-29 12:00:00", "2026-03-28 22:59:59", NULL},
		{"Mon-Sun 21:00-23:00", "2026-03-30 12:00:00", "2026-03-29 21:59:59", NULL},
		{"Mon-Sun 21:00-23:00", "2026-10-25 12:00:00", "2026-10-24 21:59:59", NULL},
		{"Mon-Sun 21:00-23:00", "2026-10-26 12:00:00", "2026-10-25 22:59:59", NULL},
		/* where the clocks went back over midnight the next day has begun already */
		{"Sun 00:00-01:00", "2010-11-07 02:45:00", NULL, "America/St_Johns"},
		{"Sun 00:00-01:00", "2010-11-07 02:29:59", "2010-10-31 03:29:59",
		 "America/St_Johns"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char sections[128];

		snprintf(sections, sizeof(sections),
			 "retention:\n  - {id: all, destroy_after: {intake: 10d}, window: '%s'}\n",
			 rows[i].window);
		BL_CLEANUP(policy_unref)
		struct policy *policy =
			parse(rows[i].zone ? rows[i].zone : "Europe/Dublin", sections);
		struct rules_retention_facts facts = {.device = {"X", -1},
						      .state = -1,
						      .intake_unix =
							      utc(rows[i].due) - 10 * DESK_DAY};
		struct rules_due due;
		const char *moved = rows[i].moved ? rows[i].moved : rows[i].due;

		rules_due_told(policy, &facts, &due);
		if (due.due_unix != utc(moved) ||
		    (due.window != NULL) != (strcmp(moved, rows[i].due) != 0))
			fail_row(rows[i].window, &due);
	}
}

/* Written for Dublin in 2026, from its two changes: when does the wall first show a minute of a day? */
static int64_t dublin(int64_t midnight_utc, int64_t minute)
{
	int64_t forward = utc(FORWARD), back = utc(BACK);
	int64_t at = midnight_utc + minute * 60; /* in winter */

	if (at < forward)
		return at;
	if (at - 3600 < forward)
		return forward; /* skipped */
	return at - 3600 < back ? at - 3600 : at;
}

static int64_t last_in(const unsigned window[3], int64_t due)
{
	int64_t best = INT64_MIN;

	for (int64_t day = due / DESK_DAY - 16; day <= due / DESK_DAY + 1; day++) {
		/* 1 January 1970 was a Thursday */
		if (!(window[0] >> (day + 3) % 7 & 1))
			continue;
		int64_t from = dublin(day * DESK_DAY, window[1]);
		int64_t last = BL_MIN(dublin(day * DESK_DAY, window[2]) - 1, due);

		if (last >= from)
			best = BL_MAX(best, last);
	}
	return best;
}

/* Every five minutes of eleven days about each change, seven windows. */
static void every_moment_about_a_change_moves_to_its_window(void **state)
{
	static const struct {
		const char *text;
		unsigned window[3]; /* days, from, until */
	} rows[] = {
		{"Mon-Sun 21:00-23:00", {0x7f, 1260, 1380}},
		{"Sun 01:15-01:45", {0x40, 75, 105}},
		{"Sun 00:30-01:30", {0x40, 30, 90}},
		{"Sun 01:30-02:30", {0x40, 90, 150}},
		{"Sun 00:00-24:00", {0x40, 0, 1440}},
		{"Mon-Sun 00:00-24:00", {0x7f, 0, 1440}},
		{"Sat 23:59-24:00", {0x20, 1439, 1440}},
	};
	const int64_t changes[] = {utc(FORWARD), utc(BACK)};
	size_t asked = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char sections[128];

		snprintf(sections, sizeof(sections),
			 "retention:\n  - {id: all, destroy_by: 30d, window: '%s'}\n",
			 rows[i].text);
		BL_CLEANUP(policy_unref) struct policy *policy = parse("Europe/Dublin", sections);

		for (size_t k = 0; k < 2 * 11 * 288; k++, asked++) {
			int64_t due = changes[k & 1] - 3 * DESK_DAY + (int64_t)(k / 2) * 300;
			struct rules_retention_facts facts = {.device = {"X", -1},
							      .state = -1,
							      .intake_unix = due - 30 * DESK_DAY};
			struct rules_due told;

			rules_due_told(policy, &facts, &told);
			if (told.unmoved_unix != due ||
			    told.due_unix != last_in(rows[i].window, due))
				fail_row(rows[i].text, &told);
		}
	}
	assert_int_equal(asked, BL_COUNT(rows) * 2 * 11 * 288);
}

/* ---- spans that are none, and times that end ----------------------------------------------- */

static void a_span_that_is_none_is_refused(void **state)
{
	static const char *const spans[] = {"0d", "-1d", "0s", "101y", "36526d", "1.5d", "d", "30"};
	static const char *const keys[] = {"destroy_by: ",
					   "keep_at_least: ",
					   "destroy_by: 30d, notice: ",
					   "destroy_after: {intake: ",
					   "destroy_after: {last_open: ",
					   "destroy_after: {closed: "};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(spans) * BL_COUNT(keys); i++) {
		const char *key = keys[i % BL_COUNT(keys)], *span = spans[i / BL_COUNT(keys)];
		char text[sizeof(DESK_HEAD) + 128];
		struct rules_findings findings;
		struct policy *policy = NULL;

		snprintf(text, sizeof(text), "%sretention:\n  - {id: all, %s%s%s}\n", DESK_HEAD,
			 key, span, strchr(key, '{') ? "}" : "");
		if (rules_parse(text, strlen(text), &policy, &findings, NULL) != BL_INVALID)
			fail_msg("%s%s is taken", key, span);
		if (!strstr(findings.items[0].text, "is not a span of time"))
			fail_msg("%s%s: %s", key, span, findings.items[0].text);
	}
}

/* Nobody writes these, but a record that was made up may hold them: no date wraps to an earlier one. */
static void no_moment_wraps(void **state)
{
	static const int64_t moments[] = {INT64_MIN, INT64_MIN + 1, INT64_MIN / 2, -1,
					  1,	     INT64_MAX / 2, INT64_MAX - 1, INT64_MAX};
	BL_CLEANUP(policy_unref)
	struct policy *policy = parse(
		"Europe/Dublin",
		"retention:\n  - {id: all, destroy_after: {intake: 30d, last_open: 7d, closed: "
		"3d}, notice: 2d, keep_at_least: 1d, " NIGHTLY "}\n" PART
		"requests: {destroy_within: 72h}\n");

	(void)state;
	for (size_t i = 0; i < BL_COUNT(moments) * BL_COUNT(moments); i++) {
		int64_t intake = moments[i % BL_COUNT(moments)];
		int64_t other = moments[i / BL_COUNT(moments)];
		struct rules_retention_facts facts = {.device = {"X", -1},
						      .state = -1,
						      .intake_unix = intake,
						      .last_open_unix = other,
						      .closed_unix = other,
						      .requested_unix = other,
						      .has_parts = true};
		struct rules_part part;
		struct rules_due due;

		rules_due_told(policy, &facts, &due);
		if (due.due_unix > due.unmoved_unix || due.unmoved_unix < due.start_unix ||
		    due.due_unix < due.start_unix || due.notice_unix > due.due_unix)
			fail_row("of the device", &due);
		if (!rules_part_due(policy, &facts, 1, &part) || part.due.due_unix < intake)
			fail_row("of the part", &part.due);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sentence_of_meaning_11_holds),
		cmocka_unit_test(a_part_has_its_own_date),
		cmocka_unit_test(windows_over_changes_of_the_clocks),
		cmocka_unit_test(every_moment_about_a_change_moves_to_its_window),
		cmocka_unit_test(a_span_that_is_none_is_refused),
		cmocka_unit_test(no_moment_wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
