/* contained-lane.h - one bailee-container-* in place: start it, ask it, end it; private to contained.c */
#ifndef FS_IMAGE_CONTAINED_LANE_H
#define FS_IMAGE_CONTAINED_LANE_H

#include "fs/image/container.h"
#include "fs/image/container/ask.h"

struct contained_lane {
	pid_t pid; /* 0: none runs */
	int fd;
	uint32_t serial;
};

/* One granule, decoded. */
struct contained_granule {
	uint64_t offset;
	uint32_t length;
	uint8_t is_bad[ASK_BAD];
	uint8_t bytes[ASK_GRANULE];
};

enum contained_outcome {
	CONTAINED_ANSWER,
	CONTAINED_DIED,
	CONTAINED_HUNG,
	CONTAINED_LIED,
	CONTAINED_LATE, /* not of a lane: none was free in time, or there will be none any more */
};

/*
 * contained_lane_start - run the program and have it open the container, until @deadline_ns
 *
 * BL_OK, BL_INVALID (it refused), BL_TIMED_OUT, BL_IO, BL_NO_MEMORY, BL_FAILED. On failure nothing is left running.
 */
enum bl_status contained_lane_start(struct contained_lane *lane, const struct container *container,
				    const char *folder, uint64_t deadline_ns, uint64_t *out_bytes,
				    struct bl_error *why) BL_MUST_CHECK;

/* contained_lane_ask - @granule's offset and length say which; all but CONTAINED_ANSWER leave a lane that is good for nothing */
enum contained_outcome contained_lane_ask(struct contained_lane *lane, uint64_t deadline_ns,
					  struct contained_granule *granule) BL_MUST_CHECK;

void contained_lane_stop(struct contained_lane *lane); /* kill, reap; again does nothing */

#endif
