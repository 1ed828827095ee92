/*
 * What the log does, in which order: each acknowledgement stands behind a finished sync of its bytes, each key, each
 * checkpoint, each frame behind what it stands on. A log that leaves the sync out is caught.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/framekey.h"
#include "tests/fault/audit-recorder.h"

/* ---- what has to come before what ------------------------------------------------------------ */

/* What is on the disk for sure, file by file, while walking the steps. */
struct cover {
	uint64_t first[FILES]; /* sequence number in a segment */
	uint64_t written[FILES],
		durable[FILES]; /* the last one there; in files of checkpoints: spoken of */
	uint64_t frame[FILES], frame_durable[FILES];
	bool is_written[FILES]; /* since its last sync */
	enum folder folder[FILES];
	char name[FILES][32];
	bool is_name_durable[FILES];
};

static bool covers(const struct cover *cover, unsigned file, uint64_t sequence)
{
	return cover->folder[file] == FOLDER_LOG && cover->is_name_durable[file] &&
	       cover->first[file] && cover->first[file] <= sequence &&
	       sequence <= cover->durable[file];
}

static bool is_covered(const struct cover *cover, uint64_t sequence)
{
	for (unsigned i = 0; i < FILES; i++)
		if (covers(cover, i, sequence))
			return true;
	return false;
}

static uint64_t durable_frame(const struct cover *cover)
{
	uint64_t newest = 0;

	for (unsigned i = 0; i < FILES; i++)
		if (cover->folder[i] == FOLDER_LOG && cover->is_name_durable[i])
			newest = BL_MAX(newest, cover->frame_durable[i]);
	return newest;
}

static uint64_t noted(const struct cover *cover)
{
	uint64_t newest = 0;

	for (unsigned i = 0; i < FILES; i++)
		if (cover->folder[i] == FOLDER_NOTES && cover->is_name_durable[i])
			newest = BL_MAX(newest, cover->durable[i]);
	return newest;
}

/* How many of each there were, and how many came too early. */
struct count {
	unsigned all, early;
};

struct findings {
	struct count acks;    /* before a finished sync of their bytes and their segment's name */
	struct count waiting; /* of those that may wait: while one before waited for too long */
	struct count frames;  /* before the frame before was durable */
	struct count keys;    /* of a frame further than the one behind the newest durable one */
	struct count copies;  /* of the key, before the other copy was synced */
	struct count notes;   /* before the frame they speak of was durable */
	unsigned segments;    /* with a frame */
	struct count handed;  /* to the anchors, before they were durable */
};

static void count_one(struct count *count, bool is_early)
{
	count->all++;
	count->early += is_early;
}

static void meet_frame(struct cover *cover, const struct step *step,
		       const struct frame_header *header, struct findings *findings)
{
	count_one(&findings->frames, durable_frame(cover) + 1 < header->number);
	if (!cover->first[step->file]) {
		cover->first[step->file] = header->first_sequence;
		findings->segments++;
	}
	cover->written[step->file] = header->first_sequence + header->count - 1;
	cover->frame[step->file] = header->number;
}

static void meet_key(const struct cover *cover, const struct step *step, struct findings *findings)
{
	count_one(&findings->keys, bl_get64(step->bytes + 40) > durable_frame(cover) + 1);
	count_one(&findings->copies, cover->is_written[step->file]);
}

static void meet_note(struct cover *cover, const struct step *step, struct findings *findings)
{
	struct note note;

	assert_int_equal(note_parse((const char *)step->bytes, step->length, NULL, &note),
			 NOTE_GOOD);
	count_one(&findings->notes, note.frame > durable_frame(cover));
	cover->written[step->file] = note.sequence;
}

static void meet_write(struct cover *cover, const struct step *step, struct findings *findings)
{
	bool is_log = cover->folder[step->file] == FOLDER_LOG;
	struct frame_header header;

	if (is_log && step->offset >= SEGMENT_HEADER && step->length >= FRAME_HEADER &&
	    format_frame_header_parse(step->bytes, &header))
		meet_frame(cover, step, &header, findings);
	else if (is_log && strcmp(cover->name[step->file], FRAMEKEY_FILE) == 0)
		meet_key(cover, step, findings);
	else if (cover->folder[step->file] == FOLDER_NOTES)
		meet_note(cover, step, findings);
	cover->is_written[step->file] = true;
}

/* A read is answered at once only while none that was answered before waits longer than it may to become durable. */
static bool is_too_late(const struct recorder *recorder, const struct cover *cover, unsigned at)
{
	int64_t bound_ns = recorder->bounded_ms * MS;

	for (unsigned i = 0; i < at; i++) {
		const struct step *before = &recorder->steps[i];

		if (before->kind == STEP_ACK && before->may_wait &&
		    recorder->steps[at].asked_ns - before->done_ns > bound_ns &&
		    !is_covered(cover, before->offset))
			return true;
	}
	return false;
}

static void meet_ack(const struct recorder *recorder, const struct cover *cover, unsigned at,
		     struct findings *findings)
{
	const struct step *step = &recorder->steps[at];

	if (step->may_wait)
		count_one(&findings->waiting, is_too_late(recorder, cover, at));
	else
		count_one(&findings->acks, !is_covered(cover, step->offset));
}

static void meet_step(const struct recorder *recorder, struct cover *cover, unsigned at,
		      struct findings *findings)
{
	const struct step *step = &recorder->steps[at];

	switch (step->kind) {
	case STEP_CREATE:
	case STEP_RENAME:
		cover->folder[step->file] = step->folder;
		memcpy(cover->name[step->file], step->name, sizeof(step->name));
		cover->is_name_durable[step->file] = false;
		break;
	case STEP_WRITE:
		meet_write(cover, step, findings);
		break;
	case STEP_SYNC:
		cover->durable[step->file] = cover->written[step->file];
		cover->frame_durable[step->file] = cover->frame[step->file];
		cover->is_written[step->file] = false;
		break;
	case STEP_SYNC_DIR:
		for (unsigned i = 0; i < FILES; i++)
			if (cover->folder[i] == (enum folder)step->file)
				cover->is_name_durable[i] = true;
		break;
	case STEP_ACK:
		meet_ack(recorder, cover, at, findings);
		break;
	case STEP_SETTLED:
		break;
	case STEP_HAND:
		count_one(&findings->handed, step->offset > noted(cover));
		break;
	}
}

static struct findings find(const struct recorder *recorder)
{
	struct cover *cover = zeroed(sizeof(*cover));
	struct findings findings = {0};

	for (unsigned i = 0; i < recorder->count; i++)
		meet_step(recorder, cover, i, &findings);
	free(cover);
	return findings;
}

static void check_findings(const struct findings *findings)
{
	const struct {
		const char *what;
		const struct count *count;
	} ROWS[] = {
		{"acknowledgements", &findings->acks},
		{"answers that may wait", &findings->waiting},
		{"frames", &findings->frames},
		{"keys", &findings->keys},
		{"copies of the key", &findings->copies},
		{"checkpoints", &findings->notes},
		{"checkpoints for the anchors", &findings->handed},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		if (ROWS[i].count->early)
			fail_msg("%u of %u %s came too early", ROWS[i].count->early,
				 ROWS[i].count->all, ROWS[i].what);
}

static void nothing_comes_before_what_it_stands_on_is_durable(void **state)
{
	struct recorder *recorder = recorder_new();
	struct keeper keeper = {0};
	struct findings findings;

	record_run(*state, recorder, &keeper, 16);
	findings = find(recorder);
	check_findings(&findings);
	assert_int_equal(findings.acks.all, EVENTS);
	assert_int_equal(findings.segments, 2);
	assert_true(findings.frames.all >= 16 + 2);
	assert_true(findings.keys.all >= 2);
	assert_true(findings.notes.all >= 2);
	assert_int_equal(findings.handed.all, findings.notes.all);
	recorder_free(recorder);
}

static void a_log_that_leaves_the_sync_out_is_caught(void **state)
{
	struct recorder *recorder = recorder_new();
	struct keeper keeper = {0};
	struct findings findings;

	recorder->is_sync_left_out = true;
	record_run(*state, recorder, &keeper, 16);
	findings = find(recorder);
	assert_int_equal(findings.acks.all, EVENTS);
	assert_int_equal(findings.acks.early, EVENTS);
	/* The first frame stands on nothing. */
	assert_int_equal(findings.frames.early, findings.frames.all - 1);
	assert_true(findings.keys.early > 0);
	assert_true(findings.copies.early > 0);
	assert_int_equal(findings.notes.early, findings.notes.all);
	assert_int_equal(findings.handed.early, findings.handed.all);
	recorder_free(recorder);
}

/* ---- answered before it is durable ----------------------------------------------------------- */

static struct audit_event bounded_event(unsigned number, enum audit_op op)
{
	struct audit_event event = scratch_event(number);

	event.op = op;
	event.verdict = AUDIT_PERMITTED;
	event.handle = number + 1;
	return event;
}

static void shut(struct recorder *recorder, bool is_shut)
{
	pthread_mutex_lock(&recorder->lock);
	recorder->is_shut = is_shut;
	pthread_cond_broadcast(&recorder->opened);
	pthread_mutex_unlock(&recorder->lock);
}

/* So much time at least: that is what this is about, nothing is waited for. */
static void pass(uint32_t milliseconds)
{
	struct timespec left = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * MS};

	while (nanosleep(&left, &left) != 0)
		;
}

static bool submit_one(struct load_state *load, struct audit *audit, unsigned number,
		       enum audit_op op)
{
	struct audit_event event = bounded_event(number, op);

	load_submit(load, audit, number, &event);
	return atomic_load(&load->tickets[number].is_done);
}

static void reads_are_answered_at_once_while_the_disk_keeps_up(void **state)
{
	struct recorder *recorder = recorder_new();
	struct keeper keeper = {0};
	struct audit_io io = recorder_io(recorder);
	struct load_state *load = zeroed(sizeof(*load));
	struct audit *audit = NULL;
	struct findings findings;

	recorder->bounded_ms = 500;
	assert_int_equal(open_log(*state, &io, &keeper, &audit, NULL), BL_OK);
	audit_bounded(audit, recorder->bounded_ms);
	recorder_watch(recorder, &keeper, load);
	load_begin(load, 6);
	pthread_mutex_lock(&recorder->lock);
	recorder->is_counted = true;
	pthread_mutex_unlock(&recorder->lock);
	/* Nobody asks for it, and still it becomes durable. */
	assert_true(submit_one(load, audit, 0, AUDIT_READ));
	wait_for(&recorder->synced, "the sync of one read");
	shut(recorder, true);
	assert_true(submit_one(load, audit, 1, AUDIT_READ));
	assert_true(submit_one(load, audit, 2, AUDIT_STAT));
	assert_false(submit_one(load, audit, 3, AUDIT_OPEN));
	/* The disk takes longer than was said: reads wait for it again. */
	pass(recorder->bounded_ms + 1);
	assert_false(submit_one(load, audit, 4, AUDIT_READ));
	assert_false(submit_one(load, audit, 5, AUDIT_STAT));
	shut(recorder, false);
	load_end(load);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(load->tickets[i].status, BL_OK);
	audit_close(audit);
	findings = find(recorder);
	assert_int_equal(findings.acks.early, 0);
	assert_int_equal(findings.acks.all, 1);
	free(load);
	recorder_free(recorder);
}

static void only_what_is_younger_than_the_bound_can_be_missing(void **state)
{
	struct recorder *recorder = recorder_new();
	struct keeper keeper = {0};
	struct findings findings;
	struct audit_report report;

	recorder->bounded_ms = 1;
	record_run(*state, recorder, &keeper, 16);
	findings = find(recorder);
	check_findings(&findings);
	assert_int_equal(findings.acks.all + findings.waiting.all, EVENTS);
	assert_true(findings.acks.all > 0);
	assert_true(findings.waiting.all > 0);
	assert_int_equal(verify_by_kit(*state, &keeper, &report, NULL), BL_OK);
	assert_int_equal(report.names, EVENTS / 50);
	recorder_free(recorder);
}

/* ---- denials without end --------------------------------------------------------------------- */

#define STORM 1000u

struct told {
	uint64_t calls, records;
};

static bool count_told(void *context, const struct audit_record *record)
{
	struct told *told = context;

	if (record->event.handle != 77)
		return true;
	told->calls += 1 + (uint64_t)record->event.repeats;
	told->records++;
	return true;
}

static void gathered_denials_are_answered_once_the_record_that_counts_them_is_durable(void **state)
{
	struct recorder *recorder = recorder_new();
	struct keeper keeper = {0};
	struct audit_io io = recorder_io(recorder);
	struct load_state *load = zeroed(sizeof(*load));
	struct audit_event event = scratch_event(0);
	struct audit *audit = NULL;
	struct told told = {0};
	struct findings findings;

	event.verdict = AUDIT_DENIED;
	event.handle = 77;
	recorder_watch(recorder, &keeper, load);
	assert_int_equal(open_log(*state, &io, &keeper, &audit, NULL), BL_OK);
	load_begin(load, STORM);
	for (unsigned i = 0; i < STORM; i++)
		load_submit(load, audit, i, &event);
	load_end(load);
	audit_close(audit);
	findings = find(recorder);
	check_findings(&findings);
	assert_int_equal(findings.acks.all, STORM);

	BL_CLEANUP(fd_close) int fd = scratch_log_fd(*state);

	assert_int_equal(audit_scan(fd, count_told, &told, NULL), BL_OK);
	assert_int_equal(told.calls, STORM);
	print_message("%u denials in %lu records\n", STORM, (unsigned long)told.records);
	/* 32 of them, and those of ten records a second. */
	assert_true(told.records >= 33 && told.records < STORM / 2);
	free(load);
	recorder_free(recorder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_comes_before_what_it_stands_on_is_durable),
		TEST(a_log_that_leaves_the_sync_out_is_caught),
		TEST(reads_are_answered_at_once_while_the_disk_keeps_up),
		TEST(only_what_is_younger_than_the_bound_can_be_missing),
		TEST(gathered_denials_are_answered_once_the_record_that_counts_them_is_durable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
