#include "fs/daemon/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fs/cli/cli.h"

struct telling {
	bool has_colour;
	json_t *list; /* --json: everything at once; NULL: line by line */
};

static void tell(void *context, const struct doctor_finding *finding)
{
	static const struct {
		const char *word, *colour;
	} GRADES[] = {
		[DOCTOR_GOOD] = {"good", "\033[32m"},
		[DOCTOR_WARNING] = {"warning", "\033[33m"},
		[DOCTOR_BAD] = {"BAD", "\033[31m"},
	};
	const struct telling *telling = context;

	if (telling->list) {
		json_array_append_new(telling->list,
				      json_pack("{s:s,s:s,s:s}", "check", finding->check, "grade",
						doctor_grade_name(finding->grade), "text",
						finding->text));
		return;
	}
	printf("%s%-8s%s %-17s ", telling->has_colour ? GRADES[finding->grade].colour : "",
	       GRADES[finding->grade].word, telling->has_colour ? "\033[0m" : "", finding->check);
	cli_print_safe(finding->text);
	putchar('\n');
}

int cmd_doctor(int argc, char **argv)
{
	struct invocation invocation = {.command = "doctor",
					.usage = "doctor [--store DIR] [--json]"};
	struct bl_error why = {{0}};
	enum doctor_grade worst = DOCTOR_GOOD;
	int code = cli_parse(&invocation, argc, argv, NULL, 0, 0, 0);

	if (code >= 0)
		return code;
	BL_CLEANUP(json_decref) json_t *list = invocation.wants_json ? json_array() : NULL;
	const char *no_colour = getenv("NO_COLOR");
	struct telling telling = {.has_colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour),
				  .list = list};
	enum bl_status status = daemon_doctor(invocation.store, tell, &telling, &worst, &why);

	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (list) {
		BL_CLEANUP(json_decref)
		json_t *object = json_pack("{s:s,s:s,s:O}", "store", invocation.store, "worst",
					   doctor_grade_name(worst), "findings", list);

		cli_print_json(object);
	}
	return worst == DOCTOR_BAD ? bl_status_exit(BL_NOT_VERIFIED) : 0;
}
