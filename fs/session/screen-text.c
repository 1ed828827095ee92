#include <string.h>
#include <utf8proc.h>

#include "fs/session/screen-private.h"

#define MARKS_MOST 3u /* on one character: Vietnamese has two */

/* Seen as nothing, or not at all, and not told by their category: they could carry what nobody sees. Unicode 15, DerivedCoreProperties,
 * "Default_Ignorable_Code_Point", without what is a format character (Cf) anyway. */
static const struct {
	uint32_t first, last;
} INVISIBLE[] = {
	{0x034f, 0x034f}, {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f},	  {0x3164, 0x3164},
	{0xfe00, 0xfe0f}, {0xffa0, 0xffa0}, {0xfff0, 0xfff8}, {0xe0000, 0xe0fff},
};

/* One column on every terminal that knows UTF-8; Latin to Cyrillic, general punctuation, arrows, boxes and blocks */
static const struct {
	uint32_t first, last;
} PLAIN[] = {{0xa1, 0x52f}, {0x2010, 0x2027}, {0x2030, 0x205e}, {0x2190, 0x2193}, {0x2500, 0x259f}};

static bool is_invisible(uint32_t point)
{
	for (size_t i = 0; i < BL_COUNT(INVISIBLE); i++) {
		if (point >= INVISIBLE[i].first && point <= INVISIBLE[i].last)
			return true;
	}
	return false;
}

static bool is_plain(uint32_t point)
{
	for (size_t i = 0; i < BL_COUNT(PLAIN); i++) {
		if (point >= PLAIN[i].first && point <= PLAIN[i].last)
			return true;
	}
	return false;
}

enum glyph glyph_kind(uint32_t point, unsigned *out_width)
{
	*out_width = 1;
	if (point >= 0x20 && point < 0x7f)
		return GLYPH_PLAIN;
	if (point < 0xa0 || is_invisible(point))
		return GLYPH_NOTHING;
	switch ((int)utf8proc_category((utf8proc_int32_t)point)) {
	case UTF8PROC_CATEGORY_CC:
	case UTF8PROC_CATEGORY_CF:
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return GLYPH_NOTHING;
	case UTF8PROC_CATEGORY_CN:
	case UTF8PROC_CATEGORY_CS:
	case UTF8PROC_CATEGORY_CO:
		return GLYPH_UNKNOWN;
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_ME:
		return GLYPH_MARK;
	default:
		break;
	}
	int width = utf8proc_charwidth((utf8proc_int32_t)point);

	if (width <= 0)
		return GLYPH_MARK;
	*out_width = width > 1 ? 2 : 1;
	return width == 1 && is_plain(point) ? GLYPH_PLAIN : GLYPH_UNSURE;
}

size_t glyph_encode(uint32_t point, uint8_t bytes[4])
{
	return (size_t)utf8proc_encode_char((utf8proc_int32_t)point, bytes);
}

/* The first byte of a character says how many follow and what the second may be (Unicode 15, table 3-7). */
static void decode_first(struct screen *screen, uint8_t byte)
{
	static const struct {
		uint8_t first, last, missing, low, high;
	} FIRST[] = {
		{0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
		{0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f},
		{0xee, 0xef, 2, 0x80, 0xbf}, {0xf0, 0xf0, 3, 0x90, 0xbf},
		{0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
	};

	for (size_t i = 0; i < BL_COUNT(FIRST); i++) {
		if (byte < FIRST[i].first || byte > FIRST[i].last)
			continue;
		screen->missing = FIRST[i].missing;
		screen->low = FIRST[i].low;
		screen->high = FIRST[i].high;
		screen->point = byte & (0x3fu >> FIRST[i].missing);
		return;
	}
	screen_put(screen, REPLACEMENT);
}

bool screen_decode(struct screen *screen, uint8_t byte)
{
	if (!screen->missing) {
		if (byte < 0x80)
			screen_put(screen, byte);
		else
			decode_first(screen, byte);
		return true;
	}
	if (byte < screen->low || byte > screen->high) {
		screen->missing = 0;
		screen_put(screen, REPLACEMENT);
		return false;
	}
	screen->point = screen->point << 6 | (byte & 0x3fu);
	screen->low = 0x80;
	screen->high = 0xbf;
	if (!--screen->missing)
		screen_put(screen, screen->point);
	return true;
}

static void say_text(struct screen *screen, uint32_t point)
{
	uint8_t bytes[4];
	size_t length = glyph_encode(point, bytes);

	screen_say(screen, bytes, length);
	screen->shown += length;
}

/* It follows what it stands on at once: no move between them. */
static void put_mark(struct screen *screen, uint32_t point)
{
	if (!screen->last || screen->marks >= MARKS_MOST)
		return;
	screen->marks++;
	say_text(screen, point);
	screen->terminal.is_sure = false;
}

static void wrap(struct screen *screen)
{
	screen_index(screen);
	screen->pen.column = 0;
}

static void put_glyph(struct screen *screen, uint32_t point, unsigned width, bool is_unsure)
{
	struct pen *pen = &screen->pen;
	unsigned columns = screen->size.columns;

	if (screen->wraps && (pen->is_full || pen->column + width > columns))
		wrap(screen);
	if (pen->column + width > columns)
		return; /* a wide one in the last column without wrap */
	/* Over the last one again: said, for a terminal that wraps whatever it was told. */
	if (pen->is_full)
		screen->terminal.is_sure = screen->terminal.is_adrift = false;
	/* One unsure character after the other needs no word in between: rows are safe, and columns are said behind the last. */
	if (!(is_unsure && screen->terminal.is_adrift && screen->terminal.row == pen->row &&
	      screen->terminal.column == pen->column))
		screen_place(screen);
	screen_colours(screen);
	screen_charset(screen, pen->charsets[pen->is_shifted]);
	say_text(screen, point);
	pen->column += width;
	pen->is_full = pen->column == columns;
	pen->column -= pen->is_full;
	screen->terminal.column = pen->column;
	screen->terminal.is_sure = !is_unsure;
	screen->terminal.is_adrift = is_unsure;
	screen->last = point;
	screen->marks = 0;
}

void screen_put(struct screen *screen, uint32_t point)
{
	unsigned width;
	enum glyph kind = glyph_kind(point, &width);

	switch (kind) {
	case GLYPH_NOTHING:
		return;
	case GLYPH_MARK:
		put_mark(screen, point);
		return;
	case GLYPH_UNKNOWN:
		put_glyph(screen, REPLACEMENT, 1, true);
		return;
	case GLYPH_PLAIN:
	case GLYPH_UNSURE:
		put_glyph(screen, point, width, kind == GLYPH_UNSURE);
		return;
	}
}

void screen_repeat(struct screen *screen, unsigned count)
{
	uint32_t point = screen->last;

	if (!point)
		return;
	for (unsigned i = 0; i < BL_MIN(count, screen->size.columns); i++)
		screen_put(screen, point);
}

size_t screen_line(struct screen *screen, const uint8_t *bytes, size_t length, size_t room)
{
	struct pen *pen = &screen->pen;
	size_t most = BL_MIN(BL_MIN(length, room), screen->size.columns - 1 - pen->column);
	size_t i = 0;

	/* The first character of a run goes the long way: it says where, in which colours and charset. */
	if (!screen->last || screen->missing || pen->is_full || !screen->terminal.is_sure ||
	    memcmp(&pen->colours, &screen->terminal.colours, sizeof(pen->colours)) != 0)
		return 0;
	while (i < most && bytes[i] >= 0x20 && bytes[i] < 0x7f)
		i++;
	if (!i)
		return 0;
	screen_say(screen, bytes, i);
	screen->shown += i;
	pen->column += (unsigned)i;
	screen->terminal.column = pen->column;
	screen->terminal.is_adrift = false;
	screen->last = bytes[i - 1];
	screen->marks = 0;
	return i;
}
