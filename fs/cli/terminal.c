#include "fs/cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum { CONTROL_C = 3, CONTROL_D = 4, BACKSPACE = 8, CONTROL_U = 21, DELETE = 127 };

/* A byte; -1 at the end. */
static int take_byte(int fd)
{
	unsigned char byte;
	ssize_t got;

	do
		got = read(fd, &byte, 1);
	while (got < 0 && errno == EINTR);
	return got == 1 ? byte : -1;
}

/* The line as it was typed; keys edit it only on a terminal. False: given up, or too long. */
bool terminal_line(int fd, bool is_terminal, char out[TERMINAL_LINE])
{
	size_t length = 0;

	for (;;) {
		int byte = take_byte(fd);

		out[length] = '\0';
		if (byte < 0 || byte == '\n' ||
		    (is_terminal && (byte == '\r' || byte == CONTROL_D)))
			return byte >= 0 || !is_terminal;
		if (is_terminal && byte == CONTROL_C)
			return false;
		if (is_terminal && byte == CONTROL_U) {
			length = 0;
		} else if (is_terminal && (byte == BACKSPACE || byte == DELETE)) {
			length -= length > 0;
		} else {
			if (!byte || length + 1 == TERMINAL_LINE)
				return false;
			out[length++] = (char)byte;
		}
	}
}

/* Signals are typed keys meanwhile, so that the terminal always gets its echo back. */
enum bl_status terminal_ask(const char *prompt, char out[TERMINAL_LINE], struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios before, quiet;

	if (fd < 0 || tcgetattr(fd, &before) != 0)
		return bl_fail(why, BL_NOT_FOUND, "there is no terminal to ask at");
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	quiet.c_cc[VMIN] = 1;
	quiet.c_cc[VTIME] = 0;
	if (tcsetattr(fd, TCSAFLUSH, &quiet) != 0)
		return bl_fail_errno(why, BL_FAILED, "cannot switch the terminal's echo off");

	bool is_whole = dprintf(fd, "%s: ", prompt) > 0 && terminal_line(fd, true, out);

	tcsetattr(fd, TCSAFLUSH, &before);
	dprintf(fd, "\n");
	return is_whole ? BL_OK : bl_fail(why, BL_FAILED, "nothing was given at the terminal");
}
