/* report-log-page.h - the audit report as one file of HTML, for a board: out of the model of docs/reports.md. Private to fs/cli; asks nobody */
#ifndef FS_CLI_REPORT_LOG_PAGE_H
#define FS_CLI_REPORT_LOG_PAGE_H

#include <jansson.h>
#include <stdio.h>

/*
 * report_log_page - all of it; a part of the model that is null or missing is told as what cannot be said
 *
 * @model  any JSON: what is not of the shape of "The model" is shown as nothing, never trusted as markup
 */
void report_log_page(FILE *out, const json_t *model);

#endif
