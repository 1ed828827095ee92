/* Signatures of policies and the keys they are made with; minisign's files, which minisign reads and writes as well. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/cli/policy.h"
#include "policy/sign/minisign.h"
#include "policy/yaml/yaml.h"

/* The text of a secret key; as long as its string, wiped. */
static void secret_text_free(char *text)
{
	sodium_memzero(text, strlen(text));
	free(text);
}
BL_DEFINE_CLEANUP(char, secret_text_free)

static enum bl_status write_all(int fd, const char *text, const char *path, struct bl_error *why)
{
	for (size_t left = strlen(text); left;) {
		ssize_t put = write(fd, text, left);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return bl_fail_errno(why, BL_IO, "cannot write '%s'", path);
		text += put;
		left -= (size_t)put;
	}
	return fsync(fd) == 0 ? BL_OK : bl_fail_errno(why, BL_IO, "cannot write '%s'", path);
}

/* ---- keygen ----------------------------------------------------------------------------------------- */

static enum bl_status new_password(bool from_stdin, char **out_password, struct bl_error *why)
{
	BL_CLEANUP(policy_password_free) char *password = NULL;
	BL_CLEANUP(policy_password_free) char *again = NULL;
	enum bl_status status = policy_read_password(from_stdin ? NULL : "Password for the new key",
						     &password, why);

	if (status == BL_OK && !from_stdin)
		status = policy_read_password("The same again", &again, why);
	if (status == BL_OK && again && strcmp(password, again) != 0)
		status = bl_fail(why, BL_INVALID, "the two passwords are not the same");
	if (status == BL_OK)
		*out_password = BL_TAKE(password);
	return status;
}

/* Never over a file that is there: it may be the only copy of a key. */
static enum bl_status write_new(const char *path, mode_t mode, const char *text,
				struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return bl_fail_errno(why, errno == EEXIST ? BL_EXISTS : BL_INVALID,
				     "cannot make '%s'", path);

	enum bl_status status = write_all(fd, text, path, why);

	if (status != BL_OK)
		unlink(path);
	return status;
}

static enum bl_status write_pair(const char *base, const char *secret, const char *public,
				 struct bl_error *why)
{
	char key_path[4096], public_path[4096];

	if (snprintf(key_path, sizeof(key_path), "%s.key", base) >= (int)sizeof(key_path) ||
	    snprintf(public_path, sizeof(public_path), "%s.pub", base) >= (int)sizeof(public_path))
		return bl_fail(why, BL_INVALID, "the name is too long");

	enum bl_status status = write_new(key_path, 0600, secret, why);

	if (status != BL_OK)
		return status;
	status = write_new(public_path, 0644, public, why);
	if (status != BL_OK)
		unlink(key_path);
	return status;
}

/* Asked before a password is typed for nothing. */
static enum bl_status check_free(const char *base, struct bl_error *why)
{
	static const char *const ENDS[] = {".key", ".pub"};

	for (size_t i = 0; i < BL_COUNT(ENDS); i++) {
		char path[4096];
		struct stat st;

		snprintf(path, sizeof(path), "%s%s", base, ENDS[i]);
		if (lstat(path, &st) == 0)
			return bl_fail(why, BL_EXISTS,
				       "'%s' is there already: a key is never overwritten", path);
	}
	return BL_OK;
}

static void print_pair(const struct invocation *invocation, const char *base, const char *public)
{
	char line[MINISIGN_KEY_LINE];
	struct minisign_key key;

	if (minisign_key_parse(public, strlen(public), &key, NULL) != BL_OK)
		return;
	minisign_key_print(&key, line);
	if (invocation->wants_json) {
		BL_CLEANUP(json_decref)
		json_t *object =
			json_pack("{s:o,s:o,s:s}", "secret_key", json_sprintf("%s.key", base),
				  "public_key", json_sprintf("%s.pub", base), "key", line);

		cli_print_json(object);
		return;
	}
	printf("secret key: %s.key (keep it off the machines that it decides about)\n"
	       "public key: %s.pub (%s)\n"
	       "Next: bailee policy sign POLICY --key %s.key, then bailee policy trust %s.pub "
	       "--signature POLICY.minisig\n",
	       base, base, line, base, base);
}

int policy_keygen(int argc, char **argv)
{
	struct invocation invocation = {.command = "policy keygen",
					.usage = "policy keygen NAME [--no-password | "
						 "--password-stdin] [--json]"};
	bool has_none = false, from_stdin = false;
	const struct option_row rows[] = {{.name = "no-password", .flag = &has_none},
					  {.name = "password-stdin", .flag = &from_stdin}};
	BL_CLEANUP(policy_password_free) char *password = NULL;
	BL_CLEANUP(secret_text_free) char *secret = NULL;
	BL_CLEANUP(bl_free) char *public = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (has_none && from_stdin)
		return cli_usage(&invocation, "--no-password or --password-stdin, not both");

	const char *base = invocation.arguments[0];
	enum bl_status status = check_free(base, &why);

	if (status == BL_OK && !has_none)
		status = new_password(from_stdin, &password, &why);
	if (status == BL_OK)
		status = minisign_generate(password, &secret, &public, &why);
	if (status == BL_OK)
		status = write_pair(base, secret, public, &why);
	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	print_pair(&invocation, base, public);
	return 0;
}

/* ---- sign ------------------------------------------------------------------------------------------- */

static enum bl_status open_secret(const char *path, bool from_stdin,
				  struct minisign_secret **out_secret, struct bl_error *why)
{
	BL_CLEANUP(policy_password_free) char *password = NULL;
	BL_CLEANUP(secret_text_free) char *text = NULL;
	size_t length;
	enum bl_status status = cli_read_file(path, MINISIGN_TEXT_LIMIT, &text, &length, why);

	if (status != BL_OK)
		return status;
	status = minisign_secret_parse(text, length, NULL, out_secret, why);
	if (status != BL_FORBIDDEN) /* it has no password, or it is no key */
		return status;
	status = policy_read_password(from_stdin ? NULL : "Password of the key", &password, why);
	if (status != BL_OK)
		return status;
	return minisign_secret_parse(text, length, password, out_secret, why);
}

/* A new signature takes the place of the old one in one step. */
static enum bl_status replace(const char *path, const char *text, struct bl_error *why)
{
	char draft[4096];

	if (snprintf(draft, sizeof(draft), "%s.XXXXXX", path) >= (int)sizeof(draft))
		return bl_fail(why, BL_INVALID, "the name is too long");

	BL_CLEANUP(fd_close) int fd = mkostemp(draft, O_CLOEXEC);

	if (fd < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot make '%s'", path);

	enum bl_status status = write_all(fd, text, path, why);

	if (status == BL_OK && (fchmod(fd, 0644) != 0 || rename(draft, path) != 0))
		status = bl_fail_errno(why, BL_IO, "cannot write '%s'", path);
	if (status != BL_OK)
		unlink(draft);
	return status;
}

/* The bytes that are signed are those that were checked. */
static enum bl_status sign_file(const char *path, const char *signature_path,
				const struct policy *policy, const struct minisign_secret *secret,
				struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *bytes = NULL;
	BL_CLEANUP(bl_free) char *signature = NULL;
	uint8_t digest[crypto_generichash_BYTES];
	char comment[MINISIGN_COMMENT];
	size_t length;
	enum bl_status status = cli_read_file(path, YAML_SIZE_LIMIT, &bytes, &length, why);

	if (status != BL_OK)
		return status;
	crypto_generichash(digest, sizeof(digest), (const uint8_t *)bytes, length, NULL, 0);
	if (memcmp(digest, policy_digest(policy), sizeof(digest)) != 0)
		return bl_fail(why, BL_STALE, "'%s' changed while it was signed", path);
	snprintf(comment, sizeof(comment), "timestamp:%lld serial:%llu", (long long)time(NULL),
		 (unsigned long long)policy_serial(policy));
	status = minisign_sign(secret, (const uint8_t *)bytes, length, comment, &signature, why);
	return status == BL_OK ? replace(signature_path, signature, why) : status;
}

int policy_sign(int argc, char **argv)
{
	struct invocation invocation = {.command = "policy sign",
					.usage = "policy sign FILE --key SECRETKEY "
						 "[--password-stdin] [--json]"};
	const char *key = NULL;
	bool from_stdin = false;
	const struct option_row rows[] = {{.name = "key", .text = &key},
					  {.name = "password-stdin", .flag = &from_stdin}};
	BL_CLEANUP(minisign_secret_free) struct minisign_secret *secret = NULL;
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (!key)
		return cli_usage(&invocation, "--key SECRETKEY is needed (bailee policy keygen)");

	const char *path = invocation.arguments[0];
	BL_CLEANUP(bl_free) char *signature_path = policy_signature_path(path);

	code = policy_open(&invocation, path, &policy); /* nobody wants a broken one signed */
	if (code >= 0)
		return code;

	enum bl_status status =
		signature_path ? open_secret(key, from_stdin, &secret, &why) : BL_NO_MEMORY;

	if (status == BL_OK)
		status = sign_file(path, signature_path, policy, secret, &why);
	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json) {
		BL_CLEANUP(json_decref)
		json_t *object = json_pack("{s:s,s:I}", "signature", signature_path, "serial",
					   (json_int_t)policy_serial(policy));

		cli_print_json(object);
	} else {
		printf("signed: %s, serial %llu, in %s\n", policy_name(policy),
		       (unsigned long long)policy_serial(policy), signature_path);
	}
	return 0;
}

/* ---- verify ----------------------------------------------------------------------------------------- */

enum bl_status policy_read_public(const char *text, struct minisign_key *out_key,
				  struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *file = NULL;
	size_t length;

	if (minisign_key_parse(text, strlen(text), out_key, NULL) == BL_OK)
		return BL_OK;

	enum bl_status status = cli_read_file(text, MINISIGN_TEXT_LIMIT, &file, &length, why);

	return status == BL_OK ? minisign_key_parse(file, length, out_key, why) : status;
}

static enum bl_status verify_file(const char *path, const char *key_text,
				  char comment[MINISIGN_COMMENT], struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *signature_path = policy_signature_path(path);
	BL_CLEANUP(bl_free) char *signature = NULL;
	BL_CLEANUP(bl_free) char *bytes = NULL;
	size_t length, signature_length;
	struct minisign_key key;
	enum bl_status status =
		signature_path ? policy_read_public(key_text, &key, why) : BL_NO_MEMORY;

	if (status == BL_OK)
		status = cli_read_file(path, YAML_SIZE_LIMIT, &bytes, &length, why);
	if (status != BL_OK)
		return status;
	if (access(signature_path, F_OK) != 0)
		return bl_fail(why, BL_NOT_VERIFIED, "'%s' is not signed: there is no '%s'", path,
			       signature_path);
	status = cli_read_file(signature_path, MINISIGN_TEXT_LIMIT, &signature, &signature_length,
			       why);
	if (status != BL_OK)
		return status;
	return minisign_verify((const uint8_t *)bytes, length, signature, signature_length, &key, 1,
			       comment, why);
}

int policy_verify(int argc, char **argv)
{
	struct invocation invocation = {.command = "policy verify",
					.usage = "policy verify FILE --key PUBLICKEY|FILE "
						 "[--json]"};
	const char *key = NULL;
	const struct option_row rows[] = {{.name = "key", .text = &key}};
	char comment[MINISIGN_COMMENT];
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (!key)
		return cli_usage(&invocation, "--key is needed: the public key, or its file");

	enum bl_status status = verify_file(invocation.arguments[0], key, comment, &why);

	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json) {
		BL_CLEANUP(json_decref)
		json_t *object = json_pack("{s:b,s:s}", "verified", true, "comment", comment);

		cli_print_json(object);
	} else {
		printf("verified; trusted comment: ");
		cli_print_safe(comment);
		putchar('\n');
	}
	return 0;
}
