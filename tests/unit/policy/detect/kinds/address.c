/* Tests policy/detect/kinds/address.c: streets with their numbers, what follows
 * them, postcodes */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/detect/kind.h"
#include "tests/unit/policy/detect/kinds/hidden.h"

static void check_rows(const struct row *rows, size_t count)
{
	check_hidden(CLASS_BIT(CLASS_ADDRESS) | CLASS_BIT(CLASS_POSTCODE), rows, count);
}

static void english_addresses_are_one_span(void **state)
{
	static const struct row rows[] = {
		{"I live at 6750 Harbour Street Apt. 864, Springfield, CO 80202.",
		 "6750 Harbour Street Apt. 864, Springfield, CO 80202"},
		{"Flat 2, 14 High Road, London SW1A 1AA", "Flat 2, 14 High Road, London SW1A 1AA"},
		{"123 Main St, Springfield, IL 62704-1234, USA",
		 "123 Main St, Springfield, IL 62704-1234, USA"},
		{"at 221B Baker Street", "221B Baker Street"},
		{"P.O. Box 123, Denver, CO 80202", "P.O. Box 123, Denver, CO 80202"},
		{"24 Queen Street West, Toronto, ON M5V 2T6",
		 "24 Queen Street West, Toronto, ON M5V 2T6"},
		{"100 George St, Sydney NSW 2000", "100 George St, Sydney NSW 2000"},
		{"12 MG Road, Bengaluru 560 001", "12 MG Road, Bengaluru 560 001"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows));
}

static void addresses_of_other_countries_are_one_span(void **state)
{
	static const struct row rows[] = {
		{"12 rue de la Paix, 75002 Paris", "12 rue de la Paix, 75002 Paris"},
		{"Hauptstraße 12a\n80331 München", "Hauptstraße 12a\n80331 München"},
		{"Calle Mayor 5, 3º B, 28013 Madrid", "Calle Mayor 5, 3º B, 28013 Madrid"},
		{"Via Roma 10, 00184 Roma", "Via Roma 10, 00184 Roma"},
		{"Keizersgracht 123, 1015 CJ Amsterdam", "Keizersgracht 123, 1015 CJ Amsterdam"},
		{"ul. Długa 5/7, 00-238 Warszawa", "ul. Długa 5/7, 00-238 Warszawa"},
		{"Rua Augusta 1508, São Paulo - SP, 01304-001",
		 "Rua Augusta 1508, São Paulo - SP, 01304-001"},
		{"Storgatan 4, 111 22 Stockholm", "Storgatan 4, 111 22 Stockholm"},
		{"Berliner Straße 12, D-10115 Berlin", "Berliner Straße 12, D-10115 Berlin"},
		{"Postfach 12 34, 80331 München", "Postfach 12 34, 80331 München"},
		{"Unter den Linden 77, 10117 Berlin", "Unter den Linden 77, 10117 Berlin"},
		{"Mannerheimintie 5 A, 00100 Helsinki", "Mannerheimintie 5 A, 00100 Helsinki"},
		{"Bahnhofstrasse 21, 8001 Zürich", "Bahnhofstrasse 21, 8001 Zürich"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows));
}

static void postcodes_are_found_by_shape_or_label(void **state)
{
	static const struct row rows[] = {
		{"Postcode SW1A 1AA now", "SW1A 1AA"},
		{"to K1A 0B1.", "K1A 0B1"},
		{"Eircode: D02 AF30.", "D02 AF30"},
		{"ZIP 12345.", "12345"},
		{"in D-80331 München", "D-80331"},
		{"1012 AB Amsterdam", "1012 AB"},
		{"in CO 80202-1234", "80202-1234"},
		{"PLZ: 80331", "80331"},
		{"Postcode: SW1A1AA, zip K1A0B1", "SW1A1AA|K1A0B1"},
		{"Zip on WIN32 and eircode D02AF30", "D02AF30"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows));
}

static void streets_without_numbers_and_parts_are_none(void **state)
{
	static const struct row rows[] = {
		{"Section 12. Main Street. 12 May.", ""},
		{"via 3, la rue est longue, Platz 3", ""},
		{"500 GB Hard Drive, 3 Drive Bays", ""},
		{"Step 2 Place the Loop here", ""},
		{"5 files per way, the Main Street", ""},
		{"Z1A 1A1 D1A 1A1 QQ1 1AA 1024 MB Cache", ""},
		{"550e8400-e29b-41d4-a716-446655440000", ""},
		{"1.3.6.1.4.1.311 v2.10.3", ""},
		{"CAP_IAB 3 2021-11-17", ""},
		{"Address, Alignment, 0", ""},
		{"IMG_20240131_120000.jpg 1700000000", ""},
		{"Windows 10, 2004 Update", ""},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(english_addresses_are_one_span),
		cmocka_unit_test(addresses_of_other_countries_are_one_span),
		cmocka_unit_test(postcodes_are_found_by_shape_or_label),
		cmocka_unit_test(streets_without_numbers_and_parts_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
