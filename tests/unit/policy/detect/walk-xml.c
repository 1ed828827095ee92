/* Tests policy/detect/walk-xml.c: elements, attributes, property lists and forms */
#include "walking.h"

static void elements_and_attributes_are_hidden_by_name(void **state)
{
	static const struct walk_row rows[] = {
		{"<a><phone>555</phone><x>y</x></a>", "phone[555]"},
		{"<p phone=\"555\" x='y' dob='1980'/>", "phone[555] date-of-birth[1980]"},
		{"<p name=\"Ada Lovelace\"/><p name=\"Window\"/>", "name[Ada Lovelace]"},
		{"<ns:phone>\n 555</ns:phone>z", "phone[555]"},
		{"<address><street>1 Main St</street><x>Oslo, 5 B</x></address><x>y</x>",
		 "address[1 Main St] address[Oslo, 5 B]"},
		{"<dob><![CDATA[1980]]></dob>z", "date-of-birth[1980]"},
		{"<!-- <phone>5</phone> --><?pi <phone>?>z", ""},
		{"<phone><phone>1</phone>2</phone>3", "phone[1] phone[2]"},
		{"<phone/>1", ""},
		{"<phone>unfinished", "phone[unfinished]"},
	};

	(void)state;
	check_rows(DETECT_XML, 0, rows, BL_COUNT(rows));
}

static void property_lists_and_forms_name_by_values(void **state)
{
	static const struct walk_row rows[] = {
		{"<dict><key>Phone</key><string>555</string><key>Other</key><string>z</string></"
		 "dict>",
		 "phone[555]"},
		{"<dict><key>phones</key><array><string>1</string><array><string>2</string></"
		 "array></array><string>z</string></dict>",
		 "phone[1] phone[2]"},
		{"<input type=text value=\"a@x.example\" name=\"email\"><p>z</p>",
		 "email[a@x.example]"},
		{"<string name=\"password\">Password</string>", ""},
		{"<string name=\"phone\">555 1212</string>", "phone[555 1212]"},
		{"<meta property=\"phone\" content=\"555\"/>x", "phone[555]"},
		{"<div class=\"phone\">555 1212</div><div class=\"phone\">Call us</div>",
		 "phone[555 1212]"},
	};

	(void)state;
	check_rows(DETECT_XML, 0, rows, BL_COUNT(rows));
}

static void scripts_and_loose_signs_are_no_elements(void **state)
{
	static const struct walk_row rows[] = {
		{"<script>if (a<phone) x=\">\";</script><phone>1</phone>", "phone[1]"},
		{"a < b <phone>1</phone> 5 <6", "phone[1]"},
		{"<br><hr><phone>1</phone><p>z", "phone[1]"},
	};

	(void)state;
	check_rows(DETECT_XML, 0, rows, BL_COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_and_attributes_are_hidden_by_name),
		cmocka_unit_test(property_lists_and_forms_name_by_values),
		cmocka_unit_test(scripts_and_loose_signs_are_no_elements),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
