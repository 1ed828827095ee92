#include "fs/cli/relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fs/session/session.h"

#define TYPED 1024 /* bytes that are taken at once */

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

static void send_size(const struct relay *relay)
{
	unsigned rows, columns;

	relay_size(relay->input_fd, &rows, &columns);

	const uint8_t frame[5] = {SESSION_SIZE, (uint8_t)rows, (uint8_t)(rows >> 8),
				  (uint8_t)columns, (uint8_t)(columns >> 8)};

	send_frame(relay->session_fd, frame, sizeof(frame));
}

/* False: it asks us to go. */
static bool take_signal(const struct relay *relay, struct relay_end *out_end)
{
	struct signalfd_siginfo info;

	if (read(relay->signal_fd, &info, sizeof(info)) != sizeof(info))
		return true;
	/* Stopped, the terminal would be left as it is; a session is left by its key. */
	if (info.ssi_signo == SIGTSTP)
		return true;
	if (info.ssi_signo == SIGWINCH || info.ssi_signo == SIGCONT) {
		if (info.ssi_signo == SIGCONT && relay->raw)
			(void)!tcsetattr(relay->input_fd, TCSANOW, relay->raw);
		send_size(relay);
		return true;
	}
	out_end->exit_code = (int)info.ssi_signo;
	return false;
}

/* A terminal that takes nothing (frozen, or slow) keeps nobody from ending us. */
static enum bl_status wait_for_room(const struct relay *relay, struct relay_end *out_end)
{
	struct pollfd polled[] = {{.fd = relay->output_fd, .events = POLLOUT},
				  {.fd = relay->signal_fd, .events = POLLIN}};

	if (poll(polled, BL_COUNT(polled), -1) < 0)
		return BL_OK;
	return polled[1].revents && !take_signal(relay, out_end) ? BL_FAILED : BL_OK;
}

static enum bl_status write_all(const struct relay *relay, const uint8_t *bytes, size_t length,
				struct relay_end *out_end)
{
	enum bl_status status = BL_OK;

	while (length && status == BL_OK) {
		ssize_t written = write(relay->output_fd, bytes, length);

		if (written > 0) {
			bytes += written;
			length -= (size_t)written;
		} else if (written < 0 && errno == EAGAIN) {
			status = wait_for_room(relay, out_end);
		} else if (written == 0 || errno != EINTR) {
			status = BL_IO;
		}
	}
	return status;
}

/* False: it is over; @out_status says how. */
static bool take_frame(const struct relay *relay, struct relay_end *out_end,
		       enum bl_status *out_status)
{
	uint8_t frame[SESSION_FRAME];
	ssize_t got = recv(relay->session_fd, frame, sizeof(frame), 0);

	if (got < 0 && errno == EINTR)
		return true;
	*out_status = BL_OK;
	if (got >= 1 && frame[0] == SESSION_OUTPUT) {
		*out_status = write_all(relay, frame + 1, (size_t)got - 1, out_end);
		return *out_status == BL_OK;
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
static bool take_input(const struct relay *relay)
{
	uint8_t frame[TYPED + 1] = {SESSION_INPUT};
	ssize_t got = read(relay->input_fd, frame + 1, TYPED);

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (got <= 0)
		return false;
	send_frame(relay->session_fd, frame, (size_t)got + 1);
	return true;
}

enum bl_status relay(const struct relay *relay, struct relay_end *out_end)
{
	struct pollfd polled[] = {{.fd = relay->session_fd, .events = POLLIN},
				  {.fd = relay->input_fd, .events = POLLIN},
				  {.fd = relay->signal_fd, .events = POLLIN}};
	enum bl_status status;

	*out_end = (struct relay_end){.exit_code = 1};
	send_size(relay);
	for (;;) {
		if (poll(polled, BL_COUNT(polled), -1) < 0)
			continue;
		if (polled[0].revents && !take_frame(relay, out_end, &status))
			return status;
		if (polled[2].revents && !take_signal(relay, out_end))
			return BL_FAILED;
		/* What the session said before is heard first. */
		if (!polled[0].revents && polled[1].revents && !take_input(relay))
			return BL_IO;
	}
}
