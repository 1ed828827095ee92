/* tell.h - answers in words for people: safe texts, dates, spans, tables. Private to fs/cli; prints and asks nobody */
#ifndef FS_CLI_TELL_H
#define FS_CLI_TELL_H

#include <jansson.h>
#include <stdio.h>

#include "policy/base.h"

#define TELL_WIDE 80 /* columns of a page and of a narrow terminal */

/* tell_is_utf8 - does whoever reads this see more than ASCII? By the locale's words in the environment */
bool tell_is_utf8(void);

/*
 * tell_safe - text of people on one line: what is neither ASCII nor, where that can be seen, a letter or sign as \xNN
 *
 * tell_clean: the same as a text of its own, owned by the caller (free); NULL: no memory. @out_columns: how wide it is; may be NULL
 */
void tell_safe(FILE *out, const char *text);
char *tell_clean(const char *text, size_t *out_columns);

/* tell_lines - a text of many lines (YAML, a page), each of them safe; unchanged when @is_raw */
void tell_lines(FILE *out, const char *text, bool is_raw);

/* tell_wrapped - @text in lines of at most TELL_WIDE columns, each @indent in; its own line ends are kept. Gives back how many lines */
size_t tell_wrapped(FILE *out, unsigned indent, const char *text);

/* tell_row - @label, and @text beside it, @indent in: wrapped as above, but for line ends of its own, which are shown as \x0a */
void tell_row(FILE *out, unsigned indent, const char *label, const char *text);

/*
 * tell_date - "2026-11-22 10:00": what @object says under @key, or its @key_unix in UTC; "" when it says neither, or 0
 *
 * tell_utc: of seconds since 1970. tell_unix: @key_unix as a number, 0: none
 */
#define TELL_DATE 24
char *tell_date(const json_t *object, const char *key, char out[TELL_DATE]);
char *tell_utc(int64_t at_unix, char out[TELL_DATE]);
int64_t tell_unix(const json_t *object, const char *key);

/* tell_who - "uid:61002", or "bailee" for nobody (the keeper); a text as it is, cut */
#define TELL_WHO 72
const char *tell_who(const json_t *object, const char *key, char out[TELL_WHO]);

/* tell_span - "30 days", "72 hours", "90 seconds": exact. tell_about: "3 days", "2 hours": to the nearest, for how long still */
#define TELL_SPAN 32
const char *tell_span(int64_t seconds, char out[TELL_SPAN]);
const char *tell_about(int64_t seconds, char out[TELL_SPAN]);

/* "1 file", "2 files": of a noun whose plural has an s */
#define TELL_COUNT 48
const char *tell_count(long long count, const char *noun, char out[TELL_COUNT]);

/* Words with something between, ", " unless said; what does not fit is left out whole. */
struct tell_list {
	const char *between;
	char text[384];
	size_t length;
};
void tell_list_add(struct tell_list *list, const char *format, ...) BL_PRINTF(2, 3);

/*
 * A table whose columns are as wide as what stands in them; one in which nothing stands is left out. A head that begins with '>' is
 * of numbers. tell_table_done is due.
 */
#define TELL_COLUMNS 8
struct tell_table {
	const char *heads[TELL_COLUMNS]; /* up to the first NULL */
	unsigned indent;
	json_t *rows; /* of arrays of texts */
};
void tell_table_add(struct tell_table *table, const char *const *cells);
void tell_table_print(FILE *out, const struct tell_table *table);
void tell_table_done(struct tell_table *table);
static inline BL_UNUSED void tell_table_done_cleanup(struct tell_table *table)
{
	tell_table_done(table);
}

#endif
