/* The screen against a terminal with cells: what a viewer means is what a person sees, above a last row that is always the mark */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "fs/session/screen.h"
#include "tests/unit/fs/session/screen-terminal.h"

#define MARK "anna RMA-1 session 7 2026-11-22 12:00"

struct dice {
	uint64_t state;
};

static unsigned roll(struct dice *dice, unsigned sides)
{
	dice->state = dice->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(dice->state >> 33) % sides;
}

/* What stands on one stage: the screen, the person's terminal, and a terminal of one row less that has the viewer's own bytes */
struct stage {
	struct screen *screen;
	struct terminal persons, viewers;
	uint64_t shown;
	struct dice dice;
	uint8_t bytes[SCREEN_ROOM * 8];
	struct screen_out out;
};

static void to_person(struct stage *stage, enum speaker speaker)
{
	stage->persons.speaker = speaker;
	terminal_feed(&stage->persons, stage->bytes, stage->out.length);
	stage->out.length = 0;
	if (stage->persons.wrong)
		fail_msg("%s", stage->persons.wrong);
}

static void mark(struct stage *stage)
{
	uint64_t text = stage->persons.text;

	stage->out.room = sizeof(stage->bytes);
	screen_mark(stage->screen, MARK, &stage->out);
	to_person(stage, SPEAKER_OURS);
	stage->persons.text = text;
	assert_true(terminal_has_mark(&stage->persons, MARK));
	/* It stands on nothing any more; the screen does the same. */
	stage->viewers.last = NULL;
}

static struct stage *stage_new(uint64_t seed, unsigned rows, unsigned columns)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	assert_non_null(stage);
	stage->dice.state = seed;
	stage->screen = screen_new((struct screen_size){rows, columns});
	assert_non_null(stage->screen);
	terminal_start(&stage->persons, rows, columns);
	terminal_start(&stage->viewers, rows - 1, columns);
	stage->out = (struct screen_out){stage->bytes, sizeof(stage->bytes), 0};
	screen_open(stage->screen, &stage->out);
	to_person(stage, SPEAKER_OURS);
	mark(stage);
	return stage;
}

static void stage_free(struct stage *stage)
{
	screen_free(stage->screen);
	free(stage);
}

/* In pieces, now and then into little room */
static void feed(struct stage *stage, const uint8_t *bytes, size_t length)
{
	while (length) {
		size_t piece = 1 + roll(&stage->dice, (unsigned)BL_MIN(length, 400u));
		unsigned more = roll(&stage->dice, 4) ? SCREEN_ROOM * 7 : roll(&stage->dice, 600);

		stage->out.room = SCREEN_STEP + more;
		size_t taken = screen_feed(stage->screen, bytes, piece, &stage->out, &stage->shown);

		assert_in_range(taken, 1, piece);
		to_person(stage, SPEAKER_FEED);
		assert_true(terminal_has_mark(&stage->persons, MARK));
		bytes += taken;
		length -= taken;
	}
	/* Never less than what a person can see; exactly that, where the terminal is as we think. */
	assert_true(stage->shown >= stage->persons.text);
	if (!stage->persons.odd_width)
		assert_true(stage->shown == stage->persons.text);
}

static bool is_same_cell(const struct cell *a, const struct cell *b)
{
	return a->point == b->point && memcmp(a->marks, b->marks, sizeof(a->marks)) == 0 &&
	       memcmp(&a->look, &b->look, sizeof(a->look)) == 0 && a->charset == b->charset;
}

static void must_agree(const struct stage *stage)
{
	const struct terminal *is = &stage->persons, *should = &stage->viewers;

	for (unsigned i = 0; i < should->rows; i++) {
		for (unsigned k = 0; k < should->columns; k++) {
			const struct cell *a = &is->cells[i][k], *b = &should->cells[i][k];

			if (!is_same_cell(a, b))
				fail_msg("row %u column %u: U+%04X %c %x %x, not U+%04X %c %x %x",
					 i, k, a->point, a->charset, a->look.styles, a->look.back,
					 b->point, b->charset, b->look.styles, b->look.back);
		}
	}
	assert_int_equal(is->now.row, should->now.row);
	assert_int_equal(is->now.column, should->now.column);
	assert_int_equal(is->top, should->top);
	assert_int_equal(is->bottom, should->bottom);
}

static unsigned number(struct dice *dice)
{
	static const unsigned NUMBERS[] = {0, 0, 1, 2, 3, 5, 8, 13, 20, 21, 80, 999, 9999};

	return NUMBERS[roll(dice, BL_COUNT(NUMBERS))];
}

static int random_colour(struct dice *dice, char *text, size_t room)
{
	static const unsigned NUMBERS[] = {0,  1,  2,  3,  4,  5,  7,  9,  21, 22, 23, 24,  25, 27,
					   29, 30, 37, 39, 40, 47, 49, 53, 55, 90, 97, 100, 107};

	switch (roll(dice, 4)) {
	case 0:
		return snprintf(text, room, "\033[%u;5;%um", 38 + 10 * roll(dice, 2),
				roll(dice, 256));
	case 1:
		return snprintf(text, room, "\033[1;%u;2;%u;%u;%um", 38 + 10 * roll(dice, 2),
				roll(dice, 256), roll(dice, 256), roll(dice, 256));
	case 2:
		return snprintf(text, room, "\033[m");
	default:
		return snprintf(text, room, "\033[%u;%um", NUMBERS[roll(dice, BL_COUNT(NUMBERS))],
				NUMBERS[roll(dice, BL_COUNT(NUMBERS))]);
	}
}

static int random_csi(struct dice *dice, char *text, size_t room)
{
	static const char FINALS[] = "@ABCDEFGHJKLMPSTXZbdfr";
	static const char TWO[] = "Hfr";
	char final = FINALS[roll(dice, sizeof(FINALS) - 1)];

	if (strchr(TWO, final) && roll(dice, 4))
		return snprintf(text, room, "\033[%u;%u%c", number(dice), number(dice), final);
	if (roll(dice, 4) == 0)
		return snprintf(text, room, "\033[%c", final);
	return snprintf(text, room, "\033[%u%c", number(dice), final);
}

static int random_words(struct dice *dice, char *text, size_t room)
{
	static const char *const WORDS[] = {
		"a",
		"zq",
		"Rechnung 4711",
		"\u00e9",
		"\u00fc\u00df",
		"\u6f22",
		"\u6f22\u5b57\u6f22",
		"e\u0301",
		"\u0301",
		"o\u0302\u0323\u0301",
		"\u2502\u2500",
		"\U0001f600",
		"\u0416",
		"0123456789012345678901234567890123456789",
		"lqqk",
		"\u20ac",
		"x\u6f22",
	};

	return snprintf(text, room, "%s", WORDS[roll(dice, BL_COUNT(WORDS))]);
}

static int random_token(struct dice *dice, char *text, size_t room)
{
	static const char *const OTHERS[] = {
		"\n",	    "\r\n",	 "\r",		 "\t",		"\b",	       "\016",
		"\017",	    "\0337",	 "\0338",	 "\033=",	"\033>",       "\033M",
		"\033D",    "\033E",	 "\033(0",	 "\033(A",	"\033(B",      "\033)0",
		"\033)B",   "\033[s",	 "\033[u",	 "\033[?7l",	"\033[?7h",    "\033[?1h",
		"\033[r",   "\033[3;9r", "\033[?12;25l", "\033[?1049h", "\033[?1049l", "\033[?47h",
		"\033[?7h", "\r\n",
	};

	switch (roll(dice, 8)) {
	case 0:
		return random_colour(dice, text, room);
	case 1:
	case 2:
		return random_csi(dice, text, room);
	case 3:
	case 4:
		return snprintf(text, room, "%s", OTHERS[roll(dice, BL_COUNT(OTHERS))]);
	default:
		return random_words(dice, text, room);
	}
}

static void allowed_streams_look_the_same(BL_UNUSED void **state)
{
	for (unsigned seed = 0; seed < 300; seed++) {
		struct dice sizes = {seed};
		struct stage *stage = stage_new(seed, 4 + roll(&sizes, 12), 20 + roll(&sizes, 40));

		for (unsigned i = 0; i < 400; i++) {
			uint8_t bytes[2048];
			size_t length = 0;

			for (unsigned k = roll(&stage->dice, 20); k; k--)
				length += (size_t)random_token(&stage->dice, (char *)bytes + length,
							       sizeof(bytes) - length);
			terminal_feed(&stage->viewers, bytes, length);
			feed(stage, bytes, length);
			must_agree(stage);
			if (roll(&stage->dice, 8) == 0)
				mark(stage);
		}
		stage_free(stage);
	}
}

static size_t hostile(struct dice *dice, uint8_t *bytes, size_t room)
{
	static const char *const PIECES[] = {
		"\033[",
		"\033[?",
		"\033]0;",
		"\033P",
		"\033_",
		"\033^",
		"\033X",
		"\033\\",
		"\a",
		"\x18",
		"\033c",
		"\033#8",
		"\033[2J",
		"\033[3J",
		"\033[!p",
		"\033[?6h",
		"\033[?69h",
		"\033[4h",
		"\033[20h",
		"\033[8;50;200t",
		"\033[?3h",
		"\033[;;;;r",
		"\033[999;1H",
		"\033[999B",
		"\033[99999999999999999999b",
		"\033[1;65535r",
		"\033[9999S",
		"\033[6n",
		"\033[c",
		"\033[?7l",
		"\xc2\x9b",
		"\x9b",
		"\u202e",
		"\u200b",
		"\ue000",
		"\xed\xa0\x80",
		"\xf4\x90\x80\x80",
		"\xc0\xaf",
		"\U000e0041",
		"\u0301\u0301\u0301\u0301\u0301",
		"\033[38;5;999m",
		"\033[8m",
		"\033[10m",
		"\033N",
		"\033O",
		"\033(\x20"
		"B",
		"\033[5;1;1;1;1T",
		"\033[>0q",
		"\033[1 q",
		"\033[:m",
		"\f",
		"\v",
		"\033[?1049h",
		"\ufeff",
		"\ufe0f",
		"\u034f",
		"\U0001f468\u200d\U0001f469",
		"\u1100\u1161",
		"\u115f",
		"\033\033[m",
		"\033[1\n2H",
	};
	size_t length = 0;

	while (length + 64 < room) {
		unsigned kind = roll(dice, 6);

		if (kind == 0)
			bytes[length++] = (uint8_t)roll(dice, 256);
		else if (kind == 1)
			bytes[length++] = (uint8_t)("0123456789;?\033[]mHJrh"[roll(dice, 20)]);
		else if (kind == 2)
			length += (size_t)random_token(dice, (char *)bytes + length, room - length);
		else
			length += (size_t)snprintf((char *)bytes + length, room - length, "%s",
						   PIECES[roll(dice, BL_COUNT(PIECES))]);
	}
	return length;
}

static void hostile_streams_never_touch_the_last_row(BL_UNUSED void **state)
{
	/* Also on terminals that take characters for narrower or wider than we do. */
	for (unsigned seed = 0; seed < 600; seed++) {
		struct dice sizes = {seed + 1000};
		struct stage *stage = stage_new(seed, 4 + roll(&sizes, 12), 20 + roll(&sizes, 40));
		uint8_t bytes[16384];

		stage->persons.odd_width = (int)(seed % 3);
		for (unsigned i = 0; i < 4; i++)
			feed(stage, bytes, hostile(&stage->dice, bytes, sizeof(bytes)));
		stage_free(stage);
	}
}

static void random_bytes_never_touch_the_last_row(BL_UNUSED void **state)
{
	struct stage *stage = stage_new(1, 12, 40);
	uint8_t bytes[4096];

	for (unsigned i = 0; i < 1000; i++) {
		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)roll(&stage->dice, i % 2 ? 128 : 256);
		feed(stage, bytes, sizeof(bytes));
	}
	stage_free(stage);
}

static void sizes_change_and_the_mark_stays(BL_UNUSED void **state)
{
	struct stage *stage = stage_new(3, 12, 40);
	uint8_t bytes[512];

	for (unsigned i = 0; i < 500; i++) {
		struct screen_size size = {4 + roll(&stage->dice, 30), 20 + roll(&stage->dice, 99)};

		feed(stage, bytes, hostile(&stage->dice, bytes, sizeof(bytes)));
		/* The terminal has its size before anybody knows. */
		stage->persons.rows = size.rows;
		stage->persons.columns = size.columns;
		uint64_t text = stage->persons.text;

		stage->out.room = sizeof(stage->bytes);
		screen_resize(stage->screen, size, &stage->out);
		to_person(stage, SPEAKER_OURS);
		stage->persons.text = text;
		assert_true(terminal_has_mark(&stage->persons, MARK));
		assert_int_equal(screen_viewer(stage->screen).rows, size.rows - 1);
	}
	stage_free(stage);
}

/* Of real viewers at 80 columns and 23 rows, as the fuzzer has them: three bytes of its own first. */
static void replay(const char *name)
{
	char path[512];
	static uint8_t bytes[1 << 20];

	snprintf(path, sizeof(path), "tests/fuzz/corpus/screen/%s", name);
	FILE *file = fopen(path, "rb");

	assert_non_null(file);
	size_t length = fread(bytes, 1, sizeof(bytes), file);

	fclose(file);
	struct stage *stage = stage_new(length, 24, 80);

	/* Compared before a sequence, where nothing is half said. */
	for (size_t i = 3, next; i < length; i = next) {
		for (next = BL_MIN(i + 100, length); next < length && bytes[next] != 0x1b;)
			next++;
		terminal_feed(&stage->viewers, bytes + i, next - i);
		feed(stage, bytes + i, next - i);
		must_agree(stage);
	}
	stage_free(stage);
}

static void real_viewers_look_the_same(BL_UNUSED void **state)
{
	unsigned count = 0;
	DIR *folder = opendir("tests/fuzz/corpus/screen");

	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (strncmp(entry->d_name, "viewer-", 7) != 0)
			continue;
		print_message("%s\n", entry->d_name);
		replay(entry->d_name);
		count++;
	}
	closedir(folder);
	assert_in_range(count, 8, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allowed_streams_look_the_same),
		cmocka_unit_test(hostile_streams_never_touch_the_last_row),
		cmocka_unit_test(random_bytes_never_touch_the_last_row),
		cmocka_unit_test(sizes_change_and_the_mark_stays),
		cmocka_unit_test(real_viewers_look_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
