/* key.h - the key that the file `key` has, for tests that need no more of it */
#ifndef TESTS_UNIT_FS_AUDIT_KEY_H
#define TESTS_UNIT_FS_AUDIT_KEY_H

#include "fs/audit/framekey.h"

/* Of the copy that counts; statuses as framekey_read_copies. */
static inline BL_UNUSED enum bl_status key_read(int log_fd, const uint8_t log_id[LOG_ID_SIZE],
						struct framekey *out, uint64_t *out_generation,
						struct bl_error *why)
{
	struct framekey_copies copies;
	enum bl_status status = framekey_read_copies(log_fd, log_id, &copies, why);

	if (status != BL_OK)
		return status;
	*out = *framekey_newest(&copies);
	*out_generation = copies.generation;
	return BL_OK;
}

#endif
