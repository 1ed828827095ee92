#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/rules/zone.h"

static struct zone *load(const char *name)
{
	struct zone *zone = NULL;
	struct bl_error why = {{0}};

	if (zone_load(name, &zone, &why) != BL_OK)
		fail_msg("%s: %s", name, why.text);
	return zone;
}

static void dates_that_do_not_exist_are_told_apart(void **state)
{
	static const struct {
		int year;
		unsigned month, mday;
		bool is_date;
		int32_t day;
	} ROWS[] = {
		{1970, 1, 1, true, 0},	       {1969, 12, 31, true, -1}, {2000, 2, 29, true, 11016},
		{2026, 7, 1, true, 20635},     {2026, 2, 29, false, 0},	 {1900, 2, 29, false, 0},
		{2024, 2, 29, true, 19782},    {2026, 4, 31, false, 0},	 {2026, 13, 1, false, 0},
		{2026, 0, 1, false, 0},	       {2026, 1, 0, false, 0},	 {0, 1, 1, false, 0},
		{9999, 12, 31, true, 2932896}, {10000, 1, 1, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		int32_t day = 0;

		if (zone_day(ROWS[i].year, ROWS[i].month, ROWS[i].mday, &day) != ROWS[i].is_date ||
		    day != ROWS[i].day)
			fail_msg("%d-%u-%u gives %d", ROWS[i].year, ROWS[i].month, ROWS[i].mday,
				 day);
	}
}

static void wall_and_moment_agree_around_changes(void **state)
{
	static const struct {
		const char *zone;
		int year;
		unsigned month, mday, minute;
		int64_t at_unix;
		bool is_shown; /* false: the wall skips it */
	} ROWS[] = {
		{"UTC", 2026, 7, 1, 600, 1782900000, true},
		{"Europe/Dublin", 2026, 7, 1, 600, 1782896400, true},
		{"Europe/Dublin", 2026, 1, 15, 600, 1768471200, true},
		{"Europe/Dublin", 2026, 3, 29, 59, 1774745940, true},
		{"Europe/Dublin", 2026, 3, 29, 90, 1774746000, false},
		{"Europe/Dublin", 2026, 10, 25, 90, 1792888200, true},
		{"Europe/Dublin", 2090, 7, 1, 600, 3802582800, true},
		{"America/Chicago", 2026, 3, 8, 150, 1772956800, false},
		{"America/Chicago", 2026, 11, 1, 90, 1793514600, true},
		{"Australia/Sydney", 2060, 1, 1, 0, 2840101200, true},
		{"Asia/Kolkata", 2026, 7, 1, 0, 1782844200, true},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct zone *zone = load(ROWS[i].zone);
		struct zone_time wall;
		int32_t day = 0;

		assert_true(zone_day(ROWS[i].year, ROWS[i].month, ROWS[i].mday, &day));

		int64_t got = zone_unix(zone, day, ROWS[i].minute);

		zone_local(zone, got, &wall);
		if (got != ROWS[i].at_unix ||
		    (wall.day == day && wall.minute == ROWS[i].minute) != ROWS[i].is_shown)
			fail_msg("row %zu (%s): %lld, wall %d %u", i, ROWS[i].zone, (long long)got,
				 wall.day, wall.minute);
		zone_free(zone);
	}
}

/* glibc reads the same files with code of its own. */
static void wall_is_what_glibc_shows(void **state)
{
	static const char *const ZONES[] = {
		"Europe/Dublin",     "Europe/Berlin",	   "America/Chicago",
		"America/St_Johns",  "Australia/Sydney",   "Asia/Kathmandu",
		"Africa/Casablanca", "America/Nuuk",	   "Australia/Lord_Howe",
		"Pacific/Apia",	     "America/Sao_Paulo",  "Asia/Gaza",
		"Antarctica/Troll",  "Pacific/Kiritimati", "Africa/Monrovia",
	};
	uint64_t random = 20260701;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ZONES); i++) {
		struct zone *zone = load(ZONES[i]);

		setenv("TZ", ZONES[i], 1);
		tzset();
		for (int k = 0; k < 2000; k++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;

			/* 1901 .. 2173: transitions of the file and years behind its last one */
			int64_t at = (int64_t)((random >> 20) % UINT64_C(8600000000)) -
				     INT64_C(2150000000);
			time_t t = (time_t)at;
			struct zone_time wall;
			struct tm tm;

			zone_local(zone, at, &wall);
			assert_non_null(localtime_r(&t, &tm));
			if (wall.year != tm.tm_year + 1900 || wall.month != tm.tm_mon + 1 ||
			    wall.mday != tm.tm_mday || wall.minute != tm.tm_hour * 60 + tm.tm_min ||
			    wall.weekday != (tm.tm_wday + 6) % 7)
				fail_msg("%s at %lld: %d-%u-%u %u, glibc %d-%d-%d %d:%d", ZONES[i],
					 (long long)at, wall.year, wall.month, wall.mday,
					 wall.minute, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
					 tm.tm_hour, tm.tm_min);

			/* and back: the first instant of that minute, or the same wall an hour before */
			int64_t back = zone_unix(zone, wall.day, wall.minute);
			struct zone_time again;

			zone_local(zone, back, &again);
			if (back > at || again.day != wall.day || again.minute != wall.minute)
				fail_msg("%s at %lld: back at %lld", ZONES[i], (long long)at,
					 (long long)back);
		}
		zone_free(zone);
	}
	unsetenv("TZ");
	tzset();
}

static void far_moments_do_not_overflow(void **state)
{
	struct zone *zone = load("Europe/Dublin");
	struct zone_time wall;

	(void)state;
	zone_local(zone, INT64_MAX, &wall);
	assert_true(wall.year > 300000);
	zone_local(zone, INT64_MIN, &wall);
	assert_true(wall.year < -300000);
	assert_true(zone_unix(zone, INT32_MAX, 1440) > 0);
	assert_true(zone_unix(zone, INT32_MIN, 0) < 0);
	zone_free(zone);
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
	static const char *const NAMES[] = {
		"",
		"/etc/passwd",
		"../../etc/passwd",
		"Europe/../UTC",
		"Europe//Dublin",
		"Europe/",
		"Europe",
		"Nowhere/Atall",
		"posixrules.",
		"a b",
		"Europe/Dublin\n",
		"zone.tab",
		"right/Europe/Dublin",
		"tzdata",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(NAMES); i++) {
		struct zone *zone = NULL;
		struct bl_error why = {{0}};

		if (zone_load(NAMES[i], &zone, &why) == BL_OK || !why.text[0])
			fail_msg("'%s' is taken", NAMES[i]);
	}
}

/* A small file by hand: one type, no transitions, and a footer. */
static size_t make_file(uint8_t *out, const char *footer)
{
	uint8_t *p = out;

	for (int block = 0; block < 2; block++) {
		memset(p, 0, 44);
		memcpy(p, "TZif2", 5);
		p[39] = 1; /* types */
		p[43] = 4; /* characters */
		p += 44;
		memset(p, 0, 6);
		p += 6;
		memcpy(p, "UTC", 4);
		p += 4;
	}
	p += sprintf((char *)p, "\n%s\n", footer);
	return (size_t)(p - out);
}

static void footers_are_read_strictly(void **state)
{
	static const struct {
		const char *footer;
		bool is_ok;
	} ROWS[] = {
		{"", true},
		{"UTC0", true},
		{"IST-1GMT0,M10.5.0,M3.5.0/1", true},
		{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", true},
		{"EST5EDT,0/0,J365/25", true},
		{"EST5EDT,0365,J0365", true},
		{"EST5EDT,00365,J365", false},
		{"EST5EDT", false},
		{"EST5EDT,M3.2.0", false},
		{"EST5EDT,M13.2.0,M11.1.0", false},
		{"EST5EDT,M3.6.0,M11.1.0", false},
		{"EST5EDT,M3.2.0,M11.1.0x", false},
		{"ES5", false},
		{"EST", false},
		{"EST99", false},
		{"<EST5", false},
		{"EST5:99", false},
		{"EST5EDT,J0,J365", false},
		{"EST5EDT,366,J365", false},
		{"EST5EDT,M3.2.0/200,M11.1.0", false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint8_t bytes[256];
		struct zone *zone = NULL;
		enum bl_status status = zone_parse(bytes, make_file(bytes, ROWS[i].footer), &zone);

		if (status != (ROWS[i].is_ok ? BL_OK : BL_INVALID))
			fail_msg("'%s': %s", ROWS[i].footer, bl_status_name(status));
		zone_free(zone);
	}
}

/* Changes on days that are counted from the year's first: 29 February counts in the one form, never in the other. */
static void changes_on_counted_days_are_seen(void **state)
{
	static const struct {
		int year;
		unsigned month, mday, minute; /* in UTC */
		unsigned shown;		      /* minutes of the day on the wall */
	} ROWS[] = {
		/* day 59, from 0: 1 March, or 29 February; J300: 27 October in every year */
		{2026, 3, 1, 59, 59},	{2026, 3, 1, 60, 120},	  {2024, 2, 29, 59, 59},
		{2024, 2, 29, 60, 120}, {2026, 10, 26, 1439, 59}, {2026, 10, 27, 59, 119},
		{2026, 10, 27, 60, 60}, {2024, 10, 27, 59, 119},  {2024, 10, 27, 60, 60},
	};
	uint8_t bytes[256];
	struct zone *zone = NULL;

	(void)state;
	assert_int_equal(zone_parse(bytes, make_file(bytes, "AAA0BBB,59/1,J300/2"), &zone), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct zone_time wall;
		int32_t day;

		assert_true(zone_day(ROWS[i].year, ROWS[i].month, ROWS[i].mday, &day));
		zone_local(zone, day * INT64_C(86400) + ROWS[i].minute * 60, &wall);
		if (wall.minute != ROWS[i].shown)
			fail_msg("row %zu: %u", i, (unsigned)wall.minute);
	}
	zone_free(zone);
}

static void offsets_beyond_a_day_are_refused(void **state)
{
	static const struct {
		int32_t offset;
		bool is_ok;
	} ROWS[] = {
		{26 * 3600, true},	 {26 * 3600 + 1, false}, {-26 * 3600, true},
		{-26 * 3600 - 1, false}, {INT32_MAX, false},	 {INT32_MIN, false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint8_t bytes[256];
		size_t length = make_file(bytes, "UTC0");
		struct zone *zone = NULL;

		/* of the second block: behind its header */
		for (unsigned k = 0; k < 4; k++)
			bytes[54 + 44 + k] = (uint8_t)((uint32_t)ROWS[i].offset >> (24 - 8 * k));
		if (zone_parse(bytes, length, &zone) != (ROWS[i].is_ok ? BL_OK : BL_INVALID))
			fail_msg("row %zu", i);
		zone_free(zone);
	}
}

/* Every cut and every single changed byte: refused or read, never out of bounds (ASan sees to that). */
static void broken_files_are_survived(void **state)
{
	uint8_t good[256];
	size_t length = make_file(good, "IST-1GMT0,M10.5.0,M3.5.0/1");

	(void)state;
	for (size_t cut = 0; cut < length; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		struct zone *zone = NULL;

		memcpy(copy, good, cut);
		if (zone_parse(copy, cut, &zone) != BL_INVALID)
			fail_msg("cut at %zu is taken", cut);
		free(copy);
	}
	for (size_t i = 0; i < length * 256; i++) {
		uint8_t *copy = malloc(length);
		struct zone *zone = NULL;
		struct zone_time wall;

		memcpy(copy, good, length);
		copy[i / 256] = (uint8_t)i;
		if (zone_parse(copy, length, &zone) == BL_OK) {
			zone_local(zone, 1782900000, &wall);
			assert_in_range(wall.minute, 0, 1439);
			(void)zone_unix(zone, wall.day, wall.minute);
		}
		zone_free(zone);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_that_do_not_exist_are_told_apart),
		cmocka_unit_test(wall_and_moment_agree_around_changes),
		cmocka_unit_test(wall_is_what_glibc_shows),
		cmocka_unit_test(far_moments_do_not_overflow),
		cmocka_unit_test(names_that_lead_elsewhere_are_refused),
		cmocka_unit_test(footers_are_read_strictly),
		cmocka_unit_test(changes_on_counted_days_are_seen),
		cmocka_unit_test(offsets_beyond_a_day_are_refused),
		cmocka_unit_test(broken_files_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
