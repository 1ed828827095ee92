/*
 * What a volume of ext keeps for itself: superblocks, group descriptors, bitmaps, tables of inodes, the journal. A file that says it lies
 * there is damaged or a lie, and is refused as the kernel refuses it (fs/ext4/block_validity.c, and inode.c, ext4_iget).
 */
#include "fs/image/reader/ext.h"

#include <errno.h>

#include <ext2fs/ext3_extents.h>

#define TABLES_OF_GROUP 6

/* Whatever a bitmap says, these are used; and of a group whose bitmap was never written nothing else is. */
static int group_tables(ext2_filsys fs, dgrp_t group, struct runs *out)
{
	blk64_t super = 0, old_table = 0, new_table = 0;
	blk_t used = 0;

	if (ext2fs_super_and_bgd_loc2(fs, group, &super, &old_table, &new_table, &used))
		return EIO;
	/* As ext2fs_reserve_super_and_bgd: with meta_bg the old table ends early, else room to grow is reserved. */
	uint64_t old_blocks =
		ext2fs_has_feature_meta_bg(fs->super)
			? fs->super->s_first_meta_bg
			: fs->desc_blocks + (uint64_t)fs->super->s_reserved_gdt_blocks;
	const struct {
		uint64_t block, count;
		bool is_there;
	} rows[TABLES_OF_GROUP] = {
		{super, 1, super || group == 0},
		{old_table, old_blocks, old_table != 0},
		{new_table, 1, new_table != 0},
		{ext2fs_block_bitmap_loc(fs, group), 1, true},
		{ext2fs_inode_bitmap_loc(fs, group), 1, true},
		{ext2fs_inode_table_loc(fs, group), fs->inode_blocks_per_group, true},
	};
	int error = 0;

	/* In blocks, not bytes: runs_place does not care. */
	for (size_t i = 0; i < TABLES_OF_GROUP && !error; i++)
		if (rows[i].is_there)
			error = runs_place(out, rows[i].block, rows[i].count);
	return error;
}

/* The journal of a volume whose journal cannot be found is not known: it is not needed where nothing is replayed. */
static int journal_tables(struct ext_tree *ext, struct runs *out)
{
	uint64_t before = ext->base.blocks->failures, unit = ext->fs->blocksize;
	struct runs runs = {0};
	int error = ext_journal(ext, &runs);

	if (error)
		ext->base.blocks->failures = before;
	error = error == ENOMEM ? ENOMEM : 0;
	for (size_t i = 0; i < runs.count && !error; i++)
		error = runs_place(out, (runs.items[i].image_offset - ext->base.offset) / unit,
				   (runs.items[i].length + unit - 1) / unit);
	runs_done(&runs);
	return error;
}

int ext_tables_find(struct ext_tree *ext)
{
	ext2_filsys fs = ext->fs;
	struct runs tables = {0};
	/* What lies in front of the first group is the boot sector, or the first superblock. */
	int error = runs_place(&tables, 0, (uint64_t)fs->super->s_first_data_block + 1);

	for (dgrp_t group = 0; group < fs->group_desc_count && !error; group++)
		error = group_tables(fs, group, &tables);
	if (!error && ext2fs_has_feature_journal(fs->super))
		error = journal_tables(ext, &tables);
	if (error) {
		runs_done(&tables);
		return error;
	}
	runs_sort(&tables);
	runs_done(&ext->tables);
	ext->tables = tables;
	return 0;
}

bool ext_is_data(const struct ext_tree *ext, uint64_t block, uint64_t count)
{
	const struct wire_run *tables = ext->tables.items;
	size_t low = 0, high = ext->tables.count;
	uint64_t end;

	if (__builtin_add_overflow(block, count, &end) || end > ext2fs_blocks_count(ext->fs->super))
		return false;
	/* the first table that ends behind @block */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (tables[middle].image_offset + tables[middle].length <= block)
			low = middle + 1;
		else
			high = middle;
	}
	return low == ext->tables.count || tables[low].image_offset >= end;
}

/* The extents, or the nodes of extents, that are named in the inode itself. */
static bool are_extents_data(const struct ext_tree *ext, const struct ext2_inode_large *inode)
{
	const struct ext3_extent_header *header = (const void *)inode->i_block;
	const struct ext3_extent *leaf = (const void *)(header + 1);
	const struct ext3_extent_idx *node = (const void *)(header + 1);
	unsigned count = ext2fs_le16_to_cpu(header->eh_entries);

	/* libext2fs refuses it. */
	if (ext2fs_extent_header_verify((void *)(uintptr_t)header, sizeof(inode->i_block)))
		return true;
	for (unsigned i = 0; i < count; i++) {
		uint64_t length = ext2fs_le16_to_cpu(leaf[i].ee_len);
		uint64_t block =
			header->eh_depth
				? ext2fs_le32_to_cpu(node[i].ei_leaf) |
					  (uint64_t)ext2fs_le16_to_cpu(node[i].ei_leaf_hi) << 32
				: ext2fs_le32_to_cpu(leaf[i].ee_start) |
					  (uint64_t)ext2fs_le16_to_cpu(leaf[i].ee_start_hi) << 32;

		/* above that it is an unwritten one */
		if (length > EXT_INIT_MAX_LEN)
			length -= EXT_INIT_MAX_LEN;
		if (!ext_is_data(ext, block, header->eh_depth ? 1 : length))
			return false;
	}
	return true;
}

static bool are_pointers_data(const struct ext_tree *ext, const struct ext2_inode_large *inode)
{
	for (unsigned i = 0; i < EXT2_N_BLOCKS; i++)
		if (inode->i_block[i] && !ext_is_data(ext, inode->i_block[i], 1))
			return false;
	return true;
}

bool ext_points_well(struct ext_tree *ext, uint64_t number, const struct ext2_inode_large *inode)
{
	struct ext2_inode *old = (struct ext2_inode *)(uintptr_t)inode;
	uint64_t attributes = ext2fs_file_acl_block(ext->fs, old);
	bool has_blocks = LINUX_S_ISREG(inode->i_mode) || LINUX_S_ISDIR(inode->i_mode) ||
			  (LINUX_S_ISLNK(inode->i_mode) && !ext2fs_is_fast_symlink(old));

	if (number == ext->fs->super->s_journal_inum)
		return true;
	if (attributes && !ext_is_data(ext, attributes, 1))
		return false;
	if (!has_blocks || (inode->i_flags & EXT4_INLINE_DATA_FL))
		return true;
	return inode->i_flags & EXT4_EXTENTS_FL ? are_extents_data(ext, inode)
						: are_pointers_data(ext, inode);
}
