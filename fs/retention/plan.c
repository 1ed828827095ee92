/* When each device is to be destroyed, and by which of two times: docs/retention.md, "Dates", "Trusted time". */
#include <stdio.h>
#include <string.h>

#include "fs/device/matters.h"
#include "fs/retention/private.h"

/* ---- what decides -------------------------------------------------------------------------------------- */

/*
 * What was recorded can only bring a date nearer, never put it off. So without it the date is one by which the device must be gone
 * in any case; what cannot be read is told, and nobody looks into the device meanwhile (docs/format-store.md).
 */
static bool add_recorded(struct device_store *store, const char *id,
			 struct rules_retention_facts *facts)
{
	BL_CLEANUP(device_facts_free) struct device_facts *recorded = NULL;
	enum bl_status status = device_facts_read(store, id, &recorded, NULL);

	if (status != BL_OK)
		return status == BL_NOT_FOUND;
	facts->last_open_unix = recorded->last_open_unix;
	facts->early_shred_unix = recorded->early_shred_unix;
	facts->consent_withdrawn_unix = device_consent_withdrawn(recorded);
	return true;
}

static bool add_requested(struct device_store *store, const char *id,
			  struct rules_retention_facts *facts)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	enum bl_status status = device_matters_read(store, id, &matters, NULL);

	if (status != BL_OK)
		return status == BL_NOT_FOUND;
	facts->requested_unix = device_matters_requested(matters);
	return true;
}

#define STATES_MOST 3

/*
 * What is held or due was something before, and is judged as that: were it judged by being due, no entry about that would speak of it any
 * more, and its date would be put off by having come. Records of earlier versions do not tell what it was: received or open, then.
 */
static size_t states_of(struct device_store *store, const struct device *device,
			enum bl_device_state out[STATES_MOST])
{
	size_t count = 1;

	out[0] = device->state;
	if (device->state != STATE_HELD && device->state != STATE_DUE)
		return count;
	if (!device_was(store, device->id, &out[0])) {
		out[0] = device->closed_unix ? STATE_CLOSED : STATE_RECEIVED;
		if (!device->closed_unix)
			out[count++] = STATE_OPEN;
	}
	/* What the policy says of what is held holds as well, before its date and after. */
	if (device->hold_count)
		out[count++] = STATE_HELD;
	return count;
}

/* Of those it may be said to be in, the one with the earliest date. */
static int state_of(struct device_store *store, const struct policy *policy,
		    const struct device *device, struct rules_retention_facts facts)
{
	enum bl_device_state states[STATES_MOST];
	size_t count = states_of(store, device, states), best = 0;
	int64_t earliest = INT64_MAX;

	for (size_t i = 0; count > 1 && i < count; i++) {
		struct rules_due due;

		facts.state = (int)states[i];
		rules_due_told(policy, &facts, &due);
		if (due.due_unix < earliest) {
			earliest = due.due_unix;
			best = i;
		}
	}
	return (int)states[best];
}

bool plan_facts(struct device_store *store, const struct policy *policy,
		const struct device *device, struct rules_retention_facts *out_facts)
{
	/*
	 * An image that is being sealed has its parts as well: else an entry about some files would destroy the whole of what is
	 * on its way in. They are destroyed once it is complete (retention_part_due).
	 */
	*out_facts = (struct rules_retention_facts){
		.device = {.id = device->id, .kind = (int)device->kind},
		.has_parts = device->source_kind == SOURCE_SEALED,
		.intake_unix = device->received_unix,
		.closed_unix = device->closed_unix,
	};

	bool is_read = add_recorded(store, device->id, out_facts);

	is_read = add_requested(store, device->id, out_facts) && is_read;
	out_facts->state = state_of(store, policy, device, *out_facts);
	return is_read;
}

/* Only the dates of a policy can be a slip of the pen. */
bool plan_has_grace(const struct rules_retention_facts *facts, const struct rules_due *due,
		    int64_t trusted_unix)
{
	switch (due->start) {
	case RULES_FROM_REQUEST:
	case RULES_FROM_WITHDRAWAL:
	case RULES_FROM_EARLY_SHRED:
		return false;
	case RULES_FROM_INTAKE:
	case RULES_FROM_LAST_OPEN:
	case RULES_FROM_CLOSED:
	case RULES_START_COUNT:
		break;
	}
	/* Where the policy's date came first, whoever was permitted to have it destroyed is asked no more. */
	return !facts->early_shred_unix || facts->early_shred_unix > trusted_unix;
}

/* ---- one device ------------------------------------------------------------------------------------------ */

void retention_plan_of(struct device_store *store, const struct policy *policy,
		       const struct device *device, const struct retention_now *now,
		       struct retention_plan *out_plan)
{
	struct rules_retention_facts facts;
	bool is_gone = device_is_gone(device);

	memset(out_plan, 0, sizeof(*out_plan));
	out_plan->is_unsure = !plan_facts(store, policy, device, &facts);
	rules_due_told(policy, &facts, &out_plan->why);
	out_plan->due_unix = out_plan->why.due_unix;
	snprintf(out_plan->entry, sizeof(out_plan->entry), "%s", out_plan->why.entry);
	out_plan->is_held = device->hold_count > 0;
	out_plan->is_due = !is_gone && out_plan->due_unix <= now->access_unix;
	/* Nothing is destroyed that is not closed, also where the two were not asked for at the very same moment. */
	out_plan->is_ripe = out_plan->is_due && out_plan->due_unix <= now->trusted_unix &&
			    (device->grace_unix <= now->trusted_unix ||
			     !plan_has_grace(&facts, &out_plan->why, now->trusted_unix));
}

/* ---- a record that is put right -------------------------------------------------------------------------- */

static bool is_brought_near(int64_t before_unix, int64_t after_unix,
			    const struct retention_now *now)
{
	return after_unix < before_unix && after_unix < now->access_unix + RETENTION_GRACE;
}

/* Of a part that has no date, or was carried out, nothing is destroyed. */
static int64_t part_date(struct device_store *store, const struct policy *policy,
			 const struct device *device, size_t index)
{
	struct rules_part part;

	return retention_part_date(store, policy, device, index, &part) ? part.due.due_unix
									: INT64_MAX;
}

enum bl_status retention_edit_check(struct device_store *store, const struct policy *policy,
				    const char *id, int64_t received_unix,
				    const struct retention_now *now, struct bl_error *why)
{
	struct retention_plan before, after;
	struct device was, is;
	enum bl_status status = device_find(store, id, &was, why);

	/* A record has minutes only: the same one is what it was. */
	if (status != BL_OK || received_unix / 60 == was.received_unix / 60)
		return status;
	is = was;
	is.received_unix = received_unix;
	retention_plan_of(store, policy, &was, now, &before);
	retention_plan_of(store, policy, &is, now, &after);

	bool is_near = is_brought_near(before.due_unix, after.due_unix, now);

	for (size_t i = 0; i < rules_retention_count(policy) && !is_near; i++)
		is_near = is_brought_near(part_date(store, policy, &was, i),
					  part_date(store, policy, &is, i), now);
	if (!is_near)
		return BL_OK;
	return bl_fail(why, BL_INVALID,
		       "'received' of '%s' would have it destroyed within a day: a record that is "
		       "put right does not do that (bailee shred %s --reason TEXT)",
		       id, id);
}

/* ---- all of them ------------------------------------------------------------------------------------------ */

struct next {
	struct device_store *store;
	const struct policy *policy;
	const struct retention_now *now;
	int64_t next_unix;
};

/* Both times go on alike: what is due by the later one is so that much sooner. */
static void consider_moment(struct next *next, int64_t at_unix)
{
	int64_t lead = next->now->access_unix - next->now->trusted_unix;
	int64_t by_access = at_unix > next->now->access_unix ? at_unix - lead : INT64_MAX;
	int64_t by_trusted = at_unix > next->now->trusted_unix ? at_unix : INT64_MAX;

	next->next_unix = BL_MIN(next->next_unix, BL_MIN(by_access, by_trusted));
}

static void consider_parts(struct next *next, const struct rules_retention_facts *facts)
{
	struct rules_part part;

	for (size_t i = 0; facts->has_parts && i < rules_retention_count(next->policy); i++)
		if (rules_part_due(next->policy, facts, i, &part))
			consider_moment(next, part.due.due_unix);
}

static bool consider(void *context, const struct device *device)
{
	struct next *next = context;
	struct rules_retention_facts facts;
	struct rules_due due;

	if (device_is_gone(device))
		return true;
	(void)plan_facts(next->store, next->policy, device, &facts);
	rules_due_told(next->policy, &facts, &due);
	consider_moment(next, due.due_unix);
	if (device->noticed_unix != due.due_unix)
		consider_moment(next, due.notice_unix);
	if (device->grace_unix > next->now->trusted_unix)
		next->next_unix = BL_MIN(next->next_unix, device->grace_unix);
	consider_parts(next, &facts);
	return true;
}

int64_t retention_next(struct device_store *store, const struct policy *policy,
		       const struct retention_now *now)
{
	struct next next = {.store = store, .policy = policy, .now = now, .next_unix = INT64_MAX};

	device_each(store, consider, &next);
	return next.next_unix;
}
