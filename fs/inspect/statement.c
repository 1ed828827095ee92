/* The signed result of a wipe check: docs/format-inspection.md, "Form". */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/inspect/report-private.h"

#define HEX_SIZE(bytes) (2 * (bytes) + 1)

const char *const INSPECT_KNOWN_WORDS[3] = {
	[INSPECT_NOT_KNOWN] = "unknown", [INSPECT_NO] = "no", [INSPECT_YES] = "yes"};
const char *const INSPECT_OUTCOMES[3] = {[INSPECT_UNKNOWN] = "unknown",
					 [INSPECT_SUCCESS] = "success",
					 [INSPECT_FAILURE] = "failure"};

static const struct statement_form FORM = {
	.type = INSPECTION_TYPE,
	.least = INSPECTION_VERSION,
	.most = INSPECTION_VERSION,
	.name = "wipe check",
	.where = "give the ID~inspect.json of a store's 'certificates'",
};

/* ---- making: every function gives a new reference, NULL when memory is out -------------------------- */

static json_t *number(uint64_t value)
{
	/* Media are smaller; what is not would not pass inspect_shape_ok. */
	return json_integer((json_int_t)value);
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

/* @value is taken, also on failure. */
static bool append(json_t *array, json_t *value)
{
	if (array && value)
		return json_array_append_new(array, value) == 0;
	json_decref(value);
	return false;
}

static const char *class_of(const struct inspect_statement *statement, unsigned class)
{
	return statement->class_name(statement->class_context, class);
}

static json_t *device_of(const struct device *device)
{
	if (!device)
		return json_null();
	return json_pack("{s:s,s:s,s:s,s:s,s:s}", "id", device->id, "kind",
			 bl_device_kind_name(device->kind), "maker", device->maker, "model",
			 device->model, "serial", device->serial);
}

static json_t *matches_of(const struct inspect_statement *statement, const char *serial)
{
	const struct device *device = statement->device;

	return json_string(
		INSPECT_KNOWN_WORDS[inspect_serial_matches(device ? device->serial : "", serial)]);
}

static json_t *medium_of(const struct inspect_statement *statement)
{
	const struct inspect_medium *medium = statement->medium;

	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o}", "kind",
			 medium->is_block_device ? "block device" : "file", "size_bytes",
			 number(statement->result->size_bytes), "model",
			 text_or_null(medium->model), "serial", text_or_null(medium->serial),
			 "serial_matches", matches_of(statement, medium->serial), "is_virtual",
			 medium->is_virtual == INSPECT_NOT_KNOWN
				 ? json_null()
				 : json_boolean(medium->is_virtual == INSPECT_YES));
}

static json_t *read_of(const struct inspect_result *result)
{
	return json_pack("{s:o,s:o,s:i,s:i}", "bytes", number(result->read_bytes),
			 "unreadable_bytes", number(result->unreadable_bytes), "fill",
			 (int)result->fill, "threads", (int)result->threads);
}

static json_t *regions_of(const struct inspect_result *result, size_t most)
{
	size_t told = BL_MIN(result->regions_told, most);
	json_t *first = json_array();

	for (size_t i = 0; i < told; i++)
		if (!append(first, json_pack("[o,o]", number(result->regions[i].offset),
					     number(result->regions[i].length)))) {
			json_decref(first);
			return NULL;
		}
	return json_pack("{s:o,s:o,s:o,s:o}", "count", number(result->region_count), "bytes",
			 number(result->region_bytes), "first", first, "more",
			 number(result->region_count - told));
}

static json_t *signs_of(const struct inspect_sign *signs, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < BL_MIN(count, (size_t)INSPECT_SIGNS); i++)
		if (!append(list, json_pack("{s:s,s:o}", "type", signs[i].type, "offset",
					    number(signs[i].offset)))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *more_signs(size_t count)
{
	return number(count > INSPECT_SIGNS ? count - INSPECT_SIGNS : 0);
}

static json_t *classes_of(const struct inspect_statement *statement)
{
	const struct inspect_result *result = statement->result;
	json_t *classes = json_object();

	for (unsigned class = 0; class < CLASS_LIMIT; class ++) {
		const uint64_t *counts = result->findings[class];

		if (!counts[INSPECT_ALLOCATED] && !counts[INSPECT_FREE] && !counts[INSPECT_NOBODYS])
			continue;
		if (json_object_set_new(classes, class_of(statement, class),
					json_pack("{s:o,s:o,s:o,s:o}", "allocated",
						  number(counts[INSPECT_ALLOCATED]), "free",
						  number(counts[INSPECT_FREE]), "nobodys",
						  number(counts[INSPECT_NOBODYS]), "identity",
						  number(result->identity_findings[class]))) != 0) {
			json_decref(classes);
			return NULL;
		}
	}
	return classes;
}

static json_t *places_of(const struct inspect_statement *statement, size_t most)
{
	const struct inspect_result *result = statement->result;
	json_t *places = json_array();

	for (size_t i = 0; i < BL_MIN(result->places_told, most); i++) {
		const struct inspect_place *place = &result->places[i];

		if (!append(places,
			    json_pack("{s:s,s:o,s:o,s:s}", "class",
				      class_of(statement, place->class), "offset",
				      number(place->offset), "length", number(place->length),
				      "where",
				      inspect_where_name((enum inspect_where)place->where)))) {
			json_decref(places);
			return NULL;
		}
	}
	return places;
}

static json_t *findings_of(const struct inspect_statement *statement, size_t most)
{
	const struct inspect_result *result = statement->result;
	size_t told = BL_MIN(result->places_told, most);

	return json_pack("{s:o,s:o,s:o,s:o}", "total", number(result->finding_total), "classes",
			 classes_of(statement), "places", places_of(statement, most), "more",
			 number(result->finding_total - told));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *looked_for_of(const struct inspect_statement *statement)
{
	const char *names[CLASS_LIMIT];
	size_t count = 0;
	json_t *list = json_array();

	for (unsigned class = 0; class < CLASS_LIMIT; class ++)
		if (statement->looked_for >> class & 1)
			names[count++] = class_of(statement, class);
	if (count)
		qsort(names, count, sizeof(names[0]), by_name);
	for (size_t i = 0; i < count; i++)
		if (!append(list, json_string(names[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *report_of(const struct inspect_statement *statement,
			 const struct inspect_report *report)
{
	char digest[HEX_SIZE(DEVICE_DIGEST)];

	sodium_bin2hex(digest, sizeof(digest), report->digest, sizeof(report->digest));
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:s,s:o,s:s}", "program",
			 text_or_null(report->program), "version", text_or_null(report->version),
			 "serial", text_or_null(report->serial), "model",
			 text_or_null(report->model), "method", text_or_null(report->method),
			 "result", INSPECT_OUTCOMES[report->outcome], "serial_matches",
			 matches_of(statement, report->serial), "digest", digest);
}

static json_t *reports_of(const struct inspect_statement *statement)
{
	json_t *list = json_array();

	for (size_t i = 0; i < statement->report_count; i++)
		if (!append(list, report_of(statement, &statement->reports[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *who_of(const struct inspect_statement *statement)
{
	char operator[32];

	snprintf(operator, sizeof(operator), "uid:%u", (unsigned)statement->by);
	return json_pack("{s:s,s:s}", "operator", operator, "program", "bailee " BAILEE_VERSION);
}

/* @places, @regions: at most so many of each. */
static json_t *body_of(struct device_store *store, const struct inspect_statement *statement,
		       size_t places, size_t regions)
{
	const struct inspect_result *result = statement->result;
	char id[HEX_SIZE(16)], key[HEX_SIZE(VAULT_PUBLIC_KEY)];

	sodium_bin2hex(id, sizeof(id), device_store_id(store), 16);
	sodium_bin2hex(key, sizeof(key), vault_public_key(device_store_vault(store)),
		       VAULT_PUBLIC_KEY);
	return json_pack("{s:s,s:i,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,"
			 "s:{s:o,s:o,s:o},s:o}",
			 "type", INSPECTION_TYPE, "version", INSPECTION_VERSION, "store", id,
			 "public_key", key, "verdict", inspect_verdict_name(result->verdict),
			 "device", device_of(statement->device), "medium", medium_of(statement),
			 "read", read_of(result), "regions", regions_of(result, regions), "tables",
			 signs_of(result->tables, result->table_count), "tables_more",
			 more_signs(result->table_count), "filesystems",
			 signs_of(result->filesystems, result->filesystem_count),
			 "filesystems_more", more_signs(result->filesystem_count), "findings",
			 findings_of(statement, places), "looked_for", looked_for_of(statement),
			 "identities", number(statement->identity_count), "reports",
			 reports_of(statement), "when", "begun",
			 statement_utc(statement->begun_unix), "done",
			 statement_utc(statement->done_unix), "trusted",
			 statement_utc(statement->trusted_unix), "who", who_of(statement));
}

enum bl_status inspect_sign(struct device_store *store, const struct inspect_statement *statement,
			    char **out_json, struct bl_error *why)
{
	size_t places = INSPECT_PLACES, regions = INSPECT_PLACES;

	for (;;) {
		JSON_CLEANUP json_t *json = body_of(store, statement, places, regions);
		BL_CLEANUP(bl_free) char *line = NULL;

		if (!json)
			return bl_fail(why, BL_NO_MEMORY, "out of memory");
		/* What we sign is believed: a result that contradicts itself is our own mistake, and gets no signature. */
		if (!inspect_shape_ok(json))
			return bl_fail(
				why, BL_FAILED,
				"the result of the wipe check contradicts itself (report it)");

		enum bl_status status = statement_sign(device_store_vault(store), json, &line, why);

		if (status != BL_OK)
			return status;
		if (strlen(line) <= STATEMENT_LIMIT || !(places || regions)) {
			*out_json = BL_TAKE(line);
			return BL_OK;
		}
		/* Places of findings go first: regions say where to look. */
		if (places)
			places = places * 3 / 4;
		else
			regions = regions * 3 / 4;
	}
}

/* ---- checking ---------------------------------------------------------------------------------------- */

/* inspect_shape_ok saw that it is one of them. */
static enum inspect_verdict verdict_of(const json_t *json)
{
	const char *word = statement_text(json, NULL, "verdict");

	for (enum inspect_verdict verdict = INSPECT_EMPTY; verdict < INSPECT_NOT_READ; verdict++)
		if (strcmp(word, inspect_verdict_name(verdict)) == 0)
			return verdict;
	return INSPECT_NOT_READ;
}

enum bl_status inspect_verify(const char *json, size_t length,
			      const uint8_t public_key[VAULT_PUBLIC_KEY], enum inspect_page page,
			      char **out_page, enum inspect_verdict *out_verdict,
			      struct bl_error *why)
{
	JSON_CLEANUP json_t *parsed = NULL;
	char key[HEX_SIZE(VAULT_PUBLIC_KEY)];
	enum bl_status status = statement_verify(json, length, &FORM, public_key, &parsed, why);

	if (status != BL_OK)
		return status;
	sodium_bin2hex(key, sizeof(key), public_key, VAULT_PUBLIC_KEY);
	if (!inspect_shape_ok(parsed) ||
	    strcmp(statement_text(parsed, NULL, "public_key"), key) != 0)
		return bl_fail(
			why, BL_INVALID,
			"the result of a wipe check is signed, but contradicts itself or has "
			"other fields (use the Bailee that wrote it)");
	if (out_page)
		status = inspect_page_make(parsed, page, out_page, why);
	if (status == BL_OK && out_verdict)
		*out_verdict = verdict_of(parsed);
	return status;
}
