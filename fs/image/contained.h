/* contained.h - an image inside a container, read where it lies (docs/containers.md, "In place")
 *
 * Plain bytes come 64 KiB at a time from sealed programs, which are started anew when they die or hang; what was decoded last is kept.
 */
#ifndef FS_IMAGE_CONTAINED_H
#define FS_IMAGE_CONTAINED_H

#include "fs/image/container.h"
#include "fs/image/image.h"

#define CONTAINED_LANES	   2u	  /* programs at once, at most */
#define CONTAINED_KEPT	   512u	  /* granules of 64 KiB */
#define CONTAINED_FIRST_MS 60000u /* to open the container, at first */
#define CONTAINED_START_MS 4000u  /* and again, with somebody waiting */
#define CONTAINED_ASK_MS   2000u  /* for one granule */
#define CONTAINED_READ_MS  4000u  /* after which a read of many begins nothing more */
#define CONTAINED_DEATHS   20u	  /* in this time the image is given up */
#define CONTAINED_NS	   UINT64_C(60000000000)

struct contained;

struct contained_options {
	const char *folder; /* where bailee-container-* lie; copied */
	unsigned ask_ms;    /* 0: CONTAINED_ASK_MS */
	unsigned first_ms;  /* 0: CONTAINED_FIRST_MS */
};

/*
 * contained_open - start the first program, which opens the container
 *
 * @container  not CONTAINER_NONE; taken over, also on failure
 * BL_OK, BL_INVALID (it refused the container: fixed words), BL_TIMED_OUT, BL_IO, BL_NO_MEMORY, BL_FAILED (no program).
 */
enum bl_status contained_open(struct container *container, const struct contained_options *options,
			      struct contained **out_contained, struct bl_error *why) BL_MUST_CHECK;
void contained_close(struct contained *contained);
BL_DEFINE_CLEANUP(struct contained, contained_close)

uint64_t contained_size(const struct contained *contained); /* plain bytes, above zero */

/*
 * contained_read - all of @length plain bytes at @offset, or none; any thread
 *
 * BL_OK, BL_IO (one of them cannot be read, or not in time; or the image is given up), BL_NO_MEMORY.
 */
enum bl_status contained_read(struct contained *contained, uint64_t offset, void *out,
			      size_t length, struct bl_error *why) BL_MUST_CHECK;

#endif
