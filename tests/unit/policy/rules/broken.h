/* broken.h - a good policy with one thing changed, and what is said of it */
#ifndef TESTS_UNIT_POLICY_RULES_BROKEN_H
#define TESTS_UNIT_POLICY_RULES_BROKEN_H

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/rules.h"

/* @from becomes @to, in which '~' stands before the character that is pointed at and is not part of it. */
struct broken {
	const char *from, *to;
	const char *text, *fix; /* the whole text; a part of the fix */
};

/* @base with one thing changed; where the mark was, as line and column; 0 without a mark. */
static inline char *broken_text(const char *base, const struct broken *row, unsigned *out_line,
				unsigned *out_column)
{
	const char *at = strstr(base, row->from);

	if (!at || strstr(at + 1, row->from))
		fail_msg("'%s' is not in the good policy exactly once", row->from);

	size_t before = (size_t)(at - base), mark = strcspn(row->to, "~");
	size_t size = strlen(base) + strlen(row->to) + 1;
	bool has_mark = row->to[mark] == '~';
	char *text = malloc(size);

	assert_non_null(text);
	snprintf(text, size, "%.*s%.*s%s%s", (int)before, base, (int)mark, row->to,
		 row->to + mark + has_mark, at + strlen(row->from));
	*out_line = has_mark ? 1 : 0;
	*out_column = 1;
	for (const char *c = text; has_mark && c < text + before + mark; c++) {
		*out_column = *c == '\n' ? 1 : *out_column + 1;
		*out_line += *c == '\n';
	}
	return text;
}

/* Does @findings hold what the row wants, at its place, with the line of the file? */
static inline bool broken_is_told(const struct broken *row, unsigned line, unsigned column,
				  enum rules_severity severity,
				  const struct rules_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct rules_finding *finding = &findings->items[i];

		if (finding->severity == severity && strcmp(finding->text, row->text) == 0 &&
		    strstr(finding->fix, row->fix) && finding->fix[0] && finding->source[0] &&
		    (!line || (finding->line == line && finding->column == column)))
			return true;
	}
	return false;
}

/*
 * False, and the row is printed, when the row is not told of. Of errors it must be the only one; warnings may have
 * others beside them.
 */
static inline bool broken_try(const char *base, size_t i, const struct broken *row,
			      enum rules_severity severity)
{
	unsigned line = 0, column = 0;
	BL_CLEANUP(bl_free) char *text = broken_text(base, row, &line, &column);
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct rules_findings findings;
	struct bl_error why = {{0}};
	enum bl_status status = rules_parse(text, strlen(text), &policy, &findings, &why);
	bool is_error = severity == RULES_ERROR;
	size_t errors = 0;

	for (size_t k = 0; k < findings.count; k++)
		errors += findings.items[k].severity == RULES_ERROR;
	if (broken_is_told(row, line, column, severity, &findings) && errors == is_error &&
	    status == (is_error ? BL_INVALID : BL_OK) && (!is_error || strstr(why.text, row->text)))
		return true;
	print_error("row %zu: %s, wanted %u:%u: %s (%s)\n", i, bl_status_name(status), line, column,
		    row->text, row->fix);
	rules_print_findings(stderr, "  got", &findings);
	return false;
}

#endif
