#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/key.h"
#include "fs/device/statement.h"
#include "fs/inspect/inspect.h"
#include "fs/intake/intake.h"
#include "fs/retention/retention.h"
#include "fs/retention/second-look.h"

#define CERTIFICATE_LIMIT STATEMENT_LIMIT

struct certificate_options {
	const char *key, *reason, *part;
	bool is_html, is_intake, is_source, is_inspect, is_verified;
};

/* ---- what the store signs ----------------------------------------------------------------------------- */

/* As verified, with a page for people. */
typedef enum bl_status page_fn(const char *json, size_t length, const uint8_t *key, bool is_html,
			       char **out_page, struct bl_error *why);

static enum bl_status certificate_page(const char *json, size_t length, const uint8_t *key,
				       bool is_html, char **out_page, struct bl_error *why)
{
	return retention_certificate_verify(
		json, length, key, is_html ? RETENTION_HTML : RETENTION_TEXT, out_page, why);
}

static enum bl_status inspection_page(const char *json, size_t length, const uint8_t *key,
				      bool is_html, char **out_page, struct bl_error *why)
{
	return inspect_verify(json, length, key, is_html ? INSPECT_HTML : INSPECT_TEXT, out_page,
			      NULL, why);
}

static enum bl_status receipt_page(const char *json, size_t length, const uint8_t *key,
				   bool is_html, char **out_page, struct bl_error *why)
{
	(void)is_html;
	return intake_receipt_verify(json, length, key, out_page, why);
}

static enum bl_status verification_page(const char *json, size_t length, const uint8_t *key,
					bool is_html, char **out_page, struct bl_error *why)
{
	(void)is_html;
	return second_look_verify(json, length, key, out_page, why);
}

static const struct statement_kind {
	const char *type, *name;
	bool has_html;
	page_fn *page;
} KINDS[] = {
	{"bailee-certificate", "certificate", true, certificate_page},
	{"bailee-intake-receipt", "receipt", false, receipt_page},
	{"bailee-inspection", "inspection", true, inspection_page},
	{"bailee-verification", "verification", false, verification_page},
};

/* By the word it says of itself; whether that is so is for its own check to find out. NULL: none of ours */
static const struct statement_kind *kind_of(const char *json, size_t length)
{
	BL_CLEANUP(json_decref)
	json_t *parsed = json_loadb(json, length, JSON_REJECT_DUPLICATES, NULL);
	const char *type = statement_text(parsed, NULL, "type");

	for (size_t i = 0; i < BL_COUNT(KINDS); i++)
		if (strcmp(KINDS[i].type, type) == 0)
			return &KINDS[i];
	return NULL;
}

static enum bl_status page_of(const char *json, size_t length, const uint8_t *key, bool is_html,
			      char **out_page, struct bl_error *why)
{
	const struct statement_kind *kind = kind_of(json, length);

	if (!kind)
		return bl_fail(why, BL_INVALID,
			       "not a certificate, receipt, inspection or verification of Bailee "
			       "(give a .json of a store's 'certificates')");
	if (is_html && !kind->has_html)
		return bl_fail(why, BL_UNSUPPORTED, "a %s has no HTML page (leave out --html)",
			       kind->name);
	return kind->page(json, length, key, is_html, out_page, why);
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

/* ---- what the daemon has -------------------------------------------------------------------------------- */

static enum bl_status ask_for(const char *id, const struct certificate_options *options,
			      json_t **out_request, struct bl_error *why)
{
	const struct {
		bool is_asked;
		const char *of;
	} OTHERS[] = {{options->is_intake, "intake"},
		      {options->is_source, "source"},
		      {options->is_inspect, "inspect"},
		      {options->is_verified, "verified"}};
	const char *of = NULL;
	size_t asked = options->part != NULL;
	uint64_t part = 0;
	BL_CLEANUP(json_decref)
	json_t *request = json_pack("{s:s,s:s}", "do", "certificate", "device", id);

	if (!request)
		return bl_fail(why, BL_INVALID, "device id is not text");
	for (size_t i = 0; i < BL_COUNT(OTHERS); i++) {
		asked += OTHERS[i].is_asked;
		of = OTHERS[i].is_asked ? OTHERS[i].of : of;
	}
	if (asked > 1)
		return bl_fail(
			why, BL_INVALID,
			"--intake, --source, --inspect, --verified or --part N, one of them");
	if (options->part && (!cli_parse_number(options->part, UINT32_MAX, &part) || !part))
		return bl_fail(why, BL_INVALID, "--part is the number of a part (1, 2, ...)");
	if (part)
		json_object_set_new(request, "part", json_integer((json_int_t)part));
	if (of)
		json_object_set_new(request, "of", json_string(of));
	cli_add_reason(request, options->reason);
	*out_request = BL_TAKE(request);
	return BL_OK;
}

/* One that is longer than an answer comes before it, in pieces. */
struct pieces {
	char *bytes;
	size_t length;
};

static void pieces_done(struct pieces *pieces)
{
	free(pieces->bytes);
}

static bool take_piece(void *context, const json_t *answer)
{
	struct pieces *pieces = context;
	const json_t *piece = json_object_get(answer, "text");
	size_t length = json_string_length(piece);

	if (!piece)
		return true;
	if (length > CERTIFICATE_LIMIT - pieces->length)
		return false;

	char *bytes = realloc(pieces->bytes, pieces->length + length + 1);

	if (!bytes)
		return false;
	memcpy(bytes + pieces->length, json_string_value(piece), length);
	pieces->bytes = bytes;
	pieces->length += length;
	bytes[pieces->length] = '\0';
	return true;
}

static int show(const struct invocation *invocation, const char *id,
		const struct certificate_options *options)
{
	BL_CLEANUP(json_decref) json_t *request = NULL;
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	__attribute__((cleanup(pieces_done))) struct pieces pieces = {.bytes = NULL};
	struct bl_error why = {{0}};
	enum bl_status status = ask_for(id, options, &request, &why);

	if (status == BL_OK)
		status = cli_call(invocation, request, -1, take_piece, &pieces, &answer, &why);
	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	/* Byte for byte as the store has it, so that both files are one and the log's digest fits both. */
	fputs(pieces.bytes ? pieces.bytes : cli_text(answer, "certificate"), stdout);
	return 0;
}

int cmd_certificate(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "certificate",
		.usage = "certificate show ID [--intake | --source | --inspect | --verified | "
			 "--part N] [--reason TEXT] | "
			 "certificate verify FILE --key KEY|FILE [--html]"};
	struct certificate_options options = {.key = NULL};
	const struct option_row rows[] = {{.name = "key", .text = &options.key},
					  {.name = "reason", .text = &options.reason},
					  {.name = "part", .text = &options.part},
					  {.name = "html", .flag = &options.is_html},
					  {.name = "intake", .flag = &options.is_intake},
					  {.name = "source", .flag = &options.is_source},
					  {.name = "inspect", .flag = &options.is_inspect},
					  {.name = "verified", .flag = &options.is_verified}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 2, 2);

	if (code >= 0)
		return code;
	if (strcmp(invocation.arguments[0], "verify") == 0)
		return verify(&invocation, invocation.arguments[1], &options);
	if (strcmp(invocation.arguments[0], "show") == 0)
		return show(&invocation, invocation.arguments[1], &options);
	return cli_usage(&invocation, "a certificate is shown or verified");
}
