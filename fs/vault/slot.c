#include "fs/vault/slot.h"

#include <sodium.h>
#include <string.h>

#define CHECKSUM_AT (VAULT_PAGE - 32u)
#define VERSION	    2u
#define HEADER_AD   72u
#define LOCKS_AT    176u
#define LOCKS_END   (LOCKS_AT + VAULT_LOCKS * LOCK_SIZE)
#define SLOT_AD	    56u

_Static_assert(VAULT_SEALED == sizeof(struct key_pair) + crypto_aead_xchacha20poly1305_ietf_ABYTES,
	       "of a format");
_Static_assert(VAULT_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "of a format");
_Static_assert(VAULT_ID == LOCK_ID, "locks are bound to the vault's id");

static const uint8_t HEADER_MAGIC[8] = "BKEYS1\0";
static const uint8_t SLOT_MAGIC[8] = "BKSLOT\0";

void page_checksum(uint8_t page[VAULT_PAGE])
{
	crypto_generichash(page + CHECKSUM_AT, 32, page, CHECKSUM_AT, NULL, 0);
}

static bool page_is_whole(const uint8_t page[VAULT_PAGE])
{
	uint8_t sum[32];

	crypto_generichash(sum, sizeof(sum), page, CHECKSUM_AT, NULL, 0);
	return sodium_memcmp(sum, page + CHECKSUM_AT, sizeof(sum)) == 0;
}

/* ---- sealing: the beginning of the page is the associated data ------------------------------------ */

static void seal_pair(const uint8_t kek[VAULT_KEY], const struct key_pair *keys, const uint8_t *ad,
		      size_t ad_length, uint8_t nonce[VAULT_NONCE], uint8_t sealed[VAULT_SEALED])
{
	randombytes_buf(nonce, VAULT_NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, (const uint8_t *)keys,
						   sizeof(*keys), ad, ad_length, NULL, nonce, kek);
}

static bool open_pair(const uint8_t kek[VAULT_KEY], const uint8_t *ad, size_t ad_length,
		      const uint8_t nonce[VAULT_NONCE], const uint8_t sealed[VAULT_SEALED],
		      struct key_pair *out_keys)
{
	if (crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)out_keys, NULL, NULL, sealed,
						       VAULT_SEALED, ad, ad_length, nonce,
						       kek) == 0)
		return true;
	sodium_memzero(out_keys, sizeof(*out_keys));
	return false;
}

/* ---- slots ---------------------------------------------------------------------------------------- */

void slot_encode(const struct slot *slot, uint8_t page[VAULT_PAGE])
{
	size_t length = strnlen(slot->id, sizeof(slot->id) - 1);

	memset(page, 0, VAULT_PAGE);
	if (slot->state == SLOT_EMPTY)
		return;
	memcpy(page, SLOT_MAGIC, sizeof(SLOT_MAGIC));
	bl_put32(page + 8, (uint32_t)slot->state);
	bl_put32(page + 12, (uint32_t)length);
	bl_put64(page + 16, slot->generation);
	memcpy(page + 24, slot->id, length);
	if (slot->state == SLOT_LIVE) {
		memcpy(page + SLOT_AD, slot->nonce, VAULT_NONCE);
		memcpy(page + SLOT_AD + VAULT_NONCE, slot->sealed, VAULT_SEALED);
	}
	page_checksum(page);
}

/* True when the page is exactly what slot_encode makes of @slot: no byte has a second meaning. */
static bool is_canonical(const struct slot *slot, const uint8_t page[VAULT_PAGE])
{
	uint8_t again[VAULT_PAGE];

	slot_encode(slot, again);
	return memcmp(again, page, VAULT_PAGE) == 0;
}

void slot_decode(const uint8_t page[VAULT_PAGE], struct slot *out_slot)
{
	uint32_t state = bl_get32(page + 8);

	memset(out_slot, 0, sizeof(*out_slot));
	if (sodium_is_zero(page, VAULT_PAGE))
		return;
	out_slot->state = SLOT_DAMAGED;
	if (memcmp(page, SLOT_MAGIC, sizeof(SLOT_MAGIC)) != 0 || !page_is_whole(page) ||
	    (state != SLOT_LIVE && state != SLOT_TOMBSTONE))
		return;
	memcpy(out_slot->id, page + 24, sizeof(out_slot->id) - 1);
	memcpy(out_slot->nonce, page + SLOT_AD, VAULT_NONCE);
	memcpy(out_slot->sealed, page + SLOT_AD + VAULT_NONCE, VAULT_SEALED);
	out_slot->generation = bl_get64(page + 16);
	out_slot->state = (enum slot_state)state;
	if (!bl_device_id_ok(out_slot->id) || !is_canonical(out_slot, page)) {
		memset(out_slot, 0, sizeof(*out_slot));
		out_slot->state = SLOT_DAMAGED;
	}
}

void slot_seal(struct slot *slot, const uint8_t kek[VAULT_KEY], const struct key_pair *roots)
{
	uint8_t page[VAULT_PAGE];

	slot_encode(slot, page);
	seal_pair(kek, roots, page, SLOT_AD, slot->nonce, slot->sealed);
}

enum bl_status slot_open(const struct slot *slot, const uint8_t kek[VAULT_KEY],
			 struct key_pair *out_roots, struct bl_error *why)
{
	uint8_t page[VAULT_PAGE];

	slot_encode(slot, page);
	if (!open_pair(kek, page, SLOT_AD, slot->nonce, slot->sealed, out_roots))
		return bl_fail(why, BL_TAMPERED, "the keys of device '%s' do not open", slot->id);
	return BL_OK;
}

static bool is_same(const struct slot *a, const struct slot *b)
{
	return a->generation == b->generation && strcmp(a->id, b->id) == 0 &&
	       memcmp(a->nonce, b->nonce, VAULT_NONCE) == 0 &&
	       memcmp(a->sealed, b->sealed, VAULT_SEALED) == 0;
}

enum slot_repair slot_repair(const struct slot *a, const struct slot *b)
{
	static const enum slot_repair TABLE[4][4] = {
		/* A \ B              empty           live            tombstone       damaged */
		[SLOT_EMPTY] = {REPAIR_NONE, REPAIR_CLEAR_B, REPAIR_DESTROY, REPAIR_CLEAR_B},
		[SLOT_LIVE] = {REPAIR_B, REPAIR_NONE, REPAIR_DESTROY, REPAIR_B},
		[SLOT_TOMBSTONE] = {REPAIR_DESTROY, REPAIR_DESTROY, REPAIR_NONE, REPAIR_DESTROY},
		[SLOT_DAMAGED] = {REPAIR_REFUSE, REPAIR_A, REPAIR_DESTROY, REPAIR_REFUSE},
	};

	if (a->state == SLOT_LIVE && b->state == SLOT_LIVE && !is_same(a, b))
		return strcmp(a->id, b->id) == 0 && b->generation > a->generation ? REPAIR_A
										  : REPAIR_REFUSE;
	return TABLE[a->state][b->state];
}

void slot_settle(enum slot_repair repair, const struct slot *a, const struct slot *b,
		 struct slot *out_slot)
{
	static const struct slot EMPTY = {.state = SLOT_EMPTY};

	if (repair == REPAIR_CLEAR_B)
		*out_slot = EMPTY;
	else if (repair == REPAIR_A || (repair == REPAIR_DESTROY && b->state == SLOT_TOMBSTONE))
		*out_slot = *b;
	else
		*out_slot = *a;
}

/* ---- header --------------------------------------------------------------------------------------- */

void header_encode(const struct vault_header *header, uint8_t page[VAULT_PAGE])
{
	memset(page, 0, VAULT_PAGE);
	memcpy(page, HEADER_MAGIC, sizeof(HEADER_MAGIC));
	bl_put32(page + 8, VERSION);
	bl_put32(page + 12, (uint32_t)header->lock_count);
	memcpy(page + 16, header->id, sizeof(header->id));
	bl_put64(page + 32, (uint64_t)header->created_ns);
	memcpy(page + 40, header->public_key, sizeof(header->public_key));
	memcpy(page + HEADER_AD, header->nonce, VAULT_NONCE);
	memcpy(page + HEADER_AD + VAULT_NONCE, header->sealed, VAULT_SEALED);
	for (size_t i = 0; i < header->lock_count; i++)
		lock_encode(&header->locks[i], page + LOCKS_AT + i * LOCK_SIZE);
	page_checksum(page);
}

static bool decode_locks(const uint8_t page[VAULT_PAGE], struct vault_header *header)
{
	uint32_t count = bl_get32(page + 12);

	if (count < 1 || count > VAULT_LOCKS)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!lock_decode(page + LOCKS_AT + i * LOCK_SIZE, &header->locks[i]))
			return false;
	header->lock_count = count;
	return sodium_is_zero(page + LOCKS_AT + count * LOCK_SIZE,
			      (VAULT_LOCKS - count) * LOCK_SIZE);
}

static enum bl_status refuse_version(uint32_t version, struct bl_error *why)
{
	if (version > VERSION)
		return bl_fail(why, BL_INVALID,
			       "'keys' has version %u, this program knows %u (use a newer Bailee)",
			       version, VERSION);
	return bl_fail(
		why, BL_INVALID,
		"'keys' has version %u, made before locks were there (use the Bailee that made "
		"it, or make a new store)",
		version);
}

enum bl_status header_decode(const uint8_t page[VAULT_PAGE], struct vault_header *out_header,
			     struct bl_error *why)
{
	bool is_whole = page_is_whole(page);

	memset(out_header, 0, sizeof(*out_header));
	if (memcmp(page, HEADER_MAGIC, sizeof(HEADER_MAGIC)) != 0)
		return bl_fail(why, BL_INVALID, "'keys' is not a key file of Bailee");
	if (is_whole && bl_get32(page + 8) != VERSION)
		return refuse_version(bl_get32(page + 8), why);
	if (!is_whole || bl_get32(page + 8) != VERSION || !decode_locks(page, out_header) ||
	    !sodium_is_zero(page + LOCKS_END, CHECKSUM_AT - LOCKS_END))
		return bl_fail(why, BL_TAMPERED, "'keys' does not match its checksum");
	memcpy(out_header->id, page + 16, sizeof(out_header->id));
	out_header->created_ns = (int64_t)bl_get64(page + 32);
	memcpy(out_header->public_key, page + 40, sizeof(out_header->public_key));
	memcpy(out_header->nonce, page + HEADER_AD, VAULT_NONCE);
	memcpy(out_header->sealed, page + HEADER_AD + VAULT_NONCE, VAULT_SEALED);
	return BL_OK;
}

enum bl_status header_decode_pair(const uint8_t *pages, struct vault_header *out_header,
				  int *out_bad, struct bl_error *why)
{
	const uint8_t *twin = pages + VAULT_PAGE;
	struct vault_header second;
	struct bl_error why_second = {.text = ""};
	enum bl_status a = header_decode(pages, out_header, why);
	enum bl_status b = header_decode(twin, &second, &why_second);

	*out_bad = -1;
	if (a == BL_OK && b == BL_OK && memcmp(pages, twin, VAULT_PAGE) != 0)
		return bl_fail(why, BL_TAMPERED, "the two headers of 'keys' differ");
	if (a == BL_OK && b == BL_OK)
		return BL_OK;
	/* A page that is whole and yet not good is no damage: it is never written over. */
	if (a == BL_OK && !page_is_whole(twin)) {
		*out_bad = 1;
		return BL_OK;
	}
	if (b == BL_OK && !page_is_whole(pages)) {
		*out_header = second;
		*out_bad = 0;
		return BL_OK;
	}
	/* One that was ours says more than one that never was. */
	if (a == BL_OK || (a == BL_INVALID && b == BL_TAMPERED))
		return bl_fail(why, b, "%s", why_second.text);
	return a;
}

void header_seal(struct vault_header *header, const uint8_t kek[VAULT_KEY],
		 const struct key_pair *keys)
{
	uint8_t page[VAULT_PAGE];

	header_encode(header, page);
	seal_pair(kek, keys, page, HEADER_AD, header->nonce, header->sealed);
}

enum bl_status header_open(const struct vault_header *header, const uint8_t kek[VAULT_KEY],
			   struct key_pair *out_keys, struct bl_error *why)
{
	uint8_t page[VAULT_PAGE], public_key[VAULT_PUBLIC_KEY];
	uint8_t secret_key[crypto_sign_SECRETKEYBYTES];

	header_encode(header, page);
	if (!open_pair(kek, page, HEADER_AD, header->nonce, header->sealed, out_keys))
		return bl_fail(why, BL_TAMPERED, "the store's own keys do not open");
	crypto_sign_seed_keypair(public_key, secret_key, out_keys->first);
	sodium_memzero(secret_key, sizeof(secret_key));
	if (sodium_memcmp(public_key, header->public_key, sizeof(public_key)) == 0)
		return BL_OK;
	sodium_memzero(out_keys, sizeof(*out_keys));
	return bl_fail(why, BL_TAMPERED, "'keys' holds a public key that is not its own");
}
