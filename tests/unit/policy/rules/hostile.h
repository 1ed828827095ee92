/* hostile.h - files made to cost as much as they can: for the test that bounds their memory and the bench that times them
 *
 * Each is refused, or at its largest taken; a limit that somebody raises shows here.
 */
#ifndef TESTS_UNIT_POLICY_RULES_HOSTILE_H
#define TESTS_UNIT_POLICY_RULES_HOSTILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base.h"
#include "policy/yaml/yaml.h"

#define HOSTILE_LEVELS 100000u
#define HOSTILE_LINES  100000u

/* Writes one file, whole. */
typedef void hostile_fn(FILE *out);

struct hostile {
	const char *name;
	hostile_fn *write;
	/* What is said of it first; NULL: it is taken; "": it is refused, for one pattern or the other. */
	const char *text;
};

static void hostile_head(FILE *out)
{
	fputs("bailee: 1\nname: Hostile\nserial: 1\ntimezone: UTC\n"
	      "defaults: {access: forbid, mask: fill}\n",
	      out);
}

static void hostile_people(FILE *out)
{
	fputs("people: {anna: {roles: [boss]}}\nroles: {boss: {}}\n", out);
}

static void hostile_rules(FILE *out)
{
	fputs("rules:\n"
	      "  - id: all\n"
	      "    permit: [list, read, hold, administer]\n"
	      "    who: [boss]\n"
	      "    why: The boss runs the shop.\n",
	      out);
}

static void hostile_repeat(FILE *out, const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fputs(text, out);
}

/* As many times as fit into the limit, what stands before and behind included. */
static void hostile_fill(FILE *out, const char *text, size_t reserve)
{
	hostile_repeat(out, text, (YAML_SIZE_LIMIT - reserve) / strlen(text));
}

/* ---- size, depth, lines ---------------------------------------------------------------------------------- */

static void hostile_10_mb(FILE *out)
{
	hostile_repeat(out, "a: [b, {c: d}]\n", (10u << 20) / 15);
}

static void hostile_deep_lists(FILE *out)
{
	hostile_repeat(out, "[", HOSTILE_LEVELS);
}

static void hostile_deep_maps(FILE *out)
{
	hostile_repeat(out, "{a: ", HOSTILE_LEVELS);
}

static void hostile_deep_lists_by_line(FILE *out)
{
	hostile_repeat(out, "[\n", HOSTILE_LINES - 1);
}

static void hostile_deep_blocks(FILE *out)
{
	hostile_repeat(out, "- ", HOSTILE_LEVELS);
}

static void hostile_deep_keys(FILE *out)
{
	hostile_repeat(out, "? ", HOSTILE_LEVELS);
}

static void hostile_deep_stairs(FILE *out)
{
	for (unsigned level = 0; level < 2800; level++)
		fprintf(out, "%*sa:\n", (int)level, "");
}

static void hostile_lines(FILE *out)
{
	hostile_repeat(out, "- a\n", HOSTILE_LINES + 1);
}

static void hostile_empty_lines(FILE *out)
{
	hostile_fill(out, "\n", 0);
}

static void hostile_most_lines(FILE *out)
{
	hostile_repeat(out, "- a\n", HOSTILE_LINES - 1);
}

static void hostile_values(FILE *out)
{
	fputs("[", out);
	hostile_fill(out, "a,", 2);
	fputs("]", out);
}

/* ---- one long thing ---------------------------------------------------------------------------------------- */

static void hostile_word(FILE *out)
{
	fputs("name: ", out);
	hostile_fill(out, "a", 6);
}

static void hostile_escapes(FILE *out)
{
	fputs("name: \"", out);
	hostile_fill(out, "\\u00e4", 8);
	fputs("\"", out);
}

static void hostile_block(FILE *out)
{
	fputs("name: |\n", out);
	hostile_repeat(out, "  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", HOSTILE_LINES - 2);
}

static void hostile_folded(FILE *out)
{
	fputs("name: a\n", out);
	hostile_repeat(out, "  a b c d e f g h i j k l m n o p q r s\n", HOSTILE_LINES - 2);
}

static void hostile_comment(FILE *out)
{
	fputs("#", out);
	hostile_fill(out, "a", 1);
}

static void hostile_spaces(FILE *out)
{
	fputs("name:", out);
	hostile_fill(out, " ", 5);
}

static void hostile_quotes(FILE *out)
{
	fputs("name: '", out);
	hostile_fill(out, "''", 8);
	fputs("'", out);
}

static void hostile_cut_quote(FILE *out)
{
	fputs("name: \"", out);
	hostile_fill(out, "a ", 8);
}

static void hostile_key(FILE *out)
{
	hostile_fill(out, "k", 8);
	fputs(": 1", out);
}

static void hostile_characters(FILE *out)
{
	fputs("name: ", out);
	hostile_fill(out, "\xf0\x9f\x9b\xa0", 6);
}

/* ---- what YAML does with what it remembers ------------------------------------------------------------------ */

static void hostile_directives(FILE *out)
{
	for (unsigned i = 0; i < HOSTILE_LINES - 2; i++)
		fprintf(out, "%%TAG !%05x! tag:example.org,2026:x\n", i);
	fputs("--- a\n", out);
}

static void hostile_anchors(FILE *out)
{
	fputs("[", out);
	for (unsigned i = 0; i < 100000; i++)
		fprintf(out, "&a%05x a,", i);
	fputs("]", out);
}

static void hostile_same_keys(FILE *out)
{
	hostile_repeat(out, "name: a\n", HOSTILE_LINES - 1);
}

static void hostile_other_keys(FILE *out)
{
	for (unsigned i = 0; i < 99000; i++)
		fprintf(out, "k%05x%s: a\n", 99000 - i, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

static void hostile_most_same_keys(FILE *out)
{
	hostile_repeat(out, "name: a\n", 10000);
}

static void hostile_most_keys(FILE *out)
{
	for (unsigned i = 0; i < 10000; i++)
		fprintf(out, "k%05x%s: a\n", 10000 - i, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

static void hostile_keys_without_values(FILE *out)
{
	fputs("{", out);
	hostile_fill(out, "?,", 2);
	fputs("}", out);
}

static void hostile_plain_keys_in_lists(FILE *out)
{
	fputs("[", out);
	hostile_fill(out, "a: b, ", 2);
	fputs("]", out);
}

/* ---- at the limits of the language -------------------------------------------------------------------------- */

static void hostile_most_people_and_tests(FILE *out)
{
	hostile_head(out);
	fputs("people:\n", out);
	for (unsigned i = 0; i < 4096; i++)
		fprintf(out, "  'uid:%u': {roles: [boss]}\n", 61000 + i);
	fputs("roles: {boss: {}}\n", out);
	hostile_rules(out);
	fputs("test_clock: 2026-07-01 10:00\ntests:\n", out);
	for (unsigned i = 0; i < 4096; i++)
		fprintf(out, "  - {name: t%u, as: 'uid:%u', do: read, expect: permit, rule: all}\n",
			i, 65095 - i);
}

static void hostile_unknown_people(FILE *out)
{
	hostile_head(out);
	fputs("people:\n", out);
	for (unsigned i = 0; i < 4096; i++)
		fprintf(out, "  'uid:%u': {roles: [boss]}\n", 61000 + i);
	fputs("roles: {boss: {}}\n", out);
	hostile_rules(out);
	fputs("test_clock: 2026-07-01 10:00\ntests:\n", out);
	for (unsigned i = 0; i < 4096; i++)
		fprintf(out, "  - {name: t%u, as: 'uid:%u', do: read, expect: permit, rule: x%u}\n",
			i, 90000 + i, i);
}

static void hostile_too_many_people(FILE *out)
{
	hostile_head(out);
	fputs("roles: {boss: {}}\npeople:\n", out);
	for (unsigned i = 0; i < 4097; i++)
		fprintf(out, "  'uid:%u': {roles: [boss]}\n", i);
	hostile_rules(out);
}

static void hostile_too_many_rules(FILE *out)
{
	hostile_head(out);
	hostile_people(out);
	hostile_rules(out);
	for (unsigned i = 0; i < 4096; i++)
		fprintf(out, "  - {id: r%u, forbid: [copy], who: everyone, why: Nothing leaves.}\n",
			i);
}

static void hostile_too_many_tests(FILE *out)
{
	hostile_head(out);
	hostile_people(out);
	hostile_rules(out);
	fputs("test_clock: 2026-07-01 10:00\ntests:\n", out);
	hostile_repeat(out, "  - {name: t, as: anna, do: read, expect: permit, rule: all}\n", 4097);
}

/* As many rules as there may be, each with conditions that have to be compared with those of the others. */
static void hostile_most_rules(FILE *out)
{
	hostile_head(out);
	hostile_people(out);
	hostile_rules(out);
	for (unsigned i = 0; i < 4095; i++)
		fprintf(out,
			"  - {id: r%u, %s: [read, copy], who: [boss], what: {paths: ['/%u/**'], "
			"ids: ['d%u*']}, unless: {purpose: [p%u]}, why: Nothing leaves.}\n",
			i, i % 2 ? "forbid" : "permit", i, i, i);
}

static void hostile_same_ids(FILE *out)
{
	hostile_head(out);
	hostile_people(out);
	hostile_rules(out);
	hostile_repeat(out, "  - {id: all, forbid: [copy], who: everyone, why: Nothing leaves.}\n",
		       4095);
}

/* 256 paths in each of the rules: @first and @middle stand before two numbers, @last behind them. */
static void hostile_paths(FILE *out, unsigned rules, const char *first, const char *middle,
			  const char *last)
{
	hostile_head(out);
	hostile_people(out);
	hostile_rules(out);
	for (unsigned i = 0; i < rules; i++) {
		fprintf(out, "  - {id: r%u, forbid: [copy], who: everyone, what: {paths: [", i);
		for (unsigned k = 0; k < 256; k++)
			fprintf(out, "%s'%s%u%s%u%s'", k ? ", " : "", first, i, middle, k, last);
		fputs("]}, why: Nothing leaves.}\n", out);
	}
}

static void hostile_path_components(FILE *out)
{
	hostile_paths(out, 24, "/", "/", "/a/b/c/d/e/f/g/h/i/**");
}

static void hostile_path_braces(FILE *out)
{
	hostile_paths(out, 2, "/**/", "{a,b}{c,d}{e,f}{g,h}{i,j}{k,l}{m,n}{o,p}", "*?*?*/**/x*y*z");
}

static void hostile_most_path_braces(FILE *out)
{
	hostile_paths(out, 200, "/", "{a,b}{c,d}{e,f}{g,h}{i,j}{k,l}{m,n}{o,p}", "*?*?*");
}

static void hostile_long_paths(FILE *out)
{
	char middle[800] = "";

	for (unsigned i = 0; i < 395; i++)
		strcat(middle, "a?");
	hostile_paths(out, 20, "/", middle, "x");
}

static void hostile_misspelt(FILE *out)
{
	hostile_head(out);
	hostile_people(out);
	hostile_rules(out);
	hostile_repeat(out, "  - {id: xxxxxxxxxxxxxxxxxxxxxxx, forbit: [raed], hwo: all}\n", 4095);
}

/* ---- own classes ---------------------------------------------------------------------------------------------- */

static void hostile_patterns(FILE *out, unsigned count, const char *pattern)
{
	hostile_head(out);
	hostile_people(out);
	hostile_rules(out);
	fputs("detect:\n  custom:\n", out);
	for (unsigned i = 0; i < count; i++)
		fprintf(out, "    c%u: {pattern: '%s', example: none}\n", i, pattern);
}

/* Shapes that cost the matcher most, found by trying random ones. */
static void hostile_pattern_properties(FILE *out)
{
	hostile_patterns(out, 16, "\\pL");
}

static void hostile_pattern_tail(FILE *out)
{
	hostile_patterns(out, 1, ".\xc3\xa9{100}");
}

/* The heaviest set of such that is taken. */
static void hostile_pattern_bounds(FILE *out)
{
	hostile_patterns(out, 10, "[A-Z]{1,5}a?[0-9]");
}

static void hostile_pattern_tails(FILE *out)
{
	hostile_patterns(out, 16, ".\\x{1f600}{60}");
}

static void hostile_pattern_groups(FILE *out)
{
	hostile_patterns(out, 10,
			 "([\\x{80}-\\x{10ffff}]\xc3\xa9"
			 "a[^a]\\D{1,5}){1,5}(\\w)");
}

static void hostile_pattern_optionals(FILE *out)
{
	hostile_patterns(out, 35, "([a-z]?x){1,38}");
}

static void hostile_pattern_choices(FILE *out)
{
	hostile_patterns(out, 5, "(\\pL|[0-9])(\\pL|[0-9])(\\pL|x)");
}

/* ---- all of them --------------------------------------------------------------------------------------------- */

static const struct hostile HOSTILE[] = {
	{"10 MB", hostile_10_mb, "the policy is larger than 4 MiB"},
	{"100,000 levels of [", hostile_deep_lists, "nested deeper than 64 levels"},
	{"100,000 levels of {", hostile_deep_maps, "nested deeper than 64 levels"},
	{"100,000 levels of [, by line", hostile_deep_lists_by_line,
	 "nested deeper than 64 levels"},
	{"100,000 levels of -", hostile_deep_blocks, "nested deeper than 64 levels"},
	{"100,000 levels of ?", hostile_deep_keys, "a key must be one word"},
	{"stairs of keys", hostile_deep_stairs, "nested deeper than 64 levels"},
	{"100,001 lines", hostile_lines, "the policy has more than 100000 lines"},
	{"4 MB of empty lines", hostile_empty_lines, "the policy has more than 100000 lines"},
	{"100,000 lines", hostile_most_lines, "this is no policy"},
	{"2,000,000 values", hostile_values, "more than 200000 values"},
	{"4 MB of one word", hostile_word, "the policy has no 'bailee'"},
	{"4 MB of escapes", hostile_escapes, "the policy has no 'bailee'"},
	{"a block of 4 MB", hostile_block, "the policy has no 'bailee'"},
	{"4 MB of folded words", hostile_folded, "the policy has no 'bailee'"},
	{"a comment of 4 MB", hostile_comment, "the file is empty"},
	{"4 MB of spaces", hostile_spaces, "'name' has no value"},
	{"4 MB of quotes", hostile_quotes, "the policy has no 'bailee'"},
	{"4 MB behind an open quote", hostile_cut_quote, "a quote is not closed"},
	{"a key of 4 MB", hostile_key, "a ':' stands where none can"},
	{"4 MB of characters of four bytes", hostile_characters, "the policy has no 'bailee'"},
	{"100,000 directives", hostile_directives, "directives ('%...') are refused"},
	{"100,000 anchors", hostile_anchors, "anchors are refused"},
	{"100,000 times the same key", hostile_same_keys, "more than 10000 keys in one map"},
	{"99,000 keys", hostile_other_keys, "more than 10000 keys in one map"},
	{"10,000 keys", hostile_most_keys, "unknown key 'k02710aaa"},
	{"10,000 times the same key", hostile_most_same_keys,
	 "key 'name' stands here a second time"},
	{"keys without a name", hostile_keys_without_values, "more than 10000 keys in one map"},
	{"small maps", hostile_plain_keys_in_lists, "more than 200000 values"},
	{"4,096 people and tests", hostile_most_people_and_tests, NULL},
	{"4,096 tests of nobody", hostile_unknown_people, "there is no person 'uid:90000'"},
	{"4,097 people", hostile_too_many_people, "'people' has more than 4096 entries"},
	{"4,097 rules", hostile_too_many_rules, "'rules' has more than 4096 entries"},
	{"4,097 tests", hostile_too_many_tests, "'tests' has more than 4096 entries"},
	{"4,096 rules", hostile_most_rules, NULL},
	{"4,096 rules of one id", hostile_same_ids, "id 'all' is there already, in line 9"},
	{"72,192 components of paths", hostile_path_components,
	 "the rules' paths have more than 65536 components"},
	{"512 paths with 256 alternatives", hostile_path_braces,
	 "the braces of all paths together stand for more than 4096 names"},
	{"51,200 paths with 256 alternatives", hostile_most_path_braces,
	 "the braces of all paths together stand for more than 4096 names"},
	{"4 MB of paths", hostile_long_paths,
	 "all paths together have more than 1048576 characters"},
	{"4,095 rules with misspelt keys", hostile_misspelt, "a rule has no 'who'"},
	{"patterns of letters", hostile_pattern_properties, ""},
	{"a pattern with a long tail", hostile_pattern_tail, ""},
	{"patterns of letters within bounds", hostile_pattern_bounds,
	 "the pattern of 'c0' misses its example"},
	{"patterns with long tails", hostile_pattern_tails, ""},
	{"patterns of groups", hostile_pattern_groups, ""},
	{"patterns of what may be left out", hostile_pattern_optionals, ""},
	{"patterns of choices", hostile_pattern_choices, ""},
};

/* The file whole; owned by the caller. */
static inline char *hostile_text(const struct hostile *hostile, size_t *out_length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, out_length);

	if (!out)
		return NULL;
	hostile->write(out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

#endif
