#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "policy/yaml/arena.h"

static void what_is_taken_is_zeroed_aligned_and_apart(void **state)
{
	static const size_t SIZES[] = {1, 0, 15, 16, 17, 4096, 100000, 3, 5000000, 8};
	struct arena *arena = arena_new();
	unsigned char *taken[BL_COUNT(SIZES)];

	(void)state;
	assert_non_null(arena);
	for (size_t i = 0; i < BL_COUNT(SIZES); i++) {
		taken[i] = arena_take(arena, 1, SIZES[i]);
		assert_non_null(taken[i]);
		assert_int_equal((uintptr_t)taken[i] % 16, 0);
		for (size_t k = 0; k < SIZES[i]; k++)
			assert_int_equal(taken[i][k], 0);
		memset(taken[i], (int)i + 1, SIZES[i]);
	}
	for (size_t i = 0; i < BL_COUNT(SIZES); i++)
		for (size_t k = 0; k < SIZES[i]; k++)
			assert_int_equal(taken[i][k], i + 1);
	arena_free(arena);
	arena_free(NULL);
}

static void sizes_that_overflow_are_no_memory(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_null(arena_take(arena, SIZE_MAX, 2));
	assert_null(arena_take(arena, 1, SIZE_MAX));
	assert_null(arena_take(arena, 1, SIZE_MAX - 15));
	assert_null(arena_copy(arena, "x", SIZE_MAX));
	assert_string_equal(arena_copy(arena, "abc", 2), "ab");
	assert_string_equal(arena_copy(arena, "", 0), "");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_is_zeroed_aligned_and_apart),
		cmocka_unit_test(sizes_that_overflow_are_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
