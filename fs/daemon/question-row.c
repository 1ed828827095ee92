/* What is told: rows of tables as JSON. */
#include "fs/daemon/question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/zone.h"

#define DAY	 (1u << 0)
#define HOUR	 (1u << 1)
#define MOMENT	 (1u << 2)
#define RULE	 (1u << 3)
#define DEVICE	 (1u << 4)
#define DETAIL	 (1u << 5)
#define SPAN	 (1u << 6)
#define EVENTS	 (1u << 8)
#define DENIED	 (1u << 9)
#define WITHHELD (1u << 10)
#define BYTES	 (1u << 11)
#define DEVICES	 (1u << 12)
#define UNMASKED (1u << 13)

/* What each table speaks of, besides the person. */
static const unsigned SAYS[AUDIT_TABLE_COUNT] = {
	[AUDIT_TABLE_ACCESSES] = DEVICE | EVENTS | DENIED | WITHHELD | BYTES | UNMASKED | SPAN,
	[AUDIT_TABLE_WHO] = DEVICE | EVENTS | BYTES | UNMASKED | SPAN,
	[AUDIT_TABLE_DENIED] = RULE | DEVICE | EVENTS | SPAN,
	[AUDIT_TABLE_VOLUME] = DAY | EVENTS | BYTES | DENIED | DEVICES,
	[AUDIT_TABLE_OFF_HOURS] = DAY | EVENTS | BYTES | SPAN,
	[AUDIT_TABLE_READERS] = MOMENT | DEVICE | DETAIL,
	[AUDIT_TABLE_HOURS] = HOUR | DEVICE | EVENTS | DENIED | WITHHELD | BYTES | UNMASKED | SPAN,
};

/* As audit_print_json does: a forged record need not hold UTF-8, so a byte above 0x7f is told as the character of that number. */
static json_t *text_json(const char *text)
{
	char out[2 * AUDIT_DETAIL_SIZE + 1];
	size_t length = 0;

	for (; *text && length + 2 < sizeof(out); text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte >= 0x80)
			out[length++] = (char)(0xc0 | byte >> 6);
		out[length++] = (char)(byte < 0x80 ? byte : 0x80 | (byte & 0x3f));
	}
	return json_stringn(out, length);
}

/* "2026-11-22T10:00:00+01:00" */
static void format_moment(const struct question *question, int64_t at_unix, char out[64])
{
	int32_t offset = question->hours.offset(question->hours.context, at_unix);
	int32_t minutes = abs(offset) / 60;
	int64_t second = ((at_unix + offset) % 60 + 60) % 60;
	struct zone_time wall;

	zone_local(question->zone, at_unix, &wall);
	int length = snprintf(out, 64, "%04d-%02d-%02dT%02d:%02d:%02d", (int)wall.year, wall.month,
			      wall.mday, wall.minute / 60, wall.minute % 60, (int)second);

	if (offset == 0)
		snprintf(out + length, 64 - (size_t)length, "Z");
	else
		snprintf(out + length, 64 - (size_t)length, "%c%02d:%02d", offset < 0 ? '-' : '+',
			 (int)(minutes / 60), (int)(minutes % 60));
}

static void add_number(json_t *json, const char *key, const char *suffix, uint64_t value)
{
	char name[32];

	snprintf(name, sizeof(name), "%s%s", key, suffix);
	json_object_set_new(json, name,
			    json_integer((json_int_t)BL_MIN(value, (uint64_t)INT64_MAX)));
}

static void add_moment(json_t *json, const char *key, const struct question *question,
		       int64_t at_unix)
{
	char name[32], text[64];

	format_moment(question, at_unix, text);
	json_object_set_new(json, key, json_string(text));
	snprintf(name, sizeof(name), "%s_unix", key);
	json_object_set_new(json, name, json_integer(at_unix));
}

static void add_end(json_t *json, const char *key, const struct question *question, int64_t at_unix,
		    uint64_t sequence)
{
	add_moment(json, key, question, at_unix);
	add_number(json, key, "_sequence", sequence);
}

static void add_day(json_t *json, const struct question *question, int64_t day_unix)
{
	char text[64];

	format_moment(question, day_unix, text);
	strchr(text, 'T')[0] = '\0';
	json_object_set_new(json, "day", json_string(text));
	json_object_set_new(json, "day_unix", json_integer(day_unix));
}

static void add_counts(json_t *json, unsigned says, const struct audit_row *row)
{
	const struct {
		unsigned bit;
		const char *key;
		uint64_t value;
	} COUNTS[] = {
		{EVENTS, "events", row->events},       {DENIED, "denied", row->denied},
		{WITHHELD, "withheld", row->withheld}, {BYTES, "bytes", row->bytes},
		{DEVICES, "devices", row->devices},    {UNMASKED, "unmasked", row->unmasked},
	};

	for (size_t i = 0; i < BL_COUNT(COUNTS); i++)
		if (says & COUNTS[i].bit)
			add_number(json, COUNTS[i].key, "", COUNTS[i].value);
}

json_t *question_row_json(const struct question *question, const struct audit_row *row,
			  const char *person)
{
	unsigned says = SAYS[question->table];
	json_t *json = json_object();

	if (says & DAY)
		add_day(json, question, row->day_unix);
	if (says & HOUR)
		add_moment(json, "hour", question, row->day_unix);
	if (says & MOMENT) {
		add_number(json, "sequence", "", row->first_sequence);
		add_moment(json, "time", question, row->first_unix);
	}
	if (says & RULE)
		json_object_set_new(json, "rule", text_json(row->rule));
	json_object_set_new(json, "uid",
			    row->uid == UINT32_MAX ? json_null() : json_integer(row->uid));
	if (json_object_set_new(json, "person", json_string(person)) != 0)
		json_object_set_new(json, "person", text_json(person));
	if (says & DEVICE)
		json_object_set_new(json, "device", text_json(row->device));
	add_counts(json, says, row);
	if (says & SPAN) {
		add_end(json, "first", question, row->first_unix, row->first_sequence);
		add_end(json, "last", question, row->last_unix, row->last_sequence);
	}
	if (says & DETAIL)
		json_object_set_new(json, "detail", text_json(row->detail));
	return json;
}
