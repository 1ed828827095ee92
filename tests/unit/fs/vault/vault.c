/* The key file: kept, refused when it may be read by others, destroyed in place. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/vault/slot.h"
#include "fs/vault/vault.h"

#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct store {
	char path[64];
	int fd, keys;
	struct vault *vault;
};

static int remove_one(const char *path, const struct stat *st BL_UNUSED, int type BL_UNUSED,
		      struct FTW *ftw BL_UNUSED)
{
	return remove(path);
}

static int setup(void **state)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return -1;
	strcpy(store->path, "/tmp/bailee-test-XXXXXX");
	if (!mkdtemp(store->path))
		return -1;
	store->fd = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = store;
	if (vault_create(store->fd, NULL, 0, &store->vault, NULL) != BL_OK)
		return -1;
	store->keys = openat(store->fd, "keys", O_RDWR | O_CLOEXEC);
	return store->keys >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	struct store *store = *state;

	vault_close(store->vault);
	close(store->keys);
	close(store->fd);
	nftw(store->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(store);
	return 0;
}

static enum bl_status reopen(struct store *store, struct bl_error *why)
{
	vault_close(store->vault);
	store->vault = NULL;
	return vault_open(store->fd, NULL, 0, &store->vault, why);
}

static void read_page(const struct store *store, unsigned page, uint8_t out[VAULT_PAGE])
{
	memset(out, 0, VAULT_PAGE);
	assert_true(pread(store->keys, out, VAULT_PAGE, (off_t)page * VAULT_PAGE) >= 0);
}

static void write_page(const struct store *store, unsigned page, const uint8_t in[VAULT_PAGE])
{
	assert_int_equal(pwrite(store->keys, in, VAULT_PAGE, (off_t)page * VAULT_PAGE), VAULT_PAGE);
}

static void keys_survive_a_restart_and_differ_by_purpose_and_device(void **state)
{
	struct store *store = *state;
	uint8_t before[3][VAULT_KEY], after[VAULT_KEY], other[VAULT_KEY], public_key[32];

	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_device_add(store->vault, "RMA-2", NULL), BL_OK);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(vault_device_key(store->vault, "RMA-1", (enum vault_purpose)i,
						  before[i], NULL),
				 BL_OK);
	assert_memory_not_equal(before[0], before[1], VAULT_KEY);
	assert_memory_not_equal(before[1], before[2], VAULT_KEY);
	memcpy(public_key, vault_public_key(store->vault), 32);
	assert_int_equal(reopen(store, NULL), BL_OK);
	assert_memory_equal(public_key, vault_public_key(store->vault), 32);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(
			vault_device_key(store->vault, "RMA-1", (enum vault_purpose)i, after, NULL),
			BL_OK);
		assert_memory_equal(before[i], after, VAULT_KEY);
	}
	assert_int_equal(vault_device_key(store->vault, "RMA-2", VAULT_MASK, other, NULL), BL_OK);
	assert_memory_not_equal(other, before[VAULT_MASK], VAULT_KEY);
}

static void creating_twice_is_refused_and_opening_nothing_is_not_found(void **state)
{
	struct store *store = *state;
	struct vault *vault = NULL;
	uint8_t before[VAULT_PAGE], after[VAULT_PAGE];

	read_page(store, 0, before);
	assert_int_equal(vault_create(store->fd, NULL, 0, &vault, NULL), BL_EXISTS);
	read_page(store, 0, after);
	assert_memory_equal(before, after, VAULT_PAGE);
	assert_int_equal(unlinkat(store->fd, "keys", 0), 0);
	assert_int_equal(vault_open(store->fd, NULL, 0, &vault, NULL), BL_NOT_FOUND);
	assert_null(vault);
}

static void a_file_that_others_may_use_is_refused(void **state)
{
	static const mode_t MODES[] = {0644, 0640, 0620, 0601, 0602};
	struct store *store = *state;

	for (size_t i = 0; i < BL_COUNT(MODES); i++) {
		assert_int_equal(fchmodat(store->fd, "keys", MODES[i], 0), 0);
		if (reopen(store, NULL) != BL_INVALID)
			fail_msg("mode %o was not refused", MODES[i]);
	}
	assert_int_equal(fchmodat(store->fd, "keys", 0600, 0), 0);
	assert_int_equal(reopen(store, NULL), BL_OK);
}

static void a_link_in_place_of_the_file_is_refused(void **state)
{
	struct store *store = *state;

	assert_int_equal(renameat(store->fd, "keys", store->fd, "elsewhere"), 0);
	assert_int_equal(symlinkat("elsewhere", store->fd, "keys"), 0);
	assert_int_equal(reopen(store, NULL), BL_INVALID);
}

/* The header with its checksum right again, in both copies. */
static void write_headers(const struct store *store, uint8_t page[VAULT_PAGE])
{
	page_checksum(page);
	write_page(store, 0, page);
	write_page(store, 1, page);
}

static void another_version_is_refused_and_never_written_over(void **state)
{
	static const struct {
		uint8_t version;
		const char *says;
	} ROWS[] = {{0, "before locks"},
		    {1, "before locks"},
		    {3, "newer Bailee"},
		    {255, "newer Bailee"}};
	struct store *store = *state;
	uint8_t good[VAULT_PAGE], page[VAULT_PAGE], left[VAULT_PAGE];

	read_page(store, 0, good);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {.text = ""};

		memcpy(page, good, sizeof(page));
		page[8] = ROWS[i].version;
		write_headers(store, page);
		if (reopen(store, &why) != BL_INVALID || !strstr(why.text, ROWS[i].says))
			fail_msg("version %u: %s", ROWS[i].version, why.text);
		/* One copy of this version beside it heals nothing. */
		for (unsigned copy = 0; copy < 2; copy++) {
			write_page(store, copy, good);
			write_page(store, 1 - copy, page);
			if (reopen(store, &why) != BL_INVALID)
				fail_msg("version %u in copy %u was not refused", ROWS[i].version,
					 1 - copy);
			read_page(store, 1 - copy, left);
			assert_memory_equal(left, page, VAULT_PAGE);
		}
	}
}

static void a_foreign_file_is_refused(void **state)
{
	static const uint8_t ZEROS[VAULT_PAGE], TEXT[VAULT_PAGE] = "not a key file";
	static const uint8_t *const ROWS[] = {ZEROS, TEXT};
	struct store *store = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		write_page(store, 0, ROWS[i]);
		write_page(store, 1, ROWS[i]);
		if (reopen(store, NULL) != BL_INVALID)
			fail_msg("row %zu was not refused", i);
	}
	assert_int_equal(ftruncate(store->keys, 0), 0);
	assert_int_equal(reopen(store, NULL), BL_INVALID);
}

static void every_byte_of_one_header_is_healed_from_the_other(void **state)
{
	struct store *store = *state;
	uint8_t good[VAULT_PAGE], page[VAULT_PAGE];

	read_page(store, 0, good);
	for (unsigned at = 0; at < VAULT_PAGE; at += at < 80 ? 1 : 61)
		for (unsigned copy = 0; copy < 2; copy++) {
			memcpy(page, good, sizeof(page));
			page[at] ^= 0x40;
			write_page(store, copy, page);

			enum bl_status status = reopen(store, NULL);

			read_page(store, copy, page);
			if (status != BL_OK || memcmp(page, good, VAULT_PAGE) != 0)
				fail_msg("byte %u of copy %u: %s", at, copy,
					 bl_status_name(status));
		}
}

static void both_headers_damaged_are_refused(void **state)
{
	struct store *store = *state;
	uint8_t good[VAULT_PAGE], page[VAULT_PAGE];

	read_page(store, 0, good);
	for (unsigned at = 0; at < VAULT_PAGE; at += at < 300 ? 1 : 61) {
		memcpy(page, good, sizeof(page));
		page[at] ^= 0x40;
		write_page(store, 0, page);
		write_page(store, 1, page);

		enum bl_status status = reopen(store, NULL);

		if (status != (at < 8 ? BL_INVALID : BL_TAMPERED))
			fail_msg("byte %u flipped: %s", at, bl_status_name(status));
	}
	write_page(store, 0, good);
	assert_int_equal(reopen(store, NULL), BL_OK);
}

static void two_good_headers_that_differ_are_refused(void **state)
{
	struct store *store = *state;
	uint8_t page[VAULT_PAGE];

	read_page(store, 0, page);
	page[32] ^= 1; /* the time of its making */
	page_checksum(page);
	write_page(store, 1, page);
	assert_int_equal(reopen(store, NULL), BL_TAMPERED);
}

/* Whoever can write the file can make its checksums right. */
static void sealed_fields_that_were_changed_are_tampered(void **state)
{
	static const unsigned FIELDS[] = {16,  32,  40,	 71,  72,  96,	127, 128,
					  159, 160, 175, 192, 208, 232, 263, 279};
	struct store *store = *state;
	uint8_t good[VAULT_PAGE], page[VAULT_PAGE];

	read_page(store, 0, good);
	for (size_t i = 0; i < BL_COUNT(FIELDS); i++) {
		memcpy(page, good, sizeof(page));
		page[FIELDS[i]] ^= 1;
		write_headers(store, page);

		enum bl_status status = reopen(store, NULL);

		if (status != BL_TAMPERED && status != BL_FORBIDDEN)
			fail_msg("byte %u changed: %s", FIELDS[i], bl_status_name(status));
	}
	write_headers(store, good);
	assert_int_equal(reopen(store, NULL), BL_OK);
}

static void a_device_has_one_key_until_it_is_destroyed(void **state)
{
	struct store *store = *state;
	uint8_t key[VAULT_KEY];
	enum vault_proof proof = VAULT_PROOF_CACHED;

	assert_int_equal(vault_device_key(store->vault, "RMA-1", VAULT_MASK, key, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(vault_device_destroy(store->vault, "RMA-1", &proof, NULL), BL_NOT_FOUND);
	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_EXISTS);
	assert_int_equal(vault_device_destroy(store->vault, "RMA-1", &proof, NULL), BL_OK);
	assert_int_equal(vault_device_key(store->vault, "RMA-1", VAULT_MASK, key, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(vault_device_destroy(store->vault, "RMA-1", &proof, NULL), BL_OK);
	assert_int_equal(reopen(store, NULL), BL_OK);
	assert_int_equal(vault_device_key(store->vault, "RMA-1", VAULT_MASK, key, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(vault_device_add(store->vault, "../RMA", NULL), BL_INVALID);
}

static void read_all(const struct store *store, uint8_t **out, size_t *out_length)
{
	struct stat st;

	assert_int_equal(fstat(store->keys, &st), 0);
	*out = malloc((size_t)st.st_size);
	assert_non_null(*out);
	assert_int_equal(pread(store->keys, *out, (size_t)st.st_size, 0), st.st_size);
	*out_length = (size_t)st.st_size;
}

static void a_destroyed_key_is_nowhere_in_the_file(void **state)
{
	struct store *store = *state;
	uint8_t page[VAULT_PAGE], key[VAULT_KEY], *bytes;
	struct slot slot;
	size_t length;
	enum vault_proof proof = VAULT_PROOF_CACHED;

	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_device_add(store->vault, "RMA-2", NULL), BL_OK);
	read_page(store, 2, page);
	slot_decode(page, &slot);
	assert_int_equal(slot.state, SLOT_LIVE);
	read_all(store, &bytes, &length);
	assert_non_null(memmem(bytes, length, slot.sealed, VAULT_SEALED));
	free(bytes);
	assert_int_equal(vault_device_destroy(store->vault, "RMA-1", &proof, NULL), BL_OK);
	read_all(store, &bytes, &length);
	assert_int_equal(length, (2 + 2 * VAULT_SLOT_BATCH) * VAULT_PAGE);
	assert_null(memmem(bytes, length, slot.sealed, 16));
	assert_null(memmem(bytes, length, slot.nonce, VAULT_NONCE));
	free(bytes);
	assert_int_equal(vault_device_key(store->vault, "RMA-2", VAULT_MASK, key, NULL), BL_OK);
}

/* The KEK of a store without a lock, by the format alone. */
static void kek_of(const struct store *store, uint8_t kek[VAULT_KEY])
{
	static const struct vault_secret NONE = {.kind = VAULT_LOCK_NONE};
	uint8_t page[VAULT_PAGE];
	struct vault_header header;

	read_page(store, 0, page);
	assert_int_equal(header_decode(page, &header, NULL), BL_OK);
	assert_int_equal(lock_open(&header.locks[0], &NONE, header.id, kek, NULL), BL_OK);
}

/* What a crash can leave in the two copies, and what open makes of it. */
enum copy { EMPTY, LIVE, NEWER, OLDER, TWIN, OTHER, FORGED, TOMBSTONE, DAMAGED, COPY_COUNT };

/* LIVE with the generation 9 in front of NEWER; TWIN is sealed again, OTHER of another id, FORGED under another KEK. */
static void make_copies(const struct store *store, uint8_t pages[COPY_COUNT][VAULT_PAGE])
{
	struct key_pair roots, new_roots;
	uint8_t kek[VAULT_KEY];

	kek_of(store, kek);
	memset(&roots, 1, sizeof(roots));
	memset(&new_roots, 1, sizeof(new_roots));
	memset(new_roots.second, 2, VAULT_KEY);
	for (enum copy copy = EMPTY; copy < COPY_COUNT; copy++) {
		struct slot slot = {.state = SLOT_LIVE, .generation = 9, .id = "RMA-1"};

		if (copy == NEWER)
			slot.generation = 10;
		if (copy == OLDER)
			slot.generation = 8;
		if (copy == OTHER) {
			slot.generation = 10;
			slot.id[4] = '7';
		}
		if (copy == TOMBSTONE)
			slot.state = SLOT_TOMBSTONE;
		if (copy == EMPTY)
			slot.state = SLOT_EMPTY;
		if (copy == FORGED) {
			slot.generation = 10;
			kek[0] ^= 1;
		}
		slot_seal(&slot, kek, copy == NEWER ? &new_roots : &roots);
		if (copy == FORGED)
			kek[0] ^= 1;
		slot_encode(&slot, pages[copy]);
		if (copy == DAMAGED)
			pages[copy][100] ^= 1;
	}
}

static void a_crash_between_the_copies_is_settled_at_open(void **state)
{
	static const struct {
		enum copy a, b;
		enum bl_status opened, key;
		enum copy left_a, left_b;
		uint8_t image_root; /* its bytes, where it has one */
	} ROWS[] = {
		{EMPTY, EMPTY, BL_OK, BL_NOT_FOUND, EMPTY, EMPTY, 0},
		{LIVE, LIVE, BL_OK, BL_OK, LIVE, LIVE, 1},
		{NEWER, NEWER, BL_OK, BL_OK, NEWER, NEWER, 2},
		{LIVE, NEWER, BL_OK, BL_OK, NEWER, NEWER, 2},
		{DAMAGED, NEWER, BL_OK, BL_OK, NEWER, NEWER, 2},
		{LIVE, TWIN, BL_TAMPERED, BL_OK, LIVE, TWIN, 0},
		{LIVE, OLDER, BL_TAMPERED, BL_OK, LIVE, OLDER, 0},
		{LIVE, OTHER, BL_TAMPERED, BL_OK, LIVE, OTHER, 0},
		{LIVE, FORGED, BL_TAMPERED, BL_OK, LIVE, FORGED, 0},
		{FORGED, FORGED, BL_TAMPERED, BL_OK, FORGED, FORGED, 0},
		{DAMAGED, FORGED, BL_TAMPERED, BL_OK, DAMAGED, FORGED, 0},
		{FORGED, DAMAGED, BL_TAMPERED, BL_OK, FORGED, DAMAGED, 0},
		{LIVE, TOMBSTONE, BL_OK, BL_NOT_FOUND, TOMBSTONE, TOMBSTONE, 0},
		{TOMBSTONE, LIVE, BL_OK, BL_NOT_FOUND, TOMBSTONE, TOMBSTONE, 0},
		{DAMAGED, TOMBSTONE, BL_OK, BL_NOT_FOUND, TOMBSTONE, TOMBSTONE, 0},
		{TOMBSTONE, DAMAGED, BL_OK, BL_NOT_FOUND, TOMBSTONE, TOMBSTONE, 0},
		{EMPTY, TOMBSTONE, BL_OK, BL_NOT_FOUND, TOMBSTONE, TOMBSTONE, 0},
		{TOMBSTONE, EMPTY, BL_OK, BL_NOT_FOUND, TOMBSTONE, TOMBSTONE, 0},
		{TOMBSTONE, TOMBSTONE, BL_OK, BL_NOT_FOUND, TOMBSTONE, TOMBSTONE, 0},
		{EMPTY, LIVE, BL_OK, BL_NOT_FOUND, EMPTY, EMPTY, 0},
		{EMPTY, DAMAGED, BL_OK, BL_NOT_FOUND, EMPTY, EMPTY, 0},
		{LIVE, DAMAGED, BL_OK, BL_OK, LIVE, LIVE, 1},
		{LIVE, EMPTY, BL_OK, BL_OK, LIVE, LIVE, 1},
		{DAMAGED, LIVE, BL_OK, BL_OK, LIVE, LIVE, 1},
		{DAMAGED, DAMAGED, BL_TAMPERED, BL_OK, DAMAGED, DAMAGED, 0},
		{DAMAGED, EMPTY, BL_TAMPERED, BL_OK, DAMAGED, EMPTY, 0},
	};
	struct store *store = *state;
	uint8_t copies[COPY_COUNT][VAULT_PAGE], page[VAULT_PAGE], key[VAULT_KEY];

	make_copies(store, copies);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const enum copy wanted[2] = {ROWS[i].left_a, ROWS[i].left_b};

		write_page(store, 2, copies[ROWS[i].a]);
		write_page(store, 3, copies[ROWS[i].b]);

		enum bl_status status = reopen(store, NULL);

		if (status != ROWS[i].opened)
			fail_msg("row %zu: open says %s", i, bl_status_name(status));
		if (status == BL_OK) {
			status = vault_image_root(store->vault, "RMA-1", key, NULL);
			if (status != ROWS[i].key ||
			    (status == BL_OK && key[0] != ROWS[i].image_root))
				fail_msg("row %zu: key says %s", i, bl_status_name(status));
		}
		for (unsigned copy = 0; copy < 2; copy++) {
			struct slot left, meant;

			read_page(store, 2 + copy, page);
			slot_decode(page, &left);
			slot_decode(copies[wanted[copy]], &meant);
			/* A tombstone that was written anew has a generation of its own. */
			if (left.state != meant.state ||
			    (left.state != SLOT_TOMBSTONE &&
			     memcmp(page, copies[wanted[copy]], VAULT_PAGE) != 0))
				fail_msg("row %zu: copy %u is left as %d", i, copy, left.state);
		}
	}
}

static void a_file_cut_in_the_last_slot_is_an_add_never_told(void **state)
{
	struct store *store = *state;
	uint8_t key[VAULT_KEY];

	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_device_add(store->vault, "RMA-2", NULL), BL_OK);
	/* Copy A of slot 1 was never written; copy B is cut. */
	uint8_t zeros[VAULT_PAGE] = {0};

	write_page(store, 4, zeros);
	assert_int_equal(ftruncate(store->keys, 5 * VAULT_PAGE + 100), 0);
	assert_int_equal(reopen(store, NULL), BL_OK);
	assert_int_equal(vault_device_key(store->vault, "RMA-1", VAULT_MASK, key, NULL), BL_OK);
	assert_int_equal(vault_device_key(store->vault, "RMA-2", VAULT_MASK, key, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(vault_device_add(store->vault, "RMA-2", NULL), BL_OK);
	assert_int_equal(reopen(store, NULL), BL_OK);
	assert_int_equal(vault_device_key(store->vault, "RMA-2", VAULT_MASK, key, NULL), BL_OK);
}

static void a_slot_copied_to_another_place_is_tampered(void **state)
{
	struct store *store = *state;
	uint8_t page[VAULT_PAGE];

	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_device_add(store->vault, "RMA-2", NULL), BL_OK);
	read_page(store, 2, page);
	write_page(store, 6, page);
	write_page(store, 7, page);
	assert_int_equal(reopen(store, NULL), BL_TAMPERED);
}

/* Bound to its id, generation and state: with the checksum right again, in both copies. */
static void wrapped_bytes_of_a_slot_that_were_changed_are_tampered(void **state)
{
	struct store *store = *state;
	uint8_t good[VAULT_PAGE], page[VAULT_PAGE];

	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	read_page(store, 2, good);
	/* The generation, the id's last letter, then every byte of nonce and sealed. */
	for (unsigned at = 16; at < 160; at = at == 16 ? 28 : at == 28 ? 56 : at + 1) {
		memcpy(page, good, sizeof(page));
		page[at] ^= 1;
		page_checksum(page);
		write_page(store, 2, page);
		write_page(store, 3, page);

		enum bl_status status = reopen(store, NULL);

		if (status != BL_TAMPERED)
			fail_msg("byte %u changed: %s", at, bl_status_name(status));
	}
	write_page(store, 2, good);
	write_page(store, 3, good);
	assert_int_equal(reopen(store, NULL), BL_OK);
}

static void an_image_root_is_replaced_alone_and_for_good(void **state)
{
	static const uint8_t NEW[VAULT_KEY] = {1, 2, 3};
	struct store *store = *state;
	uint8_t before[VAULT_KEY], after[VAULT_KEY], root[VAULT_KEY], other[VAULT_KEY];
	enum vault_proof proof;

	assert_int_equal(vault_image_root(store->vault, "RMA-1", root, NULL), BL_NOT_FOUND);
	assert_int_equal(vault_image_root_set(store->vault, "RMA-1", NEW, &proof, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_device_add(store->vault, "RMA-2", NULL), BL_OK);
	assert_int_equal(vault_device_key(store->vault, "RMA-1", VAULT_RECORD, before, NULL),
			 BL_OK);
	assert_int_equal(vault_image_root(store->vault, "RMA-2", other, NULL), BL_OK);
	assert_int_equal(vault_image_root_set(store->vault, "RMA-1", NEW, &proof, NULL), BL_OK);
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(vault_image_root(store->vault, "RMA-1", root, NULL), BL_OK);
		assert_memory_equal(root, NEW, VAULT_KEY);
		assert_int_equal(vault_device_key(store->vault, "RMA-1", VAULT_RECORD, after, NULL),
				 BL_OK);
		assert_memory_equal(after, before, VAULT_KEY);
		assert_int_equal(vault_image_root(store->vault, "RMA-2", root, NULL), BL_OK);
		assert_memory_equal(root, other, VAULT_KEY);
		assert_int_equal(reopen(store, NULL), BL_OK);
	}
}

/* A copy of the keys put in their place would be what the next open reads. */
static void keys_exchanged_while_open_are_not_proven_destroyed(void **state)
{
	struct store *store = *state;
	enum vault_proof proof;
	uint8_t root[VAULT_KEY] = {1};
	int fd;

	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	fd = openat(store->fd, "copy", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(renameat(store->fd, "keys", store->fd, "away"), 0);
	assert_int_equal(renameat(store->fd, "copy", store->fd, "keys"), 0);
	assert_int_equal(vault_image_root_set(store->vault, "RMA-1", root, &proof, NULL), BL_IO);
	assert_int_equal(vault_device_destroy(store->vault, "RMA-1", &proof, NULL), BL_IO);
	assert_int_equal(renameat(store->fd, "away", store->fd, "keys"), 0);
	assert_int_equal(vault_device_destroy(store->vault, "RMA-1", &proof, NULL), BL_OK);
}

struct told {
	uint8_t keys[64][VAULT_KEY];
	size_t count, stop_at;
};

static bool tell(void *context, const uint8_t key[VAULT_KEY])
{
	struct told *told = context;

	if (told->count < BL_COUNT(told->keys))
		memcpy(told->keys[told->count], key, VAULT_KEY);
	return ++told->count != told->stop_at;
}

static bool was_told(const struct told *told, const uint8_t key[VAULT_KEY])
{
	for (size_t i = 0; i < told->count; i++)
		if (memcmp(told->keys[i], key, VAULT_KEY) == 0)
			return true;
	return false;
}

static void every_key_that_is_left_is_told_and_no_other(void **state)
{
	struct store *store = *state;
	struct told told = {.count = 0}, left = {.count = 0}, stopped = {.stop_at = 3};
	uint8_t key[VAULT_KEY], root[VAULT_KEY], kek[VAULT_KEY];
	enum vault_proof proof;

	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_device_add(store->vault, "RMA-2", NULL), BL_OK);
	vault_each_key(store->vault, tell, &told);
	/* KEK, seed, master and four of its own; of each device two roots and four derived. */
	assert_int_equal(told.count, 7 + 2 * 6);
	kek_of(store, kek);
	assert_true(was_told(&told, kek));
	for (unsigned purpose = 0; purpose < 4; purpose++) {
		vault_store_key(store->vault, (enum vault_purpose)purpose, key);
		assert_true(was_told(&told, key));
		assert_int_equal(vault_device_key(store->vault, "RMA-1",
						  (enum vault_purpose)purpose, key, NULL),
				 BL_OK);
		assert_true(was_told(&told, key));
	}
	assert_int_equal(vault_image_root(store->vault, "RMA-1", root, NULL), BL_OK);
	assert_true(was_told(&told, root));
	assert_int_equal(vault_device_destroy(store->vault, "RMA-1", &proof, NULL), BL_OK);
	vault_each_key(store->vault, tell, &left);
	assert_int_equal(left.count, 7 + 6);
	assert_false(was_told(&left, root));
	assert_false(was_told(&left, key));
	vault_each_key(store->vault, tell, &stopped);
	assert_int_equal(stopped.count, 3);
}

static void health_is_told_without_the_secrets_and_without_a_change(void **state)
{
	static const struct {
		unsigned page;
		size_t bad;
		enum bl_status status;
	} ROWS[] = {{0, 1, BL_OK}, {1, 1, BL_OK}, {2, 1, BL_OK}, {3, 1, BL_OK}, {5, 1, BL_OK}};
	struct store *store = *state;
	struct vault_health health;
	enum vault_proof proof;
	uint8_t good[VAULT_PAGE], page[VAULT_PAGE];

	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_device_add(store->vault, "RMA-2", NULL), BL_OK);
	assert_int_equal(vault_device_destroy(store->vault, "RMA-2", &proof, NULL), BL_OK);
	assert_int_equal(vault_check(store->fd, &health, NULL), BL_OK);
	assert_int_equal(health.slots_live, 1);
	assert_int_equal(health.slots_tombstone, 1);
	assert_int_equal(health.copies_bad, 0);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		read_page(store, ROWS[i].page, good);
		memcpy(page, good, sizeof(page));
		page[100] ^= 1;
		write_page(store, ROWS[i].page, page);

		enum bl_status status = vault_check(store->fd, &health, NULL);

		if (status != ROWS[i].status || health.copies_bad != ROWS[i].bad ||
		    health.slots_live != 1 || health.slots_tombstone != 1)
			fail_msg("row %zu: %s, %zu bad", i, bl_status_name(status),
				 health.copies_bad);
		read_page(store, ROWS[i].page, page);
		assert_memory_not_equal(page, good, VAULT_PAGE);
		write_page(store, ROWS[i].page, good);
	}
	memset(page, 7, sizeof(page));
	write_page(store, 2, page);
	write_page(store, 3, page);
	assert_int_equal(vault_check(store->fd, &health, NULL), BL_TAMPERED);
	assert_int_equal(fchmodat(store->fd, "keys", 0644, 0), 0);
	assert_int_equal(vault_check(store->fd, &health, NULL), BL_INVALID);
	assert_int_equal(unlinkat(store->fd, "keys", 0), 0);
	assert_int_equal(vault_check(store->fd, &health, NULL), BL_NOT_FOUND);
}

static void a_second_opener_reads_and_does_not_write(void **state)
{
	struct store *store = *state;
	struct vault *second = NULL;
	uint8_t key[VAULT_KEY];
	enum vault_proof proof;

	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_open(store->fd, NULL, 0, &second, NULL), BL_OK);
	assert_int_equal(vault_device_key(second, "RMA-1", VAULT_MASK, key, NULL), BL_OK);
	assert_int_equal(vault_device_add(second, "RMA-2", NULL), BL_LOCKED);
	assert_int_equal(vault_device_destroy(second, "RMA-1", &proof, NULL), BL_LOCKED);
	vault_close(second);
}

static void many_devices_fit(void **state)
{
	struct store *store = *state;
	uint8_t key[VAULT_KEY];
	char id[BL_DEVICE_ID_SIZE];

	for (unsigned i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "RMA-%u", i);
		assert_int_equal(vault_device_add(store->vault, id, NULL), BL_OK);
	}
	assert_int_equal(reopen(store, NULL), BL_OK);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "RMA-%u", i);
		assert_int_equal(vault_device_key(store->vault, id, VAULT_MASK, key, NULL), BL_OK);
	}
}

static void a_signature_is_good_for_its_message_only(void **state)
{
	struct store *store = *state;
	uint8_t signature[VAULT_SIGNATURE];
	const uint8_t *key = vault_public_key(store->vault);

	vault_sign(store->vault, "message", 7, signature);
	assert_true(vault_signature_ok(key, "message", 7, signature));
	assert_false(vault_signature_ok(key, "massage", 7, signature));
	signature[3] ^= 1;
	assert_false(vault_signature_ok(key, "message", 7, signature));
}

static void what_is_sealed_opens_only_whole_and_under_its_label(void **state BL_UNUSED)
{
	static const uint8_t KEY[VAULT_KEY] = {1, 2, 3};
	uint8_t sealed[7 + VAULT_SEAL_OVERHEAD], plain[7];

	assert_int_equal(vault_seal(KEY, "record RMA-1", (const uint8_t *)"secrets", 7, sealed),
			 BL_OK);
	assert_int_equal(vault_unseal(KEY, "record RMA-1", sealed, sizeof(sealed), plain, NULL),
			 BL_OK);
	assert_memory_equal(plain, "secrets", 7);
	assert_int_equal(vault_unseal(KEY, "record RMA-2", sealed, sizeof(sealed), plain, NULL),
			 BL_TAMPERED);
	assert_int_equal(vault_unseal(KEY, "record RMA-1", sealed, 39, plain, NULL), BL_INVALID);
	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		if (vault_unseal(KEY, "record RMA-1", sealed, sizeof(sealed), plain, NULL) !=
		    BL_TAMPERED)
			fail_msg("byte %zu flipped still opens", i);
		sealed[i] ^= 1;
	}
	for (size_t i = 0; i < sizeof(plain); i++)
		assert_int_equal(plain[i], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_survive_a_restart_and_differ_by_purpose_and_device),
		TEST(creating_twice_is_refused_and_opening_nothing_is_not_found),
		TEST(a_file_that_others_may_use_is_refused),
		TEST(a_link_in_place_of_the_file_is_refused),
		TEST(another_version_is_refused_and_never_written_over),
		TEST(a_foreign_file_is_refused),
		TEST(every_byte_of_one_header_is_healed_from_the_other),
		TEST(both_headers_damaged_are_refused),
		TEST(two_good_headers_that_differ_are_refused),
		TEST(sealed_fields_that_were_changed_are_tampered),
		TEST(a_device_has_one_key_until_it_is_destroyed),
		TEST(a_destroyed_key_is_nowhere_in_the_file),
		TEST(a_crash_between_the_copies_is_settled_at_open),
		TEST(a_file_cut_in_the_last_slot_is_an_add_never_told),
		TEST(a_slot_copied_to_another_place_is_tampered),
		TEST(wrapped_bytes_of_a_slot_that_were_changed_are_tampered),
		TEST(an_image_root_is_replaced_alone_and_for_good),
		TEST(keys_exchanged_while_open_are_not_proven_destroyed),
		TEST(every_key_that_is_left_is_told_and_no_other),
		TEST(health_is_told_without_the_secrets_and_without_a_change),
		TEST(a_second_opener_reads_and_does_not_write),
		TEST(many_devices_fit),
		TEST(a_signature_is_good_for_its_message_only),
		TEST(what_is_sealed_opens_only_whole_and_under_its_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
