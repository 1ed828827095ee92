/*
 * Holds, each in the record and in STORE/holds: whoever puts one of the two back has not removed a hold. A hold is written to STORE/holds before the
 * record, and taken from the record before STORE/holds, so that after a crash it stands rather than not.
 */
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

/* ---- STORE/holds ----------------------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
	return held_compare(left, right);
}

static bool is_stray(const struct device_store *store, const struct held *held)
{
	struct device_entry *entry;

	return store_find(store, held->device, &entry, NULL) != BL_OK;
}

bool holds_know(const struct device_store *store, const char *id)
{
	for (size_t i = 0; i < store->stray_count; i++)
		if (strcmp(store->strays[i].device, id) == 0)
			return true;
	return false;
}

/* Every hold that stands, as if @changed were its device's entry; sorted. */
static enum bl_status gather(const struct device_store *store, const struct device_entry *changed,
			     struct held **out_held, size_t *out_count)
{
	size_t room = store->stray_count, count = 0;

	for (size_t i = 0; i < store->count; i++)
		room += store->entries[i]->device.hold_count + 1;

	struct held *held = calloc(room + 1, sizeof(*held));

	if (!held)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < store->count; i++) {
		const struct device *device = &store->entries[i]->device;

		if (changed && strcmp(device->id, changed->device.id) == 0)
			device = &changed->device;
		for (size_t k = 0; k < device->hold_count; k++, count++) {
			memcpy(held[count].device, device->id, sizeof(device->id));
			held[count].hold = device->holds[k];
		}
	}
	for (size_t i = 0; i < store->stray_count; i++)
		if (is_stray(store, &store->strays[i]))
			held[count++] = store->strays[i];
	qsort(held, count, sizeof(*held), compare);
	*out_held = held;
	*out_count = count;
	return BL_OK;
}

static enum bl_status register_write(struct device_store *store, const struct device_entry *changed,
				     struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct held *held = NULL;
	BL_CLEANUP(bl_free) char *json = NULL;
	size_t count = 0;
	enum bl_status status = gather(store, changed, &held, &count);

	if (status == BL_OK && count > HELD_LIMIT)
		return bl_fail(why, BL_TOO_LARGE, "the store has %d holds already (release some)",
			       HELD_LIMIT);
	if (status == BL_OK)
		status = codec_held_encode(held, count, &json);
	if (status != BL_OK)
		return bl_fail(why, status, "out of memory");
	return store_secret_put(store, STORE_HOLDS, json, strlen(json), why);
}

/* ---- placing, reviewing, releasing ----------------------------------------------------------------- */

static enum bl_status check_hold(const struct device_entry *entry, const char *reason,
				 struct bl_error *why)
{
	const struct device *device = &entry->device;

	if (!reason || !*reason || !file_text_ok(reason, DEVICE_REASON - 1))
		return bl_fail(
			why, BL_INVALID,
			"a hold needs a reason of 1 to 255 bytes without control characters");
	if (device_is_gone(device))
		return bl_fail(why, BL_INVALID, "device '%s' is %s: there is nothing to hold",
			       device->id, bl_device_state_name(device->state));
	if (entry->is_shredding)
		return bl_fail(why, BL_INVALID,
			       "the destruction of '%s' has begun: it is too late for a hold",
			       device->id);
	if (entry->is_parting)
		return bl_fail(why, BL_LOCKED,
			       "files of '%s' are about to be destroyed (ask again in a moment: "
			       "the hold is for the rest)",
			       device->id);
	if (device->hold_count == DEVICE_HOLDS || device->next_hold == UINT32_MAX)
		return bl_fail(why, BL_TOO_LARGE, "device '%s' has %d holds already (release one)",
			       device->id, DEVICE_HOLDS);
	return BL_OK;
}

/* By number; the place in the list is made. */
static void put_hold(struct device_entry *changed, const struct device_hold *hold)
{
	struct device *device = &changed->device;
	size_t at = device->hold_count++;

	for (; at > 0 && device->holds[at - 1].number > hold->number; at--)
		device->holds[at] = device->holds[at - 1];
	device->holds[at] = *hold;
	device->next_hold = BL_MAX(device->next_hold, hold->number + 1);
	/* A hold stops the destruction of a device that is due; it opens nothing again. */
	if (device->state != STATE_HELD && device->state != STATE_DUE) {
		changed->before_hold = device->state;
		device->state = STATE_HELD;
	}
}

/* A copy to be changed, of a device that is there; the caller's (free). */
static enum bl_status begin_change(const struct device_store *store, const char *id,
				   struct device_entry **out_entry,
				   struct device_entry **out_changed, struct bl_error *why)
{
	enum bl_status status = store_find(store, id, out_entry, why);
	struct device_entry *changed = status == BL_OK ? malloc(sizeof(*changed)) : NULL;

	if (status != BL_OK)
		return status;
	if (!changed)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	*changed = **out_entry;
	*out_changed = changed;
	return BL_OK;
}

static enum bl_status add(struct device_store *store, struct device_entry *entry,
			  const struct device_entry *changed, struct bl_error *why)
{
	enum bl_status status = register_write(store, changed, why);

	if (status == BL_OK)
		status = store_change(store, entry, changed, why);
	/* Nobody was told that it stands. If that cannot be put right either, it stands when the store is next opened. */
	if (status != BL_OK)
		(void)!register_write(store, NULL, NULL);
	return status;
}

enum bl_status device_hold_add(struct device_store *store, const char *id, uid_t by,
			       uint32_t incident, const char *reason, int64_t now_unix,
			       uint32_t *out_number, struct bl_error *why)
{
	struct device_entry *entry;
	BL_CLEANUP(bl_free) struct device_entry *changed = NULL;
	struct device_hold hold = {
		.since_unix = now_unix, .reviewed_unix = now_unix, .by = by, .incident = incident};
	STORE_LOCKED(store);
	enum bl_status status = begin_change(store, id, &entry, &changed, why);

	if (status == BL_OK)
		status = check_hold(entry, reason, why);
	if (status != BL_OK)
		return status;
	hold.number = entry->device.next_hold;
	memcpy(hold.reason, reason, strlen(reason) + 1);
	put_hold(changed, &hold);
	status = add(store, entry, changed, why);
	if (status == BL_OK && out_number)
		*out_number = hold.number;
	return status;
}

static enum bl_status find_hold(struct device *device, uint32_t number, size_t *out_at,
				struct bl_error *why)
{
	for (size_t i = 0; i < device->hold_count; i++)
		if (device->holds[i].number == number) {
			*out_at = i;
			return BL_OK;
		}
	return bl_fail(why, BL_NOT_FOUND, "device '%s' has no hold %u", device->id,
		       (unsigned)number);
}

/* Out of the record first; memory lets go only when both have. */
static enum bl_status take_away(struct device_store *store, struct device_entry *entry,
				const struct device_entry *changed, struct bl_error *why)
{
	enum bl_status status = store_put(store, changed, why);

	if (status == BL_OK)
		status = register_write(store, changed, why);
	if (status == BL_OK)
		*entry = *changed;
	else /* it stands: so the record says, or STORE/holds does when the store is next opened */
		(void)!store_put(store, entry, NULL);
	return status;
}

enum bl_status device_hold_release(struct device_store *store, const char *id, uint32_t number,
				   struct bl_error *why)
{
	struct device_entry *entry;
	BL_CLEANUP(bl_free) struct device_entry *changed = NULL;
	size_t at = 0;
	STORE_LOCKED(store);
	enum bl_status status = begin_change(store, id, &entry, &changed, why);

	if (status == BL_OK)
		status = find_hold(&changed->device, number, &at, why);
	if (status != BL_OK)
		return status;

	struct device *device = &changed->device;

	device->hold_count--;
	memmove(device->holds + at, device->holds + at + 1,
		(device->hold_count - at) * sizeof(device->holds[0]));
	memset(device->holds + device->hold_count, 0, sizeof(device->holds[0]));
	if (device->hold_count == 0 && device->state == STATE_HELD)
		device->state = changed->before_hold;
	return take_away(store, entry, changed, why);
}

enum bl_status device_hold_review(struct device_store *store, const char *id, uint32_t number,
				  int64_t now_unix, struct bl_error *why)
{
	struct device_entry *entry;
	BL_CLEANUP(bl_free) struct device_entry *changed = NULL;
	size_t at = 0;
	STORE_LOCKED(store);
	enum bl_status status = begin_change(store, id, &entry, &changed, why);

	if (status == BL_OK)
		status = find_hold(&changed->device, number, &at, why);
	if (status != BL_OK)
		return status;
	changed->device.holds[at].reviewed_unix = now_unix;
	return add(store, entry, changed, why);
}

/* ---- when the store is opened ------------------------------------------------------------------------ */

size_t device_holds_restored(struct device_store *store, const char *id)
{
	struct device_entry *entry;
	size_t count = 0;
	STORE_LOCKED(store);

	if (id)
		return store_find(store, id, &entry, NULL) == BL_OK ? entry->restored : 0;
	for (size_t i = 0; i < store->count; i++)
		count += store->entries[i]->restored;
	return count;
}

static bool is_same(const struct device_hold *left, const struct device_hold *right)
{
	return left->number == right->number && left->since_unix == right->since_unix &&
	       left->by == right->by && left->incident == right->incident &&
	       strcmp(left->reason, right->reason) == 0;
}

static enum bl_status check_room(const struct device *device, struct bl_error *why)
{
	if (device->hold_count < DEVICE_HOLDS && device->next_hold < UINT32_MAX)
		return BL_OK;
	return bl_fail(why, BL_TAMPERED,
		       "record and 'holds' of the store together have over %d holds of '%s' (put "
		       "both back from one backup)",
		       DEVICE_HOLDS, device->id);
}

/*
 * A record that was put back may know another hold of that number, which was given again since: it moves to a new one, since events name the number
 * that STORE/holds has.
 */
static enum bl_status restore_one(struct device_entry *changed, const struct device_hold *hold,
				  struct bl_error *why)
{
	struct device *device = &changed->device;
	struct device_hold other = *hold;
	size_t at = 0;

	if (find_hold(device, hold->number, &at, NULL) == BL_OK) {
		other = device->holds[at];
		device->holds[at] = *hold;
		if (is_same(hold, &other))
			return BL_OK;
		other.number = device->next_hold;
	}

	enum bl_status status = check_room(device, why);

	if (status != BL_OK)
		return status;
	put_hold(changed, &other);
	changed->restored++;
	return BL_OK;
}

static enum bl_status restore_device(struct device_store *store, struct device_entry *entry,
				     const struct held *held, size_t count, struct bl_error *why)
{
	struct device_entry *same;
	BL_CLEANUP(bl_free) struct device_entry *changed = NULL;
	enum bl_status status = begin_change(store, entry->device.id, &same, &changed, why);

	/* There is nothing to hold any more: it was released while the other file was away. */
	if (status != BL_OK || device_is_gone(&entry->device))
		return status;
	for (size_t i = 0; i < count && status == BL_OK; i++)
		status = restore_one(changed, &held[i].hold, why);
	if (status == BL_OK && memcmp(changed, entry, sizeof(*entry)) != 0)
		status = store_change(store, entry, changed, why);
	return status;
}

static enum bl_status restore_all(struct device_store *store, const struct held *held, size_t count,
				  struct bl_error *why)
{
	store->strays = calloc(count + 1, sizeof(*store->strays));
	if (!store->strays)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	for (size_t at = 0, next; at < count; at = next) {
		struct device_entry *entry;
		enum bl_status status = store_find(store, held[at].device, &entry, NULL);

		for (next = at; next < count && strcmp(held[at].device, held[next].device) == 0;
		     next++)
			if (status != BL_OK)
				store->strays[store->stray_count++] = held[next];
		if (status == BL_OK)
			status = restore_device(store, entry, held + at, next - at, why);
		else
			status = BL_OK;
		if (status != BL_OK)
			return status;
	}
	return BL_OK;
}

/* A store of an earlier version has none, nor has one in which nobody ever placed a hold. */
static enum bl_status register_read(struct device_store *store, char **out_json, size_t *out_length,
				    struct held **out_held, size_t *out_count, struct bl_error *why)
{
	uint8_t *json = NULL;
	enum bl_status status = store_secret_get(store, STORE_HOLDS, &json, out_length, why);

	*out_json = (char *)json;
	if (status == BL_NOT_FOUND) {
		*out_length = 0;
		return BL_OK;
	}
	if (status == BL_OK)
		status = codec_held_decode(*out_json, *out_length, out_held, out_count);
	if (status == BL_TAMPERED)
		return bl_fail(
			why, status,
			"'holds' of the store does not say any more which holds stand (put it "
			"back from a backup)");
	return status;
}

enum bl_status holds_restore(struct device_store *store, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *json = NULL, *now = NULL;
	BL_CLEANUP(bl_free) struct held *held = NULL, *all = NULL;
	size_t length = 0, count = 0;
	enum bl_status status = register_read(store, &json, &length, &held, &count, why);

	if (status == BL_OK)
		status = restore_all(store, held, count, why);
	if (status != BL_OK)
		return status;
	status = gather(store, NULL, &all, &count);
	if (status == BL_OK)
		status = codec_held_encode(all, count, &now);
	if (status != BL_OK)
		return bl_fail(why, status, "out of memory");
	/* It is written only when it says something new: looking at a store changes nothing in it. */
	if (length ? strlen(now) == length && memcmp(now, json, length) == 0 : count == 0)
		return BL_OK;
	return register_write(store, NULL, why);
}
