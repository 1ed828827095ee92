#include <stdio.h>

#include "fs/cli/cli.h"

static bool tell_step(void *context, const json_t *answer)
{
	const struct invocation *invocation = context;
	const json_t *step = json_object_get(answer, "step");

	if (invocation->wants_json)
		cli_print_json(answer);
	else if (step)
		printf("%s: %s\n", cli_text(step, "device"), cli_text(step, "step"));
	fflush(stdout);
	return true;
}

int cmd_shred(int argc, char **argv)
{
	struct invocation invocation = {.command = "shred", .usage = "shred --due [--reason TEXT]"};
	const char *reason = NULL;
	bool is_due = false;
	const struct option_row rows[] = {{.name = "due", .flag = &is_due},
					  {.name = "reason", .text = &reason}};
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "shred-due");
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	if (!is_due)
		return cli_usage(&invocation, "--due is needed: only what is due is destroyed");
	if (reason)
		json_object_set_new(request, "reason", json_string(reason));

	enum bl_status status =
		cli_call(&invocation, request, -1, tell_step, &invocation, &answer, &why);

	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json)
		cli_print_json(answer);
	else
		printf("destroyed: %lld\n", cli_number(answer, "shredded"));
	return 0;
}
