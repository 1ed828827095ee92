/* What filesystems say of a place: read once before the medium is, and then only asked. */
#include "fs/inspect/private.h"

#include <stdlib.h>
#include <unistd.h>

#include "fs/image/image.h"

enum bl_status inspect_ranges_add(struct inspect_ranges *ranges, uint64_t from, uint64_t to,
				  size_t most)
{
	struct inspect_range *last = ranges->count ? &ranges->items[ranges->count - 1] : NULL;

	if (from >= to)
		return BL_OK;
	if (last && last->to == from) {
		last->to = to;
		return BL_OK;
	}
	if (ranges->count == most)
		return BL_TOO_LARGE;
	if (ranges->count == ranges->room) {
		size_t room = ranges->room ? BL_MIN(2 * ranges->room, most) : BL_MIN(1024, most);
		struct inspect_range *grown = realloc(ranges->items, room * sizeof(*ranges->items));

		if (!grown)
			return BL_NO_MEMORY;
		ranges->items = grown;
		ranges->room = room;
	}
	ranges->items[ranges->count++] = (struct inspect_range){from, to};
	return BL_OK;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct inspect_range *a = left, *b = right;

	return a->from < b->from ? -1 : a->from > b->from;
}

void inspect_ranges_sort(struct inspect_ranges *ranges)
{
	size_t kept = 0;

	if (ranges->count == 0)
		return;
	qsort(ranges->items, ranges->count, sizeof(*ranges->items), compare_ranges);
	for (size_t i = 1; i < ranges->count; i++) {
		struct inspect_range *last = &ranges->items[kept];

		if (ranges->items[i].from <= last->to)
			last->to = BL_MAX(last->to, ranges->items[i].to);
		else
			ranges->items[++kept] = ranges->items[i];
	}
	ranges->count = kept + 1;
}

static bool is_in(const struct inspect_ranges *ranges, uint64_t offset)
{
	size_t low = 0, high = ranges->count;

	/* The first that begins behind it. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges->items[middle].from <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && offset < ranges->items[low - 1].to;
}

struct taking {
	struct inspect_ranges *used;
	enum bl_status status;
};

static bool take(void *context, const struct image_range *range)
{
	struct taking *taking = context;
	uint64_t to;

	if (__builtin_add_overflow(range->offset, range->length, &to))
		to = UINT64_MAX;
	taking->status = inspect_ranges_add(taking->used, range->offset, to, INSPECT_RANGES);
	return taking->status == BL_OK;
}

/* A volume that does not say it all counts as if it had said nothing. */
static enum bl_status add_volume(struct inspect_map *map, struct image *image, unsigned index)
{
	const struct image_volume *volume = image_volume(image, index);
	struct taking taking = {&map->used, BL_OK};
	size_t before = map->used.count;
	/* A range that touches the one before would be made longer with it, and could not be taken back. */
	uint64_t edge = before ? map->used.items[before - 1].to : 0;
	uint64_t to;

	if (!volume->is_readable || __builtin_add_overflow(volume->offset, volume->length, &to))
		return BL_OK;
	if (image_used(image, index, take, &taking, NULL) == BL_OK && taking.status == BL_OK)
		return inspect_ranges_add(&map->volumes, volume->offset, to, IMAGE_VOLUMES);
	map->used.count = before;
	if (before)
		map->used.items[before - 1].to = edge;
	return taking.status == BL_NO_MEMORY ? BL_NO_MEMORY : BL_OK;
}

enum bl_status inspect_map_read(struct inspect_map *map, int fd, const char *reader_path,
				struct bl_error *why)
{
	struct image_options options = {.reader_path = reader_path};
	BL_CLEANUP(image_close) struct image *image = NULL;
	enum bl_status status = BL_OK;

	*map = (struct inspect_map){0};
	if (fd < 0 || !reader_path)
		return BL_OK;
	/* Whatever keeps it from being opened: then it is no filesystem that anybody can read, and no failure of the check. */
	status = image_open(fd, IMAGE_RAW, &options, &image, NULL);
	if (status != BL_OK)
		status = status == BL_NO_MEMORY ? BL_NO_MEMORY : BL_OK;
	for (size_t i = 0; image && status == BL_OK && i < image_volume_count(image); i++)
		status = add_volume(map, image, (unsigned)i);
	if (status != BL_OK)
		return bl_fail(why, status, "cannot keep what the filesystems use: out of memory");
	inspect_ranges_sort(&map->volumes);
	inspect_ranges_sort(&map->used);
	return BL_OK;
}

void inspect_map_done(struct inspect_map *map)
{
	free(map->volumes.items);
	free(map->used.items);
	*map = (struct inspect_map){0};
}

enum inspect_where inspect_map_where(const struct inspect_map *map, uint64_t offset)
{
	if (!is_in(&map->volumes, offset))
		return INSPECT_NOBODYS;
	return is_in(&map->used, offset) ? INSPECT_ALLOCATED : INSPECT_FREE;
}
