#include "policy/yaml/arena.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_FIRST ((size_t)16 << 10)
#define CHUNK_LAST  ((size_t)1 << 20)
#define ALIGNMENT   16

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(ALIGNMENT) unsigned char bytes[];
};

struct arena {
	struct chunk *newest;
	size_t next_size;
};

struct arena *arena_new(void)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (arena)
		arena->next_size = CHUNK_FIRST;
	return arena;
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	while (arena->newest) {
		struct chunk *next = arena->newest->next;

		free(arena->newest);
		arena->newest = next;
	}
	free(arena);
}

static bool grow(struct arena *arena, size_t need)
{
	size_t size = BL_MAX(need, arena->next_size), total;

	if (__builtin_add_overflow(size, sizeof(struct chunk), &total))
		return false;

	struct chunk *chunk = calloc(1, total);

	if (!chunk)
		return false;
	chunk->size = size;
	chunk->next = arena->newest;
	arena->newest = chunk;
	arena->next_size = BL_MIN(arena->next_size * 2, CHUNK_LAST);
	return true;
}

void *arena_take(struct arena *arena, size_t count, size_t size)
{
	size_t need;

	if (__builtin_mul_overflow(count, size, &need) ||
	    __builtin_add_overflow(need, (size_t)ALIGNMENT - 1, &need))
		return NULL;
	need = BL_MAX(need & ~((size_t)ALIGNMENT - 1), (size_t)ALIGNMENT);
	if ((!arena->newest || arena->newest->size - arena->newest->used < need) &&
	    !grow(arena, need))
		return NULL;

	void *taken = arena->newest->bytes + arena->newest->used;

	arena->newest->used += need;
	return taken;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
	size_t size;

	if (__builtin_add_overflow(length, (size_t)1, &size))
		return NULL;

	char *copy = arena_take(arena, 1, size);

	if (copy && length)
		memcpy(copy, text, length);
	return copy;
}
