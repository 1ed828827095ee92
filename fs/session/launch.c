#include "fs/session/launch.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "fs/session/private.h"

#define FUSE_DEVICE makedev(10, 229) /* Documentation/admin-guide/devices.txt */
#define FDS_ROOM    8 /* more than any report has, so that what is too many is seen */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until there is something to be had (or to be written); false: the deadline has passed. */
static bool wait_for(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = events};
		int64_t left = deadline_ms - now_ms();
		int count = poll(&ready, 1, left > 0 ? (int)left : 0);

		if (count > 0)
			return true;
		if (count == 0 && left <= 0)
			return false;
		if (count < 0 && errno != EINTR)
			return true; /* the call that follows says what is wrong */
	}
}

/* ---- reports ------------------------------------------------------------------------------------- */

/* How many descriptors go with it; -1: there is no such report. */
static int fds_of(uint32_t kind)
{
	switch ((enum launch_kind)kind) {
	case LAUNCH_STARTED:
		return 1;
	case LAUNCH_MOUNTED:
		return 2;
	case LAUNCH_READY:
	case LAUNCH_SEALED:
	case LAUNCH_FAILED:
	case LAUNCH_ENDED:
		return 0;
	}
	return -1;
}

static size_t take_fds(struct msghdr *message, int fds[FDS_ROOM])
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
			/* There may be room for one more than was asked for: alignment. */
			if (count < FDS_ROOM)
				fds[count++] = fd;
			else
				fd_close(fd);
		}
	}
	return count;
}

/* Our own words, yet they go to a terminal and into the log: plain characters only. */
static void make_plain(char text[LAUNCH_TEXT])
{
	text[LAUNCH_TEXT - 1] = '\0';
	for (char *c = text; *c; c++)
		if (!isascii(*c) || !isprint((unsigned char)*c))
			*c = '?';
}

enum bl_status launch_receive(int fd, struct launch_report *out, int out_fds[2],
			      struct bl_error *why)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(FDS_ROOM * sizeof(int))];
	} control;
	struct iovec part = {.iov_base = out, .iov_len = sizeof(*out)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.room,
				 .msg_controllen = sizeof(control.room)};
	int fds[FDS_ROOM];
	ssize_t got;

	do
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return BL_TIMED_OUT;
	if (got < 0)
		return bl_fail(why, BL_NOT_FOUND, "bailee-session is gone");

	size_t count = take_fds(&message, fds);
	bool is_whole = (size_t)got == sizeof(*out) &&
			!(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
			fds_of(out->kind) == (int)count;

	out_fds[0] = out_fds[1] = -1;
	for (size_t i = 0; i < count; i++)
		if (is_whole)
			out_fds[i] = fds[i];
		else
			fd_close(fds[i]);
	if (got == 0 && count == 0)
		return bl_fail(why, BL_NOT_FOUND, "bailee-session is gone");
	if (!is_whole)
		return bl_fail(why, BL_FAILED, "what bailee-session says is not understood");
	make_plain(out->text);
	return BL_OK;
}

enum bl_status launch_failed(const struct launch_report *report, struct bl_error *why)
{
	return bl_fail(why, BL_UNSUPPORTED, "no sealed session: %s: %s (bailee doctor says more)",
		       *report->text ? report->text : "unknown step",
		       report->error > 0 ? strerror(report->error) : "refused");
}

/* The one report that may come now, before it is too late. */
static enum bl_status expect(int fd, enum launch_kind kind, int64_t within_ms,
			     struct launch_report *out, int out_fds[2], struct bl_error *why)
{
	int64_t deadline_ms = now_ms() + within_ms;
	enum bl_status status = BL_TIMED_OUT;

	while (status == BL_TIMED_OUT) {
		if (!wait_for(fd, POLLIN, deadline_ms))
			return bl_fail(why, BL_TIMED_OUT, "bailee-session does not answer");
		status = launch_receive(fd, out, out_fds, why);
	}
	if (status == BL_NOT_FOUND)
		return BL_FAILED;
	if (status != BL_OK)
		return status;
	if (out->kind == (uint32_t)kind)
		return BL_OK;
	fd_close(out_fds[0]);
	fd_close(out_fds[1]);
	out_fds[0] = out_fds[1] = -1;
	if (out->kind == LAUNCH_FAILED)
		return launch_failed(out, why);
	return bl_fail(why, BL_FAILED, "bailee-session says something else than it has to");
}

enum bl_status launch_wait_ready(int zygote_fd, char *out_missing, struct bl_error *why)
{
	struct launch_report report;
	int fds[2];
	enum bl_status status = expect(zygote_fd, LAUNCH_READY, LAUNCH_READY_MS, &report, fds, why);

	if (status != BL_OK)
		return status;
	if (report.error)
		return launch_failed(&report, why);
	if (out_missing)
		memcpy(out_missing, report.text, LAUNCH_TEXT);
	return BL_OK;
}

/* ---- one session --------------------------------------------------------------------------------- */

void launch_kill(int pidfd)
{
	int error = errno;

	if (pidfd >= 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	errno = error;
}

void launched_done(struct launched *launched)
{
	launch_kill(launched->pidfd);
	fd_close(launched->channel_fd);
	fd_close(launched->pidfd);
	fd_close(launched->fuse_fd);
	fd_close(launched->master_fd);
	*launched = LAUNCHED_NONE;
}

static enum bl_status ask(int zygote_fd, const struct launch_request *request, int far_fd,
			  struct bl_error *why)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)request, .iov_len = sizeof(*request)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.room,
				 .msg_controllen = sizeof(control.room)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int64_t deadline_ms = now_ms() + LAUNCH_STEP_MS;

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &far_fd, sizeof(int));
	for (;;) {
		if (!wait_for(zygote_fd, POLLOUT, deadline_ms))
			return bl_fail(why, BL_TIMED_OUT, "bailee-session takes no request");
		if (sendmsg(zygote_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return BL_OK;
		if (errno != EINTR && errno != EAGAIN)
			return bl_fail_errno(why, BL_FAILED, "cannot ask bailee-session");
	}
}

/* Another thing in a descriptor's place would be served, read or killed in vain. */
static bool is_pidfd(int fd)
{
	return syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0 || errno == ESRCH;
}

static bool is_fuse(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == FUSE_DEVICE;
}

static bool is_master(int fd)
{
	unsigned number;

	return ioctl(fd, TIOCGPTN, &number) == 0;
}

static enum bl_status take_reports(struct launched *launched, struct bl_error *why)
{
	struct launch_report report;
	int fds[2];
	enum bl_status status =
		expect(launched->channel_fd, LAUNCH_STARTED, LAUNCH_STEP_MS, &report, fds, why);

	if (status != BL_OK)
		return status;
	launched->pidfd = fds[0];
	if (!is_pidfd(launched->pidfd))
		return bl_fail(why, BL_FAILED, "bailee-session handed over no process");
	status = expect(launched->channel_fd, LAUNCH_MOUNTED, LAUNCH_STEP_MS, &report, fds, why);
	if (status != BL_OK)
		return status;
	launched->fuse_fd = fds[0];
	launched->master_fd = fds[1];
	if (!is_fuse(launched->fuse_fd) || !is_master(launched->master_fd))
		return bl_fail(why, BL_FAILED, "bailee-session handed over no mount or terminal");
	return BL_OK;
}

enum bl_status launch_session(int zygote_fd, const struct launch_request *request,
			      struct launched *out_launched, struct bl_error *why)
{
	LAUNCHED_CLEANUP struct launched launched = LAUNCHED_NONE;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return bl_fail_errno(why, BL_FAILED, "cannot make a session's channel");
	launched.channel_fd = pair[0];

	enum bl_status status = ask(zygote_fd, request, pair[1], why);

	/* Ours has to go, or the channel never ends. */
	fd_close(pair[1]);
	if (status == BL_OK)
		status = take_reports(&launched, why);
	if (status != BL_OK)
		return status;
	*out_launched = launched;
	launched = LAUNCHED_NONE;
	return BL_OK;
}

enum bl_status launch_go(const struct launched *launched, struct bl_error *why)
{
	ssize_t sent;

	do
		sent = send(launched->channel_fd, "g", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	return sent == 1 ? BL_OK
			 : bl_fail_errno(why, BL_FAILED, "the sealed place cannot be entered");
}
