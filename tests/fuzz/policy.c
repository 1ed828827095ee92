/* A policy from anywhere: the tree reader, then the whole loader. No input may crash, hang or load in half. */
#include <assert.h>
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

static void check_findings(const struct rules_findings *findings, size_t length)
{
	assert(findings->count <= RULES_FINDINGS_LIMIT);
	for (size_t i = 0; i < findings->count; i++) {
		const struct rules_finding *finding = &findings->items[i];

		assert(finding->text[0] && !strpbrk(finding->text, "\n\r\t\x1b"));
		assert(!strpbrk(finding->fix, "\n\r\t\x1b") &&
		       !strpbrk(finding->source, "\n\r\t\x1b"));
		assert(finding->column <= length + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *text = (const char *)bytes;
	struct yaml_document *document = NULL;
	struct yaml_finding finding = {0};
	struct policy *policy = NULL;
	struct rules_findings findings;

	if (yaml_parse(text, length, &document, &finding) == BL_OK)
		walk(yaml_root(document), length);
	else
		assert(finding.line >= 1 && finding.text[0]);
	yaml_free(document);

	enum bl_status status = rules_parse(text, length, &policy, &findings, NULL);

	check_findings(&findings, length);
	assert((status == BL_OK) == (policy != NULL));
	assert(status == BL_OK || findings.count);
	policy_unref(policy);
	return 0;
}
