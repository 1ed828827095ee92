/* log-rows.h - tables of the log for people. Private to fs/cli; prints and asks nobody */
#ifndef FS_CLI_LOG_ROWS_H
#define FS_CLI_LOG_ROWS_H

#include <jansson.h>
#include <stdio.h>

/*
 * log_rows_print - the rows of @show ("who", "denied", ...: docs/reports.md, "Questions"), as the service tells them
 *
 * @zone  whose days and times they are
 */
void log_rows_print(FILE *out, const char *show, const json_t *rows, const char *zone);

#endif
