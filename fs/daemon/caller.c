#include <stdio.h>
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

enum bl_status may_by_role(struct daemon *daemon, const struct peer *peer,
			   const struct may_question *asked, char *out_rule, struct bl_error *why)
{
	struct gate_question question = {
		.uid = peer->uid,
		.gid = peer->gid,
		.purpose = asked->purpose,
		.has_reason = asked->has_reason,
		.action = asked->action,
		.device = asked->device,
	};

	return gate_ask(daemon->gate, &question, out_rule, why);
}

enum bl_status may(struct daemon *daemon, const struct peer *peer, const struct may_question *asked,
		   char *out_rule, struct bl_error *why)
{
	if (peer->uid == daemon->owner) {
		strcpy(out_rule, RULE_STORE_OWNER);
		return BL_OK;
	}
	return may_by_role(daemon, peer, asked, out_rule, why);
}

bool knows(struct daemon *daemon, const struct peer *peer, const struct may_question *asked)
{
	const struct gate_question question = {
		.uid = peer->uid,
		.gid = peer->gid,
		.purpose = asked->purpose,
		.has_reason = asked->has_reason,
		.device = asked->device,
	};

	return peer->uid == daemon->owner || gate_knows(daemon->gate, &question);
}

/* Somebody of another user namespace is nobody here too, whatever a policy says of that account. */
static struct rules_caller caller_of(const struct daemon *daemon, const struct person *person,
				     uid_t uid)
{
	if (uid == gate_nobody(daemon->gate))
		return (struct rules_caller){.uid = (uid_t)-1};
	return person_caller(person, uid);
}

/* Who asks, for what, at which machine and when. */
static enum bl_status subject_of(struct daemon *daemon, const struct policy *policy,
				 const struct peer *peer, const struct may_question *asked,
				 struct rules_subject **out_subject, struct bl_error *why)
{
	BL_CLEANUP(person_free) struct person *person = NULL;
	enum bl_status status = person_lookup(peer->uid, peer->gid, &person, why);

	if (status != BL_OK)
		return status;
	struct rules_circumstances circumstances = {
		.caller = caller_of(daemon, person, peer->uid),
		.purpose = asked->purpose,
		.has_reason = asked->has_reason,
		.host = daemon->host[0] ? daemon->host : NULL,
		.now_unix = daemon_now(daemon),
		.is_clock_trusted = true,
	};

	return rules_subject_new(policy, &circumstances, out_subject, why);
}

static enum bl_status decide_intake(struct daemon *daemon, const struct rules_subject *subject,
				    const struct rules_places *places, char *out_rule,
				    struct bl_error *why)
{
	const struct rules_facts facts = {
		.places = places,
		.place = rules_places_root(places),
		.kind = -1,
		.size_bytes = -1,
		.state = STATE_RECEIVED,
		.is_log_writable = audit_is_writable(daemon->audit),
	};
	struct rules_decision decision;
	char text[sizeof(why->text)];

	rules_decide(subject, &facts, ACTION_INTAKE, 0, &decision);
	snprintf(out_rule, BL_RULE_ID_SIZE, "%s", decision.rule ? decision.rule : "");
	if (decision.outcome == RULES_PERMIT)
		return BL_OK;
	rules_say(subject, &facts, ACTION_INTAKE, &decision, text, sizeof(text));
	return bl_fail(why, decision.outcome == RULES_ASK ? BL_ASK : BL_FORBIDDEN, "%s", text);
}

enum bl_status may_take_in(struct daemon *daemon, const struct peer *peer,
			   const struct may_question *asked, enum bl_device_kind kind,
			   char *out_rule, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	BL_CLEANUP(rules_subject_free) struct rules_subject *subject = NULL;
	BL_CLEANUP(rules_places_free) struct rules_places *places = NULL;
	const struct rules_device device = {.id = asked->device, .kind = (int)kind};

	if (peer->uid == daemon->owner) {
		strcpy(out_rule, RULE_STORE_OWNER);
		return BL_OK;
	}
	enum bl_status status = subject_of(daemon, policy, peer, asked, &subject, why);

	if (status == BL_OK)
		status = rules_places_new(policy, &device, &places, why);
	return status == BL_OK ? decide_intake(daemon, subject, places, out_rule, why) : status;
}

enum bl_status has_role(struct daemon *daemon, const struct peer *peer, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	BL_CLEANUP(rules_subject_free) struct rules_subject *subject = NULL;
	const struct may_question asked = {0};
	enum bl_status status = subject_of(daemon, policy, peer, &asked, &subject, why);

	if (status != BL_OK)
		return status;
	if (rules_subject_role_bits(subject) == 0)
		return bl_fail(why, BL_FORBIDDEN,
			       "you hold no role of this policy now (ask whoever keeps it: bailee "
			       "people)");
	return BL_OK;
}

char *lapsed_roles(struct daemon *daemon, const struct peer *peer)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	BL_CLEANUP(rules_subject_free) struct rules_subject *subject = NULL;
	const struct may_question asked = {0};

	if (subject_of(daemon, policy, peer, &asked, &subject, NULL) != BL_OK)
		return strdup("");
	return strdup(rules_subject_lapsed(subject));
}

enum bl_status caller_told(struct daemon *daemon, uid_t uid, char **out_person, char **out_roles)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	BL_CLEANUP(rules_subject_free) struct rules_subject *subject = NULL;
	const struct peer peer = {.uid = uid, .gid = (gid_t)uid};
	const struct may_question asked = {0};
	enum bl_status status = subject_of(daemon, policy, &peer, &asked, &subject, NULL);

	if (status != BL_OK)
		return status;
	*out_person = strdup(rules_subject_person(subject));
	*out_roles = strdup(rules_subject_roles(subject));
	return *out_person && *out_roles ? BL_OK : BL_NO_MEMORY;
}
