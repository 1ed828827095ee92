#include "fs/vault/sealed-queue.h"

#include "fs/vault/sealed-format.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* One is sealed, one is written, two even out the difference. */
#define ROOM 4

struct job {
	uint8_t *bytes;
	uint64_t offset;
	unsigned filled;
};

struct sealed_queue {
	const struct sealed_io *io;
	int fd;
	bool is_direct;
	uint8_t *memory;
	pthread_t thread;
	pthread_mutex_t lock; /* over everything below */
	pthread_cond_t changed;
	struct job jobs[ROOM];
	unsigned first, count; /* first: the one that is being written */
	bool is_stuck, is_closing;
	enum bl_status status; /* while stuck */
	struct bl_error trouble;
};

/* ---- the thread ------------------------------------------------------------------------------ */

static enum bl_status write_run(const struct sealed_queue *queue, const struct job *job,
				unsigned from, unsigned to, struct bl_error *why)
{
	uint64_t at = job->offset + from * (uint64_t)SEALED_CHUNK;
	size_t length = (to - from) * (size_t)SEALED_CHUNK;
	enum bl_status status =
		sealed_io_write(queue->io, queue->fd, job->bytes + from * (size_t)SEALED_CHUNK,
				length, at, "data", why);

	/* Through the cache: let the disk begin now, so that a checkpoint need not wait for all of it. */
	if (status == BL_OK && !queue->is_direct)
		(void)sync_file_range(queue->fd, (off_t)at, (off_t)length, SYNC_FILE_RANGE_WRITE);
	return status;
}

static enum bl_status write_job(const struct sealed_queue *queue, const struct job *job,
				struct bl_error *why)
{
	enum bl_status status = BL_OK;

	for (unsigned from = 0, to; from < SEALED_GROUP_CHUNKS && status == BL_OK; from = to) {
		bool is_filled = job->filled >> from & 1;

		for (to = from + 1; to < SEALED_GROUP_CHUNKS; to++)
			if ((job->filled >> to & 1) != is_filled)
				break;
		if (is_filled)
			status = write_run(queue, job, from, to, why);
	}
	return status;
}

static void take_next(struct sealed_queue *queue)
{
	struct job job = queue->jobs[queue->first];
	struct bl_error why = {""};

	pthread_mutex_unlock(&queue->lock);

	enum bl_status status = write_job(queue, &job, &why);

	pthread_mutex_lock(&queue->lock);
	queue->is_stuck = status != BL_OK;
	queue->status = status;
	queue->trouble = why;
	if (status == BL_OK) {
		queue->first = (queue->first + 1) % ROOM;
		queue->count--;
	}
	pthread_cond_broadcast(&queue->changed);
}

static void *run(void *context)
{
	struct sealed_queue *queue = context;

	pthread_mutex_lock(&queue->lock);
	while (!queue->is_closing) {
		if (queue->count > 0 && !queue->is_stuck)
			take_next(queue);
		else
			pthread_cond_wait(&queue->changed, &queue->lock);
	}
	pthread_mutex_unlock(&queue->lock);
	return NULL;
}

/* ---- its user -------------------------------------------------------------------------------- */

static bool start(struct sealed_queue *queue)
{
	sigset_t all, before;

	/* Signals are for the threads that know of them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);

	bool is_running = pthread_create(&queue->thread, NULL, run, queue) == 0;

	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return is_running;
}

enum bl_status sealed_queue_new(const struct sealed_io *io, int fd, bool is_direct,
				struct sealed_queue **out_queue, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct sealed_queue *queue = calloc(1, sizeof(*queue));
	BL_CLEANUP(bl_free) uint8_t *memory = aligned_alloc(SEALED_PAGE, ROOM * SEALED_GROUP);

	if (!queue || !memory)
		return bl_fail(why, BL_NO_MEMORY, "no memory for sealing");
	queue->io = io;
	queue->fd = fd;
	queue->is_direct = is_direct;
	queue->memory = memory;
	for (unsigned i = 0; i < ROOM; i++)
		queue->jobs[i].bytes = memory + i * (size_t)SEALED_GROUP;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->changed, NULL);
	if (!start(queue)) {
		pthread_cond_destroy(&queue->changed);
		pthread_mutex_destroy(&queue->lock);
		return bl_fail(why, BL_NO_MEMORY, "no thread for sealing");
	}
	memory = NULL;
	*out_queue = BL_TAKE(queue);
	return BL_OK;
}

void sealed_queue_free(struct sealed_queue *queue)
{
	if (!queue)
		return;
	pthread_mutex_lock(&queue->lock);
	queue->is_closing = true;
	pthread_cond_broadcast(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
	pthread_join(queue->thread, NULL);
	pthread_cond_destroy(&queue->changed);
	pthread_mutex_destroy(&queue->lock);
	free(queue->memory);
	free(queue);
}

/* At most @most jobs are left; what was stuck before this call is tried again. */
static enum bl_status wait_for_less(struct sealed_queue *queue, unsigned most, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	if (queue->is_stuck) {
		queue->is_stuck = false;
		pthread_cond_broadcast(&queue->changed);
	}
	while (queue->count > most && !queue->is_stuck)
		pthread_cond_wait(&queue->changed, &queue->lock);
	if (queue->is_stuck)
		status = bl_fail(why, queue->status, "%s", queue->trouble.text);
	return status;
}

enum bl_status sealed_queue_room(struct sealed_queue *queue, uint8_t **out_room,
				 struct bl_error *why)
{
	pthread_mutex_lock(&queue->lock);

	enum bl_status status = wait_for_less(queue, ROOM - 1, why);

	*out_room = queue->jobs[(queue->first + queue->count) % ROOM].bytes;
	pthread_mutex_unlock(&queue->lock);
	return status;
}

void sealed_queue_push(struct sealed_queue *queue, uint64_t offset, unsigned filled)
{
	pthread_mutex_lock(&queue->lock);

	struct job *job = &queue->jobs[(queue->first + queue->count) % ROOM];

	job->offset = offset;
	job->filled = filled;
	queue->count++;
	pthread_cond_broadcast(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
}

enum bl_status sealed_queue_drain(struct sealed_queue *queue, struct bl_error *why)
{
	pthread_mutex_lock(&queue->lock);

	enum bl_status status = wait_for_less(queue, 0, why);

	pthread_mutex_unlock(&queue->lock);
	return status;
}
