#include "fs/daemon/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fs/daemon/daemon.h"

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
};

void message_fds_close(struct message_fds *fds)
{
	for (size_t i = 0; i < fds->count; i++)
		fd_close(fds->items[i]);
	fds->count = 0;
}

static enum bl_status send_bytes(int fd, const void *bytes, size_t length, const int *fds,
				 size_t count, struct bl_error *why)
{
	union control control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (count > MESSAGE_FDS)
		return bl_fail(why, BL_TOO_LARGE, "at most %d files go with one request",
			       MESSAGE_FDS);
	if (count) {
		message.msg_control = control.room;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	for (;;) {
		if (sendmsg(fd, &message, MSG_NOSIGNAL) >= 0)
			return BL_OK;
		if (errno != EINTR)
			return bl_fail_errno(why, errno == EMSGSIZE ? BL_TOO_LARGE : BL_IO,
					     "cannot send to the other side of the socket");
	}
}

enum bl_status message_send_bytes(int fd, const void *bytes, size_t length, int pass_fd,
				  struct bl_error *why)
{
	return send_bytes(fd, bytes, length, &pass_fd, pass_fd >= 0 ? 1 : 0, why);
}

static void take_fds(struct msghdr *message, struct message_fds *out_fds)
{
	out_fds->count = 0;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		size_t here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < here; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
			/* There may be room for one more than was asked for: alignment. */
			if (out_fds->count < MESSAGE_FDS)
				out_fds->items[out_fds->count++] = fd;
			else
				fd_close(fd);
		}
	}
}

static enum bl_status receive_bytes(int fd, void *bytes, size_t size, size_t *out_length,
				    struct message_fds *out_fds, struct bl_error *why)
{
	union control control;
	struct iovec part = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t got;

	out_fds->count = 0;

	do {
		message.msg_control = control.room;
		message.msg_controllen = sizeof(control.room);
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return bl_fail_errno(why, errno == EAGAIN ? BL_TIMED_OUT : BL_IO,
				     "cannot receive from the other side of the socket");

	take_fds(&message, out_fds);
	if (got == 0 && out_fds->count == 0)
		return bl_fail(why, BL_NOT_FOUND, "the other side closed the connection");
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		message_fds_close(out_fds);
		return bl_fail(why, BL_INVALID, "message too long, or with too many descriptors");
	}
	*out_length = (size_t)got;
	return BL_OK;
}

static enum bl_status only_one(struct message_fds *fds, int *out_fd, struct bl_error *why)
{
	if (fds->count > 1) {
		message_fds_close(fds);
		return bl_fail(why, BL_INVALID, "message with too many descriptors");
	}
	*out_fd = fds->count ? fds->items[0] : -1;
	return BL_OK;
}

enum bl_status message_receive_bytes(int fd, void *bytes, size_t size, size_t *out_length,
				     int *out_fd, struct bl_error *why)
{
	struct message_fds fds;
	enum bl_status status = receive_bytes(fd, bytes, size, out_length, &fds, why);

	return status == BL_OK ? only_one(&fds, out_fd, why) : status;
}

enum bl_status message_send(int fd, const json_t *message, int pass_fd, struct bl_error *why)
{
	return message_send_fds(fd, message, &pass_fd, pass_fd >= 0 ? 1 : 0, why);
}

enum bl_status message_send_fds(int fd, const json_t *message, const int *fds, size_t count,
				struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *text = json_dumps(message, JSON_COMPACT);

	if (!text)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	size_t length = strlen(text);

	if (length > DAEMON_MESSAGE_LIMIT)
		return bl_fail(why, BL_TOO_LARGE, "message of %zu bytes is over the limit of %u",
			       length, DAEMON_MESSAGE_LIMIT);
	return send_bytes(fd, text, length, fds, count, why);
}

enum bl_status message_receive_fds(int fd, json_t **out_message, struct message_fds *out_fds,
				   struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *text = malloc(DAEMON_MESSAGE_LIMIT);
	size_t length;

	out_fds->count = 0;

	if (!text)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status =
		receive_bytes(fd, text, DAEMON_MESSAGE_LIMIT, &length, out_fds, why);

	if (status != BL_OK)
		return status;

	json_t *message = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);

	explicit_bzero(text, length); /* a record's customer may be in it */

	if (!json_is_object(message)) {
		json_decref(message);
		message_fds_close(out_fds);
		return bl_fail(why, BL_INVALID, "message is not one JSON object");
	}
	*out_message = message;
	return BL_OK;
}

enum bl_status message_receive(int fd, json_t **out_message, int *out_fd, struct bl_error *why)
{
	struct message_fds fds;
	enum bl_status status = message_receive_fds(fd, out_message, &fds, why);

	if (status != BL_OK)
		return status;
	status = only_one(&fds, out_fd, why);
	if (status != BL_OK)
		json_decref(*out_message);
	return status;
}
