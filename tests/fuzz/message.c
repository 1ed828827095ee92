/* Whatever a peer of the control socket sends: one JSON object comes out, or a refusal in one line; no descriptor is kept. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fs/daemon/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_refusal(enum bl_status status, const struct bl_error *why)
{
	if (status != BL_NO_MEMORY && (!*why->text || strpbrk(why->text, "\n\x1b")))
		abort();
}

/* What was understood can be said again, and is then understood the same. */
static void check_message(const json_t *message, const int ends[2])
{
	BL_CLEANUP(json_decref) json_t *again = NULL;
	BL_CLEANUP(fd_close) int passed = -1;

	if (!json_is_object(message))
		abort();
	if (message_send(ends[0], message, -1, NULL) != BL_OK)
		return; /* escaped, it may be longer than the limit */
	if (message_receive(ends[1], &again, &passed, NULL) != BL_OK ||
	    !json_equal(message, again) || passed >= 0)
		abort();
}

static int next_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	fd_close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	int before = next_fd(), ends[2];
	struct bl_error why = {.text = ""};
	BL_CLEANUP(json_decref) json_t *message = NULL;
	int passed = -1;

	if (length == 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return 0;
	/* The first byte's lowest bit: whether a descriptor comes along. */
	int pass_fd = bytes[0] & 1 ? ends[1] : -1;

	if (message_send_bytes(ends[0], bytes + 1, length - 1, pass_fd, NULL) == BL_OK) {
		shutdown(ends[0], SHUT_WR);
		enum bl_status status = message_receive(ends[1], &message, &passed, &why);

		if (status != BL_OK && (message || passed >= 0))
			abort();
		if (status != BL_OK)
			check_refusal(status, &why);
		else if ((passed >= 0) != (pass_fd >= 0))
			abort();
	}
	fd_close(passed);
	fd_close(ends[0]);
	fd_close(ends[1]);
	if (message && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0) {
		check_message(message, ends);
		fd_close(ends[0]);
		fd_close(ends[1]);
	}
	if (next_fd() != before)
		abort();
	return 0;
}
