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

char *policy_signature_path(const char *path)
{
	char *joined = NULL;

	return asprintf(&joined, "%s.minisig", path) < 0 ? NULL : joined;
}

int cmd_policy(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} VERBS[] = {{"check", policy_check},	  {"test", policy_test},
		     {"explain", policy_explain}, {"diff", policy_diff},
		     {"publish", policy_publish}, {"schema", policy_print_schema},
		     {"load", policy_load},	  {"keygen", policy_keygen},
		     {"sign", policy_sign},	  {"verify", policy_verify},
		     {"trust", policy_trust}};
	struct invocation invocation = {
		.command = "policy",
		.usage = "policy "
			 "check|test|explain|diff|publish|schema|load|keygen|sign|verify|trust "
			 "... (--help after any)"};

	for (size_t i = 0; argc > 1 && i < BL_COUNT(VERBS); i++)
		if (strcmp(argv[1], VERBS[i].name) == 0)
			return VERBS[i].run(argc - 1, argv + 1);
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		printf("use: bailee %s\n", invocation.usage);
		return 0;
	}
	return cli_usage(&invocation, "what about the policy?");
}
