/* The log on a disk that fails: every open, write, sync and rename in turn, once or from then on. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/fault/audit-load.h"

#include <pthread.h>

/* ---- every call failing in turn -------------------------------------------------------------- */

enum fault {
	FAULT_EIO,   /* one call fails */
	FAULT_SHORT, /* one write is short: how a full disk shows first */
	FAULT_DEAD   /* from one call on all fail, until the disk is mended */
};

#define BAD_FILES 64u

struct faulty {
	atomic_uint calls;
	atomic_uint fail_at;
	enum fault fault;
	atomic_bool has_failed, is_mended;

	/* Files of which a sync failed: held open, so that no other one gets their number. */
	pthread_mutex_t lock;
	int bad[BAD_FILES];
	unsigned bad_count;
	bool is_synced_again;
};

static bool fails_now(void *context)
{
	struct faulty *faulty = context;
	unsigned call = atomic_fetch_add(&faulty->calls, 1);
	bool fails = faulty->fault == FAULT_DEAD
			     ? call >= faulty->fail_at && !atomic_load(&faulty->is_mended)
			     : call == faulty->fail_at;

	if (fails)
		atomic_store(&faulty->has_failed, true);
	errno = EIO;
	return fails;
}

/* Only writes can be short. */
static bool fails_otherwise(struct faulty *faulty)
{
	return faulty->fault != FAULT_SHORT && fails_now(faulty);
}

static int faulty_open(void *context, int dir_fd, const char *name, int flags, unsigned mode)
{
	return fails_otherwise(context) ? -1
					: audit_io_real()->open_at(NULL, dir_fd, name, flags, mode);
}

static ssize_t faulty_write(void *context, int fd, const void *bytes, size_t length,
			    uint64_t offset)
{
	struct faulty *faulty = context;

	if (!fails_now(faulty))
		return audit_io_real()->write_at(NULL, fd, bytes, length, offset);
	return faulty->fault == FAULT_SHORT
		       ? audit_io_real()->write_at(NULL, fd, bytes, length / 2, offset)
		       : -1;
}

static bool is_same_file(int one_fd, int other_fd)
{
	struct stat one, other;

	return fstat(one_fd, &one) == 0 && fstat(other_fd, &other) == 0 &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* The error of a sync is told once; a second one that works proves nothing. */
static int faulty_sync(void *context, int fd)
{
	struct faulty *faulty = context;
	bool fails = fails_otherwise(faulty);

	pthread_mutex_lock(&faulty->lock);
	for (unsigned i = 0; i < faulty->bad_count; i++)
		faulty->is_synced_again |= is_same_file(faulty->bad[i], fd);
	if (fails) {
		must(faulty->bad_count < BAD_FILES, "too many bad files");
		faulty->bad[faulty->bad_count++] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	}
	pthread_mutex_unlock(&faulty->lock);
	errno = EIO;
	return fails ? -1 : 0;
}

static int faulty_sync_dir(void *context, int fd)
{
	(void)fd;
	return fails_otherwise(context) ? -1 : 0;
}

static int faulty_rename(void *context, int dir_fd, const char *from, const char *to)
{
	return fails_otherwise(context) ? -1 : audit_io_real()->rename_at(NULL, dir_fd, from, to);
}

static void faulty_done(struct faulty *faulty)
{
	for (unsigned i = 0; i < faulty->bad_count; i++)
		close(faulty->bad[i]);
	faulty->bad_count = 0;
	pthread_mutex_destroy(&faulty->lock);
}

static struct audit_io faulty_io(struct faulty *faulty)
{
	pthread_mutex_init(&faulty->lock, NULL);
	return (struct audit_io){.context = faulty,
				 .open_at = faulty_open,
				 .write_at = faulty_write,
				 .sync_data = faulty_sync,
				 .sync_dir = faulty_sync_dir,
				 .rename_at = faulty_rename,
				 .realtime_ns = plain_realtime,
				 .boottime_ns = plain_boottime};
}

/* What was acknowledged, by sequence number: the handle of the event, which no two have in common. */
struct promised {
	uint64_t handle[4 * EVENTS]; /* 0: nothing */
	unsigned count;
};

static void promise(struct promised *promised, uint64_t sequence, uint64_t handle)
{
	assert_true(sequence > 0 && sequence < BL_COUNT(promised->handle));
	assert_int_equal(promised->handle[sequence], 0);
	promised->handle[sequence] = handle;
	promised->count++;
}

static bool keep_promise(void *context, const struct audit_record *record)
{
	struct promised *promised = context;

	if (record->sequence >= BL_COUNT(promised->handle) ||
	    promised->handle[record->sequence] != record->event.handle)
		return true;
	promised->count -= promised->handle[record->sequence] != 0;
	return true;
}

static const char *const FAULTS[] = {"failed", "was short", "and all behind it failed"};

/* What is common to all steps of one run. */
struct sweep {
	struct faulty faulty;
	struct scratch *scratch;
	struct keeper keeper;
	struct promised *promised;
	struct load_state *load;
	unsigned in_reserve, dead, unlatched; /* over all runs */
};

#define fail_sweep(sweep, ...)                                                                     \
	do {                                                                                       \
		print_error("call %u %s:\n", (sweep)->faulty.fail_at,                              \
			    FAULTS[(sweep)->faulty.fault]);                                        \
		fail_msg(__VA_ARGS__);                                                             \
	} while (0)

static enum bl_status append(struct sweep *sweep, struct audit *audit, enum audit_op op,
			     uint64_t handle)
{
	struct audit_event event = scratch_event(1);
	uint64_t sequence = 0;

	event.op = op;
	event.verdict = AUDIT_PERMITTED;
	event.handle = handle;

	enum bl_status status = audit_append(audit, &event, &sequence, NULL);

	if (status == BL_OK)
		promise(sweep->promised, sequence, handle);
	return status;
}

/* Whatever failed, the log says no and tells so: at the latest when the failing thread got to say so. */
static void wait_until_latched(struct sweep *sweep, struct audit *audit)
{
	for (int64_t from = plain_boottime(NULL);
	     audit_is_writable(audit) || !atomic_load(&sweep->keeper.broken);) {
		if (plain_boottime(NULL) - from > 20 * SECOND)
			fail_sweep(sweep, "%s",
				   audit_is_writable(audit) ? "the log did not latch"
							    : "nobody was told");
		sched_yield();
	}
}

/* What ends and what destroys has a place in the reserve, as long as that can be written. */
static unsigned append_all(struct sweep *sweep, struct audit *audit, const enum audit_op *ops,
			   unsigned count, uint64_t handle)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < count; i++) {
		enum bl_status status = append(sweep, audit, ops[i], handle + i);

		if (status != BL_OK && status != BL_LOG_BROKEN)
			fail_sweep(sweep, "%s: %s", audit_op_name(ops[i]), bl_status_name(status));
		taken += status == BL_OK;
	}
	return taken;
}

static void check_latched(struct sweep *sweep, struct audit *audit)
{
	static const enum audit_op REFUSED[] = {AUDIT_LOOKUP, AUDIT_LIST,     AUDIT_STAT,
						AUDIT_OPEN,   AUDIT_READ,     AUDIT_VIEW_OPENED,
						AUDIT_ADMIN,  AUDIT_APPROVED, AUDIT_HOLD_RELEASED};
	static const enum audit_op TAKEN[] = {
		AUDIT_VIEW_REVOKED, AUDIT_VIEW_CLOSED,	 AUDIT_DUE,	     AUDIT_SHRED_INTENT,
		AUDIT_SHRED_DONE,   AUDIT_POLICY_LOADED, AUDIT_SESSION_ENDED};
	struct audit_state state;
	unsigned refused = append_all(sweep, audit, REFUSED, BL_COUNT(REFUSED), 9100);
	unsigned taken = append_all(sweep, audit, TAKEN, BL_COUNT(TAKEN), 9200);

	audit_state(audit, &state);
	assert_false(state.is_writable);
	assert_true(state.mode == AUDIT_RESERVE || state.mode == AUDIT_DEAD);
	if (refused)
		fail_sweep(sweep, "%u reads and the like were taken all the same", refused);
	if (taken != (state.mode == AUDIT_RESERVE ? BL_COUNT(TAKEN) : 0))
		fail_sweep(sweep, "mode %d, but %u of what destroys were taken", (int)state.mode,
			   taken);
	if (sweep->faulty.fault == FAULT_DEAD && taken)
		fail_sweep(sweep, "a dead disk took an event");
	assert_true(state.broken_text[0] != '\0');
	assert_true(state.refused >= BL_COUNT(REFUSED));
	sweep->in_reserve += state.mode == AUDIT_RESERVE;
	sweep->dead += state.mode == AUDIT_DEAD;
}

static void check_unlatched(struct sweep *sweep, struct audit *audit)
{
	struct audit_event event = {.op = AUDIT_UNLATCHED, .uid = 0, .handle = 9003};
	struct bl_error why = {""};
	struct audit_state state;

	atomic_store(&sweep->faulty.is_mended, true);
	if (audit_unlatch(audit, &event, &why) != BL_OK)
		fail_sweep(sweep, "it does not unlatch: %s", why.text);
	audit_state(audit, &state);
	assert_int_equal(state.mode, AUDIT_WRITING);
	assert_true(audit_is_writable(audit));
	if (append(sweep, audit, AUDIT_READ, 9004) != BL_OK)
		fail_sweep(sweep, "no read is taken after unlatching");
	assert_int_equal(audit_unlatch(audit, &event, NULL), BL_EXISTS);
	sweep->unlatched++;
}

static void promise_load(struct sweep *sweep)
{
	for (unsigned i = 0; i < EVENTS; i++) {
		const struct load_ticket *mine = &sweep->load->tickets[i];

		if (mine->status == BL_OK)
			promise(sweep->promised, mine->ticket.sequence, mine->event.handle);
		else
			assert_int_equal(mine->status, BL_LOG_BROKEN);
	}
}

static void sweep_work(struct sweep *sweep, struct audit *audit)
{
	struct faulty *faulty = &sweep->faulty;
	/* Opening makes up for a failure where it can; what goes on failing is met again. */
	bool is_over = atomic_load(&faulty->has_failed) && faulty->fault != FAULT_DEAD;

	load_run(sweep->load, audit, 4);
	promise_load(sweep);
	if (atomic_load(&faulty->has_failed) && !is_over)
		wait_until_latched(sweep, audit);
	if (!audit_is_writable(audit)) {
		wait_until_latched(sweep, audit);
		check_latched(sweep, audit);
		assert_int_equal(atomic_load(&sweep->keeper.broken), 1);
		/* The other half is closed as it is. */
		if (faulty->fail_at % 2)
			check_unlatched(sweep, audit);
	} else if (append(sweep, audit, AUDIT_READ, 9005) != BL_OK) {
		assert_true(atomic_load(&faulty->has_failed));
	}
	audit_close(audit);
}

/* A sound disk again: the log opens, takes events, verifies, and has all it acknowledged. */
static void sweep_again(struct sweep *sweep)
{
	struct audit *audit = NULL;
	struct audit_io io = quiet_io();
	struct audit_report report;
	struct bl_error why = {""};

	sweep->keeper.fails = NULL;
	if (sweep->faulty.is_synced_again)
		fail_sweep(sweep, "a file whose sync failed was synced again");
	if (open_log(sweep->scratch, &io, &sweep->keeper, &audit, &why) != BL_OK)
		fail_sweep(sweep, "does not open again: %s", why.text);
	assert_int_equal(append(sweep, audit, AUDIT_READ, 9006), BL_OK);
	audit_close(audit);
	if (verify_by_kit(sweep->scratch, &sweep->keeper, &report, &why) != BL_OK)
		fail_sweep(sweep, "then verify says: %s", why.text);

	BL_CLEANUP(fd_close) int fd = scratch_log_fd(sweep->scratch);

	assert_int_equal(audit_scan(fd, keep_promise, sweep->promised, &why), BL_OK);
	if (sweep->promised->count)
		fail_sweep(sweep, "%u acknowledged records are missing", sweep->promised->count);
}

/* One run; true when the fault was met. */
static bool sweep_once(struct sweep *sweep)
{
	struct audit_io io = faulty_io(&sweep->faulty);
	struct audit *audit = NULL;
	struct bl_error why = {""};

	memset(sweep->promised, 0, sizeof(*sweep->promised));
	memset(&sweep->keeper, 0, sizeof(sweep->keeper));
	sweep->keeper.fails = fails_now;
	sweep->keeper.context = &sweep->faulty;
	sweep->scratch = scratch_new();

	enum bl_status status = open_log(sweep->scratch, &io, &sweep->keeper, &audit, &why);

	if (status == BL_OK)
		sweep_work(sweep, audit);
	else if (status != BL_IO || !atomic_load(&sweep->faulty.has_failed))
		fail_sweep(sweep, "open says %s: %s", bl_status_name(status), why.text);
	sweep_again(sweep);
	scratch_free(sweep->scratch);
	faulty_done(&sweep->faulty);
	return atomic_load(&sweep->faulty.has_failed);
}

static void sweep_all(enum fault fault, struct sweep *sweep)
{
	unsigned clean = 0, n;

	memset(sweep, 0, sizeof(*sweep));
	sweep->promised = zeroed(sizeof(*sweep->promised));
	sweep->load = zeroed(sizeof(*sweep->load));
	/* The number of frames depends on timing: two clean runs in a row end the sweep. */
	for (n = 0; clean < 2; n++) {
		sweep->faulty = (struct faulty){.fail_at = n, .fault = fault};
		clean = sweep_once(sweep) ? 0 : clean + 1;
		assert_true(n < 2000);
	}
	print_message("%u calls, each %s: %u times on the reserve, %u times dead, %u unlatched\n",
		      n - 2, FAULTS[fault], sweep->in_reserve, sweep->dead, sweep->unlatched);
	free(sweep->promised);
	free(sweep->load);
}

static void each_call_failing_loses_nothing_acknowledged(void **state BL_UNUSED)
{
	struct sweep sweep;

	sweep_all(FAULT_EIO, &sweep);
	assert_true(sweep.in_reserve > 0);
	assert_true(sweep.unlatched > 0);
}

static void each_write_cut_short_loses_nothing_acknowledged(void **state BL_UNUSED)
{
	struct sweep sweep;

	sweep_all(FAULT_SHORT, &sweep);
	assert_true(sweep.in_reserve > 0);
	assert_true(sweep.unlatched > 0);
}

static void a_disk_that_dies_at_any_call_loses_nothing_acknowledged(void **state BL_UNUSED)
{
	struct sweep sweep;

	sweep_all(FAULT_DEAD, &sweep);
	assert_int_equal(sweep.in_reserve, 0);
	assert_true(sweep.unlatched > 0);
}

/* ---- unlatching ------------------------------------------------------------------------------ */

/* From the @n-th call from now on, or that one. */
static void fail_from_now(struct faulty *faulty, unsigned n)
{
	atomic_store(&faulty->has_failed, false);
	atomic_store(&faulty->fail_at, atomic_load(&faulty->calls) + n);
	atomic_store(&faulty->is_mended, false);
}

static void latch_now(struct sweep *sweep, struct audit *audit)
{
	fail_from_now(&sweep->faulty, 0);
	for (unsigned i = 0; audit_is_writable(audit); i++) {
		assert_true(i < 10);
		append(sweep, audit, AUDIT_READ, 9400 + i);
	}
	wait_until_latched(sweep, audit);
	atomic_store(&sweep->faulty.is_mended, true);
}

/* The @n-th call since it was asked to unlatch fails. True when there was one. */
static bool unlatch_badly(struct sweep *sweep, struct audit *audit, unsigned n)
{
	struct faulty *faulty = &sweep->faulty;
	struct audit_event event = {.op = AUDIT_UNLATCHED, .handle = 9003};
	struct bl_error why = {""};

	fail_from_now(faulty, n);

	enum bl_status status = audit_unlatch(audit, &event, &why);

	if (status != BL_OK) {
		if (!atomic_load(&faulty->has_failed) || status != BL_IO || !why.text[0])
			fail_sweep(sweep, "unlatching says %s: %s", bl_status_name(status),
				   why.text);
		assert_false(audit_is_writable(audit));
		assert_int_equal(append(sweep, audit, AUDIT_READ, 9500), BL_LOG_BROKEN);
		check_unlatched(sweep, audit);
	} else if (append(sweep, audit, AUDIT_READ, 9501) != BL_OK) {
		/* What fails behind it latches again. */
		assert_true(atomic_load(&faulty->has_failed));
	}
	return atomic_load(&faulty->has_failed);
}

static bool unlatch_once(struct sweep *sweep, unsigned n)
{
	struct audit_io io = faulty_io(&sweep->faulty);
	struct audit *audit = NULL;

	memset(sweep->promised, 0, sizeof(*sweep->promised));
	memset(&sweep->keeper, 0, sizeof(sweep->keeper));
	sweep->scratch = scratch_new();
	assert_int_equal(open_log(sweep->scratch, &io, &sweep->keeper, &audit, NULL), BL_OK);
	latch_now(sweep, audit);

	bool has_failed = unlatch_badly(sweep, audit, n);

	atomic_store(&sweep->faulty.is_mended, true);
	audit_close(audit);
	sweep_again(sweep);
	scratch_free(sweep->scratch);
	faulty_done(&sweep->faulty);
	return has_failed;
}

static void an_unlatching_that_fails_anywhere_can_be_asked_for_again(void **state BL_UNUSED)
{
	struct sweep sweep = {.promised = zeroed(sizeof(*sweep.promised))};

	for (enum fault fault = FAULT_EIO; fault <= FAULT_DEAD; fault++) {
		bool has_failed = true;
		unsigned n = 0;

		for (; has_failed; n++) {
			sweep.faulty = (struct faulty){
				.fail_at = UINT32_MAX, .fault = fault, .is_mended = true};
			has_failed = unlatch_once(&sweep, n);
			assert_true(n < 200);
		}
		assert_true(n > 5);
	}
	assert_true(sweep.unlatched > 15);
	free(sweep.promised);
}

/* ---- a storm -------------------------------------------------------------------------------- */

#define STORM 200u

static bool count_calls(void *context, const struct audit_record *record)
{
	uint64_t *calls = context;

	if (record->event.verdict == AUDIT_DENIED)
		*calls += 1 + (uint64_t)record->event.repeats;
	return true;
}

/* Half of them come while the disk is sound, each of the first 33 answered before the next; then it dies. */
static void storm_on_dying_disk(struct load_state *load, struct audit *audit, struct faulty *faulty)
{
	struct audit_event event = scratch_event(0);

	load_begin(load, STORM);
	for (unsigned i = 0; i < STORM; i++) {
		load_submit(load, audit, i, &event);
		if (i == 32)
			load_wait(load, i);
		if (i == STORM / 2)
			atomic_store(&faulty->is_mended, false);
	}
	load_end(load);
}

static void who_waits_in_a_storm_is_answered_when_the_log_latches(void **state)
{
	struct scratch *scratch = *state;
	struct faulty faulty = {.fault = FAULT_DEAD, .is_mended = true};
	struct audit_io io = faulty_io(&faulty), quiet = quiet_io();
	struct keeper keeper = {0};
	struct load_state *load = zeroed(sizeof(*load));
	struct audit *audit = NULL;
	struct audit_report report;
	uint64_t told = 0, answered = 0;

	assert_int_equal(open_log(scratch, &io, &keeper, &audit, NULL), BL_OK);
	storm_on_dying_disk(load, audit, &faulty);
	audit_close(audit);
	for (unsigned i = 0; i < STORM; i++) {
		answered += load->tickets[i].status == BL_OK;
		if (load->tickets[i].status != BL_OK)
			assert_int_equal(load->tickets[i].status, BL_LOG_BROKEN);
	}
	assert_true(answered >= 33 && answered < STORM);
	assert_int_equal(open_log(scratch, &quiet, &keeper, &audit, NULL), BL_OK);
	audit_close(audit);
	assert_int_equal(verify_by_kit(scratch, &keeper, &report, NULL), BL_OK);

	BL_CLEANUP(fd_close) int fd = scratch_log_fd(scratch);

	assert_int_equal(audit_scan(fd, count_calls, &told, NULL), BL_OK);
	assert_true(told >= answered);
	free(load);
	faulty_done(&faulty);
}

/* ---- making a log ---------------------------------------------------------------------------- */

static void a_log_is_made_again_wherever_making_it_died(void **state BL_UNUSED)
{
	bool has_failed = true;

	for (unsigned n = 0; has_failed; n++) {
		struct faulty faulty = {.fail_at = n, .fault = FAULT_DEAD};
		struct audit_io io = faulty_io(&faulty);
		struct scratch *scratch = scratch_new();
		struct keeper keeper = {.fails = fails_now, .context = &faulty};
		struct audit_config dying = config_of(scratch, &io, &keeper);
		struct audit_io quiet = quiet_io();
		struct audit_config sound = config_of(scratch, &quiet, &keeper);
		struct audit_report report;
		struct audit *audit = NULL;
		struct bl_error why = {""};
		enum bl_status status = audit_create(&dying, &why);

		has_failed = atomic_load(&faulty.has_failed);
		if (status != (has_failed ? BL_IO : BL_OK))
			fail_msg("call %u: making it says %s: %s", n, bl_status_name(status),
				 why.text);
		keeper.fails = NULL;
		status = audit_create(&sound, &why);
		if (status != BL_OK && status != BL_EXISTS)
			fail_msg("call %u: making it again says %s: %s", n, bl_status_name(status),
				 why.text);
		/* Whoever finds a log there holds its kit. */
		assert_true(keeper.kits >= 1);
		if (!has_failed) {
			assert_int_equal(status, BL_EXISTS);
			assert_int_equal(keeper.kits, 1);
		}
		if (audit_open(&sound, &audit, &why) != BL_OK)
			fail_msg("call %u: does not open: %s", n, why.text);
		assert_int_equal(scratch_fill(audit, 3), 3);
		audit_close(audit);
		if (verify_by_kit(scratch, &keeper, &report, &why) != BL_OK)
			fail_msg("call %u: verify says: %s", n, why.text);
		assert_true(report.has_macs);
		scratch_free(scratch);
		faulty_done(&faulty);
		assert_true(n < 200);
	}
}

static void no_log_is_made_whose_kit_nobody_kept(void **state)
{
	struct scratch *scratch = *state;
	struct keeper keeper = {.keeps = BL_IO};
	struct audit_config config = config_of(scratch, NULL, &keeper);
	struct audit *audit = NULL;
	struct audit_report report;

	assert_int_equal(audit_create(&config, NULL), BL_IO);
	assert_int_equal(audit_open(&config, &audit, NULL), BL_IO);
	assert_int_not_equal(faccessat(scratch->store_fd, "log/log.id", F_OK, 0), 0);
	keeper.keeps = BL_OK;
	assert_int_equal(audit_create(&config, NULL), BL_OK);
	assert_int_equal(audit_create(&config, NULL), BL_EXISTS);
	assert_int_equal(keeper.kits, 1);
	assert_int_equal(audit_open(&config, &audit, NULL), BL_OK);
	audit_close(audit);
	assert_int_equal(keeper.kits, 1);
	assert_int_equal(verify_by_kit(scratch, &keeper, &report, NULL), BL_OK);
}

/* ---- trimming -------------------------------------------------------------------------------- */

#define RUNS 4u /* each is a segment */

static void check_trimmed(const struct scratch *scratch, const struct keeper *keeper, unsigned n)
{
	struct audit_report report;
	struct bl_error why = {""};

	if (verify_by_kit(scratch, keeper, &report, &why) != BL_OK)
		fail_msg("call %u: verify says: %s", n, why.text);
	/* Not the segment that was being written, nor the one before. */
	if (report.trimmed_segments + report.segments < RUNS + 1)
		fail_msg("call %u: %lu segments and %lu tombstones", n,
			 (unsigned long)report.segments, (unsigned long)report.trimmed_segments);
}

/* One run; true when the fault was met. */
static bool trim_once(enum fault fault, unsigned n)
{
	struct faulty faulty = {.fail_at = UINT32_MAX, .fault = fault};
	struct audit_io io = faulty_io(&faulty), quiet = quiet_io();
	struct scratch *scratch = scratch_new();
	struct keeper keeper = {0};
	struct audit *audit = NULL;
	struct bl_error why = {""};
	size_t trimmed = 0, rest = 0;

	for (unsigned i = 0; i < RUNS; i++) {
		assert_int_equal(open_log(scratch, &quiet, &keeper, &audit, &why), BL_OK);
		assert_int_equal(scratch_fill(audit, 2), 2);
		audit_close(audit);
	}
	assert_int_equal(open_log(scratch, &io, &keeper, &audit, &why), BL_OK);
	faulty.fail_at = atomic_load(&faulty.calls) + n;

	enum bl_status status = audit_trim(audit, INT64_MAX, &trimmed, &why);
	bool has_failed = atomic_load(&faulty.has_failed);

	if (status != BL_OK && (!has_failed || (status != BL_IO && status != BL_LOG_BROKEN)))
		fail_msg("call %u: trimming says %s: %s", n, bl_status_name(status), why.text);
	audit_close(audit);
	check_trimmed(scratch, &keeper, n);
	assert_int_equal(open_log(scratch, &quiet, &keeper, &audit, &why), BL_OK);
	if (audit_trim(audit, INT64_MAX, &rest, &why) != BL_OK)
		fail_msg("call %u: trimming again: %s", n, why.text);
	audit_close(audit);
	check_trimmed(scratch, &keeper, n);
	/* Those of RUNS + 2 but for two; one more where the log went on in another segment when it failed. */
	if (trimmed + rest < RUNS || trimmed + rest > RUNS + 1)
		fail_msg("call %u: %zu and %zu were trimmed", n, trimmed, rest);
	scratch_free(scratch);
	faulty_done(&faulty);
	return has_failed;
}

static void a_trimming_that_fails_anywhere_loses_nothing_else(void **state BL_UNUSED)
{
	for (enum fault fault = FAULT_EIO; fault <= FAULT_DEAD; fault++) {
		unsigned n = 0;

		/* Closing makes calls as well; then there are no more. */
		while (trim_once(fault, n))
			n++;
		assert_true(n > 5 && n < 200);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_failing_loses_nothing_acknowledged),
		cmocka_unit_test(each_write_cut_short_loses_nothing_acknowledged),
		cmocka_unit_test(a_disk_that_dies_at_any_call_loses_nothing_acknowledged),
		cmocka_unit_test(an_unlatching_that_fails_anywhere_can_be_asked_for_again),
		TEST(who_waits_in_a_storm_is_answered_when_the_log_latches),
		cmocka_unit_test(a_log_is_made_again_wherever_making_it_died),
		TEST(no_log_is_made_whose_kit_nobody_kept),
		cmocka_unit_test(a_trimming_that_fails_anywhere_loses_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
