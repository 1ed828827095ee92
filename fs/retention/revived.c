/*
 * Of a device that is gone no key stays. An older key file that was put back brings keys of destroyed devices along; a crash may come between
 * a device's release and the end of its key. The record says that it is gone, so they are destroyed, before anybody is served.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "fs/retention/private.h"

struct revived {
	const struct retention_context *context;
	size_t count;
	enum bl_status status;
	struct bl_error *why;
};

static bool has_key(struct vault *vault, const char *id)
{
	uint8_t root[VAULT_KEY];
	bool is_there = vault_image_root(vault, id, root, NULL) == BL_OK;

	sodium_memzero(root, sizeof(root));
	return is_there;
}

/* Its keys, and what was sealed under them: who it belonged to, what was written about it. */
static enum bl_status forget(struct device_store *store, const char *id, struct bl_error *why)
{
	enum vault_proof proof;
	enum bl_status status = vault_device_destroy(device_store_vault(store), id, &proof, why);

	return status == BL_OK ? device_forget_customer(store, id, why) : status;
}

enum bl_status retention_release(struct device_store *store, const char *id, int64_t at_unix,
				 struct bl_error *why)
{
	enum bl_status status = device_set_state(store, id, STATE_RELEASED, at_unix, why);

	return status == BL_OK ? forget(store, id, why) : status;
}

static enum bl_status destroy_again(const struct retention_context *context, const char *id,
				    struct bl_error *why)
{
	struct audit_event event = {
		.op = AUDIT_ADMIN,
		.verdict = AUDIT_FAILED_VERDICT,
		.uid = UINT32_MAX,
		.gid = UINT32_MAX,
		.pid = UINT32_MAX,
		.login_uid = UINT32_MAX,
	};

	memcpy(event.device, id, strlen(id) + 1);
	snprintf(event.detail, sizeof(event.detail),
		 "keys of a device that is gone were there: destroyed again");
	enum bl_status status = audit_append(context->audit, &event, NULL, why);

	return status == BL_OK ? forget(context->store, id, why) : status;
}

static bool look_at_device(void *context, const struct device *device)
{
	struct revived *revived = context;
	struct vault *vault = device_store_vault(revived->context->store);

	if (!device_is_gone(device) || !has_key(vault, device->id))
		return true;
	revived->status = destroy_again(revived->context, device->id, revived->why);
	revived->count += revived->status == BL_OK;
	return revived->status == BL_OK;
}

enum bl_status retention_revived(const struct retention_context *context, size_t *out_count,
				 struct bl_error *why)
{
	struct revived revived = {.context = context, .status = BL_OK, .why = why};

	device_each(context->store, look_at_device, &revived);
	*out_count = revived.count;
	return revived.status;
}
