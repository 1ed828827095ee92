#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

#define RECORD_VERSION 1

static const char *const SOURCE_KINDS[] = {
	[SOURCE_DIRECTORY] = "directory", [SOURCE_RAW] = "raw", [SOURCE_SEALED] = "sealed"};

static void json_done(json_t **json)
{
	json_decref(*json);
}
#define JSON_CLEANUP __attribute__((cleanup(json_done)))

static json_t *holds_encode(const struct device *device)
{
	json_t *holds = json_array();

	for (size_t i = 0; holds && i < device->hold_count; i++) {
		const struct device_hold *hold = &device->holds[i];

		if (json_array_append_new(holds,
					  json_pack("{s:I,s:I,s:s,s:I}", "by", (json_int_t)hold->by,
						    "number", (json_int_t)hold->number, "reason",
						    hold->reason, "since",
						    (json_int_t)hold->since_unix)) != 0) {
			json_decref(holds);
			return NULL;
		}
	}
	return holds;
}

enum bl_status codec_encode(const struct device_entry *entry, char **out_json, struct bl_error *why)
{
	const struct device *device = &entry->device;
	char dev[20], ino[20];

	snprintf(dev, sizeof(dev), "%" PRIx64, device->source_dev);
	snprintf(ino, sizeof(ino), "%" PRIx64, device->source_ino);

	/* clang-format off */
	JSON_CLEANUP json_t *json = json_pack(
		"{s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:I,s:I,s:s,s:s,s:s,s:s,s:I,s:I,s:b,s:b,s:o,s:I}",
		"version", RECORD_VERSION,
		"id", device->id,
		"kind", bl_device_kind_name(device->kind),
		"state", bl_device_state_name(device->state),
		"before_hold", bl_device_state_name(entry->before_hold),
		"maker", device->maker,
		"model", device->model,
		"serial", device->serial,
		"has_received", device->has_received,
		"received", (json_int_t)device->received_unix,
		"enrolled", (json_int_t)device->enrolled_unix,
		"source", device->source,
		"source_kind", SOURCE_KINDS[device->source_kind],
		"source_dev", dev,
		"source_ino", ino,
		"source_size", (json_int_t)device->source_size,
		"source_birth", (json_int_t)device->source_birth_ns,
		"destroy_when_due", device->destroy_when_due,
		"complete", device->is_complete,
		"holds", holds_encode(device),
		"next_hold", (json_int_t)device->next_hold);
	/* clang-format on */
	char *text = json ? json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT) : NULL;

	if (!text)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	*out_json = text;
	return BL_OK;
}

static bool copy_text(char *out, size_t size, const char *text)
{
	if (!file_text_ok(text, size - 1))
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool parse_hex(const char *text, uint64_t *out)
{
	size_t length = strlen(text);

	if (length < 1 || length > 16 || strspn(text, "0123456789abcdef") != length)
		return false;
	*out = strtoull(text, NULL, 16);
	return true;
}

static bool holds_decode(json_t *holds, struct device *device)
{
	if (!json_is_array(holds) || json_array_size(holds) > DEVICE_HOLDS)
		return false;
	for (size_t i = 0; i < json_array_size(holds); i++) {
		struct device_hold *hold = &device->holds[i];
		json_int_t by, number, since;
		const char *reason;

		if (json_unpack(json_array_get(holds, i), "{s:I,s:I,s:s,s:I!}", "by", &by, "number",
				&number, "reason", &reason, "since", &since) != 0)
			return false;
		if (by < 0 || by > UINT32_MAX || number < 1 || number >= device->next_hold ||
		    !copy_text(hold->reason, sizeof(hold->reason), reason))
			return false;
		hold->by = (uid_t)by;
		hold->number = (uint32_t)number;
		hold->since_unix = since;
	}
	device->hold_count = json_array_size(holds);
	return true;
}

/* What a record says must also hang together: a held device has holds and the other way round. */
static bool is_sound(const struct device_entry *entry)
{
	const struct device *device = &entry->device;
	bool is_held = device->hold_count > 0;

	/* One that is due stays so while it is held. */
	if (device->state == STATE_HELD ? !is_held : is_held && device->state != STATE_DUE)
		return false;
	/* What is sealed lies with the record, was given to us to destroy, and is looked at only when it is whole. */
	if (device->source_kind == SOURCE_SEALED)
		return entry->before_hold != STATE_HELD && !*device->source &&
		       device->destroy_when_due;
	return entry->before_hold != STATE_HELD && device->source[0] == '/' && device->is_complete;
}

static bool words_decode(struct device_entry *entry, const char *id, const char *kind,
			 const char *state, const char *before, const char *source_kind)
{
	struct device *device = &entry->device;

	if (!bl_device_id_ok(id) || !bl_device_kind_parse(kind, &device->kind) ||
	    !bl_device_state_parse(state, &device->state) ||
	    !bl_device_state_parse(before, &entry->before_hold))
		return false;
	memcpy(device->id, id, strlen(id) + 1);
	for (size_t i = 0; i < BL_COUNT(SOURCE_KINDS); i++)
		if (strcmp(source_kind, SOURCE_KINDS[i]) == 0) {
			device->source_kind = (enum device_source_kind)i;
			return true;
		}
	return false;
}

static bool decode(json_t *json, struct device_entry *entry)
{
	struct device *device = &entry->device;
	const char *id, *kind, *state, *before, *maker, *model, *serial, *source, *source_kind,
		*dev, *ino;
	json_int_t received, enrolled, size, birth, next;
	int version, has_received, destroy, complete;
	json_t *holds;

	/* clang-format off */
	if (json_unpack(json,
		"{s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:I,s:I,s:s,s:s,s:s,s:s,s:I,s:I,s:b,s:b,s:o,s:I!}",
		"version", &version, "id", &id, "kind", &kind, "state", &state, "before_hold", &before,
		"maker", &maker, "model", &model, "serial", &serial, "has_received", &has_received,
		"received", &received, "enrolled", &enrolled, "source", &source, "source_kind", &source_kind,
		"source_dev", &dev, "source_ino", &ino, "source_size", &size, "source_birth", &birth,
		"destroy_when_due", &destroy, "complete", &complete, "holds", &holds, "next_hold", &next) != 0)
		return false;
	/* clang-format on */
	if (version != RECORD_VERSION || size < 0 || next < 1 || next > UINT32_MAX)
		return false;
	device->has_received = has_received;
	device->received_unix = received;
	device->enrolled_unix = enrolled;
	device->source_size = (uint64_t)size;
	device->source_birth_ns = birth;
	device->destroy_when_due = destroy;
	device->is_complete = complete;
	device->next_hold = (uint32_t)next;
	return words_decode(entry, id, kind, state, before, source_kind) &&
	       copy_text(device->maker, sizeof(device->maker), maker) &&
	       copy_text(device->model, sizeof(device->model), model) &&
	       copy_text(device->serial, sizeof(device->serial), serial) &&
	       copy_text(device->source, sizeof(device->source), source) &&
	       parse_hex(dev, &device->source_dev) && parse_hex(ino, &device->source_ino) &&
	       holds_decode(holds, device) && is_sound(entry);
}

enum bl_status codec_decode(const char *json, size_t length, struct device_entry *out_entry,
			    struct bl_error *why)
{
	JSON_CLEANUP json_t *parsed = json_loadb(json, length, JSON_REJECT_DUPLICATES, NULL);

	memset(out_entry, 0, sizeof(*out_entry));
	if (!parsed || !decode(parsed, out_entry))
		return bl_fail(why, BL_INVALID, "not a device record of this version of Bailee");
	return BL_OK;
}
