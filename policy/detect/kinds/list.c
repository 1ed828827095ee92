#include "policy/detect/kinds/list.h"

#include <string.h>
#include <utf8proc.h>

/* " word ": lower case, a space around it. False: it is too long, or no UTF-8. */
struct padded {
	char text[LIST_WORD + 12];
	size_t length;
};

static bool pad_word(const struct text *text, size_t start, size_t end, struct padded *out)
{
	if (end <= start || end - start > LIST_WORD)
		return false;
	out->text[0] = ' ';
	out->length = 1;
	while (start < end && out->length <= LIST_WORD + 1) {
		int32_t code = text->bytes[start];
		size_t size = 1;

		if (code < 0x80) {
			out->text[out->length++] = (char)text_lower((uint8_t)code);
		} else {
			size = text_next(text, start, &code);
			if (code < 0)
				return false;
			out->length += (size_t)utf8proc_encode_char(utf8proc_tolower(code),
								    (utf8proc_uint8_t *)out->text +
									    out->length);
		}
		start += size;
	}
	if (out->length > LIST_WORD + 2)
		return false;
	out->text[out->length++] = ' ';
	out->text[out->length] = '\0';
	return true;
}

bool list_has(const char *list, const struct text *text, size_t start, size_t end)
{
	struct padded word;

	return pad_word(text, start, end, &word) && strstr(list, word.text);
}

bool list_has_by_letter(const char *const list[LIST_LETTERS], const struct text *text, size_t start,
			size_t end)
{
	uint8_t first = start < end ? text_lower(text->bytes[start]) : 0;
	const char *words = list[text_is_letter(first) ? LIST_LETTER(first) : LIST_OTHERS];
	struct padded word;

	return words && pad_word(text, start, end, &word) && strstr(words, word.text);
}
