/* Kits and keys of auditors: read back to the byte; words blame the kit or the key, never tell it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/audit.h"

#include <sodium.h>
#include <string.h>

/*
 * python3: text = 'bailee auditor kit 1\nlog %s\nkey %s\nfirst %s\nmade 1782900000\nauditor %s\nauditor %s\n' %
 * (bytes(range(16)).hex(), '11'*32, bytes(range(32)).hex(), '33'*32, '44'*32); the check is
 * hashlib.blake2b(text.encode(), digest_size=32)
 */
static const char KIT[] =
	"bailee auditor kit 1\n"
	"log 000102030405060708090a0b0c0d0e0f\n"
	"key 1111111111111111111111111111111111111111111111111111111111111111\n"
	"first 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
	"made 1782900000\n"
	"auditor 3333333333333333333333333333333333333333333333333333333333333333\n"
	"auditor 4444444444444444444444444444444444444444444444444444444444444444\n"
	"check a866af9f27e481ac510d21b6d95a3941b9a17b5456eddebbd5f104ff70c4cab5\n";

static struct audit_kit sample(void)
{
	struct audit_kit kit = {.made_unix = 1782900000, .auditor_count = 2};

	for (unsigned i = 0; i < AUDIT_KEY; i++)
		kit.first[i] = (uint8_t)i;
	memcpy(kit.log_id, kit.first, AUDIT_LOG_ID);
	memset(kit.public_key, 0x11, VAULT_PUBLIC_KEY);
	memset(kit.auditors[0], 0x33, AUDIT_KEY);
	memset(kit.auditors[1], 0x44, AUDIT_KEY);
	return kit;
}

static void the_text_of_a_kit_is_the_known_one(void **state BL_UNUSED)
{
	struct audit_kit kit = sample();
	char text[AUDIT_KIT_TEXT];

	assert_int_equal(audit_kit_format(&kit, text), sizeof(KIT) - 1);
	assert_string_equal(text, KIT);
}

static void a_kit_comes_back_as_it_was(void **state BL_UNUSED)
{
	static const struct {
		size_t auditors;
		int64_t made;
	} ROWS[] = {{0, 0}, {1, -1}, {2, 1782900000}, {32, INT64_MAX}, {32, INT64_MIN}};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_kit kit = sample(), again;
		char text[AUDIT_KIT_TEXT];

		kit.made_unix = ROWS[i].made;
		kit.auditor_count = ROWS[i].auditors;
		memset(kit.auditors, 0, sizeof(kit.auditors));
		for (size_t j = 0; j < ROWS[i].auditors; j++)
			kit.auditors[j][0] = (uint8_t)(j + 1);

		size_t length = audit_kit_format(&kit, text);

		if (audit_kit_parse(text, length, &again, NULL) != BL_OK ||
		    again.made_unix != kit.made_unix || again.auditor_count != kit.auditor_count ||
		    memcmp(again.auditors, kit.auditors, sizeof(kit.auditors)) != 0 ||
		    memcmp(again.first, kit.first, AUDIT_KEY) != 0 ||
		    memcmp(again.public_key, kit.public_key, VAULT_PUBLIC_KEY) != 0 ||
		    memcmp(again.log_id, kit.log_id, AUDIT_LOG_ID) != 0)
			fail_msg("row %zu", i);
	}
}

/* The secret, or a piece of it that would help anybody. */
static bool tells_secret(const struct bl_error *why)
{
	return strstr(why->text, "0001020304") || strstr(why->text, "1a1b1c1d");
}

static void every_changed_byte_is_blamed_on_the_kit(void **state BL_UNUSED)
{
	for (size_t at = 0; at < sizeof(KIT) - 1; at++) {
		char text[sizeof(KIT)];
		struct audit_kit kit = {.made_unix = 77};
		struct bl_error why;

		memcpy(text, KIT, sizeof(KIT));
		text[at] ^= 1;
		if (audit_kit_parse(text, sizeof(KIT) - 1, &kit, &why) != BL_INVALID ||
		    !strstr(why.text, "kit") || tells_secret(&why) || kit.made_unix != 77 ||
		    !sodium_is_zero(kit.first, AUDIT_KEY))
			fail_msg("byte %zu: %s", at, why.text);
		if (at >= strlen("bailee auditor kit 1\n") &&
		    strncmp(why.text, "this kit is damaged: ", 21) != 0)
			fail_msg("byte %zu: %s", at, why.text);
	}
}

static void a_kit_of_any_other_length_is_refused(void **state BL_UNUSED)
{
	char text[AUDIT_KIT_TEXT + 1];
	struct audit_kit kit;

	memset(text, '\n', sizeof(text));
	memcpy(text, KIT, sizeof(KIT) - 1);
	for (size_t length = 0; length <= sizeof(text); length++)
		if ((audit_kit_parse(text, length, &kit, NULL) == BL_OK) !=
		    (length == sizeof(KIT) - 1))
			fail_msg("%zu bytes", length);
}

/* A check that was made anew over lines that are not a kit's. */
static size_t checked(const char *lines, char out[2 * AUDIT_KIT_TEXT])
{
	uint8_t sum[AUDIT_DIGEST];
	size_t length = strlen(lines);

	memcpy(out, lines, length);
	crypto_generichash(sum, sizeof(sum), (const uint8_t *)lines, length, NULL, 0);
	memcpy(out + length, "check ", 6);
	sodium_bin2hex(out + length + 6, 65, sum, sizeof(sum));
	memcpy(out + length + 70, "\n", 2);
	return length + 71;
}

#define TITLE "bailee auditor kit 1\n"
#define LOG   "log 000102030405060708090a0b0c0d0e0f\n"
#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY   "key " HEX32 "\n"
#define FIRST "first " HEX32 "\n"
#define MADE  "made 5\n"

static void lines_that_are_not_a_kits_are_refused_with_a_right_check_too(void **state BL_UNUSED)
{
	static const struct {
		const char *lines;
		bool is_good;
	} ROWS[] = {
		{TITLE LOG KEY FIRST MADE, true},
		{TITLE LOG KEY FIRST MADE "auditor " HEX32 "\n", true},
		{TITLE LOG KEY FIRST MADE "auditor " HEX32 "\nauditor " HEX32 "\n", false},
		{TITLE LOG KEY FIRST MADE "\n", false},
		{TITLE LOG KEY FIRST, false},
		{TITLE LOG FIRST KEY MADE, false},
		{TITLE KEY FIRST MADE, false},
		{TITLE, false},
		{TITLE LOG KEY FIRST "made 05\n", false},
		{TITLE LOG KEY FIRST "made +5\n", false},
		{TITLE LOG KEY FIRST "made  5\n", false},
		{TITLE LOG KEY FIRST "made \n", false},
		{TITLE LOG KEY FIRST "made 5 \n", false},
		{TITLE LOG KEY FIRST "made 99999999999999999999\n", false},
		{TITLE LOG KEY FIRST "made 9999999999999999999999999999999\n", false},
		{TITLE "log 000102030405060708090A0B0C0D0E0F\n" KEY FIRST MADE, false},
		{TITLE "log 0001\n" KEY FIRST MADE, false},
		{TITLE LOG KEY FIRST MADE "auditor 00\n", false},
		{TITLE LOG KEY FIRST MADE "check " HEX32 "\n", false},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char text[2 * AUDIT_KIT_TEXT];
		struct audit_kit kit;
		struct bl_error why = {.text = ""};
		size_t length = checked(ROWS[i].lines, text);
		enum bl_status status = audit_kit_parse(text, length, &kit, &why);

		if (status != (ROWS[i].is_good ? BL_OK : BL_INVALID) || tells_secret(&why))
			fail_msg("row %zu: %s", i, why.text);
	}
}

static void one_auditor_too_many_is_refused(void **state BL_UNUSED)
{
	for (unsigned count = 31; count <= 33; count++) {
		char lines[AUDIT_KIT_TEXT] = TITLE LOG KEY FIRST MADE, text[2 * AUDIT_KIT_TEXT];
		struct audit_kit kit;

		for (unsigned i = 0; i < count; i++) {
			char line[80];

			snprintf(line, sizeof(line), "auditor %064x\n", i);
			strcat(lines, line);
		}

		size_t length = checked(lines, text);

		if ((audit_kit_parse(text, length, &kit, NULL) == BL_OK) != (count <= 32))
			fail_msg("%u auditors", count);
	}
}

static void the_words_say_what_it_is_that_was_given(void **state BL_UNUSED)
{
	static const struct {
		const char *text, *words;
	} ROWS[] = {
		{"", "no auditor kit"},
		{"hello\n", "no auditor kit"},
		{"bailee auditor kit 2\n" LOG, "another version"},
		{"bailee auditor kit 1\r\n" LOG, "line ends"},
		{"bailee auditor secret key 1 " HEX32 "\n", "an auditor's key and no kit"},
		{TITLE LOG KEY, "does not end with its check"},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_kit kit;
		struct bl_error why;

		if (audit_kit_parse(ROWS[i].text, strlen(ROWS[i].text), &kit, &why) != BL_INVALID ||
		    !strstr(why.text, ROWS[i].words) || tells_secret(&why))
			fail_msg("row %zu: %s", i, why.text);
	}

	char text[sizeof(KIT)];
	struct audit_kit kit;
	struct bl_error why;

	memcpy(text, KIT, sizeof(KIT));
	text[30] ^= 1;
	assert_int_equal(audit_kit_parse(text, sizeof(KIT) - 1, &kit, &why), BL_INVALID);
	assert_string_equal(why.text, "this kit is damaged: its check does not match (get the "
				      "original from who made the store)");
}

/* ---- keys of auditors ------------------------------------------------------------------------ */

static void a_pair_is_x25519_and_comes_back(void **state BL_UNUSED)
{
	uint8_t pair[2][AUDIT_KEY], again[AUDIT_KEY], base[AUDIT_KEY];

	auditor_new(pair[1], pair[0]);
	crypto_scalarmult_base(base, pair[1]);
	assert_memory_equal(base, pair[0], AUDIT_KEY);
	for (unsigned is_secret = 0; is_secret < 2; is_secret++) {
		char text[AUDIT_AUDITOR_TEXT];
		size_t length = auditor_format(is_secret, pair[is_secret], text);

		assert_int_equal(length, strlen(text));
		assert_int_equal(text[length - 1], '\n');
		for (size_t cut = 0; cut < 2; cut++) {
			memset(again, 0, sizeof(again));
			assert_int_equal(auditor_parse(is_secret, text, length - cut, again, NULL),
					 BL_OK);
			assert_memory_equal(again, pair[is_secret], AUDIT_KEY);
		}
	}
}

static void lines_of_keys_are_as_the_page_says(void **state BL_UNUSED)
{
	uint8_t key[AUDIT_KEY];
	char text[AUDIT_AUDITOR_TEXT];

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	auditor_format(false, key, text);
	assert_string_equal(text, "bailee auditor public key 1 " HEX32 "\n");
	auditor_format(true, key, text);
	assert_string_equal(text, "bailee auditor secret key 1 " HEX32 "\n");
}

#define UPPER "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
#define ZERO  "0000000000000000000000000000000000000000000000000000000000000000"
#define ONE   "0100000000000000000000000000000000000000000000000000000000000000"

static void only_the_half_that_is_wanted_is_taken(void **state BL_UNUSED)
{
	static const struct {
		bool is_secret;
		const char *text, *words; /* words NULL: it is taken */
	} ROWS[] = {
		{false, "bailee auditor public key 1 " HEX32, NULL},
		{false, HEX32, NULL},
		{false, HEX32 "\n", NULL},
		{true, "bailee auditor secret key 1 " HEX32 "\n", NULL},
		{true, HEX32, "no auditor's secret key"},
		{true, "bailee auditor public key 1 " HEX32 "\n", "the secret one is needed (give"},
		{false, "bailee auditor secret key 1 " HEX32 "\n",
		 "the public one is needed (give"},
		{false, KIT, "an auditor kit"},
		{true, KIT, "an auditor kit"},
		{false, "", "no auditor's public key"},
		{false, "\n", "no auditor's public key"},
		{false, "bailee auditor public key 2 " HEX32 "\n", "no auditor's public key"},
		{false, "bailee auditor public key 1 " HEX32 "\n\n", "no auditor's public key"},
		{false, "bailee auditor public key 1 " HEX32 "\r\n", "no auditor's public key"},
		{false, "bailee auditor public key 1 " HEX32 "0", "no auditor's public key"},
		{false, "bailee auditor public key 1 " UPPER "\n", "no auditor's public key"},
		{false, " bailee auditor public key 1 " HEX32 "\n", "no auditor's public key"},
		{false, UPPER, "no auditor's public key"},
		{false, HEX32 "0", "no auditor's public key"},
		{false, HEX32 "\n\n", "no auditor's public key"},
		{false, ZERO, "nothing can be sealed"},
		{false, "bailee auditor public key 1 " ONE "\n", "nothing can be sealed"},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint8_t key[AUDIT_KEY] = {0xee};
		struct bl_error why = {.text = ""};
		enum bl_status status = auditor_parse(ROWS[i].is_secret, ROWS[i].text,
						      strlen(ROWS[i].text), key, &why);

		if (status != (ROWS[i].words ? BL_INVALID : BL_OK) || tells_secret(&why) ||
		    (ROWS[i].words && (!strstr(why.text, ROWS[i].words) || key[0] != 0xee)))
			fail_msg("row %zu: %s", i, why.text);
	}
}

static void a_key_cut_or_changed_anywhere_but_in_its_digits_is_refused(void **state BL_UNUSED)
{
	static const char LINE[] = "bailee auditor secret key 1 " HEX32 "\n";
	const size_t whole = sizeof(LINE) - 1, title = whole - 65;
	uint8_t key[AUDIT_KEY];

	for (size_t length = 0; length < whole - 1; length++)
		if (auditor_parse(true, LINE, length, key, NULL) != BL_INVALID)
			fail_msg("%zu bytes", length);
	for (size_t at = 0; at < whole; at++) {
		char text[sizeof(LINE)];
		bool is_digit = at >= title && at < whole - 1;

		memcpy(text, LINE, sizeof(LINE));
		text[at] = is_digit ? 'g' : text[at] ^ 1;
		if (auditor_parse(true, text, whole, key, NULL) != BL_INVALID)
			fail_msg("byte %zu", at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_of_a_kit_is_the_known_one),
		cmocka_unit_test(a_kit_comes_back_as_it_was),
		cmocka_unit_test(every_changed_byte_is_blamed_on_the_kit),
		cmocka_unit_test(a_kit_of_any_other_length_is_refused),
		cmocka_unit_test(lines_that_are_not_a_kits_are_refused_with_a_right_check_too),
		cmocka_unit_test(one_auditor_too_many_is_refused),
		cmocka_unit_test(the_words_say_what_it_is_that_was_given),
		cmocka_unit_test(a_pair_is_x25519_and_comes_back),
		cmocka_unit_test(lines_of_keys_are_as_the_page_says),
		cmocka_unit_test(only_the_half_that_is_wanted_is_taken),
		cmocka_unit_test(a_key_cut_or_changed_anywhere_but_in_its_digits_is_refused),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
