#include "fs/audit/audit.h"

#include "fs/audit/format.h"
#include "fs/audit/io.h"
#include "fs/audit/note.h"
#include "fs/audit/recover.h"
#include "fs/audit/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND	      INT64_C(1000000000)
#define CHECKPOINT_NS (9 * SECOND)    /* the promise is 10 s; the idle loop looks once a second */
#define HEARTBEAT_NS  (58 * SECOND)   /* the promise is 60 s */
#define NOTIFIERS     2		      /* at most */
#define GATHER_NS     (SECOND / 5000) /* about a sync on a fast disk */

/* Tickets in sequence order, linked through the tickets themselves: no allocation. */
struct queue {
	struct audit_ticket *first, **end;
};

/* One of the two buffers: events gather in one while the other is written. */
struct batch {
	uint8_t *frame; /* FRAME_LIMIT; records from FRAME_HEADER on */
	uint8_t (*leaves)[AUDIT_DIGEST];
	uint32_t used, count; /* bytes of records, records */
	uint64_t first_sequence;
	int64_t last_ns;	/* CLOCK_BOOTTIME of the last record */
	atomic_uint unfinished; /* records whose bytes are still being copied */
	struct queue waiting;
};

struct audit {
	const struct audit_io *io;
	struct vault *vault;
	int log_fd, notes_fd;
	uint8_t log_id[LOG_ID_SIZE], boot_id[16];
	uint64_t segment_bytes;
	void (*on_broken)(void *context, const char *text);
	void *broken_context;

	pthread_mutex_t lock;
	pthread_cond_t work;	     /* for the committer */
	pthread_cond_t room;	     /* for submitters while the batch is full */
	pthread_cond_t told;	     /* for the notifiers */
	pthread_cond_t spare_change; /* for preparer and committer */
	pthread_cond_t served;	     /* for audit_checkpoint */
	pthread_t committer, preparer, notifiers[NOTIFIERS];
	unsigned started; /* threads, in the order of start_threads */

	/* Under the lock. */
	struct batch batches[2];
	struct batch *filling;
	uint64_t next_sequence;
	bool is_committer_idle, is_stopping;
	uint32_t
		in_flight; /* records that were waiting or being written when the last batch was done */
	uint32_t wanted; /* the committer sleeps until the batch has so many; 0: it does not */
	uint64_t asked, answered; /* checkpoints */
	struct queue good, bad;	  /* to be told BL_OK, BL_LOG_BROKEN */
	struct segment spare;
	uint64_t spare_size;
	bool is_spare_wanted;
	char broken_text[200];
	atomic_bool is_broken, is_committer_gone;

	/* The committer's own; what others may look at is atomic. */
	struct segment segment;
	uint64_t number, frame;
	bool has_asked_spare; /* for a segment behind this one */
	uint8_t chain[AUDIT_DIGEST];
	int64_t last_frame_ns, last_note_ns;
	uint64_t noted_sequence;
	int note_fd;
	char note_name[NOTE_FILE_NAME];
	uint64_t note_at;
	atomic_ullong durable_sequence, segment_number, syncs;
};

/* ---- queues ---------------------------------------------------------------------------------- */

static void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

static void queue_add(struct queue *queue, struct audit_ticket *ticket)
{
	ticket->next = NULL;
	*queue->end = ticket;
	queue->end = &ticket->next;
}

static void queue_move(struct queue *from, struct queue *to)
{
	if (!from->first)
		return;
	*to->end = from->first;
	to->end = from->end;
	queue_init(from);
}

static void queue_tell(struct audit_ticket *ticket, enum bl_status status)
{
	while (ticket) {
		struct audit_ticket *next = ticket->next; /* done() may free or reuse the ticket */

		ticket->done(ticket, status);
		ticket = next;
	}
}

/* ---- latching -------------------------------------------------------------------------------- */

/* Deny from now on. The first reason stays. No fsync is tried again: its error is told only once. */
static void latch(struct audit *audit, const struct bl_error *why)
{
	pthread_mutex_lock(&audit->lock);
	if (!atomic_load(&audit->is_broken)) {
		snprintf(audit->broken_text, sizeof(audit->broken_text), "%.190s", why->text);
		atomic_store(&audit->is_broken, true);
	}
	pthread_cond_broadcast(&audit->work);
	pthread_cond_broadcast(&audit->room);
	pthread_cond_broadcast(&audit->spare_change);
	pthread_cond_broadcast(&audit->served);
	pthread_mutex_unlock(&audit->lock);
}

/* ---- submitting ------------------------------------------------------------------------------ */

static bool has_room(const struct batch *batch, size_t length)
{
	return batch->count < FRAME_RECORDS &&
	       FRAME_HEADER + batch->used + length + FRAME_TRAILER <= FRAME_LIMIT;
}

/* Under the lock: a place in the batch, a sequence number, the times (so they never go back). */
static struct batch *reserve(struct audit *audit, uint8_t *record, size_t length,
			     struct audit_ticket *ticket, uint32_t *out_at, uint32_t *out_index)
{
	struct batch *batch = audit->filling;
	const struct audit_io *io = audit->io;
	uint64_t sequence = audit->next_sequence++;

	if (batch->count == 0)
		batch->first_sequence = sequence;
	*out_at = FRAME_HEADER + batch->used;
	*out_index = batch->count++;
	batch->used += (uint32_t)length;
	atomic_fetch_add_explicit(&batch->unfinished, 1, memory_order_relaxed);
	batch->last_ns = io->boottime_ns(io->context);
	format_record_stamp(record, sequence, io->realtime_ns(io->context), batch->last_ns);
	if (ticket) {
		ticket->sequence = sequence;
		queue_add(&batch->waiting, ticket);
	}
	if (audit->is_committer_idle || (audit->wanted && batch->count >= audit->wanted))
		pthread_cond_signal(&audit->work);
	return batch;
}

/* False when the log is broken. @ticket may be NULL: nobody waits (the log's own events). */
static bool submit(struct audit *audit, const struct audit_event *event,
		   struct audit_ticket *ticket)
{
	uint8_t record[RECORD_LARGEST];
	size_t length = format_record(event, record);
	uint32_t at, index;

	pthread_mutex_lock(&audit->lock);
	while (!atomic_load_explicit(&audit->is_broken, memory_order_relaxed) &&
	       !has_room(audit->filling, length)) {
		if (audit->wanted)
			pthread_cond_signal(&audit->work);
		audit->wanted = 0;
		pthread_cond_wait(&audit->room, &audit->lock);
	}
	if (atomic_load_explicit(&audit->is_broken, memory_order_relaxed)) {
		pthread_mutex_unlock(&audit->lock);
		return false;
	}

	struct batch *batch = reserve(audit, record, length, ticket, &at, &index);

	pthread_mutex_unlock(&audit->lock);
	memcpy(batch->frame + at, record, length);
	format_leaf(record, length, batch->leaves[index]);
	atomic_fetch_sub_explicit(&batch->unfinished, 1, memory_order_release);
	return true;
}

void audit_submit(struct audit *audit, const struct audit_event *event, struct audit_ticket *ticket)
{
	ticket->sequence = 0;
	if (!submit(audit, event, ticket))
		ticket->done(ticket, BL_LOG_BROKEN);
}

struct waiter {
	struct audit_ticket ticket; /* first: done() gets back to the waiter */
	sem_t done;
	enum bl_status status;
};

static void wake_waiter(struct audit_ticket *ticket, enum bl_status status)
{
	struct waiter *waiter = (struct waiter *)ticket;

	waiter->status = status;
	sem_post(&waiter->done);
}

enum bl_status audit_append(struct audit *audit, const struct audit_event *event,
			    uint64_t *out_sequence, struct bl_error *why)
{
	struct waiter waiter = {.ticket.done = wake_waiter, .status = BL_LOG_BROKEN};

	sem_init(&waiter.done, 0, 0);
	audit_submit(audit, event, &waiter.ticket);
	while (sem_wait(&waiter.done) != 0 && errno == EINTR)
		;
	sem_destroy(&waiter.done);
	if (waiter.status != BL_OK)
		return bl_fail(why, waiter.status, "the log cannot take the event");
	if (out_sequence)
		*out_sequence = waiter.ticket.sequence;
	return BL_OK;
}

/* ---- checkpoints (committer) ----------------------------------------------------------------- */

static enum bl_status open_note_file(struct audit *audit, const char *name, struct bl_error *why)
{
	enum bl_status status;

	if (audit->note_fd >= 0 && strcmp(name, audit->note_name) == 0)
		return BL_OK;
	if (strcmp(name, audit->note_name) != 0)
		audit->note_at = 0;
	fd_close(audit->note_fd);
	audit->note_fd = -1;
	status = io_open(audit->io, audit->notes_fd, name, O_RDWR | O_CREAT, &audit->note_fd, why);
	if (status != BL_OK)
		return status;
	memcpy(audit->note_name, name, NOTE_FILE_NAME);
	return io_sync_folder(audit->io, audit->notes_fd, "the folder of checkpoints", why);
}

static enum bl_status write_note(struct audit *audit, struct bl_error *why)
{
	const struct audit_io *io = audit->io;
	struct note note = {.sequence = atomic_load(&audit->durable_sequence),
			    .frame = audit->frame - 1,
			    .realtime_s = BL_MAX(io->realtime_ns(io->context), 0) / SECOND};
	char bytes[NOTE_SIZE], name[NOTE_FILE_NAME];

	if (note.sequence == audit->noted_sequence)
		return BL_OK;
	memcpy(note.log_id, audit->log_id, LOG_ID_SIZE);
	memcpy(note.chain, audit->chain, AUDIT_DIGEST);
	note_file_name(note.realtime_s, name);
	/* The order of files is the order of notes, also when the clock was set back. */
	if (strcmp(name, audit->note_name) < 0)
		memcpy(name, audit->note_name, NOTE_FILE_NAME);

	enum bl_status status = open_note_file(audit, name, why);

	if (status != BL_OK)
		return status;
	note_write(&note, audit->vault, bytes);
	status =
		io_write(io, audit->note_fd, bytes, NOTE_SIZE, audit->note_at, "a checkpoint", why);
	if (status == BL_OK)
		status = io_sync(io, audit->note_fd, "a checkpoint", why);
	if (status != BL_OK)
		return status;
	audit->note_at += NOTE_SIZE;
	audit->noted_sequence = note.sequence;
	audit->last_note_ns = io->boottime_ns(io->context);
	return BL_OK;
}

/* ---- segments -------------------------------------------------------------------------------- */

static enum bl_status begin_segment(struct audit *audit, struct segment *spare,
				    struct bl_error *why)
{
	const struct audit_io *io = audit->io;
	struct segment_header header = {
		.number = audit->number,
		.first_sequence = atomic_load(&audit->durable_sequence) + 1,
		.first_frame = audit->frame,
		.realtime_ns = io->realtime_ns(io->context),
		.size = spare->size,
	};

	memcpy(header.log_id, audit->log_id, LOG_ID_SIZE);
	memcpy(header.previous_chain, audit->chain, AUDIT_DIGEST);
	memcpy(header.boot_id, audit->boot_id, sizeof(header.boot_id));
	/* Records in the batch are older than now; the header's time must not be after theirs. */
	header.boottime_ns = audit->last_frame_ns;

	enum bl_status status = segment_begin(io, audit->log_fd, spare, &header, audit->chain, why);

	if (status != BL_OK)
		return status;
	segment_end(&audit->segment);
	audit->segment = *spare;
	spare->fd = -1;
	audit->number++;
	atomic_store(&audit->segment_number, header.number);
	return BL_OK;
}

/*
 * Once a quarter of a segment is used, the next one is prepared, up to four times as large: short
 * runs leave the disk alone, long ones get to full segments soon.
 */
static void ask_spare(struct audit *audit)
{
	if (audit->has_asked_spare)
		return;
	audit->has_asked_spare = true;
	pthread_mutex_lock(&audit->lock);
	audit->spare_size = BL_MIN(audit->segment.size * 4, audit->segment_bytes);
	audit->is_spare_wanted = true;
	pthread_cond_broadcast(&audit->spare_change);
	pthread_mutex_unlock(&audit->lock);
}

static enum bl_status rotate(struct audit *audit, struct bl_error *why)
{
	enum bl_status status = write_note(audit, why);
	struct segment spare;

	if (status != BL_OK)
		return status;
	ask_spare(audit);
	pthread_mutex_lock(&audit->lock);
	while (audit->spare.fd < 0 && !atomic_load(&audit->is_broken))
		pthread_cond_wait(&audit->spare_change, &audit->lock);
	spare = audit->spare;
	audit->spare.fd = -1;
	pthread_mutex_unlock(&audit->lock);
	if (spare.fd < 0)
		return bl_fail(why, BL_IO, "no next segment could be prepared");
	status = begin_segment(audit, &spare, why);
	fd_close(spare.fd);
	audit->has_asked_spare = false;
	return status;
}

/* Keeps one segment ahead. A failure here latches at once: there would be no next segment. */
static void *prepare_run(void *context)
{
	struct audit *audit = context;

	pthread_mutex_lock(&audit->lock);
	for (;;) {
		struct segment spare = {.fd = -1};
		struct bl_error why = {""};

		/* Until the committer is gone: what is queued at the end may need another segment. */
		while (!audit->is_spare_wanted && !atomic_load(&audit->is_committer_gone) &&
		       !atomic_load(&audit->is_broken))
			pthread_cond_wait(&audit->spare_change, &audit->lock);
		if (atomic_load(&audit->is_committer_gone) || atomic_load(&audit->is_broken))
			break;
		audit->is_spare_wanted = false;

		uint64_t wanted = audit->spare_size;

		pthread_mutex_unlock(&audit->lock);

		uint64_t size = segment_size(audit->log_fd, wanted);
		enum bl_status status = segment_prepare(audit->io, audit->log_fd, size,
							&audit->is_committer_gone, &spare, &why);

		if (status != BL_OK && status != BL_STALE)
			latch(audit, &why);
		pthread_mutex_lock(&audit->lock);
		audit->spare = spare;
		pthread_cond_broadcast(&audit->spare_change);
	}
	pthread_mutex_unlock(&audit->lock);
	return NULL;
}

/* ---- committing ------------------------------------------------------------------------------ */

static void batch_clear(struct batch *batch)
{
	batch->used = batch->count = 0;
	queue_init(&batch->waiting);
}

/* One frame, one write, one sync. */
static enum bl_status write_batch(struct audit *audit, struct batch *batch, struct bl_error *why)
{
	struct frame_header header = {
		.length = FRAME_HEADER + batch->used + FRAME_TRAILER,
		.number = audit->frame,
		.first_sequence = batch->first_sequence,
		.count = batch->count,
	};
	enum bl_status status = BL_OK;

	while (atomic_load_explicit(&batch->unfinished, memory_order_acquire))
		sched_yield();
	if (audit->segment.fd < 0 || audit->segment.at + header.length > audit->segment.size)
		status = rotate(audit, why);
	if (status != BL_OK)
		return status;

	uint8_t chain[AUDIT_DIGEST];

	memcpy(chain, audit->chain, AUDIT_DIGEST);
	for (uint32_t i = 0; i < batch->count; i++)
		chain_record(chain, batch->leaves[i]);
	format_frame(batch->frame, &header, chain);
	status = io_write(audit->io, audit->segment.fd, batch->frame, header.length,
			  audit->segment.at, "the log", why);
	if (status == BL_OK)
		status = io_sync(audit->io, audit->segment.fd, "the log", why);
	if (status != BL_OK)
		return status;
	memcpy(audit->chain, chain, AUDIT_DIGEST);
	audit->segment.at += header.length;
	audit->frame++;
	audit->last_frame_ns = batch->last_ns;
	atomic_store(&audit->durable_sequence, batch->first_sequence + batch->count - 1);
	atomic_fetch_add(&audit->syncs, 1);
	if (audit->segment.at >= audit->segment.size / 4)
		ask_spare(audit);
	return BL_OK;
}

/* Tell the batch's tickets; under the lock. What broke meanwhile elsewhere refuses these too. */
static void settle(struct audit *audit, struct batch *batch)
{
	queue_move(&batch->waiting, atomic_load(&audit->is_broken) ? &audit->bad : &audit->good);
	if (audit->good.first || audit->bad.first)
		pthread_cond_signal(&audit->told);
	batch_clear(batch);
}

/* Take the filling batch and write it; called and returns with the lock held. */
static void commit(struct audit *audit)
{
	struct batch *batch = audit->filling;
	struct bl_error why = {""};

	audit->filling = batch == &audit->batches[0] ? &audit->batches[1] : &audit->batches[0];
	pthread_cond_broadcast(&audit->room);
	pthread_mutex_unlock(&audit->lock);
	if (write_batch(audit, batch, &why) != BL_OK)
		latch(audit, &why);
	pthread_mutex_lock(&audit->lock);
	audit->in_flight = batch->count + audit->filling->count;
	settle(audit, batch);
}

/*
 * When many ask at once, syncs for a few of them each are what all of them wait for. So a batch may take GATHER_NS to hold
 * most of what was in flight a moment ago. Who asks alone never waits: there is nothing to gather.
 */
static void gather(struct audit *audit)
{
	struct timespec until;

	audit->wanted = audit->in_flight - BL_MIN(audit->in_flight, audit->in_flight / 4 + 1);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += GATHER_NS;
	until.tv_sec += until.tv_nsec / SECOND;
	until.tv_nsec %= SECOND;
	while (audit->filling->count < audit->wanted && !audit->is_stopping &&
	       audit->asked == audit->answered && !atomic_load(&audit->is_broken) &&
	       pthread_cond_timedwait(&audit->work, &audit->lock, &until) != ETIMEDOUT)
		continue;
	audit->wanted = 0;
}

static void checkpoint(struct audit *audit, uint64_t asked)
{
	struct bl_error why = {""};

	pthread_mutex_unlock(&audit->lock);
	if (write_note(audit, &why) != BL_OK)
		latch(audit, &why);
	pthread_mutex_lock(&audit->lock);
	audit->answered = asked;
	pthread_cond_broadcast(&audit->served);
}

static void own_event(struct audit *audit, enum audit_op op, const char *detail)
{
	struct audit_event event = {
		.op = op, .uid = UINT32_MAX, .gid = UINT32_MAX, .login_uid = UINT32_MAX};

	event.pid = (uint32_t)getpid();
	snprintf(event.detail, sizeof(event.detail), "%s", detail);
	submit(audit, &event, NULL);
}

/* Called with the lock held and an empty batch, so that the event always finds room. */
static void heartbeat(struct audit *audit)
{
	pthread_mutex_unlock(&audit->lock);
	own_event(audit, AUDIT_HEARTBEAT, "");
	pthread_mutex_lock(&audit->lock);
}

static void wait_for_work(struct audit *audit)
{
	struct timespec until;

	/* A second at most: this clock stops in suspend, the promises follow CLOCK_BOOTTIME. */
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	audit->is_committer_idle = true;
	pthread_cond_timedwait(&audit->work, &audit->lock, &until);
	audit->is_committer_idle = false;
}

/* The lock is held. One round; false when stopping and nothing is left. */
static bool commit_round(struct audit *audit)
{
	const struct audit_io *io = audit->io;
	uint64_t asked = audit->asked;
	bool is_stopping = audit->is_stopping;

	if (audit->filling->count) {
		gather(audit);
		commit(audit);
	} else if (asked == audit->answered && !is_stopping) {
		wait_for_work(audit);
		if (!audit->filling->count &&
		    io->boottime_ns(io->context) - audit->last_frame_ns >= HEARTBEAT_NS)
			heartbeat(audit);
	} else if (is_stopping) {
		return false;
	}
	if (atomic_load(&audit->is_broken))
		return false;

	bool is_due = audit->noted_sequence != atomic_load(&audit->durable_sequence) &&
		      io->boottime_ns(io->context) - audit->last_note_ns >= CHECKPOINT_NS;

	if (is_due || asked != audit->answered)
		checkpoint(audit, asked);
	return !atomic_load(&audit->is_broken);
}

/* Everybody who waits or will wait is refused. */
static void refuse_all(struct audit *audit)
{
	char text[sizeof(audit->broken_text)];

	for (unsigned i = 0; i < 2; i++)
		settle(audit, &audit->batches[i]);
	audit->answered = audit->asked;
	pthread_cond_broadcast(&audit->served);
	memcpy(text, audit->broken_text, sizeof(text));
	pthread_mutex_unlock(&audit->lock);
	if (audit->on_broken)
		audit->on_broken(audit->broken_context, text);
	pthread_mutex_lock(&audit->lock);
}

static void finish(struct audit *audit)
{
	pthread_mutex_unlock(&audit->lock);
	own_event(audit, AUDIT_STOP, "");
	pthread_mutex_lock(&audit->lock);
	commit(audit);
	if (!atomic_load(&audit->is_broken))
		checkpoint(audit, audit->asked);
}

static void *commit_run(void *context)
{
	struct audit *audit = context;

	pthread_mutex_lock(&audit->lock);
	while (!atomic_load(&audit->is_broken) && commit_round(audit))
		;
	if (!atomic_load(&audit->is_broken))
		finish(audit);
	if (atomic_load(&audit->is_broken))
		refuse_all(audit);
	atomic_store(&audit->is_committer_gone, true);
	pthread_cond_broadcast(&audit->told);
	pthread_cond_broadcast(&audit->spare_change);
	pthread_mutex_unlock(&audit->lock);
	return NULL;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void *notify_run(void *context)
{
	struct audit *audit = context;

	pthread_mutex_lock(&audit->lock);
	for (;;) {
		while (!audit->good.first && !audit->bad.first &&
		       !atomic_load(&audit->is_committer_gone))
			pthread_cond_wait(&audit->told, &audit->lock);
		if (!audit->good.first && !audit->bad.first)
			break;

		enum bl_status status = audit->good.first ? BL_OK : BL_LOG_BROKEN;
		struct queue *queue = audit->good.first ? &audit->good : &audit->bad;
		struct audit_ticket *first = queue->first;

		queue_init(queue);
		pthread_mutex_unlock(&audit->lock);
		queue_tell(first, status);
		pthread_mutex_lock(&audit->lock);
	}
	pthread_mutex_unlock(&audit->lock);
	return NULL;
}

/* ---- opening and closing --------------------------------------------------------------------- */

static void init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
}

static enum bl_status init_batch(struct batch *batch)
{
	batch->frame = calloc(1, FRAME_LIMIT);
	batch->leaves = calloc(FRAME_RECORDS, sizeof(*batch->leaves));
	batch_clear(batch);
	return batch->frame && batch->leaves ? BL_OK : BL_NO_MEMORY;
}

static void free_audit(struct audit *audit)
{
	for (unsigned i = 0; i < 2; i++) {
		free(audit->batches[i].frame);
		free(audit->batches[i].leaves);
	}
	segment_end(&audit->segment);
	fd_close(audit->spare.fd);
	fd_close(audit->note_fd);
	fd_close(audit->notes_fd);
	fd_close(audit->log_fd); /* and with it the lock on the folder */
	pthread_mutex_destroy(&audit->lock);
	pthread_cond_destroy(&audit->work);
	pthread_cond_destroy(&audit->room);
	pthread_cond_destroy(&audit->told);
	pthread_cond_destroy(&audit->spare_change);
	pthread_cond_destroy(&audit->served);
	free(audit);
}

static void stop_threads(struct audit *audit)
{
	pthread_mutex_lock(&audit->lock);
	audit->is_stopping = true;
	if (!audit->started)
		atomic_store(&audit->is_committer_gone, true);
	pthread_cond_broadcast(&audit->work);
	pthread_cond_broadcast(&audit->spare_change);
	pthread_mutex_unlock(&audit->lock);
	/* The committer first: it may still need the preparer, and it feeds the notifiers. */
	if (audit->started > 0)
		pthread_join(audit->committer, NULL);
	if (audit->started > 1)
		pthread_join(audit->preparer, NULL);
	for (unsigned i = 2; i < audit->started; i++)
		pthread_join(audit->notifiers[i - 2], NULL);
}

/* On two cores a second notifier only takes turns with the first (measured: 7 % slower). */
static unsigned notifier_count(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 2 ? NOTIFIERS : 1;
}

static enum bl_status start_threads(struct audit *audit)
{
	unsigned count = 2 + notifier_count();
	void *(*const runs[2 + NOTIFIERS])(void *) = {commit_run, prepare_run, notify_run,
						      notify_run};
	pthread_t *const threads[2 + NOTIFIERS] = {&audit->committer, &audit->preparer,
						   &audit->notifiers[0], &audit->notifiers[1]};

	for (unsigned i = 0; i < count; i++) {
		if (pthread_create(threads[i], NULL, runs[i], audit) != 0)
			return BL_NO_MEMORY;
		audit->started++;
	}
	return BL_OK;
}

static struct audit *new_audit(const struct audit_config *config, const struct audit_io *io)
{
	struct audit *audit = calloc(1, sizeof(*audit));

	if (!audit)
		return NULL;
	audit->io = io;
	audit->vault = config->vault;
	audit->on_broken = config->on_broken;
	audit->broken_context = config->broken_context;
	audit->segment_bytes = config->segment_bytes ? config->segment_bytes : SEGMENT_DEFAULT;
	audit->log_fd = audit->notes_fd = audit->note_fd = -1;
	audit->segment.fd = audit->spare.fd = -1;
	pthread_mutex_init(&audit->lock, NULL);
	init_cond(&audit->work);
	init_cond(&audit->room);
	init_cond(&audit->told);
	init_cond(&audit->spare_change);
	init_cond(&audit->served);
	queue_init(&audit->good);
	queue_init(&audit->bad);
	audit->filling = &audit->batches[0];
	if (init_batch(&audit->batches[0]) != BL_OK || init_batch(&audit->batches[1]) != BL_OK) {
		free_audit(audit);
		return NULL;
	}
	return audit;
}

static void take_resume(struct audit *audit, const struct resume *resume)
{
	audit->log_fd = resume->log_fd;
	audit->notes_fd = resume->notes_fd;
	memcpy(audit->log_id, resume->log_id, LOG_ID_SIZE);
	audit->number = resume->number;
	audit->frame = resume->frame;
	audit->next_sequence = resume->sequence;
	atomic_store(&audit->durable_sequence, resume->sequence - 1);
	audit->noted_sequence = resume->sequence - 1;
	memcpy(audit->chain, resume->chain, AUDIT_DIGEST);
	memcpy(audit->note_name, resume->note_name, NOTE_FILE_NAME);
	audit->note_at = resume->note_at;
	audit->last_note_ns = audit->last_frame_ns = audit->io->boottime_ns(audit->io->context);
	boot_id_read(audit->boot_id);
}

/* The first segment of this run and its first frame, before there are any threads. */
static enum bl_status begin(struct audit *audit, const struct resume *resume, struct bl_error *why)
{
	uint64_t size =
		segment_size(audit->log_fd, BL_MIN(audit->segment_bytes, (uint64_t)SEGMENT_FIRST));
	struct segment first = {.fd = -1};
	enum bl_status status = segment_prepare(audit->io, audit->log_fd, size, NULL, &first, why);

	if (status == BL_OK)
		status = begin_segment(audit, &first, why);
	fd_close(first.fd);
	if (status != BL_OK)
		return status;
	if (resume->tail_detail[0])
		own_event(audit, AUDIT_RECOVERED, resume->tail_detail);
	if (resume->empty_detail[0])
		own_event(audit, AUDIT_RECOVERED, resume->empty_detail);
	own_event(audit, AUDIT_START, "bailee " BAILEE_VERSION ", BLOG1");
	audit->filling = &audit->batches[1];
	status = write_batch(audit, &audit->batches[0], why);
	batch_clear(&audit->batches[0]);
	return status;
}

enum bl_status audit_open(const struct audit_config *config, struct audit **out_audit,
			  struct bl_error *why)
{
	const struct audit_io *io = config->io ? config->io : audit_io_real();
	struct resume resume;
	uint64_t size = config->segment_bytes;
	struct audit *audit;

	if (size && (size < SEGMENT_SMALLEST || size > SEGMENT_LARGEST || size % 4096))
		return bl_fail(why, BL_INVALID,
			       "segments are 256 KiB to 1 GiB, a multiple of 4 KiB");
	if (sodium_init() < 0 || !(audit = new_audit(config, io)))
		return bl_fail(why, BL_NO_MEMORY, "cannot open the log: out of memory");

	enum bl_status status = recover(config, io, &resume, why);

	if (status == BL_OK) {
		take_resume(audit, &resume);
		status = begin(audit, &resume, why);
	}
	if (status == BL_OK && start_threads(audit) != BL_OK) {
		stop_threads(audit);
		status = bl_fail(why, BL_NO_MEMORY, "cannot start the log's threads");
	}
	if (status != BL_OK) {
		free_audit(audit);
		return status;
	}
	*out_audit = audit;
	return BL_OK;
}

void audit_close(struct audit *audit)
{
	if (!audit)
		return;
	stop_threads(audit);
	/* Only what is ours and not part of the log. */
	unlinkat(audit->log_fd, "spare", 0);
	free_audit(audit);
}

/* ---- asking ---------------------------------------------------------------------------------- */

bool audit_is_writable(const struct audit *audit)
{
	return !atomic_load_explicit(&audit->is_broken, memory_order_acquire);
}

enum bl_status audit_checkpoint(struct audit *audit, struct bl_error *why)
{
	pthread_mutex_lock(&audit->lock);

	uint64_t mine = ++audit->asked;

	pthread_cond_signal(&audit->work);
	while (audit->answered < mine && !atomic_load(&audit->is_broken))
		pthread_cond_wait(&audit->served, &audit->lock);

	bool is_broken = atomic_load(&audit->is_broken);

	pthread_mutex_unlock(&audit->lock);
	return is_broken ? bl_fail(why, BL_LOG_BROKEN, "the log cannot take a checkpoint") : BL_OK;
}

void audit_state(const struct audit *audit, struct audit_state *out)
{
	/* The lock is not part of what the state is: asking changes nothing. */
	struct audit *locked = (struct audit *)audit;

	memset(out, 0, sizeof(*out));
	sodium_bin2hex(out->log_id, sizeof(out->log_id), audit->log_id, LOG_ID_SIZE);
	pthread_mutex_lock(&locked->lock);
	out->is_writable = !atomic_load(&audit->is_broken);
	memcpy(out->broken_text, audit->broken_text, sizeof(out->broken_text));
	out->last_sequence = audit->next_sequence - 1;
	pthread_mutex_unlock(&locked->lock);
	out->durable_sequence = atomic_load(&audit->durable_sequence);
	out->segment = atomic_load(&audit->segment_number);
	out->syncs = atomic_load(&audit->syncs);
}
