/* found.h - rows of text and the one value that has to be found in it, for tests of kinds: through the whole scanner */
#ifndef TESTS_UNIT_POLICY_DETECT_KINDS_FOUND_H
#define TESTS_UNIT_POLICY_DETECT_KINDS_FOUND_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "policy/detect/detect.h"

/* @value NULL: nothing of @class may be found in @text. */
struct found {
	const char *text, *value;
};

static inline bool found_is(const struct found *row, const struct detect_spans *spans)
{
	for (size_t i = 0; i < spans->count; i++) {
		const struct detect_span *span = &spans->items[i];

		if (!row->value)
			return false;
		if (span->length == strlen(row->value) &&
		    memcmp(row->text + span->offset, row->value, span->length) == 0)
			return true;
	}
	return !row->value;
}

/* found_check - scan each row for @class alone; every row that is wrong is printed */
static inline void found_check(enum bl_class class, const struct found *rows, size_t count)
{
	struct detect_scanner *scanner = NULL;
	struct detect_spans spans = {0};
	size_t failed = 0;

	assert_int_equal(detect_scanner_new(CLASS_BIT(class), NULL, NULL, 0, &scanner, NULL),
			 BL_OK);
	for (size_t i = 0; i < count; i++) {
		struct detect_window window = {.bytes = (const uint8_t *)rows[i].text,
					       .core = strlen(rows[i].text)};

		assert_int_equal(detect_scan(scanner, &window, &spans), BL_OK);
		if (found_is(&rows[i], &spans))
			continue;
		failed++;
		print_error("row %zu: '%s' should have %s '%s'\n", i, rows[i].text,
			    rows[i].value ? bl_class_name(class) : "nothing",
			    rows[i].value ? rows[i].value : "");
		for (size_t k = 0; k < spans.count; k++)
			print_error("   has '%.*s'\n", (int)spans.items[k].length,
				    rows[i].text + spans.items[k].offset);
	}
	detect_spans_free(&spans);
	detect_scanner_free(scanner);
	assert_int_equal(failed, 0);
}

#endif
