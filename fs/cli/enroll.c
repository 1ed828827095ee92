#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs/cli/cli.h"

#define RECORD_LIMIT 65536 /* so that the request stays below DAEMON_MESSAGE_LIMIT */

static enum bl_status build_request(json_t *request, const char *record_path, bool destroy,
				    struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *record = NULL;
	size_t length;

	if (destroy)
		json_object_set_new(request, "destroy_when_due", json_true());
	if (!record_path)
		return BL_OK;

	enum bl_status status = cli_read_file(record_path, RECORD_LIMIT, &record, &length, why);

	if (status != BL_OK)
		return status;
	if (strlen(record) != length ||
	    json_object_set_new(request, "record", json_string(record)) < 0)
		return bl_fail(why, BL_INVALID, "record '%s' is not UTF-8 text", record_path);
	return BL_OK;
}

int cmd_enroll(int argc, char **argv)
{
	struct invocation invocation = {.command = "enroll",
					.usage = "enroll SOURCE --device ID --kind KIND [--record "
						 "FILE] [--destroy-when-due] [--reason TEXT]"};
	const char *id = NULL, *kind = NULL, *record = NULL, *reason = NULL;
	bool destroy = false;
	const struct option_row rows[] = {{.name = "device", .text = &id},
					  {.name = "kind", .text = &kind},
					  {.name = "record", .text = &record},
					  {.name = "destroy-when-due", .flag = &destroy},
					  {.name = "reason", .text = &reason}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (!id || !kind)
		return cli_usage(&invocation, "--device and --kind are needed");

	/* Opened with our own rights: what we may not read, or write, root does not read or destroy for us. */
	BL_CLEANUP(fd_close)
	int source = open(invocation.arguments[0],
			  (destroy ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);

	if (source < 0) {
		bl_fail_errno(&why, BL_INVALID, "cannot open source '%s'", invocation.arguments[0]);
		return cli_fail(&invocation, BL_INVALID, &why);
	}
	request = json_pack("{s:s,s:s,s:s}", "do", "enroll", "device", id, "kind", kind);
	cli_add_reason(request, reason);

	enum bl_status status = build_request(request, record, destroy, &why);

	if (status == BL_OK)
		status = cli_call(&invocation, request, source, NULL, NULL, &answer, &why);
	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json)
		cli_print_json(answer);
	else
		printf("enrolled: %s (%s)%s\n", cli_text(answer, "device"),
		       cli_text(answer, "kind"), destroy ? ", to be destroyed when due" : "");
	return 0;
}
