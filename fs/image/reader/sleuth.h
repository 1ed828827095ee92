/* sleuth.h - an open filesystem of libtsk's; private to sleuth.c and sleuth-places.c */
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

int sleuth_places(struct tree *tree, uint64_t inode, struct runs *runs);
int sleuth_used(struct tree *tree, uint64_t cursor, struct runs *runs, uint64_t *out_next);

#endif
