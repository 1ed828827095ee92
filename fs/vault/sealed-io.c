#include "fs/vault/sealed-io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int real_open_at(void *context BL_UNUSED, int dir_fd, const char *name, int flags,
			unsigned mode)
{
	return openat(dir_fd, name, flags, (mode_t)mode);
}

static int real_make_folder(void *context BL_UNUSED, int dir_fd, const char *name)
{
	return mkdirat(dir_fd, name, 0700);
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

static int real_resize(void *context BL_UNUSED, int fd, uint64_t length)
{
	return ftruncate(fd, (off_t)length);
}

static int real_sync(void *context BL_UNUSED, int fd)
{
	return fdatasync(fd);
}

static int real_sync_folder(void *context BL_UNUSED, int fd)
{
	return fsync(fd);
}

static int real_rename_at(void *context BL_UNUSED, int dir_fd, const char *from, const char *to)
{
	return renameat(dir_fd, from, dir_fd, to);
}

static int real_remove_at(void *context BL_UNUSED, int dir_fd, const char *name, bool is_folder)
{
	return unlinkat(dir_fd, name, is_folder ? AT_REMOVEDIR : 0);
}

const struct sealed_io *sealed_io_real(void)
{
	static const struct sealed_io REAL = {
		.open_at = real_open_at,
		.make_folder = real_make_folder,
		.write_at = real_write_at,
		.resize = real_resize,
		.sync = real_sync,
		.sync_folder = real_sync_folder,
		.rename_at = real_rename_at,
		.remove_at = real_remove_at,
	};

	return &REAL;
}

static enum bl_status fail_io(struct bl_error *why, const char *what)
{
	if (errno == EFBIG)
		return bl_fail(
			why, BL_TOO_LARGE,
			"the filesystem below holds no file as large as the image's %s (ext4 "
			"ends at 16 TiB: move the store to xfs)",
			what);
	return bl_fail_errno(why, BL_IO, "cannot write the image's %s", what);
}

enum bl_status sealed_io_write(const struct sealed_io *io, int fd, const void *bytes, size_t length,
			       uint64_t offset, const char *what, struct bl_error *why)
{
	ssize_t put = io->write_at(io->context, fd, bytes, length, offset);

	if (put < 0)
		return fail_io(why, what);
	if ((size_t)put != length)
		return bl_fail(why, BL_IO, "cannot write the image's %s: no space left", what);
	return BL_OK;
}

enum bl_status sealed_io_resize(const struct sealed_io *io, int fd, uint64_t length,
				const char *what, struct bl_error *why)
{
	if (io->resize(io->context, fd, length) != 0)
		return fail_io(why, what);
	return BL_OK;
}

enum bl_status sealed_io_sync(const struct sealed_io *io, int fd, const char *what,
			      struct bl_error *why)
{
	if (io->sync(io->context, fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync the image's %s", what);
	return BL_OK;
}

enum bl_status sealed_io_sync_folder(const struct sealed_io *io, int fd, const char *what,
				     struct bl_error *why)
{
	if (io->sync_folder(io->context, fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync %s", what);
	return BL_OK;
}

enum bl_status sealed_io_create(const struct sealed_io *io, int dir_fd, const char *name, int flags,
				int *out_fd, struct bl_error *why)
{
	int fd = io->open_at(io->context, dir_fd, name,
			     flags | O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot make the image's %s", name);
	*out_fd = fd;
	return BL_OK;
}

enum bl_status sealed_read_at(int fd, void *out, size_t length, uint64_t offset, const char *what,
			      struct bl_error *why)
{
	uint8_t *bytes = out;
	size_t done = 0;

	while (done < length) {
		ssize_t got =
			pread(fd, bytes + done, length - done, (off_t)(offset + (uint64_t)done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bl_fail_errno(why, BL_IO, "cannot read the image's %s", what);
		if (got == 0)
			break;
		done += (size_t)got;
	}
	memset(bytes + done, 0, length - done);
	return BL_OK;
}
