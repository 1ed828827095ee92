/* What decisions need to know and people say: consent, checks of callers, requests for more and their answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/asked.h"

/* ---- consent ------------------------------------------------------------------------------------ */

static enum bl_status fill_consent(const struct asked *asked, struct device_consent *out,
				   struct bl_error *why)
{
	const char *purpose = asked_text(asked, "consent");
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);

	if (!json_object_get(asked->request, "granted"))
		return bl_fail(why, BL_INVALID, "consent is granted or withdrawn: say which");
	/* What the log repeats is a word of the policy; and a misspelt purpose would be consent for nothing. */
	if (!purpose || strlen(purpose) >= sizeof(out->purpose) ||
	    !policy_names_purpose(policy, purpose))
		return bl_fail(
			why, BL_INVALID,
			"no rule of the policy speaks of that purpose (bailee may tells which "
			"there are)");
	*out = (struct device_consent){
		.is_granted = asked_flag(asked, "granted"),
		.since_unix = daemon_trusted(asked->daemon),
		.by = asked->peer->uid,
	};
	memcpy(out->purpose, purpose, strlen(purpose) + 1);
	return BL_OK;
}

enum bl_status request_consent(struct asked *asked, struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;
	struct device device;
	struct device_consent consent;
	char detail[AUDIT_DETAIL_SIZE];
	enum bl_status status = asked_permitted_device(asked, ACTION_INTAKE, &device, why);

	if (status == BL_OK)
		status = fill_consent(asked, &consent, why);
	if (status != BL_OK)
		return status;
	snprintf(detail, sizeof(detail), "%s for %s", consent.is_granted ? "granted" : "withdrawn",
		 consent.purpose);
	pthread_mutex_lock(&daemon->life_lock);
	status = asked_log(asked, AUDIT_CONSENT, device.id, detail, BL_OK, why);
	if (status == BL_OK)
		status = device_consent_set(daemon->store, device.id, &consent, why);
	asked_undone(asked, AUDIT_CONSENT, device.id, status);
	gate_device_changed(daemon->gate, device.id);
	/* A consent that is withdrawn starts the device's date, which may be now. */
	if (status == BL_OK)
		(void)!keeper_settle(daemon, device.id, NULL);
	pthread_mutex_unlock(&daemon->life_lock);
	keeper_wake(daemon);
	answer_text(asked->answer, "device", device.id);
	answer_text(asked->answer, "consent", consent.purpose);
	json_object_set_new(asked->answer, "granted", json_boolean(consent.is_granted));
	/* A withdrawal may end a device for good, at once: whoever records it is told. */
	return status == BL_OK ? answer_date(asked, device.id, why) : status;
}

/* ---- callers ------------------------------------------------------------------------------------ */

/* Whoever works here speaks with callers: what the check then opens is for the rules to say. */
static enum bl_status permit_caller(struct asked *asked, struct bl_error *why)
{
	struct bl_error refusal;
	enum bl_status status = has_role(asked->daemon, asked->peer, &refusal);

	snprintf(asked->rule, sizeof(asked->rule), "%s", "builtin/has-a-role");
	if (status == BL_OK)
		return BL_OK;
	const char *device = asked_text(asked, "device");

	if (asked_log(asked, AUDIT_CALLER, device && bl_device_id_ok(device) ? device : NULL, NULL,
		      status, why) != BL_OK)
		return BL_LOG_BROKEN;
	return bl_fail(why, status, "%s", refusal.text);
}

enum bl_status request_caller(struct asked *asked, struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;
	const char *name = asked_text(asked, "check"), *ticket = asked_text(asked, "ticket");
	struct device device;
	struct device_check check = {.by = asked->peer->uid, .since_unix = daemon_now(daemon)};
	char detail[AUDIT_DETAIL_SIZE];
	enum bl_status status = permit_caller(asked, why);

	if (status == BL_OK)
		status = asked_device(asked, &device, why);
	/* Whoever tries which devices there are does so on record. */
	if (status == BL_NOT_FOUND &&
	    asked_log(asked, AUDIT_CALLER, NULL, "no such device", status, why) != BL_OK)
		return BL_LOG_BROKEN;
	if (status != BL_OK)
		return status;
	if (!name || !bl_check_parse(name, &check.check) || check.check == CHECK_NONE)
		return bl_fail(why, BL_INVALID,
			       "a caller is verified by one-factor or two-factor (--by)");
	if (!ticket || !*ticket || strlen(ticket) >= sizeof(check.ticket))
		return bl_fail(why, BL_INVALID, "which ticket is it? (--ticket T)");
	memcpy(check.ticket, ticket, strlen(ticket) + 1);
	snprintf(detail, sizeof(detail), "verified by %s", name);
	pthread_mutex_lock(&daemon->life_lock);
	status = asked_log(asked, AUDIT_CALLER, device.id, detail, BL_OK, why);
	if (status == BL_OK)
		status = device_check_add(daemon->store, device.id, &check, why);
	asked_undone(asked, AUDIT_CALLER, device.id, status);
	pthread_mutex_unlock(&daemon->life_lock);
	gate_device_changed(daemon->gate, device.id);
	answer_text(asked->answer, "device", device.id);
	answer_text(asked->answer, "check", name);
	answer_number(asked->answer, "until_unix", check.since_unix + DEVICE_CHECK_SECONDS);
	return status;
}

/* ---- requests ----------------------------------------------------------------------------------- */

static enum bl_status fill_class(const struct asked *asked, struct device_request *out,
				 struct bl_error *why)
{
	const char *name = asked_text(asked, "class");
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	unsigned class;

	if (!name)
		return BL_OK;
	if (out->action != ACTION_UNMASK)
		return bl_fail(why, BL_INVALID, "--class belongs to unmask");
	if (!policy_class_parse(policy, name, &class))
		return bl_fail(why, BL_INVALID, "'%.40s' is no class of the policy", name);
	snprintf(out->class, sizeof(out->class), "%s", policy_class_name(policy, class));
	return BL_OK;
}

static enum bl_status fill_request(const struct asked *asked, struct device_request *out,
				   struct bl_error *why)
{
	const char *action = asked_text(asked, "action"), *reason = asked_text(asked, "reason");
	const char *path = asked_text(asked, "path");

	if (!action || !bl_action_parse(action, &out->action) || out->action == ACTION_REQUEST ||
	    out->action == ACTION_APPROVE)
		return bl_fail(why, BL_INVALID,
			       "what is asked for? (read copy unmask shred hold release ...)");
	if (!reason || !*reason || strlen(reason) >= sizeof(out->reason))
		return bl_fail(why, BL_INVALID,
			       "whoever answers needs a reason of at most %d bytes (--reason TEXT)",
			       DEVICE_REASON - 1);
	out->by = asked->peer->uid;
	/* What releases a hold is set against when that was placed, so it is of the same time. */
	out->since_unix = out->action == ACTION_RELEASE ? daemon_trusted(asked->daemon)
							: daemon_now(asked->daemon);
	out->path = (char *)(uintptr_t)path; /* copied by the store */
	memcpy(out->reason, reason, strlen(reason) + 1);
	return fill_class(asked, out, why);
}

/* How it stands now, in words: what is missing, or that nothing has to be asked for. */
static void answer_outlook(struct asked *asked, const struct device *device, enum bl_action action)
{
	struct may_question question = {
		.action = action,
		.device = device->id,
		.purpose = asked_text(asked, "purpose"),
		.has_reason = true,
	};
	char rule[BL_RULE_ID_SIZE];
	struct bl_error outlook = {{0}};

	/*
	 * A class is decided on its own, and where it was found: what may be said of unmask in general is little. What `holds`
	 * wants of a release is no matter of the rules.
	 */
	if (action == ACTION_UNMASK || action == ACTION_RELEASE)
		return;
	enum bl_status status = may_by_role(asked->daemon, asked->peer, &question, rule, &outlook);

	/* A rule that speaks of paths is not known of a device as a whole: then there is nothing to say here. */
	if (status == BL_FORBIDDEN)
		return;
	answer_text(asked->answer, "outlook",
		    status == BL_OK ? "permitted already, as things stand" : outlook.text);
}

/* Lacks nothing but that others agree? By a rule that says so, or by `holds: release_approvals`. */
static bool lacks_approvals(const struct asked *asked, const struct may_question *question,
			    char rule[BL_RULE_ID_SIZE])
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	bool is_agreed_release =
		question->action == ACTION_RELEASE && policy_holds(policy)->release_approvals > 0;
	enum bl_status status = may_by_role(asked->daemon, asked->peer, question, rule, NULL);

	return status == BL_ASK || (status == BL_OK && is_agreed_release);
}

/*
 * Who may request, and who would be let through but for approvals: a rule that wants others to agree says by that itself that
 * they may be asked. Who may not learns not even whether the device exists.
 */
static enum bl_status permit_request(struct asked *asked, enum bl_action action,
				     struct device *out_device, struct bl_error *why)
{
	char rule[BL_RULE_ID_SIZE];
	enum bl_status status = asked_device(asked, out_device, why);
	const struct may_question question = {
		.action = action,
		.device = status == BL_OK ? out_device->id : NULL,
		.purpose = asked_text(asked, "purpose"),
		.has_reason = true,
	};

	if (status == BL_OK && action != ACTION_UNMASK && lacks_approvals(asked, &question, rule)) {
		memcpy(asked->rule, rule, sizeof(rule));
		return BL_OK;
	}
	return asked_permitted_device(asked, ACTION_REQUEST, out_device, why);
}

enum bl_status request_request(struct asked *asked, struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;
	struct device device;
	BL_CLEANUP(bl_free) struct device_request *request = calloc(1, sizeof(*request));
	char detail[AUDIT_DETAIL_SIZE];
	uint32_t number = 0;

	if (!request)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status = fill_request(asked, request, why);

	if (status == BL_OK)
		status = permit_request(asked, request->action, &device, why);
	if (status != BL_OK)
		return status;
	snprintf(detail, sizeof(detail), "%s%s%s%s", bl_action_name(request->action),
		 *request->class ? " of " : "", request->class,
		 request->path ? ", a part of it" : "");
	pthread_mutex_lock(&daemon->life_lock);
	status = asked_log(asked, AUDIT_REQUESTED, device.id, detail, BL_OK, why);
	if (status == BL_OK)
		status = device_request_add(daemon->store, device.id, request, &number, why);
	asked_undone(asked, AUDIT_REQUESTED, device.id, status);
	pthread_mutex_unlock(&daemon->life_lock);
	if (status != BL_OK)
		return status;
	gate_device_changed(daemon->gate, device.id);
	answer_text(asked->answer, "device", device.id);
	answer_number(asked->answer, "number", number);
	answer_outlook(asked, &device, request->action);
	return BL_OK;
}

static const char *state_of(const struct device_request *request, int64_t now_unix)
{
	/* Its own person sets a request aside only by using it up. */
	if (request->is_refused)
		return request->refused_by == request->by ? "used" : "refused";
	if (now_unix - request->since_unix > DEVICE_REQUEST_DAYS * INT64_C(86400))
		return "expired";
	return "open";
}

static void send_request(struct asked *asked, const char *device,
			 const struct device_request *request)
{
	json_t *item = json_object(), *givers = json_array();

	answer_text(item, "device", device);
	answer_number(item, "number", request->number);
	answer_number(item, "by", request->by);
	answer_text(item, "action", bl_action_name(request->action));
	answer_text(item, "class", request->class);
	json_object_set_new(item, "path", request->path ? json_string(request->path) : json_null());
	answer_text(item, "reason", request->reason);
	answer_number(item, "since_unix", request->since_unix);
	answer_text(item, "state", state_of(request, daemon_now(asked->daemon)));
	for (size_t i = 0; i < request->approval_count; i++)
		json_array_append_new(givers, json_integer(request->approvals[i].by));
	json_object_set_new(item, "approvals", givers);
	asked_send(asked, "request", item);
}

struct device_ids {
	char (*items)[BL_DEVICE_ID_SIZE];
	size_t count, room;
	bool is_short_of_memory;
};

static bool add_id(void *context, const struct device *device)
{
	struct device_ids *ids = context;

	if (ids->count == ids->room) {
		size_t room = ids->room ? 2 * ids->room : 64;
		void *grown = reallocarray(ids->items, room, sizeof(*ids->items));

		if (!grown) {
			ids->is_short_of_memory = true;
			return false;
		}
		ids->items = grown;
		ids->room = room;
	}
	memcpy(ids->items[ids->count++], device->id, sizeof(device->id));
	return true;
}

static void send_requests(struct asked *asked, const char *id)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;
	struct may_question question = {.action = ACTION_APPROVE, .device = id, .has_reason = true};
	char rule[BL_RULE_ID_SIZE];

	if (device_facts_read(asked->daemon->store, id, &facts, NULL) != BL_OK ||
	    facts->request_count == 0)
		return;
	bool may_answer = may_by_role(asked->daemon, asked->peer, &question, rule, NULL) == BL_OK;

	for (size_t i = 0; i < facts->request_count; i++)
		if (may_answer || facts->requests[i].by == asked->peer->uid)
			send_request(asked, id, &facts->requests[i]);
}

/* Who sees the requests of others reads their reasons and paths: an event. */
enum bl_status request_requests(struct asked *asked, struct bl_error *why)
{
	struct device_ids ids = {0};
	enum bl_status status = asked_log(asked, AUDIT_ADMIN, NULL, "requests", BL_OK, why);

	if (status != BL_OK)
		return status;
	device_each(asked->daemon->store, add_id, &ids);
	for (size_t i = 0; i < ids.count && asked_goes_on(asked); i++)
		send_requests(asked, ids.items[i]);
	free(ids.items);
	return ids.is_short_of_memory ? bl_fail(why, BL_NO_MEMORY, "out of memory") : BL_OK;
}

/* Is it about releasing a hold? That, and who agrees to it, is of trusted time. */
static bool is_release(const struct asked *asked, const char *device, int64_t number)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;

	if (device_facts_read(asked->daemon->store, device, &facts, NULL) != BL_OK)
		return false;
	for (size_t i = 0; i < facts->request_count; i++)
		if (facts->requests[i].number == number)
			return facts->requests[i].action == ACTION_RELEASE;
	return false;
}

static enum bl_status answer_request(struct asked *asked, enum audit_op op, struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;
	struct device device;
	int64_t number = asked_number(asked, "number", 0);
	char detail[AUDIT_DETAIL_SIZE];
	enum bl_status status = asked_device(asked, &device, why);

	if (status == BL_OK)
		status = asked_permit_by_role(asked, ACTION_APPROVE, &device, why);
	if (status == BL_NOT_FOUND) /* who may not answer learns not even whether it exists */
		status = asked_permit_by_role(asked, ACTION_APPROVE, NULL, why) == BL_OK
				 ? bl_fail(why, BL_NOT_FOUND, "there is no such device")
				 : BL_FORBIDDEN;
	if (status != BL_OK)
		return status;
	snprintf(detail, sizeof(detail), "request %lld", (long long)number);

	const struct device_approval approval = {
		asked->peer->uid,
		is_release(asked, device.id, number) ? daemon_trusted(daemon) : daemon_now(daemon)};

	pthread_mutex_lock(&daemon->life_lock);
	status = asked_log(asked, op, device.id, detail, BL_OK, why);
	if (status == BL_OK && op == AUDIT_APPROVED)
		status = device_request_approve(daemon->store, device.id, (uint32_t)number,
						&approval, why);
	else if (status == BL_OK)
		status = device_request_refuse(daemon->store, device.id, (uint32_t)number,
					       asked->peer->uid, why);
	asked_undone(asked, op, device.id, status);
	pthread_mutex_unlock(&daemon->life_lock);
	gate_device_changed(daemon->gate, device.id);
	answer_text(asked->answer, "device", device.id);
	answer_number(asked->answer, "number", number);
	return status;
}

enum bl_status request_approve(struct asked *asked, struct bl_error *why)
{
	return answer_request(asked, AUDIT_APPROVED, why);
}

enum bl_status request_refuse(struct asked *asked, struct bl_error *why)
{
	return answer_request(asked, AUDIT_REFUSED, why);
}
