/* Tests policy/detect/custom.c: a policy's own classes, and that no window changes what is found */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <hs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/detect/parts.h"
#include "policy/mask/mask.h"

enum { FIRST = CLASS_COUNT, SECOND, THIRD };
#define CUSTOM_BITS (CLASS_BIT(FIRST) | CLASS_BIT(SECOND) | CLASS_BIT(THIRD))

static struct detect_custom *make_custom(const struct detect_pattern *patterns, size_t count)
{
	struct detect_custom *custom = NULL;
	struct bl_error why = {""};
	size_t bad = 0;

	if (detect_custom_new(patterns, count, &custom, &bad, &why) != BL_OK)
		fail_msg("pattern %zu: %s", bad, why.text);
	return custom;
}

/* A scanner that has the only reference to its patterns. */
static struct detect_scanner *make_scanner(const struct detect_pattern *patterns, size_t count,
					   bl_classes classes)
{
	struct detect_custom *custom = make_custom(patterns, count);
	struct detect_scanner *scanner = NULL;

	assert_int_equal(detect_scanner_new(classes, custom, NULL, 0, &scanner, NULL), BL_OK);
	detect_custom_unref(custom);
	return scanner;
}

/* "from+length from+length": all spans of @class. */
static void describe(const struct detect_spans *spans, unsigned class, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < spans->count && at < size; i++)
		if (spans->items[i].class == class)
			at += (size_t)snprintf(out + at, size - at, "%s%llu+%u", at ? " " : "",
					       (unsigned long long)spans->items[i].offset,
					       spans->items[i].length);
}

/* ---- what is found ----------------------------------------------------------------------------- */

static void matches_are_spans_wherever_they_stand(void **state)
{
	static const struct {
		const char *pattern, *text, *spans;
	} rows[] = {
		{"NG-[0-9]{8}", "NG-20417733", "0+11"},
		{"NG-[0-9]{8}", "card NG-20417733, xNG-204177330", "5+11 19+11"},
		{"NG-[0-9]{8}", "ng-20417733 NG-2041773", ""},
		{"(?i)ng-[0-9]{8}", "Ng-20417733", "0+11"},
		/* the longest, and from the leftmost on */
		{"[A-Z]{2}[0-9]{4,8}", "AB123456", "0+8"},
		{"a{1,3}?", "xaaax", "1+3"},
		{"b{0,3}c", "bbbbbc", "2+4"},
		/* overlapping or touching: one */
		{"aba", "xababax", "1+5"},
		{"[0-9]{2}", "12345 6 78", "0+5 8+2"},
		{"NG-[0-9]{8}", "NG-20417733NG-20417734", "0+22"},
		{"\\bID ?[0-9]{4}\\b", "ID 1234 xID 1234 ID 12345 ID1234", "0+7 26+6"},
		/* behind an escape a word begins; its letter hides nothing */
		{"\\bID[0-9]{4}\\b", "{\"a\": \"x\\nID1234\\tID5678\"}", "10+6 18+6"},
		{"\\bID[0-9]{4}\\b", "\"\\u00a0ID1234 \\u00axID1234 \\xID1234\"", "7+6"},
		{"\\bnID[0-9]{4}\\b", "\\nID1234", "1+7"},
		{"ID[0-9]{4}", "\\nID1234", "2+6"},
		/* whole characters, and case as written */
		{"M.ller[0-9]", "M\u00fcller7", "0+8"},
		{"[\u00e4\u00f6\u00fc]{2}", "x\u00e4\u00f6 \u00e4 \u00c4\u00d6", "1+4"},
		{"[\u03b1-\u03c9]{2}", "a\u03b1\u03b2", "1+4"},
		{"a.c", "a\nc a\tc", "4+3"},
		{"(?s)a.c", "a\nc", "0+3"},
		{"a[^x]c", "a\u65e5c", "0+5"},
		{"\\w{3}", "ab\u00e9 abc", "5+3"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		const struct detect_pattern pattern = {rows[i].pattern, SECOND};
		struct detect_scanner *scanner = make_scanner(&pattern, 1, UINT64_MAX);
		struct detect_window window = {.bytes = (const uint8_t *)rows[i].text,
					       .core = strlen(rows[i].text)};
		struct detect_spans spans = {0};
		char found[200];

		assert_int_equal(detect_scan(scanner, &window, &spans), BL_OK);
		describe(&spans, SECOND, found, sizeof(found));
		if (strcmp(found, rows[i].spans) != 0)
			fail_msg("row %zu: '%s' in '%s': has '%s', should have '%s'", i,
				 rows[i].pattern, rows[i].text, found, rows[i].spans);
		detect_spans_free(&spans);
		detect_scanner_free(scanner);
	}
}

static void names_are_scanned_with_gaps_at_underscores(void **state)
{
	static const struct {
		const char *pattern, *name, *spans;
	} rows[] = {
		{"NG-[0-9]{8}", "NG-20417733.pdf", "0+11"},
		{"\\bNG[0-9]{4}\\b", "scan_NG1234_x.pdf", "5+6"},
		{"\\bNG[0-9]{4}\\b", "scan-NG1234.pdf", "5+6"},
		{"\\bNG[0-9]{4}\\b", "scanNG1234.pdf", ""},
		{"NG_[0-9]{4}", "NG_1234", "0+7"},
		{"NG [0-9]{4}", "NG_1234", "0+7"},
		{"NG[0-9]{4}", "\xff\xfeNG1234\xc3", "2+6"},
		{"\u00fc[0-9]", "\xc3\u00fc1", "1+3"},
		{"NG[0-9]{4}", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		const struct detect_pattern pattern = {rows[i].pattern, FIRST};
		struct detect_scanner *scanner = make_scanner(&pattern, 1, UINT64_MAX);
		struct detect_spans spans = {0};
		char found[200];

		assert_int_equal(
			detect_scan_name(scanner, rows[i].name, strlen(rows[i].name), &spans),
			BL_OK);
		describe(&spans, FIRST, found, sizeof(found));
		if (strcmp(found, rows[i].spans) != 0)
			fail_msg("row %zu: '%s' has '%s', should have '%s'", i, rows[i].name, found,
				 rows[i].spans);
		detect_spans_free(&spans);
		detect_scanner_free(scanner);
	}
}

static void each_class_has_its_own_spans(void **state)
{
	/* Two patterns of one class; not in order of class. */
	static const struct detect_pattern patterns[] = {{"C[0-9]{3}", THIRD},
							 {"A[0-9]{3}", FIRST},
							 {"D[0-9]{3}", THIRD},
							 {"[0-9]{2}", SECOND}};
	static const char text[] = "A123 C456 D789 kim@example.com";
	static const struct {
		bl_classes classes;
		unsigned class;
		const char *spans;
	} rows[] = {
		{UINT64_MAX, FIRST, "0+4"},
		{UINT64_MAX, SECOND, "1+3 6+3 11+3"},
		{UINT64_MAX, THIRD, "5+4 10+4"},
		{UINT64_MAX, CLASS_EMAIL, "15+15"},
		{CLASS_BIT(THIRD), THIRD, "5+4 10+4"},
		{CLASS_BIT(THIRD), FIRST, ""},
		{CLASS_BIT(THIRD), CLASS_EMAIL, ""},
		{CLASS_BIT(CLASS_EMAIL), THIRD, ""},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct detect_scanner *scanner =
			make_scanner(patterns, BL_COUNT(patterns), rows[i].classes);
		struct detect_window window = {.bytes = (const uint8_t *)text,
					       .core = sizeof(text) - 1};
		struct detect_spans spans = {0};
		char found[200];

		assert_int_equal(detect_scan(scanner, &window, &spans), BL_OK);
		describe(&spans, rows[i].class, found, sizeof(found));
		if (strcmp(found, rows[i].spans) != 0)
			fail_msg("row %zu: has '%s', should have '%s'", i, found, rows[i].spans);
		detect_spans_free(&spans);
		detect_scanner_free(scanner);
	}
}

/* ---- sets -------------------------------------------------------------------------------------- */

static void an_example_is_found_when_all_of_it_matches(void **state)
{
	static const struct detect_pattern patterns[] = {
		{"ST[0-9]{2}-[0-9]{5}", THIRD}, {"(ab|abc)", FIRST}, {"\\bx{1,3}\\b", SECOND}};
	static const struct {
		unsigned class;
		const char *text;
		bool is_found;
	} rows[] = {
		{THIRD, "ST26-00417", true},
		{THIRD, "ST26-0041", false},
		{THIRD, "xST26-00417", false},
		{THIRD, "ST26-004170", false},
		{THIRD, "", false},
		{FIRST, "ab", true},
		{FIRST, "abc", true},
		{FIRST, "ab abc", false},
		{SECOND, "xx", true},
		{SECOND, "abc", false},
		{THIRD + 1, "abc", false},
		{CLASS_EMAIL, "abc", false},
		{CLASS_LIMIT, "abc", false},
		{FIRST, "ab\xff", false},
	};
	struct detect_custom *custom = make_custom(patterns, BL_COUNT(patterns));

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (detect_custom_finds(custom, rows[i].class, rows[i].text,
					strlen(rows[i].text)) != rows[i].is_found)
			fail_msg("row %zu: '%s'", i, rows[i].text);
	detect_custom_unref(custom);
}

static void patterns_without_bounds_are_refused(void **state)
{
	static const struct {
		struct detect_pattern patterns[3];
		size_t count, bad;
		const char *words;
	} rows[] = {
		{{{"a", FIRST}, {"b+", SECOND}}, 2, 1, "without end: write a bound like {1,20}"},
		{{{"a?", FIRST}}, 1, 0, "nothing at all"},
		{{{"a|", FIRST}}, 1, 0, "nothing at all"},
		{{{"\\b", FIRST}}, 1, 0, "nothing at all"},
		{{{"a{97}", FIRST}}, 1, 0, "more than 96 bytes"},
		{{{"a", FIRST}, {"\u00fc{49}", SECOND}}, 2, 1, "more than 96 bytes"},
		{{{"[[:nothing:]]", FIRST}}, 1, 0, "not taken by the matcher"},
		{{{"[z-a]", FIRST}}, 1, 0, "not taken by the matcher"},
		{{{"a", CLASS_CUSTOMER}}, 1, 0, "one class too many"},
		{{{"a", FIRST}, {"a", CLASS_LIMIT}}, 2, 1, "one class too many"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct detect_custom *custom = NULL;
		struct bl_error why = {""};
		size_t bad = 99;

		if (detect_custom_new(rows[i].patterns, rows[i].count, &custom, &bad, &why) !=
			    BL_INVALID ||
		    custom || bad != rows[i].bad || !strstr(why.text, rows[i].words))
			fail_msg("row %zu: pattern %zu: '%s'", i, bad, why.text);
		if (why.text[0] < 'a' || why.text[0] > 'z' || why.text[strlen(why.text) - 1] == '.')
			fail_msg("row %zu: '%s' is not how we speak", i, why.text);
	}
}

static void there_are_at_most_as_many_patterns_as_classes(void **state)
{
	struct detect_pattern patterns[CLASS_LIMIT];
	struct detect_custom *custom = NULL;
	struct bl_error why = {""};
	size_t most = CLASS_LIMIT - CLASS_COUNT, bad = 0;

	(void)state;
	for (size_t i = 0; i < CLASS_LIMIT; i++)
		patterns[i] =
			(struct detect_pattern){"x[0-9]{4}", (uint8_t)(CLASS_COUNT + i % most)};
	assert_int_equal(detect_custom_new(patterns, most + 1, &custom, &bad, &why), BL_INVALID);
	assert_int_equal(bad, most);
	assert_int_equal(detect_custom_new(patterns, most, &custom, &bad, &why), BL_OK);
	detect_custom_unref(custom);

	/* Each fits by itself, all do not. */
	for (size_t i = 0; i < most; i++)
		patterns[i].pattern = "x[0-9]{90}";
	assert_int_equal(detect_custom_new(patterns, most, &custom, &bad, &why), BL_INVALID);
	assert_int_equal(bad, 512 / 91);
	assert_non_null(strstr(why.text, "all patterns together"));
	for (size_t i = 0; i < most; i++) /* what differs in length counts 40 more */
		patterns[i].pattern = "x[0-9]{1,9}";
	assert_int_equal(detect_custom_new(patterns, most, &custom, &bad, &why), BL_INVALID);
	assert_int_equal(bad, 512 / 50);
	assert_non_null(strstr(why.text, "all patterns together"));
}

static void sets_are_the_same_when_they_look_for_the_same(void **state)
{
	static const struct detect_pattern one[] = {{"ab", FIRST}, {"cd", SECOND}},
					   turned[] = {{"cd", SECOND}, {"ab", FIRST}},
					   swapped[] = {{"cd", FIRST}, {"ab", SECOND}},
					   longer[] = {{"ab", FIRST}, {"cd", SECOND}, {"x", THIRD}};
	static const struct {
		const struct detect_pattern *a, *b;
		size_t a_count, b_count;
		bool is_same;
	} rows[] = {
		{one, one, 2, 2, true},	     {one, turned, 2, 2, true}, {one, swapped, 2, 2, false},
		{one, longer, 2, 3, false},  {one, one, 2, 1, false},	{one, NULL, 2, 0, false},
		{NULL, longer, 0, 3, false}, {NULL, NULL, 0, 0, true},	{one, one, 0, 0, true},
		{NULL, one, 0, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct detect_custom *a =
			rows[i].a ? make_custom(rows[i].a, rows[i].a_count) : NULL;
		struct detect_custom *b =
			rows[i].b ? make_custom(rows[i].b, rows[i].b_count) : NULL;

		if (detect_custom_same(a, b) != rows[i].is_same)
			fail_msg("row %zu", i);
		detect_custom_unref(a);
		detect_custom_unref(b);
	}
}

static void a_set_lives_as_long_as_somebody_holds_it(void **state)
{
	static const struct detect_pattern pattern = {"ab", FIRST};
	struct detect_custom *custom = make_custom(&pattern, 1);
	struct detect_custom *again = detect_custom_ref(custom);

	(void)state;
	assert_ptr_equal(again, custom);
	detect_custom_unref(custom);
	assert_true(detect_custom_finds(again, FIRST, "ab", 2));
	detect_custom_unref(again);
	assert_null(detect_custom_ref(NULL));
	detect_custom_unref(NULL);
}

/* ---- one answer -------------------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Narrow ones, wide ones that match nearly everywhere, boundaries, characters of several bytes. */
static const struct detect_pattern various[] = {
	{"NG-[0-9]{8}", FIRST},		{"\\bID ?[0-9]{2,6}\\b", FIRST},
	{"[a-m ]{2,60}\u00e9", SECOND}, {"[\u00e0-\u00fc][a-z]{1,3}", SECOND},
	{"\\B[0-9]\\b", SECOND},	{"[a-z]{1,50}", THIRD},
	{"x[ab]{90}", THIRD},
};

static void make_text(uint8_t *out, size_t size, uint32_t *seed)
{
	static const char *const pieces[] = {
		"NG-20417733", "NG-2041",     "ID 1234", "ID123", "ID ", "1234",  "\n",
		" ",	       "\u00e9",      "\u65e5",	 "abc",	  "kl ", "xabab", "aaaaaaaaaaaa",
		"x",	       "\u00fcab",    "-",	 "_",	  "9",	 "ABBA",  ", ",
		"\\nID12",     "\\u00a0ID34", "\\",
	};
	size_t at = 0;

	while (at < size) {
		const char *piece = pieces[next_random(seed) % BL_COUNT(pieces)];
		size_t length = strlen(piece);

		/* Runs longer than any span, now and then. */
		for (unsigned again = next_random(seed) % 64 ? 1 : 80; again; again--) {
			if (length > size - at) {
				if (at < size)
					out[at++] = '\n';
				break;
			}
			memcpy(out + at, piece, length);
			at += length;
		}
	}
}

static void scan_window(const struct detect_scanner *scanner, const uint8_t *file, size_t size,
			size_t at, size_t lead, size_t tail, struct detect_spans *out)
{
	size_t core = BL_MIN(size - at, (size_t)DETECT_WINDOW);
	struct detect_window window = {.lead = BL_MIN(at, lead), .core = core, .offset = at};

	window.tail = BL_MIN(size - at - core, tail);
	window.bytes = file + at - window.lead;
	assert_int_equal(detect_scan(scanner, &window, out), BL_OK);
}

/* Which classes hide each byte, as all windows together say. */
static void cover(const struct detect_scanner *scanner, const uint8_t *file, size_t size,
		  bl_classes *out)
{
	struct detect_spans spans = {0};

	memset(out, 0, size * sizeof(*out));
	for (size_t at = 0; at < size; at += DETECT_WINDOW) {
		scan_window(scanner, file, size, at, DETECT_LEAD, DETECT_TAIL, &spans);
		for (size_t i = 0; i < spans.count; i++) {
			uint64_t end = spans.items[i].offset + spans.items[i].length;

			assert_true(spans.items[i].length <= SPAN_LIMIT && end <= size);
			for (uint64_t k = spans.items[i].offset; k < end; k++)
				if (k >= at && k < at + DETECT_WINDOW)
					out[k] |= CLASS_BIT(spans.items[i].class);
		}
	}
	detect_spans_free(&spans);
}

/* One text, moved byte by byte over a window's edge: each of its bytes is hidden as when it stands alone. */
static void a_text_is_hidden_alike_at_every_place_around_an_edge(void **state)
{
	enum { LENGTH = 1500 };
	size_t size = DETECT_WINDOW + LENGTH + 100;
	uint8_t text[LENGTH], *file = malloc(size);
	bl_classes *alone = calloc(LENGTH, sizeof(*alone)), *found = calloc(size, sizeof(*found));
	struct detect_scanner *scanner = make_scanner(various, BL_COUNT(various), CUSTOM_BITS);
	uint32_t seed = 3;

	(void)state;
	make_text(text, LENGTH, &seed);
	cover(scanner, text, LENGTH, alone);
	memset(file, '\n', size);
	for (size_t at = DETECT_WINDOW - LENGTH - 10; at < DETECT_WINDOW + 10; at++) {
		file[at - 1] = '\n';
		memcpy(file + at, text, LENGTH);
		cover(scanner, file, size, found);
		if (memcmp(found + at, alone, sizeof(*alone) * LENGTH) != 0)
			fail_msg("at %zu another answer", at);
	}
	detect_scanner_free(scanner);
	free(found);
	free(alone);
	free(file);
}

static void assert_same_spans(const struct detect_spans *one, const struct detect_spans *other,
			      uint64_t from, uint64_t to)
{
	size_t i = 0, k = 0;

	for (;; i++, k++) {
		while (i < one->count && one->items[i].offset + one->items[i].length <= from)
			i++;
		while (k < other->count && other->items[k].offset + other->items[k].length <= from)
			k++;
		bool is_end = i == one->count || one->items[i].offset >= to;

		assert_int_equal(is_end, k == other->count || other->items[k].offset >= to);
		if (is_end)
			return;
		assert_int_equal(one->items[i].offset, other->items[k].offset);
		assert_int_equal(one->items[i].length, other->items[k].length);
		assert_int_equal(one->items[i].class, other->items[k].class);
	}
}

static void windows_agree_whatever_is_around_them(void **state)
{
	size_t size = 3 * DETECT_WINDOW + 777;
	uint8_t *file = malloc(size);
	struct detect_scanner *scanner = make_scanner(various, BL_COUNT(various), CUSTOM_BITS);
	struct detect_spans one = {0}, other = {0};
	uint32_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 12; round++) {
		make_text(file, size, &seed);
		for (size_t at = 0; at < size; at += DETECT_WINDOW) {
			scan_window(scanner, file, size, at, DETECT_LEAD, DETECT_TAIL, &one);
			scan_window(scanner, file, size, at, size, size, &other);
			assert_same_spans(&one, &other, 0, UINT64_MAX);
			scan_window(scanner, file, size, at, DETECT_LEAD + 77, size, &other);
			assert_same_spans(&one, &other, 0, UINT64_MAX);
			if (at < DETECT_WINDOW)
				continue;
			scan_window(scanner, file, size, at - DETECT_WINDOW, DETECT_LEAD,
				    DETECT_TAIL, &other);
			assert_same_spans(&one, &other, at - DETECT_MARGIN, at + DETECT_MARGIN);
		}
	}
	detect_spans_free(&one);
	detect_spans_free(&other);
	detect_scanner_free(scanner);
	free(file);
}

/* A byte that is no text, in another window: this one's answer is as if a space stood there. */
static void what_is_no_text_in_another_window_changes_nothing(void **state)
{
	static const uint8_t odd[] = {0xff, 0x80, 0xc3, 0xe2};
	size_t size = 2 * DETECT_WINDOW, edge = DETECT_WINDOW + DETECT_MARGIN;
	uint8_t *file = malloc(size);
	struct detect_scanner *scanner = make_scanner(various, BL_COUNT(various), CUSTOM_BITS);
	struct detect_spans one = {0}, other = {0};
	uint32_t seed = 5;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		size_t at = edge + next_random(&seed) % 600;

		make_text(file + edge - 600, 1300, &seed);
		memset(file, '\n', edge - 600);
		memset(file + edge + 700, '\n', size - edge - 700);
		while ((file[at] & 0xc0) != 0x80 && file[at] >= 0x80)
			at--;
		if (file[at - 1] >= 0x80 || file[at] >= 0x80 || file[at + 1] >= 0x80)
			continue;
		file[at] = ' ';
		scan_window(scanner, file, size, 0, 0, DETECT_TAIL, &one);
		file[at] = odd[round % BL_COUNT(odd)];
		scan_window(scanner, file, size, 0, 0, DETECT_TAIL, &other);
		assert_same_spans(&one, &other, 0, at);
	}
	/* The same before a window. */
	for (unsigned round = 0; round < 400; round++) {
		size_t from = DETECT_WINDOW - DETECT_MARGIN,
		       at = from - 1 - next_random(&seed) % 600;

		memset(file, '\n', size);
		make_text(file + from - 700, 1300, &seed);
		if (file[at - 1] >= 0x80 || file[at] >= 0x80 || file[at + 1] >= 0x80)
			continue;
		file[at] = ' ';
		scan_window(scanner, file, size, DETECT_WINDOW, DETECT_LEAD, 0, &one);
		file[at] = odd[round % BL_COUNT(odd)];
		scan_window(scanner, file, size, DETECT_WINDOW, DETECT_LEAD, 0, &other);
		assert_same_spans(&one, &other, at + 1, UINT64_MAX);
	}
	detect_spans_free(&one);
	detect_spans_free(&other);
	detect_scanner_free(scanner);
	free(file);
}

/* Every substring that is an example by itself is hidden, and nothing else: no match is lost among others. */
static void exactly_the_matches_are_hidden(void **state)
{
	static const struct detect_pattern patterns[] = {
		{"(ab|ba){2,3}c?", FIRST},
		{"a[^b]{1,4}[bc]|cc\u00e9", SECOND},
		{"(a?b){1,2}.{0,3}a", THIRD},
	};
	static const char *const letters[] = {"a", "b", "c", "a", "b", "\u00e9", "\n"};
	enum { WIDTH = 24, LENGTH = 120 };
	struct detect_custom *custom = make_custom(patterns, BL_COUNT(patterns));
	struct detect_scanner *scanner = NULL;
	uint32_t seed = 9;

	(void)state;
	assert_int_equal(detect_scanner_new(CUSTOM_BITS, custom, NULL, 0, &scanner, NULL), BL_OK);
	for (unsigned round = 0; round < 12; round++) {
		bl_classes expected[LENGTH + 4] = {0}, found[LENGTH + 4];
		char text[LENGTH + 4];
		size_t size = 0;

		while (size < LENGTH)
			size += (size_t)sprintf(text + size, "%s",
						letters[next_random(&seed) % BL_COUNT(letters)]);
		for (unsigned class = FIRST; class <= THIRD; class ++)
			for (size_t from = 0; from < size; from++)
				for (size_t end = from + 1; end <= BL_MIN(size, from + WIDTH);
				     end++)
					if (detect_custom_finds(custom, class, text + from,
								end - from))
						for (size_t k = from; k < end; k++)
							expected[k] |= CLASS_BIT(class);
		cover(scanner, (const uint8_t *)text, size, found);
		if (memcmp(expected, found, size * sizeof(*found)) != 0)
			fail_msg("round %u: another answer in '%s'", round, text);
	}
	detect_scanner_free(scanner);
	detect_custom_unref(custom);
}

static void a_long_run_is_hidden_as_one(void **state)
{
	static const struct detect_pattern pattern = {"[a-z]{1,50}", FIRST};
	size_t size = DETECT_WINDOW + 5000;
	uint8_t *file = malloc(size);
	struct detect_scanner *scanner = make_scanner(&pattern, 1, CUSTOM_BITS);
	struct detect_spans spans = {0};

	(void)state;
	memset(file, ' ', size);
	memset(file + DETECT_WINDOW - 3000, 'a', 6000);
	for (size_t at = 0; at < size; at += DETECT_WINDOW) {
		scan_window(scanner, file, size, at, DETECT_LEAD, DETECT_TAIL, &spans);
		assert_true(spans.count > 4);
		for (size_t i = 1; i < spans.count; i++)
			assert_true(spans.items[i].offset <
				    spans.items[i - 1].offset + spans.items[i - 1].length);
	}
	detect_spans_free(&spans);
	detect_scanner_free(scanner);
	free(file);
}

/* ---- many at once, and no memory --------------------------------------------------------------- */

struct shared {
	const struct detect_scanner *scanner;
	const uint8_t *file;
	size_t size;
	const bl_classes *expected;
	pthread_barrier_t *start;
};

static void *scan_again(void *context)
{
	const struct shared *shared = context;
	bl_classes *found = calloc(shared->size, sizeof(*found));
	bool is_same = found;

	pthread_barrier_wait(shared->start);
	for (unsigned round = 0; is_same && round < 8; round++) {
		cover(shared->scanner, shared->file, shared->size, found);
		is_same = memcmp(found, shared->expected, shared->size * sizeof(*found)) == 0;
	}
	free(found);
	return is_same ? context : NULL;
}

static void many_threads_share_a_set(void **state)
{
	enum { THREADS = 64 };
	size_t size = 20000;
	uint8_t *file = malloc(size);
	bl_classes *expected = calloc(size, sizeof(*expected));
	struct detect_scanner *scanner = make_scanner(various, BL_COUNT(various), CUSTOM_BITS);
	pthread_barrier_t start;
	struct shared shared = {scanner, file, size, expected, &start};
	pthread_t threads[THREADS];
	uint32_t seed = 21;

	(void)state;
	make_text(file, size, &seed);
	cover(scanner, file, size, expected);
	assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, scan_again, &shared), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *result = NULL;

		pthread_join(threads[i], &result);
		assert_non_null(result);
	}
	pthread_barrier_destroy(&start);
	detect_scanner_free(scanner);
	free(expected);
	free(file);
}

static size_t allocations_left;

static void *allocate_some(size_t size)
{
	if (allocations_left == 0)
		return NULL;
	allocations_left--;
	return malloc(size);
}

/* The matcher's n-th allocation fails, for each n, until one run is clean. */
static void no_memory_is_told_as_such(void **state)
{
	size_t failures = 0;

	(void)state;
	assert_int_equal(hs_set_allocator(allocate_some, free), HS_SUCCESS);
	for (enum bl_status status = BL_NO_MEMORY; status != BL_OK; failures++) {
		struct detect_custom *custom = NULL;
		size_t bad = 0;

		assert_true(failures < 1000);
		allocations_left = failures;
		status = detect_custom_new(various, BL_COUNT(various), &custom, &bad, NULL);
		if (status != BL_OK)
			assert_int_equal(status, BL_NO_MEMORY);
		detect_custom_unref(custom);
	}
	assert_int_equal(hs_set_allocator(NULL, NULL), HS_SUCCESS);
	assert_true(failures > BL_COUNT(various));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_are_spans_wherever_they_stand),
		cmocka_unit_test(names_are_scanned_with_gaps_at_underscores),
		cmocka_unit_test(each_class_has_its_own_spans),
		cmocka_unit_test(an_example_is_found_when_all_of_it_matches),
		cmocka_unit_test(patterns_without_bounds_are_refused),
		cmocka_unit_test(there_are_at_most_as_many_patterns_as_classes),
		cmocka_unit_test(sets_are_the_same_when_they_look_for_the_same),
		cmocka_unit_test(a_set_lives_as_long_as_somebody_holds_it),
		cmocka_unit_test(a_text_is_hidden_alike_at_every_place_around_an_edge),
		cmocka_unit_test(windows_agree_whatever_is_around_them),
		cmocka_unit_test(what_is_no_text_in_another_window_changes_nothing),
		cmocka_unit_test(exactly_the_matches_are_hidden),
		cmocka_unit_test(a_long_run_is_hidden_as_one),
		cmocka_unit_test(many_threads_share_a_set),
		cmocka_unit_test(no_memory_is_told_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
