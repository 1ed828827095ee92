/* The record and the register of holds as canonical JSON, by tables; as strict in writing as in reading: what could not be read is not written. */
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

#define RECORD_VERSION	 2
#define REGISTER_VERSION 1

static const char *const SOURCE_KINDS[] = {
	[SOURCE_DIRECTORY] = "directory", [SOURCE_RAW] = "raw", [SOURCE_SEALED] = "sealed"};

static void json_done(json_t **json)
{
	json_decref(*json);
}
#define JSON_CLEANUP __attribute__((cleanup(json_done)))

enum form {
	FORM_TEXT,   /* char[size] */
	FORM_PLACE,  /* char[DEVICE_PLACE]: a place, or empty */
	FORM_MOMENT, /* int64_t; version 1 took any */
	FORM_DATE,   /* int64_t, to the end of the year 9999; 0: none */
	FORM_UID,    /* uint32_t */
	FORM_NUMBER, /* uint32_t, from 1 */
	FORM_MATTER, /* uint32_t; 0: none */
	FORM_BYTES,  /* uint64_t, up to INT64_MAX */
	FORM_HEX,    /* uint64_t, as hex text: all 64 bits of it are used */
	FORM_FLAG,   /* bool */
	FORM_DIGEST, /* DEVICE_DIGEST bytes; zeros, which nothing hashes to: empty */
};

struct field {
	const char *key;
	enum form form;
	size_t offset, size;
};
#define FIELD(key_, form_, type_, member_)                                                         \
	{                                                                                          \
		key_, form_, offsetof(struct type_, member_), sizeof(((struct type_ *)0)->member_) \
	}

/* Version 1 had these, words and holds. */
static const struct field FIRST[] = {
	FIELD("id", FORM_TEXT, device, id),
	FIELD("maker", FORM_TEXT, device, maker),
	FIELD("model", FORM_TEXT, device, model),
	FIELD("serial", FORM_TEXT, device, serial),
	FIELD("has_received", FORM_FLAG, device, has_received),
	FIELD("received", FORM_MOMENT, device, received_unix),
	FIELD("enrolled", FORM_MOMENT, device, enrolled_unix),
	FIELD("source", FORM_TEXT, device, source),
	FIELD("source_dev", FORM_HEX, device, source_dev),
	FIELD("source_ino", FORM_HEX, device, source_ino),
	FIELD("source_size", FORM_BYTES, device, source_size),
	FIELD("source_birth", FORM_MOMENT, device, source_birth_ns),
	FIELD("destroy_when_due", FORM_FLAG, device, destroy_when_due),
	FIELD("complete", FORM_FLAG, device, is_complete),
	FIELD("next_hold", FORM_NUMBER, device, next_hold),
};
#define FIRST_OTHERS 6 /* version, kind, state, before_hold, source_kind, holds */

static const struct field SECOND[] = {
	FIELD("revision", FORM_NUMBER, device, revision),
	FIELD("capacity", FORM_BYTES, device, capacity_bytes),
	FIELD("origin", FORM_PLACE, device, origin),
	FIELD("location", FORM_PLACE, device, location),
	FIELD("scan", FORM_DIGEST, device, scan),
	FIELD("next_note", FORM_NUMBER, device, next_note),
	FIELD("closed", FORM_DATE, device, closed_unix),
	FIELD("grace", FORM_DATE, device, grace_unix),
	FIELD("noticed", FORM_DATE, device, noticed_unix),
};
#define SECOND_OTHERS 4 /* pictures, end, verified, inspected */

/* Only in the record of a device that is a part of its source, so that others are read by older versions too. */
static const struct field PART[] = {
	FIELD("offset", FORM_BYTES, device, source_offset),
	FIELD("partition", FORM_MATTER, device, source_partition),
	FIELD("fs", FORM_PLACE, device, source_fs),
};

static const struct field END[] = {
	FIELD("at", FORM_DATE, device_end, at_unix),
	FIELD("by", FORM_UID, device_end, by),
	FIELD("certificate", FORM_DIGEST, device_end, certificate),
};

static const struct field VERIFIED[] = {
	FIELD("at", FORM_DATE, device_verified, at_unix),
	FIELD("by", FORM_UID, device_verified, by),
	FIELD("good", FORM_FLAG, device_verified, is_good),
};

static const struct field INSPECTED[] = {
	FIELD("at", FORM_DATE, device_inspected, at_unix),
	FIELD("by", FORM_UID, device_inspected, by),
	FIELD("empty", FORM_FLAG, device_inspected, is_empty),
	FIELD("other", FORM_FLAG, device_inspected, is_other),
	FIELD("statement", FORM_DIGEST, device_inspected, statement),
};

static const struct field HOLD[] = {
	FIELD("by", FORM_UID, device_hold, by),
	FIELD("number", FORM_NUMBER, device_hold, number),
	FIELD("reason", FORM_TEXT, device_hold, reason),
	FIELD("since", FORM_MOMENT, device_hold, since_unix),
	/* Version 1 ended here. */
	FIELD("incident", FORM_MATTER, device_hold, incident),
	FIELD("reviewed", FORM_MOMENT, device_hold, reviewed_unix),
};
#define HOLD_FIRST 4

/* ---- one field, both ways ------------------------------------------------------------------------ */

static bool is_valid(const struct field *field, const void *at)
{
	const uint64_t *wide = at;
	const uint32_t *narrow = at;
	const int64_t *date = at;
	const char *text = at;

	switch (field->form) {
	case FORM_TEXT:
		return strnlen(text, field->size) < field->size &&
		       file_text_ok(text, field->size - 1);
	case FORM_PLACE:
		return !*text ||
		       (strnlen(text, field->size) < field->size && device_place_ok(text));
	case FORM_DATE:
		return *date >= 0 && *date <= FACTS_DATE_LIMIT;
	case FORM_NUMBER:
		return *narrow >= 1;
	case FORM_BYTES:
		return *wide <= INT64_MAX;
	case FORM_MOMENT:
	case FORM_UID:
	case FORM_MATTER:
	case FORM_HEX:
	case FORM_FLAG:
	case FORM_DIGEST:
		return true;
	}
	return false;
}

static json_t *hex_encode(const uint8_t digest[DEVICE_DIGEST])
{
	char hex[2 * DEVICE_DIGEST + 1];

	return json_string(sodium_bin2hex(hex, sizeof(hex), digest, DEVICE_DIGEST));
}

static json_t *encode_one(const struct field *field, const void *at)
{
	char hex[20];

	switch (field->form) {
	case FORM_TEXT:
	case FORM_PLACE:
		return json_string(at);
	case FORM_MOMENT:
	case FORM_DATE:
		return json_integer(*(const int64_t *)at);
	case FORM_UID:
	case FORM_NUMBER:
	case FORM_MATTER:
		return json_integer(*(const uint32_t *)at);
	case FORM_BYTES:
		return json_integer((json_int_t) * (const uint64_t *)at);
	case FORM_HEX:
		snprintf(hex, sizeof(hex), "%" PRIx64, *(const uint64_t *)at);
		return json_string(hex);
	case FORM_FLAG:
		return json_boolean(*(const bool *)at);
	case FORM_DIGEST:
		return sodium_is_zero(at, DEVICE_DIGEST) ? json_string("") : hex_encode(at);
	}
	return NULL;
}

static bool text_decode(const struct field *field, const json_t *value, char *out)
{
	size_t length = json_string_length(value);

	if (!json_is_string(value) || length >= field->size)
		return false;
	memcpy(out, json_string_value(value), length + 1);
	return true;
}

static bool number_decode(const json_t *value, int64_t least, int64_t most, int64_t *out)
{
	*out = json_integer_value(value);
	return json_is_integer(value) && *out >= least && *out <= most;
}

static bool address_decode(const json_t *value, uint64_t *out)
{
	const char *text = json_string_value(value);
	size_t length = text ? strlen(text) : 0;

	if (length < 1 || length > 16 || strspn(text, "0123456789abcdef") != length)
		return false;
	*out = strtoull(text, NULL, 16);
	return true;
}

static bool hex_decode(const json_t *value, uint8_t out[DEVICE_DIGEST])
{
	const char *text = json_string_value(value);
	size_t length;

	/* Small letters alone: each digest is written in one way. */
	return text && strlen(text) == 2 * DEVICE_DIGEST &&
	       strspn(text, "0123456789abcdef") == 2 * DEVICE_DIGEST &&
	       sodium_hex2bin(out, DEVICE_DIGEST, text, 2 * DEVICE_DIGEST, NULL, &length, NULL) ==
		       0;
}

static bool digest_decode(const json_t *value, uint8_t out[DEVICE_DIGEST])
{
	memset(out, 0, DEVICE_DIGEST);
	if (json_is_string(value) && json_string_length(value) == 0)
		return true;
	return hex_decode(value, out) && !sodium_is_zero(out, DEVICE_DIGEST);
}

static bool decode_one(const struct field *field, const json_t *value, void *at)
{
	int64_t number = 0;
	bool is_ok = false;

	switch (field->form) {
	case FORM_TEXT:
	case FORM_PLACE:
		return text_decode(field, value, at);
	case FORM_MOMENT:
	case FORM_DATE:
		return number_decode(value, INT64_MIN, INT64_MAX, at);
	case FORM_UID:
	case FORM_NUMBER:
	case FORM_MATTER:
		is_ok = number_decode(value, 0, UINT32_MAX, &number);
		*(uint32_t *)at = (uint32_t)number;
		return is_ok;
	case FORM_BYTES:
		is_ok = number_decode(value, 0, INT64_MAX, &number);
		*(uint64_t *)at = (uint64_t)number;
		return is_ok;
	case FORM_HEX:
		return address_decode(value, at);
	case FORM_FLAG:
		*(bool *)at = json_is_true(value);
		return json_is_boolean(value);
	case FORM_DIGEST:
		return digest_decode(value, at);
	}
	return false;
}

static bool fields_valid(const struct field *fields, size_t count, const void *from)
{
	for (size_t i = 0; i < count; i++)
		if (!is_valid(&fields[i], (const uint8_t *)from + fields[i].offset))
			return false;
	return true;
}

static bool fields_put(json_t *object, const struct field *fields, size_t count, const void *from)
{
	for (size_t i = 0; object && i < count; i++)
		if (json_object_set_new(
			    object, fields[i].key,
			    encode_one(&fields[i], (const uint8_t *)from + fields[i].offset)) != 0)
			return false;
	return object;
}

static bool fields_get(const json_t *object, const struct field *fields, size_t count, void *to)
{
	for (size_t i = 0; i < count; i++) {
		void *at = (uint8_t *)to + fields[i].offset;

		if (!decode_one(&fields[i], json_object_get(object, fields[i].key), at) ||
		    !is_valid(&fields[i], at))
			return false;
	}
	return true;
}

/* An object of fields alone. */
static json_t *object_encode(const struct field *fields, size_t count, const void *from)
{
	json_t *object = json_object();

	if (fields_put(object, fields, count, from))
		return object;
	json_decref(object);
	return NULL;
}

static bool object_decode(const json_t *object, const struct field *fields, size_t count, void *to)
{
	return json_is_object(object) && json_object_size(object) == count &&
	       fields_get(object, fields, count, to);
}

/* ---- holds --------------------------------------------------------------------------------------- */

static json_t *holds_encode(const struct device *device)
{
	json_t *holds = json_array();

	for (size_t i = 0; holds && i < device->hold_count; i++)
		if (json_array_append_new(
			    holds, object_encode(HOLD, BL_COUNT(HOLD), &device->holds[i])) != 0) {
			json_decref(holds);
			return NULL;
		}
	return holds;
}

static bool holds_decode(const json_t *holds, int version, struct device *device)
{
	size_t fields = version == 1 ? HOLD_FIRST : BL_COUNT(HOLD);

	if (!json_is_array(holds) || json_array_size(holds) > DEVICE_HOLDS)
		return false;
	for (size_t i = 0; i < json_array_size(holds); i++) {
		struct device_hold *hold = &device->holds[i];

		if (!object_decode(json_array_get(holds, i), HOLD, fields, hold))
			return false;
		if (version == 1)
			hold->reviewed_unix = hold->since_unix;
	}
	device->hold_count = json_array_size(holds);
	return true;
}

static bool are_holds_sound(const struct device *device)
{
	uint32_t before = 0;

	if (device->hold_count > DEVICE_HOLDS)
		return false;
	for (size_t i = 0; i < device->hold_count; i++) {
		const struct device_hold *hold = &device->holds[i];

		if (!fields_valid(HOLD, BL_COUNT(HOLD), hold) || !*hold->reason ||
		    hold->number <= before || hold->number >= device->next_hold)
			return false;
		before = hold->number;
	}
	/* One that is due stays so while it is held. */
	return device->state == STATE_HELD ? device->hold_count > 0
					   : device->hold_count == 0 || device->state == STATE_DUE;
}

/* ---- what a record says must also hang together --------------------------------------------------- */

/* What is sealed lies with the record, was given to us to destroy, and is looked at only when it is whole. */
static bool is_source_sound(const struct device *device)
{
	/* Destroying the source of a part would destroy what is none of it. Its offset may lie far behind the end of a container's file. */
	if (device_is_part(device) &&
	    (device->source_kind != SOURCE_RAW || device->destroy_when_due ||
	     device->source_offset > INT64_MAX))
		return false;
	if (device->source_kind == SOURCE_SEALED)
		return !*device->source && device->destroy_when_due;
	return device->source[0] == '/' && device->is_complete;
}

static bool is_end_sound(const struct device *device)
{
	const struct device_end *end = &device->end;
	const struct device_verified *verified = &device->verified;
	bool is_gone = device_is_gone(device);
	bool has_end = end->at_unix != 0;

	/* The end is written down before the state is; older versions wrote down none. */
	if (has_end == sodium_is_zero(end->certificate, DEVICE_DIGEST) ||
	    (has_end && !is_gone && device->state != STATE_DUE) || (!has_end && end->by))
		return false;
	return verified->at_unix ? is_gone : !verified->by && !verified->is_good;
}

static bool is_inspected_sound(const struct device_inspected *inspected)
{
	if (inspected->at_unix)
		return !sodium_is_zero(inspected->statement, DEVICE_DIGEST);
	return !inspected->by && !inspected->is_empty && !inspected->is_other &&
	       sodium_is_zero(inspected->statement, DEVICE_DIGEST);
}

static bool is_closing_sound(const struct device_entry *entry)
{
	enum bl_device_state state =
		entry->device.state == STATE_HELD ? entry->before_hold : entry->device.state;

	return (state != STATE_OPEN && state != STATE_RECEIVED) || !entry->device.closed_unix;
}

static bool is_sound(const struct device_entry *entry)
{
	const struct device *device = &entry->device;

	return fields_valid(FIRST, BL_COUNT(FIRST), device) &&
	       fields_valid(PART, BL_COUNT(PART), device) &&
	       fields_valid(SECOND, BL_COUNT(SECOND), device) &&
	       fields_valid(END, BL_COUNT(END), &device->end) &&
	       fields_valid(VERIFIED, BL_COUNT(VERIFIED), &device->verified) &&
	       fields_valid(INSPECTED, BL_COUNT(INSPECTED), &device->inspected) &&
	       bl_device_id_ok(device->id) && entry->before_hold != STATE_HELD &&
	       device->picture_count <= DEVICE_PICTURES &&
	       device->has_scan == !sodium_is_zero(device->scan, DEVICE_DIGEST) &&
	       are_holds_sound(device) && is_source_sound(device) && is_end_sound(device) &&
	       is_inspected_sound(&device->inspected) && is_closing_sound(entry);
}

/* ---- the record ------------------------------------------------------------------------------------ */

static json_t *pictures_encode(const struct device *device)
{
	json_t *pictures = json_array();

	for (size_t i = 0; pictures && i < device->picture_count; i++)
		if (json_array_append_new(pictures, hex_encode(device->pictures[i])) != 0) {
			json_decref(pictures);
			return NULL;
		}
	return pictures;
}

static bool pictures_decode(const json_t *pictures, struct device *device)
{
	if (!json_is_array(pictures) || json_array_size(pictures) > DEVICE_PICTURES)
		return false;
	device->picture_count = json_array_size(pictures);
	for (size_t i = 0; i < device->picture_count; i++)
		if (!hex_decode(json_array_get(pictures, i), device->pictures[i]))
			return false;
	return true;
}

enum bl_status codec_encode(const struct device_entry *entry, char **out_json, struct bl_error *why)
{
	const struct device *device = &entry->device;

	if (!is_sound(entry))
		return bl_fail(why, BL_INVALID,
			       "the record of '%s' would not hang together: it is not written",
			       device->id);

	JSON_CLEANUP json_t *json = json_pack(
		"{s:i,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "version", RECORD_VERSION, "kind",
		bl_device_kind_name(device->kind), "state", bl_device_state_name(device->state),
		"before_hold", bl_device_state_name(entry->before_hold), "source_kind",
		SOURCE_KINDS[device->source_kind], "holds", holds_encode(device), "pictures",
		pictures_encode(device), "end", object_encode(END, BL_COUNT(END), &device->end),
		"verified", object_encode(VERIFIED, BL_COUNT(VERIFIED), &device->verified),
		"inspected", object_encode(INSPECTED, BL_COUNT(INSPECTED), &device->inspected));
	char *text = NULL;

	if (device_is_part(device) &&
	    json_object_set_new(json, "part", object_encode(PART, BL_COUNT(PART), device)) != 0)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (fields_put(json, FIRST, BL_COUNT(FIRST), device) &&
	    fields_put(json, SECOND, BL_COUNT(SECOND), device))
		text = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT);
	if (!text)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	*out_json = text;
	return BL_OK;
}

static bool words_decode(const json_t *json, struct device_entry *entry)
{
	struct device *device = &entry->device;
	const char *kind = json_string_value(json_object_get(json, "kind"));
	const char *state = json_string_value(json_object_get(json, "state"));
	const char *before = json_string_value(json_object_get(json, "before_hold"));
	const char *source = json_string_value(json_object_get(json, "source_kind"));

	if (!kind || !state || !before || !source || !bl_device_kind_parse(kind, &device->kind) ||
	    !bl_device_state_parse(state, &device->state) ||
	    !bl_device_state_parse(before, &entry->before_hold))
		return false;
	for (size_t i = 0; i < BL_COUNT(SOURCE_KINDS); i++)
		if (strcmp(source, SOURCE_KINDS[i]) == 0) {
			device->source_kind = (enum device_source_kind)i;
			return true;
		}
	return false;
}

static bool second_decode(const json_t *json, struct device *device)
{
	if (!fields_get(json, SECOND, BL_COUNT(SECOND), device) ||
	    !pictures_decode(json_object_get(json, "pictures"), device) ||
	    !object_decode(json_object_get(json, "end"), END, BL_COUNT(END), &device->end) ||
	    !object_decode(json_object_get(json, "verified"), VERIFIED, BL_COUNT(VERIFIED),
			   &device->verified) ||
	    !object_decode(json_object_get(json, "inspected"), INSPECTED, BL_COUNT(INSPECTED),
			   &device->inspected))
		return false;
	device->has_scan = !sodium_is_zero(device->scan, DEVICE_DIGEST);
	return true;
}

static bool decode(const json_t *json, struct device_entry *entry)
{
	static const size_t KEYS[] = {
		[1] = BL_COUNT(FIRST) + FIRST_OTHERS,
		[2] = BL_COUNT(FIRST) + FIRST_OTHERS + BL_COUNT(SECOND) + SECOND_OTHERS,
	};
	struct device *device = &entry->device;
	const json_t *part = json_object_get(json, "part");
	int64_t version;

	if (!number_decode(json_object_get(json, "version"), 1, RECORD_VERSION, &version) ||
	    (part && version == 1) || json_object_size(json) != KEYS[version] + (part ? 1 : 0))
		return false;
	if (part && (!object_decode(part, PART, BL_COUNT(PART), device) || !device_is_part(device)))
		return false;
	/* What version 1 had no place for has not happened. */
	device->revision = device->next_note = 1;
	return fields_get(json, FIRST, BL_COUNT(FIRST), device) && words_decode(json, entry) &&
	       holds_decode(json_object_get(json, "holds"), (int)version, device) &&
	       (version == 1 || second_decode(json, device)) && is_sound(entry);
}

enum bl_status codec_decode(const char *json, size_t length, struct device_entry *out_entry,
			    struct bl_error *why)
{
	JSON_CLEANUP json_t *parsed = json_loadb(json, length, JSON_REJECT_DUPLICATES, NULL);

	memset(out_entry, 0, sizeof(*out_entry));
	if (!json_is_object(parsed) || !decode(parsed, out_entry))
		return bl_fail(why, BL_INVALID, "not a device record of this version of Bailee");
	return BL_OK;
}

/* ---- the register of holds ------------------------------------------------------------------------- */

static json_t *held_encode(const struct held *held)
{
	json_t *object = object_encode(HOLD, BL_COUNT(HOLD), &held->hold);

	if (object && json_object_set_new(object, "device", json_string(held->device)) != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

enum bl_status codec_held_encode(const struct held *held, size_t count, char **out_json)
{
	JSON_CLEANUP json_t *list = json_array();

	for (size_t i = 0; list && i < count; i++)
		if (json_array_append_new(list, held_encode(&held[i])) != 0)
			return BL_NO_MEMORY;

	JSON_CLEANUP json_t *json =
		json_pack("{s:O,s:i}", "holds", list, "version", REGISTER_VERSION);
	char *text = json ? json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT) : NULL;

	if (!text)
		return BL_NO_MEMORY;
	*out_json = text;
	return BL_OK;
}

static bool held_decode(const json_t *object, struct held *out)
{
	const char *device = json_string_value(json_object_get(object, "device"));

	if (json_object_size(object) != BL_COUNT(HOLD) + 1 || !device || !bl_device_id_ok(device) ||
	    !fields_get(object, HOLD, BL_COUNT(HOLD), &out->hold) || !*out->hold.reason ||
	    out->hold.number == UINT32_MAX)
		return false;
	memcpy(out->device, device, strlen(device) + 1);
	return true;
}

int held_compare(const struct held *left, const struct held *right)
{
	int order = strcmp(left->device, right->device);

	return order ? order
		     : (left->hold.number > right->hold.number) -
			       (left->hold.number < right->hold.number);
}

enum bl_status codec_held_decode(const char *json, size_t length, struct held **out_held,
				 size_t *out_count)
{
	JSON_CLEANUP json_t *parsed = json_loadb(json, length, JSON_REJECT_DUPLICATES, NULL);
	const json_t *list = json_object_get(parsed, "holds");
	size_t count = json_array_size(list);
	int64_t version;

	if (json_object_size(parsed) != 2 || !json_is_array(list) || count > HELD_LIMIT ||
	    !number_decode(json_object_get(parsed, "version"), 1, REGISTER_VERSION, &version))
		return BL_TAMPERED;

	BL_CLEANUP(bl_free) struct held *held = calloc(count + 1, sizeof(*held));

	if (!held)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < count; i++)
		if (!held_decode(json_array_get(list, i), &held[i]) ||
		    (i && held_compare(&held[i - 1], &held[i]) >= 0))
			return BL_TAMPERED;
	*out_held = BL_TAKE(held);
	*out_count = count;
	return BL_OK;
}
