/* What check digits are made of */
#include "policy/detect/kinds/check.h"

bool check_digits(const char *value, size_t from, size_t count)
{
	for (size_t i = from; i < from + count; i++)
		if (value[i] < '0' || value[i] > '9')
			return false;
	return true;
}

uint64_t check_number(const char *value, size_t from, size_t count)
{
	uint64_t number = 0;

	for (size_t i = from; i < from + count; i++)
		number = number * 10 + (uint64_t)(value[i] - '0');
	return number;
}

int check_sum(const char *value, const int8_t *weights, size_t count)
{
	int sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += (value[i] - '0') * weights[i];
	return sum;
}

bool check_date(unsigned year, unsigned month, unsigned day)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (month < 1 || month > 12 || day < 1)
		return false;
	return day <= days[month - 1] + (month == 2 && is_leap ? 1u : 0u);
}

bool check_short_date(unsigned year, unsigned month, unsigned day)
{
	return check_date(2000 + year % 100, month, day);
}

unsigned check_pair(const char *value)
{
	return (unsigned)(value[0] - '0') * 10 + (unsigned)(value[1] - '0');
}

bool check_luhn(const char *value, size_t count)
{
	unsigned sum = 0;

	if (count == 0 || !check_digits(value, 0, count))
		return false;
	for (size_t i = 0; i < count; i++) {
		unsigned digit = (unsigned)(value[count - 1 - i] - '0');

		if (i % 2)
			digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
		sum += digit;
	}
	return sum % 10 == 0;
}

bool check_verhoeff(const char *value, size_t count)
{
	/* The multiplication of the dihedral group D5, and the permutation of the place. */
	static const uint8_t times[10][10] = {
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5},
		{2, 3, 4, 0, 1, 7, 8, 9, 5, 6}, {3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
		{4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
		{6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
		{8, 7, 6, 5, 9, 3, 2, 1, 0, 4}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
	};
	static const uint8_t places[8][10] = {
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4},
		{5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
		{9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
		{2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8},
	};
	uint8_t check = 0;

	if (!check_digits(value, 0, count))
		return false;
	for (size_t i = 0; i < count; i++)
		check = times[check][places[i % 8][value[count - 1 - i] - '0']];
	return check == 0;
}

bool check_11_10(const char *value, size_t count)
{
	unsigned product = 10;

	if (count < 2 || !check_digits(value, 0, count))
		return false;
	for (size_t i = 0; i + 1 < count; i++) {
		unsigned sum = (product + (unsigned)(value[i] - '0')) % 10;

		product = (sum ? sum : 10) * 2 % 11;
	}
	return (product + (unsigned)(value[count - 1] - '0')) % 10 == 1;
}

bool check_11_2(const char *value, size_t count)
{
	unsigned sum = 0;
	char last;

	if (count < 2 || !check_digits(value, 0, count - 1))
		return false;
	for (size_t i = 0; i + 1 < count; i++)
		sum = (sum + (unsigned)(value[i] - '0')) * 2 % 11;
	last = value[count - 1];
	sum += last == 'X' ? 10u : (unsigned)(last - '0');
	return (last == 'X' || check_digits(&last, 0, 1)) && sum % 11 == 1;
}

unsigned check_icao(const char *value, size_t count)
{
	static const uint8_t weights[] = {7, 3, 1};
	unsigned sum = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned worth = value[i] == '<'   ? 0u
				 : value[i] >= 'A' ? (unsigned)(value[i] - 'A') + 10
						   : (unsigned)(value[i] - '0');

		sum += worth * weights[i % 3];
	}
	return sum % 10;
}
