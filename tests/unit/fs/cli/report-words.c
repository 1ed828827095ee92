/* What customers read is there in every language, with the same things in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/cli/report-words.c"
#include "tests/unit/fs/cli/page.h"

/* Which of %1 to %4 stand in it, as bits; -1: something else follows a %. */
static int filled_in(const char *text)
{
	int bits = 0;

	for (const char *at = strchr(text, '%'); at; at = strchr(at + 1, '%')) {
		if (at[1] < '1' || at[1] > '4')
			return -1;
		bits |= 1 << (at[1] - '1');
	}
	return bits;
}

static void every_word_is_there_in_every_language(void **state)
{
	(void)state;
	for (unsigned word = 0; word < WORD_COUNT; word++)
		for (unsigned lang = 0; lang < REPORT_LANG_COUNT; lang++) {
			const char *text = report_word((enum report_lang)lang, word);

			if (!text || !*text)
				fail_msg("word %u of %s is missing", word, LANGS[lang]);
			if (filled_in(text) < 0 || filled_in(text) != filled_in(WORDS[word][0]))
				fail_msg("word %u: '%s' against '%s'", word, text, WORDS[word][0]);
			/* A translation that was forgotten. */
			if (lang && strlen(text) > 20 && strcmp(text, WORDS[word][0]) == 0)
				fail_msg("word %u is not translated: '%s'", word, text);
		}
}

static void every_class_and_kind_has_a_name(void **state)
{
	(void)state;
	for (unsigned lang = 0; lang < REPORT_LANG_COUNT; lang++) {
		for (unsigned i = 0; i < CLASS_COUNT; i++)
			assert_true(*report_class((enum report_lang)lang,
						  bl_class_name((enum bl_class)i)));
		for (unsigned i = 0; i < DEVICE_KIND_COUNT; i++)
			assert_true(*report_kind((enum report_lang)lang,
						 bl_device_kind_name((enum bl_device_kind)i)));
		assert_string_equal(report_class((enum report_lang)lang, "loyalty-card"),
				    "loyalty-card");
	}
	assert_string_equal(report_kind(REPORT_DE, "spaceship"), "Gerät");
}

static void texts_go_where_they_belong(void **state)
{
	(void)state;
	static const struct {
		enum report_lang lang;
		enum report_word word;
		const char *texts[5], *said;
	} ROWS[] = {
		{REPORT_EN, WORD_P_FOR, {"repair", NULL}, "for repair"},
		{REPORT_DE, WORD_FILE_N, {"1.234", NULL}, "1.234 Dateien"},
		/* What is filled in is no pattern itself, and what is not given stays visible. */
		{REPORT_EN, WORD_P_FOR, {"%1 100%", NULL}, "for %1 100%"},
		{REPORT_EN, WORD_WHO_MANY, {"a", NULL}, "a (%2 people)"},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char *said = report_say(ROWS[i].lang, ROWS[i].word, ROWS[i].texts);

		assert_string_equal(said, ROWS[i].said);
		free(said);
	}
}

static void dates_are_those_of_the_language(void **state)
{
	static const struct {
		const char *moment, *en, *de, *short_en, *short_de;
	} ROWS[] = {
		{"2026-11-02 10:00", "2 November 2026", "2. November 2026", "2 Nov 2026",
		 "02.11.2026"},
		{"2026-03-31T23:59:00Z", "31 March 2026", "31. März 2026", "31 Mar 2026",
		 "31.03.2026"},
		{"2026-13-01", "", "", "", ""},
		{"2026-00-01", "", "", "", ""},
		{"soon", "", "", "", ""},
		{"", "", "", "", ""},
		{NULL, "", "", "", ""},
	};
	char out[REPORT_DATE];

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		assert_string_equal(report_date(REPORT_EN, ROWS[i].moment, out), ROWS[i].en);
		assert_string_equal(report_date(REPORT_DE, ROWS[i].moment, out), ROWS[i].de);
		assert_string_equal(report_short_date(REPORT_EN, ROWS[i].moment, out),
				    ROWS[i].short_en);
		assert_string_equal(report_short_date(REPORT_DE, ROWS[i].moment, out),
				    ROWS[i].short_de);
	}
}

static void languages_go_by_their_names(void **state)
{
	enum report_lang lang = REPORT_EN;

	(void)state;
	assert_true(report_lang_parse("de", &lang));
	assert_int_equal(lang, REPORT_DE);
	assert_string_equal(report_lang_name(lang), "de");
	assert_false(report_lang_parse("DE", &lang));
	assert_false(report_lang_parse("", &lang));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_is_there_in_every_language),
		cmocka_unit_test(every_class_and_kind_has_a_name),
		cmocka_unit_test(texts_go_where_they_belong),
		cmocka_unit_test(dates_are_those_of_the_language),
		cmocka_unit_test(languages_go_by_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
