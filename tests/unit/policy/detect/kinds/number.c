/* Tests policy/detect/kinds/number.c: digits in groups, and dates among them */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "policy/detect/kinds/number.h"

static void parse(const char *string, struct number *out)
{
	struct text text = {(const uint8_t *)string, strlen(string)};

	number_parse(&text, 0, out);
}

static void groups_are_read_with_what_stands_between(void **state)
{
	/* sizes of groups, styles between them ('0' for none) */
	static const struct {
		const char *text, *sizes, *styles;
	} rows[] = {
		{"1234567", "7", ""},
		{"202-555-0143", "334", "--"},
		{"202.555.0143 x", "334", ".."},
		{"202) 555-0143", "334", " -"},
		{"202)555-0143", "334", "0-"},
		{"030/1234567", "37", "/"},
		{"12\u00a034\u202f56\u201178", "2222", "  -"},
		{"12 - 34", "22", "-"},
		{"12  34", "22", " "},
		{"12      34", "2", ""},
		{"12,34", "2", ""},
		{"4111\u200b1111", "8", ""},
		{"1 2 3 4 5 6 7 8 9 1 2 3", "111111111111", "           "},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char sizes[NUMBER_GROUPS + 1] = "", styles[NUMBER_GROUPS + 1] = "";
		struct number number;

		parse(rows[i].text, &number);
		for (size_t k = 0; k < number.groups; k++) {
			sizes[k] = (char)('0' + number.group[k].size);
			if (k)
				styles[k - 1] = number.group[k].gap.style
							? (char)number.group[k].gap.style
							: '0';
		}
		if (strcmp(sizes, rows[i].sizes) != 0 || strcmp(styles, rows[i].styles) != 0)
			fail_msg("'%s': '%s' '%s'", rows[i].text, sizes, styles);
	}
}

static void longer_numbers_than_any_of_ours_are_cut(void **state)
{
	struct number number;

	(void)state;
	parse("123456789012345678901234", &number);
	assert_false(number.is_cut);
	assert_int_equal(number.count, 24);
	parse("1234567890123456789012345", &number);
	assert_true(number.is_cut);
	assert_int_equal(number.groups, 0);
	parse("1 2 3 4 5 6 7 8 9 1 2 3 4", &number);
	assert_true(number.is_cut);
	assert_int_equal(number.groups, NUMBER_GROUPS);
}

static void dates_are_told_from_phones(void **state)
{
	static const struct {
		const char *text;
		bool is_date;
	} rows[] = {
		{"2024-01-02", true},	   {"2024/01/02", true},      {"2024.01.02 10", true},
		{"02.01.2024", true},	   {"2/1/24", true},	      {"20240102", true},
		{"20240102 101112", true}, {"20240102101112", true},  {"202401021011", true},
		{"20241302", false},	   {"0470 12 34 56", false},  {"202-555-0143", false},
		{"5550143", false},	   {"01 99 00 12 34", false}, {"12345678", false},
		{"20246102101112", false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct number number;

		parse(rows[i].text, &number);
		if (number_is_date(&number) != rows[i].is_date)
			fail_msg("'%s'", rows[i].text);
	}
}

static void what_stands_before_is_told(void **state)
{
	static const struct {
		const char *text; /* the number begins at '^' */
		bool letter, number, dashed;
	} rows[] = {
		{"^12", false, false, false},	 {"a^12", true, false, false},
		{"\\n^12", false, false, false}, {"3 ^12", false, true, false},
		{"3-^12", false, true, true},	 {"a-^12", false, false, false},
		{"3, ^12", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char bytes[32];
		size_t at = (size_t)(strchr(rows[i].text, '^') - rows[i].text);
		struct text text = {(const uint8_t *)bytes, at + 2};

		snprintf(bytes, sizeof(bytes), "%.*s12", (int)at, rows[i].text);
		if (number_follows_letter(&text, at) != rows[i].letter ||
		    number_follows_number(&text, at) != rows[i].number ||
		    number_continues(&text, at, '-') != rows[i].dashed)
			fail_msg("'%s'", rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_read_with_what_stands_between),
		cmocka_unit_test(longer_numbers_than_any_of_ours_are_cut),
		cmocka_unit_test(dates_are_told_from_phones),
		cmocka_unit_test(what_stands_before_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
