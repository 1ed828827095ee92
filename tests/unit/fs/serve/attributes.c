/* Which listings carry attributes, by what those who list do afterwards. */
#include "fs/serve/private.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

/* Folders in a row; in those that were sampled, or told by names alone, somebody looks a file up or not. Counts of each answer. */
static void list(atomic_uint *listed, unsigned folders, bool looks, unsigned out[3])
{
	for (unsigned i = 0; i < folders; i++) {
		enum attributes wanted = attributes_wanted(listed);

		out[wanted]++;
		if (looks && wanted != ATTRIBUTES_ALL)
			attributes_used(listed);
	}
}

static void who_wants_only_names_gets_them_after_a_while(void **state BL_UNUSED)
{
	atomic_uint listed = 0;
	unsigned told[3] = {0};

	list(&listed, 1000, false, told);
	assert_int_equal(told[ATTRIBUTES_SAMPLE], 8);
	assert_int_equal(told[ATTRIBUTES_ALL], 56);
	assert_int_equal(told[ATTRIBUTES_FOLDERS], 1000 - 64);
}

static void who_looks_pays_for_one_file_in_eight_folders(void **state BL_UNUSED)
{
	atomic_uint listed = 0;
	unsigned told[3] = {0};

	list(&listed, 801, true, told);
	assert_int_equal(told[ATTRIBUTES_FOLDERS], 0);
	/* the first folder, and from there every eighth */
	assert_in_range(told[ATTRIBUTES_SAMPLE], 100, 116);
}

static void one_look_brings_the_attributes_back(void **state BL_UNUSED)
{
	atomic_uint listed = 0;
	unsigned told[3] = {0};

	list(&listed, 100, false, told);
	assert_int_equal(attributes_wanted(&listed), ATTRIBUTES_FOLDERS);
	attributes_used(&listed);
	assert_int_equal(attributes_wanted(&listed), ATTRIBUTES_ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_wants_only_names_gets_them_after_a_while),
		cmocka_unit_test(who_looks_pays_for_one_file_in_eight_folders),
		cmocka_unit_test(one_look_brings_the_attributes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
