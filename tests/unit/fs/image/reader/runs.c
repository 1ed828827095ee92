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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_that_touch_are_joined),
		cmocka_unit_test(run_is_cut_where_data_ends),
		cmocka_unit_test(run_that_goes_back_or_overflows_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
