/* terminal.h - what is typed without being shown. Private to fs/cli. */
#ifndef FS_CLI_TERMINAL_H
#define FS_CLI_TERMINAL_H

#include "policy/base.h"

#define TERMINAL_LINE 1025 /* with NUL */

/*
 * terminal_line - one line; keys edit it only on a terminal that hands them over one by one
 *
 * @out  guarded memory of the caller's; scratched on failure too. False: given up, a NUL byte, or too long
 */
bool terminal_line(int fd, bool is_terminal, char out[TERMINAL_LINE]);

/*
 * terminal_ask - a secret, typed on the terminal; whatever ends it, the terminal has its echo back
 *
 * BL_OK, BL_NOT_FOUND (there is no terminal), BL_FAILED (given up: ctrl-C, or too long).
 */
enum bl_status terminal_ask(const char *prompt, char out[TERMINAL_LINE],
			    struct bl_error *why) BL_MUST_CHECK;

#endif
