/* sweep.h - one call after the other fails, each in a run of its own: which, and what a run may have come to
 *
 * A run is a list of steps. Compared with a run in which nothing failed each step is the same, or an honest error without a byte.
 * SWEEP=all tries every call; else some of them, chosen by SEED. SWEEP_FROM begins further on, SWEEP_SAY says which is tried: a run that
 * hangs is killed by SIGALRM.
 */
#ifndef TESTS_FAULT_SWEEP_H
#define TESTS_FAULT_SWEEP_H

#include "tests/fault/failing-calls.h"

#include <sodium.h>

#define SWEEP_STEPS   64
#define SWEEP_SECONDS 60   /* of one run: it hangs */
#define NOT_ASKED     (-1) /* what it needs is not there */

struct sweep_step {
	const char *name;
	int error;
	size_t length;
	uint8_t digest[16];
	bool is_own; /* other bytes in each run: a key of its own made them */
};

struct sweep_run {
	struct sweep_step steps[SWEEP_STEPS];
	size_t count;
};

static struct {
	const char *what;
	enum fault_kind kind;
	long at;
	unsigned long seed;
} sweep;

static const char *const SWEEP_KINDS[] = {"allocation", "call", "nothing"};

#define sweep_fail(...)                                                                            \
	do {                                                                                       \
		const char *what_failed = atomic_load(&faults.what);                               \
		faults_off();                                                                      \
		print_error("%s, %s %ld (%s; SEED=%lu):\n", sweep.what, SWEEP_KINDS[sweep.kind],   \
			    sweep.at, what_failed ? what_failed : "none", sweep.seed);             \
		backtrace_symbols_fd(faults.trace, faults.depth, 2);                               \
		fail_msg(__VA_ARGS__);                                                             \
	} while (0)

/* What a step came to. @bytes of an error are none. */
static inline void sweep_note(struct sweep_run *run, const char *name, int error, const void *bytes,
			      size_t length)
{
	if (run->count == SWEEP_STEPS)
		sweep_fail("too many steps");
	struct sweep_step *step = &run->steps[run->count++];

	*step = (struct sweep_step){.name = name, .error = error, .length = error ? 0 : length};
	if (error && error != NOT_ASKED && length)
		sweep_fail("%s: an error with bytes", name);
	if (step->length)
		crypto_generichash(step->digest, sizeof(step->digest), bytes, length, NULL, 0);
}

/* The last step's bytes are not the same in every run. */
static inline void sweep_own(struct sweep_run *run)
{
	run->steps[run->count - 1].is_own = true;
}

static inline bool sweep_is_same(const struct sweep_step *a, const struct sweep_step *b)
{
	return a->error == b->error && a->length == b->length &&
	       (a->is_own || memcmp(a->digest, b->digest, sizeof(a->digest)) == 0);
}

/* Two of one run: where both answer it is the same answer. */
static inline void sweep_agree(const struct sweep_run *a, const struct sweep_run *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		if (!a->steps[i].error && !b->steps[i].error &&
		    memcmp(a->steps[i].digest, b->steps[i].digest, sizeof(a->steps[i].digest)) != 0)
			sweep_fail("%s: other bytes than after the fault", a->steps[i].name);
}

/* @honest ends in 0. NULL: nothing but the same will do. */
static inline void sweep_judge(const struct sweep_run *clean, const struct sweep_run *run,
			       const int *honest)
{
	if (run->count != clean->count)
		sweep_fail("%zu steps, not %zu", run->count, clean->count);
	for (size_t i = 0; i < run->count; i++) {
		const struct sweep_step *step = &run->steps[i], *wanted = &clean->steps[i];
		bool is_honest =
			sweep_is_same(step, wanted) || (honest && step->error == NOT_ASKED);

		for (const int *error = honest; !is_honest && error && *error; error++)
			is_honest = step->error == *error;
		if (!is_honest)
			sweep_fail("%s: %s with %zu bytes, not %s with %zu", step->name,
				   strerror(step->error), step->length, strerror(wanted->error),
				   wanted->length);
	}
}

struct sweep_plan {
	const char *what;
	/* One run from nothing to nothing, judged by itself; the faults are armed in it (sweep_armed). */
	void (*run)(void *context);
	void *context;
	long some; /* runs of a kind when not all are wanted */
};

static inline void sweep_armed(void)
{
	faults_arm(sweep.kind, sweep.at);
}

/* All that a run took it gave back. What libc keeps of its own (stacks of threads, a table) it takes once: a leak grows each time. */
static inline void sweep_one(const struct sweep_plan *plan)
{
	size_t descriptors = faults_count("/proc/self/fd"),
	       threads = faults_count("/proc/self/task");
	long grown = 1;

	for (unsigned again = 0; again < 4 && grown > 0; again++) {
		long live = atomic_load(&faults.live);

		if (getenv("SWEEP_SAY"))
			print_message("%s, %s %ld\n", plan->what, SWEEP_KINDS[sweep.kind],
				      sweep.at);
		alarm(SWEEP_SECONDS);
		plan->run(plan->context);
		alarm(0);
		if (faults_count("/proc/self/fd") != descriptors) {
			(void)!system("ls -l /proc/$PPID/fd >&2");
			sweep_fail("a descriptor is left open");
		}
		if (!faults_threads_are(threads))
			sweep_fail("a thread is left");
		if (faults_has_children())
			sweep_fail("a child is left");
		grown = atomic_load(&faults.live) - live;
	}
	if (grown > 0)
		sweep_fail("%ld blocks of memory are left", grown);
}

static inline long sweep_total(const struct sweep_plan *plan, enum fault_kind kind)
{
	sweep.kind = kind;
	sweep.at = LONG_MAX;
	sweep_one(plan);
	return LONG_MAX - atomic_load(&faults.left);
}

/* The calls of one kind that a run makes, all of them or some. */
static inline void sweep_kind(const struct sweep_plan *plan, enum fault_kind kind)
{
	const char *wanted = getenv("SWEEP"), *from = getenv("SWEEP_FROM");
	long total = sweep_total(plan, kind);
	bool is_all = (wanted && strcmp(wanted, "all") == 0) || total <= plan->some;
	long step = is_all ? 1 : total / plan->some, tried = 0;

	for (long at = from ? atol(from) : 0; at < total; at += step) {
		sweep.at = is_all ? at : at + (long)(random() % step);
		sweep_one(plan);
		tried++;
		if (!atomic_load(&faults.has_failed) && is_all)
			break;
	}
	print_message("%s: %ld of about %ld %ss failed\n", plan->what, tried, total,
		      SWEEP_KINDS[kind]);
	if (tried < 10)
		sweep_fail("there was nothing to fail");
}

static inline void sweep_all(const struct sweep_plan *plan)
{
	const char *seed = getenv("SEED");

	if (FAULTS_IN_THE_WAY)
		skip();
	sweep.what = plan->what;
	sweep.seed = seed ? strtoul(seed, NULL, 10) : (unsigned long)time(NULL);
	srandom((unsigned)sweep.seed);
	signal(SIGALRM, SIG_DFL);		    /* a handler would wait for what hangs */
	(void)backtrace(faults.trace, FAULT_TRACE); /* it allocates the first time */
	faults_off();
	plan->run(plan->context); /* what is taken once and kept */
	for (int kind = 0; kind < FAULT_KINDS; kind++)
		sweep_kind(plan, (enum fault_kind)kind);
}

#endif
