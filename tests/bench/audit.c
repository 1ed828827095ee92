/*
 * The log against plain writes of the same bytes, in interleaved rounds on one disk; the best of each side counts. What the log is:
 * log-load.h.
 *
 * audit.durable_64_vs_raw    64 requests in flight; the peer writes the same bytes of frames, with as many fdatasyncs
 * audit.durable_64_events_s  the same, counted: what a better batch gains makes the peer faster as well
 * audit.durable_d1_vs_raw    one request in flight, otherwise the same
 * audit.latency_64_ms_*      from submission to answer; .raw: as if each plain write and sync answered as many as a frame of ours, the
 *                            oldest of 64 first
 * audit.named_vs_plain       each event the first of its path, so that each brings a NAME record, against none of them
 * audit.bounded_events_s     permitted reads from as many threads as there are cores, durable within 20 ms
 * audit.append_vs_raw_write  no syncs at all: the cost of a record against one write() per record
 * audit.verify_records_s     all of that read again, with the kit: chain, macs, checkpoints
 */
#include "tests/bench/log-load.h"

#include <pthread.h>

#define ROUNDS	  11u
#define D1_EVENTS 1000u

/* ---- plain writes ------------------------------------------------------------------------------ */

/* A file prepared as the log's segments are: the peer gets the same ground. */
static int open_raw(const struct scratch *scratch, uint64_t size)
{
	static uint8_t zeros[1 << 20];
	int fd = openat(scratch->store_fd, "raw", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (uint64_t at = 0; at < size; at += sizeof(zeros))
		if (pwrite(fd, zeros, sizeof(zeros), (off_t)at) != (ssize_t)sizeof(zeros))
			load_die("cannot write plainly");
	if (fsync(fd) != 0)
		load_die("cannot write plainly");
	return fd;
}

/* What frames of ours took. */
struct frames {
	uint64_t bytes, syncs, events;
};

/* When the requests in flight were submitted: the oldest is answered first and asks again. */
struct waiting {
	int64_t since_ns[IN_FLIGHT];
	unsigned oldest;
	double *took_ms;
	unsigned told;
};

static void answer(struct waiting *waiting, unsigned count)
{
	int64_t now = now_ns();

	for (unsigned i = 0; i < count; i++) {
		int64_t *since_ns = &waiting->since_ns[waiting->oldest++ % IN_FLIGHT];

		waiting->took_ms[waiting->told++] = (double)(now - *since_ns) / 1e6;
		*since_ns = now;
	}
}

static double time_raw_frames(int fd, const struct frames *frames, off_t *at,
			      struct waiting *waiting)
{
	static uint8_t buffer[FRAME_LIMIT];
	size_t length = (size_t)(frames->bytes / frames->syncs);
	int64_t from_ns = now_ns();
	uint64_t answered = 0;

	for (unsigned i = 0; waiting && i < IN_FLIGHT; i++)
		waiting->since_ns[i] = from_ns;
	for (uint64_t i = 0; i < frames->syncs; i++) {
		uint64_t behind = frames->events * (i + 1) / frames->syncs;

		if (pwrite(fd, buffer, length, *at) != (ssize_t)length || fdatasync(fd) != 0)
			load_die("cannot write plainly");
		*at += (off_t)length;
		if (waiting)
			answer(waiting, (unsigned)(behind - answered));
		answered = behind;
	}
	return seconds_since(from_ns);
}

static double time_raw_records(int fd, size_t length, unsigned count)
{
	static uint8_t record[RECORD_LARGEST];
	int64_t from_ns = now_ns();

	if (lseek(fd, 0, SEEK_SET) != 0)
		load_die("cannot write plainly");
	for (unsigned i = 0; i < count; i++)
		if (write(fd, record, length) != (ssize_t)length)
			load_die("cannot write plainly");
	return seconds_since(from_ns);
}

/* ---- what the log wrote ------------------------------------------------------------------------ */

/* The bytes of all frames; keys, notes and headers the log writes on top of what the peer has to. */
static ssize_t count_write(void *context, int fd, const void *bytes, size_t length, uint64_t offset)
{
	atomic_ullong *written = context;

	if (length >= FRAME_HEADER && memcmp(bytes, "BLFR", 4) == 0)
		atomic_fetch_add(written, length);
	return audit_io_real()->write_at(NULL, fd, bytes, length, offset);
}

struct bench {
	struct audit *audit;
	atomic_ullong written;
	struct audit_io io;
	struct frames frames; /* of the last run */
};

static void bench_open(struct bench *bench, const struct scratch *scratch,
		       int (*sync_data)(void *context, int fd))
{
	bench->io = *audit_io_real();
	bench->io.context = &bench->written;
	bench->io.write_at = count_write;
	if (sync_data)
		bench->io.sync_data = sync_data;
	bench->audit = load_open(scratch, &bench->io);
}

static double bench_run(struct bench *bench, unsigned in_flight, unsigned events, unsigned names,
			double *out_took_ms)
{
	struct audit_state before, after;
	uint64_t written = atomic_load(&bench->written);

	audit_state(bench->audit, &before);

	double took = load_time(bench->audit, in_flight, events, names, out_took_ms);

	audit_state(bench->audit, &after);
	bench->frames = (struct frames){.bytes = atomic_load(&bench->written) - written,
					.syncs = after.syncs - before.syncs,
					.events = events};
	return took;
}

/* ---- figures ----------------------------------------------------------------------------------- */

/* Ours and the peer's, a pair of times for each round, and how many events took so long. */
struct pairs {
	double ours[ROUNDS], raw[ROUNDS];
	unsigned count, events;
};

static void pair_run(struct pairs *pairs, struct bench *bench, unsigned in_flight, int fd,
		     off_t *at)
{
	unsigned i = pairs->count++;

	pairs->ours[i] = bench_run(bench, in_flight, pairs->events, NAMES_USUAL, NULL);
	pairs->raw[i] = time_raw_frames(fd, &bench->frames, at, NULL);
}

/* The best of each side: what both could do on this machine. */
static void pairs_say(const struct pairs *pairs, const char *ratio, const char *rate)
{
	double best = least(pairs->ours, ROUNDS);
	double ratios[ROUNDS], rates[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		ratios[i] = pairs->raw[i] / pairs->ours[i];
		rates[i] = pairs->events / pairs->ours[i];
	}
	say(ratio, "x", 2, least(pairs->raw, ROUNDS) / best, ratios, ROUNDS);
	if (rate)
		say(rate, "1/s", 0, pairs->events / best, rates, ROUNDS);
}

static void bench_durable(struct bench *bench, int fd)
{
	struct pairs many = {.events = EVENTS}, alone = {.events = D1_EVENTS};
	double per_sync[ROUNDS];
	off_t at = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		pair_run(&many, bench, IN_FLIGHT, fd, &at);
		per_sync[i] = (double)EVENTS / (double)bench->frames.syncs;
		pair_run(&alone, bench, 1, fd, &at);
	}
	say("audit.durable_64_per_sync", "events", 1, median(per_sync, ROUNDS), per_sync, ROUNDS);
	pairs_say(&many, "audit.durable_64_vs_raw", "audit.durable_64_events_s");
	pairs_say(&alone, "audit.durable_d1_vs_raw", "audit.durable_d1_events_s");
}

static double nth(double *values, double part)
{
	qsort(values, EVENTS, sizeof(*values), by_size);
	return values[(size_t)(part * (EVENTS - 1))];
}

/* The tail is one round's; said is that of the round where it was shortest. */
static void bench_latency(struct bench *bench, int fd)
{
	static double ours[EVENTS], theirs[EVENTS];
	double p50[ROUNDS], p99[ROUNDS], raw[ROUNDS];
	off_t at = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct waiting waiting = {.took_ms = theirs};

		bench_run(bench, IN_FLIGHT, EVENTS, NAMES_USUAL, ours);
		time_raw_frames(fd, &bench->frames, &at, &waiting);
		p50[i] = nth(ours, .5);
		p99[i] = nth(ours, .99);
		raw[i] = nth(theirs, .99);
	}
	say("audit.latency_64_ms_p50", "ms", 3, least(p50, ROUNDS), p50, ROUNDS);
	say("audit.latency_64_ms_p99", "ms", 3, least(p99, ROUNDS), p99, ROUNDS);
	say("audit.latency_64_ms_p99.raw", "ms", 3, least(raw, ROUNDS), raw, ROUNDS);
}

static void bench_named(struct bench *bench)
{
	double plain[ROUNDS], named[ROUNDS], ratios[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		plain[i] = bench_run(bench, IN_FLIGHT, EVENTS / 2, NAMES_NEVER, NULL);
		named[i] = bench_run(bench, IN_FLIGHT, EVENTS / 2, NAMES_ALWAYS, NULL);
		ratios[i] = plain[i] / named[i];
	}
	say("audit.named_vs_plain", "x", 2, least(plain, ROUNDS) / least(named, ROUNDS), ratios,
	    ROUNDS);
}

static void *read_bounded(void *context)
{
	struct audit_event event = scratch_event(1); /* a permitted read */

	for (unsigned i = 0; i < EVENTS; i++) {
		event.offset = i * 4096u;
		if (audit_append(context, &event, NULL, NULL) != BL_OK)
			load_die("the log broke");
	}
	return NULL;
}

static void bench_bounded(struct bench *bench)
{
	pthread_t threads[64];
	unsigned cores = (unsigned)BL_MIN(sysconf(_SC_NPROCESSORS_ONLN), (long)BL_COUNT(threads));
	double rates[ROUNDS];

	audit_bounded(bench->audit, 20);
	for (unsigned i = 0; i < ROUNDS; i++) {
		int64_t from_ns = now_ns();

		for (unsigned k = 0; k < cores; k++)
			if (pthread_create(&threads[k], NULL, read_bounded, bench->audit) != 0)
				load_die("cannot start a thread");
		for (unsigned k = 0; k < cores; k++)
			pthread_join(threads[k], NULL);
		rates[i] = cores * EVENTS / seconds_since(from_ns);
	}
	audit_bounded(bench->audit, 0);
	say("audit.bounded_events_s", "1/s", 0, most(rates, ROUNDS), rates, ROUNDS);
}

static void bench_synced(const struct scratch *scratch)
{
	struct bench bench = {.audit = NULL};

	bench_open(&bench, scratch, NULL);

	int fd = open_raw(scratch, 128u << 20);

	bench_durable(&bench, fd);
	bench_latency(&bench, fd);
	bench_named(&bench);
	bench_bounded(&bench);
	close(fd);
	audit_close(bench.audit);
}

static int no_sync(void *context BL_UNUSED, int fd BL_UNUSED)
{
	return 0;
}

static void bench_append(const struct scratch *scratch)
{
	struct bench bench = {.audit = NULL};
	struct pairs pairs = {.events = EVENTS};
	unsigned records = EVENTS + EVENTS / NAMES_USUAL;

	bench_open(&bench, scratch, no_sync);

	int fd = open_raw(scratch, 32u << 20);

	for (unsigned i = 0; i < ROUNDS; i++) {
		pairs.ours[i] = bench_run(&bench, IN_FLIGHT, EVENTS, NAMES_USUAL, NULL);
		pairs.raw[i] = time_raw_records(fd, bench.frames.bytes / records, records);
	}
	close(fd);
	audit_close(bench.audit);
	pairs_say(&pairs, "audit.append_vs_raw_write", NULL);
}

static void bench_verify(const struct scratch *scratch)
{
	struct audit_report report;
	struct bl_error why;
	double rates[3];

	for (unsigned i = 0; i < BL_COUNT(rates); i++) {
		int64_t from_ns = now_ns();

		if (scratch_verify(scratch, &report, &why) != BL_OK)
			load_die(why.text);
		if (!report.has_macs || !report.names)
			load_die("macs or names were not there to be verified");
		rates[i] = (double)report.records / seconds_since(from_ns);
	}
	say("audit.verify_records_s", "1/s", 0, most(rates, BL_COUNT(rates)), rates,
	    BL_COUNT(rates));
}

static void run(const struct scratch *scratch, const char *argument BL_UNUSED)
{
	bench_synced(scratch);
	bench_append(scratch);
	bench_verify(scratch);
}

int main(void)
{
	return load_main(run, NULL);
}
