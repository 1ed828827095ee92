/*
 * The keeper sleeps until the next date: a device that becomes due, an hour or a lapse that changes what a view may see. It
 * wakes early when something changed. Its waits are absolute in real time, and a clock that is set, either way, ends them.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "fs/daemon/state.h"

/* However far the next date: look again after an hour, for trusted time is kept at least so often. */
#define LONGEST_SLEEP_SECONDS 3600
/* A shred that failed is tried again after this, or when anything changes. */
#define RETRY_SECONDS 60

struct due_list {
	struct device_store *store;
	const struct policy *policy;
	struct retention_now now;
	struct device *items;
	size_t count, room;
	bool is_short_of_memory;
};

static bool collect(void *context, const struct device *device)
{
	struct due_list *list = context;
	struct retention_plan plan;

	retention_plan_of(list->store, list->policy, device, &list->now, &plan);
	if (!plan.is_due)
		return true;
	/* Closed already, and not ours to destroy, or not now: nothing to do. */
	if (device->state == STATE_DUE &&
	    (plan.is_held || !plan.is_ripe || !device->destroy_when_due))
		return true;
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		struct device *grown = reallocarray(list->items, room, sizeof(*grown));

		if (!grown) {
			list->is_short_of_memory = true;
			return false;
		}
		list->items = grown;
		list->room = room;
	}
	list->items[list->count++] = *device;
	return true;
}

/* Access ends before anything else is tried; the event comes first. */
static enum bl_status close_device(struct daemon *daemon, const struct device *device,
				   const char *entry, struct bl_error *why)
{
	struct audit_event event = event_by(daemon, NULL, AUDIT_DUE);

	if (device->state == STATE_DUE)
		return BL_OK;
	memcpy(event.device, device->id, sizeof(event.device));
	snprintf(event.rule, sizeof(event.rule), "%.63s", entry);

	enum bl_status status = audit_append(daemon->audit, &event, NULL, why);

	if (status == BL_OK)
		status = device_set_state(daemon->store, device->id, STATE_DUE,
					  daemon_trusted(daemon), why);
	gate_device_changed(daemon->gate, device->id);
	return status;
}

/* What the store does not take now is told again; of what is gone, or closed to all, nothing has to be known. */
static bool keep_look(void *context, const char *id, int64_t at_unix)
{
	const struct daemon *daemon = context;
	/* A wall clock that is ahead puts no date off. */
	enum bl_status status =
		device_opened(daemon->store, id, BL_MIN(at_unix, daemon_trusted(daemon)), NULL);

	return status != BL_IO && status != BL_NO_MEMORY;
}

void keeper_looked(void *context)
{
	keeper_wake(context);
}

void keeper_keep_looks(struct daemon *daemon)
{
	gate_each_look(daemon->gate, keep_look, daemon);
}

enum bl_status keeper_close_due(struct daemon *daemon, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	struct due_list list = {
		.store = daemon->store, .policy = policy, .now = daemon_times(daemon)};

	/* Whoever looked since the last time may have put a date off. */
	keeper_keep_looks(daemon);

	enum bl_status worst = calendar_reopen(daemon, policy, why);

	device_each(daemon->store, collect, &list);
	for (size_t i = 0; i < list.count; i++) {
		struct retention_plan plan;
		struct bl_error here;

		retention_plan_of(daemon->store, policy, &list.items[i], &list.now, &plan);

		enum bl_status status = close_device(daemon, &list.items[i], plan.entry, &here);

		if (status != BL_OK && worst == BL_OK) {
			worst = status;
			if (why)
				*why = here;
		}
	}
	free(list.items);
	if (list.is_short_of_memory && worst == BL_OK)
		worst = bl_fail(why, BL_NO_MEMORY, "out of memory");
	return worst;
}

enum bl_status keeper_settle(struct daemon *daemon, const char *id, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	const struct retention_now now = daemon_times(daemon);
	struct retention_plan plan;
	struct device device;

	keeper_keep_looks(daemon);
	enum bl_status status = device_find(daemon->store, id, &device, why);

	if (status != BL_OK)
		return status;
	retention_plan_of(daemon->store, policy, &device, &now, &plan);
	return plan.is_due ? close_device(daemon, &device, plan.entry, why)
			   : calendar_reopen_device(daemon, &device, &plan, why);
}

/* One pass: who asked for it, who is told of steps, and what came of it. */
struct pass {
	struct daemon *daemon;
	uid_t by;
	void (*on_step)(void *context, const char *device, enum retention_step step);
	void *step_context;
	size_t shredded;
	enum bl_status worst;
	struct bl_error *why;
};

/* The claim is taken by now: what somebody opened just before it is closed again. */
static void pass_step(void *context, const char *device, enum retention_step step)
{
	struct pass *pass = context;

	gate_device_drop(pass->daemon->gate, device);
	if (pass->on_step)
		pass->on_step(pass->step_context, device, step);
}

/* A pass may take hours: each device is judged, and certified, by the time that it is its turn. */
static struct retention_context context_of(struct pass *pass, const struct policy *policy)
{
	return (struct retention_context){
		.store = pass->daemon->store,
		.audit = pass->daemon->audit,
		.policy = policy,
		.now = daemon_times(pass->daemon),
		.by = pass->by,
		.reader_path = pass->daemon->reader_path,
		.hot = pass->daemon->hot,
		.on_step = pass_step,
		.step_context = pass,
	};
}

static void note_failure(struct pass *pass, enum bl_status status, const struct bl_error *here)
{
	if (status == BL_OK || pass->worst != BL_OK)
		return;
	pass->worst = status;
	*pass->why = *here;
}

/* What was begun is gone on with, whatever has become of its date. The source of a held device waits. */
static bool resume_device(void *context, const struct device *device)
{
	struct pass *pass = context;
	struct daemon *daemon = pass->daemon;
	enum retention_begun begun = retention_begun(daemon->store, device->id);
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	struct retention_context recovery = context_of(pass, policy);
	struct bl_error why = {.text = ""};
	size_t finished = 0;

	if (atomic_load(&daemon->is_stopping))
		return false;
	if (begun == RETENTION_NOTHING ||
	    (begun == RETENTION_SOURCE && (device->hold_count || !device->is_complete)))
		return true;
	if (begun == RETENTION_IMAGE)
		gate_device_drop(daemon->gate, device->id);
	note_failure(pass, retention_recover_device(&recovery, device->id, &finished, &why), &why);
	gate_device_changed(daemon->gate, device->id);
	pass->shredded += finished;
	return true;
}

static enum bl_status end_device(struct pass *pass, const char *id, struct bl_error *why)
{
	struct daemon *daemon = pass->daemon;
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	const struct retention_context context = context_of(pass, policy);
	struct retention_plan plan = {.is_due = false};
	struct device device;

	/* While others were destroyed a hold or another policy may have come. */
	pthread_mutex_lock(&daemon->life_lock);
	enum bl_status status = device_find(daemon->store, id, &device, why);

	if (status == BL_OK)
		retention_plan_of(daemon->store, policy, &device, &context.now, &plan);
	if (plan.is_due)
		status = close_device(daemon, &device, plan.entry, why);
	pthread_mutex_unlock(&daemon->life_lock);
	/* A hold, a grace, and a clock that nobody vouches for stop the destruction, not the closing. */
	if (status != BL_OK || !plan.is_ripe || plan.is_held || !device.destroy_when_due)
		return status;
	gate_device_drop(daemon->gate, device.id);
	status = retention_shred(&context, device.id, why);
	gate_device_changed(daemon->gate, device.id);
	if (status == BL_OK)
		pass->shredded++;
	else
		bl_explain(why, "device '%s' is closed but not destroyed", device.id);
	return status;
}

/* The files of one entry with `paths`; that none matches is known from then on, too. */
static enum bl_status end_part(struct pass *pass, const struct policy *policy,
			       const struct device *device, size_t index, struct bl_error *why)
{
	struct daemon *daemon = pass->daemon;
	struct retention_context context = context_of(pass, policy);
	uint64_t files = 0;
	uint32_t number = 0;

	gate_device_drop(daemon->gate, device->id);
	enum bl_status status =
		retention_entry_shred(&context, device->id, index, &files, &number, why);

	gate_device_drop(daemon->gate, device->id);
	gate_device_changed(daemon->gate, device->id);
	if (status != BL_OK)
		bl_explain(why, "files of '%s' are due and not destroyed", device->id);
	return status;
}

/* Each entry once: what fails is tried again by the next pass, and keeps no other from its date. */
static bool end_parts(void *context, const struct device *device)
{
	struct pass *pass = context;
	struct daemon *daemon = pass->daemon;
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	struct retention_now now = daemon_times(daemon);
	struct bl_error here = {.text = ""};

	for (size_t index = 0; !atomic_load(&daemon->is_stopping) &&
			       retention_part_due(daemon->store, policy, device, &now, &index);
	     index++)
		note_failure(pass, end_part(pass, policy, device, index, &here), &here);
	return !atomic_load(&daemon->is_stopping);
}

/* A stop lets what was begun end, and begins nothing. */
static void end_devices(struct pass *pass)
{
	struct daemon *daemon = pass->daemon;
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	struct due_list list = {
		.store = daemon->store, .policy = policy, .now = daemon_times(daemon)};
	struct bl_error here = {.text = ""};

	device_each(daemon->store, collect, &list);
	for (size_t i = 0; i < list.count && !atomic_load(&daemon->is_stopping); i++)
		note_failure(pass, end_device(pass, list.items[i].id, &here), &here);
	free(list.items);
	if (list.is_short_of_memory)
		note_failure(pass, bl_fail(&here, BL_NO_MEMORY, "out of memory"), &here);
}

/* For `status`: what stands in the way of a destruction, until a pass goes through. */
static void keep_trouble(const struct pass *pass)
{
	struct daemon *daemon = pass->daemon;

	pthread_mutex_lock(&daemon->keeper_lock);
	snprintf(daemon->shred_trouble, sizeof(daemon->shred_trouble), "%s",
		 pass->worst == BL_OK ? "" : pass->why->text);
	pthread_mutex_unlock(&daemon->keeper_lock);
}

enum bl_status keeper_pass(struct daemon *daemon, const struct peer *peer,
			   void (*on_step)(void *context, const char *device,
					   enum retention_step step),
			   void *step_context, size_t *out_shredded, struct bl_error *why)
{
	struct bl_error here = {.text = ""};
	struct pass pass = {
		.daemon = daemon,
		.by = peer ? peer->uid : UINT32_MAX,
		.on_step = on_step,
		.step_context = step_context,
		.why = why ? why : &here,
	};

	pthread_mutex_lock(&daemon->shred_lock);
	calendar_clock(daemon);
	/* All of them are closed before the first is destroyed, which may take hours. */
	pthread_mutex_lock(&daemon->life_lock);
	pass.worst = keeper_close_due(daemon, pass.why);
	pthread_mutex_unlock(&daemon->life_lock);
	device_each(daemon->store, resume_device, &pass);
	end_devices(&pass);
	device_each(daemon->store, end_parts, &pass);
	keep_trouble(&pass);
	pthread_mutex_unlock(&daemon->shred_lock);
	*out_shredded = pass.shredded;
	return pass.worst;
}

/* ---- the thread -------------------------------------------------------------------------------- */

/* In wall clock time, as the waits are. Trusted time may have to catch up first, or to be believed. */
static int64_t wake_of(const struct daemon *daemon, int64_t trusted_unix)
{
	int64_t wall = daemon_wall(), at;
	int64_t wait = clock_wait(daemon->clock);

	if (__builtin_sub_overflow(trusted_unix, daemon_trusted(daemon), &at) ||
	    __builtin_add_overflow(at, wall, &at))
		at = INT64_MAX;
	return wait == INT64_MAX ? at : BL_MIN(at, wall + wait);
}

/* @began: when the last pass did. What has come due since, while it was under way, was perhaps not seen by it. */
static int64_t next_wake(struct daemon *daemon, const struct retention_now *began, bool has_failed)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	int64_t wall = daemon_wall(), access = daemon_now(daemon);
	int64_t tick = gate_tick(daemon->gate, access);
	int64_t due = wake_of(daemon, retention_next(daemon->store, policy, began));
	int64_t latest = wall + (has_failed ? RETRY_SECONDS : LONGEST_SLEEP_SECONDS);
	/* Access time is the wall clock's, or that of trusted time ahead of it. */
	int64_t next = BL_MIN(tick == INT64_MAX ? tick : tick - (access - wall), due);

	next = BL_MIN(next, latest);
	return BL_MAX(next, wall + 1);
}

/* A clock that was set back by a year would have us sleep for that year: the timer ends with ECANCELED then, as when it was set ahead. */
static void sleep_until(const struct daemon *daemon, int64_t at_unix)
{
	const struct itimerspec until = {.it_value = {.tv_sec = at_unix}};
	struct pollfd polled[] = {{.fd = daemon->keeper_wake_fd, .events = POLLIN},
				  {.fd = daemon->keeper_timer_fd, .events = POLLIN}};
	uint64_t count;

	/* It was set since we looked at it: nothing is known of @at_unix any more. */
	if (timerfd_settime(daemon->keeper_timer_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
			    &until, NULL) < 0 &&
	    errno == ECANCELED)
		return;
	(void)poll(polled, BL_COUNT(polled), LONGEST_SLEEP_SECONDS * 1000);
	(void)!read(daemon->keeper_timer_fd, &count, sizeof(count));
	(void)!read(daemon->keeper_wake_fd, &count, sizeof(count));
}

static void *keep(void *context)
{
	struct daemon *daemon = context;
	char last_told[sizeof(((struct bl_error *)0)->text)] = "";

	while (!atomic_load(&daemon->is_stopping)) {
		struct bl_error why = {{0}};
		size_t shredded;
		const struct retention_now began = daemon_times(daemon);
		enum bl_status status = keeper_pass(daemon, NULL, NULL, NULL, &shredded, &why);

		/* The same trouble every minute is told once. */
		if (status != BL_OK && strcmp(last_told, why.text) != 0) {
			fprintf(stderr, "error: keeper: %s\n", why.text);
			memcpy(last_told, why.text, sizeof(last_told));
		}
		calendar_notices(daemon);
		log_trim(daemon);
		sleep_until(daemon, next_wake(daemon, &began, status != BL_OK));
	}
	return NULL;
}

enum bl_status keeper_start(struct daemon *daemon, struct bl_error *why)
{
	daemon->keeper_timer_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (daemon->keeper_timer_fd < 0)
		return bl_fail_errno(why, BL_FAILED, "cannot make the keeper's timer");
	if (pthread_create(&daemon->keeper, NULL, keep, daemon) != 0)
		return bl_fail(why, BL_FAILED, "cannot start the keeper's thread");
	daemon->has_keeper = true;
	return BL_OK;
}

void keeper_wake(struct daemon *daemon)
{
	(void)eventfd_write(daemon->keeper_wake_fd, 1);
}

void keeper_stop(struct daemon *daemon)
{
	if (!daemon->has_keeper)
		return;
	keeper_wake(daemon);
	pthread_join(daemon->keeper, NULL);
	daemon->has_keeper = false;
}
