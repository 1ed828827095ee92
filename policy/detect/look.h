/* look.h - buffers of one thread that looks at files and masks them; private to policy/detect and policy/mask */
#ifndef POLICY_DETECT_LOOK_H
#define POLICY_DETECT_LOOK_H

#include "policy/detect/walk.h"

/* Bytes that grow, never shrink, and are wiped. */
struct look_buffer {
	uint8_t *bytes;
	size_t room;
};

struct detect_work {
	struct decoded text;	   /* of a file in another charset */
	struct decoded part;	   /* of a part in another encoding */
	struct detect_spans found; /* of one text, by its own offsets */
	struct walk_out out;	   /* parts of it */
	struct look_buffer rest;   /* mail without its parts */
	struct look_buffer masked; /* of a part, for policy/mask */
};

/* look_room - room for so many bytes; what was there is gone. BL_OK, BL_NO_MEMORY */
enum bl_status look_room(struct look_buffer *buffer, size_t length) BL_MUST_CHECK;

#endif
