/* Tests policy/detect/kinds/near.c: the words directly before a value, which begins at '^' */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "policy/detect/kinds/near.h"

struct row {
	const char *text;
	bool is_near;
};

typedef bool near_fn(const struct text *text, size_t at);

static void check_rows(const struct row *rows, size_t count, near_fn *near)
{
	for (size_t i = 0; i < count; i++) {
		char bytes[256];
		size_t at = (size_t)(strchr(rows[i].text, '^') - rows[i].text);
		size_t length = strlen(rows[i].text) - 1;
		struct text text = {(const uint8_t *)bytes, length};

		memcpy(bytes, rows[i].text, at);
		memcpy(bytes + at, rows[i].text + at + 1, length - at);
		if (near(&text, at) != rows[i].is_near)
			fail_msg("'%s'", rows[i].text);
	}
}

static bool behind_pin(const struct text *text, size_t at)
{
	return near_behind(text, at, "|pin|prufziffer|geheimzahl|");
}

static void a_value_stands_right_behind_its_label(void **state)
{
	static const struct row rows[] = {
		{"PIN ^4821", true},
		{"PIN: ^4821", true},
		{"pin=^4821", true},
		{"\"pin\": \"^4821\"", true},
		{"my pin is ^4821", true},
		{"PIN number is: ^4821", true},
		{"pin_2=^4821", true},
		{"pin2 ^4821", true},
		{"Prüfziffer ^482", true},
		{"PRÜFZIFFER: ^482", true},
		{"PIN\n^4821", true},
		{"PIN\n\n^4821", false},
		{"pin for order ^4821", false},
		{"pin 12 ^4821", false},
		{"spin ^4821", false},
		{"pins ^4821", false},
		{"^4821", false},
		{" ^4821", false},
		{"pin          ^4821", false},
		{"pin is the new number code value is ^4821", false},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), behind_pin);
}

static bool word_order(const struct text *text, size_t at)
{
	return near_word(text, at, "|order|id|");
}

static void the_word_before_is_looked_up(void **state)
{
	static const struct row rows[] = {
		{"order ^123", true},	  {"order: ^123", true},  {"call_id=^123", true},
		{"order no ^123", false}, {"order\n^123", false}, {"^123", false},
		{"idea ^123", false},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), word_order);
}

static void parts_of_longer_things_are_told(void **state)
{
	static const struct row rows[] = {
		{"a1b2-^1234567", true},    {"v1.2-^1234567", true},  {"#^1234567", true},
		{"x/2024/^1234567", false}, {"2024/^1234567", false}, {"tel-^1234567", false},
		{"tel: ^1234567", false},   {"^1234567", false},      {"(^1234567", false},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), near_is_part);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_stands_right_behind_its_label),
		cmocka_unit_test(the_word_before_is_looked_up),
		cmocka_unit_test(parts_of_longer_things_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
