#include "fs/cli/policy.h"

#include <stdio.h>

/* Not to be told of, or told as JSON: rows come by callback. */
static void print_row(json_t *row)
{
	cli_print_json(row);
	json_decref(row);
}

static void tell_test(void *context, const struct rules_test_result *result)
{
	const struct invocation *invocation = context;

	if (invocation->wants_json)
		print_row(json_pack("{s:s,s:i,s:b,s:s}", "name", result->name, "line",
				    (int)result->line, "passed", result->has_passed, "text",
				    result->text));
	else if (!result->has_passed)
		printf("failed  line %u: %s: %s\n", result->line, result->name, result->text);
}

static enum bl_status run_tests(const struct invocation *invocation, const struct policy *policy,
				struct bl_error *why)
{
	size_t passed = 0, failed = 0;
	enum bl_status status =
		rules_test(policy, tell_test, (void *)(uintptr_t)invocation, &passed, &failed);

	if (status != BL_OK && status != BL_FAILED)
		return status;
	if (passed + failed == 0)
		return bl_fail(why, BL_INVALID,
			       "'%s' has no tests: nothing was shown (add a section 'tests')",
			       invocation->arguments[0]);
	if (invocation->wants_json)
		print_row(json_pack("{s:I,s:I}", "passed", (json_int_t)passed, "failed",
				    (json_int_t)failed));
	else
		printf("%zu passed, %zu failed\n", passed, failed);
	return status;
}

/* ---- --coverage ------------------------------------------------------------------------------------ */

struct coverage {
	const struct invocation *invocation;
	size_t rules, bare;
};

static void tell_coverage(void *context, const char *rule, unsigned line, size_t tests)
{
	struct coverage *coverage = context;

	coverage->rules++;
	coverage->bare += tests == 0;
	if (coverage->invocation->wants_json)
		print_row(json_pack("{s:s,s:i,s:I}", "rule", rule, "line", (int)line, "tests",
				    (json_int_t)tests));
	else
		printf("%6zu  line %u: %s\n", tests, line, rule);
}

static enum bl_status run_coverage(const struct invocation *invocation, const struct policy *policy,
				   struct bl_error *why)
{
	struct coverage coverage = {.invocation = invocation};

	if (!invocation->wants_json)
		puts(" tests  decided by");

	enum bl_status status = rules_test_coverage(policy, tell_coverage, &coverage);

	if (status != BL_OK)
		return status;
	if (!invocation->wants_json)
		printf("%zu of %zu rules decide no test\n", coverage.bare, coverage.rules);
	return coverage.bare
		       ? bl_fail(why, BL_FAILED, "rules that decide no test are not shown to work")
		       : BL_OK;
}

/* ---- --mutate -------------------------------------------------------------------------------------- */

struct mutations {
	const struct invocation *invocation;
	size_t count;
};

static void tell_mutation(void *context, const struct rules_mutation *mutation)
{
	struct mutations *mutations = context;

	mutations->count++;
	if (mutations->invocation->wants_json)
		print_row(json_pack("{s:s,s:i,s:s,s:b,s:s?}", "rule", mutation->rule, "line",
				    (int)mutation->line, "change", mutation->change, "noticed",
				    mutation->is_noticed, "by", mutation->by));
	else if (!mutation->is_noticed)
		printf("unnoticed  line %u: %s: %s\n", mutation->line, mutation->rule,
		       mutation->change);
}

static enum bl_status run_mutations(const struct invocation *invocation,
				    const struct policy *policy, struct bl_error *why)
{
	struct mutations mutations = {.invocation = invocation};
	size_t unnoticed = 0;
	enum bl_status status = rules_test_mutate(policy, tell_mutation, &mutations, &unnoticed);

	if (status != BL_OK && status != BL_FAILED)
		return status;
	if (!invocation->wants_json)
		printf("%zu changes tried, %zu unnoticed\n", mutations.count, unnoticed);
	return status == BL_OK ? BL_OK
			       : bl_fail(why, status,
					 "changes that no test notices: write a test for each");
}

int policy_test(int argc, char **argv)
{
	struct invocation invocation = {.command = "policy test",
					.usage = "policy test FILE [--coverage] [--mutate] "
						 "[--json]"};
	bool wants_coverage = false, wants_mutations = false;
	const struct option_row rows[] = {{.name = "coverage", .flag = &wants_coverage},
					  {.name = "mutate", .flag = &wants_mutations}};
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code < 0)
		code = policy_open(&invocation, invocation.arguments[0], &policy);
	if (code >= 0)
		return code;

	enum bl_status status = run_tests(&invocation, policy, &why);

	/* Both are told: what a mutation shows is of no use while tests fail. */
	if (status == BL_OK && wants_coverage)
		status = run_coverage(&invocation, policy, &why);
	if ((status == BL_OK || status == BL_FAILED) && wants_mutations) {
		enum bl_status mutated = run_mutations(&invocation, policy, &why);

		status = mutated == BL_OK ? status : mutated;
	}
	if (status != BL_OK && why.text[0])
		return cli_fail(&invocation, status, &why);
	return bl_status_exit(status);
}
