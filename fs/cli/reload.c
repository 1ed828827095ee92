#include <stdio.h>

#include "fs/cli/cli.h"

int cmd_reload(int argc, char **argv)
{
	struct invocation invocation = {.command = "reload",
					.usage = "reload [--reason TEXT] [--json]"};
	const char *reason = NULL;
	const struct option_row rows[] = {{.name = "reason", .text = &reason}};
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "reload");
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	cli_add_reason(request, reason);

	enum bl_status status = cli_call(&invocation, request, -1, NULL, NULL, &answer, &why);

	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json)
		cli_print_json(answer);
	else
		printf("in force: %s, serial %lld; every view has decided again\n",
		       cli_text(answer, "policy"), cli_number(answer, "policy_serial"));
	return 0;
}
