/* mft.c - records of the MFT, good, bent and random: what is told lies in the record and never on a fix-up */
#include "fs/image/reader/mft.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#define SIZE  1024u
#define USA   48u
#define FIRST 56u

struct told {
	bool bytes[MFT_RECORD_LIMIT];
	size_t size, ranges;
};

static int keep(void *context, size_t from, size_t to)
{
	struct told *told = context;

	assert_true(from < to && to <= told->size);
	for (size_t i = from; i < to; i++) {
		assert_false(told->bytes[i]);
		assert_true(i % MFT_STRIDE < MFT_STRIDE - 2);
		told->bytes[i] = true;
	}
	told->ranges++;
	return 0;
}

/* Bent records may name a byte twice, but none outside. */
static int stay_inside(void *context, size_t from, size_t to)
{
	struct told *told = context;

	assert_true(from < to && to <= told->size);
	assert_true(from / MFT_STRIDE == (to - 1) / MFT_STRIDE);
	return 0;
}

/* A record as it lies on the disk: something of 72 bytes, then $DATA with a value of @length. */
static size_t make(uint8_t record[SIZE], size_t length, bool is_resident)
{
	size_t at = FIRST, whole = (24 + length + 7) / 8 * 8;

	memset(record, 0xcc, SIZE);
	memset(record, 0, FIRST);
	memcpy(record, "FILE", 4);
	bl_put16(record + 4, USA);
	bl_put16(record + 6, SIZE / MFT_STRIDE + 1);
	bl_put16(record + 20, FIRST);
	memset(record + at, 0, 72);
	bl_put32(record + at, 0x10);
	bl_put32(record + at + 4, 72);
	bl_put32(record + at + 16, 48);
	bl_put16(record + at + 20, 24);
	at += 72;
	memset(record + at, 0, 24);
	bl_put32(record + at, 0x80);
	bl_put32(record + at + 4, (uint32_t)whole);
	record[at + 8] = !is_resident;
	bl_put32(record + at + 16, (uint32_t)length);
	bl_put16(record + at + 20, 24);
	memset(record + at + 24, 'v', whole - 24);
	at += whole;
	bl_put32(record + at, 0xffffffffu);
	bl_put32(record + at + 4, 0);
	at += 8;
	bl_put32(record + 24, (uint32_t)at);
	bl_put16(record + USA, 0x1234);
	for (size_t i = 0; i < SIZE / MFT_STRIDE; i++) {
		uint8_t *last = record + (i + 1) * MFT_STRIDE - 2;

		memcpy(record + USA + 2 + 2 * i, last, 2);
		bl_put16(last, 0x1234);
	}
	return FIRST + 72 + 24; /* where the value is */
}

static void value_is_told_around_the_fix_ups(void **state BL_UNUSED)
{
	static const size_t LENGTHS[] = {0, 1, 8, 300, 357, 358, 359, 360, 361, 700, 800};

	for (size_t i = 0; i < BL_COUNT(LENGTHS); i++) {
		uint8_t disk[SIZE], record[SIZE];
		struct told told = {.size = SIZE};
		size_t value = make(disk, LENGTHS[i], true);

		memcpy(record, disk, SIZE);
		assert_int_equal(mft_unfix(record, SIZE), 0);
		assert_int_equal(mft_base(record), 0);
		assert_int_equal(mft_places(record, SIZE, keep, &told), 0);
		for (size_t k = 0; k < SIZE; k++)
			if (told.bytes[k])
				disk[k] = 0;
		/* Put back together, nothing of the value or of the slack is left, and all else is. */
		assert_int_equal(mft_unfix(disk, SIZE), 0);
		for (size_t k = 0; k < SIZE; k++) {
			bool is_value = k >= value && k < value + (LENGTHS[i] + 7) / 8 * 8;
			bool is_slack = k >= bl_get32(record + 24);
			bool is_array = k >= USA + 2 && k < USA + 6;

			if (!is_array && disk[k] != (is_value || is_slack ? 0 : record[k]))
				fail_msg("%zu bytes: byte %zu is %02x", LENGTHS[i], k, disk[k]);
		}
	}
}

static void value_elsewhere_is_not_told(void **state BL_UNUSED)
{
	uint8_t record[SIZE];
	struct told told = {.size = SIZE};

	make(record, 64, false);
	/* one cluster, at 5; its runs begin behind the header of 64 bytes */
	memcpy(record + FIRST + 72 + 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0", 19);
	memcpy(record + FIRST + 72 + 64, "\x11\x01\x05", 4);
	assert_int_equal(mft_unfix(record, SIZE), 0);
	assert_int_equal(mft_places(record, SIZE, keep, &told), 0);
	for (size_t k = 0; k < bl_get32(record + 24); k++)
		if (k < USA || k >= USA + 6)
			assert_false(told.bytes[k]);
}

static void bent_records_are_refused(void **state BL_UNUSED)
{
	static const struct {
		size_t at, width;
		uint32_t value;
	} ROWS[] = {
		{0, 4, 0x44414142},	    /* BAAD */
		{4, 2, 40},		    /* the array in the header */
		{4, 2, 506},		    /* the array over a fix-up */
		{4, 2, 0xffff},		    /* outside */
		{6, 2, 4},		    /* for another size */
		{510, 2, 0x1235},	    /* a torn write */
		{20, 2, 48},		    /* attributes in the array */
		{20, 2, 1020},		    /* attributes behind what is used */
		{24, 4, SIZE + 8},	    /* more used than there is */
		{24, 4, 100},		    /* used ends in an attribute */
		{FIRST + 4, 4, 0},	    /* no length */
		{FIRST + 4, 4, 12},	    /* an odd one */
		{FIRST + 4, 4, 0xfffffff8}, /* one past all ends */
		{FIRST + 72 + 16, 4, 41},   /* a value longer than its attribute */
		{FIRST + 72 + 16, 4, 0xffffffff},
		{FIRST + 72 + 20, 2, 8},      /* a value in its header */
		{FIRST + 72 + 20, 2, 0xfff0}, /* a value outside */
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint8_t record[SIZE];
		struct told told = {.size = SIZE};

		make(record, 40, true);
		if (ROWS[i].width == 2)
			bl_put16(record + ROWS[i].at, (uint16_t)ROWS[i].value);
		else
			bl_put32(record + ROWS[i].at, ROWS[i].value);
		int error = mft_unfix(record, SIZE);
		if (!error)
			error = mft_places(record, SIZE, stay_inside, &told);
		if (error != EIO)
			fail_msg("row %zu: %d", i, error);
	}
	uint8_t record[SIZE];
	make(record, 40, true);
	assert_int_equal(mft_unfix(record, 0), EIO);
	assert_int_equal(mft_unfix(record, 700), EIO);
	assert_int_equal(mft_unfix(record, MFT_RECORD_LIMIT + MFT_STRIDE), EIO);
}

static void random_records_stay_inside(void **state BL_UNUSED)
{
	uint64_t random = 7;
	unsigned passed = 0;

	for (unsigned round = 0; round < 200000; round++) {
		uint8_t record[SIZE];
		struct told told = {.size = SIZE};

		make(record, round % 800, true);
		for (unsigned i = 0; i <= round % 3; i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
			size_t at = (random >> 33) % (i ? SIZE : 180);
			/* the signature and the torn-write marks stay, or nothing is tried */
			if (at >= 4 && at % MFT_STRIDE < MFT_STRIDE - 2)
				record[at] = (uint8_t)(random >> 55);
		}
		if (!mft_unfix(record, SIZE) && !mft_places(record, SIZE, stay_inside, &told))
			passed++;
	}
	assert_in_range(passed, 1000, 199999);
}

static struct mft_attribute with_pairs(const char *pairs, size_t length, uint64_t first)
{
	return (struct mft_attribute){
		.pairs = (const uint8_t *)pairs, .pairs_length = length, .first_vcn = first};
}

static void runs_are_read(void **state BL_UNUSED)
{
	/* 48 clusters at 0x342, 16 nowhere, 2 at 0x342 - 2 */
	static const char pairs[] = "\x21\x30\x42\x03\x01\x10\x11\x02\xfe\0";
	static const struct mft_run runs[] = {
		{7, 0x342, 48, false}, {55, 0, 16, true}, {71, 0x340, 2, false}};
	struct mft_attribute attribute = with_pairs(pairs, sizeof(pairs), 7);
	struct mft_pairs at;
	struct mft_run run;

	mft_pairs_init(&at, &attribute);
	for (size_t i = 0; i < BL_COUNT(runs); i++) {
		assert_int_equal(mft_next_run(&at, 0x1000, &run), 0);
		assert_int_equal(run.vcn, runs[i].vcn);
		assert_int_equal(run.count, runs[i].count);
		assert_int_equal(run.is_hole, runs[i].is_hole);
		assert_int_equal(run.lcn, runs[i].lcn);
	}
	assert_int_equal(mft_next_run(&at, 0x1000, &run), ENOENT);
	assert_int_equal(at.vcn, 73);
}

static void bent_runs_are_refused(void **state BL_UNUSED)
{
	static const struct {
		const char *pairs;
		size_t length;
		uint64_t first;
	} ROWS[] = {
		{"\x11\x00\x05", 3, 0},				     /* of no clusters */
		{"\x11\xff\x05", 3, 0},				     /* of fewer */
		{"\x10\x05", 2, 0},				     /* without a length */
		{"\x19\1\1\1\1\1\1\1\1\1\1", 11, 0},		     /* a number of nine bytes */
		{"\x21\x01\x05", 3, 0},				     /* cut off */
		{"\x11\x01\xff", 3, 0},				     /* in front of the volume */
		{"\x11\x02\x63", 3, 0},				     /* over its end */
		{"\x11\x01\x64", 3, 0},				     /* behind it */
		{"\x18\xff\xff\xff\xff\xff\xff\xff\x7f\x01", 10, 1}, /* past all clusters */
		{"\x81\x01\xff\xff\xff\xff\xff\xff\xff\x7f", 10, 0},
		{"\x01\x01", 2, INT64_MAX},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct mft_attribute attribute =
			with_pairs(ROWS[i].pairs, ROWS[i].length, ROWS[i].first);
		struct mft_pairs at;
		struct mft_run run;

		mft_pairs_init(&at, &attribute);
		if (mft_next_run(&at, 100, &run) != EIO)
			fail_msg("row %zu", i);
	}
}

static void lists_are_read_and_bent_ones_refused(void **state BL_UNUSED)
{
	uint8_t list[64] = {0};
	struct mft_listed listed;
	size_t at = 0;

	bl_put32(list, MFT_DATA);
	bl_put16(list + 4, 32);
	list[6] = 2;
	list[7] = 26;
	bl_put64(list + 8, 9);
	bl_put64(list + 16, UINT64_C(3) << 48 | 77);
	bl_put16(list + 24, 5);
	memcpy(list + 26, "a\0b", 4);
	memcpy(list + 32, list, 32);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(mft_next_listed(list, sizeof(list), &at, &listed), 0);
		assert_int_equal(MFT_NUMBER(listed.reference), 77);
		assert_int_equal(MFT_SEQUENCE(listed.reference), 3);
		assert_int_equal(listed.first_vcn, 9);
		assert_int_equal(listed.id, 5);
		assert_int_equal(listed.name_length, 2);
		assert_ptr_equal(listed.name, list + 32 * i + 26);
	}
	assert_int_equal(mft_next_listed(list, sizeof(list), &at, &listed), ENOENT);
	static const struct {
		size_t at, length;
		uint8_t value;
	} ROWS[] = {{4, 64, 0}, {4, 64, 25}, {4, 64, 65}, {6, 64, 4}, {7, 64, 29}, {0, 25, 0x80}};
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint8_t bent[64];

		memcpy(bent, list, sizeof(bent));
		bent[ROWS[i].at] = ROWS[i].value;
		at = 0;
		if (mft_next_listed(bent, ROWS[i].length, &at, &listed) != EIO)
			fail_msg("row %zu", i);
	}
}

/* A node of one name of two letters, and its end. */
static void make_node(uint8_t node[128])
{
	memset(node, 0, 128);
	bl_put32(node, 16);
	bl_put32(node + 4, 16 + 88 + 16);
	uint8_t *entry = node + 16;
	bl_put64(entry, UINT64_C(2) << 48 | 64);
	bl_put16(entry + 8, 88);
	bl_put16(entry + 10, 70);
	entry[16 + 64] = 2;
	entry[16 + 65] = 1;
	memcpy(entry + 16 + 66, "o\0k", 4);
	bl_put16(entry + 88 + 8, 16);
	bl_put16(entry + 88 + 12, 2);
}

static void folders_are_read_and_bent_ones_refused(void **state BL_UNUSED)
{
	static const struct {
		size_t at;
		uint16_t value;
	} ROWS[] = {
		{0, 8},	       {0, 121},	  {4, 129},	 {4, 100},
		{16 + 8, 0},   {16 + 8, 84},	  {16 + 8, 200}, {16 + 10, 65},
		{16 + 10, 80}, {16 + 16 + 64, 3}, {16 + 8, 104},
	};
	uint8_t node[128];
	struct mft_entry entry;
	size_t at = 0;

	make_node(node);
	assert_int_equal(mft_next_entry(node, sizeof(node), &at, &entry), 0);
	assert_int_equal(MFT_NUMBER(entry.reference), 64);
	assert_int_equal(MFT_SEQUENCE(entry.reference), 2);
	assert_false(entry.is_short);
	assert_int_equal(entry.name_length, 2);
	assert_memory_equal(entry.name, "o\0k", 4);
	assert_int_equal(mft_next_entry(node, sizeof(node), &at, &entry), ENOENT);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		int error = 0;

		make_node(node);
		bl_put16(node + ROWS[i].at, ROWS[i].value);
		at = 0;
		while (!error)
			error = mft_next_entry(node, sizeof(node), &at, &entry);
		if (error != EIO)
			fail_msg("row %zu: %d", i, error);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_is_told_around_the_fix_ups),
		cmocka_unit_test(value_elsewhere_is_not_told),
		cmocka_unit_test(bent_records_are_refused),
		cmocka_unit_test(random_records_stay_inside),
		cmocka_unit_test(runs_are_read),
		cmocka_unit_test(bent_runs_are_refused),
		cmocka_unit_test(lists_are_read_and_bent_ones_refused),
		cmocka_unit_test(folders_are_read_and_bent_ones_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
