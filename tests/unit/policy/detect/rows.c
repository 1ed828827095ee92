/* Tests policy/detect/rows.c: values behind and in front of labels, in chains, and no further than they reach */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "policy/detect/kind.h"

/* Some row with a label whose form has one run of digits, and a value for it that passes. */
struct sample {
	const struct kind *kind;
	char label[64], value[64];
};

/* One digit run of a fixed length, no check: any number of that length is a value. */
static bool is_plain(const struct kind *kind, unsigned *out_count)
{
	unsigned least = 0, most = 0;
	char end = 0;

	return kind->trust == KIND_LABELLED && kind->forms && !kind->match && !kind->check &&
	       kind->labels && !strchr(kind->forms, '|') &&
	       (sscanf(kind->forms, "d{%u,%u}%c", &least, &most, &end) == 2 ||
		(sscanf(kind->forms, "d{%u}%c", &least, &end) == 1 && !strchr(kind->forms, ',') &&
		 kind->forms[strlen(kind->forms) - 1] == '}')) &&
	       least >= 4 && least < 20 && (*out_count = least);
}

static bool find_sample(struct sample *out)
{
	for (size_t i = 0; i < kind_table_count; i++)
		for (size_t k = 0; k < kind_tables[i]->count; k++) {
			const struct kind *kind = &kind_tables[i]->rows[k];
			unsigned count;

			if (!is_plain(kind, &count))
				continue;
			out->kind = kind;
			snprintf(out->label, sizeof(out->label), "%.*s",
				 (int)strcspn(kind->labels, "|"), kind->labels);
			snprintf(out->value, sizeof(out->value), "%.*s", (int)count,
				 "7319284655019283746501");
			return true;
		}
	return false;
}

/* How often the value is found where @frame has '#', the label standing for '@'. */
static size_t count_in(const struct sample *sample, const char *frame)
{
	struct detect_scanner *scanner = NULL;
	struct detect_spans spans = {0};
	char text[1024] = "";
	struct detect_window window = {.bytes = (const uint8_t *)text};
	size_t found = 0;

	for (; *frame; frame++)
		strncat(text,
			*frame == '@'	? sample->label
			: *frame == '#' ? sample->value
					: frame,
			*frame == '@' || *frame == '#' ? 100 : 1);
	window.core = strlen(text);
	assert_int_equal(
		detect_scanner_new(CLASS_BIT(sample->kind->class), NULL, NULL, 0, &scanner, NULL),
		BL_OK);
	assert_int_equal(detect_scan(scanner, &window, &spans), BL_OK);
	for (size_t i = 0; i < spans.count; i++)
		found += spans.items[i].length == strlen(sample->value) &&
			 memcmp(text + spans.items[i].offset, sample->value,
				spans.items[i].length) == 0;
	detect_spans_free(&spans);
	detect_scanner_free(scanner);
	return found;
}

static void labels_reach_as_far_as_they_say(void **state)
{
	static const struct {
		const char *frame;
		size_t count;
	} rows[] = {
		{"@: #", 1},
		{"@ #", 1},
		{"@ (#)", 1},
		{"the @ is #.", 1},
		{"@ no. \"#\"", 1},
		{"@:\n#", 1},
		{"@:\n\n#", 0},
		{"@: none\n#", 0},
		{"@ yyyy yyyy yyyy yyyy yyyy #", 1},
		{"@ yyyy yyyy yyyy yyyy yyyy yyyy yyyy yyyy yyyy #", 0},
		{"@s: #, # and #", 0}, /* another word */
		{"@: #, # and #", 3},
		{"#", 0},
		{"y@: #", 0},
	};
	struct sample sample;

	(void)state;
	if (!find_sample(&sample))
		skip();
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (count_in(&sample, rows[i].frame) != rows[i].count)
			fail_msg("%s '%s' (%s %s): %zu", sample.kind->id, rows[i].frame,
				 sample.label, sample.value, count_in(&sample, rows[i].frame));
}

static void every_row_has_a_class_a_name_and_labels_to_be_found_by(void **state)
{
	(void)state;
	for (size_t i = 0; i < kind_table_count; i++)
		for (size_t k = 0; k < kind_tables[i]->count; k++) {
			const struct kind *kind = &kind_tables[i]->rows[k];

			assert_true(kind->class < CLASS_COUNT);
			assert_non_null(kind->id);
			if (!kind->forms && !kind->match)
				fail_msg("%s: forms or a match", kind->id);
			if (kind->trust == KIND_LABELLED && !kind->labels && !kind->after)
				fail_msg("%s: no label", kind->id);
			assert_true(detect_supported() & CLASS_BIT(kind->class));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_reach_as_far_as_they_say),
		cmocka_unit_test(every_row_has_a_class_a_name_and_labels_to_be_found_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
