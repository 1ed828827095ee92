#include "fs/cli/log-source.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/daemon/question.h"

#define PROGRESS_AFTER_MS 500
#define PROGRESS_EVERY_MS 200

struct log_source {
	const struct invocation *invocation;
	/* Of a folder. */
	int log_fd; /* -1: the service */
	uint64_t up_to;
	/* Of the question at hand. */
	daemon_partial_fn *tell;
	void *context;
	bool is_over; /* whoever is told wants no more */
	bool is_short_of_memory;
	int64_t begun_ms, told_ms;
	bool is_line_open;
};

/* ---- how far the index is: on a terminal only, and not for what is over at once ------------------------ */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void show_progress(struct log_source *source, uint64_t done, uint64_t all)
{
	int64_t now = now_ms();

	if (!isatty(STDERR_FILENO) || now - source->begun_ms < PROGRESS_AFTER_MS ||
	    now - source->told_ms < PROGRESS_EVERY_MS || !all)
		return;
	source->told_ms = now;
	source->is_line_open = true;
	fprintf(stderr, "\rmaking the index of the log: %3.0f %%",
		BL_MIN(100.0 * (double)done / (double)all, 100.0));
	fflush(stderr);
}

static void end_progress(struct log_source *source)
{
	if (source->is_line_open)
		fprintf(stderr, "\r%40s\r", "");
	source->is_line_open = false;
}

static void begin_question(struct log_source *source, daemon_partial_fn *tell, void *context)
{
	source->tell = tell;
	source->context = context;
	source->is_over = source->is_short_of_memory = false;
	source->begun_ms = now_ms();
}

static bool pass_on(struct log_source *source, const json_t *answer)
{
	end_progress(source);
	source->is_over = !source->tell(source->context, answer);
	return !source->is_over;
}

/* ---- the service ------------------------------------------------------------------------------------------ */

static bool take_partial(void *context, const json_t *answer)
{
	struct log_source *source = context;
	const json_t *progress = json_object_get(answer, "progress");

	if (!progress)
		return pass_on(source, answer);
	show_progress(source, (uint64_t)cli_number(progress, "done"),
		      (uint64_t)cli_number(progress, "total"));
	return true;
}

static enum bl_status ask_service(struct log_source *source, const json_t *request,
				  json_t **out_answer, struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *asked = json_copy((json_t *)(uintptr_t)request);
	enum bl_status status;

	if (!asked)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	json_object_set_new(asked, "do", json_string("log-query"));
	status = cli_call(source->invocation, asked, -1, take_partial, source, out_answer, why);
	end_progress(source);
	if (source->is_over) {
		*out_answer = json_object();
		return BL_OK;
	}
	return status;
}

/* ---- a folder --------------------------------------------------------------------------------------------- */

static bool tell_answer(void *context, json_t *answer)
{
	struct log_source *source = context;
	BL_CLEANUP(json_decref) json_t *owned = answer;

	source->is_short_of_memory |= !owned;
	return owned && pass_on(source, owned);
}

static const char *nobody(void *context, uint32_t uid)
{
	(void)context;
	(void)uid;
	return "";
}

/* What only the service can answer. A person's uid is one without it. */
static enum bl_status check_offline(const json_t *request, json_t *asked, struct bl_error *why)
{
	const char *person = json_string_value(json_object_get(request, "person"));
	uint64_t uid;

	if (json_object_get(request, "path"))
		return bl_fail(why, BL_INVALID,
			       "a path is found by the service only, which has the device's key "
			       "(leave --log out)");
	if (json_is_true(json_object_get(request, "names")))
		return bl_fail(why, BL_INVALID,
			       "names are opened with the service only, which has half of each key "
			       "(leave --log out)");
	if (!person)
		return BL_OK;
	if (strncmp(person, "uid:", 4) != 0 || !cli_parse_number(person + 4, UINT32_MAX, &uid))
		return bl_fail(why, BL_INVALID,
			       "a log has no names of persons (without the service: --person UID)");
	json_object_set_new(asked, "uid", json_integer((json_int_t)uid));
	json_object_del(asked, "person");
	return BL_OK;
}

/* Only who sees the end of it is told. */
static bool is_torn(const struct log_source *source)
{
	bool is_torn = false;

	return source->up_to == UINT64_MAX && audit_torn(source->log_fd, &is_torn, NULL) == BL_OK &&
	       is_torn;
}

/* Record by record: making an index takes as long as ten questions (a million events: 9 s, and .8 s). */
static enum bl_status ask_folder(struct log_source *source, const json_t *request,
				 json_t **out_answer, struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *asked = json_copy((json_t *)(uintptr_t)request);
	BL_CLEANUP(question_done) struct question question = {0};
	const struct question_to to = {.tell = tell_answer, .person = nobody, .context = source};
	const struct question_from from = {.log_fd = source->log_fd, .up_to = source->up_to};
	enum bl_status status = asked ? check_offline(request, asked, why)
				      : bl_fail(why, BL_NO_MEMORY, "out of memory");

	if (status == BL_OK)
		status = question_read(asked, "UTC", &question, why);
	if (status == BL_OK)
		status = question_answer(&question, &from, &to, why);
	if (source->is_short_of_memory)
		return bl_fail(why, BL_NO_MEMORY, "out of memory: these are not all of them");
	if (status == BL_OK || status == BL_TAMPERED)
		*out_answer = json_pack("{s:s,s:b}", "zone", question.zone_name, "is_torn",
					status == BL_OK && is_torn(source));
	return status;
}

/* ---- */

static enum bl_status open_folder(struct log_source *source, const char *path, struct bl_error *why)
{
	uint8_t log_id[AUDIT_LOG_ID];

	source->log_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (source->log_fd < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open log '%s'", path);
	enum bl_status status = audit_log_id(source->log_fd, log_id, why);

	if (status != BL_OK && faccessat(source->log_fd, "log/log.id", F_OK, 0) == 0)
		return bl_fail(why, BL_INVALID, "'%s' is a store (its log is '%s/log')", path,
			       path);
	if (status != BL_OK)
		bl_explain(why, "log '%s'", path);
	return status;
}

enum bl_status log_source_open(const struct invocation *invocation, const char *log_dir,
			       uint64_t up_to, struct log_source **out_source, struct bl_error *why)
{
	BL_CLEANUP(log_source_close) struct log_source *source = calloc(1, sizeof(*source));
	enum bl_status status = BL_OK;

	if (!source)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	source->invocation = invocation;
	source->log_fd = -1;
	source->up_to = up_to;
	if (log_dir)
		status = open_folder(source, log_dir, why);
	if (status == BL_OK)
		*out_source = BL_TAKE(source);
	return status;
}

void log_source_close(struct log_source *source)
{
	if (!source)
		return;
	fd_close(source->log_fd);
	free(source);
}

enum bl_status log_source_ask(struct log_source *source, const json_t *request,
			      daemon_partial_fn *tell, void *context, json_t **out_answer,
			      struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	enum bl_status status;

	begin_question(source, tell, context);
	status = source->log_fd < 0 ? ask_service(source, request, &answer, why)
				    : ask_folder(source, request, &answer, why);
	if (answer && out_answer)
		*out_answer = BL_TAKE(answer);
	return status;
}
