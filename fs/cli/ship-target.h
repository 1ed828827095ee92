/* ship-target.h - where bailee log ship sends: one small interface, a file for each kind of receiver. Private to fs/cli */
#ifndef FS_CLI_SHIP_TARGET_H
#define FS_CLI_SHIP_TARGET_H

#include <sys/types.h>

#include "policy/base.h"

#define SHIP_WAIT_MS	30000 /* for a receiver that takes or answers nothing */
#define SHIP_CONFIRM_MS 60000 /* for one that has to read to the end first */
#define SHIP_STOP_MS	5000  /* the same, once we were told to stop */

struct ship_target;

/*
 * What a kind of receiver does. Nothing waits longer than the times above; open and send give up when @stop_fd becomes readable,
 * confirm SHIP_STOP_MS later.
 *
 * open     BL_OK; BL_INVALID, BL_EXISTS: will be no better by waiting; anything else: try again later
 * send     one message, without the end of its line. What failed may have been sent in part
 * confirm  BL_OK: the receiver has all that was sent since the last BL_OK. It may close; the next message opens again
 * close    lets go, whatever is under way; nothing when it is not open. Of a file: what was not confirmed is cut off
 */
struct ship_kind {
	const char *scheme; /* "tcp:" */
	enum bl_status (*open)(struct ship_target *target, struct bl_error *why);
	enum bl_status (*send)(struct ship_target *target, const char *message, size_t length,
			       struct bl_error *why);
	enum bl_status (*confirm)(struct ship_target *target, struct bl_error *why);
	void (*close)(struct ship_target *target);
};
extern const struct ship_kind SHIP_FILE, SHIP_UNIX, SHIP_TCP, SHIP_TLS;

struct ship_target {
	const struct ship_kind *kind;
	const char *path;	     /* of file: and unix:; borrowed */
	char host[256], port[6];     /* of tcp: and tls: */
	const char *ca, *cert, *key; /* files of tls:; borrowed; may be NULL */
	bool is_counted; /* a stream is framed by octet counting (RFC 6587, 3.4.1), else by newlines */
	int stop_fd;	 /* readable: we were told to stop; -1: none */
	int fd;		 /* -1: not open */
	bool is_datagram;	 /* unix: */
	off_t confirmed_bytes;	 /* file: */
	void *context, *session; /* tls: SSL_CTX, SSL */
};

/*
 * ship_target_init - read "tcp:HOST:PORT" and the like; what is not named here is the caller's to set before it opens
 *
 * @name  borrowed for the target's life
 *
 * BL_OK, BL_INVALID
 */
enum bl_status ship_target_init(struct ship_target *target, const char *name,
				struct bl_error *why) BL_MUST_CHECK;

/* ---- what streams share: ship-stream.c -------------------------------------------------------- */

int64_t ship_now_ms(void);
/* ship_wait - for @events of the connection. BL_OK, BL_TIMED_OUT, BL_FAILED (told to stop, and not @is_last) */
enum bl_status ship_wait(const struct ship_target *target, short events, int64_t until_ms,
			 bool is_last, struct bl_error *why) BL_MUST_CHECK;
/* ship_frame - what stands before a message of a stream ("" or "123 "), and gives back what stands behind it ("" or "\n") */
#define SHIP_FRAME 24
const char *ship_frame(const struct ship_target *target, size_t length, char out[SHIP_FRAME]);
enum bl_status ship_stream_send(struct ship_target *target, const char *message, size_t length,
				struct bl_error *why) BL_MUST_CHECK;
/*
 * ship_stream_end - half close, and wait until the receiver, who read to our end, closes too. Closes in any case
 *
 * @may_have_ended  the receiver may have ended already (it said so above us)
 */
enum bl_status ship_stream_end(struct ship_target *target, bool may_have_ended,
			       struct bl_error *why) BL_MUST_CHECK;
void ship_stream_close(struct ship_target *target);
enum bl_status ship_tcp_connect(struct ship_target *target, struct bl_error *why) BL_MUST_CHECK;

#endif
