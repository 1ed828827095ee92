#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/cli/status-page.c"
#include "fs/cli/tell.c"
#include "tests/unit/fs/cli/page.h"

#define QUIET                                                                                      \
	"\"policy\":\"shop\",\"policy_serial\":2,\"public_key\":\"5f\",\"log\":{\"is_writable\":"  \
	"true,\"durable_sequence\":12,\"anchors\":[{\"target\":\"/mnt\",\"age_seconds\":4,"        \
	"\"behind\":0}]},\"states\":{\"open\":3,\"shredded\":1},\"views\":[],\"lapses\":[],"       \
	"\"requests_warn\":[],\"incidents_warn\":[],\"holds_warn\":[],\"samples_missing\":[],"     \
	"\"clock\":{\"trusted_unix\":1000000,\"ahead_s\":3,\"wait_s\":86400,\"waited_s\":7200}"

static char *page_of(const char *more)
{
	char *json = NULL;
	struct page page;

	assert_true(asprintf(&json, "{" QUIET "%s%s}", *more ? "," : "", more) > 0);
	json_t *answer = page_json(json);

	page_begin(&page);
	status_page(page.out, answer, "/store", 5);
	json_decref(answer);
	free(json);
	page_end(&page);
	return page.text;
}

static void a_quiet_store_is_a_few_lines(void **state)
{
	char *text = page_of("");

	(void)state;
	assert_string_equal(text, "store   /store\n"
				  "policy  shop, serial 2\n"
				  "log     writable, 12 events durable\n"
				  "key     5f\n"
				  "anchor  /mnt: 4 s old, 0 events behind\n"
				  "devices 4: 3 open, 1 shredded\n");
	free(text);
}

static void whatever_waits_for_somebody_has_a_line(void **state)
{
	static const struct {
		const char *more, *says;
	} ROWS[] = {
		{"\"policy_trouble\":\"no\\u001b\"",
		 "        the last one was REFUSED and changed nothing: no\\x1b\n"},
		{"\"shred_trouble\":\"disk\"", "shreds  NOT DONE: disk\n"},
		{"\"holds_restored\":2",
		 "holds   2 were missing in records that were put back: they stand again\n"},
		{"\"unsure\":[\"A\"]", "unsure  A: its facts could not be read"},
		{"\"solo\":true", "store   /store (solo: nothing is enforced"},
		{"\"devices\":[{\"id\":\"A\",\"state\":\"received\",\"complete\":false}]",
		 "intake  A is NOT complete"},
		/* Within a week of trusted time, the nearest first; what is gone has no date any more. */
		{"\"devices\":[{\"id\":\"B\",\"state\":\"open\",\"due\":\"2nd\",\"due_unix\":"
		 "1604800,"
		 "\"retention\":\"all\",\"sealed\":true},{\"id\":\"A\",\"state\":\"due\",\"due\":"
		 "\"1st\",\"due_unix\":1000,\"retention\":\"all\",\"holds\":1},{\"id\":\"C\","
		 "\"state\":\"open\",\"due_unix\":1604801},{\"id\":\"D\",\"state\":\"shredded\","
		 "\"due_unix\":5}]",
		 "due     1st  A  all, held\n        2nd  B  all, destroyed then\n"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char *text = page_of(ROWS[i].more);

		page_has(text, ROWS[i].says);
		page_lacks(text, "\033");
		page_lacks(text, " C ");
		page_lacks(text, " D ");
		free(text);
	}
}

/* Keys that a quiet store has as well. */
static char *page_with(const char *key, const char *value)
{
	json_t *answer = page_json("{" QUIET "}");
	struct page page;

	json_object_set_new(answer, key, page_json(value));
	page_begin(&page);
	status_page(page.out, answer, "/store", 5);
	json_decref(answer);
	page_end(&page);
	return page.text;
}

static void warnings_are_told_with_what_to_do(void **state)
{
	static const struct {
		const char *key, *value, *says;
	} ROWS[] = {
		{"requests_warn",
		 "[{\"device\":\"A\",\"number\":2,\"kind\":\"erase\",\"warning\":\"late\","
		 "\"deadline\":\"D\"}]",
		 "asked   LATE: A/2 erase, by D\n"},
		{"incidents_warn",
		 "[{\"device\":\"A\",\"number\":1,\"kind\":\"loss\",\"warning\":\"soon\","
		 "\"deadline\":\"D\"}]",
		 "trouble soon: A/1 loss, by D\n"},
		{"holds_warn",
		 "[{\"device\":\"A\",\"hold\":1,\"overdue\":\"review\",\"review_by\":\"R\"}]",
		 "holds   A hold 1 was to be reviewed by R\n"},
		{"holds_warn",
		 "[{\"device\":\"A\",\"hold\":1,\"overdue\":\"longest\",\"since\":\"S\"}]",
		 "holds   A hold 1 stands since S: longer than"},
		{"samples_missing", "[{\"period\":\"2026-10\",\"missing\":1,\"drawn\":2}]",
		 "samples 2026-10: 1 of 2 not verified (bailee verify-sample --period 2026-10)\n"},
		{"lapses",
		 "[{\"person\":\"uid:1\",\"role\":\"r\",\"standing\":\"counts\",\"requirement\":"
		 "\"training\",\"until\":\"U\"}]",
		 "roles   uid:1 as 'r': training ends with U\n"},
		{"lapses",
		 "[{\"person\":\"uid:1\",\"role\":\"r\",\"standing\":\"lapsed\",\"requirement\":"
		 "\"training\",\"until\":\"U\"}]",
		 "roles   uid:1 as 'r': lapsed U\n"},
		{"views",
		 "[{\"view\":4,\"person\":\"uid:1\",\"purpose\":\"repair\",\"since_unix\":"
		 "1795168800,"
		 "\"path\":\"/x\\u0007\"}]",
		 "views   4  uid:1 for repair  since 2026-11-20 10:00  /x\\x07\n"},
		{"views",
		 "[{\"view\":5,\"session\":77,\"person\":\"uid:1\",\"device\":\"RMA-1\","
		 "\"since_unix\":1795168800,\"path\":\"(sealed session of RMA-1)\"}]",
		 "sealed  77  uid:1  since 2026-11-20 10:00  RMA-1\n"},
		{"clock", "{\"ahead_s\":31536000,\"wait_s\":86400,\"waited_s\":7200}",
		 "clock   the wall clock is 365 days AHEAD of trusted time: what is due by it is\n"
		 "        closed; nothing is destroyed by it before it is synchronised, or 24 "
		 "hours\n"
		 "        have passed without another jump (2 hours so far)\n"},
		{"clock", "{\"ahead_s\":-7300}",
		 "clock   the wall clock is 2 hours BEHIND trusted time: nothing is put off"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char *text = page_with(ROWS[i].key, ROWS[i].value);

		page_has(text, ROWS[i].says);
		free(text);
	}
}

static void a_clock_that_drifts_is_no_news(void **state)
{
	static const char *const CLOCKS[] = {"{\"ahead_s\":60}", "{\"ahead_s\":-60}", "{}"};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(CLOCKS); i++) {
		char *text = page_with("clock", CLOCKS[i]);

		page_lacks(text, "clock   ");
		free(text);
	}
}

static void a_long_list_is_cut_and_says_where_the_rest_is(void **state)
{
	static const struct {
		const char *key, *label, *item, *rest;
	} ROWS[] = {
		{"requests_warn", "asked", "{\"device\":\"A\",\"number\":1}",
		 "        and 4 more: bailee customer-request list\n"},
		{"incidents_warn", "trouble", "{\"device\":\"A\",\"number\":1}",
		 "        and 4 more: bailee incident list\n"},
		{"holds_warn", "holds", "{\"device\":\"A\",\"hold\":1}",
		 "        and 4 more: bailee device list\n"},
		{"lapses", "roles", "{\"person\":\"A\"}", "        and 4 more: bailee people\n"},
		{"unsure", "unsure", "\"A\"", "        and 4 more: bailee retention plan\n"},
		{"views", "views", "{\"view\":1}", "        and 4 more: bailee status --json\n"},
		{"views", "sealed", "{\"view\":1,\"session\":1}",
		 "        and 4 more: bailee sessions\n"},
		{"devices", "due", "{\"id\":\"A\",\"state\":\"open\",\"due_unix\":1}",
		 "        and 4 more this week: bailee device list\n"},
		{"devices", "intake", "{\"id\":\"A\",\"state\":\"open\",\"complete\":false}",
		 "        and 4 more: bailee device list --warn\n"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char list[1024] = "[", label[16];

		for (size_t j = 0; j < 9; j++) {
			strcat(list, j ? "," : "");
			strcat(list, ROWS[i].item);
		}
		strcat(list, "]");
		snprintf(label, sizeof(label), "\n%-8s", ROWS[i].label);

		char *text = page_with(ROWS[i].key, list);
		const char *first = strstr(text, label);

		page_has(text, label);
		page_has(text, ROWS[i].rest);
		if (strstr(first + 1, label))
			fail_msg("%s: the label is told twice:\n%s", ROWS[i].key, text);
		assert_int_equal(page_lines(text), 6 + MOST + 1);
		free(text);
	}
}

static void a_session_is_no_open_mount_as_well(void **state)
{
	char *text = page_with("views", "[{\"view\":1,\"session\":2,\"device\":\"A\"},"
					"{\"view\":3,\"path\":\"/x\"}]");
	const char *views = strstr(text, "\nviews   3"), *sealed = strstr(text, "\nsealed  2");

	(void)state;
	if (!views || !sealed || strstr(text, "  1  ") || page_lines(text) != 6 + 2)
		fail_msg("each has to be there once:\n%s", text);
	free(text);
}

static void who_may_not_see_devices_is_told_nothing_of_them(void **state)
{
	json_t *answer =
		page_json("{\"policy\":\"shop\",\"policy_serial\":2,\"log\":{\"is_writable\":"
			  "true},\"views\":[],\"devices\":[]}");
	struct page page;

	(void)state;
	page_begin(&page);
	status_page(page.out, answer, "/store", 5);
	json_decref(answer);
	page_lacks(page_end(&page), "devices");
	page_lacks(page.text, "anchor");
	free(page.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_store_is_a_few_lines),
		cmocka_unit_test(whatever_waits_for_somebody_has_a_line),
		cmocka_unit_test(warnings_are_told_with_what_to_do),
		cmocka_unit_test(a_clock_that_drifts_is_no_news),
		cmocka_unit_test(a_long_list_is_cut_and_says_where_the_rest_is),
		cmocka_unit_test(a_session_is_no_open_mount_as_well),
		cmocka_unit_test(who_may_not_see_devices_is_told_nothing_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
