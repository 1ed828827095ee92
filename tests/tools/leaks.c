/*
 * leaks.c - what a view tells beside contents, way by way; and somebody who goes on reading until it is refused
 *
 *   leaks tell WAY PATH       stat, statx, statfs, access, readlink, readdir, walk, getxattr, listxattr, handle: what it says, to standard
 *                             output
 *   leaks until WAY PATH      does it again and again; "going" after the first time, then until it is refused
 *   leaks value NAME PATH     an extended attribute, to standard output
 *   leaks list tell|until     the names of the ways
 *
 * Ways of until: read, splice, mmap (of one map, its pages touched again and again), fresh-mmap, uring (eight reads in flight),
 * stat, readdir, walk. PATH is a file, of the last two a folder.
 *
 * Exit 0: told. 2: refused, the errno's name on standard error (SIGBUS: a touched page was). 3: this kernel has no such way here.
 */
#include "policy/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BLOCK	     65536
#define PAGE	     4096
#define EXIT_REFUSED 2
#define EXIT_NO_WAY  3
#define IN_FLIGHT    8

static int refused(const char *what)
{
	int error = errno;

	fprintf(stderr, "%s: %s\n", what, strerrorname_np(error));
	return error == ENOSYS || error == EOPNOTSUPP ? EXIT_NO_WAY : EXIT_REFUSED;
}

_Noreturn static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- telling ------------------------------------------------------------------------------------------- */

static int tell_stat(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return refused("lstat");
	printf("%o %lld %lld %u %u\n", st.st_mode, (long long)st.st_size, (long long)st.st_mtime,
	       (unsigned)st.st_nlink, st.st_uid);
	return 0;
}

/* What the kernel keeps is enough for it. */
static int tell_statx(const char *path)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_BASIC_STATS,
		  &st) < 0)
		return refused("statx");
	printf("%o %llu\n", st.stx_mode, (unsigned long long)st.stx_size);
	return 0;
}

static int tell_access(const char *path)
{
	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return refused("access");
	puts("there");
	return 0;
}

static int tell_readlink(const char *path)
{
	char target[PAGE];
	ssize_t length = readlink(path, target, sizeof(target));

	if (length < 0)
		return refused("readlink");
	printf("%.*s\n", (int)length, target);
	return 0;
}

static int tell_readdir(const char *path)
{
	DIR *folder = opendir(path);

	if (!folder)
		return refused("opendir");
	errno = 0;
	for (const struct dirent *entry; (entry = readdir(folder));)
		puts(entry->d_name);
	int error = errno;

	closedir(folder);
	errno = error;
	return error ? refused("readdir") : 0;
}

/* Names, and what each is. */
static int tell_walk(const char *path)
{
	DIR *folder = opendir(path);
	struct stat st;

	if (!folder)
		return refused("opendir");
	errno = 0;
	for (const struct dirent *entry; (entry = readdir(folder)); errno = 0) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			break;
		printf("%s %o %lld\n", entry->d_name, st.st_mode, (long long)st.st_size);
	}
	int error = errno;

	closedir(folder);
	errno = error;
	return error ? refused("walk") : 0;
}

static int tell_getxattr(const char *path)
{
	char text[8192];
	ssize_t length = lgetxattr(path, "user.bailee.why", text, sizeof(text));

	if (length < 0)
		return refused("getxattr");
	printf("%.*s\n", (int)length, text);
	return 0;
}

static int tell_statfs(const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return refused("statfs");
	printf("type %lx, blocks of %ld: %lu, %lu, %lu free; %lu files, %lu free; names %ld\n",
	       (unsigned long)fs.f_type, (long)fs.f_bsize, fs.f_blocks, fs.f_bfree, fs.f_bavail,
	       fs.f_files, fs.f_ffree, (long)fs.f_namelen);
	return 0;
}

static int tell_value(const char *name, const char *path)
{
	char value[8192];
	ssize_t length = lgetxattr(path, name, value, sizeof(value));

	if (length < 0)
		return refused("getxattr");
	fwrite(value, 1, (size_t)length, stdout);
	return 0;
}

static int tell_listxattr(const char *path)
{
	char names[8192];
	ssize_t length = llistxattr(path, names, sizeof(names));

	if (length < 0)
		return refused("listxattr");
	for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1)
		puts(names + at);
	return 0;
}

/* That there is one is all that is told: the numbers in it are the connection's. */
static int tell_handle(const char *path)
{
	union {
		struct file_handle head;
		unsigned char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = {.head = {.handle_bytes = MAX_HANDLE_SZ}};
	int mount_id;

	if (name_to_handle_at(AT_FDCWD, path, &handle.head, &mount_id, 0) < 0)
		return refused("name_to_handle_at");
	puts("a handle");
	return 0;
}

/* ---- going on ------------------------------------------------------------------------------------------- */

/* One round of a way. 0: done once more. Else an exit code, after which it goes no further. */
struct until {
	const char *path;
	int fd;
	size_t size;
	unsigned char *bytes; /* the one map */
	unsigned char *spare; /* what is read */
};

static sigjmp_buf bus;

static void on_bus(int signal_number)
{
	(void)signal_number;
	siglongjmp(bus, 1);
}

static int touch_all(const unsigned char *bytes, size_t size)
{
	struct sigaction action = {.sa_handler = on_bus};

	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(bus, 1)) {
		fputs("touch: SIGBUS\n", stderr);
		return EXIT_REFUSED;
	}
	for (size_t at = 0; at < size; at += PAGE)
		(void)*(const volatile unsigned char *)(bytes + at);
	return 0;
}

static int until_read(struct until *until)
{
	ssize_t got = 1;

	for (off_t at = 0; got > 0; at += got)
		got = pread(until->fd, until->spare, BLOCK, at);
	return got < 0 ? refused("read") : 0;
}

static int until_splice(struct until *until)
{
	int pipes[2];
	loff_t at = 0;
	ssize_t got;

	if (pipe(pipes) < 0)
		die("pipe");
	while ((got = splice(until->fd, &at, pipes[1], NULL, 16384, 0)) > 0)
		if (read(pipes[0], until->spare, (size_t)got) != got)
			die("read of a pipe");
	int error = errno;

	close(pipes[0]);
	close(pipes[1]);
	errno = error;
	return got < 0 ? refused("splice") : 0;
}

static int until_mmap(struct until *until)
{
	if (!until->bytes)
		until->bytes = mmap(NULL, until->size, PROT_READ, MAP_PRIVATE, until->fd, 0);
	return until->bytes == MAP_FAILED ? refused("mmap") : touch_all(until->bytes, until->size);
}

static int until_fresh_mmap(struct until *until)
{
	unsigned char *bytes = mmap(NULL, until->size, PROT_READ, MAP_PRIVATE, until->fd, 0);

	if (bytes == MAP_FAILED)
		return refused("mmap");
	int code = touch_all(bytes, until->size);

	munmap(bytes, until->size);
	return code;
}

static int until_stat(struct until *until)
{
	struct stat st;

	return lstat(until->path, &st) < 0 ? refused("lstat") : 0;
}

/* Quietly: what it says is known from tell. */
static int until_folder(struct until *until, int (*tell)(const char *path))
{
	if (!freopen("/dev/null", "w", stdout))
		die("/dev/null");
	return tell(until->path);
}

static int until_readdir(struct until *until)
{
	return until_folder(until, tell_readdir);
}

static int until_walk(struct until *until)
{
	return until_folder(until, tell_walk);
}

/* ---- io_uring: reads that are under way when the right goes ------------------------------------------------ */

struct ring {
	int fd;
	struct io_uring_params params;
	uint8_t *queue;
	struct io_uring_sqe *entries;
};

static unsigned *word(const struct ring *ring, unsigned offset)
{
	return (unsigned *)(void *)(ring->queue + offset);
}

static bool ring_open(struct ring *ring)
{
	ring->params = (struct io_uring_params){.flags = 0};
	ring->fd = (int)syscall(SYS_io_uring_setup, IN_FLIGHT, &ring->params);
	if (ring->fd < 0)
		return false;
	size_t submit = ring->params.sq_off.array + ring->params.sq_entries * sizeof(unsigned);
	size_t complete =
		ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);

	ring->queue = mmap(NULL, BL_MAX(submit, complete), PROT_READ | PROT_WRITE, MAP_SHARED,
			   ring->fd, IORING_OFF_SQ_RING);
	ring->entries = mmap(NULL, ring->params.sq_entries * sizeof(struct io_uring_sqe),
			     PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	return ring->queue != MAP_FAILED && (void *)ring->entries != MAP_FAILED;
}

/* All of them handed to workers of the kernel, so that they are under way at the same time; the first refusal is the answer. */
static int ring_round(struct ring *ring, struct until *until)
{
	unsigned *tail = word(ring, ring->params.sq_off.tail);
	unsigned *head = word(ring, ring->params.cq_off.head);
	unsigned sq_mask = *word(ring, ring->params.sq_off.ring_mask);
	unsigned cq_mask = *word(ring, ring->params.cq_off.ring_mask);
	const struct io_uring_cqe *answers = (void *)(ring->queue + ring->params.cq_off.cqes);
	int worst = 0;

	for (unsigned i = 0; i < IN_FLIGHT; i++) {
		unsigned at = (*tail + i) & sq_mask;

		ring->entries[at] =
			(struct io_uring_sqe){.opcode = IORING_OP_READ,
					      .flags = IOSQE_ASYNC,
					      .fd = until->fd,
					      .off = (uint64_t)i * PAGE % until->size,
					      .addr = (uintptr_t)(until->spare + i * PAGE),
					      .len = PAGE};
		word(ring, ring->params.sq_off.array)[at] = at;
	}
	__atomic_store_n(tail, *tail + IN_FLIGHT, __ATOMIC_RELEASE);
	for (unsigned sent = 0, done = 0; done < IN_FLIGHT; sent = IN_FLIGHT) {
		if (syscall(SYS_io_uring_enter, ring->fd, IN_FLIGHT - sent, IN_FLIGHT - done,
			    IORING_ENTER_GETEVENTS, NULL, 0) < 0 &&
		    errno != EINTR)
			die("io_uring_enter");
		while (*head !=
		       __atomic_load_n(word(ring, ring->params.cq_off.tail), __ATOMIC_ACQUIRE)) {
			worst = BL_MIN(worst, answers[*head & cq_mask].res);
			__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
			done++;
		}
	}
	errno = -worst;
	return worst < 0 ? refused("io_uring") : 0;
}

static int until_uring(struct until *until)
{
	struct ring ring;
	int code = 0;

	if (!ring_open(&ring)) {
		if (errno == EPERM)
			errno = ENOSYS;
		return refused("io_uring_setup");
	}
	for (unsigned i = 0; i < 64 && code == 0; i++)
		code = ring_round(&ring, until);
	close(ring.fd);
	return code;
}

/* ---- the tables ----------------------------------------------------------------------------------------------- */

static const struct tell {
	const char *name;
	int (*tell)(const char *path);
} TELL[] = {
	{"stat", tell_stat},	     {"statx", tell_statx},	  {"access", tell_access},
	{"readlink", tell_readlink}, {"readdir", tell_readdir},	  {"walk", tell_walk},
	{"statfs", tell_statfs},     {"getxattr", tell_getxattr}, {"listxattr", tell_listxattr},
	{"handle", tell_handle},
};

static const struct way {
	const char *name;
	int (*round)(struct until *until);
	bool is_by_name; /* nothing stays open between two rounds */
} UNTIL[] = {
	{"read", until_read, false},	  {"splice", until_splice, false},
	{"mmap", until_mmap, false},	  {"fresh-mmap", until_fresh_mmap, false},
	{"uring", until_uring, false},	  {"stat", until_stat, true},
	{"readdir", until_readdir, true}, {"walk", until_walk, true},
};

static int run_until(const struct way *way, const char *path)
{
	struct until until = {.path = path, .fd = -1, .spare = malloc(BLOCK)};
	struct stat st;
	int code, going = dup(1);

	if (!until.spare || going < 0)
		die("out of memory");
	if (!way->is_by_name) {
		until.fd = open(path, O_RDONLY);
		if (until.fd < 0 || fstat(until.fd, &st) < 0)
			die("open");
		until.size = (size_t)st.st_size;
	}
	code = way->round(&until);
	if (code == 0 && write(going, "going\n", 6) != 6)
		die("write");
	while (code == 0)
		code = way->round(&until);
	return code;
}

static int list(const char *what)
{
	if (strcmp(what, "tell") == 0)
		for (size_t i = 0; i < BL_COUNT(TELL); i++)
			puts(TELL[i].name);
	else
		for (size_t i = 0; i < BL_COUNT(UNTIL); i++)
			puts(UNTIL[i].name);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 3 && strcmp(what, "list") == 0)
		return list(argv[2]);
	if (argc == 4 && strcmp(what, "value") == 0)
		return tell_value(argv[2], argv[3]);
	for (size_t i = 0; argc == 4 && strcmp(what, "tell") == 0 && i < BL_COUNT(TELL); i++)
		if (strcmp(TELL[i].name, argv[2]) == 0)
			return TELL[i].tell(argv[3]);
	for (size_t i = 0; argc == 4 && strcmp(what, "until") == 0 && i < BL_COUNT(UNTIL); i++)
		if (strcmp(UNTIL[i].name, argv[2]) == 0)
			return run_until(&UNTIL[i], argv[3]);
	fprintf(stderr, "see the head of tests/tools/leaks.c\n");
	return 1;
}
