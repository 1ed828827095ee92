#include "fs/vault/sealed-part.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const uint8_t MAGIC[8] = "BVREWR1";

struct rewrite_hash {
	crypto_generichash_state state;
};

/* ---- writing ------------------------------------------------------------------------------------ */

enum bl_status rewrite_begin(struct part *part, struct rewrite_out *out_rewrite,
			     struct bl_error *why)
{
	uint8_t zeros[REWRITE_HEAD] = {0};
	enum bl_status status = sealed_io_create(part->files.io, part->files.folder, REWRITE, 0,
						 &out_rewrite->fd, why);

	if (status != BL_OK)
		return status;
	out_rewrite->hash = sodium_malloc(sizeof(*out_rewrite->hash));
	if (!out_rewrite->hash)
		return bl_fail(why, BL_NO_MEMORY, "cannot hold a group: out of memory");
	crypto_generichash_init(&out_rewrite->hash->state, NULL, 0, SEALED_HASH);
	return sealed_io_write(part->files.io, out_rewrite->fd, zeros, sizeof(zeros), 0, REWRITE,
			       why);
}

void rewrite_out_close(struct rewrite_out *rewrite)
{
	fd_close(rewrite->fd);
	sodium_free(rewrite->hash);
	rewrite->fd = -1;
	rewrite->hash = NULL;
}

static uint64_t row_at(uint64_t row)
{
	return REWRITE_HEAD + row * REWRITE_ROW;
}

/* How many bytes of a chunk belong to the image; 0 behind its end. */
static uint32_t length_of(const struct part *part, uint64_t chunk)
{
	uint64_t at = chunk * SEALED_CHUNK;

	if (at >= part->header.image_bytes)
		return 0;
	return (uint32_t)BL_MIN(part->header.image_bytes - at, (uint64_t)SEALED_CHUNK);
}

/* @chunk of the image, decrypted into @bytes. */
static enum bl_status open_chunk(const struct part *part, const struct nodes_group *group,
				 uint64_t chunk, uint8_t *bytes, bool *out_is_zero,
				 struct bl_error *why)
{
	struct chunk_index entry;
	bool is_right = chunk_index_decode(
		group->index + chunk % SEALED_GROUP_CHUNKS * SEALED_INDEX_ENTRY, &entry);

	*out_is_zero = is_right && entry.generation == 0;
	if (*out_is_zero) {
		memset(bytes, 0, SEALED_CHUNK);
		return BL_OK;
	}

	enum bl_status status = sealed_read_at(part->files.data, bytes, SEALED_CHUNK,
					       chunk * SEALED_CHUNK, "data", why);

	if (status == BL_OK && (!is_right || chunk_open(&part->names, group->key, chunk, &entry,
							length_of(part, chunk), bytes) != BL_OK))
		status = bl_fail(why, BL_TAMPERED,
				 "chunk %llu of the image does not verify (restore the store from "
				 "a copy)",
				 (unsigned long long)chunk);
	return status;
}

/* The first place that ends behind @from. */
static size_t first_place(const struct part *part, uint64_t from)
{
	size_t low = 0, high = part->place_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (part->places[middle].offset + part->places[middle].length <= from)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void zero_places(const struct part *part, uint64_t group, uint8_t *bytes)
{
	uint64_t from = group * SEALED_GROUP, to = from + SEALED_GROUP;

	for (size_t i = first_place(part, from);
	     i < part->place_count && part->places[i].offset < to; i++) {
		uint64_t first = BL_MAX(part->places[i].offset, from);
		uint64_t end = BL_MIN(part->places[i].offset + part->places[i].length, to);

		memset(bytes + (first - from), 0, (size_t)(end - first));
	}
}

/*
 * A chunk that became zeros gets random bytes, which go over its old ciphertext; one that was zeros before
 * has none, and stays a hole.
 */
static void seal_chunk(struct part *part, const uint8_t key[VAULT_KEY], uint64_t chunk,
		       bool was_zero, uint8_t *bytes, uint8_t *index)
{
	struct chunk_index entry = {.generation = 0};

	if (!chunk_is_zero(bytes, SEALED_CHUNK)) {
		entry.generation = part->generation++;
		chunk_seal(&part->names, key, chunk, entry.generation, length_of(part, chunk),
			   bytes, entry.tag);
	} else if (!was_zero) {
		randombytes_buf(bytes, SEALED_CHUNK);
	}
	chunk_index_encode(&entry, index);
}

static enum bl_status reseal(struct part *part, uint64_t group, const uint8_t key[VAULT_KEY],
			     uint8_t index[SEALED_GROUP_INDEX], struct bl_error *why)
{
	struct nodes_group old;
	bool were_zero[SEALED_GROUP_CHUNKS];
	uint64_t first = group * SEALED_GROUP_CHUNKS;
	enum bl_status status = nodes_group(part->nodes, group, &old, why);

	for (size_t i = 0; i < SEALED_GROUP_CHUNKS && status == BL_OK; i++)
		status = open_chunk(part, &old, first + i, part->room + i * SEALED_CHUNK,
				    &were_zero[i], why);
	sodium_memzero(old.key, sizeof(old.key));
	if (status == BL_OK) {
		zero_places(part, group, part->room);
		for (size_t i = 0; i < SEALED_GROUP_CHUNKS; i++)
			seal_chunk(part, key, first + i, were_zero[i],
				   part->room + i * SEALED_CHUNK, index + i * SEALED_INDEX_ENTRY);
	} else {
		sodium_memzero(part->room, SEALED_GROUP);
	}
	return status;
}

enum bl_status rewrite_group(struct part *part, struct rewrite_out *rewrite, uint64_t group,
			     uint8_t out_key[VAULT_KEY], uint8_t out_hash[SEALED_HASH],
			     bool *out_is_zero, struct bl_error *why)
{
	uint8_t front[8 + SEALED_GROUP_INDEX];
	const struct sealed_io *io = part->files.io;
	uint64_t at = row_at(rewrite->rows);

	randombytes_buf(out_key, VAULT_KEY);
	bl_put64(front, group);

	enum bl_status status = reseal(part, group, out_key, front + 8, why);

	if (status == BL_OK)
		status = sealed_io_write(io, rewrite->fd, front, sizeof(front), at, REWRITE, why);
	if (status == BL_OK)
		status = sealed_io_write(io, rewrite->fd, part->room, SEALED_GROUP,
					 at + sizeof(front), REWRITE, why);
	if (status != BL_OK)
		return status;
	crypto_generichash_update(&rewrite->hash->state, front, sizeof(front));
	crypto_generichash_update(&rewrite->hash->state, part->room, SEALED_GROUP);
	sealed_hash(front + 8, SEALED_GROUP_INDEX, out_hash);
	*out_is_zero = sodium_is_zero(front + 8, SEALED_GROUP_INDEX);
	rewrite->rows++;
	return BL_OK;
}

enum bl_status rewrite_seal(struct part *part, struct rewrite_out *rewrite, struct bl_error *why)
{
	uint8_t head[REWRITE_HEAD];
	const struct sealed_io *io = part->files.io;

	memcpy(head, MAGIC, sizeof(MAGIC));
	bl_put64(head + 8, rewrite->rows);
	memcpy(head + 16, part->header.vault_id, SEALED_ID);
	crypto_generichash_final(&rewrite->hash->state, head + 32, SEALED_HASH);

	/* What follows first: a head says that the rest is there. */
	enum bl_status status = sealed_io_sync(io, rewrite->fd, REWRITE, why);

	if (status == BL_OK)
		status = sealed_io_write(io, rewrite->fd, head, sizeof(head), 0, REWRITE, why);
	if (status == BL_OK)
		status = sealed_io_sync(io, rewrite->fd, REWRITE, why);
	if (status == BL_OK)
		status = sealed_io_sync_folder(io, part->files.folder, "the image's folder", why);
	return status;
}

/* ---- reading ------------------------------------------------------------------------------------ */

static enum bl_status foreign(struct bl_error *why)
{
	return bl_fail(why, BL_TAMPERED, "the image's 'rewrite' is not what was written");
}

enum bl_status rewrite_open(const struct part *part, int *out_fd, uint64_t *out_rows,
			    struct bl_error *why)
{
	const struct sealed_io *io = part->files.io;
	uint8_t head[REWRITE_HEAD];
	struct stat st;
	BL_CLEANUP(fd_close)
	int fd = io->open_at(io->context, part->files.folder, REWRITE,
			     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);

	if (fd < 0 && errno == ENOENT)
		return bl_fail(why, BL_NOT_FOUND, "the image has no 'rewrite'");
	if (fd < 0 && errno == ELOOP)
		return foreign(why);
	if (fd < 0 || fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot open the image's 'rewrite'");
	if (!S_ISREG(st.st_mode))
		return foreign(why);

	enum bl_status status = sealed_read_at(fd, head, sizeof(head), 0, REWRITE, why);

	if (status != BL_OK)
		return status;
	if (sodium_is_zero(head, sizeof(head)))
		return bl_fail(why, BL_INVALID, "the image's 'rewrite' was never completed");
	*out_rows = bl_get64(head + 8);
	if (memcmp(head, MAGIC, sizeof(MAGIC)) != 0 ||
	    memcmp(head + 16, part->header.vault_id, SEALED_ID) != 0 ||
	    *out_rows > sealed_groups(part->header.image_bytes) ||
	    (uint64_t)st.st_size != row_at(*out_rows))
		return foreign(why);
	*out_fd = fd_take(&fd);
	return BL_OK;
}

enum bl_status rewrite_row_at(const struct part *part, int fd, uint64_t row, uint64_t *out_group,
			      uint8_t out_index[SEALED_GROUP_INDEX], struct bl_error *why)
{
	uint8_t front[8 + SEALED_GROUP_INDEX];
	enum bl_status status = sealed_read_at(fd, front, sizeof(front), row_at(row), REWRITE, why);

	if (status != BL_OK)
		return status;
	*out_group = bl_get64(front);
	memcpy(out_index, front + 8, SEALED_GROUP_INDEX);
	return *out_group < sealed_groups(part->header.image_bytes) ? BL_OK : foreign(why);
}

static enum bl_status hash_rows(const struct part *part, int fd, uint64_t rows,
				uint8_t out_hash[SEALED_HASH], struct bl_error *why)
{
	crypto_generichash_state state;
	uint64_t left = rows * REWRITE_ROW, at = REWRITE_HEAD;
	enum bl_status status = BL_OK;

	crypto_generichash_init(&state, NULL, 0, SEALED_HASH);
	while (left > 0 && status == BL_OK) {
		size_t piece = (size_t)BL_MIN(left, (uint64_t)SEALED_GROUP);

		status = sealed_read_at(fd, part->room, piece, at, REWRITE, why);
		crypto_generichash_update(&state, part->room, piece);
		at += piece;
		left -= piece;
	}
	crypto_generichash_final(&state, out_hash, SEALED_HASH);
	return status;
}

enum bl_status rewrite_load(struct part *part, int fd, uint64_t rows, struct bl_error *why)
{
	uint8_t head[REWRITE_HEAD], hash[SEALED_HASH], index[SEALED_GROUP_INDEX];
	enum bl_status status = sealed_read_at(fd, head, sizeof(head), 0, REWRITE, why);

	if (status == BL_OK)
		status = hash_rows(part, fd, rows, hash, why);
	if (status == BL_OK && memcmp(hash, head + 32, SEALED_HASH) != 0)
		status = foreign(why);
	free(part->groups);
	part->groups = calloc((size_t)BL_MAX(rows, (uint64_t)1), sizeof(*part->groups));
	part->group_count = 0;
	if (status == BL_OK && !part->groups)
		return bl_fail(why, BL_NO_MEMORY, "cannot hold the touched groups: out of memory");
	for (uint64_t row = 0; row < rows && status == BL_OK; row++) {
		uint64_t *group = &part->groups[row];

		status = rewrite_row_at(part, fd, row, group, index, why);
		if (status == BL_OK && row > 0 && *group <= group[-1])
			status = foreign(why);
		part->group_count = (size_t)row + 1;
	}
	return status;
}

/* ---- copying ------------------------------------------------------------------------------------ */

static enum bl_status copy_row(const struct part *part, int fd, uint64_t row, struct bl_error *why)
{
	const struct sealed_io *io = part->files.io;
	uint8_t index[SEALED_GROUP_INDEX];
	uint64_t group;
	enum bl_status status = rewrite_row_at(part, fd, row, &group, index, why);

	if (status == BL_OK)
		status = sealed_read_at(fd, part->room, SEALED_GROUP,
					row_at(row) + 8 + SEALED_GROUP_INDEX, REWRITE, why);
	for (size_t i = 0; i < SEALED_GROUP_CHUNKS && status == BL_OK; i++) {
		const uint8_t *bytes = part->room + i * SEALED_CHUNK;

		/* Zeros stand for a hole that stays one. */
		if (!chunk_is_zero(bytes, SEALED_CHUNK))
			status = sealed_io_write(io, part->files.data, bytes, SEALED_CHUNK,
						 group * SEALED_GROUP + i * SEALED_CHUNK, "data",
						 why);
	}
	if (status == BL_OK)
		status = sealed_io_write(io, part->files.index, index, sizeof(index),
					 group * SEALED_GROUP_INDEX, "index", why);
	return status;
}

enum bl_status rewrite_copy(struct part *part, int fd, struct bl_error *why)
{
	const struct sealed_io *io = part->files.io;
	enum bl_status status = BL_OK;

	for (uint64_t row = 0; row < part->group_count && status == BL_OK; row++)
		status = copy_row(part, fd, row, why);
	if (status == BL_OK)
		status = sealed_io_sync(io, part->files.data, "data", why);
	if (status == BL_OK)
		status = sealed_io_sync(io, part->files.index, "index", why);
	return status;
}

static enum bl_status overwrite(const struct part *part, int fd, uint64_t size,
				struct bl_error *why)
{
	const struct sealed_io *io = part->files.io;
	enum bl_status status = BL_OK;

	for (uint64_t at = 0; at < size && status == BL_OK; at += SEALED_GROUP) {
		size_t piece = (size_t)BL_MIN(size - at, (uint64_t)SEALED_GROUP);

		randombytes_buf(part->room, piece);
		status = sealed_io_write(io, fd, part->room, piece, at, REWRITE_OLD, why);
	}
	return status == BL_OK ? sealed_io_sync(io, fd, REWRITE_OLD, why) : status;
}

enum bl_status rewrite_sweep(const struct part *part, struct bl_error *why)
{
	const struct sealed_io *io = part->files.io;
	struct stat st;
	BL_CLEANUP(fd_close)
	int fd = io->open_at(io->context, part->files.folder, REWRITE_OLD,
			     O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);

	if (fd < 0 && errno == ENOENT)
		return BL_OK;
	if (fd < 0 || fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot open the image's '" REWRITE_OLD "'");

	enum bl_status status = overwrite(part, fd, (uint64_t)st.st_size, why);

	if (status != BL_OK)
		return status;
	if (io->remove_at(io->context, part->files.folder, REWRITE_OLD, false) != 0)
		return bl_fail_errno(why, BL_IO, "cannot remove the image's '" REWRITE_OLD "'");
	return sealed_io_sync_folder(io, part->files.folder, "the image's folder", why);
}
