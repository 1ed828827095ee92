/* bailee sessions: who looks at what in a sealed place now; and ending one. */
#include <stdio.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/tell.h"

#define SAID 32

static void say_bytes(uint64_t bytes, char out[SAID])
{
	static const char UNITS[] = {'B', 'K', 'M', 'G', 'T'};
	size_t unit = 0;

	while (bytes >= 10 * 1024 && unit + 1 < sizeof(UNITS)) {
		bytes /= 1024;
		unit++;
	}
	snprintf(out, SAID, "%llu%c", (unsigned long long)bytes, UNITS[unit]);
}

static void say_seconds(long long seconds, char out[SAID])
{
	if (seconds >= 3600)
		snprintf(out, SAID, "%lldh%02lldm", seconds / 3600, seconds / 60 % 60);
	else if (seconds >= 60)
		snprintf(out, SAID, "%lldm%02llds", seconds / 60, seconds % 60);
	else
		snprintf(out, SAID, "%llds", seconds);
}

static void add_session(struct tell_table *table, const json_t *session)
{
	bool is_begun = strcmp(cli_text(session, "state"), "welcome") != 0;
	char number[SAID], shown[SAID], idle[SAID], since[TELL_DATE], viewer[96];

	snprintf(number, sizeof(number), "%lld", cli_number(session, "number"));
	snprintf(viewer, sizeof(viewer), "%s%s", cli_text(session, "viewer"),
		 is_begun ? "" : " (first screen)");
	say_bytes((uint64_t)cli_number(session, "shown"), shown);
	say_seconds(cli_number(session, "idle_s"), idle);
	tell_table_add(table, (const char *const[]){
				      number, cli_text(session, "person"),
				      cli_text(session, "device"), cli_text(session, "purpose"),
				      viewer, tell_date(session, "since", since), idle, shown});
}

static void print_sessions(const json_t *sessions)
{
	BL_CLEANUP(tell_table_done)
	struct tell_table table = {.heads = {">SESSION", "PERSON", "DEVICE", "PURPOSE", "VIEWER",
					     "SINCE (UTC)", ">IDLE", ">SHOWN"}};
	const json_t *session;
	size_t index;

	json_array_foreach(sessions, index, session)
	{
		add_session(&table, session);
	}
	if (index)
		tell_table_print(stdout, &table);
	else
		printf("no sealed session is open\n");
}

static int list(struct invocation *invocation)
{
	static const struct cli_part PART = {"session", "sessions"};
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "sessions");
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	int code = cli_gather(invocation, request, &PART, 1, &answer);

	if (code >= 0)
		return code;
	if (invocation->wants_json)
		cli_print_json(answer);
	else
		print_sessions(json_object_get(answer, "sessions"));
	return 0;
}

static int end(struct invocation *invocation, const char *reason)
{
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	uint64_t number;

	if (!cli_parse_number(invocation->arguments[1], INT64_MAX, &number) || !number)
		return cli_usage(invocation, "'end' needs the number of a session");
	request = json_pack("{s:s,s:I}", "do", "session-end", "session", (json_int_t)number);
	cli_add_reason(request, reason);

	int code = cli_ask(invocation, request, &answer);

	if (code < 0)
		printf("session %llu is ended\n", (unsigned long long)number);
	return BL_MAX(code, 0);
}

int cmd_sessions(int argc, char **argv)
{
	struct invocation invocation = {.command = "sessions",
					.usage = "sessions | sessions end N [--reason TEXT]"};
	const char *reason = NULL;
	const struct option_row rows[] = {{.name = "reason", .text = &reason}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 2);

	if (code >= 0)
		return code;
	if (invocation.argument_count == 0)
		return list(&invocation);
	if (invocation.argument_count == 2 && strcmp(invocation.arguments[0], "end") == 0)
		return end(&invocation, reason);
	return cli_usage(&invocation, "list them, or end one");
}
