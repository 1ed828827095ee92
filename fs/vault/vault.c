#include "fs/vault/vault.h"

#include "fs/vault/slot.h"

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

#define FILE_NAME "keys"
#define FILE_NEW  "keys.new"

/* What is secret, in guarded memory. */
struct secrets {
	struct vault_header header;
	uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
};

struct vault {
	int fd;
	int store_fd;		 /* borrowed */
	bool is_writer;		 /* holds the flock */
	pthread_mutex_t lock;	 /* over everything below */
	struct secrets *secrets; /* sodium_malloc */
	struct slot *slots;	 /* sodium_malloc */
	size_t slot_count, slot_room;
	uint64_t generation; /* the highest ever written */
	bool is_add_broken; /* an add failed half way: no other until the next open has settled it */
};

/* ---- pages ----------------------------------------------------------------------------------- */

static off_t slot_at(size_t index, unsigned copy)
{
	return (off_t)((1 + 2 * index + copy) * VAULT_PAGE);
}

static enum bl_status read_page(int fd, off_t at, uint8_t page[VAULT_PAGE], struct bl_error *why)
{
	size_t done = 0;

	while (done < VAULT_PAGE) {
		ssize_t got = pread(fd, page + done, VAULT_PAGE - done, at + (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bl_fail_errno(why, BL_IO, "cannot read 'keys'");
		if (got == 0)
			break;
		done += (size_t)got;
	}
	memset(page + done, 0, VAULT_PAGE - done);
	return BL_OK;
}

static enum bl_status write_page(int fd, off_t at, const uint8_t page[VAULT_PAGE],
				 struct bl_error *why)
{
	ssize_t put = pwrite(fd, page, VAULT_PAGE, at);

	if (put < 0)
		return bl_fail_errno(why, BL_IO, "cannot write 'keys'");
	if ((size_t)put != VAULT_PAGE)
		return bl_fail(why, BL_IO, "cannot write 'keys': no space left");
	if (fdatasync(fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync 'keys'");
	return BL_OK;
}

static enum bl_status write_slot(const struct vault *vault, size_t index, unsigned copy,
				 const struct slot *slot, struct bl_error *why)
{
	uint8_t page[VAULT_PAGE];

	slot_encode(slot, page);

	enum bl_status status = write_page(vault->fd, slot_at(index, copy), page, why);

	sodium_memzero(page, sizeof(page));
	return status;
}

/* ---- destroying ------------------------------------------------------------------------------ */

/* Random first: should the tombstone hit a remapped sector, the key was still overwritten once. */
static enum bl_status overwrite(const struct vault *vault, size_t index, unsigned copy,
				const struct slot *tombstone, struct bl_error *why)
{
	uint8_t page[VAULT_PAGE];

	randombytes_buf(page, sizeof(page));
	if (sodium_is_zero(page, 8))
		page[0] = 1;

	enum bl_status status = write_page(vault->fd, slot_at(index, copy), page, why);

	if (status != BL_OK)
		return status;
	return write_slot(vault, index, copy, tombstone, why);
}

/* Read both copies from below the page cache where the filesystem lets us, and compare. */
static enum bl_status read_back(const struct vault *vault, size_t index,
				const struct slot *tombstone, bool *out_was_raw,
				struct bl_error *why)
{
	BL_CLEANUP(bl_free) void *pages = NULL;
	BL_CLEANUP(fd_close)
	int fd = openat(vault->store_fd, FILE_NAME, O_RDONLY | O_DIRECT | O_NOFOLLOW | O_CLOEXEC);
	bool is_raw = fd >= 0;
	uint8_t wanted[2 * VAULT_PAGE];
	struct stat ours, theirs;

	if (posix_memalign(&pages, VAULT_PAGE, sizeof(wanted)) != 0)
		return BL_NO_MEMORY;
	if (is_raw && (fstat(fd, &theirs) != 0 || fstat(vault->fd, &ours) != 0 ||
		       ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev))
		return bl_fail(why, BL_IO, "'keys' was exchanged while it was open");
	slot_encode(tombstone, wanted);
	memcpy(wanted + VAULT_PAGE, wanted, VAULT_PAGE);

	ssize_t got = is_raw ? pread(fd, pages, sizeof(wanted), slot_at(index, 0)) : -1;

	if (got < 0 && (!is_raw || errno == EINVAL)) {
		is_raw = false;
		posix_fadvise(vault->fd, slot_at(index, 0), sizeof(wanted), POSIX_FADV_DONTNEED);
		got = pread(vault->fd, pages, sizeof(wanted), slot_at(index, 0));
	}
	if (got != (ssize_t)sizeof(wanted))
		return bl_fail(why, BL_IO, "cannot read 'keys' back");

	bool is_same = memcmp(pages, wanted, sizeof(wanted)) == 0;

	sodium_memzero(pages, sizeof(wanted));
	if (!is_same)
		return bl_fail(why, BL_IO, "'keys' read back differs from what was written");
	*out_was_raw = is_raw;
	return BL_OK;
}

static enum bl_status destroy_slot(struct vault *vault, size_t index, const char *id,
				   bool *out_was_raw, struct bl_error *why)
{
	struct slot tombstone = {.state = SLOT_TOMBSTONE, .generation = ++vault->generation};

	snprintf(tombstone.id, sizeof(tombstone.id), "%s", id);

	/* From here the key is gone for us, whatever the medium says. */
	vault->slots[index] = tombstone;

	enum bl_status status = overwrite(vault, index, 1, &tombstone, why);

	if (status == BL_OK)
		status = overwrite(vault, index, 0, &tombstone, why);
	if (status != BL_OK)
		return status;
	return read_back(vault, index, &tombstone, out_was_raw, why);
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum bl_status grow(struct vault *vault)
{
	if (vault->slot_count < vault->slot_room)
		return BL_OK;

	size_t room = vault->slot_room ? vault->slot_room * 2 : 16;
	struct slot *slots = sodium_allocarray(room, sizeof(*slots));

	if (!slots)
		return BL_NO_MEMORY;
	if (vault->slots)
		memcpy(slots, vault->slots, vault->slot_count * sizeof(*slots));
	sodium_free(vault->slots);
	vault->slots = slots;
	vault->slot_room = room;
	return BL_OK;
}

static enum bl_status repair(struct vault *vault, size_t index, enum slot_repair what,
			     const struct slot *a, const struct slot *b, struct bl_error *why)
{
	static const struct slot EMPTY = {.state = SLOT_EMPTY};
	const struct slot *tombstone = b->state == SLOT_TOMBSTONE ? b : a;
	bool was_raw;

	switch (what) {
	case REPAIR_NONE:
		return BL_OK;
	case REPAIR_DESTROY:
		return destroy_slot(vault, index, tombstone->id, &was_raw, why);
	case REPAIR_CLEAR_B:
		return write_slot(vault, index, 1, &EMPTY, why);
	case REPAIR_A:
		return write_slot(vault, index, 0, b, why);
	case REPAIR_B:
		return write_slot(vault, index, 1, a, why);
	case REPAIR_REFUSE:
		break;
	}
	return bl_fail(why, BL_TAMPERED, "slot %zu of 'keys' does not match its checksum", index);
}

/* What the pair means, before anything is written: the state that open settles on. */
static void settle(enum slot_repair what, const struct slot *a, const struct slot *b,
		   struct slot *out_slot)
{
	static const struct slot EMPTY = {.state = SLOT_EMPTY};

	if (what == REPAIR_CLEAR_B)
		*out_slot = EMPTY;
	else if (what == REPAIR_A || (what == REPAIR_DESTROY && b->state == SLOT_TOMBSTONE))
		*out_slot = *b;
	else
		*out_slot = *a;
}

static enum bl_status load_slot(struct vault *vault, size_t index, struct bl_error *why)
{
	uint8_t pages[2][VAULT_PAGE];
	struct slot a, b;
	enum bl_status status = grow(vault);

	for (unsigned copy = 0; copy < 2 && status == BL_OK; copy++)
		status = read_page(vault->fd, slot_at(index, copy), pages[copy], why);
	if (status != BL_OK)
		return status;
	slot_decode(pages[0], &a);
	slot_decode(pages[1], &b);
	sodium_memzero(pages, sizeof(pages));

	enum slot_repair what = slot_repair(&a, &b);

	settle(what, &a, &b, &vault->slots[index]);
	vault->slot_count = index + 1;
	vault->generation = BL_MAX(vault->generation, BL_MAX(a.generation, b.generation));
	if (what != REPAIR_NONE && (vault->is_writer || what == REPAIR_REFUSE))
		status = repair(vault, index, what, &a, &b, why);
	sodium_memzero(&a, sizeof(a));
	sodium_memzero(&b, sizeof(b));
	return status;
}

static enum bl_status load_header(struct vault *vault, struct bl_error *why)
{
	uint8_t page[VAULT_PAGE], public_key[VAULT_PUBLIC_KEY];
	struct secrets *secrets = vault->secrets;
	enum bl_status status = read_page(vault->fd, 0, page, why);

	if (status == BL_OK)
		status = vault_header_decode(page, &secrets->header, why);
	sodium_memzero(page, sizeof(page));
	if (status != BL_OK)
		return status;
	crypto_sign_seed_keypair(public_key, secrets->secret_key, secrets->header.seed);
	if (sodium_memcmp(public_key, secrets->header.public_key, sizeof(public_key)) != 0)
		return bl_fail(why, BL_TAMPERED, "'keys' holds a public key that is not its own");
	return BL_OK;
}

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
	if (st.st_size > slot_at(VAULT_SLOT_LIMIT, 0))
		return bl_fail(why, BL_INVALID, "'keys' is larger than a key file can be");
	*out_size = st.st_size;
	return BL_OK;
}

static enum bl_status vault_new(int store_fd, struct vault **out_vault)
{
	BL_CLEANUP(vault_close) struct vault *vault = calloc(1, sizeof(*vault));

	if (!vault)
		return BL_NO_MEMORY;
	vault->fd = -1;
	vault->store_fd = store_fd;
	pthread_mutex_init(&vault->lock, NULL);
	if (sodium_init() < 0)
		return BL_NO_MEMORY;
	vault->secrets = sodium_malloc(sizeof(*vault->secrets));
	if (!vault->secrets)
		return BL_NO_MEMORY;
	*out_vault = BL_TAKE(vault);
	return BL_OK;
}

static enum bl_status load(struct vault *vault, struct bl_error *why)
{
	off_t size = 0;
	enum bl_status status = check_file(vault->fd, &size, why);

	if (status == BL_OK)
		status = load_header(vault, why);

	/* A last pair that is cut short reads as zeros behind the cut. */
	for (size_t i = 0; status == BL_OK && slot_at(i, 0) < size; i++)
		status = load_slot(vault, i, why);
	/* Do not leave the keys in the page cache for longer than needed. */
	posix_fadvise(vault->fd, 0, 0, POSIX_FADV_DONTNEED);
	return status;
}

enum bl_status vault_open(int store_fd, struct vault **out_vault, struct bl_error *why)
{
	BL_CLEANUP(vault_close) struct vault *vault = NULL;
	enum bl_status status = vault_new(store_fd, &vault);

	if (status != BL_OK)
		return bl_fail(why, status, "cannot hold keys: out of memory");
	vault->fd = openat(store_fd, FILE_NAME, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (vault->fd < 0 && errno == ENOENT)
		return bl_fail(why, BL_NOT_FOUND, "the store has no 'keys'");
	if (vault->fd < 0)
		return bl_fail_errno(why, errno == ELOOP || errno == EISDIR ? BL_INVALID : BL_IO,
				     "cannot open 'keys'");
	vault->is_writer = flock(vault->fd, LOCK_EX | LOCK_NB) == 0;
	status = load(vault, why);
	if (status != BL_OK)
		return status;
	*out_vault = BL_TAKE(vault);
	return BL_OK;
}

static enum bl_status write_new(int store_fd, struct vault_header *header, struct bl_error *why)
{
	struct timespec now;
	uint8_t secret_key[crypto_sign_SECRETKEYBYTES], page[VAULT_PAGE];
	BL_CLEANUP(fd_close)
	int fd = openat(store_fd, FILE_NEW, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			0600);

	if (fd < 0 || fchmod(fd, 0600) != 0)
		return bl_fail_errno(why, BL_IO, "cannot make '" FILE_NEW "'");
	clock_gettime(CLOCK_REALTIME, &now);
	header->created_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	randombytes_buf(header->id, sizeof(header->id));
	randombytes_buf(header->seed, sizeof(header->seed));
	randombytes_buf(header->master, sizeof(header->master));
	crypto_sign_seed_keypair(header->public_key, secret_key, header->seed);
	sodium_memzero(secret_key, sizeof(secret_key));
	vault_header_encode(header, page);

	enum bl_status status = write_page(fd, 0, page, why);

	sodium_memzero(page, sizeof(page));
	return status;
}

enum bl_status vault_create(int store_fd, struct vault **out_vault, struct bl_error *why)
{
	struct stat st;
	struct vault_header *header;

	if (fstatat(store_fd, FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return bl_fail(why, BL_EXISTS, "the store has 'keys' already");
	if (sodium_init() < 0 || !(header = sodium_malloc(sizeof(*header))))
		return bl_fail(why, BL_NO_MEMORY, "cannot hold keys: out of memory");

	enum bl_status status = write_new(store_fd, header, why);

	sodium_free(header);
	if (status != BL_OK)
		return status;
	if (renameat2(store_fd, FILE_NEW, store_fd, FILE_NAME, RENAME_NOREPLACE) != 0)
		return bl_fail_errno(why, errno == EEXIST ? BL_EXISTS : BL_IO,
				     "cannot name 'keys'");
	if (fsync(store_fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync the store");
	return vault_open(store_fd, out_vault, why);
}

void vault_close(struct vault *vault)
{
	if (!vault)
		return;
	sodium_free(vault->slots);
	sodium_free(vault->secrets);
	fd_close(vault->fd);
	pthread_mutex_destroy(&vault->lock);
	free(vault);
}

/* ---- signing --------------------------------------------------------------------------------- */

const uint8_t *vault_public_key(const struct vault *vault)
{
	return vault->secrets->header.public_key;
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

/* ---- devices --------------------------------------------------------------------------------- */

static struct slot *find(const struct vault *vault, const char *id, enum slot_state state)
{
	for (size_t i = 0; i < vault->slot_count; i++)
		if (vault->slots[i].state == state && strcmp(vault->slots[i].id, id) == 0)
			return &vault->slots[i];
	return NULL;
}

static enum bl_status may_write(const struct vault *vault, const char *id, struct bl_error *why)
{
	if (!bl_device_id_ok(id))
		return bl_fail(why, BL_INVALID, "that is no device id");
	if (!vault->is_writer)
		return bl_fail(why, BL_LOCKED, "'keys' is held by another process");
	return BL_OK;
}

static size_t first_empty(const struct vault *vault)
{
	size_t index = 0;

	while (index < vault->slot_count && vault->slots[index].state != SLOT_EMPTY)
		index++;
	return index;
}

static enum bl_status add_locked(struct vault *vault, const char *id, struct bl_error *why)
{
	size_t index = first_empty(vault);

	if (vault->is_add_broken)
		return bl_fail(why, BL_IO, "'keys' could not be written before (restart Bailee)");
	if (find(vault, id, SLOT_LIVE))
		return bl_fail(why, BL_EXISTS, "device '%s' has keys already", id);
	if (index >= VAULT_SLOT_LIMIT)
		return bl_fail(why, BL_TOO_LARGE, "'keys' is full");
	if (grow(vault) != BL_OK)
		return bl_fail(why, BL_NO_MEMORY, "cannot hold keys: out of memory");

	struct slot *slot = &vault->slots[index];

	memset(slot, 0, sizeof(*slot));
	slot->state = SLOT_LIVE;
	slot->generation = ++vault->generation;
	snprintf(slot->id, sizeof(slot->id), "%s", id);
	randombytes_buf(slot->root, sizeof(slot->root));

	enum bl_status status = write_slot(vault, index, 1, slot, why);

	if (status == BL_OK)
		status = write_slot(vault, index, 0, slot, why);
	if (index == vault->slot_count)
		vault->slot_count++;
	/* Half written and untold: never used again in this run, settled by the next open. */
	if (status != BL_OK) {
		sodium_memzero(slot, sizeof(*slot));
		slot->state = SLOT_DAMAGED;
		vault->is_add_broken = true;
	}
	return status;
}

enum bl_status vault_device_add(struct vault *vault, const char *id, struct bl_error *why)
{
	enum bl_status status = may_write(vault, id, why);

	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&vault->lock);
	status = add_locked(vault, id, why);
	pthread_mutex_unlock(&vault->lock);
	return status;
}

/* @id "": the store's own, which no device can have. */
static void derive(const uint8_t root[VAULT_KEY], enum vault_purpose purpose, const char *id,
		   uint8_t out_key[VAULT_KEY])
{
	static const char *const PURPOSES[] = {
		[VAULT_LOG_NAMES] = "bailee log-names",
		[VAULT_RECORD] = "bailee record",
		[VAULT_MASK] = "bailee mask",
	};
	const char *label = PURPOSES[purpose];
	crypto_generichash_state state;

	crypto_generichash_init(&state, root, VAULT_KEY, VAULT_KEY);
	crypto_generichash_update(&state, (const uint8_t *)label, strlen(label) + 1);
	crypto_generichash_update(&state, (const uint8_t *)id, strlen(id));
	crypto_generichash_final(&state, out_key, VAULT_KEY);
	sodium_memzero(&state, sizeof(state));
}

void vault_store_key(const struct vault *vault, enum vault_purpose purpose,
		     uint8_t out_key[VAULT_KEY])
{
	derive(vault->secrets->header.master, purpose, "", out_key);
}

enum bl_status vault_device_key(struct vault *vault, const char *id, enum vault_purpose purpose,
				uint8_t out_key[VAULT_KEY], struct bl_error *why)
{
	enum bl_status status = BL_OK;

	pthread_mutex_lock(&vault->lock);

	const struct slot *slot = find(vault, id, SLOT_LIVE);

	if (slot)
		derive(slot->root, purpose, id, out_key);
	else
		status = BL_NOT_FOUND;
	pthread_mutex_unlock(&vault->lock);
	if (status != BL_OK && bl_device_id_ok(id))
		return bl_fail(why, status, "device '%s' has no keys", id);
	return status == BL_OK ? BL_OK : bl_fail(why, status, "that device has no keys");
}

/*
 * Every slot of this id, live or tombstone: one that was destroyed before, perhaps without proof, is
 * overwritten and read back again, which gives the proof.
 */
static enum bl_status destroy_locked(struct vault *vault, const char *id, bool *out_was_raw,
				     struct bl_error *why)
{
	enum bl_status status = BL_OK;
	bool was_found = false, was_raw = true;

	for (size_t i = 0; i < vault->slot_count && status == BL_OK; i++) {
		const struct slot *slot = &vault->slots[i];
		bool is_raw = false;

		if ((slot->state != SLOT_LIVE && slot->state != SLOT_TOMBSTONE) ||
		    strcmp(slot->id, id) != 0)
			continue;
		was_found = true;
		status = destroy_slot(vault, i, id, &is_raw, why);
		was_raw = was_raw && is_raw;
	}
	if (status == BL_OK && !was_found)
		return bl_fail(why, BL_NOT_FOUND, "device '%s' has no keys", id);
	if (status == BL_OK && out_was_raw)
		*out_was_raw = was_raw;
	return status;
}

enum bl_status vault_device_destroy(struct vault *vault, const char *id, bool *out_was_raw,
				    struct bl_error *why)
{
	enum bl_status status = may_write(vault, id, why);

	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&vault->lock);
	status = destroy_locked(vault, id, out_was_raw, why);
	pthread_mutex_unlock(&vault->lock);
	return status;
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
