/* One chunk of a sealed image: bound to its place, its generation, its device and its length. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/vault/sealed-format.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const enum sealed_algorithm ALGORITHMS[] = {SEALED_AES256_GCM, SEALED_XCHACHA20};

static bool is_here(enum sealed_algorithm algorithm)
{
	return algorithm == SEALED_XCHACHA20 || sealed_algorithm_here() == SEALED_AES256_GCM;
}

static struct sealed_names some_names(enum sealed_algorithm algorithm)
{
	return (struct sealed_names){
		.vault_id = {1, 2, 3}, .device = "phone-1", .algorithm = algorithm};
}

static uint8_t *some_chunk(void)
{
	static const uint8_t SEED[randombytes_SEEDBYTES] = {7};
	uint8_t *bytes = aligned_alloc(4096, SEALED_CHUNK);

	assert_non_null(bytes);
	randombytes_buf_deterministic(bytes, SEALED_CHUNK, SEED);
	return bytes;
}

static void a_chunk_comes_back_as_it_was(void **state BL_UNUSED)
{
	static const uint8_t KEY[VAULT_KEY] = {9};

	for (size_t i = 0; i < BL_COUNT(ALGORITHMS); i++) {
		struct sealed_names names = some_names(ALGORITHMS[i]);
		struct chunk_index entry = {.generation = 5};
		uint8_t *bytes = some_chunk(), *as_was = some_chunk();

		if (is_here(ALGORITHMS[i])) {
			chunk_seal(&names, KEY, 77, 5, SEALED_CHUNK, bytes, entry.tag);
			assert_memory_not_equal(bytes, as_was, SEALED_CHUNK);
			assert_int_equal(chunk_open(&names, KEY, 77, &entry, SEALED_CHUNK, bytes),
					 BL_OK);
			assert_memory_equal(bytes, as_was, SEALED_CHUNK);
		}
		free(bytes);
		free(as_was);
	}
}

/* The bytes of the page, put together by hand. */
static void a_chunk_is_what_the_page_says(void **state BL_UNUSED)
{
	static const uint8_t KEY[VAULT_KEY] = {9};
	struct sealed_names names = some_names(SEALED_XCHACHA20);
	uint8_t text[13 + 8], key[32], bound[13 + 16 + 32 + 8 + 8 + 4 + 4] = {0}, nonce[24] = {0};
	uint8_t tag[SEALED_TAG], wanted_tag[SEALED_TAG];
	uint8_t *bytes = some_chunk(), *wanted = some_chunk();

	memcpy(text, "bailee chunk", 13);
	bl_put64(text + 13, 77);
	crypto_generichash(key, 32, text, sizeof(text), KEY, 32);
	bl_put64(nonce, 5);
	bl_put64(nonce + 8, 77);
	memcpy(bound, "bailee chunk", 13);
	memcpy(bound + 13, names.vault_id, 16);
	memcpy(bound + 29, "phone-1", 7);
	bl_put64(bound + 61, 77);
	bl_put64(bound + 69, 5);
	bl_put32(bound + 77, 2);
	bl_put32(bound + 81, 1000);
	crypto_aead_xchacha20poly1305_ietf_encrypt_detached(wanted, wanted_tag, NULL, wanted,
							    SEALED_CHUNK, bound, sizeof(bound),
							    NULL, nonce, key);
	chunk_seal(&names, KEY, 77, 5, 1000, bytes, tag);
	assert_memory_equal(tag, wanted_tag, SEALED_TAG);
	assert_memory_equal(bytes, wanted, SEALED_CHUNK);
	free(bytes);
	free(wanted);
}

/* What libcrypto seals libsodium opens, and the other way round: where the one cannot be had the other takes its place. */
static void either_library_seals_what_the_other_opens(void **state BL_UNUSED)
{
	static const uint8_t KEY[VAULT_KEY] = {9};
	static const char *const PROPERTIES[] = {"", "provider=none"};
	struct sealed_names names = some_names(SEALED_AES256_GCM);
	uint8_t *bytes = some_chunk(), *plain = some_chunk(), tags[2][SEALED_TAG];

	if (sealed_algorithm_here() != SEALED_AES256_GCM)
		skip();
	for (size_t i = 0; i < 2; i++) {
		struct chunk_index entry = {.generation = 5};

		assert_int_equal(EVP_set_default_properties(NULL, PROPERTIES[i]), 1);
		chunk_seal(&names, KEY, 77, 5, 1000, bytes, entry.tag);
		memcpy(tags[i], entry.tag, SEALED_TAG);
		assert_memory_not_equal(bytes, plain, SEALED_CHUNK);
		assert_int_equal(EVP_set_default_properties(NULL, PROPERTIES[1 - i]), 1);
		assert_int_equal(chunk_open(&names, KEY, 77, &entry, 1000, bytes), BL_OK);
		assert_memory_equal(bytes, plain, SEALED_CHUNK);
		entry.tag[0] ^= 1;
		assert_int_equal(chunk_open(&names, KEY, 77, &entry, 1000, bytes), BL_TAMPERED);
		assert_true(sodium_is_zero(bytes, SEALED_CHUNK));
		memcpy(bytes, plain, SEALED_CHUNK);
	}
	assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
	assert_memory_equal(tags[0], tags[1], SEALED_TAG);
	free(bytes);
	free(plain);
}

/* Each row changes one thing between sealing and opening. */
static const struct {
	const char *what;
	uint64_t chunk, generation;
	uint32_t length;
	unsigned vault, device, key, tag, bit; /* xored onto the first byte of each */
} CHANGES[] = {
	{.what = "place", .chunk = 1},
	{.what = "place beyond 32 bits", .chunk = UINT64_C(1) << 33},
	{.what = "generation", .generation = 1},
	{.what = "length", .length = 1},
	{.what = "vault", .vault = 1},
	{.what = "device", .device = 1},
	{.what = "key", .key = 1},
	{.what = "tag", .tag = 1},
	{.what = "ciphertext", .bit = 1},
};

static void open_changed(enum sealed_algorithm algorithm, size_t row)
{
	struct sealed_names names = some_names(algorithm);
	struct chunk_index entry = {.generation = 4};
	uint8_t key[VAULT_KEY] = {9}, *bytes = some_chunk();

	chunk_seal(&names, key, 64, 4, 4096, bytes, entry.tag);
	names.vault_id[0] ^= (uint8_t)CHANGES[row].vault;
	names.device[0] ^= (uint8_t)CHANGES[row].device;
	key[0] ^= (uint8_t)CHANGES[row].key;
	entry.tag[0] ^= (uint8_t)CHANGES[row].tag;
	bytes[0] ^= (uint8_t)CHANGES[row].bit;
	entry.generation ^= CHANGES[row].generation;

	enum bl_status status = chunk_open(&names, key, 64 ^ CHANGES[row].chunk, &entry,
					   4096 ^ CHANGES[row].length, bytes);

	if (status != BL_TAMPERED || !sodium_is_zero(bytes, SEALED_CHUNK))
		fail_msg("%s, %s: status %d, or something is left",
			 sealed_algorithm_name(algorithm), CHANGES[row].what, status);
	free(bytes);
}

static void a_changed_chunk_is_refused_and_gone(void **state BL_UNUSED)
{
	for (size_t i = 0; i < BL_COUNT(ALGORITHMS); i++)
		for (size_t row = 0; row < BL_COUNT(CHANGES) && is_here(ALGORITHMS[i]); row++)
			open_changed(ALGORITHMS[i], row);
}

static const struct {
	const char *what;
	size_t at;
	uint8_t value;
	bool is_ok;
} ENTRIES[] = {
	{"zeros", 0, 0, true},		 {"a generation", 0, 1, true},
	{"a tag alone", 8, 1, false},	 {"the tag's end alone", 23, 1, false},
	{"reserved", 24, 1, false},	 {"reserved's end", 31, 1, false},
	{"high generation", 7, 1, true},
};

static void an_index_entry_has_one_form(void **state BL_UNUSED)
{
	for (size_t i = 0; i < BL_COUNT(ENTRIES); i++) {
		uint8_t bytes[SEALED_INDEX_ENTRY] = {0}, again[SEALED_INDEX_ENTRY];
		struct chunk_index entry;

		bytes[ENTRIES[i].at] = ENTRIES[i].value;
		if (chunk_index_decode(bytes, &entry) != ENTRIES[i].is_ok)
			fail_msg("%s", ENTRIES[i].what);
		if (!ENTRIES[i].is_ok)
			continue;
		chunk_index_encode(&entry, again);
		assert_memory_equal(again, bytes, sizeof(bytes));
	}
}

static void one_bit_anywhere_is_not_zero(void **state BL_UNUSED)
{
	static const size_t PLACES[] = {0, 1, 15, 16, 17, 31, 32, 4095, 65519, 65520, 65535};
	uint8_t *bytes = calloc(1, SEALED_CHUNK);

	assert_non_null(bytes);
	assert_true(chunk_is_zero(bytes, SEALED_CHUNK));
	assert_true(chunk_is_zero(bytes, 0));
	for (size_t i = 0; i < BL_COUNT(PLACES); i++) {
		bytes[PLACES[i]] = 0x80;
		if (chunk_is_zero(bytes, SEALED_CHUNK) || chunk_is_zero(bytes, PLACES[i] + 1) ||
		    !chunk_is_zero(bytes, PLACES[i]))
			fail_msg("byte %zu", PLACES[i]);
		bytes[PLACES[i]] = 0;
	}
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chunk_comes_back_as_it_was),
		cmocka_unit_test(a_chunk_is_what_the_page_says),
		cmocka_unit_test(either_library_seals_what_the_other_opens),
		cmocka_unit_test(a_changed_chunk_is_refused_and_gone),
		cmocka_unit_test(an_index_entry_has_one_form),
		cmocka_unit_test(one_bit_anywhere_is_not_zero),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
