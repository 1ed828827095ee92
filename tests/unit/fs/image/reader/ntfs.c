/* NTFS out of memory: made by mkntfs and ntfscp, then bent, one record or index block at a time. */
#include "fs/image/reader/ntfs.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define IMAGE_BYTES (8u << 20)
#define SPOTS	    2000
#define ROUNDS	    4000

struct disk {
	uint8_t *bytes;
	uint64_t mft;
	size_t spots[SPOTS]; /* records and index blocks in use */
	size_t spot_count;
	struct blocks blocks;
	struct tree *tree;
};

static int fetch(void *context, uint64_t offset, size_t length, const uint8_t **out_bytes)
{
	const struct disk *disk = context;

	assert_true(offset + length <= IMAGE_BYTES);
	*out_bytes = disk->bytes + offset;
	return 0;
}

static int disk_open(struct disk *disk)
{
	const char *notice = NULL;

	blocks_init(&disk->blocks, IMAGE_BYTES, fetch, disk);
	disk->blocks.budget = READER_BLOCK_BUDGET;
	int error = ntfs_open(&disk->blocks, 0, IMAGE_BYTES, &disk->tree, &notice);
	if (error)
		assert_non_null(notice);
	return error;
}

static void disk_close(struct disk *disk)
{
	if (disk->tree)
		disk->tree->ops->close(disk->tree);
	disk->tree = NULL;
	blocks_done(&disk->blocks);
}

static bool is_magic(const uint8_t *bytes)
{
	return !memcmp(bytes, "FILE", 4) || !memcmp(bytes, "INDX", 4);
}

static int setup(void **state)
{
	static const char script[] = "set -e; PATH=$PATH:/sbin:/usr/sbin; cd \"$FOLDER\"; truncate "
				     "-s 8M i; mkntfs -F -Q -q -c 4096 i; "
				     "i=0; while [ $i -lt 60 ]; do seq $((i * i)) > f; ntfscp i f "
				     "a-file-of-some-name-$i; "
				     "i=$((i + 1)); done; for s in one two three; do ntfscp -N $s "
				     "i f a-file-of-some-name-7; done";
	char folder[] = "/tmp/bailee-ntfs-XXXXXX", line[1000];
	struct disk *disk = calloc(1, sizeof(*disk));

	*state = disk;
	if (sodium_init() < 0 || !disk || !mkdtemp(folder))
		return -1;
	snprintf(line, sizeof(line), "FOLDER=%s; (%s) >/dev/null 2>&1", folder, script);
	if (system(line) == 0) {
		char path[64];

		snprintf(path, sizeof(path), "%s/i", folder);
		FILE *file = fopen(path, "re");
		disk->bytes = malloc(IMAGE_BYTES);
		if (!file || !disk->bytes ||
		    fread(disk->bytes, 1, IMAGE_BYTES, file) != IMAGE_BYTES)
			return -1;
		fclose(file);
		disk->mft = bl_get64(disk->bytes + 48) * 4096;
		for (size_t at = 0; at + 4096 <= IMAGE_BYTES && disk->spot_count < SPOTS;
		     at += 1024)
			if (is_magic(disk->bytes + at))
				disk->spots[disk->spot_count++] = at;
	}
	snprintf(line, sizeof(line), "rm -rf %s", folder);
	return system(line);
}

static int teardown(void **state)
{
	struct disk *disk = *state;

	free(disk->bytes);
	free(disk);
	return 0;
}

/* ---- looking at everything ---- */

static void expect_inside(struct runs *runs)
{
	for (size_t i = 0; i < runs->count; i++)
		assert_true(runs->items[i].image_offset + runs->items[i].length <= IMAGE_BYTES);
	runs_done(runs);
}

static unsigned look_at(struct disk *disk, uint64_t inode)
{
	static uint8_t bytes[WIRE_UNIT];
	const struct tree_ops *ops = disk->tree->ops;
	struct wire_attr attr;
	struct runs runs = {0};
	size_t got = 0;
	unsigned failed = ops->stat(disk->tree, inode, &attr) != 0;

	failed += ops->map(disk->tree, inode, &runs) != 0;
	expect_inside(&runs);
	failed += ops->places(disk->tree, inode, &runs) != 0;
	expect_inside(&runs);
	failed += ops->read(disk->tree, inode, 0, bytes, sizeof(bytes), &got) != 0;
	assert_true(got <= sizeof(bytes));
	failed += ops->link(disk->tree, inode, (char *)bytes, sizeof(bytes), &got) != 0;
	assert_true(got <= sizeof(bytes));
	return failed;
}

/* Every entry of the root, and each one's streams; returns how many there are. */
static unsigned look_around(struct disk *disk)
{
	static const uint8_t key[READER_KEY] = {1};
	const struct tree_ops *ops = disk->tree->ops;
	struct listing listing;
	unsigned count = 0;

	listing_init(&listing, key);
	listing.style = disk->tree->names;
	if (ops->list(disk->tree, disk->tree->root, &listing))
		listing_done(&listing);
	for (size_t i = 0; i < listing.count; i++) {
		const struct listed *item = &listing.items[i];
		struct stream_told told;

		disk->blocks.budget = READER_BLOCK_BUDGET;
		if (ops->check(disk->tree, item) == ENOENT)
			continue;
		(void)look_at(disk, item->inode);
		count++;
		for (uint32_t number = 1; !ops->stream(disk->tree, item->inode, number, &told);
		     number = told.number + 1) {
			char shown[READER_NAME_LIMIT + 1];

			assert_true(told.number >= number && told.length <= sizeof(told.name));
			(void)name_stream("f", 1, told.name, told.length, told.twins, shown);
			(void)look_at(disk, told.inode);
			count++;
		}
	}
	listing_done(&listing);
	return count;
}

static void all_entries_are_there_before_anything_is_bent(void **state)
{
	struct disk *disk = *state;

	if (!disk->bytes)
		skip();
	assert_int_equal(disk_open(disk), 0);
	assert_int_equal(look_around(disk), 63);
	disk_close(disk);
}

/* ---- bending ---- */

static size_t spot_of(const struct disk *disk, const char *name)
{
	uint8_t units[64];

	for (size_t i = 0; i < strlen(name); i++)
		bl_put16(units + 2 * i, (uint8_t)name[i]);
	for (size_t i = 0; i < disk->spot_count; i++) {
		const uint8_t *at = disk->bytes + disk->spots[i];

		if (!memcmp(at, "FILE", 4) && memmem(at, 1024, units, 2 * strlen(name)))
			return disk->spots[i];
	}
	fail_msg("no record of '%s'", name);
	return 0;
}

/* Its name stays, but the record is of another file now, or of none. */
static void names_of_files_that_are_gone_are_left_out(void **state)
{
	static const struct {
		size_t at;
		uint16_t value;
	} ROWS[] = {{16, 0x7777}, {22, 0}};
	struct disk *disk = *state;

	if (!disk->bytes)
		skip();
	size_t spot = spot_of(disk, "some-name-23");
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint8_t *at = disk->bytes + spot + ROWS[i].at;
		uint16_t before = bl_get16(at);

		bl_put16(at, ROWS[i].value);
		assert_int_equal(disk_open(disk), 0);
		assert_int_equal(look_around(disk), 62);
		disk_close(disk);
		bl_put16(at, before);
	}
}

static void a_record_that_is_torn_is_an_error_of_its_file_alone(void **state)
{
	struct disk *disk = *state;

	if (!disk->bytes)
		skip();
	size_t spot = spot_of(disk, "some-name-23");
	disk->bytes[spot + 1023] ^= 1;
	assert_int_equal(disk_open(disk), 0);
	assert_int_equal(look_around(disk), 63);
	assert_int_equal(look_at(disk, (spot - disk->mft) / 1024), 5);
	disk_close(disk);
	disk->bytes[spot + 1023] ^= 1;
}

/* The runs of the first attribute of @type of the record at @spot are these from now on, of @clusters in all. */
static void runs_put(struct disk *disk, size_t spot, uint32_t type, const uint8_t *pairs,
		     size_t length, uint64_t clusters)
{
	uint8_t *record = disk->bytes + spot, *at = record + bl_get16(record + 20);
	uint32_t used = bl_get32(record + 24);

	while (bl_get32(at) != type)
		at += bl_get32(at + 4);
	uint32_t long_as = bl_get32(at + 4), more = (uint32_t)(length + 7) / 8 * 8;
	uint8_t *end = at + long_as;
	/* Room for them behind those it has, all in front of the first fix-up. */
	assert_true(at[8] && used + more < MFT_STRIDE - 2);
	memmove(end + more, end, used - (size_t)(end - record));
	bl_put32(record + 24, used + more);
	bl_put32(at + 4, long_as + more);
	memcpy(at + bl_get16(at + 32), pairs, length);
	bl_put64(at + 24, clusters - 1);
}

/* 2^52 clusters of 4 KiB are 2^64 bytes: what is behind them would be at byte 0 again, and how much is left of them nothing. */
static void a_hole_of_more_bytes_than_can_be_counted_is_damage(void **state)
{
	static const uint8_t hole[] = {0x07, 0, 0, 0, 0, 0, 0, 0x10, 0x11, 1, 1, 0};
	struct disk *disk = *state;
	uint8_t kept[1024], byte;
	struct runs runs = {0};
	size_t got = 0;

	if (!disk->bytes)
		skip();
	size_t spot = spot_of(disk, "some-name-59");
	uint64_t inode = (spot - disk->mft) / 1024;
	memcpy(kept, disk->bytes + spot, sizeof(kept));
	runs_put(disk, spot, MFT_DATA, hole, sizeof(hole), (UINT64_C(1) << 52) + 1);
	assert_int_equal(disk_open(disk), 0);
	assert_int_equal(disk->tree->ops->map(disk->tree, inode, &runs), EIO);
	assert_int_equal(disk->tree->ops->read(disk->tree, inode, 0, &byte, 1, &got), EIO);
	assert_int_equal(look_around(disk), 63);
	runs_done(&runs);
	disk_close(disk);
	memcpy(disk->bytes + spot, kept, sizeof(kept));
}

static uint64_t next_random(uint64_t *random)
{
	*random = *random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *random >> 33;
}

/* Where the fix-ups are nothing is bent, or all rounds would end there. */
static bool is_bendable(size_t at)
{
	return at >= 8 && !(at >= 40 && at < 58) && at % MFT_STRIDE < MFT_STRIDE - 12;
}

static void bend(uint8_t *bytes, size_t used, uint64_t *random)
{
	static const uint64_t odd[] = {0,	  1,	      UINT64_MAX, UINT64_C(1) << 63,
				       INT64_MAX, 0x80000000, 0x7fffffff, UINT64_C(1) << 48};

	for (uint64_t i = next_random(random) % 4 + 1; i--;) {
		size_t at = next_random(random) % used;
		uint64_t value = odd[next_random(random) % BL_COUNT(odd)];

		if (!is_bendable(at))
			continue;
		switch (next_random(random) % 4) {
		case 0:
			bytes[at] ^= (uint8_t)(1u << next_random(random) % 8);
			break;
		case 1:
			bl_put16(bytes + at / 2 * 2, (uint16_t)value);
			break;
		case 2:
			bl_put32(bytes + at / 4 * 4, (uint32_t)value);
			break;
		default:
			bl_put64(bytes + at / 8 * 8, value);
		}
	}
}

static void whatever_is_bent_nothing_outside_is_told(void **state)
{
	struct disk *disk = *state;
	uint64_t random = 5;
	unsigned less = 0, closed = 0;

	if (!disk->bytes)
		skip();
	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t spot = disk->spots[next_random(&random) % disk->spot_count];
		uint8_t *at = disk->bytes + spot, kept[4096];
		size_t used = at[0] == 'F' ? BL_MIN(bl_get32(at + 24), 1024u) : sizeof(kept);

		memcpy(kept, at, sizeof(kept));
		bend(at, BL_MAX(used, (size_t)64), &random);
		if (disk_open(disk))
			closed++;
		else
			less += look_around(disk) < 63;
		disk_close(disk);
		memcpy(at, kept, sizeof(kept));
	}
	print_message("%u of %u showed less, %u nothing\n", less, ROUNDS, closed);
	assert_in_range(less + closed, 50, ROUNDS - 50);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_entries_are_there_before_anything_is_bent),
		cmocka_unit_test(names_of_files_that_are_gone_are_left_out),
		cmocka_unit_test(a_record_that_is_torn_is_an_error_of_its_file_alone),
		cmocka_unit_test(a_hole_of_more_bytes_than_can_be_counted_is_damage),
		cmocka_unit_test(whatever_is_bent_nothing_outside_is_told),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
