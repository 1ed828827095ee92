#include "fs/vault/sealed-writer.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

/* For one group: its chunks and its entry, and a node a level; a checkpoint takes fewer. */
#define GENERATIONS 64

enum bl_status writer_check(const struct sealed_writer *writer, struct bl_error *why)
{
	if (writer->is_broken)
		return bl_fail(why, BL_IO,
			       "the image's files could not be synced (begin the intake again: it "
			       "goes on from its last checkpoint)");
	if (writer->durable.state == SEALED_COMPLETE)
		return bl_fail(why, BL_INVALID, "the sealed image is complete already");
	return BL_OK;
}

/* After a failure either slot may be what counts: only who reads them again knows. */
static enum bl_status write_header(struct sealed_writer *writer, struct sealed_header *header,
				   struct bl_error *why)
{
	header->generation = writer->owner.generation++;

	enum bl_status status = sealed_header_write(&writer->files, header, writer->secrets->root,
						    &writer->slot, why);

	writer->is_broken = status != BL_OK;
	if (status != BL_OK)
		return status;
	writer->durable = *header;
	writer->next.generation = header->generation;
	writer->next.reserved = header->reserved;
	return BL_OK;
}

enum bl_status writer_reserve(struct sealed_writer *writer, uint64_t count, struct bl_error *why)
{
	struct sealed_header header = writer->durable;

	if (writer->owner.generation + count <= header.reserved)
		return BL_OK;
	header.reserved += SEALED_RANGE;
	enum bl_status status = write_header(writer, &header, why);

	/* In both slots: who spoils the newer one must not bring generations back that were used. */
	return status == BL_OK ? write_header(writer, &header, why) : status;
}

uint32_t writer_length(const struct sealed_writer *writer, uint64_t chunk)
{
	uint64_t end = writer->next.image_bytes ? writer->next.image_bytes : writer->at;
	uint64_t from = chunk * SEALED_CHUNK;

	return (uint32_t)BL_MIN((uint64_t)SEALED_CHUNK, end - from);
}

uint64_t sealed_at(const struct sealed_writer *writer)
{
	return writer->at;
}

/* ---- index ----------------------------------------------------------------------------------- */

static enum bl_status write_index_run(struct sealed_writer *writer, size_t from, size_t to,
				      struct bl_error *why)
{
	return sealed_io_write(writer->files.io, writer->files.index, writer->pending_index[from],
			       (to - from) * SEALED_GROUP_INDEX,
			       writer->pending[from] * SEALED_GROUP_INDEX, "index", why);
}

static enum bl_status write_index(struct sealed_writer *writer, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	for (size_t from = 0, to; from < writer->pending_count && status == BL_OK; from = to) {
		for (to = from + 1; to < writer->pending_count; to++)
			if (writer->pending[to] != writer->pending[to - 1] + 1)
				break;
		status = write_index_run(writer, from, to, why);
	}
	if (status == BL_OK)
		writer->pending_count = 0;
	return status;
}

/* ---- putting --------------------------------------------------------------------------------- */

static enum bl_status check_room(const struct sealed_writer *writer, uint64_t length,
				 struct bl_error *why)
{
	uint64_t size = writer->next.image_bytes;
	enum bl_status status = writer_check(writer, why);

	if (status != BL_OK)
		return status;
	if (size == 0 && length > SEALED_STREAM_MOST - writer->at)
		return bl_fail(why, BL_TOO_LARGE,
			       "the image has more than 16 TiB (give its size: --size)");
	if (writer->has_ended || (size != 0 && length > size - writer->at))
		return bl_fail(why, BL_INVALID, "there is more than the image should have");
	return BL_OK;
}

static unsigned find_filled(const uint8_t *bytes)
{
	unsigned filled = 0;

	for (unsigned i = 0; i < SEALED_GROUP_CHUNKS; i++)
		if (!chunk_is_zero(bytes + i * (size_t)SEALED_CHUNK, SEALED_CHUNK))
			filled |= 1u << i;
	return filled;
}

static void seal_chunks(struct sealed_writer *writer, const uint8_t group_key[VAULT_KEY],
			uint64_t group, unsigned filled, const uint8_t *plain, uint8_t *out,
			uint8_t index[SEALED_GROUP_INDEX])
{
	memset(index, 0, SEALED_GROUP_INDEX);
	for (unsigned i = 0; i < SEALED_GROUP_CHUNKS; i++) {
		uint64_t chunk = group * SEALED_GROUP_CHUNKS + i;
		size_t at = i * (size_t)SEALED_CHUNK;
		struct chunk_index entry;

		if (!(filled >> i & 1))
			continue;
		entry.generation = writer->owner.generation++;
		chunk_seal_to(&writer->names, group_key, chunk, entry.generation,
			      writer_length(writer, chunk), plain + at, out + at, entry.tag);
		chunk_index_encode(&entry, index + i * (size_t)SEALED_INDEX_ENTRY);
	}
}

/* All that can fail comes first: then the group is in, and its position moved. */
static enum bl_status make_ready(struct sealed_writer *writer, uint64_t group, uint8_t **out_room,
				 struct bl_error *why)
{
	enum bl_status status = writer_reserve(writer, GENERATIONS, why);

	writer->has_written = true;
	if (status == BL_OK && writer->pending_count == WRITER_PENDING)
		status = write_index(writer, why);
	if (status == BL_OK)
		status = path_seek(&writer->owner, &writer->next, group, why);
	if (status == BL_OK)
		status = sealed_queue_room(writer->queue, out_room, why);
	return status;
}

static enum bl_status put_group(struct sealed_writer *writer, const uint8_t *bytes, size_t length,
				unsigned filled, struct bl_error *why)
{
	uint64_t group = writer->at / SEALED_GROUP;
	uint8_t group_key[VAULT_KEY], *room = NULL;
	uint8_t *index = NULL;
	enum bl_status status = make_ready(writer, group, &room, why);

	if (status != BL_OK)
		return status;
	writer->at += length;
	index = writer->pending_index[writer->pending_count];
	randombytes_buf(group_key, sizeof(group_key));
	seal_chunks(writer, group_key, group, filled, bytes, room, index);
	path_add(&writer->owner, group, index, group_key);
	sodium_memzero(group_key, sizeof(group_key));
	writer->pending[writer->pending_count++] = group;
	sealed_queue_push(writer->queue, group * SEALED_GROUP, filled);
	return BL_OK;
}

enum bl_status sealed_put(struct sealed_writer *writer, uint8_t *bytes, size_t length,
			  struct bl_error *why)
{
	enum bl_status status = check_room(writer, length, why);

	if (status != BL_OK)
		return status;
	assert(length <= SEALED_GROUP);
	if (length == 0 || (length < SEALED_GROUP && writer->next.image_bytes != 0 &&
			    writer->at + length != writer->next.image_bytes))
		return bl_fail(why, BL_INVALID, "a group of the image is not whole");
	memset(bytes + length, 0, SEALED_GROUP - length);

	unsigned filled = find_filled(bytes);

	if (filled != 0)
		status = put_group(writer, bytes, length, filled, why);
	else
		writer->at += length;
	if (status == BL_OK)
		writer->has_ended = length < SEALED_GROUP;
	return status;
}

enum bl_status sealed_skip(struct sealed_writer *writer, uint64_t groups, struct bl_error *why)
{
	uint64_t size = writer->next.image_bytes;
	uint64_t rest = (size ? size : SEALED_STREAM_MOST) - writer->at;
	uint64_t length = groups <= rest / SEALED_GROUP ? groups * SEALED_GROUP : UINT64_MAX;

	if (size && length > rest && groups == sealed_groups(rest))
		length = rest;

	enum bl_status status = check_room(writer, length, why);

	if (status == BL_OK)
		writer->at += length;
	return status;
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

static enum bl_status sync_files(struct sealed_writer *writer, struct bl_error *why)
{
	const struct sealed_io *io = writer->files.io;
	enum bl_status status = BL_OK;

	if (writer->has_written)
		status = sealed_io_sync(io, writer->files.data, "data", why);
	if (status == BL_OK && writer->has_written)
		status = sealed_io_sync(io, writer->files.index, "index", why);
	if (status == BL_OK && writer->owner.has_written)
		status = sealed_io_sync(io, writer->files.keys, "keys", why);

	/* A failed sync is told once; what it did not write may look as if it were. */
	writer->is_broken = status != BL_OK;
	if (status == BL_OK)
		writer->has_written = writer->owner.has_written = false;
	return status;
}

static enum bl_status write_all(struct sealed_writer *writer, struct bl_error *why)
{
	enum bl_status status = writer_reserve(writer, GENERATIONS, why);

	if (status == BL_OK)
		status = sealed_queue_drain(writer->queue, why);
	if (status == BL_OK)
		status = write_index(writer, why);
	if (status == BL_OK)
		status = path_flush(&writer->owner, &writer->next, why);
	if (status == BL_OK)
		status = sync_files(writer, why);
	return status;
}

static enum bl_status commit(struct sealed_writer *writer, struct bl_error *why)
{
	struct sealed_header header;
	enum bl_status status = write_all(writer, why);

	if (status != BL_OK)
		return status;
	if (writer->has_ended)
		writer->next.image_bytes = writer->at;
	writer->next.done_bytes = writer->at;
	header = writer->next;
	status = write_header(writer, &header, why);
	if (status == BL_OK)
		path_settled(&writer->owner);
	return status;
}

enum bl_status sealed_checkpoint(struct sealed_writer *writer, struct bl_error *why)
{
	enum bl_status status = writer_check(writer, why);

	if (status != BL_OK || writer->at == writer->durable.done_bytes)
		return status;
	return commit(writer, why);
}

/* ---- the end --------------------------------------------------------------------------------- */

static enum bl_status check_finish(const struct sealed_writer *writer,
				   const struct sealed_gap *gaps, size_t gap_count,
				   struct bl_error *why)
{
	uint64_t size = writer->next.image_bytes;
	enum bl_status status = writer_check(writer, why);

	if (status != BL_OK)
		return status;
	if (writer->at == 0 || (size != 0 && writer->at != size))
		return bl_fail(why, BL_INVALID, "not all of the image was put");
	if (!sealed_gaps_ok(gaps, gap_count, writer->at))
		return bl_fail(why, BL_INVALID, "gaps overlap, are out of order, or too many");
	return BL_OK;
}

static enum bl_status write_gaps(struct sealed_writer *writer, const struct sealed_gap *gaps,
				 size_t gap_count, struct bl_error *why)
{
	const struct sealed_io *io = writer->files.io;

	/* An earlier end may have come as far as this. */
	if (gap_count == 0 &&
	    io->remove_at(io->context, writer->files.folder, "gaps", false) != 0 && errno != ENOENT)
		return bl_fail_errno(why, BL_IO, "cannot remove an old 'gaps'");
	return sealed_gaps_write(&writer->files, writer->durable.device, writer->secrets->root,
				 gaps, gap_count, writer->next.gaps_hash, why);
}

/*
 * It is complete with one slot; the other one says the same, or a single bad page would lose it. One that cannot be written
 * is what it was before: older, or torn, and passed over.
 */
static void write_twin(struct sealed_writer *writer)
{
	struct sealed_header header = writer->durable;

	(void)!write_header(writer, &header, NULL);
}

static enum bl_status write_end(struct sealed_writer *writer, const struct sealed_gap *gaps,
				size_t gap_count, const uint8_t digest[32], struct bl_error *why)
{
	enum bl_status status = BL_OK;

	if (writer->durable.image_bytes == 0)
		status = writer_resize(writer, writer->at, why);
	if (status == BL_OK)
		status = write_gaps(writer, gaps, gap_count, why);
	if (status != BL_OK)
		return status;
	memcpy(writer->next.digest, digest, sizeof(writer->next.digest));
	writer->next.state = SEALED_COMPLETE;
	status = commit(writer, why);
	if (status == BL_OK)
		write_twin(writer);
	return status;
}

enum bl_status sealed_finish(struct sealed_writer *writer, const struct sealed_gap *gaps,
			     size_t gap_count, const uint8_t digest[32], struct bl_error *why)
{
	enum bl_status status = check_finish(writer, gaps, gap_count, why);

	if (status != BL_OK)
		return status;
	writer->has_ended = true;
	status = write_end(writer, gaps, gap_count, digest, why);
	if (status == BL_OK)
		return BL_OK;

	/* No later checkpoint may say that it is complete. */
	writer->next.state = SEALED_INTAKE;
	memset(writer->next.digest, 0, sizeof(writer->next.digest));
	memset(writer->next.gaps_hash, 0, sizeof(writer->next.gaps_hash));
	return status;
}
