/* Official numbers of Europe */
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

static int last_digit(const char *value, size_t count)
{
	return value[count - 1] - '0';
}

/* The country in front of a number of value added tax. */
static bool skip_country(const char **value, size_t *count, const char *country)
{
	if (*count < 3 || memcmp(*value, country, 2) != 0)
		return false;
	*value += 2;
	*count -= 2;
	return true;
}

/* ---- Great Britain, Ireland ------------------------------------------------------------------------ */

bool check_gb_nino(const char *value, size_t count)
{
	static const char unused[][3] = {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"};

	if (count < 8 || count > 9 || !is_letter(value[0]) || !is_letter(value[1]) ||
	    !check_digits(value, 2, 6))
		return false;
	if (strchr("DFIQUV", value[0]) || strchr("DFIOQUV", value[1]))
		return false;
	for (size_t i = 0; i < sizeof(unused) / sizeof(unused[0]); i++)
		if (memcmp(value, unused[i], 2) == 0)
			return false;
	return count == 8 || (value[8] >= 'A' && value[8] <= 'D');
}

bool check_gb_nhs(const char *value, size_t count)
{
	if (!are_digits(value, count, 10) || check_number(value, 0, 10) == 0)
		return false;
	return check_sum(value, WEIGHTS(10, 9, 8, 7, 6, 5, 4, 3, 2, 1), 10) % 11 == 0;
}

bool check_gb_chi(const char *value, size_t count)
{
	return check_gb_nhs(value, count) &&
	       check_short_date(check_pair(value + 4), check_pair(value + 2), check_pair(value));
}

/* Surname filled up with 9s, decade, month (50 more for women), day, year's last digit, initials, two computed ones. */
bool check_gb_licence(const char *value, size_t count)
{
	size_t letters = 0;
	unsigned month, day;

	if (count != 16 && count != 18)
		return false;
	while (letters < 5 && is_letter(value[letters]))
		letters++;
	for (size_t i = letters; i < 5; i++)
		if (value[i] != '9')
			return false;
	if (letters == 0 || !check_digits(value, 5, 6))
		return false;
	month = check_pair(value + 6);
	day = check_pair(value + 8);
	if (!check_short_date(4, month > 50 ? month - 50 : month, day))
		return false;
	return (is_letter(value[11]) || value[11] == '9') &&
	       (is_letter(value[12]) || value[12] == '9');
}

bool check_ie_ppsn(const char *value, size_t count)
{
	static const char letters[] = "WABCDEFGHIJKLMNOPQRSTUV";
	int sum;

	if (count < 8 || count > 9 || !check_digits(value, 0, 7) || !is_letter(value[7]))
		return false;
	sum = check_sum(value, WEIGHTS(8, 7, 6, 5, 4, 3, 2), 7);
	if (count == 9) {
		if (!is_letter(value[8]) || (value[8] > 'I' && value[8] != 'W' && value[8] != 'T'))
			return false;
		/* W and T were a mark without a weight. */
		sum += value[8] <= 'I' ? 9 * (value[8] - 'A' + 1) : 0;
	}
	return letters[sum % 23] == value[7];
}

/* ---- Germany, Austria, Switzerland ------------------------------------------------------------------- */

/* One of the first ten digits is there twice or three times (not in a row), no other more than once. */
static bool has_one_repeated(const char *value)
{
	unsigned times[10] = {0}, repeated = 0;

	for (size_t i = 0; i < 10; i++)
		times[value[i] - '0']++;
	for (size_t i = 0; i < 10; i++) {
		if (times[i] > 3)
			return false;
		repeated += times[i] > 1;
	}
	for (size_t i = 2; i < 10; i++)
		if (value[i] == value[i - 1] && value[i] == value[i - 2])
			return false;
	return repeated == 1;
}

bool check_de_tax(const char *value, size_t count)
{
	return are_digits(value, count, 11) && value[0] != '0' && has_one_repeated(value) &&
	       check_11_10(value, 11);
}

bool check_de_vat(const char *value, size_t count)
{
	skip_country(&value, &count, "DE");
	return count == 9 && check_11_10(value, 9);
}

/* Digits times 2, 1, 2, 5, ..., the digits of each product added. */
static unsigned cross_sum(const char *digits, const uint8_t *weights, size_t count)
{
	unsigned sum = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned product = (unsigned)(digits[i] - '0') * weights[i];

		sum += product / 10 + product % 10;
	}
	return sum;
}

static void put_letter(char out[2], char letter)
{
	unsigned place = (unsigned)(letter - 'A') + 1;

	out[0] = (char)('0' + place / 10);
	out[1] = (char)('0' + place % 10);
}

bool check_de_pension(const char *value, size_t count)
{
	static const uint8_t weights[] = {2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1};
	char digits[12];
	unsigned day;

	if (count != 12 || !check_digits(value, 0, 8) || !is_letter(value[8]) ||
	    !check_digits(value, 9, 3))
		return false;
	day = check_pair(value + 2);
	if (check_pair(value) < 2 || !check_short_date(check_pair(value + 6), check_pair(value + 4),
						       day > 50 ? day - 50 : day))
		return false;
	memcpy(digits, value, 8);
	put_letter(digits + 8, value[8]);
	memcpy(digits + 10, value + 9, 2);
	return cross_sum(digits, weights, 12) % 10 == (unsigned)(value[11] - '0');
}

bool check_de_health(const char *value, size_t count)
{
	static const uint8_t weights[] = {1, 2, 1, 2, 1, 2, 1, 2, 1, 2};
	char digits[10];

	if ((count != 10 && count != 20) || !is_letter(value[0]) || !check_digits(value, 1, 9))
		return false;
	put_letter(digits, value[0]);
	memcpy(digits + 2, value + 1, 8);
	return cross_sum(digits, weights, 10) % 10 == (unsigned)(value[9] - '0');
}

/* Nine characters without vowels and what looks like digits; with the check digit, ten. The old ones are ten digits. */
bool check_de_document(const char *value, size_t count)
{
	size_t digits = 0;

	if (count < 9 || count > 10)
		return false;
	for (size_t i = 0; i < 9; i++) {
		digits += check_digits(value, i, 1);
		if (!strchr("CFGHJKLMNPRTVWXYZ0123456789", value[i]))
			return false;
	}
	if (digits == 0)
		return false;
	return count == 9 || (check_digits(value, 9, 1) &&
			      check_icao(value, 9) == (unsigned)last_digit(value, 10));
}

bool check_at_svnr(const char *value, size_t count)
{
	int sum;
	unsigned month;

	if (!are_digits(value, count, 10) || value[0] == '0')
		return false;
	sum = check_sum(value, WEIGHTS(3, 7, 9, 0, 5, 8, 4, 2, 1, 6), 10) % 11;
	month = check_pair(value + 6);
	/* Months 13 to 15: where all serials of a day were given. */
	return sum == value[3] - '0' &&
	       check_short_date(check_pair(value + 8), month > 12 && month < 16 ? 1 : month,
				check_pair(value + 4));
}

bool check_ch_ahv(const char *value, size_t count)
{
	return are_digits(value, count, 13) && memcmp(value, "756", 3) == 0 &&
	       check_sum(value, WEIGHTS(1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1), 13) % 10 == 0;
}

/* ---- France, Spain, Italy, Portugal -------------------------------------------------------------------- */

bool check_fr_nir(const char *value, size_t count)
{
	uint64_t number;
	unsigned month;

	if (count != 15 || !check_digits(value, 0, 6) || !check_digits(value, 7, 8) ||
	    !strchr("123478", value[0]))
		return false;
	month = check_pair(value + 3);
	if (month == 0 || (month > 12 && month < 20) || (month > 42 && month < 50))
		return false;
	/* Corsica: 2A counts as 19, 2B as 18. */
	number = check_number(value, 0, 5) * 100;
	if (check_digits(value, 6, 1))
		number += check_pair(value + 5);
	else if (value[5] == '2' && (value[6] == 'A' || value[6] == 'B'))
		number += value[6] == 'A' ? 19 : 18;
	else
		return false;
	number = number * 1000000 + check_number(value, 7, 6);
	return 97 - number % 97 == check_pair(value + 13);
}

/* NIE: X is 0, Y 1, Z 2. NIF with K, L or M: seven digits. */
bool check_es_dni(const char *value, size_t count)
{
	static const char letters[] = "TRWAGMYFPDXBNJZSQVHLCKE";
	uint64_t number = 0;

	if (count != 9 || !check_digits(value, 1, 7))
		return false;
	if (value[0] >= 'X' && value[0] <= 'Z')
		number = (uint64_t)(value[0] - 'X');
	else if (check_digits(value, 0, 1))
		number = (uint64_t)(value[0] - '0');
	else if (!strchr("KLM", value[0]))
		return false;
	return letters[(number * 10000000 + check_number(value, 1, 7)) % 23] == value[8];
}

bool check_es_cif(const char *value, size_t count)
{
	int sum = 0, check;

	if (count != 9 || !is_letter(value[0]) || !strchr("ABCDEFGHJNPQRSUVW", value[0]) ||
	    !check_digits(value, 1, 7))
		return false;
	for (size_t i = 1; i < 8; i++) {
		int digit = (value[i] - '0') * (i % 2 ? 2 : 1);

		sum += digit / 10 + digit % 10;
	}
	check = (10 - sum % 10) % 10;
	if (strchr("PQRSNW", value[0]))
		return value[8] == "JABCDEFGHI"[check];
	return value[8] == '0' + check ||
	       (!strchr("ABEH", value[0]) && value[8] == "JABCDEFGHI"[check]);
}

bool check_es_nif(const char *value, size_t count)
{
	skip_country(&value, &count, "ES");
	return check_es_cif(value, count) || check_es_dni(value, count);
}

bool check_es_social(const char *value, size_t count)
{
	uint64_t province, number;

	if (!are_digits(value, count, 12))
		return false;
	province = check_number(value, 0, 2);
	number = check_number(value, 2, 8);
	number += province * (number < 10000000 ? 10000000 : 100000000);
	return province > 0 && (province < 54 || province == 66) &&
	       number % 97 == check_pair(value + 10);
}

/* DM 23/12/1976: worth of the characters in odd places. */
static unsigned odd_worth(char c)
{
	static const uint8_t worth[] = {1,  0,	5, 7, 9, 13, 15, 17, 19, 21, 2,	 4,  18,
					20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};

	return worth[is_letter(c) ? c - 'A' : c - '0'];
}

/* Digits of two people who would have the same code become letters. */
static int cf_digit(char c)
{
	const char *letter;

	if (c >= '0' && c <= '9')
		return c - '0';
	letter = c ? strchr("LMNPQRSTUV", c) : NULL;
	return letter ? (int)(letter - "LMNPQRSTUV") : -1;
}

static bool has_cf_shape(const char *value)
{
	static const uint8_t digits[] = {6, 7, 9, 10, 12, 13, 14},
			     letters[] = {0, 1, 2, 3, 4, 5, 8, 11, 15};

	for (size_t i = 0; i < sizeof(letters); i++)
		if (!is_letter(value[letters[i]]))
			return false;
	for (size_t i = 0; i < sizeof(digits); i++)
		if (cf_digit(value[digits[i]]) < 0)
			return false;
	return true;
}

bool check_it_cf(const char *value, size_t count)
{
	static const char months[] = "ABCDEHLMPRST";
	const char *month;
	unsigned sum = 0;
	int day;

	if (count == 11)
		return check_it_iva(value, count);
	if (count != 16 || !has_cf_shape(value))
		return false;
	month = strchr(months, value[8]);
	day = cf_digit(value[9]) * 10 + cf_digit(value[10]);
	if (!month || !check_short_date((unsigned)(cf_digit(value[6]) * 10 + cf_digit(value[7])),
					(unsigned)(month - months) + 1,
					(unsigned)(day > 40 ? day - 40 : day)))
		return false;
	for (size_t i = 0; i < 15; i++) {
		char c = value[i];

		sum += i % 2 == 0 ? odd_worth(c) : (unsigned)(is_letter(c) ? c - 'A' : c - '0');
	}
	return value[15] == (char)('A' + sum % 26);
}

bool check_it_iva(const char *value, size_t count)
{
	skip_country(&value, &count, "IT");
	return count == 11 && check_luhn(value, count) && check_number(value, 0, 7) != 0;
}

/* EN 1867: 80, the country 380, region and serial. */
bool check_it_card(const char *value, size_t count)
{
	return are_digits(value, count, 20) && memcmp(value, "80380", 5) == 0;
}

static int modulo_11(int sum)
{
	return 11 - sum % 11;
}

bool check_pt_nif(const char *value, size_t count)
{
	int check;

	skip_country(&value, &count, "PT");
	if (!are_digits(value, count, 9) || value[0] == '0')
		return false;
	check = modulo_11(check_sum(value, WEIGHTS(9, 8, 7, 6, 5, 4, 3, 2), 8));
	return (check > 9 ? 0 : check) == last_digit(value, 9);
}

/* ---- the Low Countries ----------------------------------------------------------------------------------- */

bool check_nl_bsn(const char *value, size_t count)
{
	char nine[9];

	if (count < 8 || count > 9 || !check_digits(value, 0, count))
		return false;
	nine[0] = '0';
	memcpy(nine + 9 - count, value, count);
	return check_number(nine, 0, 9) > 0 &&
	       check_sum(nine, WEIGHTS(9, 8, 7, 6, 5, 4, 3, 2, -1), 9) % 11 == 0;
}

/* Months are 20 or 40 more in numbers of those who are not registered (BIS), 0 when not known. */
bool check_be_rn(const char *value, size_t count)
{
	uint64_t number;
	unsigned month, day, check;

	if (!are_digits(value, count, 11))
		return false;
	month = check_pair(value + 2);
	day = check_pair(value + 4);
	month -= month > 40 ? 40 : month > 20 ? 20 : 0;
	if (month && day && !check_short_date(check_pair(value), month, day))
		return false;
	if (month > 12 || day > 31)
		return false;
	number = check_number(value, 0, 9);
	check = check_pair(value + 9);
	/* Born since 2000: a 2 in front. */
	return 97 - number % 97 == check || 97 - (2000000000 + number) % 97 == check;
}

bool check_be_vat(const char *value, size_t count)
{
	skip_country(&value, &count, "BE");
	return are_digits(value, count, 10) && (value[0] == '0' || value[0] == '1') &&
	       97 - check_number(value, 0, 8) % 97 == check_pair(value + 8);
}

bool check_lu_matricule(const char *value, size_t count)
{
	char verhoeff[12];

	if (!are_digits(value, count, 13) ||
	    !check_date((unsigned)check_number(value, 0, 4), check_pair(value + 4),
			check_pair(value + 6)))
		return false;
	memcpy(verhoeff, value, 11);
	verhoeff[11] = value[12];
	return check_luhn(value, 12) && check_verhoeff(verhoeff, 12);
}

/* ---- between the Oder and the Black Sea --------------------------------------------------------------------- */

/* 1800 has 80 more in the month, 2000 20, 2100 40, 2200 60. */
bool check_pl_pesel(const char *value, size_t count)
{
	static const uint16_t centuries[] = {1900, 2000, 2100, 2200, 1800};
	unsigned month;

	if (!are_digits(value, count, 11))
		return false;
	month = check_pair(value + 2);
	return check_date(centuries[month / 20] + check_pair(value), month % 20,
			  check_pair(value + 4)) &&
	       check_sum(value, WEIGHTS(1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), 11) % 10 == 0;
}

bool check_pl_nip(const char *value, size_t count)
{
	skip_country(&value, &count, "PL");
	return are_digits(value, count, 10) && check_number(value, 0, 3) > 100 &&
	       check_sum(value, WEIGHTS(6, 5, 7, 2, 3, 4, 5, 6, 7), 9) % 11 ==
		       last_digit(value, 10);
}

bool check_pl_regon(const char *value, size_t count)
{
	if (count == 14)
		return check_digits(value, 0, 14) && check_pl_regon(value, 9) &&
		       check_sum(value, WEIGHTS(2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8), 13) % 11 %
				       10 ==
			       last_digit(value, 14);
	return are_digits(value, count, 9) &&
	       check_sum(value, WEIGHTS(8, 9, 2, 3, 4, 5, 6, 7), 8) % 11 % 10 ==
		       last_digit(value, 9);
}

bool check_pl_dowod(const char *value, size_t count)
{
	static const int8_t weights[] = {7, 3, 1, 9, 7, 3, 1, 7, 3};
	int sum = 0;

	if (count != 9 || !check_digits(value, 3, 6))
		return false;
	for (size_t i = 0; i < 9; i++) {
		if (i < 3 && !is_letter(value[i]))
			return false;
		sum += weights[i] * (i < 3 ? value[i] - 'A' + 10 : value[i] - '0');
	}
	return sum % 10 == 0;
}

/* Women 50 more in the month; 20 more where a day's serials were used up. Nine digits until 1953. */
bool check_cz_rc(const char *value, size_t count)
{
	unsigned month;
	uint64_t first;

	if (count < 9 || count > 10 || !check_digits(value, 0, count))
		return false;
	month = check_pair(value + 2) % 50;
	if (month > 20 && count == 10)
		month -= 20;
	if (check_pair(value + 2) > 82 ||
	    !check_short_date(check_pair(value), month, check_pair(value + 4)))
		return false;
	if (count == 9)
		return check_pair(value) < 54 && check_number(value, 6, 3) > 0;
	first = check_number(value, 0, 9) % 11;
	return first % 10 == (uint64_t)last_digit(value, 10);
}

bool check_hu_taj(const char *value, size_t count)
{
	return are_digits(value, count, 9) && check_number(value, 0, 9) > 0 &&
	       check_sum(value, WEIGHTS(3, 7, 3, 7, 3, 7, 3, 7), 8) % 10 == last_digit(value, 9);
}

bool check_ro_cnp(const char *value, size_t count)
{
	int check;

	if (!are_digits(value, count, 13) || value[0] == '0' ||
	    !check_short_date(check_pair(value + 1), check_pair(value + 3), check_pair(value + 5)))
		return false;
	check = check_sum(value, WEIGHTS(2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9), 12) % 11;
	return (check == 10 ? 1 : check) == last_digit(value, 13);
}

/* Months are 20 more for the 19th century, 40 for the 21st. */
bool check_bg_egn(const char *value, size_t count)
{
	unsigned month;

	if (!are_digits(value, count, 10))
		return false;
	month = check_pair(value + 2);
	month -= month > 40 ? 40 : month > 20 ? 20 : 0;
	return check_short_date(check_pair(value), month, check_pair(value + 4)) &&
	       check_sum(value, WEIGHTS(2, 4, 8, 5, 10, 9, 7, 3, 6), 9) % 11 % 10 ==
		       last_digit(value, 10);
}

bool check_gr_afm(const char *value, size_t count)
{
	int sum = 0;

	if (!skip_country(&value, &count, "EL"))
		skip_country(&value, &count, "GR");
	if (!are_digits(value, count, 9) || check_number(value, 0, 9) == 0)
		return false;
	for (size_t i = 0; i < 8; i++)
		sum += (value[i] - '0') * (256 >> i);
	return sum % 11 % 10 == last_digit(value, 9);
}

bool check_gr_amka(const char *value, size_t count)
{
	return are_digits(value, count, 11) &&
	       check_short_date(check_pair(value + 4), check_pair(value + 2), check_pair(value)) &&
	       check_luhn(value, 11);
}

bool check_hr_oib(const char *value, size_t count)
{
	skip_country(&value, &count, "HR");
	return count == 11 && check_11_10(value, count);
}

/* Day, month, three digits of the year, region, serial: what Yugoslavia gave and its successors go on giving. */
bool check_jmbg(const char *value, size_t count)
{
	unsigned year;
	int check;

	if (!are_digits(value, count, 13))
		return false;
	year = (unsigned)check_number(value, 4, 3);
	if (!check_date(year + (year < 800 ? 2000 : 1000), check_pair(value + 2),
			check_pair(value)))
		return false;
	check = modulo_11(check_sum(value, WEIGHTS(7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 12));
	return (check == 11 ? 0 : check) == last_digit(value, 13);
}

/* ---- the Baltic --------------------------------------------------------------------------------------------- */

bool check_ee_code(const char *value, size_t count)
{
	int check;

	if (!are_digits(value, count, 11) || value[0] < '1' || value[0] > '8' ||
	    !check_short_date(check_pair(value + 1), check_pair(value + 3), check_pair(value + 5)))
		return false;
	check = check_sum(value, WEIGHTS(1, 2, 3, 4, 5, 6, 7, 8, 9, 1), 10) % 11;
	if (check == 10)
		check = check_sum(value, WEIGHTS(3, 4, 5, 6, 7, 8, 9, 1, 2, 3), 10) % 11 % 10;
	return check == last_digit(value, 11);
}

/* Since July 2017: 32 to 39 in front, and nothing that says a date. */
bool check_lv_code(const char *value, size_t count)
{
	int sum;

	if (!are_digits(value, count, 11))
		return false;
	if (value[0] == '3' && value[1] >= '2')
		return true;
	if (!check_short_date(check_pair(value + 4), check_pair(value + 2), check_pair(value)) ||
	    value[6] > '2')
		return false;
	sum = check_sum(value, WEIGHTS(1, 6, 3, 7, 9, 10, 5, 8, 4, 2), 10);
	return (1101 - sum) % 11 % 10 == last_digit(value, 11);
}

/* Ten digits, or twelve with the century; 60 more in the day: a number of coordination. */
bool check_se_pnr(const char *value, size_t count)
{
	unsigned day;

	if ((count != 10 && count != 12) || !check_digits(value, 0, count))
		return false;
	if (count == 12 && check_pair(value) != 18 && check_pair(value) != 19 &&
	    check_pair(value) != 20)
		return false;
	value += count - 10;
	day = check_pair(value + 4);
	return check_short_date(check_pair(value), check_pair(value + 2),
				day > 60 ? day - 60 : day) &&
	       check_luhn(value, 10);
}

/* With the letter that says the century, or without (it was a '-' or a '+'). */
bool check_fi_hetu(const char *value, size_t count)
{
	static const char letters[] = "0123456789ABCDEFHJKLMNPRSTUVWXY";
	const char *serial = value + count - 4;

	if (count < 10 || count > 11 || !check_digits(value, 0, 6) || !check_digits(serial, 0, 3))
		return false;
	if (count == 11 && (!is_letter(value[6]) || !strchr("ABCDEFUVWXY", value[6])))
		return false;
	if (!check_short_date(check_pair(value + 4), check_pair(value + 2), check_pair(value)) ||
	    check_number(serial, 0, 3) < 2)
		return false;
	return letters[(check_number(value, 0, 6) * 1000 + check_number(serial, 0, 3)) % 31] ==
	       serial[3];
}

/* Since 2007 the last digit checks nothing. */
bool check_dk_cpr(const char *value, size_t count)
{
	return are_digits(value, count, 10) &&
	       check_short_date(check_pair(value + 4), check_pair(value + 2), check_pair(value));
}

/* 40 more in the day: D number; 40 or 80 more in the month: synthetic ones of the tax office (Tenor, NAV). */
bool check_no_fnr(const char *value, size_t count)
{
	unsigned day, month;

	if (!are_digits(value, count, 11))
		return false;
	day = check_pair(value);
	month = check_pair(value + 2);
	month -= month > 80 ? 80 : month > 40 ? 40 : 0;
	return check_short_date(check_pair(value + 4), month, day > 40 ? day - 40 : day) &&
	       check_sum(value, WEIGHTS(3, 7, 6, 1, 8, 9, 4, 5, 2, 1), 10) % 11 == 0 &&
	       check_sum(value, WEIGHTS(5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1), 11) % 11 == 0;
}

bool check_is_kt(const char *value, size_t count)
{
	unsigned day;

	if (!are_digits(value, count, 10) || !strchr("890", value[9]))
		return false;
	day = check_pair(value);
	return check_short_date(check_pair(value + 4), check_pair(value + 2),
				day > 40 ? day - 40 : day) &&
	       check_sum(value, WEIGHTS(3, 2, 7, 6, 5, 4, 3, 2, 1), 9) % 11 == 0;
}

/* ---- Russia, Ukraine ---------------------------------------------------------------------------------------- */

bool check_ru_inn(const char *value, size_t count)
{
	static const int8_t weights[] = {3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8};

	if ((count != 10 && count != 12) || !check_digits(value, 0, count))
		return false;
	if (count == 10)
		return check_sum(value, weights + 2, 9) % 11 % 10 == value[9] - '0';
	return check_sum(value, weights + 1, 10) % 11 % 10 == value[10] - '0' &&
	       check_sum(value, weights, 11) % 11 % 10 == value[11] - '0';
}

bool check_ru_snils(const char *value, size_t count)
{
	int check;

	if (!are_digits(value, count, 11))
		return false;
	check = check_sum(value, WEIGHTS(9, 8, 7, 6, 5, 4, 3, 2, 1), 9) % 101;
	return (unsigned)(check == 100 ? 0 : check) == check_pair(value + 9) &&
	       check_number(value, 0, 9) > 1001998;
}

bool check_ua_tax(const char *value, size_t count)
{
	return are_digits(value, count, 10) &&
	       (check_sum(value, WEIGHTS(-1, 5, 7, 9, 4, 6, 10, 5, 7), 9) + 11) % 11 % 10 ==
		       last_digit(value, 10);
}
