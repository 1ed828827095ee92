#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/key.h"
#include "fs/retention/retention.h"

#define CERTIFICATE_LIMIT 65536

static int verify(const struct invocation *invocation, const char *path, const char *key_text)
{
	BL_CLEANUP(bl_free) char *json = NULL;
	BL_CLEANUP(bl_free) char *page = NULL;
	uint8_t key[VAULT_PUBLIC_KEY];
	struct bl_error why = {{0}};
	size_t length;

	if (!key_text)
		return cli_usage(
			invocation,
			"--key is needed: the store's public key, from whoever vouches for it");

	enum bl_status status = cli_read_key(key_text, key, &why);

	if (status == BL_OK)
		status = cli_read_file(path, CERTIFICATE_LIMIT, &json, &length, &why);
	if (status == BL_OK)
		status = retention_certificate_verify(json, length, key, &page, &why);
	if (status == BL_TAMPERED)
		status = BL_NOT_VERIFIED; /* 12 is the log's */
	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	if (invocation->wants_json) {
		fwrite(json, 1, length, stdout);
	} else {
		fputs(page, stdout);
		printf("\ngenuine: signed by this key, nothing changed since\n");
	}
	return 0;
}

static int show(const struct invocation *invocation, const char *id, const char *reason)
{
	BL_CLEANUP(json_decref)
	json_t *request = json_pack("{s:s,s:s}", "do", "certificate", "device", id);
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	struct bl_error why = {{0}};

	if (!request)
		return cli_usage(invocation, "device id is not text");
	cli_add_reason(request, reason);

	enum bl_status status = cli_call(invocation, request, -1, NULL, NULL, &answer, &why);

	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	/* Byte for byte as the store has it, so that both files are one and the log's digest fits both. */
	fputs(cli_text(answer, "certificate"), stdout);
	return 0;
}

int cmd_certificate(int argc, char **argv)
{
	struct invocation invocation = {.command = "certificate",
					.usage = "certificate show ID [--reason TEXT] | "
						 "certificate verify FILE --key KEY|FILE"};
	const char *key = NULL, *reason = NULL;
	const struct option_row rows[] = {{.name = "key", .text = &key},
					  {.name = "reason", .text = &reason}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 2, 2);

	if (code >= 0)
		return code;
	if (strcmp(invocation.arguments[0], "verify") == 0)
		return verify(&invocation, invocation.arguments[1], key);
	if (strcmp(invocation.arguments[0], "show") == 0)
		return show(&invocation, invocation.arguments[1], reason);
	return cli_usage(&invocation, "a certificate is shown or verified");
}
