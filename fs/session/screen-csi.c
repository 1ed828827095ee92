#include <string.h>

#include "fs/session/screen-private.h"

void screen_move(struct screen *screen, unsigned row, unsigned column)
{
	screen->pen.row = BL_MIN(row, screen_height(screen) - 1);
	screen->pen.column = BL_MIN(column, screen->size.columns - 1);
	screen->pen.is_full = false;
}

/* What a control sequence does: with its numbers, clamped and defaulted as the table says. */
typedef void act_fn(struct screen *screen, unsigned first, unsigned second);

static void up(struct screen *screen, unsigned count, BL_UNUSED unsigned second)
{
	unsigned row = screen->pen.row;
	unsigned least = row >= screen->top ? screen->top : 0;

	screen_move(screen, row - BL_MIN(count, row - least), screen->pen.column);
}

static void down(struct screen *screen, unsigned count, BL_UNUSED unsigned second)
{
	unsigned row = screen->pen.row;
	unsigned most = row <= screen->bottom ? screen->bottom : screen_height(screen) - 1;

	screen_move(screen, BL_MIN(row + count, most), screen->pen.column);
}

static void right(struct screen *screen, unsigned count, BL_UNUSED unsigned second)
{
	screen_move(screen, screen->pen.row, screen->pen.column + count);
}

static void left(struct screen *screen, unsigned count, BL_UNUSED unsigned second)
{
	unsigned column = screen->pen.column;

	screen_move(screen, screen->pen.row, column - BL_MIN(count, column));
}

static void next_line(struct screen *screen, unsigned count, unsigned second)
{
	down(screen, count, second);
	screen->pen.column = 0;
}

static void line_before(struct screen *screen, unsigned count, unsigned second)
{
	up(screen, count, second);
	screen->pen.column = 0;
}

static void to_column(struct screen *screen, unsigned column, BL_UNUSED unsigned second)
{
	screen_move(screen, screen->pen.row, column - 1);
}

static void to_row(struct screen *screen, unsigned row, BL_UNUSED unsigned second)
{
	screen_move(screen, row - 1, screen->pen.column);
}

static void to_place(struct screen *screen, unsigned row, unsigned column)
{
	screen_move(screen, row - 1, column - 1);
}

static void tabs_back(struct screen *screen, unsigned count, BL_UNUSED unsigned second)
{
	unsigned stop = (screen->pen.column + 7) / 8;

	screen_move(screen, screen->pen.row, (stop - BL_MIN(count, stop)) * 8);
}

static void erase(struct screen *screen, unsigned kind, BL_UNUSED unsigned second)
{
	if (kind <= 2)
		screen_erase(screen, kind);
}

/* Something that happens at the cursor, inside its row. */
static void in_row(struct screen *screen, unsigned number, char final)
{
	screen->pen.is_full = false;
	screen_place(screen);
	screen_colours(screen);
	screen_print(screen, "\033[%u%c", number, final);
}

static void erase_line(struct screen *screen, unsigned kind, BL_UNUSED unsigned second)
{
	if (kind <= 2)
		in_row(screen, kind, 'K');
}

static unsigned rest(const struct screen *screen, unsigned count)
{
	return BL_MIN(count, screen->size.columns - screen->pen.column);
}

static void insert(struct screen *screen, unsigned count, BL_UNUSED unsigned second)
{
	in_row(screen, rest(screen, count), '@');
}

static void delete (struct screen *screen, unsigned count, BL_UNUSED unsigned second)
{
	in_row(screen, rest(screen, count), 'P');
}

static void blank(struct screen *screen, unsigned count, BL_UNUSED unsigned second)
{
	in_row(screen, rest(screen, count), 'X');
}

/* Terminals differ about the column after it; ours is the first one, as with xterm. */
static void shift_lines(struct screen *screen, unsigned count, char final)
{
	unsigned row = screen->pen.row;

	if (row < screen->top || row > screen->bottom)
		return;
	in_row(screen, BL_MIN(count, screen->bottom - row + 1), final);
	screen_say(screen, "\r", 1);
	screen->pen.column = screen->terminal.column = 0;
}

static void insert_lines(struct screen *screen, unsigned count, BL_UNUSED unsigned second)
{
	shift_lines(screen, count, 'L');
}

static void delete_lines(struct screen *screen, unsigned count, BL_UNUSED unsigned second)
{
	shift_lines(screen, count, 'M');
}

static void scroll(struct screen *screen, unsigned count, char final)
{
	screen_colours(screen);
	screen_print(screen, "\033[%u%c", BL_MIN(count, screen->bottom - screen->top + 1), final);
}

static void scroll_up(struct screen *screen, unsigned count, BL_UNUSED unsigned second)
{
	scroll(screen, count, 'S');
}

static void scroll_down(struct screen *screen, unsigned count, BL_UNUSED unsigned second)
{
	scroll(screen, count, 'T');
}

static void region(struct screen *screen, unsigned top, unsigned bottom)
{
	bottom = BL_MIN(bottom, screen_height(screen));
	if (top >= bottom)
		return;
	screen_region(screen, top - 1, bottom - 1);
	screen_move(screen, 0, 0);
}

static void save(struct screen *screen, BL_UNUSED unsigned first, BL_UNUSED unsigned second)
{
	screen->saved = screen->pen;
}

static void restore(struct screen *screen, BL_UNUSED unsigned first, BL_UNUSED unsigned second)
{
	screen->pen = screen->saved;
}

static void repeat(struct screen *screen, unsigned count, BL_UNUSED unsigned second)
{
	screen_repeat(screen, count);
}

/* Colours: one number, or five behind 38 and 48 (two of them for 5;N). Returns how many were used. */
static unsigned long_colour(uint32_t *colour, const unsigned *numbers, unsigned count)
{
	if (count >= 3 && numbers[1] == 5) {
		if (numbers[2] < 256)
			*colour = COLOUR_INDEXED | numbers[2];
		return 3;
	}
	if (count >= 5 && numbers[1] == 2) {
		if (numbers[2] < 256 && numbers[3] < 256 && numbers[4] < 256)
			*colour = COLOUR_DIRECT | numbers[2] << 16 | numbers[3] << 8 | numbers[4];
		return 5;
	}
	return count;
}

/* What a number does: which styles go, which one comes. 8 hides what is written, and 10-20 are other fonts: neither is here. */
static const struct style {
	uint8_t number, comes;
	uint32_t go;
} STYLES[] = {
	{1, 1, 0},
	{2, 2, 0},
	{3, 3, 0},
	{4, 4, 1u << 21},
	{5, 5, 0},
	{7, 7, 0},
	{9, 9, 0},
	{21, 21, 1u << 4},
	{22, 0, 1u << 1 | 1u << 2},
	{23, 0, 1u << 3},
	{24, 0, 1u << 4 | 1u << 21},
	{25, 0, 1u << 5},
	{27, 0, 1u << 7},
	{29, 0, 1u << 9},
	{53, 31, 0},
	{55, 0, UINT32_C(1) << 31},
};

static void one_style(struct colours *colours, unsigned number)
{
	for (size_t i = 0; i < BL_COUNT(STYLES); i++) {
		if (STYLES[i].number != number)
			continue;
		colours->styles &= ~STYLES[i].go;
		if (STYLES[i].comes)
			colours->styles |= UINT32_C(1) << STYLES[i].comes;
	}
	if (number == 39)
		colours->front = 0;
	else if (number == 49)
		colours->back = 0;
	else if (number >= 30 && number <= 37)
		colours->front = COLOUR_BASIC | (number - 30);
	else if (number >= 40 && number <= 47)
		colours->back = COLOUR_BASIC | (number - 40);
	else if (number >= 90 && number <= 97)
		colours->front = COLOUR_BASIC | (number - 90 + 8);
	else if (number >= 100 && number <= 107)
		colours->back = COLOUR_BASIC | (number - 100 + 8);
}

static void colour(struct screen *screen)
{
	struct colours *colours = &screen->pen.colours;
	unsigned count = BL_MIN(screen->count, SCREEN_PARAMETERS);
	unsigned i = 0;

	while (i < count) {
		unsigned number = screen->parameters[i];

		if (number == 0)
			*colours = (struct colours){0};
		if (number == 38 || number == 48) {
			i += long_colour(number == 38 ? &colours->front : &colours->back,
					 screen->parameters + i, count - i);
			continue;
		}
		one_style(colours, number);
		i++;
	}
}

/* Of control sequences only these. A number of 0 or none is @none; more numbers than @most, and it is swallowed. */
static const struct csi {
	char final;
	uint8_t most;
	uint16_t none[2];
	act_fn *act;
} CSI[] = {
	{'@', 1, {1, 0}, insert},	{'A', 1, {1, 0}, up},
	{'B', 1, {1, 0}, down},		{'C', 1, {1, 0}, right},
	{'D', 1, {1, 0}, left},		{'E', 1, {1, 0}, next_line},
	{'F', 1, {1, 0}, line_before},	{'G', 1, {1, 0}, to_column},
	{'H', 2, {1, 1}, to_place},	{'J', 1, {0, 0}, erase},
	{'K', 1, {0, 0}, erase_line},	{'L', 1, {1, 0}, insert_lines},
	{'M', 1, {1, 0}, delete_lines}, {'P', 1, {1, 0}, delete},
	{'S', 1, {1, 0}, scroll_up},	{'T', 1, {1, 0}, scroll_down},
	{'X', 1, {1, 0}, blank},	{'Z', 1, {1, 0}, tabs_back},
	{'b', 1, {1, 0}, repeat},	{'d', 1, {1, 0}, to_row},
	{'f', 2, {1, 1}, to_place},	{'r', 2, {1, SCREEN_MOST}, region},
	{'s', 0, {0, 0}, save},		{'u', 0, {0, 0}, restore},
};

/* Modes that the terminal is told as they come; wrap and the alternate screen are ours. */
static void mode(struct screen *screen, unsigned number, bool is_set)
{
	switch (number) {
	case 1:	 /* cursor keys */
	case 12: /* blinking */
	case 25: /* cursor shown */
		screen_print(screen, "\033[?%u%c", number, is_set ? 'h' : 'l');
		break;
	case 7:
		screen->wraps = is_set;
		screen->pen.is_full &= is_set;
		break;
	case 1049:
		if (is_set)
			screen->saved = screen->pen;
		else
			screen->pen = screen->saved;
		break;
	default:
		break;
	}
}

static void modes(struct screen *screen, bool is_set)
{
	bool clears = false;

	for (unsigned i = 0; i < BL_MIN(screen->count, SCREEN_PARAMETERS); i++) {
		unsigned number = screen->parameters[i];

		mode(screen, number, is_set);
		clears |= number == 47 || number == 1047 || number == 1049;
	}
	/* Once, however often it is said: a byte becomes only so many. */
	if (!clears)
		return;
	bool is_full = screen->pen.is_full;

	screen_erase(screen, 2);
	screen->pen.is_full = is_full;
}

static unsigned parameter(const struct screen *screen, const struct csi *csi, unsigned which)
{
	unsigned number = which < screen->count ? screen->parameters[which] : 0;

	return BL_MIN(number ? number : csi->none[which], SCREEN_MOST);
}

static void csi_end(struct screen *screen, char final)
{
	/* Colours leave what was drawn last alone: a match is coloured between a letter and its accent. */
	uint32_t last = screen->last;

	screen->parse = PARSE_TEXT;
	if (final != 'b' && (final != 'm' || screen->is_private))
		screen->last = 0;
	if (screen->is_bad)
		return;
	if (screen->is_private) {
		if (final == 'h' || final == 'l')
			modes(screen, final == 'h');
		return;
	}
	if (final == 'm') {
		colour(screen);
		screen->last = last;
		return;
	}
	/* An empty one counts as none: CSI s has no number. */
	unsigned count = screen->count > 1 || screen->parameters[0] ? screen->count : 0;

	for (size_t i = 0; i < BL_COUNT(CSI); i++) {
		if (CSI[i].final == final && count <= CSI[i].most)
			CSI[i].act(screen, parameter(screen, &CSI[i], 0),
				   parameter(screen, &CSI[i], 1));
	}
}

void screen_csi_start(struct screen *screen)
{
	screen->parse = PARSE_CSI;
	memset(screen->parameters, 0, sizeof(screen->parameters));
	screen->count = 0;
	screen->is_private = screen->is_bad = false;
}

void screen_csi_byte(struct screen *screen, uint8_t byte)
{
	if (byte >= 0x40) {
		screen->count = BL_MAX(screen->count, 1u);
		csi_end(screen, (char)byte);
	} else if (byte == '?' && !screen->count && !screen->is_private) {
		screen->is_private = true;
	} else if (byte == ';') {
		screen->count = BL_MAX(screen->count, 1u);
		/* Further ones are counted by nobody, and their digits go nowhere. */
		screen->count = BL_MIN(screen->count + 1, SCREEN_PARAMETERS + 1);
	} else if (byte >= '0' && byte <= '9') {
		screen->count = BL_MAX(screen->count, 1u);
		if (screen->count > SCREEN_PARAMETERS)
			return;
		unsigned *number = &screen->parameters[screen->count - 1];

		*number = BL_MIN(*number * 10 + (byte - '0'), SCREEN_NUMBER);
	} else {
		screen->is_bad = true;
	}
}
