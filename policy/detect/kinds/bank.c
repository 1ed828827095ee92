#include "policy/detect/kinds/bank.h"

#include "policy/detect/verify.h"

#include <string.h>

static unsigned digit(char c)
{
	return (unsigned)(c - '0');
}

static bool is_digits(const char *value, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (!text_is_digit((uint8_t)value[i]))
			return false;
	return true;
}

bool bank_is_aba(const char *value, size_t count)
{
	static const uint8_t weights[] = {3, 7, 1};
	unsigned sum = 0, first;

	if (count != 9)
		return false;
	for (size_t i = 0; i < 9; i++)
		sum += digit(value[i]) * weights[i % 3];
	first = digit(value[0]) * 10 + digit(value[1]);
	/* Federal Reserve districts, thrift institutions (+20), electronic (+60), traveller's cheques */
	return sum % 10 == 0 && sum > 0 &&
	       (first <= 12 || (first >= 21 && first <= 32) || (first >= 61 && first <= 72) ||
		first == 80);
}

bool bank_is_blz(const char *value, size_t count)
{
	return count == 8 && value[0] >= '1' && value[0] <= '8';
}

/* A is 1, J is 1, S is 2: the columns of the French table. */
static unsigned rib_digit(char c)
{
	if (c <= '9')
		return digit(c);
	return c < 'J'	 ? (unsigned)(c - 'A') + 1
	       : c < 'S' ? (unsigned)(c - 'J') + 1
			 : (unsigned)(c - 'S') + 2;
}

bool bank_is_rib(const char *value, size_t count)
{
	unsigned rest = 0;

	if (count != 23)
		return false;
	/* All 23 as one number are 0 mod 97. */
	for (size_t i = 0; i < count; i++)
		rest = (rest * 10 + rib_digit(value[i])) % 97;
	return rest == 0;
}

static unsigned ccc_check(const char *value, size_t count)
{
	static const uint8_t weights[] = {1, 2, 4, 8, 5, 10, 9, 7, 3, 6};
	unsigned sum = 0, check;

	for (size_t i = 0; i < count; i++)
		sum += digit(value[i]) * weights[10 - count + i];
	check = 11 - sum % 11;
	return check == 11 ? 0 : check == 10 ? 1 : check;
}

bool bank_is_ccc(const char *value, size_t count)
{
	return count == 20 && is_digits(value, 0, 20) && digit(value[8]) == ccc_check(value, 8) &&
	       digit(value[9]) == ccc_check(value + 10, 10) && strspn(value, "0") < 8;
}

bool bank_is_it_bban(const char *value, size_t count)
{
	/* Odd places, of digits and letters alike (the codice fiscale has the same table). */
	static const uint8_t odd[] = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
				      20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
	unsigned sum = 0;

	if (count != 23 || !text_is_letter((uint8_t)value[0]))
		return false;
	for (size_t i = 1; i < count; i++) {
		unsigned place = value[i] <= '9' ? digit(value[i]) : (unsigned)(value[i] - 'A');

		sum += i % 2 ? odd[place] : place;
	}
	return sum % 26 == (unsigned)(value[0] - 'A');
}

bool bank_is_clabe(const char *value, size_t count)
{
	static const uint8_t weights[] = {3, 7, 1};
	unsigned sum = 0;

	if (count != 18)
		return false;
	for (size_t i = 0; i < 17; i++)
		sum += digit(value[i]) * weights[i % 3] % 10;
	return (10 - sum % 10) % 10 == digit(value[17]);
}

bool bank_is_nrb(const char *value, size_t count)
{
	char iban[29] = "PL";

	if (count != 26)
		return false;
	memcpy(iban + 2, value, 26);
	return verify_iban(iban, 28);
}

bool bank_is_be(const char *value, size_t count)
{
	unsigned rest = 0;

	if (count != 12)
		return false;
	for (size_t i = 0; i < 10; i++)
		rest = (rest * 10 + digit(value[i])) % 97;
	return (rest ? rest : 97) == digit(value[10]) * 10 + digit(value[11]);
}

/* ISO 3166-1 alpha-2, and XK. */
static const char countries[] = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG "
				"BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF "
				"CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC "
				"EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH "
				"GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM "
				"IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW "
				"KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML "
				"MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG "
				"NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY "
				"QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN "
				"SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV "
				"TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE "
				"YT ZA ZM ZW ";

bool bank_is_bic(const char *value, size_t count)
{
	char country[4] = {0};

	if ((count != 8 && count != 11) || is_digits(value, 0, 4))
		return false;
	memcpy(country, value + 4, 2);
	country[2] = ' ';
	for (const char *at = countries; (at = strstr(at, country)); at++)
		if ((at - countries) % 3 == 0)
			return true;
	return false;
}
