/* The log as people and their tools read it: events by what they ask for, with names where an auditor may have them. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/cli/auditor.h"
#include "fs/cli/log.h"
#include "fs/cli/record.h"

/* "2026-11-22", "2026-11-22 10:00" or "2026-11-22T10:00:00Z", in UTC. */
static bool parse_moment(const char *text, int64_t *out_unix)
{
	static const char *const FORMS[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M", "%Y-%m-%d"};

	for (size_t i = 0; i < BL_COUNT(FORMS); i++) {
		struct tm moment = {0};
		const char *end = strptime(text, FORMS[i], &moment);

		if (end && !*end) {
			int day = moment.tm_mday;

			/* 30 February would be carried over into March. */
			*out_unix = timegm(&moment);
			return moment.tm_mday == day;
		}
	}
	return false;
}

static bool add_moment(json_t *request, const char *key, const char *text)
{
	int64_t at;

	return !text || (parse_moment(text, &at) &&
			 json_object_set_new(request, key, json_integer(at)) == 0);
}

static bool add_number(json_t *request, const char *key, const char *text)
{
	uint64_t number;

	return !text || (cli_parse_number(text, INT64_MAX, &number) &&
			 json_object_set_new(request, key, json_integer((json_int_t)number)) == 0);
}

/* ---- what is asked for ------------------------------------------------------------------------------- */

/* The options that query and export share. */
struct filter {
	const char *uid, *device, *op, *verdict, *rule, *view, *session, *since, *until, *last,
		*path, *names, *reason;
};
#define FILTER_OPTIONS 13
#define FILTER_USAGE                                                                               \
	"[--uid N] [--device ID [--path PATH]] [--op OP] [--verdict V] [--rule ID] [--view N] "    \
	"[--session N] [--since T] [--until T] [--last N] [--names SECRET-KEY] [--reason TEXT]"

static void filter_rows(struct filter *filter, struct option_row *rows)
{
	const struct option_row ROWS[FILTER_OPTIONS] = {
		{.name = "uid", .text = &filter->uid},
		{.name = "device", .text = &filter->device},
		{.name = "op", .text = &filter->op},
		{.name = "verdict", .text = &filter->verdict},
		{.name = "rule", .text = &filter->rule},
		{.name = "view", .text = &filter->view},
		{.name = "session", .text = &filter->session},
		{.name = "since", .text = &filter->since},
		{.name = "until", .text = &filter->until},
		{.name = "last", .text = &filter->last},
		{.name = "path", .text = &filter->path},
		{.name = "names", .text = &filter->names},
		{.name = "reason", .text = &filter->reason},
	};

	memcpy(rows, ROWS, sizeof(ROWS));
}

/* NULL, or what is wrong with the options. */
static const char *fill_request(json_t *request, const struct filter *filter)
{
	const struct {
		const char *key, *text;
	} TEXTS[] = {{"device", filter->device},
		     {"op", filter->op},
		     {"verdict", filter->verdict},
		     {"rule", filter->rule},
		     {"path", filter->path}};

	for (size_t i = 0; i < BL_COUNT(TEXTS); i++)
		if (TEXTS[i].text &&
		    json_object_set_new(request, TEXTS[i].key, json_string(TEXTS[i].text)) != 0)
			return "arguments are not UTF-8 text";
	cli_add_reason(request, filter->reason);
	if (filter->names)
		json_object_set_new(request, "names", json_true());
	if (!add_moment(request, "since", filter->since) ||
	    !add_moment(request, "until", filter->until))
		return "a time is 2026-11-22 or '2026-11-22 10:00', in UTC";
	if (!add_number(request, "uid", filter->uid) ||
	    !add_number(request, "view", filter->view) ||
	    !add_number(request, "session", filter->session) ||
	    !add_number(request, "last", filter->last))
		return "--uid, --view, --session and --last need numbers";
	return NULL;
}

/* ---- what comes back --------------------------------------------------------------------------------- */

struct printing {
	struct names *names;		   /* NULL: tokens only */
	const struct audit_exporting *how; /* NULL: a line for people */
	char reason[AUDIT_NAME_TEXT];	   /* of the record at hand */
	size_t reason_length;
	bool has_reason;
};

/* Whatever a name holds, a terminal sees no control byte, and a reader sees where one was. */
static void print_name(const char *label, const char *text, size_t length)
{
	printf("  %s ", label);
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte >= 0x20 && byte < 0x7f && byte != '\\')
			putchar(byte);
		else
			printf("\\x%02x", byte);
	}
}

static void print_line(const struct printing *printing, const json_t *record, const char *path,
		       size_t length)
{
	char who[24] = "daemon";

	if (json_is_integer(json_object_get(record, "uid")))
		snprintf(who, sizeof(who), "uid %lld", cli_number(record, "uid"));
	printf("%8lld  %-24.24s  %-9s %-14s %-12s %-10s %s", cli_number(record, "sequence"),
	       cli_text(record, "time"), cli_text(record, "verdict"), cli_text(record, "op"),
	       cli_text(record, "device"), who, cli_text(record, "rule"));
	if (cli_number(record, "repeats"))
		printf("  and %lld more of these", cli_number(record, "repeats"));
	if (*cli_text(record, "detail"))
		printf("  %s", cli_text(record, "detail"));
	if (path)
		print_name("path", path, length);
	if (printing->has_reason)
		print_name("reason", printing->reason, printing->reason_length);
	putchar('\n');
}

static void take_reason(struct printing *printing, const json_t *answer)
{
	size_t length = 0;
	const char *text = printing->names ? names_reason(printing->names, answer, &length) : NULL;

	printing->has_reason = text != NULL;
	printing->reason_length = BL_MIN(length, sizeof(printing->reason));
	if (text)
		memcpy(printing->reason, text, printing->reason_length);
}

static bool print_answer(void *context, const json_t *answer)
{
	struct printing *printing = context;
	const json_t *json = json_object_get(answer, "record");
	const char *path = NULL;
	size_t length = 0;

	if (printing->names && names_take(printing->names, answer))
		return true;
	take_reason(printing, answer);
	if (printing->names)
		path = names_path(printing->names, json, &length);
	if (!printing->how) {
		print_line(printing, json, path, length);
	} else {
		struct audit_record record;

		(void)!record_read(json, &record);
		audit_export(stdout, printing->how, &record, path, length,
			     printing->has_reason ? printing->reason : NULL,
			     printing->reason_length);
	}
	return !ferror(stdout);
}

static int run(const struct invocation *invocation, const struct filter *filter,
	       const struct audit_exporting *how)
{
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "log-query");
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	BL_CLEANUP(names_close) struct names *names = NULL;
	BL_CLEANUP(bl_free) struct printing *printing = calloc(1, sizeof(*printing));
	struct bl_error why = {{0}};
	const char *problem = fill_request(request, filter);
	enum bl_status status = printing ? BL_OK : BL_NO_MEMORY;

	if (problem)
		return cli_usage(invocation, problem);
	if (status == BL_OK && filter->names)
		status = names_open(invocation, filter->names, filter->reason, &names, &why);
	if (status == BL_OK) {
		printing->names = names;
		printing->how = how;
		status = cli_call(invocation, request, -1, print_answer, printing, &answer, &why);
	}
	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	if (names && names_is_stranger(names))
		fprintf(stderr,
			"info: the key '%s' is of none of the auditors that this log was made for: "
			"names stay closed\n",
			filter->names);
	else if (names && names_unopened(names))
		fprintf(stderr,
			"info: %zu names stay closed: their device's key is destroyed, or you may "
			"not review it\n",
			names_unopened(names));
	return 0;
}

/* ---- commands -------------------------------------------------------------------------------------------- */

int log_query(int argc, char **argv)
{
	static const struct audit_exporting JSON = {.format = AUDIT_EXPORT_JSONL};
	struct invocation invocation = {.command = "log query",
					.usage = "log query " FILTER_USAGE " [--json]"};
	struct filter filter = {0};
	struct option_row rows[FILTER_OPTIONS];

	filter_rows(&filter, rows);
	int code = cli_parse(&invocation, argc, argv, rows, FILTER_OPTIONS, 0, 0);

	return code >= 0 ? code : run(&invocation, &filter, invocation.wants_json ? &JSON : NULL);
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
		.usage = "log export --format jsonl|ocsf|rfc5424 " FILTER_USAGE};
	struct filter filter = {0};
	struct option_row rows[FILTER_OPTIONS + 1];
	const char *format = NULL;
	char host[256] = "", log_id[33] = "";
	struct audit_exporting how = {.host = host, .log_id = log_id};
	struct bl_error why = {{0}};

	filter_rows(&filter, rows);
	rows[FILTER_OPTIONS] = (struct option_row){.name = "format", .text = &format};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	if (!format || !audit_export_parse(format, &how.format))
		return cli_usage(&invocation, "which form? (--format jsonl, ocsf or rfc5424)");
	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	enum bl_status status = ask_log_id(&invocation, log_id, &why);

	return status == BL_OK ? run(&invocation, &filter, &how)
			       : cli_fail(&invocation, status, &why);
}
