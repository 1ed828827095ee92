#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/cli/letter.c"
#include "fs/cli/tell.c"
#include "tests/unit/fs/cli/page.h"

#define INCIDENT                                                                                   \
	"\"device\":\"RMA-1002\",\"number\":3,\"opened_unix\":1795251600,\"deadline\":\"2026-11-"  \
	"24 "                                                                                      \
	"09:00\",\"kind_of_device\":\"phone\",\"maker\":\"Acme\",\"model\":\"Fon 3\",\"notes\":[{" \
	"\"text\":\"SECRET-NOTE\",\"by\":61001}]"

/* The letter about an incident with these keys more; free is due. */
static char *letter_about(const char *more)
{
	char *text = NULL, *letter = NULL;
	struct bl_error why = {{0}};

	assert_true(asprintf(&text, "{%s,%s}", INCIDENT, more) > 0);

	json_t *incident = page_json(text);

	if (letter_write(incident, &letter, &why) != BL_OK)
		fail_msg("%s: %s", more, why.text);
	json_decref(incident);
	free(text);
	return letter;
}

/* Words that stand on one line or are wrapped. */
static void says(const char *letter, const char *wanted)
{
	char *flat = strdup(letter);

	assert_non_null(flat);
	for (char *c = flat; *c; c++)
		*c = *c == '\n' ? ' ' : *c;
	if (!strstr(flat, wanted))
		fail_msg("'%s' is not said in:\n%s", wanted, letter);
	free(flat);
}

static void every_kind_has_what_the_law_asks_for(void **state)
{
	static const struct {
		const char *kind, *subject;
		bool is_breach;
	} KINDS[] = {{"damage", "Damage to your device", false},
		     {"loss", "Loss of your device", true},
		     {"exposure", "Your data was seen", true},
		     {"complaint", "Your complaint", false}};
	static const char *const ALWAYS[] = {
		"[name and address of the customer]",
		"[what happened, in your own words",
		"What it may mean for you", /* likely consequences */
		"What we have done",	    /* measures */
		"What you can do",
		"Whom to ask: [name, telephone, e-mail", /* contact point */
		"complain to the data protection authority",
		"phone Acme Fon 3, number RMA-1002",
		"destroyed, and get a signed certificate",
		"bailee customer-request erase RMA-1002"};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(KINDS); i++) {
		char more[64];

		snprintf(more, sizeof(more), "\"kind\":\"%s\"", KINDS[i].kind);

		char *letter = letter_about(more);

		page_has(letter, KINDS[i].subject);
		for (size_t j = 0; j < BL_COUNT(ALWAYS); j++)
			says(letter, ALWAYS[j]);
		if (KINDS[i].is_breach != (strstr(letter, "authority was told") != NULL))
			fail_msg("%s: the authority", KINDS[i].kind);
		assert_true(page_width(letter) <= TELL_WIDE + 8); /* the command line below it */
		free(letter);
	}
}

static void a_kind_without_a_letter_is_refused(void **state)
{
	json_t *incident = page_json("{\"kind\":\"theft\"}");
	char *letter = NULL;
	struct bl_error why = {{0}};

	(void)state;
	assert_int_equal(letter_write(incident, &letter, &why), BL_UNSUPPORTED);
	page_has(why.text, "'theft'");
	assert_null(letter);
	json_decref(incident);
}

static void what_was_seen_is_told_without_names(void **state)
{
	static const struct {
		const char *seen, *says;
	} ROWS[] = {
		{"[]", "nobody opened a file on it"},
		{"[{\"person\":\"SECRET-KIM\",\"files\":0,\"reads\":0,\"denied\":3}]",
		 "Attempts to open more were refused"},
		{"[{\"person\":\"SECRET-KIM\",\"files\":1,\"reads\":2,\"first_unix\":1795172400,"
		 "\"last_unix\":1795248000,\"unmasked\":0}]",
		 "1 person who works for us opened 1 file on it, between 2026-11-20 11:00 and "
		 "2026-11-21 08:00 (UTC). Personal data in them was masked each time"},
		{"[{\"person\":\"SECRET-KIM\",\"files\":3,\"reads\":2,\"first_unix\":1795172400,"
		 "\"last_unix\":1795172400,\"unmasked\":1},{\"person\":\"SECRET-LEE\",\"files\":4,"
		 "\"reads\":9,\"first_unix\":1795100000,\"last_unix\":1795248000,\"unmasked\":0}]",
		 "2 people who work for us opened 7 files on it, between 2026-11-19 14:53 and "
		 "2026-11-21 08:00 (UTC)."},
		{"[],\"is_more\":true", "[the log holds more than could be counted"},
		{"[{\"files\":3,\"reads\":2,\"unmasked\":1}]", "without a mask, once;"},
		{"[{\"files\":3,\"reads\":2,\"unmasked\":12}]", "without a mask, 12 times;"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char *more = NULL;

		assert_true(asprintf(&more, "\"kind\":\"exposure\",\"seen\":%s", ROWS[i].seen) > 0);

		char *letter = letter_about(more);

		says(letter, ROWS[i].says);
		page_lacks(letter, "SECRET");
		page_lacks(letter, "61001");
		free(letter);
		free(more);
	}
}

static void what_was_done_is_told_as_far_as_it_is_known(void **state)
{
	static const struct {
		const char *more, *says, *lacks;
	} ROWS[] = {
		{"\"hold\":2", "Since 2026-11-21 09:00 (UTC) nothing of what we hold is destroyed",
		 "So that it does not happen again"},
		{"\"hold\":0", "[what has been done since", "(UTC) nothing of what we hold"},
		{"\"hold\":2,\"closed_unix\":1795338000,\"action\":\"Two keys for the safe.\"",
		 "From 2026-11-21 09:00 to 2026-11-22 09:00 (UTC)", "[what has been done since"},
		{"\"hold\":0,\"closed_unix\":1795338000,\"action\":\"Two keys for the safe.\"",
		 "So that it does not happen again: Two keys for the safe.", "(UTC) nothing"},
		{"\"action\":\"\\u001b[2J\"", "again: \\x1b[2J", "\033"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char more[160];

		snprintf(more, sizeof(more), "\"kind\":\"loss\",%s", ROWS[i].more);

		char *letter = letter_about(more);

		says(letter, ROWS[i].says);
		page_lacks(letter, ROWS[i].lacks);
		free(letter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_has_what_the_law_asks_for),
		cmocka_unit_test(a_kind_without_a_letter_is_refused),
		cmocka_unit_test(what_was_seen_is_told_without_names),
		cmocka_unit_test(what_was_done_is_told_as_far_as_it_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
