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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(device_is_due_at_its_date_and_not_before),
		TEST(next_is_the_first_date_still_to_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
