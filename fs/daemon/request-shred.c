/* Destruction on demand, and its proof. */
#include <stdio.h>
#include <string.h>

#include "fs/daemon/asked.h"
#include "fs/daemon/message.h"
#include "fs/image/choose.h"

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
						daemon_trusted(daemon), why);
	asked_undone(asked, AUDIT_ADMIN, device->id, status);
	if (status == BL_OK)
		status = keeper_settle(daemon, device->id, why);
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
	const struct retention_now now = daemon_times(asked->daemon);

	retention_plan_of(asked->daemon->store, policy, &device, &now, &plan);
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
		.now = daemon_times(daemon),
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

static bool is_statement(const char *of)
{
	static const char *const STATEMENTS[] = {"intake", "source", "inspect", "verified"};

	for (size_t i = 0; i < BL_COUNT(STATEMENTS); i++)
		if (strcmp(of, STATEMENTS[i]) == 0)
			return true;
	return false;
}

/* Of what: the device's own end, its intake, the intake's source, a wipe check, the second look, or a part. */
static enum bl_status certificate_suffix(const struct asked *asked, char out[40],
					 struct bl_error *why)
{
	const char *of = asked_text(asked, "of");
	int64_t part = asked_number(asked, "part", 0);

	if (!of && !part)
		snprintf(out, 40, ".json");
	else if (part && !of)
		snprintf(out, 40, "~part-%lld.json", (long long)part);
	else if (of && !part && is_statement(of))
		snprintf(out, 40, "~%s.json", of);
	else
		return bl_fail(why, BL_INVALID, "'of' is intake, source, inspect or verified");
	return BL_OK;
}

enum bl_status request_certificate(struct asked *asked, struct bl_error *why)
{
	static const enum bl_action MAY[] = {ACTION_REVIEW, ACTION_VERIFY};
	struct device device;
	char suffix[40];
	BL_CLEANUP(bl_free) char *text = NULL;
	size_t length;
	enum bl_status status = certificate_suffix(asked, suffix, why);

	if (status == BL_OK)
		status = asked_permitted_any(asked, MAY, BL_COUNT(MAY), &device, why);
	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, device.id, "certificate", BL_OK, why);
	if (status == BL_OK)
		status = device_certificate_read(asked->daemon->store, device.id, suffix, &text,
						 &length, why);
	if (status == BL_NOT_FOUND)
		return bl_fail(why, BL_NOT_FOUND, "no such certificate of '%s': it did not happen",
			       device.id);
	if (status == BL_OK && length > DAEMON_MESSAGE_LIMIT / 2)
		asked_send_text(asked, text, length);
	else if (status == BL_OK)
		answer_text(asked->answer, "certificate", text);
	return status;
}
