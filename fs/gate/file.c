#include "fs/gate/private.h"

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

/* Does anything that was found reach into the bytes asked for? Masks change nothing but spans. */
static bool is_touched(const struct work *work)
{
	for (size_t i = 0; i < work->count; i++) {
		const struct window_spans *known = work->known[i];
		uint64_t base = span_base(known->window);

		for (size_t k = spans_from(known, work->offset); k < known->count; k++) {
			struct detect_span span = span_unpack(known->items[k], base);

			if (span.offset >= work->end)
				break;
			if (span.offset + span.length > work->offset)
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

static enum bl_status scan_one(struct work *work, size_t index)
{
	uint64_t window = work->first + index, start = window * DETECT_WINDOW,
		 end = window_end(work, window);
	size_t lead = (size_t)BL_MIN(start - work->from, DETECT_LEAD);
	struct detect_window asked = {
		.bytes = work->bytes + (start - work->from) - lead,
		.lead = lead,
		.core = (size_t)(end - start),
		.tail = (size_t)BL_MIN(work->to - end, DETECT_TAIL),
		.offset = start,
	};
	struct detect_spans *found = &work->scratch->spans;
	enum bl_status status = detect_scan(work->file->device->scanner, &asked, found);

	if (status != BL_OK && status != BL_UNSUPPORTED)
		return status;
	work->known[index] =
		spans_keep(&gate_of(work)->spans, work->file->device, work->file->serial, window,
			   found, NULL, status == BL_UNSUPPORTED);
	return work->known[index] ? BL_OK : BL_NO_MEMORY;
}

static enum bl_status scan_missing(struct work *work)
{
	if (!work->scratch)
		work->scratch = scratch_take(&gate_of(work)->scratches);
	for (size_t i = 0; i < work->count; i++) {
		enum bl_status status = work->known[i] ? BL_OK : scan_one(work, i);

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

/*
 * Mask what was asked for, in place and window by window, each with its own spans. A mask is made of original bytes, also of
 * those before its window: they are kept before they are masked, and lent back while the next window is done.
 *
 * Only the part asked for is masked, not the whole window: a chain of spans that does not lie within a margin of that part is
 * longer than a margin, and filled wherever one looks at it from (policy/mask).
 */
static void mask_all(struct work *work, const struct mask *mask)
{
	uint8_t original[DETECT_MARGIN] = {0}, next[DETECT_MARGIN] = {0}, shown[DETECT_MARGIN];
	struct part part;

	part.mask = mask;
	for (size_t i = 0; i < work->count; i++) {
		uint64_t window = work->first + i;
		uint64_t start = BL_MAX(window * DETECT_WINDOW, work->offset);
		uint64_t end = BL_MIN((window + 1) * DETECT_WINDOW, work->end);
		size_t lead = (size_t)BL_MIN(start - work->from, DETECT_MARGIN);
		size_t tail = (size_t)BL_MIN(work->to - end, DETECT_MARGIN);
		uint8_t *at = work->bytes + (start - work->from);
		uint8_t *behind = work->bytes + (end - work->from);
		bool has_next = i + 1 < work->count;

		if (i > 0) {
			memcpy(shown, at - lead, lead);
			memcpy(at - lead, original + sizeof(original) - lead, lead);
		}
		size_t kept = (size_t)BL_MIN(end - work->from, DETECT_MARGIN);

		if (has_next)
			memcpy(next + sizeof(next) - kept, behind - kept, kept);
		part.at = at;
		part.lead = lead;
		part.tail = tail;
		part.start = start;
		part.end = end;
		part_all(&part, work->known[i]);
		if (i > 0)
			memcpy(at - lead, shown, lead);
		if (has_next)
			memcpy(original, next, sizeof(original));
	}
}

static bool is_any(const struct work *work, bool withheld)
{
	for (size_t i = 0; i < work->count; i++) {
		if (withheld ? work->known[i] && work->known[i]->is_withheld : !work->known[i])
			return true;
	}
	return false;
}

static enum bl_status read_work(struct work *work, const struct mask *mask, uint8_t *buffer,
				size_t room, const uint8_t **out_bytes)
{
	size_t size = (size_t)(work->end - work->offset);
	bool is_missing = is_any(work, false);

	if (is_any(work, true))
		return BL_WITHHELD;
	if (!is_missing && !is_touched(work)) {
		*out_bytes = buffer;
		return read_all(work, work->offset, buffer, size);
	}
	enum bl_status status =
		is_missing ? fetch_to_scan(work, buffer, room) : fetch_to_mask(work, buffer, room);

	if (status == BL_OK && is_missing)
		status = scan_missing(work);
	if (status != BL_OK)
		return status;
	if (is_any(work, true))
		return BL_WITHHELD;
	mask_all(work, mask);
	*out_bytes = work->bytes + (work->offset - work->from);
	if (work->bytes != buffer) {
		memcpy(buffer, *out_bytes, size);
		*out_bytes = buffer;
	}
	return BL_OK;
}

enum bl_status file_read_masked(struct gate_file *file, const struct mask *mask, uint64_t offset,
				size_t size, uint8_t *buffer, size_t room,
				const uint8_t **out_bytes, size_t *out_length)
{
	struct work work = {.file = file, .offset = offset};

	if (size > GATE_READ_LIMIT || size > room)
		return BL_INVALID;
	if (offset >= file->size_bytes || size == 0) {
		*out_bytes = buffer;
		*out_length = 0;
		return BL_OK;
	}
	size = (size_t)BL_MIN(size, file->size_bytes - offset);
	work.end = offset + size;
	work.first = offset / DETECT_WINDOW;
	work.count = (size_t)((work.end - 1) / DETECT_WINDOW - work.first + 1);
	for (size_t i = 0; i < work.count; i++)
		work.known[i] = spans_get(&gate_of(&work)->spans, file->serial, work.first + i);
	enum bl_status status = read_work(&work, mask, buffer, room, out_bytes);

	work_done(&work);
	if (status == BL_OK)
		*out_length = size;
	else
		memset(buffer, 0, room);
	return status;
}

/* ---- looking through the whole ------------------------------------------------------------------------- */

#define LOOK_WINDOWS 16u /* at a time: as much as one large read */

static void look_found(struct gate_file *file, const struct window_spans *known)
{
	bl_classes found = 0;

	for (size_t i = 0; i < known->count; i++)
		found |= CLASS_BIT(span_unpack(known->items[i], 0).class % CLASS_LIMIT);
	atomic_fetch_or(&file->found, found);
	if (known->is_withheld)
		atomic_store(&file->is_hopeless, true);
}

static enum bl_status look_at(struct work *work)
{
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < work->count; i++)
		work->known[i] =
			spans_get(&gate_of(work)->spans, work->file->serial, work->first + i);
	if (is_any(work, false)) {
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
	uint64_t windows = (file->size_bytes + DETECT_WINDOW - 1) / DETECT_WINDOW;

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

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
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
