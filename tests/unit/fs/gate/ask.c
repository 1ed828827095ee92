#include "tests/unit/fs/gate/fixture.h"

#include "fs/gate/private.h"

static const char RULES[] =
	"  - id: owner-lists\n    permit: [list, stat, read]\n    who: [owner]\n"
	"    what: {ids: ['RMA-1']}\n    why: Owners see what is there.\n"
	"  - id: owner-copies\n    permit: [copy]\n    who: [owner]\n"
	"    when: {hours: Mon-Sun 08:00-18:00}\n    limits: {files: 200 per hour}\n"
	"    why: Owners copy the masked view.\n"
	"  - id: owner-unmasks\n    permit: [unmask]\n    who: [owner]\n"
	"    what: {contains: [email]}\n"
	"    needs: {approvals: {count: 1, from: [lead], valid: 2h}}\n"
	"    why: A lead has to look at it.\n"
	"  - id: owner-holds\n    permit: [hold]\n    who: [owner]\n    needs: {reason: required}\n"
	"    why: Owners stop a destruction.\n"
	"  - id: owner-reviews\n    permit: [review]\n    who: [owner]\n"
	"    why: Owners look after the log.\n"
	"  - id: nobody-shreds\n    forbid: [shred]\n    who: everyone\n"
	"    why: Nothing is destroyed here by hand.\n"
	"  - id: lead-lists\n    permit: [list]\n    who: [lead]\n    what: {ids: ['RMA-2']}\n"
	"    why: Leads see the second.\n";

static int with_two_devices(void **state)
{
	struct fixture *fixture = fixture_begin(state);
	struct device second = {.kind = DEVICE_PHONE, .enrolled_unix = 1, .id = "RMA-2"};

	fixture_text(fixture, "open/note.txt", "nothing to see\n");
	fixture_enroll(fixture);
	snprintf(second.source, sizeof(second.source), "%s", fixture->source);
	assert_int_equal(device_enroll(fixture->store, &second, NULL, NULL), BL_OK);
	fixture_gate(fixture);
	fixture_policy(fixture, 1, RULES);
	return 0;
}

/* ---- one question ------------------------------------------------------------------------------------- */

static void a_question_is_answered_by_every_fact(void **state)
{
	static const struct {
		uid_t uid;
		const char *device;
		enum bl_action action;
		bool has_reason;
		enum bl_status status;
		const char *rule;
	} ROWS[] = {
		{UID_OWNER, "RMA-1", ACTION_LIST, false, BL_OK, "owner-lists"},
		{UID_OWNER, "RMA-2", ACTION_LIST, false, BL_FORBIDDEN, "default"},
		{UID_OWNER, "RMA-3", ACTION_LIST, false, BL_NOT_FOUND, ""},
		{UID_OWNER, "RMA-1", ACTION_COPY, false, BL_OK, "owner-copies"},
		{UID_OWNER, "RMA-1", ACTION_UNMASK, false, BL_ASK, "owner-unmasks"},
		{UID_OWNER, "RMA-1", ACTION_HOLD, false, BL_ASK, "owner-holds"},
		{UID_OWNER, "RMA-1", ACTION_HOLD, true, BL_OK, "owner-holds"},
		{UID_OWNER, "RMA-1", ACTION_SHRED, true, BL_FORBIDDEN, "nobody-shreds"},
		{UID_OWNER, NULL, ACTION_REVIEW, false, BL_OK, "owner-reviews"},
		{UID_LEAD, NULL, ACTION_REVIEW, false, BL_FORBIDDEN, "default"},
		{UID_STRANGER, "RMA-1", ACTION_LIST, false, BL_FORBIDDEN, "default"},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct gate_question question = {.uid = ROWS[i].uid,
						 .gid = ROWS[i].uid,
						 .has_reason = ROWS[i].has_reason,
						 .action = ROWS[i].action,
						 .class = CLASS_EMAIL,
						 .device = ROWS[i].device};
		char rule[BL_RULE_ID_SIZE];
		struct bl_error why = {""};
		enum bl_status status = gate_ask(fixture->gate, &question, rule, &why);

		if (status != ROWS[i].status || strcmp(rule, ROWS[i].rule) != 0 ||
		    (status != BL_OK && !why.text[0]))
			fail_msg("row %zu: %s by '%s': %s", i, bl_status_name(status), rule,
				 why.text);
	}
}

static void what_is_used_up_is_a_fact_of_a_question(void **state)
{
	struct fixture *fixture = *state;
	struct gate_question question = {
		.uid = UID_OWNER, .gid = UID_OWNER, .action = ACTION_COPY, .device = "RMA-1"};
	char rule[BL_RULE_ID_SIZE];
	struct bl_error why = {""};

	usage_count(usage_of(fixture->gate, UID_OWNER), UNIT_FILES, 200);
	assert_int_equal(gate_ask(fixture->gate, &question, rule, &why), BL_FORBIDDEN);
	assert_string_equal(rule, "limit");
}

static void a_due_device_is_closed_to_looks_but_not_to_its_life(void **state)
{
	struct fixture *fixture = *state;
	struct gate_question question = {.uid = UID_OWNER,
					 .gid = UID_OWNER,
					 .has_reason = true,
					 .action = ACTION_LIST,
					 .device = "RMA-1"};
	char rule[BL_RULE_ID_SIZE];

	assert_int_equal(device_set_state(fixture->store, "RMA-1", STATE_DUE, 1, NULL), BL_OK);
	gate_device_changed(fixture->gate, "RMA-1");
	assert_int_equal(gate_ask(fixture->gate, &question, rule, NULL), BL_FORBIDDEN);
	assert_string_equal(rule, "gate");
	question.action = ACTION_HOLD;
	assert_int_equal(gate_ask(fixture->gate, &question, rule, NULL), BL_OK);
}

/* ---- everything ------------------------------------------------------------------------------------------ */

struct told {
	char text[8192];
	size_t count;
};

static bool tell(void *context, const struct gate_may_line *line)
{
	struct told *told = context;
	size_t used = strlen(told->text);

	snprintf(told->text + used, sizeof(told->text) - used, "%s %s %s %s%s%s%s\n",
		 line->device ? line->device : "-", bl_action_name(line->action), line->outcome,
		 line->rule, line->until_unix == INT64_MAX ? "" : " until",
		 line->limits[0] ? " " : "", line->limits);
	told->count++;
	assert_string_not_equal(line->text, "");
	return true;
}

static void one_may_know_what_one_may_do_and_nothing_of_other_devices(void **state)
{
	static const struct {
		uid_t uid;
		const char *text;
	} ROWS[] = {
		{UID_OWNER, "RMA-1 list permit owner-lists\n"
			    "RMA-1 stat permit owner-lists\n"
			    "RMA-1 read permit owner-lists\n"
			    "RMA-1 copy permit owner-copies until 12 of 200 files this hour\n"
			    "RMA-1 unmask ask owner-unmasks\n"
			    "RMA-1 hold ask owner-holds\n"
			    "RMA-1 shred forbid nobody-shreds\n"
			    "- review permit owner-reviews\n"},
		{UID_LEAD, "RMA-2 list permit lead-lists\n"
			   "RMA-2 stat permit lead-lists\n"
			   "RMA-2 shred forbid nobody-shreds\n"},
		{UID_STRANGER, ""},
	};
	struct fixture *fixture = *state;

	usage_count(usage_of(fixture->gate, UID_OWNER), UNIT_FILES, 12);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct told told = {.text = ""};

		assert_int_equal(gate_may(fixture->gate, ROWS[i].uid, ROWS[i].uid, NULL, false,
					  tell, &told, NULL),
				 BL_OK);
		assert_string_equal(told.text, ROWS[i].text);
	}
}

static bool stop(void *context, const struct gate_may_line *line)
{
	(void)line;
	++*(int *)context;
	return false;
}

static void who_has_heard_enough_is_told_no_more(void **state)
{
	struct fixture *fixture = *state;
	int count = 0;

	assert_int_equal(
		gate_may(fixture->gate, UID_OWNER, UID_OWNER, NULL, false, stop, &count, NULL),
		BL_OK);
	assert_int_equal(count, 1);
}

/* ---- the notice ---------------------------------------------------------------------------------------------- */

static void the_root_holds_a_notice_of_what_one_may_do(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	struct gate_caller caller = caller_uid(UID_OWNER);
	uint64_t node = walked(view, "READ ME.txt"), handle = opened(view, "READ ME.txt");
	static char text[ROOT_NOTICE_SIZE];
	struct waited waited;

	assert_int_equal(do_read_text(view, handle, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "RMA-1:\n"));
	assert_non_null(strstr(text, "Owners copy the masked view"));
	assert_non_null(strstr(text, "bailee request"));
	assert_null(strstr(text, "RMA-2"));
	assert_null(strstr(text, "note"));
	waited_begin(&waited);
	gate_getattr(view, &caller, node, &waited.reply);
	assert_int_equal(waited_end(&waited), 0);
	assert_int_equal(waited.reply.attr.attr.size_bytes, strlen(text));
	assert_int_equal(waited.reply.attr.attr.uid, UID_OWNER);
	assert_int_equal(do_open(view, UID_STRANGER, node, &handle), EACCES);
	assert_int_equal(logged(fixture, AUDIT_READ, AUDIT_PERMITTED, "builtin/notice"), 1);
	gate_view_close(view);
}

static void a_notice_says_what_holds_now(void **state)
{
	static const char LESS[] =
		"  - id: owner-lists\n    permit: [list, stat]\n    who: [owner]\n"
		"    why: Owners only look now.\n";
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t handle = opened(view, "READ ME.txt");
	static char text[ROOT_NOTICE_SIZE], why[ROOT_NOTICE_SIZE];

	fixture_policy(fixture, 2, LESS);
	assert_int_equal(do_read_text(view, handle, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "Owners only look now"));
	/* Of both the same is said: once. */
	assert_non_null(strstr(text, "RMA-1, RMA-2:\n"));
	assert_null(strstr(text, "Owners copy"));
	do_why(view, GATE_ROOT, why, sizeof(why));
	assert_string_equal(why, text);
	gate_view_close(view);
}

static void a_notice_is_a_file_and_nothing_else(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	struct gate_caller caller = caller_uid(UID_OWNER);
	uint64_t node = walked(view, "READ ME.txt"), child;
	struct listed listed;
	struct waited waited;

	assert_int_equal(do_list(view, node, &listed), ENOTDIR);
	assert_int_equal(do_lookup(view, node, "RMA-1", &child), ESTALE);
	waited_begin(&waited);
	gate_open(view, &caller, node, O_RDWR, &waited.reply);
	assert_int_equal(waited_end(&waited), EROFS);
	gate_view_close(view);
}

/* ---- why ------------------------------------------------------------------------------------------------------ */

static void why_tells_limits_dates_and_originals(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	char text[8192];

	(void)opened(view, "RMA-1/open/note.txt");
	do_why(view, walked(view, "RMA-1/open/note.txt"), text, sizeof(text));
	assert_non_null(strstr(text, "owner-copies"));
	assert_non_null(strstr(text, "(until 2026-09-21 18:00)"));
	assert_non_null(strstr(text, "1 of 200 files this hour"));
	assert_non_null(strstr(text, "[email]"));
	assert_non_null(strstr(text, "unmasked on this mount: nothing"));
	gate_view_close(view);
}

int main(void)
{
#define WITH_TWO(test) cmocka_unit_test_setup_teardown(test, with_two_devices, fixture_without)
	const struct CMUnitTest tests[] = {
		WITH_TWO(a_question_is_answered_by_every_fact),
		WITH_TWO(what_is_used_up_is_a_fact_of_a_question),
		WITH_TWO(a_due_device_is_closed_to_looks_but_not_to_its_life),
		WITH_TWO(one_may_know_what_one_may_do_and_nothing_of_other_devices),
		WITH_TWO(who_has_heard_enough_is_told_no_more),
		WITH_TWO(the_root_holds_a_notice_of_what_one_may_do),
		WITH_TWO(a_notice_says_what_holds_now),
		WITH_TWO(a_notice_is_a_file_and_nothing_else),
		WITH_TWO(why_tells_limits_dates_and_originals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
