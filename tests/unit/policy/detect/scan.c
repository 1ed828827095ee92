/* Tests policy/detect/scan.c: what is found in plain text, and that windows agree about it */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/detect/kind.h"

#define ALL_CLASSES UINT64_MAX

static const struct detect_identity customer[] = {
	{IDENTITY_NAME, "Kim Miller", false},
	{IDENTITY_NAME, "Jörg Müller-Lüdenscheid", false},
	{IDENTITY_NAME, "Anna Maria O'Brien", false},
	{IDENTITY_NAME, "Will May", false},
	{IDENTITY_EMAIL, "kim.miller@example.com", false},
	{IDENTITY_PHONE, "+44 7700 900123", false},
	{IDENTITY_ADDRESS, "12 Harbour Street, Testville, TV1 2AB", false},
};

static struct detect_scanner *make_scanner(bl_classes classes, size_t identities)
{
	struct detect_scanner *scanner = NULL;

	assert_int_equal(detect_scanner_new(classes, NULL, customer, identities, &scanner, NULL),
			 BL_OK);
	return scanner;
}

/* One row: a text, and the one span that must be there; NULL: none. */
struct row {
	const char *text;
	enum bl_class class;
	const char *value;
};

static void check_rows(const struct row *rows, size_t count, bl_classes classes, size_t identities)
{
	struct detect_scanner *scanner = make_scanner(classes, identities);
	struct detect_spans spans = {0};
	size_t failed = 0;

	for (size_t i = 0; i < count; i++) {
		struct detect_window window = {.bytes = (const uint8_t *)rows[i].text,
					       .core = strlen(rows[i].text)};
		bool is_found = false;

		assert_int_equal(detect_scan(scanner, &window, &spans), BL_OK);
		for (size_t k = 0; k < spans.count; k++) {
			const struct detect_span *span = &spans.items[k];

			if (rows[i].value && span->class == rows[i].class &&
			    span->length == strlen(rows[i].value) &&
			    memcmp(rows[i].text + span->offset, rows[i].value, span->length) == 0)
				is_found = true;
		}
		if (rows[i].value ? is_found : spans.count == 0)
			continue;
		failed++;
		print_error("row %zu: '%s' should have %s '%s'\n", i, rows[i].text,
			    rows[i].value ? bl_class_name(rows[i].class) : "nothing",
			    rows[i].value ? rows[i].value : "");
		for (size_t k = 0; k < spans.count; k++)
			print_error("   has %s '%.*s'\n",
				    bl_class_name((enum bl_class)spans.items[k].class),
				    (int)spans.items[k].length,
				    rows[i].text + spans.items[k].offset);
	}
	detect_spans_free(&spans);
	detect_scanner_free(scanner);
	assert_int_equal(failed, 0);
}

static void values_are_found_where_they_stand(void **state)
{
	static const struct row rows[] = {
		{"write to kim@example.com, please", CLASS_EMAIL, "kim@example.com"},
		{"<a.b+tag@mail.example.co.uk>", CLASS_EMAIL, "a.b+tag@mail.example.co.uk"},
		{"email=kim@example.org&x=1", CLASS_EMAIL, "kim@example.org"},
		{"mailto:kim@example.org.", CLASS_EMAIL, "kim@example.org"},
		{"jörg@bücher.example", CLASS_EMAIL, "jörg@bücher.example"},
		{"\"kim miller\"@example.com", CLASS_EMAIL, "\"kim miller\"@example.com"},
		{"root@[192.0.2.1]", CLASS_EMAIL, "root@[192.0.2.1]"},
		{"https://kim:pw@host/x", CLASS_URL_CREDENTIALS, "https://kim:pw@host/x"},
		{"card 4111111111111111.", CLASS_CARD, "4111111111111111"},
		{"4111 1111 1111 1111 exp 12/29", CLASS_CARD, "4111 1111 1111 1111"},
		{"4111-1111-1111-1111", CLASS_CARD, "4111-1111-1111-1111"},
		{"4111 1111 1111 1111 123", CLASS_CARD, "4111 1111 1111 1111"},
		{"3782 822463 10005", CLASS_CARD, "3782 822463 10005"},
		{"4111-1111 1111-1111", CLASS_CARD, "4111-1111 1111-1111"},
		{"4111  1111  1111  1111", CLASS_CARD, "4111  1111  1111  1111"},
		{"4111 - 1111 - 1111 - 1111", CLASS_CARD, "4111 - 1111 - 1111 - 1111"},
		{"4111/1111/1111/1111", CLASS_CARD, "4111/1111/1111/1111"},
		{"3782-822463 10005", CLASS_CARD, "3782-822463 10005"},
		{"378282246310005", CLASS_CARD, "378282246310005"},
		{"5555555555554444", CLASS_CARD, "5555555555554444"},
		{"6011000990139424", CLASS_CARD, "6011000990139424"},
		{"3530111333300000", CLASS_CARD, "3530111333300000"},
		{"30569309025904", CLASS_CARD, "30569309025904"},
		{"GB82WEST12345698765432", CLASS_IBAN, "GB82WEST12345698765432"},
		{"IBAN: GB82 WEST 1234 5698 7654 32.", CLASS_IBAN, "GB82 WEST 1234 5698 7654 32"},
		{"de89 3704 0044 0532 0130 00", CLASS_IBAN, "de89 3704 0044 0532 0130 00"},
		{"NO9386011117947", CLASS_IBAN, "NO9386011117947"},
		{"ssn 219-09-9999 ok", CLASS_NATIONAL_ID, "219-09-9999"},
		{"SSN: 219099999", CLASS_NATIONAL_ID, "219099999"},
		{"social security 219 09 9999", CLASS_NATIONAL_ID, "219 09 9999"},
		{"+1 202-555-0143", CLASS_PHONE, "+1 202-555-0143"},
		{"+44 (0)20 7946 0123", CLASS_PHONE, "+44 (0)20 7946 0123"},
		{"(202) 555-0143", CLASS_PHONE, "(202) 555-0143"},
		{"202-555-0143 x4587 now", CLASS_PHONE, "202-555-0143 x4587"},
		{"202.555.0143", CLASS_PHONE, "202.555.0143"},
		{"01632 960123", CLASS_PHONE, "01632 960123"},
		{"020 7946 0123", CLASS_PHONE, "020 7946 0123"},
		{"(0161) 496 0123", CLASS_PHONE, "(0161) 496 0123"},
		{"01 99 00 12 34", CLASS_PHONE, "01 99 00 12 34"},
		{"030/1234567", CLASS_PHONE, "030/1234567"},
		{"call 5550143 now", CLASS_PHONE, "5550143"},
		{"Tel. 07700900123", CLASS_PHONE, "07700900123"},
		{"Phone:\n60-56-85-91", CLASS_PHONE, "60-56-85-91"},
		{"4111 1111 1111 1111EUR", CLASS_CARD, "4111 1111 1111 1111"},
		{"EUR4111 1111 1111 1111", CLASS_CARD, "4111 1111 1111 1111"},
		{"n3782 822463 10005m", CLASS_CARD, "3782 822463 10005"},
		{"4111\t1111\t1111\t1111", CLASS_CARD, "4111\t1111\t1111\t1111"},
		{"8100\t0000\t0000\t0002", CLASS_CARD, "8100\t0000\t0000\t0002"},
		{"2221_0000_0000_0009", CLASS_CARD, "2221_0000_0000_0009"},
		{"4111_1111_1111_1111", CLASS_CARD, "4111_1111_1111_1111"},
		{"x 4111 1111\n1111 1111 y", CLASS_CARD, "4111 1111\n1111 1111"},
		{"> 4111 1111 1111\r\n> 1111", CLASS_CARD, "4111 1111 1111\r\n> 1111"},
		{"4111\n1111\n1111\n1111", CLASS_CARD, "4111\n1111\n1111\n1111"},
		{"4111\u200b1111\u00ad11111111", CLASS_CARD, "4111\u200b1111\u00ad11111111"},
		{"41\ufeff11 1111 11\u200d11 1111", CLASS_CARD, "41\ufeff11 1111 11\u200d11 1111"},
		{"gb82west12345698765432", CLASS_IBAN, "gb82west12345698765432"},
		{"nl91abna0417164300 ok", CLASS_IBAN, "nl91abna0417164300"},
		{"k\u200bim@exa\u00admple.com.", CLASS_EMAIL, "k\u200bim@exa\u00admple.com"},
		{"\ufeffkim@\u200cexample.com", CLASS_EMAIL, "kim@\u200cexample.com"},
		{"{\"to\":\"kim\\u0040example.com\"}", CLASS_EMAIL, "kim\\u0040example.com"},
		{"?to=kim.m%40example.com&x=1", CLASS_EMAIL, "kim.m%40example.com"},
		{"<p>kim&#64;example.com</p>", CLASS_EMAIL, "kim&#64;example.com"},
		{"<p>kim&#X40;example.com</p>", CLASS_EMAIL, "kim&#X40;example.com"},
		{"'kim\\x40example.com'", CLASS_EMAIL, "kim\\x40example.com"},
		{"\"paid\\n4111111111111111\"", CLASS_CARD, "4111111111111111"},
		{"\"me\\t202-555-0143\"", CLASS_PHONE, "202-555-0143"},
		{"\"to\\r\\nGB82WEST12345698765432\"", CLASS_IBAN, "GB82WEST12345698765432"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), ALL_CLASSES, 0);
}

static void what_only_looks_like_a_value_is_left_alone(void **state)
{
	static const struct row rows[] = {
		{"4111111111111112", CLASS_CARD, NULL},		    /* Luhn */
		{"1700000000000006", CLASS_CARD, NULL},		    /* no issuer */
		{"4111-1111 1111-1112", CLASS_CARD, NULL},	    /* Luhn */
		{"41-1111 1111-111111", CLASS_CARD, NULL},	    /* not as printed */
		{"41111111111111111", CLASS_CARD, NULL},	    /* length */
		{"a4111111111111111", CLASS_CARD, NULL},	    /* inside a word */
		{"4111\t1111\t1111\t1112", CLASS_CARD, NULL},	    /* Luhn */
		{"4111\n1111\n1111\n1111\n1111", CLASS_CARD, NULL}, /* a column */
		{"4111\n\n1111 1111 1111", CLASS_CARD, NULL},	    /* two paragraphs */
		{"take 30%40 px, &#64; and 100%40", CLASS_EMAIL, NULL},
		{"x86_64 utf-8 base64 and base32", CLASS_SECRET, NULL},
		{"GB82WEST12345698765433", CLASS_IBAN, NULL},
		{"XX82WEST12345698765432", CLASS_IBAN, NULL},
		{"AGB82WEST12345698765432", CLASS_IBAN, NULL},
		{"000-12-3456", CLASS_NATIONAL_ID, NULL},
		{"666-12-3456", CLASS_NATIONAL_ID, NULL},
		{"900-12-3456", CLASS_NATIONAL_ID, NULL},
		{"219-00-9999", CLASS_NATIONAL_ID, NULL},
		{"219-09-0000", CLASS_NATIONAL_ID, NULL},
		{"219099999", CLASS_NATIONAL_ID, NULL},
		{"2024-01-02 10:11:12", CLASS_PHONE, NULL},
		{"call on 2024-01-02", CLASS_PHONE, NULL},
		{"12345678", CLASS_PHONE, NULL},
		{"id 1234567890", CLASS_PHONE, NULL},
		{"kim@localhost", CLASS_EMAIL, NULL},
		{"@example.com a@ b", CLASS_EMAIL, NULL},
		{"1700000000000", CLASS_PHONE, NULL},
		{"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", CLASS_PRIVATE_KEY,
		 NULL},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), ALL_CLASSES, 0);
}

static void the_customer_is_known_in_every_spelling(void **state)
{
	static const struct row rows[] = {
		{"Hi Kim Miller!", CLASS_CUSTOMER, "Kim Miller"},
		{"KIM  MILLER", CLASS_CUSTOMER, "KIM  MILLER"},
		{"Miller, Kim", CLASS_CUSTOMER, "Miller, Kim"},
		{"K. Miller wrote", CLASS_CUSTOMER, "K. Miller"},
		{"C:\\Users\\kmiller\\x", CLASS_CUSTOMER, "kmiller"},
		{"millerk logged in", CLASS_CUSTOMER, "millerk"},
		{"kim.miller was", CLASS_CUSTOMER, "kim.miller"},
		{"kim_miller84 was", CLASS_CUSTOMER, "kim_miller84"},
		{"KimMiller", CLASS_CUSTOMER, "KimMiller"},
		{"Mrs Miller", CLASS_CUSTOMER, "Miller"},
		{"Kim, hello", CLASS_CUSTOMER, "Kim"},
		{"Jorg Muller-Ludenscheid", CLASS_CUSTOMER, "Jorg Muller-Ludenscheid"},
		{"JÖRG MÜLLER-LÜDENSCHEID", CLASS_CUSTOMER, "JÖRG MÜLLER-LÜDENSCHEID"},
		{"joerg mueller-luedenscheid", CLASS_CUSTOMER, "joerg mueller-luedenscheid"},
		{"Jo\xcc\x88rg", CLASS_CUSTOMER, "Jo\xcc\x88rg"},
		{"Anna O’Brien", CLASS_CUSTOMER, "Anna O’Brien"},
		{"A. M. OBrien", CLASS_CUSTOMER, "A. M. OBrien"},
		{"Will May", CLASS_CUSTOMER, "Will May"},
		{"kim.miller@example.com", CLASS_CUSTOMER, "kim.miller@example.com"},
		{"n 07700-900-123", CLASS_CUSTOMER, "07700-900-123"},
		{"n 00447700900123", CLASS_CUSTOMER, "00447700900123"},
		{"n 7700900123", CLASS_CUSTOMER, "7700900123"},
		{"at 12 harbour st.", CLASS_CUSTOMER, "12 harbour st"},
		{"at TV1 2AB,", CLASS_CUSTOMER, "TV1 2AB"},
		{"\"hi\\nKim Miller\"", CLASS_CUSTOMER, "Kim Miller"},
		{"\"hi\\n\\tmiller\"", CLASS_CUSTOMER, "miller"},
		{"\"the\\u00a0Millers' and\\u00a0Miller\"", CLASS_CUSTOMER, "Miller"},
		{"\"\\n12 Harbour Street\"", CLASS_CUSTOMER, "12 Harbour Street"},
		{"C:\\nokimiller", CLASS_CUSTOMER, NULL},
		{"I may or will go, kim", CLASS_CUSTOMER, NULL},
		{"millers skimmiller kimono", CLASS_CUSTOMER, NULL},
		{"n 7700900124", CLASS_CUSTOMER, NULL},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), CLASS_BIT(CLASS_CUSTOMER), BL_COUNT(customer));
}

static void only_classes_asked_for_are_found(void **state)
{
	static const struct row rows[] = {
		{"kim@example.com +1 202-555-0143 GB82WEST12345698765432", CLASS_CARD, NULL},
		{"4111111111111111", CLASS_CARD, "4111111111111111"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), CLASS_BIT(CLASS_CARD), 0);
}

static void assert_same_span(const struct detect_span *one, const struct detect_span *other)
{
	assert_int_equal(one->offset, other->offset);
	assert_int_equal(one->length, other->length);
	assert_int_equal(one->class, other->class);
	assert_int_equal(one->is_sure, other->is_sure);
}

/* ---- windows --------------------------------------------------------------------------------- */

/* The same scan with @lead and @tail bytes at most around the window. */
static void scan_window(const struct detect_scanner *scanner, const uint8_t *file, size_t size,
			size_t at, size_t lead, size_t tail, struct detect_spans *out)
{
	size_t core = BL_MIN(size - at, (size_t)DETECT_WINDOW);
	struct detect_window window = {.lead = BL_MIN(at, lead), .core = core, .offset = at};

	window.tail = BL_MIN(size - at - core, tail);
	window.bytes = file + at - window.lead;
	assert_int_equal(detect_scan(scanner, &window, out), BL_OK);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static const char *const planted[] = {
	"kim@example.com", "4111 1111 1111 1111",     "GB82 WEST 1234 5698 7654 32",
	"219-09-9999",	   "+44 20 7946 0123",	      "Kim Miller",
	"(202) 555-0143",  "Jörg Müller-Lüdenscheid", "12 Harbour Street",
	"x@ü.example.com", "Tel: 467 3395",
};

/* Text of words, numbers, gaps and planted values: nothing of it is anybody's. */
static void make_text(uint8_t *out, size_t size, uint32_t *seed)
{
	static const char *const pieces[] = {
		"lorem ", "ipsum\n", "12 ", "2024-01-02 ", "é",	   "K. ",  "99 88 ", "@",    "a.b",
		"-",	  "+",	     "(0)", "\n",	   "tel ", "kim ", "00 ",    "日本", "/"};
	size_t at = 0;

	while (at < size) {
		uint32_t pick = next_random(seed);
		const char *piece = pick % 7 ? pieces[pick / 7 % BL_COUNT(pieces)]
					     : planted[pick / 7 % BL_COUNT(planted)];
		size_t length = strlen(piece);

		if (length > size - at) {
			out[at++] = ' ';
			continue;
		}
		memcpy(out + at, piece, length);
		at += length;
	}
}

/* Base64 of all lengths, in lines and not, among digests and words. */
static void make_base64(uint8_t *out, size_t size, uint32_t *seed)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456"
				       "789+/-_\\0123456789abcdef";
	static const uint16_t lengths[] = {3,	20,  40,  64,  64,  64,	 76,  76,
					   130, 255, 300, 511, 513, 900, 3000};
	static const char *const gaps[] = {"\n",
					   "\n",
					   "\n",
					   "\n",
					   "\r\n",
					   "\n> ",
					   "\",\n\t\"",
					   " ",
					   "\n\n",
					   " lorem ",
					   "-----END RSA PRIVATE KEY-----\n",
					   "-----BEGIN RSA PRIVATE KEY-----\n",
					   ";base64,",
					   ": base64\n\n"};
	size_t at = 0;

	while (at < size) {
		size_t length = lengths[next_random(seed) % BL_COUNT(lengths)];
		unsigned kind = next_random(seed) % 8, lines = 1 + next_random(seed) % 12;
		const char *gap = gaps[next_random(seed) % BL_COUNT(gaps)];

		for (; lines && at < size; lines--) {
			for (size_t i = 0; i < length && at < size; i++)
				out[at++] =
					(uint8_t)(kind == 0 ? alphabet[67 + next_random(seed) % 16]
						  : kind == 1 ? '-'
						  : kind == 2 ? 'a'
							      : alphabet[next_random(seed) % 67]);
			for (const char *c = gap; *c && at < size; c++)
				out[at++] = (uint8_t)*c;
		}
	}
}

/* One of the pieces of @list, '|' (or what @separator is) between. */
static size_t put_choice(const char *list, char separator, uint32_t *seed, char out[256])
{
	size_t count = 1, pick, length;

	for (const char *c = list; *c; c++)
		count += *c == separator;
	for (pick = next_random(seed) % count; pick; pick--)
		list = strchr(list, separator) + 1;
	length = BL_MIN(strcspn(list, (char[]){separator, '\0'}), (size_t)255);
	memcpy(out, list, length);
	out[length] = '\0';
	return length;
}

/* A value of @form, or nearly one. */
static void put_form(const char *form, uint32_t *seed, char *out)
{
	static const char *const separators[] = {" ", "-", ".", "/", "\u00a0", "\u2013", ""};
	const char *separator = separators[next_random(seed) % BL_COUNT(separators)];

	for (*out = '\0'; *form && strlen(out) < 100;) {
		char letter = *form++, one[2] = {0};
		unsigned long count = 1;

		if (letter == '\\' && *form) {
			one[0] = *form++;
		} else if (*form == '{') {
			count = strtoul(form + 1, NULL, 10);
			form += strcspn(form, "}") + 1;
		}
		if (letter == '-' || letter == '_') {
			strcat(out, separator);
			continue;
		}
		for (; count && strlen(out) < 100; count--) {
			if (letter == 'd' || letter == 'h' || letter == 'x')
				one[0] = (char)('0' + next_random(seed) % 10);
			else if (letter == 'a')
				one[0] = (char)('A' + next_random(seed) % 26);
			else if (letter != '\\')
				one[0] = letter;
			strcat(out, one);
		}
	}
}

/* Text of labels and values of all kinds, names, and what stands between them. */
static void make_kinds(uint8_t *out, size_t size, uint32_t *seed)
{
	static const char *const joints[] = {": ", " ",	 "=",	  "\n", " no. ", " is ",
					     "; ", ", ", " and ", "\"", "\\n",	 "é ",
					     "(",  ") ", "  ",	  ".\n"};
	size_t at = 0;

	while (at < size) {
		const struct kind_table *table = kind_tables[next_random(seed) % kind_table_count];
		const struct kind *kind =
			table->count ? &table->rows[next_random(seed) % table->count] : NULL;
		char piece[512] = "", form[256];

		switch (next_random(seed) % 5) {
		case 0:
			if (kind && kind->labels)
				put_choice(kind->labels, '|', seed, piece);
			break;
		case 1:
			if (kind && kind->after)
				put_choice(kind->after, '|', seed, piece);
			break;
		case 2:
			put_choice(person_words[next_random(seed) % person_word_lists].words, ' ',
				   seed, piece);
			piece[0] = (char)(next_random(seed) % 2 ? piece[0] : piece[0] & 0xdf);
			if ((piece[0] & 0x80) || !piece[0])
				piece[0] = 'X', piece[1] = '\0';
			break;
		case 3:
			snprintf(piece, sizeof(piece), "%s",
				 planted[next_random(seed) % BL_COUNT(planted)]);
			break;
		default:
			if (kind && kind->forms) {
				put_choice(kind->forms, '|', seed, form);
				put_form(form, seed, piece);
			}
			break;
		}
		strcat(piece, joints[next_random(seed) % BL_COUNT(joints)]);
		if (strlen(piece) > size - at) {
			out[at++] = ' ';
			continue;
		}
		memcpy(out + at, piece, strlen(piece));
		at += strlen(piece);
	}
}

typedef void make_fn(uint8_t *out, size_t size, uint32_t *seed);
static make_fn *const makers[] = {make_text, make_base64, make_kinds, make_kinds};

static void more_lead_and_tail_change_nothing(void **state)
{
	size_t size = 3 * DETECT_WINDOW + 777;
	uint8_t *file = malloc(size);
	struct detect_scanner *scanner = make_scanner(ALL_CLASSES, BL_COUNT(customer));
	struct detect_spans one = {0}, other = {0};
	uint32_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 16; round++) {
		makers[round % BL_COUNT(makers)](file, size, &seed);
		for (size_t at = 0; at < size; at += DETECT_WINDOW) {
			scan_window(scanner, file, size, at, DETECT_LEAD, DETECT_TAIL, &one);
			scan_window(scanner, file, size, at, size, size, &other);
			assert_int_equal(one.count, other.count);
			for (size_t i = 0; i < one.count; i++)
				assert_same_span(&one.items[i], &other.items[i]);
		}
	}
	detect_spans_free(&one);
	detect_spans_free(&other);
	detect_scanner_free(scanner);
	free(file);
}

static void neighbouring_windows_agree_in_their_margins(void **state)
{
	size_t size = 2 * DETECT_WINDOW;
	uint8_t *file = malloc(size);
	struct detect_scanner *scanner = make_scanner(ALL_CLASSES, BL_COUNT(customer));
	struct detect_spans left = {0}, right = {0};
	uint32_t seed = 7;

	(void)state;
	for (unsigned round = 0; round < 32; round++) {
		uint64_t from = DETECT_WINDOW - DETECT_MARGIN, to = DETECT_WINDOW + DETECT_MARGIN;
		size_t i = 0, k = 0;

		makers[round % BL_COUNT(makers)](file, size, &seed);
		scan_window(scanner, file, size, 0, DETECT_LEAD, DETECT_TAIL, &left);
		scan_window(scanner, file, size, DETECT_WINDOW, DETECT_LEAD, DETECT_TAIL, &right);
		for (;; i++, k++) {
			while (i < left.count &&
			       left.items[i].offset + left.items[i].length <= from)
				i++;
			while (k < right.count &&
			       right.items[k].offset + right.items[k].length <= from)
				k++;
			if (i == left.count || k == right.count || left.items[i].offset >= to ||
			    right.items[k].offset >= to)
				break;
			assert_same_span(&left.items[i], &right.items[k]);
		}
		assert_true(i == left.count || left.items[i].offset >= to);
		assert_true(k == right.count || right.items[k].offset >= to);
	}
	detect_spans_free(&left);
	detect_spans_free(&right);
	detect_scanner_free(scanner);
	free(file);
}

static void any_part_of_any_text_has_the_same_spans(void **state)
{
	size_t size = 2 * DETECT_WINDOW + 999;
	uint8_t *file = malloc(size);
	struct text text = {file, size};
	struct detect_scanner *scanner = make_scanner(ALL_CLASSES, BL_COUNT(customer));
	struct detect_spans whole = {0}, part = {0};
	uint32_t seed = 3;

	(void)state;
	for (unsigned round = 0; round < 24; round++) {
		size_t from = next_random(&seed) % size, to = from + next_random(&seed) % 9000,
		       k = 0;

		make_kinds(file, size, &seed);
		whole.count = part.count = 0;
		to = BL_MIN(to, size);
		assert_int_equal(scan_text(scanner, &text, 0, size, 77, &whole), BL_OK);
		assert_int_equal(scan_text(scanner, &text, from, to, 77, &part), BL_OK);
		for (size_t i = 0; i < whole.count; i++) {
			const struct detect_span *span = &whole.items[i];

			if (span->offset + span->length <= from || span->offset >= to)
				continue;
			assert_true(k < part.count);
			assert_same_span(span, &part.items[k++]);
		}
		assert_int_equal(k, part.count);
	}
	detect_spans_free(&whole);
	detect_spans_free(&part);
	detect_scanner_free(scanner);
	free(file);
}

static void key_blocks_are_found_from_the_window_behind_them(void **state)
{
	static const char begin[] = "-----BEGIN RSA PRIVATE KEY-----\n";
	static const char end[] = "-----END RSA PRIVATE KEY-----";
	size_t size = 3 * DETECT_WINDOW, start = 2 * DETECT_WINDOW - 15000;
	uint8_t *file = malloc(size);
	struct detect_scanner *scanner = make_scanner(ALL_CLASSES, 0);
	struct detect_spans spans = {0};

	(void)state;
	memset(file, 'A', size);
	for (size_t i = 63; i < size; i += 64)
		file[i] = '\n';
	memcpy(file + start, begin, sizeof(begin) - 1);
	memcpy(file + start + 16000, end, sizeof(end) - 1);
	scan_window(scanner, file, size, 2 * DETECT_WINDOW, DETECT_LEAD, DETECT_TAIL, &spans);
	assert_int_equal(spans.count, 1);
	assert_int_equal(spans.items[0].class, CLASS_PRIVATE_KEY);
	assert_int_equal(spans.items[0].offset, start);
	assert_int_equal(spans.items[0].length, 16000 + sizeof(end) - 1);

	/* Without its end, all that is base64 within reach is the key. */
	memset(file + start + 16000, 'A', sizeof(end) - 1);
	scan_window(scanner, file, size, 2 * DETECT_WINDOW, DETECT_LEAD, DETECT_TAIL, &spans);
	assert_int_equal(spans.count, 1);
	assert_int_equal(spans.items[0].length, DETECT_REACH);
	detect_spans_free(&spans);
	detect_scanner_free(scanner);
	free(file);
}

/* Blocks are sought in another way before the bytes that have bits than among them. */
static void key_blocks_are_found_wherever_they_begin(void **state)
{
	static const char begin[] = "-----BEGIN RSA PRIVATE KEY-----\n";
	size_t size = 3 * DETECT_WINDOW, edge = 2 * DETECT_WINDOW - DETECT_MARGIN - SCAN_SLACK;
	uint8_t *file = malloc(size);
	struct detect_scanner *scanner = make_scanner(ALL_CLASSES, 0);
	struct detect_spans spans = {0};

	(void)state;
	for (size_t start = edge - 60; start < edge + 20; start++) {
		memset(file, 'A', size);
		for (size_t i = 63; i < size; i += 64)
			file[i] = '\n';
		memcpy(file + start, begin, sizeof(begin) - 1);
		scan_window(scanner, file, size, 2 * DETECT_WINDOW, DETECT_LEAD, DETECT_TAIL,
			    &spans);
		assert_int_equal(spans.count, 1);
		assert_int_equal(spans.items[0].class, CLASS_PRIVATE_KEY);
		assert_int_equal(spans.items[0].offset, start);
	}
	detect_spans_free(&spans);
	detect_scanner_free(scanner);
	free(file);
}

/* ---- base64 ---------------------------------------------------------------------------------- */

/* Base64 of nothing in particular, @width to a line; returns how many bytes were written. */
static size_t put_base64(char *out, size_t count, size_t width, const char *newline, uint32_t *seed)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		if (i && i % width == 0)
			at += (size_t)sprintf(out + at, "%s", newline);
		out[at++] = alphabet[next_random(seed) % 64];
	}
	return at;
}

/* Marks what the spans of all windows cover. */
static void cover(const struct detect_scanner *scanner, const uint8_t *file, size_t size, bool *out)
{
	struct detect_spans spans = {0};

	memset(out, 0, size);
	for (size_t at = 0; at < size; at += DETECT_WINDOW) {
		scan_window(scanner, file, size, at, DETECT_LEAD, DETECT_TAIL, &spans);
		for (size_t i = 0; i < spans.count; i++)
			for (uint64_t k = spans.items[i].offset;
			     k < spans.items[i].offset + spans.items[i].length; k++)
				out[k] |= k >= at && k < at + DETECT_WINDOW;
	}
	detect_spans_free(&spans);
}

static void base64_is_hidden_wherever_it_stands(void **state)
{
	static const struct {
		const char *before, *newline, *after;
		size_t count, width;
	} rows[] = {
		{"-----BEGIN RSA PRIVATE KEY-----\n", "\n", "\n-----END RSA PRIVATE KEY-----\n",
		 80000, 64},
		{"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n", "\r\n", "\r\n", 80000, 60},
		{"-----BEGIN PRIVATE KEY-----\n", "\n", "\n", 80000, 24},
		{"{\"key\": \"-----BEGIN PRIVATE KEY-----\\n", "\\n", "\\n\"}", 80000, 64},
		{"{\"photo\": \"", "", "\", \"n\": 1}", 90000, 90000},
		{"{\"photo\": \"", "\\r\\n", "\", \"n\": 1}", 3000, 76},
		{"{\"note\": \"", "", "\"}", 128, 128},
		{"<img src='data:image/png;base64,", "", "'>", 700, 700},
		{"href=\"data:text/plain;base64,", "", "\">", 16, 16},
		{"--b\nContent-Transfer-Encoding: base64\n\n", "\n", "\n--b--\n", 500, 76},
		{"--b\nContent-Transfer-Encoding: BASE64\r\nX: y\r\n\r\n", "\r\n", "\r\n--b--", 24,
		 76},
		{"lorem\n> ", "\n> ", "\nipsum", 60 + 76, 76},
		{"a = [\n\t\"", "\",\n\t\"", "\"\n]", 64 * 4, 64},
	};
	struct detect_scanner *scanner = make_scanner(ALL_CLASSES, 0);
	char *file = malloc(400000);
	bool *covered = malloc(400000);

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		uint32_t seed = 11;
		size_t start = (size_t)sprintf(file, "%s", rows[i].before), size, end;

		end = start + put_base64(file + start, rows[i].count, rows[i].width,
					 rows[i].newline, &seed);
		size = end + (size_t)sprintf(file + end, "%s", rows[i].after);
		cover(scanner, (const uint8_t *)file, size, covered);
		/* The lines' own decoration may stay. */
		for (size_t k = start; k < end; k++)
			if (!covered[k] && !strchr("\r\n\t> \",", file[k]))
				fail_msg("row %zu: byte %zu of %zu shows", i, k - start,
					 end - start);
		if (covered[0] != (rows[i].before[0] == '-' && rows[i].before[2] == '-' &&
				   rows[i].before[3] == '-'))
			fail_msg("row %zu: the front", i);
	}
	free(covered);
	free(file);
	detect_scanner_free(scanner);
}

static void what_only_looks_like_base64_is_left_alone(void **state)
{
	static const struct row rows[] = {
		{"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  a\n"
		 "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752  b\n"
		 "fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13  c\n",
		 CLASS_SECRET, NULL},
		{"EE26B0DD4AF7E749AA1A8EE3C10AE9923F618980772E473F8819A5D4940E0DB2"
		 "7AC185F8A0E1D5F84F88BC887FD67B143732C304CC5FA9AD8E6F57F50028A8FF\n"
		 "EE26B0DD4AF7E749AA1A8EE3C10AE9923F618980772E473F8819A5D4940E0DB2"
		 "7AC185F8A0E1D5F84F88BC887FD67B143732C304CC5FA9AD8E6F57F50028A8FE\n",
		 CLASS_SECRET, NULL},
		{"\"integrity\": \"sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+"
		 "DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==\",\n\"dev\": true",
		 CLASS_SECRET, NULL},
		{"/home/kim/Documents/Projects/Archive2024/Holiday/Something/Else/And/More\n"
		 "/home/kim/Documents/Projects/Archive2024/Holiday/Something/Else/And/Less\n",
		 CLASS_SECRET, NULL},
		{"open /usr/lib/x86_64-linux-gnu/gstreamer/plugins/Base/Something/Very/Long/Indeed/"
		 "And/Then/Some/More/Of/It/Until/The/End/Libfoo2 failed",
		 CLASS_SECRET, NULL},
		{"123e4567-e89b-12d3-a456-426614174000\n123e4567-e89b-12d3-a456-426614174001\n"
		 "123e4567-e89b-12d3-a456-426614174002\n",
		 CLASS_SECRET, NULL},
		{"AbstractSingletonProxyFactoryBeanForTheInternalFrameTitlePaneWindowNotFocusedStat"
		 "e",
		 CLASS_SECRET, NULL},
		{"----------------------------------------------------------------------------\n"
		 "============================================================================\n"
		 "____________________________________________________________________________\n",
		 CLASS_SECRET, NULL},
		{"https://shop.example/a/b?item=8f14e45fceea167a5a36dedd4bea2543&next=Overview1",
		 CLASS_SECRET, NULL},
		{"a text about base64, and data:text/plain,hello", CLASS_SECRET, NULL},
	};
	static char same[5000];

	(void)state;
	check_rows(rows, BL_COUNT(rows), ALL_CLASSES, 0);
	memset(same, 'x', sizeof(same) - 1);
	check_rows(&(struct row){same, CLASS_SECRET, NULL}, 1, ALL_CLASSES, 0);
}

static void windows_that_are_not_text_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum bl_status status;
	} rows[] = {
		{"plain", 5, BL_OK},
		{"", 0, BL_OK},
		{"a\0b", 3, BL_UNSUPPORTED},
		{"a\xff"
		 "b",
		 3, BL_UNSUPPORTED},
		{"\x80"
		 "abc",
		 4, BL_UNSUPPORTED},
		{"caf\xc3\xa9", 5, BL_OK},
		{"caf\xc3", 4, BL_OK},		     /* cut by the end of the bytes */
		{"\xf0\x9f\x98", 3, BL_OK},	     /* the same */
		{"\xc0\xaf", 2, BL_UNSUPPORTED},     /* overlong */
		{"\xed\xa0\x80", 3, BL_UNSUPPORTED}, /* surrogate */
		{"caf\xc3 x", 6, BL_UNSUPPORTED},
	};
	struct detect_scanner *scanner = make_scanner(ALL_CLASSES, 1);
	struct detect_spans spans = {0};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct detect_window window = {.bytes = (const uint8_t *)rows[i].bytes,
					       .core = rows[i].length};
		enum bl_status status = detect_scan(scanner, &window, &spans);

		if (status != rows[i].status)
			fail_msg("row %zu: %s", i, bl_status_name(status));
	}
	detect_spans_free(&spans);
	detect_scanner_free(scanner);
}

static void names_are_scanned_too(void **state)
{
	static const struct {
		const char *name;
		size_t count;
		const char *value;
	} rows[] = {
		{"kim_miller-cv.pdf", 2, "kim_miller"},
		{"KimMiller.pdf", 1, "KimMiller"},
		{"call_07700900124.amr", 1, "07700900124"},
		{"scan-4111111111111111.txt", 1, "4111111111111111"},
		{"IMG_20240102_101112.jpg", 0, NULL},
		{"\xff\xfe.bin", 0, NULL},
		{"", 0, NULL},
	};
	struct detect_scanner *scanner = make_scanner(ALL_CLASSES, 1);
	struct detect_spans spans = {0};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		assert_int_equal(
			detect_scan_name(scanner, rows[i].name, strlen(rows[i].name), &spans),
			BL_OK);
		if (spans.count != rows[i].count ||
		    (spans.count && memcmp(rows[i].name + spans.items[0].offset, rows[i].value,
					   spans.items[0].length) != 0))
			fail_msg("row %zu: %zu spans in '%s'", i, spans.count, rows[i].name);
	}
	detect_spans_free(&spans);
	detect_scanner_free(scanner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_where_they_stand),
		cmocka_unit_test(what_only_looks_like_a_value_is_left_alone),
		cmocka_unit_test(the_customer_is_known_in_every_spelling),
		cmocka_unit_test(only_classes_asked_for_are_found),
		cmocka_unit_test(more_lead_and_tail_change_nothing),
		cmocka_unit_test(neighbouring_windows_agree_in_their_margins),
		cmocka_unit_test(any_part_of_any_text_has_the_same_spans),
		cmocka_unit_test(key_blocks_are_found_from_the_window_behind_them),
		cmocka_unit_test(key_blocks_are_found_wherever_they_begin),
		cmocka_unit_test(base64_is_hidden_wherever_it_stands),
		cmocka_unit_test(what_only_looks_like_base64_is_left_alone),
		cmocka_unit_test(windows_that_are_not_text_are_refused),
		cmocka_unit_test(names_are_scanned_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
