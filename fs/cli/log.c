#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/audit/audit.h"
#include "fs/cli/cli.h"
#include "fs/cli/key.h"

/* ---- verify: offline, the daemon has no say in it ------------------------------------------------- */

/* --key, else the running daemon's: good for a look, but an auditor brings a key of their own. */
static enum bl_status find_key(const struct invocation *invocation, const char *key_text,
			       uint8_t out_key[VAULT_PUBLIC_KEY], struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "status");
	BL_CLEANUP(json_decref) json_t *answer = NULL;

	if (key_text)
		return cli_read_key(key_text, out_key, why);

	enum bl_status status = cli_call(invocation, request, -1, NULL, NULL, &answer, why);

	if (status != BL_OK)
		return bl_fail(why, BL_INVALID,
			       "no key to verify with (give --key: 64 hex digits that bailee "
			       "status has shown)");
	return cli_read_key(cli_text(answer, "public_key"), out_key, why);
}

static void print_report(const struct audit_report *report, enum bl_status status)
{
	printf("records      %llu (sequence %llu to %llu)\n", (unsigned long long)report->records,
	       (unsigned long long)report->first_sequence,
	       (unsigned long long)report->last_sequence);
	printf("frames       %llu in %llu segments\n", (unsigned long long)report->frames,
	       (unsigned long long)report->segments);
	printf("checkpoints  %llu, signed up to sequence %llu\n",
	       (unsigned long long)report->checkpoints,
	       (unsigned long long)report->checkpointed_sequence);
	if (report->is_torn)
		printf("tail         torn by a crash: the next start cuts it and says so in the "
		       "log\n");
	if (status == BL_TAMPERED)
		printf("BROKEN       %s\n             at sequence %llu, byte %llu of %s\n",
		       report->problem, (unsigned long long)report->bad_sequence,
		       (unsigned long long)report->bad_offset, report->bad_file);
}

static void print_report_json(const struct audit_report *report, enum bl_status status)
{
	BL_CLEANUP(json_decref)
	json_t *object = json_pack(
		"{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b}", "verdict",
		status == BL_TAMPERED ? "broken" : "good, not anchored", "records",
		(json_int_t)report->records, "frames", (json_int_t)report->frames, "segments",
		(json_int_t)report->segments, "checkpoints", (json_int_t)report->checkpoints,
		"first_sequence", (json_int_t)report->first_sequence, "last_sequence",
		(json_int_t)report->last_sequence, "checkpointed_sequence",
		(json_int_t)report->checkpointed_sequence, "is_torn", report->is_torn);

	if (status == BL_TAMPERED) {
		json_object_set_new(object, "problem", json_string(report->problem));
		json_object_set_new(object, "bad_sequence",
				    json_integer((json_int_t)report->bad_sequence));
		json_object_set_new(object, "bad_offset",
				    json_integer((json_int_t)report->bad_offset));
		json_object_set_new(object, "bad_file", json_string(report->bad_file));
	}
	cli_print_json(object);
}

static int log_verify(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "log verify",
		.usage = "log verify [--log DIR | --store DIR] [--key KEY|FILE] [--json]"};
	const char *key_text = NULL, *log_path = NULL;
	const struct option_row rows[] = {{.name = "key", .text = &key_text},
					  {.name = "log", .text = &log_path}};
	uint8_t key[VAULT_PUBLIC_KEY];
	struct audit_report report = {0};
	struct bl_error why = {{0}};
	char path[4200];
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	snprintf(path, sizeof(path), "%s%s", log_path ? log_path : invocation.store,
		 log_path ? "" : "/log");

	enum bl_status status = find_key(&invocation, key_text, key, &why);

	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);

	BL_CLEANUP(fd_close) int log_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (log_fd < 0) {
		bl_fail_errno(&why, BL_INVALID, "cannot open log '%s'", path);
		return cli_fail(&invocation, BL_INVALID, &why);
	}
	status = audit_verify(log_fd, key, NULL, &report, &why);
	if (status != BL_OK && status != BL_TAMPERED)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json)
		print_report_json(&report, status);
	else
		print_report(&report, status);
	if (status == BL_TAMPERED)
		return bl_status_exit(status);
	if (!invocation.wants_json)
		printf("good: nothing changed, dropped or reordered. Not anchored: that this is no "
		       "older copy of the log\n"
		       "cannot be seen from the log alone (keep the last checkpoint elsewhere and "
		       "compare)\n");
	return bl_status_exit(BL_NOT_VERIFIED);
}

/* ---- query ------------------------------------------------------------------------------------------ */

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

static bool print_record(void *context, const json_t *answer)
{
	const struct invocation *invocation = context;
	const json_t *record = json_object_get(answer, "record");

	if (invocation->wants_json) {
		cli_print_json(record);
		return !ferror(stdout);
	}
	printf("%8lld  %-24.24s  %-9s %-14s %-12s uid %-6lld %s", cli_number(record, "sequence"),
	       cli_text(record, "time"), cli_text(record, "verdict"), cli_text(record, "op"),
	       cli_text(record, "device"), cli_number(record, "uid"), cli_text(record, "rule"));
	if (*cli_text(record, "detail"))
		printf("  %s", cli_text(record, "detail"));
	putchar('\n');
	return !ferror(stdout);
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

static int log_query(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "log query",
		.usage = "log query [--uid N] [--device ID] [--op OP] "
			 "[--verdict V] [--rule ID] [--view N] "
			 "[--since T] [--until T] [--last N] [--reason TEXT] [--json]"};
	const char *uid = NULL, *device = NULL, *op = NULL, *verdict = NULL, *rule = NULL,
		   *view = NULL;
	const char *since = NULL, *until = NULL, *last = NULL, *reason = NULL;
	const struct option_row rows[] = {
		{.name = "uid", .text = &uid},	   {.name = "device", .text = &device},
		{.name = "op", .text = &op},	   {.name = "verdict", .text = &verdict},
		{.name = "rule", .text = &rule},   {.name = "view", .text = &view},
		{.name = "since", .text = &since}, {.name = "until", .text = &until},
		{.name = "last", .text = &last},   {.name = "reason", .text = &reason}};
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "log-query");
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);
	const struct {
		const char *key, *text;
	} TEXTS[] = {{"device", device}, {"op", op}, {"verdict", verdict}, {"rule", rule}};

	if (code >= 0)
		return code;
	for (size_t i = 0; i < BL_COUNT(TEXTS); i++)
		if (TEXTS[i].text)
			json_object_set_new(request, TEXTS[i].key, json_string(TEXTS[i].text));
	cli_add_reason(request, reason);
	if (!add_moment(request, "since", since) || !add_moment(request, "until", until))
		return cli_usage(&invocation, "a time is 2026-11-22 or '2026-11-22 10:00', in UTC");
	if (!add_number(request, "uid", uid) || !add_number(request, "view", view) ||
	    !add_number(request, "last", last))
		return cli_usage(&invocation, "--uid, --view and --last need numbers");

	enum bl_status status =
		cli_call(&invocation, request, -1, print_record, &invocation, &answer, &why);

	return status == BL_OK ? 0 : cli_fail(&invocation, status, &why);
}

int cmd_log(int argc, char **argv)
{
	struct invocation invocation = {.command = "log",
					.usage = "log verify|query ... (--help after either)"};

	if (argc > 1 && strcmp(argv[1], "verify") == 0)
		return log_verify(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "query") == 0)
		return log_query(argc - 1, argv + 1);
	return cli_usage(&invocation, "what about the log?");
}
