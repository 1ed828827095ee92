/* Tests policy/detect/field.c: names of fields tell their class; labels of plain text take values that look like one */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <inttypes.h>
#include <string.h>

#include "policy/detect/field.h"
#include "policy/detect/kind.h"

static void names_of_fields_tell_their_class(void **state)
{
	static const struct {
		const char *name;
		unsigned class;
	} rows[] = {
		{"Phone 2 - Value", CLASS_PHONE},
		{"date_of_birth", CLASS_DATE_OF_BIRTH},
		{"dateOfBirth", CLASS_DATE_OF_BIRTH},
		{"E-Mail", CLASS_EMAIL},
		{"E-mail 1 - Value", CLASS_EMAIL},
		{"Geburtsdatum", CLASS_DATE_OF_BIRTH},
		{"IBAN", CLASS_IBAN},
		{"passwd", CLASS_PASSWORD},
		{"customer_name", CLASS_NAME},
		{"name", CLASS_NAME},
		{"username", CLASS_NAME},
		{"display name", CLASS_NAME},
		{"city", CLASS_ADDRESS},
		{"Country", CLASS_ADDRESS},
		{"user.email", CLASS_EMAIL},
		{"ns:Phone", CLASS_PHONE},
		{"Driver's License #", CLASS_DRIVING_LICENCE},
		{"Stra\xc3\x9f"
		 "e",
		 CLASS_ADDRESS},
		{"Pr\xc3\xa9nom", CLASS_NAME},
		{"IPAddress", CLASS_IP},
		{"apiKey", CLASS_SECRET},
		{"billing_zip", CLASS_POSTCODE},
		{"cvv2", CLASS_CARD_SECURITY_CODE},
		{"Address 1 - Street", CLASS_ADDRESS},
		{"customeremail", CLASS_EMAIL},
		{"spring.datasource.password", CLASS_PASSWORD},
		{"N\xc2\xb0 de t\xc3\xa9l\xc3\xa9phone", CLASS_PHONE},
		{"Num\xc3\xa9ro de s\xc3\xa9"
		 "curit\xc3\xa9 sociale",
		 CLASS_NATIONAL_ID},
		{"Home Phone", CLASS_PHONE},
		{"fecha_nacimiento", CLASS_DATE_OF_BIRTH},
		{"codice_fiscale", CLASS_TAX_ID},
		{"telefone", CLASS_PHONE},
		{"geboortedatum", CLASS_DATE_OF_BIRTH},
		{"nazwisko", CLASS_NAME},
		{"f\xc3\xb8"
		 "dselsdato",
		 CLASS_DATE_OF_BIRTH},
		{"personnummer", CLASS_NATIONAL_ID},
		{"licensePlate", CLASS_PLATE},
		{"IMEI 1", CLASS_IMEI},
		{"nhs_number", CLASS_HEALTH_ID},
		{"passport no", CLASS_PASSPORT},
		{"accountNumber", CLASS_BANK_ACCOUNT},
		{"CreditCardNumber", CLASS_CARD},
		{"VIN", CLASS_VIN},
		{"gps_latitude", CLASS_LOCATION},
		{"wallet_address", CLASS_CRYPTO_ADDRESS},
		{"id", CLASS_COUNT},
		{"number", CLASS_COUNT},
		{"key", CLASS_COUNT},
		{"value", CLASS_COUNT},
		{"type", CLASS_COUNT},
		{"status", CLASS_COUNT},
		{"file name", CLASS_COUNT},
		{"filename", CLASS_COUNT},
		{"hostname", CLASS_COUNT},
		{"host_name", CLASS_COUNT},
		{"product name", CLASS_COUNT},
		{"className", CLASS_COUNT},
		{"table_name", CLASS_COUNT},
		{"bank_name", CLASS_COUNT},
		{"company", CLASS_COUNT},
		{"Organization Name", CLASS_COUNT},
		{"password_hash", CLASS_COUNT},
		{"email_verified", CLASS_COUNT},
		{"phone_type", CLASS_COUNT},
		{"Phone 1 - Type", CLASS_COUNT},
		{"java.vm.name", CLASS_COUNT},
		{"", CLASS_COUNT},
		{"_", CLASS_COUNT},
		{"\xff\xfe", CLASS_COUNT},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (detect_field_class(rows[i].name, strlen(rows[i].name)) != rows[i].class)
			fail_msg("%s: %u", rows[i].name,
				 detect_field_class(rows[i].name, strlen(rows[i].name)));
}

/* They are looked up by halves, and a label's last two letters are asked first. */
static void filters_have_the_bits_of_all_words(void **state)
{
	uint64_t words[FIELD_WORD_BITS / 64] = {0}, qualifiers[FIELD_QUALIFIER_BITS / 64] = {0};

	(void)state;
	for (size_t i = 0; i < field_word_count; i++) {
		unsigned bit = field_hash(field_words[i].word, strlen(field_words[i].word)) %
			       FIELD_WORD_BITS;

		words[bit / 64] |= UINT64_C(1) << (bit % 64);
	}
	for (size_t i = 0; i < field_qualifier_count; i++) {
		unsigned bit =
			field_hash(field_qualifiers[i].word, strlen(field_qualifiers[i].word)) %
			FIELD_QUALIFIER_BITS;

		qualifiers[bit / 64] |= UINT64_C(1) << (bit % 64);
	}
	for (size_t i = 0; i < BL_COUNT(words); i++)
		if (words[i] != field_word_bits[i])
			fail_msg("field_word_bits[%zu] should be 0x%016" PRIx64, i, words[i]);
	for (size_t i = 0; i < BL_COUNT(qualifiers); i++)
		if (qualifiers[i] != field_qualifier_bits[i])
			fail_msg("field_qualifier_bits[%zu] should be 0x%016" PRIx64, i,
				 qualifiers[i]);
}

static void tables_are_sorted_and_all_words_are_found(void **state)
{
	char line[64];

	(void)state;
	for (size_t i = 0; i < field_word_count; i++) {
		assert_true(i == 0 || strcmp(field_words[i - 1].word, field_words[i].word) < 0);
		assert_int_equal(
			detect_field_class(field_words[i].word, strlen(field_words[i].word)),
			field_words[i].class);
		if (field_words[i].class == CLASS_PHONE && field_words[i].strength == FIELD_SURE) {
			struct detect_spans spans = {0};
			size_t length =
				(size_t)sprintf(line, "%s: 0171 1234567", field_words[i].word);
			struct text text = {(const uint8_t *)line, length};
			struct sink sink = {.spans = &spans, .classes = ~UINT64_C(0), .to = length};

			field_at(&text, strlen(field_words[i].word), &sink);
			if (spans.count != 1)
				fail_msg("no label: %s", line);
			free(spans.items);
		}
	}
	for (size_t i = 1; i < field_qualifier_count; i++)
		assert_true(strcmp(field_qualifiers[i - 1].word, field_qualifiers[i].word) < 0);
}

static void remembered_names_are_the_same(void **state)
{
	static const char *const names[] = {
		"phone",
		"x",
		"full_name",
		"phone",
		"y-and-a-long-name-that-does-not-fit-into-what-is-remembered",
		"email",
		"phone"};
	struct field_memo memo = {0};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(names); i++) {
		const uint8_t *name = (const uint8_t *)names[i];

		assert_int_equal(field_remember(&memo, name, strlen(names[i])).class,
				 field_rule(name, strlen(names[i])).class);
	}
}

struct line {
	const char *text, *found;
};

static void check_lines(const struct line *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct detect_spans spans = {0};
		size_t length = strlen(rows[i].text), used = 0;
		struct text text = {(const uint8_t *)rows[i].text, length};
		struct sink sink = {.spans = &spans, .classes = ~UINT64_C(0), .to = length};
		char found[512] = "";

		for (size_t at = 0; at < length; at++)
			if (rows[i].text[at] == ':' || rows[i].text[at] == '=')
				field_at(&text, at, &sink);
		for (size_t k = 0; k < spans.count; k++)
			used += (size_t)snprintf(
				found + used, sizeof(found) - used, "%s%s[%.*s]", used ? " " : "",
				bl_class_name((enum bl_class)spans.items[k].class),
				(int)spans.items[k].length, rows[i].text + spans.items[k].offset);
		free(spans.items);
		if (strcmp(found, rows[i].found) != 0)
			fail_msg("in: %s\nfound:  %s\nwanted: %s", rows[i].text, found,
				 rows[i].found);
	}
}

static void labels_take_their_values(void **state)
{
	static const struct line rows[] = {
		{"Name: Ada Lovelace", "name[Ada Lovelace]"},
		{"**Name:** Ada Lovelace", "name[Ada Lovelace]"},
		{"Full name: Ada Lovelace, born 1980", "name[Ada Lovelace]"},
		{"first_name=Ada", "name[Ada]"},
		{"Kundenname: M\xc3\xbcller, Hans", "name[M\xc3\xbcller, Hans]"},
		{"username: ada.lovelace", "name[ada.lovelace]"},
		{"password=hunter2secret", "password[hunter2secret]"},
		{"Passwort: geheim123!", "password[geheim123!]"},
		{"password = \"a b 1\"", "password[a b 1]"},
		{"  \"phone\": \"+44 20 7946 0000\",", "phone[+44 20 7946 0000]"},
		{"{\\\"phone\\\": \\\"555 1212\\\"}", "phone[555 1212]"},
		{"GET /x?dob=1980-01-02&name=Ada+Lovelace&phone=5551212 HTTP/1.1",
		 "date-of-birth[1980-01-02] name[Ada+Lovelace] phone[5551212]"},
		{"Address: 10 Downing Street, London SW1A 2AA",
		 "address[10 Downing Street, London SW1A 2AA]"},
		{"City: London", "address[London]"},
		{"Date of birth: 12 March 1980 in Oslo", "date-of-birth[12 March 1980]"},
		{"phone=5551212;fax: 555-1313", "phone[5551212] phone[555-1313]"},
		{"Please tell us your mobile number: 0171 1234567", "phone[0171 1234567]"},
		{"latitude: 51.5074, longitude: -0.1278", "location[51.5074] location[-0.1278]"},
		{"PIN: 4711", "card-pin[4711]"},
		{"'password' => 'x7secret'", "password[x7secret]"},
	};

	(void)state;
	check_lines(rows, BL_COUNT(rows));
}

static void code_and_settings_stay(void **state)
{
	static const char *const lines[] = {
		"name: nginx",
		"name = models.CharField(max_length=10)",
		"address: 0x7fff5fbff8",
		"phone: PhoneNumber;",
		"password: str",
		"password: string,",
		"password = request.form['password']",
		"password=password,",
		"location: /usr/lib",
		"key: value",
		"name: String,",
		"Name: Foo.Bar",
		"- name: Install Dependencies",
		"- name: Build",
		"http://name.example/",
		"user=root",
		"password: ${DB_PASSWORD}",
		"password: {{ vault_password }}",
		"password = os.environ[\"X\"]",
		"address: 127.0.0.1:8080",
		"address = \"tcp://localhost\"",
		"string name = GetName();",
		"std::string name: 12",
		"host name: Server One",
		"this.name = name;",
		"password: required",
		"\"password\": \"Password\"",
		"phone: null",
		"self.address = address",
		"const token = await getToken();",
		"token: string",
		"State: Running",
		"Time: 12:30:45",
		"a == b",
		"title: The Great Gatsby",
		"name=\"viewport\"",
		"if (password != NULL)",
		"secret: false",
		"Name:",
		"Name: ",
		"=",
		":",
		"name=",
		"token = event->token",
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(lines); i++)
		check_lines(&(struct line){lines[i], ""}, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_fields_tell_their_class),
		cmocka_unit_test(filters_have_the_bits_of_all_words),
		cmocka_unit_test(tables_are_sorted_and_all_words_are_found),
		cmocka_unit_test(remembered_names_are_the_same),
		cmocka_unit_test(labels_take_their_values),
		cmocka_unit_test(code_and_settings_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
