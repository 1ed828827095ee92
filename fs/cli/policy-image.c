/* The paths of an image, for `policy check --image`. The image is hostile: everything here has a bound. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/cli/policy.h"
#include "fs/cli/source-look.h"
#include "fs/image/image.h"

#define WALK_PATH    4096
#define WALK_ENTRIES 4000000u

struct folder {
	struct folder *next;
	uint64_t inode;
	char path[]; /* "" is the root */
};

struct walk {
	struct image *image;
	struct rules_paths_seen *seen;
	struct folder *waiting; /* a stack */
	const struct folder *here;
	size_t entries;
	enum bl_status status;
};

static enum bl_status push(struct walk *walk, uint64_t inode, const char *path)
{
	struct folder *folder = malloc(sizeof(*folder) + strlen(path) + 1);

	if (!folder)
		return BL_NO_MEMORY;
	folder->inode = inode;
	strcpy(folder->path, path);
	folder->next = walk->waiting;
	walk->waiting = folder;
	return BL_OK;
}

static void drop_all(struct walk *walk)
{
	while (walk->waiting) {
		struct folder *next = walk->waiting->next;

		free(walk->waiting);
		walk->waiting = next;
	}
}

static bool see(void *context, const struct image_entry *entry)
{
	struct walk *walk = context;
	char path[WALK_PATH];
	int length = snprintf(path, sizeof(path), "%s/%s", walk->here->path, entry->name);

	/* A folder that holds itself ends here. */
	if (length < 0 || (size_t)length >= sizeof(path) || ++walk->entries > WALK_ENTRIES) {
		walk->status = BL_TOO_LARGE;
		return false;
	}
	walk->status = rules_paths_see(walk->seen, path);
	/* What it is may not be known before it is listed: what is no folder lists nothing. */
	if (walk->status == BL_OK && (!entry->has_attr || entry->attr.type == IMAGE_DIR))
		walk->status = push(walk, entry->inode, path);
	return walk->status == BL_OK;
}

static enum bl_status walk_volume(struct walk *walk, unsigned number, struct bl_error *why)
{
	const struct image_volume *volume = image_volume(walk->image, number);
	size_t unread = 0;

	if (!volume->is_readable) {
		fprintf(stderr, "note: policy check: %s: %s\n", volume->name, volume->notice);
		return BL_OK;
	}
	walk->status = push(walk, volume->root, "");
	while (walk->status == BL_OK && walk->waiting) {
		BL_CLEANUP(bl_free) struct folder *folder = walk->waiting;

		walk->waiting = folder->next;
		walk->here = folder;

		enum bl_status status =
			image_list(walk->image, number, folder->inode, see, walk, NULL);

		if (status != BL_OK && status != BL_NOT_FOUND)
			unread++;
	}
	if (unread)
		fprintf(stderr, "note: policy check: %zu folders of %s cannot be read\n", unread,
			volume->name[0] ? volume->name : "the directory");
	if (walk->status == BL_TOO_LARGE)
		return bl_fail(why, BL_TOO_LARGE,
			       "the image has paths over %d bytes or more than %u entries",
			       WALK_PATH - 1, WALK_ENTRIES);
	return walk->status == BL_OK ? BL_OK : bl_fail(why, walk->status, "out of memory");
}

static enum bl_status open_image(const char *path, struct image **out_image, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char reader[4096];
	const struct image_options options = {.reader_path = reader};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open '%s'", path);

	bool is_raw = !S_ISDIR(st.st_mode);
	enum bl_status status = is_raw ? daemon_reader_path(reader, sizeof(reader), why) : BL_OK;

	if (status == BL_OK)
		status = is_raw ? look_into(path, fd, &options, out_image, why)
				: image_open(fd, IMAGE_DIRECTORY, &options, out_image, why);
	if (status != BL_OK)
		bl_explain(why, "image '%s'", path);
	return status;
}

enum bl_status policy_walk_image(const char *path, struct rules_paths_seen *seen,
				 struct bl_error *why)
{
	BL_CLEANUP(image_close) struct image *image = NULL;
	enum bl_status status = open_image(path, &image, why);

	if (status != BL_OK)
		return status;

	struct walk walk = {.image = image, .seen = seen};
	bool is_any_readable = false;

	for (size_t i = 0; status == BL_OK && i < image_volume_count(image); i++) {
		is_any_readable = is_any_readable || image_volume(image, i)->is_readable;
		status = walk_volume(&walk, (unsigned)i, why);
		drop_all(&walk);
	}
	if (status == BL_OK && !is_any_readable)
		return bl_fail(why, BL_IO, "no partition of '%s' can be read", path);
	return status;
}
