/* contained.c - programs that may die, hang or lie, and what they decoded last */
#include "fs/image/contained.h"

#include "fs/image/child.h"
#include "fs/image/contained-lane.h"
#include "fs/image/container/exits.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS UINT64_C(1000000)
#define WAYS	  4u /* a granule can be kept in this many places */
#define SETS	  (CONTAINED_KEPT / WAYS)
#define TRIES	  2

struct kept {
	struct contained_granule *granule; /* NULL: none yet */
	uint64_t used;			   /* when, in reads */
};

struct contained {
	struct container *container;
	char *folder;
	uint64_t bytes, ask_ns;

	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct contained_lane lanes[CONTAINED_LANES];
	bool is_busy[CONTAINED_LANES];
	bool is_given_up;
	uint64_t deaths[CONTAINED_DEATHS]; /* ring of times */
	uint64_t death_count;
	struct kept kept[SETS][WAYS];
	uint64_t clock; /* of reads */
};

/* ---- what is kept ------------------------------------------------------------------------------- */

static struct kept *set_of(struct contained *c, uint64_t offset)
{
	return c->kept[offset / ASK_GRANULE % SETS];
}

static const struct contained_granule *find_locked(struct contained *c, uint64_t offset)
{
	struct kept *set = set_of(c, offset);

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].granule && set[i].granule->offset == offset) {
			set[i].used = ++c->clock;
			return set[i].granule;
		}
	return NULL;
}

/* In place of the one that was used longest ago, or of itself, when two have asked for it. */
static struct contained_granule *keep_locked(struct contained *c, struct contained_granule *granule)
{
	struct kept *set = set_of(c, granule->offset), *place = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].granule && set[i].granule->offset == granule->offset) {
			place = &set[i];
			break;
		}
		if (set[i].used < place->used)
			place = &set[i];
	}
	struct contained_granule *before = place->granule;
	*place = (struct kept){granule, ++c->clock};
	return before;
}

/* ---- programs ----------------------------------------------------------------------------------- */

static void death_locked(struct contained *c)
{
	uint64_t now = image_now_ns();

	c->deaths[c->death_count++ % CONTAINED_DEATHS] = now;
	uint64_t oldest = c->deaths[c->death_count % CONTAINED_DEATHS];
	if (c->death_count >= CONTAINED_DEATHS && now - oldest < CONTAINED_NS)
		c->is_given_up = true;
}

/* A free one that runs, else a free one. */
static int free_lane(const struct contained *c)
{
	int found = -1;

	for (int i = 0; i < (int)CONTAINED_LANES; i++)
		if (!c->is_busy[i] && (found < 0 || c->lanes[i].pid))
			found = i;
	return found;
}

static bool take_lane(struct contained *c, uint64_t late_ns, int *out_lane)
{
	const struct timespec late = {(time_t)(late_ns / 1000000000), (long)(late_ns % 1000000000)};
	int error = image_now_ns() < late_ns ? 0 : ETIMEDOUT;

	pthread_mutex_lock(&c->mutex);
	while (!c->is_given_up && !error && free_lane(c) < 0)
		error = pthread_cond_clockwait(&c->changed, &c->mutex, CLOCK_MONOTONIC, &late);
	bool is_taken = !c->is_given_up && !error;
	if (is_taken) {
		*out_lane = free_lane(c);
		c->is_busy[*out_lane] = true;
	}
	pthread_mutex_unlock(&c->mutex);
	return is_taken;
}

static void give_back(struct contained *c, int lane, bool is_dead)
{
	if (is_dead)
		contained_lane_stop(&c->lanes[lane]);
	pthread_mutex_lock(&c->mutex);
	c->is_busy[lane] = false;
	if (is_dead)
		death_locked(c);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
}

/* Again, while somebody waits; another size is another image. */
static bool start_again(struct contained *c, struct contained_lane *lane)
{
	uint64_t deadline = image_now_ns() + CONTAINED_START_MS * NS_PER_MS, bytes = 0;

	if (contained_lane_start(lane, c->container, c->folder, deadline, &bytes, NULL) != BL_OK)
		return false;
	if (bytes == c->bytes)
		return true;
	contained_lane_stop(lane);
	return false;
}

static enum contained_outcome ask_once(struct contained *c, uint64_t late_ns,
				       struct contained_granule *granule)
{
	enum contained_outcome outcome = CONTAINED_DIED;
	int number = -1;

	if (!take_lane(c, late_ns, &number))
		return CONTAINED_LATE;
	struct contained_lane *lane = &c->lanes[number];
	if (lane->pid || start_again(c, lane))
		outcome = contained_lane_ask(lane, image_now_ns() + c->ask_ns, granule);
	give_back(c, number, outcome != CONTAINED_ANSWER);
	return outcome;
}

/* What two programs died of, or one hung at, is unreadable for as long as that is kept. False: nothing is known of it. */
static bool decode(struct contained *c, uint64_t late_ns, struct contained_granule *granule)
{
	enum contained_outcome outcome = CONTAINED_DIED;

	for (int i = 0; i < TRIES && outcome == CONTAINED_DIED; i++)
		outcome = ask_once(c, late_ns, granule);
	if (outcome != CONTAINED_ANSWER)
		memset(granule->is_bad, 0xff, sizeof(granule->is_bad));
	return outcome != CONTAINED_LATE;
}

/* ---- reading ------------------------------------------------------------------------------------ */

/* Part of a granule; false: one of its sectors cannot be read. */
static bool copy(const struct contained_granule *granule, uint32_t at, uint8_t *out,
		 uint32_t length)
{
	for (uint32_t i = at / ASK_SECTOR; i <= (at + length - 1) / ASK_SECTOR; i++)
		if (granule->is_bad[i / 8] >> i % 8 & 1)
			return false;
	memcpy(out, granule->bytes + at, length);
	return true;
}

static bool copy_kept(struct contained *c, uint64_t offset, uint32_t at, uint8_t *out,
		      uint32_t length, bool *out_is_read)
{
	pthread_mutex_lock(&c->mutex);
	const struct contained_granule *granule = find_locked(c, offset);
	if (granule)
		*out_is_read = copy(granule, at, out, length);
	pthread_mutex_unlock(&c->mutex);
	return granule != NULL;
}

/* NULL: no memory. */
static struct contained_granule *granule_at(const struct contained *c, uint64_t offset)
{
	struct contained_granule *granule = malloc(sizeof(*granule));

	if (granule) {
		granule->offset = offset;
		granule->length = (uint32_t)BL_MIN(c->bytes - offset, (uint64_t)ASK_GRANULE);
	}
	return granule;
}

static enum bl_status read_piece(struct contained *c, uint64_t offset, uint8_t *out,
				 uint32_t length, uint64_t late_ns, struct bl_error *why)
{
	uint64_t begin = offset - offset % ASK_GRANULE;
	uint32_t at = (uint32_t)(offset - begin);
	bool is_read = false;

	if (!copy_kept(c, begin, at, out, length, &is_read)) {
		BL_CLEANUP(bl_free) struct contained_granule *granule = granule_at(c, begin);

		if (!granule)
			return bl_fail(why, BL_NO_MEMORY, "out of memory for a container");
		bool is_known = decode(c, late_ns, granule);
		is_read = copy(granule, at, out, length);
		pthread_mutex_lock(&c->mutex);
		if (is_known)
			granule = keep_locked(c, granule);
		pthread_mutex_unlock(&c->mutex);
	}
	return is_read ? BL_OK : bl_fail(why, BL_IO, "a part of the container cannot be read");
}

enum bl_status contained_read(struct contained *c, uint64_t offset, void *out, size_t length,
			      struct bl_error *why)
{
	uint64_t late = image_now_ns() + CONTAINED_READ_MS * NS_PER_MS;
	uint8_t *to = out;
	enum bl_status status = BL_OK;

	if (offset > c->bytes || length > c->bytes - offset)
		return bl_fail(why, BL_IO, "behind the end of the container's bytes");
	while (length > 0 && status == BL_OK) {
		uint32_t part =
			(uint32_t)BL_MIN((uint64_t)length, ASK_GRANULE - offset % ASK_GRANULE);

		status = read_piece(c, offset, to, part, late, why);
		offset += part;
		to += part;
		length -= part;
	}
	return status;
}

/* ---- its life ----------------------------------------------------------------------------------- */

uint64_t contained_size(const struct contained *c)
{
	return c->bytes;
}

enum bl_status contained_open(struct container *taken, const struct contained_options *options,
			      struct contained **out_contained, struct bl_error *why)
{
	BL_CLEANUP(container_free) struct container *container = taken;
	BL_CLEANUP(contained_close) struct contained *c = calloc(1, sizeof(*c));
	unsigned first_ms = options->first_ms ? options->first_ms : CONTAINED_FIRST_MS;

	if (!c)
		return bl_fail(why, BL_NO_MEMORY, "cannot open the image: out of memory");
	pthread_mutex_init(&c->mutex, NULL);
	pthread_cond_init(&c->changed, NULL);
	for (size_t i = 0; i < CONTAINED_LANES; i++)
		c->lanes[i].fd = -1;
	c->ask_ns = (options->ask_ms ? options->ask_ms : CONTAINED_ASK_MS) * NS_PER_MS;
	c->container = BL_TAKE(container);
	c->folder = strdup(options->folder);
	if (!c->folder)
		return bl_fail(why, BL_NO_MEMORY, "cannot open the image: out of memory");
	enum bl_status status =
		contained_lane_start(&c->lanes[0], c->container, c->folder,
				     image_now_ns() + first_ms * NS_PER_MS, &c->bytes, why);
	if (status != BL_OK)
		return status;
	if (c->bytes == 0 || c->bytes > CONTAINER_MAX_BYTES)
		return bl_fail(why, BL_IO, "the container's program gave a bad answer");
	*out_contained = BL_TAKE(c);
	return BL_OK;
}

void contained_close(struct contained *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < CONTAINED_LANES; i++)
		contained_lane_stop(&c->lanes[i]);
	for (size_t i = 0; i < SETS; i++)
		for (size_t j = 0; j < WAYS; j++)
			free(c->kept[i][j].granule);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->mutex);
	container_free(c->container);
	free(c->folder);
	free(c);
}
