/* A part as UTF-8, and masked UTF-8 back into the part */
#include "policy/detect/charset.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Of a part's byte no more than three of text come (one of windows-1252, or one that is no UTF-8). */
#define GROWTH	   3
#define PART_LIMIT (UINT32_MAX >> 2) /* a place and a phase fit into 32 bits */

void decoded_free(struct decoded *decoded)
{
	if (decoded->bytes)
		sodium_memzero(decoded->bytes, decoded->room);
	free(decoded->bytes);
	free(decoded->raw);
	*decoded = (struct decoded){0};
}

static enum bl_status make_room(struct decoded *decoded, size_t length)
{
	size_t room = GROWTH * length + 8, steps = room / DECODED_STEP + 1;

	if (room > decoded->room) {
		uint8_t *bytes = malloc(room);

		if (!bytes)
			return BL_NO_MEMORY;
		/* What was there is not needed any more: never left behind by realloc. */
		if (decoded->bytes)
			sodium_memzero(decoded->bytes, decoded->room);
		free(decoded->bytes);
		decoded->bytes = bytes;
		decoded->room = room;
	}
	if (steps > decoded->raw_room) {
		uint32_t *raw = realloc(decoded->raw, steps * sizeof(*raw));

		if (!raw)
			return BL_NO_MEMORY;
		decoded->raw = raw;
		decoded->raw_room = steps;
	}
	return BL_OK;
}

/* Where a character stands, from which one can go on. */
static uint32_t pack(size_t place, unsigned phase)
{
	return (uint32_t)(place << 2 | phase);
}

/* Eight ASCII bytes at a time, of charsets that have them as they are. */
static size_t decode_ascii(const uint8_t *part, size_t length, size_t from, struct decoded *out)
{
	size_t at = from, to = out->length;

	while (length - at >= 8) {
		uint64_t eight;

		memcpy(&eight, part + at, 8);
		if (eight & UINT64_C(0x8080808080808080))
			break;
		memcpy(out->bytes + to, &eight, 8);

		size_t step = (to + DECODED_STEP - 1) / DECODED_STEP;

		if (step * DECODED_STEP < to + 8)
			out->raw[step] = pack(at + step * DECODED_STEP - to, 0);
		at += 8;
		to += 8;
	}
	out->length = to;
	return at;
}

/* The same for UTF-16: units below 0x80. */
static size_t decode_ascii16(const uint8_t *part, size_t length, size_t from, bool is_big,
			     struct decoded *out)
{
	const uint64_t not_ascii =
		is_big ? UINT64_C(0x80ff80ff80ff80ff) : UINT64_C(0xff80ff80ff80ff80);
	size_t at = from, to = out->length;

	while (length - at >= 8) {
		uint64_t units = bl_get64(part + at);

		if (units & not_ascii)
			break;
		for (unsigned i = 0; i < 4; i++, at += 2, to++) {
			out->bytes[to] = part[at + is_big];
			if (to % DECODED_STEP == 0)
				out->raw[to / DECODED_STEP] = pack(at, 0);
		}
	}
	out->length = to;
	return at;
}

/* Of quoted-printable what stands for itself. */
static size_t decode_quoted(const uint8_t *part, size_t length, size_t from, struct decoded *out)
{
	size_t at = from, to = out->length;

	for (; at < length && part[at] < 0x80 && part[at] != '='; at++, to++) {
		out->bytes[to] = part[at];
		if (to % DECODED_STEP == 0)
			out->raw[to / DECODED_STEP] = pack(at, 0);
	}
	out->length = to;
	return at;
}

/* Of base64 whole quads of ASCII, line ends between them. */
static size_t decode_quads(const uint8_t *part, size_t length, size_t from, struct decoded *out)
{
	size_t at = from, to = out->length;

	while (length - at >= 4) {
		const uint8_t *p = part + at;

		if (*p == '\r' || *p == '\n') {
			at++;
			continue;
		}

		unsigned a = charset_base64(p[0]), b = charset_base64(p[1]),
			 c = charset_base64(p[2]), d = charset_base64(p[3]);
		unsigned three = a << 18 | b << 12 | c << 6 | d;

		if ((a | b | c | d) > 63 || three & 0x808080)
			break;
		for (unsigned i = 0; i < 3; i++) {
			out->bytes[to + i] = (uint8_t)(three >> (16 - 8 * i));
			if ((to + i) % DECODED_STEP == 0)
				out->raw[(to + i) / DECODED_STEP] = pack(at + i, i);
		}
		at += 4;
		to += 3;
	}
	out->length = to;
	return at;
}

/* What is ASCII, as most is, without taking each character apart. */
static void skip_ascii(struct part_reader *reader, struct decoded *out)
{
	const uint8_t *bytes = reader->bytes;

	if (reader->charset == CHARSET_UTF16LE || reader->charset == CHARSET_UTF16BE) {
		if (reader->transfer == TRANSFER_NONE)
			reader->at = decode_ascii16(bytes, reader->length, reader->at,
						    reader->charset == CHARSET_UTF16BE, out);
	} else if (reader->charset <= CHARSET_WINDOWS_1252) {
		if (reader->transfer == TRANSFER_NONE)
			reader->at = decode_ascii(bytes, reader->length, reader->at, out);
		else if (reader->transfer == TRANSFER_QUOTED_PRINTABLE)
			reader->at = decode_quoted(bytes, reader->length, reader->at, out);
		else if (reader->phase == 0)
			reader->at = decode_quads(bytes, reader->length, reader->at, out);
	}
}

enum bl_status decode(const uint8_t *part, size_t length, unsigned charset, unsigned transfer,
		      unsigned phase, struct decoded *out)
{
	struct part_reader reader;
	struct part_character character;
	enum bl_status status;

	if (length > PART_LIMIT)
		return BL_NO_MEMORY;
	status = make_room(out, length);
	if (status != BL_OK)
		return status;
	out->length = 0;
	out->charset = (uint8_t)charset;
	out->transfer = (uint8_t)transfer;
	out->phase = (uint8_t)phase;
	out->part = part;
	out->part_length = length;
	part_reader_start(&reader, part, length, charset, transfer, phase);
	for (;;) {
		skip_ascii(&reader, out);
		if (!part_reader_next(&reader, &character))
			break;

		size_t end = out->length + utf8_put(character.code, out->bytes + out->length);
		size_t step = (out->length + DECODED_STEP - 1) / DECODED_STEP;

		if (step * DECODED_STEP < end)
			out->raw[step] = pack(character.bytes[0].place, character.bytes[0].phase);
		out->length = end;
	}
	return BL_OK;
}

/* A reader at the character that gave the byte @at of the text, or some before it; @out_text: where that one is in the text. */
static void reader_near(const struct decoded *decoded, size_t at, struct part_reader *reader,
			size_t *out_text)
{
	size_t step = at / DECODED_STEP, text = step * DECODED_STEP;

	part_reader_start(reader, decoded->part, decoded->part_length, decoded->charset,
			  decoded->transfer, decoded->phase);
	*out_text = 0;
	if (decoded->length == 0 || at >= decoded->length)
		return;
	while (text > 0 && (decoded->bytes[text] & 0xc0) == 0x80)
		text--;
	reader->at = decoded->raw[step] >> 2;
	reader->phase = decoded->raw[step] & 3;
	*out_text = text;
}

size_t decoded_place(const struct decoded *decoded, size_t at)
{
	struct part_reader reader;
	struct part_character character;
	size_t text;

	if (at >= decoded->length)
		return decoded->part_length;
	reader_near(decoded, at, &reader, &text);
	while (part_reader_next(&reader, &character)) {
		text += utf8_size(character.code);
		if (text > at)
			return character.bytes[0].place;
	}
	return decoded->part_length;
}

/* Behind what the character that ends at @at is written in; what it shares with the next one is that one's. */
size_t decoded_end(const struct decoded *decoded, size_t at)
{
	struct part_reader reader;
	struct part_character character;
	size_t text;

	if (at == 0)
		return decoded_place(decoded, 0);
	at = BL_MIN(at, decoded->length) - 1;
	reader_near(decoded, at, &reader, &text);
	while (part_reader_next(&reader, &character)) {
		text += utf8_size(character.code);
		if (text > at)
			return reader.at;
	}
	return decoded->part_length;
}

size_t decoded_at(const struct decoded *decoded, size_t place)
{
	struct part_reader reader;
	struct part_character character;
	size_t low = 0, high = decoded->length ? (decoded->length - 1) / DECODED_STEP + 1 : 0;
	size_t text;

	if (high == 0)
		return 0;
	/* The last step whose character stands before or at @place; the first one when none does. */
	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if ((decoded->raw[middle] >> 2) <= place)
			low = middle;
		else
			high = middle;
	}
	reader_near(decoded, low * DECODED_STEP, &reader, &text);
	while (part_reader_next(&reader, &character)) {
		if (character.bytes[0].place >= place)
			return text;
		text += utf8_size(character.code);
	}
	return decoded->length;
}

/* ---- back ---------------------------------------------------------------------------------------- */

/* Where bytes of the part go. */
struct writer {
	uint8_t *out;
	size_t from, to;
};

static uint8_t *place_in(const struct writer *writer, size_t place)
{
	return place >= writer->from && place < writer->to ? writer->out + (place - writer->from)
							   : NULL;
}

/* What was written there for the byte before stays: each has bits of its own. */
static void put_bits(const struct writer *writer, size_t place, unsigned mask, unsigned bits)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t *out = place_in(writer, place);

	if (out)
		*out = (uint8_t)alphabet[(charset_base64(*out) & ~mask & 0x3f) | (bits & mask)];
}

static void put_byte(const struct writer *writer, unsigned transfer, const struct part_byte *at,
		     uint8_t value)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t *out;

	if (value == at->value)
		return;
	if (transfer == TRANSFER_BASE64) {
		unsigned shift = 2 + 2u * at->phase;

		put_bits(writer, at->place, 0xffu >> shift, (unsigned)value >> shift);
		put_bits(writer, at->second, 0x3f & ~(0x3fu >> shift),
			 (unsigned)value << (6 - shift));
		return;
	}
	if (at->is_escape) {
		if ((out = place_in(writer, at->place + 1)))
			*out = (uint8_t)digits[value >> 4];
		if ((out = place_in(writer, at->place + 2)))
			*out = (uint8_t)digits[value & 15];
		return;
	}
	/* Quoted-printable: a sign of it may not stand for itself. */
	if (transfer == TRANSFER_QUOTED_PRINTABLE && value == '=')
		value = '*';
	if ((out = place_in(writer, at->place)))
		*out = value;
}

static void put16(uint32_t unit, bool is_big, uint8_t *out)
{
	out[is_big ? 0 : 1] = (uint8_t)(unit >> 8);
	out[is_big ? 1 : 0] = (uint8_t)unit;
}

/* One or two units: as many as there were, of the characters at @masked. */
static void make_utf16(const uint8_t *masked, size_t length, size_t count, bool is_big,
		       uint8_t out[4])
{
	size_t at = 0;

	if (count == 4 && utf8_length(*masked) == 4) {
		uint32_t code = utf8_code(masked) - 0x10000;

		put16(0xd800 | code >> 10, is_big, out);
		put16(0xdc00 | (code & 0x3ff), is_big, out + 2);
		return;
	}
	for (size_t i = 0; i + 1 < count; i += 2) {
		size_t size = at < length ? utf8_length(masked[at]) : 0;

		put16(size && size < 4 ? utf8_code(masked + at) : '*', is_big, out + i);
		at += size;
	}
	if (count & 1)
		out[count - 1] = '*';
}

static void make_utf32(const uint8_t *masked, size_t count, bool is_big, uint8_t out[4])
{
	uint32_t code = utf8_code(masked);

	for (size_t i = 0; i < count; i++)
		out[i] = (uint8_t)(code >> 8 * (is_big ? 3 - i : i));
}

/* The bytes of @length bytes of masked text in the charset, as many as @count. */
static void make_bytes(unsigned charset, const uint8_t *masked, size_t length, size_t count,
		       uint8_t out[4])
{
	switch (charset) {
	case CHARSET_UTF8:
		if (count == length)
			memcpy(out, masked, count);
		else /* it was no UTF-8: one byte that is U+FFFD */
			out[0] = '*';
		return;
	case CHARSET_UTF16LE:
	case CHARSET_UTF16BE:
		make_utf16(masked, length, count, charset == CHARSET_UTF16BE, out);
		return;
	case CHARSET_UTF32LE:
	case CHARSET_UTF32BE:
		make_utf32(masked, count, charset == CHARSET_UTF32BE, out);
		return;
	default:
		out[0] = windows_1252_byte(utf8_code(masked));
		if (!out[0])
			out[0] = '*';
		return;
	}
}

void encode_back(const struct decoded *decoded, const uint8_t *masked, size_t from, size_t to,
		 uint8_t *out)
{
	struct writer writer = {out, from, to};
	struct part_reader reader;
	struct part_character character;
	size_t text = decoded_at(decoded, from), near;

	if (out != decoded->part + from && to > from)
		memcpy(out, decoded->part + from, to - from);
	/* The one before may end behind @from. */
	reader_near(decoded, text ? text - 1 : 0, &reader, &near);
	for (text = near; text < decoded->length;) {
		size_t same = BL_MIN(DECODED_STEP - text % DECODED_STEP, decoded->length - text);

		if (memcmp(masked + text, decoded->bytes + text, same) == 0) {
			if (text + same == decoded->length)
				break;
			reader_near(decoded, text + same, &reader, &text);
		}
		if (!part_reader_next(&reader, &character) || character.bytes[0].place >= to)
			break;

		size_t length = utf8_size(character.code);

		if (memcmp(masked + text, decoded->bytes + text, length) != 0) {
			uint8_t bytes[4] = {0};

			make_bytes(decoded->charset, masked + text, length, character.count, bytes);
			for (size_t i = 0; i < character.count; i++)
				put_byte(&writer, decoded->transfer, &character.bytes[i], bytes[i]);
		}
		text += length;
	}
}
