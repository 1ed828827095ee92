/* A file that grows: what it holds behind the last sync is not confirmed, and is cut off again when something goes wrong. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs/cli/ship-target.h"

#define HALF_LINE (512u << 10) /* bytes; longer than any line of ours */

static enum bl_status check_ours(const struct ship_target *target, int fd, struct stat *out,
				 struct bl_error *why)
{
	if (fstat(fd, out) < 0)
		return bl_fail_errno(why, BL_IO, "cannot look at '%s'", target->path);
	if (!S_ISREG(out->st_mode) || out->st_uid != geteuid())
		return bl_fail(why, BL_INVALID,
			       "'%s' is no file of ours (give the path of a new one)",
			       target->path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return bl_fail(why, BL_EXISTS,
			       "another program writes to '%s' (end it, or give another path)",
			       target->path);
	return BL_OK;
}

/*
 * Half a line, which a crash left, is none of the events that the cursor knows. What is no beginning of one of our lines is somebody's
 * file, given by mistake.
 */
static enum bl_status cut_half_line(const struct ship_target *target, int fd, off_t *size,
				    struct bl_error *why)
{
	size_t length = (size_t)BL_MIN(*size, (off_t)HALF_LINE);
	BL_CLEANUP(bl_free) char *end = malloc(HALF_LINE);

	if (!end)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (pread(fd, end, length, *size - (off_t)length) != (ssize_t)length)
		return bl_fail_errno(why, BL_IO, "cannot read '%s'", target->path);
	const char *newline = memrchr(end, '\n', length);
	const char *half = newline ? newline + 1 : end;
	size_t left = length - (size_t)(half - end);

	if (!left)
		return BL_OK;
	if ((!newline && *size > (off_t)length) || (*half != '{' && *half != '<'))
		return bl_fail(
			why, BL_INVALID,
			"'%s' ends in something else than events (give the path of a new file)",
			target->path);
	*size -= (off_t)left;
	return ftruncate(fd, *size) == 0
		       ? BL_OK
		       : bl_fail_errno(why, BL_IO, "cannot cut '%s'", target->path);
}

/* That the name is there is as durable as what stands behind it. */
static enum bl_status sync_folder(const char *path, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *folder = strndup(path, (size_t)(strrchr(path, '/') - path) + 1);
	BL_CLEANUP(fd_close)
	int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	return fd >= 0 && fsync(fd) == 0
		       ? BL_OK
		       : bl_fail_errno(why, BL_IO, "cannot sync the folder of '%s'", path);
}

static enum bl_status file_open(struct ship_target *target, struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = open(target->path,
		      O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat facts;

	if (fd < 0)
		return bl_fail_errno(why, errno == ELOOP || errno == EISDIR ? BL_INVALID : BL_IO,
				     "cannot open '%s'", target->path);
	enum bl_status status = check_ours(target, fd, &facts, why);

	if (status == BL_OK)
		status = cut_half_line(target, fd, &facts.st_size, why);
	if (status == BL_OK)
		status = sync_folder(target->path, why);
	if (status != BL_OK)
		return status;
	target->confirmed_bytes = facts.st_size;
	target->fd = fd_take(&fd);
	return BL_OK;
}

static enum bl_status file_send(struct ship_target *target, const char *message, size_t length,
				struct bl_error *why)
{
	struct iovec pieces[] = {{(void *)(uintptr_t)message, length},
				 {(void *)(uintptr_t) "\n", 1}};
	ssize_t written = writev(target->fd, pieces, BL_COUNT(pieces));

	if (written == (ssize_t)length + 1)
		return BL_OK;
	if (written >= 0)
		errno = ENOSPC;
	return bl_fail_errno(why, BL_IO, "cannot write '%s'", target->path);
}

/* What rotates logs has put it aside: the next event goes to a new file of the name. */
static bool is_moved(const struct ship_target *target)
{
	struct stat here, there;

	return fstat(target->fd, &here) < 0 || lstat(target->path, &there) < 0 ||
	       here.st_ino != there.st_ino || here.st_dev != there.st_dev;
}

static void file_close(struct ship_target *target)
{
	struct stat facts;

	if (target->fd >= 0 && fstat(target->fd, &facts) == 0 &&
	    facts.st_size > target->confirmed_bytes)
		(void)!ftruncate(target->fd, target->confirmed_bytes);
	fd_close(target->fd);
	target->fd = -1;
}

static enum bl_status file_confirm(struct ship_target *target, struct bl_error *why)
{
	struct stat facts;

	if (fsync(target->fd) < 0 || fstat(target->fd, &facts) < 0)
		return bl_fail_errno(why, BL_IO, "cannot sync '%s'", target->path);
	target->confirmed_bytes = facts.st_size;
	if (is_moved(target))
		file_close(target);
	return BL_OK;
}

const struct ship_kind SHIP_FILE = {"file", file_open, file_send, file_confirm, file_close};
