/* The keys of a device, and its sealed image, which is nothing without them. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/retention/private.h"

/* ---- what is known before --------------------------------------------------------------------------- */

static void note_storage(unsigned *exceptions, const struct storage *storage, unsigned bad,
			 unsigned none)
{
	if (storage->has_no_medium)
		*exceptions |= none;
	else if (!storage->is_good)
		*exceptions |= bad;
}

static bool is_name_shared(int folder, const char *name)
{
	BL_CLEANUP(fd_close)
	int fd = folder < 0 ? -1
			    : openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 && storage_is_shared(fd);
}

void keys_describe(struct shred *shred)
{
	struct journal *journal = &shred->journal;
	int folder = device_store_keys_fd(shred->context->store);

	storage_look(folder, &journal->keys);
	note_storage(&journal->exceptions, &journal->keys, EXCEPTION_KEYS_BAD_MEDIUM,
		     EXCEPTION_KEYS_NO_MEDIUM);
	/* A copy that shares blocks keeps the old ones when these are overwritten. */
	if (is_name_shared(folder, "keys"))
		journal->exceptions |= EXCEPTION_SHARED;
}

/* What is signed of it was proven by its key: who can write into the store cannot have a digest of theirs certified. */
static enum bl_status look_proven(const struct shred *shred, struct sealed_facts *out_facts)
{
	struct vault *vault = device_store_vault(shred->context->store);
	uint8_t *root = vault_guarded(1, VAULT_KEY);
	/* Where its key is gone already, nothing is known of what is left. */
	enum bl_status status = BL_TAMPERED;

	if (root && vault_image_root(vault, shred->device.id, root, NULL) == BL_OK)
		status = sealed_look_proven(shred->folder, shred->device.id, root, out_facts, NULL);
	sodium_free(root);
	return status;
}

static void look_at_image(struct shred *shred)
{
	struct journal *journal = &shred->journal;
	struct sealed_facts facts = {.image_bytes = 0};

	journal->size = shred->device.source_size;
	switch ((int)look_proven(shred, &facts)) {
	case BL_OK:
		memcpy(journal->vault_id, facts.vault_id, sizeof(journal->vault_id));
		memcpy(journal->digest, facts.digest, DIGEST);
		journal->has_digest = facts.is_complete;
		journal->algorithm = facts.algorithm;
		journal->size = facts.is_complete ? facts.image_bytes : facts.done_bytes;
		break;
	case BL_NOT_FOUND:
		journal->exceptions |= EXCEPTION_MISSING;
		break;
	default: /* its keys are destroyed all the same */
		journal->exceptions |= EXCEPTION_HEADER;
		break;
	}
}

void sealed_describe(struct shred *shred)
{
	static const char *const TREE[] = {"header", "index", "keys"};
	struct journal *journal = &shred->journal;
	BL_CLEANUP(fd_close)
	int image = openat(shred->folder, SEALED_FOLDER,
			   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	journal->is_complete = shred->device.is_complete;
	look_at_image(shred);
	storage_look(shred->folder, &journal->image);
	note_storage(&journal->exceptions, &journal->image, EXCEPTION_BAD_MEDIUM,
		     EXCEPTION_NO_MEDIUM);
	for (size_t i = 0; i < BL_COUNT(TREE); i++)
		if (is_name_shared(image, TREE[i]))
			journal->exceptions |= EXCEPTION_SHARED;
}

/* ---- the keys ------------------------------------------------------------------------------------------- */

/* Overwritten and read back in one go: as long as that is not proven this fails, and is done again. */
enum bl_status step_keys(struct shred *shred, struct bl_error *why)
{
	struct journal *journal = &shred->journal;
	enum bl_status status = vault_device_destroy(device_store_vault(shred->context->store),
						     shred->device.id, &journal->proof, why);

	journal->has_proof = status == BL_OK;
	if (status == BL_OK && journal->proof != VAULT_PROOF_RAW)
		journal->exceptions |= EXCEPTION_KEYS_CACHED;
	return status;
}

/* Does the vault itself still give any of them? */
enum bl_status step_keys_proven(struct shred *shred, struct bl_error *why)
{
	struct vault *vault = device_store_vault(shred->context->store);
	uint8_t key[VAULT_KEY];
	enum bl_status status = vault_image_root(vault, shred->device.id, key, NULL);

	sodium_memzero(key, sizeof(key));
	if (status != BL_NOT_FOUND || !shred->journal.has_proof)
		return bl_fail(why, BL_NOT_VERIFIED, "the keys of '%s' are still there",
			       shred->device.id);
	return BL_OK;
}

static bool count_key(void *context, const uint8_t key[VAULT_KEY])
{
	uint64_t *count = context;

	(void)key;
	*count += 1;
	return true;
}

enum bl_status step_try(struct shred *shred, struct bl_error *why)
{
	struct journal *journal = &shred->journal;
	struct vault *vault = device_store_vault(shred->context->store);
	enum bl_status status = sealed_try(shred->folder, shred->device.id, vault, why);

	if (status == BL_NOT_FOUND) {
		journal->exceptions |= EXCEPTION_MISSING;
		return BL_OK;
	}
	if (status != BL_OK)
		return status;
	journal->keys_tried = 0;
	vault_each_key(vault, count_key, &journal->keys_tried);
	journal->was_tried = true;
	return BL_OK;
}

/* ---- what they opened ----------------------------------------------------------------------------------- */

enum bl_status step_wipe(struct shred *shred, struct bl_error *why)
{
	struct journal *journal = &shred->journal;
	struct sealed_wiped wiped = {.bytes = 0};
	enum bl_status status = sealed_wipe(shred->folder, &wiped, why);

	if (status != BL_OK && status != BL_NOT_FOUND)
		return status;
	journal->wiped_bytes = wiped.bytes;
	journal->wiped_raw = wiped.bytes_raw;
	journal->was_punched = wiped.was_punched && wiped.data_bytes;
	if (!wiped.bytes)
		journal->exceptions |= EXCEPTION_MISSING;
	if (wiped.bytes_raw < wiped.bytes)
		journal->exceptions |= EXCEPTION_TREE_NOT_RAW;
	return BL_OK;
}

enum bl_status step_unlink_sealed(struct shred *shred, struct bl_error *why)
{
	return sealed_remove(shred->folder, why);
}
