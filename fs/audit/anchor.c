#include "fs/audit/anchor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CLOSE_GRACE_MS 500 /* for killing a command and ending a thread, behind close_ms */
#define SHOWN_TARGET   44  /* bytes of a target in words about it */
#define NEVER	       INT64_MAX

static const struct anchor_limits LIMITS = {
	.command_ms = 30000,
	.socket_ms = 5000,
	.hang_ms = 31000, /* longer than anything takes that has a limit */
	.close_ms = 4500,
	.retry_first_ms = 1000,
	.retry_last_ms = 60000,
};

struct target {
	struct anchors *anchors;
	const struct anchor_kind *kind;
	char *text; /* as it was given */
	struct anchor_place place;
	pthread_t thread;
	bool has_thread, has_ended;

	/* Under the lock: */
	struct audit_checkpoint_note waiting;
	bool is_waiting;
	uint64_t puts;	       /* notes handed over: did a newer one come during a try? */
	int64_t try_at_ms;     /* when the waiting one is tried (again) */
	int64_t busy_since_ms; /* of the try that goes on; 0: none does */
	int64_t pause_ms;      /* before the try that failed last; 0: the last one was taken */
	struct anchor_state state;
};

struct anchors {
	struct anchor_limits limits;
	size_t count;
	struct target targets[ANCHOR_TARGETS];

	pthread_mutex_t lock;
	pthread_cond_t moved;
	int stop_fd; /* eventfd, readable from anchors_close on */
	int64_t close_by_ms;
	size_t running;	   /* threads */
	bool is_abandoned; /* anchors_close is gone: the last thread frees */

	pthread_mutex_t telling; /* held while `changed` is called */
	void (*changed)(void *context);
	void *context;
};

/* ---- time ------------------------------------------------------------------------------------ */

int64_t anchor_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const struct anchor_limits *anchor_limits(const struct anchors *anchors)
{
	return &anchors->limits;
}

int64_t anchor_deadline(struct anchors *anchors, int64_t until_ms)
{
	pthread_mutex_lock(&anchors->lock);
	int64_t by = BL_MIN(until_ms, anchors->close_by_ms);
	pthread_mutex_unlock(&anchors->lock);
	return by;
}

bool anchor_wait(struct anchors *anchors, int fd, short events, int64_t until_ms)
{
	for (;;) {
		bool is_closing = anchor_deadline(anchors, NEVER) != NEVER;
		int64_t left = anchor_deadline(anchors, until_ms) - anchor_now_ms();
		struct pollfd ready[] = {
			{.fd = fd, .events = events},
			/* Readable for good when closing: the earlier deadline is known then. */
			{.fd = is_closing ? -1 : anchors->stop_fd, .events = POLLIN},
		};

		if (left <= 0)
			return false;
		if (poll(ready, BL_COUNT(ready), (int)BL_MIN(left, 60000)) > 0 && ready[0].revents)
			return true;
	}
}

static struct timespec timespec_of(int64_t at_ms)
{
	return (struct timespec){.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
}

/* Under the lock. */
static void wait_until(struct anchors *anchors, int64_t at_ms)
{
	struct timespec at = timespec_of(at_ms);

	if (at_ms == NEVER)
		pthread_cond_wait(&anchors->moved, &anchors->lock);
	else
		pthread_cond_clockwait(&anchors->moved, &anchors->lock, CLOCK_MONOTONIC, &at);
}

/* ---- words ----------------------------------------------------------------------------------- */

/* The beginning of a target, cut between characters: commands may be long. */
static int shown_bytes(const char *text)
{
	size_t length = strlen(text);

	if (length <= SHOWN_TARGET)
		return (int)length;
	length = SHOWN_TARGET;
	while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	return (int)length;
}

static void name_target(const char *text, struct bl_error *why)
{
	int shown = shown_bytes(text);

	bl_explain(why, "'%.*s%s'", shown, text, text[shown] ? "..." : "");
}

static void set_trouble(struct anchor_state *state, struct bl_error *why)
{
	char *trouble = state->trouble;
	size_t length;

	name_target(state->target, why);
	length = strnlen(why->text, sizeof(state->trouble) - 1);
	while (why->text[length] && length > 0 && ((unsigned char)why->text[length] & 0xc0) == 0x80)
		length--;
	for (size_t i = 0; i < length; i++)
		trouble[i] = (unsigned char)why->text[i] < ' ' || why->text[i] == 0x7f
				     ? '?'
				     : why->text[i];
	trouble[length] = '\0';
}

/* ---- a target's thread ----------------------------------------------------------------------- */

/* The next note to try; false: the anchors are being closed and there is none. */
static bool take_note(struct target *target, struct audit_checkpoint_note *out, uint64_t *out_put)
{
	struct anchors *anchors = target->anchors;
	bool is_there = false;

	pthread_mutex_lock(&anchors->lock);
	for (;;) {
		bool is_closing = anchors->close_by_ms != NEVER;
		int64_t now = anchor_now_ms();

		is_there = target->is_waiting &&
			   (is_closing ? now < anchors->close_by_ms : now >= target->try_at_ms);
		if (is_there || is_closing)
			break;
		wait_until(anchors, target->is_waiting ? target->try_at_ms : NEVER);
	}
	*out = target->waiting;
	*out_put = target->puts;
	target->busy_since_ms = is_there ? anchor_now_ms() : 0;
	pthread_mutex_unlock(&anchors->lock);
	return is_there;
}

static void tell(struct anchors *anchors)
{
	pthread_mutex_lock(&anchors->telling);
	if (anchors->changed)
		anchors->changed(anchors->context);
	pthread_mutex_unlock(&anchors->telling);
}

/* Under the lock. What came during a try is tried at once, whatever became of the one before. */
static void plan_next(struct target *target, uint64_t put, bool is_taken)
{
	const struct anchors *anchors = target->anchors;

	if (is_taken)
		target->pause_ms = 0;
	else
		target->pause_ms = target->pause_ms ? BL_MIN(2 * target->pause_ms,
							     anchors->limits.retry_last_ms)
						    : anchors->limits.retry_first_ms;
	if (put != target->puts)
		return;
	target->is_waiting = !is_taken && anchors->close_by_ms == NEVER;
	target->try_at_ms = anchor_now_ms() + target->pause_ms;
}

static void settle(struct target *target, const struct audit_checkpoint_note *note, uint64_t put,
		   enum bl_status status, struct bl_error *why)
{
	struct anchors *anchors = target->anchors;
	struct anchor_state *state = &target->state;

	pthread_mutex_lock(&anchors->lock);
	target->busy_since_ms = 0;
	if (status == BL_OK) {
		state->sequence = note->sequence;
		state->realtime_s = note->realtime_s;
		state->boottime_ns = note->boottime_ns;
		state->trouble[0] = '\0';
	} else {
		set_trouble(state, why);
	}
	plan_next(target, put, status == BL_OK);
	pthread_mutex_unlock(&anchors->lock);
	tell(anchors);
}

static enum bl_status put_note(struct target *target, const struct audit_checkpoint_note *note,
			       struct bl_error *why)
{
	struct anchor_note parts;

	if (!anchor_note_read(note->text, &parts) || parts.sequence != note->sequence)
		return bl_fail(why, BL_INVALID,
			       "the log made no proper checkpoint (tell who maintains this)");
	return target->kind->put(&target->place, &parts, why);
}

static void anchors_free(struct anchors *anchors)
{
	for (size_t i = 0; i < anchors->count; i++) {
		struct target *target = &anchors->targets[i];

		fd_close(target->place.child_fd);
		free(target->place.what);
		free(target->text);
	}
	fd_close(anchors->stop_fd);
	pthread_cond_destroy(&anchors->moved);
	pthread_mutex_destroy(&anchors->telling);
	pthread_mutex_destroy(&anchors->lock);
	free(anchors);
}

static void end_thread(struct target *target)
{
	struct anchors *anchors = target->anchors;

	pthread_mutex_lock(&anchors->lock);
	target->has_ended = true;
	bool is_last = --anchors->running == 0 && anchors->is_abandoned;
	pthread_cond_broadcast(&anchors->moved);
	pthread_mutex_unlock(&anchors->lock);
	if (is_last)
		anchors_free(anchors);
}

static void *run(void *context)
{
	struct target *target = context;
	struct audit_checkpoint_note note;
	uint64_t put;

	while (take_note(target, &note, &put)) {
		struct bl_error why = {""};
		enum bl_status status = put_note(target, &note, &why);

		settle(target, &note, put, status, &why);
	}
	end_thread(target);
	return NULL;
}

/* ---- opening --------------------------------------------------------------------------------- */

enum bl_status anchor_absolute(const char *path, char **out_path, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *here = NULL;
	char *absolute;

	if (path[0] == '/') {
		absolute = strdup(path);
	} else {
		/* Whoever has opened us may change its folder later. */
		here = getcwd(NULL, 0);
		if (!here)
			return bl_fail_errno(why, BL_IO, "cannot tell the current folder");
		size_t length = strlen(here) + 1 + strlen(path) + 1;

		absolute = malloc(length);
		if (absolute) {
			strcpy(absolute, here);
			strcat(absolute, "/");
			strcat(absolute, path);
		}
	}
	if (!absolute)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	*out_path = absolute;
	return BL_OK;
}

static enum bl_status find_kind(const char *text, const struct anchor_kind **out_kind,
				struct bl_error *why)
{
	static const struct anchor_kind *const PREFIXED[] = {&ANCHOR_SYSLOG, &ANCHOR_COMMAND};

	for (size_t i = 0; i < BL_COUNT(PREFIXED); i++) {
		if (strncmp(text, PREFIXED[i]->prefix, strlen(PREFIXED[i]->prefix)) == 0) {
			*out_kind = PREFIXED[i];
			return BL_OK;
		}
	}
	if (text[0] == '\0' || text[strcspn(text, ":/")] == ':')
		return bl_fail(why, BL_INVALID,
			       "there is no such kind of anchor (give a folder, syslog:[SOCKET] or "
			       "command:COMMAND)");
	*out_kind = &ANCHOR_FOLDER;
	return BL_OK;
}

/* Two threads would write into one file. */
static enum bl_status refuse_twice(const struct anchors *anchors, const struct target *target,
				   struct bl_error *why)
{
	for (const struct target *other = anchors->targets; other < target; other++) {
		bool is_same_folder = target->kind == &ANCHOR_FOLDER &&
				      other->kind == &ANCHOR_FOLDER &&
				      other->place.device == target->place.device &&
				      other->place.inode == target->place.inode;

		if (is_same_folder || strcmp(other->text, target->text) == 0)
			return bl_fail(why, BL_INVALID, "is named twice (name it once)");
	}
	return BL_OK;
}

static enum bl_status open_target(struct anchors *anchors, const char *text,
				  const struct stat *store, struct bl_error *why)
{
	struct target *target = &anchors->targets[anchors->count];
	enum bl_status status;

	if (strnlen(text, ANCHOR_TARGET_BYTES + 1) > ANCHOR_TARGET_BYTES)
		return bl_fail(why, BL_INVALID, "an anchor is too long (at most %d bytes)",
			       ANCHOR_TARGET_BYTES);
	target->anchors = anchors;
	target->place = (struct anchor_place){.anchors = anchors,
					      .store_device = store->st_dev,
					      .store_inode = store->st_ino,
					      .child_fd = -1};
	target->text = strdup(text);
	anchors->count++;
	if (!target->text)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	status = find_kind(text, &target->kind, why);
	if (status == BL_OK)
		status = target->kind->open(&target->place, text + strlen(target->kind->prefix),
					    why);
	if (status == BL_OK)
		status = refuse_twice(anchors, target, why);
	if (status != BL_OK) {
		name_target(text, why);
		bl_explain(why, "anchor");
	}
	target->state.target = target->text;
	target->state.is_same_medium = target->place.is_same_medium;
	return status;
}

static enum bl_status start_threads(struct anchors *anchors, struct bl_error *why)
{
	sigset_t all, before;
	int failed = 0;

	/*
	 * Signals are for the threads that wait for them; and a limit on file sizes is to fail a write,
	 * not to kill us.
	 */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (size_t i = 0; i < anchors->count && failed == 0; i++) {
		struct target *target = &anchors->targets[i];

		pthread_mutex_lock(&anchors->lock);
		anchors->running++;
		pthread_mutex_unlock(&anchors->lock);
		failed = pthread_create(&target->thread, NULL, run, target);
		target->has_thread = failed == 0;
		if (failed != 0) {
			pthread_mutex_lock(&anchors->lock);
			anchors->running--;
			pthread_mutex_unlock(&anchors->lock);
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed != 0)
		return bl_fail(why, BL_NO_MEMORY, "cannot start an anchor's thread: %s",
			       strerror(failed));
	return BL_OK;
}

static struct anchors *anchors_new(const struct anchor_limits *limits)
{
	struct anchors *anchors = calloc(1, sizeof(*anchors));

	if (!anchors)
		return NULL;
	anchors->limits = *limits;
	anchors->close_by_ms = NEVER;
	anchors->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&anchors->lock, NULL);
	pthread_mutex_init(&anchors->telling, NULL);
	pthread_cond_init(&anchors->moved, NULL);
	return anchors;
}

enum bl_status anchors_open_limited(const char *const *targets, size_t count, int store_fd,
				    const struct anchor_limits *limits,
				    struct anchors **out_anchors, struct bl_error *why)
{
	struct stat store;

	if (count > ANCHOR_TARGETS)
		return bl_fail(why, BL_INVALID, "too many anchors (at most %d)", ANCHOR_TARGETS);
	if (fstat(store_fd, &store) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at the store");
	BL_CLEANUP(anchors_close) struct anchors *anchors = anchors_new(limits);

	if (!anchors)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (anchors->stop_fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot make ready for anchors");
	for (size_t i = 0; i < count; i++) {
		enum bl_status status = open_target(anchors, targets[i], &store, why);

		if (status != BL_OK)
			return status;
	}
	enum bl_status status = start_threads(anchors, why);

	if (status == BL_OK)
		*out_anchors = BL_TAKE(anchors);
	return status;
}

enum bl_status anchors_open(const char *const *targets, size_t count, int store_fd,
			    struct anchors **out_anchors, struct bl_error *why)
{
	return anchors_open_limited(targets, count, store_fd, &LIMITS, out_anchors, why);
}

/* ---- closing --------------------------------------------------------------------------------- */

/* Those that have ended are joined. The others hang in a system call: what is here is theirs now. */
static bool join_ended(struct anchors *anchors, pthread_t *joined, size_t *out_count)
{
	bool all_ended = anchors->running == 0;

	*out_count = 0;
	for (size_t i = 0; i < anchors->count; i++) {
		const struct target *target = &anchors->targets[i];

		if (!target->has_thread)
			continue;
		if (target->has_ended)
			joined[(*out_count)++] = target->thread;
		else
			pthread_detach(target->thread);
	}
	anchors->is_abandoned = !all_ended;
	return all_ended;
}

static void signal_stop(struct anchors *anchors)
{
	anchors->close_by_ms = anchor_now_ms() + anchors->limits.close_ms;
	/* Fails only where anchors_new has failed already, and then no thread waits for it. */
	if (anchors->stop_fd >= 0)
		eventfd_write(anchors->stop_fd, 1);
	pthread_cond_broadcast(&anchors->moved);
}

void anchors_close(struct anchors *anchors)
{
	pthread_t ended[ANCHOR_TARGETS];
	size_t count;

	if (!anchors)
		return;
	pthread_mutex_lock(&anchors->lock);
	signal_stop(anchors);
	int64_t until = anchors->close_by_ms + CLOSE_GRACE_MS;

	while (anchors->running > 0 && anchor_now_ms() < until)
		wait_until(anchors, until);
	pthread_mutex_unlock(&anchors->lock);
	anchors_on_change(anchors, NULL, NULL);

	pthread_mutex_lock(&anchors->lock);
	bool is_ours = join_ended(anchors, ended, &count);
	pthread_mutex_unlock(&anchors->lock);
	for (size_t i = 0; i < count; i++)
		pthread_join(ended[i], NULL);
	if (is_ours)
		anchors_free(anchors);
}

/* ---- from outside ---------------------------------------------------------------------------- */

void anchors_put(struct anchors *anchors, const struct audit_checkpoint_note *note)
{
	pthread_mutex_lock(&anchors->lock);
	for (size_t i = 0; i < anchors->count; i++) {
		struct target *target = &anchors->targets[i];

		/* Two threads of the log may come in another order than their notes. */
		if (note->sequence < target->state.sequence ||
		    (target->is_waiting && note->sequence < target->waiting.sequence))
			continue;
		target->waiting = *note;
		target->is_waiting = true;
		target->puts++;
		target->try_at_ms = 0;
	}
	pthread_cond_broadcast(&anchors->moved);
	pthread_mutex_unlock(&anchors->lock);
}

size_t anchors_count(const struct anchors *anchors)
{
	return anchors->count;
}

uint64_t anchors_known(const struct anchors *anchors, const uint8_t log_id[AUDIT_LOG_ID],
		       const uint8_t public_key[VAULT_PUBLIC_KEY])
{
	uint64_t newest = 0;

	for (size_t i = 0; i < anchors->count; i++) {
		const struct target *target = &anchors->targets[i];

		if (target->kind->known)
			newest = BL_MAX(newest,
					target->kind->known(&target->place, log_id, public_key));
	}
	return newest;
}

/* What hangs in a system call cannot say so. */
static void tell_hang(const struct target *target, struct anchor_state *out)
{
	int64_t busy_ms = target->busy_since_ms ? anchor_now_ms() - target->busy_since_ms : 0;
	struct bl_error why;

	if (busy_ms <= target->anchors->limits.hang_ms)
		return;
	(void)bl_fail(&why, BL_TIMED_OUT, "has not answered for %lld s (look after that medium)",
		      (long long)busy_ms / 1000);
	set_trouble(out, &why);
}

void anchors_state(const struct anchors *anchors, size_t index, struct anchor_state *out)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&anchors->lock; /* a reader's const is ours */

	pthread_mutex_lock(lock);
	*out = anchors->targets[index].state;
	tell_hang(&anchors->targets[index], out);
	pthread_mutex_unlock(lock);
}

bool anchors_newest(const struct anchors *anchors, struct anchor_state *out)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&anchors->lock;
	const struct anchor_state *newest = NULL;

	pthread_mutex_lock(lock);
	for (size_t i = 0; i < anchors->count; i++) {
		const struct anchor_state *state = &anchors->targets[i].state;

		if (state->sequence > (newest ? newest->sequence : 0))
			newest = state;
	}
	if (newest)
		*out = *newest;
	pthread_mutex_unlock(lock);
	return newest != NULL;
}

void anchors_on_change(struct anchors *anchors, void (*changed)(void *context), void *context)
{
	pthread_mutex_lock(&anchors->telling);
	anchors->changed = changed;
	anchors->context = context;
	pthread_mutex_unlock(&anchors->telling);
}
