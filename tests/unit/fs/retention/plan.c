#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/device/matters.h"
#include "tests/unit/fs/retention/fixture.h"

#define DAY INT64_C(86400)
#define DUE (RECEIVED + 30 * DAY)

/* Both clocks say the same. */
#define at(unix_) (&(struct retention_now){(unix_), (unix_)})

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

		retention_plan_of(fixture->store, fixture->policy, &device, at(ROWS[i].now_unix),
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

	assert_int_equal(retention_next(fixture->store, fixture->policy, at(RECEIVED)), INT64_MAX);
	assert_true(add_device(fixture, "RMA-1", false));
	snprintf(later.source, sizeof(later.source), "%s", path_of(fixture, "mnt/RMA-1.img"));
	assert_int_equal(device_enroll(fixture->store, &later, NULL, NULL), BL_OK);
	assert_int_equal(retention_next(fixture->store, fixture->policy, at(RECEIVED)), DUE);
	assert_int_equal(retention_next(fixture->store, fixture->policy, at(DUE)), DUE + 5 * DAY);
	assert_int_equal(retention_next(fixture->store, fixture->policy, at(DUE + 5 * DAY)),
			 INT64_MAX);
	assert_int_equal(device_set_state(fixture->store, "RMA-1", STATE_RELEASED, RECEIVED, NULL),
			 BL_OK);
	assert_int_equal(retention_next(fixture->store, fixture->policy, at(RECEIVED)),
			 DUE + 5 * DAY);
}

static const char RECORDED[] = POLICY_HEAD "  - id: unused\n"
					   "    destroy_after: {intake: 30d, last_open: 5d}\n"
					   "    notice: 2d\n"
					   "consent_withdrawn: {destroy_within: 24h}\n";

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
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(RECORDED);
	struct device device;

	assert_true(add_device(fixture, "RMA-1", false));
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		int64_t due = RECEIVED + ROWS[i].due_day * DAY;
		struct retention_plan plan;

		assert_int_equal(record_change(fixture->store, ROWS[i].change,
					       RECEIVED + ROWS[i].at_day * DAY),
				 BL_OK);
		retention_plan_of(fixture->store, policy, &device, at(due), &plan);
		if (plan.due_unix != due || strcmp(plan.entry, ROWS[i].entry) != 0 ||
		    plan.why.notice_unix != RECEIVED + ROWS[i].notice_day * DAY || !plan.is_due ||
		    plan.is_unsure)
			fail_msg("row %zu: day %lld by '%s', notice %lld", i,
				 (long long)(plan.due_unix - RECEIVED) / DAY, plan.entry,
				 (long long)(plan.why.notice_unix - RECEIVED) / DAY);
		assert_int_equal(retention_next(fixture->store, policy, at(due - 1)), due);
	}
}

/* Neither destroyed at a guess nor kept for longer: the date that holds whatever was recorded. */
static void date_without_readable_facts_is_that_of_intake(void **state)
{
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(RECORDED);
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
	retention_plan_of(fixture->store, policy, &device, at(RECEIVED), &plan);
	assert_true(plan.is_unsure);
	assert_false(plan.is_due);
	assert_int_equal(plan.due_unix, DUE);
	assert_int_equal(plan.why.notice_unix, DUE - 2 * DAY);
	assert_int_equal(retention_next(fixture->store, policy, at(RECEIVED)), DUE - 2 * DAY);
	assert_int_equal(retention_next(fixture->store, policy, at(DUE - 2 * DAY)), DUE);
}

/* ---- two times ----------------------------------------------------------------------------------------- */

static void what_is_closed_by_access_time_is_destroyed_by_trusted_time(void **state)
{
	static const struct {
		const char *name;
		int64_t access, trusted, grace; /* from DUE on */
		enum bl_device_state state;
		bool is_due, is_ripe;
	} ROWS[] = {
		{"before", -1, -1, -DUE, STATE_CLOSED, false, false},
		{"at its date", 0, 0, -DUE, STATE_CLOSED, true, true},
		{"by access time only", 365 * DAY, -1, -DUE, STATE_DUE, true, false},
		{"by both", 365 * DAY, 0, -DUE, STATE_DUE, true, true},
		{"within grace", 5, 5, 6, STATE_DUE, true, false},
		{"grace is over", 6, 6, 6, STATE_DUE, true, true},
		{"grace is over by access time only", 365 * DAY, 5, 6, STATE_DUE, true, false},
		{"shredded", 6, 6, -DUE, STATE_SHREDDED, false, false},
		{"released", 6, 6, -DUE, STATE_RELEASED, false, false},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device device = {.id = "RMA-1",
					.kind = DEVICE_PHONE,
					.state = ROWS[i].state,
					.received_unix = RECEIVED,
					.grace_unix = DUE + ROWS[i].grace};
		struct retention_now now = {DUE + ROWS[i].access, DUE + ROWS[i].trusted};
		struct retention_plan plan;

		retention_plan_of(fixture->store, fixture->policy, &device, &now, &plan);
		if (plan.is_due != ROWS[i].is_due || plan.is_ripe != ROWS[i].is_ripe)
			fail_msg("%s: is_due %d, is_ripe %d", ROWS[i].name, plan.is_due,
				 plan.is_ripe);
	}
}

static void grace_is_only_for_dates_of_the_policy(void **state)
{
	static const struct {
		const char *name;
		enum change change;
		bool is_ripe;
	} ROWS[] = {
		{"by its entry", NOTHING, false},
		{"withdrawn consent", WITHDRAWN, true},
		{"early shred", SHRED_EARLY, true},
	};
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(RECORDED);

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device device;
		struct retention_plan plan;

		fixture_close_store(fixture);
		nftw(path_of(fixture, "store"), remove_one, 16, FTW_DEPTH | FTW_PHYS);
		assert_true(fixture_open_store(fixture));
		assert_true(add_device(fixture, "RMA-1", false));
		assert_int_equal(record_change(fixture->store, ROWS[i].change, RECEIVED), BL_OK);
		assert_int_equal(device_set_grace(fixture->store, "RMA-1", NOW + 1, NULL), BL_OK);
		assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
		retention_plan_of(fixture->store, policy, &device, at(NOW), &plan);
		if (!plan.is_due || plan.is_ripe != ROWS[i].is_ripe)
			fail_msg("%s: is_due %d, is_ripe %d", ROWS[i].name, plan.is_due,
				 plan.is_ripe);
	}
}

/* The policy's own date came first, and grace was given; who is permitted to have it gone now need not wait. */
static void early_shred_ends_the_grace_of_a_date_that_came_before(void **state)
{
	struct fixture *fixture = *state;
	struct device device;
	struct retention_plan plan;

	assert_true(add_device(fixture, "RMA-1", false));
	assert_int_equal(device_set_grace(fixture->store, "RMA-1", NOW + DAY, NULL), BL_OK);
	assert_int_equal(device_early_shred_set(fixture->store, "RMA-1", 1001, NOW, NULL), BL_OK);
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	retention_plan_of(fixture->store, fixture->policy, &device, at(NOW - 1), &plan);
	assert_string_equal(plan.entry, "thirty-days");
	assert_false(plan.is_ripe);
	retention_plan_of(fixture->store, fixture->policy, &device, at(NOW), &plan);
	assert_true(plan.is_ripe);
}

/* ---- what was recorded of closing and requests ------------------------------------------------------------ */

static const char STATES[] =
	POLICY_HEAD "  - {id: fresh, what: {status: [received]}, destroy_after: {intake: 20d}}\n"
		    "  - {id: used, what: {status: [open]}, destroy_after: {intake: 10d}}\n"
		    "  - {id: done, what: {status: [closed]}, destroy_after: {closed: 3d}}\n"
		    "  - {id: done-kept, what: {status: [closed]}, keep_at_least: 11d}\n"
		    "  - {id: fresh-kept, what: {status: [received]}, keep_at_least: 12d}\n"
		    "requests: {destroy_within: 48h}\n";

/* Else it would be put off by having come: no entry speaks of what is due. */
static void date_stays_when_it_has_come(void **state)
{
	static const struct {
		enum bl_device_state state;
		int64_t closed_day, due_day; /* closed 0: not */
		const char *entry;
	} ROWS[] = {
		{STATE_RECEIVED, 0, 20, "fresh"}, {STATE_OPEN, 0, 10, "used"},
		{STATE_CLOSED, 8, 11, "done"},	  {STATE_DUE, 8, 11, "done"},
		{STATE_HELD, 8, 11, "done"},	  {STATE_DUE, 0, 10, "used"},
		{STATE_HELD, 0, 10, "used"},
	};
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(STATES);

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		int64_t closed = ROWS[i].closed_day ? RECEIVED + ROWS[i].closed_day * DAY : 0;
		struct device device = {.id = "RMA-1",
					.kind = DEVICE_PHONE,
					.state = ROWS[i].state,
					.received_unix = RECEIVED,
					.closed_unix = closed};
		struct retention_plan plan;

		retention_plan_of(fixture->store, policy, &device, at(RECEIVED), &plan);
		if (plan.due_unix != RECEIVED + ROWS[i].due_day * DAY ||
		    strcmp(plan.entry, ROWS[i].entry) != 0)
			fail_msg("row %zu: day %lld by '%s'", i,
				 (long long)(plan.due_unix - RECEIVED) / DAY, plan.entry);
	}
}

/* A hold, its release and the date's coming do not move the date: what it was before is on record. */
static void date_is_that_of_what_it_was(void **state)
{
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(STATES);
	uint32_t hold;

	assert_true(add_device(fixture, "RMA-1", false));
	for (unsigned step = 0; step < 4; step++) {
		struct device device;
		struct retention_plan plan;

		if (step == 1)
			assert_int_equal(device_hold_add(fixture->store, "RMA-1", 0, 0, "dispute",
							 NOW, &hold, NULL),
					 BL_OK);
		else if (step == 2)
			assert_int_equal(
				device_set_state(fixture->store, "RMA-1", STATE_DUE, NOW, NULL),
				BL_OK);
		else if (step == 3)
			assert_int_equal(device_hold_release(fixture->store, "RMA-1", hold, NULL),
					 BL_OK);
		assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
		retention_plan_of(fixture->store, policy, &device, at(RECEIVED), &plan);
		if (plan.due_unix != RECEIVED + 20 * DAY || strcmp(plan.entry, "fresh") != 0)
			fail_msg("step %u: day %lld by '%s'", step,
				 (long long)(plan.due_unix - RECEIVED) / DAY, plan.entry);
	}
}

static void request_of_the_customer_starts_a_date_while_it_is_open(void **state)
{
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(STATES);
	const struct device_customer_request request = {.kind = CUSTOMER_ERASE,
							.since_unix = RECEIVED + 13 * DAY,
							.deadline_unix = RECEIVED + 15 * DAY,
							.by = 1001,
							.ticket = "T-1"};
	struct device device;
	struct retention_plan plan;
	uint32_t number;

	assert_true(add_device(fixture, "RMA-1", false));
	assert_int_equal(
		device_customer_request_add(fixture->store, "RMA-1", &request, &number, NULL),
		BL_OK);
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	retention_plan_of(fixture->store, policy, &device, at(RECEIVED + 13 * DAY), &plan);
	assert_string_equal(plan.entry, "builtin/request");
	assert_int_equal(plan.due_unix, RECEIVED + 15 * DAY);
	assert_int_equal(plan.why.start, RULES_FROM_REQUEST);
	assert_int_equal(device_customer_request_end(fixture->store, "RMA-1", number,
						     CUSTOMER_REFUSED, 1001, RECEIVED + 13 * DAY,
						     NULL, NULL),
			 BL_OK);
	retention_plan_of(fixture->store, policy, &device, at(RECEIVED + 13 * DAY), &plan);
	assert_string_equal(plan.entry, "fresh");
}

static void request_of_the_customer_has_no_grace(void **state)
{
	struct fixture *fixture = *state;
	const struct device_customer_request request = {.kind = CUSTOMER_ERASE,
							.since_unix = RECEIVED + DAY,
							.deadline_unix = RECEIVED + DAY,
							.by = 1001,
							.ticket = "T-1"};
	struct device device;
	struct retention_plan plan;
	uint32_t number;

	assert_true(add_device(fixture, "RMA-1", false));
	assert_int_equal(
		device_customer_request_add(fixture->store, "RMA-1", &request, &number, NULL),
		BL_OK);
	assert_int_equal(device_set_grace(fixture->store, "RMA-1", NOW, NULL), BL_OK);
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	retention_plan_of(fixture->store, fixture->policy, &device, at(RECEIVED + DAY), &plan);
	assert_true(plan.is_ripe);
}

static void date_is_unsure_without_readable_matters(void **state)
{
	struct fixture *fixture = *state;
	struct device device;
	struct retention_plan plan;

	assert_true(add_device(fixture, "RMA-1", false));
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	retention_plan_of(fixture->store, fixture->policy, &device, at(RECEIVED), &plan);
	assert_false(plan.is_unsure);
	fixture_close_store(fixture);

	FILE *file = fopen(path_of(fixture, "store/devices/RMA-1/matters.sealed"), "we");

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_equal(fputc('x', file), 'x');
	assert_int_equal(fclose(file), 0);
	assert_true(fixture_open_store(fixture));
	retention_plan_of(fixture->store, fixture->policy, &device, at(RECEIVED), &plan);
	assert_true(plan.is_unsure);
	assert_int_equal(plan.due_unix, DUE);
}

/* ---- what is next ------------------------------------------------------------------------------------------- */

static void next_is_whatever_comes_first(void **state)
{
	static const struct {
		const char *name;
		int64_t access, trusted, grace, noticed, next; /* days from RECEIVED on */
	} ROWS[] = {
		{"its notice", 0, 0, 0, 0, 28},
		{"its notice was given", 0, 0, 0, 30, 30},
		{"a notice of another date was given", 0, 0, 0, 20, 28},
		{"the notice is under way", 28, 28, 0, 0, 30},
		{"its date", 29, 29, 0, 30, 30},
		/* closing comes when the wall clock is there */
		{"its date by access time", 26, 20, 0, 30, 24},
		{"its date by trusted time", 40, 20, 0, 30, 30},
		{"its notice by access time", 26, 20, 0, 0, 22},
		{"the end of its grace", 31, 31, 32, 30, 32},
		{"nothing", 33, 33, 32, 30, -1},
	};
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(RECORDED);

	assert_true(add_device(fixture, "RMA-1", false));
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct retention_now now = {RECEIVED + ROWS[i].access * DAY,
					    RECEIVED + ROWS[i].trusted * DAY};
		int64_t grace = ROWS[i].grace ? RECEIVED + ROWS[i].grace * DAY : 0;
		int64_t noticed = ROWS[i].noticed ? RECEIVED + ROWS[i].noticed * DAY : 0;
		int64_t expected = ROWS[i].next < 0 ? INT64_MAX : RECEIVED + ROWS[i].next * DAY;

		assert_int_equal(device_set_grace(fixture->store, "RMA-1", grace, NULL), BL_OK);
		assert_int_equal(device_set_noticed(fixture->store, "RMA-1", noticed, NULL), BL_OK);

		int64_t next = retention_next(fixture->store, policy, &now);

		if (next != expected)
			fail_msg("%s: %lld s from intake", ROWS[i].name,
				 (long long)(next - RECEIVED));
	}
}

/* Whoever may put a record right may not have it destroyed by that. */
static void edit_that_would_destroy_within_a_day_is_refused(void **state)
{
	static const struct {
		int64_t received, now; /* days from RECEIVED */
		enum bl_status status;
	} ROWS[] = {
		{0, 29, BL_OK},	      {0, 31, BL_OK}, /* as it was, due or not */
		{1, 29, BL_OK},			      /* later */
		{-1, 10, BL_OK},      {-19, 10, BL_OK},	      {-20, 10, BL_INVALID},
		{-30, 0, BL_INVALID}, {-3000, 0, BL_INVALID},
	};
	struct fixture *fixture = *state;

	assert_true(add_device(fixture, "RMA-1", true));
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		int64_t received = RECEIVED + ROWS[i].received * DAY;
		enum bl_status status =
			retention_edit_check(fixture->store, fixture->policy, "RMA-1", received,
					     at(RECEIVED + ROWS[i].now * DAY), NULL);

		if (status != ROWS[i].status)
			fail_msg("row %zu: status %d", i, (int)status);
	}
	/* A record that was printed has minutes. */
	assert_int_equal(retention_edit_check(fixture->store, fixture->policy, "RMA-1",
					      RECEIVED - RECEIVED % 60, at(DUE - 60), NULL),
			 BL_OK);
}

static void edit_that_would_destroy_files_within_a_day_is_refused(void **state)
{
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref)
	struct policy *policy =
		policy_of(POLICY_HEAD "  - {id: month, destroy_after: {intake: 30d}}\n"
				      "  - {id: logs, what: {paths: ['/logs/**']}, destroy_after: "
				      "{intake: 5d}}\n");
	const struct retention_now *now = at(RECEIVED + DAY);

	assert_true(add_sealed(fixture, "RMA-1", 1, 1 << 20, true));
	assert_int_equal(retention_edit_check(fixture->store, policy, "RMA-1", RECEIVED - 2 * DAY,
					      now, NULL),
			 BL_OK);
	assert_int_equal(retention_edit_check(fixture->store, policy, "RMA-1", RECEIVED - 4 * DAY,
					      now, NULL),
			 BL_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(device_is_due_at_its_date_and_not_before),
		TEST(next_is_the_first_date_still_to_come),
		TEST(what_was_recorded_brings_the_date_nearer),
		TEST(date_without_readable_facts_is_that_of_intake),
		TEST(what_is_closed_by_access_time_is_destroyed_by_trusted_time),
		TEST(grace_is_only_for_dates_of_the_policy),
		TEST(early_shred_ends_the_grace_of_a_date_that_came_before),
		TEST(date_stays_when_it_has_come),
		TEST(date_is_that_of_what_it_was),
		TEST(request_of_the_customer_starts_a_date_while_it_is_open),
		TEST(request_of_the_customer_has_no_grace),
		TEST(date_is_unsure_without_readable_matters),
		TEST(next_is_whatever_comes_first),
		TEST(edit_that_would_destroy_within_a_day_is_refused),
		TEST(edit_that_would_destroy_files_within_a_day_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
