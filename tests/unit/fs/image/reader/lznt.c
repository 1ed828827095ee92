#include "fs/image/reader/lznt.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

static void chunks_are_unpacked(void **state BL_UNUSED)
{
	/* [MS-XCA] 3.2: "F# F# G A A G F# E D ..." */
	static const uint8_t in[] = {0x38, 0xb0, 0x88, 0x46, 0x23, 0x20, 0x00, 0x20, 0x47, 0x20,
				     0x41, 0x00, 0x10, 0xa2, 0x47, 0x01, 0xa0, 0x45, 0x20, 0x44,
				     0x00, 0x08, 0x45, 0x01, 0x50, 0x79, 0x00, 0xc0, 0x45, 0x20,
				     0x05, 0x24, 0x13, 0x88, 0x05, 0xb4, 0x02, 0x4a, 0x44, 0xef,
				     0x03, 0x58, 0x02, 0x8c, 0x09, 0x16, 0x01, 0x48, 0x45, 0x00,
				     0xbe, 0x00, 0x9e, 0x00, 0x04, 0x01, 0x18, 0x90, 0x00};
	static const char text[] =
		"F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# "
		"E D D E E F# D E F# G F# D E F# G F# E D E A F# F# G A A G F# E "
		"D D E F# E D D";
	uint8_t out[2 * LZNT_CHUNK];

	memset(out, 0xcc, sizeof(out));
	assert_int_equal(lznt_unpack(in, sizeof(in), out, sizeof(out)), 0);
	assert_memory_equal(out, text, sizeof(text) - 1);
	/* A chunk that ends early, and one that is not there, are zeros. */
	for (size_t i = sizeof(text); i < sizeof(out); i++)
		assert_int_equal(out[i], 0);
}

static void each_chunk_has_its_place(void **state BL_UNUSED)
{
	/* "a" packed, then two bytes that are not: the second chunk is behind the first one's 4 KiB */
	static const uint8_t in[] = {0x01, 0xb0, 0x00, 'a', 0x01, 0x30, 'b', 'c', 0, 0};
	uint8_t out[2 * LZNT_CHUNK];

	assert_int_equal(lznt_unpack(in, sizeof(in), out, sizeof(out)), 0);
	assert_int_equal(out[0], 'a');
	assert_int_equal(out[1], 0);
	assert_memory_equal(out + LZNT_CHUNK, "bc\0", 3);
}

static void bent_chunks_are_refused(void **state BL_UNUSED)
{
	static const struct {
		uint8_t bytes[10];
		size_t length;
	} ROWS[] = {
		{{0x05, 0xb0, 0x00, 'a'}, 4},		  /* longer than what there is */
		{{0x02, 0xb0, 0x01, 0x00, 0x00}, 5},	  /* a copy of what is in front of all */
		{{0x03, 0xb0, 0x02, 'a', 0x00, 0x10}, 6}, /* from further back than there is */
		{{0x02, 0xb0, 0x02, 'a', 0x00}, 5},	  /* half a pair */
		{{0x05, 0xb0, 0x06, 'a', 0xff, 0x0f, 0xff, 0x0f}, 8}, /* more than a chunk holds */
		{{0xff, 0x3f, 'a'}, 3},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint8_t out[LZNT_CHUNK];

		if (lznt_unpack(ROWS[i].bytes, ROWS[i].length, out, sizeof(out)) != EIO)
			fail_msg("row %zu", i);
	}
}

static void random_chunks_stay_inside(void **state BL_UNUSED)
{
	uint64_t random = 3;
	unsigned passed = 0;

	for (unsigned round = 0; round < 100000; round++) {
		uint8_t in[64], out[LZNT_CHUNK + 1];
		size_t size = 1 + round % LZNT_CHUNK;

		for (size_t i = 0; i < sizeof(in); i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
			in[i] = (uint8_t)(random >> 56);
		}
		bl_put16(in, (uint16_t)(0xb000 | round % 62));
		out[size] = 0x5a;
		passed += !lznt_unpack(in, sizeof(in), out, size);
		assert_int_equal(out[size], 0x5a);
	}
	assert_in_range(passed, 100, 99900);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_unpacked),
		cmocka_unit_test(each_chunk_has_its_place),
		cmocka_unit_test(bent_chunks_are_refused),
		cmocka_unit_test(random_chunks_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
