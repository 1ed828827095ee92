#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "fs/cli/ship-target.h"

static void freeaddrinfo_cleanup(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

/* What was sent and is not acknowledged for so long is given up: a host that is gone says nothing. */
static void limit_silence(int fd)
{
	unsigned silence_ms = SHIP_WAIT_MS;

	(void)!setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof(silence_ms));
}

static enum bl_status connect_one(struct ship_target *target, const struct addrinfo *one,
				  struct bl_error *why)
{
	int trouble = 0;
	socklen_t size = sizeof(trouble);
	enum bl_status status = BL_OK;

	target->fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (target->fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open a socket");
	limit_silence(target->fd);
	if (connect(target->fd, one->ai_addr, one->ai_addrlen) < 0) {
		trouble = errno;
		if (trouble == EINPROGRESS) {
			status = ship_wait(target, POLLOUT, ship_now_ms() + SHIP_WAIT_MS, false,
					   why);
			if (status == BL_OK &&
			    getsockopt(target->fd, SOL_SOCKET, SO_ERROR, &trouble, &size) < 0)
				trouble = errno;
		}
	}
	if (status == BL_OK && trouble) {
		errno = trouble;
		status = bl_fail_errno(why, BL_IO, "cannot reach '%s:%s'", target->host,
				       target->port);
	}
	if (status != BL_OK)
		ship_stream_close(target);
	return status;
}

enum bl_status ship_tcp_connect(struct ship_target *target, struct bl_error *why)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	__attribute__((cleanup(freeaddrinfo_cleanup))) struct addrinfo *list = NULL;
	int trouble = getaddrinfo(target->host, target->port, &hints, &list);
	enum bl_status status = BL_IO;

	if (trouble)
		return bl_fail(why, BL_IO, "cannot find host '%s': %s", target->host,
			       gai_strerror(trouble));
	for (const struct addrinfo *one = list; one && status != BL_OK && status != BL_FAILED;
	     one = one->ai_next)
		status = connect_one(target, one, why);
	return status;
}

static enum bl_status tcp_confirm(struct ship_target *target, struct bl_error *why)
{
	return ship_stream_end(target, false, why);
}

const struct ship_kind SHIP_TCP = {"tcp", ship_tcp_connect, ship_stream_send, tcp_confirm,
				   ship_stream_close};
