#include "fs/session/sealed/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base.h"

#define COPY_BYTES   (1u << 20)
#define DEPTH_LIMIT  4 /* of a folder that is copied whole: locales have one below */
#define FOREIGN_BITS (S_IWGRP | S_IWOTH)
#define RISEN_BITS   (S_ISUID | S_ISGID)

/* ---- reading the host --------------------------------------------------------------------------- */

/* In a sticky folder of root's everybody may make files, but not touch those of root. */
static bool is_folder_guarded(const char *path)
{
	struct stat stat;

	return lstat(path, &stat) == 0 && S_ISDIR(stat.st_mode) && stat.st_uid == 0 &&
	       (!(stat.st_mode & FOREIGN_BITS) || (stat.st_mode & S_ISVTX));
}

static bool is_way_guarded(const char *real)
{
	char above[PATH_MAX];

	if (!is_folder_guarded("/"))
		return false;
	for (const char *slash = strchr(real + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(above, sizeof(above), "%.*s", (int)(slash - real), real);
		if (!is_folder_guarded(above))
			return false;
	}
	return true;
}

int host_open(const char *path, char *out_real)
{
	char own[PATH_MAX];
	char *real = out_real ? out_real : own;
	struct stat stat;

	if (path[0] != '/' || !realpath(path, real) || !is_way_guarded(real))
		return -1;

	/* Not blocking: should it be a pipe after all. */
	BL_CLEANUP(fd_close) int fd = open(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode) || stat.st_uid != 0 ||
	    (stat.st_mode & (FOREIGN_BITS | RISEN_BITS)))
		return -1;
	return fd_take(&fd);
}

/* ---- writing the tree ---------------------------------------------------------------------------- */

/* As the tree takes it: relative, and never upwards. NULL: not such a path. */
static const char *inside(const char *path)
{
	if (path[0] != '/' || !path[1] || strlen(path) >= PATH_MAX || strstr(path, "/../"))
		return NULL;
	return path + strspn(path, "/");
}

static int make_parents(int root_fd, const char *relative)
{
	char above[PATH_MAX];

	for (const char *slash = strchr(relative, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(above, sizeof(above), "%.*s", (int)(slash - relative), relative);
		if (mkdirat(root_fd, above, 0755) < 0 && errno != EEXIST)
			return errno;
	}
	return 0;
}

int stage_folder(int root_fd, const char *path, mode_t mode)
{
	const char *relative = inside(path);
	int error = relative ? make_parents(root_fd, relative) : EINVAL;

	if (error)
		return error;
	return mkdirat(root_fd, relative, mode) < 0 && errno != EEXIST ? errno : 0;
}

/* A file that was not there; -1 and EEXIST when it was. */
static int create(int root_fd, const char *path)
{
	const char *relative = inside(path);

	errno = relative ? make_parents(root_fd, relative) : EINVAL;
	if (errno)
		return -1;
	return openat(root_fd, relative, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		      0600);
}

int stage_file(int root_fd, const char *path, int source_fd, mode_t mode)
{
	BL_CLEANUP(fd_close) int fd = create(root_fd, path);
	ssize_t copied = 1;

	if (fd < 0)
		return errno == EEXIST ? 0 : errno;
	while (copied > 0 || (copied < 0 && errno == EINTR))
		copied = sendfile(fd, source_fd, NULL, COPY_BYTES);
	return copied < 0 || fchmod(fd, mode) < 0 ? errno : 0;
}

int stage_text(int root_fd, const char *path, const char *text)
{
	BL_CLEANUP(fd_close) int fd = create(root_fd, path);
	size_t length = strlen(text);

	if (fd < 0)
		return errno == EEXIST ? 0 : errno;
	if (write(fd, text, length) != (ssize_t)length)
		return ENOSPC;
	return fchmod(fd, 0444) < 0 ? errno : 0;
}

int stage_link(int root_fd, const char *target, const char *path)
{
	const char *relative = inside(path);
	int error = relative ? make_parents(root_fd, relative) : EINVAL;

	if (error)
		return error;
	return symlinkat(target, root_fd, relative) < 0 && errno != EEXIST ? errno : 0;
}

int stage_copy(int root_fd, const char *path)
{
	BL_CLEANUP(fd_close) int fd = host_open(path, NULL);

	return fd < 0 ? 0 : stage_file(root_fd, path, fd, 0444);
}

static int copy_folder(int root_fd, const char *path, unsigned depth);

static int copy_entry(int root_fd, const char *folder, const struct dirent *entry, unsigned depth)
{
	char path[PATH_MAX];

	if (entry->d_name[0] == '.' ||
	    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= (int)sizeof(path))
		return 0;
	return entry->d_type == DT_DIR ? copy_folder(root_fd, path, depth + 1)
				       : stage_copy(root_fd, path);
}

static int copy_folder(int root_fd, const char *path, unsigned depth)
{
	DIR *folder = depth < DEPTH_LIMIT ? opendir(path) : NULL;
	const struct dirent *entry;
	int error = 0;

	while (folder && !error && (entry = readdir(folder)))
		error = copy_entry(root_fd, path, entry, depth);
	if (folder)
		closedir(folder);
	return error;
}

int stage_copy_all(int root_fd, const char *path)
{
	return copy_folder(root_fd, path, 0);
}
