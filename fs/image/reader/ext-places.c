/* Where a file of ext2, ext3 or ext4 lies, with all that belongs to it, and which blocks a volume uses. */
#include "fs/image/reader/ext.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_FIELD  offsetof(struct ext2_inode, i_block)
#define BLOCK_BYTES  60		 /* of i_block: where inline data begins */
#define XATTR_MAGIC  0xea020000u /* linux/fs/ext4/xattr.h */
#define XATTR_ENTRY  16		 /* its fixed part; the name follows */
#define XATTR_SYSTEM 7		 /* name index of "system." */
#define USED_STEPS   (1u << 24)	 /* clusters looked at in one call */
#define BITMAP_BYTES 65536	 /* of a group: one block, the largest there is */

/* ---- a file ---- */

struct placing {
	struct ext_tree *ext;
	struct runs *runs;
	int error;
};

/* A bigalloc cluster is one file's alone: all of it is told, though the file's last extent may end earlier. */
static int place_blocks(struct placing *placing, uint64_t physical, uint64_t count)
{
	const struct tree *tree = &placing->ext->base;
	uint64_t unit = placing->ext->fs->blocksize, blocks = tree->length / unit;
	uint64_t ratio = (uint64_t)EXT2FS_CLUSTER_RATIO(placing->ext->fs);
	uint64_t end;

	if (__builtin_add_overflow(physical, count, &end) || end > blocks ||
	    !ext_is_data(placing->ext, physical, count))
		return EIO;
	uint64_t start = physical - physical % ratio;
	end = BL_MIN(end + (ratio - end % ratio) % ratio, blocks);
	/* In the journal too, where older copies may lie beside the newest: nobody can say where they all are. */
	if (overlay_touches(&placing->ext->overlay, start, end - start))
		return EOPNOTSUPP;
	return runs_place(placing->runs, tree->offset + start * unit, (end - start) * unit);
}

static int each_block(ext2_filsys fs BL_UNUSED, blk64_t *physical, e2_blkcnt_t logical,
		      blk64_t around BL_UNUSED, int offset BL_UNUSED, void *context)
{
	struct placing *placing = context;

	if (logical >= 0)
		placing->error = place_blocks(placing, *physical, 1);
	else if (!ext_is_data(placing->ext, *physical, 1))
		placing->error = EIO;
	return placing->error ? BLOCK_ABORT : 0;
}

/* Unlike a map: unwritten extents too, and those behind the end of the file. */
static int place_extent(void *context, const struct ext2fs_extent *extent)
{
	return place_blocks(context, extent->e_pblk, extent->e_len);
}

/*
 * The value of system.data among the attributes inside the inode: linux/fs/ext4/xattr.h. @out_length 0: there is none.
 */
static int find_system_data(const uint8_t *inode, size_t size, size_t *out_at, size_t *out_length)
{
	size_t header = EXT2_GOOD_OLD_INODE_SIZE + bl_get16(inode + EXT2_GOOD_OLD_INODE_SIZE);

	*out_length = 0;
	if (header + 4 > size || bl_get32(inode + header) != XATTR_MAGIC)
		return 0;
	size_t first = header + 4;
	for (size_t at = first; at + XATTR_ENTRY <= size && bl_get32(inode + at);) {
		size_t name_length = inode[at];
		size_t next = at + XATTR_ENTRY + (name_length + 3) / 4 * 4;
		uint64_t value = first + (uint64_t)bl_get16(inode + at + 2);
		uint64_t length = bl_get32(inode + at + 8);

		if (next > size)
			return EIO;
		if (inode[at + 1] == XATTR_SYSTEM && name_length == 4 &&
		    !memcmp(inode + at + XATTR_ENTRY, "data", 4)) {
			if (bl_get32(inode + at + 4))
				return EOPNOTSUPP; /* in an inode of its own */
			if (value + length > size)
				return EIO;
			*out_at = (size_t)value;
			*out_length = (size_t)length;
			return 0;
		}
		at = next;
	}
	return 0;
}

static int place_inline(struct placing *placing, uint64_t number, uint64_t size_bytes)
{
	struct ext_tree *ext = placing->ext;
	size_t inode_size = EXT2_INODE_SIZE(ext->fs->super), at = 0, length = 0;
	uint64_t offset = 0;
	int error = ext_inode_at(ext, number, &offset);

	if (!error)
		error = runs_place(placing->runs, offset + BLOCK_FIELD, BLOCK_BYTES);
	if (error)
		return error;
	if (inode_size > EXT2_GOOD_OLD_INODE_SIZE + 4) {
		BL_CLEANUP(bl_free) uint8_t *inode = malloc(inode_size);

		if (!inode)
			return ENOMEM;
		error = blocks_read(ext->base.blocks, offset, inode, inode_size);
		if (!error)
			error = find_system_data(inode, inode_size, &at, &length);
	}
	if (error)
		return error;
	if (size_bytes > BLOCK_BYTES + length)
		return EOPNOTSUPP;
	return runs_place(placing->runs, offset + at, length);
}

int ext_places(struct tree *tree, uint64_t number, struct runs *runs)
{
	struct ext_tree *ext = (struct ext_tree *)tree;
	struct ext2_inode_large inode;
	struct placing placing = {.ext = ext, .runs = runs};
	int error = ext_inode_read(ext, number, &inode);

	if (error)
		return error;
	if (!LINUX_S_ISREG(inode.i_mode))
		return LINUX_S_ISDIR(inode.i_mode) ? EISDIR : EINVAL;
	if (inode.i_flags & EXT4_INLINE_DATA_FL)
		return place_inline(&placing, number, EXT2_I_SIZE(&inode));
	if (inode.i_flags & EXT4_EXTENTS_FL)
		return ext_each_extent(ext, number, (struct ext2_inode *)&inode, place_extent,
				       &placing);
	if (ext2fs_block_iterate3(ext->fs, (ext2_ino_t)number, BLOCK_FLAG_READ_ONLY, NULL,
				  each_block, &placing))
		return EIO;
	return placing.error;
}

/* ---- a volume ---- */

struct used_scan {
	struct ext_tree *ext;
	size_t next_table; /* of ext->tables */
	uint64_t group;	   /* whose bitmap is here; UINT64_MAX: none */
	uint8_t bitmap[BITMAP_BYTES];
};

static int load_bitmap(struct used_scan *scan, uint64_t group)
{
	ext2_filsys fs = scan->ext->fs;
	dgrp_t number = (dgrp_t)group;

	scan->group = group;
	memset(scan->bitmap, 0, sizeof(scan->bitmap));
	if (group >= fs->group_desc_count || fs->blocksize > BITMAP_BYTES)
		return EIO;
	if (ext2fs_has_group_desc_csum(fs) &&
	    ext2fs_bg_flags_test(fs, number, EXT2_BG_BLOCK_UNINIT))
		return 0;
	if (io_channel_read_blk64(fs->io, ext2fs_block_bitmap_loc(fs, number), 1, scan->bitmap))
		return EIO;
	/* A bitmap that does not verify might call used what is free, or the other way round. */
	if (!ext2fs_block_bitmap_csum_verify(fs, number, (char *)scan->bitmap,
					     (int)(fs->super->s_clusters_per_group / 8)))
		return EIO;
	return 0;
}

static bool is_table(struct used_scan *scan, uint64_t block, uint64_t count)
{
	const struct runs *tables = &scan->ext->tables;

	while (scan->next_table < tables->count &&
	       tables->items[scan->next_table].image_offset +
			       tables->items[scan->next_table].length <=
		       block)
		scan->next_table++;
	return scan->next_table < tables->count &&
	       tables->items[scan->next_table].image_offset < block + count;
}

static int is_used(struct used_scan *scan, uint64_t block, uint64_t ratio, bool *out_is_used)
{
	ext2_filsys fs = scan->ext->fs;
	uint64_t first = fs->super->s_first_data_block;
	uint64_t group = block < first ? 0 : (block - first) / fs->super->s_blocks_per_group;
	uint64_t bit = block < first ? 0 : (block - first) % fs->super->s_blocks_per_group / ratio;
	int error = group == scan->group ? 0 : load_bitmap(scan, group);

	if (!error)
		*out_is_used =
			block < first || is_table(scan, block, ratio) ||
			(bit / 8 < fs->blocksize && (scan->bitmap[bit / 8] >> (bit % 8) & 1));
	return error;
}

static int scan_used(struct used_scan *scan, uint64_t cursor, struct runs *runs, uint64_t *out_next)
{
	const struct tree *tree = &scan->ext->base;
	ext2_filsys fs = scan->ext->fs;
	uint64_t ratio = (uint64_t)EXT2FS_CLUSTER_RATIO(fs), unit = fs->blocksize;
	uint64_t count = BL_MIN(ext2fs_blocks_count(fs->super), tree->length / unit);
	uint64_t block = cursor;

	for (size_t step = 0; block < count; block += ratio, step++) {
		uint64_t length = BL_MIN(ratio, count - block);
		bool is_one = false;
		/* A page may stop early for the budget or the time: the next one goes on there. */
		if (step == USED_STEPS || runs->count == READER_USED_RUNS ||
		    (step && tree->blocks->budget < READER_BLOCK_BUDGET / 2))
			break;
		int error = is_used(scan, block, ratio, &is_one);
		if (!error && is_one)
			error = runs_place(runs, tree->offset + block * unit, length * unit);
		if (error)
			return error;
	}
	*out_next = block < count ? block : 0;
	return 0;
}

int ext_used(struct tree *tree, uint64_t cursor, struct runs *runs, uint64_t *out_next)
{
	struct ext_tree *ext = (struct ext_tree *)tree;

	if (cursor % (uint64_t)EXT2FS_CLUSTER_RATIO(ext->fs))
		return EINVAL;
	BL_CLEANUP(bl_free) struct used_scan *scan = calloc(1, sizeof(*scan));
	if (!scan)
		return ENOMEM;
	scan->ext = ext;
	scan->group = UINT64_MAX;
	return scan_used(scan, cursor, runs, out_next);
}
