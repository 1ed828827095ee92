/* The signed receipt: docs/format-receipt.md. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/statement.h"
#include "fs/intake/private.h"

#define RECEIPT_TYPE	"bailee-intake-receipt"
#define RECEIPT_VERSION 1
#define RANGES_TOLD	1000u
#define DIGEST_OF	"the bytes as stored: what was unreadable or left out counts as zeros"

static void json_done(json_t **json)
{
	json_decref(*json);
}
#define JSON_CLEANUP __attribute__((cleanup(json_done)))

/* ---- making ---------------------------------------------------------------------------------------- */

static json_t *device_of(const struct device *device)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s}", "id", device->id, "kind",
			 bl_device_kind_name(device->kind), "maker", device->maker, "model",
			 device->model, "serial", device->serial);
}

static json_t *source_of(const struct receipt *receipt)
{
	char digest[HEX_SIZE(DIGEST)];

	sodium_bin2hex(digest, sizeof(digest), receipt->facts->digest, DIGEST);
	return json_pack("{s:s,s:s,s:I,s:{s:s,s:s,s:s}}", "form", job_form_name(receipt->job->form),
			 "container", receipt->job->container, "bytes",
			 (json_int_t)receipt->facts->image_bytes, "digest", "algorithm",
			 DIGEST_NAME, "of", DIGEST_OF, "value", digest);
}

static json_t *sealed_of(const struct sealed_facts *facts)
{
	char vault[HEX_SIZE(SEALED_ID)];

	sodium_bin2hex(vault, sizeof(vault), facts->vault_id, SEALED_ID);
	return json_pack("{s:s,s:s,s:i,s:i,s:I}", "vault", vault, "algorithm",
			 sealed_algorithm_name(facts->algorithm), "key_bits", 8 * VAULT_KEY,
			 "chunk_bytes", (int)SEALED_CHUNK, "stored_bytes",
			 (json_int_t)facts->stored_bytes);
}

static uint64_t bytes_of(const struct receipt *receipt, enum sealed_gap_kind kind)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < receipt->gap_count; i++)
		if (receipt->gaps[i].kind == kind)
			bytes += receipt->gaps[i].length;
	return bytes;
}

static json_t *unreadable_of(const struct receipt *receipt)
{
	json_t *ranges = json_array();
	json_int_t more = 0;

	for (size_t i = 0; ranges && i < receipt->gap_count; i++) {
		const struct sealed_gap *gap = &receipt->gaps[i];

		if (gap->kind != SEALED_UNREADABLE)
			continue;
		if (json_array_size(ranges) == RANGES_TOLD) {
			more++;
		} else if (json_array_append_new(ranges, json_pack("[I,I]", (json_int_t)gap->offset,
								   (json_int_t)gap->length)) != 0) {
			json_decref(ranges);
			return NULL;
		}
	}
	return json_pack("{s:I,s:o,s:I}", "bytes", (json_int_t)bytes_of(receipt, SEALED_UNREADABLE),
			 "ranges", ranges, "more", more);
}

static json_t *left_out_of(const struct receipt *receipt)
{
	const struct job *job = receipt->job;
	const struct image_choice_report *report = &job->left_out;
	char hex[HEX_SIZE(DIGEST)] = "";
	uint8_t digest[DIGEST];

	if (job->choice) {
		crypto_generichash(digest, DIGEST, (const uint8_t *)job->choice,
				   strlen(job->choice), NULL, 0);
		sodium_bin2hex(hex, sizeof(hex), digest, DIGEST);
	}
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:b,s:s,s:I,s:I}", "bytes",
			 (json_int_t)bytes_of(receipt, SEALED_LEFT_OUT), "free_bytes",
			 (json_int_t)report->free_bytes, "files",
			 (json_int_t)report->files_left_out, "without", (json_int_t)job->without,
			 "only", (json_int_t)job->only, "no_free_space", (int)job->no_free_space,
			 "patterns", hex, "volumes_left_out", (json_int_t)report->volumes_left_out,
			 "volumes_kept_whole", (json_int_t)report->volumes_kept_whole);
}

static json_t *when_of(const struct receipt *receipt)
{
	return json_pack("{s:o,s:o,s:I,s:s}", "begun", statement_utc(receipt->job->begun_unix),
			 "done", statement_utc(receipt->done_unix), "resumed",
			 (json_int_t)receipt->job->resumed, "clock",
			 "wall clock of the host, not corroborated");
}

static json_t *who_of(const struct receipt *receipt)
{
	char operator[32];

	snprintf(operator, sizeof(operator), "uid:%u", (unsigned)receipt->by);
	return json_pack("{s:s,s:s}", "operator", operator, "program", "bailee " BAILEE_VERSION);
}

static json_t *body_of(struct device_store *store, const struct receipt *receipt)
{
	char id[HEX_SIZE(16)], key[HEX_SIZE(VAULT_PUBLIC_KEY)];

	sodium_bin2hex(id, sizeof(id), device_store_id(store), 16);
	sodium_bin2hex(key, sizeof(key), vault_public_key(device_store_vault(store)),
		       VAULT_PUBLIC_KEY);
	return json_pack("{s:s,s:i,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:{s:I}}", "type",
			 RECEIPT_TYPE, "version", RECEIPT_VERSION, "store", id, "public_key", key,
			 "device", device_of(receipt->device), "source", source_of(receipt),
			 "sealed", sealed_of(receipt->facts), "unreadable", unreadable_of(receipt),
			 "left_out", left_out_of(receipt), "verified", (int)receipt->is_verified,
			 "when", when_of(receipt), "who", who_of(receipt), "log",
			 "enrolled_sequence", (json_int_t)receipt->enrolled_sequence);
}

enum bl_status receipt_make(struct device_store *store, const struct receipt *receipt,
			    char **out_json, struct bl_error *why)
{
	JSON_CLEANUP json_t *json = body_of(store, receipt);

	return statement_sign(device_store_vault(store), json, out_json, why);
}

/* ---- checking ----------------------------------------------------------------------------------------- */

static const struct statement_form FORM = {
	.type = RECEIPT_TYPE,
	.least = RECEIPT_VERSION,
	.most = RECEIPT_VERSION,
	.name = "receipt of an intake",
	.where = "give the ID~intake.json of a store's 'certificates'",
};

bool receipt_is_of(struct device_store *store, const char *id, const struct sealed_facts *facts,
		   const char *json, size_t length, bool *out_verified)
{
	const uint8_t *key = vault_public_key(device_store_vault(store));
	JSON_CLEANUP json_t *parsed = NULL;
	char vault[HEX_SIZE(SEALED_ID)], digest[HEX_SIZE(DIGEST)];

	sodium_bin2hex(vault, sizeof(vault), facts->vault_id, SEALED_ID);
	sodium_bin2hex(digest, sizeof(digest), facts->digest, DIGEST);
	if (statement_verify(json, length, &FORM, key, &parsed, NULL) != BL_OK ||
	    strcmp(statement_text(parsed, "device", "id"), id) != 0 ||
	    strcmp(statement_text(parsed, "sealed", "vault"), vault) != 0 ||
	    strcmp(statement_text(statement_at(parsed, NULL, "source"), "digest", "value"),
		   digest) != 0)
		return false;
	*out_verified = json_is_true(statement_at(parsed, NULL, "verified"));
	return true;
}

/* ---- for people ------------------------------------------------------------------------------------------ */

static const struct {
	const char *label, *group, *key;
} PAGE[] = {
	{"Device", "device", "id"},
	{"Kind", "device", "kind"},
	{"Maker", "device", "maker"},
	{"Model", "device", "model"},
	{"Serial number", "device", "serial"},
	{"Taken in from", "source", "form"},
	{"Container", "source", "container"},
	{"Bytes", "source", "bytes"},
	{DIGEST_NAME, "source", "digest"},
	{"Sealed with", "sealed", "algorithm"},
	{"Key bits", "sealed", "key_bits"},
	{"Bytes sealed take up", "sealed", "stored_bytes"},
	{"Vault", "sealed", "vault"},
	{"Sealed copy read back", NULL, "verified"},
	{"Unreadable bytes", "unreadable", "bytes"},
	{"Unreadable places", "unreadable", "ranges"},
	{"Places not listed", "unreadable", "more"},
	{"Bytes left out", "left_out", "bytes"},
	{"Of these free space", "left_out", "free_bytes"},
	{"Files left out", "left_out", "files"},
	{"Patterns of 'without'", "left_out", "without"},
	{"Patterns of 'only'", "left_out", "only"},
	{"Without free space", "left_out", "no_free_space"},
	{"Digest of the choice", "left_out", "patterns"},
	{"Volumes left out", "left_out", "volumes_left_out"},
	{"Volumes kept whole", "left_out", "volumes_kept_whole"},
	{"Begun", "when", "begun"},
	{"Done", "when", "done"},
	{"Times gone on with", "when", "resumed"},
	{"Clock", "when", "clock"},
	{"Taken in by", "who", "operator"},
	{"Program", "who", "program"},
	{"Known by log event", "log", "enrolled_sequence"},
	{"Store", NULL, "store"},
	{"Signed by key", NULL, "public_key"},
};
#define LABEL 21

/*
 * A genuine receipt holds only texts of ours and of the record, which has no control characters; what a stranger's key signed must not
 * reach a terminal raw. C1 controls are two bytes in UTF-8: 0xc2, and 0x80 to 0x9f.
 */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		uint8_t byte = (uint8_t)*text, next = (uint8_t)text[1];

		if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
			fputc('?', out);
			text++;
		} else {
			fputc(byte < 0x20 || byte == 0x7f ? '?' : byte, out);
		}
	}
	fputc('\n', out);
}

static void put_ranges(FILE *out, json_t *ranges)
{
	size_t count = json_array_size(ranges);

	if (!count)
		fputs("none\n", out);
	for (size_t i = 0; i < count; i++) {
		json_t *range = json_array_get(ranges, i);

		if (i)
			fprintf(out, "%-*s ", LABEL, "");
		fprintf(out, "%" JSON_INTEGER_FORMAT " bytes at %" JSON_INTEGER_FORMAT "\n",
			json_integer_value(json_array_get(range, 1)),
			json_integer_value(json_array_get(range, 0)));
	}
}

static void put_value(FILE *out, const char *label, json_t *value)
{
	fprintf(out, "%-*s ", LABEL, label);
	if (json_is_object(value))
		value = json_object_get(value, "value");
	if (json_is_integer(value))
		fprintf(out, "%" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "yes\n" : "no\n", out);
	else if (json_is_array(value))
		put_ranges(out, value);
	else
		put_text(out, json_is_string(value) && *json_string_value(value)
				      ? json_string_value(value)
				      : "not stated");
}

static enum bl_status page_of(json_t *json, char **out_text, struct bl_error *why)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	fputs("RECEIPT OF INTAKE\n\n", out);
	for (size_t i = 0; i < BL_COUNT(PAGE); i++)
		put_value(out, PAGE[i].label, statement_at(json, PAGE[i].group, PAGE[i].key));
	fputs("\nThe digest is of the bytes as stored: what was unreadable or left out counts as "
	      "zeros.\nThe signed original is the JSON file of the same name: 'bailee certificate "
	      "verify' checks it.\n",
	      out);
	if (fclose(out) != 0) {
		free(text);
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	}
	*out_text = text;
	return BL_OK;
}

enum bl_status intake_receipt_verify(const char *json, size_t length,
				     const uint8_t public_key[VAULT_PUBLIC_KEY], char **out_text,
				     struct bl_error *why)
{
	JSON_CLEANUP json_t *parsed = NULL;
	enum bl_status status = statement_verify(json, length, &FORM, public_key, &parsed, why);

	if (status != BL_OK)
		return status;
	return out_text ? page_of(parsed, out_text, why) : BL_OK;
}
