/* Tests policy/detect/kinds/check-asia.c: published and computed numbers pass, changed digits do not */
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
		{"in-aadhaar", check_in_aadhaar, "234567890124", 0},
		{"in-aadhaar", check_in_aadhaar, "999941090814", 0},
		{"in-pan", check_in_pan, "ABCPE1234F", 99},
		{"in-gstin", check_in_gstin, "27AAPFU0939F1ZV", 2},
		{"sg-nric", check_sg_nric, "S1234567D", 0},
		{"sg-nric", check_sg_nric, "T1234567J", 0},
		{"sg-nric", check_sg_nric, "F1234567N", 0},
		{"sg-nric", check_sg_nric, "G1234567X", 0},
		{"sg-nric", check_sg_nric, "M1234567K", 0},
		{"au-tfn", check_au_tfn, "123456782", 0},
		{"au-medicare", check_au_medicare, "2123456701", 99},
		{"au-abn", check_au_abn, "51824753556", 0},
		{"nz-ird", check_nz_ird, "49091850", 1},
		{"nz-ird", check_nz_ird, "136410132", 8},
		{"nz-nhi", check_nz_nhi, "ZZZ0016", 0},
		{"nz-nhi", check_nz_nhi, "ZBN77VL", 2},
		{"nz-nhi", check_nz_nhi, "ALU18KZ", 2},
		{"cn-id", check_cn_id, "11010519491231002X", 0},
		{"cn-id", check_cn_id, "440524188001010014", 0},
		{"hk-id", check_hk_id, "A1234563", 0},
		{"hk-id", check_hk_id, "AB9876543", 0},
		{"tw-id", check_tw_id, "A123456789", 7},
		{"jp-my-number", check_jp_my_number, "123456789018", 2},
		{"kr-rrn", check_kr_rrn, "9001011234567", 99},
		{"th-id", check_th_id, "1101700230708", 9},
		{"my-nric", check_my_nric, "900101145678", 99},
		{"id-nik", check_id_nik, "3174014101900001", 99},
		{"za-id", check_za_id, "8501015009086", 0},
		{"il-id", check_il_id, "000000018", 0},
		{"il-id", check_il_id, "123456782", 0},
		{"tr-tc", check_tr_tc, "10000000146", 0},
		{"kz-iin", check_kz_iin, "850101350120", 99},
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
		{"in-aadhaar", check_in_aadhaar, "134567890124", 0},
		{"in-pan", check_in_pan, "ABCXE1234F", 0},
		{"sg-nric", check_sg_nric, "S1234567E", 0},
		{"cn-id", check_cn_id, "110105194902310021", 0},
		{"cn-id", check_cn_id, "11010519491331002X", 0},
		{"tw-id", check_tw_id, "A323456789", 0},
		{"my-nric", check_my_nric, "901301145678", 0},
		{"my-nric", check_my_nric, "900101005678", 0},
		{"id-nik", check_id_nik, "3174013201900001", 0},
		{"za-id", check_za_id, "8513015009086", 0},
		{"kr-rrn", check_kr_rrn, "9013011234567", 0},
		{"tr-tc", check_tr_tc, "00000000146", 0},
		{"au-medicare", check_au_medicare, "1123456701", 0},
		{"au-tfn", check_au_tfn, "000000000", 0},
		{"th-id", check_th_id, "1700000000000", 0},
		{"au-abn", check_au_abn, "17000000000", 0},
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
