/* Key pairs of auditors: whoever holds the secret half may read the names in the log. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/audit/audit.h"
#include "fs/cli/auditor.h"
#include "fs/cli/cli.h"

static enum bl_status write_new(const char *path, unsigned mode, const char *text, size_t length,
				struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0 && errno == EEXIST)
		return bl_fail(why, BL_EXISTS, "there is a file '%s' already (give another name)",
			       path);
	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot make '%s'", path);
	if (write(fd, text, length) != (ssize_t)length || fsync(fd) != 0) {
		bl_fail_errno(why, BL_IO, "cannot write '%s'", path);
		unlink(path);
		return BL_IO;
	}
	return BL_OK;
}

static enum bl_status write_pair(const char *path, const char *public_path, struct bl_error *why)
{
	uint8_t secret[AUDIT_KEY], public[AUDIT_KEY];
	char text[AUDIT_AUDITOR_TEXT];

	auditor_new(secret, public);
	size_t length = auditor_format(true, secret, text);
	enum bl_status status = write_new(path, 0600, text, length, why);

	sodium_memzero(secret, sizeof(secret));
	length = auditor_format(false, public, text);
	if (status != BL_OK)
		return status;
	status = write_new(public_path, 0644, text, length, why);
	if (status != BL_OK)
		unlink(path);
	return status;
}

#define KEY_FILE_LIMIT 1024

enum bl_status cli_read_auditor(bool is_secret, const char *text, uint8_t out_key[AUDIT_KEY],
				struct bl_error *why)
{
	char *file = NULL;
	size_t length;

	if (!is_secret && strlen(text) == 2 * AUDIT_KEY &&
	    strspn(text, "0123456789abcdefABCDEF") == 2 * AUDIT_KEY)
		return auditor_parse(false, text, strlen(text), out_key, why);
	enum bl_status status = cli_read_file(text, KEY_FILE_LIMIT, &file, &length, why);

	if (status != BL_OK)
		return status;
	status = auditor_parse(is_secret, file, length, out_key, why);
	sodium_memzero(file, length);
	free(file);
	if (status != BL_OK)
		bl_explain(why, "'%s'", text);
	return status;
}

static int keygen(int argc, char **argv)
{
	struct invocation invocation = {.command = "auditor keygen",
					.usage = "auditor keygen FILE"};
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, NULL, 0, 1, 1);
	char public_path[4096];

	if (code >= 0)
		return code;
	const char *path = invocation.arguments[0];

	if ((size_t)snprintf(public_path, sizeof(public_path), "%s.pub", path) >=
	    sizeof(public_path))
		return cli_usage(&invocation, "that name is too long");
	enum bl_status status = write_pair(path, public_path, &why);

	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json) {
		BL_CLEANUP(json_decref)
		json_t *object = json_pack("{s:s,s:s}", "secret", path, "public", public_path);

		cli_print_json(object);
		return 0;
	}
	printf("secret key  %s (mode 0600: keep it where the store is not;\n"
	       "            who has it may read the names in the log)\n"
	       "public key  %s (bailee init --auditor %s)\n",
	       path, public_path, public_path);
	return 0;
}

int cmd_auditor(int argc, char **argv)
{
	struct invocation invocation = {.command = "auditor", .usage = "auditor keygen FILE"};

	if (argc > 1 && strcmp(argv[1], "keygen") == 0)
		return keygen(argc - 1, argv + 1);
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		printf("use: bailee %s\n", invocation.usage);
		return 0;
	}
	return cli_usage(&invocation, "what about auditors?");
}
