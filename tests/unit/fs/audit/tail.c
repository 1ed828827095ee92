/* The log's records in order, in pieces, while it is written, trimmed, torn and broken; and one of them again. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/tail.h"
#include "tests/unit/fs/audit/build.h"

#include <inttypes.h>

#define MOST 2000

/* What was told: of events where they stand, of names nothing; each sequence number once and in order. */
struct told {
	uint64_t next; /* 0: any */
	size_t events, names, segments;
	struct audit_record records[MOST];
	unsigned stop_after; /* 0: never */
};

static bool goes_on(struct told *told)
{
	return !told->stop_after || --told->stop_after > 0;
}

static bool take_event(void *context, const struct audit_record *record)
{
	struct told *told = context;

	if (told->next)
		assert_int_equal(record->sequence, told->next);
	told->next = record->sequence + 1;
	assert_true(told->events < MOST);
	told->records[told->events++] = *record;
	return goes_on(told);
}

static bool take_name(void *context, const struct audit_named *named)
{
	struct told *told = context;

	if (told->next)
		assert_int_equal(named->sequence, told->next);
	told->next = named->sequence + 1;
	told->names++;
	return goes_on(told);
}

static bool take_segment(void *context, const struct audit_segment *segment)
{
	struct told *told = context;

	told->segments++;
	return segment->number > 0;
}

static struct audit_listener listener_of(struct told *told)
{
	return (struct audit_listener){
		.record = take_event, .named = take_name, .segment = take_segment, .context = told};
}

static enum bl_status follow(struct audit_tail *tail, uint64_t to, struct told *told)
{
	struct audit_listener listener = listener_of(told);
	struct bl_error why = {.text = ""};

	return audit_tail_next(tail, to, &listener, &why);
}

static struct audit_tail *open_tail(const struct build *build, uint64_t from)
{
	struct audit_tail *tail = NULL;
	struct bl_error why = {.text = ""};

	if (audit_tail_open(build->log_fd, from, &tail, &why) != BL_OK)
		fail_msg("%s", why.text);
	return tail;
}

static struct told *new_told(uint64_t next)
{
	struct told *told = test_calloc(1, sizeof(*told));

	told->next = next;
	return told;
}

static void expect_same(const struct told *told, const struct told *all)
{
	assert_int_equal(told->events, all->events);
	assert_int_equal(told->names, all->names);
	for (size_t i = 0; i < told->events; i++) {
		assert_int_equal(told->records[i].sequence, all->records[i].sequence);
		assert_memory_equal(told->records[i].event.token, all->records[i].event.token,
				    AUDIT_TOKEN);
		assert_int_equal(told->records[i].place.offset, all->records[i].place.offset);
	}
}

/* Something more: a frame of a few events and names, or a segment. */
static void grow(struct build *build)
{
	unsigned count = 1 + randombytes_uniform(4);

	if (build->sequence == 1 || randombytes_uniform(8) == 0) {
		build_start(build, 1);
		return;
	}
	while (count--) {
		struct audit_event event = scratch_event((unsigned)build->sequence);

		if (build->identity.auditor_count && randombytes_uniform(4) == 0)
			build_name(build, (unsigned)build->sequence, 1 + randombytes_uniform(4000));
		build_event(build, &event);
	}
	build_commit(build);
}

static void what_comes_is_told_once_and_in_order(void **state)
{
	struct build *build = build_new(*state, true);
	struct told *told = new_told(1), *all = new_told(1);

	grow(build);

	BL_CLEANUP(audit_tail_close) struct audit_tail *tail = open_tail(build, 0);

	for (unsigned i = 0; i < 400 && build->sequence < MOST - 100; i++) {
		grow(build);
		told->stop_after = randombytes_uniform(3) ? 0 : 1 + randombytes_uniform(9);
		assert_int_equal(follow(tail,
					randombytes_uniform(3) == 0
						? UINT64_MAX
						: randombytes_uniform((uint32_t)build->sequence),
					told),
				 BL_OK);
		assert_int_equal(audit_tail_sequence(tail), told->next);
	}
	told->stop_after = 0;
	assert_int_equal(follow(tail, UINT64_MAX, told), BL_OK);
	assert_int_equal(told->next, build->sequence);
	struct audit_listener listener = listener_of(all);

	assert_int_equal(audit_scan_names(build->log_fd, 0, &listener, NULL), BL_OK);
	expect_same(told, all);
	assert_int_equal(told->segments, all->segments);
	test_free(told);
	test_free(all);
	build_free(build);
}

static void it_begins_at_any_record(void **state)
{
	struct build *build = build_new(*state, true);

	while (build->sequence < 120)
		grow(build);
	for (uint64_t from = 1; from < build->sequence + 3; from++) {
		BL_CLEANUP(audit_tail_close) struct audit_tail *tail = open_tail(build, from);
		struct told *told = new_told(from);

		assert_int_equal(follow(tail, UINT64_MAX, told), BL_OK);
		assert_int_equal(told->next, BL_MAX(from, build->sequence));
		test_free(told);
	}
	build_free(build);
}

/* Three segments of 5, 5 and a few records. */
static struct build *three_segments(void **state)
{
	struct build *build = build_new(*state, false);

	for (unsigned i = 0; i < 3; i++) {
		build_start(build, build->frame);
		build_reads(build, 4);
	}
	return build;
}

static void what_was_trimmed_is_passed_over(void **state)
{
	struct build *build = three_segments(state);
	struct told *told = new_told(1);

	BL_CLEANUP(audit_tail_close) struct audit_tail *tail = open_tail(build, 0);

	assert_int_equal(follow(tail, 3, told), BL_OK);
	assert_int_equal(audit_tail_oldest(tail), 1);
	build_trim(build, 1, 0, 4);
	build_trim(build, 2, 5, 9);

	/* The segment at hand is read to its end; then comes the first that is there. */
	told->stop_after = 2;
	assert_int_equal(follow(tail, UINT64_MAX, told), BL_OK);
	assert_int_equal(told->next, 6);
	told->stop_after = 0;
	told->next = 0;
	assert_int_equal(follow(tail, UINT64_MAX, told), BL_OK);
	assert_int_equal(told->events, 5 + 7);
	assert_int_equal(told->records[5].sequence, 11);
	assert_int_equal(audit_tail_oldest(tail), 11);

	BL_CLEANUP(audit_tail_close) struct audit_tail *late = open_tail(build, 7);
	struct told *rest = new_told(11);

	assert_int_equal(audit_tail_oldest(late), 11);
	assert_int_equal(follow(late, UINT64_MAX, rest), BL_OK);
	assert_int_equal(rest->events, 7);
	test_free(told);
	test_free(rest);
	build_free(build);
}

static void half_a_frame_is_left_for_the_next_time(void **state)
{
	struct build *build = three_segments(state);
	struct told *told = new_told(1);
	uint8_t bytes[4096];

	build_reads(build, 1);

	const struct build_frame *frame = &build->frames[build->frame_count - 1];

	assert_int_equal(pread(build->fd, bytes, frame->length, (off_t)frame->at), frame->length);
	for (uint32_t have = 0; have < frame->length; have += 1 + frame->length / 50) {
		static const uint8_t NONE[4096];

		assert_int_equal(pwrite(build->fd, NONE, frame->length, (off_t)frame->at),
				 frame->length);
		assert_int_equal(pwrite(build->fd, bytes, have, (off_t)frame->at), have);

		BL_CLEANUP(audit_tail_close) struct audit_tail *tail = open_tail(build, 0);

		told->next = 1;
		told->events = 0;
		for (unsigned again = 0; again < 2; again++) {
			assert_int_equal(follow(tail, UINT64_MAX, told), BL_OK);
			assert_int_equal(told->next, frame->sequence);
		}
		assert_int_equal(pwrite(build->fd, bytes, frame->length, (off_t)frame->at),
				 frame->length);
		assert_int_equal(follow(tail, UINT64_MAX, told), BL_OK);
		assert_int_equal(told->next, frame->sequence + 1);
	}
	test_free(told);
	build_free(build);
}

static void a_segment_without_frames_may_be_replaced(void **state)
{
	struct build *build = three_segments(state);
	struct told *told = new_told(1);

	build_segment(build);

	BL_CLEANUP(audit_tail_close) struct audit_tail *tail = open_tail(build, 0);
	char name[SEGMENT_NAME_SIZE];

	assert_int_equal(follow(tail, UINT64_MAX, told), BL_OK);
	assert_int_equal(told->next, 16);

	/* As recovery does it: number and chain are those of the one that goes. */
	struct segment_header header;
	uint8_t bytes[SEGMENT_HEADER];

	assert_int_equal(pread(build->fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	assert_null(format_segment_parse(bytes, &header));
	format_segment_name(16, name);
	assert_int_equal(unlinkat(build->log_fd, name, 0), 0);
	build->number--;
	memcpy(build->chain, header.previous_chain, AUDIT_DIGEST);
	build_start(build, build->frame);
	build_reads(build, 2);
	assert_int_equal(follow(tail, UINT64_MAX, told), BL_OK);
	assert_int_equal(told->next, build->sequence);
	test_free(told);
	build_free(build);
}

static void spoil(const struct build *build, size_t frame, uint64_t offset)
{
	const struct build_frame *at = &build->frames[frame];
	char name[SEGMENT_NAME_SIZE];
	uint8_t byte;

	format_segment_name(at->segment, name);

	BL_CLEANUP(fd_close) int fd = openat(build->log_fd, name, O_RDWR | O_CLOEXEC);

	assert_int_equal(pread(fd, &byte, 1, (off_t)(at->at + offset)), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)(at->at + offset)), 1);
}

/* What is good is told, then what is wrong, and the same when it is asked again. */
static void expect_broken(const struct build *build, uint64_t good)
{
	BL_CLEANUP(audit_tail_close) struct audit_tail *tail = open_tail(build, 0);
	struct told *told = new_told(1);

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(follow(tail, UINT64_MAX, told), BL_TAMPERED);
		assert_int_equal(told->next, good + 1);
		assert_int_equal(told->events, good);
	}
	/* Who asks for no more than that is told nothing of it. */
	assert_int_equal(follow(tail, good, told), BL_OK);
	test_free(told);
}

static void a_broken_log_is_told_as_far_as_it_is_good(void **state)
{
	struct build *build = three_segments(state);

	spoil(build, 7, 3); /* its magic */
	expect_broken(build, 7);
	spoil(build, 7, 3);
	spoil(build, 2, FRAME_HEADER + 8); /* a sequence number */
	expect_broken(build, 2);
	spoil(build, 2, FRAME_HEADER + 8);
	build_free(build);
}

static void a_missing_segment_is_told(void **state)
{
	struct build *build = three_segments(state);
	char name[SEGMENT_NAME_SIZE];

	format_segment_name(6, name);
	assert_int_equal(unlinkat(build->log_fd, name, 0), 0);
	expect_broken(build, 5);
	format_segment_name(1, name);
	assert_int_equal(unlinkat(build->log_fd, name, 0), 0);

	struct audit_tail *tail = NULL;

	assert_int_equal(audit_tail_open(build->log_fd, 0, &tail, NULL), BL_TAMPERED);
	assert_int_equal(audit_tail_open((*(struct scratch **)state)->store_fd, 0, &tail, NULL),
			 BL_INVALID);
	build_free(build);
}

static void an_empty_log_has_nothing_to_tell(void **state)
{
	struct build *build = build_new(*state, false);
	struct told *told = new_told(1);

	BL_CLEANUP(audit_tail_close) struct audit_tail *tail = open_tail(build, 0);

	assert_int_equal(follow(tail, UINT64_MAX, told), BL_OK);
	assert_int_equal(told->next, 1);
	build_start(build, 1);
	assert_int_equal(follow(tail, UINT64_MAX, told), BL_OK);
	assert_int_equal(told->next, 2);
	test_free(told);
	build_free(build);
}

/* ---- one again ------------------------------------------------------------------------------- */

static void a_record_is_found_where_it_stands(void **state)
{
	struct build *build = build_new(*state, true);
	struct told *told = new_told(1);

	while (build->sequence < 200)
		grow(build);

	BL_CLEANUP(audit_tail_close) struct audit_tail *tail = open_tail(build, 0);
	BL_CLEANUP(audit_reader_close) struct audit_reader *reader = NULL;

	assert_int_equal(follow(tail, UINT64_MAX, told), BL_OK);
	assert_int_equal(audit_reader_open(build->log_fd, &reader, NULL), BL_OK);
	for (size_t i = 0; i < told->events; i++) {
		const struct audit_record *record = &told->records[i * 7 % told->events];
		struct audit_record again = {.sequence = 0};

		assert_int_equal(audit_reader_at(reader, record->place.segment_first,
						 record->place.offset, record->sequence, &again,
						 NULL),
				 BL_OK);
		assert_int_equal(again.realtime_ns, record->realtime_ns);
		assert_int_equal(again.event.op, record->event.op);
		assert_int_equal(again.place.offset, record->place.offset);
		for (unsigned wrong = 0; wrong < 3; wrong++)
			assert_int_equal(
				audit_reader_at(reader,
						record->place.segment_first + (wrong == 0) * 7919,
						record->place.offset + (wrong == 1),
						record->sequence + (wrong == 2), &again, NULL),
				BL_NOT_FOUND);
	}
	assert_int_equal(audit_reader_at(reader, 1, 0, 1, &told->records[0], NULL), BL_NOT_FOUND);
	assert_int_equal(audit_reader_at(reader, 1, UINT64_MAX, 1, &told->records[0], NULL),
			 BL_NOT_FOUND);
	assert_int_equal(audit_reader_at(reader, 1, SCRATCH_SEGMENT, 1, &told->records[0], NULL),
			 BL_NOT_FOUND);
	test_free(told);
	build_free(build);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_comes_is_told_once_and_in_order),
		TEST(it_begins_at_any_record),
		TEST(what_was_trimmed_is_passed_over),
		TEST(half_a_frame_is_left_for_the_next_time),
		TEST(a_segment_without_frames_may_be_replaced),
		TEST(a_broken_log_is_told_as_far_as_it_is_good),
		TEST(a_missing_segment_is_told),
		TEST(an_empty_log_has_nothing_to_tell),
		TEST(a_record_is_found_where_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
