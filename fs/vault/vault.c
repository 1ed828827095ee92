#include "fs/vault/vault.h"

#include "fs/vault/lock.h"
#include "fs/vault/page.h"
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
	uint8_t kek[VAULT_KEY];
	struct key_pair own; /* seed, store master key */
	uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
};

struct entry {
	struct slot slot;
	struct key_pair roots; /* of a live one: the device's, its image's */
	bool is_unsettled; /* a new image root was not proven: which one counts, the medium knows */
};

struct vault {
	struct page_file file;
	int keys_fd;	/* borrowed */
	bool is_writer; /* holds the flock */
	struct vault_header header;
	pthread_mutex_t lock;	 /* over everything below */
	struct secrets *secrets; /* sodium_malloc */
	struct entry *entries;	 /* sodium_malloc; one for each slot */
	size_t slot_count, slot_room;
	uint64_t generation; /* the highest ever written */
	bool is_add_broken; /* an add failed half way: no other until the next open has settled it */
};

static enum bl_status no_memory(struct bl_error *why)
{
	return bl_fail(why, BL_NO_MEMORY, "cannot hold keys: out of memory");
}

static enum bl_status write_slot(struct vault *vault, size_t index, unsigned copy,
				 const struct slot *slot, struct bl_error *why)
{
	uint8_t page[VAULT_PAGE];

	slot_encode(slot, page);
	return page_write(&vault->file, page_of_slot(index, copy), page, why);
}

/* B, then A: what the table of the format makes of a crash between them depends on it. */
static enum bl_status write_pair(struct vault *vault, size_t index, const struct slot *slot,
				 struct bl_error *why)
{
	enum bl_status status = write_slot(vault, index, 1, slot, why);

	return status == BL_OK ? write_slot(vault, index, 0, slot, why) : status;
}

/*
 * After a new image root failed half way, one copy may be damaged and the other one the only whole one: both are written with
 * the bytes they were to have, in the same order, before anything else is.
 */
static enum bl_status settle(struct vault *vault, size_t index, struct bl_error *why)
{
	struct entry *entry = &vault->entries[index];

	return entry->is_unsettled ? write_pair(vault, index, &entry->slot, why) : BL_OK;
}

static enum bl_status prove_slot(struct vault *vault, size_t index, const struct slot *slot,
				 enum vault_proof *out_proof, struct bl_error *why)
{
	uint8_t page[VAULT_PAGE];

	slot_encode(slot, page);
	return page_prove(&vault->file, vault->keys_fd, FILE_NAME, index, page, out_proof, why);
}

/* ---- destroying ------------------------------------------------------------------------------ */

/* Random first: should the tombstone hit a remapped sector, the key was still overwritten once. */
static enum bl_status overwrite(struct vault *vault, size_t index, unsigned copy,
				const struct slot *tombstone, struct bl_error *why)
{
	uint8_t page[VAULT_PAGE];

	randombytes_buf(page, sizeof(page));
	if (sodium_is_zero(page, 8))
		page[0] = 1;

	enum bl_status status = page_write(&vault->file, page_of_slot(index, copy), page, why);

	if (status != BL_OK)
		return status;
	return write_slot(vault, index, copy, tombstone, why);
}

/*
 * One copy is whole at any time: the live A while B goes, the tombstone B while A goes. Done again, perhaps after a
 * failure in the midst of it, B may be the only whole one: it is then written with the very bytes it may have, until A is.
 */
static enum bl_status write_tombstones(struct vault *vault, size_t index,
				       const struct slot *tombstone, bool is_again,
				       struct bl_error *why)
{
	enum bl_status status = is_again ? write_slot(vault, index, 1, tombstone, why)
					 : overwrite(vault, index, 1, tombstone, why);

	if (status == BL_OK)
		status = overwrite(vault, index, 0, tombstone, why);
	if (status == BL_OK && is_again)
		status = overwrite(vault, index, 1, tombstone, why);
	return status;
}

static enum bl_status destroy_slot(struct vault *vault, size_t index, enum vault_proof *out_proof,
				   struct bl_error *why)
{
	struct entry *entry = &vault->entries[index];
	struct slot tombstone = {.state = SLOT_TOMBSTONE};
	bool is_again = entry->slot.state == SLOT_TOMBSTONE;
	enum bl_status status = settle(vault, index, why);

	if (status != BL_OK)
		return status;
	tombstone.generation = is_again ? entry->slot.generation : ++vault->generation;
	memcpy(tombstone.id, entry->slot.id, sizeof(tombstone.id));

	/* From here the key is gone for us, whatever the medium says. */
	sodium_memzero(entry, sizeof(*entry));
	entry->slot = tombstone;
	status = write_tombstones(vault, index, &tombstone, is_again, why);
	return status == BL_OK ? prove_slot(vault, index, &tombstone, out_proof, why) : status;
}

/* ---- loading --------------------------------------------------------------------------------- */

static enum bl_status grow(struct vault *vault, struct bl_error *why)
{
	if (vault->slot_count < vault->slot_room)
		return BL_OK;

	size_t room = vault->slot_room ? vault->slot_room * 2 : VAULT_SLOT_BATCH;
	struct entry *entries = sodium_allocarray(room, sizeof(*entries));

	if (!entries)
		return no_memory(why);
	memset(entries, 0, room * sizeof(*entries));
	if (vault->entries)
		memcpy(entries, vault->entries, vault->slot_count * sizeof(*entries));
	sodium_free(vault->entries);
	vault->entries = entries;
	vault->slot_room = room;
	return BL_OK;
}

/* The copy that is the tombstone is not touched: it is all that says so. */
static enum bl_status finish_destroy(struct vault *vault, size_t index, const struct slot *a,
				     const struct slot *b, struct bl_error *why)
{
	bool is_b = b->state == SLOT_TOMBSTONE;
	const struct slot *tombstone = is_b ? b : a;
	enum vault_proof proof;
	enum bl_status status = overwrite(vault, index, is_b ? 0 : 1, tombstone, why);

	return status == BL_OK ? prove_slot(vault, index, tombstone, &proof, why) : status;
}

static enum bl_status repair(struct vault *vault, size_t index, enum slot_repair what,
			     const struct slot *a, const struct slot *b, struct bl_error *why)
{
	static const struct slot EMPTY = {.state = SLOT_EMPTY};

	switch (what) {
	case REPAIR_NONE:
		return BL_OK;
	case REPAIR_DESTROY:
		return finish_destroy(vault, index, a, b, why);
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

static enum bl_status load_slot(struct vault *vault, size_t index, struct bl_error *why)
{
	uint8_t pages[2 * VAULT_PAGE];
	struct slot a, b;
	enum bl_status status = grow(vault, why);

	if (status == BL_OK)
		status = page_read(vault->file.fd, page_of_slot(index, 0), 2, pages, why);
	if (status != BL_OK)
		return status;
	slot_decode(pages, &a);
	slot_decode(pages + VAULT_PAGE, &b);

	enum slot_repair what = slot_repair(&a, &b);
	struct entry *entry = &vault->entries[index];

	slot_settle(what, &a, &b, &entry->slot);
	vault->slot_count = index + 1;
	vault->generation = BL_MAX(vault->generation, BL_MAX(a.generation, b.generation));
	/* Opened before anything is written: a page that only looks right is no reason to lose its twin. */
	if (what != REPAIR_REFUSE && entry->slot.state == SLOT_LIVE)
		status = slot_open(&entry->slot, vault->secrets->kek, &entry->roots, why);
	if (status == BL_OK && what != REPAIR_NONE && (vault->is_writer || what == REPAIR_REFUSE))
		status = repair(vault, index, what, &a, &b, why);
	return status;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A slot that was copied to another place: destroying one of them would be half a destruction. */
static enum bl_status check_unique(const struct vault *vault, struct bl_error *why)
{
	BL_CLEANUP(bl_free) const char **ids = calloc(vault->slot_count + 1, sizeof(*ids));
	size_t count = 0;

	if (!ids)
		return no_memory(why);
	for (size_t i = 0; i < vault->slot_count; i++)
		if (vault->entries[i].slot.state == SLOT_LIVE)
			ids[count++] = vault->entries[i].slot.id;
	qsort(ids, count, sizeof(*ids), compare_ids);
	for (size_t i = 1; i < count; i++)
		if (strcmp(ids[i - 1], ids[i]) == 0)
			return bl_fail(why, BL_TAMPERED, "'keys' has two slots of device '%s'",
				       ids[i]);
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
		return no_memory(why);
	vault->file = (struct page_file){.fd = -1, .write_fd = -1};
	vault->keys_fd = keys_fd;
	pthread_mutex_init(&vault->lock, NULL);
	if (sodium_init() < 0)
		return no_memory(why);
	vault->secrets = sodium_malloc(sizeof(*vault->secrets));
	if (!vault->secrets)
		return no_memory(why);
	*out_vault = BL_TAKE(vault);
	return BL_OK;
}

static enum bl_status open_file(int keys_fd, int access, int *out_fd, off_t *out_size,
				struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = openat(keys_fd, FILE_NAME, access | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

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
	struct secrets *secrets = vault->secrets;
	uint8_t public_key[VAULT_PUBLIC_KEY];
	enum bl_status status = header_open(&vault->header, secrets->kek, &secrets->own, why);

	if (status == BL_OK)
		crypto_sign_seed_keypair(public_key, secrets->secret_key, secrets->own.first);
	/* A last pair that is cut short reads as zeros behind the cut. */
	for (size_t i = 0; status == BL_OK && (off_t)(page_of_slot(i, 0) * VAULT_PAGE) < size; i++)
		status = load_slot(vault, i, why);
	if (status == BL_OK)
		status = check_unique(vault, why);
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
	status = page_file_init(&vault->file, fd, vault->keys_fd, FILE_NAME, why);
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
	struct secrets *own = vault->secrets;
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
	if (renameat2(keys_fd, FILE_NEW, keys_fd, FILE_NAME, RENAME_NOREPLACE) != 0)
		return bl_fail_errno(why, errno == EEXIST ? BL_EXISTS : BL_IO,
				     "cannot name 'keys'");
	if (fsync(keys_fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync the folder of 'keys'");
	return BL_OK;
}

enum bl_status vault_create_at_cost(int keys_fd, const struct vault_secret *secrets,
				    size_t secret_count, const struct lock_cost *cost,
				    struct vault **out_vault, struct bl_error *why)
{
	struct stat st;
	BL_CLEANUP(vault_close) struct vault *vault = NULL;

	if (fstatat(keys_fd, FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return bl_fail(why, BL_EXISTS, "the store has 'keys' already");

	enum bl_status status = vault_new(keys_fd, &vault, why);

	if (status == BL_OK)
		status = make_header(vault, secrets, secret_count, cost, why);
	if (status == BL_OK)
		status = write_new(vault, why);
	if (status == BL_OK)
		status = name_new(keys_fd, why);
	if (status == BL_OK)
		status = open_new(vault, true, NULL, 0, why);
	if (status == BL_OK)
		*out_vault = BL_TAKE(vault);
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

/* ---- devices --------------------------------------------------------------------------------- */

static struct entry *find(const struct vault *vault, const char *id, enum slot_state state)
{
	for (size_t i = 0; i < vault->slot_count; i++)
		if (vault->entries[i].slot.state == state &&
		    strcmp(vault->entries[i].slot.id, id) == 0)
			return &vault->entries[i];
	return NULL;
}

static enum bl_status no_keys(const char *id, struct bl_error *why)
{
	if (bl_device_id_ok(id))
		return bl_fail(why, BL_NOT_FOUND, "device '%s' has no keys", id);
	return bl_fail(why, BL_NOT_FOUND, "that device has no keys");
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

	while (index < vault->slot_count && vault->entries[index].slot.state != SLOT_EMPTY)
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

	enum bl_status status = grow(vault, why);

	/* Zeros at the end mean nothing: having failed to make room breaks nothing. */
	if (status == BL_OK)
		status = page_make_room(&vault->file, index, why);
	if (status != BL_OK)
		return status;

	struct entry *entry = &vault->entries[index];

	memset(entry, 0, sizeof(*entry));
	entry->slot.state = SLOT_LIVE;
	entry->slot.generation = ++vault->generation;
	memcpy(entry->slot.id, id, strnlen(id, sizeof(entry->slot.id) - 1));
	randombytes_buf(&entry->roots, sizeof(entry->roots));
	slot_seal(&entry->slot, vault->secrets->kek, &entry->roots);
	status = write_pair(vault, index, &entry->slot, why);
	if (index == vault->slot_count)
		vault->slot_count++;
	/* Half written and untold: never used again in this run, settled by the next open. */
	if (status != BL_OK) {
		sodium_memzero(entry, sizeof(*entry));
		entry->slot.state = SLOT_DAMAGED;
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
	derive(vault->secrets->own.second, purpose, "", out_key);
}

enum bl_status vault_device_key(struct vault *vault, const char *id, enum vault_purpose purpose,
				uint8_t out_key[VAULT_KEY], struct bl_error *why)
{
	pthread_mutex_lock(&vault->lock);

	const struct entry *entry = find(vault, id, SLOT_LIVE);

	if (entry)
		derive(entry->roots.first, purpose, id, out_key);
	pthread_mutex_unlock(&vault->lock);
	return entry ? BL_OK : no_keys(id, why);
}

/*
 * Every slot of this id, live or tombstone: one that was destroyed before, perhaps without proof, is
 * overwritten and read back again, which gives the proof. The weakest one counts.
 */
static enum bl_status destroy_locked(struct vault *vault, const char *id,
				     enum vault_proof *out_proof, struct bl_error *why)
{
	enum bl_status status = BL_OK;
	enum vault_proof proof = VAULT_PROOF_RAW;
	bool was_found = false;

	for (size_t i = 0; i < vault->slot_count && status == BL_OK; i++) {
		const struct slot *slot = &vault->entries[i].slot;
		enum vault_proof one = VAULT_PROOF_CACHED;

		if ((slot->state != SLOT_LIVE && slot->state != SLOT_TOMBSTONE) ||
		    strcmp(slot->id, id) != 0)
			continue;
		was_found = true;
		status = destroy_slot(vault, i, &one, why);
		proof = BL_MIN(proof, one);
	}
	if (status == BL_OK && !was_found)
		return no_keys(id, why);
	if (status == BL_OK && out_proof)
		*out_proof = proof;
	return status;
}

enum bl_status vault_device_destroy(struct vault *vault, const char *id,
				    enum vault_proof *out_proof, struct bl_error *why)
{
	enum bl_status status = may_write(vault, id, why);

	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&vault->lock);
	status = destroy_locked(vault, id, out_proof, why);
	pthread_mutex_unlock(&vault->lock);
	return status;
}

/* ---- the image's root ------------------------------------------------------------------------ */

static enum bl_status image_root_locked(const struct vault *vault, const char *id,
					uint8_t out_root[VAULT_KEY], struct bl_error *why)
{
	const struct entry *entry = find(vault, id, SLOT_LIVE);

	if (!entry)
		return no_keys(id, why);
	if (entry->is_unsettled)
		return bl_fail(why, BL_IO,
			       "the key of the image of '%s' could not be written (restart Bailee)",
			       id);
	memcpy(out_root, entry->roots.second, VAULT_KEY);
	return BL_OK;
}

enum bl_status vault_image_root(struct vault *vault, const char *id, uint8_t out_root[VAULT_KEY],
				struct bl_error *why)
{
	pthread_mutex_lock(&vault->lock);

	enum bl_status status = image_root_locked(vault, id, out_root, why);

	pthread_mutex_unlock(&vault->lock);
	return status;
}

static enum bl_status set_root_locked(struct vault *vault, const char *id,
				      const uint8_t root[VAULT_KEY], enum vault_proof *out_proof,
				      struct bl_error *why)
{
	struct entry *entry = find(vault, id, SLOT_LIVE);
	enum vault_proof proof;

	if (!entry)
		return no_keys(id, why);

	size_t index = (size_t)(entry - vault->entries);

	enum bl_status status = settle(vault, index, why);

	if (status != BL_OK)
		return status;
	/* Neither root may be told as long as the medium might hold the other one. */
	entry->is_unsettled = true;
	memcpy(entry->roots.second, root, VAULT_KEY);
	entry->slot.generation = ++vault->generation;
	slot_seal(&entry->slot, vault->secrets->kek, &entry->roots);
	status = write_pair(vault, index, &entry->slot, why);
	if (status == BL_OK)
		status = prove_slot(vault, index, &entry->slot, &proof, why);
	if (status != BL_OK)
		return status;
	entry->is_unsettled = false;
	if (out_proof)
		*out_proof = proof;
	return BL_OK;
}

enum bl_status vault_image_root_set(struct vault *vault, const char *id,
				    const uint8_t root[VAULT_KEY], enum vault_proof *out_proof,
				    struct bl_error *why)
{
	enum bl_status status = may_write(vault, id, why);

	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&vault->lock);
	status = set_root_locked(vault, id, root, out_proof, why);
	pthread_mutex_unlock(&vault->lock);
	return status;
}

/* ---- every key there is ---------------------------------------------------------------------- */

#define PURPOSE_COUNT 3

static bool tell_derived(const uint8_t root[VAULT_KEY], const char *id,
			 bool (*tell)(void *, const uint8_t[VAULT_KEY]), void *context)
{
	uint8_t key[VAULT_KEY];
	bool goes_on = true;

	for (unsigned purpose = 0; purpose < PURPOSE_COUNT && goes_on; purpose++) {
		derive(root, (enum vault_purpose)purpose, id, key);
		goes_on = tell(context, key);
	}
	sodium_memzero(key, sizeof(key));
	return goes_on;
}

static void each_key_locked(const struct vault *vault,
			    bool (*tell)(void *context, const uint8_t key[VAULT_KEY]),
			    void *context)
{
	const struct secrets *own = vault->secrets;
	bool goes_on = tell(context, own->kek) && tell(context, own->own.first) &&
		       tell(context, own->own.second) &&
		       tell_derived(own->own.second, "", tell, context);

	for (size_t i = 0; i < vault->slot_count && goes_on; i++) {
		const struct entry *entry = &vault->entries[i];

		if (entry->slot.state == SLOT_LIVE)
			goes_on = tell(context, entry->roots.first) &&
				  tell(context, entry->roots.second) &&
				  tell_derived(entry->roots.first, entry->slot.id, tell, context);
	}
}

void vault_each_key(struct vault *vault, bool (*tell)(void *context, const uint8_t key[VAULT_KEY]),
		    void *context)
{
	pthread_mutex_lock(&vault->lock);
	each_key_locked(vault, tell, context);
	pthread_mutex_unlock(&vault->lock);
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
