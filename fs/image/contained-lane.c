#include "fs/image/contained-lane.h"

#include "fs/image/child.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

/* How long is left, never below 0. */
static struct timespec left_until(uint64_t deadline_ns)
{
	uint64_t now = image_now_ns(), left = deadline_ns > now ? deadline_ns - now : 0;

	return (struct timespec){(time_t)(left / 1000000000), (long)(left % 1000000000)};
}

/* One message: its head, and up to a granule behind it, straight to where it stays. */
static enum contained_outcome receive(const struct contained_lane *lane, uint64_t deadline_ns,
				      struct ask_answer *head, uint8_t *bytes, size_t *out_length)
{
	for (;;) {
		struct timespec left = left_until(deadline_ns);
		struct pollfd waiting = {.fd = lane->fd, .events = POLLIN};
		struct iovec parts[] = {{head, sizeof(*head)},
					{bytes, bytes ? (size_t)ASK_GRANULE : 0}};
		struct msghdr message = {.msg_iov = parts, .msg_iovlen = BL_COUNT(parts)};
		int ready = ppoll(&waiting, 1, &left, NULL);

		if (ready == 0)
			return CONTAINED_HUNG;
		if (ready < 0 && errno == EINTR)
			continue;
		ssize_t got = recvmsg(lane->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return CONTAINED_DIED;
		if ((size_t)got < sizeof(*head) || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
		    head->magic != ASK_MAGIC || head->reserved)
			return CONTAINED_LIED;
		*out_length = (size_t)got - sizeof(*head);
		return CONTAINED_ANSWER;
	}
}

/* Never waits: it has one question at a time, so a program that does not take it is broken. */
static bool ask(struct contained_lane *lane, uint64_t offset)
{
	const struct ask_question question = {ASK_MAGIC, ++lane->serial, offset};
	ssize_t sent;

	do
		sent = send(lane->fd, &question, sizeof(question), MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)sizeof(question);
}

enum contained_outcome contained_lane_ask(struct contained_lane *lane, uint64_t deadline_ns,
					  struct contained_granule *granule)
{
	struct ask_answer head;
	size_t length = 0;

	/* 0 is the serial of the very first answer. */
	lane->serial += lane->serial == UINT32_MAX;
	if (!ask(lane, granule->offset))
		return CONTAINED_DIED;
	enum contained_outcome outcome = receive(lane, deadline_ns, &head, granule->bytes, &length);
	if (outcome != CONTAINED_ANSWER)
		return outcome;
	if (head.serial != lane->serial || head.offset != granule->offset ||
	    length != head.length || (length && length != granule->length))
		return CONTAINED_LIED;
	if (!length)
		memset(granule->bytes, 0, granule->length);
	memcpy(granule->is_bad, head.is_bad, sizeof(granule->is_bad));
	return CONTAINED_ANSWER;
}

/* It ended instead of telling the size: its exit code says why. */
static enum bl_status judge(struct contained_lane *lane, enum contained_outcome outcome,
			    struct bl_error *why)
{
	bool is_over = outcome != CONTAINED_DIED;
	pid_t pid = lane->pid;

	fd_close(lane->fd);
	*lane = (struct contained_lane){.fd = -1};
	enum bl_status status = container_wait(pid, is_over, why);
	if (outcome == CONTAINED_HUNG)
		return bl_fail(why, BL_TIMED_OUT, "opening the container took too long");
	if (status != BL_OK)
		return status;
	return bl_fail(why, BL_IO, "the container's program ended, or gave a bad answer");
}

enum bl_status contained_lane_start(struct contained_lane *lane, const struct container *container,
				    const char *folder, uint64_t deadline_ns, uint64_t *out_bytes,
				    struct bl_error *why)
{
	struct ask_answer head = {0};
	size_t length = 0;
	enum bl_status status = container_ask(container, folder, &lane->fd, &lane->pid, why);

	if (status != BL_OK)
		return status;
	lane->serial = 0;
	enum contained_outcome outcome = receive(lane, deadline_ns, &head, NULL, &length);
	if (outcome == CONTAINED_ANSWER && (head.serial || head.length || length))
		outcome = CONTAINED_LIED;
	if (outcome != CONTAINED_ANSWER)
		return judge(lane, outcome, why);
	*out_bytes = head.offset;
	return BL_OK;
}

void contained_lane_stop(struct contained_lane *lane)
{
	if (!lane->pid)
		return;
	fd_close(lane->fd);
	(void)!container_wait(lane->pid, true, NULL);
	*lane = (struct contained_lane){.fd = -1};
}
