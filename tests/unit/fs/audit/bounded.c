/* Bounded durability: what may be answered at once, and what never is. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/format.h"
#include "tests/unit/fs/audit/faulty.h"
#include "tests/unit/fs/audit/scratch.h"

#include <sched.h>

#define LONG_MS 10000u /* no test takes as long */

struct bounded {
	struct scratch *scratch;
	struct faulty faulty;
	struct audit *audit;
};

struct ask {
	struct audit_ticket ticket; /* first */
	atomic_int status;	    /* -1: not told yet */
	sem_t told;
};

static void tell(struct audit_ticket *ticket, enum bl_status status)
{
	struct ask *ask = (struct ask *)ticket;

	atomic_store(&ask->status, (int)status);
	sem_post(&ask->told);
}

static struct audit_event permitted(enum audit_op op, unsigned number)
{
	struct audit_event event = scratch_event(number);

	event.op = op;
	event.verdict = AUDIT_PERMITTED;
	return event;
}

/* True: it was answered before audit_submit came back. */
static bool submit(struct bounded *bounded, struct ask *ask, const struct audit_event *event)
{
	*ask = (struct ask){.ticket.done = tell, .status = -1};
	sem_init(&ask->told, 0, 0);
	audit_submit(bounded->audit, event, &ask->ticket);
	return atomic_load(&ask->status) != -1;
}

static void wait_told(struct ask *ask)
{
	while (sem_wait(&ask->told) != 0)
		;
}

static int setup(void **state)
{
	struct bounded *bounded = calloc(1, sizeof(*bounded));
	void *scratch = NULL;

	if (!bounded || scratch_setup(&scratch) != 0)
		return -1;
	bounded->scratch = scratch;
	faulty_init(&bounded->faulty);
	if (scratch_open(scratch, &bounded->faulty.io, &bounded->audit, NULL) != BL_OK)
		return -1;
	*state = bounded;
	return 0;
}

static int teardown(void **state)
{
	struct bounded *bounded = *state;
	void *scratch = bounded->scratch;

	audit_close(bounded->audit);
	faulty_done(&bounded->faulty);
	scratch_teardown(&scratch);
	free(bounded);
	return 0;
}

/* From here on each frame's sync waits until it is let go. */
static void slow_down(struct bounded *bounded)
{
	atomic_store(&bounded->faulty.is_slow, true);
}

static void let_go(struct bounded *bounded)
{
	atomic_store(&bounded->faulty.is_slow, false);
	sem_post(&bounded->faulty.go);
}

static uint64_t durable(const struct bounded *bounded)
{
	struct audit_state now;

	audit_state(bounded->audit, &now);
	return now.durable_sequence;
}

static void wait_durable(const struct bounded *bounded, uint64_t sequence)
{
	while (durable(bounded) < sequence)
		sched_yield();
}

static void only_permitted_reads_and_stats_are_answered_at_once(void **state)
{
	static const struct {
		enum audit_op op;
		enum audit_verdict verdict;
		uint32_t error_number;
		bool is_at_once;
	} ROWS[] = {
		{AUDIT_READ, AUDIT_PERMITTED, 0, true},
		{AUDIT_STAT, AUDIT_PERMITTED, 0, true},
		{AUDIT_READ, AUDIT_DENIED, 0, false},
		{AUDIT_STAT, AUDIT_WITHHELD, 0, false},
		{AUDIT_READ, AUDIT_ASKED, 0, false},
		{AUDIT_READ, AUDIT_FAILED_VERDICT, 0, false},
		{AUDIT_READ, AUDIT_PERMITTED, EIO, false},
		{AUDIT_OPEN, AUDIT_PERMITTED, 0, false},
		{AUDIT_LIST, AUDIT_PERMITTED, 0, false},
		{AUDIT_LOOKUP, AUDIT_PERMITTED, 0, false},
		{AUDIT_READLINK, AUDIT_PERMITTED, 0, false},
		{AUDIT_WHY, AUDIT_PERMITTED, 0, false},
		{AUDIT_ADMIN, AUDIT_PERMITTED, 0, false},
		{AUDIT_SHRED_INTENT, AUDIT_PERMITTED, 0, false},
		{AUDIT_VIEW_OPENED, AUDIT_PERMITTED, 0, false},
		{AUDIT_SESSION_BEGUN, AUDIT_PERMITTED, 0, false},
		{AUDIT_SHOWN, AUDIT_PERMITTED, 0, false},
	};
	struct bounded *bounded = *state;
	struct ask ask;

	audit_bounded(bounded->audit, LONG_MS);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_event event = permitted(ROWS[i].op, (unsigned)i);
		uint64_t before = durable(bounded);

		event.verdict = ROWS[i].verdict;
		event.error_number = ROWS[i].error_number;
		if (!ROWS[i].is_at_once)
			slow_down(bounded);

		bool is_at_once = submit(bounded, &ask, &event);

		if (is_at_once != ROWS[i].is_at_once)
			fail_msg("row %zu: answered at once: %d", i, is_at_once);
		if (!is_at_once) {
			/* Its frame is being synced, and it is not answered. */
			sem_wait(&bounded->faulty.entered);
			if (atomic_load(&ask.status) != -1)
				fail_msg("row %zu: answered before its sync", i);
			let_go(bounded);
		}
		wait_told(&ask);
		assert_int_equal(atomic_load(&ask.status), BL_OK);
		assert_true(ask.ticket.sequence > before);
		assert_int_equal(durable(bounded) >= ask.ticket.sequence, !is_at_once);
	}
}

static void without_a_bound_everything_waits(void **state)
{
	struct bounded *bounded = *state;
	struct audit_event event = permitted(AUDIT_READ, 1);
	struct ask ask;

	audit_bounded(bounded->audit, LONG_MS);
	assert_true(submit(bounded, &ask, &event));
	audit_bounded(bounded->audit, 0);
	wait_durable(bounded, ask.ticket.sequence); /* what was answered does not wait any longer */
	slow_down(bounded);
	assert_false(submit(bounded, &ask, &event));
	sem_wait(&bounded->faulty.entered);
	assert_int_equal(atomic_load(&ask.status), -1);
	let_go(bounded);
	wait_told(&ask);
}

static void what_was_answered_is_durable_once_its_time_is_over(void **state)
{
	struct bounded *bounded = *state;
	struct audit_event event = permitted(AUDIT_READ, 1);
	struct audit_state now;
	struct ask ask;

	audit_bounded(bounded->audit, 5);
	for (unsigned i = 0; i < 20; i++) {
		assert_true(submit(bounded, &ask, &event));
		wait_durable(bounded, ask.ticket.sequence);
	}
	audit_state(bounded->audit, &now);
	assert_int_equal(now.bounded_ms, 5);
}

/* Half of the bound is left for the disk. */
static void what_was_answered_goes_out_before_its_time_is_over(void **state)
{
	struct bounded *bounded = *state;
	struct audit_event event = permitted(AUDIT_READ, 1);
	int64_t before_ns = audit_io_real()->boottime_ns(NULL);
	struct ask ask;

	audit_bounded(bounded->audit, LONG_MS / 4);
	slow_down(bounded);
	assert_true(submit(bounded, &ask, &event));
	sem_wait(&bounded->faulty.entered);
	assert_true(audit_io_real()->boottime_ns(NULL) - before_ns <
		    (int64_t)(LONG_MS / 4) * 1000000);
	let_go(bounded);
	wait_durable(bounded, ask.ticket.sequence);
}

static void what_was_answered_under_a_bound_does_not_wait_for_a_longer_one(void **state)
{
	struct bounded *bounded = *state;
	struct audit_event event = permitted(AUDIT_READ, 1);
	int64_t before_ns = audit_io_real()->boottime_ns(NULL);
	struct ask ask;

	audit_bounded(bounded->audit, LONG_MS / 2);
	assert_true(submit(bounded, &ask, &event));
	audit_bounded(bounded->audit, LONG_MS);
	wait_durable(bounded, ask.ticket.sequence);
	assert_true(audit_io_real()->boottime_ns(NULL) - before_ns <
		    (int64_t)(LONG_MS / 2) * 1000000);
}

static void a_batch_that_is_half_full_does_not_wait(void **state)
{
	struct bounded *bounded = *state;
	struct ask ask;

	audit_bounded(bounded->audit, LONG_MS);
	for (unsigned i = 0; i < FRAME_RECORDS / 2; i++) {
		struct audit_event event = permitted(AUDIT_STAT, i);

		assert_true(submit(bounded, &ask, &event));
	}
	wait_durable(bounded, FRAME_RECORDS / 4);
}

static void what_must_not_wait_takes_the_others_along(void **state)
{
	struct bounded *bounded = *state;
	struct audit_event read = permitted(AUDIT_READ, 1), open = permitted(AUDIT_OPEN, 2);
	struct ask ask, strict;

	audit_bounded(bounded->audit, LONG_MS);
	assert_true(submit(bounded, &ask, &read));
	submit(bounded, &strict, &open);
	wait_told(&strict);
	assert_true(strict.ticket.sequence > ask.ticket.sequence);
	assert_true(durable(bounded) >= strict.ticket.sequence);
	assert_true(submit(bounded, &ask, &read));
	assert_int_equal(audit_checkpoint(bounded->audit, NULL), BL_OK);
	assert_true(durable(bounded) >= ask.ticket.sequence);
}

/* The disk takes longer than the bound: then reads wait for it, as they would without one. */
static void while_the_disk_is_too_slow_reads_wait_again(void **state)
{
	struct bounded *bounded = *state;
	struct audit_event event = permitted(AUDIT_READ, 1);
	struct ask first, ask;

	audit_bounded(bounded->audit, 1);
	slow_down(bounded);
	assert_true(submit(bounded, &first, &event));

	int64_t answered_ns = audit_io_real()->boottime_ns(NULL);

	/* Its frame is held up in its sync; then the bound goes by. */
	sem_wait(&bounded->faulty.entered);
	while (audit_io_real()->boottime_ns(NULL) - answered_ns <= 1000000)
		sched_yield();

	bool is_at_once = submit(bounded, &ask, &event);
	bool is_durable = durable(bounded) >= first.ticket.sequence;

	let_go(bounded);
	sem_post(&bounded->faulty.go); /* in case the next frame saw it slow as well */
	wait_told(&ask);
	assert_false(is_at_once);
	assert_false(is_durable);
	assert_int_equal(atomic_load(&ask.status), BL_OK);
	assert_true(durable(bounded) >= ask.ticket.sequence);
}

static bool count_reads(void *context, const struct audit_record *record)
{
	*(unsigned *)context += record->event.op == AUDIT_READ;
	return true;
}

static void closing_commits_what_was_answered(void **state)
{
	struct bounded *bounded = *state;
	struct audit_report report;
	struct ask ask;
	unsigned reads = 0;

	audit_bounded(bounded->audit, LONG_MS);
	for (unsigned i = 0; i < 7; i++) {
		struct audit_event event = permitted(AUDIT_READ, i);

		assert_true(submit(bounded, &ask, &event));
	}
	audit_close(bounded->audit);
	bounded->audit = NULL;

	int fd = scratch_log_fd(bounded->scratch);

	assert_int_equal(audit_scan(fd, count_reads, &reads, NULL), BL_OK);
	close(fd);
	assert_int_equal(reads, 7);
	assert_int_equal(scratch_verify(bounded->scratch, &report, NULL), BL_OK);
}

static bool find_latched(void *context, const struct audit_record *record)
{
	if (record->event.op == AUDIT_LATCHED)
		memcpy(context, record->event.detail, AUDIT_DETAIL_SIZE);
	return true;
}

static void what_was_answered_and_could_not_be_written_is_told(void **state)
{
	struct bounded *bounded = *state;
	struct audit_event open = permitted(AUDIT_OPEN, 9);
	char detail[AUDIT_DETAIL_SIZE] = "";
	struct ask ask;

	audit_bounded(bounded->audit, LONG_MS);
	for (unsigned i = 0; i < 3; i++) {
		struct audit_event event = permitted(AUDIT_READ, i);

		assert_true(submit(bounded, &ask, &event));
	}
	faulty_set(&bounded->faulty, FAULTY_WRITE, "/seg.", 1);
	assert_int_equal(audit_append(bounded->audit, &open, NULL, NULL), BL_LOG_BROKEN);
	open.op = AUDIT_VIEW_REVOKED; /* waits for the reserve */
	assert_int_equal(audit_append(bounded->audit, &open, NULL, NULL), BL_OK);

	struct audit_event read = permitted(AUDIT_READ, 10);

	submit(bounded, &ask, &read);
	wait_told(&ask);
	assert_int_equal(atomic_load(&ask.status), BL_LOG_BROKEN);

	int fd = scratch_log_fd(bounded->scratch);

	assert_int_equal(audit_scan(fd, find_latched, detail, NULL), BL_OK);
	close(fd);
	if (!strstr(detail, "; 3 answered and not recorded"))
		fail_msg("it says '%s'", detail);
}

/* The reserve fails as well: it is told when the log is taken up again. */
static void what_was_lost_with_the_reserve_is_told_when_it_is_unlatched(void **state)
{
	struct bounded *bounded = *state;
	struct audit_event read = permitted(AUDIT_READ, 1), open = permitted(AUDIT_OPEN, 9);
	struct audit_event asked = {.op = AUDIT_UNLATCHED, .login_uid = UINT32_MAX};
	char detail[AUDIT_DETAIL_SIZE] = "";
	struct ask ask;

	audit_bounded(bounded->audit, LONG_MS);
	assert_true(submit(bounded, &ask, &read));
	assert_true(submit(bounded, &ask, &read));
	faulty_set(&bounded->faulty, FAULTY_WRITE, "log/", -1);
	assert_int_equal(audit_append(bounded->audit, &open, NULL, NULL), BL_LOG_BROKEN);
	open.op = AUDIT_VIEW_REVOKED; /* waits for the reserve */
	assert_int_equal(audit_append(bounded->audit, &open, NULL, NULL), BL_LOG_BROKEN);
	faulty_set(&bounded->faulty, 0, NULL, 0);
	assert_int_equal(audit_unlatch(bounded->audit, &asked, NULL), BL_OK);

	int fd = scratch_log_fd(bounded->scratch);

	assert_int_equal(audit_scan(fd, find_latched, detail, NULL), BL_OK);
	close(fd);
	if (!strstr(detail, "; 2 answered and not recorded"))
		fail_msg("it says '%s'", detail);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_permitted_reads_and_stats_are_answered_at_once),
		TEST(without_a_bound_everything_waits),
		TEST(what_was_answered_is_durable_once_its_time_is_over),
		TEST(what_was_answered_goes_out_before_its_time_is_over),
		TEST(what_was_answered_under_a_bound_does_not_wait_for_a_longer_one),
		TEST(a_batch_that_is_half_full_does_not_wait),
		TEST(what_must_not_wait_takes_the_others_along),
		TEST(while_the_disk_is_too_slow_reads_wait_again),
		TEST(closing_commits_what_was_answered),
		TEST(what_was_answered_and_could_not_be_written_is_told),
		TEST(what_was_lost_with_the_reserve_is_told_when_it_is_unlatched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
