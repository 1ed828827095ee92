#include "fs/daemon/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fs/daemon/daemon.h"

/* Room for more than the one descriptor we take, so that extras are received and closed, not left pending. */
#define FDS_ROOM 4

enum bl_status message_send_bytes(int fd, const void *bytes, size_t length, int pass_fd,
				  struct bl_error *why)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (pass_fd >= 0) {
		message.msg_control = control.room;
		message.msg_controllen = sizeof(control.room);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &pass_fd, sizeof(int));
	}
	for (;;) {
		if (sendmsg(fd, &message, MSG_NOSIGNAL) >= 0)
			return BL_OK;
		if (errno != EINTR)
			return bl_fail_errno(why, errno == EMSGSIZE ? BL_TOO_LARGE : BL_IO,
					     "cannot send to the other side of the socket");
	}
}

/* Take the first descriptor of a message; close all others. */
static size_t take_fds(struct msghdr *message, int *out_fd)
{
	size_t count = 0;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		size_t here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < here; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
			if (count++ == 0)
				*out_fd = fd;
			else
				fd_close(fd);
		}
	}
	return count;
}

enum bl_status message_receive_bytes(int fd, void *bytes, size_t size, size_t *out_length,
				     int *out_fd, struct bl_error *why)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(FDS_ROOM * sizeof(int))];
	} control;
	struct iovec part = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	BL_CLEANUP(fd_close) int passed = -1;
	ssize_t got;

	do {
		message.msg_control = control.room;
		message.msg_controllen = sizeof(control.room);
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return bl_fail_errno(why, errno == EAGAIN ? BL_TIMED_OUT : BL_IO,
				     "cannot receive from the other side of the socket");

	size_t passed_count = take_fds(&message, &passed);

	if (got == 0 && passed_count == 0)
		return bl_fail(why, BL_NOT_FOUND, "the other side closed the connection");
	if (passed_count > 1 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return bl_fail(why, BL_INVALID, "message too long, or with too many descriptors");
	*out_length = (size_t)got;
	*out_fd = fd_take(&passed);
	return BL_OK;
}

enum bl_status message_send(int fd, const json_t *message, int pass_fd, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *text = json_dumps(message, JSON_COMPACT);

	if (!text)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	size_t length = strlen(text);

	if (length > DAEMON_MESSAGE_LIMIT)
		return bl_fail(why, BL_TOO_LARGE, "message of %zu bytes is over the limit of %u",
			       length, DAEMON_MESSAGE_LIMIT);
	return message_send_bytes(fd, text, length, pass_fd, why);
}

enum bl_status message_receive(int fd, json_t **out_message, int *out_fd, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *text = malloc(DAEMON_MESSAGE_LIMIT);
	BL_CLEANUP(fd_close) int passed = -1;
	size_t length;

	if (!text)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status =
		message_receive_bytes(fd, text, DAEMON_MESSAGE_LIMIT, &length, &passed, why);

	if (status != BL_OK)
		return status;

	json_t *message = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);

	explicit_bzero(text, length); /* a record's customer may be in it */

	if (!json_is_object(message)) {
		json_decref(message);
		return bl_fail(why, BL_INVALID, "message is not one JSON object");
	}
	*out_message = message;
	*out_fd = fd_take(&passed);
	return BL_OK;
}
