#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs/cli/mount-options.h"
#include "fs/cli/source-look.h"

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

static enum bl_status open_source(const struct invocation *invocation,
				  const struct text_list *lists, bool destroy,
				  struct image_part *out_part, int *out_fd, struct bl_error *why)
{
	struct mount_options said = {.timeout_seconds = 0};
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < lists->count && status == BL_OK; i++)
		status = mount_options_take(&said, (char *)(uintptr_t)lists->items[i], false, why);
	*out_part = said.part;
	if (status == BL_OK && destroy && !image_part_is_whole(&said.part))
		status = bl_fail(
			why, BL_INVALID,
			"a part of a source is not destroyed when due, since its other parts "
			"would be as well (take it in: bailee intake)");
	if (status == BL_OK)
		status = look_open(invocation->arguments[0], destroy ? O_RDWR : O_RDONLY, out_fd,
				   why);
	return status == BL_OK && !image_part_is_whole(&said.part)
		       ? look_at(invocation, invocation->arguments[0], *out_fd, &said.part, why)
		       : status;
}

static void add_part(json_t *request, const struct image_part *part)
{
	if (part->offset)
		json_object_set_new(request, "offset", json_integer((json_int_t)part->offset));
	if (part->partition)
		json_object_set_new(request, "partition", json_integer(part->partition));
	if (*part->fs)
		json_object_set_new(request, "fs", json_string(part->fs));
}

int cmd_enroll(int argc, char **argv)
{
	struct invocation invocation = {.command = "enroll",
					.usage = "enroll SOURCE --device ID --kind KIND [--record "
						 "FILE] [-o offset=N,partition=N,fs=TYPE] "
						 "[--destroy-when-due] [--reason TEXT]"};
	struct image_part part;
	struct text_list lists = {.count = 0};
	const char *id = NULL, *kind = NULL, *record = NULL, *reason = NULL;
	bool destroy = false;
	const struct option_row rows[] = {{.name = "device", .text = &id},
					  {.name = "kind", .text = &kind},
					  {.name = "record", .text = &record},
					  {.name = "options", .letter = 'o', .list = &lists},
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
	int source = -1;
	enum bl_status status = open_source(&invocation, &lists, destroy, &part, &source, &why);

	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	request = json_pack("{s:s,s:s,s:s}", "do", "enroll", "device", id, "kind", kind);
	cli_add_reason(request, reason);

	add_part(request, &part);
	status = build_request(request, record, destroy, &why);
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
