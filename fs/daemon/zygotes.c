#include "fs/daemon/zygotes.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/daemon/daemon.h"
#include "fs/session/launch.h"

#define END_SECONDS 5
#define CHILD_FD    3

/* Names as arguments, behind the program and its descriptor. False: not well formed, or too many. */
static bool arguments_of(const char *names, size_t length, const char **out)
{
	size_t count = 0;

	for (size_t at = 0; at < length; at += strlen(names + at) + 1) {
		if (!memchr(names + at, '\0', length - at) || !names[at] || count == LAUNCH_VIEWERS)
			return false;
		out[count++] = names + at;
	}
	return count > 0;
}

/* In the child: nothing of ours but stderr goes along, no environment, no blocked signal. */
_Noreturn static void become(const char *path, int fd, const char *const *viewers)
{
	const char *arguments[LAUNCH_VIEWERS + 3] = {"bailee-session", "3"};
	char *nothing[] = {NULL};
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; viewers[i]; i++)
		arguments[i + 2] = viewers[i];
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		_exit(1);
	if (fd == CHILD_FD ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, CHILD_FD) < 0)
		_exit(1);
	syscall(SYS_close_range, CHILD_FD + 1, ~0u, 0);
	execve(path, (char *const *)(uintptr_t)arguments, nothing);
	_exit(1);
}

enum bl_status zygotes_start(struct zygotes *zygotes, const char *names, size_t length, int *out_fd,
			     struct bl_error *why)
{
	const char *viewers[LAUNCH_VIEWERS + 1] = {NULL};
	char path[4096];
	int pair[2];

	if (zygotes->count == ZYGOTES_LIMIT)
		return bl_fail(why, BL_FAILED,
			       "too many policies have sessions that have not ended (end some: "
			       "bailee sessions)");
	if (!arguments_of(names, length, viewers))
		return bl_fail(why, BL_INVALID, "not a list of viewers");

	enum bl_status status = daemon_program_path("bailee-session", path, sizeof(path), why);

	if (status != BL_OK)
		return status;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return bl_fail_errno(why, BL_FAILED, "cannot make a socket for sessions");

	pid_t pid = fork();

	if (pid == 0)
		become(path, pair[1], viewers);
	fd_close(pair[1]);
	if (pid < 0) {
		fd_close(pair[0]);
		return bl_fail_errno(why, BL_FAILED, "cannot start 'bailee-session'");
	}
	zygotes->pids[zygotes->count++] = pid;
	*out_fd = pair[0];
	return BL_OK;
}

void zygotes_reap(struct zygotes *zygotes)
{
	for (size_t i = 0; i < zygotes->count;) {
		if (waitpid(zygotes->pids[i], NULL, WNOHANG) == 0)
			i++;
		else
			zygotes->pids[i] = zygotes->pids[--zygotes->count];
	}
}

/* SIGCHLD is blocked in the monitor: it is taken here, once for any number of children. */
static void wait_for_one(time_t seconds)
{
	const struct timespec patience = {.tv_sec = seconds};
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	(void)sigtimedwait(&child, NULL, &patience);
}

void zygotes_end(struct zygotes *zygotes)
{
	/* Each that ends wakes us, so there are as many rounds as children besides. */
	for (size_t i = 0; i < END_SECONDS + ZYGOTES_LIMIT; i++) {
		zygotes_reap(zygotes);
		if (zygotes->count == 0)
			return;
		wait_for_one(1);
	}
	for (size_t i = 0; i < zygotes->count; i++) {
		kill(zygotes->pids[i], SIGKILL);
		(void)!waitpid(zygotes->pids[i], NULL, 0);
	}
	zygotes->count = 0;
}
