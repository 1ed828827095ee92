/* Lines that changed: whatever two texts there are, the older one with the diff applied is the newer one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/cli/report-diff.c"
#include "fs/cli/report-text.c"

struct text {
	char bytes[1u << 16];
	size_t length;
};

static void add(struct text *text, const char *line)
{
	size_t length = strlen(line);

	assert_true(text->length + length + 2 < sizeof(text->bytes));
	memcpy(text->bytes + text->length, line, length);
	text->bytes[text->length + length] = '\n';
	text->length += length + 1;
	text->bytes[text->length] = '\0';
}

static json_t *diff_of(const char *older, const char *newer)
{
	json_t *list = NULL;
	size_t more = 99;

	assert_int_equal(report_diff(older, strlen(older), newer, strlen(newer), &list, &more),
			 BL_OK);
	assert_int_equal(more, 0);
	return list;
}

/* "-a\n+b\n": each entry its sign and text; owned by the caller */
static char *told(const char *older, const char *newer)
{
	json_t *list = diff_of(older, newer), *item;
	struct text *text = calloc(1, sizeof(*text));
	size_t index;

	json_array_foreach(list, index, item)
	{
		char line[600];

		snprintf(line, sizeof(line), "%s%s",
			 json_string_value(json_object_get(item, "sign")),
			 json_string_value(json_object_get(item, "text")));
		add(text, line);
	}
	json_decref(list);
	char *out = strdup(text->bytes);

	free(text);
	return out;
}

static const char *next_line(const char **at, char out[64])
{
	const char *end = strchr(*at, '\n');
	size_t length = end ? (size_t)(end - *at) : strlen(*at);

	memcpy(out, *at, length);
	out[length] = '\0';
	*at += length + (end != NULL);
	return out;
}

/* Lines of older up to the hunk's beginning as they are, then the hunk. */
static void apply(const char *older, const json_t *list, struct text *out)
{
	const json_t *item;
	size_t index;
	unsigned line = 1;
	char text[64];

	json_array_foreach(list, index, item)
	{
		const char *sign = json_string_value(json_object_get(item, "sign"));
		const char *told_text = json_string_value(json_object_get(item, "text"));
		unsigned from = 0;

		if (*sign == '@') {
			assert_int_equal(sscanf(told_text, "-%u,", &from), 1);
			for (; line < from; line++)
				add(out, next_line(&older, text));
			continue;
		}
		if (*sign != '+') {
			assert_string_equal(next_line(&older, text), told_text);
			line++;
		}
		if (*sign != '-')
			add(out, told_text);
	}
	while (*older)
		add(out, next_line(&older, text));
}

static void assert_applies(const char *older, const char *newer)
{
	struct text *out = calloc(1, sizeof(*out));
	json_t *list = diff_of(older, newer);

	apply(older, list, out);
	if (strcmp(out->bytes, newer) != 0)
		fail_msg("of\n%swith the diff applied comes\n%sand not\n%s", older, out->bytes,
			 newer);
	json_decref(list);
	free(out);
}

static void what_is_the_same_is_not_told(void **state)
{
	(void)state;
	static const char *const ROWS[][2] = {
		{"", ""}, {"a\n", "a\n"}, {"a\nb", "a\nb\n"}, {"\n\n", "\n\n"}};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		json_t *list = diff_of(ROWS[i][0], ROWS[i][1]);

		assert_int_equal(json_array_size(list), 0);
		json_decref(list);
	}
}

static void a_change_stands_with_three_lines_around_it(void **state)
{
	(void)state;
	static const struct {
		const char *older, *newer, *told;
	} ROWS[] = {
		{"", "a\n", "@-1,0 +1,1\n+a\n"},
		{"a\n", "", "@-1,1 +1,0\n-a\n"},
		{"a\nb\nc\n", "a\nx\nc\n", "@-1,3 +1,3\n a\n-b\n+x\n c\n"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n",
		 "@-2,7 +2,7\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"},
		/* Two that are far from each other are two. */
		{"a\n1\n2\n3\n4\n5\n6\n7\n8\n9\nz\n", "A\n1\n2\n3\n4\n5\n6\n7\n8\n9\nZ\n",
		 "@-1,4 +1,4\n-a\n+A\n 1\n 2\n 3\n@-8,4 +8,4\n 7\n 8\n 9\n-z\n+Z\n"},
		/* What cannot be seen is told as what it is. */
		{"a\n", "\x1b[2J\xe2\x80\xae<b>\xff\n",
		 "@-1,1 +1,1\n-a\n+\\x1b[2J\\xe2\\x80\\xae<b>\\xff\n"},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char *text = told(ROWS[i].older, ROWS[i].newer);

		assert_string_equal(text, ROWS[i].told);
		free(text);
	}
}

static void any_two_texts_differ_by_what_is_told(void **state)
{
	(void)state;
	struct text *older = calloc(1, sizeof(*older)), *newer = calloc(1, sizeof(*newer));

	srandom(20261122);
	for (unsigned round = 0; round < 4000; round++) {
		unsigned words = 2 + (unsigned)random() % 40, lines = (unsigned)random() % 60;
		unsigned edits = (unsigned)random() % 8;

		older->length = newer->length = 0;
		older->bytes[0] = newer->bytes[0] = '\0';
		for (unsigned i = 0; i < lines; i++) {
			char line[32];

			snprintf(line, sizeof(line), "line %u", (unsigned)random() % words);
			add(older, line);
			if ((unsigned)random() % 8 >= edits)
				add(newer, line);
			if ((unsigned)random() % 16 < edits) {
				snprintf(line, sizeof(line), "line %u", (unsigned)random() % words);
				add(newer, line);
			}
		}
		assert_applies(older->bytes, newer->bytes);
	}
	free(older);
	free(newer);
}

static void what_takes_too_long_is_told_whole(void **state)
{
	(void)state;
	struct text *older = calloc(1, sizeof(*older)), *newer = calloc(1, sizeof(*newer));

	/* Nothing is there once, and nothing fits: more edits than are tried. */
	for (unsigned i = 0; i < 450; i++) {
		add(older, i % 2 ? "a" : "b");
		add(newer, i % 3 ? "c" : "d");
		add(older, "e");
		add(newer, i % 5 ? "f" : "e");
	}
	assert_applies(older->bytes, newer->bytes);
	free(older);
	free(newer);
}

static void a_hostile_pair_ends(void **state)
{
	(void)state;
	size_t length = 1u << 20;
	char *older = malloc(length), *newer = malloc(length);
	json_t *list = NULL;
	size_t more = 0;

	for (size_t i = 0; i < length; i++) {
		older[i] = i % 2 ? '\n' : (char)('a' + i / 2 % 2);
		newer[i] = i % 2 ? '\n' : (char)('a' + i / 6 % 2);
	}
	assert_int_equal(report_diff(older, length, newer, length, &list, &more), BL_OK);
	assert_int_equal(json_array_size(list), DIFF_LINES);
	assert_true(more > 0);
	json_decref(list);
	free(older);
	free(newer);
}

static void texts_are_cut_where_a_sign_ends(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t limit;
		const char *told;
	} ROWS[] = {{"plain", 10, "plain"},	  {"plain", 5, "plain"},
		    {"plain", 4, "plai..."},	  {"\xc3\xa4", 1, "\xc3\xa4"},
		    {"a\\b\"", 9, "a\\b\""},	  {"\xf0\x9f\x98\x80!", 2, "\xf0\x9f\x98\x80..."},
		    {"\xe2\x80", 9, "\\xe2\\x80"}};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		json_t *json = report_text(ROWS[i].text, strlen(ROWS[i].text), ROWS[i].limit);

		assert_string_equal(json_string_value(json), ROWS[i].told);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_the_same_is_not_told),
		cmocka_unit_test(a_change_stands_with_three_lines_around_it),
		cmocka_unit_test(any_two_texts_differ_by_what_is_told),
		cmocka_unit_test(what_takes_too_long_is_told_whole),
		cmocka_unit_test(a_hostile_pair_ends),
		cmocka_unit_test(texts_are_cut_where_a_sign_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
