/* What a report says, of rows and events that are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/cli/report-diff.c"
#include "fs/cli/report-model-events.c"
#include "fs/cli/report-model-unusual.c"
#include "fs/cli/report-text.c"
#include "policy/rules/zone.h"
#include "fs/cli/report-model.c"

#define MONDAY INT64_C(1782691200) /* 2026-06-29 00:00 UTC */

struct made {
	struct zone *zone;
	struct report_model *model;
	json_t *report;
};

static void begin(struct made *made, int64_t since, bool has_service)
{
	assert_int_equal(zone_load("Europe/Berlin", &made->zone, NULL), BL_OK);
	const struct report_scope scope = {.since_unix = since,
					   .until_unix = INT64_MAX,
					   .zone_name = "Europe/Berlin",
					   .zone = made->zone,
					   .has_service = has_service,
					   .made_unix = MONDAY + 30 * DAY};

	made->model = report_model_new(&scope);
	made->report = NULL;
	assert_non_null(made->model);
}

static void finish(struct made *made)
{
	assert_int_equal(report_model_finish(made->model, json_pack("{s:s}", "state", "good"),
					     json_array(), &made->report),
			 BL_OK);
}

static void done(struct made *made)
{
	json_decref(made->report);
	report_model_free(made->model);
	zone_free(made->zone);
}

struct hour {
	int64_t at;
	int uid; /* -1: the daemon */
	const char *device;
	long long events, bytes, unmasked, sequence;
};

static void tell_hour(struct made *made, const struct hour *hour, enum audit_verdict verdict)
{
	json_t *row = json_pack(
		"{s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "hour_unix", (json_int_t)hour->at,
		"device", hour->device, "events", (json_int_t)hour->events, "bytes",
		(json_int_t)hour->bytes, "unmasked", (json_int_t)hour->unmasked, "first_sequence",
		(json_int_t)hour->sequence, "last_sequence",
		(json_int_t)(hour->sequence + hour->events - 1), "first_unix",
		(json_int_t)(hour->at + 60), "last_unix", (json_int_t)(hour->at + 120));

	json_object_set_new(row, "uid", hour->uid < 0 ? json_null() : json_integer(hour->uid));
	json_object_set_new(row, "person", json_string(hour->uid == 7 ? "anna" : ""));
	report_model_hour(made->model, row, verdict);
	json_decref(row);
}

static void tell_event(struct made *made, const char *json, const char *reason)
{
	json_error_t error;
	json_t *record = json_loads(json, 0, &error);

	if (!record)
		fail_msg("%s: %s", json, error.text);
	report_model_event(made->model, record, "", reason, reason ? strlen(reason) : 0);
	json_decref(record);
}

/* The text, number or list at "people.0.uid". */
static const json_t *at(const struct made *made, const char *path)
{
	char copy[128], *rest = copy;
	const json_t *here = made->report;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *key; here && (key = strsep(&rest, "."));)
		here = json_is_array(here) ? json_array_get(here, (size_t)atoi(key))
					   : json_object_get(here, key);
	if (!here)
		fail_msg("there is no %s", path);
	return here;
}

static void assert_number(const struct made *made, const char *path, long long wanted)
{
	if (json_integer_value(at(made, path)) != wanted)
		fail_msg("%s is %lld, wanted %lld", path,
			 (long long)json_integer_value(at(made, path)), wanted);
}

static void assert_text(const struct made *made, const char *path, const char *wanted)
{
	const char *text = json_string_value(at(made, path));

	if (!text || strcmp(text, wanted) != 0)
		fail_msg("%s is '%s', wanted '%s'", path, text ? text : "(none)", wanted);
}

static void assert_size(const struct made *made, const char *path, size_t wanted)
{
	assert_int_equal(json_array_size(at(made, path)), wanted);
}

static void medians_are_of_the_middle(void **state)
{
	(void)state;
	static const struct {
		uint64_t values[6];
		size_t count;
		uint64_t median;
	} ROWS[] = {{{0}, 0, 0},       {{5}, 1, 5},	     {{9, 1}, 2, 1},
		    {{9, 1, 5}, 3, 5}, {{4, 3, 2, 1}, 4, 2}, {{UINT64_MAX, 0, 7, 7, 1}, 5, 7}};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint64_t values[6];

		memcpy(values, ROWS[i].values, sizeof(values));
		assert_int_equal(report_median(values, ROWS[i].count), ROWS[i].median);
	}
}

static void nothing_is_a_report_too(void **state)
{
	(void)state;
	struct made made;

	begin(&made, INT64_MIN, false);
	finish(&made);
	assert_text(&made, "format", "bailee.report/v1");
	assert_number(&made, "totals.events", 0);
	assert_size(&made, "over_time.points", 0);
	assert_size(&made, "week", 168);
	assert_size(&made, "people", 0);
	assert_true(json_is_null(at(&made, "holds")));
	assert_true(json_is_null(at(&made, "period.since")));
	assert_size(&made, "limits", 5);
	done(&made);
}

static void sums_are_of_people_devices_and_hours(void **state)
{
	(void)state;
	struct made made;

	begin(&made, MONDAY, true);
	tell_hour(&made, &(struct hour){MONDAY, 7, "A", 10, 1000, 1, 100}, AUDIT_PERMITTED);
	tell_hour(&made, &(struct hour){MONDAY + 3 * HOUR, 7, "B", 5, 10, 0, 200}, AUDIT_PERMITTED);
	tell_hour(&made, &(struct hour){MONDAY + HOUR, 8, "A", 20, 1, 0, 110}, AUDIT_PERMITTED);
	tell_hour(&made, &(struct hour){MONDAY + HOUR, -1, "", 3, 0, 0, 300}, AUDIT_PERMITTED);
	tell_hour(&made, &(struct hour){MONDAY + HOUR, 8, "A", 4, 0, 0, 111}, AUDIT_DENIED);
	tell_hour(&made, &(struct hour){MONDAY + HOUR, 8, "A", 2, 0, 0, 115}, AUDIT_ASKED);
	finish(&made);
	assert_number(&made, "totals.events", 38);
	assert_number(&made, "totals.denied", 4);
	assert_number(&made, "totals.asked", 2);
	assert_number(&made, "totals.permitted", 32);
	assert_number(&made, "totals.first_sequence", 100);
	assert_number(&made, "totals.last_sequence", 302);
	assert_size(&made, "people", 2);
	assert_number(&made, "people.0.uid", 8);
	assert_number(&made, "people.0.denied", 4);
	assert_text(&made, "people.1.person", "anna");
	assert_number(&made, "people.1.devices", 2);
	assert_number(&made, "people.1.first_sequence", 100);
	assert_number(&made, "people.1.last_sequence", 204);
	assert_text(&made, "people.1.first", "2026-06-29T02:01:00+02:00");
	assert_text(&made, "devices.0.device", "A");
	assert_number(&made, "devices.0.people", 2);
	assert_number(&made, "devices.0.unmasked", 1);
	/* Monday 02:00 in Berlin; what came two hours later has a point, and so has the hour between. */
	assert_number(&made, "week.2", 10);
	assert_text(&made, "over_time.unit", "hour");
	assert_size(&made, "over_time.points", 4);
	assert_number(&made, "over_time.points.1.permitted", 17);
	assert_number(&made, "over_time.points.1.denied", 6);
	assert_number(&made, "over_time.points.2.permitted", 0);
	assert_text(&made, "over_time.points.0.label", "2026-06-29 02:00");
	done(&made);
}

static void a_long_time_is_told_by_days_and_weeks(void **state)
{
	(void)state;
	static const struct {
		int64_t span;
		const char *unit, *label;
		size_t points;
	} ROWS[] = {{71 * HOUR, "hour", "2026-06-29 02:00", 72},
		    {72 * HOUR, "day", "2026-06-29", 4},
		    {119 * DAY, "day", "2026-06-29", 120},
		    {120 * DAY, "week", "2026-06-29", 18}};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct made made;

		begin(&made, INT64_MIN, true);
		tell_hour(&made, &(struct hour){MONDAY, 7, "A", 1, 0, 0, 1}, AUDIT_PERMITTED);
		tell_hour(&made, &(struct hour){MONDAY + ROWS[i].span, 7, "A", 1, 0, 0, 2},
			  AUDIT_PERMITTED);
		finish(&made);
		assert_text(&made, "over_time.unit", ROWS[i].unit);
		assert_text(&made, "over_time.points.0.label", ROWS[i].label);
		assert_size(&made, "over_time.points", ROWS[i].points);
		done(&made);
	}
}

#define MIB INT64_C(1048576)

static void a_day_is_unusual_by_a_persons_own_days(void **state)
{
	(void)state;
	static const struct {
		long long days[6]; /* MiB */
		size_t count, unusual;
		long long usual;
	} ROWS[] = {
		{{4, 4, 4, 4, 13}, 5, 1, 4},
		{{4, 4, 4, 4, 12}, 5, 0, 0}, /* not more than thrice */
		{{1, 1, 1, 1, 10}, 5, 0, 0}, /* not more than 10 MiB */
		{{1, 1, 1, 1, 11}, 5, 1, 1},
		{{1, 1, 1, 90}, 4, 0, 0}, /* too few days */
		{{0, 0, 0, 0, 0, 11}, 6, 1, 0},
		{{50, 50, 50, 50, 50}, 5, 0, 0},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct made made;

		begin(&made, INT64_MIN, true);
		/* Of each day half in one hour and half in another. */
		for (size_t day = 0; day < 2 * ROWS[i].count; day++)
			tell_hour(&made,
				  &(struct hour){MONDAY + (int64_t)(day / 2) * DAY +
							 (int64_t)(day % 2) * HOUR,
						 7, "A", 1, ROWS[i].days[day / 2] * MIB / 2, 0,
						 (long long)day + 1},
				  AUDIT_PERMITTED);
		/* Somebody who always reads much changes nothing of what is usual for others. */
		for (size_t day = 0; day < 6; day++)
			tell_hour(&made,
				  &(struct hour){MONDAY + (int64_t)day * DAY, 9, "A", 1, 999 * MIB,
						 0, 100},
				  AUDIT_PERMITTED);
		finish(&made);
		assert_size(&made, "unusual", ROWS[i].unusual);
		if (ROWS[i].unusual) {
			assert_text(&made, "unusual.0.kind", "volume");
			assert_text(&made, "unusual.0.person", "anna");
			assert_number(&made, "unusual.0.usual", ROWS[i].usual * MIB);
			assert_number(&made, "unusual.0.value",
				      ROWS[i].days[ROWS[i].count - 1] * MIB);
		}
		done(&made);
	}
}

static void many_denials_in_an_hour_are_unusual(void **state)
{
	(void)state;
	struct made made;

	begin(&made, INT64_MIN, true);
	/* Once, and many; often, and no more than ever; and nobody in particular. */
	tell_hour(&made, &(struct hour){MONDAY, 7, "A", 12, 0, 0, 5}, AUDIT_DENIED);
	tell_hour(&made, &(struct hour){MONDAY, 7, "B", 12, 0, 0, 3}, AUDIT_DENIED);
	for (int i = 0; i < 6; i++)
		tell_hour(&made, &(struct hour){MONDAY + i * HOUR, 8, "A", 40, 0, 0, 50},
			  AUDIT_DENIED);
	tell_hour(&made, &(struct hour){MONDAY, -1, "A", 400, 0, 0, 50}, AUDIT_DENIED);
	finish(&made);
	assert_size(&made, "unusual", 1);
	assert_text(&made, "unusual.0.kind", "denials");
	assert_number(&made, "unusual.0.uid", 7);
	assert_number(&made, "unusual.0.value", 24);
	assert_number(&made, "unusual.0.first_sequence", 3);
	assert_text(&made, "unusual.0.day", "2026-06-29 02:00");
	done(&made);
}

#define OPENED(sequence, view)                                                                     \
	"{\"sequence\":" sequence ",\"op\":\"view-opened\",\"verdict\":\"permitted\",\"uid\":7,"   \
	"\"view\":" view ",\"session\":0,\"detail\":\"purpose repair, reason given\"}"
#define SHOWN(sequence, view, session, device, classes)                                            \
	"{\"sequence\":" sequence                                                                  \
	",\"op\":\"open\",\"verdict\":\"permitted\",\"uid\":7,\"bytes\":2,"                        \
	"\"view\":" view ",\"session\":" session ",\"device\":\"" device "\",\"rule\":\"r\","      \
	"\"repeats\":0,\"detail\":\"unmasked: " classes "\"}"

static void what_was_shown_is_told_by_views(void **state)
{
	(void)state;
	struct made made;

	begin(&made, INT64_MIN, true);
	tell_event(&made, OPENED("10", "1"), "ticket \x1b[1m12");
	tell_event(&made, OPENED("20", "2"), NULL);
	/* After a restart the numbers of views begin anew. */
	tell_event(&made, OPENED("50", "1"), "another");
	tell_event(&made, SHOWN("60", "1", "0", "A", "iban"), NULL);
	tell_event(&made, SHOWN("11", "1", "0", "A", "card, email"), NULL);
	tell_event(&made, SHOWN("12", "1", "0", "A", "email, phone"), NULL);
	tell_event(&made, SHOWN("13", "1", "0", "B", "card"), NULL);
	tell_event(&made, SHOWN("21", "2", "20", "A", "card"), NULL);
	tell_event(&made, SHOWN("5", "9", "0", "A", "card"), NULL);
	finish(&made);
	assert_size(&made, "unmasking", 5);
	assert_number(&made, "unmasking.0.sequence", 5);
	assert_true(json_is_null(at(&made, "unmasking.0.view_sequence")));
	assert_number(&made, "unmasking.1.sequence", 11);
	assert_text(&made, "unmasking.1.classes", "card, email, phone");
	assert_number(&made, "unmasking.1.opens", 2);
	assert_text(&made, "unmasking.1.purpose", "repair");
	assert_text(&made, "unmasking.1.reason", "ticket \\x1b[1m12");
	assert_text(&made, "unmasking.2.device", "B");
	assert_number(&made, "unmasking.3.view_sequence", 20);
	assert_true(json_is_null(at(&made, "unmasking.3.reason")));
	assert_text(&made, "unmasking.4.reason", "another");
	done(&made);
}

#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "2222222222222222222222222222222222222222222222222222222222222222"
#define D3 "3333333333333333333333333333333333333333333333333333333333333333"
#define LOADED(sequence, ns, digest)                                                               \
	"{\"sequence\":" sequence ",\"realtime_ns\":" ns ",\"op\":\"policy-loaded\","              \
	"\"verdict\":\"permitted\",\"uid\":null,\"detail\":\"serial " sequence " digest " digest   \
	"\"}"

static void tell_kept(struct made *made, const char *digest, const char *first, const char *second)
{
	json_t *parts[] = {json_pack("{s:{s:s}}", "policy", "digest", digest),
			   json_pack("{s:s}", "text", first), json_pack("{s:s}", "text", second)};

	for (size_t i = 0; i < BL_COUNT(parts); i++) {
		report_model_fact(made->model, parts[i]);
		json_decref(parts[i]);
	}
}

static void policies_are_compared_to_what_was_in_force(void **state)
{
	(void)state;
	struct made made;

	begin(&made, 1000, true);
	tell_event(&made, LOADED("1", "1000000000", D1), NULL); /* before: 1 s is before 1000 s */
	tell_event(&made, LOADED("2", "1000000000000", D1), NULL);
	tell_event(&made, LOADED("3", "1001000000000", D2), "as \"asked\"");
	tell_event(&made,
		   "{\"sequence\":4,\"realtime_ns\":1002000000000,\"op\":\"policy-refused\","
		   "\"verdict\":\"denied\",\"uid\":7,\"detail\":\"\"}",
		   NULL);
	tell_event(&made, LOADED("5", "1003000000000", D3), NULL);
	json_t *wishes = report_model_wishes(made.model);

	assert_int_equal(json_array_size(json_object_get(wishes, "digests")), 3);
	assert_int_equal(json_array_size(json_object_get(wishes, "people")), 1);
	json_decref(wishes);
	tell_kept(&made, D1, "a\nb", "\nc\n");
	tell_kept(&made, D2, "a\n", "c\n");
	finish(&made);
	assert_size(&made, "policies", 4);
	assert_true(json_is_true(at(&made, "policies.0.is_unchanged")));
	assert_size(&made, "policies.1.diff", 4);
	assert_text(&made, "policies.1.diff.2.sign", "-");
	assert_text(&made, "policies.1.diff.2.text", "b");
	assert_text(&made, "policies.1.reason", "as \"asked\"");
	assert_true(json_is_true(at(&made, "policies.2.is_refused")));
	assert_true(json_is_null(at(&made, "policies.2.diff")));
	assert_true(json_is_false(at(&made, "policies.3.is_kept")));
	assert_true(json_is_null(at(&made, "policies.3.diff")));
	done(&made);
}

static void facts_fill_in_what_rows_name(void **state)
{
	(void)state;
	static const char *const FACTS[] = {
		"{\"person\":{\"uid\":8,\"person\":\"<b>\\u202e\",\"roles\":[\"technician\"]}}",
		"{\"device\":{\"device\":\"A\",\"kind\":\"laptop\",\"state\":\"open\"}}",
		"{\"device\":{\"device\":\"Z\",\"kind\":\"phone\",\"state\":\"open\"}}",
		"{\"rule\":{\"rule\":\"no\",\"text\":\"Never.\\u0007\"}}",
		"{\"hold\":{\"device\":\"A\",\"number\":1,\"uid\":8,\"reason\":\"a\\u0000b\"}}",
		"{\"request\":{\"device\":\"A\",\"number\":1,\"by\":8}}",
	};
	struct made made;
	json_t *row = json_pack("{s:s,s:i,s:s,s:i,s:i}", "rule", "no", "uid", 8, "device", "A",
				"events", 3, "first_sequence", 9);

	begin(&made, INT64_MIN, true);
	tell_hour(&made, &(struct hour){MONDAY, 8, "A", 3, 0, 0, 9}, AUDIT_PERMITTED);
	report_model_denial(made.model, row);
	json_decref(row);
	for (size_t i = 0; i < BL_COUNT(FACTS); i++) {
		json_t *fact = json_loads(FACTS[i], JSON_ALLOW_NUL, NULL);

		report_model_fact(made.model, fact);
		json_decref(fact);
	}
	finish(&made);
	assert_text(&made, "people.0.person", "<b>\\xe2\\x80\\xae");
	assert_text(&made, "people.0.roles.0", "technician");
	assert_text(&made, "devices.0.kind", "laptop");
	assert_size(&made, "devices", 1);
	assert_text(&made, "denials.0.text", "Never.\\x07");
	assert_number(&made, "denials.0.count", 3);
	assert_text(&made, "denials.0.person", "<b>\\xe2\\x80\\xae");
	assert_text(&made, "holds.0.reason", "a\\x00b");
	assert_text(&made, "requests.0.person", "<b>\\xe2\\x80\\xae");
	done(&made);
}

static void a_list_that_is_too_long_says_how_much_is_missing(void **state)
{
	(void)state;
	struct made made;

	begin(&made, INT64_MIN, true);
	for (int i = 0; i < REPORT_ROWS + 7; i++)
		tell_hour(&made, &(struct hour){MONDAY, 1000 + i, "A", 1, 0, 0, 1 + i},
			  AUDIT_PERMITTED);
	finish(&made);
	assert_size(&made, "people", REPORT_ROWS);
	assert_number(&made, "people_more", 7);
	assert_number(&made, "totals.people", REPORT_ROWS + 7);
	done(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(medians_are_of_the_middle),
		cmocka_unit_test(nothing_is_a_report_too),
		cmocka_unit_test(sums_are_of_people_devices_and_hours),
		cmocka_unit_test(a_long_time_is_told_by_days_and_weeks),
		cmocka_unit_test(a_day_is_unusual_by_a_persons_own_days),
		cmocka_unit_test(many_denials_in_an_hour_are_unusual),
		cmocka_unit_test(what_was_shown_is_told_by_views),
		cmocka_unit_test(policies_are_compared_to_what_was_in_force),
		cmocka_unit_test(facts_fill_in_what_rows_name),
		cmocka_unit_test(a_list_that_is_too_long_says_how_much_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
