#include "fs/image/reader/reader.h"

#include <errno.h>
#include <stdlib.h>

void runs_done(struct runs *runs)
{
	free(runs->items);
	*runs = (struct runs){0};
}

static int runs_push(struct runs *runs, const struct wire_run *run)
{
	if (runs->count >= READER_RUNS)
		return EFBIG;
	if (runs->count == runs->room) {
		size_t room = runs->room ? 2 * runs->room : 16;
		struct wire_run *items = realloc(runs->items, room * sizeof(*items));

		if (!items)
			return ENOMEM;
		runs->items = items;
		runs->room = room;
	}
	runs->items[runs->count++] = *run;
	return 0;
}

int runs_add(struct runs *runs, uint64_t limit, uint64_t file_offset, uint64_t image_offset,
	     uint64_t length)
{
	struct wire_run run = {file_offset, image_offset, length};
	struct wire_run *last = runs->count ? &runs->items[runs->count - 1] : NULL;
	uint64_t end;

	if (__builtin_add_overflow(file_offset, length, &end) ||
	    __builtin_add_overflow(image_offset, length, &end))
		return EIO;
	/* What goes back is a loop or a lie; this is also what ends the walk of a hostile extent tree. */
	if (last && file_offset < last->file_offset + last->length)
		return EIO;
	if (file_offset >= limit || !length)
		return 0;
	run.length = BL_MIN(length, limit - file_offset);
	if (last && last->file_offset + last->length == file_offset &&
	    last->image_offset + last->length == image_offset) {
		last->length += run.length;
		return 0;
	}
	return runs_push(runs, &run);
}

int runs_place(struct runs *runs, uint64_t image_offset, uint64_t length)
{
	struct wire_run run = {0, image_offset, length};
	struct wire_run *last = runs->count ? &runs->items[runs->count - 1] : NULL;
	uint64_t end;

	if (__builtin_add_overflow(image_offset, length, &end))
		return EIO;
	if (!length)
		return 0;
	if (last && last->image_offset + last->length == image_offset) {
		last->length += length;
		return 0;
	}
	return runs_push(runs, &run);
}

static int by_place(const void *a, const void *b)
{
	const struct wire_run *one = a, *two = b;

	return one->image_offset < two->image_offset ? -1 : one->image_offset > two->image_offset;
}

void runs_sort(struct runs *runs)
{
	size_t kept = 0;

	if (runs->count < 2)
		return;
	qsort(runs->items, runs->count, sizeof(*runs->items), by_place);
	for (size_t i = 1; i < runs->count; i++) {
		struct wire_run *last = &runs->items[kept];
		const struct wire_run *run = &runs->items[i];
		uint64_t end = last->image_offset + last->length;

		if (run->image_offset > end)
			runs->items[++kept] = *run;
		else
			last->length =
				BL_MAX(end, run->image_offset + run->length) - last->image_offset;
	}
	runs->count = kept + 1;
}
