#include "fs/gate/private.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void view_prepare(struct gate_view *view, const struct policy *policy, int64_t now_unix)
{
	struct gate *gate = view->gate;
	struct rules_circumstances circumstances = {
		.caller = gate_caller_of(gate, view->account, view->uid),
		.purpose = view->purpose,
		.host = gate->config.host,
		.has_reason = view->has_reason,
		.now_unix = now_unix,
		.is_clock_trusted = true,
	};

	if (!policy || rules_subject_new(policy, &circumstances, &view->coming, NULL) != BL_OK)
		view->coming = NULL;
}

void view_until(struct gate_view *view, int64_t now_unix)
{
	int64_t until = view->subject ? rules_subject_valid_until(view->subject) : now_unix;

	/* Nothing is permitted until there is a subject: try again at every request. */
	if (!view->gate->policy)
		until = INT64_MAX;
	else if (view->subject)
		until = BL_MIN(until, facts_until(view, now_unix));
	atomic_store(&view->valid_until, until);
}

void view_take(struct gate_view *view, int64_t now_unix)
{
	struct rules_subject *old = view->subject;

	view->subject = view->coming;
	view->coming = old;
	view->now_unix = now_unix;
	if (view->subject)
		atomic_store(&view->policy_serial, policy_serial(view->gate->policy));
	view_until(view, now_unix);
	usage_steps(view);
}

void view_settle(struct gate_view *view)
{
	rules_subject_free(BL_TAKE(view->coming));
}

void view_event(const struct gate_view *view, const struct gate_caller *caller, enum audit_op op,
		struct audit_event *out_event)
{
	*out_event = (struct audit_event){
		.op = op,
		.verdict = AUDIT_PERMITTED,
		.uid = caller->uid,
		.gid = caller->gid,
		.pid = caller->pid,
		.login_uid = view->login_uid,
		.view = view->number,
		.session = view->session,
		.policy_serial = atomic_load(&view->policy_serial),
	};
}

void view_free(struct gate_view *view)
{
	if (!view)
		return;
	rules_subject_free(view->subject);
	rules_subject_free(view->coming);
	person_free(view->account);
	free(view->purpose);
	free(view->devices);
	free(view->notice);
	pthread_mutex_destroy(&view->refused_lock);
	pthread_mutex_destroy(&view->notice_lock);
	pthread_mutex_destroy(&view->lock);
	free(view);
}

static enum bl_status view_new(struct gate *gate, const struct gate_view_request *request,
			       struct gate_view **out_view, struct bl_error *why)
{
	BL_CLEANUP(view_free) struct gate_view *view = calloc(1, sizeof(*view));

	if (!view)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	pthread_mutex_init(&view->lock, NULL);
	pthread_mutex_init(&view->notice_lock, NULL);
	pthread_mutex_init(&view->refused_lock, NULL);
	view->gate = gate;
	view->uid = request->uid;
	view->gid = request->gid;
	view->login_uid = request->login_uid;
	view->pid = request->pid;
	view->has_reason = request->reason && request->reason[0];
	atomic_init(&view->epoch, 1);
	if (request->session_device) {
		view->is_session = true;
		view->inside_uid = request->inside_uid;
		/* One that is no id at all stays "", and is not found. */
		if (strlen(request->session_device) < sizeof(view->session_device))
			strcpy(view->session_device, request->session_device);
	}
	if (!view_limit(view, request->devices, request->device_count))
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (request->purpose) {
		view->purpose = strdup(request->purpose);
		if (!view->purpose)
			return bl_fail(why, BL_NO_MEMORY, "out of memory");
	}
	view->usage = usage_of(gate, view->uid);
	if (!view->usage)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	enum bl_status status = person_lookup(view->uid, view->gid, &view->account, why);

	if (status == BL_OK)
		*out_view = BL_TAKE(view);
	return status;
}

/* May the view see the device? @why: the rule and next step when it may not, and nothing was said before. */
static bool may_see(struct gate_view *view, struct gate_device *device, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct scene *scene = malloc(sizeof(*scene));
	struct rules_decision decision;

	if (!scene)
		return false;
	pthread_mutex_lock(&device->lock);
	pthread_rwlock_rdlock(&view->gate->policy_lock);
	scene_set(scene, view, device, tree_entry(device->tree, 0), -1);
	bool may = scene_is_visible(scene, &decision);

	if (!may && !scene->closed && why && !why->text[0])
		rules_say(view->subject, &scene->facts, ACTION_LIST, &decision, why->text,
			  sizeof(why->text));
	pthread_rwlock_unlock(&view->gate->policy_lock);
	pthread_mutex_unlock(&device->lock);
	return may;
}

/* May the view see anything at all? */
static bool may_anything(struct gate_view *view, struct bl_error *why)
{
	uint32_t slot = 0;

	for (;;) {
		BL_CLEANUP(gate_device_unref)
		struct gate_device *device = gate_device_after(view->gate, slot);

		if (!device)
			break;
		slot = device->slot;
		if (may_see(view, device, why))
			return true;
	}
	if (slot) {
		if (why && !why->text[0])
			(void)bl_fail(why, BL_FORBIDDEN, "no device may be opened now");
		return false;
	}
	/* No device yet: whoever has a role may wait for one. */
	if (rules_subject_roles(view->subject)[0])
		return true;
	(void)bl_fail(why, BL_FORBIDDEN,
		      "'%s' has no role in the policy in force (ask who keeps the policy)",
		      rules_subject_person(view->subject));
	return false;
}

/* Among the views, so that no change passes it by; judged as they are. */
static void view_link(struct gate_view *view)
{
	struct gate *gate = view->gate;
	int64_t now = gate->config.now_unix(gate->config.clock_context);

	pthread_mutex_lock(&gate->people_lock);
	view_prepare(view, gate->policy, now);
	pthread_rwlock_wrlock(&gate->policy_lock);
	view->number = ++gate->last_view;
	view_take(view, now);
	view->next = gate->views;
	gate->views = view;
	pthread_rwlock_unlock(&gate->policy_lock);
	pthread_mutex_unlock(&gate->people_lock);
}

static void view_unlink(struct gate_view *view)
{
	struct gate *gate = view->gate;

	pthread_mutex_lock(&gate->people_lock);
	pthread_rwlock_wrlock(&gate->policy_lock);
	for (struct gate_view **at = &gate->views; *at; at = &(*at)->next) {
		if (*at == view) {
			*at = view->next;
			break;
		}
	}
	pthread_rwlock_unlock(&gate->policy_lock);
	pthread_mutex_unlock(&gate->people_lock);
}

/* people_lock is held, so that the subject stays. */
static enum bl_status view_admit(struct gate_view *view, struct bl_error *why)
{
	if (why)
		why->text[0] = 0;
	if (!view->gate->policy)
		return bl_fail(why, BL_FORBIDDEN, "there is no policy in force (load one)");
	if (!view->subject)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	snprintf(view->person, sizeof(view->person), "%s", rules_subject_person(view->subject));
	if (view->is_session)
		return BL_OK;
	return may_anything(view, why) ? BL_OK : BL_FORBIDDEN;
}

/* Purposes are words of the policy; whatever else a client sends as one, which may name anybody, stays out of the log. */
static void opened_detail(const struct gate_view *view, char out[AUDIT_DETAIL_SIZE])
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(view->gate);
	const char *purpose = "none";

	if (view->purpose)
		purpose = policy && policy_names_purpose(policy, view->purpose) ? view->purpose
										: "unknown";
	snprintf(out, AUDIT_DETAIL_SIZE, "purpose %s, reason %s%s%s", purpose,
		 view->has_reason ? "given" : "none", view->gate->config.is_solo ? ", solo" : "",
		 view->is_session ? ", sealed" : "");
}

/* The reason is for auditors only. It is of no device, so the store's own key hides it. */
static enum bl_status append_opened(const struct gate_view *view,
				    const struct gate_view_request *request,
				    const struct audit_event *event, uint64_t *out_sequence,
				    struct bl_error *why)
{
	uint8_t key[VAULT_KEY];
	struct audit *audit = view->gate->config.audit;
	const struct audit_name reason = {.kind = AUDIT_NAME_REASON,
					  .device = "",
					  .log_names_key = key,
					  .text = request->reason,
					  .length = view->has_reason ? strlen(request->reason) : 0};

	vault_store_key(device_store_vault(view->gate->config.store), VAULT_LOG_NAMES, key);
	enum bl_status status =
		audit_append_named(audit, event, &reason, view->has_reason, out_sequence, why);

	sodium_memzero(key, sizeof(key));
	return status;
}

/* What the log says of an opening, and of what came of it. */
static void opened_event(const struct gate_view *view, enum bl_status status, const char *rule,
			 struct audit_event *out_event)
{
	struct gate_caller caller = {view->uid, view->gid, view->pid};

	view_event(view, &caller, AUDIT_VIEW_OPENED, out_event);
	opened_detail(view, out_event->detail);
	snprintf(out_event->rule, sizeof(out_event->rule), "%s", rule);
	/* What a client only calls a device is none, and stays out of the log. */
	BL_CLEANUP(gate_device_unref)
	struct gate_device *device = gate_device_named(view->gate, view->session_device);

	if (device)
		memcpy(out_event->device, device->id, sizeof(out_event->device));
	if (status == BL_OK)
		return;
	out_event->error_number = (uint32_t)bl_status_errno(status);
	if (status == BL_FORBIDDEN || status == BL_NOT_FOUND)
		out_event->verdict = AUDIT_DENIED;
	else if (status == BL_ASK)
		out_event->verdict = AUDIT_ASKED;
	else
		out_event->verdict = status == BL_WITHHELD ? AUDIT_WITHHELD : AUDIT_FAILED_VERDICT;
}

enum bl_status gate_view_open(struct gate *gate, const struct gate_view_request *request,
			      struct gate_view **out_view, struct bl_error *why)
{
	struct gate_view *view = NULL;
	struct audit_event event;
	char rule[BL_RULE_ID_SIZE] = "";
	uint64_t sequence = 0;
	enum bl_status status = view_new(gate, request, &view, why);

	if (status != BL_OK || !view)
		return status;
	view_link(view);
	pthread_mutex_lock(&gate->people_lock);
	status = view_admit(view, why);
	pthread_mutex_unlock(&gate->people_lock);
	if (status == BL_OK && view->is_session)
		status = session_admit(view, request->session_device, rule, why);
	opened_event(view, status, rule, &event);
	if (status != BL_OK) {
		view_unlink(view);
		enum bl_status logged = append_opened(view, request, &event, NULL, NULL);

		view_free(view);
		return logged == BL_OK ? status
				       : bl_fail(why, logged, "the log cannot take an event");
	}
	status = append_opened(view, request, &event, &sequence, why);
	if (status != BL_OK) {
		gate_view_close(view);
		return status;
	}
	/* Nobody asks anything of it before it is handed out. */
	if (view->is_session)
		view->session = sequence;
	*out_view = view;
	return BL_OK;
}

void gate_view_close(struct gate_view *view)
{
	struct gate_caller caller = {view->uid, view->gid, view->pid};
	struct audit_event event;

	view_unlink(view);
	while (view->handles) {
		struct gate_handle *handle = view->handles;

		view->handles = handle->next;
		handle_free(handle);
	}
	view_event(view, &caller, AUDIT_VIEW_CLOSED, &event);
	gate_tell(view->gate, &event);
	view_free(view);
}

static void revoke(struct gate_view *view, const struct gate_caller *caller)
{
	struct audit_event event;

	view_event(view, caller, AUDIT_VIEW_REVOKED, &event);
	event.verdict = AUDIT_DENIED;
	snprintf(event.detail, sizeof(event.detail), "refused reads without end");
	gate_tell(view->gate, &event);
	pthread_rwlock_rdlock(&view->gate->policy_lock);
	if (view->changed)
		view->changed(view->changed_context);
	pthread_rwlock_unlock(&view->gate->policy_lock);
}

void view_count_refusal(struct gate_view *view, const struct gate_caller *caller)
{
	struct gate *gate = view->gate;
	int64_t now = gate->config.now_unix(gate->config.clock_context);

	/* Two threads at the edge of a minute may both begin anew: the count is a little late then, no more. */
	if (atomic_exchange(&view->refusal_minute, now / 60) != now / 60)
		atomic_store(&view->refusals, 0);
	if (atomic_fetch_add(&view->refusals, 1) + 1 >= VIEW_REFUSALS_A_MINUTE &&
	    !atomic_exchange(&view->is_revoked, true))
		revoke(view, caller);
}

bool gate_view_is_revoked(const struct gate_view *view)
{
	return atomic_load(&view->is_revoked);
}

void gate_view_on_change(struct gate_view *view, gate_changed_fn *changed, void *context)
{
	pthread_rwlock_wrlock(&view->gate->policy_lock);
	view->changed = changed;
	view->changed_context = context;
	pthread_rwlock_unlock(&view->gate->policy_lock);
}

uint64_t gate_view_number(const struct gate_view *view)
{
	return view->number;
}

const char *gate_view_person(const struct gate_view *view)
{
	return view->person;
}

uid_t gate_view_uid(const struct gate_view *view)
{
	return view->uid;
}

gid_t gate_view_gid(const struct gate_view *view)
{
	return view->gid;
}

uint64_t gate_view_epoch(const struct gate_view *view)
{
	return atomic_load(&view->epoch);
}
