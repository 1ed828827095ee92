/*
 * log-kill.c - a writer of the log killed without warning, again and again: nothing that was acknowledged may be missing
 *
 *   log-kill ROUNDS [SEED]
 *
 * Each round forks a writer on a store below TMPDIR (made new every ROUNDS_PER_LOG rounds; left there when something is
 * wrong): several threads submit events, some with names, in small segments; some writers answer reads before they are
 * durable (bounded), latch on a failing write and are taken up again, or trim. `done` notes each acknowledged sequence number
 * with the fingerprint of its event in memory that outlives the writer. When a writer comes to a number of acknowledgements drawn
 * before, it asks for SIGKILL through a pipe and goes on until that comes. Then every acknowledged record has to be there, as it was
 * submitted, and the log has to verify with the kit; half of the time only after somebody took the log up again, so
 * that recoveries are killed as well.
 *
 * This proves no durability (the page cache survives a killed process): tests/fault/audit.c does.
 */
#include "fs/audit/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SEGMENT_BYTES  (256u << 10)
#define THREADS	       4u
#define TICKETS	       16u /* in flight, of one thread */
#define SEQUENCES      (1u << 20)
#define ROUNDS_PER_LOG 50u
#define MOST_ACKS      1500u
#define STORM_VIEW     77u /* its denials are gathered */

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "log-kill: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t below(uint64_t *state, uint64_t limit)
{
	return (next_random(state) >> 11) % limit;
}

/* What outlives a writer. */
struct shared {
	atomic_uint_fast64_t acknowledged; /* in this round */
	atomic_uint_fast64_t storms;	   /* denials of a storm that were answered, in this log */
	atomic_uint_fast64_t twice;	   /* a sequence number given to two events */
	atomic_uint_fast64_t fingerprints[SEQUENCES]; /* by sequence number; 0: not acknowledged */
};

/* When a writer asks to be killed. */
enum moment { AT_OPEN, AT_ACKS, AT_CLOSE, MOMENTS };

struct plan {
	uint64_t seed;
	enum moment moment;
	uint64_t acks;	     /* until then, with AT_ACKS and AT_CLOSE */
	unsigned fail_write; /* this write of a frame fails; 0: none */
	bool is_bounded, has_trims, has_storm;
};

static struct plan plan_draw(uint64_t *state)
{
	struct plan plan = {.seed = next_random(state) | 1, .moment = AT_ACKS};

	plan.acks = 1 + below(state, below(state, 4) ? MOST_ACKS / 10 : MOST_ACKS);
	if (below(state, 8) == 0)
		plan.moment = below(state, 2) ? AT_OPEN : AT_CLOSE;
	if (below(state, 4) == 0)
		plan.fail_write = 1 + (unsigned)below(state, 12);
	plan.is_bounded = below(state, 3) == 0;
	plan.has_trims = below(state, 6) == 0;
	plan.has_storm = below(state, 4) == 0;
	return plan;
}

/* ---- the store --------------------------------------------------------------------------------------- */

struct store {
	const char *dir;
	int fd;
	struct vault *vault;
	struct audit_kit kit;
	bool has_auditors;
};

static enum bl_status keep_kit(void *context, const struct audit_kit *kit,
			       struct bl_error *why BL_UNUSED)
{
	struct store *store = context;

	store->kit = *kit;
	return BL_OK;
}

static void store_open(struct store *store, bool is_new)
{
	struct bl_error why = {""};

	if (is_new && mkdir(store->dir, 0700) != 0)
		die(store->dir);
	store->fd = open(store->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->fd < 0)
		die(store->dir);

	enum bl_status status = is_new ? vault_create(store->fd, NULL, 0, &store->vault, &why)
				       : vault_open(store->fd, NULL, 0, &store->vault, &why);

	if (status != BL_OK)
		die(why.text);
}

static void store_close(struct store *store)
{
	vault_close(store->vault);
	fd_close(store->fd);
}

static struct audit_config store_config(struct store *store)
{
	static const uint8_t AUDITORS[2][AUDIT_KEY] = {{0x11}, {0x22}};

	return (struct audit_config){.store_fd = store->fd,
				     .vault = store->vault,
				     .segment_bytes = SEGMENT_BYTES,
				     .auditors = AUDITORS,
				     .auditor_count = store->has_auditors ? 2 : 0,
				     .keep_kit = keep_kit,
				     .context = store};
}

static int remove_one(const char *path, const struct stat *st BL_UNUSED, int type BL_UNUSED,
		      struct FTW *ftw BL_UNUSED)
{
	return remove(path);
}

static void store_new(struct store *store)
{
	struct bl_error why = {""};

	nftw(store->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	store_open(store, true);

	struct audit_config config = store_config(store);

	if (audit_create(&config, &why) != BL_OK)
		die(why.text);
	store_close(store);
}

/* ---- events --------------------------------------------------------------------------------------------- */

/* Of what was submitted; a record read back has the same one. Never 0. */
static uint64_t fingerprint(const struct audit_event *event)
{
	uint8_t bytes[64 + AUDIT_DETAIL_SIZE] = {0};
	uint64_t hash[2];

	_Static_assert(sizeof(hash) == crypto_generichash_BYTES_MIN, "16 bytes");
	bl_put32(bytes, (uint32_t)event->op);
	bl_put32(bytes + 4, (uint32_t)event->verdict);
	bl_put32(bytes + 8, event->uid);
	bl_put32(bytes + 12, event->pid);
	bl_put64(bytes + 16, event->view);
	bl_put64(bytes + 24, event->offset);
	bl_put64(bytes + 32, event->handle);
	memcpy(bytes + 40, event->token, AUDIT_TOKEN);
	memcpy(bytes + 64, event->detail, strlen(event->detail));
	crypto_generichash((uint8_t *)hash, sizeof(hash), bytes, sizeof(bytes), NULL, 0);
	return hash[0] | 1;
}

static struct audit_event draw_event(uint64_t *state)
{
	static const enum audit_op OPS[] = {AUDIT_OPEN, AUDIT_READ, AUDIT_STAT, AUDIT_LOOKUP};
	struct audit_event event = {.op = OPS[below(state, BL_COUNT(OPS))],
				    .uid = 61000 + (uint32_t)below(state, 5),
				    .gid = 61000,
				    .pid = (uint32_t)below(state, 30000),
				    .login_uid = UINT32_MAX,
				    .view = 1 + below(state, 9),
				    .device = "RMA-1001",
				    .rule = "technicians-read",
				    .policy_serial = 3,
				    .offset = next_random(state),
				    .bytes = 4096,
				    .handle = next_random(state)};

	if (below(state, 4) == 0) {
		event.verdict = AUDIT_DENIED;
		event.error_number = EACCES;
	}
	for (size_t i = 0; i < AUDIT_TOKEN; i += 8)
		bl_put64(event.token + i, next_random(state));
	if (below(state, 3) == 0)
		snprintf(event.detail, sizeof(event.detail), "%0*d", 1 + (int)below(state, 150), 7);
	return event;
}

static struct audit_event storm_event(void)
{
	return (struct audit_event){.op = AUDIT_OPEN,
				    .verdict = AUDIT_DENIED,
				    .uid = 61001,
				    .gid = 61000,
				    .login_uid = UINT32_MAX,
				    .view = STORM_VIEW,
				    .device = "RMA-1001",
				    .rule = "default",
				    .error_number = EACCES};
}

/* ---- the writer ------------------------------------------------------------------------------------------ */

struct writer {
	struct shared *shared;
	const struct plan *plan;
	struct audit *audit;
	int ask_fd; /* a byte: kill me */
	atomic_uint frames;
	atomic_bool is_over; /* AT_CLOSE: enough was acknowledged */
	sem_t changed;	     /* latched, or over */
};

struct slot {
	struct audit_ticket ticket; /* first */
	struct worker *worker;
	uint64_t fingerprint;
	bool is_counted; /* acknowledged means durable */
	bool is_storm;
	atomic_bool is_free;
};

struct worker {
	struct writer *writer;
	uint64_t state;
	sem_t free_slots;
	struct slot slots[TICKETS];
};

static void ask(struct writer *writer)
{
	if (write(writer->ask_fd, "k", 1) != 1)
		_exit(3);
}

static void acknowledged(struct writer *writer, const struct slot *slot)
{
	struct shared *shared = writer->shared;
	uint64_t sequence = slot->ticket.sequence;

	if (slot->is_storm) {
		atomic_fetch_add(&shared->storms, 1);
	} else if (slot->is_counted) {
		if (sequence == 0 || sequence >= SEQUENCES)
			_exit(4);

		uint64_t before =
			atomic_exchange(&shared->fingerprints[sequence], slot->fingerprint);

		if (before != 0)
			atomic_fetch_add(&shared->twice, 1);
	}
	if (atomic_fetch_add(&shared->acknowledged, 1) + 1 != writer->plan->acks)
		return;
	if (writer->plan->moment == AT_ACKS) {
		ask(writer);
	} else if (writer->plan->moment == AT_CLOSE) {
		atomic_store(&writer->is_over, true);
		sem_post(&writer->changed);
	}
}

static void slot_done(struct audit_ticket *ticket, enum bl_status status)
{
	struct slot *slot = (struct slot *)ticket;
	struct worker *worker = slot->worker;

	if (status == BL_OK)
		acknowledged(worker->writer, slot);
	atomic_store(&slot->is_free, true);
	sem_post(&worker->free_slots);
}

static struct slot *slot_take(struct worker *worker)
{
	while (sem_wait(&worker->free_slots) != 0)
		;
	for (unsigned i = 0;; i = (i + 1) % TICKETS)
		if (atomic_exchange(&worker->slots[i].is_free, false))
			return &worker->slots[i];
}

static void submit_named(struct worker *worker, const struct audit_event *event, struct slot *slot)
{
	static const uint8_t LN[VAULT_KEY] = {9};
	char path[600];
	struct audit_name names[2] = {{.kind = AUDIT_NAME_PATH,
				       .device = "RMA-1001",
				       .log_names_key = LN,
				       .token = event->token,
				       .text = path,
				       .length = 1 + below(&worker->state, sizeof(path))},
				      {.kind = AUDIT_NAME_REASON,
				       .device = "",
				       .log_names_key = LN,
				       .text = "ticket 5",
				       .length = 8}};

	memset(path, 'x', sizeof(path));
	audit_submit_named(worker->writer->audit, event, names, 1 + below(&worker->state, 2),
			   &slot->ticket);
}

static void trim(struct writer *writer)
{
	size_t segments;

	/* Whatever else it says: the log may latch in the middle of it. */
	if (audit_trim(writer->audit, time(NULL) + 60, &segments, NULL) == BL_TAMPERED)
		_exit(5);
}

static void *work(void *context)
{
	struct worker *worker = context;
	struct writer *writer = worker->writer;

	while (!atomic_load(&writer->is_over)) {
		struct slot *slot = slot_take(worker);
		bool is_storm = writer->plan->has_storm && below(&worker->state, 3) == 0;
		struct audit_event event = is_storm ? storm_event() : draw_event(&worker->state);
		bool is_bounded = writer->plan->is_bounded && event.verdict == AUDIT_PERMITTED &&
				  (event.op == AUDIT_READ || event.op == AUDIT_STAT);

		slot->ticket = (struct audit_ticket){.done = slot_done};
		slot->worker = worker;
		slot->fingerprint = fingerprint(&event);
		slot->is_storm = is_storm;
		slot->is_counted = !is_bounded;
		if (!is_storm && below(&worker->state, 6) == 0)
			submit_named(worker, &event, slot);
		else
			audit_submit(writer->audit, &event, &slot->ticket);
		if (writer->plan->has_trims && below(&worker->state, 300) == 0)
			trim(writer);
	}
	return NULL;
}

static void worker_start(struct worker *worker, struct writer *writer, unsigned number,
			 pthread_t *thread)
{
	worker->writer = writer;
	worker->state = (writer->plan->seed ^ (number + 1) * UINT64_C(0x9e3779b97f4a7c15)) | 1;
	sem_init(&worker->free_slots, 0, TICKETS);
	for (unsigned i = 0; i < TICKETS; i++)
		atomic_init(&worker->slots[i].is_free, true);
	if (pthread_create(thread, NULL, work, worker) != 0)
		_exit(6);
}

static ssize_t failing_write(void *context, int fd, const void *bytes, size_t length,
			     uint64_t offset)
{
	struct writer *writer = context;
	bool is_frame = length >= 32 && memcmp(bytes, "BLFR", 4) == 0;

	if (is_frame && writer->plan->fail_write &&
	    atomic_fetch_add(&writer->frames, 1) + 1 == writer->plan->fail_write) {
		/* Half of it lies there, as on a disk that filled up. */
		ssize_t put = audit_io_real()->write_at(NULL, fd, bytes, length / 2, offset);

		errno = ENOSPC;
		return put < 0 ? -1 : put;
	}
	return audit_io_real()->write_at(NULL, fd, bytes, length, offset);
}

static void on_broken(void *context, const char *text BL_UNUSED)
{
	struct writer *writer = context;

	sem_post(&writer->changed);
}

static enum bl_status no_kit(void *context BL_UNUSED, const struct audit_kit *kit BL_UNUSED,
			     struct bl_error *why)
{
	return bl_fail(why, BL_FAILED, "a second log was made");
}

static void unlatch(struct writer *writer)
{
	struct audit_event event = {.op = AUDIT_UNLATCHED, .uid = 0, .login_uid = UINT32_MAX};
	struct bl_error why = {""};
	enum bl_status status = audit_unlatch(writer->audit, &event, &why);

	if (status != BL_OK && status != BL_EXISTS) {
		fprintf(stderr, "log-kill: unlatch: %s\n", why.text);
		_exit(7);
	}
}

/* The write that fails was one of opening: no log then, and nothing to do but to be killed. */
_Noreturn static void wait_for_the_end(struct writer *writer)
{
	if (writer->plan->moment != AT_OPEN)
		ask(writer);
	for (;;)
		pause();
}

/* Never comes back but through an orderly close; usually the parent ends it. */
_Noreturn static void writer_run(struct store *store, struct writer *writer)
{
	struct worker *workers = calloc(THREADS, sizeof(*workers));
	struct audit_io io = *audit_io_real();
	pthread_t threads[THREADS];
	struct bl_error why = {""};

	store_open(store, false);

	struct audit_config config = store_config(store);

	io.context = writer;
	io.write_at = failing_write;
	config.io = &io;
	config.on_broken = on_broken;
	config.keep_kit = no_kit;
	config.context = writer;
	sem_init(&writer->changed, 0, 0);
	if (writer->plan->moment == AT_OPEN)
		ask(writer);
	enum bl_status status = audit_open(&config, &writer->audit, &why);

	if (status == BL_IO && writer->plan->fail_write)
		wait_for_the_end(writer);
	if (!workers || status != BL_OK) {
		fprintf(stderr, "log-kill: open: %s\n", why.text);
		_exit(8);
	}
	if (writer->plan->is_bounded)
		audit_bounded(writer->audit, 50);
	for (unsigned i = 0; i < THREADS; i++)
		worker_start(&workers[i], writer, i, &threads[i]);
	while (!atomic_load(&writer->is_over)) {
		while (sem_wait(&writer->changed) != 0)
			;
		if (!audit_is_writable(writer->audit))
			unlatch(writer);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ask(writer);
	audit_close(writer->audit);
	_exit(0);
}

/* ---- afterwards ------------------------------------------------------------------------------------------- */

/* What was in the logs of all rounds, each record counted once. */
struct met {
	uint64_t upto; /* sequence number, in the log of the moment */
	uint64_t ops[AUDIT_OP_COUNT];
};

struct tally {
	const struct shared *shared;
	bool *is_there;	  /* by sequence number */
	uint64_t changed; /* a record that is not the one that was acknowledged; 0: none */
	uint64_t storms;
	struct met *met;
};

static bool tally_event(void *context, const struct audit_record *record)
{
	struct tally *tally = context;

	if (record->sequence >= SEQUENCES)
		return false;

	uint64_t kept = atomic_load(&tally->shared->fingerprints[record->sequence]);

	if (kept && kept != fingerprint(&record->event) && !tally->changed)
		tally->changed = record->sequence;
	if (record->event.view == STORM_VIEW)
		tally->storms += 1 + record->event.repeats;
	tally->is_there[record->sequence] = true;
	if (record->sequence > tally->met->upto) {
		tally->met->upto = record->sequence;
		tally->met->ops[record->event.op]++;
	}
	return true;
}

static bool complain(const char *what, uint64_t number)
{
	fprintf(stderr, "log-kill: %s (%llu)\n", what, (unsigned long long)number);
	return false;
}

/* Records below @begin were trimmed: their tombstones speak for them. */
static bool check_tally(const struct shared *shared, const struct tally *tally, uint64_t begin,
			bool is_trimmed)
{
	if (tally->changed)
		return complain("an acknowledged record is another one", tally->changed);
	if (atomic_load(&shared->twice))
		return complain("sequence numbers were given twice", atomic_load(&shared->twice));
	for (uint64_t i = begin; i < SEQUENCES; i++)
		if (atomic_load(&shared->fingerprints[i]) && !tally->is_there[i])
			return complain("an acknowledged record is missing", i);
	if (!is_trimmed && tally->storms < atomic_load(&shared->storms))
		return complain("denials that were answered are not counted",
				atomic_load(&shared->storms) - tally->storms);
	return true;
}

static bool check(const struct store *store, const struct shared *shared, struct met *met)
{
	BL_CLEANUP(bl_free) bool *is_there = calloc(SEQUENCES, sizeof(*is_there));
	char path[4200];
	struct bl_error why = {""};
	struct audit_report report = {0};
	const struct audit_evidence evidence = {.kit = &store->kit};
	struct tally tally = {.shared = shared, .is_there = is_there, .met = met};

	snprintf(path, sizeof(path), "%s/log", store->dir);

	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (!is_there || fd < 0)
		die(path);

	enum bl_status status = audit_verify(fd, &evidence, &report, &why);

	if (status != BL_OK) {
		fprintf(stderr, "log-kill: %s: %s %s, at %llu, byte %llu of %s\n",
			bl_status_name(status), why.text, report.problem,
			(unsigned long long)report.bad_sequence,
			(unsigned long long)report.bad_offset, report.bad_file);
		return false;
	}
	if (!report.has_macs)
		return complain("the kit was not used", 0);
	status = audit_scan(fd, tally_event, &tally, &why);
	if (status != BL_OK) {
		fprintf(stderr, "log-kill: scan: %s\n", why.text);
		return false;
	}
	return check_tally(shared, &tally, report.first_sequence, report.trimmed_segments > 0);
}

static bool reopen(struct store *store)
{
	struct audit *audit = NULL;
	struct bl_error why = {""};

	store_open(store, false);

	struct audit_config config = store_config(store);

	config.keep_kit = no_kit;

	enum bl_status status = audit_open(&config, &audit, &why);

	if (status == BL_OK)
		audit_close(audit);
	else
		fprintf(stderr, "log-kill: opening again: %s\n", why.text);
	store_close(store);
	return status == BL_OK;
}

/* ---- rounds ------------------------------------------------------------------------------------------------ */

/* False: the writer ended by itself, and not well. */
static bool round_run(struct store *store, struct shared *shared, const struct plan *plan)
{
	int ends[2], status = 0;
	char byte;

	if (pipe2(ends, O_CLOEXEC) != 0)
		die("pipe");
	atomic_store(&shared->acknowledged, 0);

	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child == 0) {
		struct writer writer = {.shared = shared, .plan = plan, .ask_fd = ends[1]};

		close(ends[0]);
		writer_run(store, &writer);
	}
	close(ends[1]);

	ssize_t got = read(ends[0], &byte, 1);

	close(ends[0]);
	if (got == 1)
		kill(child, SIGKILL);
	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return got == 1;
	if (plan->moment == AT_CLOSE && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	return complain("the writer ended by itself, status", (uint64_t)status);
}

static void complain_of_round(const struct store *store, const struct plan *plan, unsigned round,
			      uint64_t seed)
{
	static const char *const MOMENT_NAMES[MOMENTS] = {"opening", "traffic", "closing"};

	fprintf(stderr, "log-kill: round %u, killed in %s at %llu%s%s%s%s; SEED %llu; log in %s\n",
		round, MOMENT_NAMES[plan->moment], (unsigned long long)plan->acks,
		plan->fail_write ? ", a write failed" : "", plan->is_bounded ? ", bounded" : "",
		plan->has_trims ? ", trims" : "", plan->has_storm ? ", a storm" : "",
		(unsigned long long)seed, store->dir);
}

/* What the rounds came to is said, so that one sees that they came to something. */
static bool say_what_was_met(unsigned rounds, uint64_t acks, const uint64_t ops[AUDIT_OP_COUNT])
{
	printf("%u writers killed after %llu acknowledgements, none missing; %llu torn tails, "
	       "%llu latches, %llu tombstones in the logs\n",
	       rounds, (unsigned long long)acks, (unsigned long long)ops[AUDIT_RECOVERED],
	       (unsigned long long)ops[AUDIT_UNLATCHED], (unsigned long long)ops[AUDIT_TRIMMED]);
	if (rounds >= ROUNDS_PER_LOG && (ops[AUDIT_UNLATCHED] == 0 || ops[AUDIT_TRIMMED] == 0))
		return complain("no latch or no tombstone in so many rounds", rounds);
	return true;
}

static bool rounds_run(struct store *store, struct shared *shared, unsigned rounds, uint64_t seed)
{
	uint64_t state = (seed * UINT64_C(0x9e3779b97f4a7c15)) | 1, acks = 0;
	struct met met = {0};

	for (unsigned round = 0; round < rounds; round++) {
		struct plan plan = plan_draw(&state);

		if (round % ROUNDS_PER_LOG == 0) {
			memset(shared, 0, sizeof(*shared));
			store->has_auditors = below(&state, 2) == 0;
			store_new(store);
			met.upto = 0;
		}

		bool is_good = round_run(store, shared, &plan) && check(store, shared, &met);

		acks += atomic_load(&shared->acknowledged);
		if (is_good && below(&state, 2) == 0)
			is_good = reopen(store) && check(store, shared, &met);
		if (!is_good) {
			complain_of_round(store, &plan, round, seed);
			return false;
		}
	}
	return say_what_was_met(rounds, acks, met.ops);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
	const char *base = getenv("TMPDIR");
	char folder[4096], path[4110];

	if (rounds == 0 || sodium_init() < 0) {
		fprintf(stderr, "use: log-kill ROUNDS [SEED]\n");
		return 2;
	}
	snprintf(folder, sizeof(folder), "%s/bailee-test.XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(folder))
		die(folder);
	snprintf(path, sizeof(path), "%s/store", folder);

	struct store store = {.dir = path, .fd = -1};
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		die("memory");
	printf("SEED %llu\n", (unsigned long long)seed);
	fflush(stdout);

	bool is_good = rounds_run(&store, shared, rounds, seed);

	sodium_memzero(&store.kit, sizeof(store.kit));
	if (is_good)
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return is_good ? 0 : 1;
}
