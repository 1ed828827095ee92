/* failing-disk.h - a disk of which one call fails, or a process that dies at that call. Include after cmocka.h, in one file of a program
 *
 * libc's calls are replaced for the whole program: whoever writes cannot be handed another disk.
 */
#ifndef TESTS_FAULT_FAILING_DISK_H
#define TESTS_FAULT_FAILING_DISK_H

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOO_MANY 100 /* calls; nothing that is tested makes so many */

static struct {
	atomic_int left; /* calls until it happens; below 0: never */
	atomic_bool is_deadly;
	atomic_bool stays; /* every call from then on fails too */
} trouble = {.left = -1};

/* Call number @at (from 0) fails, and no other. */
static inline void trouble_at(int at)
{
	atomic_store(&trouble.left, at);
}

/* That one and all after it. */
static inline void trouble_from(int at)
{
	atomic_store(&trouble.stays, true);
	trouble_at(at);
}

static inline void trouble_over(void)
{
	atomic_store(&trouble.left, -1);
	atomic_store(&trouble.stays, false);
}

/* The process dies before that one: for a child. */
static inline void death_at(int at)
{
	atomic_store(&trouble.is_deadly, true);
	trouble_at(at);
}

/* Waits for a child that called death_at; true: it died of that; false: it came to its end, with success. */
static inline bool child_died(pid_t pid)
{
	int status;

	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

/* True: this call fails. */
static inline bool is_the_one(void)
{
	int left = atomic_load(&trouble.left);

	if (left < 0)
		return false;
	if (left > 0) {
		atomic_fetch_sub(&trouble.left, 1);
		return false;
	}
	if (!atomic_load(&trouble.stays))
		atomic_store(&trouble.left, -1);
	if (atomic_load(&trouble.is_deadly))
		kill(getpid(), SIGKILL);
	errno = EIO;
	return true;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	return is_the_one() ? -1 : syscall(SYS_write, fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	return is_the_one() ? -1 : syscall(SYS_pwrite64, fd, bytes, length, offset);
}

int fsync(int fd)
{
	return is_the_one() ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return is_the_one() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int renameat(int old_fd, const char *old, int new_fd, const char *new)
{
	return is_the_one() ? -1 : (int)syscall(SYS_renameat, old_fd, old, new_fd, new);
}

int unlinkat(int fd, const char *name, int flags)
{
	return is_the_one() ? -1 : (int)syscall(SYS_unlinkat, fd, name, flags);
}

#endif
