/* outside.c - against a running program that has the secret: in a session, or, as the control, an ordinary one of the same person */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int no(const char **out_failed, const char *call)
{
	*out_failed = call;
	return errno ? errno : EIO;
}

static int is_it(const char *bytes, ssize_t got, const char *marker, const char **out_failed,
		 const char *call)
{
	if (got >= MARKER_LENGTH && memcmp(bytes, marker, MARKER_LENGTH) == 0)
		return 0;
	if (got >= 0)
		errno = ENODATA;
	return no(out_failed, call);
}

static int read_it(int fd, const char *marker, const char **out_failed)
{
	char bytes[MARKER_LENGTH];

	if (fd < 0)
		return no(out_failed, "open");
	return is_it(bytes, pread(fd, bytes, sizeof(bytes), 0), marker, out_failed, "read");
}

static const char *of(const struct victim *victim, const char *what, char *path)
{
	snprintf(path, 4096, "/proc/%d/%s", (int)victim->pid, what);
	return path;
}

/* ---- its memory --------------------------------------------------------------------------------------------------- */

static int trace(const struct victim *victim, const char *marker, const char **out_failed)
{
	char bytes[MARKER_LENGTH];
	long word;

	if (ptrace(PTRACE_SEIZE, victim->pid, NULL, NULL) < 0)
		return no(out_failed, "ptrace");
	ptrace(PTRACE_INTERRUPT, victim->pid, NULL, NULL);
	waitpid(victim->pid, NULL, __WALL);
	for (size_t i = 0; i < MARKER_LENGTH; i += sizeof(word)) {
		word = ptrace(PTRACE_PEEKDATA, victim->pid, victim->address + i, NULL);
		memcpy(bytes + i, &word, sizeof(word));
	}
	ptrace(PTRACE_DETACH, victim->pid, NULL, NULL);
	return is_it(bytes, MARKER_LENGTH, marker, out_failed, "peek");
}
static int vm_read(const struct victim *victim, const char *marker, const char **out_failed)
{
	char bytes[MARKER_LENGTH];
	struct iovec to = {bytes, MARKER_LENGTH},
		     from = {(void *)victim->address, MARKER_LENGTH}; /* NOLINT */

	return is_it(bytes, process_vm_readv(victim->pid, &to, 1, &from, 1, 0), marker, out_failed,
		     "process_vm_readv");
}
static int proc_mem(const struct victim *victim, const char *marker, const char **out_failed)
{
	char path[4096], bytes[MARKER_LENGTH];
	int fd = open(of(victim, "mem", path), O_RDONLY);

	if (fd < 0)
		return no(out_failed, "open");
	return is_it(bytes, pread(fd, bytes, sizeof(bytes), (off_t)victim->address), marker,
		     out_failed, "pread");
}

/* ---- its files ---------------------------------------------------------------------------------------------------- */

static int proc_root(const struct victim *victim, const char *marker, const char **out_failed)
{
	char path[4096], what[2048];

	snprintf(what, sizeof(what), "root%s", victim->secret);
	return read_it(open(of(victim, what, path), O_RDONLY), marker, out_failed);
}
static int proc_cwd(const struct victim *victim, const char *marker, const char **out_failed)
{
	char path[4096], what[2048];

	snprintf(what, sizeof(what), "cwd/%s", strrchr(victim->secret, '/') + 1);
	return read_it(open(of(victim, what, path), O_RDONLY), marker, out_failed);
}
static int proc_fd(const struct victim *victim, const char *marker, const char **out_failed)
{
	char path[4096], what[64];

	snprintf(what, sizeof(what), "fd/%d", victim->fd);
	return read_it(open(of(victim, what, path), O_RDONLY), marker, out_failed);
}
static int getfd(const struct victim *victim, const char *marker, const char **out_failed)
{
	int pidfd = (int)syscall(SYS_pidfd_open, victim->pid, 0);

	if (pidfd < 0)
		return no(out_failed, "pidfd_open");
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, victim->fd, 0);

	if (fd < 0)
		return no(out_failed, "pidfd_getfd");
	return read_it(fd, marker, out_failed);
}
/* Its folder where its mounts are, from a user namespace where one may mount: opened before, since a namespace gives no more rights. */
static int overlay(const struct victim *victim, const char *marker, const char **out_failed)
{
	char what[2048], options[8192], path[4096];
	const char *end = strrchr(victim->secret, '/');

	snprintf(what, sizeof(what), "root%.*s", (int)(end - victim->secret), victim->secret);
	int lower_fd = open(of(victim, what, path), O_PATH | O_DIRECTORY);

	if (lower_fd < 0)
		return no(out_failed, "open");
	/* Newer kernels want both in one mount namespace, so this works unprotected for root only, who needs no other one. */
	if (geteuid() != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return no(out_failed, "unshare");
	snprintf(options, sizeof(options), "lowerdir=/proc/self/fd/%d:%s", lower_fd,
		 victim->scratch);
	if (mount("overlay", victim->scratch, "overlay", MS_RDONLY, options) < 0)
		return no(out_failed, "mount");
	snprintf(path, sizeof(path), "%s%s", victim->scratch, end);
	int error = read_it(open(path, O_RDONLY), marker, out_failed);

	umount2(victim->scratch, MNT_DETACH);
	return error;
}
static int bind_it(const struct victim *victim, const char *marker, const char **out_failed)
{
	char from[4096], path[4096];
	const char *end = strrchr(victim->secret, '/');

	snprintf(from, sizeof(from), "/proc/%d/root%.*s", (int)victim->pid,
		 (int)(end - victim->secret), victim->secret);
	if (mount(from, victim->scratch, NULL, MS_BIND, NULL) < 0)
		return no(out_failed, "mount");
	snprintf(path, sizeof(path), "%s%s", victim->scratch, end);
	int error = read_it(open(path, O_RDONLY), marker, out_failed);

	umount2(victim->scratch, MNT_DETACH);
	return error;
}
static int by_handle(const struct victim *victim, const char *marker, const char **out_failed)
{
	struct {
		struct file_handle handle;
		unsigned char bytes[128];
	} file = {.handle = {.handle_bytes = 128}};
	char path[4096], what[2048];
	int mount_id;

	snprintf(what, sizeof(what), "root%s", victim->secret);
	if (name_to_handle_at(AT_FDCWD, of(victim, what, path), &file.handle, &mount_id, 0) < 0)
		return no(out_failed, "name_to_handle_at");
	int mount_fd = open(of(victim, "cwd", path), O_RDONLY);

	return read_it(open_by_handle_at(mount_fd, &file.handle, O_RDONLY), marker, out_failed);
}
static int loop(const struct victim *victim, const char *marker, const char **out_failed)
{
	static const char first[] = "000000 all";
	char path[4096], what[2048], device[64], bytes[512] = "";
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	(void)marker;
	snprintf(what, sizeof(what), "root%.*s/large.txt",
		 (int)(strrchr(victim->secret, '/') - victim->secret), victim->secret);
	int fd = open(of(victim, what, path), O_RDONLY);

	if (fd < 0)
		return no(out_failed, "open");
	snprintf(device, sizeof(device), "/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
	int loop_fd = open(device, O_RDONLY);

	if (ioctl(loop_fd, LOOP_SET_FD, fd) < 0)
		return no(out_failed, "LOOP_SET_FD");
	ssize_t got = read(loop_fd, bytes, sizeof(bytes));

	ioctl(loop_fd, LOOP_CLR_FD);
	errno = ENODATA;
	return got > 0 && strncmp(bytes, first, strlen(first)) == 0 ? 0 : no(out_failed, "read");
}
static int swap(const struct victim *victim, const char *marker, const char **out_failed)
{
	char path[4096], what[2048];

	(void)marker;
	snprintf(what, sizeof(what), "root%.*s/swap",
		 (int)(strrchr(victim->secret, '/') - victim->secret), victim->secret);
	if (swapon(of(victim, what, path), 0) < 0)
		return no(out_failed, "swapon");
	swapoff(path);
	return 0;
}

/* ---- its place ------------------------------------------------------------------------------------------------------ */

static int join(const struct victim *victim, const char *marker, const char **out_failed)
{
	int pidfd = (int)syscall(SYS_pidfd_open, victim->pid, 0);

	if (pidfd < 0)
		return no(out_failed, "pidfd_open");
	if (setns(pidfd, CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return no(out_failed, "setns");
	return read_it(open(victim->secret, O_RDONLY), marker, out_failed);
}
static int join_mounts(const struct victim *victim, const char *marker, const char **out_failed)
{
	char path[4096];
	int fd = open(of(victim, "ns/mnt", path), O_RDONLY);

	if (fd < 0)
		return no(out_failed, "open");
	if (setns(fd, CLONE_NEWNS) < 0)
		return no(out_failed, "setns");
	return read_it(open(victim->secret, O_RDONLY), marker, out_failed);
}
/* The session's uid, given to oneself: in a user namespace of one's own. The control gives itself its own. */
static int map_uid(const struct victim *victim, const char *marker, const char **out_failed)
{
	char map[64];

	(void)marker;
	if (unshare(CLONE_NEWUSER) < 0)
		return no(out_failed, "unshare");
	snprintf(map, sizeof(map), "0 %u 1\n", (unsigned)victim->uid);
	int fd = open("/proc/self/uid_map", O_WRONLY);

	if (fd < 0)
		return no(out_failed, "open");
	return write(fd, map, strlen(map)) > 0 ? 0 : no(out_failed, "uid_map");
}
/* Root as the session's uid: the same owner, so what is not dumpable must hold. */
static int as_uid(const struct victim *victim, const char *marker, const char **out_failed)
{
	if (setresgid(victim->uid, victim->uid, victim->uid) < 0 ||
	    setresuid(victim->uid, victim->uid, victim->uid) < 0)
		return no(out_failed, "setresuid");
	if (proc_mem(victim, marker, out_failed) == 0 ||
	    proc_root(victim, marker, out_failed) == 0 || getfd(victim, marker, out_failed) == 0)
		return 0;
	return trace(victim, marker, out_failed);
}

/* ---- what /proc tells of it --------------------------------------------------------------------------------------------- */

static int any(const struct victim *victim, const char *what, const char **out_failed)
{
	char path[4096], bytes[4096];
	int fd = open(of(victim, what, path), O_RDONLY);

	if (fd < 0)
		return no(out_failed, "open");
	return read(fd, bytes, sizeof(bytes)) > 0
		       ? 0
		       : (errno = errno ? errno : ENODATA, no(out_failed, "read"));
}
static int proc_environ(const struct victim *victim, const char *marker, const char **out_failed)
{
	(void)marker;
	return any(victim, "environ", out_failed);
}
static int proc_cmdline(const struct victim *victim, const char *marker, const char **out_failed)
{
	(void)marker;
	return any(victim, "cmdline", out_failed);
}
static int proc_maps(const struct victim *victim, const char *marker, const char **out_failed)
{
	(void)marker;
	return any(victim, "maps", out_failed);
}
static int proc_stat(const struct victim *victim, const char *marker, const char **out_failed)
{
	(void)marker;
	return any(victim, "stat", out_failed);
}
static int proc_io(const struct victim *victim, const char *marker, const char **out_failed)
{
	(void)marker;
	return any(victim, "io", out_failed);
}
static int proc_call(const struct victim *victim, const char *marker, const char **out_failed)
{
	(void)marker;
	return any(victim, "syscall", out_failed);
}
static int proc_mounts(const struct victim *victim, const char *marker, const char **out_failed)
{
	(void)marker;
	return any(victim, "mountinfo", out_failed);
}
static int proc_exe(const struct victim *victim, const char *marker, const char **out_failed)
{
	char path[4096];
	int fd = open(of(victim, "exe", path), O_RDONLY);

	(void)marker;
	return fd >= 0 ? 0 : no(out_failed, "open");
}
static int proc_list(const struct victim *victim, const char *marker, const char **out_failed)
{
	char path[4096];
	struct stat stats;

	(void)marker;
	return stat(of(victim, ".", path), &stats) == 0 ? 0 : no(out_failed, "stat");
}
static int signal_it(const struct victim *victim, const char *marker, const char **out_failed)
{
	(void)marker;
	/* SIGCONT: does nothing to who runs. */
	return kill(victim->pid, 18) == 0 ? 0 : no(out_failed, "kill");
}
static int count_it(const struct victim *victim, const char *marker, const char **out_failed)
{
	struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE,
					     .size = sizeof(attributes),
					     .config = PERF_COUNT_SW_TASK_CLOCK,
					     .exclude_kernel = 1,
					     .exclude_hv = 1};

	(void)marker;
	return syscall(SYS_perf_event_open, &attributes, victim->pid, -1, -1, 0) >= 0
		       ? 0
		       : no(out_failed, "perf_event_open");
}
static int limits_of(const struct victim *victim, const char *marker, const char **out_failed)
{
	struct rlimit limit;

	(void)marker;
	return prlimit(victim->pid, RLIMIT_NOFILE, NULL, &limit) == 0 ? 0
								      : no(out_failed, "prlimit");
}
static int robust(const struct victim *victim, const char *marker, const char **out_failed)
{
	void *head;
	size_t length;

	(void)marker;
	return syscall(SYS_get_robust_list, victim->pid, &head, &length) == 0
		       ? 0
		       : no(out_failed, "get_robust_list");
}
static int pages_of(const struct victim *victim, const char *marker, const char **out_failed)
{
	void *page = (void *)(victim->address & ~4095UL); /* NOLINT */
	int state;

	(void)marker;
	return syscall(SYS_move_pages, victim->pid, 1UL, &page, NULL, &state, 0) == 0
		       ? 0
		       : no(out_failed, "move_pages");
}
static int compare(const struct victim *victim, const char *marker, const char **out_failed)
{
	(void)marker;
	return syscall(SYS_kcmp, getpid(), victim->pid, 1, 0, 0) >= 0 ? 0 : no(out_failed, "kcmp");
}

const struct outside_row outside_rows[] = {
	{"out-ptrace", "ptrace a viewer", 0, trace},
	{"out-vm-read", "process_vm_readv from a viewer", 0, vm_read},
	{"out-proc-mem", "/proc/PID/mem of a viewer", VISIBLE, proc_mem},
	{"out-proc-root", "the secret by /proc/PID/root", VISIBLE, proc_root},
	{"out-proc-cwd", "the secret by /proc/PID/cwd", VISIBLE, proc_cwd},
	{"out-proc-fd", "the secret by /proc/PID/fd", VISIBLE, proc_fd},
	{"out-proc-environ", "a viewer's environment", VISIBLE, proc_environ},
	{"out-proc-cmdline", "a viewer's arguments", BY_OTHER, proc_cmdline},
	{"out-proc-maps", "a viewer's map", VISIBLE, proc_maps},
	{"out-proc-stat", "what a viewer does (stat)", BY_OTHER, proc_stat},
	{"out-proc-io", "how much a viewer reads (io)", VISIBLE, proc_io},
	{"out-proc-syscall", "where a viewer waits (syscall)", VISIBLE, proc_call},
	{"out-proc-mounts", "what is mounted for a viewer", 0, proc_mounts},
	{"out-proc-exe", "which program a viewer is", VISIBLE, proc_exe},
	{"out-proc-list", "see that a viewer is there (/proc)", BY_OTHER, proc_list},
	{"out-getfd", "take a viewer's descriptor", 0, getfd},
	{"out-overlay", "an overlay over /proc/PID/root in a user namespace", 0, overlay},
	{"out-join", "setns to a viewer's user and mount namespace", NEEDS_SPACES, join},
	{"out-map-uid", "become the session's uid in a user namespace", 0, map_uid},
	{"out-signal", "a signal to a viewer", 0, signal_it},
	{"out-kcmp", "compare with a viewer", 0, compare},
	{"out-perf", "performance counters of a viewer", 0, count_it},
	{"out-limits", "a viewer's limits", 0, limits_of},
	{"out-robust", "a viewer's list of locks (get_robust_list)", 0, robust},
	{"out-pages", "where a viewer's pages are (move_pages)", 0, pages_of},
	{"root-proc-root", "the secret by /proc/PID/root", BY_ROOT, proc_root},
	{"root-proc-cwd", "the secret by /proc/PID/cwd", BY_ROOT, proc_cwd},
	{"root-proc-fd", "the secret by /proc/PID/fd", BY_ROOT, proc_fd},
	{"root-getfd", "take a viewer's descriptor, read from it", BY_ROOT, getfd},
	{"root-join", "setns to a viewer's mount namespace", BY_ROOT, join_mounts},
	{"root-bind", "bind /proc/PID/root elsewhere", BY_ROOT, bind_it},
	{"root-overlay", "an overlay over /proc/PID/root", BY_ROOT, overlay},
	{"root-handle", "a file handle", BY_ROOT, by_handle},
	{"root-loop", "a loop device over a file of it", BY_ROOT, loop},
	{"root-swap", "swap to a file of it", BY_ROOT, swap},
	{"root-as-uid", "become the session's uid", BY_ROOT, as_uid},
	{0},
};
