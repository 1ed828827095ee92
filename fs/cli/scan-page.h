/* scan-page.h - the inventory of a device in words. Private to fs/cli. */
#ifndef FS_CLI_SCAN_PAGE_H
#define FS_CLI_SCAN_PAGE_H

#include <jansson.h>
#include <stdio.h>

/*
 * scan_page - what `scan` answered: how much was looked through, what could not be, and how many values of which class are there
 *
 * @paths  an array of {"path", "classes": {CLASS: count}, "state"}, or NULL: not asked for
 */
void scan_page(FILE *out, const json_t *answer, const json_t *paths);

#endif
