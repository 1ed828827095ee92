/* report-log-private.h - what the files of the report's page share */
#ifndef FS_CLI_REPORT_LOG_PRIVATE_H
#define FS_CLI_REPORT_LOG_PRIVATE_H

#include <jansson.h>

#include "fs/page/page.h"
#include "policy/rules/zone.h"

struct board {
	FILE *out;
	const json_t *model;
	struct zone *zone; /* NULL: UTC */
	json_t *anchors;   /* sequence -> its row's anchor is written; NULL: none (no memory) */
	char period[64];   /* " --since '...' --until '...'", for commands; "": all of it */
};

/* ---- report-log-list.c: what stands in the model, shown --------------------------------------------- */

const json_t *board_at(const json_t *object, const char *group,
		       const char *key);			/* @group may be NULL */
const char *board_words(const json_t *object, const char *key); /* "": none */
uint64_t board_number(const json_t *object, const char *key);	/* 0: none, or below it */

/* board_moment - "2026-11-22 10:00" in the report's zone (with seconds: "... 10:00:17"); "": not a moment that has a date */
#define BOARD_MOMENT 24
const char *board_moment(const struct board *board, int64_t at_unix, bool has_seconds,
			 char out[BOARD_MOMENT]);
/* board_date - "22 November 2026" */
#define BOARD_DATE 32
const char *board_date(const struct board *board, int64_t at_unix, char out[BOARD_DATE]);

enum field_kind {
	FIELD_WORDS, /* a text, a number, yes or no; a list: joined */
	FIELD_ID,    /* of a device */
	FIELD_CODE,  /* a rule, a digest: as typed */
	FIELD_NUMBER,
	FIELD_BYTES,
	FIELD_OTHER,   /* the number of something else; 0: of nothing */
	FIELD_MEASURE, /* bytes where the row's "kind" is "volume" */
	FIELD_KIND,    /* what stands out */
	FIELD_MOMENT,  /* KEY_unix, else the text KEY; to the minute */
	FIELD_AT,      /* the same, to the second */
	FIELD_DAY,     /* the same, without the time */
	FIELD_EVENT,   /* an event's number; the first of a row is its anchor */
	FIELD_PERSON,  /* KEY, and "uid" beside it: else a uid alone */
	FIELD_STATUS,  /* a word as a tag; true is refused, false in force */
};
struct field {
	const char *key, *head;
	enum field_kind kind;
};
/*
 * board_list - the array @key of the model as a table; columns in which nothing stands are left out
 *
 * @none     said when it is empty. When it is missing (null), that nothing can be said is said
 * @command  what tells the same, for whoever checks: "log query --show denied"; NULL: none
 */
struct list {
	const char *key, *caption, *none, *command;
	const struct field *fields;
	size_t count;
};
void board_list(struct board *board, const struct list *list);

/*
 * board_missing - "this report cannot say"
 * board_command - what checks a table, in a line; @has_period: of the report's time
 * board_typed - a command in a box of its own
 */
void board_missing(const struct board *board, const char *what);
void board_typed(const struct board *board, const char *command);
void board_command(const struct board *board, const char *command, bool has_period);

/* ---- report-log-believe.c: what the verification found ---------------------------------------------- */

bool board_is_broken(const json_t *model);
void board_verdict(const struct board *board); /* the box */
void board_believe(struct board *board);       /* the section */

/* ---- report-log-plots.c ------------------------------------------------------------------------------ */

void board_figures(const struct board *board); /* key numbers */
void board_over_time(const struct board *board);
void board_week(const struct board *board);
void board_top(const struct board *board, const char *key, const char *name,
	       const struct html_plot *form); /* the largest of a list, by events */

#endif
