#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/cli/cli.h"

/* ---- people ------------------------------------------------------------------------------------- */

static void print_role(const json_t *role)
{
	const char *standing = cli_text(role, "standing"), *until = cli_text(role, "until");
	const char *requirement = cli_text(role, "requirement");

	printf("%-24s %-20s ", cli_text(role, "person"), cli_text(role, "role"));
	if (strcmp(standing, "counts") == 0 && !*until)
		printf("counts\n");
	else if (strcmp(standing, "counts") == 0)
		printf("counts through %s (%s)\n", until, requirement);
	else if (strcmp(standing, "lapsed") == 0)
		printf("LAPSED: %s ended with %s\n", requirement, until);
	else if (strcmp(standing, "conflict") == 0)
		printf("GIVES NOTHING: held together with a role it is never_with\n");
	else
		printf("GIVES NOTHING: no %s on record\n", requirement);
}

static bool take_role(void *context, const json_t *answer)
{
	const json_t *role = json_object_get(answer, "role");
	const struct invocation *invocation = context;

	if (role && invocation->wants_json)
		cli_print_json(role);
	else if (role)
		print_role(role);
	return true;
}

int cmd_people(int argc, char **argv)
{
	struct invocation invocation = {.command = "people", .usage = "people [--json]"};
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "people");
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, NULL, 0, 0, 0);

	if (code >= 0)
		return code;
	enum bl_status status =
		cli_call(&invocation, request, -1, take_role, &invocation, &answer, &why);

	return status == BL_OK ? 0 : cli_fail(&invocation, status, &why);
}

/* ---- may ---------------------------------------------------------------------------------------- */

struct lines {
	const struct invocation *invocation;
	const char *purpose, *reason;	/* NULL: none */
	char device[BL_DEVICE_ID_SIZE]; /* of the heading above */
	bool is_any;
};

/* Only a service that is root has sealed sessions; its store is root's as well. */
static bool has_sessions(const struct invocation *invocation)
{
	struct stat st;

	return stat(invocation->store, &st) == 0 && st.st_uid == 0;
}

/* What to do with a right to read: there is one command for it. */
static void print_view(const struct lines *lines, const json_t *may)
{
	if (strcmp(cli_text(may, "action"), "read") != 0 ||
	    strcmp(cli_text(may, "outcome"), "permit") != 0 || !*cli_text(may, "device") ||
	    !has_sessions(lines->invocation))
		return;
	fputs(" Look at it: bailee view ", stdout);
	if (lines->purpose) {
		fputs("--purpose ", stdout);
		cli_print_safe(lines->purpose);
		putchar(' ');
	}
	printf("%s%s", lines->reason ? "--reason TEXT " : "", cli_text(may, "device"));
}

static void print_may(struct lines *lines, const json_t *may)
{
	const char *device = cli_text(may, "device"), *limits = cli_text(may, "limits");

	if (!lines->is_any || strcmp(device, lines->device) != 0) {
		printf("%s%s\n", lines->is_any ? "\n" : "",
		       *device ? device : "beside the devices");
		snprintf(lines->device, sizeof(lines->device), "%s", device);
		lines->is_any = true;
	}
	printf("  %-10s %-8s %s", cli_text(may, "action"), cli_text(may, "outcome"),
	       cli_text(may, "text"));
	if (*cli_text(may, "until"))
		printf(" Until %s.", cli_text(may, "until"));
	if (*limits)
		printf(" Used: %s.", limits);
	print_view(lines, may);
	putchar('\n');
}

static bool take_may(void *context, const json_t *answer)
{
	struct lines *lines = context;
	const json_t *may = json_object_get(answer, "may");

	if (may && lines->invocation->wants_json)
		cli_print_json(may);
	else if (may)
		print_may(lines, may);
	return true;
}

int cmd_may(int argc, char **argv)
{
	struct invocation invocation = {.command = "may",
					.usage = "may [--purpose P] [--reason TEXT] [--json]"};
	const char *purpose = NULL, *reason = NULL;
	const struct option_row rows[] = {{.name = "purpose", .text = &purpose},
					  {.name = "reason", .text = &reason}};
	struct lines lines = {.invocation = &invocation};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	lines.purpose = purpose;
	lines.reason = reason;
	request = json_pack("{s:s,s:s*,s:s*}", "do", "may", "purpose", purpose, "reason", reason);
	if (!request)
		return cli_usage(&invocation, "arguments are not UTF-8 text");

	enum bl_status status = cli_call(&invocation, request, -1, take_may, &lines, &answer, &why);

	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json)
		return 0;
	if (*cli_text(answer, "lapsed"))
		printf("%slapsed, so they give nothing: %s (have the new last day put into the "
		       "policy)\n",
		       lines.is_any ? "\n" : "", cli_text(answer, "lapsed"));
	else if (!lines.is_any)
		printf("nothing, here and now%s\n",
		       purpose ? "" : " (some things are for a purpose only: --purpose P)");
	return 0;
}
