/*
 * A record file is written by whoever takes a device in, and what lies in the store by whoever can write there: any bytes must be read or refused,
 * and never leak. What is taken is written in one way, which is read again as the same.
 */
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_record(const struct device_record *record)
{
	must(record->identity_count <= DEVICE_IDENTITIES);
	for (size_t i = 0; i < record->identity_count; i++)
		must(*record->identities[i].value &&
		     record->identities[i].kind <= IDENTITY_ADDRESS);
	must(record->consent_count <= DEVICE_CONSENTS);
	for (size_t i = 0; i < record->consent_count; i++)
		must(*record->consents[i].purpose);
	must(record->picture_count <= DEVICE_PICTURES);
	must(record->capacity_bytes <= INT64_MAX);
	must(!*record->origin || device_place_ok(record->origin));
	must(!*record->location || device_place_ok(record->location));
	must(!*record->device || bl_device_id_ok(record->device));
	must(record->kind >= -1 && record->kind < (int)DEVICE_KIND_COUNT);
	must(record->state >= -1 && record->state < (int)STATE_COUNT);
	must(strnlen(record->condition, DEVICE_NOTE) < DEVICE_NOTE);
}

static void fuzz_yaml(const char *text, size_t length)
{
	struct device_record record;
	struct bl_error why = {.text = ""};
	enum bl_status status = device_record_parse(text, length, &record, &why);

	if (status == BL_OK) {
		check_record(&record);
		device_record_done(&record);
	} else {
		must(status == BL_NO_MEMORY || (*why.text && !strpbrk(why.text, "\n\x1b")));
	}
}

static void check_print(const struct device *device)
{
	struct device_record record;
	char *yaml = NULL;

	if (device_record_print(device, true, &yaml, NULL) != BL_OK)
		return;
	/* A store may hold characters that nobody can write in YAML: those are refused, never read as something else. */
	if (device_record_parse(yaml, strlen(yaml), &record, NULL) == BL_OK) {
		must(strcmp(record.maker, device->maker) == 0);
		must(strcmp(record.model, device->model) == 0);
		must(strcmp(record.serial, device->serial) == 0);
		must(record.capacity_bytes == device->capacity_bytes);
		must(record.revision == device->revision);
		must(record.identity_count == 0 && record.consent_count == 0);
		device_record_done(&record);
	}
	free(yaml);
}

static void fuzz_stored(const char *text, size_t length)
{
	BL_CLEANUP(bl_free) struct device_entry *entry = malloc(sizeof(*entry));
	BL_CLEANUP(bl_free) struct device_entry *again = malloc(sizeof(*again));
	BL_CLEANUP(bl_free) char *first = NULL, *second = NULL;

	if (!entry || !again || codec_decode(text, length, entry, NULL) != BL_OK)
		return;
	must(codec_encode(entry, &first, NULL) == BL_OK);
	must(codec_decode(first, strlen(first), again, NULL) == BL_OK);
	must(codec_encode(again, &second, NULL) == BL_OK);
	must(strcmp(first, second) == 0);
	check_print(&entry->device);
}

static void fuzz_register(const char *text, size_t length)
{
	struct held *held = NULL, *again = NULL;
	char *json = NULL;
	size_t count = 0, count_again = 0;

	if (codec_held_decode(text, length, &held, &count) != BL_OK)
		return;
	must(count <= HELD_LIMIT && codec_held_encode(held, count, &json) == BL_OK);
	must(codec_held_decode(json, strlen(json), &again, &count_again) == BL_OK);
	must(count == count_again);
	for (size_t i = 0; i < count; i++)
		must(held_compare(&held[i], &again[i]) == 0);
	free(json);
	free(held);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	fuzz_yaml((const char *)bytes, length);
	fuzz_stored((const char *)bytes, length);
	fuzz_register((const char *)bytes, length);
	return 0;
}
