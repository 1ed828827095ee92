#include "fs/session/screen-private.h"

static void escape(struct screen *screen, uint8_t byte)
{
	screen->parse = PARSE_TEXT;
	if (byte != '[')
		screen->last = 0;
	switch (byte) {
	case '[':
		screen_csi_start(screen);
		break;
	case ']':
		screen->parse = PARSE_OSC;
		break;
	case 'P':
	case 'X':
	case '^':
	case '_':
		screen->parse = PARSE_STRING;
		break;
	case '(':
	case ')':
		screen->parse = PARSE_CHARSET;
		screen->charset_of = (char)byte;
		break;
	case '7':
		screen->saved = screen->pen;
		break;
	case '8':
		screen->pen = screen->saved;
		break;
	case '=':
	case '>':
		screen_print(screen, "\033%c", byte);
		break;
	case 'M':
		screen_reverse_index(screen);
		break;
	case 'E':
		screen_index(screen);
		screen->pen.column = 0;
		break;
	case 'D':
		screen_index(screen);
		break;
	default:
		if (byte < 0x30)
			screen->parse = PARSE_MORE;
		break;
	}
}

static void charset(struct screen *screen, uint8_t byte)
{
	if (byte < 0x30) {
		screen->parse = PARSE_MORE;
		return;
	}
	screen->parse = PARSE_TEXT;
	if (byte == '0' || byte == 'A' || byte == 'B')
		screen->pen.charsets[screen->charset_of == ')'] = (char)byte;
}

static void control(struct screen *screen, uint8_t byte)
{
	struct pen *pen = &screen->pen;

	screen->last = 0;
	switch (byte) {
	case '\n':
		screen_index(screen);
		break;
	case '\r':
		screen_move(screen, pen->row, 0);
		break;
	case '\b':
		screen_move(screen, pen->row, pen->column - !!pen->column);
		break;
	case '\t':
		/* A full row stays full, as on terminals: what follows goes to the next one. */
		pen->column = BL_MIN((pen->column / 8 + 1) * 8, screen->size.columns - 1);
		break;
	case 0x0e:
	case 0x0f:
		pen->is_shifted = byte == 0x0e;
		break;
	default:
		break;
	}
}

/* ESC, CAN and SUB end whatever there was; other control characters inside of sequences and strings are swallowed. */
static bool interrupts(struct screen *screen, uint8_t byte)
{
	if (byte != 0x1b && byte != 0x18 && byte != 0x1a)
		return false;
	if (screen->missing) {
		screen->missing = 0;
		screen_put(screen, REPLACEMENT);
	}
	screen->parse = byte == 0x1b ? PARSE_ESC : PARSE_TEXT;
	return true;
}

static void text(struct screen *screen, uint8_t byte)
{
	if (screen->missing && screen_decode(screen, byte))
		return;
	if (byte < 0x20 || byte == 0x7f)
		control(screen, byte);
	else
		(void)screen_decode(screen, byte);
}

void screen_parse(struct screen *screen, uint8_t byte)
{
	if (interrupts(screen, byte))
		return;
	if (screen->parse == PARSE_OSC || screen->parse == PARSE_STRING) {
		if (screen->parse == PARSE_OSC && byte == '\a')
			screen->parse = PARSE_TEXT;
		return;
	}
	if (screen->parse == PARSE_TEXT || byte >= 0x80) {
		/* A byte of text ends a sequence that it cannot belong to. */
		screen->parse = PARSE_TEXT;
		text(screen, byte);
		return;
	}
	if (byte < 0x20 || byte == 0x7f)
		return;
	switch (screen->parse) {
	case PARSE_ESC:
		escape(screen, byte);
		break;
	case PARSE_CHARSET:
		charset(screen, byte);
		break;
	case PARSE_MORE:
		if (byte >= 0x30)
			screen->parse = PARSE_TEXT;
		break;
	case PARSE_CSI:
		screen_csi_byte(screen, byte);
		break;
	case PARSE_TEXT:
	case PARSE_OSC:
	case PARSE_STRING:
		break;
	}
}
