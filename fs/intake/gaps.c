/* What is not there: unreadable places as they are met, and together with what was left out. */
#include <stdlib.h>
#include <string.h>

#include "fs/intake/private.h"

void gaps_done(struct gaps *gaps)
{
	free(gaps->items);
	gaps->items = NULL;
	gaps->count = gaps->room = 0;
	gaps->bytes = 0;
}

static enum bl_status make_room(struct gaps *gaps, struct bl_error *why)
{
	size_t room = gaps->room ? 2 * gaps->room : 16;

	if (gaps->count < gaps->room)
		return BL_OK;
	if (gaps->count >= UNREADABLE_MOST)
		return bl_fail(
			why, BL_TOO_LARGE,
			"the source has over %u unreadable places (copy what can be had of it "
			"with a rescue tool, and take the copy in)",
			UNREADABLE_MOST);

	struct sealed_gap *items = reallocarray(gaps->items, room, sizeof(*items));

	if (!items)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	gaps->items = items;
	gaps->room = room;
	return BL_OK;
}

static enum bl_status add(struct gaps *gaps, uint64_t offset, uint64_t length, struct bl_error *why)
{
	struct sealed_gap *last = gaps->count ? &gaps->items[gaps->count - 1] : NULL;

	if (last && last->offset + last->length == offset) {
		last->length += length;
		return BL_OK;
	}

	enum bl_status status = make_room(gaps, why);

	if (status == BL_OK)
		gaps->items[gaps->count++] = (struct sealed_gap){offset, length, SEALED_UNREADABLE};
	return status;
}

enum bl_status gaps_add(struct gaps *gaps, uint64_t offset, uint64_t length, struct bl_error *why)
{
	if (!length)
		return BL_OK;
	pthread_mutex_lock(&gaps->mutex);

	enum bl_status status = add(gaps, offset, length, why);

	if (status == BL_OK)
		gaps->bytes += length;
	pthread_mutex_unlock(&gaps->mutex);
	return status;
}

/* How many begin in front of @until. */
static size_t count_before(const struct gaps *gaps, uint64_t until)
{
	size_t low = 0, high = gaps->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (gaps->items[middle].offset < until)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

enum bl_status gaps_copy(struct gaps *gaps, uint64_t until, struct sealed_gap **out_items,
			 size_t *out_count, struct bl_error *why)
{
	struct sealed_gap *items = NULL;

	pthread_mutex_lock(&gaps->mutex);

	size_t count = count_before(gaps, until);

	if (count) {
		items = reallocarray(NULL, count, sizeof(*items));
		if (items)
			memcpy(items, gaps->items, count * sizeof(*items));
	}
	pthread_mutex_unlock(&gaps->mutex);
	if (count && !items)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (count) {
		struct sealed_gap *last = &items[count - 1];

		last->length = BL_MIN(last->length, until - last->offset);
	}
	*out_items = items;
	*out_count = count;
	return BL_OK;
}

void gaps_blank(const struct gaps *gaps, uint64_t offset, uint8_t *bytes, size_t length)
{
	size_t first = count_before(gaps, offset);

	/* The one in front may reach in. */
	for (size_t i = first ? first - 1 : 0; i < gaps->count; i++) {
		const struct sealed_gap *gap = &gaps->items[i];
		uint64_t from = BL_MAX(gap->offset, offset);
		uint64_t until = BL_MIN(gap->offset + gap->length, offset + length);

		if (gap->offset >= offset + length)
			break;
		if (from < until)
			memset(bytes + (from - offset), 0, until - from);
	}
}

static int by_offset(const void *a, const void *b)
{
	const struct sealed_gap *one = a, *other = b;

	return one->offset < other->offset ? -1 : one->offset > other->offset;
}

/* Unreadable places hold nothing that was left out (source.c): nothing overlaps. */
enum bl_status gaps_merge(const struct gaps *unreadable, const struct image_ranges *left_out,
			  struct sealed_gap **out_items, size_t *out_count, struct bl_error *why)
{
	size_t count = unreadable->count + left_out->count;

	if (count > SEALED_GAPS)
		return bl_fail(why, BL_TOO_LARGE,
			       "what is unreadable and left out lies in over %u places (leave out "
			       "less)",
			       SEALED_GAPS);

	struct sealed_gap *items = reallocarray(NULL, BL_MAX(count, (size_t)1), sizeof(*items));

	if (!items)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < unreadable->count; i++)
		items[i] = unreadable->items[i];
	for (size_t i = 0; i < left_out->count; i++)
		items[unreadable->count + i] = (struct sealed_gap){
			left_out->items[i].offset, left_out->items[i].length, SEALED_LEFT_OUT};
	qsort(items, count, sizeof(*items), by_offset);
	*out_items = items;
	*out_count = count;
	return BL_OK;
}
