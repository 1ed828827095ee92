/*
 * Read, digested, sealed: three threads and one ring of buffers, each passed on in order. The digest of a buffer is taken before the
 * sink may write over it (it encrypts in place).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "fs/intake/private.h"

#define RING	12u
#define MEMORY	((size_t)(RING + 1) * SEALED_GROUP)
#define WAIT_NS (INT64_C(200) * 1000 * 1000)

static const uint8_t NOTHING[65536];

struct ring {
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	uint8_t *memory; /* RING buffers, and the caller's one */
	struct piece pieces[RING];
	uint64_t put, hashed, passed; /* pieces; each at most the one before */
	uint64_t passed_bytes, base_bytes;
	bool is_over; /* nothing is put any more */
	enum bl_status status;
	struct bl_error why; /* of the first thread that failed */
	struct digest *hash;
	struct ring_sink sink;
	struct progress *progress;
	pthread_t hasher, passer;
	unsigned threads;
};

static uint8_t *buffer_of(const struct ring *ring, uint64_t piece)
{
	return ring->memory + (piece % RING) * SEALED_GROUP;
}

/* ---- the two threads ------------------------------------------------------------------------------- */

/* Waits until there is a piece *@mine that @before has passed; false: there will be none. */
static bool await(struct ring *ring, const uint64_t *before, const uint64_t *mine)
{
	bool is_there;

	pthread_mutex_lock(&ring->mutex);
	while (*before == *mine && ring->status == BL_OK && !(ring->is_over && ring->put == *mine))
		pthread_cond_wait(&ring->moved, &ring->mutex);
	is_there = *before > *mine && ring->status == BL_OK;
	pthread_mutex_unlock(&ring->mutex);
	return is_there;
}

static void advance(struct ring *ring, uint64_t *mine, uint64_t bytes)
{
	pthread_mutex_lock(&ring->mutex);
	(*mine)++;
	ring->passed_bytes += bytes;
	pthread_cond_broadcast(&ring->moved);
	pthread_mutex_unlock(&ring->mutex);
}

static void fail(struct ring *ring, enum bl_status status, const struct bl_error *why)
{
	pthread_mutex_lock(&ring->mutex);
	ring->status = status;
	ring->why = *why;
	pthread_cond_broadcast(&ring->moved);
	pthread_mutex_unlock(&ring->mutex);
}

static void hash_zeros(struct digest *hash, uint64_t length)
{
	while (length) {
		size_t part = (size_t)BL_MIN(length, (uint64_t)sizeof(NOTHING));

		digest_add(hash, NOTHING, part);
		length -= part;
	}
}

static void *hash_pieces(void *context)
{
	struct ring *ring = context;

	while (await(ring, &ring->put, &ring->hashed)) {
		const struct piece *piece = &ring->pieces[ring->hashed % RING];

		if (piece->is_zeros)
			hash_zeros(ring->hash, piece->length);
		else
			digest_add(ring->hash, buffer_of(ring, ring->hashed), piece->length);
		advance(ring, &ring->hashed, 0);
	}
	return NULL;
}

static void *pass_pieces(void *context)
{
	struct ring *ring = context;

	while (await(ring, &ring->hashed, &ring->passed)) {
		const struct piece *piece = &ring->pieces[ring->passed % RING];
		struct bl_error why = {.text = ""};
		enum bl_status status = BL_OK;

		if (ring->sink.put)
			status = ring->sink.put(ring->sink.context,
						piece->is_zeros ? NULL
								: buffer_of(ring, ring->passed),
						piece->length, &why);
		if (status != BL_OK) {
			fail(ring, status, &why);
			break;
		}
		advance(ring, &ring->passed, piece->length);
	}
	return NULL;
}

/* ---- the caller's side -------------------------------------------------------------------------------- */

/* Plaintext of a customer passes through here: in no core, in no child, and not in swap where that can be had. */
static uint8_t *map_buffers(void)
{
	uint8_t *memory =
		mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (madvise(memory, MEMORY, MADV_DONTDUMP) != 0 ||
	    madvise(memory, MEMORY, MADV_DONTFORK) != 0) {
		munmap(memory, MEMORY);
		return NULL;
	}
	(void)mlock(memory, MEMORY);
	return memory;
}

static void ring_free(struct ring *ring)
{
	if (ring->memory) {
		sodium_memzero(ring->memory, MEMORY);
		munmap(ring->memory, MEMORY);
	}
	pthread_cond_destroy(&ring->moved);
	pthread_mutex_destroy(&ring->mutex);
	free(ring);
}

static void join(struct ring *ring)
{
	pthread_mutex_lock(&ring->mutex);
	ring->is_over = true;
	pthread_cond_broadcast(&ring->moved);
	pthread_mutex_unlock(&ring->mutex);
	if (ring->threads > 0)
		pthread_join(ring->hasher, NULL);
	if (ring->threads > 1)
		pthread_join(ring->passer, NULL);
	ring->threads = 0;
}

/* Signals are for the thread that knows what to do with them. */
static bool start(struct ring *ring)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&ring->hasher, NULL, hash_pieces, ring) == 0)
		ring->threads++;
	if (ring->threads && pthread_create(&ring->passer, NULL, pass_pieces, ring) == 0)
		ring->threads++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ring->threads == 2;
}

static void init_waiting(struct ring *ring)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&ring->moved, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&ring->mutex, NULL);
}

enum bl_status ring_new(struct digest *hash, const struct ring_sink *sink,
			struct progress *progress, struct ring **out_ring, struct bl_error *why)
{
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	init_waiting(ring);
	ring->hash = hash;
	ring->sink = *sink;
	ring->progress = progress;
	ring->base_bytes = progress->now.done;
	ring->memory = map_buffers();
	if (!ring->memory || !start(ring)) {
		join(ring);
		ring_free(ring);
		return bl_fail(why, BL_NO_MEMORY, "out of memory for the buffers of an intake");
	}
	*out_ring = ring;
	return BL_OK;
}

/* One wait of bounded length, then progress is told. @is_met is looked at under the lock. */
static bool wait_told(struct ring *ring, bool (*is_met)(const struct ring *ring))
{
	struct timespec until;
	bool is_done;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += WAIT_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&ring->mutex);
	while (!is_met(ring) && pthread_cond_timedwait(&ring->moved, &ring->mutex, &until) == 0)
		;
	is_done = is_met(ring);
	ring->progress->now.done = ring->base_bytes + ring->passed_bytes;
	pthread_mutex_unlock(&ring->mutex);
	return is_done;
}

static bool has_room(const struct ring *ring)
{
	return ring->status != BL_OK || ring->put - ring->passed < RING;
}

static bool is_empty(const struct ring *ring)
{
	return ring->status != BL_OK || ring->passed == ring->put;
}

uint8_t *ring_room(struct ring *ring)
{
	bool is_there = false;

	while (!is_there) {
		is_there = wait_told(ring, has_room);
		if (!progress_tick(ring->progress))
			return NULL;
	}
	/* The reader alone puts: nobody takes the room away. */
	return ring->status == BL_OK ? buffer_of(ring, ring->put) : NULL;
}

void ring_put(struct ring *ring, const struct piece *piece)
{
	ring->pieces[ring->put % RING] = *piece;
	advance(ring, &ring->put, 0);
}

uint8_t *ring_scratch(struct ring *ring)
{
	return ring->memory + (size_t)RING * SEALED_GROUP;
}

enum bl_status ring_end(struct ring *ring, enum bl_status status, struct bl_error *why)
{
	/* What was read is sealed all the same: it is gone on from. */
	while (!wait_told(ring, is_empty))
		(void)progress_tick(ring->progress);
	join(ring);
	if (status == BL_OK && ring->status != BL_OK)
		status = bl_fail(why, ring->status, "%s", ring->why.text);
	else if (status == BL_OK && ring->progress->is_stopped)
		status = progress_stopped(why);
	ring_free(ring);
	return status;
}
