/* maps.c - least recently used maps go first; a map in use by a handle outlives its place here */
#include "fs/image/maps.h"

#include <stdlib.h>

static struct image_map **bucket_of(struct image_maps *maps, uint32_t volume, uint64_t inode)
{
	uint64_t mixed = (inode ^ ((uint64_t)volume << 56)) * UINT64_C(0x9e3779b97f4a7c15);

	return &maps->buckets[mixed >> 32 & (IMAGE_MAPS_BUCKETS - 1)];
}

static size_t weight(const struct image_map *map)
{
	return sizeof(*map) + map->count * sizeof(map->runs[0]);
}

void image_maps_init(struct image_maps *maps, size_t limit_bytes)
{
	*maps = (struct image_maps){.limit = limit_bytes};
	pthread_mutex_init(&maps->mutex, NULL);
}

struct image_map *image_map_new(uint32_t volume, uint64_t inode, uint64_t size_bytes, size_t count)
{
	struct image_map *map = calloc(1, sizeof(*map) + count * sizeof(map->runs[0]));

	if (!map)
		return NULL;
	map->volume = volume;
	map->inode = inode;
	map->size_bytes = size_bytes;
	map->holders = 1;
	map->count = count;
	return map;
}

static void unlink_age(struct image_maps *maps, struct image_map *map)
{
	*(map->newer ? &map->newer->older : &maps->newest) = map->older;
	*(map->older ? &map->older->newer : &maps->oldest) = map->newer;
	map->newer = map->older = NULL;
}

static void link_newest(struct image_maps *maps, struct image_map *map)
{
	map->older = maps->newest;
	*(map->older ? &map->older->newer : &maps->oldest) = map;
	maps->newest = map;
}

static void drop(struct image_map *map)
{
	if (--map->holders == 0)
		free(map);
}

static void evict(struct image_maps *maps, struct image_map *map)
{
	struct image_map **at = bucket_of(maps, map->volume, map->inode);

	while (*at != map)
		at = &(*at)->chain;
	*at = map->chain;
	unlink_age(maps, map);
	maps->bytes -= weight(map);
	map->is_cached = false;
	drop(map);
}

void image_maps_done(struct image_maps *maps)
{
	while (maps->oldest)
		evict(maps, maps->oldest);
	pthread_mutex_destroy(&maps->mutex);
}

static struct image_map *find(struct image_maps *maps, uint32_t volume, uint64_t inode)
{
	struct image_map *map = *bucket_of(maps, volume, inode);

	while (map && (map->volume != volume || map->inode != inode))
		map = map->chain;
	return map;
}

struct image_map *image_maps_get(struct image_maps *maps, uint32_t volume, uint64_t inode)
{
	pthread_mutex_lock(&maps->mutex);
	struct image_map *map = find(maps, volume, inode);
	if (map) {
		map->holders++;
		unlink_age(maps, map);
		link_newest(maps, map);
	}
	pthread_mutex_unlock(&maps->mutex);
	return map;
}

void image_maps_put(struct image_maps *maps, struct image_map *map)
{
	pthread_mutex_lock(&maps->mutex);
	/* Two threads may have asked for the same map at once: the first one stays. */
	if (!map->is_cached && weight(map) <= maps->limit && !find(maps, map->volume, map->inode)) {
		struct image_map **bucket = bucket_of(maps, map->volume, map->inode);

		map->chain = *bucket;
		*bucket = map;
		map->is_cached = true;
		map->holders++;
		link_newest(maps, map);
		maps->bytes += weight(map);
		while (maps->bytes > maps->limit)
			evict(maps, maps->oldest);
	}
	pthread_mutex_unlock(&maps->mutex);
}

void image_maps_release(struct image_maps *maps, struct image_map *map)
{
	pthread_mutex_lock(&maps->mutex);
	drop(map);
	pthread_mutex_unlock(&maps->mutex);
}

bool image_map_at(const struct image_map *map, uint64_t offset, size_t length,
		  uint64_t *out_image_offset, size_t *out_length)
{
	size_t low = 0, high = map->count;

	/* the first run that ends behind @offset */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct wire_run *run = &map->runs[middle];

		if (run->file_offset + run->length <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	const struct wire_run *run = low < map->count ? &map->runs[low] : NULL;
	bool is_in_run = run && run->file_offset <= offset;
	uint64_t end = is_in_run ? run->file_offset + run->length
		       : run	 ? run->file_offset
				 : UINT64_MAX;

	*out_length = (size_t)BL_MIN((uint64_t)length, end - offset);
	if (is_in_run)
		*out_image_offset = run->image_offset + (offset - run->file_offset);
	return is_in_run;
}
