/* Tests policy/detect/kinds/person.c and person-words.c: names by grammar, and
 * what only looks like one */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/detect/kind.h"
#include "tests/unit/policy/detect/kinds/hidden.h"

static void check_rows(const struct row *rows, size_t count)
{
	check_hidden(CLASS_BIT(CLASS_NAME), rows, count);
}

static void names_are_found_by_given_name(void **state)
{
	static const struct row rows[] = {
		{"Call Kim Larsen today.", "Kim Larsen"},
		{"Kim M. Larsen and Anna van der Berg met.", "Kim M. Larsen|Anna van der Berg"},
		{"Anna's book, Peter\u2019s pen", "Anna|Peter"},
		{"Larsen, Kim; M\u00fcller, Hans-J\u00fcrgen",
		 "Larsen, Kim|M\u00fcller, Hans-J\u00fcrgen"},
		{"JOHN SMITH and Sean O'Brien III", "JOHN SMITH|Sean O'Brien III"},
		{"Anne-Marie McKay called", "Anne-Marie McKay"},
		{"Nagy L\u00e1szl\u00f3 and Wang Wei", "Nagy L\u00e1szl\u00f3|Wang Wei"},
		{"asked Will Smith about it", "Will Smith"},
		{"that Kaczmarek was asked", "Kaczmarek"},
		{"\u0418\u0432\u0430\u043d \u041f\u0435\u0442\u0440\u043e\u0432 "
		 "\u043f\u0440\u0438\u0448\u0451\u043b",
		 "\u0418\u0432\u0430\u043d \u041f\u0435\u0442\u0440\u043e\u0432"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows));
}

static void names_are_found_behind_titles_greetings_and_closings(void **state)
{
	static const struct row rows[] = {
		{"Dr. Xyzzy came with Prof. Dr. Quabble", "Xyzzy|Quabble"},
		{"Mr. and Mrs. Smith", "Smith"},
		{"Herr Zorb und Frau Wei\u00dfgerber", "Zorb|Wei\u00dfgerber"},
		{"Dear Kyzm,\nhow are you", "Kyzm"},
		{"Best regards,\nQimby Zorb\nSales", "Qimby Zorb"},
		{"Mit freundlichen Gr\u00fc\u00dfen\n\nQimby Zorb\n", "Qimby Zorb"},
		{"Regards, Qimby", "Qimby"},
		{"My name is Rubija.", "Rubija"},
		{"ich hei\u00dfe Zorbas Kleiv und", "Zorbas Kleiv"},
		{"Patient: Zyx Quux", "Zyx Quux"},
		{"\u6c0f\u540d\uff1a\u7530\u4e2d\u592a\u90ce", "\u7530\u4e2d\u592a\u90ce"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows));
}

static void words_places_and_code_are_no_names(void **state)
{
	static const struct row rows[] = {
		{"May I? Will do. Mark the file. Grant access. Rose Garden", ""},
		{"a step of Newton, by Dijkstra or Legendre", ""},
		{"written by Isaac Newton", "Isaac Newton"},
		{"Victoria Street is in Paris, Georgia near St. John's church", ""},
		{"anna.parse() Anna.parse() AnnaKim Lib::Anna foo_Anna /home/Anna", ""},
		{"kim@ Anna_2 Anna2 Anna( anna Maria(x)", ""},
		{"Dear Team, Dear Customer, Hello World", ""},
		{"I am German. I'm Sure", ""},
		{"Best regards,\nThe Team", ""},
		{"Sr. Developer, Jan 2024, 12 May, System V Release 4", ""},
		{"Charlotte Airport and Kennedy Center", ""},
		{"ERROR ANNA failed, MAX SIZE", ""},
		{"1700000000000 550e8400-e29b-41d4-a716-446655440000 1.3.6.1.4.1", ""},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found_by_given_name),
		cmocka_unit_test(names_are_found_behind_titles_greetings_and_closings),
		cmocka_unit_test(words_places_and_code_are_no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
