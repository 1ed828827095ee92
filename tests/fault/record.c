/*
 * Records and the register of holds on a disk that fails and in a process that dies: each call that reaches the disk fails, or is the last one, in
 * turn. A record is then the old one or the new one, and no hold that was acknowledged is lost.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/fault/failing-disk.h"
#include "tests/unit/fs/device/temp.h"

/* ---- what is done -------------------------------------------------------------------------------- */

static enum bl_status move(struct device_store *store)
{
	return device_move(store, "RMA-1", "shelf/2", NULL);
}

static enum bl_status close_it(struct device_store *store)
{
	return device_set_state(store, "RMA-2", STATE_CLOSED, 9, NULL);
}

static enum bl_status edit(struct device_store *store)
{
	static const char TEXT[] = "revision: 1\nserial: S-2\ncustomer: {name: Second Sample}\n";
	struct device_record record;

	if (device_record_parse(TEXT, strlen(TEXT), &record, NULL) != BL_OK)
		return BL_FAILED;

	enum bl_status status = device_edit(store, "RMA-1", &record, NULL, NULL);

	device_record_done(&record);
	return status;
}

static enum bl_status add_hold(struct device_store *store)
{
	return device_hold_add(store, "RMA-2", 7, 0, "another", 9, NULL, NULL);
}

static enum bl_status review_hold(struct device_store *store)
{
	return device_hold_review(store, "RMA-1", 1, 9, NULL);
}

static enum bl_status release_hold(struct device_store *store)
{
	return device_hold_release(store, "RMA-1", 1, NULL);
}

/* Everything that one of them changes, in words. */
static void tell(struct device_store *store, char out[256])
{
	struct device first, second;
	struct device_record customer;

	assert_int_equal(device_find(store, "RMA-1", &first, NULL), BL_OK);
	assert_int_equal(device_find(store, "RMA-2", &second, NULL), BL_OK);
	assert_int_equal(device_identities(store, "RMA-1", &customer, NULL), BL_OK);
	assert_int_equal(customer.identity_count, 1);
	snprintf(out, 256, "%u '%s' '%s' '%s' %s %zu %lld, %s %zu %lld", first.revision,
		 first.location, first.serial, customer.identities[0].value,
		 bl_device_state_name(first.state), first.hold_count,
		 (long long)first.holds[0].reviewed_unix, bl_device_state_name(second.state),
		 second.hold_count, (long long)second.closed_unix);
	device_record_done(&customer);
}

#define BEFORE "1 '' 'S-1' 'First Sample' held 1 2, received 0 0"

static const struct {
	const char *what;
	enum bl_status (*work)(struct device_store *store);
	const char *after, *between; /* between: what a death may leave as well; NULL: nothing */
	int calls;		     /* that reach the disk: five for each file */
} CHANGES[] = {
	{"move", move, "2 'shelf/2' 'S-1' 'First Sample' held 1 2, received 0 0", NULL, 5},
	{"close", close_it, "1 '' 'S-1' 'First Sample' held 1 2, closed 0 9", NULL, 5},
	/* The customer's part is another file, and comes first. */
	{"edit", edit, "2 '' 'S-2' 'Second Sample' held 1 2, received 0 0",
	 "1 '' 'S-1' 'Second Sample' held 1 2, received 0 0", 10},
	{"hold", add_hold, "1 '' 'S-1' 'First Sample' held 1 2, held 1 0", NULL, 10},
	{"review", review_hold, "1 '' 'S-1' 'First Sample' held 1 9, received 0 0", NULL, 10},
	{"release", release_hold, "1 '' 'S-1' 'First Sample' received 0 0, received 0 0", NULL, 10},
};

static int set_up(void **state)
{
	static const char TEXT[] = "serial: S-1\ncustomer: {name: First Sample}\n";
	struct device_record record;

	if (temp_set_up(state) != 0)
		return -1;

	struct temp *temp = *state;
	struct device device = temp_device(temp, "RMA-1");

	if (device_record_parse(TEXT, strlen(TEXT), &record, NULL) != BL_OK)
		return -1;

	bool is_ok = device_enroll(temp->store, &device, &record, NULL) == BL_OK &&
		     temp_enroll(temp, "RMA-2") == BL_OK &&
		     device_hold_add(temp->store, "RMA-1", 7, 0, "dispute", 2, NULL, NULL) == BL_OK;

	device_record_done(&record);
	return is_ok ? 0 : -1;
}

static struct temp *anew(void **state)
{
	temp_tear_down(state);
	assert_int_equal(set_up(state), 0);
	return *state;
}

static void open_again(struct temp *temp)
{
	struct bl_error why = {.text = ""};

	if (temp_reopen(temp, &why) != BL_OK)
		fail_msg("%s", why.text);
}

/* ---- tests ------------------------------------------------------------------------------------------ */

/* What was told as failed did not happen: now, and when the store is opened again. */
static void nothing_happened_when_the_disk_fails(void **state)
{
	struct temp *temp = *state;

	for (size_t i = 0; i < BL_COUNT(CHANGES); i++) {
		enum bl_status status = BL_FAILED;
		char now[256], then[256];
		int at = 0;

		for (; status != BL_OK && at < TOO_MANY; at++) {
			temp = anew(state);
			trouble_at(at);
			status = CHANGES[i].work(temp->store);
			trouble_over();
			tell(temp->store, now);
			open_again(temp);
			tell(temp->store, then);

			const char *expected = status == BL_OK ? CHANGES[i].after : BEFORE;

			if ((status != BL_OK && status != BL_IO) || strcmp(now, expected) != 0 ||
			    strcmp(then, expected) != 0)
				fail_msg("%s, call %d: %s: %s; opened again: %s", CHANGES[i].what,
					 at, bl_status_name(status), now, then);
		}
		if (at - 1 != CHANGES[i].calls)
			fail_msg("%s: %d calls", CHANGES[i].what, at - 1);
	}
}

/* Runs a change in a child that dies at call number @at; false: it came to its end, with success. */
static bool die_at(struct temp *temp, int at, enum bl_status (*work)(struct device_store *store))
{
	pid_t pid;

	device_store_close(temp->store);
	temp->store = NULL;
	pid = fork();
	if (pid == 0) {
		struct device_store *store = NULL;

		if (device_store_open(temp->store_path, NULL, &store, NULL) != BL_OK)
			_exit(2);
		death_at(at);
		_exit(work(store) == BL_OK ? 0 : 1);
	}
	return child_died(pid);
}

static void record_is_the_old_or_the_new_when_the_process_dies(void **state)
{
	for (size_t i = 0; i < BL_COUNT(CHANGES); i++) {
		bool has_died = true;
		unsigned old = 0, new = 0;

		for (int at = 0; has_died && at < TOO_MANY; at++) {
			struct temp *temp = anew(state);
			char now[256];

			has_died = die_at(temp, at, CHANGES[i].work);
			open_again(temp);
			tell(temp->store, now);

			bool is_old = strcmp(now, BEFORE) == 0;
			bool is_new = strcmp(now, CHANGES[i].after) == 0;
			bool is_between =
				CHANGES[i].between && strcmp(now, CHANGES[i].between) == 0;

			if (has_died ? !is_old && !is_new && !is_between : !is_new)
				fail_msg("%s, call %d: %s", CHANGES[i].what, at, now);
			old += has_died && is_old;
			new += has_died &&is_new;
		}
		assert_false(has_died);
		/* Line, contents, sync and rename come before it counts; the folder's sync after. */
		if (old < 4 || new < 1)
			fail_msg("%s: %u old, %u new", CHANGES[i].what, old, new);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, temp_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(nothing_happened_when_the_disk_fails),
		TEST(record_is_the_old_or_the_new_when_the_process_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
