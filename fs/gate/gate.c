#include "fs/gate/private.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OVERFLOW_UID 65534u /* the kernel's default */

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

/*
 * A consent that was taken back closes the device to everybody, as its date does which it starts (docs/retention.md). What cannot be read
 * closes it in any case.
 */
static enum bl_device_state shown_state(enum bl_device_state state, const struct gate_facts *facts)
{
	bool is_over = state == STATE_SHREDDED || state == STATE_RELEASED;

	if (is_over || !facts || !facts->record || !device_consent_withdrawn(facts->record))
		return state;
	return STATE_DUE;
}

/* What was recorded of the devices: read when the store is not under way with them any more. */
static enum bl_status read_facts(struct gate *gate)
{
	for (struct gate_device *device = gate->devices; device; device = device->next) {
		device->facts = facts_read(gate, device->id, device->state);
		if (!device->facts)
			return BL_NO_MEMORY;
		device->state = shown_state(device->state, device->facts);
	}
	return BL_OK;
}

/* As whom the kernel shows somebody whom our user namespace does not know. */
static uid_t overflow_uid(void)
{
	BL_CLEANUP(fd_close) int fd = open("/proc/sys/kernel/overflowuid", O_RDONLY | O_CLOEXEC);
	char text[16] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return OVERFLOW_UID;
	unsigned long uid = strtoul(text, NULL, 10);

	return uid > 0 && uid < UINT32_MAX ? (uid_t)uid : OVERFLOW_UID;
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
	pthread_mutex_init(&gate->people_lock, NULL);
	pthread_mutex_init(&gate->usage_lock, NULL);
	pthread_mutex_init(&gate->looks_lock, NULL);
	pthread_mutex_init(&gate->freed_lock, NULL);
	pthread_mutex_init(&gate->unwritten_lock, NULL);
	pthread_cond_init(&gate->freed, NULL);
	scratch_pool_init(&gate->scratches);
	aheads_init(&gate->aheads);
}

enum bl_status gate_new(const struct gate_config *config, struct gate **out_gate,
			struct bl_error *why)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	gate->config = *config;
	gate->nobody = overflow_uid();
	/* Alone with its user, who may well be the account nobody, the service has nobody to take for somebody else. */
	if (config->is_solo && geteuid() == gate->nobody)
		gate->nobody = (uid_t)-1;
	gate->look_ms = GATE_LOOK_MS;
	gate->harvest_ms = GATE_HARVEST_MS;
	gate_locks(gate);
	usage_zone(gate, NULL, config->now_unix(config->clock_context));
	enum bl_status status = spans_init(&gate->spans, GATE_SPANS);

	if (status == BL_OK) {
		device_each(config->store, add_known, gate);
		if (gate->last_slot == UINT32_MAX)
			status = BL_NO_MEMORY;
	}
	if (status == BL_OK)
		status = read_facts(gate);
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
	harvests_done(gate);
	while (gate->devices) {
		struct gate_device *device = gate->devices;

		gate->devices = device->next;
		gate_device_unref(device);
	}
	if (gate->policy)
		policy_unref((struct policy *)gate->policy);
	givers_done(gate);
	usage_done(gate);
	looks_done(gate);
	spans_done(&gate->spans);
	scratch_pool_done(&gate->scratches);
	aheads_done(&gate->aheads);
	pthread_cond_destroy(&gate->freed);
	pthread_mutex_destroy(&gate->freed_lock);
	pthread_mutex_destroy(&gate->unwritten_lock);
	pthread_mutex_destroy(&gate->looks_lock);
	pthread_mutex_destroy(&gate->usage_lock);
	pthread_mutex_destroy(&gate->people_lock);
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

void gate_tell_trouble(struct gate *gate, const char *device, const char *rule,
		       enum bl_status status, const char *detail)
{
	struct audit_event event = {.op = AUDIT_SOURCE_ERROR,
				    .verdict = AUDIT_FAILED_VERDICT,
				    .uid = UINT32_MAX,
				    .gid = UINT32_MAX,
				    .pid = UINT32_MAX,
				    .login_uid = UINT32_MAX,
				    .error_number = (uint32_t)bl_status_errno(status)};

	snprintf(event.device, sizeof(event.device), "%s", device);
	snprintf(event.rule, sizeof(event.rule), "%s", rule);
	snprintf(event.detail, sizeof(event.detail), "%s", detail);
	gate_tell(gate, &event);
}

/* ---- changes ------------------------------------------------------------------------------------------ */

void view_moved(struct gate_view *view)
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

void gate_contents(struct gate *gate, bool are_shown)
{
	if (atomic_exchange(&gate->is_unanchored, !are_shown) == !are_shown)
		return;
	pthread_rwlock_wrlock(&gate->policy_lock);
	all_moved(gate);
	pthread_rwlock_unlock(&gate->policy_lock);
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

uid_t gate_nobody(const struct gate *gate)
{
	return gate->nobody;
}

struct gate_device *gate_device_named(struct gate *gate, const char *id)
{
	pthread_rwlock_rdlock(&gate->policy_lock);
	struct gate_device *device = device_named(gate, id);

	if (device)
		gate_device_ref(device);
	pthread_rwlock_unlock(&gate->policy_lock);
	return device;
}

/* Close what the scanner of a device looked for too little, or too much. */
static void device_under(struct gate_device *device, const struct policy *policy)
{
	if (device->is_begun && (device->classes != policy_detects(policy) ||
				 !detect_custom_same(device->custom, policy_custom(policy))))
		device->is_dropped = true;
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

struct gate_device *gate_device_after(struct gate *gate, uint32_t slot)
{
	struct gate_device *found = NULL;

	pthread_rwlock_rdlock(&gate->policy_lock);
	for (struct gate_device *device = gate->devices; device; device = device->next)
		if (device->slot > slot && (!found || device->slot < found->slot))
			found = device;
	if (found)
		gate_device_ref(found);
	pthread_rwlock_unlock(&gate->policy_lock);
	return found;
}

/* What was made of the old policy is freed here, where no request waits for it. */
static void free_places(struct gate *gate)
{
	uint32_t slot = 0;

	for (;;) {
		BL_CLEANUP(gate_device_unref)
		struct gate_device *device = gate_device_after(gate, slot);

		if (!device)
			return;
		slot = device->slot;
		pthread_mutex_lock(&device->lock);
		struct rules_places *old = BL_TAKE(device->old_places), *stale = NULL;

		/* change_lock is held: nobody else makes a new generation. */
		if (device->places_generation != gate->generation)
			stale = BL_TAKE(device->places);
		pthread_mutex_unlock(&device->lock);
		rules_places_free(old);
		rules_places_free(stale);
	}
}

static bool is_due(const struct gate_view *view, int64_t now_unix)
{
	return atomic_load(&view->valid_until) <= now_unix;
}

/* Those that have to be judged again: all under another policy. people_lock is held. */
static void prepare_views(struct gate *gate, const struct policy *policy, int64_t now_unix,
			  bool all)
{
	givers_prepare(gate, policy, now_unix, all);
	for (struct gate_view *view = gate->views; view; view = view->next)
		if (all || is_due(view, now_unix))
			view_prepare(view, policy, now_unix);
}

static void settle_all(struct gate *gate)
{
	for (struct gate_view *view = gate->views; view; view = view->next)
		view_settle(view);
}

void gate_set_policy(struct gate *gate, const struct policy *policy)
{
	int64_t now = gate->config.now_unix(gate->config.clock_context);

	pthread_mutex_lock(&gate->change_lock);
	pthread_mutex_lock(&gate->people_lock);
	prepare_views(gate, policy, now, true);
	pthread_rwlock_wrlock(&gate->policy_lock);
	const struct policy *old = gate->policy;

	(void)givers_take(gate);
	usage_zone(gate, policy, now);
	gate->policy = policy_ref(policy);
	gate->generation++;
	for (struct gate_device *device = gate->devices; device; device = device->next)
		device_under(device, policy);
	for (struct gate_view *view = gate->views; view; view = view->next)
		view_take(view, now);
	all_moved(gate);
	pthread_rwlock_unlock(&gate->policy_lock);
	settle_all(gate);
	pthread_mutex_unlock(&gate->people_lock);
	if (old)
		policy_unref((struct policy *)old);
	free_places(gate);
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

/* The device as the store says that it is, into the list. policy_lock is held for writing. */
static void device_into(struct gate *gate, const struct device *record, struct gate_facts **facts)
{
	struct gate_device **at = device_at(gate, record->id);
	struct gate_device *device = device_named(gate, record->id);

	if (!device) {
		if (gate_device_new(gate, record, &device) != BL_OK)
			return;
		device->next = *at;
		*at = device;
	}
	struct gate_facts *old = device->facts;

	device->state = shown_state(record->state, *facts);
	device->facts = *facts;
	*facts = old;
}

/*
 * Views that the change bears on are due at once. Whoever works on a device says something of it all the time: what the kernel keeps
 * for all the others stays.
 */
static void make_due(struct gate *gate, const struct gate_device *device,
		     const struct device *record, const struct gate_facts *facts)
{
	bool is_other = !device || !facts || shown_state(record->state, facts) != device->state;

	for (struct gate_view *view = gate->views; view; view = view->next)
		if (is_other || facts_bear_on(view, device->facts, facts))
			atomic_store(&view->valid_until, INT64_MIN);
}

/* One view at a new moment; policy_lock is held for writing. */
static void tick_view(struct gate_view *view, int64_t now_unix, bool has_rolled,
		      bool have_givers_changed)
{
	if (view->coming || is_due(view, now_unix)) {
		view_take(view, now_unix);
		view_moved(view);
	} else if ((has_rolled && view->is_limited) || have_givers_changed) {
		usage_steps(view);
		view_until(view, now_unix);
		view_moved(view);
	} else if (has_rolled) {
		usage_steps(view);
	}
}

/* Every view, and those whose word counts. */
static void tick_views(struct gate *gate, int64_t now_unix)
{
	bool have_givers_changed = givers_take(gate);
	bool has_rolled = usage_roll(gate, now_unix);

	for (struct gate_view *view = gate->views; view; view = view->next)
		tick_view(view, now_unix, has_rolled, have_givers_changed);
}

static void device_changed(struct gate *gate, const char *id)
{
	BL_CLEANUP(bl_free) struct device *record = calloc(1, sizeof(*record));
	BL_CLEANUP(facts_free) struct gate_facts *facts = NULL;
	int64_t now = gate->config.now_unix(gate->config.clock_context);

	if (record && device_find(gate->config.store, id, record, NULL) == BL_OK)
		facts = facts_read(gate, id, record->state);
	/* change_lock is held: nobody else changes the list, nor what is known of a device. */
	struct gate_device *device = device_named(gate, id);

	pthread_mutex_lock(&gate->people_lock);
	make_due(gate, device, record, facts);
	/* What was recorded just now counts for a subject of now, not for one of an hour ago. */
	prepare_views(gate, gate->policy, now, false);
	pthread_rwlock_wrlock(&gate->policy_lock);
	if (facts)
		device_into(gate, record, &facts);
	else if (device)
		device->is_dropped = true; /* what cannot be read again is shown no more */
	tick_views(gate, now);
	pthread_rwlock_unlock(&gate->policy_lock);
	settle_all(gate);
	pthread_mutex_unlock(&gate->people_lock);
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
				ahead_drop(&gate->aheads, handle);
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
	harvest_end(device);
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
	harvest_forget(gate, id);
}

void gate_device_renew(struct gate *gate, const char *id)
{
	atomic_fetch_add(&gate->renewals, 1);
	pthread_mutex_lock(&gate->change_lock);
	device_drop(gate, id);
	device_changed(gate, id);
	pthread_mutex_unlock(&gate->change_lock);
	atomic_fetch_sub(&gate->renewals, 1);
}

struct gate_device *gate_device_settled(struct gate *gate, const char *id)
{
	struct gate_device *device = gate_device_named(gate, id);

	if (device && !atomic_load(&device->is_ending) && !atomic_load(&gate->renewals))
		return device;
	gate_device_unref(device);
	pthread_mutex_lock(&gate->change_lock);
	device = gate_device_named(gate, id);
	pthread_mutex_unlock(&gate->change_lock);
	return device;
}

static int64_t next_tick(const struct gate *gate)
{
	int64_t next = INT64_MAX;

	for (const struct gate_giver *giver = gate->givers; giver; giver = giver->next)
		next = BL_MIN(next, giver->valid_until);
	for (struct gate_view *view = gate->views; view; view = view->next) {
		next = BL_MIN(next, atomic_load(&view->valid_until));
		/* Every day begins with an hour, wherever hours begin. */
		for (size_t period = 0; view->is_limited && period < PERIOD_COUNT; period++)
			next = BL_MIN(next, gate->periods[period].next);
	}
	return next;
}

int64_t gate_tick(struct gate *gate, int64_t now_unix)
{
	pthread_mutex_lock(&gate->people_lock);
	prepare_views(gate, gate->policy, now_unix, false);
	pthread_rwlock_wrlock(&gate->policy_lock);
	tick_views(gate, now_unix);
	int64_t next = next_tick(gate);

	pthread_rwlock_unlock(&gate->policy_lock);
	settle_all(gate);
	pthread_mutex_unlock(&gate->people_lock);
	return next;
}
