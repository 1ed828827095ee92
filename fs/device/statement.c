#include "fs/device/statement.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CANONICAL (JSON_SORT_KEYS | JSON_COMPACT)
#define HEX_SIZE  (2 * VAULT_SIGNATURE + 1)

static void json_done(json_t **json)
{
	json_decref(*json);
}
#define JSON_CLEANUP __attribute__((cleanup(json_done)))

enum bl_status statement_sign(const struct vault *vault, json_t *json, char **out_line,
			      struct bl_error *why)
{
	uint8_t signature[VAULT_SIGNATURE];
	char hex[HEX_SIZE], *line = NULL;
	BL_CLEANUP(bl_free) char *body = json ? json_dumps(json, CANONICAL) : NULL;

	if (!body)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	vault_sign(vault, body, strlen(body), signature);
	sodium_bin2hex(hex, sizeof(hex), signature, sizeof(signature));

	BL_CLEANUP(bl_free)
	char *text = json_object_set_new(json, "signature", json_string(hex)) == 0
			     ? json_dumps(json, CANONICAL)
			     : NULL;

	if (!text || asprintf(&line, "%s\n", text) < 0)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	*out_line = line;
	return BL_OK;
}

json_t *statement_utc(int64_t at_unix)
{
	time_t at = (time_t)at_unix;
	struct tm tm;
	char text[32];

	if (!gmtime_r(&at, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

json_t *statement_at(const json_t *json, const char *group, const char *key)
{
	return json_object_get(group ? json_object_get(json, group) : json, key);
}

const char *statement_text(const json_t *json, const char *group, const char *key)
{
	const char *text = json_string_value(statement_at(json, group, key));

	return text ? text : "";
}

json_int_t statement_number(const json_t *json, const char *group, const char *key)
{
	return json_integer_value(statement_at(json, group, key));
}

static bool is_canonical(const json_t *json, const char *bytes, size_t length)
{
	BL_CLEANUP(bl_free) char *text = json_dumps(json, CANONICAL);

	return text && strlen(text) == length && memcmp(text, bytes, length) == 0;
}

static enum bl_status parse(const char *bytes, size_t length, const struct statement_form *form,
			    json_t **out_json, struct bl_error *why)
{
	if (length > STATEMENT_LIMIT)
		return bl_fail(why, BL_INVALID, "not a %s: over %u bytes", form->name,
			       STATEMENT_LIMIT);

	JSON_CLEANUP json_t *json = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);

	if (!json || strcmp(statement_text(json, NULL, "type"), form->type) != 0)
		return bl_fail(why, BL_INVALID, "not a %s of Bailee (%s)", form->name, form->where);

	json_int_t version = json_integer_value(json_object_get(json, "version"));

	if (version < form->least || version > form->most)
		return bl_fail(why, BL_INVALID, "a %s of another version (use a newer Bailee)",
			       form->name);
	if (bytes[length - 1] != '\n' || !is_canonical(json, bytes, length - 1))
		return bl_fail(why, BL_TAMPERED,
			       "the %s is not as it was written: its form was changed", form->name);
	*out_json = BL_TAKE(json);
	return BL_OK;
}

/* Takes the signature off: what is left is as it was when it was signed. */
static bool signature_ok(json_t *json, const uint8_t public_key[VAULT_PUBLIC_KEY])
{
	uint8_t signature[VAULT_SIGNATURE];
	size_t size = 0;
	const char *hex = statement_text(json, NULL, "signature");

	/* One form only: the signature does not cover itself, and a byte of it changed must not go unseen. */
	if (strlen(hex) != 2 * sizeof(signature) ||
	    strspn(hex, "0123456789abcdef") != strlen(hex) ||
	    sodium_hex2bin(signature, sizeof(signature), hex, strlen(hex), NULL, &size, NULL) != 0)
		return false;
	json_object_del(json, "signature");

	BL_CLEANUP(bl_free) char *body = json_dumps(json, CANONICAL);

	return body && vault_signature_ok(public_key, body, strlen(body), signature);
}

enum bl_status statement_verify(const char *bytes, size_t length, const struct statement_form *form,
				const uint8_t public_key[VAULT_PUBLIC_KEY], json_t **out_json,
				struct bl_error *why)
{
	JSON_CLEANUP json_t *json = NULL;
	enum bl_status status = parse(bytes, length, form, &json, why);

	if (status != BL_OK)
		return status;
	if (!signature_ok(json, public_key))
		return bl_fail(why, BL_TAMPERED,
			       "the %s's signature does not verify (changed, or of another store's "
			       "key)",
			       form->name);
	*out_json = BL_TAKE(json);
	return BL_OK;
}
