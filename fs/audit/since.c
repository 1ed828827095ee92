/* Reading only the end of a long log, without believing the clock more than it deserves. */
#include "fs/audit/audit.h"

#include "fs/audit/walk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Zones taken for one another, a clock that was set: what a segment's times may be wrong by unseen. */
#define DOUBT_SECONDS 86400
#define SECOND_NS     INT64_C(1000000000)

struct numbers {
	uint64_t *items; /* first sequence numbers */
	size_t count, room;
};

static void numbers_done(struct numbers *numbers)
{
	free(numbers->items);
}

static bool add_number(void *context, uint64_t first_sequence)
{
	struct numbers *numbers = context;

	if (numbers->count == numbers->room) {
		size_t room = numbers->room ? 2 * numbers->room : 64;
		uint64_t *grown = reallocarray(numbers->items, room, sizeof(*grown));

		if (!grown)
			return false;
		numbers->items = grown;
		numbers->room = room;
	}
	numbers->items[numbers->count++] = first_sequence;
	return true;
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

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

static enum bl_status is_over(struct walk *walk, const struct numbers *numbers, size_t at,
			      int64_t since_unix, bool *out_is_over, struct bl_error *why)
{
	struct segment_header header, next;
	int64_t latest;

	*out_is_over = false;
	if (at + 1 == numbers->count)
		return BL_OK;

	enum bl_status status = walk_header(walk, numbers->items[at], &header, why);

	if (status == BL_OK)
		status = walk_header(walk, numbers->items[at + 1], &next, why);
	if (status != BL_OK)
		return status;
	if (next.number != header.number + 1)
		return walk_bad(walk, 32, "segment '%s' is not the next one", walk->bad_file);
	*out_is_over = latest_in(&header, &next, &latest) && latest + DOUBT_SECONDS < since_unix;
	return BL_OK;
}

static enum bl_status walk_since(struct walk *walk, const struct numbers *numbers,
				 int64_t since_unix, struct bl_error *why)
{
	bool is_behind_gap = false;

	if (numbers->count && numbers->items[0] != 1)
		return walk_bad(walk, 0, "the first segment is missing");
	for (size_t i = 0; i < numbers->count && !walk->is_stopped; i++) {
		bool is_last = i + 1 == numbers->count, is_left_out;
		enum bl_status status = is_over(walk, numbers, i, since_unix, &is_left_out, why);

		if (status == BL_OK && !is_left_out && is_behind_gap)
			status = walk_start_at(walk, numbers->items[i], why);
		if (status == BL_OK && !is_left_out)
			status = walk_segment(walk, is_last, why);
		if (status != BL_OK)
			return status;
		is_behind_gap = is_left_out;
	}
	return BL_OK;
}

/* From the segment that holds a record on: those before it are not even opened. */
static enum bl_status walk_from(struct walk *walk, const struct numbers *numbers, uint64_t sequence,
				struct bl_error *why)
{
	size_t at = 0;

	while (at + 1 < numbers->count && numbers->items[at + 1] <= sequence)
		at++;
	if (numbers->count == 0)
		return BL_OK;
	enum bl_status status = walk_start_at(walk, numbers->items[at], why);

	for (; status == BL_OK && at < numbers->count && !walk->is_stopped; at++)
		status = walk_segment(walk, at + 1 == numbers->count, why);
	return status;
}

/* Which part of the log. */
struct part {
	bool is_by_number;
	uint64_t sequence;
	int64_t since_unix;
};

static enum bl_status scan_part(int log_fd, const struct part *part, audit_record_fn *tell,
				void *context, struct bl_error *why)
{
	__attribute__((cleanup(numbers_done))) struct numbers numbers = {0};
	uint8_t log_id[LOG_ID_SIZE];
	struct walk walk;
	enum bl_status status = log_id_read(log_fd, log_id, why);

	if (status == BL_NOT_FOUND)
		return bl_fail(why, BL_INVALID, "this folder is not a log of Bailee: no 'log.id'");
	if (status == BL_OK)
		status = segments_each(log_fd, add_number, &numbers, why);
	if (status == BL_OK)
		status = walk_init(&walk, log_fd, log_id, why);
	if (status != BL_OK)
		return status;
	if (numbers.count)
		qsort(numbers.items, numbers.count, sizeof(numbers.items[0]), compare);
	walk.is_chain_checked = false;
	walk.tell = tell;
	walk.context = context;
	status = part->is_by_number ? walk_from(&walk, &numbers, part->sequence, why)
				    : walk_since(&walk, &numbers, part->since_unix, why);
	if (status == BL_TAMPERED)
		bl_fail(why, status, "the log is broken at record %" PRIu64 ": %s",
			walk.bad_sequence, walk.problem);
	walk_done(&walk);
	return status;
}

enum bl_status audit_scan_since(int log_fd, int64_t since_unix, audit_record_fn *tell,
				void *context, struct bl_error *why)
{
	const struct part part = {.since_unix = since_unix};

	return scan_part(log_fd, &part, tell, context, why);
}

enum bl_status audit_scan_from(int log_fd, uint64_t sequence, audit_record_fn *tell, void *context,
			       struct bl_error *why)
{
	const struct part part = {.is_by_number = true, .sequence = sequence};

	return scan_part(log_fd, &part, tell, context, why);
}
