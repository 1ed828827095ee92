/* The writer: what was acknowledged is there, whatever happened; nobody else may write. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/format.h"
#include "fs/audit/framekey.h"
#include "tests/unit/fs/audit/scratch.h"
#include "tests/unit/fs/audit/key.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- many threads ---------------------------------------------------------------------------- */

#define THREADS	   64
#define PER_THREAD 100

struct crowd {
	struct audit *audit;
	atomic_uint failed, number;
	atomic_uchar seen[THREADS * PER_THREAD + 200];
};

static void *crowd_run(void *context)
{
	struct crowd *crowd = context;

	for (unsigned i = 0; i < PER_THREAD; i++) {
		struct audit_event event = scratch_event(atomic_fetch_add(&crowd->number, 1));
		uint64_t sequence = 0;

		if (audit_append(crowd->audit, &event, &sequence, NULL) != BL_OK ||
		    sequence >= sizeof(crowd->seen) ||
		    atomic_fetch_add(&crowd->seen[sequence], 1) != 0)
			atomic_fetch_add(&crowd->failed, 1);
	}
	return NULL;
}

static void sixty_four_threads_get_a_number_each_and_verify(void **state)
{
	struct scratch *scratch = *state;
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct audit_report report;
	struct audit_state after;
	pthread_t threads[THREADS];

	assert_int_equal(scratch_open(scratch, NULL, &crowd->audit, NULL), BL_OK);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, crowd_run, crowd), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	audit_state(crowd->audit, &after);
	audit_close(crowd->audit);
	assert_int_equal(atomic_load(&crowd->failed), 0);
	assert_int_equal(after.durable_sequence, THREADS * PER_THREAD + 1);
	assert_true(after.syncs < THREADS * PER_THREAD); /* one for all who wait */
	assert_true(after.segment > 1);
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);
	assert_int_equal(report.records, THREADS * PER_THREAD + 2);
	free(crowd);
}

/* ---- followers -------------------------------------------------------------------------------- */

#define FOLLOWED 500u

struct follower {
	struct audit *audit;
	uint64_t seen, first;
	unsigned waits;
};

/* Until all of them are there: a wake-up that is lost ends it only with the test's own alarm. */
static void *follow(void *context)
{
	struct follower *follower = context;

	while (follower->seen < follower->first + FOLLOWED) {
		uint64_t durable = audit_wait(follower->audit, follower->seen, 3600u * 1000);

		if (durable <= follower->seen)
			return NULL;
		follower->seen = durable;
		follower->waits++;
	}
	return NULL;
}

static void followers_are_woken_by_every_frame(void **state)
{
	struct scratch *scratch = *state;
	struct follower followers[4];
	pthread_t threads[BL_COUNT(followers)];
	struct audit_state before;
	struct audit *audit;

	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	audit_state(audit, &before);
	alarm(120);
	for (size_t i = 0; i < BL_COUNT(followers); i++) {
		followers[i] = (struct follower){audit, before.durable_sequence,
						 before.durable_sequence, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, follow, &followers[i]), 0);
	}
	for (unsigned i = 0; i < FOLLOWED; i++) {
		struct audit_event event = scratch_event(i);

		assert_int_equal(audit_append(audit, &event, NULL, NULL), BL_OK);
	}
	for (size_t i = 0; i < BL_COUNT(followers); i++) {
		pthread_join(threads[i], NULL);
		assert_true(followers[i].seen >= before.durable_sequence + FOLLOWED);
		assert_true(followers[i].waits <= FOLLOWED);
	}
	/* Nothing comes: it says so when its time is over. */
	audit_state(audit, &before);
	assert_int_equal(audit_wait(audit, before.durable_sequence, 1), before.durable_sequence);
	alarm(0);
	audit_close(audit);
}

/* ---- tickets --------------------------------------------------------------------------------- */

struct chain {
	struct audit_ticket ticket; /* first */
	struct audit *audit;
	unsigned left, number;
	uint64_t last;
	bool is_ordered;
	sem_t *done;
};

static void submit_next(struct audit_ticket *ticket, enum bl_status status)
{
	struct chain *chain = (struct chain *)ticket;

	chain->is_ordered = chain->is_ordered && status == BL_OK && ticket->sequence > chain->last;
	chain->last = ticket->sequence;
	if (chain->left-- == 0) {
		sem_post(chain->done);
		return;
	}

	struct audit_event event = scratch_event(chain->number++);

	audit_submit(chain->audit, &event, ticket);
}

static void a_ticket_may_submit_again_from_its_done(void **state)
{
	struct scratch *scratch = *state;
	struct chain chains[64];
	struct audit *audit = NULL;
	struct audit_report report;
	sem_t done;

	sem_init(&done, 0, 0);
	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	for (unsigned i = 0; i < BL_COUNT(chains); i++) {
		struct audit_event event = scratch_event(i);

		chains[i] = (struct chain){.ticket.done = submit_next,
					   .audit = audit,
					   .number = 1000 * (i + 1),
					   .left = 50,
					   .is_ordered = true,
					   .done = &done};
		audit_submit(audit, &event, &chains[i].ticket);
	}
	for (unsigned i = 0; i < BL_COUNT(chains); i++)
		sem_wait(&done);
	audit_close(audit);
	for (unsigned i = 0; i < BL_COUNT(chains); i++)
		assert_true(chains[i].is_ordered);
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);
	assert_int_equal(report.records, 64 * 51 + 2);
	sem_destroy(&done);
}

static void a_checkpoint_vouches_for_everything_before_it(void **state)
{
	struct scratch *scratch = *state;
	struct audit *audit = NULL;
	struct audit_report report;

	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	assert_int_equal(scratch_fill(audit, 5), 5);
	assert_int_equal(audit_checkpoint(audit, NULL), BL_OK);
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK); /* while it is written */
	assert_int_equal(report.checkpointed_sequence, 6);
	assert_int_equal(audit_checkpoint(audit, NULL), BL_OK); /* nothing new: nothing written */
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);
	assert_int_equal(report.checkpoints, 1);
	audit_close(audit);
}

static void checkpoints_of_earlier_runs_stay_and_a_torn_one_is_written_over(void **state)
{
	struct scratch *scratch = *state;
	struct audit *audit = NULL;
	struct audit_report report;
	char name[64] = "", command[200];

	for (unsigned run = 1; run <= 3; run++) {
		assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
		audit_close(audit);
		assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);
		if (report.checkpoints != run)
			fail_msg("run %u: %lu checkpoints", run, (unsigned long)report.checkpoints);
	}

	int fd = openat(scratch->store_fd, "log/checkpoints", O_RDONLY | O_DIRECTORY);
	DIR *folder = fdopendir(fd);

	for (const struct dirent *entry; (entry = readdir(folder));)
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, name) > 0)
			snprintf(name, sizeof(name), "%.12s", entry->d_name);
	closedir(folder);
	snprintf(command, sizeof(command), "printf 'bailee.log/v1\\n12' >>%s/log/checkpoints/%s",
		 scratch->path, name);
	assert_int_equal(system(command), 0);
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);
	assert_true(report.is_torn);
	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	audit_close(audit);
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);
	assert_false(report.is_torn);
	assert_int_equal(report.checkpoints, 4);
}

/* ---- an injected clock ----------------------------------------------------------------------- */

struct clock {
	const struct audit_io *real;
	atomic_llong ahead_ns;
};

static int64_t late_boottime(void *context)
{
	struct clock *clock = context;

	return clock->real->boottime_ns(NULL) + atomic_load(&clock->ahead_ns);
}

struct count {
	unsigned heartbeats, starts, recovered;
	char detail[AUDIT_DETAIL_SIZE];
};

static bool count_record(void *context, const struct audit_record *record)
{
	struct count *count = context;

	count->heartbeats += record->event.op == AUDIT_HEARTBEAT;
	count->starts += record->event.op == AUDIT_START;
	if (record->event.op == AUDIT_RECOVERED) {
		count->recovered++;
		memcpy(count->detail, record->event.detail, sizeof(count->detail));
	}
	return true;
}

static struct count count_all(const struct scratch *scratch)
{
	struct count count = {0};
	int fd = scratch_log_fd(scratch);

	assert_int_equal(audit_scan(fd, count_record, &count, NULL), BL_OK);
	close(fd);
	return count;
}

static void time_passing_gives_a_checkpoint_and_a_heartbeat(void **state)
{
	struct scratch *scratch = *state;
	struct clock clock = {.real = audit_io_real()};
	struct audit_io io = *audit_io_real();
	struct audit *audit = NULL;
	struct audit_report report;
	struct audit_state now;

	io.context = &clock;
	io.boottime_ns = late_boottime;
	assert_int_equal(scratch_open(scratch, &io, &audit, NULL), BL_OK);
	atomic_store(&clock.ahead_ns, INT64_C(10) * 1000000000);
	assert_int_equal(scratch_fill(audit, 2),
			 2); /* the second waits for the checkpoint after the first */
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);
	assert_true(report.checkpoints >= 1);
	atomic_store(&clock.ahead_ns, INT64_C(80) * 1000000000);
	do
		audit_state(audit, &now);
	while (now.durable_sequence < 4 && sched_yield() == 0);
	audit_close(audit);
	assert_int_equal(count_all(scratch).heartbeats, 1);
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);
}

/* ---- denials without end --------------------------------------------------------------------- */

#define DENIALS 20000u

struct storm_ticket {
	struct audit_ticket ticket; /* first */
	struct storm_load *load;
	enum bl_status status;
};

struct storm_load {
	struct storm_ticket tickets[DENIALS];
	atomic_uint told, bad;
};

static void storm_told(struct audit_ticket *ticket, enum bl_status status)
{
	struct storm_ticket *mine = (struct storm_ticket *)ticket;

	mine->status = status;
	atomic_fetch_add(&mine->load->bad, status != BL_OK);
	atomic_fetch_add(&mine->load->told, 1);
}

static struct audit_event denial(void)
{
	struct audit_event event = scratch_event(5);

	event.verdict = AUDIT_DENIED;
	event.repeats = 77; /* only the log itself says how often */
	return event;
}

static void rage(struct audit *audit, struct storm_load *load)
{
	struct audit_event event = denial();

	for (unsigned i = 0; i < DENIALS; i++) {
		load->tickets[i] = (struct storm_ticket){.ticket.done = storm_told, .load = load};
		audit_submit(audit, &event, &load->tickets[i].ticket);
	}
}

struct denials {
	uint64_t records, events;
	uint64_t counts[DENIALS + 10]; /* by sequence number: how many that record stands for */
};

static bool count_denial(void *context, const struct audit_record *record)
{
	struct denials *denials = context;

	if (record->event.verdict != AUDIT_DENIED)
		return true;
	denials->records++;
	denials->events += 1 + (uint64_t)record->event.repeats;
	if (record->sequence < BL_COUNT(denials->counts))
		denials->counts[record->sequence] = 1 + (uint64_t)record->event.repeats;
	return true;
}

static void denials_of_one_kind_are_gathered_and_counted_exactly(void **state)
{
	struct scratch *scratch = *state;
	struct storm_load *load = calloc(1, sizeof(*load));
	struct denials *denials = calloc(1, sizeof(*denials));
	struct audit *audit = NULL;
	struct audit_report report;

	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	rage(audit, load);
	while (atomic_load(&load->told) < DENIALS / 2) /* told while it is open */
		sched_yield();
	audit_close(audit); /* and the rest by closing */
	assert_int_equal(atomic_load(&load->told), DENIALS);
	assert_int_equal(atomic_load(&load->bad), 0);

	int fd = scratch_log_fd(scratch);

	assert_int_equal(audit_scan(fd, count_denial, denials, NULL), BL_OK);
	close(fd);
	assert_int_equal(denials->events, DENIALS);
	assert_true(denials->records < DENIALS / 10);
	/* Each was told the number of a record that counts it. */
	for (unsigned i = 0; i < DENIALS; i++) {
		uint64_t sequence = load->tickets[i].ticket.sequence;

		assert_true(sequence < BL_COUNT(denials->counts));
		if (denials->counts[sequence]-- == 0)
			fail_msg("denial %u: record %lu does not count it", i,
				 (unsigned long)sequence);
	}
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);
	free(denials);
	free(load);
}

static atomic_bool *breaking_flag(void *context)
{
	return context;
}

static ssize_t break_write(void *context, int fd, const void *bytes, size_t length, uint64_t offset)
{
	if (!atomic_load(breaking_flag(context)))
		return audit_io_real()->write_at(NULL, fd, bytes, length, offset);
	errno = EIO;
	return -1;
}

static void a_log_that_breaks_refuses_who_was_gathered(void **state)
{
	struct scratch *scratch = *state;
	struct storm_load *load = calloc(1, sizeof(*load));
	struct audit_io io = *audit_io_real();
	struct audit *audit = NULL;
	struct audit_state after;
	atomic_bool breaks = false;

	io.context = &breaks;
	io.write_at = break_write;
	assert_int_equal(scratch_open(scratch, &io, &audit, NULL), BL_OK);
	atomic_store(&breaks, true);
	rage(audit, load);
	while (atomic_load(&load->told) < DENIALS)
		sched_yield();
	assert_int_equal(atomic_load(&load->bad), DENIALS);
	audit_state(audit, &after);
	assert_int_equal(after.refused, DENIALS);
	audit_close(audit);
	free(load);
}

/* ---- the key, and what start tells of it ------------------------------------------------------- */

static uint64_t key_frame(const struct scratch *scratch)
{
	struct framekey key = {.frame = 0};
	uint64_t generation;
	uint8_t log_id[LOG_ID_SIZE];
	int fd = scratch_log_fd(scratch);

	assert_int_equal(audit_log_id(fd, log_id, NULL), BL_OK);
	assert_int_equal(key_read(fd, log_id, &key, &generation, NULL), BL_OK);
	close(fd);
	return key.frame;
}

struct starts {
	unsigned count;
	uint64_t offset, bytes; /* of the last one */
};

static bool find_start(void *context, const struct audit_record *record)
{
	struct starts *starts = context;

	if (record->event.op == AUDIT_START) {
		starts->count++;
		starts->offset = record->event.offset;
		starts->bytes = record->event.bytes;
	}
	return true;
}

static struct starts find_starts(const struct scratch *scratch)
{
	struct starts starts = {0};
	int fd = scratch_log_fd(scratch);

	assert_int_equal(audit_scan(fd, find_start, &starts, NULL), BL_OK);
	close(fd);
	return starts;
}

static void after_an_orderly_stop_nothing_is_forgeable(void **state)
{
	struct scratch *scratch = *state;
	struct audit *audit = NULL;
	struct audit_report report;
	struct starts starts;

	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	assert_int_equal(scratch_fill(audit, 3), 3);
	audit_close(audit);
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);
	assert_int_equal(key_frame(scratch), report.frames + 1);
	starts = find_starts(scratch);
	assert_int_equal(starts.offset, 1);
	assert_int_equal(starts.bytes, 0);
	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	audit_close(audit);
	starts = find_starts(scratch);
	assert_int_equal(starts.count, 2);
	assert_int_equal(starts.offset, report.frames + 1);
	assert_int_equal(starts.bytes, 0);
}

static void the_key_follows_within_256_frames_and_is_never_ahead(void **state)
{
	struct scratch *scratch = *state;
	struct audit *audit = NULL;
	struct audit_state now;

	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t before = key_frame(scratch);

		assert_int_equal(scratch_fill(audit, FRAMEKEY_EVERY), FRAMEKEY_EVERY);
		/* Alone each event has a frame: frame n holds record n. */
		while (key_frame(scratch) == before)
			sched_yield();
		uint64_t frame = key_frame(scratch);

		audit_state(audit, &now);
		if (frame > now.durable_sequence + 1)
			fail_msg("key of frame %lu, %lu are durable", (unsigned long)frame,
				 (unsigned long)now.durable_sequence);
		assert_true(now.forgeable_frames <= now.durable_sequence + 1 - before);
	}
	audit_close(audit);
}

/* ---- who is told of checkpoints ---------------------------------------------------------------- */

struct noted {
	const struct scratch *scratch;
	atomic_uint count;
	atomic_ullong sequence;
	bool is_there; /* in its file when it was told */
};

static void on_checkpoint(void *context, const struct audit_checkpoint_note *note)
{
	struct noted *noted = context;
	char path[64], bytes[AUDIT_NOTE];
	time_t day = (time_t)note->realtime_s;
	struct tm tm;
	struct stat st;

	strftime(path, sizeof(path), "log/checkpoints/%Y-%m-%d", gmtime_r(&day, &tm));

	int fd = openat(noted->scratch->store_fd, path, O_RDONLY | O_CLOEXEC);

	noted->is_there = fstat(fd, &st) == 0 &&
			  pread(fd, bytes, AUDIT_NOTE, st.st_size - AUDIT_NOTE) == AUDIT_NOTE &&
			  memcmp(bytes, note->text, AUDIT_NOTE) == 0;
	close(fd);
	atomic_store(&noted->sequence, note->sequence);
	atomic_fetch_add(&noted->count, 1);
}

static void each_checkpoint_is_told_once_it_is_there(void **state)
{
	struct scratch *scratch = *state;
	struct noted noted = {.scratch = scratch};
	struct audit_config config = {.store_fd = scratch->store_fd,
				      .vault = scratch->vault,
				      .segment_bytes = SCRATCH_SEGMENT,
				      .on_checkpoint = on_checkpoint,
				      .context = &noted};
	struct audit *audit = NULL;
	struct audit_state now;

	assert_int_equal(audit_open(&config, &audit, NULL), BL_OK);
	assert_int_equal(scratch_fill(audit, 2), 2);
	assert_int_equal(audit_checkpoint(audit, NULL), BL_OK);
	audit_state(audit, &now);
	assert_int_equal(atomic_load(&noted.count), 1);
	assert_int_equal(atomic_load(&noted.sequence), now.durable_sequence);
	assert_int_equal(now.noted_sequence, now.durable_sequence);
	assert_true(noted.is_there);
	audit_close(audit); /* the one of the stop */
	assert_int_equal(atomic_load(&noted.count), 2);
	assert_true(noted.is_there);
}

static void the_header_tells_the_policy_in_force_when_it_was_begun(void **state)
{
	struct scratch *scratch = *state;
	struct audit *audit = NULL;
	struct audit_state now;
	uint8_t digest[32], bytes[SEGMENT_HEADER];
	char name[64];

	memset(digest, 0x5a, sizeof(digest));
	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	audit_policy(audit, digest);
	/* Each of a kind of its own: one denial again and again would be gathered. */
	for (unsigned i = 0, segment = 1; segment == 1; i++) {
		struct audit_event event = scratch_event(i);

		assert_int_equal(audit_append(audit, &event, NULL, NULL), BL_OK);
		audit_state(audit, &now);
		segment = (unsigned)now.segment;
	}
	snprintf(name, sizeof(name), "log/seg.%016lx", (unsigned long)now.durable_sequence);

	int fd = openat(scratch->store_fd, name, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	close(fd);
	assert_memory_equal(bytes + 104, digest, sizeof(digest));
	audit_close(audit);
}

/* ---- old segments ------------------------------------------------------------------------------ */

static void trimming_leaves_the_segment_being_written_and_the_one_before(void **state)
{
	struct scratch *scratch = *state;
	struct audit *audit = NULL;
	struct audit_report report;
	struct bl_error why = {""};
	size_t segments = 0;

	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	assert_int_equal(scratch_fill(audit, 2000), 2000);

	struct audit_state now;

	audit_state(audit, &now);
	assert_true(now.segment > 3);
	if (audit_trim(audit, INT64_MAX, &segments, &why) != BL_OK)
		fail_msg("%s", why.text);
	assert_int_equal(segments, now.segment - 2);
	audit_close(audit);
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);
	assert_int_equal(report.trimmed_segments, segments);
}

/* ---- who may --------------------------------------------------------------------------------- */

static void a_second_writer_is_refused(void **state)
{
	struct scratch *scratch = *state;
	struct audit *first = NULL, *second = NULL;

	assert_int_equal(scratch_open(scratch, NULL, &first, NULL), BL_OK);
	assert_int_equal(scratch_open(scratch, NULL, &second, NULL), BL_LOCKED);
	assert_null(second);
	audit_close(first);
	assert_int_equal(scratch_open(scratch, NULL, &second, NULL), BL_OK);
	audit_close(second);
}

static void a_folder_open_to_others_is_refused(void **state)
{
	static const mode_t MODES[] = {0755, 0750, 0701, 0720};
	struct scratch *scratch = *state;
	struct audit *audit = NULL;

	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	audit_close(audit);
	for (size_t i = 0; i < BL_COUNT(MODES); i++) {
		assert_int_equal(fchmodat(scratch->store_fd, "log", MODES[i], 0), 0);
		if (scratch_open(scratch, NULL, &audit, NULL) != BL_INVALID)
			fail_msg("mode %o was not refused", MODES[i]);
	}
}

static void write_at(const struct scratch *scratch, const char *name, size_t at, const void *bytes,
		     size_t length)
{
	char path[128];

	snprintf(path, sizeof(path), "log/%s", name);

	int fd = openat(scratch->store_fd, path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, length, (off_t)at), length);
	close(fd);
}

static void read_header(const struct scratch *scratch, uint8_t out[SEGMENT_HEADER])
{
	int fd = openat(scratch->store_fd, "log/seg.0000000000000001", O_RDONLY);

	assert_int_equal(pread(fd, out, SEGMENT_HEADER, 0), SEGMENT_HEADER);
	close(fd);
}

static void a_foreign_or_newer_log_is_refused_and_left_alone(void **state)
{
	struct scratch *scratch = *state;
	struct audit *audit = NULL;
	uint8_t header[SEGMENT_HEADER], newer[SEGMENT_HEADER];

	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	audit_close(audit);
	read_header(scratch, header);
	memcpy(newer, header, sizeof(newer));
	newer[8] = LOG_VERSION + 1;
	format_leaf(newer, SEGMENT_HEADER - 32, newer + SEGMENT_HEADER - 32);
	write_at(scratch, "seg.0000000000000001", 0, newer, sizeof(newer));
	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_TAMPERED);
	write_at(scratch, "seg.0000000000000001", 0, header, sizeof(header));
	write_at(scratch, "log.id", 0, "FOREIGN", 7); /* one of ours, but for its beginning */
	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_TAMPERED);
	memset(newer, 'F', sizeof(newer));
	write_at(scratch, "log.id", 0, newer, sizeof(newer));
	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_INVALID);
	assert_int_equal(unlinkat(scratch->store_fd, "log/log.id", 0), 0);
	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_TAMPERED);
}

/* ---- recovery -------------------------------------------------------------------------------- */

/* A log whose last frames are not below a checkpoint: its writer was killed. */
static void leave_open(const struct scratch *scratch, unsigned events)
{
	pid_t child = fork();

	if (child == 0) {
		struct audit *audit = NULL;

		if (scratch_open(scratch, NULL, &audit, NULL) != BL_OK ||
		    scratch_fill(audit, events) != events)
			_exit(1);
		kill(getpid(), SIGKILL);
	}

	int how = 0;

	assert_int_equal(waitpid(child, &how, 0), child);
	assert_true(WIFSIGNALED(how));
}

static void start_tells_how_much_was_forgeable(void **state)
{
	struct scratch *scratch = *state;
	struct audit *audit = NULL;
	struct audit_report report;

	leave_open(scratch, 4);
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);

	uint64_t frame = key_frame(scratch);

	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	audit_close(audit);

	struct starts starts = find_starts(scratch);

	assert_int_equal(starts.count, 2);
	assert_int_equal(starts.offset, frame);
	assert_int_equal(starts.bytes, report.frames + 1 - frame);
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);
}

static size_t last_frame(const struct scratch *scratch, size_t *out_length)
{
	static uint8_t bytes[SCRATCH_SEGMENT];
	int fd = openat(scratch->store_fd, "log/seg.0000000000000001", O_RDONLY);
	struct frame_header header;
	size_t at = SEGMENT_HEADER, last = 0;

	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	close(fd);
	while (format_frame_header_parse(bytes + at, &header)) {
		last = at;
		*out_length = header.length;
		at += header.length;
	}
	return last;
}

static void a_torn_tail_is_cut_and_told_wherever_it_is_torn(void **state)
{
	struct scratch *scratch = *state;
	struct audit *audit = NULL;
	struct audit_report report;
	size_t length = 0;

	leave_open(scratch, 4);

	size_t at = last_frame(scratch, &length);
	uint8_t *zeros = calloc(1, length);

	/* Bytes behind `keep` never reached the disk. One run for each would be slow: every 13th. */
	for (size_t keep = 1; keep < length; keep += 13) {
		char path[80], copy[80], command[300], detail[60];
		struct scratch again = *scratch;

		snprintf(path, sizeof(path), "%s/log", scratch->path);
		snprintf(copy, sizeof(copy), "%s/copy", scratch->path);
		snprintf(command, sizeof(command), "mkdir -m 0700 '%s' && cp -a '%s' '%s/log'",
			 copy, path, copy);
		assert_int_equal(system(command), 0);
		again.store_fd = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		write_at(&again, "seg.0000000000000001", at + keep, zeros, length - keep);
		assert_int_equal(scratch_verify(&again, &report, NULL), BL_OK);
		if (!report.is_torn || report.last_sequence != 4)
			fail_msg("torn at %zu: not told", keep);
		assert_int_equal(scratch_open(&again, NULL, &audit, NULL), BL_OK);
		assert_int_equal(scratch_fill(audit, 1), 1);
		audit_close(audit);
		assert_int_equal(scratch_verify(&again, &report, NULL), BL_OK);
		assert_false(report.is_torn);

		struct count count = count_all(&again);

		snprintf(detail, sizeof(detail), "tail at=%zu length=", at);
		assert_int_equal(count.recovered, 1);
		if (strncmp(count.detail, detail, strlen(detail)) != 0)
			fail_msg("torn at %zu: %s", keep, count.detail);
		/* What was cut stays where it was, and is vouched for: neither changed nor taken away. */
		write_at(&again, "seg.0000000000000001", at, "X", 1);
		assert_int_equal(scratch_verify(&again, &report, NULL), BL_TAMPERED);
		write_at(&again, "seg.0000000000000001", at, zeros, keep);
		assert_int_equal(scratch_verify(&again, &report, NULL), BL_TAMPERED);
		close(again.store_fd);
		scratch_remove(copy);
	}
	free(zeros);
}

static void what_no_single_torn_frame_can_leave_is_tampering(void **state)
{
	struct scratch *scratch = *state;
	struct audit *audit = NULL;
	size_t length = 0;

	leave_open(scratch, 4);

	size_t end = last_frame(scratch, &length);

	end += length;

	static const struct {
		size_t behind;
		bool is_tampering;
	} ROWS[] = {{0, false}, {500, false}, {FRAME_LIMIT - 1, false}, {FRAME_LIMIT, true}};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_report report;

		write_at(scratch, "seg.0000000000000001", end + ROWS[i].behind, "X", 1);

		enum bl_status status = scratch_verify(scratch, &report, NULL);

		if (status != (ROWS[i].is_tampering ? BL_TAMPERED : BL_OK))
			fail_msg("row %zu: %s", i, bl_status_name(status));
		if (ROWS[i].is_tampering)
			assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_TAMPERED);
		write_at(scratch, "seg.0000000000000001", end + ROWS[i].behind, "\0", 1);
	}
}

static void a_frame_broken_before_a_later_one_is_tampering(void **state)
{
	struct scratch *scratch = *state;
	struct audit *audit = NULL;
	struct audit_report report;
	size_t length = 0;

	leave_open(scratch, 6);

	size_t at = last_frame(scratch, &length);

	write_at(scratch, "seg.0000000000000001", at - 100, "\xff\xff",
		 2); /* the mac of the one before */
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_TAMPERED);
	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_TAMPERED);
}

/* Everything that could be acknowledged is told over a pipe; then the writer is shot. */
static void child_write(const struct scratch *scratch, int pipe_fd)
{
	struct audit *audit = NULL;

	if (scratch_open(scratch, NULL, &audit, NULL) != BL_OK)
		_exit(1);
	for (unsigned i = 0;; i++) {
		struct audit_event event = scratch_event(i);
		uint64_t sequence;

		if (audit_append(audit, &event, &sequence, NULL) != BL_OK ||
		    write(pipe_fd, &sequence, sizeof(sequence)) != sizeof(sequence))
			_exit(1);
	}
}

static void no_acknowledged_record_is_missing_after_kill_9(void **state)
{
	struct scratch *scratch = *state;
	uint64_t newest = 0;

	for (unsigned round = 0; round < 100; round++) {
		int ends[2];
		uint64_t sequence;
		struct audit_report report;

		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);

		pid_t child = fork();

		if (child == 0) {
			close(ends[0]);
			child_write(scratch, ends[1]);
		}
		close(ends[1]);
		for (unsigned i = 0; i < 1 + round * 7 % 23; i++)
			assert_int_equal(read(ends[0], &sequence, sizeof(sequence)),
					 sizeof(sequence));
		kill(child, SIGKILL);
		do
			newest = BL_MAX(newest, sequence);
		while (read(ends[0], &sequence, sizeof(sequence)) == sizeof(sequence));
		close(ends[0]);
		assert_int_equal(waitpid(child, NULL, 0), child);
		if (scratch_verify(scratch, &report, NULL) != BL_OK)
			fail_msg("round %u: %s", round, report.problem);
		if (report.last_sequence < newest)
			fail_msg("round %u: %lu was acknowledged, %lu is there", round,
				 (unsigned long)newest, (unsigned long)report.last_sequence);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sixty_four_threads_get_a_number_each_and_verify),
		TEST(followers_are_woken_by_every_frame),
		TEST(a_ticket_may_submit_again_from_its_done),
		TEST(a_checkpoint_vouches_for_everything_before_it),
		TEST(checkpoints_of_earlier_runs_stay_and_a_torn_one_is_written_over),
		TEST(time_passing_gives_a_checkpoint_and_a_heartbeat),
		TEST(denials_of_one_kind_are_gathered_and_counted_exactly),
		TEST(a_log_that_breaks_refuses_who_was_gathered),
		TEST(after_an_orderly_stop_nothing_is_forgeable),
		TEST(the_key_follows_within_256_frames_and_is_never_ahead),
		TEST(each_checkpoint_is_told_once_it_is_there),
		TEST(the_header_tells_the_policy_in_force_when_it_was_begun),
		TEST(trimming_leaves_the_segment_being_written_and_the_one_before),
		TEST(start_tells_how_much_was_forgeable),
		TEST(a_second_writer_is_refused),
		TEST(a_folder_open_to_others_is_refused),
		TEST(a_foreign_or_newer_log_is_refused_and_left_alone),
		TEST(a_torn_tail_is_cut_and_told_wherever_it_is_torn),
		TEST(what_no_single_torn_frame_can_leave_is_tampering),
		TEST(a_frame_broken_before_a_later_one_is_tampering),
		TEST(no_acknowledged_record_is_missing_after_kill_9),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
