/* client.c - lanes, tries, deaths, poison and quarantine of one image's reader
 *
 * Children are started by one thread of our own (the keeper): a child's PR_SET_PDEATHSIG fires when
 * the thread that started it ends, and threads that serve requests come and go.
 */
#include "fs/image/client.h"

#include "fs/image/answers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define KEEPER_STACK (256u << 10)
#define NS_PER_MS    UINT64_C(1000000)
#define NS_PER_S     UINT64_C(1000000000)
#define TRIES	     2
#define TAMPERED     "the image's bytes do not verify"
#define HEADROOM                                                                                   \
	2 /* a try needs its time, or this part of it: what is cut shorter says nothing about the reader */

enum state {
	STATE_NONE,   /* no child, or one that is to be reaped */
	STATE_WANTED, /* somebody waits for a child */
	STATE_READY,
	STATE_QUARANTINED, /* for good */
};

struct poison {
	uint32_t volume;
	uint64_t inode;
};

struct image_client {
	struct image_source source;
	uint64_t request_ns;
	char *path;
	void (*on_trouble)(void *, unsigned, uint64_t, const char *);
	void *context;

	pthread_mutex_t mutex;
	pthread_cond_t changed;
	pthread_t keeper;
	bool has_keeper, is_closing;

	enum state state;
	struct image_child child;
	bool has_child;
	bool is_busy[WIRE_LANES];
	unsigned busy;		     /* lanes in use; an exclusive request counts for all */
	unsigned wants_all;	     /* requests that wait to have the child to themselves */
	uint64_t starts;	     /* finished attempts to start a child, good or bad */
	enum bl_status start_status; /* of the last one */
	struct bl_error start_why;

	uint64_t left_alone[2]; /* volumes, as WIRE_OPEN has them; the keeper's, as is the next */
	unsigned left_count, opens;
	uint32_t ended_on; /* 1 + the volume that the last one ended on; 0: none */
	uint8_t *table;	   /* the first OPEN answer as it came; read by the keeper only, once set */
	size_t table_length;

	uint64_t deaths[IMAGE_DEATHS]; /* ring of times */
	unsigned death_count;
	struct poison poison[IMAGE_POISON_LIMIT];
	size_t poison_count;

	const struct image_client *common; /* of the reader of one volume: that of all; else NULL */
	uint32_t only;			   /* that volume */
	uint64_t apart[2]; /* volumes that have, or are to have, a reader of their own */
	struct image_client *own[IMAGE_VOLUMES]; /* made when they are asked for again */
};

static const char *outcome_text(enum image_outcome outcome)
{
	switch (outcome) {
	case OUTCOME_DIED:
		return "the reader died";
	case OUTCOME_HUNG:
		return "the reader did not answer in time";
	case OUTCOME_GARBAGE:
		return "the reader broke the protocol";
	case OUTCOME_GREEDY:
		return "the reader asked for too many blocks";
	case OUTCOME_ANSWER:
	case OUTCOME_NO_MEMORY:
		break;
	}
	return "out of memory";
}

static bool is_broken(enum image_outcome outcome)
{
	return outcome != OUTCOME_ANSWER && outcome != OUTCOME_NO_MEMORY;
}

static void trouble(const struct image_client *c, const struct image_call *call, const char *text)
{
	if (c->on_trouble)
		c->on_trouble(c->context, call->volume, call->inode, text);
}

static const char *given_up(const struct image_client *c)
{
	return c->common ? "the volume is given up" : "the image is given up";
}

static bool quarantine_locked(struct image_client *c)
{
	bool is_new = c->state != STATE_QUARANTINED;

	c->state = STATE_QUARANTINED;
	return is_new;
}

/* True: that was one death too many. */
static bool death_locked(struct image_client *c)
{
	uint64_t now = image_now_ns();
	uint64_t *slot = &c->deaths[c->death_count % IMAGE_DEATHS];

	*slot = now;
	c->death_count++;
	/* the next slot holds the oldest of the last five */
	uint64_t oldest = c->deaths[c->death_count % IMAGE_DEATHS];
	return c->death_count >= IMAGE_DEATHS && now - oldest < IMAGE_DEATHS_NS &&
	       quarantine_locked(c);
}

static enum bl_status fail_outcome(enum image_outcome outcome, uint64_t inode, struct bl_error *why)
{
	enum bl_status status = outcome == OUTCOME_HUNG	       ? BL_TIMED_OUT
				: outcome == OUTCOME_NO_MEMORY ? BL_NO_MEMORY
							       : BL_IO;

	return bl_fail(why, status, "cannot read node %llu of the image: %s",
		       (unsigned long long)inode, outcome_text(outcome));
}

static size_t volume_count(const struct image_client *c)
{
	return c->table_length / sizeof(struct wire_volume);
}

/* The reader of one volume leaves the others alone, and knows that one as the reader of all does. */
static bool is_own_volume(const struct image_client *c, const struct image_reply *reply)
{
	size_t size = sizeof(struct wire_volume), at = c->only * size;

	return reply->length == c->common->table_length &&
	       image_same_volumes(c->common->table + at, size, reply->bytes + at, size);
}

/* The table is kept on the first start; later ones must show the same. */
static enum bl_status check_table(struct image_client *c, struct image_reply *reply,
				  bool *out_is_other, struct bl_error *why)
{
	if (reply->error)
		return bl_fail(why, BL_IO, "cannot find the volumes of the image");
	if (c->common || c->table) {
		*out_is_other = c->common ? !is_own_volume(c, reply)
					  : !image_same_volumes(c->table, c->table_length,
								reply->bytes, reply->length);
		return *out_is_other
			       ? bl_fail(why, BL_IO, "the reader sees other volumes than before")
			       : BL_OK;
	}
	if (reply->length == 0)
		return bl_fail(why, BL_INVALID, "the image holds no volume");
	struct image_volume *volumes = calloc(IMAGE_VOLUMES, sizeof(*volumes));
	size_t count = 0;
	if (!volumes)
		return bl_fail(why, BL_NO_MEMORY, "cannot open the image: out of memory");
	bool is_good = image_check_volumes(reply->bytes, reply->length, c->source.bytes.size_bytes,
					   volumes, &count);
	free(volumes);
	if (!is_good)
		return bl_fail(why, BL_IO, "the reader gave a bad table of volumes");
	c->table_length = reply->length;
	c->table = BL_TAKE(reply->bytes);
	return BL_OK;
}

/*
 * Is it worth another try, after a reader ended in the middle of OPEN? It says itself which volume it was at, and is believed only in
 * what is left alone for it: a volume on which two have ended, since once may be bad luck. One that names another each time would be
 * started for ever: no honest one needs more than two for each volume that is left alone, and one that opens the rest.
 */
static bool is_worth_another(struct image_client *c, const struct image_child *child)
{
	uint32_t volume = bl_get32(child->lanes[0].data + WIRE_OPENING) - 1;

	if (c->common || c->table || c->left_count == IMAGE_LEFT_ALONE ||
	    c->opens > 2 * IMAGE_LEFT_ALONE || volume >= IMAGE_VOLUMES)
		return false;
	if (c->ended_on == volume + 1) {
		c->left_alone[volume / 64] |= UINT64_C(1) << volume % 64;
		c->left_count++;
		trouble(c, &(struct image_call){.volume = volume},
			"left alone: the reader ended on it");
	}
	c->ended_on = volume + 1;
	return true;
}

/* One child, and OPEN of it; on failure there is none. *out_again: another may do better. */
static enum bl_status start_once(struct image_client *c, struct image_child *out_child,
				 bool *out_is_other, bool *out_again, struct bl_error *why)
{
	struct image_call call = {.op = WIRE_OPEN,
				  .volume = WIRE_READY_VOLUME,
				  .offset = c->left_alone[0],
				  .length = c->left_alone[1]};
	struct image_source source = c->source;
	struct image_reply reply = {0};
	enum bl_status status = image_child_start(c->path, &c->source, out_child, why);

	*out_again = false;
	if (status != BL_OK)
		return status;
	/* All of them together take no longer than a request may. */
	source.try_ns >>= BL_MIN(c->opens, 2u);
	c->opens += !c->common && !c->table;
	enum image_outcome outcome = image_lane_ask(&out_child->lanes[0], &source, &call, &reply);

	if (reply.is_tampered)
		trouble(c, &call, TAMPERED);
	if (outcome != OUTCOME_ANSWER)
		status = fail_outcome(outcome, 0, why);
	else
		status = check_table(c, &reply, out_is_other, why);
	free(reply.bytes);
	if (is_broken(outcome))
		*out_again = is_worth_another(c, out_child);
	if (status != BL_OK)
		image_child_stop(out_child);
	return status;
}

/* A volume that ends the reader is left alone, and the others are there. */
static enum bl_status start(struct image_client *c, struct image_child *out_child,
			    bool *out_is_other, struct bl_error *why)
{
	enum bl_status status;
	bool is_again;

	do {
		status = start_once(c, out_child, out_is_other, &is_again, why);
	} while (status != BL_OK && is_again);
	return status;
}

static void keeper_start(struct image_client *c)
{
	struct image_call nobody = {.volume = c->common ? c->only : WIRE_READY_VOLUME};
	struct image_child child;
	struct bl_error why = {{0}};
	bool is_other = false, is_last = false;

	pthread_mutex_unlock(&c->mutex);
	enum bl_status status = start(c, &child, &is_other, &why);
	pthread_mutex_lock(&c->mutex);
	c->starts++;
	c->start_status = status;
	c->start_why = why;
	if (status == BL_OK) {
		c->child = child;
		c->has_child = true;
	}
	if (c->state == STATE_WANTED) /* not given up meanwhile */
		c->state = status == BL_OK ? STATE_READY : STATE_NONE;
	if (status != BL_OK)
		is_last = is_other ? quarantine_locked(c) : death_locked(c);
	pthread_cond_broadcast(&c->changed);
	if (status == BL_OK)
		return;
	pthread_mutex_unlock(&c->mutex);
	trouble(c, &nobody,
		is_other ? "the reader sees other volumes than before"
			 : "the reader could not start");
	if (is_last)
		trouble(c, &nobody, given_up(c));
	pthread_mutex_lock(&c->mutex);
}

static void keeper_reap(struct image_client *c)
{
	struct image_child child = c->child;

	c->has_child = false;
	pthread_mutex_unlock(&c->mutex);
	image_child_stop(&child);
	pthread_mutex_lock(&c->mutex);
}

static void *keeper(void *context)
{
	struct image_client *c = context;

	pthread_mutex_lock(&c->mutex);
	while (!c->is_closing) {
		if (c->has_child && c->state != STATE_READY && c->busy == 0)
			keeper_reap(c);
		else if (c->state == STATE_WANTED && c->busy == 0)
			keeper_start(c);
		else
			pthread_cond_wait(&c->changed, &c->mutex);
	}
	if (c->has_child)
		keeper_reap(c);
	pthread_mutex_unlock(&c->mutex);
	return NULL;
}

static int take_lane(struct image_client *c, bool is_exclusive)
{
	if (is_exclusive ? c->busy > 0 : c->wants_all > 0)
		return -1;
	for (int i = 0; i < WIRE_LANES; i++)
		if (!c->is_busy[i]) {
			c->is_busy[i] = true;
			c->busy += is_exclusive ? WIRE_LANES : 1;
			return i;
		}
	return -1;
}

/* False: it is over before anything has changed. */
static bool wait_locked(struct image_client *c, uint64_t until_ns)
{
	const struct timespec until = {(time_t)(until_ns / NS_PER_S), (long)(until_ns % NS_PER_S)};

	return pthread_cond_timedwait(&c->changed, &c->mutex, &until) != ETIMEDOUT;
}

/* Waits for a lane of a living child; starts one where none is. */
static enum bl_status acquire_locked(struct image_client *c, bool is_exclusive, uint64_t until_ns,
				     int *out_lane, struct bl_error *why)
{
	uint64_t starts = c->starts;
	enum bl_status status = BL_OK;

	c->wants_all += is_exclusive;
	for (;;) {
		if (c->state == STATE_QUARANTINED) {
			status =
				bl_fail(why, BL_IO, "%s: its reader failed too often", given_up(c));
			break;
		}
		if (c->state == STATE_READY && c->busy < WIRE_LANES) {
			*out_lane = take_lane(c, is_exclusive);
			if (*out_lane >= 0)
				break;
		}
		if (c->state == STATE_NONE && c->starts > starts && c->start_status != BL_OK) {
			status = c->start_status;
			if (why)
				*why = c->start_why;
			break;
		}
		if (c->state == STATE_NONE) {
			c->state = STATE_WANTED;
			starts = c->starts;
			pthread_cond_broadcast(&c->changed);
		}
		if (!wait_locked(c, until_ns)) {
			status = bl_fail(why, BL_TIMED_OUT,
					 "the image's reader is busy with other requests");
			break;
		}
	}
	c->wants_all -= is_exclusive;
	if (status != BL_OK)
		pthread_cond_broadcast(&c->changed);
	return status;
}

/* Where others could be harmed by it, a volume whose request ended a reader, or was under way then, is asked for elsewhere. */
static bool move_apart_locked(struct image_client *c, uint32_t volume)
{
	if (c->common || volume_count(c) < 2 || volume >= volume_count(c))
		return false;
	c->apart[volume / 64] |= UINT64_C(1) << volume % 64;
	return true;
}

/* A child that failed one lane is gone for all; whoever notices first counts the death. */
static void release(struct image_client *c, int lane, bool is_exclusive, enum image_outcome outcome,
		    const struct image_call *call)
{
	bool is_first = false, is_last = false, is_apart = false;

	pthread_mutex_lock(&c->mutex);
	if (is_broken(outcome))
		is_apart = move_apart_locked(c, call->volume);
	c->is_busy[lane] = false;
	c->busy -= is_exclusive ? WIRE_LANES : 1;
	if (is_broken(outcome) && c->state == STATE_READY) {
		is_first = true;
		c->state = STATE_NONE;
		image_child_kill(&c->child);
		is_last = !is_apart && death_locked(c);
	}
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
	if (is_first)
		trouble(c, call, outcome_text(outcome));
	if (is_last)
		trouble(c, call, given_up(c));
}

static bool is_poisoned_locked(const struct image_client *c, const struct image_call *call)
{
	for (size_t i = 0; i < BL_MIN(c->poison_count, (size_t)IMAGE_POISON_LIMIT); i++)
		if (c->poison[i].inode == call->inode && c->poison[i].volume == call->volume)
			return true;
	return false;
}

/* A ring: an image cut short has many files that are refused, and its others are still good. */
static void poison(struct image_client *c, const struct image_call *call, const char *text)
{
	pthread_mutex_lock(&c->mutex);
	bool is_new = !is_poisoned_locked(c, call);
	if (is_new)
		c->poison[c->poison_count++ % IMAGE_POISON_LIMIT] =
			(struct poison){call->volume, call->inode};
	pthread_mutex_unlock(&c->mutex);
	if (is_new)
		trouble(c, call, text);
}

enum bl_status image_client_refuse(struct image_client *c, const struct image_call *call,
				   const char *text, struct bl_error *why)
{
	poison(c, call, text);
	return bl_fail(why, BL_IO, "cannot read node %llu of the image: %s",
		       (unsigned long long)call->inode, text);
}

/* A try is cut where the request is over; *out_is_short: there is too little left for one. */
static uint64_t try_length(const struct image_client *c, uint64_t until_ns, bool *out_is_short)
{
	uint64_t now = image_now_ns(), left = until_ns > now ? until_ns - now : 0;

	*out_is_short = left < BL_MIN(c->source.try_ns, c->request_ns) / HEADROOM;
	return BL_MIN(left, c->source.try_ns);
}

/* One try; *out_is_mine: the child failed this very request. */
static enum bl_status try_once(struct image_client *c, const struct image_call *call,
			       bool is_exclusive, struct image_reply *out_reply, bool *out_is_mine,
			       struct bl_error *why)
{
	struct image_source source = c->source;
	bool is_short = false;
	int lane = -1;

	*out_is_mine = false;
	pthread_mutex_lock(&c->mutex);
	enum bl_status status = acquire_locked(c, is_exclusive, call->until_ns, &lane, why);
	pthread_mutex_unlock(&c->mutex);
	if (status != BL_OK)
		return status;
	source.try_ns = try_length(c, call->until_ns, &is_short);
	if (is_short) {
		release(c, lane, is_exclusive, OUTCOME_ANSWER, call);
		return bl_fail(why, BL_TIMED_OUT, "the image's reader has no time for node %llu",
			       (unsigned long long)call->inode);
	}
	/* While a lane is taken the child is not replaced, so its windows stay. */
	enum image_outcome outcome =
		image_lane_ask(&c->child.lanes[lane], &source, call, out_reply);
	release(c, lane, is_exclusive, outcome, call);
	if (out_reply->is_tampered)
		trouble(c, call, TAMPERED);
	*out_is_mine = is_broken(outcome);
	return outcome == OUTCOME_ANSWER ? BL_OK : fail_outcome(outcome, call->inode, why);
}

static enum bl_status own_locked(struct image_client *c, uint32_t volume, struct bl_error *why);

/* It ends, unless it is asked something right now. */
static bool rest(struct image_client *own)
{
	pthread_mutex_lock(&own->mutex);
	bool is_idle = own->state == STATE_READY && own->busy == 0;
	if (is_idle) {
		own->state = STATE_NONE;
		pthread_cond_broadcast(&own->changed);
	}
	pthread_mutex_unlock(&own->mutex);
	return is_idle;
}

static bool has_reader(struct image_client *own)
{
	pthread_mutex_lock(&own->mutex);
	bool has = own->state == STATE_READY || own->state == STATE_WANTED;
	pthread_mutex_unlock(&own->mutex);
	return has;
}

/* A reader of @volume alone is asked next: those of others are few. */
static void make_room_locked(struct image_client *c, uint32_t volume)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < IMAGE_VOLUMES; i++)
		count += i != volume && c->own[i] && has_reader(c->own[i]);
	/* From the next volume on, so that not always the same one goes. */
	for (uint32_t k = 1; k < IMAGE_VOLUMES && count >= IMAGE_OWN_READERS; k++) {
		struct image_client *other = c->own[(volume + k) % IMAGE_VOLUMES];

		count -= other && rest(other);
	}
}

/* Whom to ask; an inode that ended two readers nobody. */
static enum bl_status choose(struct image_client *c, const struct image_call *call,
			     struct image_client **out_client, struct bl_error *why)
{
	enum bl_status status = BL_OK;
	uint32_t volume = call->volume;

	*out_client = c;
	pthread_mutex_lock(&c->mutex);
	if (is_poisoned_locked(c, call)) {
		status = bl_fail(why, BL_IO,
				 "node %llu of the image cannot be read (it failed before)",
				 (unsigned long long)call->inode);
	} else if (volume < IMAGE_VOLUMES && (c->apart[volume / 64] >> volume % 64 & 1)) {
		make_room_locked(c, volume);
		if (!c->own[volume])
			status = own_locked(c, volume, why);
		*out_client = c->own[volume];
	}
	pthread_mutex_unlock(&c->mutex);
	return status;
}

uint64_t image_client_until(const struct image_client *c)
{
	return image_now_ns() + c->request_ns;
}

enum bl_status image_client_ask(struct image_client *c, const struct image_call *call,
				struct image_reply *out_reply, struct bl_error *why)
{
	struct image_call timed = *call;
	enum bl_status status = BL_IO;
	bool is_mine = false;

	if (!timed.until_ns)
		timed.until_ns = image_client_until(c);
	for (int i = 0; i < TRIES; i++) {
		struct image_client *asked = NULL;

		*out_reply = (struct image_reply){0};
		status = choose(c, call, &asked, why);
		if (status != BL_OK)
			return status;
		status = try_once(asked, &timed, i > 0, out_reply, &is_mine, why);
		if (status == BL_OK)
			return BL_OK;
		if (status != BL_IO && status != BL_TIMED_OUT)
			return status;
	}
	if (is_mine)
		poison(c, call, "the reader failed twice on this node");
	return status;
}

enum bl_status image_client_fail(int error, uint64_t inode, struct bl_error *why)
{
	static const struct {
		int error;
		enum bl_status status;
	} ROWS[] = {
		{ENOENT, BL_NOT_FOUND}, {ENOTDIR, BL_NOT_FOUND},      {EINVAL, BL_INVALID},
		{EISDIR, BL_INVALID},	{EFBIG, BL_TOO_LARGE},	      {E2BIG, BL_TOO_LARGE},
		{ENOKEY, BL_NO_KEY},	{EOPNOTSUPP, BL_UNSUPPORTED},
	};
	enum bl_status status = BL_IO;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		if (ROWS[i].error == error)
			status = ROWS[i].status;
	return bl_fail(why, status, "the reader refuses node %llu of the image",
		       (unsigned long long)inode);
}

enum bl_status image_client_read(const struct image_client *c, const struct image_call *call,
				 uint64_t offset, void *out, size_t length, struct bl_error *why)
{
	const struct image_bytes *bytes = &c->source.bytes;
	enum bl_status status = bytes->read(bytes->context, offset, out, length, why);

	if (status == BL_OK || status == BL_IO || status == BL_NO_MEMORY)
		return status;
	if (status == BL_TAMPERED)
		trouble(c, call, TAMPERED);
	return bl_fail(why, BL_IO, "cannot read node %llu of the image: its bytes do not verify",
		       (unsigned long long)call->inode);
}

static enum bl_status keeper_run(struct image_client *c, struct bl_error *why)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, KEEPER_STACK);
	c->has_keeper = pthread_create(&c->keeper, &attr, keeper, c) == 0;
	pthread_attr_destroy(&attr);
	return c->has_keeper ? BL_OK
			     : bl_fail(why, BL_NO_MEMORY, "cannot start a thread for the reader");
}

/* Without a reader, and without the thread that starts one. */
static enum bl_status client_new(const struct image_source *source, uint64_t request_ns,
				 const struct image_options *options,
				 struct image_client **out_client, struct bl_error *why)
{
	struct image_client *c = calloc(1, sizeof(*c));
	pthread_condattr_t attr;

	if (!c)
		return bl_fail(why, BL_NO_MEMORY, "cannot open the image: out of memory");
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&c->mutex, NULL);
	pthread_cond_init(&c->changed, &attr);
	pthread_condattr_destroy(&attr);
	c->source = *source;
	c->request_ns = request_ns;
	c->on_trouble = options->on_trouble;
	c->context = options->context;
	c->path = strdup(options->reader_path);
	if (!c->path) {
		image_client_close(c);
		return bl_fail(why, BL_NO_MEMORY, "cannot open the image: out of memory");
	}
	*out_client = c;
	return BL_OK;
}

/* Its first child is started by the first request, as a dead one is replaced. */
static enum bl_status own_locked(struct image_client *c, uint32_t volume, struct bl_error *why)
{
	const struct image_options options = {
		.reader_path = c->path, .on_trouble = c->on_trouble, .context = c->context};
	BL_CLEANUP(image_client_close) struct image_client *own = NULL;
	enum bl_status status = client_new(&c->source, c->request_ns, &options, &own, why);

	if (status != BL_OK)
		return status;
	own->common = c;
	own->only = volume;
	own->opens = 1; /* it may take no longer than another start of the reader of all */
	own->left_alone[0] = own->left_alone[1] = UINT64_MAX;
	own->left_alone[volume / 64] &= ~(UINT64_C(1) << volume % 64);
	status = keeper_run(own, why);
	if (status == BL_OK)
		c->own[volume] = BL_TAKE(own);
	return status;
}

/* The first child; only a failure that another try can mend has one. */
static enum bl_status first_child(struct image_client *c, struct bl_error *why)
{
	uint64_t until_ns = image_client_until(c);
	enum bl_status status = BL_IO;
	int lane = -1;

	for (int i = 0; i < TRIES; i++) {
		pthread_mutex_lock(&c->mutex);
		status = acquire_locked(c, true, until_ns, &lane, why);
		if (status == BL_OK) {
			c->is_busy[lane] = false;
			c->busy = 0;
			pthread_cond_broadcast(&c->changed);
		}
		pthread_mutex_unlock(&c->mutex);
		if (status != BL_IO && status != BL_TIMED_OUT)
			break;
	}
	return status;
}

static enum bl_status tell_volumes(const struct image_client *c, struct image_volume **out_volumes,
				   size_t *out_count, struct bl_error *why)
{
	struct image_volume *volumes = calloc(IMAGE_VOLUMES, sizeof(*volumes));

	if (!volumes)
		return bl_fail(why, BL_NO_MEMORY, "cannot open the image: out of memory");
	if (!image_check_volumes(c->table, c->table_length, c->source.bytes.size_bytes, volumes,
				 out_count)) {
		free(volumes);
		return bl_fail(why, BL_IO, "the reader gave a bad table of volumes");
	}
	*out_volumes = volumes;
	return BL_OK;
}

enum bl_status image_client_open(const struct image_bytes *bytes,
				 const struct image_options *options,
				 struct image_client **out_client,
				 struct image_volume **out_volumes, size_t *out_count,
				 struct bl_error *why)
{
	BL_CLEANUP(image_client_close) struct image_client *c = NULL;
	const struct image_source source = {
		*bytes, (options->try_ms ? options->try_ms : IMAGE_TRY_MS) * NS_PER_MS};
	uint64_t request_ns = options->request_ms
				      ? options->request_ms * NS_PER_MS
				      : BL_MAX(IMAGE_REQUEST_MS * NS_PER_MS, source.try_ns / 2 * 5);
	enum bl_status status = client_new(&source, request_ns, options, &c, why);

	if (status == BL_OK)
		status = keeper_run(c, why);
	if (status == BL_OK)
		status = first_child(c, why);
	if (status == BL_OK)
		status = tell_volumes(c, out_volumes, out_count, why);
	if (status == BL_OK)
		*out_client = BL_TAKE(c);
	return status;
}

void image_client_close(struct image_client *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < IMAGE_VOLUMES; i++)
		image_client_close(c->own[i]); /* these have none of their own */
	pthread_mutex_lock(&c->mutex);
	c->is_closing = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
	if (c->has_keeper)
		pthread_join(c->keeper, NULL);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->mutex);
	free(c->table);
	free(c->path);
	free(c);
}
