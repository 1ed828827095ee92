/* anchor.h - private to fs/audit: what a kind of anchor is, and the bounded waits they all use */
#ifndef FS_AUDIT_ANCHOR_H
#define FS_AUDIT_ANCHOR_H

#include "fs/audit/audit.h"

#define ANCHOR_TARGETS	    16	 /* at most */
#define ANCHOR_TARGET_BYTES 4096 /* of the text of one, at most */
#define ANCHOR_NUMBER	    20	 /* decimal digits of a number in a note */

/* Tests shorten them. */
struct anchor_limits {
	int64_t command_ms; /* a command that runs longer is killed */
	int64_t socket_ms;  /* until a socket has taken a message */
	int64_t hang_ms;    /* a try that takes longer is told as trouble */
	int64_t close_ms;   /* what waits is put for so long; anchors_close returns half a second
			       later at most */
	int64_t retry_first_ms,
		retry_last_ms; /* the pause before a try again doubles from one to the other */
};

/*
 * anchors_open_limited - anchors_open with other limits
 *
 * Each target has a thread of its own: a write to a medium that hangs cannot be bounded by whoever
 * does it. A thread that is still in one when anchors_close gives up ends (and frees what is left)
 * whenever that write does.
 */
enum bl_status anchors_open_limited(const char *const *targets, size_t count, int store_fd,
				    const struct anchor_limits *limits,
				    struct anchors **out_anchors,
				    struct bl_error *why) BL_MUST_CHECK;

/* A note as its parts, which lie in its text. */
struct anchor_note {
	const char *text; /* AUDIT_NOTE bytes, no NUL */
	uint64_t sequence, frame, time;
	const char *log_id;    /* ANCHOR_LOG_ID characters */
	const char *chain;     /* ANCHOR_CHAIN */
	const char *signature; /* ANCHOR_SIGNATURE */
};
#define ANCHOR_LOG_ID	 32
#define ANCHOR_CHAIN	 44
#define ANCHOR_SIGNATURE 92

/*
 * anchor_note_read - whether @text (AUDIT_NOTE bytes) has the form of a checkpoint
 *
 * Its signature is a verifier's matter.
 */
bool anchor_note_read(const char *text, struct anchor_note *out);
/* anchor_note_is_same - both speak of the same frame of the same log (their times may differ) */
bool anchor_note_is_same(const struct anchor_note *one, const struct anchor_note *other);

/* What one target has, whatever its kind; of its thread alone once that runs. */
struct anchor_place {
	struct anchors *anchors;
	char *what;		    /* path of a folder or a socket, absolute; a command */
	dev_t store_device, device; /* device: of the folder, when it was opened */
	ino_t store_inode, inode;
	bool is_same_medium;
	pid_t child;  /* 0: none; of a command that was killed and is not gone yet */
	int child_fd; /* its pidfd, or -1 */
};

/*
 * A kind of target.
 *   open  check it, fill place->what (owned by the place). Statuses as anchors_open's
 *   known the newest record of @log_id that it has a note of, signed with @public_key; 0: none. NULL: it cannot tell
 *   put   one note, within its limit and anchor_deadline. Anything but BL_OK: not taken; @why: what,
 *         and the fix in parentheses, without the target, under 108 characters
 */
struct anchor_kind {
	const char *prefix; /* "" : of a target that begins with no other */
	enum bl_status (*open)(struct anchor_place *place, const char *rest, struct bl_error *why);
	enum bl_status (*put)(struct anchor_place *place, const struct anchor_note *note,
			      struct bl_error *why);
	uint64_t (*known)(const struct anchor_place *place, const uint8_t log_id[AUDIT_LOG_ID],
			  const uint8_t public_key[VAULT_PUBLIC_KEY]);
};
extern const struct anchor_kind ANCHOR_FOLDER, ANCHOR_SYSLOG, ANCHOR_COMMAND;

/* anchor_absolute - @path from the root, owned by the caller. BL_OK, BL_IO, BL_NO_MEMORY */
enum bl_status anchor_absolute(const char *path, char **out_path,
			       struct bl_error *why) BL_MUST_CHECK;

/* ---- time ------------------------------------------------------------------------------------ */

int64_t anchor_now_ms(void); /* CLOCK_MONOTONIC */
const struct anchor_limits *anchor_limits(const struct anchors *anchors);
/* anchor_deadline - @until_ms or, if that is earlier, when anchors_close gives up; ask again */
int64_t anchor_deadline(struct anchors *anchors, int64_t until_ms);
/* anchor_wait - until @fd (-1: none) is ready for @events; false: the deadline has come */
bool anchor_wait(struct anchors *anchors, int fd, short events, int64_t until_ms);

#endif
