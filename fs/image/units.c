/* units.c - 64-bit keyed digests; the reader sees neither key nor digest, so cannot search for a match */
#include "fs/image/units.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024u

struct place {
	uint64_t volume, inode, unit, size_bytes;
};

void image_units_init(struct image_units *units, size_t limit)
{
	*units = (struct image_units){.limit = limit};
	pthread_mutex_init(&units->mutex, NULL);
	randombytes_buf(units->place_key, sizeof(units->place_key));
	randombytes_buf(units->digest_key, sizeof(units->digest_key));
}

void image_units_done(struct image_units *units)
{
	free(units->table);
	sodium_memzero(units->digest_key, sizeof(units->digest_key));
	pthread_mutex_destroy(&units->mutex);
}

/* Two places with the same 64 bits would refuse a good answer: once in four million files, one in 10^6. */
static uint64_t place_of(const struct image_units *units, const struct place *place)
{
	uint64_t in[3] = {place->volume, place->inode, place->unit};
	uint8_t out[crypto_shorthash_BYTES];

	crypto_shorthash(out, (const uint8_t *)in, sizeof(in), units->place_key);
	uint64_t hash = bl_get64(out);
	return hash ? hash : 1;
}

static uint64_t digest_of(const struct image_units *units, const struct place *place,
			  const void *bytes, size_t length)
{
	crypto_generichash_state state;
	uint8_t out[crypto_generichash_BYTES_MIN];

	crypto_generichash_init(&state, units->digest_key, sizeof(units->digest_key), sizeof(out));
	crypto_generichash_update(&state, (const uint8_t *)place, sizeof(*place));
	crypto_generichash_update(&state, bytes, length);
	crypto_generichash_final(&state, out, sizeof(out));
	return bl_get64(out);
}

static struct image_unit *slot_of(struct image_unit *table, size_t capacity, uint64_t place)
{
	size_t at = (size_t)place & (capacity - 1);

	while (table[at].place && table[at].place != place)
		at = (at + 1) & (capacity - 1);
	return &table[at];
}

static bool grow(struct image_units *units)
{
	size_t capacity = units->capacity ? units->capacity * 2 : FIRST_CAPACITY;
	struct image_unit *table = calloc(capacity, sizeof(*table));

	if (!table)
		return false;
	for (size_t i = 0; i < units->capacity; i++)
		if (units->table[i].place)
			*slot_of(table, capacity, units->table[i].place) = units->table[i];
	free(units->table);
	units->table = table;
	units->capacity = capacity;
	return true;
}

static enum bl_status check_locked(struct image_units *units, uint64_t place, uint64_t digest)
{
	if (units->count * 2 >= units->capacity && !grow(units))
		return BL_NO_MEMORY;
	struct image_unit *slot = slot_of(units->table, units->capacity, place);
	if (slot->place)
		return slot->digest == digest ? BL_OK : BL_TAMPERED;
	if (units->count >= units->limit)
		return BL_TOO_LARGE;
	*slot = (struct image_unit){place, digest};
	units->count++;
	return BL_OK;
}

enum bl_status image_units_check(struct image_units *units, uint32_t volume, uint64_t inode,
				 uint64_t unit, uint64_t size_bytes, const void *bytes,
				 size_t length)
{
	struct place place = {volume, inode, unit, size_bytes};
	uint64_t digest = digest_of(units, &place, bytes, length);

	pthread_mutex_lock(&units->mutex);
	enum bl_status status = check_locked(units, place_of(units, &place), digest);
	pthread_mutex_unlock(&units->mutex);
	return status;
}
