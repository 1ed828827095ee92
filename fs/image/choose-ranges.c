/* choose-ranges.c - sets of bytes as sorted ranges */
#include "fs/image/choose.h"

#include <stdlib.h>
#include <string.h>

void image_ranges_done(struct image_ranges *ranges)
{
	free(ranges->items);
	*ranges = (struct image_ranges){0};
}

static bool make_room(struct image_ranges *ranges)
{
	if (ranges->count < ranges->room)
		return true;
	size_t room = ranges->room ? ranges->room * 2 : 64;
	struct image_range *items = reallocarray(ranges->items, room, sizeof(*items));

	if (!items)
		return false;
	ranges->items = items;
	ranges->room = room;
	return true;
}

enum bl_status image_ranges_add(struct image_ranges *ranges, uint64_t offset, uint64_t length)
{
	uint64_t end;

	if (__builtin_add_overflow(offset, length, &end))
		return BL_TOO_LARGE;
	if (length == 0)
		return BL_OK;
	/* files are told piece after piece: most touch the one before */
	if (ranges->count > 0) {
		struct image_range *last = &ranges->items[ranges->count - 1];

		if (last->offset + last->length == offset) {
			last->length += length;
			return BL_OK;
		}
	}
	if (ranges->count >= IMAGE_RANGES_LIMIT)
		return BL_TOO_LARGE;
	if (!make_room(ranges))
		return BL_NO_MEMORY;
	ranges->items[ranges->count++] = (struct image_range){offset, length};
	return BL_OK;
}

static int by_offset(const void *left, const void *right)
{
	const struct image_range *a = left, *b = right;

	return (a->offset > b->offset) - (a->offset < b->offset);
}

void image_ranges_join(struct image_ranges *ranges)
{
	struct image_range *items = ranges->items;
	size_t kept = 0;

	if (ranges->count == 0)
		return;
	qsort(items, ranges->count, sizeof(*items), by_offset);
	for (size_t i = 1; i < ranges->count; i++) {
		uint64_t end = items[kept].offset + items[kept].length;

		if (items[i].offset > end)
			items[++kept] = items[i];
		else
			items[kept].length =
				BL_MAX(end, items[i].offset + items[i].length) - items[kept].offset;
	}
	ranges->count = kept + 1;
}

uint64_t image_ranges_bytes(const struct image_ranges *ranges)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < ranges->count; i++)
		bytes += ranges->items[i].length;
	return bytes;
}

size_t image_ranges_find(const struct image_ranges *ranges, uint64_t offset)
{
	size_t low = 0, high = ranges->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct image_range *item = &ranges->items[middle];

		if (item->offset + item->length > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* What is left of one range; @at is the first of @what that may reach into it, and moves on. */
static size_t cut(struct image_range range, const struct image_ranges *what, size_t *at,
		  struct image_range *out)
{
	uint64_t from = range.offset, end = range.offset + range.length;
	size_t count = 0;

	while (*at < what->count && what->items[*at].offset < end) {
		const struct image_range *hole = &what->items[*at];
		uint64_t hole_end = hole->offset + hole->length;

		if (hole->offset > from)
			out[count++] = (struct image_range){from, hole->offset - from};
		from = BL_MAX(from, hole_end);
		if (hole_end > end)
			break; /* it reaches into the next range too */
		++*at;
	}
	if (from < end)
		out[count++] = (struct image_range){from, end - from};
	return count;
}

enum bl_status image_ranges_subtract(struct image_ranges *from, const struct image_ranges *what)
{
	if (from->count == 0 || what->count == 0)
		return BL_OK;
	size_t room = from->count + what->count; /* each hole splits one range at most */
	struct image_range *items = calloc(room, sizeof(*items));
	size_t count = 0, at = 0;

	if (!items)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < from->count; i++)
		count += cut(from->items[i], what, &at, items + count);
	free(from->items);
	*from = (struct image_ranges){items, count, room};
	return BL_OK;
}
