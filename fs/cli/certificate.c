#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/key.h"
#include "fs/device/statement.h"
#include "fs/intake/intake.h"
#include "fs/retention/retention.h"

#define CERTIFICATE_LIMIT STATEMENT_LIMIT

struct certificate_options {
	const char *key, *reason, *part;
	bool is_html, is_intake, is_source;
};

/* A receipt is proved the same way: by its first key the two are told apart. */
static enum bl_status page_of(const char *json, size_t length, const uint8_t *key, bool is_html,
			      char **out_page, struct bl_error *why)
{
	enum bl_status status = retention_certificate_verify(
		json, length, key, is_html ? RETENTION_HTML : RETENTION_TEXT, out_page, why);

	if (status != BL_INVALID)
		return status;
	if (intake_receipt_verify(json, length, key, NULL, NULL) == BL_INVALID)
		return status;
	return is_html ? bl_fail(why, BL_UNSUPPORTED, "a receipt has no HTML page")
		       : intake_receipt_verify(json, length, key, out_page, why);
}

static int verify(const struct invocation *invocation, const char *path,
		  const struct certificate_options *options)
{
	BL_CLEANUP(bl_free) char *json = NULL;
	BL_CLEANUP(bl_free) char *page = NULL;
	uint8_t key[VAULT_PUBLIC_KEY];
	struct bl_error why = {{0}};
	size_t length;

	if (!options->key)
		return cli_usage(
			invocation,
			"--key is needed: the store's public key, from whoever vouches for it");

	enum bl_status status = cli_read_key(options->key, key, &why);

	if (status == BL_OK)
		status = cli_read_file(path, CERTIFICATE_LIMIT, &json, &length, &why);
	if (status == BL_OK)
		status = page_of(json, length, key, options->is_html, &page, &why);
	if (status == BL_TAMPERED)
		status = BL_NOT_VERIFIED; /* 12 is the log's */
	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	if (invocation->wants_json) {
		fwrite(json, 1, length, stdout);
	} else {
		fputs(page, stdout);
		if (!options->is_html)
			printf("\ngenuine: signed by this key, nothing changed since\n");
	}
	return 0;
}

static enum bl_status ask_for(const char *id, const struct certificate_options *options,
			      json_t **out_request, struct bl_error *why)
{
	uint64_t part = 0;
	BL_CLEANUP(json_decref)
	json_t *request = json_pack("{s:s,s:s}", "do", "certificate", "device", id);

	if (!request)
		return bl_fail(why, BL_INVALID, "device id is not text");
	if (options->is_intake + options->is_source + (options->part != NULL) > 1)
		return bl_fail(why, BL_INVALID, "--intake, --source or --part N, one of them");
	if (options->part && (!cli_parse_number(options->part, UINT32_MAX, &part) || !part))
		return bl_fail(why, BL_INVALID, "--part is the number of a part (1, 2, ...)");
	if (part)
		json_object_set_new(request, "part", json_integer((json_int_t)part));
	if (options->is_intake || options->is_source)
		json_object_set_new(request, "of",
				    json_string(options->is_intake ? "intake" : "source"));
	cli_add_reason(request, options->reason);
	*out_request = BL_TAKE(request);
	return BL_OK;
}

static int show(const struct invocation *invocation, const char *id,
		const struct certificate_options *options)
{
	BL_CLEANUP(json_decref) json_t *request = NULL;
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	struct bl_error why = {{0}};
	enum bl_status status = ask_for(id, options, &request, &why);

	if (status == BL_OK)
		status = cli_call(invocation, request, -1, NULL, NULL, &answer, &why);
	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	/* Byte for byte as the store has it, so that both files are one and the log's digest fits both. */
	fputs(cli_text(answer, "certificate"), stdout);
	return 0;
}

int cmd_certificate(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "certificate",
		.usage = "certificate show ID [--intake | --source | --part N] [--reason TEXT] | "
			 "certificate verify FILE --key KEY|FILE [--html]"};
	struct certificate_options options = {.key = NULL};
	const struct option_row rows[] = {{.name = "key", .text = &options.key},
					  {.name = "reason", .text = &options.reason},
					  {.name = "part", .text = &options.part},
					  {.name = "html", .flag = &options.is_html},
					  {.name = "intake", .flag = &options.is_intake},
					  {.name = "source", .flag = &options.is_source}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 2, 2);

	if (code >= 0)
		return code;
	if (strcmp(invocation.arguments[0], "verify") == 0)
		return verify(&invocation, invocation.arguments[1], &options);
	if (strcmp(invocation.arguments[0], "show") == 0)
		return show(&invocation, invocation.arguments[1], &options);
	return cli_usage(&invocation, "a certificate is shown or verified");
}
