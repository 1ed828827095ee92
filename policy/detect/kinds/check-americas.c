/* Official numbers of the Americas */
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

/* ---- United States ----------------------------------------------------------------------------------- */

bool check_us_ssn(const char *value, size_t count)
{
	uint64_t area;

	if (!are_digits(value, count, 9))
		return false;
	area = check_number(value, 0, 3);
	return area != 0 && area != 666 && area < 900 && check_pair(value + 3) != 0 &&
	       check_number(value, 5, 4) != 0;
}

bool check_us_itin(const char *value, size_t count)
{
	unsigned group;

	if (!are_digits(value, count, 9) || value[0] != '9')
		return false;
	group = check_pair(value + 3);
	return (group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
	       (group >= 90 && group != 93);
}

bool check_us_atin(const char *value, size_t count)
{
	return are_digits(value, count, 9) && value[0] == '9' && check_pair(value + 3) == 93;
}

bool check_us_ein(const char *value, size_t count)
{
	static const uint8_t unused[] = {0,  7,	 8,  9,	 17, 18, 19, 28, 29,
					 49, 69, 70, 78, 79, 89, 96, 97};

	if (!are_digits(value, count, 9))
		return false;
	for (size_t i = 0; i < sizeof(unused); i++)
		if (check_pair(value) == unused[i])
			return false;
	return true;
}

/* Luhn over the number with 80840 (health, United States) in front. */
bool check_us_npi(const char *value, size_t count)
{
	char whole[15];

	if (!are_digits(value, count, 10) || (value[0] != '1' && value[0] != '2'))
		return false;
	memcpy(whole, "80840", 5);
	memcpy(whole + 5, value, 10);
	return check_luhn(whole, 15);
}

bool check_us_mbi(const char *value, size_t count)
{
	/* C a digit from 1, A a letter without S L O I B Z, N a digit, X either */
	static const char shape[] = "CAXNAXNAANN";

	if (count != 11)
		return false;
	for (size_t i = 0; i < 11; i++) {
		bool is_digit = check_digits(value, i, 1);

		if (shape[i] == 'A' ? is_digit : shape[i] != 'X' && !is_digit)
			return false;
		if (shape[i] == 'C' && value[i] == '0')
			return false;
		if (!is_digit && (!is_letter(value[i]) || strchr("SLOIBZ", value[i])))
			return false;
	}
	return true;
}

bool check_us_dea(const char *value, size_t count)
{
	int sum;

	if (count != 9 || !is_letter(value[0]) || strchr("CDEINOQVWYZ", value[0]) ||
	    (!is_letter(value[1]) && value[1] != '9') || !check_digits(value, 2, 7))
		return false;
	sum = check_sum(value + 2, WEIGHTS(1, 2, 1, 2, 1, 2), 6);
	return sum % 10 == value[8] - '0';
}

/* ---- Canada, Mexico ------------------------------------------------------------------------------------- */

bool check_ca_sin(const char *value, size_t count)
{
	return count == 9 && check_luhn(value, count) && check_number(value, 0, 9) != 0;
}

bool check_ca_ohip(const char *value, size_t count)
{
	if (count != 10 && !(count == 12 && are_letters(value, 10, 2)))
		return false;
	return check_luhn(value, 10) && value[0] != '0';
}

/* Four letters of the name, then year, month (50 more for women), day. */
bool check_ca_ramq(const char *value, size_t count)
{
	unsigned month;

	if (count != 12 || !are_letters(value, 0, 4) || !check_digits(value, 4, 8))
		return false;
	month = check_pair(value + 6);
	return check_short_date(check_pair(value + 4), month > 50 ? month - 50 : month,
				check_pair(value + 8));
}

static bool is_mexican_state(const char *value)
{
	static const char states[] =
		"AS BC BS CC CL CM CS CH DF DG GT GR HG JC MC MN MS NT NL OC PL QT "
		"QR SP SL SR TC TS TL VZ YN ZS NE";

	for (size_t i = 0; i + 1 < sizeof(states); i += 3)
		if (memcmp(states + i, value, 2) == 0)
			return true;
	return false;
}

bool check_mx_curp(const char *value, size_t count)
{
	unsigned sum = 0;

	if (count != 18 || !are_letters(value, 0, 4) || !check_digits(value, 4, 6) ||
	    !are_letters(value, 11, 5) || !check_digits(value, 17, 1))
		return false;
	if (!strchr("HMX", value[10]) || !is_mexican_state(value + 11) ||
	    !check_short_date(check_pair(value + 4), check_pair(value + 6), check_pair(value + 8)))
		return false;
	for (size_t i = 0; i < 17; i++) {
		/* Ñ stands between N and O; it is written X itself. */
		unsigned worth = check_digits(value, i, 1)
					 ? (unsigned)(value[i] - '0')
					 : (unsigned)(value[i] - 'A') + 10 + (value[i] > 'N');

		sum += worth * (unsigned)(18 - i);
	}
	return (10 - sum % 10) % 10 == (unsigned)(value[17] - '0');
}

/* Three letters for companies, four for people; the date; what the tax office adds. */
bool check_mx_rfc(const char *value, size_t count)
{
	if (count != 12 && count != 13)
		return false;
	count -= 9;
	return are_letters(value, 0, count) && check_digits(value, count, 6) &&
	       check_short_date(check_pair(value + count), check_pair(value + count + 2),
				check_pair(value + count + 4));
}

bool check_mx_nss(const char *value, size_t count)
{
	return count == 11 && check_luhn(value, count);
}

/* ---- Brazil ---------------------------------------------------------------------------------------------- */

static bool is_one_digit(const char *value, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (value[i] != value[0])
			return false;
	return true;
}

static int brazilian(int sum)
{
	int rest = sum % 11;

	return rest < 2 ? 0 : 11 - rest;
}

bool check_br_cpf(const char *value, size_t count)
{
	static const int8_t weights[] = {11, 10, 9, 8, 7, 6, 5, 4, 3, 2};

	return are_digits(value, count, 11) && !is_one_digit(value, 11) &&
	       brazilian(check_sum(value, weights + 1, 9)) == value[9] - '0' &&
	       brazilian(check_sum(value, weights, 10)) == value[10] - '0';
}

/* From 2026 letters as well, worth their ASCII less 48. */
bool check_br_cnpj(const char *value, size_t count)
{
	static const int8_t weights[] = {6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2};

	return count == 14 && check_digits(value, 12, 2) && !is_one_digit(value, 14) &&
	       brazilian(check_sum(value, weights + 1, 12)) == value[12] - '0' &&
	       brazilian(check_sum(value, weights, 13)) == value[13] - '0';
}

bool check_br_pis(const char *value, size_t count)
{
	return are_digits(value, count, 11) && !is_one_digit(value, 11) &&
	       brazilian(check_sum(value, WEIGHTS(3, 2, 9, 8, 7, 6, 5, 4, 3, 2), 10)) ==
		       value[10] - '0';
}

bool check_br_cns(const char *value, size_t count)
{
	return are_digits(value, count, 15) && strchr("12789", value[0]) &&
	       check_sum(value, WEIGHTS(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1), 15) %
			       11 ==
		       0;
}

/* ---- Argentina, Chile, Ecuador ----------------------------------------------------------------------------- */

bool check_ar_cuit(const char *value, size_t count)
{
	int check;

	if (!are_digits(value, count, 11) || (value[0] != '2' && value[0] != '3'))
		return false;
	check = (11 - check_sum(value, WEIGHTS(5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 10) % 11) % 11;
	return check == value[10] - '0';
}

bool check_cl_rut(const char *value, size_t count)
{
	int sum = 0, check;

	if (count < 8 || count > 9 || !check_digits(value, 0, count - 1))
		return false;
	for (size_t i = 0; i + 1 < count; i++)
		sum += (value[count - 2 - i] - '0') * (int)(2 + i % 6);
	check = (11 - sum % 11) % 11;
	return value[count - 1] == (check == 10 ? 'K' : '0' + check);
}

bool check_ec_cedula(const char *value, size_t count)
{
	if (!are_digits(value, count, 10))
		return false;
	return check_pair(value) > 0 && (check_pair(value) < 25 || check_pair(value) == 30) &&
	       value[2] < '7' && check_luhn(value, 10);
}
