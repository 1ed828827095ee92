/* A page as a file: beside its name first and renamed, so that there is never half of one. */
#include "fs/cli/page-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool page_file_is_stdout(const char *path)
{
	return strcmp(path, "-") == 0;
}

enum bl_status page_file_check(const char *path, bool is_forced, struct bl_error *why)
{
	struct stat st;

	if (page_file_is_stdout(path) && isatty(STDOUT_FILENO))
		return bl_fail(
			why, BL_INVALID,
			"a page is nothing for a terminal (give --html FILE, or send it into "
			"one)");
	if (page_file_is_stdout(path) || lstat(path, &st) != 0)
		return BL_OK;
	if (!S_ISREG(st.st_mode))
		return bl_fail(why, BL_INVALID, "'%s' is no file (give another name)", path);
	if (!is_forced)
		return bl_fail(why, BL_EXISTS, "'%s' is there already (--force replaces it)", path);
	return BL_OK;
}

static enum bl_status write_whole(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t wrote = write(fd, text, length);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return BL_IO;
		text += wrote;
		length -= (size_t)wrote;
	}
	return fsync(fd) == 0 ? BL_OK : BL_IO;
}

/* Without @is_forced no name is taken that somebody else has taken meanwhile. */
static bool take_name(const char *beside, const char *path, bool is_forced)
{
	if (renameat2(AT_FDCWD, beside, AT_FDCWD, path, is_forced ? 0 : RENAME_NOREPLACE) == 0)
		return true;
	/* Not every filesystem knows of that; a link takes no name either that is taken. */
	return errno == EINVAL && !is_forced && link(beside, path) == 0 && unlink(beside) == 0;
}

static enum bl_status write_file(const char *path, bool is_forced, const char *text, size_t length,
				 struct bl_error *why)
{
	char beside[4200];

	if ((size_t)snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= sizeof(beside))
		return bl_fail(why, BL_INVALID, "the name of the file is too long");
	BL_CLEANUP(fd_close) int fd = mkostemp(beside, O_CLOEXEC);

	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot write '%s'", path);
	if (write_whole(fd, text, length) == BL_OK && take_name(beside, path, is_forced))
		return BL_OK;
	enum bl_status status =
		errno == EEXIST ? bl_fail(why, BL_EXISTS,
					  "'%s' is there already (--force replaces it)", path)
				: bl_fail_errno(why, BL_IO, "cannot write '%s'", path);

	unlink(beside);
	return status;
}

enum bl_status page_file_write(const char *path, bool is_forced, const char *text, size_t length,
			       struct bl_error *why)
{
	enum bl_status status = page_file_check(path, is_forced, why);

	if (status != BL_OK)
		return status;
	if (!page_file_is_stdout(path))
		return write_file(path, is_forced, text, length, why);
	if (fwrite(text, 1, length, stdout) != length || fflush(stdout) != 0)
		return bl_fail_errno(why, BL_IO, "cannot write the page");
	return BL_OK;
}
