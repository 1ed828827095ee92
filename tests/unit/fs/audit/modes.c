/* A disk that fails: the log says no, goes on in its reserve for what must be, and is taken up again. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/format.h"
#include "tests/unit/fs/audit/faulty.h"
#include "tests/unit/fs/audit/scratch.h"

#include <sched.h>
#include <sys/wait.h>

struct modes {
	struct scratch *scratch; /* first: the kit is kept through it */
	struct faulty faulty;
	atomic_uint broken;
	sem_t announced;
	char text[200];
	struct audit *audit;
	/* A request whose frame fails; whether it was answered while on_broken ran. */
	struct audit_ticket ticket;
	atomic_bool is_answered, is_early;
	sem_t answered;
};

#define LOOKS 2000 /* turns that other threads get */

static void on_broken(void *context, const char *text)
{
	struct modes *modes = context;

	snprintf(modes->text, sizeof(modes->text), "%s", text);
	for (unsigned i = 0; i < LOOKS && !atomic_load(&modes->is_early); i++) {
		atomic_store(&modes->is_early, atomic_load(&modes->is_answered));
		sched_yield();
	}
	atomic_fetch_add(&modes->broken, 1);
	sem_post(&modes->announced);
}

static enum bl_status keep_kit(void *context, const struct audit_kit *kit, struct bl_error *why)
{
	struct modes *modes = context;

	return scratch_keep_kit(modes->scratch, kit, why);
}

static enum bl_status open_log(struct modes *modes, struct bl_error *why)
{
	struct audit_config config = {.store_fd = modes->scratch->store_fd,
				      .vault = modes->scratch->vault,
				      .segment_bytes = SCRATCH_SEGMENT,
				      .io = &modes->faulty.io,
				      .keep_kit = keep_kit,
				      .on_broken = on_broken,
				      .context = modes};

	return audit_open(&config, &modes->audit, why);
}

static int setup(void **state)
{
	struct modes *modes = calloc(1, sizeof(*modes));
	void *scratch = NULL;

	if (!modes || scratch_setup(&scratch) != 0)
		return -1;
	modes->scratch = scratch;
	faulty_init(&modes->faulty);
	sem_init(&modes->announced, 0, 0);
	sem_init(&modes->answered, 0, 0);
	*state = modes;
	return 0;
}

static int teardown(void **state)
{
	struct modes *modes = *state;
	void *scratch = modes->scratch;

	audit_close(modes->audit);
	faulty_done(&modes->faulty);
	sem_destroy(&modes->announced);
	sem_destroy(&modes->answered);
	scratch_teardown(&scratch);
	free(modes);
	return 0;
}

static void close_log(struct modes *modes)
{
	audit_close(modes->audit);
	modes->audit = NULL;
}

static enum bl_status append(struct modes *modes, enum audit_op op)
{
	struct audit_event event = scratch_event(1);

	event.op = op;
	return audit_append(modes->audit, &event, NULL, NULL);
}

static enum bl_status unlatch(struct modes *modes, struct bl_error *why)
{
	struct audit_event event = scratch_event(1);

	event.op = AUDIT_UNLATCHED;
	event.uid = 0;
	return audit_unlatch(modes->audit, &event, why);
}

static struct audit_state state_of(const struct modes *modes)
{
	struct audit_state now;

	audit_state(modes->audit, &now);
	return now;
}

/* ---- reading back ---------------------------------------------------------------------------- */

#define SEEN 4096

struct seen {
	unsigned count, ops[AUDIT_OP_COUNT];
	uint8_t row[SEEN]; /* ops in order */
	uint64_t unlatched_bytes;
	char latched[AUDIT_DETAIL_SIZE];
};

static bool see(void *context, const struct audit_record *record)
{
	struct seen *seen = context;

	seen->ops[record->event.op]++;
	if (seen->count < SEEN)
		seen->row[seen->count++] = (uint8_t)record->event.op;
	if (record->event.op == AUDIT_UNLATCHED)
		seen->unlatched_bytes = record->event.bytes;
	if (record->event.op == AUDIT_LATCHED)
		memcpy(seen->latched, record->event.detail, sizeof(seen->latched));
	return true;
}

static struct seen *see_all(const struct modes *modes)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	struct bl_error why = {""};
	int fd = scratch_log_fd(modes->scratch);

	if (!seen || audit_scan(fd, see, seen, &why) != BL_OK)
		fail_msg("the log cannot be read: %s", why.text);
	close(fd);
	return seen;
}

static void check_verifies(const struct modes *modes, const char *row)
{
	struct audit_report report;
	struct bl_error why = {""};

	if (scratch_verify(modes->scratch, &report, &why) != BL_OK)
		fail_msg("%s: does not verify: %s %s", row, why.text, report.problem);
	assert_true(report.has_macs);
}

static bool has_file(const struct modes *modes, const char *name)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "log/%s", name);
	return fstatat(modes->scratch->store_fd, path, &st, 0) == 0;
}

/* It is told first; the committer answers a checkpoint only when it has taken the log up again, or could not. */
static void wait_latched(struct modes *modes)
{
	sem_wait(&modes->announced);
	(void)!audit_checkpoint(modes->audit, NULL);
}

/* ---- every kind of failure ------------------------------------------------------------------- */

/* What makes the log use the part that fails. */
static void use_frames(struct modes *modes)
{
	/* More than a segment, and more than the key file waits for; only until it fails. */
	for (unsigned i = 0; i < 800; i++) {
		struct audit_event event = scratch_event(i);

		if (audit_append(modes->audit, &event, NULL, NULL) != BL_OK)
			return;
	}
}

static void use_notes(struct modes *modes)
{
	assert_int_equal(append(modes, AUDIT_OPEN), BL_OK);
	assert_int_equal(audit_checkpoint(modes->audit, NULL), BL_LOG_BROKEN);
}

static const struct failure {
	const char *name;
	unsigned calls;
	const char *file;
	void (*use)(struct modes *modes);
} FAILURES[] = {
	{"a write of a frame", FAULTY_WRITE, "/seg.", use_frames},
	{"half a frame", FAULTY_SHORT, "/seg.", use_frames},
	{"a sync of a frame", FAULTY_SYNC, "/seg.", use_frames},
	{"making the next segment", FAULTY_OPEN, "spare", use_frames},
	{"a write of the next segment", FAULTY_WRITE, "/spare", use_frames},
	{"half a write of the next segment", FAULTY_SHORT, "/spare", use_frames},
	{"a sync of the next segment", FAULTY_SYNC, "/spare", use_frames},
	{"naming the next segment", FAULTY_RENAME, "seg.", use_frames},
	{"syncing its name", FAULTY_SYNC_DIR, "/log", use_frames},
	{"a write of the key", FAULTY_WRITE, "/key", use_frames},
	{"half a key", FAULTY_SHORT, "/key", use_frames},
	{"a sync of the key", FAULTY_SYNC, "/key", use_frames},
	{"making a file of checkpoints", FAULTY_OPEN, "20", use_notes},
	{"a write of a checkpoint", FAULTY_WRITE, "/checkpoints/", use_notes},
	{"half a checkpoint", FAULTY_SHORT, "/checkpoints/", use_notes},
	{"a sync of a checkpoint", FAULTY_SYNC, "/checkpoints/", use_notes},
};

static void check_reserve(struct modes *modes, const char *row)
{
	static const enum audit_op TAKEN[] = {
		AUDIT_VIEW_REVOKED,   AUDIT_VIEW_CLOSED,  AUDIT_DUE,
		AUDIT_SHRED_INTENT,   AUDIT_SHRED_DONE,	  AUDIT_POLICY_LOADED,
		AUDIT_POLICY_REFUSED, AUDIT_SESSION_ENDED};
	static const enum audit_op REFUSED[] = {AUDIT_OPEN,	     AUDIT_READ,  AUDIT_LIST,
						AUDIT_VIEW_OPENED,   AUDIT_ADMIN, AUDIT_TRIMMED,
						AUDIT_SESSION_BEGUN, AUDIT_SHOWN};
	uint64_t before = state_of(modes).refused;

	for (size_t i = 0; i < BL_COUNT(TAKEN); i++)
		if (append(modes, TAKEN[i]) != BL_OK)
			fail_msg("%s: %s is not taken", row, audit_op_name(TAKEN[i]));
	for (size_t i = 0; i < BL_COUNT(REFUSED); i++)
		if (append(modes, REFUSED[i]) != BL_LOG_BROKEN)
			fail_msg("%s: %s is taken", row, audit_op_name(REFUSED[i]));
	assert_int_equal(state_of(modes).refused, before + BL_COUNT(REFUSED));
	assert_int_equal(audit_checkpoint(modes->audit, NULL), BL_OK);
}

static void check_record(struct modes *modes, const struct failure *failure, uint64_t refused)
{
	struct seen *seen = see_all(modes);

	if (seen->ops[AUDIT_LATCHED] != 1 || seen->ops[AUDIT_UNLATCHED] != 1 ||
	    seen->ops[AUDIT_SHRED_DONE] != 1)
		fail_msg("%s: %u latched, %u unlatched", failure->name, seen->ops[AUDIT_LATCHED],
			 seen->ops[AUDIT_UNLATCHED]);
	if (seen->unlatched_bytes != refused)
		fail_msg("%s: %lu were refused, it says %lu", failure->name, (unsigned long)refused,
			 (unsigned long)seen->unlatched_bytes);
	if (!seen->latched[0] || strstr(seen->latched, "/tmp"))
		fail_msg("%s: it says '%s'", failure->name, seen->latched);
	free(seen);
}

static void fail_and_mend(const struct failure *failure)
{
	void *state = NULL;
	struct bl_error why = {""};

	assert_int_equal(setup(&state), 0);

	struct modes *modes = state;

	assert_int_equal(open_log(modes, NULL), BL_OK);
	assert_true(has_file(modes, "reserve"));
	assert_true(has_file(modes, "ballast"));
	faulty_set(&modes->faulty, failure->calls, failure->file, 1);
	failure->use(modes);
	if (faulty_met(&modes->faulty) != 1)
		fail_msg("%s: was not met", failure->name);
	wait_latched(modes);

	struct audit_state now = state_of(modes);

	if (now.mode != AUDIT_RESERVE || now.is_writable || audit_is_writable(modes->audit))
		fail_msg("%s: mode %d, %s", failure->name, now.mode, now.broken_text);
	assert_string_equal(now.broken_text, modes->text);
	assert_false(has_file(modes, "ballast"));
	check_reserve(modes, failure->name);
	check_verifies(modes, failure->name);
	now = state_of(modes);
	if (unlatch(modes, &why) != BL_OK)
		fail_msg("%s: is not unlatched: %s", failure->name, why.text);
	assert_int_equal(unlatch(modes, NULL), BL_EXISTS);
	assert_true(audit_is_writable(modes->audit));
	assert_true(has_file(modes, "reserve"));
	assert_true(has_file(modes, "ballast"));
	assert_int_equal(state_of(modes).refused, 0);
	use_frames(modes);
	assert_int_equal(audit_checkpoint(modes->audit, NULL), BL_OK);
	assert_true(audit_is_writable(modes->audit));
	close_log(modes);
	check_verifies(modes, failure->name);
	check_record(modes, failure, now.refused);
	if (modes->faulty.synced_again)
		fail_msg("%s: a file is synced again whose sync failed", failure->name);
	assert_int_equal(atomic_load(&modes->broken), 1);
	teardown(&state);
}

static void whatever_fails_the_reserve_goes_on_and_unlatching_mends_it(void **state BL_UNUSED)
{
	for (size_t i = 0; i < BL_COUNT(FAILURES); i++)
		fail_and_mend(&FAILURES[i]);
}

/* ---- who is told first ----------------------------------------------------------------------- */

static void note_answer(struct audit_ticket *ticket, enum bl_status status)
{
	struct modes *modes = (struct modes *)((char *)ticket - offsetof(struct modes, ticket));

	assert_int_equal(status, BL_LOG_BROKEN);
	atomic_store(&modes->is_answered, true);
	sem_post(&modes->answered);
}

static void views_are_told_to_end_before_the_request_that_failed_is_answered(void **state)
{
	struct modes *modes = *state;
	struct audit_event event = scratch_event(1);

	assert_int_equal(open_log(modes, NULL), BL_OK);
	modes->ticket.done = note_answer;
	faulty_set(&modes->faulty, FAULTY_SYNC, "/seg.", 1);
	audit_submit(modes->audit, &event, &modes->ticket);
	while (sem_wait(&modes->answered) != 0)
		;
	wait_latched(modes);
	assert_false(atomic_load(&modes->is_early));
	assert_int_equal(atomic_load(&modes->broken), 1);
	assert_int_equal(state_of(modes).refused, 1);
}

/* ---- nothing works any more ------------------------------------------------------------------ */

static void latch(struct modes *modes, int times)
{
	assert_int_equal(open_log(modes, NULL), BL_OK);
	assert_int_equal(append(modes, AUDIT_OPEN), BL_OK);
	faulty_set(&modes->faulty, FAULTY_SYNC, "/seg.", times);
	assert_int_equal(append(modes, AUDIT_OPEN), BL_LOG_BROKEN);
	wait_latched(modes);
}

static void a_reserve_that_fails_as_well_leaves_nothing_until_it_is_unlatched(void **state)
{
	struct modes *modes = *state;
	struct bl_error why = {""};

	latch(modes, 2);
	assert_int_equal(state_of(modes).mode, AUDIT_DEAD);
	assert_int_equal(append(modes, AUDIT_VIEW_CLOSED), BL_LOG_BROKEN);
	assert_int_equal(append(modes, AUDIT_SHRED_DONE), BL_LOG_BROKEN);
	assert_int_equal(audit_checkpoint(modes->audit, NULL), BL_LOG_BROKEN);
	assert_int_equal(state_of(modes).refused, 3);
	assert_int_equal(unlatch(modes, &why), BL_OK);
	assert_int_equal(append(modes, AUDIT_OPEN), BL_OK);
	close_log(modes);
	check_verifies(modes, "both");

	struct seen *seen = see_all(modes);

	assert_int_equal(seen->unlatched_bytes, 3);
	free(seen);
	assert_int_equal(modes->faulty.synced_again, 0);
}

static void a_dead_log_closes_and_opens_again(void **state)
{
	struct modes *modes = *state;

	latch(modes, -1);
	assert_int_equal(state_of(modes).mode, AUDIT_DEAD);
	close_log(modes);
	faulty_set(&modes->faulty, 0, NULL, 0);
	assert_int_equal(open_log(modes, NULL), BL_OK);
	assert_true(audit_is_writable(modes->audit));
	close_log(modes);
	check_verifies(modes, "dead");
}

static void what_is_not_mended_cannot_be_unlatched(void **state)
{
	static const struct {
		unsigned calls;
		const char *name;
		enum audit_mode then;
	} ROWS[] = {
		{FAULTY_OPEN, "spare", AUDIT_RESERVE}, /* no room: it goes on as it did */
		{FAULTY_OPEN, "ballast", AUDIT_RESERVE},
		{FAULTY_RENAME, "seg.", AUDIT_DEAD}, /* and the new reserve has no name either */
	};
	struct modes *modes = *state;
	struct bl_error why = {""};

	latch(modes, 1);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		faulty_set(&modes->faulty, ROWS[i].calls, ROWS[i].name, -1);
		if (unlatch(modes, &why) != BL_IO || state_of(modes).mode != ROWS[i].then)
			fail_msg("row %zu: mode %d, %s", i, state_of(modes).mode, why.text);
		if (strcmp(state_of(modes).broken_text, why.text) != 0)
			fail_msg("row %zu: '%s' is not the reason given", i, why.text);
		if (append(modes, AUDIT_DUE) !=
		    (ROWS[i].then == AUDIT_RESERVE ? BL_OK : BL_LOG_BROKEN))
			fail_msg("row %zu: due", i);
		if (append(modes, AUDIT_OPEN) != BL_LOG_BROKEN)
			fail_msg("row %zu: open", i);
	}
	faulty_set(&modes->faulty, 0, NULL, 0);
	assert_int_equal(unlatch(modes, &why), BL_OK);
	assert_int_equal(append(modes, AUDIT_OPEN), BL_OK);
	close_log(modes);
	check_verifies(modes, "not mended");
	assert_int_equal(modes->faulty.synced_again, 0);
}

static void unlatching_that_fails_late_goes_on_in_the_new_reserve(void **state)
{
	struct modes *modes = *state;
	struct bl_error why = {""};

	latch(modes, 1);
	faulty_set(&modes->faulty, FAULTY_RENAME, "seg.", 1);
	assert_int_equal(unlatch(modes, &why), BL_IO);
	assert_int_equal(state_of(modes).mode, AUDIT_RESERVE);
	assert_int_equal(append(modes, AUDIT_DUE), BL_OK);
	assert_int_equal(unlatch(modes, &why), BL_OK);
	close_log(modes);
	check_verifies(modes, "late");

	struct seen *seen = see_all(modes);

	assert_int_equal(seen->ops[AUDIT_LATCHED], 2);
	assert_int_equal(seen->ops[AUDIT_UNLATCHED], 1);
	free(seen);
}

static void a_full_reserve_is_never_extended(void **state)
{
	struct modes *modes = *state;
	struct stat st;
	unsigned taken = 0;

	latch(modes, 1);
	while (append(modes, AUDIT_DUE) == BL_OK)
		taken++;
	assert_true(taken > 300);
	wait_latched(modes);
	assert_int_equal(state_of(modes).mode, AUDIT_DEAD);
	assert_int_equal(append(modes, AUDIT_SHRED_DONE), BL_LOG_BROKEN);

	struct seen *seen = see_all(modes);

	assert_int_equal(seen->ops[AUDIT_DUE], taken);
	free(seen);
	assert_int_equal(unlatch(modes, NULL), BL_OK);
	assert_int_equal(append(modes, AUDIT_OPEN), BL_OK);
	close_log(modes);
	check_verifies(modes, "full");
	assert_int_equal(fstatat(modes->scratch->store_fd, "log/reserve", &st, 0), 0);
	assert_int_equal(st.st_size, SEGMENT_SMALLEST);
}

/* ---- a failure on the way out of one ----------------------------------------------------------- */

#define SWEEP_LIMIT 200

static void mend_and_check(struct modes *modes, const char *what, int n)
{
	struct bl_error why = {""};
	char row[64];

	snprintf(row, sizeof(row), "%s, call %d", what, n);
	faulty_set(&modes->faulty, 0, NULL, 0);
	faulty_count(&modes->faulty, -1, false);
	if (!audit_is_writable(modes->audit)) {
		if (append(modes, AUDIT_OPEN) != BL_LOG_BROKEN)
			fail_msg("%s: an open is taken", row);
		if (unlatch(modes, &why) != BL_OK)
			fail_msg("%s: is not unlatched: %s", row, why.text);
	}
	if (append(modes, AUDIT_OPEN) != BL_OK)
		fail_msg("%s: takes nothing", row);
	close_log(modes);
	check_verifies(modes, row);
	if (modes->faulty.synced_again)
		fail_msg("%s: synced again", row);
}

/* True: the second failure was met. */
static bool latch_failing(int n)
{
	void *state = NULL;

	assert_int_equal(setup(&state), 0);

	struct modes *modes = state;

	assert_int_equal(open_log(modes, NULL), BL_OK);
	assert_int_equal(append(modes, AUDIT_OPEN), BL_OK);
	faulty_count(&modes->faulty, n, false);
	faulty_set(&modes->faulty, FAULTY_SYNC, "/seg.", 1);
	assert_int_equal(append(modes, AUDIT_OPEN), BL_LOG_BROKEN);
	wait_latched(modes);
	(void)!append(modes, AUDIT_VIEW_REVOKED);
	(void)!audit_checkpoint(modes->audit, NULL);
	(void)!append(modes, AUDIT_DUE);

	bool is_met = faulty_met(&modes->faulty) > 1;

	mend_and_check(modes, "latching", n);
	teardown(&state);
	return is_met;
}

static void a_second_failure_at_any_call_of_latching_leaves_a_log_that_mends(void **state BL_UNUSED)
{
	int n = 0;

	while (latch_failing(n))
		assert_true(++n < SWEEP_LIMIT);
	assert_true(n > 8);
}

static bool unlatch_failing(int n)
{
	void *state = NULL;

	assert_int_equal(setup(&state), 0);

	struct modes *modes = state;

	latch(modes, 1);
	faulty_set(&modes->faulty, 0, NULL, 0);
	faulty_count(&modes->faulty, n, true);

	enum bl_status status = unlatch(modes, NULL);
	bool is_met = faulty_met(&modes->faulty) > 0;

	if (status != (is_met ? BL_IO : BL_OK) && status != BL_OK)
		fail_msg("call %d of unlatching: %s", n, bl_status_name(status));
	mend_and_check(modes, "unlatching", n);
	teardown(&state);
	return is_met;
}

static void a_failure_at_any_call_of_unlatching_leaves_it_latched_and_whole(void **state BL_UNUSED)
{
	int n = 0;

	while (unlatch_failing(n))
		assert_true(++n < SWEEP_LIMIT);
	assert_true(n > 20);
}

static bool open_failing(int n)
{
	void *state = NULL;
	struct bl_error why = {""};

	assert_int_equal(setup(&state), 0);

	struct modes *modes = state;

	assert_int_equal(open_log(modes, NULL), BL_OK);
	close_log(modes);
	faulty_count(&modes->faulty, n, true);

	enum bl_status status = open_log(modes, &why);
	bool is_met = faulty_met(&modes->faulty) > 0;

	if (status != BL_OK && !(is_met && status == BL_IO))
		fail_msg("call %d of opening: %s: %s", n, bl_status_name(status), why.text);
	if (status != BL_OK) {
		modes->audit = NULL;
		faulty_count(&modes->faulty, -1, false);
		if (open_log(modes, &why) != BL_OK)
			fail_msg("call %d of opening: not again: %s", n, why.text);
	}
	mend_and_check(modes, "opening", n);
	teardown(&state);
	return is_met;
}

static void a_failure_at_any_call_of_opening_leaves_a_log_that_opens(void **state BL_UNUSED)
{
	int n = 0;

	while (open_failing(n))
		assert_true(++n < SWEEP_LIMIT);
	assert_true(n > 10);
}

/* ---- kill -9 at any call ------------------------------------------------------------------------ */

#define KILL_STEP 7 /* every so many calls: the sweep is long */

/* Opening, latching, going on in the reserve, unlatching, trimming, closing; every answer is counted where the parent sees it. */
static void live(struct modes *modes, atomic_uint *acknowledged)
{
	size_t trimmed;

	if (open_log(modes, NULL) != BL_OK)
		_exit(2);
	faulty_set(&modes->faulty, FAULTY_SYNC, "/seg.", 1);
	(void)!append(modes, AUDIT_OPEN);
	for (unsigned i = 0; i < 2; i++)
		if (append(modes, AUDIT_DUE) == BL_OK)
			atomic_fetch_add(acknowledged, 1);
	(void)!audit_checkpoint(modes->audit, NULL);
	if (unlatch(modes, NULL) != BL_OK)
		_exit(2);
	for (unsigned i = 0; i < 2; i++)
		if (append(modes, AUDIT_DUE) == BL_OK)
			atomic_fetch_add(acknowledged, 1);
	(void)!audit_trim(modes->audit, INT64_MAX, &trimmed, NULL);
	close_log(modes);
	_exit(0);
}

/* True: it was killed. */
static bool kill_at(int n, atomic_uint *acknowledged)
{
	void *state = NULL;
	struct bl_error why = {""};
	char row[32];
	int ended;

	assert_int_equal(setup(&state), 0);

	struct modes *modes = state;

	atomic_store(acknowledged, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(open_log(modes, NULL), BL_OK);
		close_log(modes);
	}

	pid_t child = fork();

	if (child == 0) {
		modes->faulty.is_deadly = true;
		faulty_count(&modes->faulty, n, true);
		live(modes, acknowledged);
	}
	assert_int_equal(waitpid(child, &ended, 0), child);
	snprintf(row, sizeof(row), "killed at call %d", n);
	if (!WIFEXITED(ended) || WEXITSTATUS(ended) > 1)
		fail_msg("%s: it ended with %d", row, ended);
	check_verifies(modes, row);
	if (open_log(modes, &why) != BL_OK)
		fail_msg("%s: does not open: %s", row, why.text);

	struct seen *seen = see_all(modes);

	if (seen->ops[AUDIT_DUE] < atomic_load(acknowledged))
		fail_msg("%s: %u of %u are there", row, seen->ops[AUDIT_DUE],
			 atomic_load(acknowledged));
	free(seen);
	close_log(modes);
	check_verifies(modes, row);
	teardown(&state);
	return WEXITSTATUS(ended) == 1;
}

static void
killed_at_any_call_the_log_opens_verifies_and_has_all_it_acknowledged(void **state BL_UNUSED)
{
	atomic_uint *acknowledged = mmap(NULL, sizeof(*acknowledged), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int n = 0;

	assert_true(acknowledged != MAP_FAILED);
	while (kill_at(n, acknowledged))
		n += KILL_STEP;
	assert_true(n > 40);
	assert_int_equal(atomic_load(acknowledged), 4);
	munmap(acknowledged, sizeof(*acknowledged));
}

/* ---- refusing, counted ----------------------------------------------------------------------- */

#define HAMMERS 8

struct hammer {
	struct modes *modes;
	atomic_bool is_over;
	atomic_uint refused, taken;
};

static void *hammer_run(void *context)
{
	struct hammer *hammer = context;

	while (!atomic_load(&hammer->is_over)) {
		bool is_taken = append(hammer->modes, AUDIT_OPEN) == BL_OK;

		atomic_fetch_add(is_taken ? &hammer->taken : &hammer->refused, 1);
	}
	return NULL;
}

static void the_number_refused_is_exact_whoever_asks_meanwhile(void **state)
{
	struct modes *modes = *state;
	struct hammer hammer = {.modes = modes};
	pthread_t threads[HAMMERS];

	assert_int_equal(open_log(modes, NULL), BL_OK);
	for (unsigned i = 0; i < HAMMERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer_run, &hammer), 0);
	while (atomic_load(&hammer.taken) < 50)
		sched_yield();
	faulty_set(&modes->faulty, FAULTY_SYNC, "/seg.", 1);
	wait_latched(modes);
	while (atomic_load(&hammer.refused) < 1000)
		sched_yield();
	assert_int_equal(unlatch(modes, NULL), BL_OK);

	unsigned taken = atomic_load(&hammer.taken);

	while (atomic_load(&hammer.taken) < taken + 50)
		sched_yield();
	atomic_store(&hammer.is_over, true);
	for (unsigned i = 0; i < HAMMERS; i++)
		pthread_join(threads[i], NULL);
	close_log(modes);
	check_verifies(modes, "hammer");

	struct seen *seen = see_all(modes);

	assert_int_equal(seen->unlatched_bytes, atomic_load(&hammer.refused));
	free(seen);
}

/* ---- opening without room -------------------------------------------------------------------- */

static void without_room_the_log_opens_in_the_reserve_of_the_run_before(void **state)
{
	struct modes *modes = *state;
	struct bl_error why = {""};

	assert_int_equal(open_log(modes, NULL), BL_OK);
	close_log(modes);
	faulty_set(&modes->faulty, FAULTY_OPEN, "spare", -1);
	assert_int_equal(open_log(modes, &why), BL_OK);
	wait_latched(modes);
	assert_int_equal(state_of(modes).mode, AUDIT_RESERVE);
	assert_false(has_file(modes, "ballast"));
	assert_int_equal(append(modes, AUDIT_OPEN), BL_LOG_BROKEN);
	assert_int_equal(append(modes, AUDIT_SHRED_INTENT), BL_OK);
	close_log(modes);
	check_verifies(modes, "in the reserve");

	struct seen *seen = see_all(modes);
	static const uint8_t ROW[] = {AUDIT_START,   AUDIT_STOP,	 AUDIT_START,
				      AUDIT_LATCHED, AUDIT_SHRED_INTENT, AUDIT_STOP};

	assert_int_equal(seen->count, sizeof(ROW));
	assert_memory_equal(seen->row, ROW, sizeof(ROW));
	free(seen);
	/* The reserve is used up: the next time there is none. */
	assert_int_equal(open_log(modes, &why), BL_IO);
	faulty_set(&modes->faulty, 0, NULL, 0);
	assert_int_equal(open_log(modes, &why), BL_OK);
	assert_true(audit_is_writable(modes->audit));
}

/* What latching left of the ballast's room is enough for one more of it, and for nothing else. */
static void without_room_the_log_opens_in_a_reserve_that_was_made_just_now(void **state)
{
	struct modes *modes = *state;
	struct bl_error why = {""};

	latch(modes, 1);
	close_log(modes);
	assert_false(has_file(modes, "reserve"));
	faulty_set(&modes->faulty, FAULTY_OPEN, "ballast", -1);
	if (open_log(modes, &why) != BL_OK)
		fail_msg("does not open: %s", why.text);
	wait_latched(modes);
	assert_int_equal(state_of(modes).mode, AUDIT_RESERVE);
	assert_int_equal(append(modes, AUDIT_SHRED_INTENT), BL_OK);
	faulty_set(&modes->faulty, 0, NULL, 0);
	assert_int_equal(unlatch(modes, &why), BL_OK);
	close_log(modes);
	check_verifies(modes, "in a reserve made just now");
}

static void a_log_without_room_from_the_start_is_none(void **state)
{
	struct modes *modes = *state;
	struct bl_error why = {""};

	faulty_set(&modes->faulty, FAULTY_OPEN, "spare", -1);
	assert_int_equal(open_log(modes, &why), BL_IO);
	assert_true(why.text[0] != '\0');
}

static void a_reserve_that_is_not_one_is_made_anew(void **state)
{
	static const struct {
		const char *name;
		off_t size, dirty_at;
	} ROWS[] = {{"too short", 4096, -1},
		    {"too long", SEGMENT_SMALLEST + 4096, -1},
		    {"first byte", SEGMENT_SMALLEST, 0},
		    {"last byte", SEGMENT_SMALLEST, SEGMENT_SMALLEST - 1}};
	struct modes *modes = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		assert_int_equal(open_log(modes, NULL), BL_OK);
		close_log(modes);

		int fd = openat(modes->scratch->store_fd, "log/reserve", O_RDWR | O_CLOEXEC);

		assert_int_equal(ftruncate(fd, ROWS[i].size), 0);
		if (ROWS[i].dirty_at >= 0)
			assert_int_equal(pwrite(fd, "X", 1, ROWS[i].dirty_at), 1);
		/* Where it cannot be made, it is not used either. */
		faulty_set(&modes->faulty, FAULTY_OPEN, "spare", -1);
		if (open_log(modes, NULL) != BL_IO)
			fail_msg("%s: it is used", ROWS[i].name);
		faulty_set(&modes->faulty, 0, NULL, 0);
		assert_int_equal(open_log(modes, NULL), BL_OK);
		close_log(modes);
		close(fd);
		fd = openat(modes->scratch->store_fd, "log/reserve", O_RDONLY | O_CLOEXEC);

		char bytes[4096], zeros[4096] = {0};
		struct stat st;

		assert_int_equal(fstat(fd, &st), 0);
		if (st.st_size != SEGMENT_SMALLEST || st.st_blocks * 512 < st.st_size)
			fail_msg("%s: %ld bytes", ROWS[i].name, (long)st.st_size);
		for (off_t at = 0; at < st.st_size; at += 4096) {
			assert_int_equal(pread(fd, bytes, sizeof(bytes), at), sizeof(bytes));
			assert_memory_equal(bytes, zeros, sizeof(bytes));
		}
		close(fd);
	}
	check_verifies(modes, "made anew");
}

/* ---- checkpoints of another day ---------------------------------------------------------------- */

static atomic_int days; /* how far the clock was put on */

static int64_t days_later(void *context BL_UNUSED)
{
	return audit_io_real()->realtime_ns(NULL) +
	       atomic_load(&days) * INT64_C(86400) * 1000000000;
}

static unsigned count_files(const struct modes *modes)
{
	int fd = openat(modes->scratch->store_fd, "log/checkpoints",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fdopendir(fd);
	unsigned count = 0;

	for (const struct dirent *entry; (entry = readdir(folder));)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static void fail_checkpoint(struct modes *modes, unsigned call, int times)
{
	atomic_store(&days, 0);
	modes->faulty.io.realtime_ns = days_later;
	assert_int_equal(open_log(modes, NULL), BL_OK);
	assert_int_equal(audit_checkpoint(modes->audit, NULL), BL_OK);
	assert_int_equal(append(modes, AUDIT_OPEN), BL_OK);
	faulty_set(&modes->faulty, call, "/checkpoints/", times);
	assert_int_equal(audit_checkpoint(modes->audit, NULL), BL_LOG_BROKEN);
	wait_latched(modes);
}

static void a_torn_checkpoint_is_written_over_also_on_another_day(void **state)
{
	struct modes *modes = *state;
	struct bl_error why = {""};

	fail_checkpoint(modes, FAULTY_SHORT, 2); /* in the reserve once more */
	atomic_store(&days, 1);
	assert_int_equal(unlatch(modes, &why), BL_OK);
	assert_int_equal(audit_checkpoint(modes->audit, NULL), BL_OK);
	assert_int_equal(append(modes, AUDIT_OPEN), BL_OK);
	assert_int_equal(audit_checkpoint(modes->audit, NULL), BL_OK);
	close_log(modes);
	check_verifies(modes, "torn, unlatched the day after");
	assert_int_equal(count_files(modes), 2);
}

static void a_checkpoint_that_a_crash_tore_is_written_over_also_on_another_day(void **state)
{
	struct modes *modes = *state;
	struct bl_error why = {""};
	char command[200];

	atomic_store(&days, 0);
	modes->faulty.io.realtime_ns = days_later;
	assert_int_equal(open_log(modes, NULL), BL_OK);
	close_log(modes);
	snprintf(command, sizeof(command), "printf torn >> \"$(ls %s/log/checkpoints/20*)\"",
		 modes->scratch->path);
	assert_int_equal(system(command), 0);
	check_verifies(modes, "torn");
	atomic_store(&days, 1);
	if (open_log(modes, &why) != BL_OK)
		fail_msg("does not open: %s", why.text);
	assert_int_equal(audit_checkpoint(modes->audit, NULL), BL_OK);
	check_verifies(modes, "written over");
	assert_int_equal(append(modes, AUDIT_OPEN), BL_OK);
	close_log(modes);
	check_verifies(modes, "the day after");
	assert_int_equal(count_files(modes), 2);
}

/* What the disk has of its last note nobody knows: no other file may follow on it before it was made anew. */
static void no_day_follows_on_a_file_whose_sync_failed(void **state)
{
	struct modes *modes = *state;

	fail_checkpoint(modes, FAULTY_SYNC, 1);
	atomic_store(&days, 1);
	assert_int_equal(append(modes, AUDIT_DUE), BL_OK);
	assert_int_equal(audit_checkpoint(modes->audit, NULL), BL_OK);
	assert_int_equal(count_files(modes), 1);
	assert_int_equal(unlatch(modes, NULL), BL_OK);
	assert_int_equal(audit_checkpoint(modes->audit, NULL), BL_OK);
	assert_int_equal(count_files(modes), 2);
	close_log(modes);
	check_verifies(modes, "synced no more");
}

/* A day whose file cannot be made leaves the place in the old one as it was. */
static void a_clock_put_back_after_a_day_without_file_overwrites_nothing(void **state)
{
	struct modes *modes = *state;

	fail_checkpoint(modes, FAULTY_SHORT, 1);
	assert_int_equal(append(modes, AUDIT_DUE), BL_OK);
	assert_int_equal(audit_checkpoint(modes->audit, NULL), BL_OK);
	atomic_store(&days, 1);
	faulty_set(&modes->faulty, FAULTY_OPEN, "20", 1);
	assert_int_equal(append(modes, AUDIT_DUE), BL_OK);
	assert_int_equal(audit_checkpoint(modes->audit, NULL), BL_OK);
	assert_int_equal(faulty_met(&modes->faulty), 1);
	atomic_store(&days, 0);
	assert_int_equal(audit_checkpoint(modes->audit, NULL), BL_OK);
	close_log(modes);
	check_verifies(modes, "put back");
}

/* ---- making only ----------------------------------------------------------------------------- */

static void a_log_is_created_once_and_without_any_event(void **state)
{
	struct modes *modes = *state;
	struct audit_config config = {.store_fd = modes->scratch->store_fd,
				      .vault = modes->scratch->vault,
				      .keep_kit = keep_kit,
				      .context = modes};

	assert_int_equal(audit_create(&config, NULL), BL_OK);
	assert_true(has_file(modes, "log.id"));
	assert_true(has_file(modes, "key"));
	assert_true(scratch_has_kit(modes->scratch));
	assert_int_equal(audit_create(&config, NULL), BL_EXISTS);

	struct seen *seen = see_all(modes);

	assert_int_equal(seen->count, 0);
	free(seen);
	assert_int_equal(open_log(modes, NULL), BL_OK);
	close_log(modes);
	check_verifies(modes, "created");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_fails_the_reserve_goes_on_and_unlatching_mends_it),
		TEST(views_are_told_to_end_before_the_request_that_failed_is_answered),
		TEST(a_reserve_that_fails_as_well_leaves_nothing_until_it_is_unlatched),
		TEST(a_dead_log_closes_and_opens_again),
		TEST(what_is_not_mended_cannot_be_unlatched),
		TEST(unlatching_that_fails_late_goes_on_in_the_new_reserve),
		TEST(a_full_reserve_is_never_extended),
		cmocka_unit_test(a_second_failure_at_any_call_of_latching_leaves_a_log_that_mends),
		cmocka_unit_test(a_failure_at_any_call_of_unlatching_leaves_it_latched_and_whole),
		cmocka_unit_test(a_failure_at_any_call_of_opening_leaves_a_log_that_opens),
		cmocka_unit_test(
			killed_at_any_call_the_log_opens_verifies_and_has_all_it_acknowledged),
		TEST(the_number_refused_is_exact_whoever_asks_meanwhile),
		TEST(without_room_the_log_opens_in_the_reserve_of_the_run_before),
		TEST(without_room_the_log_opens_in_a_reserve_that_was_made_just_now),
		TEST(a_log_without_room_from_the_start_is_none),
		TEST(a_reserve_that_is_not_one_is_made_anew),
		TEST(a_torn_checkpoint_is_written_over_also_on_another_day),
		TEST(a_checkpoint_that_a_crash_tore_is_written_over_also_on_another_day),
		TEST(no_day_follows_on_a_file_whose_sync_failed),
		TEST(a_clock_put_back_after_a_day_without_file_overwrites_nothing),
		TEST(a_log_is_created_once_and_without_any_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
