#include "fs/vault/sealed-writer.h"

#include <fcntl.h>
#include <sodium.h>
#include <string.h>

#define AHEAD 4 /* groups */

/* Those of a group that was put: they wait for a checkpoint, or are in the file. */
static enum bl_status find_index(struct sealed_writer *writer, uint64_t group, struct bl_error *why)
{
	size_t low = 0, high = writer->pending_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (writer->pending[middle] < group)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < writer->pending_count && writer->pending[low] == group) {
		memcpy(writer->back_index, writer->pending_index[low], SEALED_GROUP_INDEX);
		return BL_OK;
	}
	return sealed_read_at(writer->files.index, writer->back_index, SEALED_GROUP_INDEX,
			      group * SEALED_GROUP_INDEX, "index", why);
}

/* The whole is looked at when an intake goes on: the disk is to be at work while a group is decrypted. */
static void fetch_ahead(const struct sealed_writer *writer, uint64_t group)
{
	uint64_t from = (group + 1) * SEALED_GROUP;
	uint64_t to = BL_MIN(from + AHEAD * SEALED_GROUP, writer->at);

	if (from < to)
		(void)posix_fadvise(writer->files.data, (off_t)from, (off_t)(to - from),
				    POSIX_FADV_WILLNEED);
}

static enum bl_status see_group(struct sealed_writer *writer, uint64_t group, struct bl_error *why)
{
	if (writer->has_back && writer->back_group == group)
		return BL_OK;
	if (writer->has_back && group == writer->back_group + 1)
		fetch_ahead(writer, group);
	writer->has_back = false;

	enum bl_status status = find_index(writer, group, why);

	if (status == BL_OK)
		status = path_find(&writer->owner, &writer->next, group, writer->back_index,
				   writer->secrets->back_key, why);
	if (status != BL_OK && status != BL_NOT_FOUND)
		return status;
	writer->is_back_zero = status == BL_NOT_FOUND;
	writer->back_group = group;
	writer->has_back = true;
	return BL_OK;
}

static enum bl_status not_verified(uint64_t chunk, struct bl_error *why)
{
	return bl_fail(why, BL_TAMPERED, "chunk %llu of the image does not verify",
		       (unsigned long long)chunk);
}

/* A whole chunk into @out. */
static enum bl_status see_chunk(struct sealed_writer *writer, uint64_t chunk, uint8_t *out,
				struct bl_error *why)
{
	size_t which = chunk % SEALED_GROUP_CHUNKS;
	struct chunk_index entry = {.generation = 0};
	enum bl_status status = see_group(writer, chunk / SEALED_GROUP_CHUNKS, why);

	if (status != BL_OK)
		return status;
	if (!chunk_index_decode(writer->back_index + which * SEALED_INDEX_ENTRY, &entry) ||
	    (writer->is_back_zero && entry.generation != 0))
		return not_verified(chunk, why);
	if (entry.generation == 0) {
		memset(out, 0, SEALED_CHUNK);
		return BL_OK;
	}
	status = sealed_read_at(writer->files.data, out, SEALED_CHUNK, chunk * SEALED_CHUNK, "data",
				why);
	if (status == BL_OK && chunk_open(&writer->names, writer->secrets->back_key, chunk, &entry,
					  writer_length(writer, chunk), out) != BL_OK)
		status = not_verified(chunk, why);
	return status;
}

static enum bl_status see_part(struct sealed_writer *writer, uint64_t offset, uint8_t *out,
			       size_t length, struct bl_error *why)
{
	uint64_t chunk = offset / SEALED_CHUNK;
	uint8_t *whole = writer->secrets->back_chunk;

	if (length == SEALED_CHUNK)
		return see_chunk(writer, chunk, out, why);

	enum bl_status status = see_chunk(writer, chunk, whole, why);

	if (status == BL_OK)
		memcpy(out, whole + offset % SEALED_CHUNK, length);
	sodium_memzero(whole, SEALED_CHUNK);
	return status;
}

enum bl_status sealed_look_back(struct sealed_writer *writer, uint64_t offset, uint8_t *out,
				size_t length, struct bl_error *why)
{
	if (offset > writer->at || length > writer->at - offset)
		return bl_fail(why, BL_INVALID, "the image does not go as far yet");

	enum bl_status status = sealed_queue_drain(writer->queue, why);
	size_t done = 0;

	while (done < length && status == BL_OK) {
		uint64_t at = offset + done;
		size_t part = BL_MIN(length - done, SEALED_CHUNK - (size_t)(at % SEALED_CHUNK));

		status = see_part(writer, at, out + done, part, why);
		done += part;
	}
	if (status != BL_OK)
		sodium_memzero(out, length);
	return status;
}
