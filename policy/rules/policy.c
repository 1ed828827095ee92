/* The policy as an object: counted, immutable, and what can be asked of it without deciding. */
#include <stdlib.h>
#include <string.h>

#include "policy/rules/load.h"
#include "policy/rules/zone.h"

/* The first one is what somebody lands in. */
static const char *const VIEWERS[] = {"nnn",  "less", "ls",   "find",
				      "file", "tree", "grep", "hexdump"};

struct policy *policy_new(void)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return NULL;
	atomic_init(&policy->references, 1);
	policy->test_clock_unix = INT64_MIN;
	policy->sessions = (struct rules_sessions){
		.viewers = VIEWERS,
		.viewer_count = BL_COUNT(VIEWERS),
		.idle_seconds = INT64_C(15) * 60,
		.total_seconds = INT64_C(8) * 3600,
	};
	policy->arena = arena_new();
	if (!policy->arena) {
		free(policy);
		return NULL;
	}
	return policy;
}

/* A count is no part of what a policy says, so a const policy can be counted. */
struct policy *policy_ref(const struct policy *policy)
{
	struct policy *counted = (struct policy *)policy;

	atomic_fetch_add_explicit(&counted->references, 1, memory_order_relaxed);
	return counted;
}

void policy_unref(struct policy *policy)
{
	if (!policy || atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) != 1)
		return;
	rules_compiled_free(policy->compiled);
	detect_custom_unref(policy->custom_patterns);
	zone_free(policy->zone);
	arena_free(policy->arena);
	free(policy);
}

const char *policy_name(const struct policy *policy)
{
	return policy->name;
}

uint64_t policy_serial(const struct policy *policy)
{
	return policy->serial;
}

const uint8_t *policy_digest(const struct policy *policy)
{
	return policy->digest;
}

const char *policy_zone_name(const struct policy *policy)
{
	return policy->zone_name;
}

bl_classes policy_detects(const struct policy *policy)
{
	return policy->detects;
}

void rules_local_time(const struct policy *policy, int64_t at_unix, char out[20])
{
	struct zone_time wall;
	char text[32] = "";

	zone_local(policy->zone, at_unix, &wall);
	snprintf(text, sizeof(text), "%04d-%02u-%02u %02u:%02u", BL_MAX(BL_MIN(wall.year, 9999), 0),
		 wall.month, wall.mday, wall.minute / 60u, wall.minute % 60u);
	memcpy(out, text, 19);
	out[19] = '\0';
}

/* ---- what it says as a whole ------------------------------------------------------------------ */

const struct detect_custom *policy_custom(const struct policy *policy)
{
	return policy->custom_patterns;
}

const char *policy_class_name(const struct policy *policy, unsigned class)
{
	if (class < CLASS_COUNT)
		return bl_class_name((enum bl_class) class);
	if (class - CLASS_COUNT < policy->custom_count && policy->custom[class - CLASS_COUNT].name)
		return policy->custom[class - CLASS_COUNT].name;
	return "?";
}

bool policy_class_parse(const struct policy *policy, const char *name, unsigned *out_class)
{
	enum bl_class class;

	if (bl_class_parse(name, &class)) {
		*out_class = class;
		return true;
	}
	for (size_t i = 0; i < policy->custom_count; i++)
		if (policy->custom[i].name && strcmp(policy->custom[i].name, name) == 0) {
			*out_class = CLASS_COUNT + (unsigned)i;
			return true;
		}
	return false;
}

static bool has_string(const struct string_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

bool policy_names_purpose(const struct policy *policy, const char *purpose)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (has_string(&policy->rules[i].when.purposes, purpose) ||
		    has_string(&policy->rules[i].unless.purposes, purpose))
			return true;
	return false;
}

/* Of a mask, and of a permit or forbid of nothing but unmask, `contains` chooses items and asks nothing. */
static bool asks_what_is_in_it(const struct rule *rule)
{
	return rule->contains &&
	       (rule->effect == EFFECT_WITHHOLD || (rule->actions & ~(1u << ACTION_UNMASK)) != 0);
}

bool policy_needs_whole_files(const struct policy *policy)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (asks_what_is_in_it(&policy->rules[i]))
			return true;
	return false;
}

const struct rules_audit *policy_audit(const struct policy *policy)
{
	return &policy->audit;
}

const struct rules_report *policy_report(const struct policy *policy)
{
	return &policy->report;
}

void policy_sessions(const struct policy *policy, struct rules_sessions *out)
{
	*out = policy->sessions;
}

int64_t policy_request_seconds(const struct policy *policy)
{
	return policy->request_seconds;
}

unsigned policy_verify_percent(const struct policy *policy)
{
	return policy->verify_percent;
}

const struct rules_holds *policy_holds(const struct policy *policy)
{
	return &policy->holds;
}
