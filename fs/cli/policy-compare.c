/* What a policy means to others: to the one before it, to customers, to editors. */
#include <stdio.h>

#include "fs/cli/policy.h"

/* Exit codes of `policy diff`; narrower is told only when nothing is wider. */
enum { EXIT_WIDER = 5, EXIT_NARROWER = 6 };

static void tell_difference(void *context, const struct rules_difference *difference)
{
	const struct invocation *invocation = context;

	if (invocation->wants_json) {
		BL_CLEANUP(json_decref)
		json_t *object = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "change",
					   difference->is_wider ? "wider" : "narrower", "who",
					   difference->who, "question", difference->question,
					   "before", difference->before, "after", difference->after,
					   "rule", difference->rule ? difference->rule : "");

		cli_print_json(object);
		return;
	}
	printf("%-8s  %s: %s\n", difference->is_wider ? "wider" : "narrower", difference->who,
	       difference->question);
	printf("          %s, was %s\n", difference->after, difference->before);
}

int policy_diff(int argc, char **argv)
{
	struct invocation invocation = {.command = "policy diff",
					.usage = "policy diff [OLD] NEW [--json]"};
	BL_CLEANUP(policy_unref) struct policy *older = NULL;
	BL_CLEANUP(policy_unref) struct policy *newer = NULL;
	struct bl_error why = {{0}};
	size_t wider = 0, narrower = 0;
	int code = cli_parse(&invocation, argc, argv, NULL, 0, 1, 2);
	bool has_both = invocation.argument_count == 2;

	if (code < 0)
		code = has_both ? policy_open(&invocation, invocation.arguments[0], &older)
				: policy_in_force(&invocation, &older);
	if (code < 0)
		code = policy_open(&invocation, invocation.arguments[has_both], &newer);
	if (code >= 0)
		return code;

	enum bl_status status =
		rules_diff(older, newer, tell_difference, &invocation, &wider, &narrower);

	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json) {
		BL_CLEANUP(json_decref)
		json_t *object = json_pack("{s:I,s:I}", "wider", (json_int_t)wider, "narrower",
					   (json_int_t)narrower);

		cli_print_json(object);
	} else if (wider + narrower) {
		printf("%zu wider, %zu narrower\n", wider, narrower);
	} else {
		puts("the same: nothing is wider, nothing narrower");
	}
	if (wider)
		return EXIT_WIDER;
	return narrower ? EXIT_NARROWER : 0;
}

static int publish_json(const struct invocation *invocation, const struct policy *policy)
{
	BL_CLEANUP(bl_free) char *notice = NULL;
	struct bl_error why = {{0}};
	size_t length = 0;
	FILE *out = open_memstream(&notice, &length);
	enum bl_status status = out ? rules_publish(out, policy) : BL_NO_MEMORY;

	if (out && fclose(out) != 0)
		status = BL_NO_MEMORY;
	if (status != BL_OK)
		return cli_fail(invocation, status, &why);

	BL_CLEANUP(json_decref)
	json_t *object = json_pack("{s:s,s:I,s:s}", "policy", policy_name(policy), "serial",
				   (json_int_t)policy_serial(policy), "notice", notice);

	cli_print_json(object);
	return 0;
}

int policy_publish(int argc, char **argv)
{
	struct invocation invocation = {.command = "policy publish",
					.usage = "policy publish [FILE] [--json]"};
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, NULL, 0, 0, 1);

	if (code < 0)
		code = invocation.argument_count
			       ? policy_open(&invocation, invocation.arguments[0], &policy)
			       : policy_in_force(&invocation, &policy);
	if (code >= 0)
		return code;
	if (invocation.wants_json)
		return publish_json(&invocation, policy);

	enum bl_status status = rules_publish(stdout, policy);

	return status == BL_OK ? 0 : cli_fail(&invocation, status, &why);
}

int policy_print_schema(int argc, char **argv)
{
	struct invocation invocation = {.command = "policy schema", .usage = "policy schema"};
	int code = cli_parse(&invocation, argc, argv, NULL, 0, 0, 0);

	if (code < 0)
		rules_schema(stdout); /* JSON with --json and without */
	return code < 0 ? 0 : code;
}
