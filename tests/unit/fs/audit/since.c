/* Reading the end of a long log: what is old is left out, and a clock that went back hides nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/format.h"
#include "tests/unit/fs/audit/scratch.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#define HOUR   INT64_C(3600)
#define DAY    (24 * HOUR)
#define START  (INT64_C(20000) * DAY)
#define SECOND INT64_C(1000000000)
#define MOST   6

/* A clock that the test sets; the log's own thread reads it too. */
struct clock {
	atomic_llong realtime_ns, boottime_ns;
};

static int64_t realtime(void *context)
{
	return atomic_load(&((struct clock *)context)->realtime_ns);
}

static int64_t boottime(void *context)
{
	return atomic_load(&((struct clock *)context)->boottime_ns);
}

/* One segment: when it was begun, when its event was written; days. */
struct part {
	double begun, event;
	double up;	 /* since the event of the one before, by a clock that nobody sets */
	bool is_of_boot; /* the machine was started anew before it */
};

static void set_clock(struct clock *clock, double days)
{
	atomic_store(&clock->realtime_ns, (START + (int64_t)(days * (double)DAY)) * SECOND);
}

static void pass_time(struct clock *clock, double days)
{
	atomic_fetch_add(&clock->boottime_ns, (int64_t)(days * (double)DAY) * SECOND);
}

static void write_part(const struct scratch *scratch, const struct audit_io *io,
		       struct clock *clock, const struct part *part, unsigned number)
{
	struct audit_event event = scratch_event(number);
	struct audit *audit = NULL;
	struct bl_error why = {.text = ""};

	set_clock(clock, part->begun);
	pass_time(clock, part->up);
	if (scratch_open(scratch, io, &audit, &why) != BL_OK)
		fail_msg("%s", why.text);
	set_clock(clock, part->event);
	/* While it is written to the clock goes on by what it shows, if that is forward. */
	pass_time(clock, BL_MAX(part->event - part->begun, 0.0));
	snprintf(event.detail, sizeof(event.detail), "part %u", number);
	assert_int_equal(audit_append(audit, &event, NULL, NULL), BL_OK);
	audit_close(audit);
}

/* The machine that runs the test boots once: another boot's id is written into the header. */
static void give_boot(int log_fd, uint64_t first_sequence, uint8_t boot)
{
	uint8_t bytes[SEGMENT_HEADER];
	char name[SEGMENT_NAME_SIZE];
	struct segment_header header;

	format_segment_name(first_sequence, name);

	BL_CLEANUP(fd_close) int fd = openat(log_fd, name, O_RDWR | O_CLOEXEC);

	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	assert_null(format_segment_parse(bytes, &header));
	memset(header.boot_id, boot, sizeof(header.boot_id));
	format_segment(&header, bytes);
	assert_int_equal(pwrite(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
}

struct seen {
	unsigned parts;	       /* bit i: the event of part i */
	uint64_t firsts[MOST]; /* sequence of each part's first record */
	unsigned count;
	unsigned stop_after; /* 0: never */
	unsigned told;
};

static bool see(void *context, const struct audit_record *record)
{
	struct seen *seen = context;
	unsigned number;

	seen->told++;
	if (record->event.op == AUDIT_START && seen->count < MOST)
		seen->firsts[seen->count++] = record->sequence;
	if (sscanf(record->event.detail, "part %u", &number) == 1)
		seen->parts |= 1u << number;
	return seen->told != seen->stop_after;
}

/* @out_seen: of a scan of everything */
static int write_log(const struct scratch *scratch, const struct part *parts, size_t count,
		     struct seen *out_seen)
{
	struct clock clock = {0};
	struct audit_io io = *audit_io_real();

	io.context = &clock;
	io.realtime_ns = realtime;
	io.boottime_ns = boottime;
	for (size_t i = 0; i < count; i++)
		write_part(scratch, &io, &clock, &parts[i], (unsigned)i);

	int fd = scratch_log_fd(scratch);
	uint8_t boot = 1;

	*out_seen = (struct seen){0};
	assert_int_equal(audit_scan(fd, see, out_seen, NULL), BL_OK);
	assert_int_equal(out_seen->count, count);
	assert_int_equal(out_seen->parts, (1u << count) - 1);
	for (size_t i = 0; i < count; i++) {
		boot = (uint8_t)(boot + parts[i].is_of_boot);
		give_boot(fd, out_seen->firsts[i], boot);
	}
	return fd;
}

static int64_t days(double value)
{
	return START + (int64_t)(value * (double)DAY);
}

static void old_segments_are_left_out_and_doubtful_ones_read(void **state)
{
	static const struct {
		const char *what;
		struct part parts[MOST];
		size_t count;
		double since;
		unsigned told; /* bits */
	} ROWS[] = {
		{"a day each",
		 {{0, .5, 0, false}, {1, 1.5, .5, false}, {2, 2.5, .5, false}, {3, 3.5, .5, false}},
		 4,
		 3.1,
		 0xc},
		{"a day each, from before it all",
		 {{0, .5, 0, false}, {1, 1.5, .5, false}, {2, 2.5, .5, false}},
		 3,
		 -5,
		 0x7},
		{"a day each, from after it all: the last may still be written to",
		 {{0, .5, 0, false}, {1, 1.5, .5, false}, {2, 2.5, .5, false}},
		 3,
		 900,
		 0x4},
		{"put back within a boot",
		 {{10, 12, 0, false}, {1, 1.5, .5, false}, {5, 5.5, 4, false}},
		 3,
		 11,
		 0x5},
		{"put back within a boot, but too old all the same",
		 {{10, 12, 0, false},
		  {1, 1.5, .5, false},
		  {25, 25.5, 30, false},
		  {26, 27, 1, false}},
		 4,
		 26.5,
		 0xe},
		{"put back over a boot",
		 {{10, 12, 0, false}, {1, 1.5, .5, true}, {13, 13.5, 1, true}, {20, 21, 1, false}},
		 4,
		 11.5,
		 0xf},
		{"put back over a boot: nothing tells how long the one before took",
		 {{10, 12, 0, false}, {1, 1.5, .5, true}, {90, 91, 1, true}, {99, 99, 1, false}},
		 4,
		 98,
		 0xd},
		{"put back a little over a boot",
		 {{10, 12, 0, false}, {11.5, 11.6, .5, true}, {20, 21, 9, false}},
		 3,
		 11.8,
		 0x7},
		{"put forward within a boot",
		 {{0, .2, 0, false}, {50, 50.5, .5, false}, {51, 51.5, .5, false}},
		 3,
		 50.8,
		 0x7},
		{"a boot a day",
		 {{0, .2, 0, true}, {1, 1.2, 0, true}, {2, 2.2, 0, true}, {3, 3.2, 0, true}},
		 4,
		 3,
		 0xe},
		{"a boot a day, seen a week later",
		 {{0, .2, 0, true}, {1, 1.2, 0, true}, {2, 2.2, 0, true}, {9, 9.2, 0, true}},
		 4,
		 9,
		 0xc},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct seen all, seen = {0};
		struct bl_error why = {.text = ""};

		if (i && (scratch_teardown(state) != 0 || scratch_setup(state) != 0))
			fail_msg("no scratch for '%s'", ROWS[i].what);

		BL_CLEANUP(fd_close)
		int fd = write_log(*state, ROWS[i].parts, ROWS[i].count, &all);

		if (audit_scan_since(fd, days(ROWS[i].since), see, &seen, &why) != BL_OK)
			fail_msg("'%s': %s", ROWS[i].what, why.text);
		if (seen.parts != ROWS[i].told)
			fail_msg("'%s': told %x, not %x", ROWS[i].what, seen.parts, ROWS[i].told);
	}
}

/* Times without an end are times too. */
static void any_since_is_fine(void **state)
{
	static const struct part PARTS[] = {{0, .5, 0, false}, {1, 1.5, .5, false}};
	struct seen all, first = {0}, last = {0};
	BL_CLEANUP(fd_close) int fd = write_log(*state, PARTS, BL_COUNT(PARTS), &all);

	assert_int_equal(audit_scan_since(fd, INT64_MIN, see, &first, NULL), BL_OK);
	assert_int_equal(first.parts, 0x3);
	assert_int_equal(first.told, all.told);
	assert_int_equal(audit_scan_since(fd, INT64_MAX, see, &last, NULL), BL_OK);
	assert_int_equal(last.parts, 0x2);
}

static void telling_stops_when_told_to(void **state)
{
	static const struct part PARTS[] = {
		{0, .5, 0, false}, {5, 5.5, 4.5, false}, {6, 6.5, .5, false}};
	struct seen all, seen = {.stop_after = 2};
	BL_CLEANUP(fd_close) int fd = write_log(*state, PARTS, BL_COUNT(PARTS), &all);

	assert_int_equal(audit_scan_since(fd, days(6.9), see, &seen, NULL), BL_OK);
	assert_int_equal(seen.told, 2);
}

static void break_segment(int log_fd, uint64_t first_sequence, off_t at)
{
	char name[SEGMENT_NAME_SIZE];

	format_segment_name(first_sequence, name);

	BL_CLEANUP(fd_close) int fd = openat(log_fd, name, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, "\xff\xff\xff\xff", 4, at), 4);
}

/* Days 0, 5, 6: the first is left out. What is broken decides whether that is noticed. */
static void only_headers_of_what_is_left_out_are_looked_at(void **state)
{
	static const struct part PARTS[] = {
		{0, .5, 0, false}, {5, 5.5, 4.5, false}, {6, 6.5, .5, false}};
	static const struct {
		unsigned part;
		off_t at;
		enum bl_status status;
	} ROWS[] = {
		{0, SEGMENT_HEADER, BL_OK}, /* its first frame */
		{0, 136, BL_TAMPERED},	    /* its times */
		{1, SEGMENT_HEADER, BL_TAMPERED},
		{2, SEGMENT_HEADER, BL_TAMPERED},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct seen all, seen = {0};

		if (i && (scratch_teardown(state) != 0 || scratch_setup(state) != 0))
			fail_msg("no scratch for row %zu", i);

		BL_CLEANUP(fd_close) int fd = write_log(*state, PARTS, BL_COUNT(PARTS), &all);

		break_segment(fd, all.firsts[ROWS[i].part], ROWS[i].at);

		enum bl_status status = audit_scan_since(fd, days(6.9), see, &seen, NULL);

		if (status != ROWS[i].status)
			fail_msg("row %zu: %s", i, bl_status_name(status));
	}
}

/* One record, wherever it lies: its segment and nothing before it is read, broken as that may be. */
static void a_record_is_found_without_what_came_before(void **state)
{
	static const struct part PARTS[] = {
		{0, .5, 0, false}, {5, 5.5, 4.5, false}, {6, 6.5, .5, false}};
	struct seen all;
	BL_CLEANUP(fd_close) int fd = write_log(*state, PARTS, BL_COUNT(PARTS), &all);
	const struct {
		uint64_t sequence;
		unsigned parts;
	} ROWS[] = {
		{0, 7},
		{1, 7},
		{all.firsts[1] - 1, 7},
		{all.firsts[1], 6},
		{all.firsts[2] - 1, 6},
		{all.firsts[2], 4},
		{all.firsts[2] + 1, 4},
		{UINT64_MAX, 4},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct seen seen = {0};

		assert_int_equal(audit_scan_from(fd, ROWS[i].sequence, see, &seen, NULL), BL_OK);
		if (seen.parts != ROWS[i].parts)
			fail_msg("row %zu: parts %#x", i, seen.parts);
	}
	struct seen seen = {.stop_after = 1};

	assert_int_equal(audit_scan_from(fd, 1, see, &seen, NULL), BL_OK);
	assert_int_equal(seen.told, 1);
	break_segment(fd, all.firsts[1], SEGMENT_HEADER);
	seen = (struct seen){0};
	assert_int_equal(audit_scan_from(fd, all.firsts[2], see, &seen, NULL), BL_OK);
	assert_int_equal(seen.parts, 4);
	assert_int_equal(audit_scan_from(fd, all.firsts[1], see, &seen, NULL), BL_TAMPERED);
}

static void missing_segments_are_noticed_wherever_they_lay(void **state)
{
	static const struct part PARTS[] = {
		{0, .5, 0, false}, {1, 1.5, .5, false}, {2, 2.5, .5, false}, {9, 9.5, 6.5, false}};

	for (unsigned gone = 0; gone < 3; gone++) {
		char name[SEGMENT_NAME_SIZE];
		struct seen all, seen = {0};
		struct bl_error why = {.text = ""};

		if (gone && (scratch_teardown(state) != 0 || scratch_setup(state) != 0))
			fail_msg("no scratch for %u", gone);

		BL_CLEANUP(fd_close) int fd = write_log(*state, PARTS, BL_COUNT(PARTS), &all);

		format_segment_name(all.firsts[gone], name);
		assert_int_equal(unlinkat(fd, name, 0), 0);
		if (audit_scan_since(fd, days(50), see, &seen, &why) != BL_TAMPERED || !*why.text)
			fail_msg("segment %u: '%s'", gone, why.text);
	}
}

static void what_is_no_log_is_refused(void **state)
{
	const struct scratch *scratch = *state;
	struct seen seen = {0};

	assert_int_equal(audit_scan_since(scratch->store_fd, 0, see, &seen, NULL), BL_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(old_segments_are_left_out_and_doubtful_ones_read),
		TEST(any_since_is_fine),
		TEST(telling_stops_when_told_to),
		TEST(only_headers_of_what_is_left_out_are_looked_at),
		TEST(a_record_is_found_without_what_came_before),
		TEST(missing_segments_are_noticed_wherever_they_lay),
		TEST(what_is_no_log_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
