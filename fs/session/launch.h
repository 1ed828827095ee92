/* launch.h - between the daemon and bailee-session, the program that builds sealed places: docs/sessions.md, "Launching"
 *
 * Both ends are of one build and one machine: plain structures, one in each datagram of a SEQPACKET socket.
 */
#ifndef FS_SESSION_LAUNCH_H
#define FS_SESSION_LAUNCH_H

#include <sys/types.h>

#include "policy/base.h"
#include "policy/words.h"

#define LAUNCH_VERSION	1u
#define LAUNCH_ARGS	8192 /* bytes of a viewer's arguments, each with its NUL */
#define LAUNCH_ARGC	64   /* arguments of a viewer at most, its own name included */
#define LAUNCH_TERM	32   /* of $TERM, with NUL */
#define LAUNCH_TEXT	256
#define LAUNCH_VIEWERS	64    /* programs in the tree, at most */
#define LAUNCH_READY_MS 30000 /* a tree is built within that time, or never */
#define LAUNCH_STEP_MS	10000 /* so is every answer of a session that starts */
#define LAUNCH_INSIDE	1000u /* uid and gid inside; outside it is launch_request.uid */
/* The uids that a session can have outside: of no account (session.h, "throw-away uids") */
#define SESSION_UID_FIRST UINT32_C(0x60000000)
#define SESSION_UID_COUNT UINT32_C(0x10000000)
#define LAUNCH_LANDLOCK	  2	     /* its version, at least: Debian 12's kernel 6.1 */
#define LAUNCH_FOLDER	  "/devices" /* where the view is mounted inside */

/*
 * One session: to bailee-session, with one descriptor: the far end of the session's channel (SEQPACKET). Everything of the session
 * is then said on that channel, until its end of file.
 */
struct launch_request {
	uint32_t version;
	uint32_t
		uid; /* of no account, never used twice: what the session is for everybody outside it */
	uint16_t rows, columns; /* of the pty */
	uint16_t argc;
	uint16_t args_length;
	char term[LAUNCH_TERM];		/* a terminal of the tree's terminfo */
	char device[BL_DEVICE_ID_SIZE]; /* where one lands: LAUNCH_FOLDER/ID */
	char args[LAUNCH_ARGS]; /* argv: the viewer's path in the tree first, "/usr/bin/less" */
};

enum launch_kind {
	/* On the program's own socket, once: the tree is built (error 0), or never will be. text: viewers that are not on this host,
	 * with spaces between, or which step failed. */
	LAUNCH_READY = 1,
	/* On a session's channel, in this order. */
	LAUNCH_STARTED, /* with a pidfd of its process 1 */
	LAUNCH_MOUNTED, /* with two: /dev/fuse of its mount, the pty's master. It waits for one byte, "go" */
	LAUNCH_SEALED, /* every step is done; the viewer is about to be there */
	LAUNCH_FAILED, /* instead of any of them: text says which step, error its errno */
	LAUNCH_ENDED, /* the last word, whatever happened: status 0 (the viewer ended with 0) or 1 */
};

struct launch_report {
	uint32_t kind;
	int32_t error;
	uint32_t status;
	char text[LAUNCH_TEXT];
};

/* ---- the daemon's side (launch.c) ---------------------------------------------------------------- */

/*
 * What a session has been given; owned by the holder. launched_done kills what is still there and closes what is not -1; so begin with
 * LAUNCHED_NONE.
 */
#define LAUNCHED_NONE ((struct launched){-1, -1, -1, -1})
struct launched {
	int channel_fd, pidfd, fuse_fd, master_fd;
};
void launched_done(struct launched *launched);
#define LAUNCHED_CLEANUP __attribute__((cleanup(launched_done)))

/*
 * launch_wait_ready - until the tree of bailee-session behind @zygote_fd is built
 *
 * @out_missing  LAUNCH_TEXT bytes: viewers that this host does not have, with spaces between; may be NULL
 * BL_OK, BL_UNSUPPORTED (a step failed: which, and what to do, in @why), BL_TIMED_OUT, BL_FAILED (it is gone).
 */
enum bl_status launch_wait_ready(int zygote_fd, char *out_missing,
				 struct bl_error *why) BL_MUST_CHECK;
/*
 * launch_session - up to its mount, which is not served yet and which nobody has entered
 *
 * BL_OK, BL_UNSUPPORTED (a step failed: "no sealed session: STEP: why"), BL_TIMED_OUT, BL_FAILED. On failure nothing is left.
 */
enum bl_status launch_session(int zygote_fd, const struct launch_request *request,
			      struct launched *out_launched, struct bl_error *why) BL_MUST_CHECK;
/* launch_go - the mount is served: enter, seal, start the viewer. Its answer comes on the channel. */
enum bl_status launch_go(const struct launched *launched, struct bl_error *why) BL_MUST_CHECK;
/* launch_kill - everything in it, at once; also of one that is gone */
void launch_kill(int pidfd);

#endif
