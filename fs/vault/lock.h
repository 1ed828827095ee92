/* lock.h - private to fs/vault: what wraps the key-encryption key (docs/format-keys.md, "A lock") */
#ifndef FS_VAULT_LOCK_H
#define FS_VAULT_LOCK_H

#include "fs/vault/vault.h"

#define LOCK_SIZE	  256
#define LOCK_SALT	  16
#define LOCK_NONCE	  24
#define LOCK_SEALED	  48
#define LOCK_PASSES	  3u
#define LOCK_MEMORY	  (UINT64_C(256) << 20)
#define LOCK_PASSES_MOST  16u
#define LOCK_MEMORY_LEAST UINT64_C(8192) /* libsodium's crypto_pwhash_argon2id_MEMLIMIT_MIN */
#define LOCK_MEMORY_MOST  (UINT64_C(4) << 30)
#define LOCK_ID		  16

struct lock {
	enum vault_lock_kind kind;
	uint32_t passes;
	uint64_t memory;
	uint8_t salt[LOCK_SALT], nonce[LOCK_NONCE], sealed[LOCK_SEALED];
	char name[VAULT_CREDENTIAL];
};

/* What a passphrase costs whoever guesses it; tests take less. */
struct lock_cost {
	uint32_t passes;
	uint64_t memory;
};

void lock_encode(const struct lock *lock, uint8_t out[LOCK_SIZE]);
/* lock_decode - false: no lock, or one that asks for more than Argon2id may ever be given */
bool lock_decode(const uint8_t bytes[LOCK_SIZE], struct lock *out_lock);

/* lock_check_secret - may it lock or open anything? BL_OK, BL_INVALID */
enum bl_status lock_check_secret(const struct vault_secret *secret,
				 struct bl_error *why) BL_MUST_CHECK;
/* lock_make - wrap the KEK for one secret; BL_OK, BL_INVALID, BL_NO_MEMORY */
enum bl_status lock_make(const struct vault_secret *secret, const struct lock_cost *cost,
			 const uint8_t vault_id[LOCK_ID], const uint8_t kek[VAULT_KEY],
			 struct lock *out_lock, struct bl_error *why) BL_MUST_CHECK;
/* lock_open - BL_OK, BL_FORBIDDEN (another secret), BL_NO_MEMORY */
enum bl_status lock_open(const struct lock *lock, const struct vault_secret *secret,
			 const uint8_t vault_id[LOCK_ID], uint8_t out_kek[VAULT_KEY],
			 struct bl_error *why) BL_MUST_CHECK;
/* lock_refusal - BL_FORBIDDEN: which locks there are and how a secret is given */
enum bl_status lock_refusal(const struct lock *locks, size_t count, bool was_given,
			    struct bl_error *why) BL_MUST_CHECK;

/* vault_create_at_cost - vault_create with another cost of passphrases */
enum bl_status vault_create_at_cost(int keys_fd, const struct vault_secret *secrets,
				    size_t secret_count, const struct lock_cost *cost,
				    struct vault **out_vault, struct bl_error *why) BL_MUST_CHECK;

#endif
