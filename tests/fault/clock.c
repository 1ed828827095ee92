/*
 * The store's clock on a disk that fails and in a process that dies: each call that writes it fails, or is the last one, in turn.
 * Time that was kept is never less afterwards, and a decision that could not be kept is kept by the next tick.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/fault/failing-disk.h"
#include "tests/unit/fs/retention/test-host.h"

#define HOUR INT64_C(3600)
#define YEAR (365 * 24 * HOUR)
#define BOOT INT64_C(1000000) /* ms */

/* ---- tests ------------------------------------------------------------------------------------------ */

static int set_up(void **state)
{
	host_begin(NOW, BOOT);
	return fixture_set_up(state);
}

static int tear_down(void **state)
{
	trouble_over();
	return fixture_tear_down(state);
}

/* What somebody finds who opens it after this process is gone. */
static int64_t kept_time(struct fixture *fixture)
{
	struct clock *clock = open_clock(fixture);
	int64_t trusted = clock_trusted(clock);

	clock_close(clock);
	return trusted;
}

static void a_decision_that_cannot_be_written_counts_and_is_kept_by_the_next_tick(void **state)
{
	bool has_failed = true;
	unsigned failed = 0;

	for (int at = 0; has_failed && at < TOO_MANY; at++) {
		struct clock *clock = open_clock(*state);
		int64_t trusted = clock_trusted(clock);
		enum clock_news news;

		pass(10);
		host.wall_unix += YEAR;
		trouble_at(at);

		enum bl_status status = clock_tick(clock, &news, NULL);

		trouble_over();
		has_failed = status != BL_OK;
		failed += has_failed;
		assert_int_equal(status, has_failed ? BL_IO : BL_OK);
		assert_int_equal(news, CLOCK_JUMPED);
		assert_int_equal(clock_trusted(clock), trusted + 10);
		assert_int_equal(clock_wait(clock), CLOCK_WAIT);
		/* The next one has nothing to decide, and yet writes. */
		assert_int_equal(clock_tick(clock, &news, NULL), BL_OK);
		assert_int_equal(news, CLOCK_NOTHING);
		host.boot_id = "b";
		host.boot_ms = 0;
		assert_int_equal(kept_time(*state), trusted + 10);
		host.boot_id = "a";
		clock_close(clock);
	}
	assert_false(has_failed);
	/* The line, the contents, two syncs, the rename. */
	assert_in_range(failed, 4, 20);
}

/* A clock that cannot be written at first is no reason not to serve: the first tick tells. */
static void a_clock_opens_on_a_disk_that_fails(void **state)
{
	struct clock *clock = NULL;

	trouble_at(0);
	assert_int_equal(clock_open(((struct fixture *)*state)->store, &clock, NULL), BL_OK);
	trouble_at(0);
	assert_int_equal(clock_tick(clock, NULL, NULL), BL_IO);
	assert_int_equal(clock_trusted(clock), NOW);
	trouble_over();
	assert_int_equal(clock_tick(clock, NULL, NULL), BL_OK);
	clock_close(clock);
}

/* Runs a day of ticks in a child that dies at call number @at; false: it came to its end. */
static bool die_at(struct fixture *fixture, int at)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct clock *clock = NULL;

		if (clock_open(fixture->store, &clock, NULL) != BL_OK)
			_exit(2);
		pass(HOUR);
		death_at(at);
		_exit(clock_tick(clock, NULL, NULL) == BL_OK ? 0 : 1);
	}
	return child_died(pid);
}

static void time_never_falls_below_what_was_kept_when_the_process_dies(void **state)
{
	int64_t kept = kept_time(*state);
	bool has_died = true;
	unsigned before = 0, after = 0;

	for (int at = 0; has_died && at < TOO_MANY; at++) {
		has_died = die_at(*state, at);

		/* In the next boot nothing but what was kept says what time it is. */
		host.boot_id = at % 2 ? "a" : "b";
		host.boot_ms = 0;

		int64_t found = kept_time(*state);

		if (found != kept && found != kept + HOUR)
			fail_msg("call %d: %lld s of an hour", at, (long long)(found - kept));
		before += has_died && found == kept;
		after += has_died && found != kept;
		if (!has_died)
			assert_int_equal(found, kept + HOUR);
		kept = found;
	}
	assert_false(has_died);
	/* Up to the rename it is the time before, with the folder's sync the one after. */
	assert_int_equal(before, 4);
	assert_int_equal(after, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_decision_that_cannot_be_written_counts_and_is_kept_by_the_next_tick),
		TEST(a_clock_opens_on_a_disk_that_fails),
		TEST(time_never_falls_below_what_was_kept_when_the_process_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
