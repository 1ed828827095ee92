/* APFS: what is in a container made here is shown, and of a harmed one the same or nothing. */
#include "tests/unit/fs/image/reader/make-apfs.h"
#include "fs/image/reader/reader.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES ((size_t)APFS_BLOCKS * AB)
#define SUMS  16

struct stage {
	uint8_t *image;
	size_t bytes;
	struct blocks blocks;
	struct tree *tree;
	const char *notice;
	uint8_t key[READER_KEY];
};

static int fetch(void *context, uint64_t offset, size_t length, const uint8_t **out_bytes)
{
	const struct stage *stage = context;

	if (offset + length > stage->bytes)
		return EIO;
	*out_bytes = stage->image + offset;
	return 0;
}

static void stage_make(struct stage *stage, bool is_hashed)
{
	*stage = (struct stage){.image = malloc(BYTES), .bytes = BYTES};
	assert_non_null(stage->image);
	apfs_make(stage->image, is_hashed);
}

static void stage_shut(struct stage *stage)
{
	if (stage->tree)
		stage->tree->ops->close(stage->tree);
	stage->tree = NULL;
	blocks_done(&stage->blocks);
}

static void stage_open(struct stage *stage)
{
	stage_shut(stage);
	blocks_init(&stage->blocks, stage->bytes, fetch, stage);
	stage->notice = NULL;
	if (apfs_open(&stage->blocks, 0, stage->bytes, 0, &stage->tree, &stage->notice))
		assert_non_null(stage->notice);
}

static void stage_done(struct stage *stage)
{
	stage_shut(stage);
	free(stage->image);
}

static int list(struct stage *stage, uint64_t id, struct listing *out)
{
	listing_init(out, stage->key);
	return stage->tree->ops->list(stage->tree, id, out);
}

static void expect_names(struct stage *stage, uint64_t id, const char *const *names, size_t count)
{
	struct listing found;

	assert_int_equal(list(stage, id, &found), 0);
	assert_int_equal(found.count, count);
	for (size_t i = 0; i < count; i++)
		if (found.items[i].name_length != strlen(names[i]) ||
		    memcmp(found.names + found.items[i].name, names[i], strlen(names[i])) != 0)
			fail_msg("entry %zu is not '%s'", i, names[i]);
	listing_done(&found);
}

/* By map and by read, which must be the same. */
static int contents(struct stage *stage, uint64_t id, uint64_t size, uint8_t *out)
{
	struct runs runs = {0};
	size_t got = 0;
	uint8_t *again = calloc(1, size + 1);
	int error = stage->tree->ops->map(stage->tree, id, &runs);

	assert_non_null(again);
	memset(out, 0, size);
	for (size_t i = 0; i < runs.count && !error; i++) {
		const struct wire_run *run = &runs.items[i];

		assert_true(run->file_offset + run->length <= size &&
			    run->image_offset + run->length <= stage->bytes);
		memcpy(out + run->file_offset, stage->image + run->image_offset, run->length);
	}
	runs_done(&runs);
	int error_again = stage->tree->ops->read(stage->tree, id, 0, again, size, &got);
	assert_int_equal(error != 0, error_again != 0);
	if (!error)
		assert_true(got == size && !memcmp(again, out, size));
	free(again);
	return error;
}

static void what_was_made_is_shown(void **state BL_UNUSED)
{
	static const char *const root[] = {"File", "compressed", "folder", "link", "sparse"};
	static const char *const folder[] = {"empty", "other"};
	static uint8_t file[6000], sparse[3 * AB], zeros[AB];

	for (unsigned is_hashed = 0; is_hashed < 2; is_hashed++) {
		struct stage stage;
		struct wire_attr attr;
		char target[64];
		size_t length = 0;

		stage_make(&stage, is_hashed);
		stage_open(&stage);
		if (!stage.tree)
			fail_msg("%s", stage.notice);
		assert_string_equal(stage.tree->type, "apfs");
		expect_names(&stage, stage.tree->root, root, BL_COUNT(root));
		expect_names(&stage, ID_FOLDER, folder, BL_COUNT(folder));
		assert_int_equal(stage.tree->ops->stat(stage.tree, ID_FILE, &attr), 0);
		assert_int_equal(attr.size_bytes, 6000);
		assert_int_equal(attr.mode, S_IFREG | 0644);
		assert_int_equal(attr.nlink, 2);
		assert_int_equal(attr.uid, 501);
		assert_int_equal(attr.mtime_ns, INT64_C(1600000000123456789));
		assert_int_equal(contents(&stage, ID_FILE, sizeof(file), file), 0);
		assert_memory_equal(file, stage.image + (AT_DATA + 3) * AB, AB);
		assert_memory_equal(file + AB, stage.image + AT_DATA * AB, 6000 - AB);
		assert_int_equal(contents(&stage, ID_SPARSE, sizeof(sparse), sparse), 0);
		assert_memory_equal(sparse, stage.image + (AT_DATA + 1) * AB, AB);
		assert_memory_equal(sparse + AB, zeros, AB);
		assert_memory_equal(sparse + 2 * AB, stage.image + (AT_DATA + 2) * AB, AB);
		assert_int_equal(
			stage.tree->ops->link(stage.tree, ID_LINK, target, sizeof(target), &length),
			0);
		assert_int_equal(length, 12);
		assert_memory_equal(target, "folder/other", 12);
		assert_int_equal(stage.tree->ops->stat(stage.tree, ID_LINK, &attr), 0);
		assert_int_equal(attr.size_bytes, 12);
		stage_done(&stage);
	}
}

static void what_is_no_file_is_an_error(void **state BL_UNUSED)
{
	struct stage stage;
	struct wire_attr attr;
	struct listing found;
	struct runs runs = {0};
	uint8_t byte;
	size_t length;

	stage_make(&stage, true);
	stage_open(&stage);
	assert_non_null(stage.tree);
	const struct tree_ops *ops = stage.tree->ops;
	assert_int_equal(ops->stat(stage.tree, 3, &attr), ENOENT);
	assert_int_equal(ops->stat(stage.tree, 999, &attr), ENOENT);
	assert_int_equal(list(&stage, ID_FILE, &found), ENOTDIR);
	assert_int_equal(ops->map(stage.tree, ID_FOLDER, &runs), EISDIR);
	assert_int_equal(ops->link(stage.tree, ID_FILE, (char *)&byte, 1, &length), EINVAL);
	/* Its contents lie packed: never zeros, never what is packed. */
	assert_int_equal(ops->stat(stage.tree, ID_COMPRESSED, &attr), 0);
	assert_int_equal(attr.size_bytes, 777);
	assert_int_equal(ops->map(stage.tree, ID_COMPRESSED, &runs), EOPNOTSUPP);
	assert_int_equal(ops->read(stage.tree, ID_COMPRESSED, 0, &byte, 1, &length), EOPNOTSUPP);
	assert_int_equal(ops->places(stage.tree, ID_FILE, &runs), EOPNOTSUPP);
	assert_int_equal(ops->used(stage.tree, 0, &runs, &attr.size_bytes), EOPNOTSUPP);
	stage_done(&stage);
}

/* ---- what this version refuses ---- */

static void other_volumes_are_named_and_not_shown(void **state BL_UNUSED)
{
	static const struct {
		unsigned block, at;
		uint64_t value;
		const char *words;
	} rows[] = {
		{AT_VOLUME, 264, 0, "encrypted"},
		{AT_VOLUME, 264, 8, "encrypted"},
		{AT_VOLUME, 56, 0x21, "sealed"},
		{AT_VOLUME, 56, 0x5, "does not know"},
		{AT_VOLUME, 56, 0x11, "does not know"},
		{AT_VOLUME, 56, 0x1000001, "does not know"},
		{AT_VOLUME, 160, 3, "snapshot"},
		{AT_VOLUME, 968, 3, "snapshot"},
		{AT_VOLUME, 32, 0x12345678, "damaged"},
		{AT_SUPER, 64, 0x102, "two disks"},
		{AT_SUPER, 64, 1, "does not know"},
		{AT_SUPER, 64, 0x10002, "does not know"},
		{AT_SUPER, 184, 0, "without a volume"},
		{AT_SUPER, 184, 4711, "damaged"},
		{AT_SUPER, 160, AT_OMAP_TREE, "damaged"},
		{AT_VOLUME, 128, AT_OMAP_TREE, "damaged"},
		{AT_VOLUME, 136, OID_LEAF_1, "damaged"},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct stage stage;

		stage_make(&stage, true);
		bl_put64(stage.image + rows[i].block * AB + rows[i].at, rows[i].value);
		apfs_seal(stage.image + rows[i].block * AB);
		stage_open(&stage);
		assert_null(stage.tree);
		if (!strstr(stage.notice, rows[i].words))
			fail_msg("row %zu: %s", i, stage.notice);
		stage_done(&stage);
	}
}

/* ---- checkpoints ---- */

static void newest_checkpoint_counts_or_none(void **state BL_UNUSED)
{
	struct stage stage;

	stage_make(&stage, true);
	/* An older one that is harmed, or what was there before the container: nothing to us. */
	stage.image[AT_OLD_SUPER * AB + 700] ^= 1;
	stage_open(&stage);
	assert_non_null(stage.tree);
	memset(stage.image + AT_OLD_MAP * AB, 0x5a, AB);
	stage_open(&stage);
	assert_non_null(stage.tree);
	/* The newest one harmed: older ones may have been written over. */
	apfs_make(stage.image, true);
	stage.image[AT_SUPER * AB + 700] ^= 1;
	stage_open(&stage);
	assert_null(stage.tree);
	apfs_make(stage.image, true);
	stage.image[AT_MAP * AB + 700] ^= 1;
	stage_open(&stage);
	assert_null(stage.tree);
	/* Not even its number is left: the first block knows that there was one. */
	apfs_make(stage.image, true);
	memset(stage.image + AT_SUPER * AB, 0, AB);
	stage_open(&stage);
	assert_null(stage.tree);
	assert_non_null(strstr(stage.notice, "checkpoint"));
	stage_done(&stage);
}

/* ---- harm ---- */

struct answers {
	uint8_t sums[SUMS][32];
	int errors[SUMS];
	size_t count;
};

static void note(struct answers *answers, int error, const void *bytes, size_t length)
{
	assert_true(answers->count < SUMS);
	answers->errors[answers->count] = error;
	crypto_generichash(answers->sums[answers->count++], 32, bytes, error ? 0 : length, NULL, 0);
}

static void ask_all(struct stage *stage, struct answers *out)
{
	static const uint64_t folders[] = {2, ID_FOLDER}, files[] = {ID_FILE, ID_SPARSE, ID_EMPTY};
	uint8_t *bytes = malloc(64 << 10);

	*out = (struct answers){0};
	assert_non_null(bytes);
	for (size_t i = 0; i < BL_COUNT(folders); i++) {
		struct listing found;
		int error = list(stage, folders[i], &found);

		note(out, error, found.names, found.names_used);
		listing_done(&found);
	}
	for (size_t i = 0; i < BL_COUNT(files); i++) {
		struct wire_attr attr = {0};
		int error = stage->tree->ops->stat(stage->tree, files[i], &attr);

		note(out, error, &attr, sizeof(attr));
		assert_true(error || attr.size_bytes <= 64 << 10);
		error = error ? error : contents(stage, files[i], attr.size_bytes, bytes);
		note(out, error, bytes, attr.size_bytes);
	}
	free(bytes);
}

/* Each answer is the one of the unharmed container, or an error. */
static void expect_same_or_none(const struct answers *good, const struct answers *now, size_t at)
{
	for (size_t i = 0; i < good->count; i++)
		if (!now->errors[i] && memcmp(good->sums[i], now->sums[i], 32) != 0)
			fail_msg("byte %zu harmed: answer %zu is another one", at, i);
}

static void harmed_metadata_is_never_shown_otherwise(void **state BL_UNUSED)
{
	struct stage stage;
	struct answers good, now;
	unsigned refused = 0, tried = 0;

	stage_make(&stage, true);
	stage_open(&stage);
	assert_non_null(stage.tree);
	ask_all(&stage, &good);
	for (size_t i = 0; i < good.count; i++)
		assert_int_equal(good.errors[i], 0);
	for (size_t at = 0; at < (size_t)AT_METADATA_END * AB; at += 1 + (at % AB > 900 ? 40 : 0)) {
		stage.image[at] ^= (uint8_t)(1u << at % 8);
		stage_open(&stage);
		tried++;
		if (stage.tree) {
			ask_all(&stage, &now);
			expect_same_or_none(&good, &now, at);
		}
		refused += !stage.tree;
		stage.image[at] ^= (uint8_t)(1u << at % 8);
	}
	print_message("%u places harmed, %u volumes refused\n", tried, refused);
	assert_in_range(refused, tried / 4, tried);
	stage_done(&stage);
}

static void cut_container_is_an_error_where_it_is_cut(void **state BL_UNUSED)
{
	struct stage stage;
	struct answers good, now;

	stage_make(&stage, true);
	stage_open(&stage);
	assert_non_null(stage.tree);
	ask_all(&stage, &good);
	for (stage.bytes = BYTES; stage.bytes > 1000; stage.bytes -= 1000) {
		stage_open(&stage);
		if (!stage.tree)
			continue;
		ask_all(&stage, &now);
		expect_same_or_none(&good, &now, stage.bytes);
		/* The first file's first block is the last one that is used. */
		assert_true(now.errors[3] || stage.bytes >= (AT_DATA + 4) * AB);
	}
	stage_done(&stage);
}

/* Written by somebody who knows how sums are made. */
static void hostile_trees_are_errors(void **state BL_UNUSED)
{
	static const struct {
		const char *what;
		unsigned block, at, bytes;
		uint64_t value;
	} rows[] = {
		{"more keys than room", AT_FILES, 36, 4, 0xffffffff},
		{"table behind the block", AT_FILES, 40, 2, 0xfff0},
		{"table longer than the block", AT_LEAF_2, 42, 2, 0xffff},
		{"key behind the block", AT_LEAF_2, 56, 2, 0xff00},
		{"key longer than the block", AT_LEAF_2, 58, 2, 0xffff},
		{"value before the keys", AT_LEAF_2, 60, 2, 0xff00},
		{"value longer than there is", AT_LEAF_2, 62, 2, 0xffff},
		{"ghost", AT_LEAF_2, 60, 2, 0xffff},
		{"a level too many", AT_FILES, 34, 2, 2},
		{"levels without end", AT_FILES, 34, 2, 0xffff},
		{"leaf that is none", AT_LEAF_2, 34, 2, 1},
		{"unknown flags", AT_LEAF_2, 32, 2, 0x12},
		{"second root", AT_LEAF_2, 32, 2, 3},
		{"another tree's", AT_LEAF_2, 28, 4, 11},
		{"of the future", AT_LEAF_2, 16, 8, APFS_XID + 1},
		{"another object", AT_LEAF_2, 8, 8, OID_LEAF_1},
		{"child that is its parent", AT_VOLUME_OMAP_TREE, AB - 40 - 5 * 16 + 8, 8,
		 AT_FILES},
		{"block outside", AT_VOLUME_OMAP_TREE, AB - 40 - 5 * 16 + 8, 8, UINT64_MAX},
		{"deleted", AT_VOLUME_OMAP_TREE, AB - 40 - 5 * 16, 4, 1},
		{"encrypted", AT_VOLUME_OMAP_TREE, AB - 40 - 5 * 16, 4, 4},
		{"values of no length", AT_VOLUME_OMAP_TREE, AB - 28, 4, 0},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct stage stage;
		struct listing found;

		print_message("%s\n", rows[i].what);
		stage_make(&stage, true);
		uint8_t *to = stage.image + rows[i].block * AB + rows[i].at;
		for (unsigned k = 0; k < rows[i].bytes; k++)
			to[k] = (uint8_t)(rows[i].value >> 8 * k);
		apfs_seal(stage.image + rows[i].block * AB);
		stage_open(&stage);
		if (stage.tree) {
			assert_int_not_equal(list(&stage, 2, &found), 0);
			listing_done(&found);
		}
		stage_done(&stage);
	}
}

/* Finds the value of one record of the second leaf, so that it can be set otherwise. */
static uint8_t *value_of(struct stage *stage, uint64_t id, unsigned type, unsigned nth)
{
	uint8_t *leaf = stage->image + AT_LEAF_2 * AB;

	for (unsigned i = 0; i < bl_get32(leaf + 36); i++) {
		const uint8_t *toc = leaf + 56 + 8 * i;
		const uint8_t *key = leaf + 56 + 512 + bl_get16(toc);

		if (bl_get64(key) == (id | (uint64_t)type << 60) && !nth--)
			return leaf + AB - bl_get16(toc + 4);
	}
	fail_msg("no such record");
	abort();
}

static void hostile_files_are_errors(void **state BL_UNUSED)
{
	static const struct {
		const char *what;
		unsigned type, nth, at;
		uint64_t value;
		int error;
	} rows[] = {
		{"size over its extents", 3, 0, 100, 2 * AB + 1, EIO},
		{"size of 2^63", 3, 0, 100, UINT64_C(1) << 63, EFBIG},
		{"being truncated", 3, 0, 48, 0x20, EIO},
		{"in the cloud", 3, 0, 68, UINT64_C(501) << 32 | 0x40000000, EOPNOTSUPP},
		{"compressed", 3, 0, 68, UINT64_C(501) << 32 | 0x20, EOPNOTSUPP},
		{"extent that ends early", 8, 0, 0, AB / 2, EIO},
		{"extent over the next one", 8, 0, 0, 2 * AB, EIO},
		{"extent of nothing", 8, 0, 0, 0, EIO},
		{"extent outside", 8, 0, 8, APFS_BLOCKS, EIO},
		{"extent far outside", 8, 1, 8, UINT64_MAX / AB, EIO},
		{"extent with a key", 8, 1, 16, 20, EOPNOTSUPP},
	};
	static uint8_t bytes[4 * AB];

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct stage stage;
		struct runs runs = {0};
		size_t got = 0;

		stage_make(&stage, true);
		bl_put64(value_of(&stage, ID_FILE, rows[i].type, rows[i].nth) + rows[i].at,
			 rows[i].value);
		apfs_seal(stage.image + AT_LEAF_2 * AB);
		stage_open(&stage);
		assert_non_null(stage.tree);
		int error = stage.tree->ops->map(stage.tree, ID_FILE, &runs);
		int again =
			stage.tree->ops->read(stage.tree, ID_FILE, 0, bytes, sizeof(bytes), &got);
		if (error != rows[i].error || again != rows[i].error)
			fail_msg("%s: %d, %d", rows[i].what, error, again);
		runs_done(&runs);
		stage_done(&stage);
	}
}

static void half_a_folder_is_none(void **state BL_UNUSED)
{
	struct stage stage;
	struct listing found;

	stage_make(&stage, true);
	bl_put32(value_of(&stage, ID_FOLDER, 3, 0) + 56, 3);
	apfs_seal(stage.image + AT_LEAF_2 * AB);
	stage_open(&stage);
	assert_non_null(stage.tree);
	assert_int_equal(list(&stage, ID_FOLDER, &found), EIO);
	listing_done(&found);
	stage_done(&stage);
}

/* ---- several volumes ---- */

static void each_volume_of_a_container_has_a_number(void **state BL_UNUSED)
{
	struct stage stage;
	struct volume *volumes = calloc(READER_VOLUMES, sizeof(*volumes));
	size_t count = 0;

	assert_non_null(volumes);
	stage_make(&stage, true);
	bl_put64(stage.image + AT_SUPER * AB + 192, OID_VOLUME);
	bl_put64(stage.image + AT_SUPER * AB + 208, OID_VOLUME);
	apfs_seal(stage.image + AT_SUPER * AB);
	blocks_init(&stage.blocks, stage.bytes, fetch, &stage);
	struct sleuth_image *image = sleuth_image_new(&stage.blocks);
	assert_non_null(image);
	assert_int_equal(volumes_scan(&stage.blocks, image, volumes, &count), 0);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(volumes[i].at.number, i + 1);
		assert_int_equal(volumes[i].inside, i);
		assert_non_null(volume_open(&volumes[i], &stage.blocks, image));
		volume_close(&volumes[i]);
	}
	sleuth_image_free(image);
	free(volumes);
	stage_done(&stage);
}

/* ---- by its own tool ---- */

static void what_mkapfs_makes_is_an_empty_volume(void **state BL_UNUSED)
{
	char path[] = "/tmp/bailee-apfs-XXXXXX", line[256];
	struct stage stage = {.bytes = (size_t)600 << 20};
	struct listing found;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)stage.bytes), 0);
	snprintf(line, sizeof(line),
		 "PATH=$PATH:/sbin:/usr/sbin; command -v mkapfs >/dev/null || exit 3; "
		 "mkapfs %s >/dev/null 2>&1",
		 path);
	int status = system(line);
	unlink(path);
	stage.image = mmap(NULL, stage.bytes, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
		skip();
	assert_int_equal(status, 0);
	assert_true(stage.image != MAP_FAILED);
	stage_open(&stage);
	if (!stage.tree)
		fail_msg("%s", stage.notice);
	assert_int_equal(list(&stage, stage.tree->root, &found), 0);
	assert_int_equal(found.count, 0);
	listing_done(&found);
	stage_shut(&stage);
	munmap(stage.image, stage.bytes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_made_is_shown),
		cmocka_unit_test(what_is_no_file_is_an_error),
		cmocka_unit_test(other_volumes_are_named_and_not_shown),
		cmocka_unit_test(newest_checkpoint_counts_or_none),
		cmocka_unit_test(harmed_metadata_is_never_shown_otherwise),
		cmocka_unit_test(cut_container_is_an_error_where_it_is_cut),
		cmocka_unit_test(hostile_trees_are_errors),
		cmocka_unit_test(hostile_files_are_errors),
		cmocka_unit_test(half_a_folder_is_none),
		cmocka_unit_test(each_volume_of_a_container_has_a_number),
		cmocka_unit_test(what_mkapfs_makes_is_an_empty_volume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
