/* What kind of tampering it looks like: judged by what stands at the point of failure and behind it. A help, not a proof. */
#include "fs/audit/tombstone.h"
#include "fs/audit/walk.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- frames ---------------------------------------------------------------------------------- */

/* Header and trailer of a frame, whatever is between. */
static bool is_shaped(const uint8_t *bytes, size_t length, struct frame_header *out)
{
	return length >= FRAME_HEADER && format_frame_header_parse(bytes, out) &&
	       out->length <= length && format_frame_chain(bytes, out->length);
}

static bool is_expected(const struct walk *walk, const struct frame_header *header)
{
	return header->number == walk->next_frame && header->first_sequence == walk->next_sequence;
}

static bool is_later(const struct walk *walk, const struct frame_header *header)
{
	return header->number > walk->next_frame && header->first_sequence > walk->next_sequence;
}

/* Does a frame of that kind begin anywhere behind @from? */
static bool stands_behind(const struct walk *walk, struct window *window, uint64_t from,
			  bool (*is_meant)(const struct walk *, const struct frame_header *))
{
	for (uint64_t at = from + 1; at < window->size;) {
		struct frame_header header;
		size_t length;
		const uint8_t *bytes = window_get(window, at, FRAME_LIMIT, &length);
		const uint8_t *found = bytes ? memchr(bytes, 'B', length) : NULL;

		if (!bytes)
			return false;
		if (!found) {
			at += length;
			continue;
		}
		at += (uint64_t)(found - bytes);
		bytes = window_get(window, at, FRAME_LIMIT, &length);
		if (!bytes)
			return false;
		if (is_shaped(bytes, length, &header) && is_meant(walk, &header))
			return true;
		at++;
	}
	return false;
}

/* The frame behind tells whether it was written upon one of two chains. 0: there is none, 1: it was, -1: it was not */
static int vouches(const struct walk *walk, struct window *window, uint64_t at, uint8_t one[32],
		   uint8_t other[32])
{
	struct frame_header header;
	size_t length = 0;
	const uint8_t *bytes =
		at < window->size ? window_get(window, at, FRAME_LIMIT, &length) : NULL;

	if (!bytes || !is_shaped(bytes, length, &header) || header.number != walk->next_frame + 1)
		return 0;

	const uint8_t *theirs = format_frame_chain(bytes, header.length);

	if (frame_spans(bytes, &header, one) && memcmp(one, theirs, AUDIT_DIGEST) == 0)
		return 1;
	return frame_spans(bytes, &header, other) && memcmp(other, theirs, AUDIT_DIGEST) == 0 ? 1
											      : -1;
}

/*
 * It has the right numbers and a chain that its records do not give. When it is our frame with bytes changed, its mac or the frame
 * behind still speaks for one of the two; of a frame of another log nothing does.
 */
static enum audit_looks looks_of_same(const struct walk *walk, struct window *window, uint64_t at,
				      const uint8_t *bytes, const struct frame_header *header)
{
	uint8_t ours[AUDIT_DIGEST], theirs[AUDIT_DIGEST];

	if (!walk->is_chain_checked)
		return LOOKS_CHANGED;
	memcpy(ours, walk->chain, AUDIT_DIGEST);
	memcpy(theirs, format_frame_chain(bytes, header->length), AUDIT_DIGEST);
	if (!frame_spans(bytes, header, ours))
		memcpy(ours, theirs, AUDIT_DIGEST);
	if (walk->key && walk->key->frame == walk->next_frame)
		return walk_mac_ok(walk, bytes, header->length, ours) ||
				       walk_mac_ok(walk, bytes, header->length, theirs)
			       ? LOOKS_CHANGED
			       : LOOKS_SPLICED;
	return vouches(walk, window, at + header->length, ours, theirs) < 0 ? LOOKS_SPLICED
									    : LOOKS_CHANGED;
}

/* What is no frame: one of ours with its header or trailer changed, a hole, or something foreign. */
static enum audit_looks looks_of_shapeless(const struct walk *walk, struct window *window,
					   uint64_t at, const uint8_t *bytes, size_t length)
{
	uint8_t header[FRAME_HEADER] = {0};

	memcpy(header, bytes, BL_MIN(length, sizeof(header)));
	if (sodium_is_zero(header, sizeof(header)))
		return stands_behind(walk, window, at, is_later) ? LOOKS_DROPPED : LOOKS_INSERTED;
	return memcmp(header, "BLFR", 4) == 0 || bl_get64(header + 8) == walk->next_frame ||
			       bl_get64(header + 16) == walk->next_sequence
		       ? LOOKS_CHANGED
		       : LOOKS_INSERTED;
}

enum audit_looks looks_of_frame(const struct walk *walk, struct window *window, uint64_t at)
{
	struct frame_header header;
	size_t length;
	const uint8_t *bytes = window_get(window, at, FRAME_LIMIT, &length);

	if (!bytes)
		return LOOKS_CHANGED;
	if (!is_shaped(bytes, length, &header))
		return looks_of_shapeless(walk, window, at, bytes, length);
	if (is_expected(walk, &header))
		return looks_of_same(walk, window, at, bytes, &header);
	if (is_later(walk, &header))
		return stands_behind(walk, window, at, is_expected) ? LOOKS_REORDERED
								    : LOOKS_DROPPED;
	if (header.number < walk->next_frame && header.first_sequence < walk->next_sequence)
		return LOOKS_REPEATED;
	return LOOKS_CHANGED;
}

/* ---- segments -------------------------------------------------------------------------------- */

static bool peek(const struct walk *walk, uint64_t first_sequence, struct segment_header *out)
{
	uint8_t bytes[SEGMENT_HEADER];
	char name[SEGMENT_NAME_SIZE];

	format_segment_name(first_sequence, name);

	BL_CLEANUP(fd_close)
	int fd = openat(walk->log_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 && pread(fd, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes) &&
	       !format_segment_parse(bytes, out);
}

enum audit_looks looks_of_header(const struct walk *walk, const struct segment_header *header)
{
	struct segment_header later;

	if (header->number < walk->next_number)
		return LOOKS_REPEATED;
	if (header->number == walk->next_number)
		return LOOKS_CHANGED;
	for (size_t i = walk->place + 1; walk->places && i < walk->places->count; i++)
		if (walk->places->items[i].has_segment &&
		    peek(walk, walk->places->items[i].first_sequence, &later) &&
		    later.number == walk->next_number)
			return LOOKS_REORDERED;
	return LOOKS_DROPPED;
}

static void blame_segment(struct walk *walk, uint64_t first_sequence)
{
	char name[SEGMENT_NAME_SIZE];

	format_segment_name(first_sequence, name);
	snprintf(walk->bad_file, sizeof(walk->bad_file), "%s", name);
}

/* Something begins before the end of what was read. */
static enum bl_status looks_of_stray(struct walk *walk, const struct place *place, bool has_header,
				     const struct segment_header *header)
{
	blame_segment(walk, place->first_sequence);
	if (!place->has_segment) {
		tombstone_name(place->first_sequence, walk->bad_file);
		return walk_bad_as(walk, LOOKS_TOMBSTONE, 0,
				   "tombstone '%s' does not follow what is before it",
				   walk->bad_file);
	}
	if (has_header && memcmp(header->log_id, walk->log_id, LOG_ID_SIZE) != 0)
		return walk_bad_as(walk, LOOKS_SPLICED, 16, "segment '%s' is of another log",
				   walk->bad_file);
	if (has_header && header->number < walk->next_number)
		return walk_bad_as(walk, LOOKS_REPEATED, 32,
				   "segment '%s' stands there a second time", walk->bad_file);
	return walk_bad_as(walk, LOOKS_INSERTED, 0, "segment '%s' stands where none may",
			   walk->bad_file);
}

enum bl_status looks_of_gap(struct walk *walk)
{
	const struct place *place = &walk->places->items[walk->place];
	struct segment_header header;
	bool has_header = place->has_segment && peek(walk, place->first_sequence, &header);
	bool is_foreign = has_header && (header.number < walk->next_number ||
					 memcmp(header.log_id, walk->log_id, LOG_ID_SIZE) != 0);

	if (place->first_sequence < walk->next_sequence || is_foreign || !place->has_segment)
		return looks_of_stray(walk, place, has_header, &header);
	if (walk->tail.length)
		return walk_bad_as(walk, walk->tail.looks, walk->tail.at,
				   "record %" PRIu64 " is broken, and later segments follow",
				   walk->next_sequence);
	if (has_header && header.first_sequence == walk->next_sequence) {
		blame_segment(walk, place->first_sequence);
		return walk_bad(walk, 40, "segment '%s' has another's name", walk->bad_file);
	}
	if (has_header && header.number == walk->next_number && walk->has_segment) {
		blame_segment(walk, walk->first_sequence);
		return walk_bad_as(walk, LOOKS_DROPPED, walk->end,
				   "record %" PRIu64 " is missing, and later segments follow",
				   walk->next_sequence);
	}
	blame_segment(walk, walk->next_sequence);
	return walk_bad_as(walk, has_header ? looks_of_header(walk, &header) : LOOKS_DROPPED, 0,
			   "the segment that begins with record %" PRIu64 " is missing",
			   walk->next_sequence);
}
