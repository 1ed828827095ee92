#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/retention/fixture.h"

#define DAY INT64_C(86400)
#define DUE (RECEIVED + 30 * DAY)

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || !fixture_init(fixture))
		return -1;
	*state = fixture;
	if (fixture_open_store(fixture) && mkdir(path_of(fixture, "mnt"), 0700) == 0)
		return 0;
	fixture_done(fixture); /* cmocka tears down nothing that was not set up */
	return -1;
}

static int tear_down(void **state)
{
	fixture_done(*state);
	free(*state);
	return 0;
}

static void device_is_due_at_its_date_and_not_before(void **state)
{
	static const struct {
		enum bl_device_state state;
		size_t holds;
		int64_t now_unix;
		bool is_due, is_held;
	} ROWS[] = {
		{STATE_RECEIVED, 0, DUE - 1, false, false}, {STATE_RECEIVED, 0, DUE, true, false},
		{STATE_CLOSED, 0, DUE + 1, true, false},    {STATE_HELD, 1, DUE, true, true},
		{STATE_HELD, 1, DUE - 1, false, true},	    {STATE_SHREDDED, 0, DUE, false, false},
		{STATE_RELEASED, 0, DUE, false, false},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device device = {.id = "RMA-1",
					.kind = DEVICE_PHONE,
					.state = ROWS[i].state,
					.received_unix = RECEIVED,
					.hold_count = ROWS[i].holds};
		struct retention_plan plan;

		retention_plan_of(fixture->store, fixture->policy, &device, ROWS[i].now_unix,
				  &plan);
		if (plan.due_unix != DUE || strcmp(plan.entry, "thirty-days") != 0 ||
		    plan.is_due != ROWS[i].is_due || plan.is_held != ROWS[i].is_held)
			fail_msg("row %zu: due %lld by '%s', is_due %d, is_held %d", i,
				 (long long)plan.due_unix, plan.entry, plan.is_due, plan.is_held);
	}
}

static void next_is_the_first_date_still_to_come(void **state)
{
	struct fixture *fixture = *state;
	struct device later = {
		.id = "RMA-2", .kind = DEVICE_PHONE, .enrolled_unix = RECEIVED + 5 * DAY};

	assert_int_equal(retention_next(fixture->store, fixture->policy, RECEIVED), INT64_MAX);
	assert_true(add_device(fixture, "RMA-1", false));
	snprintf(later.source, sizeof(later.source), "%s", path_of(fixture, "mnt/RMA-1.img"));
	assert_int_equal(device_enroll(fixture->store, &later, NULL, NULL), BL_OK);
	assert_int_equal(retention_next(fixture->store, fixture->policy, RECEIVED), DUE);
	assert_int_equal(retention_next(fixture->store, fixture->policy, DUE), DUE + 5 * DAY);
	assert_int_equal(retention_next(fixture->store, fixture->policy, DUE + 5 * DAY), INT64_MAX);
	assert_int_equal(device_set_state(fixture->store, "RMA-1", STATE_RELEASED, NULL), BL_OK);
	assert_int_equal(retention_next(fixture->store, fixture->policy, RECEIVED), DUE + 5 * DAY);
}

static const char RECORDED[] =
	"bailee: 1\n"
	"name: recorded-test\n"
	"serial: 1\n"
	"timezone: UTC\n"
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"
	"people: {anna: {roles: [technician]}}\n"
	"roles: {technician: {}}\n"
	"rules:\n"
	"  - {id: look, permit: [list], who: [technician], why: Technicians look.}\n"
	"retention:\n"
	"  - id: unused\n"
	"    destroy_after: {intake: 30d, last_open: 5d}\n"
	"    notice: 2d\n"
	"consent_withdrawn: {destroy_within: 24h}\n";

static struct policy *recorded_policy(void)
{
	struct rules_findings findings = {0};
	struct policy *policy = NULL;

	if (rules_parse(RECORDED, strlen(RECORDED), &policy, &findings, NULL) != BL_OK)
		fail_msg("%u: %s", findings.items[0].line, findings.items[0].text);
	return policy;
}

enum change { NOTHING, OPENED, WITHDRAWN, GRANTED, SHRED_EARLY };

static enum bl_status record_change(struct device_store *store, enum change change, int64_t at_unix)
{
	const struct device_consent consent = {
		.purpose = "repair", .is_granted = change == GRANTED, .since_unix = at_unix};
	const struct device_consent granted = {
		.purpose = "repair", .is_granted = true, .since_unix = at_unix};

	switch (change) {
	case NOTHING:
		return BL_OK;
	case OPENED:
		return device_opened(store, "RMA-1", at_unix, NULL);
	case WITHDRAWN:
		/* only what was given can be taken back */
		if (device_consent_set(store, "RMA-1", &granted, NULL) != BL_OK)
			return BL_FAILED;
		return device_consent_set(store, "RMA-1", &consent, NULL);
	case GRANTED:
		return device_consent_set(store, "RMA-1", &consent, NULL);
	case SHRED_EARLY:
		return device_early_shred_set(store, "RMA-1", 1001, at_unix, NULL);
	}
	return BL_FAILED;
}

static void what_was_recorded_brings_the_date_nearer(void **state)
{
	static const struct {
		enum change change;
		int64_t at_day, due_day, notice_day;
		const char *entry;
	} ROWS[] = {
		{NOTHING, 0, 30, 28, "unused"},
		{OPENED, 3, 8, 6, "unused"},
		{WITHDRAWN, 4, 5, 5, "builtin/consent-withdrawn"},
		{GRANTED, 5, 8, 6, "unused"},
		{OPENED, 6, 11, 9, "unused"},
		{SHRED_EARLY, 7, 7, 7, "builtin/early-shred"},
	};
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = recorded_policy();
	struct device device;

	assert_true(add_device(fixture, "RMA-1", false));
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		int64_t due = RECEIVED + ROWS[i].due_day * DAY;
		struct retention_plan plan;

		assert_int_equal(record_change(fixture->store, ROWS[i].change,
					       RECEIVED + ROWS[i].at_day * DAY),
				 BL_OK);
		retention_plan_of(fixture->store, policy, &device, due, &plan);
		if (plan.due_unix != due || strcmp(plan.entry, ROWS[i].entry) != 0 ||
		    plan.notice_unix != RECEIVED + ROWS[i].notice_day * DAY || !plan.is_due ||
		    plan.is_unsure)
			fail_msg("row %zu: day %lld by '%s', notice %lld", i,
				 (long long)(plan.due_unix - RECEIVED) / DAY, plan.entry,
				 (long long)(plan.notice_unix - RECEIVED) / DAY);
		assert_int_equal(retention_next(fixture->store, policy, due - 1), due);
	}
}

/* Neither destroyed at a guess nor kept for longer: the date that holds whatever was recorded. */
static void date_without_readable_facts_is_that_of_intake(void **state)
{
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = recorded_policy();
	struct device device;
	struct retention_plan plan;
	FILE *file;

	assert_true(add_device(fixture, "RMA-1", false));
	assert_int_equal(record_change(fixture->store, WITHDRAWN, RECEIVED), BL_OK);
	fixture_close_store(fixture);
	file = fopen(path_of(fixture, "store/devices/RMA-1/facts.sealed"), "ae");
	assert_non_null(file);
	assert_int_equal(fputc('x', file), 'x');
	assert_int_equal(fclose(file), 0);
	assert_true(fixture_open_store(fixture));
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	retention_plan_of(fixture->store, policy, &device, RECEIVED, &plan);
	assert_true(plan.is_unsure);
	assert_false(plan.is_due);
	assert_int_equal(plan.due_unix, DUE);
	assert_int_equal(retention_next(fixture->store, policy, RECEIVED), DUE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(device_is_due_at_its_date_and_not_before),
		TEST(next_is_the_first_date_still_to_come),
		TEST(what_was_recorded_brings_the_date_nearer),
		TEST(date_without_readable_facts_is_that_of_intake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
