/* watch.c - what two programs that share an inode can tell each other without writing: locks and watches */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 8

/*
 * Inodes that a session may share with somebody: the secret, its folder, the program itself, the devices. Outside, the listener looks at
 * those of the host with the same names; the runner says where the program lies. Libraries come last: watches on those of the host hear everybody.
 */
static int shared(const struct attack *attack, const char *paths[MOST], char *own)
{
	int count = 0;
	const char *program = getenv("ATTACK_PROGRAM");

	snprintf(own, 4096, "%s", program ? program : "/usr/bin/attack");
	paths[count++] = attack->secret;
	paths[count++] = own;
	paths[count++] = "/dev/full";
	paths[count++] = "/dev/zero";
	paths[count++] = "/lib/x86_64-linux-gnu/libc.so.6";
	return count;
}

/* Open for writing where that is possible: some locks need it. */
static int open_shared(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd >= 0 ? fd : open(path, O_RDONLY | O_CLOEXEC);
}

static int listen_nothing(struct attack *attack)
{
	(void)attack;
	return 0;
}

enum way { WHOLE, RECORD, DESCRIPTION, LEASE };

static int lock(int fd, enum way way)
{
	struct flock record = {.l_type = F_WRLCK};

	switch (way) {
	case WHOLE:
		return flock(fd, LOCK_EX | LOCK_NB);
	case RECORD:
		if (fcntl(fd, F_SETLK, &record) == 0)
			return 0;
		record.l_type = F_RDLCK;
		return fcntl(fd, F_SETLK, &record);
	case DESCRIPTION:
		if (fcntl(fd, F_OFD_SETLK, &record) == 0)
			return 0;
		record.l_type = F_RDLCK;
		return fcntl(fd, F_OFD_SETLK, &record);
	case LEASE:
		return fcntl(fd, F_SETLEASE, F_RDLCK);
	}
	return -1;
}

static int lock_try(struct attack *attack, enum way way)
{
	const char *paths[MOST];
	char own[4096];
	int count = shared(attack, paths, own), locked = 0;

	for (int i = 0; i < count; i++) {
		int fd = way == LEASE ? open(paths[i], O_RDONLY) : open_shared(paths[i]);

		if (fd >= 0 && lock(fd, way) == 0)
			locked++;
		else
			failed(attack, fd < 0 ? "open" : "lock");
	}
	return locked ? 0 : errno;
}
static bool lock_heard(struct attack *attack, enum way way)
{
	const char *paths[MOST];
	char own[4096];
	int count = shared(attack, paths, own);
	bool is_heard = false;

	for (int i = 0; i < count; i++) {
		struct flock record = {.l_type = F_WRLCK};
		int fd = open_shared(paths[i]);

		if (fd < 0)
			continue;
		if (way == WHOLE && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
			is_heard = true;
		if (way != WHOLE && fcntl(fd, F_OFD_GETLK, &record) == 0 &&
		    record.l_type != F_UNLCK)
			is_heard = true;
		close(fd);
	}
	return is_heard;
}
static int flock_try(struct attack *attack)
{
	return lock_try(attack, WHOLE);
}
static bool flock_heard(struct attack *attack)
{
	return lock_heard(attack, WHOLE);
}
static int record_try(struct attack *attack)
{
	return lock_try(attack, RECORD);
}
static bool record_heard(struct attack *attack)
{
	return lock_heard(attack, RECORD);
}
static int description_try(struct attack *attack)
{
	return lock_try(attack, DESCRIPTION);
}
static int lease_try(struct attack *attack)
{
	return lock_try(attack, LEASE);
}
/* Whoever opens a leased file for writing is told to wait. */
static bool lease_heard(struct attack *attack)
{
	int fd = open(attack->secret, O_WRONLY | O_NONBLOCK);

	return fd < 0 && errno == EWOULDBLOCK;
}

/* ---- waiting at an address of a page that both have: a wake tells a bit ------------------------------------------------ */

static int *shared_page(struct attack *attack)
{
	const char *paths[MOST];
	char own[4096];

	shared(attack, paths, own);
	/* A viewer may be run and not be read; a library is read. */
	int fd = open(paths[1], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fd = open(paths[4], O_RDONLY | O_CLOEXEC);
	void *page = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		failed(attack, fd < 0 ? "open" : "mmap");
	return page == MAP_FAILED ? NULL : page;
}
static int futex_try(struct attack *attack)
{
	int *page = shared_page(attack);
	long woken = 0;

	if (!page)
		return errno;
	/* Its waiter may not be there yet. */
	for (int i = 0; i < 100000 && woken == 0; i++) {
		woken = syscall(SYS_futex, page, FUTEX_WAKE, 1, NULL, NULL, 0);
		if (!woken)
			sched_yield();
	}
	errno = woken < 0 ? errno : ETIMEDOUT;
	return woken > 0 ? 0 : failed(attack, "futex");
}
static int futex_listen(struct attack *attack)
{
	int *page = shared_page(attack), pipes[2];

	if (!page || pipe2(pipes, O_NONBLOCK | O_CLOEXEC) < 0)
		return errno;
	pid_t child = fork();

	if (child < 0)
		return failed(attack, "fork");
	attack->fd = pipes[0];
	attack->value = child;
	if (child > 0)
		return 0;
	if (syscall(SYS_futex, page, FUTEX_WAIT, *page, NULL, NULL, 0) == 0)
		(void)!write(pipes[1], "1", 1);
	_exit(0);
}
static bool futex_heard(struct attack *attack)
{
	char byte;
	struct pollfd ready = {attack->fd, POLLIN, 0};

	/* Somebody who was woken says so at once; nobody says nothing. */
	bool is_heard = poll(&ready, 1, 200) == 1 && read(attack->fd, &byte, 1) == 1;

	kill((pid_t)attack->value, SIGKILL);
	waitpid((pid_t)attack->value, NULL, 0);
	return is_heard;
}

/* ---- watches: the attempt only looks -------------------------------------------------------------------------------- */

static int look(struct attack *attack)
{
	const char *paths[MOST];
	char own[4096], byte;
	int count = shared(attack, paths, own), seen = 0;

	for (int i = 0; i < count; i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && i < 2 && read(fd, &byte, 1) == 1)
			seen++;
		if (fd >= 0)
			close(fd);
	}
	return seen ? 0 : failed(attack, "open");
}
static int watch_listen(struct attack *attack)
{
	const char *paths[MOST];
	char own[4096];
	int watched = 0;

	shared(attack, paths, own);
	attack->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (attack->fd < 0)
		return failed(attack, "inotify_init1");
	for (int i = 0; i < 2; i++)
		if (inotify_add_watch(attack->fd, paths[i], IN_OPEN | IN_ACCESS | IN_CLOSE) >= 0)
			watched++;
	return watched ? 0 : failed(attack, "inotify_add_watch");
}
static bool watch_heard(struct attack *attack)
{
	char events[4096];

	return read(attack->fd, events, sizeof(events)) > 0;
}
static int notify_listen(struct attack *attack)
{
	const char *paths[MOST];
	char own[4096];
	sigset_t set;
	int watched = 0;

	shared(attack, paths, own);
	*strrchr(own, '/') = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 2; i++) {
		int fd = open(i ? own : attack->folder, O_RDONLY | O_DIRECTORY);

		if (fd >= 0 && fcntl(fd, F_NOTIFY, DN_ACCESS | DN_MULTISHOT) == 0)
			watched++;
	}
	return watched ? 0 : failed(attack, "F_NOTIFY");
}
static bool notify_heard(struct attack *attack)
{
	sigset_t set;

	(void)attack;
	sigpending(&set);
	return sigismember(&set, SIGIO) == 1;
}
static int fan_listen(struct attack *attack)
{
	const char *paths[MOST];
	char own[4096];
	int watched = 0;

	shared(attack, paths, own);
	attack->fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_NONBLOCK | FAN_CLOEXEC,
				   O_RDONLY);
	if (attack->fd < 0)
		return failed(attack, "fanotify_init");
	for (int i = 0; i < 2; i++)
		if (fanotify_mark(attack->fd, FAN_MARK_ADD, FAN_OPEN | FAN_ACCESS, AT_FDCWD,
				  paths[i]) == 0)
			watched++;
	return watched ? 0 : failed(attack, "fanotify_mark");
}

const struct row watch_rows[] = {
	{"lock-flock", "flock on what others can open", PEER, flock_try, listen_nothing,
	 flock_heard},
	{"lock-record", "record locks (F_SETLK)", PEER, record_try, listen_nothing, record_heard},
	{"lock-description", "locks of open files (F_OFD_SETLK)", PEER, description_try,
	 listen_nothing, record_heard},
	{"lock-lease", "leases (F_SETLEASE)", 0, lease_try, listen_nothing, lease_heard},
	{"lock-futex", "wake who waits at a page of a shared file (futex)", PEER, futex_try,
	 futex_listen, futex_heard},
	{"watch-inotify", "read what others watch (inotify)", PEER, look, watch_listen,
	 watch_heard},
	{"watch-dnotify", "read what others watch (dnotify)", PEER, look, notify_listen,
	 notify_heard},
	{"watch-fanotify", "read what others watch (fanotify)", PEER, look, fan_listen,
	 watch_heard},
	{0},
};
