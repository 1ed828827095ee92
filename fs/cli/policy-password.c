#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "fs/cli/policy.h"

enum { CONTROL_C = 3, CONTROL_D = 4, BACKSPACE = 8, CONTROL_U = 21, DELETE = 127 };

void policy_password_free(char *password)
{
	sodium_free(password); /* wipes */
}

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
static bool take_line(int fd, bool is_terminal, char out[POLICY_PASSWORD_SIZE])
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
			if (!byte || length + 1 == POLICY_PASSWORD_SIZE)
				return false;
			out[length++] = (char)byte;
		}
	}
}

/* Signals are typed keys meanwhile, so that the terminal always gets its echo back. */
static enum bl_status ask(const char *prompt, char *password, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios before, quiet;

	if (fd < 0 || tcgetattr(fd, &before) != 0)
		return bl_fail(why, BL_FAILED,
			       "no terminal to ask for the password (give it with "
			       "--password-stdin)");
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	quiet.c_cc[VMIN] = 1;
	quiet.c_cc[VTIME] = 0;
	if (tcsetattr(fd, TCSAFLUSH, &quiet) != 0)
		return bl_fail_errno(why, BL_FAILED, "cannot switch the terminal's echo off");

	bool is_whole = dprintf(fd, "%s: ", prompt) > 0 && take_line(fd, true, password);

	tcsetattr(fd, TCSAFLUSH, &before);
	dprintf(fd, "\n");
	return is_whole ? BL_OK : bl_fail(why, BL_FAILED, "no password was given");
}

enum bl_status policy_read_password(const char *prompt, char **out_password, struct bl_error *why)
{
	if (sodium_init() < 0)
		return bl_fail(why, BL_FAILED, "libsodium does not start");

	BL_CLEANUP(policy_password_free) char *password = sodium_malloc(POLICY_PASSWORD_SIZE);
	enum bl_status status = BL_OK;

	if (!password)
		return bl_fail(why, BL_NO_MEMORY, "out of locked memory");
	if (prompt)
		status = ask(prompt, password, why);
	else if (!take_line(STDIN_FILENO, false, password))
		status = bl_fail(why, BL_INVALID, "a password has at most %d bytes",
				 POLICY_PASSWORD_SIZE - 1);
	if (status != BL_OK)
		return status;
	if (!*password)
		return bl_fail(why, BL_INVALID, "the password is empty");
	*out_password = BL_TAKE(password);
	return BL_OK;
}
