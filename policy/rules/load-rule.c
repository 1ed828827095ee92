#include <string.h>

#include "policy/rules/load.h"

/* What is done to files; everything else is done in a device's life, where files do not come into it. */
#define FILE_ACTIONS                                                                               \
	(1u << ACTION_LIST | 1u << ACTION_STAT | 1u << ACTION_READ | 1u << ACTION_COPY |           \
	 1u << ACTION_UNMASK)
#define WHY_LEAST 10u

static const char *const EFFECTS[] = {
	[EFFECT_PERMIT] = "permit",
	[EFFECT_FORBID] = "forbid",
	[EFFECT_MASK] = "mask",
	[EFFECT_WITHHOLD] = "withhold",
};

static const struct load_key RULE_KEYS[] = {
	{"id", KEY_REQUIRED, "desk-reads"},
	{"permit", KEY_OPTIONAL, NULL},
	{"forbid", KEY_OPTIONAL, NULL},
	{"mask", KEY_OPTIONAL, NULL},
	{"withhold", KEY_OPTIONAL, NULL},
	{"who", KEY_REQUIRED, "everyone"},
	{"what", KEY_OPTIONAL, NULL},
	{"where", KEY_LATER, NULL},
	{"when", KEY_OPTIONAL, NULL},
	{"unless", KEY_OPTIONAL, NULL},
	{"needs", KEY_OPTIONAL, NULL},
	{"limits", KEY_LATER, NULL},
	{"why", KEY_REQUIRED, "One sentence for the employee."},
};

/* ---- what ------------------------------------------------------------------------------------- */

static void load_what(struct loader *loader, const struct yaml_node *what, struct rule *rule)
{
	static const struct load_key KEYS[] = {
		{"devices", KEY_OPTIONAL, NULL},  {"ids", KEY_OPTIONAL, NULL},
		{"status", KEY_OPTIONAL, NULL},	  {"paths", KEY_OPTIONAL, NULL},
		{"kinds", KEY_OPTIONAL, NULL},	  {"contains", KEY_LATER, NULL},
		{"max_size", KEY_OPTIONAL, NULL},
	};
	static const char *const FILE_WORDS[] = {"paths", "kinds", "max_size"};

	if (!what)
		return;
	(void)load_keys(loader, what, "'what'", KEYS, BL_COUNT(KEYS));
	if (what->type == YAML_MAP && !what->count)
		load_error(loader, load_key_at(what),
			   "remove it: without 'what' a rule is about everything",
			   "'what' is empty");
	(void)load_bits(loader, yaml_get(what, "devices"), &DEVICE_KIND_WORDS, &rule->device_kinds);
	(void)load_device_ids(loader, yaml_get(what, "ids"), &rule->ids);
	(void)load_bits(loader, yaml_get(what, "status"), &STATE_WORDS, &rule->states);
	(void)load_paths(loader, yaml_get(what, "paths"), &rule->paths);
	(void)load_bits(loader, yaml_get(what, "kinds"), &FILE_KIND_WORDS, &rule->file_kinds);
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

/* ---- effects ----------------------------------------------------------------------------------- */

static bool is_always_fill(unsigned class)
{
	switch ((enum bl_class) class) {
	case CLASS_CARD_TRACK:
	case CLASS_CARD_PIN:
	case CLASS_CARD_SECURITY_CODE:
	case CLASS_URL_CREDENTIALS:
	case CLASS_PASSWORD:
	case CLASS_SECRET:
	case CLASS_PRIVATE_KEY:
		return true;
	case CLASS_NAME:
	case CLASS_EMAIL:
	case CLASS_PHONE:
	case CLASS_ADDRESS:
	case CLASS_POSTCODE:
	case CLASS_DATE_OF_BIRTH:
	case CLASS_CARD:
	case CLASS_IBAN:
	case CLASS_BANK_ACCOUNT:
	case CLASS_NATIONAL_ID:
	case CLASS_TAX_ID:
	case CLASS_PASSPORT:
	case CLASS_DRIVING_LICENCE:
	case CLASS_HEALTH_ID:
	case CLASS_IP:
	case CLASS_MAC:
	case CLASS_IMEI:
	case CLASS_VIN:
	case CLASS_PLATE:
	case CLASS_LOCATION:
	case CLASS_CRYPTO_ADDRESS:
	case CLASS_CUSTOMER:
	case CLASS_COUNT:
		return false;
	}
	return false;
}

static bool is_tail(unsigned style)
{
	return style == STYLE_KEEP_LAST_4 || style == STYLE_KEEP_FIRST_6_LAST_4;
}

static void refuse_token_beside_tail(struct loader *loader, struct position at, unsigned class)
{
	load_error(loader, at, "use one of the two for this class, the default counted",
		   "'token' beside a last-4 style of '%s': together they tell who is who",
		   bl_class_name((enum bl_class) class));
}

/* A token is the same everywhere; whoever sees the last four beside it can look tokens up. */
static void check_token(struct loader *loader, struct position at, unsigned class, unsigned style)
{
	struct position *mine =
		style == STYLE_TOKEN ? &loader->token_at[class] : &loader->tail_at[class];
	enum bl_style other = loader->policy->default_style;

	if (style != STYLE_TOKEN && !is_tail(style))
		return;
	if (style == STYLE_TOKEN ? loader->tail_at[class].line || is_tail(other)
				 : loader->token_at[class].line || other == STYLE_TOKEN)
		refuse_token_beside_tail(loader, at, class);
	*mine = at;
}

static void load_mask(struct loader *loader, const struct yaml_node *mask, struct rule *rule)
{
	if (mask->type != YAML_MAP || !mask->count) {
		load_error(loader, load_key_at(mask), "write {card: keep-last-4}",
			   "'mask' must be a map of class and style");
		return;
	}
	for (const struct yaml_node *node = mask->first; node; node = node->next) {
		unsigned class, style;

		if (!load_class(loader, node->key, &class) ||
		    !load_value(loader, node, &STYLE_WORDS, &style))
			continue;
		rule->styles[class] = (uint8_t)style;
		if (is_always_fill(class) && style != STYLE_FILL)
			load_error(loader, load_at(node), "write fill, or remove it",
				   "'%s' is always filled: '%s' is weaker than the floor, "
				   "builtin/baseline",
				   bl_class_name((enum bl_class) class), bl_style_name(style));
		check_token(loader, load_at(node), class, style);
		if (!(loader->policy->detects & CLASS_BIT(class)))
			load_warning(loader, load_at(node->key), "add the set it belongs to",
				     "no set of 'detect' looks for '%s'",
				     bl_class_name((enum bl_class) class));
	}
}

static void load_withhold(struct loader *loader, const struct yaml_node *node, struct rule *rule)
{
	if (!load_list(loader, node, LIST_LIMIT))
		return;
	if (node->count == 1 && node->first->type == YAML_SCALAR &&
	    strcmp(node->first->text, "any") == 0)
		rule->withhold_kinds = (1u << FILE_KIND_COUNT) - 1;
	else
		(void)load_bits(loader, node, &FILE_KIND_WORDS, &rule->withhold_kinds);
}

static void load_effect(struct loader *loader, const struct yaml_node *node, struct rule *rule)
{
	const struct yaml_node *found = NULL;

	for (const struct yaml_node *value = node->first; value; value = value->next)
		for (unsigned i = 0; i < BL_COUNT(EFFECTS); i++) {
			if (strcmp(value->key->text, EFFECTS[i]) != 0)
				continue;
			if (found) {
				load_error(loader, load_key_at(value), "make two rules of it",
					   "a second effect, '%s' beside '%s'", EFFECTS[i],
					   found->key->text);
				continue;
			}
			found = value;
			rule->effect = (enum rules_effect)i;
		}
	for (unsigned i = 0; !found && i < BL_COUNT(EFFECTS); i++)
		if (load_has_near(loader, node, RULE_KEYS, BL_COUNT(RULE_KEYS), EFFECTS[i]))
			return; /* misspelt, and told as that */
	if (!found) {
		load_error(loader, load_at(node), "add one of permit, forbid, mask, withhold",
			   "a rule without an effect");
		return;
	}
	switch (rule->effect) {
	case EFFECT_PERMIT:
	case EFFECT_FORBID:
		(void)load_bits(loader, found, &ACTION_WORDS, &rule->actions);
		break;
	case EFFECT_MASK:
		load_mask(loader, found, rule);
		break;
	case EFFECT_WITHHOLD:
		load_withhold(loader, found, rule);
		break;
	}
}

/* ---- who, when, needs --------------------------------------------------------------------------- */

static void load_who(struct loader *loader, const struct yaml_node *who, struct rule *rule)
{
	if (!who)
		return;
	rule->is_for_everyone = who->type == YAML_SCALAR && strcmp(who->text, "everyone") == 0;
	if (!rule->is_for_everyone)
		(void)load_roles(loader, who, &rule->roles);
}

static void load_conditions(struct loader *loader, const struct yaml_node *node,
			    struct conditions *out)
{
	static const struct load_key KEYS[] = {
		{"hours", KEY_OPTIONAL, NULL}, {"purpose", KEY_OPTIONAL, NULL},
		{"consent", KEY_LATER, NULL},  {"caller_verified", KEY_LATER, NULL},
		{"approved", KEY_LATER, NULL},
	};
	char where[32];

	if (!node)
		return;
	snprintf(where, sizeof(where), "'%s'", node->key->text);
	(void)load_keys(loader, node, where, KEYS, BL_COUNT(KEYS));
	if (node->type == YAML_MAP && !node->count)
		load_error(loader, load_key_at(node), "remove it, or give hours or purpose",
			   "%s is empty", where);
	(void)load_hours(loader, yaml_get(node, "hours"), &out->hours, &out->hours_count);
	(void)load_ids(loader, yaml_get(node, "purpose"), &out->purposes);
}

static void load_needs(struct loader *loader, const struct yaml_node *needs, struct rule *rule)
{
	static const struct load_key KEYS[] = {
		{"reason", KEY_OPTIONAL, NULL},
		{"approvals", KEY_LATER, NULL},
	};
	const struct yaml_node *reason = yaml_get(needs, "reason");
	const char *text;

	if (!needs)
		return;
	if (rule->effect != EFFECT_PERMIT)
		load_error(loader, load_key_at(needs), "remove it, or permit with it",
			   "'needs' belongs to permits");
	(void)load_keys(loader, needs, "'needs'", KEYS, BL_COUNT(KEYS));
	if (needs->type == YAML_MAP && !needs->count)
		load_error(loader, load_key_at(needs), "write {reason: required}, or remove it",
			   "'needs' is empty");
	if (!load_word(loader, reason, &text))
		return;
	rule->needs_reason = true;
	if (strcmp(text, "required") != 0)
		load_error(loader, load_at(reason), "write 'reason: required'",
			   "'reason' can only be 'required'");
}

static void load_rule_id(struct loader *loader, const struct yaml_node *node,
			 char out[BL_RULE_ID_SIZE])
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

static void load_rule(struct loader *loader, const struct yaml_node *node, struct rule *rule)
{
	rule->at = load_at(node);
	memset(rule->styles, STYLE_NONE, sizeof(rule->styles));
	rule->max_size_bytes = -1;
	(void)load_keys(loader, node, "a rule", RULE_KEYS, BL_COUNT(RULE_KEYS));
	if (node->type != YAML_MAP)
		return;
	load_rule_id(loader, yaml_get(node, "id"), rule->id);
	rule->id_at = yaml_get(node, "id") ? load_at(yaml_get(node, "id")) : rule->at;
	load_effect(loader, node, rule);
	load_who(loader, yaml_get(node, "who"), rule);
	load_what(loader, yaml_get(node, "what"), rule);
	load_conditions(loader, yaml_get(node, "when"), &rule->when);
	load_conditions(loader, yaml_get(node, "unless"), &rule->unless);
	load_needs(loader, yaml_get(node, "needs"), rule);
	if (load_text(loader, yaml_get(node, "why"), TEXT_LIMIT, &rule->why) &&
	    strlen(rule->why) < WHY_LEAST)
		load_error(loader, load_at(yaml_get(node, "why")),
			   "write the sentence that an employee is shown when this rule decides",
			   "'why' is shorter than %u letters", WHY_LEAST);
}

void load_rules(struct loader *loader, const struct yaml_node *rules)
{
	struct policy *policy = loader->policy;

	if (!load_list(loader, rules, RULE_LIMIT))
		return;
	policy->rules = load_take(loader, rules->count, sizeof(*policy->rules));
	if (!policy->rules)
		return;
	for (const struct yaml_node *node = rules->first; node; node = node->next)
		load_rule(loader, node, &policy->rules[policy->rule_count++]);
}

/* ---- retention ----------------------------------------------------------------------------------- */

static void load_retention_what(struct loader *loader, const struct yaml_node *what,
				struct retention_entry *entry)
{
	static const struct load_key KEYS[] = {
		{"devices", KEY_OPTIONAL, NULL},
		{"ids", KEY_OPTIONAL, NULL},
		{"status", KEY_OPTIONAL, NULL},
		{"paths", KEY_LATER, NULL},
	};

	if (!what)
		return;
	(void)load_keys(loader, what, "'what' of a retention entry", KEYS, BL_COUNT(KEYS));
	if (what->type == YAML_MAP && !what->count)
		load_error(loader, load_key_at(what),
			   "remove it: without 'what' an entry is about all devices",
			   "'what' is empty");
	(void)load_bits(loader, yaml_get(what, "devices"), &DEVICE_KIND_WORDS,
			&entry->device_kinds);
	(void)load_device_ids(loader, yaml_get(what, "ids"), &entry->ids);
	(void)load_bits(loader, yaml_get(what, "status"), &STATE_WORDS, &entry->states);
}

static void load_entry(struct loader *loader, const struct yaml_node *node,
		       struct retention_entry *entry)
{
	static const struct load_key KEYS[] = {
		{"id", KEY_REQUIRED, "everything"},    {"what", KEY_OPTIONAL, NULL},
		{"destroy_after", KEY_OPTIONAL, NULL}, {"keep_at_least", KEY_OPTIONAL, NULL},
		{"destroy_by", KEY_OPTIONAL, NULL},    {"notice", KEY_LATER, NULL},
		{"window", KEY_OPTIONAL, NULL},
	};
	static const struct load_key AFTER_KEYS[] = {
		{"intake", KEY_OPTIONAL, NULL},
		{"last_open", KEY_LATER, NULL},
		{"closed", KEY_LATER, NULL},
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
	if (after && after->type == YAML_MAP && !after->count)
		load_error(loader, load_key_at(after), "write {intake: 30d}",
			   "'destroy_after' is empty");
	(void)load_span(loader, yaml_get(after, "intake"), &entry->after_intake_seconds);
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
