/* hidden.h - texts, and all that a scanner hides of them, whatever the class: for tests of kinds that are made of many words */
#ifndef TESTS_KINDS_HIDDEN_H
#define TESTS_KINDS_HIDDEN_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "policy/detect/detect.h"

/* A text, and what of it is hidden, '|' between; "": nothing. */
struct row {
	const char *text, *hidden;
};

static inline void check_hidden(bl_classes classes, const struct row *rows, size_t count)
{
	struct detect_scanner *scanner = NULL;
	struct detect_spans spans = {0};
	size_t failed = 0;

	assert_int_equal(detect_scanner_new(classes, NULL, NULL, 0, &scanner, NULL), BL_OK);
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(rows[i].text), put = 0;
		struct detect_window window = {.bytes = (const uint8_t *)rows[i].text,
					       .core = length};
		char hidden[512] = "", mask[512] = "";

		assert_true(length < sizeof(mask));
		assert_int_equal(detect_scan(scanner, &window, &spans), BL_OK);
		for (size_t k = 0; k < spans.count; k++)
			memset(mask + spans.items[k].offset, 1, spans.items[k].length);
		for (size_t k = 0; k < length; k++) {
			if (mask[k] && put && !mask[k - 1])
				hidden[put++] = '|';
			if (mask[k])
				hidden[put++] = rows[i].text[k];
		}
		if (strcmp(hidden, rows[i].hidden) == 0)
			continue;
		failed++;
		print_error("row %zu: '%s' should hide '%s', hides '%s'\n", i, rows[i].text,
			    rows[i].hidden, hidden);
	}
	detect_spans_free(&spans);
	detect_scanner_free(scanner);
	assert_int_equal(failed, 0);
}

#endif
