#include "fs/image/reader/reader.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>

static void runs_that_touch_are_joined(void **state BL_UNUSED)
{
	struct runs runs = {0};

	assert_int_equal(runs_add(&runs, 100000, 0, 4096, 4096), 0);
	assert_int_equal(runs_add(&runs, 100000, 4096, 8192, 4096), 0);
	assert_int_equal(runs_add(&runs, 100000, 8192, 40960, 4096), 0);
	assert_int_equal(runs.count, 2);
	assert_int_equal(runs.items[0].length, 8192);
	runs_done(&runs);
}

static void run_is_cut_where_data_ends(void **state BL_UNUSED)
{
	struct runs runs = {0};

	assert_int_equal(runs_add(&runs, 5000, 0, 4096, 8192), 0);
	assert_int_equal(runs_add(&runs, 5000, 8192, 65536, 4096), 0);
	assert_int_equal(runs.count, 1);
	assert_int_equal(runs.items[0].length, 5000);
	runs_done(&runs);
}

static void run_that_goes_back_or_overflows_is_refused(void **state BL_UNUSED)
{
	struct runs runs = {0};

	assert_int_equal(runs_add(&runs, 100000, 4096, 4096, 4096), 0);
	assert_int_equal(runs_add(&runs, 100000, 4096, 65536, 4096), EIO);
	assert_int_equal(runs_add(&runs, 100000, 0, 65536, 4096), EIO);
	assert_int_equal(runs_add(&runs, 100000, UINT64_MAX - 10, 0, 4096), EIO);
	assert_int_equal(runs_add(&runs, 100000, 8192, UINT64_MAX - 10, 4096), EIO);
	assert_int_equal(runs.count, 1);
	runs_done(&runs);
}

static void places_are_sorted_and_overlaps_joined(void **state BL_UNUSED)
{
	static const struct wire_run GIVEN[] = {{0, 9000, 100}, {0, 9100, 50}, {0, 100, 10},
						{0, 8950, 60},	{0, 105, 2},   {0, 110, 5},
						{0, 300, 1},	{0, 500, 0},   {0, 200, 50}};
	static const struct wire_run KEPT[] = {
		{0, 100, 15}, {0, 200, 50}, {0, 300, 1}, {0, 8950, 200}};
	struct runs runs = {0};

	runs_sort(&runs);
	for (size_t i = 0; i < BL_COUNT(GIVEN); i++)
		assert_int_equal(runs_place(&runs, GIVEN[i].image_offset, GIVEN[i].length), 0);
	runs_sort(&runs);
	assert_int_equal(runs.count, BL_COUNT(KEPT));
	assert_memory_equal(runs.items, KEPT, sizeof(KEPT));
	assert_int_equal(runs_place(&runs, UINT64_MAX - 10, 20), EIO);
	runs_done(&runs);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_that_touch_are_joined),
		cmocka_unit_test(run_is_cut_where_data_ends),
		cmocka_unit_test(run_that_goes_back_or_overflows_is_refused),
		cmocka_unit_test(places_are_sorted_and_overlaps_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
