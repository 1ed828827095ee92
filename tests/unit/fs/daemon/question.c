#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/daemon/question.c"

static void hours_are_from_and_to(void **state)
{
	static const struct {
		const char *text;
		bool is_one;
		unsigned from, to;
	} ROWS[] = {
		{"08:00-18:00", true, 480, 1080},
		{"00:00-24:00", true, 0, 1440},
		{"22:00-06:00", true, 1320, 360},
		{"23:59-00:00", true, 1439, 0},
		{"08:00-08:01", true, 480, 481},
		{"08:00-08:00", false, 0, 0},
		{"24:00-08:00", false, 0, 0},
		{"08:00-24:01", false, 0, 0},
		{"8:00-18:00", false, 0, 0},
		{"08:60-18:00", false, 0, 0},
		{"08:00-18:00 ", false, 0, 0},
		{"08:00 - 18:00", false, 0, 0},
		{"08:00", false, 0, 0},
		{"08:00-", false, 0, 0},
		{"", false, 0, 0},
		{"-", false, 0, 0},
		{"0800-1800", false, 0, 0},
		{"08:00-18:00-20:00", false, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		unsigned from = 0, to = 0;
		bool is_one = question_hours(ROWS[i].text, &from, &to);

		if (is_one != ROWS[i].is_one || from != ROWS[i].from || to != ROWS[i].to)
			fail_msg("'%s': %d, %u to %u", ROWS[i].text, is_one, from, to);
	}
}

static void days_are_spans_and_lists(void **state)
{
	static const struct {
		const char *text;
		unsigned days; /* 0: none */
	} ROWS[] = {
		{"mon-fri", 0x1f},
		{"sat-sun", 0x60},
		{"mon-sun", 0x7f},
		{"mon", 0x01},
		{"sun", 0x40},
		{"mon,wed,fri", 0x15},
		{"mon-wed,sat", 0x27},
		{"fri-mon", 0x71},
		{"sun-sat", 0x7f},
		{"mon,mon", 0x01},
		{"", 0},
		{"monday", 0},
		{"Mon", 0},
		{"mon-", 0},
		{"-fri", 0},
		{"mon,", 0},
		{",mon", 0},
		{"mon;tue", 0},
		{"mon fri", 0},
		{"mo", 0},
		{"mon-fri-sat", 0},
		{"mon,,tue", 0},
		{"tues", 0},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		unsigned days = 0;
		bool is_one = question_days(ROWS[i].text, &days);

		if (is_one != (ROWS[i].days != 0) || days != ROWS[i].days)
			fail_msg("'%s': %d, %#x", ROWS[i].text, is_one, days);
	}
}

/* What is read of a request. */
static void a_question_is_read_or_refused(void **state)
{
	static const struct {
		const char *json;
		enum bl_status status;
		const char *words; /* in the refusal */
	} ROWS[] = {
		{"{}", BL_OK, ""},
		{"{\"show\": \"events\", \"names\": true}", BL_OK, ""},
		{"{\"show\": \"who\", \"device\": \"D-1\", \"path\": \"a\"}", BL_OK, ""},
		{"{\"show\": \"off-hours\", \"hours\": \"22:00-06:00\", \"days\": \"sat\", "
		 "\"zone\": "
		 "\"Europe/Berlin\"}",
		 BL_OK, ""},
		{"{\"show\": \"everything\"}", BL_INVALID, "cannot be shown"},
		{"{\"show\": \"who\", \"names\": true}", BL_INVALID, "a table has none"},
		{"{\"show\": \"who\", \"hours\": \"08:00-18:00\"}", BL_INVALID, "off-hours only"},
		{"{\"days\": \"mon\"}", BL_INVALID, "off-hours only"},
		{"{\"show\": \"off-hours\", \"hours\": \"8-18\"}", BL_INVALID, "08:00-18:00"},
		{"{\"show\": \"off-hours\", \"days\": \"weekend\"}", BL_INVALID, "mon-fri"},
		{"{\"zone\": \"Moon/Tranquility\"}", BL_INVALID, "Moon/Tranquility"},
		{"{\"zone\": \"../../etc/passwd\"}", BL_INVALID, ""},
		{"{\"path\": \"a\"}", BL_INVALID, "--device"},
		{"{\"device\": \"../x\"}", BL_INVALID, "device id"},
		{"{\"device\": \"\"}", BL_INVALID, "device id"},
		{"{\"op\": \"sing\"}", BL_INVALID, "no operation"},
		{"{\"verdict\": \"maybe\"}", BL_INVALID, "no verdict"},
		{"{\"uid\": 1, \"person\": \"anna\"}", BL_INVALID, "by name or by uid"},
		{"{\"last\": 100001}", BL_INVALID, "100000"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		json_t *request = json_loads(ROWS[i].json, 0, NULL);
		BL_CLEANUP(question_done) struct question question = {0};
		struct bl_error why = {{0}};
		enum bl_status status = question_read(request, "UTC", &question, &why);

		if (status != ROWS[i].status || !strstr(why.text, ROWS[i].words))
			fail_msg("%s: %s, '%s'", ROWS[i].json, bl_status_name(status), why.text);
		json_decref(request);
	}
}

static void a_question_says_what_it_is(void **state)
{
	json_t *request = json_loads(
		"{\"show\": \"off-hours\", \"uid\": 4294967295, \"since\": -5, \"until_event\": 7, "
		"\"policy\": 3}",
		0, NULL);
	BL_CLEANUP(question_done) struct question question = {0};

	(void)state;
	assert_int_equal(question_read(request, "Europe/Berlin", &question, NULL), BL_OK);
	assert_string_equal(question_show(&question), "off-hours");
	assert_string_equal(question.zone_name, "Europe/Berlin");
	assert_true(question.query.uid == UINT32_MAX && question.query.since_unix == -5);
	assert_true(question.query.until_unix == INT64_MAX && question.query.op == -1);
	assert_true(question.query.last_sequence == 7 && question.query.policy_serial == 3);
	assert_int_equal(question.hours.days, 0x1f);
	assert_int_equal(question.hours.from_minute, 480);
	/* Berlin in July, in November, and before there was a standard time to the minute. */
	assert_int_equal(question.hours.offset(question.hours.context, 1782892800), 7200);
	assert_int_equal(question.hours.offset(question.hours.context, 1795341630), 3600);
	json_decref(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hours_are_from_and_to),
		cmocka_unit_test(days_are_spans_and_lists),
		cmocka_unit_test(a_question_is_read_or_refused),
		cmocka_unit_test(a_question_says_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
