/* audit-load.h - a log with somebody around it who keeps the kit, and events for it; for the tests of a failing disk */
#ifndef TESTS_FAULT_AUDIT_LOAD_H
#define TESTS_FAULT_AUDIT_LOAD_H

#include "tests/unit/fs/audit/scratch.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define MS     INT64_C(1000000)
#define SECOND (1000 * MS)
#define EVENTS 1500u /* more than a segment of 256 KiB holds, so that the log rotates */

static inline BL_UNUSED void *zeroed(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

/* For what runs in the log's own threads, where cmocka cannot fail a test. */
static inline BL_UNUSED void must(bool is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "a test of the log: %s\n", what);
	abort();
}

static inline BL_UNUSED void wait_for(sem_t *semaphore, const char *what)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	while (sem_timedwait(semaphore, &until) != 0)
		if (errno != EINTR)
			fail_msg("waited in vain for %s", what);
}

/* ---- a log and who stands around it ---------------------------------------------------------- */

struct keeper {
	struct audit_kit kit;		/* the one kept last */
	unsigned kits;			/* how many were kept */
	enum bl_status keeps;		/* what keeping one comes to */
	atomic_uint broken;		/* how often the log latched */
	uint8_t auditors[1][AUDIT_KEY]; /* of a log that is made */
	bool (*fails)(void *context);	/* keeping a kit is one more call; may be NULL */
	/* Is told of each checkpoint; may be NULL. */
	void (*hand)(void *context, const struct audit_checkpoint_note *note);
	void *context; /* of both */
};

static inline BL_UNUSED enum bl_status keep_kit(void *context, const struct audit_kit *kit,
						struct bl_error *why)
{
	struct keeper *keeper = context;

	if (keeper->fails && keeper->fails(keeper->context))
		return bl_fail(why, BL_IO, "cannot keep the kit");
	if (keeper->keeps != BL_OK)
		return bl_fail(why, keeper->keeps, "cannot keep the kit");
	keeper->kit = *kit;
	keeper->kits++;
	return BL_OK;
}

static inline BL_UNUSED void count_broken(void *context, const char *text)
{
	struct keeper *keeper = context;

	must(text[0] != '\0', "it latched without a word");
	atomic_fetch_add(&keeper->broken, 1);
}

static inline BL_UNUSED void take_checkpoint(void *context,
					     const struct audit_checkpoint_note *note)
{
	struct keeper *keeper = context;

	if (keeper->hand)
		keeper->hand(keeper->context, note);
}

static inline BL_UNUSED struct audit_config
config_of(const struct scratch *scratch, const struct audit_io *io, struct keeper *keeper)
{
	uint8_t secret[AUDIT_KEY];

	auditor_new(secret, keeper->auditors[0]);
	return (struct audit_config){.store_fd = scratch->store_fd,
				     .vault = scratch->vault,
				     .segment_bytes = SCRATCH_SEGMENT,
				     .io = io,
				     .auditors = (const uint8_t(*)[AUDIT_KEY])keeper->auditors,
				     .auditor_count = 1,
				     .keep_kit = keep_kit,
				     .on_broken = count_broken,
				     .on_checkpoint = take_checkpoint,
				     .context = keeper};
}

static inline BL_UNUSED enum bl_status open_log(const struct scratch *scratch,
						const struct audit_io *io, struct keeper *keeper,
						struct audit **out_audit, struct bl_error *why)
{
	struct audit_config config = config_of(scratch, io, keeper);

	return audit_open(&config, out_audit, why);
}

/* Every mac, every checkpoint, the key: by the kit that was kept. */
static inline BL_UNUSED enum bl_status verify_by_kit(const struct scratch *scratch,
						     const struct keeper *keeper,
						     struct audit_report *out_report,
						     struct bl_error *why)
{
	struct audit_evidence evidence = {.kit = &keeper->kit};
	BL_CLEANUP(fd_close) int fd = scratch_log_fd(scratch);

	return audit_verify(fd, &evidence, out_report, why);
}

static inline BL_UNUSED struct scratch *scratch_new(void)
{
	void *state = NULL;

	if (scratch_setup(&state) != 0 || !state)
		abort();
	return state;
}

static inline BL_UNUSED void scratch_free(struct scratch *scratch)
{
	void *state = scratch;

	scratch_teardown(&state);
}

static inline BL_UNUSED int64_t plain_realtime(void *context BL_UNUSED)
{
	return audit_io_real()->realtime_ns(NULL);
}

static inline BL_UNUSED int64_t plain_boottime(void *context BL_UNUSED)
{
	return audit_io_real()->boottime_ns(NULL);
}

static inline BL_UNUSED int quiet_sync(void *context BL_UNUSED, int fd BL_UNUSED)
{
	return 0;
}

/* A sound disk. Nobody pulls a plug here: what is lost is lost on purpose, so nothing has to be waited for. */
static inline BL_UNUSED struct audit_io quiet_io(void)
{
	struct audit_io io = *audit_io_real();

	io.sync_data = io.sync_dir = quiet_sync;
	return io;
}

/* ---- a load ---------------------------------------------------------------------------------- */

struct load_state;

struct load_ticket {
	struct audit_ticket ticket; /* first */
	struct load_state *load;
	struct audit_event event;
	enum bl_status status;
	int64_t asked_ns; /* just before it was submitted */
	atomic_bool is_done;
};

struct load_state {
	struct load_ticket tickets[EVENTS];
	atomic_uint left;
	sem_t done;
	/* Is told of each event that was taken; may be NULL. */
	void (*acknowledged)(void *context, const struct load_ticket *ticket);
	void *context;
};

static inline BL_UNUSED void load_done(struct audit_ticket *ticket, enum bl_status status)
{
	struct load_ticket *mine = (struct load_ticket *)ticket;
	struct load_state *load = mine->load;

	must(!atomic_load(&mine->is_done), "a ticket was answered twice");
	mine->status = status;
	if (status == BL_OK && load->acknowledged)
		load->acknowledged(load->context, mine);
	atomic_store(&mine->is_done, true);
	if (atomic_fetch_sub(&load->left, 1) == 1)
		sem_post(&load->done);
}

static inline BL_UNUSED void load_begin(struct load_state *load, unsigned count)
{
	memset(load->tickets, 0, sizeof(load->tickets));
	for (unsigned i = 0; i < EVENTS; i++)
		load->tickets[i].status = BL_FAILED;
	atomic_store(&load->left, count);
	sem_init(&load->done, 0, 0);
}

static inline BL_UNUSED void load_submit(struct load_state *load, struct audit *audit,
					 unsigned number, const struct audit_event *event)
{
	static const uint8_t LN[VAULT_KEY] = {7};
	const struct audit_name name = {.kind = AUDIT_NAME_PATH,
					.device = event->device,
					.log_names_key = LN,
					.token = event->token,
					.text = "1/Pictures/2026/holiday.jpg",
					.length = 27};
	struct load_ticket *mine = &load->tickets[number];

	mine->ticket.done = load_done;
	mine->load = load;
	mine->event = *event;
	mine->asked_ns = plain_boottime(NULL);
	audit_submit_named(audit, event, &name, number % 50 == 1, &mine->ticket);
}

static inline BL_UNUSED void load_end(struct load_state *load)
{
	wait_for(&load->done, "the load's events");
	sem_destroy(&load->done);
}

static inline BL_UNUSED void load_wait(const struct load_state *load, unsigned number)
{
	while (!atomic_load(&load->tickets[number].is_done))
		sched_yield();
}

/* The first @alone events one after the other, a frame each; then as many in a frame as fit. */
static inline BL_UNUSED void load_run(struct load_state *load, struct audit *audit, unsigned alone)
{
	load_begin(load, EVENTS);
	for (unsigned i = 0; i < EVENTS; i++) {
		struct audit_event event = scratch_event(i);

		event.handle = i + 1;
		load_submit(load, audit, i, &event);
		if (i < alone)
			load_wait(load, i);
	}
	load_end(load);
}

#endif
