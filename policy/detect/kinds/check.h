/* check.h - check digits, dates and areas of official numbers; private to policy/detect
 *
 * Each takes letters (upper case) and digits, nothing else, of any length and order: what has another shape is refused.
 * A name is the country's and the number's; who defines it stands with its row in government*.c and health.c.
 */
#ifndef POLICY_DETECT_KINDS_CHECK_H
#define POLICY_DETECT_KINDS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what they are made of (check.c) --------------------------------------------------------------- */

/* check_digits - are [from, from + count) of a value that long digits? */
bool check_digits(const char *value, size_t from, size_t count);
/* check_number - the number they spell; at most 18 of them */
uint64_t check_number(const char *value, size_t from, size_t count);
/* check_sum - of the digits from @value on, each times its weight */
int check_sum(const char *value, const int8_t *weights, size_t count);
/* check_date - is there such a day? */
bool check_date(unsigned year, unsigned month, unsigned day);
/* check_short_date - the same, in some century */
bool check_short_date(unsigned year, unsigned month, unsigned day);
/* check_pair - two digits */
unsigned check_pair(const char *value);
/* check_luhn - ISO/IEC 7812-1, annex B */
bool check_luhn(const char *value, size_t count);
/* check_verhoeff - J. Verhoeff, Error Detecting Decimal Codes (1969) */
bool check_verhoeff(const char *value, size_t count);
/* check_11_10 - ISO 7064, MOD 11,10 */
bool check_11_10(const char *value, size_t count);
/* check_11_2 - ISO 7064, MOD 11-2: X is ten */
bool check_11_2(const char *value, size_t count);
/* check_icao - ICAO 9303-3, 4.9: the digit over [value, value + count), in which '<' is 0 */
unsigned check_icao(const char *value, size_t count);

/* ---- Europe (check-europe.c) ------------------------------------------------------------------------ */

typedef bool check_fn(const char *value, size_t count);
check_fn check_gb_nino, check_gb_nhs, check_gb_chi, check_gb_licence, check_ie_ppsn;
check_fn check_de_tax, check_de_pension, check_de_health, check_de_document, check_de_vat,
	check_at_svnr, check_ch_ahv;
check_fn check_fr_nir, check_es_dni, check_es_cif, check_es_nif, check_es_social, check_it_cf,
	check_it_iva, check_it_card;
check_fn check_pt_nif, check_nl_bsn, check_be_rn, check_be_vat, check_lu_matricule;
check_fn check_pl_pesel, check_pl_nip, check_pl_regon, check_pl_dowod, check_cz_rc, check_hu_taj;
check_fn check_ro_cnp, check_bg_egn, check_gr_afm, check_gr_amka, check_hr_oib, check_jmbg,
	check_ee_code, check_lv_code;
check_fn check_se_pnr, check_fi_hetu, check_dk_cpr, check_no_fnr, check_is_kt;
check_fn check_ru_inn, check_ru_snils, check_ua_tax;

/* ---- the Americas (check-americas.c) ------------------------------------------------------------------ */

check_fn check_us_ssn, check_us_itin, check_us_atin, check_us_ein, check_us_npi, check_us_mbi,
	check_us_dea;
check_fn check_ca_sin, check_ca_ohip, check_ca_ramq, check_mx_curp, check_mx_rfc, check_mx_nss;
check_fn check_br_cpf, check_br_cnpj, check_br_pis, check_br_cns, check_ar_cuit, check_cl_rut,
	check_ec_cedula;

/* ---- Asia, Oceania, Africa (check-asia.c) ---------------------------------------------------------------- */

check_fn check_in_aadhaar, check_in_pan, check_in_gstin, check_sg_nric;
check_fn check_au_tfn, check_au_medicare, check_au_abn, check_nz_ird, check_nz_nhi;
check_fn check_cn_id, check_hk_id, check_tw_id, check_jp_my_number, check_kr_rrn, check_th_id,
	check_my_nric;
check_fn check_id_nik, check_za_id, check_il_id, check_tr_tc, check_kz_iin;

#endif
