/*
 * Meaning 11, every combination: who says a date, in which order, with which window, of the device or of a part of
 * it. The oracle is written from the page and shares nothing with due.c but the structs: it takes the date from all
 * that are said, and then looks who said just that.
 */
#include "desk.h"
#include "policy/rules/model.h"

/* ---- a device's life ------------------------------------------------------------------------------- */

#define MONDAY INT64_C(1780272000) /* 2026-06-01 00:00 UTC */
#define INTAKE (MONDAY + 10 * 3600)
#define CAP    (INTAKE + 180 * DESK_DAY)

/* The first five are entries of the policy, the others facts of the device. */
enum speaker { KEEP, BY, AFTER, OPENED, CLOSED, EARLY, REQUEST, CONSENT, SPEAKERS };
#define ENTRIES (CLOSED + 1)

static const struct {
	const char *names[2]; /* in the order of the alphabet, and against it; facts: the same */
	enum rules_start start;
	int64_t day; /* when its start happens, from intake; -1: on its date */
} SPEAKER[SPEAKERS] = {
	[KEEP] = {{"a-keep", "z-keep"}, RULES_FROM_INTAKE, 0},
	[BY] = {{"b-by", "y-by"}, RULES_FROM_INTAKE, 0},
	[AFTER] = {{"c-after", "x-after"}, RULES_FROM_INTAKE, 0},
	[OPENED] = {{"d-opened", "w-opened"}, RULES_FROM_LAST_OPEN, 5},
	[CLOSED] = {{"e-closed", "v-closed"}, RULES_FROM_CLOSED, 6},
	[EARLY] = {{"builtin/early-shred", "builtin/early-shred"}, RULES_FROM_EARLY_SHRED, -1},
	[REQUEST] = {{"builtin/request", "builtin/request"}, RULES_FROM_REQUEST, 4},
	[CONSENT] = {{"builtin/consent-withdrawn", "builtin/consent-withdrawn"},
		     RULES_FROM_WITHDRAWAL,
		     3},
};
#define LONGEST "builtin/longest"

/* With dates at ten o'clock: one they lie in, one that moves them by half a day, one by up to a week. */
static const struct hours FRAMES[] = {
	{.days = 0x7f, .from_minute = 9 * 60, .until_minute = 11 * 60},
	{.days = 0x7f, .from_minute = 21 * 60, .until_minute = 23 * 60},
	{.days = 1u << 2, .from_minute = 60, .until_minute = 120},
};
#define FRAME_COUNT BL_COUNT(FRAMES)

#define ABSENT (-1)
struct life {
	int day[SPEAKERS];   /* the date each says, in days from intake; ABSENT */
	int frame[ENTRIES];  /* of FRAMES, the window of each entry; ABSENT */
	bool paths[ENTRIES]; /* the entry has `paths` */
	bool has_parts;
	bool is_one_entry; /* all five in the entry of KEEP, which is always there */
	unsigned names;	   /* 0, 1: see SPEAKER */
};

static struct life life_empty(void)
{
	struct life life = {.names = 0};

	for (size_t i = 0; i < SPEAKERS; i++)
		life.day[i] = ABSENT;
	for (size_t i = 0; i < ENTRIES; i++)
		life.frame[i] = ABSENT;
	return life;
}

static void show(const struct life *life)
{
	print_message("life: names %u%s%s\n", life->names, life->has_parts ? ", parts" : "",
		      life->is_one_entry ? ", one entry" : "");
	for (size_t i = 0; i < SPEAKERS; i++)
		if (life->day[i] != ABSENT || (i < ENTRIES && life->frame[i] != ABSENT))
			print_message("  %s: day %d, window %d%s\n", SPEAKER[i].names[life->names],
				      life->day[i], i < ENTRIES ? life->frame[i] : ABSENT,
				      i < ENTRIES && life->paths[i] ? ", paths" : "");
}

/* ---- the oracle ---------------------------------------------------------------------------- */

/* Of the device, or of the part that is the entry of one speaker. */
#define DEVICE (-1)

static int64_t date_of(const struct life *life, size_t speaker)
{
	return INTAKE + life->day[speaker] * DESK_DAY;
}

static int64_t start_of(const struct life *life, size_t speaker)
{
	int64_t day = SPEAKER[speaker].day;

	return day < 0 ? date_of(life, speaker) : INTAKE + day * DESK_DAY;
}

static size_t entry_of(const struct life *life, size_t speaker)
{
	return life->is_one_entry ? KEEP : speaker;
}

static const char *name_of(const struct life *life, size_t speaker)
{
	return SPEAKER[speaker < ENTRIES ? entry_of(life, speaker) : speaker].names[life->names];
}

static bool is_entry_there(const struct life *life, size_t entry)
{
	return life->is_one_entry ? entry == KEEP : life->day[entry] != ABSENT;
}

/* Do the dates and windows of @entry count for @whom? */
static bool is_about(const struct life *life, size_t entry, int whom)
{
	bool is_part = life->has_parts && life->paths[entry];

	return whom == DEVICE ? !is_part : is_part && (int)entry == whom;
}

static bool says_when(const struct life *life, size_t speaker, int whom)
{
	if (life->day[speaker] == ABSENT || speaker == KEEP)
		return false;
	return speaker < ENTRIES ? is_about(life, entry_of(life, speaker), whom) : whom == DEVICE;
}

/* Who of [from, until) says just @date: the first by name, of one entry the one that is listed first. */
static size_t who_says(const struct life *life, size_t from, size_t until, int whom, int64_t date)
{
	size_t found = SPEAKERS;

	for (size_t i = from; i < until; i++)
		if (says_when(life, i, whom) && date_of(life, i) == date &&
		    (found == SPEAKERS || strcmp(name_of(life, i), name_of(life, found)) < 0))
			found = i;
	return found;
}

/* The latest moment up to @due in the window: of each day, from the first minute to the last second. */
static int64_t latest_in(const struct hours *frame, int64_t due)
{
	int64_t best = INT64_MIN, today = (due - MONDAY) / DESK_DAY;

	for (int64_t day = today - 8; day <= today; day++) {
		int64_t midnight = MONDAY + day * DESK_DAY;
		int64_t last = midnight + frame->until_minute * 60 - 1;

		if (!(frame->days >> ((day + 14) % 7) & 1))
			continue;
		if (due < last)
			last = due;
		if (last >= midnight + frame->from_minute * 60 && last > best)
			best = last;
	}
	return best;
}

static void move_as_the_page_says(const struct life *life, int whom, int64_t floor,
				  struct rules_due *due)
{
	int64_t best = INT64_MIN;

	for (size_t i = 0; i < ENTRIES; i++) {
		if (!is_entry_there(life, i) || life->frame[i] == ABSENT ||
		    !is_about(life, i, whom))
			continue;
		int64_t last = latest_in(&FRAMES[life->frame[i]], due->unmoved_unix);

		if (last < floor || last < best ||
		    (last == best && strcmp(due->window, name_of(life, i)) < 0))
			continue;
		best = last;
		due->window = name_of(life, i);
	}
	if (best == INT64_MIN || best == due->unmoved_unix)
		due->window = NULL;
	else
		due->due_unix = best;
}

static void decided_by(const struct life *life, size_t speaker, struct rules_due *due)
{
	bool is_longest = speaker == SPEAKERS;

	due->entry = is_longest ? LONGEST : name_of(life, speaker);
	due->start = is_longest ? RULES_FROM_INTAKE : SPEAKER[speaker].start;
	due->start_unix = is_longest ? INTAKE : start_of(life, speaker);
	due->span_seconds = due->unmoved_unix - due->start_unix;
	due->is_kept = speaker == KEEP;
	due->is_capped = is_longest;
}

static bool oracle(const struct life *life, int whom, struct rules_due *out)
{
	int64_t due = CAP, kept = life->day[KEEP] == ABSENT ? INT64_MIN : date_of(life, KEEP);
	int64_t floor;
	size_t said = 0;

	for (size_t i = 0; i < SPEAKERS; i++)
		if (says_when(life, i, whom)) {
			due = BL_MIN(due, date_of(life, i));
			said++;
		}
	if (whom != DEVICE && !said)
		return false;
	bool is_raised = kept > due;

	due = BL_MIN(BL_MAX(due, kept), CAP);
	*out = (struct rules_due){.due_unix = due, .unmoved_unix = due};
	if (is_raised)
		decided_by(life, kept > CAP ? SPEAKERS : KEEP, out);
	else if (who_says(life, EARLY, SPEAKERS, whom, due) < SPEAKERS)
		decided_by(life, who_says(life, EARLY, SPEAKERS, whom, due), out);
	else
		decided_by(life, who_says(life, BY, EARLY, whom, due), out);
	floor = BL_MAX(out->start_unix, BL_MIN(kept, CAP));
	move_as_the_page_says(life, whom, floor, out);
	return true;
}

/* ---- the life as a policy ----------------------------------------------------------------- */

/* What all of them stand on: a policy that was parsed, for its zone. */
struct ground {
	struct policy *parsed;
	struct policy policy;
	struct retention_entry entries[ENTRIES];
	struct rules_retention_facts facts;
	struct hours windows[ENTRIES];
	size_t speaker[ENTRIES]; /* of which the entry is */
	size_t asked, moved, parts;
};

static void ground_open(struct ground *ground)
{
	const char *rest = strstr(DESK_HEAD, "uses:");
	char text[sizeof(DESK_HEAD)];

	snprintf(text, sizeof(text), "bailee: 1\nname: Desk\nserial: 1\ntimezone: UTC\n%s", rest);
	*ground = (struct ground){.parsed = desk_parse(text)};
	memcpy(&ground->policy, ground->parsed, sizeof(ground->policy));
	ground->policy.retention = ground->entries;
}

static const char *PATHS[] = {"/Users/**"};

static struct retention_entry *entry_at(struct ground *ground, const struct life *life,
					size_t speaker)
{
	for (size_t i = 0; i < ground->policy.retention_count; i++)
		if (ground->speaker[i] == speaker)
			return &ground->entries[i];
	size_t at = ground->policy.retention_count++;
	struct retention_entry *entry = &ground->entries[at];

	*entry = (struct retention_entry){
		.after_intake_seconds = -1, .keep_at_least_seconds = -1, .destroy_by_seconds = -1};
	strcpy(entry->id, SPEAKER[speaker].names[life->names]);
	ground->speaker[at] = speaker;
	if (life->paths[speaker])
		entry->paths = (struct string_list){PATHS, 1};
	if (life->frame[speaker] != ABSENT) {
		ground->windows[at] = FRAMES[life->frame[speaker]];
		entry->window = &ground->windows[at];
		entry->window_count = 1;
	}
	return entry;
}

static void set_entry(struct retention_entry *entry, size_t speaker, int64_t span)
{
	int64_t *const fields[ENTRIES] = {[KEEP] = &entry->keep_at_least_seconds,
					  [BY] = &entry->destroy_by_seconds,
					  [AFTER] = &entry->after_intake_seconds,
					  [OPENED] = &entry->after_last_open_seconds,
					  [CLOSED] = &entry->after_closed_seconds};

	*fields[speaker] = span;
}

static void stage(struct ground *ground, const struct life *life)
{
	struct rules_retention_facts *facts = &ground->facts;
	int64_t *const facts_of[SPEAKERS] = {[EARLY] = &facts->early_shred_unix,
					     [REQUEST] = &facts->requested_unix,
					     [CONSENT] = &facts->consent_withdrawn_unix};

	*facts = (struct rules_retention_facts){.device = {"X", DEVICE_LAPTOP},
						.state = STATE_CLOSED,
						.has_parts = life->has_parts,
						.intake_unix = INTAKE,
						.last_open_unix = start_of(life, OPENED),
						.closed_unix = start_of(life, CLOSED)};
	ground->policy.retention_count = 0;
	ground->policy.request_seconds = ground->policy.consent_seconds = 0;
	if (life->is_one_entry)
		(void)entry_at(ground, life, KEEP);
	/* from the last to the first: the order of the file is not that of the names */
	for (size_t i = SPEAKERS; i-- > 0;) {
		int64_t span = date_of(life, i) - start_of(life, i);

		if (life->day[i] == ABSENT)
			continue;
		if (i < ENTRIES)
			set_entry(entry_at(ground, life, entry_of(life, i)), i, span);
		else
			*facts_of[i] = start_of(life, i);
		if (i == REQUEST)
			ground->policy.request_seconds = span;
		if (i == CONSENT)
			ground->policy.consent_seconds = span;
	}
}

/* ---- one held against the other ------------------------------------------------------------ */

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_same(const struct rules_due *a, const struct rules_due *b)
{
	return a->due_unix == b->due_unix && is_same_text(a->entry, b->entry) &&
	       a->start == b->start && a->start_unix == b->start_unix &&
	       a->span_seconds == b->span_seconds && a->unmoved_unix == b->unmoved_unix &&
	       is_same_text(a->window, b->window) && a->is_kept == b->is_kept &&
	       a->is_capped == b->is_capped;
}

static void show_due(const char *whose, const struct rules_due *due)
{
	print_message("%s: %lld s from intake by %s, unmoved %lld, window %s, from %s at %lld and "
		      "%lld s, kept %d, capped %d\n",
		      whose, (long long)(due->due_unix - INTAKE), due->entry,
		      (long long)(due->unmoved_unix - INTAKE), due->window ? due->window : "none",
		      rules_start_name(due->start), (long long)(due->start_unix - INTAKE),
		      (long long)due->span_seconds, due->is_kept, due->is_capped);
}

static void hold_device(struct ground *ground, const struct life *life)
{
	struct rules_due told, wanted = {0};
	const char *entry = NULL;

	(void)oracle(life, DEVICE, &wanted);
	rules_due_told(&ground->policy, &ground->facts, &told);
	ground->asked++;
	ground->moved += told.window != NULL;
	if (is_same(&told, &wanted) &&
	    rules_due(&ground->policy, &ground->facts, &entry) == told.due_unix &&
	    entry == told.entry)
		return;
	show(life);
	show_due("wanted", &wanted);
	show_due("told", &told);
	fail_msg("the device's date is not the page's");
}

static void hold_parts(struct ground *ground, const struct life *life)
{
	for (size_t i = 0; i < rules_retention_count(&ground->policy); i++) {
		struct rules_part part = {0};
		struct rules_due wanted;
		bool is_wanted = oracle(life, (int)ground->speaker[i], &wanted);
		bool is_there = rules_part_due(&ground->policy, &ground->facts, i, &part);

		ground->asked++;
		ground->parts += is_there;
		ground->moved += is_there && part.due.window;
		if (is_there == is_wanted &&
		    (!is_there ||
		     (is_same(&part.due, &wanted) && part.paths == PATHS && part.path_count == 1)))
			continue;
		show(life);
		if (is_wanted)
			show_due("wanted", &wanted);
		if (is_there)
			show_due("told", &part.due);
		fail_msg("the date of the part '%s' is not the page's", ground->entries[i].id);
	}
}

static void hold(struct ground *ground, const struct life *life)
{
	stage(ground, life);
	hold_device(ground, life);
	hold_parts(ground, life);
}

/*
 * The next combination: each entry says one of the @count first @days, or nothing; each fact one of the @facts first.
 * False: that was the last.
 */
static bool next_days(struct life *life, const int *days, size_t count, size_t facts,
		      size_t at[SPEAKERS])
{
	for (size_t i = 0; i < SPEAKERS; i++) {
		at[i] = (at[i] + 1) % ((i < ENTRIES ? count : facts) + 1);
		life->day[i] = at[i] ? days[at[i] - 1] : ABSENT;
		if (at[i])
			return true;
	}
	return false;
}

/* ---- the sweeps ---------------------------------------------------------------------------- */

/* Nobody, or before, between, after each other, on the day of the cap, and beyond it. */
static void each_presence_and_order_of_dates_without_windows(void **state)
{
	static const int DAYS[] = {7, 20, 90, 180, 400};
	struct ground ground;
	size_t at[SPEAKERS] = {0}, combinations = 0;
	struct life life = life_empty();

	(void)state;
	ground_open(&ground);
	do {
		life.names = combinations++ & 1;
		stage(&ground, &life);
		hold_device(&ground, &life);
	} while (next_days(&life, DAYS, BL_COUNT(DAYS), BL_COUNT(DAYS), at));
	policy_unref(ground.parsed);
	assert_int_equal(combinations, 6 * 6 * 6 * 6 * 6 * 6 * 6 * 6);
	assert_int_equal(ground.asked, combinations);
	assert_int_equal(ground.moved, 0);
}

/* Both orders of the names where dates tie, and all of them in one entry: there the kinds of date tie. */
static void ties_go_by_name_and_never_by_the_order_of_the_file(void **state)
{
	static const int DAYS[] = {8, 180, 181}; /* facts: the first */
	struct ground ground;
	size_t at[SPEAKERS] = {0}, combinations = 0;
	struct life life = life_empty();

	(void)state;
	ground_open(&ground);
	do {
		for (unsigned way = 0; way < 8; way++) {
			life.names = way & 1;
			life.is_one_entry = way >> 1 & 1;
			life.frame[KEEP] = way >> 2 & 1 ? 2 : ABSENT;
			hold(&ground, &life);
			combinations++;
		}
	} while (next_days(&life, DAYS, BL_COUNT(DAYS), 1, at));
	policy_unref(ground.parsed);
	assert_int_equal(combinations, 4 * 4 * 4 * 4 * 4 * 2 * 2 * 2 * 8);
}

/* How many windows there are: one owner each, all the same, or each another. */
#define OWNERS (ENTRIES + 2)

static void give_windows(struct life *life, size_t owner, size_t frame)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		bool has = owner >= ENTRIES || owner == i;

		life->frame[i] = !has		   ? ABSENT
				 : owner > ENTRIES ? (int)((frame + i) % FRAME_COUNT)
						   : (int)frame;
	}
}

/* Dates a day and a week apart: a window lies before both, between them, or before a start. */
static void each_window_of_each_entry(void **state)
{
	static const int DAYS[] = {8, 7, 14}; /* facts: the first */
	struct ground ground;
	size_t at[SPEAKERS] = {0}, combinations = 0;
	struct life life = life_empty();

	(void)state;
	ground_open(&ground);
	do {
		for (size_t way = 0; way < OWNERS * FRAME_COUNT; way++) {
			give_windows(&life, way / FRAME_COUNT, way % FRAME_COUNT);
			life.names = way & 1;
			stage(&ground, &life);
			hold_device(&ground, &life);
			combinations++;
		}
	} while (next_days(&life, DAYS, BL_COUNT(DAYS), 1, at));
	policy_unref(ground.parsed);
	assert_int_equal(combinations, 4 * 4 * 4 * 4 * 4 * 2 * 2 * 2 * OWNERS * FRAME_COUNT);
	/* few: most are moved by nothing, since the clock of their date, or what is kept, is too near */
	assert_true(ground.moved > 10000 && ground.moved < combinations / 2);
}

/* Each set of entries with `paths`, in devices that can be destroyed in part and in others. */
static void each_entry_with_paths(void **state)
{
	static const int DAYS[] = {7, 200}; /* facts: the first */
	struct ground ground;
	size_t at[SPEAKERS] = {0}, combinations = 0;
	struct life life = life_empty();

	(void)state;
	ground_open(&ground);
	do {
		for (unsigned way = 0; way < 1u << (ENTRIES + 2); way++) {
			for (unsigned i = 0; i < ENTRIES; i++)
				life.paths[i] = way >> i & 1;
			life.has_parts = way >> ENTRIES & 1;
			give_windows(&life, way >> (ENTRIES + 1) ? ENTRIES + 1 : ENTRIES,
				     way >> (ENTRIES + 1) ? 0 : 1);
			hold(&ground, &life);
			combinations++;
		}
	} while (next_days(&life, DAYS, BL_COUNT(DAYS), 1, at));
	policy_unref(ground.parsed);
	assert_int_equal(combinations, 3 * 3 * 3 * 3 * 3 * 2 * 2 * 2 * 128);
	assert_true(ground.parts > combinations / 2 && ground.parts < ground.asked);
}

/* The dates of parts among themselves, and against what is kept: no fact of the device moves them. */
static void each_order_of_dates_of_parts(void **state)
{
	static const int DAYS[] = {7, 8, 14, 180, 400};
	struct ground ground;
	size_t combinations = 0;

	(void)state;
	ground_open(&ground);
	for (unsigned way = 0; way < 2 * FRAME_COUNT * 2; way++) {
		size_t at[SPEAKERS] = {0};
		struct life life = life_empty();

		life.has_parts = true;
		life.is_one_entry = way & 1;
		give_windows(&life, ENTRIES, way / 2 % FRAME_COUNT);
		for (size_t i = 0; i < ENTRIES; i++)
			life.paths[i] = true;
		do {
			/* urgent dates are the device's: theirs are here, and change nothing */
			life.day[CONSENT] = way / 2 / FRAME_COUNT ? 6 : ABSENT;
			hold(&ground, &life);
			life.day[CONSENT] = ABSENT;
			combinations++;
		} while (next_days(&life, DAYS, BL_COUNT(DAYS), 0, at));
	}
	policy_unref(ground.parsed);
	assert_int_equal(combinations, 6 * 6 * 6 * 6 * 6 * 2 * FRAME_COUNT * 2);
}

/* No file says so (`0d` is refused): a span of nothing is a date, and not none. */
static void a_span_of_nothing_ends_with_the_intake(void **state)
{
	static const int DAYS[] = {0, 7};
	struct ground ground;
	size_t at[SPEAKERS] = {0}, combinations = 0;
	struct life life = life_empty();

	(void)state;
	ground_open(&ground);
	do {
		life.day[OPENED] = life.day[CLOSED] = ABSENT;
		stage(&ground, &life);
		hold_device(&ground, &life);
		combinations++;
	} while (next_days(&life, DAYS, BL_COUNT(DAYS), 0, at));
	policy_unref(ground.parsed);
	assert_int_equal(combinations, 3 * 3 * 3 * 3 * 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_presence_and_order_of_dates_without_windows),
		cmocka_unit_test(ties_go_by_name_and_never_by_the_order_of_the_file),
		cmocka_unit_test(each_window_of_each_entry),
		cmocka_unit_test(each_entry_with_paths),
		cmocka_unit_test(each_order_of_dates_of_parts),
		cmocka_unit_test(a_span_of_nothing_ends_with_the_intake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
