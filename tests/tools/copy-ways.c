/*
 * copy-ways.c - every way a program may try to get at a file's bytes, one by one
 *
 *   copy-ways WAY PATH                         the bytes to standard output
 *   copy-ways passed OWNER READER WAY PATH     opened by uid OWNER, sent over a Unix socket to uid READER
 *   copy-ways warm OWNER READER WAY PATH       the same after OWNER has read it all through the page cache
 *   copy-ways inherited OWNER READER WAY PATH  opened by uid OWNER, kept over a change to uid READER
 *   copy-ways ring OWNER READER KIND PATH      a ring and a file of uid OWNER's, used by uid READER (plain, sqpoll, personality)
 *   copy-ways fsuid UID WAY PATH               opened by a caller whose filesystem uid alone is UID's
 *   copy-ways getfd PID FD WAY                 taken out of another process (pidfd_getfd)
 *   copy-ways hold PATH                        opens, prints "PID FD", waits for the end of standard input
 *   copy-ways handle PATH FILE                 the file's handle to FILE (name_to_handle_at)
 *   copy-ways by-handle MOUNT FILE WAY         opened by that handle
 *   copy-ways able UID MOUNT FILE WAY          the same by UID, who may open handles (CAP_DAC_READ_SEARCH)
 *   copy-ways why PATH                         the extended attribute user.bailee.why
 *   copy-ways later WAY PATH                   opens, reads a byte, prints "open", copies when a byte comes
 *   copy-ways list all                         the names of the ways
 *
 * Exit 0: the bytes are out. 2: refused, the errno's name on standard error. 3: this kernel has no such way here.
 */
#include "policy/base.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <linux/loop.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BLOCK	     65536
#define EXIT_REFUSED 2
#define EXIT_NO_WAY  3

/* What became of a way: bytes out, or why not. */
static int refused(const char *what)
{
	int error = errno;

	fprintf(stderr, "%s: %s\n", what, strerrorname_np(error));
	return error == ENOSYS || error == EXDEV || error == EOPNOTSUPP ? EXIT_NO_WAY
									: EXIT_REFUSED;
}

_Noreturn static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void out(const void *bytes, size_t length)
{
	const char *at = bytes;

	while (length > 0) {
		ssize_t done = write(1, at, length);

		if (done <= 0)
			die("write");
		at += done;
		length -= (size_t)done;
	}
}

/* Who may not even ask for the size goes on with one: a page of the file is enough to have got at it. */
static off_t size_of(int fd)
{
	struct stat stat;

	if (fstat(fd, &stat) < 0)
		return 4096;
	return stat.st_size;
}

/* ---- plain reads ------------------------------------------------------------------------------------- */

static int way_read(int fd)
{
	static char buffer[BLOCK];
	ssize_t got;

	while ((got = pread(fd, buffer, sizeof(buffer), lseek(fd, 0, SEEK_CUR))) > 0) {
		out(buffer, (size_t)got);
		lseek(fd, got, SEEK_CUR);
	}
	return got < 0 ? refused("read") : 0;
}

static int way_preadv2(int fd)
{
	static char one[1000], two[7001];
	struct iovec parts[] = {{one, sizeof(one)}, {two, sizeof(two)}};
	off_t at = 0;
	ssize_t got;

	while ((got = preadv2(fd, parts, 2, at, RWF_HIPRI)) > 0) {
		size_t first = (size_t)got < sizeof(one) ? (size_t)got : sizeof(one);

		out(one, first);
		out(two, (size_t)got - first);
		at += got;
	}
	return got < 0 ? refused("preadv2") : 0;
}

/* Only what is in a cache already: nothing, or the same bytes as ever. */
static int way_nowait(int fd)
{
	static char buffer[BLOCK];
	struct iovec part = {buffer, sizeof(buffer)};
	off_t at = 0;
	ssize_t got;

	while ((got = preadv2(fd, &part, 1, at, RWF_NOWAIT)) > 0) {
		out(buffer, (size_t)got);
		at += got;
	}
	if (got == 0)
		return 0;
	if (errno == EAGAIN)
		errno = EOPNOTSUPP;
	return refused("preadv2 RWF_NOWAIT");
}

static int way_direct(int fd)
{
	char *buffer = aligned_alloc(4096, BLOCK);
	off_t at = 0;
	ssize_t got = -1;

	if (!buffer || fcntl(fd, F_SETFL, O_DIRECT) < 0)
		return refused("O_DIRECT");
	while ((got = pread(fd, buffer, BLOCK, at)) > 0) {
		out(buffer, (size_t)got);
		at += got;
	}
	free(buffer);
	return got < 0 ? refused("read O_DIRECT") : 0;
}

static int way_fadvise(int fd)
{
	int error = posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);

	if (error) {
		errno = error;
		return refused("fadvise");
	}
	return way_read(fd);
}

/* ---- memory ----------------------------------------------------------------------------------------- */

/* A fault on a page that is refused is a SIGBUS: let the kernel copy, which answers EFAULT instead. */
static int map(int fd, int flags, int advice)
{
	off_t size = size_of(fd);

	char *bytes = mmap(NULL, (size_t)size, PROT_READ, flags, fd, 0);

	if (bytes == MAP_FAILED) {
		if (errno == ENODEV)
			errno = EOPNOTSUPP;
		return refused("mmap");
	}
	if (advice >= 0)
		(void)!madvise(bytes, (size_t)size, advice);
	BL_CLEANUP(bl_free) char *copy = malloc((size_t)size);
	int pipes[2];

	if (!copy || pipe(pipes) < 0)
		die("pipe");
	for (off_t at = 0; at < size;) {
		size_t part = size - at > 4096 ? 4096 : (size_t)(size - at);
		ssize_t done = write(pipes[1], bytes + at, part);

		if (done < 0)
			return refused("page of mmap");
		if (read(pipes[0], copy + at, (size_t)done) != done)
			die("read of a pipe");
		at += done;
	}
	out(copy, (size_t)size);
	return 0;
}

static int way_mmap_private(int fd)
{
	return map(fd, MAP_PRIVATE, -1);
}

/* Refused, this does not come back: the kernel asks for ever (refusal-storm.sh). */
static int way_mmap_populate(int fd)
{
	return map(fd, MAP_PRIVATE | MAP_POPULATE, -1);
}

static int way_mmap_shared(int fd)
{
	return map(fd, MAP_SHARED, -1);
}

/* Not MAP_POPULATE: Linux 6.18 asks without end for a page that is refused, until the program is killed. */
static int way_mmap_advised(int fd)
{
	return map(fd, MAP_PRIVATE, MADV_WILLNEED);
}

static int way_readahead(int fd)
{
	if (readahead(fd, 0, (size_t)size_of(fd)) < 0)
		return refused("readahead");
	return map(fd, MAP_PRIVATE, -1);
}

/* ---- in the kernel ------------------------------------------------------------------------------------ */

static int copied_out(int copy_fd)
{
	static char buffer[BLOCK];
	off_t at = 0;
	ssize_t got;

	while ((got = pread(copy_fd, buffer, sizeof(buffer), at)) > 0) {
		out(buffer, (size_t)got);
		at += got;
	}
	return 0;
}

static int way_sendfile(int fd)
{
	int copy_fd = memfd_create("copy", MFD_CLOEXEC);
	off_t at = 0;
	ssize_t got;

	if (copy_fd < 0)
		die("memfd_create");
	while ((got = sendfile(copy_fd, fd, &at, BLOCK)) > 0)
		;
	return got < 0 ? refused("sendfile") : copied_out(copy_fd);
}

static int way_splice(int fd)
{
	int copy_fd = memfd_create("copy", MFD_CLOEXEC), pipes[2], tees[2];
	loff_t at = 0;
	ssize_t got;

	if (copy_fd < 0 || pipe(pipes) < 0 || pipe(tees) < 0)
		die("pipe");
	while ((got = splice(fd, &at, pipes[1], NULL, 16384, 0)) > 0) {
		if (tee(pipes[0], tees[1], (size_t)got, 0) != got)
			die("tee");
		if (splice(pipes[0], NULL, copy_fd, NULL, (size_t)got, 0) != got)
			die("splice to the copy");
		static char buffer[16384];

		if (read(tees[0], buffer, (size_t)got) != got)
			die("read of the tee");
		out(buffer, (size_t)got);
	}
	return got < 0 ? refused("splice") : 0;
}

static int way_copy_file_range(int fd)
{
	char path[] = "/tmp/copy-ways.XXXXXX";
	int copy_fd = mkstemp(path);
	loff_t at = 0;
	ssize_t got;

	if (copy_fd < 0)
		die("mkstemp");
	unlink(path);
	while ((got = copy_file_range(fd, &at, copy_fd, NULL, BLOCK, 0)) > 0)
		;
	return got < 0 ? refused("copy_file_range") : copied_out(copy_fd);
}

static int way_aio(int fd)
{
	static char buffer[BLOCK];
	aio_context_t context = 0;
	off_t at = 0;

	if (syscall(SYS_io_setup, 1, &context) < 0)
		return refused("io_setup");
	for (;;) {
		struct iocb block = {.aio_fildes = (uint32_t)fd,
				     .aio_lio_opcode = IOCB_CMD_PREAD,
				     .aio_buf = (uintptr_t)buffer,
				     .aio_nbytes = sizeof(buffer),
				     .aio_offset = at};
		struct iocb *blocks[] = {&block};
		struct io_event event;

		if (syscall(SYS_io_submit, context, 1, blocks) != 1)
			return refused("io_submit");
		if (syscall(SYS_io_getevents, context, 1, 1, &event, NULL) != 1)
			die("io_getevents");
		if (event.res <= 0) {
			errno = (int)-event.res;
			return event.res < 0 ? refused("aio") : 0;
		}
		out(buffer, (size_t)event.res);
		at += event.res;
	}
}

/* As a disk: whoever reads it, a worker of the kernel's reads the file. Only root may make one. */
static int way_loop(int fd)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), disk = -1, code = 0;
	struct loop_config config = {.fd = (unsigned)fd,
				     .info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR};
	static char buffer[BLOCK];
	char path[32];
	ssize_t got;

	if (control < 0)
		return EXIT_NO_WAY;
	for (unsigned tries = 0; tries < 100; tries++) { /* others make some, too */
		snprintf(path, sizeof(path), "/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
		disk = open(path, O_RDONLY | O_CLOEXEC);
		if (disk < 0 || ioctl(disk, LOOP_CONFIGURE, &config) == 0 || errno != EBUSY)
			break;
		close(disk);
	}
	if (disk < 0)
		return EXIT_NO_WAY;
	while ((got = read(disk, buffer, sizeof(buffer))) > 0)
		out(buffer, (size_t)got);
	if (got < 0)
		code = refused("loop");
	close(disk);
	return code;
}

/* ---- io_uring ------------------------------------------------------------------------------------------- */

struct ring {
	int fd;
	unsigned flags;
	uint8_t *queue;
	struct io_uring_params params;
	struct io_uring_sqe *entries;
};

static bool ring_open(struct ring *ring, unsigned flags)
{
	ring->params = (struct io_uring_params){.flags = flags};
	ring->fd = (int)syscall(SYS_io_uring_setup, 4, &ring->params);
	if (ring->fd < 0)
		return false;
	size_t submit = ring->params.sq_off.array + ring->params.sq_entries * sizeof(unsigned);
	size_t complete =
		ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);

	ring->flags = flags;
	ring->queue = mmap(NULL, submit > complete ? submit : complete, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQ_RING);
	ring->entries =
		mmap(NULL, ring->params.sq_entries * sizeof(struct io_uring_sqe),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
	return ring->queue != MAP_FAILED && (void *)ring->entries != MAP_FAILED;
}

static unsigned *queue_word(const struct ring *ring, unsigned offset)
{
	return (unsigned *)(void *)(ring->queue + offset);
}

/* Submit one entry and wait for its answer: a byte count or a negative errno. */
static int ring_do(struct ring *ring, const struct io_uring_sqe *entry)
{
	unsigned *tail = queue_word(ring, ring->params.sq_off.tail);
	unsigned *head = queue_word(ring, ring->params.cq_off.head);
	unsigned mask = *queue_word(ring, ring->params.sq_off.ring_mask);
	unsigned at = *tail & mask;

	ring->entries[at] = *entry;
	queue_word(ring, ring->params.sq_off.array)[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);

	bool is_polled = ring->flags & IORING_SETUP_SQPOLL;
	unsigned flags = IORING_ENTER_GETEVENTS | (is_polled ? IORING_ENTER_SQ_WAKEUP : 0);

	while (*head ==
	       __atomic_load_n(queue_word(ring, ring->params.cq_off.tail), __ATOMIC_ACQUIRE))
		if (syscall(SYS_io_uring_enter, ring->fd, is_polled ? 0 : 1, 1, flags, NULL, 0) <
			    0 &&
		    errno != EINTR)
			return -errno;
	struct io_uring_cqe *answers = (void *)(ring->queue + ring->params.cq_off.cqes);
	int result = answers[*head & *queue_word(ring, ring->params.cq_off.ring_mask)].res;

	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

static int ring_copy(struct ring *ring, int fd, uint8_t entry_flags, uint16_t personality)
{
	static char buffer[BLOCK];
	uint64_t at = 0;
	int got;

	do {
		struct io_uring_sqe entry = {.opcode = IORING_OP_READ,
					     .flags = entry_flags,
					     .fd = fd,
					     .off = at,
					     .addr = (uintptr_t)buffer,
					     .len = sizeof(buffer),
					     .personality = personality};

		got = ring_do(ring, &entry);
		if (got > 0) {
			out(buffer, (size_t)got);
			at += (uint64_t)got;
		}
	} while (got > 0);
	errno = -got;
	return got < 0 ? refused("io_uring") : 0;
}

static int uring(int fd, unsigned setup, uint8_t entry_flags)
{
	struct ring ring;

	if (!ring_open(&ring, setup)) {
		if (errno == EPERM)
			errno = ENOSYS;
		return refused("io_uring_setup");
	}
	return ring_copy(&ring, fd, entry_flags, 0);
}

/* Whoever calls, as they are now: entries may be sent in their name later. Below 0: refused. */
static int register_personality(const struct ring *ring)
{
	return (int)syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_PERSONALITY, NULL, 0);
}

static int way_uring_personality(int fd)
{
	struct ring ring;

	if (!ring_open(&ring, 0)) {
		if (errno == EPERM)
			errno = ENOSYS;
		return refused("io_uring_setup");
	}
	int personality = register_personality(&ring);

	return personality < 0 ? refused("io_uring_register")
			       : ring_copy(&ring, fd, 0, (uint16_t)personality);
}

static int way_uring(int fd)
{
	return uring(fd, 0, 0);
}

static int way_uring_async(int fd)
{
	return uring(fd, 0, IOSQE_ASYNC);
}

static int way_uring_sqpoll(int fd)
{
	return uring(fd, IORING_SETUP_SQPOLL, 0);
}

/* ---- the table ---------------------------------------------------------------------------------------------- */

static const struct way {
	const char *name;
	int (*copy)(int fd);
} WAYS[] = {
	{"read", way_read},
	{"preadv2", way_preadv2},
	{"nowait", way_nowait},
	{"direct", way_direct},
	{"fadvise", way_fadvise},
	{"mmap-private", way_mmap_private},
	{"mmap-shared", way_mmap_shared},
	{"mmap-advised", way_mmap_advised},
	{"readahead", way_readahead},
	{"sendfile", way_sendfile},
	{"splice", way_splice},
	{"copy-file-range", way_copy_file_range},
	{"aio", way_aio},
	{"uring", way_uring},
	{"uring-async", way_uring_async},
	{"uring-sqpoll", way_uring_sqpoll},
	{"uring-personality", way_uring_personality},
};

static int go(const char *name, int fd)
{
	if (strcmp(name, "mmap-populate") == 0)
		return way_mmap_populate(fd); /* not among the ways of `list`: it may not return */
	if (strcmp(name, "loop") == 0)
		return way_loop(fd); /* nor this: it is root's alone */
	for (size_t i = 0; i < sizeof(WAYS) / sizeof(WAYS[0]); i++)
		if (strcmp(WAYS[i].name, name) == 0)
			return WAYS[i].copy(fd);
	fprintf(stderr, "no such way: %s\n", name);
	return 1;
}

/* io_uring opens by itself as well: the descriptor comes from the ring. */
static int way_uring_open(const char *path)
{
	struct ring ring;
	struct io_uring_sqe entry = {.opcode = IORING_OP_OPENAT,
				     .flags = IOSQE_ASYNC,
				     .fd = AT_FDCWD,
				     .addr = (uintptr_t)path,
				     .open_flags = O_RDONLY};

	if (!ring_open(&ring, 0))
		return refused("io_uring_setup");
	int fd = ring_do(&ring, &entry);

	if (fd < 0) {
		errno = -fd;
		return refused("io_uring open");
	}
	return ring_copy(&ring, fd, 0, 0);
}

static int copy_path(const char *name, const char *path)
{
	if (strcmp(name, "uring-open") == 0)
		return way_uring_open(path);
	int fd = open(path, O_RDONLY);

	return fd < 0 ? refused("open") : go(name, fd);
}

/* ---- other people's descriptors ----------------------------------------------------------------------------- */

static void become(uid_t uid)
{
	if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		die("setresuid");
}

static void send_fd(int socket_fd, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(socket_fd, &message, 0) != 1)
		die("sendmsg");
}

static int receive_fd(int socket_fd)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	int fd;

	if (recvmsg(socket_fd, &message, 0) != 1 || !CMSG_FIRSTHDR(&message))
		die("recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static void warm_up(int fd)
{
	static char buffer[BLOCK];
	int pipes[2];
	loff_t at = 0;
	ssize_t got;

	if (pipe(pipes) < 0)
		die("pipe");
	while ((got = splice(fd, &at, pipes[1], NULL, 16384, 0)) > 0)
		if (read(pipes[0], buffer, (size_t)got) != got)
			die("read of a pipe");
	if (got < 0)
		die("splice of the owner");
}

static int passed(uid_t owner, uid_t reader, const char *way, const char *path, bool is_warm)
{
	int sockets[2], state;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0)
		die("socketpair");
	pid_t child = fork();

	if (child == 0) {
		become(owner);
		int fd = open(path, O_RDONLY);

		if (fd < 0)
			die("open by the owner");
		if (is_warm)
			warm_up(fd);
		send_fd(sockets[0], fd);
		char byte;

		/* Stays, as its file does, until the other has had its go. */
		_exit(read(sockets[0], &byte, 1) == 1 ? 0 : 1);
	}
	close(sockets[0]);
	become(reader);
	int code = go(way, receive_fd(sockets[1]));

	if (write(sockets[1], "", 1) != 1 || waitpid(child, &state, 0) != child || state != 0)
		die("the owner's side");
	return code;
}

/* Some capabilities are kept over the change. */
static void become_able(uid_t uid, unsigned kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{.permitted = kept, .effective = kept}};

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		die("PR_SET_KEEPCAPS");
	become(uid);
	if (syscall(SYS_capset, &header, data) < 0)
		die("capset");
}

/* So that one more change is possible. */
static int open_as(uid_t owner, const char *path)
{
	become_able(owner, 1u << CAP_SETUID | 1u << CAP_SETGID);
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		die("open by the owner");
	return fd;
}

static int inherited(uid_t owner, uid_t reader, const char *way, const char *path)
{
	int fd = open_as(owner, path);

	become(reader);
	return go(way, fd);
}

static int ring_of(uid_t owner, uid_t reader, const char *kind, const char *path)
{
	int fd = open_as(owner, path), personality = 0;
	struct ring ring;

	if (!ring_open(&ring, strcmp(kind, "sqpoll") == 0 ? IORING_SETUP_SQPOLL : 0)) {
		if (errno == EPERM)
			errno = ENOSYS;
		return refused("io_uring_setup");
	}
	if (strcmp(kind, "personality") == 0)
		personality = register_personality(&ring);
	if (personality < 0)
		return refused("io_uring_register");
	become(reader);
	return ring_copy(&ring, fd, 0, (uint16_t)personality);
}

static int by_fsuid(uid_t uid, const char *way, const char *path)
{
	setfsgid(uid);
	setfsuid(uid);
	return copy_path(way, path);
}

static int get_fd(pid_t pid, int number, const char *way)
{
	int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int fd = pid_fd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pid_fd, number, 0);

	return fd < 0 ? refused("pidfd_getfd") : go(way, fd);
}

static int hold(const char *path)
{
	int fd = open(path, O_RDONLY);
	char byte;

	if (fd < 0)
		return refused("open");
	printf("%d %d\n", getpid(), fd);
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}

static int later(const char *path, const char *way)
{
	int fd = open(path, O_RDONLY);
	char byte;

	if (fd < 0 || pread(fd, &byte, 1, 0) != 1)
		return refused("open");
	printf("open\n");
	fflush(stdout);
	if (read(0, &byte, 1) != 1)
		die("read of standard input");
	return go(way, fd);
}

/* ---- handles ---------------------------------------------------------------------------------------------------- */

static int save_handle(const char *path, const char *file)
{
	union {
		struct file_handle head;
		unsigned char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = {.head = {.handle_bytes = MAX_HANDLE_SZ}};
	int mount_id;

	if (name_to_handle_at(AT_FDCWD, path, &handle.head, &mount_id, 0) < 0)
		return refused("name_to_handle_at");
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, &handle, sizeof(handle)) != (ssize_t)sizeof(handle))
		die(file);
	close(fd);
	return 0;
}

static int by_handle(const char *mount, const char *file, const char *way)
{
	union {
		struct file_handle head;
		unsigned char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle;
	int fd = open(file, O_RDONLY);

	if (fd < 0 || read(fd, &handle, sizeof(handle)) != (ssize_t)sizeof(handle))
		die(file);
	int mount_fd = open(mount, O_RDONLY | O_DIRECTORY);

	if (mount_fd < 0)
		return refused("open of the mount");
	fd = open_by_handle_at(mount_fd, &handle.head, O_RDONLY);
	return fd < 0 ? refused("open_by_handle_at") : go(way, fd);
}

static int able(uid_t uid, const char *mount, const char *file, const char *way)
{
	become_able(uid, 1u << CAP_DAC_READ_SEARCH);
	return by_handle(mount, file, way);
}

static int why(const char *path)
{
	char text[8192];
	ssize_t length = getxattr(path, "user.bailee.why", text, sizeof(text));

	if (length < 0)
		return refused("getxattr");
	out(text, (size_t)length);
	return 0;
}

static uid_t uid_of(const char *text)
{
	return (uid_t)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 6 && (strcmp(what, "passed") == 0 || strcmp(what, "warm") == 0))
		return passed(uid_of(argv[2]), uid_of(argv[3]), argv[4], argv[5],
			      strcmp(what, "warm") == 0);
	if (argc == 6 && strcmp(what, "inherited") == 0)
		return inherited(uid_of(argv[2]), uid_of(argv[3]), argv[4], argv[5]);
	if (argc == 6 && strcmp(what, "ring") == 0)
		return ring_of(uid_of(argv[2]), uid_of(argv[3]), argv[4], argv[5]);
	if (argc == 6 && strcmp(what, "able") == 0)
		return able(uid_of(argv[2]), argv[3], argv[4], argv[5]);
	if (argc == 5 && strcmp(what, "fsuid") == 0)
		return by_fsuid(uid_of(argv[2]), argv[3], argv[4]);
	if (argc == 5 && strcmp(what, "getfd") == 0)
		return get_fd((pid_t)uid_of(argv[2]), (int)uid_of(argv[3]), argv[4]);
	if (argc == 5 && strcmp(what, "by-handle") == 0)
		return by_handle(argv[2], argv[3], argv[4]);
	if (argc == 4 && strcmp(what, "handle") == 0)
		return save_handle(argv[2], argv[3]);
	if (argc == 4 && strcmp(what, "later") == 0)
		return later(argv[3], argv[2]);
	if (argc == 3 && strcmp(what, "hold") == 0)
		return hold(argv[2]);
	if (argc == 3 && strcmp(what, "why") == 0)
		return why(argv[2]);
	if (argc == 3 && strcmp(what, "list") == 0) {
		for (size_t i = 0; i < sizeof(WAYS) / sizeof(WAYS[0]); i++)
			puts(WAYS[i].name);
		puts("uring-open");
		return 0;
	}
	if (argc == 3)
		return copy_path(what, argv[2]);
	fprintf(stderr, "see the head of tests/tools/copy-ways.c\n");
	return 1;
}
