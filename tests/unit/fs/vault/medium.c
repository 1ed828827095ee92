/* What lies below a file: told by the filesystem, and measured on filesystems of the test's own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/vault/medium.h"

#include <sodium.h>

#include "tests/unit/fs/vault/vault-disk.h"

#define PAGES 5u
#define BYTES (PAGES * MEDIUM_ALIGN)

static const struct disk_kind EXT4 = {"ext4", "ext4", NULL, 32, DISK_EXT4("-O", "^inline_data"),
				      {NULL}};
static const struct disk_kind XFS = {"xfs", "xfs", NULL, 320, DISK_XFS, {NULL}};
static const struct disk_kind TMPFS = {"tmpfs", "tmpfs", "size=8m", 0, {NULL}, {NULL}};

static int make_file(const struct disk *disk, const char *name, const uint8_t *bytes, size_t length)
{
	int fd = openat(disk->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, length, 0), length);
	assert_int_equal(fsync(fd), 0);
	return fd;
}

/* ---- where an overwrite is true ---------------------------------------------------------------- */

static void overwrite_is_true(void **state, const struct disk_kind *kind, const char *filesystem)
{
	struct disk *disk = *state;
	struct bl_error why = {.text = ""};
	struct medium medium;
	struct medium_layout layout = {0};
	uint8_t *old = aligned_alloc(MEDIUM_ALIGN, BYTES),
		*new = aligned_alloc(MEDIUM_ALIGN, BYTES);
	uint8_t *read = aligned_alloc(MEDIUM_ALIGN, BYTES);
	uint64_t covered = 0;

	if (!disk_init(disk, kind))
		skip();
	randombytes_buf(old, BYTES);
	randombytes_buf(new, BYTES);

	int fd = make_file(disk, "file", old, BYTES);

	assert_int_equal(medium_look(disk->folder, &medium, &why), BL_OK);
	assert_true(medium.is_good);
	assert_int_equal(medium_look(fd, &medium, &why), BL_OK);
	assert_true(medium.is_good);
	assert_false(medium.has_no_medium);
	assert_string_equal(medium.filesystem, filesystem);
	assert_int_equal(strncmp(medium.disk, "loop", 4), 0);
	assert_int_equal(medium_check_file(fd, &why), BL_OK);
	assert_int_equal(medium_layout_read(fd, BYTES, false, &layout, &why), BL_OK);
	for (size_t i = 0; i < layout.count; i++) {
		assert_int_equal(layout.items[i].logical, covered);
		covered += layout.items[i].length;
	}
	assert_int_equal(covered, BYTES);
	medium_layout_free(&layout);
	assert_int_equal(medium_read_raw(fd, 0, read, BYTES, &why), BL_OK);
	assert_memory_equal(read, old, BYTES);
	assert_true(disk_count(disk, old + MEDIUM_ALIGN, 64) > 0);

	assert_int_equal(pwrite(fd, new, BYTES, 0), BYTES);
	assert_int_equal(fdatasync(fd), 0);
	for (unsigned page = 0; page < PAGES; page++) {
		assert_int_equal(medium_read_raw(fd, (uint64_t)page * MEDIUM_ALIGN, read,
						 MEDIUM_ALIGN, &why),
				 BL_OK);
		assert_memory_equal(read, new + page *MEDIUM_ALIGN, MEDIUM_ALIGN);
		assert_int_equal(disk_count(disk, old + page * MEDIUM_ALIGN, 64), 0);
	}
	close(fd);
	free(old);
	free(new);
	free(read);
}

static void an_overwrite_on_ext4_reaches_the_disk(void **state)
{
	overwrite_is_true(state, &EXT4, "ext2/3/4");
}

static void an_overwrite_on_ext4_with_small_blocks_reaches_the_disk(void **state)
{
	static const struct disk_kind SMALL = {"ext4 -b 1024",		"ext4", NULL, 32,
					       DISK_EXT4("-b", "1024"), {NULL}};

	overwrite_is_true(state, &SMALL, "ext2/3/4");
}

static void an_overwrite_on_xfs_reaches_the_disk(void **state)
{
	overwrite_is_true(state, &XFS, "xfs");
}

/* ---- where it is not --------------------------------------------------------------------------- */

/* What is told of @kind must be @says, of a folder and of a file; and nothing below is read. */
static void is_refused(void **state, const struct disk_kind *kind, const char *filesystem,
		       const char *says, bool of_files)
{
	struct disk *disk = *state;
	struct medium medium;
	uint8_t *bytes = aligned_alloc(MEDIUM_ALIGN, BYTES);

	if (!disk_init(disk, kind))
		skip();
	randombytes_buf(bytes, BYTES);

	int fd = make_file(disk, "file", bytes, BYTES);

	for (unsigned i = 0; i < (of_files ? 2u : 1u); i++) {
		assert_int_equal(medium_look(i ? fd : disk->folder, &medium, NULL), BL_OK);
		assert_string_equal(medium.filesystem, filesystem);
		assert_false(medium.is_good);
		if (!strstr(medium.trouble, says) || !strchr(medium.trouble, '('))
			fail_msg("%s says '%s'", kind->name, medium.trouble);
	}
	if (of_files) {
		struct bl_error why = {.text = ""};

		assert_int_equal(medium_check_file(fd, &why), BL_UNSUPPORTED);
		assert_non_null(strstr(why.text, says));
		assert_int_equal(medium_read_raw(fd, 0, bytes, MEDIUM_ALIGN, &why), BL_UNSUPPORTED);
	}
	close(fd);
	free(bytes);
}

static void ext4_mounted_with_data_journal_is_refused(void **state)
{
	static const struct disk_kind KIND = {"ext4 data=journal",
					      "ext4",
					      "data=journal",
					      32,
					      DISK_EXT4("-O", "^inline_data"),
					      {NULL}};

	is_refused(state, &KIND, "ext2/3/4", "data=journal", true);
}

/* mountinfo does not tell this one. */
static void ext4_with_data_journal_in_its_superblock_is_refused(void **state)
{
	static const struct disk_kind KIND = {
		"ext4 -o journal_data",		  "ext4", NULL, 32, DISK_EXT4("-O", "^inline_data"),
		{"tune2fs", "-o", "journal_data"}};

	is_refused(state, &KIND, "ext2/3/4", "data=journal", true);
}

/* A file as large as this one lies in blocks: it is the folder that is refused. */
static void a_folder_on_ext4_with_inline_data_is_refused(void **state)
{
	static const struct disk_kind KIND = {
		"ext4 inline_data", "ext4", NULL, 32, DISK_EXT4("-O", "inline_data"), {NULL}};

	is_refused(state, &KIND, "ext2/3/4", "inline_data", false);
}

static void btrfs_is_refused(void **state)
{
	static const struct disk_kind KIND = {"btrfs", "btrfs", NULL, 160, DISK_BTRFS, {NULL}};

	is_refused(state, &KIND, "btrfs", "leaves the old bytes", true);
}

static bool overlay_init(struct disk *disk)
{
	char options[512], folder[128];

	if (!disk_init(disk, &EXT4) || mkdirat(disk->folder, "lower", 0700) != 0 ||
	    mkdirat(disk->folder, "upper", 0700) != 0 || mkdirat(disk->folder, "work", 0700) != 0)
		return false;
	snprintf(folder, sizeof(folder), "%s/mnt", disk->root);
	snprintf(options, sizeof(options), "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work",
		 folder, folder, folder);
	if (mount("overlay", folder, "overlay", 0, options) != 0)
		return false;
	close(disk->folder);
	disk->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return true;
}

static void overlay_is_refused(void **state)
{
	struct disk *disk = *state;
	struct medium medium;
	uint8_t byte = 1;
	BL_CLEANUP(bl_free) void *page = aligned_alloc(MEDIUM_ALIGN, MEDIUM_ALIGN);

	if (!overlay_init(disk))
		skip();

	int fd = make_file(disk, "file", &byte, 1);

	assert_int_equal(medium_look(disk->folder, &medium, NULL), BL_OK);
	assert_false(medium.is_good);
	assert_string_equal(medium.filesystem, "overlay");
	assert_non_null(strstr(medium.trouble, "move it to ext4 or xfs"));
	assert_int_equal(medium_check_file(fd, NULL), BL_UNSUPPORTED);
	assert_int_equal(medium_read_raw(fd, 0, page, MEDIUM_ALIGN, NULL), BL_UNSUPPORTED);
	close(fd);
}

static void tmpfs_is_good_without_a_medium(void **state)
{
	struct disk *disk = *state;
	struct medium medium;
	uint8_t *bytes = aligned_alloc(MEDIUM_ALIGN, BYTES);

	if (!disk_init(disk, &TMPFS))
		skip();
	memset(bytes, 1, BYTES);

	int fd = make_file(disk, "file", bytes, BYTES);

	assert_int_equal(medium_look(fd, &medium, NULL), BL_OK);
	assert_true(medium.is_good);
	assert_true(medium.has_no_medium);
	assert_string_equal(medium.filesystem, "tmpfs");
	assert_string_equal(medium.disk, "");
	assert_int_equal(medium_read_raw(fd, 0, bytes, MEDIUM_ALIGN, NULL), BL_UNSUPPORTED);
	assert_int_equal(medium_check_file(fd, NULL), BL_UNSUPPORTED);
	close(fd);
	free(bytes);
}

/* chattr +j on the root folder, as chattr itself may not do it everywhere (CAP_SYS_RESOURCE). */
static void a_folder_whose_files_are_journalled_is_refused(void **state)
{
	static const struct disk_kind KIND = {
		"ext4 with a folder +j",
		"ext4",
		NULL,
		32,
		DISK_EXT4("-O", "^inline_data"),
		{"debugfs", "-w", "-R", "set_inode_field <2> flags 0x84000"}};

	is_refused(state, &KIND, "ext2/3/4", "chattr -j", false);
}

/* ---- layouts ------------------------------------------------------------------------------------- */

static void holes_are_refused_or_left_out(void **state)
{
	struct disk *disk = *state;
	struct medium_layout layout = {0};
	uint8_t *page = aligned_alloc(MEDIUM_ALIGN, MEDIUM_ALIGN);

	if (!disk_init(disk, &EXT4))
		skip();
	memset(page, 7, MEDIUM_ALIGN);

	/* Page 0 written, 1 a hole, 2 written, 3 unwritten, 4 to 15 a hole. */
	int fd = make_file(disk, "file", page, MEDIUM_ALIGN);

	assert_int_equal(pwrite(fd, page, MEDIUM_ALIGN, 2 * MEDIUM_ALIGN), MEDIUM_ALIGN);
	assert_int_equal(fallocate(fd, 0, 3 * MEDIUM_ALIGN, MEDIUM_ALIGN), 0);
	assert_int_equal(ftruncate(fd, 16 * MEDIUM_ALIGN), 0);
	assert_int_equal(medium_layout_read(fd, 16 * MEDIUM_ALIGN, false, &layout, NULL),
			 BL_UNSUPPORTED);
	assert_int_equal(medium_layout_read(fd, MEDIUM_ALIGN, false, &layout, NULL), BL_OK);
	assert_int_equal(layout.count, 1);
	medium_layout_free(&layout);
	assert_int_equal(medium_layout_read(fd, 16 * MEDIUM_ALIGN, true, &layout, NULL), BL_OK);
	assert_int_equal(layout.count, 2);
	assert_int_equal(layout.items[0].logical, 0);
	assert_int_equal(layout.items[0].length, MEDIUM_ALIGN);
	assert_int_equal(layout.items[1].logical, 2 * MEDIUM_ALIGN);
	assert_int_equal(layout.items[1].length, MEDIUM_ALIGN);
	medium_layout_free(&layout);
	assert_int_equal(medium_read_raw(fd, 2 * MEDIUM_ALIGN, page, MEDIUM_ALIGN, NULL), BL_OK);
	/* A hole, what was never written, and what lies behind the end. */
	for (unsigned at = 1; at < 32; at += at == 1 ? 2 : 13)
		assert_int_equal(
			medium_read_raw(fd, (uint64_t)at * MEDIUM_ALIGN, page, MEDIUM_ALIGN, NULL),
			BL_UNSUPPORTED);
	close(fd);
	free(page);
}

static void only_that_very_disk_is_opened(void **state BL_UNUSED)
{
	assert_int_equal(medium_open_disk(7, 0, ""), -1);
	assert_int_equal(medium_open_disk(1, 3, "null"), -1);	  /* no block device */
	assert_int_equal(medium_open_disk(4095, 7, "loop0"), -1); /* another number */
	assert_int_equal(medium_open_disk(7, 0, "../etc/passwd"), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_overwrite_on_ext4_reaches_the_disk),
		TEST(an_overwrite_on_ext4_with_small_blocks_reaches_the_disk),
		TEST(an_overwrite_on_xfs_reaches_the_disk),
		TEST(ext4_mounted_with_data_journal_is_refused),
		TEST(ext4_with_data_journal_in_its_superblock_is_refused),
		TEST(a_folder_on_ext4_with_inline_data_is_refused),
		TEST(btrfs_is_refused),
		TEST(overlay_is_refused),
		TEST(tmpfs_is_good_without_a_medium),
		TEST(a_folder_whose_files_are_journalled_is_refused),
		TEST(holes_are_refused_or_left_out),
		TEST(only_that_very_disk_is_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
