/* Bytes in both directions: what was typed to the viewer, what it shows to the client, counted before it goes out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fs/session/private.h"

#define CTRL_C 0x03
#define CTRL_D 0x04

#define PIECE 64u /* of the viewer's output: then it is looked at what that came to */
/* Colours, places and what is swallowed show nothing, but could carry something and cost work: so many bytes of it weigh as one of text. */
#define UNSHOWN_WEIGHT 4
#define HUNG_MS	       100

/* ---- rates --------------------------------------------------------------------------------------- */

void bucket_fill(struct bucket *bucket, int64_t now_ms)
{
	int64_t most = bucket->most * 1000, passed = BL_MAX(now_ms - bucket->at_ms, 0);

	/* After so long it is full, whatever it was overdrawn by within reason; and nothing overflows. */
	passed = BL_MIN(passed, INT64_C(86400000));
	bucket->at_ms = now_ms;
	bucket->level_milli = BL_MIN(bucket->level_milli + passed * bucket->rate, most);
}

void bucket_take(struct bucket *bucket, int64_t bytes)
{
	bucket->level_milli -= bytes * 1000;
}

int64_t bucket_wait_ms(const struct bucket *bucket)
{
	return bucket->level_milli > 0 ? 0 : -bucket->level_milli / bucket->rate + 1;
}

/* ---- from the client ----------------------------------------------------------------------------- */

static void leave(struct session *session)
{
	session_finish(session, 0, "its person left%s",
		       session->stage == STAGE_WELCOME ? " at the first screen" : "");
}

static void acknowledge(struct session *session)
{
	struct bl_error why = {{0}};
	struct launched launched = {.channel_fd = session->channel_fd};
	enum bl_status status = session->options.begin(session->options.context, &why);

	if (status == BL_OK) {
		pthread_mutex_lock(&session->lock);
		session->is_begun = true;
		pthread_mutex_unlock(&session->lock);
		session->go_ms = session->host.now_ms(session->host.context);
		status = launch_go(&launched, &why);
	}
	if (status != BL_OK) {
		session_finish(session, bl_status_exit(status), "%s", why.text);
		return;
	}
	session->stage = STAGE_STARTING;
}

/* One key. What was typed before the first screen was there says nothing about having read it. */
static void first_key(struct session *session, uint8_t key)
{
	if (key == 'q' || key == CTRL_C || key == CTRL_D)
		leave(session);
	else if (session->is_welcomed)
		acknowledge(session);
}

static void typed(struct session *session, const uint8_t *bytes, size_t length)
{
	int64_t now_ms = session->host.now_ms(session->host.context);

	if (length == 0)
		return;
	pthread_mutex_lock(&session->lock);
	session->typed_ms = now_ms;
	pthread_mutex_unlock(&session->lock);
	if (memchr(bytes, SESSION_LEAVE, length)) {
		leave(session);
		return;
	}
	if (session->stage == STAGE_WELCOME)
		first_key(session, bytes[0]);
	if (session->stage != STAGE_RUNNING)
		return;

	size_t fits = BL_MIN(length, SESSION_PENDING - session->pending_length);

	memcpy(session->pending + session->pending_length, bytes, fits);
	session->pending_length += fits;
	relay_typed(session);
}

void relay_typed(struct session *session)
{
	while (session->pending_length && session->master_fd >= 0) {
		ssize_t put = write(session->master_fd, session->pending, session->pending_length);

		if (put < 0 && errno == EINTR)
			continue;
		/* What a pty without a viewer does not want is gone with it. */
		if (put < 0 && errno != EAGAIN)
			session->pending_length = 0;
		if (put <= 0)
			return;
		session->pending_length -= (size_t)put;
		memmove(session->pending, session->pending + put, session->pending_length);
	}
}

static bool is_frame(const uint8_t *frame, size_t length)
{
	switch (frame[0]) {
	case SESSION_INPUT:
		return true;
	case SESSION_SIZE:
		return length == 5;
	default:
		return false;
	}
}

void relay_client(struct session *session)
{
	uint8_t *frame = session->got;
	/* Descriptors that come along are dropped by the kernel: there is no room for them. */
	ssize_t length = recv(session->client_fd, frame, SESSION_FRAME, MSG_DONTWAIT | MSG_TRUNC);

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		session->is_client_gone = true;
		session_finish(session, bl_status_exit(BL_FAILED), "its terminal is gone");
		return;
	}
	if ((size_t)length > SESSION_FRAME || !is_frame(frame, (size_t)length)) {
		session_finish(session, bl_status_exit(BL_INVALID),
			       "its client sent what is no frame");
		return;
	}
	bucket_fill(&session->types, session->host.now_ms(session->host.context));
	bucket_take(&session->types, SESSION_FRAME_COST + length);
	if (bucket_wait_ms(&session->types) > 0)
		session_finish(session, bl_status_exit(BL_FORBIDDEN),
			       "its client sends more than anybody types");
	else if (frame[0] == SESSION_INPUT)
		typed(session, frame + 1, (size_t)length - 1);
	else
		session->wanted_size = screen_clamp((struct screen_size){
			.rows = bl_get16(frame + 1), .columns = bl_get16(frame + 3)});
}

/* ---- to the client ------------------------------------------------------------------------------- */

static bool is_same_size(struct screen_size left, struct screen_size right)
{
	return left.rows == right.rows && left.columns == right.columns;
}

void relay_tell_size(struct session *session)
{
	struct screen_size viewer = screen_viewer(session->screen);
	struct winsize size = {.ws_row = (unsigned short)viewer.rows,
			       .ws_col = (unsigned short)viewer.columns};

	if (session->master_fd >= 0)
		(void)!ioctl(session->master_fd, TIOCSWINSZ, &size);
}

static void resize(struct session *session, struct screen_out *out)
{
	session->size = session->wanted_size;
	screen_resize(session->screen, session->size, out);
	relay_tell_size(session);
	free(session->page);
	session->page = NULL;
}

/* "14:05" of this host's clock; "" when there is none. */
static void time_text(const struct session *session, char out[8])
{
	time_t now = (time_t)session->host.wall_seconds(session->host.context);
	struct tm local;

	if (!localtime_r(&now, &local) || !strftime(out, 8, "%H:%M", &local))
		out[0] = '\0';
}

static uint64_t refused_of(const struct session *session)
{
	const struct session_options *options = &session->options;

	return options->refused ? options->refused(options->context, NULL, 0) : 0;
}

/* A viewer may say little of a refusal, or nothing at all: where the reason stands is said here. */
static void mark(struct session *session, struct screen_out *out)
{
	char text[SCREEN_MARK], refused[64] = "";

	if (session->drawn_refused)
		snprintf(refused, sizeof(refused), "%llu refused: /devices/READ ME.txt  ",
			 (unsigned long long)session->drawn_refused);
	snprintf(text, sizeof(text), "%.400s  %s  %sCtrl-] leaves", session->mark,
		 session->drawn_time, refused);
	screen_mark(session->screen, text, out);
}

/* Our own words are not charged to the person: they show nothing of the device. */
static void draw_page(struct session *session, struct screen_out *out)
{
	uint64_t uncounted = 0;

	if (!session->page) {
		session->page = welcome_page(session->welcome, screen_viewer(session->screen));
		if (!session->page) {
			session_finish(session, bl_status_exit(BL_NO_MEMORY), "out of memory");
			return;
		}
		session->page_length = strlen(session->page);
		session->page_at = 0;
	}
	session->page_at +=
		screen_feed(session->screen, (const uint8_t *)session->page + session->page_at,
			    session->page_length - session->page_at, out, &uncounted);
}

static bool is_page_due(const struct session *session)
{
	return session->stage != STAGE_RUNNING &&
	       (!session->page || session->page_at < session->page_length);
}

bool relay_wants_output(const struct session *session)
{
	return session->stage == STAGE_RUNNING && session->frame_length == 0 &&
	       session->raw_at == session->raw_length && !session->is_drained &&
	       bucket_wait_ms(&session->shows) == 0;
}

static void read_viewer(struct session *session)
{
	ssize_t got;

	session->raw_at = session->raw_length = 0;
	if (!session->is_dead && session->hung_ms > session->host.now_ms(session->host.context))
		return;
	got = read(session->master_fd, session->raw, SESSION_RAW);
	session->raw_length = got > 0 ? (size_t)got : 0;
	if (got > 0 || (got < 0 && errno == EINTR))
		return;
	/* Everything that could write there is dead: that was all. Else no one has it open just now. */
	if (session->is_dead)
		session->is_drained = true;
	else if (got == 0 || errno != EAGAIN)
		session->hung_ms = session->host.now_ms(session->host.context) + HUNG_MS;
}

/* Before it goes out: all of it has to be counted. */
static bool count_held(struct session *session)
{
	uint64_t need = session->shown + session->held;

	if (need <= session->counted)
		return true;

	uint64_t steps = (need - session->counted + SESSION_STEP - 1) / SESSION_STEP;
	struct bl_error why = {{0}};
	enum bl_status status =
		session->options.show(session->options.context, steps * SESSION_STEP, &why);

	if (status == BL_OK) {
		session->counted += steps * SESSION_STEP;
		return true;
	}
	session_finish(session, bl_status_exit(status), "%s", why.text);
	return false;
}

static int64_t cost(uint64_t text, size_t taken, size_t passed_on)
{
	uint64_t unshown = (BL_MAX(taken, passed_on) + UNSHOWN_WEIGHT - 1) / UNSHOWN_WEIGHT;

	return (int64_t)BL_MAX(text, unshown);
}

/* In small pieces: what a byte comes to is known only when it was fed. */
static void draw_viewer(struct session *session, struct screen_out *out)
{
	if (session->raw_at == session->raw_length)
		read_viewer(session);
	while (session->raw_at < session->raw_length && bucket_wait_ms(&session->shows) == 0 &&
	       session->held < SESSION_STEP) {
		size_t length = BL_MIN(PIECE, session->raw_length - session->raw_at);
		size_t before = out->length;
		uint64_t text = 0;
		size_t taken = screen_feed(session->screen, session->raw + session->raw_at, length,
					   out, &text);

		session->raw_at += taken;
		session->held += text;
		bucket_take(&session->shows, cost(text, taken, out->length - before));
		if (taken < length)
			break;
	}
	if (!count_held(session))
		out->length = 0;
}

void relay_draw(struct session *session)
{
	struct screen_out out = {.bytes = session->frame + 1, .room = SESSION_FRAME - 1};
	char time[8];

	if (session->frame_length)
		return;
	uint64_t refused = refused_of(session);

	time_text(session, time);
	if (!session->is_open) {
		screen_open(session->screen, &out);
		session->is_open = true;
	} else if (!is_same_size(session->size, session->wanted_size)) {
		resize(session, &out);
	} else if (strcmp(time, session->drawn_time) != 0 || !session->drawn_time[0] ||
		   refused != session->drawn_refused) {
		session->drawn_refused = refused;
		memcpy(session->drawn_time, time[0] ? time : "-", time[0] ? sizeof(time) : 2);
		mark(session, &out);
	} else if (is_page_due(session)) {
		draw_page(session, &out);
	} else if (session->stage == STAGE_RUNNING && session->master_fd >= 0 &&
		   bucket_wait_ms(&session->shows) == 0) {
		draw_viewer(session, &out);
	}
	session->frame[0] = SESSION_OUTPUT;
	session->frame_length = out.length ? out.length + 1 : 0;
}

bool relay_send(struct session *session)
{
	ssize_t sent = -1;

	/* session_end holds the lock as well: what it ended shows nothing any more when it returns. */
	pthread_mutex_lock(&session->lock);
	if (session->is_over) {
		sent = 0;
	} else {
		sent = send(session->client_fd, session->frame, session->frame_length,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent > 0)
			session->shown += session->held;
	}
	pthread_mutex_unlock(&session->lock);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	session->frame_length = 0;
	session->held = 0;
	session->is_welcomed |= session->page && session->page_at == session->page_length;
	if (sent < 0) {
		session->is_client_gone = true;
		session_finish(session, bl_status_exit(BL_FAILED), "its terminal is gone");
	}
	return true;
}
