/* Tests policy/detect/custom.c where the matcher does not run */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <hs.h>
#include <string.h>

#include "policy/detect/detect.h"

/* In the library's place: an old processor. */
hs_error_t HS_CDECL hs_valid_platform(void)
{
	return HS_ARCH_ERROR;
}

static void an_old_processor_is_told_in_words(void **state)
{
	static const struct detect_pattern pattern = {"NG-[0-9]{8}", CLASS_COUNT};
	struct detect_custom *custom = NULL;
	struct bl_error why = {""};
	size_t bad = 7;

	(void)state;
	assert_int_equal(detect_custom_new(&pattern, 1, &custom, &bad, &why), BL_UNSUPPORTED);
	assert_null(custom);
	assert_int_equal(bad, 7);
	assert_non_null(strstr(why.text, "processor"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(an_old_processor_is_told_in_words)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
