/* What Unix and TCP streams share: messages in frames, and an end by which the receiver says that it read all of them. */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "fs/cli/ship-target.h"

#define LOOK_MS 10 /* between two looks at what no event tells of */

int64_t ship_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum bl_status ship_wait(const struct ship_target *target, short events, int64_t until_ms,
			 bool is_last, struct bl_error *why)
{
	struct pollfd items[] = {{.fd = target->fd, .events = events},
				 {.fd = target->stop_fd, .events = POLLIN}};
	nfds_t count = 2;

	for (;;) {
		int64_t left = until_ms - ship_now_ms();
		int ready = left > 0 ? poll(items, count, (int)left) : 0;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready < 0)
			return bl_fail_errno(why, BL_IO, "cannot wait for the receiver");
		if (ready == 0)
			return bl_fail(why, BL_TIMED_OUT, "the receiver does not answer");
		if (items[0].revents)
			return BL_OK;
		if (!is_last)
			return bl_fail(why, BL_FAILED, "told to stop");
		/* What was sent is still to be confirmed, but not for long. */
		until_ms = BL_MIN(until_ms, ship_now_ms() + SHIP_STOP_MS);
		count = 1;
	}
}

const char *ship_frame(const struct ship_target *target, size_t length, char out[SHIP_FRAME])
{
	*out = '\0';
	if (target->is_counted)
		snprintf(out, SHIP_FRAME, "%zu ", length);
	return target->is_counted ? "" : "\n";
}

static struct iovec piece(const char *text, size_t length)
{
	return (struct iovec){.iov_base = (void *)(uintptr_t)text, .iov_len = length};
}

static void pass_over(struct iovec *pieces, size_t count, size_t sent)
{
	for (size_t i = 0; i < count; i++) {
		size_t step = BL_MIN(sent, pieces[i].iov_len);

		pieces[i].iov_base = (char *)pieces[i].iov_base + step;
		pieces[i].iov_len -= step;
		sent -= step;
	}
}

enum bl_status ship_stream_send(struct ship_target *target, const char *message, size_t length,
				struct bl_error *why)
{
	char before[SHIP_FRAME];
	const char *behind = ship_frame(target, length, before);
	struct iovec pieces[] = {piece(before, strlen(before)), piece(message, length),
				 piece(behind, strlen(behind))};
	struct msghdr out = {.msg_iov = pieces, .msg_iovlen = BL_COUNT(pieces)};

	while (pieces[0].iov_len || pieces[1].iov_len || pieces[2].iov_len) {
		ssize_t sent = sendmsg(target->fd, &out, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			pass_over(pieces, BL_COUNT(pieces), (size_t)sent);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return bl_fail_errno(why, BL_IO, "the receiver takes no more");
		enum bl_status status =
			ship_wait(target, POLLOUT, ship_now_ms() + SHIP_WAIT_MS, false, why);

		if (status != BL_OK)
			return status;
	}
	return BL_OK;
}

/* A receiver that ended before us may have left anything unread. */
static bool has_ended(int fd)
{
	struct pollfd item = {.fd = fd, .events = POLLRDHUP};

	return poll(&item, 1, 0) > 0;
}

static enum bl_status read_to_end(struct ship_target *target, int64_t until_ms,
				  struct bl_error *why)
{
	char passed_over[4096];

	for (;;) {
		ssize_t got = recv(target->fd, passed_over, sizeof(passed_over), MSG_DONTWAIT);
		enum bl_status status = BL_OK;

		if (got == 0)
			return BL_OK;
		if (got < 0 && errno == EAGAIN)
			status = ship_wait(target, POLLIN, until_ms, true, why);
		else if (got < 0 && errno != EINTR)
			return bl_fail_errno(why, BL_IO,
					     "the receiver broke off before it read all");
		else if (ship_now_ms() > until_ms)
			status = bl_fail(why, BL_TIMED_OUT, "the receiver does not end");
		if (status != BL_OK)
			return status;
	}
}

/* Its end may have been on the way before ours came there; then a reset follows, or what it did not read stays unread. */
static enum bl_status until_taken(struct ship_target *target, int64_t until_ms,
				  struct bl_error *why)
{
	for (;;) {
		int left = 0, trouble = 0;
		socklen_t size = sizeof(trouble);

		if (getsockopt(target->fd, SOL_SOCKET, SO_ERROR, &trouble, &size) < 0 || trouble ||
		    ioctl(target->fd, SIOCOUTQ, &left) < 0) {
			errno = trouble ? trouble : errno;
			return bl_fail_errno(why, BL_IO,
					     "the receiver broke off before it read all");
		}
		if (left == 0)
			return BL_OK;
		if (ship_now_ms() > until_ms)
			return bl_fail(why, BL_TIMED_OUT, "the receiver ended before it read all");
		(void)!poll(NULL, 0, LOOK_MS);
	}
}

enum bl_status ship_stream_end(struct ship_target *target, bool may_have_ended,
			       struct bl_error *why)
{
	int64_t until_ms = ship_now_ms() + SHIP_CONFIRM_MS;
	enum bl_status status = BL_OK;

	if (!may_have_ended && has_ended(target->fd))
		status = bl_fail(why, BL_IO, "the receiver ended by itself");
	else if (shutdown(target->fd, SHUT_WR) < 0)
		status = bl_fail_errno(why, BL_IO, "the receiver broke off");
	if (status == BL_OK)
		status = read_to_end(target, until_ms, why);
	if (status == BL_OK)
		status = until_taken(target, BL_MIN(until_ms, ship_now_ms() + SHIP_STOP_MS), why);
	ship_stream_close(target);
	return status;
}

void ship_stream_close(struct ship_target *target)
{
	fd_close(target->fd);
	target->fd = -1;
}
