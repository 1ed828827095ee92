#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/cli/plan-page.c"
#include "fs/cli/tell.c"
#include "tests/unit/fs/cli/page.h"

#define FROM_INTAKE                                                                                \
	"\"from\":\"intake\",\"start\":\"2026-11-20 10:00\",\"span_seconds\":2592000,"             \
	"\"due\":\"2026-12-20 10:00\""

static void a_date_is_told_with_all_that_made_it(void **state)
{
	static const struct {
		const char *plan, *words;
	} ROWS[] = {
		{"\"retention\":\"everything\"", "30 days from intake (2026-11-20)"},
		{"\"retention\":\"everything\",\"window\":\"nights\",\"unmoved\":\"2026-12-21 "
		 "10:00\"",
		 "30 days from intake (2026-11-20); moved earlier by the window of 'nights', from "
		 "2026-12-21 10:00"},
		{"\"retention\":\"paid\",\"is_kept\":true",
		 "kept by 'paid' until 2026-12-20 10:00 (30 days from intake (2026-11-20))"},
		{"\"retention\":\"all\",\"is_capped\":true",
		 "30 days from intake (2026-11-20); no later than 180 days from intake"},
		{"\"retention\":\"builtin/longest\",\"is_capped\":true",
		 "30 days from intake (2026-11-20), the longest there is"},
		{"\"retention\":\"builtin/early-shred\"",
		 "an early shred was permitted, 2026-11-20 10:00"},
		{"\"retention\":\"all\",\"held\":2", "30 days from intake (2026-11-20); held (2)"},
		{"\"retention\":\"all\",\"held\":true", "30 days from intake (2026-11-20); held"},
		{"\"retention\":\"all\",\"held\":true,\"holds\":3",
		 "30 days from intake (2026-11-20); held (3)"},
		{"\"retention\":\"all\",\"held\":false,\"grace_unix\":1795168800",
		 "30 days from intake (2026-11-20); grace until 2026-11-20 10:00"},
		{"\"retention\":\"all\",\"destroyed\":false",
		 "30 days from intake (2026-11-20); closed only, not ours to destroy"},
		{"\"retention\":\"all\",\"destroyed\":true,\"unsure\":true",
		 "30 days from intake (2026-11-20); what is known of it could not be read: it may "
		 "be earlier"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct tell_list why = {.length = 0};
		char *text = NULL;

		assert_true(asprintf(&text, "{" FROM_INTAKE ",%s}", ROWS[i].plan) > 0);

		json_t *plan = page_json(text);

		plan_say_why(plan, &why);
		if (strcmp(why.text, ROWS[i].words) != 0)
			fail_msg("%s: '%s'", ROWS[i].plan, why.text);
		json_decref(plan);
		free(text);
	}
}

static void a_request_that_is_due_at_once_needs_no_span(void **state)
{
	json_t *plan =
		page_json("{\"retention\":\"builtin/request\",\"from\":\"request\",\"start\":"
			  "\"2026-11-20 10:00\",\"span_seconds\":0}");
	struct tell_list why = {.length = 0};

	(void)state;
	plan_say_why(plan, &why);
	assert_string_equal(why.text, "the customer asked for it, 2026-11-20 10:00");
	json_decref(plan);
}

#define PHOTOS "\"parts\":[{\"due\":\"2026-11-27 10:00\",\"due_unix\":7,\"retention\":\"photos\"}]"
#define PLANS                                                                                      \
	"{\"plans\":[{\"device\":\"A\",\"state\":\"open\",\"retention\":\"all\",\"due\":"          \
	"\"later\","                                                                               \
	"\"due_unix\":864000," PHOTOS ",\"then\":{\"due\":\"sooner\",\"due_unix\":604800,"         \
	"\"retention\":\"new\",\"is_due\":true," PHOTOS "}},{\"device\":\"B\",\"state\":\"open\"," \
	"\"retention\":\"all\",\"due\":\"same\",\"due_unix\":86400,\"then\":{\"due\":\"same\","    \
	"\"due_unix\":86400,\"retention\":\"all\"}}],\"devices\":2,\"earlier\":1,\"later\":0,"     \
	"\"due_at_once\":1,\"policy\":\"shop\",\"serial\":7}"

static char *page_of(const char *policy)
{
	json_t *answer = page_json(PLANS);
	struct page page;

	page_begin(&page);
	plan_page(page.out, answer, policy);
	json_decref(answer);
	page_end(&page);
	return page.text;
}

static void without_a_policy_nothing_is_said_of_moves(void **state)
{
	char *text = page_of(NULL);

	(void)state;
	page_has(text, "files of 'photos': 2026-11-27 10:00");
	page_has(text, "2 devices under 'shop', serial 7");
	page_lacks(text, "MOVES");
	page_lacks(text, "sooner");
	free(text);
}

static void with_a_policy_only_what_moves_is_told(void **state)
{
	char *text = page_of("new\033.yaml");

	(void)state;
	page_has(text, "with new\\x1b.yaml\n");
	page_has(text, "A       later  sooner  new  3 days earlier, DUE AT ONCE\n");
	page_lacks(text, "B       same   same");
	page_has(text,
		 "2 devices: 1 earlier, 0 later, 1 due at once (closed then, destroyed after 24 "
		 "hours of grace)");
	page_has(text, "nothing was changed");
	free(text);
}

static void files_that_move_are_told_with_their_entry(void **state)
{
	static const struct {
		const char *now, *then, *says;
	} ROWS[] = {
		{"[{\"retention\":\"p\",\"due\":\"D1\",\"due_unix\":1}]",
		 "[{\"retention\":\"p\",\"due\":\"D2\",\"due_unix\":2}]",
		 "A       D1   D2    p   files\n"},
		{"[]", "[{\"retention\":\"p\",\"due\":\"D2\",\"due_unix\":2}]",
		 "A       D2    p   files, destroyed by it too\n"},
		{"[{\"retention\":\"p\",\"due\":\"D1\",\"due_unix\":1}]", "[]",
		 "A       D1   p   files, not destroyed by themselves any more\n"},
		{"[{\"retention\":\"p\",\"due\":\"D1\",\"due_unix\":1}]",
		 "[{\"retention\":\"p\",\"due\":\"D1\",\"due_unix\":1}]", "no date would move\n"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char *json = NULL;
		struct page page;

		assert_true(asprintf(&json,
				     "{\"plans\":[{\"device\":\"A\",\"due_unix\":5,\"parts\":%s,"
				     "\"then\":{\"due_unix\":5,\"parts\":%s}}]}",
				     ROWS[i].now, ROWS[i].then) > 0);
		json_t *answer = page_json(json);

		page_begin(&page);
		plan_page(page.out, answer, "new.yaml");
		page_has(page_end(&page), ROWS[i].says);
		json_decref(answer);
		free(page.text);
		free(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_date_is_told_with_all_that_made_it),
		cmocka_unit_test(a_request_that_is_due_at_once_needs_no_span),
		cmocka_unit_test(without_a_policy_nothing_is_said_of_moves),
		cmocka_unit_test(with_a_policy_only_what_moves_is_told),
		cmocka_unit_test(files_that_move_are_told_with_their_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
