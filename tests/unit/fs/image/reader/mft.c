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
		size_t value = make(disk, LENGTHS[i], true), count = 0;
		uint64_t bytes = 0;

		memcpy(record, disk, SIZE);
		assert_int_equal(mft_unfix(record, SIZE), 0);
		assert_int_equal(mft_base(record), 0);
		assert_int_equal(mft_places(record, SIZE, keep, &told, &count, &bytes), 0);
		assert_int_equal(count, 1);
		assert_int_equal(bytes, LENGTHS[i]);
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
	size_t count = 9;
	uint64_t bytes = 9;

	make(record, 64, false);
	assert_int_equal(mft_unfix(record, SIZE), 0);
	assert_int_equal(mft_places(record, SIZE, keep, &told, &count, &bytes), 0);
	assert_int_equal(count, 0);
	assert_int_equal(bytes, 0);
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
		size_t count = 0;
		uint64_t bytes = 0;

		make(record, 40, true);
		if (ROWS[i].width == 2)
			bl_put16(record + ROWS[i].at, (uint16_t)ROWS[i].value);
		else
			bl_put32(record + ROWS[i].at, ROWS[i].value);
		int error = mft_unfix(record, SIZE);
		if (!error)
			error = mft_places(record, SIZE, stay_inside, &told, &count, &bytes);
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
		size_t count = 0;
		uint64_t bytes = 0;

		make(record, round % 800, true);
		for (unsigned i = 0; i <= round % 3; i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
			size_t at = (random >> 33) % (i ? SIZE : 180);
			/* the signature and the torn-write marks stay, or nothing is tried */
			if (at >= 4 && at % MFT_STRIDE < MFT_STRIDE - 2)
				record[at] = (uint8_t)(random >> 55);
		}
		if (!mft_unfix(record, SIZE) &&
		    !mft_places(record, SIZE, stay_inside, &told, &count, &bytes))
			passed++;
	}
	assert_in_range(passed, 1000, 199999);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_is_told_around_the_fix_ups),
		cmocka_unit_test(value_elsewhere_is_not_told),
		cmocka_unit_test(bent_records_are_refused),
		cmocka_unit_test(random_records_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
