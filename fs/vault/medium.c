#include "fs/vault/medium.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define BATCH 256 /* extents asked for at once */

void medium_layout_free(struct medium_layout *layout)
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

static enum bl_status append(struct medium_layout *layout, const struct medium_extent *extent,
			     struct bl_error *why)
{
	if (layout->count == MEDIUM_EXTENTS)
		return refuse(why,
			      "is in over 65536 pieces (copy it to a filesystem with more room)");
	if (layout->count == layout->room) {
		size_t room = layout->room ? 2 * layout->room : 16;
		struct medium_extent *grown = realloc(layout->items, room * sizeof(*grown));

		if (!grown)
			return bl_fail(why, BL_NO_MEMORY, "out of memory");
		layout->items = grown;
		layout->room = room;
	}
	layout->items[layout->count++] = *extent;
	return BL_OK;
}

/* A walk over [at, end) of a file. */
struct walk {
	uint64_t at, end;
	bool allows_holes;
	struct medium_layout *layout;
};

static enum bl_status take_extent(const struct fiemap_extent *found, struct walk *walk,
				  struct bl_error *why)
{
	bool is_hole = walk->allows_holes && found->fe_flags & FIEMAP_EXTENT_UNWRITTEN;
	uint64_t begin = BL_MAX(found->fe_logical, walk->at), end;

	/* An extent that ends behind the last offset there is, or in front of where it begins, is no answer. */
	if (__builtin_add_overflow(found->fe_logical, found->fe_length, &end) || end <= begin)
		return refuse(why, HOLES);
	for (size_t i = 0; i < BL_COUNT(BAD_EXTENTS) && !is_hole; i++)
		if (found->fe_flags & BAD_EXTENTS[i].flag)
			return refuse(why, BAD_EXTENTS[i].text);
	if (begin != walk->at && !walk->allows_holes)
		return refuse(why, HOLES);
	walk->at = BL_MIN(end, walk->end);
	if (is_hole || begin >= walk->end)
		return BL_OK;

	const struct medium_extent extent = {
		.logical = begin,
		.physical = found->fe_physical + (begin - found->fe_logical),
		.length = walk->at - begin,
	};

	return append(walk->layout, &extent, why);
}

static enum bl_status read_extents(int fd, struct fiemap *map, struct walk *walk,
				   struct bl_error *why)
{
	while (walk->at < walk->end) {
		memset(map, 0, sizeof(*map));
		map->fm_start = walk->at;
		map->fm_length = walk->end - walk->at;
		map->fm_flags = FIEMAP_FLAG_SYNC;
		map->fm_extent_count = BATCH;
		if (ioctl(fd, FS_IOC_FIEMAP, map) != 0)
			return refuse(why, "lies on a filesystem that does not tell where (move it "
					   "to ext4 or xfs)");
		if (map->fm_mapped_extents == 0)
			return walk->allows_holes ? BL_OK : refuse(why, HOLES);
		for (uint32_t i = 0; i < map->fm_mapped_extents && walk->at < walk->end; i++) {
			enum bl_status status = take_extent(&map->fm_extents[i], walk, why);

			if (status != BL_OK)
				return status;
		}
	}
	return BL_OK;
}

static enum bl_status layout_of_range(int fd, uint64_t from, uint64_t to, bool allows_holes,
				      struct medium_layout *out_layout, struct bl_error *why)
{
	BL_CLEANUP(bl_free)
	struct fiemap *map = malloc(sizeof(*map) + BATCH * sizeof(struct fiemap_extent));
	struct medium_layout layout = {0};
	struct walk walk = {.at = from, .end = to, .allows_holes = allows_holes, .layout = &layout};

	if (!map)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status = read_extents(fd, map, &walk, why);

	if (status != BL_OK) {
		medium_layout_free(&layout);
		return status;
	}
	*out_layout = layout;
	return BL_OK;
}

enum bl_status medium_layout_read(int fd, uint64_t size, bool allows_holes,
				  struct medium_layout *out_layout, struct bl_error *why)
{
	return layout_of_range(fd, 0, size, allows_holes, out_layout, why);
}

/* ---- filesystems ------------------------------------------------------------------------------ */

enum nature { IN_PLACE, IN_MEMORY, COPIES, LAYERED, REMOTE, HIDDEN };

/* Magic numbers as statfs(2) and linux/magic.h have them; those of zfs, bcachefs, ntfs and the like as their sources do. */
static const struct {
	uint32_t magic;
	enum nature nature;
	const char *name;
} FILESYSTEMS[] = {
	/* ext2, ext3 and ext4 share one magic and, today, one driver. */
	{0xef53, IN_PLACE, "ext2/3/4"},	  {0x58465342, IN_PLACE, "xfs"},
	{0x01021994, IN_MEMORY, "tmpfs"}, {0x858458f6, IN_MEMORY, "ramfs"},
	{0x9123683e, COPIES, "btrfs"},	  {0x2fc12fc1, COPIES, "zfs"},
	{0xca451a4e, COPIES, "bcachefs"}, {0xf2f52010, COPIES, "f2fs"},
	{0x3434, COPIES, "nilfs2"},	  {0x24051905, COPIES, "ubifs"},
	{0x72b6, COPIES, "jffs2"},	  {0x794c7630, LAYERED, "overlay"},
	{0xf15f, LAYERED, "ecryptfs"},	  {0x6969, REMOTE, "nfs"},
	{0xff534d42, REMOTE, "cifs"},	  {0xfe534d42, REMOTE, "smb2"},
	{0x517b, REMOTE, "smb"},	  {0x01021997, REMOTE, "9p"},
	{0x00c36400, REMOTE, "ceph"},	  {0x5346414f, REMOTE, "afs"},
	{0x6b414653, REMOTE, "kafs"},	  {0x73757245, REMOTE, "coda"},
	{0x01161970, REMOTE, "gfs2"},	  {0x7461636f, REMOTE, "ocfs2"},
	{0x65735546, HIDDEN, "fuse"},	  {0x4d44, HIDDEN, "vfat"},
	{0x2011bab0, HIDDEN, "exfat"},	  {0x7366746e, HIDDEN, "ntfs3"},
	{0x5346544e, HIDDEN, "ntfs"},	  {0x482b, HIDDEN, "hfsplus"},
	{0x3153464a, HIDDEN, "jfs"},	  {0x52654973, HIDDEN, "reiserfs"},
	{0x15013346, HIDDEN, "udf"},	  {0x9660, HIDDEN, "iso9660"},
	{0x73717368, HIDDEN, "squashfs"}, {0xe0f5e1e2, HIDDEN, "erofs"},
};

static const char *const NATURES[] = {
	[COPIES] = "where an overwrite leaves the old bytes (move it to ext4 or xfs)",
	[LAYERED] =
		"a layer on another filesystem, where an overwrite may leave the old bytes (move "
		"it to ext4 or xfs itself)",
	[REMOTE] =
		"on another machine, where nobody here knows what an overwrite leaves (move it to "
		"ext4 or xfs on a disk of this one)",
	[HIDDEN] =
		"a filesystem where an overwrite may leave the old bytes (move it to ext4 or xfs)",
};

static void not_good(struct medium *medium, const char *text)
{
	medium->is_good = false;
	snprintf(medium->trouble, sizeof(medium->trouble), "%s", text);
}

static enum nature look_at_type(int fd, struct medium *medium, bool *out_is_known)
{
	struct statfs fs;

	*out_is_known = fstatfs(fd, &fs) == 0;
	if (!*out_is_known)
		return HIDDEN;
	for (size_t i = 0; i < BL_COUNT(FILESYSTEMS); i++)
		if (FILESYSTEMS[i].magic == (uint32_t)fs.f_type) {
			snprintf(medium->filesystem, sizeof(medium->filesystem), "%s",
				 FILESYSTEMS[i].name);
			return FILESYSTEMS[i].nature;
		}
	snprintf(medium->filesystem, sizeof(medium->filesystem), "0x%x", (unsigned)fs.f_type);
	return HIDDEN;
}

static void look_for_disk(struct medium *medium)
{
	char path[64], target[256];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", medium->major, medium->minor);

	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length <= 0)
		return;
	target[length] = '\0';

	const char *name = strrchr(target, '/');

	name = name ? name + 1 : target;
	if (strlen(name) < sizeof(medium->disk))
		memcpy(medium->disk, name, strlen(name) + 1);
}

/* ---- ext4: options of its mount ---------------------------------------------------------------- */

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
static void look_at_options(struct medium *medium)
{
	char device[32], path[128];
	struct options options = {0};

	snprintf(device, sizeof(device), "%u:%u", medium->major, medium->minor);
	look_into("/proc/self/mountinfo", device, &options);
	snprintf(path, sizeof(path), "/proc/fs/ext4/%s/options", medium->disk);
	look_into(path, NULL, &options);
	if (!options.is_known)
		not_good(medium, "lies on a filesystem whose mount options cannot be seen (mount "
				 "it where Bailee sees it)");
	else if (options.is_journalled)
		not_good(medium,
			 "lies on a filesystem with data=journal (mount it with data=ordered)");
}

/* ---- what a new file in a folder would get ------------------------------------------------------ */

/*
 * No mount option and nothing in /sys tells whether one ext4 has inline_data: the superblock does, which takes the right
 * to read the disk, and a file without a name that is made small, which takes none.
 */
static bool makes_inline_files(int folder_fd)
{
	BL_CLEANUP(fd_close)
	int fd = openat(folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int flags = 0;

	return fd >= 0 && write(fd, "small", 5) == 5 && fsync(fd) == 0 &&
	       ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && flags & FS_INLINE_DATA_FL;
}

static void look_at_folder(int fd, bool is_ext, struct medium *medium)
{
	int flags = 0;
	struct fsxattr extended = {0};

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && flags & FS_JOURNAL_DATA_FL)
		not_good(medium,
			 "lies in a folder whose files have their data journalled (chattr -j it)");
	else if (flags & FS_ENCRYPT_FL)
		not_good(medium,
			 "lies in a folder that its filesystem encrypts (move it to a plain "
			 "folder)");
	else if (ioctl(fd, FS_IOC_FSGETXATTR, &extended) == 0 &&
		 extended.fsx_xflags & FS_XFLAG_RTINHERIT)
		not_good(medium, "lies in a folder for the real-time device of xfs (move it to "
				 "another one)");
	else if (is_ext && makes_inline_files(fd))
		not_good(medium,
			 "lies on ext4 with inline_data, where small files lie inside their "
			 "inodes (move it to a filesystem without)");
}

enum bl_status medium_look(int fd, struct medium *out_medium, struct bl_error *why)
{
	struct medium medium = {.is_good = true};
	struct stat st;
	bool is_known;
	enum nature nature = look_at_type(fd, &medium, &is_known);

	if (!is_known || fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at the filesystem");
	medium.major = major(st.st_dev);
	medium.minor = minor(st.st_dev);
	look_for_disk(&medium);
	medium.has_no_medium = nature == IN_MEMORY;
	if (nature != IN_PLACE && nature != IN_MEMORY) {
		medium.is_good = false;
		snprintf(medium.trouble, sizeof(medium.trouble), "lies on %s, %s",
			 medium.filesystem, NATURES[nature]);
	} else if (nature == IN_PLACE) {
		bool is_ext = strcmp(medium.filesystem, "xfs") != 0;

		if (is_ext)
			look_at_options(&medium);
		if (medium.is_good && S_ISDIR(st.st_mode))
			look_at_folder(fd, is_ext, &medium);
	}
	*out_medium = medium;
	return BL_OK;
}

/* ---- one file ----------------------------------------------------------------------------------- */

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

static enum bl_status check_kind(const struct stat *st, struct bl_error *why)
{
	if (S_ISDIR(st->st_mode))
		return refuse(why, "is a directory (enrol the image file that is mounted there)");
	if (S_ISBLK(st->st_mode))
		return refuse(why, "is a block device (copy it to a file, or sanitise the disk "
				   "with its own tools)");
	if (!S_ISREG(st->st_mode))
		return refuse(why, "is no regular file");
	if (st->st_nlink != 1)
		return refuse(why, "has more than one name (remove the other hard links)");
	return BL_OK;
}

enum bl_status medium_check_file(int fd, struct bl_error *why)
{
	struct stat st;
	struct medium medium;

	if (fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at the image");

	enum bl_status status = check_kind(&st, why);

	if (status == BL_OK)
		status = medium_look(fd, &medium, why);
	if (status != BL_OK)
		return status;
	if (!medium.is_good)
		return refuse(why, medium.trouble);
	if (medium.has_no_medium)
		return refuse(why, "lies in memory, where nothing can be read back below an "
				   "overwrite (move it to ext4 or xfs)");
	status = check_flags(fd, why);
	if (status != BL_OK)
		return status;

	struct medium_layout layout = {0};

	status = medium_layout_read(fd, (uint64_t)st.st_size, false, &layout, why);
	medium_layout_free(&layout);
	return status;
}

/* ---- below the filesystem ------------------------------------------------------------------------ */

int medium_open_disk(unsigned major_number, unsigned minor_number, const char *disk)
{
	char path[128];
	struct stat st;

	if (!*disk)
		return -1;
	snprintf(path, sizeof(path), "/dev/%s", disk);
	for (char *at = path; *at; at++)
		if (*at == '!') /* how sysfs writes the '/' of names such as cciss/c0d0 */
			*at = '/';

	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISBLK(st.st_mode) ||
	    st.st_rdev != makedev(major_number, minor_number))
		return -1;
	return fd_take(&fd);
}

static enum bl_status read_run(int disk, uint64_t from, uint8_t *out, uint64_t length,
			       struct bl_error *why)
{
	for (uint64_t done = 0; done < length;) {
		ssize_t got =
			pread(disk, out + done, (size_t)(length - done), (off_t)(from + done));

		if (got < 0 && errno == EINTR)
			continue;
		/* Sectors larger than the filesystem's blocks: not by this way. */
		if (got < 0 && errno == EINVAL)
			return bl_fail(why, BL_UNSUPPORTED, "the disk below cannot be read so");
		if (got <= 0)
			return bl_fail(why, BL_IO, "cannot read the disk below the file");
		done += (uint64_t)got;
	}
	return BL_OK;
}

static bool is_real_time(int fd)
{
	struct fsxattr extended = {0};

	return ioctl(fd, FS_IOC_FSGETXATTR, &extended) == 0 &&
	       extended.fsx_xflags & FS_XFLAG_REALTIME;
}

enum bl_status medium_read_raw(int fd, uint64_t offset, void *out, size_t length,
			       struct bl_error *why)
{
	struct medium medium;
	struct medium_layout layout = {0};
	enum bl_status status = medium_look(fd, &medium, why);

	if (status != BL_OK)
		return status;
	if (!medium.is_good || medium.has_no_medium || is_real_time(fd))
		return bl_fail(why, BL_UNSUPPORTED, "nothing can be read below this file");

	BL_CLEANUP(fd_close)
	int disk = medium_open_disk(medium.major, medium.minor, medium.disk);

	if (disk < 0)
		return bl_fail(why, BL_UNSUPPORTED, "the disk below the file cannot be opened");
	status = layout_of_range(fd, offset, offset + length, false, &layout, why);
	for (size_t i = 0; i < layout.count && status == BL_OK; i++) {
		const struct medium_extent *extent = &layout.items[i];

		status = read_run(disk, extent->physical,
				  (uint8_t *)out + (extent->logical - offset), extent->length, why);
	}
	medium_layout_free(&layout);
	return status;
}
