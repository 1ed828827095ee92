/* Official numbers of Asia, Oceania and Africa */
#include "policy/detect/kinds/check.h"

#include <string.h>

#define WEIGHTS(...) ((const int8_t[]){__VA_ARGS__})

static bool is_letter(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool are_digits(const char *value, size_t count, size_t wanted)
{
	return count == wanted && check_digits(value, 0, count);
}

static bool are_letters(const char *value, size_t from, size_t count)
{
	for (size_t i = from; i < from + count; i++)
		if (!is_letter(value[i]))
			return false;
	return true;
}

static int last_digit(const char *value, size_t count)
{
	return value[count - 1] - '0';
}

/* ---- India -------------------------------------------------------------------------------------------- */

bool check_in_aadhaar(const char *value, size_t count)
{
	return count == 12 && value[0] > '1' && check_verhoeff(value, count);
}

/* The fourth letter says what sort of holder it is. */
bool check_in_pan(const char *value, size_t count)
{
	return count == 10 && are_letters(value, 0, 5) && strchr("ABCFGHJKLPTE", value[3]) &&
	       check_digits(value, 5, 4) && check_number(value, 5, 4) > 0 && is_letter(value[9]);
}

static unsigned base_36(char c)
{
	return is_letter(c) ? (unsigned)(c - 'A') + 10 : (unsigned)(c - '0');
}

/* State, PAN, entity, Z, and a Luhn of 36. */
bool check_in_gstin(const char *value, size_t count)
{
	unsigned sum = 0;

	if (count != 15 || !check_digits(value, 0, 2) || !check_in_pan(value + 2, 10))
		return false;
	for (size_t i = 0; i < 14; i++) {
		unsigned product = base_36(value[i]) * (i % 2 ? 2 : 1);

		sum += product / 36 + product % 36;
	}
	return (36 - sum % 36) % 36 == base_36(value[14]);
}

/* ---- Singapore, Malaysia, Indonesia, Thailand --------------------------------------------------------------- */

bool check_sg_nric(const char *value, size_t count)
{
	const char *letters = "XWUTRQPNMLK";
	int sum;

	if (count != 9 || !check_digits(value, 1, 7) || !is_letter(value[0]) ||
	    !strchr("STFGM", value[0]))
		return false;
	sum = check_sum(value + 1, WEIGHTS(2, 7, 6, 5, 4, 3, 2), 7);
	sum += value[0] == 'T' || value[0] == 'G' ? 4 : value[0] == 'M' ? 3 : 0;
	if (value[0] == 'S' || value[0] == 'T')
		letters = "JZIHGFEDCBA";
	else if (value[0] == 'M')
		letters = "XWUTRQPNJLK";
	return value[8] == letters[sum % 11];
}

/* Year, month, day, place of birth, serial; no check digit. */
bool check_my_nric(const char *value, size_t count)
{
	unsigned place;

	if (!are_digits(value, count, 12) ||
	    !check_short_date(check_pair(value), check_pair(value + 2), check_pair(value + 4)))
		return false;
	place = check_pair(value + 6);
	return place != 0 && !(place >= 17 && place <= 20) && place != 69 && place != 70 &&
	       place != 73 && place != 80 && place != 81 && !(place >= 94 && place <= 97);
}

/* Province, regency, district, day (40 more for women), month, year, serial. */
bool check_id_nik(const char *value, size_t count)
{
	unsigned day;

	if (!are_digits(value, count, 16) || check_pair(value) < 11 || check_pair(value) > 97 ||
	    check_number(value, 12, 4) == 0)
		return false;
	day = check_pair(value + 6);
	return check_short_date(check_pair(value + 10), check_pair(value + 8),
				day > 40 ? day - 40 : day);
}

bool check_th_id(const char *value, size_t count)
{
	return are_digits(value, count, 13) && value[0] != '9' &&
	       (11 - check_sum(value, WEIGHTS(13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2), 12) % 11) %
			       10 ==
		       last_digit(value, 13);
}

/* ---- China, Hong Kong, Taiwan, Japan, Korea ------------------------------------------------------------------- */

bool check_cn_id(const char *value, size_t count)
{
	unsigned year;

	if (count != 18 || !check_digits(value, 0, 17) || value[0] == '0' || value[0] == '9')
		return false;
	year = (unsigned)check_number(value, 6, 4);
	return year >= 1880 && year < 2100 &&
	       check_date(year, check_pair(value + 10), check_pair(value + 12)) &&
	       check_11_2(value, 18);
}

/* One letter counts as a space and it: 36 in front. */
bool check_hk_id(const char *value, size_t count)
{
	size_t letters = 0;
	unsigned sum = 324; /* 36 times 9 */
	char last;

	while (letters < count && letters < 3 && is_letter(value[letters]))
		letters++;
	if (letters < 1 || letters > 2 || count != letters + 7 || !check_digits(value, letters, 6))
		return false;
	if (letters == 2)
		sum = base_36(value[0]) * 9;
	for (size_t i = letters - 1; i < count - 1; i++)
		sum += base_36(value[i]) * (unsigned)(8 - (i - (letters - 1)));
	last = value[count - 1];
	if (last != 'A' && !check_digits(&last, 0, 1))
		return false;
	return (sum + base_36(last)) % 11 == 0;
}

/* The letter of the place of registration is two digits; foreign residents have 8 or 9 (A to D before 2021) behind it. */
bool check_tw_id(const char *value, size_t count)
{
	static const uint8_t places[] = {10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21,
					 22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33};
	unsigned sum, place;

	if (count != 10 || !is_letter(value[0]) || !check_digits(value, 2, 8))
		return false;
	place = places[value[0] - 'A'];
	sum = place / 10 + place % 10 * 9;
	if (value[1] >= 'A' && value[1] <= 'D')
		sum += places[value[1] - 'A'] % 10 * 8u;
	else if (strchr("1289", value[1]))
		sum += (unsigned)(value[1] - '0') * 8;
	else
		return false;
	sum += (unsigned)check_sum(value + 2, WEIGHTS(7, 6, 5, 4, 3, 2, 1, 1), 8);
	return sum % 10 == 0;
}

bool check_jp_my_number(const char *value, size_t count)
{
	int rest;

	if (!are_digits(value, count, 12))
		return false;
	rest = check_sum(value, WEIGHTS(6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11) % 11;
	return (rest < 2 ? 0 : 11 - rest) == last_digit(value, 12);
}

/* Since October 2020 the last six digits are random: only the date and the digit of century and sex can be checked. */
bool check_kr_rrn(const char *value, size_t count)
{
	return are_digits(value, count, 13) &&
	       check_short_date(check_pair(value), check_pair(value + 2), check_pair(value + 4));
}

/* ---- Australia, New Zealand --------------------------------------------------------------------------------- */

bool check_au_tfn(const char *value, size_t count)
{
	if (count == 8)
		return check_digits(value, 0, 8) &&
		       check_sum(value, WEIGHTS(10, 7, 8, 4, 6, 3, 5, 1), 8) % 11 == 0;
	return are_digits(value, count, 9) && check_number(value, 0, 9) > 0 &&
	       check_sum(value, WEIGHTS(1, 4, 3, 7, 5, 8, 6, 9, 10), 9) % 11 == 0;
}

/* Nine digits, the issue, and the person's place on the card. */
bool check_au_medicare(const char *value, size_t count)
{
	return (count == 10 || count == 11) && check_digits(value, 0, count) && value[0] >= '2' &&
	       value[0] <= '6' &&
	       check_sum(value, WEIGHTS(1, 3, 7, 9, 1, 3, 7, 9), 8) % 10 == value[8] - '0';
}

bool check_au_abn(const char *value, size_t count)
{
	return are_digits(value, count, 11) && value[0] != '0' &&
	       (check_sum(value, WEIGHTS(10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19), 11) - 10) % 89 ==
		       0;
}

bool check_nz_ird(const char *value, size_t count)
{
	char nine[9];
	uint64_t number;
	int rest;

	if (count < 8 || count > 9 || !check_digits(value, 0, count))
		return false;
	nine[0] = '0';
	memcpy(nine + 9 - count, value, count);
	number = check_number(nine, 0, 9);
	if (number < 10000000 || number > 199999999)
		return false;
	rest = check_sum(nine, WEIGHTS(3, 2, 7, 6, 5, 4, 3, 2), 8) % 11;
	if (rest == 1)
		rest = check_sum(nine, WEIGHTS(7, 4, 3, 2, 5, 2, 7, 6), 8) % 11;
	return rest != 1 && (rest ? 11 - rest : 0) == last_digit(nine, 9);
}

/* HISO 10046: letters without I and O, A 1 to Z 24; three letters and four digits, or two digits and two letters from 2026. */
bool check_nz_nhi(const char *value, size_t count)
{
	static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ";
	unsigned sum = 0, check;

	if (count != 7 || !are_letters(value, 0, 3) || !check_digits(value, 3, 2))
		return false;
	for (size_t i = 0; i < 6; i++) {
		const char *letter = is_letter(value[i]) ? strchr(letters, value[i]) : NULL;

		if (!letter && is_letter(value[i]))
			return false;
		sum += (letter ? (unsigned)(letter - letters) + 1 : (unsigned)(value[i] - '0')) *
		       (unsigned)(7 - i);
	}
	if (check_digits(value, 5, 2)) {
		check = 11 - sum % 11;
		return check < 11 && check % 10 == (unsigned)(value[6] - '0');
	}
	/* The letter was modulo 24 at first, is modulo 23 since. */
	return is_letter(value[5]) &&
	       (letters[23 - sum % 24] == value[6] || letters[22 - sum % 23] == value[6]);
}

/* ---- South Africa, Israel, Turkey, Kazakhstan --------------------------------------------------------------- */

/* Date, serial with sex, citizenship, a digit without meaning, Luhn. */
bool check_za_id(const char *value, size_t count)
{
	return are_digits(value, count, 13) && value[10] <= '2' &&
	       check_short_date(check_pair(value), check_pair(value + 2), check_pair(value + 4)) &&
	       check_luhn(value, 13);
}

/* Short ones are filled up with 0s in front, which changes nothing here. */
bool check_il_id(const char *value, size_t count)
{
	return count >= 8 && count <= 9 && check_luhn(value, count) &&
	       check_number(value, 0, count) > 0;
}

bool check_tr_tc(const char *value, size_t count)
{
	int odd, even;

	if (!are_digits(value, count, 11) || value[0] == '0')
		return false;
	odd = check_sum(value, WEIGHTS(1, 0, 1, 0, 1, 0, 1, 0, 1), 9);
	even = check_sum(value, WEIGHTS(0, 1, 0, 1, 0, 1, 0, 1), 8);
	return (odd * 7 - even + 100) % 10 == value[9] - '0' &&
	       (odd + even + value[9] - '0') % 10 == value[10] - '0';
}

bool check_kz_iin(const char *value, size_t count)
{
	int check;

	if (!are_digits(value, count, 12) ||
	    !check_short_date(check_pair(value), check_pair(value + 2), check_pair(value + 4)))
		return false;
	check = check_sum(value, WEIGHTS(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), 11) % 11;
	if (check == 10)
		check = check_sum(value, WEIGHTS(3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2), 11) % 11;
	return check == last_digit(value, 12);
}
