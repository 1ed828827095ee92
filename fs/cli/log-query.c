/* The log as people and their tools read it: events and tables of them, with names where an auditor may have them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/cli/log-events.h"
#include "fs/cli/log-filter.h"
#include "fs/cli/log-rows.h"
#include "fs/cli/log-source.h"
#include "fs/cli/log.h"
#include "fs/cli/tell.h"

/* What is asked besides the filters. */
struct asking {
	struct log_filter filter;
	const char *show, *hours, *days, *log_dir;
	bool is_without_index;
	const struct audit_exporting *how; /* of events: NULL is a line for people */
	bool wants_json;
};

/* ---- answers ------------------------------------------------------------------------------------------ */

struct printing {
	const struct asking *asking;
	struct log_events events;
	json_t *rows; /* of a table, until it is whole */
	uint64_t count;
};

static bool print_answer(void *context, const json_t *answer)
{
	struct printing *printing = context;
	json_t *row = json_object_get(answer, "row");

	if (printing->events.names && names_take(printing->events.names, answer))
		return true;
	printing->count++;
	if (!row)
		log_events_print(&printing->events, answer);
	else if (printing->asking->wants_json)
		cli_print_json(row);
	else
		json_array_append(printing->rows, row);
	return !ferror(stdout);
}

/* ---- asking ---------------------------------------------------------------------------------------------- */

static enum bl_status fill_request(json_t *request, const struct asking *asking,
				   struct bl_error *why)
{
	const struct {
		const char *key, *text;
	} TEXTS[] = {{"show", asking->show}, {"hours", asking->hours}, {"days", asking->days}};

	for (size_t i = 0; i < BL_COUNT(TEXTS); i++)
		if (TEXTS[i].text &&
		    json_object_set_new(request, TEXTS[i].key, json_string(TEXTS[i].text)) != 0)
			return bl_fail(why, BL_INVALID, "arguments are not UTF-8 text");
	if (asking->is_without_index)
		json_object_set_new(request, "no_index", json_true());
	return log_filter_request(request, &asking->filter, why);
}

/* Nothing is an answer, too; when it is not the one that was expected, this is what to look at. */
static void tell_of_nothing(const json_t *request)
{
	static const char *const KEYS[] = {"since", "until"};
	struct tell_list list = {.between = " "};
	char at[TELL_DATE];

	for (size_t i = 0; i < BL_COUNT(KEYS); i++)
		if (json_object_get(request, KEYS[i]))
			tell_list_add(&list, "%s %s UTC", KEYS[i],
				      tell_utc(cli_number(request, KEYS[i]), at));
	fprintf(stderr, "info: nothing in the log matches%s%s\n", list.length ? ": " : "",
		list.text);
}

static void finish(struct printing *printing, const json_t *request, const json_t *answer)
{
	if (!printing->asking->how && !printing->asking->wants_json && !printing->count)
		tell_of_nothing(request);
	else if (printing->rows && json_array_size(printing->rows))
		log_rows_print(stdout, cli_text(request, "show"), printing->rows,
			       cli_text(answer, "zone"));
	if (*cli_text(answer, "no_index"))
		fprintf(stderr, "info: answered without an index, which cannot be made: %s\n",
			cli_text(answer, "no_index"));
	if (json_is_true(json_object_get(answer, "is_torn")))
		fprintf(stderr, "info: the log ends in half an event, which a crash left (bailee "
				"log verify): what is whole is told\n");
	log_events_closed_names(&printing->events, printing->asking->filter.names);
}

static enum bl_status ask(const struct invocation *invocation, const struct asking *asking,
			  struct printing *printing, json_t *request, struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	BL_CLEANUP(log_source_close) struct log_source *source = NULL;
	enum bl_status status =
		log_source_open(invocation, asking->log_dir, UINT64_MAX, &source, why);

	if (status == BL_OK)
		status = log_source_ask(source, request, print_answer, printing, &answer, why);
	/* Of a log that is broken what is good is shown, and then what is wrong. */
	if (status == BL_OK || status == BL_TAMPERED)
		finish(printing, request, answer);
	return status;
}

static int run(const struct invocation *invocation, const struct asking *asking)
{
	BL_CLEANUP(json_decref) json_t *request = json_object();
	BL_CLEANUP(names_close) struct names *names = NULL;
	BL_CLEANUP(bl_free) struct printing *printing = calloc(1, sizeof(*printing));
	BL_CLEANUP(json_decref) json_t *rows = json_array();
	struct bl_error why = {{0}};
	enum bl_status status = fill_request(request, asking, &why);

	if (status != BL_OK)
		return cli_usage(invocation, why.text);
	if (!printing || !rows)
		return cli_fail(invocation, BL_NO_MEMORY, &why);
	if (asking->filter.names && !asking->log_dir)
		status = names_open(invocation, asking->filter.names, asking->filter.reason, &names,
				    &why);
	printing->asking = asking;
	printing->events = (struct log_events){
		.how = asking->how, .names = names, .is_colored = log_events_colored()};
	printing->rows = rows;
	if (status == BL_OK)
		status = ask(invocation, asking, printing, request, &why);
	return status == BL_OK ? 0 : cli_fail(invocation, status, &why);
}

/* ---- commands -------------------------------------------------------------------------------------------- */

#define QUERY_OPTIONS 5

int log_query(int argc, char **argv)
{
	static const struct audit_exporting JSON = {.format = AUDIT_EXPORT_JSONL};
	struct invocation invocation = {
		.command = "log query",
		.usage =
			"log query " LOG_FILTER_USAGE
			" [--show events|accesses|who|denied|volume|off-hours|readers|hours] "
			"[--hours 08:00-18:00] [--days mon-fri] [--no-index] [--log DIR] [--json]"};
	struct asking asking = {.show = NULL};
	struct option_row rows[LOG_FILTER_OPTIONS + QUERY_OPTIONS] = {
		{.name = "show", .text = &asking.show},
		{.name = "hours", .text = &asking.hours},
		{.name = "days", .text = &asking.days},
		{.name = "log", .text = &asking.log_dir},
		{.name = "no-index", .flag = &asking.is_without_index},
	};

	log_filter_rows(&asking.filter, rows + QUERY_OPTIONS);
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	asking.wants_json = invocation.wants_json;
	asking.how = invocation.wants_json ? &JSON : NULL;
	return run(&invocation, &asking);
}

/* Where the log is written, and which one it is: the daemon's word, for whoever gathers several. */
static enum bl_status ask_log_id(const struct invocation *invocation, char out[33],
				 struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "status");
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	enum bl_status status = cli_call(invocation, request, -1, NULL, NULL, &answer, why);

	if (status == BL_OK)
		snprintf(out, 33, "%s", cli_text(json_object_get(answer, "log"), "id"));
	return status;
}

int log_export(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "log export",
		.usage = "log export --format jsonl|ocsf|rfc5424 " LOG_FILTER_USAGE};
	struct asking asking = {.show = NULL};
	struct option_row rows[LOG_FILTER_OPTIONS + 1];
	const char *format = NULL;
	char host[256] = "", log_id[33] = "";
	struct audit_exporting how = {.host = host, .log_id = log_id};
	struct bl_error why = {{0}};

	asking.how = &how;
	log_filter_rows(&asking.filter, rows);
	rows[LOG_FILTER_OPTIONS] = (struct option_row){.name = "format", .text = &format};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	if (!format || !audit_export_parse(format, &how.format))
		return cli_usage(&invocation, "which form? (--format jsonl, ocsf or rfc5424)");
	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	enum bl_status status = ask_log_id(&invocation, log_id, &why);

	return status == BL_OK ? run(&invocation, &asking) : cli_fail(&invocation, status, &why);
}
