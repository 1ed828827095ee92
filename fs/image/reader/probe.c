/* What a volume could hold, by fixed bytes at fixed places. Sources: docs/reader.md, "Types". */
#include "fs/image/reader/probe.h"

#include <string.h>

struct magic {
	struct probe_kind kind;
	uint32_t offset;
	uint8_t length; /* 0: the check looks by itself */
	char bytes[19];
	probe_check_fn *fits; /* NULL: the magic says it all */
};

#define CONTAINER(what) what " is a container, not a raw image (convert it to raw first)"
#define NOT_READ(words) words " is not read by this version"
#define PART_OF(words)	words ": one part of something larger, which is not read by this version"
#define LOCKED(words)	words ": encrypted, and the key is not here"
#define FLASH(words)	words ": of raw flash, which is not read by this version"

#define SWAP "swap space, not a filesystem"

#define NONE(type, notice, super)                                                                  \
	{                                                                                          \
		type, notice, PROBE_NONE, super                                                    \
	}

/*
 * In this order: what encrypts a volume leaves nothing else to see, nor does what spreads it over several; a boot sector is
 * younger than an ext superblock behind it (mke2fs clears the boot sector, the others leave byte 1024 alone). Sources of each
 * magic: docs/reader.md, "Types".
 */
static const struct magic MAGICS[] = {
	{NONE("ewf", CONTAINER("E01 (EWF)"), 0), 0, 8, "EVF\x09\x0d\x0a\xff", NULL},
	{NONE("qcow", CONTAINER("qcow2"), 0), 0, 4, "QFI\xfb", NULL},
	{NONE("vmdk", CONTAINER("VMDK"), 0), 0, 4, "KDMV", NULL},
	{NONE("vhd", CONTAINER("VHD"), 0), 0, 8, "conectix", NULL},
	{NONE("vhdx", CONTAINER("VHDX"), 0), 0, 8, "vhdxfile", NULL},
	{NONE("vdi", CONTAINER("VDI"), 0), 64, 4, "\x7f\x10\xda\xbe", NULL},
	{NONE("aff", CONTAINER("AFF"), 0), 0, 7, "AFF10\r\n", NULL},
	{NONE("simg", "Android sparse image is not raw (convert it with simg2img first)", 0), 0, 12,
	 "\x3a\xff\x26\xed\x01\0\0\0\x1c\0\x0c", NULL},
	{NONE("luks", LOCKED("LUKS"), 0), 0, 8, "LUKS\xba\xbe\0\1", NULL},
	{NONE("luks2", LOCKED("LUKS version 2"), 0), 0, 8, "LUKS\xba\xbe\0\2", NULL},
	{NONE("luks", LOCKED("LUKS"), 0), 0, 6, "LUKS\xba\xbe", NULL},
	{NONE("bitlocker", LOCKED("BitLocker"), 0), 3, 8, "-FVE-FS-", NULL},
	{NONE("bitlocker", LOCKED("BitLocker To Go"), 0), 3, 8, "MSWIN4.1", probe_is_to_go},
	{NONE("corestorage", LOCKED("FileVault or Core Storage"), 0), 88, 2, "CS",
	 probe_is_core_storage},
	{NONE("mdraid", PART_OF("Linux RAID"), 0), 0, 0, "", probe_is_md_member},
	{NONE("mdraid", PART_OF("Linux RAID"), 0), 0, 0, "", probe_is_md_stripe},
	{NONE("bcache", PART_OF("bcache"), 4096), 4120, 16,
	 "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", NULL},
	{NONE("bcachefs", NOT_READ("bcachefs"), 4096), 4120, 16,
	 "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef", NULL},
	{NONE("lvm2", PART_OF("LVM"), 512), 0, 0, "", probe_is_lvm},
	{NONE("lvmthin", PART_OF("metadata of an LVM thin pool"), 0), 32, 8,
	 "\xba\x52\x9c\x01\0\0\0", NULL},
	{{"ntfs", NULL, PROBE_NTFS, 0}, 3, 8, "NTFS    ", NULL},
	{{"exfat", NULL, PROBE_SLEUTH, 0}, 3, 8, "EXFAT   ", NULL},
	{NONE("refs", NOT_READ("ReFS"), 0), 3, 8, "ReFS\0\0\0", NULL},
	{NONE("xfs", NOT_READ("XFS"), 0), 0, 4, "XFSB", probe_is_xfs},
	{NONE("squashfs", NOT_READ("squashfs"), 0), 0, 4, "hsqs", probe_is_squashfs},
	{NONE("squashfs", NOT_READ("squashfs"), 0), 0, 4, "sqsh", probe_is_squashfs},
	{{"apfs", NULL, PROBE_APFS, 0}, 32, 4, "NXSB", NULL},
	{NONE("cramfs", NOT_READ("cramfs"), 0), 16, 16, "Compressed ROMFS", NULL},
	{NONE("romfs", NOT_READ("romfs"), 0), 0, 8, "-rom1fs-", NULL},
	{NONE("verity", "hash tree of dm-verity, not a filesystem", 0), 0, 12, "verity\0\0\1\0\0",
	 NULL},
	{NONE("integrity", PART_OF("dm-integrity"), 0), 0, 8, "integrt", NULL},
	{NONE("bootimg", "Android boot image, not a filesystem", 0), 0, 8, "ANDROID!", NULL},
	{NONE("bootimg", "Android vendor boot image, not a filesystem", 0), 0, 8, "VNDRBOOT", NULL},
	{NONE("vbmeta", "Android verified boot metadata, not a filesystem", 0), 0, 8,
	 "AVB0\0\0\0\1", NULL},
	{NONE("super", PART_OF("Android dynamic partitions (super)"), 4096), 4096, 8,
	 "\x67\x44\x6c\x61\x34\0\0", NULL},
	{NONE("ubi", FLASH("UBI"), 0), 0, 8, "UBI#\1\0\0", NULL},
	{NONE("ubifs", FLASH("UBIFS"), 0), 0, 4, "\x31\x18\x10\x06", probe_is_ubifs},
	{NONE("jffs2", FLASH("JFFS2"), 0), 0, 2, "\x85\x19", probe_is_jffs2},
	{NONE("jffs2", FLASH("JFFS2"), 0), 0, 2, "\x19\x85", probe_is_jffs2},
	{NONE("yaffs2", FLASH("YAFFS2"), 0), 0, 10, "\3\0\0\0\1\0\0\0\xff\xff", NULL},
	{NONE("yaffs2", FLASH("YAFFS2"), 0), 0, 10, "\1\0\0\0\1\0\0\0\xff\xff", NULL},
	{{"ext", NULL, PROBE_EXT, 1024}, 1080, 2, "\x53\xef", NULL},
	{{"hfsplus", NULL, PROBE_SLEUTH, 1024}, 1024, 4, "H+\0\4", NULL},
	{{"hfsplus", NULL, PROBE_SLEUTH, 1024}, 1024, 4, "HX\0\5", NULL},
	{NONE("hfswrapped", NOT_READ("HFS+ inside an HFS wrapper"), 1024), 1024, 2, "BD",
	 probe_is_embedded_hfs},
	{NONE("hfs", NOT_READ("HFS"), 1024), 1024, 2, "BD", probe_is_hfs},
	{NONE("f2fs", NOT_READ("F2FS"), 1024), 1024, 4, "\x10\x20\xf5\xf2", NULL},
	{NONE("erofs", NOT_READ("EROFS"), 1024), 1024, 4, "\xe2\xe1\xf5\xe0", NULL},
	{NONE("nilfs2", NOT_READ("NILFS2"), 1024), 1030, 2, "\x34\x34", probe_is_nilfs},
	{NONE("minix", NOT_READ("minix"), 1024), 0, 0, "", probe_is_minix},
	{NONE("swap", SWAP, 0), 4086, 10, "SWAPSPACE2", NULL},
	{NONE("swap", SWAP, 0), 8182, 10, "SWAPSPACE2", NULL},
	{NONE("swap", SWAP, 0), 16374, 10, "SWAPSPACE2", NULL},
	{NONE("swap", SWAP, 0), 65526, 10, "SWAPSPACE2", NULL},
	{NONE("swap", SWAP, 0), 4086, 10, "SWAP-SPACE", NULL},
	{NONE("swap", "swap space with a sleeping system in it, not a filesystem", 0), 4086, 10,
	 "S1SUSPEND", NULL},
	{{"iso9660", NULL, PROBE_ISO, 32768}, 32769, 5, "CD001", NULL},
	{NONE("udf", NOT_READ("UDF"), 32768), 32769, 5, "BEA01", probe_is_udf},
	{NONE("reiserfs", NOT_READ("ReiserFS"), 65536), 65588, 6, "ReIsEr", NULL},
	{NONE("reiserfs", NOT_READ("ReiserFS"), 8192), 8244, 6, "ReIsEr", NULL},
	{NONE("jfs", NOT_READ("JFS"), 32768), 32768, 4, "JFS1", NULL},
	{NONE("btrfs", NOT_READ("btrfs"), 65536), 65600, 8, "_BHRfS_M", NULL},
	{NONE("ufs", NOT_READ("UFS"), 8192), 9564, 4, "\x54\x19\x01", NULL},
	{NONE("ufs", NOT_READ("UFS"), 8192), 9564, 4, "\0\x01\x19\x54", NULL},
	{NONE("ufs", NOT_READ("UFS2"), 65536), 66908, 4, "\x19\x01\x54\x19", NULL},
	{NONE("ufs", NOT_READ("UFS2"), 65536), 66908, 4, "\x19\x54\x01\x19", NULL},
	{NONE("gfs2", NOT_READ("GFS2"), 65536), 65536, 8, "\x01\x16\x19\x70\0\0\0\1", NULL},
	{NONE("ocfs2", NOT_READ("OCFS2"), 4096), 4096, 6, "OCFSV2", NULL},
	{NONE("zfs", PART_OF("ZFS"), 131072), 0, 0, "", probe_is_zfs},
	{NONE("vmfs", PART_OF("VMFS"), 1048576), 1048576, 4, "\x0d\xd0\x01\xc0", NULL},
	{NONE("vmfs", NOT_READ("VMFS"), 2097152), 2097152, 4, "\x5e\xf1\xab\x2f", NULL},
	{NONE("dmg", CONTAINER("Apple disk image (DMG)"), 0), 0, 0, "", probe_is_disk_copy},
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
static int find_magic(const struct probe_place *place, const struct magic *magic,
		      bool *out_is_found)
{
	char found[sizeof(magic->bytes)];
	const void *bytes = place->head + magic->offset;

	*out_is_found = false;
	if (magic->offset + magic->length > PROBE_HEAD) {
		if (magic->offset + magic->length > place->length)
			return 0;
		int error = blocks_read(place->blocks, place->offset + magic->offset, found,
					magic->length);
		if (error)
			return error;
		bytes = found;
	}
	*out_is_found =
		!memcmp(bytes, magic->bytes, magic->length) && (!magic->fits || magic->fits(place));
	return 0;
}

/* Where its magic is; of those that look by themselves, where the kind is written. */
static uint32_t place_of(const struct magic *magic)
{
	return magic->length ? magic->offset : magic->kind.super_offset;
}

size_t probe(struct blocks *blocks, uint64_t offset, uint64_t length,
	     const struct probe_kind *out_kinds[PROBE_ROOM])
{
	uint8_t head[PROBE_HEAD] = {0};
	const struct probe_place place = {blocks, offset, length, head};
	const struct probe_kind *fat = NULL;
	size_t count = 0;

	if (blocks_read(blocks, offset, head, BL_MIN(length, (uint64_t)PROBE_HEAD))) {
		out_kinds[0] = &UNREAD;
		return 1;
	}
	fat = fat_kind(head);
	for (size_t i = 0; i < BL_COUNT(MAGICS) && count < PROBE_ROOM; i++) {
		const struct magic *magic = &MAGICS[i];
		bool is_found = false;
		int error = find_magic(&place, magic, &is_found);

		if (!error && !is_found)
			continue;
		/* A FAT boot sector is judged by all its fields, and goes before what may be left behind it. */
		if (fat && place_of(magic) >= 512 && count < PROBE_ROOM) {
			out_kinds[count++] = fat;
			fat = NULL;
		}
		if (count < PROBE_ROOM)
			out_kinds[count++] = error ? &UNREAD : &magic->kind;
		/* Nothing is looked for behind what is not read. */
		if (error || magic->kind.parser == PROBE_NONE)
			return count;
	}
	if (fat && count < PROBE_ROOM)
		out_kinds[count++] = fat;
	return count;
}
