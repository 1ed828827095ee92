#include "policy/yaml/text.h"

size_t text_length(const char *bytes, size_t length, uint32_t *out_point)
{
	static const uint32_t LEAST[5] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)bytes;

	if (!length)
		return 0;
	if (p[0] < 0x80) {
		*out_point = p[0];
		return 1;
	}

	size_t size = (p[0] & 0xe0) == 0xc0   ? 2
		      : (p[0] & 0xf0) == 0xe0 ? 3
		      : (p[0] & 0xf8) == 0xf0 ? 4
					      : 0;

	if (!size || size > length)
		return 0;

	uint32_t point = p[0] & (0x7fu >> size);

	for (size_t i = 1; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (p[i] & 0x3f);
	}
	if (point < LEAST[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*out_point = point;
	return size;
}

static const struct {
	uint32_t first, last;
	const char *text, *fix;
} REFUSED[] = {
	{0x00, 0x08, "control character", "remove it"},
	{0x0b, 0x0c, "control character", "remove it"},
	{0x0e, 0x1f, "control character", "remove it"},
	{0x7f, 0x84, "control character", "remove it"},
	{0x85, 0x85, "line end that editors do not count (U+0085)", "end lines with LF"},
	{0x86, 0x9f, "control character", "remove it"},
	{0x061c, 0x061c, "bidi mark: the line would read otherwise than it is obeyed", "remove it"},
	{0x200b, 0x200b, "invisible character (U+200B)", "remove it"},
	{0x200e, 0x200f, "bidi mark: the line would read otherwise than it is obeyed", "remove it"},
	{0x2028, 0x2029, "line end that editors do not count (U+2028, U+2029)",
	 "end lines with LF"},
	{0x202a, 0x202e, "bidi mark: the line would read otherwise than it is obeyed", "remove it"},
	{0x2060, 0x2064, "invisible character (U+2060 to U+2064)", "remove it"},
	{0x2066, 0x2069, "bidi mark: the line would read otherwise than it is obeyed", "remove it"},
	{0xfeff, 0xfeff, "byte order mark (U+FEFF)",
	 "save the file as UTF-8 without a byte order mark"},
	{0xfff9, 0xfffb, "control character", "remove it"},
	{0xfffe, 0xffff, "character that is none (U+FFFE, U+FFFF)", "remove it"},
	{0xe0000, 0xe007f, "invisible character (a tag, U+E0000 to U+E007F)", "remove it"},
};

static bool is_refused(uint32_t point, const char **out_text, const char **out_fix)
{
	if (point >= 0xa0 && point < 0x61c)
		return false; /* Latin, Greek, Cyrillic: nothing to look up */
	for (size_t i = 0; i < BL_COUNT(REFUSED); i++)
		if (point >= REFUSED[i].first && point <= REFUSED[i].last) {
			*out_text = REFUSED[i].text;
			*out_fix = REFUSED[i].fix;
			return true;
		}
	return false;
}

bool text_scan(const char *bytes, size_t length, size_t *out_offset, const char **out_text,
	       const char **out_fix)
{
	size_t size;

	for (size_t i = 0; i < length; i += size) {
		unsigned char byte = (unsigned char)bytes[i];
		uint32_t point;

		size = 1;
		if ((byte >= 0x20 && byte < 0x7f) || byte == '\n' || byte == '\t')
			continue;
		*out_offset = i;
		if (byte == '\r') {
			if (i + 1 < length && bytes[i + 1] == '\n')
				continue;
			*out_text = "CR without LF";
			*out_fix = "end lines with LF";
			return false;
		}
		size = text_length(bytes + i, length - i, &point);
		if (!size) {
			*out_text = "not UTF-8";
			*out_fix = "save the file as UTF-8";
			return false;
		}
		if (is_refused(point, out_text, out_fix))
			return false;
	}
	return true;
}
