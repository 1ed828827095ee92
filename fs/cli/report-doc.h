/* report-doc.h - a report that is written once and read in two forms: lines of a terminal or letter, or one page of HTML. Private to fs/cli */
#ifndef FS_CLI_REPORT_DOC_H
#define FS_CLI_REPORT_DOC_H

#include <stdio.h>

#include "fs/cli/tell.h"
#include "fs/page/page.h"

struct doc {
	FILE *out;
	bool is_html;
	const char *lang; /* "en", "de" */
	size_t widest;	  /* columns of a table in text: one that is wider becomes paragraphs */
	enum doc_open { DOC_NOTHING, DOC_ITEMS, DOC_ROWS } open;
	bool is_in_section;
};

/* The beginning: @kind over it, @title, @lead under it. @class as of struct html_page */
struct doc_head {
	const char *class, *kind, *title, *lead;
	bool has_script;
	const struct html_section *sections; /* contents; none: there are none */
	size_t section_count;
};
void doc_begin(struct doc *doc, const struct doc_head *head);
void doc_end(struct doc *doc, const struct doc_head *head);

/* How it stands, in a word or two, coloured on a page. */
enum doc_mood { DOC_GOOD, DOC_FAIR, DOC_BAD };
void doc_verdict(struct doc *doc, enum doc_mood mood, const char *words, const char *text);

/* The way of the device: what happened, one behind the other. What did not happen yet is hollow. */
struct doc_step {
	const char *what, *when;
	bool is_done;
};
void doc_steps(struct doc *doc, const char *label, const struct doc_step *steps, size_t count);

/* @id a literal. The section before is ended. */
void doc_heading(struct doc *doc, const char *id, const char *text);
void doc_say(struct doc *doc, const char *text);
void doc_note(struct doc *doc, const char *text); /* faint */
void doc_none(struct doc *doc, const char *text); /* there is nothing of this kind */
void doc_item(struct doc *doc, const char *text);
/* What stands beside its label; nothing of an empty @text */
void doc_row(struct doc *doc, const char *label, const char *text);
void doc_do(struct doc *doc, const char *command); /* to be typed: lines are not broken */

/* A table; in text it is one whose lines fit, or a paragraph a row. doc_table_end is due */
#define DOC_COLUMNS TELL_COLUMNS
struct doc_table {
	struct doc *doc;
	struct html_table html;
	struct html_column columns[DOC_COLUMNS + 1];
	unsigned column_count;
	char heads[DOC_COLUMNS][48]; /* of text: with what says that they are of numbers */
	struct tell_table text;
};
void doc_table(struct doc *doc, const char *caption, const struct html_column *columns,
	       struct doc_table *out_table);
/* doc_table_row - @cells: as many as there are columns; NULL: nothing. @anchor: as of html_row */
void doc_table_row(struct doc_table *table, const char *const *cells, const char *anchor);
void doc_table_end(struct doc_table *table);

#endif
