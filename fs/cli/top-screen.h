/* top-screen.h - the window of `bailee top` as lines of a terminal, whatever its size. Asks nobody; private to fs/cli */
#ifndef FS_CLI_TOP_SCREEN_H
#define FS_CLI_TOP_SCREEN_H

#include <stdio.h>

#include "fs/cli/top-window.h"

#define TOP_LEAST_ROWS	  10
#define TOP_LEAST_COLUMNS 40

struct top_look {
	unsigned rows, columns; /* of the terminal; less than the least: as the least */
	bool is_colored, is_utf8;
	bool is_paused, is_denials_only;
	enum top_sort sort;
	const char *store;
	const char *trouble; /* "": the service answers */
};
/* top_screen_put - as many lines as @look->rows at most, none wider than its columns, each ended by a newline but for the last */
void top_screen_put(FILE *out, const struct top_window *window, const struct top_look *look);
const char *top_sort_name(enum top_sort sort); /* static */

#endif
