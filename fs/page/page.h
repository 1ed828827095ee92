/* page.h - pages for people: lines of a terminal, and one file of HTML that is safe, self-contained and reads on any screen and on paper
 *
 * page_ is what both forms share, html_ what one of them needs. Everything goes to a FILE; whether it all arrived is the caller's to ask
 * (ferror, fclose). No state, so any number of threads. A page of HTML has one style sheet and one script, both named by their digest in
 * its Content-Security-Policy: no style attribute and no other script works in it, and nothing is ever fetched.
 */
#ifndef FS_PAGE_PAGE_H
#define FS_PAGE_PAGE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/base.h"

/* ---- text.c: words and numbers ------------------------------------------------------------------------- */

#define PAGE_WIDTH 80 /* columns of a line */
#define PAGE_LABEL 22 /* where values begin, behind their labels */

/*
 * page_wrap - the words of @text in lines that begin at column @indent, of which the first is begun already; then a new line
 *
 * A word that fits on no such line (a digest) has one of its own, and stays whole. Columns are counted by characters of UTF-8.
 */
void page_wrap(FILE *out, const char *text, size_t indent);

/*
 * page_seen - bytes of the character that @text begins with, of @length bytes; 0: the first is to be shown as \xNN
 *
 * So are control characters, marks that turn the direction of what follows, what cannot be seen, what is no character, and whatever is
 * not UTF-8.
 */
#define PAGE_CHARACTER 4 /* bytes of the longest: more need not be counted for @length */
size_t page_seen(const char *text, size_t length);

/* A few characters by value: PAGE_GROUPED(n) is good until the end of the expression that it stands in. */
struct page_figure {
	char text[32];
};
struct page_figure page_grouped(uint64_t value); /* "512,110,190,592" */
struct page_figure page_sized(uint64_t bytes);	 /* "512.1 GB": of a thousand, as media are sold */
#define PAGE_GROUPED(value) page_grouped(value).text
#define PAGE_SIZED(bytes)   page_sized(bytes).text
const char *page_plural(uint64_t count, const char *one, const char *many);

/* ---- html.c: the writer -------------------------------------------------------------------------------- */

/*
 * html_put - @html as it is, what goes into it escaped: html_put(out, "<a href=\"#%s\">%s</a>", id, name)
 *
 * @html is a literal (the compiler refuses anything else). %s is a text between tags or in a quoted attribute: &<>"' become entities,
 * what page_seen does not let by becomes \xNN. Also %d %u with nothing, l, ll or z before, %.Nf (N one digit), %%; nothing else.
 * No attribute that is an address (href but "#...", src) or a script may hold a %s.
 */
void html_put(FILE *out, const char *html, ...) BL_PRINTF(2, 3);

/*
 * html_text - @length bytes, escaped the same way; they may hold NUL
 * html_words - between tags only: the same, which may be broken in what has neither space nor hyphen for HTML_WORD characters
 * html_parts - between tags only: of a text whose words are never broken, not even at a hyphen
 */
#define HTML_WORD 20
void html_text(FILE *out, const char *text, size_t length);
void html_words(FILE *out, const char *text, size_t length);
void html_parts(FILE *out, const char *text);

/*
 * html_begin - from the doctype into <body>; html_end - the rest, with the script when @has_script was said to both
 *
 * @lang  "en"; a literal
 * @class of the body; a literal: "" is a long report; "sheet" one page, in two columns on paper
 */
struct html_page {
	const char *lang, *title, *class;
	bool has_script; /* sort and filter tables; without it nothing is missing */
};
void html_begin(FILE *out, const struct html_page *page);
void html_end(FILE *out, const struct html_page *page);

/* A section of a report with a heading and an anchor; contents list them. @id, @title: literals */
struct html_section {
	const char *id, *title;
};
void html_section(FILE *out, const struct html_section *section);
void html_section_end(FILE *out);
void html_contents(FILE *out, const struct html_section *sections, size_t count);

/* ---- table.c ------------------------------------------------------------------------------------------- */

enum html_align {
	HTML_WORDS,  /* from the left, broken between words and in words that are too long */
	HTML_NAME,   /* the same, never broken: the id of a device */
	HTML_NUMBER, /* from the right, digits of one width; sorted as numbers */
	HTML_MOMENT, /* from the left, digits of one width, never broken */
	HTML_CODE,   /* a digest or a rule's name: as typed, may break anywhere */
};
struct html_column {
	const char *head; /* up to the first NULL */
	enum html_align align;
};

/*
 * html_table - a table with its heads; then for each row html_row, a html_cell* for each column, html_row_end; then html_table_end
 *
 * On a narrow screen each row becomes a card with the heads as labels; on paper the heads are repeated. With the page's script, heads
 * sort, and a table of more than ten rows can be searched.
 */
#define HTML_COLUMNS 12
struct html_table {
	const char *caption;		   /* what it is, in a few words */
	const struct html_column *columns; /* at most HTML_COLUMNS */
	unsigned at;			   /* the column that is next; 0 */
};
void html_table(FILE *out, const struct html_table *table);
/* @anchor: the row's id ("event-17": of [a-z0-9-], once in a page); NULL: none */
void html_row(FILE *out, struct html_table *table, const char *anchor);
void html_cell(FILE *out, struct html_table *table, const char *text);
void html_cell_number(FILE *out, struct html_table *table, uint64_t value);
void html_cell_bytes(FILE *out, struct html_table *table,
		     uint64_t bytes); /* "1.2 MB", sorted by bytes */
/* A cell whose inside is html_put by the caller; @sort_by: what it is sorted by, NULL: its text */
void html_cell_begin(FILE *out, struct html_table *table, const char *sort_by);
void html_cell_end(FILE *out);
void html_row_end(FILE *out);
void html_table_end(FILE *out);

/* ---- svg.c: plots -------------------------------------------------------------------------------------- */

/*
 * Each is a <figure> with a caption, axes in round numbers, and a text that says the same to who cannot see it. Their widths are shares,
 * so that they fit any screen with letters of full size. The two series differ in lightness too, not by colour alone.
 */
struct html_point {
	const char *label; /* under the axis: "22 Nov" */
	const char *
		words; /* the whole of it, shown when pointed at: "Sun 22 November 2026"; NULL: the label */
	uint64_t values[2]; /* stacked, the second on top */
};
struct html_plot {
	const char *id;	       /* a literal, once in a page */
	const char *title;     /* over it */
	const char *text;      /* what it shows, in a sentence */
	const char *series[2]; /* what the values are; the second NULL: there is one */
	const struct html_point *points;
	size_t count;
	bool is_bytes; /* values are bytes */
};
/* html_bars_over_time - points side by side, an axis from zero; html_bars - a row for each point, with its label and value */
void html_bars_over_time(FILE *out, const struct html_plot *plot);
void html_bars(FILE *out, const struct html_plot *plot);

/* html_week - a map of heat, @hours[weekday * 24 + hour], Monday first; @days: seven literals ("Mon") */
#define HTML_WEEK 168
void html_week(FILE *out, const char *id, const char *title, const char *text,
	       const char *const days[7], const uint64_t hours[HTML_WEEK]);

/* html_spark - a line of a word's size; @text says what it shows */
void html_spark(FILE *out, const char *text, const uint64_t *values, size_t count);

/* html_ticks - an axis from 0 to at least @largest in round steps (1, 2, 2.5, 5 times a power of ten); at most 6 steps */
struct html_axis {
	uint64_t step;
	unsigned steps; /* at least 1 */
};
struct html_axis html_ticks(uint64_t largest);

#endif
