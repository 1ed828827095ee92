/* The log as it grows, a line for each event: over restarts of the service nothing is left out and nothing told twice. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/cli/log-events.h"
#include "fs/cli/log-filter.h"

#define AGAIN_SECONDS 1 /* between two attempts while the service is away */

struct following {
	struct log_events events;
	uint64_t seen;	   /* up to here everything was told; 0: nothing yet */
	bool has_listened; /* there was a service to be away */
	bool is_away;	   /* and that was said */
};

/* At worst the line at hand is not told. */
static void stop(int signal)
{
	(void)signal;
	_exit(0);
}

static bool take_answer(void *context, const json_t *answer)
{
	struct following *following = context;
	const json_t *record = json_object_get(answer, "record");
	uint64_t at =
		(uint64_t)(record ? cli_number(record, "sequence") : cli_number(answer, "idle"));

	if (following->is_away)
		fprintf(stderr, "info: the service is back\n");
	following->has_listened = true;
	following->is_away = false;
	if (following->events.names && names_take(following->events.names, answer))
		return true;
	if (record && at > following->seen)
		log_events_print(&following->events, answer);
	if (at > following->seen)
		following->seen = at;
	return fflush(stdout) == 0;
}

/* Only who was there may be waited for, and a refusal is an answer. */
static bool is_worth_waiting(const struct following *following, enum bl_status status)
{
	return following->has_listened && !ferror(stdout) &&
	       (status == BL_NOT_MOUNTED || status == BL_IO || status == BL_FAILED ||
		status == BL_LOG_BROKEN);
}

static enum bl_status listen_once(const struct invocation *invocation,
				  const struct log_filter *filter, struct following *following,
				  struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "log-follow");
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	BL_CLEANUP(names_close) struct names *names = NULL;
	enum bl_status status = log_filter_request(request, filter, why);

	if (status != BL_OK)
		return status;
	if (following->seen) {
		json_object_del(request, "last");
		json_object_del(request, "since");
		json_object_set_new(request, "from_event",
				    json_integer((json_int_t)following->seen + 1));
	}
	if (filter->names)
		status = names_open(invocation, filter->names, filter->reason, &names, why);
	following->events.names = names;
	if (status == BL_OK)
		status = cli_call(invocation, request, -1, take_answer, following, &answer, why);
	following->events.names = NULL;
	return status;
}

static int run(const struct invocation *invocation, const struct log_filter *filter,
	       struct following *following)
{
	for (;;) {
		struct bl_error why = {{0}};
		enum bl_status status = listen_once(invocation, filter, following, &why);

		/* A full disk; whoever read our lines and went has ended us already. */
		if (ferror(stdout))
			return 0;
		if (!is_worth_waiting(following, status))
			return cli_fail(invocation, status, &why);
		if (!following->is_away)
			fprintf(stderr, "info: waiting for the service: %s\n", why.text);
		following->is_away = true;
		sleep(AGAIN_SECONDS);
	}
}

int log_follow(int argc, char **argv)
{
	static const struct audit_exporting JSON = {.format = AUDIT_EXPORT_JSONL};
	struct invocation invocation = {.command = "log follow",
					.usage = "log follow " LOG_FILTER_USAGE " [--json]"};
	struct log_filter filter = {.person = NULL};
	struct option_row rows[LOG_FILTER_OPTIONS];
	BL_CLEANUP(bl_free) struct following *following = calloc(1, sizeof(*following));
	BL_CLEANUP(json_decref) json_t *trial = json_object();
	struct bl_error why = {{0}};

	log_filter_rows(&filter, rows);
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	if (filter.until)
		return cli_usage(&invocation, "what comes has no end yet: --until is of log query");
	if (log_filter_request(trial, &filter, &why) != BL_OK)
		return cli_usage(&invocation, why.text);
	if (!following)
		return cli_fail(&invocation, BL_NO_MEMORY, &why);
	following->events.how = invocation.wants_json ? &JSON : NULL;
	following->events.is_colored = log_events_colored();
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	return run(&invocation, &filter, following);
}
