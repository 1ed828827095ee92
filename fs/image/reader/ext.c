/* ext2, ext3 and ext4 through libext2fs, over our own io_manager. */
#include "fs/image/reader/ext.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <ext2fs/ext3_extents.h>

#define FAST_LINK_BYTES 60 /* i_block as text */
#define LINK_LIMIT	4095

/* ---- the io_manager: reads only, inside the volume ---- */

static errcode_t io_open(const char *name, int flags BL_UNUSED, io_channel *out_channel);

static errcode_t io_close(io_channel channel)
{
	if (--channel->refcount > 0)
		return 0;
	free(channel->name);
	free(channel);
	return 0;
}

static errcode_t io_set_blksize(io_channel channel, int size)
{
	if (size < 1024 || size > 65536)
		return EXT2_ET_INVALID_ARGUMENT;
	channel->block_size = size;
	return 0;
}

/* With what the journal has newer; on failure @out is as it was: libext2fs keeps the block that it held before. */
static int volume_read(const struct ext_tree *ext, uint64_t offset, void *out, size_t length)
{
	struct blocks *blocks = ext->base.blocks;

	if (!ext->overlay.count)
		return blocks_read(blocks, ext->base.offset + offset, out, length);
	BL_CLEANUP(bl_free) uint8_t *bytes = malloc(length);
	int error = bytes ? blocks_read(blocks, ext->base.offset + offset, bytes, length) : ENOMEM;

	if (!error)
		error = overlay_read(&ext->overlay, blocks, offset, bytes, length);
	if (!error)
		memcpy(out, bytes, length);
	return error;
}

static errcode_t io_read64(io_channel channel, unsigned long long block, int count, void *out)
{
	const struct ext_tree *ext = channel->private_data;
	uint64_t offset, end;
	/* libext2fs: a negative count is bytes. */
	uint64_t length = count < 0 ? (uint64_t) - (int64_t)count
				    : (uint64_t)count * (uint64_t)channel->block_size;

	if (__builtin_mul_overflow((uint64_t)block, (uint64_t)channel->block_size, &offset) ||
	    __builtin_add_overflow(offset, length, &end) || end > ext->base.length)
		return EXT2_ET_SHORT_READ;
	return volume_read(ext, offset, out, length) ? EXT2_ET_SHORT_READ : 0;
}

static errcode_t io_read(io_channel channel, unsigned long block, int count, void *out)
{
	return io_read64(channel, block, count, out);
}

static errcode_t io_write(io_channel channel BL_UNUSED, unsigned long block BL_UNUSED,
			  int count BL_UNUSED, const void *bytes BL_UNUSED)
{
	return EXT2_ET_RO_FILSYS;
}

static errcode_t io_write64(io_channel channel BL_UNUSED, unsigned long long block BL_UNUSED,
			    int count BL_UNUSED, const void *bytes BL_UNUSED)
{
	return EXT2_ET_RO_FILSYS;
}

static errcode_t io_flush(io_channel channel BL_UNUSED)
{
	return 0;
}

/* libext2fs writes only to a manager's `reserved`, never through this pointer; its API just lacks the const. */
static const struct struct_io_manager MANAGER = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER,
	.name = "blocks",
	.open = io_open,
	.close = io_close,
	.set_blksize = io_set_blksize,
	.read_blk = io_read,
	.write_blk = io_write,
	.flush = io_flush,
	.read_blk64 = io_read64,
	.write_blk64 = io_write64,
};

static errcode_t io_open(const char *name, int flags BL_UNUSED, io_channel *out_channel)
{
	uintptr_t address = 0;
	io_channel channel = calloc(1, sizeof(*channel));

	if (!channel)
		return EXT2_ET_NO_MEMORY;
	channel->name = strdup(name);
	/* The name is ours (ext_open): the only way to hand a context through libext2fs's open. */
	if (!channel->name || sscanf(name, "%" SCNxPTR, &address) != 1) {
		free(channel->name);
		free(channel);
		return EXT2_ET_NO_MEMORY;
	}
	channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	channel->manager = (io_manager)(uintptr_t)&MANAGER;
	channel->block_size = 1024;
	channel->refcount = 1;
	channel->private_data = (void *)address;
	*out_channel = channel;
	return 0;
}

/* ---- inodes ---- */

int ext_inode_at(struct ext_tree *ext, uint64_t number, uint64_t *out_offset)
{
	const struct ext2_super_block *super = ext->fs->super;
	uint64_t group = (number - 1) / super->s_inodes_per_group;
	uint64_t within = (number - 1) % super->s_inodes_per_group * EXT2_INODE_SIZE(super);
	uint64_t unit = ext->fs->blocksize, end;

	if (group >= ext->fs->group_desc_count)
		return EIO;
	uint64_t block = ext2fs_inode_table_loc(ext->fs, (dgrp_t)group) + within / unit;
	if (!block || __builtin_add_overflow(block, 1, &end) || end > ext->base.length / unit)
		return EIO;
	if (overlay_touches(&ext->overlay, block, 1))
		return EOPNOTSUPP;
	*out_offset = ext->base.offset + block * unit + within % unit;
	return 0;
}

/*
 * One inode by itself: a file's contents inside its inode may have been left out of the image, and libext2fs reads whole
 * blocks, in which the other inodes would be lost too.
 */
static int inode_alone(struct ext_tree *ext, uint64_t number, struct ext2_inode_large *out)
{
	size_t size = EXT2_INODE_SIZE(ext->fs->super);
	BL_CLEANUP(bl_free) struct ext2_inode_large *inode = calloc(1, size + sizeof(*inode));
	uint64_t offset = 0;

	if (!inode)
		return ENOMEM;
	if (ext_inode_at(ext, number, &offset) ||
	    blocks_read(ext->base.blocks, offset, inode, size) ||
	    !ext2fs_inode_csum_verify(ext->fs, (ext2_ino_t)number, inode))
		return EIO;
	ext->is_torn = true;
	memcpy(out, inode, sizeof(*out));
	if (size < sizeof(*out))
		memset((uint8_t *)out + size, 0, sizeof(*out) - size);
	return 0;
}

/* libext2fs asks here before it reads an inode for itself, as for a directory's blocks. */
static errcode_t inode_asked(ext2_filsys fs, ext2_ino_t number, struct ext2_inode *out)
{
	struct ext_tree *ext = fs->priv_data;
	struct ext2_inode_large inode;

	if (!ext->is_torn || inode_alone(ext, number, &inode))
		return EXT2_ET_CALLBACK_NOTHANDLED;
	memcpy(out, &inode, sizeof(*out));
	return 0;
}

int ext_inode_read(struct ext_tree *ext, uint64_t number, struct ext2_inode_large *out)
{
	int error = 0;

	struct ext2_super_block *super = ext->fs->super;
	uint64_t before = ext->base.blocks->failures;

	if (number > super->s_inodes_count ||
	    (number != EXT2_ROOT_INO && number < EXT2_FIRST_INODE(super)))
		return ENOENT;
	memset(out, 0, sizeof(*out));
	if (ext2fs_read_inode_full(ext->fs, (ext2_ino_t)number, (struct ext2_inode *)out,
				   sizeof(*out)))
		error = inode_alone(ext, number, out);
	if (error)
		return error;
	ext->base.blocks->failures = before;
	if (!out->i_links_count && number != EXT2_ROOT_INO)
		return ENOENT;
	return ext_points_well(ext, number, out) ? 0 : EIO;
}

static int64_t time_ns(uint32_t seconds, uint32_t extra, bool has_extra)
{
	/* linux/fs/ext4/ext4.h: two low bits of `extra` extend the epoch, the rest is nanoseconds. */
	int64_t whole = (int32_t)seconds, ns;

	if (has_extra)
		whole += (int64_t)(extra & 3) << 32;
	/* Behind 2262 nanoseconds do not fit: the last that does. */
	if (__builtin_mul_overflow(whole, INT64_C(1000000000), &ns))
		return INT64_MAX;
	if (has_extra && __builtin_add_overflow(ns, (int64_t)BL_MIN(extra >> 2, 999999999u), &ns))
		return INT64_MAX;
	return ns;
}

static bool has_field(const struct ext2_inode_large *inode, size_t end)
{
	return EXT2_GOOD_OLD_INODE_SIZE + (size_t)inode->i_extra_isize >= end;
}

#define HAS_FIELD(inode, field)                                                                    \
	has_field(inode, offsetof(struct ext2_inode_large, field) + sizeof((inode)->field))

/* The first block of @blocks that the one extent in the inode has; 0: it is not so simple. *out_count: as many as it has */
static uint64_t extent_alone(const struct ext2_inode_large *inode, uint64_t blocks,
			     uint64_t *out_count)
{
	const struct ext3_extent_header *header = (const void *)inode->i_block;
	const struct ext3_extent *extent = (const void *)(header + 1);

	*out_count = ext2fs_le16_to_cpu(extent->ee_len);
	if (ext2fs_extent_header_verify((void *)(uintptr_t)header, sizeof(inode->i_block)) ||
	    header->eh_depth || ext2fs_le16_to_cpu(header->eh_entries) != 1 || extent->ee_block ||
	    *out_count > EXT_INIT_MAX_LEN || *out_count < blocks)
		return 0;
	return (uint64_t)ext2fs_le16_to_cpu(extent->ee_start_hi) << 32 |
	       ext2fs_le32_to_cpu(extent->ee_start);
}

/* The same of the direct blocks of an inode without extents. */
static uint64_t pointers_alone(const struct ext2_inode_large *inode, uint64_t blocks)
{
	if (blocks > EXT2_NDIR_BLOCKS)
		return 0;
	for (uint32_t i = 1; i < blocks; i++)
		if (inode->i_block[i] != inode->i_block[0] + i)
			return 0;
	return inode->i_block[0];
}

/* What ext_map would say of a file in one piece, for free: opening it need not ask then. 0: ask */
static uint64_t lies_at(const struct ext_tree *ext, const struct ext2_inode_large *inode)
{
	uint64_t unit = ext->fs->blocksize, size = EXT2_I_SIZE(inode);
	uint64_t blocks = size / unit + (size % unit != 0), count = blocks, end;
	const uint32_t others = EXT4_ENCRYPT_FL | EXT4_INLINE_DATA_FL;

	if (!LINUX_S_ISREG(inode->i_mode) || (inode->i_flags & others))
		return 0;
	if (!size)
		return ext->base.offset + SUPERBLOCK_OFFSET; /* nothing lies anywhere */
	uint64_t first = inode->i_flags & EXT4_EXTENTS_FL ? extent_alone(inode, blocks, &count)
							  : pointers_alone(inode, blocks);

	if (!first || __builtin_add_overflow(first, count, &end) || end > ext->base.length / unit ||
	    overlay_touches(&ext->overlay, first, count))
		return 0;
	return ext->base.offset + first * unit;
}

/* linux/fs/ext4/inode.c: the old form is in the first pointer, the new one in the second; glibc's makedev takes them apart again. */
static void device_number(const struct ext2_inode_large *inode, struct wire_attr *out)
{
	uint32_t old = inode->i_block[0], new = inode->i_block[1];

	if (!LINUX_S_ISCHR(inode->i_mode) && !LINUX_S_ISBLK(inode->i_mode))
		return;
	out->rdev_major = old ? old >> 8 & 0xff : new >> 8 & 0xfff;
	out->rdev_minor = old ? old & 0xff : (new & 0xff) | (new >> 12 & 0xfff00);
}

static int ext_link(struct tree *tree, uint64_t number, char *out, size_t size, size_t *out_length);

/* That of an encrypted link is shown as long as the code is that stands for its target. */
static void link_size(struct ext_tree *ext, uint64_t number, const struct ext2_inode_large *inode,
		      struct wire_attr *out)
{
	char target[LINK_LIMIT];
	size_t length;

	if (LINUX_S_ISLNK(inode->i_mode) && (inode->i_flags & EXT4_ENCRYPT_FL) &&
	    !ext_link(&ext->base, number, target, sizeof(target), &length))
		out->size_bytes = length;
}

static int ext_stat(struct tree *tree, uint64_t number, struct wire_attr *out)
{
	struct ext_tree *ext = (struct ext_tree *)tree;
	struct ext2_inode_large inode;
	int error = ext_inode_read(ext, number, &inode);

	if (error)
		return error;
	*out = (struct wire_attr){
		.size_bytes = EXT2_I_SIZE(&inode),
		.blocks_512 = ext2fs_get_stat_i_blocks(ext->fs, (struct ext2_inode *)&inode),
		.mtime_ns = time_ns(inode.i_mtime, inode.i_mtime_extra,
				    HAS_FIELD(&inode, i_mtime_extra)),
		.atime_ns = time_ns(inode.i_atime, inode.i_atime_extra,
				    HAS_FIELD(&inode, i_atime_extra)),
		.ctime_ns = time_ns(inode.i_ctime, inode.i_ctime_extra,
				    HAS_FIELD(&inode, i_ctime_extra)),
		.mode = inode.i_mode,
		.uid = inode_uid(inode),
		.gid = inode_gid(inode),
		.nlink = inode.i_links_count,
		.lies_at = lies_at(ext, &inode),
	};
	device_number(&inode, out);
	/* The high half is the directory's size only on regular files; elsewhere it was an ACL block. */
	if (!LINUX_S_ISREG(inode.i_mode))
		out->size_bytes = inode.i_size;
	else if (inode.i_flags & EXT4_INLINE_DATA_FL) /* as the kernel counts them */
		out->blocks_512 += (out->size_bytes + 511) / 512;
	link_size(ext, number, &inode, out);
	return out->size_bytes > READER_FILE_LIMIT ? EFBIG : 0;
}

/* ---- directories ---- */

static int check_blocks(struct ext_tree *ext, uint64_t number, struct ext2_inode_large *inode);

struct ext_walk {
	struct ext_tree *ext;
	const struct ext2_inode_large *folder;
	struct listing *listing;
	uint32_t first, last; /* inodes an entry may name */
	int error;
	bool has_any; /* an entry was seen */
};

static int each_entry(ext2_ino_t dir BL_UNUSED, int place BL_UNUSED, struct ext2_dir_entry *entry,
		      int offset BL_UNUSED, int size BL_UNUSED, char *block BL_UNUSED,
		      void *context)
{
	struct ext_walk *walk = context;
	size_t length = (size_t)ext2fs_dirent_name_len(entry);

	walk->has_any = true;
	if ((length == 1 && entry->name[0] == '.') ||
	    (length == 2 && entry->name[0] == '.' && entry->name[1] == '.'))
		return 0;
	/* Inodes below the first are the filesystem's own; the root below itself would be a loop. */
	if (entry->inode < walk->first || entry->inode > walk->last)
		return 0;
	if (walk->folder->i_flags & EXT4_ENCRYPT_FL) {
		char code[LOCKED_NAME];

		length = locked_name(walk->ext, walk->folder, entry, length, code);
		walk->error = listing_add(walk->listing, entry->inode, code, length);
	} else {
		walk->error = listing_add(walk->listing, entry->inode, entry->name, length);
	}
	return walk->error ? DIRENT_ABORT : 0;
}

static int ext_list(struct tree *tree, uint64_t number, struct listing *listing)
{
	struct ext_tree *ext = (struct ext_tree *)tree;
	struct ext2_inode_large inode;
	struct ext_walk walk = {
		.ext = ext,
		.folder = &inode,
		.listing = listing,
		.first = EXT2_FIRST_INODE(ext->fs->super),
		.last = ext->fs->super->s_inodes_count,
	};
	int error = ext_inode_read(ext, number, &inode);

	if (error)
		return error;
	if (!LINUX_S_ISDIR(inode.i_mode))
		return ENOTDIR;
	error = check_blocks(ext, number, &inode);
	if (error)
		return error;
	if (ext2fs_dir_iterate2(ext->fs, (ext2_ino_t)number, 0, NULL, each_entry, &walk))
		return EIO;
	/* libext2fs 1.47 takes an extent tree that it cannot open for no blocks (lib/ext2fs/block.c); every folder has itself in it. */
	return walk.has_any ? walk.error : EIO;
}

/* ---- maps ---- */

struct ext_mapping {
	struct ext_tree *ext;
	struct runs *runs; /* NULL: only to see that all of them may be a file's */
	uint64_t size;
	int error;
	bool is_journaled;
};

static int map_blocks(struct ext_mapping *mapping, uint64_t logical, uint64_t physical,
		      uint64_t count)
{
	uint64_t unit = mapping->ext->fs->blocksize;
	const struct tree *tree = &mapping->ext->base;
	uint64_t end;

	if (__builtin_add_overflow(physical, count, &end) || end > tree->length / unit ||
	    !ext_is_data(mapping->ext, physical, count))
		return EIO;
	mapping->is_journaled |= overlay_touches(&mapping->ext->overlay, physical, count);
	if (!mapping->runs)
		return 0;
	return runs_add(mapping->runs, mapping->size, logical * unit,
			tree->offset + physical * unit, count * unit);
}

static int each_block(ext2_filsys fs, blk64_t *physical, e2_blkcnt_t logical,
		      blk64_t around BL_UNUSED, int offset BL_UNUSED, void *context)
{
	struct ext_mapping *mapping = context;

	if (logical < 0) { /* a block of pointers */
		mapping->error = ext_is_data(mapping->ext, *physical, 1) ? 0 : EIO;
		return mapping->error ? BLOCK_ABORT : 0;
	}
	if ((uint64_t)logical * fs->blocksize >= mapping->size)
		return BLOCK_ABORT;
	mapping->error = map_blocks(mapping, (uint64_t)logical, *physical, 1);
	return mapping->error ? BLOCK_ABORT : 0;
}

static int walk_extents(const struct ext_tree *ext, ext2_extent_handle_t handle,
			ext_extent_fn *tell, void *context)
{
	struct ext2fs_extent extent;
	uint64_t next = 0;
	int error = 0;
	errcode_t code = ext2fs_extent_get(handle, EXT2_EXTENT_ROOT, &extent);

	for (; !code && !error; code = ext2fs_extent_get(handle, EXT2_EXTENT_NEXT, &extent)) {
		if (extent.e_flags & EXT2_EXTENT_FLAGS_SECOND_VISIT)
			continue;
		if (!(extent.e_flags & EXT2_EXTENT_FLAGS_LEAF)) {
			error = ext_is_data(ext, extent.e_pblk, 1) ? 0 : EIO;
			continue;
		}
		error = extent.e_lblk < next || !extent.e_len ? EIO : tell(context, &extent);
		next = extent.e_lblk + extent.e_len;
	}
	if (error)
		return error == EXT_ENOUGH ? 0 : error;
	/* An empty tree has no current node; anything else that ended the walk early is damage. */
	return code && code != EXT2_ET_EXTENT_NO_NEXT && code != EXT2_ET_NO_CURRENT_NODE ? EIO : 0;
}

int ext_each_extent(struct ext_tree *ext, uint64_t number, struct ext2_inode *inode,
		    ext_extent_fn *tell, void *context)
{
	ext2_extent_handle_t handle = NULL;

	if (ext2fs_extent_open2(ext->fs, (ext2_ino_t)number, inode, &handle))
		return EIO;
	int error = walk_extents(ext, handle, tell, context);

	ext2fs_extent_free(handle);
	return error;
}

/* Unwritten ones are holes: their blocks still hold bytes of deleted files. */
static int map_extent(void *context, const struct ext2fs_extent *extent)
{
	struct ext_mapping *mapping = context;

	if (extent->e_lblk * (uint64_t)mapping->ext->fs->blocksize >= mapping->size)
		return EXT_ENOUGH;
	if (extent->e_flags & EXT2_EXTENT_FLAGS_UNINIT)
		return 0;
	return map_blocks(mapping, extent->e_lblk, extent->e_pblk, extent->e_len);
}

static int map_inode(struct ext_mapping *mapping, ext2_ino_t number, struct ext2_inode *inode)
{
	int error;

	if (inode->i_flags & EXT4_EXTENTS_FL)
		error = ext_each_extent(mapping->ext, number, inode, map_extent, mapping);
	else if (ext2fs_block_iterate3(mapping->ext->fs, number, BLOCK_FLAG_READ_ONLY, NULL,
				       each_block, mapping))
		error = EIO;
	else
		error = mapping->error;
	/* Contents that went through the journal are read, not mapped. */
	return !error && mapping->is_journaled ? ENODATA : error;
}

/* Before libext2fs reads a folder or a link by itself: what is named deeper than in the inode, too, is no table. */
static int check_blocks(struct ext_tree *ext, uint64_t number, struct ext2_inode_large *inode)
{
	struct ext_mapping mapping = {.ext = ext, .size = EXT2_I_SIZE(inode)};

	if (inode->i_flags & EXT4_INLINE_DATA_FL)
		return 0;
	int error = map_inode(&mapping, (ext2_ino_t)number, (struct ext2_inode *)inode);

	return error == ENODATA ? 0 : error;
}

static int ext_map(struct tree *tree, uint64_t number, struct runs *runs)
{
	struct ext_tree *ext = (struct ext_tree *)tree;
	struct ext2_inode_large inode;
	struct ext_mapping mapping = {.ext = ext, .runs = runs};
	int error = ext_inode_read(ext, number, &inode);

	if (error)
		return error;
	if (!LINUX_S_ISREG(inode.i_mode))
		return LINUX_S_ISDIR(inode.i_mode) ? EISDIR : EINVAL;
	if (inode.i_flags & EXT4_ENCRYPT_FL)
		return ENOKEY;
	mapping.size = EXT2_I_SIZE(&inode);
	if (mapping.size > READER_FILE_LIMIT)
		return EFBIG;
	if (!mapping.size)
		return 0;
	if (inode.i_flags & EXT4_INLINE_DATA_FL)
		return ENODATA;
	return map_inode(&mapping, (ext2_ino_t)number, (struct ext2_inode *)&inode);
}

/* ---- contents without a map, and links ---- */

static int read_through(struct ext_tree *ext, uint64_t number, struct ext2_inode *inode,
			uint64_t offset, uint8_t *out, size_t length, size_t *out_length)
{
	ext2_file_t file = NULL;
	size_t done = 0;
	errcode_t code = ext2fs_file_open2(ext->fs, (ext2_ino_t)number, inode, 0, &file);

	if (code)
		return EIO;
	code = ext2fs_file_llseek(file, offset, EXT2_SEEK_SET, NULL);
	while (!code && done < length) {
		unsigned got = 0;

		code = ext2fs_file_read(file, out + done, (unsigned)(length - done), &got);
		if (!got)
			break;
		done += got;
	}
	ext2fs_file_close(file);
	*out_length = done;
	return code ? EIO : 0;
}

static int ext_read(struct tree *tree, uint64_t number, uint64_t offset, uint8_t *out,
		    size_t length, size_t *out_length)
{
	struct ext_tree *ext = (struct ext_tree *)tree;
	struct ext2_inode_large inode;
	int error = ext_inode_read(ext, number, &inode);

	if (error)
		return error;
	if (!LINUX_S_ISREG(inode.i_mode))
		return LINUX_S_ISDIR(inode.i_mode) ? EISDIR : EINVAL;
	if (inode.i_flags & EXT4_ENCRYPT_FL)
		return ENOKEY;
	uint64_t size = EXT2_I_SIZE(&inode);
	if (size > READER_FILE_LIMIT)
		return EFBIG;
	*out_length = 0;
	if (offset >= size)
		return 0;
	/* libext2fs hands out the whole inline area, also behind the end of the file. */
	length = (size_t)BL_MIN((uint64_t)length, size - offset);
	error = read_through(ext, number, (struct ext2_inode *)&inode, offset, out, length,
			     out_length);
	/* A hole at the end of what is inline (mke2fs -d makes such files) is none of libext2fs's, and zeros to the kernel. */
	if (!error && (inode.i_flags & EXT4_INLINE_DATA_FL) && *out_length < length) {
		memset(out + *out_length, 0, length - *out_length);
		*out_length = length;
	}
	return error;
}

/* What is in the inode, or in the link's own block; not more than LINK_LIMIT. */
static int link_bytes(struct ext_tree *ext, uint64_t number, struct ext2_inode_large *inode,
		      char *out, size_t size, size_t *out_length)
{
	if (!inode->i_size || inode->i_size > BL_MIN(size, (size_t)LINK_LIMIT))
		return EIO;
	if (ext2fs_is_fast_symlink((struct ext2_inode *)inode)) {
		if (inode->i_size > FAST_LINK_BYTES)
			return EIO;
		memcpy(out, inode->i_block, inode->i_size);
		*out_length = inode->i_size;
		return 0;
	}
	int error = check_blocks(ext, number, inode);

	if (!error)
		error = read_through(ext, number, (struct ext2_inode *)inode, 0, (uint8_t *)out,
				     inode->i_size, out_length);
	return !error && *out_length != inode->i_size ? EIO : error;
}

/* linux/fs/crypto/fscrypt_private.h, "struct fscrypt_symlink_data": a length of two bytes, and the encrypted target. */
static int link_code(char *out, size_t size, size_t *inout_length)
{
	static const uint32_t NO_HASHES[2] = {0, 0};
	const uint8_t *bytes = (const uint8_t *)out;
	size_t length = *inout_length > 2 ? bytes[0] | (size_t)bytes[1] << 8 : 0;
	char code[LOCKED_NAME];

	if (!length || length > *inout_length - 2 || size < sizeof(code))
		return EIO;
	*inout_length = locked_code(NO_HASHES, bytes + 2, length, code);
	memcpy(out, code, *inout_length);
	return 0;
}

static int ext_link(struct tree *tree, uint64_t number, char *out, size_t size, size_t *out_length)
{
	struct ext_tree *ext = (struct ext_tree *)tree;
	struct ext2_inode_large inode;
	int error = ext_inode_read(ext, number, &inode);

	if (error)
		return error;
	if (!LINUX_S_ISLNK(inode.i_mode))
		return EINVAL;
	error = link_bytes(ext, number, &inode, out, size, out_length);
	return !error && (inode.i_flags & EXT4_ENCRYPT_FL) ? link_code(out, size, out_length)
							   : error;
}

/* ---- opening ---- */

static void ext_close(struct tree *tree)
{
	struct ext_tree *ext = (struct ext_tree *)tree;

	if (ext->fs)
		ext2fs_free(ext->fs);
	overlay_done(&ext->overlay);
	runs_done(&ext->tables);
	free(ext);
}

static const struct tree_ops OPS = {
	.list = ext_list,
	.stat = ext_stat,
	.map = ext_map,
	.read = ext_read,
	.link = ext_link,
	.xattrs = ext_xattrs,
	.places = ext_places,
	.used = ext_used,
	.close = ext_close,
};

static const char *type_of(const struct ext2_super_block *super)
{
	/* As mke2fs and the kernel tell them apart: any feature that ext3 lacks makes it ext4. */
	if ((super->s_feature_incompat &
	     ~(uint32_t)(EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_RECOVER |
			 EXT3_FEATURE_INCOMPAT_JOURNAL_DEV | EXT2_FEATURE_INCOMPAT_META_BG)) ||
	    (super->s_feature_ro_compat &
	     ~(uint32_t)(EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE)))
		return "ext4";
	return super->s_feature_compat & EXT3_FEATURE_COMPAT_HAS_JOURNAL ? "ext3" : "ext2";
}

/* A root without a single entry, not even lost+found, in a volume that counts files: do not show it as empty. */
static bool is_wrongly_empty(struct ext_tree *ext)
{
	static const uint8_t no_secret[READER_KEY];
	struct listing listing;
	const struct ext2_super_block *super = ext->fs->super;
	uint32_t used = super->s_inodes_count - super->s_free_inodes_count;
	bool is_empty = false;

	listing_init(&listing, no_secret);
	is_empty = !ext_list(&ext->base, EXT2_ROOT_INO, &listing) && !listing.count;
	listing_done(&listing);
	return is_empty && used > EXT2_FIRST_INODE(super);
}

static errcode_t open_fs(struct ext_tree *ext)
{
	char name[2 * sizeof(uintptr_t) + 3];

	snprintf(name, sizeof(name), "%" PRIxPTR, (uintptr_t)ext);
	/* Never ext2fs_open: libtsk exports that name as well, and comes first (docs/reader.md, "Traps"). */
	errcode_t code = ext2fs_open2(name, NULL, EXT2_FLAG_64BITS, 0, 0,
				      (io_manager)(uintptr_t)&MANAGER, &ext->fs);
	if (code) {
		ext->fs = NULL;
		return code;
	}
	ext->fs->priv_data = ext;
	ext->fs->read_inode = inode_asked;
	return 0;
}

int ext_journal(struct ext_tree *ext, struct runs *runs)
{
	struct ext2_inode inode;
	ext2_ino_t number = ext->fs->super->s_journal_inum;
	struct ext_mapping mapping = {.ext = ext, .runs = runs};

	if (!number || number > ext->fs->super->s_inodes_count ||
	    ext2fs_read_inode(ext->fs, number, &inode) || !LINUX_S_ISREG(inode.i_mode))
		return EIO;
	mapping.size = EXT2_I_SIZE(&inode);
	if (mapping.size > READER_FILE_LIMIT)
		return EFBIG;
	return map_inode(&mapping, number, &inode);
}

/* Open once to find the journal, and again with what it holds put over the volume. */
static const char *replay(struct ext_tree *ext)
{
	struct runs runs = {0};
	int error = ext_journal(ext, &runs);

	if (!error)
		error = journal_replay(ext->base.blocks, &runs, ext->fs->blocksize, &ext->overlay);
	runs_done(&runs);
	if (error == EOPNOTSUPP)
		return "ext4 with an unclean journal of a kind that is not replayed here";
	if (error)
		return "ext filesystem with an unclean journal that is damaged";
	ext2fs_free(ext->fs);
	return open_fs(ext) ? "ext filesystem that its unclean journal makes unreadable" : NULL;
}

/* A descriptor says where a group's inodes are; libext2fs reads its checksum and does not look at it. */
static bool are_groups_whole(struct ext_tree *ext)
{
	for (dgrp_t group = 0; group < ext->fs->group_desc_count; group++)
		if (!ext2fs_group_desc_csum_verify(ext->fs, group))
			return false;
	return true;
}

static const char *open_checked(struct ext_tree *ext)
{
	struct ext2_inode_large root;
	const char *notice = NULL;
	errcode_t code = open_fs(ext);

	if (code == EXT2_ET_UNSUPP_FEATURE || code == EXT2_ET_RO_UNSUPP_FEATURE)
		return "ext filesystem with features not known here";
	if (code)
		return "ext filesystem whose superblock or group table is damaged";
	if (ext->fs->super->s_feature_incompat & EXT3_FEATURE_INCOMPAT_JOURNAL_DEV)
		return "an external ext journal, not a filesystem";
	if (ext->fs->super->s_feature_incompat & EXT3_FEATURE_INCOMPAT_RECOVER)
		notice = replay(ext);
	if (notice)
		return notice;
	if (!are_groups_whole(ext) || ext_tables_find(ext))
		return "ext filesystem whose superblock or group table is damaged";
	if (ext_inode_read(ext, EXT2_ROOT_INO, &root) || !LINUX_S_ISDIR(root.i_mode))
		return "ext filesystem whose root directory is damaged";
	return is_wrongly_empty(ext) ? "ext filesystem that counts files and lists none" : NULL;
}

int ext_open(struct blocks *blocks, uint64_t offset, uint64_t length, struct tree **out_tree,
	     const char **out_notice)
{
	struct ext_tree *ext = calloc(1, sizeof(*ext));

	if (!ext)
		return EIO;
	ext->base =
		(struct tree){&OPS, blocks, offset, length, EXT2_ROOT_INO, "", false, NAMES_BYTES};
	const char *notice = open_checked(ext);
	if (notice) {
		*out_notice = notice;
		ext_close(&ext->base);
		return EIO;
	}
	strcpy(ext->base.type, type_of(ext->fs->super));
	*out_tree = &ext->base;
	return 0;
}
