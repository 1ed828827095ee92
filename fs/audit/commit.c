#include "fs/audit/log.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

#define GATHER_NS (SECOND / 5000) /* about a sync on a fast disk */

/* ---- where a batch goes ---------------------------------------------------------------------- */

static void publish(struct audit *audit, const struct batch *batch)
{
	atomic_store_explicit(&audit->naming, batch->naming, memory_order_release);
}

/*
 * The number that audit_naming tells never comes twice, though the number of a segment may: one in which nothing got
 * durable is replaced, and who wrote a name into it has to write it again.
 */
void writer_aim(struct audit *audit, struct batch *batch, uint64_t number)
{
	batch->is_beginning = true;
	batch->segment = number;
	batch->naming = 0;
	if (audit->identity.auditor_count) {
		audit->last_naming = BL_MAX(number, audit->last_naming + 1);
		batch->naming = audit->last_naming;
		randombytes_buf(batch->lk, AUDIT_KEY);
	}
	publish(audit, batch);
}

/* Locked: @next gathers what comes behind the frame of @taken, which ends at place_at. */
static void aim_behind(struct audit *audit, const struct batch *taken, struct batch *next)
{
	if (audit->place_size - audit->place_at < FRAME_LIMIT) {
		writer_aim(audit, next, taken->segment + 1);
		return;
	}
	next->is_beginning = false;
	next->segment = taken->segment;
	next->naming = taken->naming;
	memcpy(next->lk, taken->lk, AUDIT_KEY);
	publish(audit, next);
}

static uint32_t frame_length(const struct batch *batch)
{
	return FRAME_HEADER + batch->used + FRAME_TRAILER;
}

/* Locked: from now on the other batch is filled. */
static struct batch *take(struct audit *audit)
{
	struct batch *batch = audit->filling;
	struct batch *next = batch == &audit->batches[0] ? &audit->batches[1] : &audit->batches[0];

	if (batch->is_beginning) {
		audit->place_at = SEGMENT_HEADER;
		audit->place_size = audit->fresh.size;
	}
	audit->place_at += frame_length(batch);
	aim_behind(audit, batch, next);
	/* The reserve is never extended. */
	audit->is_reserve_full = writer_mode(audit) != AUDIT_WRITING && next->is_beginning;
	audit->filling = next;
	audit->writing = batch;
	pthread_cond_broadcast(&audit->room);
	return batch;
}

/* ---- one frame, one write, one sync ---------------------------------------------------------- */

static void make_frame(struct audit *audit, struct batch *batch, uint8_t chain[AUDIT_DIGEST])
{
	struct frame_header header = {
		.length = frame_length(batch),
		.number = audit->frame,
		.first_sequence = batch->first_sequence,
		.count = batch->count,
	};
	uint8_t mac[AUDIT_DIGEST];

	memcpy(chain, audit->chain, AUDIT_DIGEST);
	for (uint32_t i = 0; i < batch->count; i++)
		chain_record(chain, batch->leaves[i]);
	format_frame(batch->frame, &header, chain);
	framekey_mac(&audit->secrets->next, batch->frame, chain, mac);
	format_frame_mac(batch->frame, header.length, mac);
}

/* The key moves on once the frame is durable: until then it may have to be found out whether it is. */
static enum bl_status write_frame(struct audit *audit, struct batch *batch, struct bl_error *why)
{
	uint8_t chain[AUDIT_DIGEST];
	uint32_t length = frame_length(batch);
	enum bl_status status = BL_OK;

	if (batch->is_beginning)
		status = writer_begin_segment(audit, batch->lk, why);
	if (status != BL_OK)
		return status;
	make_frame(audit, batch, chain);
	status = io_write(audit->io, audit->segment.fd, batch->frame, length, audit->segment.at,
			  "the log", why);
	if (status == BL_OK)
		status = io_sync(audit->io, audit->segment.fd, "the log", why);
	if (status != BL_OK)
		return status;
	memcpy(audit->chain, chain, AUDIT_DIGEST);
	audit->segment.at += length;
	audit->frame++;
	framekey_next(&audit->secrets->next);
	audit->last_frame_ns = batch->last_ns;
	atomic_store(&audit->durable_sequence, batch->first_sequence + batch->count - 1);
	atomic_fetch_add(&audit->syncs, 1);
	return BL_OK;
}

/* Locked: what was taken is written, with the lock released meanwhile, and answered if that went well. */
static enum bl_status write_taken(struct audit *audit, struct batch *batch, bool with_note,
				  struct bl_error *why)
{
	enum bl_status status = BL_OK;

	pthread_mutex_unlock(&audit->lock);
	/* First of all: whatever fails below, nobody may still be copying into a batch that is filled anew. */
	batch_finish(batch);
	if (with_note)
		status = writer_note(audit, why);
	if (status == BL_OK)
		status = write_frame(audit, batch, why);
	pthread_mutex_lock(&audit->lock);
	audit->writing = NULL;
	audit->in_flight = batch->strict + audit->filling->strict;
	if (status != BL_OK)
		return status;
	queue_move(&batch->waiting, &audit->good);
	if (audit->good.first)
		pthread_cond_signal(&audit->told);
	writer_tell_followers(audit);
	writer_key_moved(audit);
	return BL_OK;
}

enum bl_status writer_commit_first(struct audit *audit, struct bl_error *why)
{
	struct batch *batch = take(audit);
	enum bl_status status = write_taken(audit, batch, false, why);

	batch_clear(batch);
	return status;
}

void writer_commit(struct audit *audit)
{
	struct bl_error why = {""};

	if (audit->filling->is_beginning && !writer_take_spare(audit))
		return;

	bool is_rotating = audit->filling->is_beginning;
	struct batch *batch = take(audit);

	if (write_taken(audit, batch, is_rotating, &why) != BL_OK) {
		/* Only while it is writable anything is answered early. */
		if (batch->answered) {
			audit->failed_first = batch->first_sequence;
			audit->lost_written = batch->answered;
		}
		queue_move(&batch->waiting, &audit->failed);
		writer_fail(audit, &why);
	}
	batch_clear(batch);
	if (writer_mode(audit) != AUDIT_WRITING)
		return;
	if (is_rotating)
		audit->has_asked_spare = false;
	if (audit->segment.at >= audit->segment.size / 4)
		writer_ask_spare(audit);
}

/* ---- when ------------------------------------------------------------------------------------ */

/* Locked: until the moment, or until somebody has something for the committer. False: the moment came. */
static bool sleep_until(struct audit *audit, int64_t until_ns, bool *is_asleep)
{
	struct timespec until = {.tv_sec = until_ns / SECOND, .tv_nsec = until_ns % SECOND};

	*is_asleep = true;

	bool is_woken = pthread_cond_timedwait(&audit->work, &audit->lock, &until) != ETIMEDOUT;

	*is_asleep = false;
	return is_woken;
}

/* The same moment on CLOCK_MONOTONIC: when the next kind of denial has to be told, or in a second. */
static int64_t next_look_ns(const struct audit *audit)
{
	const struct audit_io *io = audit->io;
	int64_t due_ns = storms_due(&audit->storms);
	int64_t left_ns = SECOND;

	/* A second at most: this clock stops in suspend, the promises follow CLOCK_BOOTTIME. */
	if (due_ns != INT64_MAX)
		left_ns = BL_MAX(BL_MIN(left_ns, due_ns - io->boottime_ns(io->context)), 0);
	return monotonic_ns() + left_ns;
}

/*
 * When many ask at once, syncs for a few of them each are what all of them wait for. So a batch may take GATHER_NS to hold
 * most of what was in flight a moment ago. Who asks alone never waits: there is nothing to gather.
 */
static void gather(struct audit *audit)
{
	int64_t until_ns = monotonic_ns() + GATHER_NS;
	bool is_asleep;

	audit->wanted = audit->in_flight - BL_MIN(audit->in_flight, audit->in_flight / 4 + 1);
	while (audit->filling->strict < audit->wanted && !audit->is_stopping &&
	       audit->asked == audit->served_count && !audit->is_failing &&
	       sleep_until(audit, until_ns, &is_asleep))
		continue;
	audit->wanted = 0;
}

/* Locked: whether the batch has to go out now; else *out_ns says when. */
static bool is_due(const struct audit *audit, int64_t *out_ns)
{
	const struct batch *batch = audit->filling;

	*out_ns = 0;
	if (batch->strict || audit->is_stopping || audit->asked != audit->served_count ||
	    batch->used >= FRAME_LIMIT / 2 || batch->count >= FRAME_RECORDS / 2)
		return true;
	/* Half of the bound is for the disk. */
	*out_ns = batch->answered_ns + (int64_t)audit->bounded_ms * (SECOND / 2000);
	return monotonic_ns() >= *out_ns;
}

/* Locked: into the batch, as far as there is room. */
static void tell_storms(struct audit *audit)
{
	const struct audit_io *io = audit->io;
	struct audit_event event;
	struct audit_ticket *tickets;

	if (!audit->storms.gathered || audit->is_reserve_full)
		return;

	int64_t now_ns = audit->is_stopping ? INT64_MAX : io->boottime_ns(io->context);

	while (batch_has_room(audit->filling, RECORD_LARGEST, 1) &&
	       storms_next(&audit->storms, now_ns, &event, &tickets))
		writer_put(audit, &event, tickets);
}

/* A life sign takes room: of the reserve it gets no more than half, the rest is for what has to be done. */
static void heartbeat(struct audit *audit)
{
	const struct audit_io *io = audit->io;
	bool is_reserve = writer_mode(audit) != AUDIT_WRITING;

	if (audit->filling->count || audit->is_failing || audit->is_reserve_full ||
	    (is_reserve && audit->place_at >= RESERVE_SIZE / 4) ||
	    io->boottime_ns(io->context) - audit->last_frame_ns < HEARTBEAT_NS)
		return;
	writer_say(audit, AUDIT_HEARTBEAT, "");
}

/* ---- the committer --------------------------------------------------------------------------- */

/* Locked: @asked  as it was before this round's frame: what was there when somebody asked is in the checkpoint he gets. */
static void checkpoint_if_due(struct audit *audit, uint64_t asked)
{
	const struct audit_io *io = audit->io;
	bool is_due_now =
		atomic_load(&audit->noted_sequence) != atomic_load(&audit->durable_sequence) &&
		io->boottime_ns(io->context) - audit->last_note_ns >= CHECKPOINT_NS;

	if (is_due_now || asked != audit->served_count)
		writer_checkpoint(audit, asked);
}

/* Locked: something may lie in the batch; it goes out, or the committer sleeps. */
static void commit_or_wait(struct audit *audit)
{
	int64_t due_ns;

	if (audit->filling->count && is_due(audit, &due_ns)) {
		if (audit->filling->strict)
			gather(audit);
		if (!audit->is_failing)
			writer_commit(audit);
	} else if (audit->filling->count) {
		sleep_until(audit, BL_MIN(due_ns, next_look_ns(audit)), &audit->is_committer_lazy);
	} else if (audit->asked == audit->served_count) {
		sleep_until(audit, next_look_ns(audit), &audit->is_committer_idle);
		heartbeat(audit);
	}
}

/* Locked: what a full reserve still held is durable now; nothing else will be. */
static void leave_full_reserve(struct audit *audit)
{
	struct bl_error why = {"the reserve of the log is full"};

	if (audit->is_reserve_full && !audit->is_failing)
		writer_fail(audit, &why);
}

/* Locked: one round; false when stopping and nothing is left. */
static bool commit_round(struct audit *audit)
{
	uint64_t asked = audit->asked;

	if (audit->is_failing) {
		writer_latch(audit);
		return true;
	}
	if (audit->unlatching) {
		writer_unlatch(audit);
		return true;
	}
	if (writer_mode(audit) == AUDIT_DEAD) {
		if (!audit->is_stopping)
			sleep_until(audit, next_look_ns(audit), &audit->is_committer_idle);
		return !audit->is_stopping;
	}
	tell_storms(audit);
	if (audit->is_stopping && !audit->filling->count && audit->asked == audit->served_count)
		return false;
	commit_or_wait(audit);
	if (!audit->is_failing)
		checkpoint_if_due(audit, asked);
	if (writer_mode(audit) == AUDIT_RESERVE)
		leave_full_reserve(audit);
	return true;
}

/* Locked: the end, and a checkpoint of it. When that latches, the reserve says it. */
static void finish(struct audit *audit)
{
	while (writer_mode(audit) != AUDIT_DEAD) {
		writer_say(audit, AUDIT_STOP, "");
		writer_commit(audit);
		if (!audit->is_failing)
			writer_checkpoint(audit, audit->asked);
		if (!audit->is_failing)
			break;
		writer_latch(audit);
	}
}

void *commit_run(void *context)
{
	struct audit *audit = context;

	pthread_mutex_lock(&audit->lock);
	if (audit->is_unannounced)
		writer_announce(audit);
	while (commit_round(audit))
		continue;
	finish(audit);
	atomic_store(&audit->is_committer_gone, true);
	/* Behind the end: from `done` of what was answered last, say. */
	writer_refuse_all(audit);
	pthread_cond_broadcast(&audit->room);
	atomic_store(&audit->is_spare_cancelled, true);
	pthread_cond_broadcast(&audit->told);
	pthread_cond_broadcast(&audit->spare_change);
	pthread_cond_broadcast(&audit->key_change);
	pthread_mutex_unlock(&audit->lock);
	return NULL;
}
