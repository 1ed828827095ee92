#include "tests/unit/fs/inspect/medium-test.h"

static void fill_is_told_from_what_differs_in_one_byte(void **state)
{
	static const size_t lengths[] = {1, 2, 7, 63, 64, 65, 4096, 9999};
	static const uint8_t fills[] = {0, 0xff, 0x33};
	static uint8_t bytes[10000];

	(void)state;
	for (size_t f = 0; f < BL_COUNT(fills); f++)
		for (size_t i = 0; i < BL_COUNT(lengths); i++) {
			memset(bytes, fills[f], sizeof(bytes));
			assert_true(inspect_is_fill(bytes, lengths[i], fills[f]));
			assert_false(inspect_is_fill(bytes, lengths[i], 1));
			for (size_t at = 0; at < lengths[i]; at += BL_MAX(lengths[i] / 9, 1u)) {
				bytes[at] ^= 0x10;
				if (inspect_is_fill(bytes, lengths[i], fills[f]))
					fail_msg("byte %zu of %zu is fill %u", at, lengths[i],
						 fills[f]);
				bytes[at] ^= 0x10;
			}
		}
	assert_true(inspect_is_fill(bytes, 0, 0));
}

/* Byte by byte: regions of one block, gaps shorter than INSPECT_GAP being part of them. */
static size_t plain_regions(const uint8_t *bytes, size_t length, uint8_t fill,
			    struct inspect_region *out)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++) {
		struct inspect_region *last = count ? &out[count - 1] : NULL;

		if (bytes[i] == fill)
			continue;
		if (last && i - (last->offset + last->length) < INSPECT_GAP)
			last->length = i + 1 - last->offset;
		else
			out[count++] = (struct inspect_region){i, 1};
	}
	return count;
}

static void regions_of_a_block_are_those_of_a_plain_count(void **state)
{
	static const uint32_t gaps[] = {1,    63,   2047, 2048, 2049, 4094,
					4095, 4096, 4097, 6143, 6144};
	struct inspect_region found[INSPECT_BLOCK_REGIONS], plain[INSPECT_BLOCK_REGIONS];
	uint8_t *block = malloc(INSPECT_BLOCK);

	(void)state;
	assert_non_null(block);
	for (uint32_t seed = 1; seed <= 60; seed++) {
		uint8_t fill = seed % 2 ? 0 : 0xff;
		size_t length = seed % 3 ? INSPECT_BLOCK : INSPECT_BLOCK - seed * 71;
		uint32_t random = seed;

		memset(block, fill, INSPECT_BLOCK);
		for (size_t at = next_random(&random) % 5000; at < length;) {
			size_t run = 1 + next_random(&random) % (seed % 4 ? 3 : 9000);

			for (; run > 0 && at < length; run--)
				block[at++] = (uint8_t)(1 + next_random(&random) % 254);
			at += gaps[next_random(&random) % BL_COUNT(gaps)];
		}

		size_t expected = plain_regions(block, length, fill, plain);
		size_t count = inspect_block_regions(block, length, 0, fill, found);

		if (count != expected || memcmp(found, plain, count * sizeof(*found)) != 0)
			fail_msg("seed %u: %zu regions for %zu", seed, count, expected);
	}
	free(block);
}

/* As many as there can be: a byte and a gap, again and again. */
static void the_most_regions_fit(void **state)
{
	struct inspect_region found[INSPECT_BLOCK_REGIONS];
	uint8_t *block = calloc(1, INSPECT_BLOCK);

	(void)state;
	assert_non_null(block);
	for (size_t at = 0; at < INSPECT_BLOCK; at += INSPECT_GAP + 1)
		block[at] = 1;
	assert_int_equal(inspect_block_regions(block, INSPECT_BLOCK, 5 * MIB, 0, found),
			 INSPECT_BLOCK_REGIONS);
	assert_int_equal(found[INSPECT_BLOCK_REGIONS - 1].offset,
			 5 * MIB + (INSPECT_BLOCK_REGIONS - 1) * (INSPECT_GAP + 1));
	free(block);
}

static void regions_are_joined_over_short_gaps_only(void **state)
{
	static const struct {
		uint64_t gap;
		uint64_t count, bytes;
	} rows[] = {{0, 1, 20}, {1, 1, 21}, {4095, 1, 4115}, {4096, 2, 20}, {70000, 2, 20}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct inspect_result *result = calloc(1, sizeof(*result));
		struct inspect_joiner joiner = {0};

		assert_non_null(result);
		inspect_join(&joiner, &(struct inspect_region){100, 10}, result);
		inspect_join(&joiner, &(struct inspect_region){110 + rows[i].gap, 10}, result);
		inspect_join_end(&joiner, result);
		inspect_join_end(&joiner, result);
		if (result->region_count != rows[i].count ||
		    result->region_bytes != rows[i].bytes ||
		    result->regions_told != rows[i].count || result->regions[0].offset != 100)
			fail_msg("gap %llu: %llu regions of %llu bytes",
				 (unsigned long long)rows[i].gap,
				 (unsigned long long)result->region_count,
				 (unsigned long long)result->region_bytes);
		free(result);
	}
}

static void a_thousand_regions_are_told_and_all_are_counted(void **state)
{
	struct inspect_result *result = calloc(1, sizeof(*result));
	struct inspect_joiner joiner = {0};

	(void)state;
	assert_non_null(result);
	for (uint64_t i = 0; i < 2500; i++)
		inspect_join(&joiner, &(struct inspect_region){i * 10000, 3}, result);
	inspect_join_end(&joiner, result);
	assert_int_equal(result->region_count, 2500);
	assert_int_equal(result->region_bytes, 7500);
	assert_int_equal(result->regions_told, INSPECT_PLACES);
	assert_int_equal(result->regions[INSPECT_PLACES - 1].offset, (INSPECT_PLACES - 1) * 10000);
	free(result);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(fill_is_told_from_what_differs_in_one_byte),
		cmocka_unit_test(regions_of_a_block_are_those_of_a_plain_count),
		cmocka_unit_test(the_most_regions_fit),
		cmocka_unit_test(regions_are_joined_over_short_gaps_only),
		cmocka_unit_test(a_thousand_regions_are_told_and_all_are_counted),
	};

	return cmocka_run_group_tests(tests, setup_sodium, NULL);
}
