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
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	if (request)
		cli_add_reason(request, reason);
	code = cli_ask(&invocation, request, &answer);
	if (code < 0)
		cli_print_in_force(answer);
	return BL_MAX(code, 0);
}
