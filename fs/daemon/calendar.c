/* The calendar's smaller matters: clocks that part, notices, dates that were put off, graces. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/daemon/state.h"

int64_t daemon_wall(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

/* ---- clocks ------------------------------------------------------------------------------------ */

static void tell_clock(struct daemon *daemon, const char *what)
{
	struct audit_event event = event_by(daemon, NULL, AUDIT_CLOCK);
	struct clock_state state;

	clock_state(daemon->clock, &state);
	event.offset = (uint64_t)state.wall_unix;
	event.bytes = (uint64_t)state.trusted_unix;
	snprintf(event.detail, sizeof(event.detail), "%s: the wall clock is %" PRId64 " s %s", what,
		 state.ahead_s < 0 ? -state.ahead_s : state.ahead_s,
		 state.ahead_s < 0 ? "behind" : "ahead");
	fprintf(stderr, "warning: clock: %s%s\n", event.detail,
		state.ahead_s > 0 ? "; nothing is destroyed by it until it is corroborated" : "");
	/* A log that cannot take it says so itself. */
	(void)!audit_append(daemon->audit, &event, NULL, NULL);
}

void calendar_clock(struct daemon *daemon)
{
	enum clock_news news = CLOCK_NOTHING;
	struct bl_error why = {{0}};

	if (clock_tick(daemon->clock, &news, &why) != BL_OK)
		fprintf(stderr, "error: clock: %s\n", why.text);
	if (news == CLOCK_JUMPED)
		tell_clock(daemon, "set by more than drift");
	else if (news == CLOCK_TAKEN)
		tell_clock(daemon, "trusted time followed");
}

/* ---- notices ----------------------------------------------------------------------------------- */

/* A store that does not take that a notice was given is asked again so late: every pass would fill the log with the same. */
#define NOTICE_RETRY_SECONDS 3600

struct looking {
	struct daemon *daemon;
	const struct policy *policy;
	struct retention_now now;
	enum bl_status status;
	struct bl_error *why;
};

static bool wants_notice(const struct looking *looking, const struct device *device,
			 struct retention_plan *out_plan)
{
	if (device_is_gone(device))
		return false;
	retention_plan_of(looking->daemon->store, looking->policy, device, &looking->now, out_plan);
	return !out_plan->is_due && out_plan->why.notice_unix < out_plan->due_unix &&
	       out_plan->why.notice_unix <= looking->now.access_unix &&
	       device->noticed_unix != out_plan->due_unix;
}

static bool notice(void *context, const struct device *device)
{
	struct looking *looking = context;
	struct daemon *daemon = looking->daemon;
	struct audit_event event = event_by(daemon, NULL, AUDIT_NOTICE);
	struct retention_plan plan;

	if (atomic_load(&daemon->is_stopping))
		return false;
	if (!wants_notice(looking, device, &plan))
		return true;
	memcpy(event.device, device->id, sizeof(event.device));
	memcpy(event.rule, plan.entry, sizeof(event.rule));
	event.bytes = (uint64_t)plan.due_unix;
	rules_local_time(looking->policy, plan.due_unix, event.detail);
	/* The event first: told twice rather than never. */
	enum bl_status status = audit_append(daemon->audit, &event, NULL, NULL);

	if (status == BL_OK)
		status = device_set_noticed(daemon->store, device->id, plan.due_unix, NULL);
	if (status != BL_OK)
		looking->status = status;
	return true;
}

void calendar_notices(struct daemon *daemon)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	struct looking looking = {.daemon = daemon, .policy = policy, .now = daemon_times(daemon)};

	if (looking.now.trusted_unix < daemon->notices_unix)
		return;
	device_each(daemon->store, notice, &looking);
	if (looking.status != BL_OK)
		daemon->notices_unix = looking.now.trusted_unix + NOTICE_RETRY_SECONDS;
}

/* ---- holds that were lost ------------------------------------------------------------------------------ */

static bool tell_restored(void *context, const struct device *device)
{
	struct daemon *daemon = context;
	struct audit_event event = event_by(daemon, NULL, AUDIT_HOLD_ADDED);
	size_t count = device_holds_restored(daemon->store, device->id);

	if (!count)
		return true;
	memcpy(event.device, device->id, sizeof(event.device));
	snprintf(event.detail, sizeof(event.detail),
		 "%zu stand again: an older record was put back", count);
	(void)!audit_append(daemon->audit, &event, NULL, NULL);
	return true;
}

/* They stand since the store was opened, before there was a log to say so. */
void calendar_restored(struct daemon *daemon)
{
	device_each(daemon->store, tell_restored, daemon);
}

/* ---- dates that were put off ---------------------------------------------------------------------- */

/* What has a journal is being destroyed, whatever its date. */
enum bl_status calendar_reopen_device(struct daemon *daemon, const struct device *device,
				      const struct retention_plan *plan, struct bl_error *why)
{
	struct audit_event event = event_by(daemon, NULL, AUDIT_CUSTODY);

	if (device->state != STATE_DUE || plan->is_due || plan->is_unsure ||
	    retention_begun(daemon->store, device->id) == RETENTION_IMAGE)
		return BL_OK;
	memcpy(event.device, device->id, sizeof(event.device));
	snprintf(event.detail, sizeof(event.detail),
		 "its date was put off: it is not due any more");

	enum bl_status status = audit_append(daemon->audit, &event, NULL, why);

	if (status == BL_OK)
		status = device_not_due(daemon->store, device->id, why);
	gate_device_changed(daemon->gate, device->id);
	return status;
}

static bool reopen(void *context, const struct device *device)
{
	struct looking *looking = context;
	struct retention_plan plan;
	struct bl_error here;

	if (device->state != STATE_DUE)
		return true;
	retention_plan_of(looking->daemon->store, looking->policy, device, &looking->now, &plan);
	enum bl_status status = calendar_reopen_device(looking->daemon, device, &plan, &here);

	if (status != BL_OK && looking->status == BL_OK) {
		looking->status = status;
		if (looking->why)
			*looking->why = here;
	}
	return true;
}

enum bl_status calendar_reopen(struct daemon *daemon, const struct policy *policy,
			       struct bl_error *why)
{
	struct looking looking = {.daemon = daemon,
				  .policy = policy,
				  .now = daemon_times(daemon),
				  .status = BL_OK,
				  .why = why};

	device_each(daemon->store, reopen, &looking);
	return looking.status;
}

/* ---- grace ----------------------------------------------------------------------------------------- */

enum bl_status calendar_grace(struct daemon *daemon, const struct policy *older,
			      const struct policy *newer, struct bl_error *why)
{
	const struct retention_now now = daemon_times(daemon);
	size_t count = 0;
	enum bl_status status =
		older ? retention_grace(daemon->store, older, newer, &now, &count, why) : BL_OK;

	if (count)
		fprintf(stderr,
			"warning: retention: this policy makes %zu devices due at once: they are "
			"closed, and destroyed in a day (load another one to keep them)\n",
			count);
	return status;
}
