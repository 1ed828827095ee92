/* proc.c - what a process can tell by being one: its names, limits, signals; and others' /proc */
#include "attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int listen_nothing(struct attack *attack)
{
	(void)attack;
	return 0;
}

/* Is there a process whose /proc/PID/@file holds @text? As far as this one can see. */
static bool told_by_any(const char *file, const char *text, size_t length)
{
	char path[300], bytes[8192];
	DIR *folder = opendir("/proc");
	bool is_told = false;

	for (struct dirent *entry; !is_told && folder && (entry = readdir(folder));) {
		/* Not the listener, which knows the marker too. */
		if (atoi(entry->d_name) <= 0 || atoi(entry->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%s/%s", entry->d_name, file);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

		if (fd >= 0)
			close(fd);
		is_told = got > 0 && memmem(bytes, (size_t)got, text, length);
	}
	if (folder)
		closedir(folder);
	return is_told;
}

static int name_try(struct attack *attack)
{
	return prctl(PR_SET_NAME, attack->marker, 0, 0, 0) == 0 ? 0 : failed(attack, "prctl");
}
static int name_write_try(struct attack *attack)
{
	int fd = open("/proc/self/comm", O_WRONLY);

	if (fd < 0)
		return failed(attack, "open");
	return write(fd, attack->marker, 15) > 0 ? 0 : failed(attack, "write");
}
static bool name_heard(struct attack *attack)
{
	return told_by_any("comm", attack->marker, 15);
}
/* Its arguments are its own memory: nobody can forbid it to write there. */
static int arguments_try(struct attack *attack)
{
	extern char **environ;
	/* The strings of argv lie right before those of the environment. */
	char *at = environ[0] ? environ[0] : NULL;

	if (!at) {
		errno = ENOENT;
		return failed(attack, "environ");
	}
	char *start = at - 1;

	while (start > at - 64 && strncmp(start, "inside", 6) != 0)
		start--;
	for (size_t i = 0; i < MARKER_LENGTH && start + i < at - 1; i++)
		start[i] = attack->marker[i];
	return 0;
}
static bool arguments_heard(struct attack *attack)
{
	return told_by_any("cmdline", attack->marker, 8);
}
static int oom_try(struct attack *attack)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (fd < 0)
		return failed(attack, "open");
	return write(fd, "773", 3) > 0 ? 0 : failed(attack, "write");
}
static bool oom_heard(struct attack *attack)
{
	(void)attack;
	return told_by_any("oom_score_adj", "773", 3);
}
static int sys_try(struct attack *attack)
{
	int fd = open("/proc/sys/kernel/core_pattern", O_WRONLY);

	return fd >= 0 ? 0 : failed(attack, "open");
}

/* ---- a partner: another program of the same person, told by its pid ---------------------------------------------------- */

static int partner_listen(struct attack *attack)
{
	char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int pipes[2];

	if (memory == MAP_FAILED || pipe2(pipes, O_NONBLOCK) < 0)
		return failed(attack, "pipe");
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	memset(memory, '.', MARKER_LENGTH);
	attack->memory = memory;
	attack->fd = pipes[0];
	attack->other_fd = pipes[1];
	snprintf(attack->reply, sizeof(attack->reply), "%d %d %lu", (int)getpid(), pipes[1],
		 (unsigned long)memory);
	return 0;
}
static bool memory_heard(struct attack *attack)
{
	return is_marker(attack, attack->memory, MARKER_LENGTH);
}
static bool pipe_heard(struct attack *attack)
{
	char bytes[MARKER_LENGTH];

	return is_marker(attack, bytes, read(attack->fd, bytes, sizeof(bytes)));
}
static int partner(const struct attack *attack, int *out_fd, unsigned long *out_address)
{
	int pid = 0;

	sscanf(attack->argument, "%d %d %lu", &pid, out_fd, out_address);
	return pid;
}
static int mem_try(struct attack *attack)
{
	unsigned long address = 0;
	int other_fd = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", partner(attack, &other_fd, &address));
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return failed(attack, "open");
	return pwrite(fd, attack->marker, MARKER_LENGTH, (off_t)address) > 0
		       ? 0
		       : failed(attack, "pwrite");
}
static int vm_try(struct attack *attack)
{
	unsigned long address = 0;
	int fd;
	pid_t pid = partner(attack, &fd, &address);
	struct iovec from = {attack->marker, MARKER_LENGTH};
	struct iovec to = {(void *)address, MARKER_LENGTH}; /* NOLINT */

	return process_vm_writev(pid, &from, 1, &to, 1, 0) > 0
		       ? 0
		       : failed(attack, "process_vm_writev");
}
static int trace_try(struct attack *attack)
{
	unsigned long address = 0;
	int fd;
	pid_t pid = partner(attack, &fd, &address);
	long word;

	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0)
		return failed(attack, "ptrace");
	waitpid(pid, NULL, __WALL);
	for (size_t i = 0; i < MARKER_LENGTH; i += sizeof(word)) {
		memcpy(&word, attack->marker + i, sizeof(word));
		ptrace(PTRACE_POKEDATA, pid, address + i, word);
	}
	return ptrace(PTRACE_DETACH, pid, NULL, NULL) == 0 ? 0 : failed(attack, "ptrace");
}
static int fd_try(struct attack *attack)
{
	unsigned long address;
	int other_fd = 0;
	char path[64];
	pid_t pid = partner(attack, &other_fd, &address);

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, other_fd);
	int fd = open(path, O_WRONLY | O_NONBLOCK);

	if (fd < 0)
		return failed(attack, "open");
	return write(fd, attack->marker, MARKER_LENGTH) > 0 ? 0 : failed(attack, "write");
}
static int getfd_try(struct attack *attack)
{
	unsigned long address;
	int other_fd = 0;
	pid_t pid = partner(attack, &other_fd, &address);
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		return failed(attack, "pidfd_open");
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, other_fd, 0);

	if (fd < 0)
		return failed(attack, "pidfd_getfd");
	return write(fd, attack->marker, MARKER_LENGTH) > 0 ? 0 : failed(attack, "write");
}
static int cwd_try(struct attack *attack)
{
	char path[256];

	snprintf(path, sizeof(path), "/proc/%d/root/tmp/%s", (int)partner_of(attack), attack->key);
	int fd = open(path, O_WRONLY | O_CREAT, 0666);

	if (fd < 0)
		return failed(attack, "open");
	return write(fd, attack->marker, MARKER_LENGTH) > 0 ? 0 : failed(attack, "write");
}
static bool cwd_heard(struct attack *attack)
{
	char path[256], bytes[MARKER_LENGTH];

	snprintf(path, sizeof(path), "/tmp/%s", attack->key);
	int fd = open(path, O_RDONLY);
	bool is_heard = fd >= 0 && is_marker(attack, bytes, read(fd, bytes, sizeof(bytes)));

	unlink(path);
	return is_heard;
}
static int kcmp_try(struct attack *attack)
{
	return syscall(SYS_kcmp, getpid(), partner_of(attack), 1 /* KCMP_VM */, 0, 0) >= 0
		       ? 0
		       : failed(attack, "kcmp");
}

/* ---- signals ------------------------------------------------------------------------------------------------------------- */

static int signal_listen(struct attack *attack)
{
	sigset_t set;

	/* Blocked, it stays until it is looked for. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return failed(attack, "sigprocmask");
	snprintf(attack->reply, sizeof(attack->reply), "%d", (int)getpid());
	return 0;
}
static bool signal_heard(struct attack *attack)
{
	sigset_t set;

	(void)attack;
	sigpending(&set);
	return sigismember(&set, SIGUSR1) == 1;
}
static int signal_try(struct attack *attack)
{
	return kill(partner_of(attack), SIGUSR1) == 0 ? 0 : failed(attack, "kill");
}
static int queue_try(struct attack *attack)
{
	union sigval value = {.sival_int = 1};

	return sigqueue(partner_of(attack), SIGUSR1, value) == 0 ? 0 : failed(attack, "sigqueue");
}
static int pidfd_try(struct attack *attack)
{
	int pidfd = (int)syscall(SYS_pidfd_open, partner_of(attack), 0);

	if (pidfd < 0)
		return failed(attack, "pidfd_open");
	return syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0) == 0
		       ? 0
		       : failed(attack, "pidfd_send_signal");
}
/* The kernel sends it for us: when a pipe has something. */
static int owner_try(struct attack *attack)
{
	int pipes[2];

	if (pipe(pipes) < 0)
		return failed(attack, "pipe");
	if (fcntl(pipes[0], F_SETOWN, partner_of(attack)) < 0 ||
	    fcntl(pipes[0], F_SETSIG, SIGUSR1) < 0)
		return failed(attack, "F_SETOWN");
	if (fcntl(pipes[0], F_SETFL, O_ASYNC) < 0)
		return failed(attack, "F_SETFL");
	return write(pipes[1], "1", 1) == 1 ? 0 : failed(attack, "write");
}
static int everybody_try(struct attack *attack)
{
	/* Only what everybody would get: whether there is anybody. */
	return kill(partner_of(attack), 0) == 0 ? 0 : failed(attack, "kill");
}

/* ---- limits, priorities, processors of the partner; and our own, which others may ask for --------------------------------- */

static int pid_listen(struct attack *attack)
{
	snprintf(attack->reply, sizeof(attack->reply), "%d", (int)getpid());
	return 0;
}
static int limit_try(struct attack *attack)
{
	struct rlimit limit = {77, 77};

	return prlimit(partner_of(attack), RLIMIT_NOFILE, &limit, NULL) == 0
		       ? 0
		       : failed(attack, "prlimit");
}
static bool limit_heard(struct attack *attack)
{
	struct rlimit limit;

	(void)attack;
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 77;
}
static int nice_try(struct attack *attack)
{
	return setpriority(PRIO_PROCESS, (id_t)partner_of(attack), 7) == 0
		       ? 0
		       : failed(attack, "setpriority");
}
static bool nice_heard(struct attack *attack)
{
	(void)attack;
	return getpriority(PRIO_PROCESS, 0) == 7;
}
static int processor_try(struct attack *attack)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return sched_setaffinity(partner_of(attack), sizeof(set), &set) == 0
		       ? 0
		       : failed(attack, "sched_setaffinity");
}
static bool processor_heard(struct attack *attack)
{
	cpu_set_t set;

	(void)attack;
	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) == 1;
}
static int own_nice_try(struct attack *attack)
{
	return setpriority(PRIO_PROCESS, 0, 11) == 0 ? 0 : failed(attack, "setpriority");
}
static int own_scheduler_try(struct attack *attack)
{
	struct sched_param none = {0};

	return sched_setscheduler(0, SCHED_BATCH, &none) == 0
		       ? 0
		       : failed(attack, "sched_setscheduler");
}
static int own_processor_try(struct attack *attack)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(1, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0 ? 0
							    : failed(attack, "sched_setaffinity");
}
static int own_disk_try(struct attack *attack)
{
	return syscall(SYS_ioprio_set, 1, 0, (2 << 13) | 6) == 0 ? 0 : failed(attack, "ioprio_set");
}
/* Anybody may ask these of any pid, /proc or not. Those of the listener's kind are looked for among all of them. */
static bool any_pid(bool (*is_so)(pid_t pid))
{
	const struct pid_range range = pids_nearby();

	for (pid_t pid = range.first; pid < range.last; pid++)
		if (pid != getpid() && is_so(pid))
			return true;
	return false;
}
static bool is_nice(pid_t pid)
{
	errno = 0;
	return getpriority(PRIO_PROCESS, (id_t)pid) == 11 && !errno;
}
static bool is_batch(pid_t pid)
{
	return sched_getscheduler(pid) == SCHED_BATCH;
}
static bool is_disk(pid_t pid)
{
	return syscall(SYS_ioprio_get, 1, pid) == ((2 << 13) | 6);
}
static bool own_nice_heard(struct attack *attack)
{
	(void)attack;
	return any_pid(is_nice);
}
static bool own_scheduler_heard(struct attack *attack)
{
	(void)attack;
	return any_pid(is_batch);
}
static bool own_disk_heard(struct attack *attack)
{
	(void)attack;
	return any_pid(is_disk);
}
static int own_limit_try(struct attack *attack)
{
	struct rlimit limit = {61, 61};

	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : failed(attack, "setrlimit");
}
static int dumpable_try(struct attack *attack)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 ? 0 : failed(attack, "prctl");
}

/* ---- cores -------------------------------------------------------------------------------------------------------------------- */

static int core_try(struct attack *attack)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	int status;
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		setrlimit(RLIMIT_CORE, &all);
		(void)!chdir(attack->folder);
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
		_exit(0);
	}
	waitpid(child, &status, 0);
	errno = EPERM;
	return WIFSIGNALED(status) && WCOREDUMP(status) ? 0 : failed(attack, "core");
}

/* ---- descriptors that were left open ---------------------------------------------------------------------------------------- */

static int descriptors_try(struct attack *attack)
{
	/* 3 to 7 may be the interpreter's own pipes; the runner leaves one at 40. */
	for (int fd = 8; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0 && write(fd, attack->marker, MARKER_LENGTH) > 0)
			return 0;
	return failed(attack, "write");
}

const struct row proc_rows[] = {
	{"proc-name", "its own name (PR_SET_NAME)", 0, name_try, listen_nothing, name_heard},
	{"proc-name-file", "its own name (/proc/self/comm)", 0, name_write_try, listen_nothing,
	 name_heard},
	{"proc-arguments", "its own arguments, rewritten", 0, arguments_try, listen_nothing,
	 arguments_heard},
	{"proc-oom", "its own oom_score_adj", 0, oom_try, listen_nothing, oom_heard},
	{"proc-sys", "write /proc/sys/kernel/core_pattern", BY_ROOT, sys_try, NULL, NULL},
	{"proc-mem", "/proc/PID/mem of a partner", PEER, mem_try, partner_listen, memory_heard},
	{"proc-fd", "/proc/PID/fd of a partner", PEER, fd_try, partner_listen, pipe_heard},
	{"proc-root", "/proc/PID/root of a partner", 0, cwd_try, partner_listen, cwd_heard},
	{"vm-write", "process_vm_writev to a partner", PEER, vm_try, partner_listen, memory_heard},
	{"ptrace", "ptrace a partner", PEER, trace_try, partner_listen, memory_heard},
	{"pidfd-getfd", "take a partner's descriptor", PEER, getfd_try, partner_listen, pipe_heard},
	{"kcmp", "compare with a partner", 0, kcmp_try, partner_listen, NULL},
	{"signal", "a signal to a partner", PEER, signal_try, signal_listen, signal_heard},
	{"signal-queue", "a queued signal to a partner", 0, queue_try, signal_listen, signal_heard},
	{"signal-pidfd", "a signal by pidfd", 0, pidfd_try, signal_listen, signal_heard},
	{"signal-owner", "a signal of the kernel's (F_SETOWN, O_ASYNC)", 0, owner_try,
	 signal_listen, signal_heard},
	{"signal-none", "ask whether a partner is there", 0, everybody_try, pid_listen, NULL},
	{"limit-other", "a partner's limits", 0, limit_try, pid_listen, limit_heard},
	{"nice-other", "a partner's priority", 0, nice_try, pid_listen, nice_heard},
	{"processor-other", "a partner's processors", 0, processor_try, pid_listen,
	 processor_heard},
	{"nice-own", "its own priority, which anybody may ask for", 0, own_nice_try, listen_nothing,
	 own_nice_heard},
	{"scheduler-own", "its own scheduler, which anybody may ask for", 0, own_scheduler_try,
	 listen_nothing, own_scheduler_heard},
	{"processor-own", "its own processors", 0, own_processor_try, NULL, NULL},
	{"disk-own", "its own disk priority, which anybody may ask for", 0, own_disk_try,
	 listen_nothing, own_disk_heard},
	{"limit-own", "its own limits", 0, own_limit_try, NULL, NULL},
	{"dumpable", "make itself dumpable", 0, dumpable_try, NULL, NULL},
	{"core", "a core beside the secret", 0, core_try, NULL, NULL},
	{"descriptors", "a descriptor that was left open", 0, descriptors_try, NULL, NULL},
	{0},
};
