#include "policy/detect/verify.h"

#include <string.h>

bool verify_luhn(const uint8_t *digits, size_t count)
{
	unsigned sum = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned value = digits[count - 1 - i];

		if (i % 2)
			value = value > 4 ? 2 * value - 9 : 2 * value;
		sum += value;
	}
	return count > 0 && sum % 10 == 0;
}

/* One issuer range: the first six digits (the rest of a shorter prefix is 0s and 9s), and its lengths. */
struct issuer {
	uint32_t first, last;
	uint8_t least, most;
};

/*
 * ISO/IEC 7812 major ranges as the networks publish them: Visa and Mastercard BIN tables, American Express,
 * Discover/Diners network updates, JCB, UnionPay, Mir, RuPay, Troy; Maestro takes 12 to 19 digits.
 */
static const struct issuer issuers[] = {
	{400000, 499999, 13, 19}, /* Visa (lengths 13, 16, 19: see below) */
	{222100, 272099, 16, 16}, /* Mastercard, 2-series */
	{510000, 559999, 16, 16}, /* Mastercard */
	{340000, 349999, 15, 15}, /* American Express */
	{370000, 379999, 15, 15}, /* American Express */
	{300000, 305999, 14, 19}, /* Diners Club */
	{309500, 309599, 14, 19}, /* Diners Club */
	{360000, 369999, 14, 19}, /* Diners Club */
	{380000, 399999, 14, 19}, /* Diners Club */
	{352800, 358999, 16, 19}, /* JCB */
	{180000, 180099, 15, 15}, /* JCB, old */
	{213100, 213199, 15, 15}, /* JCB, old */
	{601100, 601199, 16, 19}, /* Discover */
	{644000, 659999, 16, 19}, /* Discover, RuPay */
	{620000, 629999, 16, 19}, /* UnionPay */
	{810000, 829999, 16, 19}, /* UnionPay, RuPay */
	{220000, 220499, 16, 19}, /* Mir */
	{979200, 979299, 16, 16}, /* Troy */
	{401178, 401179, 16, 16}, /* Elo */
	{501800, 501899, 12, 19}, /* Maestro */
	{502000, 502099, 12, 19}, /* Maestro */
	{503800, 503899, 12, 19}, /* Maestro */
	{506099, 506199, 16, 19}, /* Verve */
	{506600, 506799, 16, 16}, /* Elo */
	{507800, 507999, 16, 19}, /* Verve */
	{508000, 508999, 16, 16}, /* RuPay */
	{509000, 509999, 16, 16}, /* Elo */
	{560000, 589999, 12, 19}, /* Maestro */
	{600000, 601099, 16, 16}, /* RuPay */
	{627700, 627799, 16, 16}, /* Elo */
	{630400, 630499, 12, 19}, /* Maestro */
	{636200, 636399, 16, 16}, /* Elo */
	{639000, 639099, 12, 19}, /* Maestro */
	{675900, 676399, 12, 19}, /* Maestro */
	{676770, 676774, 12, 19}, /* Maestro */
};

/* The whole of Maestro's range, of which banks have what is above: far more other numbers begin so. */
static const struct issuer wide_issuers[] = {
	{500000, 509999, 12, 19}, {600000, 601099, 12, 19}, {601200, 619999, 12, 19},
	{630000, 643999, 12, 19}, {660000, 699999, 12, 19},
};

static bool has_issuer(const struct issuer *list, size_t list_count, const uint8_t *digits,
		       size_t count)
{
	uint32_t prefix = 0;

	if (count < 12 || count > 19 ||
	    (digits[0] == 4 && count != 13 && count != 16 && count != 19))
		return false;
	for (size_t i = 0; i < 6; i++)
		prefix = prefix * 10 + digits[i];
	for (size_t i = 0; i < list_count; i++)
		if (prefix >= list[i].first && prefix <= list[i].last && count >= list[i].least &&
		    count <= list[i].most)
			return true;
	return false;
}

bool verify_card(const uint8_t *digits, size_t count)
{
	return (has_issuer(issuers, BL_COUNT(issuers), digits, count) ||
		has_issuer(wide_issuers, BL_COUNT(wide_issuers), digits, count)) &&
	       verify_luhn(digits, count);
}

/* GS1 General Specifications, 7.9: the check digit of EAN-13, which German ones of Visa's first digit have. */
static bool is_ean13(const uint8_t *digits)
{
	unsigned sum = 0;

	for (size_t i = 0; i < 13; i++)
		sum += digits[i] * (i % 2 ? 3u : 1u);
	return sum % 10 == 0;
}

bool verify_card_common(const uint8_t *digits, size_t count)
{
	return has_issuer(issuers, BL_COUNT(issuers), digits, count) &&
	       !(count == 13 && is_ean13(digits)) && verify_luhn(digits, count);
}

/* ISO 13616-1, SWIFT IBAN registry: country, characters. Sorted: looked up by halving. */
static const struct iban_country {
	char country[3];
	uint8_t length;
} iban_countries[] = {
	{"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16},
	{"BG", 22}, {"BH", 22}, {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22},
	{"CY", 28}, {"CZ", 24}, {"DE", 22}, {"DJ", 27}, {"DK", 18}, {"DO", 28}, {"EE", 20},
	{"EG", 29}, {"ES", 24}, {"FI", 18}, {"FK", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22},
	{"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27}, {"GT", 28}, {"HR", 21}, {"HU", 28},
	{"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26}, {"IT", 27}, {"JO", 30}, {"KW", 30},
	{"KZ", 20}, {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20}, {"LU", 20}, {"LV", 21},
	{"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MN", 20}, {"MR", 27},
	{"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23}, {"PK", 24},
	{"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33},
	{"SA", 24}, {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27},
	{"SO", 23}, {"ST", 25}, {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29},
	{"VA", 22}, {"VG", 24}, {"XK", 20}, {"YE", 30},
};

size_t verify_iban_length(const char country[2])
{
	size_t low = 0, high = BL_COUNT(iban_countries);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(country, iban_countries[middle].country, 2);

		if (order == 0)
			return iban_countries[middle].length;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return 0;
}

bool verify_iban(const char *characters, size_t count)
{
	unsigned rest = 0;

	if (count < 5 || verify_iban_length(characters) != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		char c = characters[(i + 4) % count];

		if (c >= '0' && c <= '9')
			rest = (rest * 10 + (unsigned)(c - '0')) % 97;
		else if (c >= 'A' && c <= 'Z')
			rest = (rest * 100 + (unsigned)(c - 'A') + 10) % 97;
		else
			return false;
	}
	return rest == 1;
}

bool verify_ssn(const uint8_t digits[9])
{
	unsigned area = digits[0] * 100u + digits[1] * 10u + digits[2];
	unsigned group = digits[3] * 10u + digits[4];
	unsigned serial = digits[5] * 1000u + digits[6] * 100u + digits[7] * 10u + digits[8];

	/* SSA, "SSN randomization": never issued areas, groups and serials. */
	return area != 0 && area != 666 && area < 900 && group != 0 && serial != 0;
}

/* ITU-T E.164 annex (assigned codes): the code, least and most digits of the national number. */
static const struct calling_code {
	uint16_t first, last;
	uint8_t digits, least, most;
} calling_codes[] = {
	{1, 1, 1, 10, 10},    {7, 7, 1, 10, 10},    {20, 20, 2, 7, 10},	  {27, 27, 2, 9, 9},
	{30, 30, 2, 10, 10},  {31, 31, 2, 9, 9},    {32, 32, 2, 8, 9},	  {33, 33, 2, 9, 9},
	{34, 34, 2, 9, 9},    {36, 36, 2, 8, 9},    {39, 39, 2, 6, 11},	  {40, 40, 2, 9, 9},
	{41, 41, 2, 9, 9},    {43, 43, 2, 4, 13},   {44, 44, 2, 9, 10},	  {45, 45, 2, 8, 8},
	{46, 46, 2, 7, 10},   {47, 47, 2, 5, 8},    {48, 48, 2, 9, 9},	  {49, 49, 2, 5, 13},
	{51, 58, 2, 7, 11},   {60, 66, 2, 7, 12},   {81, 82, 2, 8, 11},	  {84, 84, 2, 7, 11},
	{86, 86, 2, 7, 12},   {90, 95, 2, 7, 12},   {98, 98, 2, 8, 10},	  {210, 269, 3, 5, 12},
	{290, 299, 3, 4, 10}, {350, 359, 3, 4, 11}, {370, 389, 3, 5, 11}, {420, 423, 3, 7, 12},
	{500, 509, 3, 4, 11}, {590, 599, 3, 6, 9},  {670, 692, 3, 4, 10}, {800, 800, 3, 8, 8},
	{850, 856, 3, 6, 11}, {870, 888, 3, 6, 12}, {960, 979, 3, 6, 11}, {992, 998, 3, 6, 10},
};

size_t verify_calling_code(const uint8_t *digits, size_t count, size_t *out_least, size_t *out_most)
{
	for (size_t i = 0; i < BL_COUNT(calling_codes); i++) {
		const struct calling_code *code = &calling_codes[i];
		unsigned value = 0;

		if (count < code->digits)
			continue;
		for (size_t k = 0; k < code->digits; k++)
			value = value * 10 + digits[k];
		if (digits[0] == 0 || value < code->first || value > code->last)
			continue;
		*out_least = code->least;
		*out_most = code->most;
		return code->digits;
	}
	return 0;
}
