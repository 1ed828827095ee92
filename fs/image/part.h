/* part.h - which part of a file is shown: -o offset=, partition=, fs= of `bailee mount`, `enroll` and bailee-plain */
#ifndef FS_IMAGE_PART_H
#define FS_IMAGE_PART_H

#include "fs/image/image.h"

/* All zero: the whole file. Other volumes are left out (struct image_volume): nothing of them is shown or read. */
struct image_part {
	uint64_t offset; /* bytes of the file before the image */
	uint32_t
		partition; /* the N of "pN-ntfs"; 0: all of them. An image that is one volume is partition 1 */
	char fs[16]; /* what the volume has to be, as in its name; "vfat": any FAT; "": anything */
};

static inline bool image_part_is_whole(const struct image_part *part)
{
	return !part->offset && !part->partition && !part->fs[0];
}

/*
 * image_part_take - one option: "offset", or "start", which mount(8) leaves to us (bytes, or with K M G T, KiB ..., which are 1,024s as losetup has them), "partition", "fs"
 *
 * BL_OK, BL_INVALID (a bad value), BL_NOT_FOUND (no option of that name; no words).
 */
enum bl_status image_part_take(struct image_part *part, const char *name, const char *value,
			       struct bl_error *why) BL_MUST_CHECK;

/* image_part_ok - may this be a part of @size_bytes? BL_OK, BL_INVALID */
enum bl_status image_part_ok(const struct image_part *part, uint64_t size_bytes,
			     struct bl_error *why) BL_MUST_CHECK;

/*
 * image_part_choose - leave out every volume of @volumes that was not asked for
 *
 * BL_OK, BL_NOT_FOUND (none is left; what is there instead is said: types are words of ours).
 */
enum bl_status image_part_choose(struct image_volume *volumes, size_t count,
				 const struct image_part *part, struct bl_error *why) BL_MUST_CHECK;

#endif
