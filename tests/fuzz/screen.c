/* Whatever a viewer writes, in whatever pieces: the last row is the mark, only the table's sequences go out, and all text is counted */
#include <stdlib.h>
#include <string.h>

#include "fs/session/screen.h"
#include "tests/unit/fs/session/screen-terminal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MARK "anna RMA-1 session 7"

static void hear(struct terminal *terminal, enum speaker speaker, struct screen_out *out)
{
	terminal->speaker = speaker;
	terminal_feed(terminal, out->bytes, out->length);
	out->length = 0;
	if (terminal->wrong) {
		fprintf(stderr, "%s\n", terminal->wrong);
		abort();
	}
}

static void draw_mark(struct screen *screen, struct terminal *terminal, struct screen_out *out)
{
	uint64_t text = terminal->text;

	screen_mark(screen, MARK, out);
	hear(terminal, SPEAKER_OURS, out);
	terminal->text = text;
}

static void feed(struct screen *screen, struct terminal *terminal, struct screen_out *out,
		 const uint8_t *bytes, size_t length, size_t piece)
{
	uint64_t shown = 0;

	while (length) {
		size_t taken = screen_feed(screen, bytes, BL_MIN(length, piece), out, &shown);

		if (!taken || taken > length)
			abort();
		hear(terminal, SPEAKER_FEED, out);
		if (!terminal_has_mark(terminal, MARK))
			abort();
		if (terminal->odd_width ? shown < terminal->text : shown != terminal->text)
			abort();
		bytes += taken;
		length -= taken;
	}
}

/* The first three bytes: rows, columns, pieces and what kind of terminal it is. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct terminal terminal;
	static uint8_t said[SCREEN_ROOM];
	struct screen_out out = {said, sizeof(said), 0};

	if (length < 3)
		return 0;
	struct screen_size size = {4 + bytes[0] % 32, 20 + bytes[1] % 100};
	struct screen *screen = screen_new(size);

	if (!screen)
		return 0;
	terminal_start(&terminal, size.rows, size.columns);
	screen_open(screen, &out);
	hear(&terminal, SPEAKER_OURS, &out);
	draw_mark(screen, &terminal, &out);
	terminal.odd_width = bytes[2] >> 6 == 3 ? 0 : bytes[2] >> 6;
	feed(screen, &terminal, &out, bytes + 3, length - 3, 1 + (bytes[2] & 63) * 7u);
	draw_mark(screen, &terminal, &out);
	if (!terminal_has_mark(&terminal, MARK))
		abort();
	screen_close(screen, &out);
	hear(&terminal, SPEAKER_OURS, &out);
	screen_free(screen);
	return 0;
}
