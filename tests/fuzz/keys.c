/* A key file is written by us and changed by anybody: any two pages must be read as a pair or refused, and mean what they say. */
#include <stdlib.h>
#include <string.h>

#include "fs/vault/slot.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_header(const uint8_t *pages)
{
	struct vault_header header;
	struct bl_error why = {.text = ""};
	uint8_t page[VAULT_PAGE];
	int bad = -2;
	enum bl_status status = header_decode_pair(pages, &header, &bad, &why);

	if (status != BL_OK) {
		if (!*why.text || strpbrk(why.text, "\n\x1b"))
			abort();
		return;
	}
	if (bad < -1 || bad > 1 || header.lock_count < 1 || header.lock_count > VAULT_LOCKS)
		abort();
	for (size_t i = 0; i < header.lock_count; i++)
		if (header.locks[i].memory > LOCK_MEMORY_MOST ||
		    header.locks[i].passes > LOCK_PASSES_MOST ||
		    !memchr(header.locks[i].name, 0, VAULT_CREDENTIAL))
			abort();
	/* The copy that counts is, byte for byte, what we would write. */
	header_encode(&header, page);
	if (memcmp(page, pages + (bad == 0 ? VAULT_PAGE : 0), VAULT_PAGE) != 0)
		abort();
}

static void check_slot(const uint8_t *pages)
{
	struct slot slots[2], left;
	uint8_t page[VAULT_PAGE];

	for (size_t copy = 0; copy < 2; copy++) {
		slot_decode(pages + copy * VAULT_PAGE, &slots[copy]);
		if (slots[copy].state == SLOT_DAMAGED)
			continue;
		slot_encode(&slots[copy], page);
		if (memcmp(page, pages + copy * VAULT_PAGE, VAULT_PAGE) != 0)
			abort();
	}

	enum slot_repair repair = slot_repair(&slots[0], &slots[1]);

	slot_settle(repair, &slots[0], &slots[1], &left);
	/* A tombstone in either copy wins, and only refusing leaves damage. */
	if ((slots[0].state == SLOT_TOMBSTONE || slots[1].state == SLOT_TOMBSTONE) &&
	    left.state != SLOT_TOMBSTONE)
		abort();
	if (left.state == SLOT_DAMAGED && repair != REPAIR_REFUSE)
		abort();
}

/* Checksums are made right, else nothing would get behind them: the first byte says in which copies. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	uint8_t pages[2 * VAULT_PAGE] = {0};
	uint8_t which = length ? bytes[0] : 0;

	if (length > 1)
		memcpy(pages, bytes + 1, BL_MIN(length - 1, sizeof(pages)));
	for (unsigned copy = 0; copy < 2; copy++)
		if (which & 1u << copy)
			page_checksum(pages + copy * VAULT_PAGE);
	check_header(pages);
	check_slot(pages);
	return 0;
}
