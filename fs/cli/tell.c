#include "fs/cli/tell.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <utf8proc.h>

#include "fs/page/page.h"

#define MINUTE 60
#define HOUR   3600
#define DAY    86400

bool tell_is_utf8(void)
{
	static const char *const NAMES[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < BL_COUNT(NAMES); i++) {
		const char *locale = getenv(NAMES[i]);

		if (locale && *locale)
			return strcasestr(locale, "UTF-8") || strcasestr(locale, "UTF8");
	}
	return false;
}

/* ---- safe texts -------------------------------------------------------------------------------------- */

/* Bytes of the sign that @text begins with; 0: it is none that may be shown. */
static size_t sign_length(const char *text, int *out_columns)
{
	size_t length = page_seen(text, strnlen(text, PAGE_CHARACTER));
	utf8proc_int32_t code;

	if (length &&
	    utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length, &code) > 0)
		*out_columns = utf8proc_charwidth(code);
	return length;
}

/* The next sign of @text, safe; gives back how many bytes of @text it was. */
static size_t put_sign(FILE *out, const char *text, bool is_utf8, size_t *columns)
{
	unsigned char byte = (unsigned char)*text;
	int width = 1;
	size_t length = byte >= 0x80 && is_utf8 ? sign_length(text, &width) : 0;

	if (byte >= ' ' && byte < 0x7f)
		length = 1;
	if (length) {
		fwrite(text, 1, length, out);
		*columns += (size_t)width;
		return length;
	}
	fprintf(out, "\\x%02x", byte);
	*columns += 4;
	return 1;
}

static size_t put_safe(FILE *out, const char *text)
{
	bool is_utf8 = tell_is_utf8();
	size_t columns = 0;

	while (*text)
		text += put_sign(out, text, is_utf8, &columns);
	return columns;
}

void tell_safe(FILE *out, const char *text)
{
	put_safe(out, text);
}

char *tell_clean(const char *text, size_t *out_columns)
{
	char *clean = NULL;
	size_t size, columns;
	FILE *memory = open_memstream(&clean, &size);

	if (!memory)
		return NULL;
	columns = put_safe(memory, text);
	if (fclose(memory) != 0) {
		free(clean);
		return NULL;
	}
	if (out_columns)
		*out_columns = columns;
	return clean;
}

void tell_lines(FILE *out, const char *text, bool is_raw)
{
	bool is_utf8 = tell_is_utf8();
	size_t columns = 0;

	if (is_raw) {
		fputs(text, out);
		return;
	}
	while (*text) {
		if (*text == '\n')
			fputc(*text++, out);
		else
			text += put_sign(out, text, is_utf8, &columns);
	}
}

/* ---- wrapped ----------------------------------------------------------------------------------------- */

struct wrapping {
	FILE *out;
	unsigned indent;
	const char *label; /* before the first word, in place of the indent */
	size_t column;	   /* 0: nothing stands in this line yet */
	size_t lines;
};

static void end_line(struct wrapping *wrapping)
{
	fputc('\n', wrapping->out);
	wrapping->column = 0;
	wrapping->lines++;
}

static void put_word(struct wrapping *wrapping, const char *word)
{
	size_t room = TELL_WIDE - wrapping->indent, columns = 0;
	BL_CLEANUP(bl_free) char *clean = tell_clean(word, &columns);

	if (!clean)
		return;
	if (wrapping->column && wrapping->column + 1 + columns > room)
		end_line(wrapping);
	if (wrapping->column)
		fputc(' ', wrapping->out);
	else
		fprintf(wrapping->out, "%-*s", (int)wrapping->indent,
			wrapping->lines ? "" : wrapping->label);
	fputs(clean, wrapping->out);
	wrapping->column += columns + (wrapping->column > 0);
}

static void put_paragraph(struct wrapping *wrapping, char *text)
{
	char *rest = NULL;

	for (char *word = strtok_r(text, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
		put_word(wrapping, word);
	end_line(wrapping);
}

size_t tell_wrapped(FILE *out, unsigned indent, const char *text)
{
	struct wrapping wrapping = {.out = out, .indent = indent, .label = ""};
	BL_CLEANUP(bl_free) char *copy = strdup(text);
	char *rest = copy;

	while (rest)
		put_paragraph(&wrapping, strsep(&rest, "\n"));
	return wrapping.lines;
}

void tell_row(FILE *out, unsigned indent, const char *label, const char *text)
{
	struct wrapping wrapping = {.out = out, .indent = indent, .label = label};
	BL_CLEANUP(bl_free) char *copy = strdup(text);

	if (copy)
		put_paragraph(&wrapping, copy);
}

/* ---- dates, people, spans ---------------------------------------------------------------------------- */

char *tell_utc(int64_t at_unix, char out[TELL_DATE])
{
	time_t at = (time_t)at_unix;
	struct tm utc;

	if (at_unix <= 0 || !gmtime_r(&at, &utc) ||
	    !strftime(out, TELL_DATE, "%Y-%m-%d %H:%M", &utc))
		out[0] = '\0';
	return out;
}

int64_t tell_unix(const json_t *object, const char *key)
{
	char name[48];

	snprintf(name, sizeof(name), "%s_unix", key);
	return json_integer_value(json_object_get(object, name));
}

char *tell_date(const json_t *object, const char *key, char out[TELL_DATE])
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text || !*text)
		return tell_utc(tell_unix(object, key), out);
	snprintf(out, TELL_DATE, "%.23s", text);
	return out;
}

const char *tell_who(const json_t *object, const char *key, char out[TELL_WHO])
{
	const json_t *who = json_object_get(object, key);

	if (json_is_string(who) && *json_string_value(who))
		snprintf(out, TELL_WHO, "%.71s", json_string_value(who));
	else if (json_is_integer(who) && json_integer_value(who) != UINT32_MAX)
		snprintf(out, TELL_WHO, "uid:%" PRId64, (int64_t)json_integer_value(who));
	else
		snprintf(out, TELL_WHO, "bailee");
	return out;
}

static const char *say_span(int64_t value, const char *unit, char out[TELL_SPAN])
{
	snprintf(out, TELL_SPAN, "%" PRId64 " %s%s", value, unit, value == 1 ? "" : "s");
	return out;
}

static const struct {
	int64_t seconds, most; /* a whole number of these is said in them from @most of them on */
	const char *unit;
} SPANS[] = {{DAY, 4, "day"}, {HOUR, 1, "hour"}, {MINUTE, 1, "minute"}, {1, 0, "second"}};

/* Policies and laws say 24 and 72 hours, and 30 days. */
const char *tell_span(int64_t seconds, char out[TELL_SPAN])
{
	size_t i = 0;

	while (SPANS[i].seconds > 1 &&
	       (seconds % SPANS[i].seconds || seconds / SPANS[i].seconds < SPANS[i].most))
		i++;
	return say_span(seconds / SPANS[i].seconds, SPANS[i].unit, out);
}

const char *tell_about(int64_t seconds, char out[TELL_SPAN])
{
	size_t i = 0;

	if (seconds < 0)
		seconds = seconds == INT64_MIN ? INT64_MAX : -seconds;
	while (SPANS[i].seconds > 1 && seconds < 2 * SPANS[i].seconds)
		i++;
	return say_span(seconds / SPANS[i].seconds +
				(seconds % SPANS[i].seconds * 2 > SPANS[i].seconds),
			SPANS[i].unit, out);
}

const char *tell_count(long long count, const char *noun, char out[TELL_COUNT])
{
	snprintf(out, TELL_COUNT, "%lld %s%s", count, noun, count == 1 ? "" : "s");
	return out;
}

void tell_list_add(struct tell_list *list, const char *format, ...)
{
	size_t room = sizeof(list->text) - list->length;
	char word[sizeof(list->text)];
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(word, sizeof(word), format, arguments);
	va_end(arguments);
	const char *between = !list->length ? "" : list->between ? list->between : ", ";

	if (length <= 0 || (size_t)length + strlen(between) >= room)
		return;
	list->length += (size_t)snprintf(list->text + list->length, room, "%s%s", between, word);
}

/* ---- tables ------------------------------------------------------------------------------------------- */

static size_t column_count(const struct tell_table *table)
{
	size_t count = 0;

	while (count < TELL_COLUMNS && table->heads[count])
		count++;
	return count;
}

void tell_table_add(struct tell_table *table, const char *const *cells)
{
	json_t *row = json_array();

	if (!table->rows)
		table->rows = json_array();
	for (size_t i = 0; i < column_count(table); i++)
		/* A text that was cut within a sign is none any more. */
		if (json_array_append_new(row, json_string(cells[i] ? cells[i] : "")) != 0)
			json_array_append_new(row, json_string("?"));
	json_array_append_new(table->rows, row);
}

static bool is_number(const char *head)
{
	return head[0] == '>';
}

static size_t columns_of(const char *text)
{
	size_t columns = 0;
	BL_CLEANUP(bl_free) char *clean = tell_clean(text, &columns);

	return clean ? columns : 0;
}

/* What stands in a column; of the head when there is no row. */
static const char *text_in(const struct tell_table *table, const json_t *row, size_t column)
{
	const char *head = table->heads[column];
	const char *text = json_string_value(json_array_get(row, column));

	if (!row)
		return head + is_number(head);
	return text ? text : "";
}

/* 0: nothing stands in it */
static size_t width_of(const struct tell_table *table, size_t column)
{
	size_t widest = 0, index;
	const json_t *row;

	json_array_foreach(table->rows, index, row)
	{
		size_t columns = columns_of(text_in(table, row, column));

		widest = BL_MAX(widest, columns);
	}
	if (widest) {
		size_t head = strlen(table->heads[column]) - is_number(table->heads[column]);

		widest = BL_MAX(widest, head);
	}
	return widest;
}

static void put_cell(FILE *out, const char *text, size_t width, bool is_right, bool is_last)
{
	size_t columns = columns_of(text), space = width - BL_MIN(width, columns);

	if (is_right)
		fprintf(out, "%*s", (int)space, "");
	tell_safe(out, text);
	if (!is_right && !is_last)
		fprintf(out, "%*s", (int)space, "");
	if (!is_last)
		fputs("  ", out);
}

static void put_row(FILE *out, const struct tell_table *table, const size_t *widths,
		    const json_t *row)
{
	size_t last = 0; /* that something stands in: no spaces behind it */

	for (size_t i = 0; i < column_count(table); i++)
		if (widths[i] && *text_in(table, row, i))
			last = i;
	fprintf(out, "%*s", (int)table->indent, "");
	for (size_t i = 0; i <= last; i++)
		if (widths[i])
			put_cell(out, text_in(table, row, i), widths[i], is_number(table->heads[i]),
				 i == last);
	fputc('\n', out);
}

void tell_table_print(FILE *out, const struct tell_table *table)
{
	size_t widths[TELL_COLUMNS] = {0}, index;
	const json_t *row;

	for (size_t i = 0; i < column_count(table); i++)
		widths[i] = width_of(table, i);
	put_row(out, table, widths, NULL);
	json_array_foreach(table->rows, index, row) put_row(out, table, widths, row);
}

void tell_table_done(struct tell_table *table)
{
	json_decref(table->rows);
	table->rows = NULL;
}
