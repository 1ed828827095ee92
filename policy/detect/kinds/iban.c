/* IBANs (ISO 13616-1): country, two check digits, and as many characters as that country has */
#include "policy/detect/kinds/number.h"
#include "policy/detect/verify.h"

#include <string.h>

#define IBAN_LIMIT 34
#define GAPS_LIMIT 16

/* May an IBAN whose country stands at @at begin here? "IBANGB82WEST..." is how some people write it. */
static bool may_begin(const struct text *text, size_t at)
{
	if (at == 0 || (!text_is_alnum(text->bytes[at - 1]) && text->bytes[at - 1] < 0x80) ||
	    text_starts_word(text, at))
		return true;
	if (at < 4 || !text_starts_word(text, at - 4))
		return false;
	for (size_t i = 0; i < 4; i++)
		if (text_lower(text->bytes[at - 4 + i]) != (uint8_t) "iban"[i])
			return false;
	return true;
}

/* Reads @length letters and digits from @at on; where they end, 0 when there are not so many. */
static size_t read_characters(const struct text *text, size_t at, size_t length,
			      char out[IBAN_LIMIT])
{
	size_t count = 0, gaps = 0;

	while (at < text->length && count < length) {
		uint8_t byte = text->bytes[at];
		struct number_gap gap;
		size_t size;

		if (text_is_alnum(byte)) {
			out[count++] = (char)(byte >= 'a' ? byte & 0xdf : byte);
			at++;
			continue;
		}
		size = number_gap_at(text, at, &gap);
		if (!size || !memchr(" -.", gap.separator, 3) || count < 2 || ++gaps > GAPS_LIMIT)
			return 0;
		at += size;
	}
	return count == length ? at : 0;
}

void iban_at(const struct text *text, size_t at, struct sink *sink)
{
	char characters[IBAN_LIMIT];
	size_t length, end;

	if (at < 2 || !text_is_letter(text->bytes[at - 1]) ||
	    !text_is_letter(text->bytes[at - 2]) || at + 1 >= text->length ||
	    !text_is_digit(text->bytes[at + 1]) || !may_begin(text, at - 2))
		return;

	char country[2] = {(char)(text->bytes[at - 2] & 0xdf), (char)(text->bytes[at - 1] & 0xdf)};

	length = verify_iban_length(country);
	if (!length || length > IBAN_LIMIT)
		return;
	end = read_characters(text, at - 2, length, characters);
	if (end && text_ends_word(text, end) && verify_iban(characters, length))
		sink_add(sink, at - 2, end, CLASS_IBAN, true);
}
