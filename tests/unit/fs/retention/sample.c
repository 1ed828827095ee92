#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/retention/sample.h"
#include "tests/unit/fs/device/temp.h"

#define JULY	 INT64_C(1782864000) /* 2026-07-01 00:00 UTC */
#define AUGUST	 INT64_C(1785542400)
#define DAY	 INT64_C(86400)
#define DEVICES	 20
#define TWENTY	 "proof: {verify: 20%}\n"
#define NO_PROOF ""

static struct policy *policy_of(const char *zone, const char *proof)
{
	static const char TEXT[] =
		"bailee: 1\n"
		"name: sample-test\n"
		"serial: 1\n"
		"timezone: %s\n"
		"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"
		"people: {anna: {roles: [technician]}}\n"
		"roles: {technician: {}}\n"
		"rules:\n"
		"  - {id: look, permit: [list], who: [technician], why: Technicians look.}\n"
		"%s";
	struct rules_findings findings = {0};
	struct policy *policy = NULL;
	struct bl_error why = {.text = ""};
	char text[sizeof(TEXT) + 128];

	snprintf(text, sizeof(text), TEXT, zone, proof);
	if (rules_parse(text, strlen(text), &policy, &findings, &why) != BL_OK)
		fail_msg("%s: %s %s", zone, why.text, findings.items[0].text);
	return policy;
}

/* ---- numbers and periods ------------------------------------------------------------------------------ */

/* python3: hashlib.blake2b(b"bailee-sample-1\0" + store + period + b"\0" + device, digest_size=32).digest()[:8] */
static void number_is_what_was_computed_elsewhere(void **state)
{
	static const uint8_t ZERO[16],
		COUNTED[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	static const struct {
		const uint8_t *store;
		const char *period, *device;
		uint64_t number;
	} ROWS[] = {
		{ZERO, "2026-07", "RMA-1", UINT64_C(0x8360681db13fc340)},
		{COUNTED, "2026-07", "RMA-1", UINT64_C(0xe3218b430c8146cc)},
		{COUNTED, "2026-08", "RMA-1", UINT64_C(0xbdfe319daeb8fe62)},
		{COUNTED, "2026-07", "RMA-2", UINT64_C(0x19ae9e091a656e04)},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		if (sample_number(ROWS[i].store, ROWS[i].period, ROWS[i].device) != ROWS[i].number)
			fail_msg("row %zu: %s, %s", i, ROWS[i].period, ROWS[i].device);
}

/* python3: datetime(year, month, 1, tzinfo=ZoneInfo(zone)).timestamp() */
static void period_is_a_month_of_the_policys_zone(void **state)
{
	static const struct {
		const char *zone, *period;
		int64_t from_unix, until_unix;
	} ROWS[] = {
		{"UTC", "2026-07", JULY, AUGUST},
		{"UTC", "2024-02", 1706745600, 1709251200},
		{"UTC", "2011-12", 1322697600, 1325376000},
		{"Europe/Berlin", "2026-03", 1772319600, 1774994400},
		{"Europe/Berlin", "2026-10", 1790805600, 1793487600},
		{"America/St_Johns", "2026-07", 1782873000, 1785551400},
		{"Asia/Kathmandu", "2026-07", 1782843300, 1785521700},
		/* A day of this one was left out. */
		{"Pacific/Apia", "2011-12", 1322733600, 1325325600},
		{"Pacific/Apia", "2012-01", 1325325600, 1328004000},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(policy_unref)
		struct policy *policy = policy_of(ROWS[i].zone, NO_PROOF);
		char first[SAMPLE_PERIOD], last[SAMPLE_PERIOD], next[SAMPLE_PERIOD];
		int64_t from_unix = 0, until_unix = 0;

		if (!sample_parse(policy, ROWS[i].period, &from_unix, &until_unix) ||
		    from_unix != ROWS[i].from_unix || until_unix != ROWS[i].until_unix)
			fail_msg("%s in %s: %lld to %lld", ROWS[i].period, ROWS[i].zone,
				 (long long)from_unix, (long long)until_unix);
		sample_period(policy, from_unix, first);
		sample_period(policy, until_unix - 1, last);
		sample_period(policy, until_unix, next);
		if (strcmp(first, ROWS[i].period) != 0 || strcmp(last, ROWS[i].period) != 0 ||
		    strcmp(next, ROWS[i].period) <= 0)
			fail_msg("%s in %s: %s, %s, %s", ROWS[i].period, ROWS[i].zone, first, last,
				 next);
	}
}

static void what_is_no_month_is_refused(void **state)
{
	static const char *const ROWS[] = {
		"",	    "2026",    "2026-7",  "2026-00",	"2026-13",  "2026-07-",
		"2026-07x", "202607-", " 026-07", "+026-07",	"2026- 7",  "2026+07",
		"2026-0x",  "1969-12", "9999-01", "2026-07-01", "2026--07", "26-07-01"};
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of("UTC", NO_PROOF);
	int64_t from_unix, until_unix;

	(void)state;
	assert_true(sample_parse(policy, "1970-01", &from_unix, &until_unix));
	assert_int_equal(from_unix, 0);
	assert_true(sample_parse(policy, "9998-12", &from_unix, &until_unix));
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		if (sample_parse(policy, ROWS[i], &from_unix, &until_unix))
			fail_msg("'%s' is taken for a month", ROWS[i]);
}

/* ---- drawing --------------------------------------------------------------------------------------------- */

/* Its record says that it was destroyed then; @at_unix 0: by a version that did not write it down. */
static void add_ended(struct temp *temp, const char *id, int64_t at_unix)
{
	const struct device_end end = {.at_unix = at_unix, .by = 1001, .certificate = {1}};

	assert_int_equal(temp_enroll(temp, id), BL_OK);
	assert_int_equal(device_set_state(temp->store, id, STATE_DUE, JULY, NULL), BL_OK);
	if (at_unix)
		assert_int_equal(device_set_end(temp->store, id, &end, NULL), BL_OK);
	assert_int_equal(device_shred_begin(temp->store, id, NULL), BL_OK);
	assert_int_equal(device_set_state(temp->store, id, STATE_SHREDDED, JULY, NULL), BL_OK);
}

static void set_verified(struct temp *temp, const char *id, bool is_good)
{
	const struct device_verified verified = {.at_unix = AUGUST, .by = 1002, .is_good = is_good};

	assert_int_equal(device_set_verified(temp->store, id, &verified, NULL), BL_OK);
}

static struct sample draw(struct temp *temp, const char *period, unsigned percent, int64_t now_unix)
{
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of("UTC", NO_PROOF);
	struct sample sample;
	struct bl_error why = {.text = ""};

	if (sample_draw(temp->store, policy, period, percent, now_unix, &sample, &why) != BL_OK)
		fail_msg("%s", why.text);
	return sample;
}

/* Neither alphabetical nor its reverse. */
static void name_of(size_t i, char out[BL_DEVICE_ID_SIZE])
{
	snprintf(out, BL_DEVICE_ID_SIZE, "RMA-%02zu", (i * 7 + 3) % DEVICES);
}

static void add_many(struct temp *temp)
{
	char id[BL_DEVICE_ID_SIZE];

	for (size_t i = 0; i < DEVICES; i++) {
		name_of(i, id);
		add_ended(temp, id, JULY + (int64_t)i * DAY);
	}
	/* Not of this period, by a second; and of none. */
	add_ended(temp, "BEFORE", JULY - 1);
	add_ended(temp, "AFTER", AUGUST);
	add_ended(temp, "OLD", 0);
	assert_int_equal(temp_enroll(temp, "ALIVE"), BL_OK);
}

/* How many of the others have a smaller number: the place it has to have. Worked out without the draw. */
static size_t place_of(struct temp *temp, const char *id)
{
	const uint8_t *store = device_store_id(temp->store);
	uint64_t number = sample_number(store, "2026-07", id);
	size_t place = 0;

	for (size_t i = 0; i < DEVICES; i++) {
		char other[BL_DEVICE_ID_SIZE];

		snprintf(other, sizeof(other), "RMA-%02zu", i);
		place += sample_number(store, "2026-07", other) < number;
	}
	return place;
}

static void draw_takes_the_smallest_numbers_of_the_period_whatever_came_first(void **state)
{
	struct temp *temp = *state;

	add_many(temp);
	for (unsigned percent = 1; percent <= 100; percent += 33) {
		struct sample sample = draw(temp, "2026-07", percent, AUGUST);

		assert_int_equal(sample.shreds, DEVICES);
		assert_int_equal(sample.count, (DEVICES * percent + 99) / 100);
		for (size_t i = 0; i < sample.count; i++)
			if (place_of(temp, sample.items[i].device) != i)
				fail_msg("%u %%: '%s' is not number %zu", percent,
					 sample.items[i].device, i);
		sample_done(&sample);
	}
}

static void draw_is_the_same_again(void **state)
{
	struct temp *temp = *state;

	add_many(temp);

	struct sample first = draw(temp, "2026-07", 30, AUGUST);

	set_verified(temp, first.items[0].device, true);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);

	struct sample second = draw(temp, "2026-07", 30, AUGUST + 90 * DAY);

	assert_int_equal(first.count, 6);
	assert_int_equal(second.count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_string_equal(first.items[i].device, second.items[i].device);
		assert_int_equal(first.items[i].number, second.items[i].number);
		assert_int_equal(first.items[i].ended_unix, second.items[i].ended_unix);
	}
	assert_int_equal(first.missing, 6);
	assert_int_equal(second.missing, 5);
	assert_true(second.items[0].verified.is_good);
	sample_done(&first);
	sample_done(&second);
}

static void share_is_rounded_up(void **state)
{
	static const struct {
		size_t shreds;
		unsigned percent;
		size_t count;
	} ROWS[] = {
		{0, 1, 0},  {0, 100, 0}, {1, 1, 1},  {1, 100, 1}, {2, 1, 1},  {2, 50, 1},
		{2, 51, 2}, {3, 33, 1},	 {3, 34, 2}, {3, 66, 2},  {3, 67, 3}, {3, 100, 3},
	};
	struct temp *temp = *state;
	size_t there = 0;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char id[BL_DEVICE_ID_SIZE];

		for (; there < ROWS[i].shreds; there++) {
			snprintf(id, sizeof(id), "RMA-%zu", there);
			add_ended(temp, id, JULY + (int64_t)there);
		}

		struct sample sample = draw(temp, "2026-07", ROWS[i].percent, AUGUST);

		if (sample.shreds != ROWS[i].shreds || sample.count != ROWS[i].count ||
		    sample.missing != ROWS[i].count)
			fail_msg("%u %% of %zu: %zu of %zu, %zu missing", ROWS[i].percent,
				 ROWS[i].shreds, sample.count, sample.shreds, sample.missing);
		sample_done(&sample);
	}
}

static void period_is_over_when_the_next_one_begins(void **state)
{
	static const struct {
		int64_t now_unix;
		bool is_over;
	} ROWS[] = {{JULY - 1, false}, {JULY, false}, {AUGUST - 1, false}, {AUGUST, true}};
	struct temp *temp = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct sample sample = draw(temp, "2026-07", 1, ROWS[i].now_unix);

		if (sample.is_over != ROWS[i].is_over)
			fail_msg("row %zu", i);
		assert_string_equal(sample.period, "2026-07");
		sample_done(&sample);
	}
}

static void impossible_draws_are_refused(void **state)
{
	static const struct {
		const char *period;
		unsigned percent;
	} ROWS[] = {{"2026-07", 0}, {"2026-07", 101}, {"2026-13", 5}, {"July", 5}};
	struct temp *temp = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of("UTC", NO_PROOF);

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct sample sample;
		struct bl_error why = {.text = ""};

		if (sample_draw(temp->store, policy, ROWS[i].period, ROWS[i].percent, AUGUST,
				&sample, &why) != BL_INVALID ||
		    !strchr(why.text, '('))
			fail_msg("row %zu: '%s'", i, why.text);
	}
}

/* ---- what is missing ---------------------------------------------------------------------------------------- */

struct told {
	size_t count, stop_after;
	char periods[8][SAMPLE_PERIOD];
	size_t shreds[8], drawn[8], missing[8];
};

static bool tell(void *context, const struct sample *sample)
{
	struct told *told = context;
	size_t i = told->count++;

	memcpy(told->periods[i], sample->period, SAMPLE_PERIOD);
	told->shreds[i] = sample->shreds;
	told->drawn[i] = sample->count;
	told->missing[i] = sample->missing;
	if (!sample->is_over || sample->percent != 20)
		fail_msg("%s: %u %%", sample->period, sample->percent);
	return told->count != told->stop_after;
}

static struct told find_missing(struct temp *temp, const char *proof, int64_t now_unix,
				size_t stop_after)
{
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of("UTC", proof);
	struct told told = {.stop_after = stop_after};

	assert_int_equal(sample_missing(temp->store, policy, now_unix, tell, &told, NULL), BL_OK);
	return told;
}

/* Two of July's seven are drawn, one of May's one, one of August's three. */
static void add_months(struct temp *temp)
{
	char id[BL_DEVICE_ID_SIZE];

	for (size_t i = 0; i < 7; i++) {
		snprintf(id, sizeof(id), "JULY-%zu", i);
		add_ended(temp, id, JULY + (int64_t)i);
	}
	for (size_t i = 0; i < 3; i++) {
		snprintf(id, sizeof(id), "AUGUST-%zu", i);
		add_ended(temp, id, AUGUST + (int64_t)i);
	}
	add_ended(temp, "MAY", JULY - 40 * DAY);
	add_ended(temp, "OLD", 0);
}

static void periods_that_are_over_and_lack_verifications_are_told(void **state)
{
	struct temp *temp = *state;

	add_months(temp);

	struct told told = find_missing(temp, TWENTY, AUGUST + DAY, 0);

	assert_int_equal(told.count, 2);
	assert_string_equal(told.periods[0], "2026-05");
	assert_int_equal(told.drawn[0], 1);
	assert_string_equal(told.periods[1], "2026-07");
	assert_int_equal(told.shreds[1], 7);
	assert_int_equal(told.drawn[1], 2);
	assert_int_equal(told.missing[1], 2);
	assert_int_equal(find_missing(temp, TWENTY, AUGUST + 40 * DAY, 0).count, 3);
	assert_int_equal(find_missing(temp, TWENTY, AUGUST + 40 * DAY, 1).count, 1);
	assert_int_equal(find_missing(temp, TWENTY, JULY - 1, 0).count, 1);
}

static void without_a_share_in_the_policy_nothing_is_missing(void **state)
{
	struct temp *temp = *state;

	add_months(temp);
	assert_int_equal(find_missing(temp, NO_PROOF, AUGUST + 40 * DAY, 0).count, 0);
	assert_int_equal(
		find_missing(temp, "proof: {certificate: true}\n", AUGUST + 40 * DAY, 0).count, 0);
}

static void what_was_found_bad_is_missing_until_it_is_found_good(void **state)
{
	struct temp *temp = *state;
	struct told told;

	add_months(temp);
	set_verified(temp, "MAY", false);
	told = find_missing(temp, TWENTY, AUGUST, 0);
	assert_int_equal(told.count, 2);
	assert_int_equal(told.missing[0], 1);
	set_verified(temp, "MAY", true);
	told = find_missing(temp, TWENTY, AUGUST, 0);
	assert_int_equal(told.count, 1);
	assert_string_equal(told.periods[0], "2026-07");

	struct sample sample = draw(temp, "2026-07", 20, AUGUST);

	assert_int_equal(sample.count, 2);
	set_verified(temp, sample.items[1].device, true);
	assert_int_equal(find_missing(temp, TWENTY, AUGUST, 0).missing[0], 1);
	set_verified(temp, sample.items[0].device, true);
	assert_int_equal(find_missing(temp, TWENTY, AUGUST, 0).count, 0);
	sample_done(&sample);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_is_what_was_computed_elsewhere),
		cmocka_unit_test(period_is_a_month_of_the_policys_zone),
		cmocka_unit_test(what_is_no_month_is_refused),
		TEST(draw_takes_the_smallest_numbers_of_the_period_whatever_came_first),
		TEST(draw_is_the_same_again),
		TEST(share_is_rounded_up),
		TEST(period_is_over_when_the_next_one_begins),
		TEST(impossible_draws_are_refused),
		TEST(periods_that_are_over_and_lack_verifications_are_told),
		TEST(without_a_share_in_the_policy_nothing_is_missing),
		TEST(what_was_found_bad_is_missing_until_it_is_found_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
