/* An answer of extended attributes, one behind the other. */
#include "fs/image/reader/reader.h"

#include <errno.h>
#include <string.h>

int xattr_pack(struct xattr_pack *pack, const char *name, size_t name_length, const void *value,
	       size_t length)
{
	struct wire_xattr head = {.name_length = (uint32_t)name_length,
				  .value_length = (uint32_t)length};
	size_t left = pack->room - pack->used, whole;

	if (name_length > left || length > left)
		return EFBIG;
	whole = (sizeof(head) + name_length + length + 7) & ~(size_t)7;
	if (whole > left)
		return EFBIG;
	head.record_length = whole;
	uint8_t *at = pack->bytes + pack->used;

	memset(at, 0, whole);
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), name, name_length);
	if (length)
		memcpy(at + sizeof(head) + name_length, value, length);
	pack->used += whole;
	return 0;
}
