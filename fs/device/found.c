/* How much of which class the last whole look through a device found: counts, never a value. */
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

enum bl_status device_found_write(struct device_store *store, const char *id, const char *text,
				  struct bl_error *why)
{
	struct device_entry *entry;
	BL_CLEANUP(fd_close) int fd = -1;
	PLAIN_CLEANUP struct plain plain = {.length = strlen(text)};
	STORE_LOCKED(store);
	enum bl_status status = store_find(store, id, &entry, why);

	if (plain.length > SECRET_FOUND_LIMIT)
		return bl_fail(why, BL_TOO_LARGE, "what was found has over %zu bytes",
			       SECRET_FOUND_LIMIT);
	/* What is gone is not told of any more. */
	if (status == BL_OK && device_is_gone(&entry->device))
		return bl_fail(why, BL_INVALID, "there is nothing of '%s' any more", id);
	if (status == BL_OK)
		status = store_folder(store, id, &fd, why);
	if (status != BL_OK)
		return status;
	plain.bytes = (uint8_t *)strdup(text);
	if (!plain.bytes)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	return secret_put(store->vault, id, fd, SECRET_FOUND, &plain, why);
}

enum bl_status device_found_read(struct device_store *store, const char *id, char **out_text,
				 struct bl_error *why)
{
	struct device_entry *entry;
	BL_CLEANUP(fd_close) int fd = -1;
	PLAIN_CLEANUP struct plain plain = {0};
	STORE_LOCKED(store);
	enum bl_status status = store_find(store, id, &entry, why);

	if (status == BL_OK)
		status = store_folder(store, id, &fd, why);
	if (status == BL_OK)
		status = secret_get(store->vault, id, fd, SECRET_FOUND, &plain, why);
	if (status != BL_OK)
		return status;
	if (!plain.bytes)
		return bl_fail(why, BL_NOT_FOUND, "nobody has looked '%s' through", id);
	*out_text = (char *)plain.bytes;
	plain = (struct plain){0};
	return BL_OK;
}
