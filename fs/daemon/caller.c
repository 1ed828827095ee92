#include <string.h>

#include "fs/daemon/state.h"

struct audit_event event_by(struct daemon *daemon, const struct peer *peer, enum audit_op op)
{
	struct audit_event event = {.op = op,
				    .verdict = AUDIT_PERMITTED,
				    .uid = UINT32_MAX,
				    .gid = UINT32_MAX,
				    .pid = UINT32_MAX,
				    .login_uid = UINT32_MAX};
	struct policy *policy = daemon->gate ? gate_policy(daemon->gate) : NULL;

	if (peer) {
		event.uid = peer->uid;
		event.gid = peer->gid;
		event.pid = (uint32_t)peer->pid;
	}
	if (policy) {
		event.policy_serial = policy_serial(policy);
		policy_unref(policy);
	}
	return event;
}

/* The places of one device, for a question about the device as a whole. */
static enum bl_status device_places(const struct policy *policy, const struct device *device,
				    struct rules_places **out_places, struct bl_error *why)
{
	if (!device)
		return BL_OK;
	struct rules_device fact = {.id = device->id, .kind = (int)device->kind};

	return rules_places_new(policy, &fact, out_places, why);
}

static enum bl_status decide(struct daemon *daemon, const struct policy *policy,
			     const struct person *person, const struct peer *peer,
			     enum bl_action action, const struct device *device, bool has_reason,
			     char *out_rule, struct bl_error *why)
{
	struct rules_circumstances circumstances = {
		.caller = person_caller(person, peer->uid),
		.has_reason = has_reason,
		.now_unix = daemon_now(NULL),
		.is_clock_trusted = true,
	};
	BL_CLEANUP(rules_subject_free) struct rules_subject *subject = NULL;
	BL_CLEANUP(rules_places_free) struct rules_places *places = NULL;
	enum bl_status status = rules_subject_new(policy, &circumstances, &subject, why);

	if (status == BL_OK)
		status = device_places(policy, device, &places, why);
	if (status != BL_OK)
		return status;

	struct rules_facts facts = {
		.places = places,
		.place = places ? rules_places_root(places) : RULES_PLACE_UNKNOWN,
		.kind = -1,
		.size_bytes = -1,
		.state = device ? (int)device->state : -1,
		.is_log_writable = audit_is_writable(daemon->audit),
	};
	struct rules_decision decision;

	rules_decide(subject, &facts, action, 0, &decision);
	strncat(strcpy(out_rule, ""), decision.rule ? decision.rule : "", BL_RULE_ID_SIZE - 1);
	if (decision.outcome == RULES_PERMIT)
		return BL_OK;

	char text[sizeof(why->text)];

	rules_say(subject, &facts, action, &decision, text, sizeof(text));
	return bl_fail(why, decision.outcome == RULES_ASK ? BL_ASK : BL_FORBIDDEN, "%s", text);
}

enum bl_status may(struct daemon *daemon, const struct peer *peer, enum bl_action action,
		   const struct device *device, bool has_reason, char *out_rule,
		   struct bl_error *why)
{
	if (peer->uid == daemon->owner) {
		strcpy(out_rule, "builtin/store-owner");
		return BL_OK;
	}

	BL_CLEANUP(person_free) struct person *person = NULL;
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	enum bl_status status = person_lookup(peer->uid, peer->gid, &person, why);

	if (status != BL_OK)
		return status;
	return decide(daemon, policy, person, peer, action, device, has_reason, out_rule, why);
}
