/* relay.h - a person's terminal and a session's, joined: bytes through, nothing understood. Private to fs/cli */
#ifndef FS_CLI_RELAY_H
#define FS_CLI_RELAY_H

#include <termios.h>

#include "policy/base.h"

struct relay {
	int input_fd, output_fd; /* the terminal; output may be non-blocking */
	int session_fd;		 /* SEQPACKET, frames of fs/session/session.h */
	int signal_fd;		 /* signalfd, non-blocking */
	const struct termios *
		raw; /* set again after SIGCONT: a shell takes its modes back meanwhile; NULL: none */
};

struct relay_end {
	bool was_told; /* the session said why; else the service is gone */
	int exit_code;
	char text[512]; /* what came from the service: its own words */
};

/*
 * relay - until the session ends, or a signal asks us to go: any but SIGWINCH and SIGCONT, and SIGTSTP, which does nothing
 *
 * BL_OK (the session's end, or the service's); BL_FAILED (a signal: its number in out_end->exit_code), BL_IO (the terminal is gone).
 */
enum bl_status relay(const struct relay *relay, struct relay_end *out_end) BL_MUST_CHECK;

/* relay_size - of the terminal; 24x80 when it does not say */
void relay_size(int fd, unsigned *out_rows, unsigned *out_columns);

#endif
