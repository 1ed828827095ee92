#include <string.h>

#include "policy/rules/load.h"

static const char *const OUTCOMES[] = {
	[RULES_PERMIT] = "permit",
	[RULES_FORBID] = "forbid",
	[RULES_ASK] = "ask",
	[RULES_WITHHOLD] = "withhold",
};

static const char *outcome_name(unsigned value)
{
	return OUTCOMES[value];
}

static const struct vocabulary OUTCOME_WORDS = {"outcome", outcome_name, BL_COUNT(OUTCOMES)};

static const char *person_name(const void *people, size_t i)
{
	const char *name = ((const struct person *)people)[i].name;

	return name ? name : ""; /* no memory for it */
}

static const char *rule_name(const void *rules, size_t i)
{
	return ((const struct rule *)rules)[i].id;
}

static void load_as(struct loader *loader, const struct yaml_node *node, size_t *out_person)
{
	const struct policy *policy = loader->policy;
	const char *text;
	char fix[256];

	if (!load_word(loader, node, &text))
		return;
	for (size_t i = 0; i < policy->person_count; i++)
		if (policy->people[i].name && strcmp(policy->people[i].name, text) == 0) {
			*out_person = i;
			return;
		}
	load_suggest(loader, text, person_name, policy->people, policy->person_count, fix);
	load_error(loader, load_at(node), fix, "there is no person '%s'", LOAD_QUOTE(text));
}

static void load_deciding_rule(struct loader *loader, const struct yaml_node *node,
			       const char **out_rule)
{
	static const char *const ANSWERS[] = {"default", "lapsed", "gate", "builtin/baseline"};
	const struct policy *policy = loader->policy;
	const char *text;
	char fix[256];

	if (!load_word(loader, node, &text))
		return;
	*out_rule = load_copy(loader, text);
	for (size_t i = 0; i < BL_COUNT(ANSWERS); i++)
		if (strcmp(text, ANSWERS[i]) == 0)
			return;
	for (size_t i = 0; i < policy->rule_count; i++)
		if (strcmp(policy->rules[i].id, text) == 0)
			return;
	if (strcmp(text, "limit") == 0) {
		load_later(loader, load_at(node), "rule: ", text);
		return;
	}
	load_suggest(loader, text, rule_name, policy->rules, policy->rule_count, fix);
	load_error(loader, load_at(node), fix, "there is no rule '%s'", LOAD_QUOTE(text));
}

static void load_shows(struct loader *loader, const struct yaml_node *shows,
		       uint8_t styles[CLASS_LIMIT])
{
	if (!shows)
		return;
	if (shows->type != YAML_MAP || !shows->count) {
		load_error(loader, load_key_at(shows),
			   "write {card: keep-last-4} or {email: original}",
			   "'shows' must be a map of class and style");
		return;
	}
	for (const struct yaml_node *node = shows->first; node; node = node->next) {
		unsigned class, style;

		if (load_class(loader, node->key, &class) &&
		    load_value(loader, node, &SHOWN_WORDS, &style))
			styles[class] = (uint8_t)style;
	}
}

/* The file and the device that a test is about; what is not stated stays unknown. */
static void load_facts(struct loader *loader, const struct yaml_node *node,
		       struct rules_test_case *test)
{
	const struct yaml_node *id = yaml_get(node, "id"), *file = yaml_get(node, "file");
	unsigned value;

	if (load_value(loader, yaml_get(node, "device"), &DEVICE_KIND_WORDS, &value))
		test->device.kind = (int)value;
	if (load_text(loader, id, TEXT_LIMIT, &test->device.id) &&
	    !bl_device_id_ok(test->device.id))
		load_error(loader, load_at(id), "use up to 31 letters, digits, '.', '_' and '-'",
			   "'%s' is not a device id", LOAD_QUOTE(test->device.id));
	if (load_value(loader, yaml_get(node, "status"), &STATE_WORDS, &value))
		test->state = (int)value;
	if (load_text(loader, file, PATH_LIMIT, &test->file) && test->file[0] != '/')
		load_error(loader, load_at(file), "begin it with '/', the root of the partition",
			   "'%s' is not a path", LOAD_QUOTE(test->file));
	if (load_value(loader, yaml_get(node, "kind"), &FILE_KIND_WORDS, &value))
		test->kind = (int)value;
	(void)load_size(loader, yaml_get(node, "size"), &test->size_bytes);
}

static void load_test_class(struct loader *loader, const struct yaml_node *node,
			    struct rules_test_case *test)
{
	const struct yaml_node *class = yaml_get(node, "class"), *verb = yaml_get(node, "do");
	unsigned value;

	if (class && load_class(loader, class, &value))
		test->class = (int)value;
	if (verb && test->action == ACTION_UNMASK && !class)
		load_error(loader, load_at(verb), "add 'class: email'",
			   "a test of unmask has no 'class'");
	if (class && test->action != ACTION_UNMASK)
		load_error(loader, load_key_at(class), "remove it, or test unmask",
			   "'class' belongs to tests of unmask");
}

static void load_test(struct loader *loader, const struct yaml_node *node,
		      struct rules_test_case *test)
{
	static const struct load_key KEYS[] = {
		{"name", KEY_REQUIRED, "anna reads a note"},
		{"as", KEY_REQUIRED, "anna"},
		{"do", KEY_REQUIRED, "read"},
		{"device", KEY_OPTIONAL, NULL},
		{"id", KEY_OPTIONAL, NULL},
		{"status", KEY_OPTIONAL, NULL},
		{"file", KEY_OPTIONAL, NULL},
		{"kind", KEY_OPTIONAL, NULL},
		{"size", KEY_OPTIONAL, NULL},
		{"has", KEY_LATER, NULL},
		{"class", KEY_OPTIONAL, NULL},
		{"where", KEY_LATER, NULL},
		{"at", KEY_OPTIONAL, NULL},
		{"purpose", KEY_OPTIONAL, NULL},
		{"consent", KEY_LATER, NULL},
		{"caller_verified", KEY_LATER, NULL},
		{"reason", KEY_OPTIONAL, NULL},
		{"approvals", KEY_LATER, NULL},
		{"used", KEY_LATER, NULL},
		{"expect", KEY_REQUIRED, "permit"},
		{"rule", KEY_REQUIRED, "default"},
		{"shows", KEY_OPTIONAL, NULL},
	};
	unsigned value;
	const char *unused;

	*test = (struct rules_test_case){
		.at = load_at(node),
		.class = -1,
		.device = {.kind = -1},
		.kind = -1,
		.state = -1,
		.size_bytes = -1,
		.at_unix = loader->policy->test_clock_unix,
	};
	memset(test->shows, STYLE_NONE, sizeof(test->shows));
	(void)load_keys(loader, node, "a test", KEYS, BL_COUNT(KEYS));
	if (node->type != YAML_MAP)
		return;
	(void)load_text(loader, yaml_get(node, "name"), TEXT_LIMIT, &test->name);
	load_as(loader, yaml_get(node, "as"), &test->person);
	if (load_value(loader, yaml_get(node, "do"), &ACTION_WORDS, &value)) {
		test->action = (enum bl_action)value;
		load_test_class(loader, node, test);
	}
	load_facts(loader, node, test);
	(void)load_moment(loader, yaml_get(node, "at"), &test->at_unix);
	(void)load_id(loader, yaml_get(node, "purpose"), &test->purpose);
	test->has_reason = load_text(loader, yaml_get(node, "reason"), TEXT_LIMIT, &unused);
	if (load_value(loader, yaml_get(node, "expect"), &OUTCOME_WORDS, &value))
		test->expect = (enum rules_outcome)value;
	load_deciding_rule(loader, yaml_get(node, "rule"), &test->rule);
	load_shows(loader, yaml_get(node, "shows"), test->shows);
}

void load_tests(struct loader *loader, const struct yaml_node *tests)
{
	struct policy *policy = loader->policy;

	if (!load_list(loader, tests, TEST_LIMIT))
		return;
	policy->tests = load_take(loader, tests->count, sizeof(*policy->tests));
	if (!policy->tests)
		return;
	for (const struct yaml_node *node = tests->first; node; node = node->next)
		load_test(loader, node, &policy->tests[policy->test_count++]);
}
