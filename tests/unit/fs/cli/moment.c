#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include <inttypes.h>

#include "fs/cli/moment.c"

#define NOW INT64_C(1795342530) /* 2026-11-22 10:15:30 UTC */

struct row {
	const char *text, *zone;
	int64_t at_unix; /* INT64_MIN: none */
};

static void times_are_what_people_type(void **state)
{
	static const struct row ROWS[] = {
		{"2026-11-22", "UTC", 1795305600},
		{"2026-11-22 10:00", "UTC", 1795341600},
		{"2026-11-22T10:00", "UTC", 1795341600},
		{"2026-11-22 10:00:30", "UTC", 1795341630},
		{"2026-11-22T10:00:00Z", "Europe/Berlin", 1795341600},
		{"2026-11-22T10:00:00+01:00", "UTC", 1795338000},
		{"2026-11-22T10:00:00-01:30", "UTC", 1795347000},
		{"2026-11-22", "Europe/Berlin", 1795302000},
		{"2026-07-01 10:00", "Europe/Berlin", 1782892800},
		/* the hour that is not there, and the one that is there twice */
		{"2026-03-29 02:30", "Europe/Berlin", 1774746000},
		{"2026-10-25 02:30", "Europe/Berlin", 1792888200},
		{"10:00", "UTC", 1795341600},
		{"10:00:05", "UTC", 1795341605},
		{"11:00", "Europe/Berlin", 1795341600},
		{"7d", "UTC", NOW - 7 * 86400},
		{"12h", "Europe/Berlin", NOW - 12 * 3600},
		{"30m", "UTC", NOW - 1800},
		{"0m", "UTC", NOW},
		{"99999999d", "UTC", NOW - INT64_C(99999999) * 86400},
		{"1970-01-01", "UTC", 0},
		{"2024-02-29", "UTC", 1709164800},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(zone_free) struct zone *zone = NULL;
		int64_t at = INT64_MIN;

		assert_int_equal(zone_load(ROWS[i].zone, &zone, NULL), BL_OK);
		bool is_one = moment_parse(ROWS[i].text, zone, NOW, &at);

		if (!is_one || at != ROWS[i].at_unix)
			fail_msg("'%s' in %s: %d, %" PRId64 " and not %" PRId64, ROWS[i].text,
				 ROWS[i].zone, is_one, at, ROWS[i].at_unix);
	}
}

static void what_is_no_time_is_none(void **state)
{
	static const char *const TEXTS[] = {
		"",
		"now",
		"yesterday",
		"2026",
		"2026-11",
		"2026-11-22x",
		"2026-13-01",
		"2026-02-30",
		"2025-02-29",
		"2026-11-22 ",
		"2026-11-22 24:00",
		"2026-11-22 10:60",
		"2026-11-22 10:00:60",
		"2026-11-22 10",
		"2026-11-22T10:00:00+1",
		"2026-11-22T10:00:00+25:00",
		"2026-11-22T10:00:00Zx",
		"2026-11-22 10:00 +01:00",
		" 2026-11-22",
		"26-11-22",
		"10",
		"10:0",
		"24:00",
		"10:00x",
		"d",
		"7",
		"7 d",
		"7dd",
		"-7d",
		"+7d",
		"7w",
		"7D",
		"999999999d",
		"18446744073709551617d",
		"1e3d",
		"\xff",
		"7d\n",
	};
	BL_CLEANUP(zone_free) struct zone *zone = NULL;

	(void)state;
	assert_int_equal(zone_load("UTC", &zone, NULL), BL_OK);
	for (size_t i = 0; i < BL_COUNT(TEXTS); i++) {
		int64_t at = 4711;

		if (moment_parse(TEXTS[i], zone, NOW, &at) || at != 4711)
			fail_msg("'%s' is taken as %" PRId64, TEXTS[i], at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_what_people_type),
		cmocka_unit_test(what_is_no_time_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
