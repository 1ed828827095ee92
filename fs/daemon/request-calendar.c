/* When everything is destroyed, and why then; and whether somebody else looked again at what was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/life.h"
#include "fs/retention/sample.h"

/* ---- the plan ------------------------------------------------------------------------------------------- */

struct planning {
	struct asked *asked;
	const struct policy *policy; /* in force */
	struct policy *coming;	     /* NULL: none was given */
	struct retention_now now;
	int64_t devices, earlier, later, due_at_once;
};

static void add_why(json_t *item, const struct policy *policy, const struct retention_plan *plan)
{
	const struct rules_due *why = &plan->why;

	answer_moment(item, "due", policy, plan->due_unix);
	answer_text(item, "retention", plan->entry);
	answer_text(item, "from", rules_start_name(why->start));
	answer_moment(item, "start", policy, why->start_unix);
	answer_number(item, "span_seconds", why->span_seconds);
	answer_moment(item, "unmoved", policy,
		      why->unmoved_unix == why->due_unix ? 0 : why->unmoved_unix);
	json_object_set_new(item, "window", why->window ? json_string(why->window) : json_null());
	json_object_set_new(item, "is_kept", json_boolean(why->is_kept));
	json_object_set_new(item, "is_capped", json_boolean(why->is_capped));
	json_object_set_new(item, "is_due", json_boolean(plan->is_due));
	json_object_set_new(item, "unsure", json_boolean(plan->is_unsure));
}

static json_t *parts_of(const struct planning *planning, const struct policy *policy,
			const struct device *device)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rules_retention_count(policy); i++) {
		struct rules_part part;
		json_t *item;

		if (!retention_part_date(planning->asked->daemon->store, policy, device, i, &part))
			continue;
		item = json_object();
		answer_moment(item, "due", policy, part.due.due_unix);
		answer_text(item, "retention", part.due.entry);
		json_array_append_new(list, item);
	}
	return list;
}

/* What an edit would move, before it moves. */
static void add_then(struct planning *planning, json_t *item, const struct device *device,
		     const struct retention_plan *plan)
{
	const struct policy *coming = planning->coming;
	struct retention_plan then;
	json_t *change = json_object();

	retention_plan_of(planning->asked->daemon->store, coming, device, &planning->now, &then);
	add_why(change, coming, &then);
	json_object_set_new(change, "parts", parts_of(planning, coming, device));
	json_object_set_new(item, "then", change);
	planning->earlier += then.due_unix < plan->due_unix;
	planning->later += then.due_unix > plan->due_unix;
	planning->due_at_once += then.is_due && !plan->is_due;
}

static bool send_plan(void *context, const struct device *device)
{
	struct planning *planning = context;
	const struct policy *policy = planning->policy;
	struct retention_plan plan;
	json_t *item;

	if (device_is_gone(device))
		return true;
	retention_plan_of(planning->asked->daemon->store, policy, device, &planning->now, &plan);
	item = json_object();
	answer_text(item, "device", device->id);
	answer_text(item, "kind", bl_device_kind_name(device->kind));
	answer_text(item, "state", bl_device_state_name(device->state));
	add_why(item, policy, &plan);
	json_object_set_new(item, "held", json_boolean(plan.is_held));
	answer_number(item, "holds", (int64_t)device->hold_count);
	answer_moment(item, "grace", policy,
		      device->grace_unix > planning->now.trusted_unix ? device->grace_unix : 0);
	answer_moment(item, "notice", policy, plan.why.notice_unix);
	json_object_set_new(item, "destroyed", json_boolean(device->destroy_when_due));
	json_object_set_new(item, "parts", parts_of(planning, policy, device));
	if (planning->coming)
		add_then(planning, item, device, &plan);
	planning->devices++;
	asked_send(planning->asked, "plan", item);
	return asked_goes_on(planning->asked);
}

static void answer_plan(const struct planning *planning)
{
	const struct policy *told = planning->coming ? planning->coming : planning->policy;
	json_t *answer = planning->asked->answer;

	answer_number(answer, "devices", planning->devices);
	answer_number(answer, "earlier", planning->earlier);
	answer_number(answer, "later", planning->later);
	answer_number(answer, "due_at_once", planning->due_at_once);
	answer_text(answer, "policy", policy_name(told));
	answer_number(answer, "serial", (int64_t)policy_serial(told));
}

enum bl_status request_retention_plan(struct asked *asked, struct bl_error *why)
{
	static const enum bl_action MAY[] = {ACTION_ADMINISTER, ACTION_REVIEW};
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	BL_CLEANUP(policy_unref) struct policy *coming = NULL;
	const char *text = asked_text(asked, "text");
	enum bl_status status = asked_permit_any(asked, MAY, BL_COUNT(MAY), why);

	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, NULL, "retention-plan", BL_OK, why);
	if (status == BL_OK && text)
		status = policy_parse(text, strlen(text), &coming, why);
	if (status != BL_OK)
		return status;
	struct planning planning = {.asked = asked,
				    .policy = policy,
				    .coming = coming,
				    .now = daemon_times(asked->daemon)};

	device_each(asked->daemon->store, send_plan, &planning);
	answer_plan(&planning);
	return BL_OK;
}

/* ---- looking again ------------------------------------------------------------------------------------------ */

/* The month before the one we are in. */
static void last_period(const struct asked *asked, const struct policy *policy,
			char out[SAMPLE_PERIOD])
{
	int64_t now = daemon_trusted(asked->daemon), from = now, until;

	sample_period(policy, now, out);
	if (sample_parse(policy, out, &from, &until))
		sample_period(policy, from - 1, out);
}

static enum bl_status verify_one(struct asked *asked, int log_fd, struct sample_item *item,
				 const char **out_result, struct bl_error *why)
{
	struct device_store *store = asked->daemon->store;
	enum sample_check check = SAMPLE_GOOD;
	enum bl_status status = sample_may(store, item->device, asked->peer->uid, NULL);

	*out_result = "another person's to verify";
	if (status == BL_FORBIDDEN)
		return asked_log(asked, AUDIT_VERIFIED, item->device,
				 "who shredded does not verify", BL_FORBIDDEN, why);
	status = asked_log(asked, AUDIT_VERIFIED, item->device, "looked at again", BL_OK, why);
	if (status == BL_OK)
		status = sample_verify(store, log_fd, item->device, asked->peer->uid,
				       daemon_trusted(asked->daemon), &check, why);
	asked_undone(asked, AUDIT_VERIFIED, item->device, status);
	if (status != BL_OK)
		return status;
	*out_result = sample_check_name(check);
	item->verified = (struct device_verified){
		.at_unix = daemon_trusted(asked->daemon),
		.by = asked->peer->uid,
		.is_good = check == SAMPLE_GOOD,
	};
	/* What was found belongs into the log, too. */
	return asked_log(asked, AUDIT_VERIFIED, item->device, *out_result,
			 check == SAMPLE_GOOD ? BL_OK : BL_NOT_VERIFIED, why);
}

static void send_item(struct asked *asked, const struct policy *policy,
		      const struct sample_item *item, const char *result)
{
	const struct device_verified *verified = &item->verified;
	json_t *json = json_object();

	answer_text(json, "device", item->device);
	answer_moment(json, "ended", policy, item->ended_unix);
	answer_moment(json, "verified", policy, verified->at_unix);
	json_object_set_new(json, "by",
			    verified->at_unix ? json_integer(verified->by) : json_null());
	answer_text(json, "result", result);
	asked_send(asked, "item", json);
}

static const char *result_of(const struct sample_item *item)
{
	if (!item->verified.at_unix)
		return "not verified yet";
	return item->verified.is_good ? sample_check_name(SAMPLE_GOOD) : "found bad";
}

/* What was verified well stays so; a bad one is looked at once more. */
static enum bl_status verify(struct asked *asked, const struct policy *policy,
			     struct sample *sample, bool draws_only, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int log_fd = -1;
	enum bl_status status = device_store_log(asked->daemon->store, &log_fd, why);
	int64_t refused = 0, missing = 0;

	for (size_t i = 0; i < sample->count && asked_goes_on(asked); i++) {
		struct sample_item *item = &sample->items[i];
		const char *result = result_of(item);
		bool is_good = item->verified.at_unix && item->verified.is_good;

		if (!is_good && !draws_only)
			status = verify_one(asked, log_fd, item, &result, why);
		if (status != BL_OK)
			return status;
		is_good = item->verified.at_unix && item->verified.is_good;
		refused += !is_good && !item->verified.at_unix && !draws_only;
		missing += !is_good;
		send_item(asked, policy, item, result);
	}
	answer_number(asked->answer, "missing", missing);
	answer_number(asked->answer, "refused", refused);
	return status;
}

enum bl_status request_verify_sample(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	const char *named = asked_text(asked, "period");
	int64_t percent = asked_number(asked, "percent", policy_verify_percent(policy));
	struct sample sample = {.count = 0};
	char period[SAMPLE_PERIOD];
	enum bl_status status = asked_permit(asked, ACTION_VERIFY, NULL, why);

	if (status != BL_OK)
		return status;
	if (percent < 1)
		return bl_fail(why, BL_INVALID,
			       "the policy wants no share verified (proof: {verify: 5%%}, or "
			       "--percent N)");
	last_period(asked, policy, period);
	status = sample_draw(asked->daemon->store, policy, named ? named : period,
			     (unsigned)percent, daemon_trusted(asked->daemon), &sample, why);
	if (status != BL_OK)
		return status;
	answer_text(asked->answer, "period", sample.period);
	answer_number(asked->answer, "percent", percent);
	answer_number(asked->answer, "shreds", (int64_t)sample.shreds);
	answer_number(asked->answer, "drawn", (int64_t)sample.count);
	status = asked_log(asked, AUDIT_ADMIN, NULL, "verify-sample", BL_OK, why);
	if (status == BL_OK)
		status = verify(asked, policy, &sample, asked_flag(asked, "draw_only"), why);
	sample_done(&sample);
	return status;
}
