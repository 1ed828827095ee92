/* zygotes.h - the monitor's children beside the daemon: bailee-session, which starts sealed places */
#ifndef FS_DAEMON_ZYGOTES_H
#define FS_DAEMON_ZYGOTES_H

#include <sys/types.h>

#include "policy/base.h"

/* One for the policy in force, and those before it whose last session has not ended. */
#define ZYGOTES_LIMIT 16u
#define ZYGOTES_TEXT  8192u /* bytes of the names of viewers, each with its NUL */

struct zygotes {
	pid_t pids[ZYGOTES_LIMIT];
	size_t count;
};

/*
 * zygotes_start - one more, for these viewers
 *
 * @names   each with its NUL, @length bytes in all
 * @out_fd  the socket to it (fs/session/launch.h), for the daemon
 *
 * BL_OK, BL_INVALID, BL_FAILED. That its tree cannot be built is told on the socket.
 */
enum bl_status zygotes_start(struct zygotes *zygotes, const char *names, size_t length, int *out_fd,
			     struct bl_error *why) BL_MUST_CHECK;
/* zygotes_reap - those that have ended; on SIGCHLD */
void zygotes_reap(struct zygotes *zygotes);
/*
 * zygotes_end - the daemon is gone: each sees that by itself, kills its sessions and ends; waits for that, and kills what does not come to an
 * end in some seconds
 */
void zygotes_end(struct zygotes *zygotes);

#endif
