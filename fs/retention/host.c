/* What the host says: of a file's storage, and of its clocks. */
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "fs/retention/private.h"

/* ---- storage ---------------------------------------------------------------------------------------- */

/* A number of /sys/dev/block/M:m/queue; a partition has none of its own, its disk has. */
static bool queue_number(const struct medium *medium, const char *name, unsigned long long *out)
{
	static const char *const PLACES[] = {"", "../"};

	for (size_t i = 0; i < BL_COUNT(PLACES); i++) {
		char path[128];

		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%squeue/%s", medium->major,
			 medium->minor, PLACES[i], name);

		FILE *file = fopen(path, "re");

		if (!file)
			continue;

		bool is_read = fscanf(file, "%llu", out) == 1;

		fclose(file);
		return is_read;
	}
	return false;
}

static enum known known_of(const struct medium *medium, const char *name)
{
	unsigned long long number;

	if (!queue_number(medium, name, &number))
		return KNOWN_NOT;
	return number ? KNOWN_YES : KNOWN_NO;
}

/* Loop, device mapper, paravirtual disks: what lies below is another host's, or another layer's. */
static enum known is_virtual(const struct medium *medium)
{
	char path[64], target[256];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", medium->major, medium->minor);

	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length <= 0)
		return KNOWN_NOT;
	target[length] = '\0';
	return strstr(target, "/virtual/") || strstr(target, "/virtio") || strstr(target, "/vbd-")
		       ? KNOWN_YES
		       : KNOWN_NO;
}

void storage_look(int fd, struct storage *out_storage)
{
	struct medium medium;

	memset(out_storage, 0, sizeof(*out_storage));
	if (medium_look(fd, &medium, NULL) != BL_OK)
		return;
	memcpy(out_storage->filesystem, medium.filesystem, sizeof(out_storage->filesystem));
	memcpy(out_storage->disk, medium.disk, sizeof(out_storage->disk));
	out_storage->is_good = medium.is_good;
	out_storage->has_no_medium = medium.has_no_medium;
	if (!*medium.disk)
		return;
	out_storage->is_virtual = is_virtual(&medium);
	out_storage->is_rotational = known_of(&medium, "rotational");
	out_storage->discards = known_of(&medium, "discard_max_bytes");
}

#define BATCH 128

bool storage_is_shared(int fd)
{
	BL_CLEANUP(bl_free)
	struct fiemap *map = malloc(sizeof(*map) + BATCH * sizeof(struct fiemap_extent));
	uint64_t at = 0;

	for (bool is_last = false; map && !is_last;) {
		memset(map, 0, sizeof(*map));
		map->fm_start = at;
		map->fm_length = UINT64_MAX - at;
		map->fm_flags = FIEMAP_FLAG_SYNC;
		map->fm_extent_count = BATCH;
		if (ioctl(fd, FS_IOC_FIEMAP, map) != 0 || map->fm_mapped_extents == 0)
			return false;
		for (uint32_t i = 0; i < map->fm_mapped_extents; i++) {
			const struct fiemap_extent *extent = &map->fm_extents[i];

			if (extent->fe_flags & FIEMAP_EXTENT_SHARED)
				return true;
			is_last = extent->fe_flags & FIEMAP_EXTENT_LAST;
			at = extent->fe_logical + extent->fe_length;
		}
	}
	return false;
}

/* ---- clocks ------------------------------------------------------------------------------------------- */

int64_t host_boot_ms(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
		return 0;
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void host_boot_id(char out[BOOT_ID])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	memset(out, 0, BOOT_ID);
	if (!file)
		return;
	if (fread(out, 1, BOOT_ID - 1, file) != BOOT_ID - 1 ||
	    strspn(out, "0123456789abcdef-") != BOOT_ID - 1)
		*out = '\0';
	fclose(file);
}

enum known host_is_synchronised(void)
{
	struct timex timex = {.modes = 0};
	int state = adjtimex(&timex);

	if (state < 0)
		return KNOWN_NOT;
	return state == TIME_ERROR || timex.status & STA_UNSYNC ? KNOWN_NO : KNOWN_YES;
}
