#include "fs/gate/private.h"

#include <stdlib.h>
#include <string.h>

/* ---- life ------------------------------------------------------------------------------------------- */

static bool add_known(void *context, const struct device *record)
{
	struct gate *gate = context;
	struct gate_device *device, **at = &gate->devices;

	if (gate_device_new(gate, record, &device) != BL_OK) {
		gate->last_slot = UINT32_MAX;
		return false;
	}
	while (*at && strcmp((*at)->id, device->id) < 0)
		at = &(*at)->next;
	device->next = *at;
	*at = device;
	return true;
}

static void gate_locks(struct gate *gate)
{
	pthread_rwlockattr_t attr;

	/* A change of policy must not wait for a stream of readers to dry up. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&gate->policy_lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&gate->change_lock, NULL);
	pthread_mutex_init(&gate->freed_lock, NULL);
	pthread_cond_init(&gate->freed, NULL);
	scratch_pool_init(&gate->scratches);
}

enum bl_status gate_new(const struct gate_config *config, struct gate **out_gate,
			struct bl_error *why)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	gate->config = *config;
	gate_locks(gate);
	enum bl_status status = spans_init(&gate->spans, GATE_SPANS);

	if (status == BL_OK) {
		device_each(config->store, add_known, gate);
		if (gate->last_slot == UINT32_MAX)
			status = BL_NO_MEMORY;
	}
	if (status != BL_OK) {
		gate_free(gate);
		return bl_fail(why, status, "out of memory");
	}
	*out_gate = gate;
	return BL_OK;
}

void gate_free(struct gate *gate)
{
	if (!gate)
		return;
	while (gate->devices) {
		struct gate_device *device = gate->devices;

		gate->devices = device->next;
		gate_device_unref(device);
	}
	if (gate->policy)
		policy_unref((struct policy *)gate->policy);
	spans_done(&gate->spans);
	scratch_pool_done(&gate->scratches);
	pthread_cond_destroy(&gate->freed);
	pthread_mutex_destroy(&gate->freed_lock);
	pthread_mutex_destroy(&gate->change_lock);
	pthread_rwlock_destroy(&gate->policy_lock);
	free(gate);
}

/* ---- events nobody waits for -------------------------------------------------------------------------- */

static void told(struct audit_ticket *ticket, enum bl_status status)
{
	(void)status; /* a log that broke has said so to its owner */
	free(ticket);
}

void gate_tell(struct gate *gate, const struct audit_event *event)
{
	struct audit_ticket *ticket = calloc(1, sizeof(*ticket));

	if (!ticket)
		return;
	ticket->done = told;
	audit_submit(gate->config.audit, event, ticket);
}

/* ---- changes ------------------------------------------------------------------------------------------ */

/* policy_lock is held for writing. The callback only ever wakes a thread of serve's. */
static void view_moved(struct gate_view *view)
{
	atomic_fetch_add(&view->epoch, 1);
	if (view->changed)
		view->changed(view->changed_context);
}

static void all_moved(struct gate *gate)
{
	for (struct gate_view *view = gate->views; view; view = view->next)
		view_moved(view);
}

static struct gate_device **device_at(struct gate *gate, const char *id)
{
	struct gate_device **at = &gate->devices;

	while (*at && strcmp((*at)->id, id) < 0)
		at = &(*at)->next;
	return at;
}

static struct gate_device *device_named(struct gate *gate, const char *id)
{
	struct gate_device *device = *device_at(gate, id);

	return device && strcmp(device->id, id) == 0 ? device : NULL;
}

struct gate_device *gate_device_of(struct gate *gate, uint64_t node)
{
	uint32_t slot = (uint32_t)(node >> 32);

	pthread_rwlock_rdlock(&gate->policy_lock);
	struct gate_device *device = gate->devices;

	while (device && device->slot != slot)
		device = device->next;
	if (device)
		gate_device_ref(device);
	pthread_rwlock_unlock(&gate->policy_lock);
	return device;
}

/* Free what was made of the old policy, and close what its scanner looked for too little (or too much). */
static void device_under(struct gate_device *device, const struct policy *policy)
{
	pthread_mutex_lock(&device->lock);
	rules_places_free(device->places);
	device->places = NULL;
	device->places_generation = 0;
	bool is_begun = device->keys || tree_entry(device->tree, 0)->load != LOAD_NONE;

	if (is_begun && device->classes != policy_detects(policy))
		device->is_dropped = true;
	pthread_mutex_unlock(&device->lock);
}

static void device_drop(struct gate *gate, const char *id);
static void device_changed(struct gate *gate, const char *id);

/* Devices whose scanner is not the policy's start again. */
static void renew_dropped(struct gate *gate)
{
	for (;;) {
		char id[BL_DEVICE_ID_SIZE] = "";

		pthread_rwlock_rdlock(&gate->policy_lock);
		for (struct gate_device *device = gate->devices; device; device = device->next) {
			if (device->is_dropped)
				memcpy(id, device->id, sizeof(id));
		}
		pthread_rwlock_unlock(&gate->policy_lock);
		if (!id[0])
			return;
		device_drop(gate, id);
		device_changed(gate, id);
	}
}

void gate_set_policy(struct gate *gate, const struct policy *policy)
{
	pthread_mutex_lock(&gate->change_lock);
	pthread_rwlock_wrlock(&gate->policy_lock);
	const struct policy *old = gate->policy;
	int64_t now = gate->config.now_unix(gate->config.clock_context);

	gate->policy = policy_ref(policy);
	gate->generation++;
	for (struct gate_device *device = gate->devices; device; device = device->next)
		device_under(device, policy);
	for (struct gate_view *view = gate->views; view; view = view->next)
		view_judge(view, now);
	all_moved(gate);
	pthread_rwlock_unlock(&gate->policy_lock);
	if (old)
		policy_unref((struct policy *)old);
	renew_dropped(gate);
	pthread_mutex_unlock(&gate->change_lock);
}

struct policy *gate_policy(struct gate *gate)
{
	pthread_rwlock_rdlock(&gate->policy_lock);
	struct policy *policy = gate->policy ? policy_ref(gate->policy) : NULL;

	pthread_rwlock_unlock(&gate->policy_lock);
	return policy;
}

static void device_changed(struct gate *gate, const char *id)
{
	BL_CLEANUP(bl_free) struct device *record = calloc(1, sizeof(*record));
	bool is_known = record && device_find(gate->config.store, id, record, NULL) == BL_OK;

	pthread_rwlock_wrlock(&gate->policy_lock);
	struct gate_device *device = device_named(gate, id);

	if (device && !is_known) {
		device->is_dropped = true; /* what cannot be read again is shown no more */
	} else if (device) {
		device->state = record->state;
	} else if (is_known) {
		struct gate_device **at = device_at(gate, id);

		if (gate_device_new(gate, record, &device) == BL_OK) {
			device->next = *at;
			*at = device;
		}
	}
	all_moved(gate);
	pthread_rwlock_unlock(&gate->policy_lock);
}

void gate_device_changed(struct gate *gate, const char *id)
{
	pthread_mutex_lock(&gate->change_lock);
	device_changed(gate, id);
	pthread_mutex_unlock(&gate->change_lock);
}

/* Take the device away from every open handle; reads under way keep it until they end. */
static void detach_handles(struct gate *gate, const struct gate_device *device)
{
	for (struct gate_view *view = gate->views; view; view = view->next) {
		pthread_mutex_lock(&view->lock);
		for (struct gate_handle *handle = view->handles; handle; handle = handle->next) {
			pthread_mutex_lock(&handle->lock);
			if (handle->device == device) {
				file_unref(BL_TAKE(handle->file));
				gate_device_unref(BL_TAKE(handle->device));
				handle->is_lost = true;
			}
			pthread_mutex_unlock(&handle->lock);
		}
		pthread_mutex_unlock(&view->lock);
	}
}

static void device_drop(struct gate *gate, const char *id)
{
	bool was_freed = false;

	pthread_rwlock_wrlock(&gate->policy_lock);
	struct gate_device *device = device_named(gate, id);

	if (device) {
		*device_at(gate, id) = device->next;
		device->is_dropped = true;
		device->was_freed = &was_freed;
		detach_handles(gate, device);
		all_moved(gate);
	}
	pthread_rwlock_unlock(&gate->policy_lock);
	if (!device)
		return;
	gate_device_unref(device);
	pthread_mutex_lock(&gate->freed_lock);
	while (!was_freed)
		pthread_cond_wait(&gate->freed, &gate->freed_lock);
	pthread_mutex_unlock(&gate->freed_lock);
}

void gate_device_drop(struct gate *gate, const char *id)
{
	pthread_mutex_lock(&gate->change_lock);
	device_drop(gate, id);
	pthread_mutex_unlock(&gate->change_lock);
}

int64_t gate_tick(struct gate *gate, int64_t now_unix)
{
	int64_t next = INT64_MAX;

	pthread_rwlock_wrlock(&gate->policy_lock);
	for (struct gate_view *view = gate->views; view; view = view->next) {
		if (atomic_load(&view->valid_until) <= now_unix) {
			view_judge(view, now_unix);
			view_moved(view);
		}
		next = BL_MIN(next, atomic_load(&view->valid_until));
	}
	pthread_rwlock_unlock(&gate->policy_lock);
	return next;
}
