/* debug.c - what -d says of a request: its kind, its node's number and who asks. Names, offsets and contents are the device's, or tell of it */
#include "fs/serve/private.h"

#include <inttypes.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>

/* include/uapi/linux/fuse.h, enum fuse_opcode: those that a view is sent */
static const struct {
	uint32_t opcode;
	const char *name;
} KINDS[] = {
	{FUSE_LOOKUP, "lookup"},
	{FUSE_FORGET, "forget"},
	{FUSE_GETATTR, "getattr"},
	{FUSE_SETATTR, "setattr"},
	{FUSE_READLINK, "readlink"},
	{FUSE_SYMLINK, "symlink"},
	{FUSE_MKNOD, "mknod"},
	{FUSE_MKDIR, "mkdir"},
	{FUSE_UNLINK, "unlink"},
	{FUSE_RMDIR, "rmdir"},
	{FUSE_RENAME, "rename"},
	{FUSE_LINK, "link"},
	{FUSE_OPEN, "open"},
	{FUSE_READ, "read"},
	{FUSE_WRITE, "write"},
	{FUSE_STATFS, "statfs"},
	{FUSE_RELEASE, "release"},
	{FUSE_SETXATTR, "setxattr"},
	{FUSE_GETXATTR, "getxattr"},
	{FUSE_LISTXATTR, "listxattr"},
	{FUSE_REMOVEXATTR, "removexattr"},
	{FUSE_INIT, "init"},
	{FUSE_OPENDIR, "opendir"},
	{FUSE_READDIR, "readdir"},
	{FUSE_RELEASEDIR, "releasedir"},
	{FUSE_CREATE, "create"},
	{FUSE_INTERRUPT, "interrupt"},
	{FUSE_DESTROY, "destroy"},
	{FUSE_BATCH_FORGET, "forget"},
	{FUSE_FALLOCATE, "fallocate"},
	{FUSE_READDIRPLUS, "readdirplus"},
	{FUSE_RENAME2, "rename"},
};

static const char *name_of(uint32_t opcode)
{
	for (size_t i = 0; i < BL_COUNT(KINDS); i++)
		if (KINDS[i].opcode == opcode)
			return KINDS[i].name;
	return "other";
}

void debug_request(const void *bytes, size_t length)
{
	struct fuse_in_header head;

	if (length < sizeof(head))
		return;
	memcpy(&head, bytes, sizeof(head));
	fprintf(stderr, "debug: serve: %s of node %" PRIu64 " by uid %u, pid %u\n",
		name_of(head.opcode), (uint64_t)head.nodeid, head.uid, head.pid);
}
