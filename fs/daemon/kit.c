#include "fs/daemon/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

static enum bl_status write_all(int fd, const char *text, size_t length, struct bl_error *why)
{
	ssize_t put = write(fd, text, length);

	if (put < 0)
		return bl_fail_errno(why, BL_IO, "cannot write the auditor's kit");
	if ((size_t)put != length)
		return bl_fail(why, BL_IO, "cannot write the auditor's kit: no space left");
	if (fsync(fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync the auditor's kit");
	return BL_OK;
}

enum bl_status kit_keep(int folder_fd, const char *name, const struct audit_kit *kit,
			bool may_replace, struct bl_error *why)
{
	char text[AUDIT_KIT_TEXT];
	size_t length = audit_kit_format(kit, text);
	int how = may_replace ? O_TRUNC : O_EXCL;
	BL_CLEANUP(fd_close)
	int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | how, 0600);
	enum bl_status status = BL_OK;

	if (fd < 0 && errno == EEXIST)
		status =
			bl_fail(why, BL_EXISTS,
				"there is a file '%.200s' already (give --kit another name)", name);
	else if (fd < 0 || fchmod(fd, 0600) != 0)
		status = bl_fail_errno(why, BL_IO, "cannot make the auditor's kit '%.200s'", name);
	if (status == BL_OK)
		status = write_all(fd, text, length, why);
	if (status == BL_OK && fsync(folder_fd) != 0)
		status = bl_fail_errno(why, BL_IO, "cannot sync the folder of the auditor's kit");
	sodium_memzero(text, sizeof(text));
	/* Half a kit is none, and would be in the way of the next one. */
	if (status != BL_OK && fd >= 0 && !may_replace)
		unlinkat(folder_fd, name, 0);
	return status;
}
