#include "fs/vault/sealed-format.h"

#include <assert.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#define NONCE_MOST crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define LABEL	   "bailee chunk" /* with its NUL */
#define BOUND	   (sizeof(LABEL) + SEALED_ID + 32 + 8 + 8 + 4 + 4)

_Static_assert(crypto_aead_aes256gcm_KEYBYTES == VAULT_KEY, "key");
_Static_assert(crypto_aead_aes256gcm_ABYTES == SEALED_TAG, "tag");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == VAULT_KEY, "key");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == SEALED_TAG, "tag");

/* What the cipher takes for one chunk. */
struct use {
	uint8_t key[VAULT_KEY];
	uint8_t nonce[NONCE_MOST];
	uint8_t bound[BOUND];
};

const char *sealed_algorithm_name(enum sealed_algorithm algorithm)
{
	return algorithm == SEALED_AES256_GCM ? "AES-256-GCM" : "XChaCha20-Poly1305";
}

enum sealed_algorithm sealed_algorithm_here(void)
{
	return sodium_init() >= 0 && crypto_aead_aes256gcm_is_available() ? SEALED_AES256_GCM
									  : SEALED_XCHACHA20;
}

void sealed_derive(const uint8_t key[VAULT_KEY], const char *purpose, const void *rest,
		   size_t length, uint8_t out[VAULT_KEY])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, key, VAULT_KEY, VAULT_KEY);
	crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
	crypto_generichash_update(&state, rest, length);
	crypto_generichash_final(&state, out, VAULT_KEY);
	sodium_memzero(&state, sizeof(state));
}

void sealed_names_of(const struct sealed_header *header, struct sealed_names *out_names)
{
	memset(out_names, 0, sizeof(*out_names));
	memcpy(out_names->vault_id, header->vault_id, SEALED_ID);
	memcpy(out_names->device, header->device, strnlen(header->device, BL_DEVICE_ID_SIZE - 1));
	out_names->algorithm = header->algorithm;
}

void chunk_index_encode(const struct chunk_index *entry, uint8_t out[SEALED_INDEX_ENTRY])
{
	memset(out, 0, SEALED_INDEX_ENTRY);
	if (entry->generation == 0)
		return;
	bl_put64(out, entry->generation);
	memcpy(out + 8, entry->tag, SEALED_TAG);
}

bool chunk_index_decode(const uint8_t bytes[SEALED_INDEX_ENTRY], struct chunk_index *out_entry)
{
	out_entry->generation = bl_get64(bytes);
	memcpy(out_entry->tag, bytes + 8, SEALED_TAG);
	return sodium_is_zero(bytes + 24, 8) &&
	       (out_entry->generation != 0 || sodium_is_zero(bytes, SEALED_INDEX_ENTRY));
}

static void prepare(const struct sealed_names *names, const uint8_t group_key[VAULT_KEY],
		    uint64_t chunk, uint64_t generation, uint32_t length, struct use *use)
{
	uint8_t *at = use->bound, number[8];

	bl_put64(number, chunk);
	sealed_derive(group_key, "bailee chunk", number, sizeof(number), use->key);
	memset(use->nonce, 0, sizeof(use->nonce));
	bl_put64(use->nonce, generation);
	if (names->algorithm == SEALED_AES256_GCM)
		bl_put32(use->nonce + 8, (uint32_t)chunk);
	else
		bl_put64(use->nonce + 8, chunk);

	memcpy(at, LABEL, sizeof(LABEL));
	at += sizeof(LABEL);
	memcpy(at, names->vault_id, SEALED_ID);
	memcpy(at + SEALED_ID, names->device, sizeof(names->device));
	at += SEALED_ID + sizeof(names->device);
	bl_put64(at, chunk);
	bl_put64(at + 8, generation);
	bl_put32(at + 16, (uint32_t)names->algorithm);
	bl_put32(at + 20, length);
}

/* libsodium's one-call form leaves the key schedule on the stack: ours is wiped. */
static void seal_aes_slowly(const struct use *use, const uint8_t *plain, uint8_t *out, uint8_t *tag)
{
	crypto_aead_aes256gcm_state schedule;

	crypto_aead_aes256gcm_beforenm(&schedule, use->key);
	crypto_aead_aes256gcm_encrypt_detached_afternm(out, tag, NULL, plain, SEALED_CHUNK,
						       use->bound, sizeof(use->bound), NULL,
						       use->nonce, &schedule);
	sodium_memzero(&schedule, sizeof(schedule));
}

static int open_aes_slowly(const struct use *use, const uint8_t *tag, uint8_t *bytes)
{
	crypto_aead_aes256gcm_state schedule;

	crypto_aead_aes256gcm_beforenm(&schedule, use->key);

	int result = crypto_aead_aes256gcm_decrypt_detached_afternm(
		bytes, NULL, bytes, SEALED_CHUNK, tag, use->bound, sizeof(use->bound), use->nonce,
		&schedule);

	sodium_memzero(&schedule, sizeof(schedule));
	return result;
}

/*
 * libcrypto's AES-256-GCM takes two thirds of the time of libsodium's to seal and little more than half to open (measured on a host
 * with AVX-512); it wipes what it allocates for it. NULL: it cannot be had (no memory, a configuration without it).
 */
static EVP_CIPHER_CTX *begin_aes(const struct use *use, bool is_sealing)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int length;

	if (context &&
	    EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, use->key, use->nonce, is_sealing) ==
		    1 &&
	    EVP_CipherUpdate(context, NULL, &length, use->bound, sizeof(use->bound)) == 1)
		return context;
	EVP_CIPHER_CTX_free(context);
	return NULL;
}

/* What needs memory was done by begin_aes: from there on sealing fails by a bug only, and its plaintext may be gone. */
static void seal_aes(const struct use *use, const uint8_t *plain, uint8_t *out, uint8_t *tag)
{
	EVP_CIPHER_CTX *context = begin_aes(use, true);
	int length, rest;

	if (!context) {
		seal_aes_slowly(use, plain, out, tag);
		return;
	}

	bool is_sealed = EVP_CipherUpdate(context, out, &length, plain, SEALED_CHUNK) == 1 &&
			 EVP_CipherFinal_ex(context, out + length, &rest) == 1 &&
			 EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, SEALED_TAG, tag) == 1;

	assert(is_sealed && length + rest == SEALED_CHUNK);
	EVP_CIPHER_CTX_free(context);
}

static int open_aes(const struct use *use, const uint8_t *tag, uint8_t *bytes)
{
	EVP_CIPHER_CTX *context = begin_aes(use, false);
	uint8_t wanted[SEALED_TAG];
	int length, rest;

	if (!context)
		return open_aes_slowly(use, tag, bytes);
	memcpy(wanted, tag, sizeof(wanted));

	bool is_right =
		EVP_CipherUpdate(context, bytes, &length, bytes, SEALED_CHUNK) == 1 &&
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, SEALED_TAG, wanted) == 1 &&
		EVP_CipherFinal_ex(context, bytes + length, &rest) == 1;

	EVP_CIPHER_CTX_free(context);
	return is_right ? 0 : -1;
}

void chunk_seal_to(const struct sealed_names *names, const uint8_t group_key[VAULT_KEY],
		   uint64_t chunk, uint64_t generation, uint32_t length, const uint8_t *plain,
		   uint8_t *out, uint8_t out_tag[SEALED_TAG])
{
	struct use use;

	prepare(names, group_key, chunk, generation, length, &use);
	if (names->algorithm == SEALED_AES256_GCM)
		seal_aes(&use, plain, out, out_tag);
	else
		crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
			out, out_tag, NULL, plain, SEALED_CHUNK, use.bound, sizeof(use.bound), NULL,
			use.nonce, use.key);
	sodium_memzero(&use, sizeof(use));
}

void chunk_seal(const struct sealed_names *names, const uint8_t group_key[VAULT_KEY],
		uint64_t chunk, uint64_t generation, uint32_t length, uint8_t *bytes,
		uint8_t out_tag[SEALED_TAG])
{
	chunk_seal_to(names, group_key, chunk, generation, length, bytes, bytes, out_tag);
}

enum bl_status chunk_open(const struct sealed_names *names, const uint8_t group_key[VAULT_KEY],
			  uint64_t chunk, const struct chunk_index *entry, uint32_t length,
			  uint8_t *bytes)
{
	struct use use;
	int result;

	prepare(names, group_key, chunk, entry->generation, length, &use);
	if (names->algorithm == SEALED_AES256_GCM)
		result = open_aes(&use, entry->tag, bytes);
	else
		result = crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
			bytes, NULL, bytes, SEALED_CHUNK, entry->tag, use.bound, sizeof(use.bound),
			use.nonce, use.key);
	sodium_memzero(&use, sizeof(use));
	if (result == 0)
		return BL_OK;
	sodium_memzero(bytes, SEALED_CHUNK);
	return BL_TAMPERED;
}

bool chunk_is_zero(const uint8_t *bytes, size_t length)
{
	size_t head = BL_MIN(length, (size_t)16);

	/* Zero at the front and each byte as the one 16 before it: memcmp does it by vectors. */
	return sodium_is_zero(bytes, head) &&
	       (length <= 16 || memcmp(bytes, bytes + 16, length - 16) == 0);
}
