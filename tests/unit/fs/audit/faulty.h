/* faulty.h - a disk that fails where a test says so, and remembers what it must never be asked again */
#ifndef TESTS_UNIT_FS_AUDIT_FAULTY_H
#define TESTS_UNIT_FS_AUDIT_FAULTY_H

#include "fs/audit/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum faulty_call {
	FAULTY_OPEN = 1,
	FAULTY_WRITE = 2,
	FAULTY_SHORT = 4, /* a write of half of it: how a full disk shows first */
	FAULTY_SYNC = 8,
	FAULTY_SYNC_DIR = 16,
	FAULTY_RENAME = 32
};

#define FAULTY_FAILED 64

struct faulty {
	struct audit_io io;
	pthread_mutex_t lock;
	/* Under the lock: which calls fail, and on which files (a part of the path); NULL: none */
	unsigned calls;
	const char *name;
	int left;		       /* how many more times; -1: always */
	unsigned met;		       /* how often it did */
	int countdown;		       /* calls of any kind until one fails; -1: none */
	bool is_deadly;		       /* that call ends the process, as kill -9 would */
	bool is_counting;	       /* begins with the first failure, or by faulty_count */
	int failed_fds[FAULTY_FAILED]; /* files whose sync failed, held: their inodes stay theirs */
	unsigned failed_count, synced_again;
	/* While is_slow each sync of a segment tells `entered` and waits for `go`. */
	atomic_bool is_slow;
	sem_t entered, go;
};

static inline void faulty_path(int fd, char out[256])
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);

	ssize_t length = readlink(link, out, 255);

	out[length > 0 ? length : 0] = '\0';
}

static inline bool faulty_fails(struct faulty *faulty, unsigned call, const char *path)
{
	pthread_mutex_lock(&faulty->lock);

	bool fails = (faulty->calls & call) && faulty->name && faulty->left &&
		     strstr(path, faulty->name);

	if (fails) {
		faulty->left -= faulty->left > 0;
		faulty->met++;
		faulty->is_counting = true;
	} else if (faulty->is_counting && faulty->countdown >= 0 && faulty->countdown-- == 0) {
		if (faulty->is_deadly)
			_exit(1);
		fails = true;
		faulty->met++;
	}
	pthread_mutex_unlock(&faulty->lock);
	if (fails)
		errno = call == FAULTY_OPEN ? ENOSPC : EIO;
	return fails;
}

static inline int faulty_open_at(void *context, int dir_fd, const char *name, int flags,
				 unsigned mode)
{
	return faulty_fails(context, FAULTY_OPEN, name)
		       ? -1
		       : audit_io_real()->open_at(NULL, dir_fd, name, flags, mode);
}

static inline ssize_t faulty_write_at(void *context, int fd, const void *bytes, size_t length,
				      uint64_t offset)
{
	char path[256];

	faulty_path(fd, path);
	if (faulty_fails(context, FAULTY_WRITE, path))
		return -1;
	if (faulty_fails(context, FAULTY_SHORT, path))
		length /= 2;
	return audit_io_real()->write_at(NULL, fd, bytes, length, offset);
}

static inline void faulty_look(struct faulty *faulty, int fd, bool fails)
{
	struct stat st, other;

	pthread_mutex_lock(&faulty->lock);
	for (unsigned i = 0; i < faulty->failed_count; i++)
		if (fstat(fd, &st) == 0 && fstat(faulty->failed_fds[i], &other) == 0 &&
		    st.st_ino == other.st_ino && st.st_dev == other.st_dev)
			faulty->synced_again++;
	if (fails && faulty->failed_count < FAULTY_FAILED)
		faulty->failed_fds[faulty->failed_count++] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	pthread_mutex_unlock(&faulty->lock);
}

static inline int faulty_sync_data(void *context, int fd)
{
	struct faulty *faulty = context;
	char path[256];

	faulty_path(fd, path);
	if (atomic_load(&faulty->is_slow) && strstr(path, "/seg.")) {
		sem_post(&faulty->entered);
		while (sem_wait(&faulty->go) != 0)
			;
	}

	bool fails = faulty_fails(faulty, FAULTY_SYNC, path);

	faulty_look(faulty, fd, fails);
	return fails ? -1 : audit_io_real()->sync_data(NULL, fd);
}

static inline int faulty_sync_dir(void *context, int fd)
{
	char path[256];

	faulty_path(fd, path);
	return faulty_fails(context, FAULTY_SYNC_DIR, path) ? -1
							    : audit_io_real()->sync_dir(NULL, fd);
}

static inline int faulty_rename_at(void *context, int dir_fd, const char *from, const char *to)
{
	return faulty_fails(context, FAULTY_RENAME, to)
		       ? -1
		       : audit_io_real()->rename_at(NULL, dir_fd, from, to);
}

static inline void faulty_init(struct faulty *faulty)
{
	memset(faulty, 0, sizeof(*faulty));
	faulty->countdown = -1;
	faulty->io = *audit_io_real();
	faulty->io.context = faulty;
	faulty->io.open_at = faulty_open_at;
	faulty->io.write_at = faulty_write_at;
	faulty->io.sync_data = faulty_sync_data;
	faulty->io.sync_dir = faulty_sync_dir;
	faulty->io.rename_at = faulty_rename_at;
	pthread_mutex_init(&faulty->lock, NULL);
	sem_init(&faulty->entered, 0, 0);
	sem_init(&faulty->go, 0, 0);
}

static inline void faulty_done(struct faulty *faulty)
{
	for (unsigned i = 0; i < faulty->failed_count; i++)
		close(faulty->failed_fds[i]);
	sem_destroy(&faulty->entered);
	sem_destroy(&faulty->go);
	pthread_mutex_destroy(&faulty->lock);
}

/* From now on @calls on files with @name in their path fail, @left times (-1: always). */
static inline void faulty_set(struct faulty *faulty, unsigned calls, const char *name, int left)
{
	pthread_mutex_lock(&faulty->lock);
	faulty->calls = calls;
	faulty->name = name;
	faulty->left = left;
	faulty->met = 0;
	pthread_mutex_unlock(&faulty->lock);
}

/* The call after @calls more of any kind fails too, counted from now or from the first failure on; -1: none does. */
static inline void faulty_count(struct faulty *faulty, int calls, bool is_now)
{
	pthread_mutex_lock(&faulty->lock);
	faulty->countdown = calls;
	faulty->is_counting = is_now;
	pthread_mutex_unlock(&faulty->lock);
}

static inline unsigned faulty_met(struct faulty *faulty)
{
	pthread_mutex_lock(&faulty->lock);

	unsigned met = faulty->met;

	pthread_mutex_unlock(&faulty->lock);
	return met;
}

#endif
