/* Who is known on a device: the sealed list beside it (docs/format-spans.md). */
#include "fs/gate/private.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME	"identities"
#define VERSION 1u
#define HEAD	12u /* version, DETECT_VERSION, count */
#define PAD	4096u
#define VALUE	1024u /* bytes of one value, at most */
#define KINDS	(IDENTITY_ADDRESS + 1u)

void people_done(struct gate_known *known)
{
	if (known->text)
		sodium_memzero(known->text, known->bytes);
	free(known->text);
	free(known->items);
	*known = (struct gate_known){0};
}

static bool people_room(struct gate_known *known, size_t count, size_t bytes)
{
	known->items = calloc(BL_MAX(count, (size_t)1), sizeof(*known->items));
	known->text = calloc(1, bytes + 1);
	known->bytes = bytes + 1;
	return known->items && known->text;
}

/* One more, its text at @at; where the next one begins. */
static size_t people_put(struct gate_known *known, size_t at, unsigned kind, const void *value,
			 size_t length)
{
	memcpy(known->text + at, value, length);
	known->items[known->count++] =
		(struct detect_identity){.kind = (enum detect_identity_kind)kind,
					 .value = known->text + at,
					 .is_harvested = true};
	return at + length + 1;
}

static bool is_kept(const struct detect_identity *item)
{
	size_t length = strlen(item->value);

	return length > 0 && length <= VALUE && item->kind < KINDS;
}

enum bl_status people_copy(const struct detect_identity *items, size_t count,
			   struct gate_known *out_known)
{
	size_t bytes = 0, at = 0;

	*out_known = (struct gate_known){0};
	for (size_t i = 0; i < count; i++)
		bytes += strlen(items[i].value) + 1;
	if (!people_room(out_known, count, bytes)) {
		people_done(out_known);
		return BL_NO_MEMORY;
	}
	for (size_t i = 0; i < count && i < DETECT_HARVEST_LIMIT; i++)
		if (is_kept(&items[i]))
			at = people_put(out_known, at, items[i].kind, items[i].value,
					strlen(items[i].value));
	return BL_OK;
}

/* ---- sealed -------------------------------------------------------------------------------------------- */

static void label_of(const char *id, char out[BL_DEVICE_ID_SIZE + 16])
{
	snprintf(out, BL_DEVICE_ID_SIZE + 16, "identities:%s", id);
}

/* The plain form; zeroed at its end up to a multiple of PAD, so that its length tells little. */
static uint8_t *encode(const struct gate_known *known, size_t *out_length)
{
	size_t length = HEAD;

	for (size_t i = 0; i < known->count; i++)
		length += 3 + strlen(known->items[i].value);
	length = (length + PAD - 1) / PAD * PAD;
	uint8_t *plain = calloc(1, length), *at = plain;

	if (!plain)
		return NULL;
	bl_put32(at, VERSION);
	bl_put32(at + 4, DETECT_VERSION);
	bl_put32(at + 8, (uint32_t)known->count);
	at += HEAD;
	for (size_t i = 0; i < known->count; i++) {
		size_t bytes = strlen(known->items[i].value);

		at[0] = (uint8_t)known->items[i].kind;
		bl_put16(at + 1, (uint16_t)bytes);
		memcpy(at + 3, known->items[i].value, bytes);
		at += 3 + bytes;
	}
	*out_length = length;
	return plain;
}

enum bl_status people_write(int folder, const char *id, const uint8_t key[VAULT_KEY],
			    const struct gate_known *known)
{
	char label[BL_DEVICE_ID_SIZE + 16];
	size_t length = 0;
	uint8_t *plain = encode(known, &length);
	BL_CLEANUP(bl_free) uint8_t *sealed = malloc(length + VAULT_SEAL_OVERHEAD);
	enum bl_status status = plain && sealed ? BL_OK : BL_NO_MEMORY;

	label_of(id, label);
	if (status == BL_OK)
		status = vault_seal(key, label, plain, length, sealed);
	if (status == BL_OK)
		status = device_store_file_write(folder, NAME, sealed, length + VAULT_SEAL_OVERHEAD,
						 NULL);
	if (plain)
		sodium_memzero(plain, length);
	free(plain);
	return status;
}

/* Strict: what does not fit was not written by us. */
static enum bl_status decode(const uint8_t *plain, size_t length, struct gate_known *out_known)
{
	if (length < HEAD || bl_get32(plain) != VERSION || bl_get32(plain + 4) != DETECT_VERSION ||
	    bl_get32(plain + 8) > DETECT_HARVEST_LIMIT)
		return BL_NOT_FOUND;
	size_t count = bl_get32(plain + 8), text = 0;

	if (!people_room(out_known, count, length + count))
		return BL_NO_MEMORY;
	for (size_t at = HEAD; out_known->count < count;) {
		size_t bytes = length - at >= 3 ? bl_get16(plain + at + 1) : 0;

		if (!bytes || bytes > VALUE || bytes > length - at - 3 || plain[at] >= KINDS ||
		    memchr(plain + at + 3, 0, bytes))
			return BL_NOT_FOUND;
		text = people_put(out_known, text, plain[at], plain + at + 3, bytes);
		at += 3 + bytes;
	}
	return BL_OK;
}

enum bl_status people_read(int folder, const char *id, const uint8_t key[VAULT_KEY],
			   struct gate_known *out_known)
{
	BL_CLEANUP(bl_free) char *sealed = NULL;
	char label[BL_DEVICE_ID_SIZE + 16];
	size_t length = 0;
	enum bl_status status = device_store_file_read(folder, NAME, &sealed, &length, NULL);

	*out_known = (struct gate_known){0};
	if (status == BL_NO_MEMORY)
		return status;
	if (status != BL_OK || length <= VAULT_SEAL_OVERHEAD)
		return BL_NOT_FOUND;
	size_t room = length - VAULT_SEAL_OVERHEAD;
	uint8_t *plain = malloc(room);

	if (!plain)
		return BL_NO_MEMORY;
	label_of(id, label);
	status = vault_unseal(key, label, (const uint8_t *)sealed, length, plain, NULL) == BL_OK
			 ? decode(plain, room, out_known)
			 : BL_NOT_FOUND;
	sodium_memzero(plain, room);
	free(plain);
	if (status != BL_OK)
		people_done(out_known);
	return status;
}
