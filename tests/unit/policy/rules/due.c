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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_follow_the_strongest_entry),
		cmocka_unit_test(a_date_beyond_time_does_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
