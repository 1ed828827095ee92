#include "fs/cli/relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "fs/session/session.h"

void relay_size(int fd, unsigned *out_rows, unsigned *out_columns)
{
	struct winsize size = {0};

	(void)!ioctl(fd, TIOCGWINSZ, &size);
	*out_rows = size.ws_row ? size.ws_row : 24;
	*out_columns = size.ws_col ? size.ws_col : 80;
}

static void send_frame(int fd, const uint8_t *frame, size_t length)
{
	/* Its end is seen when we listen. */
	while (send(fd, frame, length, MSG_NOSIGNAL) < 0 && errno == EINTR)
		continue;
}

static void send_size(int terminal_fd, int session_fd)
{
	unsigned rows, columns;

	relay_size(terminal_fd, &rows, &columns);

	const uint8_t frame[5] = {SESSION_SIZE, (uint8_t)rows, (uint8_t)(rows >> 8),
				  (uint8_t)columns, (uint8_t)(columns >> 8)};

	send_frame(session_fd, frame, sizeof(frame));
}

static bool write_all(int fd, const uint8_t *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EAGAIN) {
			/* The terminal's description may be shared with somebody who wants it so. */
			struct pollfd polled = {.fd = fd, .events = POLLOUT};

			(void)!poll(&polled, 1, -1);
			continue;
		}
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

/* False: it is over; @out_status says how. */
static bool take_frame(int session_fd, int output_fd, struct relay_end *out_end,
		       enum bl_status *out_status)
{
	uint8_t frame[SESSION_FRAME];
	ssize_t got = recv(session_fd, frame, sizeof(frame), 0);

	if (got < 0 && errno == EINTR)
		return true;
	*out_status = BL_OK;
	if (got >= 1 && frame[0] == SESSION_OUTPUT) {
		*out_status = BL_IO;
		return write_all(output_fd, frame + 1, (size_t)got - 1);
	}
	if (got >= 2 && frame[0] == SESSION_END) {
		size_t length = BL_MIN((size_t)got - 2, sizeof(out_end->text) - 1);

		out_end->was_told = true;
		out_end->exit_code = frame[1];
		memcpy(out_end->text, frame + 2, length);
		out_end->text[length] = '\0';
	}
	return false;
}

/* False: the terminal is gone. */
static bool take_input(int input_fd, int session_fd)
{
	uint8_t frame[SESSION_FRAME];
	ssize_t got = read(input_fd, frame + 1, 1024);

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (got <= 0)
		return false;
	frame[0] = SESSION_INPUT;
	send_frame(session_fd, frame, (size_t)got + 1);
	return true;
}

/* False: it asks us to go. */
static bool take_signal(int signal_fd, int terminal_fd, int session_fd, struct relay_end *out_end)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof(info)) != sizeof(info))
		return true;
	out_end->exit_code = (int)info.ssi_signo;
	if (info.ssi_signo != SIGWINCH && info.ssi_signo != SIGCONT)
		return false;
	send_size(terminal_fd, session_fd);
	return true;
}

enum bl_status relay(int input_fd, int output_fd, int session_fd, int signal_fd,
		     struct relay_end *out_end)
{
	struct pollfd polled[] = {{.fd = session_fd, .events = POLLIN},
				  {.fd = input_fd, .events = POLLIN},
				  {.fd = signal_fd, .events = POLLIN}};
	enum bl_status status;

	*out_end = (struct relay_end){.exit_code = 1};
	send_size(input_fd, session_fd);
	for (;;) {
		if (poll(polled, BL_COUNT(polled), -1) < 0)
			continue;
		if (polled[0].revents && !take_frame(session_fd, output_fd, out_end, &status))
			return status;
		if (polled[2].revents && !take_signal(signal_fd, input_fd, session_fd, out_end))
			return BL_FAILED;
		/* What the session said before is heard first. */
		if (!polled[0].revents && polled[1].revents && !take_input(input_fd, session_fd))
			return BL_IO;
	}
}
