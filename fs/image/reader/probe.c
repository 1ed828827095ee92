/* What a volume could hold, by fixed bytes at fixed places. Sources of each: docs/reader.md, "Types". */
#include "fs/image/reader/reader.h"

#include <string.h>

#define HEAD 4096

struct magic {
	struct probe_kind kind;
	uint32_t offset;
	uint8_t length;
	char bytes[13];
};

#define CONTAINER(what) what " is a container, not a raw image (convert it to raw first)"
#define NOT_READ(words) words " is not read by this version"
#define LOCKED(words)	words ": encrypted, and the key is not here"

/*
 * In this order: what encrypts a volume leaves nothing else to see; a boot sector is younger than an ext superblock
 * behind it (mke2fs clears the boot sector, the others leave byte 1024 alone).
 */
static const struct magic MAGICS[] = {
	{{"ewf", CONTAINER("E01 (EWF)"), PROBE_NONE, 0}, 0, 8, "EVF\x09\x0d\x0a\xff"},
	{{"qcow", CONTAINER("qcow2"), PROBE_NONE, 0}, 0, 4, "QFI\xfb"},
	{{"vmdk", CONTAINER("VMDK"), PROBE_NONE, 0}, 0, 4, "KDMV"},
	{{"vhdx", CONTAINER("VHDX"), PROBE_NONE, 0}, 0, 8, "vhdxfile"},
	{{"luks", LOCKED("LUKS"), PROBE_NONE, 0}, 0, 6, "LUKS\xba\xbe"},
	{{"bitlocker", LOCKED("BitLocker"), PROBE_NONE, 0}, 3, 8, "-FVE-FS-"},
	{{"bitlocker", LOCKED("BitLocker To Go"), PROBE_NONE, 0}, 3, 8, "MSWIN4.1"},
	{{"corestorage", LOCKED("FileVault or Core Storage"), PROBE_NONE, 0}, 88, 2, "CS"},
	{{"ntfs", NULL, PROBE_SLEUTH, 0}, 3, 8, "NTFS    "},
	{{"exfat", NULL, PROBE_SLEUTH, 0}, 3, 8, "EXFAT   "},
	{{"refs", NOT_READ("ReFS"), PROBE_NONE, 0}, 3, 8, "ReFS\0\0\0\0"},
	{{"xfs", NOT_READ("XFS"), PROBE_NONE, 0}, 0, 4, "XFSB"},
	{{"squashfs", NOT_READ("squashfs"), PROBE_NONE, 0}, 0, 4, "hsqs"},
	{{"apfs", NOT_READ("APFS"), PROBE_NONE, 0}, 32, 4, "NXSB"},
	{{"ext", NULL, PROBE_EXT, 1024}, 1080, 2, "\x53\xef"},
	{{"hfsplus", NULL, PROBE_SLEUTH, 1024}, 1024, 2, "H+"},
	{{"hfsplus", NULL, PROBE_SLEUTH, 1024}, 1024, 2, "HX"},
	{{"hfs", NOT_READ("HFS"), PROBE_NONE, 1024}, 1024, 2, "BD"},
	{{"f2fs", NOT_READ("F2FS"), PROBE_NONE, 1024}, 1024, 4, "\x10\x20\xf5\xf2"},
	{{"erofs", NOT_READ("EROFS"), PROBE_NONE, 1024}, 1024, 4, "\xe2\xe1\xf5\xe0"},
	{{"lvm2", NOT_READ("LVM"), PROBE_NONE, 0}, 512, 8, "LABELONE"},
	{{"lvm2", NOT_READ("LVM"), PROBE_NONE, 0}, 0, 8, "LABELONE"},
	{{"mdraid", NOT_READ("Linux RAID"), PROBE_NONE, 4096}, 4096, 4, "\xfc\x4e\x2b\xa9"},
	{{"mdraid", NOT_READ("Linux RAID"), PROBE_NONE, 0}, 0, 4, "\xfc\x4e\x2b\xa9"},
	{{"swap", "swap space, not a filesystem", PROBE_NONE, 0}, 4086, 10, "SWAPSPACE2"},
	{{"iso9660", NULL, PROBE_SLEUTH, 32768}, 32769, 5, "CD001"},
	{{"udf", NOT_READ("UDF"), PROBE_NONE, 32768}, 32769, 5, "BEA01"},
	{{"reiserfs", NOT_READ("ReiserFS"), PROBE_NONE, 65536}, 65588, 6, "ReIsEr"},
	{{"jfs", NOT_READ("JFS"), PROBE_NONE, 32768}, 32768, 4, "JFS1"},
	{{"btrfs", NOT_READ("btrfs"), PROBE_NONE, 65536}, 65600, 8, "_BHRfS_M"},
};

/* What lies behind a place that cannot be read is stale perhaps: nothing from here on is tried. */
static const struct probe_kind UNREAD = {"", "the place where its kind is written cannot be read",
					 PROBE_NONE, 0};
static const struct probe_kind FAT12 = {"fat12", NULL, PROBE_SLEUTH, 0};
static const struct probe_kind FAT16 = {"fat16", NULL, PROBE_SLEUTH, 0};
static const struct probe_kind FAT32 = {"fat32", NULL, PROBE_SLEUTH, 0};

static bool is_power_of_2(unsigned value)
{
	return value && !(value & (value - 1));
}

/* Microsoft's FAT specification 1.03: fields of the boot sector, and the cluster count that makes the type. */
static const struct probe_kind *fat_kind(const uint8_t *boot)
{
	unsigned sector = bl_get16(boot + 11), cluster = boot[13], reserved = bl_get16(boot + 14);
	unsigned fats = boot[16], roots = bl_get16(boot + 17), media = boot[21];
	uint64_t sectors = bl_get16(boot + 19) ? bl_get16(boot + 19) : bl_get32(boot + 32);
	uint64_t fat_sectors = bl_get16(boot + 22) ? bl_get16(boot + 22) : bl_get32(boot + 36);

	if (bl_get16(boot + 510) != 0xaa55 || !is_power_of_2(sector) || sector < 512 ||
	    sector > 4096 || !is_power_of_2(cluster) || !reserved || !fats || fats > 4 ||
	    (media != 0xf0 && media < 0xf8) || !fat_sectors)
		return NULL;
	uint64_t before = reserved + fats * fat_sectors + (roots * 32 + sector - 1) / sector;
	if (before >= sectors)
		return NULL;
	if (!bl_get16(boot + 22))
		return &FAT32;
	return (sectors - before) / cluster < 4085 ? &FAT12 : &FAT16;
}

/* 0: found or not, EIO: nobody knows */
static int find_magic(struct blocks *blocks, uint64_t offset, uint64_t length, const uint8_t *head,
		      const struct magic *magic, bool *out_is_found)
{
	char found[sizeof(magic->bytes)];
	const void *bytes = head + magic->offset;

	*out_is_found = false;
	if (magic->offset + magic->length > HEAD) {
		if (magic->offset + magic->length > length)
			return 0;
		int error = blocks_read(blocks, offset + magic->offset, found, magic->length);
		if (error)
			return error;
		bytes = found;
	}
	*out_is_found = !memcmp(bytes, magic->bytes, magic->length);
	return 0;
}

/* "MSWIN4.1" is also what old Windows wrote on plain FAT; To Go volumes say so at byte 424. */
static bool is_to_go(const uint8_t *head)
{
	static const uint8_t guid[] = {0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a};

	return !memcmp(head + 424, guid, sizeof(guid));
}

size_t probe(struct blocks *blocks, uint64_t offset, uint64_t length,
	     const struct probe_kind *out_kinds[PROBE_ROOM])
{
	uint8_t head[HEAD] = {0};
	const struct probe_kind *fat = NULL;
	size_t count = 0;

	if (blocks_read(blocks, offset, head, BL_MIN(length, (uint64_t)HEAD))) {
		out_kinds[0] = &UNREAD;
		return 1;
	}
	fat = fat_kind(head);
	for (size_t i = 0; i < BL_COUNT(MAGICS) && count < PROBE_ROOM; i++) {
		const struct magic *magic = &MAGICS[i];
		bool is_found = false;
		int error = find_magic(blocks, offset, length, head, magic, &is_found);

		if ((!error && !is_found) ||
		    (magic->offset == 3 && magic->bytes[0] == 'M' && !is_to_go(head)))
			continue;
		/* A FAT boot sector is judged by all its fields, and goes before what may be left behind it. */
		if (fat && magic->offset >= 512 && count < PROBE_ROOM) {
			out_kinds[count++] = fat;
			fat = NULL;
		}
		if (count < PROBE_ROOM)
			out_kinds[count++] = error ? &UNREAD : &magic->kind;
		if (error)
			return count;
	}
	if (fat && count < PROBE_ROOM)
		out_kinds[count++] = fat;
	return count;
}
