#include "fs/cli/log-rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/tell.h"
#include "fs/page/page.h"

#define CELL 512 /* more than a detail takes when each of its bytes is two */

typedef void cell_fn(const json_t *row, const char *key, char out[CELL]);

/* ---- cells ------------------------------------------------------------------------------------------- */

static void text_cell(const json_t *row, const char *key, char out[CELL])
{
	snprintf(out, CELL, "%s", cli_text(row, key));
}

static void number_cell(const json_t *row, const char *key, char out[CELL])
{
	snprintf(out, CELL, "%s", PAGE_GROUPED((uint64_t)cli_number(row, key)));
}

static void person_cell(const json_t *row, const char *key, char out[CELL])
{
	if (!json_is_integer(json_object_get(row, "uid")))
		snprintf(out, CELL, "bailee");
	else if (*cli_text(row, key))
		snprintf(out, CELL, "%s", cli_text(row, key));
	else
		snprintf(out, CELL, "uid %lld", cli_number(row, "uid"));
}

/* "2026-11-22 10:00", of a moment in the table's zone. */
static void moment_cell(const json_t *row, const char *key, char out[CELL])
{
	snprintf(out, CELL, "%.16s", cli_text(row, key));
	if (strlen(out) > 10)
		out[10] = ' ';
}

/* With the event that it was. */
static void end_cell(const json_t *row, const char *key, char out[CELL])
{
	char name[32];
	size_t length;

	moment_cell(row, key, out);
	snprintf(name, sizeof(name), "%s_sequence", key);
	length = strlen(out);
	snprintf(out + length, CELL - length, " #%lld", cli_number(row, name));
}

static void event_cell(const json_t *row, const char *key, char out[CELL])
{
	snprintf(out, CELL, "#%lld", cli_number(row, key));
}

/* ---- tables ------------------------------------------------------------------------------------------ */

struct column {
	const char *head, *key;
	cell_fn *cell;
};

#define PERSON                                                                                     \
	{                                                                                          \
		"person", "person", person_cell                                                    \
	}
#define DEVICE                                                                                     \
	{                                                                                          \
		"device", "device", text_cell                                                      \
	}
#define DAY                                                                                        \
	{                                                                                          \
		"day", "day", text_cell                                                            \
	}
#define EVENTS                                                                                     \
	{                                                                                          \
		">events", "events", number_cell                                                   \
	}
#define BYTES                                                                                      \
	{                                                                                          \
		">bytes", "bytes", number_cell                                                     \
	}
#define DENIED                                                                                     \
	{                                                                                          \
		">denied", "denied", number_cell                                                   \
	}
#define UNMASKED                                                                                   \
	{                                                                                          \
		">unmasked", "unmasked", number_cell                                               \
	}
#define FIRST                                                                                      \
	{                                                                                          \
		"first", "first", end_cell                                                         \
	}
#define LAST                                                                                       \
	{                                                                                          \
		"last", "last", end_cell                                                           \
	}

static const struct {
	const char *show;
	struct column columns[TELL_COLUMNS];
} TABLES[] = {
	{"accesses", {PERSON, DEVICE, EVENTS, BYTES, DENIED, FIRST, LAST}},
	{"who", {PERSON, DEVICE, EVENTS, BYTES, UNMASKED, FIRST, LAST}},
	{"denied",
	 {{"rule", "rule", text_cell},
	  PERSON,
	  DEVICE,
	  {">times", "events", number_cell},
	  FIRST,
	  LAST}},
	{"volume", {DAY, PERSON, EVENTS, BYTES, DENIED, {">devices", "devices", number_cell}}},
	{"off-hours", {DAY, PERSON, EVENTS, BYTES, FIRST, LAST}},
	{"readers",
	 {{"event", "sequence", event_cell},
	  {"time", "time", moment_cell},
	  PERSON,
	  DEVICE,
	  {"asked", "detail", text_cell}}},
	{"hours", {{"hour", "hour", moment_cell}, PERSON, DEVICE, EVENTS, BYTES, DENIED, UNMASKED}},
};

static void add_row(struct tell_table *table, const struct column *columns, const json_t *row)
{
	char rooms[TELL_COLUMNS][CELL];
	const char *cells[TELL_COLUMNS] = {NULL};

	for (size_t i = 0; i < TELL_COLUMNS && columns[i].head; i++) {
		columns[i].cell(row, columns[i].key, rooms[i]);
		cells[i] = rooms[i];
	}
	tell_table_add(table, cells);
}

static void print_table(FILE *out, const struct column *columns, const json_t *rows)
{
	BL_CLEANUP(tell_table_done) struct tell_table table = {.rows = NULL};
	const json_t *row;
	size_t index;

	for (size_t i = 0; i < TELL_COLUMNS; i++)
		table.heads[i] = columns[i].head;
	json_array_foreach(rows, index, row) add_row(&table, columns, row);
	tell_table_print(out, &table);
}

void log_rows_print(FILE *out, const char *show, const json_t *rows, const char *zone)
{
	char count[TELL_COUNT];

	for (size_t i = 0; i < BL_COUNT(TABLES); i++)
		if (strcmp(TABLES[i].show, show) == 0)
			print_table(out, TABLES[i].columns, rows);
	fprintf(out, "%s; days and times are of %s\n",
		tell_count((long long)json_array_size(rows), "row", count), zone);
}
