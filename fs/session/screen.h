/* screen.h - what a viewer writes to its terminal, made safe: a small set of sequences re-emitted, the last row ours
 *
 * A viewer may be fed hostile bytes by the image. Only what the table in docs/sessions.md ("The screen") names reaches the person's
 * terminal: text without control, bidi, zero-width and private-use characters; cursor, erasing, scrolling and colours with clamped numbers.
 * Everything else is swallowed: OSC, DCS, APC, PM and SOS strings with their contents, queries, titles, mouse, reset.
 *
 * The last row of the terminal belongs to the watermark; the viewer has one row less and can neither write into the last one, scroll nor
 * erase it. For that the screen keeps the cursor's place, the scrolling region, the colours and charsets (no cells) as the viewer means
 * them and as the terminal has them. Moves, colours and charsets go out only before something is drawn, absolute; wrap, saved cursors
 * (ESC 7, ESC 8, CSI s, CSI u), tabs and repeats are done here. The terminal's own wrap is off all the time, so that one that takes a
 * character for wider than we do stays in its row; rows are erased (CSI J) by deleting lines in a region above the mark.
 *
 * The terminal's alternate screen is entered by screen_open and left by screen_close: nothing shown stays in its scrollback. A viewer's
 * own alternate screen (?47, ?1047, ?1049) only clears.
 *
 * One thread at a time. No allocation after screen_new.
 */
#ifndef FS_SESSION_SCREEN_H
#define FS_SESSION_SCREEN_H

#include "policy/base.h"

struct screen_size {
	unsigned rows, columns; /* of the person's terminal, watermark included */
};
/* What is taken from a client is clamped to this. Fewer rows have no place for a viewer and a mark. */
#define SCREEN_ROWS_LEAST    4u
#define SCREEN_COLUMNS_LEAST 20u
#define SCREEN_MOST	     1000u
struct screen_size screen_clamp(struct screen_size size);

#define SCREEN_MARK                                                                                \
	512u /* bytes of a watermark's text with its NUL; longer ones are cut to the row */
/* What one byte of input can become at most: a row of four-byte characters repeated, and what comes before and after it */
#define SCREEN_STEP 5120u
/* What screen_open, _close, _resize and _mark need: a row of characters, each said where it goes */
#define SCREEN_ROOM 8192u

/* Where bytes for the terminal go; the caller's memory. What does not fit is never half written. */
struct screen_out {
	uint8_t *bytes;
	size_t room, length;
};

struct screen;

/* screen_new - NULL: no memory */
struct screen *screen_new(struct screen_size size);
void screen_free(struct screen *screen);
BL_DEFINE_CLEANUP(struct screen, screen_free)

/* screen_open - take the terminal over: alternate screen, cleared, colours off, its wrap off, region and cursor set. SCREEN_ROOM. */
void screen_open(struct screen *screen, struct screen_out *out);
/* screen_close - cleared, and given back as a terminal is by default: cursor shown, wrap on, colours off, no region, normal screen. SCREEN_ROOM. */
void screen_close(struct screen *screen, struct screen_out *out);
/*
 * screen_feed - bytes of the viewer, made safe
 *
 * Takes as many of @bytes as @out has certain room for (at least one when it has SCREEN_STEP), and keeps what of a sequence or
 * character is not whole yet. Returns how many were taken.
 *
 * @out_shown  grows by the bytes of text (UTF-8) that were passed on, a repeat (CSI b) counted as often as it shows; never less than
 *             what a person sees
 */
size_t screen_feed(struct screen *screen, const uint8_t *bytes, size_t length,
		   struct screen_out *out, uint64_t *out_shown);
/*
 * screen_mark - draw the watermark into the last row, reversed, cut or filled to its width, and put everything back. SCREEN_ROOM.
 *
 * @text  UTF-8; kept, and drawn again by screen_resize, the only one else that clears the last row
 */
void screen_mark(struct screen *screen, const char *text, struct screen_out *out);
/* screen_resize - the terminal has another size: cleared, region and mark anew; the viewer's SIGWINCH is the caller's. SCREEN_ROOM. */
void screen_resize(struct screen *screen, struct screen_size size, struct screen_out *out);
/* screen_viewer - what the viewer's pty is told: one row less */
struct screen_size screen_viewer(const struct screen *screen);

#endif
