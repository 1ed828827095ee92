/* A medium's bytes: past the page cache where that works, so that what is judged is what the medium holds. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/inspect/private.h"

static ssize_t read_fd(const struct inspect_source *source, uint8_t *out, size_t length,
		       uint64_t offset)
{
	if (source->direct_fd >= 0) {
		size_t whole = (length + INSPECT_PIECE - 1) / INSPECT_PIECE * INSPECT_PIECE;
		ssize_t got = pread(source->direct_fd, out, whole, (off_t)offset);

		if (got >= 0 && ((size_t)got % INSPECT_PIECE == 0 || (size_t)got >= length))
			return BL_MIN(got, (ssize_t)length);
		if (got < 0 && errno != EINVAL)
			return got;
	}
	/* An odd end of a medium that takes no half sectors, or none of it directly at all. */
	ssize_t got = pread(source->fd, out, length, (off_t)offset);

	if (got > 0)
		(void)posix_fadvise(source->fd, (off_t)offset, got, POSIX_FADV_DONTNEED);
	return got;
}

static uint64_t size_of(int fd)
{
	struct stat stat;
	uint64_t bytes = 0;

	if (fstat(fd, &stat) != 0)
		return 0;
	if (S_ISREG(stat.st_mode))
		return (uint64_t)stat.st_size;
	return ioctl(fd, BLKGETSIZE64, &bytes) == 0 ? bytes : 0;
}

/* Through /proc it is the same medium, whatever its name means by now, with an offset and flags of its own. */
static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
}

/*
 * Alone (open(2): of a block device O_EXCL without O_CREAT fails when the system uses it, and keeps others from mounting it): what is mounted
 * may be written long after it was read. What was written past the page cache (a drive's own erase) is not in it: it is let go of.
 */
static enum bl_status open_block_device(struct inspect_source *source, int fd, struct bl_error *why)
{
	source->fd = reopen(fd, O_EXCL);
	if (source->fd < 0 && errno == EBUSY)
		return bl_fail(why, BL_INVALID,
			       "the medium is in use: mounted, part of an array or a mapping, or "
			       "inspected already (unmount it first)");
	if (source->fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open the medium once more");
	(void)ioctl(source->fd, BLKFLSBUF, 0);
	return BL_OK;
}

/* What is written on its way to a file's disk is made to be there: some filesystems know of holes only by then. */
static enum bl_status open_file(struct inspect_source *source, int fd, struct bl_error *why)
{
	source->has_holes = true;
	source->fd = reopen(fd, 0);
	if (source->fd < 0)
		source->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (source->fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open the medium once more");
	if (fdatasync(source->fd) != 0)
		source->has_holes = false;
	return BL_OK;
}

enum bl_status inspect_source_open(struct inspect_source *source, int fd, struct bl_error *why)
{
	struct stat stat;

	*source = (struct inspect_source){.read = read_fd, .fd = -1, .direct_fd = -1};
	if (fstat(fd, &stat) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at the medium");
	if (!S_ISREG(stat.st_mode) && !S_ISBLK(stat.st_mode))
		return bl_fail(
			why, BL_INVALID,
			"the medium is neither a file nor a block device (name one of them)");
	source->size_bytes = size_of(fd);
	if (!source->size_bytes)
		return bl_fail(why, BL_INVALID,
			       "the medium has no bytes (is a card in the reader?)");

	enum bl_status status = S_ISREG(stat.st_mode) ? open_file(source, fd, why)
						      : open_block_device(source, fd, why);

	if (status != BL_OK)
		return status;
	source->direct_fd = reopen(fd, O_DIRECT);
	if (source->direct_fd < 0) /* a hint: without it everything works as well */
		(void)posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return BL_OK;
}

void inspect_source_close(struct inspect_source *source)
{
	fd_close(source->fd);
	fd_close(source->direct_fd);
	source->fd = source->direct_fd = -1;
}

static bool read_all(const struct inspect_source *source, uint8_t *out, size_t length,
		     uint64_t offset, ssize_t *out_got)
{
	do
		*out_got = source->read(source, out, length, offset);
	while (*out_got < 0 && errno == EINTR);
	return *out_got == (ssize_t)length;
}

/* The second try, piece by piece, so that one bad sector costs no more than its piece. */
static void read_pieces(const struct inspect_source *source, uint8_t *out, size_t length,
			uint64_t offset, uint8_t fill, const atomic_bool *stop,
			struct inspect_read *inout_read)
{
	for (size_t at = 0, piece; at < length; at += piece) {
		ssize_t got;

		piece = BL_MIN(INSPECT_PIECE, length - at);
		if (atomic_load_explicit(stop, memory_order_relaxed))
			piece = length - at; /* the answer will be thrown away */
		else if (read_all(source, out + at, piece, offset + at, &got))
			continue;
		else if (got >= 0) { /* it ended */
			memset(out + at + got, fill, length - at - (size_t)got);
			inout_read->short_bytes += length - at - (size_t)got;
			return;
		}
		memset(out + at, fill, piece);
		inout_read->unreadable_bytes += piece;
	}
}

void inspect_source_read(const struct inspect_source *source, uint8_t *out, size_t length,
			 uint64_t offset, uint8_t fill, const atomic_bool *stop,
			 struct inspect_read *out_read)
{
	ssize_t got;

	*out_read = (struct inspect_read){0};
	if (!read_all(source, out, length, offset, &got))
		read_pieces(source, out, length, offset, fill, stop, out_read);
}

uint64_t inspect_source_data(const struct inspect_source *source, uint64_t offset)
{
	if (!source->has_holes)
		return offset;

	off_t at = lseek(source->fd, (off_t)offset, SEEK_DATA);

	/* One that is served by a program may answer anything. */
	if (at >= 0)
		return BL_MIN(BL_MAX((uint64_t)at, offset), source->size_bytes);
	return errno == ENXIO ? source->size_bytes : offset;
}

bool inspect_source_changed(const struct inspect_source *source)
{
	return source->fd >= 0 && size_of(source->fd) != source->size_bytes;
}
