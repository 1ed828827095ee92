/* sealed-writer.h - private to fs/vault: what an intake under way has in memory */
#ifndef FS_VAULT_SEALED_WRITER_H
#define FS_VAULT_SEALED_WRITER_H

#include "fs/vault/sealed-path.h"
#include "fs/vault/sealed-queue.h"

#define WRITER_PENDING 256 /* groups whose index entries wait for a checkpoint */

/* In guarded memory. */
struct writer_secrets {
	uint8_t root[VAULT_KEY];
	struct sealed_path path;
	uint8_t back_key[VAULT_KEY]; /* of the group that was looked back at last */
	uint8_t back_chunk[SEALED_CHUNK];
};

struct sealed_writer {
	struct sealed_files files;
	int direct_fd; /* `data` again, past the cache; -1 where the filesystem has no such thing */
	struct writer_secrets *secrets;
	struct sealed_queue *queue;
	struct sealed_names names;
	struct path_owner owner;

	struct sealed_header durable, next; /* next: what the next checkpoint will say */
	unsigned slot;
	uint64_t at;	  /* bytes that were put or skipped */
	bool has_ended;	  /* a last group, shorter than the others */
	bool is_broken;	  /* a sync failed: who knows what is on the disk */
	bool has_written; /* to data or index, since their last sync */

	size_t pending_count;
	uint64_t pending[WRITER_PENDING]; /* their groups, ascending */
	uint8_t pending_index[WRITER_PENDING][SEALED_GROUP_INDEX];

	bool has_back; /* back_key and back_index are of back_group */
	bool is_back_zero;
	uint64_t back_group;
	uint8_t back_index[SEALED_GROUP_INDEX];
};

/* sealed_create and sealed_resume on another disk; @io outlives the writer */
enum bl_status sealed_create_by(const struct sealed_io *io, int device_fd, const char *id,
				const uint8_t root[VAULT_KEY], uint64_t image_bytes,
				enum sealed_algorithm algorithm, struct sealed_writer **out_writer,
				struct bl_error *why) BL_MUST_CHECK;
enum bl_status sealed_resume_by(const struct sealed_io *io, int device_fd, const char *id,
				const uint8_t root[VAULT_KEY], uint64_t image_bytes,
				struct sealed_writer **out_writer,
				struct bl_error *why) BL_MUST_CHECK;

/* writer_reserve - at least @count generations are at hand, durably. BL_IO */
enum bl_status writer_reserve(struct sealed_writer *writer, uint64_t count,
			      struct bl_error *why) BL_MUST_CHECK;
enum bl_status writer_check(const struct sealed_writer *writer, struct bl_error *why) BL_MUST_CHECK;
/* writer_length - how many bytes of a chunk belong to the image */
uint32_t writer_length(const struct sealed_writer *writer, uint64_t chunk);
/* writer_resize - `data` and `index` as long as an image of so many bytes needs */
enum bl_status writer_resize(struct sealed_writer *writer, uint64_t image_bytes,
			     struct bl_error *why) BL_MUST_CHECK;

#endif
