#include "desk.h"

#define NOTES "/Users/kim/secret-name.txt"

static void every_denial_names_rule_reason_and_next_step(void **state)
{
	static const struct {
		const char *login;
		int64_t hours_on;
		enum bl_action action;
		const char *text;
	} rows[] = {
		{"anna", 0, ACTION_READ, "read is permitted by rule 'looks': Repair needs a look."},
		{"anna", 0, ACTION_COPY,
		 "copy is forbidden by rule 'no-copies': Contents stay on Bailee. Next: ask a "
		 "holder of role 'supervisor', who may copy here"},
		{"anna", 12, ACTION_READ,
		 "read is forbidden: no rule permits it to you here. Next: come back at "
		 "2026-07-02 07:00"},
		{"ben", 0, ACTION_READ,
		 "read is forbidden: role 'technician' (training until 2026-06-30) lapsed. Next: "
		 "renew it and have its new last day put into the policy"},
		{"carla", 0, ACTION_COPY,
		 "copy needs a reason by rule 'export': The customer asked for their files. Next: "
		 "give a reason (--reason TEXT)"},
		{"anna", 0, ACTION_SHRED,
		 "shred is forbidden: no rule permits it to you here. Next: nothing; by this "
		 "policy nobody may shred here"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char text[512];
		struct desk desk;

		desk_open(&desk, DESK_HEAD, rows[i].login, DESK_NOW + rows[i].hours_on * 3600,
			  NOTES);
		struct rules_decision got = desk_decide(&desk, rows[i].action, CLASS_EMAIL);

		rules_say(desk.subject, &desk.facts, rows[i].action, &got, text, sizeof(text));
		if (strcmp(text, rows[i].text) != 0)
			fail_msg("row %zu: %s", i, text);
		desk_close(&desk);
	}
}

static void a_missing_purpose_is_the_next_step(void **state)
{
	struct rules_circumstances who = {.caller = {.uid = 7, .login = "anna"},
					  .purpose = "curiosity",
					  .now_unix = DESK_NOW,
					  .is_clock_trusted = true};
	struct desk desk;
	char text[512];

	(void)state;
	desk_open(&desk, DESK_HEAD, "anna", DESK_NOW, NOTES);
	desk_become(&desk, &who);
	struct rules_decision got = desk_decide(&desk, ACTION_READ, 0);

	rules_say(desk.subject, &desk.facts, ACTION_READ, &got, text, sizeof(text));
	assert_non_null(strstr(text, "state the purpose 'repair'"));
	/* what the caller typed is not ours to repeat */
	assert_null(strstr(text, "curiosity"));
	desk_close(&desk);
}

static void a_short_buffer_is_cut_and_closed(void **state)
{
	struct desk desk;
	char text[12];

	(void)state;
	desk_open(&desk, DESK_HEAD, "anna", DESK_NOW, NOTES);
	struct rules_decision got = desk_decide(&desk, ACTION_COPY, 0);

	memset(text, 'x', sizeof(text));
	rules_say(desk.subject, &desk.facts, ACTION_COPY, &got, text, sizeof(text));
	assert_string_equal(text, "copy is for");
	desk_close(&desk);
}

static void explain_tells_the_whole_story_and_no_path(void **state)
{
	static const char *const wanted[] = {
		"forbid: copy is forbidden by rule 'no-copies'",
		"asked by: ben",
		"lapsed: role 'technician' (training until 2026-06-30)",
		"decided by: no-copies",
		"rule 'looks' (permit",
		"would permit if a role had not lapsed",
		"not known: ",
		"would change it: ask a holder of role 'supervisor'",
	};
	char *text = NULL;
	size_t size = 0;
	struct desk desk;

	(void)state;
	desk_open(&desk, DESK_HEAD, "ben", DESK_NOW, NOTES);
	desk.facts.kind = -1;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	rules_explain(out, desk.subject, &desk.facts, ACTION_COPY, 0);
	fclose(out);
	for (size_t i = 0; i < BL_COUNT(wanted); i++)
		if (!strstr(text, wanted[i]))
			fail_msg("row %zu: no \"%s\" in: %s", i, wanted[i], text);
	assert_null(strstr(text, "secret-name"));
	free(text);
	desk_close(&desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_denial_names_rule_reason_and_next_step),
		cmocka_unit_test(a_missing_purpose_is_the_next_step),
		cmocka_unit_test(a_short_buffer_is_cut_and_closed),
		cmocka_unit_test(explain_tells_the_whole_story_and_no_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
