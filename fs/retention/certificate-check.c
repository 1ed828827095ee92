/* Is this certificate genuine and whole? Asked anywhere, with the public key alone. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/statement.h"
#include "fs/retention/fields.h"
#include "fs/retention/private.h"

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

bool certificate_is_of(struct device_store *store, const char *id, const struct journal *journal,
		       const char *json, size_t length)
{
	const uint8_t *key = vault_public_key(device_store_vault(store));
	JSON_CLEANUP json_t *parsed = NULL;

	if (statement_verify(json, length, &FORM, key, &parsed, NULL) != BL_OK ||
	    strcmp(statement_text(parsed, "what", "device"), id) != 0 ||
	    strcmp(statement_text(parsed, NULL, "subject"), certificate_subject(journal->kind)) !=
		    0)
		return false;

	json_t *part = json_object_get(json_object_get(parsed, "what"), "part");

	return json_integer_value(part) == (json_int_t)journal->number;
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
