/* Payment cards (ISO/IEC 7812-1): as printed, bare, and over line ends and columns */
#include "policy/detect/kinds/near.h"
#include "policy/detect/kinds/number.h"
#include "policy/detect/verify.h"

#include <string.h>

#define GROUPS 5

/* The sizes of groups that are printed on cards: whatever stands between them will do. Then those that people make of a number. */
static const uint8_t printed[][GROUPS] = {{4, 4, 4, 4, 3}, {4, 6, 5}, {4, 6, 4}};
static const uint8_t others[][GROUPS] = {
	{4, 4, 4, 4, 1}, {4, 4, 4, 4, 2}, {4, 4, 4, 1}, {4, 4, 4, 2}, {4, 4, 4, 3},
	{4, 3, 3, 3},	 {4, 4, 5},	  {4, 4, 6},	{4, 4, 7},    {4, 4, 8},
	{4, 12},	 {4, 6, 6},	  {4, 6, 3},	{4, 8, 4}};

static bool is_one_of(const uint8_t (*sizes)[GROUPS], size_t count, const struct number *number,
		      size_t groups)
{
	for (size_t i = 0; i < count; i++) {
		size_t same = 0;

		while (same < groups && same < GROUPS && number->group[same].size == sizes[i][same])
			same++;
		if (same == groups)
			return true;
	}
	return false;
}

static bool is_as_printed(const struct number *number, size_t groups)
{
	return is_one_of(printed, BL_COUNT(printed), number, groups);
}

/* May the first @groups be a card, the same between them all? */
static bool is_regular(const struct number *number, size_t groups)
{
	uint8_t separator = number->group[groups - 1].gap.separator;

	if (groups == 1)
		return true;
	return (separator == ' ' || separator == '-') && number_is_even(number, groups) &&
	       is_one_of(others, BL_COUNT(others), number, groups);
}

/* Do exactly four digits begin at @at? */
static bool is_four(const struct text *text, size_t at)
{
	for (size_t i = 0; i < 4; i++)
		if (at + i >= text->length || !text_is_digit(text->bytes[at + i]))
			return false;
	return (at + 4 == text->length || !text_is_digit(text->bytes[at + 4])) &&
	       (at == 0 || !text_is_digit(text->bytes[at - 1]));
}

/* Do four fours with one and the same sign between begin at @at that are a card? */
static bool is_card_of_fours(const struct text *text, size_t at)
{
	uint8_t digits[16], sign = at + 4 < text->length ? text->bytes[at + 4] : 0;

	if (sign != ' ' && sign != '-' && sign != '.')
		return false;
	for (size_t i = 0; i < 4; i++) {
		if (!is_four(text, at + 5 * i) || (i && text->bytes[at + 5 * i - 1] != sign))
			return false;
		for (size_t k = 0; k < 4; k++)
			digits[4 * i + k] = (uint8_t)(text->bytes[at + 5 * i + k] - '0');
	}
	return verify_card(digits, 16);
}

#define SPACES	    4  /* between two numbers of a row */
#define VALUE_LIMIT 48 /* of a phone or an IBAN in front of a card */

/* Do the numbers before @at belong to "+44 20 7946 0123", "ES91 2100 ..."? */
static bool follows_value(const struct text *text, size_t at)
{
	size_t from = at;

	while (from > 0 && at - from < VALUE_LIMIT &&
	       (text_is_digit(text->bytes[from - 1]) || text->bytes[from - 1] == ' '))
		from--;
	return from > 0 && text_is_digit(text->bytes[from]) &&
	       (text->bytes[from - 1] == '+' || text_is_letter(text->bytes[from - 1]));
}

/*
 * Is [start, end) in a row of numbers of four digits? A year may stand before a card, its expiry behind it, but not two of them, unless
 * they are another card.
 */
static bool is_in_row(const struct text *text, size_t start, size_t end)
{
	unsigned count = 0;

	if (follows_value(text, start))
		return false;

	for (size_t at = end; count < 2; at += 4, count++) {
		size_t gap = at;

		while (at < text->length && at - gap < SPACES && text->bytes[at] == ' ')
			at++;
		if (at == gap || !is_four(text, at) || is_card_of_fours(text, at))
			break;
	}
	for (size_t at = start; count < 2; at -= 4, count++) {
		size_t gap = at;

		while (at > 0 && gap - at < SPACES && text->bytes[at - 1] == ' ')
			at--;
		if (at == gap || at < 4 || !is_four(text, at - 4) ||
		    (at >= 19 && is_card_of_fours(text, at - 19)))
			break;
	}
	return count == 2;
}

/* Words before numbers that are no cards. */
static const char other_words[] =
	"|barcode|ean|gtin|upc|isbn|imei|iccid|meid|imsi|timestamp|epoch|ts|";

void card_from(const struct text *text, const struct number *number, struct sink *sink)
{
	size_t best = 0;

	for (size_t i = 0; i < number->groups; i++) {
		size_t count = number->group[i].until;
		bool is_printed = is_as_printed(number, i + 1);

		if (count > 19 || (!is_printed && !is_regular(number, i + 1)))
			break;
		/* A bare number of a length or an issuer that few cards have may be any number: one in ten passes Luhn. */
		if (i ? verify_card(number->digits, count)
		      : verify_card_common(number->digits, count))
			best = i + 1;
	}
	if (!best)
		return;

	/* "4111 1111 1111 1111EUR": a letter is no end of a bare number, but of four fours it is. */
	size_t end = number->group[best - 1].end;
	bool is_clear = best >= 3 && is_as_printed(number, best);

	if (best > 1 && is_in_row(text, number->group[0].start, end))
		return;
	/* Numbers of goods and devices pass Luhn as well, all or one in ten. */
	if (best == 1 && near_word(text, number->group[0].start, other_words))
		return;
	/* The fraction of "0.4111111111111111" is none. */
	if (best == 1 && number_continues(text, number->group[0].start, '.'))
		return;
	/* The end of "1234 5678 9012 3456" is none. */
	if (best > 1 && number->group[best - 1].until < 14 &&
	    number_continues(text, number->group[0].start, number->group[1].gap.separator))
		return;

	if (is_clear || end == text->length || !text_is_letter(text->bytes[end]))
		sink_add(sink, number->group[0].start, end, CLASS_CARD, true);
}

/* What may stand between the groups of a card on two lines, in two columns, in a name: at most 4 bytes of it. */
static size_t card_gap(const struct text *text, size_t at)
{
	size_t length = 0;
	unsigned lines = 0;

	while (at + length < text->length && length < 4 &&
	       memchr(" -._/\t\r\n>", text->bytes[at + length], 9))
		lines += text->bytes[at + length++] == '\n';
	return lines <= 1 ? length : 0;
}

/* The digits of @sizes (0: no more groups) from @at on, gaps between; where they end, 0 when they are others. */
static size_t read_groups(const struct text *text, size_t at, const uint8_t sizes[4],
			  uint8_t digits[16])
{
	size_t count = 0, end = at, gap = 0;

	for (size_t i = 0; i < 4 && sizes[i]; i++) {
		size_t start = end + gap;

		if (i && !gap)
			return 0;
		for (end = start; end < text->length && text_is_digit(text->bytes[end]) &&
				  end - start < sizes[i];)
			digits[count++] = (uint8_t)(text->bytes[end++] - '0');
		if (end - start < sizes[i])
			return 0;
		gap = card_gap(text, end);
	}
	/* A column or a row of more such numbers: no card. */
	if (gap && end + gap < text->length && text->bytes[end] != ' ' &&
	    text_is_digit(text->bytes[end + gap]))
		return 0;
	return end == text->length || !text_is_digit(text->bytes[end]) ? end : 0;
}

void card_at(const struct text *text, size_t at, struct sink *sink)
{
	static const uint8_t forms[][4] = {{4, 4, 4, 4}, {4, 6, 5, 0}};

	uint8_t first = text->bytes[at], digits[16];

	/* Issuers with a 2 begin with 22 to 27 (Mastercard): most years end here. */
	if (!(sink->classes & CLASS_BIT(CLASS_CARD)) || at + 1 >= text->length ||
	    (first == '2' && text->bytes[at + 1] < '2'))
		return;
	for (size_t form = 0; form < BL_COUNT(forms); form++) {
		size_t end = read_groups(text, at, forms[form], digits);

		if (end && verify_card(digits, form ? 15 : 16) && !is_in_row(text, at, end))
			sink_add(sink, at, end, CLASS_CARD, true);
	}
}
