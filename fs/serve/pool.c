#include "fs/serve/private.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	size_t size;
	unsigned limit;
} CLASSES[BUFFER_CLASSES] = {
	[BUFFER_SMALL] = {16u << 10, 256},
	[BUFFER_MIDDLE] = {128u << 10, 32},
	[BUFFER_LARGE] = {GATE_READ_ROOM(SERVE_MAX_READ), 8},
};
#define REQUESTS 512u

size_t pool_buffer_size(enum buffer_class class)
{
	return CLASSES[class].size;
}

void pool_init(struct pool *pool)
{
	memset(pool, 0, sizeof(*pool));
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->freed, NULL);
	pthread_cond_init(&pool->idle, NULL);
}

void pool_done(struct pool *pool)
{
	while (pool->requests) {
		struct request *request = pool->requests;

		pool->requests = request->next;
		free(request);
	}
	for (size_t class = 0; class < BUFFER_CLASSES; class ++) {
		while (pool->buffers[class]) {
			struct pool_buffer *buffer = pool->buffers[class];

			pool->buffers[class] = buffer->next;
			free(buffer);
		}
	}
	pthread_cond_destroy(&pool->idle);
	pthread_cond_destroy(&pool->freed);
	pthread_mutex_destroy(&pool->lock);
}

static enum buffer_class class_of(size_t bytes)
{
	enum buffer_class class = BUFFER_NONE;

	while (class < BUFFER_CLASSES && CLASSES[class].size < bytes)
		class ++;
	return class;
}

/* pool->lock is held. NULL: none to be had now; *out_failed: nor ever. */
static struct pool_buffer *buffer_take(struct pool *pool, enum buffer_class class, bool *out_failed)
{
	struct pool_buffer *buffer = pool->buffers[class];

	*out_failed = false;
	if (buffer) {
		pool->buffers[class] = buffer->next;
	} else if (pool->buffer_count[class] < CLASSES[class].limit) {
		buffer = malloc(CLASSES[class].size);
		pool->buffer_count[class] += buffer != NULL;
		/* Without memory for one more, those that there are do. */
		*out_failed = !buffer && pool->buffer_count[class] == 0;
	}
	return buffer;
}

static struct request *request_take(struct pool *pool, bool *out_failed)
{
	struct request *request = pool->requests;

	*out_failed = false;
	if (request) {
		pool->requests = request->next;
	} else if (pool->request_count < REQUESTS) {
		request = malloc(sizeof(*request));
		pool->request_count += request != NULL;
		*out_failed = !request && pool->request_count == 0;
	}
	return request;
}

struct request *pool_take(struct pool *pool, size_t bytes)
{
	enum buffer_class class = class_of(bytes);
	struct pool_buffer *buffer = NULL;
	struct request *request = NULL;
	bool has_failed = class == BUFFER_CLASSES;

	pthread_mutex_lock(&pool->lock);
	/* The buffer first: who waits for one holds nothing else. */
	while (class != BUFFER_NONE && !has_failed &&
	       !(buffer = buffer_take(pool, class, &has_failed)) && !has_failed)
		pthread_cond_wait(&pool->freed, &pool->lock);
	while (!has_failed && !(request = request_take(pool, &has_failed)) && !has_failed)
		pthread_cond_wait(&pool->freed, &pool->lock);
	if (request)
		pool->request_busy++;
	if (!request && buffer) {
		buffer->next = pool->buffers[class];
		pool->buffers[class] = buffer;
	}
	pthread_mutex_unlock(&pool->lock);
	if (request) {
		memset(request, 0, offsetof(struct request, name));
		request->name[0] = 0;
		request->buffer = (uint8_t *)buffer;
		request->class = (uint8_t) class;
	}
	return request;
}

void pool_give(struct pool *pool, struct request *request)
{
	struct pool_buffer *buffer = (struct pool_buffer *)request->buffer;

	pthread_mutex_lock(&pool->lock);
	if (buffer) {
		buffer->next = pool->buffers[request->class];
		pool->buffers[request->class] = buffer;
	}
	request->next = pool->requests;
	pool->requests = request;
	pool->request_busy--;
	if (pool->request_busy == 0)
		pthread_cond_broadcast(&pool->idle);
	pthread_cond_broadcast(&pool->freed);
	pthread_mutex_unlock(&pool->lock);
}

void pool_wait_idle(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->request_busy)
		pthread_cond_wait(&pool->idle, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
}

bool pool_is_idle(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	bool is_idle = pool->request_busy == 0;

	pthread_mutex_unlock(&pool->lock);
	return is_idle;
}
