/*
 * Where numbers begin, told from the bits of their bytes: each start is given to those who may have a use for it, and most have none. What
 * stands around a start is asked of the bits, too, before anybody reads the number.
 */
#include "policy/detect/kind.h"
#include "policy/detect/scan.h"

#include <string.h>

#define SHORT_LIMIT 6u /* digits of a house number or a postcode */
#define PAIR_REACH                                                                                 \
	40u /* from the '.' of one number to that of the next: a pair of coordinates, an IPv4 address */

/* ---- starts ----------------------------------------------------------------------------------- */

/* Where numbers of one word of bits begin, by what stands before and behind them. */
struct starts {
	uint64_t all;
	uint64_t letter;   /* behind a letter */
	uint64_t numbered; /* the same: four digits at most, and the end of a word */
	uint64_t iban;	   /* the same, and before another digit */
	uint64_t seven;	   /* with seven bytes at least that make numbers */
	uint64_t odd;	   /* behind what neither makes words nor numbers */
	uint64_t four;	   /* of exactly four digits */
	uint64_t joined;   /* behind one separator behind a letter */
};

/* "kmiller84", "tel2": where words end behind one to four digits. */
static uint64_t find_short_ends(const uint64_t *digits, const uint64_t *words)
{
	uint64_t ends = ~bits_ahead(words, WORD_TAIL);

	for (unsigned k = WORD_TAIL - 1; k > 0; k--)
		ends = ~bits_ahead(words, k) | (bits_ahead(digits, k) & ends);
	return ends;
}

static void find_starts(const struct anchors *anchors, size_t i, const struct carry *carry,
			struct starts *out)
{
	const uint64_t *digits = &anchors->digit[i], *numerics = &anchors->numeric[i];
	uint64_t starts = *digits & ~(*digits << 1 | carry->digit >> 63);
	uint64_t behind_word = anchors->word[i] << 1 | carry->word >> 63;
	uint64_t behind_numeric = *numerics << 1 | carry->numeric >> 63;
	uint64_t letters = (anchors->word[i] & ~*digits) << 2 | (carry->word & ~carry->digit) >> 62;
	uint64_t second = bits_ahead(digits, 1);
	/* Two in a row, four, seven: the next word's bits are needed for the last ones. */
	uint64_t two[2] = {*numerics & bits_ahead(numerics, 1), numerics[1] & numerics[1] >> 1};
	uint64_t four[2] = {two[0] & bits_ahead(two, 2), two[1] & two[1] >> 2};

	out->all = starts;
	out->letter = starts & behind_word;
	out->numbered = 0;
	if (out->letter)
		out->numbered = out->letter & (anchors->word[i] << 2 | carry->word >> 62) &
				find_short_ends(digits, &anchors->word[i]);
	out->iban = out->letter & second;
	out->seven = starts & four[0] & bits_ahead(four, 3);
	out->odd = starts & ~(behind_word | behind_numeric);
	out->four = starts & second & bits_ahead(digits, 2) & bits_ahead(digits, 3) &
		    ~bits_ahead(digits, 4);
	out->joined = starts & behind_numeric & letters & second;
}

/* ---- behind letters and signs ----------------------------------------------------------------- */

static bool is_in(const uint64_t bits[2], uint8_t byte)
{
	return byte < 0x80 && bits[byte / 64] >> (byte % 64) & 1;
}

/* Digits may be those of "base64", or an '@' in the spelling of a program, an address or a page: 64 or 064, 40 or 0040, 2540. */
static void scan_encoded(const struct text *text, size_t at, struct sink *sink)
{
	/* 0 2 4 6 behind % # E X e u x */
	static const uint64_t digits[2] = {UINT64_C(0x0055000000000000), 0};
	static const uint64_t before[2] = {UINT64_C(0x0000002800000000),
					   UINT64_C(0x0120002001000020)};

	if (at == 0 || !is_in(digits, text->bytes[at]) || !is_in(before, text->bytes[at - 1]))
		return;
	if ((text->bytes[at - 1] | 0x20) == 'e')
		base64_labelled(text, at, sink);
	else
		email_encoded_at(text, at, sink);
}

/* How many letters and digits stand right before @place. */
static size_t word_before(const struct anchors *anchors, size_t place)
{
	size_t length = 0;
	unsigned run;

	do {
		run = bits_run_back(bits_before(anchors->word, place - length));
		length += run;
	} while (run == 64 && length < SPAN_LIMIT);
	return length;
}

/* "kmiller84", "tel2": a few digits behind a word, which may mean something without them. */
static void scan_numbered(const struct region *region, size_t place)
{
	const struct anchors *anchors = region->anchors;
	const struct text *text = region->text;
	size_t length = word_before(anchors, place), at = region->start + place;
	size_t end = at + bits_run(anchors_bits(anchors->digit, place));

	if (words_numbered(region->scanner->words, text, at - length, length) &&
	    text_ends_word(text, end) && text_starts_word(text, at - length))
		meaning_at(region, at - length);
}

/* Are there seven digits among the 32 bytes at @place, with only what joins numbers between? */
static bool is_long_number(const struct anchors *anchors, size_t place)
{
	unsigned extent = bits_run(anchors_bits(anchors->numeric, place));
	uint64_t digit = anchors_bits(anchors->digit, place) &
			 ((UINT64_C(1) << (extent < 32 ? extent : 32)) - 1);

	/* Six cleared and one left: no branch, and no popcount instruction to be had. */
	for (unsigned k = 0; k < 6; k++)
		digit &= digit - 1;
	return digit != 0;
}

static void number_from(const struct region *region, size_t place)
{
	number_at(region->text, region->start + place, region->scanner->identities, region->sink);
	rows_sure_at(region->scanner->rows, region, place, region->sink);
}

/* Digits right behind letters: an IBAN, or a number behind the letters of an escape ("\n4111...") */
static void scan_lettered(const struct region *region, size_t place)
{
	size_t at = region->start + place;

	if (!text_follows_escape(region->text, at))
		iban_at(region->text, at, region->sink);
	else if (is_long_number(region->anchors, place))
		number_from(region, place);
}

/* Letters in front of a number may be its own: "AB 12 34 56 C", "RSS MRA 85T10 A562S". */
static void scan_joined(const struct region *region, size_t place)
{
	const struct anchors *anchors = region->anchors;

	for (unsigned words = 0; words < 2 && place >= 2; words++) {
		size_t end = place - 1;
		unsigned length = bits_run_back(bits_before(anchors->word, end) &
						~bits_before(anchors->digit, end));

		if (!memchr(" -./", region->text->bytes[region->start + end], 4) || length == 0 ||
		    length > 6)
			return;
		place = end - length;
		rows_sure_at(region->scanner->rows, region, place, region->sink);
	}
}

/* ---- numbers that stand alone ------------------------------------------------------------------- */

static bool is_capital(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z';
}

/* Does a word that is written as names are stand before the space at @place? */
static bool is_behind_name(const struct region *region, size_t place)
{
	const uint8_t *bytes = region->text->bytes + region->start;
	const struct anchors *anchors = region->anchors;
	unsigned length;

	place -= place && (bytes[place - 1] == '.' || bytes[place - 1] == ',');
	length = bits_run_back(bits_before(anchors->word, place) |
			       bits_before(anchors->high, place));
	/* Of "Saint-Malo" and "O'Neill" only a part was seen, of a word at the region's start. */
	if (length >= place || length > 40 || bytes[place - length - 1] == '-' ||
	    bytes[place - length - 1] == '\'')
		return true;
	return length && (is_capital(bytes[place - length]) || bytes[place - length] >= 0x80);
}

/* House numbers and postcodes stand behind names, or before them: "12 Harbour Street" is told by its street. */
static void scan_short(const struct region *region, size_t place)
{
	const struct text *text = region->text;
	size_t at = region->start + place;
	size_t end = at + bits_run(anchors_bits(region->anchors->digit, place));
	uint8_t before = at ? text->bytes[at - 1] : 0;
	bool is_dutch = end - at == 4 && end + 1 < text->length && text->bytes[end] == ' ' &&
			is_capital(text->bytes[end + 1]);

	if (end - at > SHORT_LIMIT)
		return;
	if (before == ' ' ? !is_dutch && place && !is_behind_name(region, place - 1)
			  : !is_dutch && before != '-' && before != 0xa0)
		return;
	if (at >= 2 && text_is_digit(text->bytes[at - 2]) && memchr("-./,:", before, 5))
		return;
	short_number_at(text, at, end, region->sink);
}

/* The first number of "1.2.3.4" and of "51.5074, -0.1278", which are no others'. */
static void scan_dotted(const struct region *region, size_t dot)
{
	const struct text *text = region->text;
	size_t at = dot;

	while (at > 0 && dot - at < 5 && text_is_digit(text->bytes[at - 1]))
		at--;
	if (at > 0 && text_is_digit(text->bytes[at - 1]))
		return;
	if (at < 2 || text->bytes[at - 1] != '.' || !text_is_digit(text->bytes[at - 2]))
		dotted_at(text, at, region->sink);
}

/* Dots between digits, where another one is near. */
static void scan_dots(const struct region *region, size_t i, const struct carry *carry)
{
	const uint64_t *digits = &region->anchors->digit[i], *all = &region->anchors->dot[i];
	uint64_t dots[2] = {all[0] & (digits[0] << 1 | carry->digit >> 63) & bits_ahead(digits, 1),
			    all[1] & (digits[1] << 1 | digits[0] >> 63) & (digits[1] >> 1)};

	for (uint64_t bits = dots[0]; bits; bits &= bits - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(bits);
		uint64_t ahead = bit < 63 ? bits_ahead(dots, bit + 1) : dots[1];

		if (ahead & ((UINT64_C(1) << PAIR_REACH) - 1))
			scan_dotted(region, region->start + i * 64 + bit);
	}
}

/* ---- mixed words -------------------------------------------------------------------------------- */

/* Words of eight and more in which there are digits: codes that are sure by their check. */
static void scan_mixed(const struct region *region, size_t i, const struct carry *carry)
{
	const struct anchors *anchors = region->anchors;
	const uint64_t *words = &anchors->word[i];
	uint64_t starts = *words & ~(*words << 1 | carry->word >> 63);
	uint64_t two[2] = {*words & bits_ahead(words, 1), words[1] & words[1] >> 1};
	uint64_t four[2] = {two[0] & bits_ahead(two, 2), two[1] & two[1] >> 2};
	uint64_t eight = starts & four[0] & bits_ahead(four, 4);

	for (; eight; eight &= eight - 1) {
		size_t place = i * 64 + (size_t)__builtin_ctzll(eight);
		unsigned length = bits_run(anchors_bits(words - i, place));
		uint64_t mask = UINT64_MAX >> (64 - length);
		uint64_t digits = anchors_bits(anchors->digit, place) & mask;

		/* Numbers alone are looked at elsewhere. */
		if (digits && digits != mask &&
		    text_starts_word(region->text, region->start + place))
			rows_sure_at(region->scanner->rows, region, place, region->sink);
	}
}

/* ---- one word of bits --------------------------------------------------------------------------- */

/* The place of the lowest of @bits, which is taken away; the first of them is at @from. */
static size_t take_lowest(uint64_t *bits, size_t from)
{
	size_t place = from + (size_t)__builtin_ctzll(*bits);

	*bits &= *bits - 1;
	return place;
}

static void scan_starts(const struct region *region, size_t from, const struct starts *starts)
{
	const struct text *text = region->text;
	struct starts left = *starts;
	uint64_t encoded = left.letter | left.odd;
	uint64_t lettered = left.letter & (left.iban | left.seven);
	uint64_t seven = left.seven & ~left.letter;

	while (encoded)
		scan_encoded(text, region->start + take_lowest(&encoded, from), region->sink);
	while (left.numbered)
		scan_numbered(region, take_lowest(&left.numbered, from));
	while (lettered)
		scan_lettered(region, take_lowest(&lettered, from));
	while (seven) {
		size_t place = take_lowest(&seven, from);

		if (is_long_number(region->anchors, place))
			number_from(region, place);
	}
	while (left.four) {
		size_t at = region->start + take_lowest(&left.four, from);

		/* No issuer of four fours begins with these, but half of all years and amounts do. */
		if (text->bytes[at] >= '2' && text->bytes[at] != '7')
			card_at(text, at, region->sink);
	}
	while (left.joined)
		scan_joined(region, take_lowest(&left.joined, from));
}

void scan_digits(const struct region *region, size_t i, const struct carry *carry)
{
	const bl_classes places = CLASS_BIT(CLASS_ADDRESS) | CLASS_BIT(CLASS_POSTCODE);
	const struct anchors *anchors = region->anchors;
	struct starts starts;

	scan_mixed(region, i, carry);
	if (!anchors->digit[i])
		return;
	find_starts(anchors, i, carry, &starts);
	scan_starts(region, i * 64, &starts);
	if (anchors->dot[i])
		scan_dots(region, i, carry);
	if (!(region->sink->classes & places))
		return;
	for (uint64_t left = starts.all & ~starts.letter; left;)
		scan_short(region, take_lowest(&left, i * 64));
}
