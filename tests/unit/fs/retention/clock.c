#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/retention/test-host.h"

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)
#define YEAR (365 * DAY)
/* Half past two in the night in which Europe sets its clocks back at three: UTC knows nothing of it. */
#define START INT64_C(1792888200)
#define BOOT  INT64_C(1000) /* s that the first boot is up then */
#define LIMIT INT64_C(253402300799)

/* ---- one look: stories ------------------------------------------------------------------------------ */

struct look {
	int64_t wall, boot; /* s: since START; of its boot */
	const char *id;	    /* of the boot */
	bool is_synchronised;
	/* then */
	enum clock_news news;
	int64_t trusted, waited; /* since START */
};
struct story {
	const char *name;
	struct look looks[8]; /* up to the first without an id */
};

static void tell_story(const struct story *story)
{
	const char *first = *story->looks[0].id == '\0' ? "" : "a";
	struct clock_memory memory = {
		.trusted_unix = START,
		.last = sight_of(START, BOOT * 1000, first, false),
	};

	for (size_t i = 0; i < BL_COUNT(story->looks) && story->looks[i].id; i++) {
		const struct look *look = &story->looks[i];
		struct clock_sight sight = sight_of(START + look->wall, look->boot * 1000, look->id,
						    look->is_synchronised);
		enum clock_news news = clock_step(&memory, &sight);

		if (news != look->news || memory.trusted_unix != START + look->trusted ||
		    memory.waited_s != look->waited)
			fail_msg("%s: look %zu: news %d, trusted %lld, waited %lld", story->name,
				 i + 1, (int)news, (long long)(memory.trusted_unix - START),
				 (long long)memory.waited_s);
	}
}

static void trusted_time_follows_the_rules(void **state)
{
	static const struct story STORIES[] = {
		{"in step",
		 {{10, BOOT + 10, "a", false, CLOCK_NOTHING, 10, 0},
		  {HOUR, BOOT + HOUR, "a", false, CLOCK_NOTHING, HOUR, 0}}},
		{"in step and synchronised",
		 {{HOUR, BOOT + HOUR, "a", true, CLOCK_NOTHING, HOUR, 0}}},
		{"over the end of summer time",
		 {{HOUR / 2, BOOT + HOUR / 2, "a", false, CLOCK_NOTHING, HOUR / 2, 0},
		  {3 * HOUR, BOOT + 3 * HOUR, "a", false, CLOCK_NOTHING, 3 * HOUR, 0}}},
		{"a year back",
		 {{10 - YEAR, BOOT + 10, "a", false, CLOCK_JUMPED, 10, 0},
		  {DAY - YEAR, BOOT + DAY, "a", false, CLOCK_NOTHING, DAY, 0}}},
		{"a year back, and the kernel believes it",
		 {{10 - YEAR, BOOT + 10, "a", true, CLOCK_JUMPED, 10, 0},
		  {DAY - YEAR, BOOT + DAY, "a", true, CLOCK_NOTHING, DAY, 0}}},
		{"a day back, and put right",
		 {{10 - DAY, BOOT + 10, "a", false, CLOCK_JUMPED, 10, 0},
		  {20, BOOT + 20, "a", false, CLOCK_JUMPED, 20, 0}}},
		{"ahead by drift",
		 {{70, BOOT + 10, "a", false, CLOCK_NOTHING, 70, 0},
		  {140, BOOT + 80, "a", false, CLOCK_NOTHING, 140, 0}}},
		{"minute by minute, again and again",
		 {{60, BOOT, "a", false, CLOCK_NOTHING, 60, 0},
		  {120, BOOT, "a", false, CLOCK_NOTHING, 60, 0},
		  {121, BOOT, "a", false, CLOCK_JUMPED, 60, 0},
		  {121 + HOUR, BOOT + HOUR, "a", false, CLOCK_NOTHING, 60 + HOUR, HOUR}}},
		{"a minute more once time has earned it",
		 {{60, BOOT, "a", false, CLOCK_NOTHING, 60, 0},
		  {10 * HOUR + 96, BOOT + 10 * HOUR, "a", false, CLOCK_NOTHING, 10 * HOUR + 96, 0},
		  {10 * HOUR + 97, BOOT + 10 * HOUR, "a", false, CLOCK_NOTHING, 10 * HOUR + 96,
		   0}}},
		{"minute by minute, and synchronised",
		 {{60, BOOT, "a", true, CLOCK_NOTHING, 60, 0},
		  {120, BOOT, "a", true, CLOCK_NOTHING, 120, 0}}},
		{"ahead by a second more than drift",
		 {{71, BOOT + 10, "a", false, CLOCK_JUMPED, 10, 0}}},
		{"ahead by a thousandth of a long time",
		 {{2 * DAY + 172, BOOT + 2 * DAY, "a", false, CLOCK_NOTHING, 2 * DAY + 172, 0}}},
		{"ahead by more than a thousandth of a long time",
		 {{2 * DAY + 173, BOOT + 2 * DAY, "a", false, CLOCK_JUMPED, 2 * DAY, 0}}},
		{"a year ahead is waited for, over a restart",
		 {{YEAR, BOOT, "a", false, CLOCK_JUMPED, 0, 0},
		  {YEAR + 12 * HOUR, BOOT + 12 * HOUR, "a", false, CLOCK_NOTHING, 12 * HOUR,
		   12 * HOUR},
		  {YEAR + 13 * HOUR, 100, "b", false, CLOCK_NOTHING, 12 * HOUR + 100,
		   12 * HOUR + 100},
		  {YEAR + 25 * HOUR - 101, 12 * HOUR - 1, "b", false, CLOCK_NOTHING, DAY - 1,
		   DAY - 1},
		  {YEAR + 25 * HOUR - 100, 12 * HOUR, "b", false, CLOCK_TAKEN,
		   YEAR + 25 * HOUR - 100, 0},
		  {YEAR + 25 * HOUR, 12 * HOUR + 100, "b", false, CLOCK_NOTHING, YEAR + 25 * HOUR,
		   0}}},
		{"off every night, and never synchronised",
		 {{15 * HOUR, 60, "b", false, CLOCK_JUMPED, 60, 0},
		  {24 * HOUR, 9 * HOUR + 60, "b", false, CLOCK_NOTHING, 9 * HOUR + 60, 9 * HOUR},
		  {39 * HOUR, 60, "c", false, CLOCK_NOTHING, 9 * HOUR + 120, 9 * HOUR + 60},
		  {48 * HOUR, 9 * HOUR + 60, "c", false, CLOCK_NOTHING, 18 * HOUR + 120,
		   18 * HOUR + 60},
		  {63 * HOUR, 60, "d", false, CLOCK_NOTHING, 18 * HOUR + 180, 18 * HOUR + 120},
		  {69 * HOUR, 6 * HOUR + 60, "d", false, CLOCK_TAKEN, 69 * HOUR, 0}}},
		{"a year more at a restart starts anew",
		 {{DAY, BOOT, "a", false, CLOCK_JUMPED, 0, 0},
		  {DAY + 23 * HOUR, BOOT + 23 * HOUR, "a", false, CLOCK_NOTHING, 23 * HOUR,
		   23 * HOUR},
		  {YEAR, 10, "b", false, CLOCK_JUMPED, 23 * HOUR + 10, 0},
		  {YEAR + 2 * HOUR, 10 + 2 * HOUR, "b", false, CLOCK_NOTHING, 25 * HOUR + 10,
		   2 * HOUR}}},
		{"set forward again while waited for",
		 {{DAY, BOOT, "a", false, CLOCK_JUMPED, 0, 0},
		  {DAY + 23 * HOUR, BOOT + 23 * HOUR, "a", false, CLOCK_NOTHING, 23 * HOUR,
		   23 * HOUR},
		  {YEAR, BOOT + 23 * HOUR + 10, "a", false, CLOCK_JUMPED, 23 * HOUR + 10, 0},
		  {YEAR + 2 * HOUR, BOOT + 25 * HOUR + 10, "a", false, CLOCK_NOTHING,
		   25 * HOUR + 10, 2 * HOUR}}},
		{"set back into step while waited for",
		 {{YEAR, BOOT, "a", false, CLOCK_JUMPED, 0, 0},
		  {YEAR + HOUR, BOOT + HOUR, "a", false, CLOCK_NOTHING, HOUR, HOUR},
		  {2 * HOUR, BOOT + 2 * HOUR, "a", false, CLOCK_JUMPED, 2 * HOUR, 0},
		  {2 * DAY, BOOT + 2 * DAY, "a", false, CLOCK_NOTHING, 2 * DAY, 0}}},
		{"set back, but not far enough",
		 {{YEAR, BOOT, "a", false, CLOCK_JUMPED, 0, 0},
		  {YEAR + HOUR - 2 * DAY, BOOT + HOUR, "a", false, CLOCK_JUMPED, HOUR, HOUR},
		  {YEAR - DAY, BOOT + DAY, "a", false, CLOCK_TAKEN, YEAR - DAY, 0}}},
		{"synchronised is taken at once",
		 {{YEAR, BOOT + 10, "a", true, CLOCK_TAKEN, YEAR, 0},
		  {YEAR + 10, BOOT + 20, "a", true, CLOCK_NOTHING, YEAR + 10, 0}}},
		{"synchronised while waited for",
		 {{YEAR, BOOT, "a", false, CLOCK_JUMPED, 0, 0},
		  {YEAR + HOUR, BOOT + HOUR, "a", true, CLOCK_TAKEN, YEAR + HOUR, 0}}},
		{"suspended for eight hours",
		 {{10, BOOT + 10, "a", false, CLOCK_NOTHING, 10, 0},
		  {8 * HOUR, BOOT + 8 * HOUR, "a", false, CLOCK_NOTHING, 8 * HOUR, 0}}},
		{"another boot's own time counts",
		 {{40, 40, "b", false, CLOCK_NOTHING, 40, 0},
		  {HOUR, HOUR, "b", false, CLOCK_NOTHING, HOUR, 0}}},
		{"off for an hour",
		 {{HOUR + 40, 40, "b", false, CLOCK_JUMPED, 40, 0},
		  {HOUR + 100, 100, "b", true, CLOCK_TAKEN, HOUR + 100, 0}}},
		{"boots that cannot be told apart",
		 {{10, BOOT + 10, "", false, CLOCK_NOTHING, 10, 0},
		  {HOUR, BOOT + HOUR, "", false, CLOCK_NOTHING, HOUR, 0},
		  {HOUR + 30, 30, "", false, CLOCK_NOTHING, HOUR + 30, 0},
		  {2 * HOUR, HOUR, "", false, CLOCK_NOTHING, 2 * HOUR, 0}}},
		{"a boot that is not known any more adds nothing twice",
		 {{10, BOOT + 10, "a", false, CLOCK_NOTHING, 10, 0},
		  {20 - DAY, BOOT + 20, "", false, CLOCK_JUMPED, 20, 0},
		  {30 - DAY, BOOT + 30, "a", false, CLOCK_NOTHING, 30, 0}}},
		{"a boot's clock that goes back loses nothing",
		 {{60, BOOT + 60, "a", false, CLOCK_NOTHING, 60, 0},
		  {60, BOOT - 500, "a", false, CLOCK_NOTHING, 60, 0},
		  {120, BOOT - 440, "a", false, CLOCK_NOTHING, 120, 0}}},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(STORIES); i++)
		tell_story(&STORIES[i]);
}

static void parts_of_a_second_are_not_lost(void **state)
{
	struct clock_memory memory = {
		.trusted_unix = START,
		.last = sight_of(START - DAY, BOOT * 1000, "a", false),
	};

	(void)state;
	for (int64_t i = 1; i <= 1000; i++) {
		struct clock_sight sight =
			sight_of(START - DAY + i / 4, BOOT * 1000 + 250 * i, "a", false);

		clock_step(&memory, &sight);
		assert_int_equal(memory.trusted_unix, START + i / 4);
	}
}

static void no_value_of_a_clock_makes_it_overflow(void **state)
{
	static const int64_t VALUES[] = {INT64_MIN, INT64_MIN + 1, -1,	      0,
					 1,	    LIMIT,	   LIMIT + 1, INT64_MAX / 1000,
					 START,	    INT64_MAX - 1, INT64_MAX};
	size_t count = BL_COUNT(VALUES);

	(void)state;
	for (size_t at = 0; at < count * count * 4; at++) {
		struct clock_memory memory = {
			.trusted_unix = START,
			.last = sight_of(START, BOOT * 1000, "a", false),
		};
		struct clock_sight sight = sight_of(VALUES[at / 4 % count], VALUES[at / 4 / count],
						    at & 1 ? "a" : "b", at & 2);

		for (int again = 0; again < 3; again++) {
			int64_t before = memory.trusted_unix;

			clock_step(&memory, &sight);
			if (memory.trusted_unix < before || memory.trusted_unix > LIMIT)
				fail_msg("wall %lld, boot %lld: trusted %lld",
					 (long long)sight.wall_unix, (long long)sight.boot_ms,
					 (long long)memory.trusted_unix);
			sight = sight_of(VALUES[(at / 4 + 3) % count],
					 VALUES[(at / 4 / count + 5) % count], "a", at & 2);
		}
	}
}

/* ---- one look: laws over a random walk ----------------------------------------------------------------- */

struct walk {
	uint64_t random;
	struct clock_sight sight;
	struct clock_memory memory;
	int64_t unset_ms; /* of CLOCK_BOOTTIME since the wall clock was last set forward by hand */
	unsigned boots;
};

/* xorshift64: the same walk at every run */
static uint64_t draw(struct walk *walk, uint64_t below)
{
	walk->random ^= walk->random << 13;
	walk->random ^= walk->random >> 7;
	walk->random ^= walk->random << 17;
	return walk->random % below;
}

static void set_wall(struct walk *walk, int64_t by)
{
	walk->sight.wall_unix += by;
	if (by > CLOCK_DRIFT)
		walk->unset_ms = 0;
}

/* Something happens to the host; returns the ms of CLOCK_BOOTTIME that pass. */
static int64_t happen(struct walk *walk)
{
	static const int64_t LONG[] = {1000, 20 * 1000, 600 * 1000, 5 * HOUR * 1000};
	int64_t ms = (int64_t)draw(walk, (uint64_t)LONG[draw(walk, BL_COUNT(LONG))]);

	switch (draw(walk, 600)) {
	case 0:
		set_wall(walk, (int64_t)draw(walk, 2 * (uint64_t)YEAR) - YEAR);
		break;
	case 1: /* put right */
		set_wall(walk, walk->memory.trusted_unix - walk->sight.wall_unix);
		break;
	case 2:
		set_wall(walk, (int64_t)draw(walk, 240) - 120);
		break;
	case 3:
		walk->sight.is_synchronised = draw(walk, 8) == 0;
		break;
	case 4: /* a restart */
		walk->sight.wall_unix += (int64_t)draw(walk, 2 * (uint64_t)DAY);
		walk->sight.boot_ms = 0;
		snprintf(walk->sight.boot_id, sizeof(walk->sight.boot_id), "%x", ++walk->boots);
		break;
	case 5: /* nobody says which boot it is */
		walk->sight.boot_id[0] = '\0';
		break;
	default:
		break;
	}
	walk->sight.boot_ms += ms;
	walk->unset_ms += ms;
	walk->sight.wall_unix += ms / 1000;
	return ms;
}

static void trusted_time_obeys_its_laws_on_a_random_walk(void **state)
{
	struct walk walk = {
		.random = 0x9e3779b97f4a7c15,
		.sight = sight_of(START, BOOT * 1000, "a", false),
		.memory = {.trusted_unix = START, .last = sight_of(START, BOOT * 1000, "a", false)},
	};
	size_t taken[2] = {0, 0};

	(void)state;
	for (size_t i = 0; i < 100000; i++) {
		int64_t before = walk.memory.trusted_unix;
		int64_t seconds = happen(&walk) / 1000 + 1;
		enum clock_news news = clock_step(&walk.memory, &walk.sight);
		int64_t gained = walk.memory.trusted_unix - before;
		int64_t drift = BL_MAX(CLOCK_DRIFT, seconds / 1000 + 1);

		if (gained < 0)
			fail_msg("look %zu: went back by %lld", i, (long long)-gained);
		if (news != CLOCK_TAKEN && gained > seconds + drift)
			fail_msg("look %zu: %lld s passed, and it went on by %lld", i,
				 (long long)seconds, (long long)gained);
		if (news == CLOCK_TAKEN && walk.memory.trusted_unix != walk.sight.wall_unix)
			fail_msg("look %zu: took something else than the wall clock", i);
		if (news == CLOCK_TAKEN && !walk.sight.is_synchronised &&
		    walk.unset_ms < CLOCK_WAIT * 1000)
			fail_msg("look %zu: taken after %lld s", i,
				 (long long)walk.unset_ms / 1000);
		taken[walk.sight.is_synchronised] += news == CLOCK_TAKEN;
	}
	/* Both ways were gone. */
	assert_in_range(taken[0], 10, 1000);
	assert_in_range(taken[1], 10, 1000);
}

/* ---- the clock of a store, on a host of the test's ------------------------------------------------------- */

static int set_up(void **state)
{
	host_begin(START, BOOT * 1000);
	return fixture_set_up(state);
}

static enum clock_news tick(struct clock *clock)
{
	enum clock_news news;

	assert_int_equal(clock_tick(clock, &news, NULL), BL_OK);
	return news;
}

static void a_store_without_devices_begins_with_the_wall_clock(void **state)
{
	BL_CLEANUP(clock_close) struct clock *clock = open_clock(*state);

	assert_int_equal(clock_trusted(clock), START);
	assert_int_equal(clock_access(clock), START);
	assert_int_equal(tick(clock), CLOCK_NOTHING);
	assert_true(clock_wait(clock) == INT64_MAX);
}

static void a_store_without_clock_begins_with_its_newest_record(void **state)
{
	struct fixture *fixture = *state;
	uint32_t hold;

	assert_true(RECEIVED + 2 * DAY < START);
	assert_true(add_device(fixture, "RMA-1", false));
	assert_int_equal(device_hold_add(fixture->store, "RMA-1", 0, 0, "dispute", RECEIVED + DAY,
					 &hold, NULL),
			 BL_OK);

	BL_CLEANUP(clock_close) struct clock *clock = open_clock(fixture);

	assert_int_equal(clock_trusted(clock), RECEIVED + DAY);
	assert_int_equal(clock_access(clock), START);
	/* What was seen when it was opened is told by the first tick. */
	assert_int_equal(tick(clock), CLOCK_JUMPED);
	assert_int_equal(tick(clock), CLOCK_NOTHING);
	assert_int_equal(clock_wait(clock), CLOCK_WAIT);
}

static void time_goes_on_between_ticks(void **state)
{
	BL_CLEANUP(clock_close) struct clock *clock = open_clock(*state);

	pass(10);
	assert_int_equal(clock_trusted(clock), START + 10);
	host.wall_unix += YEAR;
	assert_int_equal(clock_trusted(clock), START + 10);
	assert_int_equal(clock_access(clock), START + YEAR + 10);
	host.wall_unix -= 2 * YEAR;
	assert_int_equal(clock_trusted(clock), START + 10);
	assert_int_equal(clock_access(clock), START + 10);
	/* Nobody can set this one, but were it so: */
	tick(clock);
	host.boot_ms = 0;
	assert_int_equal(clock_trusted(clock), START + 10);
}

static void a_jump_is_told_waited_for_and_taken(void **state)
{
	BL_CLEANUP(clock_close) struct clock *clock = open_clock(*state);
	struct clock_state now;

	host.wall_unix += YEAR;
	assert_int_equal(tick(clock), CLOCK_JUMPED);
	pass(HOUR);
	clock_state(clock, &now);
	assert_int_equal(now.trusted_unix, START + HOUR);
	assert_int_equal(now.wall_unix, START + YEAR + HOUR);
	assert_int_equal(now.ahead_s, YEAR);
	assert_int_equal(now.waited_s, HOUR);
	assert_false(now.is_synchronised);
	assert_int_equal(clock_wait(clock), CLOCK_WAIT - HOUR);
	pass(CLOCK_WAIT - HOUR - 1);
	assert_int_equal(tick(clock), CLOCK_NOTHING);
	assert_int_equal(clock_wait(clock), 1);
	pass(1);
	assert_int_equal(tick(clock), CLOCK_TAKEN);
	assert_int_equal(clock_trusted(clock), START + YEAR + CLOCK_WAIT);
	pass(5);
	clock_state(clock, &now);
	assert_int_equal(now.ahead_s, 0);
	assert_int_equal(now.waited_s, 0);
	assert_true(clock_wait(clock) == INT64_MAX);
}

static void a_restart_goes_on_where_it_was(void **state)
{
	struct clock *clock = open_clock(*state);

	host.wall_unix += YEAR;
	tick(clock);
	pass(10 * HOUR);
	tick(clock);
	pass(7);
	clock_close(clock);
	host.boot_id = "b";
	host.boot_ms = 30 * 1000;
	host.wall_unix += 100;
	clock = open_clock(*state);
	assert_int_equal(clock_trusted(clock), START + 10 * HOUR + 37);
	assert_int_equal(clock_wait(clock), CLOCK_WAIT - 10 * HOUR - 37);
	clock_close(clock);
}

/* What is left behind when the process dies is what the last tick kept: not closed, and opened once more. */
static void a_crash_loses_less_than_a_minute_of_another_boot_and_nothing_of_this_one(void **state)
{
	static const char *const BOOTS[] = {"a", "b"};

	for (size_t i = 0; i < BL_COUNT(BOOTS); i++) {
		host.wall_unix = START + (int64_t)i * DAY;
		host.boot_ms = BOOT * 1000;
		host.boot_id = "a";
		struct clock *dead = open_clock(*state);

		for (int ticks = 0; ticks < 100; ticks++) {
			pass(7);
			tick(dead);
		}

		int64_t trusted = clock_trusted(dead);

		host.boot_id = BOOTS[i];
		if (i)
			host.boot_ms = 0;

		struct clock *clock = open_clock(*state);
		int64_t lost = trusted - clock_trusted(clock);

		if (lost < 0 || lost >= 60 || (i == 0 && lost))
			fail_msg("boot %s: %lld s lost", BOOTS[i], (long long)lost);
		clock_close(clock);
		clock_close(dead);
	}
}

static ino_t written(struct fixture *fixture)
{
	struct stat status;

	return stat(path_of(fixture, "store/clock"), &status) == 0 ? status.st_ino : 0;
}

static void only_what_matters_is_written(void **state)
{
	static const struct {
		int64_t passed, set;
		bool is_synchronised, is_written;
	} ROWS[] = {
		{1, 0, false, false},	     {30, 0, false, false}, {40, 0, false, true},
		{59, 0, false, false},	     {1, 0, false, true},   {1, YEAR, false, true},
		{10, 0, false, false},	     {60, 0, false, true},  {1, -YEAR, false, true},
		{1, -10 * DAY, false, true}, {1, YEAR, true, true}, {2, 5, true, false},
	};
	struct fixture *fixture = *state;
	BL_CLEANUP(clock_close) struct clock *clock = open_clock(fixture);

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		ino_t before = written(fixture);

		assert_true(before != 0);
		pass(ROWS[i].passed);
		host.wall_unix += ROWS[i].set;
		host.is_synchronised = ROWS[i].is_synchronised;
		tick(clock);
		if ((written(fixture) != before) != ROWS[i].is_written)
			fail_msg("row %zu", i);
	}
}

static void a_clock_that_was_changed_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct clock *clock = open_clock(fixture);
	struct bl_error why = {.text = ""};
	struct stat status;

	clock_close(clock);
	assert_int_equal(stat(path_of(fixture, "store/clock"), &status), 0);

	int fd = open(path_of(fixture, "store/clock"), O_RDWR | O_CLOEXEC);
	char byte;

	assert_int_equal(pread(fd, &byte, 1, status.st_size - 1), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, status.st_size - 1), 1);
	close(fd);
	assert_int_equal(clock_open(fixture->store, &clock, &why), BL_TAMPERED);
	assert_non_null(strstr(why.text, "remove it"));
	/* Removed it begins anew. */
	assert_int_equal(unlink(path_of(fixture, "store/clock")), 0);
	clock_close(open_clock(fixture));
}

static void only_its_own_form_is_read(void **state)
{
#define REST ",\"boot_ms\":5,\"trusted\":7,\"version\":1,\"waited\":3,\"wall\":8}"
	static const struct {
		const char *text;
		bool is_read;
	} ROWS[] = {
		{"{\"boot_id\":\"0a-f\"" REST, true},
		{"{\"boot_id\":\"\"" REST, true},
		{"", false},
		{"[]", false},
		{"{\"boot_id\":\"x\"" REST, false},
		{"{\"boot_id\":\"a\\u0000b\"" REST, false},
		{"{\"boot_id\":\"0123456789012345678901234567890123456\"" REST, false},
		{"{\"boot_id\":4" REST, false},
		{"{\"boot_id\":\"a\",\"boot_id\":\"a\"" REST, false},
		{"{\"boot_id\":\"a\",\"more\":1" REST, false},
		{"{\"boot_id\":\"a\",\"boot_ms\":5,\"trusted\":7,\"version\":1,\"waited\":3}",
		 false},
		{"{\"boot_id\":\"a\",\"boot_ms\":5,\"trusted\":7,\"version\":2,\"waited\":3,"
		 "\"wall\":8}",
		 false},
		{"{\"boot_id\":\"a\",\"boot_ms\":-5,\"trusted\":7,\"version\":1,\"waited\":3,"
		 "\"wall\":8}",
		 false},
		{"{\"boot_id\":\"a\",\"boot_ms\":5,\"trusted\":253402300800,\"version\":1,"
		 "\"waited\":3,\"wall\":8}",
		 false},
		{"{\"boot_id\":\"a\",\"boot_ms\":5,\"trusted\":7,\"version\":1,\"waited\":86401,"
		 "\"wall\":8}",
		 false},
		{"{\"boot_id\":\"a\",\"boot_ms\":5,\"trusted\":7,\"version\":1,\"waited\":3,"
		 "\"wall\":8.5}",
		 false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct clock_memory memory;

		if (clock_decode(ROWS[i].text, strlen(ROWS[i].text), &memory) != ROWS[i].is_read)
			fail_msg("row %zu: %s", i, ROWS[i].text);
		if (ROWS[i].is_read)
			assert_true(memory.trusted_unix == 7 && memory.last.wall_unix == 8 &&
				    memory.waited_s == 3 && memory.last.boot_ms == 5);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trusted_time_follows_the_rules),
		cmocka_unit_test(parts_of_a_second_are_not_lost),
		cmocka_unit_test(no_value_of_a_clock_makes_it_overflow),
		cmocka_unit_test(trusted_time_obeys_its_laws_on_a_random_walk),
		cmocka_unit_test(only_its_own_form_is_read),
		TEST(a_store_without_devices_begins_with_the_wall_clock),
		TEST(a_store_without_clock_begins_with_its_newest_record),
		TEST(time_goes_on_between_ticks),
		TEST(a_jump_is_told_waited_for_and_taken),
		TEST(a_restart_goes_on_where_it_was),
		TEST(a_crash_loses_less_than_a_minute_of_another_boot_and_nothing_of_this_one),
		TEST(only_what_matters_is_written),
		TEST(a_clock_that_was_changed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
