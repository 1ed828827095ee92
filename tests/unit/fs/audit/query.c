/* Finding and printing events: every filter filters, nothing that controls a terminal passes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/audit.h"
#include "tests/unit/fs/audit/build.h"

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
	static const uint8_t TOKEN[AUDIT_TOKEN] = {4, 0, 0, 0, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5};
	static const uint8_t OTHER[AUDIT_TOKEN] = {1};
	struct audit_record record = sample();
	struct audit_query rows[22];
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
	record.event.session = 12;
	rows[18].session = 12, rows[19].session = 13;
	/* the number of an event is that of a session only where one begins */
	rows[20].session = 12, rows[21].session = record.sequence;
	assert_true(audit_query_matches(&ANY, &record));
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (audit_query_matches(&rows[i], &record) != (i % 2 == 0))
			fail_msg("row %zu", i);
}

static void a_session_is_found_from_the_event_that_numbers_it(void **state BL_UNUSED)
{
	struct audit_record record = sample();
	struct audit_query query = ANY;

	record.event.op = AUDIT_VIEW_OPENED;
	query.session = record.sequence;
	assert_true(audit_query_matches(&query, &record));
	query.session++;
	assert_false(audit_query_matches(&query, &record));
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
		      "       61004  technicians-read          4096  04000000\n");
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
		    json_object_size(object) != 22)
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

/* ---- names and segments ------------------------------------------------------------------------ */

struct heard {
	unsigned segments, events, names;
	uint64_t order[64]; /* sequence numbers; of a segment: 1000 and its number */
	unsigned count, stop_after;
	const struct build *build;
	char text[AUDIT_NAME_TEXT]; /* of the first name */
	size_t length;
	uint64_t segment; /* of the last name */
	uint8_t lk[AUDIT_KEY];
};

static bool hear(struct heard *heard, uint64_t what)
{
	heard->order[heard->count % BL_COUNT(heard->order)] = what;
	return ++heard->count != heard->stop_after;
}

static bool hear_record(void *context, const struct audit_record *record)
{
	struct heard *heard = context;

	heard->events++;
	return hear(heard, record->sequence);
}

static bool hear_segment(void *context, const struct audit_segment *segment)
{
	struct heard *heard = context;

	heard->segments++;
	assert_int_equal(segment->auditor_count, 1);
	assert_int_equal(audit_segment_key(segment->slots, 1, heard->build->secret, heard->lk),
			 BL_OK);
	return hear(heard, 1000 + segment->number);
}

static bool hear_name(void *context, const struct audit_named *named)
{
	struct heard *heard = context;
	uint8_t key[AUDIT_KEY];
	char text[4096];
	size_t length;

	audit_name_key(heard->build->log_names_key, heard->build->identity.log_id, heard->lk, key);
	assert_int_equal(audit_name_open(named, heard->build->identity.log_id, key, text, &length),
			 BL_OK);
	if (named->sequence < 8) {
		memcpy(heard->text + heard->length, text, length);
		heard->length += length;
	}
	heard->names++;
	heard->segment = named->segment;
	return hear(heard, named->sequence);
}

/* Two segments, one name of two parts in the first and one in the second. */
static struct build *build_named(struct scratch *scratch)
{
	struct build *build = build_new(scratch, true);
	struct audit_event event = scratch_event(4);

	build_start(build, 1);
	build_reads(build, 2);
	build_name(build, 4, 4000); /* 4, 5 */
	build_event(build, &event);
	build_commit(build);
	build_segment(build);
	build_name(build, 4, 10); /* 7 */
	build_event(build, &event);
	build_commit(build);
	return build;
}

static void names_and_segments_are_told_in_their_places(void **state)
{
	static const uint64_t ORDER[] = {1001, 1, 2, 3, 4, 5, 6, 1002, 7, 8};
	struct build *build = build_named(*state);
	struct heard heard = {.build = build};
	struct audit_listener listener = {.record = hear_record,
					  .named = hear_name,
					  .segment = hear_segment,
					  .context = &heard};

	assert_int_equal(audit_scan_names(build->log_fd, 0, &listener, NULL), BL_OK);
	assert_int_equal(heard.count, BL_COUNT(ORDER));
	assert_memory_equal(heard.order, ORDER, sizeof(ORDER));
	assert_int_equal(heard.names, 3);
	assert_int_equal(heard.segment, 2);
	assert_int_equal(heard.length, 4010);
	for (size_t i = 0; i < heard.length; i++)
		assert_int_equal(heard.text[i], 'e');
	/* From its segment on; and stopped by whoever is told. */
	heard = (struct heard){.build = build};
	assert_int_equal(audit_scan_names(build->log_fd, 8, &listener, NULL), BL_OK);
	assert_int_equal(heard.count, 3);
	assert_int_equal(heard.order[0], 1002);
	for (unsigned stop = 1; stop <= BL_COUNT(ORDER); stop++) {
		heard = (struct heard){.build = build, .stop_after = stop};
		assert_int_equal(audit_scan_names(build->log_fd, 0, &listener, NULL), BL_OK);
		assert_int_equal(heard.count, stop);
	}
	/* Nobody has to be told. */
	assert_int_equal(audit_scan_names(build->log_fd, 0, &(struct audit_listener){0}, NULL),
			 BL_OK);
	build_free(build);
}

static void a_log_is_read_behind_its_tombstones(void **state)
{
	static const struct {
		uint64_t from;
		unsigned events;
		uint64_t first;
	} ROWS[] = {{0, 6, 8},	{1, 6, 8},   {6, 6, 8},	  {7, 6, 8},   {8, 6, 8},
		    {11, 6, 8}, {12, 2, 12}, {13, 2, 12}, {900, 2, 12}};
	struct build *build = build_new(*state, true);
	struct heard heard = {.build = build};
	struct audit_listener listener = {.record = hear_record, .context = &heard};
	struct bl_error why = {.text = ""};

	build_start(build, 1);
	build_reads(build, 3);
	build_segment(build); /* 5 */
	build_reads(build, 3);
	build_segment(build); /* 8 */
	build_reads(build, 2);
	build_trim(build, 1, 0, 3);
	build_trim(build, 2, 4, 6);
	build_segment(build); /* 12 */
	build_reads(build, 2);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		heard = (struct heard){.build = build};
		if (audit_scan_names(build->log_fd, ROWS[i].from, &listener, &why) != BL_OK ||
		    heard.events != ROWS[i].events || heard.order[0] != ROWS[i].first)
			fail_msg("row %zu: %u events: %s", i, heard.events, why.text);
	}
	heard = (struct heard){.build = build};
	assert_int_equal(audit_scan(build->log_fd, hear_record, &heard, NULL), BL_OK);
	assert_int_equal(heard.events, 6);
	heard = (struct heard){.build = build};
	assert_int_equal(audit_scan_since(build->log_fd, INT64_MIN, hear_record, &heard, NULL),
			 BL_OK);
	assert_int_equal(heard.events, 6);
	heard = (struct heard){.build = build};
	assert_int_equal(audit_scan_since(build->log_fd, INT64_MAX, hear_record, &heard, NULL),
			 BL_OK);
	assert_int_equal(heard.events, 2);
	/* A gap is a gap. */
	assert_int_equal(unlinkat(build->log_fd, "tomb.0000000000000005", 0), 0);
	assert_int_equal(audit_scan(build->log_fd, hear_record, &heard, &why), BL_TAMPERED);
	assert_true(*why.text);
	build_free(build);
}

/* Of the last frame a sector in its middle never reached the medium. Recovery leaves it where it is, and so do readers. */
static void a_frame_that_is_torn_in_its_middle_ends_its_segment(void **state)
{
	struct build *build = build_new(*state, true);
	struct heard heard = {.build = build};
	struct audit_listener listener = {.record = hear_record, .context = &heard};
	char detail[AUDIT_DETAIL_SIZE];
	uint8_t zeros[300] = {0}, sum[AUDIT_DIGEST];
	struct bl_error why = {.text = ""};

	build_start(build, 1);
	build_reads(build, 2);

	struct build before = *build;
	struct audit_event event = scratch_event(1);

	for (unsigned i = 0; i < 4; i++)
		build_event(build, &event);
	build_commit(build);
	assert_int_equal(pwrite(build->fd, zeros, sizeof(zeros), (off_t)(before.at + 200)),
			 sizeof(zeros));
	if (audit_scan_names(build->log_fd, 0, &listener, &why) != BL_OK || heard.events != 3)
		fail_msg("%u events: %s", heard.events, why.text);

	struct build_file file = build_load(build, "seg.0000000000000001");
	size_t length = build->at - before.at;

	format_leaf(file.bytes + before.at, length, sum);
	format_tail_detail(before.at, length, sum, detail);
	build_unload(&file);
	before.fd = -1;
	build_segment(&before);
	build_op(&before, AUDIT_RECOVERED, 0, 0, detail);
	build_commit(&before);
	build_reads(&before, 1);
	heard = (struct heard){.build = build};
	if (audit_scan_names(build->log_fd, 0, &listener, &why) != BL_OK || heard.events != 5)
		fail_msg("recovered, %u events: %s", heard.events, why.text);
	close(before.fd);
	build_free(build);
}

static void the_log_id_is_read_from_a_whole_file_only(void **state)
{
	struct build *build = build_new(*state, true);
	struct build_file file = build_load(build, "log.id");
	uint8_t id[AUDIT_LOG_ID], flipped;
	struct bl_error why;

	assert_int_equal(audit_log_id(build->log_fd, id, &why), BL_OK);
	assert_memory_equal(id, build->identity.log_id, AUDIT_LOG_ID);
	assert_int_equal(audit_log_id(build->scratch->store_fd, id, &why), BL_INVALID);
	for (size_t at = 0; at < file.size; at += 17) {
		flipped = file.bytes[at] ^ 1;
		build_put(&file, at, &flipped, 1);
		assert_int_equal(audit_log_id(build->log_fd, id, &why), BL_INVALID);
		build_put(&file, at, file.bytes + at, 1);
	}
	build_unload(&file);
	build_free(build);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_filter_lets_its_own_pass_and_nothing_else),
		cmocka_unit_test(a_session_is_found_from_the_event_that_numbers_it),
		cmocka_unit_test(the_daemon_is_not_uid_minus_one),
		cmocka_unit_test(a_line_for_people_has_everything_in_its_place),
		cmocka_unit_test(hostile_text_never_reaches_a_terminal_or_breaks_json),
		cmocka_unit_test(every_op_and_verdict_has_a_name_of_its_own),
		cmocka_unit_test(tokens_are_equal_for_equal_paths_under_one_key_only),
		cmocka_unit_test_setup_teardown(
			a_scan_gives_back_what_was_written_and_stops_when_told, scratch_setup,
			scratch_teardown),
		cmocka_unit_test_setup_teardown(names_and_segments_are_told_in_their_places,
						scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(a_log_is_read_behind_its_tombstones, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(a_frame_that_is_torn_in_its_middle_ends_its_segment,
						scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(the_log_id_is_read_from_a_whole_file_only,
						scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
