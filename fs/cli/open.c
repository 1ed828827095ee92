#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"

static json_t *open_request(const char *purpose, const char *reason)
{
	json_t *request = json_pack("{s:s}", "do", "open");

	if (purpose)
		json_object_set_new(request, "purpose", json_string(purpose));
	if (reason)
		json_object_set_new(request, "reason", json_string(reason));
	return request;
}

static enum bl_status add_person(json_t *request, const char *person, struct bl_error *why)
{
	uid_t uid;
	gid_t gid;

	if (!person)
		return BL_OK;
	enum bl_status status = cli_find_uid(person, &uid, &gid, why);

	if (status == BL_OK) {
		json_object_set_new(request, "for", json_integer(uid));
		json_object_set_new(request, "gid", json_integer(gid));
	}
	return status;
}

int cmd_open(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "open",
		.usage = "open [--purpose P] [--reason TEXT] [--for LOGIN|uid:N] MOUNTPOINT"};
	const char *purpose = NULL, *reason = NULL, *person = NULL;
	const struct option_row rows[] = {{.name = "purpose", .text = &purpose},
					  {.name = "reason", .text = &reason},
					  {.name = "for", .text = &person}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	BL_CLEANUP(fd_close)
	int mountpoint =
		open(invocation.arguments[0], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (mountpoint < 0) {
		bl_fail_errno(&why, BL_INVALID,
			      "cannot open mount point '%s' (make an empty directory)",
			      invocation.arguments[0]);
		return cli_fail(&invocation, BL_INVALID, &why);
	}
	request = open_request(purpose, reason);

	enum bl_status status = add_person(request, person, &why);

	if (status == BL_OK)
		status = cli_call(&invocation, request, mountpoint, NULL, NULL, &answer, &why);
	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json)
		cli_print_json(answer);
	else
		printf("opened: view %lld of uid %lld on %s (every access is logged; bailee why "
		       "PATH tells what you may do)\n",
		       cli_number(answer, "view"), cli_number(answer, "uid"),
		       invocation.arguments[0]);
	return 0;
}

/* The path as the daemon knows it, without touching the mount itself, which may hang or be dead. */
static bool mount_path(const char *argument, char *out, size_t size)
{
	BL_CLEANUP(bl_free) char *for_folder = strdup(argument);
	BL_CLEANUP(bl_free) char *for_name = strdup(argument);
	BL_CLEANUP(bl_free) char *folder = for_folder ? realpath(dirname(for_folder), NULL) : NULL;

	if (!folder || !for_name)
		return false;
	int written = snprintf(out, size, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder,
			       basename(for_name));

	return written > 0 && (size_t)written < size;
}

int cmd_close(int argc, char **argv)
{
	struct invocation invocation = {.command = "close", .usage = "close MOUNTPOINT | --view N"};
	const char *view = NULL;
	const struct option_row rows[] = {{.name = "view", .text = &view}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	char path[4096];
	uint64_t number = 0;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 1);

	if (code >= 0)
		return code;
	if ((view != NULL) == (invocation.argument_count == 1))
		return cli_usage(&invocation, "name one view: its mount point or --view N");
	if (view && !cli_parse_number(view, INT64_MAX, &number))
		return cli_usage(&invocation, "--view needs a number");
	if (view) {
		request = json_pack("{s:s,s:I}", "do", "close", "view", (json_int_t)number);
	} else {
		if (!mount_path(invocation.arguments[0], path, sizeof(path)))
			return cli_usage(&invocation, "no such mount point");
		request = json_pack("{s:s,s:s}", "do", "close", "path", path);
	}
	code = cli_ask(&invocation, request, &answer);
	if (code < 0)
		printf("closed\n");
	return BL_MAX(code, 0);
}
