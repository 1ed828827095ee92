#include "fs/vault/lock.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define AD_LABEL "bailee lock" /* with its NUL */
#define AD_SIZE	 (sizeof(AD_LABEL) + LOCK_ID + 32 + VAULT_CREDENTIAL)

_Static_assert(LOCK_SEALED == VAULT_KEY + crypto_aead_xchacha20poly1305_ietf_ABYTES, "of a format");
_Static_assert(LOCK_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "of a format");
_Static_assert(LOCK_SALT == crypto_pwhash_SALTBYTES, "of a format");

static const struct {
	const char *name, *locked_by;
} KINDS[] = {
	[VAULT_LOCK_NONE] = {"none", "nothing (leave the secret out)"},
	[VAULT_LOCK_PASSPHRASE] = {"passphrase",
				   "a passphrase (give it: --passphrase-file FILE, or "
				   "at the terminal)"},
	[VAULT_LOCK_KEY_FILE] = {"key file", "a key file (--key-file FILE)"},
	[VAULT_LOCK_CREDENTIAL] = {"credential", NULL},
};

const char *vault_lock_name(enum vault_lock_kind kind)
{
	return kind >= VAULT_LOCK_NONE && kind <= VAULT_LOCK_CREDENTIAL ? KINDS[kind].name
									: "unknown";
}

/* ---- as bytes ----------------------------------------------------------------------------------- */

void lock_encode(const struct lock *lock, uint8_t out[LOCK_SIZE])
{
	memset(out, 0, LOCK_SIZE);
	bl_put32(out, (uint32_t)lock->kind);
	bl_put32(out + 4, lock->passes);
	bl_put64(out + 8, lock->memory);
	memcpy(out + 16, lock->salt, LOCK_SALT);
	memcpy(out + 32, lock->nonce, LOCK_NONCE);
	memcpy(out + 56, lock->sealed, LOCK_SEALED);
	memcpy(out + 104, lock->name, strnlen(lock->name, VAULT_CREDENTIAL));
}

static bool is_credential_name(const char name[VAULT_CREDENTIAL])
{
	static const char GOOD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789._-";
	size_t length = strnlen(name, VAULT_CREDENTIAL);

	return length > 0 && length < VAULT_CREDENTIAL && strspn(name, GOOD) == length;
}

static bool is_cost_good(const struct lock *lock)
{
	if (lock->kind != VAULT_LOCK_PASSPHRASE)
		return lock->passes == 0 && lock->memory == 0;
	return lock->passes >= 1 && lock->passes <= LOCK_PASSES_MOST && lock->memory % 1024 == 0 &&
	       lock->memory >= LOCK_MEMORY_LEAST && lock->memory <= LOCK_MEMORY_MOST;
}

bool lock_decode(const uint8_t bytes[LOCK_SIZE], struct lock *out_lock)
{
	uint32_t kind = bl_get32(bytes);
	uint8_t again[LOCK_SIZE];

	memset(out_lock, 0, sizeof(*out_lock));
	if (kind < VAULT_LOCK_NONE || kind > VAULT_LOCK_CREDENTIAL)
		return false;
	out_lock->kind = (enum vault_lock_kind)kind;
	out_lock->passes = bl_get32(bytes + 4);
	out_lock->memory = bl_get64(bytes + 8);
	memcpy(out_lock->salt, bytes + 16, LOCK_SALT);
	memcpy(out_lock->nonce, bytes + 32, LOCK_NONCE);
	memcpy(out_lock->sealed, bytes + 56, LOCK_SEALED);
	memcpy(out_lock->name, bytes + 104, VAULT_CREDENTIAL);
	if (!is_cost_good(out_lock) ||
	    (kind == VAULT_LOCK_CREDENTIAL ? !is_credential_name(out_lock->name)
					   : out_lock->name[0] != '\0'))
		return false;
	lock_encode(out_lock, again);
	return memcmp(again, bytes, LOCK_SIZE) == 0;
}

/* ---- secrets ------------------------------------------------------------------------------------ */

/* RFC 3629: shortest form, no surrogates, up to U+10FFFF. */
static size_t utf8_length(const uint8_t *at, size_t left)
{
	static const struct {
		uint8_t mask, lead, more;
		uint32_t least;
	} FORMS[] = {{0x80, 0x00, 0, 0x00},
		     {0xe0, 0xc0, 1, 0x80},
		     {0xf0, 0xe0, 2, 0x800},
		     {0xf8, 0xf0, 3, 0x10000}};

	for (size_t i = 0; i < BL_COUNT(FORMS); i++) {
		uint32_t point = at[0] & (uint8_t)~FORMS[i].mask;

		if ((at[0] & FORMS[i].mask) != FORMS[i].lead || left <= FORMS[i].more)
			continue;
		for (size_t more = 1; more <= FORMS[i].more; more++) {
			if ((at[more] & 0xc0) != 0x80)
				return 0;
			point = point << 6 | (at[more] & 0x3f);
		}
		if (point < FORMS[i].least || point > 0x10ffff || (point & 0x1ff800) == 0xd800)
			return 0;
		return 1u + FORMS[i].more;
	}
	return 0;
}

static enum bl_status check_passphrase(const struct vault_secret *secret, struct bl_error *why)
{
	if (!secret->secret || secret->length < VAULT_PASSPHRASE_LEAST ||
	    secret->length > VAULT_PASSPHRASE_MOST)
		return bl_fail(why, BL_INVALID, "a passphrase is %d to %d bytes long",
			       VAULT_PASSPHRASE_LEAST, VAULT_PASSPHRASE_MOST);
	for (size_t at = 0; at < secret->length;) {
		size_t length = utf8_length(secret->secret + at, secret->length - at);

		if (!length || secret->secret[at] == '\n' || secret->secret[at] == '\0')
			return bl_fail(why, BL_INVALID,
				       "the passphrase is not one line of text (use UTF-8, or a "
				       "key file for other bytes)");
		at += length;
	}
	return BL_OK;
}

enum bl_status lock_check_secret(const struct vault_secret *secret, struct bl_error *why)
{
	if (secret->kind == VAULT_LOCK_NONE)
		return BL_OK;
	if (secret->kind == VAULT_LOCK_PASSPHRASE)
		return check_passphrase(secret, why);
	if (secret->kind != VAULT_LOCK_KEY_FILE && secret->kind != VAULT_LOCK_CREDENTIAL)
		return bl_fail(why, BL_INVALID, "that is no kind of lock");
	if (!secret->secret || secret->length < VAULT_KEY_FILE_LEAST ||
	    secret->length > VAULT_SECRET_MOST)
		return bl_fail(
			why, BL_INVALID,
			"a %s holds %d to %d bytes (make one with 'head -c 32 /dev/urandom')",
			KINDS[secret->kind].name, VAULT_KEY_FILE_LEAST, VAULT_SECRET_MOST);
	if (secret->kind == VAULT_LOCK_CREDENTIAL && !is_credential_name(secret->credential))
		return bl_fail(why, BL_INVALID,
			       "a credential's name is 1 to 63 letters, digits, '.', '_' and '-'");
	return BL_OK;
}

static enum bl_status stretch(const struct lock *lock, const struct vault_secret *secret,
			      uint8_t out_key[VAULT_KEY], struct bl_error *why)
{
	if (crypto_pwhash(out_key, VAULT_KEY, (const char *)secret->secret, secret->length,
			  lock->salt, lock->passes, (size_t)lock->memory,
			  crypto_pwhash_ALG_ARGON2ID13) == 0)
		return BL_OK;
	return bl_fail(why, BL_NO_MEMORY,
		       "not enough memory for the passphrase: it takes %llu MiB for a moment",
		       (unsigned long long)(lock->memory >> 20));
}

/* The key that wraps the KEK. The lock was checked: Argon2id is only asked for what we ever give it. */
static enum bl_status wrapping_key(const struct lock *lock, const struct vault_secret *secret,
				   uint8_t out_key[VAULT_KEY], struct bl_error *why)
{
	static const char NO_LOCK[] = "bailee no lock", KEY_FILE[] = "bailee key file";
	bool has_secret = lock->kind != VAULT_LOCK_NONE;
	uint8_t salt[VAULT_KEY] = {0};
	crypto_generichash_state state;

	if (lock->kind == VAULT_LOCK_PASSPHRASE)
		return stretch(lock, secret, out_key, why);
	memcpy(salt, lock->salt, LOCK_SALT);
	crypto_generichash_init(&state, salt, sizeof(salt), VAULT_KEY);
	if (has_secret) {
		crypto_generichash_update(&state, (const uint8_t *)KEY_FILE, sizeof(KEY_FILE));
		crypto_generichash_update(&state, secret->secret, secret->length);
	} else {
		crypto_generichash_update(&state, (const uint8_t *)NO_LOCK, sizeof(NO_LOCK) - 1);
	}
	crypto_generichash_final(&state, out_key, VAULT_KEY);
	sodium_memzero(&state, sizeof(state));
	return BL_OK;
}

static void associated(const struct lock *lock, const uint8_t vault_id[LOCK_ID],
		       uint8_t out[AD_SIZE])
{
	uint8_t bytes[LOCK_SIZE], *at = out;

	lock_encode(lock, bytes);
	memcpy(at, AD_LABEL, sizeof(AD_LABEL));
	at += sizeof(AD_LABEL);
	memcpy(at, vault_id, LOCK_ID);
	at += LOCK_ID;
	memcpy(at, bytes, 32);
	memcpy(at + 32, bytes + 104, VAULT_CREDENTIAL);
}

enum bl_status lock_make(const struct vault_secret *secret, const struct lock_cost *cost,
			 const uint8_t vault_id[LOCK_ID], const uint8_t kek[VAULT_KEY],
			 struct lock *out_lock, struct bl_error *why)
{
	uint8_t key[VAULT_KEY], ad[AD_SIZE];
	enum bl_status status = lock_check_secret(secret, why);

	if (status != BL_OK)
		return status;
	memset(out_lock, 0, sizeof(*out_lock));
	out_lock->kind = secret->kind;
	if (secret->kind == VAULT_LOCK_PASSPHRASE) {
		out_lock->passes = cost->passes;
		out_lock->memory = cost->memory;
	}
	if (secret->kind == VAULT_LOCK_CREDENTIAL)
		memcpy(out_lock->name, secret->credential, sizeof(out_lock->name));
	randombytes_buf(out_lock->salt, LOCK_SALT);
	randombytes_buf(out_lock->nonce, LOCK_NONCE);
	status = wrapping_key(out_lock, secret, key, why);
	if (status != BL_OK)
		return status;
	associated(out_lock, vault_id, ad);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out_lock->sealed, NULL, kek, VAULT_KEY, ad,
						   sizeof(ad), NULL, out_lock->nonce, key);
	sodium_memzero(key, sizeof(key));
	return BL_OK;
}

enum bl_status lock_open(const struct lock *lock, const struct vault_secret *secret,
			 const uint8_t vault_id[LOCK_ID], uint8_t out_kek[VAULT_KEY],
			 struct bl_error *why)
{
	uint8_t key[VAULT_KEY], ad[AD_SIZE];
	enum bl_status status = wrapping_key(lock, secret, key, why);

	if (status != BL_OK)
		return status;
	associated(lock, vault_id, ad);

	int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
		out_kek, NULL, NULL, lock->sealed, LOCK_SEALED, ad, sizeof(ad), lock->nonce, key);

	sodium_memzero(key, sizeof(key));
	return opened == 0 ? BL_OK : bl_fail(why, BL_FORBIDDEN, "that secret opens no lock");
}

/* ---- what to say -------------------------------------------------------------------------------- */

static size_t append_lock(const struct lock *lock, char *out, size_t room)
{
	int length =
		lock->kind == VAULT_LOCK_CREDENTIAL
			? snprintf(out, room,
				   "credential '%s' (--credential %s, LoadCredential= in the unit)",
				   lock->name, lock->name)
			: snprintf(out, room, "%s", KINDS[lock->kind].locked_by);

	return BL_MIN((size_t)length, room - 1);
}

enum bl_status lock_refusal(const struct lock *locks, size_t count, bool was_given,
			    struct bl_error *why)
{
	char text[440] = "";
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (i && sizeof(text) - used > 5)
			used += (size_t)snprintf(text + used, sizeof(text) - used, " or ");
		used += append_lock(&locks[i], text + used, sizeof(text) - used);
	}
	return bl_fail(why, BL_FORBIDDEN, "%sthe store is locked by %s",
		       was_given ? "no secret that was given opens it: " : "", text);
}
