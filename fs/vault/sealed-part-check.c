#include "fs/vault/sealed-read.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

/* Goes through the touched groups in order: what is in a place, and what is beside it. */
struct walk {
	struct sealed *sealed;
	const struct sealed_place *places;
	size_t count;
	uint64_t image_bytes;
	uint8_t *room; /* SEALED_GROUP of guarded memory */
	crypto_generichash_state *hash;
	bool are_zero; /* the places, so far */
};

/* [@from, @to) of the group that begins at @start: one place, or what lies between two. */
static void take(struct walk *walk, uint64_t start, uint64_t from, uint64_t to, bool is_place)
{
	const uint8_t *bytes = walk->room + (from - start);

	if (from >= to)
		return;
	if (is_place)
		walk->are_zero = walk->are_zero && chunk_is_zero(bytes, (size_t)(to - from));
	else
		crypto_generichash_update(walk->hash, bytes, to - from);
}

/* @first: the first place that reaches into the group. */
static enum bl_status walk_group(struct walk *walk, uint64_t group, size_t first,
				 struct bl_error *why)
{
	uint64_t start = group * SEALED_GROUP, at = start;
	uint64_t end = BL_MIN(start + SEALED_GROUP, walk->image_bytes);
	uint8_t number[8];
	enum bl_status status =
		sealed_read_stored(walk->sealed, start, walk->room, (size_t)(end - start), why);

	if (status != BL_OK)
		return status;
	bl_put64(number, group);
	crypto_generichash_update(walk->hash, number, sizeof(number));
	for (size_t i = first; i < walk->count && walk->places[i].offset < end; i++) {
		uint64_t from = BL_MAX(walk->places[i].offset, start);
		uint64_t to = BL_MIN(walk->places[i].offset + walk->places[i].length, end);

		take(walk, start, at, from, false);
		take(walk, start, from, to, true);
		at = to;
	}
	take(walk, start, at, end, false);
	return BL_OK;
}

static bool is_place_ok(const struct walk *walk, size_t i)
{
	const struct sealed_place *place = &walk->places[i];
	uint64_t least = i ? place[-1].offset + place[-1].length : 0;

	return place->length > 0 && place->offset >= least && place->offset <= walk->image_bytes &&
	       place->length <= walk->image_bytes - place->offset;
}

static enum bl_status walk_all(struct walk *walk, struct bl_error *why)
{
	enum bl_status status = BL_OK;
	uint64_t next = 0;

	for (size_t i = 0; i < walk->count && status == BL_OK; i++) {
		const struct sealed_place *place = &walk->places[i];

		if (!is_place_ok(walk, i))
			return bl_fail(why, BL_INVALID,
				       "places overlap, are out of order, or past the image's end");

		uint64_t last = (place->offset + place->length - 1) / SEALED_GROUP;

		next = BL_MAX(next, place->offset / SEALED_GROUP);
		for (; next <= last && status == BL_OK; next++)
			status = walk_group(walk, next, i, why);
	}
	return status;
}

static enum bl_status run(struct walk *walk, uint8_t out_digest[32], struct bl_error *why)
{
	struct sealed_facts facts;

	sealed_facts_of(walk->sealed, &facts);
	walk->image_bytes = facts.image_bytes;
	walk->are_zero = true;
	walk->room = vault_guarded(1, SEALED_GROUP);
	walk->hash = vault_guarded(1, sizeof(*walk->hash));

	enum bl_status status = BL_OK;

	if (!walk->room || !walk->hash) {
		status = bl_fail(why, BL_NO_MEMORY, "cannot hold a group: out of memory");
	} else {
		crypto_generichash_init(walk->hash, NULL, 0, 32);
		status = walk_all(walk, why);
		crypto_generichash_final(walk->hash, out_digest, 32);
	}
	sodium_free(walk->room);
	sodium_free(walk->hash);
	return status;
}

enum bl_status sealed_part_digest(struct sealed *sealed, const struct sealed_place *places,
				  size_t count, uint8_t out_digest[32], struct bl_error *why)
{
	struct walk walk = {.sealed = sealed, .places = places, .count = count};

	return run(&walk, out_digest, why);
}

enum bl_status sealed_part_check(struct sealed *sealed, const struct sealed_place *places,
				 size_t count, const uint8_t digest[32], struct bl_error *why)
{
	struct walk walk = {.sealed = sealed, .places = places, .count = count};
	uint8_t is[32];
	enum bl_status status = run(&walk, is, why);

	if (status != BL_OK)
		return status;
	if (!walk.are_zero)
		return bl_fail(why, BL_NOT_VERIFIED, "what was to be destroyed can still be read");
	if (memcmp(is, digest, sizeof(is)) != 0)
		return bl_fail(why, BL_NOT_VERIFIED,
			       "what surrounds the destroyed places is not what it was");
	return BL_OK;
}
