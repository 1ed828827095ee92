/* arena.h - memory that is taken piece by piece and freed at once; for trees and parsed policies */
#ifndef POLICY_YAML_ARENA_H
#define POLICY_YAML_ARENA_H

#include "policy/base.h"

struct arena;

struct arena *arena_new(void); /* NULL: no memory */
void arena_free(struct arena *arena);
BL_DEFINE_CLEANUP(struct arena, arena_free)

/* arena_take - @count zeroed items of @size bytes, aligned for anything; NULL: no memory */
void *arena_take(struct arena *arena, size_t count, size_t size);
/* arena_copy - @length bytes of @text and a NUL behind; NULL: no memory */
char *arena_copy(struct arena *arena, const char *text, size_t length);

#endif
