/* image.c - real filesystems through the real reader: the tree that went in comes out, byte for byte */
#include "fs/image/image.h"
#include "tests/unit/fs/find-program.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATTERN_BYTES 3000000u

struct scene {
	char folder[64], reader[4096];
	int fd;
	struct image *image;
	atomic_uint troubles;
};

/* Two partitions that can be read and one that cannot; the same tree alone, without a table. */
static const char MAKE[] =
	"set -e; PATH=$PATH:/sbin:/usr/sbin; cd \"$FOLDER\"; mkdir -p fat/sub; cp plain fat/plain;"
	" cp pattern fat/sub/pattern; : > fat/empty;"
	" mkdir -p ext/sub/deeper; cp plain ext/plain; cp pattern ext/sub/deeper/pattern;"
	" : > ext/empty; ln -s sub/deeper/pattern ext/link; cp plain 'ext/caf\xc3\xa9 x';"
	" truncate -s 5M ext/sparse; cp plain ext/tail; truncate -s 1M ext/tail;"
	" printf end | dd of=ext/sparse bs=1 seek=4000000 conv=notrunc status=none;"
	" i=0; while [ $i -lt 300 ]; do : > ext/sub/file-$i; i=$((i+1)); done;"
	" mke2fs -q -F -t ext4 -E root_owner=0:0 -d ext ext.img 32M 2>/dev/null;"
	" mkfs.vfat -C fat.img 16384 >/dev/null; MTOOLS_SKIP_CHECK=1 mcopy -s -i fat.img fat/* ::;"
	" truncate -s 64M disk.img;"
	" printf 'label: dos\\n2048,65536,L\\n67584,32768,c\\n100352,8192,L\\n' | sfdisk -q "
	"disk.img;"
	" dd if=ext.img of=disk.img bs=512 seek=2048 conv=notrunc status=none;"
	" dd if=fat.img of=disk.img bs=512 seek=67584 conv=notrunc status=none;";

static bool run(const char *command, const char *folder)
{
	return setenv("FOLDER", folder, 1) == 0 && system(command) == 0;
}

static bool write_file(const char *folder, const char *name, size_t length)
{
	char path[128];
	uint8_t *bytes = malloc(length);

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (size_t i = 0; bytes && i < length; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 251 + i / 65536);
	FILE *file = fopen(path, "we");
	bool is_good = bytes && file && fwrite(bytes, 1, length, file) == length;
	if (file)
		is_good = fclose(file) == 0 && is_good;
	free(bytes);
	return is_good;
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	*state = s;
	s->fd = -1;
	strcpy(s->folder, "/tmp/bailee-image-XXXXXX");
	if (!mkdtemp(s->folder))
		return -1;
	bool is_made = write_file(s->folder, "plain", 11) &&
		       write_file(s->folder, "pattern", PATTERN_BYTES) && run(MAKE, s->folder);
	if (!is_made)
		run("rm -rf \"$FOLDER\"", s->folder);
	return is_made ? 0 : -1;
}

static int teardown(void **state)
{
	struct scene *s = *state;
	bool is_gone = run("rm -rf \"$FOLDER\"", s->folder);

	free(s);
	return is_gone ? 0 : -1;
}

static void on_trouble(void *context, unsigned volume, uint64_t inode, const char *text)
{
	struct scene *s = context;

	(void)volume;
	(void)inode;
	(void)text;
	atomic_fetch_add(&s->troubles, 1);
}

static void open_image(struct scene *s, const char *name)
{
	struct image_options options = {
		.reader_path = s->reader, .try_ms = 20000, .on_trouble = on_trouble, .context = s};
	struct bl_error why = {{0}};
	char path[128];

	if (!find_reader(s->reader, sizeof(s->reader)))
		skip();
	snprintf(path, sizeof(path), "%s/%s", s->folder, name);
	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(s->fd >= 0);
	if (image_open(s->fd, IMAGE_RAW, &options, &s->image, &why) != BL_OK)
		fail_msg("%s", why.text);
}

static void close_image(struct scene *s)
{
	image_close(s->image);
	close(s->fd);
	assert_int_equal(atomic_load(&s->troubles), 0);
	/* no zombie, no child */
	assert_true(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void compare_file(struct scene *s, unsigned volume, uint64_t inode, int fd, const char *name)
{
	static uint8_t ours[70001], theirs[70001];
	struct image_file *file = NULL;
	struct bl_error why = {{0}};
	struct stat st;
	size_t got = 0;

	assert_int_equal(fstat(fd, &st), 0);
	if (image_file_open(s->image, volume, inode, &file, &why) != BL_OK)
		fail_msg("%s: %s", name, why.text);
	if (image_file_size(file) != (uint64_t)st.st_size)
		fail_msg("%s: %llu bytes", name, (unsigned long long)image_file_size(file));
	for (off_t at = 0; at <= st.st_size; at += sizeof(ours)) {
		ssize_t length = pread(fd, theirs, sizeof(theirs), at);

		if (image_file_read(file, (uint64_t)at, ours, sizeof(ours), &got, &why) != BL_OK)
			fail_msg("%s at %lld: %s", name, (long long)at, why.text);
		if (got != (size_t)length || memcmp(ours, theirs, got) != 0)
			fail_msg("%s differs at %lld", name, (long long)at);
	}
	image_file_close(file);
}

struct found {
	char name[256];
	uint64_t inode;
	struct image_attr attr;
};

struct found_list {
	struct found items[400];
	size_t count;
};

static bool remember(void *context, const struct image_entry *entry)
{
	struct found_list *list = context;

	if (list->count == BL_COUNT(list->items))
		return false;
	struct found *found = &list->items[list->count++];
	snprintf(found->name, sizeof(found->name), "%s", entry->name);
	found->inode = entry->inode;
	found->attr = entry->attr;
	return true;
}

static void compare_link(struct scene *s, unsigned volume, const struct found *found, int at)
{
	char ours[256], theirs[256] = "";

	assert_int_equal(image_readlink(s->image, volume, found->inode, ours, sizeof(ours), NULL),
			 BL_OK);
	assert_true(readlinkat(at, found->name, theirs, sizeof(theirs) - 1) > 0);
	assert_string_equal(ours, theirs);
}

/* The tree is our own and three deep. Returns how many entries were compared. */
static size_t compare_tree(struct scene *s, unsigned volume, uint64_t inode, int at)
{
	struct found_list *list = calloc(1, sizeof(*list));
	size_t compared = 0;

	assert_non_null(list);
	assert_int_equal(image_list(s->image, volume, inode, remember, list, NULL), BL_OK);
	for (size_t i = 0; i < list->count; i++) {
		const struct found *found = &list->items[i];
		struct image_attr attr;

		if (strcmp(found->name, "lost+found") == 0)
			continue;
		assert_int_equal(image_stat(s->image, volume, found->inode, &attr, NULL), BL_OK);
		compared++;
		if (attr.type == IMAGE_LINK) {
			compare_link(s, volume, found, at);
			continue;
		}
		int fd = openat(at, found->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			fail_msg("'%s' is in the image only", found->name);
		if (attr.type == IMAGE_DIR)
			compared += compare_tree(s, volume, found->inode, fd);
		else
			compare_file(s, volume, found->inode, fd, found->name);
		close(fd);
	}
	free(list);
	return compared;
}

static size_t compare_volume(struct scene *s, unsigned volume, const char *tree)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", s->folder, tree);
	int at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(at >= 0);
	size_t compared = compare_tree(s, volume, image_volume(s->image, volume)->root, at);
	close(at);
	return compared;
}

#define EXT_ENTRIES                                                                                \
	(9 + 300)     /* plain, empty, link, cafe, sparse, tail, sub, deeper, pattern; file-N */
#define FAT_ENTRIES 4 /* plain, empty, sub, pattern */

static void ext4_without_a_table_is_one_volume(void **state)
{
	struct scene *s = *state;

	open_image(s, "ext.img");
	assert_int_equal(image_volume_count(s->image), 1);
	assert_string_equal(image_volume(s->image, 0)->name, "p1-ext4");
	assert_int_equal(compare_volume(s, 0, "ext"), EXT_ENTRIES);
	close_image(s);
}

static void fat_without_a_table_is_one_volume(void **state)
{
	struct scene *s = *state;

	open_image(s, "fat.img");
	assert_int_equal(image_volume_count(s->image), 1);
	assert_memory_equal(image_volume(s->image, 0)->name, "p1-fat", 6);
	assert_int_equal(compare_volume(s, 0, "fat"), FAT_ENTRIES);
	close_image(s);
}

static void disk_shows_its_readable_partitions_beside_the_others(void **state)
{
	struct scene *s = *state;

	open_image(s, "disk.img");
	assert_int_equal(image_volume_count(s->image), 3);
	assert_string_equal(image_volume(s->image, 0)->name, "p1-ext4");
	assert_memory_equal(image_volume(s->image, 1)->name, "p2-fat", 6);
	assert_string_equal(image_volume(s->image, 2)->name, "p3-unreadable");
	assert_false(image_volume(s->image, 2)->is_readable);
	assert_true(strlen(image_volume(s->image, 2)->notice) > 0);
	struct found_list *list = calloc(1, sizeof(*list));
	assert_non_null(list);
	assert_int_equal(image_list(s->image, 2, 2, remember, list, NULL), BL_IO);
	free(list);
	assert_int_equal(compare_volume(s, 0, "ext"), EXT_ENTRIES);
	assert_int_equal(compare_volume(s, 1, "fat"), FAT_ENTRIES);
	close_image(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ext4_without_a_table_is_one_volume),
		cmocka_unit_test(fat_without_a_table_is_one_volume),
		cmocka_unit_test(disk_shows_its_readable_partitions_beside_the_others),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
