/* screen-private.h - between the files of the screen: what the viewer means, what the terminal has, what is parsed */
#ifndef FS_SESSION_SCREEN_PRIVATE_H
#define FS_SESSION_SCREEN_PRIVATE_H

#include "fs/session/screen.h"

#define SCREEN_PARAMETERS 16u
#define SCREEN_NUMBER	  9999u /* what a parameter is clamped to while it is read */

/* 0: the terminal's own. Else how it was named, and the number. */
#define COLOUR_BASIC   (UINT32_C(1) << 24) /* 30-37 and 90-97: 0-15 */
#define COLOUR_INDEXED (UINT32_C(2) << 24) /* 38;5;N */
#define COLOUR_DIRECT  (UINT32_C(3) << 24) /* 38;2;R;G;B */

struct colours {
	uint32_t styles; /* bit N: SGR N, or 53 as bit 31; 8 (concealed) is never set */
	uint32_t front, back;
};

/* What ESC 7 saves. */
struct pen {
	unsigned row, column;
	bool is_full; /* the last column was written: the next character wraps first */
	struct colours colours;
	char charsets[2]; /* G0, G1: '0', 'A' or 'B' */
	bool is_shifted;
};

enum parse {
	PARSE_TEXT,
	PARSE_ESC,
	PARSE_MORE,    /* ESC and intermediate bytes, up to a final one */
	PARSE_CHARSET, /* ESC ( and ESC ) */
	PARSE_CSI,
	PARSE_OSC,    /* ended by BEL too */
	PARSE_STRING, /* DCS, APC, PM, SOS */
};

struct screen {
	struct screen_size size;
	unsigned top,
		bottom; /* scrolling region, 0-based, inclusive; bottom is above the mark's row */
	bool wraps;
	struct pen pen, saved;

	/* What the terminal has, as far as we know. Its row is always known. */
	struct {
		unsigned row, column;
		bool is_sure; /* of the column: no character since it was said whose width terminals differ about */
		bool is_adrift; /* what was last drawn was such a character: the next may follow at once */
		struct colours colours;
		char charset;
	} terminal;

	enum parse parse;
	char charset_of; /* '(' or ')' */
	unsigned parameters[SCREEN_PARAMETERS], count;
	bool is_private, is_bad;

	/* A UTF-8 character that is not whole: so many bytes to come, the next one from low to high */
	uint32_t point;
	uint8_t missing, low, high;

	/* What was drawn last, when nothing but colours came since: what CSI b repeats and combining marks stand on */
	uint32_t last;
	unsigned marks;

	char mark[SCREEN_MARK];
	/* For the length of one call */
	struct screen_out *out;
	uint64_t shown;
};

/* screen.c: the terminal */
void screen_say(struct screen *screen, const void *bytes, size_t length);
void screen_print(struct screen *screen, const char *format, ...) BL_PRINTF(2, 3);
void screen_colours(struct screen *screen); /* the terminal's are the viewer's from now on */
void screen_charset(struct screen *screen, char charset);
void screen_place(struct screen *screen); /* so is its cursor */
void screen_index(struct screen *screen); /* a line down: scrolls at the region's bottom */
void screen_reverse_index(struct screen *screen);
void screen_erase(struct screen *screen, unsigned kind); /* CSI J */
void screen_region(struct screen *screen, unsigned top, unsigned bottom);
unsigned screen_height(const struct screen *screen);

/* screen-text.c: characters */
enum glyph {
	GLYPH_NOTHING, /* swallowed */
	GLYPH_UNKNOWN, /* U+FFFD instead */
	GLYPH_MARK,    /* combines with what is before it */
	GLYPH_PLAIN,   /* one column on every terminal */
	GLYPH_UNSURE,  /* one or two, and terminals differ */
};
#define REPLACEMENT UINT32_C(0xfffd)
enum glyph glyph_kind(uint32_t point, unsigned *out_width);
size_t glyph_encode(uint32_t point, uint8_t bytes[4]);
/* screen_decode - one byte of text; false: @byte is none of the character before it, and comes again */
bool screen_decode(struct screen *screen, uint8_t byte);
void screen_put(struct screen *screen, uint32_t point); /* a character of the viewer */
void screen_repeat(struct screen *screen, unsigned count);
/* screen_line - printable ASCII as it comes, up to the row's last column but one; how many bytes. 0: not now */
size_t screen_line(struct screen *screen, const uint8_t *bytes, size_t length, size_t room);

/* screen-csi.c: control sequences, and what they do */
void screen_csi_start(struct screen *screen);
void screen_csi_byte(struct screen *screen, uint8_t byte);
void screen_move(struct screen *screen, unsigned row, unsigned column); /* the viewer's cursor */

/* screen-parse.c: everything else */
void screen_parse(struct screen *screen, uint8_t byte);

#endif
