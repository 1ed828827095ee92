#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/daemon/question-row.c"

static char *row_text(const char *request_text, const struct audit_row *row, const char *person)
{
	json_t *request = json_loads(request_text, 0, NULL);
	BL_CLEANUP(question_done) struct question question = {0};

	assert_int_equal(question_read(request, "Europe/Berlin", &question, NULL), BL_OK);
	json_t *json = question_row_json(&question, row, person);
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	json_decref(request);
	return text;
}

static void rows_say_what_their_table_speaks_of(void **state)
{
	static const struct {
		const char *request, *person;
		struct audit_row row;
		const char *expected;
	} ROWS[] = {
		{"{\"show\": \"accesses\"}",
		 "anna",
		 {.uid = 61001,
		  .device = "RMA-1",
		  .events = 3,
		  .bytes = 70,
		  .denied = 2,
		  .first_unix = 1795341600,
		  .last_unix = 1782892800,
		  .first_sequence = 4,
		  .last_sequence = 9},
		 "{\"uid\":61001,\"person\":\"anna\",\"device\":\"RMA-1\",\"events\":3,\"denied\":"
		 "2,\"withheld\":"
		 "0,\"bytes\":70,\"unmasked\":0,\"first\":\"2026-11-22T11:00:00+01:00\",\"first_"
		 "unix\":"
		 "1795341600,\"first_sequence\":4,\"last\":\"2026-07-01T10:00:00+02:00\",\"last_"
		 "unix\":"
		 "1782892800,\"last_sequence\":9}"},
		{"{\"show\": \"volume\", \"zone\": \"UTC\"}",
		 "",
		 {.uid = UINT32_MAX, .day_unix = 1795305600, .bytes = UINT64_MAX, .devices = 1},
		 "{\"day\":\"2026-11-22\",\"day_unix\":1795305600,\"uid\":null,\"person\":\"\","
		 "\"events\":0,"
		 "\"denied\":0,\"bytes\":9223372036854775807,\"devices\":1}"},
		/* midnight of a day of the zone */
		{"{\"show\": \"volume\"}",
		 "",
		 {.uid = 1, .day_unix = 1795302000},
		 "{\"day\":\"2026-11-22\",\"day_unix\":1795302000,\"uid\":1,\"person\":\"\","
		 "\"events\":0,"
		 "\"denied\":0,\"bytes\":0,\"devices\":0}"},
		/* a zone west of Greenwich with half an hour, and a second before 1970 */
		{"{\"show\": \"readers\", \"zone\": \"America/St_Johns\"}",
		 "x",
		 {.uid = 1, .first_unix = -1, .first_sequence = 7, .detail = "log-query"},
		 "{\"sequence\":7,\"time\":\"1969-12-31T20:29:59-03:30\",\"time_unix\":-1,\"uid\":"
		 "1,"
		 "\"person\":\"x\",\"device\":\"\",\"detail\":\"log-query\"}"},
		/* what a forged record may hold */
		{"{\"show\": \"denied\", \"zone\": \"UTC\"}",
		 "\xff",
		 {.uid = 1, .rule = "\xff<script>\x1b", .device = "a\"b"},
		 "{\"rule\":\"\u00ff<script>\\u001B\",\"uid\":1,\"person\":\"\u00ff\",\"device\":"
		 "\"a\\\"b\","
		 "\"events\":0,\"first\":\"1970-01-01T00:00:00Z\",\"first_unix\":0,\"first_"
		 "sequence\":0,"
		 "\"last\":\"1970-01-01T00:00:00Z\",\"last_unix\":0,\"last_sequence\":0}"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char *text = row_text(ROWS[i].request, &ROWS[i].row, ROWS[i].person);

		assert_string_equal(text, ROWS[i].expected);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rows_say_what_their_table_speaks_of)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
