#include "fs/cli/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cli/terminal.h"
#include "fs/device/device.h"

#define NEW_KEY_BYTES 32

void secrets_done(struct secrets *secrets)
{
	for (size_t i = 0; i < secrets->count; i++)
		sodium_free((void *)(uintptr_t)secrets->items[i].secret);
	secrets->count = 0;
}

static enum bl_status add(struct secrets *secrets, enum vault_lock_kind kind, uint8_t **bytes,
			  size_t length, struct bl_error *why)
{
	if (secrets->count == VAULT_LOCKS)
		return bl_fail(why, BL_INVALID, "at most %d passphrases, key files and credentials",
			       VAULT_LOCKS);
	secrets->items[secrets->count++] =
		(struct vault_secret){.kind = kind, .secret = *bytes, .length = length};
	*bytes = NULL;
	return BL_OK;
}

/* ---- files ----------------------------------------------------------------------------------- */

static void secret_free(uint8_t **bytes)
{
	sodium_free(*bytes);
}
#define SECRET_CLEANUP __attribute__((cleanup(secret_free)))

static enum bl_status read_all(int fd, const char *what, uint8_t **out_bytes, size_t *out_length,
			       struct bl_error *why)
{
	SECRET_CLEANUP uint8_t *bytes = vault_guarded(1, VAULT_SECRET_MOST + 1);
	size_t length = 0;

	if (!bytes)
		return bl_fail(why, BL_NO_MEMORY,
			       "no locked memory for a secret (raise "
			       "LimitMEMLOCK, or ulimit -l)");
	while (length <= VAULT_SECRET_MOST) {
		ssize_t got = read(fd, bytes + length, VAULT_SECRET_MOST + 1 - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bl_fail_errno(why, BL_IO, "cannot read %s", what);
		if (got == 0)
			break;
		length += (size_t)got;
	}
	if (length > VAULT_SECRET_MOST)
		return bl_fail(why, BL_INVALID, "%s has over %d bytes", what, VAULT_SECRET_MOST);
	*out_bytes = BL_TAKE(bytes);
	*out_length = length;
	return BL_OK;
}

/* A secret that others may read is none. */
static enum bl_status check_private(int fd, const char *what, struct bl_error *why)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at %s", what);
	if (S_ISREG(st.st_mode) && st.st_mode & 077)
		return bl_fail(why, BL_INVALID, "%s is open to others (chmod 600)", what);
	return BL_OK;
}

static enum bl_status read_file(const char *path, uint8_t **out_bytes, size_t *out_length,
				struct bl_error *why)
{
	char what[300];
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	snprintf(what, sizeof(what), "'%.250s'", path);
	if (fd < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open %s", what);
	enum bl_status status = check_private(fd, what, why);

	return status == BL_OK ? read_all(fd, what, out_bytes, out_length, why) : status;
}

/* A lock whose only key went with a crash opens never again. */
static bool sync_folder(const char *path)
{
	BL_CLEANUP(bl_free) char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (slash)
		slash[slash == folder] = '\0';
	BL_CLEANUP(fd_close)
	int fd = folder ? open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	return fd >= 0 && fsync(fd) == 0;
}

static enum bl_status make_key_file(const char *path, struct bl_error *why)
{
	uint8_t key[NEW_KEY_BYTES];
	BL_CLEANUP(fd_close)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return BL_OK;
	if (fd < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot make key file '%.250s'", path);
	randombytes_buf(key, sizeof(key));

	bool is_written = write(fd, key, sizeof(key)) == (ssize_t)sizeof(key) && fsync(fd) == 0 &&
			  sync_folder(path);

	sodium_memzero(key, sizeof(key));
	if (is_written)
		return BL_OK;
	bl_fail_errno(why, BL_IO, "cannot write key file '%.250s'", path);
	/* Half a key is none, and would be taken for one the next time. */
	(void)unlink(path);
	return BL_IO;
}

static enum bl_status add_file(struct secrets *secrets, enum vault_lock_kind kind, const char *path,
			       struct bl_error *why)
{
	SECRET_CLEANUP uint8_t *bytes = NULL;
	size_t length;
	enum bl_status status = read_file(path, &bytes, &length, why);

	/* An editor's newline is no part of a passphrase. */
	while (status == BL_OK && kind == VAULT_LOCK_PASSPHRASE && length &&
	       (bytes[length - 1] == '\n' || bytes[length - 1] == '\r'))
		length--;
	return status == BL_OK ? add(secrets, kind, &bytes, length, why) : status;
}

static enum bl_status add_credential(struct secrets *secrets, const char *name,
				     struct bl_error *why)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char path[4096];

	if (!folder || !*folder)
		return bl_fail(why, BL_INVALID,
			       "systemd handed over no credentials (LoadCredential=%.60s:FILE in "
			       "the unit)",
			       name);
	if (!*name || strlen(name) >= VAULT_CREDENTIAL || strchr(name, '/') ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
		return bl_fail(why, BL_INVALID, "not the name of a credential");

	enum bl_status status = add_file(secrets, VAULT_LOCK_CREDENTIAL, path, why);

	if (status == BL_OK)
		snprintf(secrets->items[secrets->count - 1].credential, VAULT_CREDENTIAL, "%s",
			 name);
	return status;
}

/* ---- the terminal ---------------------------------------------------------------------------- */

static enum bl_status ask(const char *prompt, uint8_t **out_bytes, size_t *out_length,
			  struct bl_error *why)
{
	SECRET_CLEANUP uint8_t *bytes = vault_guarded(1, TERMINAL_LINE);

	_Static_assert(TERMINAL_LINE == VAULT_PASSPHRASE_MOST + 1, "a passphrase is one line");
	if (!bytes)
		return bl_fail(why, BL_NO_MEMORY, "no locked memory for a secret");
	enum bl_status status = terminal_ask(prompt, (char *)bytes, why);

	if (status == BL_NOT_FOUND)
		return bl_fail(why, BL_INVALID,
			       "no terminal to ask for the passphrase (--passphrase-file FILE)");
	if (status != BL_OK)
		return status;
	*out_length = strlen((char *)bytes);
	*out_bytes = BL_TAKE(bytes);
	return BL_OK;
}

static enum bl_status ask_new(struct secrets *secrets, struct bl_error *why)
{
	SECRET_CLEANUP uint8_t *bytes = NULL;
	SECRET_CLEANUP uint8_t *again = NULL;
	size_t length, again_length;
	enum bl_status status = ask("New passphrase of the store", &bytes, &length, why);

	if (status == BL_OK)
		status = ask("Once more", &again, &again_length, why);
	if (status != BL_OK)
		return status;
	if (length != again_length || sodium_memcmp(bytes, again, length) != 0)
		return bl_fail(why, BL_INVALID, "the two passphrases differ");
	return add(secrets, VAULT_LOCK_PASSPHRASE, &bytes, length, why);
}

/* ---- together -------------------------------------------------------------------------------- */

static enum bl_status take_passphrase_file(struct secrets *secrets, const char *path,
					   struct bl_error *why)
{
	return add_file(secrets, VAULT_LOCK_PASSPHRASE,
			strcmp(path, "-") == 0 ? "/dev/stdin" : path, why);
}

static enum bl_status take_given(const struct secret_options *options, bool is_new,
				 struct secrets *secrets, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	/* Before the first guarded memory. */
	if (sodium_init() < 0)
		return bl_fail(why, BL_NO_MEMORY, "cannot hold secrets: out of memory");
	if (options->passphrase_file)
		status = take_passphrase_file(secrets, options->passphrase_file, why);
	for (size_t i = 0; i < options->key_files.count && status == BL_OK; i++) {
		if (is_new)
			status = make_key_file(options->key_files.items[i], why);
		if (status == BL_OK)
			status = add_file(secrets, VAULT_LOCK_KEY_FILE, options->key_files.items[i],
					  why);
	}
	for (size_t i = 0; i < options->credentials.count && status == BL_OK; i++)
		status = add_credential(secrets, options->credentials.items[i], why);
	return status;
}

enum bl_status secrets_new(const struct secret_options *options, struct secrets *out_secrets,
			   struct bl_error *why)
{
	SECRETS_CLEANUP struct secrets secrets = {.count = 0};
	enum bl_status status = take_given(options, true, &secrets, why);

	if (status == BL_OK && options->asks)
		status = ask_new(&secrets, why);
	if (status != BL_OK)
		return status;
	*out_secrets = secrets;
	secrets.count = 0;
	return BL_OK;
}

static bool find_locks(const char *store, struct vault_locks *out_locks)
{
	BL_CLEANUP(fd_close) int fd = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	BL_CLEANUP(fd_close) int keys = -1;

	return fd >= 0 && device_store_keys_at(fd, &keys, NULL) == BL_OK &&
	       vault_locks(keys, out_locks, NULL) == BL_OK;
}

static bool has_lock(const struct vault_locks *locks, enum vault_lock_kind kind)
{
	for (size_t i = 0; i < locks->count; i++)
		if (locks->kinds[i] == kind)
			return true;
	return false;
}

enum bl_status secrets_for(const char *store, const struct secret_options *options,
			   struct secrets *out_secrets, struct bl_error *why)
{
	SECRETS_CLEANUP struct secrets secrets = {.count = 0};
	SECRET_CLEANUP uint8_t *bytes = NULL;
	struct vault_locks locks = {.count = 0};
	size_t length;
	enum bl_status status = take_given(options, false, &secrets, why);
	bool is_locked = find_locks(store, &locks) && !has_lock(&locks, VAULT_LOCK_NONE);

	/* One that systemd did not hand over may be made up for by another lock. */
	for (size_t i = 0; i < locks.count && status == BL_OK && is_locked && !secrets.count; i++)
		if (locks.kinds[i] == VAULT_LOCK_CREDENTIAL)
			(void)!add_credential(&secrets, locks.credentials[i], NULL);
	if (status == BL_OK && is_locked && !secrets.count && isatty(STDIN_FILENO) &&
	    has_lock(&locks, VAULT_LOCK_PASSPHRASE)) {
		status = ask("Passphrase of the store", &bytes, &length, why);
		if (status == BL_OK)
			status = add(&secrets, VAULT_LOCK_PASSPHRASE, &bytes, length, why);
	}
	if (status != BL_OK)
		return status;
	*out_secrets = secrets;
	secrets.count = 0;
	return BL_OK;
}
