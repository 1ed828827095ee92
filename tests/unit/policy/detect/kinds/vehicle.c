/* Tests policy/detect/kinds/vehicle.c: vehicles by number and plate */
#include "tests/unit/policy/detect/kinds/found.h"

static void a_vin_with_its_check_digit_needs_no_label(void **state)
{
	static const struct found rows[] = {
		{"1M8GDM9AXKP042788", "1M8GDM9AXKP042788"},
		{"car 1HGCM82633A004352 sold", "1HGCM82633A004352"},
		{"1M8GDM9A1KP042788", NULL},
		{"WVWZZZ1JZ3W386752", NULL},
		{"VIN: WVWZZZ1JZ3W386752", "WVWZZZ1JZ3W386752"},
		{"vin wvwzzz1jz3w386752", "wvwzzz1jz3w386752"},
		{"Fahrgestellnummer WDB1240261B123456", "WDB1240261B123456"},
		{"châssis VF1BB0A0H12345678", "VF1BB0A0H12345678"},
		{"VIN WVWZZZ1JZ3W38675", NULL},
		{"VIN OVWZZZ1JZ3W386752", NULL},
		{"VIN ABCDEFGHJKLMNPRST", NULL},
		{"11111111111111111", NULL},
		{"a-1M8GDM9AXKP042788", NULL},
	};

	(void)state;
	found_check(CLASS_VIN, rows, BL_COUNT(rows));
}

static void plates_are_found_by_label(void **state)
{
	static const struct found rows[] = {
		{"license plate 7ABC123", "7ABC123"},
		{"number plate: ab12 cde", "ab12 cde"},
		{"reg no. AB12 CDE", "AB12 CDE"},
		{"Kennzeichen B-AB 1234", "B-AB 1234"},
		{"Kennzeichen: M-XY 123E", "M-XY 123E"},
		{"immatriculation AA-123-AA", "AA-123-AA"},
		{"matrícula 1234 BCD", "1234 BCD"},
		{"targa AB 123 CD", "AB 123 CD"},
		{"kenteken 12-ABC-3", "12-ABC-3"},
		{"placa BRA2E19", "BRA2E19"},
		{"numer rejestracyjny WA 12345", "WA 12345"},
		{"the plate of the blue car was AB12 CDE", "AB12 CDE"},
		{"reg for 2024", NULL},
		{"the plate was cleaned in 2024", NULL},
		{"AB12 CDE", NULL},
		{"plate number required", NULL},
		{"plates of 12 mm and 25 mm", NULL},
	};

	(void)state;
	found_check(CLASS_PLATE, rows, BL_COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vin_with_its_check_digit_needs_no_label),
		cmocka_unit_test(plates_are_found_by_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
