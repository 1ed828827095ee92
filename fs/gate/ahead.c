/* What is likely to be asked for next, read and masked while the answer before it is on its way */
#include "fs/gate/private.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Older than this it is not given: what lies there may have changed, and nobody seems to read on. */
#define FRESH_MS 1000

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_fresh(const struct ahead *ahead)
{
	return now_ms() - ahead->begun_ms <= ahead->pool->fresh_ms;
}

void aheads_init(struct aheads *aheads)
{
	pthread_mutex_init(&aheads->lock, NULL);
	pthread_cond_init(&aheads->moved, NULL);
	aheads->fresh_ms = FRESH_MS;
	for (size_t i = 0; i < GATE_AHEADS; i++)
		aheads->items[i].pool = aheads;
}

void aheads_done(struct aheads *aheads)
{
	pthread_mutex_lock(&aheads->lock);
	for (size_t i = 0; i < GATE_AHEADS; i++) {
		struct ahead *ahead = &aheads->items[i];

		/* Whoever was answered out of it may go on before it is given back. */
		while (ahead->state == AHEAD_LENT)
			pthread_cond_wait(&aheads->moved, &aheads->lock);
		sodium_memzero(&ahead->part, sizeof(ahead->part));
		free(ahead->buffer);
	}
	pthread_mutex_unlock(&aheads->lock);
	pthread_cond_destroy(&aheads->moved);
	pthread_mutex_destroy(&aheads->lock);
}

/* lock is held. */
static void settle(struct ahead *ahead, enum ahead_state state)
{
	ahead->state = state;
	if (state == AHEAD_FREE)
		sodium_memzero(&ahead->part, sizeof(ahead->part));
	pthread_cond_broadcast(&ahead->pool->moved);
}

/* lock is held. */
static struct ahead *ahead_of(struct aheads *aheads, const struct gate_handle *handle)
{
	for (size_t i = 0; i < GATE_AHEADS; i++)
		if (aheads->items[i].part.owner == handle)
			return &aheads->items[i];
	return NULL;
}

static bool is_asked(const struct ahead_part *part, const struct ahead_part *asked)
{
	return part->serial == asked->serial && part->offset == asked->offset &&
	       part->size == asked->size &&
	       sodium_memcmp(&part->mask, &asked->mask, sizeof(part->mask)) == 0;
}

struct ahead *ahead_take(struct aheads *aheads, const struct ahead_part *part)
{
	struct ahead *ahead;

	pthread_mutex_lock(&aheads->lock);
	while ((ahead = ahead_of(aheads, part->owner)) && ahead->state == AHEAD_FILLING &&
	       is_asked(&ahead->part, part))
		pthread_cond_wait(&aheads->moved, &aheads->lock);
	if (ahead && ahead->state != AHEAD_READY)
		ahead = NULL;
	if (ahead) {
		bool is_it = is_asked(&ahead->part, part) && is_fresh(ahead);

		ahead->part.owner = NULL;
		settle(ahead, is_it ? AHEAD_LENT : AHEAD_FREE);
		if (!is_it)
			ahead = NULL;
	}
	pthread_mutex_unlock(&aheads->lock);
	return ahead;
}

/* lock is held. One that nobody came for is free. */
static struct ahead *ahead_unused(struct aheads *aheads)
{
	for (size_t i = 0; i < GATE_AHEADS; i++) {
		struct ahead *ahead = &aheads->items[i];

		if (ahead->state == AHEAD_FREE || (ahead->state == AHEAD_READY && !is_fresh(ahead)))
			return ahead;
	}
	return NULL;
}

struct ahead *ahead_begin(struct aheads *aheads, const struct ahead_part *part)
{
	pthread_mutex_lock(&aheads->lock);
	struct ahead *ahead = ahead_of(aheads, part->owner) ? NULL : ahead_unused(aheads);

	if (ahead && !ahead->buffer)
		ahead->buffer = malloc(GATE_READ_ROOM(GATE_READ_LIMIT));
	if (ahead && !ahead->buffer)
		ahead = NULL;
	if (ahead) {
		ahead->state = AHEAD_FILLING;
		ahead->part = *part;
		ahead->begun_ms = now_ms();
	}
	pthread_mutex_unlock(&aheads->lock);
	return ahead;
}

void ahead_fill(struct ahead *ahead, struct gate_file *file)
{
	struct aheads *aheads = ahead->pool;
	enum bl_status status = file_read_known(
		file, &ahead->part.mask, ahead->part.offset, ahead->part.size, ahead->buffer,
		GATE_READ_ROOM(GATE_READ_LIMIT), &ahead->bytes, &ahead->length);

	pthread_mutex_lock(&aheads->lock);
	settle(ahead, status == BL_OK && ahead->part.owner ? AHEAD_READY : AHEAD_FREE);
	pthread_mutex_unlock(&aheads->lock);
}

void ahead_give(struct ahead *ahead)
{
	struct aheads *aheads = ahead->pool;

	pthread_mutex_lock(&aheads->lock);
	settle(ahead, AHEAD_FREE);
	pthread_mutex_unlock(&aheads->lock);
}

void ahead_drop(struct aheads *aheads, const struct gate_handle *handle)
{
	pthread_mutex_lock(&aheads->lock);
	struct ahead *ahead = ahead_of(aheads, handle);

	if (ahead)
		ahead->part.owner = NULL;
	if (ahead && ahead->state == AHEAD_READY)
		settle(ahead, AHEAD_FREE);
	pthread_mutex_unlock(&aheads->lock);
}
