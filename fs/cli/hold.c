#include <stdio.h>
#include <string.h>

#include "fs/cli/cli.h"

int cmd_hold(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "hold",
		.usage = "hold add|release ID --reason TEXT [--hold N] [--purpose P]"};
	const char *reason = NULL, *hold = NULL, *purpose = NULL;
	const struct option_row rows[] = {{.name = "reason", .text = &reason},
					  {.name = "purpose", .text = &purpose},
					  {.name = "hold", .text = &hold}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	uint64_t number = 0;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 2, 2);

	if (code >= 0)
		return code;
	bool is_add = strcmp(invocation.arguments[0], "add") == 0;

	if (!is_add && strcmp(invocation.arguments[0], "release") != 0)
		return cli_usage(&invocation, "a hold is added or released");
	if (hold && (is_add || !cli_parse_number(hold, UINT32_MAX, &number)))
		return cli_usage(&invocation, "--hold names the number of a hold to release");
	request = json_pack("{s:s,s:s,s:s}", "do", is_add ? "hold-add" : "hold-release", "device",
			    invocation.arguments[1], "reason", reason ? reason : "");
	if (!request)
		return cli_usage(&invocation, "arguments are not UTF-8 text");
	if (purpose)
		json_object_set_new(request, "purpose", json_string(purpose));
	if (hold)
		json_object_set_new(request, "hold", json_integer((json_int_t)number));
	code = cli_ask(&invocation, request, &answer);
	if (code < 0)
		printf("hold %lld on %s %s\n", cli_number(answer, "hold"),
		       cli_text(answer, "device"),
		       is_add ? "added: nothing of it is destroyed until it is released"
			      : "released");
	return BL_MAX(code, 0);
}
