/* rows.h - a good policy with one thing changed, and the finding that is wanted then */
#ifndef TESTS_UNIT_POLICY_RULES_ROWS_H
#define TESTS_UNIT_POLICY_RULES_ROWS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/rules.h"

/* @from becomes @to, in which '~' stands before the character that is pointed at and is not part of it. */
struct row {
	const char *from, *to;
	const char *text, *fix; /* the whole text; a part of the fix */
};

/* @base with one thing changed; where the mark was, as line and column. */
static inline char *rows_break(const char *base, const struct row *row, unsigned *out_line,
			       unsigned *out_column)
{
	const char *at = strstr(base, row->from);

	if (!at || strstr(at + 1, row->from))
		fail_msg("'%s' is not in the good policy exactly once", row->from);

	size_t before = (size_t)(at - base), mark = strcspn(row->to, "~");
	bool has_mark = row->to[mark] == '~';
	size_t size = strlen(base) + strlen(row->to) + 1;
	char *text = malloc(size);

	assert_non_null(text);
	snprintf(text, size, "%.*s%.*s%s%s", (int)before, base, (int)mark, row->to,
		 row->to + mark + has_mark, at + strlen(row->from));
	*out_line = 0;
	if (!has_mark)
		return text;

	char *start = text;

	*out_line = 1;
	for (char *c = text; c < text + before + mark; c++)
		if (*c == '\n') {
			++*out_line;
			start = c + 1;
		}
	*out_column = (unsigned)(text + before + mark - start) + 1;
	return text;
}

/* False, and the row is printed, when what is found first is not what the row wants. */
static inline bool rows_try(const char *base, size_t i, const struct row *row,
			    enum rules_severity severity)
{
	unsigned line = 0, column = 0;
	BL_CLEANUP(bl_free) char *text = rows_break(base, row, &line, &column);
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct rules_findings findings;
	struct bl_error why = {{0}};
	enum bl_status status = rules_parse(text, strlen(text), &policy, &findings, &why);
	const struct rules_finding *first = &findings.items[0];
	bool is_refused = severity == RULES_ERROR;

	if (findings.count && strcmp(first->text, row->text) == 0 && strstr(first->fix, row->fix) &&
	    first->severity == severity &&
	    (!line || (first->line == line && first->column == column)) &&
	    (!first->line || first->source[0]) && status == (is_refused ? BL_INVALID : BL_OK) &&
	    (!is_refused || strstr(why.text, row->text)))
		return true;
	print_error("row %zu: %s, %zu findings, first %u:%u: %s (fix: %s), wanted %u:%u: %s (%s)\n",
		    i, bl_status_name(status), findings.count, first->line, first->column,
		    first->text, first->fix, line, column, row->text, row->fix);
	return false;
}

/* A policy without one finding. */
static inline void rows_assert_good(const char *base, size_t row)
{
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct rules_findings findings;
	struct bl_error why = {{0}};

	if (rules_parse(base, strlen(base), &policy, &findings, &why) != BL_OK || findings.count)
		fail_msg("row %zu: %s / %u: %s", row, why.text, findings.items[0].line,
			 findings.items[0].text);
}

#endif
