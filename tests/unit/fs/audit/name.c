/* NAME records: sealed as docs/format-log.md says, opened with both keys only. Constants: python3, hashlib.blake2b. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/name.h"

#include <sodium.h>
#include <string.h>

static const char PATH[] = "1/home/anna/letter.txt"; /* synthetic */

struct keys {
	uint8_t log_id[LOG_ID_SIZE], ln[VAULT_KEY], lk[AUDIT_KEY], k[AUDIT_KEY], token[AUDIT_TOKEN];
};

static struct keys sample_keys(void)
{
	struct keys keys;

	for (unsigned i = 0; i < 32; i++) {
		keys.ln[i] = (uint8_t)(32 + i);
		keys.lk[i] = (uint8_t)(64 + i);
	}
	for (unsigned i = 0; i < LOG_ID_SIZE; i++)
		keys.log_id[i] = (uint8_t)i;
	audit_name_key(keys.ln, keys.log_id, keys.lk, keys.k);
	audit_token(keys.ln, PATH, strlen(PATH), keys.token);
	return keys;
}

static size_t seal_path(const struct keys *keys, const char *text, size_t length, uint8_t *out,
			unsigned *out_count)
{
	const struct audit_name name = {.kind = AUDIT_NAME_PATH,
					.device = "RMA-1001",
					.log_names_key = keys->ln,
					.token = keys->token,
					.text = text,
					.length = length};

	return name_seal(&name, keys->log_id, keys->lk, out, out_count);
}

static void assert_hex(const uint8_t *bytes, size_t length, const char *expected)
{
	char hex[2 * 64 + 1];

	sodium_bin2hex(hex, sizeof(hex), bytes, length);
	assert_string_equal(hex, expected);
}

/*
 * LN = bytes(range(32,64)); LK = bytes(range(64,96)); id = bytes(range(16))
 * K = H(b'BLOG1 name' + id + LK, LN); token = blake2b(b'1/home/anna/letter.txt', digest_size=16, key=LN)
 */
static void key_and_token_are_the_known_ones(void **state BL_UNUSED)
{
	struct keys keys = sample_keys();

	assert_hex(keys.k, 32, "d8cff8215b82352a499888e5eb575ab6aeaf09cb945f3b2050d69ad3b135c33a");
	assert_hex(keys.token, 16, "94ad0d732004b7b0b277cee86d39ae67");
}

static void a_text_of_any_length_comes_back(void **state BL_UNUSED)
{
	static const struct {
		size_t length, parts, bytes;
	} ROWS[] = {
		{0, 1, 72 + 8 + 16 + 64},
		{1, 1, 72 + 8 + 16 + 64},
		{62, 1, 72 + 8 + 16 + 64},
		{63, 1, 72 + 8 + 16 + 128},
		{3966, 1, 72 + 8 + 16 + 3968},
		{3967, 2, 2 * (72 + 8 + 16) + 3968 + 64},
		{7932, 2, 2 * (72 + 8 + 16 + 3968)},
		{7933, 3, 3 * (72 + 8 + 16) + 2 * 3968 + 64},
		{8192, 3, 3 * (72 + 8 + 16) + 2 * 3968 + 320},
		{8193, 3, 3 * (72 + 8 + 16) + 2 * 3968 + 320}, /* cut */
	};
	struct keys keys = sample_keys();
	static uint8_t out[NAME_RECORDS];
	static char text[9000], back[NAME_RECORDS];

	randombytes_buf(text, sizeof(text));
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		unsigned count;
		size_t used = seal_path(&keys, text, ROWS[i].length, out, &count), at = 0, got = 0;

		if (count != ROWS[i].parts || used != ROWS[i].bytes)
			fail_msg("row %zu: %u parts, %zu bytes", i, count, used);
		for (unsigned part = 0; part < count; part++) {
			struct audit_named named;
			size_t length = name_parse(out + at, used - at, &named), piece;

			if (!length || named.part != part || named.parts != count ||
			    audit_name_open(&named, keys.log_id, keys.k, back + got, &piece) !=
				    BL_OK)
				fail_msg("row %zu part %u", i, part);
			at += length;
			got += piece;
		}
		if (at != used || got != BL_MIN(ROWS[i].length, (size_t)AUDIT_NAME_TEXT) ||
		    memcmp(back, text, got) != 0)
			fail_msg("row %zu: %zu bytes came back", i, got);
	}
}

static void nothing_of_a_name_is_readable_in_its_record(void **state BL_UNUSED)
{
	struct keys keys = sample_keys();
	uint8_t out[NAME_RECORDS];
	unsigned count;
	size_t used = seal_path(&keys, PATH, strlen(PATH), out, &count);

	for (size_t at = 0; at + 4 <= strlen(PATH); at++)
		assert_null(memmem(out, used, PATH + at, 4));
}

static void the_same_name_is_sealed_differently_each_time(void **state BL_UNUSED)
{
	struct keys keys = sample_keys();
	uint8_t a[NAME_RECORDS], b[NAME_RECORDS];
	unsigned count;
	size_t used = seal_path(&keys, PATH, strlen(PATH), a, &count);

	assert_int_equal(seal_path(&keys, PATH, strlen(PATH), b, &count), used);
	assert_memory_not_equal(a + 48, b + 48, 24);
	assert_memory_not_equal(a + 80, b + 80, used - 80);
}

/* The whole record put together by hand, with libsodium only, as a second writer would. */
static size_t by_hand(const struct keys *keys, const uint8_t *plain, size_t plain_length,
		      uint8_t *out)
{
	static const char DEVICE[] = "RMA-1001";
	uint8_t bound[16 + 6 + 16 + 8];
	size_t whole = 72 + 8 + 16 + plain_length;

	memset(out, 0, 72);
	bl_put16(out, (uint16_t)whole);
	memcpy(out + 2, (const uint8_t[6]){2, 1, 0, 8, 1, 0}, 6);
	format_record_stamp(out, 99, 1, 2);
	memcpy(out + 32, keys->token, 16);
	memset(out + 48, 0x4e, 24);
	memcpy(out + 72, DEVICE, 8);
	memcpy(bound, keys->log_id, 16);
	memcpy(bound + 16, out + 2, 6);
	memcpy(bound + 22, out + 32, 16);
	memcpy(bound + 38, DEVICE, 8);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + 80, NULL, plain, plain_length, bound,
						   sizeof(bound), NULL, out + 48, keys->k);
	return whole;
}

static void a_record_made_by_hand_opens(void **state BL_UNUSED)
{
	struct keys keys = sample_keys();
	uint8_t plain[64] = {0}, record[512];
	struct audit_named named = {.segment = 77};
	char text[512];
	size_t length;

	bl_put16(plain, (uint16_t)strlen(PATH));
	memcpy(plain + 2, PATH, strlen(PATH));
	length = by_hand(&keys, plain, sizeof(plain), record);
	assert_int_equal(name_parse(record, length, &named), length);
	assert_int_equal(named.sequence, 99);
	assert_int_equal(named.segment, 77);
	assert_string_equal(named.device, "RMA-1001");
	assert_int_equal(audit_name_open(&named, keys.log_id, keys.k, text, &length), BL_OK);
	assert_int_equal(length, strlen(PATH));
	assert_memory_equal(text, PATH, length);
}

static void a_text_padded_in_another_way_is_refused(void **state BL_UNUSED)
{
	static const struct {
		uint16_t length;
		size_t plain, dirty; /* dirty: a byte that is not zero; 0: none */
	} ROWS[] = {
		{5, 64, 63}, {5, 64, 7}, {5, 128, 0}, {63, 64, 0}, {62, 128, 0}, {65535, 64, 0},
	};
	struct keys keys = sample_keys();

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint8_t plain[128] = {0}, record[512];
		struct audit_named named;
		char text[512];
		size_t length;

		bl_put16(plain, ROWS[i].length);
		if (ROWS[i].dirty)
			plain[ROWS[i].dirty] = 1;
		length = by_hand(&keys, plain, ROWS[i].plain, record);
		assert_int_equal(name_parse(record, length, &named), length);
		if (audit_name_open(&named, keys.log_id, keys.k, text, &length) != BL_TAMPERED)
			fail_msg("row %zu", i);
	}
}

/* Sequence and times are the chain's to keep; everything else is bound to the text as well. */
static void every_flipped_byte_is_refused_or_does_not_open(void **state BL_UNUSED)
{
	struct keys keys = sample_keys();
	uint8_t out[NAME_RECORDS];
	char text[NAME_RECORDS];
	unsigned count;
	size_t used = seal_path(&keys, PATH, strlen(PATH), out, &count), length;

	for (size_t at = 0; at < used; at++) {
		struct audit_named named;

		if (at >= 8 && at < 32)
			continue;
		out[at] ^= 1;
		memset(text, 'x', sizeof(text));
		if (name_parse(out, used, &named) &&
		    audit_name_open(&named, keys.log_id, keys.k, text, &length) != BL_TAMPERED)
			fail_msg("byte %zu", at);
		if (memmem(text, sizeof(text), "anna", 4))
			fail_msg("byte %zu: text was left", at);
		out[at] ^= 1;
	}
}

static void it_opens_with_both_keys_in_its_own_log_only(void **state BL_UNUSED)
{
	struct keys keys = sample_keys();
	uint8_t out[NAME_RECORDS];
	struct audit_named named;
	char text[NAME_RECORDS];
	unsigned count;
	size_t used = seal_path(&keys, PATH, strlen(PATH), out, &count), length;

	assert_int_equal(name_parse(out, used, &named), used);
	for (unsigned row = 0; row < 3; row++) {
		struct keys other = keys;

		if (row == 0)
			other.ln[0] ^= 1;
		else if (row == 1)
			other.lk[31] ^= 1;
		else
			other.log_id[3] ^= 1;
		audit_name_key(other.ln, other.log_id, other.lk, other.k);
		if (audit_name_open(&named, other.log_id, other.k, text, &length) != BL_TAMPERED)
			fail_msg("row %u", row);
	}
	keys.log_id[3] ^= 1;
	assert_int_equal(audit_name_open(&named, keys.log_id, keys.k, text, &length), BL_TAMPERED);
}

static void a_reason_has_no_token_and_may_have_no_device(void **state BL_UNUSED)
{
	struct keys keys = sample_keys();
	const struct audit_name name = {.kind = AUDIT_NAME_REASON,
					.device = "",
					.log_names_key = keys.ln,
					.token = keys.token,
					.text = "screen test",
					.length = 11};
	uint8_t out[NAME_RECORDS];
	struct audit_named named;
	char text[NAME_RECORDS];
	unsigned count;
	size_t used = name_seal(&name, keys.log_id, keys.lk, out, &count), length;

	assert_int_equal(name_parse(out, used, &named), used);
	assert_int_equal(named.kind, AUDIT_NAME_REASON);
	assert_string_equal(named.device, "");
	assert_true(sodium_is_zero(named.token, AUDIT_TOKEN));
	assert_int_equal(audit_name_open(&named, keys.log_id, keys.k, text, &length), BL_OK);
	assert_memory_equal(text, "screen test", 11);
	out[40] = 1;
	assert_int_equal(name_parse(out, used, &named), 0);
}

static void records_that_cannot_be_are_refused(void **state BL_UNUSED)
{
	static const struct {
		unsigned at;
		uint8_t value;
	} ROWS[] = {
		{0, 159}, {0, 161}, {0, 96}, {1, 0x10}, {2, 1}, {2, 3}, {3, 0},	 {3, 3},
		{4, 1},	  {5, 7},   {5, 32}, {5, 72},	{6, 0}, {7, 1}, {72, 0}, {79, 0},
	};
	struct keys keys = sample_keys();

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint8_t out[NAME_RECORDS] = {0};
		struct audit_named named;
		unsigned count;

		assert_int_equal(seal_path(&keys, PATH, strlen(PATH), out, &count), 160);
		out[ROWS[i].at] = ROWS[i].value;
		if (name_parse(out, sizeof(out), &named))
			fail_msg("row %zu", i);
	}
}

static void a_path_without_a_device_is_refused(void **state BL_UNUSED)
{
	uint8_t record[72 + 16 + 64] = {0};
	struct audit_named named;

	bl_put16(record, sizeof(record));
	record[2] = RECORD_TYPE_NAME;
	record[6] = 1;
	record[3] = AUDIT_NAME_REASON;
	assert_int_equal(name_parse(record, sizeof(record), &named), sizeof(record));
	record[3] = AUDIT_NAME_PATH;
	assert_int_equal(name_parse(record, sizeof(record), &named), 0);
}

static void a_record_cut_anywhere_is_refused(void **state BL_UNUSED)
{
	struct keys keys = sample_keys();
	uint8_t out[NAME_RECORDS];
	struct audit_named named;
	unsigned count;
	size_t used = seal_path(&keys, PATH, strlen(PATH), out, &count);

	for (size_t cut = 0; cut < used; cut++)
		if (name_parse(out, cut, &named))
			fail_msg("%zu bytes", cut);
}

/* More blocks than a part has, in a record that is no longer than one may be. */
static void a_part_of_more_than_62_blocks_is_refused(void **state BL_UNUSED)
{
	static uint8_t record[AUDIT_RECORD_LIMIT + 64];
	struct audit_named named;

	for (unsigned blocks = 61; blocks <= 63; blocks++) {
		size_t length = 72 + 16 + (size_t)blocks * 64;

		memset(record, 0, sizeof(record));
		bl_put16(record, (uint16_t)length);
		record[2] = RECORD_TYPE_NAME;
		record[3] = AUDIT_NAME_REASON;
		record[6] = 1;
		if ((name_parse(record, length, &named) == length) != (blocks <= 62))
			fail_msg("%u blocks", blocks);
	}
}

static void the_segment_key_opens_for_its_auditors_only(void **state BL_UNUSED)
{
	uint8_t secret[3][AUDIT_KEY], public_key[3][AUDIT_KEY], lk[AUDIT_KEY], got[AUDIT_KEY];
	uint8_t slots[2][SEGMENT_SLOT];

	randombytes_buf(lk, sizeof(lk));
	for (unsigned i = 0; i < 3; i++)
		auditor_new(secret[i], public_key[i]);
	for (unsigned i = 0; i < 2; i++) {
		memcpy(slots[i], public_key[i], AUDIT_KEY);
		crypto_box_seal(slots[i] + AUDIT_KEY, lk, sizeof(lk), public_key[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		memset(got, 0, sizeof(got));
		assert_int_equal(audit_segment_key(slots[0], 2, secret[i], got), BL_OK);
		assert_memory_equal(got, lk, sizeof(lk));
	}
	assert_int_equal(audit_segment_key(slots[0], 2, secret[2], got), BL_NOT_FOUND);
	assert_int_equal(audit_segment_key(slots[0], 1, secret[1], got), BL_NOT_FOUND);
	assert_int_equal(audit_segment_key(NULL, 0, secret[0], got), BL_NOT_FOUND);
	slots[1][SEGMENT_SLOT - 1] ^= 1;
	assert_int_equal(audit_segment_key(slots[0], 2, secret[1], got), BL_TAMPERED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_and_token_are_the_known_ones),
		cmocka_unit_test(a_text_of_any_length_comes_back),
		cmocka_unit_test(nothing_of_a_name_is_readable_in_its_record),
		cmocka_unit_test(the_same_name_is_sealed_differently_each_time),
		cmocka_unit_test(a_record_made_by_hand_opens),
		cmocka_unit_test(a_text_padded_in_another_way_is_refused),
		cmocka_unit_test(every_flipped_byte_is_refused_or_does_not_open),
		cmocka_unit_test(it_opens_with_both_keys_in_its_own_log_only),
		cmocka_unit_test(a_reason_has_no_token_and_may_have_no_device),
		cmocka_unit_test(records_that_cannot_be_are_refused),
		cmocka_unit_test(a_path_without_a_device_is_refused),
		cmocka_unit_test(a_record_cut_anywhere_is_refused),
		cmocka_unit_test(a_part_of_more_than_62_blocks_is_refused),
		cmocka_unit_test(the_segment_key_opens_for_its_auditors_only),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
