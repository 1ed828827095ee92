/* May a device go back to stock? What stands against it, and what would have to be shown. */
#include <sodium.h>
#include <string.h>

#include "fs/daemon/life.h"
#include "fs/inspect/inspect.h"

/* What is restocked must be empty, and known to be so after we had destroyed what we held of it. */
static enum bl_status check_wiped(const struct device *device, struct bl_error *why)
{
	const struct device_inspected *inspected = &device->inspected;

	if (!inspected->at_unix)
		return bl_fail(why, BL_FORBIDDEN,
			       "device '%s' was not looked through (bailee inspect BLOCK-DEVICE "
			       "--device %s)",
			       device->id, device->id);
	if (!inspected->is_empty)
		return bl_fail(why, BL_FORBIDDEN,
			       "the last wipe check of '%s' found it not empty (wipe it and "
			       "inspect it again)",
			       device->id);
	if (inspected->is_other)
		return bl_fail(why, BL_FORBIDDEN,
			       "the medium that was inspected has another serial number than '%s' "
			       "(inspect the right one, or mend the record and inspect it again)",
			       device->id);
	if (inspected->at_unix < device->end.at_unix)
		return bl_fail(why, BL_FORBIDDEN,
			       "the wipe check of '%s' is older than its destruction (inspect it "
			       "again)",
			       device->id);
	return BL_OK;
}

/* The very one that the record speaks of: that of another device, or an earlier one of this, is signed as well. */
static bool is_statement_of(const struct device *device, const char *text, size_t length)
{
	uint8_t digest[DEVICE_DIGEST];

	crypto_generichash(digest, sizeof(digest), (const uint8_t *)text, length, NULL, 0);
	return memcmp(digest, device->inspected.statement, sizeof(digest)) == 0;
}

static enum bl_status check_statements(struct device_store *store, const struct device *device,
				       struct bl_error *why)
{
	const uint8_t *key = vault_public_key(device_store_vault(store));
	BL_CLEANUP(bl_free) char *inspection = NULL;
	enum inspect_verdict verdict = INSPECT_NOT_READ;
	size_t length;
	enum bl_status status = device_certificate_read(store, device->id, "~inspect.json",
							&inspection, &length, why);

	if (status == BL_OK)
		status = inspect_verify(inspection, length, key, INSPECT_TEXT, NULL, &verdict, why);
	if (status == BL_OK &&
	    (verdict != INSPECT_EMPTY || !is_statement_of(device, inspection, length)))
		status = BL_TAMPERED;
	if (status != BL_OK)
		return bl_fail(why, BL_NOT_VERIFIED,
			       "the wipe check of '%s' is not there, or does not verify (inspect "
			       "it again)",
			       device->id);
	return device->state == STATE_SHREDDED ? retention_is_erased(store, device->id, why)
					       : BL_OK;
}

enum bl_status life_check_restock(struct device_store *store, const struct device *device,
				  struct bl_error *why)
{
	enum bl_status status = check_wiped(device, why);

	return status == BL_OK ? check_statements(store, device, why) : status;
}
