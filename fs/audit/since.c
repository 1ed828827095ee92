/* Reading back: all of the log, or only the end of a long one, without believing the clock more than it deserves. */
#include "fs/audit/audit.h"

#include "fs/audit/tombstone.h"
#include "fs/audit/walk.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* Zones taken for one another, a clock that was set: what a segment's times may be wrong by unseen. */
#define DOUBT_SECONDS 86400
#define SECOND_NS     INT64_C(1000000000)

/*
 * The latest time that a record of the segment can bear, if the clock was only ever put one way while it was written to.
 * Within one boot: the time it would have come to by itself, or the time that the next one began with. Over a boot nothing tells
 * how long it was written to, so a clock that went back gives no bound at all.
 */
static bool latest_in(const struct segment_header *header, const struct segment_header *next,
		      int64_t *out_unix)
{
	int64_t from = header->realtime_ns / SECOND_NS, to = next->realtime_ns / SECOND_NS;
	int64_t took = next->boottime_ns / SECOND_NS - header->boottime_ns / SECOND_NS;

	if (memcmp(header->boot_id, next->boot_id, sizeof(header->boot_id)) == 0)
		*out_unix = BL_MAX(to, from + took);
	else if (to >= from)
		*out_unix = to;
	else
		return false;
	return true;
}

/* While the log is read its oldest segments may go: a missing one whose tombstone is there was removed a moment ago. */
static bool is_gone(const struct walk *walk, uint64_t first_sequence)
{
	char name[TOMBSTONE_NAME_SIZE];

	tombstone_name(first_sequence, name);
	return walk->looks == LOOKS_DROPPED &&
	       faccessat(walk->log_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static enum bl_status is_over(struct walk *walk, const struct places *places, size_t at,
			      int64_t since_unix, bool *out_is_over, struct bl_error *why)
{
	struct segment_header header, next;
	int64_t latest;

	*out_is_over = false;
	/* A segment before a tombstone was removed while the folder was listed, or else the walk finds it. */
	if (at + 1 == places->count || !places->items[at].has_segment ||
	    !places->items[at + 1].has_segment)
		return BL_OK;

	enum bl_status status = walk_header(walk, places->items[at].first_sequence, &header, why);

	if (status == BL_OK)
		status = walk_header(walk, places->items[at + 1].first_sequence, &next, why);
	if (status == BL_TAMPERED && is_gone(walk, places->items[at].first_sequence)) {
		*out_is_over = true;
		return BL_OK;
	}
	if (status != BL_OK)
		return status;
	if (next.number != header.number + 1)
		return walk_bad(walk, 32, "segment '%s' is not the next one", walk->bad_file);
	*out_is_over = latest_in(&header, &next, &latest) && latest + DOUBT_SECONDS < since_unix;
	return BL_OK;
}

/* Which part of the log. */
struct part {
	bool is_by_number;
	uint64_t sequence;
	int64_t since_unix;
	bool *is_torn; /* what the end looks like is told here; NULL: nobody asks */
};

/* Behind segments that were left out: begun with, or removed since it was looked at, and left out like them. */
static enum bl_status start_behind(struct walk *walk, uint64_t first_sequence,
				   bool *out_is_left_out, struct bl_error *why)
{
	enum bl_status status = walk_start_at(walk, first_sequence, why);

	*out_is_left_out = status == BL_TAMPERED && is_gone(walk, first_sequence);
	return *out_is_left_out ? BL_OK : status;
}

static enum bl_status walk_since(struct walk *walk, const struct places *places, int64_t since_unix,
				 struct bl_error *why)
{
	bool is_behind_gap = false;

	for (size_t i = 0; i < places->count && !walk->is_stopped; i++) {
		bool is_left_out;
		enum bl_status status = is_over(walk, places, i, since_unix, &is_left_out, why);

		if (status == BL_OK && !is_left_out && is_behind_gap)
			status = start_behind(walk, places->items[i].first_sequence, &is_left_out,
					      why);
		if (status == BL_OK && !is_left_out)
			status = walk_place(walk, places, i, NULL, why);
		if (status != BL_OK)
			return status;
		is_behind_gap = is_left_out;
	}
	return BL_OK;
}

/* From the segment that holds a record on: those before it are not even opened. */
static enum bl_status walk_from(struct walk *walk, const struct places *places, uint64_t sequence,
				struct bl_error *why)
{
	size_t at = 0;
	enum bl_status status = BL_OK;

	while (at + 1 < places->count && places->items[at + 1].first_sequence <= sequence)
		at++;
	if (at == places->count || !places->items[at].has_segment || !sequence)
		at = 0;
	else
		status = walk_start_at(walk, places->items[at].first_sequence, why);
	while (status == BL_TAMPERED && at + 1 < places->count &&
	       is_gone(walk, places->items[at].first_sequence))
		status = walk_start_at(walk, places->items[++at].first_sequence, why);
	for (; status == BL_OK && at < places->count && !walk->is_stopped; at++)
		status = walk_place(walk, places, at, NULL, why);
	return status;
}

/* The first segment, or a tombstone for it, has to be there, whatever part is asked for. */
static enum bl_status check_begin(struct walk *walk, const struct places *places)
{
	if (places->count && places->items[0].first_sequence != 1)
		return walk_bad(walk, 0, "the first segment is missing");
	return BL_OK;
}

static enum bl_status scan_part(int log_fd, const struct part *part,
				const struct audit_listener *listener, struct bl_error *why)
{
	BL_CLEANUP(places_done) struct places places = {0};
	struct log_identity identity;
	struct walk walk;
	enum bl_status status = identity_read(log_fd, &identity, why);

	if (status == BL_NOT_FOUND)
		return bl_fail(why, BL_INVALID, "this folder is not a log of Bailee: no 'log.id'");
	if (status == BL_OK)
		status = places_read(log_fd, &places, why);
	if (status == BL_OK)
		status = walk_init(&walk, log_fd, identity.log_id, why);
	if (status != BL_OK)
		return status;
	walk_identify(&walk, &identity);
	walk.is_chain_checked = false;
	walk.tell = listener->record;
	walk.tell_named = listener->named;
	walk.tell_segment = listener->segment;
	walk.context = listener->context;
	status = check_begin(&walk, &places);
	if (status == BL_OK)
		status = part->is_by_number ? walk_from(&walk, &places, part->sequence, why)
					    : walk_since(&walk, &places, part->since_unix, why);
	if (status == BL_TAMPERED)
		walk_blame(&walk, why);
	if (part->is_torn)
		*part->is_torn = walk.tail.length != 0;
	walk_done(&walk);
	return status;
}

enum bl_status audit_torn(int log_fd, bool *out_is_torn, struct bl_error *why)
{
	const struct part part = {
		.is_by_number = true, .sequence = UINT64_MAX, .is_torn = out_is_torn};
	const struct audit_listener listener = {.context = NULL};

	*out_is_torn = false;
	return scan_part(log_fd, &part, &listener, why);
}

enum bl_status audit_scan_since(int log_fd, int64_t since_unix, audit_record_fn *tell,
				void *context, struct bl_error *why)
{
	const struct part part = {.since_unix = since_unix};
	const struct audit_listener listener = {.record = tell, .context = context};

	return scan_part(log_fd, &part, &listener, why);
}

enum bl_status audit_scan_names(int log_fd, uint64_t from_sequence,
				const struct audit_listener *listener, struct bl_error *why)
{
	const struct part part = {.is_by_number = true, .sequence = from_sequence};

	return scan_part(log_fd, &part, listener, why);
}

enum bl_status audit_scan_from(int log_fd, uint64_t sequence, audit_record_fn *tell, void *context,
			       struct bl_error *why)
{
	const struct audit_listener listener = {.record = tell, .context = context};

	return audit_scan_names(log_fd, sequence, &listener, why);
}

enum bl_status audit_scan(int log_fd, audit_record_fn *tell, void *context, struct bl_error *why)
{
	return audit_scan_from(log_fd, 0, tell, context, why);
}

enum bl_status audit_log_id(int log_fd, uint8_t out_log_id[AUDIT_LOG_ID], struct bl_error *why)
{
	struct log_identity identity;
	enum bl_status status = identity_read(log_fd, &identity, why);

	if (status == BL_OK)
		memcpy(out_log_id, identity.log_id, AUDIT_LOG_ID);
	if (status == BL_NOT_FOUND)
		return bl_fail(why, BL_INVALID, "this folder is not a log of Bailee: no 'log.id'");
	return status == BL_TAMPERED ? BL_INVALID : status;
}
