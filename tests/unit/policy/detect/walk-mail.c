/* Tests policy/detect/walk-mail.c: names in headers, encoded words, parts. Parts are "charset/transfer/phase[...]"; charset 6 is no text */
#include "walking.h"

static void names_before_addresses_are_hidden(void **state)
{
	static const struct walk_row rows[] = {
		{"From: Ada Lovelace <a@x>\n\nKim <k@x>\n", "name[Ada Lovelace]"},
		{"To: \"Larsen, Kim\" <k@x>, b@x, Bo Smith\n <b@x>\nSubject: Hi Ada <a@x>\n\n",
		 "name[Larsen, Kim] name[Bo Smith]"},
		{"To: a@x (Cy Young), friends: Ada <a@x>;\n\n", "name[Cy Young] name[Ada]"},
		{"Cc: Kim\r\n Larsen <k@x>\r\nDate: now\r\n\r\n", "name[Kim] name[Larsen]"},
		{"X-Phone: 555 12\nX-Mailer: Ada\n\n", "phone[555 12]"},
		{"From a Mon\nFrom: Ada L <a@x>\n\nbody\n\nFrom b Tue\nTo: Bo Y <b@x>\n\nz\n",
		 "name[Ada L] name[Bo Y]"},
	};

	(void)state;
	check_rows(DETECT_MAIL, 0, rows, BL_COUNT(rows));
}

static void encoded_words_are_parts(void **state)
{
	static const struct walk_row rows[] = {
		{"Subject: a =?utf-8?B?S2lt?= b\n\n", "0/2/0[S2lt]"},
		{"Subject: =?iso-8859-1?Q?L=E4rs?=\n\n", "1/1/0[L=E4rs]"},
		{"From: =?utf-8?Q?L=C3=A4?= <a@x>\n\n", "name[L=C3=A4] 0/1/0[L=C3=A4]"},
		{"Subject: =?utf-8?X?a?= =? =?= 1=2\n\n", ""},
	};

	(void)state;
	check_rows(DETECT_MAIL, 0, rows, BL_COUNT(rows));
}

static void bodies_are_parts_by_their_headers(void **state)
{
	static const struct walk_row rows[] = {
		{"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
		 "base64\r\n\r\nS2lt\r\nAA==\r\n",
		 "0/2/0[S2lt\r\nAA==\r\n]"},
		{"Content-Type: text/plain; charset=\"ISO-8859-15\"\nContent-Transfer-Encoding: "
		 "Quoted-Printable\n\na=E4\n",
		 "1/1/0[a=E4\n]"},
		{"Content-Type: text/plain\n\nplain\n", ""},
		{"Content-Type: text/plain; charset=utf-7\n\n+AEA-\n", "6/0/0[+AEA-\n]"},
		{"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\nAAAA\n",
		 "6/2/0[AAAA\n]"},
		{"Content-Type: text/plain\nContent-Transfer-Encoding: x-uue\n\nabc\n",
		 "6/0/0[abc\n]"},
		/* what only its fields tell */
		{"Content-Type: text/vCard; name=c.vcf\nContent-Transfer-Encoding: "
		 "base64\n\nQUFB\n",
		 "6/2/0[QUFB\n]"},
		{"1234\nFrom: Ada L <a@x>\n\nemlx\n", "name[Ada L]"},
	};

	(void)state;
	check_rows(DETECT_MAIL, 0, rows, BL_COUNT(rows));
}

static void multiparts_nest(void **state)
{
	static const struct walk_row rows[] = {
		{"Content-Type: multipart/mixed;\n "
		 "boundary=\"b1\"\n\npre\n--b1\nContent-Transfer-Encoding: base64\n\nQUFB\n--b1\n"
		 "Content-Type: multipart/alternative; "
		 "boundary=b2\n\n--b2\n\nplain\n--b2\nContent-Transfer-Encoding: "
		 "quoted-printable\n\n=41\n--b2--\n"
		 "--b1\nContent-Type: message/rfc822\n\nFrom: Zed Foo <z@x>\n\nq\n--b1--\nepilogue "
		 "--b1\n",
		 "name[Zed Foo] 0/2/0[QUFB\n] 0/1/0[=41\n]"},
	};

	(void)state;
	check_rows(DETECT_MAIL, 0, rows, BL_COUNT(rows));
}

static void multiparts_nested_too_deep_are_hidden(void **state)
{
	struct detect_profile profile = {.is_text = true, .format = DETECT_MAIL};
	struct walked walked;
	char text[2048];
	size_t used = (size_t)sprintf(text, "Content-Type: multipart/mixed; boundary=b0\n\n");

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		used += (size_t)sprintf(text + used,
					"--b%u\nContent-Type: multipart/mixed; boundary=b%u\n\n", i,
					i + 1);
	used += (size_t)sprintf(text + used, "deep\n--b7--\n");
	walk_every_way(&profile, text, used, &walked);
	assert_string_equal(walked.found, "6/0/0[deep\n]");
	walked_free(&walked);
}

static void what_lies_about_its_parts_is_hidden(void **state)
{
	static const struct walk_row rows[] = {
		/* said twice */
		{"Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\nQUFB\n",
		 "6/0/0[QUFB\n]"},
		{"Content-Type: multipart/x; boundary=a; boundary=b\n\n--a\n", "6/0/0[--a\n]"},
		/* in pieces, escaped, behind a comment */
		{"Content-Type: multipart/x; boundary*0=a; boundary*1=b\n\n--ab\n",
		 "6/0/0[--ab\n]"},
		{"Content-Type: multipart/x; boundary=\"a\\b\"\n\n--ab\n", "6/0/0[--ab\n]"},
		{"Content-Type: multipart/x; (;boundary=y) boundary=a\n\n--a\n", "6/0/0[--a\n]"},
		{"Content-Type: multipart/x\n\n--a\n", "6/0/0[--a\n]"},
		/* a quoted value is none of the parameters */
		{"Content-Type: multipart/x; y=\";boundary=b\"; boundary=a\n\n--a\n"
		 "Content-Transfer-Encoding: base64\n\nQUFB\n--a--\n",
		 "0/2/0[QUFB\n]"},
		/* messages within what is encoded, characters of two bytes that are not */
		{"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQUFB\n",
		 "6/2/0[QUFB\n]"},
		{"Content-Type: text/plain; charset=utf-16le\n\nkim@x\n", "6/0/0[kim@x\n]"},
		{"Content-Type: text/plain; charset=IBM037\n\nab\n", "6/0/0[ab\n]"},
		{"Content-Type: text/plain; charset=cp852\n\nab\n", "1/0/0[ab\n]"},
		/* a boundary that begins as another does */
		{"Content-Type: multipart/x; boundary=a--b\n\n--a--b\n"
		 "Content-Type: multipart/x; boundary=a\n\n--a\n\n--a--b\n"
		 "Content-Transfer-Encoding: base64\n\nQUFB\n--a--b--\n",
		 "0/2/0[QUFB\n]"},
		/* headers where there should be none, and lines that end with a CR */
		{"From: a\nno header\nContent-Transfer-Encoding: base64\n\nQUFB\n",
		 "0/2/0[QUFB\n]"},
		{"From: a\rContent-Transfer-Encoding\t: base64\r\rQUFB\r", "0/2/0[QUFB\r]"},
	};

	(void)state;
	check_rows(DETECT_MAIL, 0, rows, BL_COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_before_addresses_are_hidden),
		cmocka_unit_test(encoded_words_are_parts),
		cmocka_unit_test(bodies_are_parts_by_their_headers),
		cmocka_unit_test(multiparts_nest),
		cmocka_unit_test(multiparts_nested_too_deep_are_hidden),
		cmocka_unit_test(what_lies_about_its_parts_is_hidden),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
