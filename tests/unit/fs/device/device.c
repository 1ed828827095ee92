#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/device/temp.h"

static const char RECORD[] = "received: 2026-01-02\n"
			     "maker: Examplo\n"
			     "customer: {name: Zoe Sample, phone: '+1 555 0100'}\n";

static void enroll_with_customer(struct temp *temp, const char *id)
{
	struct device device = temp_device(temp, id);
	struct device_record record;

	device.enrolled_unix = 1767312000; /* the record's day */
	assert_int_equal(device_record_parse(RECORD, strlen(RECORD), &record, NULL), BL_OK);
	assert_int_equal(device_enroll(temp->store, &device, &record, NULL), BL_OK);
	device_record_done(&record);
}

/* Destruction is dated from it: what was received in a thousand years would be kept for as long. */
static void device_received_in_the_future_is_refused(void **state)
{
	static const struct {
		const char *record;
		enum bl_status status;
	} ROWS[] = {
		{"received: 2026-01-02", BL_OK},
		{"received: 2026-01-03", BL_OK}, /* still today somewhere */
		{"received: 2026-01-04", BL_INVALID},
		{"received: 9999-12-31", BL_INVALID},
	};
	struct temp *temp = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device_record record;
		struct bl_error why = {.text = ""};
		struct device device = temp_device(temp, "RMA-1");
		const char *text = ROWS[i].record;

		snprintf(device.id, sizeof(device.id), "RMA-%zu", i);
		device.enrolled_unix = 1767312000; /* 2026-01-02 */
		assert_int_equal(device_record_parse(text, strlen(text), &record, NULL), BL_OK);

		enum bl_status status = device_enroll(temp->store, &device, &record, &why);

		device_record_done(&record);
		if (status != ROWS[i].status ||
		    (status != BL_OK && !strstr(why.text, "in the future")))
			fail_msg("%s: %s: %s", text, bl_status_name(status), why.text);
	}
}

/* A record states more than what tells a device from others; what has happened to it is never its caller's word. */
static void what_the_record_states_is_kept(void **state)
{
	static const char TEXT[] =
		"capacity: 512G\norigin: branch-4\nlocation: shelf/2\ncondition:\n  notes: "
		"scratched\n"
		"  pictures:\n"
		"    - 0101010101010101010101010101010101010101010101010101010101010101\n";
	struct temp *temp = *state;
	struct device_record record;
	struct device device = temp_device(temp, "RMA-1");

	device.end.at_unix = device.closed_unix = device.verified.at_unix = 5;
	device.revision = device.next_note = 9;
	device.has_scan = true;
	device.state = STATE_RELEASED;
	assert_int_equal(device_record_parse(TEXT, strlen(TEXT), &record, NULL), BL_OK);
	assert_int_equal(device_enroll(temp->store, &device, &record, NULL), BL_OK);
	device_record_done(&record);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.capacity_bytes, UINT64_C(512) << 30);
	assert_string_equal(device.origin, "branch-4");
	assert_string_equal(device.location, "shelf/2");
	assert_int_equal(device.picture_count, 1);
	assert_int_equal(device.pictures[0][31], 1);
	assert_int_equal(device.revision, 1);
	assert_int_equal(device.next_note, 1);
	assert_int_equal(device.state, STATE_RECEIVED);
	assert_false(device.has_scan);
	assert_int_equal(device.end.at_unix + device.closed_unix + device.verified.at_unix, 0);
}

static void record_of_another_device_enrolls_none(void **state)
{
	static const struct {
		const char *id, *text;
		enum bl_status status;
	} ROWS[] = {
		{"RMA-1", "maker: x", BL_OK},
		{"RMA-2", "device: RMA-2", BL_OK},
		{"RMA-3", "kind: phone", BL_OK},
		{"RMA-4", "device: RMA-5", BL_INVALID},
		{"RMA-4", "kind: disk", BL_INVALID},
		{"RMA-4", "revision: 1", BL_INVALID},
		{"RMA-4", "state: received", BL_INVALID},
	};
	struct temp *temp = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const char *text = ROWS[i].text;
		struct device_record record;
		struct device device = temp_device(temp, ROWS[i].id);

		assert_int_equal(device_record_parse(text, strlen(text), &record, NULL), BL_OK);
		if (device_enroll(temp->store, &device, &record, NULL) != ROWS[i].status)
			fail_msg("%s", text);
		device_record_done(&record);
	}
}

static void customer_is_sealed_and_comes_back(void **state)
{
	struct temp *temp = *state;
	struct device_record record;
	struct device device;
	char *argv;

	enroll_with_customer(temp, "RMA-1");
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	assert_string_equal(device.maker, "Examplo");
	assert_int_equal(device.received_unix, 1767312000);
	assert_int_equal(device_identities(temp->store, "RMA-1", &record, NULL), BL_OK);
	assert_int_equal(record.identity_count, 2);
	assert_string_equal(record.identities[0].value, "Zoe Sample");
	assert_int_equal(record.identities[1].kind, IDENTITY_PHONE);
	device_record_done(&record);
	/* Nowhere in the store in the clear. */
	assert_true(asprintf(&argv, "grep -rqa 'Sample' '%s'", temp->store_path) > 0);
	assert_int_not_equal(system(argv), 0);
	free(argv);
}

static void forgotten_customer_is_none(void **state)
{
	struct temp *temp = *state;
	struct device_record record;

	enroll_with_customer(temp, "RMA-1");
	assert_int_equal(device_forget_customer(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(device_forget_customer(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(access(temp_path(temp, "store/devices/RMA-1/customer.sealed"), F_OK), -1);
	assert_int_equal(device_identities(temp->store, "RMA-1", &record, NULL), BL_OK);
	assert_int_equal(record.identity_count, 0);
	device_record_done(&record);
}

/* Of files that are destroyed nothing stays that was found in them; whose device it is stays known. */
static void what_was_found_is_forgotten_without_the_customer(void **state)
{
	static const char *const NAMES[] = {"store/devices/RMA-1/identities",
					    "store/devices/RMA-1/spans"};
	struct temp *temp = *state;
	struct device_record record;
	char *text = NULL;

	enroll_with_customer(temp, "RMA-1");
	for (size_t i = 0; i < BL_COUNT(NAMES); i++) {
		FILE *file = fopen(temp_path(temp, NAMES[i]), "w");

		assert_non_null(file);
		assert_true(fputs("found", file) >= 0);
		assert_int_equal(fclose(file), 0);
	}
	assert_int_equal(device_found_read(temp->store, "RMA-1", &text, NULL), BL_NOT_FOUND);
	assert_int_equal(device_found_write(temp->store, "RMA-1", "{\"card\":3}", NULL), BL_OK);
	assert_int_equal(device_found_read(temp->store, "RMA-1", &text, NULL), BL_OK);
	assert_string_equal(text, "{\"card\":3}");
	free(text);
	assert_int_equal(device_found_write(temp->store, "RMA-2", "{}", NULL), BL_NOT_FOUND);
	assert_int_equal(device_forget_found(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(device_forget_found(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(device_found_read(temp->store, "RMA-1", &text, NULL), BL_NOT_FOUND);
	for (size_t i = 0; i < BL_COUNT(NAMES); i++)
		assert_int_equal(access(temp_path(temp, NAMES[i]), F_OK), -1);
	assert_int_equal(device_identities(temp->store, "RMA-1", &record, NULL), BL_OK);
	assert_int_not_equal(record.identity_count, 0);
	device_record_done(&record);
}

static void customer_of_another_device_does_not_open(void **state)
{
	struct temp *temp = *state;
	struct device_record record;
	char from[160];

	enroll_with_customer(temp, "RMA-1");
	enroll_with_customer(temp, "RMA-2");
	snprintf(from, sizeof(from), "%s", temp_path(temp, "store/devices/RMA-1/customer.sealed"));
	assert_int_equal(rename(from, temp_path(temp, "store/devices/RMA-2/customer.sealed")), 0);
	assert_int_equal(device_identities(temp->store, "RMA-2", &record, NULL), BL_TAMPERED);
}

static void bad_enrolments_leave_nothing(void **state)
{
	static const struct {
		const char *id, *source;
		enum bl_status status;
	} ROWS[] = {
		{"", "image", BL_INVALID},	    {"../x", "image", BL_INVALID},
		{".new-x", "image", BL_INVALID},    {"RMA 1", "image", BL_INVALID},
		{"RMA-9", "missing", BL_INVALID},   {"RMA-9", "empty", BL_INVALID},
		{"RMA-9", "folder", BL_INVALID},    {"RMA-9", "fifo", BL_INVALID},
		{"RMA-9", "tab\there", BL_INVALID}, {"RMA-1", "image", BL_EXISTS},
	};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_true(put_file(temp_path(temp, "empty"), ""));
	assert_true(put_file(temp_path(temp, "tab\there"), "x"));
	assert_int_equal(mkdir(temp_path(temp, "folder"), 0700), 0);
	assert_int_equal(mkfifo(temp_path(temp, "fifo"), 0600), 0);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device device = temp_device(temp, ROWS[i].id), found;

		snprintf(device.source, sizeof(device.source), "%s",
			 temp_path(temp, ROWS[i].source));

		enum bl_status status = device_enroll(temp->store, &device, NULL, NULL);

		if (status != ROWS[i].status)
			fail_msg("'%s' '%s': %s", ROWS[i].id, ROWS[i].source,
				 bl_status_name(status));
		assert_int_equal(device_find(temp->store, "RMA-9", &found, NULL), BL_NOT_FOUND);
	}
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
}

static void one_image_is_not_given_to_destroy_under_two_ids(void **state)
{
	struct temp *temp = *state;
	struct device first = temp_device(temp, "RMA-1"), second = temp_device(temp, "RMA-2");

	assert_int_equal(device_enroll(temp->store, &first, NULL, NULL), BL_OK);
	second.destroy_when_due = true;
	assert_int_equal(device_enroll(temp->store, &second, NULL, NULL), BL_EXISTS);
}

static void shredded_id_is_never_given_again(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_DUE, 1, NULL), BL_OK);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_SHREDDED, 1, NULL), BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_EXISTS);
}

static void only_the_enrolled_image_opens(void **state)
{
	struct temp *temp = *state;
	struct device device = temp_device(temp, "RMA-1");
	char aside[160];
	int fd = -1;

	assert_int_equal(device_enroll(temp->store, &device, NULL, NULL), BL_OK);
	assert_int_equal(device_open_source(&device, O_RDONLY, &fd, NULL), BL_OK);
	close(fd);

	snprintf(aside, sizeof(aside), "%s", temp_path(temp, "aside"));
	assert_int_equal(rename(temp->image, aside), 0);
	assert_int_equal(device_open_source(&device, O_RDONLY, &fd, NULL), BL_NOT_FOUND);
	assert_int_equal(symlink(aside, temp->image), 0);
	assert_int_equal(device_open_source(&device, O_RDONLY, &fd, NULL), BL_TAMPERED);
	assert_int_equal(unlink(temp->image), 0);
	assert_true(put_file(temp->image, "an image"));
	assert_int_equal(device_open_source(&device, O_RDONLY, &fd, NULL), BL_TAMPERED);
	assert_int_equal(rename(aside, temp->image), 0);
	assert_int_equal(device_open_source(&device, O_RDONLY, &fd, NULL), BL_OK);
	close(fd);
	assert_int_equal(truncate(temp->image, 4), 0);
	assert_int_equal(device_open_source(&device, O_RDONLY, &fd, NULL), BL_TAMPERED);
}

static void device_files_are_replaced_checked_and_removed(void **state)
{
	static const char *const NAMES[] = {"record", "../shred", "", ".hidden", "a/b"};
	struct temp *temp = *state;
	uint8_t *bytes = NULL;
	size_t length;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_file_read(temp->store, "RMA-1", "shred", &bytes, &length, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(device_file_write(temp->store, "RMA-1", "shred", "one", 3, NULL), BL_OK);
	assert_int_equal(device_file_write(temp->store, "RMA-1", "shred", "three", 5, NULL), BL_OK);
	assert_int_equal(device_file_read(temp->store, "RMA-1", "shred", &bytes, &length, NULL),
			 BL_OK);
	assert_int_equal(length, 5);
	assert_memory_equal(bytes, "three", 5);
	free(bytes);
	assert_int_equal(truncate(temp_path(temp, "store/devices/RMA-1/shred"), 100), 0);
	assert_int_equal(device_file_read(temp->store, "RMA-1", "shred", &bytes, &length, NULL),
			 BL_TAMPERED);
	assert_int_equal(device_file_remove(temp->store, "RMA-1", "shred", NULL), BL_OK);
	assert_int_equal(device_file_remove(temp->store, "RMA-1", "shred", NULL), BL_OK);
	for (size_t i = 0; i < BL_COUNT(NAMES); i++)
		if (device_file_write(temp->store, "RMA-1", NAMES[i], "x", 1, NULL) != BL_INVALID)
			fail_msg("'%s' was written", NAMES[i]);
}

struct seen {
	struct device_store *store;
	char ids[64];
};

static bool note(void *context, const struct device *device)
{
	struct seen *seen = context;
	struct device again;

	strcat(seen->ids, device->id);
	return device_find(seen->store, device->id, &again, NULL) == BL_OK &&
	       strcmp(device->id, "c") != 0;
}

static void each_goes_by_id_and_may_look_and_stop(void **state)
{
	static const char *const IDS[] = {"d", "b", "a", "c"};
	struct temp *temp = *state;
	struct seen seen = {.store = temp->store};

	for (size_t i = 0; i < BL_COUNT(IDS); i++)
		assert_int_equal(temp_enroll(temp, IDS[i]), BL_OK);
	device_each(temp->store, note, &seen);
	assert_string_equal(seen.ids, "abc");
}

/* What a client holds open is enrolled, never what now lies under the name it had. */
static void source_that_left_its_path_is_refused(void **state)
{
	struct temp *temp = *state;
	char given[80], left[160], link[64];
	struct device device;

	for (unsigned way = 0; way < 2; way++) {
		snprintf(given, sizeof(given), "%s/given", temp->root);
		assert_true(put_file(given, "the client's own"));
		int fd = open(given, O_RDWR | O_CLOEXEC);

		assert_true(fd >= 0);
		assert_int_equal(unlink(given), 0);
		snprintf(left, sizeof(left), "%s%s", given, way ? " (deleted)" : "");
		assert_int_equal(symlink(temp->image, left), 0);
		device = temp_device(temp, "RMA-1");
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		snprintf(device.source, sizeof(device.source), "%s", link);
		if (device_enroll(temp->store, &device, NULL, NULL) != BL_INVALID)
			fail_msg("way %u: another's file was enrolled", way);
		close(fd);
		assert_int_equal(unlink(left), 0);
	}
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(device_received_in_the_future_is_refused),
		TEST(what_the_record_states_is_kept),
		TEST(record_of_another_device_enrolls_none),
		TEST(customer_is_sealed_and_comes_back),
		TEST(forgotten_customer_is_none),
		TEST(what_was_found_is_forgotten_without_the_customer),
		TEST(customer_of_another_device_does_not_open),
		TEST(bad_enrolments_leave_nothing),
		TEST(source_that_left_its_path_is_refused),
		TEST(one_image_is_not_given_to_destroy_under_two_ids),
		TEST(shredded_id_is_never_given_again),
		TEST(only_the_enrolled_image_opens),
		TEST(device_files_are_replaced_checked_and_removed),
		TEST(each_goes_by_id_and_may_look_and_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
