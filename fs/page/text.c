/* Words and numbers, of pages in lines and of HTML alike. */
#include "fs/page/page.h"

#include <inttypes.h>
#include <string.h>
#include <utf8proc.h>

/* ---- lines ------------------------------------------------------------------------------------------- */

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

/* ---- characters -------------------------------------------------------------------------------------- */

/* Categories of what cannot be seen, moves what stands beside it, or is not known to us. */
#define HIDDEN                                                                                     \
	(1u << UTF8PROC_CATEGORY_CN | 1u << UTF8PROC_CATEGORY_CC | 1u << UTF8PROC_CATEGORY_CF |    \
	 1u << UTF8PROC_CATEGORY_CS | 1u << UTF8PROC_CATEGORY_CO | 1u << UTF8PROC_CATEGORY_ZL |    \
	 1u << UTF8PROC_CATEGORY_ZP)

/* Letters, marks and signs that nothing is drawn for (Default_Ignorable_Code_Point, and the empty pattern of Braille). */
static bool is_blank(utf8proc_int32_t code)
{
	static const struct {
		utf8proc_int32_t first, last;
	} BLANKS[] = {{0x034f, 0x034f}, {0x115f, 0x1160}, {0x17b4, 0x17b5},
		      {0x180b, 0x180f}, {0x2800, 0x2800}, {0x3164, 0x3164},
		      {0xfe00, 0xfe0f}, {0xffa0, 0xffa0}, {0xe0100, 0xe01ef}};

	for (size_t i = 0; i < BL_COUNT(BLANKS); i++)
		if (code >= BLANKS[i].first && code <= BLANKS[i].last)
			return true;
	return false;
}

size_t page_seen(const char *text, size_t length)
{
	utf8proc_int32_t code;
	utf8proc_ssize_t got;

	if (!length)
		return 0;
	if ((unsigned char)*text < 0x80)
		return *text >= ' ' && *text < 0x7f;
	got = utf8proc_iterate((const utf8proc_uint8_t *)text,
			       (utf8proc_ssize_t)BL_MIN(length, (size_t)PAGE_CHARACTER), &code);
	if (got <= 0 || HIDDEN >> (unsigned)utf8proc_category(code) & 1 || is_blank(code))
		return 0;
	return (size_t)got;
}

/* ---- numbers ----------------------------------------------------------------------------------------- */

struct page_figure page_grouped(uint64_t value)
{
	struct page_figure result;
	char digits[24];
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, value), to = 0;

	for (size_t i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			result.text[to++] = ',';
		result.text[to++] = digits[i];
	}
	result.text[to] = '\0';
	return result;
}

struct page_figure page_sized(uint64_t bytes)
{
	static const char *const UNITS[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
	struct page_figure result;
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 999.95 && unit + 1 < BL_COUNT(UNITS); unit++)
		value /= 1000;
	snprintf(result.text, sizeof(result.text), unit ? "%.1f %s" : "%.0f %s", value,
		 UNITS[unit]);
	return result;
}

const char *page_plural(uint64_t count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}
