/* The wipe check: a medium is opened with our own rights, and read and judged by the daemon. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cli/cli.h"
#include "fs/cli/inspect-page.h"
#include "fs/cli/progress.h"
#include "fs/cli/tell.h"
#include "fs/inspect/inspect.h"

#define STATEMENT_MOST (4u << 20) /* bytes; larger than any that the daemon signs */

struct inspecting {
	struct invocation invocation;
	const char *device, *reason, *purpose, *out;
	struct text_list reports;
	int fds[1 + INSPECT_REPORTS];
	size_t fd_count;
	struct progress progress;
	char *text; /* the statement, in pieces as they come */
	size_t length;
};

/* ---- handing over ------------------------------------------------------------------------------------------ */

/* A pipe of that name would be waited for: looked at first. */
static enum bl_status hand_over(struct inspecting *inspecting, const char *path, bool may_be_disk,
				struct bl_error *why)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open '%s'", path);
	if (!S_ISREG(st.st_mode) && !(may_be_disk && S_ISBLK(st.st_mode)))
		return bl_fail(why, BL_INVALID, "'%s' is no file%s", path,
			       may_be_disk ? " and no block device" : "");
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return bl_fail_errno(why, errno == EACCES ? BL_FORBIDDEN : BL_INVALID,
				     "cannot open '%s'", path);
	inspecting->fds[inspecting->fd_count++] = fd;
	return BL_OK;
}

static enum bl_status open_all(struct inspecting *inspecting, struct bl_error *why)
{
	enum bl_status status =
		hand_over(inspecting, inspecting->invocation.arguments[0], true, why);

	for (size_t i = 0; status == BL_OK && i < inspecting->reports.count; i++)
		status = hand_over(inspecting, inspecting->reports.items[i], false, why);
	return status;
}

static void close_all(struct inspecting *inspecting)
{
	for (size_t i = 0; i < inspecting->fd_count; i++)
		fd_close(inspecting->fds[i]);
	inspecting->fd_count = 0;
}

/* ---- what comes back ------------------------------------------------------------------------------------------ */

static bool take_piece(struct inspecting *inspecting, const char *piece)
{
	size_t length = strlen(piece);

	if (inspecting->length + length > STATEMENT_MOST)
		return false;
	char *grown = realloc(inspecting->text, inspecting->length + length + 1);

	if (!grown)
		return false;
	memcpy(grown + inspecting->length, piece, length + 1);
	inspecting->text = grown;
	inspecting->length += length;
	return true;
}

static bool take(void *context, const json_t *answer)
{
	struct inspecting *inspecting = context;
	const json_t *progress = json_object_get(answer, "progress");
	const char *piece = json_string_value(json_object_get(answer, "text"));

	if (progress && !inspecting->invocation.wants_json)
		progress_tell(&inspecting->progress, "reading",
			      (uint64_t)cli_number(progress, "done"),
			      (uint64_t)cli_number(progress, "total"));
	return !piece || take_piece(inspecting, piece);
}

static enum bl_status call(struct inspecting *inspecting, json_t **out_answer, struct bl_error *why)
{
	BL_CLEANUP(json_decref)
	json_t *request =
		json_pack("{s:s,s:s*,s:s*,s:s*}", "do", "inspect", "device", inspecting->device,
			  "reason", inspecting->reason, "purpose", inspecting->purpose);
	BL_CLEANUP(fd_close) int fd = -1;

	if (!request)
		return bl_fail(why, BL_INVALID, "arguments are not UTF-8 text");
	enum bl_status status = daemon_connect(inspecting->invocation.store, &fd, why);

	if (status == BL_OK)
		status = daemon_call_fds(fd, request, inspecting->fds, inspecting->fd_count, take,
					 inspecting, out_answer, why);
	progress_end(&inspecting->progress);
	return status;
}

static void print_statement(struct inspecting *inspecting, json_t *answer, json_t *statement,
			    bool is_written)
{
	const struct inspect_look look = {
		.is_utf8 = tell_is_utf8(),
		.has_colours = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
	};

	if (inspecting->invocation.wants_json) {
		json_object_set(answer, "statement", statement);
		cli_print_json(answer);
		return;
	}
	inspect_page(stdout, statement, &look);
	if (inspecting->out && is_written) {
		printf("statement    ");
		cli_print_safe(inspecting->out);
		printf(" (bailee certificate verify FILE --key KEY)\n");
	}
}

static enum bl_status inspect(struct inspecting *inspecting, bool *out_empty, struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *answer = NULL, *statement = NULL;
	enum bl_status status = open_all(inspecting, why);

	if (status == BL_OK)
		status = call(inspecting, &answer, why);
	if (status != BL_OK)
		return status;
	statement = inspecting->text ? json_loads(inspecting->text, JSON_REJECT_DUPLICATES, NULL)
				     : NULL;
	if (!statement)
		return bl_fail(why, BL_IO, "the daemon's statement is not whole");
	*out_empty = strcmp(cli_text(statement, "verdict"), "EMPTY") == 0;
	if (inspecting->out)
		status = cli_write_new(inspecting->out, inspecting->text, inspecting->length, why);
	print_statement(inspecting, answer, statement, status == BL_OK);
	return status;
}

static int run(struct inspecting *inspecting)
{
	struct bl_error why = {{0}};
	bool is_empty = false;
	enum bl_status status = inspect(inspecting, &is_empty, &why);

	close_all(inspecting);
	free(inspecting->text);
	if (status != BL_OK)
		return cli_fail(&inspecting->invocation, status, &why);
	return is_empty ? 0 : bl_status_exit(BL_NOT_VERIFIED);
}

/* An hour of reading is not to be lost to a name that is taken, or leads nowhere. */
static bool may_create(const char *path)
{
	BL_CLEANUP(bl_free) char *copy = strdup(path);
	struct stat st;

	return copy && lstat(path, &st) < 0 && access(dirname(copy), W_OK | X_OK) == 0;
}

int cmd_inspect(int argc, char **argv)
{
	struct inspecting inspecting = {
		.invocation = {.command = "inspect",
			       .usage = "inspect IMAGE|BLOCK-DEVICE [--device ID] [--report "
					"FILE]... [--out FILE] "
					"[--reason TEXT] [--purpose P] [--json]"}};
	const struct option_row rows[] = {{.name = "device", .text = &inspecting.device},
					  {.name = "report", .list = &inspecting.reports},
					  {.name = "out", .text = &inspecting.out},
					  {.name = "reason", .text = &inspecting.reason},
					  {.name = "purpose", .text = &inspecting.purpose}};
	int code = cli_parse(&inspecting.invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (inspecting.reports.count > INSPECT_REPORTS)
		return cli_usage(&inspecting.invocation, "--report is given more than 8 times");
	if (inspecting.out && !may_create(inspecting.out))
		return cli_usage(&inspecting.invocation,
				 "the file of --out is there already (nothing is overwritten), or "
				 "its folder is not, or not yours");
	return run(&inspecting);
}
