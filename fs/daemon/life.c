#include "fs/daemon/life.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* ---- who may ---------------------------------------------------------------------------------------- */

/* The last one is told of when all are refused. */
static const enum bl_action KEEPERS[] = {ACTION_ADMINISTER, ACTION_REVIEW, ACTION_INTAKE};

enum bl_status life_permit(struct asked *asked, struct device *out_device, struct bl_error *why)
{
	return asked_permitted_any(asked, KEEPERS, BL_COUNT(KEEPERS), out_device, why);
}

struct telling {
	struct asked *asked;
	const struct policy *policy;
	life_tell_fn *tell;
	enum bl_status worst;
	struct bl_error *why;
};

/* What cannot be told of one device is told at last, not left out; the others are told all the same. */
static bool tell_of(void *context, const struct device *device)
{
	struct telling *telling = context;
	struct bl_error here = {.text = ""};
	enum bl_status status = telling->tell(telling->asked, telling->policy, device, &here);

	if (status != BL_OK && telling->worst == BL_OK) {
		telling->worst = status;
		*telling->why = here;
	}
	return asked_goes_on(telling->asked);
}

enum bl_status life_tell(struct asked *asked, const char *what, life_tell_fn *tell,
			 struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	struct telling telling = {.asked = asked, .policy = policy, .tell = tell, .why = why};
	bool is_of_one = asked_text(asked, "device") != NULL;
	struct device device;
	enum bl_status status = is_of_one
					? life_permit(asked, &device, why)
					: asked_permit_any(asked, KEEPERS, BL_COUNT(KEEPERS), why);

	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, is_of_one ? device.id : NULL, what, BL_OK,
				   why);
	if (status == BL_OK && is_of_one)
		(void)tell_of(&telling, &device);
	else if (status == BL_OK)
		device_each(asked->daemon->store, tell_of, &telling);
	return status == BL_OK ? telling.worst : status;
}

/* ---- events ------------------------------------------------------------------------------------------ */

enum bl_status life_log(const struct asked *asked, enum audit_op op, const char *device,
			uint32_t number, const char *what, const char *kind, struct bl_error *why)
{
	struct audit_event event = event_by(asked->daemon, asked->peer, op);

	event.handle = number;
	snprintf(event.device, sizeof(event.device), "%s", device);
	snprintf(event.rule, sizeof(event.rule), "%s", asked->rule);
	snprintf(event.detail, sizeof(event.detail), "%s: %s", what, kind);
	return log_append(asked->daemon, &event, asked_text(asked, "reason"), why);
}

enum bl_status life_by_others(struct asked *asked, enum audit_op op, const char *device, uid_t by,
			      struct bl_error *why)
{
	if (by != asked->peer->uid || asked->peer->uid == asked->daemon->owner)
		return BL_OK;
	snprintf(asked->rule, sizeof(asked->rule), "%s", "builtin/release-by-others");
	if (asked_log(asked, op, device, "by who placed it", BL_FORBIDDEN, why) != BL_OK)
		return BL_LOG_BROKEN;
	return bl_fail(why, BL_FORBIDDEN,
		       "builtin/release-by-others: whoever placed a hold, or opened the incident "
		       "that did, does not release it (ask somebody else who may)");
}

#define NEAR_SECONDS 3600 /* it was known a moment after its event */

struct beginning {
	struct asked *asked;
	const struct device *device;
	uint64_t sequence; /* 0: not found */
};

static bool find_beginning(void *context, const struct audit_record *record)
{
	struct beginning *beginning = context;
	const struct audit_event *event = &record->event;
	int64_t apart = record->realtime_ns / 1000000000 - beginning->device->enrolled_unix;

	if (event->op == AUDIT_ENROLLED && event->verdict == AUDIT_PERMITTED &&
	    apart <= NEAR_SECONDS && apart >= -NEAR_SECONDS &&
	    strcmp(event->device, beginning->device->id) == 0)
		beginning->sequence = record->sequence;
	return !beginning->sequence && asked_goes_on(beginning->asked);
}

/*
 * The log has the times of a wall clock that may have been behind trusted time, which the record has: only the event itself says where to
 * begin. Where it is not, all of the log is read.
 */
enum bl_status life_events(struct asked *asked, const struct device *device, audit_record_fn *tell,
			   void *context, struct bl_error *why)
{
	struct beginning beginning = {.asked = asked, .device = device};
	BL_CLEANUP(fd_close) int log_fd = -1;
	enum bl_status status = device_store_log(asked->daemon->store, &log_fd, why);

	if (status == BL_OK)
		status = audit_scan_since(log_fd, device->enrolled_unix - NEAR_SECONDS,
					  find_beginning, &beginning, why);
	if (status == BL_OK)
		status = audit_scan_from(log_fd, beginning.sequence, tell, context, why);
	return status;
}

/* ---- deadlines -------------------------------------------------------------------------------------- */

const char *life_warning_name(enum life_warning warning)
{
	static const char *const NAMES[] = {
		[LIFE_QUIET] = "", [LIFE_SOON] = "soon", [LIFE_LATE] = "late"};

	return NAMES[warning];
}

static enum life_warning warning_of(int64_t since_unix, int64_t deadline_unix, int64_t now_unix)
{
	if (now_unix >= deadline_unix)
		return LIFE_LATE;
	return now_unix - since_unix >= (deadline_unix - since_unix) / 2 ? LIFE_SOON : LIFE_QUIET;
}

enum life_warning life_incident_warning(const struct device_incident *incident, int64_t now_unix)
{
	if (incident->is_closed)
		return LIFE_QUIET;
	return warning_of(incident->opened_unix, incident->deadline_unix, now_unix);
}

enum life_warning life_request_warning(const struct device_customer_request *request,
				       int64_t now_unix)
{
	if (request->state != CUSTOMER_OPEN)
		return LIFE_QUIET;
	return warning_of(request->since_unix, request->deadline_unix, now_unix);
}

int64_t life_review_by(const struct policy *policy, const struct device_hold *hold)
{
	int64_t every = policy_holds(policy)->review_every_seconds, by;

	if (!every || __builtin_add_overflow(hold->reviewed_unix, every, &by))
		return 0;
	return by;
}

const char *life_hold_overdue(const struct policy *policy, const struct device_hold *hold,
			      int64_t now_unix)
{
	int64_t longest = policy_holds(policy)->longest_seconds;
	int64_t by = life_review_by(policy, hold);

	if (longest && now_unix - hold->since_unix >= longest)
		return "longest";
	return by && now_unix >= by ? "review" : "";
}

/* ---- matters ---------------------------------------------------------------------------------------- */

enum bl_status life_next(const struct asked *asked, const char *device, enum note_about about,
			 uint32_t *out_number, struct bl_error *why)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	enum bl_status status = device_matters_read(asked->daemon->store, device, &matters, why);

	if (status == BL_OK)
		*out_number =
			about == NOTE_INCIDENT ? matters->next_incident : matters->next_request;
	return status;
}

json_t *life_incident(const struct policy *policy, const char *device,
		      const struct device_incident *incident, int64_t now_unix)
{
	json_t *item = json_object();

	answer_text(item, "device", device);
	answer_number(item, "number", incident->number);
	answer_text(item, "kind", incident_kind_name(incident->kind));
	answer_text(item, "state", incident->is_closed ? "closed" : "open");
	answer_moment(item, "opened", policy, incident->opened_unix);
	answer_moment(item, "deadline", policy, incident->deadline_unix);
	answer_text(item, "warning", life_warning_name(life_incident_warning(incident, now_unix)));
	answer_number(item, "by", incident->by);
	answer_number(item, "hold", incident->hold);
	answer_moment(item, "closed", policy, incident->is_closed ? incident->closed_unix : 0);
	json_object_set_new(item, "closed_by",
			    incident->is_closed ? json_integer(incident->closed_by) : json_null());
	answer_text(item, "action", incident->action);
	return item;
}

json_t *life_request(const struct policy *policy, const char *device,
		     const struct device_customer_request *request, int64_t now_unix)
{
	bool is_open = request->state == CUSTOMER_OPEN;
	json_t *item = json_object();

	answer_text(item, "device", device);
	answer_number(item, "number", request->number);
	answer_text(item, "kind", customer_request_kind_name(request->kind));
	answer_text(item, "state", customer_request_state_name(request->state));
	answer_moment(item, "since", policy, request->since_unix);
	answer_moment(item, "deadline", policy, request->deadline_unix);
	answer_text(item, "warning", life_warning_name(life_request_warning(request, now_unix)));
	answer_number(item, "by", request->by);
	answer_text(item, "ticket", request->ticket);
	answer_moment(item, "ended", policy, is_open ? 0 : request->ended_unix);
	json_object_set_new(item, "ended_by",
			    is_open ? json_null() : json_integer(request->ended_by));
	json_object_set_new(item, "proof",
			    hex_json(request->proof, request->has_proof ? DEVICE_DIGEST : 0));
	return item;
}

static json_t *note_json(const struct policy *policy, const struct device_note *note)
{
	json_t *item = json_object();

	answer_number(item, "number", note->number);
	answer_text(item, "about", note_about_name(note->about));
	answer_number(item, "matter", note->matter);
	answer_moment(item, "at", policy, note->at_unix);
	answer_number(item, "by", note->by);
	answer_text(item, "text", note->text);
	return item;
}

/* A device may have more of them than an answer holds. */
enum bl_status life_notes(struct asked *asked, const struct policy *policy, const char *device,
			  int about, uint32_t matter, struct bl_error *why)
{
	BL_CLEANUP(device_notes_free) struct device_notes *notes = NULL;
	enum bl_status status = device_notes_read(asked->daemon->store, device, &notes, why);

	for (size_t i = 0; status == BL_OK && i < notes->count && asked_goes_on(asked); i++) {
		const struct device_note *note = &notes->items[i];

		if (about < 0 || ((int)note->about == about && note->matter == matter))
			asked_send(asked, "note", note_json(policy, note));
	}
	return status;
}

/* ---- the device --------------------------------------------------------------------------------------- */

static void add_record(json_t *item, const struct policy *policy, const struct device *device)
{
	answer_text(item, "id", device->id);
	answer_text(item, "kind", bl_device_kind_name(device->kind));
	answer_text(item, "state", bl_device_state_name(device->state));
	answer_text(item, "maker", device->maker);
	answer_text(item, "model", device->model);
	answer_text(item, "serial", device->serial);
	answer_number(item, "capacity", (int64_t)device->capacity_bytes);
	answer_text(item, "origin", device->origin);
	answer_text(item, "location", device->location);
	answer_moment(item, "received", policy, device->received_unix);
	answer_moment(item, "closed", policy, device->closed_unix);
	answer_number(item, "revision", device->revision);
	json_object_set_new(item, "sealed", json_boolean(device->source_kind == SOURCE_SEALED));
	json_object_set_new(item, "complete", json_boolean(device->is_complete));
	json_object_set_new(item, "destroy_when_due", json_boolean(device->destroy_when_due));
}

static void add_date(json_t *item, const struct asked *asked, const struct policy *policy,
		     const struct device *device)
{
	const struct retention_now now = daemon_times(asked->daemon);
	bool is_gone = device_is_gone(device);
	struct retention_plan plan;

	retention_plan_of(asked->daemon->store, policy, device, &now, &plan);
	answer_moment(item, "due", policy, is_gone ? 0 : plan.due_unix);
	answer_text(item, "retention", is_gone ? "" : plan.entry);
	answer_moment(item, "notice", policy, is_gone ? 0 : plan.why.notice_unix);
	answer_moment(item, "grace", policy,
		      device->grace_unix > now.trusted_unix ? device->grace_unix : 0);
	json_object_set_new(item, "held", json_boolean(plan.is_held));
	json_object_set_new(item, "unsure", json_boolean(!is_gone && plan.is_unsure));
	answer_number(item, "holds", (int64_t)device->hold_count);
}

/* How many are open, and the worst that is said of them. What cannot be read is late: somebody has to look. */
static void add_matters(json_t *item, const struct asked *asked, const char *id)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	int64_t now = daemon_trusted(asked->daemon);
	enum life_warning worst = LIFE_QUIET;
	int64_t incidents = 0, requests = 0;

	if (device_matters_read(asked->daemon->store, id, &matters, NULL) != BL_OK)
		worst = LIFE_LATE;
	for (size_t i = 0; matters && i < matters->incident_count; i++) {
		enum life_warning warning = life_incident_warning(&matters->incidents[i], now);

		incidents += !matters->incidents[i].is_closed;
		worst = BL_MAX(worst, warning);
	}
	for (size_t i = 0; matters && i < matters->request_count; i++) {
		enum life_warning warning = life_request_warning(&matters->requests[i], now);

		requests += matters->requests[i].state == CUSTOMER_OPEN;
		worst = BL_MAX(worst, warning);
	}
	answer_number(item, "incidents", incidents);
	answer_number(item, "requests", requests);
	answer_text(item, "warning", life_warning_name(worst));
}

static bool has_customer(struct device_store *store, const char *id)
{
	struct device_record record = {.has_received = false};

	if (device_identities(store, id, &record, NULL) != BL_OK)
		return false;
	bool is_there = record.identity_count > 0;

	device_record_done(&record);
	return is_there;
}

json_t *life_device(const struct asked *asked, const struct policy *policy,
		    const struct device *device)
{
	json_t *item = json_object();

	add_record(item, policy, device);
	add_date(item, asked, policy, device);
	add_matters(item, asked, device->id);
	json_object_set_new(item, "has_customer",
			    json_boolean(has_customer(asked->daemon->store, device->id)));
	return item;
}

enum bl_status life_digest(const struct asked *asked, const char *key, uint8_t out[DEVICE_DIGEST],
			   struct bl_error *why)
{
	const char *text = asked_text(asked, key);
	size_t length = 0;

	if (text && strlen(text) == (size_t)2 * DEVICE_DIGEST &&
	    sodium_hex2bin(out, DEVICE_DIGEST, text, (size_t)2 * DEVICE_DIGEST, NULL, &length,
			   NULL) == 0 &&
	    length == DEVICE_DIGEST)
		return BL_OK;
	return bl_fail(why, BL_INVALID, "a digest is 64 hex digits (SHA-256)");
}
