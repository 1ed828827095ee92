/* Is this certificate genuine and whole? Asked anywhere, with the public key alone. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fs/retention/fields.h"
#include "fs/retention/private.h"

static const char *text_at(json_t *json, const char *group, const char *key)
{
	const char *text = json_string_value(
		json_object_get(group ? json_object_get(json, group) : json, key));

	return text ? text : "";
}

static bool is_canonical(json_t *json, const char *bytes, size_t length)
{
	BL_CLEANUP(bl_free) char *text = json_dumps(json, CERTIFICATE_FORM);

	return text && strlen(text) == length && memcmp(text, bytes, length) == 0;
}

static enum bl_status parse(const char *bytes, size_t length, json_t **out_json,
			    struct bl_error *why)
{
	if (length > CERTIFICATE_LIMIT)
		return bl_fail(why, BL_INVALID, "not a certificate: over %u bytes",
			       CERTIFICATE_LIMIT);

	JSON_CLEANUP json_t *json = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);

	if (!json || strcmp(text_at(json, NULL, "type"), CERTIFICATE_TYPE) != 0)
		return bl_fail(why, BL_INVALID,
			       "not a certificate of Bailee (give the ID.json of a store's "
			       "'certificates')");

	json_int_t version = json_integer_value(json_object_get(json, "version"));

	if (version < 1 || version > CERTIFICATE_VERSION)
		return bl_fail(why, BL_INVALID,
			       "a certificate of another version (use a newer Bailee)");
	if (length < 1 || bytes[length - 1] != '\n' || !is_canonical(json, bytes, length - 1))
		return bl_fail(why, BL_TAMPERED,
			       "the certificate is not as it was written: its form was changed");
	*out_json = BL_TAKE(json);
	return BL_OK;
}

static bool signature_ok(json_t *json, const uint8_t public_key[VAULT_PUBLIC_KEY])
{
	uint8_t signature[VAULT_SIGNATURE];
	size_t size;
	const char *hex = text_at(json, NULL, "signature");

	/* One form only: the signature does not cover itself, and a byte of it changed must not go unseen. */
	if (strlen(hex) != 2 * sizeof(signature) ||
	    strspn(hex, "0123456789abcdef") != strlen(hex) ||
	    sodium_hex2bin(signature, sizeof(signature), hex, strlen(hex), NULL, &size, NULL) != 0)
		return false;
	/* As it was when it was signed. What is kept below is only ever shown when it verifies. */
	json_object_del(json, "signature");

	BL_CLEANUP(bl_free) char *body = json_dumps(json, CERTIFICATE_FORM);

	return body && vault_signature_ok(public_key, body, strlen(body), signature);
}

enum bl_status retention_certificate_verify(const char *json, size_t length,
					    const uint8_t public_key[VAULT_PUBLIC_KEY],
					    enum retention_page page, char **out_page,
					    struct bl_error *why)
{
	JSON_CLEANUP json_t *parsed = NULL;
	enum bl_status status = parse(json, length, &parsed, why);

	if (status != BL_OK)
		return status;
	if (!signature_ok(parsed, public_key))
		return bl_fail(why, BL_TAMPERED,
			       "the certificate's signature does not verify (changed, or of "
			       "another store's key)");
	return out_page ? page_make(parsed, page, out_page, why) : BL_OK;
}

bool certificate_is_of(struct device_store *store, const char *id, const struct journal *journal,
		       const char *json, size_t length)
{
	const uint8_t *key = vault_public_key(device_store_vault(store));
	JSON_CLEANUP json_t *parsed = NULL;

	if (parse(json, length, &parsed, NULL) != BL_OK ||
	    strcmp(text_at(parsed, "what", "device"), id) != 0 ||
	    strcmp(text_at(parsed, NULL, "subject"), certificate_subject(journal->kind)) != 0)
		return false;

	json_t *part = json_object_get(json_object_get(parsed, "what"), "part");

	return json_integer_value(part) == (json_int_t)journal->number && signature_ok(parsed, key);
}
