/*
 * Is this a result of a wipe check, whole and free of contradictions? Asked before one is signed, and of each that verifies.
 *
 * Recursion-free: the depth is that of the form.
 */
#include <stdio.h>
#include <string.h>

#include "fs/inspect/report-private.h"

/* ---- values ------------------------------------------------------------------------------------------ */

#define TEXT_LIMIT 255 /* bytes; of a device's and a report's: DEVICE_TEXT */

static bool is_text(const json_t *value)
{
	return json_is_string(value) && json_string_length(value) <= TEXT_LIMIT &&
	       inspect_words_ok(json_string_value(value), json_string_length(value));
}

static bool is_said(const json_t *value)
{
	return is_text(value) && json_string_length(value) > 0;
}

static bool class_name_ok(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= TEXT_LIMIT &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

static bool is_class(const json_t *value)
{
	return json_is_string(value) && class_name_ok(json_string_value(value));
}

static bool is_sign_type(const json_t *value)
{
	return is_text(value) && json_string_length(value) > 0 && json_string_length(value) <= 32;
}

static bool is_said_or_null(const json_t *value)
{
	return json_is_null(value) || is_said(value);
}

static bool is_count(const json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool is_hex(const json_t *value, size_t length)
{
	const char *text = json_string_value(value);

	return text && strlen(text) == length && strspn(text, "0123456789abcdef") == length;
}

static bool is_store(const json_t *value)
{
	return is_hex(value, 32);
}

static bool is_digest(const json_t *value)
{
	return is_hex(value, 64);
}

static bool is_bool_or_null(const json_t *value)
{
	return json_is_boolean(value) || json_is_null(value);
}

static bool is_object(const json_t *value)
{
	return json_is_object(value);
}

static bool is_array(const json_t *value)
{
	return json_is_array(value);
}

static bool is_object_or_null(const json_t *value)
{
	return json_is_object(value) || json_is_null(value);
}

static bool is_word(const json_t *value, const char *const *words, size_t count)
{
	const char *text = json_string_value(value);

	for (size_t i = 0; text && i < count; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool is_one(const json_t *value, const char *word)
{
	return json_is_string(value) && strcmp(json_string_value(value), word) == 0;
}

static bool is_verdict(const json_t *value)
{
	return is_one(value, inspect_verdict_name(INSPECT_EMPTY)) ||
	       is_one(value, inspect_verdict_name(INSPECT_NOT_EMPTY)) ||
	       is_one(value, inspect_verdict_name(INSPECT_NOT_READ));
}

static bool is_where(const json_t *value)
{
	bool is_ok = false;

	for (unsigned i = 0; i < INSPECT_WHERE_COUNT; i++)
		is_ok = is_ok || is_one(value, inspect_where_name((enum inspect_where)i));
	return is_ok;
}

static bool is_known_word(const json_t *value)
{
	return is_word(value, INSPECT_KNOWN_WORDS, BL_COUNT(INSPECT_KNOWN_WORDS));
}

static bool is_outcome(const json_t *value)
{
	return is_word(value, INSPECT_OUTCOMES, BL_COUNT(INSPECT_OUTCOMES));
}

static bool is_kind(const json_t *value)
{
	static const char *const KINDS[] = {"file", "block device"};

	return is_word(value, KINDS, BL_COUNT(KINDS));
}

static bool is_device_id(const json_t *value)
{
	return json_is_string(value) && bl_device_id_ok(json_string_value(value));
}

static bool is_device_kind(const json_t *value)
{
	enum bl_device_kind kind;

	return json_is_string(value) && bl_device_kind_parse(json_string_value(value), &kind);
}

static bool is_fill(const json_t *value)
{
	return json_is_integer(value) &&
	       (json_integer_value(value) == 0 || json_integer_value(value) == 0xff);
}

/* YYYY-MM-DDThh:mm:ssZ; that such a day exists is the signer's to know. */
static bool is_moment(const json_t *value)
{
	static const char SHAPE[] = "0000-00-00T00:00:00Z";
	const char *text = json_string_value(value);

	if (!text || strlen(text) != sizeof(SHAPE) - 1)
		return false;
	for (size_t i = 0; SHAPE[i]; i++)
		if (SHAPE[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != SHAPE[i])
			return false;
	return true;
}

static bool is_operator(const json_t *value)
{
	const char *text = json_string_value(value);
	size_t length = text && strncmp(text, "uid:", 4) == 0 ? strlen(text + 4) : 0;

	return length >= 1 && length <= 10 && strspn(text + 4, "0123456789") == length;
}

static bool is_type(const json_t *value)
{
	return is_one(value, INSPECTION_TYPE);
}

static bool is_version(const json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) == INSPECTION_VERSION;
}

/* ---- objects ----------------------------------------------------------------------------------------- */

struct member {
	const char *key;
	bool (*is_ok)(const json_t *value);
};

static const struct member WHOLE[] = {
	{"type", is_type},	   {"version", is_version},
	{"store", is_store},	   {"public_key", is_digest},
	{"verdict", is_verdict},   {"device", is_object_or_null},
	{"medium", is_object},	   {"read", is_object},
	{"regions", is_object},	   {"tables", is_array},
	{"tables_more", is_count}, {"filesystems", is_array},
	{"findings", is_object},   {"filesystems_more", is_count},
	{"looked_for", is_array},  {"identities", is_count},
	{"reports", is_array},	   {"when", is_object},
	{"who", is_object},
};
static const struct member DEVICE[] = {{"id", is_device_id},
				       {"kind", is_device_kind},
				       {"maker", is_text},
				       {"model", is_text},
				       {"serial", is_text}};
static const struct member MEDIUM[] = {{"kind", is_kind},
				       {"size_bytes", is_count},
				       {"model", is_said_or_null},
				       {"serial", is_said_or_null},
				       {"serial_matches", is_known_word},
				       {"is_virtual", is_bool_or_null}};
static const struct member READ[] = {{"bytes", is_count},
				     {"unreadable_bytes", is_count},
				     {"fill", is_fill},
				     {"threads", is_count}};
static const struct member REGIONS[] = {
	{"count", is_count}, {"bytes", is_count}, {"first", is_array}, {"more", is_count}};
static const struct member SIGN[] = {{"type", is_sign_type}, {"offset", is_count}};
static const struct member FINDINGS[] = {
	{"total", is_count}, {"classes", is_object}, {"places", is_array}, {"more", is_count}};
static const struct member COUNTS[] = {
	{"allocated", is_count}, {"free", is_count}, {"nobodys", is_count}, {"identity", is_count}};
static const struct member PLACE[] = {
	{"class", is_class}, {"offset", is_count}, {"length", is_count}, {"where", is_where}};
static const struct member REPORT[] = {{"program", is_said},
				       {"version", is_said_or_null},
				       {"serial", is_said_or_null},
				       {"model", is_said_or_null},
				       {"method", is_said_or_null},
				       {"result", is_outcome},
				       {"serial_matches", is_known_word},
				       {"digest", is_digest}};
static const struct member WHEN[] = {
	{"begun", is_moment}, {"done", is_moment}, {"trusted", is_moment}};
static const struct member WHO[] = {{"operator", is_operator}, {"program", is_said}};

/* Exactly these members. */
static bool has(const json_t *object, const struct member *members, size_t count)
{
	if (!json_is_object(object) || json_object_size(object) != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_object_get(object, members[i].key);

		if (!value || !members[i].is_ok(value))
			return false;
	}
	return true;
}
#define HAS(object, members) has(object, members, BL_COUNT(members))

/* ---- sums -------------------------------------------------------------------------------------------- */

/* Does [offset, offset + length) lie on the medium, behind what came before? */
static bool region_ok(const json_t *region, json_int_t size, json_int_t *inout_end,
		      json_int_t *inout_sum)
{
	const json_t *offset = json_array_get(region, 0), *length = json_array_get(region, 1);

	if (json_array_size(region) != 2 || !is_count(offset) || !is_count(length) ||
	    json_integer_value(length) == 0)
		return false;

	json_int_t at = json_integer_value(offset), bytes = json_integer_value(length);

	if (at < *inout_end || at > size || bytes > size - at)
		return false;
	*inout_end = at + bytes;
	*inout_sum += bytes;
	return true;
}

static bool regions_ok(const json_t *json)
{
	const json_t *regions = json_object_get(json, "regions"),
		     *first = json_object_get(regions, "first");
	json_int_t size = statement_number(json, "medium", "size_bytes"), end = 0, sum = 0;

	if (!HAS(regions, REGIONS) || json_array_size(first) > INSPECT_PLACES)
		return false;
	for (size_t i = 0; i < json_array_size(first); i++)
		if (!region_ok(json_array_get(first, i), size, &end, &sum))
			return false;

	json_int_t count = statement_number(regions, NULL, "count"),
		   bytes = statement_number(regions, NULL, "bytes"),
		   more = statement_number(regions, NULL, "more");

	return count - more == (json_int_t)json_array_size(first) && bytes <= size &&
	       bytes - sum >= more && (more > 0 || bytes == sum);
}

static bool signs_ok(const json_t *json, const char *key, const char *more)
{
	const json_t *signs = json_object_get(json, key);
	json_int_t size = statement_number(json, "medium", "size_bytes"), last = 0;

	if (json_array_size(signs) > INSPECT_SIGNS ||
	    (statement_number(json, NULL, more) > 0 && json_array_size(signs) < INSPECT_SIGNS))
		return false;
	for (size_t i = 0; i < json_array_size(signs); i++) {
		const json_t *sign = json_array_get(signs, i);
		json_int_t offset = statement_number(sign, NULL, "offset");

		if (!HAS(sign, SIGN) || offset < last || offset >= size)
			return false;
		last = offset;
	}
	return true;
}

/* Each count is at most @total, so that no sum of them overflows. */
static bool classes_ok(const json_t *json, json_int_t total)
{
	const char *class;
	json_t *counts;
	json_int_t rest = total;

	json_object_foreach(statement_at(json, "findings", "classes"), class, counts)
	{
		json_int_t here = 0;

		if (!HAS(counts, COUNTS) || !class_name_ok(class))
			return false;
		for (unsigned i = 0; i < INSPECT_WHERE_COUNT; i++) {
			json_int_t count = statement_number(
				counts, NULL, inspect_where_name((enum inspect_where)i));

			if (count > rest)
				return false;
			rest -= count;
			here += count;
		}
		if (here == 0 || statement_number(counts, NULL, "identity") > here ||
		    (statement_number(json, NULL, "identities") == 0 &&
		     statement_number(counts, NULL, "identity") > 0))
			return false;
	}
	return rest == 0;
}

static bool places_ok(const json_t *json)
{
	const json_t *classes = statement_at(json, "findings", "classes"),
		     *places = statement_at(json, "findings", "places");
	json_int_t size = statement_number(json, "medium", "size_bytes"), last = 0;

	for (size_t i = 0; i < json_array_size(places); i++) {
		const json_t *place = json_array_get(places, i);

		if (!HAS(place, PLACE))
			return false;

		json_int_t offset = statement_number(place, NULL, "offset"),
			   length = statement_number(place, NULL, "length");
		const json_t *counts =
			json_object_get(classes, statement_text(place, NULL, "class"));

		if (offset < last || offset > size || length == 0 || length > size - offset ||
		    statement_number(counts, NULL, statement_text(place, NULL, "where")) == 0)
			return false;
		last = offset;
	}
	return true;
}

static bool findings_ok(const json_t *json)
{
	const json_t *findings = json_object_get(json, "findings"),
		     *places = json_object_get(findings, "places");
	json_int_t total = statement_number(findings, NULL, "total");

	return HAS(findings, FINDINGS) && json_array_size(places) <= INSPECT_PLACES &&
	       total - statement_number(findings, NULL, "more") ==
		       (json_int_t)json_array_size(places) &&
	       classes_ok(json, total) && places_ok(json);
}

static bool looked_for_ok(const json_t *json)
{
	const json_t *list = json_object_get(json, "looked_for");
	const char *last = "";

	if (json_array_size(list) > CLASS_LIMIT)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *name = json_array_get(list, i);

		if (!is_class(name) || strcmp(json_string_value(name), last) <= 0)
			return false;
		last = json_string_value(name);
	}
	return true;
}

/* What @at says of its own serial number against the record's. */
static bool matches_ok(const json_t *json, const json_t *at)
{
	enum inspect_known known = inspect_serial_matches(statement_text(json, "device", "serial"),
							  statement_text(at, NULL, "serial"));

	return strcmp(statement_text(at, NULL, "serial_matches"), INSPECT_KNOWN_WORDS[known]) == 0;
}

static bool reports_ok(const json_t *json)
{
	const json_t *reports = json_object_get(json, "reports");

	if (json_array_size(reports) > INSPECT_REPORTS)
		return false;
	for (size_t i = 0; i < json_array_size(reports); i++) {
		const json_t *report = json_array_get(reports, i);

		if (!HAS(report, REPORT) || !matches_ok(json, report))
			return false;
	}
	return true;
}

static bool read_ok(const json_t *json)
{
	const json_t *read = json_object_get(json, "read");
	json_int_t size = statement_number(json, "medium", "size_bytes"),
		   unreadable = statement_number(read, NULL, "unreadable_bytes");

	return HAS(read, READ) && size > 0 && unreadable <= size &&
	       statement_number(read, NULL, "bytes") <= size - unreadable &&
	       statement_number(read, NULL, "threads") >= 1;
}

static bool is_nothing_found(const json_t *json)
{
	return statement_number(json, "regions", "count") == 0 &&
	       statement_number(json, "findings", "total") == 0 &&
	       json_array_size(json_object_get(json, "tables")) == 0 &&
	       json_array_size(json_object_get(json, "filesystems")) == 0;
}

/*
 * Signatures and text are bytes that are not the fill: without a region there are none. NOT_READ may have no unreadable bytes: the medium
 * changed its size.
 */
static bool verdict_ok(const json_t *json)
{
	const json_t *verdict = json_object_get(json, "verdict");
	bool is_whole = statement_number(json, "read", "unreadable_bytes") == 0 &&
			statement_number(json, "read", "bytes") ==
				statement_number(json, "medium", "size_bytes");

	if (is_one(verdict, inspect_verdict_name(INSPECT_NOT_EMPTY)))
		return statement_number(json, "regions", "count") > 0;
	if (is_one(verdict, inspect_verdict_name(INSPECT_EMPTY)) && !is_whole)
		return false;
	return is_nothing_found(json);
}

static bool when_ok(const json_t *json)
{
	return HAS(json_object_get(json, "when"), WHEN) && HAS(json_object_get(json, "who"), WHO);
}

static bool subject_ok(const json_t *json)
{
	const json_t *device = json_object_get(json, "device"),
		     *medium = json_object_get(json, "medium");

	return (json_is_null(device) || HAS(device, DEVICE)) && HAS(medium, MEDIUM) &&
	       matches_ok(json, medium);
}

bool inspect_shape_ok(const json_t *json)
{
	return HAS(json, WHOLE) && subject_ok(json) && read_ok(json) && regions_ok(json) &&
	       signs_ok(json, "tables", "tables_more") &&
	       signs_ok(json, "filesystems", "filesystems_more") && findings_ok(json) &&
	       looked_for_ok(json) && reports_ok(json) && when_ok(json) && verdict_ok(json);
}
