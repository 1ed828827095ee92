/* Tests policy/mask/mask.c: styles, whole files by windows, names */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/detect/parts.h"
#include "policy/mask/mask.h"

#define CUSTOM	    CLASS_COUNT /* classes of a policy's own */
#define LAST_CUSTOM (CLASS_LIMIT - 1)

static struct mask make_mask(unsigned style)
{
	struct mask mask;

	memset(mask.styles, (int)style, sizeof(mask.styles));
	for (size_t i = 0; i < MASK_KEY; i++)
		mask.key[i] = (uint8_t)i;
	return mask;
}

/* Mask a whole small text whose one span is [from, to). */
static void mask_text(char *text, size_t from, size_t to, unsigned class, unsigned style)
{
	struct mask mask = make_mask(style);
	struct detect_span span = {
		.offset = from, .length = (uint32_t)(to - from), .class = (uint8_t) class};
	struct detect_spans spans = {&span, 1, 1};

	mask_window(&mask, (uint8_t *)text, 0, strlen(text), 0, 0, &spans);
}

static void each_style_hides_what_it_should(void **state)
{
	static const struct {
		unsigned style, class;
		const char *value, *masked;
	} rows[] = {
		{STYLE_FILL, CLASS_CARD, "4111 1111\r\n1111 1111", "*********\r\n*********"},
		{STYLE_FILL, CLASS_CUSTOMER, "Jörg", "*****"},
		{STYLE_SHAPE, CLASS_CARD, "4111-1111-1111-1111", "9999-9999-9999-9999"},
		{STYLE_SHAPE, CLASS_EMAIL, "Kim@Ex.com", "Xxx@Xx.xxx"},
		{STYLE_SHAPE, CLASS_CUSTOMER, "Jörg", "Xxxxx"},
		{STYLE_KEEP_LAST_4, CLASS_CARD, "4111-1111-1111-1234", "****-****-****-1234"},
		{STYLE_KEEP_LAST_4, CLASS_IBAN, "GB82 WEST 1234 5698", "**** **** **** 5698"},
		{STYLE_KEEP_LAST_4, CLASS_NATIONAL_ID, "219-09-9999", "***-**-9999"},
		{STYLE_KEEP_LAST_4, CLASS_PHONE, "555-0143", "********"}, /* over half */
		{STYLE_KEEP_LAST_4, CLASS_EMAIL, "kim1234@x.com", "*************"},
		{STYLE_KEEP_LAST_4, CLASS_CUSTOMER, "07700900123", "***********"},
		{STYLE_KEEP_FIRST_6_LAST_4, CLASS_CARD, "4111111111111234", "411111******1234"},
		{STYLE_KEEP_FIRST_6_LAST_4, CLASS_CARD, "378282246310005", "***************"},
		{STYLE_KEEP_DOMAIN, CLASS_EMAIL, "kimberley.miller@mail.ex",
		 "****************@mail.ex"},
		{STYLE_KEEP_DOMAIN, CLASS_EMAIL, "kim@example.com", "***************"},
		{STYLE_YEAR_ONLY, CLASS_DATE_OF_BIRTH, "1980-01-02", "1980-**-**"},
		{STYLE_YEAR_ONLY, CLASS_PHONE, "1980-01-02", "**********"},
		{STYLE_SHAPE, CLASS_PRIVATE_KEY, "-----BEGIN\nAB", "**********\n**"},
		{STYLE_FILL, CUSTOM, "NG-20417733", "***********"},
		{STYLE_SHAPE, CUSTOM, "NG-20417733", "XX-99999999"},
		{STYLE_KEEP_DOMAIN, CUSTOM, "kimberley.miller@mail.ex", "************************"},
		{STYLE_YEAR_ONLY, CUSTOM, "1980-01-02", "**********"},
		{STYLE_KEEP_LAST_4, CUSTOM, "NG-20417733", "**-****7733"},
		{STYLE_KEEP_LAST_4, CUSTOM, "NG-1773", "*******"}, /* over half */
		{STYLE_KEEP_LAST_4, LAST_CUSTOM, "NG-20417733", "**-****7733"},
		{STYLE_KEEP_FIRST_6_LAST_4, CUSTOM, "4111111111111234", "****************"},
		{STYLE_ORIGINAL, CUSTOM, "NG-20417733", "NG-20417733"},
		{STYLE_ORIGINAL, CLASS_EMAIL, "kim@\r\nexample.com", "kim@\r\nexample.com"},
		{STYLE_ORIGINAL, CLASS_PRIVATE_KEY, "-----BEGIN\nAB", "**********\n**"},
		{STYLE_ORIGINAL + 1, CLASS_EMAIL, "kim@example.com", "***************"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char text[80];

		snprintf(text, sizeof(text), "a%sb", rows[i].value);
		mask_text(text, 1, 1 + strlen(rows[i].value), rows[i].class, rows[i].style);
		if (text[0] != 'a' || text[strlen(text) - 1] != 'b' ||
		    strncmp(text + 1, rows[i].masked, strlen(rows[i].masked)) != 0)
			fail_msg("row %zu: '%s' became '%s'", i, rows[i].value, text);
	}
}

static void tokens_are_stable_and_keep_separators(void **state)
{
	char one[] = "tel +44 7700 900123", other[] = "tel 07700-900-123xx";
	char card[] = "4111 1111 1111 1111", same[] = "4111-1111-1111-1111",
	     third[] = "4111 1111 1111 1112";

	(void)state;
	mask_text(one, 4, 19, CLASS_PHONE, STYLE_TOKEN);
	mask_text(other, 4, 17, CLASS_PHONE, STYLE_TOKEN);
	assert_int_equal(one[4], '+');
	assert_int_equal(one[7], ' ');
	/* The same nine digits at the end: the same letters from the front. */
	assert_memory_equal(one + 5, other + 4, 2);
	assert_memory_equal(one + 8, other + 6, 3);

	mask_text(card, 0, 19, CLASS_CARD, STYLE_TOKEN);
	mask_text(same, 0, 19, CLASS_CARD, STYLE_TOKEN);
	mask_text(third, 0, 19, CLASS_CARD, STYLE_TOKEN);
	for (size_t i = 0; i < 19; i++) {
		if (i % 5 == 4)
			continue;
		assert_int_equal(card[i], same[i]);
		assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz234567", card[i]));
	}
	assert_int_equal(card[4], ' ');
	assert_int_equal(same[4], '-');
	assert_string_not_equal(card, third);
}

static void a_chain_is_masked_in_its_strictest_style(void **state)
{
	struct mask mask = make_mask(STYLE_SHAPE);
	struct detect_span items[] = {
		{.offset = 0, .length = 6, .class = CLASS_EMAIL},
		{.offset = 4, .length = 6, .class = CLASS_CUSTOMER},
		{.offset = 10, .length = 2, .class = CLASS_EMAIL}, /* touches, does not overlap */
	};
	struct detect_spans spans = {items, 3, 3};
	char text[] = "abcdefghijklmn";

	(void)state;
	mask.styles[CLASS_CUSTOMER] = STYLE_FILL;
	mask_window(&mask, (uint8_t *)text, 0, strlen(text), 0, 0, &spans);
	assert_string_equal(text, "**********xxmn");
}

static void a_chain_is_shown_only_when_all_of_it_is(void **state)
{
	static const struct {
		uint8_t styles[3]; /* of e-mail, customer, a custom class */
		struct detect_span items[3];
		size_t count;
		const char *masked;
	} rows[] = {
		/* all original */
		{{STYLE_ORIGINAL, STYLE_ORIGINAL, STYLE_FILL},
		 {{0, 6, CLASS_EMAIL, 1}, {4, 6, CLASS_CUSTOMER, 1}},
		 2,
		 "abcdefghijklmn"},
		/* one is not: the union in its style */
		{{STYLE_ORIGINAL, STYLE_FILL, STYLE_FILL},
		 {{0, 6, CLASS_EMAIL, 1}, {4, 6, CLASS_CUSTOMER, 1}},
		 2,
		 "**********klmn"},
		{{STYLE_ORIGINAL, STYLE_SHAPE, STYLE_ORIGINAL},
		 {{0, 6, CLASS_EMAIL, 1}, {4, 6, CLASS_CUSTOMER, 1}, {9, 3, CUSTOM, 1}},
		 3,
		 "xxxxxxxxxxxxmn"},
		/* inside, and of the same length */
		{{STYLE_ORIGINAL, STYLE_FILL, STYLE_FILL},
		 {{0, 12, CLASS_EMAIL, 1}, {4, 2, CLASS_CUSTOMER, 1}},
		 2,
		 "************mn"},
		{{STYLE_ORIGINAL, STYLE_FILL, STYLE_SHAPE},
		 {{0, 12, CLASS_EMAIL, 1}, {0, 12, CUSTOM, 1}},
		 2,
		 "xxxxxxxxxxxxmn"},
		/* neighbours that do not overlap keep to themselves */
		{{STYLE_ORIGINAL, STYLE_FILL, STYLE_FILL},
		 {{0, 4, CLASS_EMAIL, 1}, {4, 4, CLASS_CUSTOMER, 1}, {8, 4, CLASS_EMAIL, 1}},
		 3,
		 "abcd****ijklmn"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct mask mask = make_mask(STYLE_FILL);
		struct detect_span items[3];
		struct detect_spans spans = {items, rows[i].count, 3};
		char text[] = "abcdefghijklmn";

		memcpy(items, rows[i].items, sizeof(items));
		mask.styles[CLASS_EMAIL] = rows[i].styles[0];
		mask.styles[CLASS_CUSTOMER] = rows[i].styles[1];
		mask.styles[CUSTOM] = rows[i].styles[2];
		mask_window(&mask, (uint8_t *)text, 0, strlen(text), 0, 0, &spans);
		if (strcmp(text, rows[i].masked) != 0)
			fail_msg("row %zu: '%s', not '%s'", i, text, rows[i].masked);
	}
}

/* A style that keeps something keeps it of everything that lies there. */
static void a_style_is_used_where_it_fits_all_of_a_chain(void **state)
{
	static const char MAIL[] = "kim.the.customer.of.ours@4000001234567899.com";
	static const char ALL[] = "*********************************************";
	static const char LOCAL[] = "************************@4000001234567899.com";
	static const struct {
		uint8_t inner, style; /* of what lies in the domain */
		const char *masked;
	} rows[] = {
		{CLASS_CARD, STYLE_KEEP_LAST_4, ALL},
		{CLASS_CARD, STYLE_KEEP_FIRST_6_LAST_4, ALL},
		{CLASS_PHONE, STYLE_KEEP_LAST_4, ALL},
		{CUSTOM, STYLE_KEEP_LAST_4, ALL},
		{CLASS_CARD, STYLE_FILL, ALL},
		/* what is shown as it is hides nothing */
		{CUSTOM, STYLE_ORIGINAL, LOCAL},
		{CLASS_EMAIL, STYLE_KEEP_DOMAIN, LOCAL},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct mask mask = make_mask(STYLE_FILL);
		struct detect_span items[] = {{0, sizeof(MAIL) - 1, CLASS_EMAIL, 1},
					      {25, 16, rows[i].inner, 1}};
		struct detect_spans spans = {items, 2, 2};
		char text[sizeof(MAIL)];

		memcpy(text, MAIL, sizeof(MAIL));
		mask.styles[CLASS_EMAIL] = STYLE_KEEP_DOMAIN;
		mask.styles[rows[i].inner] = rows[i].style;
		mask_window(&mask, (uint8_t *)text, 0, strlen(text), 0, 0, &spans);
		if (strcmp(text, rows[i].masked) != 0)
			fail_msg("row %zu: '%s'", i, text);
	}
}

/* What overlaps the far end of such a chain is not known here, and may have to be hidden. */
static void a_chain_that_is_not_all_here_is_never_shown(void **state)
{
	static const struct {
		uint64_t offset; /* relative to the first byte at hand */
		uint32_t length;
		bool is_shown;
	} rows[] = {
		{DETECT_MARGIN, 50, true},
		{1, DETECT_MARGIN, true},
		{0, DETECT_MARGIN + 1, false},
		{50, 2 * DETECT_MARGIN, false},
		{DETECT_MARGIN + 99, DETECT_MARGIN, true},
		{DETECT_MARGIN + 99, DETECT_MARGIN + 1, false},
	};
	size_t total = 2 * DETECT_MARGIN + 100;
	uint8_t bytes[2 * DETECT_MARGIN + 100];
	struct mask mask = make_mask(STYLE_ORIGINAL);

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct detect_span item = {DETECT_WINDOW - DETECT_MARGIN + rows[i].offset,
					   rows[i].length, CUSTOM, 1};
		struct detect_spans spans = {&item, 1, 1};

		memset(bytes, 'a', total);
		mask_window(&mask, bytes, DETECT_MARGIN, 100, DETECT_MARGIN, DETECT_WINDOW, &spans);
		if (!memchr(bytes, '*', total) != rows[i].is_shown)
			fail_msg("row %zu", i);
	}
}

/* ---- whole files ------------------------------------------------------------------------------- */

static const struct detect_identity customer[] = {{IDENTITY_NAME, "Jörg Müller", false}};

static const struct {
	const char *value;
	enum bl_class class;
} planted[] = {
	{"kim@example.com", CLASS_EMAIL},
	{"4111 1111 1111 1111", CLASS_CARD},
	{"GB82 WEST 1234 5698 7654 32", CLASS_IBAN},
	{"219-09-9999", CLASS_NATIONAL_ID},
	{"+44 20 7946 0123", CLASS_PHONE},
	{"Jörg Müller", CLASS_CUSTOMER},
};

/* The masked file, window by window, with as much around each as serving gives. */
static void mask_file(const struct detect_scanner *scanner, const struct mask *mask,
		      const uint8_t *file, size_t size, size_t margin, uint8_t *out)
{
	struct detect_spans spans = {0};
	uint8_t *copy = malloc(DETECT_WINDOW + 2 * (size_t)DETECT_LEAD);

	for (size_t at = 0; at < size; at += DETECT_WINDOW) {
		size_t core = BL_MIN(size - at, (size_t)DETECT_WINDOW);
		struct detect_window window = {.core = core, .offset = at};

		window.lead = BL_MIN(at, (size_t)DETECT_LEAD);
		window.tail = BL_MIN(size - at - core, (size_t)DETECT_TAIL);
		window.bytes = file + at - window.lead;
		assert_int_equal(detect_scan(scanner, &window, &spans), BL_OK);

		size_t lead = BL_MIN(at, margin), tail = BL_MIN(size - at - core, margin);

		memcpy(copy, file + at - lead, lead + core + tail);
		mask_window(mask, copy, lead, core, tail, at, &spans);
		memcpy(out + at, copy + lead, core);
		/* Nothing but the core is touched. */
		assert_memory_equal(copy, file + at - lead, lead);
		assert_memory_equal(copy + lead + core, file + at + core, tail);
	}
	detect_spans_free(&spans);
	free(copy);
}

static void a_value_is_masked_alike_at_every_offset_around_an_edge(void **state)
{
	size_t size = DETECT_WINDOW + 4096;
	uint8_t *file = malloc(size), *out = malloc(size);
	struct detect_scanner *scanner = NULL;

	(void)state;
	assert_int_equal(detect_scanner_new(UINT64_MAX, NULL, customer, 1, &scanner, NULL), BL_OK);
	for (size_t i = 0; i < BL_COUNT(planted); i++) {
		size_t length = strlen(planted[i].value);
		struct mask mask = make_mask((enum bl_style)(i % 3));
		char expected[64];

		memset(file, ' ', size);
		memcpy(file + 5000, planted[i].value, length);
		mask_file(scanner, &mask, file, size, DETECT_MARGIN, out);
		memcpy(expected, out + 5000, length);
		assert_memory_not_equal(expected, planted[i].value, length);
		for (size_t at = DETECT_WINDOW - length - 1; at <= DETECT_WINDOW + 1; at++) {
			memset(file, ' ', size);
			memcpy(file + at, planted[i].value, length);
			mask_file(scanner, &mask, file, size, DETECT_MARGIN, out);
			assert_memory_equal(out + at, expected, length);
			assert_int_equal(out[at - 1], ' ');
			assert_int_equal(out[at + length], ' ');
		}
	}
	detect_scanner_free(scanner);
	free(out);
	free(file);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void no_planted_value_survives_in_random_text(void **state)
{
	static const char *const pieces[] = {"lorem ", "ipsum\n", "12 ", "é ",
					     "日本 ",  "\r\n",	  ", ",	 "x\n"};
	size_t size = 2 * DETECT_WINDOW + 999;
	uint8_t *file = malloc(size), *out = malloc(size), *wide = malloc(size);
	struct detect_scanner *scanner = NULL;
	uint32_t seed = 11;

	(void)state;
	assert_int_equal(detect_scanner_new(UINT64_MAX, NULL, customer, 1, &scanner, NULL), BL_OK);
	for (unsigned round = 0; round < 6; round++) {
		struct mask mask = make_mask((enum bl_style)(round % 3));
		struct text text = {out, size};
		size_t at = 0;

		while (at < size) {
			uint32_t pick = next_random(&seed);
			const char *piece = pick % 9 ? pieces[pick / 9 % BL_COUNT(pieces)]
						     : planted[pick / 9 % BL_COUNT(planted)].value;
			size_t length = strlen(piece) + !(pick % 9);

			if (length > size - at) {
				file[at++] = '\n';
				continue;
			}
			memcpy(file + at, piece, strlen(piece));
			if (pick % 9 == 0)
				file[at + length - 1] = ' ';
			at += length;
		}
		mask_file(scanner, &mask, file, size, DETECT_MARGIN, out);
		mask_file(scanner, &mask, file, size, DETECT_LEAD, wide);
		assert_memory_equal(out, wide, size);
		assert_true(text_is_utf8(&text, 0, size));
		for (size_t i = 0; i < BL_COUNT(planted); i++)
			assert_null(memmem(out, size, planted[i].value, strlen(planted[i].value)));
		for (size_t i = 0; i < size; i++)
			assert_int_equal(file[i] == '\n' || file[i] == '\r',
					 out[i] == '\n' || out[i] == '\r');
	}
	detect_scanner_free(scanner);
	free(wide);
	free(out);
	free(file);
}

static void a_chain_out_of_the_margins_is_fill(void **state)
{
	struct mask mask = make_mask(STYLE_SHAPE);
	struct detect_span items[] = {{.offset = 10, .length = 100000, .class = CLASS_EMAIL}};
	struct detect_spans spans = {items, 1, 1};
	size_t total = DETECT_MARGIN + 100;
	uint8_t bytes[DETECT_MARGIN + 100];

	(void)state;
	memset(bytes, 'a', total);
	mask_window(&mask, bytes, DETECT_MARGIN, 100, 0, DETECT_WINDOW, &spans);
	assert_int_equal(bytes[DETECT_MARGIN - 1], 'a');
	for (size_t i = DETECT_MARGIN; i < total; i++)
		assert_int_equal(bytes[i], '*');
}

/* ---- names --------------------------------------------------------------------------------------- */

static void names_keep_their_extension_and_carry_their_mark(void **state)
{
	static const struct {
		const char *name;
		size_t from, length;
		const char *front, *back;
	} rows[] = {
		{"kim miller.pdf", 0, 10, "**********~", ".pdf"},
		{"cv kim.pdf", 3, 3, "cv ***~", ".pdf"},
		{"kim.miller", 0, 10, "**********~", ""},
		{"kim.verylongextension", 0, 3, "***.verylongextension~", ""},
		{"a/b", 0, 1, "*_b~", ""},
		{"..", 0, 2, "**~", ""},
	};
	struct mask mask = make_mask(STYLE_FILL);
	char mark[MASK_MARK + 1], out[MASK_NAME_SIZE];

	(void)state;
	mask_mark(mask.key, 42, mark);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct detect_span span = {.offset = rows[i].from,
					   .length = (uint32_t)rows[i].length,
					   .class = CLASS_CUSTOMER};
		struct detect_spans spans = {&span, 1, 1};
		char expected[MASK_NAME_SIZE];

		snprintf(expected, sizeof(expected), "%s%s%s", rows[i].front, mark, rows[i].back);
		assert_true(mask_name(&mask, rows[i].name, strlen(rows[i].name), &spans, 42, out));
		assert_string_equal(out, expected);
		assert_memory_equal(mask_name_mark(out, strlen(out)), mark, MASK_MARK);
	}
}

static void long_names_are_shortened_not_cut_open(void **state)
{
	struct mask mask = make_mask(STYLE_FILL);
	struct detect_span span = {.offset = 0, .length = 3, .class = CLASS_CUSTOMER};
	struct detect_spans spans = {&span, 1, 1};
	char name[256], out[MASK_NAME_SIZE];

	(void)state;
	for (size_t pad = 0; pad < 4; pad++) {
		size_t length = 0;

		for (; length < pad; length++)
			name[length] = 'a';
		while (length + 3 <= 251) {
			memcpy(name + length, "日", 3);
			length += 3;
		}
		memcpy(name + length, ".txt", 4);
		length += 4;
		assert_true(mask_name(&mask, name, length, &spans, 7, out));
		assert_true(strlen(out) <= 255);

		struct text text = {(const uint8_t *)out, strlen(out)};

		/* Bytes of the span itself are '*' already; what is left must be whole characters. */
		if (pad == 0 || pad == 3)
			assert_true(text_is_utf8(&text, 0, text.length));
		assert_non_null(mask_name_mark(out, strlen(out)));
		assert_string_equal(out + strlen(out) - 4, ".txt");
	}
}

static void originals_are_not_shown_in_names(void **state)
{
	struct mask mask = make_mask(STYLE_ORIGINAL);
	struct detect_span items[] = {{0, 3, CUSTOM, 1}, {4, 6, CLASS_CUSTOMER, 1}};
	struct detect_spans spans = {items, 2, 2};
	char mark[MASK_MARK + 1], expected[MASK_NAME_SIZE], out[MASK_NAME_SIZE];

	(void)state;
	mask_mark(mask.key, 42, mark);
	snprintf(expected, sizeof(expected), "*** ******~%s.pdf", mark);
	assert_true(mask_name(&mask, "kim miller.pdf", 14, &spans, 42, out));
	assert_string_equal(out, expected);
}

static void a_name_without_spans_stays_as_it_is(void **state)
{
	struct mask mask = make_mask(STYLE_FILL);
	struct detect_spans spans = {0};
	char out[MASK_NAME_SIZE];

	(void)state;
	assert_false(mask_name(&mask, "notes.txt", 9, &spans, 1, out));
	assert_string_equal(out, "notes.txt");
	assert_null(mask_name_mark("notes.txt", 9));
	assert_null(mask_name_mark("a~b", 3));
	assert_null(mask_name_mark("", 0));
}

static void marks_differ_by_node_and_key(void **state)
{
	struct mask mask = make_mask(STYLE_FILL);
	char one[MASK_MARK + 1], other[MASK_MARK + 1];

	(void)state;
	mask_mark(mask.key, 1, one);
	mask_mark(mask.key, 2, other);
	assert_string_not_equal(one, other);
	mask.key[0] ^= 1;
	mask_mark(mask.key, 1, other);
	assert_string_not_equal(one, other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_style_hides_what_it_should),
		cmocka_unit_test(tokens_are_stable_and_keep_separators),
		cmocka_unit_test(a_chain_is_masked_in_its_strictest_style),
		cmocka_unit_test(a_chain_is_shown_only_when_all_of_it_is),
		cmocka_unit_test(a_style_is_used_where_it_fits_all_of_a_chain),
		cmocka_unit_test(a_chain_that_is_not_all_here_is_never_shown),
		cmocka_unit_test(a_value_is_masked_alike_at_every_offset_around_an_edge),
		cmocka_unit_test(no_planted_value_survives_in_random_text),
		cmocka_unit_test(a_chain_out_of_the_margins_is_fill),
		cmocka_unit_test(names_keep_their_extension_and_carry_their_mark),
		cmocka_unit_test(long_names_are_shortened_not_cut_open),
		cmocka_unit_test(originals_are_not_shown_in_names),
		cmocka_unit_test(a_name_without_spans_stays_as_it_is),
		cmocka_unit_test(marks_differ_by_node_and_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
