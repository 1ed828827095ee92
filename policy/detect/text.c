#include "policy/detect/parts.h"

#include <string.h>
#include <utf8proc.h>

size_t text_next_wide(const struct text *text, size_t at, int32_t *out_code)
{
	utf8proc_int32_t code;
	size_t left = BL_MIN(text->length - at, (size_t)4);
	utf8proc_ssize_t length = utf8proc_iterate(text->bytes + at, (utf8proc_ssize_t)left, &code);

	if (length <= 0) {
		*out_code = -1;
		return 1;
	}
	*out_code = code;
	return (size_t)length;
}

size_t text_before_wide(const struct text *text, size_t at, int32_t *out_code)
{
	size_t start = at - 1;

	while (start > 0 && at - start < 4 && (text->bytes[start] & 0xc0) == 0x80)
		start--;

	struct text upto = {text->bytes, at};
	size_t length = text_next(&upto, start, out_code);

	if (start + length == at)
		return length;
	*out_code = -1;
	return 1;
}

/* General categories that make words (Unicode 15, 4.5): letters, marks, decimal digits. */
static const bool word_categories[] = {
	[UTF8PROC_CATEGORY_LU] = true, [UTF8PROC_CATEGORY_LL] = true, [UTF8PROC_CATEGORY_LT] = true,
	[UTF8PROC_CATEGORY_LM] = true, [UTF8PROC_CATEGORY_LO] = true, [UTF8PROC_CATEGORY_MN] = true,
	[UTF8PROC_CATEGORY_MC] = true, [UTF8PROC_CATEGORY_ND] = true,
};

bool text_is_word_wide(int32_t code)
{
	unsigned category = (unsigned)utf8proc_category(code);

	return category < BL_COUNT(word_categories) && word_categories[category];
}

static bool is_hex(uint8_t byte)
{
	return text_is_digit(byte) || (uint8_t)((byte | 0x20) - 'a') < 6;
}

bool text_follows_escape(const struct text *text, size_t at)
{
	const uint8_t *p = text->bytes + at;

	if (at >= 2 && p[-2] == '\\' && memchr("nrtbfv", p[-1], 6))
		return true;
	return at >= 6 && p[-6] == '\\' && p[-5] == 'u' && is_hex(p[-4]) && is_hex(p[-3]) &&
	       is_hex(p[-2]) && is_hex(p[-1]);
}

bool text_starts_word(const struct text *text, size_t at)
{
	int32_t code;

	if (at == 0)
		return true;
	if (text->bytes[at - 1] < 0x80)
		return !text_is_alnum(text->bytes[at - 1]) || text_follows_escape(text, at);
	text_before(text, at, &code);
	return !text_is_word(code) || text_follows_escape(text, at);
}

/* Letters that Unicode does not decompose, as people write them in ASCII. */
static const struct {
	int32_t code;
	char ascii[3];
} letters[] = {
	{0xe6, "ae"}, {0xf8, "o"},  {0xf0, "d"},    {0xfe, "th"},  {0x111, "d"},
	{0x127, "h"}, {0x131, "i"}, {0x142, "l"},   {0x153, "oe"}, {0x167, "t"},
	{0xdf, "ss"}, {0x19a, "l"}, {0x1e9e, "ss"},
};

size_t text_fold(int32_t code, char out[FOLD_LIMIT])
{
	utf8proc_int32_t parts[FOLD_LIMIT / 4];
	int last_class = UTF8PROC_BOUNDCLASS_START;
	size_t length = 0;

	if (code < 0)
		return 0;
	if (code < 0x80) {
		out[0] = (char)text_lower((uint8_t)code);
		return 1;
	}
	utf8proc_ssize_t count = utf8proc_decompose_char(
		code, parts, BL_COUNT(parts),
		UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK,
		&last_class);

	if (count < 0 || (size_t)count > BL_COUNT(parts))
		return 0;
	for (utf8proc_ssize_t i = 0; i < count; i++) {
		const char *ascii = NULL;

		for (size_t k = 0; k < BL_COUNT(letters) && !ascii; k++)
			if (letters[k].code == parts[i])
				ascii = letters[k].ascii;
		if (ascii) {
			size_t size = strlen(ascii);

			memcpy(out + length, ascii, size);
			length += size;
		} else {
			length += (size_t)utf8proc_encode_char(parts[i],
							       (utf8proc_uint8_t *)out + length);
		}
	}
	return length;
}

bool text_is_gap(int32_t code)
{
	switch (code) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
	case '.':
	case ',':
	case ';':
	case '-':
	case '_':
	case '\'':
	case '"':
	case '@':
	case '+':
	case '/':
	case '#':
	case '(':
	case ')':
	case 0xa0:   /* no-break space */
	case 0x2010: /* hyphen */
	case 0x2011: /* non-breaking hyphen */
	case 0x2013: /* en dash */
	case 0x2018: /* quotation marks, also as apostrophes */
	case 0x2019:
	case 0x202f: /* narrow no-break space */
		return true;
	default:
		return false;
	}
}

bool text_is_utf8(const struct text *text, size_t from, size_t to)
{
	while (from < to) {
		int32_t code;
		size_t length = text_next(text, from, &code);

		if (code >= 0) {
			from += length;
			continue;
		}
		/* Cut by the very end: the head of one character, and nothing behind it. */
		static const uint8_t filler[] = {0x80, 0xbf};
		size_t left = text->length - from;

		if (left > 3)
			return false;
		for (size_t k = 0; k < BL_COUNT(filler); k++) {
			uint8_t whole[4] = {0, filler[k], filler[k], filler[k]};
			utf8proc_int32_t value;

			memcpy(whole, text->bytes + from, left);
			if (utf8proc_iterate(whole, 4, &value) > (utf8proc_ssize_t)left)
				return true;
		}
		return false;
	}
	return true;
}

bool text_is_whole(const struct text *text)
{
	for (size_t at = 0; at < text->length;) {
		int32_t code;

		at += text_next(text, at, &code);
		if (code < 0)
			return false;
	}
	return true;
}
