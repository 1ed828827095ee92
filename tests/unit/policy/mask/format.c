/* Tests policy/mask/format.c and the tokens of policy/mask/style.c: containers stay valid, tokens are the same in every charset */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/detect/charset.h"
#include "policy/mask/mask.h"

static struct mask make_mask(unsigned style, uint8_t key)
{
	struct mask mask;

	memset(mask.styles, (int)style, sizeof(mask.styles));
	memset(mask.key, key, sizeof(mask.key));
	return mask;
}

/* A small file of one piece, whose one span is what stands between '{{' and '}}' in @text. */
static size_t mask_one(const char *text, const struct mask *mask, unsigned class,
		       struct detect_piece piece, uint8_t *out)
{
	const char *open = strstr(text, "{{"), *shut = strstr(text, "}}");
	size_t front = (size_t)(open - text), length = (size_t)(shut - open) - 2;
	struct detect_span span = {
		.offset = front, .length = (uint32_t)length, .class = (uint8_t) class};
	struct detect_spans spans = {&span, 1, 1};
	struct detect_pieces pieces = {&piece, 1, 1};
	struct detect_work *work = NULL;
	size_t size = strlen(text) - 4;

	memcpy(out, text, front);
	memcpy(out + front, open + 2, length);
	strcpy((char *)out + front + length, shut + 2);
	piece.end = size;
	assert_int_equal(detect_work_new(&work), BL_OK);
	assert_int_equal(mask_look(mask, &pieces, out, 0, size, 0, 0, &spans, work), BL_OK);
	detect_work_free(work);
	return size;
}

static void containers_stay_valid(void **state)
{
	static const struct {
		unsigned format, style, class;
		const char *text, *masked;
	} rows[] = {
		/* Numbers: one digit, that the number has least of, and no zero in front */
		{DETECT_JSON, STYLE_FILL, CLASS_PHONE, "{\"phone\": {{2079460123}}}",
		 "{\"phone\": 8888888888}"},
		{DETECT_JSON, STYLE_TOKEN, CLASS_PHONE, "[1, {{2079460123}} , 3]",
		 "[1, 8888888888 , 3]"},
		{DETECT_JSON, STYLE_SHAPE, CLASS_LOCATION, "{\"lat\":{{-52.5e2}}}",
		 "{\"lat\":-99.9e9}"},
		{DETECT_JSON, STYLE_KEEP_LAST_4, CLASS_CARD, "[{{4111111111111234}}]",
		 "[9999999999991234]"},
		{DETECT_CSV, STYLE_FILL, CLASS_PHONE, "Kim,{{2079460123}},x\n",
		 "Kim,8888888888,x\n"},
		{DETECT_JSON, STYLE_FILL, CLASS_PHONE, "[\"{{2079460123}}\"]", "[\"**********\"]"},
		{DETECT_PLAIN, STYLE_FILL, CLASS_PHONE, "a,{{2079460123}},", "a,**********,"},
		/* Escapes */
		{DETECT_JSON, STYLE_FILL, CLASS_EMAIL, "[\"{{kim\\u0040x.example}}\"]",
		 "[\"***\\u002a*********\"]"},
		{DETECT_JSON, STYLE_FILL, CLASS_NAME, "[\"{{a\\\"b\\\\}}\"]", "[\"*\\\"*\\\\\"]"},
		{DETECT_JSON, STYLE_SHAPE, CLASS_NAME, "[\"\\{{nKim}}\"]", "[\"\\nXxx\"]"},
		{DETECT_JSON, STYLE_FILL, CLASS_NAME, "[\"{{Kim\\}}n\"]", "[\"***\\n\"]"},
		{DETECT_JSON, STYLE_FILL, CLASS_NAME, "[{{\"a\",\"b\"}}]", "[\"*\",\"*\"]"},
		{DETECT_JSON, STYLE_FILL, CLASS_NAME, "[\"\\\\{{nKim}}\"]", "[\"\\\\****\"]"},
		/* Markup */
		{DETECT_XML, STYLE_FILL, CLASS_NAME, "<a>{{J&#246;rg &amp; K}}</a>",
		 "<a>*&#042;***&amp;**</a>"},
		{DETECT_XML, STYLE_FILL, CLASS_EMAIL, "<a>{{k&#64;x&#x40;y}}</a>",
		 "<a>*&#42;*&#x2a;*</a>"},
		{DETECT_XML, STYLE_FILL, CLASS_NAME, "<a>{{a<b>c}}</a>", "<a>*<*>*</a>"},
		{DETECT_XML, STYLE_TOKEN, CLASS_NAME, "<a>&{{amp;}}</a>", "<a>&amp;</a>"},
		/* Tables, cards, folded headers */
		{DETECT_CSV, STYLE_FILL, CLASS_NAME, "\"{{a\"\"b,\nc}}\",1", "\"*\"\"*,\n*\",1"},
		{DETECT_CARD, STYLE_FILL, CLASS_NAME, "N:{{Lee;Kim\\;\r\n J}}\r\n",
		 "N:***;***\\;\r\n *\r\n"},
		{DETECT_MAIL, STYLE_FILL, CLASS_NAME, "To: {{Kim\r\n\tLee}}\r\n",
		 "To: ***\r\n\t***\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct mask mask = make_mask(rows[i].style, 1);
		uint8_t out[128];

		mask_one(rows[i].text, &mask, rows[i].class,
			 (struct detect_piece){.format = (uint8_t)rows[i].format}, out);
		if (strcmp((char *)out, rows[i].masked) != 0)
			fail_msg("row %zu: '%s' became '%s'", i, rows[i].text, (char *)out);
	}
}

static void numbers_that_are_masked_pass_no_check(void **state)
{
	uint32_t seed = 5;

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		struct mask mask = make_mask(i % 3, 1);
		unsigned count = 8 + i % 12;
		char text[64] = "[{{";
		uint8_t out[64];

		for (unsigned k = 0; k < count; k++) {
			seed = seed * 1664525u + 1013904223u;
			text[3 + k] = (char)('1' + (seed >> 16) % 9);
		}
		strcpy(text + 3 + count, "}}]");
		mask_one(text, &mask, CLASS_CARD, (struct detect_piece){.format = DETECT_JSON},
			 out);
		for (unsigned k = 1; k <= count; k++)
			assert_int_equal(out[k], out[1]);
		assert_true(out[1] >= '1' && out[1] <= '9');
		assert_false(detect_is_value(CLASS_CARD, out + 1, count));
	}
}

/* What the characters of a masked file are, whatever it is written in. */
static size_t characters_of(const uint8_t *bytes, size_t length, unsigned charset,
			    unsigned transfer, uint32_t *out)
{
	struct part_reader reader;
	struct part_character character;
	size_t count = 0;

	part_reader_start(&reader, bytes, length, charset, transfer, 0);
	while (part_reader_next(&reader, &character))
		out[count++] = character.code;
	return count;
}

static void tokens_are_equal_in_every_charset_and_differ_by_device(void **state)
{
	static const struct {
		const char *text;
		unsigned charset, transfer;
	} rows[] = {
		{"{{J\xc3\xb6rg O\xe2\x80\x99Neill}}", CHARSET_UTF8, TRANSFER_NONE},
		{"{{J\xf6rg O\x92Neill}}", CHARSET_WINDOWS_1252, TRANSFER_NONE},
		{"{{J=C3=B6rg O=E2=80=99Nei=\nll}}", CHARSET_UTF8, TRANSFER_QUOTED_PRINTABLE},
		{"{{J=F6rg O=92Neill}}", CHARSET_WINDOWS_1252, TRANSFER_QUOTED_PRINTABLE},
		{"{{SsO2cmcgT+\r\nKAmU5laWxs}}", CHARSET_UTF8, TRANSFER_BASE64},
		{"{{SvZyZyBPkk5laWxs}}", CHARSET_WINDOWS_1252, TRANSFER_BASE64},
		{"{{SgD2AHIAZwAgAE8AGSBOAGUAaQBsAGwA}}", CHARSET_UTF16LE, TRANSFER_BASE64},
	};
	struct mask mask = make_mask(STYLE_TOKEN, 1), other = make_mask(STYLE_TOKEN, 2);
	uint32_t first[64], again[64];
	uint8_t out[128];
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct detect_piece piece = {.charset = (uint8_t)rows[i].charset,
					     .transfer = (uint8_t)rows[i].transfer};
		size_t size = mask_one(rows[i].text, &mask, CLASS_NAME, piece, out);

		if (i == 0) {
			count = characters_of(out, size, rows[i].charset, rows[i].transfer, first);
			assert_int_equal(count, 12);
			assert_int_equal(first[6], 0x2019);
			assert_true(first[1] >= 0xdf && first[1] <= 0xff && first[1] != 0xf7);
			continue;
		}
		assert_int_equal(characters_of(out, size, rows[i].charset, rows[i].transfer, again),
				 count);
		for (size_t k = 0; k < count; k++)
			if (first[k] != again[k])
				fail_msg("row %zu: character %zu is U+%04X, not U+%04X", i, k,
					 again[k], first[k]);
		size = mask_one(rows[i].text, &other, CLASS_NAME, piece, out);
		characters_of(out, size, rows[i].charset, rows[i].transfer, again);
		assert_memory_not_equal(first, again, count * sizeof(*first));
	}
}

static void letters_of_three_and_four_bytes_have_tokens_of_as_many(void **state)
{
	struct mask mask = make_mask(STYLE_TOKEN, 1);
	uint32_t characters[16];
	uint8_t out[64];
	size_t size = mask_one("{{\xe6\x9d\x8e\xf0\xa0\x80\x80}}", &mask, CLASS_NAME,
			       (struct detect_piece){0}, out);

	(void)state;
	assert_int_equal(size, 7);
	assert_int_equal(characters_of(out, size, CHARSET_UTF8, TRANSFER_NONE, characters), 2);
	assert_true(characters[0] >= 0x304b && characters[0] <= 0x306a);
	assert_true(characters[1] >= 0x10400 && characters[1] <= 0x1041f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(containers_stay_valid),
		cmocka_unit_test(numbers_that_are_masked_pass_no_check),
		cmocka_unit_test(tokens_are_equal_in_every_charset_and_differ_by_device),
		cmocka_unit_test(letters_of_three_and_four_bytes_have_tokens_of_as_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
