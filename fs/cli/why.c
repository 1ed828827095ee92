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

int cmd_why(int argc, char **argv)
{
	struct invocation invocation = {.command = "why", .usage = "why PATH..."};
	int code = cli_parse(&invocation, argc, argv, NULL, 0, 1, 1000);

	if (code >= 0)
		return code;
	code = 0;
	for (int i = 0; i < invocation.argument_count; i++) {
		int here = tell(&invocation, invocation.arguments[i]);

		code = BL_MAX(code, here);
	}
	return code;
}
