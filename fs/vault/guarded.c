#include "fs/vault/vault.h"

#include <sodium.h>

void *vault_guarded(size_t count, size_t bytes)
{
	size_t all;

	if (sodium_init() < 0 || __builtin_mul_overflow(count, bytes, &all))
		return NULL;

	void *memory = sodium_malloc(all);

	/* libsodium locks it and does not tell when the limit forbade it; locking again takes nothing of the limit. */
	if (memory && sodium_mlock(memory, all) == 0)
		return memory;
	sodium_free(memory);
	return NULL;
}
