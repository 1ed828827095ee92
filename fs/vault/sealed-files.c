#include "fs/vault/sealed-format.h"

#include "fs/vault/sealed-io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void sealed_files_close(struct sealed_files *files)
{
	int *fds[] = {&files->folder, &files->header, &files->data, &files->index, &files->keys};

	for (size_t i = 0; i < BL_COUNT(fds); i++) {
		fd_close(*fds[i]);
		*fds[i] = -1;
	}
}

static bool is_ours(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() &&
	       (st.st_mode & 077) == 0 && (type == S_IFDIR || st.st_nlink == 1);
}

/* Direct where the filesystem has it: the header is what must not linger in a cache. */
static int open_one(const struct sealed_io *io, int folder_fd, const char *name, int flags)
{
	int fd = io->open_at(io->context, folder_fd, name, flags, 0);

	if (fd < 0 && errno == EINVAL && (flags & O_DIRECT))
		fd = io->open_at(io->context, folder_fd, name, flags & ~O_DIRECT, 0);
	return fd;
}

static enum bl_status open_file(const struct sealed_files *files, const char *name, int flags,
				int *out_fd, struct bl_error *why)
{
	int fd = open_one(files->io, files->folder, name,
			  flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == EISDIR || errno == ENXIO))
		return bl_fail(why, BL_TAMPERED, "the image's '%s' is missing or no file", name);
	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open the image's '%s'", name);
	*out_fd = fd;
	if (!is_ours(fd, S_IFREG))
		return bl_fail(why, BL_TAMPERED,
			       "the image's '%s' is no file of mode 0600 of this user's own", name);
	return BL_OK;
}

static enum bl_status open_all(struct sealed_files *files, int flags, struct bl_error *why)
{
	int direct = O_DIRECT | (flags == O_RDWR ? O_DSYNC : 0);
	struct {
		const char *name;
		int flags, *fd;
	} rows[] = {
		{"header", flags | direct, &files->header},
		{"data", flags, &files->data},
		{"index", flags, &files->index},
		{"keys", flags, &files->keys},
	};
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < BL_COUNT(rows) && status == BL_OK; i++)
		status = open_file(files, rows[i].name, rows[i].flags, rows[i].fd, why);
	return status;
}

enum bl_status sealed_files_open_by(const struct sealed_io *io, int device_fd, bool is_writable,
				    struct sealed_files *out_files, struct bl_error *why)
{
	struct sealed_files files = SEALED_FILES_NONE;

	files.io = io;
	files.folder = io->open_at(io->context, device_fd, SEALED_FOLDER,
				   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (files.folder < 0 && errno == ENOENT)
		return bl_fail(why, BL_NOT_FOUND, "there is no sealed image");
	if (files.folder < 0 && (errno == ENOTDIR || errno == ELOOP))
		return bl_fail(why, BL_TAMPERED, "'image' is no folder");
	if (files.folder < 0)
		return bl_fail_errno(why, BL_IO, "cannot open the folder 'image'");

	enum bl_status status = BL_OK;

	if (!is_ours(files.folder, S_IFDIR))
		status = bl_fail(why, BL_TAMPERED,
				 "'image' is no folder of mode 0700 of this user's own");
	if (status == BL_OK)
		status = open_all(&files, is_writable ? O_RDWR : O_RDONLY, why);
	if (status == BL_OK)
		*out_files = files;
	else
		sealed_files_close(&files);
	return status;
}

enum bl_status sealed_files_open(int device_fd, bool is_writable, struct sealed_files *out_files,
				 struct bl_error *why)
{
	return sealed_files_open_by(sealed_io_real(), device_fd, is_writable, out_files, why);
}

uint64_t sealed_groups(uint64_t image_bytes)
{
	return image_bytes / SEALED_GROUP + (image_bytes % SEALED_GROUP != 0);
}

enum bl_status sealed_files_fit(const struct sealed_files *files,
				const struct sealed_header *header, struct bl_error *why)
{
	uint64_t most = header->image_bytes ? header->image_bytes : SEALED_STREAM_MOST;
	uint64_t groups = sealed_groups(most), nodes = 0;

	for (unsigned level = 0; level < header->levels; level++)
		nodes += tree_nodes(header->levels, level);

	const struct {
		const char *name;
		int fd;
		uint64_t most;
	} rows[] = {
		{"header", files->header, 2 * SEALED_PAGE},
		{"data", files->data, groups * SEALED_GROUP},
		{"index", files->index, groups * SEALED_GROUP_INDEX},
		{"keys", files->keys, nodes * 2 * SEALED_PAGE},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct stat st;

		if (fstat(rows[i].fd, &st) != 0)
			return bl_fail_errno(why, BL_IO, "cannot look at the image's '%s'",
					     rows[i].name);
		if ((uint64_t)st.st_size > rows[i].most)
			return bl_fail(why, BL_TAMPERED,
				       "the image's '%s' is longer than its header allows",
				       rows[i].name);
	}
	return BL_OK;
}
