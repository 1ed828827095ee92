/* vault.h - the store's keys: one 0600 file, one key tree per device, destroyed in place
 *
 * First light keeps keys and small sealed records; sealed images come with BVAULT1. Format:
 * docs/format-keys.md. Keys live in sodium_malloc memory from open to close.
 */
#ifndef FS_VAULT_VAULT_H
#define FS_VAULT_VAULT_H

#include "policy/base.h"
#include "policy/words.h"

#define VAULT_KEY	    32 /* every symmetric key */
#define VAULT_PUBLIC_KEY    32 /* Ed25519 (RFC 8032) */
#define VAULT_SIGNATURE	    64
#define VAULT_SEAL_OVERHEAD 40 /* 24 B nonce in front, 16 B tag behind (XChaCha20-Poly1305-IETF) */

struct vault;

/*
 * vault_create - make the key file "keys" (0600) in an empty store, durable on return
 * vault_open   - read it; refuses a file that others may read, or that is not ours or newer
 *
 * @store_fd  directory descriptor, borrowed for the vault's life
 *
 * BL_OK, BL_EXISTS (create), BL_NOT_FOUND (open), BL_INVALID (foreign, newer, or readable by others),
 * BL_TAMPERED (checksum), BL_IO, BL_NO_MEMORY.
 */
enum bl_status vault_create(int store_fd, struct vault **out_vault,
			    struct bl_error *why) BL_MUST_CHECK;
enum bl_status vault_open(int store_fd, struct vault **out_vault,
			  struct bl_error *why) BL_MUST_CHECK;
void vault_close(struct vault *vault);
BL_DEFINE_CLEANUP(struct vault, vault_close)

/* Signing (Ed25519): checkpoints, certificates. */
const uint8_t *vault_public_key(const struct vault *vault); /* VAULT_PUBLIC_KEY bytes */
void vault_sign(const struct vault *vault, const void *message, size_t length,
		uint8_t out_signature[VAULT_SIGNATURE]);
bool vault_signature_ok(const uint8_t public_key[VAULT_PUBLIC_KEY], const void *message,
			size_t length, const uint8_t signature[VAULT_SIGNATURE]);

/* What a device's key is used for; each is derived from the device's root key. */
enum vault_purpose {
	VAULT_LOG_NAMES, /* LN: path tokens and NAME records */
	VAULT_RECORD,	 /* the customer's part of the record */
	VAULT_MASK,	 /* tokens and name marks in masked views */
};

/*
 * vault_device_add     - give a device a fresh root key; durable on return. BL_EXISTS when it has one
 * vault_device_key     - derive one of its keys into @out_key (caller wipes it). BL_NOT_FOUND when it has none:
 *                        never had, or destroyed
 * vault_device_destroy - overwrite the root key in place in both slots, sync, read back through O_DIRECT where
 *                        the filesystem can; idempotent (BL_OK when destroyed already). @out_was_raw: whether the
 *                        read-back went below the page cache. BL_IO: not proven, call again
 *
 * add and destroy also: BL_INVALID (no device id), BL_LOCKED (another process opened the keys first: it alone may change
 * them), BL_IO. destroy: BL_NOT_FOUND when the device never had a key. A destroyed id may be added again.
 *
 * Any thread; one lock inside.
 */
enum bl_status vault_device_add(struct vault *vault, const char *id,
				struct bl_error *why) BL_MUST_CHECK;
enum bl_status vault_device_key(struct vault *vault, const char *id, enum vault_purpose purpose,
				uint8_t out_key[VAULT_KEY], struct bl_error *why) BL_MUST_CHECK;
/* vault_store_key - the store's own, for what is of no device; never destroyed while the store lives. The caller wipes it. */
void vault_store_key(const struct vault *vault, enum vault_purpose purpose,
		     uint8_t out_key[VAULT_KEY]);
enum bl_status vault_device_destroy(struct vault *vault, const char *id, bool *out_was_raw,
				    struct bl_error *why) BL_MUST_CHECK;

/*
 * vault_seal / vault_unseal - small things at rest, bound to what they are (@label, as associated data)
 *
 * seal:   @out is length + VAULT_SEAL_OVERHEAD bytes
 * unseal: @out is length - VAULT_SEAL_OVERHEAD bytes; zeroed on failure. BL_TAMPERED, BL_INVALID (too short)
 */
enum bl_status vault_seal(const uint8_t key[VAULT_KEY], const char *label, const uint8_t *plain,
			  size_t length, uint8_t *out) BL_MUST_CHECK;
enum bl_status vault_unseal(const uint8_t key[VAULT_KEY], const char *label, const uint8_t *sealed,
			    size_t length, uint8_t *out, struct bl_error *why) BL_MUST_CHECK;

#endif
