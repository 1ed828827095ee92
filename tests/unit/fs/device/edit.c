#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>

#include "tests/unit/fs/device/temp.h"

#define ONES	"1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS	"2222222222222222222222222222222222222222222222222222222222222222"
#define DAY_ONE 1767312000 /* 2026-01-02 */

static const char WHOLE[] = "received: 2026-01-01 10:30\n"
			    "maker: Examplo\n"
			    "serial: S-1\n"
			    "capacity: 64G\n"
			    "location: shelf/2\n"
			    "condition: {pictures: [" ONES "]}\n"
			    "customer: {name: Zoe Sample, phone: '+1 555 0100'}\n";

static void enroll(struct temp *temp, const char *text)
{
	struct device device = temp_device(temp, "RMA-1");
	struct device_record record;

	device.enrolled_unix = DAY_ONE;
	assert_int_equal(device_record_parse(text, strlen(text), &record, NULL), BL_OK);
	assert_int_equal(device_enroll(temp->store, &device, &record, NULL), BL_OK);
	device_record_done(&record);
}

static struct device now(struct temp *temp)
{
	struct device device;

	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	return device;
}

static enum bl_status edit(struct temp *temp, const char *text, struct bl_error *why)
{
	struct device_record record;
	struct bl_error check = {.text = ""};

	if (device_record_parse(text, strlen(text), &record, why) != BL_OK)
		fail_msg("%s: %s", text, why ? why->text : "");

	struct device before = now(temp);
	enum bl_status expected = device_edit_check(temp->store, "RMA-1", &record, &check);
	struct device after = now(temp);

	assert_memory_equal(&before, &after, sizeof(after));

	struct bl_error words = {.text = ""};
	uint32_t revision = 0;
	enum bl_status status = device_edit(temp->store, "RMA-1", &record, &revision, &words);

	device_record_done(&record);
	if (why)
		*why = words;
	/* Looking first says what doing says. */
	assert_int_equal(status, expected);
	assert_string_equal(check.text, words.text);
	after = now(temp);
	if (status != BL_OK)
		assert_memory_equal(&before, &after, sizeof(after));
	else
		assert_int_equal(revision, after.revision);
	return status;
}

static void expect_customer(struct temp *temp, const char *first, size_t count)
{
	struct device_record record;

	assert_int_equal(device_identities(temp->store, "RMA-1", &record, NULL), BL_OK);
	assert_int_equal(record.identity_count, count);
	if (first)
		assert_string_equal(record.identities[0].value, first);
	device_record_done(&record);
}

/* ---- moving, signing ------------------------------------------------------------------------------- */

static void device_moves_to_places_alone(void **state)
{
	static const struct {
		const char *place;
		bool is_ok;
	} ROWS[] = {
		{"shelf/2", true},
		{"A-1_b.c", true},
		{"a23456789012345678901234567890123456789012345678901234567890123", true},
		{"a234567890123456789012345678901234567890123456789012345678901234", false},
		{"", false},
		{"shelf 2", false},
		{"Zoe Sample's", false},
		{"a\nb", false},
		{"\xc3\xbc", false},
	};
	struct temp *temp = *state;
	uint32_t revision = 1;

	enroll(temp, WHOLE);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {.text = ""};
		enum bl_status status = device_move(temp->store, "RMA-1", ROWS[i].place, &why);

		revision += ROWS[i].is_ok;
		if (status != (ROWS[i].is_ok ? BL_OK : BL_INVALID) ||
		    (!ROWS[i].is_ok && strstr(why.text, "Zoe")))
			fail_msg("'%s': %s", ROWS[i].place, bl_status_name(status));
		assert_int_equal(temp_reopen(temp, NULL), BL_OK);
		assert_int_equal(now(temp).revision, revision);
		if (ROWS[i].is_ok)
			assert_string_equal(now(temp).location, ROWS[i].place);
	}
	assert_int_equal(device_move(temp->store, "RMA-2", "x", NULL), BL_NOT_FOUND);
}

static void one_scan_of_the_receipt_is_kept(void **state)
{
	struct temp *temp = *state;
	uint8_t scan[DEVICE_DIGEST] = {0};

	enroll(temp, WHOLE);
	assert_int_equal(device_sign(temp->store, "RMA-1", scan, NULL), BL_INVALID);
	scan[0] = 7;
	assert_int_equal(device_sign(temp->store, "RMA-1", scan, NULL), BL_OK);
	assert_int_equal(device_sign(temp->store, "RMA-1", scan, NULL), BL_OK);
	assert_int_equal(now(temp).revision, 2);
	scan[0] = 8;
	assert_int_equal(device_sign(temp->store, "RMA-1", scan, NULL), BL_EXISTS);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_true(now(temp).has_scan);
	assert_int_equal(now(temp).scan[0], 7);
	assert_int_equal(now(temp).revision, 2);
}

/* ---- editing --------------------------------------------------------------------------------------- */

static void edited_record_says_the_new_and_keeps_the_rest(void **state)
{
	struct temp *temp = *state;
	struct bl_error why = {.text = ""};

	enroll(temp, WHOLE);
	if (edit(temp,
		 "revision: 1\nmodel: Two\nserial: S-2\norigin: branch-4\n"
		 "condition: {pictures: [" TWOS ", " ONES "]}\n",
		 &why) != BL_OK)
		fail_msg("%s", why.text);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);

	struct device device = now(temp);

	assert_int_equal(device.revision, 2);
	assert_string_equal(device.maker, "Examplo");
	assert_string_equal(device.model, "Two");
	assert_string_equal(device.serial, "S-2");
	assert_string_equal(device.origin, "branch-4");
	assert_string_equal(device.location, "shelf/2");
	assert_int_equal(device.capacity_bytes, UINT64_C(64) << 30);
	assert_int_equal(device.received_unix, 1767263400);
	assert_int_equal(device.picture_count, 2);
	assert_int_equal(device.pictures[0][0], 0x22);
	expect_customer(temp, "Zoe Sample", 2);
}

static void other_record_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum bl_status status;
		const char *words;
	} ROWS[] = {
		{"maker: x\n", BL_INVALID,
		 "names no revision (begin with 'bailee device show RMA-1 --yaml')"},
		{"revision: 2\nmaker: x\n", BL_STALE,
		 "of revision 2, and 'RMA-1' is at revision 3"},
		{"revision: 4\nmaker: x\n", BL_STALE,
		 "(begin again with 'bailee device show RMA-1 --yaml')"},
		{"revision: 3\ndevice: RMA-2\n", BL_INVALID, "another device, not of 'RMA-1'"},
		{"revision: 3\nkind: disk\n", BL_INVALID, "is a phone: its kind is not changed"},
		{"revision: 3\nstate: closed\n", BL_INVALID,
		 "is received: its state is not changed"},
		{"revision: 3\nconsent: {repair: granted}\n", BL_INVALID, "(bailee consent)"},
		{"revision: 3\nreceived: 2026-01-04\n", BL_INVALID, "in the future"},
		{"revision: 3\ndevice: RMA-1\nkind: phone\nstate: received\nreceived: 2026-01-03\n",
		 BL_OK, ""},
	};
	struct temp *temp = *state;

	enroll(temp, WHOLE);
	assert_int_equal(device_move(temp->store, "RMA-1", "a", NULL), BL_OK);
	assert_int_equal(device_move(temp->store, "RMA-1", "b", NULL), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {.text = ""};

		if (edit(temp, ROWS[i].text, &why) != ROWS[i].status ||
		    !strstr(why.text, ROWS[i].words))
			fail_msg("%s: %s", ROWS[i].text, why.text);
	}
}

/* Its date counts from it: once that has come, or was kept, nothing puts it off. */
static void received_stays_once_the_date_has_come(void **state)
{
	static const struct {
		enum bl_device_state way[3];
		enum bl_status status;
	} ROWS[] = {
		{{STATE_RECEIVED}, BL_OK},
		{{STATE_OPEN}, BL_OK},
		{{STATE_CLOSED}, BL_OK},
		{{STATE_DUE}, BL_INVALID},
		{{STATE_DUE, STATE_SHREDDED}, BL_INVALID},
		{{STATE_DUE, STATE_SHREDDED, STATE_RELEASED}, BL_INVALID},
	};
	struct temp *temp = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {.text = ""};
		bool is_released;

		enroll(temp, WHOLE);
		for (size_t k = 0; k < BL_COUNT(ROWS[i].way) && ROWS[i].way[k]; k++)
			assert_int_equal(
				device_set_state(temp->store, "RMA-1", ROWS[i].way[k], 1, NULL),
				BL_OK);
		is_released = now(temp).state == STATE_RELEASED;
		/* What is printed is taken back: the same moment is no change. */
		if (edit(temp, "revision: 1\nreceived: 2026-01-01 10:30\nserial: S-3\n", &why) !=
		    (is_released ? BL_INVALID : BL_OK))
			fail_msg("row %zu: %s", i, why.text);
		if (edit(temp,
			 is_released ? "revision: 1\nreceived: 2026-01-01 10:31\n"
				     : "revision: 2\nreceived: 2026-01-01 10:31\n",
			 &why) != ROWS[i].status)
			fail_msg("row %zu: %s", i, why.text);
		temp_tear_down(state);
		assert_int_equal(temp_set_up(state), 0);
		temp = *state;
	}
}

static void customer_is_replaced_whole_or_left(void **state)
{
	struct temp *temp = *state;

	enroll(temp, WHOLE);
	assert_int_equal(edit(temp, "revision: 1\nmaker: x\n", NULL), BL_OK);
	expect_customer(temp, "Zoe Sample", 2);
	assert_int_equal(edit(temp, "revision: 2\ncustomer: {email: z@example.org}\n", NULL),
			 BL_OK);
	expect_customer(temp, "z@example.org", 1);
	/* Somebody else was first: the customer is not changed either. */
	assert_int_equal(edit(temp, "revision: 2\ncustomer: {name: Y}\n", NULL), BL_STALE);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	expect_customer(temp, "z@example.org", 1);
	assert_int_equal(now(temp).revision, 3);
}

static void customer_of_what_is_being_destroyed_is_refused(void **state)
{
	struct temp *temp = *state;
	struct bl_error why = {.text = ""};

	enroll(temp, "maker: x\n");
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_DUE, 1, NULL), BL_OK);
	assert_int_equal(device_shred_begin(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(edit(temp, "revision: 1\ncustomer: {name: Y}\n", &why), BL_INVALID);
	assert_non_null(strstr(why.text, "has begun"));
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_SHREDDED, 1, NULL), BL_OK);
	assert_int_equal(edit(temp, "revision: 1\ncustomer: {name: Y}\n", NULL), BL_INVALID);
	expect_customer(temp, NULL, 0);
	/* A serial number that was read wrongly is still put right: the wipe check compares it. */
	assert_int_equal(edit(temp, "revision: 1\nserial: S-9\n", NULL), BL_OK);
}

static void what_was_released_is_not_kept_up(void **state)
{
	struct temp *temp = *state;
	const uint8_t scan[DEVICE_DIGEST] = {1};
	struct bl_error why = {.text = ""};

	enroll(temp, WHOLE);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_RELEASED, 1, NULL), BL_OK);
	assert_int_equal(device_move(temp->store, "RMA-1", "a", &why), BL_INVALID);
	assert_non_null(strstr(why.text, "'RMA-1' is released"));
	assert_int_equal(device_sign(temp->store, "RMA-1", scan, NULL), BL_INVALID);
	assert_int_equal(edit(temp, "revision: 1\nmaker: x\n", NULL), BL_INVALID);
}

struct editor {
	struct device_store *store;
	pthread_barrier_t *together;
	char text[64];
	enum bl_status status;
};

static void *edit_together(void *context)
{
	struct editor *editor = context;
	struct device_record record;

	if (device_record_parse(editor->text, strlen(editor->text), &record, NULL) != BL_OK)
		return NULL;
	pthread_barrier_wait(editor->together);
	editor->status = device_edit(editor->store, "RMA-1", &record, NULL, NULL);
	device_record_done(&record);
	return NULL;
}

static void of_two_who_edit_one_record_one_wins(void **state)
{
	struct temp *temp = *state;

	enroll(temp, WHOLE);
	for (uint32_t revision = 1; revision <= 20; revision++) {
		pthread_barrier_t together;
		struct editor editors[2];
		pthread_t threads[2];

		assert_int_equal(pthread_barrier_init(&together, NULL, 2), 0);
		for (unsigned i = 0; i < 2; i++) {
			editors[i] = (struct editor){
				.store = temp->store, .together = &together, .status = BL_FAILED};
			snprintf(editors[i].text, sizeof(editors[i].text),
				 "revision: %u\nserial: S-%u\ncustomer: {name: N-%u}\n", revision,
				 i, i);
			assert_int_equal(
				pthread_create(&threads[i], NULL, edit_together, &editors[i]), 0);
		}
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(pthread_join(threads[i], NULL), 0);
		pthread_barrier_destroy(&together);

		unsigned winner = editors[0].status == BL_OK ? 0 : 1;

		assert_int_equal(editors[winner].status, BL_OK);
		assert_int_equal(editors[!winner].status, BL_STALE);
		assert_int_equal(now(temp).revision, revision + 1);
		assert_string_equal(now(temp).serial, winner ? "S-1" : "S-0");
		expect_customer(temp, winner ? "N-1" : "N-0", 1);
	}
}

/* ---- the record as YAML ------------------------------------------------------------------------------ */

static char *printed(struct temp *temp)
{
	struct device device = now(temp);
	char *yaml = NULL;

	assert_int_equal(device_record_print(&device, true, &yaml, NULL), BL_OK);
	return yaml;
}

static void record_is_printed_for_people(void **state)
{
	struct temp *temp = *state;

	enroll(temp, WHOLE);

	BL_CLEANUP(bl_free) char *yaml = printed(temp);

	assert_string_equal(yaml, "device: RMA-1\n"
				  "kind: phone\n"
				  "state: received\n"
				  "revision: 1\n"
				  "received: 2026-01-01 10:30\n"
				  "maker: \"Examplo\"\n"
				  "serial: \"S-1\"\n"
				  "capacity: 68719476736\n"
				  "location: \"shelf/2\"\n"
				  "condition:\n"
				  "  pictures:\n"
				  "    - " ONES "\n"
				  "# customer: on record, sealed\n");
}

/* As it lies in the store: whatever a text looks like, it comes back as itself, and as nothing else. */
static void printed_record_is_taken_back_unchanged(void **state)
{
	static const char *const TEXTS[] = {
		"plain",
		"#not a comment",
		"key: value",
		"\"quoted\"",
		"'single'",
		"back\\slash\\",
		"\\x41\\n",
		"- item",
		"[a, {b: c}]",
		"&anchor *alias !tag",
		"%YAML 1.1",
		"--- x",
		"...",
		"yes",
		"~",
		"null",
		"007",
		" leading and trailing ",
		"a # b",
		"M\xc3\xbcller \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x94\xa7",
		"@`|>?,:",
		"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""
		"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""
		"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""
		"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"",
	};
	struct temp *temp = *state;

	for (size_t i = 0; i < BL_COUNT(TEXTS); i++) {
		struct device device = temp_device(temp, "RMA-1"), after;
		struct bl_error why = {.text = ""};

		device.enrolled_unix = DAY_ONE;
		snprintf(device.maker, sizeof(device.maker), "%s", TEXTS[i]);
		snprintf(device.model, sizeof(device.model), "%s", TEXTS[i]);
		snprintf(device.serial, sizeof(device.serial), "%s", TEXTS[i]);
		snprintf(device.origin, sizeof(device.origin), "007");
		snprintf(device.location, sizeof(device.location), "-");
		device.capacity_bytes = INT64_MAX;
		device.has_received = true;
		device.received_unix = DAY_ONE + 59; /* a moment of enrolment, to the second */
		device.picture_count = DEVICE_PICTURES;
		for (unsigned k = 0; k < DEVICE_PICTURES; k++)
			device.pictures[k][31] = (uint8_t)k;
		assert_int_equal(device_enroll(temp->store, &device, NULL, NULL), BL_OK);
		device = now(temp);

		BL_CLEANUP(bl_free) char *yaml = printed(temp);

		if (edit(temp, yaml, &why) != BL_OK)
			fail_msg("%s\n%s", why.text, yaml);
		after = now(temp);
		assert_int_equal(after.revision, 2);
		after.revision = 1;
		if (memcmp(&after, &device, sizeof(device)) != 0)
			fail_msg("another record came back:\n%s", yaml);
		temp_tear_down(state);
		assert_int_equal(temp_set_up(state), 0);
		temp = *state;
	}
}

static void printed_record_tells_nothing_of_the_customer(void **state)
{
	struct temp *temp = *state;

	enroll(temp,
	       "customer: {name: Zoe Sample, phone: '+1 555 0100'}\nconsent: {repair: granted}\n"
	       "condition: {notes: seen by Zoe}\n");

	BL_CLEANUP(bl_free) char *yaml = printed(temp);

	assert_null(strstr(yaml, "Zoe"));
	assert_null(strstr(yaml, "555"));
	assert_null(strstr(yaml, "consent"));
	assert_null(strstr(yaml, "received: 2"));
	assert_non_null(strstr(yaml, "# customer: on record, sealed\n"));

	BL_CLEANUP(bl_free) char *without = NULL;
	struct device device = now(temp);

	assert_int_equal(device_record_print(&device, false, &without, NULL), BL_OK);
	assert_null(strstr(without, "customer"));
}

/* ---- what the calendar writes down --------------------------------------------------------------- */

static void what_the_calendar_writes_is_kept_and_no_revision(void **state)
{
	struct temp *temp = *state;
	const struct device_end end = {.at_unix = 50, .by = UINT32_MAX, .certificate = {1}};
	const struct device_verified verified = {.at_unix = 60, .by = 7, .is_good = true};
	const struct device_inspected inspected = {
		.at_unix = 70, .by = 8, .is_empty = true, .is_other = true, .statement = {2}};

	enroll(temp, WHOLE);
	assert_int_equal(device_set_grace(temp->store, "RMA-1", 10, NULL), BL_OK);
	assert_int_equal(device_set_noticed(temp->store, "RMA-1", 20, NULL), BL_OK);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_DUE, 30, NULL), BL_OK);
	assert_int_equal(device_set_end(temp->store, "RMA-1", &end, NULL), BL_OK);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_SHREDDED, 50, NULL), BL_OK);
	assert_int_equal(device_set_verified(temp->store, "RMA-1", &verified, NULL), BL_OK);
	assert_int_equal(device_set_inspected(temp->store, "RMA-1", &inspected, NULL), BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);

	struct device device = now(temp);

	assert_int_equal(device.grace_unix, 10);
	assert_int_equal(device.noticed_unix, 20);
	assert_int_equal(device.end.at_unix, 50);
	assert_int_equal(device.end.by, UINT32_MAX);
	assert_int_equal(device.end.certificate[0], 1);
	assert_int_equal(device.verified.at_unix, 60);
	assert_int_equal(device.verified.by, 7);
	assert_true(device.verified.is_good);
	assert_int_equal(device.inspected.at_unix, 70);
	assert_int_equal(device.inspected.by, 8);
	assert_true(device.inspected.is_empty && device.inspected.is_other);
	assert_int_equal(device.inspected.statement[0], 2);
	assert_int_equal(device.revision, 1);
	/* None again. */
	assert_int_equal(device_set_grace(temp->store, "RMA-1", 0, NULL), BL_OK);
	assert_int_equal(now(temp).grace_unix, 0);
}

/* The store could not be opened any more if it were written. */
/* A wipe check is of the drive whose number the record had; what else is edited leaves it. */
static void a_wipe_check_does_not_outlive_another_serial_number(void **state)
{
	struct temp *temp = *state;
	const struct device_inspected inspected = {
		.at_unix = DAY_ONE, .by = 1, .is_empty = true, .statement = {1}};

	enroll(temp, "{serial: S-1}");
	assert_int_equal(device_set_inspected(temp->store, "RMA-1", &inspected, NULL), BL_OK);
	assert_int_equal(edit(temp, "{revision: 1, serial: S-1, maker: Examplo}", NULL), BL_OK);
	assert_int_equal(now(temp).inspected.at_unix, DAY_ONE);
	assert_int_equal(edit(temp, "{revision: 2, serial: S-2}", NULL), BL_OK);
	assert_int_equal(now(temp).inspected.at_unix, 0);
	assert_false(now(temp).inspected.is_empty);
}

static void what_does_not_hang_together_is_not_written(void **state)
{
	struct temp *temp = *state;
	const struct device_end early = {.at_unix = 50, .certificate = {1}};
	const struct device_end bare = {.at_unix = 50};
	const struct device_verified verified = {.at_unix = 60};
	const struct device_inspected inspected = {.at_unix = 70};

	enroll(temp, WHOLE);
	assert_int_equal(device_set_end(temp->store, "RMA-1", &early, NULL), BL_INVALID);
	assert_int_equal(device_set_verified(temp->store, "RMA-1", &verified, NULL), BL_INVALID);
	assert_int_equal(device_set_inspected(temp->store, "RMA-1", &inspected, NULL), BL_INVALID);
	assert_int_equal(device_set_grace(temp->store, "RMA-1", -1, NULL), BL_INVALID);
	assert_int_equal(device_set_grace(temp->store, "RMA-2", 1, NULL), BL_NOT_FOUND);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_DUE, 30, NULL), BL_OK);
	assert_int_equal(device_set_end(temp->store, "RMA-1", &bare, NULL), BL_INVALID);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(now(temp).end.at_unix, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(device_moves_to_places_alone),
		TEST(one_scan_of_the_receipt_is_kept),
		TEST(edited_record_says_the_new_and_keeps_the_rest),
		TEST(other_record_is_refused),
		TEST(received_stays_once_the_date_has_come),
		TEST(customer_is_replaced_whole_or_left),
		TEST(customer_of_what_is_being_destroyed_is_refused),
		TEST(what_was_released_is_not_kept_up),
		TEST(of_two_who_edit_one_record_one_wins),
		TEST(record_is_printed_for_people),
		TEST(printed_record_is_taken_back_unchanged),
		TEST(printed_record_tells_nothing_of_the_customer),
		TEST(what_the_calendar_writes_is_kept_and_no_revision),
		TEST(a_wipe_check_does_not_outlive_another_serial_number),
		TEST(what_does_not_hang_together_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
