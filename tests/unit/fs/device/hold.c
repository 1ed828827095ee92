#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/device/private.h"
#include "tests/unit/fs/device/temp.h"

#define RECORD	 "store/devices/RMA-1/record"
#define REGISTER "store/holds"

static void last_release_gives_the_state_before_back(void **state)
{
	struct temp *temp = *state;
	struct device device;
	uint32_t first, second, third;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_CLOSED, 1, NULL), BL_OK);
	assert_int_equal(
		device_hold_add(temp->store, "RMA-1", 7, 0, "court order", 5, &first, NULL), BL_OK);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "dispute", 6, &second, NULL),
			 BL_OK);
	assert_int_equal(device_hold_release(temp->store, "RMA-1", first, NULL), BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_HELD);
	assert_string_equal(device.holds[0].reason, "dispute");
	assert_int_equal(device_hold_release(temp->store, "RMA-1", first, NULL), BL_NOT_FOUND);
	assert_int_equal(device_hold_release(temp->store, "RMA-1", second, NULL), BL_OK);
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_CLOSED);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "again", 8, &third, NULL),
			 BL_OK);
	assert_true(third > second);
}

/* What is due shows nothing any more: a hold keeps it from destruction, and only that. */
static void hold_of_a_due_device_leaves_it_due(void **state)
{
	struct temp *temp = *state;
	struct device device;
	uint32_t hold;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_DUE, 1, NULL), BL_OK);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "dispute", 6, &hold, NULL),
			 BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_DUE);
	assert_int_equal(device.hold_count, 1);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_RELEASED, 1, NULL),
			 BL_INVALID);
	assert_int_equal(device_shred_begin(temp->store, "RMA-1", NULL), BL_FORBIDDEN);
	assert_int_equal(device_hold_release(temp->store, "RMA-1", hold, NULL), BL_OK);
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_DUE);
	assert_int_equal(device_shred_begin(temp->store, "RMA-1", NULL), BL_OK);
}

static void bad_holds_are_refused(void **state)
{
	static const char *const REASONS[] = {"", "new\nline", "\x1b[31m", "\xff", NULL};
	struct temp *temp = *state;
	char long_reason[DEVICE_REASON + 1];
	uint32_t number;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (size_t i = 0; i < BL_COUNT(REASONS); i++)
		if (device_hold_add(temp->store, "RMA-1", 0, 0, REASONS[i], 1, &number, NULL) !=
		    BL_INVALID)
			fail_msg("reason %zu was taken", i);
	memset(long_reason, 'x', sizeof(long_reason) - 1);
	long_reason[sizeof(long_reason) - 1] = '\0';
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 0, 0, long_reason, 1, &number, NULL),
			 BL_INVALID);
	for (unsigned i = 0; i < DEVICE_HOLDS; i++)
		assert_int_equal(device_hold_add(temp->store, "RMA-1", 0, 0, "r", 1, &number, NULL),
				 BL_OK);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 0, 0, "r", 1, &number, NULL),
			 BL_TOO_LARGE);
}

/* Where there is something to hold, and nothing destroys it any more. */
static void every_state_but_the_last_two_can_be_held(void **state)
{
	static const struct {
		enum bl_device_state way[3];
		enum bl_status status;
		enum bl_device_state after;
	} ROWS[] = {
		{{STATE_RECEIVED}, BL_OK, STATE_HELD},
		{{STATE_OPEN}, BL_OK, STATE_HELD},
		{{STATE_CLOSED}, BL_OK, STATE_HELD},
		{{STATE_DUE}, BL_OK, STATE_DUE},
		{{STATE_DUE, STATE_SHREDDED}, BL_INVALID, STATE_SHREDDED},
		{{STATE_DUE, STATE_SHREDDED, STATE_RELEASED}, BL_INVALID, STATE_RELEASED},
	};
	struct temp *temp = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device device;
		char id[16];

		snprintf(id, sizeof(id), "RMA-%zu", i);
		assert_int_equal(temp_enroll(temp, id), BL_OK);
		for (size_t k = 0; k < BL_COUNT(ROWS[i].way) && ROWS[i].way[k]; k++)
			assert_int_equal(device_set_state(temp->store, id, ROWS[i].way[k], 1, NULL),
					 BL_OK);
		if (device_hold_add(temp->store, id, 0, 0, "r", 1, NULL, NULL) != ROWS[i].status)
			fail_msg("row %zu", i);
		assert_int_equal(device_find(temp->store, id, &device, NULL), BL_OK);
		assert_int_equal(device.state, ROWS[i].after);
	}
}

static void hold_names_its_incident_and_is_reviewed(void **state)
{
	struct temp *temp = *state;
	struct device device;
	uint32_t first, second;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 3, "loss", 100, &first, NULL),
			 BL_OK);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "r", 110, &second, NULL),
			 BL_OK);
	assert_int_equal(device_hold_review(temp->store, "RMA-1", second, 200, NULL), BL_OK);
	assert_int_equal(device_hold_review(temp->store, "RMA-1", 9, 200, NULL), BL_NOT_FOUND);
	assert_int_equal(device_hold_review(temp->store, "RMA-2", 1, 200, NULL), BL_NOT_FOUND);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.holds[0].incident, 3);
	assert_int_equal(device.holds[0].since_unix, 100);
	assert_int_equal(device.holds[0].reviewed_unix, 100);
	assert_int_equal(device.holds[1].incident, 0);
	assert_int_equal(device.holds[1].since_unix, 110);
	assert_int_equal(device.holds[1].reviewed_unix, 200);
	assert_int_equal(device_holds_restored(temp->store, NULL), 0);
}

/* ---- two files, one of which is put back -------------------------------------------------------------- */

static void copy(struct temp *temp, const char *from, const char *to)
{
	char command[512];

	/* What was not there is taken away. */
	snprintf(command, sizeof(command),
		 "cd '%s' && rm -f '%s' && { ! test -e '%s' || cp -p '%s' '%s'; }", temp->root, to,
		 from, from, to);
	assert_int_equal(system(command), 0);
}

static size_t standing(struct temp *temp, const char *id)
{
	struct device device;

	assert_int_equal(device_find(temp->store, id, &device, NULL), BL_OK);
	assert_int_equal(device.state, device.hold_count ? STATE_HELD : STATE_RECEIVED);
	return device.hold_count;
}

static void put_back_and_open(struct temp *temp, bool is_record, bool is_register)
{
	struct bl_error why = {.text = ""};

	device_store_close(temp->store);
	temp->store = NULL;
	if (is_record)
		copy(temp, "record.old", RECORD);
	if (is_register)
		copy(temp, "register.old", REGISTER);
	if (temp_reopen(temp, &why) != BL_OK)
		fail_msg("%s", why.text);
}

static void keep(struct temp *temp)
{
	copy(temp, RECORD, "record.old");
	copy(temp, REGISTER, "register.old");
}

/*
 * Somebody put one of the two back, or a crash came between them: whichever it was, the hold stands. Both put back is an older store, which the
 * anchors tell (docs/format-log.md), and nothing in here can.
 */
static void hold_stands_that_either_file_knows(void **state)
{
	static const struct {
		bool is_release, is_record, is_register, has_others;
		size_t standing, restored;
	} ROWS[] = {
		{false, false, false, false, 1, 0}, {false, true, false, false, 1, 1},
		{false, false, true, false, 1, 0},  {false, true, true, false, 0, 0},
		{false, true, false, true, 1, 1},   {false, false, true, true, 1, 0},
		{false, true, true, true, 0, 0},    {true, false, false, false, 0, 0},
		{true, true, false, false, 1, 0},   {true, false, true, false, 1, 1},
		{true, true, true, false, 1, 0},    {true, false, true, true, 1, 1},
	};
	struct temp *temp = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint32_t number = 0;

		assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
		assert_int_equal(temp_enroll(temp, "RMA-2"), BL_OK);
		if (ROWS[i].has_others)
			assert_int_equal(
				device_hold_add(temp->store, "RMA-2", 7, 0, "r", 1, NULL, NULL),
				BL_OK);
		if (!ROWS[i].is_release)
			keep(temp);
		assert_int_equal(
			device_hold_add(temp->store, "RMA-1", 7, 5, "dispute", 2, &number, NULL),
			BL_OK);
		if (ROWS[i].is_release) {
			keep(temp);
			assert_int_equal(device_hold_release(temp->store, "RMA-1", number, NULL),
					 BL_OK);
		}
		put_back_and_open(temp, ROWS[i].is_record, ROWS[i].is_register);
		if (standing(temp, "RMA-1") != ROWS[i].standing ||
		    standing(temp, "RMA-2") != ROWS[i].has_others ||
		    device_holds_restored(temp->store, NULL) != ROWS[i].restored ||
		    device_holds_restored(temp->store, "RMA-1") != ROWS[i].restored)
			fail_msg("row %zu: %zu stand, %zu restored", i, standing(temp, "RMA-1"),
				 device_holds_restored(temp->store, NULL));
		/* It is in both again: putting back the other one finds it. */
		put_back_and_open(temp, ROWS[i].is_register, false);
		assert_int_equal(standing(temp, "RMA-1"), ROWS[i].standing);
		temp_tear_down(state);
		assert_int_equal(temp_set_up(state), 0);
		temp = *state;
	}
}

static void restored_hold_is_what_it_was(void **state)
{
	struct temp *temp = *state;
	struct device device;
	uint32_t number, next;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_CLOSED, 50, NULL), BL_OK);
	keep(temp);
	assert_int_equal(
		device_hold_add(temp->store, "RMA-1", 7, 5, "a \"b\" \xc3\xbc", 60, &number, NULL),
		BL_OK);
	assert_int_equal(device_hold_review(temp->store, "RMA-1", number, 70, NULL), BL_OK);
	put_back_and_open(temp, true, false);
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.holds[0].number, number);
	assert_int_equal(device.holds[0].by, 7);
	assert_int_equal(device.holds[0].incident, 5);
	assert_int_equal(device.holds[0].since_unix, 60);
	assert_int_equal(device.holds[0].reviewed_unix, 70);
	assert_string_equal(device.holds[0].reason, "a \"b\" \xc3\xbc");
	/* Its number is not given again, and what it was before comes back. */
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "r", 80, &next, NULL), BL_OK);
	assert_int_equal(next, number + 1);
	assert_int_equal(device_hold_release(temp->store, "RMA-1", next, NULL), BL_OK);
	assert_int_equal(device_hold_release(temp->store, "RMA-1", number, NULL), BL_OK);
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_CLOSED);
	assert_int_equal(device.closed_unix, 50);
}

static void restored_hold_of_a_due_device_leaves_it_due(void **state)
{
	struct temp *temp = *state;
	struct device device;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_DUE, 1, NULL), BL_OK);
	keep(temp);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "r", 2, NULL, NULL), BL_OK);
	put_back_and_open(temp, true, false);
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_DUE);
	assert_int_equal(device.hold_count, 1);
	assert_int_equal(device_shred_begin(temp->store, "RMA-1", NULL), BL_FORBIDDEN);
}

/* An older record gave the number again: then there are two holds, and the one that the register knows keeps it. */
static void number_that_was_given_twice_is_two_holds(void **state)
{
	struct temp *temp = *state;
	struct device device;
	uint32_t number;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	copy(temp, RECORD, "fresh");
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "first", 1, &number, NULL),
			 BL_OK);
	copy(temp, RECORD, "first");
	assert_int_equal(device_hold_release(temp->store, "RMA-1", number, NULL), BL_OK);
	copy(temp, "fresh", "record.old");
	put_back_and_open(temp, true, false);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "second", 2, &number, NULL),
			 BL_OK);
	assert_int_equal(number, 1);
	copy(temp, "first", "record.old");
	put_back_and_open(temp, true, false);
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.hold_count, 2);
	assert_string_equal(device.holds[0].reason, "second");
	assert_string_equal(device.holds[1].reason, "first");
	assert_int_equal(device.holds[1].number, 2);
	assert_int_equal(device_holds_restored(temp->store, NULL), 1);
	put_back_and_open(temp, false, false);
	assert_int_equal(standing(temp, "RMA-1"), 2);
	assert_int_equal(device_holds_restored(temp->store, NULL), 0);
}

static void too_many_holds_of_both_open_no_store(void **state)
{
	struct temp *temp = *state;
	struct bl_error why = {.text = ""};

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	copy(temp, RECORD, "fresh");
	for (unsigned i = 0; i < DEVICE_HOLDS; i++)
		assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "r", 1, NULL, NULL),
				 BL_OK);
	copy(temp, RECORD, "full");
	for (unsigned i = 1; i <= DEVICE_HOLDS; i++)
		assert_int_equal(device_hold_release(temp->store, "RMA-1", i, NULL), BL_OK);
	copy(temp, "fresh", "record.old");
	put_back_and_open(temp, true, false);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "another", 2, NULL, NULL),
			 BL_OK);
	device_store_close(temp->store);
	temp->store = NULL;
	copy(temp, "full", RECORD);
	assert_int_equal(temp_reopen(temp, &why), BL_TAMPERED);
	assert_non_null(strstr(why.text, "'RMA-1' (put both back from one backup)"));
}

/* Nobody can say which holds stand: nothing is opened, so nothing is destroyed. */
static void register_that_does_not_verify_opens_no_store(void **state)
{
	static const char *const WAYS[] = {
		/* cut, changed, somebody else's seal under a line that is right, empty */
		"truncate -s -1 store/holds",
		"printf xxxxxxxxxxxxxxxx | dd of=store/holds bs=1 seek=120 conv=notrunc "
		"status=none",
		"sum=$(head -c 100 /dev/zero | b2sum -l 256 | cut -d' ' -f1) && "
		"{ echo \"bailee-file 1 holds 100 $sum\"; head -c 100 /dev/zero; } > store/holds",
		": > store/holds",
	};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "r", 1, NULL, NULL), BL_OK);
	keep(temp);
	device_store_close(temp->store);
	temp->store = NULL;
	for (size_t i = 0; i < BL_COUNT(WAYS); i++) {
		struct bl_error why = {.text = ""};
		char command[512];

		snprintf(command, sizeof(command), "cd '%s' && %s", temp->root, WAYS[i]);
		assert_int_equal(system(command), 0);
		if (temp_reopen(temp, &why) != BL_TAMPERED || !strstr(why.text, "'holds'") ||
		    !strstr(why.text, "(put it back from a backup)"))
			fail_msg("way %zu: %s", i, why.text);
		copy(temp, "register.old", REGISTER);
	}
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(standing(temp, "RMA-1"), 1);
}

/* Sealed by Bailee, but not of this form: by another version, which may know of holds that this one cannot see. */
static void register_of_another_version_opens_no_store(void **state)
{
	static const char TEXT[] = "{\"holds\":[],\"version\":2}";
	struct temp *temp = *state;
	struct bl_error why = {.text = ""};

	assert_int_equal(
		device_store_secret_write(temp->store, STORE_HOLDS, TEXT, strlen(TEXT), NULL),
		BL_OK);
	assert_int_equal(temp_reopen(temp, &why), BL_TAMPERED);
	assert_non_null(strstr(why.text, "'holds'"));
}

static ino_t inode(struct temp *temp, const char *name)
{
	struct stat st;

	return stat(temp_path(temp, name), &st) == 0 ? st.st_ino : 0;
}

static void opening_writes_nothing_when_both_agree(void **state)
{
	struct temp *temp = *state;
	ino_t record, list;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(inode(temp, REGISTER), 0);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "r", 1, NULL, NULL), BL_OK);
	record = inode(temp, RECORD);
	list = inode(temp, REGISTER);
	/* So that a file that is written again gets another number. */
	copy(temp, RECORD, "record.old");
	copy(temp, REGISTER, "register.old");
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(inode(temp, RECORD), record);
	assert_int_equal(inode(temp, REGISTER), list);
	assert_int_not_equal(list, 0);
}

/* Its folder was taken away: the register remembers, should it come back. */
static void hold_of_a_device_that_is_away_is_kept(void **state)
{
	struct temp *temp = *state;
	char folder[160];

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(temp_enroll(temp, "RMA-2"), BL_OK);
	keep(temp);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "r", 1, NULL, NULL), BL_OK);
	snprintf(folder, sizeof(folder), "%s", temp_path(temp, "store/devices/RMA-1"));
	assert_int_equal(rename(folder, temp_path(temp, "away")), 0);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	/* Nor does another one take its place, which would have no hold. */
	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_EXISTS);
	assert_int_equal(device_hold_add(temp->store, "RMA-2", 7, 0, "r", 1, NULL, NULL), BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(rename(temp_path(temp, "away"), folder), 0);
	put_back_and_open(temp, true, false);
	assert_int_equal(standing(temp, "RMA-1"), 1);
	assert_int_equal(standing(temp, "RMA-2"), 1);
	assert_int_equal(device_holds_restored(temp->store, NULL), 1);
}

static void what_is_gone_gets_no_hold_back(void **state)
{
	struct temp *temp = *state;
	struct device device;
	uint32_t number;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "r", 1, &number, NULL), BL_OK);
	keep(temp);
	assert_int_equal(device_hold_release(temp->store, "RMA-1", number, NULL), BL_OK);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_DUE, 2, NULL), BL_OK);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_SHREDDED, 3, NULL), BL_OK);
	put_back_and_open(temp, false, true);
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.hold_count, 0);
	assert_int_equal(device.state, STATE_SHREDDED);
	assert_int_equal(device_holds_restored(temp->store, NULL), 0);
}

/* One more than there is room for leaves everything as it was. */
static void register_has_a_limit(void **state)
{
	struct temp *temp = *state;
	struct held *held = calloc(HELD_LIMIT, sizeof(*held));
	struct bl_error why = {.text = ""};
	char *json = NULL;
	uint32_t number;

	assert_non_null(held);
	for (unsigned i = 0; i + 1 < HELD_LIMIT; i++) {
		snprintf(held[i].device, sizeof(held[i].device), "AWAY-%05u", i);
		held[i].hold = (struct device_hold){.number = 1, .reason = "r"};
	}
	assert_int_equal(codec_held_encode(held, HELD_LIMIT - 1, &json), BL_OK);
	free(held);
	assert_int_equal(
		device_store_secret_write(temp->store, STORE_HOLDS, json, strlen(json), NULL),
		BL_OK);
	free(json);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "r", 1, &number, NULL), BL_OK);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "r", 1, NULL, &why),
			 BL_TOO_LARGE);
	assert_non_null(strstr(why.text, "16384 holds"));
	assert_int_equal(standing(temp, "RMA-1"), 1);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(standing(temp, "RMA-1"), 1);
	assert_int_equal(device_hold_release(temp->store, "RMA-1", number, NULL), BL_OK);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 7, 0, "r", 1, NULL, NULL), BL_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(last_release_gives_the_state_before_back),
		TEST(hold_of_a_due_device_leaves_it_due),
		TEST(bad_holds_are_refused),
		TEST(every_state_but_the_last_two_can_be_held),
		TEST(hold_names_its_incident_and_is_reviewed),
		TEST(hold_stands_that_either_file_knows),
		TEST(restored_hold_is_what_it_was),
		TEST(restored_hold_of_a_due_device_leaves_it_due),
		TEST(number_that_was_given_twice_is_two_holds),
		TEST(too_many_holds_of_both_open_no_store),
		TEST(register_that_does_not_verify_opens_no_store),
		TEST(register_of_another_version_opens_no_store),
		TEST(opening_writes_nothing_when_both_agree),
		TEST(hold_of_a_device_that_is_away_is_kept),
		TEST(what_is_gone_gets_no_hold_back),
		TEST(register_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
