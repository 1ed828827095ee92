/* What people keep up about a device, and what the calendar writes down of it. */
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/device/private.h"

bool device_place_ok(const char *place)
{
	size_t length = strnlen(place, DEVICE_PLACE);

	return length >= 1 && length < DEVICE_PLACE &&
	       strspn(place,
		      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-") ==
		       length;
}

static enum bl_status update(struct device_store *store, const char *id, store_make_fn *make,
			     const void *how, struct bl_error *why)
{
	STORE_LOCKED(store);

	return store_update(store, id, make, how, why);
}

/* ---- moving, signing ------------------------------------------------------------------------------- */

enum bl_status entry_revise(struct device_entry *changed, struct bl_error *why)
{
	struct device *device = &changed->device;

	if (device->state == STATE_RELEASED)
		return bl_fail(why, BL_INVALID,
			       "device '%s' is released: nothing of it is here to be kept up",
			       device->id);
	if (device->revision == UINT32_MAX)
		return bl_fail(why, BL_TOO_LARGE, "the record of '%s' has no revisions left",
			       device->id);
	device->revision++;
	return BL_OK;
}

static enum bl_status make_move(struct device_entry *changed, const void *how, struct bl_error *why)
{
	const char *place = how;

	if (!device_place_ok(place))
		return bl_fail(why, BL_INVALID, "not a place (%s)", PLACE_FORM);
	memcpy(changed->device.location, place, strlen(place) + 1);
	return entry_revise(changed, why);
}

enum bl_status device_move(struct device_store *store, const char *id, const char *place,
			   struct bl_error *why)
{
	return update(store, id, make_move, place, why);
}

static enum bl_status make_sign(struct device_entry *changed, const void *how, struct bl_error *why)
{
	struct device *device = &changed->device;

	if (sodium_is_zero(how, DEVICE_DIGEST))
		return bl_fail(why, BL_INVALID, "that is the digest of no scan");
	if (device->has_scan && memcmp(device->scan, how, DEVICE_DIGEST) == 0)
		return BL_OK;
	if (device->has_scan)
		return bl_fail(why, BL_EXISTS,
			       "device '%s' has another scan of its receipt on record (it stays)",
			       device->id);
	memcpy(device->scan, how, DEVICE_DIGEST);
	device->has_scan = true;
	return entry_revise(changed, why);
}

enum bl_status device_sign(struct device_store *store, const char *id,
			   const uint8_t scan[DEVICE_DIGEST], struct bl_error *why)
{
	return update(store, id, make_sign, scan, why);
}

/* ---- editing --------------------------------------------------------------------------------------- */

static enum bl_status check_revision(const struct device *device,
				     const struct device_record *record, struct bl_error *why)
{
	if (*record->device && strcmp(record->device, device->id) != 0)
		return bl_fail(why, BL_INVALID, "the record is that of another device, not of '%s'",
			       device->id);
	if (!record->revision)
		return bl_fail(why, BL_INVALID,
			       "the record names no revision (begin with 'bailee device show %s "
			       "--yaml')",
			       device->id);
	if (record->revision == device->revision)
		return BL_OK;
	return bl_fail(why, BL_STALE,
		       "the record is of revision %u, and '%s' is at revision %u: somebody changed "
		       "it meanwhile (begin again with 'bailee device show %s --yaml')",
		       (unsigned)record->revision, device->id, (unsigned)device->revision,
		       device->id);
}

static enum bl_status check_words(const struct device *device, const struct device_record *record,
				  struct bl_error *why)
{
	if (record->kind >= 0 && (enum bl_device_kind)record->kind != device->kind)
		return bl_fail(why, BL_INVALID, "device '%s' is a %s: its kind is not changed",
			       device->id, bl_device_kind_name(device->kind));
	if (record->state >= 0 && (enum bl_device_state)record->state != device->state)
		return bl_fail(why, BL_INVALID,
			       "device '%s' is %s: its state is not changed by editing (leave the "
			       "key out)",
			       device->id, bl_device_state_name(device->state));
	if (record->consent_count)
		return bl_fail(why, BL_INVALID,
			       "consent is not changed by editing (bailee consent)");
	return BL_OK;
}

/* A record has minutes; the moment of an enrolment has seconds. */
static bool is_received_same(const struct device *device, const struct device_record *record)
{
	return device->has_received && record->received_unix - record->received_unix % 60 ==
					       device->received_unix - device->received_unix % 60;
}

static enum bl_status check_ending(const struct device_entry *entry,
				   const struct device_record *record, struct bl_error *why)
{
	const struct device *device = &entry->device;
	enum bl_device_state state = device->state;

	/* It was destroyed, or will be, by the date that the other moment gave. */
	if (record->has_received && !is_received_same(device, record) &&
	    (state == STATE_DUE || state == STATE_SHREDDED || state == STATE_RELEASED))
		return bl_fail(why, BL_INVALID,
			       "device '%s' is %s: 'received' is not changed any more", device->id,
			       bl_device_state_name(state));
	if (record->identity_count && (state == STATE_SHREDDED || entry->is_shredding))
		return bl_fail(why, BL_INVALID,
			       "the destruction of '%s' has begun: its customer is not put on "
			       "record again",
			       device->id);
	return BL_OK;
}

static enum bl_status make_edit(struct device_entry *changed, const void *how, struct bl_error *why)
{
	const struct device_record *record = how;
	struct device *device = &changed->device;
	const struct device before = *device;
	enum bl_status status = check_revision(device, record, why);

	if (status == BL_OK)
		status = check_words(device, record, why);
	if (status == BL_OK)
		status = check_ending(changed, record, why);
	if (status != BL_OK)
		return status;

	bool is_same = is_received_same(device, record);

	record_take(device, record);
	if (is_same)
		device->received_unix = before.received_unix;
	/* A wipe check compared the number that is no longer the record's. */
	if (strcmp(device->serial, before.serial) != 0)
		device->inspected = (struct device_inspected){.at_unix = 0};
	status = record_check(device, why);
	return status == BL_OK ? entry_revise(changed, why) : status;
}

static enum bl_status check_edit(const struct device_entry *entry,
				 const struct device_record *record, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct device_entry *changed = malloc(sizeof(*changed));

	if (!changed)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	*changed = *entry;
	return make_edit(changed, record, why);
}

enum bl_status device_edit_check(struct device_store *store, const char *id,
				 const struct device_record *record, struct bl_error *why)
{
	struct device_entry *entry;
	STORE_LOCKED(store);
	enum bl_status status = store_find(store, id, &entry, why);

	return status == BL_OK ? check_edit(entry, record, why) : status;
}

/* Two files cannot be replaced at once: when the record fails, the customer's part is what it was. */
static enum bl_status edit_both(struct device_store *store, const char *id, int folder_fd,
				const struct device_record *record, struct bl_error *why)
{
	PLAIN_CLEANUP struct plain before = {0};
	enum bl_status status =
		secret_get(store->vault, id, folder_fd, SECRET_CUSTOMER, &before, why);

	if (status == BL_OK)
		status = customer_put(store->vault, id, folder_fd, record, why);
	if (status == BL_OK)
		status = store_update(store, id, make_edit, record, why);
	if (status == BL_OK)
		return status;
	if (before.bytes)
		(void)!secret_put(store->vault, id, folder_fd, SECRET_CUSTOMER, &before, NULL);
	else
		(void)!secret_forget(folder_fd, SECRET_CUSTOMER, NULL);
	return status;
}

enum bl_status device_edit(struct device_store *store, const char *id,
			   const struct device_record *record, uint32_t *out_revision,
			   struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	struct device_entry *entry;
	STORE_LOCKED(store);
	enum bl_status status = store_find(store, id, &entry, why);

	if (status == BL_OK)
		status = check_edit(entry, record, why);
	if (status == BL_OK && record->identity_count)
		status = store_folder(store, id, &fd, why);
	if (status != BL_OK)
		return status;
	status = fd >= 0 ? edit_both(store, id, fd, record, why)
			 : store_update(store, id, make_edit, record, why);
	if (status == BL_OK && out_revision)
		*out_revision = entry->device.revision;
	return status;
}

/* ---- the record as YAML ------------------------------------------------------------------------------ */

/* More than all keys with texts of quotes alone, and every picture. */
#define YAML_ROOM 4096

struct page {
	char *text;
	size_t used;
};

BL_PRINTF(2, 3) static void say(struct page *page, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);

	int length = vsnprintf(page->text + page->used, YAML_ROOM - page->used, format, arguments);

	va_end(arguments);
	if (length > 0)
		page->used += BL_MIN((size_t)length, YAML_ROOM - 1 - page->used);
}

/* In double quotes nothing has a meaning but these two: records hold no control characters. */
static void say_text(struct page *page, const char *key, const char *text)
{
	if (!*text)
		return;
	say(page, "%s: \"", key);
	for (; *text; text++)
		say(page, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	say(page, "\"\n");
}

static void say_received(struct page *page, const struct device *device)
{
	time_t at = (time_t)device->received_unix;
	struct tm parts;
	char text[32];

	if (device->has_received && gmtime_r(&at, &parts) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &parts) > 0)
		say(page, "received: %s\n", text);
}

static void say_pictures(struct page *page, const struct device *device)
{
	char hex[2 * DEVICE_DIGEST + 1];

	if (device->picture_count)
		say(page, "condition:\n  pictures:\n");
	for (size_t i = 0; i < device->picture_count; i++)
		say(page, "    - %s\n",
		    sodium_bin2hex(hex, sizeof(hex), device->pictures[i], DEVICE_DIGEST));
}

enum bl_status device_record_print(const struct device *device, bool has_customer, char **out_yaml,
				   struct bl_error *why)
{
	struct page page = {.text = malloc(YAML_ROOM)};

	if (!page.text)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	say(&page, "device: %s\nkind: %s\nstate: %s\nrevision: %u\n", device->id,
	    bl_device_kind_name(device->kind), bl_device_state_name(device->state),
	    (unsigned)device->revision);
	say_received(&page, device);
	say_text(&page, "maker", device->maker);
	say_text(&page, "model", device->model);
	say_text(&page, "serial", device->serial);
	if (device->capacity_bytes)
		say(&page, "capacity: %llu\n", (unsigned long long)device->capacity_bytes);
	say_text(&page, "origin", device->origin);
	say_text(&page, "location", device->location);
	say_pictures(&page, device);
	if (has_customer)
		say(&page, "# customer: on record, sealed\n");
	*out_yaml = page.text;
	return BL_OK;
}

/* ---- what the calendar writes down --------------------------------------------------------------- */

static enum bl_status make_grace(struct device_entry *changed, const void *how,
				 struct bl_error *why BL_UNUSED)
{
	changed->device.grace_unix = *(const int64_t *)how;
	return BL_OK;
}

static enum bl_status make_noticed(struct device_entry *changed, const void *how,
				   struct bl_error *why BL_UNUSED)
{
	changed->device.noticed_unix = *(const int64_t *)how;
	return BL_OK;
}

static enum bl_status make_end(struct device_entry *changed, const void *how,
			       struct bl_error *why BL_UNUSED)
{
	changed->device.end = *(const struct device_end *)how;
	return BL_OK;
}

static enum bl_status make_verified(struct device_entry *changed, const void *how,
				    struct bl_error *why BL_UNUSED)
{
	changed->device.verified = *(const struct device_verified *)how;
	return BL_OK;
}

static enum bl_status make_inspected(struct device_entry *changed, const void *how,
				     struct bl_error *why BL_UNUSED)
{
	changed->device.inspected = *(const struct device_inspected *)how;
	return BL_OK;
}

enum bl_status device_set_grace(struct device_store *store, const char *id, int64_t until_unix,
				struct bl_error *why)
{
	return update(store, id, make_grace, &until_unix, why);
}

enum bl_status device_set_noticed(struct device_store *store, const char *id, int64_t due_unix,
				  struct bl_error *why)
{
	return update(store, id, make_noticed, &due_unix, why);
}

enum bl_status device_set_end(struct device_store *store, const char *id,
			      const struct device_end *end, struct bl_error *why)
{
	return update(store, id, make_end, end, why);
}

enum bl_status device_set_verified(struct device_store *store, const char *id,
				   const struct device_verified *verified, struct bl_error *why)
{
	return update(store, id, make_verified, verified, why);
}

enum bl_status device_set_inspected(struct device_store *store, const char *id,
				    const struct device_inspected *inspected, struct bl_error *why)
{
	return update(store, id, make_inspected, inspected, why);
}
