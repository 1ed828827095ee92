/* What asks the daemon: another policy, another key. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs/cli/policy.h"
#include "policy/sign/minisign.h"

#define POLICY_TEXT_LIMIT 120000 /* fits one request */

static enum bl_status ask(const struct invocation *invocation, json_t *request, json_t **out_answer,
			  struct bl_error *why)
{
	if (!request)
		return bl_fail(why, BL_INVALID, "what was given is not UTF-8 text");
	return cli_call(invocation, request, -1, NULL, NULL, out_answer, why);
}

/* FILE.minisig goes along when it lies there; whether one is needed is the store's to say. */
static enum bl_status read_signature(const char *path, char **out_text, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *signature_path = policy_signature_path(path);
	size_t length;

	if (!signature_path)
		return BL_NO_MEMORY;
	if (access(signature_path, F_OK) != 0)
		return BL_OK;
	return cli_read_file(signature_path, MINISIGN_TEXT_LIMIT, out_text, &length, why);
}

int policy_load(int argc, char **argv)
{
	struct invocation invocation = {.command = "policy load",
					.usage = "policy load FILE [--reason TEXT] [--json]"};
	const char *reason = NULL;
	const struct option_row rows[] = {{.name = "reason", .text = &reason}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	BL_CLEANUP(bl_free) char *text = NULL;
	BL_CLEANUP(bl_free) char *signature = NULL;
	struct bl_error why = {{0}};
	size_t length;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code < 0) /* all findings here, with their lines */
		code = policy_open(&invocation, invocation.arguments[0], &policy);
	if (code >= 0)
		return code;

	enum bl_status status =
		cli_read_file(invocation.arguments[0], POLICY_TEXT_LIMIT, &text, &length, &why);

	if (status == BL_OK)
		status = read_signature(invocation.arguments[0], &signature, &why);
	if (status == BL_OK) {
		request = json_pack("{s:s,s:s,s:s*}", "do", "policy-load", "text", text,
				    "signature", signature);
		if (request)
			cli_add_reason(request, reason);
		status = ask(&invocation, request, &answer, &why);
	}
	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json)
		cli_print_json(answer);
	else
		cli_print_in_force(answer);
	return 0;
}

int policy_trust(int argc, char **argv)
{
	struct invocation invocation = {.command = "policy trust",
					.usage = "policy trust PUBLICKEY --signature FILE.minisig "
						 "[--json]"};
	const char *signature_path = NULL;
	const struct option_row rows[] = {{.name = "signature", .text = &signature_path}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	BL_CLEANUP(bl_free) char *signature = NULL;
	struct minisign_key key;
	char line[MINISIGN_KEY_LINE];
	struct bl_error why = {{0}};
	size_t length;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (!signature_path)
		return cli_usage(&invocation, "--signature is needed: the policy in force, signed "
					      "by this key");

	enum bl_status status = policy_read_public(invocation.arguments[0], &key, &why);

	if (status == BL_OK)
		status = cli_read_file(signature_path, MINISIGN_TEXT_LIMIT, &signature, &length,
				       &why);
	if (status == BL_OK) {
		minisign_key_print(&key, line);
		request = json_pack("{s:s,s:s,s:s}", "do", "policy-trust", "key", line, "signature",
				    signature);
		status = ask(&invocation, request, &answer, &why);
	}
	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json)
		cli_print_json(answer);
	else
		printf("trusted: %s; from now on this store takes signed policies only\n", line);
	return 0;
}
