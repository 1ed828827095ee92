/*
 * bailee-session FD VIEWER... - started by the daemon's monitor: docs/sessions.md, "Launching"
 * bailee-session --steps      - the names of all steps, one a line
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/session/sealed/sealed.h"

#define SESSIONS_LIMIT 256
#define SIZE_LIMIT     10000 /* rows and columns */
#define PASSED_LIMIT   4 /* descriptors that we can receive, so that too many are seen and closed */
#define EXIT_USE       2

#define NAMESPACES                                                                                 \
	(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
	 CLONE_NEWCGROUP)

/* One process 1. Its pid is not reused before we reap it. */
struct running {
	pid_t pid;
	int channel_fd;
};

struct zygote {
	int fd; /* to the daemon */
	int signal_fd;
	struct calls calls;
	size_t count;
	struct running running[SESSIONS_LIMIT];
};

static const char *const OWN_STEPS[] = {"calls", "clone", "maps"};

/* ---- beginning ----------------------------------------------------------------------------------- */

static int refuse(const char *what)
{
	dprintf(STDERR_FILENO, "error: bailee-session: %s\n", what);
	return EXIT_USE;
}

static int print_steps(void)
{
	for (size_t i = 0; tree_step(i); i++)
		dprintf(STDOUT_FILENO, "%s\n", tree_step(i));
	for (size_t i = 0; i < BL_COUNT(OWN_STEPS); i++)
		dprintf(STDOUT_FILENO, "%s\n", OWN_STEPS[i]);
	for (const char *const *step = place_steps(); *step; step++)
		dprintf(STDOUT_FILENO, "%s\n", *step);
	return 0;
}

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t length = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

static bool is_channel(int fd)
{
	return socket_option(fd, SO_DOMAIN) == AF_UNIX &&
	       socket_option(fd, SO_TYPE) == SOCK_SEQPACKET;
}

/* A socket pair says who made it: our parent, unless that is gone and another one has us. */
static bool is_parent_there(int fd)
{
	struct ucred maker;
	socklen_t length = sizeof(maker);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &maker, &length) == 0 &&
	       maker.pid == getppid();
}

static int parse_fd(const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && !*end && fd > STDERR_FILENO && fd < 1024 ? (int)fd
											: -1;
}

/* Two ranges: what is below and what is above the descriptors that stay. */
static bool close_others(int low_fd, int high_fd)
{
	int low = BL_MIN(low_fd, high_fd), high = BL_MAX(low_fd, high_fd);

	return (low <= 3 || close_range(3, (unsigned)low - 1, 0) == 0) &&
	       (high - low <= 1 || close_range((unsigned)low + 1, (unsigned)high - 1, 0) == 0) &&
	       close_range((unsigned)high + 1, ~0u, 0) == 0;
}

/* Groups of the monitor would stay a session's: it cannot drop them where setgroups is denied. */
static bool shed(int fd)
{
	/* As in a session, which cannot raise it again: with 0 the host's handler of cores would still get one. */
	static const struct rlimit CORE = {1, 1};

	if (!close_others(fd, fd) || clearenv() || setgroups(0, NULL) || setresgid(0, 0, 0) ||
	    setresuid(0, 0, 0))
		return false;
	/* After every change of credentials, which clears both. */
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
	       setrlimit(RLIMIT_CORE, &CORE) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* What is left to do as root is to write maps; the rest belongs to whoever made a namespace. */
static bool shed_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	data[0].permitted = 1u << CAP_SETUID | 1u << CAP_SETGID;
	data[0].effective = data[0].permitted;
	return syscall(SYS_capset, &header, data) == 0;
}

static bool watch_children(struct zygote *zygote)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return false;
	zygote->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return zygote->signal_fd >= 0;
}

static bool build(struct zygote *zygote, const char *const *viewers, size_t count)
{
	struct launch_report ready = {.kind = LAUNCH_READY};
	struct seal_failure failure = {0};

	/* A host whose disks do not answer: nobody waits longer, and nobody would end us. */
	alarm(LAUNCH_READY_MS / 1000);
	bool is_built = tree_build(viewers, count, ready.text, &failure);
	alarm(0);

	if (is_built) {
		int error = shed_capabilities() ? seal_trial("calls") : errno;

		failure =
			(struct seal_failure){"calls", error ? error : calls_build(&zygote->calls)};
		is_built = !failure.error;
	}
	if (!is_built) {
		ready.error = failure.error;
		snprintf(ready.text, sizeof(ready.text), "%s", failure.step);
	}
	return report_send(zygote->fd, &ready, -1, -1) && is_built;
}

/* ---- one session --------------------------------------------------------------------------------- */

static void tell_failed(int channel_fd, const char *step, int error)
{
	struct launch_report report = {.kind = LAUNCH_FAILED, .error = error};

	snprintf(report.text, sizeof(report.text), "%s", step);
	(void)report_send(channel_fd, &report, -1, -1);
}

static void tell_ended(int channel_fd, uint32_t status)
{
	const struct launch_report report = {.kind = LAUNCH_ENDED, .status = status};

	(void)report_send(channel_fd, &report, -1, -1);
}

/* As many as it says, each with its NUL, and nothing behind them. */
static bool are_arguments_ok(const struct launch_request *request)
{
	size_t count = 0;

	if (request->argc < 1 || request->argc > LAUNCH_ARGC || request->args_length < 1 ||
	    request->args_length > LAUNCH_ARGS || request->args[request->args_length - 1])
		return false;
	for (size_t i = 0; i < request->args_length; i++)
		count += !request->args[i];
	return count == request->argc && tree_has_viewer(request->args);
}

/* Also makes of its terminal one that there is. */
static bool check_request(struct launch_request *request)
{
	if (request->version != LAUNCH_VERSION || request->uid < SESSION_UID_FIRST ||
	    request->uid - SESSION_UID_FIRST >= SESSION_UID_COUNT || request->rows < 1 ||
	    request->rows > SIZE_LIMIT || request->columns < 1 || request->columns > SIZE_LIMIT)
		return false;
	if (!memchr(request->term, '\0', sizeof(request->term)) ||
	    !memchr(request->device, '\0', sizeof(request->device)) ||
	    !bl_device_id_ok(request->device) || !are_arguments_ok(request))
		return false;
	if (!tree_has_terminal(request->term))
		snprintf(request->term, sizeof(request->term), "xterm");
	return true;
}

_Noreturn static void begin_place(const struct launch_request *request, int channel_fd, int maps_fd,
				  pid_t zygote, const struct calls *calls)
{
	sigset_t none;
	char written;

	/* Of the other sessions nothing: channels, and what says that one has ended. */
	if (!close_others(channel_fd, maps_fd))
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The end of the file: the zygote is gone, or could not write them. */
	if (read(maps_fd, &written, 1) != 1)
		_exit(1);
	fd_close(maps_fd);
	place_main(request, channel_fd, zygote, calls);
}

static bool write_to(pid_t pid, const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), TEMPLATE_PROC "/%d/%s", pid, name);

	BL_CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static int write_maps(pid_t pid, uint32_t uid)
{
	char map[48];
	int error = seal_trial("maps");

	if (error)
		return error;
	snprintf(map, sizeof(map), "%u %u 1\n", LAUNCH_INSIDE, uid);
	/* And when memory is short, a session goes before anything else: whoever took it all is in there, or can look again. */
	return write_to(pid, "oom_score_adj", "1000") && write_to(pid, "setgroups", "deny") &&
			       write_to(pid, "uid_map", map) && write_to(pid, "gid_map", map)
		       ? 0
		       : errno;
}

/* Maps, then STARTED, and only then does it go on: its own reports come after that one. 0, or an errno of the step "maps". */
static int release(const struct running *session, uint32_t uid, int pidfd, int maps_fd)
{
	static const struct launch_report STARTED = {.kind = LAUNCH_STARTED};
	int error = write_maps(session->pid, uid);

	if (error)
		return error;
	if (!report_send(session->channel_fd, &STARTED, pidfd, -1) || write(maps_fd, "", 1) != 1)
		return EPIPE;
	return 0;
}

static pid_t clone_place(int *out_pidfd)
{
	struct clone_args arguments = {
		.flags = NAMESPACES | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)out_pidfd,
		.exit_signal = SIGCHLD,
	};
	int error = seal_trial("clone");

	errno = error;
	return error ? -1 : (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
}

/* False: nothing of it is there, and its channel was told why. */
static bool start(struct zygote *zygote, const struct launch_request *request, int channel_fd)
{
	BL_CLEANUP(fd_close) int pidfd = -1;
	BL_CLEANUP(fd_close) int read_fd = -1;
	BL_CLEANUP(fd_close) int write_fd = -1;
	int maps[2];

	if (zygote->count == SESSIONS_LIMIT || pipe2(maps, O_CLOEXEC) < 0) {
		tell_failed(channel_fd, "clone", EAGAIN);
		return false;
	}
	read_fd = maps[0];
	write_fd = maps[1];

	pid_t own_pid = getpid();
	struct running session = {.pid = clone_place(&pidfd), .channel_fd = channel_fd};

	if (session.pid == 0)
		begin_place(request, channel_fd, read_fd, own_pid, &zygote->calls);

	int error = session.pid < 0 ? errno : release(&session, request->uid, pidfd, write_fd);

	if (error) {
		tell_failed(channel_fd, session.pid < 0 ? "clone" : "maps", error);
		if (session.pid > 0) {
			kill(session.pid, SIGKILL);
			(void)!waitpid(session.pid, NULL, 0);
		}
		return false;
	}
	zygote->running[zygote->count++] = session;
	return true;
}

/* ---- the daemon's wishes ------------------------------------------------------------------------- */

/* The only descriptor of a message; -1 when there is none or are several, which are closed. */
static int take_passed(struct msghdr *message)
{
	int fd = -1;
	size_t count = 0;

	for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control;
	     control = CMSG_NXTHDR(message, control)) {
		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= control->cmsg_len;
		     at += sizeof(int)) {
			fd_close(fd);
			memcpy(&fd, (const char *)control + at, sizeof(int));
			count++;
		}
	}
	if (count == 1 && !(message->msg_flags & MSG_CTRUNC) && is_channel(fd))
		return fd;
	fd_close(fd);
	return -1;
}

/* False: the daemon is gone. @out_channel_fd -1: there is nobody to answer. @out_ok: it has the right size. */
static bool receive(int fd, struct launch_request *out_request, int *out_channel_fd, bool *out_ok)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(PASSED_LIMIT * sizeof(int))];
	} control;
	struct iovec part = {.iov_base = out_request, .iov_len = sizeof(*out_request)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	*out_channel_fd = -1;
	*out_ok = false;
	if (length < 0)
		return errno == EAGAIN || errno == EINTR;
	*out_channel_fd = take_passed(&message);
	*out_ok = length == (ssize_t)sizeof(*out_request) && !(message.msg_flags & MSG_TRUNC);
	/* An empty message is an end of file, unless something came with it. */
	return length > 0 || message.msg_controllen > 0;
}

static bool serve_request(struct zygote *zygote)
{
	struct launch_request request;
	BL_CLEANUP(fd_close) int channel_fd = -1;
	bool is_ok;

	if (!receive(zygote->fd, &request, &channel_fd, &is_ok))
		return false;
	if (channel_fd < 0)
		return true;
	is_ok = is_ok && check_request(&request);
	if (!is_ok)
		tell_failed(channel_fd, "request", EINVAL);
	if (is_ok && start(zygote, &request, channel_fd))
		(void)fd_take(&channel_fd);
	else
		tell_ended(channel_fd, 1);
	return true;
}

/* ---- their end ----------------------------------------------------------------------------------- */

static void forget(struct zygote *zygote, pid_t pid, int state)
{
	for (size_t i = 0; i < zygote->count; i++)
		if (zygote->running[i].pid == pid) {
			tell_ended(zygote->running[i].channel_fd,
				   WIFEXITED(state) && WEXITSTATUS(state) == 0 ? 0 : 1);
			fd_close(zygote->running[i].channel_fd);
			zygote->running[i] = zygote->running[--zygote->count];
			return;
		}
}

static void reap(struct zygote *zygote)
{
	struct signalfd_siginfo info;
	pid_t pid;
	int state;

	/* One signal may stand for several children. */
	while (read(zygote->signal_fd, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &state, WNOHANG)) > 0)
		forget(zygote, pid, state);
}

static void end_all(struct zygote *zygote)
{
	for (size_t i = 0; i < zygote->count; i++)
		kill(zygote->running[i].pid, SIGKILL);
	while (zygote->count > 0) {
		int state;
		pid_t pid = waitpid(-1, &state, 0);

		if (pid < 0 && errno != EINTR)
			return;
		forget(zygote, pid, state);
	}
}

/* A session whose other end was closed has nobody who looks after it: what would be seen of it, and who would end it? */
static void end_abandoned(const struct zygote *zygote, const struct pollfd *polled)
{
	for (size_t i = 0; i < zygote->count; i++)
		if (polled[i].revents & (POLLHUP | POLLERR))
			kill(zygote->running[i].pid, SIGKILL);
}

static void serve(struct zygote *zygote)
{
	struct pollfd polled[2 + SESSIONS_LIMIT];
	struct pollfd *channels = polled + 2;

	for (;;) {
		polled[0] = (struct pollfd){.fd = zygote->fd, .events = POLLIN};
		polled[1] = (struct pollfd){.fd = zygote->signal_fd, .events = POLLIN};
		for (size_t i = 0; i < zygote->count; i++)
			channels[i] = (struct pollfd){.fd = zygote->running[i].channel_fd};
		if (poll(polled, 2 + zygote->count, -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		end_abandoned(zygote, channels);
		if (polled[1].revents)
			reap(zygote);
		if (polled[0].revents && !serve_request(zygote))
			return;
	}
}

static int run(int fd, const char *const *viewers, size_t count)
{
	struct zygote zygote = {.fd = fd, .signal_fd = -1};

	if (!watch_children(&zygote) || !build(&zygote, viewers, count))
		return 1;
	serve(&zygote);
	end_all(&zygote);
	calls_done(&zygote.calls);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--steps") == 0)
		return print_steps();
	if (argc < 3 || argc > LAUNCH_VIEWERS + 2)
		return refuse("it is started by the service, with a socket and 1 to 64 viewers "
			      "(see bailee view)");

	int fd = parse_fd(argv[1]);

	if (fd < 0 || !is_channel(fd))
		return refuse("its first argument is no socket of the service (see bailee view)");
	if (getuid() != 0 || geteuid() != 0)
		return refuse("no sealed session without root (start the service as root)");
	if (!shed(fd))
		return refuse("cannot give up what it was started with");
	if (!is_parent_there(fd))
		return refuse("who started it is gone");
	seal_trial_begin();
	/* Not a return: a sanitizer's last look wants what we gave up. */
	_exit(run(fd, (const char *const *)(argv + 2), (size_t)argc - 2));
}
