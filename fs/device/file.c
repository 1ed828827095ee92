#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utf8proc.h>

#include "fs/device/private.h"

#define CHECKSUM  32
#define LINE_SIZE 256 /* "bailee-file 1 NAME LENGTH CHECKSUM\n" */
#define TEMPORARY ".tmp"

static enum bl_status write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t put = write(fd, bytes, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return BL_IO;
		bytes += put;
		length -= (size_t)put;
	}
	return BL_OK;
}

/* Two pieces, so that the line in front needs no copy of what follows. */
static enum bl_status replace(int folder_fd, const char *name, const char *line, const void *bytes,
			      size_t length, struct bl_error *why)
{
	char temporary[NAME_MAX + 1];

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s" TEMPORARY, name) >=
	    sizeof(temporary))
		return bl_fail(why, BL_INVALID, "file name too long");

	BL_CLEANUP(fd_close)
	int fd = openat(folder_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			0600);

	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot create '%s' in the store", temporary);
	if (write_all(fd, line, strlen(line)) != BL_OK || write_all(fd, bytes, length) != BL_OK ||
	    fsync(fd) != 0 || renameat(folder_fd, temporary, folder_fd, name) != 0) {
		bl_fail_errno(why, BL_IO, "cannot write '%s' in the store", name);
		unlinkat(folder_fd, temporary, 0);
		return BL_IO;
	}
	if (fsync(folder_fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync the folder of '%s' in the store",
				     name);
	return BL_OK;
}

enum bl_status file_replace(int folder_fd, const char *name, const void *bytes, size_t length,
			    struct bl_error *why)
{
	return replace(folder_fd, name, "", bytes, length, why);
}

static void line_of(const char *name, const void *bytes, size_t length, char line[LINE_SIZE])
{
	uint8_t checksum[CHECKSUM];
	char hex[2 * CHECKSUM + 1];

	crypto_generichash(checksum, sizeof(checksum), bytes, length, NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), checksum, sizeof(checksum));
	snprintf(line, LINE_SIZE, "bailee-file 1 %s %zu %s\n", name, length, hex);
}

enum bl_status file_put(int folder_fd, const char *name, const void *bytes, size_t length,
			struct bl_error *why)
{
	char line[LINE_SIZE];

	if (length > FILE_LIMIT)
		return bl_fail(why, BL_TOO_LARGE, "'%s' would have over %u bytes", name,
			       FILE_LIMIT);
	line_of(name, bytes, length, line);
	return replace(folder_fd, name, line, bytes, length, why);
}

enum bl_status file_is_private(int fd, mode_t type, mode_t allowed, const char *what,
			       struct bl_error *why)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at '%s'", what);
	if ((st.st_mode & S_IFMT) != type)
		return bl_fail(why, BL_INVALID, "'%s' is not a %s", what,
			       type == S_IFDIR ? "directory" : "regular file");
	if (st.st_uid != geteuid())
		return bl_fail(why, BL_INVALID, "'%s' belongs to uid %u (run as that user)", what,
			       (unsigned)st.st_uid);
	if (st.st_mode & 0077 & ~allowed)
		return bl_fail(why, BL_INVALID, "'%s' is open to others (chmod %s)", what,
			       allowed		 ? "711"
			       : type == S_IFDIR ? "700"
						 : "600");
	return BL_OK;
}

enum bl_status file_load(int folder_fd, const char *name, char **out_bytes, size_t *out_length,
			 struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return bl_fail(why, BL_NOT_FOUND, "there is no '%s' in the store", name);
	if (fd < 0 || fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot open '%s' in the store", name);

	enum bl_status status = file_is_private(fd, S_IFREG, 0, name, why);

	if (status != BL_OK)
		return status;
	if (st.st_size < 0 || (uint64_t)st.st_size > FILE_LIMIT + LINE_SIZE)
		return bl_fail(why, BL_TOO_LARGE, "'%s' in the store has over %u bytes", name,
			       FILE_LIMIT);

	size_t size = (size_t)st.st_size, length = 0;
	BL_CLEANUP(bl_free) char *bytes = malloc(size + 1);

	if (!bytes)
		return BL_NO_MEMORY;
	while (length < size) {
		ssize_t got = pread(fd, bytes + length, size - length, (off_t)length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bl_fail_errno(why, BL_IO, "cannot read '%s' in the store", name);
		if (got == 0)
			break;
		length += (size_t)got;
	}
	bytes[length] = '\0';
	*out_bytes = BL_TAKE(bytes);
	*out_length = length;
	return BL_OK;
}

enum bl_status file_get(int folder_fd, const char *name, char **out_bytes, size_t *out_length,
			struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *bytes = NULL;
	char line[LINE_SIZE];
	size_t length;
	enum bl_status status = file_load(folder_fd, name, &bytes, &length, why);

	if (status != BL_OK)
		return status;

	const char *end = memchr(bytes, '\n', BL_MIN(length, (size_t)LINE_SIZE));

	if (!end)
		return bl_fail(why, BL_TAMPERED, "'%s' in the store does not begin as it should",
			       name);

	size_t head = (size_t)(end - bytes) + 1;

	/* The line is made again from the contents: nothing of the file's own line is parsed. */
	line_of(name, bytes + head, length - head, line);
	if (strlen(line) != head || memcmp(line, bytes, head) != 0)
		return bl_fail(why, BL_TAMPERED, "'%s' in the store does not match its checksum",
			       name);
	memmove(bytes, bytes + head, length - head + 1);
	*out_bytes = BL_TAKE(bytes);
	*out_length = length - head;
	return BL_OK;
}

enum bl_status file_remove(int folder_fd, const char *name, struct bl_error *why)
{
	if (unlinkat(folder_fd, name, 0) != 0 && errno != ENOENT)
		return bl_fail_errno(why, BL_IO, "cannot remove '%s' from the store", name);
	if (fsync(folder_fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync the folder of '%s' in the store",
				     name);
	return BL_OK;
}

void file_sweep(int folder_fd)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (!folder) {
		fd_close(fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(folder));) {
		size_t length = strlen(entry->d_name), suffix = strlen(TEMPORARY);

		if (length > suffix && strcmp(entry->d_name + length - suffix, TEMPORARY) == 0)
			unlinkat(folder_fd, entry->d_name, 0);
	}
	closedir(folder);
}

static bool is_plain_character(utf8proc_int32_t point)
{
	utf8proc_category_t category = utf8proc_category(point);

	if (category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZL ||
	    category == UTF8PROC_CATEGORY_ZP || category == UTF8PROC_CATEGORY_CS)
		return false;
	/* Direction marks: they make a terminal show another text than the one that was written. */
	return point != 0x061c && point != 0x200e && point != 0x200f &&
	       !(point >= 0x202a && point <= 0x202e) && !(point >= 0x2066 && point <= 0x2069);
}

bool file_text_ok(const char *text, size_t limit)
{
	size_t length = strlen(text), at = 0;

	if (length > limit)
		return false;
	while (at < length) {
		utf8proc_int32_t point;
		utf8proc_ssize_t step = utf8proc_iterate((const utf8proc_uint8_t *)text + at,
							 (utf8proc_ssize_t)(length - at), &point);

		if (step <= 0 || !is_plain_character(point))
			return false;
		at += (size_t)step;
	}
	return true;
}
