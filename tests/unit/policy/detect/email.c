/* Tests policy/detect/email.c: addresses as RFC 5321, 5322 and 6531 allow them, user info of URLs, and '@' that mean something else */
#include "tests/unit/policy/detect/kinds/rows.h"

#define MAIL (CLASS_BIT(CLASS_EMAIL) | CLASS_BIT(CLASS_URL_CREDENTIALS))
#define ROW(before, value, behind)                                                                 \
	{                                                                                          \
		before value behind, CLASS_EMAIL, value                                            \
	}

static void addresses_are_found(void **state)
{
	static const struct row rows[] = {
		ROW("<", "kim@example.com", ">"),
		ROW("", "kim.lee+news@mail.example.co.uk", "."),
		ROW("", "o'brien@example.org", ""),
		ROW("customer/", "department=shipping@example.com", ""),
		ROW("", "kim_lee-1@xn--bcher-kva.example", ""),
		ROW("", "\"kim \\\"k\\\" lee\"@example.com", ""),
		ROW("", "\"kim@lee\"@example.com", ""),
		ROW("", "user@[IPv6:2001:db8::1]", ""),
		ROW("", "j\u00f6rg@b\u00fccher.example", ""),
		ROW("", "\u7528\u6237@\u4f8b\u5b50.\u5e7f\u544a", ""),
		ROW("\"text\\n", "nina@example.com", "\\n\""),
		ROW("\"\\u00a0", "kim@example.com", "\""),
		ROW("mailto:", "kim@example.com", "?subject=x"),
		ROW("", "git@example.com", " is our mail address"),
		ROW("@", "kim@example.social", ""),
		ROW("https://host.example?to=", "kim@example.com", ""),
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), MAIL);
}

/* As pages hide them from machines, and as programs may write any letter. */
static void addresses_with_spelt_letters_are_found(void **state)
{
	static const struct row rows[] = {
		ROW("<a href=\"mailto:", "&#107;i&#x6D;&#64;&#101;x.org", "\">"),
		ROW("&#34;", "&#107;&#105;&#109;&#64;&#97;&#46;&#98;", "&#34;"),
		ROW("\"", "\\u006bim\\u0040exampl\\u0065\\u002eorg", "\""),
		{"&#60;&#64;&#62;", CLASS_COUNT, NULL},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), MAIL);
}

static void credentials_are_found(void **state)
{
	static const struct row rows[] = {
		{"https://kim:s3cret@host.example/x", CLASS_URL_CREDENTIALS,
		 "https://kim:s3cret@host.example/x"},
		{"(postgres://kim:p%40ss@db/x).", CLASS_URL_CREDENTIALS,
		 "postgres://kim:p%40ss@db/x"},
		{"see ftp://kim@host, please", CLASS_URL_CREDENTIALS, "ftp://kim@host"},
		{"redis://:s3cret@cache:6379/0", CLASS_URL_CREDENTIALS,
		 "redis://:s3cret@cache:6379/0"},
		{"mongodb+srv://kim:pw@c.example/x", CLASS_URL_CREDENTIALS,
		 "mongodb+srv://kim:pw@c.example/x"},
		{"jdbc:postgresql://kim:pw@db/x", CLASS_URL_CREDENTIALS,
		 "postgresql://kim:pw@db/x"},
		{"dsn: kim:s3cret@tcp(127.0.0.1:3306)/base", CLASS_URL_CREDENTIALS, "kim:s3cret"},
		{"\"kim:s3cret@unix(/run/x)/base\"", CLASS_URL_CREDENTIALS, "kim:s3cret"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), MAIL);
}

static void other_signs_stay(void **state)
{
	static const struct row rows[] = {
		{"npm i @scope/pkg lodash@4.17.21", CLASS_COUNT, NULL},
		{"@app.route('/x')", CLASS_COUNT, NULL},
		{"icon@2x.png logo@3x.jpg", CLASS_COUNT, NULL},
		{"@handle and @other.", CLASS_COUNT, NULL},
		{"git@example.com:team/tool.git", CLASS_COUNT, NULL},
		{"ssh://git@example.com/team/tool", CLASS_COUNT, NULL},
		{"3 @ 4.50", CLASS_COUNT, NULL},
		{"kim@localhost", CLASS_COUNT, NULL},
		{"a@b", CLASS_COUNT, NULL},
		{"https://host.example/@handle", CLASS_COUNT, NULL},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), MAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_found),
		cmocka_unit_test(addresses_with_spelt_letters_are_found),
		cmocka_unit_test(credentials_are_found),
		cmocka_unit_test(other_signs_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
