/* What is there and what waits for somebody: on one screen, as JSON, or as figures in a file. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fs/cli/cli.h"
#include "fs/cli/metrics.h"
#include "fs/cli/status-page.h"

struct lists {
	json_t *devices, *views;
};

static bool take_part(void *context, const json_t *answer)
{
	const struct lists *lists = context;
	json_t *device = json_object_get(answer, "device"), *view = json_object_get(answer, "view");

	return (!device || json_array_append(lists->devices, device) == 0) &&
	       (!view || json_array_append(lists->views, view) == 0);
}

/* A file that is not written is worse than what it would say: it is told first. */
static enum bl_status put_metrics(const char *path, const json_t *answer, struct bl_error *why)
{
	struct bl_error written = {{0}};
	enum bl_status status = path ? metrics_put(path, answer, &written) : BL_OK;

	if (status != BL_OK)
		*why = written;
	return status;
}

static int tell(const struct invocation *invocation, const json_t *answer, const char *metrics)
{
	bool is_writable =
		json_is_true(json_object_get(json_object_get(answer, "log"), "is_writable"));
	struct bl_error why = {{0}};
	enum bl_status status = put_metrics(metrics, answer, &why);

	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	if (invocation->wants_json)
		cli_print_json(answer);
	else if (!metrics)
		status_page(stdout, answer, invocation->store, (int64_t)time(NULL));
	return is_writable ? 0 : bl_status_exit(BL_LOG_BROKEN);
}

int cmd_status(int argc, char **argv)
{
	struct invocation invocation = {.command = "status",
					.usage = "status [--metrics FILE] [--json]"};
	const char *metrics = NULL;
	const struct option_row rows[] = {{.name = "metrics", .text = &metrics}};
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "status");
	BL_CLEANUP(json_decref) json_t *devices = json_array();
	BL_CLEANUP(json_decref) json_t *views = json_array();
	struct lists lists = {devices, views};
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	enum bl_status status =
		cli_call(&invocation, request, -1, take_part, &lists, &answer, &why);

	if (status != BL_OK) {
		enum bl_status put = put_metrics(metrics, NULL, &why);

		return cli_fail(&invocation, put == BL_OK ? status : put, &why);
	}
	json_object_set(answer, "devices", devices);
	json_object_set(answer, "views", views);
	return tell(&invocation, answer, metrics);
}
