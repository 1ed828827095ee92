#include "desk.h"

#define ONE	     "as: carla, device: laptop, file: /Users/k/a.txt, kind: text, purpose: repair"
#define TESTS(lines) DESK_HEAD "test_clock: 2026-07-01 10:00\ntests:\n" lines

static void keep_text(void *context, const struct rules_test_result *result)
{
	if (!result->has_passed)
		memcpy(context, result->text, sizeof(result->text));
}

static void tests_in_the_file_pass_or_say_what_they_got(void **state)
{
	static const struct {
		const char *line;
		const char *failure; /* NULL: passes */
	} rows[] = {
		{"do: read, expect: permit, rule: looks", NULL},
		{"do: read, expect: permit, rule: looks, shows: {card: keep-last-4, email: "
		 "original}",
		 NULL},
		{"do: read, expect: permit, rule: looks, shows: {card: fill}",
		 "expected card shown as fill, got keep-last-4"},
		{"do: read, expect: forbid, rule: default",
		 "expected forbid by default, got permit by looks"},
		{"do: copy, reason: R, expect: permit, rule: export", NULL},
		/* the read that a copy needs decides too */
		{"do: copy, reason: R, expect: permit, rule: looks", NULL},
		{"do: copy, expect: ask, rule: looks", "expected ask by looks, got ask by export"},
		{"do: unmask, class: card, expect: forbid, rule: builtin/baseline", NULL},
		{"do: read, status: due, expect: forbid, rule: gate", NULL},
		{"do: read, at: 2026-07-01 22:00, expect: forbid, rule: default", NULL},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char line[1024], got[256] = "";
		size_t passed, failed;

		snprintf(line, sizeof(line), "  - {name: one, " ONE ", %s}\n", rows[i].line);
		char *whole = malloc(sizeof(TESTS("")) + sizeof(line));

		assert_non_null(whole);
		sprintf(whole, "%s%s", TESTS(""), line);
		BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(whole);
		enum bl_status status = rules_test(policy, keep_text, got, &passed, &failed);

		free(whole);
		if (strcmp(got, rows[i].failure ? rows[i].failure : "") != 0 ||
		    status != (rows[i].failure ? BL_FAILED : BL_OK) || passed + failed != 1)
			fail_msg("row %zu: %s", i, got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tests_in_the_file_pass_or_say_what_they_got),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
