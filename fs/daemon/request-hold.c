/* Holds: placed, reviewed, released by somebody else. */
#include <stdio.h>
#include <string.h>

#include "fs/daemon/life.h"

enum bl_status request_hold_add(struct asked *asked, struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;
	struct device device;
	const char *reason = asked_text(asked, "reason");
	uint32_t number = 0;

	if (!reason || !*reason)
		return bl_fail(why, BL_INVALID, "a hold needs a reason (--reason TEXT)");

	enum bl_status status = asked_permitted_device(asked, ACTION_HOLD, &device, why);

	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&daemon->life_lock);
	status = asked_log(asked, AUDIT_HOLD_ADDED, device.id, NULL, BL_OK, why);
	if (status == BL_OK)
		status = device_hold_add(daemon->store, device.id, asked->peer->uid, 0, reason,
					 daemon_trusted(daemon), &number, why);
	asked_undone(asked, AUDIT_HOLD_ADDED, device.id, status);
	pthread_mutex_unlock(&daemon->life_lock);
	gate_device_changed(daemon->gate, device.id);
	keeper_wake(daemon);
	answer_text(asked->answer, "device", device.id);
	answer_number(asked->answer, "hold", number);
	return status;
}

/* An approval of a release counts so long, and only while its giver may still approve. */
#define RELEASE_SECONDS INT64_C(86400)

static bool counts_for_release(const struct asked *asked, const char *device,
			       const struct device_approval *approval)
{
	const struct gate_question question = {
		.uid = approval->by,
		.gid = (gid_t)approval->by,
		.has_reason = true,
		.action = ACTION_APPROVE,
		.device = device,
	};
	char rule[BL_RULE_ID_SIZE];
	int64_t now = daemon_trusted(asked->daemon);

	return approval->since_unix <= now && now - approval->since_unix < RELEASE_SECONDS &&
	       gate_ask(asked->daemon->gate, &question, rule, NULL) == BL_OK;
}

/* What was asked for before the hold was there is about another one: nobody who agreed knew of this. */
static bool is_release_of(const struct asked *asked, const struct device_request *request,
			  const struct device_hold *hold)
{
	return request->action == ACTION_RELEASE && request->by == asked->peer->uid &&
	       !request->is_refused && request->since_unix >= hold->since_unix;
}

/* The request of this person that the most others agreed to; *out_number 0: none. */
static enum bl_status best_release(const struct asked *asked, const char *device,
				   const struct device_hold *hold, uint32_t *out_number,
				   size_t *out_count, struct bl_error *why)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;
	enum bl_status status = device_facts_read(asked->daemon->store, device, &facts, why);

	*out_number = 0;
	*out_count = 0;
	for (size_t i = 0; status == BL_OK && i < facts->request_count; i++) {
		const struct device_request *request = &facts->requests[i];
		size_t count = 0;

		for (size_t k = 0;
		     is_release_of(asked, request, hold) && k < request->approval_count; k++)
			count += counts_for_release(asked, device, &request->approvals[k]);
		if (count > *out_count) {
			*out_count = count;
			*out_number = request->number;
		}
	}
	return status;
}

/* `holds: release_approvals`: so many others have to agree. @out_number: to the request that is used up by it; 0: none */
static enum bl_status check_release(struct asked *asked, const struct device *device,
				    const struct device_hold *hold, uint32_t *out_number,
				    struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	unsigned needed = policy_holds(policy)->release_approvals;
	size_t count;

	*out_number = 0;
	if (hold->incident)
		return bl_fail(why, BL_INVALID,
			       "hold %u is incident %u's (bailee incident close %s/%u)",
			       (unsigned)hold->number, (unsigned)hold->incident, device->id,
			       (unsigned)hold->incident);
	if (needed == 0)
		return life_by_others(asked, AUDIT_HOLD_RELEASED, device->id, hold->by, why);
	enum bl_status status = best_release(asked, device->id, hold, out_number, &count, why);

	if (status != BL_OK || count >= needed)
		return status;
	status = bl_fail(why, BL_ASK,
			 "releasing a hold takes %u approvals by others, %zu are there (bailee "
			 "request release %s --reason TEXT)",
			 needed, count, device->id);
	return asked_log(asked, AUDIT_HOLD_RELEASED, device->id, "approvals", BL_ASK, NULL) == BL_OK
		       ? status
		       : bl_fail(why, BL_LOG_BROKEN, "the log cannot take the event");
}

/* The event first; what others agreed to is used up with it, before the hold is gone: the next one is another matter. */
static enum bl_status release(struct asked *asked, const struct device *device, uint32_t hold,
			      uint32_t request, struct bl_error *why)
{
	struct device_store *store = asked->daemon->store;
	enum bl_status status = asked_log(asked, AUDIT_HOLD_RELEASED, device->id, NULL, BL_OK, why);

	if (status == BL_OK && request)
		status = device_request_refuse(store, device->id, request, asked->peer->uid, why);
	if (status == BL_OK)
		status = device_hold_release(store, device->id, hold, why);
	asked_undone(asked, AUDIT_HOLD_RELEASED, device->id, status);
	return status;
}

/* Which one: the only one when none is named. A slip of the pen uses nothing up. */
static enum bl_status pick_hold(const struct asked *asked, const struct device *device,
				const struct device_hold **out_hold, struct bl_error *why)
{
	int64_t number = asked_number(asked, "hold", 0);

	for (size_t i = 0; i < device->hold_count; i++)
		if (number ? device->holds[i].number == number : device->hold_count == 1) {
			*out_hold = &device->holds[i];
			return BL_OK;
		}
	if (number)
		return bl_fail(why, BL_NOT_FOUND, "device '%s' has no hold %lld", device->id,
			       (long long)number);
	return bl_fail(why, BL_INVALID, "device '%s' has %zu holds (name one with --hold N)",
		       device->id, device->hold_count);
}

enum bl_status request_hold_release(struct asked *asked, struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;
	struct device device;
	const char *reason = asked_text(asked, "reason");
	const struct device_hold *hold = NULL;
	uint32_t request = 0;

	if (!reason || !*reason)
		return bl_fail(why, BL_INVALID, "releasing a hold needs a reason (--reason TEXT)");

	enum bl_status status = asked_permitted_device(asked, ACTION_RELEASE, &device, why);

	if (status == BL_OK)
		status = pick_hold(asked, &device, &hold, why);
	if (status == BL_OK)
		status = check_release(asked, &device, hold, &request, why);
	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&daemon->life_lock);
	status = release(asked, &device, hold->number, request, why);
	pthread_mutex_unlock(&daemon->life_lock);
	gate_device_changed(daemon->gate, device.id);
	keeper_wake(daemon);
	answer_text(asked->answer, "device", device.id);
	answer_number(asked->answer, "hold", hold->number);
	return status;
}

/* Still needed: said by somebody, with a reason, before its time is over. */
enum bl_status request_hold_review(struct asked *asked, struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;
	struct device device;
	const char *reason = asked_text(asked, "reason");
	const struct device_hold *hold = NULL;
	char detail[AUDIT_DETAIL_SIZE];

	if (!reason || !*reason)
		return bl_fail(why, BL_INVALID, "reviewing a hold needs a reason (--reason TEXT)");

	enum bl_status status = asked_permitted_device(asked, ACTION_HOLD, &device, why);

	if (status == BL_OK)
		status = pick_hold(asked, &device, &hold, why);
	if (status != BL_OK)
		return status;
	snprintf(detail, sizeof(detail), "hold %u reviewed", (unsigned)hold->number);
	pthread_mutex_lock(&daemon->life_lock);
	status = asked_log(asked, AUDIT_CUSTODY, device.id, detail, BL_OK, why);
	if (status == BL_OK)
		status = device_hold_review(daemon->store, device.id, hold->number,
					    daemon_trusted(daemon), why);
	asked_undone(asked, AUDIT_CUSTODY, device.id, status);
	pthread_mutex_unlock(&daemon->life_lock);
	answer_text(asked->answer, "device", device.id);
	answer_number(asked->answer, "hold", hold->number);
	return status;
}
