/* choose-ranges.c - sets of ranges against one flag for each byte */
#include "fs/image/choose.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES  256
#define ROUNDS 2000

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/* Ranges and flags that say the same. */
static void fill(uint64_t *seed, struct image_ranges *ranges, bool *flags)
{
	size_t count = next_random(seed) % 12;

	memset(flags, 0, BYTES);
	for (size_t i = 0; i < count; i++) {
		uint64_t offset = next_random(seed) % BYTES;
		uint64_t length = next_random(seed) % BL_MIN((uint64_t)40, BYTES - offset + 1);

		assert_int_equal(image_ranges_add(ranges, offset, length), BL_OK);
		memset(flags + offset, 1, length);
	}
	image_ranges_join(ranges);
}

static void compare(const struct image_ranges *ranges, const bool *flags, unsigned round)
{
	bool found[BYTES] = {0};
	uint64_t bytes = 0, end = 0;

	for (size_t i = 0; i < ranges->count; i++) {
		const struct image_range *item = &ranges->items[i];

		if (item->length == 0 || (i > 0 && item->offset <= end))
			fail_msg("round %u: item %zu is empty or touches the one before", round, i);
		end = item->offset + item->length;
		memset(found + item->offset, 1, item->length);
	}
	for (size_t at = 0; at < BYTES; at++)
		bytes += flags[at];
	if (memcmp(found, flags, BYTES) != 0 || image_ranges_bytes(ranges) != bytes)
		fail_msg("round %u: other bytes", round);
}

static void compare_find(const struct image_ranges *ranges, uint64_t offset, unsigned round)
{
	size_t at = 0;

	while (at < ranges->count && ranges->items[at].offset + ranges->items[at].length <= offset)
		at++;
	if (image_ranges_find(ranges, offset) != at)
		fail_msg("round %u: offset %u: not item %zu", round, (unsigned)offset, at);
}

static void random_sets_join_and_subtract_as_flags_do(void **state)
{
	uint64_t seed = 8;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct image_ranges from = {0}, what = {0};
		bool from_flags[BYTES], what_flags[BYTES];

		fill(&seed, &from, from_flags);
		fill(&seed, &what, what_flags);
		compare(&from, from_flags, round);
		for (uint64_t offset = 0; offset <= BYTES; offset += 5)
			compare_find(&from, offset, round);
		assert_int_equal(image_ranges_subtract(&from, &what), BL_OK);
		for (size_t at = 0; at < BYTES; at++)
			from_flags[at] = from_flags[at] && !what_flags[at];
		compare(&from, from_flags, round);
		image_ranges_done(&from);
		image_ranges_done(&what);
	}
}

static void range_that_wraps_is_refused(void **state)
{
	struct image_ranges ranges = {0};

	(void)state;
	assert_int_equal(image_ranges_add(&ranges, UINT64_MAX - 1, 3), BL_TOO_LARGE);
	assert_int_equal(image_ranges_add(&ranges, UINT64_MAX - 1, 1), BL_OK);
	assert_int_equal(ranges.count, 1);
	image_ranges_done(&ranges);
}

static void ranges_end_at_the_limit(void **state)
{
	struct image_ranges ranges = {0};

	(void)state;
	for (uint64_t i = 0; i < IMAGE_RANGES_LIMIT; i++)
		if (image_ranges_add(&ranges, i * 2, 1) != BL_OK)
			fail_msg("range %llu", (unsigned long long)i);
	assert_int_equal(image_ranges_add(&ranges, UINT64_C(1) << 40, 1), BL_TOO_LARGE);
	image_ranges_join(&ranges);
	assert_int_equal(image_ranges_bytes(&ranges), IMAGE_RANGES_LIMIT);
	image_ranges_done(&ranges);
	assert_null(ranges.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sets_join_and_subtract_as_flags_do),
		cmocka_unit_test(range_that_wraps_is_refused),
		cmocka_unit_test(ranges_end_at_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
