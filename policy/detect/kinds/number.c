/* Digits in groups. Everything that is told by them alone begins here. */
#include "policy/detect/kinds/number.h"

#include "policy/detect/kind.h"

/* One character of a gap at @at: its length, and which it is; 0: none. */
static size_t gap_character(const struct text *text, size_t at, uint8_t *out_kind)
{
	const uint8_t *p = text->bytes + at;
	size_t left = text->length - at;

	*out_kind = *p;
	if (*p == ' ' || (*p >= '-' && *p <= '/') || *p == '(' || *p == ')')
		return 1;
	if (left >= 2 && p[0] == 0xc2 && p[1] == 0xa0) { /* no-break space */
		*out_kind = ' ';
		return 2;
	}
	if (left < 3 || p[0] != 0xe2 || p[1] != 0x80)
		return 0;
	/* hyphens and dashes; narrow no-break space */
	*out_kind = p[2] == 0xaf ? ' ' : '-';
	return (p[2] >= 0x90 && p[2] <= 0x93) || p[2] == 0xaf ? 3 : 0;
}

size_t number_gap_at(const struct text *text, size_t at, struct number_gap *out)
{
	size_t length = 0;

	*out = (struct number_gap){0};
	while (at + length < text->length && length < 4) {
		uint8_t kind;
		size_t step = gap_character(text, at + length, &kind);

		if (!step)
			break;
		out->separator = length ? 'M' : kind;
		out->opens |= kind == '(';
		out->closes |= kind == ')';
		if (kind != '(' && kind != ')' && (kind != ' ' || !out->style))
			out->style = kind;
		length += step;
	}
	return length;
}

/* One group of digits, to its end; nothing shows when a character of no width stands in it. */
static size_t group_end(const struct text *text, size_t at, struct number *out)
{
	size_t end = at, count = out->count, last = at;

	while (end < text->length) {
		size_t hidden;

		if (text_is_digit(text->bytes[end])) {
			if (count == NUMBER_DIGITS || out->groups == NUMBER_GROUPS) {
				out->is_cut = true;
				return at;
			}
			out->digits[count++] = (uint8_t)(text->bytes[end++] - '0');
			last = end;
			continue;
		}
		hidden = text->bytes[end] < 0x80 || end - last > 6 ? 0 : text_zero_width(text, end);
		if (!hidden)
			break;
		end += hidden;
	}
	out->group[out->groups].start = at;
	out->group[out->groups].end = last;
	out->group[out->groups].until = count;
	out->group[out->groups].size = (uint8_t)(count - out->count);
	out->count = count;
	return last;
}

void number_parse(const struct text *text, size_t at, struct number *out)
{
	struct number_gap gap = {0};

	out->count = out->groups = 0;
	out->is_cut = false;
	while (at < text->length && text_is_digit(text->bytes[at])) {
		size_t end = group_end(text, at, out);

		if (out->is_cut)
			return;
		out->group[out->groups].gap = gap;
		out->groups++;
		at = end + number_gap_at(text, end, &gap);
	}
}

bool number_is_even(const struct number *number, size_t groups)
{
	for (size_t i = 2; i < groups; i++)
		if (number->group[i].gap.separator != number->group[1].gap.separator)
			return false;
	return true;
}

bool number_follows_letter(const struct text *text, size_t at)
{
	return at > 0 && text_is_letter(text->bytes[at - 1]) && !text_follows_escape(text, at);
}

bool number_follows_number(const struct text *text, size_t at)
{
	uint8_t before = at >= 2 ? text->bytes[at - 1] : 0;

	return (before == ' ' || (before >= '-' && before <= '/')) &&
	       text_is_digit(text->bytes[at - 2]);
}

bool number_continues(const struct text *text, size_t at, uint8_t separator)
{
	return number_follows_number(text, at) &&
	       (separator == 'M' || separator == ')' || text->bytes[at - 1] == separator);
}

/* Do the digits say century, year, month, day, hour, minute, second, as many of them as there are? */
static bool is_moment(const uint8_t *digits, size_t count)
{
	static const struct {
		uint8_t least, most;
	} pairs[7] = {{19, 20}, {0, 99}, {1, 12}, {1, 31}, {0, 23}, {0, 59}, {0, 59}};

	for (size_t i = 0; i < count / 2; i++) {
		unsigned value = digits[2 * i] * 10u + digits[2 * i + 1];

		if (value < pairs[i].least || value > pairs[i].most)
			return false;
	}
	return true;
}

bool number_is_date(const struct number *number)
{
	uint8_t first = number->group[0].size, second, third;

	/* 20260302101112, as in the names of messages and pictures; 20260302, 202603021011 */
	if (number->groups == 1)
		return (first == 14 || first == 12 || first == 8) &&
		       is_moment(number->digits, first);
	second = number->group[1].size;
	if (number->groups == 2)
		return first == 8 && (second == 6 || second == 4) &&
		       is_moment(number->digits, number->count);
	third = number->group[2].size;
	if (!number_is_even(number, 3) || second > 2)
		return false;

	unsigned middle = number->digits[first] * 10u;

	middle = second == 2 ? middle + number->digits[first + 1] : middle / 10;
	if (first == 4 && third <= 2)
		return middle <= 12 && is_moment(number->digits, 2);
	return first <= 2 && (third == 4 || third == 2) && number->groups == 3 && middle <= 31 &&
	       number->group[1].gap.separator != ' ' && number->count <= 8;
}

void number_at(const struct text *text, size_t at, const struct identities *identities,
	       struct sink *sink)
{
	struct number number;

	if (number_follows_letter(text, at))
		return;
	number_parse(text, at, &number);
	if (number.groups == 0 || number.count < 7)
		return;
	if (number.count >= 12 && sink->classes & CLASS_BIT(CLASS_CARD))
		card_from(text, &number, sink);
	phone_from(text, &number, identities, sink);
}
