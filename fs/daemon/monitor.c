#include "fs/daemon/monitor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/daemon/message.h"
#include "fs/daemon/zygotes.h"
#include "fs/serve/serve.h"

enum monitor_op { MONITOR_MOUNT = 1, MONITOR_UNMOUNT, MONITOR_ZYGOTE };

struct monitor_request {
	uint32_t op;
	uint32_t uid, gid;
	uint32_t length; /* of text */
	uint64_t number;
	char text
		[ZYGOTES_TEXT]; /* ZYGOTE: names of viewers, each with its NUL; only so much of it is sent */
};
#define REQUEST_LEAST offsetof(struct monitor_request, text)

struct monitor_answer {
	uint32_t status; /* enum bl_status */
	char text[256];
};

#define MOUNTS_LIMIT	   1024
#define CAPABILITY(number) (UINT64_C(1) << (number))

/*
 * A mount we made, known by the kernel's number of it. A descriptor would keep it busy: its person could not unmount it, and
 * what is detached would live on.
 */
struct mount_entry {
	uint64_t number; /* of the view */
	int id;		 /* as in mountinfo; never used again while the mount lives */
};

struct monitor {
	int fd; /* to the daemon */
	int signal_fd;
	pid_t child;
	struct zygotes zygotes;
	size_t count;
	struct mount_entry mounts[MOUNTS_LIMIT];
};

enum bl_status monitor_keep_capabilities(uint64_t keep, uint64_t children, struct bl_error *why)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	for (unsigned cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!((keep | children) >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
		    errno != EPERM)
			return bl_fail_errno(why, BL_FAILED, "cannot drop a capability");
	if (syscall(SYS_capget, &header, data) < 0)
		return bl_fail_errno(why, BL_FAILED, "cannot read our capabilities");
	for (unsigned half = 0; half < 2; half++) {
		uint32_t wanted = (uint32_t)(keep >> (32 * half));

		data[half].permitted &= wanted;
		data[half].effective = data[half].permitted;
		data[half].inheritable = 0;
	}
	header.version = _LINUX_CAPABILITY_VERSION_3;
	if (syscall(SYS_capset, &header, data) < 0)
		return bl_fail_errno(why, BL_FAILED, "cannot drop capabilities");
	return BL_OK;
}

/* ---- mounting --------------------------------------------------------------------------------- */

static bool is_empty(int directory_fd)
{
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool empty = directory != NULL;

	if (!directory) {
		fd_close(fd);
		return false;
	}
	while (empty && (entry = readdir(directory)))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(directory);
	return empty;
}

static enum bl_status check_mountpoint(int fd, uid_t uid, struct bl_error *why)
{
	struct stat stat;

	if (fd < 0)
		return bl_fail(why, BL_INVALID, "no mount point came with the request");
	/* A view is closed to us, too: the kernel lets only its person ask. */
	if (fstat(fd, &stat) < 0)
		return bl_fail_errno(
			why, BL_INVALID,
			"cannot look at the mount point; is a view open there already? "
			"(close it, or make an empty directory)");
	if (!S_ISDIR(stat.st_mode))
		return bl_fail(why, BL_INVALID,
			       "mount point is not a directory (make an empty one)");
	if (stat.st_uid != uid)
		return bl_fail(
			why, BL_FORBIDDEN,
			"mount point belongs to uid %u, not to uid %u whose view it would show "
			"(make an empty directory of their own)",
			stat.st_uid, uid);
	if (!is_empty(fd))
		return bl_fail(why, BL_INVALID,
			       "mount point is not empty (make an empty directory)");
	return BL_OK;
}

/* The kernel's number of the mount that a descriptor is on; -1 when /proc does not say. */
static int mount_id(int fd)
{
	char path[40], line[128];
	int id = -1;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "mnt_id: %d", &id) == 1)
			break;
	if (file)
		fclose(file);
	return id;
}

/*
 * The new mount API attaches a detached mount to a descriptor, so no path is resolved with our rights. move_mount
 * refuses a target outside our namespace.
 */
static enum bl_status make_mount(int mountpoint_fd, uid_t uid, gid_t gid, int *out_id,
				 int *out_fuse_fd, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fuse_fd = -1;
	BL_CLEANUP(fd_close) int mount_fd = -1;
	enum bl_status status = serve_mount(uid, gid, &mount_fd, &fuse_fd, why);

	if (status != BL_OK)
		return status;

	int id = mount_id(mount_fd);

	if (id < 0)
		return bl_fail(why, BL_FAILED,
			       "cannot tell which mount was made (is /proc there?)");
	if (move_mount(mount_fd, "", mountpoint_fd, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return bl_fail_errno(why, BL_INVALID,
				     "cannot attach the mount (is the directory in the daemon's "
				     "mount namespace?)");
	*out_id = id;
	*out_fuse_fd = fd_take(&fuse_fd);
	return BL_OK;
}

/* mountinfo writes space, tab, newline and backslash as three octal digits behind a backslash. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; from++) {
		unsigned value;

		if (from[0] == '\\' && sscanf(from + 1, "%3o", &value) == 1) {
			*to++ = (char)value;
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

/* Where the mount is now, as mountinfo's line "ID PARENT MAJOR:MINOR ROOT PATH ..." says. False: nowhere. */
static bool find_mount(int id, char **line, size_t *room, char **out_path)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	bool is_found = false;

	while (file && !is_found && getline(line, room, file) > 0) {
		int at = 0, end = 0;

		if (atoi(*line) != id || sscanf(*line, "%*d %*d %*s %*s %n%*s%n", &at, &end) < 0 ||
		    !end)
			continue;
		(*line)[end] = '\0';
		*out_path = *line + at;
		unescape(*out_path);
		is_found = true;
	}
	if (file)
		fclose(file);
	return is_found;
}

/*
 * The path is only a way to the mount: somebody may put another thing there meanwhile, so what is unmounted is what a
 * descriptor holds and what has our number. A mount that its person has unmounted already is not found.
 */
static void detach(const struct mount_entry *entry)
{
	BL_CLEANUP(bl_free) char *line = NULL;
	char *path, through[32];
	size_t room = 0;

	if (!find_mount(entry->id, &line, &room, &path))
		return;

	BL_CLEANUP(fd_close) int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || mount_id(fd) != entry->id)
		return;
	snprintf(through, sizeof(through), "/proc/self/fd/%d", fd);
	umount2(through, MNT_DETACH);
}

static enum bl_status do_mount(struct monitor *monitor, const struct monitor_request *request,
			       int fd, int *out_fuse_fd, struct bl_error *why)
{
	if (monitor->count == MOUNTS_LIMIT)
		return bl_fail(why, BL_FAILED, "%u views are mounted already (close some)",
			       MOUNTS_LIMIT);

	enum bl_status status = check_mountpoint(fd, request->uid, why);
	int id = -1;

	if (status == BL_OK)
		status = make_mount(fd, request->uid, request->gid, &id, out_fuse_fd, why);
	if (status == BL_OK)
		monitor->mounts[monitor->count++] =
			(struct mount_entry){.number = request->number, .id = id};
	return status;
}

static enum bl_status do_unmount(struct monitor *monitor, uint64_t number, struct bl_error *why)
{
	for (size_t i = 0; i < monitor->count; i++)
		if (monitor->mounts[i].number == number) {
			detach(&monitor->mounts[i]);
			monitor->mounts[i] = monitor->mounts[--monitor->count];
			return BL_OK;
		}
	return bl_fail(why, BL_NOT_FOUND, "no mount with that number");
}

/* False when the daemon is gone or talks nonsense: then there is nothing left to serve. */
static bool serve_request(struct monitor *monitor)
{
	struct monitor_request request;
	struct monitor_answer answer = {0};
	struct bl_error why = {{0}};
	BL_CLEANUP(fd_close) int passed = -1;
	BL_CLEANUP(fd_close) int given = -1;
	enum bl_status status = BL_INVALID;
	size_t length;

	if (message_receive_bytes(monitor->fd, &request, sizeof(request), &length, &passed, NULL) !=
		    BL_OK ||
	    length < REQUEST_LEAST || request.length != length - REQUEST_LEAST)
		return false;
	if (request.op == MONITOR_MOUNT)
		status = do_mount(monitor, &request, passed, &given, &why);
	else if (request.op == MONITOR_UNMOUNT)
		status = do_unmount(monitor, request.number, &why);
	else if (request.op == MONITOR_ZYGOTE)
		status = zygotes_start(&monitor->zygotes, request.text, request.length, &given,
				       &why);
	answer.status = status;
	snprintf(answer.text, sizeof(answer.text), "%.255s", why.text);
	return message_send_bytes(monitor->fd, &answer, sizeof(answer), given, NULL) == BL_OK;
}

/* ---- the monitor's life ------------------------------------------------------------------------ */

static void take_signal(struct monitor *monitor)
{
	struct signalfd_siginfo info;

	if (read(monitor->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		zygotes_reap(&monitor->zygotes);
	else
		kill(monitor->child, (int)info.ssi_signo);
}

static int child_exit_code(pid_t child)
{
	int state;

	while (waitpid(child, &state, 0) < 0)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(state) ? WEXITSTATUS(state) : 1;
}

_Noreturn static void run(struct monitor *monitor)
{
	struct pollfd polled[] = {{.fd = monitor->fd, .events = POLLIN},
				  {.fd = monitor->signal_fd, .events = POLLIN}};

	for (;;) {
		if (poll(polled, BL_COUNT(polled), -1) < 0 && errno != EINTR)
			break;
		if (polled[1].revents)
			take_signal(monitor);
		if (polled[0].revents && !serve_request(monitor))
			break;
	}
	fd_close(monitor->fd);

	int code = child_exit_code(monitor->child);

	for (size_t i = 0; i < monitor->count; i++)
		detach(&monitor->mounts[i]);
	zygotes_end(&monitor->zygotes);
	_exit(code);
}

static void signals_of_interest(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGCHLD);
}

static bool become_monitor(struct monitor *monitor, int fd, pid_t child, const sigset_t *signals)
{
	static const uint64_t KEPT = CAPABILITY(CAP_SYS_ADMIN) | CAPABILITY(CAP_DAC_READ_SEARCH);
	/* What bailee-session needs: uid maps of other uids, device nodes, and the tree as it is on the host. */
	static const uint64_t CHILDREN = CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID) |
					 CAPABILITY(CAP_MKNOD) | CAPABILITY(CAP_CHOWN) |
					 CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_FOWNER) |
					 CAPABILITY(CAP_KILL) | CAPABILITY(CAP_SETPCAP);

	monitor->fd = fd;
	monitor->child = child;
	monitor->signal_fd = signalfd(-1, signals, SFD_CLOEXEC);
	return monitor->signal_fd >= 0 && monitor_keep_capabilities(KEPT, CHILDREN, NULL) == BL_OK;
}

enum bl_status monitor_start(int *out_fd, struct bl_error *why)
{
	int pair[2];
	sigset_t signals, before;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return bl_fail_errno(why, BL_FAILED, "cannot make the monitor's socket");
	signals_of_interest(&signals);
	sigprocmask(SIG_BLOCK, &signals, &before);

	pid_t child = fork();

	if (child < 0) {
		fd_close(pair[0]);
		fd_close(pair[1]);
		return bl_fail_errno(why, BL_FAILED, "cannot start the daemon's process");
	}
	if (child == 0) {
		fd_close(pair[0]);
		sigprocmask(SIG_SETMASK, &before, NULL);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		*out_fd = pair[1];
		return BL_OK;
	}

	struct monitor *monitor = calloc(1, sizeof(*monitor)); /* this process never returns */

	fd_close(pair[1]);
	if (!monitor || !become_monitor(monitor, pair[0], child, &signals)) {
		kill(child, SIGTERM);
		_exit(1);
	}
	run(monitor);
}

/* ---- the daemon's side --------------------------------------------------------------------------- */

static enum bl_status ask(int monitor_fd, const struct monitor_request *request, int pass_fd,
			  int *out_fd, struct bl_error *why)
{
	struct monitor_answer answer;
	size_t length;
	enum bl_status status = message_send_bytes(monitor_fd, request,
						   REQUEST_LEAST + request->length, pass_fd, why);

	if (status == BL_OK)
		status = message_receive_bytes(monitor_fd, &answer, sizeof(answer), &length, out_fd,
					       why);
	if (status != BL_OK)
		return status;
	if (length != sizeof(answer) || answer.status >= BL_STATUS_COUNT)
		return bl_fail(why, BL_FAILED, "the monitor's answer is not understood");
	answer.text[sizeof(answer.text) - 1] = '\0';
	return answer.status == BL_OK ? BL_OK : bl_fail(why, answer.status, "%s", answer.text);
}

enum bl_status monitor_mount(int monitor_fd, uint64_t number, uid_t uid, gid_t gid,
			     int mountpoint_fd, int *out_fd, struct bl_error *why)
{
	struct monitor_request request = {
		.op = MONITOR_MOUNT, .uid = uid, .gid = gid, .number = number};
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = ask(monitor_fd, &request, mountpoint_fd, &fd, why);

	if (status != BL_OK)
		return status;
	if (fd < 0)
		return bl_fail(why, BL_FAILED, "the monitor sent no descriptor");
	*out_fd = fd_take(&fd);
	return BL_OK;
}

enum bl_status monitor_unmount(int monitor_fd, uint64_t number, struct bl_error *why)
{
	struct monitor_request request = {.op = MONITOR_UNMOUNT, .number = number};
	BL_CLEANUP(fd_close) int fd = -1;

	return ask(monitor_fd, &request, -1, &fd, why);
}

enum bl_status monitor_zygote(int monitor_fd, const char *viewers, size_t length, int *out_fd,
			      struct bl_error *why)
{
	struct monitor_request request = {.op = MONITOR_ZYGOTE, .length = (uint32_t)length};
	BL_CLEANUP(fd_close) int fd = -1;

	if (length > sizeof(request.text))
		return bl_fail(why, BL_TOO_LARGE, "the names of viewers have over %u bytes",
			       ZYGOTES_TEXT);
	memcpy(request.text, viewers, length);

	enum bl_status status = ask(monitor_fd, &request, -1, &fd, why);

	if (status != BL_OK)
		return status;
	if (fd < 0)
		return bl_fail(why, BL_FAILED, "the monitor sent no descriptor");
	*out_fd = fd_take(&fd);
	return BL_OK;
}
