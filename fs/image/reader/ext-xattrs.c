/* Extended attributes of ext2, ext3 and ext4: those that the kernel shows, by the names that it shows them by. */
#include "fs/image/reader/ext.h"

#include <errno.h>
#include <string.h>

struct collecting {
	struct ext2_xattr_handle *handle;
	struct xattr_pack *pack;
	int error;
};

/* xattr(7), and fs/ext4/xattr.c of Linux: inline data, encryption contexts and the Hurd's own lie in the same place, and are none. */
static bool is_shown(const char *name)
{
	static const char *const PREFIXES[] = {"user.", "trusted.", "security."};

	for (size_t i = 0; i < BL_COUNT(PREFIXES); i++)
		if (!strncmp(name, PREFIXES[i], strlen(PREFIXES[i])))
			return true;
	return false;
}

/* Stored in a shorter form than it is shown in: libext2fs translates when it is asked for one by name. */
static bool is_acl(const char *name)
{
	return !strcmp(name, "system.posix_acl_access") ||
	       !strcmp(name, "system.posix_acl_default");
}

static int pack_acl(struct collecting *collecting, const char *name)
{
	void *value = NULL;
	size_t length = 0;

	if (ext2fs_xattr_get(collecting->handle, name, &value, &length))
		return EIO;
	int error = xattr_pack(collecting->pack, name, strlen(name), value, length);

	ext2fs_free_mem(&value);
	return error;
}

static int each_xattr(char *name, char *value, size_t length, void *context)
{
	struct collecting *collecting = context;

	if (is_acl(name))
		collecting->error = pack_acl(collecting, name);
	else if (is_shown(name))
		collecting->error = xattr_pack(collecting->pack, name, strlen(name), value, length);
	return collecting->error ? XATTR_ABORT : 0;
}

int ext_xattrs(struct tree *tree, uint64_t number, struct xattr_pack *pack)
{
	struct ext_tree *ext = (struct ext_tree *)tree;
	struct collecting collecting = {.pack = pack};
	struct ext2_inode_large inode;
	int error = ext_inode_read(ext, number, &inode);

	if (error)
		return error;
	errcode_t code = ext2fs_xattrs_open(ext->fs, (ext2_ino_t)number, &collecting.handle);

	if (code)
		return code == EXT2_ET_MISSING_EA_FEATURE ? 0 : EIO;
	/* Checked there: the block's checksum, each value's own hash where it has an inode of its own. */
	if (ext2fs_xattrs_read(collecting.handle) ||
	    ext2fs_xattrs_iterate(collecting.handle, each_xattr, &collecting))
		error = EIO;
	ext2fs_xattrs_close(&collecting.handle);
	return collecting.error ? collecting.error : error;
}
