#include "fs/cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs/cli/tell.h"

/* getopt values of the options every command has; a command's own are their row's number. */
enum { COMMON_STORE = 1000, COMMON_JSON, COMMON_HELP };

/* Texts carry what was typed, or came from elsewhere: no control byte reaches a terminal. */
static void print_error(const char *command, const char *text)
{
	fprintf(stderr, "error: %s: ", command);
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, stderr);
}

int cli_usage(const struct invocation *invocation, const char *text)
{
	print_error(invocation->command, text);
	fprintf(stderr, " (use: bailee %s)\n", invocation->usage);
	return bl_status_exit(BL_INVALID);
}

int cli_fail(const struct invocation *invocation, enum bl_status status, const struct bl_error *why)
{
	print_error(invocation->command, why->text[0] ? why->text : bl_status_name(status));
	fputc('\n', stderr);
	return bl_status_exit(status);
}

static void fill_options(struct option *options, const struct option_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		options[i] =
			(struct option){.name = rows[i].name,
					.has_arg = rows[i].flag ? no_argument : required_argument,
					.val = (int)i};
	options[count++] =
		(struct option){.name = "store", .has_arg = required_argument, .val = COMMON_STORE};
	options[count++] = (struct option){.name = "json", .val = COMMON_JSON};
	options[count] = (struct option){.name = "help", .val = COMMON_HELP};
}

/* What getopt calls an option by: its row's number, and 0 when it is none of them. */
static void fill_letters(char *letters, const struct option_row *rows, size_t count)
{
	strcpy(letters, ":h");
	letters += 2;
	for (size_t i = 0; i < count; i++) {
		if (!rows[i].letter)
			continue;
		*letters++ = rows[i].letter;
		if (!rows[i].flag)
			*letters++ = ':';
	}
	*letters = '\0';
}

static int row_of(int value, const struct option_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (value == (int)i || (rows[i].letter && value == rows[i].letter))
			return (int)i;
	return -1;
}

static enum bl_status default_store(struct invocation *invocation, struct bl_error *why)
{
	if (invocation->store)
		return BL_OK;
	invocation->store = invocation->store_room;
	return daemon_default_store(invocation->store_room, sizeof(invocation->store_room), why);
}

static bool take_option(const struct option_row *row, const char *argument)
{
	if (row->flag)
		*row->flag = true;
	else if (row->text)
		*row->text = argument;
	else if (row->list->count < CLI_LIST_LIMIT)
		row->list->items[row->list->count++] = argument;
	else
		return false;
	return true;
}

int cli_parse(struct invocation *invocation, int argc, char **argv, const struct option_row *rows,
	      size_t count, int least, int most)
{
	struct option options[CLI_OPTIONS_LIMIT + 4] = {{0}};
	char letters[2 * CLI_OPTIONS_LIMIT + 4];
	struct bl_error why;
	int value;

	fill_options(options, rows, count);
	fill_letters(letters, rows, count);
	opterr = 0;
	optind = 1;
	while ((value = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (value == COMMON_STORE) {
			invocation->store = optarg;
		} else if (value == COMMON_JSON) {
			invocation->wants_json = true;
		} else if (value == COMMON_HELP || value == 'h') {
			printf("use: bailee %s\n", invocation->usage);
			return 0;
		} else if (row_of(value, rows, count) >= 0) {
			if (!take_option(&rows[row_of(value, rows, count)], optarg))
				return cli_usage(invocation, "an option is given too many times");
		} else {
			char text[128];

			snprintf(text, sizeof(text),
				 value == ':' ? "option '%.80s' needs a value"
					      : "no option '%.80s'",
				 argv[optind - 1]);
			return cli_usage(invocation, text);
		}
	}
	invocation->arguments = argv + optind;
	invocation->argument_count = argc - optind;
	if (invocation->argument_count < least)
		return cli_usage(invocation, "something is missing");
	if (invocation->argument_count > most)
		return cli_usage(invocation, "too many arguments");

	enum bl_status status = default_store(invocation, &why);

	return status == BL_OK ? -1 : cli_fail(invocation, status, &why);
}

enum bl_status cli_call(const struct invocation *invocation, json_t *request, int pass_fd,
			daemon_partial_fn *partial, void *context, json_t **out_answer,
			struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = daemon_connect(invocation->store, &fd, why);

	if (status == BL_OK)
		status = daemon_call(fd, request, pass_fd, partial, context, out_answer, why);
	return status;
}

int cli_ask(const struct invocation *invocation, json_t *request, json_t **out_answer)
{
	struct bl_error why = {{0}};

	if (!request)
		return cli_usage(invocation, "arguments are not UTF-8 text");
	enum bl_status status = cli_call(invocation, request, -1, NULL, NULL, out_answer, &why);

	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	if (!invocation->wants_json)
		return -1;
	cli_print_json(*out_answer);
	return 0;
}

void cli_print_in_force(const json_t *answer)
{
	printf("in force: %s, serial %lld; every view has decided again\n",
	       cli_text(answer, "policy"), cli_number(answer, "policy_serial"));
}

void cli_add_reason(json_t *request, const char *reason)
{
	if (reason)
		json_object_set_new(request, "reason", json_string(reason));
}

void cli_print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT);
	putchar('\n');
}

void cli_print_safe(const char *text)
{
	tell_safe(stdout, text);
}

void cli_print_lines(const char *text)
{
	tell_lines(stdout, text, !isatty(STDOUT_FILENO));
}

/* ---- answers in many parts, verbs ------------------------------------------------------------------- */

struct gathering {
	const struct cli_part *parts;
	size_t count;
	json_t *lists; /* by their names */
};

static bool gather(void *context, const json_t *answer)
{
	const struct gathering *gathering = context;

	for (size_t i = 0; i < gathering->count; i++) {
		json_t *part = json_object_get(answer, gathering->parts[i].key);
		json_t *list = json_object_get(gathering->lists, gathering->parts[i].list);

		if (part && json_array_append(list, part) != 0)
			return false;
	}
	return true;
}

int cli_gather(const struct invocation *invocation, json_t *request, const struct cli_part *parts,
	       size_t count, json_t **out_answer)
{
	BL_CLEANUP(json_decref) json_t *lists = json_object();
	struct gathering gathering = {.parts = parts, .count = count, .lists = lists};
	struct bl_error why = {{0}};

	if (!request)
		return cli_usage(invocation, "arguments are not UTF-8 text");
	for (size_t i = 0; i < count; i++)
		json_object_set_new(lists, parts[i].list, json_array());
	enum bl_status status =
		cli_call(invocation, request, -1, gather, &gathering, out_answer, &why);

	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	json_object_update(*out_answer, lists);
	return -1;
}

int cli_list(struct invocation *invocation, int argc, char **argv, const char *what,
	     const struct cli_part *part, void (*print)(const json_t *list))
{
	const char *purpose = NULL;
	const struct option_row rows[] = {{.name = "purpose", .text = &purpose}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	int code = cli_parse(invocation, argc, argv, rows, BL_COUNT(rows), 0, 1);

	if (code >= 0)
		return code;
	request = json_pack("{s:s,s:s*,s:s*}", "do", what, "device",
			    invocation->argument_count ? invocation->arguments[0] : NULL, "purpose",
			    purpose);
	code = cli_gather(invocation, request, part, 1, &answer);
	if (code >= 0)
		return code;
	if (invocation->wants_json)
		cli_print_json(answer);
	else
		print(json_object_get(answer, part->list));
	return 0;
}

int cli_verb(const struct invocation *invocation, const struct verb *verbs, size_t count, int argc,
	     char **argv, const char *question)
{
	for (size_t i = 0; argc > 1 && i < count; i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		printf("use: bailee %s\n", invocation->usage);
		return 0;
	}
	return cli_usage(invocation, question);
}

void cli_print_date(const json_t *answer)
{
	printf("%s: its date is %s now (%s)", cli_text(answer, "device"), cli_text(answer, "due"),
	       cli_text(answer, "retention"));
	if (json_is_true(json_object_get(answer, "held")))
		printf("; a hold stops the destruction");
	else if (!json_is_true(json_object_get(answer, "destroyed")))
		printf("; its image was not given to Bailee to destroy, so it is closed only");
	putchar('\n');
}
