/* vault-disk.h - filesystems of a test's own, on loop devices
 *
 * The mounts live in a mount namespace of this process and a loop device clears itself when its last user is gone: whatever way
 * the test ends, nothing stays but the temporary folder, which teardown removes.
 */
#ifndef TESTS_VAULT_DISK_H
#define TESTS_VAULT_DISK_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/base.h"

#define DISK_ARGUMENTS 10

struct disk {
	char root[64];
	bool is_mounted;
	int backing, folder; /* the file below the loop device; what is mounted */
};

/* What a row of a table asks for; make[0] NULL: nothing is made, @type is mounted by itself. */
struct disk_kind {
	const char *name, *type, *options;
	size_t megabytes;
	const char *make[DISK_ARGUMENTS],
		*tune[DISK_ARGUMENTS]; /* the path of the disk comes behind them */
};

static inline bool disk_run(const char *const arguments[DISK_ARGUMENTS], const char *path)
{
	const char *argv[DISK_ARGUMENTS + 2] = {NULL};
	size_t count = 0;
	int status;

	while (count < DISK_ARGUMENTS && arguments[count]) {
		argv[count] = arguments[count];
		count++;
	}
	argv[count] = path;

	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

/* LOOP_CONFIGURE loses a race for a free number with EBUSY: then the next one. */
static inline int disk_attach(int backing, char out_path[32])
{
	BL_CLEANUP(fd_close) int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = {.fd = (uint32_t)backing,
				     .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};

	for (int attempt = 0; control >= 0 && attempt < 16; attempt++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		snprintf(out_path, 32, "/dev/loop%d", number);

		int loop = number < 0 ? -1 : open(out_path, O_RDWR | O_CLOEXEC);

		if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) == 0)
			return loop;
		fd_close(loop);
	}
	return -1;
}

static inline bool disk_make(struct disk *disk, const struct disk_kind *kind, char out_source[128])
{
	char path[32];

	snprintf(out_source, 128, "%s/disk", disk->root);
	disk->backing = open(out_source, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (disk->backing < 0 || ftruncate(disk->backing, (off_t)kind->megabytes << 20) != 0 ||
	    !disk_run(kind->make, out_source) ||
	    (kind->tune[0] && !disk_run(kind->tune, out_source)))
		return false;

	BL_CLEANUP(fd_close) int loop = disk_attach(disk->backing, path);

	snprintf(out_source, 128, "%s", path);

	char folder[128];

	snprintf(folder, sizeof(folder), "%s/mnt", disk->root);
	disk->is_mounted = loop >= 0 && mount(path, folder, kind->type, 0, kind->options) == 0;
	return disk->is_mounted;
}

/* False: no right, no loop devices, no such filesystem or no tools for it here. */
static inline bool disk_init(struct disk *disk, const struct disk_kind *kind)
{
	char folder[128], source[128] = "none";

	strcpy(disk->root, "/tmp/bailee-test-XXXXXX");
	if (!mkdtemp(disk->root))
		abort();
	snprintf(folder, sizeof(folder), "%s/mnt", disk->root);
	if (mkdir(folder, 0700) != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	if (kind->make[0])
		disk_make(disk, kind, source);
	else
		disk->is_mounted = mount(source, folder, kind->type, 0, kind->options) == 0;
	if (disk->is_mounted)
		disk->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return disk->is_mounted && disk->folder >= 0;
}

static inline int disk_remove_one(const char *path, const struct stat *st, int type,
				  struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* For setup and teardown of every test: also one that fails or skips leaves nothing. */
static inline int disk_setup(void **state)
{
	struct disk *disk = calloc(1, sizeof(*disk));

	if (!disk)
		return -1;
	disk->backing = disk->folder = -1;
	*state = disk;
	return 0;
}

static inline int disk_teardown(void **state)
{
	struct disk *disk = *state;
	char folder[128];

	fd_close(disk->folder);
	fd_close(disk->backing);
	snprintf(folder, sizeof(folder), "%s/mnt", disk->root);
	while (disk->is_mounted && umount2(folder, MNT_DETACH) == 0)
		;
	if (*disk->root)
		nftw(disk->root, disk_remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	free(disk);
	return 0;
}

/* How often @bytes are in the file below the loop device: the whole medium, journal and free space and all. */
static inline size_t disk_count(const struct disk *disk, const void *bytes, size_t length)
{
	const size_t step = 1u << 20;
	uint8_t *buffer = malloc(step + length);
	size_t found = 0, seen = 0;

	if (!buffer || fsync(disk->backing) != 0)
		abort();
	for (off_t at = 0; (at = lseek(disk->backing, at, SEEK_DATA)) >= 0; at += (off_t)step) {
		ssize_t got = pread(disk->backing, buffer, step + length - 1, at);

		if (got <= 0)
			break;
		seen += (size_t)got;
		for (const uint8_t *hit = buffer;
		     (hit = memmem(hit, (size_t)got - (size_t)(hit - buffer), bytes, length));
		     hit++)
			found++;
	}
	free(buffer);
	/* Reading nothing must not look like finding nothing. */
	if (!seen)
		abort();
	return found;
}

#define DISK_EXT4(...)                                                                             \
	{                                                                                          \
		"mke2fs", "-q", "-F", "-t", "ext4", __VA_ARGS__                                    \
	}
#define DISK_XFS                                                                                   \
	{                                                                                          \
		"mkfs.xfs", "-q", "-f"                                                             \
	}
#define DISK_BTRFS                                                                                 \
	{                                                                                          \
		"mkfs.btrfs", "-q", "-f"                                                           \
	}

#endif
