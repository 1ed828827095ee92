#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fs/retention/private.h"

#define BATCH	  256	     /* extents asked for at once */
#define XFS_MAGIC 0x58465342 /* linux/magic.h has it only since 6.x */

void layout_free(struct layout *layout)
{
	free(layout->items);
	memset(layout, 0, sizeof(*layout));
}

/* ---- extents --------------------------------------------------------------------------------- */

/* Each flag means that an overwrite in place would miss the bytes, or that FIEMAP does not know where they are. */
static const struct {
	uint32_t flag;
	const char *text;
} BAD_EXTENTS[] = {
	{FIEMAP_EXTENT_SHARED,
	 "shares extents with another file (copy it with 'cp --reflink=never' and enrol the copy)"},
	{FIEMAP_EXTENT_DATA_ENCRYPTED,
	 "is encrypted by its filesystem (move it to a plain folder)"},
	{FIEMAP_EXTENT_ENCODED,
	 "is compressed or encoded by its filesystem (move it to ext4 or xfs)"},
	{FIEMAP_EXTENT_DATA_INLINE,
	 "lies inside its inode (move it to a filesystem without inline_data)"},
	{FIEMAP_EXTENT_DATA_TAIL, "shares a block with another file (move it to ext4 or xfs)"},
	{FIEMAP_EXTENT_UNWRITTEN, "has preallocated parts that were never written (copy it with "
				  "'cp --sparse=never' and enrol the copy)"},
	{FIEMAP_EXTENT_DELALLOC, "is still being written (close the program that writes it)"},
	{FIEMAP_EXTENT_NOT_ALIGNED, "does not lie in whole blocks (move it to ext4 or xfs)"},
	{FIEMAP_EXTENT_UNKNOWN,
	 "lies in places its filesystem does not tell (move it to ext4 or xfs)"},
};
#define HOLES                                                                                      \
	"has holes, where old bytes may lie (copy it with 'cp --sparse=never' and enrol the copy)"

static enum bl_status refuse(struct bl_error *why, const char *text)
{
	return bl_fail(why, BL_UNSUPPORTED, "the image cannot be destroyed truthfully: it %s",
		       text);
}

static enum bl_status append(struct layout *layout, const struct extent *extent,
			     struct bl_error *why)
{
	if (layout->count == EXTENT_LIMIT)
		return refuse(why,
			      "is in over 65536 pieces (copy it to a filesystem with more room)");
	if (layout->count == layout->room) {
		size_t room = layout->room ? 2 * layout->room : 16;
		struct extent *grown = realloc(layout->items, room * sizeof(*grown));

		if (!grown)
			return bl_fail(why, BL_NO_MEMORY, "out of memory");
		layout->items = grown;
		layout->room = room;
	}
	layout->items[layout->count++] = *extent;
	return BL_OK;
}

static enum bl_status take_extent(const struct fiemap_extent *found, uint64_t size, uint64_t *at,
				  struct layout *layout, struct bl_error *why)
{
	for (size_t i = 0; i < BL_COUNT(BAD_EXTENTS); i++)
		if (found->fe_flags & BAD_EXTENTS[i].flag)
			return refuse(why, BAD_EXTENTS[i].text);
	if (found->fe_logical != *at)
		return refuse(why, HOLES);

	const struct extent extent = {
		.logical = found->fe_logical,
		.physical = found->fe_physical,
		.length = BL_MIN(found->fe_length, size - *at),
	};

	*at += extent.length;
	return append(layout, &extent, why);
}

static enum bl_status read_extents(int fd, uint64_t size, struct fiemap *map, struct layout *layout,
				   struct bl_error *why)
{
	uint64_t at = 0;

	while (at < size) {
		memset(map, 0, sizeof(*map));
		map->fm_start = at;
		map->fm_length = size - at;
		map->fm_flags = FIEMAP_FLAG_SYNC;
		map->fm_extent_count = BATCH;
		if (ioctl(fd, FS_IOC_FIEMAP, map) != 0)
			return refuse(why, "lies on a filesystem that does not tell where (move it "
					   "to ext4 or xfs)");
		if (map->fm_mapped_extents == 0)
			return refuse(why, HOLES);
		for (uint32_t i = 0; i < map->fm_mapped_extents && at < size; i++) {
			enum bl_status status =
				take_extent(&map->fm_extents[i], size, &at, layout, why);

			if (status != BL_OK)
				return status;
		}
	}
	return BL_OK;
}

enum bl_status layout_read(int fd, uint64_t size, struct layout *out_layout, struct bl_error *why)
{
	BL_CLEANUP(bl_free)
	struct fiemap *map = malloc(sizeof(*map) + BATCH * sizeof(struct fiemap_extent));
	struct layout layout = {0};

	if (!map)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status = read_extents(fd, size, map, &layout, why);

	if (status != BL_OK) {
		layout_free(&layout);
		return status;
	}
	*out_layout = layout;
	return BL_OK;
}

/* ---- the filesystem ------------------------------------------------------------------------------ */

void layout_disk(dev_t dev, char out[64])
{
	char path[64], target[256];

	out[0] = '\0';
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dev), minor(dev));

	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length <= 0)
		return;
	target[length] = '\0';

	const char *name = strrchr(target, '/');

	name = name ? name + 1 : target;
	if (strlen(name) < 64)
		memcpy(out, name, strlen(name) + 1);
}

const char *layout_filesystem(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return NULL;
	/* ext2, ext3 and ext4 share one magic and, today, one driver. */
	if (fs.f_type == EXT4_SUPER_MAGIC)
		return "ext2/3/4";
	return fs.f_type == XFS_MAGIC ? "xfs" : NULL;
}

static bool has_option(const char *options, const char *wanted)
{
	size_t length = strlen(wanted);

	for (const char *at = options; (at = strstr(at, wanted)); at += length) {
		bool begins = at == options || at[-1] == ',' || at[-1] == '\n' || at[-1] == ' ';
		bool ends = !at[length] || at[length] == ',' || at[length] == '\n';

		if (begins && ends)
			return true;
	}
	return false;
}

struct options {
	bool is_known, is_journalled;
};

static void look_at_lines(FILE *file, const char *device, struct options *options)
{
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, file) > 0) {
		/* mountinfo: "36 35 98:0 /root /mount options - type source options" */
		char found[32];

		if (device &&
		    (sscanf(line, "%*s %*s %31s", found) != 1 || strcmp(found, device) != 0))
			continue;
		options->is_known = true;
		options->is_journalled = options->is_journalled || has_option(line, "data=journal");
	}
	free(line);
}

static void look_into(const char *path, const char *device, struct options *options)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return;
	look_at_lines(file, device, options);
	fclose(file);
}

/*
 * mountinfo leaves out what the superblock says by default (tune2fs -o journal_data), /proc/fs/ext4 tells all but
 * is not there for every driver: both are asked, and knowing nothing is a no.
 */
static enum bl_status check_journalling(dev_t dev, struct bl_error *why)
{
	char device[32], disk[64], path[128];
	struct options options = {0};

	snprintf(device, sizeof(device), "%u:%u", major(dev), minor(dev));
	look_into("/proc/self/mountinfo", device, &options);
	layout_disk(dev, disk);
	snprintf(path, sizeof(path), "/proc/fs/ext4/%s/options", disk);
	look_into(path, NULL, &options);
	if (!options.is_known)
		return refuse(why, "lies on a filesystem whose mount options cannot be seen (mount "
				   "it where Bailee sees it)");
	if (options.is_journalled)
		return refuse(
			why, "lies on a filesystem with data=journal (mount it with data=ordered)");
	return BL_OK;
}

static const struct {
	int flag;
	const char *text;
} BAD_FLAGS[] = {
	{FS_JOURNAL_DATA_FL, "has its data journalled (chattr -j it)"},
	{FS_COMPR_FL, "is compressed by its filesystem (chattr -c it and copy it)"},
	{FS_ENCRYPT_FL, "is encrypted by its filesystem (move it to a plain folder)"},
	{FS_INLINE_DATA_FL, "lies inside its inode (move it to a filesystem without inline_data)"},
	{FS_IMMUTABLE_FL, "is immutable (chattr -i it)"},
	{FS_APPEND_FL, "is append-only (chattr -a it)"},
	{FS_VERITY_FL, "is sealed by fs-verity (copy it and enrol the copy)"},
};

static enum bl_status check_flags(int fd, struct bl_error *why)
{
	int flags = 0;
	struct fsxattr extended = {0};

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		return refuse(why, "lies on a filesystem that does not tell its flags (move it to "
				   "ext4 or xfs)");
	for (size_t i = 0; i < BL_COUNT(BAD_FLAGS); i++)
		if (flags & BAD_FLAGS[i].flag)
			return refuse(why, BAD_FLAGS[i].text);
	/* The real-time device of xfs is another one than st_dev: the raw read-back would look in the wrong place. */
	if (ioctl(fd, FS_IOC_FSGETXATTR, &extended) == 0 && extended.fsx_xflags & FS_XFLAG_REALTIME)
		return refuse(why,
			      "lies on the real-time device of xfs (copy it and enrol the copy)");
	return BL_OK;
}

enum bl_status retention_check_source(int fd, struct bl_error *why)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at the image");
	if (S_ISDIR(st.st_mode))
		return refuse(why, "is a directory (enrol the image file that is mounted there)");
	if (S_ISBLK(st.st_mode))
		return refuse(why, "is a block device (copy it to a file, or sanitise the disk "
				   "with its own tools)");
	if (!S_ISREG(st.st_mode))
		return refuse(why, "is no regular file");
	if (st.st_nlink != 1)
		return refuse(why, "has more than one name (remove the other hard links)");

	const char *filesystem = layout_filesystem(fd);

	if (!filesystem)
		return refuse(why, "lies on a filesystem where an overwrite may leave the old "
				   "bytes (move it to ext4 or xfs)");

	enum bl_status status = check_flags(fd, why);

	if (status == BL_OK && strcmp(filesystem, "xfs") != 0)
		status = check_journalling(st.st_dev, why);
	if (status != BL_OK)
		return status;

	struct layout layout = {0};

	status = layout_read(fd, (uint64_t)st.st_size, &layout, why);
	layout_free(&layout);
	return status;
}
