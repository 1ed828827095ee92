/* A socket on this host: a stream, or datagrams that are confirmed when the receiver took them out. */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fs/cli/ship-target.h"

#define ROOM	(1 << 20) /* bytes under way; as much as the kernel lets us have */
#define LOOK_MS 5

static int connected(const struct sockaddr_un *address, int type)
{
	BL_CLEANUP(fd_close) int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int room = ROOM;

	if (fd < 0)
		return -1;
	(void)!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -1;
	return fd_take(&fd);
}

static enum bl_status unix_open(struct ship_target *target, struct bl_error *why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", target->path);
	target->is_datagram = true;
	target->fd = connected(&address, SOCK_DGRAM);
	if (target->fd < 0 && errno == EPROTOTYPE) {
		target->is_datagram = false;
		target->fd = connected(&address, SOCK_STREAM);
	}
	return target->fd >= 0 ? BL_OK
			       : bl_fail_errno(why, BL_IO, "cannot reach 'unix:%s'", target->path);
}

static enum bl_status unix_send(struct ship_target *target, const char *message, size_t length,
				struct bl_error *why)
{
	if (!target->is_datagram)
		return ship_stream_send(target, message, length, why);
	for (;;) {
		if (send(target->fd, message, length, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return BL_OK;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return bl_fail_errno(why, BL_IO, "the receiver takes no more");
		enum bl_status status =
			ship_wait(target, POLLOUT, ship_now_ms() + SHIP_WAIT_MS, false, why);

		if (status != BL_OK)
			return status;
	}
}

/*
 * The queue is empty when the receiver took all out, and when it is gone with all that was in it. An empty datagram, which no
 * receiver makes an event of, tells which: it comes to that same socket or nowhere.
 */
static enum bl_status check_alive(const struct ship_target *target, struct bl_error *why)
{
	if (send(target->fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) == 0 || errno == EAGAIN)
		return BL_OK;
	return bl_fail_errno(why, BL_IO, "the receiver went before it took all");
}

static enum bl_status until_taken(const struct ship_target *target, struct bl_error *why)
{
	struct pollfd stop = {.fd = target->stop_fd, .events = POLLIN};
	int64_t until_ms = ship_now_ms() + SHIP_CONFIRM_MS;
	int left = 0;

	while (ioctl(target->fd, SIOCOUTQ, &left) == 0 && left > 0) {
		if (ship_now_ms() > until_ms)
			return bl_fail(why, BL_TIMED_OUT, "the receiver does not read");
		if (poll(&stop, stop.fd >= 0 ? 1 : 0, LOOK_MS) > 0) {
			until_ms = BL_MIN(until_ms, ship_now_ms() + SHIP_STOP_MS);
			stop.fd = -1;
		}
	}
	return left == 0 ? BL_OK : bl_fail_errno(why, BL_IO, "cannot ask what was taken");
}

static enum bl_status unix_confirm(struct ship_target *target, struct bl_error *why)
{
	if (!target->is_datagram)
		return ship_stream_end(target, false, why);
	enum bl_status status = until_taken(target, why);

	return status == BL_OK ? check_alive(target, why) : status;
}

const struct ship_kind SHIP_UNIX = {"unix", unix_open, unix_send, unix_confirm, ship_stream_close};
