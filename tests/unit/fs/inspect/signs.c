#include "tests/unit/fs/inspect/medium-test.h"

#include <fcntl.h>
#include <unistd.h>

#define AREA INSPECT_SIGN_AREA

/* What a format has, and nothing else. */
struct part {
	size_t at;
	const char *bytes;
	size_t length;
};
#define P(at, text)                                                                                \
	{                                                                                          \
		at, text, sizeof(text) - 1                                                         \
	}
static const struct row {
	const char *type;
	enum inspect_sign_kind kind;
	bool is_of_medium;
	struct part parts[12];
} ROWS[] = {
	{"mbr",
	 SIGN_TABLE,
	 true,
	 {P(446, "\x80\1\2\3\x83\1\2\3\0\x08\0\0\0\0\1\0"), P(510, "\x55\xaa")}},
	{"mbr", SIGN_TABLE, true, {P(440, "\1\2\3\4"), P(510, "\x55\xaa")}},
	{"gpt", SIGN_TABLE, false, {P(512, "EFI PART\0\0\1\0")}},
	{"gpt", SIGN_TABLE, false, {P(4096, "EFI PART\0\0\1\0")}},
	{"apm", SIGN_TABLE, false, {P(0, "ER\2\0"), P(512, "PM\0\0")}},
	{"apm", SIGN_TABLE, false, {P(0, "ER\x08\0"), P(2048, "PM\0\0")}},
	{"bsd", SIGN_TABLE, false, {P(512, "WEV\x82"), P(644, "WEV\x82")}},
	{"ext",
	 SIGN_FILESYSTEM,
	 false,
	 {P(1024, "\x10\0\0\0\x40\0\0\0"), P(1024 + 32, "\0\x80\0\0"), P(1024 + 40, "\x10\0\0\0"),
	  P(1024 + 56, "\x53\xef\1\0\1\0")}},
	{"xfs", SIGN_FILESYSTEM, false, {P(0, "XFSB\0\0\x10\0"), P(102, "\2\0")}},
	{"btrfs", SIGN_FILESYSTEM, false, {P(65600, "_BHRfS_M")}},
	{"ntfs", SIGN_FILESYSTEM, false, {P(0, "\xeb\x52\x90NTFS    "), P(510, "\x55\xaa")}},
	{"fat",
	 SIGN_FILESYSTEM,
	 false,
	 {P(0, "\xeb\x3c\x90mkfs.fat\0\2\4\1\0\2\0\2\0\x80\xf8"), P(510, "\x55\xaa")}},
	{"exfat",
	 SIGN_FILESYSTEM,
	 false,
	 {P(0, "\xeb\x76\x90"
	       "EXFAT   "),
	  P(510, "\x55\xaa")}},
	{"hfs+", SIGN_FILESYSTEM, false, {P(1024, "H+\0\4"), P(1064, "\0\0\x10\0")}},
	{"hfs+", SIGN_FILESYSTEM, false, {P(1024, "HX\0\5"), P(1064, "\0\0\x20\0")}},
	{"apfs", SIGN_FILESYSTEM, false, {P(32, "NXSB\0\x10\0\0")}},
	{"iso9660", SIGN_FILESYSTEM, false, {P(32768, "\1CD001\1")}},
	{"ufs", SIGN_FILESYSTEM, false, {P(8192 + 48, "\0\x20\0\0"), P(9564, "\x54\x19\1\0")}},
	{"ufs",
	 SIGN_FILESYSTEM,
	 false,
	 {P(65536 + 48, "\0\x80\0\0"), P(65536 + 1372, "\x19\1\x54\x19")}},
	{"f2fs", SIGN_FILESYSTEM, false, {P(1024, "\x10\x20\xf5\xf2\1\0\x10\0\x09\0\0\0")}},
	{"reiserfs", SIGN_FILESYSTEM, false, {P(65588, "ReIsEr2Fs")}},
	{"swap", SIGN_FILESYSTEM, false, {P(4086, "SWAPSPACE2")}},
	{"swap", SIGN_FILESYSTEM, false, {P(65526, "SWAPSPACE2")}},
	{"lvm", SIGN_FILESYSTEM, false, {P(512, "LABELONE"), P(536, "LVM2 001")}},
	{"luks", SIGN_FILESYSTEM, false, {P(0, "LUKS\xba\xbe\0\2")}},
	{"bitlocker", SIGN_FILESYSTEM, false, {P(0, "\xeb\x58\x90-FVE-FS-")}},
	{"md", SIGN_FILESYSTEM, false, {P(4096, "\xfc\x4e\x2b\xa9\1\0\0\0")}},
	{"zfs", SIGN_FILESYSTEM, false, {P(131072 + 3072, "\x0c\xb1\xba\0\0\0\0\0")}},
	{"zfs", SIGN_FILESYSTEM, false, {P(393216, "\0\0\0\0\0\xba\xb1\x0c")}},
};

static void put_row(const struct row *row, uint8_t *bytes)
{
	for (size_t i = 0; i < BL_COUNT(row->parts); i++)
		if (row->parts[i].bytes)
			memcpy(bytes + row->parts[i].at, row->parts[i].bytes, row->parts[i].length);
}

static void each_format_is_told_by_its_signature(void **state)
{
	uint8_t *bytes = malloc(AREA);

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < BL_COUNT(ROWS) * 2; i++) {
		const struct row *row = &ROWS[i / 2];
		struct inspect_found_sign found[INSPECT_SIGNS_AT];
		bool is_medium = i % 2;

		memset(bytes, 0, AREA);
		put_row(row, bytes);

		size_t count = inspect_signs_at(bytes, AREA, 3 * MIB, is_medium, found);
		size_t expected = row->is_of_medium && !is_medium ? 0 : 1;

		if (count != expected ||
		    (count && (strcmp(found[0].sign.type, row->type) != 0 ||
			       found[0].kind != row->kind || found[0].sign.offset != 3 * MIB)))
			fail_msg("row %zu, %s: %zu found, %s", i / 2, row->type, count,
				 count ? found[0].sign.type : "");
	}
	free(bytes);
}

/* Any byte of a signature that is another one, and it is none: each of them counts. */
static void a_signature_with_a_byte_changed_is_none(void **state)
{
	uint8_t *bytes = calloc(1, AREA);
	struct inspect_found_sign found[INSPECT_SIGNS_AT];

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const struct row *row = &ROWS[i];
		/* The part that is the magic: the one with the rarest bytes is the last but for boot sectors. */
		const struct part *magic = &row->parts[0];

		for (size_t k = 0; k < BL_COUNT(row->parts); k++)
			if (row->parts[k].bytes)
				magic = &row->parts[k];
		memset(bytes, 0, AREA);
		put_row(row, bytes);
		bytes[magic->at] ^= 0x41;

		size_t count = inspect_signs_at(bytes, AREA, 0, true, found);

		/* NTFS, exFAT and BitLocker have names of their own; 55 aa behind them is not asked for. */
		bool is_named = strcmp(row->type, "ntfs") == 0 || strcmp(row->type, "exfat") == 0 ||
				strcmp(row->type, "bitlocker") == 0;

		if (is_named)
			continue;
		for (size_t k = 0; k < count; k++)
			if (strcmp(found[k].sign.type, row->type) == 0)
				fail_msg("row %zu, %s is still one", i, row->type);
	}
	free(bytes);
}

static void random_bytes_are_no_signature(void **state)
{
	struct inspect_found_sign found[INSPECT_SIGNS_AT];
	uint8_t *bytes = malloc(AREA);

	(void)state;
	assert_non_null(bytes);
	/* Two bytes alone would be met: 55 aa, 53 ef are put where they belong. */
	for (uint32_t seed = 1; seed <= 300; seed++) {
		fill_random(bytes, AREA, seed);
		bytes[510] = 0x55;
		bytes[511] = 0xaa;
		bytes[1024 + 56] = 0x53;
		bytes[1024 + 57] = 0xef;
		if (inspect_signs_at(bytes, AREA, 0, true, found) ||
		    inspect_signs_end(bytes, AREA, 9 * MIB, found))
			fail_msg("seed %u is %s", seed, found[0].sign.type);
	}
	free(bytes);
}

/* Whatever is cut off is not looked at (the sanitizers see it). */
static void short_media_are_no_trouble(void **state)
{
	struct inspect_found_sign found[INSPECT_SIGNS_AT];

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		for (size_t length = 1; length < 9000; length += length < 1600 ? 1 : 97) {
			uint8_t *whole = calloc(1, AREA), *bytes = malloc(length);

			assert_true(whole && bytes);
			put_row(&ROWS[i], whole);
			memcpy(bytes, whole, length);
			assert_in_range(inspect_signs_at(bytes, length, 0, true, found), 0, 1);
			inspect_signs_end(bytes, length, length, found);
			free(bytes);
			free(whole);
			if (length > 600 && i % 4)
				break;
		}
}

static void the_end_of_a_medium_has_signs_of_its_own(void **state)
{
	static const struct {
		const char *type;
		uint64_t size, offset; /* of the sign */
		struct part part;      /* at that place, or behind it */
	} rows[] = {
		{"gpt", 5 * MIB, 5 * MIB - 512, P(0, "EFI PART\0\0\1\0")},
		{"gpt", 5 * MIB, 5 * MIB - 4096, P(0, "EFI PART\0\0\1\0")},
		{"md", 5 * MIB + 700, 5 * MIB - 65536, P(0, "\xfc\x4e\x2b\xa9\0\0\0\0\x5a\0\0\0")},
		{"md", 5 * MIB + 512, 5 * MIB - 8192, P(0, "\xfc\x4e\x2b\xa9\1\0\0\0")},
		{"zfs", 5 * MIB + 9000, 5 * MIB - 262144, P(131072, "\x0c\xb1\xba\0\0\0\0\0")},
	};
	struct inspect_found_sign found[INSPECT_SIGNS_AT];

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		uint8_t *bytes = calloc(1, rows[i].size);
		uint64_t from = rows[i].size - 700000;

		assert_non_null(bytes);
		memcpy(bytes + rows[i].offset + rows[i].part.at, rows[i].part.bytes,
		       rows[i].part.length);

		size_t count = inspect_signs_end(bytes + from, 700000, rows[i].size, found);

		if (count != 1 || strcmp(found[0].sign.type, rows[i].type) != 0 ||
		    found[0].sign.offset != rows[i].offset)
			fail_msg("row %zu, %s: %zu found", i, rows[i].type, count);
		free(bytes);
	}
}

/* ---- in a result ------------------------------------------------------------------------------------------ */

static void signs_are_told_by_offset_and_all_are_counted(void **state)
{
	struct inspect_result *result = calloc(1, sizeof(*result));
	uint32_t random = 5;

	(void)state;
	assert_non_null(result);
	for (unsigned i = 0; i < 1000; i++) {
		struct inspect_found_sign sign = {i % 3 ? SIGN_FILESYSTEM : SIGN_TABLE,
						  {"x", next_random(&random) % 1000000}};

		inspect_sign_add(result, &sign);
	}
	/* One before all others takes its place among them. */
	inspect_sign_add(result, &(struct inspect_found_sign){SIGN_FILESYSTEM, {"first", 0}});
	assert_int_equal(result->table_count, 334);
	assert_int_equal(result->filesystem_count, 667);
	assert_string_equal(result->filesystems[0].type, "first");
	for (size_t i = 1; i < INSPECT_SIGNS; i++) {
		assert_true(result->tables[i - 1].offset <= result->tables[i].offset);
		assert_true(result->filesystems[i - 1].offset <= result->filesystems[i].offset);
	}
	/* Those that are told are the first ones, whatever came when. */
	assert_in_range(result->tables[INSPECT_SIGNS - 1].offset, 700000, 840000);
	assert_in_range(result->filesystems[INSPECT_SIGNS - 1].offset, 330000, 440000);
	free(result);
}

static void filesystems_are_found_behind_a_table_that_is_gone(void **state)
{
	static const uint64_t places[] = {0, 63 * 512, MIB, 3 * MIB};
	struct inspect_job job = {.fd = -1, .threads = 2};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(places); i++) {
		struct medium *m = medium_new(4 * MIB, 0);
		struct inspect_result *result = NULL;

		medium_put(m, places[i] + 65600, "_BHRfS_M", 8);
		assert_int_equal(inspect_run_source(&job, &m->source, &result, NULL), BL_OK);
		if (result->filesystem_count != 1 || result->filesystems[0].offset != places[i] ||
		    strcmp(result->filesystems[0].type, "btrfs") != 0)
			fail_msg("at %llu: %zu found", (unsigned long long)places[i],
				 result->filesystem_count);
		free(result);
		medium_free(m);
	}
}

static void put_entry(uint8_t *sector, size_t index, uint8_t type, uint32_t first)
{
	uint8_t *entry = sector + 446 + index * 16;

	memset(entry, 0, 16);
	entry[4] = type;
	bl_put32(entry + 8, first);
	bl_put32(entry + 12, 100);
	sector[510] = 0x55;
	sector[511] = 0xaa;
}

/* Partitions that begin anywhere, since a table says so: primary, logical, and of a GPT by either of its headers. */
static void filesystems_are_found_where_tables_say(void **state)
{
	static const uint64_t at = 2 * MIB + 777 * 512;
	struct inspect_job job = {.fd = -1, .threads = 1};

	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		struct medium *m = medium_new(5 * MIB, 0);
		struct inspect_result *result = NULL;
		uint64_t header = way == 2 ? 512 : m->size_bytes - 512;

		medium_put(m, at, "LUKS\xba\xbe\0\1", 8);
		if (way == 0) {
			put_entry(m->bytes, 1, 0x83, (uint32_t)(at / 512));
		} else if (way == 1) {
			put_entry(m->bytes, 2, 0x0f, 1000);
			put_entry(m->bytes + 1000 * 512, 0, 0x83, 8);
			put_entry(m->bytes + 1000 * 512, 1, 0x05, 500);
			put_entry(m->bytes + 1500 * 512, 0, 0x83, (uint32_t)(at / 512 - 1500));
			put_entry(m->bytes + 1500 * 512, 1, 0x05, 500); /* back to itself */
		} else {
			medium_put(m, header, "EFI PART\0\0\1\0", 12);
			bl_put64(m->bytes + header + 72, 40);
			bl_put32(m->bytes + header + 80, 128);
			bl_put32(m->bytes + header + 84, 128);
			bl_put64(m->bytes + 40 * 512 + 5 * 128 + 32, at / 512);
		}
		assert_int_equal(inspect_run_source(&job, &m->source, &result, NULL), BL_OK);
		if (result->filesystem_count != 1 || result->filesystems[0].offset != at ||
		    result->table_count != 1 ||
		    strcmp(result->tables[0].type, way < 2 ? "mbr" : "gpt") != 0)
			fail_msg("way %u: %zu filesystems, %zu tables", way,
				 result->filesystem_count, result->table_count);
		free(result);
		medium_free(m);
	}
}

/* Chains that lead back, entries beyond the medium, tables of any length: some starts, and an end. */
static void hostile_tables_come_to_an_end(void **state)
{
	atomic_bool never = false;
	uint64_t starts[INSPECT_STARTS];
	uint8_t *buffer = aligned_alloc(4096, AREA);

	(void)state;
	assert_non_null(buffer);
	for (uint32_t seed = 1; seed <= 40; seed++) {
		struct medium *m = medium_new(2 * MIB, 0);

		fill_random(m->bytes, m->size_bytes, seed);
		medium_put(m, 512, "EFI PART\0\0\1\0", 12);
		medium_put(m, 4096, "EFI PART\0\0\1\0", 12);
		medium_put(m, m->size_bytes - 512, "EFI PART\0\0\1\0", 12);
		bl_put32(m->bytes + 512 + 84, 128);
		bl_put64(m->bytes + 512 + 72, seed % 2 ? 2 : UINT64_MAX - seed);
		bl_put64(m->bytes + m->size_bytes - 512 + 72, UINT64_MAX / 512);
		put_entry(m->bytes, 0, 5, seed);
		put_entry(m->bytes, 1, 5, seed * 2);
		put_entry(m->bytes, 2, 0x85, UINT32_MAX);
		put_entry(m->bytes, 3, 0x83, UINT32_MAX);
		for (uint64_t at = 512 * 9; at < 512 * 3000; at += 512) {
			m->bytes[at + 510] = 0x55;
			m->bytes[at + 511] = 0xaa;
		}

		size_t count = inspect_starts(&m->source, buffer, &never, starts);

		assert_in_range(count, 1, INSPECT_STARTS);
		for (size_t i = 0; i < count; i++)
			if (starts[i] >= m->size_bytes || starts[i] % 512 ||
			    (i && starts[i] <= starts[i - 1]))
				fail_msg("seed %u: start %zu is %llu", seed, i,
					 (unsigned long long)starts[i]);
		medium_free(m);
	}
	free(buffer);
}

/* ---- made by others ---------------------------------------------------------------------------------------- */

static void filesystems_of_real_tools_are_told(void **state)
{
	static const struct {
		const char *tool, *line, *type;
	} rows[] = {
		{"mke2fs", "mke2fs -q -F -t ext4 i", "ext"},
		{"mke2fs", "mke2fs -q -F -t ext2 -b 1024 i", "ext"},
		{"mkfs.xfs", "mkfs.xfs -q -f i", "xfs"},
		{"mkfs.btrfs", "mkfs.btrfs -q -f i", "btrfs"},
		{"mkntfs", "mkntfs -q -F -Q i", "ntfs"},
		{"mkfs.vfat", "mkfs.vfat -F 16 i", "fat"},
		{"mkfs.vfat", "mkfs.vfat -F 32 i", "fat"},
		{"mkswap", "mkswap i", "swap"},
		{"sfdisk", "echo 2048,4096,83 | sfdisk i", "mbr"},
		{"sfdisk", "echo 2048,4096 | sfdisk -X gpt i", "gpt"},
	};
	char folder[] = "/tmp/bailee-signs-XXXXXX", line[512], path[64];
	uint8_t *bytes = malloc(INSPECT_BLOCK);

	(void)state;
	assert_non_null(bytes);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/i", folder);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct inspect_found_sign found[INSPECT_SIGNS_AT];
		bool is_told = false;

		snprintf(line, sizeof(line),
			 "cd %s && PATH=$PATH:/sbin:/usr/sbin && command -v %s >/dev/null || exit "
			 "9; "
			 "rm -f i && truncate -s 512M i && (%s) >/dev/null 2>&1",
			 folder, rows[i].tool, rows[i].line);

		int status = system(line);

		if (status == 9 << 8) {
			print_message("not looked at: %s is not installed\n", rows[i].tool);
			continue;
		}
		assert_int_equal(status, 0);

		int fd = open(path, O_RDONLY | O_CLOEXEC);

		assert_int_equal(pread(fd, bytes, INSPECT_BLOCK, 0), INSPECT_BLOCK);
		close(fd);

		size_t count = inspect_signs_at(bytes, INSPECT_BLOCK, 0, true, found);

		for (size_t k = 0; k < count; k++)
			is_told |= strcmp(found[k].sign.type, rows[i].type) == 0;
		/* Before a GPT there is an MBR that says so. */
		if (!is_told || count != (strcmp(rows[i].type, "gpt") == 0 ? 2 : 1))
			fail_msg("%s: %zu found, %s", rows[i].line, count,
				 count ? found[0].sign.type : "");
	}
	snprintf(line, sizeof(line), "rm -rf %s", folder);
	assert_int_equal(system(line), 0);
	free(bytes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_format_is_told_by_its_signature),
		cmocka_unit_test(a_signature_with_a_byte_changed_is_none),
		cmocka_unit_test(random_bytes_are_no_signature),
		cmocka_unit_test(short_media_are_no_trouble),
		cmocka_unit_test(the_end_of_a_medium_has_signs_of_its_own),
		cmocka_unit_test(signs_are_told_by_offset_and_all_are_counted),
		cmocka_unit_test(filesystems_are_found_behind_a_table_that_is_gone),
		cmocka_unit_test(filesystems_are_found_where_tables_say),
		cmocka_unit_test(hostile_tables_come_to_an_end),
		cmocka_unit_test(filesystems_of_real_tools_are_told),
	};

	return cmocka_run_group_tests(tests, setup_sodium, NULL);
}
