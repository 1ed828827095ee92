/* relay.h - a person's terminal and a session's, joined: bytes through, nothing understood. Private to fs/cli */
#ifndef FS_CLI_RELAY_H
#define FS_CLI_RELAY_H

#include "policy/base.h"

struct relay_end {
	bool was_told; /* the session said why; else the service is gone */
	int exit_code;
	char text[512]; /* what came from the service: its own words */
};

/*
 * relay - until the session ends, or @signal_fd (signalfd) tells of another signal than SIGWINCH and SIGCONT
 *
 * @input_fd, @output_fd  the terminal; its modes are the caller's business
 * @session_fd            SEQPACKET, frames of fs/session/session.h
 * BL_OK; BL_FAILED (a signal: its number in out_end->exit_code), BL_IO (the terminal is gone).
 */
enum bl_status relay(int input_fd, int output_fd, int session_fd, int signal_fd,
		     struct relay_end *out_end) BL_MUST_CHECK;

/* relay_size - of the terminal; 24x80 when it does not say */
void relay_size(int fd, unsigned *out_rows, unsigned *out_columns);

#endif
