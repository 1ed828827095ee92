/* Masks that keep a container valid: what a format needs is put back over them */
#include "policy/mask/parts.h"

#include <string.h>

#define ESCAPE_BEFORE 12 /* an entity or an escape that was begun so far before the value is seen */

static bool is_hex(uint8_t byte)
{
	return mask_is_digit(byte) || (uint8_t)((byte | 0x20) - 'a') < 6;
}

/* ---- numbers ------------------------------------------------------------------------------------- */

static bool is_numeric(uint8_t byte)
{
	return mask_is_digit(byte) || (byte && memchr("+-.eE", byte, 5));
}

static bool is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* May a number without quotes end at such a byte? */
static bool is_edge(unsigned format, uint8_t byte)
{
	return format == DETECT_JSON ? byte && memchr(":[],{}", byte, 6)
				     : byte && memchr(",;\t|\r\n", byte, 6);
}

/*
 * Is it a number of JSON, or a cell of CSV that is one? Inside of strings some look like it: a digit is no worse there than
 * anything else.
 */
static bool is_number(const struct value *value)
{
	const uint8_t *text = value->text;
	size_t start = value->start, end = value->end, digits = 0;
	bool may_space = value->format == DETECT_JSON;

	if (value->format != DETECT_JSON && value->format != DETECT_CSV)
		return false;
	for (size_t i = start; i < end; i++) {
		if (!is_numeric(text[i]))
			return false;
		digits += mask_is_digit(text[i]);
	}
	while (start > 0 && is_numeric(text[start - 1]))
		start--;
	while (may_space && start > 0 && is_space(text[start - 1]))
		start--;
	while (end < value->length && is_numeric(text[end]))
		end++;
	while (may_space && end < value->length && is_space(text[end]))
		end++;
	return digits > 0 && (start == 0 || is_edge(value->format, text[start - 1])) &&
	       (end == value->length || is_edge(value->format, text[end]));
}

static void write_digit(const struct value *value, bool keeps, char digit, uint8_t *masked)
{
	for (size_t i = 0; i < value->end - value->start; i++) {
		uint8_t was = value->text[value->start + i];

		if (!mask_is_digit(was))
			masked[i] = was;
		else if (!keeps || !mask_is_digit(masked[i]))
			masked[i] = (uint8_t)digit;
	}
}

/* One digit for all, that the number has least of, and that no check takes. No zero: none may lead. */
static void mask_number(const struct value *value, bool keeps, uint8_t *masked)
{
	size_t counts[10] = {0}, length = value->end - value->start;
	uint8_t styled[VALUE_LIMIT];
	unsigned tried = 0;

	memcpy(styled, masked, length);
	for (size_t i = value->start; i < value->end; i++)
		if (mask_is_digit(value->text[i]))
			counts[value->text[i] - '0']++;
	for (unsigned n = 0; n < 9; n++) {
		unsigned best = 0;

		for (unsigned digit = 9; digit > 0; digit--)
			if (!(tried >> digit & 1) && (!best || counts[digit] < counts[best]))
				best = digit;
		tried |= 1u << best;
		memcpy(masked, styled, length);
		write_digit(value, keeps, (char)('0' + best), masked);
		if (!mask_is_valid(value->classes, masked, length))
			return;
	}
	write_digit(value, false, '9', masked);
}

/* ---- escapes and quotes ------------------------------------------------------------------------------- */

/* One byte of the text inside of the value, as it was. */
static void put_back(const struct value *value, size_t at, uint8_t *masked)
{
	if (at >= value->start && at < value->end)
		masked[at - value->start] = value->text[at];
}

static void write_at(const struct value *value, size_t at, const char *bytes, size_t length,
		     uint8_t *masked)
{
	for (size_t i = 0; i < length; i++)
		if (at + i >= value->start && at + i < value->end)
			masked[at + i - value->start] = (uint8_t)bytes[i];
}

static bool is_inside(const struct value *value, size_t start, size_t end)
{
	return start >= value->start && end <= value->end;
}

/* "\n", "\"", "\u00e9" at @at: its length. What spells a character spells '*' then, when all of it is the value's. */
static size_t keep_escape(const struct value *value, size_t at, uint8_t *masked)
{
	const uint8_t *p = value->text + at;
	size_t left = value->length - at, length = BL_MIN(left, (size_t)2);

	if (left >= 6 && p[1] == 'u' && is_hex(p[2]) && is_hex(p[3]) && is_hex(p[4]) &&
	    is_hex(p[5]))
		length = 6;
	if (length == 6 && is_inside(value, at, at + 6)) {
		write_at(value, at, "\\u002a", 6, masked);
		return 6;
	}
	for (size_t i = 0; i < length; i++)
		put_back(value, at + i, masked);
	return length;
}

/* Where to begin so that no escape is cut: behind the last byte before the value that is sure not to be in one. */
static size_t escape_start(const struct value *value)
{
	size_t at = value->start, least = at - BL_MIN(at, (size_t)ESCAPE_BEFORE);

	while (at > least && value->text[at - 1] != '\\')
		at--;
	if (at == least)
		return value->start;
	while (at > 0 && value->text[at - 1] == '\\')
		at--;
	return at;
}

static void keep_backslashes(const struct value *value, const char *kept, uint8_t *masked)
{
	for (size_t at = escape_start(value); at < value->end;) {
		uint8_t byte = value->text[at];

		if (byte == '\\') {
			at += keep_escape(value, at, masked);
			continue;
		}
		if (byte && strchr(kept, byte))
			put_back(value, at, masked);
		at++;
	}
}

static void keep_json(const struct value *value, uint8_t *masked)
{
	bool has_quote = memchr(value->text + value->start, '"', value->end - value->start);

	/* A value with quotes in it is more than one: what stands between them is structure. */
	keep_backslashes(value, has_quote ? "\"{}[]:," : "\"", masked);
}

/* "&eacute;", "&#233;", "&#xE9;" at @at: its length; 0: a bare '&' */
static size_t entity_length(const struct value *value, size_t at)
{
	size_t end = at + 1, most = BL_MIN(value->length, at + ESCAPE_BEFORE);

	while (end < most && (mask_is_digit(value->text[end]) || value->text[end] == '#' ||
			      (uint8_t)((value->text[end] | 0x20) - 'a') < 26))
		end++;
	return end < most && end > at + 1 && value->text[end] == ';' ? end + 1 - at : 0;
}

/* A number of a character becomes that of '*', with zeros in front, when there is room. */
static void keep_entity(const struct value *value, size_t at, size_t length, uint8_t *masked)
{
	const uint8_t *p = value->text + at;
	bool is_hexadecimal = length > 3 && (p[2] | 0x20) == 'x';
	size_t digits = length - (is_hexadecimal ? 4 : 3);

	for (size_t i = 0; i < length; i++)
		put_back(value, at + i, masked);
	if (length < 5 || p[1] != '#' || digits < 2 || !is_inside(value, at, at + length))
		return;
	for (size_t i = at + length - 1 - digits; i < at + length - 1; i++)
		write_at(value, i, "0", 1, masked);
	write_at(value, at + length - 3, is_hexadecimal ? "2a" : "42", 2, masked);
}

static void keep_xml(const struct value *value, uint8_t *masked)
{
	size_t at = value->start, least = at - BL_MIN(at, (size_t)ESCAPE_BEFORE);

	/* One that was begun before the value. */
	while (at > least && value->text[at] != '&')
		at--;
	if (value->text[at] != '&')
		at = value->start;
	while (at < value->end) {
		uint8_t byte = value->text[at];
		size_t length = byte == '&' ? entity_length(value, at) : 0;

		if (length) {
			keep_entity(value, at, length, masked);
			at += length;
			continue;
		}
		if (byte && strchr("<>&\"'", byte))
			put_back(value, at, masked);
		at++;
	}
}

static void keep_bytes(const struct value *value, const char *kept, uint8_t *masked)
{
	for (size_t at = value->start; at < value->end; at++)
		if (value->text[at] && strchr(kept, value->text[at]))
			put_back(value, at, masked);
}

/* The space or tab that begins a line makes it go on with the one before (RFC 5322, 2.2.3; RFC 6350, 3.2). */
static void keep_folds(const struct value *value, uint8_t *masked)
{
	for (size_t at = BL_MAX(value->start, (size_t)1); at < value->end; at++)
		if (value->text[at - 1] == '\n' &&
		    (value->text[at] == ' ' || value->text[at] == '\t'))
			put_back(value, at, masked);
}

void mask_keep_valid(const struct value *value, bool keeps, uint8_t *masked)
{
	if (value->end - value->start <= VALUE_LIMIT && is_number(value)) {
		mask_number(value, keeps, masked);
		return;
	}
	switch ((enum detect_format)value->format) {
	case DETECT_JSON:
		keep_json(value, masked);
		break;
	case DETECT_XML:
		keep_xml(value, masked);
		break;
	case DETECT_CSV:
		keep_bytes(value, "\",;\t|", masked);
		break;
	case DETECT_CARD:
		keep_backslashes(value, ";,", masked);
		keep_folds(value, masked);
		break;
	case DETECT_MAIL:
		keep_folds(value, masked);
		break;
	case DETECT_PLAIN:
	case DETECT_FORMAT_COUNT:
		break;
	}
}
