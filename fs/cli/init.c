/* A store made on purpose: with auditors, and its kit in the auditor's hands from the first moment. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "fs/cli/auditor.h"
#include "fs/cli/secret.h"

static enum bl_status read_auditors(const struct text_list *texts, uint8_t (*keys)[AUDIT_KEY],
				    struct bl_error *why)
{
	for (size_t i = 0; i < texts->count; i++) {
		enum bl_status status = cli_read_auditor(false, texts->items[i], keys[i], why);

		if (status != BL_OK)
			return status;
	}
	return BL_OK;
}

static void print_made(const struct invocation *invocation, const char *log_id, const char *kit,
		       size_t auditors, const struct secrets *secrets)
{
	if (invocation->wants_json) {
		BL_CLEANUP(json_decref)
		json_t *object = json_pack("{s:s,s:s,s:s,s:I}", "store", invocation->store, "log",
					   log_id, "kit", kit, "auditors", (json_int_t)auditors);

		cli_print_json(object);
		return;
	}
	printf("store  %s\n"
	       "log    %s\n"
	       "kit    %s: give it to the auditor and keep no copy here\n"
	       "       (who has it can forge the log, and only with it is everything proved:\n"
	       "       bailee log verify --kit FILE)\n",
	       invocation->store, log_id, kit);
	if (auditors)
		printf("names  for %zu auditor%s (bailee log query --names SECRET-KEY)\n", auditors,
		       auditors == 1 ? "" : "s");
	else
		printf("names  for nobody: no auditor was given, and none can be added later\n");
	for (size_t i = 0; i < secrets->count; i++)
		printf("lock   %s: without it, and without another lock, nothing in the store can "
		       "be read again\n",
		       vault_lock_name(secrets->items[i].kind));
	if (!secrets->count)
		printf("lock   none: who has the disk has the keys (init --passphrase, --key-file "
		       "or "
		       "--credential)\n");
	printf("next   bailee serve --store %s --policy FILE --anchor DIR\n", invocation->store);
}

int cmd_init(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "init",
		.usage = "init [--store DIR] [--auditor PUBLIC-KEY|FILE]... [--kit FILE] "
			 "[--passphrase | --passphrase-file FILE|-] [--key-file FILE] "
			 "[--credential NAME] [--keys DIR] [--json]"};
	struct secret_options given = {.passphrase_file = NULL};
	SECRETS_CLEANUP struct secrets secrets = {.count = 0};
	const char *folder = NULL;
	struct text_list texts = {.count = 0};
	const char *kit = "bailee-auditor.kit";
	const struct option_row rows[] = {{.name = "auditor", .list = &texts},
					  {.name = "kit", .text = &kit},
					  {.name = "passphrase", .flag = &given.asks},
					  {.name = "keys", .text = &folder},
					  SECRET_ROWS(&given)};
	uint8_t keys[CLI_LIST_LIMIT][AUDIT_KEY], log_id[AUDIT_LOG_ID];
	char text[2 * AUDIT_LOG_ID + 1];
	struct bl_error why = {{0}};
	/* --auditor A.pub B.pub: what follows belongs to it too. */
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, CLI_LIST_LIMIT);

	if (code >= 0)
		return code;
	if (invocation.argument_count && !texts.count)
		return cli_usage(&invocation, "too many arguments");
	if (texts.count + (size_t)invocation.argument_count > AUDIT_AUDITORS)
		return cli_usage(&invocation, "at most 32 auditors");
	for (int i = 0; i < invocation.argument_count; i++)
		texts.items[texts.count++] = invocation.arguments[i];
	enum bl_status status = read_auditors(&texts, keys, &why);

	if (status == BL_OK)
		status = secrets_new(&given, &secrets, &why);

	const struct daemon_init init = {.store_path = invocation.store,
					 .kit_path = kit,
					 .auditors = (const uint8_t(*)[AUDIT_KEY])keys,
					 .auditor_count = texts.count,
					 .keys = {.secrets = secrets.items,
						  .secret_count = secrets.count,
						  .folder = folder}};

	if (status == BL_OK)
		status = daemon_init(&init, log_id, &why);
	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	sodium_bin2hex(text, sizeof(text), log_id, sizeof(log_id));
	print_made(&invocation, text, kit, texts.count, &secrets);
	return 0;
}
