/* child.h - one process of bailee-reader: start it, say one thing to it, end it
 *
 * Nothing in it is believed: messages are checked for form here, contents in answers.h.
 */
#ifndef FS_IMAGE_CHILD_H
#define FS_IMAGE_CHILD_H

#include <sys/types.h>

#include "fs/image/image.h"
#include "fs/image/wire.h"

/* What one try may ask of the image. */
#define IMAGE_BUDGET_BLOCKS (1u << 17)
#define IMAGE_BUDGET_BYTES  (UINT64_C(2) << 30)

struct image_lane {
	int socket;
	uint8_t *data,
		*blocks; /* windows, WIRE_WINDOW each; the child writes to the first at any time */
	uint64_t serial;
};

struct image_child {
	pid_t pid;
	int pidfd; /* -1: kernel without; the process is not reaped by anybody else, so its pid is its own */
	struct image_lane lanes[WIRE_LANES];
};

/* What the parent reads the image with, and for how long at once. */
struct image_source {
	struct image_bytes bytes;
	uint64_t try_ns;
};

struct image_call {
	uint16_t op;
	uint32_t volume;
	uint64_t inode, offset, length;
	uint64_t
		until_ns; /* when it is over, by image_now_ns; 0: as long from now on as a request may take */
};

struct image_reply {
	int error; /* an errno the child named, or 0 */
	uint64_t offset;
	size_t length;
	uint8_t *bytes;	  /* malloc'd copy, caller's; NULL when @length is 0 */
	bool is_tampered; /* bytes it asked for did not verify; whatever the outcome was */
};

enum image_outcome {
	OUTCOME_ANSWER,
	OUTCOME_DIED,
	OUTCOME_HUNG,
	OUTCOME_GARBAGE,   /* a message of no valid form */
	OUTCOME_GREEDY,	   /* more blocks than one try may have */
	OUTCOME_NO_MEMORY, /* here, not there: the child is well */
};

/*
 * image_child_start - fork, exec, and wait until the child has sealed itself
 *
 * BL_OK, BL_FAILED (the program cannot be run), BL_IO (it died before it was ready), BL_TIMED_OUT,
 * BL_NO_MEMORY. On failure nothing is left behind.
 */
enum bl_status image_child_start(const char *path, const struct image_source *source,
				 struct image_child *out_child, struct bl_error *why) BL_MUST_CHECK;

void image_child_kill(const struct image_child *child); /* from any thread; does not wait */
void image_child_stop(struct image_child *child);	/* kill, reap, unmap; no lane is in use */

/* image_lane_ask - one request, its blocks, its answer; the lane is the caller's alone */
enum image_outcome image_lane_ask(struct image_lane *lane, const struct image_source *source,
				  const struct image_call *call,
				  struct image_reply *out_reply) BL_MUST_CHECK;

uint64_t image_now_ns(void); /* CLOCK_MONOTONIC */

#endif
