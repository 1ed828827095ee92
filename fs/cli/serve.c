#include <stdio.h>
#include <unistd.h>

#include "fs/cli/secret.h"

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
			 "[--anchor DIR|syslog:[SOCKET]|command:COMMAND]... "
			 "[--passphrase-file FILE|-] [--key-file FILE] [--credential NAME]"};
	struct text_list anchors = {.count = 0};
	struct secret_options given = {.passphrase_file = NULL};
	SECRETS_CLEANUP struct secrets secrets = {.count = 0};
	struct daemon_options options = {.on_ready = say_ready, .context = &invocation};
	const struct option_row rows[] = {{.name = "policy", .text = &options.policy_path},
					  {.name = "anchor", .list = &anchors},
					  SECRET_ROWS(&given)};
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

	enum bl_status status = secrets_for(invocation.store, &given, &secrets, &why);

	options.secrets = secrets.items;
	options.secret_count = secrets.count;
	if (status == BL_OK)
		status = daemon_run(&options, &why);
	return status == BL_OK ? 0 : cli_fail(&invocation, status, &why);
}
