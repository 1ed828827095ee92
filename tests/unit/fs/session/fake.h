/* fake.h - what the far ends do in tests of this part: reports with descriptors, a process 1 that only waits */
#ifndef TESTS_SESSION_FAKE_H
#define TESTS_SESSION_FAKE_H

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/session/launch.h"

#define FAKE_FDS 16

/* One datagram with descriptors; false: the other end is gone. */
static inline bool fake_send(int fd, const void *bytes, size_t length, const int *fds, size_t count)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(FAKE_FDS * sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (count) {
		message.msg_control = control.room;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *header = &control.header; /* CMSG_FIRSTHDR, never NULL */

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL) >= 0;
}

static inline bool fake_report(int fd, uint32_t kind, int error, uint32_t status, const char *text,
			       const int *fds, size_t count)
{
	struct launch_report report = {.kind = kind, .error = error, .status = status};

	if (text)
		memcpy(report.text, text, BL_MIN(strlen(text), sizeof(report.text)));
	return fake_send(fd, &report, sizeof(report), fds, count);
}

/* A process that waits for its end, and its pidfd. */
struct fake_process {
	pid_t pid;
	int pidfd;
};

static inline struct fake_process fake_process_start(void)
{
	struct fake_process process = {-1, -1};
	int closed[2];
	char ignored;

	if (pipe(closed) != 0)
		return process;
	process.pid = fork();
	if (process.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails may leave it */
		close_range(3, ~0u, 0);		  /* or nothing that it inherits ever ends */
		for (;;)
			pause();
	}
	close(closed[1]);
	/* Until it has. */
	(void)!read(closed[0], &ignored, 1);
	close(closed[0]);
	if (process.pid > 0)
		process.pidfd = (int)syscall(SYS_pidfd_open, process.pid, 0);
	return process;
}

/* Its wait status, without making it die. */
static inline bool fake_process_was_killed(struct fake_process *process)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == process->pid && info.si_code == CLD_KILLED &&
	       info.si_status == SIGKILL;
}

/* The same, once it is dead: waits for that. */
static inline bool fake_process_dies_killed(struct fake_process *process)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOWAIT) == 0 &&
	       info.si_code == CLD_KILLED && info.si_status == SIGKILL;
}

static inline void fake_process_done(struct fake_process *process)
{
	if (process->pid > 0) {
		kill(process->pid, SIGKILL);
		waitpid(process->pid, NULL, 0);
	}
	if (process->pidfd >= 0)
		close(process->pidfd);
	*process = (struct fake_process){-1, -1};
}

static inline size_t fake_open_fds(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 4096; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

#endif
