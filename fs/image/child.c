/* child.c - process, lanes and windows of one bailee-reader */
#include "fs/image/child.h"

#include "fs/image/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LANE_FDS  3
#define CHILD_FDS (WIRE_LANES * LANE_FDS)
#define ABOVE_FDS                                                                                  \
	(WIRE_FIRST_FD + CHILD_FDS) /* what the child inherits starts out here or higher */

/* All that happens between fork and exec, made ready before: only async-signal-safe calls there. */
struct plan {
	const char *path;
	char *const *arguments, *const *environment;
	int null_fd;
	int fds[CHILD_FDS]; /* to become WIRE_FIRST_FD and up */
	volatile int error; /* of exec; vfork shares our memory */
};

uint64_t image_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static _Noreturn void become_reader(struct plan *plan)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t none;

	/* First the handlers, then the mask: none of the daemon's handlers may run in here. */
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &usual, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid(); /* a terminal's ctrl-C is the daemon's to handle */
	bool is_placed = chdir("/") == 0;
	for (int i = 0; i < WIRE_FIRST_FD; i++)
		is_placed = is_placed && dup2(plan->null_fd, i) == i;
	for (int i = 0; i < CHILD_FDS; i++)
		is_placed = is_placed && dup2(plan->fds[i], WIRE_FIRST_FD + i) >= 0;
	if (is_placed && close_range(ABOVE_FDS, ~0U, 0) == 0)
		execve(plan->path, plan->arguments, plan->environment);
	plan->error = errno ? errno : EIO;
	_exit(127);
}

/* vfork: a fork of a daemon with many threads would copy its page tables and take its locks. */
static pid_t spawn(struct plan *plan)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = vfork();
	if (pid == 0)
		become_reader(plan);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* Out of the way of the numbers the child wants. */
static int move_up(int fd)
{
	int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_FDS);

	fd_close(fd);
	return moved;
}

/* Sealed in size, or the child could shrink it under our reads (SIGBUS). */
static int window_open(uint8_t **out_window)
{
	BL_CLEANUP(fd_close)
	int fd = move_up(memfd_create("bailee-reader", MFD_CLOEXEC | MFD_ALLOW_SEALING));

	if (fd < 0 || ftruncate(fd, WIRE_WINDOW) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -1;
	void *window = mmap(NULL, WIRE_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (window == MAP_FAILED)
		return -1;
	*out_window = window;
	return fd_take(&fd);
}

static bool lane_open(struct image_lane *lane, int *child_fds)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	lane->socket = pair[0];
	child_fds[0] = move_up(pair[1]);
	child_fds[1] = window_open(&lane->data);
	child_fds[2] = window_open(&lane->blocks);
	return child_fds[0] >= 0 && child_fds[1] >= 0 && child_fds[2] >= 0;
}

static void lane_close(struct image_lane *lane)
{
	fd_close(lane->socket);
	if (lane->data)
		munmap(lane->data, WIRE_WINDOW);
	if (lane->blocks)
		munmap(lane->blocks, WIRE_WINDOW);
}

void image_child_kill(const struct image_child *child)
{
	if (child->pidfd >= 0)
		(void)pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
	else if (child->pid > 0)
		(void)kill(child->pid, SIGKILL);
}

void image_child_stop(struct image_child *child)
{
	if (child->pid > 0) {
		image_child_kill(child);
		while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	fd_close(child->pidfd);
	for (size_t i = 0; i < WIRE_LANES; i++)
		lane_close(&child->lanes[i]);
	child->pid = 0;
	child->pidfd = -1;
}

static enum bl_status run(const char *path, const struct image_source *source,
			  struct image_child *child, struct plan *plan, struct bl_error *why)
{
	char lanes[12], bytes[24];
	char name[] = "bailee-reader", zone[] = "TZ=UTC0";
	char *const arguments[] = {name, lanes, bytes, NULL};
	char *const environment[] = {zone, NULL};

	snprintf(lanes, sizeof(lanes), "%d", WIRE_LANES);
	snprintf(bytes, sizeof(bytes), "%" PRIu64, source->bytes.size_bytes);
	plan->path = path;
	plan->arguments = arguments;
	plan->environment = environment;
	for (size_t i = 0; i < WIRE_LANES; i++)
		if (!lane_open(&child->lanes[i], &plan->fds[i * LANE_FDS]))
			return bl_fail_errno(why, BL_NO_MEMORY, "cannot make lanes for the reader");
	plan->null_fd = move_up(open("/dev/null", O_RDWR | O_CLOEXEC));
	if (plan->null_fd < 0)
		return bl_fail_errno(why, BL_FAILED, "cannot open '/dev/null'");
	child->pid = spawn(plan);
	if (child->pid < 0)
		return bl_fail_errno(why, BL_NO_MEMORY, "cannot start the reader");
	child->pidfd = pidfd_open(child->pid, 0);
	errno = plan->error;
	if (plan->error)
		return bl_fail_errno(why, BL_FAILED, "cannot run the reader '%s'", path);
	return BL_OK;
}

/* One message of the right size, or why not. */
static enum image_outcome receive(const struct image_lane *lane, uint64_t deadline_ns,
				  struct wire_message *out)
{
	for (;;) {
		uint64_t now = image_now_ns();
		uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
		struct timespec wait = {(time_t)(left / 1000000000), (long)(left % 1000000000)};
		struct pollfd poll_fd = {.fd = lane->socket, .events = POLLIN};

		/* Checked before each wait: a child that always has something to ask is late too. */
		if (left == 0)
			return OUTCOME_HUNG;
		int ready = ppoll(&poll_fd, 1, &wait, NULL);
		if (ready <= 0 && (ready == 0 || errno == EINTR))
			continue;
		ssize_t got = recv(lane->socket, out, sizeof(*out), MSG_DONTWAIT | MSG_TRUNC);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return OUTCOME_DIED;
		if ((size_t)got != sizeof(*out) || out->magic != WIRE_MAGIC)
			return OUTCOME_GARBAGE;
		return OUTCOME_ANSWER;
	}
}

/* Never waits: a child that does not take what it asked for is broken. */
static enum image_outcome tell(const struct image_lane *lane, const struct wire_message *message)
{
	for (;;) {
		ssize_t sent =
			send(lane->socket, message, sizeof(*message), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent == (ssize_t)sizeof(*message))
			return OUTCOME_ANSWER;
		if (sent < 0 && errno == EINTR)
			continue;
		return sent < 0 && errno == EAGAIN ? OUTCOME_GARBAGE : OUTCOME_DIED;
	}
}

static int read_blocks(const struct image_source *source, uint64_t offset, uint64_t length,
		       uint8_t *out, bool *out_is_tampered)
{
	const struct image_bytes *bytes = &source->bytes;
	uint64_t end;

	if (length == 0 || length > WIRE_WINDOW || __builtin_add_overflow(offset, length, &end) ||
	    end > bytes->size_bytes)
		return EINVAL;
	enum bl_status status = bytes->read(bytes->context, offset, out, (size_t)length, NULL);
	if (status == BL_TAMPERED)
		*out_is_tampered = true;
	return status == BL_OK ? 0 : EIO;
}

struct budget {
	uint64_t blocks, bytes;
	bool is_tampered;
};

static enum image_outcome serve_block(const struct image_lane *lane,
				      const struct image_source *source, struct budget *budget,
				      const struct wire_message *asked)
{
	struct wire_message answer = *asked;

	if (budget->blocks == 0 || asked->length > budget->bytes)
		return OUTCOME_GREEDY;
	budget->blocks--;
	budget->bytes -= asked->length;
	answer.is_answer = 1;
	answer.error = read_blocks(source, asked->offset, asked->length, lane->blocks,
				   &budget->is_tampered);
	if (answer.error)
		answer.length = 0;
	return tell(lane, &answer);
}

static enum image_outcome take_answer(const struct image_lane *lane,
				      const struct wire_message *answer, struct image_reply *out)
{
	*out = (struct image_reply){.error = answer->error, .offset = answer->offset};
	if (answer->error < 0 || answer->length > WIRE_WINDOW)
		return OUTCOME_GARBAGE;
	if (answer->error || answer->length == 0)
		return OUTCOME_ANSWER;
	/* Copied before anything is checked: the child can change the window at any time. */
	out->bytes = malloc((size_t)answer->length);
	if (!out->bytes)
		return OUTCOME_NO_MEMORY;
	out->length = (size_t)answer->length;
	memcpy(out->bytes, lane->data, out->length);
	return OUTCOME_ANSWER;
}

enum image_outcome image_lane_ask(struct image_lane *lane, const struct image_source *source,
				  const struct image_call *call, struct image_reply *out_reply)
{
	uint64_t deadline = image_now_ns() + source->try_ns;
	struct budget budget = {IMAGE_BUDGET_BLOCKS, IMAGE_BUDGET_BYTES, false};
	struct wire_message message = {
		.magic = WIRE_MAGIC,
		.op = call->op,
		.volume = call->volume,
		.inode = call->inode,
		.offset = call->offset,
		.length = call->length,
		.serial = ++lane->serial,
	};
	enum image_outcome outcome = tell(lane, &message);

	while (outcome == OUTCOME_ANSWER) {
		outcome = receive(lane, deadline, &message);
		if (outcome != OUTCOME_ANSWER)
			break;
		if (message.op == WIRE_BLOCK && !message.is_answer)
			outcome = serve_block(lane, source, &budget, &message);
		else if (message.op == call->op && message.is_answer == 1 &&
			 message.serial == lane->serial)
			break;
		else
			outcome = OUTCOME_GARBAGE;
	}
	if (outcome == OUTCOME_ANSWER)
		outcome = take_answer(lane, &message, out_reply);
	out_reply->is_tampered = budget.is_tampered;
	return outcome;
}

static enum bl_status wait_ready(const struct image_child *child, const struct image_source *source,
				 struct bl_error *why)
{
	struct wire_message message;
	enum image_outcome outcome =
		receive(&child->lanes[0], image_now_ns() + source->try_ns, &message);

	if (outcome == OUTCOME_ANSWER && message.op == WIRE_READY)
		return BL_OK;
	if (outcome == OUTCOME_HUNG)
		return bl_fail(why, BL_TIMED_OUT, "the reader was not ready in time");
	return bl_fail(why, BL_IO, "the reader could not seal itself");
}

enum bl_status image_child_start(const char *path, const struct image_source *source,
				 struct image_child *out_child, struct bl_error *why)
{
	struct image_child child = {.pidfd = -1};
	struct plan plan = {.null_fd = -1};

	for (size_t i = 0; i < CHILD_FDS; i++)
		plan.fds[i] = -1;
	for (size_t i = 0; i < WIRE_LANES; i++)
		child.lanes[i].socket = -1;
	enum bl_status status = run(path, source, &child, &plan, why);
	/* Only the child has its ends now, so that its death is an end of file here. */
	for (size_t i = 0; i < CHILD_FDS; i++)
		fd_close(plan.fds[i]);
	fd_close(plan.null_fd);
	if (status == BL_OK)
		status = wait_ready(&child, source, why);
	if (status != BL_OK) {
		image_child_stop(&child);
		return status;
	}
	*out_child = child;
	return BL_OK;
}
