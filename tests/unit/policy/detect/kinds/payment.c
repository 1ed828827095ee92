/* Tests policy/detect/kinds/payment.c: stripes, codes and PINs of cards, accounts of banks */
#include "tests/unit/policy/detect/kinds/found.h"

static void stripes_are_told_from_cards(void **state)
{
	static const struct found rows[] = {
		{"%B4111111111111111^DOE/JANE^25121010000000000000?",
		 "B4111111111111111^DOE/JANE^25121010000000000000?"},
		{";4111111111111111=25121010000000000000?",
		 "4111111111111111=25121010000000000000?"},
		{"57 13 4111111111111111D25121010000000000000F",
		 "4111111111111111D25121010000000000000F"},
		{"%B4111111111111112^DOE/JANE^25121010000000000000?", NULL},
		{"%B4111111111111111^DOE/JANE^25131010000000000000?", NULL},
		{"4111111111111111=251", NULL},
		{"x=4111111111111111", NULL},
	};

	(void)state;
	found_check(CLASS_CARD_TRACK, rows, BL_COUNT(rows));
}

static void security_codes_stand_right_behind_their_label(void **state)
{
	static const struct found rows[] = {
		{"CVV: 123", "123"},
		{"cvv2 1234", "1234"},
		{"CVC 123", "123"},
		{"the cvc code is 456.", "456"},
		{"CID=1234", "1234"},
		{"\"securityCode\": \"789\"", "789"},
		{"Prüfziffer 123", "123"},
		{"Kartenprüfnummer: 123", "123"},
		{"cryptogramme 321", "321"},
		{"code de sécurité : 456", "456"},
		{"código de seguridad 987", "987"},
		{"security code section 404 applies", NULL},
		{"CVV required on order 456", NULL},
		{"cvv 12", NULL},
		{"cvv 12345", NULL},
		{"cvv 1.234", NULL},
		{"cvv 123:45", NULL},
		{"123 456", NULL},
	};

	(void)state;
	found_check(CLASS_CARD_SECURITY_CODE, rows, BL_COUNT(rows));
}

static void pins_stand_right_behind_their_label(void **state)
{
	static const struct found rows[] = {
		{"PIN: 4821", "4821"},
		{"my pin is 4821", "4821"},
		{"ATM PIN 482193", "482193"},
		{"PIN-Code 4821", "4821"},
		{"Geheimzahl 4821", "4821"},
		{"code secret : 4821", "4821"},
		{"código PIN 4821", "4821"},
		{"the PIN for order 4821", NULL},
		{"pin 13 of the connector at 2024", NULL},
		{"pin 4.821", NULL},
		{"4821", NULL},
	};

	(void)state;
	found_check(CLASS_CARD_PIN, rows, BL_COUNT(rows));
}

static void accounts_are_found_by_label(void **state)
{
	static const struct found rows[] = {
		{"routing number 021000021", "021000021"},
		{"ABA 011401533", "011401533"},
		{"ABA 021000022", NULL},
		{"routing 991000029", NULL},
		{"021000021", NULL},
		{"account number 12345678", "12345678"},
		{"Account No.: 000123456789", "000123456789"},
		{"acct 1234 5678 90", "1234 5678 90"},
		{"a/c no 50100012345678", "50100012345678"},
		{"account created 1700000000", NULL},
		{"account 2024-01-02", NULL},
		{"account balance 1234567", NULL},
		{"Sort code 20-00-00", "20-00-00"},
		{"sortcode: 200000", "200000"},
		{"sort code 20-00-00 55779911", "20-00-00 55779911"},
		{"20-00-00", NULL},
		{"transit 12345-003", "12345-003"},
		{"BSB 062-000", "062-000"},
		{"BSB: 062000", "062000"},
		{"bank account 01-0902-0068389-00", "01-0902-0068389-00"},
		{"IFSC HDFC0001234", "HDFC0001234"},
		{"BLZ 37040044", "37040044"},
		{"BLZ 97040044", NULL},
		{"Kontonummer 532013000", "532013000"},
		{"RIB 30002 00550 0000157845Z 02", "30002 00550 0000157845Z 02"},
		{"RIB : 30002005500000157845Z02", "30002005500000157845Z02"},
		{"CCC 2100 0418 45 0200051332", "2100 0418 45 0200051332"},
		{"BBAN X0542811101000000123456", "X0542811101000000123456"},
		{"BBAN Y0542811101000000123456", NULL},
		{"CLABE 032180000118359719", "032180000118359719"},
		{"CLABE 032180000118359718", NULL},
		{"NRB 61 1090 1014 0000 0712 1981 2874", "61 1090 1014 0000 0712 1981 2874"},
		{"rekening 539-0075470-34", "539-0075470-34"},
		{"agência 1234-5", "1234-5"},
		{"conta 12345-6", "12345-6"},
		{"bankgiro 123-4567", "123-4567"},
		{"BIC: DEUTDEFF", "DEUTDEFF"},
		{"SWIFT NWBKGB2LXXX", "NWBKGB2LXXX"},
		{"swift transfers", NULL},
		{"SWIFT TRANSFER", NULL},
		{"BIC DEUTQQFF", NULL},
	};

	(void)state;
	found_check(CLASS_BANK_ACCOUNT, rows, BL_COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stripes_are_told_from_cards),
		cmocka_unit_test(security_codes_stand_right_behind_their_label),
		cmocka_unit_test(pins_stand_right_behind_their_label),
		cmocka_unit_test(accounts_are_found_by_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
