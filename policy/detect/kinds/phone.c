/* Phone numbers: ITU-T E.164, the national forms that hardly anything else has, and by label almost any */
#include "policy/detect/kind.h"
#include "policy/detect/kinds/near.h"
#include "policy/detect/kinds/number.h"
#include "policy/detect/verify.h"

#include <string.h>

/* A national form that needs no label. */
struct phone_form {
	const char *sizes; /* digits per group, as characters */
	const char *
		separators; /* between them; '~': not all the same. "": only with the first or second group in brackets */
	const char *lead; /* what it begins with, '|' between: m 1-9, n 2-9, x any, else itself */
};

/*
 * NANP: NANPA, ITU-T E.164 supplement "+1"; GB: Ofcom; FR: ARCEP; DE: Bundesnetzagentur; AT: RTR; CH: BAKOM; ES: CNMC; IT: AGCOM;
 * NL: ACM; BE: BIPT; IE: ComReg; AU: ACMA; PL: UKE; IN: DoT; BR: Anatel; CN: MIIT; RU: Mincifry; SE: PTS; JP: MIC. Of thirds ("612
 * 345 678": ES, PL, CZ, PT) and fours ("9123 4567": SG, NO, DK) only those with a label: amounts are written so.
 */
/* Those with the trunk prefix 0, as most have it. */
static const struct phone_form trunk_forms[] = {
	{"56", " -", "0m"},	 /* GB 01632 960123, 07700 900123 */
	{"533", " -", "0m"},	 /* GB 07700 900 123 */
	{"434", " -~", "0m"},	 /* GB 0161 496 0123 */
	{"344", " -/~", "0m"},	 /* GB 020 7946 0123, DE, IT, JP, IN */
	{"343", " -", "0m"},	 /* NL 020 123 4567 */
	{"335", " -", "0m"},	 /* DE */
	{"334", " -/~", "0m"},	 /* IE 087 123 4567, NZ, ZA */
	{"333", " -", "0m"},	 /* AT, BE, IT */
	{"234", " -", "0m"},	 /* IE 01 234 5678, NZ 09 123 4567 */
	{"22222", " .-/", "0m"}, /* FR 01 99 00 12 34 */
	{"244", " -", "0m"},	 /* AU (02) 5550 1234 */
	{"433", " -", "0m"},	 /* AU 0491 570 156, 1300 975 707 */
	{"442", " -", "0m"},	 /* DE */
	{"443", " -", "0m"},	 /* DE 0151 1234 567 */
	{"444", " -", "0m"},	 /* DE 0151 1234 5678 */
	{"4222", " -./~", "0m"}, /* BE 0470 12 34 56 */
	{"4322", " -./~", "0m"}, /* AT 0664 123 45 67, TR */
	{"3222", " -./~", "0m"}, /* BE, SE 040-12 34 56, ES 612 34 56 78 */
	{"3322", " -.~", "0m"},	 /* CH 044 668 18 00, SE 070-123 45 67 */
	{"2332", " -~", "0m"},	 /* SE 08-123 456 78 */
	{"2322", " -~", "0m"},	 /* SE, ES 91 123 45 67, PL (22) 123 45 67 */
	{"36", "/-", "0m"},	 /* DE, IT */
	{"37", " /-", "0m"},	 /* DE 030/1234567, NL */
	{"38", " /-", "0m"},	 /* DE 030/12345678, IN */
	{"46", " /-", "0m"},	 /* DE, IT, NL 0161 496012 */
	{"47", " /-", "0m"},	 /* DE 0151 1234567, IT */
	{"48", " /-", "0m"},	 /* DE 0171 12345678 */
	{"45", " /-", "0m"},	 /* DE, AT */
	{"55", " /", "0m"},	 /* DE, GB 01204 52345 */
	{"57", "/-", "0m"},	 /* DE */
	{"65", " -", "0"},	 /* IN 098765 43210 */
	{"27", "/-", "0m"},	 /* IT 06-1234567 */
	{"28", "-/", "0m"},	 /* NL 06-12345678 */
	{"28", " ", "06"},	 /* NL 06 12345678 */
};

/* All others. */
static const struct phone_form other_forms[] = {
	{"334", "-. ~", "nxxnxx"},
	{"1334", "-. ~", "1nxxnxx"},
	{"37", "", "n"}, /* (202) 5550143 */
	{"334", "", "n"},
	{"433", " -", "13|18"},			     /* AU 0491 570 156, 1300 975 707 */
	{"3222", " -./~", "6|7|8|9"},		     /* BE, SE 040-12 34 56, ES 612 34 56 78 */
	{"2322", " -~", "m"},			     /* SE, ES 91 123 45 67, PL (22) 123 45 67 */
	{"334", " -.", "32|33|34|36|37|38|39"},	     /* IT 347 123 4567 */
	{"37", "/-", "32|33|34|36|37|38|39"},	     /* IT */
	{"344", " -", "13|14|15|16|17|18|19"},	     /* CN 138 1234 5678 */
	{"13322", " -~", "89|84|83|88|73|74|78|79"}, /* RU 8 (912) 345-67-89 */
	{"254", " -~", "mm9"},			     /* BR 11 91234-5678 */
	{"244", "", "m"},			     /* BR (11) 1234-5678, MX */
	{"254", "", "mm"},
};

/* Bare digits that need no label: mobile numbers with the trunk prefix. */
static const struct {
	uint8_t digits;
	const char *lead;
} bare_forms[] = {
	{11, "071|072|073|074|075|077|078|079|0151|0152|0157|0159|0160|0162|0163|017"}, /* GB, DE */
	{12, "0151|0152|0157|0159|0176"},						/* DE */
	{10, "06|07|04"}, /* FR, NL, AU; what might be an ISBN is none */
};

/* Words before numbers that are something else, whatever they look like. */
static const char other_words[] =
	"|id|ids|uid|uuid|guid|ref|reference|order|ticket|case|invoice|version|build|release|ts|"
	"timestamp|epoch|unix|port|pid|"
	"session|serial|sku|part|item|isbn|issn|ean|upc|gtin|asin|model|size|bytes|offset|hash|"
	"checksum|commit|revision|rev|"
	"job|batch|lot|tracking|parcel|shipment|transaction|txn|trace|request|row|line|page|seq|"
	"sequence|oid|rfc|patent|doi|"
	"ver|bestellnummer|auftrag|rechnung|artikel|teilenummer|commande|facture|pedido|factura|"
	"ordine|fattura|amount|total|"
	"price|sum|balance|budget|population|lat|lon|lng|latitude|longitude|coordinates|";

/* ---- the leading digits ------------------------------------------------------------------------ */

static bool fits_digit(char want, uint8_t digit)
{
	switch (want) {
	case 'm':
		return digit >= 1;
	case 'n':
		return digit >= 2;
	case 'x':
		return true;
	default:
		return digit == (uint8_t)(want - '0');
	}
}

static bool has_lead(const char *lead, const uint8_t *digits, size_t count)
{
	while (*lead) {
		size_t i = 0;

		while (lead[i] && lead[i] != '|' && i < count && fits_digit(lead[i], digits[i]))
			i++;
		if (!lead[i] || lead[i] == '|')
			return true;
		lead += strcspn(lead, "|");
		lead += *lead == '|';
	}
	return false;
}

/* ---- national forms ------------------------------------------------------------------------------ */

/* Which group stands in brackets, alone: 0 or 1; @groups when none does; more when they are not as a phone has them. */
static size_t bracketed(const struct text *text, const struct number *number, size_t groups)
{
	size_t start = number->group[0].start, found = groups;
	bool is_open = start > 0 && text->bytes[start - 1] == '(';

	for (size_t i = 1; i < groups; i++) {
		const struct number_gap *gap = &number->group[i].gap;

		if (gap->closes && i == 1 && is_open && !gap->opens)
			found = 0;
		else if (gap->opens && !gap->closes && i == 1 && groups > 2 &&
			 number->group[2].gap.closes)
			found = 1;
		else if (gap->opens || (gap->closes && !(i == 2 && found == 1)))
			return groups + 1;
	}
	return is_open && found != 0 ? groups + 1 : found;
}

static bool has_sizes(const struct number *number, const char *sizes, size_t groups)
{
	for (size_t i = 0; i < groups; i++)
		if (number->group[i].size != (uint8_t)(sizes[i] - '0'))
			return false;
	return true;
}

/* Are the groups put together as the form says? Behind a bracket anything may follow that stands between groups. */
static bool has_separators(const struct phone_form *form, const struct number *number,
			   size_t groups, size_t bracket)
{
	bool is_mixed = strchr(form->separators, '~') || bracket < groups;
	uint8_t style = 0;

	if (bracket >= groups && !*form->separators)
		return false;
	for (size_t i = 1; i < groups; i++) {
		const struct number_gap *gap = &number->group[i].gap;

		if (gap->opens || gap->closes)
			continue;
		if (gap->separator == 'M' && gap->style != '-' && gap->style != '/')
			return false;
		if (!strchr(bracket < groups ? " -." : form->separators, gap->style))
			return false;
		if (style && gap->style != style && !is_mixed)
			return false;
		style = gap->style;
	}
	return true;
}

/* Digits behind it, joined as its own groups are, would make it something longer; a date behind it does not. */
static bool goes_on(const struct number *number, size_t groups)
{
	if (number->groups == groups)
		return number->is_cut;
	return number->group[groups].gap.separator == number->group[groups - 1].gap.separator;
}

static bool form_fits(const struct phone_form *form, const struct text *text,
		      const struct number *number, size_t groups)
{
	size_t bracket;

	if (number->groups < groups || goes_on(number, groups) ||
	    !has_sizes(number, form->sizes, groups) ||
	    !has_lead(form->lead, number->digits, number->count))
		return false;
	bracket = bracketed(text, number, groups);
	return bracket <= groups && has_separators(form, number, groups, bracket);
}

/* How many groups of @number are a phone of a national form; 0: none. */
static size_t national_groups(const struct text *text, const struct number *number)
{
	const struct phone_form *forms = number->digits[0] ? other_forms : trunk_forms;
	size_t count = number->digits[0] ? BL_COUNT(other_forms) : BL_COUNT(trunk_forms);

	if (number->groups < 2)
		return 0;
	for (size_t i = 0; i < count; i++) {
		const struct phone_form *form = &forms[i];

		if (number->group[0].size == (uint8_t)(form->sizes[0] - '0') &&
		    number->group[1].size == (uint8_t)(form->sizes[1] - '0') &&
		    form_fits(form, text, number, strlen(form->sizes)))
			return strlen(form->sizes);
	}
	return 0;
}

/* ISO 2108: the check digit that ten digits of a book have. */
static bool is_isbn(const uint8_t *digits, size_t count)
{
	unsigned sum = 0;

	for (size_t i = 0; i < 10 && count == 10; i++)
		sum += (unsigned)(10 - i) * digits[i];
	return count == 10 && sum % 11 == 0;
}

static bool is_bare_mobile(const struct number *number)
{
	size_t count = number->group[0].size;

	if (number->digits[0])
		return false;
	for (size_t i = 0; i < BL_COUNT(bare_forms); i++)
		if (count == bare_forms[i].digits &&
		    has_lead(bare_forms[i].lead, number->digits, count))
			return !is_isbn(number->digits, count);
	return false;
}

/* ---- where it ends --------------------------------------------------------------------------------- */

/* "x123", " ext. 123": the extension belongs to the number. */
static size_t extension_end(const struct text *text, size_t end)
{
	static const char *const words[] = {"extension", "ext.",      "ext:", "ext",   "extn.",
					    "extn",	 "durchwahl", "app.", "poste", "int.",
					    "dw",	 "#",	      "x.",   "x"};
	size_t at = end;

	while (at < text->length && at < end + 2 && memchr(" ,;", text->bytes[at], 3))
		at++;
	for (size_t i = 0; i < BL_COUNT(words); i++) {
		size_t length = strlen(words[i]), digits, stop;
		bool is_same = at + length <= text->length;

		for (size_t k = 0; k < length && is_same; k++)
			is_same = text_lower(text->bytes[at + k]) == (uint8_t)words[i][k];
		if (!is_same)
			continue;
		digits = at + length;
		while (digits < text->length && text->bytes[digits] == ' ' &&
		       digits < at + length + 2)
			digits++;
		for (stop = digits;
		     stop < text->length && stop < digits + 7 && text_is_digit(text->bytes[stop]);)
			stop++;
		if (stop > digits && stop < digits + 7)
			return stop;
	}
	return end;
}

/* Does a '-' and a word with a digit in it follow, as in "50207385-1775-f312"? */
static bool goes_on_mixed(const struct text *text, size_t end)
{
	size_t limit = BL_MIN(text->length, end + 24);

	if (end >= text->length || text->bytes[end] != '-')
		return false;
	for (size_t i = end + 1; i < limit && text_is_alnum(text->bytes[i]); i++)
		if (text_is_digit(text->bytes[i]))
			return true;
	return false;
}

/* The number's end, extension and all; 0 when a letter follows: then it is a part of some word. "-0" is a German switchboard. */
static size_t phone_end(const struct text *text, const struct number *number, size_t groups)
{
	size_t end = number->group[groups - 1].end, stop;

	if (number->groups == groups + 1 && number->group[groups].gap.separator == '-' &&
	    number->group[groups].size <= 4 && number->group[groups - 1].gap.separator != '-')
		end = number->group[groups].end;
	stop = extension_end(text, end);
	if (stop == end && end < text->length && text_is_letter(text->bytes[end]))
		return 0;
	if (stop == end && goes_on_mixed(text, end))
		return 0;
	return stop;
}

/* Its beginning: '+' and '(' belong to it. */
static size_t phone_start(const struct text *text, size_t start)
{
	if (start > 0 && text->bytes[start - 1] == '(')
		start--;
	if (start > 0 && text->bytes[start - 1] == '+')
		start--;
	if (start > 0 && text->bytes[start - 1] == '(' && text->bytes[start] == '+')
		start--;
	return start;
}

static void phone_add(const struct text *text, const struct number *number, size_t groups,
		      bool is_sure, struct sink *sink)
{
	size_t end = phone_end(text, number, groups);

	if (end)
		sink_add(sink, phone_start(text, number->group[0].start), end, CLASS_PHONE,
			 is_sure);
}

/* ---- international --------------------------------------------------------------------------------- */

/*
 * How many groups make a number of @least..@most digits: the most that fit, 0 when none do. What follows behind a space is
 * another number where spaces did not stand between the groups so far.
 */
static size_t groups_for(const struct number *number, size_t least, size_t most)
{
	size_t found = 0, whole = BL_MAX(least, (size_t)(number->digits[0] ? 7 : 9));

	for (size_t i = 0; i < number->groups && number->group[i].until <= most; i++) {
		if (found && i >= 2 && number->group[i - 1].until >= whole &&
		    number->group[i].gap.style == ' ' && number->group[i - 1].gap.style != ' ' &&
		    number->group[i - 1].gap.style)
			break;
		if (number->group[i].until >= least)
			found = i + 1;
	}
	return found;
}

/* "+52.520008": the country in front of a point, as registrars write it (RFC 5733, 2.5), has to be whole and all the rest behind it. */
static bool is_decimal(const struct number *number, size_t code, size_t least, size_t most)
{
	if (number->groups < 2 || number->group[1].gap.separator != '.' ||
	    (number->groups > 2 && number->group[2].gap.style == '.'))
		return false;
	return number->group[0].size != code || number->group[1].until < code + least ||
	       number->group[1].until > code + most;
}

/* E.164 with '+', or 00 as the international prefix: how many groups, 0 when it is none. */
static size_t international_groups(const struct text *text, const struct number *number,
				   bool *out_has_plus)
{
	size_t start = number->group[0].start, skip = 0, least, most;

	if (start > 0 && text->bytes[start - 1] == '(')
		start--;
	*out_has_plus = start > 0 && text->bytes[start - 1] == '+';
	if (!*out_has_plus) {
		if (number->group[0].size < 2 || number->digits[0] || number->digits[1] ||
		    number->groups < 2)
			return 0;
		skip = 2;
	} else if (start > 1 && text_is_alnum(text->bytes[start - 2]) &&
		   !text_follows_escape(text, start - 1)) {
		return 0; /* "7+15551234567" */
	}

	size_t code =
		verify_calling_code(number->digits + skip, number->count - skip, &least, &most);

	if (!code || number->count < skip + code + least ||
	    (skip == 0 && is_decimal(number, code, least, most)))
		return 0;
	/* "+44 (0)20 ...": the trunk 0 in brackets is not counted. */
	size_t trunk = number->count > skip + code && number->digits[skip + code] == 0, groups;

	groups = groups_for(number, skip + code + least, skip + code + most + trunk);
	if (skip == 0 || !groups)
		return groups;
	/* Columns of numbers may begin with 00 as well: the country is whole, no trunk 0 follows, nor more of the same. */
	if ((number->group[0].size > skip && number->group[0].size < skip + code) ||
	    (trunk && !number->group[1].gap.opens &&
	     (number->groups < 3 || !number->group[2].gap.opens)) ||
	    goes_on(number, groups) ||
	    number_continues(text, start, number->group[1].gap.separator))
		return 0;
	return groups;
}

/* ---- without a label ----------------------------------------------------------------------------------- */

static void phone_known(const struct text *text, const struct number *number,
			const struct identities *identities, struct sink *sink)
{
	enum bl_class class;

	if (!identities_any_phone(identities))
		return;
	for (size_t i = number->groups; i > 0; i--)
		if (identities_phone(identities, number->digits, number->group[i - 1].until,
				     &class)) {
			sink_add(sink, phone_start(text, number->group[0].start),
				 number->group[i - 1].end, class, true);
			return;
		}
}

void phone_from(const struct text *text, const struct number *number,
		const struct identities *identities, struct sink *sink)
{
	size_t start = number->group[0].start, groups;
	bool has_plus;

	phone_known(text, number, identities, sink);
	if (!(sink->classes & CLASS_BIT(CLASS_PHONE)))
		return;
	groups = international_groups(text, number, &has_plus);
	if (groups) {
		phone_add(text, number, groups, has_plus, sink);
		return;
	}
	if (number->groups >= 2 && !number_continues(text, start, number->group[1].gap.separator) &&
	    !number_is_date(number)) {
		groups = national_groups(text, number);
	} else if (number->groups == 1) {
		/* Names have no labels around them: there a trunk prefix is enough. */
		if ((is_bare_mobile(number) && !near_is_part(text, start) &&
		     !number_follows_number(text, start)) ||
		    (sink->is_name && !number->is_cut && number->digits[0] == 0 &&
		     number->digits[1] != 0 && number->count >= 9 && number->count <= 15))
			groups = 1;
	}
	if (groups && near_word(text, start, other_words))
		groups = 0;
	if (groups)
		phone_add(text, number, groups, false, sink);
}

/* ---- with a label -------------------------------------------------------------------------------------- */

/* Labels as near_behind wants them: what stands right behind one of these may have five digits. */
static const char phone_words[] =
	"|phone|phones|telephone|telephones|telephon|tel|telno|tlf|tfno|telf|mobile|mob|cell|"
	"cellphone|cellular|fax|telefax|"
	"landline|hotline|helpline|whatsapp|telegram|viber|sms|extension|ext|voicemail|telefon|"
	"telefonnummer|telnr|rufnummer|"
	"handy|handynummer|handynr|mobil|mobilnummer|mobiltelefon|festnetz|festnetznummer|"
	"durchwahl|telefono|movil|celular|"
	"cellulare|telefoon|telefoonnummer|mobiel|gsm|telefone|telemovel|komorka|portable|fixe|"
	"phonenumber|puhelin|"
	"puhelinnumero|telefonu|mobilenumber|mobilephone|homephone|workphone|fon|fone|ph|dial|";

/* "192.168.100.200", "1.24.1234567": addresses and versions have dots too. */
static bool is_dotted(const struct text *text, const struct number *number)
{
	/* "Phone: 555.0143" is none of these. */
	bool is_local = number->group[0].size == 3 && number->groups > 1 &&
			number->group[1].size == 4 &&
			near_behind(text, number->group[0].start, phone_words);

	if (number->groups < 2 || number->group[1].gap.separator != '.')
		return false;
	if (number->groups == 2)
		return !is_local && (number->group[0].size < 4 || number->group[1].size <= 2);

	bool is_version = number->group[0].size <= 2 && number->group[1].size <= 2 &&
			  number->group[0].size + number->group[1].size < 4;
	bool is_address = number->groups == 4;

	for (size_t i = 0, from = 0; i < number->groups; from = number->group[i++].until) {
		unsigned value = 0;

		for (size_t k = from; k < number->group[i].until && value < 1000; k++)
			value = value * 10 + number->digits[k];
		is_address = is_address && number->group[i].size <= 3 && value < 256;
	}
	return is_version || is_address;
}

/* A sum of money, a part of a time, a percentage: by what stands right before and behind. */
static bool is_amount(const struct text *text, size_t start, size_t end)
{
	const uint8_t *p = text->bytes + end;
	size_t left = text->length - end;

	if (start > 0 && text->bytes[start - 1] == '$')
		return true;
	if (start > 1 && text->bytes[start - 1] == ':' && text_is_digit(text->bytes[start - 2]))
		return true;
	/* pounds and yen are two bytes in UTF-8, euro and rupee three */
	if (start > 1 && text->bytes[start - 2] == 0xc2 &&
	    (text->bytes[start - 1] == 0xa3 || text->bytes[start - 1] == 0xa5))
		return true;
	if (start > 2 && memcmp(text->bytes + start - 3, "\xe2\x82", 2) == 0)
		return true;
	if (left >= 1 && (*p == '%' || *p == '$'))
		return true;
	return (left >= 2 && (*p == ':' || *p == ',') && text_is_digit(p[1]) &&
		(*p == ':' || left == 2 || !text_is_digit(p[2]) || left == 3 ||
		 !text_is_digit(p[3]))) ||
	       (left >= 3 && p[0] == 0xe2 && p[1] == 0x82);
}

/* One group: what may a run of so many digits be, which no form fits? */
static bool is_bare_phone(const struct text *text, const struct number *number, bool is_said)
{
	const uint8_t *digits = number->digits;
	size_t count = number->group[0].size;
	bool is_epoch =
		(count == 10 || count == 13 || count == 16) && digits[0] == 1 && digits[1] >= 3;

	if (count < 5 || count > 15)
		return false;
	if (is_epoch && count > 10)
		return false;
	if (count >= 7 && !is_epoch) {
		bool is_round = digits[count - 1] + digits[count - 2] + digits[count - 3] == 0;

		return !is_said || (!is_round && (count >= 10 || digits[0] != 1));
	}
	return !is_said &&
	       near_behind(text, phone_start(text, number->group[0].start), phone_words);
}

/* How many groups are a phone, a label being near; 0: none. @is_said: by a word that stands before other numbers too ("call", "text"). */
static size_t labelled_groups(const struct text *text, const struct number *number, bool is_said)
{
	size_t start = number->group[0].start, groups;
	bool has_plus;

	groups = international_groups(text, number, &has_plus);
	if (groups && has_plus)
		return groups;
	if (number_is_date(number) || is_dotted(text, number) || near_is_part(text, start) ||
	    number_follows_number(text, start) || near_word(text, start, other_words))
		return 0;
	if (!groups)
		groups = national_groups(text, number);
	if (!groups && (number->groups == 1 || number->group[0].size >= 7))
		groups = !number->is_cut && is_bare_phone(text, number, is_said);
	else if (!groups)
		groups = groups_for(number, is_said ? 7 : 6, number->digits[0] ? 13 : 15);
	return groups && !is_amount(text, start, number->group[groups - 1].end) ? groups : 0;
}

/* Where the phone ends whose first character, '+', '(' or a digit, is at @at. */
static size_t match(const struct text *text, size_t at, bool is_said)
{
	struct number number;
	size_t first = at, groups, end;

	while (first < text->length && first - at < 2 && memchr("+(", text->bytes[first], 2))
		first++;
	if (first == text->length || !text_is_digit(text->bytes[first]) ||
	    number_follows_letter(text, at) || (at > 0 && text_is_digit(text->bytes[at - 1])))
		return at;
	number_parse(text, first, &number);
	if (number.groups == 0 || number.count < 5)
		return at;
	groups = labelled_groups(text, &number, is_said);
	if (!groups)
		return at;
	end = phone_end(text, &number, groups);
	return end ? end : at;
}

static size_t match_labelled(const struct text *text, size_t at)
{
	return match(text, at, false);
}

static size_t match_said(const struct text *text, size_t at)
{
	return match(text, at, true);
}

/* NANPA: the numbers that are free for the caller, which companies spell as words; two letters at least make one. */
static bool is_vanity(const char *value, size_t count)
{
	static const char free_codes[] = "800 888 877 866 855 844 833 900 ";
	size_t letters = 0;
	char code[5] = "";

	if (count >= 1 && value[0] == '1') {
		value++;
		count--;
	}
	if (count < 10)
		return false;
	memcpy(code, value, 3);
	code[3] = ' ';
	for (size_t i = 3; i < count; i++)
		letters += text_is_letter((uint8_t)value[i]);
	return letters >= 2 && strstr(free_codes, code);
}

static const struct kind rows[] = {
	{.id = "phone",
	 .standard = "ITU-T E.164; national numbering plans",
	 .class = CLASS_PHONE,
	 .trust = KIND_LABELLED,
	 .forms = "d{1,20}",
	 .match = match_labelled,
	 .labels = "phone|phones|phone1|phone2|phonenumber|homephone|workphone|mobilephone|"
		   "telephone|telephones|tel|tels|tel1|tel2|telno|"
		   "telnr|mobile|mobiles|mob|mobileno|mobilenumber|cellphone|cell phone|cell "
		   "number|cell no|cell|cellular|"
		   "fax|fax no|faxno|telefax|landline|land line|hotline|helpline|toll "
		   "free|tollfree|switchboard|whatsapp|"
		   "telegram|viber|imessage|facetime|sms|voicemail|pager|contact number|contact "
		   "no|contact nos|callback|"
		   "call back number|direct line|direct dial|extension|ph|ph "
		   "no|wa.me|msisdn|caller id|callerid|"
		   "telefon|telefonnummer|telefonnummern|telefonnr|telefon-nr|rufnummer|rufnr|"
		   "handy|handynummer|handynr|handy-nr|"
		   "mobil|mobilnummer|mobilnr|mobiltelefon|mobilfunk|mobilfunknummer|festnetz|"
		   "festnetznummer|durchwahl|"
		   "rückruf|rückrufnummer|fernsprecher|fon|"
		   "téléphone|téléphones|tél|téléphone "
		   "portable|portable|fixe|télécopie|télécopieur|gsm|standard téléphonique|"
		   "teléfono|teléfonos|tlf|tlfno|tfno|tfn|tlfn|telf|móvil|móviles|celular|"
		   "celulares|fijo|"
		   "telefono|telefoni|telefonino|cellulare|cellulari|recapito|centralino|"
		   "telefoon|telefoonnummer|telefoonnr|mobiel|mobiele nummer|mobieltje|vaste lijn|"
		   "telefonu|telefoniczny|komórka|komórkowy|tel kom|kom|faks|stacjonarny|"
		   "telefone|telefones|telemóvel|telemovel|fone|zap|"
		   "tlf "
		   "nr|mobilnr|puhelin|puhelinnumero|puh|matkapuhelin|telefonní|telefonszám|cep|"
		   "cep telefonu|"
		   "телефон|телефоны|тел|моб|мобильный|сотовый|факс|номер "
		   "телефона|τηλέφωνο|τηλ|κινητό|"
		   "電話|電話番号|携帯|携帯電話|电话|电话号码|手机|手机号|联系电话|手機|फोन|मोबाइल",
	 .after = "fax|cell|mobile|phone|telephone|landline|mobil|handy|festnetz|portable|móvil|"
		  "cellulare|mobiel"},
	{.id = "phone-said",
	 .standard = "ITU-T E.164; national numbering plans",
	 .class = CLASS_PHONE,
	 .trust = KIND_LABELLED,
	 .forms = "d{1,20}",
	 .match = match_said,
	 .labels = "call|calls|called|calling|caller|ring|rings|rang|text|texts|texted|texting|"
		   "dial|dials|dialed|dialled|dialing|reach|"
		   "reached|reachable|contact|contacts|signal|desk|messages|answering|my "
		   "number|his number|her number|your number|"
		   "their number|our number|new number|number is|home|work|office|direct|emergency|"
		   "anrufen|anruf|ruf|rufen|erreichbar|erreichen|erreichst|zurückrufen|meine "
		   "nummer|ihre nummer|neue nummer|"
		   "appeler|appelle|appelez|appelez-moi|appelle-moi|joindre|joignable|rappeler|"
		   "rappelez|mon numéro|son numéro|"
		   "votre numéro|llamar|llama|llame|llámame|llámeme|llamada|marcar|marque|mi "
		   "número|su número|contacto|"
		   "chiamare|chiama|chiami|chiamami|chiamate|il mio numero|numero "
		   "verde|bellen|bel|belt|bereikbaar|mijn nummer|"
		   "zadzwoń|dzwoń|dzwonić|mój numer|ligar|ligue|liga|meu "
		   "número|contato|ringa|ringe|soita|volejte|позвонить|"
		   "звоните|номер",
	 .after = "office|home|work|privat|dienstlich|domicile|bureau|casa|ufficio|oficina|thuis|"
		  "werk"},
	{.id = "phone-vanity",
	 .standard = "NANPA toll-free codes, spelt on the keys of ITU-T E.161",
	 .class = CLASS_PHONE,
	 .trust = KIND_LABELLED,
	 .forms = "1-8d{2}-x{7,10}|8d{2}-x{7,10}|1-8d{2}-x{3}-x{4,6}|8d{2}-x{3}-x{4,6}|1-8d{2}-x{4}"
		  "-x{3,6}|8d{2}-x{4}-x{3,6}|"
		  "1-8d{2}-x{1,5}-x{2,6}|18d{2}x{7,10}",
	 .check = is_vanity,
	 .labels = "phone|tel|telephone|call|calls|calling|dial|ring|text|toll "
		   "free|toll-free|hotline|helpline|reach|contact|"
		   "number|order|fax"},
};
const struct kind_table kinds_phone = {rows, BL_COUNT(rows)};
