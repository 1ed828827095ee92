/* Which retention entries with paths were carried out on a device. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

struct device_part *parts_find(struct device_parts *parts, const char *entry,
			       const uint8_t paths[DEVICE_DIGEST])
{
	for (size_t i = 0; i < parts->count; i++)
		if (strcmp(parts->items[i].entry, entry) == 0 &&
		    memcmp(parts->items[i].paths, paths, DEVICE_DIGEST) == 0)
			return &parts->items[i];
	return NULL;
}

static void parts_free(struct device_parts *parts)
{
	sodium_memzero(parts, sizeof(*parts));
	free(parts);
}
BL_DEFINE_CLEANUP(struct device_parts, parts_free)

static enum bl_status load(struct device_store *store, struct device_entry *entry,
			   struct device_parts **out_parts, struct bl_error *why)
{
	BL_CLEANUP(parts_free) struct device_parts *parts = calloc(1, sizeof(*parts));

	if (!parts)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	struct kept *kept = &entry->parts;
	enum bl_status status = kept_load(store, entry, SECRET_PARTS, kept, why);

	if (status != BL_OK)
		return status;
	if (kept->plain.bytes &&
	    parts_decode(kept->plain.bytes, kept->plain.length, parts) != BL_OK) {
		kept_done(kept);
		return bl_fail(why, BL_TAMPERED,
			       "the parts of '%s' in the store are not of this version of Bailee",
			       entry->device.id);
	}
	*out_parts = BL_TAKE(parts);
	return BL_OK;
}

bool device_parts_carried(struct device_store *store, const char *id, const char *entry,
			  const uint8_t paths[DEVICE_DIGEST])
{
	BL_CLEANUP(parts_free) struct device_parts *parts = NULL;
	struct device_entry *device;
	STORE_LOCKED(store);

	return store_find(store, id, &device, NULL) == BL_OK &&
	       load(store, device, &parts, NULL) == BL_OK && parts_find(parts, entry, paths);
}

static void forget(struct device_parts *parts, size_t at)
{
	parts->count--;
	memmove(parts->items + at, parts->items + at + 1,
		(parts->count - at) * sizeof(parts->items[0]));
}

/* The last that was carried out is the last in the list. */
static void carry(struct device_parts *parts, const struct device_part *fresh)
{
	const struct device_part *old = parts_find(parts, fresh->entry, fresh->paths);
	int64_t at_unix = old ? BL_MAX(old->at_unix, fresh->at_unix) : fresh->at_unix;

	if (old)
		forget(parts, (size_t)(old - parts->items));
	else if (parts->count == MATTERS_PARTS)
		forget(parts, 0);
	parts->items[parts->count] = *fresh;
	parts->items[parts->count++].at_unix = at_unix;
}

static enum bl_status part_make(const char *entry, const uint8_t paths[DEVICE_DIGEST],
				int64_t at_unix, struct device_part *out_part, struct bl_error *why)
{
	if (!parts_entry_ok(entry))
		return bl_fail(why, BL_INVALID, "not the id of a retention entry");
	if (at_unix <= 0 || !facts_date_ok(at_unix))
		return bl_fail(why, BL_INVALID, "a date lies outside the years 1970 to 9999");
	*out_part = (struct device_part){.at_unix = at_unix};
	memcpy(out_part->entry, entry, strlen(entry) + 1);
	memcpy(out_part->paths, paths, DEVICE_DIGEST);
	return BL_OK;
}

enum bl_status device_part_carry(struct device_store *store, const char *id, const char *entry,
				 const uint8_t paths[DEVICE_DIGEST], int64_t at_unix,
				 struct bl_error *why)
{
	BL_CLEANUP(parts_free) struct device_parts *parts = NULL;
	PLAIN_CLEANUP struct plain plain = {0};
	struct device_entry *device;
	struct device_part part;
	enum bl_status status = part_make(entry, paths, at_unix, &part, why);

	if (status != BL_OK)
		return status;
	STORE_LOCKED(store);
	status = notes_begin(store, id, &device, why);
	if (status == BL_OK)
		status = load(store, device, &parts, why);
	if (status != BL_OK)
		return status;
	carry(parts, &part);
	status = parts_encode(parts, &plain);
	if (status != BL_OK)
		return bl_fail(why, status, "out of memory");
	return kept_save(store, device, SECRET_PARTS, &device->parts, &plain, why);
}
