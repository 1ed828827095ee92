/* What only the service knows of what a report tells: who people are, what rules say, what was in force, what waits for somebody. */
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/integrity.h"
#include "fs/daemon/life.h"
#include "fs/daemon/message.h"
#include "fs/device/policies.h"

/* ---- the service's own word on its log --------------------------------------------------------------- */

static void on_progress(void *context, uint64_t done, uint64_t all, uint64_t records)
{
	struct asked *asked = context;

	if (asked_goes_on(asked))
		asked_send(asked, "progress",
			   json_pack("{s:I,s:I,s:I}", "done", (json_int_t)done, "total",
				     (json_int_t)all, "records", (json_int_t)records));
}

static enum bl_status answer_integrity(struct asked *asked, struct bl_error *why)
{
	struct device_store *store = asked->daemon->store;
	BL_CLEANUP(fd_close) int log_fd = -1;
	const struct audit_evidence evidence = {
		.public_key = vault_public_key(device_store_vault(store)),
		.progress = on_progress,
		.context = asked,
	};
	struct audit_report report = {0};
	enum bl_status status = device_store_log(store, &log_fd, why);

	if (status == BL_OK)
		status = audit_verify(log_fd, &evidence, &report, why);
	if (status != BL_OK && status != BL_TAMPERED)
		return status;
	json_object_set_new(asked->answer, "integrity", integrity_json(&report, status));
	return BL_OK;
}

static bool parse_digest(const char *hex, uint8_t out[DEVICE_DIGEST])
{
	size_t got = 0;

	return strlen(hex) == 2 * DEVICE_DIGEST &&
	       sodium_hex2bin(out, DEVICE_DIGEST, hex, strlen(hex), NULL, &got, NULL) == 0 &&
	       got == DEVICE_DIGEST;
}

/* ---- persons and rules -------------------------------------------------------------------------------- */

static json_t *roles_json(const char *roles)
{
	json_t *list = json_array();
	BL_CLEANUP(bl_free) char *copy = strdup(roles);
	char *rest = copy;

	for (char *role; (role = strsep(&rest, ","));)
		if (*(role += strspn(role, " ")))
			json_array_append_new(list, json_string(role));
	return list;
}

static void send_person(struct asked *asked, uint32_t uid)
{
	BL_CLEANUP(bl_free) char *key = NULL;
	BL_CLEANUP(bl_free) char *roles = NULL;
	bool has_roles = caller_told(asked->daemon, uid, &key, &roles) == BL_OK;
	char room[4096];
	struct passwd entry, *found = NULL;
	json_t *item = json_object();

	if (getpwuid_r(uid, &entry, room, sizeof(room), &found) != 0)
		found = NULL;
	answer_number(item, "uid", uid);
	answer_text(item, "person", found ? found->pw_name : "");
	json_object_set_new(item, "roles", roles_json(has_roles ? roles : ""));
	asked_send(asked, "person", item);
}

static enum bl_status send_people(struct asked *asked, struct bl_error *why)
{
	json_t *item;
	size_t index;

	json_array_foreach(json_object_get(asked->request, "people"), index, item)
	{
		const char *text = json_string_value(item);
		size_t length = strspn(text, "0123456789");
		unsigned long long uid = strtoull(text, NULL, 10);

		if (text[length] || length > 10 || uid >= UINT32_MAX)
			return bl_fail(why, BL_INVALID, "'people' holds uids, as texts");
		if (!asked_goes_on(asked))
			break;
		send_person(asked, (uint32_t)uid);
	}
	return BL_OK;
}

/* Rules that were taken out since: in the policies that were in force before, the newest ones first. */
#define OLDER 16

struct older {
	struct policy *items[OLDER];
	size_t count;
	bool is_loaded;
};

static void older_done(struct older *older)
{
	for (size_t i = 0; i < older->count; i++)
		policy_unref(older->items[i]);
}

static struct policy *read_older(struct asked *asked, const uint8_t digest[DEVICE_DIGEST])
{
	BL_CLEANUP(bl_free) char *text = NULL;
	BL_CLEANUP(bl_free) struct rules_findings *findings = calloc(1, sizeof(*findings));
	struct policy *policy = NULL;
	size_t length;

	if (!findings ||
	    policies_read(asked->daemon->store, digest, &text, &length, NULL) != BL_OK ||
	    rules_parse(text, length, &policy, findings, NULL) != BL_OK)
		return NULL;
	return policy;
}

static const char *older_why(struct asked *asked, struct older *older, const char *rule)
{
	const json_t *digests = json_object_get(asked->request, "digests");
	const char *words = NULL;

	for (size_t i = 0; !older->is_loaded && i < BL_MIN(json_array_size(digests), (size_t)OLDER);
	     i++) {
		uint8_t digest[DEVICE_DIGEST];
		struct policy *policy =
			parse_digest(json_string_value(json_array_get(digests, i)), digest)
				? read_older(asked, digest)
				: NULL;

		if (policy)
			older->items[older->count++] = policy;
	}
	older->is_loaded = true;
	for (size_t i = 0; i < older->count && !words; i++)
		words = policy_rule_why(older->items[i], rule);
	return words;
}

/* What decides where no rule does. */
static const char *default_why(const char *rule)
{
	static const struct {
		const char *rule, *why;
	} WHYS[] = {
		{"default", "No rule permits it."},
		{"lapsed", "A role that would permit it had lapsed."},
		{"limit", "What a rule permits for an hour or a day was used up."},
		{"gate", "The device or the log was in no state to show anything."},
		{"builtin/baseline", "Nobody may do this, whatever a policy says."},
		{"builtin/has-a-role", "Only who holds a role may do this."},
		{"builtin/release-by-others", "Who placed a hold does not release it."},
	};

	for (size_t i = 0; i < BL_COUNT(WHYS); i++)
		if (strcmp(WHYS[i].rule, rule) == 0)
			return WHYS[i].why;
	return NULL;
}

static void send_rules(struct asked *asked, const struct policy *policy)
{
	__attribute__((cleanup(older_done))) struct older older = {.count = 0};
	json_t *item;
	size_t index;

	json_array_foreach(json_object_get(asked->request, "rules"), index, item)
	{
		const char *rule = json_string_value(item);
		const char *words = policy_rule_why(policy, rule);

		words = words ? words : builtin_why(rule);
		words = words ? words : default_why(rule);
		if (!words)
			words = older_why(asked, &older, rule);
		if (!asked_goes_on(asked))
			return;
		asked_send(asked, "rule",
			   json_pack("{s:s,s:s}", "rule", rule, "text", words ? words : ""));
	}
}

/* ---- policies ------------------------------------------------------------------------------------------- */

static enum bl_status send_policies(struct asked *asked, struct bl_error *why)
{
	json_t *item;
	size_t index;

	json_array_foreach(json_object_get(asked->request, "digests"), index, item)
	{
		BL_CLEANUP(bl_free) char *text = NULL;
		uint8_t digest[DEVICE_DIGEST];
		size_t length = 0;
		const char *hex = json_string_value(item);

		if (!parse_digest(hex, digest))
			return bl_fail(why, BL_INVALID, "a digest is 64 hex digits");
		if (!asked_goes_on(asked))
			break;
		if (policies_read(asked->daemon->store, digest, &text, &length, NULL) != BL_OK)
			continue;
		asked_send(asked, "policy",
			   json_pack("{s:s,s:I}", "digest", hex, "length", (json_int_t)length));
		asked_send_text(asked, text, length);
	}
	return BL_OK;
}

/* ---- devices -------------------------------------------------------------------------------------------- */

struct telling {
	struct asked *asked;
	const struct policy *policy;
	struct retention_now now;
	int64_t since_unix, until_unix;
	bool is_unread; /* of some device it could not be read what is going on */
};

static void send_holds(const struct telling *telling, const struct device *device)
{
	for (size_t i = 0; i < device->hold_count; i++) {
		const struct device_hold *hold = &device->holds[i];
		json_t *item = json_object();

		answer_text(item, "device", device->id);
		answer_number(item, "number", hold->number);
		answer_number(item, "uid", hold->by);
		answer_moment(item, "since", telling->policy, hold->since_unix);
		answer_moment(item, "review_by", telling->policy,
			      life_review_by(telling->policy, hold));
		answer_text(item, "overdue",
			    life_hold_overdue(telling->policy, hold, telling->now.trusted_unix));
		answer_number(item, "incident", hold->incident);
		answer_text(item, "reason", hold->reason);
		asked_send(telling->asked, "hold", item);
	}
}

/* Did it go on in that time? What has not ended does still. */
static bool is_within(const struct telling *telling, int64_t from_unix, bool has_ended,
		      int64_t end_unix)
{
	return from_unix < telling->until_unix && (!has_ended || end_unix >= telling->since_unix);
}

static void send_matters(struct telling *telling, const char *id)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	int64_t now = telling->now.trusted_unix;

	if (device_matters_read(telling->asked->daemon->store, id, &matters, NULL) != BL_OK) {
		telling->is_unread = true;
		return;
	}
	for (size_t i = 0; i < matters->incident_count; i++) {
		const struct device_incident *incident = &matters->incidents[i];

		if (is_within(telling, incident->opened_unix, incident->is_closed,
			      incident->closed_unix))
			asked_send(telling->asked, "incident",
				   life_incident(telling->policy, id, incident, now));
	}
	for (size_t i = 0; i < matters->request_count; i++) {
		const struct device_customer_request *request = &matters->requests[i];

		if (is_within(telling, request->since_unix, request->state != CUSTOMER_OPEN,
			      request->ended_unix))
			asked_send(telling->asked, "request",
				   life_request(telling->policy, id, request, now));
	}
}

static bool send_device(void *context, const struct device *device)
{
	struct telling *telling = context;

	if (!asked_goes_on(telling->asked))
		return false;
	asked_send(telling->asked, "device",
		   json_pack("{s:s,s:s,s:s}", "device", device->id, "kind",
			     bl_device_kind_name(device->kind), "state",
			     bl_device_state_name(device->state)));
	send_holds(telling, device);
	send_matters(telling, device->id);
	return true;
}

static void send_lapses(struct asked *asked, const struct policy *policy)
{
	BL_CLEANUP(json_decref) json_t *lapses = people_lapses(policy, daemon_now(asked->daemon));
	json_t *item;
	size_t index;

	json_array_foreach(lapses, index, item)
	{
		if (!asked_goes_on(asked))
			return;
		asked_send(asked, "lapse", json_incref(item));
	}
}

/* ---- the request ---------------------------------------------------------------------------------------- */

static enum bl_status send_facts(struct asked *asked, const struct policy *policy,
				 struct bl_error *why)
{
	struct telling telling = {
		.asked = asked,
		.policy = policy,
		.now = daemon_times(asked->daemon),
		.since_unix = asked_number(asked, "since", INT64_MIN),
		.until_unix = asked_number(asked, "until", INT64_MAX),
	};
	enum bl_status status = send_people(asked, why);

	if (status == BL_OK)
		status = send_policies(asked, why);
	if (status != BL_OK)
		return status;
	send_rules(asked, policy);
	device_each(asked->daemon->store, send_device, &telling);
	send_lapses(asked, policy);
	json_object_set_new(asked->answer, "is_unread", json_boolean(telling.is_unread));
	return BL_OK;
}

/* Without `people` only which log it is and what is found in it: a report begins so, and asks for the rest when it knows of whom. */
enum bl_status request_log_report(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	enum bl_status status = asked_permit(asked, ACTION_REVIEW, NULL, why);

	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, NULL, "log-report", BL_OK, why);
	if (status == BL_OK && json_object_get(asked->request, "people"))
		status = send_facts(asked, policy, why);
	if (status != BL_OK)
		return status;
	answer_text(asked->answer, "policy", policy_name(policy));
	answer_number(asked->answer, "policy_serial", (int64_t)policy_serial(policy));
	answer_text(asked->answer, "zone", policy_zone_name(policy));
	return asked_flag(asked, "verify") ? answer_integrity(asked, why) : BL_OK;
}
