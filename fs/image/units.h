/* units.h - memory of what a reader said, so that it cannot say something else later
 *
 * Detection looks at a file once and its spans are kept; a subverted reader that changes its answer
 * afterwards would have unmasked bytes shown. So the first answer for a file's map and for each unit
 * of a file without a map is remembered as a keyed digest, and other bytes are refused.
 */
#ifndef FS_IMAGE_UNITS_H
#define FS_IMAGE_UNITS_H

#include <pthread.h>
#include <sodium.h>

#include "policy/base.h"

#define IMAGE_UNITS_LIMIT                                                                          \
	(1u << 22)		  /* 16 bytes each; behind it answers are refused, not forgotten */
#define IMAGE_UNIT_MAP UINT64_MAX /* the number under which a file's map and size are kept */

struct image_unit {
	uint64_t place, digest; /* place 0: free */
};

struct image_units {
	pthread_mutex_t mutex;
	struct image_unit *table; /* open addressing, @capacity a power of two, at most half full */
	size_t count, capacity, limit;
	uint8_t place_key[crypto_shorthash_KEYBYTES];
	uint8_t digest_key[crypto_generichash_KEYBYTES];
};

void image_units_init(struct image_units *units, size_t limit);
void image_units_done(struct image_units *units);

/*
 * image_units_check - are these the bytes first seen here? The first time they are remembered.
 *
 * @size_bytes of the file: part of what may not change.
 * BL_OK, BL_TAMPERED (other bytes than before), BL_NO_MEMORY, BL_TOO_LARGE (the memory is full).
 */
enum bl_status image_units_check(struct image_units *units, uint32_t volume, uint64_t inode,
				 uint64_t unit, uint64_t size_bytes, const void *bytes,
				 size_t length) BL_MUST_CHECK;

#endif
