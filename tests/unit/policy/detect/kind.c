/* Tests policy/detect/kind.c: the language of forms, where values may begin and end, and what is a value */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "policy/detect/kind.h"

/* The value that begins at the first '^' of the text, which is taken out; NULL: none. */
struct row {
	const char *forms, *text, *value;
};

static void check_row(const struct kind *kind, const struct row *row)
{
	char bytes[256];
	size_t at = (size_t)(strchr(row->text, '^') - row->text), length = strlen(row->text) - 1;
	struct text text = {(const uint8_t *)bytes, length};
	size_t end;

	memcpy(bytes, row->text, at);
	memcpy(bytes + at, row->text + at + 1, length - at);
	end = kind_end(kind, &text, at);
	if (end - at != (row->value ? strlen(row->value) : 0) ||
	    (row->value && memcmp(bytes + at, row->value, end - at) != 0))
		fail_msg("'%s' in '%s': '%.*s'", row->forms, row->text, (int)(end - at),
			 bytes + at);
}

static void forms_say_how_values_are_written(void **state)
{
	static const struct row rows[] = {
		{"d", "^7", "7"},
		{"d{3}", "^123", "123"},
		{"d{3}", "^12", NULL},
		{"d{3}", "^1234", NULL},
		{"d{2,4}", "^123", "123"},
		{"d{2,4}", "^12345", NULL},
		{"a{2}d", "^aB1", "aB1"},
		{"x{4}", "^a1B2", "a1B2"},
		{"h{4}", "^aF09", "aF09"},
		{"h{4}", "^aG09", NULL},
		{"d{3}-d{2}-d{4}", "^219-09-9999", "219-09-9999"},
		{"d{3}-d{2}-d{4}", "^219 09 9999", "219 09 9999"},
		{"d{3}-d{2}-d{4}", "^219.09.9999", "219.09.9999"},
		{"d{3}-d{2}-d{4}", "^219/09/9999", "219/09/9999"},
		{"d{3}-d{2}-d{4}", "^219\u00a009\u00a09999", "219\u00a009\u00a09999"},
		{"d{3}-d{2}-d{4}", "^219\u202f09\u202f9999", "219\u202f09\u202f9999"},
		{"d{3}-d{2}-d{4}", "^219\u201009\u20109999", "219\u201009\u20109999"},
		{"d{3}-d{2}-d{4}", "^219\u201309\u20139999", "219\u201309\u20139999"},
		{"d{3}-d{2}-d{4}", "^219-09 9999", NULL},
		{"d{3}-d{2}-d{4}", "^219\u201309-9999", NULL},
		{"d{3}-d{2}-d{4}", "^219099999", NULL},
		{"d{2}_d{2}_d{2}", "^12 34 56", "12 34 56"},
		{"d{2}_d{2}_d{2}", "^123456", "123456"},
		{"d{2}_d{2}_d{2}", "^12 3456", NULL},
		{"d{2}_d{2}_d{2}", "^1234 56", NULL},
		{"a{2}_d{2}_d{2}_d{2}_a", "^AB 12 34 56 C", "AB 12 34 56 C"},
		{"a{2}_d{6}_a", "^ab123456c", "ab123456c"},
		{"d{6}-d{4}_d", "^123456-1234 5", "123456-1234 5"},
		{"DEd{9}", "^de123456789", "de123456789"},
		{"DEd{9}", "^DE123456789", "DE123456789"},
		{"\\dd", "^d5", "d5"},
		{"\\dd", "^55", NULL},
		{"(d{3})", "^(123)", "(123)"},
		{"\\-d{3}", "^-123", "-123"},
		{"\\-d{3}", "^ 123", NULL},
		{"d{2}|d{4}|d{3}", "^1234", "1234"},
		{"d{3}|d{3}-d{3}", "^123-456", "123-456"},
		{"\\|d", "^|5", "|5"},
		{"N°d{2}", "^n°12", "n°12"},
		{"", "^12", NULL},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct kind kind = {.forms = rows[i].forms};

		check_row(&kind, &rows[i]);
	}
}

static void values_begin_and_end_with_words_and_numbers(void **state)
{
	static const struct row rows[] = {
		{"d{4}", "a^1234", NULL},	  {"d{4}", "^1234a", NULL},
		{"d{4}", "é^1234", NULL},	  {"d{4}", "^1234é", NULL},
		{"d{4}", "(^1234)", "1234"},	  {"d{4}", "x_^1234_y", "1234"},
		{"d{4}", "5-^1234", NULL},	  {"d{4}", "^1234-5", NULL},
		{"d{4}", "5.^1234", NULL},	  {"d{4}", "^1234.5", NULL},
		{"d{4}", "5/^1234", NULL},	  {"d{4}", "^1234/5", NULL},
		{"d{4}", "5:^1234", NULL},	  {"d{4}", "^1234:5", NULL},
		{"d{4}", "no:^1234, no", "1234"}, {"d{4}", "42,^1234,7", "1234"},
		{"d{4}", "^1234,50 EUR", NULL},	  {"d{3}", "1,^234,567", NULL},
		{"d{4}", "5 ^1234 6", "1234"},	  {"d{4}", "v-^1234-x", "1234"},
		{"d{4}", "end ^1234.", "1234"},	  {"(d{3})", "x^(123)", "(123)"},
		{"a{2}d{2}", "5-^ab12", "ab12"},  {"d{4}", "\"\\n^1234\"", "1234"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct kind kind = {.forms = rows[i].forms};

		check_row(&kind, &rows[i]);
	}
}

static bool is_even(const char *value, size_t count)
{
	return value[count] == '\0' && (value[count - 1] - '0') % 2 == 0;
}

static bool is_upper(const char *value, size_t count)
{
	return count == 3 && memcmp(value, "AB1", 3) == 0;
}

static size_t to_bang(const struct text *text, size_t at)
{
	const uint8_t *bang = memchr(text->bytes + at, '!', text->length - at);

	return bang ? (size_t)(bang - text->bytes) : at;
}

static void checks_see_letters_and_digits_only(void **state)
{
	static const struct row even[] = {{"d{2}-d{2}|d{2}", "^12-34", "12-34"},
					  {"d{2}-d{2}|d{2}", "^12 35", "12"},
					  {"d{2}-d{2}|d{2}", "^12-35", NULL},
					  {"d{2}-d{2}|d{2}", "^11", NULL}};
	static const struct row upper = {"x{2}-x", "^ab-1", "ab-1"};
	static const struct row bang[] = {{"", "^a.B- 1!", "a.B- 1"}, {"", "^ab2!", NULL}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(even); i++)
		check_row(&(struct kind){.forms = even[i].forms, .check = is_even}, &even[i]);
	check_row(&(struct kind){.forms = upper.forms, .check = is_upper}, &upper);
	for (size_t i = 0; i < BL_COUNT(bang); i++)
		check_row(&(struct kind){.match = to_bang, .check = is_upper}, &bang[i]);
}

static void a_value_is_what_a_check_would_take(void **state)
{
	static const struct {
		enum bl_class class;
		const char *value;
		bool is_value;
	} rows[] = {
		{CLASS_CARD, "4111 1111 1111 1111", true},
		{CLASS_CARD, "4111 1111 1111 1112", false},
		{CLASS_CARD, "4111", false},
		{CLASS_IBAN, "GB82 WEST 1234 5698 7654 32", true},
		{CLASS_IBAN, "gb82west12345698765432", true},
		{CLASS_IBAN, "GB82 WEST 1234 5698 7654 33", false},
		{CLASS_NAME, "Ada", false},
		{CLASS_CARD, "", false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (detect_is_value(rows[i].class, (const uint8_t *)rows[i].value,
				    strlen(rows[i].value)) != rows[i].is_value)
			fail_msg("row %zu: '%s'", i, rows[i].value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_say_how_values_are_written),
		cmocka_unit_test(values_begin_and_end_with_words_and_numbers),
		cmocka_unit_test(checks_see_letters_and_digits_only),
		cmocka_unit_test(a_value_is_what_a_check_would_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
