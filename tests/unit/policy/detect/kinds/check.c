/* Tests policy/detect/kinds/check.c: days that exist, and check digits against the schemes' own examples */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "policy/detect/kinds/check.h"

static void days_exist_or_do_not(void **state)
{
	static const struct {
		unsigned year, month, day;
		bool exists;
	} rows[] = {
		{2000, 2, 29, true},  {1900, 2, 29, false}, {2023, 2, 29, false},
		{2024, 2, 29, true},  {2024, 4, 31, false}, {2024, 12, 31, true},
		{2024, 13, 1, false}, {2024, 0, 1, false},  {2024, 1, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (check_date(rows[i].year, rows[i].month, rows[i].day) != rows[i].exists)
			fail_msg("%u-%u-%u", rows[i].year, rows[i].month, rows[i].day);
}

/* The last character that completes @text: exactly one of all there are, for @check. */
static void completes(bool (*check)(const char *, size_t), const char *text, const char *last)
{
	char value[32];
	size_t length = strlen(text);

	memcpy(value, text, length);
	for (const char *c = "0123456789X"; *c; c++) {
		value[length] = *c;
		if (check(value, length + 1) != (strchr(last, *c) != NULL))
			fail_msg("%s and %c", text, *c);
	}
}

static void check_digits_are_those_of_the_schemes(void **state)
{
	(void)state;
	completes(check_luhn, "7992739871", "3");
	completes(check_verhoeff, "236", "3");
	completes(check_verhoeff, "12345", "1");
	completes(check_11_10, "0794", "5");		 /* ISO 7064 */
	completes(check_11_2, "079", "X");		 /* ISO 7064 */
	completes(check_11_2, "11010519491231002", "X"); /* GB 11643 */
	assert_int_equal(check_icao("520727", 6), 3);	 /* ICAO 9303-3, 4.9 */
	assert_int_equal(check_icao("AB2134<<<", 9), 5);
}

/* Verhoeff finds every exchange of neighbours, which Luhn does but for 0 and 9. */
static void neighbours_exchanged_are_found(void **state)
{
	char value[] = "234567890124";

	(void)state;
	for (size_t i = 0; i + 1 < 12; i++) {
		char kept = value[i];

		value[i] = value[i + 1];
		value[i + 1] = kept;
		assert_false(check_verhoeff(value, 12));
		value[i + 1] = value[i];
		value[i] = kept;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_exist_or_do_not),
		cmocka_unit_test(check_digits_are_those_of_the_schemes),
		cmocka_unit_test(neighbours_exchanged_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
