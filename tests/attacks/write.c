/* write.c - every place that can be written to, and every other way to change a file */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static int put(struct attack *attack, const char *path, int flags)
{
	int fd = open(path, O_WRONLY | flags, 0666);

	if (fd < 0)
		return failed(attack, "open");
	ssize_t done = write(fd, attack->marker, MARKER_LENGTH);

	return done == MARKER_LENGTH && close(fd) == 0 ? 0 : failed(attack, "write");
}

static int put_in(struct attack *attack, const char *folder)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, attack->key);
	return put(attack, path, O_CREAT);
}

static int listen_nothing(struct attack *attack)
{
	(void)attack;
	return 0;
}

static bool found_in(struct attack *attack, const char *folder)
{
	char path[4096], bytes[MARKER_LENGTH + 1];

	snprintf(path, sizeof(path), "%s/%s", folder, attack->key);
	int fd = open(path, O_RDONLY);
	bool is_found = fd >= 0 && is_marker(attack, bytes, read(fd, bytes, sizeof(bytes)));

	if (fd >= 0)
		close(fd);
	unlink(path);
	return is_found;
}

static int tmp(struct attack *attack)
{
	return put_in(attack, "/tmp");
}
static bool tmp_heard(struct attack *attack)
{
	return found_in(attack, "/tmp");
}
static int var_tmp(struct attack *attack)
{
	return put_in(attack, "/var/tmp");
}
static bool var_tmp_heard(struct attack *attack)
{
	return found_in(attack, "/var/tmp");
}
static int dev_shm(struct attack *attack)
{
	return put_in(attack, "/dev/shm");
}
static bool dev_shm_heard(struct attack *attack)
{
	return found_in(attack, "/dev/shm");
}
static int home(struct attack *attack)
{
	const char *folder = getenv("HOME");

	return put_in(attack, folder ? folder : "/");
}
static int etc(struct attack *attack)
{
	char path[4096];
	int error = put_in(attack, "/etc");

	snprintf(path, sizeof(path), "/etc/%s", attack->key);
	if (!error)
		unlink(path);
	return error;
}
static int bin(struct attack *attack)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length < 0)
		length = snprintf(path, sizeof(path), "/usr/bin/attack");
	path[length] = 0;
	*strrchr(path, '/') = 0;
	return put_in(attack, path);
}
static int beside(struct attack *attack)
{
	return put_in(attack, attack->folder);
}

/* The file that attempts may destroy: the runner makes it anew for each. */
static const char *victim_of(struct attack *attack, char *path)
{
	snprintf(path, 4096, "%s/victim.txt", attack->folder);
	return path;
}
static int over(struct attack *attack)
{
	char path[4096];

	return put(attack, victim_of(attack, path), 0);
}
static int append(struct attack *attack)
{
	char path[4096];

	return put(attack, victim_of(attack, path), O_APPEND);
}
static int open_truncate(struct attack *attack)
{
	char path[4096];

	return truncate(victim_of(attack, path), 3) == 0 ? 0 : failed(attack, "truncate");
}
static int by_map(struct attack *attack)
{
	char path[4096];
	int fd = open(victim_of(attack, path), O_RDWR);

	if (fd < 0)
		return failed(attack, "open");
	char *bytes = mmap(NULL, MARKER_LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (bytes == MAP_FAILED)
		return failed(attack, "mmap");
	memcpy(bytes, attack->marker, MARKER_LENGTH);
	return 0;
}
static int rename_it(struct attack *attack)
{
	char path[4096], other[4096];

	snprintf(other, sizeof(other), "%s/%s", attack->folder, attack->key);
	return rename(victim_of(attack, path), other) == 0 ? 0 : failed(attack, "rename");
}
static int unlink_it(struct attack *attack)
{
	char path[4096];

	return unlink(victim_of(attack, path)) == 0 ? 0 : failed(attack, "unlink");
}
static int link_it(struct attack *attack)
{
	char path[4096], other[4096];

	snprintf(other, sizeof(other), "%s/%s", attack->folder, attack->key);
	return link(victim_of(attack, path), other) == 0 ? 0 : failed(attack, "link");
}
static int symlink_it(struct attack *attack)
{
	char other[4096];

	snprintf(other, sizeof(other), "/tmp/%s", attack->key);
	return symlink(attack->marker, other) == 0 ? 0 : failed(attack, "symlink");
}
static bool symlink_heard(struct attack *attack)
{
	char other[4096], target[MARKER_LENGTH + 1];

	snprintf(other, sizeof(other), "/tmp/%s", attack->key);
	bool is_heard = is_marker(attack, target, readlink(other, target, sizeof(target)));

	unlink(other);
	return is_heard;
}
static int folder_name(struct attack *attack)
{
	char path[4096];

	snprintf(path, sizeof(path), "/tmp/%s%s", attack->key, attack->marker);
	return mkdir(path, 0777) == 0 ? 0 : failed(attack, "mkdir");
}
static bool folder_name_heard(struct attack *attack)
{
	char path[4096];

	snprintf(path, sizeof(path), "/tmp/%s%s", attack->key, attack->marker);
	return rmdir(path) == 0;
}
static int fifo(struct attack *attack)
{
	char path[4096];

	snprintf(path, sizeof(path), "/tmp/%s", attack->key);
	int fd = open(path, O_WRONLY | O_NONBLOCK);

	if (fd < 0)
		return failed(attack, "open");
	return write(fd, attack->marker, MARKER_LENGTH) > 0 ? 0 : failed(attack, "write");
}
static int fifo_listen(struct attack *attack)
{
	char path[4096];

	snprintf(path, sizeof(path), "/tmp/%s", attack->key);
	if (mkfifo(path, 0666) < 0)
		return failed(attack, "mkfifo");
	attack->fd = open(path, O_RDONLY | O_NONBLOCK);
	return attack->fd < 0 ? failed(attack, "open") : 0;
}
static bool fifo_heard(struct attack *attack)
{
	char path[4096], bytes[MARKER_LENGTH];

	snprintf(path, sizeof(path), "/tmp/%s", attack->key);
	unlink(path);
	return is_marker(attack, bytes, read(attack->fd, bytes, sizeof(bytes)));
}
static int node(struct attack *attack)
{
	char path[4096];

	/* The kernel's memory device, which needs no driver: nothing is opened. */
	snprintf(path, sizeof(path), "/tmp/%s", attack->key);
	if (mknod(path, S_IFBLK | 0600, makedev(7, 0)) < 0)
		return failed(attack, "mknod");
	unlink(path);
	return 0;
}
static int nameless(struct attack *attack)
{
	char path[4096], of[64];
	int fd = open("/tmp", O_TMPFILE | O_WRONLY, 0666);

	if (fd < 0)
		return failed(attack, "open");
	snprintf(path, sizeof(path), "/tmp/%s", attack->key);
	snprintf(of, sizeof(of), "/proc/self/fd/%d", fd);
	if (write(fd, attack->marker, MARKER_LENGTH) < 0)
		return failed(attack, "write");
	return linkat(AT_FDCWD, of, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0
		       ? 0
		       : failed(attack, "linkat");
}
static int attribute(struct attack *attack)
{
	char path[4096];

	if (setxattr(victim_of(attack, path), "user.bit", attack->marker, MARKER_LENGTH, 0) < 0)
		return failed(attack, "setxattr");
	return 0;
}
static int times(struct attack *attack)
{
	char path[4096];
	const struct timespec at[2] = {{1, 2}, {3, 4}};

	return utimensat(AT_FDCWD, victim_of(attack, path), at, 0) == 0
		       ? 0
		       : failed(attack, "utimensat");
}
static int mode(struct attack *attack)
{
	char path[4096];

	return chmod(victim_of(attack, path), 0604) == 0 ? 0 : failed(attack, "chmod");
}
static int descriptor_mode(struct attack *attack)
{
	int fd = open(attack->secret, O_RDONLY);

	return fchmod(fd, 0644) == 0 ? 0 : failed(attack, "fchmod");
}
static int flags(struct attack *attack)
{
	char path[4096];
	int fd = open(victim_of(attack, path), O_RDONLY), value = FS_NODUMP_FL;

	if (fd < 0)
		return failed(attack, "open");
	return ioctl(fd, FS_IOC_SETFLAGS, &value) == 0 ? 0 : failed(attack, "ioctl");
}
static int clone_it(struct attack *attack)
{
	char path[4096];
	int from = open(attack->secret, O_RDONLY), to = open(victim_of(attack, path), O_WRONLY);

	if (to < 0)
		return failed(attack, "open");
	return copy_file_range(from, NULL, to, NULL, MARKER_LENGTH, 0) > 0
		       ? 0
		       : failed(attack, "copy_file_range");
}
static int device_disk(struct attack *attack)
{
	static const char *const disks[] = {"/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0"};
	unsigned long long bytes;

	for (size_t i = 0; i < sizeof(disks) / sizeof(disks[0]); i++) {
		int fd = open(disks[i], O_RDONLY | O_NONBLOCK);

		if (fd >= 0)
			return ioctl(fd, BLKGETSIZE64, &bytes) == 0 ? 0 : failed(attack, "ioctl");
	}
	return failed(attack, "open");
}
static int device_log(struct attack *attack)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	return fd >= 0 ? 0 : failed(attack, "open");
}
static int device_fuse(struct attack *attack)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	return fd >= 0 ? 0 : failed(attack, "open");
}
static int fill(struct attack *attack)
{
	static char block[65536];
	char path[4096];
	int error = 0;

	snprintf(path, sizeof(path), "/tmp/%s", attack->key);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	if (fd < 0)
		return failed(attack, "open");
	for (int i = 0; i < 32 && !error; i++)
		if (write(fd, block, sizeof(block)) != sizeof(block))
			error = failed(attack, "write");
	unlink(path);
	return error;
}

const struct row write_rows[] = {
	{"write-tmp", "a file in /tmp", PEER, tmp, listen_nothing, tmp_heard},
	{"write-var-tmp", "a file in /var/tmp", PEER, var_tmp, listen_nothing, var_tmp_heard},
	{"write-dev-shm", "a file in /dev/shm", PEER, dev_shm, listen_nothing, dev_shm_heard},
	{"write-home", "a file in $HOME", 0, home, NULL, NULL},
	{"write-etc", "a file in /etc", BY_ROOT, etc, NULL, NULL},
	{"write-bin", "a file beside its own program", 0, bin, NULL, NULL},
	{"write-beside", "a file beside the secret", 0, beside, NULL, NULL},
	{"write-over", "over a file of the device", 0, over, NULL, NULL},
	{"write-append", "behind a file of the device", 0, append, NULL, NULL},
	{"write-truncate", "shorten a file of the device", 0, open_truncate, NULL, NULL},
	{"write-map", "a shared map of a file of the device", 0, by_map, NULL, NULL},
	{"write-rename", "another name for a file of the device", 0, rename_it, NULL, NULL},
	{"write-unlink", "remove a file of the device", 0, unlink_it, NULL, NULL},
	{"write-link", "a hard link to a file of the device", 0, link_it, NULL, NULL},
	{"write-symlink", "the secret as a symbolic link's target", PEER, symlink_it,
	 listen_nothing, symlink_heard},
	{"write-folder-name", "the secret as a folder's name", PEER, folder_name, listen_nothing,
	 folder_name_heard},
	{"write-fifo", "a named pipe of a partner", PEER, fifo, fifo_listen, fifo_heard},
	{"write-node", "a block device node of its own", BY_ROOT, node, NULL, NULL},
	{"write-nameless", "a file without a name (O_TMPFILE), named later", 0, nameless,
	 listen_nothing, tmp_heard},
	{"write-attribute", "an extended attribute of a file of the device", 0, attribute, NULL,
	 NULL},
	{"write-times", "the times of a file of the device", 0, times, NULL, NULL},
	{"write-mode", "the mode of a file of the device", 0, mode, NULL, NULL},
	{"write-descriptor-mode", "the mode of a file that is open", 0, descriptor_mode, NULL,
	 NULL},
	{"write-flags", "the inode flags of a file of the device", 0, flags, NULL, NULL},
	{"write-copy-range", "copy_file_range onto a file of the device", 0, clone_it, NULL, NULL},
	{"device-disk", "open a disk, ask its size", BY_ROOT, device_disk, NULL, NULL},
	{"device-kmsg", "the kernel's log", BY_ROOT, device_log, NULL, NULL},
	{"device-fuse", "a mount's descriptor of its own (/dev/fuse)", 0, device_fuse, NULL, NULL},
	{"write-fill", "two megabytes into /tmp", 0, fill, NULL, NULL},
	{0},
};
