/* When is what destroyed, why then, and what would another policy move? */
#include <stdio.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/plan-page.h"
#include "fs/cli/policy.h"

#define POLICY_TEXT_LIMIT 120000 /* fits one request */

/* All findings here, with their lines, before the daemon is asked. -1, or the exit code */
static int add_policy(const struct invocation *invocation, json_t *request, const char *path)
{
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	BL_CLEANUP(bl_free) char *text = NULL;
	struct bl_error why = {{0}};
	size_t length;
	int code = policy_open(invocation, path, &policy);

	if (code >= 0)
		return code;
	enum bl_status status = cli_read_file(path, POLICY_TEXT_LIMIT, &text, &length, &why);

	if (status == BL_OK && json_object_set_new(request, "text", json_string(text)) != 0)
		status = bl_fail(&why, BL_INVALID, "'%s' is not UTF-8 text", path);
	return status == BL_OK ? -1 : cli_fail(invocation, status, &why);
}

static int plan(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "retention plan",
		.usage = "retention plan [--policy FILE] [--reason TEXT] [--purpose P] [--json]"};
	const char *path = NULL, *reason = NULL, *purpose = NULL;
	const struct option_row rows[] = {{.name = "policy", .text = &path},
					  {.name = "reason", .text = &reason},
					  {.name = "purpose", .text = &purpose}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	request = json_pack("{s:s,s:s*,s:s*}", "do", "retention-plan", "reason", reason, "purpose",
			    purpose);
	if (!request)
		return cli_usage(&invocation, "arguments are not UTF-8 text");
	code = path ? add_policy(&invocation, request, path) : -1;
	if (code < 0)
		code = cli_gather(&invocation, request, &(struct cli_part){"plan", "plans"}, 1,
				  &answer);
	if (code >= 0)
		return code;
	if (invocation.wants_json)
		cli_print_json(answer);
	else
		plan_page(stdout, answer, path);
	return 0;
}

int cmd_retention(int argc, char **argv)
{
	static const struct verb VERBS[] = {{"plan", plan}};
	const struct invocation invocation = {.command = "retention",
					      .usage = "retention plan ... (--help after it)"};

	return cli_verb(&invocation, VERBS, BL_COUNT(VERBS), argc, argv, "what about retention?");
}
