/* Kinds whose magic is too short, or not at one place: what else must fit. */
#include "fs/image/reader/probe.h"

#include <string.h>

#define MD_MAGIC 0xa92b4efcu
#define MD_LEVEL 1 /* a mirror: each member is whole */

static uint32_t big16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t big32(const uint8_t *p)
{
	return big16(p) << 16 | big16(p + 2);
}

static bool is_power(uint32_t value, uint32_t least, uint32_t most)
{
	return value >= least && value <= most && !(value & (value - 1));
}

bool probe_take(const struct probe_place *place, uint64_t at, void *out, size_t length)
{
	if (length > place->length || at > place->length - length)
		return false;
	if (at + length <= PROBE_HEAD) {
		memcpy(out, place->head + at, length);
		return true;
	}
	return !blocks_read(place->blocks, place->offset + at, out, length);
}

bool probe_has(const struct probe_place *place, uint64_t at, const void *bytes, size_t length)
{
	uint8_t found[32];

	return length <= sizeof(found) && probe_take(place, at, found, length) &&
	       !memcmp(found, bytes, length);
}

/* "MSWIN4.1" is also what old Windows wrote on plain FAT; To Go volumes have BitLocker's identifier at byte 424 (libbde). */
bool probe_is_to_go(const struct probe_place *place)
{
	return probe_has(place, 424, "\x3b\xd6\x67\x49\x29\x2e\xd8\x4a", 8);
}

/* Apple, CoreStorage's disk format (livefiles_cs_plugin): version 1 and block type "volume header" in the block's header. */
bool probe_is_core_storage(const struct probe_place *place)
{
	return bl_get16(place->head + 8) == 1 && place->head[10] == 0x10;
}

/* Linux, fs/xfs/libxfs/xfs_format.h: block size at 4, big-endian. */
bool probe_is_xfs(const struct probe_place *place)
{
	return is_power(big32(place->head + 4), 512, 65536);
}

/* Linux, fs/squashfs/squashfs_fs.h: version 4 at 28; 1 to 3, and big-endian ones, are older. */
bool probe_is_squashfs(const struct probe_place *place)
{
	unsigned version =
		place->head[0] == 'h' ? bl_get16(place->head + 28) : big16(place->head + 28);

	return version >= 1 && version <= 4;
}

/* ECMA-167, part 2, 8.3 and part 3, 9.1: the recognition sequence begins with BEA01 and has an NSR descriptor in it. */
bool probe_is_udf(const struct probe_place *place)
{
	static const unsigned sectors[] = {2048, 4096};

	for (size_t i = 0; i < BL_COUNT(sectors); i++)
		for (unsigned k = 1; k < 8; k++)
			if (probe_has(place, 32769 + (uint64_t)k * sectors[i], "NSR0", 4))
				return true;
	return false;
}

/* Inside Macintosh: Files, "Master Directory Block": allocation blocks of a multiple of 512 bytes, a name of 1 to 27. */
bool probe_is_hfs(const struct probe_place *place)
{
	const uint8_t *block = place->head + 1024;
	uint32_t bytes = big32(block + 20);

	return big16(block + 18) && bytes && bytes % 512 == 0 && block[36] >= 1 && block[36] <= 27;
}

/* Apple TN1150, "HFS Wrapper" */
bool probe_is_embedded_hfs(const struct probe_place *place)
{
	return probe_is_hfs(place) && !memcmp(place->head + 1024 + 124, "H+", 2);
}

/* The kernel's crc32(0, ...): as IEEE's, but begun with 0 and not turned over. */
static uint32_t crc_of(const uint8_t *bytes, size_t length)
{
	uint32_t crc = 0;

	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return crc;
}

/* Linux, include/uapi/linux/jffs2.h: the header of a node is 8 bytes and their CRC. */
bool probe_is_jffs2(const struct probe_place *place)
{
	uint32_t found =
		place->head[0] == 0x85 ? bl_get32(place->head + 8) : big32(place->head + 8);

	return crc_of(place->head, 8) == found;
}

/* Linux, fs/ubifs/ubifs-media.h: the first node is the superblock's, of 4096 bytes. */
bool probe_is_ubifs(const struct probe_place *place)
{
	return bl_get32(place->head + 16) == 4096 && place->head[20] == 6;
}

/* Linux, include/uapi/linux/nilfs2_ondisk.h: revision 2, its own length at 8, the block size's logarithm at 20. */
bool probe_is_nilfs(const struct probe_place *place)
{
	const uint8_t *super = place->head + 1024;

	return bl_get32(super) == 2 && bl_get16(super + 8) >= 256 && bl_get16(super + 8) <= 1024 &&
	       bl_get32(super + 20) <= 6;
}

/*
 * Linux, include/uapi/linux/minix_fs.h. Two bytes are no magic: the tables in front of the first zone must be just as long as the
 * numbers of inodes and bitmap blocks say.
 */
bool probe_is_minix(const struct probe_place *place)
{
	const uint8_t *super = place->head + 1024;
	bool is_third = bl_get16(super + 24) == 0x4d5a;
	unsigned version = bl_get16(super + 16);
	bool is_second = version == 0x2468 || version == 0x2478;

	if (is_third) {
		unsigned bytes = bl_get16(super + 28), inodes = bl_get32(super) & 0xffffff;

		return is_power(bytes, 1024, 32768) && inodes &&
		       bl_get16(super + 10) == 2u + bl_get16(super + 6) + bl_get16(super + 8) +
						       (inodes * 64 + bytes - 1) / bytes;
	}
	if (!is_second && version != 0x137f && version != 0x138f)
		return false;
	unsigned inodes = bl_get16(super), one = is_second ? 64 : 32;

	return inodes && bl_get16(super + 8) == 2u + bl_get16(super + 4) + bl_get16(super + 6) +
							(inodes * one + 1023) / 1024;
}

/* LVM2, lib/format_text/layout.h: a label in one of the first four sectors. */
bool probe_is_lvm(const struct probe_place *place)
{
	for (size_t at = 0; at < 2048; at += 512)
		if (!memcmp(place->head + at, "LABELONE", 8) &&
		    !memcmp(place->head + at + 24, "LVM2 001", 8))
			return true;
	return false;
}

/* ZFS On-Disk Specification, 1.2 and 1.3: a label of 256 KiB, whose second half is an array of uberblocks. */
bool probe_is_zfs(const struct probe_place *place)
{
	for (uint64_t at = 128 << 10; at < 256 << 10; at += 1024)
		if (probe_has(place, at, "\x0c\xb1\xba\0\0\0\0\0", 8) ||
		    probe_has(place, at, "\0\0\0\0\0\xba\xb1\x0c", 8))
			return true;
	return false;
}

/* ---- Linux RAID: include/uapi/linux/raid/md_p.h ---- */

/* Version 1: the sum of its words, of a length that it tells itself. */
static bool md_sum_holds(const uint8_t *super, size_t room)
{
	uint32_t members = bl_get32(super + 220);
	uint64_t sum = 0;

	if (members > (room - 256) / 2)
		return false;
	size_t length = 256 + 2 * (size_t)members;
	for (size_t at = 0; at + 4 <= length; at += 4)
		sum += at == 216 ? 0 : bl_get32(super + at);
	if (length % 4)
		sum += bl_get16(super + length - 2);
	return (uint32_t)sum + (uint32_t)(sum >> 32) == bl_get32(super + 216);
}

/* A superblock of version 1 at @at; what it says of its level, and of where its data begins. */
static bool md_new(const struct probe_place *place, uint64_t at, uint32_t *out_level,
		   uint64_t *out_begin)
{
	uint8_t super[1024];

	if (!probe_take(place, at, super, sizeof(super)) || bl_get32(super) != MD_MAGIC ||
	    bl_get32(super + 4) != 1 || !md_sum_holds(super, sizeof(super)))
		return false;
	*out_level = bl_get32(super + 72);
	*out_begin = bl_get64(super + 128);
	return true;
}

/* Versions 1.1 and 1.2: in front of the data. */
bool probe_is_md_member(const struct probe_place *place)
{
	uint32_t level;
	uint64_t begin;

	return md_new(place, 0, &level, &begin) || md_new(place, 4096, &level, &begin);
}

static bool md_old(const struct probe_place *place, uint32_t *out_level)
{
	uint8_t super[32];

	if (place->length < 2 * 65536 ||
	    !probe_take(place, place->length / 65536 * 65536 - 65536, super, sizeof(super)) ||
	    bl_get32(super) != MD_MAGIC || bl_get32(super + 4) != 0 || bl_get32(super + 8) != 90)
		return false;
	*out_level = bl_get32(super + 28);
	return true;
}

/*
 * Versions 0.90 and 1.0: at the end, so that the data is at the beginning, where a filesystem is found. A mirror's member is
 * that filesystem; of any other level it is a part of one, and would be shown wrong.
 */
bool probe_is_md_stripe(const struct probe_place *place)
{
	uint32_t level = MD_LEVEL;
	uint64_t begin = 0, last = place->length / 512;

	if (md_old(place, &level))
		return level != MD_LEVEL;
	if (last < 32 || !md_new(place, (last - 16) / 8 * 8 * 512, &level, &begin))
		return false;
	return level != MD_LEVEL || begin;
}

/* The trailer of an Apple disk image: "koly", version 4, its length 512, all big-endian. */
bool probe_is_disk_copy(const struct probe_place *place)
{
	return place->length > 512 &&
	       probe_has(place, place->length - 512, "koly\0\0\0\4\0\0\2\0", 12);
}
