#include "fs/cli/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static json_t *findings_json(const struct rules_findings *findings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < findings->count; i++) {
		const struct rules_finding *finding = &findings->items[i];

		json_array_append_new(
			list,
			json_pack("{s:s,s:i,s:i,s:s,s:s,s:s}", "severity",
				  finding->severity == RULES_ERROR ? "error" : "warning", "line",
				  (int)finding->line, "column", (int)finding->column, "text",
				  finding->text, "fix", finding->fix, "source", finding->source));
	}
	return list;
}

static enum bl_status check_image(const char *image, const struct policy *policy,
				  struct rules_findings *findings, struct bl_error *why)
{
	BL_CLEANUP(rules_paths_free) struct rules_paths_seen *seen = NULL;
	enum bl_status status = rules_paths_new(policy, &seen, why);

	if (status == BL_OK)
		status = policy_walk_image(image, seen, why);
	if (status == BL_OK)
		rules_paths_find(seen, findings);
	return status;
}

static void print_checked(const struct invocation *invocation, const struct policy *policy,
			  const struct rules_findings *findings)
{
	if (invocation->wants_json) {
		BL_CLEANUP(json_decref)
		json_t *object = json_pack("{s:b,s:o,s:I}", "ok", policy != NULL, "findings",
					   findings_json(findings), "dropped",
					   (json_int_t)findings->dropped);

		cli_print_json(object);
		return;
	}
	rules_print_findings(stderr, invocation->arguments[0], findings);
	if (policy)
		printf("ok: %s, serial %llu, %zu warning%s\n", policy_name(policy),
		       (unsigned long long)policy_serial(policy), findings->count,
		       findings->count == 1 ? "" : "s");
}

int policy_check(int argc, char **argv)
{
	struct invocation invocation = {.command = "policy check",
					.usage = "policy check FILE [--image IMAGE|DIR] [--strict] "
						 "[--json]"};
	bool is_strict = false;
	const char *image = NULL;
	const struct option_row rows[] = {{.name = "strict", .flag = &is_strict},
					  {.name = "image", .text = &image}};
	BL_CLEANUP(bl_free) struct rules_findings *findings = calloc(1, sizeof(*findings));
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (!findings)
		return cli_fail(&invocation, BL_NO_MEMORY, &why);

	enum bl_status status = rules_load(invocation.arguments[0], &policy, findings, &why);

	if (status != BL_OK && findings->count == 0)
		return cli_fail(&invocation, status == BL_NOT_FOUND ? BL_INVALID : status, &why);
	if (status == BL_OK) {
		rules_check_dates(policy, (int64_t)time(NULL), findings);
		if (image)
			status = check_image(image, policy, findings, &why);
		if (status != BL_OK)
			return cli_fail(&invocation, status, &why);
	}
	print_checked(&invocation, policy, findings);
	if (status != BL_OK)
		return bl_status_exit(BL_INVALID);
	return is_strict && findings->count ? bl_status_exit(BL_FAILED) : 0;
}
