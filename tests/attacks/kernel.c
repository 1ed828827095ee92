/* kernel.c - rights of the kernel's: namespaces, mounts, other ways into it, more of everything */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/quota.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- namespaces ------------------------------------------------------------------------------------------------------- */

static int unshare_user(struct attack *attack)
{
	return unshare(CLONE_NEWUSER) == 0 ? 0 : failed(attack, "unshare");
}
static int unshare_all(struct attack *attack)
{
	int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
		    CLONE_NEWUTS | CLONE_NEWCGROUP;

	return unshare(flags) == 0 ? 0 : failed(attack, "unshare");
}
static int reaped(struct attack *attack, long child, const char *call)
{
	if (child == 0)
		_exit(0);
	if (child < 0)
		return failed(attack, call);
	waitpid((pid_t)child, NULL, __WALL);
	return 0;
}
static int clone_user(struct attack *attack)
{
	return reaped(attack, syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), "clone");
}
/* The upper half of the flags: a filter that compares all of them may look at one half only. */
static int clone_high(struct attack *attack)
{
	return reaped(attack, syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD | (1UL << 40), 0, 0, 0, 0),
		      "clone");
}
static int clone3_user(struct attack *attack)
{
	struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};

	return reaped(attack, syscall(SYS_clone3, &arguments, sizeof(arguments)), "clone3");
}
static int join(struct attack *attack)
{
	int fd = open("/proc/self/ns/uts", O_RDONLY);

	if (fd < 0)
		return failed(attack, "open");
	return setns(fd, 0) == 0 ? 0 : failed(attack, "setns");
}
static int host_name(struct attack *attack)
{
	char name[65];

	gethostname(name, sizeof(name));
	return sethostname(name, strlen(name)) == 0 ? 0 : failed(attack, "sethostname");
}

/* ---- mounts: in a user namespace of its own, where that is to be had --------------------------------------------------------- */

static void own_mounts(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 && unshare(CLONE_NEWNS) == 0)
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}
static int mount_old(struct attack *attack)
{
	own_mounts();
	return mount("none", attack->folder, "tmpfs", 0, NULL) == 0 ? 0 : failed(attack, "mount");
}
static int mount_new(struct attack *attack)
{
	own_mounts();
	int context = (int)syscall(SYS_fsopen, "tmpfs", 0);

	if (context < 0)
		return failed(attack, "fsopen");
	if (syscall(SYS_fsconfig, context, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) < 0)
		return failed(attack, "fsconfig");
	return syscall(SYS_fsmount, context, 0, 0) >= 0 ? 0 : failed(attack, "fsmount");
}
static int mount_tree(struct attack *attack)
{
	own_mounts();
	return syscall(SYS_open_tree, AT_FDCWD, attack->folder,
		       1 /* OPEN_TREE_CLONE */ | AT_RECURSIVE) >= 0
		       ? 0
		       : failed(attack, "open_tree");
}
static int mount_writable(struct attack *attack)
{
	own_mounts();
	mount(attack->folder, attack->folder, NULL, MS_BIND, NULL);
	return mount(NULL, attack->folder, NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL) == 0
		       ? 0
		       : failed(attack, "mount");
}
static int unmount(struct attack *attack)
{
	own_mounts();
	mount("none", attack->folder, "tmpfs", 0, NULL);
	return umount2(attack->folder, MNT_DETACH) == 0 ? 0 : failed(attack, "umount2");
}
static int change_root(struct attack *attack)
{
	own_mounts();
	return chroot(attack->folder) == 0 ? 0 : failed(attack, "chroot");
}
static int pivot(struct attack *attack)
{
	own_mounts();
	mount("none", attack->folder, "tmpfs", 0, NULL);
	(void)!chdir(attack->folder);
	return syscall(SYS_pivot_root, ".", ".") == 0 ? 0 : failed(attack, "pivot_root");
}

/* ---- other ways into the kernel ------------------------------------------------------------------------------------------------- */

static int uring(struct attack *attack)
{
	struct io_uring_params parameters = {0};

	return syscall(SYS_io_uring_setup, 4, &parameters) >= 0 ? 0
								: failed(attack, "io_uring_setup");
}
static int old_calls(struct attack *attack)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(20L)
			 : "memory", "r8", "r9", "r10", "r11");
	errno = (int)-result;
	return result > 0 ? 0 : failed(attack, "int 0x80");
}
static int x32_calls(struct attack *attack)
{
	return syscall(SYS_getpid | 0x40000000) > 0 ? 0 : failed(attack, "x32");
}
static int faults(struct attack *attack)
{
	return syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* USER_MODE_ONLY */) >= 0
		       ? 0
		       : failed(attack, "userfaultfd");
}
static int programs(struct attack *attack)
{
	union bpf_attr attributes = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes)) >= 0
		       ? 0
		       : failed(attack, "bpf");
}
static int counters(struct attack *attack)
{
	struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE,
					     .size = sizeof(attributes),
					     .config = PERF_COUNT_SW_CPU_CLOCK,
					     .exclude_kernel = 1,
					     .exclude_hv = 1};

	return syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0) >= 0
		       ? 0
		       : failed(attack, "perf_event_open");
}
static int handle_of(struct attack *attack)
{
	struct {
		struct file_handle handle;
		unsigned char bytes[128];
	} file = {.handle = {.handle_bytes = 128}};
	int mount_id;

	return name_to_handle_at(AT_FDCWD, attack->secret, &file.handle, &mount_id, 0) == 0
		       ? 0
		       : failed(attack, "name_to_handle_at");
}
static int by_handle(struct attack *attack)
{
	struct {
		struct file_handle handle;
		unsigned char bytes[128];
	} file = {.handle = {.handle_bytes = 128}};
	int mount_id, fd = open(attack->folder, O_RDONLY);

	/* A guess where it may not be asked for: the kernel refuses before it looks. */
	if (name_to_handle_at(AT_FDCWD, attack->secret, &file.handle, &mount_id, 0) < 0)
		file.handle.handle_bytes = 8;
	return open_by_handle_at(fd, &file.handle, O_RDONLY) >= 0
		       ? 0
		       : failed(attack, "open_by_handle_at");
}
static int quota(struct attack *attack)
{
	return quotactl(QCMD(Q_SYNC, USRQUOTA), NULL, 0, NULL) == 0 ? 0
								    : failed(attack, "quotactl");
}
static int swap(struct attack *attack)
{
	char path[4096];

	/* The runner has made a swap file of it, outside. */
	snprintf(path, sizeof(path), "%s/swap", attack->folder);
	if (swapon(path, 0) < 0)
		return failed(attack, "swapon");
	swapoff(path);
	return 0;
}
/* Only whether Ctrl-Alt-Del ends the machine at once: as it is by default in a machine with an init. */
static int restart(struct attack *attack)
{
	return syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		       LINUX_REBOOT_CMD_CAD_OFF, NULL) == 0
		       ? 0
		       : failed(attack, "reboot");
}
static int clock_it(struct attack *attack)
{
	/* The tick as it is: nothing changes, the right is needed all the same. */
	struct timex now = {0};

	adjtimex(&now);
	now.modes = ADJ_TICK;
	return adjtimex(&now) >= 0 ? 0 : failed(attack, "adjtimex");
}
static int layout(struct attack *attack)
{
	return personality(ADDR_NO_RANDOMIZE) >= 0 ? 0 : failed(attack, "personality");
}
static int log_it(struct attack *attack)
{
	return syscall(SYS_syslog, 10 /* its size */, NULL, 0) >= 0 ? 0 : failed(attack, "syslog");
}
static int account(struct attack *attack)
{
	return acct(NULL) == 0 ? 0 : failed(attack, "acct");
}
static int module(struct attack *attack)
{
	/* Refused for what it is, not for who asks, where it may be asked. */
	if (syscall(SYS_finit_module, open("/dev/null", O_RDONLY), "", 0) == 0 || errno != EPERM)
		return 0;
	return failed(attack, "finit_module");
}

/* ---- more of everything --------------------------------------------------------------------------------------------------------- */

static int processes(struct attack *attack)
{
	pid_t children[200];
	int count = 0, error = 0;

	while (count < 200 && !error) {
		children[count] = fork();
		if (children[count] == 0)
			for (;;)
				pause();
		if (children[count] < 0)
			error = failed(attack, "fork");
		else
			count++;
	}
	for (int i = 0; i < count; i++)
		kill(children[i], SIGKILL);
	for (int i = 0; i < count; i++)
		waitpid(children[i], NULL, 0);
	return error;
}
static int memory(struct attack *attack)
{
	char *bytes = mmap(NULL, 3UL << 30, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return bytes != MAP_FAILED ? 0 : failed(attack, "mmap");
}
static int locked(struct attack *attack)
{
	char *bytes = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mlock(bytes, 65536) == 0 ? 0 : failed(attack, "mlock");
}
static int descriptors(struct attack *attack)
{
	for (int i = 0; i < 400; i++)
		if (dup(1) < 0)
			return failed(attack, "dup");
	return 0;
}
static int pipes_of(struct attack *attack)
{
	int pipes[2];

	if (pipe(pipes) < 0)
		return failed(attack, "pipe");
	return fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20) >= 0 ? 0 : failed(attack, "F_SETPIPE_SZ");
}
static int splice_it(struct attack *attack)
{
	int from = open(attack->secret, O_RDONLY), pipes[2];

	if (pipe(pipes) < 0)
		return failed(attack, "pipe");
	return splice(from, NULL, pipes[1], NULL, MARKER_LENGTH, 0) > 0 ? 0
									: failed(attack, "splice");
}
static int gift(struct attack *attack)
{
	struct iovec part = {attack->marker, MARKER_LENGTH};
	int pipes[2];

	if (pipe(pipes) < 0)
		return failed(attack, "pipe");
	return vmsplice(pipes[1], &part, 1, 0) > 0 ? 0 : failed(attack, "vmsplice");
}

const struct row kernel_rows[] = {
	{"namespace-user", "unshare a user namespace", 0, unshare_user, NULL, NULL},
	{"namespace-all", "unshare all namespaces", 0, unshare_all, NULL, NULL},
	{"namespace-clone", "clone into a user namespace", 0, clone_user, NULL, NULL},
	{"namespace-clone-high", "the same with bits above the flags", 0, clone_high, NULL, NULL},
	{"namespace-clone3", "clone3 into a user namespace", 0, clone3_user, NULL, NULL},
	{"namespace-join", "setns", BY_ROOT, join, NULL, NULL},
	{"host-name", "the host's name", BY_ROOT, host_name, NULL, NULL},
	{"mount-old", "mount a tmpfs", 0, mount_old, NULL, NULL},
	{"mount-new", "fsopen, fsmount", 0, mount_new, NULL, NULL},
	{"mount-tree", "open_tree", 0, mount_tree, NULL, NULL},
	{"mount-writable", "mount the device again, writable", BY_ROOT, mount_writable, NULL, NULL},
	{"mount-away", "unmount what lies over something", 0, unmount, NULL, NULL},
	{"root-chroot", "chroot", 0, change_root, NULL, NULL},
	{"root-pivot", "pivot_root", 0, pivot, NULL, NULL},
	{"io-uring", "io_uring", 0, uring, NULL, NULL},
	{"abi-int80", "system calls of 32 bits", 0, old_calls, NULL, NULL},
	{"abi-x32", "system calls of x32", 0, x32_calls, NULL, NULL},
	{"userfaultfd", "handle its own page faults", 0, faults, NULL, NULL},
	{"bpf", "bpf", BY_ROOT, programs, NULL, NULL},
	{"perf", "performance counters", 0, counters, NULL, NULL},
	{"handle-of", "name_to_handle_at", 0, handle_of, NULL, NULL},
	{"handle-open", "open_by_handle_at", BY_ROOT, by_handle, NULL, NULL},
	{"quota", "quotactl", BY_ROOT, quota, NULL, NULL},
	{"swap", "swapon", BY_ROOT, swap, NULL, NULL},
	{"reboot", "reboot", BY_ROOT, restart, NULL, NULL},
	{"clock", "set the clock", BY_ROOT, clock_it, NULL, NULL},
	{"personality", "personality", 0, layout, NULL, NULL},
	{"syslog", "read the kernel's log", BY_ROOT, log_it, NULL, NULL},
	{"accounting", "process accounting", BY_ROOT, account, NULL, NULL},
	{"module", "load a module", BY_ROOT, module, NULL, NULL},
	{"bomb-processes", "two hundred processes", 0, processes, NULL, NULL},
	{"bomb-memory", "three gigabytes", 0, memory, NULL, NULL},
	{"bomb-locked", "locked memory", 0, locked, NULL, NULL},
	{"bomb-descriptors", "four hundred descriptors", 0, descriptors, NULL, NULL},
	{"pipe-size", "a pipe's size", 0, pipes_of, NULL, NULL},
	{"splice", "splice from the secret", 0, splice_it, NULL, NULL},
	{"vmsplice", "vmsplice its memory", 0, gift, NULL, NULL},
	{0},
};
