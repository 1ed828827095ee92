/* Keys of sealed names, and taking a latched log up again. */
#include "fs/daemon/asked.h"

#include <sodium.h>
#include <string.h>

/* ---- keys of names -------------------------------------------------------------------------------------- */

/* The device's half of the key, or the store's where the request names none. */
static enum bl_status names_key(struct asked *asked, uint8_t out_key[VAULT_KEY],
				struct bl_error *why)
{
	struct vault *vault = device_store_vault(asked->daemon->store);
	struct device device = {.id = ""};
	bool has_device = asked_text(asked, "device") != NULL;
	enum bl_status status = has_device
					? asked_permitted_device(asked, ACTION_REVIEW, &device, why)
					: asked_permit(asked, ACTION_REVIEW, NULL, why);

	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, device.id, "log-name-key", BL_OK, why);
	if (status != BL_OK)
		return status;
	if (!has_device) {
		vault_store_key(vault, VAULT_LOG_NAMES, out_key);
		return BL_OK;
	}
	if (vault_device_key(vault, device.id, VAULT_LOG_NAMES, out_key, NULL) != BL_OK)
		return bl_fail(
			why, BL_NOT_FOUND,
			"the key of the names of device '%s' is destroyed: nobody can read them "
			"any more",
			device.id);
	return BL_OK;
}

enum bl_status request_log_name_key(struct asked *asked, struct bl_error *why)
{
	const char *text = asked_text(asked, "segment_key");
	uint8_t lk[AUDIT_KEY], ln[VAULT_KEY], log_id[AUDIT_LOG_ID], key[AUDIT_KEY];
	char hex[2 * AUDIT_KEY + 1];
	struct audit_state state;
	size_t got = 0;

	if (!text || strlen(text) != 2 * AUDIT_KEY ||
	    sodium_hex2bin(lk, sizeof(lk), text, strlen(text), NULL, &got, NULL) != 0 ||
	    got != sizeof(lk))
		return bl_fail(why, BL_INVALID, "a segment's key is 64 hex digits");
	enum bl_status status = names_key(asked, ln, why);

	if (status != BL_OK)
		return status;
	audit_state(asked->daemon->audit, &state);
	sodium_hex2bin(log_id, sizeof(log_id), state.log_id, 2 * sizeof(log_id), NULL, NULL, NULL);
	audit_name_key(ln, log_id, lk, key);
	sodium_bin2hex(hex, sizeof(hex), key, sizeof(key));
	answer_text(asked->answer, "key", hex);
	sodium_memzero(ln, sizeof(ln));
	sodium_memzero(lk, sizeof(lk));
	sodium_memzero(key, sizeof(key));
	sodium_memzero(hex, sizeof(hex));
	return BL_OK;
}

/* ---- unlatching ----------------------------------------------------------------------------------------- */

/*
 * While the log is latched a refusal cannot be an event, for there is no log to take it: then it is counted with the others, and
 * whoever asks is told the rule all the same.
 */
static enum bl_status permit_unlatch(struct asked *asked, struct bl_error *why)
{
	const char *reason = asked_text(asked, "reason");
	const struct may_question question = {.action = ACTION_ADMINISTER,
					      .purpose = asked_text(asked, "purpose"),
					      .has_reason = reason && *reason};

	if (audit_is_writable(asked->daemon->audit))
		return asked_permit(asked, ACTION_ADMINISTER, NULL, why);
	enum bl_status status = may(asked->daemon, asked->peer, &question, asked->rule, why);

	if (status != BL_OK)
		(void)!asked_log(asked, AUDIT_ADMIN, NULL, "log-unlatch", status, NULL);
	return status;
}

enum bl_status request_log_unlatch(struct asked *asked, struct bl_error *why)
{
	struct audit_event event = event_by(asked->daemon, asked->peer, AUDIT_UNLATCHED);
	enum bl_status status = permit_unlatch(asked, why);

	if (status != BL_OK)
		return status;
	memcpy(event.rule, asked->rule, sizeof(event.rule));
	status = log_unlatch(asked->daemon, &event, why);
	if (status == BL_OK)
		return asked_log(asked, AUDIT_ADMIN, NULL, "log-unlatch", BL_OK, why);
	if (audit_is_writable(asked->daemon->audit))
		(void)!asked_log(asked, AUDIT_ADMIN, NULL, "log-unlatch", status, NULL);
	return status;
}
