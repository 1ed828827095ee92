/* The states of a device as a table, and the last looks before a destruction begins. */
#include "fs/device/private.h"

#define TO(state) (1u << (state))
/*
 * docs/retention.md, "States". HELD is come to and left by holds, or left for DUE: what is due is closed, held or not. DUE is left by
 * device_not_due, for what it was: whoever closed it would put its date off, to the one of what is closed. What was given to us to
 * destroy becomes RELEASED from SHREDDED alone: is_allowed.
 */
static const unsigned MAY_BECOME[STATE_COUNT] = {
	[STATE_RECEIVED] = TO(STATE_OPEN) | TO(STATE_CLOSED) | TO(STATE_DUE) | TO(STATE_RELEASED),
	[STATE_OPEN] = TO(STATE_CLOSED) | TO(STATE_DUE),
	[STATE_CLOSED] = TO(STATE_OPEN) | TO(STATE_DUE) | TO(STATE_RELEASED),
	[STATE_HELD] = TO(STATE_DUE),
	[STATE_DUE] = TO(STATE_SHREDDED),
	[STATE_SHREDDED] = TO(STATE_RELEASED),
	[STATE_RELEASED] = 0,
};

/* Why not, or what has to come before: the words' fix. */
static const char *comes_first(const struct device_entry *entry, enum bl_device_state to)
{
	static const char *const FIRST[STATE_COUNT] = {
		[STATE_RECEIVED] = "it was taken in already",
		[STATE_OPEN] = "its date has come",
		[STATE_CLOSED] = "its date has come",
		[STATE_HELD] = "place a hold",
		[STATE_DUE] = "its date has come",
		[STATE_SHREDDED] = "its date comes first",
		[STATE_RELEASED] = "shred it first",
	};
	const struct device *device = &entry->device;

	if (device->state == STATE_RELEASED)
		return "it is not ours any more";
	if (device->state == STATE_SHREDDED)
		return "it is destroyed";
	if (entry->is_shredding)
		return "its destruction has begun";
	if (device->hold_count > 0)
		return "release its holds first";
	if (to == STATE_RELEASED && device->state == STATE_OPEN && !device->destroy_when_due)
		return "close it first";
	return FIRST[to];
}

static bool is_allowed(const struct device_entry *entry, enum bl_device_state to)
{
	const struct device *device = &entry->device;

	if (!(MAY_BECOME[device->state] & TO(to)) || (device->hold_count > 0 && to != STATE_DUE) ||
	    (entry->is_shredding && to != STATE_SHREDDED && device->state != STATE_SHREDDED))
		return false;
	/* What was given to us to destroy leaves by its destruction alone. */
	return to != STATE_RELEASED || device->state == STATE_SHREDDED || !device->destroy_when_due;
}

static enum bl_status check_state(const struct device_entry *entry, enum bl_device_state to,
				  struct bl_error *why)
{
	if (entry->device.state == to || is_allowed(entry, to))
		return BL_OK;
	return bl_fail(why, BL_INVALID, "device '%s' is %s and cannot become %s (%s)",
		       entry->device.id, bl_device_state_name(entry->device.state),
		       bl_device_state_name(to), comes_first(entry, to));
}

struct state_change {
	enum bl_device_state to;
	int64_t at_unix;
};

static enum bl_status make_state(struct device_entry *changed, const void *how,
				 struct bl_error *why)
{
	const struct state_change *change = how;
	struct device *device = &changed->device;
	enum bl_status status = check_state(changed, change->to, why);

	if (status != BL_OK || device->state == change->to)
		return status;
	if (change->to == STATE_OPEN)
		device->closed_unix = 0;
	if (change->to == STATE_CLOSED && !device->closed_unix)
		device->closed_unix = change->at_unix;
	/* What is due may be put off again: it is then what it was, held or not. */
	if (change->to != STATE_DUE)
		changed->before_hold = change->to;
	else if (device->state != STATE_HELD)
		changed->before_hold = device->state;
	device->state = change->to;
	return BL_OK;
}

enum bl_status device_set_state(struct device_store *store, const char *id,
				enum bl_device_state state, int64_t at_unix, struct bl_error *why)
{
	const struct state_change change = {.to = state, .at_unix = at_unix};
	STORE_LOCKED(store);

	return store_update(store, id, make_state, &change, why);
}

/* Records of earlier versions do not tell what it was: then work on it is done. */
static enum bl_status make_not_due(struct device_entry *changed, const void *how,
				   struct bl_error *why)
{
	struct device *device = &changed->device;

	(void)how;
	if (device->state != STATE_DUE || changed->is_shredding)
		return bl_fail(why, BL_INVALID, "device '%s' is not due, or being destroyed",
			       device->id);
	if (changed->before_hold == STATE_DUE)
		changed->before_hold = STATE_CLOSED;
	device->state = device->hold_count ? STATE_HELD : changed->before_hold;
	return BL_OK;
}

enum bl_status device_not_due(struct device_store *store, const char *id, struct bl_error *why)
{
	STORE_LOCKED(store);

	return store_update(store, id, make_not_due, NULL, why);
}

bool device_was(struct device_store *store, const char *id, enum bl_device_state *out_state)
{
	struct device_entry *entry;
	STORE_LOCKED(store);

	if (store_find(store, id, &entry, NULL) != BL_OK || entry->before_hold == STATE_DUE)
		return false;
	*out_state = entry->before_hold;
	return true;
}

enum bl_status device_may_become(struct device_store *store, const char *id,
				 enum bl_device_state state, struct bl_error *why)
{
	struct device_entry *entry;
	STORE_LOCKED(store);
	enum bl_status status = store_find(store, id, &entry, why);

	return status == BL_OK ? check_state(entry, state, why) : status;
}

/* ---- what is about to be destroyed -------------------------------------------------------------------- */

/* The last look: from here on the caller's mark keeps holds off. */
static enum bl_status find_unheld(struct device_store *store, const char *id,
				  struct device_entry **out_entry, struct bl_error *why)
{
	enum bl_status status = store_find(store, id, out_entry, why);

	if (status == BL_OK && (*out_entry)->device.hold_count)
		return bl_fail(why, BL_FORBIDDEN, "device '%s' is held (release its holds first)",
			       id);
	return status;
}

enum bl_status device_part_begin(struct device_store *store, const char *id, struct bl_error *why)
{
	struct device_entry *entry;
	STORE_LOCKED(store);
	enum bl_status status = find_unheld(store, id, &entry, why);

	if (status == BL_OK)
		entry->is_parting = true;
	return status;
}

void device_part_begun(struct device_store *store, const char *id)
{
	struct device_entry *entry;
	STORE_LOCKED(store);

	if (store_find(store, id, &entry, NULL) == BL_OK)
		entry->is_parting = false;
}

enum bl_status device_shred_begin(struct device_store *store, const char *id, struct bl_error *why)
{
	struct device_entry *entry;
	STORE_LOCKED(store);
	enum bl_status status = find_unheld(store, id, &entry, why);

	if (status != BL_OK)
		return status;
	if (entry->device.state != STATE_DUE)
		return bl_fail(why, BL_FORBIDDEN, "device '%s' is %s, not due", id,
			       bl_device_state_name(entry->device.state));
	entry->is_shredding = true;
	return BL_OK;
}

void device_shred_abandon(struct device_store *store, const char *id)
{
	struct device_entry *entry;
	STORE_LOCKED(store);

	if (store_find(store, id, &entry, NULL) == BL_OK)
		entry->is_shredding = false;
}

enum bl_status device_shred_claim(struct device_store *store, const char *id, struct bl_error *why)
{
	struct device_entry *entry;
	STORE_LOCKED(store);
	enum bl_status status = store_find(store, id, &entry, why);

	if (status == BL_OK && entry->is_claimed)
		return bl_fail(why, BL_LOCKED,
			       "an intake or a destruction of '%s' is under way already", id);
	if (status == BL_OK)
		entry->is_claimed = true;
	return status;
}

bool device_is_claimed(struct device_store *store, const char *id)
{
	struct device_entry *entry;
	STORE_LOCKED(store);

	return store_find(store, id, &entry, NULL) == BL_OK && entry->is_claimed;
}

void device_shred_unclaim(struct device_store *store, const char *id)
{
	struct device_entry *entry;
	STORE_LOCKED(store);

	if (store_find(store, id, &entry, NULL) == BL_OK)
		entry->is_claimed = false;
}
