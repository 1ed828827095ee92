/* Anchors that an auditor brings: what they prove, what they find, and when they are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/evidence.h"
#include "tests/unit/fs/audit/build.h"

#include <inttypes.h>
#include <sys/mman.h>

#define NOTES 4

/* A log of four runs of frames, each noted: at records 4, 8, 12, 16. */
struct noted {
	struct build *build;
	char notes[NOTES][NOTE_SIZE];
};

static struct noted make_noted(struct build *build)
{
	struct noted noted = {.build = build};

	build_start(build, 1);
	build_reads(build, 3);
	build_note(build, noted.notes[0]);
	for (size_t i = 1; i < NOTES; i++) {
		build_reads(build, 4);
		build_note(build, noted.notes[i]);
	}
	build_key(build);
	return noted;
}

static int memory_file(const void *bytes, size_t length)
{
	int fd = memfd_create("anchor", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

static enum bl_status verify_anchors(const struct build *build, const int *fds, size_t count,
				     struct audit_report *report, struct bl_error *why)
{
	const struct audit_evidence evidence = {
		.kit = &build->kit, .anchor_fds = fds, .anchor_count = count};

	return build_verify_by(build, &evidence, report, why);
}

/* One anchor with these bytes */
static enum bl_status verify_bytes(const struct build *build, const void *bytes, size_t length,
				   struct audit_report *report, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = memory_file(bytes, length);

	return verify_anchors(build, &fd, 1, report, why);
}

/* A note as syslog shows it; returns the length */
static size_t as_text(const char *note, const char *before, const char *behind, char *out,
		      size_t size)
{
	struct note parsed;

	if (note_parse(note, NOTE_SIZE, NULL, &parsed) != NOTE_GOOD)
		abort();

	int length =
		snprintf(out, size,
			 "%s[bailee@32473 log=\"%.32s\" sequence=\"%" PRIu64 "\" frame=\"%" PRIu64
			 "\" chain=\"%.44s\" time=\"%" PRId64 "\" signature=\"%.92s\"]%s",
			 before, note + 14, parsed.sequence, parsed.frame, note + 89,
			 parsed.realtime_s, note + 174, behind);

	return (size_t)length;
}

/* ---- good ones -------------------------------------------------------------------------------- */

static void a_row_of_notes_anchors_the_log(void **state)
{
	struct noted noted = make_noted(*state);
	struct audit_report report;

	for (size_t count = 1; count <= NOTES; count++) {
		assert_int_equal(
			verify_bytes(*state, noted.notes, count * NOTE_SIZE, &report, NULL), BL_OK);
		assert_true(report.has_anchor);
		assert_int_equal(report.anchored_sequence, 4 * count);
		assert_int_equal(report.anchored_unix, BUILD_EPOCH / BUILD_SECOND);
	}
	assert_int_equal(verify_bytes(*state, noted.notes[2], NOTE_SIZE, &report, NULL), BL_OK);
	assert_int_equal(report.anchored_sequence, 12);
}

static void the_end_of_a_row_may_be_torn(void **state)
{
	struct noted noted = make_noted(*state);
	char zeros[NOTE_SIZE] = {0};
	struct audit_report report;

	for (size_t cut = NOTE_SIZE; cut < 3 * NOTE_SIZE; cut += 13) {
		assert_int_equal(verify_bytes(*state, noted.notes, cut, &report, NULL), BL_OK);
		assert_int_equal(report.anchored_sequence, 4 * (cut / NOTE_SIZE));
	}
	memcpy(noted.notes[2] + 100, zeros, 100);
	assert_int_equal(verify_bytes(*state, noted.notes, 3 * NOTE_SIZE, &report, NULL), BL_OK);
	assert_int_equal(report.anchored_sequence, 8);
	/* In the middle it is no tearing. */
	assert_int_equal(verify_bytes(*state, noted.notes, 4 * NOTE_SIZE, &report, NULL),
			 BL_INVALID);
}

static void notes_are_found_in_lines_of_syslog(void **state)
{
	static const char *const BEFORE[] = {
		"<110>1 2026-09-21T12:00:00Z host bailee 7 checkpoint ",
		"Sep 21 12:00:00 host bailee[7]: ",
		"{\"a\": [1, 2], [bailee@32473 log=\"x\"] ",
		"",
	};
	struct noted noted = make_noted(*state);
	char text[4096];
	struct audit_report report;

	for (size_t i = 0; i < BL_COUNT(BEFORE); i++) {
		size_t length = (size_t)snprintf(text, sizeof(text), "an unrelated line\n");

		for (size_t k = 0; k < NOTES; k++)
			length += as_text(noted.notes[k], BEFORE[i], " of record 4\n",
					  text + length, sizeof(text) - length);
		if (verify_bytes(*state, text, length, &report, NULL) != BL_OK ||
		    report.anchored_sequence != 16)
			fail_msg("row %zu: up to %" PRIu64, i, report.anchored_sequence);
		/* Cut off at the end, it is the note before that counts. */
		if (verify_bytes(*state, text, length - 20, &report, NULL) != BL_OK ||
		    report.anchored_sequence != 12)
			fail_msg("row %zu, cut: up to %" PRIu64, i, report.anchored_sequence);
	}
}

/* Wherever in what is read at a time it begins, and with whatever around it. */
static void notes_are_found_at_any_place_of_a_long_text(void **state)
{
	struct noted noted = make_noted(*state);
	size_t size = 3 * EVIDENCE_BUFFER;
	char *text = malloc(size + 1000);
	struct audit_report report;

	for (size_t at = EVIDENCE_BUFFER - 420; at < EVIDENCE_BUFFER + 20; at += 3) {
		memset(text, '[', size);

		size_t length = at + as_text(noted.notes[0], "", "", text + at, 1000);

		memset(text + length, 'b', 2 * EVIDENCE_BUFFER);
		length += 2 * EVIDENCE_BUFFER;
		length = length > size ? size : length;
		length += as_text(noted.notes[1], "", "", text + length, 1000);
		if (verify_bytes(*state, text, length, &report, NULL) != BL_OK ||
		    report.anchored_sequence != 8)
			fail_msg("at %zu: up to %" PRIu64, at, report.anchored_sequence);
	}
	free(text);
}

static void other_logs_double_lines_and_unsigned_text_are_passed_over(void **state)
{
	struct noted noted = make_noted(*state);
	void *other_state = NULL;
	char text[8192], forged[NOTE_SIZE], row[4][NOTE_SIZE];
	size_t length = 0;
	struct audit_report report;

	assert_int_equal(build_setup_empty(&other_state), 0);

	struct noted other = make_noted(other_state);

	memcpy(forged, noted.notes[1], NOTE_SIZE);
	forged[180]++;
	length += as_text(other.notes[3], "x ", "\n", text + length, sizeof(text) - length);
	length += as_text(noted.notes[0], "x ", "\n", text + length, sizeof(text) - length);
	length += as_text(noted.notes[0], "x ", "\n", text + length, sizeof(text) - length);
	length += as_text(forged, "x ", "\n", text + length, sizeof(text) - length);
	length += as_text(noted.notes[2], "x ", "\n", text + length, sizeof(text) - length);
	assert_int_equal(verify_bytes(*state, text, length, &report, NULL), BL_OK);
	assert_int_equal(report.anchored_sequence, 12);

	memcpy(row[0], other.notes[3], NOTE_SIZE);
	memcpy(row[1], noted.notes[1], NOTE_SIZE);
	memcpy(row[2], noted.notes[1], NOTE_SIZE);
	memcpy(row[3], other.notes[0], NOTE_SIZE);
	assert_int_equal(verify_bytes(*state, row, sizeof(row), &report, NULL), BL_OK);
	assert_int_equal(report.anchored_sequence, 8);
	build_teardown(&other_state);
}

static void of_several_anchors_the_newest_counts(void **state)
{
	struct noted noted = make_noted(*state);
	char text[1024];
	size_t length = as_text(noted.notes[1], "x ", "\n", text, sizeof(text));
	int fds[] = {memory_file(noted.notes[0], 3 * NOTE_SIZE), memory_file(text, length),
		     memory_file(noted.notes[0], NOTE_SIZE)};
	struct audit_report report;

	assert_int_equal(verify_anchors(*state, fds, 3, &report, NULL), BL_OK);
	assert_int_equal(report.anchored_sequence, 12);
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
}

static void an_anchor_may_come_through_a_pipe(void **state)
{
	struct noted noted = make_noted(*state);
	int ends[2];
	struct audit_report report;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], noted.notes, sizeof(noted.notes)), sizeof(noted.notes));
	close(ends[1]);
	assert_int_equal(verify_anchors(*state, &ends[0], 1, &report, NULL), BL_OK);
	assert_int_equal(report.anchored_sequence, 16);
	close(ends[0]);
}

static void what_stands_before_where_it_is_read_from_is_not_read(void **state)
{
	struct noted noted = make_noted(*state);
	BL_CLEANUP(fd_close) int fd = memory_file(noted.notes, sizeof(noted.notes));
	struct audit_report report;

	noted.notes[0][200] ^= 1;
	assert_int_equal(pwrite(fd, noted.notes[0], NOTE_SIZE, 0), NOTE_SIZE);
	assert_int_equal(verify_anchors(*state, &fd, 1, &report, NULL), BL_INVALID);
	assert_int_equal(lseek(fd, NOTE_SIZE, SEEK_SET), NOTE_SIZE);
	assert_int_equal(verify_anchors(*state, &fd, 1, &report, NULL), BL_OK);
}

/* ---- refused ---------------------------------------------------------------------------------- */

static void an_anchor_that_says_nothing_of_this_log_is_refused(void **state)
{
	struct noted noted = make_noted(*state);
	void *other_state = NULL;
	char text[1024], forged[NOTE_SIZE], broken[2 * NOTE_SIZE];
	struct audit_report report;

	assert_int_equal(build_setup_empty(&other_state), 0);

	struct noted other = make_noted(other_state);

	memcpy(forged, noted.notes[1], NOTE_SIZE);
	forged[180]++;
	memcpy(broken, noted.notes[0], NOTE_SIZE);
	memset(broken + NOTE_SIZE, 'x', NOTE_SIZE);

	size_t length = as_text(other.notes[0], "x ", "\n", text, sizeof(text));
	const struct {
		const void *bytes;
		size_t length;
		const char *what;
	} ROWS[] = {
		{"", 0, "nothing"},
		{"bailee", 6, "a few bytes"},
		{"a line\nand another\n", 19, "lines"},
		{noted.notes, NOTE_SIZE - 1, "a torn note"},
		{other.notes, sizeof(other.notes), "notes of another log"},
		{text, length, "lines of another log"},
		{forged, NOTE_SIZE, "not signed"},
		{broken, sizeof(broken), "something else in the row"},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {.text = ""};

		if (verify_bytes(*state, ROWS[i].bytes, ROWS[i].length, &report, &why) !=
			    BL_INVALID ||
		    !strstr(why.text, "anchor 1"))
			fail_msg("%s: '%s'", ROWS[i].what, why.text);
	}
	build_teardown(&other_state);
}

/* ---- what they find ---------------------------------------------------------------------------- */

/* The whole store as it is now, or as it was. */
struct snapshot {
	struct build_file segment, key, notes;
};

static struct snapshot take_snapshot(const struct build *build)
{
	return (struct snapshot){build_load(build, "seg.0000000000000001"),
				 build_load(build, FRAMEKEY_FILE), build_load(build, BUILD_NOTES)};
}

static void restore(struct snapshot *snapshot)
{
	struct build_file *files[] = {&snapshot->segment, &snapshot->key, &snapshot->notes};

	for (size_t i = 0; i < BL_COUNT(files); i++) {
		build_put(files[i], 0, files[i]->bytes, files[i]->size);
		assert_int_equal(ftruncate(files[i]->fd, (off_t)files[i]->size), 0);
		build_unload(files[i]);
	}
}

static void a_log_put_back_to_an_older_state_is_found_by_an_anchor_only(void **state)
{
	struct build *build = *state;
	char old[NOTE_SIZE], new[NOTE_SIZE];
	struct audit_report report;

	build_start(build, 1);
	build_reads(build, 5);
	build_note(build, old);
	build_key(build);

	struct snapshot snapshot = take_snapshot(build);

	build_reads(build, 5);
	build_note(build, new);
	build_key(build);
	restore(&snapshot);
	assert_int_equal(build_verify(build, &report, NULL), BL_OK);
	assert_int_equal(verify_bytes(build, old, NOTE_SIZE, &report, NULL), BL_OK);
	assert_int_equal(verify_bytes(build, new, NOTE_SIZE, &report, NULL), BL_TAMPERED);
	assert_int_equal(report.looks, LOOKS_ROLLED_BACK);
	assert_int_equal(report.bad_sequence, 7);
	assert_string_equal(report.bad_file, "anchor 1");
}

/* A snapshot is restored and the writer goes on from there, unaware: all of its keys are right. */
static void a_restored_snapshot_that_was_written_to_is_found_by_an_anchor_only(void **state)
{
	struct build *build = *state;
	char notes[4][NOTE_SIZE], text[4096];
	struct audit_report report;

	build_start(build, 1);
	build_reads(build, 5);
	build_note(build, notes[0]);
	build_key(build);

	struct snapshot snapshot = take_snapshot(build);
	struct build then = *build;

	build_reads(build, 5);
	build_note(build, notes[1]);
	build_key(build);
	restore(&snapshot);
	then.fd = dup(build->fd);
	then.realtime_ns += BUILD_SECOND;
	build_reads(&then, 9);
	build_note(&then, notes[2]);
	build_key(&then);
	assert_int_equal(build_verify(build, &report, NULL), BL_OK);
	assert_int_equal(verify_bytes(build, notes, 2 * NOTE_SIZE, &report, NULL), BL_TAMPERED);
	assert_int_equal(report.looks, LOOKS_ROLLED_BACK);
	assert_int_equal(report.bad_sequence, 7);
	assert_true(report.has_anchor);
	assert_int_equal(report.anchored_sequence, 6);
	assert_non_null(strstr(report.problem, "record 6"));
	/* The anchor that was fed all the time goes back by itself, wherever the log is. */
	build_reads(&then, 1);

	size_t length = as_text(notes[0], "", "\n", text, sizeof(text));

	length += as_text(notes[2], "", "\n", text + length, sizeof(text) - length);
	length += as_text(notes[1], "", "\n", text + length, sizeof(text) - length);
	assert_int_equal(verify_bytes(build, text, length, &report, NULL), BL_TAMPERED);
	assert_int_equal(report.looks, LOOKS_ROLLED_BACK);
	assert_non_null(strstr(report.problem, "goes back"));
	close(then.fd);
}

static void an_anchor_that_goes_back_at_once_is_found(void **state)
{
	struct noted noted = make_noted(*state);
	char row[2][NOTE_SIZE];
	struct audit_report report;

	memcpy(row[0], noted.notes[1], NOTE_SIZE);
	memcpy(row[1], noted.notes[0], NOTE_SIZE);
	assert_int_equal(verify_bytes(*state, row, sizeof(row), &report, NULL), BL_TAMPERED);
	assert_int_equal(report.looks, LOOKS_ROLLED_BACK);
}

/* Signed by the store's key, of a record that is no frame's last: made by somebody who had that key. */
static void an_anchor_within_a_frame_is_not_on_the_chain(void **state)
{
	struct build *build = *state;
	struct audit_event event = scratch_event(1);
	struct audit_report report;
	char bytes[NOTE_SIZE];

	build_start(build, 1);

	struct note note = build_note_of(build);

	build_event(build, &event);
	build_event(build, &event);
	build_commit(build);
	build_key(build);
	note.sequence++;
	note.frame++;
	note_write(&note, build->scratch->vault, bytes);
	assert_int_equal(verify_bytes(build, bytes, NOTE_SIZE, &report, NULL), BL_TAMPERED);
	assert_int_equal(report.looks, LOOKS_ROLLED_BACK);
}

/* ---- windows ---------------------------------------------------------------------------------- */

static void an_anchor_ends_the_doubt_only_when_it_was_there_before_the_chance(void **state)
{
	static const struct {
		unsigned anchor; /* which; 0: none */
		unsigned count;
		uint64_t first, last; /* of the first window */
	} ROWS[] = {
		{0, 2, 3, 8},	/* without */
		{1, 2, 5, 8},	/* within the first window: behind it */
		{2, 1, 14, 16}, /* at the end of the first window */
		{3, 2, 3, 8},	/* between the two: made of what was forged, if it was */
		{4, 1, 3, 8},	/* at the end: nothing is forgeable now */
	};
	struct build *build = *state;
	char notes[5][NOTE_SIZE];
	struct audit_report report;

	build_start(build, 1);
	build_reads(build, 3);
	build_note(build, notes[1]); /* 4 */
	build_reads(build, 4);
	build_note(build, notes[2]); /* 8 */
	build_start(build, 3);	     /* 9: 3..8 */
	build_reads(build, 3);
	build_note(build, notes[3]); /* 12 */
	build_reads(build, 1);
	build_key(build); /* 14 */
	build_reads(build, 3);
	build_note(build, notes[4]); /* 16 */
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		enum bl_status status = ROWS[i].anchor ? verify_bytes(build, notes[ROWS[i].anchor],
								      NOTE_SIZE, &report, NULL)
						       : build_verify(build, &report, NULL);

		if (status != BL_OK || report.window_count != ROWS[i].count ||
		    report.windows[0].first_sequence != ROWS[i].first ||
		    report.windows[0].last_sequence != ROWS[i].last)
			fail_msg("row %zu: %s, %" PRIu64 " windows, %" PRIu64 " to %" PRIu64, i,
				 bl_status_name(status), report.window_count,
				 report.windows[0].first_sequence, report.windows[0].last_sequence);
	}
}

/* ---- trimmed logs ------------------------------------------------------------------------------ */

static void anchors_of_removed_records_count_where_a_tombstone_speaks_of_them(void **state)
{
	struct build *build = *state;
	char within[NOTE_SIZE], end[NOTE_SIZE], forged[NOTE_SIZE];
	struct audit_report report;

	build_start(build, 1);
	build_reads(build, 2);
	build_note(build, within); /* 3 */
	build_reads(build, 2);
	build_note(build, end); /* 5: frames 0..4 */

	struct note note = build_note_of(build);

	note.chain[0] ^= 1;
	note_write(&note, build->scratch->vault, forged);
	build_segment(build);
	build_reads(build, 2);
	build_trim(build, 1, 0, 4);
	build_key(build);
	assert_int_equal(verify_bytes(build, within, NOTE_SIZE, &report, NULL), BL_OK);
	assert_false(report.has_anchor);
	assert_int_equal(verify_bytes(build, end, NOTE_SIZE, &report, NULL), BL_OK);
	assert_true(report.has_anchor);
	assert_int_equal(report.anchored_sequence, 5);
	assert_int_equal(verify_bytes(build, forged, NOTE_SIZE, &report, NULL), BL_TAMPERED);
	assert_int_equal(report.looks, LOOKS_ROLLED_BACK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, build_setup_empty, build_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_row_of_notes_anchors_the_log),
		TEST(the_end_of_a_row_may_be_torn),
		TEST(notes_are_found_in_lines_of_syslog),
		TEST(notes_are_found_at_any_place_of_a_long_text),
		TEST(other_logs_double_lines_and_unsigned_text_are_passed_over),
		TEST(of_several_anchors_the_newest_counts),
		TEST(an_anchor_may_come_through_a_pipe),
		TEST(what_stands_before_where_it_is_read_from_is_not_read),
		TEST(an_anchor_that_says_nothing_of_this_log_is_refused),
		TEST(a_log_put_back_to_an_older_state_is_found_by_an_anchor_only),
		TEST(a_restored_snapshot_that_was_written_to_is_found_by_an_anchor_only),
		TEST(an_anchor_that_goes_back_at_once_is_found),
		TEST(an_anchor_within_a_frame_is_not_on_the_chain),
		TEST(an_anchor_ends_the_doubt_only_when_it_was_there_before_the_chance),
		TEST(anchors_of_removed_records_count_where_a_tombstone_speaks_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
