#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fs/device/private.h"

struct identity {
	bool is_block;
	enum device_source_kind kind;
	uint64_t dev, ino, size;
	int64_t birth_ns;
};

static enum bl_status identity_of(int fd, struct identity *out, struct bl_error *why)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &stx) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at the source");
	memset(out, 0, sizeof(*out));
	if (S_ISBLK(stx.stx_mode)) {
		/* Its number and node are made anew at every boot: the size is what stays. */
		off_t size = lseek(fd, 0, SEEK_END);

		if (size < 0)
			return bl_fail_errno(why, BL_IO, "cannot tell the size of the source");
		out->is_block = true;
		out->kind = SOURCE_RAW;
		out->size = (uint64_t)size;
		return BL_OK;
	}
	if (!S_ISREG(stx.stx_mode) && !S_ISDIR(stx.stx_mode))
		return bl_fail(why, BL_INVALID,
			       "the source is neither a directory, a file nor a block device");
	out->kind = S_ISDIR(stx.stx_mode) ? SOURCE_DIRECTORY : SOURCE_RAW;
	out->dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	out->ino = stx.stx_ino;
	out->size = S_ISDIR(stx.stx_mode) ? 0 : stx.stx_size;
	if (stx.stx_mask & STATX_BTIME)
		out->birth_ns = stx.stx_btime.tv_sec * INT64_C(1000000000) + stx.stx_btime.tv_nsec;
	return BL_OK;
}

static bool is_empty_folder(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = copy < 0 ? NULL : fdopendir(copy);
	bool is_empty = true;

	if (!folder) {
		fd_close(copy);
		return true;
	}
	for (struct dirent *entry; is_empty && (entry = readdir(folder));)
		is_empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(folder);
	return is_empty;
}

static bool is_same_file(int one, int other)
{
	struct stat a, b;

	return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino && a.st_rdev == b.st_rdev;
}

/*
 * The source may be given as /proc/self/fd/N, a file that a client holds open. What that link says is only a text: of a file that
 * was unlinked "x (deleted)", of one in a folder that was renamed the old way. So the path counts only when it leads to that file.
 */
enum bl_status source_identify(struct device *device, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *path = realpath(device->source, NULL);

	if (!path)
		return bl_fail(why, BL_INVALID,
			       "cannot find the source of '%s': %s (give the path of an image)",
			       device->id, strerror(errno));
	if (!file_text_ok(path, DEVICE_PATH - 1))
		return bl_fail(why, BL_INVALID,
			       "the source's path is not plain UTF-8 or is longer than 4095 bytes "
			       "(rename it)");

	/* O_NONBLOCK: a FIFO must not hold the daemon up. */
	BL_CLEANUP(fd_close)
	int given = open(device->source, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	BL_CLEANUP(fd_close)
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct identity identity;

	if (fd < 0 || given < 0)
		return bl_fail(why, BL_INVALID, "cannot open the source of '%s': %s", device->id,
			       strerror(errno));
	if (!is_same_file(fd, given))
		return bl_fail(
			why, BL_INVALID,
			"the source of '%s' does not lie where its path says (enrol it where "
			"it stays)",
			device->id);

	enum bl_status status = identity_of(fd, &identity, why);

	if (status != BL_OK)
		return status;
	if (identity.kind == SOURCE_DIRECTORY ? is_empty_folder(fd) : identity.size == 0)
		return bl_fail(why, BL_INVALID,
			       "the source of '%s' is empty (is the image there, or mounted?)",
			       device->id);
	memcpy(device->source, path, strlen(path) + 1);
	device->source_kind = identity.kind;
	device->source_dev = identity.dev;
	device->source_ino = identity.ino;
	device->source_size = identity.size;
	device->source_birth_ns = identity.birth_ns;
	return BL_OK;
}

enum bl_status device_open_source(const struct device *device, int flags, int *out_fd,
				  struct bl_error *why)
{
	if (device->source_kind == SOURCE_SEALED)
		return bl_fail(why, BL_UNSUPPORTED, "the image of '%s' is sealed", device->id);
	BL_CLEANUP(fd_close)
	int fd = open(device->source,
		      (flags & O_ACCMODE) | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct identity identity;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return bl_fail(why, BL_NOT_FOUND,
			       "the source of '%s' is gone (put it back where it was enrolled)",
			       device->id);
	if (fd < 0 && (errno == ELOOP || errno == EISDIR))
		return bl_fail(why, BL_TAMPERED,
			       "the source of '%s' was replaced by something else", device->id);
	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open the source of '%s'", device->id);

	enum bl_status status = identity_of(fd, &identity, NULL);
	bool is_block = device->source_kind == SOURCE_RAW && device->source_dev == 0 &&
			device->source_ino == 0;

	if (status != BL_OK || identity.is_block != is_block ||
	    identity.kind != device->source_kind || identity.dev != device->source_dev ||
	    identity.ino != device->source_ino || identity.size != device->source_size ||
	    identity.birth_ns != device->source_birth_ns)
		return bl_fail(why, BL_TAMPERED,
			       "the source of '%s' is not the one that was enrolled (another file, "
			       "size or disk)",
			       device->id);
	*out_fd = fd_take(&fd);
	return BL_OK;
}
