#include "fs/audit/tail.h"

#include "fs/audit/tombstone.h"
#include "fs/audit/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct audit_tail {
	int log_fd;
	struct log_identity identity;
	struct walk walk;
	struct walk before;   /* as it was before the segment was entered */
	struct window window; /* fd -1: no segment is open */
	uint64_t at;	      /* of the next frame */
	uint64_t quiet_at;    /* there the log was found to end properly; 0: not yet */
	uint64_t next, oldest, to;
	const struct audit_listener *listener; /* while it is told */
};

/* ---- what is told ---------------------------------------------------------------------------- */

/* Records before are passed over; one behind ends it, and is met again with its frame. */
static bool is_due(struct audit_tail *tail, uint64_t sequence, bool *out_goes_on)
{
	*out_goes_on = sequence <= tail->to;
	if (sequence < tail->next || !*out_goes_on)
		return false;
	tail->next = sequence + 1;
	return true;
}

static bool tell_record(void *context, const struct audit_record *record)
{
	struct audit_tail *tail = context;
	const struct audit_listener *listener = tail->listener;
	bool goes_on;

	if (!is_due(tail, record->sequence, &goes_on))
		return goes_on;
	return !listener->record || listener->record(listener->context, record);
}

static bool tell_named(void *context, const struct audit_named *named)
{
	struct audit_tail *tail = context;
	const struct audit_listener *listener = tail->listener;
	bool goes_on;

	if (!is_due(tail, named->sequence, &goes_on))
		return goes_on;
	return !listener->named || listener->named(listener->context, named);
}

static bool tell_segment(void *context, const struct audit_segment *segment)
{
	struct audit_tail *tail = context;
	const struct audit_listener *listener = tail->listener;

	return !listener->segment || listener->segment(listener->context, segment);
}

/* ---- beginning ------------------------------------------------------------------------------- */

/* Stand before the segment that holds the record, or before whatever is the first place. */
static enum bl_status stand(struct audit_tail *tail, const struct places *places,
			    uint64_t from_sequence, struct bl_error *why)
{
	struct walk *walk = &tail->walk;
	enum bl_status status = BL_OK;
	size_t at = 0, oldest = 0;

	if (places->count && places->items[0].first_sequence != 1)
		return walk_bad(walk, 0, "the first segment is missing");
	while (oldest + 1 < places->count && !places->items[oldest].has_segment)
		oldest++;
	if (places->count)
		tail->oldest = places->items[oldest].first_sequence;
	for (size_t i = oldest; i < places->count; i++)
		if (places->items[i].has_segment &&
		    places->items[i].first_sequence <= from_sequence)
			at = i;
	if (places->count && places->items[at].has_segment && at)
		status = walk_start_at(walk, places->items[at].first_sequence, why);
	/* Trimmed since it was listed: from the begin, by tombstones. */
	if (status == BL_TAMPERED && walk->looks == LOOKS_DROPPED)
		status = BL_OK;
	tail->next = BL_MAX(from_sequence, UINT64_C(1));
	return status;
}

static enum bl_status begin(struct audit_tail *tail, uint64_t from_sequence, struct bl_error *why)
{
	BL_CLEANUP(places_done) struct places places = {0};
	enum bl_status status = identity_read(tail->log_fd, &tail->identity, why);

	if (status == BL_NOT_FOUND)
		return bl_fail(why, BL_INVALID, "this folder is not a log of Bailee: no 'log.id'");
	if (status == BL_OK)
		status = places_read(tail->log_fd, &places, why);
	if (status == BL_OK)
		status = walk_init(&tail->walk, tail->log_fd, tail->identity.log_id, why);
	if (status != BL_OK)
		return status;
	walk_identify(&tail->walk, &tail->identity);
	tail->walk.is_chain_checked = false;
	tail->walk.tell = tell_record;
	tail->walk.tell_named = tell_named;
	tail->walk.tell_segment = tell_segment;
	tail->walk.context = tail;
	tail->window.buffer = tail->walk.buffer;
	status = stand(tail, &places, from_sequence, why);
	return status == BL_TAMPERED ? walk_blame(&tail->walk, why) : status;
}

enum bl_status audit_tail_open(int log_fd, uint64_t from_sequence, struct audit_tail **out_tail,
			       struct bl_error *why)
{
	BL_CLEANUP(audit_tail_close) struct audit_tail *tail = calloc(1, sizeof(*tail));

	if (!tail)
		return bl_fail(why, BL_NO_MEMORY, "cannot read the log: out of memory");
	tail->log_fd = log_fd;
	tail->window.fd = -1;
	tail->oldest = 1;

	enum bl_status status = begin(tail, from_sequence, why);

	if (status == BL_OK)
		*out_tail = BL_TAKE(tail);
	return status;
}

void audit_tail_from_segment(struct audit_tail *tail)
{
	tail->next = BL_MIN(tail->next, BL_MAX(tail->walk.next_sequence, UINT64_C(1)));
}

void audit_tail_close(struct audit_tail *tail)
{
	if (!tail)
		return;
	fd_close(tail->window.fd);
	walk_done(&tail->walk);
	free(tail);
}

uint64_t audit_tail_sequence(const struct audit_tail *tail)
{
	return tail->next;
}

uint64_t audit_tail_oldest(const struct audit_tail *tail)
{
	return tail->oldest;
}

/* ---- from segment to segment ----------------------------------------------------------------- */

enum step { STEP_ON, STEP_END, STEP_BEHIND };

static void leave(struct audit_tail *tail)
{
	fd_close(tail->window.fd);
	tail->window = (struct window){.fd = -1, .buffer = tail->walk.buffer};
	tail->at = tail->quiet_at = 0;
}

/* The next segment, or over what was trimmed. */
static enum bl_status enter(struct audit_tail *tail, struct bl_error *why)
{
	struct walk *walk = &tail->walk;
	uint64_t first = walk->next_sequence;
	int fd;

	tail->before = *walk;

	enum bl_status status = walk_enter(walk, &fd, &tail->window.size, why);

	if (status == BL_NOT_FOUND)
		return walk_tombstone(walk, NULL, why);
	if (status != BL_OK)
		return status;
	tail->window.fd = fd;
	tail->at = SEGMENT_HEADER;
	if (walk->tombstones && walk->is_before_unknown)
		tail->oldest = first;
	return BL_OK;
}

/* Whether the next segment, or what is left of it, is there; or another one, in whose place a file of our name was put. */
static bool has_next(const struct audit_tail *tail)
{
	const struct walk *walk = &tail->walk;
	char segment[SEGMENT_NAME_SIZE], tombstone[TOMBSTONE_NAME_SIZE];
	struct stat named, ours;

	format_segment_name(walk->next_sequence, segment);
	tombstone_name(walk->next_sequence, tombstone);
	if (fstatat(tail->log_fd, segment, &named, AT_SYMLINK_NOFOLLOW) != 0)
		return faccessat(tail->log_fd, tombstone, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return walk->next_sequence != walk->first_sequence ||
	       (fstat(tail->window.fd, &ours) == 0 &&
		(named.st_ino != ours.st_ino || named.st_dev != ours.st_dev));
}

/* ---- from frame to frame --------------------------------------------------------------------- */

/* All but what it says is wrong. */
static void put_back(struct walk *walk, const struct walk *before)
{
	memcpy(walk, before, offsetof(struct walk, looks));
}

/* What was told of in part is met again: the walk stays before its frame. */
static enum bl_status take_frame(struct audit_tail *tail, uint32_t *out_length,
				 struct bl_error *why)
{
	struct walk *walk = &tail->walk, before = *walk;
	bool is_first = tail->at == SEGMENT_HEADER && !walk->is_before_unknown;
	enum bl_status status = BL_OK;

	*out_length = 0;
	if (tail->at < tail->window.size)
		status = walk_frame(walk, &tail->window, tail->at, is_first ? &before.tail : NULL,
				    out_length, why);
	if (status != BL_OK || !*out_length) {
		put_back(walk, &before);
	} else if (walk->is_stopped && tail->next < walk->next_sequence) {
		put_back(walk, &before);
		walk->is_stopped = true;
	} else {
		walk->is_before_unknown = false;
		tail->at += *out_length;
	}
	return status;
}

/* ---- where a segment ends -------------------------------------------------------------------- */

/* Nobody writes to it any more: what stands behind its last frame has to be what a torn one leaves. */
static enum bl_status finish(struct audit_tail *tail, struct bl_error *why)
{
	enum bl_status status = BL_OK;
	bool is_whole;

	if (tail->walk.next_sequence == tail->walk.first_sequence)
		/* Replaced by another of its name: a crash right after it was made. */
		put_back(&tail->walk, &tail->before);
	else
		status = walk_end(&tail->walk, &tail->window, tail->at, false, &is_whole, why);
	if (status == BL_OK)
		leave(tail);
	return status;
}

/* Behind the last frame that was there when it was looked for. */
static enum bl_status look_at_end(struct audit_tail *tail, enum step *out_step,
				  struct bl_error *why)
{
	struct segments found;
	bool is_whole = false;
	enum bl_status status = segments_list(tail->log_fd, &found, why);

	*out_step = STEP_END;
	if (status != BL_OK || (found.count && found.last > tail->walk.next_sequence)) {
		/* The writer went on meanwhile, or nothing leads there. */
		*out_step = STEP_BEHIND;
		return status;
	}
	if (tail->window.fd < 0 || tail->quiet_at == tail->at)
		return BL_OK;
	status = walk_end(&tail->walk, &tail->window, tail->at, true, &is_whole, why);
	if (status == BL_OK && is_whole)
		*out_step = STEP_ON;
	else if (status == BL_OK)
		tail->quiet_at = tail->at;
	return status;
}

/* At most twice behind each other: what is not there then was not written meanwhile. */
static enum bl_status go_on(struct audit_tail *tail, enum step *out_step, struct bl_error *why)
{
	uint32_t length = 0;
	enum bl_status status = BL_OK;

	if (tail->window.fd >= 0)
		status = take_frame(tail, &length, why);
	*out_step = STEP_ON;
	if (status != BL_OK || length)
		return status;
	if (!has_next(tail))
		return look_at_end(tail, out_step, why);
	if (tail->window.fd < 0)
		return enter(tail, why);
	/* It may have got its last frames since they were looked for. */
	window_forget(&tail->window);
	status = take_frame(tail, &length, why);
	return status != BL_OK || length ? status : finish(tail, why);
}

static enum bl_status step(struct audit_tail *tail, enum step *out_step, struct bl_error *why)
{
	enum bl_status status = go_on(tail, out_step, why);

	if (status != BL_OK || *out_step != STEP_BEHIND)
		return status;
	window_forget(&tail->window);
	status = go_on(tail, out_step, why);
	if (status == BL_OK && *out_step == STEP_BEHIND)
		return walk_bad_as(&tail->walk, LOOKS_DROPPED, tail->at,
				   "record %" PRIu64 " is missing", tail->walk.next_sequence);
	return status;
}

enum bl_status audit_tail_next(struct audit_tail *tail, uint64_t to_sequence,
			       const struct audit_listener *listener, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	tail->listener = listener;
	tail->to = to_sequence;
	tail->walk.is_stopped = false;
	window_forget(&tail->window);
	for (enum step step_to = STEP_ON; status == BL_OK && step_to == STEP_ON &&
					  tail->next <= to_sequence && !tail->walk.is_stopped;)
		status = step(tail, &step_to, why);
	tail->listener = NULL;
	return status == BL_TAMPERED ? walk_blame(&tail->walk, why) : status;
}
