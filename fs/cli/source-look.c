#include "fs/cli/source-look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/cli/tell.h"
#include "fs/cli/waiting.h"
#include "fs/image/container.h"

enum bl_status look_open(const char *path, int flags, int *out_fd, struct bl_error *why)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd >= 0) {
		*out_fd = fd;
		return BL_OK;
	}
	if (errno == EACCES && stat(path, &st) == 0 && S_ISBLK(st.st_mode))
		return bl_fail(
			why, BL_INVALID,
			"cannot open source '%s': Permission denied (a block device is root's: "
			"run as root, or be let into its group)",
			path);
	errno = fd < 0 ? errno : 0;
	return bl_fail_errno(why, BL_INVALID, "cannot open source '%s'", path);
}

static void warn(const struct invocation *invocation, const char *path, const char *volume,
		 const char *text)
{
	fprintf(stderr, "warning: %s: '", invocation->command);
	tell_safe(stderr, path);
	fprintf(stderr, "': %s%s%s\n", volume, *volume ? ": " : "", text);
}

/* Words that begin with a file's name say already which it is. */
static void warn_of_whole(const struct invocation *invocation, const char *path, const char *text)
{
	if (text[0] != '\'') {
		warn(invocation, path, "", text);
		return;
	}
	fprintf(stderr, "warning: %s: ", invocation->command);
	tell_safe(stderr, text);
	fputc('\n', stderr);
}

static void warn_of_volumes(const struct invocation *invocation, const char *path,
			    const struct image *image)
{
	for (size_t i = 0; i < image_volume_count(image); i++) {
		const struct image_volume *volume = image_volume(image, i);

		if (!volume->is_readable && !volume->is_left_out)
			warn(invocation, path, volume->name, volume->notice);
	}
}

/* What is no image is told by whoever enrols it. */
static bool is_image(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISBLK(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size));
}

enum bl_status look_into(const char *path, int fd, const struct image_options *options,
			 struct image **out_image, struct bl_error *why)
{
	BL_CLEANUP(container_free) struct container *container = NULL;
	enum bl_status status = container_open_beside(fd, path, &container, why);

	return status == BL_OK ? image_open_container(BL_TAKE(container), options, out_image, why)
			       : status;
}

enum bl_status look_at(const struct invocation *invocation, const char *path, int fd,
		       const struct image_part *part, struct bl_error *why)
{
	BL_CLEANUP(image_close) struct image *image = NULL;
	bool is_whole = image_part_is_whole(part);
	struct waiting waiting;
	char reader[4096];
	const struct image_options options = {.reader_path = reader,
					      .part = is_whole ? NULL : part};

	if (!is_image(fd))
		return is_whole ? BL_OK
				: bl_fail(why, BL_INVALID,
					  "'%s' is no image, or an empty one: offset=, partition= "
					  "and fs= are for images",
					  path);
	enum bl_status status = daemon_reader_path(reader, sizeof(reader), why);

	if (status != BL_OK)
		return status;
	waiting_begin(&waiting, invocation->command, path, invocation->wants_json);
	status = look_into(path, fd, &options, &image, why);
	waiting_end(&waiting);
	if (status == BL_OK)
		warn_of_volumes(invocation, path, image);
	else if (is_whole)
		warn_of_whole(invocation, path, why->text);
	else
		bl_explain(why, "'%s'", path);
	if (is_whole)
		return BL_OK;
	return status == BL_NOT_FOUND ? BL_INVALID : status;
}
