/* The report's page stands whatever its model is: nothing is trusted to be there or to be of a kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/cli/report-log-believe.c"
#include "fs/cli/report-log-list.c"
#include "fs/cli/report-log-page.c"
#include "fs/cli/report-log-plots.c"
#include "tests/unit/fs/cli/page.h"

static const char MODEL[] =
	"{\"made\":{\"at_unix\":1790000000,\"by\":\"gus\",\"host\":\"h\",\"program\":\"bailee\"},"
	"\"period\":{\"since\":\"2026-11-01T00:00:00+01:00\",\"since_unix\":1789000000,"
	"\"until\":null,\"until_unix\":null,\"zone\":\"Europe/Berlin\"},"
	"\"integrity\":{\"state\":\"broken\",\"by\":\"auditor\",\"records\":9,\"first_sequence\":3,"
	"\"last_sequence\":11,\"looks\":\"changed\",\"problem\":\"record 12\",\"bad_sequence\":12,"
	"\"bad_offset\":7,\"bad_file\":\"f.seg\",\"has_macs\":true,\"checkpoints\":1,"
	"\"checkpointed_sequence\":10,\"anchored_sequence\":9,\"anchored_unix\":1789000001,"
	"\"trimmed_segments\":1,\"trimmed_records\":2,\"silences\":1,\"longest_silence_s\":80,"
	"\"clock_steps\":1,\"is_torn\":true,\"chain\":\"00\",\"forgeable_windows\":3,"
	"\"windows\":[{\"first_sequence\":3,\"last_sequence\":4,\"is_now\":true}]},"
	"\"totals\":{\"events\":9,\"permitted\":7,\"denied\":1,\"asked\":1,\"withheld\":1,"
	"\"failed\":1,\"people\":2,\"devices\":2,\"bytes\":12345},"
	"\"over_time\":{\"unit\":\"day\",\"points\":[{\"at_unix\":1789000000,\"permitted\":7,"
	"\"denied\":1,\"bytes\":5},{\"at_unix\":1789086400,\"permitted\":1,\"denied\":0,"
	"\"bytes\":0}]},\"week\":[[1,2],3],"
	"\"people\":[{\"uid\":1,\"person\":\"anna\",\"roles\":[\"a\",\"b\"],\"events\":5,"
	"\"bytes\":9,\"denied\":1,\"first_unix\":1789000000,\"last\":\"2026-11-02\","
	"\"last_sequence\":9},{\"uid\":2,\"person\":\"\",\"events\":4}],"
	"\"devices\":[{\"device\":\"RMA-1\",\"events\":5},{\"device\":\"RMA-2\",\"events\":4}],"
	"\"people_more\":2,"
	"\"denials\":[{\"rule\":\"r\",\"text\":\"t\",\"uid\":1,\"count\":2,\"last_sequence\":4}],"
	"\"unmasking\":[{\"sequence\":4,\"at_unix\":1789000000,\"uid\":1,\"device\":\"RMA-1\"},"
	"{\"sequence\":4,\"at_unix\":1789000000}],"
	"\"unusual\":[{\"kind\":\"volume\",\"day\":\"2026-11-01\",\"uid\":1,\"value\":99999999,"
	"\"usual\":1,\"first_sequence\":4}],"
	"\"policies\":[{\"sequence\":5,\"serial\":2,\"is_refused\":false,\"diff\":[{\"sign\":\"+\","
	"\"text\":\"x\"}],\"diff_more\":3},{\"sequence\":6,\"is_refused\":true}],"
	"\"holds\":[{\"device\":\"RMA-1\",\"number\":1,\"incident\":0,\"by\":4}],"
	"\"hold_events\":[{\"sequence\":7,\"what\":\"added\"}],"
	"\"shreds\":[{\"sequence\":8,\"status\":\"ERASED\",\"certificate\":\"00\"}],"
	"\"lapses\":[],\"requests\":null,\"incidents\":[{\"device\":\"RMA-1\"}],"
	"\"readers\":[{\"sequence\":9,\"what\":\"log-query\"}],\"limits\":[\"one\"]}";

static char *page_of(const json_t *model)
{
	struct page page;

	page_begin(&page);
	report_log_page(page.out, model);
	return (char *)page_end(&page);
}

static size_t count_of(const char *text, const char *word)
{
	size_t count = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		count++;
	return count;
}

static void check_stands(const json_t *model)
{
	char *page = page_of(model);

	if (strncmp(page, "<!DOCTYPE html>", 15) != 0 || count_of(page, "<section ") != 10 ||
	    count_of(page, "</section>") != 10 || count_of(page, "<main>") != 1 ||
	    count_of(page, "<table") != count_of(page, "</table>") ||
	    count_of(page, "<tr") != count_of(page, "</tr>") ||
	    count_of(page, "<td ") != count_of(page, "</td>") ||
	    count_of(page, "<div") != count_of(page, "</div>") || !strstr(page, "</html>"))
		fail_msg("no page of: %s", json_dumps(model, 0));
	free(page);
}

/* What else may stand anywhere: of each kind of JSON one that is no use there. */
static const char *const OTHERS[] = {
	"null",
	"true",
	"-1",
	"0",
	"9223372036854775807",
	"-9223372036854775808",
	"1e300",
	"\"\"",
	"\"<x>\"",
	"[]",
	"[null]",
	"[[[1]]]",
	"{}",
	"{\"uid\":{}}",
};

static void replace_all(json_t *model, json_t *at)
{
	const char *key;
	json_t *value;
	void *next;
	size_t i;

	/* Put back before going on: one thing is wrong at a time. */
	json_object_foreach_safe(at, next, key, value)
	{
		json_incref(value);
		for (size_t other = 0; other < BL_COUNT(OTHERS); other++) {
			json_object_set_new(at, key,
					    json_loads(OTHERS[other], JSON_DECODE_ANY, NULL));
			check_stands(model);
		}
		json_object_set_new(at, key, value);
		replace_all(model, value);
	}
	json_array_foreach(at, i, value)
	{
		json_incref(value);
		for (size_t other = 0; other < BL_COUNT(OTHERS); other++) {
			json_array_set_new(at, i, json_loads(OTHERS[other], JSON_DECODE_ANY, NULL));
			check_stands(model);
		}
		json_array_set_new(at, i, value);
		replace_all(model, value);
	}
}

static void whatever_stands_in_the_model_there_is_a_page(void **state)
{
	json_t *model = page_json(MODEL);

	(void)state;
	check_stands(model);
	replace_all(model, model);
	json_decref(model);
	for (size_t i = 0; i < BL_COUNT(OTHERS); i++) {
		model = json_loads(OTHERS[i], JSON_DECODE_ANY, NULL);
		check_stands(model);
		json_decref(model);
	}
}

static void whatever_is_missing_the_page_says_so(void **state)
{
	json_t *model = page_json(MODEL), *value;
	const char *key;
	char *page;

	(void)state;
	json_object_foreach(model, key, value)
	{
		json_t *less = json_copy(model);

		json_object_del(less, key);
		check_stands(less);
		json_decref(less);
	}
	page = page_of(model);
	assert_non_null(strstr(page, "Customers&#39; requests: this report cannot say."));
	assert_non_null(strstr(page, "Every role that somebody has counts."));
	assert_non_null(strstr(page, "Still proved: events 3 to 11."));
	free(page);
	json_decref(model);
}

static void only_an_auditors_good_is_green(void **state)
{
	static const struct {
		const char *state, *by, *class, *heading;
	} ROWS[] = {
		{"good", "auditor", "good", "Good: this log is whole"},
		{"good", "service", "fair", "Good, by the service&#39;s own word"},
		{"not-anchored", "auditor", "fair", "Good, but not anchored"},
		{"broken", "service", "bad", "Broken: do not rely on this log"},
		{"not-checked", "service", "fair", "Not checked"},
		{"better", "auditor", "fair", "Not checked"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		json_t *model = page_json(MODEL), *integrity = json_object_get(model, "integrity");
		char wanted[128], *page;

		json_object_set_new(integrity, "state", json_string(ROWS[i].state));
		json_object_set_new(integrity, "by", json_string(ROWS[i].by));
		page = page_of(model);
		snprintf(wanted, sizeof(wanted), "<div class=\"verdict %s\"", ROWS[i].class);
		assert_non_null(strstr(page, wanted));
		assert_non_null(strstr(page, ROWS[i].heading));
		assert_true((strstr(page, "This is the word of the service") != NULL) ==
			    (strcmp(ROWS[i].by, "service") == 0));
		free(page);
		json_decref(model);
	}
}

static void an_event_has_one_row_to_point_at(void **state)
{
	json_t *model = page_json(MODEL);
	char *page = page_of(model);

	(void)state;
	assert_int_equal(count_of(page, "id=\"event-4\""), 1);
	assert_int_equal(count_of(page, "href=\"#event-4\""), 4);
	assert_int_equal(count_of(page, "id=\"event-9\""), 1);
	free(page);
	json_decref(model);
}

static void times_of_commands_are_times(void **state)
{
	static const struct {
		const char *since, *wanted;
	} ROWS[] = {
		{"2026-11-01T00:00:00+01:00", "--since &#39;2026-11-01 00:00&#39;"},
		{"2026-11-01'; rm -rf / #", NULL},
		{"2026-11-01T00:0", NULL},
		{"$(id)", NULL},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		json_t *model = page_json(MODEL);
		char *page;

		json_object_set_new(json_object_get(model, "period"), "since",
				    json_string(ROWS[i].since));
		page = page_of(model);
		assert_true(ROWS[i].wanted ? strstr(page, ROWS[i].wanted) != NULL
					   : strstr(page, "--since") == NULL);
		free(page);
		json_decref(model);
	}
}

static void moments_are_those_of_the_zone(void **state)
{
	BL_CLEANUP(zone_free) struct zone *zone = NULL;
	struct board board = {.out = NULL};
	char moment[BOARD_MOMENT], date[BOARD_DATE];

	(void)state;
	assert_int_equal(zone_load("Europe/Berlin", &zone, NULL), BL_OK);
	assert_string_equal(board_moment(&board, 1795302251, true, moment), "");
	board.zone = zone;
	assert_string_equal(board_moment(&board, 1795302251, true, moment), "2026-11-22 00:04:11");
	assert_string_equal(board_moment(&board, 1795302251, false, moment), "2026-11-22 00:04");
	assert_string_equal(board_date(&board, 1795302251, date), "22 November 2026");
	assert_string_equal(board_moment(&board, 0, false, moment), "");
	assert_string_equal(board_moment(&board, -5, false, moment), "");
	assert_string_equal(board_moment(&board, INT64_MAX, false, moment), "");
	assert_string_equal(board_date(&board, INT64_MIN, date), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_stands_in_the_model_there_is_a_page),
		cmocka_unit_test(whatever_is_missing_the_page_says_so),
		cmocka_unit_test(only_an_auditors_good_is_green),
		cmocka_unit_test(an_event_has_one_row_to_point_at),
		cmocka_unit_test(times_of_commands_are_times),
		cmocka_unit_test(moments_are_those_of_the_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
