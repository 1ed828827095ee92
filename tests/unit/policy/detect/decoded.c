/* Parts as UTF-8 and back: every charset in every transfer encoding */
#include "policy/detect/charset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void decodes_to_what_the_standards_say(void **state)
{
	static const struct {
		const char *part;
		size_t length;
		unsigned charset, transfer, phase;
		const char *text;
	} rows[] = {
		{"caf\xc3\xa9", 5, CHARSET_UTF8, TRANSFER_NONE, 0, "caf\xc3\xa9"},
		{"caf\xe9!", 5, CHARSET_UTF8, TRANSFER_NONE, 0, "caf\xef\xbf\xbd!"},
		{"\xc3", 1, CHARSET_UTF8, TRANSFER_NONE, 0, "\xef\xbf\xbd"},
		{"\xed\xa0\x80", 3, CHARSET_UTF8, TRANSFER_NONE, 0,
		 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"caf\xe9 \x80\x9c", 7, CHARSET_WINDOWS_1252, TRANSFER_NONE, 0,
		 "caf\xc3\xa9 \xe2\x82\xac\xc5\x93"},
		{"a\0\xe9\0\x3d\xd8\0\xde", 8, CHARSET_UTF16LE, TRANSFER_NONE, 0,
		 "a\xc3\xa9\xf0\x9f\x98\x80"},
		{"\0a\0\xe9\xd8\x3d\xde\0", 8, CHARSET_UTF16BE, TRANSFER_NONE, 0,
		 "a\xc3\xa9\xf0\x9f\x98\x80"},
		{"\x3d\xd8"
		 "a\0",
		 4, CHARSET_UTF16LE, TRANSFER_NONE, 0,
		 "\xef\xbf\xbd"
		 "a"},
		{"a\0b", 3, CHARSET_UTF16LE, TRANSFER_NONE, 0, "a\xef\xbf\xbd"},
		{"a\0\0\0\0\xf6\1\0", 8, CHARSET_UTF32LE, TRANSFER_NONE, 0, "a\xf0\x9f\x98\x80"},
		{"\0\0\0a\0\1\xf6\0", 8, CHARSET_UTF32BE, TRANSFER_NONE, 0, "a\xf0\x9f\x98\x80"},
		{"\0\x11\0\0\0\0\xd8\0", 8, CHARSET_UTF32BE, TRANSFER_NONE, 0,
		 "\xef\xbf\xbd\xef\xbf\xbd"},
		{"caf=C3=a9=\r\n!", 13, CHARSET_UTF8, TRANSFER_QUOTED_PRINTABLE, 0, "caf\xc3\xa9!"},
		{"caf=E9= \t\n!", 11, CHARSET_WINDOWS_1252, TRANSFER_QUOTED_PRINTABLE, 0,
		 "caf\xc3\xa9!"},
		{"a=G1=4", 6, CHARSET_UTF8, TRANSFER_QUOTED_PRINTABLE, 0, "a=G1=4"},
		{"a=C3=\n=A9", 9, CHARSET_UTF8, TRANSFER_QUOTED_PRINTABLE, 0, "a\xc3\xa9"},
		{"Y2Fm\r\nw6k=", 10, CHARSET_UTF8, TRANSFER_BASE64, 0, "caf\xc3\xa9"},
		{"Y2Fmw6k", 7, CHARSET_UTF8, TRANSFER_BASE64, 0, "caf\xc3\xa9"},
		{"Y2Fm6Q==", 8, CHARSET_WINDOWS_1252, TRANSFER_BASE64, 0, "caf\xc3\xa9"},
		{"YQBiAA==", 8, CHARSET_UTF16LE, TRANSFER_BASE64, 0, "ab"},
		{"QUJD", 4, CHARSET_UTF8, TRANSFER_BASE64, 4, "ABC"},
		{"UJD", 3, CHARSET_UTF8, TRANSFER_BASE64, 1, "BC"},
		{"JDRA==", 6, CHARSET_UTF8, TRANSFER_BASE64, 2, "CD"},
		{"DRA==", 5, CHARSET_UTF8, TRANSFER_BASE64, 3, "D"},
		/* behind three bytes of UTF-16: the fourth is no unit's first */
		{"AGMA", 4, CHARSET_UTF16LE, TRANSFER_BASE64, 4, "c"},
		{"QQ==QUI=", 8, CHARSET_UTF8, TRANSFER_BASE64, 0, "AAB"},
		{"Q-U_J D", 7, CHARSET_UTF8, TRANSFER_BASE64, 0, "ABC"},
		{"", 0, CHARSET_UTF16LE, TRANSFER_BASE64, 0, ""},
	};
	struct decoded decoded = {0};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		assert_int_equal(decode((const uint8_t *)rows[i].part, rows[i].length,
					rows[i].charset, rows[i].transfer, rows[i].phase, &decoded),
				 BL_OK);
		if (decoded.length != strlen(rows[i].text) ||
		    memcmp(decoded.bytes, rows[i].text, decoded.length) != 0)
			fail_msg("row %zu: '%s' gave '%.*s'", i, rows[i].part, (int)decoded.length,
				 (char *)decoded.bytes);
	}
	decoded_free(&decoded);
}

static void masked_characters_go_back_where_they_came_from(void **state)
{
	static const struct {
		const char *part;
		unsigned charset, transfer;
		size_t from, to; /* bytes of the text that become '*' */
		const char *masked;
	} rows[] = {
		{"caf=C3=A9!", CHARSET_UTF8, TRANSFER_QUOTED_PRINTABLE, 3, 5, "caf=2A=2A!"},
		{"caf=e9!", CHARSET_WINDOWS_1252, TRANSFER_QUOTED_PRINTABLE, 1, 5, "c**=2A!"},
		{"ab=\ncd=3Dd", CHARSET_UTF8, TRANSFER_QUOTED_PRINTABLE, 1, 5, "a*=\n**=2Ad"},
		{"QUJDREVG", CHARSET_UTF8, TRANSFER_BASE64, 0, 6, "KioqKioq"},
		{"QUJDREVG", CHARSET_UTF8, TRANSFER_BASE64, 1, 2, "QSpDREVG"},
		{"QUJD\r\nRE\r\nVG", CHARSET_UTF8, TRANSFER_BASE64, 2, 4, "QUIq\r\nKk\r\nVG"},
		{"QQ==", CHARSET_UTF8, TRANSFER_BASE64, 0, 1, "Kg=="},
		{"caf\xe9", CHARSET_WINDOWS_1252, TRANSFER_NONE, 3, 5, "caf*"},
		{"caf\xe9", CHARSET_UTF8, TRANSFER_NONE, 3, 6, "caf*"},
	};
	struct decoded decoded = {0};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		size_t length = strlen(rows[i].part);
		uint8_t masked[64], out[64];

		assert_int_equal(decode((const uint8_t *)rows[i].part, length, rows[i].charset,
					rows[i].transfer, 0, &decoded),
				 BL_OK);
		memcpy(masked, decoded.bytes, decoded.length);
		memset(masked + rows[i].from, '*', rows[i].to - rows[i].from);
		encode_back(&decoded, masked, 0, length, out);
		if (memcmp(out, rows[i].masked, length) != 0)
			fail_msg("row %zu: '%s' gave '%.*s'", i, rows[i].part, (int)length,
				 (char *)out);
	}
	decoded_free(&decoded);
}

/* Half of it letters, signs of the encodings, and characters of every length. */
static void make_part(uint8_t *part, size_t length, unsigned charset, unsigned transfer)
{
	static const char base64[] = "ABCDwxyz0189+/ABCDwxyz0189+/ABCDwxyz0189+/\r\n=-";
	static const char quoted[] = "abc=C3=A9=E9=\n=\r\n=3d==X @1";

	for (size_t i = 0; i < length; i++) {
		int r = rand();

		if (transfer == TRANSFER_BASE64)
			part[i] = (uint8_t)base64[(size_t)r % (sizeof(base64) - 1)];
		else if (transfer == TRANSFER_QUOTED_PRINTABLE)
			part[i] = (uint8_t)quoted[(size_t)r % (sizeof(quoted) - 1)];
		else if (charset >= CHARSET_UTF32LE)
			part[i] =
				(uint8_t)((i % 4 == (charset == CHARSET_UTF32LE ? 0 : 3)) ? r : 0);
		else if (r & 0x100)
			part[i] = (uint8_t)((unsigned)r >> 9);
		else
			part[i] = (uint8_t)(charset >= CHARSET_UTF16LE && (i ^ charset) & 1
						    ? 0
						    : 'a' + (r >> 9 & 15));
	}
}

static void check_places(const struct decoded *decoded)
{
	size_t last = 0;

	for (size_t at = 0; at < decoded->length; at += utf8_length(decoded->bytes[at])) {
		size_t next = at + utf8_length(decoded->bytes[at]);
		size_t place = decoded_place(decoded, at), end = decoded_end(decoded, next);

		assert_true(place >= last && place < end + (decoded->transfer == TRANSFER_BASE64));
		assert_int_equal(decoded_at(decoded, place), at);
		assert_int_equal(decoded_at(decoded, end), next);
		assert_int_equal(decoded_place(decoded, next - 1), place);
		last = place;
	}
	assert_int_equal(decoded_place(decoded, decoded->length), decoded->part_length);
}

static void check_masked(const struct decoded *decoded)
{
	size_t length = decoded->part_length, cut = length ? (size_t)rand() % length : 0;
	uint8_t *masked = malloc(decoded->length + 1), *whole = malloc(length + 1),
		*parts = malloc(length + 1);
	bool is_masked[2048] = {0};
	struct decoded again = {0};
	size_t to = 0;

	assert_true(decoded->length < BL_COUNT(is_masked));
	for (size_t at = 0; at < decoded->length;) {
		size_t size = utf8_length(decoded->bytes[at]);
		/* Of what is no character some may stay what it is: half a unit at the end. */
		bool is_hidden = rand() & 1 && decoded->bytes[at] != '\r' &&
				 decoded->bytes[at] != '\n' &&
				 utf8_code(decoded->bytes + at) != CHARSET_BAD;

		memcpy(masked + at, decoded->bytes + at, size);
		if (is_hidden)
			memset(masked + at, '*', size);
		is_masked[at] = is_hidden;
		at += size;
	}
	encode_back(decoded, masked, 0, length, whole);
	encode_back(decoded, masked, 0, cut, parts);
	encode_back(decoded, masked, cut, length, parts + cut);
	assert_memory_equal(whole, parts, length);
	/* What is decoded again has the same characters, but for those that were masked. */
	assert_int_equal(
		decode(whole, length, decoded->charset, decoded->transfer, decoded->phase, &again),
		BL_OK);
	for (size_t at = 0; at < decoded->length; at += utf8_length(decoded->bytes[at])) {
		size_t size = utf8_length(decoded->bytes[at]);

		if (is_masked[at]) {
			size_t stars = decoded->charset == CHARSET_UTF8			 ? size
				       : size == 4 && decoded->charset < CHARSET_UTF32LE ? 2
											 : 1;

			for (; stars; stars--) {
				assert_true(to < again.length);
				assert_int_equal(again.bytes[to++], '*');
			}
			continue;
		}
		assert_memory_equal(again.bytes + to, decoded->bytes + at, size);
		to += size;
	}
	/* Nothing masked, nothing changed. */
	encode_back(decoded, decoded->bytes, 0, length, whole);
	assert_memory_equal(whole, decoded->part, length);
	decoded_free(&again);
	free(masked);
	free(whole);
	free(parts);
}

static void places_lead_there_and_back_whatever_the_part(void **state)
{
	struct decoded decoded = {0};

	(void)state;
	srand(7);
	for (unsigned charset = 0; charset < CHARSET_COUNT; charset++)
		for (unsigned transfer = 0; transfer <= TRANSFER_BASE64; transfer++)
			for (unsigned i = 0; i < 60; i++) {
				uint8_t part[600];
				size_t length = (size_t)rand() % sizeof(part);

				make_part(part, length, charset, transfer);
				assert_int_equal(
					decode(part, length, charset, transfer, i % 16, &decoded),
					BL_OK);
				check_places(&decoded);
				check_masked(&decoded);
			}
	decoded_free(&decoded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_to_what_the_standards_say),
		cmocka_unit_test(masked_characters_go_back_where_they_came_from),
		cmocka_unit_test(places_lead_there_and_back_whatever_the_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
