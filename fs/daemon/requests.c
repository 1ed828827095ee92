/* What clients may ask for: one row each in the table at the end. Semantics: docs/protocol.md. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/daemon/message.h"
#include "fs/daemon/state.h"

struct asked {
	struct daemon *daemon;
	const struct peer *peer;
	int fd; /* for answers before the last */
	const json_t *request;
	int passed_fd;	/* -1: none */
	json_t *answer; /* to be filled */
	char rule[BL_RULE_ID_SIZE];
	bool is_client_gone;
};

/* ---- reading a request ------------------------------------------------------------------------- */

static const char *text_of(const struct asked *asked, const char *key)
{
	return json_string_value(json_object_get(asked->request, key));
}

static bool flag_of(const struct asked *asked, const char *key)
{
	return json_is_true(json_object_get(asked->request, key));
}

static int64_t number_of(const struct asked *asked, const char *key, int64_t absent)
{
	const json_t *value = json_object_get(asked->request, key);

	return json_is_integer(value) ? json_integer_value(value) : absent;
}

static void set_text(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, json_string(value));
}

static void set_number(json_t *object, const char *key, int64_t value)
{
	json_object_set_new(object, key, json_integer(value));
}

static enum bl_status need_device(const struct asked *asked, struct device *out_device,
				  struct bl_error *why)
{
	const char *id = text_of(asked, "device");

	if (!id || !bl_device_id_ok(id))
		return bl_fail(why, BL_INVALID,
			       "no device id, or one that is none (1 to 31 of A-Z a-z 0-9 . _ -)");
	return device_find(asked->daemon->store, id, out_device, why);
}

/* An event of a request, with the rule that let it through or not. Durable when this returns BL_OK. */
static enum bl_status log_request(const struct asked *asked, enum audit_op op, const char *device,
				  const char *detail, enum bl_status outcome, struct bl_error *why)
{
	struct audit_event event = event_by(asked->daemon, asked->peer, op);

	if (outcome == BL_ASK)
		event.verdict = AUDIT_ASKED;
	else if (outcome == BL_FORBIDDEN)
		event.verdict = AUDIT_DENIED;
	else if (outcome != BL_OK)
		event.verdict = AUDIT_FAILED_VERDICT;
	event.error_number = (uint32_t)bl_status_errno(outcome);
	snprintf(event.device, sizeof(event.device), "%s", device ? device : "");
	snprintf(event.rule, sizeof(event.rule), "%s", asked->rule);
	snprintf(event.detail, sizeof(event.detail), "%s", detail ? detail : "");
	return audit_append(asked->daemon->audit, &event, NULL, why);
}

/* The event went first; when the thing did not come about the log says that too, or it would tell of holds that are none. */
static void log_undone(const struct asked *asked, enum audit_op op, const char *device,
		       enum bl_status status)
{
	if (status != BL_OK && audit_is_writable(asked->daemon->audit))
		(void)!log_request(asked, op, device, "did not come about", status, NULL);
}

/* May the peer? A refusal is an event too; so is a log that cannot take one. */
static enum bl_status permit(struct asked *asked, enum bl_action action,
			     const struct device *device, struct bl_error *why)
{
	const char *reason = text_of(asked, "reason");
	enum bl_status status = may(asked->daemon, asked->peer, action, device, reason && *reason,
				    asked->rule, why);

	if (status == BL_OK)
		return BL_OK;

	struct bl_error log_why;

	if (log_request(asked, AUDIT_ADMIN, device ? device->id : NULL, bl_action_name(action),
			status, &log_why) != BL_OK)
		return bl_fail(why, BL_LOG_BROKEN, "%s", log_why.text);
	return status;
}

/* The device a request names, if the peer may do @action with it. Who may not learns not even whether it exists. */
static enum bl_status permitted_device(struct asked *asked, enum bl_action action,
				       struct device *out_device, struct bl_error *why)
{
	enum bl_status status = need_device(asked, out_device, why);

	if (status == BL_OK)
		return permit(asked, action, out_device, why);
	if (status != BL_NOT_FOUND)
		return status;

	struct bl_error refusal;
	enum bl_status refused = permit(asked, action, NULL, &refusal);

	return refused == BL_OK ? status : bl_fail(why, refused, "%s", refusal.text);
}

/* ---- status ------------------------------------------------------------------------------------ */

struct devices_context {
	struct asked *asked;
	struct policy *policy;
	json_t *list;
};

static bool add_device(void *context, const struct device *device)
{
	struct devices_context *devices = context;
	struct retention_plan plan;
	json_t *item = json_object();
	char due[20];

	retention_plan_of(devices->policy, device, daemon_now(NULL), &plan);
	rules_local_time(devices->policy, plan.due_unix, due);
	set_text(item, "id", device->id);
	set_text(item, "kind", bl_device_kind_name(device->kind));
	set_text(item, "state", bl_device_state_name(device->state));
	set_text(item, "maker", device->maker);
	set_text(item, "model", device->model);
	set_number(item, "due_unix", plan.due_unix);
	set_text(item, "due", due);
	set_text(item, "retention", plan.entry);
	set_number(item, "holds", (int64_t)device->hold_count);
	json_object_set_new(item, "destroy_when_due", json_boolean(device->destroy_when_due));
	json_array_append_new(devices->list, item);
	return true;
}

static void add_views(struct asked *asked, bool is_privileged)
{
	struct daemon *daemon = asked->daemon;
	json_t *list = json_array();

	pthread_mutex_lock(&daemon->views_lock);
	for (const struct view *view = daemon->views; view; view = view->next) {
		if (!is_privileged && view->uid != asked->peer->uid)
			continue;
		json_t *item = json_object();

		set_number(item, "view", (int64_t)view->number);
		set_text(item, "person", gate_view_person(view->gate_view));
		set_number(item, "uid", view->uid);
		set_text(item, "purpose", view->purpose);
		set_text(item, "path", view->path);
		set_number(item, "since_unix", view->since_unix);
		json_array_append_new(list, item);
	}
	pthread_mutex_unlock(&daemon->views_lock);
	json_object_set_new(asked->answer, "views", list);
}

static void add_log(struct asked *asked)
{
	struct audit_state state;
	json_t *log = json_object();

	audit_state(asked->daemon->audit, &state);
	json_object_set_new(log, "is_writable", json_boolean(state.is_writable));
	set_text(log, "broken", state.broken_text);
	set_text(log, "id", state.log_id);
	set_number(log, "last_sequence", (int64_t)state.last_sequence);
	set_number(log, "durable_sequence", (int64_t)state.durable_sequence);
	set_number(log, "segment", (int64_t)state.segment);
	json_object_set_new(asked->answer, "log", log);
}

static void add_key(struct asked *asked)
{
	const uint8_t *key = vault_public_key(device_store_vault(asked->daemon->store));
	char text[2 * VAULT_PUBLIC_KEY + 1];

	for (size_t i = 0; i < VAULT_PUBLIC_KEY; i++)
		sprintf(text + 2 * i, "%02x", key[i]);
	set_text(asked->answer, "public_key", text);
}

static bool is_privileged(struct asked *asked)
{
	char rule[BL_RULE_ID_SIZE];

	return may(asked->daemon, asked->peer, ACTION_ADMINISTER, NULL, true, rule, NULL) ==
		       BL_OK ||
	       may(asked->daemon, asked->peer, ACTION_REVIEW, NULL, true, rule, NULL) == BL_OK;
}

static enum bl_status do_status(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	bool privileged = is_privileged(asked);
	struct devices_context devices = {.asked = asked, .policy = policy, .list = json_array()};

	(void)why;
	if (privileged)
		device_each(asked->daemon->store, add_device, &devices);
	json_object_set_new(asked->answer, "devices", devices.list);
	add_views(asked, privileged);
	add_log(asked);
	add_key(asked);
	set_text(asked->answer, "version", BAILEE_VERSION);
	set_text(asked->answer, "policy", policy_name(policy));
	set_number(asked->answer, "policy_serial", (int64_t)policy_serial(policy));
	json_object_set_new(asked->answer, "solo", json_boolean(asked->daemon->options->is_solo));
	return BL_OK;
}

/* ---- devices ----------------------------------------------------------------------------------- */

/*
 * The client opened the source with its own rights and passes the descriptor: nobody has root read, or destroy, what
 * they could not themselves.
 */
static enum bl_status check_source(const struct asked *asked, bool destroy, struct bl_error *why)
{
	struct stat stat;
	int flags = asked->passed_fd < 0 ? -1 : fcntl(asked->passed_fd, F_GETFL);

	if (flags < 0 || fstat(asked->passed_fd, &stat) < 0)
		return bl_fail(why, BL_INVALID, "no open source came with the request");
	/* O_PATH needs no right to read, and O_WRONLY is another one. */
	if ((flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
		return bl_fail(why, BL_FORBIDDEN,
			       "source is not open for reading (open it, do not just name it)");
	/* A folder is opened, but what lies in it would be read with the service's rights. */
	if (S_ISDIR(stat.st_mode) && asked->peer->uid != asked->daemon->owner)
		return bl_fail(
			why, BL_FORBIDDEN,
			"a folder is the store owner's to enrol, since what is in it is read "
			"with the service's rights (enrol an image file)");
	if (!destroy)
		return BL_OK;
	if ((flags & O_ACCMODE) != O_RDWR)
		return bl_fail(
			why, BL_FORBIDDEN,
			"source is not open for writing, so it may not be destroyed when due");
	return retention_check_source(asked->passed_fd, why);
}

static enum bl_status fill_device(const struct asked *asked, struct device *out_device,
				  struct bl_error *why)
{
	const char *id = text_of(asked, "device");
	const char *kind = text_of(asked, "kind");

	if (!id || !bl_device_id_ok(id))
		return bl_fail(why, BL_INVALID,
			       "device id is not one (1 to 31 of A-Z a-z 0-9 . _ -)");
	if (!kind || !bl_device_kind_parse(kind, &out_device->kind))
		return bl_fail(why, BL_INVALID,
			       "kind of device is not one (phone tablet laptop desktop disk "
			       "usb-stick memory-card "
			       "camera console wearable network printer other)");
	snprintf(out_device->id, sizeof(out_device->id), "%s", id);
	out_device->state = STATE_RECEIVED;
	out_device->enrolled_unix = daemon_now(NULL);
	out_device->received_unix = out_device->enrolled_unix;
	out_device->destroy_when_due = flag_of(asked, "destroy_when_due");
	snprintf(out_device->source, sizeof(out_device->source), "/proc/self/fd/%d",
		 asked->passed_fd);
	return BL_OK;
}

/* Its date counts from then: a slip of the pen would put the destruction off. A day is left for time zones. */
static enum bl_status check_received(const struct device_record *record, struct bl_error *why)
{
	if (record->has_received && record->received_unix > daemon_now(NULL) + 86400)
		return bl_fail(why, BL_INVALID,
			       "'received' lies in the future (the day the device was taken in)");
	return BL_OK;
}

static enum bl_status enroll(struct asked *asked, struct device *device, struct bl_error *why)
{
	const char *text = text_of(asked, "record");
	struct device_record record = {.has_received = false};
	enum bl_status status =
		text ? device_record_parse(text, strlen(text), &record, why) : BL_OK;

	if (status == BL_OK && text) {
		status = check_received(&record, why);
		if (status != BL_OK)
			device_record_done(&record);
	}
	if (status != BL_OK) {
		bl_explain(why, "record");
		return status;
	}
	/* The event comes first: a device is never known without one; a failed attempt has one as well. */
	pthread_mutex_lock(&asked->daemon->life_lock);
	status =
		log_request(asked, AUDIT_ENROLLED, device->id,
			    device->destroy_when_due ? "to be destroyed when due" : "", BL_OK, why);
	if (status == BL_OK)
		status = device_enroll(asked->daemon->store, device, text ? &record : NULL, why);
	log_undone(asked, AUDIT_ENROLLED, device->id, status);
	pthread_mutex_unlock(&asked->daemon->life_lock);
	if (text)
		device_record_done(&record);
	return status;
}

static enum bl_status do_enroll(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct device *device = calloc(1, sizeof(*device));

	if (!device)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status = fill_device(asked, device, why);

	if (status == BL_OK)
		status = permit(asked, ACTION_INTAKE, device, why);
	if (status == BL_OK)
		status = check_source(asked, device->destroy_when_due, why);
	if (status == BL_OK)
		status = enroll(asked, device, why);
	if (status != BL_OK)
		return status;
	gate_device_changed(asked->daemon->gate, device->id);
	keeper_wake(asked->daemon);
	set_text(asked->answer, "device", device->id);
	set_text(asked->answer, "kind", bl_device_kind_name(device->kind));
	return BL_OK;
}

static enum bl_status do_hold_add(struct asked *asked, struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;
	struct device device;
	const char *reason = text_of(asked, "reason");
	uint32_t number = 0;

	if (!reason || !*reason)
		return bl_fail(why, BL_INVALID, "a hold needs a reason (--reason TEXT)");

	enum bl_status status = permitted_device(asked, ACTION_HOLD, &device, why);

	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&daemon->life_lock);
	status = log_request(asked, AUDIT_HOLD_ADDED, device.id, NULL, BL_OK, why);
	if (status == BL_OK)
		status = device_hold_add(daemon->store, device.id, asked->peer->uid, reason,
					 daemon_now(NULL), &number, why);
	log_undone(asked, AUDIT_HOLD_ADDED, device.id, status);
	pthread_mutex_unlock(&daemon->life_lock);
	gate_device_changed(daemon->gate, device.id);
	keeper_wake(daemon);
	set_text(asked->answer, "device", device.id);
	set_number(asked->answer, "hold", number);
	return status;
}

static enum bl_status do_hold_release(struct asked *asked, struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;
	struct device device;
	const char *reason = text_of(asked, "reason");
	int64_t number = number_of(asked, "hold", 0);

	if (!reason || !*reason)
		return bl_fail(why, BL_INVALID, "releasing a hold needs a reason (--reason TEXT)");

	enum bl_status status = permitted_device(asked, ACTION_RELEASE, &device, why);

	if (status != BL_OK)
		return status;
	if (number == 0 && device.hold_count == 1)
		number = device.holds[0].number;
	if (number < 1 || number > UINT32_MAX)
		return bl_fail(why, BL_INVALID,
			       "device '%s' has %zu holds (name one with --hold N)", device.id,
			       device.hold_count);
	pthread_mutex_lock(&daemon->life_lock);
	status = log_request(asked, AUDIT_HOLD_RELEASED, device.id, NULL, BL_OK, why);
	if (status == BL_OK)
		status = device_hold_release(daemon->store, device.id, (uint32_t)number, why);
	log_undone(asked, AUDIT_HOLD_RELEASED, device.id, status);
	pthread_mutex_unlock(&daemon->life_lock);
	gate_device_changed(daemon->gate, device.id);
	keeper_wake(daemon);
	set_text(asked->answer, "device", device.id);
	set_number(asked->answer, "hold", number);
	return status;
}

static void tell_step(void *context, const char *device, enum retention_step step)
{
	struct asked *asked = context;
	BL_CLEANUP(json_decref)
	json_t *message = json_pack("{s:{s:s,s:s}}", "step", "device", device, "step",
				    retention_step_name(step));

	/* A client that went away stops nothing: what was begun is finished. */
	if (!asked->is_client_gone && message)
		asked->is_client_gone = message_send(asked->fd, message, -1, NULL) != BL_OK;
}

static enum bl_status do_shred_due(struct asked *asked, struct bl_error *why)
{
	size_t shredded = 0;
	enum bl_status status = permit(asked, ACTION_SHRED, NULL, why);

	if (status == BL_OK)
		status = log_request(asked, AUDIT_ADMIN, NULL, "shred-due", BL_OK, why);
	if (status == BL_OK)
		status = keeper_pass(asked->daemon, asked->peer, tell_step, asked, &shredded, why);
	set_number(asked->answer, "shredded", (int64_t)shredded);
	return status;
}

static enum bl_status do_certificate(struct asked *asked, struct bl_error *why)
{
	struct device device;
	char name[BL_DEVICE_ID_SIZE + 40];
	char text[32768];
	enum bl_status status = permitted_device(asked, ACTION_VERIFY, &device, why);

	if (status == BL_OK)
		status = log_request(asked, AUDIT_ADMIN, device.id, "certificate", BL_OK, why);
	if (status != BL_OK)
		return status;
	snprintf(name, sizeof(name), "certificates/%s.json", device.id);

	BL_CLEANUP(fd_close)
	int fd = openat(device_store_fd(asked->daemon->store), name,
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (length <= 0)
		return bl_fail(why, BL_NOT_FOUND, "no certificate of '%s': it is not destroyed",
			       device.id);
	text[length] = '\0';
	set_text(asked->answer, "certificate", text);
	return BL_OK;
}

/* ---- views ------------------------------------------------------------------------------------- */

static uint32_t login_uid_of(pid_t pid)
{
	char path[64];
	unsigned value = UINT32_MAX;

	snprintf(path, sizeof(path), "/proc/%d/loginuid", pid);
	FILE *file = fopen(path, "re");

	if (!file)
		return UINT32_MAX;
	if (fscanf(file, "%u", &value) != 1)
		value = UINT32_MAX;
	fclose(file);
	return value;
}

/* Whose view: the peer's own, or --for another when the store's owner asks. */
static enum bl_status view_person(const struct asked *asked, struct gate_view_request *view,
				  struct bl_error *why)
{
	int64_t uid = number_of(asked, "for", -1);
	struct passwd entry, *found = NULL;
	char buffer[16384];

	view->uid = asked->peer->uid;
	view->gid = asked->peer->gid;
	if (uid < 0 || (uid_t)uid == asked->peer->uid)
		return BL_OK;
	if (asked->peer->uid != asked->daemon->owner) {
		if (log_request(asked, AUDIT_VIEW_OPENED, NULL, "for another", BL_FORBIDDEN, why) !=
		    BL_OK)
			return BL_LOG_BROKEN;
		return bl_fail(why, BL_FORBIDDEN,
			       "--for is the store owner's to use (open a view as yourself)");
	}
	view->uid = (uid_t)uid;
	view->gid = (gid_t)number_of(asked, "gid", uid);
	if (getpwuid_r((uid_t)uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
		view->gid = found->pw_gid;
	return BL_OK;
}

static enum bl_status do_open(struct asked *asked, struct bl_error *why)
{
	struct view_request request = {.mountpoint_fd = asked->passed_fd};
	char path[PATH_LIMIT], link[64];
	uint64_t number;
	enum bl_status status = view_person(asked, &request.gate, why);

	if (status != BL_OK)
		return status;
	if (asked->passed_fd < 0)
		return bl_fail(why, BL_INVALID, "no mount point came with the request");
	if (asked->daemon->monitor_fd < 0)
		return bl_fail(why, BL_UNSUPPORTED, "a solo daemon has its one view already");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", asked->passed_fd);
	ssize_t length = readlink(link, path, sizeof(path) - 1);

	if (length < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot tell where the mount point is");
	path[length] = '\0';
	request.path = path;
	request.gate.purpose = text_of(asked, "purpose");
	request.gate.reason = text_of(asked, "reason");
	request.gate.pid = (uint32_t)asked->peer->pid;
	request.gate.login_uid = login_uid_of(asked->peer->pid);
	if (request.gate.purpose && strlen(request.gate.purpose) >= PURPOSE_LIMIT)
		return bl_fail(why, BL_INVALID, "purpose is longer than %d bytes",
			       PURPOSE_LIMIT - 1);
	status = views_open(asked->daemon, &request, &number, why);
	if (status != BL_OK)
		return status;
	set_number(asked->answer, "view", (int64_t)number);
	set_text(asked->answer, "path", path);
	set_number(asked->answer, "uid", request.gate.uid);
	return BL_OK;
}

static enum bl_status do_close(struct asked *asked, struct bl_error *why)
{
	const char *path = text_of(asked, "path");
	int64_t number = number_of(asked, "view", 0);

	if (number <= 0 && !path)
		return bl_fail(why, BL_INVALID, "name the view: its mount point or its number");
	return views_close(asked->daemon, (uint64_t)BL_MAX(number, 0), path ? path : "",
			   asked->peer->uid, why);
}

/* ---- policy and log ---------------------------------------------------------------------------- */

static enum bl_status do_policy_load(struct asked *asked, struct bl_error *why)
{
	const char *text = text_of(asked, "text");

	if (!text)
		return bl_fail(why, BL_INVALID, "no policy came with the request");

	enum bl_status status = permit(asked, ACTION_ADMINISTER, NULL, why);

	if (status == BL_OK)
		status = policy_replace(asked->daemon, text, strlen(text), asked->peer, why);
	if (status == BL_OK) {
		BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);

		set_text(asked->answer, "policy", policy_name(policy));
		set_number(asked->answer, "policy_serial", (int64_t)policy_serial(policy));
	}
	return status;
}

#define QUERY_LAST_LIMIT 100000

struct querying {
	struct asked *asked;
	struct audit_query query;
	struct audit_record *ring; /* the last N that match; NULL: send as they come */
	size_t room, count;
	enum bl_status status;
};

static bool send_record(struct querying *querying, const struct audit_record *record)
{
	char *text = NULL;
	size_t length = 0;
	FILE *memory = open_memstream(&text, &length);

	if (!memory)
		return false;
	audit_print_json(memory, record);
	fclose(memory);

	json_t *parsed = json_loads(text, 0, NULL);
	BL_CLEANUP(json_decref) json_t *message = json_pack("{s:o}", "record", parsed);

	free(text);
	querying->status =
		message ? message_send(querying->asked->fd, message, -1, NULL) : BL_NO_MEMORY;
	return querying->status == BL_OK;
}

static bool take_record(void *context, const struct audit_record *record)
{
	struct querying *querying = context;

	if (!audit_query_matches(&querying->query, record))
		return true;
	if (!querying->ring)
		return send_record(querying, record);
	querying->ring[querying->count++ % querying->room] = *record;
	return true;
}

static void send_ring(struct querying *querying)
{
	size_t kept = BL_MIN(querying->count, querying->room);
	bool is_listening = true;

	for (size_t i = querying->count - kept; i < querying->count && is_listening; i++)
		is_listening = send_record(querying, &querying->ring[i % querying->room]);
}

static enum bl_status fill_query(const struct asked *asked, struct audit_query *query,
				 struct bl_error *why)
{
	const char *op = text_of(asked, "op");
	const char *verdict = text_of(asked, "verdict");
	enum audit_op op_value = AUDIT_START;

	*query = (struct audit_query){
		.uid = number_of(asked, "uid", -1),
		.device = text_of(asked, "device"),
		.rule = text_of(asked, "rule"),
		.op = -1,
		.verdict = -1,
		.view = (uint64_t)number_of(asked, "view", 0),
		.since_unix = number_of(asked, "since", INT64_MIN),
		.until_unix = number_of(asked, "until", INT64_MAX),
		.last = (uint64_t)number_of(asked, "last", 0),
	};
	if (op && !audit_op_parse(op, &op_value))
		return bl_fail(why, BL_INVALID, "'%.40s' is no operation of the log", op);
	if (op)
		query->op = (int)op_value;
	for (unsigned i = 0; verdict && i <= AUDIT_FAILED_VERDICT; i++)
		if (strcmp(audit_verdict_name((enum audit_verdict)i), verdict) == 0)
			query->verdict = (int)i;
	if (verdict && query->verdict < 0)
		return bl_fail(why, BL_INVALID,
			       "'%.40s' is no verdict (permitted denied asked withheld failed)",
			       verdict);
	if (query->last > QUERY_LAST_LIMIT)
		return bl_fail(why, BL_INVALID, "--last is at most %d", QUERY_LAST_LIMIT);
	return BL_OK;
}

static enum bl_status do_log_query(struct asked *asked, struct bl_error *why)
{
	struct querying querying = {.asked = asked};
	enum bl_status status = fill_query(asked, &querying.query, why);

	if (status == BL_OK)
		status = permit(asked, ACTION_REVIEW, NULL, why);
	if (status == BL_OK)
		status = log_request(asked, AUDIT_ADMIN, querying.query.device, "log-query", BL_OK,
				     why);
	if (status != BL_OK)
		return status;

	BL_CLEANUP(fd_close)
	int log_fd = openat(device_store_fd(asked->daemon->store), "log",
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	BL_CLEANUP(bl_free) struct audit_record *ring = NULL;

	if (log_fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open the log");
	if (querying.query.last) {
		querying.room = (size_t)querying.query.last;
		ring = calloc(querying.room, sizeof(*ring));
		querying.ring = ring;
		if (!ring)
			return bl_fail(why, BL_NO_MEMORY, "out of memory");
	}
	status = audit_scan(log_fd, take_record, &querying, why);
	if (status == BL_OK && ring)
		send_ring(&querying);
	return status;
}

/* ---- the table --------------------------------------------------------------------------------- */

#define KEYS_LIMIT 10

static const struct request {
	const char *name;
	enum bl_status (*carry_out)(struct asked *asked, struct bl_error *why);
	const char *keys[KEYS_LIMIT];
} REQUESTS[] = {
	{"status", do_status, {0}},
	{"enroll", do_enroll, {"device", "kind", "record", "destroy_when_due"}},
	{"open", do_open, {"purpose", "reason", "for", "gid"}},
	{"close", do_close, {"path", "view"}},
	{"policy-load", do_policy_load, {"text"}},
	{"hold-add", do_hold_add, {"device", "reason"}},
	{"hold-release", do_hold_release, {"device", "hold", "reason"}},
	{"shred-due", do_shred_due, {"reason"}},
	{"log-query",
	 do_log_query,
	 {"uid", "device", "op", "verdict", "rule", "view", "since", "until", "last"}},
	{"certificate", do_certificate, {"device"}},
};

static bool is_key(const struct request *row, const char *key)
{
	if (strcmp(key, "bailee") == 0 || strcmp(key, "do") == 0)
		return true;
	for (size_t i = 0; i < KEYS_LIMIT && row->keys[i]; i++)
		if (strcmp(row->keys[i], key) == 0)
			return true;
	return false;
}

/* What each key holds, in every request that has it. Another type is refused: no option is ever half taken. */
static const struct key {
	const char *name;
	json_type type;
	int64_t least, most; /* of a number */
} KEYS[] = {
	{"bailee", JSON_INTEGER, 1, 1},
	{"do", JSON_STRING, 0, 0},
	{"device", JSON_STRING, 0, 0},
	{"kind", JSON_STRING, 0, 0},
	{"record", JSON_STRING, 0, 0},
	{"destroy_when_due", JSON_TRUE, 0, 0},
	{"purpose", JSON_STRING, 0, 0},
	{"reason", JSON_STRING, 0, 0},
	{"for", JSON_INTEGER, 0, UINT32_MAX - 1},
	{"gid", JSON_INTEGER, 0, UINT32_MAX - 1},
	{"path", JSON_STRING, 0, 0},
	{"text", JSON_STRING, 0, 0},
	{"hold", JSON_INTEGER, 1, UINT32_MAX},
	{"uid", JSON_INTEGER, 0, UINT32_MAX}, /* the greatest is the daemon itself */
	{"op", JSON_STRING, 0, 0},
	{"verdict", JSON_STRING, 0, 0},
	{"rule", JSON_STRING, 0, 0},
	{"view", JSON_INTEGER, 0, INT64_MAX},
	{"since", JSON_INTEGER, INT64_MIN, INT64_MAX},
	{"until", JSON_INTEGER, INT64_MIN, INT64_MAX},
	{"last", JSON_INTEGER, 0, QUERY_LAST_LIMIT},
};

static bool is_value_of(const struct key *key, const json_t *value)
{
	if (key->type == JSON_TRUE)
		return json_is_boolean(value);
	if (json_typeof(value) != key->type)
		return false;
	return key->type != JSON_INTEGER ||
	       (json_integer_value(value) >= key->least && json_integer_value(value) <= key->most);
}

static enum bl_status check_value(const struct request *row, const char *name, const json_t *value,
				  struct bl_error *why)
{
	for (size_t i = 0; i < BL_COUNT(KEYS); i++)
		if (strcmp(KEYS[i].name, name) == 0 && is_value_of(&KEYS[i], value))
			return BL_OK;
	return bl_fail(why, BL_INVALID, "'%s' of request '%s' is of another type, or out of range",
		       name, row->name);
}

static enum bl_status check_keys(const struct request *row, const json_t *request,
				 struct bl_error *why)
{
	enum bl_status status = BL_OK;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)request, key, value)
	{
		if (!is_key(row, key))
			return bl_fail(why, BL_INVALID, "request '%s' has no key '%.40s'",
				       row->name, key);
		status = check_value(row, key, value, why);
		if (status != BL_OK)
			return status;
	}
	return status;
}

static enum bl_status carry_out(struct asked *asked, struct bl_error *why)
{
	const char *name = text_of(asked, "do");

	if (number_of(asked, "bailee", 0) != 1)
		return bl_fail(why, BL_UNSUPPORTED,
			       "this daemon speaks version 1 of the protocol (use its own bailee)");
	for (size_t i = 0; name && i < BL_COUNT(REQUESTS); i++) {
		if (strcmp(REQUESTS[i].name, name) != 0)
			continue;
		enum bl_status status = check_keys(&REQUESTS[i], asked->request, why);

		return status == BL_OK ? REQUESTS[i].carry_out(asked, why) : status;
	}
	return bl_fail(why, BL_INVALID, "no such request");
}

bool request_answer(struct daemon *daemon, const struct peer *peer, int fd, const json_t *request,
		    int passed_fd)
{
	BL_CLEANUP(json_decref) json_t *answer = json_object();
	struct asked asked = {.daemon = daemon,
			      .peer = peer,
			      .fd = fd,
			      .request = request,
			      .passed_fd = passed_fd,
			      .answer = answer};
	struct bl_error why = {{0}};

	if (!answer)
		return false;

	enum bl_status status = carry_out(&asked, &why);

	json_object_set_new(answer, "ok", json_boolean(status == BL_OK));
	if (status != BL_OK) {
		set_text(answer, "status", bl_status_name(status));
		set_number(answer, "exit", bl_status_exit(status));
		set_text(answer, "error", why.text[0] ? why.text : bl_status_name(status));
	}
	return !asked.is_client_gone && message_send(fd, answer, -1, NULL) == BL_OK;
}
