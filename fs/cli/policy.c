#include "fs/cli/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int policy_open(const struct invocation *invocation, const char *path, struct policy **out_policy)
{
	BL_CLEANUP(bl_free) struct rules_findings *findings = calloc(1, sizeof(*findings));
	struct bl_error why = {{0}};

	if (!findings)
		return cli_fail(invocation, BL_NO_MEMORY, &why);

	enum bl_status status = rules_load(path, out_policy, findings, &why);

	if (status == BL_OK)
		return -1; /* warnings are policy check's to tell */
	if (findings->count)
		rules_print_findings(stderr, path, findings);
	if (status == BL_INVALID && findings->count)
		return bl_status_exit(status);
	return cli_fail(invocation, status == BL_NOT_FOUND ? BL_INVALID : status, &why);
}

struct text {
	FILE *out;
	char *bytes;
	size_t length;
};

static bool take_piece(void *context, const json_t *answer)
{
	struct text *text = context;
	const json_t *piece = json_object_get(answer, "text");

	return !piece || fwrite(json_string_value(piece), 1, json_string_length(piece),
				text->out) == json_string_length(piece);
}

int policy_in_force(const struct invocation *invocation, struct policy **out_policy)
{
	BL_CLEANUP(bl_free) struct rules_findings *findings = calloc(1, sizeof(*findings));
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "policy-text");
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	struct text text = {0};
	struct bl_error why = {{0}};

	text.out = open_memstream(&text.bytes, &text.length);
	if (!findings || !request || !text.out)
		return cli_fail(invocation, BL_NO_MEMORY, &why);
	enum bl_status status = cli_call(invocation, request, -1, take_piece, &text, &answer, &why);

	if (fclose(text.out) != 0 && status == BL_OK)
		status = BL_NO_MEMORY;
	if (status == BL_OK)
		status = rules_parse(text.bytes, text.length, out_policy, findings, &why);
	free(text.bytes);
	return status == BL_OK ? -1 : cli_fail(invocation, status, &why);
}

char *policy_signature_path(const char *path)
{
	char *joined = NULL;

	return asprintf(&joined, "%s.minisig", path) < 0 ? NULL : joined;
}

int cmd_policy(int argc, char **argv)
{
	static const struct verb VERBS[] = {
		{"check", policy_check},     {"test", policy_test},
		{"explain", policy_explain}, {"diff", policy_diff},
		{"publish", policy_publish}, {"schema", policy_print_schema},
		{"load", policy_load},	     {"keygen", policy_keygen},
		{"sign", policy_sign},	     {"verify", policy_verify},
		{"trust", policy_trust}};
	const struct invocation invocation = {
		.command = "policy",
		.usage = "policy "
			 "check|test|explain|diff|publish|schema|load|keygen|sign|verify|trust "
			 "... (--help after any)"};

	return cli_verb(&invocation, VERBS, BL_COUNT(VERBS), argc, argv, "what about the policy?");
}
