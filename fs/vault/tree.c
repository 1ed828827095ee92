#include "fs/vault/sealed-format.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define LABEL "bailee tree" /* with its NUL */
#define BOUND (sizeof(LABEL) + SEALED_ID + 32 + 4 * 8 + SEALED_HASH)
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

void sealed_hash(const void *bytes, size_t length, uint8_t out[SEALED_HASH])
{
	crypto_generichash(out, SEALED_HASH, bytes, length, NULL, 0);
}

bool tree_entry_decode(const uint8_t bytes[SEALED_ENTRY], struct tree_entry *out_entry)
{
	out_entry->generation = bl_get64(bytes);
	memcpy(out_entry->wrapped, bytes + 8, VAULT_KEY);
	memcpy(out_entry->tag, bytes + 40, SEALED_TAG);
	out_entry->side = bytes[56];
	return out_entry->side <= 1 && sodium_is_zero(bytes + 57, 7) &&
	       (out_entry->generation != 0 || sodium_is_zero(bytes, SEALED_ENTRY));
}

void tree_entry_encode(const struct tree_entry *entry, uint8_t bytes[SEALED_ENTRY])
{
	memset(bytes, 0, SEALED_ENTRY);
	if (entry->generation == 0)
		return;
	bl_put64(bytes, entry->generation);
	memcpy(bytes + 8, entry->wrapped, VAULT_KEY);
	memcpy(bytes + 40, entry->tag, SEALED_TAG);
	bytes[56] = (uint8_t)entry->side;
}

uint64_t tree_nodes(unsigned levels, unsigned level)
{
	assert(level < levels && levels <= SEALED_LEVELS);
	return UINT64_C(1) << 6 * (levels - 1 - level);
}

uint64_t tree_place(unsigned levels, unsigned level, uint64_t index, unsigned side)
{
	uint64_t before = 0;

	for (unsigned above = level + 1; above < levels; above++)
		before += tree_nodes(levels, above);
	return ((before + index) * 2 + side) * SEALED_PAGE;
}

static void prepare(const struct sealed_names *names, unsigned level, uint64_t index,
		    uint64_t generation, unsigned side, const uint8_t hash[SEALED_HASH],
		    uint8_t nonce[NONCE], uint8_t bound[BOUND])
{
	uint8_t *at = bound;

	bl_put64(nonce, generation);
	bl_put64(nonce + 8, level);
	bl_put64(nonce + 16, index);

	memcpy(at, LABEL, sizeof(LABEL));
	at += sizeof(LABEL);
	memcpy(at, names->vault_id, SEALED_ID);
	memcpy(at + SEALED_ID, names->device, sizeof(names->device));
	at += SEALED_ID + sizeof(names->device);
	bl_put64(at, level);
	bl_put64(at + 8, index);
	bl_put64(at + 16, generation);
	bl_put64(at + 24, side);
	memcpy(at + 32, hash, SEALED_HASH);
}

void tree_wrap(const struct sealed_names *names, const uint8_t with[VAULT_KEY], unsigned level,
	       uint64_t index, uint64_t generation, unsigned side, const uint8_t hash[SEALED_HASH],
	       const uint8_t key[VAULT_KEY], struct tree_entry *out_entry)
{
	uint8_t nonce[NONCE], bound[BOUND];

	assert(generation != 0);
	prepare(names, level, index, generation, side, hash, nonce, bound);
	crypto_aead_xchacha20poly1305_ietf_encrypt_detached(out_entry->wrapped, out_entry->tag,
							    NULL, key, VAULT_KEY, bound,
							    sizeof(bound), NULL, nonce, with);
	out_entry->generation = generation;
	out_entry->side = side;
}

enum bl_status tree_unwrap(const struct sealed_names *names, const uint8_t with[VAULT_KEY],
			   unsigned level, uint64_t index, const struct tree_entry *entry,
			   const uint8_t hash[SEALED_HASH], uint8_t out_key[VAULT_KEY])
{
	uint8_t nonce[NONCE], bound[BOUND];

	prepare(names, level, index, entry->generation, entry->side, hash, nonce, bound);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt_detached(out_key, NULL, entry->wrapped,
								VAULT_KEY, entry->tag, bound,
								sizeof(bound), nonce, with) == 0)
		return BL_OK;
	sodium_memzero(out_key, VAULT_KEY);
	return BL_TAMPERED;
}

void tree_top_key(const uint8_t root[VAULT_KEY], uint8_t out_key[VAULT_KEY])
{
	sealed_derive(root, "bailee image tree", "", 0, out_key);
}
