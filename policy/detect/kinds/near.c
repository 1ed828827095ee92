#include "policy/detect/kinds/near.h"

#include <string.h>

#define WORD_LIMIT 40 /* bytes of a word, folded; of a longer one nobody made a label */
#define GAP_LIMIT  8  /* characters between two words */

/* Words that may stand between a label and its value. */
static const char connectors[] = "|is|was|are|the|a|my|his|her|their|your|our|of|for|at|on|me|us|"
				 "to|and|no|nr|num|number|numbers|code|value|id|new|"
				 "old|ist|lautet|war|nummer|der|die|das|meine|mein|ihre|ihr|est|"
				 "mon|ma|votre|son|numero|de|du|le|la|es|su|mi|el|"
				 "del|e|il|mio|tuo|o|meu|minha|seu|sua|n|num|het|mijn|to|jest|moj|"
				 "please|card|karte|carte|tarjeta|carta|primary|"
				 "secondary|main|or|und|et|y|";

struct word {
	char letters[WORD_LIMIT + FOLD_LIMIT + 2];
	size_t length;
	size_t start; /* in the text */
};

static bool is_in(const char *words, const struct word *word)
{
	char padded[sizeof(word->letters) + 3];

	padded[0] = '|';
	memcpy(padded + 1, word->letters, word->length);
	padded[word->length + 1] = '|';
	padded[word->length + 2] = '\0';
	return strstr(words, padded);
}

/* The end of the word before @at: over what makes no words, at most one end of line. @at 0: there is none. */
static bool skip_gap(const struct text *text, size_t *at, unsigned lines)
{
	for (unsigned i = 0; *at > 0 && i < GAP_LIMIT; i++) {
		int32_t code;
		size_t length = text_before(text, *at, &code);

		if (text_is_word(code))
			return true;
		if (code < 0 || (code == '\n' && lines-- == 0))
			return false;
		*at -= length;
	}
	return false;
}

/* The word that ends at @at, folded, without the digits at its end. */
static bool read_word(const struct text *text, size_t at, struct word *out)
{
	struct text upto = {text->bytes, at};
	size_t start = at, end;

	while (start > 0 && at - start < WORD_LIMIT) {
		int32_t code;
		size_t length = text_before(text, start, &code);

		if (!text_is_word(code))
			break;
		start -= length;
	}
	out->start = start;
	out->length = 0;
	for (end = at; end > start && text_is_digit(text->bytes[end - 1]);)
		end--;
	while (start < end && out->length < WORD_LIMIT) {
		int32_t code;

		start += text_next(&upto, start, &code);
		out->length += text_fold(code, out->letters + out->length);
	}
	return at - out->start < WORD_LIMIT;
}

bool near_behind(const struct text *text, size_t at, const char *words)
{
	for (unsigned i = 0; i < NEAR_WORDS; i++) {
		struct word word;

		if (!skip_gap(text, &at, 1) || !read_word(text, at, &word))
			return false;
		if (word.length == 0 && at - word.start > 1) /* a number of its own */
			return false;
		if (word.length && is_in(words, &word))
			return true;
		if (word.length && !is_in(connectors, &word))
			return false;
		at = word.start;
	}
	return false;
}

bool near_word(const struct text *text, size_t at, const char *words)
{
	struct word word;

	return skip_gap(text, &at, 0) && read_word(text, at, &word) && word.length &&
	       is_in(words, &word);
}

bool near_is_part(const struct text *text, size_t at)
{
	size_t from = at;
	bool has_digit = false;

	if (at == 0 || !memchr("-_./#+~@", text->bytes[at - 1], 8))
		return false;
	if (text->bytes[at - 1] == '#')
		return true;
	while (from > 0 && at - from < WORD_LIMIT) {
		uint8_t byte = text->bytes[from - 1];

		if (!text_is_alnum(byte) && !memchr("-_.", byte, 3))
			break;
		has_digit |= text_is_digit(byte);
		from--;
	}
	return has_digit;
}
