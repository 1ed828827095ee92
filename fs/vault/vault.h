/* vault.h - the store's keys: one 0600 file, sealed by locks, one slot per device, destroyed in place
 *
 * Format: docs/format-keys.md (BKEYS1, version 2). Keys live in guarded memory (vault_guarded) from open to close. Sealed images: sealed.h.
 */
#ifndef FS_VAULT_VAULT_H
#define FS_VAULT_VAULT_H

#include "policy/base.h"
#include "policy/words.h"

#define VAULT_KEY	    32 /* every symmetric key */
#define VAULT_PUBLIC_KEY    32 /* Ed25519 (RFC 8032) */
#define VAULT_SIGNATURE	    64
#define VAULT_SEAL_OVERHEAD 40 /* 24 B nonce in front, 16 B tag behind (XChaCha20-Poly1305-IETF) */
#define VAULT_LOCKS	    4

struct vault;

enum vault_lock_kind {
	VAULT_LOCK_NONE = 1, /* whoever has the file has the keys */
	VAULT_LOCK_PASSPHRASE,
	VAULT_LOCK_KEY_FILE,
	VAULT_LOCK_CREDENTIAL, /* handed over by systemd: a key file by another way */
};
const char *vault_lock_name(enum vault_lock_kind kind); /* "passphrase"; static */

#define VAULT_CREDENTIAL       64 /* a credential's name with NUL: [A-Za-z0-9._-]+ */
#define VAULT_SECRET_MOST      4096
#define VAULT_PASSPHRASE_LEAST 8
#define VAULT_PASSPHRASE_MOST  1024
#define VAULT_KEY_FILE_LEAST   32

/* What opens one lock. @secret in memory of the caller's that it wipes: vault_guarded. */
struct vault_secret {
	enum vault_lock_kind kind;
	const uint8_t *
		secret; /* passphrase (no newline), or the bytes of the file; NULL with VAULT_LOCK_NONE */
	size_t length;
	char credential[VAULT_CREDENTIAL]; /* VAULT_LOCK_CREDENTIAL: its name, kept in the lock */
};

/*
 * vault_create - make the key file "keys" (0600) in an empty folder, durable on return
 * vault_open   - read it; refuses a file that others may read, or that is not ours or of another version
 *
 * @keys_fd  directory descriptor of the folder the file lies in (the store, or what its keys.at names), borrowed for the vault's life
 * @secrets  create: one for each lock, up to VAULT_LOCKS; none makes a lock NONE. open: those that are at hand, tried in order against every lock of their
 *           kind; none and a lock NONE is there: opened by it
 *
 * BL_OK, BL_EXISTS (create), BL_NOT_FOUND (open), BL_INVALID (foreign, other version, readable by others, a secret too short or
 * too long), BL_FORBIDDEN (open: no secret opens it; says which kinds of lock there are and how to give one), BL_TAMPERED (checksum), BL_IO,
 * BL_NO_MEMORY (also: not enough for Argon2id).
 */
enum bl_status vault_create(int keys_fd, const struct vault_secret *secrets, size_t secret_count,
			    struct vault **out_vault, struct bl_error *why) BL_MUST_CHECK;
enum bl_status vault_open(int keys_fd, const struct vault_secret *secrets, size_t secret_count,
			  struct vault **out_vault, struct bl_error *why) BL_MUST_CHECK;
void vault_close(struct vault *vault);
BL_DEFINE_CLEANUP(struct vault, vault_close)

/* vault_locks - the kinds of lock of a key file, without opening it (doctor, asking for a passphrase) */
struct vault_locks {
	size_t count;
	enum vault_lock_kind kinds[VAULT_LOCKS];
	char credentials[VAULT_LOCKS][VAULT_CREDENTIAL];
};
enum bl_status vault_locks(int keys_fd, struct vault_locks *out_locks,
			   struct bl_error *why) BL_MUST_CHECK;

/* vault_check - the file without its secrets (doctor): how many pages of copies are damaged or differ. Statuses as open. */
struct vault_health {
	size_t slots_live, slots_tombstone,
		copies_bad; /* copies_bad: header or slot copies that are not as their twin */
};
enum bl_status vault_check(int keys_fd, struct vault_health *out_health,
			   struct bl_error *why) BL_MUST_CHECK;

/*
 * vault_guarded - guarded memory for keys and plaintext: sodium_malloc's (wiped by sodium_free, in no core), and locked indeed
 *
 * NULL: not to be had; most often the limit of locked memory forbids it (raise LimitMEMLOCK, or ulimit -l). Any thread.
 */
void *vault_guarded(size_t count, size_t bytes);

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
	VAULT_SPANS, /* where in its files something was found, and who is known on it (docs/format-spans.md) */
};

/* How far down a read-back went; the best that was to be had. */
enum vault_proof {
	VAULT_PROOF_CACHED, /* the pages were dropped from the cache first */
	VAULT_PROOF_DIRECT, /* O_DIRECT, through the filesystem */
	VAULT_PROOF_RAW,    /* from the block device below the filesystem */
};

/*
 * vault_device_add     - give a device fresh roots (its own and its image's); durable on return. BL_EXISTS when it has some
 * vault_device_key     - derive one of its keys into @out_key (caller wipes it). BL_NOT_FOUND when it has none:
 *                        never had, or destroyed
 * vault_device_destroy - overwrite both copies in place (random, then tombstones), and read them back; idempotent (BL_OK when
 *                        destroyed already, proven again). BL_IO: not proven, call again
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
/* vault_image_root - RK of a device's sealed image; the caller wipes it (keep it in vault_guarded memory) */
enum bl_status vault_image_root(struct vault *vault, const char *id, uint8_t out_root[VAULT_KEY],
				struct bl_error *why) BL_MUST_CHECK;
/* vault_image_root_set - a new RK in place of the old one, both copies, durable: the commit of a part's destruction.
 * @out_proof as of destroy: both copies were read back and hold the new page. After BL_IO either may be in force after a restart. */
enum bl_status vault_image_root_set(struct vault *vault, const char *id,
				    const uint8_t root[VAULT_KEY], enum vault_proof *out_proof,
				    struct bl_error *why) BL_MUST_CHECK;
/*
 * vault_each_key - every 32-byte key that can still be reached: of every live slot both roots and the derived keys, the store
 * master key, the seed, the KEK. For proving that none of them opens what was destroyed. @tell false: stop. Borrowed, never kept.
 */
void vault_each_key(struct vault *vault, bool (*tell)(void *context, const uint8_t key[VAULT_KEY]),
		    void *context);
/* vault_store_key - the store's own, for what is of no device; never destroyed while the store lives. The caller wipes it. */
void vault_store_key(const struct vault *vault, enum vault_purpose purpose,
		     uint8_t out_key[VAULT_KEY]);
enum bl_status vault_device_destroy(struct vault *vault, const char *id,
				    enum vault_proof *out_proof,
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
