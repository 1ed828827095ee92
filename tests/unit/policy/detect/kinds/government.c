/* Tests policy/detect/kinds/government*.c: official numbers with a label and without, through the whole scanner, and what is none */
#include "tests/unit/policy/detect/kinds/found.h"

static void identities_are_found(void **state)
{
	static const struct found rows[] = {
		{"his 219-09-9999 on file", "219-09-9999"},
		{"SSN: 219099999", "219099999"},
		{"social security number is 219 09 9999.", "219 09 9999"},
		{"NI number: AB123456C", "AB123456C"},
		{"my NINO AB 12 34 56 C", "AB 12 34 56 C"},
		{"AB 12 34 56 C", "AB 12 34 56 C"},
		{"PPS number 1234567T", "1234567T"},
		{"DNI 12345678Z", "12345678Z"},
		{"ref 12345678Z", "12345678Z"},
		{"con NIE X-1234567-L", "X-1234567-L"},
		{"RSSMRA85T10A562S", "RSSMRA85T10A562S"},
		{"codice fiscale: rssmra85t10a562s", "rssmra85t10a562s"},
		{"NIR 2 55 08 14 168 025 38", "2 55 08 14 168 025 38"},
		{"numéro de sécurité sociale : 255081416802538", "255081416802538"},
		{"AHV 756.9217.0769.85", "756.9217.0769.85"},
		{"Rentenversicherungsnummer 15 070649 C 103", "15 070649 C 103"},
		{"SVNR 1237 010180", "1237 010180"},
		{"BSN: 111222333", "111222333"},
		{"rijksregisternummer 85.07.30-033.28", "85.07.30-033.28"},
		{"PESEL 44051401359", "44051401359"},
		{"rodné číslo: 710319/2745", "710319/2745"},
		{"CNP 1800101221144", "1800101221144"},
		{"personnummer 811228-9874", "811228-9874"},
		{"personnummer: 19811228-9874", "19811228-9874"},
		{"hetu 131052-308T", "131052-308T"},
		{"henkilötunnus: 131052A308T", "131052A308T"},
		{"CPR-nr. 211062-5629", "211062-5629"},
		{"fødselsnummer 15108695088", "15108695088"},
		{"kennitala 120174-3399", "120174-3399"},
		{"Aadhaar: 234567890124", "234567890124"},
		{"he said 234567890124.", "234567890124"},
		{"card 2345 6789 0124 seen", "2345 6789 0124"},
		{"CURP GODE561231HDFRLN08", "GODE561231HDFRLN08"},
		{"SIN 130 692 544", "130 692 544"},
		{"11010519491231002X", "11010519491231002X"},
		{"身份证号码：11010519491231002X", "11010519491231002X"},
		{"NRIC S1234567D", "S1234567D"},
		{"HKID: A123456(3)", "A123456(3)"},
		{"身分證字號 A123456789", "A123456789"},
		{"マイナンバー: 1234 5678 9018", "1234 5678 9018"},
		{"주민등록번호 900101-1234567", "900101-1234567"},
		{"MyKad 900101-14-5678", "900101-14-5678"},
		{"ID number: 8501015009086", "8501015009086"},
		{"TC Kimlik No: 10000000146", "10000000146"},
		{"СНИЛС 112-233-445 95", "112-233-445 95"},
		{"Personalausweisnummer: YTPFPH16V3", "YTPFPH16V3"},
		{"Personalausweis: L01X00T471", "L01X00T471"},
		{"national_id,AB-4471920", "AB-4471920"},
	};

	(void)state;
	found_check(CLASS_NATIONAL_ID, rows, BL_COUNT(rows));
}

static void tax_numbers_are_found(void **state)
{
	static const struct found rows[] = {
		{"ITIN 912-70-1234", "912-70-1234"},
		{"EIN: 12-3456789", "12-3456789"},
		{"UTR 1234567890", "1234567890"},
		{"Steuer-ID: 86 095 742 719", "86 095 742 719"},
		{"Steuernummer 181/815/08155", "181/815/08155"},
		{"P.IVA 00743110157", "00743110157"},
		{"NIF: 123456789", "123456789"},
		{"NIP 123-456-32-18", "123-456-32-18"},
		{"ΑΦΜ 094259216", "094259216"},
		{"OIB: 33392005961", "33392005961"},
		{"529.982.247-25", "529.982.247-25"},
		{"CPF 52998224725", "52998224725"},
		{"CNPJ: 11.222.333/0001-81", "11.222.333/0001-81"},
		{"CUIT 20-12345678-6", "20-12345678-6"},
		{"RUT 12.345.678-5", "12.345.678-5"},
		{"RFC: GODE561231GR8", "GODE561231GR8"},
		{"PAN ABCPE1234F", "ABCPE1234F"},
		{"TFN: 123 456 782", "123 456 782"},
		{"ABN 51 824 753 556", "51 824 753 556"},
		{"IRD number 49-091-850", "49-091-850"},
		{"ИНН 7707083893", "7707083893"},
		{"VAT no GB 123 4567 89", "GB 123 4567 89"},
	};

	(void)state;
	found_check(CLASS_TAX_ID, rows, BL_COUNT(rows));
}

static void passports_are_found(void **state)
{
	static const struct found rows[] = {
		{"passport number 912803456", "912803456"},
		{"US Passport: A12345678", "A12345678"},
		{"Passport No. AB123456", "AB123456"},
		{"numéro de passeport : 14AB12345", "14AB12345"},
		{"Reisepassnummer C01X00T47", "C01X00T47"},
		{"pasaporte AAA123456", "AAA123456"},
		{"passaporto YA1234567", "YA1234567"},
		{"паспорт 45 12 345678", "45 12 345678"},
		{"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"
		 "\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
		 "L898902C36UTO7408122F1204159ZE184226B<<<<<10"},
		{"I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<"
		 "MARIA<<<<<<<<<<",
		 "UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<"
		 "MARIA<<<<<<<<<<"},
	};

	(void)state;
	found_check(CLASS_PASSPORT, rows, BL_COUNT(rows));
}

static void licences_are_found(void **state)
{
	static const struct found rows[] = {
		{"driving licence MORGA657054SM9IJ", "MORGA657054SM9IJ"},
		{"Driver's License: D1234567", "D1234567"},
		{"DL# 123456789", "123456789"},
		{"drivers license A123-456-78-901-0", "A123-456-78-901-0"},
		{"Ontario licence no. A1234-56789-01234", "A1234-56789-01234"},
		{"Führerscheinnummer B072RRE2I55", "B072RRE2I55"},
		{"permis de conduire 14AA00002", "14AA00002"},
		{"patente di guida U1H72X839B", "U1H72X839B"},
		{"DL No MH12 20110012345", "MH12 20110012345"},
	};

	(void)state;
	found_check(CLASS_DRIVING_LICENCE, rows, BL_COUNT(rows));
}

static void what_looks_alike_is_left(void **state)
{
	static const struct found rows[] = {
		{"at 1700000000 and 1700000000123", NULL},
		{"6ba7b810-9dad-11d1-80b4-00c04fd430c8", NULL},
		{"oid 1.3.6.1.4.1.311.21.8", NULL},
		{"version 10.0.19045.3803, build 22631", NULL},
		{"d41d8cd98f00b204e9800998ecf8427e", NULL},
		{"part 12345678a, 44051401359, 8501015009086", NULL},
		{"serial 5CD1234ABC order 111222333", NULL},
		{"IMG_20260302_101112.jpg", NULL},
		{"area 000-12-1234, 666-12-1234, 123-00-4567", NULL},
		{"card 4111 1111 1111 1111", NULL},
		{"2345 6789 0125", NULL},
		{"#234567890124, x-234567890124, 234567890124-7", NULL},
		{"203001010101 and 202603021011", NULL},
		{"12345678A", NULL},
		{"529.982.247-26", NULL},
		{"RSSMRA85T10A562T", NULL},
		{"110105194912310021", NULL},
		{"the pass rate on 2026-03-02 was 99.95", NULL},
		{"passport expires 2031-03-02", NULL},
		{"national id card was issued", NULL},
		{"numbers 4006381333931 and 7569217076986", NULL},
	};
	static const enum bl_class classes[] = {CLASS_NATIONAL_ID, CLASS_TAX_ID, CLASS_PASSPORT,
						CLASS_DRIVING_LICENCE, CLASS_HEALTH_ID};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(classes); i++)
		found_check(classes[i], rows, BL_COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identities_are_found),	    cmocka_unit_test(tax_numbers_are_found),
		cmocka_unit_test(passports_are_found),	    cmocka_unit_test(licences_are_found),
		cmocka_unit_test(what_looks_alike_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
