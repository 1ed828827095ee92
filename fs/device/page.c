#include "fs/device/page.h"

#include <stdbool.h>
#include <string.h>

/* Columns of @length bytes of UTF-8. */
static size_t columns_of(const char *text, size_t length)
{
	size_t columns = 0;

	for (size_t i = 0; i < length; i++)
		columns += (text[i] & 0xc0) != 0x80;
	return columns;
}

static void begin_line(FILE *out, size_t indent)
{
	fprintf(out, "\n%*s", (int)indent, "");
}

void page_wrap(FILE *out, const char *text, size_t indent)
{
	size_t at = indent;

	for (bool is_first = true; *text; is_first = false) {
		size_t length = strcspn(text, " "), columns = columns_of(text, length);

		if (columns > PAGE_WIDTH - indent) {
			begin_line(out, columns < PAGE_WIDTH ? PAGE_WIDTH - columns : 0);
			at = PAGE_WIDTH;
		} else if (at + !is_first + columns > PAGE_WIDTH) {
			begin_line(out, indent);
			at = indent + columns;
		} else {
			fputs(is_first ? "" : " ", out);
			at += !is_first + columns;
		}
		fwrite(text, 1, length, out);
		text += length + strspn(text + length, " ");
	}
	fputc('\n', out);
}

const char *page_escape(char character)
{
	switch (character) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}
