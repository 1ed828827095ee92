/* Destroyed keys are looked for on the whole medium below the filesystem, and so is the proof. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/vault/lock.h"
#include "fs/vault/slot.h"
#include "fs/vault/vault.h"

#include <sodium.h>

#include "tests/unit/fs/vault/vault-disk.h"

static const struct disk_kind EXT4 = {"ext4", "ext4", NULL, 32, DISK_EXT4("-b", "4096"), {NULL}};
static const struct disk_kind EXT4_SMALL = {"ext4 -b 1024",	     "ext4", NULL, 32,
					    DISK_EXT4("-b", "1024"), {NULL}};
static const struct disk_kind XFS = {"xfs", "xfs", NULL, 320, DISK_XFS, {NULL}};
static const struct disk_kind TMPFS = {"tmpfs", "tmpfs", "size=8m", 0, {NULL}, {NULL}};

/* What the file holds of a device, sealed and, by the KEK of a store without a lock, open. */
struct planted {
	struct slot slot;
	struct key_pair roots;
};

static void look_up(int folder, size_t index, struct planted *out)
{
	static const struct vault_secret NONE = {.kind = VAULT_LOCK_NONE};
	uint8_t page[VAULT_PAGE], kek[VAULT_KEY];
	struct vault_header header;
	int fd = openat(folder, "keys", O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, page, sizeof(page), 0), sizeof(page));
	assert_int_equal(header_decode(page, &header, NULL), BL_OK);
	assert_int_equal(lock_open(&header.locks[0], &NONE, header.id, kek, NULL), BL_OK);
	assert_int_equal(pread(fd, page, sizeof(page), (off_t)((2 + 2 * index) * VAULT_PAGE)),
			 sizeof(page));
	close(fd);
	slot_decode(page, &out->slot);
	assert_int_equal(out->slot.state, SLOT_LIVE);
	assert_int_equal(slot_open(&out->slot, kek, &out->roots, NULL), BL_OK);
}

/* How often any piece of it is on the medium. */
static size_t count_pieces(const struct disk *disk, const struct planted *planted)
{
	size_t found = disk_count(disk, planted->slot.nonce, 16);

	for (size_t at = 0; at < VAULT_SEALED; at += 16)
		found += disk_count(disk, planted->slot.sealed + at, 16);
	return found;
}

static size_t count_roots(const struct disk *disk, const struct planted *planted)
{
	return disk_count(disk, planted->roots.first, 16) +
	       disk_count(disk, planted->roots.second, 16);
}

#define PIECES (2 * (1 + VAULT_SEALED / 16)) /* both copies */

static void destroyed_keys_leave_the_medium(void **state, const struct disk_kind *kind)
{
	static const uint8_t ROOT[VAULT_KEY] = "a new image root, of 32 bytes ..";
	struct disk *disk = *state;
	struct vault *vault = NULL;
	struct planted first, second, neighbour;
	enum vault_proof proof = VAULT_PROOF_CACHED;
	uint8_t key[VAULT_KEY];

	if (!disk_init(disk, kind))
		skip();
	assert_int_equal(vault_create(disk->folder, NULL, 0, &vault, NULL), BL_OK);
	assert_int_equal(vault_device_add(vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_device_add(vault, "RMA-2", NULL), BL_OK);
	look_up(disk->folder, 0, &first);
	look_up(disk->folder, 1, &neighbour);
	assert_int_equal(count_pieces(disk, &first), PIECES);

	assert_int_equal(vault_image_root_set(vault, "RMA-1", ROOT, &proof, NULL), BL_OK);
	assert_int_equal(proof, VAULT_PROOF_RAW);
	look_up(disk->folder, 0, &second);
	assert_memory_equal(second.roots.second, ROOT, VAULT_KEY);
	assert_memory_equal(second.roots.first, first.roots.first, VAULT_KEY);
	assert_int_equal(count_pieces(disk, &first), 0);
	assert_int_equal(count_pieces(disk, &second), PIECES);

	proof = VAULT_PROOF_CACHED;
	assert_int_equal(vault_device_destroy(vault, "RMA-1", &proof, NULL), BL_OK);
	assert_int_equal(proof, VAULT_PROOF_RAW);
	assert_int_equal(count_pieces(disk, &first), 0);
	assert_int_equal(count_pieces(disk, &second), 0);
	assert_int_equal(count_pieces(disk, &neighbour), PIECES);
	assert_int_equal(count_roots(disk, &first) + count_roots(disk, &second) +
				 count_roots(disk, &neighbour),
			 0);
	/* Again: proven again. */
	proof = VAULT_PROOF_CACHED;
	assert_int_equal(vault_device_destroy(vault, "RMA-1", &proof, NULL), BL_OK);
	assert_int_equal(proof, VAULT_PROOF_RAW);

	vault_close(vault);
	vault = NULL;
	assert_int_equal(vault_open(disk->folder, NULL, 0, &vault, NULL), BL_OK);
	assert_int_equal(vault_device_key(vault, "RMA-2", VAULT_MASK, key, NULL), BL_OK);
	vault_close(vault);
}

static void keys_destroyed_on_ext4_leave_the_medium(void **state)
{
	destroyed_keys_leave_the_medium(state, &EXT4);
}

static void keys_destroyed_on_ext4_with_small_blocks_leave_the_medium(void **state)
{
	destroyed_keys_leave_the_medium(state, &EXT4_SMALL);
}

static void keys_destroyed_on_xfs_leave_the_medium(void **state)
{
	destroyed_keys_leave_the_medium(state, &XFS);
}

/* What a crash left half destroyed leaves the medium when the file is opened. */
static void a_destruction_finished_at_open_leaves_the_medium_too(void **state)
{
	struct disk *disk = *state;
	struct vault *vault = NULL;
	struct planted planted;
	struct slot tombstone = {.state = SLOT_TOMBSTONE, .generation = 7, .id = "RMA-1"};
	uint8_t page[VAULT_PAGE];

	if (!disk_init(disk, &EXT4))
		skip();
	assert_int_equal(vault_create(disk->folder, NULL, 0, &vault, NULL), BL_OK);
	assert_int_equal(vault_device_add(vault, "RMA-1", NULL), BL_OK);
	vault_close(vault);
	vault = NULL;
	look_up(disk->folder, 0, &planted);
	slot_encode(&tombstone, page);

	int fd = openat(disk->folder, "keys", O_RDWR | O_CLOEXEC);

	assert_int_equal(pwrite(fd, page, sizeof(page), 3 * VAULT_PAGE), sizeof(page));
	assert_int_equal(fsync(fd), 0);
	close(fd);
	assert_int_equal(count_pieces(disk, &planted), PIECES / 2);
	assert_int_equal(vault_open(disk->folder, NULL, 0, &vault, NULL), BL_OK);
	assert_int_equal(count_pieces(disk, &planted), 0);
	vault_close(vault);
}

/* Room for 64 slots and a little more: nothing is half made, and what is there can still be destroyed. */
static void a_full_disk_takes_no_key_and_keeps_the_others(void **state)
{
	static const struct disk_kind SMALL = {"tmpfs", "tmpfs", "size=700k", 0, {NULL}, {NULL}};
	struct disk *disk = *state;
	struct vault *vault = NULL;
	struct vault_health health;
	char id[BL_DEVICE_ID_SIZE];
	uint8_t key[VAULT_KEY];
	enum vault_proof proof;

	if (!disk_init(disk, &SMALL))
		skip();
	assert_int_equal(vault_create(disk->folder, NULL, 0, &vault, NULL), BL_OK);
	for (unsigned i = 0; i < VAULT_SLOT_BATCH; i++) {
		snprintf(id, sizeof(id), "RMA-%u", i);
		assert_int_equal(vault_device_add(vault, id, NULL), BL_OK);
	}
	/* Twice: one that failed for want of room breaks nothing. */
	for (unsigned i = 0; i < 2; i++) {
		struct bl_error why = {.text = ""};

		assert_int_equal(vault_device_add(vault, "ONE-MORE", &why), BL_IO);
		assert_non_null(strstr(why.text, "No space left"));
	}
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(vault_check(disk->folder, &health, NULL), BL_OK);
		assert_int_equal(health.slots_live, VAULT_SLOT_BATCH);
		assert_int_equal(health.copies_bad, 0);
		assert_int_equal(vault_device_key(vault, "RMA-63", VAULT_MASK, key, NULL), BL_OK);
		assert_int_equal(vault_device_key(vault, "ONE-MORE", VAULT_MASK, key, NULL),
				 BL_NOT_FOUND);
		vault_close(vault);
		vault = NULL;
		assert_int_equal(vault_open(disk->folder, NULL, 0, &vault, NULL), BL_OK);
	}
	assert_int_equal(vault_device_destroy(vault, "RMA-63", &proof, NULL), BL_OK);
	vault_close(vault);
	vault = NULL;
	/* And where there is no room for a key file at all. */
	assert_int_equal(renameat(disk->folder, "keys", disk->folder, "other"), 0);
	assert_int_equal(vault_create(disk->folder, NULL, 0, &vault, NULL), BL_IO);
	assert_int_not_equal(faccessat(disk->folder, "keys", F_OK, 0), 0);
	assert_int_not_equal(faccessat(disk->folder, "keys.new", F_OK, 0), 0);
}

static enum vault_proof proof_on(struct disk *disk)
{
	struct vault *vault = NULL;
	enum vault_proof proof = VAULT_PROOF_RAW;

	assert_int_equal(vault_create(disk->folder, NULL, 0, &vault, NULL), BL_OK);
	assert_int_equal(vault_device_add(vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_device_destroy(vault, "RMA-1", &proof, NULL), BL_OK);
	vault_close(vault);
	return proof;
}

static void in_memory_nothing_was_read_past_the_cache(void **state)
{
	struct disk *disk = *state;

	if (!disk_init(disk, &TMPFS))
		skip();
	assert_int_equal(proof_on(disk), VAULT_PROOF_CACHED);
}

static void on_an_overlay_nothing_was_read_raw(void **state)
{
	struct disk *disk = *state;
	char options[512], folder[128];

	if (!disk_init(disk, &EXT4))
		skip();
	snprintf(folder, sizeof(folder), "%s/mnt", disk->root);
	snprintf(options, sizeof(options), "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work",
		 folder, folder, folder);
	if (mkdirat(disk->folder, "lower", 0700) != 0 ||
	    mkdirat(disk->folder, "upper", 0700) != 0 || mkdirat(disk->folder, "work", 0700) != 0 ||
	    mount("overlay", folder, "overlay", 0, options) != 0)
		skip();
	close(disk->folder);
	disk->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_not_equal(proof_on(disk), VAULT_PROOF_RAW);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_destroyed_on_ext4_leave_the_medium),
		TEST(keys_destroyed_on_ext4_with_small_blocks_leave_the_medium),
		TEST(keys_destroyed_on_xfs_leave_the_medium),
		TEST(a_destruction_finished_at_open_leaves_the_medium_too),
		TEST(a_full_disk_takes_no_key_and_keeps_the_others),
		TEST(in_memory_nothing_was_read_past_the_cache),
		TEST(on_an_overlay_nothing_was_read_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
