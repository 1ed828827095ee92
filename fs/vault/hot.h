/* hot.h - private to fs/vault: decrypted chunks of all open images, in locked memory
 *
 * Scans do not throw out what is used again (2Q: Johnson and Shasha, VLDB 1994, simplified): a chunk that comes for the first time
 * stays a while in a queue of its own; only one that is asked for again after it left that queue gets into the main one.
 */
#ifndef FS_VAULT_HOT_H
#define FS_VAULT_HOT_H

#include "fs/vault/sealed-format.h"

/* hot_owner - a number for one open image, never given twice; 0: there are no more (2^30) */
uint64_t hot_owner(struct sealed_hot *hot);

/* hot_copy - [at, at + length) of a chunk when it is here and whole; false: it is not. Never waits for a load */
bool hot_copy(struct sealed_hot *hot, uint64_t owner, uint64_t chunk, size_t at, void *out,
	      size_t length);

/* A slot that cannot be evicted while it is held. */
struct hot_place {
	uint8_t *bytes; /* SEALED_CHUNK */
	size_t shard, slot;
};

/*
 * hot_hold - the chunk's slot: true, it is whole (hot_let_go when done); false, the caller alone fills all of it and says
 *            hot_filled (then it holds it whole), or hot_failed (wiped, and not held)
 *
 * Waits while somebody else loads the same chunk, or while all slots of its shard are held. Who holds one may not ask for another.
 */
bool hot_hold(struct sealed_hot *hot, uint64_t owner, uint64_t chunk, struct hot_place *out_place);
void hot_filled(struct sealed_hot *hot, const struct hot_place *place);
void hot_failed(struct sealed_hot *hot, const struct hot_place *place);
void hot_let_go(struct sealed_hot *hot, const struct hot_place *place);

/* hot_forget - wipe all chunks of an image that nobody reads any more */
void hot_forget(struct sealed_hot *hot, uint64_t owner);

#endif
