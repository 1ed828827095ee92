/*
 * A policy from anywhere: the tree reader, the whole loader, then all that is done with a policy that was taken
 *
 * No input may crash, hang or load in half. Two policies with a line of '====' between them are compared, too.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/rules.h"
#include "policy/yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Every place lies in the text, and every scalar is a string without control characters but line ends. */
static void walk(const struct yaml_node *root, size_t length)
{
	const struct yaml_node *stack[YAML_DEPTH_LIMIT + 1], *node = root;
	size_t depth = 0;

	while (node) {
		assert(node->line >= 1 && node->column >= 1 && node->column <= length + 1);
		assert(node->type != YAML_SCALAR || node->text);
		assert(node->type == YAML_SCALAR || (node->count > 0) == (node->first != NULL));
		if (node->first) {
			assert(depth <= YAML_DEPTH_LIMIT);
			stack[depth++] = node;
			node = node->first;
			continue;
		}
		while (node && !node->next)
			node = depth ? stack[--depth] : NULL;
		if (node)
			node = node->next;
	}
}

/* What is refused is refused somewhere in the file, with a way out. */
static void check_findings(const struct rules_findings *findings, size_t length)
{
	assert(findings->count <= RULES_FINDINGS_LIMIT);
	assert(!findings->dropped || findings->count == RULES_FINDINGS_LIMIT);
	for (size_t i = 0; i < findings->count; i++) {
		const struct rules_finding *finding = &findings->items[i];

		assert(finding->text[0] && !strpbrk(finding->text, "\n\r\t\x1b"));
		assert(finding->fix[0]);
		assert((finding->line == 0) == (finding->column == 0));
		assert(finding->line <= length + 1);
		assert(!strpbrk(finding->fix, "\n\r\t\x1b") &&
		       !strpbrk(finding->source, "\n\r\t\x1b"));
		assert(finding->column <= length + 1);
	}
}

/* ---- what is done with a policy ------------------------------------------------------------------------ */

#define NOW 1782896400 /* 2026-07-01 10:00 in Dublin */

static void hear_test(void *context, const struct rules_test_result *result)
{
	assert(result->line >= 1 && (result->has_passed || result->text[0]));
	++*(size_t *)context;
}

static void hear_rule(void *context, const char *rule, unsigned line, size_t tests)
{
	(void)tests;
	assert(rule && line >= 1);
	++*(size_t *)context;
}

static void hear_mutation(void *context, const struct rules_mutation *mutation)
{
	assert(mutation->rule && mutation->change);
	*(size_t *)context += !mutation->is_noticed;
}

static void run_tests(const struct policy *policy)
{
	size_t told = 0, passed = 0, failed = 0, rules = 0, unnoticed = 0, heard = 0;
	enum bl_status status = rules_test(policy, hear_test, &told, &passed, &failed);

	assert(told == passed + failed);
	assert(status == (failed ? BL_FAILED : BL_OK));
	status = rules_test_coverage(policy, hear_rule, &rules);
	assert(status == BL_OK);
	status = rules_test_mutate(policy, hear_mutation, &heard, &unnoticed);
	assert(heard == unnoticed && status == (unnoticed ? BL_FAILED : BL_OK));
}

/* Every question there is, of one who may be in the file, told in words. */
static void explain(FILE *out, const struct policy *policy, const char *login, const char *path)
{
	static const char *const GROUPS[] = {"desk"};
	struct rules_circumstances who = {.caller = {61001, login, GROUPS, 1},
					  .purpose = "repair",
					  .host = "bench-01",
					  .now_unix = NOW,
					  .is_clock_trusted = true};
	struct rules_device device = {"RD-1", DEVICE_PHONE};
	BL_CLEANUP(rules_subject_free) struct rules_subject *subject = NULL;
	BL_CLEANUP(rules_places_free) struct rules_places *places = NULL;
	struct rules_facts facts = {.kind = FILE_TEXT,
				    .size_bytes = 100,
				    .state = STATE_OPEN,
				    .is_log_writable = true,
				    .consent = CONSENT_GRANTED,
				    .has = CLASS_BIT(CLASS_CARD)};

	if (rules_subject_new(policy, &who, &subject, NULL) != BL_OK ||
	    rules_places_new(policy, &device, &places, NULL) != BL_OK ||
	    rules_places_walk(places, path, &facts.place) != BL_OK)
		abort();
	facts.places = places;
	for (unsigned action = 0; action < ACTION_COUNT; action++) {
		struct rules_decision decision;
		char words[512];

		rules_decide(subject, &facts, (enum bl_action)action, CLASS_EMAIL, &decision);
		assert(decision.rule && decision.rule[0]);
		rules_say(subject, &facts, (enum bl_action)action, &decision, words, sizeof(words));
		assert(words[0] && !strpbrk(words, "\n\r\x1b"));
		rules_explain(out, subject, &facts, (enum bl_action)action, CLASS_EMAIL);
		if (decision.outcome == RULES_PERMIT)
			assert(rules_permit_until(subject, &facts, (enum bl_action)action,
						  CLASS_EMAIL) > NOW);
	}
}

static void use(const struct policy *policy)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	run_tests(policy);
	explain(out, policy, "anna", "/Users/x/a.txt");
	explain(out, policy, NULL, "/");
	enum bl_status status = rules_publish(out, policy);

	assert(status == BL_OK);
	fclose(out);
	assert(size > 0 && strlen(text) == size);
	free(text);
}

/* ---- one input ------------------------------------------------------------------------------------------ */

/* Long policies are compared by sixty thousand questions for each caller and action: not here. */
#define DIFF_LENGTH 900u

static void hear_difference(void *context, const struct rules_difference *difference)
{
	assert(difference->who && difference->question[0]);
	++*(size_t *)context;
}

static size_t compare(const struct policy *older, const struct policy *newer)
{
	size_t told = 0, wider = 0, narrower = 0;
	enum bl_status status = rules_diff(older, newer, hear_difference, &told, &wider, &narrower);

	assert(status == BL_OK && told == wider + narrower);
	return told;
}

static struct policy *load(const char *text, size_t length)
{
	struct policy *policy = NULL;
	struct rules_findings findings;
	struct bl_error why = {{0}};
	enum bl_status status = rules_parse(text, length, &policy, &findings, &why);

	check_findings(&findings, length);
	assert((status == BL_OK) == (policy != NULL));
	assert(status == BL_OK ||
	       (status == BL_INVALID && why.text[0] && findings.items[0].severity == RULES_ERROR));
	if (policy)
		use(policy);
	return policy;
}

static void read_tree(const char *text, size_t length)
{
	struct yaml_document *document = NULL;
	struct yaml_finding finding = {0};

	if (yaml_parse(text, length, &document, &finding) == BL_OK)
		walk(yaml_root(document), length);
	else
		assert(finding.line >= 1 && finding.column >= 1 && finding.text[0] &&
		       finding.fix[0]);
	yaml_free(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const char BETWEEN[] = "\n====\n";
	const char *text = (const char *)bytes;
	const char *half = length ? memmem(text, length, BETWEEN, sizeof(BETWEEN) - 1) : NULL;
	size_t first = half ? (size_t)(half - text) + 1 : length;
	struct policy *older, *newer = NULL;

	read_tree(text, first);
	older = load(text, first);
	if (half) {
		half += sizeof(BETWEEN) - 1;
		newer = load(half, (size_t)(text + length - half));
	}
	if (older && newer && length <= 2 * DIFF_LENGTH) {
		compare(older, newer);
		assert(compare(older, older) == 0);
	}
	policy_unref(older);
	policy_unref(newer);
	return 0;
}
