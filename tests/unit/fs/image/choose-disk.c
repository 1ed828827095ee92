/* choose-disk.c - real filesystems with what was chosen set to zeros: it is gone, and nothing else is */
#include "fs/image/choose.h"
#include "tests/unit/fs/find-program.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOUND  128
#define SECTOR 512u

/* What the files are full of, so that no byte of them can be anywhere unseen. */
#define SECRET "<marta's secret>"
#define KEEP   "<for the repair>"
#define GONE   "<deleted before>"

/* Long, short and small enough for an inode; a name of one file that stays. Names are 8.3: FAT has no others without effort. */
static const char TREE[] =
	"set -e; PATH=$PATH:/sbin:/usr/sbin; cd \"$FOLDER\"; mkdir -p tree/a/b;"
	" fill() { head -c $3 /dev/zero | tr '\\0' '.' | sed \"s/................/$1/g\" > "
	"tree/$2; };"
	" fill \"$SECRET\" a/secret1 300000; fill \"$SECRET\" a/b/secret2 5008;"
	" fill \"$SECRET\" secret3 48; fill \"$KEEP\" a/keep1 200000; fill \"$KEEP\" a/b/keep2 48;"
	" fill \"$KEEP\" keep3 7008; fill \"$GONE\" gone1 90000; fill \"$GONE\" a/gone2 32; : > "
	"tree/a/empty;";

#define TWO_PARTS                                                                                  \
	"mke2fs -q -F -t ext4 -d tree ext 8M; debugfs -w -R 'rm /gone1' ext;"                      \
	" debugfs -w -R 'rm /a/gone2' ext; mkfs.vfat -C fat 8192; mcopy -s -i fat tree/* ::;"      \
	" mdel -i fat ::gone1 ::a/gone2; truncate -s 24M image;"                                   \
	" printf 'label: dos\\n2048,16384,L\\n20480,20480,E\\n22528,16384,c\\n43008,4096,L\\n' |"  \
	" sfdisk -q image; dd if=ext of=image bs=512 seek=2048 conv=notrunc;"                      \
	" dd if=fat of=image bs=512 seek=22528 conv=notrunc;"
#define CHECK_TWO                                                                                  \
	"dd if=image of=ext bs=512 skip=2048 count=16384; e2fsck -fn ext;"                         \
	" dd if=image of=fat bs=512 skip=22528 count=16384; fsck.vfat -n fat"

struct row {
	const char *name, *make, *check;
	bool has_deleted, has_unreadable;
};

static const struct row ROWS[] = {
	{"ext4",
	 "ln tree/a/keep1 tree/a/b/secret4; mke2fs -q -F -t ext4 -d tree image 24M;"
	 " debugfs -w -R 'rm /gone1' image; debugfs -w -R 'rm /a/gone2' image",
	 "e2fsck -fn image", true, false},
	{"ext2 of small blocks",
	 "mke2fs -q -F -t ext2 -b 1024 -d tree image 8M;"
	 " debugfs -w -R 'rm /gone1' image; debugfs -w -R 'rm /a/gone2' image",
	 "e2fsck -fn image", true, false},
	/* without checksums: they cover what lies in an inode */
	{"ext4 with files in inodes",
	 "mke2fs -q -F -t ext4 -O inline_data,^metadata_csum -d tree image 16M", "e2fsck -fn image",
	 false, false},
	{"fat16",
	 "mkfs.vfat -F 16 -C image 16384; mcopy -s -i image tree/* ::; mdel -i image ::gone1 "
	 "::a/gone2",
	 "fsck.vfat -n image", true, false},
	{"fat32",
	 "mkfs.vfat -F 32 -C image 40960; mcopy -s -i image tree/* ::; mdel -i image ::gone1 "
	 "::a/gone2",
	 "fsck.vfat -n image", true, false},
	{"ntfs",
	 "truncate -s 8M image; mkntfs -q -F -p 0 image; for f in secret1 keep1; do"
	 " ntfscp image tree/a/$f $f; done; ntfscp image tree/secret3 secret3;"
	 " ntfscp image tree/a/b/keep2 keep2; ntfscp image tree/keep3 keep3; ntfscp image "
	 "tree/gone1 gone1;"
	 " ntfscp -N hidden image tree/a/b/secret2 secret3",
	 "ntfsfix -n image", false, false},
	{"two partitions and one that cannot be read",
	 TWO_PARTS
	 " yes \"$SECRET\" | head -c 1000000 | dd of=image bs=512 seek=43008 conv=notrunc",
	 CHECK_TWO, true, true},
	{"two partitions and one of zeros, as Windows reserves", TWO_PARTS, CHECK_TWO, true, false},
};

/* ---- making and reading ----------------------------------------------------------------------- */

static char folder[64], reader[4096];

static bool run(const char *before, const char *script)
{
	char command[4096];

	snprintf(command, sizeof(command),
		 "(%s set -e; export PATH=$PATH:/sbin:/usr/sbin MTOOLS_SKIP_CHECK=1; cd "
		 "\"$FOLDER\"; "
		 "%s) >/dev/null 2>&1",
		 before, script);
	return system(command) == 0;
}

static void clear(void)
{
	assert_true(run("", "rm -rf tree image ext fat"));
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/bailee-choose-XXXXXX");
	return sodium_init() >= 0 && mkdtemp(folder) && setenv("FOLDER", folder, 1) == 0 &&
			       setenv("SECRET", SECRET, 1) == 0 && setenv("KEEP", KEEP, 1) == 0 &&
			       setenv("GONE", GONE, 1) == 0
		       ? 0
		       : -1;
}

static int teardown(void **state)
{
	(void)state;
	return system("rm -rf \"$FOLDER\"");
}

static int open_file(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/image", folder);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static struct image *open_image(int fd)
{
	struct image_options options = {.reader_path = reader, .try_ms = 20000};
	struct image *image = NULL;
	struct bl_error why = {{0}};

	if (image_open(fd, IMAGE_RAW, &options, &image, &why) != BL_OK)
		fail_msg("%s", why.text);
	return image;
}

/*
 * The image as it is read from the vault later: what was left out is zeros, and whole sectors of it cannot be read at all.
 * Of a piece of a sector nothing more can be asked: beside it in the same inode table lie other files.
 */
struct holes {
	int fd;
	struct image_ranges sectors;
};

static enum bl_status read_around(void *context, uint64_t offset, void *out, size_t length,
				  struct bl_error *why)
{
	const struct holes *holes = context;
	size_t at = image_ranges_find(&holes->sectors, offset);

	if (at < holes->sectors.count && holes->sectors.items[at].offset < offset + length)
		return bl_fail(why, BL_IO, "left out");
	return pread(holes->fd, out, length, (off_t)offset) == (ssize_t)length ? BL_OK : BL_IO;
}

static void make_holes(struct holes *holes, const struct image_ranges *ranges)
{
	for (size_t i = 0; i < ranges->count; i++) {
		uint64_t from = (ranges->items[i].offset + SECTOR - 1) / SECTOR * SECTOR;
		uint64_t until =
			(ranges->items[i].offset + ranges->items[i].length) / SECTOR * SECTOR;

		if (from < until)
			assert_int_equal(image_ranges_add(&holes->sectors, from, until - from),
					 BL_OK);
	}
	image_ranges_join(&holes->sectors);
}

static uint64_t size_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_size;
}

/* ---- what is in an image ---------------------------------------------------------------------- */

struct found {
	char path[200];
	uint64_t inode, size;
	unsigned volume;
	bool is_folder, is_read;
	uint8_t digest[crypto_generichash_BYTES];
};

struct list {
	struct found items[FOUND];
	size_t count;
	const struct found *above;
	unsigned volume;
};

static bool take(void *context, const struct image_entry *entry)
{
	struct list *list = context;

	if (list->count >= FOUND || !entry->has_attr ||
	    (entry->attr.type != IMAGE_FILE && entry->attr.type != IMAGE_DIR))
		return list->count < FOUND;
	struct found *found = &list->items[list->count++];

	snprintf(found->path, sizeof(found->path), "%.150s/%.40s",
		 list->above ? list->above->path : "", entry->name);
	found->inode = entry->inode;
	found->size = entry->attr.size_bytes;
	found->volume = list->volume;
	found->is_folder = entry->attr.type == IMAGE_DIR;
	return true;
}

static struct image *open_holes(struct holes *holes)
{
	struct image_options options = {.reader_path = reader, .try_ms = 20000};
	struct image_bytes bytes = {read_around, holes, size_of(holes->fd)};
	struct image *image = NULL;
	struct bl_error why = {{0}};

	if (image_open_bytes(&bytes, &options, &image, &why) != BL_OK)
		fail_msg("%s", why.text);
	return image;
}

static void digest_file(struct image *image, struct found *found)
{
	BL_CLEANUP(image_file_close) struct image_file *file = NULL;
	size_t got = 0, room = (size_t)found->size + 1;
	BL_CLEANUP(bl_free) uint8_t *bytes = malloc(room);

	assert_non_null(bytes);
	found->is_read =
		image_file_open(image, found->volume, found->inode, &file, NULL) == BL_OK &&
		image_file_read(file, 0, bytes, room, &got, NULL) == BL_OK && got == found->size;
	crypto_generichash(found->digest, sizeof(found->digest), bytes, got, NULL, 0);
}

/* The list is also the queue: folders are listed as they are reached. */
static void list_all(struct image *image, struct list *list)
{
	size_t next = 0;

	memset(list, 0, sizeof(*list));
	for (unsigned v = 0; v < image_volume_count(image); v++) {
		if (!image_volume(image, v)->is_readable)
			continue;
		list->volume = v;
		list->above = NULL;
		assert_int_equal(
			image_list(image, v, image_volume(image, v)->root, take, list, NULL),
			BL_OK);
		for (; next < list->count; next++) {
			list->above = &list->items[next];
			if (list->items[next].is_folder)
				assert_int_equal(image_list(image, v, list->items[next].inode, take,
							    list, NULL),
						 BL_OK);
			else
				digest_file(image, &list->items[next]);
		}
	}
	assert_in_range(list->count, 1, FOUND - 1);
}

/* Is any of it there? Two halves that lie apart are not looked for. */
static bool holds(int fd, const char *text)
{
	size_t size = (size_t)size_of(fd);
	BL_CLEANUP(bl_free) char *bytes = malloc(size);

	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, size, 0), size);
	return memmem(bytes, size, text, strlen(text)) != NULL;
}

static void zero(int fd, const struct image_ranges *ranges)
{
	static const uint8_t zeros[65536];

	for (size_t i = 0; i < ranges->count; i++)
		for (uint64_t done = 0; done < ranges->items[i].length;) {
			uint64_t left = ranges->items[i].length - done;
			size_t part = (size_t)BL_MIN(left, (uint64_t)sizeof(zeros));

			assert_int_equal(
				pwrite(fd, zeros, part, (off_t)(ranges->items[i].offset + done)),
				part);
			done += part;
		}
}

struct way {
	const char *without, *only;
	bool no_free_space;
	bool is_find;
	const char *lost[6]; /* files called so; NULL behind the last */
	const char *gone[3]; /* texts that are nowhere */
	const char *left;    /* a text that is there */
};

static bool is_lost(const struct way *way, const struct found *found)
{
	const char *name = strrchr(found->path, '/') + 1;

	for (size_t i = 0; way->lost[i]; i++) {
		size_t length = strlen(way->lost[i]);

		/* A file's streams go with it. */
		if (strncasecmp(name, way->lost[i], length) == 0 &&
		    (!name[length] || name[length] == ':'))
			return found->size > 0;
	}
	return false;
}

/* Every name is there as before, and all contents but those of the files that are to be lost. */
static void compare(const struct row *row, const struct way *way, const struct list *before,
		    const struct list *after)
{
	if (before->count != after->count)
		fail_msg("%s: %zu names, then %zu", row->name, before->count, after->count);
	for (size_t i = 0; i < before->count; i++) {
		const struct found *old = &before->items[i], *new = &after->items[i];
		bool is_same = memcmp(old->digest, new->digest, sizeof(old->digest)) == 0;

		if (strcmp(old->path, new->path) != 0 || old->size != new->size)
			fail_msg("%s: %s is now %s", row->name, old->path, new->path);
		if (!old->is_folder && (!old->is_read || (!new->is_read && !is_lost(way, old))))
			fail_msg("%s: %s cannot be read", row->name, old->path);
		if (is_same == is_lost(way, old))
			fail_msg("%s: %s is %s", row->name, old->path,
				 is_same ? "still there" : "another one");
	}
}

/* ---- the ways to choose ------------------------------------------------------------------------ */

static void take_ranges(const struct row *row, const struct way *way, int fd, struct image *image,
			struct image_ranges *out_ranges)
{
	struct image_choice choice = {&way->without, way->without != NULL, &way->only,
				      way->only != NULL, way->no_free_space};
	struct image_choice_report report = {0};
	struct bl_error why = {{0}};
	uint64_t files = 0;
	enum bl_status status =
		way->is_find ? image_find(image, &way->without, 1, out_ranges, &files, &why)
			     : image_choose(image, size_of(fd), &choice, NULL, NULL, out_ranges,
					    &report, &why);

	if (status != BL_OK)
		fail_msg("%s: %s: %s", row->name, bl_status_name(status), why.text);
	if (!way->is_find && report.bytes_left_out != image_ranges_bytes(out_ranges))
		fail_msg("%s: wrong report", row->name);
}

static void make(const struct row *row)
{
	clear();
	if (!run(TREE, row->make))
		fail_msg("cannot make %s", row->name);
	if (!run("", row->check))
		fail_msg("%s is not sound before", row->name);
}

/* A text of deleted files is that of files which are there, where nothing could be deleted. */
static bool is_to_go(const struct row *row, const struct way *way, const char *text)
{
	return row->has_deleted || way->only || strcmp(text, GONE) != 0;
}

static void expect_texts(const struct row *row, const struct way *way, int fd, bool is_before)
{
	for (size_t i = 0; way->gone[i]; i++)
		if (is_to_go(row, way, way->gone[i]) && holds(fd, way->gone[i]) != is_before)
			fail_msg("%s: %s %s", row->name, way->gone[i],
				 is_before ? "was never there" : "is still there");
	if (way->left && !holds(fd, way->left))
		fail_msg("%s: %s is gone too", row->name, way->left);
}

static void try_holes(const struct row *row, const struct way *way, int fd,
		      const struct image_ranges *ranges, const struct list *before)
{
	static struct list after;
	struct holes holes = {.fd = fd};

	make_holes(&holes, ranges);
	struct image *image = open_holes(&holes);
	list_all(image, &after);
	image_close(image);
	image_ranges_done(&holes.sectors);
	compare(row, way, before, &after);
}

static void try_way(const struct row *row, const struct way *way)
{
	static struct list before, after;
	struct image_ranges ranges = {0};

	make(row);
	BL_CLEANUP(fd_close) int fd = open_file();
	struct image *image = open_image(fd);
	list_all(image, &before);
	expect_texts(row, way, fd, true);
	take_ranges(row, way, fd, image, &ranges);
	image_close(image);
	zero(fd, &ranges);
	expect_texts(row, way, fd, false);
	image = open_image(fd);
	list_all(image, &after);
	image_close(image);
	compare(row, way, &before, &after);
	if (!way->is_find)
		try_holes(row, way, fd, &ranges, &before);
	image_ranges_done(&ranges);
	if (!run("", row->check))
		fail_msg("%s is not sound any more", row->name);
	clear();
}

static void try_all(const struct way *way)
{
	if (!find_reader(reader, sizeof(reader)))
		skip();
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		if (!way->is_find || !ROWS[i].has_unreadable)
			try_way(&ROWS[i], way);
}

/* ext4: secret4 is another name of keep1, and stays. The volume that cannot be read goes too. */
static void files_left_out_are_gone_and_others_stay(void **state)
{
	static const struct way WAY = {.without = "/**/secret?",
				       .lost = {"secret1", "secret2", "secret3"},
				       .gone = {SECRET},
				       .left = GONE};

	(void)state;
	try_all(&WAY);
}

static void only_what_is_wanted_stays(void **state)
{
	static const struct way WAY = {.only = "/**/keep?",
				       .lost = {"secret1", "secret2", "secret3", "gone1", "gone2"},
				       .gone = {SECRET, GONE},
				       .left = KEEP};

	(void)state;
	try_all(&WAY);
}

static void what_was_deleted_is_gone_without_free_space(void **state)
{
	static const struct way WAY = {.no_free_space = true, .gone = {GONE}, .left = SECRET};

	(void)state;
	try_all(&WAY);
}

static void all_ways_at_once(void **state)
{
	static const struct way WAY = {.without = "/**/secret2",
				       .only = "/**/{keep,secret}?",
				       .no_free_space = true,
				       .lost = {"secret2", "gone1", "gone2", "secret3:hidden"},
				       .gone = {GONE},
				       .left = SECRET};

	(void)state;
	try_all(&WAY);
}

static void files_found_can_be_destroyed_alone(void **state)
{
	static const struct way WAY = {.without = "/**/secret[123]",
				       .is_find = true,
				       .lost = {"secret1", "secret2", "secret3"},
				       .gone = {SECRET},
				       .left = KEEP};

	(void)state;
	try_all(&WAY);
}

/* In clusters and in records: neither the file nor another stream of it is touched. */
static void a_stream_goes_alone_and_its_file_stays(void **state)
{
	static const struct way WAYS[] = {
		{.without = "/secret3:hidden", .lost = {"secret3:hidden"}, .left = SECRET},
		{.without = "/secret3:hidden",
		 .no_free_space = true,
		 .lost = {"secret3:hidden"},
		 .left = SECRET},
		{.without = "/secret3:hidden",
		 .is_find = true,
		 .lost = {"secret3:hidden"},
		 .left = SECRET},
		{.without = "/keep3:small", .is_find = true, .lost = {"keep3:small"}, .left = KEEP},
		{.without = "/keep3:small", .lost = {"keep3:small"}, .left = KEEP},
	};
	static const struct row ROW = {
		"ntfs with streams",
		"truncate -s 8M image; mkntfs -q -F -p 0 image; ntfscp image tree/secret3 secret3;"
		" ntfscp -N hidden image tree/a/b/secret2 secret3; ntfscp image tree/keep3 keep3;"
		" ntfscp -N small image tree/a/b/keep2 keep3; ntfscp -N other image "
		"tree/a/b/keep2 keep3",
		"ntfsfix -n image", false, false};

	(void)state;
	if (!find_reader(reader, sizeof(reader)))
		skip();
	for (size_t i = 0; i < BL_COUNT(WAYS); i++)
		try_way(&ROW, &WAYS[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_left_out_are_gone_and_others_stay),
		cmocka_unit_test(only_what_is_wanted_stays),
		cmocka_unit_test(what_was_deleted_is_gone_without_free_space),
		cmocka_unit_test(all_ways_at_once),
		cmocka_unit_test(files_found_can_be_destroyed_alone),
		cmocka_unit_test(a_stream_goes_alone_and_its_file_stays),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
