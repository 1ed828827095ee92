/* terminal.c - the terminal as a device: what it can be made to do, and others' terminals */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static int push(struct attack *attack)
{
	for (const char *at = "id\r"; *at; at++)
		if (ioctl(0, TIOCSTI, at) < 0)
			return failed(attack, "TIOCSTI");
	/* Not to be read by the interpreter. */
	tcflush(0, TCIFLUSH);
	return 0;
}
/* A filter looks at 32 bits, the kernel takes as many: the rest must change nothing. */
static int push_high(struct attack *attack)
{
	char byte = 'x';

	if (ioctl(0, TIOCSTI | (1UL << 32), &byte) < 0)
		return failed(attack, "TIOCSTI");
	tcflush(0, TCIFLUSH);
	return 0;
}
static int console_calls(struct attack *attack)
{
	static const char *const paths[] = {"/dev/tty", "/dev/tty1", "/dev/tty0", "/dev/console"};
	char code = 12; /* which console is in front */

	if (ioctl(0, TIOCLINUX, &code) >= 0)
		return 0;
	int error = failed(attack, "TIOCLINUX");

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = open(paths[i], O_RDWR | O_NOCTTY | O_NONBLOCK);

		code = 12;
		if (fd >= 0 && ioctl(fd, TIOCLINUX, &code) >= 0)
			return 0;
		if (fd >= 0)
			close(fd);
	}
	return error;
}
static int console_take(struct attack *attack)
{
	if (ioctl(0, TIOCCONS) < 0)
		return failed(attack, "TIOCCONS");
	int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_NONBLOCK);

	ioctl(fd, TIOCCONS);
	return 0;
}
static int discipline(struct attack *attack)
{
	int number = 0;

	return ioctl(0, TIOCSETD, &number) == 0 ? 0 : failed(attack, "TIOCSETD");
}
static int size(struct attack *attack)
{
	struct winsize window;

	if (ioctl(0, TIOCGWINSZ, &window) < 0)
		return failed(attack, "TIOCGWINSZ");
	return ioctl(0, TIOCSWINSZ, &window) == 0 ? 0 : failed(attack, "TIOCSWINSZ");
}
static int alone(struct attack *attack)
{
	if (ioctl(0, TIOCEXCL) < 0)
		return failed(attack, "TIOCEXCL");
	ioctl(0, TIOCNXCL);
	return 0;
}
static int stop(struct attack *attack)
{
	return ioctl(0, TCXONC, TCOON) == 0 ? 0 : failed(attack, "TCXONC");
}
static int new_terminal(struct attack *attack)
{
	int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);

	if (fd < 0)
		fd = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY);
	return fd >= 0 ? 0 : failed(attack, "open");
}
/* A terminal of the listener's: both are the same person's outside. */
static int other(struct attack *attack)
{
	int fd = open(attack->argument, O_WRONLY | O_NOCTTY);

	/* Inside, the name is that of the session's own terminal, if anybody's. */
	if (fd >= 0 && write(fd, attack->marker, MARKER_LENGTH) > 0 && write(fd, "\n", 1) == 1)
		return 0;
	return failed(attack, "open");
}
static int other_listen(struct attack *attack)
{
	int slave;

	if (openpty(&attack->fd, &slave, attack->reply, NULL, NULL) < 0)
		return failed(attack, "openpty");
	fcntl(attack->fd, F_SETFL, O_NONBLOCK);
	return 0;
}
static bool other_heard(struct attack *attack)
{
	char bytes[64];

	return is_marker(attack, bytes, read(attack->fd, bytes, sizeof(bytes)));
}

const struct row terminal_rows[] = {
	{"terminal-push", "type into its own terminal (TIOCSTI)", 0, push, NULL, NULL},
	{"terminal-push-high", "the same, with bits above the request", 0, push_high, NULL, NULL},
	{"terminal-console", "TIOCLINUX", BY_ROOT, console_calls, NULL, NULL},
	{"terminal-take", "the console's output (TIOCCONS)", BY_ROOT, console_take, NULL, NULL},
	{"terminal-discipline", "another line discipline (TIOCSETD)", 0, discipline, NULL, NULL},
	{"terminal-size", "another size (TIOCSWINSZ)", 0, size, NULL, NULL},
	{"terminal-alone", "keep others out (TIOCEXCL)", 0, alone, NULL, NULL},
	{"terminal-stop", "stop and start (TCXONC)", 0, stop, NULL, NULL},
	{"terminal-new", "a terminal of its own", 0, new_terminal, NULL, NULL},
	{"terminal-other", "another terminal of the person", 0, other, other_listen, other_heard},
	{0},
};
