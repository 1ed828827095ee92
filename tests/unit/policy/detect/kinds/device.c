/* Tests policy/detect/kinds/device.c: what tells one device from all others */
#include "tests/unit/policy/detect/kinds/found.h"

static void devices_are_found_by_label(void **state)
{
	static const struct found rows[] = {
		{"IMEI 490154203237518", "490154203237518"},
		{"IMEI: 49-015420-323751-8", "49-015420-323751-8"},
		{"IMEI 1: 490154203237518", "490154203237518"},
		{"IMEI 490154203237519", NULL},
		{"IMEI 000000000000000", NULL},
		{"imeisv 4901542032375186", "4901542032375186"},
		{"490154203237518", NULL},
		{"device 356938035643809", "356938035643809"},
		{"device 956938035643803", NULL},
		{"MEID A0000000123456", "A0000000123456"},
		{"ICCID 8944500102198304826", "8944500102198304826"},
		{"SIM card 8944 5001 0219 8304 826", "8944 5001 0219 8304 826"},
		{"ICCID 7944500102198304826", NULL},
		{"ICCID 8901260862291477114", "8901260862291477114"},
		{"IMSI 234150999999999", "234150999999999"},
		{"IMSI 034150999999999", NULL},
		{"S/N: C02XK0AAJG5H", "C02XK0AAJG5H"},
		{"serial number is F2LX1234ABCD", "F2LX1234ABCD"},
		{"serial_number=5CD1234XYZ", "5CD1234XYZ"},
		{"Seriennummer ABC-123456", "ABC-123456"},
		{"numéro de série : R58M123ABCD", "R58M123ABCD"},
		{"número de serie 4711-0815", "4711-0815"},
		{"serial number is required for model A1234", NULL},
		{"serial port of 2024", NULL},
		{"C02XK0AAJG5H", NULL},
		{"UDID 00008030-001C2D3E0123802E", "00008030-001C2D3E0123802E"},
		{"IDFA 6D92078A-8246-4BA4-AE5B-76104861E7DC",
		 "6D92078A-8246-4BA4-AE5B-76104861E7DC"},
		{"id 6D92078A-8246-4BA4-AE5B-76104861E7DC", NULL},
		{"1700000000000", NULL},
	};

	(void)state;
	found_check(CLASS_IMEI, rows, BL_COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_are_found_by_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
