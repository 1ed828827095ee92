/* sealed-queue.h - private to fs/vault: ciphertext on its way to `data`, written by a thread of its own while the next group is sealed */
#ifndef FS_VAULT_SEALED_QUEUE_H
#define FS_VAULT_SEALED_QUEUE_H

#include "fs/vault/sealed-io.h"

struct sealed_queue;

/* sealed_queue_new - @fd borrowed; @is_direct: opened with O_DIRECT. BL_NO_MEMORY */
enum bl_status sealed_queue_new(const struct sealed_io *io, int fd, bool is_direct,
				struct sealed_queue **out_queue,
				struct bl_error *why) BL_MUST_CHECK;
void sealed_queue_free(struct sealed_queue *queue); /* what was not written is lost */
BL_DEFINE_CLEANUP(struct sealed_queue, sealed_queue_free)

/*
 * sealed_queue_room  - a buffer of SEALED_GROUP bytes to fill, aligned for O_DIRECT; waits for one
 * sealed_queue_push  - what was filled goes to @offset; of it the chunks whose bits are set in @filled
 * sealed_queue_drain - wait until all is written
 *
 * BL_IO, BL_TOO_LARGE: a write failed. It is not given up: the next call of room or drain tries it once more. Nothing is out of order.
 */
enum bl_status sealed_queue_room(struct sealed_queue *queue, uint8_t **out_room,
				 struct bl_error *why) BL_MUST_CHECK;
void sealed_queue_push(struct sealed_queue *queue, uint64_t offset, unsigned filled);
enum bl_status sealed_queue_drain(struct sealed_queue *queue, struct bl_error *why) BL_MUST_CHECK;

#endif
