/* log-load.h - what the benches of the log put on it: events of many requests at once, as FUSE would bring them
 *
 * A request asks again as soon as it is answered. The log is one with a kit and two auditors, as a service's is: every frame has its
 * mac, the key file moves along, and every 64th event is the first of its path in the segment and brings its NAME record.
 */
#ifndef TESTS_BENCH_LOG_LOAD_H
#define TESTS_BENCH_LOG_LOAD_H

#include "fs/audit/format.h"
#include "tests/unit/fs/audit/scratch.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define IN_FLIGHT    64u
#define EVENTS	     40000u
#define NAMES_USUAL  64u /* one event in so many */
#define NAMES_ALWAYS 1u
#define NAMES_NEVER  UINT32_MAX

_Noreturn static inline BL_UNUSED void load_die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static inline BL_UNUSED int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline BL_UNUSED double seconds_since(int64_t from_ns)
{
	return (double)(now_ns() - from_ns) / 1e9;
}

static inline BL_UNUSED int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline BL_UNUSED double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_size);
	return values[count / 2];
}

/*
 * The figure, and how far the rounds lie apart beside it (not among the figures): what else the machine did shows there. Sorts @values.
 */
static inline BL_UNUSED void say(const char *name, const char *unit, int digits, double value,
				 double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_size);
	printf("bench: %s %.*f %s\n", name, digits, value, unit);
	fflush(stdout);
	fprintf(stderr, "rounds: %s %.*f..%.*f\n", name, digits, values[0], digits,
		values[count - 1]);
}

static inline BL_UNUSED double least(const double *values, size_t count)
{
	double value = values[0];

	for (size_t i = 1; i < count; i++)
		value = BL_MIN(value, values[i]);
	return value;
}

static inline BL_UNUSED double most(const double *values, size_t count)
{
	double value = values[0];

	for (size_t i = 1; i < count; i++)
		value = BL_MAX(value, values[i]);
	return value;
}

/*
 * Run on a store of its own, which is removed however that ends. Whoever interrupts it interrupts the child; the parent clears up.
 */
static inline BL_UNUSED int
load_main(void (*run)(const struct scratch *scratch, const char *argument), const char *argument)
{
	static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP};
	void *scratch = NULL;
	int status = 1;

	if (scratch_setup(&scratch) != 0)
		load_die("cannot make a store");
	for (size_t i = 0; i < BL_COUNT(SIGNALS); i++)
		signal(SIGNALS[i], SIG_IGN);

	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (size_t i = 0; i < BL_COUNT(SIGNALS); i++)
			signal(SIGNALS[i], SIG_DFL);
		run(scratch, argument);
		exit(0);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	scratch_teardown(&scratch);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* ---- requests ---------------------------------------------------------------------------------- */

struct load_run {
	struct audit *audit;
	unsigned names;	 /* one event in so many brings a path */
	double *took_ms; /* of each event, from its submission to its answer; NULL: not asked for */
	atomic_uint left, flying, told;
	sem_t done;
};

struct load_request {
	struct audit_ticket ticket; /* first */
	struct load_run *run;
	int64_t since_ns;
};

static inline void load_submit(struct load_run *run, unsigned number, struct audit_ticket *ticket)
{
	static const uint8_t LN[VAULT_KEY] = {0x17};
	struct audit_event event = scratch_event(number);
	char path[64];

	if (number % run->names != 0) {
		audit_submit(run->audit, &event, ticket);
		return;
	}
	int length = snprintf(path, sizeof(path), "p1-ext4/home/kim/mail/2026/%08u.eml", number);
	const struct audit_name name = {.kind = AUDIT_NAME_PATH,
					.device = event.device,
					.log_names_key = LN,
					.token = event.token,
					.text = path,
					.length = (size_t)length};

	audit_submit_named(run->audit, &event, &name, 1, ticket);
}

/* The answer goes out, the next request comes in. */
static inline void load_again(struct audit_ticket *ticket, enum bl_status status)
{
	struct load_request *request = (struct load_request *)ticket;
	struct load_run *run = request->run;
	unsigned left = atomic_load(&run->left);

	if (status != BL_OK)
		load_die("the log broke");
	if (run->took_ms && request->since_ns)
		run->took_ms[atomic_fetch_add(&run->told, 1)] =
			(double)(now_ns() - request->since_ns) / 1e6;
	while (left && !atomic_compare_exchange_weak(&run->left, &left, left - 1))
		;
	if (!left) {
		if (atomic_fetch_sub(&run->flying, 1) == 1)
			sem_post(&run->done);
		return;
	}
	request->since_ns = run->took_ms ? now_ns() : 0;
	load_submit(run, left, ticket);
}

/* Seconds that @events take, with @in_flight requests at a time. */
static inline BL_UNUSED double load_time(struct audit *audit, unsigned in_flight, unsigned events,
					 unsigned names, double *out_took_ms)
{
	struct load_request requests[IN_FLIGHT];
	struct load_run run = {.audit = audit,
			       .names = names,
			       .took_ms = out_took_ms,
			       .left = events,
			       .flying = in_flight};
	int64_t from_ns = now_ns();

	sem_init(&run.done, 0, 0);
	for (unsigned i = 0; i < in_flight; i++) {
		requests[i] = (struct load_request){.ticket.done = load_again, .run = &run};
		load_again(&requests[i].ticket, BL_OK);
	}
	sem_wait(&run.done);
	sem_destroy(&run.done);
	return seconds_since(from_ns);
}

/* ---- the log ----------------------------------------------------------------------------------- */

static inline BL_UNUSED struct audit *load_open(const struct scratch *scratch,
						const struct audit_io *io)
{
	uint8_t auditors[2][AUDIT_KEY], secret[AUDIT_KEY];
	struct audit_config config = {.store_fd = scratch->store_fd,
				      .vault = scratch->vault,
				      .io = io,
				      .auditors = auditors,
				      .auditor_count = BL_COUNT(auditors),
				      .keep_kit = scratch_keep_kit,
				      .context = (void *)(uintptr_t)scratch};
	struct audit *audit = NULL;
	struct bl_error why;

	for (size_t i = 0; i < BL_COUNT(auditors); i++)
		auditor_new(secret, auditors[i]);
	if (audit_open(&config, &audit, &why) != BL_OK)
		load_die(why.text);
	/* The first two segments are small ones: get to a full one before anything is measured. */
	load_time(audit, IN_FLIGHT, (20u << 20) / 144, NAMES_USUAL, NULL);
	return audit;
}

#endif
