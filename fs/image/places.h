/* places.h - ask a reader where things lie, and check all of it before a word is passed on; private to fs/image */
#ifndef FS_IMAGE_PLACES_H
#define FS_IMAGE_PLACES_H

#include "fs/image/client.h"

#define IMAGE_PLACES_LIMIT (1u << 21)		  /* ranges of one file, joined: 32 MiB */
#define IMAGE_USED_LIMIT   (1u << 22)		  /* of one volume */
#define IMAGE_PLACES_NS	   UINT64_C(900000000000) /* for all pages together: 15 minutes */
#define IMAGE_NO_INODE	   UINT64_MAX		  /* of a request that is about a volume */

/*
 * image_places_ask - all pages of WIRE_PLACES (@inode a file's) or WIRE_USED (IMAGE_NO_INODE), then told one by one
 *
 * BL_OK, BL_UNSUPPORTED (the reader cannot tell), BL_NOT_FOUND, BL_INVALID, BL_IO, BL_TIMED_OUT, BL_TOO_LARGE, BL_NO_MEMORY.
 */
enum bl_status image_places_ask(struct image_client *client, const struct image_volume *at,
				unsigned volume, uint64_t inode, image_range_fn *tell,
				void *context, struct bl_error *why) BL_MUST_CHECK;

#endif
