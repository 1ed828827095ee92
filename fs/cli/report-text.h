/* report-text.h - texts of people for a report: whatever bytes they are, what comes out can be shown anywhere. Private to fs/cli */
#ifndef FS_CLI_REPORT_TEXT_H
#define FS_CLI_REPORT_TEXT_H

#include <jansson.h>

#include "policy/base.h"

/*
 * report_text - as a JSON text; what cannot be seen (control and format characters, directions among them; separators of lines; bytes that are no
 * UTF-8) as \xNN of its bytes, what goes beyond @limit bytes as "..."
 *
 * NULL: no memory
 */
json_t *report_text(const char *text, size_t length, size_t limit);

#endif
