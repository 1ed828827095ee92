#include <stdio.h>
#include <string.h>

#include "fs/cli/cli.h"

static void print_consent(const json_t *answer, bool is_granted)
{
	printf("consent for %s of %s is on record as %s\n", cli_text(answer, "consent"),
	       cli_text(answer, "device"), is_granted ? "granted" : "withdrawn");
	if (!is_granted)
		cli_print_date(answer);
}

int cmd_consent(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "consent",
		.usage = "consent ID grant|withdraw PURPOSE [--reason TEXT] [--purpose P]"};
	const char *reason = NULL, *purpose = NULL;
	const struct option_row rows[] = {{.name = "reason", .text = &reason},
					  {.name = "purpose", .text = &purpose}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 3, 3);

	if (code >= 0)
		return code;
	bool is_granted = strcmp(invocation.arguments[1], "grant") == 0;

	if (!is_granted && strcmp(invocation.arguments[1], "withdraw") != 0)
		return cli_usage(&invocation, "consent is granted or withdrawn");
	request = json_pack("{s:s,s:s,s:s,s:b,s:s*}", "do", "consent", "device",
			    invocation.arguments[0], "consent", invocation.arguments[2], "granted",
			    is_granted, "purpose", purpose);
	if (request)
		cli_add_reason(request, reason);
	code = cli_ask(&invocation, request, &answer);
	if (code < 0)
		print_consent(answer, is_granted);
	return BL_MAX(code, 0);
}

int cmd_caller(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "caller",
		.usage = "caller ID verified --by one-factor|two-factor --ticket T"};
	const char *check = NULL, *ticket = NULL;
	const struct option_row rows[] = {{.name = "by", .text = &check},
					  {.name = "ticket", .text = &ticket}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 2, 2);

	if (code >= 0)
		return code;
	if (strcmp(invocation.arguments[1], "verified") != 0)
		return cli_usage(&invocation, "a caller can only be verified");
	if (!check || !ticket)
		return cli_usage(&invocation, "--by and --ticket are needed");
	request = json_pack("{s:s,s:s,s:s,s:s}", "do", "caller", "device", invocation.arguments[0],
			    "check", check, "ticket", ticket);
	code = cli_ask(&invocation, request, &answer);
	if (code < 0)
		printf("the caller about %s is verified by %s: it counts for you, for an hour\n",
		       cli_text(answer, "device"), cli_text(answer, "check"));
	return BL_MAX(code, 0);
}
