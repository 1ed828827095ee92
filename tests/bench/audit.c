/*
 * The log against plain writes of the same bytes, in interleaved rounds on one disk.
 *
 * audit.durable_64_vs_raw    64 requests in flight; the peer writes the same bytes, as many fdatasyncs
 * audit.durable_64_events_s  the same, counted: what a better batch gains makes the peer faster as well
 * audit.append_vs_raw_write  no syncs at all: the cost of a record against one write() per record
 */
#include "fs/audit/format.h"
#include "tests/unit/fs/audit/scratch.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define ROUNDS	  7
#define IN_FLIGHT 64
#define EVENTS	  40000u

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct run {
	struct audit *audit;
	atomic_uint left;
	atomic_uint flying;
	sem_t done;
};

struct request {
	struct audit_ticket ticket; /* first */
	struct run *run;
};

/* As FUSE would: the answer goes out, the next request comes in. */
static void again(struct audit_ticket *ticket, enum bl_status status)
{
	struct request *request = (struct request *)ticket;
	struct run *run = request->run;

	if (status != BL_OK)
		abort();

	unsigned left = atomic_load(&run->left);

	while (left && !atomic_compare_exchange_weak(&run->left, &left, left - 1))
		;
	if (!left) {
		if (atomic_fetch_sub(&run->flying, 1) == 1)
			sem_post(&run->done);
		return;
	}

	struct audit_event event = scratch_event(left);

	audit_submit(run->audit, &event, ticket);
}

static double time_log(struct audit *audit, unsigned in_flight, unsigned events)
{
	struct request requests[IN_FLIGHT];
	struct run run = {.audit = audit, .left = events, .flying = in_flight};
	double from = now_s();

	sem_init(&run.done, 0, 0);
	for (unsigned i = 0; i < in_flight; i++) {
		requests[i] = (struct request){.ticket.done = again, .run = &run};
		again(&requests[i].ticket, BL_OK);
	}
	sem_wait(&run.done);
	sem_destroy(&run.done);
	return now_s() - from;
}

/* A file prepared as the log's segments are: the peer gets the same ground. */
static int open_raw(const struct scratch *scratch, uint64_t size)
{
	static uint8_t zeros[1 << 20];
	int fd = openat(scratch->store_fd, "raw", O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (uint64_t at = 0; at < size; at += sizeof(zeros))
		if (pwrite(fd, zeros, sizeof(zeros), (off_t)at) != (ssize_t)sizeof(zeros))
			abort();
	if (fsync(fd) != 0)
		abort();
	return fd;
}

static double time_raw_frames(int fd, uint64_t bytes, uint64_t syncs, off_t *at)
{
	static uint8_t buffer[FRAME_LIMIT];
	size_t length = (size_t)(bytes / syncs);
	double from = now_s();

	for (uint64_t i = 0; i < syncs; i++) {
		if (pwrite(fd, buffer, length, *at) != (ssize_t)length || fdatasync(fd) != 0)
			abort();
		*at += (off_t)length;
	}
	return now_s() - from;
}

static double time_raw_records(int fd, size_t length, unsigned count)
{
	static uint8_t record[RECORD_LARGEST];
	double from = now_s();

	if (lseek(fd, 0, SEEK_SET) != 0)
		abort();
	for (unsigned i = 0; i < count; i++)
		if (write(fd, record, length) != (ssize_t)length)
			abort();
	return now_s() - from;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_size);
	return values[count / 2];
}

static size_t record_length(void)
{
	uint8_t record[RECORD_LARGEST];
	struct audit_event event = scratch_event(1);

	return format_record(&event, record);
}

static struct audit *open_log(const struct scratch *scratch, const struct audit_io *io)
{
	struct audit_config config = {
		.store_fd = scratch->store_fd, .vault = scratch->vault, .io = io};
	struct audit *audit = NULL;
	struct bl_error why;

	if (audit_open(&config, &audit, &why) != BL_OK) {
		fprintf(stderr, "%s\n", why.text);
		abort();
	}
	/* The first two segments are small ones: get to a full one before anything is measured. */
	time_log(audit, IN_FLIGHT, (20u << 20) / (unsigned)record_length());
	return audit;
}

static void bench_durable(const struct scratch *scratch)
{
	struct audit *audit = open_log(scratch, NULL);
	int fd = open_raw(scratch, 96u << 20);
	double ratios[ROUNDS], alone[ROUNDS], rates[ROUNDS];
	off_t at = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct audit_state before, after;

		audit_state(audit, &before);

		double ours = time_log(audit, IN_FLIGHT, EVENTS);

		audit_state(audit, &after);

		uint64_t syncs = after.syncs - before.syncs;
		uint64_t bytes =
			(uint64_t)EVENTS * record_length() + syncs * (FRAME_HEADER + FRAME_TRAILER);

		ratios[i] = time_raw_frames(fd, bytes, syncs, &at) / ours;
		rates[i] = EVENTS / ours;
		alone[i] = 1000 / time_log(audit, 1, 1000);
		if (i == ROUNDS - 1)
			printf("bench: audit.durable_64_per_sync %.1f events\n",
			       (double)EVENTS / (double)syncs);
	}
	close(fd);
	audit_close(audit);
	printf("bench: audit.durable_64_vs_raw %.2f x\n", median(ratios, ROUNDS));
	printf("bench: audit.durable_64_events_s %.0f 1/s\n", median(rates, ROUNDS));
	printf("bench: audit.durable_d1_events_s %.0f 1/s\n", median(alone, ROUNDS));
}

static int no_sync(void *context BL_UNUSED, int fd BL_UNUSED)
{
	return 0;
}

static void bench_append(const struct scratch *scratch)
{
	struct audit_io io = *audit_io_real();
	double ratios[ROUNDS];

	io.sync_data = no_sync;

	struct audit *audit = open_log(scratch, &io);
	int fd = open_raw(scratch, 32u << 20);

	for (unsigned i = 0; i < ROUNDS; i++) {
		double ours = time_log(audit, IN_FLIGHT, EVENTS);

		ratios[i] = time_raw_records(fd, record_length(), EVENTS) / ours;
	}
	close(fd);
	audit_close(audit);
	printf("bench: audit.append_vs_raw_write %.2f x\n", median(ratios, ROUNDS));
}

static void bench_verify(const struct scratch *scratch)
{
	struct audit_report report;
	struct bl_error why;
	double rates[3];

	for (unsigned i = 0; i < BL_COUNT(rates); i++) {
		double from = now_s();

		if (scratch_verify(scratch, &report, &why) != BL_OK) {
			fprintf(stderr, "%s\n", why.text);
			abort();
		}
		rates[i] = (double)report.records / (now_s() - from);
	}
	printf("bench: audit.verify_records_s %.0f 1/s\n", median(rates, BL_COUNT(rates)));
}

int main(void)
{
	void *state = NULL;

	if (scratch_setup(&state) != 0) {
		fputs("cannot make a store\n", stderr);
		return 1;
	}
	bench_durable(state);
	bench_append(state);
	bench_verify(state);
	scratch_teardown(&state);
	return 0;
}
