/* Tests policy/detect/kinds/check-americas.c: published and computed numbers pass, changed digits do not */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "policy/detect/kinds/check.h"

#include "tests/unit/policy/detect/kinds/checked.h"

static void valid_numbers_pass_and_changed_digits_do_not(void **state)
{
	static const struct checked rows[] = {
		{"us-ssn", check_us_ssn, "219099999", 99},
		{"us-itin", check_us_itin, "912701234", 99},
		{"us-atin", check_us_atin, "900931234", 99},
		{"us-ein", check_us_ein, "123456789", 99},
		{"us-npi", check_us_npi, "1234567893", 0},
		{"us-mbi", check_us_mbi, "1EG4TE5MK73", 99},
		{"us-dea", check_us_dea, "BB1388568", 99},
		{"us-dea", check_us_dea, "F91234563", 99},
		{"ca-sin", check_ca_sin, "046454286", 0},
		{"ca-sin", check_ca_sin, "130692544", 0},
		{"ca-ohip", check_ca_ohip, "9876543217", 0},
		{"ca-ramq", check_ca_ramq, "BOUF94112818", 99},
		{"mx-curp", check_mx_curp, "GODE561231HDFRLN08", 5},
		{"mx-rfc", check_mx_rfc, "GODE561231GR8", 99},
		{"mx-nss", check_mx_nss, "17103445890", 0},
		{"br-cpf", check_br_cpf, "52998224725", 0},
		{"br-cpf", check_br_cpf, "11144477735", 0},
		{"br-cnpj", check_br_cnpj, "11222333000181", 0},
		{"br-cnpj", check_br_cnpj, "12ABC34501DE35", 2},
		{"br-pis", check_br_pis, "12056412545", 2},
		{"br-cns", check_br_cns, "700001234567800", 9},
		{"ar-cuit", check_ar_cuit, "20123456786", 0},
		{"cl-rut", check_cl_rut, "123456785", 0},
		{"cl-rut", check_cl_rut, "10000013K", 0},
		{"ec-cedula", check_ec_cedula, "1710344589", 0},
	};
	unsigned failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		failed += !checked_row(&rows[i]);
	assert_int_equal(failed, 0);
}

static void what_cannot_be_is_refused(void **state)
{
	static const struct checked rows[] = {
		{"us-ssn", check_us_ssn, "000121234", 0},
		{"us-ssn", check_us_ssn, "666121234", 0},
		{"us-ssn", check_us_ssn, "900121234", 0},
		{"us-ssn", check_us_ssn, "123001234", 0},
		{"us-ssn", check_us_ssn, "123450000", 0},
		{"us-itin", check_us_itin, "912661234", 0},
		{"us-itin", check_us_itin, "812701234", 0},
		{"us-itin", check_us_itin, "912931234", 0},
		{"us-ein", check_us_ein, "071234567", 0},
		{"us-npi", check_us_npi, "3234567893", 0},
		{"us-mbi", check_us_mbi, "1SG4TE5MK73", 0},
		{"us-mbi", check_us_mbi, "0EG4TE5MK73", 0},
		{"us-dea", check_us_dea, "BB1388567", 0},
		{"ca-sin", check_ca_sin, "046454287", 0},
		{"mx-curp", check_mx_curp, "GODE561331HDFRLN08", 0},
		{"mx-curp", check_mx_curp, "GODE561231HXXRLN08", 0},
		{"br-cpf", check_br_cpf, "11111111111", 0},
		{"br-cnpj", check_br_cnpj, "00000000000000", 0},
		{"cl-rut", check_cl_rut, "12345678K", 0},
		{"us-npi", check_us_npi, "1700000000", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].check(rows[i].value, strlen(rows[i].value)))
			fail_msg("%s takes %s", rows[i].name, rows[i].value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_numbers_pass_and_changed_digits_do_not),
		cmocka_unit_test(what_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
