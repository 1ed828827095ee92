/* hostile.c - images broken where it matters, one place at a time: what has a checksum is refused, what loops ends, the rest is as good as ever */
#include "tests/unit/fs/image/real-image.h"

#include <sys/stat.h>

/* ---- where things lie in ext of 1 KiB blocks and one group ------------------------------------------ */

#define EXT_BLOCK  UINT64_C(1024)
#define EXT_SUPER  UINT64_C(1024)
#define EXT_GROUP  UINT64_C(2048)
#define EXT_EXTENT 0x80000u

static uint64_t ext_inode(const struct real *r, const char *path)
{
	uint64_t number = *path ? real_find(r, path)->inode : 2;

	return bl_get32(r->bytes + EXT_GROUP + 8) * EXT_BLOCK +
	       (number - 1) * bl_get16(r->bytes + EXT_SUPER + 88);
}

/* The block @index of a file, by its extents (one level at most) or its direct pointers; *out_pointer: where that is said. */
static uint64_t ext_block(const struct real *r, const char *path, unsigned index,
			  uint64_t *out_pointer)
{
	uint64_t inode = ext_inode(r, path), node = inode + 40;

	if (!(bl_get32(r->bytes + inode + 32) & EXT_EXTENT)) {
		*out_pointer = node + 4 * index;
		return bl_get32(r->bytes + *out_pointer) * EXT_BLOCK;
	}
	if (bl_get16(r->bytes + node + 6))
		node = bl_get32(r->bytes + node + 16) * EXT_BLOCK;
	*out_pointer = node + 12 + 8;
	return (bl_get32(r->bytes + *out_pointer) + (uint64_t)index) * EXT_BLOCK;
}

static uint64_t ext_node(const struct real *r, const char *path)
{
	uint64_t node = ext_inode(r, path) + 40;

	assert_int_equal(bl_get16(r->bytes + node + 6),
			 1); /* the test is none without a node of its own */
	return bl_get32(r->bytes + node + 16) * EXT_BLOCK;
}

static enum bl_status open_status(struct real *r)
{
	enum bl_status status = real_try_open(r);

	if (status != BL_OK)
		return status;
	if (image_volume(r->image, 0)->is_readable)
		return BL_OK;
	assert_true(*image_volume(r->image, 0)->notice); /* it says why */
	return BL_UNSUPPORTED;
}

struct names {
	char wanted[IMAGE_NAME_LIMIT + 1];
	uint64_t inode;
	size_t count;
	bool has_attr;
};

static bool each_name(void *context, const struct image_entry *entry)
{
	struct names *names = context;

	names->count++;
	if (!strcmp(entry->name, names->wanted)) {
		names->inode = entry->inode;
		names->has_attr = entry->has_attr;
	}
	return true;
}

static enum bl_status list(struct real *r, uint64_t inode, const char *wanted,
			   struct names *out_names)
{
	*out_names = (struct names){0};
	snprintf(out_names->wanted, sizeof(out_names->wanted), "%s", wanted);
	return image_list(r->image, 0, inode, each_name, out_names, NULL);
}

static bool each_xattr(void *context, const struct image_xattr *xattr)
{
	(void)xattr;
	(*(size_t *)context)++;
	return true;
}

static bool each_range(void *context, const struct image_range *range)
{
	*(uint64_t *)context += range->length;
	return true;
}

enum question { OPEN, LIST, STAT, READ, READ_LINK, XATTRS, PLACES, USED };

static enum bl_status answer(struct real *r, enum question question, uint64_t inode)
{
	struct image_attr attr;
	struct names names;
	uint8_t digest[32];
	char target[4096];
	uint64_t count = 0;

	switch (question) {
	case OPEN:
		return BL_OK;
	case LIST:
		return list(r, inode, "", &names);
	case STAT:
		return image_stat(r->image, 0, inode, &attr, NULL);
	case READ:
		return real_digest(r, inode, digest);
	case READ_LINK:
		return image_readlink(r->image, 0, inode, target, sizeof(target), NULL);
	case PLACES:
		return image_places(r->image, 0, inode, each_range, &count, NULL);
	case XATTRS:
		return image_xattrs(r->image, 0, inode, each_xattr, &count, NULL);
	case USED:
		return image_used(r->image, 0, each_range, &count, NULL);
	}
	return BL_INVALID;
}

/* Another file of the same volume, and the volume's root, are what they were. */
static void others_are_whole(struct real *r, const char *row, const char *other,
			     const uint8_t digest[32])
{
	struct names names;
	uint8_t found[32];

	if (list(r, image_volume(r->image, 0)->root, other, &names) != BL_OK || !names.inode)
		fail_msg("%s: '%s' beside it is not listed", row, other);
	if (real_digest(r, names.inode, found) != BL_OK || memcmp(digest, found, 32) != 0)
		fail_msg("%s: '%s' beside it reads wrong", row, other);
}

/* ---- checksums of ext4 --------------------------------------------------------------------------------- */

static void checksums_of_ext4_are_checked(void **state)
{
	struct real *r = *state;
	uint64_t unused;
	uint8_t digest[32];

	if (!real_have("mke2fs") || !real_have("debugfs") || !real_have("e2fsck"))
		skip();
	real_run(r,
		 "mkdir -p src/d; i=0; while [ $i -lt 250 ]; do : > src/d/a-rather-long-name-$i; "
		 "i=$((i+1)); done; seq 900 > src/plain; seq 90 > src/other; seq 90 > src/tagged; "
		 "for i in 0 1 2 3 4 5 6 7; do seq 999 | dd of=src/big bs=1k count=1 "
		 "seek=$((i*8)) conv=notrunc; done; seq 200 | head -c 600 > value; "
		 "mke2fs -F -q -t ext4 -O metadata_csum,64bit,dir_index -b 1024 -N 400 -d src "
		 "i.img 6M; debugfs -w -R 'ea_set -f value /tagged user.x' i.img; "
		 "e2fsck -fyD i.img; [ $? -lt 4 ]; e2fsck -fn i.img");
	real_load(r, "i.img");
	real_open(r);
	real_walk(r);
	memcpy(digest, real_find(r, "other")->digest, 32);
	const uint8_t *g = r->bytes + EXT_GROUP;
	uint64_t folder = ext_block(r, "d", 0, &unused);
	struct {
		const char *name, *path;
		enum question question;
		uint64_t at;
		enum bl_status wanted;
	} rows[] = {
		{"superblock: time of writing", "", OPEN, EXT_SUPER + 48, BL_UNSUPPORTED},
		{"group: free blocks", "", OPEN, EXT_GROUP + 12, BL_UNSUPPORTED},
		{"group: inode table", "", OPEN, EXT_GROUP + 8, BL_UNSUPPORTED},
		{"root's inode: time", "", OPEN, ext_inode(r, "") + 16, BL_UNSUPPORTED},
		{"inode: time", "plain", STAT, ext_inode(r, "plain") + 16, BL_IO},
		{"inode: extent", "plain", READ, ext_inode(r, "plain") + 60, BL_IO},
		{"folder's inode: time", "d", LIST, ext_inode(r, "d") + 16, BL_IO},
		{"folder's index: hash", "d", LIST, folder + 40, BL_IO},
		{"folder's leaf: a name", "d", LIST, folder + EXT_BLOCK + 10, BL_IO},
		{"node of extents: place", "big", READ, ext_node(r, "big") + 20, BL_IO},
		{"block of attributes: a value", "tagged", XATTRS,
		 bl_get32(r->bytes + ext_inode(r, "tagged") + 104) * EXT_BLOCK + 1000, BL_IO},
		{"bitmap of blocks", "", USED, bl_get32(g) * EXT_BLOCK + 100, BL_IO},
		/* of no use here: nothing is told by it */
		{"bitmap of inodes", "plain", READ, bl_get32(g + 4) * EXT_BLOCK + 40, BL_OK},
	};
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		uint64_t inode = *rows[i].path ? real_find(r, rows[i].path)->inode : 2;

		if (answer(r, rows[i].question, inode) != BL_OK)
			fail_msg("%s: fails before anything is broken", rows[i].name);
		r->bytes[rows[i].at] ^= 1;
		enum bl_status status = open_status(r);
		if (status == BL_OK) {
			status = answer(r, rows[i].question, inode);
			others_are_whole(r, rows[i].name, "other", digest);
		}
		if (status != rows[i].wanted)
			fail_msg("%s: %d, wanted %d", rows[i].name, status, rows[i].wanted);
		r->bytes[rows[i].at] ^= 1;
		real_open(r);
	}
}

/* Without metadata_csum too: the groups have had sums since uninit_bg. */
static void groups_with_an_old_checksum_are_checked(void **state)
{
	struct real *r = *state;

	if (!real_have("mke2fs"))
		skip();
	real_run(r, "mkdir src; seq 90 > src/a; "
		    "mke2fs -F -q -t ext4 -O ^metadata_csum,uninit_bg -b 1024 -d src i.img 4M");
	real_load(r, "i.img");
	real_open(r);
	r->bytes[EXT_GROUP + 8]++;
	assert_int_equal(open_status(r), BL_UNSUPPORTED);
}

/* ---- loops and absurd numbers of ext --------------------------------------------------------------------- */

static void loops_and_sizes_of_ext_end(void **state)
{
	struct real *r = *state;
	struct names names;
	struct image_attr attr;
	char target[5000];
	uint8_t digest[32];

	if (!real_have("mke2fs") || !real_have("debugfs"))
		skip();
	real_run(r,
		 "mkdir -p src/d/e; seq 900 > src/a; seq 5 90 > src/other; ln -s a src/link; "
		 "ln -s $(printf 'x%.0s' $(seq 300)) src/long; cp src/a src/huge; "
		 "mke2fs -F -q -t ext4 -O ^metadata_csum,^uninit_bg -b 1024 -N 64 -d src i.img 4M;"
		 " printf 'ln <2> d/root\\nln d d/itself\\nln d d/e/above\\n"
		 "sif long size 65536\\nsif huge size 0x7fffffffffffffff\\n' > script; "
		 "debugfs -w -f script i.img");
	real_load(r, "i.img");
	real_open(r);
	uint64_t root = image_volume(r->image, 0)->root;
	assert_int_equal(list(r, root, "long", &names), BL_OK);
	uint64_t link = names.inode;
	assert_int_equal(image_readlink(r->image, 0, link, target, sizeof(target), NULL), BL_IO);
	assert_int_equal(list(r, root, "huge", &names), BL_OK);
	assert_false(names.has_attr); /* the folder is listed all the same */
	assert_int_equal(image_stat(r->image, 0, names.inode, &attr, NULL), BL_TOO_LARGE);
	assert_int_equal(real_digest(r, names.inode, digest), BL_TOO_LARGE);
	/* The root below itself is not listed; other folders are, with one number under all their names. */
	assert_int_equal(list(r, root, "d", &names), BL_OK);
	uint64_t folder = names.inode;
	assert_int_equal(list(r, folder, "root", &names), BL_OK);
	assert_int_equal(names.inode, 0);
	assert_int_equal(list(r, folder, "itself", &names), BL_OK);
	assert_int_equal(names.inode, folder);
	assert_int_equal(list(r, folder, "e", &names), BL_OK);
	assert_int_equal(list(r, names.inode, "above", &names), BL_OK);
	assert_int_equal(names.inode, folder);
}

/* Blocks of another file, by a pointer that nothing protects, are that file's: what the filesystem says is what is shown. */
static void blocks_outside_are_refused_and_shared_ones_read(void **state)
{
	struct real *r = *state;
	uint64_t pointer, theirs, unused;
	uint8_t a[32], other[32];

	if (!real_have("mke2fs"))
		skip();
	real_run(r, "mkdir src; seq 100 > src/a; seq 201 300 | head -c 292 > src/other; "
		    "truncate -s 292 src/a; mke2fs -F -q -t ext2 -b 1024 -N 64 -d src i.img 2M");
	real_load(r, "i.img");
	real_open(r);
	real_walk(r);
	uint64_t inode = real_find(r, "a")->inode;
	memcpy(a, real_find(r, "a")->digest, 32);
	memcpy(other, real_find(r, "other")->digest, 32);
	ext_block(r, "a", 0, &pointer);
	theirs = ext_block(r, "other", 0, &unused) / EXT_BLOCK;
	assert_int_not_equal(memcmp(a, other, 32), 0);
	bl_put32(r->bytes + pointer, (uint32_t)theirs);
	real_open(r);
	assert_int_equal(real_digest(r, inode, a), BL_OK);
	assert_memory_equal(a, other, 32);
	static const uint32_t OUTSIDE[] = {2048, 0x7fffffff, 0xffffffff};
	for (size_t i = 0; i < BL_COUNT(OUTSIDE); i++) {
		bl_put32(r->bytes + pointer, OUTSIDE[i]);
		real_open(r);
		if (real_digest(r, inode, a) != BL_IO)
			fail_msg("block %u is read", OUTSIDE[i]);
		others_are_whole(r, "a block outside", "other", other);
	}
}

/* Where a file may not lie, in ext of one group: fs/ext4/block_validity.c of Linux has the same list. */
static size_t own_blocks(const struct real *r, bool has_journal, uint32_t out[8])
{
	uint32_t table = bl_get32(r->bytes + EXT_GROUP + 8);
	uint32_t bytes = bl_get32(r->bytes + EXT_SUPER + 40) * bl_get16(r->bytes + EXT_SUPER + 88);
	const uint32_t blocks[] = {
		1, /* superblock */
		2, /* descriptors */
		bl_get32(r->bytes + EXT_GROUP),
		bl_get32(r->bytes + EXT_GROUP + 4),
		table,
		table + bytes / (uint32_t)EXT_BLOCK - 1,
	};

	memcpy(out, blocks, sizeof(blocks));
	if (!has_journal)
		return BL_COUNT(blocks);
	/* inode 8, by extents or not: its first block begins with the journal's magic */
	const uint8_t *journal = memmem(r->bytes, r->size_bytes, "\xc0\x3b\x39\x98\0\0\0\4", 8);
	assert_non_null(journal);
	out[BL_COUNT(blocks)] = (uint32_t)((uint64_t)(journal - r->bytes) / EXT_BLOCK);
	out[BL_COUNT(blocks) + 1] = out[BL_COUNT(blocks)] + 20;
	return BL_COUNT(blocks) + 2;
}

/* A file of @count pieces of a KiB, none beside another: blocks of pointers to blocks of pointers, extents three levels deep. */
static void make_pieces(const struct real *r, const char *name, unsigned count)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", r->folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(pwrite(fd, "piece", 5, i * INT64_C(8192)), 5);
	close(fd);
}

struct own_row {
	const char *name, *path;
	uint64_t pointer;
	enum question question;
	bool is_deep; /* not named in the inode itself: it is looked at when it is followed */
};

static void point_at_tables(struct real *r, const struct own_row *row, const uint32_t *blocks,
			    size_t count, const uint8_t other[32])
{
	uint64_t inode = real_find(r, row->path)->inode;
	uint32_t before = bl_get32(r->bytes + row->pointer);

	for (size_t i = 0; i < count; i++) {
		bl_put32(r->bytes + row->pointer, blocks[i]);
		real_open(r);
		enum bl_status status = answer(r, row->question, inode);
		enum bl_status stat = answer(r, STAT, inode);
		if (status != BL_IO || stat != (row->is_deep ? BL_OK : BL_IO))
			fail_msg("%s, block %u: %d, stat %d", row->name, blocks[i], status, stat);
		others_are_whole(r, row->name, "other", other);
	}
	bl_put32(r->bytes + row->pointer, before);
	real_open(r);
	if (answer(r, row->question, inode) != BL_OK)
		fail_msg("%s: not what it was", row->name);
}

/* Without checksums a pointer may say anything: the filesystem's own tables are nobody's contents, and nobody's to destroy. */
static void files_that_lie_in_tables_are_refused(void **state)
{
	static const char *const OPTIONS[] = {"-t ext2", "-t ext3",
					      "-t ext4 -O ^metadata_csum,^uninit_bg,^64bit"};
	struct real *r = *state;

	if (!real_have("mke2fs") || !real_have("debugfs"))
		skip();
	real_run(r, "mkdir -p src/d; seq 900 > src/plain; seq 90 > src/other; seq 90 > src/tagged; "
		    "long=$(printf 'n%.0s' $(seq 240)); "
		    "i=0; while [ $i -lt 80 ]; do : > src/d/$long$i; i=$((i+1)); done; "
		    "ln -s $(printf 'x%.0s' $(seq 300)) src/link; seq 200 | head -c 600 > value");
	make_pieces(r, "src/big", 400);
	for (size_t i = 0; i < BL_COUNT(OPTIONS); i++) {
		char script[400];
		uint32_t blocks[8];
		uint8_t other[32];
		uint64_t plain, folder;
		bool has_extents = i == 2;

		snprintf(script, sizeof(script),
			 "rm -f i.img; mke2fs -F -q %s -b 1024 -N 200 -d src i.img 8M; "
			 "debugfs -w -R 'ea_set -f value /tagged user.x' i.img",
			 OPTIONS[i]);
		real_run(r, script);
		real_load(r, "i.img");
		real_open(r);
		real_walk(r);
		memcpy(other, real_find(r, "other")->digest, 32);
		ext_block(r, "plain", 0, &plain);
		ext_block(r, "d", 0, &folder);
		uint64_t big = ext_inode(r, "big") + 40, dir = ext_inode(r, "d") + 40;
		uint64_t big_pointer = big + (has_extents ? 16 : 52);
		/* in that block the first one that leads to another, and there the first that leads to contents */
		uint64_t deep =
			bl_get32(r->bytes + big_pointer) * EXT_BLOCK + (has_extents ? 16 : 4);
		uint64_t deepest = bl_get32(r->bytes + deep) * EXT_BLOCK + (has_extents ? 20 : 16);
		uint64_t deep_dir = bl_get32(r->bytes + dir + 48) * EXT_BLOCK;
		const struct own_row rows[] = {
			{"a file's first block", "plain", plain, READ, false},
			{"a file to be destroyed", "plain", plain, PLACES, false},
			{"a folder's first block", "d", folder, LIST, false},
			{"a link's block", "link",
			 ext_inode(r, "link") + 40 + (has_extents ? 12 + 8 : 0), READ_LINK, false},
			{"a block of attributes", "tagged", ext_inode(r, "tagged") + 104, XATTRS,
			 false},
			{"a block of blocks", "big", big_pointer, READ, false},
			{"a block of blocks, to be destroyed", "big", big_pointer, PLACES, false},
			{"a block of pointers", "big", deep, READ, true},
			{"a block of pointers, to be destroyed", "big", deep, PLACES, true},
			{"a pointer in it", "big", deepest, READ, true},
			{"a pointer in it, to be destroyed", "big", deepest, PLACES, true},
			{"a folder's pointer in such a block", "d", deep_dir, LIST, true},
		};
		size_t count = own_blocks(r, i > 0, blocks);
		/* the last block of the table, whose inodes are free, would do as a folder's or as a node of extents */
		uint64_t twin = has_extents ? deep : deep_dir;
		memcpy(r->bytes + blocks[5] * EXT_BLOCK,
		       r->bytes + bl_get32(r->bytes + twin) * EXT_BLOCK, EXT_BLOCK);
		for (size_t k = 0; k < BL_COUNT(rows) - has_extents; k++)
			point_at_tables(r, &rows[k], blocks, count, other);
	}
}

/* @count extents of 4,000 blocks, all of them the same ones: a file of any size out of a small image. */
static void a_file_of_more_pieces_than_its_volume_is_refused(void **state)
{
	enum { BLOCKS = 4000 };
	struct real *r = *state;
	uint8_t other[32];

	if (!real_have("mke2fs"))
		skip();
	real_run(r, "mkdir src; seq 900 > src/plain; seq 90 > src/other; mke2fs -F -q -t ext4 -O "
		    "^metadata_csum,^uninit_bg,^has_journal -b 1024 -N 64 -d src i.img 8M");
	real_load(r, "i.img");
	real_open(r);
	real_walk(r);
	uint64_t number = real_find(r, "plain")->inode, inode = ext_inode(r, "plain");
	memcpy(other, real_find(r, "other")->digest, 32);
	uint32_t start = 2500; /* no table, and whatever else may lie there */
	for (uint16_t count = 1; count <= 4; count++) {
		bl_put16(r->bytes + inode + 40 + 2, count);
		bl_put32(r->bytes + inode + 4, count * (uint32_t)(BLOCKS * EXT_BLOCK));
		for (uint32_t i = 0; i < count; i++) {
			uint8_t *extent = r->bytes + inode + 40 + 12 * (i + 1);

			bl_put32(extent, i * BLOCKS);
			bl_put16(extent + 4, BLOCKS);
			bl_put16(extent + 6, 0);
			bl_put32(extent + 8, start);
		}
		real_open(r);
		enum bl_status status = answer(r, READ, number);
		if (status != (count * BLOCKS * EXT_BLOCK > r->size_bytes ? BL_IO : BL_OK))
			fail_msg("%u times: %d", (unsigned)count, status);
		others_are_whole(r, "pieces over each other", "other", other);
	}
}

static void ten_thousand_folders_deep_are_listed(void **state)
{
	struct real *r = *state;
	struct names names;

	if (!real_have("mke2fs") || !real_have("debugfs"))
		skip();
	real_run(r, "mke2fs -F -q -t ext4 -O ^has_journal -b 1024 -N 10400 i.img 24M; "
		    "i=0; while [ $i -lt 10000 ]; do echo mkdir d; echo cd d; i=$((i+1)); done "
		    "> script; debugfs -w -f script i.img");
	real_load(r, "i.img");
	real_open(r);
	uint64_t at = image_volume(r->image, 0)->root;
	for (unsigned depth = 0; depth < 10000; depth++) {
		if (list(r, at, "d", &names) != BL_OK || !names.inode)
			fail_msg("depth %u", depth);
		at = names.inode;
	}
	assert_int_equal(list(r, at, "d", &names), BL_OK);
	assert_int_equal(names.count, 0);
}

/* ---- exFAT -------------------------------------------------------------------------------------------------- */

static uint16_t set_sum(const uint8_t *set, size_t length)
{
	uint16_t sum = 0;

	for (size_t i = 0; i < length; i++)
		if (i != 2 && i != 3)
			sum = (uint16_t)((uint16_t)(sum << 15 | sum >> 1) + set[i]);
	return sum;
}

static uint64_t exfat_root(const struct real *r)
{
	uint64_t sector = UINT64_C(1) << r->bytes[108], unit = sector << r->bytes[109];

	return bl_get32(r->bytes + 88) * sector + (bl_get32(r->bytes + 96) - 2) * unit;
}

static const uint8_t *exfat_bitmap(const struct real *r)
{
	const uint8_t *entry = r->bytes + exfat_root(r);

	while (entry[0] != 0x81)
		entry += 32;
	return entry;
}

/* One file of one cluster of @fill bytes in the root; where its set of entries is. */
static uint64_t exfat_file(struct real *r, char name, uint32_t cluster, uint8_t fill)
{
	uint64_t sector = UINT64_C(1) << r->bytes[108], unit = sector << r->bytes[109];
	uint64_t heap = bl_get32(r->bytes + 88) * sector;
	uint64_t at = exfat_root(r);

	while (r->bytes[at])
		at += 32;
	/* the entry of the bitmap: without its bit libtsk takes the file for a deleted one */
	uint64_t bitmap = heap + (bl_get32(exfat_bitmap(r) + 20) - 2) * unit;
	r->bytes[bitmap + (cluster - 2) / 8] |= (uint8_t)(1u << (cluster - 2) % 8);
	uint8_t *set = r->bytes + at;
	set[0] = 0x85;
	set[1] = 2;
	for (size_t i = 8; i < 20; i += 4)
		bl_put32(set + i, 0x50210000); /* a day: libtsk wants one */
	set[32] = 0xc0;
	set[33] = 3; /* allocated, contiguous */
	set[35] = 1;
	bl_put64(set + 40, 1000);
	bl_put32(set + 52, cluster);
	bl_put64(set + 56, 1000);
	set[64] = 0xc1;
	set[66] = (uint8_t)name;
	bl_put16(set + 2, set_sum(set, 96));
	memset(r->bytes + heap + (cluster - 2) * unit, fill, unit);
	return at;
}

static void checksums_of_exfat_are_checked(void **state)
{
	struct real *r = *state;
	struct names names;
	uint8_t digest[32];

	if (!real_have("mkfs.exfat"))
		skip();
	real_run(r, "truncate -s 4M i.img; mkfs.exfat -c 4096 i.img");
	real_load(r, "i.img");
	uint64_t a = exfat_file(r, 'a', 200, 'A'), b = exfat_file(r, 'b', 201, 'B');
	real_open(r);
	uint64_t root = image_volume(r->image, 0)->root;
	assert_int_equal(list(r, root, "b", &names), BL_OK);
	uint64_t inode = names.inode;
	assert_int_equal(real_digest(r, inode, digest), BL_OK);
	assert_int_equal(list(r, root, "a", &names), BL_OK);
	others_are_whole(r, "nothing is broken", "b", digest);
	/* the boot region: a serial number, the boot code, an unused sector of it; what changes without it does not count */
	static const struct {
		uint64_t at;
		enum bl_status wanted;
	} BOOT[] = {
		{100, BL_UNSUPPORTED},	    {300, BL_UNSUPPORTED}, {512 * 9 + 5, BL_UNSUPPORTED},
		{512 * 11, BL_UNSUPPORTED}, {106, BL_OK},	   {112, BL_OK}};
	for (size_t i = 0; i < BL_COUNT(BOOT); i++) {
		r->bytes[BOOT[i].at] ^= 2;
		if (open_status(r) != BOOT[i].wanted)
			fail_msg("boot byte %llu", (unsigned long long)BOOT[i].at);
		r->bytes[BOOT[i].at] ^= 2;
	}
	/* a set of entries: its name, its first cluster (the other file's), its size, its time */
	static const uint64_t SET[] = {66, 52, 56, 40, 12};
	for (size_t i = 0; i < BL_COUNT(SET); i++) {
		r->bytes[b + SET[i]] ^= 1;
		real_open(r);
		if (list(r, root, "a", &names) != BL_IO || answer(r, STAT, inode) != BL_IO ||
		    answer(r, READ, inode) != BL_IO)
			fail_msg("byte %llu of a set", (unsigned long long)SET[i]);
		r->bytes[b + SET[i]] ^= 1;
	}
	real_open(r);
	others_are_whole(r, "all is whole again", "b", digest);
	/* what libtsk takes for deleted and the folder does not: an error, no folder with one file less */
	r->bytes[a + 33] = 1;
	bl_put32(r->bytes + a + 52, 0xfffffff0u);
	bl_put16(r->bytes + a + 2, set_sum(r->bytes + a, 96));
	real_open(r);
	assert_int_equal(list(r, root, "b", &names), BL_IO);
}

/* ---- FAT: nothing has a checksum, chains may loop, folders may hold themselves ------------------------------- */

struct fat {
	uint64_t table, root, heap, unit;
};

static struct fat fat_of(const struct real *r)
{
	uint64_t table = bl_get16(r->bytes + 14) * UINT64_C(512);
	uint64_t root = table + r->bytes[16] * UINT64_C(512) * bl_get16(r->bytes + 22);

	return (struct fat){table, root, root + bl_get16(r->bytes + 17) * UINT64_C(32),
			    r->bytes[13] * UINT64_C(512)};
}

static uint8_t *fat_entry(struct real *r, const char name[12])
{
	struct fat fat = fat_of(r);

	for (uint64_t at = fat.root; at < fat.heap; at += 32)
		if (!memcmp(r->bytes + at, name, 11))
			return r->bytes + at;
	fail_msg("no entry %s", name);
	abort(); /* never reached: cmocka does not say so to the compiler */
}

static void chains_of_fat_end(void **state)
{
	struct real *r = *state;
	struct names names;
	uint8_t digest[32], other[32];

	if (!real_have("mkfs.vfat") || !real_have("mcopy"))
		skip();
	real_run(r, "truncate -s 8M i.img; mkfs.vfat -F 16 -s 1 i.img; seq 900 > LOOPS; "
		    "seq 9 300 > OTHER; mkdir FOLDER; echo x > FOLDER/X; "
		    "mcopy -s -i i.img LOOPS OTHER FOLDER ::");
	real_load(r, "i.img");
	struct fat fat = fat_of(r);
	real_open(r);
	uint64_t root = image_volume(r->image, 0)->root;
	assert_int_equal(list(r, root, "OTHER", &names), BL_OK);
	assert_int_equal(real_digest(r, names.inode, other), BL_OK);
	assert_int_equal(list(r, root, "LOOPS", &names), BL_OK);
	uint64_t loops = names.inode;
	/* the chain of a file of far more clusters than there are goes round */
	uint8_t *entry = fat_entry(r, "LOOPS      ");
	uint32_t first = bl_get16(entry + 26);
	bl_put32(entry + 28, 0x7fffffff);
	bl_put16(r->bytes + fat.table + 2 * (first + 1), (uint16_t)first);
	real_open(r);
	enum bl_status status = real_digest(r, loops, digest);
	if (status != BL_IO && status != BL_TIMED_OUT)
		fail_msg("a chain that goes round: %d", status);
	others_are_whole(r, "a chain that goes round", "OTHER", other);
	/* a chain that ends early is no zeros */
	bl_put32(entry + 28, 3000);
	bl_put16(r->bytes + fat.table + 2 * (first + 1), 0xffff);
	real_open(r);
	assert_int_equal(real_digest(r, loops, digest), BL_IO);
	others_are_whole(r, "a short chain", "OTHER", other);
	/* folders: one that is its own entry, one whose chain goes round */
	uint32_t folder = bl_get16(fat_entry(r, "FOLDER     ") + 26);
	uint8_t *inside = r->bytes + fat.heap + (folder - 2) * fat.unit;
	memcpy(inside + 96, fat_entry(r, "FOLDER     "), 32);
	memcpy(inside + 96, "ITSELF     ", 11);
	real_open(r);
	assert_int_equal(list(r, root, "FOLDER", &names), BL_OK);
	uint64_t at = names.inode;
	for (unsigned depth = 0; depth < 100 && at; depth++) {
		status = list(r, at, "ITSELF", &names);
		if (status != BL_OK && status != BL_IO)
			fail_msg("a folder in itself: %d at depth %u", status, depth);
		at = status == BL_OK ? names.inode : 0;
	}
	others_are_whole(r, "a folder in itself", "OTHER", other);
	bl_put16(r->bytes + fat.table + 2 * folder, (uint16_t)folder);
	real_open(r);
	assert_int_equal(list(r, root, "FOLDER", &names), BL_OK);
	status = list(r, names.inode, "", &names);
	if (status != BL_OK && status != BL_IO)
		fail_msg("a folder whose chain goes round: %d", status);
	others_are_whole(r, "a folder whose chain goes round", "OTHER", other);
}

/* A slot of FAT32 that says that a folder begins at @cluster. */
static void fat_folder(uint8_t *slot, const char name[12], uint32_t cluster)
{
	memcpy(slot, name, 11);
	slot[11] = 0x10;
	slot[25] = 0x50; /* a day: libtsk wants one */
	bl_put16(slot + 20, (uint16_t)(cluster >> 16));
	bl_put16(slot + 26, (uint16_t)cluster);
}

/* The last of ten thousand holds the first, and itself; each says of the one above that it is another. */
static void folders_of_fat_lie_deep_and_in_each_other(void **state)
{
	enum { DEPTH = 10000, FIRST = 100 };
	struct real *r = *state;
	struct names names;
	uint64_t first = 0, at;

	if (!real_have("mkfs.vfat"))
		skip();
	real_run(r, "truncate -s 80M i.img; mkfs.vfat -F 32 -s 1 i.img");
	real_load(r, "i.img");
	uint64_t table = bl_get16(r->bytes + 14) * UINT64_C(512);
	uint8_t *heap = r->bytes + table + r->bytes[16] * UINT64_C(512) * bl_get32(r->bytes + 36);
	fat_folder(heap, "D          ", FIRST);
	for (uint32_t i = 0; i < DEPTH; i++) {
		uint8_t *folder = heap + (FIRST + i - 2) * UINT64_C(512);

		bl_put32(r->bytes + table + UINT64_C(4) * (FIRST + i), 0x0fffffff);
		fat_folder(folder, ".          ", FIRST + i);
		fat_folder(folder + 32, "..         ", FIRST + (i * 7919) % DEPTH);
		fat_folder(folder + 64, "D          ", i + 1 < DEPTH ? FIRST + i + 1 : FIRST);
		if (i + 1 == DEPTH)
			fat_folder(folder + 96, "SELF       ", FIRST + i);
	}
	real_open(r);
	at = image_volume(r->image, 0)->root;
	for (unsigned depth = 0; depth < DEPTH; depth++) {
		if (list(r, at, "D", &names) != BL_OK || !names.inode)
			fail_msg("depth %u", depth);
		at = names.inode;
		first = depth ? first : at;
	}
	/* the deepest: what is in it is found, or an error, and so is what is in that */
	for (unsigned i = 0; i < 100 && at; i++) {
		enum bl_status status = list(r, at, i % 2 ? "SELF" : "D", &names);

		if (status != BL_OK && status != BL_IO)
			fail_msg("round %u: %d", i, status);
		at = status == BL_OK ? names.inode : 0;
	}
	assert_int_equal(list(r, first, "D", &names), BL_OK);
}

/* libtsk leaves out what does not please it: here it is listed, and an error for who wants more. */
static void no_entry_of_fat_is_left_out(void **state)
{
	static const struct {
		char name[12], shown[13];
		uint32_t day, cluster, size_bytes;
		bool is_read;
	} ROWS[] = {
		{"GOOD    TXT", "GOOD.TXT", 0x5000, 50, 100, true},
		{"NODAY      ", "NODAY", 0, 0, 0, false},
		{"BADDAY     ", "BADDAY", 0xffff, 51, 10, true},
		{"BEHIND     ", "BEHIND", 0x5000, 0x7ffffff, 10, false},
		{"TOOLARGE   ", "TOOLARGE", 0x5000, 52, 0x7fffffff, false},
		{"EA DATA  SF", "EA DATA. SF", 0x5000, 53, 10, false},
		{"A+B     C  ", "A+B.C", 0x5000, 54, 10, false},
		{"A\1B        ", "A\1B", 0x5000, 55, 10, false},
		{".       TXT", "..TXT", 0, 0, 0, false},
		{"..      TXT", "...TXT", 0, 0, 0, false},
		{"LAST       ", "LAST", 0x5000, 56, 10, true},
	};
	struct real *r = *state;
	struct names names;

	if (!real_have("mkfs.vfat"))
		skip();
	real_run(r, "truncate -s 80M i.img; mkfs.vfat -F 32 -s 1 i.img");
	real_load(r, "i.img");
	uint64_t table = bl_get16(r->bytes + 14) * UINT64_C(512);
	uint8_t *slot = r->bytes + table + r->bytes[16] * UINT64_C(512) * bl_get32(r->bytes + 36);
	for (uint32_t i = 50; i < 60; i++)
		bl_put32(r->bytes + table + UINT64_C(4) * i, 0x0fffffff);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++, slot += 32) {
		memcpy(slot, ROWS[i].name, 11);
		slot[11] = 0x20;
		bl_put16(slot + 24, (uint16_t)ROWS[i].day);
		bl_put16(slot + 20, (uint16_t)(ROWS[i].cluster >> 16));
		bl_put16(slot + 26, (uint16_t)ROWS[i].cluster);
		bl_put32(slot + 28, ROWS[i].size_bytes);
	}
	real_open(r);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		assert_int_equal(list(r, image_volume(r->image, 0)->root, ROWS[i].shown, &names),
				 BL_OK);
		if (!names.inode || names.count != BL_COUNT(ROWS))
			fail_msg("'%s' is not listed, of %zu", ROWS[i].shown, names.count);
		enum bl_status status = answer(r, READ, names.inode);
		if (names.has_attr != ROWS[i].is_read ||
		    status != (ROWS[i].is_read ? BL_OK : BL_IO))
			fail_msg("'%s': %d", ROWS[i].shown, status);
	}
}

/* libtsk says so of a label, and anybody of a file: what the slot says counts. */
static void a_file_named_like_a_label_of_fat_is_listed(void **state)
{
	struct real *r = *state;
	struct names names;

	if (!real_have("mkfs.vfat") || !real_have("mcopy"))
		skip();
	real_run(r, "truncate -s 8M i.img; mkfs.vfat -F 16 -s 1 -n LABEL i.img; seq 9 > 'a (Volume "
		    "Label Entry)'; "
		    "seq 9 > b; mcopy -i i.img 'a (Volume Label Entry)' b ::");
	real_load(r, "i.img");
	real_open(r);
	assert_int_equal(list(r, image_volume(r->image, 0)->root, "a (Volume Label Entry)", &names),
			 BL_OK);
	assert_int_equal(names.count, 2);
	assert_int_not_equal(names.inode, 0);
}

/* ---- NTFS: sectors torn apart ----------------------------------------------------------------------------------- */

static void torn_records_of_ntfs_are_refused(void **state)
{
	struct real *r = *state;
	struct names names;
	uint8_t digest[32];

	if (!real_have("mkntfs") || !real_have("ntfscp"))
		skip();
	real_run(r, "truncate -s 6M i.img; mkntfs -F -Q -q i.img; seq 99 > torn; seq 7 88 > other; "
		    "for f in torn other; do ntfscp -f i.img $f $f; done");
	real_load(r, "i.img");
	real_open(r);
	uint64_t root = image_volume(r->image, 0)->root;
	assert_int_equal(list(r, root, "other", &names), BL_OK);
	assert_int_equal(real_digest(r, names.inode, digest), BL_OK);
	assert_int_equal(list(r, root, "torn", &names), BL_OK);
	uint64_t torn = names.inode;
	uint64_t unit = r->bytes[13] * UINT64_C(512);
	/* The second sector's last two bytes are the record's sequence, and stand for what is in its array. */
	uint64_t at = bl_get64(r->bytes + 48) * unit + (torn & 0xffffffff) * 1024;
	assert_memory_equal(r->bytes + at, "FILE", 4);
	r->bytes[at + 1023] ^= 1;
	real_open(r);
	assert_int_equal(answer(r, STAT, torn), BL_IO);
	assert_int_equal(answer(r, READ, torn), BL_IO);
	others_are_whole(r, "a torn record", "other", digest);
	r->bytes[at + 1023] ^= 1;
	/* the same of the root's index */
	const uint8_t *index = memmem(r->bytes, r->size_bytes, "INDX(\0\t\0", 8);
	bool is_listed = true;
	for (; index; index = memmem(index + 8, (size_t)(r->bytes + r->size_bytes - index - 8),
				     "INDX(\0\t\0", 8)) {
		uint64_t sector = (uint64_t)(index - r->bytes) + 511;

		r->bytes[sector] ^= 1;
		real_open(r);
		enum bl_status status = list(r, root, "", &names);
		if (status != BL_OK && status != BL_IO)
			fail_msg("a torn index: %d", status);
		is_listed = is_listed && status == BL_OK;
		r->bytes[sector] ^= 1;
	}
	assert_false(is_listed);
}

/* ---- a million names ------------------------------------------------------------------------------------------- */

static void a_million_names_are_listed_or_refused(void **state)
{
	struct real *r = *state;
	struct names names;

	if (!real_have("mkfs.vfat"))
		skip();
	real_run(r, "truncate -s 80M i.img; mkfs.vfat -F 32 -s 8 i.img");
	real_load(r, "i.img");
	uint64_t table = bl_get16(r->bytes + 14) * UINT64_C(512);
	uint64_t heap = table + r->bytes[16] * UINT64_C(512) * bl_get32(r->bytes + 36);
	enum { MILLION = 1000000, CLUSTERS = MILLION / 128 };
	for (uint32_t i = 0; i < CLUSTERS; i++)
		bl_put32(r->bytes + table + 4 * (i + 2), i + 1 < CLUSTERS ? i + 3 : 0x0fffffff);
	for (uint32_t i = 0; i < CLUSTERS * 128; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%07X AAA", i);
		memcpy(r->bytes + heap + i * UINT64_C(32), name, 11);
		r->bytes[heap + i * UINT64_C(32) + 11] = 0x20;
		r->bytes[heap + i * UINT64_C(32) + 25] =
			0x50; /* a day: an entry without one does not please libtsk */
	}
	struct image_options options = {
		.reader_path = r->reader, .try_ms = 8000, .on_trouble = real_trouble, .context = r};
	struct image_bytes bytes = {real_read, r, r->size_bytes};
	enum bl_status status = image_open_bytes(&bytes, &options, &r->image, NULL);
	if (status !=
	    BL_OK) { /* its root is looked at when it is opened: then the image is refused in time */
		assert_true(status == BL_TIMED_OUT || status == BL_IO);
		return;
	}
	if (!image_volume(r->image, 0)->is_readable)
		return;
	status = list(r, image_volume(r->image, 0)->root, "", &names);
	if (status == BL_OK)
		assert_int_equal(names.count, CLUSTERS * 128);
	else
		assert_true(status == BL_TIMED_OUT || status == BL_IO || status == BL_TOO_LARGE);
	print_message("a million names: status %d, %zu told\n", status, names.count);
	/* Whatever became of it: the next request is answered. */
	struct image_attr attr;
	enum bl_status after =
		image_stat(r->image, 0, image_volume(r->image, 0)->root, &attr, NULL);
	if (after != BL_OK && (status == BL_OK || after != BL_IO))
		fail_msg("after a million names: %d", after);
}

/* ---- bytes that change while they are read --------------------------------------------------------------------- */

struct restless {
	struct real *real;
	unsigned round;
};

/* Every seventh read is of other bytes than the one before. */
static enum bl_status restless_read(void *context, uint64_t offset, void *out, size_t length,
				    struct bl_error *why)
{
	struct restless *restless = context;
	enum bl_status status = real_read(restless->real, offset, out, length, why);
	unsigned count = atomic_load(&restless->real->reads);

	if (status == BL_OK && (count + restless->round) % 7 == 0)
		for (size_t i = count % 61; i < length; i += 61)
			((uint8_t *)out)[i] ^= (uint8_t)(count * 37 + i);
	return status;
}

static void bytes_that_change_end_in_an_error_or_as_they_are(void **state)
{
	struct real *r = *state;
	unsigned opened = 0;

	if (!real_have("mke2fs"))
		skip();
	real_run(r,
		 "mkdir -p src/d/e; for i in 1 2 3 4 5 6 7 8 9; do seq $i 9999 > src/d/$i; done; "
		 "mke2fs -F -q -t ext4 -b 1024 -N 64 -d src i.img 6M");
	real_load(r, "i.img");
	for (unsigned round = 0; round < 20; round++) {
		struct restless restless = {r, round};
		struct image_options options = {.reader_path = r->reader,
						.try_ms = 20000,
						.on_trouble = real_trouble,
						.context = r};
		struct image_bytes bytes = {restless_read, &restless, r->size_bytes};

		image_close(r->image);
		r->image = NULL;
		enum bl_status status = image_open_bytes(&bytes, &options, &r->image, NULL);
		if (status != BL_OK)
			continue;
		opened++;
		if (image_volume(r->image, 0)->is_readable)
			real_walk(r);
	}
	assert_int_not_equal(opened, 0);
	real_open(r);
	real_walk(r);
	assert_int_equal(r->list_errors, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REAL_TEST(checksums_of_ext4_are_checked),
		REAL_TEST(groups_with_an_old_checksum_are_checked),
		REAL_TEST(loops_and_sizes_of_ext_end),
		REAL_TEST(blocks_outside_are_refused_and_shared_ones_read),
		REAL_TEST(files_that_lie_in_tables_are_refused),
		REAL_TEST(a_file_of_more_pieces_than_its_volume_is_refused),
		REAL_TEST(ten_thousand_folders_deep_are_listed),
		REAL_TEST(checksums_of_exfat_are_checked),
		REAL_TEST(chains_of_fat_end),
		REAL_TEST(folders_of_fat_lie_deep_and_in_each_other),
		REAL_TEST(no_entry_of_fat_is_left_out),
		REAL_TEST(a_file_named_like_a_label_of_fat_is_listed),
		REAL_TEST(torn_records_of_ntfs_are_refused),
		REAL_TEST(a_million_names_are_listed_or_refused),
		REAL_TEST(bytes_that_change_end_in_an_error_or_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
