#include <string.h>

#include "fs/device/private.h"

static const char *const NAMES[] = {
	[STORE_POLICY_SIGNATURE] = "policy.signature",
	[STORE_POLICY_TRUST] = "policy.trust",
};

enum bl_status device_store_note_write(struct device_store *store, enum device_store_note note,
				       const char *text, struct bl_error *why)
{
	return file_put(store->fd, NAMES[note], text, strlen(text), why);
}

enum bl_status device_store_note_read(struct device_store *store, enum device_store_note note,
				      char **out_text, struct bl_error *why)
{
	size_t length;

	return file_get(store->fd, NAMES[note], out_text, &length, why);
}
