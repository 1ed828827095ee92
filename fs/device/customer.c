/* The customer's part at rest: sealed, in a form that can be read and wiped without an allocating parser. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/device/private.h"

#define FILE_NAME	 "customer.sealed"
#define CUSTOMER_VERSION 1
#define HEAD		 3 /* version, count */
#define VALUE_HEAD	 3 /* kind, length */
#define PLAIN_LIMIT	 (DEVICE_IDENTITIES * (VALUE_HEAD + UINT16_MAX) + HEAD)

static void key_done(uint8_t (*key)[VAULT_KEY])
{
	sodium_memzero(*key, sizeof(*key));
}

struct plain {
	uint8_t *bytes;
	size_t length;
};

static void plain_done(struct plain *plain)
{
	if (plain->bytes)
		sodium_memzero(plain->bytes, plain->length);
	free(plain->bytes);
}

static enum bl_status plain_of(const struct device_record *record, struct plain *out)
{
	size_t length = HEAD;

	for (size_t i = 0; i < record->identity_count; i++)
		length += VALUE_HEAD + strlen(record->identities[i].value);
	out->bytes = malloc(length);
	if (!out->bytes)
		return BL_NO_MEMORY;
	out->length = length;
	out->bytes[0] = CUSTOMER_VERSION;
	bl_put16(out->bytes + 1, (uint16_t)record->identity_count);

	uint8_t *at = out->bytes + HEAD;

	for (size_t i = 0; i < record->identity_count; i++) {
		const struct detect_identity *identity = &record->identities[i];
		size_t size = strlen(identity->value);

		at[0] = (uint8_t)identity->kind;
		bl_put16(at + 1, (uint16_t)size);
		memcpy(at + VALUE_HEAD, identity->value, size);
		at += VALUE_HEAD + size;
	}
	return BL_OK;
}

enum bl_status customer_put(struct vault *vault, const char *id, int folder_fd,
			    const struct device_record *record, struct bl_error *why)
{
	__attribute__((cleanup(key_done))) uint8_t key[VAULT_KEY] = {0};
	__attribute__((cleanup(plain_done))) struct plain plain = {0};
	char label[BL_DEVICE_ID_SIZE + 16];
	enum bl_status status = vault_device_key(vault, id, VAULT_RECORD, key, why);

	if (status == BL_OK)
		status = plain_of(record, &plain);
	if (status != BL_OK)
		return status;

	BL_CLEANUP(bl_free) uint8_t *sealed = malloc(plain.length + VAULT_SEAL_OVERHEAD);

	if (!sealed)
		return BL_NO_MEMORY;
	snprintf(label, sizeof(label), "customer:%s", id);
	status = vault_seal(key, label, plain.bytes, plain.length, sealed);
	if (status != BL_OK)
		return bl_fail(why, status, "cannot seal the customer's part of '%s'", id);
	return file_put(folder_fd, FILE_NAME, sealed, plain.length + VAULT_SEAL_OVERHEAD, why);
}

/* Walks the values twice: first only to check and count, so that the copy cannot go wrong. */
static bool walk(const struct plain *plain, struct device_record *record, size_t *out_bytes)
{
	if (plain->length < HEAD || plain->bytes[0] != CUSTOMER_VERSION)
		return false;

	size_t count = bl_get16(plain->bytes + 1), at = HEAD, total = 0;

	if (count > DEVICE_IDENTITIES)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (plain->length - at < VALUE_HEAD)
			return false;

		const uint8_t *value = plain->bytes + at;
		size_t size = bl_get16(value + 1);

		at += VALUE_HEAD;
		if (plain->length - at < size || value[0] > IDENTITY_ADDRESS ||
		    memchr(value + VALUE_HEAD, '\0', size))
			return false;
		if (record)
			record_add(record, (enum detect_identity_kind)value[0],
				   (const char *)value + VALUE_HEAD, size);
		at += size;
		total += size + 1;
	}
	*out_bytes = total;
	return at == plain->length;
}

enum bl_status customer_get(struct vault *vault, const char *id, int folder_fd,
			    struct device_record *out_record, struct bl_error *why)
{
	__attribute__((cleanup(key_done))) uint8_t key[VAULT_KEY] = {0};
	__attribute__((cleanup(plain_done))) struct plain plain = {0};
	BL_CLEANUP(bl_free) char *sealed = NULL;
	char label[BL_DEVICE_ID_SIZE + 16];
	size_t length, total = 0;

	memset(out_record, 0, sizeof(*out_record));

	enum bl_status status = file_get(folder_fd, FILE_NAME, &sealed, &length, NULL);

	if (status == BL_NOT_FOUND)
		return BL_OK;
	if (status != BL_OK)
		return bl_fail(why, status, "cannot read the customer's part of '%s'", id);
	if (length < VAULT_SEAL_OVERHEAD || length > PLAIN_LIMIT + VAULT_SEAL_OVERHEAD)
		return bl_fail(why, BL_TAMPERED, "the customer's part of '%s' has a wrong size",
			       id);
	status = vault_device_key(vault, id, VAULT_RECORD, key, why);
	if (status != BL_OK)
		return status;
	plain.length = length - VAULT_SEAL_OVERHEAD;
	plain.bytes = calloc(1, plain.length + 1);
	if (!plain.bytes)
		return BL_NO_MEMORY;
	snprintf(label, sizeof(label), "customer:%s", id);
	status = vault_unseal(key, label, (const uint8_t *)sealed, length, plain.bytes, why);
	if (status != BL_OK)
		return status;
	if (!walk(&plain, NULL, &total))
		return bl_fail(why, BL_INVALID,
			       "the customer's part of '%s' is not of this version", id);
	status = record_reserve(out_record, total);
	if (status == BL_OK)
		walk(&plain, out_record, &total);
	return status;
}

enum bl_status customer_forget(int folder_fd, struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = openat(folder_fd, FILE_NAME, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	uint8_t noise[4096];

	if (fd < 0 && errno == ENOENT)
		return BL_OK;
	if (fd < 0 || fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot open '%s' in the store", FILE_NAME);
	for (off_t at = 0; at < st.st_size;) {
		size_t size = (size_t)BL_MIN((off_t)sizeof(noise), st.st_size - at);

		randombytes_buf(noise, size);

		ssize_t put = pwrite(fd, noise, size, at);

		if (put <= 0)
			return bl_fail_errno(why, BL_IO, "cannot overwrite '%s' in the store",
					     FILE_NAME);
		at += put;
	}
	if (fdatasync(fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync '%s' in the store", FILE_NAME);
	return file_remove(folder_fd, FILE_NAME, why);
}
