/* sleuth.h - an open filesystem of libtsk's; private to sleuth.c, sleuth-places.c, exfat.c, fat-slots.c, hfs-catalog.c */
#ifndef FS_IMAGE_READER_SLEUTH_H
#define FS_IMAGE_READER_SLEUTH_H

#include "fs/image/reader/reader.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wundef"
#include <tsk/libtsk.h>
#pragma GCC diagnostic pop

#define SLEUTH_SECTOR 512

struct sleuth_tree {
	struct tree base;
	TSK_FS_INFO *fs;
	TSK_FS_FILE *file; /* the last one opened: a file is read in units, one after another */
	uint64_t file_inode;
	uint64_t first_inode; /* lower ones, the root excepted, are the filesystem's own */
	uint64_t exfat_heap, exfat_cluster,
		exfat_fat; /* bytes from the volume's start, of a cluster, of the FAT */
};

/* sleuth_file_open - ENOENT: none, deleted, or the filesystem's own; the file is the tree's until the next call */
int sleuth_file_open(struct sleuth_tree *sleuth, uint64_t inode,
		     TSK_FS_FILE **out_file) BL_MUST_CHECK;

/* exfat_layout - the three numbers of @sleuth; EIO: the boot sectors make no sense, or their checksum does not verify */
int exfat_layout(struct sleuth_tree *sleuth) BL_MUST_CHECK;
/*
 * exfat_written - how many bytes of a file were ever written: its ValidDataLength, behind which the clusters still hold what somebody
 * deleted, and libtsk does not look. @inode as libtsk numbers the 32-byte slots of the heap, from 3 on; not the root. EIO: no set of
 * entries of a file begins there, or its checksum does not verify
 */
int exfat_written(const struct sleuth_tree *sleuth, uint64_t inode,
		  uint64_t *out_bytes) BL_MUST_CHECK;

/*
 * slots_check - what a folder of FAT or exFAT has and libtsk left out of @dir: FAT's under its short name, so that asking for it is an
 * error; of exFAT EIO, as when the folder cannot be read
 */
int slots_check(const struct sleuth_tree *sleuth, TSK_FS_DIR *dir,
		struct listing *listing) BL_MUST_CHECK;

/* hfs_names - how many names a folder of HFS+ has in the catalog; EIO: the part of it that the folder is in is damaged */
int hfs_names(struct sleuth_tree *sleuth, uint64_t folder, uint64_t *out_count) BL_MUST_CHECK;
/* hfs_overflow_check - EIO: the tree of extents, in which libtsk looks for those of every file, goes round or ends early */
int hfs_overflow_check(struct sleuth_tree *sleuth) BL_MUST_CHECK;

/* slot_is_label - is this slot of FAT the volume's label, and no file? What cannot be read is none: it is listed, as an error */
bool slot_is_label(const struct sleuth_tree *sleuth, uint64_t inode);

int sleuth_places(struct tree *tree, uint64_t inode, struct runs *runs);
int sleuth_used(struct tree *tree, uint64_t cursor, struct runs *runs, uint64_t *out_next);

#endif
