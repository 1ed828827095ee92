#include "fs/session/sealed/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

/* As SERVE_MAX_READ (fs/serve/serve.h) says to libfuse: both sides have to agree on it. */
#define VIEW_MAX_READ 1048576
#define TMP_BYTES     65536
#define FIRST_FREE    3 /* behind the standard descriptors */
#define HOST_NAME     "sealed"
#define MEMORY_BYTES  ((rlim_t)512 << 20) /* of each process */
#define NICENESS      5

/* What the steps hand on to each other. No step allocates: process 1 and the holder share their pages with the zygote. */
struct place {
	const struct launch_request *request;
	const struct calls *calls;
	pid_t zygote;
	int channel_fd, fuse_fd, master_fd, slave_fd;
};

/*
 * Without descriptors. A sealed process has no send, but write is as good for a datagram; there SIGPIPE is no danger, since process 1
 * of a namespace gets no signal that it does not handle. The zygote would die of it, and all sessions with it.
 */
static bool send_plain(int fd, const struct launch_report *report)
{
	ssize_t sent = send(fd, report, sizeof(*report), MSG_NOSIGNAL);

	if (sent < 0 && errno == EPERM && getpid() == 1)
		sent = write(fd, report, sizeof(*report));
	return sent == (ssize_t)sizeof(*report);
}

bool report_send(int fd, const struct launch_report *report, int first_fd, int second_fd)
{
	int fds[] = {first_fd, second_fd};
	size_t count = second_fd >= 0 ? 2 : first_fd >= 0;
	size_t room = count * sizeof(fds[0]);
	union {
		char bytes[CMSG_SPACE(sizeof(fds))];
		struct cmsghdr align;
	} control = {.bytes = {0}};
	struct iovec part = {(void *)report, sizeof(*report)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (!count)
		return send_plain(fd, report);
	message.msg_control = control.bytes;
	message.msg_controllen = CMSG_SPACE(room);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(room);
	memcpy(CMSG_DATA(header), fds, room);
	return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(*report);
}

/* ---- who, and until when -------------------------------------------------------------------------- */

static int step_identity(struct place *place)
{
	(void)place;
	umask(S_IRWXG | S_IRWXO);
	/* setgroups is denied in here, so the zygote's own would stay for ever. */
	if (getgroups(0, NULL))
		return EPERM;
	/* What the host and its domain are called is not a viewer's business. */
	if (sethostname(HOST_NAME, strlen(HOST_NAME)) || setdomainname("", 0))
		return errno;
	/* 0 is not mapped, so it is no change away from root, and capabilities in the namespace stay. */
	if (setresgid(LAUNCH_INSIDE, LAUNCH_INSIDE, LAUNCH_INSIDE) ||
	    setresuid(LAUNCH_INSIDE, LAUNCH_INSIDE, LAUNCH_INSIDE))
		return errno;
	return 0;
}

/* Our parent as the zygote's own proc shows it: getppid says 0 of everybody outside. 0: cannot be told */
static pid_t parent_outside(void)
{
	char line[512];
	BL_CLEANUP(fd_close) int fd = open(TEMPLATE_PROC "/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);

	if (length <= 0)
		return 0;
	line[length] = '\0';
	/* "PID (NAME) STATE PPID ..."; a name may hold parentheses */
	const char *at = strrchr(line, ')');
	return at && strlen(at) > 4 ? (pid_t)strtol(at + 4, NULL, 10) : 0;
}

static int step_death(struct place *place)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return errno;
	return parent_outside() == place->zygote ? 0 : ESRCH;
}

/* ---- what is there -------------------------------------------------------------------------------- */

static int step_private(struct place *place)
{
	(void)place;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(TEMPLATE_ROOT, TEMPLATE_ROOT, NULL, MS_BIND | MS_REC, NULL))
		return errno;
	return 0;
}

/* So that nothing of ours is ever where the standard descriptors go. */
static int raise_fd(int *fd)
{
	if (*fd >= FIRST_FREE)
		return 0;
	int raised = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FREE);
	if (raised < 0)
		return errno;
	close(*fd);
	*fd = raised;
	return 0;
}

static int step_pts(struct place *place)
{
	struct winsize size = {.ws_row = place->request->rows, .ws_col = place->request->columns};
	int unlocked = 0;

	if (mount("devpts", TEMPLATE_ROOT PLACE_PTS, "devpts", MS_NOSUID | MS_NOEXEC,
		  "newinstance,ptmxmode=0600,mode=620,max=1"))
		return errno;
	place->master_fd = open(TEMPLATE_ROOT PLACE_PTS "/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (place->master_fd < 0 || ioctl(place->master_fd, TIOCSPTLCK, &unlocked) ||
	    ioctl(place->master_fd, TIOCSWINSZ, &size))
		return errno;
	place->slave_fd = ioctl(place->master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (place->slave_fd < 0)
		return errno;
	int error = raise_fd(&place->master_fd);
	return error ? error : raise_fd(&place->slave_fd);
}

static int step_proc(struct place *place)
{
	(void)place;
	if (mount("proc", TEMPLATE_ROOT PLACE_PROC, "proc",
		  MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2,subset=pid"))
		return errno;
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool has_tmp(const struct launch_request *request)
{
	return strcmp(base_name(request->args), "mc") == 0;
}

static int step_tmp(struct place *place)
{
	if (!has_tmp(place->request))
		return 0;
	if (mount("tmpfs", TEMPLATE_ROOT PLACE_TMP, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=64k,nr_inodes=64,mode=0700,uid=1000,gid=1000"))
		return errno;
	return 0;
}

static int step_fuse(struct place *place)
{
	char options[128];

	place->fuse_fd = open(TEMPLATE_FUSE, O_RDWR | O_CLOEXEC);
	if (place->fuse_fd < 0)
		return errno;
	int error = raise_fd(&place->fuse_fd);
	if (error)
		return error;
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,max_read=%d", place->fuse_fd,
		 LAUNCH_INSIDE, LAUNCH_INSIDE, VIEW_MAX_READ);
	if (mount("bailee", TEMPLATE_ROOT LAUNCH_FOLDER, "fuse",
		  MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME, options))
		return errno;
	return 0;
}

/* ---- in ------------------------------------------------------------------------------------------- */

static int enter_device(const char *device)
{
	char path[sizeof(LAUNCH_FOLDER) + BL_DEVICE_ID_SIZE];

	if (!device[0] || device[0] == '.' || strchr(device, '/'))
		return EINVAL;
	snprintf(path, sizeof(path), LAUNCH_FOLDER "/%s", device);
	return chdir(path) ? errno : 0;
}

static int step_root(struct place *place)
{
	/* Both at one place: the old root lies on the new one until it is detached, and no folder is needed for it. */
	if (chdir(TEMPLATE_ROOT) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) ||
	    chdir("/"))
		return errno;
	return enter_device(place->request->device);
}

static int step_terminal(struct place *place)
{
	struct termios modes;

	if (setsid() < 0 || ioctl(place->slave_fd, TIOCSCTTY, 0) ||
	    tcgetattr(place->slave_fd, &modes))
		return errno;
	/* Nobody is there who could continue what Ctrl-Z or Ctrl-S stopped. */
	modes.c_iflag = (modes.c_iflag & ~(tcflag_t)IXON) | ICRNL | IUTF8;
	modes.c_cc[VSUSP] = _POSIX_VDISABLE;
	if (tcsetattr(place->slave_fd, TCSANOW, &modes))
		return errno;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(place->slave_fd, fd) < 0)
			return errno;
	return 0;
}

/* ---- and nothing else ----------------------------------------------------------------------------- */

static int step_keyring(struct place *place)
{
	(void)place;
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ? errno : 0;
}

static int step_limits(struct place *place)
{
	const struct {
		__rlimit_resource_t what;
		rlim_t most;
	} limits[] = {
		/* With 0 a core still goes to a handler that the host runs ("|/usr/lib/..."); with 1 it does not. */
		{RLIMIT_CORE, 1},
		{RLIMIT_NPROC, 32},
		{RLIMIT_FSIZE, has_tmp(place->request) ? TMP_BYTES : 0},
		{RLIMIT_NOFILE, 256},
		{RLIMIT_AS, MEMORY_BYTES},
		{RLIMIT_SIGPENDING, 64},
		{RLIMIT_MEMLOCK, 0},
		{RLIMIT_MSGQUEUE, 0},
	};

	for (size_t i = 0; i < BL_COUNT(limits); i++) {
		struct rlimit both;

		/* A service that was given less keeps less: nothing here may be raised. */
		if (getrlimit(limits[i].what, &both))
			return errno;
		both.rlim_max = BL_MIN(both.rlim_max, limits[i].most);
		both.rlim_cur = both.rlim_max;
		if (setrlimit(limits[i].what, &both))
			return errno;
	}
	/* The daemon that serves it comes first when the processors are short. A service that is nicer stays so. */
	if (getpriority(PRIO_PROCESS, 0) < NICENESS && setpriority(PRIO_PROCESS, 0, NICENESS))
		return errno;
	return 0;
}

static int step_capabilities(struct place *place)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
	unsigned long dropped = 0;

	(void)place;
	/* Up to the last that this kernel knows. */
	while (!prctl(PR_CAPBSET_DROP, dropped, 0, 0, 0))
		dropped++;
	if (errno != EINVAL || dropped <= CAP_AUDIT_READ)
		return errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ||
	    prctl(PR_SET_SECUREBITS,
		  SECBIT_NOROOT | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_CAP_AMBIENT_RAISE |
			  SECURE_ALL_LOCKS,
		  0, 0, 0) ||
	    syscall(SYS_capset, &header, none))
		return errno;
	return 0;
}

static int step_privileges(struct place *place)
{
	(void)place;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return errno;
	return 0;
}

static int step_landlock(struct place *place)
{
	(void)place;
	return landlock_seal();
}

static int step_calls(struct place *place)
{
	return calls_seal(place->calls);
}

static int step_descriptors(struct place *place)
{
	if (place->channel_fd != FIRST_FREE && dup3(place->channel_fd, FIRST_FREE, O_CLOEXEC) < 0)
		return errno;
	place->channel_fd = FIRST_FREE;
	return close_range(FIRST_FREE + 1, ~0u, 0) ? errno : 0;
}

/* ---- the order ------------------------------------------------------------------------------------ */

#define STEPS(step)                                                                                \
	step(identity) step(death) step(private) step(pts) step(proc) step(tmp) step(fuse)         \
		step(root) step(terminal) step(keyring) step(limits) step(capabilities)            \
			step(privileges) step(landlock) step(calls) step(descriptors)

#define INDEX(name) STEP_##name,
#define ROW(name)   {#name, step_##name},
#define NAME(name)  #name,

enum step_index { STEPS(INDEX) STEP_COUNT };

static const struct {
	const char *name;
	int (*run)(struct place *place);
} TABLE[STEP_COUNT] = {STEPS(ROW)};

const char *const *place_steps(void)
{
	static const char *const names[] = {STEPS(NAME) NULL};

	return names;
}

_Noreturn static void fail(const struct place *place, const char *step, int error)
{
	struct launch_report report = {.kind = LAUNCH_FAILED, .error = error};

	snprintf(report.text, sizeof(report.text), "%s", step);
	(void)report_send(place->channel_fd, &report, -1, -1);
	_exit(1);
}

static void run(struct place *place, enum step_index first, enum step_index end)
{
	for (size_t i = first; i < end; i++) {
		int error = seal_trial(TABLE[i].name);

		if (!error)
			error = TABLE[i].run(place);
		if (error)
			fail(place, TABLE[i].name, error);
	}
}

static void tell(const struct place *place, enum launch_kind kind, int first_fd, int second_fd)
{
	struct launch_report report = {.kind = kind};

	if (!report_send(place->channel_fd, &report, first_fd, second_fd))
		_exit(1);
}

/* Only the daemon holds the mount and the terminal's master from here on. */
static void hand_over(struct place *place)
{
	char go[2];

	tell(place, LAUNCH_MOUNTED, place->fuse_fd, place->master_fd);
	close(place->fuse_fd);
	close(place->master_fd);
	if (recv(place->channel_fd, go, sizeof(go), 0) != 1)
		_exit(1);
}

_Noreturn void place_main(const struct launch_request *request, int channel_fd, pid_t zygote,
			  const struct calls *calls)
{
	struct place place = {.request = request,
			      .calls = calls,
			      .zygote = zygote,
			      .channel_fd = channel_fd,
			      .fuse_fd = -1,
			      .master_fd = -1,
			      .slave_fd = -1};

	if (raise_fd(&place.channel_fd))
		_exit(1);
	run(&place, STEP_identity, STEP_root);
	hand_over(&place);
	run(&place, STEP_root, STEP_COUNT);
	tell(&place, LAUNCH_SEALED, -1, -1);
	close(place.channel_fd);
	holder_main(request);
}
