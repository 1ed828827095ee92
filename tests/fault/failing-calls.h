/* failing-calls.h - one call of the C library fails: an allocation, or a call to the kernel. Include in one file of a program
 *
 * The program's own malloc and the calls below take the place of libc's, also for the libraries it is linked with. They are libc's (or
 * the sanitizer's) until faults_arm() names a kind and a number; then that call of any thread fails, and no other. Threads that are begun
 * are under fire in all of their function; a test's own thread is only between faults_on() and faults_off().
 */
#ifndef TESTS_FAULT_FAILING_CALLS_H
#define TESTS_FAULT_FAILING_CALLS_H

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the loader keeps of a library that is loaded while the test runs. */
#ifdef __SANITIZE_ADDRESS__
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:_dl_map_object_deps\n";
}
#endif

/* The race detector watches what threads do by the very calls that are replaced here. */
#ifdef __SANITIZE_THREAD__
#define FAULTS_IN_THE_WAY true
#else
#define FAULTS_IN_THE_WAY false
#endif

/* These are called before a sanitizer has begun. */
#define FAULTS_BARE __attribute__((no_sanitize("address", "undefined")))

#define FAULT_TRACE 24

enum fault_kind { FAULT_MEMORY, FAULT_CALL, FAULT_KINDS };

static struct {
	atomic_int kind; /* FAULT_KINDS: none */
	atomic_long left;
	atomic_bool has_failed;
	_Atomic(const char *) what;
	void *trace[FAULT_TRACE];
	int depth;	   /* of trace */
	atomic_long live;  /* blocks of memory in use */
	atomic_long asked; /* calls that took memory, gave it back, or moved it; of all threads */
} faults = {.kind = FAULT_KINDS};

static _Thread_local bool faults_spared = true;

/* Call number @at (from 0) of @kind fails. */
static inline void faults_arm(enum fault_kind kind, long at)
{
	atomic_store(&faults.left, at);
	atomic_store(&faults.has_failed, false);
	atomic_store(&faults.kind, (int)kind);
}

/* Not now, and on from where it was. */
static inline void faults_pause(void)
{
	atomic_store(&faults.kind, FAULT_KINDS);
}

static inline void faults_resume(enum fault_kind kind)
{
	atomic_store(&faults.kind, (int)kind);
}

static inline void faults_on(void)
{
	faults_spared = false;
}

static inline void faults_off(void)
{
	faults_spared = true;
}

FAULTS_BARE static bool faults_fail(enum fault_kind kind, const char *what)
{
	if (atomic_load(&faults.kind) != (int)kind || faults_spared ||
	    atomic_fetch_sub(&faults.left, 1) != 0)
		return false;
	bool was_spared = faults_spared;

	faults_spared = true;
	faults.depth = backtrace(faults.trace, FAULT_TRACE);
	faults_spared = was_spared;
	atomic_store(&faults.what, what);
	atomic_store(&faults.has_failed, true);
	return true;
}

/* ---- memory -------------------------------------------------------------------------------------- */

/* The one that is behind ours: a sanitizer's, or the C library's. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REAL(name)		      __interceptor_##name
#define REAL_ALIGNED(alignment, size) __interceptor_memalign(alignment, size)
void *__interceptor_memalign(size_t alignment, size_t size);
#else
#define REAL(name)		      __libc_##name
#define REAL_ALIGNED(alignment, size) __libc_memalign(alignment, size)
void *__libc_memalign(size_t alignment, size_t size);
#endif
void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *old, size_t size);
void REAL(free)(void *block);

FAULTS_BARE static void *faults_block(void *block)
{
	atomic_fetch_add(&faults.asked, 1);
	if (block)
		atomic_fetch_add(&faults.live, 1);
	return block;
}

FAULTS_BARE static bool faults_memory(const char *what)
{
	if (!faults_fail(FAULT_MEMORY, what))
		return false;
	errno = ENOMEM;
	return true;
}

FAULTS_BARE void *malloc(size_t size)
{
	return faults_memory("malloc") ? NULL : faults_block(REAL(malloc)(size));
}

FAULTS_BARE void *calloc(size_t count, size_t size)
{
	return faults_memory("calloc") ? NULL : faults_block(REAL(calloc)(count, size));
}

FAULTS_BARE void *realloc(void *old, size_t size)
{
	if (faults_memory("realloc"))
		return NULL;
	atomic_fetch_add(&faults.asked, 1);
	void *block = REAL(realloc)(old, size);

	if (!old)
		faults_block(block);
	else if (!block && !size)
		atomic_fetch_sub(&faults.live, 1);
	return block;
}

FAULTS_BARE void *reallocarray(void *old, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, bytes);
}

FAULTS_BARE void *aligned_alloc(size_t alignment, size_t size)
{
	return faults_memory("aligned_alloc") ? NULL : faults_block(REAL_ALIGNED(alignment, size));
}

void *memalign(size_t alignment, size_t size);
FAULTS_BARE void *memalign(size_t alignment, size_t size)
{
	return faults_memory("memalign") ? NULL : faults_block(REAL_ALIGNED(alignment, size));
}

FAULTS_BARE int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *block = faults_memory("posix_memalign") ? NULL : REAL_ALIGNED(alignment, size);

	if (!block)
		return ENOMEM;
	*out = faults_block(block);
	return 0;
}

FAULTS_BARE void free(void *block)
{
	if (block) {
		atomic_fetch_add(&faults.asked, 1);
		atomic_fetch_sub(&faults.live, 1);
	}
	REAL(free)(block);
}

/* ---- calls to the kernel -------------------------------------------------------------------------- */

FAULTS_BARE static bool faults_call(const char *what, int error)
{
	if (!faults_fail(FAULT_CALL, what))
		return false;
	errno = error;
	return true;
}

FAULTS_BARE static mode_t faults_mode(int flags, va_list *list)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(*list, mode_t) : 0;
}

FAULTS_BARE int open(const char *path, int flags, ...)
{
	va_list list;

	if (faults_call("open", EMFILE))
		return -1;
	va_start(list, flags);
	mode_t mode = faults_mode(flags, &list);

	va_end(list);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

FAULTS_BARE int openat(int at, const char *path, int flags, ...)
{
	va_list list;

	if (faults_call("openat", EMFILE))
		return -1;
	va_start(list, flags);
	mode_t mode = faults_mode(flags, &list);

	va_end(list);
	return (int)syscall(SYS_openat, at, path, flags, mode);
}

/* All of these are as simple: the same arguments for the kernel, -1 and an errno. */
#define CALL(type, name, number, error, parameters, ...)                                           \
	FAULTS_BARE type name parameters                                                           \
	{                                                                                          \
		return faults_call(#name, error) ? (type)-1 : (type)syscall(number, __VA_ARGS__);  \
	}

CALL(ssize_t, read, SYS_read, EIO, (int fd, void *out, size_t size), fd, out, size)
CALL(ssize_t, pread, SYS_pread64, EIO, (int fd, void *out, size_t size, off_t at), fd, out, size,
     at)
CALL(ssize_t, write, SYS_write, EIO, (int fd, const void *bytes, size_t size), fd, bytes, size)
CALL(ssize_t, pwrite, SYS_pwrite64, ENOSPC, (int fd, const void *bytes, size_t size, off_t at), fd,
     bytes, size, at)
CALL(ssize_t, writev, SYS_writev, ENOMEM, (int fd, const struct iovec *parts, int count), fd, parts,
     count)
CALL(int, ftruncate, SYS_ftruncate, EIO, (int fd, off_t size), fd, size)
CALL(off_t, lseek, SYS_lseek, EIO, (int fd, off_t at, int whence), fd, at, whence)
CALL(int, memfd_create, SYS_memfd_create, EMFILE, (const char *name, unsigned flags), name, flags)
CALL(int, socketpair, SYS_socketpair, EMFILE, (int domain, int type, int protocol, int out[2]),
     domain, type, protocol, out)
CALL(int, pidfd_open, SYS_pidfd_open, EMFILE, (pid_t pid, unsigned flags), pid, flags)
CALL(int, epoll_create1, SYS_epoll_create1, EMFILE, (int flags), flags)
CALL(int, epoll_ctl, SYS_epoll_ctl, ENOSPC, (int fd, int op, int of, struct epoll_event *event), fd,
     op, of, event)
CALL(int, eventfd, SYS_eventfd2, EMFILE, (unsigned count, int flags), count, flags)
CALL(int, dup2, SYS_dup2, EMFILE, (int from, int to), from, to)
CALL(int, chdir, SYS_chdir, EIO, (const char *path), path)
CALL(int, close_range, SYS_close_range, EINVAL, (unsigned first, unsigned last, int flags), first,
     last, flags)
CALL(int, execve, SYS_execve, ENOMEM,
     (const char *path, char *const *arguments, char *const *environment), path, arguments,
     environment)
CALL(int, unlinkat, SYS_unlinkat, EIO, (int at, const char *path, int flags), at, path, flags)
CALL(int, renameat, SYS_renameat, EIO, (int from, const char *old, int to, const char *new), from,
     old, to, new)
CALL(ssize_t, readlinkat, SYS_readlinkat, EIO, (int at, const char *path, char *out, size_t size),
     at, path, out, size)
CALL(int, statx, SYS_statx, EIO,
     (int at, const char *path, int flags, unsigned mask, struct statx *out), at, path, flags, mask,
     out)
CALL(ssize_t, getdents64, SYS_getdents64, EIO, (int fd, void *out, size_t size), fd, out, size)

FAULTS_BARE ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
	return faults_call("send", ENOBUFS) ? -1
					    : syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0);
}

FAULTS_BARE ssize_t recv(int fd, void *out, size_t size, int flags)
{
	return faults_call("recv", ENOMEM)
		       ? -1
		       : syscall(SYS_recvfrom, fd, out, size, flags, NULL, NULL);
}

FAULTS_BARE int fstat(int fd, struct stat *out)
{
	return faults_call("fstat", EIO) ? -1
					 : (int)syscall(SYS_newfstatat, fd, "", out, AT_EMPTY_PATH);
}

FAULTS_BARE int fstatat(int at, const char *path, struct stat *out, int flags)
{
	return faults_call("fstatat", EIO) ? -1
					   : (int)syscall(SYS_newfstatat, at, path, out, flags);
}

FAULTS_BARE int fcntl(int fd, int command, ...)
{
	va_list list;

	va_start(list, command);
	void *argument = va_arg(list, void *);

	va_end(list);
	return faults_call("fcntl", EMFILE) ? -1 : (int)syscall(SYS_fcntl, fd, command, argument);
}

FAULTS_BARE void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (faults_call("mmap", ENOMEM))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

FAULTS_BARE int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *limit,
		      const sigset_t *mask)
{
	struct timespec copy = limit ? *limit : (struct timespec){0};

	if (faults_call("ppoll", EINTR))
		return -1;
	return (int)syscall(SYS_ppoll, fds, count, limit ? &copy : NULL, mask, _NSIG / 8);
}

FAULTS_BARE int dup3(int from, int to, int flags)
{
	return faults_call("dup3", EMFILE) ? -1 : (int)syscall(SYS_dup3, from, to, flags);
}

struct faults_thread {
	void *(*main)(void *);
	void *context;
};

static inline void *faults_thread_main(void *context)
{
	struct faults_thread thread = *(struct faults_thread *)context;

	REAL(free)(context);
	faults_on();
	context = thread.main(thread.context);
	faults_off();
	return context;
}

FAULTS_BARE int pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*main)(void *),
			       void *context)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	struct faults_thread *thread;

	if (faults_call("pthread_create", EAGAIN))
		return EAGAIN;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	thread = REAL(malloc)(sizeof(*thread));
	*thread = (struct faults_thread){main, context};
	return real(out, attr, faults_thread_main, thread);
}

/* It comes back twice, so no function of C may stand around it: the way to libc's is a jump. */
#ifdef __x86_64__
FAULTS_BARE __attribute__((used)) static bool faults_vfork(void)
{
	return faults_call("vfork", EAGAIN);
}
__asm__(".globl vfork\n.type vfork, @function\nvfork:\n"
	"subq $8, %rsp\ncall faults_vfork\naddq $8, %rsp\n"
	"testb %al, %al\njnz 1f\njmp *__vfork@GOTPCREL(%rip)\n"
	"1: movl $-1, %eax\nret\n.size vfork, . - vfork\n");
#endif

/* What a disk takes to sync is nobody's business here, and takes long. */
FAULTS_BARE int fsync(int fd)
{
	(void)fd;
	return faults_call("fsync", EIO) ? -1 : 0;
}

FAULTS_BARE int fdatasync(int fd)
{
	(void)fd;
	return faults_call("fdatasync", EIO) ? -1 : 0;
}

/* ---- what must be as before ------------------------------------------------------------------------- */

static inline size_t faults_count(const char *folder)
{
	DIR *directory = opendir(folder);
	size_t count = 0;

	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}

/* Of a thread that was waited for the kernel may still keep the name for a moment. */
static inline bool faults_threads_are(size_t count)
{
	for (unsigned i = 0; i < 5000; i++) {
		if (faults_count("/proc/self/task") == count)
			return true;
		usleep(1000);
	}
	return false;
}

static inline bool faults_has_children(void)
{
	return waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD;
}

#endif
