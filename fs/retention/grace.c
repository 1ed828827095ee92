/* Another policy is about to be in force: what it makes due now is given a day. docs/retention.md, "Grace". */
#include <stdlib.h>
#include <string.h>

#include "fs/retention/private.h"

/* What was found of one device; written once all are looked at, since nothing may be while they are told. */
struct change {
	char id[BL_DEVICE_ID_SIZE];
	int64_t grace_unix;
};

struct grace {
	struct device_store *store;
	const struct policy *older, *newer;
	const struct retention_now *now;
	struct change *changes;
	size_t count, room;
	bool is_short_of_memory;
};

/* One date under one policy, by both times. */
struct view {
	struct parts_policy under;
	bool is_due, is_ripe; /* ripe: but for grace */
	bool has_grace;
};

static struct view view_of(const struct grace *grace, const struct policy *policy,
			   const struct device *device)
{
	struct view view = {.under.policy = policy};
	struct rules_due due;

	(void)plan_facts(grace->store, policy, device, &view.under.facts);
	rules_due_told(policy, &view.under.facts, &due);
	view.is_due = due.due_unix <= grace->now->access_unix;
	view.is_ripe = due.due_unix <= grace->now->trusted_unix;
	view.has_grace = plan_has_grace(&view.under.facts, &due, grace->now->trusted_unix);
	return view;
}

/*
 * What the older one had made due has the grace that it had then, or none. By either time: a clock that is ahead makes much due for
 * access that another policy may then make ripe.
 */
static int64_t grace_of(const struct grace *grace, const struct device *device)
{
	struct view older = view_of(grace, grace->older, device);
	struct view newer = view_of(grace, grace->newer, device);
	int64_t until_unix = grace->now->trusted_unix + RETENTION_GRACE;
	bool is_new = (newer.is_due && !older.is_due) || (newer.is_ripe && !older.is_ripe);

	if (newer.is_due && !newer.has_grace)
		return 0;
	if (newer.is_due)
		return is_new ? until_unix : device->grace_unix;
	switch (parts_compare(grace->store, device->id, &older.under, &newer.under,
			      grace->now->trusted_unix)) {
	case PARTS_NEWLY_DUE:
		return until_unix;
	case PARTS_DUE:
		return device->grace_unix;
	case PARTS_NONE:
		break;
	}
	return 0;
}

static bool add_change(struct grace *grace, const struct device *device, int64_t grace_unix)
{
	if (grace->count == grace->room) {
		size_t room = grace->room ? 2 * grace->room : 16;
		struct change *grown = reallocarray(grace->changes, room, sizeof(*grown));

		if (!grown) {
			grace->is_short_of_memory = true;
			return false;
		}
		grace->changes = grown;
		grace->room = room;
	}

	struct change *change = &grace->changes[grace->count++];

	memcpy(change->id, device->id, sizeof(change->id));
	change->grace_unix = grace_unix;
	return true;
}

static bool look_at(void *context, const struct device *device)
{
	struct grace *grace = context;

	if (device_is_gone(device))
		return true;

	int64_t grace_unix = grace_of(grace, device);

	return grace_unix == device->grace_unix || add_change(grace, device, grace_unix);
}

enum bl_status retention_grace(struct device_store *store, const struct policy *older,
			       const struct policy *newer, const struct retention_now *now,
			       size_t *out_count, struct bl_error *why)
{
	struct grace grace = {.store = store, .older = older, .newer = newer, .now = now};
	enum bl_status worst = BL_OK;
	size_t given = 0;

	device_each(store, look_at, &grace);
	for (size_t i = 0; i < grace.count; i++) {
		struct bl_error here = {.text = ""};
		enum bl_status status = device_set_grace(store, grace.changes[i].id,
							 grace.changes[i].grace_unix, &here);

		given += status == BL_OK && grace.changes[i].grace_unix != 0;
		if (status != BL_OK && worst == BL_OK)
			worst = bl_fail(why, status, "%s", here.text);
	}
	free(grace.changes);
	if (grace.is_short_of_memory && worst == BL_OK)
		worst = bl_fail(why, BL_NO_MEMORY, "out of memory");
	*out_count = given;
	return worst;
}
