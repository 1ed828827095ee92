#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/yaml/yaml.h"

static struct yaml_document *parse(const char *text)
{
	struct yaml_document *document = NULL;
	struct yaml_finding finding = {0};

	if (yaml_parse(text, strlen(text), &document, &finding) != BL_OK)
		fail_msg("%u:%u: %s", finding.line, finding.column, finding.text);
	return document;
}

static void document_becomes_a_tree_with_positions(void **state)
{
	struct yaml_document *document = parse("name: 'Desk'\r\n"
					       "list: [a, \"b\"]\r\n"
					       "map:\r\n"
					       "  \xc3\xa4\xc3\xb6: {x: yes}\r\n"
					       "  empty:\r\n");
	const struct yaml_node *root = yaml_root(document), *node;

	(void)state;
	assert_int_equal(root->type, YAML_MAP);
	assert_int_equal(root->count, 3);
	node = yaml_get(root, "name");
	assert_string_equal(node->text, "Desk");
	assert_true(node->is_quoted);
	assert_int_equal(node->line, 1);
	assert_int_equal(node->column, 7);
	assert_string_equal(node->key->text, "name");
	assert_int_equal(node->key->column, 1);
	node = yaml_get(root, "list");
	assert_int_equal(node->type, YAML_LIST);
	assert_int_equal(node->count, 2);
	assert_int_equal(node->line, 2);
	assert_string_equal(node->first->text, "a");
	assert_false(node->first->is_quoted);
	assert_null(node->first->key);
	assert_string_equal(node->first->next->text, "b");
	assert_int_equal(node->first->next->column, 11);
	assert_null(node->first->next->next);
	node = yaml_get(yaml_get(root, "map"), "\xc3\xa4\xc3\xb6");
	assert_int_equal(node->line, 4);
	assert_int_equal(node->column, 9); /* bytes: the two letters are two each */
	assert_string_equal(yaml_get(node, "x")->text, "yes");
	node = yaml_get(yaml_get(root, "map"), "empty");
	assert_string_equal(node->text, "");
	assert_false(node->is_quoted);
	assert_null(yaml_get(root, "nothing"));
	assert_null(yaml_get(root->first, "name"));
	assert_null(yaml_get(NULL, "name"));
	yaml_free(document);
	yaml_free(NULL);
}

static void scalars_stay_text(void **state)
{
	static const struct {
		const char *yaml, *text;
	} ROWS[] = {
		{"yes", "yes"},
		{"0x10", "0x10"},
		{"22:00", "22:00"},
		{"~", "~"},
		{"1e3", "1e3"},
		{"null", "null"},
		{"'a''b'", "a'b"},
		{"\"\\u00e4\"", "\xc3\xa4"},
		{"|\n  a\n  b\n", "a\nb\n"},
		{"--- x\n...\n", "x"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct yaml_document *document = parse(ROWS[i].yaml);

		if (strcmp(yaml_root(document)->text, ROWS[i].text) != 0)
			fail_msg("%s gives '%s'", ROWS[i].yaml, yaml_root(document)->text);
		yaml_free(document);
	}
}

static void what_is_refused_is_refused_at_its_place(void **state)
{
	static const struct {
		const char *yaml;
		size_t length; /* 0: up to the NUL */
		unsigned line, column;
		const char *text;
	} ROWS[] = {
		{"a: 1\n---\nb: 2", 0, 2, 1, "a second document"},
		{"a: 1\n...\nb: 2", 0, 3, 1, "a second document"},
		{"a: &x 1", 0, 1, 4, "anchors are refused"},
		{"a: &", 0, 1, 4, "anchors are refused"},
		{"a: [b, *x]", 0, 1, 8,
		 "an unquoted '*' is a reference (alias) to YAML, and references are refused"},
		{"- **/x", 0, 1, 3,
		 "an unquoted '*' is a reference (alias) to YAML, and references are refused"},
		{"<<: {a: 1}", 0, 1, 1, "merge keys are refused"},
		{"a: !x 1", 0, 1, 4, "tags ('!...') are refused"},
		{"a: ! 1", 0, 1, 4, "tags ('!...') are refused"},
		{"a: !!map {}", 0, 1, 4, "tags ('!...') are refused"},
		{"- !!seq []", 0, 1, 3, "tags ('!...') are refused"},
		{"%TAG ! !x\n---\na", 0, 1, 1, "directives ('%...') are refused"},
		{"%YAML 1.1\n---\na", 0, 1, 1, "directives ('%...') are refused"},
		{"a: b\n\n%c", 0, 3, 1, "directives ('%...') are refused"},
		{"a: %b\n %c: d\n...\n%TAG ! !x", 0, 4, 1, "directives ('%...') are refused"},
		{"a: 1\nb: 1\na: 2", 0, 3, 1, "key 'a' stands here a second time"},
		{"b: 1\na: {c: 1, d: 2, \"c\": 3}", 0, 2, 17, "key 'c' stands here a second time"},
		{"[a]: 1", 0, 1, 1, "a key must be one word"},
		{"? {a: 1}\n: 2", 0, 1, 3, "a key must be one word"},
		{"", 0, 1, 1, "the file is empty"},
		{"# only this\n", 0, 2, 1, "the file is empty"},
		{"a: \"\\0\"", 0, 1, 4, "control character"},
		{"a: \"\\u200f\"", 0, 1, 4,
		 "bidi mark: the line would read otherwise than it is obeyed"},
		{"a\0b", 3, 1, 2, "control character"},
		{"a: b\nc\rd: 1", 0, 2, 2, "CR without LF"},
		{"\xef\xbb\xbf"
		 "a: 1",
		 0, 1, 1, "byte order mark (U+FEFF)"},
		{"\xff\xfe"
		 "a",
		 0, 1, 1, "not UTF-8"},
		{"a: \xc0\xaf", 0, 1, 4, "not UTF-8"},
		{"a: \xed\xa0\x80", 0, 1, 4, "not UTF-8"},
		{"a: \xf4\x90\x80\x80", 0, 1, 4, "not UTF-8"},
		{"a: \xe2\x82", 0, 1, 4, "not UTF-8"},
		{"a: \xc2\x85", 0, 1, 4, "line end that editors do not count (U+0085)"},
		{"a: \xe2\x80\x8b", 0, 1, 4, "invisible character (U+200B)"},
		{"a: \x7f", 0, 1, 4, "control character"},
		{"a: \"x\nb: 1", 0, 1, 4, "a quote is not closed"},
		{"a: [1, 2\nb: 1", 0, 2, 2, "a '[' is not closed"},
		{"a: {b: 1\nc", 0, 2, 2, "a '{' is not closed"},
		{"\ta: 1", 0, 1, 1, "a tab cannot indent in YAML"},
		{"a:\n\tb: 1", 0, 2, 1, "a tab cannot indent in YAML"},
		{"a: @b", 0, 1, 4, "a value cannot begin with '%', '@' or '`'"},
		{"a: b: c", 0, 1, 5, "a ':' stands where none can"},
		{"a:\n  b: 1\n c: 2", 0, 3, 2, "this line fits none of the blocks above it"},
		{"a: |x\n  b", 0, 1, 5, "did not find expected comment or line break"},
		{"a: \"\\q\"", 0, 1, 5, "unknown escape behind '\\'"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct yaml_document *document = NULL;
		struct yaml_finding finding = {0};
		size_t length = ROWS[i].length ? ROWS[i].length : strlen(ROWS[i].yaml);

		if (yaml_parse(ROWS[i].yaml, length, &document, &finding) != BL_INVALID ||
		    document || finding.line != ROWS[i].line || finding.column != ROWS[i].column ||
		    strcmp(finding.text, ROWS[i].text) != 0 || !finding.fix[0])
			fail_msg("row %zu, '%s': %u:%u: %s", i, ROWS[i].yaml, finding.line,
				 finding.column, finding.text);
		assert_int_equal(yaml_parse(ROWS[i].yaml, length, &document, NULL), BL_INVALID);
	}
}

/* The fix quotes the pattern that was meant: as far as its braces go, not what stands behind it. */
static void a_bare_pattern_is_told_as_it_is_to_be_written(void **state)
{
	static const struct {
		const char *yaml, *fix;
	} ROWS[] = {
		{"[**/{a,b}, c]", "put the pattern in quotes: '**/{a,b}'"},
		{"{a: **/[a,b]x, c: d}", "put the pattern in quotes: '**/[a,b]x'"},
		{"- **/a b  # c", "put the pattern in quotes: '**/a b'"},
		{"- *", "put it in quotes if it is a pattern: '*'"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct yaml_document *document = NULL;
		struct yaml_finding finding = {0};

		assert_int_equal(
			yaml_parse(ROWS[i].yaml, strlen(ROWS[i].yaml), &document, &finding),
			BL_INVALID);
		if (strcmp(finding.fix, ROWS[i].fix) != 0)
			fail_msg("row %zu: %s", i, finding.fix);
	}
}

/* @depth lists inside each other. */
static enum bl_status nest(const char *open, size_t depth, const char *middle, const char *close)
{
	char *text = calloc(1, depth * (strlen(open) + strlen(close)) + strlen(middle) + 1),
	     *p = text;
	struct yaml_document *document = NULL;
	struct yaml_finding finding;

	assert_non_null(text);
	for (size_t i = 0; i < depth; i++)
		p = stpcpy(p, open);
	p = stpcpy(p, middle);
	for (size_t i = 0; i < depth; i++)
		p = stpcpy(p, close);

	enum bl_status status = yaml_parse(text, strlen(text), &document, &finding);

	yaml_free(document);
	free(text);
	return status;
}

static void depth_ends_at_64(void **state)
{
	(void)state;
	assert_int_equal(nest("[", 64, "x", "]"), BL_OK);
	assert_int_equal(nest("[", 65, "x", "]"), BL_INVALID);
	assert_int_equal(nest("{a: ", 64, "x", "}"), BL_OK);
	assert_int_equal(nest("{a: ", 65, "x", "}"), BL_INVALID);
	assert_int_equal(nest("- ", 64, "x", ""), BL_OK);
	assert_int_equal(nest("- ", 65, "x", ""), BL_INVALID);
	assert_int_equal(nest("[", 100000, "", ""), BL_INVALID);
}

static void size_ends_at_its_limits(void **state)
{
	struct yaml_document *document = NULL;
	struct yaml_finding finding = {0};
	char *text = malloc(YAML_SIZE_LIMIT + 1);

	(void)state;
	assert_non_null(text);
	memset(text, 'a', YAML_SIZE_LIMIT + 1);
	assert_int_equal(yaml_parse(text, YAML_SIZE_LIMIT + 1, &document, &finding), BL_TOO_LARGE);
	assert_string_equal(finding.text, "larger than 4 MiB");
	assert_int_equal(yaml_parse(text, YAML_SIZE_LIMIT, &document, &finding), BL_OK);
	yaml_free(document);
	document = NULL;
	text[0] = '[';
	for (size_t i = 1; i < YAML_SIZE_LIMIT; i++)
		text[i] = i % 2 ? 'a' : ',';
	text[YAML_SIZE_LIMIT - 1] = ']';
	assert_int_equal(yaml_parse(text, YAML_SIZE_LIMIT, &document, &finding), BL_TOO_LARGE);
	assert_string_equal(finding.text, "more than 200000 values");
	assert_null(document);
	free(text);
}

static void keys_of_one_map_end_at_10000(void **state)
{
	struct yaml_document *document = NULL;
	struct yaml_finding finding = {0};
	char text[10001 * 9 + 1];

	(void)state;
	for (unsigned i = 0; i < 10001; i++)
		sprintf(text + (size_t)i * 9, "k%05u: \n", i);
	assert_int_equal(yaml_parse(text, 10000 * 9, &document, &finding), BL_OK);
	yaml_free(document);
	document = NULL;
	assert_int_equal(yaml_parse(text, 10001 * 9, &document, &finding), BL_TOO_LARGE);
	assert_string_equal(finding.text, "more than 10000 keys in one map");
	assert_int_equal(finding.line, 10001);
	assert_null(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(document_becomes_a_tree_with_positions),
		cmocka_unit_test(scalars_stay_text),
		cmocka_unit_test(what_is_refused_is_refused_at_its_place),
		cmocka_unit_test(a_bare_pattern_is_told_as_it_is_to_be_written),
		cmocka_unit_test(depth_ends_at_64),
		cmocka_unit_test(size_ends_at_its_limits),
		cmocka_unit_test(keys_of_one_map_end_at_10000),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
