/* One rule: who, what, where, when, unless, needs, limits, why. */
#include <string.h>

#include "policy/rules/load.h"

/* What is done to files; everything else is done in a device's life, where files do not come into it. */
#define FILE_ACTIONS                                                                               \
	(1u << ACTION_LIST | 1u << ACTION_STAT | 1u << ACTION_READ | 1u << ACTION_COPY |           \
	 1u << ACTION_UNMASK)
#define WHY_LEAST 10u

/* By unit: of limits, and of what a test has used. */
const struct load_key UNIT_KEYS[UNIT_COUNT] = {
	[UNIT_FILES] = {"files", KEY_OPTIONAL, NULL},
	[UNIT_BYTES] = {"bytes", KEY_OPTIONAL, NULL},
	[UNIT_UNMASKS] = {"unmasks", KEY_OPTIONAL, NULL},
	[UNIT_SHOWN] = {"shown", KEY_OPTIONAL, NULL},
};

static const struct load_key RULE_KEYS[] = {
	{"id", KEY_REQUIRED, "desk-reads"},
	{"permit", KEY_OPTIONAL, NULL},
	{"forbid", KEY_OPTIONAL, NULL},
	{"mask", KEY_OPTIONAL, NULL},
	{"withhold", KEY_OPTIONAL, NULL},
	{"who", KEY_REQUIRED, "everyone"},
	{"what", KEY_OPTIONAL, NULL},
	{"where", KEY_OPTIONAL, NULL},
	{"when", KEY_OPTIONAL, NULL},
	{"unless", KEY_OPTIONAL, NULL},
	{"needs", KEY_OPTIONAL, NULL},
	{"limits", KEY_OPTIONAL, NULL},
	{"why", KEY_REQUIRED, "One sentence for the employee."},
};

/* ---- what ------------------------------------------------------------------------------------- */

static void load_contains(struct loader *loader, const struct yaml_node *contains,
			  struct rule *rule)
{
	const struct vocabulary words = load_class_words(loader);
	unsigned class;

	if (!load_bits(loader, contains, &words, &rule->contains))
		return;
	for (const struct yaml_node *entry = contains->first; entry; entry = entry->next)
		if (policy_class_parse(loader->policy, entry->text, &class))
			load_looked_for(loader, entry, class);
}

static void load_what(struct loader *loader, const struct yaml_node *what, struct rule *rule)
{
	static const struct load_key KEYS[] = {
		{"devices", KEY_OPTIONAL, NULL},  {"ids", KEY_OPTIONAL, NULL},
		{"status", KEY_OPTIONAL, NULL},	  {"paths", KEY_OPTIONAL, NULL},
		{"kinds", KEY_OPTIONAL, NULL},	  {"contains", KEY_OPTIONAL, NULL},
		{"max_size", KEY_OPTIONAL, NULL},
	};
	static const char *const FILE_WORDS[] = {"paths", "kinds", "contains", "max_size"};

	if (!what)
		return;
	(void)load_keys(loader, what, "'what'", KEYS, BL_COUNT(KEYS));
	load_empty(loader, what, "remove it: without 'what' a rule is about everything");
	(void)load_bits32(loader, yaml_get(what, "devices"), &DEVICE_KIND_WORDS,
			  &rule->device_kinds);
	(void)load_strings(loader, yaml_get(what, "ids"), load_device_id, &rule->ids);
	(void)load_bits32(loader, yaml_get(what, "status"), &STATE_WORDS, &rule->states);
	(void)load_strings(loader, yaml_get(what, "paths"), load_path, &rule->paths);
	(void)load_bits32(loader, yaml_get(what, "kinds"), &FILE_KIND_WORDS, &rule->file_kinds);
	load_contains(loader, yaml_get(what, "contains"), rule);
	(void)load_size(loader, yaml_get(what, "max_size"), &rule->max_size_bytes);
	if (!(rule->actions & ~FILE_ACTIONS))
		return;
	for (size_t i = 0; i < BL_COUNT(FILE_WORDS); i++) {
		const struct yaml_node *word = yaml_get(what, FILE_WORDS[i]);
		unsigned action = 0;

		while (!((rule->actions & ~FILE_ACTIONS) >> action & 1))
			action++;
		if (word)
			load_error(loader, load_key_at(word), "give that action a rule of its own",
				   "'%s' is about files, and '%s' is about a device's life",
				   FILE_WORDS[i], bl_action_name((enum bl_action)action));
	}
}

/* ---- who, where, when --------------------------------------------------------------------------- */

static void load_who(struct loader *loader, const struct yaml_node *who, struct rule *rule)
{
	const struct vocabulary words = load_role_words(loader);

	if (!who)
		return;
	rule->is_for_everyone = who->type == YAML_SCALAR && strcmp(who->text, "everyone") == 0;
	if (rule->is_for_everyone)
		return;
	for (const struct yaml_node *entry = who->type == YAML_LIST ? who->first : NULL; entry;
	     entry = entry->next)
		if (entry->type == YAML_SCALAR && strcmp(entry->text, "everyone") == 0) {
			load_error(loader, load_at(entry),
				   "write 'who: everyone', without brackets",
				   "there is no role 'everyone'");
			return;
		}
	(void)load_bits(loader, who, &words, &rule->roles);
}

/* One workplace or a list of them. */
static void load_where(struct loader *loader, const struct yaml_node *where, struct rule *rule)
{
	const struct vocabulary words = load_workplace_words(loader);
	unsigned workplace;

	if (where && where->type == YAML_LIST)
		(void)load_bits(loader, where, &words, &rule->workplaces);
	else if (load_value(loader, where, &words, &workplace))
		rule->workplaces = UINT64_C(1) << workplace;
}

static void load_conditions(struct loader *loader, const struct yaml_node *node,
			    struct conditions *out)
{
	static const struct load_key KEYS[] = {
		{"hours", KEY_OPTIONAL, NULL},	  {"purpose", KEY_OPTIONAL, NULL},
		{"consent", KEY_OPTIONAL, NULL},  {"caller_verified", KEY_OPTIONAL, NULL},
		{"approved", KEY_OPTIONAL, NULL},
	};
	char where[32];
	unsigned value;

	if (!node)
		return;
	snprintf(where, sizeof(where), "'%s'", node->key->text);
	(void)load_keys(loader, node, where, KEYS, BL_COUNT(KEYS));
	load_empty(loader, node, "remove it, or give hours or purpose");
	(void)load_hours(loader, yaml_get(node, "hours"), &out->hours, &out->hours_count);
	(void)load_strings(loader, yaml_get(node, "purpose"), load_id, &out->purposes);
	if (load_value(loader, yaml_get(node, "consent"), &CONSENT_WORDS, &value))
		out->consent = (enum bl_consent)(value + FIRST_WRITTEN);
	if (load_value(loader, yaml_get(node, "caller_verified"), &CHECK_WORDS, &value))
		out->check = (enum bl_check)(value + FIRST_WRITTEN);
	if (load_value(loader, yaml_get(node, "approved"), &ACTION_WORDS, &value))
		out->approved = (uint8_t)(value + 1);
}

/*
 * `approved` opens what somebody else's approval was given for: in `when` of a permit that needs none of its own
 * (two would ask for each other), and in `unless` of what closes.
 */
static void check_approved(struct loader *loader, const struct yaml_node *node,
			   const struct rule *rule)
{
	const struct yaml_node *when = yaml_get(yaml_get(node, "when"), "approved");
	const struct yaml_node *unless = yaml_get(yaml_get(node, "unless"), "approved");

	if (when && rule->effect != EFFECT_PERMIT)
		load_error(loader, load_key_at(when), "use it in 'unless' of a forbid or withhold",
			   "'approved' in 'when' belongs to permits");
	else if (when && rule->approvals.count)
		load_error(loader, load_key_at(when), "remove one of the two",
			   "'approved' in 'when' of a permit that needs approvals itself");
	if (unless && rule->effect != EFFECT_FORBID && rule->effect != EFFECT_WITHHOLD)
		load_error(loader, load_key_at(unless), "use it in 'when' of a permit",
			   "'approved' in 'unless' belongs to forbid and withhold");
}

/* ---- needs and limits ---------------------------------------------------------------------------- */

static void load_approvals(struct loader *loader, const struct yaml_node *node,
			   struct approvals *out)
{
	static const struct load_key KEYS[] = {
		{"count", KEY_REQUIRED, "1"},
		{"from", KEY_REQUIRED, "[supervisor]"},
		{"valid", KEY_REQUIRED, "4h"},
	};
	const struct vocabulary words = load_role_words(loader);

	if (!node)
		return;
	(void)load_keys(loader, node, "'approvals'", KEYS, BL_COUNT(KEYS));
	(void)load_count(loader, yaml_get(node, "count"), 1, APPROVALS_LIMIT, &out->count);
	(void)load_bits(loader, yaml_get(node, "from"), &words, &out->from);
	(void)load_span(loader, yaml_get(node, "valid"), &out->valid_seconds);
}

static void load_needs(struct loader *loader, const struct yaml_node *needs, struct rule *rule)
{
	static const struct load_key KEYS[] = {
		{"reason", KEY_OPTIONAL, NULL},
		{"approvals", KEY_OPTIONAL, NULL},
	};
	const struct yaml_node *reason = yaml_get(needs, "reason");
	const char *text;

	if (!needs)
		return;
	if (rule->effect != EFFECT_PERMIT)
		load_error(loader, load_key_at(needs), "remove it, or permit with it",
			   "'needs' belongs to permits");
	(void)load_keys(loader, needs, "'needs'", KEYS, BL_COUNT(KEYS));
	load_empty(loader, needs, "write {reason: required}, or remove it");
	load_approvals(loader, yaml_get(needs, "approvals"), &rule->approvals);
	if (!load_word(loader, reason, &text))
		return;
	rule->needs_reason = true;
	if (strcmp(text, "required") != 0)
		load_error(loader, load_at(reason), "write 'reason: required'",
			   "'reason' can only be 'required'");
}

bool load_amount(struct loader *loader, const struct yaml_node *node, enum bl_unit unit,
		 uint64_t *out_amount, enum bl_period *out_period)
{
	/* What is counted in bytes may be written with K, M and G. */
	return load_rate(loader, node, unit == UNIT_BYTES || unit == UNIT_SHOWN, out_amount,
			 out_period);
}

static void load_limits(struct loader *loader, const struct yaml_node *limits, struct rule *rule)
{
	if (!limits)
		return;
	if (rule->effect != EFFECT_PERMIT)
		load_error(loader, load_key_at(limits), "remove it, or permit with it",
			   "'limits' belongs to permits");
	(void)load_keys(loader, limits, "'limits'", UNIT_KEYS, UNIT_COUNT);
	load_empty(loader, limits, "write {files: 200 per hour}, or remove it");
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++) {
		const struct yaml_node *node = yaml_get(limits, UNIT_KEYS[unit].name);
		struct limit *limit = &rule->limits[unit];

		if (!load_amount(loader, node, (enum bl_unit)unit, &limit->most, &limit->period))
			continue;
		limit->is_set = true;
		if (!limit->most)
			load_error(loader, load_at(node), "give it at least 1, or remove the rule",
				   "a limit of 0 permits nothing");
	}
}

/* ---- rules ---------------------------------------------------------------------------------------- */

void load_rule_id(struct loader *loader, const struct yaml_node *node, char out[BL_RULE_ID_SIZE])
{
	static const char *const TAKEN[] = {"default", "lapsed", "limit", "gate"};
	const char *id;

	if (!load_id(loader, node, &id))
		return;
	memcpy(out, id, strlen(id) + 1); /* load_id: below BL_RULE_ID_SIZE */
	for (size_t i = 0; i < BL_COUNT(TAKEN); i++)
		if (strcmp(id, TAKEN[i]) == 0)
			load_error(loader, load_at(node), "choose another id",
				   "'%s' is what answers say when no rule decided", id);
}

void load_rule(struct loader *loader, const struct yaml_node *node, struct rule *rule)
{
	rule->at = load_at(node);
	memset(rule->styles, STYLE_NONE, sizeof(rule->styles));
	rule->max_size_bytes = -1;
	(void)load_keys(loader, node, "a rule", RULE_KEYS, BL_COUNT(RULE_KEYS));
	if (node->type != YAML_MAP)
		return;
	load_rule_id(loader, yaml_get(node, "id"), rule->id);
	rule->id_at = yaml_get(node, "id") ? load_at(yaml_get(node, "id")) : rule->at;
	load_effect(loader, node, rule, RULE_KEYS, BL_COUNT(RULE_KEYS));
	load_who(loader, yaml_get(node, "who"), rule);
	load_where(loader, yaml_get(node, "where"), rule);
	load_what(loader, yaml_get(node, "what"), rule);
	load_conditions(loader, yaml_get(node, "when"), &rule->when);
	load_conditions(loader, yaml_get(node, "unless"), &rule->unless);
	load_needs(loader, yaml_get(node, "needs"), rule);
	load_limits(loader, yaml_get(node, "limits"), rule);
	check_approved(loader, node, rule);
	if (load_text(loader, yaml_get(node, "why"), TEXT_LIMIT, &rule->why) &&
	    strlen(rule->why) < WHY_LEAST)
		load_error(loader, load_at(yaml_get(node, "why")),
			   "write the sentence that an employee is shown when this rule decides",
			   "'why' is shorter than %u letters", WHY_LEAST);
}

/* Rules of the sets come behind those of the file; their order means nothing. */
void load_rules(struct loader *loader, const struct yaml_node *rules)
{
	struct policy *policy = loader->policy;

	if (!load_list(loader, rules, RULE_LIMIT))
		return;
	policy->rules =
		load_take(loader, rules->count + loader->set_rule_count, sizeof(*policy->rules));
	if (!policy->rules)
		return;
	for (const struct yaml_node *node = rules->first; node; node = node->next)
		load_rule(loader, node, &policy->rules[policy->rule_count++]);
	for (size_t i = 0; i < loader->set_rule_count; i++)
		policy->rules[policy->rule_count++] = loader->set_rules[i];
}
