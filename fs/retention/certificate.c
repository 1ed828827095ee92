#include <ctype.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/retention/private.h"

#define CERTIFICATE_LIMIT   (256u << 10)
#define CERTIFICATE_TYPE    "bailee-certificate"
#define CERTIFICATE_VERSION 1
#define CANONICAL	    (JSON_SORT_KEYS | JSON_COMPACT)

static const char *const EXCEPTIONS[EXCEPTION_COUNT] = {
	"raw device not readable: read back through the filesystem",
	"the keys' read-back did not go below the page cache",
	"the image was removed or replaced by somebody else before its erasure was proven",
	"the image was removed by somebody else; its place on the raw device holds the pattern",
	"another name of the image file appeared meanwhile; what it names is empty",
	"the image was moved on its disk meanwhile; old bytes may lie where it was",
};

static const char *const SCOPE[] = {
	"the device itself: only its image was destroyed",
	"copies, backups and snapshots of the image made elsewhere",
	"what the medium keeps out of reach of its interface (wear levelling, remapped sectors)",
	"what lies below the block device (the backing file of a virtual or loop disk)",
};

static const char *const VERIFICATIONS[VERIFICATION_COUNT] = {
	[VERIFIED_NONE] = "none",
	[VERIFIED_RAW] = "raw device",
	[VERIFIED_FILE] = "filesystem",
};

static void json_done(json_t **json)
{
	json_decref(*json);
}
#define JSON_CLEANUP __attribute__((cleanup(json_done)))

const char *certificate_status(const struct journal *journal)
{
	if (journal->verification == VERIFIED_NONE || journal->exceptions & EXCEPTION_VANISHED)
		return "NOT_ERASED";
	return journal->exceptions || journal->verification != VERIFIED_RAW
		       ? "ERASED_WITH_EXCEPTIONS"
		       : "ERASED";
}

/* ---- making ---------------------------------------------------------------------------------- */

static const char *utc(int64_t at_unix, char out[32])
{
	time_t at = (time_t)at_unix;
	struct tm tm;

	if (!gmtime_r(&at, &tm) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, 32, "%lld", (long long)at_unix);
	return out;
}

static json_t *strings(const char *const *items, size_t count, unsigned chosen)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < count; i++)
		if (chosen & 1u << i && json_array_append_new(array, json_string(items[i])) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *who_of(const struct journal *journal)
{
	char operator[32] = "keeper";

	if (journal->by != UINT32_MAX)
		snprintf(operator, sizeof(operator), "uid:%u", (unsigned)journal->by);
	return json_pack("{s:s,s:s,s:s}", "operator", operator, "verifier", "the same daemon",
			 "program", "bailee " BAILEE_VERSION);
}

static json_t *what_of(const struct device *device, const struct journal *journal)
{
	char digest[HEX_SIZE(DIGEST)];

	sodium_bin2hex(digest, sizeof(digest), journal->digest, DIGEST);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:{s:s,s:s}}", "device", device->id, "kind",
			 bl_device_kind_name(device->kind), "maker", device->maker, "model",
			 device->model, "serial", device->serial, "media", "plain image file",
			 "size_bytes", (json_int_t)journal->size, "digest", "algorithm",
			 "BLAKE2b-256", "value", digest);
}

static json_t *why_of(const struct device *device, const struct journal *journal)
{
	char digest[HEX_SIZE(DIGEST)], received[32], due[32];

	sodium_bin2hex(digest, sizeof(digest), journal->policy_digest, DIGEST);
	return json_pack("{s:s,s:s,s:I,s:s,s:s}", "entry", journal->entry, "policy_digest", digest,
			 "policy_serial", (json_int_t)journal->policy_serial, "received",
			 utc(device->received_unix, received), "due", utc(journal->due_unix, due));
}

static json_t *when_of(const struct journal *journal, int64_t done_unix)
{
	char begun[32], done[32];

	return json_pack("{s:s,s:s,s:s}", "begun", utc(journal->begun_unix, begun), "done",
			 utc(done_unix, done), "clock", "wall clock of the host, not corroborated");
}

static json_t *how_of(const struct journal *journal)
{
	bool is_proven = strcmp(certificate_status(journal), "NOT_ERASED") != 0;
	bool was_removed = journal->exceptions & (EXCEPTION_VANISHED | EXCEPTION_VANISHED_VERIFIED);
	/* What somebody else took away nobody here punched or unlinked. */
	json_t *then =
		was_removed ? json_array() : json_pack("[s,s,s]", "punch", "truncate", "unlink");

	return json_pack("{s:s,s:s,s:i,s:s,s:o,s:s}", "category", is_proven ? "clear" : "none",
			 "technique", is_proven ? "overwrite" : "none", "passes", is_proven ? 1 : 0,
			 "pattern", "random (XChaCha20 stream of a key used once)", "then", then,
			 "keys", "overwritten in place (256-bit)");
}

static json_t *verification_of(const struct journal *journal)
{
	uint64_t share = journal->verified_bytes >= journal->size ? 100 : 0;

	return json_pack("{s:s,s:I,s:I,s:s}", "type", VERIFICATIONS[journal->verification], "bytes",
			 (json_int_t)journal->verified_bytes, "share_percent", (json_int_t)share,
			 "keys", journal->are_keys_raw ? "raw" : "cached");
}

static json_t *body_of(struct device_store *store, const struct device *device,
		       const struct journal *journal, int64_t done_unix)
{
	char id[HEX_SIZE(16)], key[HEX_SIZE(VAULT_PUBLIC_KEY)];

	sodium_bin2hex(id, sizeof(id), device_store_id(store), 16);
	sodium_bin2hex(key, sizeof(key), vault_public_key(device_store_vault(store)),
		       VAULT_PUBLIC_KEY);
	return json_pack(
		"{s:s,s:i,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:{s:s,s:s,s:I},s:o,s:o,s:{s:I}}",
		"type", CERTIFICATE_TYPE, "version", CERTIFICATE_VERSION, "status",
		certificate_status(journal), "store", id, "public_key", key, "who", who_of(journal),
		"what", what_of(device, journal), "why", why_of(device, journal), "when",
		when_of(journal, done_unix), "how", how_of(journal), "verification",
		verification_of(journal), "storage", "filesystem", journal->filesystem,
		"block_device", *journal->disk ? journal->disk : "unknown", "extents",
		(json_int_t)journal->layout.count, "exceptions",
		strings(EXCEPTIONS, EXCEPTION_COUNT, journal->exceptions), "scope",
		strings(SCOPE, BL_COUNT(SCOPE), UINT32_MAX), "log", "intent_sequence",
		(json_int_t)journal->intent_sequence);
}

enum bl_status certificate_make(struct device_store *store, const struct device *device,
				const struct journal *journal, int64_t done_unix, char **out_json,
				struct bl_error *why)
{
	uint8_t signature[VAULT_SIGNATURE];
	char hex[HEX_SIZE(VAULT_SIGNATURE)];
	JSON_CLEANUP json_t *json = body_of(store, device, journal, done_unix);
	BL_CLEANUP(bl_free) char *body = json ? json_dumps(json, CANONICAL) : NULL;

	if (!body)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	vault_sign(device_store_vault(store), body, strlen(body), signature);
	sodium_bin2hex(hex, sizeof(hex), signature, sizeof(signature));
	if (json_object_set_new(json, "signature", json_string(hex)) != 0)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	BL_CLEANUP(bl_free) char *text = json_dumps(json, CANONICAL);
	char *line = NULL;

	if (!text || asprintf(&line, "%s\n", text) < 0)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	*out_json = line;
	return BL_OK;
}

/* ---- checking ---------------------------------------------------------------------------------- */

static const char *text_at(json_t *json, const char *group, const char *key)
{
	const char *text = json_string_value(
		json_object_get(group ? json_object_get(json, group) : json, key));

	return text ? text : "";
}

static bool is_canonical(json_t *json, const char *bytes, size_t length)
{
	BL_CLEANUP(bl_free) char *text = json_dumps(json, CANONICAL);

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
	if (json_integer_value(json_object_get(json, "version")) != CERTIFICATE_VERSION)
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

	BL_CLEANUP(bl_free) char *body = json_dumps(json, CANONICAL);

	return body && vault_signature_ok(public_key, body, strlen(body), signature);
}

static const struct {
	const char *label, *group, *key;
} PAGE[] = {
	{"Status", NULL, "status"},
	{"Device", "what", "device"},
	{"Kind", "what", "kind"},
	{"Maker", "what", "maker"},
	{"Model", "what", "model"},
	{"Serial number", "what", "serial"},
	{"Medium", "what", "media"},
	{"Bytes", "what", "size_bytes"},
	{"BLAKE2b-256 before", "what", "digest"},
	{"Received", "why", "received"},
	{"Due", "why", "due"},
	{"Retention entry", "why", "entry"},
	{"Policy (BLAKE2b-256)", "why", "policy_digest"},
	{"Asked by", "who", "operator"},
	{"Verified by", "who", "verifier"},
	{"Program", "who", "program"},
	{"Begun", "when", "begun"},
	{"Done", "when", "done"},
	{"Clock", "when", "clock"},
	{"Category", "how", "category"},
	{"Technique", "how", "technique"},
	{"Passes", "how", "passes"},
	{"Pattern", "how", "pattern"},
	{"Keys", "how", "keys"},
	{"Read back from", "verification", "type"},
	{"Bytes read back", "verification", "bytes"},
	{"Share in percent", "verification", "share_percent"},
	{"Filesystem", "storage", "filesystem"},
	{"Block device", "storage", "block_device"},
	{"Begun by log event", "log", "intent_sequence"},
	{"Exceptions", NULL, "exceptions"},
	{"Not covered", NULL, "scope"},
	{"Store", NULL, "store"},
	{"Signed by key", NULL, "public_key"},
};

/* A genuine certificate holds only texts of ours; what a stranger's key signed must not reach a terminal raw. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc(iscntrl((unsigned char)*text) ? '?' : *text, out);
	fputc('\n', out);
}

static void put_value(FILE *out, const char *label, json_t *value)
{
	fprintf(out, "%-21s ", label);
	if (json_is_object(value))
		value = json_object_get(value, "value");
	if (json_is_integer(value))
		fprintf(out, "%lld\n", (long long)json_integer_value(value));
	else if (json_is_string(value))
		put_text(out, *json_string_value(value) ? json_string_value(value) : "not stated");
	else if (json_array_size(value) == 0)
		fputs("none\n", out);
	for (size_t i = 0; i < json_array_size(value); i++) {
		const char *text = json_string_value(json_array_get(value, i));

		if (i)
			fprintf(out, "%-21s ", "");
		put_text(out, text ? text : "");
	}
}

static enum bl_status page_of(json_t *json, char **out_text, struct bl_error *why)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	fputs("CERTIFICATE OF DESTRUCTION\n\n", out);
	for (size_t i = 0; i < BL_COUNT(PAGE); i++)
		put_value(
			out, PAGE[i].label,
			json_object_get(PAGE[i].group ? json_object_get(json, PAGE[i].group) : json,
					PAGE[i].key));
	fputs("\nThe signed original is the JSON file of the same name: 'bailee certificate "
	      "verify' checks it.\n",
	      out);
	if (fclose(out) != 0) {
		free(text);
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	}
	*out_text = text;
	return BL_OK;
}

enum bl_status retention_certificate_verify(const char *json, size_t length,
					    const uint8_t public_key[VAULT_PUBLIC_KEY],
					    char **out_text, struct bl_error *why)
{
	JSON_CLEANUP json_t *parsed = NULL;
	enum bl_status status = parse(json, length, &parsed, why);

	if (status != BL_OK)
		return status;
	if (!signature_ok(parsed, public_key))
		return bl_fail(why, BL_TAMPERED,
			       "the certificate's signature does not verify (changed, or of "
			       "another store's key)");
	return out_text ? page_of(parsed, out_text, why) : BL_OK;
}

bool certificate_is_of(struct device_store *store, const char *id, const char *json, size_t length)
{
	const uint8_t *key = vault_public_key(device_store_vault(store));
	JSON_CLEANUP json_t *parsed = NULL;

	return parse(json, length, &parsed, NULL) == BL_OK &&
	       strcmp(text_at(parsed, "what", "device"), id) == 0 && signature_ok(parsed, key);
}
