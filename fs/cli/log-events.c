#include "fs/cli/log-events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/cli/record.h"
#include "fs/cli/tell.h"

/* ECMA-48, SGR */
#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

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

/* At least @width columns wide; of a forged log it may hold anything. */
static void print_cell(const char *text, size_t width)
{
	size_t columns = 0;
	BL_CLEANUP(bl_free) char *clean = tell_clean(text, &columns);

	printf("%s%*s", clean ? clean : "?", (int)(width - BL_MIN(width, columns)), "");
}

static void print_who(const json_t *record, const char *person)
{
	char who[24] = "daemon";

	if (json_is_integer(json_object_get(record, "uid")))
		snprintf(who, sizeof(who), "uid %lld", cli_number(record, "uid"));
	print_cell(*person ? person : who, 10);
}

/* What was not permitted is seen from afar. */
static void print_verdict(const struct log_events *events, const char *verdict)
{
	const char *color = strcmp(verdict, "permitted") == 0 ? ""
			    : strcmp(verdict, "denied") == 0 || strcmp(verdict, "failed") == 0
				    ? RED
				    : YELLOW;
	bool is_colored = events->is_colored && *color;

	printf("%s%-9s%s", is_colored ? color : "", verdict, is_colored ? PLAIN : "");
}

static void print_line(const struct log_events *events, const json_t *answer, const char *path,
		       size_t length)
{
	const json_t *record = json_object_get(answer, "record");

	printf("%8lld  %-24.24s  ", cli_number(record, "sequence"), cli_text(record, "time"));
	print_verdict(events, cli_text(record, "verdict"));
	printf(" %-14s ", cli_text(record, "op"));
	print_cell(cli_text(record, "device"), 12);
	putchar(' ');
	print_who(record, cli_text(answer, "person"));
	putchar(' ');
	print_cell(cli_text(record, "rule"), 0);
	if (cli_number(record, "repeats"))
		printf("  and %lld more of these", cli_number(record, "repeats"));
	if (*cli_text(record, "detail")) {
		printf("  ");
		print_cell(cli_text(record, "detail"), 0);
	}
	if (path)
		print_name("path", path, length);
	if (events->has_reason)
		print_name("reason", events->reason, events->reason_length);
	putchar('\n');
}

static void take_reason(struct log_events *events, const json_t *answer)
{
	size_t length = 0;
	const char *text = events->names ? names_reason(events->names, answer, &length) : NULL;

	events->has_reason = text != NULL;
	events->reason_length = BL_MIN(length, sizeof(events->reason));
	if (text)
		memcpy(events->reason, text, events->reason_length);
}

void log_events_print(struct log_events *events, const json_t *answer)
{
	const json_t *json = json_object_get(answer, "record");
	const char *path = NULL;
	struct audit_record record;
	size_t length = 0;

	take_reason(events, answer);
	if (events->names)
		path = names_path(events->names, json, &length);
	if (!events->how) {
		print_line(events, answer, path, length);
		return;
	}
	/* What a newer service knows and this program does not is told as unknown. */
	(void)!record_read(json, &record);
	audit_export(stdout, events->how, &record, path, length,
		     events->has_reason ? events->reason : NULL, events->reason_length);
}

bool log_events_colored(void)
{
	const char *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no && *no);
}

void log_events_closed_names(const struct log_events *events, const char *key)
{
	const struct names *names = events->names;

	if (names && names_is_stranger(names))
		fprintf(stderr,
			"info: the key '%s' is of none of the auditors that this log was made for: "
			"names stay closed\n",
			key);
	else if (names && names_unopened(names))
		fprintf(stderr,
			"info: %zu names stay closed: their device's key is destroyed, or you may "
			"not review it\n",
			names_unopened(names));
}
