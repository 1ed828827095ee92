/* Bytes behind a transfer encoding (RFC 2045, 6.7 and 6.8), characters behind a charset (WHATWG Encoding, RFC 2781) */
#include "policy/detect/charset.h"

#include <string.h>

/* ---- transfer encodings ---------------------------------------------------------------------- */

/* Six bits and one; 0: no character of base64. */
const uint8_t charset_quads[256] = {
	['A'] = 1,  ['B'] = 2,	['C'] = 3,  ['D'] = 4,	['E'] = 5,  ['F'] = 6,	['G'] = 7,
	['H'] = 8,  ['I'] = 9,	['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14,
	['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
	['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,
	['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
	['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49,
	['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63,
	['/'] = 64,
};

static uint8_t hex_value(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return (uint8_t)(byte - '0');
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? (uint8_t)(byte - 'a' + 10) : CHARSET_NO_QUAD;
}

/* The next character of the alphabet at or after @at, or a '='; line ends and all else are skipped. */
static size_t base64_find(const struct part_reader *reader, size_t at)
{
	while (at < reader->length && reader->bytes[at] != '=' &&
	       charset_base64(reader->bytes[at]) == CHARSET_NO_QUAD)
		at++;
	return at;
}

static bool base64_next(struct part_reader *reader, struct part_byte *out)
{
	for (;;) {
		size_t first = base64_find(reader, reader->at);

		if (first == reader->length)
			return false;
		if (reader->bytes[first] == '=') { /* what follows begins anew */
			reader->at = first + 1;
			reader->phase = 0;
			continue;
		}
		if (reader->phase == 3) {
			reader->at = first + 1;
			reader->phase = 0;
			continue;
		}

		size_t second = base64_find(reader, first + 1);

		if (second == reader->length) {
			reader->at = reader->length;
			return false;
		}
		if (reader->bytes[second] == '=') {
			reader->at = second + 1;
			reader->phase = 0;
			continue;
		}

		unsigned high = charset_base64(reader->bytes[first]);
		unsigned low = charset_base64(reader->bytes[second]);

		out->place = (uint32_t)first;
		out->second = (uint32_t)second;
		out->phase = reader->phase;
		out->is_escape = false;
		out->value =
			(uint8_t)(high << (2 + 2 * reader->phase) | low >> (4 - 2 * reader->phase));
		reader->phase = (uint8_t)(reader->phase + 1) % 3;
		reader->at = reader->phase ? second : second + 1;
		return true;
	}
}

/* Behind a '=' at @at: where the next line begins, when the '=' says that this one goes on there; 0 when not. */
static size_t soft_break(const struct part_reader *reader, size_t at)
{
	for (at++; at < reader->length; at++) {
		if (reader->bytes[at] == '\n')
			return at + 1;
		if (reader->bytes[at] == '\r' && at + 1 < reader->length &&
		    reader->bytes[at + 1] == '\n')
			return at + 2;
		if (reader->bytes[at] != ' ' && reader->bytes[at] != '\t')
			return 0;
	}
	return 0;
}

static bool quoted_next(struct part_reader *reader, struct part_byte *out)
{
	for (size_t next; reader->at < reader->length && reader->bytes[reader->at] == '=' &&
			  (next = soft_break(reader, reader->at));)
		reader->at = next;
	if (reader->at == reader->length)
		return false;

	const uint8_t *p = reader->bytes + reader->at;
	bool is_escape = *p == '=' && reader->length - reader->at >= 3 &&
			 hex_value(p[1]) != CHARSET_NO_QUAD && hex_value(p[2]) != CHARSET_NO_QUAD;

	*out = (struct part_byte){
		.place = (uint32_t)reader->at,
		.value = is_escape ? (uint8_t)(hex_value(p[1]) << 4 | hex_value(p[2])) : *p,
		.is_escape = is_escape,
	};
	reader->at += is_escape ? 3 : 1;
	return true;
}

static inline bool next_byte(struct part_reader *reader, struct part_byte *out)
{
	if (reader->transfer == TRANSFER_BASE64)
		return base64_next(reader, out);
	if (reader->transfer == TRANSFER_QUOTED_PRINTABLE)
		return quoted_next(reader, out);
	if (reader->at == reader->length)
		return false;
	*out = (struct part_byte){.place = (uint32_t)reader->at,
				  .value = reader->bytes[reader->at]};
	reader->at++;
	return true;
}

/* ---- charsets ---------------------------------------------------------------------------------- */

/* 0x80 to 0x9f; the five that are not assigned stand for themselves. */
static const uint16_t high_codes[32] = {
	0x20ac, 0x81,	0x201a, 0x192,	0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,	0x2030, 0x160,
	0x2039, 0x152,	0x8d,	0x17d,	0x8f,	0x90,	0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	0x2013, 0x2014, 0x2dc,	0x2122, 0x161,	0x203a, 0x153,	0x9d,	0x17e,	0x178,
};

uint32_t windows_1252_code(uint8_t byte)
{
	return byte >= 0x80 && byte < 0xa0 ? high_codes[byte - 0x80] : byte;
}

uint8_t windows_1252_byte(uint32_t code)
{
	if (code < 0x80 || (code >= 0xa0 && code < 0x100))
		return (uint8_t)code;
	for (size_t i = 0; i < BL_COUNT(high_codes); i++)
		if (high_codes[i] == code)
			return (uint8_t)(0x80 + i);
	return 0;
}

/* How many bytes a character of UTF-8 has by its first one; 0 for what cannot be one (RFC 3629). */
static unsigned utf8_claim(uint8_t head)
{
	return head < 0x80   ? 1
	       : head < 0xc2 ? 0
	       : head < 0xe0 ? 2
	       : head < 0xf0 ? 3
	       : head < 0xf5 ? 4
			     : 0;
}

/* out->bytes[0] is there; more are taken when they all fit, else none. */
static void read_utf8(struct part_reader *reader, struct part_character *out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t head = out->bytes[0].value;
	unsigned claim = utf8_claim(head);

	out->code = head;
	if (claim == 1)
		return;

	struct part_reader ahead = *reader;
	uint32_t code = head & (0x7fu >> claim);

	out->code = CHARSET_BAD;
	for (unsigned i = 1; i < claim; i++) {
		if (!next_byte(&ahead, &out->bytes[i]) || (out->bytes[i].value & 0xc0) != 0x80)
			return;
		code = code << 6 | (out->bytes[i].value & 0x3f);
	}
	if (claim < 2 || code < least[claim] || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000))
		return;
	out->code = code;
	out->count = (uint8_t)claim;
	*reader = ahead;
}

static uint32_t join16(const struct part_byte *bytes, bool is_big)
{
	return is_big ? (uint32_t)bytes[0].value << 8 | bytes[1].value
		      : (uint32_t)bytes[1].value << 8 | bytes[0].value;
}

/* Half a unit at the very end is no character. */
static void read_utf16(struct part_reader *reader, struct part_character *out, bool is_big)
{
	struct part_reader ahead;
	uint32_t high, low;

	out->code = CHARSET_BAD;
	if (!next_byte(reader, &out->bytes[1]))
		return;
	out->count = 2;
	high = join16(out->bytes, is_big);
	if (high < 0xd800 || high >= 0xe000) {
		out->code = high;
		return;
	}
	ahead = *reader;
	if (high >= 0xdc00 || !next_byte(&ahead, &out->bytes[2]) ||
	    !next_byte(&ahead, &out->bytes[3]))
		return;
	low = join16(out->bytes + 2, is_big);
	if (low < 0xdc00 || low >= 0xe000)
		return;
	out->code = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
	out->count = 4;
	*reader = ahead;
}

static void read_utf32(struct part_reader *reader, struct part_character *out, bool is_big)
{
	uint32_t code = 0;

	out->code = CHARSET_BAD;
	while (out->count < 4)
		if (!next_byte(reader, &out->bytes[out->count++])) {
			out->count--;
			return;
		}
	for (unsigned i = 0; i < 4; i++)
		code = code << 8 | out->bytes[is_big ? i : 3 - i].value;
	if (code <= 0x10ffff && (code < 0xd800 || code >= 0xe000))
		out->code = code;
}

bool part_reader_next(struct part_reader *reader, struct part_character *out)
{
	if (!next_byte(reader, &out->bytes[0]))
		return false;
	out->count = 1;
	switch (reader->charset) {
	case CHARSET_UTF8:
		read_utf8(reader, out);
		break;
	case CHARSET_UTF16LE:
	case CHARSET_UTF16BE:
		read_utf16(reader, out, reader->charset == CHARSET_UTF16BE);
		break;
	case CHARSET_UTF32LE:
	case CHARSET_UTF32BE:
		read_utf32(reader, out, reader->charset == CHARSET_UTF32BE);
		break;
	default:
		out->code = windows_1252_code(out->bytes[0].value);
		break;
	}
	return true;
}

void part_reader_start(struct part_reader *reader, const uint8_t *bytes, size_t length,
		       unsigned charset, unsigned transfer, unsigned phase)
{
	static const uint8_t widths[CHARSET_COUNT] = {1, 1, 2, 2, 4, 4};
	unsigned width = charset < CHARSET_COUNT ? widths[charset] : 1;
	struct part_byte skipped;

	*reader = (struct part_reader){.bytes = bytes,
				       .length = length,
				       .transfer = (uint8_t)transfer,
				       .charset = (uint8_t)charset};
	if (transfer != TRANSFER_BASE64)
		return;
	reader->phase = phase & 3;
	/* Bytes before the part: three of each quad. Units of UTF-16 and UTF-32 begin at multiples of their width. */
	for (unsigned before = 3 * (phase >> 2 & 3) + (phase & 3); before % width; before++)
		if (!next_byte(reader, &skipped))
			return;
}
