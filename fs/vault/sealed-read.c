#include "fs/vault/sealed-read.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define LARGE                                                                                      \
	((size_t)1 << 20) /* a read of so much decrypts whole chunks where the caller wants them */

struct sealed {
	struct sealed_files files;
	struct sealed_header header;
	struct sealed_names names;
	struct nodes *nodes;
	struct sealed_hot *hot;
	uint64_t owner; /* in hot; 0: none yet */
	struct sealed_gap *gaps;
	size_t gap_count;
};

/* ---- life --------------------------------------------------------------------------------------- */

static enum bl_status check_header(const struct sealed *sealed, uint64_t image_bytes,
				   struct bl_error *why)
{
	const struct sealed_header *header = &sealed->header;

	if (header->state != SEALED_COMPLETE)
		return bl_fail(why, BL_INVALID,
			       "the image's intake is not complete (go on with 'bailee intake')");
	if (header->image_bytes != image_bytes)
		return bl_fail(why, BL_TAMPERED,
			       "the image's header has another length than the device's record");
	return BL_OK;
}

static enum bl_status open_parts(struct sealed *sealed, int device_fd, const char *id,
				 const uint8_t root[VAULT_KEY], uint64_t image_bytes,
				 struct bl_error *why)
{
	unsigned slot;
	enum bl_status status = sealed_files_open(device_fd, false, &sealed->files, why);

	if (status == BL_OK)
		status = sealed_header_read(&sealed->files, id, root, &sealed->header, &slot, why);
	if (status == BL_OK)
		status = check_header(sealed, image_bytes, why);
	if (status == BL_OK)
		status = nodes_open(&sealed->header, &sealed->files, root, &sealed->nodes, why);
	if (status == BL_OK)
		status = sealed_gaps_read(&sealed->files, id, root, sealed->header.gaps_hash,
					  image_bytes, &sealed->gaps, &sealed->gap_count, why);
	return status;
}

enum bl_status sealed_open(int device_fd, const char *id, const uint8_t root[VAULT_KEY],
			   uint64_t image_bytes, struct sealed_hot *hot, struct sealed **out_sealed,
			   struct bl_error *why)
{
	BL_CLEANUP(sealed_close) struct sealed *sealed = calloc(1, sizeof(*sealed));

	if (!sealed || sodium_init() < 0)
		return bl_fail(why, BL_NO_MEMORY, "cannot open the image: out of memory");
	sealed->files = SEALED_FILES_NONE;

	enum bl_status status = open_parts(sealed, device_fd, id, root, image_bytes, why);

	if (status != BL_OK)
		return status;
	sealed_names_of(&sealed->header, &sealed->names);
	sealed->hot = hot;
	sealed->owner = hot_owner(hot);
	if (sealed->owner == 0)
		return bl_fail(why, BL_NO_MEMORY,
			       "too many images were opened (restart the daemon)");
	*out_sealed = BL_TAKE(sealed);
	return BL_OK;
}

void sealed_close(struct sealed *sealed)
{
	if (!sealed)
		return;
	if (sealed->owner)
		hot_forget(sealed->hot, sealed->owner);
	nodes_close(sealed->nodes);
	free(sealed->gaps);
	sealed_files_close(&sealed->files);
	free(sealed);
}

/* ---- facts -------------------------------------------------------------------------------------- */

void sealed_facts_of(const struct sealed *sealed, struct sealed_facts *out_facts)
{
	sealed_facts_from(&sealed->files, &sealed->header, out_facts);
}

size_t sealed_gap_count(const struct sealed *sealed)
{
	return sealed->gap_count;
}

const struct sealed_gap *sealed_gaps(const struct sealed *sealed)
{
	return sealed->gaps;
}

/* ---- reading ------------------------------------------------------------------------------------- */

/* The first gap that ends behind @offset touches the read, or none does. */
static const struct sealed_gap *gap_in(const struct sealed *sealed, uint64_t offset, size_t length)
{
	size_t low = 0, high = sealed->gap_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct sealed_gap *gap = &sealed->gaps[middle];

		if (gap->offset + gap->length <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < sealed->gap_count && sealed->gaps[low].offset < offset + length)
		return &sealed->gaps[low];
	return NULL;
}

static enum bl_status tampered(uint64_t chunk, struct bl_error *why)
{
	return bl_fail(why, BL_TAMPERED,
		       "chunk %" PRIu64
		       " of the image does not verify (restore the store from a copy)",
		       chunk);
}

/* What stands for a chunk, and its group's key. */
struct found {
	struct nodes_group group;
	struct chunk_index entry; /* generation 0: zeros */
};

static enum bl_status find(struct sealed *sealed, uint64_t chunk, struct found *out_found,
			   struct bl_error *why)
{
	enum bl_status status =
		nodes_group(sealed->nodes, chunk / SEALED_GROUP_CHUNKS, &out_found->group, why);

	if (status == BL_TAMPERED)
		return tampered(chunk, why);
	if (status != BL_OK)
		return status;
	out_found->entry.generation = 0;
	if (out_found->group.is_zero)
		return BL_OK;
	if (!chunk_index_decode(out_found->group.index +
					chunk % SEALED_GROUP_CHUNKS * SEALED_INDEX_ENTRY,
				&out_found->entry))
		return tampered(chunk, why);
	return BL_OK;
}

/* @bytes: SEALED_CHUNK of them; zeroed on failure. What is missing from the file reads as zeros, and does not verify. */
static enum bl_status decrypt(struct sealed *sealed, uint64_t chunk, const struct found *found,
			      uint8_t *bytes, struct bl_error *why)
{
	uint64_t left = sealed->header.image_bytes - chunk * SEALED_CHUNK;
	enum bl_status status = sealed_read_at(sealed->files.data, bytes, SEALED_CHUNK,
					       chunk * SEALED_CHUNK, "data", why);

	if (status != BL_OK) {
		sodium_memzero(bytes, SEALED_CHUNK);
		return status;
	}
	if (chunk_open(&sealed->names, found->group.key, chunk, &found->entry,
		       (uint32_t)BL_MIN(left, (uint64_t)SEALED_CHUNK), bytes) != BL_OK)
		return tampered(chunk, why);
	return BL_OK;
}

/* Through the hot chunks: whoever comes first decrypts, the others wait for it. */
static enum bl_status read_hot(struct sealed *sealed, uint64_t chunk, const struct found *found,
			       size_t at, uint8_t *out, size_t length, struct bl_error *why)
{
	struct hot_place place;

	if (!hot_hold(sealed->hot, sealed->owner, chunk, &place)) {
		enum bl_status status = decrypt(sealed, chunk, found, place.bytes, why);

		if (status != BL_OK) {
			hot_failed(sealed->hot, &place);
			return status;
		}
		hot_filled(sealed->hot, &place);
	}
	memcpy(out, place.bytes + at, length);
	hot_let_go(sealed->hot, &place);
	return BL_OK;
}

static enum bl_status read_chunk(struct sealed *sealed, uint64_t chunk, size_t at, uint8_t *out,
				 size_t length, bool is_large, struct bl_error *why)
{
	struct found found;

	if (hot_copy(sealed->hot, sealed->owner, chunk, at, out, length))
		return BL_OK;

	enum bl_status status = find(sealed, chunk, &found, why);

	if (status == BL_OK && found.entry.generation == 0)
		memset(out, 0, length);
	else if (status == BL_OK && is_large && length == SEALED_CHUNK)
		status = decrypt(sealed, chunk, &found, out, why);
	else if (status == BL_OK)
		status = read_hot(sealed, chunk, &found, at, out, length, why);
	sodium_memzero(found.group.key, sizeof(found.group.key));
	return status;
}

enum bl_status sealed_read_stored(struct sealed *sealed, uint64_t offset, void *out, size_t length,
				  struct bl_error *why)
{
	uint64_t end = 0;
	size_t done = 0;
	enum bl_status status = BL_OK;

	if (__builtin_add_overflow(offset, (uint64_t)length, &end) ||
	    end > sealed->header.image_bytes)
		return bl_fail(why, BL_INVALID, "a read past the end of the image");
	while (done < length && status == BL_OK) {
		uint64_t chunk = (offset + done) / SEALED_CHUNK;
		size_t at = (size_t)((offset + done) % SEALED_CHUNK);
		size_t piece = BL_MIN(length - done, SEALED_CHUNK - at);

		status = read_chunk(sealed, chunk, at, (uint8_t *)out + done, piece,
				    length >= LARGE, why);
		done += piece;
	}
	if (status != BL_OK)
		sodium_memzero(out, length);
	return status;
}

enum bl_status sealed_read(struct sealed *sealed, uint64_t offset, void *out, size_t length,
			   struct bl_error *why)
{
	uint64_t end;
	const struct sealed_gap *gap = NULL;

	if (length > 0 && !__builtin_add_overflow(offset, (uint64_t)length, &end))
		gap = gap_in(sealed, offset, length);
	if (!gap)
		return sealed_read_stored(sealed, offset, out, length, why);
	sodium_memzero(out, length);
	return bl_fail(why, BL_IO, "what lies at byte %" PRIu64 " of the image %s at intake",
		       BL_MAX(gap->offset, offset),
		       gap->kind == SEALED_LEFT_OUT ? "was left out" : "was not readable");
}
