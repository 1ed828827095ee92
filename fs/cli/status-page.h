/* status-page.h - the answer of `status` on one screen. Private to fs/cli; pure */
#ifndef FS_CLI_STATUS_PAGE_H
#define FS_CLI_STATUS_PAGE_H

#include <jansson.h>
#include <stdio.h>

/*
 * status_page - what whoever runs a store should see; where there is nothing to see there is no line
 *
 * @answer  the last answer of `status`, with its devices under "devices"
 * @store   its path
 * @now_unix  for what is due within a week, when the answer has no clock
 */
void status_page(FILE *out, const json_t *answer, const char *store, int64_t now_unix);

#endif
