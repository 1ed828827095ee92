/* What libtsk does not look at in exFAT: its checksums, and how much of a file was ever written (exFAT file system specification 1.0). */
#include "fs/image/reader/sleuth.h"

#include <errno.h>

#define ENTRY	     32
#define BOOT_SECTORS 11	       /* 3.1: the twelfth is their checksum, again and again */
#define ROOM	     (1 << 12) /* of a sector, at most */

/* 3.4: volume flags and the percentage in use change without it. */
static bool is_counted(size_t sector, size_t at)
{
	return sector || (at != 106 && at != 107 && at != 112);
}

static bool boot_holds(const struct tree *tree, size_t sector_bytes)
{
	uint8_t sector[ROOM];
	uint32_t sum = 0;

	for (size_t i = 0; i <= BOOT_SECTORS; i++) {
		if (blocks_read(tree->blocks, tree->offset + i * sector_bytes, sector,
				sector_bytes))
			return false;
		if (i == BOOT_SECTORS)
			break;
		for (size_t k = 0; k < sector_bytes; k++)
			if (is_counted(i, k))
				sum = (sum << 31 | sum >> 1) + sector[k];
	}
	for (size_t k = 0; k < sector_bytes; k += 4)
		if (bl_get32(sector + k) != sum)
			return false;
	return true;
}

int exfat_layout(struct sleuth_tree *sleuth)
{
	uint8_t boot[SLEUTH_SECTOR];
	const struct tree *tree = &sleuth->base;

	if (blocks_read(tree->blocks, tree->offset, boot, sizeof(boot)) || boot[108] < 9 ||
	    boot[108] > 12 || boot[109] > 25 - boot[108] ||
	    !boot_holds(tree, (size_t)1 << boot[108]))
		return EIO;
	/* 3.1: FatOffset, ClusterHeapOffset in sectors, and two shifts. */
	sleuth->exfat_fat = (uint64_t)bl_get32(boot + 80) << boot[108];
	sleuth->exfat_heap = (uint64_t)bl_get32(boot + 88) << boot[108];
	sleuth->exfat_cluster = UINT64_C(1) << (boot[108] + boot[109]);
	return 0;
}

static int entry_read(const struct sleuth_tree *sleuth, uint64_t heap, uint8_t out[ENTRY])
{
	const struct tree *tree = &sleuth->base;

	return blocks_read(tree->blocks, tree->offset + sleuth->exfat_heap + heap, out, ENTRY);
}

/* The entry behind the one at @heap; at a cluster's end by the FAT, or, of a contiguous folder, which the FAT does not know, the next. */
static uint64_t entry_behind(const struct sleuth_tree *sleuth, uint64_t heap, bool is_contiguous)
{
	const struct tree *tree = &sleuth->base;
	uint64_t next = heap + ENTRY, cluster = heap / sleuth->exfat_cluster + 2;
	uint8_t slot[4];

	if (next % sleuth->exfat_cluster || is_contiguous ||
	    blocks_read(tree->blocks, tree->offset + sleuth->exfat_fat + cluster * 4, slot, 4))
		return next;
	cluster = bl_get32(slot);
	return cluster >= 2 && cluster < 0xfffffff7u ? (cluster - 2) * sleuth->exfat_cluster : next;
}

/* 6.3.3: over all entries of the set but the two bytes that it is in. */
static bool set_holds(const struct sleuth_tree *sleuth, uint64_t heap, bool is_contiguous,
		      uint64_t *out_written)
{
	uint8_t entry[ENTRY];
	uint16_t sum = 0, wanted = 0;
	size_t more = 0;

	for (size_t i = 0; i <= more; i++) {
		if (entry_read(sleuth, heap, entry) ||
		    (i < 2 && entry[0] != (i ? 0xc0 : 0x85))) /* 7.4, 7.6 */
			return false;
		if (!i) {
			more = entry[1];
			wanted = (uint16_t)bl_get16(entry + 2);
		}
		if (i == 1)
			*out_written = bl_get64(entry + 8);
		for (size_t k = 0; k < ENTRY; k++)
			if (i || (k != 2 && k != 3))
				sum = (uint16_t)((uint16_t)(sum << 15 | sum >> 1) + entry[k]);
		heap = entry_behind(sleuth, heap, is_contiguous);
	}
	return more && sum == wanted;
}

int exfat_written(const struct sleuth_tree *sleuth, uint64_t inode, uint64_t *out_bytes)
{
	uint64_t written = 0, heap = (inode - 3) * ENTRY;

	if (!set_holds(sleuth, heap, false, &written) && !set_holds(sleuth, heap, true, &written))
		return EIO;
	*out_bytes = written;
	return 0;
}
