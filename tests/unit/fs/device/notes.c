/* What people write about a device, and which parts of it are gone: kept under its key, numbered, and gone with it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>

#include "fs/device/private.h"
#include "tests/unit/fs/device/temp.h"

#define NOW  INT64_C(1767312000)
#define LAST INT64_C(253402300799)
#define ANNA 61001
#define TEXT "planted words of a synthetic person,\nin two lines"

static const uint8_t PATHS[DEVICE_DIGEST] = {1, 2, 3}, OTHER_PATHS[DEVICE_DIGEST] = {4};

static struct device_notes *read_notes(struct temp *temp, const char *id)
{
	struct device_notes *notes = NULL;
	struct bl_error why = {.text = ""};

	if (device_notes_read(temp->store, id, &notes, &why) != BL_OK)
		fail_msg("notes of %s: %s", id, why.text);
	return notes;
}

static enum bl_status add_note(struct temp *temp, const char *text, uint32_t *out_number)
{
	const struct device_note note = {
		.about = NOTE_DEVICE, .at_unix = NOW, .by = ANNA, .text = text};

	return device_note_add(temp->store, "RMA-1", &note, out_number, NULL);
}

static enum bl_status carry(struct temp *temp, const char *entry, int64_t at_unix)
{
	return device_part_carry(temp->store, "RMA-1", entry, PATHS, at_unix, NULL);
}

static bool carried(struct temp *temp, const char *entry)
{
	return device_parts_carried(temp->store, "RMA-1", entry, PATHS);
}

static struct device look_at(struct temp *temp)
{
	struct device device;

	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	return device;
}

static void become(struct temp *temp, enum bl_device_state state)
{
	struct bl_error why = {.text = ""};

	if (device_set_state(temp->store, "RMA-1", state, NOW, &why) != BL_OK)
		fail_msg("%s", why.text);
}

/* ---- kept ---------------------------------------------------------------------------------------- */

static void nothing_was_written_at_first(void **state)
{
	struct temp *temp = *state;
	struct device_notes *none = NULL;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);

	BL_CLEANUP(device_notes_free) struct device_notes *notes = read_notes(temp, "RMA-1");

	assert_int_equal(notes->count, 0);
	assert_int_equal(access(temp_path(temp, "store/devices/RMA-1/notes.sealed"), F_OK), -1);
	assert_int_equal(device_notes_read(temp->store, "RMA-2", &none, NULL), BL_NOT_FOUND);
	assert_null(none);
	assert_false(carried(temp, "mail-30d"));
	assert_false(device_parts_carried(temp->store, "RMA-2", "mail-30d", PATHS));
}

static void what_is_written_comes_back_after_a_restart(void **state)
{
	struct temp *temp = *state;
	const struct device_incident incident = {
		.kind = INCIDENT_DAMAGE, .opened_unix = NOW, .deadline_unix = NOW};
	struct device_note note = {.number = 77,
				   .about = NOTE_INCIDENT,
				   .matter = 1,
				   .at_unix = NOW + 1,
				   .by = UINT32_MAX,
				   .text = "r\xc3\xa9par\xc3\xa9"};
	uint32_t number = 0;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_incident_add(temp->store, "RMA-1", &incident, NULL, NULL), BL_OK);
	assert_int_equal(add_note(temp, TEXT, &number), BL_OK);
	assert_int_equal(number, 1);
	assert_int_equal(device_note_add(temp->store, "RMA-1", &note, &number, NULL), BL_OK);
	assert_int_equal(number, 2);
	for (unsigned pass = 0; pass < 2; pass++) {
		BL_CLEANUP(device_notes_free)
		struct device_notes *notes = read_notes(temp, "RMA-1");

		assert_int_equal(notes->count, 2);
		assert_int_equal(notes->items[0].number, 1);
		assert_int_equal(notes->items[0].about, NOTE_DEVICE);
		assert_int_equal(notes->items[0].at_unix, NOW);
		assert_int_equal(notes->items[0].by, ANNA);
		assert_string_equal(notes->items[0].text, TEXT);
		assert_int_equal(notes->items[1].number, 2);
		assert_int_equal(notes->items[1].about, NOTE_INCIDENT);
		assert_int_equal(notes->items[1].matter, 1);
		assert_int_equal(notes->items[1].at_unix, NOW + 1);
		assert_int_equal(notes->items[1].by, UINT32_MAX);
		assert_string_equal(notes->items[1].text, note.text);
		assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	}
}

static void each_note_is_a_new_revision_and_a_number_never_given_again(void **state)
{
	struct temp *temp = *state;
	uint32_t number = 0;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);

	uint32_t revision = look_at(temp).revision;

	assert_int_equal(add_note(temp, TEXT, &number), BL_OK);
	assert_int_equal(look_at(temp).revision, revision + 1);
	assert_int_equal(look_at(temp).next_note, 2);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(look_at(temp).revision, revision + 1);
	assert_int_equal(look_at(temp).next_note, 2);
	/* An older file of notes: the record knows better. */
	assert_int_equal(unlink(temp_path(temp, "store/devices/RMA-1/notes.sealed")), 0);
	assert_int_equal(add_note(temp, TEXT, &number), BL_OK);
	assert_int_equal(number, 2);
}

static void put_record(struct temp *temp, const char *json, size_t length)
{
	BL_CLEANUP(fd_close) int fd = -1;

	assert_int_equal(device_folder(temp->store, "RMA-1", &fd, NULL), BL_OK);
	assert_int_equal(file_put(fd, "record", json, length, NULL), BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
}

/* Between the two files of one note: the notes have it, the record does not. */
static void crash_before_the_record_costs_no_number(void **state)
{
	struct temp *temp = *state;
	BL_CLEANUP(fd_close) int fd = -1;
	BL_CLEANUP(bl_free) char *record = NULL;
	uint32_t number = 0;
	size_t length = 0;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_folder(temp->store, "RMA-1", &fd, NULL), BL_OK);
	assert_int_equal(file_get(fd, "record", &record, &length, NULL), BL_OK);
	assert_int_equal(add_note(temp, "first", NULL), BL_OK);
	assert_int_equal(add_note(temp, "second", NULL), BL_OK);
	put_record(temp, record, length);
	assert_int_equal(add_note(temp, "third", &number), BL_OK);
	assert_int_equal(number, 3);
	assert_int_equal(look_at(temp).next_note, 4);

	BL_CLEANUP(device_notes_free) struct device_notes *notes = read_notes(temp, "RMA-1");

	assert_int_equal(notes->count, 3);
	assert_string_equal(notes->items[1].text, "second");
}

static void note_that_the_record_cannot_take_is_taken_back(void **state)
{
	struct temp *temp = *state;
	uint32_t number = 77;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(add_note(temp, "first", NULL), BL_OK);
	/* A folder where the record's temporary file has to be: nothing can be written over it. */
	assert_int_equal(mkdir(temp_path(temp, "store/devices/RMA-1/record.tmp"), 0700), 0);
	assert_int_equal(add_note(temp, "second", &number), BL_IO);
	assert_int_equal(number, 77);
	assert_int_equal(look_at(temp).next_note, 2);
	assert_int_equal(rmdir(temp_path(temp, "store/devices/RMA-1/record.tmp")), 0);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);

	BL_CLEANUP(device_notes_free) struct device_notes *notes = read_notes(temp, "RMA-1");

	assert_int_equal(notes->count, 1);
	assert_int_equal(add_note(temp, "third", &number), BL_OK);
	assert_int_equal(number, 2);
}

static void notes_are_read_from_the_disk_once(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(add_note(temp, TEXT, NULL), BL_OK);
	assert_int_equal(carry(temp, "mail-30d", NOW), BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	device_notes_free(read_notes(temp, "RMA-1"));
	assert_true(carried(temp, "mail-30d"));
	assert_int_equal(unlink(temp_path(temp, "store/devices/RMA-1/notes.sealed")), 0);
	assert_int_equal(unlink(temp_path(temp, "store/devices/RMA-1/parts.sealed")), 0);

	BL_CLEANUP(device_notes_free) struct device_notes *notes = read_notes(temp, "RMA-1");

	assert_int_equal(notes->count, 1);
	assert_true(carried(temp, "mail-30d"));
}

/* ---- what is refused ----------------------------------------------------------------------------- */

static void note_that_is_none_is_refused(void **state)
{
	static const struct {
		struct device_note note;
		enum bl_status status;
	} ROWS[] = {
		{{.about = NOTE_DEVICE, .text = "t"}, BL_OK},
		{{.about = NOTE_CONDITION, .text = "t", .at_unix = LAST}, BL_OK},
		{{.about = NOTE_INCIDENT, .matter = 1, .text = "t"}, BL_OK},
		{{.about = NOTE_REQUEST, .matter = 1, .text = "t"}, BL_OK},
		{{.about = NOTE_INCIDENT, .matter = 2, .text = "t"}, BL_NOT_FOUND},
		{{.about = NOTE_REQUEST, .matter = 2, .text = "t"}, BL_NOT_FOUND},
		{{.about = NOTE_INCIDENT, .text = "t"}, BL_INVALID},
		{{.about = NOTE_REQUEST, .text = "t"}, BL_INVALID},
		{{.about = NOTE_DEVICE, .matter = 1, .text = "t"}, BL_INVALID},
		{{.about = NOTE_CONDITION, .matter = 1, .text = "t"}, BL_INVALID},
		{{.about = NOTE_ABOUT_COUNT, .text = "t"}, BL_INVALID},
		{{.about = NOTE_DEVICE, .text = NULL}, BL_INVALID},
		{{.about = NOTE_DEVICE, .text = ""}, BL_INVALID},
		{{.about = NOTE_DEVICE, .text = "\x1b[2J"}, BL_INVALID},
		{{.about = NOTE_DEVICE, .text = "\xe2\x80\xae"}, BL_INVALID},
		{{.about = NOTE_DEVICE, .text = "t", .at_unix = -1}, BL_INVALID},
		{{.about = NOTE_DEVICE, .text = "t", .at_unix = LAST + 1}, BL_INVALID},
	};
	struct temp *temp = *state;
	const struct device_incident incident = {
		.kind = INCIDENT_DAMAGE, .opened_unix = NOW, .deadline_unix = NOW};
	const struct device_customer_request request = {
		.kind = CUSTOMER_ERASE, .since_unix = NOW, .deadline_unix = NOW, .ticket = "T"};
	size_t taken = 0;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_incident_add(temp->store, "RMA-1", &incident, NULL, NULL), BL_OK);
	assert_int_equal(device_customer_request_add(temp->store, "RMA-1", &request, NULL, NULL),
			 BL_OK);

	uint32_t revision = look_at(temp).revision;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {.text = ""};
		enum bl_status status =
			device_note_add(temp->store, "RMA-1", &ROWS[i].note, NULL, &why);

		taken += status == BL_OK;
		if (status != ROWS[i].status || (status != BL_OK && !*why.text))
			fail_msg("row %zu: %s: '%s'", i, bl_status_name(status), why.text);
	}
	assert_int_equal(look_at(temp).revision, revision + taken);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);

	BL_CLEANUP(device_notes_free) struct device_notes *notes = read_notes(temp, "RMA-1");

	assert_int_equal(notes->count, taken);
}

static void note_words_are_those_of_the_page(void **state)
{
	(void)state;
	assert_string_equal(note_about_name(NOTE_DEVICE), "device");
	assert_string_equal(note_about_name(NOTE_CONDITION), "condition");
	assert_string_equal(note_about_name(NOTE_INCIDENT), "incident");
	assert_string_equal(note_about_name(NOTE_REQUEST), "request");
}

/* Straight into the file, so that a test need not write it five hundred times. */
static void put_notes(struct temp *temp, size_t count, uint32_t first)
{
	BL_CLEANUP(bl_free) struct device_notes *notes = calloc(1, sizeof(*notes));
	PLAIN_CLEANUP struct plain plain = {0};
	BL_CLEANUP(fd_close) int fd = -1;

	assert_non_null(notes);
	for (uint32_t i = 0; i < count; i++)
		notes->items[notes->count++] =
			(struct device_note){.number = first + i, .at_unix = NOW, .text = "n"};
	assert_int_equal(notes_encode(notes, &plain), BL_OK);
	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_folder(temp->store, "RMA-1", &fd, NULL), BL_OK);
	assert_int_equal(secret_put(device_store_vault(temp->store), "RMA-1", fd, SECRET_NOTES,
				    &plain, NULL),
			 BL_OK);
}

static void notes_have_a_limit_and_none_is_lost(void **state)
{
	struct temp *temp = *state;
	uint32_t number = 0;

	put_notes(temp, MATTERS_NOTES - 1, 1);
	assert_int_equal(add_note(temp, "last", &number), BL_OK);
	assert_int_equal(number, MATTERS_NOTES);
	assert_int_equal(add_note(temp, "one more", NULL), BL_TOO_LARGE);

	BL_CLEANUP(device_notes_free) struct device_notes *notes = read_notes(temp, "RMA-1");

	assert_int_equal(notes->count, MATTERS_NOTES);
	assert_int_equal(notes->items[0].number, 1);
}

static void numbers_of_notes_come_to_an_end(void **state)
{
	struct temp *temp = *state;

	put_notes(temp, 1, UINT32_MAX);
	assert_int_equal(add_note(temp, "one more", NULL), BL_TOO_LARGE);
}

/* ---- parts --------------------------------------------------------------------------------------- */

static void part_is_carried_by_its_entry_and_its_paths(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(temp_enroll(temp, "RMA-2"), BL_OK);
	assert_int_equal(carry(temp, "mail-30d", NOW), BL_OK);
	for (unsigned pass = 0; pass < 2; pass++) {
		assert_true(carried(temp, "mail-30d"));
		assert_false(carried(temp, "mail-30"));
		assert_false(carried(temp, "mail-30d2"));
		assert_false(device_parts_carried(temp->store, "RMA-1", "mail-30d", OTHER_PATHS));
		assert_false(device_parts_carried(temp->store, "RMA-2", "mail-30d", PATHS));
		assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	}
}

static void part_that_is_none_is_refused(void **state)
{
	static const struct {
		const char *entry;
		int64_t at_unix;
		enum bl_status status;
	} ROWS[] = {
		{"mail-30d", NOW, BL_OK},
		{"builtin/x", 1, BL_OK},
		{"a23456789-123456789-123456789-123456789-123456789-123456789-123", LAST, BL_OK},
		{"a23456789-123456789-123456789-123456789-123456789-123456789-1234", NOW,
		 BL_INVALID},
		{"", NOW, BL_INVALID},
		{"Mail", NOW, BL_INVALID},
		{"mail\n", NOW, BL_INVALID},
		{"mail\"", NOW, BL_INVALID},
		{"mail", 0, BL_INVALID},
		{"mail", -1, BL_INVALID},
		{"mail", LAST + 1, BL_INVALID},
	};
	struct temp *temp = *state;

	assert_int_equal(carry(temp, "mail-30d", NOW), BL_NOT_FOUND);
	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		enum bl_status status = carry(temp, ROWS[i].entry, ROWS[i].at_unix);

		if (status != ROWS[i].status || carried(temp, ROWS[i].entry) != (status == BL_OK))
			fail_msg("row %zu: %s", i, bl_status_name(status));
	}
}

static void load_parts(struct temp *temp, struct device_parts *out_parts)
{
	PLAIN_CLEANUP struct plain plain = {0};
	BL_CLEANUP(fd_close) int fd = -1;

	assert_int_equal(device_folder(temp->store, "RMA-1", &fd, NULL), BL_OK);
	assert_int_equal(secret_get(device_store_vault(temp->store), "RMA-1", fd, SECRET_PARTS,
				    &plain, NULL),
			 BL_OK);
	assert_int_equal(parts_decode(plain.bytes, plain.length, out_parts), BL_OK);
}

static void oldest_part_makes_room_and_one_said_again_is_new(void **state)
{
	struct temp *temp = *state;
	BL_CLEANUP(bl_free) struct device_parts *parts = calloc(1, sizeof(*parts));
	char entry[BL_RULE_ID_SIZE];

	assert_non_null(parts);
	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (unsigned i = 0; i < MATTERS_PARTS; i++) {
		snprintf(entry, sizeof(entry), "p-%u", i);
		assert_int_equal(carry(temp, entry, NOW + i), BL_OK);
	}
	assert_int_equal(carry(temp, "p-0", NOW + 1000), BL_OK);
	assert_int_equal(carry(temp, "p-1", NOW), BL_OK); /* a date never goes back */
	assert_int_equal(carry(temp, "one-more", NOW + 1001), BL_OK);
	assert_true(carried(temp, "p-0"));
	assert_true(carried(temp, "p-1"));
	assert_false(carried(temp, "p-2"));
	assert_true(carried(temp, "p-3"));
	assert_true(carried(temp, "one-more"));
	load_parts(temp, parts);
	assert_int_equal(parts->count, MATTERS_PARTS);
	assert_int_equal(parts_find(parts, "p-0", PATHS)->at_unix, NOW + 1000);
	assert_int_equal(parts_find(parts, "p-1", PATHS)->at_unix, NOW + 1);
}

/* ---- the end of the device ----------------------------------------------------------------------- */

static void notes_and_parts_go_with_the_device(void **state)
{
	struct temp *temp = *state;
	enum vault_proof proof;
	size_t length = 0;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(add_note(temp, TEXT, NULL), BL_OK);
	assert_int_equal(carry(temp, "mail-30d", NOW), BL_OK);

	BL_CLEANUP(fd_close) int fd = -1;
	BL_CLEANUP(bl_free) char *kept = NULL;

	assert_int_equal(device_folder(temp->store, "RMA-1", &fd, NULL), BL_OK);
	assert_int_equal(file_get(fd, "notes.sealed", &kept, &length, NULL), BL_OK);
	become(temp, STATE_DUE);
	assert_int_equal(add_note(temp, "that can still be written", NULL), BL_OK);
	assert_int_equal(device_shred_begin(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(add_note(temp, TEXT, NULL), BL_INVALID);
	assert_int_equal(carry(temp, "mail-30d", NOW), BL_INVALID);
	assert_int_equal(
		vault_device_destroy(device_store_vault(temp->store), "RMA-1", &proof, NULL),
		BL_OK);
	assert_int_equal(device_forget_customer(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(faccessat(fd, "notes.sealed", F_OK, 0), -1);
	assert_int_equal(faccessat(fd, "parts.sealed", F_OK, 0), -1);
	assert_false(carried(temp, "mail-30d"));
	become(temp, STATE_SHREDDED);
	assert_int_equal(device_forget_customer(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(add_note(temp, TEXT, NULL), BL_INVALID);
	assert_int_equal(carry(temp, "mail-30d", NOW), BL_INVALID);
	/* One that somebody puts back says nothing, and does not hide the tombstone. */
	assert_int_equal(file_put(fd, "notes.sealed", kept, length, NULL), BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);

	BL_CLEANUP(device_notes_free) struct device_notes *notes = read_notes(temp, "RMA-1");

	assert_int_equal(notes->count, 0);
}

static void of_what_is_released_notes_are_read_only(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(add_note(temp, TEXT, NULL), BL_OK);
	become(temp, STATE_RELEASED);
	assert_int_equal(add_note(temp, TEXT, NULL), BL_INVALID);
	assert_int_equal(carry(temp, "mail-30d", NOW), BL_INVALID);

	BL_CLEANUP(device_notes_free) struct device_notes *notes = read_notes(temp, "RMA-1");

	assert_int_equal(notes->count, 1);
}

/* ---- what somebody did to the files -------------------------------------------------------------- */

static char *sealed_of(struct temp *temp, const char *id, const char *name, size_t *out_length)
{
	BL_CLEANUP(fd_close) int fd = -1;
	char *bytes = NULL;

	assert_int_equal(device_folder(temp->store, id, &fd, NULL), BL_OK);
	assert_int_equal(file_get(fd, name, &bytes, out_length, NULL), BL_OK);
	return bytes;
}

/* With a line that is right, into a store that has read nothing yet. */
static void put_sealed(struct temp *temp, const char *name, const char *bytes, size_t length)
{
	BL_CLEANUP(fd_close) int fd = -1;

	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(device_folder(temp->store, "RMA-1", &fd, NULL), BL_OK);
	assert_int_equal(file_put(fd, name, bytes, length, NULL), BL_OK);
}

static void assert_notes_tampered(struct temp *temp, const char *what)
{
	struct device_notes *notes = NULL;
	struct bl_error why = {.text = ""};

	if (device_notes_read(temp->store, "RMA-1", &notes, &why) != BL_TAMPERED || notes ||
	    !*why.text)
		fail_msg("notes, %s: read: '%s'", what, why.text);
	if (add_note(temp, TEXT, NULL) != BL_TAMPERED)
		fail_msg("notes, %s: added", what);
}

static void assert_parts_tampered(struct temp *temp, const char *what)
{
	if (carried(temp, "mail-30d"))
		fail_msg("parts, %s: carried", what);
	if (carry(temp, "other", NOW) != BL_TAMPERED)
		fail_msg("parts, %s: added", what);
}

static void file_that_is_not_as_it_was_is_refused_and_left_alone(void **state)
{
	static const struct {
		const char *name;
		void (*assert_tampered)(struct temp *temp, const char *what);
	} FILES[] = {{"notes.sealed", assert_notes_tampered},
		     {"parts.sealed", assert_parts_tampered}};
	struct temp *temp = *state;
	char what[32];

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(add_note(temp, TEXT, NULL), BL_OK);
	assert_int_equal(carry(temp, "mail-30d", NOW), BL_OK);
	for (size_t i = 0; i < BL_COUNT(FILES); i++) {
		const char *name = FILES[i].name;
		size_t length = 0, length_after = 0;
		BL_CLEANUP(bl_free) char *bytes = sealed_of(temp, "RMA-1", name, &length);

		for (size_t at = 0; at < length; at += 11) {
			bytes[at] = (char)(bytes[at] ^ 1);
			put_sealed(temp, name, bytes, length);
			bytes[at] = (char)(bytes[at] ^ 1);
			snprintf(what, sizeof(what), "byte %zu", at);
			FILES[i].assert_tampered(temp, what);
		}
		for (size_t cut = 0; cut < length; cut += 13) {
			put_sealed(temp, name, bytes, cut);
			snprintf(what, sizeof(what), "%zu bytes", cut);
			FILES[i].assert_tampered(temp, what);
		}
		put_sealed(temp, name, bytes, length);

		BL_CLEANUP(bl_free) char *after = sealed_of(temp, "RMA-1", name, &length_after);

		assert_int_equal(length_after, length);
		assert_memory_equal(after, bytes, length);
	}
	assert_true(carried(temp, "mail-30d"));
	assert_int_equal(add_note(temp, TEXT, NULL), BL_OK);
}

static void file_of_another_device_or_of_another_name_is_refused(void **state)
{
	struct temp *temp = *state;
	const struct device_note note = {.about = NOTE_DEVICE, .at_unix = NOW, .text = "n"};
	size_t note_length = 0, part_length = 0, own_length = 0;
	struct bl_error why = {.text = ""};

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(temp_enroll(temp, "RMA-2"), BL_OK);
	assert_int_equal(device_note_add(temp->store, "RMA-2", &note, NULL, NULL), BL_OK);
	assert_int_equal(device_part_carry(temp->store, "RMA-2", "mail-30d", PATHS, NOW, NULL),
			 BL_OK);
	assert_int_equal(add_note(temp, TEXT, NULL), BL_OK);

	BL_CLEANUP(bl_free)
	char *note_bytes = sealed_of(temp, "RMA-2", "notes.sealed", &note_length);
	BL_CLEANUP(bl_free)
	char *part_bytes = sealed_of(temp, "RMA-2", "parts.sealed", &part_length);
	BL_CLEANUP(bl_free) char *own = sealed_of(temp, "RMA-1", "notes.sealed", &own_length);

	put_sealed(temp, "notes.sealed", note_bytes, note_length);
	assert_notes_tampered(temp, "of another device");
	put_sealed(temp, "parts.sealed", part_bytes, part_length);
	assert_parts_tampered(temp, "of another device");
	put_sealed(temp, "parts.sealed", own, own_length);
	assert_parts_tampered(temp, "notes in their place");
	assert_int_equal(device_part_carry(temp->store, "RMA-1", "other", PATHS, NOW, &why),
			 BL_TAMPERED);
	assert_non_null(strstr(why.text, "does not unseal"));
}

/* The seal is right, but what is sealed is nothing that this version writes. */
static void what_does_not_decode_is_refused(void **state)
{
	static const uint8_t LATER[] = {2, 0, 0};
	struct temp *temp = *state;
	uint8_t bytes[sizeof(LATER)];
	const struct plain plain = {.bytes = bytes, .length = sizeof(bytes)};
	BL_CLEANUP(fd_close) int fd = -1;
	struct vault *vault = device_store_vault(temp->store);

	memcpy(bytes, LATER, sizeof(bytes));
	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_folder(temp->store, "RMA-1", &fd, NULL), BL_OK);
	assert_int_equal(secret_put(vault, "RMA-1", fd, SECRET_NOTES, &plain, NULL), BL_OK);
	assert_int_equal(secret_put(vault, "RMA-1", fd, SECRET_PARTS, &plain, NULL), BL_OK);
	assert_notes_tampered(temp, "of another version");
	assert_parts_tampered(temp, "of another version");
	/* It was not kept: what an operator puts in its place counts at once. */
	assert_int_equal(unlinkat(fd, "notes.sealed", 0), 0);
	assert_int_equal(unlinkat(fd, "parts.sealed", 0), 0);
	assert_int_equal(add_note(temp, TEXT, NULL), BL_OK);
	assert_int_equal(carry(temp, "mail-30d", NOW), BL_OK);
}

/* Nothing is made room for that can be none of ours. */
static void more_than_there_can_be_is_not_unsealed(void **state)
{
	struct temp *temp = *state;
	BL_CLEANUP(bl_free) uint8_t *bytes = calloc(1, PARTS_LIMIT + 1);
	const struct plain plain = {.bytes = bytes, .length = PARTS_LIMIT + 1};
	struct bl_error why = {.text = ""};
	BL_CLEANUP(fd_close) int fd = -1;

	assert_non_null(bytes);
	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_folder(temp->store, "RMA-1", &fd, NULL), BL_OK);
	assert_int_equal(secret_put(device_store_vault(temp->store), "RMA-1", fd, SECRET_PARTS,
				    &plain, NULL),
			 BL_OK);
	assert_int_equal(device_part_carry(temp->store, "RMA-1", "other", PATHS, NOW, &why),
			 BL_TAMPERED);
	assert_non_null(strstr(why.text, "wrong size"));
}

static void without_the_devices_key_nothing_is_told(void **state)
{
	struct temp *temp = *state;
	enum vault_proof proof;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(add_note(temp, TEXT, NULL), BL_OK);
	assert_int_equal(carry(temp, "mail-30d", NOW), BL_OK);
	assert_int_equal(
		vault_device_destroy(device_store_vault(temp->store), "RMA-1", &proof, NULL),
		BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_notes_tampered(temp, "its key is gone");
	assert_parts_tampered(temp, "its key is gone");
}

static void nothing_of_them_lies_in_the_store_in_plain(void **state)
{
	struct temp *temp = *state;
	size_t note_length = 0, part_length = 0;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(add_note(temp, TEXT, NULL), BL_OK);
	assert_int_equal(carry(temp, "mail-30d", NOW), BL_OK);

	BL_CLEANUP(bl_free)
	char *notes = sealed_of(temp, "RMA-1", "notes.sealed", &note_length);
	BL_CLEANUP(bl_free)
	char *parts = sealed_of(temp, "RMA-1", "parts.sealed", &part_length);

	assert_null(memmem(notes, note_length, "planted", 7));
	assert_null(memmem(parts, part_length, "mail-30d", 8));
}

/* ---- at once --------------------------------------------------------------------------------------- */

#define EACH 20

struct writer {
	struct temp *temp;
	uint32_t numbers[EACH];
	enum bl_status status;
};

static void *write_notes(void *context)
{
	struct writer *writer = context;

	for (unsigned i = 0; i < EACH && writer->status == BL_OK; i++)
		writer->status = add_note(writer->temp, TEXT, &writer->numbers[i]);
	return NULL;
}

static void two_who_write_at_once_both_get_numbers_of_their_own(void **state)
{
	struct temp *temp = *state;
	struct writer writers[2] = {{.temp = temp}, {.temp = temp}};
	bool was_given[2 * EACH + 1] = {false};
	pthread_t threads[2];

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);

	uint32_t revision = look_at(temp).revision;

	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_notes, &writers[i]), 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(writers[i].status, BL_OK);
		for (unsigned k = 0; k < EACH; k++) {
			uint32_t number = writers[i].numbers[k];

			if (number < 1 || number > 2 * EACH || was_given[number])
				fail_msg("number %u", (unsigned)number);
			was_given[number] = true;
		}
	}
	assert_int_equal(look_at(temp).revision, revision + 2 * EACH);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);

	BL_CLEANUP(device_notes_free) struct device_notes *notes = read_notes(temp, "RMA-1");

	assert_int_equal(notes->count, 2 * EACH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_was_written_at_first),
		TEST(what_is_written_comes_back_after_a_restart),
		TEST(each_note_is_a_new_revision_and_a_number_never_given_again),
		TEST(crash_before_the_record_costs_no_number),
		TEST(note_that_the_record_cannot_take_is_taken_back),
		TEST(notes_are_read_from_the_disk_once),
		TEST(note_that_is_none_is_refused),
		cmocka_unit_test(note_words_are_those_of_the_page),
		TEST(notes_have_a_limit_and_none_is_lost),
		TEST(numbers_of_notes_come_to_an_end),
		TEST(part_is_carried_by_its_entry_and_its_paths),
		TEST(part_that_is_none_is_refused),
		TEST(oldest_part_makes_room_and_one_said_again_is_new),
		TEST(notes_and_parts_go_with_the_device),
		TEST(of_what_is_released_notes_are_read_only),
		TEST(file_that_is_not_as_it_was_is_refused_and_left_alone),
		TEST(file_of_another_device_or_of_another_name_is_refused),
		TEST(what_does_not_decode_is_refused),
		TEST(more_than_there_can_be_is_not_unsealed),
		TEST(without_the_devices_key_nothing_is_told),
		TEST(nothing_of_them_lies_in_the_store_in_plain),
		TEST(two_who_write_at_once_both_get_numbers_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
