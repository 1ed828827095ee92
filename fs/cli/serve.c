#include <stdio.h>
#include <unistd.h>

#include "fs/cli/cli.h"

static void say_ready(void *context)
{
	const struct invocation *invocation = context;

	printf("ready: store '%s'\n", invocation->store);
	fflush(stdout);
}

int cmd_serve(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "serve",
		.usage = "serve [--store DIR] [--policy FILE] "
			 "[--anchor DIR|syslog:[SOCKET]|command:COMMAND]..."};
	struct text_list anchors = {.count = 0};
	struct daemon_options options = {.on_ready = say_ready, .context = &invocation};
	const struct option_row rows[] = {{.name = "policy", .text = &options.policy_path},
					  {.name = "anchor", .list = &anchors}};
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	if (geteuid() != 0)
		return cli_usage(
			&invocation,
			"a service that enforces runs as root (as yourself: bailee mount)");
	options.store_path = invocation.store;
	options.anchors = anchors.items;
	options.anchor_count = anchors.count;

	enum bl_status status = daemon_run(&options, &why);

	return status == BL_OK ? 0 : cli_fail(&invocation, status, &why);
}
