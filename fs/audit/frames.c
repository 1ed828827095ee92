/* The frames of one segment, and what may stand behind them. */
#include "fs/audit/name.h"
#include "fs/audit/walk.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define MAC_AT		 32u /* in the trailer */
#define RECORD_STAMP_END 32u /* length, type, sequence number and times lie before, in every type */

/* ---- macs ------------------------------------------------------------------------------------ */

bool walk_mac_ok(const struct walk *walk, const uint8_t *frame, uint32_t length,
		 const uint8_t chain[AUDIT_DIGEST])
{
	uint8_t mac[AUDIT_DIGEST];

	if (!walk->key || walk->key->frame > walk->next_frame)
		return true;
	if (walk->key->frame < walk->next_frame)
		return false;
	framekey_mac(walk->key, frame, chain, mac);
	return sodium_memcmp(mac, frame + length - FRAME_TRAILER + MAC_AT, sizeof(mac)) == 0;
}

/* The key comes by the frames that `key` is of, on its way to @frame; of two copies by the earlier one first. */
static bool passes_expected(struct walk *walk, uint64_t frame)
{
	const struct framekey_copies *copies = walk->expected_keys;
	bool is_second_first = copies->count > 1 && copies->key[1].frame < copies->key[0].frame;

	for (unsigned i = 0; i < copies->count; i++) {
		const struct framekey *expected = &copies->key[i ^ is_second_first];

		if (walk->key->frame > expected->frame || expected->frame > frame)
			continue;
		framekey_forward(walk->key, expected->frame);
		if (sodium_memcmp(walk->key->key, expected->key, AUDIT_KEY) == 0)
			continue;
		snprintf(walk->bad_file, sizeof(walk->bad_file), "%s", FRAMEKEY_FILE);
		walk_bad_as(walk, LOOKS_KEY, 40, "'%s' does not hold the key of frame %" PRIu64,
			    FRAMEKEY_FILE, expected->frame);
		return false;
	}
	return true;
}

enum bl_status walk_key_forward(struct walk *walk, uint64_t frame)
{
	struct framekey *key = walk->key;

	if (!key)
		return BL_OK;
	if (walk->expected_keys && !passes_expected(walk, frame))
		return BL_TAMPERED;
	if (key->frame < frame)
		framekey_forward(key, frame);
	return BL_OK;
}

/* ---- records --------------------------------------------------------------------------------- */

/* By its first two bytes alone: that is how a frame is cut into what the chain is over. 0: there is none. */
static uint32_t span(const uint8_t *bytes, uint32_t left)
{
	uint32_t length = left >= RECORD_STAMP_END ? bl_get16(bytes) : 0;

	return length >= RECORD_STAMP_END && length <= left && length <= AUDIT_RECORD_LIMIT ? length
											    : 0;
}

bool frame_spans(const uint8_t *frame, const struct frame_header *header,
		 uint8_t chain[AUDIT_DIGEST])
{
	uint32_t at = FRAME_HEADER, end = header->length - FRAME_TRAILER;
	uint8_t leaf[AUDIT_DIGEST];

	for (uint32_t i = 0; i < header->count; i++) {
		uint32_t length = span(frame + at, end - at);

		if (!length)
			return false;
		format_leaf(frame + at, length, leaf);
		chain_record(chain, leaf);
		at += length;
	}
	return at == end;
}

/* A segment's first record says whether the one before ended in a torn tail, and in which. */
static enum bl_status check_first(struct walk *walk, const struct walk_tail *before,
				  const struct audit_record *record, uint64_t offset)
{
	char detail[AUDIT_DETAIL_SIZE];
	bool says_tail = record && record->event.op == AUDIT_RECOVERED &&
			 strncmp(record->event.detail, TAIL_DETAIL, sizeof(TAIL_DETAIL) - 1) == 0;

	if (!before || (!before->length && !says_tail))
		return BL_OK;
	if (before->length && !says_tail)
		return walk_bad_as(walk, before->looks, offset,
				   "record %" PRIu64
				   " does not tell of what ends the segment before",
				   walk->next_sequence);
	format_tail_detail(before->at, before->length, before->digest, detail);
	if (before->length && strcmp(detail, record->event.detail) == 0)
		return BL_OK;
	return walk_bad(walk, offset,
			"the torn tail that record %" PRIu64
			" tells of is not what ends the segment before",
			walk->next_sequence);
}

/* Parts of a name follow each other directly, and an event follows the last. */
static bool names_take(struct walk_names *names, const struct audit_named *named)
{
	const struct audit_named *last = &names->last;

	if (names->parts) {
		if (named->part != names->next || named->parts != names->parts ||
		    named->kind != last->kind || strcmp(named->device, last->device) != 0 ||
		    memcmp(named->token, last->token, AUDIT_TOKEN) != 0)
			return false;
	} else if (named->part != 0 || named->parts == 0) {
		return false;
	}
	names->last = *named;
	names->next = named->part + 1;
	names->parts = names->next < named->parts ? named->parts : 0;
	return true;
}

static bool take_named(struct walk *walk, const uint8_t *bytes, uint32_t length)
{
	struct audit_named named = {.segment = walk->next_number - 1};

	if (!walk->has_auditors || name_parse(bytes, length, &named) != length ||
	    !names_take(&walk->names, &named))
		return false;
	walk->named++;
	if (walk->tell_named && !walk->is_stopped && !walk->tell_named(walk->context, &named))
		walk->is_stopped = true;
	return true;
}

static bool event_fits(const struct walk *walk, const struct audit_record *record)
{
	const struct audit_event *event = &record->event;
	uint64_t frame;

	if (walk->names.parts || (event->repeats && event->verdict == AUDIT_PERMITTED))
		return false;
	/* What it says was forgeable ends just before it. */
	return event->op != AUDIT_START ||
	       (event->offset && !__builtin_add_overflow(event->offset, event->bytes, &frame) &&
		frame == walk->next_frame);
}

/* What stands in every record, whatever its type. */
static enum bl_status check_stamp(struct walk *walk, const uint8_t *bytes, uint64_t offset)
{
	int64_t boottime_ns = (int64_t)bl_get64(bytes + 24);

	if (bl_get64(bytes + 8) != walk->next_sequence)
		return walk_bad(walk, offset, "record %" PRIu64 " is not there",
				walk->next_sequence);
	if (boottime_ns < walk->boottime_ns)
		return walk_bad_as(walk, LOOKS_CLOCK, offset,
				   "the clock went back within one boot at record %" PRIu64,
				   walk->next_sequence);
	walk->boottime_ns = boottime_ns;
	return BL_OK;
}

static enum bl_status wrong_form(struct walk *walk, uint64_t offset)
{
	return walk_bad(walk, offset, "record %" PRIu64 " has a wrong form", walk->next_sequence);
}

static enum bl_status walk_record(struct walk *walk, const uint8_t *bytes, uint32_t length,
				  uint64_t offset, const struct walk_tail *before)
{
	bool is_name = bytes[2] == RECORD_TYPE_NAME;
	struct audit_record record;

	if (!is_name && format_record_parse(bytes, length, &record) != length)
		return wrong_form(walk, offset);

	enum bl_status status = check_stamp(walk, bytes, offset);

	if (status == BL_OK)
		status = check_first(walk, before, is_name ? NULL : &record, offset);
	if (status != BL_OK)
		return status;
	if (is_name ? !take_named(walk, bytes, length) : !event_fits(walk, &record))
		return wrong_form(walk, offset);
	record.place = (struct audit_place){walk->first_sequence, offset};
	walk->last_op = is_name ? (enum audit_op)0 : record.event.op;
	walk->records++;
	walk->next_sequence++;
	if (!is_name && walk->tell && !walk->is_stopped && !walk->tell(walk->context, &record))
		walk->is_stopped = true;
	return BL_OK;
}

static enum bl_status walk_records(struct walk *walk, const uint8_t *frame,
				   const struct frame_header *header, uint64_t offset,
				   const struct walk_tail *before)
{
	uint32_t at = FRAME_HEADER, end = header->length - FRAME_TRAILER;

	walk->frame_sequence = walk->next_sequence;
	walk->names.parts = 0;
	for (uint32_t i = 0; i < header->count; i++) {
		uint32_t length = span(frame + at, end - at);

		if (!length)
			return wrong_form(walk, offset + at);

		enum bl_status status = walk_record(walk, frame + at, length, offset + at, before);

		if (status != BL_OK)
			return status;
		before = NULL;
		at += length;
	}
	if (at != end)
		return walk_bad(walk, offset + at, "frame %" PRIu64 " holds more than its records",
				walk->next_frame);
	if (walk->last_op == (enum audit_op)0)
		return walk_bad(walk, offset + at, "frame %" PRIu64 " ends with a name",
				walk->next_frame);
	return BL_OK;
}

/* ---- the tail -------------------------------------------------------------------------------- */

/* Is there what looks like a whole frame with a later number? */
static bool holds_later_frame(const struct walk *walk, const uint8_t *bytes, size_t length)
{
	for (size_t at = 0; at + FRAME_HEADER + FRAME_TRAILER <= length; at++) {
		struct frame_header header;

		if (bytes[at] != 'B' || !format_frame_header_parse(bytes + at, &header))
			continue;
		if (header.length <= length - at && header.number > walk->next_frame &&
		    header.number - walk->next_frame <= UINT32_MAX &&
		    format_frame_chain(bytes + at, header.length))
			return true;
	}
	return false;
}

static enum bl_status bad_tail(struct walk *walk, struct window *window, uint64_t from,
			       const char *what)
{
	return walk_bad_as(walk, looks_of_frame(walk, window, from), from, "record %" PRIu64 " %s",
			   walk->next_sequence, what);
}

/* Behind the last good frame: nothing, or what one torn frame can leave ("A torn tail"). */
static enum bl_status walk_tail(struct walk *walk, struct window *window, uint64_t from,
				struct bl_error *why)
{
	uint64_t end = from, limit = FRAME_LIMIT;
	struct frame_header header;
	size_t length = 0;

	walk->end = from;
	memset(&walk->tail, 0, sizeof(walk->tail));
	if (!window_end(window, from, &end))
		return bl_fail(why, BL_IO, "cannot read '%s'", walk->bad_file);
	if (end == from)
		return BL_OK;

	const uint8_t *bytes = window_get(window, from, FRAME_LIMIT, &length);

	if (!bytes)
		return bl_fail(why, BL_IO, "cannot read '%s'", walk->bad_file);
	if (length >= FRAME_HEADER && format_frame_header_parse(bytes, &header) &&
	    header.number == walk->next_frame && header.first_sequence == walk->next_sequence)
		limit = header.length;
	if (walk->last_op == AUDIT_STOP)
		return walk_bad_as(walk, LOOKS_INSERTED, from,
				   "something follows the end of a log that was closed");
	if (end - from > limit)
		return bad_tail(walk, window, from, "is broken, and more follows it");
	if (holds_later_frame(walk, bytes, (size_t)(end - from)))
		return bad_tail(walk, window, from, "is broken before a later frame");
	walk->tail.at = from;
	walk->tail.length = end - from;
	format_leaf(bytes, (size_t)(end - from), walk->tail.digest);
	walk->tail.looks = looks_of_frame(walk, window, from);
	return BL_OK;
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* Where only the structure is checked the frame behind vouches for this one: it was begun when this one was durable. */
static bool is_followed(const struct walk *walk, const uint8_t *bytes, size_t length,
			const struct frame_header *header)
{
	struct frame_header next;

	return header->length + FRAME_HEADER <= length &&
	       format_frame_header_parse(bytes + header->length, &next) &&
	       next.number == walk->next_frame + 1;
}

/* A frame that is whole by its own bytes: header as expected, trailer in place, chain right. */
static bool frame_is_whole(const struct walk *walk, const uint8_t *bytes, size_t length,
			   struct frame_header *out, uint8_t out_chain[AUDIT_DIGEST])
{
	const uint8_t *theirs;

	if (length < FRAME_HEADER || !format_frame_header_parse(bytes, out) ||
	    out->length > length || out->number != walk->next_frame ||
	    out->first_sequence != walk->next_sequence)
		return false;
	theirs = format_frame_chain(bytes, out->length);
	if (!theirs)
		return false;
	if (!walk->is_chain_checked && is_followed(walk, bytes, length, out)) {
		memcpy(out_chain, theirs, AUDIT_DIGEST);
		return true;
	}
	/* The last one may be torn between a header and a trailer that are whole. */
	memcpy(out_chain, walk->chain, AUDIT_DIGEST);
	return frame_spans(bytes, out, out_chain) && memcmp(out_chain, theirs, AUDIT_DIGEST) == 0;
}

static enum bl_status take_frame(struct walk *walk, const uint8_t *bytes,
				 const struct frame_header *header,
				 const uint8_t chain[AUDIT_DIGEST], uint64_t at,
				 const struct walk_tail *before)
{
	if (!walk_mac_ok(walk, bytes, header->length, chain))
		return walk_bad_as(
			walk, LOOKS_REWRITTEN, at + header->length - FRAME_TRAILER + MAC_AT,
			"frame %" PRIu64 " has the right chain and a wrong mac", walk->next_frame);

	enum bl_status status = walk_records(walk, bytes, header, at, before);

	if (status != BL_OK)
		return status;
	memcpy(walk->chain, chain, AUDIT_DIGEST);
	walk->next_frame++;
	walk->frames++;
	status = walk_key_forward(walk, walk->next_frame);
	if (status != BL_OK)
		return status;
	return walk->after_frame && !walk->after_frame(walk->frame_context, walk) ? BL_TAMPERED
										  : BL_OK;
}

/* *out_header.length 0: no whole frame begins at @at */
static enum bl_status find_frame(struct walk *walk, struct window *window, uint64_t at,
				 const uint8_t **out_bytes, struct frame_header *out_header,
				 uint8_t out_chain[AUDIT_DIGEST], struct bl_error *why)
{
	size_t length;

	*out_bytes = window_get(window, at, FRAME_LIMIT + FRAME_HEADER, &length);
	if (!*out_bytes)
		return bl_fail(why, BL_IO, "cannot read '%s'", walk->bad_file);
	if (!frame_is_whole(walk, *out_bytes, length, out_header, out_chain))
		out_header->length = 0;
	return BL_OK;
}

enum bl_status walk_frame(struct walk *walk, struct window *window, uint64_t at,
			  const struct walk_tail *before, uint32_t *out_length,
			  struct bl_error *why)
{
	struct frame_header header;
	uint8_t chain[AUDIT_DIGEST];
	const uint8_t *bytes;
	enum bl_status status = find_frame(walk, window, at, &bytes, &header, chain, why);

	/* The writer begins none that might not have found room. */
	if (status == BL_OK && header.length && window->size - at < FRAME_LIMIT)
		return walk_bad_as(walk, LOOKS_INSERTED, at,
				   "frame %" PRIu64 " stands where none may begin",
				   walk->next_frame);
	if (status == BL_OK && header.length)
		status = take_frame(walk, bytes, &header, chain, at, before);
	if (status == BL_OK)
		*out_length = header.length;
	return status;
}

enum bl_status walk_end(struct walk *walk, struct window *window, uint64_t at, bool is_last,
			bool *out_is_whole, struct bl_error *why)
{
	struct frame_header header;
	uint8_t chain[AUDIT_DIGEST];
	const uint8_t *bytes;
	enum bl_status status;

	*out_is_whole = false;
	if (is_last)
		window_forget(window);
	status = walk_tail(walk, window, at, why);
	if (!is_last || (status == BL_OK && !walk->tail.length) || status == BL_IO)
		return status;
	window_forget(window);

	enum bl_status again = find_frame(walk, window, at, &bytes, &header, chain, why);

	*out_is_whole = again == BL_OK && header.length != 0;
	return again != BL_OK || *out_is_whole ? again : status;
}

enum bl_status walk_frames(struct walk *walk, struct window *window, const struct walk_tail *before,
			   bool is_last, struct bl_error *why)
{
	uint64_t at = SEGMENT_HEADER;

	while (at < window->size && !walk->is_stopped) {
		uint32_t length = 0;
		bool is_whole = true;
		enum bl_status status = walk_frame(walk, window, at, before, &length, why);

		if (status == BL_OK && !length)
			status = walk_end(walk, window, at, is_last, &is_whole, why);
		if (status != BL_OK || !is_whole)
			return status;
		if (!length)
			continue;
		at += length;
		before = NULL;
	}
	if (walk->is_stopped)
		return BL_OK;
	walk->end = at;
	memset(&walk->tail, 0, sizeof(walk->tail));
	return BL_OK;
}
