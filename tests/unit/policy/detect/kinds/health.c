/* Tests policy/detect/kinds/health.c: numbers of patients and of those who treat them, and what is none */
#include "tests/unit/policy/detect/kinds/found.h"

static void health_numbers_are_found(void **state)
{
	static const struct found rows[] = {
		{"NPI 1234567893", "1234567893"},
		{"Medicare: 1EG4-TE5-MK73", "1EG4-TE5-MK73"},
		{"DEA number BB1388568", "BB1388568"},
		{"MRN: 00451287", "00451287"},
		{"medical record number MR-448120", "MR-448120"},
		{"Medicaid ID AB12345C", "AB12345C"},
		{"member id: XYZ123456789", "XYZ123456789"},
		{"NHS number 943 476 5919", "943 476 5919"},
		{"NHS No: 9434765919", "9434765919"},
		{"OHIP 9876-543-217", "9876-543-217"},
		{"RAMQ BOUF 9411 2818", "BOUF 9411 2818"},
		{"Krankenversichertennummer: A123456780", "A123456780"},
		{"Krankenkasse, A123456780", "A123456780"},
		{"TAJ szám 111 111 110", "111 111 110"},
		{"ΑΜΚΑ 01013099997", "01013099997"},
		{"Medicare card 2123 45670 1", "2123 45670 1"},
		{"NHI ZZZ0016", "ZZZ0016"},
		{"CNS 700 0012 3456 7800", "700 0012 3456 7800"},
		{"patient_id=7782190", "7782190"},
		{"insurance number is 88-1234567", "88-1234567"},
	};

	(void)state;
	found_check(CLASS_HEALTH_ID, rows, BL_COUNT(rows));
}

static void what_looks_alike_is_left(void **state)
{
	static const struct found rows[] = {
		{"1234567893 and 9434765919", NULL},
		{"NPI 1234567890", NULL},
		{"patient seen 2026-03-02", NULL},
		{"patient number unknown, mail a@example.org", NULL},
		{"medical records are kept", NULL},
		{"medical record number: n/a", NULL},
		{"the member ids were hashed", NULL},
	};

	(void)state;
	found_check(CLASS_HEALTH_ID, rows, BL_COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(health_numbers_are_found),
		cmocka_unit_test(what_looks_alike_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
