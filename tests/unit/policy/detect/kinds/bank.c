/* Tests policy/detect/kinds/bank.c: check digits of account numbers; one digit changed is never taken */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "policy/detect/kinds/bank.h"

static const struct {
	const char *name;
	kind_check_fn *check;
	const char *value;
} valid[] = {
	{"aba", bank_is_aba, "021000021"},
	{"aba", bank_is_aba, "011401533"},
	{"aba", bank_is_aba, "322271627"},
	{"rib", bank_is_rib, "30002005500000157845Z02"},
	{"rib", bank_is_rib, "20041010050500013M02606"},
	{"ccc", bank_is_ccc, "21000418450200051332"},
	{"cin", bank_is_it_bban, "X0542811101000000123456"},
	{"clabe", bank_is_clabe, "032180000118359719"},
	{"nrb", bank_is_nrb, "61109010140000071219812874"},
	{"be", bank_is_be, "539007547034"},
};

static void valid_numbers_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < BL_COUNT(valid); i++)
		if (!valid[i].check(valid[i].value, strlen(valid[i].value)))
			fail_msg("%s %s", valid[i].name, valid[i].value);
}

static void one_wrong_digit_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < BL_COUNT(valid); i++) {
		char value[32];
		size_t count = strlen(valid[i].value);

		for (size_t k = 0; k < count; k++) {
			strcpy(value, valid[i].value);
			if (!text_is_digit((uint8_t)value[k]))
				continue;
			value[k] = value[k] == '9' ? '0' : (char)(value[k] + 1);
			if (valid[i].check(value, count))
				fail_msg("%s %s", valid[i].name, value);
		}
	}
}

static void other_lengths_and_places_are_refused(void **state)
{
	static const struct {
		const char *name;
		kind_check_fn *check;
		const char *value;
	} rows[] = {
		{"aba", bank_is_aba, "02100002"},
		{"aba", bank_is_aba, "000000000"},
		{"aba", bank_is_aba, "990000005"}, /* no such district */
		{"blz", bank_is_blz, "97040044"},
		{"blz", bank_is_blz, "3704004"},
		{"rib", bank_is_rib, "30002005500000157845Z0"},
		{"ccc", bank_is_ccc, "00000000000000000000"},
		{"cin", bank_is_it_bban, "10542811101000000123456"},
		{"clabe", bank_is_clabe, "03218000011835971"},
		{"bic", bank_is_bic, "TRANSFER"},
		{"bic", bank_is_bic, "DEUTDEF"},
		{"bic", bank_is_bic, "1234DE12"},
		{"bic", bank_is_bic, "ABCDEDFF"}, /* two countries side by side are none */
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (rows[i].check(rows[i].value, strlen(rows[i].value)))
			fail_msg("%s %s", rows[i].name, rows[i].value);
	assert_true(bank_is_bic("DEUTDEFF", 8));
	assert_true(bank_is_bic("NWBKGB2LXXX", 11));
	assert_true(bank_is_blz("37040044", 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_numbers_are_taken),
		cmocka_unit_test(one_wrong_digit_is_told),
		cmocka_unit_test(other_lengths_and_places_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
