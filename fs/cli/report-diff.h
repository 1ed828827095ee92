/* report-diff.h - which lines of a text changed: as `diff -u` tells it, for reports. Private to fs/cli; prints and asks nobody */
#ifndef FS_CLI_REPORT_DIFF_H
#define FS_CLI_REPORT_DIFF_H

#include <jansson.h>

#include "policy/base.h"

#define DIFF_LINES     2000 /* told of one pair; what is beyond is counted */
#define DIFF_LINE_TEXT 400  /* bytes told of one line */

/*
 * report_diff - the lines that differ with three others around them, an array of {"sign": " ", "+", "-" or "@", "text"}
 *
 * Any bytes: what is no UTF-8 and control characters are told as \xNN. Time and memory grow with the lines that differ, up to a bound; beyond it
 * whole stretches are told as taken out and put in, which is true but longer than it had to be.
 *
 * @out_more  how many lines were not told
 * @out_diff  owned by the caller (json_decref); empty when both are the same
 * BL_OK, BL_NO_MEMORY
 */
enum bl_status report_diff(const char *older, size_t older_length, const char *newer,
			   size_t newer_length, json_t **out_diff, size_t *out_more) BL_MUST_CHECK;

#endif
