/* places.c - what a reader says of where things lie, over real filesystems: zero it, and only that is gone */
#include "tests/unit/fs/image/real-image.h"

#define RANGES	200000
#define DELETED "DELETED-SECRET-"

/* Each file says its own name in every line; m-* are to be destroyed, one at a time. */
#define SOURCES                                                                                    \
	"rm -rf src; mkdir src; mk() { seq -f \"MARKED-$1-%%05g\" 1 $2 > src/$1; };"               \
	"mk m-big 3000; printf THE-END >> src/m-big; mk m-mid 300; mk m-small 33; mk m-inline 5;"  \
	"mk m-tiny 2; mk m-alt 9; : > src/m-empty;"                                                \
	"seq -f \"" DELETED "%%05g\" 1 2000 > src/gone;"                                           \
	"i=1; while [ $i -lt 20 ]; do mk o-$i $((i*i*9)); mk p-$i 3; i=$((i+1)); done; "

#define NTFS_COPY                                                                                  \
	"cd src && for f in [mop]-[!a]*; do ntfscp -f ../i.img $f $f || exit 1; done; "            \
	"ntfscp -f -N alt ../i.img m-alt m-mid; ntfscp -f -N alt ../i.img o-3 o-4"

/* Mounted, since only a driver compresses, and needs more than one record. */
#define NTFS_MOUNT                                                                                 \
	"mkdir -p m; ntfs-3g -o compression,streams_interface=windows i.img m || exit 1; "         \
	"(mkdir m/c; python3 -c \"import os;os.setxattr('m/c','system.ntfs_attrib_be',"            \
	"bytes([0,0,8,0]))\" && cp src/m-big m/c/m-comp && cp src/o-* m/c && cp src/[mop]-[!a]* "  \
	"m && "                                                                                    \
	"cp src/gone m && i=0 && while [ $i -lt 40 ]; do "                                         \
	"cp src/m-alt m/m-mid:s$i && cp src/o-3 m/o-4:s$i || exit 1; i=$((i+1)); done; "           \
	"sync; rm m/gone); r=$?; fusermount3 -u m || umount m; [ $r = 0 ] || exit 1"

#define PARTITION                                                                                  \
	"rm -f i.img; truncate -s 10M i.img; echo 2048,16384,83 | sfdisk i.img; "                  \
	"dd if=v.img of=i.img bs=512 seek=2048 conv=notrunc"

static const struct row {
	const char *name, *tool, *script, *fsck;
	bool is_optional;   /* what makes it may not be allowed here */
	uint64_t big_bytes; /* what m-big's places amount to; 0: not checked */
	unsigned deleted;   /* 1: a deleted file's bytes must still be there */
} ROWS[] = {
	{"ext2 of 1 KiB blocks", "mke2fs",
	 "mke2fs -F -q -t ext2 -b 1024 -N 200 -d src i.img 6M; debugfs -w -R 'rm gone' i.img",
	 "e2fsck -fn i.img", false, 56 * 1024, 1},
	{"ext3", "mke2fs",
	 "mke2fs -F -q -t ext3 -b 4096 -N 200 -d src i.img 24M; debugfs -w -R 'rm gone' i.img",
	 "e2fsck -fn i.img", false, 56 * 1024, 1},
	{"ext4, many groups of which most were never written", "mke2fs",
	 "mke2fs -F -q -t ext4 -b 1024 -N 900 -d src i.img 90M; debugfs -w -R 'rm gone' i.img",
	 "e2fsck -fn i.img", false, 56 * 1024, 1},
	{"ext4 without flex_bg", "mke2fs",
	 "mke2fs -F -q -t ext4 -O ^flex_bg -b 1024 -N 900 -d src i.img 90M", "e2fsck -fn i.img",
	 false, 56 * 1024, 0},
	{"ext4 with meta_bg", "mke2fs",
	 "mke2fs -F -q -t ext4 -O meta_bg,^resize_inode -b 1024 -N 900 -d src i.img 90M",
	 "e2fsck -fn i.img", false, 56 * 1024, 0},
	{"ext4 with unwritten extents", "mke2fs",
	 "mke2fs -F -q -t ext4 -b 1024 -N 200 -d src i.img 24M; "
	 "debugfs -w -R 'fallocate m-big 100 119' i.img",
	 "e2fsck -fn i.img", false, 76 * 1024, 0},
	{"ext4 with inline data", "mke2fs",
	 "mke2fs -F -q -t ext4 -O inline_data,^metadata_csum -I 256 -b 1024 -N 200 -d src i.img "
	 "24M",
	 "e2fsck -fn i.img", false, 56 * 1024, 0},
	{"ext4 with clusters", "mke2fs",
	 "mke2fs -F -q -t ext4 -O bigalloc -C 16384 -N 200 -d src i.img 80M; "
	 "debugfs -w -R 'rm gone' i.img",
	 "e2fsck -fn i.img", false, 65536, 1},
	{"ext4 with inline data in a partition", "sfdisk",
	 "mke2fs -F -q -t ext4 -O inline_data,^metadata_csum -I 256 -N 200 -d src v.img "
	 "8M; " PARTITION,
	 "dd if=i.img of=v.img bs=512 skip=2048 count=16384 && e2fsck -fn v.img", false, 57344, 0},
	{"ntfs in a partition", "sfdisk",
	 "truncate -s 8M i.img; mkntfs -F -Q -q i.img; (" NTFS_COPY
	 ") || exit 1; mv i.img v.img; " PARTITION,
	 "dd if=i.img of=v.img bs=512 skip=2048 count=16384 && ntfsresize -i -f v.img", false, 0,
	 0},
	{"fat12", "mcopy",
	 "truncate -s 4M i.img; mkfs.vfat -F 12 -s 4 i.img; mcopy -i i.img src/* ::; "
	 "mdel -i i.img ::gone",
	 "fsck.vfat -n i.img", false, 56 * 1024, 1},
	{"fat16", "mcopy",
	 "truncate -s 24M i.img; mkfs.vfat -F 16 -s 2 i.img; mcopy -i i.img src/* ::; "
	 "mdel -i i.img ::gone",
	 "fsck.vfat -n i.img", false, 56 * 1024, 1},
	{"fat32", "mcopy",
	 "truncate -s 48M i.img; mkfs.vfat -F 32 -s 1 i.img; mcopy -i i.img src/* ::; "
	 "mdel -i i.img ::gone",
	 "fsck.vfat -n i.img", false, 112 * 512, 1},
	{"ntfs", "ntfscp", "truncate -s 12M i.img; mkntfs -F -Q -q i.img; " NTFS_COPY,
	 "ntfsresize -i -f i.img", false, 0, 0},
	{"ntfs of 512-byte clusters", "ntfscp",
	 "truncate -s 12M i.img; mkntfs -F -Q -q -s 512 -c 512 i.img; " NTFS_COPY,
	 "ntfsresize -i -f i.img", false, 0, 0},
	{"ntfs with compression and records beside the first", "ntfs-3g",
	 "truncate -s 24M i.img; mkntfs -F -Q -q i.img; " NTFS_MOUNT, "ntfsresize -i -f i.img",
	 true, 0, 1},
	{"exfat", "xz",
	 "xz -dc $SHARED/fsamples-fs.multiple.xz > all && "
	 "dd if=all of=i.img bs=512 skip=309248 count=81920; s=$?; rm all; [ $s = 0 ]",
	 "true", true, 0, 0},
	{"ntfs of another driver", "xz",
	 "xz -dc $SHARED/fsamples-fs.multiple.xz > all && "
	 "dd if=all of=i.img bs=512 skip=391168 count=120832; s=$?; rm all; [ $s = 0 ]",
	 "ntfsresize -i -f i.img", true, 0, 0},
	{"hfs+", "sh", "cp $SHARED/dfvfs-hfsplus.raw i.img", "true", true, 0, 0},
	{"iso 9660", "sh", "cp $SHARED/dfvfs-iso9660.raw i.img", "true", true, 0, 0},
};

struct told {
	struct image_range *items;
	size_t count;
	uint64_t bytes;
};

static bool keep(void *context, const struct image_range *range)
{
	struct told *told = context;

	assert_in_range(told->count, 0, RANGES - 1);
	if (told->count)
		assert_true(range->offset > told->items[told->count - 1].offset +
						    told->items[told->count - 1].length);
	told->items[told->count++] = *range;
	told->bytes += range->length;
	return true;
}

static struct told told_new(void)
{
	struct told told = {.items = calloc(RANGES, sizeof(*told.items))};

	assert_non_null(told.items);
	return told;
}

static bool is_in(const struct told *told, uint64_t offset, uint64_t length)
{
	for (size_t i = 0; i < told->count; i++)
		if (offset >= told->items[i].offset &&
		    offset + length <= told->items[i].offset + told->items[i].length)
			return true;
	return false;
}

static bool make_row(struct real *r, const struct row *row)
{
	char script[4000], shared[4096];

	if (!real_have(row->tool))
		return false;
	if (strstr(row->script, "$SHARED") && !realpath("../shared/images/images", shared))
		return false;
	snprintf(script, sizeof(script), SOURCES);
	real_run(r, script);
	if (strstr(row->script, "$SHARED"))
		assert_int_equal(setenv("SHARED", shared, 1), 0);
	snprintf(script, sizeof(script), "rm -f i.img; %s", row->script);
	if (real_try(r, script) != 0) {
		if (!row->is_optional)
			fail_msg("%s: cannot make it", row->name);
		return false;
	}
	real_load(r, "i.img");
	return true;
}

/* What nobody wrote into the last block: old bytes, as a deleted file leaves them. */
static void plant_slack(struct real *r)
{
	uint64_t at = real_where(r, "THE-END", 7);

	if (at != UINT64_MAX)
		memcpy(r->bytes + at + 7, "MARKED-m-big-", 13);
}

static void expect_absent(const struct real *r, const char *row, const char *name)
{
	char pattern[64];

	snprintf(pattern, sizeof(pattern), "MARKED-%s-", name);
	uint64_t at = real_where(r, pattern, strlen(pattern));
	if (at != UINT64_MAX)
		fail_msg("%s: '%s' is still at %llu", row, name, (unsigned long long)at);
}

static bool is_all_zero(struct real *r, uint64_t inode)
{
	BL_CLEANUP(image_file_close) struct image_file *file = NULL;
	static uint8_t out[1 << 20];
	size_t got = 0;
	bool is_zero = true;

	/* Zeroed compressed units need not be readable any more. */
	if (image_file_open(r->image, 0, inode, &file, NULL) != BL_OK ||
	    image_file_read(file, 0, out, sizeof(out), &got, NULL) != BL_OK)
		return true;
	for (size_t i = 0; i < got; i++)
		is_zero = is_zero && out[i] == 0;
	image_file_close(BL_TAKE(file));
	return is_zero;
}

static void expect_sound(struct real *r, const struct row *row, const char *what)
{
	real_store(r, "i.img");
	if (real_try(r, row->fsck) != 0) {
		char line[256];

		snprintf(line, sizeof(line), "cd %s; PATH=$PATH:/sbin:/usr/sbin; %s 2>&1",
			 r->folder, row->fsck);
		(void)!system(line);
		fail_msg("%s: not sound without %s", row->name, what);
	}
}

/* The file itself, and its streams, which go with it. */
static bool is_meant(const char *path, const char *but)
{
	size_t length = strlen(but);

	return !strncmp(path, but, length) && (!path[length] || path[length] == ':');
}

static void expect_others_as_before(struct real *r, const struct row *row,
				    const struct real_file *before, size_t count, const char *but)
{
	real_walk(r);
	if (r->list_errors || r->file_count != count)
		fail_msg("%s: %u errors, %zu files without '%s'", row->name, r->list_errors,
			 r->file_count, but);
	for (size_t i = 0; i < count; i++)
		if (!is_meant(before[i].path, but) &&
		    (strcmp(before[i].path, r->files[i].path) != 0 ||
		     before[i].status != r->files[i].status ||
		     memcmp(before[i].digest, r->files[i].digest, 32) != 0))
			fail_msg("%s: '%s' is another without '%s'", row->name, before[i].path,
				 but);
}

/* Everything of one file zeroed, and nothing else. */
static void destroy(struct real *r, const struct row *row, const struct real_file *before,
		    size_t count, const struct real_file *file, const struct told *used)
{
	struct told told = told_new();
	const char *name = strrchr(file->path, '/') ? strrchr(file->path, '/') + 1 : file->path;
	enum bl_status status = image_places(r->image, 0, file->inode, keep, &told, NULL);

	if (status != BL_OK)
		fail_msg("%s: '%s': %s", row->name, file->path, bl_status_name(status));
	if (!strcmp(name, "m-big") && row->big_bytes && told.bytes != row->big_bytes)
		fail_msg("%s: %llu bytes", row->name, (unsigned long long)told.bytes);
	if (file->size_bytes && !told.count)
		fail_msg("%s: '%s' lies nowhere", row->name, file->path);
	for (size_t i = 0; i < told.count; i++) {
		if (!is_in(used, told.items[i].offset, told.items[i].length))
			fail_msg("%s: '%s' is not among what is used", row->name, file->path);
		memset(r->bytes + told.items[i].offset, 0, told.items[i].length);
	}
	free(told.items);
	real_open(r);
	expect_others_as_before(r, row, before, count, file->path);
	if (!is_all_zero(r, file->inode))
		fail_msg("%s: '%s' is still there", row->name, file->path);
	/* Some rows hold a file twice. */
	if (!strchr(file->path, '/') && strcmp(name, "m-big") != 0)
		expect_absent(r, row->name, name);
	if (!strcmp(name, "m-mid") || !strcmp(name, "m-mid:alt"))
		expect_absent(r, row->name, "m-alt");
	if (!strcmp(name, "m-big") && !row->is_optional)
		expect_absent(r, row->name, name);
	expect_sound(r, row, file->path);
}

static void what_is_told_is_all_of_a_file_and_nothing_else(void **state)
{
	struct real *r = *state;
	unsigned done = 0;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		static struct real_file before[REAL_FILES];
		struct told used = told_new();

		if (!make_row(r, &ROWS[i])) {
			free(used.items);
			continue;
		}
		print_message("%s\n", ROWS[i].name);
		plant_slack(r);
		/* m-alt is a stream of m-mid on NTFS, a file of its own elsewhere */
		if (strncmp(ROWS[i].name, "ntfs", 4) != 0) {
			uint64_t at = real_where(r, "MARKED-m-alt-", 13);
			for (; at != UINT64_MAX; at = real_where(r, "MARKED-m-alt-", 13))
				memcpy(r->bytes + at, "unmark", 6);
		}
		expect_sound(r, &ROWS[i], "nothing");
		real_open(r);
		real_walk(r);
		assert_int_equal(r->list_errors, 0);
		memcpy(before, r->files, sizeof(before));
		size_t count = r->file_count;
		assert_int_equal(image_used(r->image, 0, keep, &used, NULL), BL_OK);
		uint8_t *whole = malloc(r->size_bytes);
		assert_non_null(whole);
		memcpy(whole, r->bytes, r->size_bytes);
		for (size_t k = 0; k < count; k++) {
			const char *name = strrchr(before[k].path, '/');

			name = name ? name + 1 : before[k].path;
			bool is_ours = real_where(r, "MARKED-", 7) != UINT64_MAX;
			if (before[k].type != IMAGE_FILE || (is_ours && strncmp(name, "m-", 2)))
				continue;
			destroy(r, &ROWS[i], before, count, &before[k], &used);
			memcpy(r->bytes, whole, r->size_bytes);
			real_open(r);
			done++;
		}
		free(whole);
		free(used.items);
	}
	if (!done)
		skip();
	print_message("%u files destroyed\n", done);
}

/* ext counts its free blocks itself: in all groups, also those whose bitmap was never written. */
static void expect_same_as_counted(const struct real *r, const struct row *row, uint64_t used)
{
	char path[128], line[64] = "";

	real_run(r, "dumpe2fs -h i.img | awk '/^Free blocks:/ { f = $3 } /^Block size:/ { b = $3 } "
		    "END { printf \"%d\", f * b }' > free");
	snprintf(path, sizeof(path), "%s/free", r->folder);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	fclose(file);
	if (r->size_bytes - used != strtoull(line, NULL, 10))
		fail_msg("%s: %llu bytes are free, not %s", row->name,
			 (unsigned long long)(r->size_bytes - used), line);
}

/* Every byte that is said to be free is overwritten, and nobody misses it. */
static void what_is_not_used_is_not_missed(void **state)
{
	struct real *r = *state;
	unsigned done = 0;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		static struct real_file before[REAL_FILES];
		struct told used = told_new();
		uint64_t next;

		if (!make_row(r, &ROWS[i])) {
			free(used.items);
			continue;
		}
		real_open(r);
		real_walk(r);
		memcpy(before, r->files, sizeof(before));
		size_t count = r->file_count;
		assert_int_equal(image_used(r->image, 0, keep, &used, NULL), BL_OK);
		const struct image_volume *volume = image_volume(r->image, 0);
		assert_true(used.bytes <= volume->length);
		next = volume->offset;
		uint64_t end_of_volume = volume->offset + volume->length;
		if (!strncmp(ROWS[i].fsck, "e2fsck", 6) && volume->offset == 0)
			expect_same_as_counted(r, &ROWS[i], used.bytes);
		bool has_deleted = real_where(r, DELETED, strlen(DELETED)) != UINT64_MAX;
		if (ROWS[i].deleted && !has_deleted)
			fail_msg("%s: nothing deleted is left", ROWS[i].name);
		for (size_t k = 0; k <= used.count; k++) {
			uint64_t end = k < used.count ? used.items[k].offset : end_of_volume;

			assert_true(end >= next && end <= end_of_volume);
			memset(r->bytes + next, 0xa5, end - next);
			next = k < used.count ? end + used.items[k].length : 0;
		}
		if (ROWS[i].deleted && real_where(r, DELETED, strlen(DELETED)) != UINT64_MAX)
			fail_msg("%s: deleted bytes count as used", ROWS[i].name);
		real_open(r);
		expect_others_as_before(r, &ROWS[i], before, count, "");
		expect_sound(r, &ROWS[i], "free space");
		print_message("%s: %llu of %llu KiB used\n", ROWS[i].name,
			      (unsigned long long)used.bytes / 1024,
			      (unsigned long long)end_of_volume / 1024);
		free(used.items);
		done++;
	}
	if (!done)
		skip();
}

/* As the vault does when a file was left out: its bytes cannot be read at all. */
static void file_left_out_of_a_table_takes_no_neighbour_with_it(void **state)
{
	static const struct {
		const char *row, *path;
	} CASES[] = {
		{"ext4 with inline data", "m-tiny"},
		{"ext4 with inline data", "m-inline"},
		{"ntfs", "m-small"},
		{"ntfs", "m-tiny"},
		{"ntfs of 512-byte clusters", "m-small"},
		{"ntfs", "m-mid:alt"},
		{"ntfs of 512-byte clusters", "m-mid:alt"},
	};
	struct real *r = *state;
	unsigned done = 0;

	for (size_t c = 0; c < BL_COUNT(CASES); c++) {
		static struct real_file before[REAL_FILES];
		struct told told = told_new();
		size_t i = 0;

		while (strcmp(ROWS[i].name, CASES[c].row) != 0)
			i++;
		r->bad_count = 0;
		if (make_row(r, &ROWS[i])) {
			real_open(r);
			real_walk(r);
			memcpy(before, r->files, sizeof(before));
			size_t count = r->file_count;
			uint64_t inode = real_find(r, CASES[c].path)->inode;
			assert_int_equal(image_places(r->image, 0, inode, keep, &told, NULL),
					 BL_OK);
			assert_in_range(told.count, 1, REAL_BAD);
			memcpy(r->bad, told.items, told.count * sizeof(*told.items));
			for (size_t k = 0; k < told.count; k++)
				r->bad_status[k] = BL_IO;
			r->bad_count = told.count;
			real_open(r);
			real_walk(r);
			assert_int_equal(r->file_count, count);
			for (size_t k = 0; k < count; k++) {
				bool is_it = !strcmp(before[k].path, CASES[c].path);

				if ((r->files[k].status == BL_OK) == is_it ||
				    (!is_it && memcmp(r->files[k].digest, before[k].digest, 32)))
					fail_msg("%s: '%s' without '%s': %s", CASES[c].row,
						 before[k].path, CASES[c].path,
						 bl_status_name(r->files[k].status));
			}
			/* An inode that lacks a piece has no attributes; of a record only contents may lack one. */
			assert_int_equal(r->list_errors, !strncmp(CASES[c].row, "ext4", 4));
			done++;
		}
		free(told.items);
	}
	if (!done)
		skip();
}

/* FAT16: clusters allocated ahead have no place in the size, only in the chain. */
static void clusters_allocated_ahead_are_the_files_too(void **state)
{
	struct real *r = *state;
	struct told told = told_new(), used = told_new();
	size_t i = 0;

	while (strcmp(ROWS[i].name, "fat16") != 0)
		i++;
	if (!make_row(r, &ROWS[i]))
		skip();
	const uint8_t *boot = r->bytes;
	uint64_t unit = bl_get16(boot + 11), cluster = boot[13] * unit;
	uint64_t fat = bl_get16(boot + 14) * unit, fat_bytes = bl_get16(boot + 22) * unit;
	uint64_t heap = fat + boot[16] * fat_bytes + bl_get16(boot + 17) * UINT64_C(32);
	uint64_t last = (real_where(r, "THE-END", 7) - heap) / cluster + 2, ahead = 9000;
	assert_int_equal(bl_get16(r->bytes + fat + 2 * last) & 0xfff8, 0xfff8);
	assert_int_equal(bl_get16(r->bytes + fat + 2 * ahead), 0);
	bl_put16(r->bytes + fat + 2 * last, (uint16_t)ahead);
	bl_put16(r->bytes + fat + 2 * ahead, 0xffff);
	memcpy(r->bytes + heap + (ahead - 2) * cluster, "MARKED-m-big-", 13);
	real_open(r);
	real_walk(r);
	uint64_t inode = real_find(r, "m-big")->inode;
	assert_int_equal(image_places(r->image, 0, inode, keep, &told, NULL), BL_OK);
	assert_int_equal(told.bytes, 57 * 1024);
	assert_true(is_in(&told, heap + (ahead - 2) * cluster, cluster));
	assert_int_equal(image_used(r->image, 0, keep, &used, NULL), BL_OK);
	assert_true(is_in(&used, heap + (ahead - 2) * cluster, cluster));
	/* a chain that comes back to itself is not followed for ever */
	bl_put16(r->bytes + fat + 2 * ahead, (uint16_t)last);
	real_open(r);
	assert_int_equal(image_places(r->image, 0, inode, keep, &told, NULL), BL_IO);
	free(told.items);
	free(used.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REAL_TEST(what_is_told_is_all_of_a_file_and_nothing_else),
		REAL_TEST(what_is_not_used_is_not_missed),
		REAL_TEST(file_left_out_of_a_table_takes_no_neighbour_with_it),
		REAL_TEST(clusters_allocated_ahead_are_the_files_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
