/* Small files that hold what is of a person: sealed, in forms that are read and wiped without an allocating parser. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/device/private.h"

#define LABEL_SIZE (BL_DEVICE_ID_SIZE + 16)

static const struct {
	const char *file, *label, *what;
	size_t limit; /* bytes of the plain form */
} KINDS[] = {
	[SECRET_CUSTOMER] = {"customer.sealed", "customer", "the customer's part",
			     SECRET_CUSTOMER_LIMIT},
	[SECRET_FACTS] = {"facts.sealed", "facts", "the facts", FACTS_LIMIT},
};

void plain_done(struct plain *plain)
{
	if (plain->bytes)
		sodium_memzero(plain->bytes, plain->length);
	free(plain->bytes);
	*plain = (struct plain){0};
}

static void key_done(uint8_t (*key)[VAULT_KEY])
{
	sodium_memzero(*key, sizeof(*key));
}
#define KEY_CLEANUP __attribute__((cleanup(key_done)))

static void label_of(enum secret_kind kind, const char *id, char out[LABEL_SIZE])
{
	snprintf(out, LABEL_SIZE, "%s:%s", KINDS[kind].label, id);
}

enum bl_status secret_put(struct vault *vault, const char *id, int folder_fd, enum secret_kind kind,
			  const struct plain *plain, struct bl_error *why)
{
	KEY_CLEANUP uint8_t key[VAULT_KEY] = {0};
	char label[LABEL_SIZE];
	enum bl_status status = vault_device_key(vault, id, VAULT_RECORD, key, why);

	if (status != BL_OK)
		return status;

	BL_CLEANUP(bl_free) uint8_t *sealed = malloc(plain->length + VAULT_SEAL_OVERHEAD);

	if (!sealed)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	label_of(kind, id, label);
	status = vault_seal(key, label, plain->bytes, plain->length, sealed);
	if (status != BL_OK)
		return bl_fail(why, status, "cannot seal %s of '%s'", KINDS[kind].what, id);
	return file_put(folder_fd, KINDS[kind].file, sealed, plain->length + VAULT_SEAL_OVERHEAD,
			why);
}

enum bl_status secret_get(struct vault *vault, const char *id, int folder_fd, enum secret_kind kind,
			  struct plain *out_plain, struct bl_error *why)
{
	KEY_CLEANUP uint8_t key[VAULT_KEY] = {0};
	PLAIN_CLEANUP struct plain plain = {0};
	BL_CLEANUP(bl_free) char *sealed = NULL;
	char label[LABEL_SIZE];
	size_t length;
	enum bl_status status = file_get(folder_fd, KINDS[kind].file, &sealed, &length, NULL);

	if (status == BL_NOT_FOUND) {
		*out_plain = (struct plain){0};
		return BL_OK;
	}
	if (status != BL_OK)
		return bl_fail(why, status, "cannot read %s of '%s'", KINDS[kind].what, id);
	if (length < VAULT_SEAL_OVERHEAD || length > KINDS[kind].limit + VAULT_SEAL_OVERHEAD)
		return bl_fail(why, BL_TAMPERED, "%s of '%s' in the store has a wrong size",
			       KINDS[kind].what, id);
	status = vault_device_key(vault, id, VAULT_RECORD, key, why);
	if (status != BL_OK) /* "not found" would say that there is no such device */
		return status == BL_NOT_FOUND ? BL_TAMPERED : status;
	plain.length = length - VAULT_SEAL_OVERHEAD;
	plain.bytes = calloc(1, plain.length + 1);
	if (!plain.bytes)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	label_of(kind, id, label);
	status = vault_unseal(key, label, (const uint8_t *)sealed, length, plain.bytes, NULL);
	if (status != BL_OK)
		return bl_fail(why, status, "%s of '%s' in the store does not unseal",
			       KINDS[kind].what, id);
	*out_plain = plain;
	plain = (struct plain){0};
	return BL_OK;
}

enum bl_status secret_forget(int folder_fd, enum secret_kind kind, struct bl_error *why)
{
	const char *name = KINDS[kind].file;
	BL_CLEANUP(fd_close) int fd = openat(folder_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	uint8_t noise[4096];

	if (fd < 0 && errno == ENOENT)
		return BL_OK;
	if (fd < 0 || fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot open '%s' in the store", name);
	for (off_t at = 0; at < st.st_size;) {
		size_t size = (size_t)BL_MIN((off_t)sizeof(noise), st.st_size - at);

		randombytes_buf(noise, size);

		ssize_t put = pwrite(fd, noise, size, at);

		if (put <= 0)
			return bl_fail_errno(why, BL_IO, "cannot overwrite '%s' in the store",
					     name);
		at += put;
	}
	if (fdatasync(fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync '%s' in the store", name);
	return file_remove(folder_fd, name, why);
}
