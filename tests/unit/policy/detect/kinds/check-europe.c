/* Tests policy/detect/kinds/check-europe.c: published and computed numbers pass, every changed digit the check promises to catch fails */
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
		/* value, and how many of its single-digit changes may pass: all must fail but where the standard says less */
		{"gb-nino", check_gb_nino, "AB123456C", 54},
		{"gb-nhs", check_gb_nhs, "9434765919", 0},
		{"gb-nhs", check_gb_nhs, "4010232137", 0},
		{"gb-licence", check_gb_licence, "MORGA657054SM9IJ", 99},
		{"ie-ppsn", check_ie_ppsn, "1234567T", 0},
		{"ie-ppsn", check_ie_ppsn, "1234567FA", 0},
		{"de-tax", check_de_tax, "86095742719", 0},
		{"de-tax", check_de_tax, "47036892816", 0},
		{"de-vat", check_de_vat, "DE136695976", 0},
		{"de-pension", check_de_pension, "15070649C103", 12},
		{"de-health", check_de_health, "A123456780", 6},
		{"de-document", check_de_document, "T220001293", 0},
		{"de-document", check_de_document, "L01X00T471", 0},
		{"at-svnr", check_at_svnr, "1237010180", 0},
		{"ch-ahv", check_ch_ahv, "7569217076985", 0},
		{"fr-nir", check_fr_nir, "255081416802538", 0},
		{"fr-nir", check_fr_nir, "187022A00100125", 99},
		{"es-dni", check_es_dni, "12345678Z", 0},
		{"es-nie", check_es_dni, "X1234567L", 0},
		{"es-cif", check_es_cif, "A58818501", 0},
		{"es-nif", check_es_nif, "ESA58818501", 0},
		{"es-social", check_es_social, "281234567840", 0},
		{"it-cf", check_it_cf, "RSSMRA85T10A562S", 0},
		{"it-iva", check_it_iva, "00743110157", 0},
		{"it-iva", check_it_iva, "IT00743110157", 0},
		{"pt-nif", check_pt_nif, "123456789", 1},
		{"nl-bsn", check_nl_bsn, "111222333", 0},
		{"nl-bsn", check_nl_bsn, "123456782", 0},
		{"be-rn", check_be_rn, "85073003328", 1},
		{"be-vat", check_be_vat, "0403019261", 0},
		{"lu-matricule", check_lu_matricule, "1893120105732", 0},
		{"pl-pesel", check_pl_pesel, "44051401359", 0},
		{"pl-nip", check_pl_nip, "1234563218", 0},
		{"pl-regon", check_pl_regon, "123456785", 1},
		{"pl-regon", check_pl_regon, "12345678512347", 1},
		{"pl-dowod", check_pl_dowod, "ABA300000", 0},
		{"cz-rc", check_cz_rc, "7103192745", 0},
		{"hu-taj", check_hu_taj, "111111110", 0},
		{"ro-cnp", check_ro_cnp, "1800101221144", 3},
		{"bg-egn", check_bg_egn, "7523169263", 0},
		{"gr-afm", check_gr_afm, "094259216", 2},
		{"gr-afm", check_gr_afm, "EL094259216", 2},
		{"gr-amka", check_gr_amka, "01013099997", 0},
		{"hr-oib", check_hr_oib, "33392005961", 0},
		{"jmbg", check_jmbg, "0101006500006", 0},
		{"ee-code", check_ee_code, "37605030299", 1},
		{"lt-code", check_ee_code, "38703181745", 1},
		{"lv-code", check_lv_code, "16117519997", 3},
		{"se-pnr", check_se_pnr, "8112289874", 0},
		{"se-pnr", check_se_pnr, "198112289874", 1},
		{"fi-hetu", check_fi_hetu, "131052308T", 0},
		{"fi-hetu", check_fi_hetu, "131052A308T", 0},
		{"dk-cpr", check_dk_cpr, "2110625629", 99},
		{"no-fnr", check_no_fnr, "15108695088", 0},
		{"is-kt", check_is_kt, "1201743399", 2},
		{"ru-inn", check_ru_inn, "7707083893", 1},
		{"ru-inn", check_ru_inn, "500100732259", 1},
		{"ru-snils", check_ru_snils, "11223344595", 0},
		{"ua-tax", check_ua_tax, "1759013776", 2},
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
		{"gb-nino", check_gb_nino, "BG123456A", 0},
		{"gb-nino", check_gb_nino, "DA123456A", 0},
		{"gb-nino", check_gb_nino, "AO123456A", 0},
		{"gb-nino", check_gb_nino, "AB123456E", 0},
		{"gb-nhs", check_gb_nhs, "0000000000", 0},
		{"gb-nhs", check_gb_nhs, "943476591", 0},
		{"gb-chi", check_gb_chi, "9434765919", 0},
		{"gb-licence", check_gb_licence, "MORGA613054SM9IJ", 0},
		{"de-tax", check_de_tax, "06095742719", 0},
		{"de-tax", check_de_tax, "12345678903", 0},
		{"at-svnr", check_at_svnr, "1237310280", 0},
		{"ch-ahv", check_ch_ahv, "4006381333931", 0},
		{"es-dni", check_es_dni, "12345678A", 0},
		{"it-cf", check_it_cf, "RSSMRA85T45A562S", 0},
		{"nl-bsn", check_nl_bsn, "000000000", 0},
		{"pl-pesel", check_pl_pesel, "44053401359", 0},
		{"cz-rc", check_cz_rc, "7102302745", 0},
		{"ro-cnp", check_ro_cnp, "1800230221144", 0},
		{"se-pnr", check_se_pnr, "8113289874", 0},
		{"fi-hetu", check_fi_hetu, "310252308T", 0},
		{"dk-cpr", check_dk_cpr, "3102625629", 0},
		{"no-fnr", check_no_fnr, "15138695088", 0},
		/* epoch milliseconds, a part number, a moment */
		{"pl-pesel", check_pl_pesel, "17000000000", 0},
		{"hr-oib", check_hr_oib, "12345678901", 0},
		{"fr-nir", check_fr_nir, "202603021011123", 0},
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
