#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/device/matters.h"
#include "tests/unit/fs/retention/fixture.h"

#define DAY INT64_C(86400)

#define HEAD POLICY_HEAD "  - {id: all, destroy_after: {intake: 100d}}\n"

static const char TWO_PARTS[] =
	HEAD "  - {id: mail, what: {paths: ['/Mail/**']}, destroy_after: {intake: 10d}}\n"
	     "  - {id: users, what: {paths: ['/Users/**', '/home/**']}, destroy_after: {intake: "
	     "20d}}\n";
static const char OTHER_PATHS[] =
	HEAD "  - {id: mail, what: {paths: ['/Post/**']}, destroy_after: {intake: 10d}}\n"
	     "  - {id: users, what: {paths: ['/Users/**', '/home/**']}, destroy_after: {intake: "
	     "20d}}\n";

static int set_up(void **state)
{
	if (fixture_set_up(state) != 0)
		return -1;
	if (add_device(*state, "PLAIN", false) && add_sealed(*state, "SEALED", 1, 1u << 20, true) &&
	    add_sealed(*state, "HALF", 1, 2u << 20, false))
		return 0;
	fixture_tear_down(state);
	return -1;
}

/* First and second of the two; 0: none is due. */
static size_t due_part(struct fixture *fixture, const struct policy *policy, const char *id,
		       int64_t access_day, int64_t trusted_day)
{
	struct retention_now now = {RECEIVED + access_day * DAY, RECEIVED + trusted_day * DAY};
	struct device device;
	size_t index = 0;

	assert_int_equal(device_find(fixture->store, id, &device, NULL), BL_OK);
	return retention_part_due(fixture->store, policy, &device, &now, &index) ? index : 0;
}

static void part_is_due_by_trusted_time_and_before_the_whole(void **state)
{
	static const struct {
		const char *name, *id;
		int64_t access_day, trusted_day;
		size_t part;
	} ROWS[] = {
		{"before", "SEALED", 9, 9, 0},
		{"at its date", "SEALED", 10, 10, 1},
		{"by access time only", "SEALED", 15, 9, 0},
		{"the whole is due by access time", "SEALED", 100, 15, 0},
		{"the whole is due", "SEALED", 100, 100, 0},
		{"not sealed", "PLAIN", 15, 15, 0},
		{"not complete", "HALF", 15, 15, 0},
	};
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(TWO_PARTS);

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		size_t part = due_part(fixture, policy, ROWS[i].id, ROWS[i].access_day,
				       ROWS[i].trusted_day);

		if (part != ROWS[i].part)
			fail_msg("%s: part %zu", ROWS[i].name, part);
	}
}

/* What is on its way in is not destroyed for some of its files, which are when it is complete. */
static void entry_about_files_is_about_the_whole_only_of_what_is_not_sealed(void **state)
{
	static const struct {
		const char *id;
		int64_t due_day;
		const char *entry;
	} ROWS[] = {{"PLAIN", 10, "mail"}, {"SEALED", 100, "all"}, {"HALF", 100, "all"}};
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(TWO_PARTS);

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device device;
		struct retention_plan plan;

		assert_int_equal(device_find(fixture->store, ROWS[i].id, &device, NULL), BL_OK);
		retention_plan_of(fixture->store, policy, &device,
				  &(struct retention_now){RECEIVED, RECEIVED}, &plan);
		if (plan.due_unix != RECEIVED + ROWS[i].due_day * DAY ||
		    strcmp(plan.entry, ROWS[i].entry) != 0)
			fail_msg("%s: day %lld by '%s'", ROWS[i].id,
				 (long long)(plan.due_unix - RECEIVED) / DAY, plan.entry);
	}
}

static void each_part_is_carried_out_once(void **state)
{
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(TWO_PARTS);
	BL_CLEANUP(policy_unref) struct policy *other = policy_of(OTHER_PATHS);

	assert_int_equal(due_part(fixture, policy, "SEALED", 30, 30), 1);
	assert_int_equal(retention_part_carried(fixture->store, policy, 1, "SEALED", NULL), BL_OK);
	assert_int_equal(due_part(fixture, policy, "SEALED", 30, 30), 2);
	assert_int_equal(retention_part_carried(fixture->store, policy, 2, "SEALED", NULL), BL_OK);
	assert_int_equal(due_part(fixture, policy, "SEALED", 30, 30), 0);
	fixture_close_store(fixture);
	assert_true(fixture_open_store(fixture));
	assert_int_equal(due_part(fixture, policy, "SEALED", 30, 30), 0);
	/* With other patterns it is another one, though its name is the same. */
	assert_int_equal(due_part(fixture, other, "SEALED", 30, 30), 1);
}

/* One that cannot be carried out keeps no other from its date. */
static void parts_behind_one_are_due_as_well(void **state)
{
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(TWO_PARTS);
	const struct retention_now now = {RECEIVED + 30 * DAY, RECEIVED + 30 * DAY};
	struct device device;
	size_t index = 0;

	assert_int_equal(device_find(fixture->store, "SEALED", &device, NULL), BL_OK);
	assert_true(retention_part_due(fixture->store, policy, &device, &now, &index));
	assert_int_equal(index++, 1);
	assert_true(retention_part_due(fixture->store, policy, &device, &now, &index));
	assert_int_equal(index++, 2);
	assert_false(retention_part_due(fixture->store, policy, &device, &now, &index));
}

static void held_device_loses_no_part(void **state)
{
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(TWO_PARTS);
	uint32_t hold;

	assert_int_equal(
		device_hold_add(fixture->store, "SEALED", 0, 0, "dispute", RECEIVED, &hold, NULL),
		BL_OK);
	assert_int_equal(due_part(fixture, policy, "SEALED", 15, 15), 0);
	assert_int_equal(device_hold_release(fixture->store, "SEALED", hold, NULL), BL_OK);
	assert_int_equal(due_part(fixture, policy, "SEALED", 15, 15), 1);
}

static void device_in_state_due_loses_no_part(void **state)
{
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(TWO_PARTS);

	assert_int_equal(device_set_state(fixture->store, "SEALED", STATE_DUE, RECEIVED, NULL),
			 BL_OK);
	assert_int_equal(due_part(fixture, policy, "SEALED", 15, 15), 0);
}

static void grace_holds_for_parts(void **state)
{
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(TWO_PARTS);

	assert_int_equal(device_set_grace(fixture->store, "SEALED", RECEIVED + 16 * DAY, NULL),
			 BL_OK);
	assert_int_equal(due_part(fixture, policy, "SEALED", 30, 15), 0);
	assert_int_equal(due_part(fixture, policy, "SEALED", 16, 16), 1);
}

static void only_a_part_can_be_carried_out(void **state)
{
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(TWO_PARTS);
	static const struct {
		size_t index;
		const char *id;
		enum bl_status status;
	} ROWS[] = {
		{0, "SEALED", BL_INVALID},	  {3, "SEALED", BL_INVALID},
		{SIZE_MAX, "SEALED", BL_INVALID}, {1, "PLAIN", BL_INVALID},
		{1, "NOBODY", BL_NOT_FOUND},	  {1, "SEALED", BL_OK},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		enum bl_status status = retention_part_carried(fixture->store, policy,
							       ROWS[i].index, ROWS[i].id, NULL);

		if (status != ROWS[i].status)
			fail_msg("row %zu: %s", i, bl_status_name(status));
	}
}

static void entry_destroys_nothing_before_its_time(void **state)
{
	static const struct {
		const char *name, *id;
		size_t index;
		int64_t trusted_day, grace_day; /* grace 0: none */
		enum bl_status status;
		const char *says;
	} ROWS[] = {
		{"before its date", "SEALED", 1, 9, 0, BL_FORBIDDEN, "by 'mail' before 2001-09-19"},
		{"within grace", "SEALED", 1, 15, 16, BL_FORBIDDEN, "before 2001-09-25"},
		{"the whole is due", "SEALED", 1, 100, 0, BL_FORBIDDEN, "is due"},
		{"no entry about files", "SEALED", 0, 15, 0, BL_INVALID, "no files"},
		{"no entry", "SEALED", 99, 15, 0, BL_INVALID, "no files"},
		{"not sealed", "PLAIN", 1, 15, 0, BL_INVALID, "no files"},
		{"not complete", "HALF", 1, 15, 0, BL_INVALID, "no complete sealed image"},
		{"no device", "NOBODY", 1, 15, 0, BL_NOT_FOUND, ""},
	};
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(TWO_PARTS);

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct retention_context context =
			context_of(fixture, RECEIVED + ROWS[i].trusted_day * DAY);
		int64_t grace = ROWS[i].grace_day ? RECEIVED + ROWS[i].grace_day * DAY : 0;
		struct bl_error why = {.text = ""};
		uint64_t files;
		uint32_t number;

		context.policy = policy;
		assert_int_equal(device_set_grace(fixture->store, "SEALED", grace, NULL), BL_OK);

		enum bl_status status = retention_entry_shred(&context, ROWS[i].id, ROWS[i].index,
							      &files, &number, &why);

		if (status != ROWS[i].status || !strstr(why.text, ROWS[i].says) || files || number)
			fail_msg("%s: %s: %s", ROWS[i].name, bl_status_name(status), why.text);
		assert_int_equal(count_events(fixture, ROWS[i].id, AUDIT_PART_INTENT).found, 0);
	}
}

static void next_is_the_date_of_a_part(void **state)
{
	static const int64_t ROWS[][2] = {{0, 10}, {10, 20}, {20, 100}};
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(TWO_PARTS);

	/* What is about its files is about the whole of this one. */
	assert_int_equal(device_set_state(fixture->store, "PLAIN", STATE_RELEASED, RECEIVED, NULL),
			 BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		int64_t now = RECEIVED + ROWS[i][0] * DAY;
		int64_t next =
			retention_next(fixture->store, policy, &(struct retention_now){now, now});

		if (next != RECEIVED + ROWS[i][1] * DAY)
			fail_msg("row %zu: day %lld", i, (long long)(next - RECEIVED) / DAY);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(part_is_due_by_trusted_time_and_before_the_whole),
		TEST(entry_about_files_is_about_the_whole_only_of_what_is_not_sealed),
		TEST(each_part_is_carried_out_once),
		TEST(parts_behind_one_are_due_as_well),
		TEST(held_device_loses_no_part),
		TEST(device_in_state_due_loses_no_part),
		TEST(grace_holds_for_parts),
		TEST(only_a_part_can_be_carried_out),
		TEST(entry_destroys_nothing_before_its_time),
		TEST(next_is_the_date_of_a_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
