/* What the customer asked for: destroy it, tell them what we hold, give it back. On record, with its own clock. */
#include <stdio.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/device-page.h"
#include "fs/cli/tell.h"

#define WHICH "a request is ID/NUMBER (bailee customer-request list)"

/* ---- asking ----------------------------------------------------------------------------------------------- */

static void print_recorded(const json_t *answer, const char *kind)
{
	char deadline[TELL_DATE];

	printf("request %s/%lld (%s) is on record, to be done by %s\n", cli_text(answer, "device"),
	       cli_number(answer, "number"), kind, tell_date(answer, "deadline", deadline));
	if (strcmp(kind, "erase") == 0)
		cli_print_date(answer);
	else
		printf("next: bailee customer-request done %s/%lld --proof SCAN\n",
		       cli_text(answer, "device"), cli_number(answer, "number"));
}

static int ask(const char *kind, int argc, char **argv)
{
	struct invocation invocation = {
		.command = "customer-request",
		.usage = "customer-request erase|disclose|return ID --verified --ticket T "
			 "[--reason TEXT] [--purpose P]"};
	const char *ticket = NULL, *reason = NULL, *purpose = NULL;
	bool is_verified = false;
	const struct option_row rows[] = {{.name = "verified", .flag = &is_verified},
					  {.name = "ticket", .text = &ticket},
					  {.name = "reason", .text = &reason},
					  {.name = "purpose", .text = &purpose}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (!is_verified)
		return cli_usage(&invocation,
				 "who asks must have been verified first: bailee caller ID "
				 "verified --by two-factor --ticket T; then say --verified");
	if (!ticket)
		return cli_usage(&invocation, "--ticket is needed: where is that on record?");
	request = json_pack("{s:s,s:s,s:s,s:s,s:s*}", "do", "customer-request", "device",
			    invocation.arguments[0], "customer_request", kind, "ticket", ticket,
			    "purpose", purpose);
	if (request)
		cli_add_reason(request, reason);
	code = cli_ask(&invocation, request, &answer);
	if (code < 0)
		print_recorded(answer, kind);
	return BL_MAX(code, 0);
}

static int erase(int argc, char **argv)
{
	return ask("erase", argc, argv);
}

static int disclose(int argc, char **argv)
{
	return ask("disclose", argc, argv);
}

static int give_back(int argc, char **argv)
{
	return ask("return", argc, argv);
}

/* ---- ending ------------------------------------------------------------------------------------------------ */

static int end(const struct invocation *invocation, const char *state, const char *proof,
	       const char *reason, const char *purpose)
{
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	char device[BL_DEVICE_ID_SIZE];
	uint64_t number;

	if (!cli_split(invocation->arguments[0], device, &number))
		return cli_usage(invocation, WHICH);
	request = json_pack("{s:s,s:s,s:I,s:s,s:s*,s:s*}", "do", "customer-request-end", "device",
			    device, "number", (json_int_t)number, "state", state, "proof", proof,
			    "purpose", purpose);
	if (request)
		cli_add_reason(request, reason);
	int code = cli_ask(invocation, request, &answer);

	if (code < 0)
		printf("request %s/%lld is %s\n", cli_text(answer, "device"),
		       cli_number(answer, "number"), state);
	return BL_MAX(code, 0);
}

static int done(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "customer-request done",
		.usage = "customer-request done ID/N --proof FILE [--reason TEXT] [--purpose P]"};
	const char *path = NULL, *reason = NULL, *purpose = NULL;
	const struct option_row rows[] = {{.name = "proof", .text = &path},
					  {.name = "reason", .text = &reason},
					  {.name = "purpose", .text = &purpose}};
	char digest[CLI_DIGEST];
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (!path)
		return cli_usage(&invocation, "--proof is needed: the scan of what they signed (of "
					      "erase it is the certificate, by itself)");
	enum bl_status status = cli_digest_file(path, digest, &why);

	return status == BL_OK ? end(&invocation, "done", digest, reason, purpose)
			       : cli_fail(&invocation, status, &why);
}

static int refuse(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "customer-request refuse",
		.usage = "customer-request refuse ID/N --reason TEXT [--purpose P]"};
	const char *reason = NULL, *purpose = NULL;
	const struct option_row rows[] = {{.name = "reason", .text = &reason},
					  {.name = "purpose", .text = &purpose}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (!reason)
		return cli_usage(&invocation, "--reason is needed: the customer has a right to it");
	return end(&invocation, "refused", NULL, reason, purpose);
}

/* ---- list --------------------------------------------------------------------------------------------------- */

static void add_row(struct tell_table *table, const json_t *request)
{
	bool is_open = strcmp(cli_text(request, "state"), "open") == 0;
	char which[BL_DEVICE_ID_SIZE + 24];
	char since[TELL_DATE], deadline[TELL_DATE], ended[TELL_DATE];

	snprintf(which, sizeof(which), "%.31s/%lld", cli_text(request, "device"),
		 cli_number(request, "number"));
	tell_table_add(
		table,
		(const char *[]){which, cli_text(request, "kind"), cli_text(request, "state"),
				 tell_date(request, "since", since),
				 is_open ? tell_date(request, "deadline", deadline) : "",
				 tell_date(request, "ended", ended), cli_text(request, "ticket"),
				 is_open ? device_say_warning(request) : ""});
}

static void print_list(const json_t *requests)
{
	BL_CLEANUP(tell_table_done)
	struct tell_table table = {.heads = {"REQUEST", "KIND", "STATE", "SINCE", "DONE BY",
					     "ENDED", "TICKET", "WARN"}};
	const json_t *request;
	size_t index;

	json_array_foreach(requests, index, request) add_row(&table, request);
	if (table.rows)
		tell_table_print(stdout, &table);
	else
		printf("no requests of customers\n");
}

static int list(int argc, char **argv)
{
	struct invocation invocation = {.command = "customer-request list",
					.usage = "customer-request list [ID] [--purpose P] "
						 "[--json]"};

	return cli_list(&invocation, argc, argv, "customer-requests",
			&(struct cli_part){"request", "requests"}, print_list);
}

int cmd_customer_request(int argc, char **argv)
{
	static const struct verb VERBS[] = {{"erase", erase},	   {"disclose", disclose},
					    {"return", give_back}, {"done", done},
					    {"refuse", refuse},	   {"list", list}};
	const struct invocation invocation = {
		.command = "customer-request",
		.usage = "customer-request erase|disclose|return|done|refuse|list ... (--help "
			 "after any)"};

	return cli_verb(&invocation, VERBS, BL_COUNT(VERBS), argc, argv,
			"what does the customer ask for?");
}
