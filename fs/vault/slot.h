/* slot.h - private to fs/vault: the pages of docs/format-keys.md, in memory and as bytes */
#ifndef FS_VAULT_SLOT_H
#define FS_VAULT_SLOT_H

#include "fs/vault/lock.h"
#include "fs/vault/vault.h"

#define VAULT_PAGE	 4096u
#define VAULT_SLOT_LIMIT 65536u
#define VAULT_SLOT_BATCH 64u /* room is made for so many at a time */
#define VAULT_ID	 16
#define VAULT_NONCE	 24
#define VAULT_SEALED	 80 /* two keys and a tag */

enum slot_state { SLOT_EMPTY = 0, SLOT_LIVE = 1, SLOT_TOMBSTONE = 2, SLOT_DAMAGED = 3 };

/* Two keys side by side, as they are sealed: a device's roots, or the seed and the master key of the store. */
struct key_pair {
	uint8_t first[VAULT_KEY], second[VAULT_KEY];
};

struct slot {
	enum slot_state state;
	uint64_t generation;
	char id[BL_DEVICE_ID_SIZE];
	uint8_t nonce[VAULT_NONCE];
	uint8_t sealed[VAULT_SEALED];
};

struct vault_header {
	size_t lock_count;
	uint8_t id[VAULT_ID];
	int64_t created_ns;
	uint8_t public_key[VAULT_PUBLIC_KEY];
	uint8_t nonce[VAULT_NONCE];
	uint8_t sealed[VAULT_SEALED];
	struct lock locks[VAULT_LOCKS];
};

/* page_checksum - the last 32 bytes of any page */
void page_checksum(uint8_t page[VAULT_PAGE]);

/* slot_encode - SLOT_EMPTY gives zeros; SLOT_DAMAGED is never written */
void slot_encode(const struct slot *slot, uint8_t page[VAULT_PAGE]);
void slot_decode(const uint8_t page[VAULT_PAGE], struct slot *out_slot);

/* slot_seal, slot_open - the roots of a live slot (device, image); open: BL_OK, BL_TAMPERED */
void slot_seal(struct slot *slot, const uint8_t kek[VAULT_KEY], const struct key_pair *roots);
enum bl_status slot_open(const struct slot *slot, const uint8_t kek[VAULT_KEY],
			 struct key_pair *out_roots, struct bl_error *why) BL_MUST_CHECK;

/* What open does with a pair of copies; the table of docs/format-keys.md, "What a crash can leave". */
enum slot_repair { REPAIR_NONE, REPAIR_DESTROY, REPAIR_CLEAR_B, REPAIR_A, REPAIR_B, REPAIR_REFUSE };
enum slot_repair slot_repair(const struct slot *a, const struct slot *b);
/* slot_settle - the slot that is left of a pair after that repair */
void slot_settle(enum slot_repair repair, const struct slot *a, const struct slot *b,
		 struct slot *out_slot);

void header_encode(const struct vault_header *header, uint8_t page[VAULT_PAGE]);
/* header_decode - BL_OK, BL_INVALID (foreign, or whole but of another version), BL_TAMPERED (damaged) */
enum bl_status header_decode(const uint8_t page[VAULT_PAGE], struct vault_header *out_header,
			     struct bl_error *why) BL_MUST_CHECK;
/*
 * header_decode_pair - of both copies
 *
 * @out_bad  the copy to be written again from the other one, 0 or 1; -1: none
 * Two that are whole and differ cannot come from a crash: BL_TAMPERED.
 */
enum bl_status header_decode_pair(const uint8_t *pages, struct vault_header *out_header,
				  int *out_bad, struct bl_error *why) BL_MUST_CHECK;
/* header_seal, header_open - seed and store master key; open: BL_OK, BL_TAMPERED (also: not the seed of its public key) */
void header_seal(struct vault_header *header, const uint8_t kek[VAULT_KEY],
		 const struct key_pair *keys);
enum bl_status header_open(const struct vault_header *header, const uint8_t kek[VAULT_KEY],
			   struct key_pair *out_keys, struct bl_error *why) BL_MUST_CHECK;

#endif
