/* screen-terminal.h - a terminal with cells, for tests of fs/session/screen.h: what xterm does with a stream, as simple as it can be said
 *
 * Written without a look at the screen's own model. As a strict one it also accepts nothing but what the screen may say, and nothing in
 * the last row; wrong then says what it was.
 */
#ifndef TESTS_UNIT_FS_SESSION_SCREEN_TERMINAL_H
#define TESTS_UNIT_FS_SESSION_SCREEN_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define TERMINAL_ROWS	 40u
#define TERMINAL_COLUMNS 140u

struct look {
	uint32_t styles, front, back;
};

struct cell {
	uint32_t point; /* 0: the right half of a wide one */
	uint32_t marks[3];
	struct look look;
	char charset;
};

struct cursor {
	unsigned row, column;
	bool is_pending;
	struct look look;
	char charsets[2];
	bool is_shifted;
};

enum speaker {
	SPEAKER_ANY,  /* lenient: a terminal as they are */
	SPEAKER_FEED, /* what screen_feed says: its table, above the last row */
	SPEAKER_OURS, /* what open, close, resize and mark say */
};

struct terminal {
	unsigned rows, columns;
	struct cell cells[TERMINAL_ROWS][TERMINAL_COLUMNS];
	struct cursor now, saved;
	unsigned top, bottom;
	bool wraps;
	enum speaker speaker;
	int odd_width; /* not 0: so wide is every character beyond U+052F that is not a zero-width one */
	struct cell *last;
	uint32_t last_point;
	unsigned last_marks;
	uint64_t text; /* bytes of characters that became visible */
	const char *wrong;
};

static inline void terminal_wrong(struct terminal *t, const char *what)
{
	if (!t->wrong && t->speaker != SPEAKER_ANY)
		t->wrong = what;
}

static inline void terminal_blank(struct terminal *t, unsigned row, unsigned from, unsigned to)
{
	if (row + 1 == t->rows && t->speaker == SPEAKER_FEED)
		terminal_wrong(t, "the last row was erased");
	for (unsigned i = from; i < to; i++) {
		memset(&t->cells[row][i], 0, sizeof(struct cell));
		t->cells[row][i].point = ' ';
		t->cells[row][i].look.back = t->now.look.back;
	}
}

static inline void terminal_copy(struct terminal *t, unsigned to, unsigned from)
{
	if (t->rows - 1 == to && t->speaker == SPEAKER_FEED)
		terminal_wrong(t, "the last row was scrolled");
	memcpy(t->cells[to], t->cells[from], sizeof(t->cells[to]));
}

/* Rows top to bottom, @by rows up (or down); blank ones come in. */
static inline void terminal_shift(struct terminal *t, unsigned top, unsigned bottom, unsigned by,
				  bool is_up)
{
	unsigned height = bottom - top + 1;

	by = by < height ? by : height;
	for (unsigned i = 0; i < height - by; i++) {
		if (is_up)
			terminal_copy(t, top + i, top + i + by);
		else
			terminal_copy(t, bottom - i, bottom - i - by);
	}
	for (unsigned i = 0; i < by; i++)
		terminal_blank(t, is_up ? bottom - i : top + i, 0, t->columns);
}

static inline void terminal_start(struct terminal *t, unsigned rows, unsigned columns)
{
	memset(t, 0, sizeof(*t));
	t->rows = rows;
	t->columns = columns;
	t->bottom = rows - 1;
	t->wraps = true;
	t->now.charsets[0] = t->now.charsets[1] = 'B';
	t->saved = t->now;
	for (unsigned i = 0; i < rows; i++)
		terminal_blank(t, i, 0, columns);
}

static inline void terminal_index(struct terminal *t)
{
	t->now.is_pending = false;
	if (t->now.row == t->bottom)
		terminal_shift(t, t->top, t->bottom, 1, true);
	else if (t->now.row + 1 < t->rows)
		t->now.row++;
}

static inline void terminal_reverse(struct terminal *t)
{
	t->now.is_pending = false;
	if (t->now.row == t->top)
		terminal_shift(t, t->top, t->bottom, 1, false);
	else if (t->now.row)
		t->now.row--;
}

static inline void terminal_combine(struct terminal *t, uint32_t point, unsigned bytes)
{
	if (!t->last || t->last_marks >= 3) {
		/* An odd one has no room for some characters, and so marks without them. */
		if (!t->odd_width)
			terminal_wrong(t, "a combining mark on nothing, or a flood of them");
		return;
	}
	t->last->marks[t->last_marks++] = point;
	t->text += bytes;
}

static inline void terminal_put(struct terminal *t, uint32_t point, unsigned bytes)
{
	int width = utf8proc_charwidth((utf8proc_int32_t)point);
	struct cursor *now = &t->now;

	if (width <= 0) {
		terminal_combine(t, point, bytes);
		return;
	}
	width = t->odd_width && point > 0x52f ? t->odd_width : width;
	if (t->wraps && (now->is_pending || now->column + (unsigned)width > t->columns)) {
		terminal_index(t);
		now->column = 0;
	}
	if (now->column + (unsigned)width > t->columns)
		return;
	if (now->row + 1 == t->rows && t->speaker == SPEAKER_FEED)
		terminal_wrong(t, "a character in the last row");
	struct cell cell = {point, {0}, now->look, now->charsets[now->is_shifted]};

	t->last = &t->cells[now->row][now->column];
	*t->last = cell;
	if (width == 2) {
		t->last[1] = cell;
		t->last[1].point = 0;
	}
	t->text += bytes;
	t->last_point = point;
	t->last_marks = 0;
	now->column += (unsigned)width;
	now->is_pending = now->column == t->columns;
	now->column -= now->is_pending;
}

static inline uint32_t terminal_colour(const unsigned *n, unsigned count, unsigned *used)
{
	if (count >= 3 && n[1] == 5) {
		*used = 3;
		return n[2] < 256 ? 0x1000000 + n[2] : 0;
	}
	if (count >= 5 && n[1] == 2) {
		*used = 5;
		bool is_one = n[2] < 256 && n[3] < 256 && n[4] < 256;

		return is_one ? 0x2000000 + n[2] * 65536 + n[3] * 256 + n[4] : 0;
	}
	*used = count;
	return 0;
}

static inline void terminal_long_colour(struct terminal *t, const unsigned *n, unsigned count,
					unsigned *used)
{
	uint32_t *which = n[0] == 38 ? &t->now.look.front : &t->now.look.back;
	uint32_t colour = terminal_colour(n, count, used);

	if (colour)
		*which = colour;
	else
		terminal_wrong(t, "a colour that is none");
}

static inline void terminal_style(struct terminal *t, unsigned n)
{
	struct look *look = &t->now.look;
	uint32_t off = n == 22	 ? 0x6
		       : n == 24 ? 1u << 4 | 1u << 21
		       : n == 55 ? 1u << 31
				 : 1u << (n % 20);

	if (n == 0)
		memset(look, 0, sizeof(*look));
	else if ((n <= 5 && n >= 1) || n == 7 || n == 9)
		look->styles = (look->styles & (n == 4 ? ~(1u << 21) : ~0u)) | 1u << n;
	else if (n == 21)
		look->styles = (look->styles & ~(1u << 4)) | 1u << 21;
	else if (n == 53)
		look->styles |= 1u << 31;
	else if (n == 55 || n == 22 || n == 23 || n == 24 || n == 25 || n == 27 || n == 29)
		look->styles &= ~off;
	else if ((n >= 30 && n <= 37) || (n >= 90 && n <= 97))
		look->front = n;
	else if ((n >= 40 && n <= 47) || (n >= 100 && n <= 107))
		look->back = n - 10;
	else if (n == 39)
		look->front = 0;
	else if (n == 49)
		look->back = 0;
	else
		terminal_wrong(t, "a style that is not allowed");
}

static inline void terminal_looks(struct terminal *t, const unsigned *n, unsigned count)
{
	for (unsigned i = 0, used = 1; i < count; i += used) {
		used = 1;
		if (n[i] == 38 || n[i] == 48)
			terminal_long_colour(t, n + i, count - i, &used);
		else
			terminal_style(t, n[i]);
	}
}

static inline void terminal_clear(struct terminal *t)
{
	for (unsigned i = 0; i < t->rows; i++)
		terminal_blank(t, i, 0, t->columns);
}

/* The alternate screen only clears; a real one has two, but the screen says so of itself. */
static inline void terminal_modes(struct terminal *t, const unsigned *n, unsigned count, bool is_on)
{
	bool clears = false;

	for (unsigned i = 0; i < count; i++) {
		bool is_viewers = n[i] == 1 || n[i] == 12 || n[i] == 25;
		bool is_ours = n[i] == 6 || n[i] == 7 || n[i] == 69 || n[i] == 1049;

		if (!is_viewers && (t->speaker == SPEAKER_FEED || !is_ours))
			terminal_wrong(t, "a mode that is not allowed");
		if (n[i] == 7) {
			t->wraps = is_on;
			t->now.is_pending &= is_on;
		}
		if (n[i] == 1049 && is_on)
			t->saved = t->now;
		else if (n[i] == 1049)
			t->now = t->saved;
		clears |= n[i] == 47 || n[i] == 1047 || n[i] == 1049;
	}
	if (clears)
		terminal_clear(t);
}

static inline void terminal_go(struct terminal *t, unsigned row, unsigned column)
{
	t->now.row = row < t->rows ? row : t->rows - 1;
	t->now.column = column < t->columns ? column : t->columns - 1;
	t->now.is_pending = false;
}

static inline void terminal_vertical(struct terminal *t, unsigned by, bool is_up)
{
	unsigned row = t->now.row;

	for (; by && is_up && row != t->top && row; by--)
		row--;
	for (; by && !is_up && row != t->bottom && row + 1 < t->rows; by--)
		row++;
	terminal_go(t, row, t->now.column);
}

static inline void terminal_back(struct terminal *t, unsigned by)
{
	unsigned column = t->now.column;

	for (; by && column; by--)
		column = (column - 1) / 8 * 8;
	terminal_go(t, t->now.row, column);
}

static inline void terminal_erase(struct terminal *t, unsigned kind)
{
	unsigned row = t->now.row;

	t->now.is_pending = false;
	for (unsigned i = 0; i < t->rows; i++) {
		if (kind == 2 || (kind == 0 && i > row) || (kind == 1 && i < row))
			terminal_blank(t, i, 0, t->columns);
	}
	if (kind < 2)
		terminal_blank(t, row, kind ? 0 : t->now.column,
			       kind ? t->now.column + 1 : t->columns);
}

static inline void terminal_in_row(struct terminal *t, char final, unsigned n)
{
	struct cell *row = t->cells[t->now.row];
	unsigned column = t->now.column, rest = t->columns - column;

	t->now.is_pending = false;
	n = n < rest ? n : rest;
	if (final == 'P')
		memmove(row + column, row + column + n, (rest - n) * sizeof(*row));
	if (final == '@')
		memmove(row + column + n, row + column, (rest - n) * sizeof(*row));
	if (final == 'P')
		terminal_blank(t, t->now.row, t->columns - n, t->columns);
	else
		terminal_blank(t, t->now.row, column, column + n);
}

static inline void terminal_lines(struct terminal *t, char final, unsigned n)
{
	if (t->now.row < t->top || t->now.row > t->bottom)
		return;
	terminal_shift(t, t->now.row, t->bottom, n, final == 'M');
	terminal_go(t, t->now.row, 0);
}

static inline void terminal_region(struct terminal *t, unsigned top, unsigned bottom)
{
	bottom = bottom && bottom < t->rows ? bottom : t->rows;
	if (t->speaker == SPEAKER_FEED && bottom == t->rows)
		terminal_wrong(t, "a region with the last row");
	if (top >= bottom)
		return;
	t->top = top - 1;
	t->bottom = bottom - 1;
	terminal_go(t, 0, 0);
}

/* What the screen may say, with how many numbers. */
static inline void terminal_accept(struct terminal *t, char final, const unsigned *n,
				   unsigned count)
{
	bool is_h = final == 'H' || final == 'r';

	if (t->speaker == SPEAKER_ANY || final == 'm')
		return;
	if (t->speaker == SPEAKER_OURS && (final == 'l' || final == 'J' || (is_h && count == 0)))
		return;
	if (!strchr("HrKLMPX@ST", final) || count != (is_h ? 2u : 1u)) {
		terminal_wrong(t, "a sequence that is not allowed");
		return;
	}
	if (n[0] > 1000 || (final != 'K' && n[0] < 1) || (final == 'K' && n[0] > 2))
		terminal_wrong(t, "a number that is not clamped");
	if (is_h && (n[1] < 1 || n[1] > 1000 || n[0] > t->rows - (t->speaker == SPEAKER_FEED)))
		terminal_wrong(t, "a place that is not clamped");
}

static inline void terminal_move(struct terminal *t, char final, unsigned one, unsigned second)
{
	struct cursor *now = &t->now;

	switch (final) {
	case 'A':
	case 'F':
	case 'B':
	case 'E':
		terminal_vertical(t, one, final == 'A' || final == 'F');
		now->column = final == 'E' || final == 'F' ? 0 : now->column;
		break;
	case 'C':
		terminal_go(t, now->row, now->column + one);
		break;
	case 'D':
		terminal_go(t, now->row, now->column < one ? 0 : now->column - one);
		break;
	case 'G':
		terminal_go(t, now->row, one - 1);
		break;
	case 'd':
		terminal_go(t, one - 1, now->column);
		break;
	case 'H':
	case 'f':
		terminal_go(t, one - 1, second ? second - 1 : 0);
		break;
	case 'Z':
		terminal_back(t, one);
		break;
	default:
		break;
	}
}

static inline void terminal_csi(struct terminal *t, char final, const unsigned *n, unsigned count)
{
	unsigned one = n[0] ? n[0] : 1;

	terminal_accept(t, final, n, count);
	terminal_move(t, final, one, n[1]);
	if (final == 'J' && n[0] <= 2)
		terminal_erase(t, n[0]);
	if (final == 'K' && n[0] <= 2) {
		unsigned column = t->now.column;

		t->now.is_pending = false;
		terminal_blank(t, t->now.row, n[0] ? 0 : column,
			       n[0] == 1 ? column + 1 : t->columns);
	}
	if (strchr("P@X", final))
		terminal_in_row(t, final, one);
	if (strchr("LM", final))
		terminal_lines(t, final, one);
	if (strchr("ST", final) && count <= 1)
		terminal_shift(t, t->top, t->bottom, one, final == 'S');
	if (final == 'r')
		terminal_region(t, one, n[1]);
	if (final == 'm')
		terminal_looks(t, n, count ? count : 1);
	if (final == 's')
		t->saved = t->now;
	if (final == 'u')
		t->now = t->saved;
	for (unsigned i = 0; final == 'b' && t->last && i < one && i < t->columns; i++)
		terminal_put(t, t->last_point, 1);
}

/* From behind ESC [; how many bytes, 0: not whole */
static inline size_t terminal_csi_read(struct terminal *t, const uint8_t *bytes, size_t length)
{
	unsigned n[16] = {0}, count = 0;
	bool is_private = length && bytes[0] == '?';
	bool is_plain = true;
	size_t i = is_private;

	for (; i < length && bytes[i] < 0x40; i++) {
		count += !count;
		if (bytes[i] == ';')
			count++;
		else if (bytes[i] < '0' || bytes[i] > '9')
			is_plain = false;
		if (count > 16)
			is_plain = false;
		else if (bytes[i] != ';' && is_plain && n[count - 1] < 10000)
			n[count - 1] = n[count - 1] * 10 + bytes[i] - '0';
	}
	if (i == length)
		return 0;
	if (bytes[i] != 'm' && bytes[i] != 'b')
		t->last = NULL;
	if (is_plain && is_private && (bytes[i] == 'h' || bytes[i] == 'l'))
		terminal_modes(t, n, count, bytes[i] == 'h');
	else if (is_plain && !is_private)
		terminal_csi(t, (char)bytes[i], n, count);
	else
		terminal_wrong(t, "a sequence with other bytes");
	return i + 1;
}

static inline size_t terminal_string(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\a' && bytes[0] == ']')
			return i + 1;
		if (bytes[i] == 0x1b)
			return i;
	}
	return length;
}

/* From behind ESC */
static inline size_t terminal_escape(struct terminal *t, const uint8_t *bytes, size_t length)
{
	if (length && bytes[0] == '[') {
		size_t used = terminal_csi_read(t, bytes + 1, length - 1);

		return used ? used + 1 : 0;
	}
	t->last = NULL;
	if (length && strchr("()", bytes[0])) {
		if (length < 2)
			return 0;
		if (!strchr("0AB", bytes[1]) || (t->speaker != SPEAKER_ANY && bytes[0] == ')'))
			terminal_wrong(t, "a charset that is not allowed");
		t->now.charsets[bytes[0] == ')'] = (char)bytes[1];
		return 2;
	}
	if (length && strchr("]P^_X", bytes[0])) {
		terminal_wrong(t, "a string");
		return terminal_string(bytes, length);
	}
	if (!length || (t->speaker != SPEAKER_ANY && !strchr("M=>", bytes[0]))) {
		terminal_wrong(t, "an escape that is not allowed");
		return length ? 1 : 0;
	}
	if (bytes[0] == 'M')
		terminal_reverse(t);
	if (bytes[0] == 'D' || bytes[0] == 'E')
		terminal_index(t);
	if (bytes[0] == 'E')
		t->now.column = 0;
	if (bytes[0] == '7')
		t->saved = t->now;
	if (bytes[0] == '8')
		t->now = t->saved;
	return 1;
}

static inline void terminal_control(struct terminal *t, uint8_t byte)
{
	unsigned stop = (t->now.column / 8 + 1) * 8;

	t->last = NULL;
	if (t->speaker == SPEAKER_FEED && byte != '\n' && byte != '\r')
		terminal_wrong(t, "a control character that is not allowed");
	if (byte == '\n') {
		if (t->speaker != SPEAKER_ANY && t->now.row != t->bottom &&
		    t->now.row + 2 >= t->rows)
			terminal_wrong(t, "a newline into the last row");
		terminal_index(t);
	} else if (byte == '\r') {
		terminal_go(t, t->now.row, 0);
	} else if (byte == '\b') {
		terminal_go(t, t->now.row, t->now.column ? t->now.column - 1 : 0);
	} else if (byte == '\t') {
		t->now.column = stop < t->columns ? stop : t->columns - 1;
	} else if (byte == 0x0e || byte == 0x0f) {
		t->now.is_shifted = byte == 0x0e;
	}
}

/* Independent of how the screen tells them: what may never be seen as a character */
static inline bool terminal_is_bad(uint32_t p)
{
	return p < 0x20 || (p >= 0x7f && p < 0xa0) || p == 0xad || p == 0x34f || p == 0x61c ||
	       p == 0x115f || p == 0x1160 || (p >= 0x180b && p <= 0x180f) ||
	       (p >= 0x200b && p <= 0x200f) || (p >= 0x2028 && p <= 0x202e) ||
	       (p >= 0x2060 && p <= 0x206f) || p == 0x3164 || (p >= 0xd800 && p <= 0xf8ff) ||
	       (p >= 0xfe00 && p <= 0xfe0f) || p == 0xfeff || p == 0xffa0 ||
	       (p >= 0xfff0 && p <= 0xfffb) || (p & 0xfffe) == 0xfffe || p >= 0xe0000;
}

static inline size_t terminal_character(struct terminal *t, const uint8_t *bytes, size_t length)
{
	utf8proc_int32_t point = 0;
	utf8proc_ssize_t used = utf8proc_iterate(bytes, (utf8proc_ssize_t)length, &point);

	if (used < 1) {
		terminal_wrong(t, "something that is not UTF-8");
		terminal_put(t, 0xfffd, 3);
		return 1;
	}
	if (terminal_is_bad((uint32_t)point))
		terminal_wrong(t, "a character that is not allowed");
	else
		terminal_put(t, (uint32_t)point, (unsigned)used);
	return (size_t)used;
}

/* Whole sequences only: who is strict finds a half one wrong. */
static inline void terminal_feed(struct terminal *t, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length;) {
		size_t used = 1;

		if (bytes[i] == 0x1b) {
			used += terminal_escape(t, bytes + i + 1, length - i - 1);
			if (used == 1)
				terminal_wrong(t, "half a sequence");
		} else if (bytes[i] < 0x20 || bytes[i] == 0x7f) {
			terminal_control(t, bytes[i]);
		} else {
			used = terminal_character(t, bytes + i, length - i);
		}
		i += used;
	}
}

/* @text is ASCII */
static inline bool terminal_has_mark(const struct terminal *t, const char *text)
{
	size_t length = strlen(text);

	for (unsigned i = 0; i < t->columns; i++) {
		const struct cell *cell = &t->cells[t->rows - 1][i];
		uint32_t expected = i < length ? (uint32_t)text[i] : ' ';

		if (cell->point != expected || cell->look.styles != 1u << 7 || cell->look.front ||
		    cell->look.back || cell->charset != 'B' || cell->marks[0])
			return false;
	}
	return true;
}

#endif
