/* What a volume could hold: each kind by its bytes as they are documented, by its own tool where that is here, and by no less. */
#include "fs/image/reader/reader.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VOLUME ((size_t)4 << 20)

static int fetch(void *context, uint64_t offset, size_t length, const uint8_t **out_bytes)
{
	if (offset + length > VOLUME)
		return EIO;
	*out_bytes = (const uint8_t *)context + offset;
	return 0;
}

/* NULL: nothing known */
static const struct probe_kind *probe_of(uint8_t *bytes)
{
	const struct probe_kind *kinds[PROBE_ROOM] = {NULL};
	struct blocks blocks;

	blocks_init(&blocks, VOLUME, fetch, bytes);
	size_t count = probe(&blocks, 0, VOLUME, kinds);
	blocks_done(&blocks);
	return count ? kinds[0] : NULL;
}

struct piece {
	uint64_t at;
	const char *bytes;
	size_t length;
};

#define PIECE(at, bytes)                                                                           \
	{                                                                                          \
		at, bytes, sizeof(bytes) - 1                                                       \
	}

static const struct row {
	const char *type, *words; /* NULL: it is read */
	struct piece pieces[3];
} ROWS[] = {
	{"ewf", "container", {PIECE(0, "EVF\x09\x0d\x0a\xff")}},
	{"qcow", "container", {PIECE(0, "QFI\xfb\0\0\0\3")}},
	{"vmdk", "container", {PIECE(0, "KDMV\1\0\0\0")}},
	{"vhd", "container", {PIECE(0, "conectix")}},
	{"vhdx", "container", {PIECE(0, "vhdxfile")}},
	{"vdi", "container", {PIECE(64, "\x7f\x10\xda\xbe")}},
	{"aff", "container", {PIECE(0, "AFF10\r\n\0")}},
	{"dmg", "container", {PIECE(VOLUME - 512, "koly\0\0\0\4\0\0\2\0")}},
	{"simg", "simg2img", {PIECE(0, "\x3a\xff\x26\xed\1\0\0\0\x1c\0\x0c\0\0\x10\0\0")}},
	{"luks", "encrypted", {PIECE(0, "LUKS\xba\xbe\0\1")}},
	{"luks2", "encrypted", {PIECE(0, "LUKS\xba\xbe\0\2")}},
	{"bitlocker", "encrypted", {PIECE(0, "\xeb\x58\x90-FVE-FS-")}},
	{"bitlocker",
	 "encrypted",
	 {PIECE(0, "\xeb\x58\x90MSWIN4.1"), PIECE(424, "\x3b\xd6\x67\x49\x29\x2e\xd8\x4a")}},
	{"corestorage", "encrypted", {PIECE(8, "\1\0\x10\0"), PIECE(88, "CS\1\0\0\0")}},
	{"bcache",
	 "bcache",
	 {PIECE(4120, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81")}},
	{"bcachefs",
	 "bcachefs",
	 {PIECE(4120, "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef")}},
	{"lvm2", "LVM", {PIECE(512, "LABELONE"), PIECE(536, "LVM2 001")}},
	{"lvm2", "LVM", {PIECE(1536, "LABELONE"), PIECE(1560, "LVM2 001")}},
	{"lvmthin", "thin pool", {PIECE(32, "\xba\x52\x9c\x01\0\0\0\0")}},
	{"refs", "ReFS", {PIECE(0, "\0\0\0ReFS\0\0\0\0\0\0\0\0\0FSRS")}},
	{"xfs", "XFS", {PIECE(0, "XFSB\0\0\x10\0")}},
	{"squashfs", "squashfs", {PIECE(0, "hsqs"), PIECE(28, "\4\0\0\0")}},
	{"squashfs", "squashfs", {PIECE(0, "sqsh"), PIECE(28, "\0\3\0\0")}},
	{"cramfs", "cramfs", {PIECE(0, "\x45\x3d\xcd\x28"), PIECE(16, "Compressed ROMFS")}},
	{"romfs", "romfs", {PIECE(0, "-rom1fs-")}},
	{"verity", "dm-verity", {PIECE(0, "verity\0\0\1\0\0\0")}},
	{"integrity", "dm-integrity", {PIECE(0, "integrt\0")}},
	{"bootimg", "boot image", {PIECE(0, "ANDROID!")}},
	{"bootimg", "boot image", {PIECE(0, "VNDRBOOT")}},
	{"vbmeta", "verified boot", {PIECE(0, "AVB0\0\0\0\1")}},
	{"super", "dynamic partitions", {PIECE(4096, "\x67\x44\x6c\x61\x34\0\0\0")}},
	{"ubi", "UBI", {PIECE(0, "UBI#\1\0\0\0")}},
	{"ubifs", "UBIFS", {PIECE(0, "\x31\x18\x10\x06"), PIECE(16, "\0\x10\0\0\6\0\0\0")}},
	/* clean markers, as mkfs.jffs2 writes them, of both byte orders */
	{"jffs2", "JFFS2", {PIECE(0, "\x85\x19\x03\x20\x0c\0\0\0\xb1\xb0\x1e\xe4")}},
	{"jffs2", "JFFS2", {PIECE(0, "\x19\x85\x20\x03\0\0\0\x0c\xf0\x60\xdc\x98")}},
	{"yaffs2", "YAFFS2", {PIECE(0, "\3\0\0\0\1\0\0\0\xff\xff")}},
	{"yaffs2", "YAFFS2", {PIECE(0, "\1\0\0\0\1\0\0\0\xff\xffname")}},
	{"ext", NULL, {PIECE(1080, "\x53\xef")}},
	{"hfsplus", NULL, {PIECE(1024, "H+\0\4")}},
	{"hfsplus", NULL, {PIECE(1024, "HX\0\5")}},
	{"hfs", "HFS", {PIECE(1024, "BD"), PIECE(1042, "\1\0\0\0\2\0"), PIECE(1060, "\4Disk")}},
	{"f2fs", "F2FS", {PIECE(1024, "\x10\x20\xf5\xf2")}},
	{"erofs", "EROFS", {PIECE(1024, "\xe2\xe1\xf5\xe0")}},
	{"nilfs2",
	 "NILFS2",
	 {PIECE(1024, "\2\0\0\0\0\0\x34\x34\0\4\0\0"), PIECE(1044, "\2\0\0\0")}},
	{"swap", "swap", {PIECE(4086, "SWAPSPACE2")}},
	{"swap", "swap", {PIECE(8182, "SWAPSPACE2")}},
	{"swap", "swap", {PIECE(16374, "SWAPSPACE2")}},
	{"swap", "swap", {PIECE(65526, "SWAPSPACE2")}},
	{"swap", "swap", {PIECE(4086, "SWAP-SPACE")}},
	{"swap", "sleeping", {PIECE(4086, "S1SUSPEND\0")}},
	{"iso9660", NULL, {PIECE(32769, "CD001\1")}},
	{"udf", "UDF", {PIECE(32769, "BEA01\1"), PIECE(34817, "NSR03\1"), PIECE(36865, "TEA01\1")}},
	{"udf", "UDF", {PIECE(32769, "BEA01\1"), PIECE(36865, "NSR02\1"), PIECE(40961, "TEA01\1")}},
	{"reiserfs", "ReiserFS", {PIECE(65588, "ReIsEr2Fs")}},
	{"reiserfs", "ReiserFS", {PIECE(8244, "ReIsErFs")}},
	{"jfs", "JFS", {PIECE(32768, "JFS1\1\0\0\0")}},
	{"btrfs", "btrfs", {PIECE(65600, "_BHRfS_M")}},
	{"ufs", "UFS", {PIECE(9564, "\x54\x19\1\0")}},
	{"ufs", "UFS", {PIECE(9564, "\0\1\x19\x54")}},
	{"ufs", "UFS2", {PIECE(66908, "\x19\x01\x54\x19")}},
	{"ufs", "UFS2", {PIECE(66908, "\x19\x54\x01\x19")}},
	{"gfs2", "GFS2", {PIECE(65536, "\x01\x16\x19\x70\0\0\0\1")}},
	{"ocfs2", "OCFS2", {PIECE(4096, "OCFSV2")}},
	{"zfs", "ZFS", {PIECE(131072, "\x0c\xb1\xba\0\0\0\0\0")}},
	{"zfs", "ZFS", {PIECE(131072 + 77 * 1024, "\0\0\0\0\0\xba\xb1\x0c")}},
	{"vmfs", "VMFS", {PIECE(1048576, "\x0d\xd0\x01\xc0")}},
	{"vmfs", "VMFS", {PIECE(2097152, "\x5e\xf1\xab\x2f")}},
};

static void row_put(uint8_t *bytes, const struct row *row)
{
	memset(bytes, 0, VOLUME);
	for (size_t i = 0; i < BL_COUNT(row->pieces); i++)
		if (row->pieces[i].length)
			memcpy(bytes + row->pieces[i].at, row->pieces[i].bytes,
			       row->pieces[i].length);
}

static void expect_kind(uint8_t *bytes, const char *type, const char *words)
{
	const struct probe_kind *kind = probe_of(bytes);

	if (!kind)
		fail_msg("%s is not known", type);
	if (strcmp(kind->type, type) != 0 || !kind->notice != !words ||
	    (words && !strstr(kind->notice, words)))
		fail_msg("%s is '%s': %s", type, kind->type, kind->notice ? kind->notice : "read");
	/* As the wire and the volume's name want them. */
	assert_in_range(strlen(kind->type), 1, 15);
	if (words)
		assert_in_range(strlen(kind->notice), 1, 199);
}

static void each_kind_is_known_by_its_bytes(void **state BL_UNUSED)
{
	uint8_t *bytes = malloc(VOLUME);

	assert_non_null(bytes);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		row_put(bytes, &ROWS[i]);
		expect_kind(bytes, ROWS[i].type, ROWS[i].words);
	}
	free(bytes);
}

/* Of each kind the first piece is needed, whole; and what has more is known by none of its pieces alone. */
static void each_kind_needs_all_of_its_bytes(void **state BL_UNUSED)
{
	uint8_t *bytes = malloc(VOLUME);

	assert_non_null(bytes);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		for (size_t k = 0; k < BL_COUNT(ROWS[i].pieces); k++) {
			const struct piece *piece = &ROWS[i].pieces[k];

			/* The end of UDF's sequence is not asked for. */
			if (!piece->length || !memcmp(piece->bytes, "TEA", 3) ||
			    (!strcmp(ROWS[i].type, "cramfs") && !k))
				continue;
			row_put(bytes, &ROWS[i]);
			memset(bytes + piece->at, 0xee, piece->length);
			if (probe_of(bytes))
				fail_msg("%s without piece %zu is '%s'", ROWS[i].type, k,
					 probe_of(bytes)->type);
		}
	free(bytes);
}

static void noise_is_nothing(void **state BL_UNUSED)
{
	uint8_t *bytes = malloc(VOLUME);
	uint64_t random = 3;

	assert_non_null(bytes);
	for (unsigned round = 0; round < 20; round++) {
		for (size_t i = 0; i < VOLUME; i += 8) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
			bl_put64(bytes + i, random ^ random >> 29);
		}
		if (probe_of(bytes))
			fail_msg("noise is '%s'", probe_of(bytes)->type);
	}
	memset(bytes, 0, VOLUME);
	assert_null(probe_of(bytes));
	memset(bytes, 0xff, VOLUME);
	assert_null(probe_of(bytes));
	free(bytes);
}

/* ---- Linux RAID ---- */

static void md_put(uint8_t *super, uint32_t level, uint64_t begin)
{
	uint64_t sum = 0;

	bl_put32(super, 0xa92b4efcu);
	bl_put32(super + 4, 1);
	bl_put32(super + 72, level);
	bl_put64(super + 128, begin);
	bl_put32(super + 220, 3);
	for (size_t at = 0; at < 262; at += 4)
		sum += at == 216 ? 0 : at == 260 ? bl_get16(super + at) : bl_get32(super + at);
	bl_put32(super + 216, (uint32_t)sum + (uint32_t)(sum >> 32));
}

/* What lies at its beginning is an ext superblock: of a mirror's member it is right, of any other it would be shown wrong. */
static void raid_members_are_told_from_mirrors(void **state BL_UNUSED)
{
	static const struct {
		const char *version;
		size_t at;
		bool is_old;
		uint32_t level;
		uint64_t begin;
		bool is_member;
	} rows[] = {
		{"1.1", 0, false, 1, 2048, true},
		{"1.2", 4096, false, 1, 2048, true},
		{"1.2", 4096, false, 5, 2048, true},
		{"1.0", VOLUME - 8192, false, 1, 0, false},
		{"1.0", VOLUME - 8192, false, 5, 0, true},
		{"1.0", VOLUME - 8192, false, 1, 2048, true},
		{"0.90", VOLUME - 65536, true, 1, 0, false},
		{"0.90", VOLUME - 65536, true, 5, 0, true},
		{"0.90", VOLUME - 65536, true, 0, 0, true},
	};
	uint8_t *bytes = malloc(VOLUME);

	assert_non_null(bytes);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		uint8_t *super = bytes + rows[i].at;

		print_message("%s, level %u\n", rows[i].version, rows[i].level);
		memset(bytes, 0, VOLUME);
		if (rows[i].is_old) {
			bl_put32(super, 0xa92b4efcu);
			bl_put32(super + 8, 90);
			bl_put32(super + 28, rows[i].level);
		} else {
			md_put(super, rows[i].level, rows[i].begin);
		}
		bytes[1080] = 0x53;
		bytes[1081] = 0xef;
		expect_kind(bytes, rows[i].is_member ? "mdraid" : "ext",
			    rows[i].is_member ? "Linux RAID" : NULL);
		/* A superblock whose sum does not hold is none. */
		super[100] ^= 1;
		if (!rows[i].is_old)
			expect_kind(bytes, "ext", NULL);
	}
	free(bytes);
}

static void what_encrypts_hides_what_it_was_made_over(void **state BL_UNUSED)
{
	uint8_t *bytes = calloc(1, VOLUME);

	assert_non_null(bytes);
	memcpy(bytes, "LUKS\xba\xbe\0\2", 8);
	memcpy(bytes + 1080, "\x53\xef", 2);
	expect_kind(bytes, "luks2", "encrypted");
	free(bytes);
}

/* ---- by their own tools ---- */

static void each_tool_makes_what_we_know_it_by(void **state BL_UNUSED)
{
	static const struct {
		const char *tool, *script, *type, *words;
	} rows[] = {
		{"mkfs.xfs", "truncate -s 320M v; mkfs.xfs -q v", "xfs", "XFS"},
		{"mkfs.btrfs", "truncate -s 128M v; mkfs.btrfs -q v", "btrfs", "btrfs"},
		{"mkfs.minix", "truncate -s 4M v; mkfs.minix -1 v", "minix", "minix"},
		{"mkfs.minix", "truncate -s 4M v; mkfs.minix -1 -n 14 v", "minix", "minix"},
		{"mkfs.minix", "truncate -s 4M v; mkfs.minix -2 v", "minix", "minix"},
		{"mkfs.minix", "truncate -s 4M v; mkfs.minix -2 -n 14 v", "minix", "minix"},
		{"mkfs.minix", "truncate -s 4M v; mkfs.minix -3 v", "minix", "minix"},
		{"mkfs.cramfs", "mkfs.cramfs d v", "cramfs", "cramfs"},
		{"mksquashfs", "mksquashfs d v -quiet -no-progress", "squashfs", "squashfs"},
		{"mkswap", "truncate -s 4M v; mkswap v", "swap", "swap"},
		{"mkswap", "truncate -s 4M v; mkswap -p 65536 v", "swap", "swap"},
		{"mke2fs", "mke2fs -q -F v 4M", "ext", NULL},
		{"mkfs.fat", "truncate -s 4M v; mkfs.fat v", "fat12", NULL},
		{"mkntfs", "truncate -s 4M v; mkntfs -q -F v", "ntfs", NULL},
	};
	char folder[] = "/tmp/bailee-probe-XXXXXX", line[512], path[64];
	uint8_t *bytes = malloc(VOLUME);
	unsigned done = 0;

	assert_non_null(bytes);
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		snprintf(line, sizeof(line),
			 "PATH=$PATH:/sbin:/usr/sbin; cd %s; command -v %s >/dev/null || exit 3; "
			 "rm -rf v d; mkdir d; echo x >d/f; (%s) >/dev/null 2>&1",
			 folder, rows[i].tool, rows[i].script);
		int status = system(line);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
			continue;
		print_message("%s\n", rows[i].script);
		assert_int_equal(status, 0);
		snprintf(path, sizeof(path), "%s/v", folder);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		memset(bytes, 0, VOLUME);
		assert_true(read(fd, bytes, VOLUME) > 0);
		close(fd);
		expect_kind(bytes, rows[i].type, rows[i].words);
		done++;
	}
	snprintf(line, sizeof(line), "rm -rf %s", folder);
	assert_int_equal(system(line), 0);
	free(bytes);
	if (!done)
		skip();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_known_by_its_bytes),
		cmocka_unit_test(each_kind_needs_all_of_its_bytes),
		cmocka_unit_test(noise_is_nothing),
		cmocka_unit_test(raid_members_are_told_from_mirrors),
		cmocka_unit_test(what_encrypts_hides_what_it_was_made_over),
		cmocka_unit_test(each_tool_makes_what_we_know_it_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
