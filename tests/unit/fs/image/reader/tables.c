/* Tables of partitions, made here byte by byte, whole and harmed: what is listed, and what is not believed. */
#include "tests/unit/fs/image/reader/make-tables.h"
#include "fs/image/reader/reader.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define DISK ((size_t)8 << 20)

struct disk {
	uint8_t *bytes;
	struct blocks blocks;
	struct sleuth_image *image;
	struct volume volumes[READER_VOLUMES];
	size_t count;
};

static int fetch(void *context, uint64_t offset, size_t length, const uint8_t **out_bytes)
{
	const struct disk *disk = context;

	if (offset + length > DISK)
		return EIO;
	*out_bytes = disk->bytes + offset;
	return 0;
}

static void disk_init(struct disk *disk)
{
	*disk = (struct disk){.bytes = calloc(1, DISK)};
	assert_non_null(disk->bytes);
}

static void disk_scan(struct disk *disk)
{
	blocks_init(&disk->blocks, DISK, fetch, disk);
	disk->image = sleuth_image_new(&disk->blocks);
	assert_non_null(disk->image);
	disk->count = tables_scan(&disk->blocks, disk->image, disk->bytes, disk->volumes);
	sleuth_image_free(disk->image);
	blocks_done(&disk->blocks);
}

static void disk_done(struct disk *disk)
{
	free(disk->bytes);
}

static void expect_at(const struct disk *disk, size_t index, uint32_t number, uint64_t offset,
		      uint64_t length)
{
	const struct volume *volume = &disk->volumes[index];

	if (index >= disk->count || volume->at.number != number || volume->at.offset != offset ||
	    volume->at.length != length || volume->trouble)
		fail_msg("%zu of %zu: number %u, %llu + %llu: %s", index, disk->count,
			 volume->at.number, (unsigned long long)volume->at.offset,
			 (unsigned long long)volume->at.length,
			 volume->trouble ? volume->trouble : "no trouble");
}

/* All of the image, and why. */
static void expect_trouble(const struct disk *disk, const char *words)
{
	assert_int_equal(disk->count, 1);
	assert_int_equal(disk->volumes[0].at.number, 0);
	assert_int_equal(disk->volumes[0].at.length, DISK);
	assert_non_null(disk->volumes[0].trouble);
	if (!strstr(disk->volumes[0].trouble, words))
		fail_msg("trouble is '%s', not '%s'", disk->volumes[0].trouble, words);
}

/* ---- DOS ---- */

/* sda1, an extended sda2 with a chain of three whose tables are not in the order of the disk, sda3. */
static void dos_make(uint8_t *bytes)
{
	dos_put(bytes, 0, 0x83, 64, 100);
	dos_put(bytes, 1, 0x0f, 1000, 9000);
	dos_put(bytes, 2, 0x0c, 12000, 500);
	dos_put(bytes + 1000 * 512, 0, 0x83, 8, 100);
	dos_put(bytes + 1000 * 512, 1, 0x05, 4000, 200);
	dos_put(bytes + 5000 * 512, 0, 0x83, 8, 150);
	dos_put(bytes + 5000 * 512, 1, 0x05, 2000, 200);
	dos_put(bytes + 3000 * 512, 0, 0x07, 8, 160);
}

static void logical_partitions_are_numbered_along_their_chain(void **state BL_UNUSED)
{
	struct disk disk;

	disk_init(&disk);
	dos_make(disk.bytes);
	disk_scan(&disk);
	assert_int_equal(disk.count, 5);
	expect_at(&disk, 0, 1, 64 * 512, 100 * 512);
	expect_at(&disk, 1, 3, 12000 * 512, 500 * 512);
	expect_at(&disk, 2, 5, 1008 * 512, 100 * 512);
	expect_at(&disk, 3, 6, 5008 * 512, 150 * 512);
	expect_at(&disk, 4, 7, 3008 * 512, 160 * 512);
	disk_done(&disk);
}

static void harmed_chains_are_one_volume_that_is_not_opened(void **state BL_UNUSED)
{
	static const struct {
		const char *what;
		uint64_t sector;
		unsigned index, type;
		uint32_t start, sectors;
	} rows[] = {
		{"loop to itself", 3000, 1, 0x05, 2000, 200},
		{"loop to the second", 3000, 1, 0x05, 4000, 200},
		{"loop to the first", 3000, 1, 0x05, 0, 200},
		{"out of the extended partition", 3000, 1, 0x05, 9000, 200},
		{"far out of it", 3000, 1, 0x05, 0xffffffffu, 200},
		{"to no table", 3000, 1, 0x05, 6000, 200},
		{"two partitions in one table", 5000, 2, 0x83, 400, 10},
		{"two chains in one table", 5000, 2, 0x05, 7000, 10},
		{"partition longer than the extended one", 3000, 0, 0x83, 8, 9000},
		{"partition on its own table", 3000, 0, 0x83, 0xffffffffu, 8},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct disk disk;

		print_message("%s\n", rows[i].what);
		disk_init(&disk);
		dos_make(disk.bytes);
		dos_put(disk.bytes + rows[i].sector * 512, rows[i].index, rows[i].type,
			rows[i].start, rows[i].sectors);
		disk_scan(&disk);
		assert_int_equal(disk.count, 3);
		expect_at(&disk, 0, 1, 64 * 512, 100 * 512);
		assert_int_equal(disk.volumes[1].at.number, 2);
		assert_non_null(disk.volumes[1].trouble);
		assert_non_null(strstr(disk.volumes[1].trouble, "chain"));
		expect_at(&disk, 2, 3, 12000 * 512, 500 * 512);
		disk_done(&disk);
	}
}

static void endless_chain_has_an_end(void **state BL_UNUSED)
{
	struct disk disk;

	disk_init(&disk);
	dos_put(disk.bytes, 0, 0x05, 64, 16000);
	for (uint32_t i = 0; i < 1000; i++)
		dos_put(disk.bytes + (64 + 10 * (uint64_t)i) * 512, 1, 0x05, 10 * (i + 1), 5);
	disk_scan(&disk);
	assert_int_equal(disk.count, 1);
	assert_non_null(disk.volumes[0].trouble);
	disk_done(&disk);
}

static void boot_sectors_are_no_tables(void **state BL_UNUSED)
{
	static const struct {
		unsigned flags;
		uint32_t start;
	} rows[] = {{0x29, 64}, {0, 0}, {0, DISK / 512}};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct disk disk;

		disk_init(&disk);
		dos_put(disk.bytes, 0, 0x83, rows[i].start, 100);
		disk.bytes[446] = (uint8_t)rows[i].flags;
		disk_scan(&disk);
		assert_int_equal(disk.count, 0);
		disk_done(&disk);
	}
}

/* ---- GPT ---- */

static const struct place PLACES[] = {{256, 100}, {512, 200}};

static void gpt_make(uint8_t *bytes, unsigned sector)
{
	uint64_t last = DISK / sector - 1;

	dos_put(bytes, 0, 0xee, 1, (uint32_t)last);
	gpt_put(bytes, sector, 1, 2, PLACES, BL_COUNT(PLACES));
	gpt_put(bytes, sector, last, last - 32, PLACES, BL_COUNT(PLACES));
}

static void expect_gpt(struct disk *disk, unsigned sector)
{
	disk_scan(disk);
	assert_int_equal(disk->count, 2);
	expect_at(disk, 0, 1, 256 * sector, 100 * sector);
	expect_at(disk, 1, 5, 512 * sector, 200 * sector);
	disk_done(disk);
}

static void gpt_is_read_with_sectors_of_512_and_4096_bytes(void **state BL_UNUSED)
{
	static const unsigned sectors[] = {512, 4096};

	for (size_t i = 0; i < BL_COUNT(sectors); i++) {
		struct disk disk;

		disk_init(&disk);
		gpt_make(disk.bytes, sectors[i]);
		expect_gpt(&disk, sectors[i]);
	}
}

static void second_copy_is_read_when_the_first_does_not_verify(void **state BL_UNUSED)
{
	static const unsigned sectors[] = {512, 4096};
	/* A byte of the magic, of the header, of an entry, of what no entry uses. */
	static const unsigned at[] = {0, 72, 32, 9000};

	for (size_t i = 0; i < BL_COUNT(sectors); i++)
		for (size_t k = 0; k < BL_COUNT(at); k++) {
			struct disk disk;

			disk_init(&disk);
			gpt_make(disk.bytes, sectors[i]);
			disk.bytes[sectors[i] * (k < 2 ? 1 : 2) + at[k]] ^= 0x40;
			expect_gpt(&disk, sectors[i]);
		}
}

static void gpt_of_no_good_copy_is_named_and_not_guessed(void **state BL_UNUSED)
{
	struct disk disk;

	disk_init(&disk);
	gpt_make(disk.bytes, 512);
	disk.bytes[1024 + 40] ^= 1;
	disk.bytes[DISK - 33 * 512 + 40] ^= 1;
	disk_scan(&disk);
	expect_trouble(&disk, "GPT partition table is damaged");
	disk_done(&disk);
}

static void header_that_says_absurd_counts_is_no_header(void **state BL_UNUSED)
{
	static const struct {
		unsigned at;
		uint32_t value;
	} rows[] = {{12, 0}, {12, 0xffffffffu}, {12, 513}, {80, 0},	     {80, 0xffffffffu},
		    {84, 0}, {84, 0xffffffffu}, {84, 127}, {76, 0xffffffffu}};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct disk disk;
		uint8_t *header;

		disk_init(&disk);
		gpt_make(disk.bytes, 512);
		memset(disk.bytes + DISK - 512, 0, 512);
		header = disk.bytes + 512;
		bl_put32(header + rows[i].at, rows[i].value);
		bl_put32(header + 16, 0);
		bl_put32(header + 16, sum_of(header, 92));
		disk_scan(&disk);
		expect_trouble(&disk, "GPT");
		disk_done(&disk);
	}
}

static void gpt_that_nothing_protects_counts_alone_only(void **state BL_UNUSED)
{
	struct disk disk;

	disk_init(&disk);
	gpt_make(disk.bytes, 512);
	memset(disk.bytes, 0, 512);
	expect_gpt(&disk, 512);

	disk_init(&disk);
	gpt_make(disk.bytes, 512);
	memset(disk.bytes, 0, 512);
	memcpy(disk.bytes, "XFSB", 4);
	bl_put32(disk.bytes + 4, 0x00100000);
	memcpy(disk.bytes + 1080, "\x53\xef", 2);
	disk_scan(&disk);
	assert_int_equal(disk.count, 0);
	disk_done(&disk);

	disk_init(&disk);
	gpt_make(disk.bytes, 512);
	memset(disk.bytes, 0, 1024);
	disk_scan(&disk);
	assert_int_equal(disk.count, 0);
	disk_done(&disk);

	disk_init(&disk);
	gpt_make(disk.bytes, 512);
	dos_put(disk.bytes, 0, 0x83, 64, 100);
	disk_scan(&disk);
	expect_trouble(&disk, "neither knows of the other");
	disk_done(&disk);
}

static void hybrid_mbr_does_not_count(void **state BL_UNUSED)
{
	struct disk disk;

	disk_init(&disk);
	gpt_make(disk.bytes, 512);
	dos_put(disk.bytes, 0, 0x0c, 256, 100);
	dos_put(disk.bytes, 1, 0xee, 1, 255);
	expect_gpt(&disk, 512);
}

/* ---- Apple partition map ---- */

static void big(uint8_t *to, uint32_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static void map_put(uint8_t *bytes, unsigned sector, unsigned index, unsigned count,
		    const char *type, uint32_t start, uint32_t sectors)
{
	uint8_t *entry = bytes + (size_t)sector * (index + 1);

	memcpy(entry, "PM", 2);
	big(entry + 4, count, 4);
	big(entry + 8, start, 4);
	big(entry + 12, sectors, 4);
	memcpy(entry + 48, type, strlen(type));
	big(entry + 88, 0x33, 4);
}

static void map_make(uint8_t *bytes, unsigned sector)
{
	memcpy(bytes, "ER", 2);
	big(bytes + 2, sector, 2);
	big(bytes + 4, (uint32_t)(DISK / sector), 4);
	map_put(bytes, sector, 0, 4, "Apple_partition_map", 1, 4);
	map_put(bytes, sector, 1, 4, "Apple_HFS", 64, 500);
	map_put(bytes, sector, 2, 4, "Apple_HFS", 600, 100);
	map_put(bytes, sector, 3, 4, "Apple_Free", 700, 50);
}

static void apple_map_is_read_with_sectors_of_512_and_2048_bytes(void **state BL_UNUSED)
{
	static const unsigned sectors[] = {512, 1024, 2048, 4096};

	for (size_t i = 0; i < BL_COUNT(sectors); i++) {
		struct disk disk;

		disk_init(&disk);
		map_make(disk.bytes, sectors[i]);
		disk_scan(&disk);
		assert_int_equal(disk.count, 2);
		expect_at(&disk, 0, 2, 64 * sectors[i], 500 * sectors[i]);
		expect_at(&disk, 1, 3, 600 * sectors[i], 100 * sectors[i]);
		disk_done(&disk);
	}
}

static void harmed_apple_maps_are_not_believed(void **state BL_UNUSED)
{
	static const struct {
		unsigned entry, at;
		uint32_t value;
		const char *words;
	} rows[] = {
		{1, 0, 0, "damaged"},		 /* no magic */
		{0, 4, 0xffffffffu, "damaged"},	 /* absurdly many */
		{0, 4, 0, "damaged"},		 /* none */
		{2, 4, 5, "damaged"},		 /* of two minds */
		{1, 88, 0, "two ways"},		 /* free for libtsk */
		{1, 8, 0, "over itself"},	 /* on the driver descriptor */
		{1, 8, 0xfffffff0u, "two ways"}, /* libtsk wants it inside */
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct disk disk;

		disk_init(&disk);
		map_make(disk.bytes, 512);
		big(disk.bytes + 512 * (rows[i].entry + 1) + rows[i].at, rows[i].value, 4);
		disk_scan(&disk);
		expect_trouble(&disk, rows[i].words);
		disk_done(&disk);
	}
}

static void hybrid_disc_is_shown_by_its_iso_side(void **state BL_UNUSED)
{
	struct disk disk;

	disk_init(&disk);
	map_make(disk.bytes, 2048);
	memcpy(disk.bytes + 32769, "CD001", 5);
	disk_scan(&disk);
	assert_int_equal(disk.count, 0);
	disk_done(&disk);
}

/* ---- BSD disklabel ---- */

static void label_sum(uint8_t *label)
{
	uint16_t sum = 0;

	bl_put16(label + 136, 0);
	for (size_t at = 0; at < 148 + 16 * 8; at += 2)
		sum ^= bl_get16(label + at);
	bl_put16(label + 136, sum);
}

/* a at 16, c over all, e at 2000, of a slice whose first sector is @base in the label's eyes */
static void label_put(uint8_t *label, uint32_t base, uint32_t sectors)
{
	static const struct {
		unsigned slot, type;
		uint32_t start, sectors;
	} rows[] = {{0, 7, 16, 1000}, {2, 0, 0, 0}, {4, 7, 2000, 500}};

	bl_put32(label, 0x82564557u);
	bl_put32(label + 132, 0x82564557u);
	bl_put32(label + 40, 512);
	bl_put16(label + 138, 8);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		uint8_t *entry = label + 148 + 16 * (size_t)rows[i].slot;

		bl_put32(entry, rows[i].sectors ? rows[i].sectors : sectors);
		bl_put32(entry + 4, base + rows[i].start);
		entry[12] = (uint8_t)rows[i].type;
	}
	label_sum(label);
}

static void bare_bsd_label_is_read(void **state BL_UNUSED)
{
	struct disk disk;

	disk_init(&disk);
	label_put(disk.bytes + 512, 0, DISK / 512);
	disk_scan(&disk);
	assert_int_equal(disk.count, 2);
	expect_at(&disk, 0, 1, 16 * 512, 1000 * 512);
	expect_at(&disk, 1, 5, 2000 * 512, 500 * 512);
	disk_done(&disk);
}

static void bsd_label_inside_a_slice_is_read(void **state BL_UNUSED)
{
	static const struct {
		unsigned type;
		uint32_t base;
	} rows[] = {{0xa5, 0}, {0xa5, 8000}, {0xa6, 8000}, {0xa9, 8000}};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct disk disk;

		disk_init(&disk);
		dos_put(disk.bytes, 0, 0x83, 64, 100);
		dos_put(disk.bytes, 1, rows[i].type, 8000, 4000);
		label_put(disk.bytes + 8001 * 512, rows[i].base, 4000);
		disk_scan(&disk);
		assert_int_equal(disk.count, 3);
		expect_at(&disk, 0, 1, 64 * 512, 100 * 512);
		expect_at(&disk, 1, 5, 8016 * 512, 1000 * 512);
		expect_at(&disk, 2, 6, 10000 * 512, 500 * 512);
		disk_done(&disk);
	}
}

static void harmed_bsd_labels_are_not_believed(void **state BL_UNUSED)
{
	static const struct {
		unsigned at;
		uint32_t value;
		bool is_summed;
		const char *words;
	} rows[] = {
		{152, 17, false, "damaged"},		   /* its sum does not hold */
		{138, 0x00ff, true, "damaged"},		   /* absurdly many */
		{40, 2048, true, "damaged"},		   /* sectors of another size */
		{152, 0xffffff00u, true, "outside of it"}, /* libtsk refuses too */
		{148, 0xffffff00u, true, "outside of it"},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++)
		for (unsigned is_slice = 0; is_slice < 2; is_slice++) {
			struct disk disk;
			uint8_t *label;

			disk_init(&disk);
			label = disk.bytes + (is_slice ? 8001 * 512 : 512);
			if (is_slice)
				dos_put(disk.bytes, 0, 0xa5, 8000, 4000);
			label_put(label, 0, 4000);
			bl_put32(label + rows[i].at, rows[i].value);
			if (rows[i].is_summed)
				label_sum(label);
			disk_scan(&disk);
			assert_int_equal(disk.count, 1);
			assert_int_equal(disk.volumes[0].at.number, is_slice);
			assert_non_null(disk.volumes[0].trouble);
			if (!strstr(disk.volumes[0].trouble, rows[i].words))
				fail_msg("row %zu: %s", i, disk.volumes[0].trouble);
			disk_done(&disk);
		}
}

static void flipped_tables_never_crash_nor_lie_outside(void **state BL_UNUSED)
{
	uint64_t random = 7;

	for (unsigned round = 0; round < 1200; round++) {
		struct disk disk;

		disk_init(&disk);
		switch (round % 4) {
		case 0:
			dos_make(disk.bytes);
			break;
		case 1:
			gpt_make(disk.bytes, round % 8 == 1 ? 512 : 4096);
			break;
		case 2:
			map_make(disk.bytes, 512);
			break;
		default:
			dos_put(disk.bytes, 0, 0xa5, 8000, 4000);
			label_put(disk.bytes + 8001 * 512, 0, 4000);
			break;
		}
		for (unsigned i = 0; i < 6; i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
			/* Where something is: the first sectors, the chain's tables, the label. */
			static const size_t places[] = {0, 512, 1024, 1536, 1000 * 512, 8001 * 512};
			disk.bytes[places[(random >> 40) % BL_COUNT(places)] +
				   (random >> 20) % 512] ^= (uint8_t)(1u << (random >> 60) % 8);
		}
		disk_scan(&disk);
		for (size_t i = 0; i < disk.count; i++) {
			const struct partition *at = &disk.volumes[i].at;

			assert_true(at->offset <= INT64_MAX && at->length <= INT64_MAX);
			for (size_t k = 0; k < i; k++)
				assert_int_not_equal(disk.volumes[k].at.number, at->number);
		}
		disk_done(&disk);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(logical_partitions_are_numbered_along_their_chain),
		cmocka_unit_test(harmed_chains_are_one_volume_that_is_not_opened),
		cmocka_unit_test(endless_chain_has_an_end),
		cmocka_unit_test(boot_sectors_are_no_tables),
		cmocka_unit_test(gpt_is_read_with_sectors_of_512_and_4096_bytes),
		cmocka_unit_test(second_copy_is_read_when_the_first_does_not_verify),
		cmocka_unit_test(gpt_of_no_good_copy_is_named_and_not_guessed),
		cmocka_unit_test(header_that_says_absurd_counts_is_no_header),
		cmocka_unit_test(gpt_that_nothing_protects_counts_alone_only),
		cmocka_unit_test(hybrid_mbr_does_not_count),
		cmocka_unit_test(apple_map_is_read_with_sectors_of_512_and_2048_bytes),
		cmocka_unit_test(harmed_apple_maps_are_not_believed),
		cmocka_unit_test(hybrid_disc_is_shown_by_its_iso_side),
		cmocka_unit_test(bare_bsd_label_is_read),
		cmocka_unit_test(bsd_label_inside_a_slice_is_read),
		cmocka_unit_test(harmed_bsd_labels_are_not_believed),
		cmocka_unit_test(flipped_tables_never_crash_nor_lie_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
