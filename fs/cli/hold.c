#include <stdio.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/tell.h"

enum hold_verb { HOLD_ADD, HOLD_RELEASE, HOLD_REVIEW };

static const struct {
	const char *name, *request, *done;
} VERBS[] = {
	[HOLD_ADD] = {"add", "hold-add", "added: nothing of it is destroyed until it is released"},
	[HOLD_RELEASE] = {"release", "hold-release", "released"},
	[HOLD_REVIEW] = {"review", "hold-review", "reviewed: it stands"},
};

static void print_hold(const json_t *answer, const char *done)
{
	char review[TELL_DATE];

	printf("hold %lld on %s %s", cli_number(answer, "hold"), cli_text(answer, "device"), done);
	if (*tell_date(answer, "review_by", review))
		printf("; to be looked at again by %s", review);
	putchar('\n');
}

int cmd_hold(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "hold",
		.usage = "hold add|release|review ID --reason TEXT [--hold N] [--purpose P]"};
	const char *reason = NULL, *hold = NULL, *purpose = NULL;
	const struct option_row rows[] = {{.name = "reason", .text = &reason},
					  {.name = "purpose", .text = &purpose},
					  {.name = "hold", .text = &hold}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	uint64_t number = 0;
	size_t verb = 0;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 2, 2);

	if (code >= 0)
		return code;
	while (verb < BL_COUNT(VERBS) && strcmp(invocation.arguments[0], VERBS[verb].name) != 0)
		verb++;
	if (verb == BL_COUNT(VERBS))
		return cli_usage(&invocation, "a hold is added, reviewed or released");
	if (hold && (verb == HOLD_ADD || !cli_parse_number(hold, UINT32_MAX, &number)))
		return cli_usage(&invocation,
				 "--hold names the number of a hold to review or release");
	request = json_pack("{s:s,s:s,s:s}", "do", VERBS[verb].request, "device",
			    invocation.arguments[1], "reason", reason ? reason : "");
	if (!request)
		return cli_usage(&invocation, "arguments are not UTF-8 text");
	if (purpose)
		json_object_set_new(request, "purpose", json_string(purpose));
	if (hold)
		json_object_set_new(request, "hold", json_integer((json_int_t)number));
	code = cli_ask(&invocation, request, &answer);
	if (code < 0)
		print_hold(answer, VERBS[verb].done);
	return BL_MAX(code, 0);
}
