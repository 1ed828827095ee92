/* How long anything is kept: retention, and what is promised beside it. */
#include <string.h>

#include "policy/rules/load.h"

/* ---- retention ----------------------------------------------------------------------------------- */

static void load_retention_what(struct loader *loader, const struct yaml_node *what,
				struct retention_entry *entry)
{
	static const struct load_key KEYS[] = {
		{"devices", KEY_OPTIONAL, NULL},
		{"ids", KEY_OPTIONAL, NULL},
		{"status", KEY_OPTIONAL, NULL},
		{"paths", KEY_OPTIONAL, NULL},
	};

	if (!what)
		return;
	(void)load_keys(loader, what, "'what' of a retention entry", KEYS, BL_COUNT(KEYS));
	load_empty(loader, what, "remove it: without 'what' an entry is about all devices");
	(void)load_bits32(loader, yaml_get(what, "devices"), &DEVICE_KIND_WORDS,
			  &entry->device_kinds);
	(void)load_strings(loader, yaml_get(what, "ids"), load_device_id, &entry->ids);
	(void)load_strings(loader, yaml_get(what, "paths"), load_path, &entry->paths);
	(void)load_bits32(loader, yaml_get(what, "status"), &STATE_WORDS, &entry->states);
}

static void load_entry(struct loader *loader, const struct yaml_node *node,
		       struct retention_entry *entry)
{
	static const struct load_key KEYS[] = {
		{"id", KEY_REQUIRED, "everything"},    {"what", KEY_OPTIONAL, NULL},
		{"destroy_after", KEY_OPTIONAL, NULL}, {"keep_at_least", KEY_OPTIONAL, NULL},
		{"destroy_by", KEY_OPTIONAL, NULL},    {"notice", KEY_OPTIONAL, NULL},
		{"window", KEY_OPTIONAL, NULL},
	};
	static const struct load_key AFTER_KEYS[] = {
		{"intake", KEY_OPTIONAL, NULL},
		{"last_open", KEY_OPTIONAL, NULL},
		{"closed", KEY_OPTIONAL, NULL},
	};
	const struct yaml_node *after = yaml_get(node, "destroy_after");
	const struct yaml_node *keep = yaml_get(node, "keep_at_least");

	entry->at = load_at(node);
	entry->after_intake_seconds = -1;
	entry->keep_at_least_seconds = -1;
	entry->destroy_by_seconds = -1;
	(void)load_keys(loader, node, "a retention entry", KEYS, BL_COUNT(KEYS));
	if (node->type != YAML_MAP)
		return;
	load_rule_id(loader, yaml_get(node, "id"), entry->id);
	entry->id_at = yaml_get(node, "id") ? load_at(yaml_get(node, "id")) : entry->at;
	load_retention_what(loader, yaml_get(node, "what"), entry);
	if (after)
		(void)load_keys(loader, after, "'destroy_after'", AFTER_KEYS, BL_COUNT(AFTER_KEYS));
	load_empty(loader, after, "write {intake: 30d}");
	(void)load_span(loader, yaml_get(after, "intake"), &entry->after_intake_seconds);
	(void)load_span(loader, yaml_get(after, "last_open"), &entry->after_last_open_seconds);
	(void)load_span(loader, yaml_get(after, "closed"), &entry->after_closed_seconds);
	(void)load_span(loader, yaml_get(node, "notice"), &entry->notice_seconds);
	(void)load_span(loader, keep, &entry->keep_at_least_seconds);
	(void)load_span(loader, yaml_get(node, "destroy_by"), &entry->destroy_by_seconds);
	(void)load_hours(loader, yaml_get(node, "window"), &entry->window, &entry->window_count);
	if (!after && !keep && !yaml_get(node, "destroy_by"))
		load_error(loader, load_at(node), "add destroy_after, keep_at_least or destroy_by",
			   "a retention entry without a date");
	if (entry->destroy_by_seconds >= 0 &&
	    entry->keep_at_least_seconds > entry->destroy_by_seconds)
		load_error(loader, load_at(keep), "keep it shorter, or destroy it later",
			   "'keep_at_least' is longer than 'destroy_by'");
}

void load_retention(struct loader *loader, const struct yaml_node *retention)
{
	struct policy *policy = loader->policy;

	if (!load_list(loader, retention, RETENTION_LIMIT))
		return;
	policy->retention = load_take(loader, retention->count, sizeof(*policy->retention));
	if (!policy->retention)
		return;
	for (const struct yaml_node *node = retention->first; node; node = node->next)
		load_entry(loader, node, &policy->retention[policy->retention_count++]);
}

/* ---- requests, consent, holds, proof --------------------------------------------------------------- */

static void load_within(struct loader *loader, const struct yaml_node *node, int64_t *out_seconds)
{
	static const struct load_key KEYS[] = {{"destroy_within", KEY_REQUIRED, "72h"}};
	char where[32];

	if (!node)
		return;
	snprintf(where, sizeof(where), "'%s'", node->key->text);
	(void)load_keys(loader, node, where, KEYS, BL_COUNT(KEYS));
	(void)load_span(loader, yaml_get(node, "destroy_within"), out_seconds);
}

static void load_holds(struct loader *loader, const struct yaml_node *node)
{
	static const struct load_key KEYS[] = {
		{"longest", KEY_OPTIONAL, NULL},
		{"review_every", KEY_OPTIONAL, NULL},
		{"release_approvals", KEY_OPTIONAL, NULL},
	};
	struct rules_holds *holds = &loader->policy->holds;

	if (!node)
		return;
	(void)load_keys(loader, node, "'holds'", KEYS, BL_COUNT(KEYS));
	load_empty(loader, node, "write {longest: 90d}, or remove it");
	(void)load_span(loader, yaml_get(node, "longest"), &holds->longest_seconds);
	(void)load_span(loader, yaml_get(node, "review_every"), &holds->review_every_seconds);
	(void)load_count(loader, yaml_get(node, "release_approvals"), 1, APPROVALS_LIMIT,
			 &holds->release_approvals);
}

static void load_proof(struct loader *loader, const struct yaml_node *node)
{
	static const struct load_key KEYS[] = {
		{"verify", KEY_OPTIONAL, NULL},
		{"certificate", KEY_OPTIONAL, NULL},
	};
	struct policy *policy = loader->policy;

	if (!node)
		return;
	(void)load_keys(loader, node, "'proof'", KEYS, BL_COUNT(KEYS));
	load_empty(loader, node, "write {certificate: true}, or remove it");
	(void)load_percent(loader, yaml_get(node, "verify"), &policy->verify_percent);
	(void)load_true_or_false(loader, yaml_get(node, "certificate"), &policy->has_certificate);
}

/* ---- audit ------------------------------------------------------------------------------------------ */

static const char *durability_name(const void *unused, size_t i)
{
	(void)unused;
	return i ? "bounded" : "before-answer";
}

/* `bounded` and its bound go together. */
static void load_durability(struct loader *loader, const struct yaml_node *node,
			    struct rules_audit *audit)
{
	static const struct vocabulary WORDS = {"durability", durability_name, NULL, 2, false};
	const struct yaml_node *durability = yaml_get(node, "durability");
	const struct yaml_node *bounded = yaml_get(node, "bounded");
	unsigned is_bounded = false;

	(void)load_milliseconds(loader, bounded, &audit->bounded_ms);
	if (durability && !load_value(loader, durability, &WORDS, &is_bounded))
		return;
	audit->is_bounded = is_bounded;
	if (is_bounded && !bounded)
		load_error(loader, load_at(durability), "add 'bounded: 20ms'",
			   "'durability: bounded' without a bound");
	if (!is_bounded && bounded)
		load_error(loader, load_key_at(bounded), "remove it, or write durability: bounded",
			   "'bounded' belongs to 'durability: bounded'");
}

static void load_audit(struct loader *loader, const struct yaml_node *node)
{
	static const struct load_key KEYS[] = {
		{"durability", KEY_OPTIONAL, NULL},   {"bounded", KEY_OPTIONAL, NULL},
		{"keep", KEY_OPTIONAL, NULL},	      {"tell_customer", KEY_OPTIONAL, NULL},
		{"anchor_every", KEY_OPTIONAL, NULL},
	};
	struct rules_audit *audit = &loader->policy->audit;

	if (!node)
		return;
	loader->policy->has_audit = true;
	(void)load_keys(loader, node, "'audit'", KEYS, BL_COUNT(KEYS));
	load_empty(loader, node, "write {keep: 3y}, or remove it");
	load_durability(loader, node, audit);
	(void)load_span(loader, yaml_get(node, "keep"), &audit->keep_seconds);
	(void)load_true_or_false(loader, yaml_get(node, "tell_customer"), &audit->tell_customer);
	(void)load_span(loader, yaml_get(node, "anchor_every"), &audit->anchor_every_seconds);
}

/* ---- report ----------------------------------------------------------------------------------------- */

static void load_report(struct loader *loader, const struct yaml_node *node)
{
	static const struct load_key KEYS[] = {
		{"names", KEY_OPTIONAL, NULL},
		{"contact", KEY_OPTIONAL, NULL},
		{"complain", KEY_OPTIONAL, NULL},
	};
	struct rules_report *report = &loader->policy->report;

	if (!node)
		return;
	(void)load_keys(loader, node, "'report'", KEYS, BL_COUNT(KEYS));
	load_empty(loader, node, "write {names: false}, or remove it");
	(void)load_true_or_false(loader, yaml_get(node, "names"), &report->has_names);
	(void)load_text(loader, yaml_get(node, "contact"), TEXT_LIMIT, &report->contact);
	(void)load_text(loader, yaml_get(node, "complain"), TEXT_LIMIT, &report->complain);
}

void load_upkeep(struct loader *loader, const struct yaml_node *root)
{
	struct policy *policy = loader->policy;

	load_within(loader, yaml_get(root, "requests"), &policy->request_seconds);
	load_within(loader, yaml_get(root, "consent_withdrawn"), &policy->consent_seconds);
	load_holds(loader, yaml_get(root, "holds"));
	load_proof(loader, yaml_get(root, "proof"));
	load_sessions(loader, yaml_get(root, "sessions"));
	load_audit(loader, yaml_get(root, "audit"));
	load_report(loader, yaml_get(root, "report"));
}
