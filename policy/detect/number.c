/* Numbers: payment cards, IBANs, US social security numbers, phones. All begin at a run of digits. */
#include "policy/detect/parts.h"
#include "policy/detect/verify.h"

#include <string.h>

#define NUMBER_DIGITS  24 /* more are no number of ours */
#define NUMBER_GROUPS  12
#define CONTEXT_BEFORE 48 /* bytes in which a label may stand before a number */
#define CONTEXT_AFTER  12

/* Digits in groups, as they stand in the text. */
struct number {
	size_t count, groups;
	uint8_t digits[NUMBER_DIGITS];
	struct {
		size_t start, end; /* in the text */
		size_t until;	   /* digits up to and with this group */
		uint8_t size;
		uint8_t separator; /* before it: 0 none, 'M' several bytes, else the byte */
	} group[NUMBER_GROUPS];
	bool is_cut; /* more digits followed than are kept */
};

/* separator_at - length of what may stand between two groups at @at, 0 when nothing may */
static size_t separator_at(const struct text *text, size_t at, uint8_t *out_kind)
{
	size_t length = 0;

	*out_kind = 0;
	while (at + length < text->length && length < 4) {
		const uint8_t *p = text->bytes + at + length;
		size_t left = text->length - at - length;
		size_t step = 0;
		uint8_t kind = *p;

		if (*p == ' ' || (*p >= '-' && *p <= '/') || *p == '(' || *p == ')') {
			step = 1;
		} else if (left >= 2 && p[0] == 0xc2 && p[1] == 0xa0) {
			step = 2; /* no-break space */
			kind = ' ';
		} else if (left >= 3 && p[0] == 0xe2 && p[1] == 0x80 &&
			   ((p[2] >= 0x90 && p[2] <= 0x93) || p[2] == 0xaf)) {
			step = 3; /* hyphens and dashes; narrow no-break space */
			kind = p[2] == 0xaf ? ' ' : '-';
		}
		if (!step)
			break;
		*out_kind = length ? 'M' : kind;
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

static void number_parse(const struct text *text, size_t at, struct number *out)
{
	uint8_t separator = 0;

	out->count = out->groups = 0;
	out->is_cut = false;
	while (at < text->length && text_is_digit(text->bytes[at])) {
		size_t end = group_end(text, at, out);

		if (out->is_cut)
			return;
		out->group[out->groups].separator = separator;
		out->groups++;
		at = end + separator_at(text, end, &separator);
	}
}

/* Is the first @groups groups' separator the same throughout? */
static bool is_even(const struct number *number, size_t groups)
{
	for (size_t i = 2; i < groups; i++)
		if (number->group[i].separator != number->group[1].separator)
			return false;
	return true;
}

static bool follows_letter(const struct text *text, size_t at)
{
	return at > 0 && text_is_letter(text->bytes[at - 1]) && !text_follows_escape(text, at);
}

/* Does @at continue a number that began before, as in "12 3456"? */
static bool follows_number(const struct text *text, size_t at)
{
	uint8_t before = at >= 2 ? text->bytes[at - 1] : 0;

	return (before == ' ' || (before >= '-' && before <= '/')) &&
	       text_is_digit(text->bytes[at - 2]);
}

/* The same, in the same style: a 7 behind a space does not continue 202-555-0143. */
static bool continues(const struct text *text, size_t at, uint8_t separator)
{
	return follows_number(text, at) &&
	       (separator == 'M' || separator == ')' || text->bytes[at - 1] == separator);
}

/* ---- labels -------------------------------------------------------------------------------- */

/* Words that make a number a phone's, in the languages of the countries below. At most 8 bytes count. */
static const char phone_words[][9] = {
	"phone",    "phones",	"telephon", "tel",	"telefon",  "telefono", "teléfo",
	"téléph",   "mobile",	"mob",	    "mobil",	"móvil",    "movil",	"cell",
	"cellphon", "cellular", "celular",  "handy",	"fax",	    "call",	"calls",
	"called",   "calling",	"dial",	    "ring",	"sms",	    "text",	"whatsapp",
	"telegram", "signal",	"answerin", "reach",	"reached",  "contact",	"hotline",
	"voicemai", "landline", "festnetz", "rufnumme", "portable", "messages", "desk",
	"gsm",	    "telefoon", "telefone", "cellular", "imessage", "viber",
};
static const char phone_words_after[][9] = {"office", "fax",  "home", "cell",
					    "mobile", "work", "phone"};
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
	_Static_assert(BL_COUNT(phone_words) <= LEXICON_WORDS, "room for every label");
	word_set_init(&lexicon->phone, phone_words, BL_COUNT(phone_words));
	word_set_init(&lexicon->phone_after, phone_words_after, BL_COUNT(phone_words_after));
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

static bool has_phone_label(const struct text *text, size_t start, size_t end,
			    const struct lexicon *lexicon)
{
	size_t after = BL_MIN(text->length, end + CONTEXT_AFTER);

	for (size_t i = end; i < after; i++)
		if (text->bytes[i] == '\n')
			after = i;
	return has_word(text, context_start(text, start), start, &lexicon->phone) ||
	       has_word(text, end, after, &lexicon->phone_after);
}

/* ---- cards --------------------------------------------------------------------------------- */

/* Are the first @groups of the sizes that are printed on cards? Then whatever stands between them will do. */
static bool is_as_printed(const struct number *number, size_t groups)
{
	static const uint8_t forms[][5] = {{4, 4, 4, 4, 3}, {4, 6, 5}, {4, 6, 4}};

	for (size_t i = 0; i < BL_COUNT(forms); i++) {
		size_t same = 0;

		while (same < groups && same < BL_COUNT(forms[i]) &&
		       number->group[same].size == forms[i][same])
			same++;
		if (same == groups)
			return true;
	}
	return false;
}

static void card_from(const struct text *text, const struct number *number, struct sink *sink)
{
	size_t best = 0;

	for (size_t i = 0; i < number->groups; i++) {
		bool is_spaced = i == 0 || number->group[i].separator == ' ' ||
				 number->group[i].separator == '-' ||
				 number->group[i].separator == '.';
		bool is_regular = i == 0 || (is_spaced && number->group[0].size == 4 &&
					     number->group[i].size >= 2 && is_even(number, i + 1));

		if (!is_regular && !is_as_printed(number, i + 1))
			break;
		if (verify_card(number->digits, number->group[i].until))
			best = i + 1;
	}
	if (!best)
		return;

	/* "4111 1111 1111 1111EUR": a letter is no end of a bare number, but of four fours it is. */
	size_t end = number->group[best - 1].end;
	bool is_clear = best >= 3 && is_as_printed(number, best);

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

void card_at(const struct text *text, size_t at, struct sink *sink)
{
	static const uint8_t forms[][4] = {{4, 4, 4, 4}, {4, 6, 5, 0}};

	uint8_t first = text->bytes[at];

	/* Issuers with a 2 begin with 22 to 27 (Mastercard): most years end here. */
	if (!(sink->classes & CLASS_BIT(CLASS_CARD)) || (first == '2' && text->bytes[at + 1] < '2'))
		return;
	for (size_t form = 0; form < BL_COUNT(forms); form++) {
		uint8_t digits[16];
		size_t count = 0, end = at, gap = 0;

		for (size_t i = 0; i < 4 && forms[form][i]; i++) {
			size_t start = end + gap, size = forms[form][i];

			if (i && !gap)
				break;
			for (end = start; end < text->length && text_is_digit(text->bytes[end]) &&
					  end - start < size;)
				digits[count++] = (uint8_t)(text->bytes[end++] - '0');
			if (end - start < size)
				break;
			gap = card_gap(text, end);
		}

		bool is_whole = count == (form ? 15 : 16) &&
				(end == text->length || !text_is_digit(text->bytes[end]));
		/* A column or a row of more such numbers: no card. */
		bool is_listed = gap && end + gap < text->length && text->bytes[end] != ' ' &&
				 text_is_digit(text->bytes[end + gap]);

		if (is_whole && !is_listed && verify_card(digits, count))
			sink_add(sink, at, end, CLASS_CARD, true);
	}
}

/* ---- IBAN ---------------------------------------------------------------------------------- */

void iban_at(const struct text *text, size_t at, struct sink *sink)
{
	char characters[40];
	size_t count = 0, gaps = 0;

	if (at < 2 || !text_is_letter(text->bytes[at - 1]) ||
	    !text_is_letter(text->bytes[at - 2]) || at + 1 >= text->length ||
	    !text_is_digit(text->bytes[at + 1]))
		return;
	if (at >= 3 && (text_is_alnum(text->bytes[at - 3]) || text->bytes[at - 3] >= 0x80) &&
	    !text_starts_word(text, at - 2))
		return;

	char country[2] = {(char)(text->bytes[at - 2] & 0xdf), (char)(text->bytes[at - 1] & 0xdf)};
	size_t length = verify_iban_length(country);
	size_t i = at - 2;

	if (!length)
		return;
	while (i < text->length && count < length) {
		uint8_t kind;
		size_t gap;

		if (text_is_alnum(text->bytes[i])) {
			characters[count] = (char)text->bytes[i++];
			if (characters[count] >= 'a')
				characters[count] = (char)(characters[count] & 0xdf);
			count++;
			continue;
		}
		gap = separator_at(text, i, &kind);
		if (!gap || (kind != ' ' && kind != '-' && kind != '.') || count < 2 || ++gaps > 16)
			return;
		i += gap;
	}
	if (count == length && text_ends_word(text, i) && verify_iban(characters, count))
		sink_add(sink, at - 2, i, CLASS_IBAN, true);
}

/* ---- US social security numbers ------------------------------------------------------------ */

static void ssn_from(const struct text *text, const struct number *number, struct sink *sink)
{
	bool is_grouped = number->groups >= 3 && number->group[0].size == 3 &&
			  number->group[1].size == 2 && number->group[2].size == 4 &&
			  is_even(number, 3);
	bool is_bare = number->group[0].size == 9;
	size_t start = number->group[0].start;
	size_t end = number->group[is_grouped ? 2 : 0].end;
	uint8_t separator = is_grouped ? number->group[1].separator : 0;

	if ((!is_grouped && !is_bare) || !verify_ssn(number->digits))
		return;
	if (is_grouped && (separator == '(' || separator == ')' || separator == 'M'))
		return;
	if (!text_ends_word(text, end))
		return;

	/* 123-45-6789 on its own is clear; "123-45-6789-0" is part of something longer. */
	bool is_clear = separator == '-' && !continues(text, start, '-') &&
			(number->groups == 3 || number->group[3].separator != '-');

	if (is_clear || has_word(text, context_start(text, start), start, &sink->lexicon->ssn))
		sink_add(sink, start, end, CLASS_NATIONAL_ID, is_clear);
}

/* ---- phones -------------------------------------------------------------------------------- */

/* A national form that needs no label: group sizes and separators decide. */
struct phone_form {
	const char *sizes;	/* digits per group, as characters; ':' is 10, ';' is 11 */
	const char *separators; /* any of these, the same throughout; ')' is "(0xx) " */
};

/*
 * NANP: NANPA, ITU-T E.164 supplement "+1"; GB: Ofcom numbering plan; FR: ARCEP; DE: Bundesnetzagentur;
 * ES: CNMC; IT: AGCOM; NL: ACM; AU: ACMA; IE: ComReg; PL: UKE; IN: DoT.
 */
static const struct phone_form nanp_forms[] = {{"334", "-. )"}, {"1334", "-. )"}};

/* Those that begin with the trunk prefix 0. */
static const struct phone_form trunk_forms[] = {
	{"56", " -)"},	/* GB 01632 960123, 07700 900123 */
	{"533", " -)"}, /* GB 07700 900 123 */
	{"434", " -)"}, /* GB 0161 496 0123 */
	{"344", " -)"}, /* GB 020 7946 0123, IT, IE */
	{"343", " -)"}, /* IE 087 123 4567 is 334 below, NL 020 1234 567 */
	{"335", " -)"},	 {"334", " -/)"}, {"333", " -)"}, {"22222", " .-"}, /* FR */
	{"244", " -)"},							    /* AU (02) 5550 1234 */
	{"433", " -)"},							    /* AU 0491 570 156 */
	{"442", " -)"},	 {"4222", " -)"},				    /* BE 0470 12 34 56 */
	{"3222", " -)"}, {"3322", " -)"},				    /* CH 044 668 18 00 */
	{"37", "/-)"},							    /* DE, NL, IT */
	{"38", "/-)"},							    /* DE 030/12345678 */
	{"46", " /-)"},	 {"47", " /-)"},				/* DE 0151 1234567, IT */
	{"48", " /-)"},							/* DE 0171 12345678 */
	{"45", " /-)"},	 {"55", " /-)"},  {"57", "/-)"},  {"28", "-)"}, /* NL 06-12345678 */
};

static bool form_fits(const struct phone_form *form, const struct text *text,
		      const struct number *number)
{
	size_t groups;
	bool has_paren;

	if (number->group[0].size != (uint8_t)(form->sizes[0] - '0') ||
	    number->group[1].size != (uint8_t)(form->sizes[1] - '0'))
		return false;
	groups = strlen(form->sizes);
	if (number->groups < groups || (number->groups == groups && number->is_cut))
		return false;
	/* What follows in the same style would make it a longer number; a date behind it does not. */
	if (number->groups > groups &&
	    number->group[groups].separator == number->group[groups - 1].separator)
		return false;
	for (size_t i = 0; i < groups; i++)
		if (number->group[i].size != (uint8_t)(form->sizes[i] - '0'))
			return false;

	size_t first = 1;

	has_paren = number->group[0].start > 0 && text->bytes[number->group[0].start - 1] == '(';
	if (has_paren) {
		/* "(020) 7946 0123": the bracket closes behind the first group. */
		if (!strchr(form->separators, ')') || text->bytes[number->group[0].end] != ')')
			return false;
		first = 2;
	}
	for (size_t i = first; i < groups; i++) {
		uint8_t separator = number->group[i].separator;
		bool is_mixed_nanp = separator == 'M' && groups == 4;

		if (!separator || (!is_mixed_nanp && !strchr(form->separators, separator)) ||
		    separator == ')')
			return false;
		if (i > first && !is_mixed_nanp && separator != number->group[first].separator &&
		    groups != 4)
			return false;
	}
	if (number->digits[0] == 0)
		return number->digits[1] != 0;

	size_t skip = number->group[0].size == 1;

	return (!skip || number->digits[0] == 1) && number->digits[skip] >= 2 &&
	       number->digits[skip + 3] >= 2;
}

/* 20260302101112: year, month, day, hour, minute, second, as in the names of messages and pictures */
static bool is_moment(const uint8_t digits[14])
{
	static const struct {
		uint8_t least, most;
	} pairs[7] = {{19, 20}, {0, 99}, {1, 12}, {1, 31}, {0, 23}, {0, 59}, {0, 59}};

	for (size_t i = 0; i < BL_COUNT(pairs); i++) {
		unsigned value = digits[2 * i] * 10u + digits[2 * i + 1];

		if (value < pairs[i].least || value > pairs[i].most)
			return false;
	}
	return true;
}

/* Day, month and year in any order: a date, whatever word is near. */
static bool is_date(const struct number *number)
{
	const uint8_t first = number->group[0].size, second = number->group[1].size,
		      third = number->group[2].size;

	if (first == 14 && number->groups == 1)
		return is_moment(number->digits);
	if (number->groups < 3 || !is_even(number, 3) || second > 2)
		return false;

	unsigned middle = number->digits[first] * 10u;

	middle = second == 2 ? middle + number->digits[first + 1] : middle / 10;
	if (first == 4 && third <= 2)
		return middle <= 12;
	return first <= 2 && (third == 4 || third == 2) && number->groups == 3 && middle <= 31 &&
	       number->group[1].separator != ' ' && number->count <= 8;
}

/* "x123", " ext. 123": the extension belongs to the number. */
static size_t extension_end(const struct text *text, size_t end)
{
	static const char *const words[] = {"ext.", "extension", "ext", "x"};
	size_t at = end;

	while (at < text->length && at < end + 2 &&
	       (text->bytes[at] == ' ' || text->bytes[at] == ','))
		at++;
	for (size_t i = 0; i < BL_COUNT(words); i++) {
		size_t length = strlen(words[i]), digits;
		bool is_same = at + length <= text->length;

		for (size_t k = 0; k < length && is_same; k++)
			is_same = text_lower(text->bytes[at + k]) == (uint8_t)words[i][k];
		if (!is_same)
			continue;
		digits = at + length;
		while (digits < text->length && text->bytes[digits] == ' ' &&
		       digits < at + length + 2)
			digits++;

		size_t stop = digits;

		while (stop < text->length && stop < digits + 7 && text_is_digit(text->bytes[stop]))
			stop++;
		if (stop > digits && stop < digits + 7)
			return stop;
	}
	return end;
}

static void phone_add(const struct text *text, const struct number *number, size_t groups,
		      bool is_sure, struct sink *sink)
{
	size_t start = number->group[0].start;
	size_t end = extension_end(text, number->group[groups - 1].end);

	if (start > 0 && text->bytes[start - 1] == '(')
		start--;
	if (start > 0 && text->bytes[start - 1] == '+')
		start--;
	if (start > 0 && text->bytes[start - 1] == '(' && text->bytes[start] == '+')
		start--;
	sink_add(sink, start, end, CLASS_PHONE, is_sure);
}

/* How many groups make a number of @least..@most digits: the most that fit, 0 when none do. */
static size_t groups_for(const struct number *number, size_t least, size_t most)
{
	for (size_t i = number->groups; i > 0; i--)
		if (number->group[i - 1].until >= least && number->group[i - 1].until <= most)
			return i;
	return 0;
}

/* E.164 with '+', or 00 as the international prefix. */
static bool phone_international(const struct text *text, const struct number *number,
				struct sink *sink)
{
	size_t start = number->group[0].start, skip = 0, least, most;

	if (start > 0 && text->bytes[start - 1] == '(')
		start--;
	if (start == 0 || text->bytes[start - 1] != '+') {
		if (number->digits[0] || number->digits[1])
			return false;
		skip = 2;
		if (number->groups < 2)
			return false;
	}

	size_t code =
		verify_calling_code(number->digits + skip, number->count - skip, &least, &most);

	if (!code || number->count < skip + code + least)
		return false;
	/* "+44 (0)20 ...": the trunk 0 in brackets is not counted. */
	size_t trunk = number->count > skip + code && number->digits[skip + code] == 0;
	size_t groups = groups_for(number, skip + code + least, skip + code + most + trunk);

	if (!groups)
		return false;
	phone_add(text, number, groups, skip == 0, sink);
	return true;
}

static bool phone_known(const struct text *text, const struct number *number,
			const struct identities *identities, struct sink *sink)
{
	if (!identities_any_phone(identities))
		return false;
	for (size_t i = number->groups; i > 0; i--) {
		if (!identities_has_phone(identities, number->digits, number->group[i - 1].until))
			continue;

		size_t start = number->group[0].start;

		while (start > 0 && number->group[0].start - start < 2 &&
		       (text->bytes[start - 1] == '+' || text->bytes[start - 1] == '('))
			start--;
		sink_add(sink, start, number->group[i - 1].end, identities_phone_class(identities),
			 true);
		return true;
	}
	return false;
}

static void phone_from(const struct text *text, const struct number *number,
		       const struct identities *identities, struct sink *sink)
{
	size_t start = number->group[0].start;
	size_t groups;

	phone_known(text, number, identities, sink);
	if (!(sink->classes & CLASS_BIT(CLASS_PHONE)) || phone_international(text, number, sink))
		return;
	if (number->groups >= 2 && !continues(text, start, number->group[1].separator)) {
		const struct phone_form *forms = number->digits[0] ? nanp_forms : trunk_forms;
		size_t count = number->digits[0] ? BL_COUNT(nanp_forms) : BL_COUNT(trunk_forms);

		for (size_t i = 0; i < count; i++)
			if (form_fits(&forms[i], text, number)) {
				phone_add(text, number, strlen(forms[i].sizes), false, sink);
				return;
			}
	}
	groups = groups_for(number, 7, 15);
	if (!groups || is_date(number) || follows_number(text, start))
		return;

	bool is_national = number->digits[0] == 0 && number->digits[1] != 0 &&
			   number->group[groups - 1].until >= 9 && number->group[0].size >= 3;

	if ((sink->is_name && is_national) ||
	    has_phone_label(text, start, number->group[groups - 1].end, sink->lexicon))
		phone_add(text, number, groups, false, sink);
}

void number_at(const struct text *text, size_t at, const struct identities *identities,
	       struct sink *sink)
{
	struct number number;

	if (follows_letter(text, at))
		return;
	number_parse(text, at, &number);
	if (number.groups == 0 || number.count < 7)
		return;
	if (number.count >= 12 && sink->classes & CLASS_BIT(CLASS_CARD))
		card_from(text, &number, sink);
	if (number.count >= 9 && sink->classes & CLASS_BIT(CLASS_NATIONAL_ID))
		ssn_from(text, &number, sink);
	phone_from(text, &number, identities, sink);
}
