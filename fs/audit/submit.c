#include "fs/audit/log.h"

#include "fs/audit/name.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAMES_LIMIT 2u

int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

/* ---- batches --------------------------------------------------------------------------------- */

void batch_clear(struct batch *batch)
{
	batch->used = batch->count = batch->strict = batch->answered = 0;
	batch->answered_ns = INT64_MAX;
	queue_init(&batch->waiting);
}

bool batch_has_room(const struct batch *batch, size_t length, unsigned count)
{
	return batch->count + count <= FRAME_RECORDS &&
	       FRAME_HEADER + batch->used + length + FRAME_TRAILER <= FRAME_LIMIT;
}

void batch_finish(struct batch *batch)
{
	while (atomic_load_explicit(&batch->unfinished, memory_order_acquire))
		sched_yield();
}

/* Records one behind the other, the event last; and where they were put. */
struct parcel {
	uint8_t *bytes;
	size_t length;
	unsigned count;
	struct batch *batch;
	uint32_t at, index;
	bool is_answered; /* before it is durable */
};

/* Locked: a place in the batch, sequence numbers, the times (so they never go back). Returns the last number. */
static uint64_t reserve_place(struct audit *audit, struct parcel *parcel)
{
	const struct audit_io *io = audit->io;
	struct batch *batch = audit->filling;
	int64_t realtime_ns = io->realtime_ns(io->context);

	batch->last_ns = io->boottime_ns(io->context);
	if (batch->count == 0)
		batch->first_sequence = audit->next_sequence;
	parcel->batch = batch;
	parcel->at = FRAME_HEADER + batch->used;
	parcel->index = batch->count;
	for (size_t at = 0; at < parcel->length; at += bl_get16(parcel->bytes + at))
		format_record_stamp(parcel->bytes + at, audit->next_sequence++, realtime_ns,
				    batch->last_ns);
	batch->count += parcel->count;
	batch->used += (uint32_t)parcel->length;
	return audit->next_sequence - 1;
}

/* Bytes and leaves: off the lock, unless the committer speaks for itself. */
static void fill_place(const struct parcel *parcel)
{
	uint32_t index = parcel->index;

	memcpy(parcel->batch->frame + parcel->at, parcel->bytes, parcel->length);
	for (size_t at = 0; at < parcel->length;) {
		size_t length = bl_get16(parcel->bytes + at);

		format_leaf(parcel->bytes + at, length, parcel->batch->leaves[index++]);
		at += length;
	}
}

void writer_put(struct audit *audit, const struct audit_event *event, struct audit_ticket *tickets)
{
	uint8_t record[RECORD_LARGEST];
	struct parcel parcel = {
		.bytes = record, .length = format_record(event, record), .count = 1};
	uint64_t sequence = reserve_place(audit, &parcel);

	fill_place(&parcel);
	parcel.batch->strict++;
	while (tickets) {
		struct audit_ticket *next = tickets->next;

		tickets->sequence = sequence;
		queue_add(&parcel.batch->waiting, tickets);
		tickets = next;
	}
}

struct audit_event writer_event(enum audit_op op, const char *detail)
{
	struct audit_event event = {
		.op = op, .uid = UINT32_MAX, .gid = UINT32_MAX, .login_uid = UINT32_MAX};

	event.pid = (uint32_t)getpid();
	snprintf(event.detail, sizeof(event.detail), "%s", detail);
	return event;
}

void writer_say(struct audit *audit, enum audit_op op, const char *detail)
{
	struct audit_event event = writer_event(op, detail);

	writer_put(audit, &event, NULL);
}

/* ---- letting in ------------------------------------------------------------------------------ */

bool reserve_takes(enum audit_op op)
{
	static const bool TAKEN[AUDIT_OP_COUNT] = {
		[AUDIT_STOP] = true,
		[AUDIT_HEARTBEAT] = true,
		[AUDIT_VIEW_REVOKED] = true,
		[AUDIT_VIEW_CLOSED] = true,
		[AUDIT_DUE] = true,
		[AUDIT_SHRED_INTENT] = true,
		[AUDIT_SHRED_DONE] = true,
		[AUDIT_POLICY_LOADED] = true,
		[AUDIT_POLICY_REFUSED] = true,
		[AUDIT_SESSION_ENDED] = true,
	};

	return (unsigned)op < AUDIT_OP_COUNT && TAKEN[op];
}

static bool is_refused(const struct audit *audit, enum audit_op op)
{
	if (audit->is_unlatching)
		return false;
	switch (writer_mode(audit)) {
	case AUDIT_WRITING:
		return false;
	case AUDIT_RESERVE:
		return !reserve_takes(op) || (audit->is_reserve_full && !audit->is_switching);
	case AUDIT_DEAD:
		break;
	}
	return true;
}

/* Locked: waits for room. False: refused, and counted. */
static bool let_in(struct audit *audit, enum audit_op op, size_t length, unsigned count)
{
	while (!is_refused(audit, op) && !atomic_load(&audit->is_committer_gone)) {
		if (!audit->is_switching && !audit->is_unlatching &&
		    batch_has_room(audit->filling, length, count))
			return true;
		if (audit->wanted || audit->is_committer_lazy)
			pthread_cond_signal(&audit->work);
		audit->wanted = 0;
		pthread_cond_wait(&audit->room, &audit->lock);
	}
	audit->refused++;
	return false;
}

/* Locked: gathered with its like? Then its ticket waits there. */
static bool is_gathered(struct audit *audit, const struct audit_event *event,
			struct audit_ticket *ticket)
{
	const struct audit_io *io = audit->io;
	uint32_t before = audit->storms.gathered;

	if (event->verdict == AUDIT_PERMITTED ||
	    !storms_take(&audit->storms, event, io->boottime_ns(io->context), ticket))
		return false;
	if (audit->storms.gathered != before &&
	    (audit->is_committer_idle || audit->is_committer_lazy))
		pthread_cond_signal(&audit->work);
	return true;
}

/* Locked: may this one be answered before it is durable? Not while others that were are overdue. */
static bool may_answer(const struct audit *audit, const struct audit_event *event, int64_t now_ns)
{
	int64_t bound_ns = (int64_t)audit->bounded_ms * (SECOND / 1000);
	int64_t oldest_ns = audit->filling->answered_ns;

	if (event->verdict != AUDIT_PERMITTED || event->error_number ||
	    (event->op != AUDIT_READ && event->op != AUDIT_STAT) ||
	    writer_mode(audit) != AUDIT_WRITING)
		return false;
	if (audit->writing &&
	    audit->writing->first_sequence > atomic_load(&audit->durable_sequence))
		oldest_ns = BL_MIN(oldest_ns, audit->writing->answered_ns);
	return oldest_ns >= now_ns - bound_ns;
}

/* Locked: what is half full goes out; what is answered already can wait for that. */
static void wake_committer(struct audit *audit, const struct batch *batch, bool is_strict)
{
	bool is_full = batch->used >= FRAME_LIMIT / 2 || batch->count >= FRAME_RECORDS / 2;

	if (audit->is_committer_idle || (audit->is_committer_lazy && (is_strict || is_full)) ||
	    (audit->wanted && batch->strict >= audit->wanted))
		pthread_cond_signal(&audit->work);
}

/* Locked: the parcel goes into the filling batch, which has room. */
static void take_parcel(struct audit *audit, const struct audit_event *event, struct parcel *parcel,
			struct audit_ticket *ticket)
{
	struct batch *batch = audit->filling;
	int64_t now_ns = audit->bounded_ms ? monotonic_ns() : 0;

	parcel->is_answered = audit->bounded_ms && may_answer(audit, event, now_ns);
	ticket->sequence = reserve_place(audit, parcel);
	atomic_fetch_add_explicit(&batch->unfinished, 1, memory_order_relaxed);
	if (parcel->is_answered) {
		batch->answered++;
		batch->answered_ns = BL_MIN(batch->answered_ns, now_ns);
	} else {
		batch->strict++;
		queue_add(&batch->waiting, ticket);
	}
	wake_committer(audit, batch, !parcel->is_answered);
}

static void finish_parcel(const struct parcel *parcel, struct audit_ticket *ticket)
{
	fill_place(parcel);
	atomic_fetch_sub_explicit(&parcel->batch->unfinished, 1, memory_order_release);
	if (parcel->is_answered)
		ticket->done(ticket, BL_OK);
}

/* Only the log itself says how often something was repeated. */
static size_t make_record(const struct audit_event *event, uint8_t record[RECORD_LARGEST])
{
	size_t length = format_record(event, record);

	bl_put32(record + 68, 0);
	return length;
}

void audit_submit(struct audit *audit, const struct audit_event *event, struct audit_ticket *ticket)
{
	uint8_t record[RECORD_LARGEST];
	struct parcel parcel = {.bytes = record, .length = make_record(event, record), .count = 1};

	ticket->sequence = 0;
	pthread_mutex_lock(&audit->lock);

	bool is_in = let_in(audit, event->op, parcel.length, 1);
	bool is_taken = is_in && !is_gathered(audit, event, ticket);

	if (is_taken)
		take_parcel(audit, event, &parcel, ticket);
	pthread_mutex_unlock(&audit->lock);
	if (is_taken)
		finish_parcel(&parcel, ticket);
	else if (!is_in)
		ticket->done(ticket, BL_LOG_BROKEN);
}

/* ---- with names ------------------------------------------------------------------------------ */

struct naming {
	const struct audit_name *names;
	size_t count;
	uint64_t naming;
	uint8_t lk[AUDIT_KEY];
	uint8_t records[NAMES_LIMIT * NAME_RECORDS + RECORD_LARGEST];
};

/* Off the lock: what was said of the filling batch may be past when it is done. */
static void seal_names(const struct audit *audit, const struct audit_event *event,
		       struct naming *naming, struct parcel *parcel)
{
	parcel->bytes = naming->records;
	parcel->length = 0;
	parcel->count = 0;
	for (size_t i = 0; i < naming->count; i++) {
		unsigned count = 0;

		parcel->length += name_seal(&naming->names[i], audit->identity.log_id, naming->lk,
					    naming->records + parcel->length, &count);
		parcel->count += count;
	}
	parcel->length += make_record(event, naming->records + parcel->length);
	parcel->count++;
}

/*
 * Locked. Seals, off the lock, for the segment that the filling batch goes into, until it still is that one afterwards. Not
 * gathered with its like, or a segment that begins in a storm would never have the name. False: refused, and counted.
 */
static bool take_named(struct audit *audit, const struct audit_event *event, struct naming *naming,
		       struct parcel *parcel, struct audit_ticket *ticket)
{
	if (!let_in(audit, event->op, 0, 0))
		return false;
	do {
		naming->naming = audit->filling->naming;
		memcpy(naming->lk, audit->filling->lk, AUDIT_KEY);
		pthread_mutex_unlock(&audit->lock);
		seal_names(audit, event, naming, parcel);
		pthread_mutex_lock(&audit->lock);
		if (!let_in(audit, event->op, parcel->length, parcel->count))
			return false;
	} while (audit->filling->naming != naming->naming);
	take_parcel(audit, event, parcel, ticket);
	return true;
}

uint64_t audit_submit_named(struct audit *audit, const struct audit_event *event,
			    const struct audit_name *names, size_t count,
			    struct audit_ticket *ticket)
{
	struct parcel parcel = {.count = 0};
	struct naming naming;

	if (!audit->identity.auditor_count || count == 0) {
		audit_submit(audit, event, ticket);
		return 0;
	}
	naming.names = names;
	naming.count = BL_MIN(count, (size_t)NAMES_LIMIT);
	naming.naming = 0;
	ticket->sequence = 0;
	pthread_mutex_lock(&audit->lock);

	bool is_taken = take_named(audit, event, &naming, &parcel, ticket);

	pthread_mutex_unlock(&audit->lock);
	sodium_memzero(naming.lk, sizeof(naming.lk));
	if (is_taken)
		finish_parcel(&parcel, ticket);
	else
		ticket->done(ticket, BL_LOG_BROKEN);
	return is_taken ? naming.naming : 0;
}

uint64_t audit_naming(const struct audit *audit)
{
	return atomic_load_explicit(&audit->naming, memory_order_acquire);
}

void audit_bounded(struct audit *audit, uint32_t milliseconds)
{
	pthread_mutex_lock(&audit->lock);
	audit->bounded_ms = BL_MIN(milliseconds, BOUNDED_MAX);
	/* What was answered under the bound before goes out at once. */
	if (audit->filling->answered)
		audit->filling->answered_ns = 0;
	pthread_cond_signal(&audit->work);
	pthread_mutex_unlock(&audit->lock);
}

/* ---- waiting --------------------------------------------------------------------------------- */

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

enum bl_status audit_append_named(struct audit *audit, const struct audit_event *event,
				  const struct audit_name *names, size_t count,
				  uint64_t *out_sequence, struct bl_error *why)
{
	struct waiter waiter = {.ticket.done = wake_waiter, .status = BL_LOG_BROKEN};

	sem_init(&waiter.done, 0, 0);
	audit_submit_named(audit, event, names, count, &waiter.ticket);
	while (sem_wait(&waiter.done) != 0 && errno == EINTR)
		;
	sem_destroy(&waiter.done);
	if (waiter.status != BL_OK)
		return bl_fail(why, waiter.status, "the log cannot take the event");
	if (out_sequence)
		*out_sequence = waiter.ticket.sequence;
	return BL_OK;
}

enum bl_status audit_append(struct audit *audit, const struct audit_event *event,
			    uint64_t *out_sequence, struct bl_error *why)
{
	return audit_append_named(audit, event, NULL, 0, out_sequence, why);
}
