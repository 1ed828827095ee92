/*
 * What the kernel knows of a medium: sysfs. Its texts come from the drive's firmware, so from whoever made or changed that.
 *
 * Linux, Documentation/ABI: /sys/dev/block/M:m leads to the block device; below it `device` is the SCSI device (`model`, `vpd_pg80`), the NVMe
 * controller or subsystem (`model`, `serial`) or the MMC card (`name`, `serial`); virtio has `serial` at the block device. SCSI, SPC-4 7.8.16
 * "Unit Serial Number VPD page": four bytes of header, then the number.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fs/inspect/report-private.h"

#define ATTRIBUTE 512 /* bytes that are read of one */

/* How many bytes of an attribute were read; 0: it is not there. */
static size_t attribute(int disk, const char *path, char out[ATTRIBUTE])
{
	BL_CLEANUP(fd_close) int fd = openat(disk, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t length = fd < 0 ? -1 : read(fd, out, ATTRIBUTE);

	return length < 0 ? 0 : (size_t)length;
}

static bool take(int disk, const char *path, size_t skip, char out[DEVICE_TEXT])
{
	char bytes[ATTRIBUTE];
	size_t length = attribute(disk, path, bytes);

	if (length <= skip)
		return false;
	inspect_words_take(out, DEVICE_TEXT, bytes + skip, length - skip);
	return *out;
}

/*
 * "t10.ATA     MODEL, padded   SERIAL": its last word. Other forms (naa, eui) are names of the drive, not its serial number, and would only
 * ever be found to differ from it.
 */
static void take_wwid(int disk, char out[DEVICE_TEXT])
{
	char wwid[DEVICE_TEXT];
	const char *last;

	if (!take(disk, "device/wwid", 0, wwid) || strncmp(wwid, "t10.ATA ", 8) != 0)
		return;
	last = strrchr(wwid, ' ') + 1;
	memcpy(out, last, strlen(last) + 1);
}

static void take_serial(int disk, char out[DEVICE_TEXT])
{
	static const struct {
		const char *path;
		size_t skip;
	} places[] = {{"device/serial", 0}, {"device/vpd_pg80", 4}, {"serial", 0}};

	for (size_t i = 0; i < BL_COUNT(places); i++)
		if (take(disk, places[i].path, places[i].skip, out))
			return;
	take_wwid(disk, out);
}

/*
 * Loop, device mapper, paravirtual disks: what lies below is another host's, or another layer's. An NVMe drive whose controller can be
 * reached by several ways is kept under "virtual" too, and is none.
 */
static enum inspect_known is_virtual(const char *path)
{
	char target[512];
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length <= 0)
		return INSPECT_NOT_KNOWN;
	target[length] = '\0';
	if (strstr(target, "/virtual/nvme-subsystem/"))
		return INSPECT_NO;
	return strstr(target, "/virtual/") || strstr(target, "/virtio") || strstr(target, "/vbd-")
		       ? INSPECT_YES
		       : INSPECT_NO;
}

/* A partition lies in the folder of its disk; so do the boot areas of an MMC card, which are no partitions to the kernel. */
static bool is_part(int disk)
{
	return faccessat(disk, "partition", F_OK, 0) == 0 ||
	       faccessat(disk, "../queue", F_OK, 0) == 0;
}

void inspect_medium_at(const char *sys, unsigned major, unsigned minor,
		       struct inspect_medium *out_medium)
{
	char path[256];
	BL_CLEANUP(fd_close) int disk = -1;

	memset(out_medium, 0, sizeof(*out_medium));
	out_medium->is_block_device = true;
	if ((size_t)snprintf(path, sizeof(path), "%s/dev/block/%u:%u", sys, major, minor) >=
	    sizeof(path))
		return;
	out_medium->is_virtual = is_virtual(path);
	disk = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (disk < 0)
		return;
	out_medium->is_part = is_part(disk);
	if (!take(disk, "device/model", 0, out_medium->model))
		(void)take(disk, "device/name", 0, out_medium->model);
	take_serial(disk, out_medium->serial);
}

void inspect_medium_look(int fd, struct inspect_medium *out_medium)
{
	struct stat st;

	memset(out_medium, 0, sizeof(*out_medium));
	if (fstat(fd, &st) == 0 && S_ISBLK(st.st_mode))
		inspect_medium_at("/sys", major(st.st_rdev), minor(st.st_rdev), out_medium);
}

/* The next character that counts; '\0': there is none. */
static char next(const char **text)
{
	while (isspace((unsigned char)**text))
		(*text)++;
	return **text ? (char)tolower((unsigned char)*(*text)++) : '\0';
}

static const char *without_zeros(const char *text)
{
	while (*text == '0' || isspace((unsigned char)*text))
		text++;
	return text;
}

enum inspect_known inspect_serial_matches(const char *a, const char *b)
{
	a = without_zeros(a);
	b = without_zeros(b);
	/* Nothing but zeros is what cheap media say that were given no number: two of these are not the same. */
	if (!*a || !*b)
		return INSPECT_NOT_KNOWN;
	for (;;) {
		char left = next(&a), right = next(&b);

		if (left != right)
			return INSPECT_NO;
		if (!left)
			return INSPECT_YES;
	}
}
