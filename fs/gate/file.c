#include "fs/gate/private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One read: the windows it touches and the bytes around them. */
struct work {
	struct gate_file *file;
	uint64_t offset, end; /* of the bytes asked for */
	uint64_t first;	      /* window */
	size_t count;	      /* of windows */
	struct window_spans *known[GATE_WINDOWS];
	struct scratch *scratch; /* NULL: not needed so far */
	uint8_t *bytes;		 /* of the file from `from` on */
	uint64_t from, to;
};

static uint64_t window_end(const struct work *work, uint64_t window)
{
	return BL_MIN((window + 1) * DETECT_WINDOW, work->file->size_bytes);
}

static struct gate *gate_of(const struct work *work)
{
	return work->file->device->gate;
}

static void work_done(struct work *work)
{
	for (size_t i = 0; i < work->count; i++)
		spans_put(work->known[i]);
	if (work->scratch)
		scratch_give(&gate_of(work)->scratches, work->scratch);
}

static bool has_pieces(const struct work *work)
{
	for (size_t i = 0; i < work->count; i++)
		if (work->known[i]->piece_count)
			return true;
	return false;
}

#define SHARED                                                                                     \
	256u /* bytes that one character of something written once more may take, and what is between */

/* What is of no charset is hidden as it is: attachments of mail. */
static bool is_hidden_part(const struct work *work, const struct window_spans *known)
{
	const struct detect_piece *pieces = window_pieces(known);

	for (size_t i = 0; i < known->piece_count; i++)
		if (pieces[i].charset == CHARSET_COUNT && pieces[i].start < work->end + SHARED &&
		    pieces[i].end + SHARED > work->offset)
			return true;
	return false;
}

/*
 * Does anything that was found reach into the bytes asked for? Masks change nothing but spans, and where something is written once more (in
 * quads, in escapes) what a span shares characters with.
 */
static bool is_touched(const struct work *work)
{
	for (size_t i = 0; i < work->count; i++) {
		const struct window_spans *known = work->known[i];
		uint64_t base = span_base(known->window);
		uint64_t slack = known->piece_count ? SHARED : 0;
		uint64_t from = work->offset - BL_MIN(work->offset, slack);

		if (is_hidden_part(work, known))
			return true;
		for (size_t k = spans_from(known, from); k < known->count; k++) {
			struct detect_span span = span_unpack(known->items[k], base);

			if (span.offset >= work->end + slack)
				break;
			if (span.offset + span.length > from)
				return true;
		}
	}
	return false;
}

static enum bl_status read_all(const struct work *work, uint64_t from, uint8_t *out, size_t length)
{
	size_t got = 0;
	enum bl_status status = image_file_read(work->file->file, from, out, length, &got, NULL);

	/* Less than its pinned size: what lies there is not what was opened. */
	return status == BL_OK && got != length ? BL_IO : status;
}

/* Read what is needed, into the caller's buffer where it is large enough. */
static enum bl_status fetch(struct work *work, uint64_t from, uint64_t to, uint8_t *buffer,
			    size_t room)
{
	size_t length = (size_t)(to - from);

	work->from = from;
	work->to = to;
	work->bytes = buffer;
	if (length > room) {
		if (!work->scratch)
			work->scratch = scratch_take(&gate_of(work)->scratches);
		work->bytes = scratch_bytes(work->scratch);
		if (!work->bytes)
			return BL_NO_MEMORY;
	}
	return read_all(work, from, work->bytes, length);
}

/* Whole windows with all that the scanner looks at around them. */
static enum bl_status fetch_to_scan(struct work *work, uint8_t *buffer, size_t room)
{
	uint64_t start = work->first * DETECT_WINDOW;
	uint64_t end = window_end(work, work->first + work->count - 1);

	return fetch(work, start - BL_MIN(start, (uint64_t)DETECT_LEAD),
		     BL_MIN(end + DETECT_TAIL, work->file->size_bytes), buffer, room);
}

/* What was asked for, and a margin: no value that is masked as one is longer than that. */
static enum bl_status fetch_to_mask(struct work *work, uint8_t *buffer, size_t room)
{
	return fetch(work, work->offset - BL_MIN(work->offset, (uint64_t)DETECT_MARGIN),
		     BL_MIN(work->end + DETECT_MARGIN, work->file->size_bytes), buffer, room);
}

static struct detect_window window_of(const struct work *work, uint64_t window)
{
	uint64_t start = window * DETECT_WINDOW, end = window_end(work, window);
	size_t lead = (size_t)BL_MIN(start - work->from, DETECT_LEAD);

	return (struct detect_window){
		.bytes = work->bytes + (start - work->from) - lead,
		.lead = lead,
		.core = (size_t)(end - start),
		.tail = (size_t)BL_MIN(work->to - end, DETECT_TAIL),
		.offset = start,
	};
}

/* UTF-8 without a structure: what most files are, and what is the fastest to look at and to mask. */
static bool is_plain(const struct detect_profile *profile)
{
	return profile->charset == CHARSET_UTF8 && profile->format == DETECT_PLAIN;
}

/* One piece that says nothing is none. */
static void drop_plain(struct detect_pieces *pieces)
{
	const struct detect_piece *only = pieces->items;

	if (pieces->count == 1 && only->charset == CHARSET_UTF8 &&
	    only->transfer == TRANSFER_NONE && only->format == DETECT_PLAIN)
		pieces->count = 0;
}

/* What is in one window; @state as detect_look has it. What it found is in the scratch. */
static enum bl_status look_into(struct work *work, const struct detect_window *asked,
				struct detect_state *state)
{
	const struct gate_file *file = work->file;
	const struct detect_scanner *scanner = file->device->scanner;
	struct scratch *scratch = work->scratch;
	enum bl_status status = BL_UNSUPPORTED;

	scratch->pieces.count = 0;
	if (is_plain(&file->profile))
		status = detect_scan(scanner, asked, &scratch->spans);
	/* Text that is none of UTF-8 may be bytes of another charset. */
	if (status != BL_UNSUPPORTED)
		return status;
	if (!scratch->work)
		status = detect_work_new(&scratch->work);
	if (!scratch->work)
		return status;
	status = detect_look(scanner, &file->profile, state, asked, scratch->work, &scratch->spans,
			     &scratch->pieces);
	drop_plain(&scratch->pieces);
	return status;
}

/* Look into one window, and remember; the answer is counted. */
static enum bl_status scan_window(struct work *work, uint64_t window, struct detect_state *state,
				  struct window_spans **out_spans)
{
	struct gate_file *file = work->file;
	struct detect_window asked = window_of(work, window);
	enum bl_status status = look_into(work, &asked, state);

	if (status != BL_OK && status != BL_UNSUPPORTED)
		return status;
	struct window_spans *spans =
		spans_keep(&gate_of(work)->spans, file->device, file->serial, window,
			   &work->scratch->spans, &work->scratch->pieces, status == BL_UNSUPPORTED);

	if (!spans)
		return BL_NO_MEMORY;
	atomic_fetch_add(&file->scanned_bytes, asked.core);
	if (file->has_key)
		gate_kept_add(file->device->kept, file->key, spans);
	*out_spans = spans;
	return BL_OK;
}

static enum bl_status scan_missing(struct work *work)
{
	if (!work->scratch)
		work->scratch = scratch_take(&gate_of(work)->scratches);
	for (size_t i = 0; i < work->count; i++) {
		enum bl_status status =
			work->known[i] ? BL_OK
				       : scan_window(work, work->first + i, NULL, &work->known[i]);

		if (status != BL_OK)
			return status;
	}
	return BL_OK;
}

/* A part of a window while it is masked, and the chains of spans that reach into it. */
struct part {
	const struct mask *mask;
	uint8_t *at; /* the part; lead before it and tail behind are original bytes */
	size_t lead, tail;
	uint64_t start, end;
	struct detect_span items[128];
	size_t count;
	size_t chain; /* items from here on are one chain, which may go on */
	uint64_t chain_end;
};

static void part_mask(struct part *part, size_t count)
{
	const struct detect_spans spans = {part->items, count, count};

	if (count)
		mask_window(part->mask, part->at - part->lead, part->lead,
			    (size_t)(part->end - part->start), part->tail, part->start, &spans);
}

/* The chain is complete: it stays when it reaches into the part. */
static void part_close(struct part *part)
{
	if (part->chain_end <= part->start)
		part->count = part->chain;
	part->chain = part->count;
}

/* Room for one more: mask the chains that are complete. One that fills everything by itself is hidden as a whole. */
static void part_room(struct part *part)
{
	struct detect_span *items = part->items;

	if (part->count < BL_COUNT(part->items))
		return;
	if (part->chain == 0) {
		items[0].length = (uint32_t)(part->chain_end - items[0].offset);
		items[0].class = CLASS_PRIVATE_KEY;
		part->count = 1;
		return;
	}
	part_mask(part, part->chain);
	part->count -= part->chain;
	memmove(items, items + part->chain, part->count * sizeof(items[0]));
	part->chain = 0;
}

static void part_all(struct part *part, const struct window_spans *known)
{
	uint64_t base = span_base(known->window);

	part->count = part->chain = 0;
	part->chain_end = 0;
	for (size_t i = spans_from(known, part->start); i < known->count; i++) {
		struct detect_span span = span_unpack(known->items[i], base);

		if (span.offset >= part->chain_end) {
			part_close(part);
			if (span.offset >= part->end)
				break;
		}
		part_room(part);
		part->items[part->count++] = span;
		part->chain_end = BL_MAX(part->chain_end, span.offset + span.length);
	}
	part_close(part);
	part_mask(part, part->count);
}

/* Original bytes lent to the windows behind those that are masked already. */
struct lend {
	size_t size;
	uint8_t *original, *next, *shown;
};

static enum bl_status mask_pieces(struct work *work, const struct mask *mask,
				  const struct window_spans *known, const struct part *part)
{
	struct detect_spans *spans = &work->scratch->spans;
	uint64_t base = span_base(known->window);
	/* Never written to: the contract has no const. */
	const struct detect_pieces pieces = {(struct detect_piece *)window_pieces(known),
					     known->piece_count, known->piece_count};

	if (!work->scratch->work && detect_work_new(&work->scratch->work) != BL_OK)
		return BL_NO_MEMORY;
	if (spans->room < known->count) {
		struct detect_span *grown =
			realloc(spans->items, known->count * sizeof(*spans->items));

		if (!grown)
			return BL_NO_MEMORY;
		spans->items = grown;
		spans->room = known->count;
	}
	spans->count = known->count;
	for (size_t i = 0; i < known->count; i++)
		spans->items[i] = span_unpack(known->items[i], base);
	return mask_look(mask, &pieces, part->at - part->lead, part->lead,
			 (size_t)(part->end - part->start), part->tail, part->start, spans,
			 work->scratch->work);
}

/*
 * Mask what was asked for, in place and window by window, each with its own spans. A mask is made of original bytes, also of
 * those before its window: they are kept before they are masked, and lent back while the next window is done.
 *
 * Of plain text only the part asked for is masked, not the whole window: a chain of spans that does not lie within a margin of that part is
 * longer than a margin, and filled wherever one looks at it from (policy/mask). @is_whole: some of it is not plain, and whole windows
 * are masked.
 */
static enum bl_status mask_all(struct work *work, const struct mask *mask, struct lend *lend,
			       bool is_whole)
{
	enum bl_status status = BL_OK;
	struct part part;

	part.mask = mask;
	for (size_t i = 0; i < work->count && status == BL_OK; i++) {
		const struct window_spans *known = work->known[i];
		uint64_t window = work->first + i;
		uint64_t start = window * DETECT_WINDOW, end = window_end(work, window);

		if (!is_whole) {
			start = BL_MAX(start, work->offset);
			end = BL_MIN(end, work->end);
		}
		size_t lead = (size_t)BL_MIN(start - work->from, lend->size);
		uint8_t *at = work->bytes + (start - work->from);
		uint8_t *behind = work->bytes + (end - work->from);
		bool has_next = i + 1 < work->count;

		if (i > 0) {
			memcpy(lend->shown, at - lead, lead);
			memcpy(at - lead, lend->original + lend->size - lead, lead);
		}
		size_t kept = (size_t)BL_MIN(end - work->from, lend->size);

		if (has_next)
			memcpy(lend->next + lend->size - kept, behind - kept, kept);
		part.at = at;
		part.lead = lead;
		part.tail = (size_t)BL_MIN(work->to - end, lend->size);
		part.start = start;
		part.end = end;
		if (known->piece_count)
			status = mask_pieces(work, mask, known, &part);
		else
			part_all(&part, known);
		if (i > 0)
			memcpy(at - lead, lend->shown, lead);
		if (has_next)
			memcpy(lend->original, lend->next, lend->size);
	}
	return status;
}

static enum bl_status mask_plain(struct work *work, const struct mask *mask)
{
	uint8_t original[DETECT_MARGIN] = {0}, next[DETECT_MARGIN] = {0}, shown[DETECT_MARGIN];
	struct lend lend = {DETECT_MARGIN, original, next, shown};

	return mask_all(work, mask, &lend, false);
}

_Static_assert(DETECT_LEAD == DETECT_TAIL, "one size of what is lent");

static enum bl_status mask_whole(struct work *work, const struct mask *mask)
{
	struct scratch *scratch = work->scratch;

	if (!scratch->lent)
		scratch->lent = calloc(3, DETECT_LEAD);
	if (!scratch->lent)
		return BL_NO_MEMORY;
	struct lend lend = {DETECT_LEAD, scratch->lent, scratch->lent + DETECT_LEAD,
			    scratch->lent + (size_t)2 * DETECT_LEAD};

	return mask_all(work, mask, &lend, true);
}

static bool is_any(const struct work *work, bool withheld)
{
	for (size_t i = 0; i < work->count; i++) {
		if (withheld ? work->known[i] && work->known[i]->is_withheld : !work->known[i])
			return true;
	}
	return false;
}

/* ---- what is known already ------------------------------------------------------------------------------- */

/* One of the windows that lie together on the disk: into the cache, and where it was asked for. */
static void recall_one(void *context, const struct kept_window *found)
{
	struct work *work = context;
	struct gate_file *file = work->file;
	uint64_t start = found->window * DETECT_WINDOW;

	/* Pieces and spans were made of these very bytes; what lies behind the end was not. */
	if (found->window > UINT64_MAX / DETECT_WINDOW - 1 || start >= file->size_bytes)
		return;
	struct window_spans *spans =
		spans_keep_kept(&gate_of(work)->spans, file->device, file->serial, found);
	uint64_t index = found->window - work->first;

	if (spans && found->window >= work->first && index < work->count && !work->known[index])
		work->known[index] = spans;
	else
		spans_put(spans);
}

static void recall(struct work *work)
{
	struct gate_file *file = work->file;

	for (size_t i = 0; i < work->count; i++) {
		if (!work->known[i])
			work->known[i] =
				spans_get(&gate_of(work)->spans, file->serial, work->first + i);
		if (!work->known[i] && file->has_key)
			gate_kept_windows(file->device->kept, file->key, work->first + i,
					  recall_one, work);
	}
}

/* ---- structured files: windows in order ------------------------------------------------------------------ */

#define LOOK_WINDOWS 16u  /* at a time: as much as one large read. A state is kept as often */
#define STATES	     128u /* in memory, at most: then every second one goes */

struct walk_at {
	uint64_t window; /* that it is for */
	struct detect_state state;
};

/* Where the scanner stood, under look_lock. */
struct file_walk {
	struct walk_at front; /* as far as anybody came */
	uint64_t step;	      /* windows between two of: */
	struct walk_at *states;
	size_t count, room;
};

void file_walk_free(struct file_walk *walk)
{
	if (!walk)
		return;
	free(walk->states);
	free(walk);
}

static void thin_out(struct file_walk *walk)
{
	size_t left = 0;

	walk->step *= 2;
	for (size_t i = 0; i < walk->count; i++)
		if (walk->states[i].window % walk->step == 0)
			walk->states[left++] = walk->states[i];
	walk->count = left;
}

/* States come in order, but for those that were forgotten. Without memory there is one less. */
static void note_state(struct gate_file *file, const struct walk_at *at)
{
	struct file_walk *walk = file->walk;

	if (at->window > walk->front.window)
		walk->front = *at;
	if (at->window % LOOK_WINDOWS == 0 && file->has_key)
		gate_kept_add_state(file->device->kept, file->key, at->window, &at->state);
	if (at->window % walk->step ||
	    (walk->count && walk->states[walk->count - 1].window >= at->window))
		return;
	if (walk->count == STATES)
		thin_out(walk);
	if (walk->count == walk->room) {
		size_t room = BL_MAX((size_t)8, walk->room * 2);
		struct walk_at *grown = realloc(walk->states, room * sizeof(*grown));

		if (!grown)
			return;
		walk->states = grown;
		walk->room = room;
	}
	if (at->window % walk->step == 0)
		walk->states[walk->count++] = *at;
}

/* The nearest state to go on from; that of the start is always there. */
static void state_before(struct gate_file *file, uint64_t window, struct walk_at *out)
{
	const struct file_walk *walk = file->walk;

	memset(out, 0, sizeof(*out));
	if (walk->front.window <= window)
		*out = walk->front;
	for (size_t i = walk->count; i-- > 0;) {
		if (walk->states[i].window > window)
			continue;
		if (walk->states[i].window > out->window)
			*out = walk->states[i];
		break;
	}
	if (!file->has_key)
		return;
	for (uint64_t at = window - window % LOOK_WINDOWS; at > out->window; at -= LOOK_WINDOWS)
		if (gate_kept_state(file->device->kept, file->key, at, &out->state)) {
			out->window = at;
			return;
		}
}

/* From one window to the next; what was not asked for is only gone through. */
static enum bl_status walk_one(struct work *work, struct work *around, struct walk_at *at)
{
	struct window_spans *spans = NULL;
	uint64_t index = at->window - work->first;
	bool is_asked = at->window >= work->first && index < work->count;
	enum bl_status status = scan_window(around, at->window, &at->state, &spans);

	if (status != BL_OK)
		return status;
	at->window++;
	note_state(work->file, at);
	if (is_asked && !work->known[index])
		work->known[index] = spans;
	else
		spans_put(spans);
	return BL_OK;
}

/* All windows of @work, from the nearest state on. look_lock is held, and no scratch. */
static enum bl_status walk_all(struct work *work)
{
	struct gate_file *file = work->file;
	enum bl_status status = BL_OK;
	struct walk_at at;

	if (!file->walk) {
		file->walk = calloc(1, sizeof(*file->walk));
		if (!file->walk)
			return BL_NO_MEMORY;
		file->walk->step = LOOK_WINDOWS;
	}
	state_before(file, work->first, &at);
	while (at.window < work->first + work->count && status == BL_OK) {
		struct work around = {.file = file, .first = at.window};

		around.count = (size_t)BL_MIN(work->first + work->count - at.window, LOOK_WINDOWS);
		status = fetch_to_scan(&around, NULL, 0);
		for (size_t i = 0; i < around.count && status == BL_OK; i++)
			status = walk_one(work, &around, &at);
		work_done(&around);
	}
	return status;
}

static enum bl_status look_on(struct gate_file *file);

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* As far as the read reaches, in order; what was forgotten meanwhile is looked into again. */
static enum bl_status walk_to(struct work *work)
{
	struct gate_file *file = work->file;
	uint64_t last = work->first + work->count;
	int64_t until = now_ms() + gate_of(work)->look_ms;
	bool is_there = false;

	while (!is_there) {
		enum bl_status status = BL_OK;

		pthread_mutex_lock(&file->look_lock);
		if (file->looked < last)
			status = look_on(file);
		is_there = file->looked >= last;
		pthread_mutex_unlock(&file->look_lock);
		if (status != BL_OK)
			return status;
		if (!is_there && now_ms() >= until)
			return BL_WITHHELD;
	}
	recall(work);
	if (!is_any(work, false))
		return BL_OK;
	pthread_mutex_lock(&file->look_lock);
	enum bl_status status = walk_all(work);

	pthread_mutex_unlock(&file->look_lock);
	return status;
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

/* The bytes, unmasked, and every window known. */
static enum bl_status fetch_known(struct work *work, uint8_t *buffer, size_t room)
{
	enum bl_status status;

	if (is_any(work, false) && detect_is_local(&work->file->profile)) {
		status = fetch_to_scan(work, buffer, room);
		return status == BL_OK ? scan_missing(work) : status;
	}
	if (is_any(work, false)) {
		status = walk_to(work);
		if (status != BL_OK)
			return status;
	}
	return has_pieces(work) ? fetch_to_scan(work, buffer, room)
				: fetch_to_mask(work, buffer, room);
}

static enum bl_status read_work(struct work *work, const struct mask *mask, uint8_t *buffer,
				size_t room, const uint8_t **out_bytes)
{
	size_t size = (size_t)(work->end - work->offset);

	if (is_any(work, false))
		recall(work);
	if (is_any(work, true))
		return BL_WITHHELD;
	if (!is_any(work, false) && !is_touched(work)) {
		*out_bytes = buffer;
		return read_all(work, work->offset, buffer, size);
	}
	enum bl_status status = fetch_known(work, buffer, room);

	if (status != BL_OK)
		return status;
	if (is_any(work, true))
		return BL_WITHHELD;
	bool is_whole = has_pieces(work);

	if (is_whole && !work->scratch)
		work->scratch = scratch_take(&gate_of(work)->scratches);
	/* What was scanned is around whole windows, pieces or not. */
	status = is_whole ? mask_whole(work, mask) : mask_plain(work, mask);
	if (status != BL_OK)
		return status;
	*out_bytes = work->bytes + (work->offset - work->from);
	if (work->bytes != buffer) {
		memcpy(buffer, *out_bytes, size);
		*out_bytes = buffer;
	}
	return BL_OK;
}

/* [offset, offset + size), not empty, and what is known of its windows. */
static void work_begin(struct work *work, struct gate_file *file, uint64_t offset, size_t size)
{
	*work = (struct work){.file = file, .offset = offset};
	work->end = offset + BL_MIN(size, file->size_bytes - offset);
	work->first = offset / DETECT_WINDOW;
	work->count = (size_t)((work->end - 1) / DETECT_WINDOW - work->first + 1);
	for (size_t i = 0; i < work->count; i++)
		work->known[i] = spans_get(&gate_of(work)->spans, file->serial, work->first + i);
}

enum bl_status file_read_known(struct gate_file *file, const struct mask *mask, uint64_t offset,
			       size_t size, uint8_t *buffer, size_t room, const uint8_t **out_bytes,
			       size_t *out_length)
{
	struct work work;

	if (size > GATE_READ_LIMIT || size > room)
		return BL_INVALID;
	if (offset >= file->size_bytes || size == 0)
		return BL_NOT_FOUND;
	work_begin(&work, file, offset, size);
	enum bl_status status = is_any(&work, false)
					? BL_NOT_FOUND
					: read_work(&work, mask, buffer, room, out_bytes);

	work_done(&work);
	if (status == BL_OK)
		*out_length = (size_t)(work.end - offset);
	return status;
}

enum bl_status file_read_masked(struct gate_file *file, const struct mask *mask, uint64_t offset,
				size_t size, uint8_t *buffer, size_t room,
				const uint8_t **out_bytes, size_t *out_length)
{
	struct work work;

	if (size > GATE_READ_LIMIT || size > room)
		return BL_INVALID;
	if (offset >= file->size_bytes || size == 0) {
		*out_bytes = buffer;
		*out_length = 0;
		return BL_OK;
	}
	work_begin(&work, file, offset, size);
	enum bl_status status = read_work(&work, mask, buffer, room, out_bytes);

	work_done(&work);
	if (status == BL_OK)
		*out_length = (size_t)(work.end - offset);
	else
		memset(buffer, 0, room);
	return status;
}

/* ---- looking through the whole ------------------------------------------------------------------------- */

static void look_found(struct gate_file *file, const struct window_spans *known)
{
	bl_classes found = 0;

	for (size_t i = 0; i < known->count; i++)
		found |= CLASS_BIT(span_unpack(known->items[i], 0).class % CLASS_LIMIT);
	atomic_fetch_or(&file->found, found);
	if (known->is_withheld)
		atomic_store(&file->is_hopeless, true);
}

uint64_t file_windows(const struct gate_file *file)
{
	return file->size_bytes / DETECT_WINDOW + (file->size_bytes % DETECT_WINDOW != 0);
}

static enum bl_status look_at(struct work *work)
{
	enum bl_status status = BL_OK;

	recall(work);
	if (is_any(work, false) && !detect_is_local(&work->file->profile)) {
		status = walk_all(work);
	} else if (is_any(work, false)) {
		/* No buffer of a caller's here: the scratch is one. */
		status = fetch_to_scan(work, NULL, 0);
		if (status == BL_OK)
			status = scan_missing(work);
	}
	for (size_t i = 0; i < work->count && status == BL_OK; i++)
		look_found(work->file, work->known[i]);
	return status;
}

/* The next part; look_lock is held. */
static enum bl_status look_on(struct gate_file *file)
{
	struct work work = {.file = file, .first = file->looked};
	uint64_t windows = file_windows(file);

	work.count = (size_t)BL_MIN(windows - file->looked, LOOK_WINDOWS);
	enum bl_status status = work.count ? look_at(&work) : BL_OK;

	work_done(&work);
	if (status != BL_OK)
		return status;
	file->looked += work.count;
	atomic_store(&file->looked_bytes, BL_MIN(file->looked * DETECT_WINDOW, file->size_bytes));
	if (file->looked == windows && !atomic_load(&file->is_hopeless))
		atomic_store(&file->is_whole, true);
	return BL_OK;
}

/* What begins in a window is counted there, and in no other. */
static void tally(const struct window_spans *known, uint64_t found[CLASS_LIMIT])
{
	uint64_t start = known->window * DETECT_WINDOW;

	for (size_t i = 0; i < known->count; i++) {
		struct detect_span span = span_unpack(known->items[i], span_base(known->window));

		if (span.offset >= start && span.offset - start < DETECT_WINDOW)
			found[span.class % CLASS_LIMIT]++;
	}
}

enum bl_status file_tally(struct gate_file *file, uint64_t first, uint64_t found[CLASS_LIMIT],
			  uint64_t *out_next)
{
	bool is_local = detect_is_local(&file->profile);
	struct work work = {.file = file, .first = first};

	*out_next = first + BL_MIN(file_windows(file) - first, LOOK_WINDOWS);
	work.count = (size_t)(*out_next - first);
	if (!work.count)
		return BL_OK;
	/* What is looked at in order is looked at by one at a time. */
	if (!is_local)
		pthread_mutex_lock(&file->look_lock);
	enum bl_status status = look_at(&work);

	if (!is_local)
		pthread_mutex_unlock(&file->look_lock);
	for (size_t i = 0; i < work.count && status == BL_OK; i++)
		tally(work.known[i], found);
	work_done(&work);
	return status;
}

static bool is_looked_through(const struct gate_file *file)
{
	return atomic_load(&file->is_whole) || atomic_load(&file->is_hopeless);
}

/* Each goes on by one part at least: who may never wait gets there as well. */
enum bl_status file_look(struct gate_file *file, int64_t limit_ms)
{
	int64_t until = now_ms() + limit_ms;
	enum bl_status status = BL_OK;

	while (!is_looked_through(file)) {
		pthread_mutex_lock(&file->look_lock);
		if (!is_looked_through(file))
			status = look_on(file);
		pthread_mutex_unlock(&file->look_lock);
		if (status != BL_OK)
			return status;
		if (!is_looked_through(file) && now_ms() >= until)
			return BL_TIMED_OUT;
	}
	return BL_OK;
}

unsigned file_looked_percent(const struct gate_file *file)
{
	uint64_t looked = atomic_load(&file->looked_bytes);

	return file->size_bytes ? (unsigned)BL_MIN(looked / (file->size_bytes / 100 + 1), 99) : 99;
}

bool file_is_behind(const struct gate_file *file, uint64_t end)
{
	return !detect_is_local(&file->profile) && !is_looked_through(file) &&
	       BL_MIN(end, file->size_bytes) > atomic_load(&file->looked_bytes);
}
