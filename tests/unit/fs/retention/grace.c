#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/retention/fixture.h"

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)
#define AT   (RECEIVED + 50 * DAY) /* when the policy is exchanged */

static const char *const POLICIES[] = {
	POLICY_HEAD "  - {id: a, destroy_after: {intake: 60d}}\n",
	POLICY_HEAD "  - {id: a, destroy_after: {intake: 40d}}\n",
	POLICY_HEAD "  - {id: b, destroy_after: {intake: 45d}}\n",
	POLICY_HEAD "  - {id: a, destroy_after: {intake: 52d}}\n",
	POLICY_HEAD "  - {id: a, destroy_after: {intake: 60d}}\n"
		    "  - {id: p, what: {paths: ['/Users/**']}, destroy_after: {intake: 40d}}\n",
	POLICY_HEAD "  - {id: a, destroy_after: {intake: 60d}}\n"
		    "  - {id: other, what: {paths: ['/Users/**']}, destroy_after: {intake: 30d}}\n",
	POLICY_HEAD "  - {id: a, destroy_after: {intake: 60d}}\n"
		    "  - {id: p, what: {paths: ['/Windows/**']}, destroy_after: {intake: 40d}}\n",
	POLICY_HEAD "  - {id: a, destroy_after: {intake: 60d}}\n"
		    "  - {id: p, what: {paths: ['/Users/**']}, destroy_after: {intake: 55d}}\n",
};
enum policy_name {
	LATER,	 /* due on day 60 */
	SOONER,	 /* 40 */
	RATHER,	 /* 45 */
	SOON,	 /* 52 */
	PART,	 /* 60, some files on day 40 */
	RENAMED, /* the same files on day 30, by another entry */
	ANOTHER, /* 60, other files on day 40 */
	WAITING, /* 60, the same files as PART on day 55 */
};

static int set_up(void **state)
{
	if (fixture_set_up(state) != 0)
		return -1;
	if (add_device(*state, "PLAIN", false) && add_sealed(*state, "SEALED", 1, 1u << 20, true))
		return 0;
	fixture_tear_down(state);
	return -1;
}

static struct device device_of(struct fixture *fixture, const char *id)
{
	struct device device;

	assert_int_equal(device_find(fixture->store, id, &device, NULL), BL_OK);
	return device;
}

static size_t exchange(struct fixture *fixture, enum policy_name from, enum policy_name to,
		       int64_t access_unix, int64_t trusted_unix)
{
	BL_CLEANUP(policy_unref) struct policy *older = policy_of(POLICIES[from]);
	BL_CLEANUP(policy_unref) struct policy *newer = policy_of(POLICIES[to]);
	struct retention_now now = {access_unix, trusted_unix};
	size_t count = 99;

	assert_int_equal(retention_grace(fixture->store, older, newer, &now, &count, NULL), BL_OK);
	return count;
}

static void what_another_policy_makes_due_is_given_a_day(void **state)
{
	static const struct {
		const char *name;
		enum policy_name from, to;
		int64_t access, trusted; /* days from AT on */
		int64_t before, after;	 /* grace, days from AT on; -99: none */
	} ROWS[] = {
		{"due at once", LATER, SOONER, 0, 0, -99, 1},
		{"not due yet", LATER, SOON, 0, 0, -99, -99},
		{"due by access time alone", LATER, SOON, 5, 0, -99, 1},
		{"due already", SOONER, RATHER, 0, 0, -99, -99},
		{"due already, and its grace is not over", SOONER, RATHER, 0, 0, 1, 1},
		{"put off", SOONER, LATER, 0, 0, 1, -99},
		{"put off after its grace", SOONER, LATER, 0, 0, -3, -99},
		{"the same policy once more", SOONER, SOONER, 0, 0, 1, 1},
		{"closed by a clock that is ahead, and now ripe", LATER, SOONER, 99, 0, -99, 1},
		{"due by both under a clock that is ahead", LATER, SOON, 99, 0, -99, -99},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		int64_t before = ROWS[i].before == -99 ? 0 : AT + ROWS[i].before * DAY;
		int64_t after = ROWS[i].after == -99 ? 0 : AT + ROWS[i].after * DAY;

		assert_int_equal(device_set_grace(fixture->store, "PLAIN", before, NULL), BL_OK);
		exchange(fixture, ROWS[i].from, ROWS[i].to, AT + ROWS[i].access * DAY,
			 AT + ROWS[i].trusted * DAY);

		int64_t grace = device_of(fixture, "PLAIN").grace_unix;

		if (grace != after)
			fail_msg("%s: grace %lld", ROWS[i].name, (long long)(grace - AT));
	}
}

static void every_device_is_looked_at_and_counted(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(exchange(fixture, LATER, SOONER, AT, AT), 2);
	assert_int_equal(device_of(fixture, "PLAIN").grace_unix, AT + DAY);
	assert_int_equal(device_of(fixture, "SEALED").grace_unix, AT + DAY);
	/* What is left as it is is not counted, nor what is taken back. */
	assert_int_equal(exchange(fixture, SOONER, RATHER, AT, AT), 0);
	assert_int_equal(exchange(fixture, RATHER, LATER, AT, AT), 0);
	assert_int_equal(device_of(fixture, "PLAIN").grace_unix, 0);
	assert_int_equal(device_of(fixture, "SEALED").grace_unix, 0);
}

static void grace_is_there_after_a_restart(void **state)
{
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(POLICIES[SOONER]);
	struct retention_now now = {AT, AT};
	struct retention_plan plan;

	exchange(fixture, LATER, SOONER, AT, AT);
	fixture_close_store(fixture);
	assert_true(fixture_open_store(fixture));

	struct device device = device_of(fixture, "PLAIN");

	retention_plan_of(fixture->store, policy, &device, &now, &plan);
	assert_true(plan.is_due);
	assert_false(plan.is_ripe);
	assert_int_equal(retention_next(fixture->store, policy, &now), AT + DAY);
	now = (struct retention_now){AT + DAY, AT + DAY};
	retention_plan_of(fixture->store, policy, &device, &now, &plan);
	assert_true(plan.is_ripe);
}

static void dates_that_are_not_the_policys_have_none(void **state)
{
	struct fixture *fixture = *state;
	const struct device_consent consents[] = {
		{.purpose = "repair", .is_granted = true, .since_unix = AT - 2},
		{.purpose = "repair", .is_granted = false, .since_unix = AT - 1},
	};

	for (size_t i = 0; i < BL_COUNT(consents); i++)
		assert_int_equal(device_consent_set(fixture->store, "PLAIN", &consents[i], NULL),
				 BL_OK);
	/* Due at once under both of them, by what the customer said. */
	assert_int_equal(exchange(fixture, LATER, SOON, AT, AT), 0);
	assert_int_equal(device_of(fixture, "PLAIN").grace_unix, 0);
	assert_int_equal(device_early_shred_set(fixture->store, "SEALED", 1001, AT - 1, NULL),
			 BL_OK);
	assert_int_equal(device_set_grace(fixture->store, "SEALED", AT + DAY, NULL), BL_OK);
	exchange(fixture, LATER, SOONER, AT, AT);
	assert_int_equal(device_of(fixture, "SEALED").grace_unix, 0);
}

static void what_is_gone_has_none(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(device_set_state(fixture->store, "PLAIN", STATE_RELEASED, AT, NULL),
			 BL_OK);
	assert_int_equal(exchange(fixture, LATER, SOONER, AT, AT), 1);
	assert_int_equal(device_of(fixture, "PLAIN").grace_unix, 0);
}

/* Files that would be destroyed at once are as lost as a device. */
static void parts_are_given_a_day_too(void **state)
{
	static const struct {
		const char *name;
		enum policy_name from, to;
		int64_t now;	       /* hours from AT on */
		int64_t plain, sealed; /* grace, hours from AT on; -99: none */
	} ROWS[] = {
		/* whose files cannot be destroyed by themselves is due as a whole */
		{"files on a date of their own", LATER, PART, 0, 24, 24},
		{"the same files by another entry", PART, RENAMED, 2, 24, 24},
		{"other files", RENAMED, ANOTHER, 4, 24, 28},
		{"no files", ANOTHER, LATER, 5, -99, -99},
		{"files whose date is to come", LATER, WAITING, 6, -99, -99},
		{"files whose date would have been later", WAITING, PART, 7, 31, 31},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		int64_t plain = ROWS[i].plain == -99 ? 0 : AT + ROWS[i].plain * HOUR;
		int64_t sealed = ROWS[i].sealed == -99 ? 0 : AT + ROWS[i].sealed * HOUR;
		int64_t now = AT + ROWS[i].now * HOUR;

		exchange(fixture, ROWS[i].from, ROWS[i].to, now, now);
		if (device_of(fixture, "PLAIN").grace_unix != plain ||
		    device_of(fixture, "SEALED").grace_unix != sealed)
			fail_msg("%s: %lld, %lld", ROWS[i].name,
				 (long long)(device_of(fixture, "PLAIN").grace_unix - AT),
				 (long long)(device_of(fixture, "SEALED").grace_unix - AT));
	}
}

static void parts_that_were_carried_out_are_given_nothing(void **state)
{
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(POLICIES[PART]);

	assert_int_equal(retention_part_carried(fixture->store, policy, 1, "SEALED", NULL), BL_OK);
	exchange(fixture, LATER, PART, AT, AT);
	assert_int_equal(device_of(fixture, "SEALED").grace_unix, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_another_policy_makes_due_is_given_a_day),
		TEST(every_device_is_looked_at_and_counted),
		TEST(grace_is_there_after_a_restart),
		TEST(dates_that_are_not_the_policys_have_none),
		TEST(what_is_gone_has_none),
		TEST(parts_are_given_a_day_too),
		TEST(parts_that_were_carried_out_are_given_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
