#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/device/temp.h"

/* "RMA-<tag>": its own image, since one image is not given to destroy twice. */
static void enroll_image(struct temp *temp, const char *id, bool is_ours)
{
	struct device device = temp_device(temp, id);

	snprintf(device.source, sizeof(device.source), "%s", temp_path(temp, id));
	assert_true(put_file(device.source, "an image of its own"));
	device.destroy_when_due = is_ours;
	assert_int_equal(device_enroll(temp->store, &device, NULL, NULL), BL_OK);
}

static void come_to(struct temp *temp, const char *id, enum bl_device_state from, bool is_held,
		    bool is_ours)
{
	/* How to come to each state; STATE_RECEIVED ends it. */
	static const enum bl_device_state WAYS[STATE_COUNT][3] = {
		[STATE_RECEIVED] = {STATE_RECEIVED},
		[STATE_OPEN] = {STATE_OPEN},
		[STATE_CLOSED] = {STATE_CLOSED},
		[STATE_HELD] = {STATE_RECEIVED},
		[STATE_DUE] = {STATE_DUE},
		[STATE_SHREDDED] = {STATE_DUE, STATE_SHREDDED},
		[STATE_RELEASED] = {STATE_DUE, STATE_SHREDDED, STATE_RELEASED},
	};

	enroll_image(temp, id, is_ours);
	for (size_t i = 0; i < BL_COUNT(WAYS[0]) && WAYS[from][i] != STATE_RECEIVED; i++)
		assert_int_equal(device_set_state(temp->store, id, WAYS[from][i], 5, NULL), BL_OK);
	if (is_held)
		assert_int_equal(device_hold_add(temp->store, id, 0, 0, "r", 1, NULL, NULL), BL_OK);
}

static void try_state(struct temp *temp, const char *id, enum bl_device_state to, bool is_allowed)
{
	struct bl_error first = {.text = ""}, why = {.text = ""};
	struct device before, after;

	assert_int_equal(device_find(temp->store, id, &before, NULL), BL_OK);

	enum bl_status may = device_may_become(temp->store, id, to, &first);
	enum bl_status status = device_set_state(temp->store, id, to, 7, &why);

	assert_int_equal(device_find(temp->store, id, &after, NULL), BL_OK);
	if (may != status || status != (is_allowed ? BL_OK : BL_INVALID) ||
	    strcmp(first.text, why.text) != 0)
		fail_msg("%s, %s to %s: %s, %s '%s'", id, bl_device_state_name(before.state),
			 bl_device_state_name(to), bl_status_name(may), bl_status_name(status),
			 why.text);
	assert_int_equal(after.state, is_allowed ? to : before.state);
	if (!is_allowed && (!strstr(why.text, bl_device_state_name(before.state)) ||
			    why.text[strlen(why.text) - 1] != ')'))
		fail_msg("%s: %s", id, why.text);
}

/* Every state, with and without a hold, ours to destroy or not, to every other: the table of docs/retention.md. */
static void states_follow_the_table(void **state)
{
	static const struct {
		const char *ours, *others; /* what it may become */
		bool is_free, has_holds;   /* is it without holds; can it have some? */
		const char *held;
	} ROWS[STATE_COUNT] = {
		/*                    rochdsR    rochdsR                 rochdsR */
		[STATE_RECEIVED] = {"+++-+--", "+++-+-+", true, false, NULL},
		[STATE_OPEN] = {"-++-+--", "-++-+--", true, false, NULL},
		[STATE_CLOSED] = {"-++-+--", "-++-+-+", true, false, NULL},
		[STATE_HELD] = {NULL, NULL, false, true, "---++--"},
		[STATE_DUE] = {"----++-", "----++-", true, true, "----+--"},
		[STATE_SHREDDED] = {"-----++", "-----++", true, false, NULL},
		[STATE_RELEASED] = {"------+", "------+", true, false, NULL},
	};
	struct temp *temp = *state;

	for (unsigned from = 0; from < STATE_COUNT; from++)
		for (unsigned to = 0; to < STATE_COUNT; to++)
			for (unsigned way = 0; way < 4; way++) {
				bool is_held = way & 1, is_ours = way & 2;
				const char *may = is_held   ? ROWS[from].held
						  : is_ours ? ROWS[from].ours
							    : ROWS[from].others;
				char id[16];

				if (is_held ? !ROWS[from].has_holds : !ROWS[from].is_free)
					continue;
				snprintf(id, sizeof(id), "RMA-%u-%u-%u", from, to, way);
				come_to(temp, id, from, is_held, is_ours);
				try_state(temp, id, to, may[to] == '+');
			}
}

static void words_say_what_comes_first(void **state)
{
	static const struct {
		enum bl_device_state from, to;
		bool is_held, is_ours;
		const char *words;
	} ROWS[] = {
		{STATE_RECEIVED, STATE_RELEASED, false, true, "(shred it first)"},
		{STATE_CLOSED, STATE_RELEASED, false, true, "(shred it first)"},
		{STATE_OPEN, STATE_RELEASED, false, true, "(shred it first)"},
		{STATE_DUE, STATE_RELEASED, false, false, "(shred it first)"},
		{STATE_OPEN, STATE_RELEASED, false, false, "(close it first)"},
		{STATE_HELD, STATE_RELEASED, true, false, "(release its holds first)"},
		{STATE_HELD, STATE_OPEN, true, true, "(release its holds first)"},
		{STATE_DUE, STATE_SHREDDED, true, true, "(release its holds first)"},
		{STATE_CLOSED, STATE_SHREDDED, false, true, "(its date comes first)"},
		{STATE_RECEIVED, STATE_HELD, false, true, "(place a hold)"},
		{STATE_SHREDDED, STATE_OPEN, false, true, "(it is destroyed)"},
		{STATE_RELEASED, STATE_OPEN, false, true, "(it is not ours any more)"},
		{STATE_DUE, STATE_OPEN, false, true, "(its date has come)"},
		{STATE_DUE, STATE_CLOSED, false, true, "(its date has come)"},
		{STATE_OPEN, STATE_RECEIVED, false, true, "(it was taken in already)"},
	};
	struct temp *temp = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {.text = ""};
		char id[16];

		snprintf(id, sizeof(id), "RMA-%zu", i);
		come_to(temp, id, ROWS[i].from, ROWS[i].is_held, ROWS[i].is_ours);
		if (device_may_become(temp->store, id, ROWS[i].to, &why) != BL_INVALID ||
		    !strstr(why.text, ROWS[i].words))
			fail_msg("row %zu: %s", i, why.text);
	}
}

/* Destruction that has begun is finished, whatever anybody wants the device to be. */
static void begun_destruction_leads_nowhere_else(void **state)
{
	struct temp *temp = *state;
	struct bl_error why = {.text = ""};

	enroll_image(temp, "RMA-1", true);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_DUE, 1, NULL), BL_OK);
	assert_int_equal(device_shred_begin(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_CLOSED, 1, &why), BL_INVALID);
	assert_non_null(strstr(why.text, "(its destruction has begun)"));
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_SHREDDED, 1, NULL), BL_OK);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_RELEASED, 1, NULL), BL_OK);
}

static int64_t closed_at(struct temp *temp)
{
	struct device device;

	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	return device.closed_unix;
}

/* `closed` starts a date: it is the moment that work ended, until it goes on again. */
static void closing_has_a_date_until_work_goes_on(void **state)
{
	static const struct {
		enum bl_device_state to;
		int64_t at_unix, closed_unix;
	} ROWS[] = {
		{STATE_OPEN, 100, 0},	  {STATE_CLOSED, 200, 200},
		{STATE_CLOSED, 250, 200}, /* it is already */
		{STATE_OPEN, 500, 0},	  {STATE_CLOSED, 700, 700},
		{STATE_DUE, 750, 700},
	};
	struct temp *temp = *state;
	uint32_t hold;

	enroll_image(temp, "RMA-1", true);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		assert_int_equal(
			device_set_state(temp->store, "RMA-1", ROWS[i].to, ROWS[i].at_unix, NULL),
			BL_OK);
		if (closed_at(temp) != ROWS[i].closed_unix)
			fail_msg("row %zu: %lld", i, (long long)closed_at(temp));
	}
	assert_int_equal(device_not_due(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(closed_at(temp), 700);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 0, 0, "r", 800, &hold, NULL), BL_OK);
	assert_int_equal(closed_at(temp), 700);
	assert_int_equal(device_hold_release(temp->store, "RMA-1", hold, NULL), BL_OK);
	assert_int_equal(closed_at(temp), 700);
}

static void begun_shred_takes_no_hold(void **state)
{
	struct temp *temp = *state;
	uint32_t number;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_shred_begin(temp->store, "RMA-1", NULL), BL_FORBIDDEN);
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_DUE, 1, NULL), BL_OK);
	assert_int_equal(device_shred_begin(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 0, 0, "late", 1, &number, NULL),
			 BL_INVALID);
	device_shred_abandon(temp->store, "RMA-1");
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 0, 0, "in time", 1, &number, NULL),
			 BL_OK);
	assert_int_equal(device_shred_begin(temp->store, "RMA-1", NULL), BL_FORBIDDEN);
}

static void no_hold_comes_while_a_part_begins(void **state)
{
	struct temp *temp = *state;
	uint32_t number;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_part_begin(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 0, 0, "now", 1, &number, NULL),
			 BL_LOCKED);
	/* What is due is closed all the same. */
	assert_int_equal(device_set_state(temp->store, "RMA-1", STATE_DUE, 1, NULL), BL_OK);
	device_part_begun(temp->store, "RMA-1");
	assert_int_equal(
		device_hold_add(temp->store, "RMA-1", 0, 0, "for the rest", 1, &number, NULL),
		BL_OK);
	assert_int_equal(device_part_begin(temp->store, "RMA-1", NULL), BL_FORBIDDEN);
	assert_int_equal(device_hold_release(temp->store, "RMA-1", number, NULL), BL_OK);
	/* The end of a part's beginning lets no hold come to a whole that has begun. */
	assert_int_equal(device_shred_begin(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(device_part_begin(temp->store, "RMA-1", NULL), BL_OK);
	device_part_begun(temp->store, "RMA-1");
	assert_int_equal(device_hold_add(temp->store, "RMA-1", 0, 0, "late", 1, &number, NULL),
			 BL_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(states_follow_the_table),
		TEST(words_say_what_comes_first),
		TEST(begun_destruction_leads_nowhere_else),
		TEST(closing_has_a_date_until_work_goes_on),
		TEST(begun_shred_takes_no_hold),
		TEST(no_hold_comes_while_a_part_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
