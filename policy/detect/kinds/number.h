/* number.h - numbers as people write them: digits in groups, and what stands around them; private to policy/detect */
#ifndef POLICY_DETECT_KINDS_NUMBER_H
#define POLICY_DETECT_KINDS_NUMBER_H

#include "policy/detect/parts.h"

#define NUMBER_DIGITS 24 /* more are no number of ours */
#define NUMBER_GROUPS 12

/* What stands between two groups. */
struct number_gap {
	uint8_t separator; /* 0 none, 'M' several bytes, else the byte */
	uint8_t style; /* ' ', '-', '.' or '/', brackets and spaces around aside; 0: brackets only, or none */
	bool opens, closes; /* has it a '(', a ')'? */
};

/* Digits in groups, as they stand in the text. */
struct number {
	size_t count, groups;
	uint8_t digits[NUMBER_DIGITS];
	struct {
		size_t start, end; /* in the text */
		size_t until;	   /* digits up to and with this group */
		uint8_t size;
		struct number_gap gap; /* before it */
	} group[NUMBER_GROUPS];
	bool is_cut; /* more digits followed than are kept */
};

/* number_gap_at - length of what may stand between two groups at @at, 0 when nothing may */
size_t number_gap_at(const struct text *text, size_t at, struct number_gap *out);
/* number_parse - the groups from the digit at @at on */
void number_parse(const struct text *text, size_t at, struct number *out);
/* number_is_even - is the separator of the first @groups groups the same throughout? */
bool number_is_even(const struct number *number, size_t groups);
/* number_follows_letter - is it the end of a word, as in "abc123"? */
bool number_follows_letter(const struct text *text, size_t at);
/* number_follows_number - does @at continue a number that began before, as in "12 3456"? */
bool number_follows_number(const struct text *text, size_t at);
/* number_continues - the same, in the same style: a 7 behind a space does not continue 202-555-0143 */
bool number_continues(const struct text *text, size_t at, uint8_t separator);
/* number_is_date - day, month and year in any order, or a moment written in 8, 12 or 14 digits: a date, whatever word is near */
bool number_is_date(const struct number *number);

/* card_from, phone_from - a card, a phone at the front of @number (card.c, phone.c) */
void card_from(const struct text *text, const struct number *number, struct sink *sink);
void phone_from(const struct text *text, const struct number *number,
		const struct identities *identities, struct sink *sink);

#endif
