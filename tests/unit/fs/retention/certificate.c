#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/retention/private.h"
#include "tests/unit/fs/device/temp.h"

static const struct journal GOOD = {
	.size = 4096,
	.verified_bytes = 4096,
	.verification = VERIFIED_RAW,
	.are_keys_raw = true,
	.entry = "thirty-days",
	.disk = "loop0",
	.filesystem = "ext2/3/4",
	.by = UINT32_MAX,
};

static char *make(struct temp *temp, const struct journal *journal)
{
	struct device device = temp_device(temp, "RMA-1");
	char *json = NULL;

	snprintf(device.maker, sizeof(device.maker), "Ex\"amplo");
	assert_int_equal(certificate_make(temp->store, &device, journal, 1700000000, &json, NULL),
			 BL_OK);
	return json;
}

static const uint8_t *key_of(struct temp *temp)
{
	return vault_public_key(device_store_vault(temp->store));
}

static void genuine_certificate_verifies(void **state)
{
	struct temp *temp = *state;
	char *json = make(temp, &GOOD), *text = NULL;

	assert_int_equal(
		retention_certificate_verify(json, strlen(json), key_of(temp), &text, NULL), BL_OK);
	assert_non_null(strstr(text, "Ex\"amplo"));
	assert_non_null(strstr(text, "2023-11-14T22:13:20Z"));
	assert_non_null(strstr(text, "Status                ERASED\n"));
	assert_non_null(strstr(text, "clear"));
	free(text);
	free(json);
}

static void certificate_claims_no_step_that_was_not_taken(void **state)
{
	static const struct {
		unsigned exceptions;
		const char *then;
	} ROWS[] = {
		{0, "\"then\":[\"punch\",\"truncate\",\"unlink\"]"},
		{EXCEPTION_MOVED, "\"then\":[\"punch\",\"truncate\",\"unlink\"]"},
		{EXCEPTION_VANISHED, "\"then\":[]"},
		{EXCEPTION_VANISHED_VERIFIED, "\"then\":[]"},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct journal journal = GOOD;

		journal.exceptions = ROWS[i].exceptions;

		char *json = make(*state, &journal);

		if (!strstr(json, ROWS[i].then))
			fail_msg("exceptions %u: %s", ROWS[i].exceptions, json);
		free(json);
	}
}

static void every_flipped_bit_is_refused(void **state)
{
	struct temp *temp = *state;
	char *json = make(temp, &GOOD);
	size_t length = strlen(json);

	for (size_t at = 0; at < length; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			json[at] = (char)(json[at] ^ (1 << bit));

			enum bl_status status = retention_certificate_verify(
				json, length, key_of(temp), NULL, NULL);

			if (status != BL_TAMPERED && status != BL_INVALID)
				fail_msg("bit %u of byte %zu: %s", bit, at, bl_status_name(status));
			json[at] = (char)(json[at] ^ (1 << bit));
		}
	assert_int_equal(retention_certificate_verify(json, length, key_of(temp), NULL, NULL),
			 BL_OK);
	free(json);
}

static void every_cut_is_refused(void **state)
{
	struct temp *temp = *state;
	char *json = make(temp, &GOOD);

	for (size_t length = 0; length < strlen(json); length++)
		if (retention_certificate_verify(json, length, key_of(temp), NULL, NULL) == BL_OK)
			fail_msg("the first %zu bytes verify", length);
	free(json);
}

static void key_of_another_store_is_refused(void **state)
{
	struct temp *temp = *state;
	char *json = make(temp, &GOOD);
	uint8_t key[VAULT_PUBLIC_KEY];

	memcpy(key, key_of(temp), sizeof(key));
	key[0] ^= 1;
	assert_int_equal(retention_certificate_verify(json, strlen(json), key, NULL, NULL),
			 BL_TAMPERED);
	free(json);
}

static void what_is_no_certificate_is_invalid(void **state)
{
	static const char *const TEXTS[] = {"",
					    "{}",
					    "[]\n",
					    "{\"type\":\"bailee-certificate\",\"version\":2}\n",
					    "{\"type\":\"other\",\"version\":1}\n",
					    "\177ELF"};
	struct temp *temp = *state;

	for (size_t i = 0; i < BL_COUNT(TEXTS); i++)
		if (retention_certificate_verify(TEXTS[i], strlen(TEXTS[i]), key_of(temp), NULL,
						 NULL) != BL_INVALID)
			fail_msg("%s", TEXTS[i]);
}

static void same_meaning_in_another_form_is_refused(void **state)
{
	struct temp *temp = *state;
	char *json = make(temp, &GOOD), *spaced = NULL;

	assert_true(asprintf(&spaced, "{ %s", json + 1) > 0);
	assert_int_equal(
		retention_certificate_verify(spaced, strlen(spaced), key_of(temp), NULL, NULL),
		BL_TAMPERED);
	free(spaced);
	free(json);
}

static void status_is_never_better_than_what_was_verified(void **state)
{
	static const struct {
		enum verification verification;
		unsigned exceptions;
		const char *status, *category;
	} ROWS[] = {
		{VERIFIED_RAW, 0, "ERASED", "clear"},
		{VERIFIED_FILE, 0, "ERASED_WITH_EXCEPTIONS", "clear"},
		{VERIFIED_FILE, EXCEPTION_NOT_RAW, "ERASED_WITH_EXCEPTIONS", "clear"},
		{VERIFIED_RAW, EXCEPTION_KEYS_CACHED, "ERASED_WITH_EXCEPTIONS", "clear"},
		{VERIFIED_RAW, EXCEPTION_VANISHED_VERIFIED, "ERASED_WITH_EXCEPTIONS", "clear"},
		{VERIFIED_RAW, EXCEPTION_LINKED, "ERASED_WITH_EXCEPTIONS", "clear"},
		{VERIFIED_RAW, EXCEPTION_VANISHED, "NOT_ERASED", "none"},
		{VERIFIED_NONE, 0, "NOT_ERASED", "none"},
		{VERIFIED_NONE, EXCEPTION_VANISHED, "NOT_ERASED", "none"},
	};
	struct temp *temp = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct journal journal = GOOD;
		char status[64], category[64];

		journal.verification = ROWS[i].verification;
		journal.exceptions = ROWS[i].exceptions;
		snprintf(status, sizeof(status), "\"status\":\"%s\"", ROWS[i].status);
		snprintf(category, sizeof(category), "\"category\":\"%s\"", ROWS[i].category);

		char *json = make(temp, &journal);

		if (!strstr(json, status) || !strstr(json, category) || strstr(json, "purge"))
			fail_msg("row %zu: %s", i, json);
		free(json);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(genuine_certificate_verifies),
		TEST(certificate_claims_no_step_that_was_not_taken),
		TEST(every_flipped_bit_is_refused),
		TEST(every_cut_is_refused),
		TEST(key_of_another_store_is_refused),
		TEST(what_is_no_certificate_is_invalid),
		TEST(same_meaning_in_another_form_is_refused),
		TEST(status_is_never_better_than_what_was_verified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
