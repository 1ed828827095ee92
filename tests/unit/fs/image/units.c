/* units.c - what was said once stays said; a full memory refuses, it does not forget */
#include "fs/image/units.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void other_bytes_or_another_size_are_refused(void **state)
{
	struct image_units units;

	(void)state;
	image_units_init(&units, 100);
	assert_int_equal(image_units_check(&units, 0, 1, 0, 9, "one", 3), BL_OK);
	assert_int_equal(image_units_check(&units, 0, 1, 0, 9, "one", 3), BL_OK);
	assert_int_equal(image_units_check(&units, 0, 1, 0, 9, "two", 3), BL_TAMPERED);
	assert_int_equal(image_units_check(&units, 0, 1, 0, 9, "on", 2), BL_TAMPERED);
	assert_int_equal(image_units_check(&units, 0, 1, 0, 8, "one", 3), BL_TAMPERED);
	/* elsewhere other bytes are right */
	assert_int_equal(image_units_check(&units, 1, 1, 0, 9, "two", 3), BL_OK);
	assert_int_equal(image_units_check(&units, 0, 2, 0, 9, "two", 3), BL_OK);
	assert_int_equal(image_units_check(&units, 0, 1, 1, 9, "two", 3), BL_OK);
	assert_int_equal(image_units_check(&units, 0, 1, IMAGE_UNIT_MAP, 9, "two", 3), BL_OK);
	image_units_done(&units);
}

static void nothing_is_forgotten_while_growing(void **state)
{
	struct image_units units;

	(void)state;
	image_units_init(&units, 10000);
	for (uint64_t i = 0; i < 10000; i++)
		assert_int_equal(image_units_check(&units, 0, i, 0, 0, &i, sizeof(i)), BL_OK);
	for (uint64_t i = 0; i < 10000; i++) {
		uint64_t other = i + 1;

		assert_int_equal(image_units_check(&units, 0, i, 0, 0, &i, sizeof(i)), BL_OK);
		assert_int_equal(image_units_check(&units, 0, i, 0, 0, &other, sizeof(other)),
				 BL_TAMPERED);
	}
	uint64_t more = 10000;
	assert_int_equal(image_units_check(&units, 0, more, 0, 0, &more, sizeof(more)),
			 BL_TOO_LARGE);
	image_units_done(&units);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_bytes_or_another_size_are_refused),
		cmocka_unit_test(nothing_is_forgotten_while_growing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
