/*
 * Facts on a disk that fails and in a process that dies: each call that reaches the disk fails, or is the last one, in turn.
 * What was recorded is then there whole or not at all, and what was acknowledged is there.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/fault/failing-disk.h"
#include "tests/unit/fs/retention/fixture.h"

#define REASON "planted reason of a synthetic person"

/* ---- what is done -------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	if (fixture_set_up(state) != 0)
		return -1;
	if (add_device(*state, "RMA-1", false)) {
		fixture_close_store(*state);
		return 0;
	}
	fixture_tear_down(state);
	return -1;
}

static struct device_store *open_store(struct fixture *fixture)
{
	struct device_store *store = NULL;
	struct bl_error why = {.text = ""};

	if (device_store_open(path_of(fixture, "store"), NULL, &store, &why) != BL_OK)
		fail_msg("%s", why.text);
	return store;
}

static enum bl_status add_request(struct device_store *store)
{
	const struct device_request request = {
		.by = 61001, .action = ACTION_COPY, .reason = REASON, .since_unix = RECEIVED};

	return device_request_add(store, "RMA-1", &request, NULL, NULL);
}

static size_t count_requests(struct device_store *store)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;

	assert_int_equal(device_facts_read(store, "RMA-1", &facts, NULL), BL_OK);
	for (size_t i = 0; i < facts->request_count; i++)
		assert_string_equal(facts->requests[i].reason, REASON);
	return facts->request_count;
}

static enum bl_status enroll(struct device_store *store, const struct fixture *fixture)
{
	struct device_record record = {.consents = {{.purpose = "repair", .is_granted = true}},
				       .consent_count = 1,
				       .kind = -1,
				       .state = -1};
	struct device device = {.id = "RMA-2", .kind = DEVICE_PHONE, .enrolled_unix = RECEIVED};

	snprintf(device.source, sizeof(device.source), "%s/mnt/RMA-1.img", fixture->root);
	return device_enroll(store, &device, &record, NULL);
}

static enum bl_status forget(struct device_store *store, const struct fixture *fixture)
{
	(void)fixture;
	return device_forget_customer(store, "RMA-1", NULL);
}

/* Runs @work in a child that dies at call number @at; false: it came to its end, with success. */
static bool die_at(struct fixture *fixture, int at,
		   enum bl_status (*work)(struct device_store *, const struct fixture *))
{
	char path[128];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/store", fixture->root);
	pid = fork();
	if (pid == 0) {
		struct device_store *store = NULL;

		if (device_store_open(path, NULL, &store, NULL) != BL_OK)
			_exit(2);
		death_at(at);
		_exit(work(store, fixture) == BL_OK ? 0 : 1);
	}
	return child_died(pid);
}

static enum bl_status request_work(struct device_store *store, const struct fixture *fixture)
{
	(void)fixture;
	return add_request(store);
}

static bool is_there(struct fixture *fixture, const char *name)
{
	return access(path_of(fixture, name), F_OK) == 0;
}

/* ---- tests ------------------------------------------------------------------------------------------ */

static void request_is_there_or_not_when_the_process_dies(void **state)
{
	struct fixture *fixture = *state;
	size_t before = 0, kept = 0, lost = 0;
	bool has_died = true;

	for (int at = 0; has_died && at < TOO_MANY; at++) {
		has_died = die_at(fixture, at, request_work);

		BL_CLEANUP(device_store_close) struct device_store *store = open_store(fixture);
		size_t now = count_requests(store);

		if (now != before && now != before + 1)
			fail_msg("call %d: %zu requests, %zu before", at, now, before);
		if (!has_died)
			assert_int_equal(now, before + 1);
		kept += has_died && now > before;
		lost += has_died && now == before;
		before = now;
		assert_false(is_there(fixture, "store/devices/RMA-1/facts.sealed.tmp"));
	}
	assert_false(has_died);
	/* Line, contents, sync and rename come before it counts; the folder's sync after. */
	assert_int_equal(lost, 4);
	assert_int_equal(kept, 1);
}

static void enrolment_is_whole_or_not_when_the_process_dies(void **state)
{
	struct fixture *fixture = *state;
	bool has_died = true, is_known = false;

	for (int at = 0; has_died && !is_known && at < TOO_MANY; at++) {
		BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;

		has_died = die_at(fixture, at, enroll);

		BL_CLEANUP(device_store_close) struct device_store *store = open_store(fixture);
		enum bl_status status = device_facts_read(store, "RMA-2", &facts, NULL);

		is_known = status == BL_OK;
		if (is_known)
			assert_int_equal(device_consent_of(facts, "repair"), CONSENT_GRANTED);
		else
			assert_int_equal(status, BL_NOT_FOUND);
		assert_false(is_there(fixture, "store/devices/.new-RMA-2"));
	}
	assert_true(is_known);
}

/* A shred that dies is done again: in the end nothing is left. */
static void forgetting_comes_to_its_end_when_the_process_dies(void **state)
{
	struct fixture *fixture = *state;
	unsigned died = 0;

	for (int at = 0; at < TOO_MANY; at++) {
		struct device_store *store = open_store(fixture);

		/* A file that was being overwritten no longer unseals; put one in its place. */
		if (!is_there(fixture, "store/devices/RMA-1/facts.sealed"))
			assert_int_equal(add_request(store), BL_OK);
		device_store_close(store);
		if (!die_at(fixture, at, forget))
			break;
		died++;
	}
	assert_in_range(died, 3, 20); /* overwriting, sync, unlink, sync of the folder */
	assert_false(is_there(fixture, "store/devices/RMA-1/facts.sealed"));
}

static void nothing_happened_when_the_disk_fails(void **state)
{
	struct fixture *fixture = *state;
	struct device_store *store = open_store(fixture);
	enum bl_status status = BL_FAILED;
	unsigned failed = 0;

	assert_int_equal(add_request(store), BL_OK);
	for (int at = 0; status != BL_OK && at < TOO_MANY; at++) {
		size_t before = count_requests(store);

		trouble_at(at);
		status = add_request(store);
		trouble_over();
		if (status != BL_OK && (status != BL_IO || count_requests(store) != before))
			fail_msg("call %d: %s", at, bl_status_name(status));
		failed += status != BL_OK;
	}
	assert_int_equal(failed, 5);
	assert_int_equal(count_requests(store), 2);
	device_store_close(store);
	/* What was told as failed was never counted as the next one's base. */
	store = open_store(fixture);
	assert_int_equal(count_requests(store), 2);
	device_store_close(store);
}

/* Opened anew each time: a vault that could not write takes no more keys. */
static void failed_enrolment_leaves_nothing(void **state)
{
	struct fixture *fixture = *state;
	enum bl_status status = BL_FAILED;
	unsigned failed = 0;

	for (int at = 0; status != BL_OK && at < TOO_MANY; at++) {
		BL_CLEANUP(device_store_close) struct device_store *store = open_store(fixture);
		struct device device;

		trouble_at(at);
		status = enroll(store, fixture);
		trouble_over();
		failed += status != BL_OK;
		if (status != BL_OK &&
		    (device_find(store, "RMA-2", &device, NULL) != BL_NOT_FOUND ||
		     is_there(fixture, "store/devices/RMA-2")))
			fail_msg("call %d: %s", at, bl_status_name(status));
	}
	assert_int_equal(status, BL_OK);
	assert_in_range(failed, 8, TOO_MANY);
}

static void failed_forgetting_is_told_and_done_again(void **state)
{
	struct fixture *fixture = *state;
	struct device_store *store = open_store(fixture);
	enum bl_status status = BL_FAILED;
	unsigned failed = 0;

	assert_int_equal(add_request(store), BL_OK);
	for (int at = 0; status != BL_OK && at < TOO_MANY; at++) {
		trouble_at(at);
		status = forget(store, fixture);
		trouble_over();
		failed += status != BL_OK;
		if (status != BL_OK)
			assert_int_equal(status, BL_IO);
	}
	assert_in_range(failed, 3, 20);
	assert_false(is_there(fixture, "store/devices/RMA-1/facts.sealed"));
	assert_int_equal(count_requests(store), 0);
	device_store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(request_is_there_or_not_when_the_process_dies),
		TEST(enrolment_is_whole_or_not_when_the_process_dies),
		TEST(forgetting_comes_to_its_end_when_the_process_dies),
		TEST(nothing_happened_when_the_disk_fails),
		TEST(failed_enrolment_leaves_nothing),
		TEST(failed_forgetting_is_told_and_done_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
