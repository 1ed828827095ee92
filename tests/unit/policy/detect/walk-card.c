/* Tests policy/detect/walk-card.c: content lines of vCard, iCalendar and LDIF. Parts are "charset/transfer/phase[...]"; charset 6 is no text */
#include "walking.h"

static void properties_of_cards_are_hidden(void **state)
{
	static const struct walk_row rows[] = {
		{"BEGIN:VCARD\r\nFN:Ada Lovelace\r\nNOTE:x\r\nEND:VCARD\r\n", "name[Ada Lovelace]"},
		{"N:Lovelace;Ada;;Dr.;\n", "name[Lovelace] name[Ada] name[Dr.]"},
		{"item1.TEL;TYPE=cell:+45 1\nVERSION:3.0\n", "phone[+45 1]"},
		{"ADR;TYPE=HOME:;;1 Main\\; St;Oslo;;0150;\n",
		 "address[1 Main\\; St] address[Oslo] address[0150]"},
		{"FN:Ada\r\n  Love\r\n\tlace\r\nX:y\r\n", "name[Ada] name[ Love] name[lace]"},
		{"BDAY:19800102\nUID:4fbe8971-0bc3-424c-9c26-36c3e1eff6b1\nREV:2020\n",
		 "date-of-birth[19800102]"},
		{"ATTENDEE;CN=\"Ada Lovelace\";ROLE=R:mailto:a@x\nORGANIZER;CN=Bo:mailto:b@x\n",
		 "name[Ada Lovelace] name[Bo]"},
		{"LOCATION:Room\nLOCATION:12 High Street, Leeds\n",
		 "address[Room] address[12 High Street, Leeds]"},
		{"TEL", ""},
		{"TEL:", ""},
		{"TEL:5", "phone[5]"},
	};

	(void)state;
	check_rows(DETECT_CARD, 0, rows, BL_COUNT(rows));
}

static void encoded_values_are_parts(void **state)
{
	static const struct walk_row rows[] = {
		{"FN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:K=C3=AF=\r\n=6D\r\nX:y\r\n",
		 "name[K=C3=AF=] name[=6D] 0/1/0[K=C3=AF=\r\n=6D]"},
		{"FN;QUOTED-PRINTABLE:=4B\n", "name[=4B] 0/1/0[=4B]"},
		{"FN;CHARSET=ISO-8859-1:Kim\n", "name[Kim] 1/0/0[Kim]"},
		{"PHOTO;ENCODING=b;TYPE=JPEG:AAAA\r\n BBB\r\n CCC=\r\nX:y\r\n",
		 "6/2/0[AAAA] 6/2/4[BBB] 6/2/7[CCC=]"},
		{"PHOTO;BASE64:AAAA\nBBBB\n\nTEL:5\n", "phone[5] 6/2/0[AAAA] 6/2/4[BBBB]"},
		{"dn: cn=Ada,o=x\ncn:: QWRh\ndescription: x\n y\nuid: ada\n",
		 "name[cn=Ada,o=x] name[QWRh] name[ada] 0/2/0[QWRh]"},
		{"telephoneNumber: 5\nuserPassword:: AAAA\n",
		 "phone[5] password[AAAA] 0/2/0[AAAA]"},
	};

	(void)state;
	check_rows(DETECT_CARD, 0, rows, BL_COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(properties_of_cards_are_hidden),
		cmocka_unit_test(encoded_values_are_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
