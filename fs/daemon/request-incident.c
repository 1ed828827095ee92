/* Incidents: what went wrong, until when it must be answered, who saw what, and what was done about it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/life.h"

/* Whoever works with devices, or looks after them, may say that something went wrong. */
static const enum bl_action TELLERS[] = {ACTION_REVIEW, ACTION_HOLD, ACTION_INTAKE};

static enum bl_status log_incident(const struct asked *asked, const char *device, uint32_t number,
				   const char *what, enum incident_kind kind, struct bl_error *why)
{
	return life_log(asked, AUDIT_INCIDENT, device, number, what, incident_kind_name(kind), why);
}

static enum bl_status add_note(const struct asked *asked, const char *device, uint32_t number,
			       struct bl_error *why)
{
	const struct device_note note = {.about = NOTE_INCIDENT,
					 .matter = number,
					 .at_unix = daemon_trusted(asked->daemon),
					 .by = asked->peer->uid,
					 .text = asked_text(asked, "text")};
	uint32_t kept;

	return device_note_add(asked->daemon->store, device, &note, &kept, why);
}

static enum bl_status find(const struct asked *asked, const char *device, uint32_t number,
			   struct device_incident *out_incident, struct bl_error *why)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	enum bl_status status = device_matters_read(asked->daemon->store, device, &matters, why);

	if (status != BL_OK)
		return status;
	const struct device_incident *found = device_incident_find(matters, number);

	if (!found)
		return bl_fail(why, BL_NOT_FOUND,
			       "device '%s' has no incident %u (bailee incident list)", device,
			       (unsigned)number);
	*out_incident = *found;
	return BL_OK;
}

static enum bl_status find_named(const struct asked *asked, const char *device,
				 struct device_incident *out_incident, struct bl_error *why)
{
	return find(asked, device, (uint32_t)asked_number(asked, "number", 0), out_incident, why);
}

static enum bl_status answer_incident(struct asked *asked, const char *id, uint32_t number,
				      struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	struct device_incident incident = {.number = 0};
	struct device device;
	enum bl_status status = device_find(asked->daemon->store, id, &device, why);

	if (status == BL_OK)
		status = find(asked, id, number, &incident, why);
	if (status != BL_OK)
		return status;
	answer_text(asked->answer, "device", id);
	answer_number(asked->answer, "number", number);
	answer_moment(asked->answer, "deadline", policy, incident.deadline_unix);
	answer_number(asked->answer, "hold", incident.hold);
	json_object_set_new(asked->answer, "held", json_boolean(device.hold_count > 0));
	return BL_OK;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

#define HOLD_REASON 64

static void hold_reason(uint32_t number, enum incident_kind kind, char out[HOLD_REASON])
{
	snprintf(out, HOLD_REASON, "incident %u: %s", (unsigned)number, incident_kind_name(kind));
}

/* Evidence stays until the incident is closed: a hold like any other, but for who releases it. */
static enum bl_status freeze(const struct asked *asked, const char *id, uint32_t number,
			     enum incident_kind kind, struct bl_error *why)
{
	struct device_store *store = asked->daemon->store;
	char reason[HOLD_REASON];
	uint32_t hold = 0;
	enum bl_status status =
		asked_log(asked, AUDIT_HOLD_ADDED, id, "by an incident", BL_OK, why);

	hold_reason(number, kind, reason);
	if (status == BL_OK)
		status = device_hold_add(store, id, asked->peer->uid, number, reason,
					 daemon_trusted(asked->daemon), &hold, why);
	asked_undone(asked, AUDIT_HOLD_ADDED, id, status);
	/* It is held; which hold it is the incident learns at the next start, if not now. */
	if (status == BL_OK)
		(void)!device_incident_freeze(store, id, number, hold, NULL);
	return status;
}

/* The incident stands whatever becomes of its note and its hold; what did not come about is told. */
static void add_rest(struct asked *asked, const struct device *device, uint32_t number,
		     enum incident_kind kind)
{
	struct bl_error why = {{0}};
	char warning[sizeof(why.text) + 32];
	enum bl_status status = BL_OK;

	if (incident_freezes(kind) && !device_is_gone(device))
		status = freeze(asked, device->id, number, kind, &why);
	snprintf(warning, sizeof(warning), "the device is NOT frozen: %s", why.text);
	if (status != BL_OK)
		answer_text(asked->answer, "warning", warning);
	if (add_note(asked, device->id, number, &why) == BL_OK || status != BL_OK)
		return;
	snprintf(warning, sizeof(warning), "what happened was not kept: %s", why.text);
	answer_text(asked->answer, "warning", warning);
}

static enum bl_status open_incident(struct asked *asked, const struct device *device,
				    enum incident_kind kind, uint32_t *out_number,
				    struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;
	const struct device_incident incident = {
		.kind = kind,
		.opened_unix = daemon_trusted(daemon),
		.deadline_unix = daemon_trusted(daemon) + incident_seconds(kind),
		.by = asked->peer->uid,
	};

	pthread_mutex_lock(&daemon->life_lock);
	enum bl_status status = life_next(asked, device->id, NOTE_INCIDENT, out_number, why);

	if (status == BL_OK)
		status = log_incident(asked, device->id, *out_number, "opened", kind, why);
	if (status == BL_OK)
		status = device_incident_add(daemon->store, device->id, &incident, out_number, why);
	asked_undone(asked, AUDIT_INCIDENT, device->id, status);
	if (status == BL_OK)
		add_rest(asked, device, *out_number, kind);
	pthread_mutex_unlock(&daemon->life_lock);
	gate_device_changed(daemon->gate, device->id);
	keeper_wake(daemon);
	return status;
}

enum bl_status request_incident_open(struct asked *asked, struct bl_error *why)
{
	struct device device;
	const char *name = asked_text(asked, "incident"), *text = asked_text(asked, "text");
	enum incident_kind kind;
	uint32_t number = 0;

	if (!name || !incident_kind_parse(name, &kind))
		return bl_fail(why, BL_INVALID,
			       "an incident is damage, loss, exposure or complaint (--kind)");
	if (!text || !*text)
		return bl_fail(why, BL_INVALID, "what happened? (--text TEXT)");
	if (!device_note_ok(text))
		return bl_fail(why, BL_INVALID,
			       "what happened takes at most %d bytes, without control characters "
			       "but new lines (more of it: bailee incident note)",
			       DEVICE_NOTE - 1);

	enum bl_status status =
		asked_permitted_any(asked, TELLERS, BL_COUNT(TELLERS), &device, why);

	if (status == BL_OK)
		status = open_incident(asked, &device, kind, &number, why);
	return status == BL_OK ? answer_incident(asked, device.id, number, why) : status;
}

enum bl_status request_incident_note(struct asked *asked, struct bl_error *why)
{
	struct device device;
	struct device_incident incident = {.number = 0};
	const char *text = asked_text(asked, "text");
	enum bl_status status =
		asked_permitted_any(asked, TELLERS, BL_COUNT(TELLERS), &device, why);

	if (status == BL_OK && (!text || !*text))
		return bl_fail(why, BL_INVALID, "a note has a text");
	if (status == BL_OK)
		status = find_named(asked, device.id, &incident, why);
	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&asked->daemon->life_lock);
	status = log_incident(asked, device.id, incident.number, "noted", incident.kind, why);
	if (status == BL_OK)
		status = add_note(asked, device.id, incident.number, why);
	asked_undone(asked, AUDIT_INCIDENT, device.id, status);
	pthread_mutex_unlock(&asked->daemon->life_lock);
	return status == BL_OK ? answer_incident(asked, device.id, incident.number, why) : status;
}

/* ---- what a crash left open --------------------------------------------------------------------------- */

static uint32_t hold_of(const struct device *device, uint32_t incident)
{
	for (size_t i = 0; i < device->hold_count; i++)
		if (device->holds[i].incident == incident)
			return device->holds[i].number;
	return 0;
}

static void freeze_again(struct daemon *daemon, const struct device *device,
			 const struct device_incident *incident)
{
	struct audit_event event = event_by(daemon, NULL, AUDIT_HOLD_ADDED);
	uint32_t hold = hold_of(device, incident->number);
	char reason[HOLD_REASON];

	snprintf(event.device, sizeof(event.device), "%s", device->id);
	snprintf(event.detail, sizeof(event.detail), "by an incident that a crash left without");
	hold_reason(incident->number, incident->kind, reason);
	if (!hold && device->hold_count < DEVICE_HOLDS &&
	    audit_append(daemon->audit, &event, NULL, NULL) == BL_OK)
		(void)!device_hold_add(daemon->store, device->id, incident->by, incident->number,
				       reason, daemon_trusted(daemon), &hold, NULL);
	if (hold)
		(void)!device_incident_freeze(daemon->store, device->id, incident->number, hold,
					      NULL);
}

static bool refreeze(void *context, const struct device *device)
{
	struct daemon *daemon = context;
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;

	if (device_is_gone(device) ||
	    device_matters_read(daemon->store, device->id, &matters, NULL) != BL_OK)
		return true;
	for (size_t i = 0; i < matters->incident_count; i++) {
		const struct device_incident *incident = &matters->incidents[i];

		if (!incident->is_closed && !incident->hold && incident_freezes(incident->kind))
			freeze_again(daemon, device, incident);
	}
	return true;
}

/* The incident is written down before its hold: one that has none gets it before anything is destroyed. */
void incidents_refreeze(struct daemon *daemon)
{
	device_each(daemon->store, refreeze, daemon);
}

/* ---- closing -------------------------------------------------------------------------------------------- */

/* A crash in between leaves a hold of an incident that is closed: closing it again releases that. */
static enum bl_status thaw(const struct asked *asked, const struct device *device,
			   uint32_t incident, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < device->hold_count && status == BL_OK; i++) {
		if (device->holds[i].incident != incident)
			continue;
		status = asked_log(asked, AUDIT_HOLD_RELEASED, device->id, "its incident is closed",
				   BL_OK, why);
		if (status == BL_OK)
			status = device_hold_release(asked->daemon->store, device->id,
						     device->holds[i].number, why);
		asked_undone(asked, AUDIT_HOLD_RELEASED, device->id, status);
	}
	return status;
}

static enum bl_status close_incident(struct asked *asked, const struct device *device,
				     const struct device_incident *incident, struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;
	enum bl_status status = BL_OK;

	if (!incident->is_closed)
		status = log_incident(asked, device->id, incident->number, "closed", incident->kind,
				      why);
	if (status == BL_OK && !incident->is_closed)
		status = device_incident_close(daemon->store, device->id, incident->number,
					       asked->peer->uid, daemon_trusted(daemon),
					       asked_text(asked, "corrective"), why);
	asked_undone(asked, AUDIT_INCIDENT, device->id, status);
	return status == BL_OK ? thaw(asked, device, incident->number, why) : status;
}

/* What closing releases is somebody else's to release, as with every hold. */
static enum bl_status check_close(struct asked *asked, const struct device *device,
				  const struct device_incident *incident, struct bl_error *why)
{
	const char *action = asked_text(asked, "corrective");

	if (incident->is_closed && !hold_of(device, incident->number))
		return bl_fail(why, BL_EXISTS, "incident %s/%u is closed already", device->id,
			       (unsigned)incident->number);
	if (!action || !*action)
		return bl_fail(why, BL_INVALID,
			       "an incident is closed with its corrective action (--action TEXT)");
	if (!hold_of(device, incident->number))
		return BL_OK;
	return life_by_others(asked, AUDIT_INCIDENT, device->id, incident->by, why);
}

/* As both are now: the incident may be about to place its hold, or another one to close it. */
static enum bl_status close_named(struct asked *asked, const char *id, struct bl_error *why)
{
	struct device device;
	struct device_incident incident = {.number = 0};

	pthread_mutex_lock(&asked->daemon->life_lock);
	enum bl_status status = device_find(asked->daemon->store, id, &device, why);

	if (status == BL_OK)
		status = find_named(asked, id, &incident, why);
	if (status == BL_OK)
		status = check_close(asked, &device, &incident, why);
	if (status == BL_OK)
		status = close_incident(asked, &device, &incident, why);
	pthread_mutex_unlock(&asked->daemon->life_lock);
	return status == BL_OK ? answer_incident(asked, id, incident.number, why) : status;
}

enum bl_status request_incident_close(struct asked *asked, struct bl_error *why)
{
	struct device device;
	enum bl_status status = asked_permitted_device(asked, ACTION_RELEASE, &device, why);

	if (status != BL_OK)
		return status;
	status = close_named(asked, device.id, why);
	gate_device_changed(asked->daemon->gate, device.id);
	keeper_wake(asked->daemon);
	return status;
}

/* ---- looking -------------------------------------------------------------------------------------------- */

static enum bl_status send_incidents(struct asked *asked, const struct policy *policy,
				     const struct device *device, struct bl_error *why)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	enum bl_status status =
		device_matters_read(asked->daemon->store, device->id, &matters, why);

	for (size_t i = 0; status == BL_OK && i < matters->incident_count; i++)
		asked_send(asked, "incident",
			   life_incident(policy, device->id, &matters->incidents[i],
					 daemon_trusted(asked->daemon)));
	return status;
}

enum bl_status request_incidents(struct asked *asked, struct bl_error *why)
{
	return life_tell(asked, "incidents", send_incidents, why);
}

enum bl_status request_incident_show(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	struct device device;
	struct device_incident incident = {.number = 0};
	enum bl_status status = asked_permitted_device(asked, ACTION_REVIEW, &device, why);

	if (status == BL_OK)
		status = find_named(asked, device.id, &incident, why);
	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, device.id, "incident-show", BL_OK, why);
	if (status != BL_OK)
		return status;
	BL_CLEANUP(json_decref)
	json_t *plain = life_incident(policy, device.id, &incident, daemon_trusted(asked->daemon));

	json_object_update(asked->answer, plain);
	answer_text(asked->answer, "kind_of_device", bl_device_kind_name(device.kind));
	answer_text(asked->answer, "maker", device.maker);
	answer_text(asked->answer, "model", device.model);
	status = life_notes(asked, policy, device.id, NOTE_INCIDENT, incident.number, why);
	return status == BL_OK ? life_seen(asked, policy, &device, why) : status;
}
