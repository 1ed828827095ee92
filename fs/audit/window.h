/* window.h - private to fs/audit: a moving view of one segment's file */
#ifndef FS_AUDIT_WINDOW_H
#define FS_AUDIT_WINDOW_H

#include "policy/base.h"

#define WINDOW_BUFFER (1u << 20)

struct window {
	int fd;
	uint8_t *buffer; /* WINDOW_BUFFER bytes; borrowed */
	uint64_t size;	 /* of the file, by its header */
	uint64_t at;	 /* file offset of buffer[0] */
	size_t have;
};

/* At least @length bytes at @offset, or what is left of the file; NULL when reading fails. */
const uint8_t *window_get(struct window *window, uint64_t offset, size_t length,
			  size_t *out_length);
/* window_forget - what is asked for next is read again: somebody may be writing there */
void window_forget(struct window *window);
/* Where the last byte that is not zero ends, from @from on; @from when there is none. False when reading fails. */
bool window_end(struct window *window, uint64_t from, uint64_t *out_end);

#endif
