/* slot.h - private to fs/vault: the pages of docs/format-keys.md, in memory and as bytes */
#ifndef FS_VAULT_SLOT_H
#define FS_VAULT_SLOT_H

#include "fs/vault/vault.h"

#define VAULT_PAGE	 4096u
#define VAULT_SLOT_LIMIT 65536u

enum slot_state { SLOT_EMPTY = 0, SLOT_LIVE = 1, SLOT_TOMBSTONE = 2, SLOT_DAMAGED = 3 };

struct slot {
	enum slot_state state;
	uint64_t generation;
	char id[BL_DEVICE_ID_SIZE];
	uint8_t root[VAULT_KEY];
};

struct vault_header {
	uint8_t id[16];
	int64_t created_ns;
	uint8_t seed[32];
	uint8_t public_key[VAULT_PUBLIC_KEY];
	uint8_t master[VAULT_KEY];
};

/* slot_encode - SLOT_EMPTY gives zeros; SLOT_DAMAGED is never written */
void slot_encode(const struct slot *slot, uint8_t page[VAULT_PAGE]);
void slot_decode(const uint8_t page[VAULT_PAGE], struct slot *out_slot);

void vault_header_encode(const struct vault_header *header, uint8_t page[VAULT_PAGE]);
/* BL_OK, BL_INVALID (foreign, newer), BL_TAMPERED */
enum bl_status vault_header_decode(const uint8_t page[VAULT_PAGE], struct vault_header *out_header,
				   struct bl_error *why) BL_MUST_CHECK;

/* What open does with a pair of copies; the table of docs/format-keys.md, "What a crash can leave". */
enum slot_repair { REPAIR_NONE, REPAIR_DESTROY, REPAIR_CLEAR_B, REPAIR_A, REPAIR_B, REPAIR_REFUSE };
enum slot_repair slot_repair(const struct slot *a, const struct slot *b);

#endif
