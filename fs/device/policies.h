/* policies.h - policies that were in force, kept by what they are: so that a report can show what changed from one to the next
 *
 * STORE/policies/<BLAKE2b-256 of the file, 64 hex digits> (docs/format-store.md). Any thread.
 */
#ifndef FS_DEVICE_POLICIES_H
#define FS_DEVICE_POLICIES_H

#include "fs/device/device.h"

#define POLICIES_KEPT 4096 /* at most; beyond that the one that was kept longest ago goes */

/* policies_keep - durable on return; one that is there already is left as it is. BL_OK, BL_IO, BL_INVALID (not ours), BL_NO_MEMORY */
enum bl_status policies_keep(struct device_store *store, const char *bytes, size_t length,
			     struct bl_error *why) BL_MUST_CHECK;
/*
 * policies_read - the bytes with a NUL behind them, owned by the caller (free)
 *
 * BL_NOT_FOUND: it is not kept; BL_TAMPERED: what is there is another one; BL_INVALID (not ours), BL_TOO_LARGE, BL_IO, BL_NO_MEMORY
 */
enum bl_status policies_read(struct device_store *store, const uint8_t digest[DEVICE_DIGEST],
			     char **out_bytes, size_t *out_length,
			     struct bl_error *why) BL_MUST_CHECK;
/* policies_forget - remove those that @is_wanted says no to; nothing to remove is BL_OK. BL_IO */
typedef bool policies_wanted_fn(void *context, const uint8_t digest[DEVICE_DIGEST]);
enum bl_status policies_forget(struct device_store *store, policies_wanted_fn *is_wanted,
			       void *context, struct bl_error *why) BL_MUST_CHECK;

#endif
