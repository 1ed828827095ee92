/* The tests that a file carries. */
#include <stdlib.h>
#include <string.h>

#include "policy/rules/load.h"

static const char *const OUTCOMES[] = {
	[RULES_PERMIT] = "permit",
	[RULES_FORBID] = "forbid",
	[RULES_ASK] = "ask",
	[RULES_WITHHOLD] = "withhold",
};

static const char *outcome_name(const void *unused, size_t i)
{
	(void)unused;
	return OUTCOMES[i];
}

static const struct vocabulary OUTCOME_WORDS = {"outcome", outcome_name, NULL, BL_COUNT(OUTCOMES),
						false};

/* ---- people and rules by name ------------------------------------------------------------------- */

static int compare_people(const void *left, const void *right)
{
	const struct person *a = *(const struct person *const *)left;
	const struct person *b = *(const struct person *const *)right;

	return strcmp(a->name, b->name);
}

/* Sorted once: thousands of tests name thousands of people. */
static bool sort_people(struct loader *loader)
{
	const struct policy *policy = loader->policy;

	loader->people = load_take(loader, policy->person_count, sizeof(const struct person *));
	if (!loader->people)
		return false;
	for (size_t i = 0; i < policy->person_count; i++) {
		loader->people[i] = &policy->people[i];
		if (!policy->people[i].name)
			return false; /* no memory for it, and that is known */
	}
	qsort(loader->people, policy->person_count, sizeof(const struct person *), compare_people);
	return true;
}

static bool load_person_name(struct loader *loader, const struct yaml_node *node,
			     size_t *out_person)
{
	const struct policy *policy = loader->policy;
	const struct vocabulary words = load_person_words(loader);
	struct person wanted = {0};
	const struct person *key = &wanted, **found;

	if (!load_word(loader, node, &wanted.name))
		return false;
	found = bsearch(&key, loader->people, policy->person_count, sizeof(const struct person *),
			compare_people);
	if (!found) {
		load_unknown(loader, node, &words);
		return false;
	}
	*out_person = (size_t)(*found - policy->people);
	return true;
}

static void load_deciding_rule(struct loader *loader, const struct yaml_node *node,
			       const char **out_rule)
{
	static const char *const ANSWERS[] = {"default", "lapsed", "limit", "gate",
					      "builtin/baseline"};
	const struct vocabulary words = load_rule_words(loader);
	const char *text;
	unsigned unused;

	if (!load_word(loader, node, &text))
		return;
	*out_rule = load_copy(loader, text);
	for (size_t i = 0; i < BL_COUNT(ANSWERS); i++)
		if (strcmp(text, ANSWERS[i]) == 0)
			return;
	(void)load_value(loader, node, &words, &unused);
}

/* ---- facts ---------------------------------------------------------------------------------------- */

/* A list of classes, an empty one too, or `unknown`. */
static void load_has(struct loader *loader, const struct yaml_node *has,
		     struct rules_test_case *test)
{
	const struct vocabulary words = load_class_words(loader);

	if (!has || (has->type == YAML_LIST && !has->count))
		return;
	test->is_has_unknown = has->type == YAML_SCALAR && strcmp(has->text, "unknown") == 0;
	if (!test->is_has_unknown)
		(void)load_bits(loader, has, &words, &test->has);
}

static void load_given(struct loader *loader, const struct yaml_node *approvals,
		       struct rules_test_case *test)
{
	if (!load_list(loader, approvals, LIST_LIMIT))
		return;
	test->approvals = load_take(loader, approvals->count, sizeof(*test->approvals));
	if (!test->approvals)
		return;
	for (const struct yaml_node *entry = approvals->first; entry; entry = entry->next)
		if (load_person_name(loader, entry, &test->approvals[test->approval_count]))
			test->approval_count++;
}

static void load_used(struct loader *loader, const struct yaml_node *used,
		      struct rules_test_case *test)
{
	if (!used)
		return;
	(void)load_keys(loader, used, "'used'", UNIT_KEYS, UNIT_COUNT);
	load_empty(loader, used, "write {files: 200 per hour}, or remove it");
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++) {
		uint64_t amount;
		enum bl_period period;

		if (load_amount(loader, yaml_get(used, UNIT_KEYS[unit].name), (enum bl_unit)unit,
				&amount, &period))
			test->used.amount[unit][period] = amount;
	}
}

/* What is known beside the device: purpose, place, consent, the caller, approvals, what was used up. */
static void load_circumstances(struct loader *loader, const struct yaml_node *node,
			       struct rules_test_case *test)
{
	const struct vocabulary words = load_workplace_words(loader);
	const char *unused;
	unsigned value;

	(void)load_moment(loader, yaml_get(node, "at"), &test->at_unix);
	(void)load_id(loader, yaml_get(node, "purpose"), &test->purpose);
	test->has_reason = load_text(loader, yaml_get(node, "reason"), TEXT_LIMIT, &unused);
	if (load_value(loader, yaml_get(node, "where"), &words, &value))
		test->workplace = loader->policy->workplaces[value].name;
	if (load_value(loader, yaml_get(node, "consent"), &CONSENT_WORDS, &value))
		test->consent = (enum bl_consent)(value + FIRST_WRITTEN);
	if (load_value(loader, yaml_get(node, "caller_verified"), &CHECK_WORDS, &value))
		test->check = (enum bl_check)(value + FIRST_WRITTEN);
	load_given(loader, yaml_get(node, "approvals"), test);
	load_used(loader, yaml_get(node, "used"), test);
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
	load_has(loader, yaml_get(node, "has"), test);
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
		{"has", KEY_OPTIONAL, NULL},
		{"class", KEY_OPTIONAL, NULL},
		{"where", KEY_OPTIONAL, NULL},
		{"at", KEY_OPTIONAL, NULL},
		{"purpose", KEY_OPTIONAL, NULL},
		{"consent", KEY_OPTIONAL, NULL},
		{"caller_verified", KEY_OPTIONAL, NULL},
		{"reason", KEY_OPTIONAL, NULL},
		{"approvals", KEY_OPTIONAL, NULL},
		{"used", KEY_OPTIONAL, NULL},
		{"expect", KEY_REQUIRED, "permit"},
		{"rule", KEY_REQUIRED, "default"},
		{"shows", KEY_OPTIONAL, NULL},
	};
	unsigned value;

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
	(void)load_person_name(loader, yaml_get(node, "as"), &test->person);
	if (load_value(loader, yaml_get(node, "do"), &ACTION_WORDS, &value)) {
		test->action = (enum bl_action)value;
		load_test_class(loader, node, test);
	}
	load_facts(loader, node, test);
	load_circumstances(loader, node, test);
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
	if (!policy->tests || !sort_people(loader))
		return;
	for (const struct yaml_node *node = tests->first; node; node = node->next)
		load_test(loader, node, &policy->tests[policy->test_count++]);
}
