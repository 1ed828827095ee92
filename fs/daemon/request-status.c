/* What is there: devices and their dates, views, log, policy. */
#include "fs/daemon/life.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "fs/daemon/kit.h"

struct devices_context {
	struct asked *asked;
	struct policy *policy;
	json_t *list;
};

static bool add_device(void *context, const struct device *device)
{
	struct devices_context *devices = context;
	const struct retention_now now = daemon_times(devices->asked->daemon);
	struct retention_plan plan;
	json_t *item = json_object();
	char due[20];

	retention_plan_of(devices->asked->daemon->store, devices->policy, device, &now, &plan);
	rules_local_time(devices->policy, plan.due_unix, due);
	answer_text(item, "id", device->id);
	answer_text(item, "kind", bl_device_kind_name(device->kind));
	answer_text(item, "state", bl_device_state_name(device->state));
	answer_text(item, "maker", device->maker);
	answer_text(item, "model", device->model);
	answer_number(item, "due_unix", plan.due_unix);
	answer_text(item, "due", due);
	answer_text(item, "retention", plan.entry);
	answer_number(item, "holds", (int64_t)device->hold_count);
	json_object_set_new(item, "destroy_when_due", json_boolean(device->destroy_when_due));
	json_object_set_new(item, "sealed", json_boolean(device->source_kind == SOURCE_SEALED));
	json_object_set_new(item, "complete", json_boolean(device->is_complete));
	json_array_append_new(devices->list, item);
	return true;
}

static json_t *views_of(struct asked *asked, bool is_privileged)
{
	struct daemon *daemon = asked->daemon;
	json_t *list = json_array();

	pthread_mutex_lock(&daemon->views_lock);
	for (const struct view *view = daemon->views; view; view = view->next) {
		if (!is_privileged && view->uid != asked->peer->uid)
			continue;
		json_t *item = json_object();

		answer_number(item, "view", (int64_t)view->number);
		answer_text(item, "person", gate_view_person(view->gate_view));
		answer_number(item, "uid", view->uid);
		answer_text(item, "purpose", view->purpose);
		answer_text(item, "path", view->path);
		answer_number(item, "since_unix", view->since_unix);
		if (view->place) {
			answer_number(item, "session", (int64_t)gate_view_session(view->gate_view));
			answer_text(item, "device", view->device);
		}
		json_array_append_new(list, item);
	}
	pthread_mutex_unlock(&daemon->views_lock);
	return list;
}

/* Made on first use, the store holds what only an auditor should: until somebody takes it away. */
static bool is_kit_here(const struct daemon *daemon)
{
	struct stat st;

	return fstatat(device_store_fd(daemon->store), KIT_IN_STORE, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static json_t *anchor_json(const struct anchor_state *state, uint64_t durable)
{
	struct timespec now;
	json_t *item = json_object();

	clock_gettime(CLOCK_BOOTTIME, &now);
	answer_text(item, "target", state->target);
	answer_number(item, "sequence", (int64_t)state->sequence);
	answer_number(item, "behind", (int64_t)(durable - BL_MIN(durable, state->sequence)));
	if (state->sequence)
		answer_number(item, "age_seconds", now.tv_sec - state->boottime_ns / 1000000000);
	else
		json_object_set_new(item, "age_seconds", json_null());
	json_object_set_new(item, "is_same_medium", json_boolean(state->is_same_medium));
	answer_text(item, "trouble", state->trouble);
	return item;
}

static void add_anchors(const struct daemon *daemon, json_t *log, uint64_t durable)
{
	json_t *list = json_array();
	size_t count = daemon->anchors ? anchors_count(daemon->anchors) : 0;

	for (size_t i = 0; i < count; i++) {
		struct anchor_state state;

		anchors_state(daemon->anchors, i, &state);
		json_array_append_new(list, anchor_json(&state, durable));
	}
	json_object_set_new(log, "anchors", list);
	json_object_set_new(log, "are_contents_closed",
			    json_boolean(atomic_load(&daemon->is_unanchored)));
	answer_number(log, "anchor_every_seconds",
		      atomic_load(&daemon->anchor_every_ns) / 1000000000);
}

static void add_log(struct asked *asked, bool is_privileged)
{
	static const char *const MODES[] = {
		[AUDIT_WRITING] = "writing", [AUDIT_RESERVE] = "reserve", [AUDIT_DEAD] = "dead"};
	struct audit_state state;
	json_t *log = json_object();

	audit_state(asked->daemon->audit, &state);
	json_object_set_new(log, "is_writable", json_boolean(state.is_writable));
	answer_text(log, "broken", state.broken_text);
	answer_text(log, "id", state.log_id);
	answer_number(log, "last_sequence", (int64_t)state.last_sequence);
	answer_number(log, "durable_sequence", (int64_t)state.durable_sequence);
	answer_number(log, "segment", (int64_t)state.segment);
	answer_text(log, "mode", MODES[state.mode]);
	answer_number(log, "refused", (int64_t)state.refused);
	answer_number(log, "bounded_ms", state.bounded_ms);
	/* Where the anchors are, what could be forged, and that the kit can be had, is nothing for everybody. */
	if (is_privileged) {
		answer_number(log, "forgeable_frames", (int64_t)state.forgeable_frames);
		answer_number(log, "auditors", (int64_t)state.auditor_count);
		json_object_set_new(log, "is_kit_in_store",
				    json_boolean(is_kit_here(asked->daemon)));
		add_anchors(asked->daemon, log, state.durable_sequence);
	}
	json_object_set_new(asked->answer, "log", log);
}

/* How loading went, and who is about to lose a role: what whoever keeps the policy should see. */
static void add_policy(struct asked *asked, const struct policy *policy, bool is_privileged)
{
	struct daemon *daemon = asked->daemon;

	answer_text(asked->answer, "policy", policy_name(policy));
	answer_number(asked->answer, "policy_serial", (int64_t)policy_serial(policy));
	if (!is_privileged)
		return;
	pthread_mutex_lock(&daemon->life_lock);
	answer_text(asked->answer, "policy_trouble", daemon->policy_trouble);
	answer_number(asked->answer, "policy_trouble_unix", daemon->policy_trouble_unix);
	answer_number(asked->answer, "policy_loads", (int64_t)daemon->policy_loads);
	answer_number(asked->answer, "policy_refusals", (int64_t)daemon->policy_refusals);
	pthread_mutex_unlock(&daemon->life_lock);
	json_object_set_new(asked->answer, "lapses", people_lapses(policy, daemon_now(daemon)));
}

/* What is closed and cannot be destroyed, or was begun and does not come to its end: nobody else tells. */
static void add_shreds(struct asked *asked)
{
	struct daemon *daemon = asked->daemon;

	pthread_mutex_lock(&daemon->keeper_lock);
	answer_text(asked->answer, "shred_trouble", daemon->shred_trouble);
	pthread_mutex_unlock(&daemon->keeper_lock);
}

static void add_key(struct asked *asked)
{
	const uint8_t *key = vault_public_key(device_store_vault(asked->daemon->store));
	char text[2 * VAULT_PUBLIC_KEY + 1];

	for (size_t i = 0; i < VAULT_PUBLIC_KEY; i++)
		sprintf(text + 2 * i, "%02x", key[i]);
	answer_text(asked->answer, "public_key", text);
}

/* One by one, before the last answer: there may be more of them than one message holds. No lock is held here. */
static void send_each(struct asked *asked, const char *name, json_t *list)
{
	BL_CLEANUP(json_decref) json_t *owned = list;
	json_t *item;
	size_t index;

	json_array_foreach(owned, index, item)
	{
		if (!asked_goes_on(asked))
			break;
		asked_send(asked, name, json_incref(item));
	}
}

enum bl_status request_status(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	bool privileged = asked_is_privileged(asked);
	struct devices_context devices = {.asked = asked, .policy = policy, .list = json_array()};

	(void)why;
	if (privileged)
		device_each(asked->daemon->store, add_device, &devices);
	send_each(asked, "device", devices.list);
	send_each(asked, "view", views_of(asked, privileged));
	add_log(asked, privileged);
	add_key(asked);
	answer_text(asked->answer, "version", BAILEE_VERSION);
	add_policy(asked, policy, privileged);
	if (privileged) {
		add_shreds(asked);
		life_summary(asked, policy);
	}
	json_object_set_new(asked->answer, "solo", json_boolean(asked->daemon->options->is_solo));
	return BL_OK;
}
