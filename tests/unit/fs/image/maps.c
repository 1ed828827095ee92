/* maps.c - the cache forgets the oldest, never what a handle holds; holes are found */
#include "fs/image/maps.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void put(struct image_maps *maps, uint64_t inode, size_t runs)
{
	struct image_map *map = image_map_new(0, inode, 1, runs);

	assert_non_null(map);
	image_maps_put(maps, map);
	image_maps_release(maps, map);
}

static bool has(struct image_maps *maps, uint64_t inode)
{
	struct image_map *map = image_maps_get(maps, 0, inode);

	if (map)
		image_maps_release(maps, map);
	return map != NULL;
}

#define ROOM (sizeof(struct image_map) + 4 * sizeof(struct wire_run))

static void oldest_map_goes_first(void **state)
{
	struct image_maps maps;

	(void)state;
	image_maps_init(&maps, 3 * ROOM);
	put(&maps, 1, 4);
	put(&maps, 2, 4);
	put(&maps, 3, 4);
	assert_true(has(&maps, 1)); /* used again: younger than 2 now */
	put(&maps, 4, 4);
	assert_false(has(&maps, 2));
	assert_true(has(&maps, 1));
	assert_true(has(&maps, 3));
	assert_true(has(&maps, 4));
	assert_int_equal(maps.bytes, 3 * ROOM);
	image_maps_done(&maps);
}

static void held_map_outlives_its_place(void **state)
{
	struct image_maps maps;

	(void)state;
	image_maps_init(&maps, ROOM);
	struct image_map *held = image_map_new(0, 1, 77, 4);
	image_maps_put(&maps, held);
	put(&maps, 2, 4);
	assert_false(has(&maps, 1));
	assert_int_equal(held->size_bytes, 77);
	image_maps_release(&maps, held);
	image_maps_done(&maps);
}

static void map_over_the_limit_is_not_kept(void **state)
{
	struct image_maps maps;

	(void)state;
	image_maps_init(&maps, ROOM);
	put(&maps, 1, 4);
	put(&maps, 2, 100);
	assert_false(has(&maps, 2));
	assert_true(has(&maps, 1));
	image_maps_done(&maps);
}

static void first_of_two_maps_of_a_file_stays(void **state)
{
	struct image_maps maps;

	(void)state;
	image_maps_init(&maps, 10 * ROOM);
	struct image_map *first = image_map_new(0, 1, 1, 1), *second = image_map_new(0, 1, 2, 1);
	image_maps_put(&maps, first);
	image_maps_put(&maps, second);
	struct image_map *found = image_maps_get(&maps, 0, 1);
	assert_ptr_equal(found, first);
	image_maps_release(&maps, found);
	image_maps_release(&maps, first);
	image_maps_release(&maps, second);
	assert_null(image_maps_get(&maps, 1, 1)); /* another volume */
	image_maps_done(&maps);
}

static void runs_and_holes_are_found(void **state)
{
	static const struct {
		uint64_t offset;
		bool is_in_run;
		uint64_t image_offset;
		size_t length; /* of 1000 */
	} ROWS[] = {
		{0, false, 0, 100},	{99, false, 0, 1},
		{100, true, 5000, 50},	{149, true, 5049, 1},
		{150, true, 9000, 50},	{200, false, 0, 800},
		{999, false, 0, 1},	{1000, true, 1, 10},
		{1010, false, 0, 1000}, {UINT64_MAX - 5, false, 0, 5},
	};
	struct image_map *map = image_map_new(0, 1, 2000, 3);

	(void)state;
	assert_non_null(map);
	map->runs[0] = (struct wire_run){100, 5000, 50};
	map->runs[1] = (struct wire_run){150, 9000, 50};
	map->runs[2] = (struct wire_run){1000, 1, 10};
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint64_t image_offset = 0;
		size_t length = 0;
		bool is_in_run = image_map_at(map, ROWS[i].offset, 1000, &image_offset, &length);

		if (is_in_run != ROWS[i].is_in_run || image_offset != ROWS[i].image_offset ||
		    length != ROWS[i].length)
			fail_msg("row %zu: %d %llu %zu", i, is_in_run,
				 (unsigned long long)image_offset, length);
	}
	bl_free(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oldest_map_goes_first),
		cmocka_unit_test(held_map_outlives_its_place),
		cmocka_unit_test(map_over_the_limit_is_not_kept),
		cmocka_unit_test(first_of_two_maps_of_a_file_stays),
		cmocka_unit_test(runs_and_holes_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
