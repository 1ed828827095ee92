#include <stdio.h>
#include <string.h>

#include "fs/retention/retention.h"

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

static bool facts_of(struct device_store *store, const struct device *device,
		     struct rules_retention_facts *out_facts)
{
	*out_facts = (struct rules_retention_facts){
		.device = {.id = device->id, .kind = (int)device->kind},
		/* A hold says nothing of the device's own state; held back it is by the hold itself. */
		.state = device->state == STATE_HELD ? -1 : (int)device->state,
		.intake_unix = device->received_unix,
	};
	return add_recorded(store, device->id, out_facts);
}

static bool is_gone(const struct device *device)
{
	return device->state == STATE_SHREDDED || device->state == STATE_RELEASED;
}

void retention_plan_of(struct device_store *store, const struct policy *policy,
		       const struct device *device, int64_t now_unix,
		       struct retention_plan *out_plan)
{
	struct rules_retention_facts facts;
	const char *entry = "";

	memset(out_plan, 0, sizeof(*out_plan));
	out_plan->is_unsure = !facts_of(store, device, &facts);
	out_plan->due_unix = rules_due(policy, &facts, &entry);
	out_plan->notice_unix = rules_notice(policy, &facts);
	snprintf(out_plan->entry, sizeof(out_plan->entry), "%s", entry);
	out_plan->is_held = device->hold_count > 0;
	out_plan->is_due = out_plan->due_unix <= now_unix && !is_gone(device);
}

struct next {
	struct device_store *store;
	const struct policy *policy;
	int64_t now_unix, next_unix;
};

static bool consider(void *context, const struct device *device)
{
	struct next *next = context;
	struct rules_retention_facts facts;
	const char *entry;

	if (is_gone(device))
		return true;
	(void)facts_of(next->store, device, &facts);

	int64_t due_unix = rules_due(next->policy, &facts, &entry);

	if (due_unix > next->now_unix && due_unix < next->next_unix)
		next->next_unix = due_unix;
	return true;
}

int64_t retention_next(struct device_store *store, const struct policy *policy, int64_t now_unix)
{
	struct next next = {
		.store = store, .policy = policy, .now_unix = now_unix, .next_unix = INT64_MAX};

	device_each(store, consider, &next);
	return next.next_unix;
}
