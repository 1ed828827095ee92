/* Tests policy/detect/words.c: phrases are found whatever their case, marks and gaps, and only whole */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "policy/detect/kind.h"

static struct words *make_words(void)
{
	static const struct word_meaning label = {.sort = MEANS_LABEL, .row = 7};
	static const struct word_meaning title = {.sort = MEANS_WORD, .sorts = WORD_TITLE};
	static const struct word_meaning rose = {.sort = MEANS_WORD, .sorts = WORD_GIVEN_TOO};
	static const struct word_meaning known = {.sort = MEANS_IDENTITY, .class = CLASS_NAME};
	static const struct word_meaning capital = {
		.sort = MEANS_IDENTITY, .class = CLASS_NAME, .needs_capital = true};
	struct words *words = NULL;

	assert_int_equal(words_new(&words), BL_OK);
	assert_int_equal(words_add_list(words, "téléphone|social security number|prüfziffer|tel|n°",
					'|', &label),
			 BL_OK);
	assert_int_equal(words_add_list(words, "herr mr", ' ', &title), BL_OK);
	assert_int_equal(words_add_list(words, "rose", ' ', &rose), BL_OK);
	assert_int_equal(words_add(words, "kim larsen", &known), BL_OK);
	assert_int_equal(words_add(words, "klarsen", &known), BL_OK);
	assert_int_equal(words_add(words, "butcher", &capital), BL_OK);
	assert_int_equal(words_finish(words), BL_OK);
	return words;
}

static void phrases_are_found_as_people_spell_them(void **state)
{
	static const struct {
		const char *text, *phrase; /* NULL: nothing */
	} rows[] = {
		{"Téléphone: 1", "Téléphone"},
		{"TELEPHONE", "TELEPHONE"},
		{"TÉLÉPHONE", "TÉLÉPHONE"},
		{"te\xcc\x81le\xcc\x81phone", "te\xcc\x81le\xcc\x81phone"},
		{"telephones", NULL},
		{"Social Security Number", "Social Security Number"},
		{"social_security-number", "social_security-number"},
		{"social\nsecurity  number", "social\nsecurity  number"},
		{"socialSecurityNumber", "socialSecurityNumber"},
		{"social security", NULL},
		{"social; - - security number", NULL},
		{"Prüfziffer", "Prüfziffer"},
		{"PRUEFZIFFER", "PRUEFZIFFER"},
		{"prufziffer", "prufziffer"},
		{"tel2: 5", "tel2"},
		{"tel20261: 5", NULL},
		{"Herr", "Herr"},
		{"herr1", NULL},
		{"KIM LARSEN", "KIM LARSEN"},
		{"kim.larsen@x", "kim.larsen"},
		{"klarsen84", "klarsen84"},
		{"klarsenx", NULL},
		{"Butcher", "Butcher"},
		{"butcher", NULL},
		{"", NULL},
	};
	struct words *words = make_words();

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct text text = {(const uint8_t *)rows[i].text, strlen(rows[i].text)};
		struct word_found found[WORDS_FOUND];
		size_t count = words_at(words, &text, 0, found);
		size_t length = rows[i].phrase ? strlen(rows[i].phrase) : 0;

		if (count != (rows[i].phrase ? 1u : 0u) || (count && found[0].end != length))
			fail_msg("row %zu: %zu in '%s'", i, count, rows[i].text);
	}
	words_free(words);
}

static void the_filter_knows_every_first_word_and_few_others(void **state)
{
	static const struct {
		const char *word;
		bool is_known;
	} rows[] = {{"telephone", true}, {"social", true},   {"herr", true},   {"kim", true},
		    {"Butcher", true},	 {"butcher", false}, {"rose", false},  {"Rose", true},
		    {"security", false}, {"larsen", false},  {"lorem", false}, {"ipsum", false}};
	struct words *words = make_words();

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct text text = {(const uint8_t *)rows[i].word, strlen(rows[i].word)};
		bool is_known = false;

		assert_int_equal(words_wide(words, &text, 0, text.length, &is_known), text.length);
		if (is_known != rows[i].is_known)
			fail_msg("'%s'", rows[i].word);
	}
	words_free(words);
}

static void sorts_are_those_of_the_whole_word(void **state)
{
	struct words *words = make_words();
	struct sink sink = {.words = words}, none = {0};
	struct text text = {(const uint8_t *)"Herr Rose", 9};

	(void)state;
	assert_int_equal(word_sorts(&sink, &text, 0, 4), WORD_TITLE);
	assert_int_equal(word_sorts(&sink, &text, 5, 9), WORD_GIVEN_TOO);
	assert_int_equal(word_sorts(&sink, &text, 0, 3), 0);
	assert_int_equal(word_sorts(&none, &text, 0, 4), 0);
	words_free(words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phrases_are_found_as_people_spell_them),
		cmocka_unit_test(the_filter_knows_every_first_word_and_few_others),
		cmocka_unit_test(sorts_are_those_of_the_whole_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
