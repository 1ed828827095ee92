/* Old segments become tombstones: step by step, dying at each of them, and never one that is not whole. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/framekey.h"
#include "fs/audit/note.h"
#include "fs/audit/trim.h"
#include "tests/unit/fs/audit/scratch.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

/* ---- a small log, built by hand -------------------------------------------------------------- */

#define S_NS   INT64_C(1000000000)
#define DAY    INT64_C(86400)
#define BEGUN  INT64_C(1767225600) /* 2026-01-01 00:00:00 UTC */
#define FRAMES 3u		   /* in a segment */
#define EACH   4u		   /* events in a frame */

struct log {
	struct scratch *scratch;
	int log_fd, notes_fd, segment_fd;
	struct log_identity identity;
	struct audit_kit kit;
	struct framekey key;
	uint8_t chain[AUDIT_DIGEST];
	uint64_t number, sequence, frame,
		at;	/* number: of the segment being written; else the next ones */
	int64_t now_ns; /* CLOCK_REALTIME; CLOCK_BOOTTIME is so much since BEGUN */
};

static int open_in(int folder_fd, const char *name)
{
	int fd = openat(folder_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static void put(int fd, const void *bytes, size_t length, uint64_t at)
{
	assert_int_equal(pwrite(fd, bytes, length, (off_t)at), length);
}

static void log_segment(struct log *log)
{
	struct segment_header header = {.number = ++log->number,
					.first_sequence = log->sequence,
					.first_frame = log->frame,
					.realtime_ns = log->now_ns,
					.boottime_ns = log->now_ns - BEGUN * S_NS,
					.size = SEGMENT_SMALLEST};
	uint8_t bytes[SEGMENT_HEADER];
	char name[SEGMENT_NAME_SIZE];

	memcpy(header.log_id, log->identity.log_id, LOG_ID_SIZE);
	memcpy(header.previous_chain, log->chain, AUDIT_DIGEST);
	format_segment(&header, bytes);
	chain_segment(log->chain, bytes);
	format_segment_name(log->sequence, name);
	fd_close(log->segment_fd);
	log->segment_fd = open_in(log->log_fd, name);
	assert_int_equal(ftruncate(log->segment_fd, SEGMENT_SMALLEST), 0);
	put(log->segment_fd, bytes, sizeof(bytes), 0);
	log->at = SEGMENT_HEADER;
}

static void log_frame(struct log *log, const struct audit_event *events, uint32_t count)
{
	static uint8_t frame[FRAME_LIMIT];
	struct frame_header header = {
		.number = log->frame, .first_sequence = log->sequence, .count = count};
	uint8_t leaf[AUDIT_DIGEST], mac[AUDIT_DIGEST];
	size_t length = FRAME_HEADER;

	for (uint32_t i = 0; i < count; i++) {
		size_t one = format_record(&events[i], frame + length);

		log->now_ns += S_NS;
		format_record_stamp(frame + length, log->sequence++, log->now_ns,
				    log->now_ns - BEGUN * S_NS);
		format_leaf(frame + length, one, leaf);
		chain_record(log->chain, leaf);
		length += one;
	}
	header.length = (uint32_t)(length + FRAME_TRAILER);
	format_frame(frame, &header, log->chain);
	framekey_mac(&log->key, frame, log->chain, mac);
	format_frame_mac(frame, header.length, mac);
	put(log->segment_fd, frame, header.length, log->at);
	log->at += header.length;
	log->frame++;
	framekey_next(&log->key);
}

static void log_note(struct log *log)
{
	struct note note = {.sequence = log->sequence - 1,
			    .frame = log->frame - 1,
			    .realtime_s = log->now_ns / S_NS};
	char text[NOTE_SIZE], name[NOTE_FILE_NAME];
	struct stat st;

	memcpy(note.log_id, log->identity.log_id, LOG_ID_SIZE);
	memcpy(note.chain, log->chain, AUDIT_DIGEST);
	note_write(&note, log->scratch->vault, text);
	note_file_name(note.realtime_s, name);

	int fd = open_in(log->notes_fd, name);

	assert_int_equal(fstat(fd, &st), 0);
	put(fd, text, sizeof(text), (uint64_t)st.st_size);
	close(fd);
}

/* A segment that is begun at the start of the @day-th day, with a checkpoint in its middle and one at its end. */
static void log_day(struct log *log, unsigned day)
{
	struct audit_event events[EACH];

	log->now_ns = (BEGUN + day * DAY) * S_NS;
	log_segment(log);
	for (unsigned i = 0; i < FRAMES; i++) {
		for (unsigned k = 0; k < EACH; k++)
			events[k] = scratch_event(i * EACH + k);
		log_frame(log, events, EACH);
		if (i != 1)
			log_note(log);
	}
}

static void log_identity_make(struct log *log)
{
	uint8_t bytes[LOG_ID_FILE_SIZE];
	int fd = open_in(log->log_fd, "log.id");

	randombytes_buf(log->kit.first, sizeof(log->kit.first));
	randombytes_buf(log->kit.log_id, sizeof(log->kit.log_id));
	memcpy(log->kit.public_key, vault_public_key(log->scratch->vault), VAULT_PUBLIC_KEY);
	log->kit.made_unix = BEGUN;
	memcpy(log->identity.log_id, log->kit.log_id, LOG_ID_SIZE);
	memcpy(log->identity.public_key, log->kit.public_key, VAULT_PUBLIC_KEY);
	framekey_commitment(log->kit.first, log->identity.commitment);
	log->identity.made_ns = BEGUN * S_NS;
	format_identity(&log->identity, bytes);
	put(fd, bytes, sizeof(bytes), 0);
	close(fd);
}

static int log_setup(void **state)
{
	struct log *log = calloc(1, sizeof(*log));
	void *scratch = NULL;

	if (!log || scratch_setup(&scratch) != 0)
		return -1;
	log->scratch = scratch;
	log->segment_fd = -1;
	log->sequence = log->frame = 1;
	if (mkdirat(log->scratch->store_fd, "log", 0700) != 0 ||
	    mkdirat(log->scratch->store_fd, "log/checkpoints", 0700) != 0)
		return -1;
	log->log_fd = scratch_log_fd(log->scratch);
	log->notes_fd = openat(log->log_fd, NOTE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log_identity_make(log);
	memcpy(log->chain, log->identity.genesis, AUDIT_DIGEST);
	framekey_first(log->kit.first, &log->key);
	*state = log;
	return framekey_create(audit_io_real(), log->log_fd, log->identity.log_id, &log->key,
			       NULL) == BL_OK
		       ? 0
		       : -1;
}

static int log_teardown(void **state)
{
	struct log *log = *state;
	void *scratch = log->scratch;

	fd_close(log->segment_fd);
	close(log->notes_fd);
	close(log->log_fd);
	free(log);
	return scratch_teardown(&scratch);
}

static struct log *log_new(void)
{
	void *log = NULL;

	if (log_setup(&log) != 0 || !log)
		abort();
	return log;
}

static void log_free(struct log *log)
{
	void *state = log;

	assert_int_equal(log_teardown(&state), 0);
}

/* ---- trimming it ----------------------------------------------------------------------------- */

enum death {
	DEATH_BEFORE, /* the n-th call is not done any more */
	DEATH_AFTER,  /* it is, but nobody gets to know */
	DEATH_WITHIN, /* a write is half done; anything else as before */
	DEATH_COUNT
};

/* Real until the n-th call; from then on everything fails, as for somebody who was killed. */
struct mortal {
	struct log *log;
	unsigned calls, last; /* last 0: lives for ever */
	enum death death;
	unsigned told;
};

/* May this call be done, and may the caller know? */
static bool lives(struct mortal *mortal, bool *out_is_done)
{
	bool is_alive = !mortal->last || ++mortal->calls < mortal->last;

	*out_is_done = is_alive || (mortal->calls == mortal->last && mortal->death == DEATH_AFTER);
	errno = EIO;
	return is_alive;
}

static int mortal_open(void *context, int dir_fd, const char *name, int flags, unsigned mode)
{
	bool is_done, is_alive = lives(context, &is_done);
	int fd = is_done ? audit_io_real()->open_at(NULL, dir_fd, name, flags, mode) : -1;

	if (is_alive || fd < 0)
		return fd;
	close(fd);
	errno = EIO;
	return -1;
}

static ssize_t mortal_write(void *context, int fd, const void *bytes, size_t length,
			    uint64_t offset)
{
	struct mortal *mortal = context;
	bool is_done, is_alive = lives(context, &is_done);

	if (mortal->calls == mortal->last && mortal->last && mortal->death == DEATH_WITHIN)
		put(fd, bytes, length / 2, offset);
	if (is_done)
		put(fd, bytes, length, offset);
	errno = EIO;
	return is_alive ? (ssize_t)length : -1;
}

static int mortal_sync(void *context, int fd BL_UNUSED)
{
	bool is_done;

	return lives(context, &is_done) ? 0 : -1;
}

static int mortal_rename(void *context, int dir_fd, const char *from, const char *to)
{
	bool is_done, is_alive = lives(context, &is_done);

	if (is_done)
		assert_int_equal(renameat(dir_fd, from, dir_fd, to), 0);
	errno = EIO;
	return is_alive ? 0 : -1;
}

static int64_t mortal_realtime(void *context BL_UNUSED)
{
	return (BEGUN + 400 * DAY) * S_NS;
}

static enum bl_status mortal_tell(void *context, const struct audit_event *event,
				  struct bl_error *why)
{
	struct mortal *mortal = context;
	bool is_done, is_alive = lives(mortal, &is_done);

	if (is_done) {
		log_frame(mortal->log, event, 1);
		mortal->told++;
	}
	return is_alive ? BL_OK : bl_fail(why, BL_LOG_BROKEN, "the log was closed");
}

static enum bl_status run(struct mortal *mortal, int64_t before_unix, size_t *out_segments,
			  struct bl_error *why)
{
	struct log *log = mortal->log;
	struct audit_io io = {.context = mortal,
			      .open_at = mortal_open,
			      .write_at = mortal_write,
			      .sync_data = mortal_sync,
			      .sync_dir = mortal_sync,
			      .rename_at = mortal_rename,
			      .realtime_ns = mortal_realtime,
			      .boottime_ns = mortal_realtime};
	struct trim trim = {.io = &io,
			    .log_fd = log->log_fd,
			    .vault = log->scratch->vault,
			    .identity = &log->identity,
			    .current_number = log->number,
			    .key_frame = UINT64_MAX,
			    .before_unix = before_unix,
			    .tell = mortal_tell,
			    .context = mortal};

	return trim_run(&trim, out_segments, why);
}

static size_t run_well(struct log *log, int64_t before_unix)
{
	struct mortal mortal = {.log = log};
	struct bl_error why = {""};
	size_t segments = 77;

	if (run(&mortal, before_unix, &segments, &why) != BL_OK)
		fail_msg("%s", why.text);
	return segments;
}

static void check_verifies(struct log *log, const char *what, struct audit_report *out_report)
{
	struct audit_evidence evidence = {.kit = &log->kit};
	struct bl_error why = {""};

	if (audit_verify(log->log_fd, &evidence, out_report, &why) != BL_OK)
		fail_msg("%s: verify says: %s", what, why.text);
	assert_true(out_report->has_macs);
}

static bool is_there(int folder_fd, const char *name)
{
	return faccessat(folder_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool has_segment(const struct log *log, uint64_t first)
{
	char name[SEGMENT_NAME_SIZE];

	format_segment_name(first, name);
	return is_there(log->log_fd, name);
}

static bool has_tombstone(const struct log *log, uint64_t first)
{
	char name[TOMBSTONE_NAME_SIZE];

	tombstone_name(first, name);
	return is_there(log->log_fd, name);
}

static uint64_t first_of(unsigned segment)
{
	return 1 + (uint64_t)segment * FRAMES * EACH;
}

/* ---- how far --------------------------------------------------------------------------------- */

#define SEGMENTS 6u

static void build(struct log *log)
{
	for (unsigned i = 0; i < SEGMENTS; i++)
		log_day(log, i);
}

static void segments_that_ended_before_the_date_go_and_no_others(void **state)
{
	/* The n-th segment was begun on day n and ended when the next one was begun. */
	static const struct {
		const char *what;
		int64_t before_unix;
		size_t goes;
	} ROWS[] = {
		{"before all of them", BEGUN, 0},
		{"when the second one was begun", BEGUN + DAY, 0},
		{"a second later", BEGUN + DAY + 1, 1},
		{"in the middle of the third", BEGUN + 5 * DAY / 2, 2},
		{"in the last but two", BEGUN + 4 * DAY - 1, 3},
		{"the end of the last but two", BEGUN + 4 * DAY + 1, 4},
		{"never the one before the one being written", BEGUN + 5 * DAY + 1, 4},
		{"nor that one", BEGUN + 1000 * DAY, 4},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct log *log = log_new();
		struct audit_report report;

		build(log);

		size_t went = run_well(log, ROWS[i].before_unix);

		if (went != ROWS[i].goes)
			fail_msg("%s: %zu went, not %zu", ROWS[i].what, went, ROWS[i].goes);
		for (unsigned k = 0; k < SEGMENTS; k++)
			if (has_segment(log, first_of(k)) != (k >= went) ||
			    has_tombstone(log, first_of(k)) != (k < went))
				fail_msg("%s: segment %u and its tombstone", ROWS[i].what, k);
		check_verifies(log, ROWS[i].what, &report);
		assert_int_equal(report.trimmed_segments, went);
		assert_int_equal(report.trimmed_records, went * FRAMES * EACH);
		log_free(log);
	}
}

static void a_log_of_two_segments_or_less_is_left_alone(void **state)
{
	struct log *log = *state;

	assert_int_equal(run_well(log, INT64_MAX), 0);
	log_day(log, 0);
	assert_int_equal(run_well(log, INT64_MAX), 0);
	log_day(log, 1);
	assert_int_equal(run_well(log, INT64_MAX), 0);
	assert_true(has_segment(log, 1));
}

static void what_was_trimmed_before_is_followed_on(void **state)
{
	struct log *log = *state;
	struct audit_report report;

	build(log);
	for (unsigned day = 1; day <= 4; day++)
		assert_int_equal(run_well(log, BEGUN + day * DAY + 1), 1);
	check_verifies(log, "one by one", &report);
	assert_int_equal(report.trimmed_segments, 4);
}

static void more_segments_than_are_looked_at_at_once_go_too(void **state)
{
	struct log *log = *state;
	struct audit_report report;

	for (unsigned i = 0; i < 150; i++)
		log_day(log, i);
	assert_int_equal(run_well(log, BEGUN + 140 * DAY + 1), 140);
	check_verifies(log, "many", &report);
	assert_int_equal(report.trimmed_segments, 140);
}

struct trimmed {
	struct log *log;
	unsigned count;
};

static bool check_trimmed(void *context, const struct audit_record *record)
{
	struct trimmed *trimmed = context;
	char bytes[TOMBSTONE_SIZE], detail[AUDIT_DETAIL_SIZE];
	struct tombstone tombstone;

	if (record->event.op != AUDIT_TRIMMED)
		return true;
	assert_int_equal(record->event.offset, first_of(trimmed->count));
	assert_int_equal(record->event.bytes, FRAMES * EACH);
	assert_int_equal(record->event.uid, UINT32_MAX);
	assert_int_equal(tombstone_read(trimmed->log->log_fd, first_of(trimmed->count),
					trimmed->log->kit.public_key, &tombstone, bytes, NULL),
			 BL_OK);
	assert_int_equal(tombstone.number, trimmed->count + 1);
	assert_int_equal(tombstone.begun_s, BEGUN + trimmed->count * DAY);
	assert_int_equal(tombstone.removed_s, BEGUN + 400 * DAY);
	tombstone_detail(tombstone.number, bytes, detail);
	assert_string_equal(record->event.detail, detail);
	trimmed->count++;
	return true;
}

static void each_segment_that_went_is_told_with_its_tombstone(void **state)
{
	struct log *log = *state;
	struct trimmed trimmed = {.log = log};

	build(log);
	assert_int_equal(run_well(log, BEGUN + 3 * DAY + 1), 3);
	assert_int_equal(audit_scan(log->log_fd, check_trimmed, &trimmed, NULL), BL_OK);
	assert_int_equal(trimmed.count, 3);
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

static void count_note_files(const struct log *log, bool is_kept[SEGMENTS])
{
	for (unsigned i = 0; i < SEGMENTS; i++) {
		char name[NOTE_FILE_NAME];

		note_file_name(BEGUN + i * DAY, name);
		is_kept[i] = is_there(log->notes_fd, name);
	}
}

static void files_of_checkpoints_go_with_the_records_they_speak_of(void **state)
{
	struct log *log = *state;
	bool is_kept[SEGMENTS];

	build(log);
	assert_int_equal(run_well(log, BEGUN + 3 * DAY + 1), 3);
	count_note_files(log, is_kept);
	for (unsigned i = 0; i < SEGMENTS; i++)
		if (is_kept[i] != (i >= 3))
			fail_msg("file of day %u: %s", i, is_kept[i] ? "there" : "gone");
}

static void a_file_with_one_checkpoint_of_what_is_there_stays(void **state)
{
	struct log *log = *state;
	bool is_kept[SEGMENTS];

	/* The second segment is begun, and noted, on the first day. */
	log_day(log, 0);
	log_segment(log);
	for (unsigned i = 0; i < 2; i++) {
		struct audit_event event = scratch_event(i);

		log_frame(log, &event, 1);
	}
	log_note(log);
	for (unsigned i = 1; i < SEGMENTS; i++)
		log_day(log, i);
	assert_int_equal(run_well(log, BEGUN + DAY), 1);
	count_note_files(log, is_kept);
	assert_true(is_kept[0]);
	assert_int_equal(run_well(log, BEGUN + DAY + 1), 1);
	count_note_files(log, is_kept);
	assert_false(is_kept[0]);
	assert_true(is_kept[1]);
}

static void the_newest_file_of_checkpoints_stays_whatever_it_says(void **state)
{
	struct log *log = *state;
	struct audit_event event = scratch_event(1);
	bool is_kept[SEGMENTS];

	log_day(log, 0);
	log_day(log, 1);
	for (unsigned i = 2; i < SEGMENTS; i++) {
		log->now_ns += DAY * S_NS;
		log_segment(log);
		log_frame(log, &event, 1);
	}
	assert_int_equal(run_well(log, INT64_MAX), 4);
	count_note_files(log, is_kept);
	assert_false(is_kept[0]);
	assert_true(is_kept[1]);
}

/* ---- what is not whole stays ----------------------------------------------------------------- */

static void change_byte(int folder_fd, const char *name, uint64_t at)
{
	int fd = open_in(folder_fd, name);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 1;
	put(fd, &byte, 1, at);
	close(fd);
}

static void segment_name(unsigned segment, char out[SEGMENT_NAME_SIZE])
{
	format_segment_name(first_of(segment), out);
}

static void break_first_record(struct log *log)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(1, name);
	change_byte(log->log_fd, name, SEGMENT_HEADER + FRAME_HEADER + 40);
}

static void break_last_frame(struct log *log)
{
	char name[SEGMENT_NAME_SIZE];

	/* They are all as long as the last one. */
	segment_name(1, name);
	change_byte(log->log_fd, name, log->at - FRAME_TRAILER - 10);
}

static void break_header(struct log *log)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(1, name);
	change_byte(log->log_fd, name, 140);
}

static void break_zeros(struct log *log)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(1, name);
	change_byte(log->log_fd, name, SEGMENT_SMALLEST - 1);
}

static void leave_torn_bytes(struct log *log)
{
	char name[SEGMENT_NAME_SIZE];
	uint8_t frame[FRAME_HEADER];
	int fd;

	segment_name(1, name);
	fd = open_in(log->log_fd, name);
	/* What a torn frame would look like; but the next segment does not tell of it. */
	for (uint64_t at = SEGMENT_HEADER;;) {
		struct frame_header header;

		assert_int_equal(pread(fd, frame, sizeof(frame), (off_t)at), sizeof(frame));
		if (!format_frame_header_parse(frame, &header)) {
			put(fd, "BLFR", 4, at);
			break;
		}
		at += header.length;
	}
	close(fd);
}

static void cut_segment(struct log *log)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(1, name);
	close(open_in(log->log_fd, name));

	int fd = open_in(log->log_fd, name);

	assert_int_equal(ftruncate(fd, SEGMENT_SMALLEST - 4096), 0);
	close(fd);
}

/* All of it made anew by somebody, right in itself, with one record changed. */
static void make_anew(struct log *log)
{
	struct log forged = *log;
	struct segment_header header;
	uint8_t bytes[SEGMENT_HEADER];
	struct audit_event events[EACH];
	char name[SEGMENT_NAME_SIZE];
	int fd;

	segment_name(1, name);
	fd = open_in(log->log_fd, name);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	close(fd);
	assert_int_equal(unlinkat(log->log_fd, name, 0), 0);
	assert_null(format_segment_parse(bytes, &header));
	forged.segment_fd = -1;
	forged.number = header.number - 1;
	forged.sequence = header.first_sequence;
	forged.frame = header.first_frame;
	forged.now_ns = header.realtime_ns;
	memcpy(forged.chain, header.previous_chain, AUDIT_DIGEST);
	log_segment(&forged);
	for (unsigned i = 0; i < FRAMES; i++) {
		for (unsigned k = 0; k < EACH; k++) {
			events[k] = scratch_event(i * EACH + k);
			events[k].uid += i == 2 && k == 3;
		}
		log_frame(&forged, events, EACH);
	}
	close(forged.segment_fd);
}

static void lose_segment(struct log *log)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(1, name);
	assert_int_equal(unlinkat(log->log_fd, name, 0), 0);
}

static void add_foreign_segment(struct log *log)
{
	close(open_in(log->log_fd, "seg.000000000000000G"));
}

static void add_foreign_tombstone(struct log *log)
{
	close(open_in(log->log_fd, "tomb.1"));
}

static void put_tombstone(struct log *log, const struct vault *vault, uint64_t last)
{
	struct tombstone tombstone = {.number = 2,
				      .first_sequence = first_of(1),
				      .last_sequence = last,
				      .first_frame = FRAMES + 1,
				      .last_frame = 2 * FRAMES,
				      .begun_s = BEGUN + DAY,
				      .removed_s = BEGUN + 30 * DAY};
	char bytes[TOMBSTONE_SIZE];

	memcpy(tombstone.log_id, log->identity.log_id, LOG_ID_SIZE);
	tombstone_write(&tombstone, vault, bytes);
	assert_int_equal(tombstone_keep(audit_io_real(), log->log_fd, first_of(1), bytes, NULL),
			 BL_OK);
}

static void add_tombstone_of_another_key(struct log *log)
{
	void *other = NULL;

	if (scratch_setup(&other) != 0 || !other)
		abort();
	put_tombstone(log, ((struct scratch *)other)->vault, first_of(2) - 1);
	assert_int_equal(scratch_teardown(&other), 0);
}

static void add_tombstone_of_something_else(struct log *log)
{
	put_tombstone(log, log->scratch->vault, first_of(2));
}

static void what_is_not_whole_stays_and_is_told(void **state)
{
	static const struct {
		const char *what;
		void (*spoil)(struct log *log);
		size_t goes; /* before it is noticed */
	} ROWS[] = {
		/* What follows a segment speaks for it: so one is not enough to let the one before go. */
		{"its first record is changed", break_first_record, 0},
		{"its last record is changed", break_last_frame, 1},
		{"a header is changed", break_header, 0}, /* it says when the one before ended */
		{"something stands behind the last frame", break_zeros, 1},
		{"torn bytes that nobody told of", leave_torn_bytes, 1},
		{"it is too short", cut_segment, 0},
		{"it was made anew", make_anew, 1},
		{"it is missing", lose_segment, 0},
		{"a segment of somebody else", add_foreign_segment, 0},
		{"a tombstone of somebody else", add_foreign_tombstone, 0},
		{"its tombstone is not signed by us", add_tombstone_of_another_key, 1},
		{"its tombstone speaks of something else", add_tombstone_of_something_else, 1},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct log *log = log_new();
		struct bl_error why = {""};
		size_t segments = 77;
		struct mortal mortal = {.log = log};

		build(log);

		uint64_t sequence = log->sequence;

		ROWS[i].spoil(log);

		bool has_one = has_tombstone(log, first_of(1));
		enum bl_status status = run(&mortal, BEGUN + 4 * DAY + 1, &segments, &why);

		if (status != BL_TAMPERED || segments != ROWS[i].goes || !why.text[0])
			fail_msg("%s: %s, %zu went: %s", ROWS[i].what, bl_status_name(status),
				 segments, why.text);
		if (has_segment(log, first_of(1)) != (ROWS[i].spoil != lose_segment) ||
		    has_tombstone(log, first_of(1)) != has_one || !has_segment(log, first_of(2)))
			fail_msg("%s: it went all the same", ROWS[i].what);
		if (mortal.told != segments || log->sequence != sequence + segments)
			fail_msg("%s: %u told", ROWS[i].what, mortal.told);
		log_free(log);
	}
}

static void a_file_of_checkpoints_that_was_changed_stays_and_is_told(void **state)
{
	static const struct {
		const char *what;
		uint64_t at;
	} ROWS[] = {
		{"its first", 60},
		{"its last", NOTE_SIZE + 60},
		{"a signature", NOTE_SIZE + 200},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct log *log = log_new();
		struct bl_error why = {""};
		char name[NOTE_FILE_NAME];
		size_t segments;
		bool is_kept[SEGMENTS];
		struct mortal mortal = {.log = log};

		build(log);
		note_file_name(BEGUN + DAY, name);
		change_byte(log->notes_fd, name, ROWS[i].at);
		if (run(&mortal, BEGUN + 3 * DAY + 1, &segments, &why) != BL_TAMPERED)
			fail_msg("%s: it was not noticed", ROWS[i].what);
		count_note_files(log, is_kept);
		if (is_kept[0] || !is_kept[1] || !is_kept[2])
			fail_msg("%s: files %d %d %d", ROWS[i].what, is_kept[0], is_kept[1],
				 is_kept[2]);
		log_free(log);
	}
}

/* ---- dying at each step ---------------------------------------------------------------------- */

static unsigned count_files(int folder_fd)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fdopendir(fd);
	unsigned count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* As if nobody had ever died: the same segments, tombstones and checkpoints, and nothing else. */
static void check_end(struct log *log, const char *what)
{
	struct audit_report report;
	bool is_kept[SEGMENTS];

	for (unsigned i = 0; i < SEGMENTS; i++)
		if (has_segment(log, first_of(i)) != (i >= 3) ||
		    has_tombstone(log, first_of(i)) != (i < 3))
			fail_msg("%s: segment %u", what, i);
	count_note_files(log, is_kept);
	for (unsigned i = 0; i < SEGMENTS; i++)
		if (is_kept[i] != (i >= 3))
			fail_msg("%s: checkpoints of day %u", what, i);
	/* log.id, key, checkpoints; . and .. */
	assert_int_equal(count_files(log->log_fd), SEGMENTS + 5);
	assert_int_equal(count_files(log->notes_fd), 3 + 2);
	check_verifies(log, what, &report);
	assert_int_equal(report.trimmed_segments, 3);
}

/* One death, and another life. False: there was no such call. */
static bool die_once(unsigned call, enum death death)
{
	struct log *log = log_new();
	struct audit_report report;
	char what[64];
	size_t segments;

	snprintf(what, sizeof(what), "died at call %u (%d)", call, (int)death);

	struct mortal mortal = {.log = log, .last = call, .death = death};

	build(log);

	enum bl_status status = run(&mortal, BEGUN + 3 * DAY + 1, &segments, NULL);
	bool has_died = status != BL_OK;

	if (has_died && status != BL_IO && status != BL_LOG_BROKEN)
		fail_msg("%s: %s", what, bl_status_name(status));
	check_verifies(log, what, &report);
	if (has_died) {
		struct mortal again = {.log = log};
		size_t rest;

		if (run(&again, BEGUN + 3 * DAY + 1, &rest, NULL) != BL_OK)
			fail_msg("%s: not taken up again", what);
		if (segments + rest != 3)
			fail_msg("%s: %zu and %zu went", what, segments, rest);
		/* Told once, or twice where it died in between. */
		if (mortal.told + again.told < 3 || mortal.told + again.told > 4)
			fail_msg("%s: told %u and %u times", what, mortal.told, again.told);
	}
	check_end(log, what);
	log_free(log);
	return has_died;
}

static void whoever_dies_at_any_call_is_taken_up_again(void **state)
{
	(void)state;
	for (enum death death = DEATH_BEFORE; death < DEATH_COUNT; death++) {
		unsigned call = 1;

		while (die_once(call, death))
			call++;
		/* At least: open, write, sync, rename, sync, tell, sync for each of three. */
		assert_true(call > 21);
	}
}

static void what_a_crash_left_half_done_is_finished_whatever_the_date(void **state)
{
	struct log *log = *state;
	struct mortal mortal = {.log = log, .last = 6, .death = DEATH_BEFORE};
	struct audit_report report;
	size_t segments;

	build(log);
	assert_int_not_equal(run(&mortal, BEGUN + DAY + 1, &segments, NULL), BL_OK);
	assert_int_equal(segments, 0);
	assert_true(has_tombstone(log, 1));
	assert_true(has_segment(log, 1));
	assert_int_equal(run_well(log, INT64_MIN), 1);
	assert_false(has_segment(log, 1));
	assert_true(has_segment(log, first_of(1)));
	check_verifies(log, "finished", &report);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_that_ended_before_the_date_go_and_no_others),
		TEST(a_log_of_two_segments_or_less_is_left_alone),
		TEST(what_was_trimmed_before_is_followed_on),
		TEST(more_segments_than_are_looked_at_at_once_go_too),
		TEST(each_segment_that_went_is_told_with_its_tombstone),
		TEST(files_of_checkpoints_go_with_the_records_they_speak_of),
		TEST(a_file_with_one_checkpoint_of_what_is_there_stays),
		TEST(the_newest_file_of_checkpoints_stays_whatever_it_says),
		cmocka_unit_test(what_is_not_whole_stays_and_is_told),
		cmocka_unit_test(a_file_of_checkpoints_that_was_changed_stays_and_is_told),
		cmocka_unit_test(whoever_dies_at_any_call_is_taken_up_again),
		TEST(what_a_crash_left_half_done_is_finished_whatever_the_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
