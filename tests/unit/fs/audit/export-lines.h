/* export-lines.h - what every exported line must be, for the test and the fuzz target; shares nothing with fs/audit/export.c */
#ifndef TESTS_UNIT_FS_AUDIT_EXPORT_LINES_H
#define TESTS_UNIT_FS_AUDIT_EXPORT_LINES_H

#include "fs/audit/audit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- characters ------------------------------------------------------------------------------ */

/* Length of the UTF-8 character at the start of @text, in its shortest form and no surrogate; 0: none */
static inline size_t line_character(const unsigned char *text, size_t length, uint32_t *out_point)
{
	static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = text[0] < 0x80		 ? 1
		      : (text[0] & 0xe0) == 0xc0 ? 2
		      : (text[0] & 0xf0) == 0xe0 ? 3
		      : (text[0] & 0xf8) == 0xf0 ? 4
						 : 0;

	if (size == 0 || size > length)
		return 0;
	*out_point = size == 1 ? text[0] : text[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*out_point = *out_point << 6 | (text[i] & 0x3fu);
	}
	return *out_point < LEAST[size] || *out_point > 0x10ffff ||
			       (*out_point >= 0xd800 && *out_point <= 0xdfff)
		       ? 0
		       : size;
}

static const struct line_range {
	uint32_t from, to;
} LINE_FORBIDDEN[] = {
	{0, 0x1f},	  {0x7f, 0x9f},	    /* C0, DEL, C1 */
	{0x2028, 0x2029},		    /* separators of lines and paragraphs */
	{0x61c, 0x61c},	  {0x200e, 0x200f}, /* directions */
	{0x202a, 0x202e}, {0x2066, 0x2069}, {0xad, 0xad},
	{0x200b, 0x200d}, /* not to be seen */
	{0x2060, 0x2064}, {0xfeff, 0xfeff}, {0xe0001, 0xe007f},
	{0xfffe, 0xffff}, {0xe000, 0xf8ff}, /* no characters, nobody's */
};

static inline const char *line_trouble_in_characters(const char *line, size_t length)
{
	if (length < 2 || line[length - 1] != '\n')
		return "no line";
	for (size_t at = 0; at < length - 1;) {
		uint32_t point;
		size_t size =
			line_character((const unsigned char *)line + at, length - 1 - at, &point);

		if (size == 0)
			return "not UTF-8";
		for (size_t i = 0; i < BL_COUNT(LINE_FORBIDDEN); i++)
			if (point >= LINE_FORBIDDEN[i].from && point <= LINE_FORBIDDEN[i].to)
				return "a character that may not be there";
		at += size;
	}
	return NULL;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static inline int line_hex(char digit)
{
	const char *at = digit ? strchr("0123456789abcdef", digit) : NULL;

	return at ? (int)(at - "0123456789abcdef") : -1;
}

/* Whether @told, undone, is exactly @text: "\\" is a backslash, "\xNN" a byte, everything else itself. */
static inline bool line_tells(const char *told, const char *text, size_t length)
{
	size_t at = 0;

	while (told && *told) {
		char byte = *told++;

		if (byte == '\\' && *told == '\\') {
			told++;
		} else if (byte == '\\') {
			if (told[0] != 'x' || line_hex(told[1]) < 0 || line_hex(told[2]) < 0)
				return false;
			byte = (char)(line_hex(told[1]) * 16 + line_hex(told[2]));
			told += 3;
		}
		if (at == length || text[at++] != byte)
			return false;
	}
	return told && at == length;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* "file.type_id" of an object; NULL: not there */
static inline json_t *line_member(json_t *object, const char *path)
{
	char key[32];

	while (object && *path) {
		size_t length = strcspn(path, ".");

		if (length >= sizeof(key))
			return NULL;
		memcpy(key, path, length);
		key[length] = '\0';
		object = json_object_get(object, key);
		path += length + (path[length] == '.');
	}
	return object;
}

static inline BL_UNUSED const char *line_string(json_t *object, const char *path)
{
	return json_string_value(line_member(object, path));
}

/* ---- RFC 5424, strictly ----------------------------------------------------------------------- */

#define LINE_PARAMS 32

struct line_syslog {
	unsigned priority;
	char *time, *host, *app, *process, *message_id, *sd_id, *message;
	size_t count;
	struct {
		char *name, *value; /* unescaped */
	} params[LINE_PARAMS];
};

static inline const char *line_param(const struct line_syslog *message, const char *name)
{
	for (size_t i = 0; i < message->count; i++)
		if (strcmp(message->params[i].name, name) == 0)
			return message->params[i].value;
	return NULL;
}

/* A word of printable ASCII without any of @without, at most @most of it; ends it with a NUL and steps over @after. NULL: none */
static inline char *line_word(char **at, const char *without, size_t most, char after)
{
	char *word = *at, *end = word;

	while (*end > 0x20 && *end < 0x7f && !strchr(without, *end))
		end++;
	if (end == word || (size_t)(end - word) > most || *end != after)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return word;
}

/* Each "0" of the form is a digit, the rest itself. */
static inline bool line_is_form(const char *text, const char *form)
{
	for (; *form; form++, text++)
		if (*form == '0' ? *text < '0' || *text > '9' : *text != *form)
			return false;
	return *text == '\0';
}

/* "...": ends the value with a NUL, undoes the quoting in place */
static inline char *line_value(char **at)
{
	char *from = *at, *to = *at, *value = *at;

	for (; *from != '"'; from++) {
		if (*from == '\0' || *from == ']')
			return NULL;
		if (*from == '\\' && (!*++from || !strchr("\"\\]", *from)))
			return NULL;
		*to++ = *from;
	}
	*to = '\0';
	*at = from + 1;
	return value;
}

/* From behind the blank before the first of them */
static inline const char *line_parse_params(char **at, struct line_syslog *out)
{
	char after;

	do {
		char *name = line_word(at, "= ]\"", 32, '=');

		if (!name || *(*at)++ != '"')
			return "no PARAM-NAME";

		char *value = line_value(at);

		if (!value)
			return "no PARAM-VALUE";
		if (out->count == LINE_PARAMS || line_param(out, name))
			return "a parameter twice, or too many";
		out->params[out->count].name = name;
		out->params[out->count++].value = value;
		after = *(*at)++;
	} while (after == ' ');
	return after == ']' ? NULL : "no end of the SD-ELEMENT";
}

static inline const char *line_parse_header(char **at, struct line_syslog *out)
{
	char *priority;

	if (*(*at)++ != '<' || !(priority = line_word(at, ">", 3, '>')))
		return "no PRI";
	out->priority = (unsigned)strtoul(priority, NULL, 10);
	if (strspn(priority, "0123456789") != strlen(priority) || out->priority > 191 ||
	    (priority[0] == '0' && priority[1]))
		return "no PRIVAL";
	if (strncmp(*at, "1 ", 2) != 0)
		return "no VERSION";
	*at += 2;
	if (!(out->time = line_word(at, "", 32, ' ')) ||
	    !line_is_form(out->time, "0000-00-00T00:00:00.000000Z"))
		return "no TIMESTAMP";
	if (!(out->host = line_word(at, "", 255, ' ')) ||
	    !(out->app = line_word(at, "", 48, ' ')) ||
	    !(out->process = line_word(at, "", 128, ' ')) ||
	    !(out->message_id = line_word(at, "", 32, ' ')))
		return "no HOSTNAME, APP-NAME, PROCID or MSGID";
	return NULL;
}

/* What is wrong with the message, or NULL. @line is changed, and lent to @out. */
static inline const char *line_parse_syslog(char *line, struct line_syslog *out)
{
	char *at = line, *end = strchr(line, '\n');

	*out = (struct line_syslog){0};
	if (!end || end[1])
		return "not one line";
	*end = '\0';

	const char *trouble = line_parse_header(&at, out);

	if (trouble)
		return trouble;
	if (*at++ != '[' || !(out->sd_id = line_word(&at, "= ]\"", 32, ' ')))
		return "no SD-ID";
	trouble = line_parse_params(&at, out);
	if (trouble)
		return trouble;
	if (*at++ != ' ' || !*at)
		return "no MSG";
	out->message = at;
	return NULL;
}

/* ---- one line of an exporter ------------------------------------------------------------------- */

struct line {
	char *text; /* with a NUL */
	size_t length;
};

static inline struct line line_export(enum audit_export format, const struct audit_exporting *how,
				      const struct audit_record *record, const char *name,
				      size_t name_length, const char *reason, size_t reason_length)
{
	struct audit_exporting one = *how;
	struct line line = {NULL, 0};
	FILE *out = open_memstream(&line.text, &line.length);

	if (!out)
		abort();
	one.format = format;
	audit_export(out, &one, record, name, name_length, reason, reason_length);
	if (fclose(out) != 0)
		abort();
	return line;
}

#endif
