/* tiny-parent.h - just enough of a parent to ask the real bailee-reader; for these tests only */
#ifndef TESTS_TINY_PARENT_H
#define TESTS_TINY_PARENT_H

#include "fs/image/wire.h"
#include "policy/base.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALL_MS	    4000
#define CALL_BLOCKS 20000 /* block requests that one call may make */

struct parent {
	pid_t pid;
	int sockets[WIRE_LANES];
	uint8_t *data[WIRE_LANES], *window[WIRE_LANES];
	int image;
	uint64_t image_bytes, serial, blocks;
	bool is_dead; /* crashed, hung, over its budget: killed and reaped */
	int wait_status;
};

/* The program lies at the top of the build folder, this test below its test/. */
static void reader_path(char *out, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", out, size - 1);
	char *at;

	out[length > 0 ? length : 0] = '\0';
	at = strstr(out, "/test/unit/");
	if (at)
		snprintf(at, size - (size_t)(at - out), "/bailee-reader");
}

static uint8_t *window_make(int *out_fd)
{
	*out_fd = memfd_create("window", MFD_CLOEXEC);
	if (*out_fd < 0 || ftruncate(*out_fd, WIRE_WINDOW))
		abort();
	uint8_t *bytes = mmap(NULL, WIRE_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, *out_fd, 0);
	if (bytes == MAP_FAILED)
		abort();
	return bytes;
}

static BL_UNUSED void child_become(const int *fds, const char *program, uint64_t image_bytes)
{
	char lanes[16], bytes[32];
	int null = open("/dev/null", O_RDWR);

	for (int i = 0; i < 3; i++)
		dup2(null, i);
	int high[3 * WIRE_LANES];
	for (int i = 0; i < 3 * WIRE_LANES; i++)
		high[i] = fcntl(fds[i], F_DUPFD, 64);
	for (int i = 0; i < 3 * WIRE_LANES; i++)
		dup2(high[i], WIRE_FIRST_FD + i);
	snprintf(lanes, sizeof(lanes), "%d", WIRE_LANES);
	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)image_bytes);
	execl(program, program, lanes, bytes, (char *)NULL);
	_exit(127);
}

static void parent_kill(struct parent *parent)
{
	if (parent->is_dead)
		return;
	parent->is_dead = true;
	kill(parent->pid, SIGKILL);
	waitpid(parent->pid, &parent->wait_status, 0);
}

/* One message from a lane, or false: the child is gone or silent for too long. */
static bool message_get(struct parent *parent, unsigned lane, int ms, struct wire_message *out)
{
	struct pollfd at = {.fd = parent->sockets[lane], .events = POLLIN};

	if (poll(&at, 1, ms) != 1)
		return false;
	return recv(parent->sockets[lane], out, sizeof(*out), 0) == (ssize_t)sizeof(*out);
}

static BL_UNUSED bool parent_start(struct parent *parent, int image, uint64_t image_bytes)
{
	char program[4096];
	int fds[3 * WIRE_LANES];
	struct wire_message ready;

	*parent = (struct parent){.image = image, .image_bytes = image_bytes};
	reader_path(program, sizeof(program));
	for (unsigned i = 0; i < WIRE_LANES; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
			abort();
		parent->sockets[i] = pair[0];
		fds[3 * i] = pair[1];
		parent->data[i] = window_make(&fds[3 * i + 1]);
		parent->window[i] = window_make(&fds[3 * i + 2]);
	}
	parent->pid = fork();
	if (parent->pid == 0)
		child_become(fds, program, image_bytes);
	for (int i = 0; i < 3 * WIRE_LANES; i++)
		close(fds[i]);
	if (message_get(parent, 0, 20000, &ready) && ready.op == WIRE_READY)
		return true;
	parent_kill(parent);
	return false;
}

static BL_UNUSED void parent_stop(struct parent *parent)
{
	for (unsigned i = 0; i < WIRE_LANES; i++) {
		close(parent->sockets[i]);
		munmap(parent->data[i], WIRE_WINDOW);
		munmap(parent->window[i], WIRE_WINDOW);
	}
	if (!parent->is_dead) {
		/* It ends by itself when its parent hangs up. */
		waitpid(parent->pid, &parent->wait_status, 0);
		parent->is_dead = true;
	}
}

static void block_answer(struct parent *parent, unsigned lane, struct wire_message *ask)
{
	ssize_t got = -1;

	if (ask->length <= WIRE_WINDOW)
		got = pread(parent->image, parent->window[lane], ask->length, (off_t)ask->offset);
	ask->is_answer = 1;
	ask->error = got == (ssize_t)ask->length ? 0 : EIO;
	(void)!send(parent->sockets[lane], ask, sizeof(*ask), MSG_NOSIGNAL);
	parent->blocks++;
}

/* Ask and serve the child's blocks until it answers: its error, or -1 when it crashed, hung or overspent. */
static int parent_ask(struct parent *parent, unsigned lane, struct wire_message ask,
		      struct wire_message *out)
{
	struct timespec begin, now;
	uint64_t most = parent->blocks + CALL_BLOCKS;

	ask.magic = WIRE_MAGIC;
	ask.serial = ++parent->serial;
	if (parent->is_dead || send(parent->sockets[lane], &ask, sizeof(ask), MSG_NOSIGNAL) < 0)
		goto dead;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		int spent = (int)((now.tv_sec - begin.tv_sec) * 1000 +
				  (now.tv_nsec - begin.tv_nsec) / 1000000);

		if (spent > CALL_MS || !message_get(parent, lane, CALL_MS - spent, out) ||
		    parent->blocks > most)
			goto dead;
		if (out->op == WIRE_BLOCK && !out->is_answer) {
			block_answer(parent, lane, out);
			continue;
		}
		return out->is_answer && out->serial == ask.serial ? out->error : -1;
	}
dead:
	/* A child that died by itself tells how; one that only hangs is killed here. */
	if (!parent->is_dead && waitpid(parent->pid, &parent->wait_status, WNOHANG) == parent->pid)
		parent->is_dead = true;
	parent_kill(parent);
	return -1;
}

#endif
