#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/cli/tell.c"
#include "tests/unit/fs/cli/page.h"

static int use_utf8(void **state)
{
	(void)state;
	return setenv("LC_ALL", "C.UTF-8", 1);
}

static int use_ascii(void **state)
{
	(void)state;
	return setenv("LC_ALL", "C", 1);
}

static void a_span_is_said_as_policies_write_it(void **state)
{
	static const struct {
		int64_t seconds;
		const char *words;
	} ROWS[] = {{0, "0 seconds"},
		    {1, "1 second"},
		    {59, "59 seconds"},
		    {60, "1 minute"},
		    {90, "90 seconds"},
		    {3600, "1 hour"},
		    {86400, "24 hours"},
		    {259200, "72 hours"},
		    {345600, "4 days"},
		    {2592000, "30 days"},
		    {349200, "97 hours"},
		    {15552000, "180 days"},
		    {2592001, "2592001 seconds"}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char words[TELL_SPAN];

		if (strcmp(tell_span(ROWS[i].seconds, words), ROWS[i].words) != 0)
			fail_msg("%lld is said as '%s'", (long long)ROWS[i].seconds, words);
	}
}

static void a_rough_span_is_the_nearest_of_a_fitting_unit(void **state)
{
	static const struct {
		int64_t seconds;
		const char *words;
	} ROWS[] = {
		{5, "5 seconds"},   {-5, "5 seconds"},	     {119, "119 seconds"},
		{130, "2 minutes"}, {7200, "2 hours"},	     {9100, "3 hours"},
		{172800, "2 days"}, {-31536000, "365 days"}, {INT64_MIN, "106751991167301 days"}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char words[TELL_SPAN];

		if (strcmp(tell_about(ROWS[i].seconds, words), ROWS[i].words) != 0)
			fail_msg("%lld is said as '%s'", (long long)ROWS[i].seconds, words);
	}
}

static const struct {
	const char *text, *utf8, *ascii;
} TEXTS[] = {
	{"plain ~ text", "plain ~ text", "plain ~ text"},
	{"tab\there", "tab\\x09here", "tab\\x09here"},
	{"\033[31mred", "\\x1b[31mred", "\\x1b[31mred"},
	{"line\nline", "line\\x0aline", "line\\x0aline"},
	{"\x7f", "\\x7f", "\\x7f"},
	{"Gehäuse", "Gehäuse", "Geh\\xc3\\xa4use"},
	{"\xc2\x9b"
	 "31m",
	 "\\xc2\\x9b"
	 "31m",
	 "\\xc2\\x9b"
	 "31m"},						/* a C1 control */
	{"\xe2\x80\xae", "\\xe2\\x80\\xae", "\\xe2\\x80\\xae"}, /* right to left from here on */
	{"\xe2\x80\x8b", "\\xe2\\x80\\x8b", "\\xe2\\x80\\x8b"}, /* no width */
	{"\xff\xc3", "\\xff\\xc3", "\\xff\\xc3"},		/* no UTF-8 */
	{"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80"}, /* half a pair */
};

static void check_texts(bool is_utf8)
{
	for (size_t i = 0; i < BL_COUNT(TEXTS); i++) {
		char *clean = tell_clean(TEXTS[i].text, NULL);

		assert_non_null(clean);
		if (strcmp(clean, is_utf8 ? TEXTS[i].utf8 : TEXTS[i].ascii) != 0)
			fail_msg("row %zu: '%s'", i, clean);
		free(clean);
	}
}

static void no_text_moves_the_terminal_but_letters_are_shown(void **state)
{
	(void)state;
	check_texts(true);
}

static void without_utf8_all_but_ascii_is_written_out(void **state)
{
	(void)state;
	check_texts(false);
}

static void the_locale_is_that_of_the_first_name_that_is_set(void **state)
{
	static const struct {
		const char *all, *ctype, *lang;
		bool is_utf8;
	} ROWS[] = {{"C", "de_DE.UTF-8", "de_DE.UTF-8", false},
		    {"", "de_DE.utf8", "C", true},
		    {"", "", "en_GB.UTF-8", true},
		    {"", "", "", false}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		setenv("LC_ALL", ROWS[i].all, 1);
		setenv("LC_CTYPE", ROWS[i].ctype, 1);
		setenv("LANG", ROWS[i].lang, 1);
		if (tell_is_utf8() != ROWS[i].is_utf8)
			fail_msg("row %zu", i);
	}
}

static void wrapped_text_keeps_its_words_and_stays_in_the_page(void **state)
{
	static const char TEXT[] =
		"one two three four five six seven eight nine ten eleven twelve thirteen fourteen\n"
		"a new line that is kept, and words words words words words words words words";
	struct page page;

	(void)state;
	page_begin(&page);
	assert_int_equal(tell_wrapped(page.out, 6, TEXT), 4);
	page_has(page_end(&page), "thirteen\n      fourteen\n      a new line");
	assert_int_equal(page_lines(page.text), 4);
	assert_true(page_width(page.text) <= TELL_WIDE);
	free(page.text);
}

static void a_row_has_its_label_once(void **state)
{
	struct page page;

	(void)state;
	page_begin(&page);
	tell_row(page.out, 10, "what",
		 "one two three four five six seven eight nine ten eleven twelve thirteen \033\n.");
	tell_row(page.out, 10, "where", "shelf/2");
	assert_string_equal(page_end(&page),
			    "what      one two three four five six seven eight nine ten eleven "
			    "twelve\n"
			    "          thirteen \\x1b\\x0a.\n"
			    "where     shelf/2\n");
	free(page.text);
}

static void a_table_is_as_wide_as_what_stands_in_it(void **state)
{
	struct tell_table table = {.heads = {"NAME", ">HOLDS", "NOTHING", "LAST"}, .indent = 1};
	struct page page;

	(void)state;
	tell_table_add(&table, (const char *[]){"a", "12", "", ""});
	tell_table_add(&table, (const char *[]){"Gehäuse", NULL, "", "end"});
	page_begin(&page);
	tell_table_print(page.out, &table);
	tell_table_done(&table);
	assert_string_equal(page_end(&page), " NAME     HOLDS  LAST\n"
					     " a           12\n"
					     " Gehäuse         end\n");
	free(page.text);
}

static void a_list_leaves_out_what_does_not_fit(void **state)
{
	struct tell_list list = {.between = "; "};
	char longest[sizeof(list.text)];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	tell_list_add(&list, "%s", "");
	tell_list_add(&list, "first");
	tell_list_add(&list, "%s", longest);
	tell_list_add(&list, "%d", 2);
	assert_string_equal(list.text, "first; 2");
}

static void a_date_is_what_is_said_or_else_utc(void **state)
{
	static const struct {
		const char *json, *date;
	} ROWS[] = {{"{\"due\":\"2026-12-01 22:00\",\"due_unix\":1}", "2026-12-01 22:00"},
		    {"{\"due\":\"\",\"due_unix\":1795168800}", "2026-11-20 10:00"},
		    {"{\"due_unix\":0}", ""},
		    {"{\"due_unix\":-5}", ""},
		    {"{\"due_unix\":9223372036854775807}", ""},
		    {"{}", ""}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		json_t *object = page_json(ROWS[i].json);
		char date[TELL_DATE];

		if (strcmp(tell_date(object, "due", date), ROWS[i].date) != 0)
			fail_msg("%s: '%s'", ROWS[i].json, date);
		json_decref(object);
	}
}

static void nobody_is_bailee_itself(void **state)
{
	static const struct {
		const char *json, *who;
	} ROWS[] = {{"{\"by\":61002}", "uid:61002"},   {"{\"by\":0}", "uid:0"},
		    {"{\"by\":4294967295}", "bailee"}, {"{\"by\":null}", "bailee"},
		    {"{\"by\":\"kim\"}", "kim"},       {"{}", "bailee"}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		json_t *object = page_json(ROWS[i].json);
		char who[TELL_WHO];

		if (strcmp(tell_who(object, "by", who), ROWS[i].who) != 0)
			fail_msg("%s: '%s'", ROWS[i].json, who);
		json_decref(object);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_span_is_said_as_policies_write_it),
		cmocka_unit_test(a_rough_span_is_the_nearest_of_a_fitting_unit),
		cmocka_unit_test_setup(no_text_moves_the_terminal_but_letters_are_shown, use_utf8),
		cmocka_unit_test_setup(without_utf8_all_but_ascii_is_written_out, use_ascii),
		cmocka_unit_test(the_locale_is_that_of_the_first_name_that_is_set),
		cmocka_unit_test_setup(wrapped_text_keeps_its_words_and_stays_in_the_page,
				       use_ascii),
		cmocka_unit_test(a_row_has_its_label_once),
		cmocka_unit_test_setup(a_table_is_as_wide_as_what_stands_in_it, use_utf8),
		cmocka_unit_test(a_list_leaves_out_what_does_not_fit),
		cmocka_unit_test(a_date_is_what_is_said_or_else_utc),
		cmocka_unit_test(nobody_is_bailee_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
