/* Tests policy/detect/kinds/person-words.c: the lists are as words.c and
 * person.c want them */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/detect/kind.h"

/* Is @word in a list that has all of @sorts? */
static bool has_word(const char *word, unsigned sorts)
{
	char spaced[64], list[8192];

	snprintf(spaced, sizeof(spaced), " %s ", word);
	for (size_t i = 0; i < person_word_lists; i++) {
		if ((person_words[i].sort & sorts) != sorts)
			continue;
		assert_true(strlen(person_words[i].words) + 3 < sizeof(list));
		snprintf(list, sizeof(list), " %s ", person_words[i].words);
		if (strstr(list, spaced))
			return true;
	}
	return false;
}

static void lists_have_one_space_between_words_and_no_capitals(void **state)
{
	(void)state;
	for (size_t i = 0; i < person_word_lists; i++) {
		const char *words = person_words[i].words;

		assert_null(strstr(words, "  "));
		assert_true(words[0] != ' ' && words[strlen(words) - 1] != ' ');
		for (; *words; words++)
			assert_false((*words >= 'A' && *words <= 'Z') ||
				     (*words >= '0' && *words <= '9'));
	}
}

static void names_that_are_words_do_not_count_alone(void **state)
{
	static const char *const too[] = {"will",     "may",	    "rose",    "grace",	  "art",
					  "bill",     "chase",	    "paris",   "georgia", "jordan",
					  "florence", "washington", "victoria"};
	static const char *const sure[] = {"anna", "wolfgang", "giuseppe", "katarzyna", "mohammed"};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(too); i++) {
		assert_true(has_word(too[i], WORD_GIVEN_TOO));
		assert_false(has_word(too[i], WORD_GIVEN));
	}
	for (size_t i = 0; i < BL_COUNT(sure); i++)
		assert_true(has_word(sure[i], WORD_GIVEN));
}

static void every_sort_has_words(void **state)
{
	(void)state;
	assert_true(has_word("herr", WORD_TITLE));
	assert_true(has_word("dear", WORD_GREETING));
	assert_true(has_word("regards", WORD_CLOSING));
	assert_true(has_word("van", WORD_PARTICLE));
	assert_true(has_word("street", WORD_STREET));
	assert_true(has_word("kowalski", WORD_SURNAME));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_have_one_space_between_words_and_no_capitals),
		cmocka_unit_test(names_that_are_words_do_not_count_alone),
		cmocka_unit_test(every_sort_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
