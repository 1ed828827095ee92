#include "fs/cli/report-doc.h"

#include <stdlib.h>
#include <string.h>

/* ---- letters of a terminal --------------------------------------------------------------------------- */

/* What a terminal without UTF-8 shows in place of letters and signs that our own words have. */
static const struct {
	const char *sign, *plain;
} PLAIN[] = {
	{"ä", "ae"}, {"ö", "oe"}, {"ü", "ue"}, {"Ä", "Ae"}, {"Ö", "Oe"}, {"Ü", "Ue"}, {"ß", "ss"},
	{"–", "-"},  {"„", "\""}, {"“", "\""}, {"”", "\""}, {"’", "'"},	 {"►", "->"}, {"·", "-"},
};

static size_t plain_of(const char *text, const char **out_plain)
{
	for (size_t i = 0; i < BL_COUNT(PLAIN); i++)
		if (strncmp(text, PLAIN[i].sign, strlen(PLAIN[i].sign)) == 0) {
			*out_plain = PLAIN[i].plain;
			return strlen(PLAIN[i].sign);
		}
	return 0;
}

/* Owned by the caller; NULL: no memory. */
static char *letters(const char *text)
{
	char *plain = NULL;
	const char *instead;
	size_t size, length;
	FILE *memory;

	if (tell_is_utf8())
		return strdup(text);
	memory = open_memstream(&plain, &size);
	if (!memory)
		return NULL;
	while (*text) {
		length = plain_of(text, &instead);
		if (length)
			fputs(instead, memory);
		else
			fputc(*text, memory);
		text += length ? length : 1;
	}
	if (fclose(memory) == 0)
		return plain;
	free(plain);
	return NULL;
}

static void put_wrapped(struct doc *doc, unsigned indent, const char *text)
{
	BL_CLEANUP(bl_free) char *plain = letters(text);

	if (plain)
		tell_row(doc->out, indent, "", plain);
}

static void put_labelled(struct doc *doc, unsigned indent, const char *label, const char *text)
{
	BL_CLEANUP(bl_free) char *plain = letters(text);
	BL_CLEANUP(bl_free) char *clean = letters(label);

	if (plain && clean)
		tell_row(doc->out, indent, clean, plain);
}

/* The columns of the widest line of what is safe: one a character, or nearly. */
static size_t widest(const char *text)
{
	size_t most = 0, columns = 0;

	for (; *text; text++) {
		columns = *text == '\n' ? 0 : columns + (((unsigned char)*text & 0xc0) != 0x80);
		most = BL_MAX(most, columns);
	}
	return most;
}

/* ---- the frame ------------------------------------------------------------------------------------------ */

static void close_list(struct doc *doc)
{
	if (doc->is_html && doc->open != DOC_NOTHING)
		fputs(doc->open == DOC_ITEMS ? "</ul>\n" : "</dl>\n", doc->out);
	doc->open = DOC_NOTHING;
}

static void open_list(struct doc *doc, enum doc_open wanted)
{
	if (doc->open == wanted)
		return;
	close_list(doc);
	doc->open = wanted;
	if (doc->is_html)
		fputs(wanted == DOC_ITEMS ? "<ul>\n" : "<dl class=\"rows\">\n", doc->out);
}

static void end_section(struct doc *doc)
{
	close_list(doc);
	if (doc->is_html && doc->is_in_section)
		html_section_end(doc->out);
	doc->is_in_section = false;
}

static struct html_page page_of(const struct doc *doc, const struct doc_head *head)
{
	return (struct html_page){.lang = doc->lang,
				  .title = head->title,
				  .class = head->class,
				  .has_script = head->has_script};
}

void doc_begin(struct doc *doc, const struct doc_head *head)
{
	struct html_page page = page_of(doc, head);

	if (!doc->is_html) {
		put_wrapped(doc, 0, head->title);
		put_wrapped(doc, 0, head->lead);
		return;
	}
	html_begin(doc->out, &page);
	html_put(doc->out,
		 "<header class=\"top\"><p class=\"kind\">%s</p><h1>%s</h1>"
		 "<p class=\"lead\">%s</p></header>\n",
		 head->kind, head->title, head->lead);
	if (head->section_count)
		html_contents(doc->out, head->sections, head->section_count);
	fputs("<main>\n", doc->out);
}

void doc_end(struct doc *doc, const struct doc_head *head)
{
	struct html_page page = page_of(doc, head);

	end_section(doc);
	if (!doc->is_html)
		return;
	fputs("</main>\n", doc->out);
	html_end(doc->out, &page);
}

void doc_verdict(struct doc *doc, enum doc_mood mood, const char *words, const char *text)
{
	static const char *const MOODS[] = {
		[DOC_GOOD] = "good", [DOC_FAIR] = "fair", [DOC_BAD] = "bad"};

	end_section(doc);
	if (doc->is_html) {
		html_put(doc->out, "<div class=\"verdict %s\"><h2>%s</h2><p>%s</p></div>\n",
			 MOODS[mood], words, text);
		return;
	}
	fputc('\n', doc->out);
	put_labelled(doc, 4, "==> ", words);
	put_wrapped(doc, 4, text);
}

void doc_heading(struct doc *doc, const char *id, const char *text)
{
	const struct html_section section = {id, text};

	end_section(doc);
	doc->is_in_section = true;
	if (doc->is_html) {
		html_section(doc->out, &section);
		return;
	}
	fputc('\n', doc->out);
	put_wrapped(doc, 0, text);
	fputc('\n', doc->out);
}

/* ---- paragraphs and lists --------------------------------------------------------------------------------- */

void doc_say(struct doc *doc, const char *text)
{
	close_list(doc);
	if (doc->is_html)
		html_put(doc->out, "<p>%s</p>\n", text);
	else
		put_wrapped(doc, 2, text);
}

void doc_note(struct doc *doc, const char *text)
{
	close_list(doc);
	if (doc->is_html)
		html_put(doc->out, "<p class=\"note\">%s</p>\n", text);
	else
		put_wrapped(doc, 2, text);
}

void doc_none(struct doc *doc, const char *text)
{
	close_list(doc);
	if (doc->is_html)
		html_put(doc->out, "<p class=\"none\">%s</p>\n", text);
	else
		put_wrapped(doc, 2, text);
}

void doc_item(struct doc *doc, const char *text)
{
	open_list(doc, DOC_ITEMS);
	if (doc->is_html)
		html_put(doc->out, "<li>%s</li>\n", text);
	else
		put_labelled(doc, 4, "  - ", text);
}

#define LABEL 20

void doc_row(struct doc *doc, const char *label, const char *text)
{
	BL_CLEANUP(bl_free) char *plain = letters(label);
	BL_CLEANUP(bl_free) char *indented = NULL;

	if (!text || !*text)
		return;
	open_list(doc, DOC_ROWS);
	if (doc->is_html)
		html_put(doc->out, "<dt>%s</dt><dd>%s</dd>\n", label, text);
	else if (plain && asprintf(&indented, "  %s%*s", plain,
				   (int)(LABEL - 2 - BL_MIN(widest(plain), LABEL - 3)), "") > 0)
		put_labelled(doc, LABEL, indented, text);
}

void doc_do(struct doc *doc, const char *command)
{
	BL_CLEANUP(bl_free) char *copy = strdup(command);
	char *rest = copy;

	close_list(doc);
	if (doc->is_html)
		fputs("<pre class=\"do\"><code>", doc->out);
	while (rest) {
		const char *line = strsep(&rest, "\n");

		if (doc->is_html) {
			html_put(doc->out, "%s", line);
			fputs(rest ? "\n" : "", doc->out);
			continue;
		}
		fputs("    ", doc->out);
		tell_safe(doc->out, line);
		fputc('\n', doc->out);
	}
	if (doc->is_html)
		fputs("</code></pre>\n", doc->out);
}

/* ---- the way of the device ---------------------------------------------------------------------------------- */

/* Places are shares of the width, so that letters keep their size on a phone. */
static void put_steps(FILE *out, const char *label, const struct doc_step *steps, size_t count)
{
	unsigned width = (unsigned)(100 / count);

	html_put(out,
		 "<figure class=\"plot\"><div class=\"field\">"
		 "<svg width=\"100%%\" height=\"66\" role=\"img\" aria-label=\"%s:",
		 label);
	for (size_t i = 0; i < count; i++)
		html_put(out, "%s %s %s", i ? "," : "", steps[i].what, steps[i].when);
	fputs("\">\n", out);
	for (size_t i = 0; i + 1 < count; i++) {
		unsigned from = (unsigned)i * width + width / 2;

		html_put(out,
			 "<line class=\"axis\" x1=\"%u%%\" y1=\"14\" x2=\"%u%%\" y2=\"14\" "
			 "stroke-width=\"2\" stroke-dasharray=\"%s\"/>\n",
			 from, from + width, steps[i + 1].is_done ? "none" : "4 4");
	}
	for (size_t i = 0; i < count; i++) {
		unsigned at = (unsigned)i * width + width / 2;

		html_put(out,
			 "<circle class=\"%s\" cx=\"%u%%\" cy=\"14\" r=\"8\"/>"
			 "<text x=\"%u%%\" y=\"42\" text-anchor=\"middle\">%s</text>"
			 "<text x=\"%u%%\" y=\"59\" text-anchor=\"middle\">%s</text>\n",
			 steps[i].is_done ? "s0" : "h0 axis", at, at, steps[i].what, at,
			 steps[i].when);
	}
	fputs("</svg></div></figure>\n", out);
}

void doc_steps(struct doc *doc, const char *label, const struct doc_step *steps, size_t count)
{
	char *line = NULL;
	size_t size;
	FILE *memory;

	end_section(doc);
	if (doc->is_html) {
		put_steps(doc->out, label, steps, count);
		return;
	}
	memory = open_memstream(&line, &size);
	if (!memory)
		return;
	for (size_t i = 0; i < count; i++)
		fprintf(memory, "%s%s%s%s%s", i ? " ► " : "", steps[i].what,
			*steps[i].when ? " (" : "", steps[i].when, *steps[i].when ? ")" : "");
	if (fclose(memory) == 0) {
		fputc('\n', doc->out);
		put_wrapped(doc, 2, line);
	}
	free(line);
}

/* ---- tables ------------------------------------------------------------------------------------------------- */

void doc_table(struct doc *doc, const char *caption, const struct html_column *columns,
	       struct doc_table *out_table)
{
	close_list(doc);
	*out_table = (struct doc_table){.doc = doc, .text = {.indent = 2}};
	for (unsigned i = 0; i < DOC_COLUMNS && columns[i].head; i++) {
		out_table->columns[i] = columns[i];
		snprintf(out_table->heads[i], sizeof(out_table->heads[i]), "%s%s",
			 columns[i].align == HTML_NUMBER ? ">" : "", columns[i].head);
		out_table->text.heads[i] = out_table->heads[i];
		out_table->column_count++;
	}
	out_table->html = (struct html_table){.caption = caption, .columns = out_table->columns};
	if (doc->is_html)
		html_table(doc->out, &out_table->html);
}

static void add_row(struct doc_table *table, const char *const *cells)
{
	char *plain[DOC_COLUMNS] = {NULL};

	for (unsigned i = 0; i < table->column_count; i++)
		plain[i] = letters(cells[i] ? cells[i] : "");
	tell_table_add(&table->text, (const char *const *)plain);
	for (unsigned i = 0; i < table->column_count; i++)
		free(plain[i]);
}

void doc_table_row(struct doc_table *table, const char *const *cells, const char *anchor)
{
	if (!table->doc->is_html) {
		add_row(table, cells);
		return;
	}
	html_row(table->doc->out, &table->html, anchor);
	for (unsigned i = 0; i < table->column_count; i++)
		html_cell(table->doc->out, &table->html, cells[i] ? cells[i] : "");
	html_row_end(table->doc->out);
}

/* "When: 2026-11-22. Who: technician." What is empty is left out. */
static void put_paragraphs(const struct doc_table *table)
{
	const json_t *row;
	size_t index;

	json_array_foreach(table->text.rows, index, row)
	{
		char *line = NULL;
		size_t size;
		FILE *memory = open_memstream(&line, &size);

		if (!memory)
			return;
		for (unsigned i = 0; i < table->column_count; i++) {
			const char *text = json_string_value(json_array_get(row, i));

			if (text && *text)
				fprintf(memory, "%s%s: %s", i ? "; " : "", table->columns[i].head,
					text);
		}
		if (fclose(memory) == 0)
			put_labelled(table->doc, 4, "  - ", line);
		free(line);
	}
}

static void put_table(const struct doc_table *table)
{
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return;
	tell_table_print(memory, &table->text);
	if (fclose(memory) == 0 && widest(text) <= table->doc->widest)
		fputs(text, table->doc->out);
	else
		put_paragraphs(table);
	free(text);
}

void doc_table_end(struct doc_table *table)
{
	if (table->doc->is_html)
		html_table_end(table->doc->out);
	else if (table->text.rows)
		put_table(table);
	tell_table_done(&table->text);
}
