/* Is this certificate genuine and whole? Asked anywhere, with the public key alone. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/statement.h"
#include "fs/retention/fields.h"
#include "fs/retention/look.h"

static const struct statement_form FORM = {
	.type = CERTIFICATE_TYPE,
	.least = 1,
	.most = CERTIFICATE_VERSION,
	.name = "certificate",
	.where = "give the ID.json of a store's 'certificates'",
};

enum bl_status retention_certificate_verify(const char *json, size_t length,
					    const uint8_t public_key[VAULT_PUBLIC_KEY],
					    enum retention_page page, char **out_page,
					    struct bl_error *why)
{
	JSON_CLEANUP json_t *parsed = NULL;
	enum bl_status status = statement_verify(json, length, &FORM, public_key, &parsed, why);

	if (status != BL_OK)
		return status;
	return out_page ? page_make(parsed, page, out_page, why) : BL_OK;
}

/* Does what verified speak of that device, that kind of destruction and that part? */
static bool speaks_of(const json_t *parsed, const char *id, enum shred_kind kind, uint32_t number)
{
	const json_t *part = statement_at(parsed, "what", "part");

	return strcmp(statement_text(parsed, "what", "device"), id) == 0 &&
	       strcmp(statement_text(parsed, NULL, "subject"), certificate_subject(kind)) == 0 &&
	       json_integer_value(part) == (json_int_t)number;
}

bool certificate_is_of(struct device_store *store, const char *id, const struct journal *journal,
		       const char *json, size_t length)
{
	const uint8_t *key = vault_public_key(device_store_vault(store));
	JSON_CLEANUP json_t *parsed = NULL;

	return statement_verify(json, length, &FORM, key, &parsed, NULL) == BL_OK &&
	       speaks_of(parsed, id, journal->kind, journal->number);
}

static bool is_of_store(const json_t *parsed, struct device_store *store)
{
	char hex[HEX_SIZE(16)];

	sodium_bin2hex(hex, sizeof(hex), device_store_id(store), 16);
	return strcmp(statement_text(parsed, NULL, "store"), hex) == 0;
}

enum bl_status certificate_of_end(struct device_store *store, const struct device *device,
				  json_t **out_json, uint8_t out_digest[DIGEST],
				  struct bl_error *why)
{
	enum shred_kind kind = device->source_kind == SOURCE_SEALED ? SHRED_SEALED : SHRED_PLAIN;
	const uint8_t *key = vault_public_key(device_store_vault(store));
	JSON_CLEANUP json_t *parsed = NULL;
	BL_CLEANUP(bl_free) char *json = NULL;
	size_t length;
	enum bl_status status =
		device_certificate_read(store, device->id, ".json", &json, &length, why);

	if (status == BL_NOT_FOUND || status == BL_IO || status == BL_NO_MEMORY)
		return status;
	if (status == BL_OK)
		status = statement_verify(json, length, &FORM, key, &parsed, why);
	if (status != BL_OK)
		return status == BL_NO_MEMORY ? status : BL_NOT_VERIFIED;
	if (!is_of_store(parsed, store) || !speaks_of(parsed, device->id, kind, 0))
		return bl_fail(why, BL_NOT_VERIFIED, "the certificate of '%s' is of something else",
			       device->id);
	crypto_generichash(out_digest, DIGEST, (const uint8_t *)json, length, NULL, 0);
	*out_json = BL_TAKE(parsed);
	return BL_OK;
}

enum bl_status certificate_of_source(struct device_store *store, const char *id)
{
	const struct journal journal = {.kind = SHRED_SOURCE};
	BL_CLEANUP(bl_free) char *json = NULL;
	size_t length;

	if (device_certificate_read(store, id, "~source.json", &json, &length, NULL) != BL_OK ||
	    !certificate_is_of(store, id, &journal, json, length))
		return BL_NOT_FOUND;
	/* Canonical, and ours: within a text the quotes would be escaped. */
	return strstr(json, "\"status\":\"NOT_ERASED\"") ? BL_NOT_VERIFIED : BL_OK;
}

enum bl_status retention_is_erased(struct device_store *store, const char *id, struct bl_error *why)
{
	JSON_CLEANUP json_t *parsed = NULL;
	struct device device;
	uint8_t digest[DIGEST] = {0};
	enum bl_status status = device_find(store, id, &device, why);

	if (status == BL_OK)
		status = certificate_of_end(store, &device, &parsed, digest, NULL);
	/* An earlier version did not write down which one it was. */
	if (status == BL_OK && device.end.at_unix &&
	    memcmp(digest, device.end.certificate, DIGEST) != 0)
		status = BL_NOT_VERIFIED;
	if (status != BL_OK)
		return bl_fail(why, BL_NOT_VERIFIED,
			       "there is no certificate of '%s' that verifies (bailee "
			       "certificate show %s)",
			       id, id);
	if (strcmp(statement_text(parsed, NULL, "status"), "NOT_ERASED") == 0)
		return bl_fail(why, BL_NOT_VERIFIED,
			       "what we held of '%s' was not erased, its certificate says", id);
	return BL_OK;
}
