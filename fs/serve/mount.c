#include "fs/serve/serve.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

static enum bl_status configure(int config_fd, int fuse_fd, uid_t uid, gid_t gid,
				struct bl_error *why)
{
	char fd_text[16], uid_text[16], gid_text[16], read_text[16];
	const struct {
		const char *key, *value;
	} STRINGS[] = {
		{"source", "bailee"},	 {"subtype", "bailee"}, {"fd", fd_text},
		{"rootmode", "40000"},	 {"user_id", uid_text}, {"group_id", gid_text},
		{"max_read", read_text},
	};

	snprintf(fd_text, sizeof(fd_text), "%d", fuse_fd);
	snprintf(uid_text, sizeof(uid_text), "%u", uid);
	snprintf(gid_text, sizeof(gid_text), "%u", gid);
	snprintf(read_text, sizeof(read_text), "%u", (unsigned)SERVE_MAX_READ);
	for (size_t i = 0; i < BL_COUNT(STRINGS); i++)
		if (fsconfig(config_fd, FSCONFIG_SET_STRING, STRINGS[i].key, STRINGS[i].value, 0) <
		    0)
			return bl_fail_errno(why, BL_FAILED, "cannot set mount option %s",
					     STRINGS[i].key);
	if (fsconfig(config_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    fsconfig(config_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return bl_fail_errno(why, BL_FAILED, "cannot make the FUSE mount");
	return BL_OK;
}

enum bl_status serve_mount(uid_t uid, gid_t gid, int *out_mount_fd, int *out_fuse_fd,
			   struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	BL_CLEANUP(fd_close) int config_fd = fsopen("fuse", FSOPEN_CLOEXEC);

	if (fuse_fd < 0 || config_fd < 0)
		return bl_fail_errno(why, BL_FAILED,
				     "cannot open /dev/fuse (load the kernel module 'fuse')");

	enum bl_status status = configure(config_fd, fuse_fd, uid, gid, why);

	if (status != BL_OK)
		return status;

	int mount_fd = fsmount(config_fd, FSMOUNT_CLOEXEC,
			       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				       MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME);

	if (mount_fd < 0)
		return bl_fail_errno(why, BL_FAILED, "cannot make the FUSE mount");
	*out_mount_fd = mount_fd;
	*out_fuse_fd = fd_take(&fuse_fd);
	return BL_OK;
}
