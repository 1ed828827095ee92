/* Asking for more, and answering. People write a request as DEVICE/NUMBER. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "policy/words.h"

/* ---- asking ------------------------------------------------------------------------------------- */

int cmd_request(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "request",
		.usage = "request read|copy|unmask|shred|hold|release ID [PATH] --reason TEXT "
			 "[--class CLASS] [--purpose P]"};
	const char *reason = NULL, *class = NULL, *purpose = NULL;
	const struct option_row rows[] = {{.name = "reason", .text = &reason},
					  {.name = "class", .text = &class},
					  {.name = "purpose", .text = &purpose}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 2, 3);

	if (code >= 0)
		return code;
	const char *path = invocation.argument_count > 2 ? invocation.arguments[2] : NULL;

	if (!reason || !*reason)
		return cli_usage(&invocation, "whoever answers needs a reason");
	if (path && *path != '/')
		return cli_usage(&invocation,
				 "a path begins below the device, as you see it there: "
				 "/p1/Users/kim/notes.txt");
	request = json_pack("{s:s,s:s,s:s,s:s,s:s*,s:s*,s:s*}", "do", "request", "action",
			    invocation.arguments[0], "device", invocation.arguments[1], "reason",
			    reason, "path", path, "class", class, "purpose", purpose);
	if (!request)
		return cli_usage(&invocation, "arguments are not UTF-8 text");

	enum bl_status status = cli_call(&invocation, request, -1, NULL, NULL, &answer, &why);

	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json) {
		cli_print_json(answer);
		return 0;
	}
	printf("request %s/%lld is recorded (whoever may answer it: bailee approve %s/%lld)\n",
	       cli_text(answer, "device"), cli_number(answer, "number"), cli_text(answer, "device"),
	       cli_number(answer, "number"));
	if (*cli_text(answer, "outlook"))
		printf("now: %s\n", cli_text(answer, "outlook"));
	return 0;
}

/* ---- what is asked ------------------------------------------------------------------------------ */

static const char *login_of(long long uid, char out[32])
{
	const struct passwd *entry = getpwuid((uid_t)uid);

	if (entry && strlen(entry->pw_name) < 32)
		strcpy(out, entry->pw_name);
	else
		snprintf(out, 32, "uid:%lld", uid);
	return out;
}

static void print_request(const json_t *request)
{
	const json_t *giver, *path = json_object_get(request, "path");
	size_t index;
	char login[32];

	printf("%s/%lld  %s: %s%s%s", cli_text(request, "device"), cli_number(request, "number"),
	       login_of(cli_number(request, "by"), login), cli_text(request, "action"),
	       *cli_text(request, "class") ? " of " : "", cli_text(request, "class"));
	if (json_is_string(path)) {
		printf(" in ");
		cli_print_safe(json_string_value(path));
	}
	printf(": ");
	cli_print_safe(cli_text(request, "reason"));
	printf(" [%s", cli_text(request, "state"));
	json_array_foreach(json_object_get(request, "approvals"), index, giver)
		printf("%s%s", index ? ", " : "; agreed to by ",
		       login_of(json_integer_value(giver), login));
	printf("]\n");
}

static bool take_request(void *context, const json_t *answer)
{
	const json_t *request = json_object_get(answer, "request");
	const struct invocation *invocation = context;

	if (request && invocation->wants_json)
		cli_print_json(request);
	else if (request)
		print_request(request);
	return true;
}

int cmd_requests(int argc, char **argv)
{
	struct invocation invocation = {.command = "requests", .usage = "requests [--json]"};
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "requests");
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, NULL, 0, 0, 0);

	if (code >= 0)
		return code;
	enum bl_status status =
		cli_call(&invocation, request, -1, take_request, &invocation, &answer, &why);

	return status == BL_OK ? 0 : cli_fail(&invocation, status, &why);
}

/* ---- answering ---------------------------------------------------------------------------------- */

static int answer_request(int argc, char **argv, const char *verb, const char *usage)
{
	struct invocation invocation = {.command = verb, .usage = usage};
	const char *reason = NULL, *purpose = NULL;
	const struct option_row rows[] = {{.name = "reason", .text = &reason},
					  {.name = "purpose", .text = &purpose}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	char device[BL_DEVICE_ID_SIZE];
	uint64_t number;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (!cli_split(invocation.arguments[0], device, &number))
		return cli_usage(&invocation, "a request is DEVICE/NUMBER (bailee requests)");
	request = json_pack("{s:s,s:s,s:I,s:s*}", "do", verb, "device", device, "number",
			    (json_int_t)number, "purpose", purpose);
	if (request)
		cli_add_reason(request, reason);
	code = cli_ask(&invocation, request, &answer);
	if (code < 0)
		printf("request %s/%llu: %s by you\n", device, (unsigned long long)number,
		       strcmp(verb, "approve") == 0 ? "approved" : "refused");
	return BL_MAX(code, 0);
}

int cmd_approve(int argc, char **argv)
{
	return answer_request(argc, argv, "approve",
			      "approve DEVICE/NUMBER [--reason TEXT] [--purpose P]");
}

int cmd_refuse(int argc, char **argv)
{
	return answer_request(argc, argv, "refuse",
			      "refuse DEVICE/NUMBER [--reason TEXT] [--purpose P]");
}
