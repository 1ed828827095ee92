/*
 * What goes on about a device, on a disk that fails and in a process that dies: each call that reaches the disk fails, or is the last one, in turn.
 * What was written is then there whole or not at all, and what was acknowledged is there.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/device/matters.h"
#include "tests/fault/failing-disk.h"
#include "tests/unit/fs/device/temp.h"

#define NOW  INT64_C(1767312000)
#define TEXT "planted words of a synthetic person"

static const uint8_t PATHS[DEVICE_DIGEST] = {1};

/* ---- what is done: each adds one more ------------------------------------------------------------ */

static enum bl_status add_incident(struct device_store *store, size_t before)
{
	const struct device_incident incident = {
		.kind = INCIDENT_DAMAGE, .opened_unix = NOW, .deadline_unix = NOW};

	(void)before;
	return device_incident_add(store, "RMA-1", &incident, NULL, NULL);
}

static size_t count_incidents(struct device_store *store)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;

	assert_int_equal(device_matters_read(store, "RMA-1", &matters, NULL), BL_OK);
	return matters->incident_count;
}

static enum bl_status add_note(struct device_store *store, size_t before)
{
	const struct device_note note = {.about = NOTE_DEVICE, .at_unix = NOW, .text = TEXT};

	(void)before;
	return device_note_add(store, "RMA-1", &note, NULL, NULL);
}

/* Also: no number was given twice. */
static size_t count_notes(struct device_store *store)
{
	BL_CLEANUP(device_notes_free) struct device_notes *notes = NULL;

	assert_int_equal(device_notes_read(store, "RMA-1", &notes, NULL), BL_OK);
	for (size_t i = 0; i < notes->count; i++) {
		assert_int_equal(notes->items[i].number, i + 1);
		assert_string_equal(notes->items[i].text, TEXT);
	}
	return notes->count;
}

static void part_name(size_t number, char out[16])
{
	snprintf(out, 16, "part-%zu", number);
}

static enum bl_status add_part(struct device_store *store, size_t before)
{
	char entry[16];

	part_name(before, entry);
	return device_part_carry(store, "RMA-1", entry, PATHS, NOW, NULL);
}

static size_t count_parts(struct device_store *store)
{
	size_t count = 0;
	char entry[16];

	for (part_name(0, entry); device_parts_carried(store, "RMA-1", entry, PATHS);
	     part_name(count, entry))
		count++;
	return count;
}

/* The clock's file holds as many bytes as were added. */
static enum bl_status add_byte(struct device_store *store, size_t before)
{
	uint8_t bytes[TOO_MANY + 1] = {0};

	return device_store_secret_write(store, STORE_CLOCK, bytes, before + 1, NULL);
}

static size_t count_bytes(struct device_store *store)
{
	BL_CLEANUP(bl_free) uint8_t *bytes = NULL;
	size_t length = 0;
	enum bl_status status = device_store_secret_read(store, STORE_CLOCK, &bytes, &length, NULL);

	assert_true(status == BL_OK || status == BL_NOT_FOUND);
	return status == BL_OK ? length : 0;
}

static const struct work {
	const char *what;
	enum bl_status (*add)(struct device_store *store, size_t before);
	size_t (*count)(struct device_store *store);
	size_t calls;	/* that reach the disk */
	size_t counts;	/* of them: once so many are done it is there */
	bool is_cached; /* told as failed it is not there, whatever the disk has */
} WORKS[] = {
	/* Line, contents, sync, rename, sync of the folder. */
	{"an incident", add_incident, count_incidents, 5, 4, true},
	/* The same for the notes, then for the record. */
	{"a note", add_note, count_notes, 10, 4, true},
	{"a part", add_part, count_parts, 5, 4, true},
	{"the clock", add_byte, count_bytes, 5, 4, false},
};

/* ---- tests ----------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	if (temp_set_up(state) != 0)
		return -1;
	if (temp_enroll(*state, "RMA-1") == BL_OK)
		return 0;
	temp_tear_down(state);
	return -1;
}

static int tear_down(void **state)
{
	trouble_over();
	return temp_tear_down(state);
}

static int set_up_anew(void **state)
{
	tear_down(state);
	return set_up(state);
}

/* Adds in a child that dies at call number @at; false: it came to its end, with success. */
static bool die_at(struct temp *temp, const struct work *work, int at, size_t before)
{
	device_store_close(temp->store);
	temp->store = NULL;

	pid_t pid = fork();

	if (pid == 0) {
		struct device_store *store = NULL;

		if (device_store_open(temp->store_path, NULL, &store, NULL) != BL_OK)
			_exit(2);
		death_at(at);
		_exit(work->add(store, before) == BL_OK ? 0 : 1);
	}

	bool died = child_died(pid);

	assert_int_equal(device_store_open(temp->store_path, NULL, &temp->store, NULL), BL_OK);
	return died;
}

static void all_is_there_or_nothing_when_the_process_dies(void **state)
{
	for (size_t i = 0; i < BL_COUNT(WORKS); i++) {
		const struct work *work = &WORKS[i];
		size_t died = 0, before = 0;

		if (i)
			assert_int_equal(set_up_anew(state), 0);
		for (int at = 0; at < TOO_MANY; at++) {
			bool has_died = die_at(*state, work, at, before);
			struct temp *temp = *state;
			size_t now = work->count(temp->store);

			if (now != before + (!has_died || (size_t)at >= work->counts))
				fail_msg("%s, call %d: %zu, %zu before", work->what, at, now,
					 before);
			before = now;
			died += has_died;
			if (!has_died)
				break;
		}
		if (died != work->calls)
			fail_msg("%s: %zu calls", work->what, died);
	}
}

/* @stays: the disk takes nothing any more, so nothing can be put right on it either. */
static void fail_each_call(void **state, const struct work *work, bool stays)
{
	struct temp *temp = *state;
	enum bl_status status = BL_FAILED;
	size_t failed = 0;

	assert_int_equal(work->add(temp->store, 0), BL_OK);
	for (int at = 0; status != BL_OK && at < TOO_MANY; at++) {
		size_t before = work->count(temp->store);

		if (stays)
			trouble_from(at);
		else
			trouble_at(at);
		status = work->add(temp->store, before);
		trouble_over();

		size_t now = work->count(temp->store);

		failed += status != BL_OK;
		if (status != BL_OK && status != BL_IO)
			fail_msg("%s, call %d: %s", work->what, at, bl_status_name(status));
		if (work->is_cached && now != before + (status == BL_OK))
			fail_msg("%s, call %d: %zu, %zu before", work->what, at, now, before);
	}
	if (failed != work->calls)
		fail_msg("%s: %zu calls", work->what, failed);

	/* What was acknowledged, and only that, is what a restart finds. */
	size_t last = work->count(temp->store);

	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(work->count(temp->store), last);
	if (work->is_cached)
		assert_int_equal(last, 2);
}

static void nothing_happened_when_the_disk_fails(void **state)
{
	for (size_t i = 0; i < 2 * BL_COUNT(WORKS); i++) {
		if (i)
			assert_int_equal(set_up_anew(state), 0);
		fail_each_call(state, &WORKS[i / 2], i % 2);
	}
}

static bool is_there(struct temp *temp, const char *name)
{
	return access(temp_path(temp, name), F_OK) == 0;
}

static void failed_forgetting_is_told_and_done_again(void **state)
{
	struct temp *temp = *state;
	enum bl_status status = BL_FAILED;
	size_t failed = 0;

	assert_int_equal(add_incident(temp->store, 0), BL_OK);
	assert_int_equal(add_note(temp->store, 0), BL_OK);
	assert_int_equal(add_part(temp->store, 0), BL_OK);
	for (int at = 0; status != BL_OK && at < TOO_MANY; at++) {
		trouble_at(at);
		status = device_forget_customer(temp->store, "RMA-1", NULL);
		trouble_over();
		failed += status != BL_OK;
		if (status != BL_OK && status != BL_IO)
			fail_msg("call %d: %s", at, bl_status_name(status));
	}
	/* Of each: overwriting, sync, unlink, sync of the folder; what is gone already is passed over. */
	assert_in_range(failed, 4, 8);
	assert_false(is_there(temp, "store/devices/RMA-1/notes.sealed"));
	assert_false(is_there(temp, "store/devices/RMA-1/parts.sealed"));
	assert_true(is_there(temp, "store/devices/RMA-1/matters.sealed"));
	assert_int_equal(count_notes(temp->store), 0);
	assert_int_equal(count_parts(temp->store), 0);
	assert_int_equal(count_incidents(temp->store), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(all_is_there_or_nothing_when_the_process_dies),
		TEST(nothing_happened_when_the_disk_fails),
		TEST(failed_forgetting_is_told_and_done_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
