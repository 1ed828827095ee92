#include "fs/audit/signed.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define DASH   "\xe2\x80\x94" /* the em dash of C2SP signed-note */
#define BASE64 sodium_base64_VARIANT_ORIGINAL

/* Ties the signature to name and key: a checkpoint's never stands for a tombstone's, and a verifier may hold several keys. */
static void key_id(const char *name, const uint8_t public_key[VAULT_PUBLIC_KEY], uint8_t out[4])
{
	static const uint8_t BETWEEN[2] = {'\n', 1};
	uint8_t sum[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)name, strlen(name));
	crypto_hash_sha256_update(&state, BETWEEN, sizeof(BETWEEN));
	crypto_hash_sha256_update(&state, public_key, VAULT_PUBLIC_KEY);
	crypto_hash_sha256_final(&state, sum);
	memcpy(out, sum, 4);
}

static void put_signature(const char *name, const uint8_t signature[4 + VAULT_SIGNATURE], char *at)
{
	char base64[SIGNED_SIGNATURE + 1];

	sodium_bin2base64(base64, sizeof(base64), signature, 4 + VAULT_SIGNATURE, BASE64);
	sprintf(at, "\n" DASH " %s %s\n", name, base64);
}

void signed_finish(const char *name, const struct vault *vault, char *note, size_t length)
{
	uint8_t signature[4 + VAULT_SIGNATURE];

	key_id(name, vault_public_key(vault), signature);
	vault_sign(vault, note, length, signature + 4);
	put_signature(name, signature, note + length);
}

/* libsodium 1.0.18 takes some bytes above 0x7f for '+' and '/': what was decoded is encoded again and compared. */
static bool take_base64(const char *chars, size_t count, uint8_t *out, size_t size)
{
	char again[SIGNED_SIGNATURE + 1];
	size_t got;

	if (sodium_base642bin(out, size, chars, count, NULL, &got, NULL, BASE64) != 0 ||
	    got != size)
		return false;
	sodium_bin2base64(again, sizeof(again), out, size, BASE64);
	return strlen(again) == count && memcmp(again, chars, count) == 0;
}

bool signed_ok(const char *name, const char *note, size_t length, size_t size,
	       const uint8_t public_key[VAULT_PUBLIC_KEY])
{
	uint8_t signature[4 + VAULT_SIGNATURE], id[4];
	char again[SIGNED_SIZE(0, 64) + 1];
	size_t behind = size - length;

	if (behind >= sizeof(again) || !take_base64(note + size - 1 - SIGNED_SIGNATURE,
						    SIGNED_SIGNATURE, signature, sizeof(signature)))
		return false;
	put_signature(name, signature, again);
	if (strlen(again) != behind || memcmp(again, note + length, behind) != 0)
		return false;
	if (!public_key)
		return true;
	key_id(name, public_key, id);
	return memcmp(id, signature, sizeof(id)) == 0 &&
	       vault_signature_ok(public_key, note, length, signature + 4);
}

bool signed_number(const char digits[SIGNED_DIGITS], uint64_t *out)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < SIGNED_DIGITS; i++) {
		if (digits[i] < '0' || digits[i] > '9' ||
		    __builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(digits[i] - '0'), &value))
			return false;
	}
	*out = value;
	return true;
}

bool signed_chain(const char chars[SIGNED_CHAIN], uint8_t out[AUDIT_DIGEST])
{
	return take_base64(chars, SIGNED_CHAIN, out, AUDIT_DIGEST);
}
