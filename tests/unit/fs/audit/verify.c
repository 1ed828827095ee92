/* Nothing can be changed in a closed log without being found, and what it looks like is told. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/audit/build.h"
#include "tests/unit/fs/audit/key.h"

#include <fcntl.h>
#include <pthread.h>

#define ONE "seg.0000000000000001"
#define TWO "seg.000000000000000e"

static void expect_looks(enum bl_status status, const struct audit_report *report,
			 enum audit_looks looks, const char *row)
{
	if (status != BL_TAMPERED || report->looks != looks)
		fail_msg("%s: %s, looks %s: %s", row, bl_status_name(status),
			 audit_looks_name(report->looks), report->problem);
}

static void expect_good(const struct build *build, const char *row)
{
	struct audit_report report;
	struct bl_error why = {.text = ""};

	if (build_verify(build, &report, &why) != BL_OK)
		fail_msg("%s: %s", row, why.text);
}

/* ---- good ones -------------------------------------------------------------------------------- */

static void a_closed_log_is_good(void **state)
{
	struct audit_report report;

	expect_good(*state, "sample");
	assert_int_equal(build_verify(*state, &report, NULL), BL_OK);
	assert_int_equal(report.records, 18);
	assert_int_equal(report.names, 2);
	assert_int_equal(report.frames, 15);
	assert_int_equal(report.segments, 2);
	assert_int_equal(report.checkpoints, 3);
	assert_int_equal(report.first_sequence, 1);
	assert_int_equal(report.last_sequence, 18);
	assert_int_equal(report.checkpointed_sequence, 18);
	assert_int_equal(report.window_count, 0);
	assert_int_equal(report.silences, 0);
	assert_int_equal(report.clock_steps, 0);
	assert_int_equal(report.looks, LOOKS_GOOD);
	assert_true(report.has_macs);
	assert_false(report.has_anchor);
	assert_false(report.is_torn);
	assert_int_equal(build_verify_key(*state, &report, NULL), BL_OK);
	assert_false(report.has_macs);
}

struct told {
	unsigned count;
	uint64_t done, all, records;
};

static void take_progress(void *context, uint64_t done, uint64_t all, uint64_t records)
{
	struct told *told = context;

	assert_true(done > told->done && records >= told->records);
	*told = (struct told){told->count + 1, done, all, records};
}

static void progress_is_told_after_each_segment_up_to_the_end(void **state)
{
	const struct build *build = *state;
	struct told told = {.count = 0};
	const struct audit_evidence evidence = {
		.kit = &build->kit, .progress = take_progress, .context = &told};
	struct audit_report report;

	assert_int_equal(build_verify_by(build, &evidence, &report, NULL), BL_OK);
	assert_int_equal(told.count, 2);
	assert_int_equal(told.done, told.all);
	assert_int_equal(told.records, 18);
}

static void a_log_that_was_only_made_is_good(void **state)
{
	struct audit_report report;

	expect_good(*state, "nothing written");
	assert_int_equal(build_verify(*state, &report, NULL), BL_OK);
	assert_int_equal(report.records, 0);
	assert_int_equal(report.last_sequence, 0);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static size_t end_in(const struct build *build, uint64_t segment)
{
	size_t end = SEGMENT_HEADER;

	for (size_t i = 0; i < build->frame_count; i++)
		if (build->frames[i].segment == segment)
			end = build->frames[i].at + build->frames[i].length;
	return end;
}

static void flip_in_segment(const struct build *build, const char *name, size_t end)
{
	struct build_file file = build_load(build, name);
	struct audit_report report;

	for (size_t at = 0; at < file.size; at += at < end + 40 ? 1 : 4099) {
		/* The unused slots of a header are one field: every 16th byte of it will do. */
		if (at > 290 && at < 4060 && at % 16 != 0)
			continue;

		uint8_t flipped = file.bytes[at] ^ 0x20;

		build_put(&file, at, &flipped, 1);
		if (build_verify(build, &report, NULL) != BL_TAMPERED)
			fail_msg("%s: byte %zu flipped is not found", name, at);
		if (strcmp(report.bad_file, name) != 0 || !report.problem[0] ||
		    report.looks == LOOKS_GOOD)
			fail_msg("%s: byte %zu: %s, %s", name, at, report.bad_file, report.problem);
		build_put(&file, at, file.bytes + at, 1);
	}
	expect_good(build, name);
	build_unload(&file);
}

static void every_flipped_byte_of_a_segment_is_found(void **state)
{
	flip_in_segment(*state, ONE, end_in(*state, 1));
	flip_in_segment(*state, TWO, end_in(*state, 14));
}

static void every_flipped_byte_of_log_id_and_checkpoints_is_found(void **state)
{
	static const char *const NAMES[] = {"log.id", BUILD_NOTES};
	struct audit_report report;

	for (size_t i = 0; i < BL_COUNT(NAMES); i++) {
		struct build_file file = build_load(*state, NAMES[i]);

		for (size_t at = 0; at < file.size; at++) {
			uint8_t flipped = file.bytes[at] ^ 0x01;

			build_put(&file, at, &flipped, 1);
			expect_looks(build_verify(*state, &report, NULL), &report,
				     i ? LOOKS_CHECKPOINT : LOOKS_IDENTITY, NAMES[i]);
			assert_string_equal(report.bad_file, NAMES[i]);
			build_put(&file, at, file.bytes + at, 1);
		}
		build_unload(&file);
	}
}

/* One copy of `key` may be damaged by a crash; both may not. */
static void a_byte_flipped_in_both_copies_of_the_key_is_found(void **state)
{
	struct build_file file = build_load(*state, FRAMEKEY_FILE);
	struct audit_report report;

	for (size_t at = 0; at < file.size / 2; at += at < 90 || at > 4050 ? 1 : 61) {
		uint8_t flipped = file.bytes[at] ^ 0x01;

		build_put(&file, at, &flipped, 1);
		expect_good(*state, "one copy");
		build_put(&file, 4096 + at, &flipped, 1);
		expect_looks(build_verify(*state, &report, NULL), &report, LOOKS_KEY, "both");
		build_put(&file, at, file.bytes + at, 1);
		expect_good(*state, "the other copy");
		build_put(&file, 4096 + at, file.bytes + at, 1);
	}
	build_unload(&file);
}

/* ---- cut short -------------------------------------------------------------------------------- */

static void a_truncated_segment_is_found_at_every_byte(void **state)
{
	size_t end = end_in(*state, 14);
	struct build_file file = build_load(*state, TWO);
	struct audit_report report;

	for (size_t at = 0; at < file.size; at += at < end + 8 && at >= 4000 ? 1 : 509) {
		assert_int_equal(ftruncate(file.fd, (off_t)at), 0);
		expect_looks(build_verify(*state, &report, NULL), &report, LOOKS_TRUNCATED, "cut");
		build_put(&file, 0, file.bytes, file.size);
	}
	build_unload(&file);
}

/* Zeros from there on, as if it had never been written: the rest of the last frame may look torn, but somebody knows of it. */
static void a_log_that_ends_earlier_than_it_did_is_found_at_every_byte(void **state)
{
	size_t end = end_in(*state, 14);
	struct build_file file = build_load(*state, TWO);
	uint8_t *zeros = calloc(1, end);
	struct audit_report report;

	for (size_t at = SEGMENT_HEADER; at < end; at++) {
		build_put(&file, at, zeros, end - at);
		if (build_verify(*state, &report, NULL) != BL_TAMPERED ||
		    (report.looks != LOOKS_TRUNCATED && report.looks != LOOKS_CHANGED))
			fail_msg("zeros from %zu: %s, %s", at, audit_looks_name(report.looks),
				 report.problem);
		build_put(&file, at, file.bytes + at, end - at);
	}
	free(zeros);
	build_unload(&file);
}

/* A torn note is told; one that is gone as a whole is missed only by whoever kept an anchor. */
static void a_truncated_checkpoint_is_torn_and_vouches_for_nothing(void **state)
{
	struct build_file file = build_load(*state, BUILD_NOTES);
	struct audit_report report;

	for (size_t at = 1; at < file.size; at++) {
		assert_int_equal(ftruncate(file.fd, (off_t)at), 0);
		assert_int_equal(build_verify(*state, &report, NULL), BL_OK);
		if (!report.is_torn && at % NOTE_SIZE != 0)
			fail_msg("a note cut at %zu is not told", at);
		assert_true(report.checkpointed_sequence < 18);
		build_put(&file, 0, file.bytes, file.size);
	}
	build_unload(&file);
}

/* The end is rolled back to frame boundaries, below the newest checkpoint or `key`. */
static void frames_cut_off_are_missed_by_checkpoint_and_key(void **state)
{
	struct build *build = *state;
	size_t end = end_in(build, 14);
	struct build_file file = build_load(build, TWO);
	uint8_t *zeros = calloc(1, end);
	struct audit_report report;

	for (int has_notes = 1; has_notes >= 0; has_notes--) {
		if (!has_notes)
			assert_int_equal(unlinkat(build->log_fd, BUILD_NOTES, 0), 0);
		for (size_t i = 0; i < build->frame_count; i++) {
			const struct build_frame *frame = &build->frames[i];

			if (frame->segment != 14)
				continue;
			build_put(&file, frame->at, zeros, end - frame->at);
			expect_looks(build_verify(build, &report, NULL), &report, LOOKS_TRUNCATED,
				     has_notes ? "note" : "key");
			assert_int_equal(report.bad_sequence, frame->sequence);
			assert_int_equal(report.bad_offset, frame->at);
			assert_string_equal(report.bad_file, TWO);
			build_put(&file, 0, file.bytes, end);
		}
	}
	free(zeros);
	build_unload(&file);
}

/* ---- frames ---------------------------------------------------------------------------------- */

static void frames_dropped_swapped_or_doubled_are_told_apart(void **state)
{
	struct build *build = *state;
	struct build_file file = build_load(build, ONE);
	size_t end = end_in(build, 1);
	uint8_t *bytes = calloc(1, file.size);
	struct audit_report report;

	for (size_t i = 0; build->frames[i + 1].segment == 1; i++) {
		const struct build_frame *one = &build->frames[i], *two = &build->frames[i + 1];

		/* dropped: the rest moves up */
		memcpy(bytes, file.bytes, file.size);
		memmove(bytes + one->at, bytes + two->at, end - two->at);
		memset(bytes + end - one->length, 0, one->length);
		build_put(&file, 0, bytes, file.size);
		expect_looks(build_verify(build, &report, NULL), &report, LOOKS_DROPPED,
			     "moved up");
		assert_int_equal(report.bad_sequence, one->sequence);
		assert_int_equal(report.bad_offset, one->at);
		assert_string_equal(report.bad_file, ONE);
		/* dropped: a hole */
		memcpy(bytes, file.bytes, file.size);
		memset(bytes + one->at, 0, one->length);
		build_put(&file, 0, bytes, file.size);
		expect_looks(build_verify(build, &report, NULL), &report, LOOKS_DROPPED, "a hole");
		/* swapped with the next */
		memcpy(bytes, file.bytes, file.size);
		memcpy(bytes + one->at, file.bytes + two->at, two->length);
		memcpy(bytes + one->at + two->length, file.bytes + one->at, one->length);
		build_put(&file, 0, bytes, file.size);
		expect_looks(build_verify(build, &report, NULL), &report, LOOKS_REORDERED,
			     "swapped");
		assert_int_equal(report.bad_sequence, one->sequence);
		/* doubled: the rest moves down */
		memcpy(bytes, file.bytes, file.size);
		memcpy(bytes + two->at, file.bytes + one->at, end - one->at);
		build_put(&file, 0, bytes, file.size);
		expect_looks(build_verify(build, &report, NULL), &report, LOOKS_REPEATED,
			     "doubled");
		build_put(&file, 0, file.bytes, file.size);
	}
	free(bytes);
	build_unload(&file);
}

static void the_last_frames_of_an_earlier_segment_are_missed(void **state)
{
	struct build *build = *state;
	struct build_file file = build_load(build, ONE);
	size_t end = end_in(build, 1), last = 0;
	uint8_t *zeros = calloc(1, end);
	struct audit_report report;

	while (build->frames[last + 1].segment == 1)
		last++;
	build_put(&file, build->frames[last].at, zeros, build->frames[last].length);
	expect_looks(build_verify(build, &report, NULL), &report, LOOKS_DROPPED, "last frame");
	assert_int_equal(report.bad_sequence, build->frames[last].sequence);
	assert_string_equal(report.bad_file, ONE);
	assert_int_equal(report.bad_offset, build->frames[last].at);
	build_put(&file, SEGMENT_HEADER, zeros, end - SEGMENT_HEADER);
	expect_looks(build_verify(build, &report, NULL), &report, LOOKS_DROPPED, "all frames");
	free(zeros);
	build_unload(&file);
}

static void what_was_put_behind_the_end_is_found(void **state)
{
	static const struct {
		size_t behind;
		const char *name;
		uint64_t segment;
	} ROWS[] = {{0, ONE, 1}, {9, ONE, 1}, {200000, ONE, 1}, {0, TWO, 14}, {150000, TWO, 14}};
	struct audit_report report;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct build_file file = build_load(*state, ROWS[i].name);
		size_t end = end_in(*state, ROWS[i].segment);

		build_put(&file, end + ROWS[i].behind, "something", 9);
		expect_looks(build_verify(*state, &report, NULL), &report, LOOKS_INSERTED,
			     ROWS[i].name);
		build_put(&file, 0, file.bytes, file.size);
		build_unload(&file);
	}
}

/* ---- another log ------------------------------------------------------------------------------ */

/* A second store, with a log of the same events */
static struct build *build_other(void)
{
	void *state = NULL;

	if (build_setup_empty(&state) != 0 || !state)
		abort();

	struct build *build = state;

	build->realtime_ns++;
	build_sample(build);
	return build;
}

static void what_belongs_to_another_log_is_found(void **state)
{
	struct build *build = *state;
	void *other_state = build_other();
	const struct build *other = other_state;
	struct build_file file = build_load(build, ONE), foreign = build_load(other, ONE);
	struct audit_report report;

	for (size_t i = 0; build->frames[i].segment == 1; i++) {
		const struct build_frame *frame = &build->frames[i];

		assert_int_equal(other->frames[i].at, frame->at);
		assert_int_equal(other->frames[i].length, frame->length);
		build_put(&file, frame->at, foreign.bytes + frame->at, frame->length);
		expect_looks(build_verify(build, &report, NULL), &report, LOOKS_SPLICED, "kit");
		assert_int_equal(report.bad_sequence, frame->sequence);
		/* Without macs only the frame behind it tells. */
		if (build->frames[i + 1].segment == 1)
			expect_looks(build_verify_key(build, &report, NULL), &report, LOOKS_SPLICED,
				     "key");
		build_put(&file, frame->at, file.bytes + frame->at, frame->length);
	}
	build_put(&file, 0, foreign.bytes, file.size);
	expect_looks(build_verify(build, &report, NULL), &report, LOOKS_SPLICED, "segment");
	build_unload(&file);
	build_unload(&foreign);
	build_teardown(&other_state);
}

static void key_and_checkpoints_of_another_log_are_found(void **state)
{
	static const struct {
		const char *name;
		enum audit_looks looks;
	} ROWS[] = {{FRAMEKEY_FILE, LOOKS_KEY}, {BUILD_NOTES, LOOKS_CHECKPOINT}};
	struct build *build = *state;
	void *other = build_other();
	struct audit_report report;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct build_file file = build_load(build, ROWS[i].name),
				  foreign = build_load(other, ROWS[i].name);

		build_put(&file, 0, foreign.bytes, foreign.size);
		expect_looks(build_verify(build, &report, NULL), &report, ROWS[i].looks,
			     ROWS[i].name);
		build_put(&file, 0, file.bytes, file.size);
		build_unload(&file);
		build_unload(&foreign);
	}
	build_teardown(&other);
}

/* ---- segments -------------------------------------------------------------------------------- */

static void segments_missing_doubled_or_foreign_are_told_apart(void **state)
{
	static const struct {
		const char *from, *to;
		bool is_copy;
		enum audit_looks looks;
	} ROWS[] = {
		{ONE, "gone", false, LOOKS_DROPPED},
		{TWO, "gone", false, LOOKS_TRUNCATED},
		{TWO, "seg.0000000000000020", true, LOOKS_REPEATED},
		{ONE, "seg.0000000000000009", true, LOOKS_REPEATED},
		{ONE, "seg.1", true, LOOKS_INSERTED},
		{TWO, "seg.000000000000000E", true, LOOKS_INSERTED},
		{ONE, "tomb.1", true, LOOKS_INSERTED},
		{TWO, "seg.0000000000000000", true, LOOKS_INSERTED},
		{TWO, "seg.0000000000000010", false, LOOKS_CHANGED},
	};
	struct build *build = *state;
	struct audit_report report;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		if (ROWS[i].is_copy)
			build_copy(build, ROWS[i].from, ROWS[i].to);
		else
			build_move(build, ROWS[i].from, ROWS[i].to);
		expect_looks(build_verify(build, &report, NULL), &report, ROWS[i].looks,
			     ROWS[i].to);
		if (ROWS[i].is_copy)
			assert_int_equal(unlinkat(build->log_fd, ROWS[i].to, 0), 0);
		else
			build_move(build, ROWS[i].to, ROWS[i].from);
	}
	build_move(build, ONE, "swap");
	build_move(build, TWO, ONE);
	build_move(build, "swap", TWO);
	expect_looks(build_verify(build, &report, NULL), &report, LOOKS_REORDERED, "swapped");
	build_move(build, ONE, "swap");
	build_move(build, TWO, ONE);
	build_move(build, "swap", TWO);
	expect_good(build, "at the end");
}

static void files_that_are_no_part_of_it_are_ignored(void **state)
{
	static const char *const NAMES[] = {"spare",   "reserve", "ballast",   "tomb.new",
					    "key.new", "other",	  "log.id.new"};

	for (size_t i = 0; i < BL_COUNT(NAMES); i++)
		build_put_file(*state, NAMES[i], "x", 1, 0);
	expect_good(*state, "others");
}

/* Bytes of a segment, with its checksum made right again: what only the chain protects. */
static void a_changed_header_with_a_right_checksum_is_found(void **state)
{
	static const size_t AT[] = {16, 32, 40, 48, 56, 88, 104, 136, 144, 152, 160, 168, 200, 400};
	struct build_file file = build_load(*state, ONE);
	struct audit_report report;

	for (size_t i = 0; i < BL_COUNT(AT); i++) {
		uint8_t header[SEGMENT_HEADER];

		memcpy(header, file.bytes, sizeof(header));
		header[AT[i]] ^= 1;
		format_leaf(header, SEGMENT_HEADER - 32, header + SEGMENT_HEADER - 32);
		build_put(&file, 0, header, sizeof(header));
		if (build_verify(*state, &report, NULL) != BL_TAMPERED)
			fail_msg("header byte %zu is not found", AT[i]);
	}
	build_unload(&file);
}

/* ---- whose log it is ------------------------------------------------------------------------- */

static void what_was_brought_is_blamed_when_it_is_of_another_log(void **state)
{
	struct build *build = *state;
	void *other_state = build_other();
	const struct build *other = other_state;
	struct audit_kit kit = build->kit;
	const struct audit_evidence rows[] = {
		{.kit = &other->kit},
		{.public_key = other->identity.public_key},
		{.public_key = other->identity.public_key, .kit = &build->kit},
		{.public_key = NULL},
	};
	struct audit_report report;
	struct bl_error why;

	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (build_verify_by(build, &rows[i], &report, &why) != BL_INVALID ||
		    strstr(why.text, "broken"))
			fail_msg("row %zu: %s", i, why.text);
	assert_int_equal(audit_verify(build->scratch->store_fd, &rows[0], &report, &why),
			 BL_INVALID);
	/* The kit is of this log: it is log.id that differs. */
	const struct {
		uint8_t *byte;
		const char *what;
	} CHANGES[] = {{&kit.public_key[3], "public key"},
		       {&kit.first[3], "k_0"},
		       {&kit.auditors[0][3], "auditor"}};

	for (size_t i = 0; i < BL_COUNT(CHANGES); i++) {
		const struct audit_evidence evidence = {.kit = &kit};

		*CHANGES[i].byte ^= 1;
		expect_looks(build_verify_by(build, &evidence, &report, &why), &report,
			     LOOKS_IDENTITY, CHANGES[i].what);
		*CHANGES[i].byte ^= 1;
	}
	build_teardown(&other_state);
}

static void a_log_without_its_log_id_is_still_one(void **state)
{
	struct build *build = *state;
	struct audit_report report;
	struct bl_error why;

	assert_int_equal(unlinkat(build->log_fd, "log.id", 0), 0);
	expect_looks(build_verify(build, &report, &why), &report, LOOKS_IDENTITY, "missing");
	build_put_file(build, "log.id", "short", 5, 0);
	expect_looks(build_verify(build, &report, &why), &report, LOOKS_IDENTITY, "short");
	assert_int_equal(unlinkat(build->log_fd, ONE, 0), 0);
	assert_int_equal(unlinkat(build->log_fd, TWO, 0), 0);
	assert_int_equal(build_verify(build, &report, &why), BL_INVALID);
}

/* Under @name lies what is no regular file (no folder, where one belongs). */
static void lay_odd(const struct build *build, const char *name, unsigned kind)
{
	assert_int_equal(renameat(build->log_fd, name, build->log_fd, "moved"), 0);
	if (kind == 0)
		assert_int_equal(symlinkat("moved", build->log_fd, name), 0);
	else if (kind == 1)
		assert_int_equal(mkfifoat(build->log_fd, name, 0600), 0);
	else
		assert_int_equal(mkdirat(build->log_fd, name, 0700), 0);
}

static void what_is_no_regular_file_is_found_and_not_waited_for(void **state)
{
	static const struct {
		const char *name;
		enum audit_looks looks;
	} ROWS[] = {
		{"log.id", LOOKS_IDENTITY},
		{"key", LOOKS_KEY},
		{ONE, LOOKS_CHANGED},
		{TWO, LOOKS_CHANGED},
		{"checkpoints", LOOKS_CHECKPOINT},
	};
	struct build *build = *state;
	struct audit_report report;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const char *name = ROWS[i].name;
		unsigned kinds = ROWS[i].looks == LOOKS_CHECKPOINT ? 2 : 3;

		for (unsigned kind = 0; kind < kinds; kind++) {
			lay_odd(build, name, kind);
			expect_looks(build_verify(build, &report, NULL), &report, ROWS[i].looks,
				     name);
			unlinkat(build->log_fd, name, kind == 2 ? AT_REMOVEDIR : 0);
			assert_int_equal(renameat(build->log_fd, "moved", build->log_fd, name), 0);
		}
	}
	expect_good(build, "as it was");
}

static void files_of_checkpoints_may_be_many_and_empty(void **state)
{
	struct build *build = *state;

	for (unsigned i = 0; i < 20000; i++) {
		char name[32];
		int fd;

		snprintf(name, sizeof(name), "checkpoints/%04u-%02u-%02u", i / 10000, i / 100 % 100,
			 i % 100);
		fd = openat(build->log_fd, name, O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		close(fd);
	}
	expect_good(build, "many");
}

static void a_newer_log_is_not_called_broken(void **state)
{
	struct build *build = *state;
	struct build_file file = build_load(build, "log.id");
	struct audit_report report;
	struct bl_error why;

	bl_put32(file.bytes + 8, LOG_VERSION + 1);
	format_leaf(file.bytes, 4064, file.bytes + 4064);
	build_put(&file, 0, file.bytes, file.size);
	assert_int_equal(build_verify(build, &report, &why), BL_UNSUPPORTED);
	build_unload(&file);
}

/* ---- who has keys ---------------------------------------------------------------------------- */

/* From frame @from on everything is made anew, as somebody would who has @key of it; with notes, since the signing key lies there too. */
static void forge(struct build *build, size_t from, const struct framekey *key, unsigned count)
{
	const struct build_frame *frame = &build->frames[from];
	char name[SEGMENT_NAME_SIZE];
	static const uint8_t ZEROS[SCRATCH_SEGMENT];
	uint8_t chain[AUDIT_DIGEST];

	format_segment_name(frame->segment, name);

	struct build_file file = build_load(build, name);

	/* What stands before the frame: the one before it in this segment. */
	assert_int_equal(build->frames[from - 1].segment, frame->segment);
	memcpy(chain, file.bytes + frame->at - FRAME_TRAILER, AUDIT_DIGEST);
	build_put(&file, frame->at, ZEROS, file.size - frame->at);
	build_unload(&file);
	fd_close(build->fd);
	build->fd = openat(build->log_fd, name, O_RDWR | O_CLOEXEC);
	build->at = frame->at;
	build->frame = from + 1;
	build->frame_count = from;
	build->sequence = frame->sequence;
	build->key = *key;
	memcpy(build->chain, chain, AUDIT_DIGEST);
	build_reads(build, count);
	unlinkat(build->log_fd, BUILD_NOTES, 0);
	build->note_at = 0;
	build_note(build, NULL);
	build_key(build);
}

/* The key that lies on the disk is of a later frame than where the log is cut: its macs are wrong there. */
static void truncate_and_continue_is_found_by_the_kit(void **state)
{
	struct build *build = *state;

	build_start(build, 1);
	build_reads(build, 9);
	build_key(build);

	struct framekey key = {.frame = 11};
	uint64_t generation;
	struct audit_report report;

	assert_int_equal(key_read(build->log_fd, build->identity.log_id, &key, &generation, NULL),
			 BL_OK);
	assert_int_equal(key.frame, 11);
	key.frame = 6; /* it claims to be what it is not */
	forge(build, 5, &key, 4);
	/* Its own key file says 10; k_10 is not that either, but the first wrong mac is frame 6's. */
	expect_looks(build_verify(build, &report, NULL), &report, LOOKS_REWRITTEN, "forged");
	assert_int_equal(report.bad_sequence, 6);
	/* Without a kit or an anchor there is nothing that could tell. */
	assert_int_equal(build_verify_key(build, &report, NULL), BL_OK);
	assert_false(report.has_macs);
}

static void who_has_every_key_of_the_disk_can_forge_only_the_window_that_is_told(void **state)
{
	struct build *build = *state;
	struct framekey key;
	uint64_t generation;
	struct audit_report report;

	build_start(build, 1);
	build_reads(build, 9);
	build_key(build); /* f = 11 */
	build_reads(build, 5);
	assert_int_equal(build_verify(build, &report, NULL), BL_OK);
	assert_int_equal(report.window_count, 1);
	assert_true(report.windows[0].is_now);
	assert_int_equal(report.windows[0].first_sequence, 11);
	assert_int_equal(report.windows[0].last_sequence, 15);

	assert_int_equal(key_read(build->log_fd, build->identity.log_id, &key, &generation, NULL),
			 BL_OK);
	forge(build, 10, &key, 5);
	/* To hide it, the key is put back to what it was. */
	build->key = key;
	build_key(build);
	assert_int_equal(build_verify(build, &report, NULL), BL_OK);
	assert_int_equal(report.window_count, 1);
	assert_int_equal(report.windows[0].first_sequence, 11);
	/* One frame earlier there is no key for. */
	forge(build, 9, &key, 6);
	expect_looks(build_verify(build, &report, NULL), &report, LOOKS_REWRITTEN, "earlier");
	assert_int_equal(report.bad_sequence, 10);
}

static void the_window_begins_with_the_older_copy_of_the_key(void **state)
{
	struct build *build = *state;
	struct framekey older;
	struct audit_report report;

	build_start(build, 1);
	build_reads(build, 9);
	older = build->key; /* of frame 11 */
	build_reads(build, 5);
	for (unsigned is_torn = 0; is_torn < 2; is_torn++) {
		build_key_half(build, &older, is_torn);
		assert_int_equal(build_verify(build, &report, NULL), BL_OK);
		assert_int_equal(report.window_count, 1);
		assert_true(report.windows[0].is_now);
		assert_int_equal(report.windows[0].first_sequence, 11);
		assert_int_equal(report.windows[0].last_sequence, 15);
	}
}

/* An attacker without the frame keys computes the chain again from a changed record on. */
static void a_rewritten_chain_is_found_by_macs_or_by_its_checkpoint(void **state)
{
	struct build *build = *state;
	struct build_file file = build_load(build, ONE);
	uint8_t chain[AUDIT_DIGEST], leaf[AUDIT_DIGEST];
	const struct build_frame *first = &build->frames[1];
	struct audit_report report;

	file.bytes[first->at + FRAME_HEADER + 32] ^= 1; /* who it was */
	memcpy(chain, file.bytes + first->at - FRAME_TRAILER, AUDIT_DIGEST);
	for (size_t i = 1; build->frames[i].segment == 1; i++) {
		uint8_t *frame = file.bytes + build->frames[i].at;
		size_t at = FRAME_HEADER;

		for (uint32_t k = 0; k < build->frames[i].count; k++) {
			size_t length = bl_get16(frame + at);

			format_leaf(frame + at, length, leaf);
			chain_record(chain, leaf);
			at += length;
		}
		memcpy(frame + at, chain, AUDIT_DIGEST);
	}
	build_put(&file, 0, file.bytes, file.size);
	expect_looks(build_verify(build, &report, NULL), &report, LOOKS_REWRITTEN, "kit");
	assert_int_equal(report.bad_sequence, first->sequence);
	expect_looks(build_verify_key(build, &report, NULL), &report, LOOKS_CHECKPOINT, "key");
	build_unload(&file);
}

static void a_key_that_is_not_of_its_frame_is_found(void **state)
{
	static const uint64_t FRAMES[] = {1, 2, 15, 16, 17, 400};
	struct build *build = *state;
	struct audit_report report;

	for (size_t i = 0; i < BL_COUNT(FRAMES); i++) {
		build->key.frame = FRAMES[i];
		build->key.key[0] ^= 1;
		build_key(build);
		expect_looks(build_verify(build, &report, NULL), &report,
			     FRAMES[i] > 16 ? LOOKS_TRUNCATED : LOOKS_KEY, "key");
		build->key.key[0] ^= 1;
	}
	assert_int_equal(unlinkat(build->log_fd, FRAMEKEY_FILE, 0), 0);
	expect_looks(build_verify(build, &report, NULL), &report, LOOKS_KEY, "missing");
}

/* ---- records --------------------------------------------------------------------------------- */

enum odd {
	ODD_NOTHING,
	ODD_REPEATS,	    /* of what was permitted */
	ODD_REPEATS_DENIED, /* that is what repeats are for */
	ODD_NAME_WHOLE,	    /* all parts of a name */
	ODD_NAME_LAST,	    /* no event behind a name */
	ODD_NAME_PART,	    /* its first part is missing */
	ODD_NAME_CUT,	    /* its last part is missing */
	ODD_NAME_MIXED,	    /* the second part is of another name */
	ODD_START_NUMBERS,  /* a start that cannot be */
	ODD_START_FORWARD,
	ODD_BOOT_BACK, /* a clock that goes back */
	ODD_TAIL,      /* tells of a tail that is not there */
	ODD_TYPE,
	ODD_SEQUENCE,
};

static void drop_record(struct build *build, const uint8_t *record, size_t length)
{
	uint8_t copy[AUDIT_RECORD_LIMIT];

	memcpy(copy, record, length);
	build_record(build, copy, length);
}

static void put_parts(struct build *build, enum odd odd)
{
	uint8_t *kept = malloc(FRAME_LIMIT);
	struct build scratch = *build;

	scratch.bytes = kept;
	scratch.used = scratch.count = 0;
	build_name(&scratch, 4, 4000);

	const uint8_t *one = kept + FRAME_HEADER, *two = one + bl_get16(one);

	if (odd != ODD_NAME_PART)
		drop_record(build, one, bl_get16(one));
	if (odd == ODD_NAME_MIXED)
		build_name(build, 5, 20);
	if (odd != ODD_NAME_CUT)
		drop_record(build, two, bl_get16(two));
	free(kept);
}

static void put_odd(struct build *build, enum odd odd)
{
	struct audit_event event = scratch_event(1);
	uint8_t record[RECORD_LARGEST];
	size_t length;

	switch (odd) {
	case ODD_REPEATS:
	case ODD_REPEATS_DENIED:
		event.verdict = odd == ODD_REPEATS ? AUDIT_PERMITTED : AUDIT_DENIED;
		event.repeats = 7;
		break;
	case ODD_NAME_LAST:
		build_event(build, &event);
		build_name(build, 3, 20);
		return;
	case ODD_NAME_WHOLE:
	case ODD_NAME_PART:
	case ODD_NAME_CUT:
	case ODD_NAME_MIXED:
		put_parts(build, odd);
		break;
	case ODD_START_NUMBERS:
	case ODD_START_FORWARD:
		build_op(build, AUDIT_START, odd == ODD_START_NUMBERS ? 1 : build->frame + 1,
			 odd == ODD_START_NUMBERS ? build->frame : UINT64_MAX, "");
		return;
	case ODD_BOOT_BACK:
		build->boottime_ns -= 2 * build->step_ns;
		break;
	case ODD_TAIL:
		build_op(build, AUDIT_RECOVERED, 0, 0, "tail at=5000 length=1 blake2b=00");
		return;
	case ODD_TYPE:
	case ODD_SEQUENCE:
		length = format_record(&event, record);
		record[2] = odd == ODD_TYPE ? 3 : record[2];
		build->sequence += odd == ODD_SEQUENCE;
		build_record(build, record, length);
		build->sequence -= odd == ODD_SEQUENCE;
		return;
	case ODD_NOTHING:
		break;
	}
	build_event(build, &event);
}

/* The chain and the mac are right: only the rules for records are broken. */
static void records_that_break_a_rule_are_found(void **state)
{
	static const struct {
		enum odd odd;
		bool is_good;
		enum audit_looks looks;
	} ROWS[] = {
		{ODD_NOTHING, true, LOOKS_GOOD},
		{ODD_REPEATS, false, LOOKS_CHANGED},
		{ODD_REPEATS_DENIED, true, LOOKS_GOOD},
		{ODD_NAME_WHOLE, true, LOOKS_GOOD},
		{ODD_NAME_LAST, false, LOOKS_CHANGED},
		{ODD_NAME_PART, false, LOOKS_CHANGED},
		{ODD_NAME_CUT, false, LOOKS_CHANGED},
		{ODD_NAME_MIXED, false, LOOKS_CHANGED},
		{ODD_START_NUMBERS, false, LOOKS_CHANGED},
		{ODD_START_FORWARD, false, LOOKS_CHANGED},
		{ODD_BOOT_BACK, false, LOOKS_CLOCK},
		{ODD_TAIL, false, LOOKS_CHANGED},
		{ODD_TYPE, false, LOOKS_CHANGED},
		{ODD_SEQUENCE, false, LOOKS_CHANGED},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_report report;

		if (i && (build_teardown(state) != 0 || build_setup_empty(state) != 0))
			fail_msg("no store for row %zu", i);

		struct build *build = *state;

		build_segment(build);
		put_odd(build, ROWS[i].odd);
		build_commit(build);
		build_key(build);

		enum bl_status status = build_verify(build, &report, NULL);

		if ((status == BL_OK) != ROWS[i].is_good || report.looks != ROWS[i].looks)
			fail_msg("row %zu: %s, %s: %s", i, bl_status_name(status),
				 audit_looks_name(report.looks), report.problem);
	}
}

static void a_log_without_auditors_holds_no_names(void **state)
{
	struct scratch *scratch = *state;
	struct build *build = build_new(scratch, false);
	struct audit_event event = scratch_event(1);
	struct audit_report report;

	build_start(build, 1);
	expect_good(build, "without");
	build_name(build, 1, 20);
	build_event(build, &event);
	build_commit(build);
	expect_looks(build_verify(build, &report, NULL), &report, LOOKS_CHANGED, "a name");
	build_free(build);
}

static void a_clock_that_goes_back_between_segments_of_one_boot_is_found(void **state)
{
	struct build *build = *state;
	struct audit_report report;

	build_start(build, 1);
	build->boottime_ns -= 1 + build->step_ns;
	build_segment(build);
	build_reads(build, 1);
	build_key(build);
	expect_looks(build_verify(build, &report, NULL), &report, LOOKS_CLOCK, "one boot");
}

static void a_clock_may_begin_anew_with_a_boot(void **state)
{
	struct build *build = *state;

	build_start(build, 1);
	build->boottime_ns = 5;
	build->boot_id[0]++;
	build_start(build, 1);
	build_key(build);
	expect_good(build, "another boot");
}

/* ---- torn tails ------------------------------------------------------------------------------- */

/* @is_told: by the first record of the next segment, in these words */
static enum bl_status verify_tail(struct build *build, bool is_told, size_t length_told,
				  struct audit_report *report)
{
	char detail[AUDIT_DETAIL_SIZE];
	uint8_t torn[50], sum[AUDIT_DIGEST];

	memset(torn, 0x55, sizeof(torn));
	build_start(build, 1);
	build_reads(build, 2);
	if (pwrite(build->fd, torn, sizeof(torn), (off_t)build->at) != (ssize_t)sizeof(torn))
		abort();
	format_leaf(torn, sizeof(torn), sum);
	format_tail_detail(build->at, length_told, sum, detail);
	build_segment(build);
	if (is_told)
		build_op(build, AUDIT_RECOVERED, 0, 0, detail);
	build_op(build, AUDIT_START, 1, build->frame - 1, "");
	build_commit(build);
	build_key(build);
	return build_verify(build, report, NULL);
}

static void a_torn_tail_that_was_told_is_good(void **state)
{
	struct audit_report report;

	assert_int_equal(verify_tail(*state, true, 50, &report), BL_OK);
	assert_false(report.is_torn);
}

static void a_torn_tail_that_was_not_told_is_found(void **state)
{
	struct audit_report report;

	expect_looks(verify_tail(*state, false, 50, &report), &report, LOOKS_INSERTED, "not told");
}

static void a_torn_tail_that_is_another_than_was_told_is_found(void **state)
{
	struct audit_report report;

	expect_looks(verify_tail(*state, true, 49, &report), &report, LOOKS_CHANGED, "other");
}

static void a_torn_tail_at_the_end_is_told_and_no_error(void **state)
{
	struct build *build = *state;
	struct audit_report report;

	build_start(build, 1);
	build_reads(build, 2);
	assert_int_equal(pwrite(build->fd, "BLFRtorn", 8, (off_t)build->at), 8);
	assert_int_equal(build_verify(build, &report, NULL), BL_OK);
	assert_true(report.is_torn);
}

/* ---- what it tells of a good log --------------------------------------------------------------- */

static void every_start_tells_what_was_forgeable_before_it(void **state)
{
	struct build *build = *state;
	struct audit_report report;

	build_start(build, 1);	/* 1 */
	build_reads(build, 5);	/* 2..6 */
	build_start(build, 3);	/* 7: 3..6 */
	build_reads(build, 2);	/* 8, 9 */
	build_key(build);	/* 10 */
	build_start(build, 10); /* none */
	build_start(build, 10); /* 11: 10 */
	build_reads(build, 1);
	build_key(build);
	build_reads(build, 1); /* 13 */
	assert_int_equal(build_verify(build, &report, NULL), BL_OK);
	assert_int_equal(report.window_count, 3);
	assert_int_equal(report.windows[0].first_sequence, 3);
	assert_int_equal(report.windows[0].last_sequence, 6);
	assert_false(report.windows[0].is_now);
	assert_int_equal(report.windows[1].first_sequence, 10);
	assert_int_equal(report.windows[1].last_sequence, 10);
	assert_int_equal(report.windows[2].first_sequence, 13);
	assert_int_equal(report.windows[2].last_sequence, 13);
	assert_true(report.windows[2].is_now);
}

static void of_many_windows_the_newest_are_told(void **state)
{
	struct build *build = *state;
	struct audit_report report;

	build_start(build, 1);
	for (unsigned i = 0; i < 40; i++)
		build_start(build, build->frame - 1);
	assert_int_equal(build_verify(build, &report, NULL), BL_OK);
	/* 40 starts, and all of it now: `key` is as it was made. */
	assert_int_equal(report.window_count, 41);
	for (unsigned i = 0; i < AUDIT_WINDOWS - 1; i++)
		assert_int_equal(report.windows[i].last_sequence, 26 + i);
	assert_true(report.windows[AUDIT_WINDOWS - 1].is_now);
	assert_int_equal(report.windows[AUDIT_WINDOWS - 1].first_sequence, 1);
	assert_int_equal(report.windows[AUDIT_WINDOWS - 1].last_sequence, 41);
}

/* What a start tells of lies further back than is remembered: more is told, never less. */
static void a_window_that_is_long_past_is_told_from_its_segment_on(void **state)
{
	struct build *build = *state;
	struct audit_report report;

	build_start(build, 1);
	for (unsigned i = 0; i < 3; i++) {
		build_reads(build, 500);
		build_segment(build); /* frames 502, 1002, 1502 */
	}
	build_reads(build, 500);
	build_start(build, 700); /* 2002 */
	build_key(build);
	assert_int_equal(build_verify(build, &report, NULL), BL_OK);
	assert_int_equal(report.window_count, 1);
	assert_int_equal(report.windows[0].first_sequence, 502);
	assert_int_equal(report.windows[0].last_sequence, 2001);
}

static void silences_and_clock_steps_are_told(void **state)
{
	struct build *build = *state;
	struct audit_report report;

	build_start(build, 1);
	build->boottime_ns += 75 * BUILD_SECOND - build->step_ns;
	build->realtime_ns += 75 * BUILD_SECOND - build->step_ns;
	build_reads(build, 1); /* 2: just not a silence */
	build->boottime_ns += 80 * BUILD_SECOND;
	build->realtime_ns += 80 * BUILD_SECOND;
	build_reads(build, 2); /* 3: one */
	build->boottime_ns += 200 * BUILD_SECOND;
	build->realtime_ns += 197 * BUILD_SECOND;
	build_reads(build, 1); /* 5: the longest, and a step */
	build->realtime_ns += 2 * BUILD_SECOND;
	build_reads(build, 1); /* just not a step */
	build->realtime_ns -= 1000 * BUILD_SECOND;
	build_reads(build, 1); /* 7 */
	/* A start ends what nobody could have said. */
	build->boottime_ns += 900 * BUILD_SECOND;
	build->realtime_ns += 900 * BUILD_SECOND;
	build_segment(build);
	build_op(build, AUDIT_RECOVERED, 0, 0, "empty length=1 blake2b=00");
	build_op(build, AUDIT_START, 1, build->frame - 1, "");
	build_commit(build);
	/* Nor are the clocks of two boots compared. */
	build->boot_id[0]++;
	build->boottime_ns += 90000 * BUILD_SECOND;
	build_start(build, 1);
	build_key(build);
	assert_int_equal(build_verify(build, &report, NULL), BL_OK);
	assert_int_equal(report.silences, 2);
	assert_int_equal(report.silence_sequence, 5);
	assert_int_equal(report.longest_silence_s, 200);
	assert_int_equal(report.clock_steps, 2);
	assert_int_equal(report.clock_step_sequence, 5);
}

/* ---- tombstones ------------------------------------------------------------------------------ */

/* Three segments: the first two are removed, which the third one tells. */
static void build_trimmed(struct build *build)
{
	build_start(build, 1);
	build_reads(build, 4); /* frames 0..4 */
	build_note(build, NULL);
	build_segment(build);
	build_reads(build, 3); /* 5..7 */
	build_note(build, NULL);
	build_segment(build);
	build_reads(build, 2);
	build_trim(build, 1, 0, 4);
	build_trim(build, 2, 5, 7);
	build_reads(build, 2);
	build_note(build, NULL);
	build_key(build);
}

static void a_trimmed_log_is_good(void **state)
{
	struct audit_report report;

	build_trimmed(*state);
	expect_good(*state, "trimmed");
	assert_int_equal(build_verify(*state, &report, NULL), BL_OK);
	assert_int_equal(report.trimmed_segments, 2);
	assert_int_equal(report.trimmed_records, 8);
	assert_int_equal(report.segments, 1);
	assert_int_equal(report.first_sequence, 9);
	assert_int_equal(report.last_sequence, 14);
	assert_int_equal(report.checkpoints, 3);
	assert_true(report.has_macs);
}

static void every_flipped_byte_of_a_tombstone_is_found(void **state)
{
	static const char *const NAMES[] = {"tomb.0000000000000001", "tomb.0000000000000006"};
	struct audit_report report;

	build_trimmed(*state);
	for (size_t i = 0; i < BL_COUNT(NAMES); i++) {
		struct build_file file = build_load(*state, NAMES[i]);

		for (size_t at = 0; at < file.size; at++) {
			uint8_t flipped = file.bytes[at] ^ 1;

			build_put(&file, at, &flipped, 1);
			expect_looks(build_verify(*state, &report, NULL), &report, LOOKS_TOMBSTONE,
				     NAMES[i]);
			assert_string_equal(report.bad_file, NAMES[i]);
			build_put(&file, at, file.bytes + at, 1);
		}
		build_unload(&file);
	}
}

static void tombstones_missing_or_misplaced_are_found(void **state)
{
	static const struct {
		const char *from, *to;
		enum audit_looks looks;
	} ROWS[] = {
		{"tomb.0000000000000001", "gone", LOOKS_DROPPED},
		{"tomb.0000000000000006", "gone", LOOKS_DROPPED},
		{"tomb.0000000000000006", "tomb.0000000000000007", LOOKS_DROPPED},
	};
	struct build *build = *state;
	struct audit_report report;

	build_trimmed(build);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		build_move(build, ROWS[i].from, ROWS[i].to);
		if (build_verify(build, &report, NULL) != BL_TAMPERED ||
		    (report.looks != ROWS[i].looks && report.looks != LOOKS_TOMBSTONE))
			fail_msg("row %zu: %s: %s", i, audit_looks_name(report.looks),
				 report.problem);
		build_move(build, ROWS[i].to, ROWS[i].from);
	}
	build_copy(build, "tomb.0000000000000001", "tomb.000000000000000a");
	expect_looks(build_verify(build, &report, NULL), &report, LOOKS_TOMBSTONE, "inserted");
}

/* Who has the signing key, and not the frame keys, cannot make a segment disappear. */
static void a_tombstone_that_no_event_tells_of_is_found(void **state)
{
	struct build *build = *state;
	char bytes[TOMBSTONE_SIZE];
	struct audit_report report;

	build_start(build, 1);
	build_reads(build, 4);
	build_segment(build);
	build_reads(build, 3);
	build_segment(build);
	build_reads(build, 3);
	build_key(build);
	build_tombstone(build, 1, 0, 4, bytes);
	expect_good(build, "beside its segment");
	assert_int_equal(unlinkat(build->log_fd, ONE, 0), 0);
	expect_looks(build_verify(build, &report, NULL), &report, LOOKS_TOMBSTONE, "not told");
}

static void a_tombstone_beside_its_segment_must_be_that_segments(void **state)
{
	struct build *build = *state;
	char bytes[TOMBSTONE_SIZE];
	struct audit_report report;

	build_start(build, 1);
	build_reads(build, 4);
	build_segment(build);
	build_reads(build, 3);
	build_key(build);
	build_tombstone(build, 1, 0, 3, bytes); /* without its last frame */
	expect_looks(build_verify(build, &report, NULL), &report, LOOKS_TOMBSTONE, "another");
}

/* The event that told of the first went with the segment it stood in. */
static void events_that_told_may_go_as_well(void **state)
{
	struct build *build = *state;

	build_start(build, 1);
	build_reads(build, 2); /* 0..2 */
	build_segment(build);
	build_reads(build, 2); /* 3, 4 */
	build_segment(build);
	build_reads(build, 1);	    /* 5 */
	build_trim(build, 1, 0, 2); /* 6 */
	build_segment(build);
	build_reads(build, 1);	    /* 7 */
	build_trim(build, 2, 3, 4); /* 8 */
	build_segment(build);
	build_trim(build, 3, 5, 6);
	build_key(build);
	expect_good(build, "told in what is gone");
}

/* After a crash the removal is told again. */
static void a_removal_may_be_told_twice(void **state)
{
	struct build *build = *state;
	struct build_file file;
	char detail[AUDIT_DETAIL_SIZE];

	build_trimmed(build);
	file = build_load(build, "tomb.0000000000000006");
	tombstone_detail(2, (const char *)file.bytes, detail);
	build_unload(&file);
	build_op(build, AUDIT_TRIMMED, 6, 3, detail);
	build_commit(build);
	expect_good(build, "twice");
}

static void an_event_that_tells_of_another_tombstone_is_found(void **state)
{
	static const struct {
		uint64_t first, records;
		const char *file;
		unsigned number;
	} ROWS[] = {
		{6, 4, "tomb.0000000000000006", 2}, /* how many there were */
		{6, 3, "tomb.0000000000000001", 2}, /* its digest */
		{6, 3, "tomb.0000000000000006", 3}, /* its number */
		{7, 3, "tomb.0000000000000006", 2}, /* there is none */
		{1, 5, "tomb.0000000000000001", 1}, /* back again */
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_report report;
		char detail[AUDIT_DETAIL_SIZE];

		if (i && (build_teardown(state) != 0 || build_setup_empty(state) != 0))
			fail_msg("no store for row %zu", i);

		struct build *build = *state;

		build_trimmed(build);

		struct build_file file = build_load(build, ROWS[i].file);

		tombstone_detail(ROWS[i].number, (const char *)file.bytes, detail);
		build_unload(&file);
		build_op(build, AUDIT_TRIMMED, ROWS[i].first, ROWS[i].records, detail);
		build_commit(build);
		expect_looks(build_verify(build, &report, NULL), &report, LOOKS_TOMBSTONE,
			     ROWS[i].file);
	}
}

/* ---- while it is written ---------------------------------------------------------------------- */

static void *write_on(void *context)
{
	struct build *build = context;

	for (unsigned i = 0; i < 12; i++) {
		for (unsigned k = 0; k < 20; k++) {
			build_reads(build, 20);
			build_note(build, NULL);
			build_key(build);
		}
		build_segment(build);
		build_reads(build, 1);
	}
	return NULL;
}

static void a_log_that_is_being_written_verifies(void **state)
{
	struct build *build = *state;
	const struct build reading = *build; /* its descriptors and who it is */
	struct audit_report report;
	pthread_t writer;
	uint64_t seen = 0;

	build_start(build, 1);
	assert_int_equal(pthread_create(&writer, NULL, write_on, build), 0);
	while (seen < 6 * 801 + 1) {
		struct bl_error why = {.text = ""};

		if (build_verify(&reading, &report, &why) != BL_OK)
			fail_msg("after record %llu: %s", (unsigned long long)seen, why.text);
		assert_true(report.last_sequence >= seen);
		seen = report.last_sequence;
	}
	pthread_join(writer, NULL);
}

/* Trims two segments more while the log is read, among them the one that tells of the first. */
struct trimmer {
	struct build *build;
	bool is_done;
};

static void trim_on(void *context, uint64_t done BL_UNUSED, uint64_t all BL_UNUSED,
		    uint64_t records BL_UNUSED)
{
	struct trimmer *trimmer = context;

	if (trimmer->is_done)
		return;
	trimmer->is_done = true;
	build_segment(trimmer->build);
	build_trim(trimmer->build, 2, 5, 7);
	build_trim(trimmer->build, 3, 8, 9);
}

static void a_log_that_is_trimmed_while_it_is_read_verifies(void **state)
{
	struct build *build = *state;
	struct trimmer trimmer = {.build = build};
	const struct audit_evidence evidence = {
		.kit = &build->kit, .progress = trim_on, .context = &trimmer};
	struct audit_report report;
	struct bl_error why = {.text = ""};

	build_start(build, 1);
	build_reads(build, 4);
	build_segment(build);
	build_reads(build, 3);
	build_segment(build);
	build_trim(build, 1, 0, 4);
	build_reads(build, 1);
	build_segment(build);
	build_reads(build, 2);
	if (build_verify_by(build, &evidence, &report, &why) != BL_OK)
		fail_msg("%s", why.text);
	assert_int_equal(report.trimmed_segments, 3);
	assert_true(trimmer.is_done);
}

#define TEST(name)  cmocka_unit_test_setup_teardown(name, build_setup, build_teardown)
#define EMPTY(name) cmocka_unit_test_setup_teardown(name, build_setup_empty, build_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_closed_log_is_good),
		TEST(progress_is_told_after_each_segment_up_to_the_end),
		EMPTY(a_log_that_was_only_made_is_good),
		TEST(every_flipped_byte_of_a_segment_is_found),
		TEST(every_flipped_byte_of_log_id_and_checkpoints_is_found),
		TEST(a_byte_flipped_in_both_copies_of_the_key_is_found),
		TEST(a_truncated_segment_is_found_at_every_byte),
		TEST(a_log_that_ends_earlier_than_it_did_is_found_at_every_byte),
		TEST(a_truncated_checkpoint_is_torn_and_vouches_for_nothing),
		TEST(frames_cut_off_are_missed_by_checkpoint_and_key),
		TEST(frames_dropped_swapped_or_doubled_are_told_apart),
		TEST(the_last_frames_of_an_earlier_segment_are_missed),
		TEST(what_was_put_behind_the_end_is_found),
		TEST(what_belongs_to_another_log_is_found),
		TEST(key_and_checkpoints_of_another_log_are_found),
		TEST(segments_missing_doubled_or_foreign_are_told_apart),
		TEST(files_that_are_no_part_of_it_are_ignored),
		TEST(a_changed_header_with_a_right_checksum_is_found),
		TEST(what_was_brought_is_blamed_when_it_is_of_another_log),
		TEST(a_log_without_its_log_id_is_still_one),
		TEST(what_is_no_regular_file_is_found_and_not_waited_for),
		TEST(files_of_checkpoints_may_be_many_and_empty),
		EMPTY(a_newer_log_is_not_called_broken),
		EMPTY(truncate_and_continue_is_found_by_the_kit),
		EMPTY(who_has_every_key_of_the_disk_can_forge_only_the_window_that_is_told),
		EMPTY(the_window_begins_with_the_older_copy_of_the_key),
		TEST(a_rewritten_chain_is_found_by_macs_or_by_its_checkpoint),
		TEST(a_key_that_is_not_of_its_frame_is_found),
		EMPTY(records_that_break_a_rule_are_found),
		cmocka_unit_test_setup_teardown(a_log_without_auditors_holds_no_names,
						scratch_setup, scratch_teardown),
		EMPTY(a_clock_that_goes_back_between_segments_of_one_boot_is_found),
		EMPTY(a_clock_may_begin_anew_with_a_boot),
		EMPTY(a_torn_tail_that_was_told_is_good),
		EMPTY(a_torn_tail_that_was_not_told_is_found),
		EMPTY(a_torn_tail_that_is_another_than_was_told_is_found),
		EMPTY(a_torn_tail_at_the_end_is_told_and_no_error),
		EMPTY(every_start_tells_what_was_forgeable_before_it),
		EMPTY(of_many_windows_the_newest_are_told),
		EMPTY(a_window_that_is_long_past_is_told_from_its_segment_on),
		EMPTY(silences_and_clock_steps_are_told),
		EMPTY(a_trimmed_log_is_good),
		EMPTY(every_flipped_byte_of_a_tombstone_is_found),
		EMPTY(tombstones_missing_or_misplaced_are_found),
		EMPTY(a_tombstone_that_no_event_tells_of_is_found),
		EMPTY(a_tombstone_beside_its_segment_must_be_that_segments),
		EMPTY(events_that_told_may_go_as_well),
		EMPTY(a_removal_may_be_told_twice),
		EMPTY(an_event_that_tells_of_another_tombstone_is_found),
		EMPTY(a_log_that_is_being_written_verifies),
		EMPTY(a_log_that_is_trimmed_while_it_is_read_verifies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
