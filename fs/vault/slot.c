#include "fs/vault/slot.h"

#include <sodium.h>
#include <string.h>

#define CHECKSUM_AT (VAULT_PAGE - 32u)
#define VERSION	    1u

static const uint8_t HEADER_MAGIC[8] = "BKEYS1\0";
static const uint8_t SLOT_MAGIC[8] = "BKSLOT\0";

static void seal_page(uint8_t page[VAULT_PAGE])
{
	crypto_generichash(page + CHECKSUM_AT, 32, page, CHECKSUM_AT, NULL, 0);
}

static bool page_is_whole(const uint8_t page[VAULT_PAGE])
{
	uint8_t sum[32];

	crypto_generichash(sum, sizeof(sum), page, CHECKSUM_AT, NULL, 0);
	return sodium_memcmp(sum, page + CHECKSUM_AT, sizeof(sum)) == 0;
}

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
	if (slot->state == SLOT_LIVE)
		memcpy(page + 56, slot->root, VAULT_KEY);
	seal_page(page);
}

/* True when the page is exactly what slot_encode makes of @slot: no byte has a second meaning. */
static bool is_canonical(const struct slot *slot, const uint8_t page[VAULT_PAGE])
{
	uint8_t again[VAULT_PAGE];

	slot_encode(slot, again);

	bool is_same = sodium_memcmp(again, page, VAULT_PAGE) == 0;

	sodium_memzero(again, sizeof(again));
	return is_same;
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
	memcpy(out_slot->root, page + 56, VAULT_KEY);
	out_slot->generation = bl_get64(page + 16);
	out_slot->state = (enum slot_state)state;
	if (!bl_device_id_ok(out_slot->id) || !is_canonical(out_slot, page)) {
		sodium_memzero(out_slot, sizeof(*out_slot));
		out_slot->state = SLOT_DAMAGED;
	}
}

void vault_header_encode(const struct vault_header *header, uint8_t page[VAULT_PAGE])
{
	memset(page, 0, VAULT_PAGE);
	memcpy(page, HEADER_MAGIC, sizeof(HEADER_MAGIC));
	bl_put32(page + 8, VERSION);
	memcpy(page + 16, header->id, sizeof(header->id));
	bl_put64(page + 32, (uint64_t)header->created_ns);
	memcpy(page + 40, header->seed, sizeof(header->seed));
	memcpy(page + 72, header->public_key, sizeof(header->public_key));
	memcpy(page + 104, header->master, sizeof(header->master));
	seal_page(page);
}

enum bl_status vault_header_decode(const uint8_t page[VAULT_PAGE], struct vault_header *out_header,
				   struct bl_error *why)
{
	if (memcmp(page, HEADER_MAGIC, sizeof(HEADER_MAGIC)) != 0)
		return bl_fail(why, BL_INVALID, "'keys' is not a key file of Bailee");
	if (bl_get32(page + 8) != VERSION)
		return bl_fail(why, BL_INVALID,
			       "'keys' has version %u, this program knows 1 (use a newer one)",
			       bl_get32(page + 8));
	if (!page_is_whole(page) || !sodium_is_zero(page + 12, 4) ||
	    !sodium_is_zero(page + 136, CHECKSUM_AT - 136))
		return bl_fail(why, BL_TAMPERED, "'keys' does not match its checksum");
	memcpy(out_header->id, page + 16, sizeof(out_header->id));
	out_header->created_ns = (int64_t)bl_get64(page + 32);
	memcpy(out_header->seed, page + 40, sizeof(out_header->seed));
	memcpy(out_header->public_key, page + 72, sizeof(out_header->public_key));
	memcpy(out_header->master, page + 104, sizeof(out_header->master));
	return BL_OK;
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

	if (a->state == SLOT_LIVE && b->state == SLOT_LIVE &&
	    (strcmp(a->id, b->id) != 0 || sodium_memcmp(a->root, b->root, VAULT_KEY) != 0))
		return REPAIR_REFUSE;
	return TABLE[a->state][b->state];
}
