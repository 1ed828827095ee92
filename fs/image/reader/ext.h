/* ext.h - an open ext2, ext3 or ext4; private to ext*.c */
#ifndef FS_IMAGE_READER_EXT_H
#define FS_IMAGE_READER_EXT_H

#include "fs/image/reader/journal.h"

/* libext2fs's headers have inline functions that our warnings dislike. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#include <ext2fs/ext2fs.h>
#pragma GCC diagnostic pop

struct ext_tree {
	struct tree base;
	ext2_filsys fs;
	struct overlay overlay; /* what an unclean journal holds that is newer */
	struct runs tables; /* in blocks, sorted: where no file lies; none until all are known */
	bool is_torn;	    /* an inode was read though its block cannot be */
};

/* ext_inode_read - ENOENT: none, free, or the filesystem's own; EIO also: it says that it lies in the filesystem's own tables */
int ext_inode_read(struct ext_tree *ext, uint64_t number,
		   struct ext2_inode_large *out) BL_MUST_CHECK;

/* ext_inode_at - where it lies in the image; EOPNOTSUPP: also in the journal */
int ext_inode_at(struct ext_tree *ext, uint64_t number, uint64_t *out_offset) BL_MUST_CHECK;

/*
 * ext_each_extent - the leaf extents of an inode, strictly forward: a tree that points to itself ends
 *
 * ext2fs_block_iterate3 would hide which of them are unwritten. @tell: 0 to go on, EXT_ENOUGH to stop, or an errno.
 * 0, an errno of @tell, EIO (damage).
 */
#define EXT_ENOUGH (-1)
typedef int ext_extent_fn(void *context, const struct ext2fs_extent *extent);
int ext_each_extent(struct ext_tree *ext, uint64_t number, struct ext2_inode *inode,
		    ext_extent_fn *tell, void *context) BL_MUST_CHECK;

/* ext_journal - where the journal lies, as the map of a file */
int ext_journal(struct ext_tree *ext, struct runs *runs) BL_MUST_CHECK;

/*
 * ext_tables_find - what the volume keeps for itself, for those below (ext-tables.c). EIO, EFBIG, ENOMEM
 * ext_is_data     - may all of these blocks be a file's? None is a table's or behind the last one
 * ext_points_well - may all that is named in the inode itself?
 */
int ext_tables_find(struct ext_tree *ext) BL_MUST_CHECK;
bool ext_is_data(const struct ext_tree *ext, uint64_t block, uint64_t count);
bool ext_points_well(struct ext_tree *ext, uint64_t number, const struct ext2_inode_large *inode);

/*
 * locked_name - what an entry of an encrypted folder is shown as; locked_code - the same of any encrypted bytes (ext-locked.c)
 *
 * @out  NUL-terminated; returns its length
 */
#define LOCKED_NAME 256
size_t locked_name(struct ext_tree *ext, const struct ext2_inode_large *folder,
		   const struct ext2_dir_entry *entry, size_t length, char out[LOCKED_NAME]);
size_t locked_code(const uint32_t hashes[2], const uint8_t *name, size_t length,
		   char out[LOCKED_NAME]);

int ext_xattrs(struct tree *tree, uint64_t number, struct xattr_pack *pack);
int ext_places(struct tree *tree, uint64_t number, struct runs *runs);
int ext_used(struct tree *tree, uint64_t cursor, struct runs *runs, uint64_t *out_next);

#endif
