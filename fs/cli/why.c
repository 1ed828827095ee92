#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "fs/cli/cli.h"

static int tell(const struct invocation *invocation, const char *path)
{
	char text[16384];
	ssize_t length = lgetxattr(path, "user.bailee.why", text, sizeof(text) - 1);
	struct bl_error why;

	if (length < 0) {
		bool is_ours = errno != ENODATA && errno != EOPNOTSUPP;
		enum bl_status status = is_ours ? BL_NOT_FOUND : BL_NOT_MOUNTED;

		bl_fail_errno(&why, status,
			      is_ours ? "cannot ask about '%s'"
				      : "'%s' is not on a mount of Bailee",
			      path);
		return cli_fail(invocation, status, &why);
	}
	text[length] = '\0';
	if (invocation->wants_json) {
		BL_CLEANUP(json_decref)
		json_t *answer = json_pack("{s:s%,s:s}", "path", path, strlen(path), "why", text);

		if (answer)
			cli_print_json(answer);
		return 0;
	}
	fputs(text, stdout);
	if (length && text[length - 1] != '\n')
		putchar('\n');
	return 0;
}

static void print_event(const json_t *answer)
{
	printf("event %lld, %s: %s %s", cli_number(answer, "event"), cli_text(answer, "when"),
	       cli_text(answer, "op"), cli_text(answer, "verdict"));
	if (*cli_text(answer, "device"))
		printf(" on %s", cli_text(answer, "device"));
	if (*cli_text(answer, "rule"))
		printf(", by rule '%s'", cli_text(answer, "rule"));
	if (*cli_text(answer, "why"))
		printf(": %s", cli_text(answer, "why"));
	putchar('\n');
	if (!json_is_true(json_object_get(answer, "policy_in_force")))
		printf("The policy has changed since.\n");
	printf("Next: bailee may, which tells what holds now\n");
}

static int tell_event(const struct invocation *invocation, uint64_t event)
{
	BL_CLEANUP(json_decref)
	json_t *request = json_pack("{s:s,s:I}", "do", "why-event", "event", (json_int_t)event);
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	struct bl_error why = {{0}};
	enum bl_status status = cli_call(invocation, request, -1, NULL, NULL, &answer, &why);

	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	if (invocation->wants_json)
		cli_print_json(answer);
	else
		print_event(answer);
	return 0;
}

/* A number is an event; a file of that name is ./17. */
int cmd_why(int argc, char **argv)
{
	struct invocation invocation = {.command = "why", .usage = "why PATH...|EVENT"};
	int code = cli_parse(&invocation, argc, argv, NULL, 0, 1, 1000);
	uint64_t event;

	if (code >= 0)
		return code;
	code = 0;
	for (int i = 0; i < invocation.argument_count; i++) {
		const char *what = invocation.arguments[i];
		int here = cli_parse_number(what, INT64_MAX, &event) && event > 0
				   ? tell_event(&invocation, event)
				   : tell(&invocation, what);

		code = BL_MAX(code, here);
	}
	return code;
}
