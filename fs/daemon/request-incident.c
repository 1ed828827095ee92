/* Incidents: what went wrong, until when it must be answered, who saw what, and what was done about it. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/life.h"

/* Whoever works with devices, or looks after them, may say that something went wrong. */
static const enum bl_action TELLERS[] = {ACTION_REVIEW, ACTION_HOLD, ACTION_INTAKE};

static enum bl_status log_incident(const struct asked *asked, const char *device, uint32_t number,
				   const char *what, enum incident_kind kind, struct bl_error *why)
{
	struct audit_event event = event_by(asked->daemon, asked->peer, AUDIT_INCIDENT);

	event.handle = number;
	snprintf(event.device, sizeof(event.device), "%s", device);
	snprintf(event.rule, sizeof(event.rule), "%s", asked->rule);
	snprintf(event.detail, sizeof(event.detail), "%s: %s", what, incident_kind_name(kind));
	return log_append(asked->daemon, &event, asked_text(asked, "reason"), why);
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

	for (size_t i = 0; status == BL_OK && i < matters->incident_count; i++)
		if (matters->incidents[i].number == number) {
			*out_incident = matters->incidents[i];
			return BL_OK;
		}
	if (status != BL_OK)
		return status;
	return bl_fail(why, BL_NOT_FOUND, "device '%s' has no incident %u (bailee incident list)",
		       device, (unsigned)number);
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

/* Of the one that comes next: life_lock is held until it is there. */
static enum bl_status next_number(const struct asked *asked, const char *device,
				  uint32_t *out_number, struct bl_error *why)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	enum bl_status status = device_matters_read(asked->daemon->store, device, &matters, why);

	if (status == BL_OK)
		*out_number = matters->next_incident;
	return status;
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
	enum bl_status status = next_number(asked, device->id, out_number, why);

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
static enum bl_status check_close(const struct asked *asked, const struct device *device,
				  const struct device_incident *incident, struct bl_error *why)
{
	const char *action = asked_text(asked, "corrective");

	if (incident->is_closed && !hold_of(device, incident->number))
		return bl_fail(why, BL_EXISTS, "incident %s/%u is closed already", device->id,
			       (unsigned)incident->number);
	if (!action || !*action)
		return bl_fail(why, BL_INVALID,
			       "an incident is closed with its corrective action (--action TEXT)");
	if (hold_of(device, incident->number) && incident->by == asked->peer->uid &&
	    asked->peer->uid != asked->daemon->owner)
		return bl_fail(why, BL_FORBIDDEN,
			       "builtin/release-by-others: whoever opened an incident that froze "
			       "the device does not close it (ask somebody else who may release)");
	return BL_OK;
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

/* ---- who saw what ------------------------------------------------------------------------------------------ */

#define SEEN_PERSONS 1024
#define SEEN_FILES   (1u << 20)

struct seen_person {
	uint32_t uid;
	int64_t first_unix, last_unix;
	uint64_t files, reads, bytes, unmasked, denied;
};

struct seen_file {
	uint32_t person;
	uint8_t token[AUDIT_TOKEN];
};

struct seen {
	struct asked *asked;
	const char *device;
	size_t person_count, file_count, file_room;
	struct seen_person persons[SEEN_PERSONS];
	struct seen_file *files;
	bool is_more; /* than there is room for: what is told is the least */
	bool is_short_of_memory;
};

static struct seen_person *person_of(struct seen *seen, uint32_t uid, int64_t at_unix)
{
	for (size_t i = 0; i < seen->person_count; i++)
		if (seen->persons[i].uid == uid)
			return &seen->persons[i];
	if (seen->person_count == SEEN_PERSONS) {
		seen->is_more = true;
		return NULL;
	}
	seen->persons[seen->person_count] =
		(struct seen_person){.uid = uid, .first_unix = at_unix, .last_unix = at_unix};
	return &seen->persons[seen->person_count++];
}

static void add_file(struct seen *seen, size_t person, const uint8_t token[AUDIT_TOKEN])
{
	if (seen->file_count == SEEN_FILES) {
		seen->is_more = true;
		return;
	}
	if (seen->file_count == seen->file_room) {
		size_t room = seen->file_room ? 2 * seen->file_room : 1024;
		void *grown = reallocarray(seen->files, room, sizeof(*seen->files));

		seen->is_short_of_memory |= !grown;
		if (!grown)
			return;
		seen->files = grown;
		seen->file_room = room;
	}
	seen->files[seen->file_count].person = (uint32_t)person;
	memcpy(seen->files[seen->file_count++].token, token, AUDIT_TOKEN);
}

static bool is_look(enum audit_op op)
{
	return op == AUDIT_LOOKUP || op == AUDIT_LIST || op == AUDIT_STAT || op == AUDIT_READLINK ||
	       op == AUDIT_OPEN || op == AUDIT_READ;
}

static bool count_look(void *context, const struct audit_record *record)
{
	struct seen *seen = context;
	const struct audit_event *event = &record->event;

	if (!is_look(event->op) || strcmp(event->device, seen->device) != 0)
		return asked_goes_on(seen->asked);
	int64_t at_unix = record->realtime_ns / 1000000000;
	struct seen_person *person = person_of(seen, event->uid, at_unix);

	if (!person)
		return true;
	if (event->verdict != AUDIT_PERMITTED) {
		person->denied += 1 + event->repeats;
		return true;
	}
	person->last_unix = at_unix;
	if (event->op == AUDIT_OPEN) {
		add_file(seen, (size_t)(person - seen->persons), event->token);
		person->unmasked += event->bytes > 0;
	} else if (event->op == AUDIT_READ) {
		person->reads++;
		person->bytes += event->bytes;
	}
	return !seen->is_short_of_memory;
}

static int compare_files(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct seen_file));
}

/* A file that somebody opened often is one. */
static void count_files(struct seen *seen)
{
	if (!seen->file_count)
		return;
	qsort(seen->files, seen->file_count, sizeof(*seen->files), compare_files);
	for (size_t i = 0; i < seen->file_count; i++)
		if (i == 0 || compare_files(&seen->files[i - 1], &seen->files[i]) != 0)
			seen->persons[seen->files[i].person].files++;
}

static json_t *seen_json(const struct policy *policy, const struct seen_person *person)
{
	char login[64] = "", room[4096];
	struct passwd entry, *found = NULL;
	json_t *item = json_object();

	if (getpwuid_r(person->uid, &entry, room, sizeof(room), &found) == 0 && found)
		snprintf(login, sizeof(login), "%s", found->pw_name);
	answer_number(item, "uid", person->uid);
	answer_text(item, "person", login);
	answer_moment(item, "first", policy, person->first_unix);
	answer_moment(item, "last", policy, person->last_unix);
	answer_number(item, "files", (int64_t)person->files);
	answer_number(item, "reads", (int64_t)person->reads);
	answer_number(item, "bytes", (int64_t)person->bytes);
	answer_number(item, "unmasked", (int64_t)person->unmasked);
	answer_number(item, "denied", (int64_t)person->denied);
	return item;
}

static enum bl_status add_seen(struct asked *asked, const struct policy *policy,
			       const struct device *device, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct seen *seen = calloc(1, sizeof(*seen));

	if (!seen)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	seen->asked = asked;
	seen->device = device->id;

	enum bl_status status = life_events(asked, device, count_look, seen, why);

	if (status == BL_OK && seen->is_short_of_memory)
		status = bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (status == BL_OK)
		count_files(seen);
	free(seen->files);
	for (size_t i = 0; status == BL_OK && i < seen->person_count; i++)
		asked_send(asked, "seen", seen_json(policy, &seen->persons[i]));
	json_object_set_new(asked->answer, "is_more", json_boolean(seen->is_more));
	return status;
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
	return status == BL_OK ? add_seen(asked, policy, &device, why) : status;
}
