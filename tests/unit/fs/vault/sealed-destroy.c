/* An image that is destroyed as a whole: no key opens it, what was wrapped is gone from the medium, only our files are removed. */
#include "tests/unit/fs/vault/sealed-read-fixture.h"

#include "tests/unit/fs/vault/vault-disk.h"

static const struct sealed_gap GAPS[] = {
	{.offset = 4096, .length = 512, .kind = SEALED_UNREADABLE},
};
static const char *const WIPED[] = {"header", "index", "keys", "gaps"};

static const struct disk_kind EXT4 = {"ext4", "ext4", NULL, 64, DISK_EXT4("-O", "^inline_data"),
				      {NULL}};
static const struct disk_kind SMALL_BLOCKS = {"ext4 of 1 KiB blocks",
					      "ext4",
					      NULL,
					      64,
					      DISK_EXT4("-O", "^inline_data", "-b", "1024"),
					      {NULL}};
static const struct disk_kind XFS = {"xfs", "xfs", NULL, 320, DISK_XFS, {NULL}};
static const struct disk_kind TMPFS = {"tmpfs", "tmpfs", "size=64m", 0, {NULL}, {NULL}};

/* ---- trying --------------------------------------------------------------------------------------- */

static struct vault *vault_in(struct disk *disk)
{
	struct vault *vault = NULL;
	struct bl_error why = {""};

	strcpy(disk->root, "/tmp/bailee-test-XXXXXX");
	assert_non_null(mkdtemp(disk->root));
	disk->folder = open(disk->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must_be_ok(vault_create(disk->folder, NULL, 0, &vault, &why), &why);
	must_be_ok(vault_device_add(vault, ID, &why), &why);
	must_be_ok(vault_device_add(vault, "other", &why), &why);
	return vault;
}

static void a_key_that_is_still_there_opens_it(void **state)
{
	struct vault *vault = vault_in(*state);
	struct image image;
	uint8_t root[VAULT_KEY];
	struct bl_error why = {""};
	enum vault_proof proof;

	must_be_ok(vault_image_root(vault, ID, root, &why), &why);
	image_make_in("/tmp", root, &image, sealed_algorithm_here(), NULL, 0);
	assert_int_equal(sealed_try(image.device_fd, ID, vault, &why), BL_NOT_VERIFIED);
	assert_non_null(strstr(why.text, "opens the image of '" ID "'"));
	must_be_ok(vault_device_destroy(vault, ID, &proof, &why), &why);
	must_be_ok(sealed_try(image.device_fd, ID, vault, &why), &why);
	vault_close(vault);
	image_done(&image);
}

/* Whatever key of the store it was sealed under, by mistake or on purpose, it is found. */
static bool seal_under(void *context, const uint8_t key[VAULT_KEY])
{
	struct vault *vault = context;
	struct image image;

	image_make_in("/tmp", key, &image, SEALED_XCHACHA20, NULL, 0);

	enum bl_status status = sealed_try(image.device_fd, ID, vault, NULL);

	image_done(&image);
	if (status != BL_NOT_VERIFIED)
		fail_msg("a key of the store is not tried: %s", bl_status_name(status));
	return true;
}

struct keys {
	uint8_t keys[64][VAULT_KEY];
	size_t count;
};

static bool collect(void *context, const uint8_t key[VAULT_KEY])
{
	struct keys *keys = context;

	assert_true(keys->count < BL_COUNT(keys->keys));
	memcpy(keys->keys[keys->count++], key, VAULT_KEY);
	return true;
}

static void every_key_of_the_store_is_tried(void **state)
{
	struct vault *vault = vault_in(*state);
	struct keys keys = {.count = 0};

	vault_each_key(vault, collect, &keys);
	assert_true(keys.count >= 7); /* two devices with two roots each, master, seed, KEK */
	for (size_t i = 0; i < keys.count; i++)
		seal_under(vault, keys.keys[i]);
	vault_close(vault);
}

/* A slot that is older than the current one is tried as well. */
static void an_older_slot_is_tried(void **state)
{
	struct vault *vault = vault_in(*state);
	struct image image;
	struct sealed_header header;
	uint8_t root[VAULT_KEY], page[SEALED_PAGE], fresh[VAULT_KEY];
	unsigned slot = 0;
	struct bl_error why = {""};

	must_be_ok(vault_image_root(vault, ID, root, &why), &why);
	image_make_in("/tmp", root, &image, sealed_algorithm_here(), NULL, 0);
	header_get(&image, &header, &slot);
	randombytes_buf(fresh, sizeof(fresh));
	randombytes_buf(header.top_key, sizeof(header.top_key));
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(sealed_try(image.device_fd, ID, vault, &why), BL_NOT_VERIFIED);
		/* First the new one is the other slot, then both are of a root that nobody has. */
		header.generation++;
		sealed_header_encode(&header, fresh, page);
		file_put(&image, "header", (i ? slot : 1 - slot) * (uint64_t)SEALED_PAGE, page,
			 sizeof(page));
	}
	must_be_ok(sealed_try(image.device_fd, ID, vault, &why), &why);
	vault_close(vault);
	image_done(&image);
}

static void there_is_nothing_to_try_on_after_a_wipe(void **state)
{
	struct vault *vault = vault_in(*state);
	struct image image;
	struct sealed_wiped wiped;
	struct bl_error why = {""};

	image_make(&image, sealed_algorithm_here(), NULL, 0);
	must_be_ok(sealed_wipe(image.device_fd, &wiped, &why), &why);
	assert_int_equal(sealed_try(image.device_fd, ID, vault, &why), BL_NOT_FOUND);
	must_be_ok(sealed_remove(image.device_fd, &why), &why);
	assert_int_equal(sealed_try(image.device_fd, ID, vault, &why), BL_NOT_FOUND);
	vault_close(vault);
	image_done(&image);
}

/* ---- wiping --------------------------------------------------------------------------------------- */

static void nothing_wrapped_is_left(struct disk *disk, const struct disk_kind *kind, bool is_raw)
{
	char parent[96];
	struct image image;
	struct sealed_header header;
	struct sealed_wiped wiped;
	struct bl_error why = {""};
	uint8_t node[SEALED_PAGE], index[SEALED_GROUP_INDEX], gaps[32];
	unsigned slot = 0;
	uint64_t least = 0;

	if (!disk_init(disk, kind))
		skip();
	snprintf(parent, sizeof(parent), "%s/mnt", disk->root);
	image_make_in(parent, NULL, &image, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));
	header_get(&image, &header, &slot);
	file_get(&image, "keys", tree_place(header.levels, header.levels - 1, 0, header.top_side),
		 node, sizeof(node));
	file_get(&image, "index", 0, index, sizeof(index));
	file_get(&image, "gaps", 30, gaps, sizeof(gaps));
	assert_int_equal(syncfs(disk->folder), 0);

	const uint8_t *const patterns[] = {header.top_key, node + 8, index + 8, gaps};
	static const size_t LENGTHS[] = {VAULT_KEY, VAULT_KEY, SEALED_TAG, 32};

	for (size_t i = 0; i < BL_COUNT(patterns) && is_raw; i++)
		assert_true(disk_count(disk, patterns[i], LENGTHS[i]) >= 1);
	for (size_t i = 0; i < BL_COUNT(WIPED); i++)
		least += 64; /* of each at the very least */
	for (size_t twice = 0; twice < 2; twice++) {
		must_be_ok(sealed_wipe(image.device_fd, &wiped, &why), &why);
		assert_true(wiped.bytes > least && wiped.bytes < 2 << 20);
		assert_int_equal(wiped.bytes_raw, is_raw ? wiped.bytes : 0);
		assert_true(wiped.was_punched);
		assert_true(wiped.data_bytes > 130 * (uint64_t)SEALED_GROUP);
	}
	for (size_t i = 0; i < BL_COUNT(patterns) && is_raw; i++)
		if (disk_count(disk, patterns[i], LENGTHS[i]) != 0)
			fail_msg("pattern %zu is still on the medium", i);
	for (size_t i = 0; i < BL_COUNT(WIPED); i++) {
		uint8_t page[SEALED_PAGE];

		file_get(&image, WIPED[i], 0, page, sizeof(page));
		for (size_t p = 0; p < BL_COUNT(patterns); p++)
			assert_null(memmem(page, sizeof(page), patterns[p], LENGTHS[p]));
		assert_false(sodium_is_zero(page, 64));
	}

	struct stat st;
	int fd = file_open(&image, "data", O_RDONLY);

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_blocks, 0);
	close(fd);
	must_be_ok(sealed_remove(image.device_fd, &why), &why);
	assert_int_equal(faccessat(image.device_fd, "image", F_OK, 0), -1);
	image_done(&image);
}

static void nothing_wrapped_is_left_on_ext4(void **state)
{
	nothing_wrapped_is_left(*state, &EXT4, true);
}

static void nothing_wrapped_is_left_on_xfs(void **state)
{
	nothing_wrapped_is_left(*state, &XFS, true);
}

static void what_cannot_be_read_below_is_not_counted(void **state)
{
	nothing_wrapped_is_left(*state, &TMPFS, false);
}

static void fill_up(const struct disk *disk)
{
	static const uint8_t BYTES[1 << 16] = {1};
	BL_CLEANUP(fd_close)
	int fd = openat(disk->folder, "full", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	for (size_t length = sizeof(BYTES); length > 0; length /= 2)
		while (write(fd, BYTES, length) > 0)
			;
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(fsync(fd), 0);
}

/* Overwriting up to the end of a page may take blocks that there are none of, before the data's are given back. */
static void a_full_disk_keeps_nothing_from_being_wiped(void **state)
{
	struct disk *disk = *state;
	char parent[96];
	struct image image;
	struct sealed_wiped wiped;
	struct bl_error why = {""};

	if (!disk_init(disk, &SMALL_BLOCKS))
		skip();
	snprintf(parent, sizeof(parent), "%s/mnt", disk->root);
	image_make_in(parent, NULL, &image, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));
	fill_up(disk);
	must_be_ok(sealed_wipe(image.device_fd, &wiped, &why), &why);
	assert_int_equal(wiped.bytes_raw, wiped.bytes);
	must_be_ok(sealed_remove(image.device_fd, &why), &why);
	image_done(&image);
}

static void what_is_no_file_is_told_and_not_followed(void **state BL_UNUSED)
{
	static const char *const ROWS[] = {"ln -s ../kept keys", "mkdir keys", "mkfifo keys"};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct image image;
		struct sealed_wiped wiped;
		struct bl_error why = {""};

		image_make(&image, sealed_algorithm_here(), NULL, 0);
		run("cd %s/image && mv keys ../kept && cp ../kept ../same && %s", image.path,
		    ROWS[i]);
		assert_int_equal(sealed_wipe(image.device_fd, &wiped, &why), BL_IO);
		assert_non_null(strstr(why.text, "'keys'"));
		run("cmp %s/kept %s/same", image.path, image.path);
		image_done(&image);
	}
}

/* ---- removing ------------------------------------------------------------------------------------- */

static void only_names_of_the_format_are_removed(void **state BL_UNUSED)
{
	struct image image;
	struct bl_error why = {""};

	image_make(&image, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));
	run("cd %s/image && echo x > notes && touch intake rewrite gaps.new "
	    "rewrite.old && mkdir ../image.new && touch ../image.new/header ../record",
	    image.path);
	assert_int_equal(sealed_remove(image.device_fd, &why), BL_IO);
	assert_non_null(strstr(why.text, "not Bailee's"));
	run("test \"$(ls %s/image)\" = notes", image.path);
	run("rm %s/image/notes", image.path);
	for (size_t twice = 0; twice < 2; twice++) {
		must_be_ok(sealed_remove(image.device_fd, &why), &why);
		run("test \"$(ls %s)\" = record", image.path);
	}
	run("mkdir %s/elsewhere && touch %s/elsewhere/keys && ln -s elsewhere %s/image", image.path,
	    image.path, image.path);
	assert_int_equal(sealed_remove(image.device_fd, &why), BL_IO);
	run("test -e %s/elsewhere/keys", image.path);
	image_done(&image);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_key_that_is_still_there_opens_it),
		TEST(every_key_of_the_store_is_tried),
		TEST(an_older_slot_is_tried),
		TEST(there_is_nothing_to_try_on_after_a_wipe),
		TEST(nothing_wrapped_is_left_on_ext4),
		TEST(nothing_wrapped_is_left_on_xfs),
		TEST(what_cannot_be_read_below_is_not_counted),
		TEST(a_full_disk_keeps_nothing_from_being_wiped),
		cmocka_unit_test(what_is_no_file_is_told_and_not_followed),
		cmocka_unit_test(only_names_of_the_format_are_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
