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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct store {
	char path[64];
	int fd;
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
	return vault_create(store->fd, &store->vault, NULL) == BL_OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct store *store = *state;

	vault_close(store->vault);
	close(store->fd);
	nftw(store->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(store);
	return 0;
}

static enum bl_status reopen(struct store *store, struct bl_error *why)
{
	vault_close(store->vault);
	store->vault = NULL;
	return vault_open(store->fd, &store->vault, why);
}

static void read_page(const struct store *store, unsigned page, uint8_t out[VAULT_PAGE])
{
	int fd = openat(store->fd, "keys", O_RDONLY);

	memset(out, 0, VAULT_PAGE);
	assert_true(pread(fd, out, VAULT_PAGE, (off_t)page * VAULT_PAGE) >= 0);
	close(fd);
}

static void write_page(const struct store *store, unsigned page, const uint8_t in[VAULT_PAGE])
{
	int fd = openat(store->fd, "keys", O_RDWR);

	assert_int_equal(pwrite(fd, in, VAULT_PAGE, (off_t)page * VAULT_PAGE), VAULT_PAGE);
	close(fd);
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
	assert_int_equal(vault_create(store->fd, &vault, NULL), BL_EXISTS);
	read_page(store, 0, after);
	assert_memory_equal(before, after, VAULT_PAGE);
	assert_int_equal(unlinkat(store->fd, "keys", 0), 0);
	assert_int_equal(vault_open(store->fd, &vault, NULL), BL_NOT_FOUND);
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

static void a_newer_version_is_refused(void **state)
{
	struct store *store = *state;
	uint8_t page[VAULT_PAGE];

	read_page(store, 0, page);
	page[8] = 2;
	write_page(store, 0, page);
	assert_int_equal(reopen(store, NULL), BL_INVALID);
}

static void every_byte_of_the_header_counts(void **state)
{
	struct store *store = *state;
	uint8_t page[VAULT_PAGE];

	for (unsigned at = 0; at < VAULT_PAGE; at += at < 200 ? 1 : 61) {
		read_page(store, 0, page);
		page[at] ^= 0x40;
		write_page(store, 0, page);

		enum bl_status status = reopen(store, NULL);

		if (status != BL_TAMPERED && status != BL_INVALID)
			fail_msg("byte %u flipped: %s", at, bl_status_name(status));
		page[at] ^= 0x40;
		write_page(store, 0, page);
	}
	assert_int_equal(reopen(store, NULL), BL_OK);
}

static void a_device_has_one_key_until_it_is_destroyed(void **state)
{
	struct store *store = *state;
	uint8_t key[VAULT_KEY];
	bool was_raw = false;

	assert_int_equal(vault_device_key(store->vault, "RMA-1", VAULT_MASK, key, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(vault_device_destroy(store->vault, "RMA-1", &was_raw, NULL), BL_NOT_FOUND);
	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_EXISTS);
	assert_int_equal(vault_device_destroy(store->vault, "RMA-1", &was_raw, NULL), BL_OK);
	assert_int_equal(vault_device_key(store->vault, "RMA-1", VAULT_MASK, key, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(vault_device_destroy(store->vault, "RMA-1", &was_raw, NULL), BL_OK);
	assert_int_equal(reopen(store, NULL), BL_OK);
	assert_int_equal(vault_device_key(store->vault, "RMA-1", VAULT_MASK, key, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(vault_device_add(store->vault, "../RMA", NULL), BL_INVALID);
}

static void a_destroyed_root_key_is_nowhere_in_the_file(void **state)
{
	struct store *store = *state;
	uint8_t page[VAULT_PAGE], root[VAULT_KEY], bytes[8 * VAULT_PAGE];
	bool was_raw = false;

	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_device_add(store->vault, "RMA-2", NULL), BL_OK);
	read_page(store, 1, page);
	memcpy(root, page + 56, VAULT_KEY);
	assert_int_equal(vault_device_destroy(store->vault, "RMA-1", &was_raw, NULL), BL_OK);

	int fd = openat(store->fd, "keys", O_RDONLY);
	ssize_t got = read(fd, bytes, sizeof(bytes));

	close(fd);
	assert_int_equal(got, 5 * VAULT_PAGE);
	assert_null(memmem(bytes, (size_t)got, root, VAULT_KEY));
	assert_int_equal(vault_device_key(store->vault, "RMA-2", VAULT_MASK, root, NULL), BL_OK);
}

/* What a crash can leave in the two copies, and what open makes of it. */
enum copy { EMPTY, LIVE, OTHER, TOMBSTONE, DAMAGED };

static void make_copy(enum copy copy, uint8_t page[VAULT_PAGE])
{
	struct slot slot = {.state = SLOT_LIVE, .generation = 9, .id = "RMA-1"};

	memset(slot.root, copy == OTHER ? 2 : 1, sizeof(slot.root));
	if (copy == TOMBSTONE) {
		memset(slot.root, 0, sizeof(slot.root));
		slot.state = SLOT_TOMBSTONE;
	}
	if (copy == EMPTY)
		slot.state = SLOT_EMPTY;
	slot_encode(&slot, page);
	if (copy == DAMAGED)
		page[100] ^= 1;
}

static void a_crash_between_the_copies_is_settled_at_open(void **state)
{
	static const struct {
		enum copy a, b;
		enum bl_status opened, key;
		enum slot_state left_a, left_b;
	} ROWS[] = {
		{EMPTY, EMPTY, BL_OK, BL_NOT_FOUND, SLOT_EMPTY, SLOT_EMPTY},
		{LIVE, LIVE, BL_OK, BL_OK, SLOT_LIVE, SLOT_LIVE},
		{LIVE, OTHER, BL_TAMPERED, BL_OK, SLOT_LIVE, SLOT_LIVE},
		{LIVE, TOMBSTONE, BL_OK, BL_NOT_FOUND, SLOT_TOMBSTONE, SLOT_TOMBSTONE},
		{TOMBSTONE, LIVE, BL_OK, BL_NOT_FOUND, SLOT_TOMBSTONE, SLOT_TOMBSTONE},
		{DAMAGED, TOMBSTONE, BL_OK, BL_NOT_FOUND, SLOT_TOMBSTONE, SLOT_TOMBSTONE},
		{TOMBSTONE, DAMAGED, BL_OK, BL_NOT_FOUND, SLOT_TOMBSTONE, SLOT_TOMBSTONE},
		{EMPTY, TOMBSTONE, BL_OK, BL_NOT_FOUND, SLOT_TOMBSTONE, SLOT_TOMBSTONE},
		{TOMBSTONE, EMPTY, BL_OK, BL_NOT_FOUND, SLOT_TOMBSTONE, SLOT_TOMBSTONE},
		{TOMBSTONE, TOMBSTONE, BL_OK, BL_NOT_FOUND, SLOT_TOMBSTONE, SLOT_TOMBSTONE},
		{EMPTY, LIVE, BL_OK, BL_NOT_FOUND, SLOT_EMPTY, SLOT_EMPTY},
		{EMPTY, DAMAGED, BL_OK, BL_NOT_FOUND, SLOT_EMPTY, SLOT_EMPTY},
		{LIVE, DAMAGED, BL_OK, BL_OK, SLOT_LIVE, SLOT_LIVE},
		{LIVE, EMPTY, BL_OK, BL_OK, SLOT_LIVE, SLOT_LIVE},
		{DAMAGED, LIVE, BL_OK, BL_OK, SLOT_LIVE, SLOT_LIVE},
		{DAMAGED, DAMAGED, BL_TAMPERED, BL_OK, SLOT_DAMAGED, SLOT_DAMAGED},
		{DAMAGED, EMPTY, BL_TAMPERED, BL_OK, SLOT_DAMAGED, SLOT_EMPTY},
	};
	struct store *store = *state;
	uint8_t page[VAULT_PAGE], key[VAULT_KEY];

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct slot left;
		enum slot_state wanted[2] = {ROWS[i].left_a, ROWS[i].left_b};

		make_copy(ROWS[i].a, page);
		write_page(store, 1, page);
		make_copy(ROWS[i].b, page);
		write_page(store, 2, page);

		enum bl_status status = reopen(store, NULL);

		if (status != ROWS[i].opened)
			fail_msg("row %zu: open says %s", i, bl_status_name(status));
		if (status == BL_OK)
			status = vault_device_key(store->vault, "RMA-1", VAULT_MASK, key, NULL);
		if (ROWS[i].opened == BL_OK && status != ROWS[i].key)
			fail_msg("row %zu: key says %s", i, bl_status_name(status));
		for (unsigned copy = 0; copy < 2; copy++) {
			read_page(store, 1 + copy, page);
			slot_decode(page, &left);
			if (left.state != wanted[copy])
				fail_msg("row %zu: copy %u is left as %d", i, copy, left.state);
		}
	}
}

static void a_file_cut_in_the_last_slot_is_an_add_never_told(void **state)
{
	struct store *store = *state;
	uint8_t key[VAULT_KEY];
	char path[80];

	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_device_add(store->vault, "RMA-2", NULL), BL_OK);
	snprintf(path, sizeof(path), "%s/keys", store->path);
	/* Copy A of slot 1 was never written: a hole; copy B is cut. */
	uint8_t zeros[VAULT_PAGE] = {0};

	write_page(store, 3, zeros);
	assert_int_equal(truncate(path, 4 * VAULT_PAGE + 100), 0);
	assert_int_equal(reopen(store, NULL), BL_OK);
	assert_int_equal(vault_device_key(store->vault, "RMA-1", VAULT_MASK, key, NULL), BL_OK);
	assert_int_equal(vault_device_key(store->vault, "RMA-2", VAULT_MASK, key, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(vault_device_add(store->vault, "RMA-2", NULL), BL_OK);
}

static void a_second_opener_reads_and_does_not_write(void **state)
{
	struct store *store = *state;
	struct vault *second = NULL;
	uint8_t key[VAULT_KEY];
	bool was_raw;

	assert_int_equal(vault_device_add(store->vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_open(store->fd, &second, NULL), BL_OK);
	assert_int_equal(vault_device_key(second, "RMA-1", VAULT_MASK, key, NULL), BL_OK);
	assert_int_equal(vault_device_add(second, "RMA-2", NULL), BL_LOCKED);
	assert_int_equal(vault_device_destroy(second, "RMA-1", &was_raw, NULL), BL_LOCKED);
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
		TEST(a_newer_version_is_refused),
		TEST(every_byte_of_the_header_counts),
		TEST(a_device_has_one_key_until_it_is_destroyed),
		TEST(a_destroyed_root_key_is_nowhere_in_the_file),
		TEST(a_crash_between_the_copies_is_settled_at_open),
		TEST(a_file_cut_in_the_last_slot_is_an_add_never_told),
		TEST(a_second_opener_reads_and_does_not_write),
		TEST(many_devices_fit),
		TEST(a_signature_is_good_for_its_message_only),
		TEST(what_is_sealed_opens_only_whole_and_under_its_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
