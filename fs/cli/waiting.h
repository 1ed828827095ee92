/* waiting.h - on a terminal: what a command waits for, when it takes longer than a second. Private to fs/cli. */
#ifndef FS_CLI_WAITING_H
#define FS_CLI_WAITING_H

#include <pthread.h>
#include <stdbool.h>

struct waiting {
	const char *command, *what; /* borrowed; @what was typed by whoever reads it */
	bool is_shown, is_over;	    /* a line stands on the terminal; its end was reached */
	bool has_thread;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t over;
};

/*
 * waiting_begin - "mount: waiting for 'x.img' (3 s)" from the second second on, on stderr, where that is a terminal
 *
 * @is_quiet  say nothing (--json). waiting_end wipes the line; between the two nobody else writes there.
 */
void waiting_begin(struct waiting *waiting, const char *command, const char *what, bool is_quiet);
void waiting_end(struct waiting *waiting);

#endif
