/* rows.h - texts and the values that a scanner has to find in them, for the tests of kinds */
#ifndef TESTS_KINDS_ROWS_H
#define TESTS_KINDS_ROWS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "policy/detect/detect.h"

/* @value: what of @text is a span of @class, whole; NULL: no span of any of the classes looked for. */
struct row {
	const char *text;
	enum bl_class class;
	const char *value;
};

static inline bool row_holds(const struct row *row, const struct detect_spans *spans)
{
	if (!row->value)
		return spans->count == 0;
	for (size_t k = 0; k < spans->count; k++) {
		const struct detect_span *span = &spans->items[k];

		if (span->class == row->class && span->length == strlen(row->value) &&
		    memcmp(row->text + span->offset, row->value, span->length) == 0)
			return true;
	}
	return false;
}

static inline void check_rows(const struct row *rows, size_t count, bl_classes classes)
{
	struct detect_scanner *scanner = NULL;
	struct detect_spans spans = {0};
	size_t failed = 0;

	assert_int_equal(detect_scanner_new(classes, NULL, NULL, 0, &scanner, NULL), BL_OK);
	for (size_t i = 0; i < count; i++) {
		struct detect_window window = {.bytes = (const uint8_t *)rows[i].text,
					       .core = strlen(rows[i].text)};

		assert_int_equal(detect_scan(scanner, &window, &spans), BL_OK);
		if (row_holds(&rows[i], &spans))
			continue;
		failed++;
		print_error("row %zu: '%s' should have %s '%s'\n", i, rows[i].text,
			    rows[i].value ? bl_class_name(rows[i].class) : "nothing",
			    rows[i].value ? rows[i].value : "");
		for (size_t k = 0; k < spans.count; k++)
			print_error("   has %s '%.*s'\n",
				    bl_class_name((enum bl_class)spans.items[k].class),
				    (int)spans.items[k].length,
				    rows[i].text + spans.items[k].offset);
	}
	detect_spans_free(&spans);
	detect_scanner_free(scanner);
	assert_int_equal(failed, 0);
}

#endif
