/* The record of a device, its custody, and what people do with it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/life.h"

/* ---- looking ------------------------------------------------------------------------------------------ */

static enum bl_status send_device(struct asked *asked, const struct policy *policy,
				  const struct device *device, struct bl_error *why BL_UNUSED)
{
	asked_send(asked, "device", life_device(asked, policy, device));
	return BL_OK;
}

enum bl_status request_device_list(struct asked *asked, struct bl_error *why)
{
	return life_tell(asked, "device-list", send_device, why);
}

/* The events of the custody chain (docs/retention.md, "Custody"). */
bool life_is_custody(enum audit_op op)
{
	static const enum audit_op OPS[] = {
		AUDIT_ENROLLED,	   AUDIT_INTAKE,	AUDIT_CUSTODY,	    AUDIT_CONSENT,
		AUDIT_HOLD_ADDED,  AUDIT_HOLD_RELEASED, AUDIT_INCIDENT,	    AUDIT_CUSTOMER_REQUEST,
		AUDIT_NOTICE,	   AUDIT_DUE,		AUDIT_SHRED_INTENT, AUDIT_SHRED_DONE,
		AUDIT_SOURCE_DONE, AUDIT_PART_DONE,	AUDIT_VERIFIED,	    AUDIT_INSPECTED,
	};

	for (size_t i = 0; i < BL_COUNT(OPS); i++)
		if (OPS[i] == op)
			return true;
	return false;
}

struct chain {
	struct asked *asked;
	const char *device;
};

static bool send_custody(void *context, const struct audit_record *record)
{
	struct chain *chain = context;

	if (life_is_custody(record->event.op) && strcmp(record->event.device, chain->device) == 0)
		asked_send(chain->asked, "custody", record_json(record));
	return asked_goes_on(chain->asked);
}

static enum bl_status send_chain(struct asked *asked, const struct device *device,
				 struct bl_error *why)
{
	struct chain chain = {asked, device->id};

	return life_events(asked, device, send_custody, &chain, why);
}

static json_t *holds_of(const struct asked *asked, const struct policy *policy,
			const struct device *device)
{
	int64_t now = daemon_trusted(asked->daemon);
	json_t *list = json_array();

	for (size_t i = 0; i < device->hold_count; i++) {
		const struct device_hold *hold = &device->holds[i];
		json_t *item = json_object();

		answer_number(item, "number", hold->number);
		answer_moment(item, "since", policy, hold->since_unix);
		answer_number(item, "by", hold->by);
		answer_text(item, "reason", hold->reason);
		answer_number(item, "incident", hold->incident);
		answer_moment(item, "review_by", policy, life_review_by(policy, hold));
		answer_text(item, "overdue", life_hold_overdue(policy, hold, now));
		json_array_append_new(list, item);
	}
	return list;
}

static enum bl_status add_consents(const struct asked *asked, const struct policy *policy,
				   const char *id, struct bl_error *why)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;
	enum bl_status status = device_facts_read(asked->daemon->store, id, &facts, why);
	json_t *list = json_array();

	for (size_t i = 0; status == BL_OK && i < facts->consent_count; i++) {
		const struct device_consent *consent = &facts->consents[i];
		json_t *item = json_object();

		answer_text(item, "purpose", consent->purpose);
		answer_text(item, "state", consent->is_granted ? "granted" : "withdrawn");
		answer_moment(item, "since", policy, consent->since_unix);
		json_object_set_new(item, "by",
				    consent->by == UINT32_MAX ? json_null()
							      : json_integer(consent->by));
		json_array_append_new(list, item);
	}
	json_object_set_new(asked->answer, "consents", list);
	return status;
}

static enum bl_status add_matters(const struct asked *asked, const struct policy *policy,
				  const char *id, struct bl_error *why)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	json_t *incidents = json_array(), *requests = json_array();
	int64_t now = daemon_trusted(asked->daemon);
	enum bl_status status = device_matters_read(asked->daemon->store, id, &matters, why);

	for (size_t i = 0; matters && i < matters->incident_count; i++)
		json_array_append_new(incidents,
				      life_incident(policy, id, &matters->incidents[i], now));
	for (size_t i = 0; matters && i < matters->request_count; i++)
		json_array_append_new(requests,
				      life_request(policy, id, &matters->requests[i], now));
	json_object_set_new(asked->answer, "incidents", incidents);
	json_object_set_new(asked->answer, "requests", requests);
	return status;
}

/* Null: it did not happen. */
static json_t *moment_by(const struct policy *policy, int64_t at_unix, uint32_t by)
{
	json_t *item;

	if (!at_unix)
		return json_null();
	item = json_object();
	answer_moment(item, "at", policy, at_unix);
	json_object_set_new(item, "by", by == UINT32_MAX ? json_null() : json_integer(by));
	return item;
}

static void add_proofs(struct asked *asked, const struct policy *policy,
		       const struct device *device)
{
	json_t *end = moment_by(policy, device->end.at_unix, device->end.by);
	json_t *verified = moment_by(policy, device->verified.at_unix, device->verified.by);
	json_t *inspected = moment_by(policy, device->inspected.at_unix, device->inspected.by);
	json_t *pictures = json_array(), *answer = asked->answer;

	for (size_t i = 0; i < device->picture_count; i++)
		json_array_append_new(pictures, hex_json(device->pictures[i], DEVICE_DIGEST));
	/* Of what is null these set nothing. */
	json_object_set_new(end, "certificate", hex_json(device->end.certificate, DEVICE_DIGEST));
	json_object_set_new(verified, "good", json_boolean(device->verified.is_good));
	json_object_set_new(inspected, "empty", json_boolean(device->inspected.is_empty));
	json_object_set_new(inspected, "other", json_boolean(device->inspected.is_other));
	json_object_set_new(answer, "pictures", pictures);
	json_object_set_new(answer, "scan",
			    hex_json(device->scan, device->has_scan ? DEVICE_DIGEST : 0));
	json_object_set_new(answer, "end", end);
	json_object_set_new(answer, "verified", verified);
	json_object_set_new(answer, "inspected", inspected);
}

static bool has_certificate(struct device_store *store, const char *id)
{
	BL_CLEANUP(bl_free) char *text = NULL;
	size_t length;

	return device_certificate_read(store, id, ".json", &text, &length, NULL) == BL_OK;
}

enum bl_status life_facts(struct asked *asked, const struct policy *policy,
			  const struct device *device, struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *plain = life_device(asked, policy, device);

	json_object_update(asked->answer, plain);
	json_object_set_new(asked->answer, "holds", holds_of(asked, policy, device));
	add_proofs(asked, policy, device);
	json_object_set_new(asked->answer, "certificate",
			    json_boolean(has_certificate(asked->daemon->store, device->id)));

	enum bl_status status = add_consents(asked, policy, device->id, why);

	return status == BL_OK ? add_matters(asked, policy, device->id, why) : status;
}

static enum bl_status show(struct asked *asked, const struct device *device, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	enum bl_status status = life_facts(asked, policy, device, why);

	if (status == BL_OK)
		status = life_notes(asked, policy, device->id, -1, 0, why);
	return status == BL_OK ? send_chain(asked, device, why) : status;
}

static enum bl_status show_yaml(struct asked *asked, const struct device *device,
				struct bl_error *why)
{
	struct device_record record = {.has_received = false};
	BL_CLEANUP(bl_free) char *yaml = NULL;
	enum bl_status status = device_identities(asked->daemon->store, device->id, &record, why);
	bool has_customer = record.identity_count > 0;

	device_record_done(&record);
	if (status == BL_OK)
		status = device_record_print(device, has_customer, &yaml, why);
	if (status == BL_OK)
		answer_text(asked->answer, "yaml", yaml);
	return status;
}

enum bl_status request_device_show(struct asked *asked, struct bl_error *why)
{
	struct device device;
	enum bl_status status = life_permit(asked, &device, why);

	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, device.id, "device-show", BL_OK, why);
	if (status != BL_OK)
		return status;
	return asked_flag(asked, "yaml") ? show_yaml(asked, &device, why)
					 : show(asked, &device, why);
}

/* ---- changing ------------------------------------------------------------------------------------------- */

static enum bl_status answer_changed(struct asked *asked, const char *id, struct bl_error *why)
{
	struct device device;
	enum bl_status status = device_find(asked->daemon->store, id, &device, why);

	if (status != BL_OK)
		return status;
	answer_text(asked->answer, "device", device.id);
	answer_text(asked->answer, "state", bl_device_state_name(device.state));
	answer_number(asked->answer, "revision", device.revision);
	return BL_OK;
}

/*
 * One change: the event first, under the lock that keeps one life from being led twice; when the thing did not come about, that is
 * told as well.
 */
typedef enum bl_status change_fn(struct asked *asked, const char *id, const void *with,
				 struct bl_error *why);
static enum bl_status change_locked(struct asked *asked, const char *id, const char *detail,
				    change_fn *carry_out, const void *with, struct bl_error *why)
{
	enum bl_status status = asked_log(asked, AUDIT_CUSTODY, id, detail, BL_OK, why);

	if (status == BL_OK)
		status = carry_out(asked, id, with, why);
	asked_undone(asked, AUDIT_CUSTODY, id, status);
	return status == BL_OK ? answer_changed(asked, id, why) : status;
}

static enum bl_status change(struct asked *asked, const char *id, const char *detail,
			     change_fn *carry_out, const void *with, struct bl_error *why)
{
	pthread_mutex_lock(&asked->daemon->life_lock);
	enum bl_status status = change_locked(asked, id, detail, carry_out, with, why);

	pthread_mutex_unlock(&asked->daemon->life_lock);
	return status;
}

static enum bl_status add_note(struct asked *asked, const char *id, const void *with,
			       struct bl_error *why)
{
	const struct device_note note = {.about = NOTE_DEVICE,
					 .at_unix = daemon_trusted(asked->daemon),
					 .by = asked->peer->uid,
					 .text = with};
	uint32_t number = 0;
	enum bl_status status = device_note_add(asked->daemon->store, id, &note, &number, why);

	if (status == BL_OK)
		answer_number(asked->answer, "note", number);
	return status;
}

enum bl_status request_device_note(struct asked *asked, struct bl_error *why)
{
	struct device device;
	const char *text = asked_text(asked, "text");
	enum bl_status status = asked_permitted_device(asked, ACTION_INTAKE, &device, why);

	if (status == BL_OK && (!text || !*text))
		return bl_fail(why, BL_INVALID, "a note has a text");
	return status == BL_OK ? change(asked, device.id, "note", add_note, text, why) : status;
}

static enum bl_status move(struct asked *asked, const char *id, const void *with,
			   struct bl_error *why)
{
	return device_move(asked->daemon->store, id, with, why);
}

enum bl_status request_device_move(struct asked *asked, struct bl_error *why)
{
	struct device device;
	const char *place = asked_text(asked, "place");
	char detail[AUDIT_DETAIL_SIZE];
	enum bl_status status = asked_permitted_device(asked, ACTION_INTAKE, &device, why);

	/* It goes into the log: only what is a place may. */
	if (status == BL_OK && (!place || !device_place_ok(place)))
		return bl_fail(why, BL_INVALID,
			       "a place is 1 to 63 of A-Z a-z 0-9 . _ / - (shelf-3, bench/2)");
	if (status != BL_OK)
		return status;
	snprintf(detail, sizeof(detail), "moved to %s", place);
	return change(asked, device.id, detail, move, place, why);
}

static enum bl_status sign(struct asked *asked, const char *id, const void *with,
			   struct bl_error *why)
{
	return device_sign(asked->daemon->store, id, with, why);
}

enum bl_status request_device_sign(struct asked *asked, struct bl_error *why)
{
	struct device device;
	uint8_t digest[DEVICE_DIGEST];
	char detail[AUDIT_DETAIL_SIZE];
	enum bl_status status = asked_permitted_device(asked, ACTION_INTAKE, &device, why);

	if (status == BL_OK)
		status = life_digest(asked, "digest", digest, why);
	if (status != BL_OK)
		return status;
	snprintf(detail, sizeof(detail), "receipt signed, SHA-256 %s", asked_text(asked, "digest"));
	return change(asked, device.id, detail, sign, digest, why);
}

/* What the editor wrote of the device's condition is a note, as at intake. */
static enum bl_status edit(struct asked *asked, const char *id, const void *with,
			   struct bl_error *why)
{
	const struct device_record *record = with;
	struct device_store *store = asked->daemon->store;
	uint32_t revision, number;
	enum bl_status status = device_edit(store, id, record, &revision, why);
	const struct device_note note = {.about = NOTE_CONDITION,
					 .at_unix = daemon_trusted(asked->daemon),
					 .by = asked->peer->uid,
					 .text = record->condition};

	if (status == BL_OK && *record->condition)
		status = device_note_add(store, id, &note, &number, why);
	return status;
}

static enum bl_status check_dates(const struct asked *asked, const char *id,
				  const struct device_record *record, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	const struct retention_now now = daemon_times(asked->daemon);

	if (!record->has_received)
		return BL_OK;
	return retention_edit_check(asked->daemon->store, policy, id, record->received_unix, &now,
				    why);
}

static enum bl_status edit_by(struct asked *asked, const struct device *device,
			      const struct device_record *record, struct bl_error *why)
{
	char detail[AUDIT_DETAIL_SIZE];
	enum bl_status status = device_edit_check(asked->daemon->store, device->id, record, why);

	if (status == BL_OK)
		status = check_dates(asked, device->id, record, why);
	if (status != BL_OK)
		return status;
	snprintf(detail, sizeof(detail), "record changed, was revision %u",
		 (unsigned)record->revision);
	status = change(asked, device->id, detail, edit, record, why);
	/* Its known identities and its date may be others now. */
	gate_device_renew(asked->daemon->gate, device->id);
	keeper_wake(asked->daemon);
	return status;
}

enum bl_status request_device_edit(struct asked *asked, struct bl_error *why)
{
	struct device device;
	const char *text = asked_text(asked, "record");
	struct device_record record = {.has_received = false};
	enum bl_status status = asked_permitted_device(asked, ACTION_INTAKE, &device, why);

	if (status == BL_OK && !text)
		return bl_fail(why, BL_INVALID, "no record came with the request");
	if (status != BL_OK)
		return status;
	status = device_record_parse(text, strlen(text), &record, why);
	if (status != BL_OK) {
		bl_explain(why, "record");
		return status;
	}
	status = edit_by(asked, &device, &record, why);
	device_record_done(&record);
	return status;
}

/* ---- states --------------------------------------------------------------------------------------------- */

/* As it is now: whoever inspects it meanwhile, or puts its record right, waits for life_lock. */
static enum bl_status check_way(const struct asked *asked, const char *id,
				enum bl_device_state state, struct bl_error *why)
{
	struct device device;
	enum bl_status status = device_may_become(asked->daemon->store, id, state, why);

	if (status == BL_OK)
		status = device_find(asked->daemon->store, id, &device, why);
	if (status == BL_OK && state == STATE_RELEASED)
		status = life_check_restock(asked->daemon->store, &device, why);
	return status;
}

static enum bl_status set_state(struct asked *asked, const char *id, const void *with,
				struct bl_error *why)
{
	const enum bl_device_state *state = with;
	struct device_store *store = asked->daemon->store;
	int64_t now = daemon_trusted(asked->daemon);

	return *state == STATE_RELEASED ? retention_release(store, id, now, why)
					: device_set_state(store, id, *state, now, why);
}

/* What people may bring about, the right it takes, and what the log says. */
static const struct way {
	enum bl_device_state state;
	enum bl_action action;
	const char *detail;
} WAYS[] = {
	{STATE_OPEN, ACTION_INTAKE, "open: work on it goes on"},
	{STATE_CLOSED, ACTION_INTAKE, "closed: work on it is done"},
	{STATE_RELEASED, ACTION_RELEASE, "restocked"},
};

static const struct way *way_of(const char *name)
{
	for (size_t i = 0; name && i < BL_COUNT(WAYS); i++)
		if (strcmp(bl_device_state_name(WAYS[i].state), name) == 0)
			return &WAYS[i];
	return NULL;
}

/* Who tries to bring back what is not empty does so on record. */
static enum bl_status go(struct asked *asked, const char *id, const struct way *way,
			 struct bl_error *why)
{
	enum bl_status status = check_way(asked, id, way->state, why);

	if (status == BL_OK)
		return change_locked(asked, id, way->detail, set_state, &way->state, why);
	if (asked_log(asked, AUDIT_CUSTODY, id, "refused", status, NULL) != BL_OK)
		return bl_fail(why, BL_LOG_BROKEN, "the log cannot take the event");
	return status;
}

enum bl_status request_device_state(struct asked *asked, struct bl_error *why)
{
	struct device device;
	const struct way *way = way_of(asked_text(asked, "state"));

	if (!way)
		return bl_fail(why, BL_INVALID, "a state is open, closed or released");
	enum bl_status status = asked_permitted_device(asked, way->action, &device, why);

	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&asked->daemon->life_lock);
	status = go(asked, device.id, way, why);
	pthread_mutex_unlock(&asked->daemon->life_lock);
	gate_device_changed(asked->daemon->gate, device.id);
	keeper_wake(asked->daemon);
	return status;
}

/* ---- the receipt ------------------------------------------------------------------------------------------ */

enum bl_status request_receipt(struct asked *asked, struct bl_error *why)
{
	static const enum bl_action MAY[] = {ACTION_REVIEW, ACTION_INTAKE};
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	struct device_store *store = asked->daemon->store;
	BL_CLEANUP(bl_free) char *text = NULL;
	struct device device;
	size_t length = 0;
	enum bl_status status = asked_permitted_any(asked, MAY, BL_COUNT(MAY), &device, why);

	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, device.id, "receipt", BL_OK, why);
	if (status != BL_OK)
		return status;
	BL_CLEANUP(json_decref) json_t *plain = life_device(asked, policy, &device);

	json_object_update(asked->answer, plain);
	add_proofs(asked, policy, &device);
	status = life_notes(asked, policy, device.id, NOTE_CONDITION, 0, why);
	if (status != BL_OK)
		return status;
	status = device_certificate_read(store, device.id, "~intake.json", &text, &length, why);
	if (status == BL_OK && length <= DAEMON_MESSAGE_LIMIT / 2)
		answer_text(asked->answer, "certificate", text);
	return status == BL_NOT_FOUND ? BL_OK : status;
}
