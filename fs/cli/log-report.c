/* The report for the board: verified first, then told, as a page and as JSON. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/cli/evidence.h"
#include "fs/cli/log.h"
#include "fs/cli/moment.h"
#include "fs/cli/page-file.h"
#include "fs/cli/progress.h"
#include "fs/cli/report-gather.h"
#include "fs/cli/report-log-page.h"
#include "fs/cli/report-text.h"
#include "fs/daemon/integrity.h"
#include "policy/rules/zone.h"

struct reporting {
	struct invocation invocation;
	struct evidence_options evidence_options;
	struct evidence evidence;
	const char *html, *since, *until, *names_path, *log_path, *zone_name, *reason, *purpose;
	bool is_forced;

	enum bl_status found; /* BL_OK, BL_NOT_VERIFIED, BL_TAMPERED: of the log itself */
	bool has_folder;      /* it was verified here, not by the service */
	json_t *integrity, *limits;
	char service_zone[128];
	struct zone *zone;
	uint64_t up_to; /* the last event that is vouched for */
	struct progress progress;
};

static void reporting_done(struct reporting *reporting)
{
	evidence_done(&reporting->evidence);
	json_decref(reporting->integrity);
	json_decref(reporting->limits);
	zone_free(reporting->zone);
}

static void add_limit(struct reporting *reporting, const char *text)
{
	json_array_append_new(reporting->limits, json_string(text));
}

/* ---- can it be believed? ------------------------------------------------------------------------------ */

static bool take_progress(void *context, const json_t *answer)
{
	struct reporting *reporting = context;
	const json_t *progress = json_object_get(answer, "progress");

	if (progress && isatty(STDERR_FILENO))
		progress_tell(&reporting->progress, "checking the log",
			      (uint64_t)cli_number(progress, "done"),
			      (uint64_t)cli_number(progress, "total"));
	return true;
}

/* The first thing that the service is told of a report; with @verify its own word on its log comes back. */
static enum bl_status begin_at_service(struct reporting *reporting, bool verify,
				       json_t **out_answer, struct bl_error *why)
{
	BL_CLEANUP(json_decref)
	json_t *request = json_pack("{s:s,s:b,s:s*}", "do", "log-report", "verify", verify,
				    "purpose", reporting->purpose);

	if (!request)
		return bl_fail(why, BL_INVALID, "arguments are not UTF-8 text");
	cli_add_reason(request, reporting->reason);
	enum bl_status status = cli_call(&reporting->invocation, request, -1, take_progress,
					 reporting, out_answer, why);

	progress_end(&reporting->progress);
	return status;
}

static enum bl_status found_of(const json_t *integrity)
{
	const char *verdict = cli_text(integrity, "verdict");

	if (strcmp(verdict, "good") == 0)
		return BL_OK;
	return strcmp(verdict, "broken") == 0 ? BL_TAMPERED : BL_NOT_VERIFIED;
}

/* "integrity" of the model: the words of log verify --json, and who says so. Takes @found. */
static void conclude(struct reporting *reporting, json_t *found, const char *by)
{
	static const char *const STATES[BL_STATUS_COUNT] = {
		[BL_OK] = "good", [BL_NOT_VERIFIED] = "not-anchored", [BL_TAMPERED] = "broken"};
	uint64_t last = (uint64_t)cli_number(found, "last_sequence");
	uint64_t bad = (uint64_t)cli_number(found, "bad_sequence");

	reporting->found = found_of(found);
	reporting->up_to = reporting->found == BL_TAMPERED && bad ? BL_MIN(last, bad - 1) : last;
	reporting->integrity =
		json_pack("{s:s,s:s,s:s}", "state", STATES[reporting->found], "by", by, "why", "");
	json_object_update(reporting->integrity, found);
	json_object_set_new(reporting->integrity, "vouched_sequence",
			    json_integer((json_int_t)reporting->up_to));
	json_decref(found);
}

static enum bl_status verify_here(struct reporting *reporting, int log_fd, const char *path,
				  struct bl_error *why)
{
	struct audit_report report = {0};
	enum bl_status status = evidence_verify(&reporting->evidence, &reporting->evidence_options,
						log_fd, path, &report, why);

	if (status != BL_OK && status != BL_TAMPERED)
		return status;
	reporting->has_folder = true;
	conclude(reporting, integrity_json(&report, status), "auditor");
	return BL_OK;
}

static void take_zone(struct reporting *reporting, const json_t *answer)
{
	snprintf(reporting->service_zone, sizeof(reporting->service_zone), "%s",
		 cli_text(answer, "zone"));
}

/* Who may not read the folder has the service's own word, and is told that it is one. */
static enum bl_status verify_by_service(struct reporting *reporting, struct bl_error *why)
{
	const struct evidence_options *brought = &reporting->evidence_options;
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	enum bl_status status = begin_at_service(reporting, true, &answer, why);

	if (status != BL_OK)
		return status;
	take_zone(reporting, answer);
	conclude(reporting, json_incref(json_object_get(answer, "integrity")), "service");
	add_limit(
		reporting,
		"Whether the log can be believed is the service's own word: this account may not "
		"read the log's folder. An auditor verifies a copy of it (--log) with the kit and "
		"an anchor.");
	if (brought->kit || brought->key || brought->anchors.count)
		add_limit(reporting, "Kit, key and anchors that were given could not be used: they "
				     "prove a log that this account can read.");
	return BL_OK;
}

static enum bl_status verify(struct reporting *reporting, char *path, size_t size,
			     struct bl_error *why)
{
	const char *log = reporting->log_path;
	BL_CLEANUP(json_decref) json_t *answer = NULL;

	snprintf(path, size, "%s%s", log ? log : reporting->invocation.store, log ? "" : "/log");
	BL_CLEANUP(fd_close) int log_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (log_fd < 0 && (log || errno != EACCES))
		return bl_fail_errno(why, BL_INVALID, "cannot open log '%s'", path);
	if (log_fd < 0)
		return verify_by_service(reporting, why);
	/* Told before anything is read. */
	enum bl_status status = log ? BL_OK : begin_at_service(reporting, false, &answer, why);

	if (status == BL_OK)
		status = evidence_bring(&reporting->invocation, &reporting->evidence_options,
					&reporting->evidence, why);
	if (status != BL_OK)
		return status;
	take_zone(reporting, answer);
	return verify_here(reporting, log_fd, path, why);
}

/* ---- of what ------------------------------------------------------------------------------------------- */

static enum bl_status find_moment(const struct reporting *reporting, const char *option,
				  const char *text, int64_t *out_unix, struct bl_error *why)
{
	if (!text || moment_parse(text, reporting->zone, (int64_t)time(NULL), out_unix))
		return BL_OK;
	return bl_fail(why, BL_INVALID, "--%s is a time: " MOMENT_FORMS, option);
}

static enum bl_status find_scope(struct reporting *reporting, struct report_scope *out,
				 struct bl_error *why)
{
	const char *zone = reporting->zone_name ? reporting->zone_name : reporting->service_zone;

	*out = (struct report_scope){
		.since_unix = INT64_MIN,
		.until_unix = INT64_MAX,
		.zone_name = *zone ? zone : "UTC",
		.has_service = !reporting->log_path,
		.made_unix = (int64_t)time(NULL),
	};
	enum bl_status status = zone_load(out->zone_name, &reporting->zone, why);

	if (status != BL_OK)
		return status;
	out->zone = reporting->zone;
	status = find_moment(reporting, "since", reporting->since, &out->since_unix, why);
	if (status == BL_OK)
		status = find_moment(reporting, "until", reporting->until, &out->until_unix, why);
	if (status == BL_OK && out->since_unix >= out->until_unix)
		return bl_fail(why, BL_INVALID, "--since is not before --until");
	return status;
}

/* ---- the model ------------------------------------------------------------------------------------------ */

static enum bl_status fill(struct reporting *reporting, const struct report_scope *scope,
			   const char *log_dir, struct names *names, struct report_model *model,
			   struct bl_error *why)
{
	BL_CLEANUP(log_source_close) struct log_source *source = NULL;
	bool is_unread = false;
	struct report_gathering gathering = {
		.invocation = &reporting->invocation,
		.names = names,
		.reason = reporting->reason,
		.purpose = reporting->purpose,
		.scope = scope,
		.up_to = reporting->up_to,
		.is_broken = reporting->found == BL_TAMPERED,
	};
	/* Where nothing is vouched for there is nothing to be asked: of an empty log, or of one that is broken from its beginning. */
	enum bl_status status = reporting->up_to ? log_source_open(&reporting->invocation, log_dir,
								   reporting->up_to, &source, why)
						 : BL_OK;

	gathering.source = source;
	if (status == BL_OK)
		status = report_gather(&gathering, model, &is_unread, why);
	if (is_unread)
		add_limit(reporting, "Of some device what is kept of its incidents and requests "
				     "could not be read: they are not in here.");
	if (names && names_is_stranger(names))
		add_limit(reporting,
			  "The secret key that was given is of none of the auditors that "
			  "this log was made for: reasons stay closed.");
	else if (names && names_unopened(names))
		add_limit(reporting, "Some reasons stay closed: the key of their device is "
				     "destroyed, or may not be had.");
	return status;
}

static void add_made(const struct reporting *reporting, json_t *model)
{
	char host[256] = "", room[4096];
	struct passwd entry, *found = NULL;
	json_t *made = json_object_get(model, "made");

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	if (getpwuid_r(getuid(), &entry, room, sizeof(room), &found) != 0 || !found)
		snprintf(room, sizeof(room), "uid:%u", (unsigned)getuid());
	const char *by = found ? found->pw_name : room;

	(void)reporting;
	json_object_set_new(made, "by", report_text(by, strlen(by), 256));
	json_object_set_new(made, "host", report_text(host, strlen(host), sizeof(host)));
	json_object_set_new(made, "program", json_string("bailee " BAILEE_VERSION));
}

/*
 * From where: the service answers quickest, and has names. Where a log is broken somebody may have written into the store, and the service's index may leave
 * events out: one that is made here of what was verified does not.
 */
static enum bl_status make_model(struct reporting *reporting, const char *path, json_t **out_model,
				 struct bl_error *why)
{
	BL_CLEANUP(names_close) struct names *names = NULL;
	struct report_scope scope;
	bool is_here =
		reporting->log_path || (reporting->found == BL_TAMPERED && reporting->has_folder);
	enum bl_status status = find_scope(reporting, &scope, why);

	if (status == BL_OK && reporting->names_path && !is_here)
		status = names_open(&reporting->invocation, reporting->names_path,
				    reporting->reason, &names, why);
	if (status != BL_OK)
		return status;
	if (reporting->names_path && is_here)
		add_limit(reporting,
			  "Reasons are not opened where the log is read from its folder.");
	scope.has_names = names != NULL;

	BL_CLEANUP(report_model_free) struct report_model *model = report_model_new(&scope);

	if (!model)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	status = fill(reporting, &scope, is_here ? path : NULL, names, model, why);
	if (status != BL_OK)
		return status;
	status = report_model_finish(model, json_incref(reporting->integrity),
				     json_incref(reporting->limits), out_model);
	if (status != BL_OK)
		return bl_fail(why, status, "out of memory");
	add_made(reporting, *out_model);
	return BL_OK;
}

/* ---- the file ------------------------------------------------------------------------------------------ */

static enum bl_status write_page(const struct reporting *reporting, const json_t *model,
				 struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *text = NULL;
	size_t length = 0;
	FILE *memory = open_memstream(&text, &length);

	if (!memory)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	report_log_page(memory, model);
	bool is_whole = !ferror(memory);

	if (fclose(memory) != 0 || !is_whole)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	return page_file_write(reporting->html, reporting->is_forced, text, length, why);
}

static enum bl_status write_json(const json_t *model, struct bl_error *why)
{
	cli_print_json(model);
	if (fflush(stdout) != 0 || ferror(stdout))
		return bl_fail_errno(why, BL_IO, "cannot write the report");
	return BL_OK;
}

/* ---- the command ----------------------------------------------------------------------------------------- */

/* Beside the page: what nobody should have to open it for. */
static void say_what_was_made(const struct reporting *reporting, const json_t *model)
{
	printf("%s: %s, %lld accesses\n", reporting->html, cli_text(reporting->integrity, "state"),
	       cli_number(json_object_get(model, "totals"), "events"));
	if (reporting->found == BL_TAMPERED)
		printf("BROKEN       %s\n             at sequence %lld; the report tells what is "
		       "before it\n",
		       cli_text(reporting->integrity, "problem"),
		       cli_number(reporting->integrity, "bad_sequence"));
}

static enum bl_status report(struct reporting *reporting, struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *model = NULL;
	char path[4200];
	enum bl_status status =
		reporting->html ? page_file_check(reporting->html, reporting->is_forced, why)
				: BL_OK;

	if (status == BL_OK)
		status = verify(reporting, path, sizeof(path), why);
	if (status == BL_OK)
		status = make_model(reporting, path, &model, why);
	if (status == BL_OK && reporting->html)
		status = write_page(reporting, model, why);
	if (status == BL_OK && reporting->invocation.wants_json)
		status = write_json(model, why);
	else if (status == BL_OK && !page_file_is_stdout(reporting->html))
		say_what_was_made(reporting, model);
	return status;
}

int log_report(int argc, char **argv)
{
	__attribute__((cleanup(reporting_done))) struct reporting reporting = {
		.invocation = {.command = "log report",
			       .usage = "log report --html FILE [--force] [--since T] [--until T] "
					"[--zone ZONE] [--log DIR | --store DIR] " EVIDENCE_USAGE
					" [--names SECRET-KEY] [--reason TEXT] [--purpose P] "
					"[--json]"},
		.limits = json_array(),
	};
	struct option_row rows[EVIDENCE_OPTIONS + 9] = {
		{.name = "html", .text = &reporting.html},
		{.name = "force", .flag = &reporting.is_forced},
		{.name = "since", .text = &reporting.since},
		{.name = "until", .text = &reporting.until},
		{.name = "zone", .text = &reporting.zone_name},
		{.name = "log", .text = &reporting.log_path},
		{.name = "names", .text = &reporting.names_path},
		{.name = "reason", .text = &reporting.reason},
		{.name = "purpose", .text = &reporting.purpose},
	};
	struct bl_error why = {{0}};

	evidence_rows(&reporting.evidence_options, rows + 9);
	int code = cli_parse(&reporting.invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	if (!reporting.html && !reporting.invocation.wants_json)
		return cli_usage(&reporting.invocation, "where to? (--html FILE, or --json)");
	if (reporting.html && page_file_is_stdout(reporting.html) &&
	    reporting.invocation.wants_json)
		return cli_usage(&reporting.invocation,
				 "the page and the JSON both on standard output? (--html FILE)");
	enum bl_status status = report(&reporting, &why);

	if (status != BL_OK)
		return cli_fail(&reporting.invocation, status, &why);
	return bl_status_exit(reporting.found);
}
