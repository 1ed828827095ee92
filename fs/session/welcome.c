/* The first screen: our own words, laid out for a terminal of any size. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "fs/session/private.h"

#define KEYS "any key: go on   q: leave"
#define LABEL                                                                                      \
	13u /* columns of "Not masked: " and the like; where there are so few that nothing stands beside them, none */
#define WIDE	60u
#define HIGH	16u /* rows; with fewer, empty ones are left out */
#define CUT	"... (a larger terminal shows all of it)"
#define CLEARED "\033[H\033[2J"

struct layout {
	FILE *out;
	struct screen_size size;
	unsigned row, column; /* 0-based, of what comes next */
	unsigned indent;      /* of the rows that a line goes on in */
	bool is_cut;
};

/* Bytes and columns of the next character; what is no UTF-8 is one of each. */
static size_t next_character(const char *text, size_t length, unsigned *out_width)
{
	utf8proc_int32_t point;
	utf8proc_ssize_t step =
		utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length, &point);

	*out_width = 1;
	if (step <= 0)
		return 1;
	*out_width = (unsigned)utf8proc_charwidth(point);
	return (size_t)step;
}

static unsigned width_of(const char *text, size_t length)
{
	unsigned width = 0, one;

	for (size_t at = 0; at < length; width += one)
		at += next_character(text + at, length - at, &one);
	return width;
}

/* The last row is the keys', the one above stays empty or says that something was cut. */
static bool new_row(struct layout *layout)
{
	if (layout->row + 3 > layout->size.rows) {
		layout->is_cut = true;
		return false;
	}
	fputs("\r\n", layout->out);
	layout->row++;
	layout->column = 0;
	return true;
}

static void put_spaces(struct layout *layout, unsigned until)
{
	for (; layout->column < until; layout->column++)
		fputc(' ', layout->out);
}

static bool go_on(struct layout *layout)
{
	if (!new_row(layout))
		return false;
	put_spaces(layout, layout->indent);
	return true;
}

/* One that is longer than a row goes on in the next. */
static bool put_word(struct layout *layout, const char *word, size_t length)
{
	/* A character in the last column would leave the cursor waiting there; so none ever is. */
	unsigned most = layout->size.columns - 1, width = width_of(word, length), one;
	bool has_space = layout->column > layout->indent;

	if (layout->column + has_space + width > most && layout->column > layout->indent) {
		if (!go_on(layout))
			return false;
		has_space = false;
	}
	if (has_space) {
		fputc(' ', layout->out);
		layout->column++;
	}
	for (size_t at = 0, step; at < length; at += step) {
		step = next_character(word + at, length - at, &one);
		if (layout->column + one > most && !go_on(layout))
			return false;
		fwrite(word + at, 1, step, layout->out);
		layout->column += one;
	}
	return true;
}

/* What stands in front of a tab is a label, in a column of its own. */
static bool put_label(struct layout *layout, const char *line, size_t length)
{
	if (!put_word(layout, line, length))
		return false;
	if (layout->size.columns >= WIDE) {
		layout->indent = LABEL;
		put_spaces(layout, LABEL);
	}
	return true;
}

static bool put_line(struct layout *layout, const char *line, size_t length)
{
	size_t label = strcspn(line, "\t\n");

	layout->indent = 0;
	if (label < length && !put_label(layout, line, label))
		return false;
	for (size_t at = label < length ? label + 1 : 0; at < length;) {
		size_t word = strcspn(line + at, " \n");

		if (word && !put_word(layout, line + at, word))
			return false;
		at += word + 1;
	}
	return true;
}

static void put_text(struct layout *layout, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		const char *next = text + length;

		if (!put_line(layout, text, length))
			return;
		while (*next == '\n') {
			next++;
			if (next - text > (ptrdiff_t)length + 1 && layout->size.rows < HIGH)
				continue;
			if (!new_row(layout)) {
				layout->is_cut = *next != '\0';
				return;
			}
		}
		text = next;
	}
}

/* On a row of its own, in no more columns than there are. */
static void put_at(struct layout *layout, unsigned row, const char *text)
{
	fprintf(layout->out, "\033[%u;1H\033[K%.*s", row, (int)layout->size.columns - 1, text);
}

char *welcome_page(const char *text, struct screen_size size)
{
	char *page = NULL;
	size_t length;
	struct layout layout = {.out = open_memstream(&page, &length), .size = size};

	if (!layout.out)
		return NULL;
	fputs(CLEARED, layout.out);
	put_text(&layout, text);
	if (layout.is_cut)
		put_at(&layout, size.rows - 1, CUT);
	put_at(&layout, size.rows, KEYS);
	if (fclose(layout.out) != 0) {
		free(page);
		return NULL;
	}
	return page;
}

void session_span(int64_t seconds, char *out, size_t size)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} UNITS[] = {{3600, "hour"}, {60, "minute"}, {1, "second"}};

	for (size_t i = 0; i < BL_COUNT(UNITS); i++)
		if (seconds % UNITS[i].seconds == 0) {
			int64_t count = seconds / UNITS[i].seconds;

			snprintf(out, size, "%lld %s%s", (long long)count, UNITS[i].name,
				 count == 1 ? "" : "s");
			return;
		}
}
