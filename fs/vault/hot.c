#include "fs/vault/hot.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SHARD_SLOTS 64u /* looked through one by one: cheaper than a table of so few */
#define LEAST	    (UINT64_C(1) << 20)
#define CHUNK_BITS  34 /* SEALED_MOST / SEALED_CHUNK */
#define OWNERS	    (UINT64_C(1) << (64 - CHUNK_BITS))
#define UNDER_LOCK  8192u /* a copy so short is made with the shard locked */

_Static_assert(SEALED_MOST / SEALED_CHUNK == UINT64_C(1) << CHUNK_BITS,
	       "a chunk's number and its owner's share 64 bits");

enum slot_state { SLOT_FREE, SLOT_LOADING, SLOT_WHOLE };

struct slot_facts {
	enum slot_state state;
	bool is_main;	  /* came back after it had been evicted; else in the queue of newcomers */
	unsigned pins;	  /* readers that copy out of it */
	uint64_t touched; /* newcomers: when they came; others: when last used */
};

struct shard {
	pthread_mutex_t lock;
	pthread_cond_t changed;	    /* a load ended, a pin was given back */
	uint64_t tags[SHARD_SLOTS]; /* owner and chunk; 0: free */
	struct slot_facts slots[SHARD_SLOTS];
	uint64_t ghosts[SHARD_SLOTS]; /* tags of newcomers that were evicted last, a ring */
	size_t ghost_at;
	uint64_t now;
};

struct sealed_hot {
	uint8_t *chunks;
	size_t shard_count, shard_slots, bytes;
	uint64_t owners; /* atomic */
	struct shard shards[];
};

/* ---- memory ------------------------------------------------------------------------------------ */

/*
 * NULL when it cannot be locked: what is not locked may be swapped out. Memory is taken as chunks come, not before. A quarter as much
 * is locked for a moment and given back, so that keys find room below the limit, too.
 */
static uint8_t *locked_map(size_t bytes)
{
	size_t spare = bytes / SEALED_HOT_SPARE;
	uint8_t *map = mmap(NULL, bytes + spare, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	if (mlock2(map, bytes + spare, MLOCK_ONFAULT) == 0 && munmap(map + bytes, spare) == 0 &&
	    madvise(map, bytes, MADV_DONTDUMP) == 0 && madvise(map, bytes, MADV_DONTFORK) == 0)
		return map;
	munmap(map, bytes + spare);
	return NULL;
}

static void shards_init(struct sealed_hot *hot, size_t count)
{
	hot->shard_count = count;
	for (size_t i = 0; i < count; i++) {
		pthread_mutex_init(&hot->shards[i].lock, NULL);
		pthread_cond_init(&hot->shards[i].changed, NULL);
	}
}

enum bl_status sealed_hot_new(uint64_t bytes, struct sealed_hot **out_hot, struct bl_error *why)
{
	uint64_t room = BL_MAX(bytes, LEAST) / SEALED_CHUNK * SEALED_CHUNK;
	uint8_t *chunks = NULL;

	while (room >= LEAST && room <= SIZE_MAX / 2 && !(chunks = locked_map((size_t)room)))
		room = room / 2 / SEALED_CHUNK * SEALED_CHUNK;
	if (!chunks)
		return bl_fail(
			why, BL_NO_MEMORY,
			"cannot lock 1 MiB of memory for decrypted chunks (raise LimitMEMLOCK "
			"of the service, or 'ulimit -l')");

	size_t slots = (size_t)(room / SEALED_CHUNK);
	size_t shard_count = (slots + SHARD_SLOTS - 1) / SHARD_SLOTS;
	struct sealed_hot *hot = calloc(1, sizeof(*hot) + shard_count * sizeof(struct shard));

	if (!hot) {
		munmap(chunks, (size_t)room);
		return bl_fail(why, BL_NO_MEMORY, "cannot hold chunks: out of memory");
	}
	hot->chunks = chunks;
	hot->bytes = (size_t)room;
	hot->shard_slots = slots / shard_count;
	shards_init(hot, shard_count);
	*out_hot = hot;
	return BL_OK;
}

void sealed_hot_free(struct sealed_hot *hot)
{
	if (!hot)
		return;
	sodium_memzero(hot->chunks, hot->bytes);
	munmap(hot->chunks, hot->bytes);
	for (size_t i = 0; i < hot->shard_count; i++) {
		pthread_mutex_destroy(&hot->shards[i].lock);
		pthread_cond_destroy(&hot->shards[i].changed);
	}
	free(hot);
}

uint64_t sealed_hot_bytes(const struct sealed_hot *hot)
{
	return hot->bytes;
}

uint64_t hot_owner(struct sealed_hot *hot)
{
	uint64_t owner = __atomic_add_fetch(&hot->owners, 1, __ATOMIC_RELAXED);

	return owner < OWNERS ? owner : 0;
}

/* ---- finding ----------------------------------------------------------------------------------- */

static uint64_t tag_of(uint64_t owner, uint64_t chunk)
{
	return owner << CHUNK_BITS | chunk;
}

/* Neighbours go to different shards, so that readers of one file do not meet at one lock. */
static size_t shard_of(const struct sealed_hot *hot, uint64_t tag)
{
	return (size_t)((tag * UINT64_C(0x9e3779b97f4a7c15) >> 32) % hot->shard_count);
}

static uint8_t *bytes_of(const struct sealed_hot *hot, size_t shard, size_t slot)
{
	return hot->chunks + (shard * hot->shard_slots + slot) * SEALED_CHUNK;
}

/* @count when it is not there. */
static size_t find(const uint64_t *tags, size_t count, uint64_t tag)
{
	size_t i = 0;

	while (i < count && tags[i] != tag)
		i++;
	return i;
}

static void touch(struct shard *shard, size_t slot)
{
	if (shard->slots[slot].is_main)
		shard->slots[slot].touched = ++shard->now;
}

static void unpin(struct shard *shard, size_t slot)
{
	if (--shard->slots[slot].pins == 0)
		pthread_cond_broadcast(&shard->changed);
}

bool hot_copy(struct sealed_hot *hot, uint64_t owner, uint64_t chunk, size_t at, void *out,
	      size_t length)
{
	uint64_t tag = tag_of(owner, chunk);
	size_t number = shard_of(hot, tag);
	struct shard *shard = &hot->shards[number];

	pthread_mutex_lock(&shard->lock);

	size_t slot = find(shard->tags, hot->shard_slots, tag);
	bool is_here = slot < hot->shard_slots && shard->slots[slot].state == SLOT_WHOLE;

	if (is_here && length <= UNDER_LOCK) {
		touch(shard, slot);
		memcpy(out, bytes_of(hot, number, slot) + at, length);
	} else if (is_here) {
		touch(shard, slot);
		shard->slots[slot].pins++;
		pthread_mutex_unlock(&shard->lock);
		memcpy(out, bytes_of(hot, number, slot) + at, length);
		pthread_mutex_lock(&shard->lock);
		unpin(shard, slot);
	}
	pthread_mutex_unlock(&shard->lock);
	return is_here;
}

/* ---- evicting ---------------------------------------------------------------------------------- */

/* The one that was touched longest ago in one queue and is not held; @shard_slots when there is none. */
static size_t oldest(const struct sealed_hot *hot, const struct shard *shard, bool is_main)
{
	size_t best = hot->shard_slots;

	for (size_t i = 0; i < hot->shard_slots; i++) {
		const struct slot_facts *facts = &shard->slots[i];

		if (facts->state == SLOT_WHOLE && facts->pins == 0 && facts->is_main == is_main &&
		    (best == hot->shard_slots || facts->touched < shard->slots[best].touched))
			best = i;
	}
	return best;
}

/* Newcomers go first as long as they have more than a quarter. */
static size_t victim(const struct sealed_hot *hot, const struct shard *shard)
{
	size_t newcomers = 0;

	for (size_t i = 0; i < hot->shard_slots; i++)
		newcomers += shard->slots[i].state != SLOT_FREE && !shard->slots[i].is_main;

	bool from_main = newcomers <= hot->shard_slots / 4;
	size_t slot = oldest(hot, shard, from_main);

	return slot < hot->shard_slots ? slot : oldest(hot, shard, !from_main);
}

/* A slot to load into, taken; @shard_slots: all are held. What was in it is overwritten as a whole by the load, or wiped. */
static size_t take_slot(const struct sealed_hot *hot, struct shard *shard, uint64_t tag)
{
	size_t slot = find(shard->tags, hot->shard_slots, 0);
	size_t ghost = find(shard->ghosts, hot->shard_slots, tag);

	if (slot == hot->shard_slots)
		slot = victim(hot, shard);
	if (slot == hot->shard_slots)
		return slot;
	if (shard->slots[slot].state == SLOT_WHOLE && !shard->slots[slot].is_main) {
		shard->ghosts[shard->ghost_at] = shard->tags[slot];
		shard->ghost_at = (shard->ghost_at + 1) % hot->shard_slots;
	}
	shard->tags[slot] = tag;
	shard->slots[slot] = (struct slot_facts){
		.state = SLOT_LOADING,
		.is_main = ghost < hot->shard_slots,
		.pins = 1,
		.touched = ++shard->now,
	};
	return slot;
}

bool hot_hold(struct sealed_hot *hot, uint64_t owner, uint64_t chunk, struct hot_place *out_place)
{
	uint64_t tag = tag_of(owner, chunk);
	size_t number = shard_of(hot, tag), slot;
	struct shard *shard = &hot->shards[number];
	bool is_whole = false;

	pthread_mutex_lock(&shard->lock);
	for (;;) {
		slot = find(shard->tags, hot->shard_slots, tag);
		is_whole = slot < hot->shard_slots && shard->slots[slot].state == SLOT_WHOLE;
		if (is_whole) {
			touch(shard, slot);
			shard->slots[slot].pins++;
			break;
		}
		if (slot == hot->shard_slots &&
		    (slot = take_slot(hot, shard, tag)) < hot->shard_slots)
			break;
		pthread_cond_wait(&shard->changed, &shard->lock);
	}
	pthread_mutex_unlock(&shard->lock);
	*out_place = (struct hot_place){bytes_of(hot, number, slot), number, slot};
	return is_whole;
}

void hot_filled(struct sealed_hot *hot, const struct hot_place *place)
{
	struct shard *shard = &hot->shards[place->shard];

	pthread_mutex_lock(&shard->lock);
	shard->slots[place->slot].state = SLOT_WHOLE;
	pthread_cond_broadcast(&shard->changed);
	pthread_mutex_unlock(&shard->lock);
}

static void wipe_slot(const struct sealed_hot *hot, struct shard *shard, size_t number, size_t slot)
{
	sodium_memzero(bytes_of(hot, number, slot), SEALED_CHUNK);
	shard->tags[slot] = 0;
	shard->slots[slot] = (struct slot_facts){.state = SLOT_FREE};
}

void hot_failed(struct sealed_hot *hot, const struct hot_place *place)
{
	struct shard *shard = &hot->shards[place->shard];

	pthread_mutex_lock(&shard->lock);
	wipe_slot(hot, shard, place->shard, place->slot);
	pthread_cond_broadcast(&shard->changed);
	pthread_mutex_unlock(&shard->lock);
}

void hot_let_go(struct sealed_hot *hot, const struct hot_place *place)
{
	struct shard *shard = &hot->shards[place->shard];

	pthread_mutex_lock(&shard->lock);
	unpin(shard, place->slot);
	pthread_mutex_unlock(&shard->lock);
}

void hot_forget(struct sealed_hot *hot, uint64_t owner)
{
	for (size_t number = 0; number < hot->shard_count; number++) {
		struct shard *shard = &hot->shards[number];

		pthread_mutex_lock(&shard->lock);
		for (size_t slot = 0; slot < hot->shard_slots; slot++)
			if (shard->tags[slot] >> CHUNK_BITS == owner)
				wipe_slot(hot, shard, number, slot);
		pthread_mutex_unlock(&shard->lock);
	}
}
