/* The key tree's entries and places. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/vault/sealed-format.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const struct {
	unsigned levels, level;
	uint64_t index;
	unsigned side;
	uint64_t place;
} PLACES[] = {
	{1, 0, 0, 0, 0},
	{1, 0, 0, 1, 4096},
	{2, 1, 0, 0, 0},
	{2, 0, 0, 0, 2 * 4096},
	{2, 0, 63, 1, (64 * 2 + 1) * 4096},
	{3, 0, 0, 0, (1 + 64) * 2 * 4096},
	{4, 0, 1, 1, ((1 + 64 + 4096 + 1) * 2 + 1) * UINT64_C(4096)},
	{5, 0, (1 << 24) - 1, 1, ((1 + 64 + 4096 + 262144 + 16777215) * UINT64_C(2) + 1) * 4096},
};

static void nodes_lie_where_the_page_says(void **state BL_UNUSED)
{
	for (size_t i = 0; i < BL_COUNT(PLACES); i++)
		if (tree_place(PLACES[i].levels, PLACES[i].level, PLACES[i].index,
			       PLACES[i].side) != PLACES[i].place)
			fail_msg("row %zu", i);
	assert_int_equal(tree_nodes(4, 3), 1);
	assert_int_equal(tree_nodes(4, 0), 262144);
	assert_int_equal(tree_nodes(5, 0), 16777216);
}

static const struct {
	uint64_t bytes;
	unsigned levels;
} LEVELS[] = {
	{0, 4},
	{1, 1},
	{UINT64_C(64) << 20, 1},
	{(UINT64_C(64) << 20) + 1, 2},
	{UINT64_C(1) << 32, 2},
	{(UINT64_C(1) << 32) + 1, 3},
	{UINT64_C(1) << 44, 4},
	{(UINT64_C(1) << 44) + 1, 5},
	{SEALED_MOST, 5},
};

static void levels_are_as_few_as_can_be(void **state BL_UNUSED)
{
	for (size_t i = 0; i < BL_COUNT(LEVELS); i++)
		if (sealed_levels_for(LEVELS[i].bytes) != LEVELS[i].levels)
			fail_msg("row %zu: %u", i, sealed_levels_for(LEVELS[i].bytes));
}

static const struct {
	const char *what;
	uint64_t index, generation;
	unsigned level, side, vault, device, with, hash, wrapped, tag;
} CHANGES[] = {
	{.what = "index", .index = 1},	   {.what = "generation", .generation = 1},
	{.what = "level", .level = 1},	   {.what = "side", .side = 1},
	{.what = "vault", .vault = 1},	   {.what = "device", .device = 1},
	{.what = "parent", .with = 1},	   {.what = "what it covers", .hash = 1},
	{.what = "wrapped", .wrapped = 1}, {.what = "tag", .tag = 1},
};

static const struct sealed_names NAMES = {
	.vault_id = {4}, .device = "phone-1", .algorithm = SEALED_XCHACHA20};

static void a_key_comes_back_only_where_it_belongs(void **state BL_UNUSED)
{
	const uint8_t with[VAULT_KEY] = {1}, key[VAULT_KEY] = {2}, hash[SEALED_HASH] = {3};
	uint8_t out[VAULT_KEY];
	struct tree_entry made;

	tree_wrap(&NAMES, with, 2, 6, 8, 0, hash, key, &made);
	assert_int_equal(tree_unwrap(&NAMES, with, 2, 6, &made, hash, out), BL_OK);
	assert_memory_equal(out, key, VAULT_KEY);
	for (size_t i = 0; i < BL_COUNT(CHANGES); i++) {
		uint8_t other_with[VAULT_KEY] = {1}, other_hash[SEALED_HASH] = {3};
		struct sealed_names names = NAMES;
		struct tree_entry entry = made;

		names.vault_id[0] ^= (uint8_t)CHANGES[i].vault;
		names.device[0] ^= (uint8_t)CHANGES[i].device;
		other_with[0] ^= (uint8_t)CHANGES[i].with;
		other_hash[0] ^= (uint8_t)CHANGES[i].hash;
		entry.wrapped[0] ^= (uint8_t)CHANGES[i].wrapped;
		entry.tag[0] ^= (uint8_t)CHANGES[i].tag;
		entry.side ^= CHANGES[i].side;
		entry.generation ^= CHANGES[i].generation;
		if (tree_unwrap(&names, other_with, 2 ^ CHANGES[i].level, 6 ^ CHANGES[i].index,
				&entry, other_hash, out) != BL_TAMPERED ||
		    !sodium_is_zero(out, sizeof(out)))
			fail_msg("%s", CHANGES[i].what);
	}
}

/* The bytes of the page, put together by hand. */
static void an_entry_is_what_the_page_says(void **state BL_UNUSED)
{
	const uint8_t with[VAULT_KEY] = {1}, key[VAULT_KEY] = {2}, hash[SEALED_HASH] = {3};
	uint8_t wanted[SEALED_ENTRY] = {0}, bytes[SEALED_ENTRY];
	uint8_t bound[12 + 16 + 32 + 32 + 32] = {0}, nonce[24];
	struct tree_entry entry;

	bl_put64(nonce, 8);
	bl_put64(nonce + 8, 2);
	bl_put64(nonce + 16, 6);
	memcpy(bound, "bailee tree", 12);
	bound[12] = 4;
	memcpy(bound + 28, "phone-1", 7);
	bl_put64(bound + 60, 2);
	bl_put64(bound + 68, 6);
	bl_put64(bound + 76, 8);
	bl_put64(bound + 84, 1);
	memcpy(bound + 92, hash, 32);
	bl_put64(wanted, 8);
	crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
		wanted + 8, wanted + 40, NULL, key, 32, bound, sizeof(bound), NULL, nonce, with);
	wanted[56] = 1;
	tree_wrap(&NAMES, with, 2, 6, 8, 1, hash, key, &entry);
	tree_entry_encode(&entry, bytes);
	assert_memory_equal(bytes, wanted, sizeof(wanted));
}

static const struct {
	const char *what;
	size_t at, also;
	uint8_t value;
	bool is_ok;
} ENTRIES[] = {
	{"zeros", 0, 0, 0, true},	 {"a generation", 0, 0, 1, true},
	{"a key alone", 8, 8, 1, false}, {"a side alone", 56, 56, 1, false},
	{"side 1", 56, 0, 1, true},	 {"side 2", 56, 0, 2, false},
	{"reserved", 57, 0, 1, false},	 {"reserved's end", 63, 0, 1, false},
};

static void an_entry_has_one_form(void **state BL_UNUSED)
{
	for (size_t i = 0; i < BL_COUNT(ENTRIES); i++) {
		uint8_t bytes[SEALED_ENTRY] = {0}, again[SEALED_ENTRY];
		struct tree_entry entry;

		bytes[ENTRIES[i].also] = ENTRIES[i].value;
		bytes[ENTRIES[i].at] = ENTRIES[i].value;
		if (tree_entry_decode(bytes, &entry) != ENTRIES[i].is_ok)
			fail_msg("%s", ENTRIES[i].what);
		if (!ENTRIES[i].is_ok)
			continue;
		tree_entry_encode(&entry, again);
		assert_memory_equal(again, bytes, sizeof(bytes));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_lie_where_the_page_says),
		cmocka_unit_test(levels_are_as_few_as_can_be),
		cmocka_unit_test(a_key_comes_back_only_where_it_belongs),
		cmocka_unit_test(an_entry_is_what_the_page_says),
		cmocka_unit_test(an_entry_has_one_form),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
