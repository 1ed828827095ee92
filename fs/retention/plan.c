#include <stdio.h>
#include <string.h>

#include "fs/retention/retention.h"

static int64_t due_of(const struct policy *policy, const struct device *device,
		      const char **out_entry)
{
	const struct rules_retention_facts facts = {
		.device = {.id = device->id, .kind = (int)device->kind},
		/* A hold says nothing of the device's own state; held back it is by the hold itself. */
		.state = device->state == STATE_HELD ? -1 : (int)device->state,
		.intake_unix = device->received_unix,
	};

	return rules_due(policy, &facts, out_entry);
}

static bool is_gone(const struct device *device)
{
	return device->state == STATE_SHREDDED || device->state == STATE_RELEASED;
}

void retention_plan_of(const struct policy *policy, const struct device *device, int64_t now_unix,
		       struct retention_plan *out_plan)
{
	const char *entry = "";

	memset(out_plan, 0, sizeof(*out_plan));
	out_plan->due_unix = due_of(policy, device, &entry);
	snprintf(out_plan->entry, sizeof(out_plan->entry), "%s", entry);
	out_plan->is_held = device->hold_count > 0;
	out_plan->is_due = out_plan->due_unix <= now_unix && !is_gone(device);
}

struct next {
	const struct policy *policy;
	int64_t now_unix, next_unix;
};

static bool consider(void *context, const struct device *device)
{
	struct next *next = context;
	const char *entry;

	if (is_gone(device))
		return true;

	int64_t due_unix = due_of(next->policy, device, &entry);

	if (due_unix > next->now_unix && due_unix < next->next_unix)
		next->next_unix = due_unix;
	return true;
}

int64_t retention_next(struct device_store *store, const struct policy *policy, int64_t now_unix)
{
	struct next next = {.policy = policy, .now_unix = now_unix, .next_unix = INT64_MAX};

	device_each(store, consider, &next);
	return next.next_unix;
}
