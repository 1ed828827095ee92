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
#define WHAT_SIZE  (BL_DEVICE_ID_SIZE + 40) /* "the facts of 'RMA-1'" */

/* One file that is sealed: what it is called, to Bailee and to people. */
struct sealed_file {
	const char *file, *label, *what;
	size_t limit;	/* bytes of the plain form */
	bool is_stores; /* under the store's key: it outlives the device */
};

static const struct sealed_file KINDS[] = {
	[SECRET_CUSTOMER] = {"customer.sealed", "customer", "the customer's part",
			     SECRET_CUSTOMER_LIMIT, false},
	[SECRET_FACTS] = {"facts.sealed", "facts", "the facts", FACTS_LIMIT, false},
	[SECRET_MATTERS] = {"matters.sealed", "matters", "incidents and requests", MATTERS_LIMIT,
			    true},
	[SECRET_NOTES] = {"notes.sealed", "notes", "the notes", NOTES_LIMIT, false},
	[SECRET_PARTS] = {"parts.sealed", "parts", "the parts", PARTS_LIMIT, false},
	[SECRET_FOUND] = {"found.sealed", "found", "what was found", SECRET_FOUND_LIMIT, false},
};

static const struct sealed_file STORE_FILES[] = {
	[STORE_CLOCK] = {"clock", "store:clock", "'clock'", FILE_LIMIT - VAULT_SEAL_OVERHEAD, true},
	[STORE_HOLDS] = {"holds", "store:holds", "'holds'", FILE_LIMIT - VAULT_SEAL_OVERHEAD, true},
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

static enum bl_status seal_into(int folder_fd, const char *name, const uint8_t key[VAULT_KEY],
				const char *label, const void *bytes, size_t length,
				struct bl_error *why)
{
	BL_CLEANUP(bl_free) uint8_t *sealed = malloc(length + VAULT_SEAL_OVERHEAD);

	if (!sealed)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status = vault_seal(key, label, bytes, length, sealed);

	if (status != BL_OK)
		return bl_fail(why, status, "cannot seal '%s'", name);
	return file_put(folder_fd, name, sealed, length + VAULT_SEAL_OVERHEAD, why);
}

/* @what  for words, as in WHAT_SIZE. BL_NOT_FOUND without words: that is for the caller to judge. */
static enum bl_status load_sealed(int folder_fd, const struct sealed_file *of, const char *what,
				  char **out_sealed, size_t *out_length, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *sealed = NULL;
	size_t length;
	enum bl_status status = file_get(folder_fd, of->file, &sealed, &length, NULL);

	if (status == BL_NOT_FOUND)
		return status;
	if (status != BL_OK)
		return bl_fail(why, status, "cannot read %s", what);
	if (length < VAULT_SEAL_OVERHEAD || length > of->limit + VAULT_SEAL_OVERHEAD)
		return bl_fail(why, BL_TAMPERED, "%s in the store has a wrong size", what);
	*out_sealed = BL_TAKE(sealed);
	*out_length = length;
	return BL_OK;
}

/* NUL behind the plain form. */
static enum bl_status unseal(const uint8_t key[VAULT_KEY], const char *label, const char *sealed,
			     size_t length, const char *what, struct plain *out_plain,
			     struct bl_error *why)
{
	PLAIN_CLEANUP struct plain plain = {.length = length - VAULT_SEAL_OVERHEAD};

	plain.bytes = calloc(1, plain.length + 1);
	if (!plain.bytes)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status =
		vault_unseal(key, label, (const uint8_t *)sealed, length, plain.bytes, NULL);

	if (status != BL_OK)
		return bl_fail(why, status, "%s in the store does not unseal", what);
	*out_plain = plain;
	plain = (struct plain){0};
	return BL_OK;
}

/* ---- of a device ----------------------------------------------------------------------------- */

static void label_of(enum secret_kind kind, const char *id, char out[LABEL_SIZE])
{
	snprintf(out, LABEL_SIZE, "%s:%s", KINDS[kind].label, id);
}

static enum bl_status key_of(struct vault *vault, const char *id, enum secret_kind kind,
			     uint8_t key[VAULT_KEY], struct bl_error *why)
{
	if (!KINDS[kind].is_stores)
		return vault_device_key(vault, id, VAULT_RECORD, key, why);
	vault_store_key(vault, VAULT_RECORD, key);
	return BL_OK;
}

enum bl_status secret_put(struct vault *vault, const char *id, int folder_fd, enum secret_kind kind,
			  const struct plain *plain, struct bl_error *why)
{
	KEY_CLEANUP uint8_t key[VAULT_KEY] = {0};
	char label[LABEL_SIZE];
	enum bl_status status = key_of(vault, id, kind, key, why);

	if (status != BL_OK)
		return status;
	label_of(kind, id, label);
	return seal_into(folder_fd, KINDS[kind].file, key, label, plain->bytes, plain->length, why);
}

enum bl_status secret_get(struct vault *vault, const char *id, int folder_fd, enum secret_kind kind,
			  struct plain *out_plain, struct bl_error *why)
{
	KEY_CLEANUP uint8_t key[VAULT_KEY] = {0};
	BL_CLEANUP(bl_free) char *sealed = NULL;
	char label[LABEL_SIZE], what[WHAT_SIZE];
	size_t length;

	snprintf(what, sizeof(what), "%s of '%s'", KINDS[kind].what, id);

	enum bl_status status = load_sealed(folder_fd, &KINDS[kind], what, &sealed, &length, why);

	if (status == BL_NOT_FOUND) {
		*out_plain = (struct plain){0};
		return BL_OK;
	}
	if (status != BL_OK)
		return status;
	status = key_of(vault, id, kind, key, why);
	if (status != BL_OK) /* "not found" would say that there is no such device */
		return status == BL_NOT_FOUND ? BL_TAMPERED : status;
	label_of(kind, id, label);
	return unseal(key, label, sealed, length, what, out_plain, why);
}

static enum bl_status forget(int folder_fd, const char *name, struct bl_error *why)
{
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

enum bl_status secret_forget(int folder_fd, enum secret_kind kind, struct bl_error *why)
{
	return forget(folder_fd, KINDS[kind].file, why);
}

enum bl_status secret_forget_found(int folder_fd, struct bl_error *why)
{
	static const char *const FOUND[] = {"identities", "spans", "found.sealed"};
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < BL_COUNT(FOUND) && status == BL_OK; i++)
		status = forget(folder_fd, FOUND[i], why);
	return status;
}

void kept_done(struct kept *kept)
{
	plain_done(&kept->plain);
	kept->is_read = false;
}

enum bl_status kept_load(struct device_store *store, const struct device_entry *entry,
			 enum secret_kind kind, struct kept *kept, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;

	if (kept->is_read)
		return BL_OK;

	enum bl_status status = store_folder(store, entry->device.id, &fd, why);

	if (status == BL_OK)
		status = secret_get(store->vault, entry->device.id, fd, kind, &kept->plain, why);
	kept->is_read = status == BL_OK;
	return status;
}

enum bl_status kept_save(struct device_store *store, const struct device_entry *entry,
			 enum secret_kind kind, struct kept *kept, struct plain *plain,
			 struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = store_folder(store, entry->device.id, &fd, why);

	if (status != BL_OK)
		return status;
	status = secret_put(store->vault, entry->device.id, fd, kind, plain, why);
	if (status != BL_OK)
		return status;
	kept_done(kept);
	*kept = (struct kept){.plain = *plain, .is_read = true};
	*plain = (struct plain){0};
	return BL_OK;
}

/* ---- of the store -------------------------------------------------------------------------------- */

enum bl_status store_secret_put(struct device_store *store, enum device_store_secret secret,
				const void *bytes, size_t length, struct bl_error *why)
{
	KEY_CLEANUP uint8_t key[VAULT_KEY] = {0};
	const struct sealed_file *of = &STORE_FILES[secret];

	if (length > of->limit)
		return bl_fail(why, BL_TOO_LARGE, "'%s' would have over %u bytes", of->file,
			       FILE_LIMIT);
	vault_store_key(store->vault, VAULT_RECORD, key);
	return seal_into(store->fd, of->file, key, of->label, bytes, length, why);
}

enum bl_status store_secret_get(struct device_store *store, enum device_store_secret secret,
				uint8_t **out_bytes, size_t *out_length, struct bl_error *why)
{
	KEY_CLEANUP uint8_t key[VAULT_KEY] = {0};
	BL_CLEANUP(bl_free) char *sealed = NULL;
	const struct sealed_file *of = &STORE_FILES[secret];
	struct plain plain = {0};
	size_t length;
	enum bl_status status = load_sealed(store->fd, of, of->what, &sealed, &length, why);

	if (status == BL_NOT_FOUND)
		return bl_fail(why, status, "there is no %s in the store", of->what);
	if (status != BL_OK)
		return status;
	vault_store_key(store->vault, VAULT_RECORD, key);
	status = unseal(key, of->label, sealed, length, of->what, &plain, why);
	if (status != BL_OK)
		return status;
	*out_bytes = plain.bytes;
	*out_length = plain.length;
	return BL_OK;
}
