/* The receipt that a customer and we sign when a device is handed in: one page of paper. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/receipt-page.h"

static int sign(const struct invocation *invocation, const char *scan, const char *purpose)
{
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	char digest[CLI_DIGEST];
	struct bl_error why = {{0}};
	enum bl_status status = cli_digest_file(scan, digest, &why);

	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	request = json_pack("{s:s,s:s,s:s,s:s*}", "do", "device-sign", "device",
			    invocation->arguments[0], "digest", digest, "purpose", purpose);
	int code = cli_ask(invocation, request, &answer);

	if (code < 0)
		printf("%s: the signed receipt is on record by its SHA-256, %s (keep the scan)\n",
		       cli_text(answer, "device"), digest);
	return BL_MAX(code, 0);
}

static int show(const struct invocation *invocation, const char *purpose)
{
	BL_CLEANUP(json_decref)
	json_t *request = json_pack("{s:s,s:s,s:s*}", "do", "receipt", "device",
				    invocation->arguments[0], "purpose", purpose);
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	BL_CLEANUP(bl_free) char *page = NULL;
	struct bl_error why = {{0}};
	int code = cli_gather(invocation, request, &(struct cli_part){"note", "notes"}, 1, &answer);

	if (code >= 0)
		return code;
	if (invocation->wants_json) {
		cli_print_json(answer);
		return 0;
	}
	if (!receipt_page(answer, &page))
		return cli_fail(invocation, BL_NO_MEMORY, &why);
	fputs(page, stdout);
	return 0;
}

int cmd_receipt(int argc, char **argv)
{
	struct invocation invocation = {.command = "receipt",
					.usage = "receipt ID [--signed SCAN] [--purpose P] "
						 "[--json]"};
	const char *scan = NULL, *purpose = NULL;
	const struct option_row rows[] = {{.name = "signed", .text = &scan},
					  {.name = "purpose", .text = &purpose}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	return scan ? sign(&invocation, scan, purpose) : show(&invocation, purpose);
}
