/* Look again at some of what was destroyed: drawn so that anybody can draw the same. */
#include <stdio.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/tell.h"

static const char *say_result(const json_t *item)
{
	const char *result = cli_text(item, "result");
	char at[TELL_DATE];

	if (*result)
		return result;
	return *tell_date(item, "verified", at) ? "good" : "nobody looked yet";
}

static void print_items(const json_t *items)
{
	BL_CLEANUP(tell_table_done)
	struct tell_table table = {.heads = {"DEVICE", "DESTROYED", "LOOKED AT", "BY", "RESULT"}};
	const json_t *item;
	size_t index;

	json_array_foreach(items, index, item)
	{
		char ended[TELL_DATE], verified[TELL_DATE], who[TELL_WHO];
		bool is_looked_at = *tell_date(item, "verified", verified);

		tell_table_add(&table,
			       (const char *[]){cli_text(item, "device"),
						tell_date(item, "ended", ended), verified,
						is_looked_at ? tell_who(item, "by", who) : "",
						say_result(item)});
	}
	if (table.rows)
		tell_table_print(stdout, &table);
}

static void print_summary(const json_t *answer)
{
	printf("%s%s: %lld destroyed, %lld drawn (%lld %%), %lld missing or bad\n",
	       json_array_size(json_object_get(answer, "items")) ? "\n" : "",
	       cli_text(answer, "period"), cli_number(answer, "shreds"),
	       cli_number(answer, "drawn"), cli_number(answer, "percent"),
	       cli_number(answer, "missing"));
	if (cli_number(answer, "refused"))
		printf("for somebody else to verify: %lld (not for who asked for the destruction, "
		       "or agreed)\n",
		       cli_number(answer, "refused"));
}

static bool is_all_good(const json_t *answer)
{
	return cli_number(answer, "missing") == 0 && cli_number(answer, "refused") == 0;
}

int cmd_verify_sample(int argc, char **argv)
{
	struct invocation invocation = {.command = "verify-sample",
					.usage = "verify-sample [--percent N] [--period YYYY-MM] "
						 "[--draw-only] [--reason TEXT] "
						 "[--purpose P] [--json]"};
	const char *percent = NULL, *period = NULL, *purpose = NULL, *reason = NULL;
	bool draw_only = false;
	const struct option_row rows[] = {{.name = "percent", .text = &percent},
					  {.name = "period", .text = &period},
					  {.name = "draw-only", .flag = &draw_only},
					  {.name = "reason", .text = &reason},
					  {.name = "purpose", .text = &purpose}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	uint64_t number = 0;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	if (percent && (!cli_parse_number(percent, 100, &number) || !number))
		return cli_usage(&invocation, "--percent is a number from 1 to 100");
	request = json_pack("{s:s,s:s*,s:s*}", "do", "verify-sample", "period", period, "purpose",
			    purpose);
	if (request && number)
		json_object_set_new(request, "percent", json_integer((json_int_t)number));
	if (request && draw_only)
		json_object_set_new(request, "draw_only", json_true());
	if (request)
		cli_add_reason(request, reason);
	code = cli_gather(&invocation, request, &(struct cli_part){"item", "items"}, 1, &answer);
	if (code >= 0)
		return code;
	if (invocation.wants_json) {
		cli_print_json(answer);
	} else {
		print_items(json_object_get(answer, "items"));
		print_summary(answer);
	}
	return is_all_good(answer) ? 0 : bl_status_exit(BL_NOT_VERIFIED);
}
