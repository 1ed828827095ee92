/* A returned device's image into the vault: opened, and its container parsed, with our own rights. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cli/cli.h"
#include "fs/cli/progress.h"
#include "fs/image/container.h"
#include "fs/vault/sealed.h"

#define RECORD_LIMIT 49152 /* so that the request stays below DAEMON_MESSAGE_LIMIT */

struct intake_options {
	const char *id, *kind, *record, *size, *reason, *purpose;
	struct text_list without, only;
	bool no_free_space, verify, destroy;
};

struct taking {
	struct invocation invocation;
	struct intake_options options;
	struct container container; /* the source's files */
	int stream;		    /* what is sealed, when not the file itself; -1 */
	pid_t child;		    /* that parses a container; 0: none */
	struct progress progress;
};

/* ---- ctrl-C ------------------------------------------------------------------------------------------ */

static void end_with(int number, const char *text)
{
	(void)!write(STDERR_FILENO, text, strlen(text));
	(void)raise(number); /* SA_RESETHAND: it ends us now */
}

static void on_stop(int number)
{
	end_with(number, "\nstopped: what is sealed is kept (the same command goes on with it)\n");
}

static void on_late_stop(int number)
{
	end_with(number,
		 "\nthe source's destruction goes on without you (bailee certificate show ID "
		 "--source)\n");
}

/* Say what becomes of it when we are told to end; a signal that is ignored stays so. */
static void catch_stops(void (*handler)(int number))
{
	static const int STOPS[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = handler, .sa_flags = (int)SA_RESETHAND}, before;

	for (size_t i = 0; i < BL_COUNT(STOPS); i++)
		if (sigaction(STOPS[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(STOPS[i], &action, NULL);
}

/* ---- asking ------------------------------------------------------------------------------------------ */

static bool tell(void *context, const json_t *answer)
{
	struct taking *taking = context;
	const json_t *progress = json_object_get(answer, "progress");
	const json_t *step = json_object_get(answer, "step");

	if (taking->invocation.wants_json) {
		cli_print_json(answer);
		fflush(stdout);
	} else if (progress && strcmp(cli_text(progress, "stage"), "choosing") != 0) {
		progress_tell(&taking->progress, cli_text(progress, "stage"),
			      (uint64_t)cli_number(progress, "done"),
			      (uint64_t)cli_number(progress, "total"));
	}
	if (step)
		catch_stops(on_late_stop);
	if (step && !taking->invocation.wants_json) {
		progress_end(&taking->progress);
		fprintf(stderr, "source: %s\n", cli_text(step, "step"));
	}
	return true;
}

/* One that is no text may not be passed over: what it names would be kept. */
static enum bl_status add_texts(json_t *request, const char *key, const struct text_list *list,
				struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *texts = json_array();

	for (size_t i = 0; i < list->count; i++)
		if (json_array_append_new(texts, json_string(list->items[i])) != 0)
			return bl_fail(why, BL_INVALID, "pattern %zu of --%s is not UTF-8 text",
				       i + 1, key);
	if (list->count)
		json_object_set(request, key, texts);
	return BL_OK;
}

static void add_flag(json_t *request, const char *key, bool is_set)
{
	if (is_set)
		json_object_set_new(request, key, json_true());
}

static enum bl_status build_request(const struct taking *taking, const char *form,
				    json_t **out_request, struct bl_error *why)
{
	const struct intake_options *options = &taking->options;
	BL_CLEANUP(bl_free) char *record = NULL;
	size_t length;
	uint64_t size;
	BL_CLEANUP(json_decref)
	json_t *request =
		json_pack("{s:s,s:s,s:s,s:s,s:s,s:s*}", "do", "intake", "device", options->id,
			  "kind", options->kind, "form", form, "container",
			  container_kind_name(taking->container.kind), "purpose", options->purpose);

	if (!request)
		return bl_fail(why, BL_INVALID, "device, kind or purpose is not text");
	if (options->record) {
		enum bl_status status =
			cli_read_file(options->record, RECORD_LIMIT, &record, &length, why);

		if (status != BL_OK)
			return status;
		if (strlen(record) != length ||
		    json_object_set_new(request, "record", json_string(record)) < 0)
			return bl_fail(why, BL_INVALID, "record '%s' is not UTF-8 text",
				       options->record);
	}
	if (options->size) {
		if (!cli_parse_number(options->size, SEALED_MOST, &size) || !size)
			return bl_fail(why, BL_INVALID, "--size is a number of bytes");
		json_object_set_new(request, "size", json_integer((json_int_t)size));
	}
	enum bl_status status = add_texts(request, "without", &options->without, why);

	if (status == BL_OK)
		status = add_texts(request, "only", &options->only, why);
	add_flag(request, "no_free_space", options->no_free_space);
	add_flag(request, "verify", options->verify);
	add_flag(request, "destroy_source", options->destroy);
	cli_add_reason(request, options->reason);
	if (status == BL_OK)
		*out_request = BL_TAKE(request);
	return status;
}

/* Where a container's stream may begin: what the service compares lies in front of what it has. */
static enum bl_status ask_start(const struct taking *taking, uint64_t *out_start,
				struct bl_error *why)
{
	BL_CLEANUP(json_decref)
	json_t *request =
		json_pack("{s:s,s:s,s:s,s:s*}", "do", "intake-state", "device", taking->options.id,
			  "kind", taking->options.kind, "purpose", taking->options.purpose);
	BL_CLEANUP(json_decref) json_t *answer = NULL;

	if (!request)
		return bl_fail(why, BL_INVALID, "device, kind or purpose is not text");
	cli_add_reason(request, taking->options.reason);
	enum bl_status status =
		cli_call(&taking->invocation, request, -1, NULL, NULL, &answer, why);

	if (status == BL_OK) {
		uint64_t done = (uint64_t)cli_number(answer, "done") / SEALED_GROUP * SEALED_GROUP;

		*out_start = done - BL_MIN(done, (uint64_t)SEALED_GROUP);
	}
	return status;
}

static enum bl_status container_folder(char *out, size_t size, struct bl_error *why)
{
	enum bl_status status = daemon_reader_path(out, size, why);
	char *slash = status == BL_OK ? strrchr(out, '/') : NULL;

	if (slash)
		*slash = '\0';
	return status;
}

static enum bl_status open_stream(struct taking *taking, struct bl_error *why)
{
	char folder[4096];
	uint64_t start = 0;
	enum bl_status status = ask_start(taking, &start, why);

	if (status == BL_OK)
		status = container_folder(folder, sizeof(folder), why);
	if (status == BL_OK)
		status = container_start(&taking->container, folder, start, &taking->stream,
					 &taking->child, why);
	return status;
}

/* "file": read at any place; "stream": from our child; "plain": our stdin. */
static enum bl_status open_source(struct taking *taking, const char **out_form,
				  struct bl_error *why)
{
	const char *path = taking->invocation.arguments[0];

	*out_form = "plain";
	if (strcmp(path, "-") == 0) {
		taking->stream = STDIN_FILENO;
		return BL_OK;
	}
	enum bl_status status =
		container_open(path, taking->options.destroy, &taking->container, why);

	if (status != BL_OK)
		return status;
	*out_form = taking->container.kind == CONTAINER_NONE ? "file" : "stream";
	return taking->container.kind == CONTAINER_NONE ? BL_OK : open_stream(taking, why);
}

/* The stream or the file first; behind it what is to be destroyed. */
static size_t collect_fds(const struct taking *taking, int fds[1 + CONTAINER_FILES])
{
	size_t count = 0;

	if (taking->stream >= 0)
		fds[count++] = taking->stream;
	if (taking->stream < 0 || taking->options.destroy)
		for (size_t i = 0; i < taking->container.count; i++)
			fds[count++] = taking->container.fds[i];
	return count;
}

static enum bl_status call(struct taking *taking, json_t *request, json_t **out_answer,
			   struct bl_error *why)
{
	int fds[1 + CONTAINER_FILES];
	size_t count = collect_fds(taking, fds);
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = daemon_connect(taking->invocation.store, &fd, why);

	catch_stops(on_stop);
	if (status == BL_OK)
		status = daemon_call_fds(fd, request, fds, count, tell, taking, out_answer, why);
	progress_end(&taking->progress);
	return status;
}

/* What the child says of its container explains more than that its stream ended early. */
static enum bl_status end_child(struct taking *taking, enum bl_status status, struct bl_error *why)
{
	struct bl_error child_why = {{0}};

	if (!taking->child)
		return status;
	fd_close(taking->stream);
	enum bl_status ended = container_wait(taking->child, status == BL_OK, &child_why);

	taking->child = 0;
	if (status == BL_OK || ended != BL_INVALID)
		return status;
	*why = child_why;
	return ended;
}

static void print_result(const struct taking *taking, const json_t *answer)
{
	char bytes[24], stored[24];

	if (taking->invocation.wants_json) {
		cli_print_json(answer);
		return;
	}
	printf("sealed   %s: %s (%s stored), %s\n", cli_text(answer, "device"),
	       progress_bytes((uint64_t)cli_number(answer, "bytes"), bytes),
	       progress_bytes((uint64_t)cli_number(answer, "stored"), stored),
	       cli_text(answer, "algorithm"));
	printf("digest   %s (sha256sum of the image as it is kept)\n", cli_text(answer, "digest"));
	if (cli_number(answer, "unreadable"))
		printf("missing  %s could not be read from the source\n",
		       progress_bytes((uint64_t)cli_number(answer, "unreadable"), bytes));
	if (cli_number(answer, "left_out"))
		printf("left out %s, of %lld files\n",
		       progress_bytes((uint64_t)cli_number(answer, "left_out"), bytes),
		       cli_number(answer, "files_left_out"));
	if (taking->options.destroy && !json_is_true(json_object_get(answer, "source_destroyed")))
		printf("source   NOT destroyed: not all of it could be read (a rescue tool may; "
		       "then "
		       "destroy it)\n");
	else if (json_is_true(json_object_get(answer, "source_destroyed")))
		printf("source   destroyed (bailee certificate show %s --source)\n",
		       cli_text(answer, "device"));
	else
		printf("source   still where it was: destroy it, or it is what gets lost\n");
	printf("receipt  bailee certificate show %s --intake\n", cli_text(answer, "device"));
}

static int run(struct taking *taking)
{
	BL_CLEANUP(json_decref) json_t *request = NULL;
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	const char *form = NULL;
	struct bl_error why = {{0}};
	enum bl_status status = open_source(taking, &form, &why);

	if (status == BL_OK)
		status = build_request(taking, form, &request, &why);
	if (status == BL_OK)
		status = call(taking, request, &answer, &why);
	status = end_child(taking, status, &why);
	container_close(&taking->container);
	if (status != BL_OK)
		return cli_fail(&taking->invocation, status, &why);
	print_result(taking, answer);
	return taking->options.destroy && !json_is_true(json_object_get(answer, "source_destroyed"))
		       ? bl_status_exit(BL_NOT_VERIFIED)
		       : 0;
}

int cmd_intake(int argc, char **argv)
{
	struct taking taking = {
		.invocation = {.command = "intake",
			       .usage = "intake IMAGE|BLOCK-DEVICE|- --device ID --kind KIND "
					"[--record FILE] [--destroy-source] [--verify] "
					"[--without PATTERN]... [--only PATTERN]... "
					"[--no-free-space] [--size BYTES] [--reason TEXT] "
					"[--purpose P] [--json]"},
		.stream = -1};
	struct intake_options *options = &taking.options;
	const struct option_row rows[] = {
		{.name = "device", .text = &options->id},
		{.name = "kind", .text = &options->kind},
		{.name = "record", .text = &options->record},
		{.name = "size", .text = &options->size},
		{.name = "reason", .text = &options->reason},
		{.name = "purpose", .text = &options->purpose},
		{.name = "without", .list = &options->without},
		{.name = "only", .list = &options->only},
		{.name = "no-free-space", .flag = &options->no_free_space},
		{.name = "verify", .flag = &options->verify},
		{.name = "destroy-source", .flag = &options->destroy},
	};
	int code = cli_parse(&taking.invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (!options->id || !options->kind)
		return cli_usage(&taking.invocation, "--device and --kind are needed");
	if (options->destroy && strcmp(taking.invocation.arguments[0], "-") == 0)
		return cli_usage(&taking.invocation,
				 "a pipe cannot be destroyed (give the image as a file)");
	if (options->record && strcmp(options->record, "-") == 0 &&
	    strcmp(taking.invocation.arguments[0], "-") == 0)
		return cli_usage(&taking.invocation,
				 "standard input is either the image or the record");
	signal(SIGPIPE, SIG_IGN);
	return run(&taking);
}
