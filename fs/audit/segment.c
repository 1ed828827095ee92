#include "fs/audit/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Read-only: written out again and again. */
static const uint8_t ZEROS[64u << 10];

uint64_t segment_size(int log_fd, uint64_t wanted)
{
	struct statvfs fs;
	uint64_t share;

	if (fstatvfs(log_fd, &fs) != 0 ||
	    __builtin_mul_overflow((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &share))
		return wanted;
	/* A quarter of what is left, so that a small disk still gets a next segment. */
	share = share / 4 / 65536 * 65536;
	return BL_MAX(BL_MIN(wanted, share), (uint64_t)SEGMENT_SMALLEST);
}

static enum bl_status fill(const struct audit_io *io, int fd, uint64_t size,
			   const atomic_bool *is_cancelled, struct bl_error *why)
{
	int failed;

	do
		failed = fallocate(fd, 0, 0, (off_t)size);
	while (failed && errno == EINTR);
	/* Where this is not supported, the zeros below allocate. */
	if (failed && errno != EOPNOTSUPP && errno != ENOSYS)
		return bl_fail_errno(why, BL_IO, "cannot allocate the next segment");
	for (uint64_t at = 0; at < size; at += sizeof(ZEROS)) {
		size_t length = (size_t)BL_MIN((uint64_t)sizeof(ZEROS), size - at);

		if (is_cancelled && atomic_load(is_cancelled))
			return BL_STALE;

		enum bl_status status =
			io_write(io, fd, ZEROS, length, at, "the next segment", why);

		if (status != BL_OK)
			return status;
	}
	return io_sync(io, fd, "the next segment", why);
}

enum bl_status segment_prepare(const struct audit_io *io, int log_fd, const char *name,
			       uint64_t size, const atomic_bool *is_cancelled,
			       struct segment *out_spare, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;

	if (unlinkat(log_fd, name, 0) != 0 && errno != ENOENT)
		return bl_fail_errno(why, BL_IO, "cannot remove '%s'", name);

	enum bl_status status = io_open(io, log_fd, name, O_RDWR | O_CREAT | O_EXCL, &fd, why);

	if (status == BL_OK)
		status = fill(io, fd, size, is_cancelled, why);
	if (status != BL_OK)
		return status;
	out_spare->size = size;
	out_spare->at = SEGMENT_HEADER;
	out_spare->name = name;
	out_spare->fd = fd_take(&fd);
	return BL_OK;
}

bool segment_is_blank(int fd, uint64_t size)
{
	uint8_t bytes[4096];
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != size ||
	    size % sizeof(bytes))
		return false;
	for (uint64_t at = 0; at < size; at += sizeof(bytes))
		if (pread(fd, bytes, sizeof(bytes), (off_t)at) != (ssize_t)sizeof(bytes) ||
		    memcmp(bytes, ZEROS, sizeof(bytes)) != 0)
			return false;
	return true;
}

enum bl_status segment_begin(const struct audit_io *io, int log_fd, struct segment *spare,
			     const struct segment_header *header, uint8_t chain[AUDIT_DIGEST],
			     struct bl_error *why)
{
	uint8_t bytes[SEGMENT_HEADER];
	char name[SEGMENT_NAME_SIZE];

	format_segment(header, bytes);
	format_segment_name(header->first_sequence, name);

	enum bl_status status =
		io_write(io, spare->fd, bytes, sizeof(bytes), 0, "a segment's header", why);

	if (status == BL_OK)
		status = io_sync(io, spare->fd, "a segment's header", why);
	if (status == BL_OK)
		status = io_rename(io, log_fd, spare->name, name, why);
	if (status == BL_OK)
		status = io_sync_folder(io, log_fd, "the log's folder", why);
	if (status == BL_OK)
		chain_segment(chain, bytes);
	return status;
}

void segment_end(struct segment *segment)
{
	uint64_t from = (segment->at + 4095) / 4096 * 4096;

	/* A convenience: nothing depends on it, and the bytes read the same before and after. */
	if (segment->fd >= 0 && from < segment->size &&
	    fallocate(segment->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
		      (off_t)(segment->size - from)) != 0)
		errno = 0;
	fd_close(segment->fd);
	segment->fd = -1;
}

void boot_id_read(uint8_t out[16])
{
	char text[40] = "";
	BL_CLEANUP(fd_close) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	memset(out, 0, 16);
	if (got > 0)
		sodium_hex2bin(out, 16, text, (size_t)got, "-\n", NULL, NULL);
}
