/* Tables: whole without the script, which sorts and searches them. */
#include <string.h>

#include "fs/page/private.h"

static const char *class_of(const struct html_table *table, unsigned column)
{
	static const char *const CLASSES[] = {[HTML_WORDS] = "w",
					      [HTML_NAME] = "m",
					      [HTML_NUMBER] = "n",
					      [HTML_MOMENT] = "m",
					      [HTML_CODE] = "c"};

	return CLASSES[table->columns[column].align];
}

void html_table(FILE *out, const struct html_table *table)
{
	html_put(out, "<div class=\"table\"><table><caption>%s</caption>\n<thead><tr>",
		 table->caption);
	for (unsigned i = 0; i < HTML_COLUMNS && table->columns[i].head; i++) {
		html_put(out, "<th scope=\"col\" class=\"%s\">%s</th>", class_of(table, i),
			 table->columns[i].head);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
}

void html_row(FILE *out, struct html_table *table, const char *anchor)
{
	table->at = 0;
	if (anchor)
		html_put(out, "<tr id=\"%s\">", anchor);
	else
		fputs("<tr>", out);
}

/* Its head is what a card of a narrow screen has for a label. */
void html_cell_begin(FILE *out, struct html_table *table, const char *sort_by)
{
	unsigned column = table->at++;

	html_put(out, "<td class=\"%s\" data-h=\"%s\"", class_of(table, column),
		 table->columns[column].head);
	if (sort_by)
		html_put(out, " data-v=\"%s\"", sort_by);
	fputc('>', out);
}

void html_cell_end(FILE *out)
{
	fputs("</td>", out);
}

void html_cell(FILE *out, struct html_table *table, const char *text)
{
	enum html_align align = table->columns[table->at].align;

	html_cell_begin(out, table, NULL);
	if (align == HTML_NAME || align == HTML_MOMENT)
		html_parts(out, text);
	else
		html_words(out, text, strlen(text));
	html_cell_end(out);
}

static void put_figure(FILE *out, struct html_table *table, uint64_t value,
		       const struct page_figure *shown)
{
	char sort_by[24];

	snprintf(sort_by, sizeof(sort_by), "%llu", (unsigned long long)value);
	html_cell_begin(out, table, strcmp(sort_by, shown->text) == 0 ? NULL : sort_by);
	html_put(out, "%s", shown->text);
	html_cell_end(out);
}

void html_cell_number(FILE *out, struct html_table *table, uint64_t value)
{
	struct page_figure shown = page_grouped(value);

	put_figure(out, table, value, &shown);
}

void html_cell_bytes(FILE *out, struct html_table *table, uint64_t bytes)
{
	struct page_figure shown = page_sized(bytes);

	put_figure(out, table, bytes, &shown);
}

void html_row_end(FILE *out)
{
	fputs("</tr>\n", out);
}

void html_table_end(FILE *out)
{
	fputs("</tbody></table></div>\n", out);
}
