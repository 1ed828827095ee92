#include "fs/vault/vault.h"

#include "fs/vault/keys.h"
#include "fs/vault/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_NEW "keys.new"

enum bl_status keys_no_memory(struct bl_error *why)
{
	return bl_fail(why, BL_NO_MEMORY,
		       "cannot hold keys: no memory can be locked for them (raise LimitMEMLOCK, or "
		       "'ulimit -l')");
}

/* ---- the file -------------------------------------------------------------------------------- */

static enum bl_status check_file(int fd, off_t *out_size, struct bl_error *why)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at 'keys'");
	if (!S_ISREG(st.st_mode))
		return bl_fail(why, BL_INVALID, "'keys' is not a regular file");
	if (st.st_uid != geteuid())
		return bl_fail(why, BL_INVALID, "'keys' belongs to uid %u, not to us", st.st_uid);
	if (st.st_mode & 077)
		return bl_fail(why, BL_INVALID,
			       "'keys' may be used by others (chmod 0600, and think of its keys as "
			       "known)");
	if ((uint64_t)st.st_size > page_of_slot(VAULT_SLOT_LIMIT, 0) * VAULT_PAGE)
		return bl_fail(why, BL_INVALID, "'keys' is larger than a key file can be");
	*out_size = st.st_size;
	return BL_OK;
}

static enum bl_status load_header(struct vault *vault, struct bl_error *why)
{
	uint8_t pages[2 * VAULT_PAGE];
	int bad;
	enum bl_status status = page_read(vault->file.fd, 0, 2, pages, why);

	if (status == BL_OK)
		status = header_decode_pair(pages, &vault->header, &bad, why);
	if (status == BL_OK && bad >= 0 && vault->is_writer)
		status = page_write(&vault->file, (size_t)bad, pages + (1 - bad) * (int)VAULT_PAGE,
				    why);
	return status;
}

/* ---- unlocking ------------------------------------------------------------------------------- */

static enum bl_status try_secret(struct vault *vault, const struct vault_secret *secret,
				 struct bl_error *why)
{
	const struct vault_header *header = &vault->header;
	enum bl_status status = lock_check_secret(secret, why);

	if (status != BL_OK)
		return status;
	status = BL_FORBIDDEN;
	for (size_t i = 0; i < header->lock_count && status == BL_FORBIDDEN; i++)
		if (header->locks[i].kind == secret->kind)
			status = lock_open(&header->locks[i], secret, header->id,
					   vault->secrets->kek, why);
	return status;
}

static enum bl_status unlock(struct vault *vault, const struct vault_secret *secrets, size_t count,
			     struct bl_error *why)
{
	static const struct vault_secret NONE = {.kind = VAULT_LOCK_NONE};
	enum bl_status status = count ? BL_FORBIDDEN : try_secret(vault, &NONE, why);

	for (size_t i = 0; i < count && status == BL_FORBIDDEN; i++)
		status = try_secret(vault, &secrets[i], why);
	if (status == BL_FORBIDDEN)
		return lock_refusal(vault->header.locks, vault->header.lock_count, count > 0, why);
	return status;
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum bl_status vault_new(int keys_fd, struct vault **out_vault, struct bl_error *why)
{
	BL_CLEANUP(vault_close) struct vault *vault = calloc(1, sizeof(*vault));

	if (!vault)
		return bl_fail(why, BL_NO_MEMORY, "cannot hold keys: out of memory");
	vault->file = (struct page_file){.fd = -1, .write_fd = -1};
	vault->keys_fd = keys_fd;
	pthread_mutex_init(&vault->lock, NULL);
	vault->secrets = vault_guarded(1, sizeof(*vault->secrets));
	if (!vault->secrets)
		return keys_no_memory(why);
	*out_vault = BL_TAKE(vault);
	return BL_OK;
}

static enum bl_status open_file(int keys_fd, int access, int *out_fd, off_t *out_size,
				struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = openat(keys_fd, KEYS_FILE, access | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return bl_fail(why, BL_NOT_FOUND, "the store has no 'keys'");
	if (fd < 0)
		return bl_fail_errno(why, errno == ELOOP || errno == EISDIR ? BL_INVALID : BL_IO,
				     "cannot open 'keys'");

	enum bl_status status = check_file(fd, out_size, why);

	if (status == BL_OK)
		*out_fd = fd_take(&fd);
	return status;
}

/* Everything behind the locks: the KEK is there. */
static enum bl_status load(struct vault *vault, off_t size, struct bl_error *why)
{
	struct keys_secrets *secrets = vault->secrets;
	uint8_t public_key[VAULT_PUBLIC_KEY];
	enum bl_status status = header_open(&vault->header, secrets->kek, &secrets->own, why);

	if (status == BL_OK)
		crypto_sign_seed_keypair(public_key, secrets->secret_key, secrets->own.first);
	if (status == BL_OK)
		status = keys_load_slots(vault, size, why);
	/* Do not leave it in the page cache for longer than needed. */
	posix_fadvise(vault->file.fd, 0, 0, POSIX_FADV_DONTNEED);
	return status;
}

/* @has_kek: create knows it already. */
static enum bl_status open_new(struct vault *vault, bool has_kek,
			       const struct vault_secret *secrets, size_t count,
			       struct bl_error *why)
{
	int fd = -1;
	off_t size = 0;
	enum bl_status status = open_file(vault->keys_fd, O_RDWR, &fd, &size, why);

	if (status != BL_OK)
		return status;
	status = page_file_init(&vault->file, fd, vault->keys_fd, KEYS_FILE, why);
	if (status != BL_OK)
		return status;
	vault->is_writer = flock(fd, LOCK_EX | LOCK_NB) == 0;
	status = load_header(vault, why);
	if (status == BL_OK && !has_kek)
		status = unlock(vault, secrets, count, why);
	return status == BL_OK ? load(vault, size, why) : status;
}

enum bl_status vault_open(int keys_fd, const struct vault_secret *secrets, size_t secret_count,
			  struct vault **out_vault, struct bl_error *why)
{
	BL_CLEANUP(vault_close) struct vault *vault = NULL;
	enum bl_status status = vault_new(keys_fd, &vault, why);

	if (status == BL_OK)
		status = open_new(vault, false, secrets, secret_count, why);
	if (status == BL_OK)
		*out_vault = BL_TAKE(vault);
	return status;
}

void vault_close(struct vault *vault)
{
	if (!vault)
		return;
	sodium_free(vault->entries);
	sodium_free(vault->secrets);
	page_file_done(&vault->file);
	pthread_mutex_destroy(&vault->lock);
	free(vault);
}

/* ---- making ---------------------------------------------------------------------------------- */

static enum bl_status make_locks(struct vault_header *header, const uint8_t kek[VAULT_KEY],
				 const struct vault_secret *secrets, size_t count,
				 const struct lock_cost *cost, struct bl_error *why)
{
	static const struct vault_secret NONE = {.kind = VAULT_LOCK_NONE};

	if (count > VAULT_LOCKS)
		return bl_fail(why, BL_INVALID, "a store has at most %d locks", VAULT_LOCKS);
	if (count == 0)
		secrets = &NONE;
	header->lock_count = BL_MAX(count, 1u);
	for (size_t i = 0; i < header->lock_count; i++) {
		if (header->lock_count > 1 && secrets[i].kind == VAULT_LOCK_NONE)
			return bl_fail(why, BL_INVALID,
				       "a lock beside no lock locks nothing (choose one)");

		enum bl_status status =
			lock_make(&secrets[i], cost, header->id, kek, &header->locks[i], why);

		if (status != BL_OK)
			return status;
	}
	return BL_OK;
}

static enum bl_status make_header(struct vault *vault, const struct vault_secret *secrets,
				  size_t count, const struct lock_cost *cost, struct bl_error *why)
{
	struct vault_header *header = &vault->header;
	struct keys_secrets *own = vault->secrets;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	header->created_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	randombytes_buf(header->id, sizeof(header->id));
	randombytes_buf(own->kek, sizeof(own->kek));
	randombytes_buf(&own->own, sizeof(own->own));
	crypto_sign_seed_keypair(header->public_key, own->secret_key, own->own.first);

	enum bl_status status = make_locks(header, own->kek, secrets, count, cost, why);

	if (status == BL_OK)
		header_seal(header, own->kek, &own->own);
	return status;
}

static enum bl_status write_new(struct vault *vault, struct bl_error *why)
{
	const int flags = O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
	struct page_file file;
	uint8_t page[VAULT_PAGE];
	int fd = openat(vault->keys_fd, FILE_NEW, flags, 0600);

	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot make '" FILE_NEW "'");
	header_encode(&vault->header, page);

	enum bl_status status = page_file_init(&file, fd, vault->keys_fd, FILE_NEW, why);

	if (status == BL_OK && fchmod(fd, 0600) != 0)
		status = bl_fail_errno(why, BL_IO, "cannot make '" FILE_NEW "'");
	if (status == BL_OK)
		status = page_make_room(&file, 0, why);
	for (size_t copy = 0; copy < 2 && status == BL_OK; copy++)
		status = page_write(&file, copy, page, why);
	page_file_done(&file);
	if (status != BL_OK)
		unlinkat(vault->keys_fd, FILE_NEW, 0);
	return status;
}

static enum bl_status name_new(int keys_fd, struct bl_error *why)
{
	if (renameat2(keys_fd, FILE_NEW, keys_fd, KEYS_FILE, RENAME_NOREPLACE) != 0)
		return bl_fail_errno(why, errno == EEXIST ? BL_EXISTS : BL_IO,
				     "cannot name 'keys'");
	if (fsync(keys_fd) == 0)
		return BL_OK;
	bl_fail_errno(why, BL_IO, "cannot sync the folder of 'keys'");
	(void)unlinkat(keys_fd, KEYS_FILE, 0);
	return BL_IO;
}

enum bl_status vault_create_at_cost(int keys_fd, const struct vault_secret *secrets,
				    size_t secret_count, const struct lock_cost *cost,
				    struct vault **out_vault, struct bl_error *why)
{
	struct stat st;
	BL_CLEANUP(vault_close) struct vault *vault = NULL;

	if (fstatat(keys_fd, KEYS_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return bl_fail(why, BL_EXISTS, "the store has 'keys' already");

	enum bl_status status = vault_new(keys_fd, &vault, why);

	if (status == BL_OK)
		status = make_header(vault, secrets, secret_count, cost, why);
	if (status == BL_OK)
		status = write_new(vault, why);
	if (status == BL_OK)
		status = name_new(keys_fd, why);
	if (status != BL_OK)
		return status;
	status = open_new(vault, true, NULL, 0, why);
	if (status == BL_OK)
		*out_vault = BL_TAKE(vault);
	else
		(void)unlinkat(keys_fd, KEYS_FILE, 0); /* nothing was ever sealed with it */
	return status;
}

enum bl_status vault_create(int keys_fd, const struct vault_secret *secrets, size_t secret_count,
			    struct vault **out_vault, struct bl_error *why)
{
	static const struct lock_cost COST = {.passes = LOCK_PASSES, .memory = LOCK_MEMORY};

	return vault_create_at_cost(keys_fd, secrets, secret_count, &COST, out_vault, why);
}

/* ---- without its secrets --------------------------------------------------------------------- */

enum bl_status vault_locks(int keys_fd, struct vault_locks *out_locks, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	uint8_t pages[2 * VAULT_PAGE];
	struct vault_header header;
	off_t size;
	int bad;
	enum bl_status status = open_file(keys_fd, O_RDONLY, &fd, &size, why);

	if (status == BL_OK)
		status = page_read(fd, 0, 2, pages, why);
	if (status == BL_OK)
		status = header_decode_pair(pages, &header, &bad, why);
	if (status != BL_OK)
		return status;
	memset(out_locks, 0, sizeof(*out_locks));
	out_locks->count = header.lock_count;
	for (size_t i = 0; i < header.lock_count; i++) {
		out_locks->kinds[i] = header.locks[i].kind;
		memcpy(out_locks->credentials[i], header.locks[i].name, VAULT_CREDENTIAL);
	}
	return BL_OK;
}

static enum bl_status check_pair(int fd, size_t index, struct vault_health *health,
				 struct bl_error *why)
{
	uint8_t pages[2 * VAULT_PAGE];
	struct slot a, b, slot;
	enum bl_status status = page_read(fd, page_of_slot(index, 0), 2, pages, why);

	if (status != BL_OK)
		return status;
	slot_decode(pages, &a);
	slot_decode(pages + VAULT_PAGE, &b);

	enum slot_repair what = slot_repair(&a, &b);

	if (what == REPAIR_REFUSE)
		return bl_fail(why, BL_TAMPERED, "slot %zu of 'keys' does not match its checksum",
			       index);
	slot_settle(what, &a, &b, &slot);
	health->slots_live += slot.state == SLOT_LIVE;
	health->slots_tombstone += slot.state == SLOT_TOMBSTONE;
	health->copies_bad += what != REPAIR_NONE;
	return BL_OK;
}

enum bl_status vault_check(int keys_fd, struct vault_health *out_health, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	uint8_t pages[2 * VAULT_PAGE];
	struct vault_header header;
	struct vault_health health = {0};
	off_t size = 0;
	int bad = -1;
	enum bl_status status = open_file(keys_fd, O_RDONLY, &fd, &size, why);

	if (status == BL_OK)
		status = page_read(fd, 0, 2, pages, why);
	if (status == BL_OK)
		status = header_decode_pair(pages, &header, &bad, why);
	health.copies_bad = bad >= 0;
	for (size_t i = 0; status == BL_OK && (off_t)(page_of_slot(i, 0) * VAULT_PAGE) < size; i++)
		status = check_pair(fd, i, &health, why);
	if (status == BL_OK)
		*out_health = health;
	return status;
}

/* ---- signing --------------------------------------------------------------------------------- */

const uint8_t *vault_public_key(const struct vault *vault)
{
	return vault->header.public_key;
}

void vault_sign(const struct vault *vault, const void *message, size_t length,
		uint8_t out_signature[VAULT_SIGNATURE])
{
	crypto_sign_detached(out_signature, NULL, message, length, vault->secrets->secret_key);
}

bool vault_signature_ok(const uint8_t public_key[VAULT_PUBLIC_KEY], const void *message,
			size_t length, const uint8_t signature[VAULT_SIGNATURE])
{
	return crypto_sign_verify_detached(signature, message, length, public_key) == 0;
}

/* ---- small things at rest -------------------------------------------------------------------- */

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

_Static_assert(NONCE + crypto_aead_xchacha20poly1305_ietf_ABYTES == VAULT_SEAL_OVERHEAD,
	       "the overhead is part of the contract");

enum bl_status vault_seal(const uint8_t key[VAULT_KEY], const char *label, const uint8_t *plain,
			  size_t length, uint8_t *out)
{
	randombytes_buf(out, NONCE);
	if (crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE, NULL, plain, length,
						       (const uint8_t *)label, strlen(label), NULL,
						       out, key) != 0)
		return BL_FAILED;
	return BL_OK;
}

enum bl_status vault_unseal(const uint8_t key[VAULT_KEY], const char *label, const uint8_t *sealed,
			    size_t length, uint8_t *out, struct bl_error *why)
{
	if (length < VAULT_SEAL_OVERHEAD)
		return bl_fail(why, BL_INVALID, "too short to be sealed");
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed + NONCE,
						       length - NONCE, (const uint8_t *)label,
						       strlen(label), sealed, key) != 0) {
		sodium_memzero(out, length - VAULT_SEAL_OVERHEAD);
		return bl_fail(why, BL_TAMPERED, "does not open with this key");
	}
	return BL_OK;
}
