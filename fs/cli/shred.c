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

static int shred_due(const struct invocation *invocation, const char *reason, const char *purpose)
{
	BL_CLEANUP(json_decref)
	json_t *request = json_pack("{s:s,s:s*,s:s*}", "do", "shred-due", "reason", reason,
				    "purpose", purpose);
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	struct bl_error why = {{0}};
	enum bl_status status = cli_call(invocation, request, -1, tell_step,
					 (void *)(uintptr_t)invocation, &answer, &why);

	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	if (invocation->wants_json)
		cli_print_json(answer);
	else
		printf("destroyed: %lld\n", cli_number(answer, "shredded"));
	return 0;
}

static int shred_early(const struct invocation *invocation, const char *reason, const char *purpose)
{
	BL_CLEANUP(json_decref)
	json_t *request = json_pack("{s:s,s:s,s:s*,s:s*}", "do", "shred", "device",
				    invocation->arguments[0], "reason", reason, "purpose", purpose);
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	struct bl_error why = {{0}};
	enum bl_status status = cli_call(invocation, request, -1, NULL, NULL, &answer, &why);

	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	if (invocation->wants_json)
		cli_print_json(answer);
	else
		cli_print_date(answer);
	return 0;
}

/* Only files of a sealed device; the rest stays as it is. */
static int shred_part(const struct invocation *invocation, const struct text_list *paths,
		      const char *reason, const char *purpose)
{
	BL_CLEANUP(json_decref) json_t *list = json_array();
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	struct bl_error why = {{0}};

	for (size_t i = 0; i < paths->count; i++)
		json_array_append_new(list, json_string(paths->items[i]));
	BL_CLEANUP(json_decref)
	json_t *request = json_pack("{s:s,s:s,s:O,s:s*,s:s*}", "do", "shred-part", "device",
				    invocation->arguments[0], "paths", list, "reason", reason,
				    "purpose", purpose);

	if (!request || json_array_size(list) != paths->count)
		return cli_usage(invocation, "a path or a reason is not text");
	enum bl_status status = cli_call(invocation, request, -1, tell_step,
					 (void *)(uintptr_t)invocation, &answer, &why);

	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	if (invocation->wants_json)
		cli_print_json(answer);
	else
		printf("destroyed: %lld files of %s (bailee certificate show %s --part %lld)\n",
		       cli_number(answer, "files"), cli_text(answer, "device"),
		       cli_text(answer, "device"), cli_number(answer, "part"));
	return 0;
}

int cmd_shred(int argc, char **argv)
{
	struct invocation invocation = {.command = "shred",
					.usage = "shred --due | ID [--path PATTERN]... --reason "
						 "TEXT [--purpose P]"};
	struct text_list paths = {.count = 0};
	const char *reason = NULL, *purpose = NULL;
	bool is_due = false;
	const struct option_row rows[] = {{.name = "due", .flag = &is_due},
					  {.name = "path", .list = &paths},
					  {.name = "reason", .text = &reason},
					  {.name = "purpose", .text = &purpose}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 1);

	if (code >= 0)
		return code;
	if (is_due == (invocation.argument_count == 1))
		return cli_usage(&invocation, "name a device, or --due: what is due is destroyed");
	if (paths.count)
		return is_due ? cli_usage(&invocation, "--path names files of one device")
			      : shred_part(&invocation, &paths, reason, purpose);
	return is_due ? shred_due(&invocation, reason, purpose)
		      : shred_early(&invocation, reason, purpose);
}
