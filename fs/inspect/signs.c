/*
 * Signatures of partition tables and filesystems. Two bytes alone are no signature: where a format has no longer one, its
 * neighbours have to make sense as well, so that random bytes have none.
 */
#include "fs/inspect/private.h"

#include <string.h>

#define SECTOR 512u

/* What is looked at: a volume, from its first byte on. */
struct area {
	const uint8_t *bytes;
	size_t length;
};

static bool has(const struct area *area, size_t at, size_t length)
{
	return at <= area->length && length <= area->length - at;
}

static bool is_at(const struct area *area, size_t at, const char *magic, size_t length)
{
	return has(area, at, length) && memcmp(area->bytes + at, magic, length) == 0;
}

static uint32_t big32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint16_t big16(const uint8_t *p)
{
	return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static bool is_power(uint64_t value, uint64_t from, uint64_t to)
{
	return value >= from && value <= to && (value & (value - 1)) == 0;
}

/* ---- tables ----------------------------------------------------------------------------------------------- */

#define MBR_ENTRIES 446
static const uint8_t *mbr_entry(const struct area *area, size_t index)
{
	return area->bytes + MBR_ENTRIES + index * 16;
}

/*
 * A master boot record has only 55 aa of its own; a boot sector of a filesystem has it too, with program code where the entries
 * would be. (Partition type codes: the entry's byte 4; 0 is none.)
 */
static bool is_mbr(const struct area *area)
{
	bool has_entry = false, is_blank = true;

	if (!is_at(area, 510, "\x55\xaa", 2))
		return false;
	for (size_t i = 0; i < 64; i++)
		is_blank &= area->bytes[MBR_ENTRIES + i] == 0;
	for (size_t i = 0; i < 4; i++) {
		const uint8_t *entry = mbr_entry(area, i);

		if (entry[0] & 0x7f)
			return false;
		if (!entry[4])
			continue;
		if (!bl_get32(entry + 8) || !bl_get32(entry + 12))
			return false;
		has_entry = true;
	}
	/* Just made, without a partition: it has the number of the disk at least. */
	return has_entry || (is_blank && bl_get32(area->bytes + 440));
}

/* UEFI specification, 5.3.2: signature, and revision 1.0, in the second sector, of whatever size. */
static const char GPT[] = "EFI PART\0\0\1\0";
static bool is_gpt(const struct area *area)
{
	return is_at(area, 512, GPT, 12) || is_at(area, 4096, GPT, 12);
}

/* Inside Macintosh: Devices, "The Partition Map": driver descriptor with its block size, and a map entry in block 1. */
static bool is_apm(const struct area *area)
{
	return is_at(area, 0, "ER", 2) && has(area, 0, 4) &&
	       is_power(big16(area->bytes + 2), 512, 4096) &&
	       is_at(area, big16(area->bytes + 2), "PM\0\0", 4);
}

/* disklabel(5): the magic number twice, in sector 1 or at 64 of sector 0. */
static bool is_bsd(const struct area *area)
{
	static const size_t places[] = {512, 64};

	for (size_t i = 0; i < BL_COUNT(places); i++)
		if (is_at(area, places[i], "\x57\x45\x56\x82", 4) &&
		    is_at(area, places[i] + 132, "\x57\x45\x56\x82", 4))
			return true;
	return false;
}

/* ---- filesystems ------------------------------------------------------------------------------------------- */

/* Linux, Documentation/filesystems/ext4/super.rst: at 1024, magic at 56; it is two bytes long, so the rest has to fit. */
static bool is_ext(const struct area *area)
{
	if (!has(area, 1024, 1024) || !is_at(area, 1024 + 56, "\x53\xef", 2))
		return false;

	const uint8_t *p = area->bytes + 1024;

	return bl_get32(p) && bl_get32(p + 4) && bl_get32(p + 20) <= 1 && bl_get32(p + 24) <= 6 &&
	       bl_get32(p + 32) && bl_get32(p + 40) && bl_get16(p + 58) <= 7 &&
	       bl_get16(p + 60) <= 3 && bl_get32(p + 72) <= 4 && bl_get32(p + 76) <= 1;
}

/* Linux, fs/xfs/libxfs/xfs_format.h, struct xfs_dsb: block size at 4, sector size at 102, both big-endian. */
static bool is_xfs(const struct area *area)
{
	return is_at(area, 0, "XFSB", 4) && has(area, 0, SECTOR) &&
	       is_power(big32(area->bytes + 4), 512, 65536) &&
	       is_power(big16(area->bytes + 102), 512, 32768);
}

/* Btrfs on-disk format, "Superblock": at 64 KiB, magic at 64 of it. */
static bool is_btrfs(const struct area *area)
{
	return is_at(area, 0x10040, "_BHRfS_M", 8);
}

static bool is_ntfs(const struct area *area)
{
	return is_at(area, 3, "NTFS    ", 8);
}

static bool is_exfat(const struct area *area)
{
	return is_at(area, 3, "EXFAT   ", 8);
}

/* [MS-FVE] has no published layout; libbde's documentation of the volume header: its name at 3, or its identifier. */
static bool is_bitlocker(const struct area *area)
{
	static const char guid[] =
		"\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01";

	return is_at(area, 3, "-FVE-FS-", 8) || is_at(area, 160, guid, 16) ||
	       is_at(area, 424, guid, 16);
}

/* Microsoft, FAT32 File System Specification: the fields of the BIOS parameter block; none of them alone says anything. */
static bool is_fat(const struct area *area)
{
	const uint8_t *p = area->bytes;

	return is_at(area, 510, "\x55\xaa", 2) &&
	       ((p[0] == 0xeb && p[2] == 0x90) || p[0] == 0xe9) &&
	       is_power(bl_get16(p + 11), 512, 4096) && is_power(p[13], 1, 128) &&
	       bl_get16(p + 14) && (p[16] == 1 || p[16] == 2) && (p[21] == 0xf0 || p[21] >= 0xf8) &&
	       (bl_get16(p + 19) || bl_get32(p + 32)) && !is_ntfs(area) && !is_exfat(area);
}

/* Apple TN1150, "Volume Header": at 1024, signature and version, block size at 40, big-endian. */
static bool is_hfs(const struct area *area)
{
	return (is_at(area, 1024, "H+\0\4", 4) || is_at(area, 1024, "HX\0\5", 4)) &&
	       has(area, 1024, 512) && is_power(big32(area->bytes + 1024 + 40), 512, 1u << 20);
}

/* Apple File System Reference, nx_superblock_t: magic at 32, block size behind it. */
static bool is_apfs(const struct area *area)
{
	return is_at(area, 32, "NXSB", 4) && has(area, 0, 64) &&
	       is_power(bl_get32(area->bytes + 36), 4096, 65536);
}

/* ECMA-119, 8.1: volume descriptors from sector 16 on. */
static bool is_iso9660(const struct area *area)
{
	return is_at(area, 32769, "CD001\1", 6) &&
	       (area->bytes[32768] <= 3 || area->bytes[32768] == 0xff);
}

/* FreeBSD, sys/ufs/ffs/fs.h: fs_magic at 1372 of a superblock at 8, 64 or 256 KiB; fs_bsize at 48. */
static bool is_ufs(const struct area *area)
{
	static const size_t places[] = {8192, 65536, 262144};
	static const uint32_t magics[] = {0x00011954, 0x19540119};

	for (size_t i = 0; i < BL_COUNT(places); i++) {
		if (!has(area, places[i], 1376))
			return false;

		const uint8_t *p = area->bytes + places[i];

		for (size_t k = 0; k < BL_COUNT(magics); k++)
			if ((bl_get32(p + 1372) == magics[k] &&
			     is_power(bl_get32(p + 48), 4096, 65536)) ||
			    (big32(p + 1372) == magics[k] && is_power(big32(p + 48), 4096, 65536)))
				return true;
	}
	return false;
}

/* Linux, include/linux/f2fs_fs.h: at 1024, the logarithm of the sector size at 8. */
static bool is_f2fs(const struct area *area)
{
	return is_at(area, 1024, "\x10\x20\xf5\xf2", 4) && has(area, 1024, 16) &&
	       bl_get32(area->bytes + 1024 + 8) >= 9 && bl_get32(area->bytes + 1024 + 8) <= 12;
}

/* Linux (before 6.13), fs/reiserfs/reiserfs.h: magic at 52 of a superblock at 8 or 64 KiB. */
static bool is_reiserfs(const struct area *area)
{
	static const size_t places[] = {65536 + 52, 8192 + 52};

	for (size_t i = 0; i < BL_COUNT(places); i++)
		if (is_at(area, places[i], "ReIsErFs", 8) ||
		    is_at(area, places[i], "ReIsEr2Fs", 9) ||
		    is_at(area, places[i], "ReIsEr3Fs", 9))
			return true;
	return false;
}

/* Linux, include/linux/swap.h: at the end of the first page, of the machine that made it. */
static bool is_swap(const struct area *area)
{
	static const size_t pages[] = {4096, 8192, 16384, 32768, 65536};

	for (size_t i = 0; i < BL_COUNT(pages); i++)
		if (is_at(area, pages[i] - 10, "SWAPSPACE2", 10) ||
		    is_at(area, pages[i] - 10, "SWAP-SPACE", 10))
			return true;
	return false;
}

/* LVM2, lib/format_text/layout.h: a label in one of the first four sectors. */
static bool is_lvm(const struct area *area)
{
	for (size_t at = 0; at < 4u * SECTOR; at += SECTOR)
		if (is_at(area, at, "LABELONE", 8) && is_at(area, at + 24, "LVM2 001", 8))
			return true;
	return false;
}

/* LUKS On-Disk Format Specification, 1 and 2. */
static bool is_luks(const struct area *area)
{
	return is_at(area, 0, "LUKS\xba\xbe\0\1", 8) || is_at(area, 0, "LUKS\xba\xbe\0\2", 8);
}

/* Linux, include/uapi/linux/raid/md_p.h: version 1.1 at the begin, 1.2 behind 4 KiB (1.0 and 0.90 are at the end). */
#define MD_MAGIC "\xfc\x4e\x2b\xa9"
static bool is_md(const struct area *area)
{
	return is_at(area, 0, MD_MAGIC "\1\0\0\0", 8) || is_at(area, 4096, MD_MAGIC "\1\0\0\0", 8);
}

/* ZFS On-Disk Specification, 1.2 and 1.3: a label of 256 KiB, whose second half is an array of uberblocks. */
#define ZFS_LABEL (256u << 10)
static bool is_zfs_label(const struct area *area, size_t at)
{
	for (size_t slot = at + ZFS_LABEL / 2; slot < at + ZFS_LABEL; slot += 1024)
		if (is_at(area, slot, "\x0c\xb1\xba\0\0\0\0\0", 8) ||
		    is_at(area, slot, "\0\0\0\0\0\xba\xb1\x0c", 8))
			return true;
	return false;
}

static bool is_zfs(const struct area *area)
{
	return is_zfs_label(area, 0) || is_zfs_label(area, ZFS_LABEL);
}

static const struct {
	const char *type;
	bool (*is)(const struct area *area);
	enum inspect_sign_kind kind;
	bool is_of_medium; /* looked for at the medium's first byte only */
} formats[] = {
	{"mbr", is_mbr, SIGN_TABLE, true},
	{"gpt", is_gpt, SIGN_TABLE, false},
	{"apm", is_apm, SIGN_TABLE, false},
	{"bsd", is_bsd, SIGN_TABLE, false},
	{"ext", is_ext, SIGN_FILESYSTEM, false},
	{"xfs", is_xfs, SIGN_FILESYSTEM, false},
	{"btrfs", is_btrfs, SIGN_FILESYSTEM, false},
	{"ntfs", is_ntfs, SIGN_FILESYSTEM, false},
	{"fat", is_fat, SIGN_FILESYSTEM, false},
	{"exfat", is_exfat, SIGN_FILESYSTEM, false},
	{"hfs+", is_hfs, SIGN_FILESYSTEM, false},
	{"apfs", is_apfs, SIGN_FILESYSTEM, false},
	{"iso9660", is_iso9660, SIGN_FILESYSTEM, false},
	{"ufs", is_ufs, SIGN_FILESYSTEM, false},
	{"f2fs", is_f2fs, SIGN_FILESYSTEM, false},
	{"reiserfs", is_reiserfs, SIGN_FILESYSTEM, false},
	{"swap", is_swap, SIGN_FILESYSTEM, false},
	{"lvm", is_lvm, SIGN_FILESYSTEM, false},
	{"luks", is_luks, SIGN_FILESYSTEM, false},
	{"bitlocker", is_bitlocker, SIGN_FILESYSTEM, false},
	{"md", is_md, SIGN_FILESYSTEM, false},
	{"zfs", is_zfs, SIGN_FILESYSTEM, false},
};
_Static_assert(BL_COUNT(formats) <= INSPECT_SIGNS_AT, "a place has room for all formats");

size_t inspect_signs_at(const uint8_t *bytes, size_t length, uint64_t offset, bool is_medium,
			struct inspect_found_sign out[INSPECT_SIGNS_AT])
{
	struct area area = {bytes, length};
	size_t count = 0;

	for (size_t i = 0; i < BL_COUNT(formats); i++)
		if ((is_medium || !formats[i].is_of_medium) && formats[i].is(&area))
			out[count++] = (struct inspect_found_sign){formats[i].kind,
								   {formats[i].type, offset}};
	return count;
}

size_t inspect_signs_end(const uint8_t *bytes, size_t length, uint64_t size_bytes,
			 struct inspect_found_sign out[INSPECT_SIGNS_AT])
{
	uint64_t labels = size_bytes / ZFS_LABEL * ZFS_LABEL;
	const struct {
		const char *type, *magic;
		size_t magic_length;
		uint64_t offset;
		enum inspect_sign_kind kind;
	} ends[] = {
		{"gpt", GPT, 12, size_bytes - 512, SIGN_TABLE},
		{"gpt", GPT, 12, size_bytes - 4096, SIGN_TABLE},
		{"md", MD_MAGIC "\0\0\0\0\x5a\0\0\0", 12, size_bytes / 65536 * 65536 - 65536,
		 SIGN_FILESYSTEM},
		{"md", MD_MAGIC "\1\0\0\0", 8, (size_bytes / SECTOR - 16) / 8 * 8 * SECTOR,
		 SIGN_FILESYSTEM},
	};
	struct area area = {bytes, length};
	uint64_t first = size_bytes - length;
	size_t count = 0;

	for (size_t i = 0; i < BL_COUNT(ends); i++)
		/* Of a medium that is too small the place is a huge number, or before what is here. */
		if (ends[i].offset >= first && ends[i].offset < size_bytes &&
		    is_at(&area, (size_t)(ends[i].offset - first), ends[i].magic,
			  ends[i].magic_length))
			out[count++] = (struct inspect_found_sign){ends[i].kind,
								   {ends[i].type, ends[i].offset}};
	/* The first two labels of a small medium are seen from its begin. */
	for (uint64_t at = labels - 2 * ZFS_LABEL; labels >= 4 * ZFS_LABEL && at < labels;
	     at += ZFS_LABEL)
		if (at >= first && is_zfs_label(&area, (size_t)(at - first)))
			out[count++] = (struct inspect_found_sign){SIGN_FILESYSTEM, {"zfs", at}};
	return count;
}

void inspect_sign_add(struct inspect_result *result, const struct inspect_found_sign *found)
{
	bool is_table = found->kind == SIGN_TABLE;
	struct inspect_sign *told = is_table ? result->tables : result->filesystems;
	size_t *count = is_table ? &result->table_count : &result->filesystem_count;
	size_t place = BL_MIN(*count, (size_t)INSPECT_SIGNS);

	++*count;
	while (place > 0 && told[place - 1].offset > found->sign.offset)
		place--;
	if (place == INSPECT_SIGNS)
		return;
	memmove(told + place + 1, told + place,
		(BL_MIN(*count, (size_t)INSPECT_SIGNS) - place - 1) * sizeof(*told));
	told[place] = found->sign;
}

/* ---- where partitions begin ------------------------------------------------------------------------------------ */

#define EBR_LINKS   64
#define GPT_ENTRIES 256
#define GPT_ENTRY   128u
#define GPT_LARGEST 4096u
#define OLD_FIRST                                                                                  \
	63u /* where the first partition began for decades; a table that named it may be gone */

struct starts {
	const struct inspect_source *source;
	const atomic_bool *stop;
	uint8_t *buffer;
	uint64_t *out;
	size_t count;
};

static void add_start(struct starts *starts, uint64_t sector, uint64_t sector_bytes)
{
	uint64_t offset;
	size_t place = starts->count;

	if (__builtin_mul_overflow(sector, sector_bytes, &offset) || offset == 0 ||
	    offset >= starts->source->size_bytes || offset % INSPECT_BLOCK == 0)
		return;
	while (place > 0 && starts->out[place - 1] > offset)
		place--;
	if (starts->count == INSPECT_STARTS || (place > 0 && starts->out[place - 1] == offset))
		return;
	memmove(starts->out + place + 1, starts->out + place,
		(starts->count - place) * sizeof(*starts->out));
	starts->out[place] = offset;
	starts->count++;
}

/* The bytes at @offset, a multiple of sectors; NULL when they are not on the medium. */
static const uint8_t *read_at(struct starts *starts, uint64_t offset, size_t length)
{
	uint64_t from = offset / INSPECT_PIECE * INSPECT_PIECE;
	size_t skip = (size_t)(offset - from);
	struct inspect_read read;

	if (offset >= starts->source->size_bytes || length > starts->source->size_bytes - offset ||
	    skip + length > INSPECT_SIGN_AREA)
		return NULL;
	inspect_source_read(starts->source, starts->buffer, skip + length, from, 0, starts->stop,
			    &read);
	return starts->buffer + skip;
}

/* The chain of logical partitions: each link names one, and the next link. */
static void follow_chain(struct starts *starts, uint64_t base)
{
	uint64_t link = 0;

	for (size_t i = 0; i < EBR_LINKS; i++) {
		const uint8_t *sector = read_at(starts, (base + link) * SECTOR, SECTOR);
		struct area area = {sector, SECTOR};

		if (!sector || !is_at(&area, 510, "\x55\xaa", 2))
			return;
		if (mbr_entry(&area, 0)[4])
			add_start(starts, base + link + bl_get32(mbr_entry(&area, 0) + 8), SECTOR);
		if (!mbr_entry(&area, 1)[4] || bl_get32(mbr_entry(&area, 1) + 8) <= link)
			return; /* the last, or a chain that leads back */
		link = bl_get32(mbr_entry(&area, 1) + 8);
	}
}

static void read_mbr(struct starts *starts)
{
	uint64_t chains[4];
	size_t chain_count = 0;
	const uint8_t *sector = read_at(starts, 0, SECTOR);
	struct area area = {sector, SECTOR};

	if (!sector || !is_mbr(&area))
		return;
	for (size_t i = 0; i < 4; i++) {
		const uint8_t *entry = mbr_entry(&area, i);

		if (entry[4] == 0x05 || entry[4] == 0x0f || entry[4] == 0x85)
			chains[chain_count++] = bl_get32(entry + 8);
		else if (entry[4])
			add_start(starts, bl_get32(entry + 8), SECTOR);
	}
	for (size_t i = 0; i < chain_count; i++)
		follow_chain(starts, chains[i]);
}

static void read_gpt(struct starts *starts, uint64_t header_at, uint64_t sector_bytes)
{
	const uint8_t *header = read_at(starts, header_at, SECTOR);
	struct area area = {header, SECTOR};
	uint64_t at;

	if (!header || !is_at(&area, 0, GPT, 12) ||
	    __builtin_mul_overflow(bl_get64(header + 72), sector_bytes, &at))
		return;

	size_t count = BL_MIN(bl_get32(header + 80), (uint32_t)GPT_ENTRIES);
	size_t size = bl_get32(header + 84);

	if (!is_power(size, GPT_ENTRY, GPT_LARGEST))
		return;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *entry = read_at(starts, at + i * size, size);

		if (!entry)
			return;
		add_start(starts, bl_get64(entry + 32), sector_bytes);
	}
}

size_t inspect_starts(const struct inspect_source *source, uint8_t *buffer, const atomic_bool *stop,
		      uint64_t out[INSPECT_STARTS])
{
	struct starts starts = {source, stop, buffer, out, 0};
	uint64_t size = source->size_bytes;

	add_start(&starts, OLD_FIRST, SECTOR);
	read_mbr(&starts);
	read_gpt(&starts, 512, 512);
	read_gpt(&starts, 4096, 4096);
	if (size % 512 == 0 && size > 512)
		read_gpt(&starts, size - 512, 512);
	if (size % 4096 == 0 && size > 4096)
		read_gpt(&starts, size - 4096, 4096);
	return starts.count;
}
