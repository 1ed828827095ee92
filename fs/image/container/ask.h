/* ask.h - what the parent and a bailee-container-* in place say to each other (docs/containers.md, "In place")
 *
 * One SOCK_SEQPACKET socket, the program's descriptors 0 and 1; native byte order, both ends of one build. First the program tells the
 * size of what it opened; then, for each question, one answer. The program is hostile: the parent believes nothing here without checking.
 */
#ifndef FS_IMAGE_CONTAINER_ASK_H
#define FS_IMAGE_CONTAINER_ASK_H

#include <stdint.h>

#define ASK_MAGIC    0x314b4342u /* "BCK1" */
#define ASK_ARGUMENT "ask"	 /* in place of START */
#define ASK_SECTOR   512u
#define ASK_GRANULE  65536u
#define ASK_BAD	     (ASK_GRANULE / ASK_SECTOR / 8) /* bytes of a bit for each sector */

struct ask_question {
	uint32_t magic, serial;
	uint64_t offset; /* of the plain bytes; a multiple of ASK_GRANULE, below their number */
};

/* Followed by @length bytes. The first one of all, with serial 0, has the number of plain bytes in @offset, and no bytes. */
struct ask_answer {
	uint32_t magic, serial;
	uint64_t offset;
	uint32_t length;	 /* of the granule; 0: every byte of it is zero */
	uint32_t reserved;	 /* 0 */
	uint8_t is_bad[ASK_BAD]; /* bit i % 8 of byte i / 8: sector i cannot be read */
};

#endif
