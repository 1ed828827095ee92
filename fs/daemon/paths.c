#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/daemon/state.h"

static enum bl_status fits(int written, size_t size, struct bl_error *why)
{
	if (written < 0 || (size_t)written >= size)
		return bl_fail(why, BL_INVALID, "path of the store is too long");
	return BL_OK;
}

enum bl_status daemon_default_store(char *out, size_t size, struct bl_error *why)
{
	const char *named = getenv("BAILEE_STORE");
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (named && *named)
		return fits(snprintf(out, size, "%s", named), size, why);
	if (geteuid() == 0)
		return fits(snprintf(out, size, "/var/lib/bailee"), size, why);
	if (state && *state)
		return fits(snprintf(out, size, "%s/bailee", state), size, why);
	if (home && *home)
		return fits(snprintf(out, size, "%s/.local/state/bailee", home), size, why);
	return bl_fail(why, BL_INVALID, "no place for a store (give --store DIR)");
}

static bool is_program(char *out, size_t size, const char *folder, const char *rest,
		       const char *name)
{
	int written = snprintf(out, size, "%s%s/%s", folder, rest, name);

	return written > 0 && (size_t)written < size && access(out, X_OK) == 0;
}

/* From the folder that bailee itself is in; then where it was to be installed. */
enum bl_status daemon_program_path(const char *name, char *out, size_t size, struct bl_error *why)
{
	static const char *const FOLDERS[] = {"", "/../libexec/bailee"};
	char self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[BL_MAX(length, 0)] = '\0';
	char *slash = strrchr(self, '/');

	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && i < BL_COUNT(FOLDERS); i++)
		if (is_program(out, size, self, FOLDERS[i], name))
			return BL_OK;
	if (is_program(out, size, BAILEE_LIBEXEC, "", name))
		return BL_OK;
	return bl_fail(why, BL_FAILED,
		       "cannot find the program '%s' beside bailee or in '%s' (run make install)",
		       name, BAILEE_LIBEXEC);
}

enum bl_status daemon_reader_path(char *out, size_t size, struct bl_error *why)
{
	return daemon_program_path("bailee-reader", out, size, why);
}

bool path_is_inside(int folder_fd, int above_fd)
{
	struct stat wanted, here, above;
	BL_CLEANUP(fd_close) int fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0 || fstat(above_fd, &wanted) < 0 || fstat(fd, &here) < 0)
		return true;
	for (;;) {
		if (here.st_dev == wanted.st_dev && here.st_ino == wanted.st_ino)
			return true;
		int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (parent < 0 || fstat(parent, &above) < 0) {
			fd_close(parent);
			return true;
		}
		fd_close(fd);
		fd = parent;
		if (above.st_dev == here.st_dev && above.st_ino == here.st_ino)
			return false;
		here = above;
	}
}

int path_open_folder(int fd)
{
	char link[64], path[PATH_LIMIT];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);

	ssize_t length = readlink(link, path, sizeof(path) - 1);

	path[BL_MAX(length, 0)] = '\0';
	char *slash = strrchr(path, '/');

	if (!slash || length == (ssize_t)sizeof(path) - 1)
		return -1;
	slash[slash == path] = '\0';
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
