/* inspect-page.h - what a wipe check found, for people. Private to fs/cli; pure */
#ifndef FS_CLI_INSPECT_PAGE_H
#define FS_CLI_INSPECT_PAGE_H

#include <jansson.h>
#include <stdio.h>

#include "policy/base.h"

/* How a picture is drawn: what the terminal can show. */
struct inspect_look {
	bool is_utf8, has_colours;
};

#define INSPECT_CELLS 60

/*
 * inspect_cells - how full each of INSPECT_CELLS equal pieces of the medium is, by the regions that the statement tells
 *
 * @out_cells  0: nothing there, 1 to 4: quarters, begun ones count; -1: not told (there are more regions than the statement names)
 */
void inspect_cells(const json_t *statement, int out_cells[INSPECT_CELLS]);

/* inspect_page - @statement: docs/format-inspection.md, of a signature that we did not check: our daemon handed it over */
void inspect_page(FILE *out, const json_t *statement, const struct inspect_look *look);

#endif
