/* private.h - what the files of this part share, and what its tests turn: reports, a session's state, the first screen, /proc's mounts */
#ifndef FS_SESSION_PRIVATE_H
#define FS_SESSION_PRIVATE_H

#include <pthread.h>
#include <stdio.h>

#include "fs/session/session.h"

/* ---- launch.c ------------------------------------------------------------------------------------ */

/*
 * launch_receive - the next report, strictly of one form; never waits
 *
 * @out_fds  room for two; only STARTED has one and MOUNTED two, anything else with descriptors is refused and they are closed
 * BL_OK; BL_TIMED_OUT: there is none yet; BL_NOT_FOUND: the end of file; BL_FAILED: it is not understood.
 */
enum bl_status launch_receive(int fd, struct launch_report *out, int out_fds[2],
			      struct bl_error *why) BL_MUST_CHECK;
/* launch_failed - a LAUNCH_FAILED (or a READY with an error) in words: BL_UNSUPPORTED */
enum bl_status launch_failed(const struct launch_report *report, struct bl_error *why);

/* ---- session.c, relay.c --------------------------------------------------------------------------- */

enum session_stage {
	STAGE_WELCOME,	/* the first screen; nothing of the device was shown */
	STAGE_STARTING, /* it was acknowledged; until SEALED */
	STAGE_RUNNING,
};

#define SESSION_RAW 4096u /* of the viewer's output at once */
#define SESSION_PENDING                                                                            \
	4096u /* typed and not taken by the viewer; more is dropped, as a terminal does */
/* What a client may send: nobody types or resizes faster than that. Each frame costs its length and so much. */
#define SESSION_FRAME_COST  64
#define SESSION_TYPED_RATE  (128 << 10)
#define SESSION_TYPED_BURST (512 << 10)
#define SESSION_DRAIN_MS    3000 /* for the last output of a viewer that has ended */
#define SESSION_TOLD_MS	    2000 /* for a client to take the last words */
#define SESSION_DYING_MS    5000 /* for what was killed to be dead */

/* Where its times come from; tests have their own. */
struct session_host {
	int64_t (*now_ms)(void *context); /* counts while the host sleeps too */
	int64_t (*wall_seconds)(void *context);
	void *context;
};

/* So many bytes a second, so many at once. It may be overdrawn, and then waits longer. */
struct bucket {
	int64_t rate, most;  /* bytes a second; at once */
	int64_t level_milli; /* a thousandth of a byte */
	int64_t at_ms;
};
void bucket_fill(struct bucket *bucket, int64_t now_ms);
void bucket_take(struct bucket *bucket, int64_t bytes);
/* bucket_wait_ms - until there is something in it; 0: there is */
int64_t bucket_wait_ms(const struct bucket *bucket);

struct session {
	/* Told once, then only read */
	struct session_options options; /* its pointers: the three copies below */
	struct session_host host;
	char mark[SCREEN_MARK];
	char *welcome;
	int client_fd, channel_fd, master_fd; /* the broker's alone; -1: closed */
	int pidfd, wake_fd, timer_fd;	      /* until session_free */
	pthread_t thread;

	/* Whatever other threads look at or turn; also held while something is sent, so that nothing is shown once it is over. */
	pthread_mutex_t lock;
	bool is_over, is_begun;
	int exit_code;
	char text[sizeof(((struct bl_error *)0)->text)];
	uint64_t shown;
	int64_t typed_ms;

	/* The broker's alone */
	enum session_stage stage;
	struct screen *screen;
	struct screen_size size, wanted_size;
	int64_t begun_ms, go_ms, drain_ms; /* drain_ms: until when, once process 1 is dead */
	bool is_open, is_welcomed; /* screen_open was drawn; the first screen went out whole */
	bool is_dead, is_drained, has_status, is_channel_over;
	bool is_client_gone;
	bool is_busy;	 /* there is more to do at once */
	uint32_t status; /* of LAUNCH_ENDED */
	char drawn_time[8];
	uint64_t drawn_refused;
	char *page; /* the first screen as laid out; NULL: to be laid out */
	size_t page_length, page_at;
	struct bucket shows, types;
	int64_t hung_ms; /* the pty had no viewer at its other end; look again then */
	uint64_t counted;
	uint64_t held; /* text in `frame`, not sent yet */
	size_t raw_length, raw_at, pending_length;
	size_t frame_length; /* 0: none waits */
	uint8_t raw[SESSION_RAW], pending[SESSION_PENDING];
	uint8_t frame[SESSION_FRAME], got[SESSION_FRAME];
};

/* session_start_on - session_start with other clocks. session_poke - look at them again */
enum bl_status session_start_on(const struct session_options *options,
				const struct session_host *host, struct session **out_session,
				struct bl_error *why) BL_MUST_CHECK;
void session_poke(struct session *session);

/* session_finish - from the broker: it is over, with this exit code and these words; the first ones count */
void session_finish(struct session *session, int exit_code, const char *format, ...)
	BL_PRINTF(3, 4);
bool session_is_over(struct session *session);

/* relay_client - a frame from the client. relay_typed - what was typed, to the viewer. */
void relay_client(struct session *session);
void relay_typed(struct session *session);
/* relay_draw - the next frame, if none waits and there is something to show. relay_send - to the client; false: it takes none just now */
void relay_draw(struct session *session);
bool relay_send(struct session *session);
/* relay_tell_size - to the viewer's pty; the kernel tells the viewer */
void relay_tell_size(struct session *session);
/* relay_wants_output - would the viewer's output be read now? */
bool relay_wants_output(const struct session *session);

/* ---- welcome.c ------------------------------------------------------------------------------------ */

/*
 * welcome_page - the first screen of so many rows and columns (without the mark): @text wrapped at spaces and cut, the keys on the last row
 * In a line, what stands in front of a tab is a label: what is behind it has a column of its own where there is room for one.
 *
 * For screen_feed: it clears and places the cursor itself. NULL: no memory; the caller frees it.
 */
char *welcome_page(const char *text, struct screen_size size);

/* ---- sight.c -------------------------------------------------------------------------------------- */

/* sight_mounts_hide - sight_hides of a mountinfo; what is no such line hides nothing */
bool sight_mounts_hide(FILE *mountinfo);

#endif
