/* Social security numbers as the first scanner finds them; goes away when a row of kinds/government.c finds them */
#include "policy/detect/kinds/number.h"
#include "policy/detect/verify.h"

#include <string.h>

#define CONTEXT_BEFORE 48 /* bytes in which a label may stand before a number */

/* ---- labels -------------------------------------------------------------------------------- */

static const char ssn_words[][9] = {"ssn",	"ssns", "social",  "socsec",
				    "security", "ss",	"taxpayer"};

/* A word's first eight bytes; the bit that tells cases apart is set in all. */
static uint64_t pack(const uint8_t *word, size_t length)
{
	uint64_t value = 0;

	for (size_t i = 0; i < BL_MIN(length, (size_t)8); i++)
		value |= (uint64_t)(word[i] | 0x20) << (8 * i);
	return value;
}

/* The same, in one go where the text is long enough. */
static uint64_t pack_in(const struct text *text, size_t at, size_t length)
{
	if (at + 8 > text->length)
		return pack(text->bytes + at, length);

	uint64_t value = bl_get64(text->bytes + at) | UINT64_C(0x2020202020202020);

	return length >= 8 ? value : value & ((UINT64_C(1) << (8 * length)) - 1);
}

static unsigned word_hash(uint64_t word)
{
	return (unsigned)(word * UINT64_C(0x9e3779b97f4a7c15) >> 54);
}

static void word_set_init(struct word_set *set, const char (*words)[9], size_t count)
{
	set->count = BL_MIN(count, (size_t)LEXICON_WORDS);
	for (size_t i = 0; i < set->count; i++) {
		unsigned hash;

		set->words[i] = pack((const uint8_t *)words[i], strlen(words[i]));
		hash = word_hash(set->words[i]);
		set->filter[hash / 64] |= UINT64_C(1) << (hash % 64);
	}
}

void lexicon_init(struct lexicon *lexicon)
{
	word_set_init(&lexicon->ssn, ssn_words, BL_COUNT(ssn_words));
}

static bool word_set_has(const struct word_set *set, uint64_t word)
{
	unsigned hash = word_hash(word);

	if (!(set->filter[hash / 64] >> (hash % 64) & 1))
		return false;
	for (size_t i = 0; i < set->count; i++)
		if (set->words[i] == word)
			return true;
	return false;
}

/* Is one of the words in [from, to)? */
static bool has_word(const struct text *text, size_t from, size_t to, const struct word_set *set)
{
	size_t at = from;

	while (at < to) {
		size_t start = at;

		while (at < to && (text_is_letter(text->bytes[at]) || text->bytes[at] >= 0x80))
			at++;
		if (at - start >= 2 && word_set_has(set, pack_in(text, start, at - start)))
			return true;
		at += at == start;
	}
	return false;
}

/* The label's place: the same line, or the end of the one before. Cut words at its start do not count. */
static size_t context_start(const struct text *text, size_t at)
{
	size_t from = at > CONTEXT_BEFORE ? at - CONTEXT_BEFORE : 0;
	unsigned lines = 0;

	for (size_t i = at; i > from; i--)
		if (text->bytes[i - 1] == '\n' && ++lines == 2)
			return i;
	while (from > 0 && from < at && text_is_letter(text->bytes[from]) &&
	       text_is_letter(text->bytes[from - 1]) && at - from < CONTEXT_BEFORE + 16)
		from--;
	return from;
}

/* ---- US social security numbers ------------------------------------------------------------ */

void ssn_from(const struct text *text, const struct number *number, struct sink *sink)
{
	bool is_grouped = number->groups >= 3 && number->group[0].size == 3 &&
			  number->group[1].size == 2 && number->group[2].size == 4 &&
			  number_is_even(number, 3);
	bool is_bare = number->group[0].size == 9;
	size_t start = number->group[0].start;
	size_t end = number->group[is_grouped ? 2 : 0].end;
	uint8_t separator = is_grouped ? number->group[1].gap.separator : 0;

	if ((!is_grouped && !is_bare) || !verify_ssn(number->digits))
		return;
	if (is_grouped && (separator == '(' || separator == ')' || separator == 'M'))
		return;
	if (!text_ends_word(text, end))
		return;

	/* 123-45-6789 on its own is clear; "123-45-6789-0" is part of something longer. */
	bool is_clear = separator == '-' && !number_continues(text, start, '-') &&
			(number->groups == 3 || number->group[3].gap.separator != '-');

	if (is_clear || has_word(text, context_start(text, start), start, &sink->lexicon->ssn))
		sink_add(sink, start, end, CLASS_NATIONAL_ID, is_clear);
}
