#include "fs/session/screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "fs/session/screen-private.h"

/* What one byte becomes at most, but for the final one of a repeat: erasing with its moves and a region, colours, two characters */
#define STEP_PLAIN 512u

struct screen_size screen_clamp(struct screen_size size)
{
	struct screen_size clamped = {
		.rows = BL_MIN(BL_MAX(size.rows, SCREEN_ROWS_LEAST), SCREEN_MOST),
		.columns = BL_MIN(BL_MAX(size.columns, SCREEN_COLUMNS_LEAST), SCREEN_MOST),
	};

	return clamped;
}

unsigned screen_height(const struct screen *screen)
{
	return screen->size.rows - 1;
}

struct screen_size screen_viewer(const struct screen *screen)
{
	struct screen_size size = screen->size;

	size.rows--;
	return size;
}

static const struct pen PEN = {.charsets = {'B', 'B'}};

static void forget(struct screen *screen)
{
	screen->top = 0;
	screen->bottom = screen_height(screen) - 1;
	screen->wraps = true;
	screen->pen = screen->saved = PEN;
	screen->parse = PARSE_TEXT;
	screen->missing = 0;
	screen->last = 0;
}

struct screen *screen_new(struct screen_size size)
{
	struct screen *screen = calloc(1, sizeof(*screen));

	if (!screen)
		return NULL;
	screen->size = screen_clamp(size);
	screen->terminal.charset = 'B';
	forget(screen);
	return screen;
}

void screen_free(struct screen *screen)
{
	free(screen);
}

/* Whole or not at all; every caller saw to the room before. */
void screen_say(struct screen *screen, const void *bytes, size_t length)
{
	struct screen_out *out = screen->out;

	if (out->room - out->length < length)
		return;
	memcpy(out->bytes + out->length, bytes, length);
	out->length += length;
}

void screen_print(struct screen *screen, const char *format, ...)
{
	char text[64];
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < sizeof(text))
		screen_say(screen, text, (size_t)length);
}

static int print_colour(char *text, size_t room, uint32_t colour, unsigned base)
{
	unsigned number = colour & 0xffffff;

	switch (colour & ~UINT32_C(0xffffff)) {
	case COLOUR_BASIC:
		return snprintf(text, room, ";%u",
				number < 8 ? base + number : base + 60 + number - 8);
	case COLOUR_INDEXED:
		return snprintf(text, room, ";%u;5;%u", base + 8, number);
	case COLOUR_DIRECT:
		return snprintf(text, room, ";%u;2;%u;%u;%u", base + 8, number >> 16,
				number >> 8 & 0xff, number & 0xff);
	default:
		return 0;
	}
}

void screen_colours(struct screen *screen)
{
	const struct colours *colours = &screen->pen.colours;
	char text[128] = "\033[0";
	size_t length = 3;

	if (memcmp(colours, &screen->terminal.colours, sizeof(*colours)) == 0)
		return;
	for (unsigned style = 1; style < 32; style++) {
		if (colours->styles >> style & 1)
			length += (size_t)snprintf(text + length, sizeof(text) - length, ";%u",
						   style == 31 ? 53 : style);
	}
	length += (size_t)print_colour(text + length, sizeof(text) - length, colours->front, 30);
	/* Some terminals read 16 numbers of a sequence at most. */
	if (colours->back >= COLOUR_INDEXED) {
		screen_say(screen, text, length);
		screen_say(screen, "m\033[", 3);
		length = (size_t)print_colour(text, sizeof(text), colours->back, 40);
		screen_say(screen, text + 1, length - 1);
		length = 0;
	} else {
		length += (size_t)print_colour(text + length, sizeof(text) - length, colours->back,
					       40);
	}
	text[length++] = 'm';
	screen_say(screen, text, length);
	screen->terminal.colours = *colours;
}

void screen_charset(struct screen *screen, char charset)
{
	if (screen->terminal.charset == charset)
		return;
	screen_print(screen, "\033(%c", charset);
	screen->terminal.charset = charset;
}

static void move(struct screen *screen, unsigned row, unsigned column)
{
	screen_print(screen, "\033[%u;%uH", row + 1, column + 1);
	screen->terminal.row = row;
	screen->terminal.column = column;
	screen->terminal.is_sure = true;
	screen->terminal.is_adrift = false;
}

void screen_place(struct screen *screen)
{
	unsigned row = screen->pen.row, column = screen->pen.column;
	bool is_next = row == screen->terminal.row + 1 && screen->terminal.row != screen->bottom;

	if (row == screen->terminal.row && column == screen->terminal.column &&
	    screen->terminal.is_sure)
		return;
	if (column != 0 || (row != screen->terminal.row && !is_next)) {
		move(screen, row, column);
		return;
	}
	screen_say(screen, "\r\n", is_next ? 2 : 1);
	screen->terminal.row = row;
	screen->terminal.column = 0;
	screen->terminal.is_sure = true;
	screen->terminal.is_adrift = false;
}

/* The only newline that scrolls, and only with the cursor on the region's bottom: below it the last row would be next. */
void screen_index(struct screen *screen)
{
	struct pen *pen = &screen->pen;

	pen->is_full = false;
	if (pen->row == screen->bottom) {
		screen_place(screen);
		screen_colours(screen);
		screen_say(screen, "\n", 1);
	} else if (pen->row + 1 < screen_height(screen)) {
		pen->row++;
	}
}

void screen_reverse_index(struct screen *screen)
{
	struct pen *pen = &screen->pen;

	pen->is_full = false;
	if (pen->row == screen->top) {
		screen_place(screen);
		screen_colours(screen);
		screen_say(screen, "\033M", 2);
	} else if (pen->row) {
		pen->row--;
	}
}

/* A terminal puts its cursor home after that. */
static void say_region(struct screen *screen, unsigned top, unsigned bottom)
{
	screen_print(screen, "\033[%u;%ur", top + 1, bottom + 1);
	screen->terminal.row = screen->terminal.column = 0;
	screen->terminal.is_sure = true;
	screen->terminal.is_adrift = false;
}

void screen_region(struct screen *screen, unsigned top, unsigned bottom)
{
	screen->top = top;
	screen->bottom = bottom;
	say_region(screen, top, bottom);
}

/* Rows @first to @last, by deleting lines in a region that ends with @last: whatever the terminal does, the mark's row is outside. */
static void erase_rows(struct screen *screen, unsigned first, unsigned last)
{
	bool is_other = screen->top != 0 || screen->bottom != last;

	if (last == 0) { /* no terminal has a region of one row */
		move(screen, 0, 0);
		screen_say(screen, "\033[2K", 4);
		return;
	}
	if (is_other)
		say_region(screen, 0, last);
	move(screen, first, 0);
	screen_print(screen, "\033[%uM", last - first + 1);
	if (is_other)
		say_region(screen, screen->top, screen->bottom);
}

void screen_erase(struct screen *screen, unsigned kind)
{
	struct pen *pen = &screen->pen;
	unsigned height = screen_height(screen);

	pen->is_full = false;
	screen_colours(screen);
	if (kind == 2) {
		erase_rows(screen, 0, height - 1);
		return;
	}
	if (kind == 0 && pen->row + 1 < height)
		erase_rows(screen, pen->row + 1, height - 1);
	if (kind == 1 && pen->row)
		erase_rows(screen, 0, pen->row - 1);
	screen_place(screen);
	screen_print(screen, "\033[%uK", kind);
}

static bool has_room(const struct screen_out *out, size_t bytes)
{
	return out->room - out->length >= bytes;
}

/* One character of the mark's text; its width, 0: nothing. What nobody knows is a question mark. */
static unsigned mark_glyph(struct screen *screen, uint32_t point, unsigned column)
{
	unsigned width;
	uint8_t bytes[4];
	enum glyph kind = glyph_kind(point, &width);

	if (kind == GLYPH_NOTHING || kind == GLYPH_MARK)
		return 0;
	if (kind == GLYPH_UNKNOWN) {
		point = '?';
		width = 1;
	}
	if (column + width > screen->size.columns)
		return 0;
	if (!screen->terminal.is_sure)
		move(screen, screen_height(screen), column);
	screen_say(screen, bytes, glyph_encode(point, bytes));
	screen->terminal.is_sure = kind != GLYPH_UNSURE;
	return width;
}

static void draw_mark(struct screen *screen)
{
	const utf8proc_uint8_t *text = (const utf8proc_uint8_t *)screen->mark;
	struct pen viewers = screen->pen;
	unsigned column = 0;
	utf8proc_int32_t point;

	screen->pen.colours = (struct colours){.styles = 1u << 7};
	screen_colours(screen);
	screen_charset(screen, 'B');
	move(screen, screen_height(screen), 0);
	while (*text && column < screen->size.columns) {
		utf8proc_ssize_t length = utf8proc_iterate(text, -1, &point);

		if (length < 1) {
			length = 1;
			point = '?';
		}
		column += mark_glyph(screen, (uint32_t)point, column);
		text += length;
	}
	if (!screen->terminal.is_sure && column < screen->size.columns)
		move(screen, screen_height(screen), column);
	for (; column < screen->size.columns; column++)
		screen_say(screen, " ", 1);
	screen->pen = viewers;
	screen->last = 0;
	move(screen, viewers.row, viewers.column);
	screen_colours(screen);
}

void screen_mark(struct screen *screen, const char *text, struct screen_out *out)
{
	if (!has_room(out, SCREEN_ROOM))
		return;
	screen->out = out;
	snprintf(screen->mark, sizeof(screen->mark), "%s", text);
	draw_mark(screen);
}

static void clear(struct screen *screen)
{
	screen_say(screen, "\033[0m\033[2J", 8);
	screen->terminal.colours = (struct colours){0};
	screen_region(screen, 0, screen_height(screen) - 1);
	screen->pen.row = screen->pen.column = 0;
	screen->pen.is_full = false;
	screen->last = 0;
	if (screen->mark[0])
		draw_mark(screen);
}

void screen_open(struct screen *screen, struct screen_out *out)
{
	/* Insert mode, origin mode, side margins and wrap off; cursor and keys as by default. */
	static const char TAKE[] =
		"\033[?1049h\017\033(B\033[4l\033[?6l\033[?69l\033[?7l\033[?1l\033>\033[?25h";

	if (!has_room(out, SCREEN_ROOM))
		return;
	screen->out = out;
	screen_say(screen, TAKE, sizeof(TAKE) - 1);
	screen->terminal.charset = 'B';
	forget(screen);
	clear(screen);
}

void screen_close(struct screen *screen, struct screen_out *out)
{
	static const char GIVE[] = "\033[0m\033[r\033[2J\033[H\017\033(B\033[?7h\033[?1l\033>\033[?"
				   "12l\033[?25h\033[?1049l";

	if (!has_room(out, SCREEN_ROOM))
		return;
	screen->out = out;
	screen_say(screen, GIVE, sizeof(GIVE) - 1);
	screen->terminal.charset = 'B';
	screen->terminal.colours = (struct colours){0};
	forget(screen);
}

void screen_resize(struct screen *screen, struct screen_size size, struct screen_out *out)
{
	if (!has_room(out, SCREEN_ROOM))
		return;
	screen->out = out;
	screen->size = screen_clamp(size);
	screen->saved.row = BL_MIN(screen->saved.row, screen_height(screen) - 1);
	screen->saved.column = BL_MIN(screen->saved.column, screen->size.columns - 1);
	screen->saved.is_full = false;
	clear(screen);
}

static size_t step_room(const struct screen *screen, uint8_t byte)
{
	return screen->parse == PARSE_CSI && byte == 'b' ? SCREEN_STEP : STEP_PLAIN;
}

size_t screen_feed(struct screen *screen, const uint8_t *bytes, size_t length,
		   struct screen_out *out, uint64_t *out_shown)
{
	size_t taken = 0;

	screen->out = out;
	screen->shown = 0;
	while (taken < length && has_room(out, step_room(screen, bytes[taken]))) {
		if (screen->parse == PARSE_TEXT) {
			size_t run = screen_line(screen, bytes + taken, length - taken,
						 out->room - out->length - STEP_PLAIN);

			taken += run;
			if (run)
				continue;
		}
		screen_parse(screen, bytes[taken++]);
	}
	/* Where the cursor is seen; an unsure column is said when something is drawn there. */
	if (taken && (screen->terminal.row != screen->pen.row ||
		      screen->terminal.column != screen->pen.column))
		screen_place(screen);
	*out_shown += screen->shown;
	return taken;
}
