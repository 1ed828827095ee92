#include "desk.h"

#define NOTES "/Users/kim/notes.txt"

static void decisions_of_the_desk(void **state)
{
	static const struct {
		const char *login;
		enum bl_action action;
		const char *path;
		int kind;
		bool has_reason;
		enum rules_outcome outcome;
		const char *rule;
	} rows[] = {
		{"anna", ACTION_READ, NOTES, FILE_TEXT, false, RULES_PERMIT, "looks"},
		{"anna", ACTION_STAT, NOTES, FILE_TEXT, false, RULES_PERMIT, "looks"},
		{"anna", ACTION_READ, "/etc/passwd", FILE_TEXT, false, RULES_FORBID, "default"},
		{"anna", ACTION_READ, NULL, FILE_TEXT, false, RULES_FORBID, "default"},
		{"anna", ACTION_COPY, NOTES, FILE_TEXT, true, RULES_FORBID, "no-copies"},
		{"ben", ACTION_READ, NOTES, FILE_TEXT, false, RULES_FORBID, "lapsed"},
		{"ben", ACTION_COPY, NOTES, FILE_TEXT, false, RULES_FORBID, "no-copies"},
		{"zed", ACTION_READ, NOTES, FILE_TEXT, false, RULES_FORBID, "default"},
		{"carla", ACTION_COPY, NOTES, FILE_TEXT, false, RULES_ASK, "export"},
		{"carla", ACTION_COPY, NOTES, FILE_TEXT, true, RULES_PERMIT, "export"},
		{"carla", ACTION_COPY, "/x", FILE_TEXT, true, RULES_FORBID, "default"},
		{"carla", ACTION_COPY, "/Users/k/Pictures/a", FILE_IMAGE, true, RULES_WITHHOLD,
		 "no-pictures"},
		{"anna", ACTION_READ, "/Users/k/Pictures/a", -1, false, RULES_WITHHOLD,
		 "no-pictures"},
		{"anna", ACTION_LIST, "/Users/k/Pictures/a", -1, false, RULES_PERMIT, "looks"},
		{"carla", ACTION_UNMASK, NOTES, FILE_TEXT, false, RULES_PERMIT, "refund"},
		{"anna", ACTION_UNMASK, NOTES, FILE_TEXT, false, RULES_FORBID, "default"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct rules_circumstances who = {.caller = {.uid = 7, .login = rows[i].login},
						  .purpose = "repair",
						  .has_reason = rows[i].has_reason,
						  .now_unix = DESK_NOW,
						  .is_clock_trusted = true};
		struct desk desk;

		desk_open(&desk, DESK_HEAD, rows[i].login, DESK_NOW, rows[i].path);
		desk_become(&desk, &who);
		desk.facts.kind = rows[i].kind;
		struct rules_decision got = desk_decide(&desk, rows[i].action, CLASS_EMAIL);

		if (got.outcome != rows[i].outcome || strcmp(got.rule, rows[i].rule) != 0)
			fail_msg("row %zu: %d by %s", i, (int)got.outcome, got.rule);
		desk_close(&desk);
	}
}

static void gates_come_first_and_only_forbid(void **state)
{
	struct desk desk;

	(void)state;
	desk_open(&desk, DESK_HEAD, "anna", DESK_NOW, NOTES);
	desk.facts.state = STATE_DUE;
	assert_int_equal(desk_decide(&desk, ACTION_LIST, 0).by, RULES_BY_GATE);
	assert_int_equal(desk_decide(&desk, ACTION_SHRED, 0).by, RULES_BY_DEFAULT);
	assert_false(rules_may_walk(desk.subject, &desk.facts));
	desk.facts.state = STATE_OPEN;
	desk.facts.is_log_writable = false;
	assert_int_equal(desk_decide(&desk, ACTION_READ, 0).by, RULES_BY_GATE);
	desk_close(&desk);
}

static void floor_classes_are_never_unmasked(void **state)
{
	static const unsigned rows[] = {
		CLASS_CARD,	  CLASS_CARD_SECURITY_CODE, CLASS_CARD_PIN,
		CLASS_CARD_TRACK, CLASS_PASSWORD,	    CLASS_PRIVATE_KEY,
		CLASS_SECRET,	  CLASS_URL_CREDENTIALS,    CLASS_LIMIT};
	struct desk desk;

	(void)state;
	desk_open(&desk, DESK_HEAD, "carla", DESK_NOW, NOTES);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct rules_decision got = desk_decide(&desk, ACTION_UNMASK, rows[i]);

		if (got.outcome != RULES_FORBID || got.by != RULES_BY_BASELINE)
			fail_msg("row %zu: %d by %s", i, (int)got.outcome, got.rule);
	}
	desk_close(&desk);
}

static void parents_of_permitted_paths_are_walked(void **state)
{
	static const struct {
		const char *path;
		bool may_walk;
	} rows[] = {{"/", true}, {"/Users", true}, {"/users/kim", true}, {"/etc", false}};
	struct desk desk;

	(void)state;
	desk_open(&desk, DESK_HEAD, "anna", DESK_NOW, NULL);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		assert_int_equal(rules_places_walk(desk.places, rows[i].path, &desk.facts.place),
				 BL_OK);
		if (rules_may_walk(desk.subject, &desk.facts) != rows[i].may_walk)
			fail_msg("row %zu: %s", i, rows[i].path);
	}
	desk_close(&desk);
}

static void places_of_another_policy_open_nothing(void **state)
{
	struct desk desk, other;

	(void)state;
	desk_open(&desk, DESK_HEAD, "anna", DESK_NOW, NOTES);
	desk_open(&other, DESK_HEAD, "anna", DESK_NOW, NOTES);
	uint8_t styles[CLASS_LIMIT];

	assert_int_equal(desk_decide(&desk, ACTION_READ, 0).outcome, RULES_PERMIT);
	desk.facts.places = other.places;
	assert_int_equal(desk_decide(&desk, ACTION_READ, 0).by, RULES_BY_GATE);
	rules_styles(desk.subject, &desk.facts, styles);
	for (size_t i = 0; i < CLASS_LIMIT; i++)
		assert_int_equal(styles[i], STYLE_FILL);
	desk_close(&desk);
	desk_close(&other);
}

static void unknown_kind_takes_the_strictest_style(void **state)
{
	uint8_t styles[CLASS_LIMIT];
	struct desk desk;

	(void)state;
	desk_open(&desk, DESK_HEAD, "carla", DESK_NOW, NOTES);
	rules_styles(desk.subject, &desk.facts, styles);
	assert_int_equal(styles[CLASS_CARD], STYLE_KEEP_LAST_4);
	assert_int_equal(styles[CLASS_EMAIL], STYLE_SHAPE);
	assert_int_equal(styles[CLASS_PHONE], STYLE_FILL);
	assert_int_equal(styles[CLASS_PASSWORD], STYLE_FILL);
	desk.facts.kind = -1;
	rules_styles(desk.subject, &desk.facts, styles);
	assert_int_equal(styles[CLASS_CARD], STYLE_FILL);
	desk_close(&desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decisions_of_the_desk),
		cmocka_unit_test(gates_come_first_and_only_forbid),
		cmocka_unit_test(floor_classes_are_never_unmasked),
		cmocka_unit_test(parents_of_permitted_paths_are_walked),
		cmocka_unit_test(places_of_another_policy_open_nothing),
		cmocka_unit_test(unknown_kind_takes_the_strictest_style),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
