#include "fs/audit/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int real_open_at(void *context BL_UNUSED, int dir_fd, const char *name, int flags,
			unsigned mode)
{
	return openat(dir_fd, name, flags, (mode_t)mode);
}

static ssize_t real_write_at(void *context BL_UNUSED, int fd, const void *bytes, size_t length,
			     uint64_t offset)
{
	ssize_t put;

	do
		put = pwrite(fd, bytes, length, (off_t)offset);
	while (put < 0 && errno == EINTR);
	return put;
}

static int real_sync_data(void *context BL_UNUSED, int fd)
{
	return fdatasync(fd);
}

static int real_sync_dir(void *context BL_UNUSED, int dir_fd)
{
	return fsync(dir_fd);
}

static int real_rename_at(void *context BL_UNUSED, int dir_fd, const char *from, const char *to)
{
	return renameat(dir_fd, from, dir_fd, to);
}

static int64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t real_realtime_ns(void *context BL_UNUSED)
{
	return read_clock(CLOCK_REALTIME);
}

static int64_t real_boottime_ns(void *context BL_UNUSED)
{
	return read_clock(CLOCK_BOOTTIME);
}

const struct audit_io *audit_io_real(void)
{
	static const struct audit_io REAL = {
		.open_at = real_open_at,
		.write_at = real_write_at,
		.sync_data = real_sync_data,
		.sync_dir = real_sync_dir,
		.rename_at = real_rename_at,
		.realtime_ns = real_realtime_ns,
		.boottime_ns = real_boottime_ns,
	};

	return &REAL;
}

enum bl_status io_write(const struct audit_io *io, int fd, const void *bytes, size_t length,
			uint64_t offset, const char *what, struct bl_error *why)
{
	ssize_t put = io->write_at(io->context, fd, bytes, length, offset);

	if (put < 0)
		return bl_fail_errno(why, BL_IO, "cannot write %s", what);
	if ((size_t)put != length)
		return bl_fail(why, BL_IO, "cannot write %s: no space left", what);
	return BL_OK;
}

enum bl_status io_sync(const struct audit_io *io, int fd, const char *what, struct bl_error *why)
{
	if (io->sync_data(io->context, fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync %s", what);
	return BL_OK;
}

enum bl_status io_sync_folder(const struct audit_io *io, int fd, const char *what,
			      struct bl_error *why)
{
	if (io->sync_dir(io->context, fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync %s", what);
	return BL_OK;
}

enum bl_status io_rename(const struct audit_io *io, int dir_fd, const char *from, const char *to,
			 struct bl_error *why)
{
	if (io->rename_at(io->context, dir_fd, from, to) != 0)
		return bl_fail_errno(why, BL_IO, "cannot name '%s'", to);
	return BL_OK;
}

enum bl_status io_open(const struct audit_io *io, int dir_fd, const char *name, int flags,
		       int *out_fd, struct bl_error *why)
{
	int fd = io->open_at(io->context, dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open '%s'", name);
	*out_fd = fd;
	return BL_OK;
}
