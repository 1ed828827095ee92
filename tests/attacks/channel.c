/* channel.c - counters of the one kernel, which a program inside moves and one outside reads */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
/* Below which pids are. */
static pid_t most_pids(void)
{
	long most = counter("/proc/sys/kernel/pid_max", NULL);

	return most > 0 ? (pid_t)most : 4194304;
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
	int count = 0;
	for (pid_t pid = 2, most = most_pids(); pid < most; pid++)
		count += getpgid(pid) == pid;
	return count;
}
static int group_try(struct attack *attack)
{
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();

		if (child < 0)
			return failed(attack, "fork");
		if (child == 0) {
			if (setpgid(0, 0) < 0)
				_exit(errno);
			for (;;)
				pause();
		}
		if (setpgid(child, child) < 0 && errno != EACCES)
			return failed(attack, "setpgid");
	}
	return 0;
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
	struct timespec used;
	int found = 0;

	for (pid_t pid = 2, most = most_pids(); pid < most; pid++)
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
	{"channel-groups", "process groups of its own, seen by getpgid", 0, group_try, group_listen,
	 group_heard},
	{"channel-clock", "its processor time, seen by clock_getcpuclockid", KNOWN, busy_try,
	 busy_listen, busy_heard},
	{0},
};
