/* maps.h - checked extent maps, shared by all handles of a file and kept while memory allows */
#ifndef FS_IMAGE_MAPS_H
#define FS_IMAGE_MAPS_H

#include <pthread.h>

#include "fs/image/image.h"
#include "fs/image/wire.h"

#define IMAGE_MAPS_BYTES                                                                           \
	(8u << 20) /* of maps kept per image that no handle holds or that are held */
#define IMAGE_MAPS_BUCKETS 1024u

/* Never changes once it is in the cache. */
struct image_map {
	uint32_t volume;
	uint64_t inode;
	uint64_t size_bytes;
	bool is_mapped;	  /* false: contents come through READ only */
	unsigned holders; /* handles, and one for the cache */
	bool is_cached;
	struct image_map *chain;	 /* same bucket */
	struct image_map *newer, *older; /* by last use */
	size_t count;
	struct wire_run runs[];
};

struct image_maps {
	pthread_mutex_t mutex;
	struct image_map *buckets[IMAGE_MAPS_BUCKETS];
	struct image_map *newest, *oldest;
	size_t bytes, limit;
};

void image_maps_init(struct image_maps *maps, size_t limit_bytes);
void image_maps_done(struct image_maps *maps); /* no handle holds a map any more */

/* image_map_new - room for @count runs, held once by the caller; NULL: out of memory */
struct image_map *image_map_new(uint32_t volume, uint64_t inode, uint64_t size_bytes, size_t count);

/* image_maps_get - hold the map of a file, or NULL when it is not here */
struct image_map *image_maps_get(struct image_maps *maps, uint32_t volume, uint64_t inode);

/* image_maps_put - offer a map to the cache; the caller's hold stays */
void image_maps_put(struct image_maps *maps, struct image_map *map);

void image_maps_release(struct image_maps *maps, struct image_map *map);

/*
 * image_map_at - where the byte at @offset lies
 *
 * True: in the image at *@out_image_offset. False: in a hole. *@out_length, above 0: how far that
 * goes, at most @length.
 */
bool image_map_at(const struct image_map *map, uint64_t offset, size_t length,
		  uint64_t *out_image_offset, size_t *out_length);

#endif
