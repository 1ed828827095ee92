/* channel.c - counters of the one kernel, which a program inside moves and one outside reads */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Memory: 256 MB more of it. */
#define MUCH (256L << 20)

static int memory_try(struct attack *attack)
{
	char *bytes = mmap(NULL, MUCH, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return bytes != MAP_FAILED ? 0 : failed(attack, "mmap");
}
static long counter(const char *path, const char *word)
{
	char bytes[16384], *at;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes) - 1);

	if (fd >= 0)
		close(fd);
	if (got <= 0)
		return -1;
	bytes[got] = 0;
	at = word ? strstr(bytes, word) : bytes;
	return at ? strtol(at + (word ? strlen(word) : 0), NULL, 10) : -1;
}
static int memory_listen(struct attack *attack)
{
	attack->value = counter("/proc/meminfo", "AnonPages:");
	return attack->value < 0 ? failed(attack, "meminfo") : 0;
}
static bool memory_heard(struct attack *attack)
{
	return counter("/proc/meminfo", "AnonPages:") > attack->value + MUCH / 1024 / 2;
}

/* Processes: a thousand more than there were. */
static int forks_try(struct attack *attack)
{
	for (int i = 0; i < 1000; i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		if (child < 0)
			return failed(attack, "fork");
		waitpid(child, NULL, 0);
	}
	return 0;
}
static int forks_listen(struct attack *attack)
{
	attack->value = counter("/proc/stat", "processes ");
	return attack->value < 0 ? failed(attack, "stat") : 0;
}
static bool forks_heard(struct attack *attack)
{
	return counter("/proc/stat", "processes ") > attack->value + 900;
}

/* Open files: two hundred more. */
static int files_try(struct attack *attack)
{
	for (int i = 0; i < 200; i++)
		if (open("/dev/null", O_RDONLY) < 0)
			return failed(attack, "open");
	return 0;
}
static int files_listen(struct attack *attack)
{
	attack->value = counter("/proc/sys/fs/file-nr", NULL);
	return attack->value < 0 ? failed(attack, "file-nr") : 0;
}
static bool files_heard(struct attack *attack)
{
	return counter("/proc/sys/fs/file-nr", NULL) > attack->value + 150;
}

/* A group of its own: anybody may ask for any process's. The listener knows no pid and looks at all. */
static int leaders(void)
{
	const struct pid_range range = pids_nearby();
	int count = 0;
	for (pid_t pid = range.first; pid < range.last; pid++)
		count += getpgid(pid) == pid;
	return count;
}
/* Twenty children that did @call, and stay until the attempt ends: until then its end of a pipe is open. */
static int children(struct attack *attack, int (*call)(void), const char *name)
{
	int said[2], stay[2], error = 0;
	char byte;

	if (pipe(said) < 0 || pipe(stay) < 0)
		return failed(attack, "pipe");
	for (int i = 0; i < 20 && !error; i++) {
		pid_t child = fork();

		if (child < 0)
			return failed(attack, "fork");
		if (child == 0) {
			close(stay[1]);
			error = call() < 0 ? errno : 0;
			(void)!write(said[1], &error, sizeof(error));
			_exit((int)read(stay[0], &byte, 1));
		}
		if (read(said[0], &error, sizeof(error)) != sizeof(error))
			error = EIO;
	}
	errno = error;
	return error ? failed(attack, name) : 0;
}
static int lead_group(void)
{
	return setpgid(0, 0);
}
static int group_try(struct attack *attack)
{
	return children(attack, lead_group, "setpgid");
}
static int group_listen(struct attack *attack)
{
	attack->value = leaders();
	return 0;
}
static bool group_heard(struct attack *attack)
{
	return leaders() >= attack->value + 15;
}

/* The same by sessions of its own. */
static int sessions_of_all(void)
{
	const struct pid_range range = pids_nearby();
	int count = 0;

	for (pid_t pid = range.first; pid < range.last; pid++)
		count += getsid(pid) == pid;
	return count;
}
static int lead_session(void)
{
	return setsid();
}
static int session_try(struct attack *attack)
{
	return children(attack, lead_session, "setsid");
}
static int session_listen(struct attack *attack)
{
	attack->value = sessions_of_all();
	return 0;
}
static bool session_heard(struct attack *attack)
{
	return sessions_of_all() >= attack->value + 15;
}

/*
 * What its processes end with, seen by whoever holds a pidfd of them (Linux 6.15): anybody can have one of any pid. They stay until their
 * parent here reaps them; the listener finds a value that no other program ends with.
 */
#define ENDS_WITH 0xa5
#define ENDING	  20
#define INFO_EXIT (1UL << 3)
struct ended_info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
	uint32_t more[4];
};
static int ending_try(struct attack *attack)
{
	for (int i = 0; i < ENDING; i++) {
		pid_t child = fork();

		if (child < 0)
			return failed(attack, "fork");
		if (child == 0) {
			const struct timespec moment = {1, 0};

			nanosleep(&moment, NULL);
			_exit(ENDS_WITH);
		}
	}
	/* Who does not wait leaves them to the kernel, which tells pidfds of them at once. */
	signal(SIGCHLD, SIG_IGN);
	return 0;
}
static int ending_listen(struct attack *attack)
{
	struct ended_info info = {.mask = INFO_EXIT};
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	int result = ioctl(pidfd, _IOWR(0xff, 11, struct ended_info), &info);

	close(pidfd);
	return result < 0 ? failed(attack, "PIDFD_GET_INFO") : 0;
}
static bool ending_heard(struct attack *attack)
{
	const struct pid_range range = pids_nearby();
	int count = 0, told = 0;
	struct pollfd *all = calloc(900, sizeof(*all));
	struct rlimit more = {1024, 1024};

	(void)attack;
	setrlimit(RLIMIT_NOFILE, &more);
	for (pid_t pid = range.last; pid > range.first && all && count < 900; pid--) {
		int fd = (int)syscall(SYS_pidfd_open, pid, 0);

		if (fd >= 0)
			all[count++] = (struct pollfd){fd, POLLIN, 0};
	}
	while (told < ENDING && poll(all, (nfds_t)count, 3000) > 0)
		for (int i = 0; i < count; i++) {
			struct ended_info info = {.mask = INFO_EXIT};

			if (!(all[i].revents & POLLIN))
				continue;
			if (ioctl(all[i].fd, _IOWR(0xff, 11, struct ended_info), &info) == 0 &&
			    info.mask & INFO_EXIT)
				told += (info.exit_code >> 8 & 0xff) == ENDS_WITH;
			close(all[i].fd);
			all[i].fd = -1;
		}
	free(all);
	return told > 0;
}

/* Its processor time: the clock of any process can be read by anybody who knows the pid. */
static int busy_try(struct attack *attack)
{
	struct timespec used;

	snprintf(attack->reply, sizeof(attack->reply), "%d", (int)getpid());
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	while (used.tv_sec == 0 && used.tv_nsec < 300000000);
	return 0;
}
static bool clock_of(pid_t pid, struct timespec *out)
{
	clockid_t clock;

	return clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, out) == 0;
}
/* How many processes have used about that much: the listener, which knows no pid, looks at all of them. */
static int busy_ones(void)
{
	const struct pid_range range = pids_nearby();
	struct timespec used;
	int found = 0;

	for (pid_t pid = range.first; pid < range.last; pid++)
		found += clock_of(pid, &used) && used.tv_sec == 0 && used.tv_nsec >= 300000000 &&
			 used.tv_nsec < 330000000;
	return found;
}
static int busy_listen(struct attack *attack)
{
	attack->value = busy_ones();
	return 0;
}
static bool busy_heard(struct attack *attack)
{
	return busy_ones() > attack->value;
}

const struct row channel_rows[] = {
	{"channel-memory", "the size of its memory, seen in /proc/meminfo", KNOWN, memory_try,
	 memory_listen, memory_heard},
	{"channel-processes", "the number of its processes, seen in /proc/stat", KNOWN, forks_try,
	 forks_listen, forks_heard},
	{"channel-files", "the number of its open files, seen in /proc/sys/fs/file-nr", KNOWN,
	 files_try, files_listen, files_heard},
	{"channel-groups", "process groups of its own, seen by getpgid", KNOWN, group_try,
	 group_listen, group_heard},
	{"channel-sessions", "sessions of its own, seen by getsid", 0, session_try, session_listen,
	 session_heard},
	{"channel-endings", "what its processes end with, seen by pidfd", KNOWN, ending_try,
	 ending_listen, ending_heard},
	{"channel-clock", "its processor time, seen by clock_getcpuclockid", KNOWN, busy_try,
	 busy_listen, busy_heard},
	{0},
};
