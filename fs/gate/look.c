/*
 * When somebody last looked into a device: `last_open` of a retention counts from there. Kept in memory by whoever looks, and
 * written down by the daemon's keeper now and then; what a crash takes with it stands in the log.
 */
#include "fs/gate/private.h"

#include <stdlib.h>
#include <string.h>

/* Of one device, whatever becomes of what the gate knows of it; never freed before the gate. */
struct gate_look {
	struct gate_look *next;
	char id[BL_DEVICE_ID_SIZE];
	atomic_int_fast64_t last_unix;
	int64_t kept_unix; /* the keeper's: what is written down */
};

#define TELL_SECONDS                                                                               \
	3600 /* the keeper wakes by itself once in so long: who looks on and on need not wake it */

static struct gate_look *look_of(struct gate *gate, const char *id)
{
	pthread_mutex_lock(&gate->looks_lock);
	struct gate_look *look = gate->looks;

	while (look && strcmp(look->id, id) != 0)
		look = look->next;
	if (!look) {
		look = calloc(1, sizeof(*look));
		if (look) {
			memcpy(look->id, id, strlen(id) + 1);
			look->next = gate->looks;
			gate->looks = look;
		}
	}
	pthread_mutex_unlock(&gate->looks_lock);
	return look;
}

void looks_done(struct gate *gate)
{
	while (gate->looks) {
		struct gate_look *look = gate->looks;

		gate->looks = look->next;
		free(look);
	}
}

/* The latest counts. The answer: what it was before. */
static int64_t advance(struct gate_look *look, int64_t at_unix)
{
	int_fast64_t before = atomic_load(&look->last_unix);

	while (before < at_unix &&
	       !atomic_compare_exchange_weak(&look->last_unix, &before, at_unix))
		;
	return before;
}

void look_note(struct gate_device *device, int64_t at_unix)
{
	struct gate *gate = device->gate;
	struct gate_look *look = atomic_load(&device->look);

	if (!look) {
		look = look_of(gate, device->id);
		if (!look)
			return;
		atomic_store(&device->look, look);
	}
	if (at_unix - advance(look, at_unix) >= TELL_SECONDS && gate->config.looked)
		gate->config.looked(gate->config.looked_context);
}

bool scene_extends(const struct scene *scene)
{
	static const enum bl_action MINDERS[] = {ACTION_REVIEW, ACTION_ADMINISTER};
	struct rules_decision decision;

	/* Who could with a reason, or with others, minds devices too: a doubt never keeps one longer. */
	for (size_t i = 0; i < BL_COUNT(MINDERS); i++) {
		scene_decide(scene, MINDERS[i], &decision);
		if (decision.outcome != RULES_FORBID)
			return false;
	}
	return true;
}

void gate_each_look(struct gate *gate, gate_look_fn *keep, void *context)
{
	pthread_mutex_lock(&gate->looks_lock);
	struct gate_look *look = gate->looks;

	pthread_mutex_unlock(&gate->looks_lock);
	for (; look; look = look->next) {
		int64_t at = atomic_load(&look->last_unix);

		if (at > look->kept_unix && keep(context, look->id, at))
			look->kept_unix = at;
	}
}

/* ---- from the log ------------------------------------------------------------------------------------- */

#define BUCKETS 1024u

/* Somebody's last look into a device. */
struct seen {
	struct seen *next;
	char id[BL_DEVICE_ID_SIZE];
	uid_t uid;
	int64_t at_unix;
};

struct looks_seen {
	struct seen *buckets[BUCKETS];
};

static size_t bucket_of(const char *id, uid_t uid)
{
	uint32_t hash = 2166136261u ^ uid;

	for (; *id; id++)
		hash = (hash ^ (uint8_t)*id) * 16777619u;
	return hash % BUCKETS;
}

struct looks_seen *looks_seen_new(void)
{
	return calloc(1, sizeof(struct looks_seen));
}

void looks_seen_free(struct looks_seen *seen)
{
	for (size_t i = 0; seen && i < BUCKETS; i++)
		while (seen->buckets[i]) {
			struct seen *one = seen->buckets[i];

			seen->buckets[i] = one->next;
			free(one);
		}
	free(seen);
}

bool looks_see(struct looks_seen *seen, const struct audit_event *event, int64_t at_unix)
{
	struct seen **at = &seen->buckets[bucket_of(event->device, event->uid)], *one = *at;

	while (one && (one->uid != event->uid || strcmp(one->id, event->device) != 0))
		one = one->next;
	if (one) {
		one->at_unix = BL_MAX(one->at_unix, at_unix);
		return true;
	}
	one = malloc(sizeof(*one));
	if (!one)
		return false;
	*one = (struct seen){.next = *at, .uid = event->uid, .at_unix = at_unix};
	memcpy(one->id, event->device, sizeof(one->id));
	*at = one;
	return true;
}

/* May whoever it was mind devices, as far as can be told now? Who cannot be asked for may. */
static bool may_mind(struct gate *gate, const struct seen *seen, enum bl_action action)
{
	const struct gate_question question = {.uid = seen->uid,
					       .gid = seen->uid,
					       .has_reason = true,
					       .action = action,
					       .device = seen->id};
	char rule[BL_RULE_ID_SIZE];

	return gate_ask(gate, &question, rule, NULL) != BL_FORBIDDEN;
}

/* What was written down already needs nobody's judgement. */
static bool is_written(struct gate *gate, const struct seen *seen)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;

	return device_facts_read(gate->config.store, seen->id, &facts, NULL) != BL_OK ||
	       facts->last_open_unix >= seen->at_unix;
}

static void judge(struct gate *gate, const struct seen *seen)
{
	if (is_written(gate, seen) || may_mind(gate, seen, ACTION_REVIEW) ||
	    may_mind(gate, seen, ACTION_ADMINISTER))
		return;
	struct gate_look *look = look_of(gate, seen->id);

	if (look)
		(void)advance(look, seen->at_unix);
}

void looks_judge(struct gate *gate, const struct looks_seen *seen)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct seen *one = seen->buckets[i]; one; one = one->next)
			judge(gate, one);
}
