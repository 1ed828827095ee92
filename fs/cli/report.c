/* What is told of one device: to its customer in plain words, to an auditor with the number of every event. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/log.h"
#include "fs/cli/page-file.h"
#include "fs/cli/report-customer.h"
#include "fs/cli/report-dossier.h"
#include "fs/page/page.h"

#define FORMAT "bailee.device-report/v1"

struct report_options {
	const char *audience, *html, *lang, *names, *reason, *purpose;
	bool is_text, is_forced, is_customer;
	enum report_lang language;
};

/* ---- names ---------------------------------------------------------------------------------------------- */

struct opening {
	struct names *names;
	json_t *paths, *reasons; /* token -> path; number of an event -> reason */
	const json_t *sessions;	 /* by their numbers: those whose reasons are wanted; NULL: all */
};

/* Whatever bytes a name is of, on one line that can be shown anywhere: what is no text as \xNN. */
static json_t *text_of(const char *bytes, size_t length)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	while (length) {
		size_t seen = page_seen(bytes, length), taken = seen ? seen : 1;

		if (seen)
			fwrite(bytes, 1, seen, out);
		else
			fprintf(out, "\\x%02x", (unsigned char)*bytes);
		bytes += taken;
		length -= taken;
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	json_t *json = json_string(text);

	free(text);
	return json;
}

static bool take_names(void *context, const json_t *answer)
{
	struct opening *opening = context;
	const json_t *record = json_object_get(answer, "record");
	char key[24];
	size_t length;
	const char *text;

	if (names_take(opening->names, answer) || !record)
		return true;
	text = names_path(opening->names, record, &length);
	if (text)
		json_object_set_new(opening->paths, cli_text(record, "token"),
				    text_of(text, length));
	text = names_reason(opening->names, answer, &length);
	snprintf(key, sizeof(key), "%lld", cli_number(record, "sequence"));
	if (text && (!opening->sessions || json_object_get(opening->sessions, key)))
		json_object_set_new(opening->reasons, key, text_of(text, length));
	return true;
}

static enum bl_status ask_names(const struct invocation *invocation, struct opening *opening,
				const char *key, const char *value,
				const struct report_options *options, struct bl_error *why)
{
	BL_CLEANUP(json_decref)
	json_t *request =
		json_pack("{s:s,s:s,s:b,s:s*,s:s*}", "do", "log-query", key, value, "names", 1,
			  "purpose", options->purpose, "reason", options->reason);
	BL_CLEANUP(json_decref) json_t *answer = NULL;

	if (!request)
		return bl_fail(why, BL_INVALID, "arguments are not UTF-8 text");
	return cli_call(invocation, request, -1, take_names, opening, &answer, why);
}

/* Owned by the caller. */
static json_t *sessions_of(const json_t *report)
{
	json_t *sessions = json_object(), *visit;
	char key[24];
	size_t index;

	json_array_foreach(json_object_get(report, "visits"), index, visit)
	{
		snprintf(key, sizeof(key), "%lld", cli_number(visit, "session"));
		json_object_set_new(sessions, key, json_true());
	}
	return sessions;
}

/* Reasons that a view was opened for are of no device: those of all views are looked through for ours. */
static enum bl_status open_names(const struct invocation *invocation,
				 const struct report_options *options, json_t *report,
				 struct bl_error *why)
{
	BL_CLEANUP(names_close) struct names *names = NULL;
	BL_CLEANUP(json_decref) json_t *sessions = sessions_of(report);
	struct opening opening = {.paths = json_object(), .reasons = json_object()};
	enum bl_status status =
		names_open(invocation, options->names, options->reason, &names, why);

	opening.names = names;
	if (status == BL_OK)
		status = ask_names(invocation, &opening, "device", cli_text(report, "id"), options,
				   why);
	opening.sessions = sessions;
	if (status == BL_OK)
		status = ask_names(invocation, &opening, "op", "view-opened", options, why);
	if (status == BL_OK && names_is_stranger(names))
		status = bl_fail(why, BL_FORBIDDEN,
				 "this key is of none of the auditors that the log was made for "
				 "(bailee init --auditor)");
	json_object_set_new(report, "paths", opening.paths);
	json_object_set_new(report, "reasons", opening.reasons);
	if (names)
		json_object_set_new(report, "unopened",
				    json_integer((json_int_t)names_unopened(names)));
	return status;
}

/* ---- writing ---------------------------------------------------------------------------------------------- */

static char *page_of(const json_t *report, const struct report_options *options, bool is_html)
{
	char *page = NULL;
	size_t size;
	FILE *out = open_memstream(&page, &size);

	if (!out)
		return NULL;
	if (options->is_customer)
		report_customer(out, report, options->language, is_html);
	else
		report_dossier(out, report, is_html);
	if (fclose(out) == 0)
		return page;
	free(page);
	return NULL;
}

static enum bl_status write_html(const struct report_options *options, const json_t *report,
				 struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *page = page_of(report, options, true);

	if (!page)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	return page_file_write(options->html, options->is_forced, page, strlen(page), why);
}

static enum bl_status put(const struct invocation *invocation, const struct report_options *options,
			  const json_t *report, struct bl_error *why)
{
	enum bl_status status = options->html ? write_html(options, report, why) : BL_OK;

	if (status != BL_OK)
		return status;
	if (invocation->wants_json) {
		cli_print_json(report);
		return BL_OK;
	}
	if (options->html && !options->is_text)
		return BL_OK;
	BL_CLEANUP(bl_free) char *page = page_of(report, options, false);

	if (!page)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	fputs(page, stdout);
	return BL_OK;
}

/* ---- the command ------------------------------------------------------------------------------------------- */

/* What needs no service is told before anybody is asked, so that no event says what was not done. */
static int check(const struct invocation *invocation, struct report_options *options)
{
	struct bl_error why = {{0}};
	enum bl_status status = BL_OK;

	options->is_customer = options->audience && strcmp(options->audience, "customer") == 0;
	if (!options->is_customer &&
	    (!options->audience || strcmp(options->audience, "auditor") != 0))
		return cli_usage(invocation, "whom is it for? (--for customer, --for auditor)");
	if (options->lang && !report_lang_parse(options->lang, &options->language))
		return cli_usage(invocation, "--lang is en or de");
	if (options->lang && !options->is_customer)
		return cli_usage(invocation, "--lang is of what a customer reads");
	if (options->names && options->is_customer)
		return cli_usage(invocation,
				 "--names is an auditor's: a customer is told no names of files");
	if (options->is_forced && !options->html)
		return cli_usage(invocation, "--force belongs to --html FILE");
	if (options->is_text && invocation->wants_json)
		return cli_usage(invocation, "--text or --json, one of them");
	if (options->html && page_file_is_stdout(options->html) &&
	    (invocation->wants_json || options->is_text))
		return cli_usage(invocation, "--html - takes standard output for itself");
	if (options->html)
		status = page_file_check(options->html, options->is_forced, &why);
	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	return -1;
}

static int ask(const struct invocation *invocation, const struct report_options *options,
	       json_t **out_report)
{
	static const struct cli_part PARTS[] = {
		{"promise", "promises"}, {"look", "looks"},   {"custody", "custody"},
		{"event", "events"},	 {"visit", "visits"}, {"seen", "seen"},
		{"denied", "denials"},	 {"file", "files"},   {"note", "notes"}};
	const struct cli_part *parts = options->is_customer ? PARTS : PARTS + 2;
	BL_CLEANUP(json_decref)
	json_t *request = json_pack("{s:s,s:s,s:s,s:s*,s:s*}", "do", "device-report", "device",
				    invocation->arguments[0], "audience", options->audience,
				    "purpose", options->purpose, "reason", options->reason);
	int code = cli_gather(invocation, request, parts,
			      options->is_customer ? 2 : BL_COUNT(PARTS) - 2, out_report);

	if (code < 0)
		json_object_set_new(*out_report, "format", json_string(FORMAT));
	return code;
}

static int run_device(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "report device",
		.usage = "report device ID --for customer|auditor [--html FILE [--force]] [--text] "
			 "[--lang en|de] [--names SECRETKEY] [--reason TEXT] [--purpose P] "
			 "[--json]"};
	struct report_options options = {.language = REPORT_EN};
	const struct option_row rows[] = {{.name = "for", .text = &options.audience},
					  {.name = "html", .text = &options.html},
					  {.name = "force", .flag = &options.is_forced},
					  {.name = "text", .flag = &options.is_text},
					  {.name = "lang", .text = &options.lang},
					  {.name = "names", .text = &options.names},
					  {.name = "reason", .text = &options.reason},
					  {.name = "purpose", .text = &options.purpose}};
	BL_CLEANUP(json_decref) json_t *report = NULL;
	struct bl_error why = {{0}};
	enum bl_status status = BL_OK;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code < 0)
		code = check(&invocation, &options);
	if (code < 0)
		code = ask(&invocation, &options, &report);
	if (code >= 0)
		return code;
	if (options.names)
		status = open_names(&invocation, &options, report, &why);
	if (status == BL_OK)
		status = put(&invocation, &options, report, &why);
	return status == BL_OK ? 0 : cli_fail(&invocation, status, &why);
}

int cmd_report(int argc, char **argv)
{
	static const struct verb VERBS[] = {{"device", run_device}};
	const struct invocation invocation = {
		.command = "report",
		.usage = "report device ID --for customer|auditor ... (--help after it)"};

	return cli_verb(&invocation, VERBS, BL_COUNT(VERBS), argc, argv, "a report of what?");
}
