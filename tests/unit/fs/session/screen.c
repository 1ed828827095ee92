#include "fs/session/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Six rows of twenty columns, the viewer's first five: bytes of a viewer, and exactly what goes out. */
#define ROWS	6u
#define COLUMNS 20u
#define TEN	"0123456789"

struct stage {
	struct screen *screen;
	uint8_t bytes[2 * SCREEN_ROOM];
	struct screen_out out;
	uint64_t shown;
};

static struct stage *stage_new(void)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	assert_non_null(stage);
	stage->screen = screen_new((struct screen_size){ROWS, COLUMNS});
	assert_non_null(stage->screen);
	stage->out = (struct screen_out){stage->bytes, sizeof(stage->bytes), 0};
	screen_open(stage->screen, &stage->out);
	screen_mark(stage->screen, "anna", &stage->out);
	stage->out.length = 0;
	return stage;
}

static void stage_free(struct stage *stage)
{
	screen_free(stage->screen);
	free(stage);
}

static void feed(struct stage *stage, const char *bytes, size_t length)
{
	size_t taken = screen_feed(stage->screen, (const uint8_t *)bytes, length, &stage->out,
				   &stage->shown);

	assert_int_equal(taken, length);
}

static const struct row {
	const char *name, *in, *out;
	uint64_t shown;
} CONTROLS[] = {
	{"plain text", "abc", "abc", 3},
	{"lines", "a\r\nb\r\n", "a\r\nb\r\n", 2},
	{"newline alone keeps the column", "a\nb", "a\033[2;2Hb", 2},
	{"tab moves", "a\tb", "a\033[1;9Hb", 2},
	{"tab at the end", "\t\t\t\tb", "\033[1;20Hb", 1},
	{"backspace in the first column", "\b\bx", "x", 1},
	{"overstrike", "x\bx", "x\rx", 2},
	{"a full row stays", TEN TEN, TEN TEN, 20},
	{"wrap", TEN TEN "x", TEN TEN "\r\nx", 21},
	{"wrap, tab", TEN TEN "\tx", TEN TEN "\r\nx", 21},
	{"wrap at the bottom", "\033[5;20Hab", "\033[5;20Ha\n\rb", 2},
	{"wrap off", "\033[?7l" TEN TEN "xy", TEN TEN "\033[1;20Hx\033[1;20Hy", 22},
	{"wide wraps before the last column", "\033[20G\u6f22", "\r\n\u6f22", 3},
	{"wide does not fit without wrap", "\033[?7l\033[20G\u6f22", "\033[1;20H", 0},
	{"newline at the bottom scrolls", "\033[5Hx\n\n", "\033[5;1Hx\n\n", 1},
	{"newline below the region does nothing", "\033[1;3r\033[5Hx\n\n\ny",
	 "\033[1;3r\033[5;1Hxy", 2},
	{"newline at the region's bottom", "\033[1;3r\033[3Hx\ny", "\033[1;3r\033[3;1Hx\ny", 2},
	{"wrap below the region stays", "\033[1;3r\033[5;20Hab", "\033[1;3r\033[5;20Ha\rb", 2},
	{"place is clamped", "\033[999;999Hx", "\033[5;20Hx", 1},
	{"place f", "\033[2;3fx", "\033[2;3Hx", 1},
	{"down is clamped", "\033[99Bx", "\033[5;1Hx", 1},
	{"down stops at the region", "\033[1;3r\033[9Bx", "\033[1;3r\033[3;1Hx", 1},
	{"up, right, left", "\033[3B\033[A\033[4C\033[2Dx", "\033[3;3Hx", 1},
	{"next line and line before", "ab\033[2Ec\033[Fd", "ab\033[3;1Hc\033[2;1Hd", 4},
	{"column and row", "\033[7G\033[3dx", "\033[3;7Hx", 1},
	{"tab back", "\033[12G\033[Zx", "\033[1;9Hx", 1},
	{"moves alone", "\033[3;3H\033[4;4H", "\033[4;4H", 0},
	{"region is clamped", "\033[2;99r", "\033[2;5r", 0},
	{"region of one row", "\033[3;3r", "", 0},
	{"save and restore", "a\0337\r\nb\0338c", "a\r\nb\033[1;2Hc", 3},
	{"save and restore, CSI", "a\033[s\r\nb\033[uc", "a\r\nb\033[1;2Hc", 3},
	{"side margins are not save", "a\033[1;5s\rb", "a\rb", 2},
	{"index and reverse", "\033[5Hx\033Dy\033Hz", "\033[5;1Hx\nyz", 3},
	{"reverse at the top", "\033Mx", "\033Mx", 1},
	{"next line, ESC E", "ab\033Ec", "ab\r\nc", 3},
	{"erase line", "abc\033[2D\033[K", "abc\033[1;2H\033[0K", 3},
	{"erase line, kinds", "\033[1K\033[2K\033[3K", "\033[1K\033[2K", 0},
	{"erase below", "\033[2;4H\033[J", "\033[3;1H\033[3M\033[2;4H\033[0K", 0},
	{"erase above", "\033[3;4H\033[1J", "\033[1;2r\033[1;1H\033[2M\033[1;5r\033[3;4H\033[1K",
	 0},
	{"erase above, one row", "\033[2;4H\033[1J", "\033[1;1H\033[2K\033[2;4H\033[1K", 0},
	{"erase all", "\033[2J", "\033[1;1H\033[5M", 0},
	{"erase all in a region", "\033[2;4r\033[2J", "\033[2;4r\033[1;5r\033[1;1H\033[5M\033[2;4r",
	 0},
	{"scrollback", "\033[3J", "", 0},
	{"characters in and out", "\033[99@\033[3P\033[2X", "\033[20@\033[3P\033[2X", 0},
	{"lines in and out", "\033[2H\033[99L\033[M", "\r\n\033[4L\r\033[1M\r", 0},
	{"lines outside the region", "\033[1;3r\033[4H\033[L", "\033[1;3r\033[4;1H", 0},
	{"scroll", "\033[99S\033[T", "\033[5S\033[1T", 0},
	{"mouse tracking is not scroll", "\033[1;2;3;4;5T", "", 0},
	{"repeat", "a\033[3b", "aaaa", 4},
	{"repeat is clamped", "a\033[9999b", "aaaaaaaaaaaaaaaaaaaa\r\na", 21},
	{"repeat of nothing", "a\r\033[3b", "a\r", 1},
	{"repeat of wide", "\u6f22\033[2b", "\u6f22\u6f22\u6f22", 9},
	{"colours go out before text", "\033[31mx\033[mz", "\033[0;31mx\033[0mz", 2},
	{"colours nobody sees", "\033[31m\033[32m\033[m", "", 0},
	{"bright, indexed, direct", "\033[91;104mx\033[38;5;200mx\033[48;2;1;2;3mx",
	 "\033[0;91;104mx\033[0;38;5;200;104mx\033[0;38;5;200m\033[48;2;1;2;3mx", 3},
	{"styles", "\033[1;4;7mx\033[22;24mx", "\033[0;1;4;7mx\033[0;7mx", 2},
	{"no more than 16 numbers", "\033[1;2;3;4;5;7;9;53m\033[38;2;1;2;3;48;5;4mx",
	 "\033[0;1;2;3;4;5;7;9;53;38;2;1;2;3m\033[48;5;4mx", 1},
	{"concealed and fonts", "\033[8;11mx", "x", 1},
	{"colours that are none", "\033[38;5;256mx\033[38;2;1mx", "xx", 2},
	{"colours with colons", "\033[38:5:1mx", "x", 1},
	{"line drawing", "\033(0q\033(Bq", "\033(0q\033(Bq", 2},
	{"line drawing, shifted", "\033)0a\016q\017b", "a\033(0q\033(Bb", 3},
	{"other charsets", "\033(Kx\033(%5x\033*0x", "xxx", 3},
	{"modes", "\033[?1h\033[?12;25l\033=\033>", "\033[?1h\033[?12l\033[?25l\033=\033>", 0},
	{"other modes", "\033[?6h\033[?2004h\033[?1000h\033[4h\033[20h\033[?69h\033[?3h", "", 0},
	{"alternate screen clears", "x\033[?1049hy\033[?1049l",
	 "x\033[1;1H\033[5M\033[1;2Hy\033[1;1H\033[5M\033[1;2H", 2},
	{"alternate screen clears once", "\033[?47;1047;1049h", "\033[1;1H\033[5M", 0},
	{"title", "a\033]0;title\ab", "ab", 2},
	{"title, ST", "a\033]0;title\033\\b", "ab", 2},
	{"clipboard", "\033]52;c;aGk=\ax", "x", 1},
	{"DCS keeps BEL", "a\033P1;2q#\a\033\\b", "ab", 2},
	{"APC, PM, SOS", "\033_x\033\\\033^x\033\\\033Xx\033\\b", "b", 1},
	{"a string is cancelled", "\033Px\030b\033_x\032c", "bc", 2},
	{"queries", "\033[c\033[>c\033[6n\033[?6n\033Z\033[x\033[18t\005", "", 0},
	{"reset", "\033c\033[!p\033#8", "", 0},
	{"other bytes in a sequence", "\033[1 qx\033[>1mx\033[?1;2$px", "xxx", 3},
	{"a newline in a sequence", "\033[1\n2Hx", "\033[5;1Hx", 1},
	{"a sequence that a letter of text ends", "\033[1;\303\251x", "\303\251x", 3},
	{"bell, vertical tab, form feed, delete",
	 "a\a\v\f\x7f"
	 "b",
	 "ab", 2},
};

static const struct row TEXTS[] = {
	{"a byte that is none",
	 "a\xff"
	 "b",
	 "a\xef\xbf\xbd\033[1;3Hb", 5},
	{"overlong", "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd", 6},
	{"surrogate", "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 9},
	{"beyond Unicode", "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
	 12},
	{"cut by a letter", "\xe2\x82x", "\xef\xbf\xbd\033[1;2Hx", 4},
	{"cut by a sequence", "\xe2\x82\033[Hx", "\xef\xbf\xbd\rx", 4},
	{"C1",
	 "a\xc2\x9b"
	 "b",
	 "ab", 2},
	{"C1, raw", "\x9b", "\xef\xbf\xbd", 3},
	{"bidi", "a\u202e\u2066\u200f\u061cb", "ab", 2},
	{"zero width",
	 "a\u200b\u200d\ufeff\u2060\u00ad"
	 "b",
	 "ab", 2},
	{"variation selectors and tags", "a\ufe0f\U000e0041\U000e0101b", "ab", 2},
	{"fillers", "a\u115f\u3164\u034fb", "ab", 2},
	{"private use", "\ue000", "\xef\xbf\xbd", 3},
	{"noncharacter", "\uffff", "\xef\xbf\xbd", 3},
	{"line separator", "a\u2028b", "ab", 2},
	{"Latin", "\u00e9t\u00e9", "\u00e9t\u00e9", 5},
	{"a mark", "e\u0301x", "e\u0301\033[1;2Hx", 4},
	{"a mark behind a colour", "e\033[1m\u0301", "e\u0301", 3},
	{"a mark on nothing", "\u0301a\r\u0301", "a\r", 1},
	{"a flood of marks", "e\u0301\u0301\u0301\u0301\u0301", "e\u0301\u0301\u0301", 7},
	{"wide, and where the next one is", "\u6f22\u5b57x", "\u6f22\u5b57\033[1;5Hx", 7},
	{"a family is four people", "\U0001f468\u200d\U0001f469", "\U0001f468\U0001f469", 8},
};

static void check(const struct row *row, bool is_split)
{
	struct stage *stage = stage_new();
	size_t length = strlen(row->in);

	if (!is_split) {
		feed(stage, row->in, length);
		if (stage->out.length != strlen(row->out) ||
		    memcmp(stage->bytes, row->out, stage->out.length) != 0)
			fail_msg("%s: '%.*s'", row->name, (int)stage->out.length,
				 (const char *)stage->bytes);
	}
	for (size_t i = 0; is_split && i < length; i++)
		feed(stage, row->in + i, 1);
	if (stage->shown != row->shown)
		fail_msg("%s: %u shown", row->name, (unsigned)stage->shown);
	stage_free(stage);
}

static void bytes_of_a_viewer_become_these(BL_UNUSED void **state)
{
	for (size_t i = 0; i < BL_COUNT(CONTROLS); i++)
		check(&CONTROLS[i], false);
	for (size_t i = 0; i < BL_COUNT(TEXTS); i++)
		check(&TEXTS[i], false);
}

static void pieces_show_as_much(BL_UNUSED void **state)
{
	for (size_t i = 0; i < BL_COUNT(CONTROLS); i++)
		check(&CONTROLS[i], true);
	for (size_t i = 0; i < BL_COUNT(TEXTS); i++)
		check(&TEXTS[i], true);
}

static void the_mark_fills_its_row_and_everything_comes_back(BL_UNUSED void **state)
{
	struct stage *stage = stage_new();

	feed(stage, "\033[31m\033(0\033[2;3Hq", 15);
	stage->out.length = 0;
	screen_mark(stage->screen, "anna \u6f22\u202e\033\ue000 RMA-1 session 7", &stage->out);
	feed(stage, "q", 1);
	static const char EXPECTED[] = "\033[0;7m\033(B\033[6;1Hanna \u6f22\033[6;8H? RMA-1 "
				       "sessi\033[2;4H\033[0;31m\033(0q";

	if (stage->out.length != sizeof(EXPECTED) - 1 ||
	    memcmp(stage->bytes, EXPECTED, stage->out.length) != 0)
		fail_msg("'%.*s'", (int)stage->out.length, (const char *)stage->bytes);
	assert_int_equal(stage->shown, 2);
	stage_free(stage);
}

static void sizes_are_clamped(BL_UNUSED void **state)
{
	struct screen_size least = screen_clamp((struct screen_size){0, 0});
	struct screen_size most = screen_clamp((struct screen_size){70000, UINT32_MAX});

	assert_int_equal(least.rows, SCREEN_ROWS_LEAST);
	assert_int_equal(least.columns, SCREEN_COLUMNS_LEAST);
	assert_int_equal(most.rows, SCREEN_MOST);
	assert_int_equal(most.columns, SCREEN_MOST);
}

static void the_greatest_screen_needs_no_more_room(BL_UNUSED void **state)
{
	static uint8_t bytes[SCREEN_ROOM];
	struct screen_out out = {bytes, sizeof(bytes), 0};
	struct screen *screen = screen_new((struct screen_size){SCREEN_MOST, SCREEN_MOST});
	char text[SCREEN_MARK + 9] = "";
	uint64_t shown = 0;

	assert_non_null(screen);
	/* Wide ones cost most: each is followed by a place. */
	for (size_t i = 0; i + 3 < sizeof(text); i += 3)
		strcpy(text + i, "\u6f22");
	screen_mark(screen, text, &out);
	out.length = 0;
	screen_resize(screen, (struct screen_size){SCREEN_MOST, SCREEN_MOST}, &out);
	assert_in_range(out.length, 1000, SCREEN_ROOM - 1);
	assert_memory_equal(bytes + out.length - 4, "\033[0m", 4);
	out = (struct screen_out){bytes, SCREEN_STEP, 0};
	assert_int_equal(screen_feed(screen, (const uint8_t *)"\U00020000", 4, &out, &shown), 4);
	out = (struct screen_out){bytes, SCREEN_STEP - 1, 0};
	assert_int_equal(screen_feed(screen, (const uint8_t *)"\033[9999b", 7, &out, &shown), 6);
	assert_int_equal(out.length, 0);
	out.room = SCREEN_STEP;
	assert_int_equal(screen_feed(screen, (const uint8_t *)"b", 1, &out, &shown), 1);
	assert_int_equal(shown, 4 * (SCREEN_MOST + 1));
	screen_free(screen);
}

static void without_room_nothing_is_taken(BL_UNUSED void **state)
{
	struct stage *stage = stage_new();

	stage->out.room = 100;
	assert_int_equal(
		screen_feed(stage->screen, (const uint8_t *)"abc", 3, &stage->out, &stage->shown),
		0);
	screen_mark(stage->screen, "otto", &stage->out);
	screen_close(stage->screen, &stage->out);
	assert_int_equal(stage->out.length, 0);
	stage_free(stage);
}

static void closing_gives_the_terminal_back(BL_UNUSED void **state)
{
	struct stage *stage = stage_new();

	screen_close(stage->screen, &stage->out);
	stage->bytes[stage->out.length] = '\0';
	static const char *const GIVEN[] = {"\033[0m",	"\033[r",    "\033(B",	    "\033[?7h",
					    "\033[?1l", "\033[?25h", "\033[?1049l", "\033[2J"};

	for (size_t i = 0; i < BL_COUNT(GIVEN); i++)
		assert_non_null(strstr((const char *)stage->bytes, GIVEN[i]));
	stage_free(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_a_viewer_become_these),
		cmocka_unit_test(pieces_show_as_much),
		cmocka_unit_test(the_mark_fills_its_row_and_everything_comes_back),
		cmocka_unit_test(sizes_are_clamped),
		cmocka_unit_test(the_greatest_screen_needs_no_more_room),
		cmocka_unit_test(without_room_nothing_is_taken),
		cmocka_unit_test(closing_gives_the_terminal_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
