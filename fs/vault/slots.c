#include "fs/vault/keys.h"
#include "fs/vault/sealed-format.h"

#include <stdlib.h>
#include <string.h>

static enum bl_status write_slot(struct vault *vault, size_t index, unsigned copy,
				 const struct slot *slot, struct bl_error *why)
{
	uint8_t page[VAULT_PAGE];

	slot_encode(slot, page);
	return page_write(&vault->file, page_of_slot(index, copy), page, why);
}

/* B, then A: what the table of the format makes of a crash between them depends on it. */
static enum bl_status write_pair(struct vault *vault, size_t index, const struct slot *slot,
				 struct bl_error *why)
{
	enum bl_status status = write_slot(vault, index, 1, slot, why);

	return status == BL_OK ? write_slot(vault, index, 0, slot, why) : status;
}

/*
 * After a new image root failed half way, one copy may be damaged and the other one the only whole one: both are written with
 * the bytes they were to have, in the same order, before anything else is.
 */
static enum bl_status settle(struct vault *vault, size_t index, struct bl_error *why)
{
	struct keys_entry *entry = &vault->entries[index];

	return entry->is_unsettled ? write_pair(vault, index, &entry->slot, why) : BL_OK;
}

static enum bl_status prove_slot(struct vault *vault, size_t index, const struct slot *slot,
				 enum vault_proof *out_proof, struct bl_error *why)
{
	uint8_t page[VAULT_PAGE];

	slot_encode(slot, page);
	return page_prove(&vault->file, vault->keys_fd, KEYS_FILE, index, page, out_proof, why);
}

/* ---- destroying ------------------------------------------------------------------------------ */

/* Random first: should the tombstone hit a remapped sector, the key was still overwritten once. */
static enum bl_status overwrite(struct vault *vault, size_t index, unsigned copy,
				const struct slot *tombstone, struct bl_error *why)
{
	uint8_t page[VAULT_PAGE];

	randombytes_buf(page, sizeof(page));
	if (sodium_is_zero(page, 8))
		page[0] = 1;

	enum bl_status status = page_write(&vault->file, page_of_slot(index, copy), page, why);

	if (status != BL_OK)
		return status;
	return write_slot(vault, index, copy, tombstone, why);
}

/*
 * One copy is whole at any time: the live A while B goes, the tombstone B while A goes. Done again, perhaps after a
 * failure in the midst of it, B may be the only whole one: it is then written with the very bytes it may have, until A is.
 */
static enum bl_status write_tombstones(struct vault *vault, size_t index,
				       const struct slot *tombstone, bool is_again,
				       struct bl_error *why)
{
	enum bl_status status = is_again ? write_slot(vault, index, 1, tombstone, why)
					 : overwrite(vault, index, 1, tombstone, why);

	if (status == BL_OK)
		status = overwrite(vault, index, 0, tombstone, why);
	if (status == BL_OK && is_again)
		status = overwrite(vault, index, 1, tombstone, why);
	return status;
}

static enum bl_status destroy_slot(struct vault *vault, size_t index, enum vault_proof *out_proof,
				   struct bl_error *why)
{
	struct keys_entry *entry = &vault->entries[index];
	struct slot tombstone = {.state = SLOT_TOMBSTONE};
	bool is_again = entry->slot.state == SLOT_TOMBSTONE;
	enum bl_status status = settle(vault, index, why);

	if (status != BL_OK)
		return status;
	tombstone.generation = is_again ? entry->slot.generation : ++vault->generation;
	memcpy(tombstone.id, entry->slot.id, sizeof(tombstone.id));

	/* From here the key is gone for us, whatever the medium says. */
	sodium_memzero(entry, sizeof(*entry));
	entry->slot = tombstone;
	status = write_tombstones(vault, index, &tombstone, is_again, why);
	return status == BL_OK ? prove_slot(vault, index, &tombstone, out_proof, why) : status;
}

/* ---- loading --------------------------------------------------------------------------------- */

static enum bl_status grow(struct vault *vault, struct bl_error *why)
{
	if (vault->slot_count < vault->slot_room)
		return BL_OK;

	size_t room = vault->slot_room ? vault->slot_room * 2 : VAULT_SLOT_BATCH;
	struct keys_entry *entries = vault_guarded(room, sizeof(*entries));

	if (!entries)
		return keys_no_memory(why);
	memset(entries, 0, room * sizeof(*entries));
	if (vault->entries)
		memcpy(entries, vault->entries, vault->slot_count * sizeof(*entries));
	sodium_free(vault->entries);
	vault->entries = entries;
	vault->slot_room = room;
	return BL_OK;
}

/* The copy that is the tombstone is not touched: it is all that says so. */
static enum bl_status finish_destroy(struct vault *vault, size_t index, const struct slot *a,
				     const struct slot *b, struct bl_error *why)
{
	bool is_b = b->state == SLOT_TOMBSTONE;
	const struct slot *tombstone = is_b ? b : a;
	enum vault_proof proof;
	enum bl_status status = overwrite(vault, index, is_b ? 0 : 1, tombstone, why);

	return status == BL_OK ? prove_slot(vault, index, tombstone, &proof, why) : status;
}

static enum bl_status repair(struct vault *vault, size_t index, enum slot_repair what,
			     const struct slot *a, const struct slot *b, struct bl_error *why)
{
	static const struct slot EMPTY = {.state = SLOT_EMPTY};

	switch (what) {
	case REPAIR_NONE:
		return BL_OK;
	case REPAIR_DESTROY:
		return finish_destroy(vault, index, a, b, why);
	case REPAIR_CLEAR_B:
		return write_slot(vault, index, 1, &EMPTY, why);
	case REPAIR_A:
		return write_slot(vault, index, 0, b, why);
	case REPAIR_B:
		return write_slot(vault, index, 1, a, why);
	case REPAIR_REFUSE:
		break;
	}
	return bl_fail(why, BL_TAMPERED, "slot %zu of 'keys' does not match its checksum", index);
}

static enum bl_status load_slot(struct vault *vault, size_t index, struct bl_error *why)
{
	uint8_t pages[2 * VAULT_PAGE];
	struct slot a, b;
	enum bl_status status = grow(vault, why);

	if (status == BL_OK)
		status = page_read(vault->file.fd, page_of_slot(index, 0), 2, pages, why);
	if (status != BL_OK)
		return status;
	slot_decode(pages, &a);
	slot_decode(pages + VAULT_PAGE, &b);

	enum slot_repair what = slot_repair(&a, &b);
	struct keys_entry *entry = &vault->entries[index];

	slot_settle(what, &a, &b, &entry->slot);
	vault->slot_count = index + 1;
	vault->generation = BL_MAX(vault->generation, BL_MAX(a.generation, b.generation));
	/* Opened before anything is written: a page that only looks right is no reason to lose its twin. */
	if (what != REPAIR_REFUSE && entry->slot.state == SLOT_LIVE)
		status = slot_open(&entry->slot, vault->secrets->kek, &entry->roots, why);
	if (status == BL_OK && what != REPAIR_NONE && (vault->is_writer || what == REPAIR_REFUSE))
		status = repair(vault, index, what, &a, &b, why);
	return status;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A slot that was copied to another place: destroying one of them would be half a destruction. */
static enum bl_status check_unique(const struct vault *vault, struct bl_error *why)
{
	BL_CLEANUP(bl_free) const char **ids = calloc(vault->slot_count + 1, sizeof(*ids));
	size_t count = 0;

	if (!ids)
		return bl_fail(why, BL_NO_MEMORY, "cannot compare slots: out of memory");
	for (size_t i = 0; i < vault->slot_count; i++)
		if (vault->entries[i].slot.state == SLOT_LIVE)
			ids[count++] = vault->entries[i].slot.id;
	qsort(ids, count, sizeof(*ids), compare_ids);
	for (size_t i = 1; i < count; i++)
		if (strcmp(ids[i - 1], ids[i]) == 0)
			return bl_fail(why, BL_TAMPERED, "'keys' has two slots of device '%s'",
				       ids[i]);
	return BL_OK;
}

enum bl_status keys_load_slots(struct vault *vault, off_t size, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	/* A last pair that is cut short reads as zeros behind the cut. */
	for (size_t i = 0; status == BL_OK && (off_t)(page_of_slot(i, 0) * VAULT_PAGE) < size; i++)
		status = load_slot(vault, i, why);
	return status == BL_OK ? check_unique(vault, why) : status;
}

/* ---- devices --------------------------------------------------------------------------------- */

static struct keys_entry *find(const struct vault *vault, const char *id, enum slot_state state)
{
	for (size_t i = 0; i < vault->slot_count; i++)
		if (vault->entries[i].slot.state == state &&
		    strcmp(vault->entries[i].slot.id, id) == 0)
			return &vault->entries[i];
	return NULL;
}

static enum bl_status no_keys(const char *id, struct bl_error *why)
{
	if (bl_device_id_ok(id))
		return bl_fail(why, BL_NOT_FOUND, "device '%s' has no keys", id);
	return bl_fail(why, BL_NOT_FOUND, "that device has no keys");
}

static enum bl_status may_write(const struct vault *vault, const char *id, struct bl_error *why)
{
	if (!bl_device_id_ok(id))
		return bl_fail(why, BL_INVALID, "that is no device id");
	if (!vault->is_writer)
		return bl_fail(why, BL_LOCKED, "'keys' is held by another process");
	return BL_OK;
}

static size_t first_empty(const struct vault *vault)
{
	size_t index = 0;

	while (index < vault->slot_count && vault->entries[index].slot.state != SLOT_EMPTY)
		index++;
	return index;
}

static enum bl_status add_locked(struct vault *vault, const char *id, struct bl_error *why)
{
	size_t index = first_empty(vault);

	if (vault->is_add_broken)
		return bl_fail(why, BL_IO, "'keys' could not be written before (restart Bailee)");
	if (find(vault, id, SLOT_LIVE))
		return bl_fail(why, BL_EXISTS, "device '%s' has keys already", id);
	if (index >= VAULT_SLOT_LIMIT)
		return bl_fail(why, BL_TOO_LARGE, "'keys' is full");

	enum bl_status status = grow(vault, why);

	/* Zeros at the end mean nothing: having failed to make room breaks nothing. */
	if (status == BL_OK)
		status = page_make_room(&vault->file, index, why);
	if (status != BL_OK)
		return status;

	struct keys_entry *entry = &vault->entries[index];

	memset(entry, 0, sizeof(*entry));
	entry->slot.state = SLOT_LIVE;
	entry->slot.generation = ++vault->generation;
	memcpy(entry->slot.id, id, strnlen(id, sizeof(entry->slot.id) - 1));
	randombytes_buf(&entry->roots, sizeof(entry->roots));
	slot_seal(&entry->slot, vault->secrets->kek, &entry->roots);
	status = write_pair(vault, index, &entry->slot, why);
	if (index == vault->slot_count)
		vault->slot_count++;
	/* Half written and untold: never used again in this run, settled by the next open. */
	if (status != BL_OK) {
		sodium_memzero(entry, sizeof(*entry));
		entry->slot.state = SLOT_DAMAGED;
		vault->is_add_broken = true;
	}
	return status;
}

enum bl_status vault_device_add(struct vault *vault, const char *id, struct bl_error *why)
{
	enum bl_status status = may_write(vault, id, why);

	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&vault->lock);
	status = add_locked(vault, id, why);
	pthread_mutex_unlock(&vault->lock);
	return status;
}

/* @id "": the store's own, which no device can have. */
static void derive(const uint8_t root[VAULT_KEY], enum vault_purpose purpose, const char *id,
		   uint8_t out_key[VAULT_KEY])
{
	static const char *const PURPOSES[] = {
		[VAULT_LOG_NAMES] = "bailee log-names",
		[VAULT_RECORD] = "bailee record",
		[VAULT_MASK] = "bailee mask",
		[VAULT_SPANS] = "bailee spans",
	};

	sealed_derive(root, PURPOSES[purpose], id, strlen(id), out_key);
}

void vault_store_key(const struct vault *vault, enum vault_purpose purpose,
		     uint8_t out_key[VAULT_KEY])
{
	derive(vault->secrets->own.second, purpose, "", out_key);
}

enum bl_status vault_device_key(struct vault *vault, const char *id, enum vault_purpose purpose,
				uint8_t out_key[VAULT_KEY], struct bl_error *why)
{
	pthread_mutex_lock(&vault->lock);

	const struct keys_entry *entry = find(vault, id, SLOT_LIVE);

	if (entry)
		derive(entry->roots.first, purpose, id, out_key);
	pthread_mutex_unlock(&vault->lock);
	return entry ? BL_OK : no_keys(id, why);
}

/*
 * Every slot of this id, live or tombstone: one that was destroyed before, perhaps without proof, is
 * overwritten and read back again, which gives the proof. The weakest one counts.
 */
static enum bl_status destroy_locked(struct vault *vault, const char *id,
				     enum vault_proof *out_proof, struct bl_error *why)
{
	enum bl_status status = BL_OK;
	enum vault_proof proof = VAULT_PROOF_RAW;
	bool was_found = false;

	for (size_t i = 0; i < vault->slot_count && status == BL_OK; i++) {
		const struct slot *slot = &vault->entries[i].slot;
		enum vault_proof one = VAULT_PROOF_CACHED;

		if ((slot->state != SLOT_LIVE && slot->state != SLOT_TOMBSTONE) ||
		    strcmp(slot->id, id) != 0)
			continue;
		was_found = true;
		status = destroy_slot(vault, i, &one, why);
		proof = BL_MIN(proof, one);
	}
	if (status == BL_OK && !was_found)
		return no_keys(id, why);
	if (status == BL_OK && out_proof)
		*out_proof = proof;
	return status;
}

enum bl_status vault_device_destroy(struct vault *vault, const char *id,
				    enum vault_proof *out_proof, struct bl_error *why)
{
	enum bl_status status = may_write(vault, id, why);

	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&vault->lock);
	status = destroy_locked(vault, id, out_proof, why);
	pthread_mutex_unlock(&vault->lock);
	return status;
}

/* ---- the image's root ------------------------------------------------------------------------ */

static enum bl_status image_root_locked(const struct vault *vault, const char *id,
					uint8_t out_root[VAULT_KEY], struct bl_error *why)
{
	const struct keys_entry *entry = find(vault, id, SLOT_LIVE);

	if (!entry)
		return no_keys(id, why);
	if (entry->is_unsettled)
		return bl_fail(why, BL_IO,
			       "the key of the image of '%s' could not be written (restart Bailee)",
			       id);
	memcpy(out_root, entry->roots.second, VAULT_KEY);
	return BL_OK;
}

enum bl_status vault_image_root(struct vault *vault, const char *id, uint8_t out_root[VAULT_KEY],
				struct bl_error *why)
{
	pthread_mutex_lock(&vault->lock);

	enum bl_status status = image_root_locked(vault, id, out_root, why);

	pthread_mutex_unlock(&vault->lock);
	return status;
}

static enum bl_status set_root_locked(struct vault *vault, const char *id,
				      const uint8_t root[VAULT_KEY], enum vault_proof *out_proof,
				      struct bl_error *why)
{
	struct keys_entry *entry = find(vault, id, SLOT_LIVE);
	enum vault_proof proof;

	if (!entry)
		return no_keys(id, why);

	size_t index = (size_t)(entry - vault->entries);

	enum bl_status status = settle(vault, index, why);

	if (status != BL_OK)
		return status;
	/* Neither root may be told as long as the medium might hold the other one. */
	entry->is_unsettled = true;
	memcpy(entry->roots.second, root, VAULT_KEY);
	entry->slot.generation = ++vault->generation;
	slot_seal(&entry->slot, vault->secrets->kek, &entry->roots);
	status = write_pair(vault, index, &entry->slot, why);
	if (status == BL_OK)
		status = prove_slot(vault, index, &entry->slot, &proof, why);
	if (status != BL_OK)
		return status;
	entry->is_unsettled = false;
	if (out_proof)
		*out_proof = proof;
	return BL_OK;
}

enum bl_status vault_image_root_set(struct vault *vault, const char *id,
				    const uint8_t root[VAULT_KEY], enum vault_proof *out_proof,
				    struct bl_error *why)
{
	enum bl_status status = may_write(vault, id, why);

	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&vault->lock);
	status = set_root_locked(vault, id, root, out_proof, why);
	pthread_mutex_unlock(&vault->lock);
	return status;
}

/* ---- every key there is ---------------------------------------------------------------------- */

#define PURPOSE_COUNT 4

static bool tell_derived(const uint8_t root[VAULT_KEY], const char *id,
			 bool (*tell)(void *, const uint8_t[VAULT_KEY]), void *context)
{
	uint8_t key[VAULT_KEY];
	bool goes_on = true;

	for (unsigned purpose = 0; purpose < PURPOSE_COUNT && goes_on; purpose++) {
		derive(root, (enum vault_purpose)purpose, id, key);
		goes_on = tell(context, key);
	}
	sodium_memzero(key, sizeof(key));
	return goes_on;
}

static void each_key_locked(const struct vault *vault,
			    bool (*tell)(void *context, const uint8_t key[VAULT_KEY]),
			    void *context)
{
	const struct keys_secrets *own = vault->secrets;
	bool goes_on = tell(context, own->kek) && tell(context, own->own.first) &&
		       tell(context, own->own.second) &&
		       tell_derived(own->own.second, "", tell, context);

	for (size_t i = 0; i < vault->slot_count && goes_on; i++) {
		const struct keys_entry *entry = &vault->entries[i];

		if (entry->slot.state == SLOT_LIVE)
			goes_on = tell(context, entry->roots.first) &&
				  tell(context, entry->roots.second) &&
				  tell_derived(entry->roots.first, entry->slot.id, tell, context);
	}
}

void vault_each_key(struct vault *vault, bool (*tell)(void *context, const uint8_t key[VAULT_KEY]),
		    void *context)
{
	pthread_mutex_lock(&vault->lock);
	each_key_locked(vault, tell, context);
	pthread_mutex_unlock(&vault->lock);
}
