/* Tests policy/detect/kinds/iban.c: IBANs in several cases and spacings */
#include "tests/unit/policy/detect/kinds/found.h"

static void ibans_are_found_however_they_are_spaced(void **state)
{
	static const struct found rows[] = {
		{"GB82WEST12345698765432", "GB82WEST12345698765432"},
		{"IBAN GB82 WEST 1234 5698 7654 32, ok", "GB82 WEST 1234 5698 7654 32"},
		{"gb82 west 1234 5698 7654 32", "gb82 west 1234 5698 7654 32"},
		{"Gb82-West-1234-5698-7654-32", "Gb82-West-1234-5698-7654-32"},
		{"IBANDE89370400440532013000", "DE89370400440532013000"},
		{"iban:DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"},
		{"DE 89 3704 0044 0532 0130 00", NULL},
		{"NO9386011117947", "NO9386011117947"},
		{"MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001S"},
		{"FR1420041010050500013M02606", "FR1420041010050500013M02606"},
		{"LC55HEMM000100010012001200023015", "LC55HEMM000100010012001200023015"},
	};

	(void)state;
	found_check(CLASS_IBAN, rows, BL_COUNT(rows));
}

static void what_only_looks_like_an_iban_stays(void **state)
{
	static const struct found rows[] = {
		{"GB82WEST12345698765433", NULL},
		{"GB82WEST1234569876543", NULL},
		{"GB82WEST123456987654321", NULL},
		{"XX82WEST12345698765432", NULL},
		{"AGB82WEST12345698765432", NULL},
		{"DE89370400440532013001", NULL},
		{"GB82", NULL},
	};

	(void)state;
	found_check(CLASS_IBAN, rows, BL_COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ibans_are_found_however_they_are_spaced),
		cmocka_unit_test(what_only_looks_like_an_iban_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
