/* medium.h - what lies below a file: is an overwrite in place true there, where do its bytes lie, read them past everything
 *
 * Measured (docs/format-vault.md, SECURITY.md): on ext2/3/4 (not data=journal) and xfs an overwrite in place reaches the old bytes;
 * on btrfs, overlay and with data=journal it leaves them.
 */
#ifndef FS_VAULT_MEDIUM_H
#define FS_VAULT_MEDIUM_H

#include <sys/types.h>

#include "policy/base.h"

#define MEDIUM_EXTENTS 65536 /* of one file, at most */
#define MEDIUM_ALIGN   4096u /* O_DIRECT: of memory, offsets and lengths */

struct medium_extent {
	uint64_t logical, physical, length; /* bytes: in the file, on the block device */
};
struct medium_layout {
	struct medium_extent *items;
	size_t count, room;
};
void medium_layout_free(struct medium_layout *layout); /* the items, not the struct */

/*
 * medium_layout_read - where the bytes [0, @size) of @fd lie
 *
 * @allows_holes  false: BL_UNSUPPORTED for a file with holes or unwritten extents (old bytes may lie where no file points);
 *                true: what is a hole is left out of the layout
 * BL_UNSUPPORTED: some lie nowhere, are not this file's alone, or are stored in another form. BL_TOO_LARGE is BL_UNSUPPORTED here.
 */
enum bl_status medium_layout_read(int fd, uint64_t size, bool allows_holes,
				  struct medium_layout *out_layout,
				  struct bl_error *why) BL_MUST_CHECK;

/* What a file or folder lies on. */
struct medium {
	char filesystem
		[16]; /* "ext2/3/4", "xfs", "btrfs", "overlay", "tmpfs", "nfs", ... or "0x1234" */
	unsigned major, minor;
	char disk[64];	    /* kernel name of the block device, "loop0"; "" when there is none */
	bool is_good;	    /* an overwrite in place reaches the bytes */
	bool has_no_medium; /* tmpfs: good, but nothing below can be read */
	char trouble
		[256]; /* when not good: what it is and the way out, as a clause: "lies on btrfs, where ... (move it to ext4 or xfs)" */
};
/* medium_look - BL_OK also when it is not good; BL_IO. Folders too (what is made in them will lie there) */
enum bl_status medium_look(int fd, struct medium *out_medium, struct bl_error *why) BL_MUST_CHECK;

/*
 * medium_check_file - may this one file be destroyed in place, truthfully?
 *
 * Refuses (BL_UNSUPPORTED, "the image cannot be destroyed truthfully: it ...", with the way out) directories, block devices, other
 * hard links, flags (journalled, compressed, encrypted, inline, immutable, append-only, verity, xfs real-time), holes, unwritten
 * or shared extents, and what medium_look calls not good.
 */
enum bl_status medium_check_file(int fd, struct bl_error *why) BL_MUST_CHECK;

/* medium_open_disk - the block device itself, O_RDONLY|O_DIRECT; -1 when it cannot be had (or is not that device any more) */
int medium_open_disk(unsigned major, unsigned minor, const char *disk);

/*
 * medium_read_raw - bytes [offset, offset + length) of a file from the block device, past filesystem and page cache
 *
 * @offset, @length  multiples of MEDIUM_ALIGN; @out aligned to it
 * BL_OK, BL_UNSUPPORTED (no block device, layout not to be had, a hole), BL_IO.
 */
enum bl_status medium_read_raw(int fd, uint64_t offset, void *out, size_t length,
			       struct bl_error *why) BL_MUST_CHECK;

#endif
