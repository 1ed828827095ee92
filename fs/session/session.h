/* session.h - sealed sessions: somebody browses a device with ordinary viewers, and only a screen gets out
 *
 * docs/sessions.md says how it all hangs together. This part launches (launch.h), makes the screen safe (screen.h), and here brokers: one
 * thread for each session that relays a terminal, counts what is shown, keeps rate and time limits and ends what has to end. The view,
 * its mount and the log are the daemon's, who joins them.
 */
#ifndef FS_SESSION_SESSION_H
#define FS_SESSION_SESSION_H

#include <sys/types.h>

#include "fs/session/launch.h"
#include "fs/session/screen.h"
#include "policy/base.h"

/*
 * Between broker and client: datagrams of a SEQPACKET socket, the first byte says what. docs/protocol.md, "A session's terminal".
 * Numbers are little-endian.
 */
#define SESSION_FRAME 16384u /* bytes of one at most, kind included */
enum session_frame {
	SESSION_OUTPUT = 'O', /* to the client: bytes for its terminal */
	SESSION_END =
		'E', /* to the client, the last: exit code (1 byte), then why, in words; no NUL */
	SESSION_INPUT = 'I', /* from the client: what was typed */
	SESSION_SIZE = 'W',  /* from the client: rows, columns (2 bytes each) of its terminal */
};

/* A person reads some hundred bytes a second, and pages at a few screens: more is somebody's program. docs/sessions.md, "Limits" */
#define SESSION_RATE  (64u << 10) /* bytes of text a second */
#define SESSION_BURST (256u << 10)
/* What is shown is counted, durably, before it is: in steps of so many bytes. */
#define SESSION_STEP  (16u << 10)
#define SESSION_LEAVE 0x1d /* Ctrl-]: leave, whatever the viewer does */

struct session;

/* Why it ended; told once. */
struct session_end {
	uint64_t shown;	  /* bytes of text that went to the client */
	uint64_t counted; /* bytes that were counted before they were shown: at least as many */
	bool is_begun;	  /* the first screen was acknowledged */
	char text[sizeof(((struct bl_error *)0)->text)]; /* as the client is told */
};

struct session_options {
	struct launched
		launched; /* owned by the session from here on, but for fuse_fd, which is the caller's and -1 here */
	int client_fd;		 /* SEQPACKET; owned by the session from here on */
	struct screen_size size; /* of the person's terminal; the pty has one row less */
	const char *
		mark; /* what the watermark says before the time: person, device, session number. Copied */
	const char *
		welcome; /* the first screen, lines with "\n", UTF-8 of our own words; it is wrapped and cut to the screen. Copied */
	int64_t idle_seconds, total_seconds; /* nothing typed for so long; in all. More than 0 */

	/*
	 * From the broker's own thread; they may wait for the log. On anything but BL_OK the session ends with the words in @why.
	 *   begin  the first screen was acknowledged by a key; nothing of the device was shown before
	 *   show   so many more bytes are about to be shown
	 */
	enum bl_status (*begin)(void *context, struct bl_error *why);
	enum bl_status (*show)(void *context, uint64_t bytes, struct bl_error *why);
	/* How many reads were refused so far; @out, if not NULL: why the last one was, in words. From the broker's thread. NULL: nobody knows */
	uint64_t (*refused)(void *context, char *out, size_t size);
	/*
	 * Told once, from the broker's thread, when its processes were killed: whatever they wait for can be taken away, so that they die.
	 * NULL: nobody minds. May not call session_*.
	 */
	void (*over)(void *context);
	/* Told once, from the broker's thread, when everything in it is dead; not when session_start fails. May not call session_*. */
	void (*ended)(void *context, const struct session_end *end);
	void *context;
};

/*
 * session_start - relay from now on: first the welcome, which wants one key (q, Ctrl-C, Ctrl-D or Ctrl-] leave instead), then launch_go
 * and the viewer
 *
 * The view's mount is being served already. Whatever comes of it, what options->launched and client_fd hold is the session's.
 * BL_OK, BL_NO_MEMORY.
 */
enum bl_status session_start(const struct session_options *options, struct session **out_session,
			     struct bl_error *why) BL_MUST_CHECK;
/*
 * session_end - it is over, with these words for its person: processes killed before this returns, and not a byte shown afterwards
 *
 * Any thread, any number of times; the first words count. Does not wait for the broker.
 */
void session_end(struct session *session, const char *text);
/* session_stop - session_end, wait for the broker (ended has been called), free */
void session_stop(struct session *session, const char *text);

/* What `bailee sessions` tells of one. Any thread. */
struct session_state {
	uint64_t shown;
	int64_t idle_seconds; /* since something was typed */
	bool is_begun;	      /* the first screen was acknowledged */
};
void session_state(struct session *session, struct session_state *out);

/* session_span - "15 minutes", "8 hours", "90 seconds" */
void session_span(int64_t seconds, char *out, size_t size);

/* ---- whose terminal, and who can look on (sight.c) ----------------------------------------------- */

/*
 * sight_is_terminal - are both descriptors one terminal that belongs to @uid? BL_OK; BL_INVALID with what to do.
 */
enum bl_status sight_is_terminal(int input_fd, int output_fd, uid_t uid,
				 struct bl_error *why) BL_MUST_CHECK;
/*
 * sight_hides - does every /proc that process @pid sees hide other people's processes (hidepid=invisible or ptraceable, no gid=)?
 *
 * Otherwise everybody on this host can read which files a session's viewers were started with. What cannot be told hides nothing.
 */
bool sight_hides(pid_t pid);

/* ---- throw-away uids (uid.c) ---------------------------------------------------------------------- */

/*
 * Each session is another uid to everybody outside it: of no account, from SESSION_UID_FIRST on, never given twice by one store until all
 * 2^28 were. Numbers are taken from the store in blocks (docs/format-store.md, "session.uids"), so a crash only skips some.
 */
struct session_uids;
/* session_uids_new - @store_fd: the store's folder, borrowed. NULL: no memory */
struct session_uids *session_uids_new(int store_fd);
void session_uids_free(struct session_uids *uids);
BL_DEFINE_CLEANUP(struct session_uids, session_uids_free)
/* session_uids_next - any thread. BL_OK, BL_IO, BL_TAMPERED (the file is not what we wrote), BL_NO_MEMORY */
enum bl_status session_uids_next(struct session_uids *uids, uint32_t *out_uid,
				 struct bl_error *why) BL_MUST_CHECK;

#endif
