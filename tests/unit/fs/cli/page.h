/* page.h - what the tests of fs/cli's pages share: JSON from text, and what was printed. Include after cmocka.h */
#ifndef TESTS_UNIT_FS_CLI_PAGE_H
#define TESTS_UNIT_FS_CLI_PAGE_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base.h"

static inline json_t *page_json(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("not JSON: %s: %s", error.text, text);
	return json;
}

struct page {
	FILE *out;
	char *text;
	size_t length;
};

static inline void page_begin(struct page *page)
{
	*page = (struct page){.out = NULL};
	page->out = open_memstream(&page->text, &page->length);
	assert_non_null(page->out);
}

/* What was printed; free(page->text) is due. */
static inline const char *page_end(struct page *page)
{
	assert_int_equal(fclose(page->out), 0);
	return page->text;
}

static inline size_t page_lines(const char *text)
{
	size_t lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* Of the longest line; in bytes, so for ASCII only. */
static inline size_t page_width(const char *text)
{
	size_t widest = 0;

	while (*text) {
		size_t length = strcspn(text, "\n");

		widest = BL_MAX(widest, length);
		text += length + (text[length] == '\n');
	}
	return widest;
}

static inline void page_has(const char *text, const char *wanted)
{
	if (!strstr(text, wanted))
		fail_msg("'%s' is not in:\n%s", wanted, text);
}

static inline void page_lacks(const char *text, const char *unwanted)
{
	if (strstr(text, unwanted))
		fail_msg("'%s' is in:\n%s", unwanted, text);
}

#endif
