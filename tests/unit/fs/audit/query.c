/* Finding and printing events: every filter filters, nothing that controls a terminal passes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/audit.h"
#include "tests/unit/fs/audit/scratch.h"

#include <jansson.h>
#include <stdio.h>

static struct audit_record sample(void)
{
	struct audit_record record = {.sequence = 17,
				      .realtime_ns = INT64_C(1782900000123456789),
				      .event = scratch_event(4)};

	record.event.op = AUDIT_READ;
	record.event.verdict = AUDIT_DENIED;
	return record;
}

static const struct audit_query ANY = {
	.uid = -1, .op = -1, .verdict = -1, .since_unix = INT64_MIN, .until_unix = INT64_MAX};

static void each_filter_lets_its_own_pass_and_nothing_else(void **state BL_UNUSED)
{
	static const uint8_t TOKEN[AUDIT_TOKEN] = {5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5};
	static const uint8_t OTHER[AUDIT_TOKEN] = {1};
	struct audit_record record = sample();
	struct audit_query rows[18];
	const int64_t at = 1782900000;

	for (size_t i = 0; i < BL_COUNT(rows); i++)
		rows[i] = ANY;
	/* Even rows match, odd rows do not. */
	rows[0].uid = 61004, rows[1].uid = 61005;
	rows[2].device = "RMA-1001", rows[3].device = "RMA-100";
	rows[4].rule = "technicians-read", rows[5].rule = "technicians";
	rows[6].op = AUDIT_READ, rows[7].op = AUDIT_OPEN;
	rows[8].verdict = AUDIT_DENIED, rows[9].verdict = AUDIT_PERMITTED;
	rows[10].view = 1, rows[11].view = 2;
	rows[12].since_unix = at, rows[13].since_unix = at + 1;
	rows[14].until_unix = at + 1, rows[15].until_unix = at;
	rows[16].token = TOKEN, rows[17].token = OTHER;
	assert_true(audit_query_matches(&ANY, &record));
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (audit_query_matches(&rows[i], &record) != (i % 2 == 0))
			fail_msg("row %zu", i);
}

static void the_daemon_is_not_uid_minus_one(void **state BL_UNUSED)
{
	struct audit_record record = sample();
	struct audit_query query = ANY;

	record.event.uid = UINT32_MAX;
	query.uid = 0;
	assert_false(audit_query_matches(&query, &record));
	assert_true(audit_query_matches(&ANY, &record));
}

static char *print(void (*printer)(FILE *, const struct audit_record *),
		   const struct audit_record *record)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	printer(out, record);
	fclose(out);
	return text;
}

static void a_line_for_people_has_everything_in_its_place(void **state BL_UNUSED)
{
	struct audit_record record = sample();
	char *text = print(audit_print, &record);

	assert_string_equal(
		text, "      17  2026-07-01T10:00:00.123Z  denied     read            RMA-1001 "
		      "       61004  technicians-read          4096  05050505\n");
	free(text);
}

static void hostile_text_never_reaches_a_terminal_or_breaks_json(void **state BL_UNUSED)
{
	static const char *const TEXTS[] = {"\x1b[2J\x1b]0;x\a", "a\nb\r\tc",	 "\"},{\"x\":\"\\",
					    "\xff\xfe\x80",	 "\xc2\x9b[31m", "\x7f\x01"};
	struct audit_record record = sample();

	for (size_t i = 0; i < BL_COUNT(TEXTS); i++) {
		snprintf(record.event.detail, sizeof(record.event.detail), "%s", TEXTS[i]);
		snprintf(record.event.rule, sizeof(record.event.rule), "%s", TEXTS[i]);
		snprintf(record.event.device, sizeof(record.event.device), "%s", TEXTS[i]);

		char *people = print(audit_print, &record),
		     *json = print(audit_print_json, &record);
		json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, NULL);

		for (const char *p = people; *p; p++)
			if ((*p < 0x20 || *p > 0x7e) && (*p != '\n' || p[1]))
				fail_msg("row %zu: byte %02x for people", i, (unsigned char)*p);
		for (const char *p = json; *p; p++)
			if ((*p < 0x20 || *p > 0x7e) && (*p != '\n' || p[1]))
				fail_msg("row %zu: byte %02x in JSON", i, (unsigned char)*p);
		if (!object || json_integer_value(json_object_get(object, "sequence")) != 17 ||
		    json_object_size(object) != 21)
			fail_msg("row %zu is no JSON: %s", i, json);
		json_decref(object);
		free(people);
		free(json);
	}
}

static void every_op_and_verdict_has_a_name_of_its_own(void **state BL_UNUSED)
{
	enum audit_op back;

	for (unsigned i = 1; i < AUDIT_OP_COUNT; i++) {
		assert_true(audit_op_parse(audit_op_name((enum audit_op)i), &back));
		assert_int_equal(back, i);
	}
	assert_false(audit_op_parse("unknown", &back));
	assert_string_equal(audit_op_name((enum audit_op)99), "unknown");
	assert_string_equal(audit_verdict_name(AUDIT_WITHHELD), "withheld");
	assert_string_equal(audit_verdict_name((enum audit_verdict)9), "unknown");
}

static void tokens_are_equal_for_equal_paths_under_one_key_only(void **state BL_UNUSED)
{
	uint8_t keys[2][VAULT_KEY] = {{1}, {2}}, a[AUDIT_TOKEN], b[AUDIT_TOKEN];

	audit_token(keys[0], "p1-ntfs/a", 9, a);
	audit_token(keys[0], "p1-ntfs/a", 9, b);
	assert_memory_equal(a, b, AUDIT_TOKEN);
	audit_token(keys[0], "p1-ntfs/b", 9, b);
	assert_memory_not_equal(a, b, AUDIT_TOKEN);
	audit_token(keys[1], "p1-ntfs/a", 9, b);
	assert_memory_not_equal(a, b, AUDIT_TOKEN);
}

struct seen {
	unsigned count, limit;
	struct audit_record records[8];
};

static bool keep(void *context, const struct audit_record *record)
{
	struct seen *seen = context;

	if (seen->count < BL_COUNT(seen->records))
		seen->records[seen->count] = *record;
	return ++seen->count < seen->limit;
}

static void a_scan_gives_back_what_was_written_and_stops_when_told(void **state)
{
	struct scratch *scratch = *state;
	struct audit *audit = NULL;
	struct seen seen = {.limit = 3}, all = {.limit = UINT32_MAX};
	struct audit_event event = scratch_event(0);

	strcpy(event.detail, "a detail");
	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	assert_int_equal(audit_append(audit, &event, NULL, NULL), BL_OK);
	assert_int_equal(scratch_fill(audit, 4), 4);
	audit_close(audit);

	int fd = scratch_log_fd(scratch);

	assert_int_equal(audit_scan(fd, keep, &seen, NULL), BL_OK);
	assert_int_equal(seen.count, 3);
	assert_int_equal(audit_scan(fd, keep, &all, NULL), BL_OK);
	assert_int_equal(all.count, 7);
	close(fd);
	assert_int_equal(all.records[0].event.op, AUDIT_START);
	assert_int_equal(all.records[6].event.op, AUDIT_STOP);
	assert_int_equal(all.records[1].sequence, 2);
	assert_memory_equal(&all.records[1].event.token, event.token, AUDIT_TOKEN);
	assert_string_equal(all.records[1].event.device, event.device);
	assert_string_equal(all.records[1].event.rule, event.rule);
	assert_string_equal(all.records[1].event.detail, "a detail");
	assert_int_equal(all.records[1].event.uid, event.uid);
	assert_int_equal(all.records[1].event.login_uid, UINT32_MAX);
	assert_int_equal(all.records[1].event.bytes, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_filter_lets_its_own_pass_and_nothing_else),
		cmocka_unit_test(the_daemon_is_not_uid_minus_one),
		cmocka_unit_test(a_line_for_people_has_everything_in_its_place),
		cmocka_unit_test(hostile_text_never_reaches_a_terminal_or_breaks_json),
		cmocka_unit_test(every_op_and_verdict_has_a_name_of_its_own),
		cmocka_unit_test(tokens_are_equal_for_equal_paths_under_one_key_only),
		cmocka_unit_test_setup_teardown(
			a_scan_gives_back_what_was_written_and_stops_when_told, scratch_setup,
			scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
