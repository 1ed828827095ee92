/* Files that are overwritten where they lie: a plain image, the source of an intake. Every step takes all of them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fs/retention/private.h"

/* ---- which files, and where ------------------------------------------------------------------------ */

enum bl_status files_add(struct shred_file *file, int fd, struct bl_error *why)
{
	struct medium medium;
	struct statx stx;
	enum bl_status status = medium_check_file(fd, why);

	if (status == BL_OK)
		status = medium_look(fd, &medium, why);
	if (status != BL_OK)
		return status;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &stx) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at the image");
	if (stx.stx_size == 0)
		return bl_fail(why, BL_UNSUPPORTED,
			       "the image cannot be destroyed truthfully: it is empty");
	file->dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	file->ino = stx.stx_ino;
	file->size = stx.stx_size;
	file->birth_ns = 0;
	if (stx.stx_mask & STATX_BTIME)
		file->birth_ns = stx.stx_btime.tv_sec * INT64_C(1000000000) + stx.stx_btime.tv_nsec;
	file->major = medium.major;
	file->minor = medium.minor;
	memcpy(file->disk, medium.disk, sizeof(file->disk));
	randombytes_buf(file->pattern, PATTERN_KEY);
	file->has_pattern = true;
	return medium_layout_read(fd, file->size, false, &file->layout, why);
}

/* Only the very file: device_open_source knows how to tell. */
static enum bl_status open_one(struct shred_file *file, bool is_truncated, struct bl_error *why)
{
	struct device probe = {
		.id = "",
		.source_kind = SOURCE_RAW,
		.source_dev = file->dev,
		.source_ino = file->ino,
		.source_size = is_truncated ? 0 : file->size,
		.source_birth_ns = file->birth_ns,
	};

	memcpy(probe.source, file->path, sizeof(probe.source));
	return device_open_source(&probe, O_RDWR, &file->fd, why);
}

/* Is the disk of the file where it was? Asked of its folder, or what is left of the path to it. */
static bool is_disk_there(const struct shred_file *file)
{
	char path[DEVICE_PATH];
	struct stat st;

	memcpy(path, file->path, sizeof(path));
	for (char *slash; (slash = strrchr(path, '/'));) {
		slash[slash == path] = '\0';
		if (lstat(path, &st) == 0)
			return (uint64_t)st.st_dev == file->dev;
		if (slash == path)
			break;
	}
	return false;
}

enum bl_status files_open(struct shred *shred, struct bl_error *why)
{
	struct journal *journal = &shred->journal;

	for (size_t i = 0; i < journal->file_count; i++) {
		struct shred_file *file = &journal->files[i];
		enum bl_status status = open_one(file, false, why);

		/* Truncated by us before the crash: the same inode, empty. */
		if (status == BL_TAMPERED && journal->step >= STEP_PUNCH)
			status = open_one(file, true, why);
		if (status == BL_OK)
			continue;
		if (status != BL_NOT_FOUND && status != BL_TAMPERED)
			return status;
		/* Gone for good it is only where its disk is: else it may come back whole, and be certified as lost. */
		if (!is_disk_there(file))
			return bl_fail(why, BL_IO,
				       "the disk with the image of '%s' is not there (mount it: "
				       "the destruction goes on then)",
				       shred->device.id);
	}
	return BL_OK;
}

enum bl_status files_digest(struct journal *journal, struct bl_error *why)
{
	BL_CLEANUP(digest_free) struct digest *digest = digest_new();
	enum bl_status status = BL_OK;

	if (!digest)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < journal->file_count && status == BL_OK; i++) {
		const struct shred_file *file = &journal->files[i];

		if (file->fd < 0)
			return BL_OK;
		status = overwrite_digest(file->fd, file->size, digest, why);
	}
	digest_end(digest, journal->digest);
	journal->has_digest = status == BL_OK;
	return status;
}

/* ---- overwriting and reading back ------------------------------------------------------------------- */

static enum bl_status overwrite_one(const struct shred_file *file, struct bl_error *why)
{
	return overwrite_write(file->fd, file->size, file->pattern, why);
}

static enum bl_status sync_one(const struct shred_file *file, struct bl_error *why)
{
	if (fdatasync(file->fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync the overwritten image");
	return BL_OK;
}

enum bl_status step_overwrite(struct shred *shred, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < shred->journal.file_count && status == BL_OK; i++)
		if (shred->journal.files[i].fd >= 0)
			status = overwrite_one(&shred->journal.files[i], why);
	return status;
}

enum bl_status step_sync(struct shred *shred, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < shred->journal.file_count && status == BL_OK; i++)
		if (shred->journal.files[i].fd >= 0)
			status = sync_one(&shred->journal.files[i], why);
	return status;
}

static enum bl_status check_disk(const struct shred_file *file, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int disk = medium_open_disk(file->major, file->minor, file->disk);

	if (disk < 0)
		return bl_fail(why, BL_IO, "cannot open the raw device");
	return overwrite_check_disk(disk, &file->layout, file->size, file->pattern, why);
}

/* Where it lies may have changed since INTENT (a defragmenter): the old bytes may lie on at the first place. */
static enum bl_status refresh_layout(struct shred_file *file, unsigned *exceptions,
				     struct bl_error *why)
{
	struct medium_layout layout = {0};
	enum bl_status status = medium_layout_read(file->fd, file->size, false, &layout, why);

	if (status != BL_OK)
		return status;
	if (layout.count != file->layout.count ||
	    memcmp(layout.items, file->layout.items, layout.count * sizeof(*layout.items)) != 0)
		*exceptions |= EXCEPTION_MOVED;
	medium_layout_free(&file->layout);
	file->layout = layout;
	return BL_OK;
}

/* Once more before giving up: the blocks may have moved under the first overwrite. */
static enum bl_status overwrite_again(struct shred_file *file, unsigned *exceptions,
				      struct bl_error *why)
{
	enum bl_status status = refresh_layout(file, exceptions, why);

	if (status == BL_OK)
		status = overwrite_one(file, why);
	if (status == BL_OK)
		status = sync_one(file, why);
	return status == BL_OK ? check_disk(file, why) : status;
}

static enum bl_status verify_held(struct shred_file *file, unsigned *exceptions,
				  struct bl_error *why)
{
	enum bl_status status = check_disk(file, why);

	if (status == BL_NOT_VERIFIED)
		status = overwrite_again(file, exceptions, why);
	file->verification = VERIFIED_RAW;
	if (status == BL_IO) {
		status = overwrite_check_file(file->fd, file->size, file->pattern, why);
		file->verification = VERIFIED_FILE;
		*exceptions |= EXCEPTION_NOT_RAW;
	}
	return status;
}

static void verify_gone(struct shred_file *file, unsigned *exceptions)
{
	bool is_proven = check_disk(file, NULL) == BL_OK;

	file->verification = is_proven ? VERIFIED_RAW : VERIFIED_NONE;
	*exceptions |= is_proven ? EXCEPTION_VANISHED_VERIFIED : EXCEPTION_VANISHED;
}

enum bl_status step_verify_files(struct shred *shred, struct bl_error *why)
{
	struct journal *journal = &shred->journal;

	for (size_t i = 0; i < journal->file_count; i++) {
		struct shred_file *file = &journal->files[i];
		enum bl_status status = BL_OK;

		if (file->fd >= 0)
			status = verify_held(file, &journal->exceptions, why);
		else
			verify_gone(file, &journal->exceptions);
		if (status == BL_NOT_VERIFIED)
			return bl_fail(why, BL_IO,
				       "what was read back of '%s' is not what was written",
				       shred->device.id);
		if (status != BL_OK)
			return status;
	}
	/* All are proven: from here on nothing is overwritten again. */
	for (size_t i = 0; i < journal->file_count; i++) {
		journal->files[i].has_pattern = false;
		sodium_memzero(journal->files[i].pattern, PATTERN_KEY);
	}
	return BL_OK;
}

/* ---- taking them away ------------------------------------------------------------------------------------ */

enum bl_status step_punch(struct shred *shred, struct bl_error *why)
{
	for (size_t i = 0; i < shred->journal.file_count; i++) {
		const struct shred_file *file = &shred->journal.files[i];

		if (file->fd < 0)
			continue;
		/* Tells the device below (discard); where that is not supported the truncation frees the blocks alone. */
		if (fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			      (off_t)file->size) != 0 &&
		    errno != EOPNOTSUPP)
			return bl_fail_errno(why, BL_IO, "cannot punch the image");
		if (ftruncate(file->fd, 0) != 0 || fsync(file->fd) != 0)
			return bl_fail_errno(why, BL_IO, "cannot truncate the image");
	}
	return BL_OK;
}

/* The folder of the image, and the image's name in it. */
static const char *open_parent(const char *source, int *out_fd)
{
	char path[DEVICE_PATH];
	const char *slash = strrchr(source, '/');
	size_t length = slash == source ? 1 : (size_t)(slash - source);

	memcpy(path, source, length);
	path[length] = '\0';
	*out_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return slash + 1;
}

static enum bl_status unlink_one(const struct shred_file *file, unsigned *exceptions,
				 struct bl_error *why)
{
	BL_CLEANUP(fd_close) int parent = -1;
	const char *name = open_parent(file->path, &parent);
	struct stat named, held;

	if (file->fd >= 0) {
		if (parent < 0 || fstat(file->fd, &held) != 0)
			return bl_fail_errno(why, BL_IO, "cannot open the folder of the image");
		/* Never a name that has come to mean another file. */
		if (fstatat(parent, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		    named.st_dev == held.st_dev && named.st_ino == held.st_ino &&
		    unlinkat(parent, name, 0) != 0)
			return bl_fail_errno(why, BL_IO, "cannot unlink the image");
		if (fstat(file->fd, &held) == 0 && held.st_nlink)
			*exceptions |= EXCEPTION_LINKED;
	}
	if (parent >= 0 && fsync(parent) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync the folder of the image");
	return BL_OK;
}

enum bl_status step_unlink_files(struct shred *shred, struct bl_error *why)
{
	struct journal *journal = &shred->journal;
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < journal->file_count && status == BL_OK; i++)
		status = unlink_one(&journal->files[i], &journal->exceptions, why);
	return status;
}
