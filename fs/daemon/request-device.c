/* A device's life: known, held, let go, destroyed, proven. */
#include "fs/daemon/asked.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/daemon/handed.h"
#include "fs/daemon/message.h"
#include "fs/image/choose.h"

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
	return destroy ? handed_check_destroyable(asked, asked->passed_fd, why)
		       : handed_check_shared(asked, asked->passed_fd, false, why);
}

enum bl_status asked_new_device(const struct asked *asked, struct device *out_device,
				struct bl_error *why)
{
	const char *id = asked_text(asked, "device");
	const char *kind = asked_text(asked, "kind");

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

enum bl_status asked_enroll(struct asked *asked, struct device *device, const char *detail,
			    struct bl_error *why)
{
	const char *text = asked_text(asked, "record");
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
	status = asked_log(asked, AUDIT_ENROLLED, device->id, detail, BL_OK, why);
	if (status == BL_OK)
		status = device_enroll(asked->daemon->store, device, text ? &record : NULL, why);
	asked_undone(asked, AUDIT_ENROLLED, device->id, status);
	/* What came too late is closed before anybody can see it; a failure is the keeper's, who tries again. */
	if (status == BL_OK)
		(void)!keeper_close_due(asked->daemon, NULL);
	pthread_mutex_unlock(&asked->daemon->life_lock);
	if (text)
		device_record_done(&record);
	return status;
}

enum bl_status request_enroll(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct device *device = calloc(1, sizeof(*device));

	if (!device)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status = asked_new_device(asked, device, why);

	device->destroy_when_due = asked_flag(asked, "destroy_when_due");
	snprintf(device->source, sizeof(device->source), "/proc/self/fd/%d", asked->passed_fd);
	if (status == BL_OK)
		status = asked_permit_intake(asked, device, why);
	if (status == BL_OK)
		status = check_source(asked, device->destroy_when_due, why);
	if (status == BL_OK)
		status = asked_enroll(asked, device,
				      device->destroy_when_due ? "to be destroyed when due" : "",
				      why);
	if (status != BL_OK)
		return status;
	gate_device_changed(asked->daemon->gate, device->id);
	keeper_wake(asked->daemon);
	answer_text(asked->answer, "device", device->id);
	answer_text(asked->answer, "kind", bl_device_kind_name(device->kind));
	return BL_OK;
}

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
		status = device_hold_add(daemon->store, device.id, asked->peer->uid, reason,
					 daemon_now(NULL), &number, why);
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
	int64_t now = daemon_now(NULL);

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
	if (needed == 0)
		return BL_OK;
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

void asked_step(void *context, const char *device, enum retention_step step)
{
	/* A client that went away stops nothing: what was begun is finished. */
	asked_send(context, "step",
		   json_pack("{s:s,s:s}", "device", device, "step", retention_step_name(step)));
}

enum bl_status request_shred_due(struct asked *asked, struct bl_error *why)
{
	size_t shredded = 0;
	enum bl_status status = asked_permit(asked, ACTION_SHRED, NULL, why);

	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, NULL, "shred-due", BL_OK, why);
	if (status == BL_OK)
		status = keeper_pass(asked->daemon, asked->peer, asked_step, asked, &shredded, why);
	answer_number(asked->answer, "shredded", (int64_t)shredded);
	return status;
}

/* Permitted early: closed at once, and destroyed as soon as nothing stronger holds it back. */
static enum bl_status shred_early(struct asked *asked, const struct device *device,
				  struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;

	pthread_mutex_lock(&daemon->life_lock);
	enum bl_status status =
		asked_log(asked, AUDIT_ADMIN, device->id, "early shred", BL_OK, why);

	if (status == BL_OK)
		status = device_early_shred_set(daemon->store, device->id, asked->peer->uid,
						daemon_now(NULL), why);
	asked_undone(asked, AUDIT_ADMIN, device->id, status);
	if (status == BL_OK)
		status = keeper_close_due(daemon, why);
	pthread_mutex_unlock(&daemon->life_lock);
	keeper_wake(daemon);
	return status;
}

/* When it is destroyed now, by what, and what stands in the way: for whoever has just moved the date. */
enum bl_status answer_date(struct asked *asked, const char *id, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	struct retention_plan plan;
	struct device device;
	char due[20];
	enum bl_status status = device_find(asked->daemon->store, id, &device, why);

	if (status != BL_OK)
		return status;
	retention_plan_of(asked->daemon->store, policy, &device, daemon_now(NULL), &plan);
	rules_local_time(policy, plan.due_unix, due);
	answer_text(asked->answer, "device", device.id);
	answer_text(asked->answer, "due", due);
	answer_text(asked->answer, "retention", plan.entry);
	json_object_set_new(asked->answer, "held", json_boolean(plan.is_held));
	json_object_set_new(asked->answer, "destroyed", json_boolean(device.destroy_when_due));
	return BL_OK;
}

/* The claim is taken by now: what somebody opened just before it is closed again. */
static void part_step(void *context, const char *device, enum retention_step step)
{
	struct asked *asked = context;

	gate_device_drop(asked->daemon->gate, device);
	asked_step(asked, device, step);
}

/*
 * Files inside a sealed image: nobody looks into the device meanwhile, and its views find it again afterwards. What could not be
 * brought to its end is the keeper's.
 */
static enum bl_status shred_part(struct asked *asked, const struct device *device,
				 const char *const *patterns, size_t count, struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	const struct retention_context context = {
		.store = daemon->store,
		.audit = daemon->audit,
		.policy = policy,
		.now_unix = daemon_now(NULL),
		.by = asked->peer->uid,
		.reader_path = daemon->reader_path,
		.hot = daemon->hot,
		.on_step = part_step,
		.step_context = asked,
	};
	uint64_t files = 0;
	uint32_t number = 0;

	pthread_mutex_lock(&daemon->shred_lock);
	gate_device_drop(daemon->gate, device->id);
	enum bl_status status =
		retention_part_shred(&context, device->id, patterns, count, &files, &number, why);

	gate_device_drop(daemon->gate, device->id);
	gate_device_changed(daemon->gate, device->id);
	pthread_mutex_unlock(&daemon->shred_lock);
	if (status != BL_OK)
		keeper_wake(daemon);
	answer_text(asked->answer, "device", device->id);
	answer_number(asked->answer, "files", (int64_t)files);
	answer_number(asked->answer, "part", number);
	return status;
}

enum bl_status request_shred_part(struct asked *asked, struct bl_error *why)
{
	struct device device;
	const char *reason = asked_text(asked, "reason");
	const json_t *paths = json_object_get(asked->request, "paths");
	const char *patterns[IMAGE_PATTERNS];
	size_t count = BL_MIN(json_array_size(paths), (size_t)IMAGE_PATTERNS);

	if (!reason || !*reason)
		return bl_fail(why, BL_INVALID, "an early shred needs a reason (--reason TEXT)");
	if (!count)
		return bl_fail(why, BL_INVALID, "no path is named");
	for (size_t i = 0; i < count; i++)
		patterns[i] = json_string_value(json_array_get(paths, i));

	enum bl_status status = asked_permitted_device(asked, ACTION_SHRED, &device, why);

	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, device.id, "shred of files", BL_OK, why);
	return status == BL_OK ? shred_part(asked, &device, patterns, count, why) : status;
}

enum bl_status request_shred(struct asked *asked, struct bl_error *why)
{
	struct device device;
	const char *reason = asked_text(asked, "reason");

	if (!reason || !*reason)
		return bl_fail(why, BL_INVALID, "an early shred needs a reason (--reason TEXT)");

	enum bl_status status = asked_permitted_device(asked, ACTION_SHRED, &device, why);

	if (status == BL_OK)
		status = shred_early(asked, &device, why);
	return status == BL_OK ? answer_date(asked, device.id, why) : status;
}

/* Of what: the device's own end, its intake, the intake's source, or a part. */
static enum bl_status certificate_suffix(const struct asked *asked, char out[40],
					 struct bl_error *why)
{
	const char *of = asked_text(asked, "of");
	int64_t part = asked_number(asked, "part", 0);

	if (!of && !part)
		snprintf(out, 40, ".json");
	else if (part && !of)
		snprintf(out, 40, "~part-%lld.json", (long long)part);
	else if (of && !part && (strcmp(of, "intake") == 0 || strcmp(of, "source") == 0))
		snprintf(out, 40, "~%s.json", of);
	else
		return bl_fail(why, BL_INVALID, "'of' is intake or source");
	return BL_OK;
}

enum bl_status request_certificate(struct asked *asked, struct bl_error *why)
{
	struct device device;
	char suffix[40];
	BL_CLEANUP(bl_free) char *text = NULL;
	size_t length;
	enum bl_status status = certificate_suffix(asked, suffix, why);

	if (status == BL_OK)
		status = asked_permitted_device(asked, ACTION_VERIFY, &device, why);
	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, device.id, "certificate", BL_OK, why);
	if (status == BL_OK)
		status = device_certificate_read(asked->daemon->store, device.id, suffix, &text,
						 &length, why);
	if (status == BL_NOT_FOUND)
		return bl_fail(why, BL_NOT_FOUND, "no such certificate of '%s': it did not happen",
			       device.id);
	if (status == BL_OK && length > DAEMON_MESSAGE_LIMIT / 2)
		return bl_fail(why, BL_TOO_LARGE,
			       "it is too long for an answer (take it from the store's folder "
			       "'certificates')");
	if (status == BL_OK)
		answer_text(asked->answer, "certificate", text);
	return status;
}
