#include "fs/device/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/device/private.h"

#define RECORD	    "record"
#define DAY_SECONDS 86400

void store_unlock(pthread_mutex_t **mutex)
{
	pthread_mutex_unlock(*mutex);
}

void entry_free(struct device_entry *entry)
{
	if (entry) {
		plain_done(&entry->facts);
		kept_done(&entry->matters);
		kept_done(&entry->notes);
		kept_done(&entry->parts);
	}
	free(entry);
}

/* Index of @id, or where it would go. */
static size_t position(const struct device_store *store, const char *id, bool *out_is_there)
{
	size_t low = 0, high = store->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(store->entries[middle]->device.id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*out_is_there = low < store->count && strcmp(store->entries[low]->device.id, id) == 0;
	return low;
}

enum bl_status store_find(const struct device_store *store, const char *id,
			  struct device_entry **out_entry, struct bl_error *why)
{
	bool is_there;
	size_t at = position(store, id, &is_there);

	/* An id that was never checked is not repeated in a message. */
	if (!is_there)
		return bl_fail(why, BL_NOT_FOUND, "there is no device '%s'",
			       bl_device_id_ok(id) ? id : "?");
	*out_entry = store->entries[at];
	return BL_OK;
}

enum bl_status store_folder(const struct device_store *store, const char *id, int *out_fd,
			    struct bl_error *why)
{
	int fd = openat(store->devices_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open the folder of '%s' in the store", id);
	*out_fd = fd;
	return BL_OK;
}

static enum bl_status write_record(int folder_fd, const struct device_entry *entry,
				   struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *json = NULL;
	enum bl_status status = codec_encode(entry, &json, why);

	if (status == BL_OK)
		status = file_put(folder_fd, RECORD, json, strlen(json), why);
	return status;
}

enum bl_status store_put(struct device_store *store, const struct device_entry *changed,
			 struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = store_folder(store, changed->device.id, &fd, why);

	if (status == BL_OK)
		status = write_record(fd, changed, why);
	return status;
}

enum bl_status store_change(struct device_store *store, struct device_entry *entry,
			    const struct device_entry *changed, struct bl_error *why)
{
	enum bl_status status = store_put(store, changed, why);

	if (status == BL_OK)
		*entry = *changed;
	else if (
		status ==
		BL_IO) /* it may lie there all the same, only not synced: it was told that it does not */
		(void)!store_put(store, entry, NULL);
	return status;
}

enum bl_status store_update(struct device_store *store, const char *id, store_make_fn *make,
			    const void *how, struct bl_error *why)
{
	struct device_entry *entry;
	enum bl_status status = store_find(store, id, &entry, why);

	if (status != BL_OK)
		return status;

	BL_CLEANUP(bl_free) struct device_entry *changed = malloc(sizeof(*changed));

	if (!changed)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	*changed = *entry;
	status = make(changed, how, why);
	if (status == BL_OK && memcmp(changed, entry, sizeof(*entry)) != 0)
		status = store_change(store, entry, changed, why);
	return status;
}

/* ---- enrolling --------------------------------------------------------------------------------- */

static enum bl_status check_free(const struct device_store *store, const struct device *device,
				 struct bl_error *why)
{
	bool is_there;

	position(store, device->id, &is_there);
	if (is_there)
		return bl_fail(why, BL_EXISTS,
			       "device '%s' is known already (ids are never used again)",
			       device->id);
	/* Under another device the hold would be lost, and evidence with it. */
	if (holds_know(store, device->id))
		return bl_fail(why, BL_EXISTS,
			       "device '%s' was known already and is held, though its folder is "
			       "away (put that back from a backup, or take another id)",
			       device->id);
	if (store->count == DEVICE_LIMIT)
		return bl_fail(why, BL_TOO_LARGE, "the store holds %d devices already",
			       DEVICE_LIMIT);
	/* One image under two ids, one of which destroys it: the other would lose it unasked. */
	for (size_t i = 0; i < store->count; i++) {
		const struct device *other = &store->entries[i]->device;

		if (device->source_kind != SOURCE_RAW || device_is_gone(other) ||
		    !(device->destroy_when_due || other->destroy_when_due))
			continue;
		if (device->source_ino && device->source_dev == other->source_dev &&
		    device->source_ino == other->source_ino)
			return bl_fail(why, BL_EXISTS,
				       "this image is enrolled already as '%s', and one of the two "
				       "is to be destroyed",
				       other->id);
	}
	return BL_OK;
}

/* Every date of destruction counts from `received`: one that is still to come would put it off, for ever if one likes. */
enum bl_status record_check(const struct device *device, struct bl_error *why)
{
	if (!bl_device_id_ok(device->id))
		return bl_fail(why, BL_INVALID,
			       "not a device id (1 to 31 letters, digits, '.', '_', '-', the first "
			       "a letter or digit)");
	if (!file_text_ok(device->maker, DEVICE_TEXT - 1) ||
	    !file_text_ok(device->model, DEVICE_TEXT - 1) ||
	    !file_text_ok(device->serial, DEVICE_TEXT - 1))
		return bl_fail(why, BL_INVALID,
			       "maker, model or serial of '%s' holds control characters",
			       device->id);
	if ((*device->origin && !device_place_ok(device->origin)) ||
	    (*device->location && !device_place_ok(device->location)))
		return bl_fail(why, BL_INVALID, "origin or location of '%s' is not a place (%s)",
			       device->id, PLACE_FORM);
	/* A day of grace: records are in UTC, and a day begins earlier elsewhere. */
	if (device->received_unix - DAY_SECONDS > device->enrolled_unix)
		return bl_fail(why, BL_INVALID,
			       "'received' of '%s' lies in the future (give the day it was handed "
			       "in)",
			       device->id);
	return BL_OK;
}

void record_take(struct device *device, const struct device_record *record)
{
	if (record->has_received) {
		device->has_received = true;
		device->received_unix = record->received_unix;
	}
	if (*record->maker)
		memcpy(device->maker, record->maker, sizeof(device->maker));
	if (*record->model)
		memcpy(device->model, record->model, sizeof(device->model));
	if (*record->serial)
		memcpy(device->serial, record->serial, sizeof(device->serial));
	if (*record->origin)
		memcpy(device->origin, record->origin, sizeof(device->origin));
	if (*record->location)
		memcpy(device->location, record->location, sizeof(device->location));
	if (record->capacity_bytes)
		device->capacity_bytes = record->capacity_bytes;
	if (record->picture_count) {
		device->picture_count = record->picture_count;
		memcpy(device->pictures, record->pictures, sizeof(device->pictures));
	}
}

/* What has happened to a device that comes in is nothing, whatever its caller left in the struct. */
static void begin_life(struct device_entry *entry, const struct device *device)
{
	entry->device = *device;
	entry->before_hold = STATE_RECEIVED;
	entry->device.state = STATE_RECEIVED;
	entry->device.hold_count = 0;
	entry->device.next_hold = entry->device.next_note = entry->device.revision = 1;
	entry->device.has_scan = false;
	memset(entry->device.scan, 0, sizeof(entry->device.scan));
	entry->device.closed_unix = entry->device.grace_unix = entry->device.noticed_unix = 0;
	entry->device.end = (struct device_end){.at_unix = 0};
	entry->device.verified = (struct device_verified){.at_unix = 0};
	entry->device.inspected = (struct device_inspected){.at_unix = 0};
	if (!entry->device.has_received)
		entry->device.received_unix = entry->device.enrolled_unix;
}

/* A record that was printed to be changed is of a device that is known: one that comes in has a record of its own. */
static enum bl_status check_fresh(const struct device *device, const struct device_record *record,
				  struct bl_error *why)
{
	if (record->revision || record->state >= 0 ||
	    (*record->device && strcmp(record->device, device->id) != 0) ||
	    (record->kind >= 0 && (enum bl_device_kind)record->kind != device->kind))
		return bl_fail(
			why, BL_INVALID,
			"the record is that of another device (leave out device, kind, state "
			"and revision)");
	return BL_OK;
}

static enum bl_status write_folder(struct device_store *store, int fd, struct device_entry *entry,
				   const struct device_record *record, struct bl_error *why)
{
	/* A key without a folder is the leftover of a crash: nothing was ever kept under it. */
	enum bl_status status = vault_device_add(store->vault, entry->device.id, why);

	if (status != BL_OK && status != BL_EXISTS)
		return status;
	status = write_record(fd, entry, why);
	if (status == BL_OK && record && record->identity_count)
		status = customer_put(store->vault, entry->device.id, fd, record, why);
	if (status == BL_OK && record && record->consent_count)
		status = facts_enroll(store, entry, fd, record, why);
	return status;
}

static enum bl_status make_folder(struct device_store *store, struct device_entry *entry,
				  const struct device_record *record, struct bl_error *why)
{
	const char *id = entry->device.id;
	char fresh[BL_DEVICE_ID_SIZE + 8];

	snprintf(fresh, sizeof(fresh), ".new-%s", id);
	if (mkdirat(store->devices_fd, fresh, 0700) != 0 && errno != EEXIST)
		return bl_fail_errno(why, BL_IO, "cannot make the folder of '%s' in the store", id);

	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = store_folder(store, fresh, &fd, why);

	if (status == BL_OK)
		status = write_folder(store, fd, entry, record, why);
	if (status == BL_OK && (renameat(store->devices_fd, fresh, store->devices_fd, id) != 0 ||
				fsync(store->devices_fd) != 0))
		status = bl_fail_errno(why, BL_IO, "cannot make the folder of '%s' in the store",
				       id);
	if (status != BL_OK) {
		/* The rename may have happened and only its sync failed: then it must go too. */
		int is_back = renameat(store->devices_fd, id, store->devices_fd, fresh);

		(void)is_back;
		unlinkat(fd, RECORD, 0);
		unlinkat(fd, "customer.sealed", 0);
		unlinkat(fd, "facts.sealed", 0);
		unlinkat(store->devices_fd, fresh, AT_REMOVEDIR);
	}
	return status;
}

static enum bl_status insert(struct device_store *store, struct device_entry *entry)
{
	if (store->count == store->room) {
		size_t room = store->room ? 2 * store->room : 64;
		struct device_entry **grown =
			realloc(store->entries, room * sizeof(struct device_entry *));

		if (!grown)
			return BL_NO_MEMORY;
		store->entries = grown;
		store->room = room;
	}

	bool is_there;
	size_t at = position(store, entry->device.id, &is_there);

	memmove(store->entries + at + 1, store->entries + at,
		(store->count - at) * sizeof(struct device_entry *));
	store->entries[at] = entry;
	store->count++;
	return BL_OK;
}

/* A sealed image is made by us, in the device's own folder, and it is ours to destroy. */
static enum bl_status take_source(struct device *device, struct bl_error *why)
{
	device->is_complete = device->source_kind != SOURCE_SEALED;
	if (device->is_complete)
		return source_identify(device, why);
	*device->source = '\0';
	device->source_dev = device->source_ino = device->source_size = 0;
	device->source_birth_ns = 0;
	device->destroy_when_due = true;
	return BL_OK;
}

enum bl_status device_enroll(struct device_store *store, struct device *device,
			     const struct device_record *record, struct bl_error *why)
{
	BL_CLEANUP(entry_free) struct device_entry *entry = calloc(1, sizeof(*entry));
	enum bl_status status = BL_OK;

	if (!entry)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	begin_life(entry, device);
	if (record) {
		status = check_fresh(device, record, why);
		record_take(&entry->device, record);
	}
	if (status == BL_OK)
		status = record_check(&entry->device, why);
	if (status == BL_OK)
		status = take_source(&entry->device, why);
	if (status != BL_OK)
		return status;

	STORE_LOCKED(store);
	status = check_free(store, &entry->device, why);
	if (status != BL_OK)
		return status;
	/* Room in memory first, so that nothing can fail once the folder is there. */
	status = insert(store, entry);
	if (status != BL_OK)
		return bl_fail(why, status, "out of memory");

	struct device_entry *kept = BL_TAKE(entry);

	status = make_folder(store, kept, record, why);
	if (status != BL_OK) {
		bool is_there;
		size_t at = position(store, kept->device.id, &is_there);

		store->count--;
		memmove(store->entries + at, store->entries + at + 1,
			(store->count - at) * sizeof(struct device_entry *));
		entry_free(kept);
		return status;
	}
	*device = kept->device;
	return BL_OK;
}

enum bl_status device_complete(struct device_store *store, const char *id, uint64_t image_bytes,
			       struct bl_error *why)
{
	struct device_entry *entry;
	STORE_LOCKED(store);
	enum bl_status status = store_find(store, id, &entry, why);

	if (status != BL_OK)
		return status;
	const struct device *device = &entry->device;

	if (device->source_kind != SOURCE_SEALED || device->state == STATE_SHREDDED || !image_bytes)
		return bl_fail(why, BL_INVALID, "device '%s' has no intake to complete", id);
	if (device->is_complete && device->source_size == image_bytes)
		return BL_OK;
	if (device->is_complete)
		return bl_fail(why, BL_INVALID, "the intake of '%s' is complete already", id);
	struct device_entry changed = *entry;

	changed.device.is_complete = true;
	changed.device.source_size = image_bytes;
	return store_change(store, entry, &changed, why);
}

enum bl_status device_folder(struct device_store *store, const char *id, int *out_fd,
			     struct bl_error *why)
{
	struct device_entry *entry;
	STORE_LOCKED(store);
	enum bl_status status = store_find(store, id, &entry, why);

	return status == BL_OK ? store_folder(store, id, out_fd, why) : status;
}

/* ---- reading ------------------------------------------------------------------------------------- */

enum bl_status device_find(struct device_store *store, const char *id, struct device *out_device,
			   struct bl_error *why)
{
	struct device_entry *entry;
	STORE_LOCKED(store);
	enum bl_status status = store_find(store, id, &entry, why);

	if (status == BL_OK)
		*out_device = entry->device;
	return status;
}

/* One at a time by id, unlocked in between: @tell may look at the store. */
static bool next_after(struct device_store *store, const char *id, struct device *out)
{
	bool is_there;
	STORE_LOCKED(store);
	size_t at = position(store, id, &is_there) + (is_there ? 1 : 0);

	if (at >= store->count)
		return false;
	*out = store->entries[at]->device;
	return true;
}

void device_each(struct device_store *store,
		 bool (*tell)(void *context, const struct device *device), void *context)
{
	char id[BL_DEVICE_ID_SIZE] = "";
	struct device device;

	while (next_after(store, id, &device)) {
		memcpy(id, device.id, sizeof(id));
		if (!tell(context, &device))
			return;
	}
}

enum bl_status device_identities(struct device_store *store, const char *id,
				 struct device_record *out_record, struct bl_error *why)
{
	struct device_entry *entry;
	BL_CLEANUP(fd_close) int fd = -1;
	STORE_LOCKED(store);
	enum bl_status status = store_find(store, id, &entry, why);

	if (status == BL_OK)
		status = store_folder(store, id, &fd, why);
	if (status == BL_OK)
		status = customer_get(store->vault, id, fd, out_record, why);
	return status;
}

/* ---- files of a device ------------------------------------------------------------------------------ */

static enum bl_status check_name(const char *name, struct bl_error *why)
{
	size_t length = strlen(name);

	if (length < 1 || length > 31 || strspn(name, "abcdefghijklmnopqrstuvwxyz-") != length ||
	    strcmp(name, RECORD) == 0)
		return bl_fail(why, BL_INVALID, "not a name for a device's file");
	return BL_OK;
}

static enum bl_status open_for(struct device_store *store, const char *id, const char *name,
			       int *out_fd, struct bl_error *why)
{
	struct device_entry *entry;
	enum bl_status status = check_name(name, why);

	if (status == BL_OK)
		status = store_find(store, id, &entry, why);
	if (status == BL_OK)
		status = store_folder(store, id, out_fd, why);
	return status;
}

enum bl_status device_file_write(struct device_store *store, const char *id, const char *name,
				 const void *bytes, size_t length, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	STORE_LOCKED(store);
	enum bl_status status = open_for(store, id, name, &fd, why);

	if (status == BL_OK)
		status = file_put(fd, name, bytes, length, why);
	return status;
}

enum bl_status device_file_read(struct device_store *store, const char *id, const char *name,
				uint8_t **out_bytes, size_t *out_length, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	char *bytes = NULL;
	STORE_LOCKED(store);
	enum bl_status status = open_for(store, id, name, &fd, why);

	if (status == BL_OK)
		status = file_get(fd, name, &bytes, out_length, why);
	if (status == BL_OK)
		*out_bytes = (uint8_t *)bytes;
	return status;
}

enum bl_status device_file_remove(struct device_store *store, const char *id, const char *name,
				  struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	STORE_LOCKED(store);
	enum bl_status status = open_for(store, id, name, &fd, why);

	if (status == BL_OK)
		status = file_remove(fd, name, why);
	return status;
}

enum bl_status device_forget_customer(struct device_store *store, const char *id,
				      struct bl_error *why)
{
	struct device_entry *entry;
	BL_CLEANUP(fd_close) int fd = -1;
	STORE_LOCKED(store);
	enum bl_status status = store_find(store, id, &entry, why);

	if (status == BL_OK)
		status = store_folder(store, id, &fd, why);
	if (status == BL_OK)
		status = facts_forget(entry, fd, why);
	if (status == BL_OK)
		status = notes_forget(entry, fd, why);
	if (status == BL_OK)
		status = secret_forget_found(fd, why);
	if (status == BL_OK)
		status = secret_forget(fd, SECRET_CUSTOMER, why);
	return status;
}

enum bl_status device_forget_found(struct device_store *store, const char *id, struct bl_error *why)
{
	struct device_entry *entry;
	BL_CLEANUP(fd_close) int fd = -1;
	STORE_LOCKED(store);
	enum bl_status status = store_find(store, id, &entry, why);

	if (status == BL_OK)
		status = store_folder(store, id, &fd, why);
	return status == BL_OK ? secret_forget_found(fd, why) : status;
}

/* ---- certificates -------------------------------------------------------------------------------------- */

#define CERTIFICATE_OF 20 /* bytes of what a certificate is of: "~part-4294967295" and the like */

/* ".json", or "~intake.json": small letters, digits and '-' in between. */
static bool is_suffix(const char *suffix)
{
	static const char *const ENDS[] = {".json", ".txt", ".html"};
	size_t of = 0;

	if (*suffix == '~') {
		of = strspn(suffix + 1, "abcdefghijklmnopqrstuvwxyz0123456789-");
		if (of == 0 || of > CERTIFICATE_OF)
			return false;
		suffix += 1 + of;
	}
	for (size_t i = 0; i < BL_COUNT(ENDS); i++)
		if (strcmp(suffix, ENDS[i]) == 0)
			return true;
	return false;
}

static enum bl_status certificate_name(const char *id, const char *suffix, char out[64],
				       struct bl_error *why)
{
	if (!bl_device_id_ok(id) || !is_suffix(suffix))
		return bl_fail(why, BL_INVALID, "not a name for a certificate");
	snprintf(out, 64, "%s%s", id, suffix);
	return BL_OK;
}

enum bl_status device_certificate_write(struct device_store *store, const char *id,
					const char *suffix, const void *bytes, size_t length,
					struct bl_error *why)
{
	char name[64];
	STORE_LOCKED(store);
	enum bl_status status = certificate_name(id, suffix, name, why);

	if (status == BL_OK)
		status = file_replace(store->certificates_fd, name, bytes, length, why);
	return status;
}

enum bl_status device_certificate_read(struct device_store *store, const char *id,
				       const char *suffix, char **out_bytes, size_t *out_length,
				       struct bl_error *why)
{
	char name[64];
	STORE_LOCKED(store);
	enum bl_status status = certificate_name(id, suffix, name, why);

	if (status == BL_OK)
		status = file_load(store->certificates_fd, name, out_bytes, out_length, why);
	return status;
}
