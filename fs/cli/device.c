/* A device's record: what it is, where it is, in which state; and what people change about it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/device-page.h"
#include "fs/cli/tell.h"
#include "policy/words.h"

#define RECORD_LIMIT 49152 /* so that the request stays below DAEMON_MESSAGE_LIMIT */

/* ---- list -------------------------------------------------------------------------------------------- */

static bool is_warned(const json_t *device)
{
	return *cli_text(device, "warning") || json_is_true(json_object_get(device, "unsure")) ||
	       json_is_false(json_object_get(device, "complete"));
}

static void say_warning(const json_t *device, struct tell_list *words)
{
	static const struct {
		const char *key, *noun;
	} OPEN[] = {{"incidents", "incident"}, {"requests", "request"}};
	char count[TELL_COUNT];

	if (*cli_text(device, "warning"))
		tell_list_add(words, "%s", device_say_warning(device));
	for (size_t i = 0; i < BL_COUNT(OPEN); i++)
		if (cli_number(device, OPEN[i].key) > 0)
			tell_list_add(
				words, "%s",
				tell_count(cli_number(device, OPEN[i].key), OPEN[i].noun, count));
	if (json_is_false(json_object_get(device, "complete")))
		tell_list_add(words, "intake not complete");
	if (json_is_true(json_object_get(device, "unsure")))
		tell_list_add(words, "date not sure");
}

static void add_row(struct tell_table *table, const json_t *device)
{
	struct tell_list words = {.length = 0};
	char holds[24] = "", due[TELL_DATE];

	say_warning(device, &words);
	if (cli_number(device, "holds") > 0)
		snprintf(holds, sizeof(holds), "%lld", cli_number(device, "holds"));
	tell_date(device, "due", due)[10] = '\0'; /* the day will do */
	tell_table_add(table,
		       (const char *[]){cli_text(device, "id"), cli_text(device, "kind"),
					cli_text(device, "state"), cli_text(device, "location"),
					due, cli_text(device, "retention"), holds, words.text});
}

static void print_list(const json_t *devices)
{
	BL_CLEANUP(tell_table_done)
	struct tell_table table = {
		.heads = {"DEVICE", "KIND", "STATE", "WHERE", "DUE", "BY", ">HOLDS", "WARN"}};
	const json_t *device;
	size_t index;

	json_array_foreach(devices, index, device) add_row(&table, device);
	if (table.rows)
		tell_table_print(stdout, &table);
	else
		printf("no devices\n");
}

/* What is not asked for is taken out here: the daemon tells of all. */
static void choose(json_t *devices, const char *state, bool only_warned)
{
	for (size_t i = json_array_size(devices); i-- > 0;) {
		const json_t *device = json_array_get(devices, i);

		if ((state && strcmp(cli_text(device, "state"), state) != 0) ||
		    (only_warned && !is_warned(device)))
			json_array_remove(devices, i);
	}
}

static int run_list(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "device list",
		.usage = "device list [--state STATE] [--warn] [--purpose P] [--json]"};
	const char *state = NULL, *purpose = NULL;
	bool only_warned = false;
	const struct option_row rows[] = {{.name = "state", .text = &state},
					  {.name = "warn", .flag = &only_warned},
					  {.name = "purpose", .text = &purpose}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	enum bl_device_state known;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	if (state && !bl_device_state_parse(state, &known))
		return cli_usage(&invocation, "--state is received, open, closed, held, due, "
					      "shredded or released");
	request = json_pack("{s:s,s:s*}", "do", "device-list", "purpose", purpose);
	code = cli_gather(&invocation, request, &(struct cli_part){"device", "devices"}, 1,
			  &answer);
	if (code >= 0)
		return code;

	json_t *devices = json_object_get(answer, "devices");

	choose(devices, state, only_warned);
	if (invocation.wants_json)
		cli_print_json(answer);
	else
		print_list(devices);
	return 0;
}

/* ---- show -------------------------------------------------------------------------------------------- */

static int run_show(int argc, char **argv)
{
	struct invocation invocation = {.command = "device show",
					.usage = "device show ID [--yaml] [--purpose P] [--json]"};
	static const struct cli_part PARTS[] = {{"note", "notes"}, {"custody", "custody"}};
	const char *purpose = NULL;
	bool is_yaml = false;
	const struct option_row rows[] = {{.name = "yaml", .flag = &is_yaml},
					  {.name = "purpose", .text = &purpose}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	request = json_pack("{s:s,s:s,s:s*}", "do", "device-show", "device",
			    invocation.arguments[0], "purpose", purpose);
	if (request && is_yaml)
		json_object_set_new(request, "yaml", json_true());
	code = cli_gather(&invocation, request, PARTS, BL_COUNT(PARTS), &answer);
	if (code >= 0)
		return code;
	if (invocation.wants_json)
		cli_print_json(answer);
	else if (is_yaml)
		cli_print_lines(cli_text(answer, "yaml"));
	else
		device_page(stdout, answer);
	return 0;
}

/* ---- changes ------------------------------------------------------------------------------------------ */

struct change {
	struct invocation invocation;
	const char *reason, *purpose;
	bool takes_reason;
	int arguments;
};

/* Options and arguments; then the request with what all changes have. */
static int begin(struct change *change, const char *what, int argc, char **argv,
		 json_t **out_request)
{
	const struct option_row rows[] = {{.name = "purpose", .text = &change->purpose},
					  {.name = "reason", .text = &change->reason}};
	int code = cli_parse(&change->invocation, argc, argv, rows, change->takes_reason ? 2 : 1,
			     change->arguments, change->arguments);

	if (code >= 0)
		return code;
	*out_request = json_pack("{s:s,s:s,s:s*,s:s*}", "do", what, "device",
				 change->invocation.arguments[0], "purpose", change->purpose,
				 "reason", change->reason);
	return *out_request ? -1 : cli_usage(&change->invocation, "arguments are not UTF-8 text");
}

/* What a change said on its own argument; one that is no text makes the request none. */
static int ask(const struct change *change, json_t *request, const char *key, const char *text,
	       json_t **out_answer)
{
	if (json_object_set_new(request, key, json_string(text)) != 0)
		return cli_usage(&change->invocation, "arguments are not UTF-8 text");
	return cli_ask(&change->invocation, request, out_answer);
}

static int run_note(int argc, char **argv)
{
	struct change change = {.invocation = {.command = "device note",
					       .usage = "device note ID TEXT [--purpose P]"},
				.arguments = 2};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	int code = begin(&change, "device-note", argc, argv, &request);

	if (code < 0)
		code = ask(&change, request, "text", change.invocation.arguments[1], &answer);
	if (code < 0)
		printf("%s: note %lld is on record\n", cli_text(answer, "device"),
		       cli_number(answer, "note"));
	return BL_MAX(code, 0);
}

static int run_move(int argc, char **argv)
{
	struct change change = {.invocation = {.command = "device move",
					       .usage = "device move ID PLACE [--purpose P]"},
				.arguments = 2};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	int code = begin(&change, "device-move", argc, argv, &request);

	if (code < 0)
		code = ask(&change, request, "place", change.invocation.arguments[1], &answer);
	if (code >= 0)
		return code;
	printf("%s: it is at ", cli_text(answer, "device"));
	cli_print_safe(change.invocation.arguments[1]);
	printf(" now\n");
	return 0;
}

static int change_state(struct change *change, const char *state, int argc, char **argv)
{
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;

	change->takes_reason = true;
	change->arguments = 1;

	int code = begin(change, "device-state", argc, argv, &request);

	if (code < 0)
		code = ask(change, request, "state", state, &answer);
	if (code < 0)
		printf("%s: %s%s\n", cli_text(answer, "device"), cli_text(answer, "state"),
		       strcmp(state, "released") == 0 ? ": back to stock, nothing of it is here"
						      : "");
	return BL_MAX(code, 0);
}

static int run_open(int argc, char **argv)
{
	struct change change = {
		.invocation = {.command = "device open",
			       .usage = "device open ID [--reason TEXT] [--purpose P]"}};

	return change_state(&change, "open", argc, argv);
}

static int run_close(int argc, char **argv)
{
	struct change change = {
		.invocation = {.command = "device close",
			       .usage = "device close ID [--reason TEXT] [--purpose P]"}};

	return change_state(&change, "closed", argc, argv);
}

static int run_restock(int argc, char **argv)
{
	struct change change = {
		.invocation = {.command = "device restock",
			       .usage = "device restock ID [--reason TEXT] [--purpose P]"}};

	return change_state(&change, "released", argc, argv);
}

static int run_edit(int argc, char **argv)
{
	struct change change = {.invocation = {.command = "device edit",
					       .usage = "device edit ID FILE|- [--purpose P]"},
				.arguments = 2};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	BL_CLEANUP(bl_free) char *record = NULL;
	struct bl_error why = {{0}};
	size_t length;
	int code = begin(&change, "device-edit", argc, argv, &request);

	if (code >= 0)
		return code;
	enum bl_status status =
		cli_read_file(change.invocation.arguments[1], RECORD_LIMIT, &record, &length, &why);

	if (status == BL_OK && strlen(record) != length)
		status = bl_fail(&why, BL_INVALID, "record '%s' is not text",
				 change.invocation.arguments[1]);
	if (status != BL_OK)
		return cli_fail(&change.invocation, status, &why);
	code = ask(&change, request, "record", record, &answer);
	if (code < 0)
		printf("%s: changed, revision %lld\n", cli_text(answer, "device"),
		       cli_number(answer, "revision"));
	return BL_MAX(code, 0);
}

int cmd_device(int argc, char **argv)
{
	static const struct verb VERBS[] = {{"list", run_list}, {"show", run_show},
					    {"note", run_note}, {"move", run_move},
					    {"open", run_open}, {"close", run_close},
					    {"edit", run_edit}, {"restock", run_restock}};
	const struct invocation invocation = {
		.command = "device",
		.usage = "device list|show|note|move|open|close|edit|restock ... (--help after "
			 "any)"};

	return cli_verb(&invocation, VERBS, BL_COUNT(VERBS), argc, argv, "what about devices?");
}
