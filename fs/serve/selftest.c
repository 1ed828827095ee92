/*
 * What does this kernel do with a mount of ours? A session with serve's own settings, of one file of our making, behind a mount that lies
 * nowhere; one child answers it, another, of a uid that owns nothing, asks. Both die with us, and the mount with them.
 */
#include "fs/serve/private.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY	 65534 /* the kernel's overflow uid: no person's */
#define FILE_INO 2
#define NAME	 "file"
#define PAGE	 4096
#define LENGTH	 (4 << 20)
#define PATIENCE 10000 /* milliseconds, on a machine that has anything but time */

/* Places in the file, far enough apart that nothing is read ahead from one to the other. */
enum { AT_READ = 0, AT_RING = 1 << 19, AT_LARGE = 1 << 20, AT_SPLICE = 2 << 20, AT_MAP = 3 << 20 };

/* In memory that both children share. */
struct seen {
	atomic_uint lookups, reads, flushes, largest;
	atomic_uint uid; /* of the last read */
	struct serve_kernel found;
	atomic_bool is_done;
};

struct trial {
	struct seen *seen;
	int mount_fd, fuse_fd;
	int control
		[2]; /* the asking child's end, the answering one's: a byte is "take back what the kernel keeps" */
};

/* ---- answering ---------------------------------------------------------------------------------------- */

static struct seen *seen_of(fuse_req_t req)
{
	const struct serve *serve = fuse_req_userdata(req);

	return ((const struct trial *)serve->options.context)->seen;
}

static struct stat attributes(fuse_ino_t node)
{
	bool is_file = node == FILE_INO;

	return (struct stat){.st_ino = node,
			     .st_mode = is_file ? S_IFREG | 0400 : S_IFDIR | 0500,
			     .st_nlink = 1,
			     .st_uid = NOBODY,
			     .st_gid = NOBODY,
			     .st_size = is_file ? LENGTH : 0};
}

static void trial_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct serve *serve = fuse_req_userdata(req);
	const struct fuse_entry_param entry = {.ino = FILE_INO,
					       .attr = attributes(FILE_INO),
					       .attr_timeout = SERVE_TIMEOUT,
					       .entry_timeout = SERVE_TIMEOUT};

	atomic_fetch_add(&seen_of(req)->lookups, 1);
	if (strcmp(name, NAME) != 0 || !known_add(&serve->known, FILE_INO, parent, name))
		fuse_reply_err(req, ENOENT);
	else
		fuse_reply_entry(req, &entry);
}

static void trial_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *info)
{
	const struct stat stat = attributes(node);

	(void)info;
	fuse_reply_attr(req, &stat, SERVE_TIMEOUT);
}

static void trial_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *info)
{
	const struct fuse_file_info answer = serve_file_info(node);

	(void)info;
	fuse_reply_open(req, &answer);
}

static void trial_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		       struct fuse_file_info *info)
{
	static const char zeros[SERVE_MAX_READ];
	struct seen *seen = seen_of(req);
	size_t left = offset < LENGTH ? (size_t)(LENGTH - offset) : 0;

	(void)node, (void)info;
	atomic_fetch_add(&seen->reads, 1);
	atomic_store(&seen->uid, fuse_req_ctx(req)->uid);
	if (size > atomic_load(&seen->largest))
		atomic_store(&seen->largest, (unsigned)size);
	fuse_reply_buf(req, zeros, BL_MIN(BL_MIN(size, left), sizeof(zeros)));
}

static void trial_flush(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *info)
{
	(void)node, (void)info;
	atomic_fetch_add(&seen_of(req)->flushes, 1);
	fuse_reply_err(req, 0);
}

/* False: the connection is gone. */
static bool answer_all(struct serve *serve, struct fuse_buf *buffer)
{
	for (;;) {
		int got = fuse_session_receive_buf(serve->session, buffer);

		if (got == -EAGAIN)
			return true;
		if (got <= 0 && got != -EINTR)
			return false;
		if (got > 0)
			fuse_session_process_buf(serve->session, buffer);
	}
}

/* The keeper's part: what the kernel keeps is taken back as it is when a view has changed. */
static bool take_back(struct serve *serve, int control_fd)
{
	char byte;

	return read(control_fd, &byte, 1) == 1 && serve_invalidate(serve) &&
	       write(control_fd, &byte, 1) == 1;
}

static int answer(struct trial *trial)
{
	const struct fuse_lowlevel_ops ops = {.init = serve_ops.init,
					      .lookup = trial_lookup,
					      .getattr = trial_getattr,
					      .open = trial_open,
					      .read = trial_read,
					      .flush = trial_flush};
	const struct serve_options options = {.fuse_fd = trial->fuse_fd, .context = trial};
	struct fuse_buf buffer = {.mem = NULL};
	struct serve *serve;

	if (serve_new(NULL, &options, &serve) != BL_OK || serve_attach(serve, &ops, NULL) != BL_OK)
		return 1;
	struct pollfd polled[] = {{.fd = serve->fuse_fd, .events = POLLIN},
				  {.fd = trial->control[1], .events = POLLIN}};

	while (poll(polled, BL_COUNT(polled), -1) > 0 || errno == EINTR) {
		if (polled[1].revents && !take_back(serve, trial->control[1]))
			return 1;
		if (polled[0].revents && !answer_all(serve, &buffer))
			break;
	}
	return 0;
}

/* ---- asking ------------------------------------------------------------------------------------------- */

static bool have_taken_back(const struct trial *trial)
{
	char byte = 0;

	return write(trial->control[0], &byte, 1) == 1 && read(trial->control[0], &byte, 1) == 1;
}

static unsigned reads(const struct trial *trial)
{
	return atomic_load(&trial->seen->reads);
}

static bool ask_reads(const struct trial *trial, int fd)
{
	char bytes[PAGE];

	for (unsigned i = 1; i <= 2; i++)
		if (pread(fd, bytes, sizeof(bytes), AT_READ) != sizeof(bytes))
			return false;
	trial->seen->found.asks_each_read = reads(trial) == 2;
	return true;
}

static bool ask_splices(const struct trial *trial, int fd)
{
	char bytes[PAGE];
	unsigned first = 0;
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) != 0)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		loff_t at = AT_SPLICE;

		first = reads(trial);
		if (splice(fd, &at, pipes[1], NULL, PAGE, 0) != PAGE ||
		    read(pipes[0], bytes, PAGE) != PAGE)
			return false;
	}
	trial->seen->found.keeps_splices = reads(trial) == first;
	close(pipes[0]);
	close(pipes[1]);
	return true;
}

static void touch(const volatile char *page)
{
	(void)*page;
}

/* A page that was touched, taken back and touched again is asked for twice. */
static bool ask_map(const struct trial *trial, int fd, int flags, bool *out_is_there)
{
	char *page = mmap(NULL, PAGE, PROT_READ, flags, fd, AT_MAP);

	*out_is_there = page != MAP_FAILED;
	if (page == MAP_FAILED)
		return true;
	touch(page);
	unsigned before = reads(trial);

	if (!have_taken_back(trial))
		return false;
	touch(page);
	trial->seen->found.drops_pages &= reads(trial) > before;
	return munmap(page, PAGE) == 0;
}

static bool ask_maps(const struct trial *trial, int fd)
{
	struct serve_kernel *found = &trial->seen->found;
	bool has_private;

	found->drops_pages = true;
	return ask_map(trial, fd, MAP_PRIVATE, &has_private) && has_private &&
	       ask_map(trial, fd, MAP_SHARED, &found->has_shared_maps);
}

static bool ask_names(const struct trial *trial)
{
	struct stat stat;

	if (fstatat(trial->mount_fd, NAME, &stat, 0) != 0 || !have_taken_back(trial))
		return false;
	unsigned before = atomic_load(&trial->seen->lookups);

	if (fstatat(trial->mount_fd, NAME, &stat, 0) != 0)
		return false;
	trial->seen->found.drops_names = atomic_load(&trial->seen->lookups) > before;
	return true;
}

/* One read through a ring that a thread of the kernel's polls. */
static bool ring_read(int ring_fd, const struct io_uring_params *params, int fd)
{
	size_t size = params->sq_off.array + params->sq_entries * sizeof(unsigned);
	uint8_t *ring =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, IORING_OFF_SQ_RING);
	struct io_uring_sqe *entry =
		mmap(NULL, params->sq_entries * sizeof(*entry), PROT_READ | PROT_WRITE, MAP_SHARED,
		     ring_fd, IORING_OFF_SQES);
	static char bytes[PAGE];

	if (ring == MAP_FAILED || (void *)entry == MAP_FAILED)
		return false;
	*entry = (struct io_uring_sqe){.opcode = IORING_OP_READ,
				       .fd = fd,
				       .off = AT_RING,
				       .addr = (uintptr_t)bytes,
				       .len = PAGE};
	*(unsigned *)(void *)(ring + params->sq_off.array) = 0;
	__atomic_store_n((unsigned *)(void *)(ring + params->sq_off.tail), 1, __ATOMIC_RELEASE);
	return syscall(SYS_io_uring_enter, ring_fd, 0, 1,
		       IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, NULL, 0) >= 0;
}

static bool ask_ring(const struct trial *trial, int fd)
{
	struct io_uring_params params = {.flags = IORING_SETUP_SQPOLL};
	struct serve_kernel *found = &trial->seen->found;
	unsigned before = reads(trial);
	BL_CLEANUP(fd_close) int ring_fd = (int)syscall(SYS_io_uring_setup, 1, &params);

	found->ring = SERVE_RING_NONE;
	if (ring_fd < 0)
		return true; /* switched off, or filtered */
	if (!ring_read(ring_fd, &params, fd))
		return false;
	if (reads(trial) > before)
		found->ring = atomic_load(&trial->seen->uid) == NOBODY ? SERVE_RING_MAKER
								       : SERVE_RING_OTHER;
	return true;
}

static bool ask_large(const struct trial *trial, int fd)
{
	void *bytes = mmap(NULL, SERVE_MAX_READ, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool is_read =
		bytes != MAP_FAILED && pread(fd, bytes, SERVE_MAX_READ, AT_LARGE) == SERVE_MAX_READ;

	trial->seen->found.largest_read = atomic_load(&trial->seen->largest);
	return is_read;
}

static bool ask_all(const struct trial *trial)
{
	int fd = openat(trial->mount_fd, NAME, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || !ask_reads(trial, fd) || !ask_splices(trial, fd) || !ask_maps(trial, fd) ||
	    !ask_ring(trial, fd) || !ask_large(trial, fd) || !ask_names(trial))
		return false;
	close(fd);
	trial->seen->found.is_quiet_at_close = atomic_load(&trial->seen->flushes) == 0;
	atomic_store(&trial->seen->is_done, true);
	return true;
}

/* Before and after: a change of uid takes the signal away. */
static bool become_nobody(void)
{
	return setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
	       setresuid(NOBODY, NOBODY, NOBODY) == 0;
}

static int ask(struct trial *trial)
{
	return ask_all(trial) ? 0 : 1;
}

/* ---- all of it ------------------------------------------------------------------------------------------ */

/* Whoever starts us dies before us, and takes us along. */
static pid_t start(struct trial *trial, int (*run)(struct trial *trial), bool is_nobody)
{
	pid_t parent = getpid(), child = fork();

	if (child != 0)
		return child;
	if (is_nobody && !become_nobody())
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	_exit(run(trial));
}

static void end(pid_t child)
{
	if (child <= 0)
		return;
	kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
}

static bool wait_for(pid_t child)
{
	BL_CLEANUP(fd_close) int fd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	int count;

	do
		count = fd < 0 ? -1 : poll(&polled, 1, PATIENCE);
	while (count < 0 && fd >= 0 && errno == EINTR);
	return count == 1;
}

/* We are root, who is nobody else's person. */
static bool are_others_refused(const struct trial *trial)
{
	unsigned before = atomic_load(&trial->seen->lookups);
	int fd = openat(trial->mount_fd, NAME, O_RDONLY | O_CLOEXEC);
	bool is_refused = fd < 0 && errno == EACCES;

	fd_close(fd);
	return is_refused && atomic_load(&trial->seen->lookups) == before;
}

static enum bl_status run(struct trial *trial, struct bl_error *why)
{
	pid_t answering = start(trial, answer, false);
	pid_t asking = answering > 0 ? start(trial, ask, true) : -1;
	bool is_done = asking > 0 && wait_for(asking) && atomic_load(&trial->seen->is_done);

	if (is_done)
		trial->seen->found.refuses_others = are_others_refused(trial);
	end(asking);
	end(answering);
	return is_done ? BL_OK
		       : bl_fail(why, BL_FAILED,
				 "what the kernel does with a view cannot be found out (restart "
				 "the "
				 "service; bailee doctor tries it too)");
}

/* Not as root of a namespace that has no such user. setfsuid(2) never says so. */
static bool can_be_nobody(void)
{
	uid_t before = (uid_t)setfsuid(NOBODY);

	return setfsuid(before) == NOBODY;
}

enum bl_status serve_selftest(struct serve_kernel *out_kernel, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int mount_fd = -1;
	BL_CLEANUP(fd_close) int fuse_fd = -1;
	struct trial trial = {0};

	if (geteuid() != 0 || !can_be_nobody())
		return bl_fail(why, BL_FORBIDDEN,
			       "only the host's root can try what the kernel does with a view");
	enum bl_status status = serve_mount(NOBODY, NOBODY, &mount_fd, &fuse_fd, why);

	if (status != BL_OK)
		return status;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, trial.control) != 0)
		return bl_fail_errno(why, BL_FAILED, "cannot try what the kernel does");
	trial.mount_fd = mount_fd;
	trial.fuse_fd = fuse_fd;
	trial.seen = mmap(NULL, sizeof(*trial.seen), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (trial.seen == MAP_FAILED)
		status = bl_fail(why, BL_NO_MEMORY, "out of memory");
	else
		status = run(&trial, why);
	if (status == BL_OK)
		*out_kernel = trial.seen->found;
	if (trial.seen != MAP_FAILED)
		munmap(trial.seen, sizeof(*trial.seen));
	close(trial.control[0]);
	close(trial.control[1]);
	return status;
}
