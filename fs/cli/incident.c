/* Something went wrong: on record, with its deadline, until it is answered and mended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/device-page.h"
#include "fs/cli/letter.h"
#include "fs/cli/progress.h"
#include "fs/cli/tell.h"

#define WHICH "an incident is ID/NUMBER (bailee incident list)"

/* ---- open, note, close ---------------------------------------------------------------------------------- */

static void print_opened(const json_t *answer)
{
	char deadline[TELL_DATE];

	printf("incident %s/%lld is on record, to be answered by %s\n", cli_text(answer, "device"),
	       cli_number(answer, "number"), tell_date(answer, "deadline", deadline));
	if (cli_number(answer, "hold"))
		printf("hold %lld: nothing of the device is destroyed until it is closed\n",
		       cli_number(answer, "hold"));
	if (*cli_text(answer, "warning")) {
		printf("WARNING: ");
		cli_print_safe(cli_text(answer, "warning"));
		putchar('\n');
	}
	printf("next: bailee incident letter %s/%lld\n", cli_text(answer, "device"),
	       cli_number(answer, "number"));
}

static int open_one(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "incident open",
		.usage = "incident open ID --kind damage|loss|exposure|complaint --text TEXT "
			 "[--purpose P]"};
	const char *kind = NULL, *text = NULL, *purpose = NULL;
	const struct option_row rows[] = {{.name = "kind", .text = &kind},
					  {.name = "text", .text = &text},
					  {.name = "purpose", .text = &purpose}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (!kind || !text)
		return cli_usage(&invocation, "--kind and --text are needed: what happened?");
	request = json_pack("{s:s,s:s,s:s,s:s,s:s*}", "do", "incident-open", "device",
			    invocation.arguments[0], "incident", kind, "text", text, "purpose",
			    purpose);
	code = cli_ask(&invocation, request, &answer);
	if (code < 0)
		print_opened(answer);
	return BL_MAX(code, 0);
}

/* "ID/N" of the first argument into a request; NULL: it is none, or no text. */
static json_t *ask_about(const struct invocation *invocation, const char *what, const char *purpose)
{
	char device[BL_DEVICE_ID_SIZE];
	uint64_t number;

	if (!cli_split(invocation->arguments[0], device, &number))
		return NULL;
	return json_pack("{s:s,s:s,s:I,s:s*}", "do", what, "device", device, "number",
			 (json_int_t)number, "purpose", purpose);
}

static int note(int argc, char **argv)
{
	struct invocation invocation = {.command = "incident note",
					.usage = "incident note ID/N TEXT [--purpose P]"};
	const char *purpose = NULL;
	const struct option_row rows[] = {{.name = "purpose", .text = &purpose}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 2, 2);

	if (code >= 0)
		return code;
	request = ask_about(&invocation, "incident-note", purpose);
	if (!request)
		return cli_usage(&invocation, WHICH);
	if (json_object_set_new(request, "text", json_string(invocation.arguments[1])) != 0)
		return cli_usage(&invocation, "arguments are not UTF-8 text");
	code = cli_ask(&invocation, request, &answer);
	if (code < 0)
		printf("incident %s/%lld: noted\n", cli_text(answer, "device"),
		       cli_number(answer, "number"));
	return BL_MAX(code, 0);
}

static int close_one(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "incident close",
		.usage = "incident close ID/N --action TEXT --reason TEXT [--purpose P]"};
	const char *action = NULL, *reason = NULL, *purpose = NULL;
	const struct option_row rows[] = {{.name = "action", .text = &action},
					  {.name = "reason", .text = &reason},
					  {.name = "purpose", .text = &purpose}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (!action || !reason)
		return cli_usage(&invocation, "--action and --reason are needed: what was done so "
					      "that it does not happen again?");
	request = ask_about(&invocation, "incident-close", purpose);
	if (!request)
		return cli_usage(&invocation, WHICH);
	if (json_object_set_new(request, "corrective", json_string(action)) != 0 ||
	    json_object_set_new(request, "reason", json_string(reason)) != 0)
		return cli_usage(&invocation, "arguments are not UTF-8 text");
	code = cli_ask(&invocation, request, &answer);
	if (code < 0)
		printf("incident %s/%lld is closed%s\n", cli_text(answer, "device"),
		       cli_number(answer, "number"),
		       json_is_true(json_object_get(answer, "held"))
			       ? "; other holds keep the device held"
			       : "");
	return BL_MAX(code, 0);
}

/* ---- list, show ------------------------------------------------------------------------------------------- */

static void add_row(struct tell_table *table, const json_t *incident)
{
	char which[BL_DEVICE_ID_SIZE + 24], hold[24] = "";
	char opened[TELL_DATE], deadline[TELL_DATE], closed[TELL_DATE];

	snprintf(which, sizeof(which), "%.31s/%lld", cli_text(incident, "device"),
		 cli_number(incident, "number"));
	if (cli_number(incident, "hold"))
		snprintf(hold, sizeof(hold), "%lld", cli_number(incident, "hold"));
	tell_date(incident, "closed", closed);
	tell_table_add(table,
		       (const char *[]){which, cli_text(incident, "kind"),
					tell_date(incident, "opened", opened),
					*closed ? "" : tell_date(incident, "deadline", deadline),
					closed, hold, *closed ? "" : device_say_warning(incident)});
}

static void print_list(const json_t *incidents)
{
	BL_CLEANUP(tell_table_done)
	struct tell_table table = {
		.heads = {"INCIDENT", "KIND", "OPENED", "ANSWER BY", "CLOSED", ">HOLD", "WARN"}};
	const json_t *incident;
	size_t index;

	json_array_foreach(incidents, index, incident) add_row(&table, incident);
	if (table.rows)
		tell_table_print(stdout, &table);
	else
		printf("no incidents\n");
}

static int list(int argc, char **argv)
{
	struct invocation invocation = {.command = "incident list",
					.usage = "incident list [ID] [--purpose P] [--json]"};

	return cli_list(&invocation, argc, argv, "incidents",
			&(struct cli_part){"incident", "incidents"}, print_list);
}

static void add_look(struct tell_table *table, const json_t *seen)
{
	char first[TELL_DATE], last[TELL_DATE], who[TELL_WHO], bytes[24];
	char files[24], unmasked[24], denied[24];

	snprintf(files, sizeof(files), "%lld", cli_number(seen, "files"));
	snprintf(unmasked, sizeof(unmasked), "%lld", cli_number(seen, "unmasked"));
	snprintf(denied, sizeof(denied), "%lld", cli_number(seen, "denied"));
	tell_table_add(table,
		       (const char *[]){*cli_text(seen, "person") ? cli_text(seen, "person")
								  : tell_who(seen, "uid", who),
					tell_date(seen, "first", first),
					tell_date(seen, "last", last), files,
					progress_bytes((uint64_t)cli_number(seen, "bytes"), bytes),
					unmasked, denied});
}

static void print_seen(const json_t *list_of_seen, bool is_more)
{
	BL_CLEANUP(tell_table_done)
	struct tell_table table = {
		.heads = {"PERSON", "FIRST", "LAST", ">FILES", ">READ", ">UNMASKED", ">REFUSED"},
		.indent = 2};
	const json_t *seen;
	size_t index;

	json_array_foreach(list_of_seen, index, seen) add_look(&table, seen);
	printf("\nwho saw what of the device, by the log\n");
	if (table.rows)
		tell_table_print(stdout, &table);
	else
		printf("  nobody saw anything of it\n");
	if (is_more)
		printf("  and more than can be told here (bailee log query --device)\n");
}

static void print_notes(const json_t *notes)
{
	const json_t *item;
	size_t index;

	json_array_foreach(notes, index, item)
	{
		char at[TELL_DATE], who[TELL_WHO];

		printf("%s  %s  ", index ? "" : "\nnotes\n", tell_date(item, "at", at));
		cli_print_safe(tell_who(item, "by", who));
		putchar('\n');
		tell_wrapped(stdout, 6, cli_text(item, "text"));
	}
}

static void print_incident(const json_t *incident)
{
	char opened[TELL_DATE], deadline[TELL_DATE], closed[TELL_DATE], who[TELL_WHO];
	struct tell_list what = {.length = 0}, device = {.between = " "};

	printf("%s/%lld  %s, %s", cli_text(incident, "device"), cli_number(incident, "number"),
	       cli_text(incident, "kind"), cli_text(incident, "state"));
	if (*device_say_warning(incident))
		printf(", %s", device_say_warning(incident));
	device_say_what(incident, &what);
	tell_list_add(&device, "%s", cli_text(incident, "kind_of_device"));
	tell_list_add(&device, "%s", what.text);
	printf("\n\n");
	tell_row(stdout, 12, "device", device.text);
	printf("opened      %s by ", tell_date(incident, "opened", opened));
	cli_print_safe(tell_who(incident, "by", who));
	printf("\nanswer by   %s\n", tell_date(incident, "deadline", deadline));
	if (cli_number(incident, "hold"))
		printf("hold        %lld\n", cli_number(incident, "hold"));
	if (*tell_date(incident, "closed", closed)) {
		printf("closed      %s by ", closed);
		cli_print_safe(tell_who(incident, "closed_by", who));
		printf("\naction\n");
		tell_wrapped(stdout, 12, cli_text(incident, "action"));
	}
	print_notes(json_object_get(incident, "notes"));
	print_seen(json_object_get(incident, "seen"),
		   json_is_true(json_object_get(incident, "is_more")));
}

/* -1: *out_answer is there, with its parts. Anything else is the exit code to end with */
static int ask_show(const struct invocation *invocation, const char *purpose, json_t **out_answer)
{
	static const struct cli_part PARTS[] = {{"note", "notes"}, {"seen", "seen"}};
	BL_CLEANUP(json_decref)
	json_t *request = ask_about(invocation, "incident-show", purpose);

	if (!request)
		return cli_usage(invocation, WHICH);
	int code = cli_gather(invocation, request, PARTS, BL_COUNT(PARTS), out_answer);

	if (code >= 0 || !invocation->wants_json)
		return code;
	cli_print_json(*out_answer);
	return 0;
}

static int show(int argc, char **argv)
{
	struct invocation invocation = {.command = "incident show",
					.usage = "incident show ID/N [--purpose P] [--json]"};
	const char *purpose = NULL;
	const struct option_row rows[] = {{.name = "purpose", .text = &purpose}};
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code < 0)
		code = ask_show(&invocation, purpose, &answer);
	if (code < 0)
		print_incident(answer);
	return BL_MAX(code, 0);
}

/* ---- letter ----------------------------------------------------------------------------------------------- */

static int put_letter(const struct invocation *invocation, const json_t *incident, const char *path)
{
	BL_CLEANUP(bl_free) char *text = NULL;
	struct bl_error why = {{0}};

	enum bl_status status = letter_write(incident, &text, &why);

	if (status == BL_OK && path)
		status = cli_write_new(path, text, strlen(text), &why);
	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	if (!path)
		cli_print_lines(text);
	return 0;
}

static int letter(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "incident letter",
		.usage = "incident letter ID/N [--out FILE] [--purpose P] [--json]"};
	const char *path = NULL, *purpose = NULL;
	const struct option_row rows[] = {{.name = "out", .text = &path},
					  {.name = "purpose", .text = &purpose}};
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code < 0)
		code = ask_show(&invocation, purpose, &answer);
	return code < 0 ? put_letter(&invocation, answer, path) : code;
}

int cmd_incident(int argc, char **argv)
{
	static const struct verb VERBS[] = {{"open", open_one},	  {"note", note},
					    {"close", close_one}, {"list", list},
					    {"show", show},	  {"letter", letter}};
	const struct invocation invocation = {
		.command = "incident",
		.usage = "incident open|note|close|list|show|letter ... (--help after any)"};

	return cli_verb(&invocation, VERBS, BL_COUNT(VERBS), argc, argv, "what about an incident?");
}
