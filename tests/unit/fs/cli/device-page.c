#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/cli/device-page.c"
#include "fs/cli/progress.c"
#include "fs/cli/tell.c"
#include "tests/unit/fs/cli/page.h"

#define DIGEST_TEXT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static char *page_of(const char *json)
{
	json_t *answer = page_json(json);
	struct page page;

	page_begin(&page);
	device_page(page.out, answer);
	json_decref(answer);
	page_end(&page);
	return page.text;
}

static void what_is_known_is_told_and_nothing_else(void **state)
{
	char *text =
		page_of("{\"id\":\"A\",\"kind\":\"laptop\",\"state\":\"open\",\"complete\":true}");

	(void)state;
	assert_string_equal(text,
			    "A  laptop, open\n\n"
			    "image       where it was enrolled; closed on its date, not ours to "
			    "destroy\n");
	free(text);
}

static void each_fact_has_its_line(void **state)
{
	static const struct {
		const char *more, *says;
	} ROWS[] = {
		{"\"warning\":\"late\"", "A  laptop, open, LATE\n"},
		{"\"maker\":\"Acme\",\"serial\":\"S\\u001b\",\"capacity\":1000",
		 "what        Acme, serial number S\\x1b, 1.0 kB\n"},
		{"\"due\":\"D\",\"retention\":\"all\",\"grace\":\"G\",\"held\":true",
		 "due         D, by 'all' (bailee retention plan tells why)\n"
		 "            not destroyed before G: another policy made it due\n"
		 "            HELD: nothing of it is destroyed until all holds are released\n"},
		{"\"complete\":false", "image       its intake is NOT complete"},
		{"\"sealed\":true", "image       sealed in the store; destroyed on its date\n"},
		{"\"has_customer\":true", "customer    on record, sealed: shown to nobody\n"},
		{"\"inspected\":{\"at\":\"T\",\"by\":1,\"empty\":true,\"other\":false}",
		 "inspected   T  empty by uid:1\n"},
		{"\"inspected\":{\"at\":\"T\",\"by\":1,\"empty\":true,\"other\":true}",
		 "inspected   T  empty, but of ANOTHER serial number by uid:1\n"},
		{"\"inspected\":{\"at\":\"T\",\"by\":1,\"empty\":false}",
		 "T  NOT empty by uid:1\n"},
		{"\"verified\":{\"at\":\"T\",\"by\":1,\"good\":false}",
		 "verified    T  BAD by uid:1\n"},
		{"\"holds\":[{\"number\":1,\"since\":\"S\",\"by\":2,\"reason\":\"why\",\"overdue\":"
		 "\"review\",\"review_by\":\"R\"}]",
		 "holds\n  1   S  uid:2, review by R OVERDUE\n      why\n"},
		{"\"holds\":[{\"number\":1,\"since\":\"S\",\"by\":2,\"incident\":3,\"overdue\":"
		 "\"\"}]",
		 "  1   S  uid:2, for incident 3\n"},
		{"\"consents\":[{\"purpose\":\"repair\",\"state\":\"withdrawn\",\"since\":\"S\","
		 "\"by\":null}]",
		 "  CONSENT  STATE      SINCE  BY\n  repair   withdrawn  S      bailee\n"},
		{"\"incidents\":[{\"number\":1,\"kind\":\"loss\",\"state\":\"open\",\"opened\":"
		 "\"O\","
		 "\"deadline\":\"D\",\"warning\":\"late\"}]",
		 "  1   loss       open     O, until D LATE\n"},
		{"\"requests\":[{\"number\":1,\"kind\":\"erase\",\"state\":\"done\",\"since\":"
		 "\"S\","
		 "\"ended\":\"E\"}]",
		 "  1   erase      done     S, ended E\n"},
		{"\"notes\":[{\"number\":1,\"about\":\"incident\",\"matter\":4,\"at\":\"T\",\"by\":"
		 "2,"
		 "\"text\":\"one\\ntwo\\u001b\"}]",
		 "  1   T  uid:2, about incident 4\n      one\n      two\\x1b\n"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char *json = NULL;

		assert_true(asprintf(&json,
				     "{\"id\":\"A\",\"kind\":\"laptop\",\"state\":\"open\",%s}",
				     ROWS[i].more) > 0);

		char *text = page_of(json);

		page_has(text, ROWS[i].says);
		page_lacks(text, "\033");
		free(text);
		free(json);
	}
}

static void what_is_destroyed_is_not_told_to_be_there(void **state)
{
	char *text =
		page_of("{\"id\":\"A\",\"state\":\"shredded\",\"sealed\":true,\"complete\":true,"
			"\"has_customer\":false,\"certificate\":true,\"end\":{\"at\":\"T\",\"by\":"
			"4294967295}}");

	(void)state;
	page_lacks(text, "image");
	page_lacks(text, "customer");
	page_has(text, "end         T  destroyed by bailee\n");
	page_has(text, "            bailee certificate show A\n");
	free(text);
}

static void the_custody_chain_is_in_order_and_fits_the_page(void **state)
{
	static const struct {
		const char *record, *says;
	} ROWS[] = {
		{"\"op\":\"custody\",\"detail\":\"moved to bench/2\",\"verdict\":\"permitted\"",
		 "custody  moved to bench/2\n"},
		{"\"op\":\"custody\",\"detail\":\"refused\",\"verdict\":\"failed\"",
		 "custody  refused, failed\n"},
		{"\"op\":\"intake\",\"detail\":\"" DIGEST_TEXT "\"", "intake  001122334455...\n"},
		{"\"op\":\"custody\",\"detail\":\"receipt signed, SHA-256 " DIGEST_TEXT "\"",
		 "custody  receipt signed, SHA-256 001122334455...\n"},
		{"\"op\":\"incident\",\"handle\":2,\"detail\":\"closed: loss\"",
		 "incident  2, closed: loss\n"},
		{"\"op\":\"incident\",\"handle\":0,\"detail\":\"opened: loss\"",
		 "incident  opened: loss\n"},
		{"\"op\":\"notice\",\"bytes\":1795168800", "notice  due 2026-11-20 10:00\n"},
		{"\"op\":\"read\",\"handle\":7,\"detail\":\"x\\u0007y\"", "read  x\\x07y\n"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char *json = NULL;

		assert_true(asprintf(&json,
				     "{\"id\":\"A\",\"custody\":[{\"sequence\":12,\"realtime_ns\":"
				     "1795168800000000000,\"uid\":5,%s}]}",
				     ROWS[i].record) > 0);

		char *text = page_of(json);

		page_has(text, "     12  2026-11-20 10:00  uid:5  ");
		page_has(text, ROWS[i].says);
		free(text);
		free(json);
	}
}

static void a_detail_of_any_length_is_cut_to_its_room(void **state)
{
	char detail[2048];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct tell_list list = {.length = 0};

		memset(detail, "xa "[i], sizeof(detail) - 1);
		detail[sizeof(detail) - 1] = '\0';
		say_cut(detail, &list);
		assert_true(list.length > 100 && list.length < 256);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_known_is_told_and_nothing_else),
		cmocka_unit_test(each_fact_has_its_line),
		cmocka_unit_test(what_is_destroyed_is_not_told_to_be_there),
		cmocka_unit_test(the_custody_chain_is_in_order_and_fits_the_page),
		cmocka_unit_test(a_detail_of_any_length_is_cut_to_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
