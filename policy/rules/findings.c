#include <stdlib.h>
#include <string.h>

#include "policy/rules/load.h"
#include "policy/yaml/text.h"

/* Cut a text that was too long for its place back to whole characters, and keep it on one line. */
static void tidy(char *text)
{
	size_t length = strlen(text), offset;
	const char *unused_text, *unused_fix;

	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	if (!text_scan(text, length, &offset, &unused_text, &unused_fix))
		text[offset] = '\0';
}

/* A line of the file as it may be shown on a terminal: what is not plainly text becomes '?'. */
static void show_line(const char *line, char *out, size_t size)
{
	size_t length = strlen(line), used = 0;

	for (size_t i = 0; i < length;) {
		const char *unused_text, *unused_fix;
		uint32_t point;
		size_t unused_offset, step = text_length(line + i, length - i, &point);
		bool is_fine = step &&
			       text_scan(line + i, step, &unused_offset, &unused_text, &unused_fix);

		step = step ? step : 1;
		if (used + step >= size)
			break;
		if (is_fine && line[i] != '\t')
			memcpy(out + used, line + i, step);
		else
			memset(out + used, is_fine ? ' ' : '?', step);
		used += step;
		i += step;
	}
	out[used] = '\0';
}

/* Room for one more: an error takes the place of the last warning. NULL: none. */
static struct rules_finding *room(struct rules_findings *findings, enum rules_severity severity)
{
	if (findings->count < RULES_FINDINGS_LIMIT)
		return &findings->items[findings->count++];
	findings->dropped++;
	if (severity == RULES_ERROR)
		for (size_t i = findings->count; i-- > 0;)
			if (findings->items[i].severity == RULES_WARNING)
				return &findings->items[i];
	return NULL;
}

void rules_find(const struct policy *policy, struct rules_findings *findings,
		enum rules_severity severity, struct position at, const char *fix,
		const char *format, ...)
{
	struct rules_finding *finding = room(findings, severity);
	va_list arguments;

	if (!finding)
		return;
	memset(finding, 0, sizeof(*finding));
	finding->severity = severity;
	finding->line = at.line;
	finding->column = at.column;
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
	tidy(finding->text);
	snprintf(finding->fix, sizeof(finding->fix), "%s", fix ? fix : "");
	tidy(finding->fix);
	if (policy && at.line && at.line <= policy->line_count)
		show_line(policy->lines[at.line - 1], finding->source, sizeof(finding->source));
}

static int compare(const void *left, const void *right)
{
	const struct rules_finding *a = left, *b = right;

	if (a->severity != b->severity)
		return a->severity == RULES_ERROR ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return strcmp(a->text, b->text);
}

void rules_sort_findings(struct rules_findings *findings)
{
	qsort(findings->items, findings->count, sizeof(findings->items[0]), compare);
}

/* Under the character meant: columns are bytes, a terminal shows characters. */
static void print_caret(FILE *out, const struct rules_finding *finding)
{
	if (!finding->column || finding->column > strlen(finding->source) + 1)
		return;
	fputs("    ", out);
	for (size_t i = 0; i + 1 < finding->column; i++)
		if (((unsigned char)finding->source[i] & 0xc0) != 0x80)
			fputc(' ', out);
	fputs("^\n", out);
}

void rules_print_findings(FILE *out, const char *path, const struct rules_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct rules_finding *finding = &findings->items[i];

		if (finding->line)
			fprintf(out, "%s:%u:%u: ", path, finding->line, finding->column);
		else
			fprintf(out, "%s: ", path);
		fprintf(out, "%s: %s\n", finding->severity == RULES_ERROR ? "error" : "warning",
			finding->text);
		if (finding->source[0]) {
			fprintf(out, "    %s\n", finding->source);
			print_caret(out, finding);
		}
		if (finding->fix[0])
			fprintf(out, "    fix: %s\n", finding->fix);
	}
	if (findings->dropped)
		fprintf(out, "%s: and %zu more\n", path, findings->dropped);
}
