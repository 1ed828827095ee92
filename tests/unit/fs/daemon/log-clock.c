/* When the wall clock is believed enough to remove old parts of the log. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/daemon/state.h"

#define DAY  INT64_C(86400)
#define NOON INT64_C(1800000000)

struct look {
	int64_t realtime_s, boottime_s;
	bool is_steady;
};

static void looks(const struct look *rows, size_t count)
{
	struct log_clock clock = {.is_known = false};

	for (size_t i = 0; i < count; i++)
		if (log_clock_is_steady(&clock, rows[i].realtime_s, rows[i].boottime_s) !=
		    rows[i].is_steady)
			fail_msg("look %zu: wanted %s", i, rows[i].is_steady ? "steady" : "not");
}

static void a_day_has_to_pass_first(void **state BL_UNUSED)
{
	static const struct look ROWS[] = {{NOON, 100, false},
					   {NOON + DAY - 1, 100 + DAY - 1, false},
					   {NOON + DAY, 100 + DAY, true}};

	looks(ROWS, BL_COUNT(ROWS));
}

static void a_step_begins_it_anew_either_way(void **state BL_UNUSED)
{
	static const struct look FORWARD[] = {{NOON, 100, false},
					      {NOON + 2 * DAY, 100 + 2 * DAY, true},
					      {NOON + 900 * DAY, 101 + 2 * DAY, false},
					      {NOON + 900 * DAY + DAY - 2, 99 + 3 * DAY, false},
					      {NOON + 901 * DAY, 101 + 3 * DAY, true}};
	static const struct look BACK[] = {{NOON, 100, false},
					   {NOON + 2 * DAY, 100 + 2 * DAY, true},
					   {NOON, 101 + 2 * DAY, false},
					   {NOON + DAY, 101 + 3 * DAY, true}};

	looks(FORWARD, BL_COUNT(FORWARD));
	looks(BACK, BL_COUNT(BACK));
}

static void a_clock_that_is_slewed_stays_steady(void **state BL_UNUSED)
{
	static const struct look ROWS[] = {{NOON, 100, false},
					   {NOON + DAY + 59, 100 + DAY, true},
					   {NOON + 2 * DAY - 59, 100 + 2 * DAY, true}};

	looks(ROWS, BL_COUNT(ROWS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_has_to_pass_first),
		cmocka_unit_test(a_step_begins_it_anew_either_way),
		cmocka_unit_test(a_clock_that_is_slewed_stays_steady),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
