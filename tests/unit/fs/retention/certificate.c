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

/* As it is at its end; `files` is filled by make. */
static const struct journal GOOD = {
	.kind = SHRED_PLAIN,
	.size = 4096,
	.has_digest = true,
	.has_proof = true,
	.proof = VAULT_PROOF_RAW,
	.keys = {.filesystem = "ext2/3/4", .is_good = true},
	.image = {.filesystem = "ext2/3/4", .disk = "loop0", .is_good = true},
	.entry = "thirty-days",
	.by = UINT32_MAX,
	.file_count = 1,
	.is_complete = true,
	.algorithm = SEALED_AES256_GCM,
	.was_tried = true,
	.keys_tried = 9,
	.wiped_bytes = 8192,
	.wiped_raw = 8192,
};

static char *make_verified(struct temp *temp, const struct journal *journal,
			   enum verification verification)
{
	struct device device = temp_device(temp, "RMA-1");
	struct shred_file file = {.size = journal->size, .verification = verification};
	const struct certificate_time time = {.done_unix = 1700000000, .done_boot_ms = 1500};
	struct journal copy = *journal;
	char *json = NULL;

	copy.files = &file;
	snprintf(device.maker, sizeof(device.maker), "Ex\"amplo <b>&\xe2\x80\xae");
	assert_int_equal(certificate_make(temp->store, &device, &copy, &time, &json, NULL), BL_OK);
	return json;
}

static char *make(struct temp *temp, const struct journal *journal)
{
	return make_verified(temp, journal, VERIFIED_RAW);
}

static const uint8_t *key_of(struct temp *temp)
{
	return vault_public_key(device_store_vault(temp->store));
}

static enum bl_status verify(struct temp *temp, const char *json, size_t length)
{
	return retention_certificate_verify(json, length, key_of(temp), RETENTION_TEXT, NULL, NULL);
}

static void genuine_certificate_verifies(void **state)
{
	struct temp *temp = *state;
	char *json = make(temp, &GOOD), *text = NULL;

	assert_int_equal(retention_certificate_verify(json, strlen(json), key_of(temp),
						      RETENTION_TEXT, &text, NULL),
			 BL_OK);
	assert_non_null(strstr(text, "Ex\"amplo <b>&?\n"));
	assert_non_null(strstr(text, "2023-11-14T22:13:20Z"));
	assert_non_null(strstr(text, "Status                ERASED\n"));
	assert_non_null(strstr(text, "clear"));
	free(text);
	free(json);
}

/* At most 80 columns, whatever is in it, and a digest stays whole. */
static void text_page_fits_a_terminal(void **state)
{
	struct temp *temp = *state;
	struct journal journal = GOOD;
	char *json, *text = NULL;

	journal.exceptions = (1u << EXCEPTION_COUNT) - 1;
	json = make(temp, &journal);
	assert_int_equal(retention_certificate_verify(json, strlen(json), key_of(temp),
						      RETENTION_TEXT, &text, NULL),
			 BL_OK);
	assert_non_null(strstr(text, "\n                0000000000000000000000000000000000000000000"
				     "000000000000000000000\n"));
	for (const char *line = text, *end; *line; line = end + 1) {
		size_t columns = 0;

		end = strchr(line, '\n');
		assert_non_null(end);
		for (const char *at = line; at < end; at++)
			columns += (*at & 0xc0) != 0x80;
		if (columns > 80)
			fail_msg("%zu columns: %.*s", columns, (int)(end - line), line);
	}
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

			enum bl_status status = verify(temp, json, length);

			if (status != BL_TAMPERED && status != BL_INVALID)
				fail_msg("bit %u of byte %zu: %s", bit, at, bl_status_name(status));
			json[at] = (char)(json[at] ^ (1 << bit));
		}
	assert_int_equal(verify(temp, json, length), BL_OK);
	free(json);
}

static void every_cut_is_refused(void **state)
{
	struct temp *temp = *state;
	char *json = make(temp, &GOOD);

	for (size_t length = 0; length < strlen(json); length++)
		if (verify(temp, json, length) == BL_OK)
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
	assert_int_equal(
		retention_certificate_verify(json, strlen(json), key, RETENTION_TEXT, NULL, NULL),
		BL_TAMPERED);
	free(json);
}

static void what_is_no_certificate_is_invalid(void **state)
{
	static const char *const TEXTS[] = {"",
					    "{}",
					    "[]\n",
					    "{\"type\":\"bailee-certificate\",\"version\":3}\n",
					    "{\"type\":\"bailee-certificate\",\"version\":0}\n",
					    "{\"type\":\"other\",\"version\":1}\n",
					    "\177ELF"};
	struct temp *temp = *state;

	for (size_t i = 0; i < BL_COUNT(TEXTS); i++)
		if (verify(temp, TEXTS[i], strlen(TEXTS[i])) != BL_INVALID)
			fail_msg("%s", TEXTS[i]);
}

static void same_meaning_in_another_form_is_refused(void **state)
{
	struct temp *temp = *state;
	char *json = make(temp, &GOOD), *spaced = NULL;

	assert_true(asprintf(&spaced, "{ %s", json + 1) > 0);
	assert_int_equal(verify(temp, spaced, strlen(spaced)), BL_TAMPERED);
	free(spaced);
	free(json);
}

#define ROW(kind, what, change, status, category)                                                  \
	{                                                                                          \
		SHRED_##kind, what, change, status, category                                       \
	}

struct status_row {
	enum shred_kind kind;
	const char *what;
	void (*change)(struct journal *journal, enum verification *verification);
	const char *status, *category;
};

#define CHANGE(name, statement)                                                                    \
	static void name(struct journal *journal, enum verification *verification)                 \
	{                                                                                          \
		(void)journal, (void)verification;                                                 \
		statement;                                                                         \
	}
CHANGE(nothing, )
CHANGE(read_by_file, *verification = VERIFIED_FILE)
CHANGE(never_read, *verification = VERIFIED_NONE)
CHANGE(keys_cached, journal->proof = VAULT_PROOF_CACHED)
CHANGE(keys_direct, journal->proof = VAULT_PROOF_DIRECT)
CHANGE(keys_unproven, journal->has_proof = false)
CHANGE(tree_half_raw, journal->wiped_raw = 4096)
CHANGE(tree_not_there, journal->wiped_raw = journal->wiped_bytes = 0)
CHANGE(never_tried, journal->was_tried = false)
CHANGE(keys_on_btrfs,
       (journal->keys.is_good = false, journal->exceptions = EXCEPTION_KEYS_BAD_MEDIUM))
CHANGE(keys_in_memory, journal->exceptions = EXCEPTION_KEYS_NO_MEDIUM)
CHANGE(reflinked, journal->exceptions = EXCEPTION_SHARED)
CHANGE(image_in_memory, journal->exceptions = EXCEPTION_NO_MEDIUM)
CHANGE(image_on_overlay, journal->exceptions = EXCEPTION_BAD_MEDIUM)
CHANGE(vanished, journal->exceptions = EXCEPTION_VANISHED)
CHANGE(vanished_proven, journal->exceptions = EXCEPTION_VANISHED_VERIFIED)
CHANGE(linked, journal->exceptions = EXCEPTION_LINKED)
CHANGE(missing, (journal->was_tried = false, journal->wiped_bytes = journal->wiped_raw = 0,
		 journal->exceptions = EXCEPTION_MISSING))

/* Another store in its place, with a lock. */
static bool lock_store(struct temp *temp)
{
	static const uint8_t SECRET[VAULT_KEY_FILE_LEAST] = {1};
	const struct vault_secret secret = {
		.kind = VAULT_LOCK_KEY_FILE, .secret = SECRET, .length = sizeof(SECRET)};
	const struct device_store_keys keys = {.secrets = &secret, .secret_count = 1};

	device_store_close(temp->store);
	temp->store = NULL;
	return device_store_create(temp_path(temp, "locked"), &keys, &temp->store, NULL) == BL_OK;
}

/* An older copy of the key's page, wherever the medium keeps one, is the key then. */
static void nothing_is_purged_where_there_is_no_lock(void **state)
{
	static const enum shred_kind KINDS[] = {SHRED_SEALED, SHRED_PART};

	for (size_t i = 0; i < BL_COUNT(KINDS); i++) {
		struct journal journal = GOOD;

		journal.kind = KINDS[i];
		journal.number = KINDS[i] == SHRED_PART;
		journal.file_count = 0;

		char *json = make(*state, &journal);

		assert_non_null(strstr(json, "\"status\":\"ERASED\""));
		assert_non_null(strstr(json, "\"category\":\"clear\""));
		assert_non_null(strstr(json, "\"technique\":\"cryptographic erase\""));
		assert_non_null(strstr(json, "\"locks\":[\"none\"]"));
		assert_non_null(strstr(json, "the store has no lock"));
		free(json);
	}
}

static void status_is_never_better_than_what_was_verified(void **state)
{
#define WITH "ERASED_WITH_EXCEPTIONS"
	static const struct status_row ROWS[] = {
		ROW(PLAIN, "all", nothing, "ERASED", "clear"),
		ROW(PLAIN, "through the filesystem", read_by_file, WITH, "clear"),
		ROW(PLAIN, "never read back", never_read, "NOT_ERASED", "none"),
		ROW(PLAIN, "keys cached", keys_cached, WITH, "clear"),
		ROW(PLAIN, "keys direct", keys_direct, WITH, "clear"),
		ROW(PLAIN, "keys unproven", keys_unproven, "NOT_ERASED", "none"),
		ROW(PLAIN, "vanished", vanished, "NOT_ERASED", "none"),
		ROW(PLAIN, "vanished, proven", vanished_proven, WITH, "clear"),
		ROW(PLAIN, "linked", linked, WITH, "clear"),
		ROW(SOURCE, "all", nothing, "ERASED", "clear"),
		ROW(SOURCE, "has no keys", keys_unproven, "ERASED", "clear"),
		ROW(SOURCE, "through the filesystem", read_by_file, WITH, "clear"),
		ROW(SOURCE, "vanished", vanished, "NOT_ERASED", "none"),
		ROW(SEALED, "all", nothing, "ERASED", "purge"),
		ROW(SEALED, "keys cached", keys_cached, WITH, "clear"),
		ROW(SEALED, "keys direct", keys_direct, WITH, "clear"),
		ROW(SEALED, "keys unproven", keys_unproven, "NOT_ERASED", "none"),
		ROW(SEALED, "half of the tree raw", tree_half_raw, WITH, "purge"),
		ROW(SEALED, "no tree", tree_not_there, WITH, "purge"),
		ROW(SEALED, "never tried", never_tried, "NOT_ERASED", "none"),
		ROW(SEALED, "not there", missing, WITH, "purge"),
		ROW(SEALED, "keys on btrfs", keys_on_btrfs, WITH, "clear"),
		ROW(SEALED, "keys in memory", keys_in_memory, WITH, "clear"),
		ROW(SEALED, "reflinked", reflinked, WITH, "clear"),
		ROW(SEALED, "image in memory", image_in_memory, WITH, "purge"),
		ROW(SEALED, "image on overlay", image_on_overlay, WITH, "purge"),
		ROW(PART, "all", nothing, "ERASED", "purge"),
		ROW(PART, "keys cached", keys_cached, WITH, "clear"),
		ROW(PART, "keys unproven", keys_unproven, "NOT_ERASED", "none"),
	};
	struct temp *temp = *state;

	assert_true(lock_store(temp));
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const struct status_row *row = &ROWS[i];
		struct journal journal = GOOD;
		enum verification verification = VERIFIED_RAW;
		char status[64], category[64];

		journal.kind = row->kind;
		journal.number = row->kind == SHRED_PART;
		if (row->kind == SHRED_SEALED || row->kind == SHRED_PART)
			journal.file_count = 0;
		row->change(&journal, &verification);
		snprintf(status, sizeof(status), "\"status\":\"%s\"", row->status);
		snprintf(category, sizeof(category), "\"category\":\"%s\"", row->category);

		char *json = make_verified(temp, &journal, verification);

		if (!strstr(json, status) || !strstr(json, category))
			fail_msg("%d, %s: %s", (int)row->kind, row->what, json);
		if (verify(temp, json, strlen(json)) != BL_OK)
			fail_msg("%d, %s: does not verify", (int)row->kind, row->what);
		free(json);
	}
}

/* Signed by the store as version 1 wrote them. */
static void certificate_of_version_1_still_verifies(void **state)
{
	static const char FIELDS[] =
		"\"exceptions\":[],\"how\":{\"category\":\"clear\"},\"status\":\"ERASED\","
		"\"storage\":{\"block_device\":\"loop0\",\"filesystem\":\"xfs\"},"
		"\"type\":\"bailee-certificate\",\"version\":1,\"what\":{\"device\":\"RMA-1\"}}";
	struct temp *temp = *state;
	uint8_t signature[VAULT_SIGNATURE];
	char body[512], hex[HEX_SIZE(VAULT_SIGNATURE)], text[1024];
	char *page = NULL;

	snprintf(body, sizeof(body), "{%s", FIELDS);
	vault_sign(device_store_vault(temp->store), body, strlen(body), signature);
	sodium_bin2hex(hex, sizeof(hex), signature, sizeof(signature));

	const char *status = strstr(FIELDS, "\"status\"");

	snprintf(text, sizeof(text), "{%.*s\"signature\":\"%s\",%s\n", (int)(status - FIELDS),
		 FIELDS, hex, status);
	assert_int_equal(retention_certificate_verify(text, strlen(text), key_of(temp),
						      RETENTION_TEXT, &page, NULL),
			 BL_OK);
	assert_non_null(strstr(page, "Status                ERASED\n"));
	assert_non_null(strstr(page, "Filesystem            xfs\n"));
	free(page);
	assert_int_equal(retention_certificate_verify(text, strlen(text), key_of(temp),
						      RETENTION_HTML, &page, NULL),
			 BL_OK);
	free(page);
}

static void html_page_is_whole_and_escaped(void **state)
{
	static const char *const NEVER[] = {"<script", "<b>",	  "http:", "https:",	  "src=",
					    "url(",    "@import", "<link", "\xe2\x80\xae"};
	struct temp *temp = *state;
	char *json = make(temp, &GOOD), *page = NULL;

	assert_int_equal(retention_certificate_verify(json, strlen(json), key_of(temp),
						      RETENTION_HTML, &page, NULL),
			 BL_OK);
	assert_non_null(strstr(page, "Ex&quot;amplo &lt;b&gt;&amp;?<"));
	assert_int_equal(strncmp(page, "<!DOCTYPE html>\n<html lang=\"en\">", 32), 0);
	assert_non_null(strstr(page, "</html>\n"));
	for (size_t i = 0; i < BL_COUNT(NEVER); i++)
		if (strstr(page, NEVER[i]))
			fail_msg("'%s' is in the page", NEVER[i]);
	free(page);
	free(json);
}

static void certificate_counts_for_its_own_destruction_only(void **state)
{
	static const struct {
		const char *id;
		enum shred_kind kind;
		uint32_t number;
		bool is_its_own;
	} ROWS[] = {
		{"RMA-1", SHRED_PART, 2, true},	  {"RMA-1", SHRED_PART, 1, false},
		{"RMA-1", SHRED_PLAIN, 0, false}, {"RMA-1", SHRED_SOURCE, 0, false},
		{"RMA-2", SHRED_PART, 2, false},
	};
	struct temp *temp = *state;
	struct journal part = GOOD;

	part.kind = SHRED_PART;
	part.number = 2;
	part.file_count = 0;

	char *json = make(temp, &part);

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const struct journal journal = {.kind = ROWS[i].kind, .number = ROWS[i].number};

		if (certificate_is_of(temp->store, ROWS[i].id, &journal, json, strlen(json)) !=
		    ROWS[i].is_its_own)
			fail_msg("row %zu", i);
	}
	free(json);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(genuine_certificate_verifies),
		TEST(text_page_fits_a_terminal),
		TEST(certificate_claims_no_step_that_was_not_taken),
		TEST(every_flipped_bit_is_refused),
		TEST(every_cut_is_refused),
		TEST(key_of_another_store_is_refused),
		TEST(what_is_no_certificate_is_invalid),
		TEST(same_meaning_in_another_form_is_refused),
		TEST(nothing_is_purged_where_there_is_no_lock),
		TEST(status_is_never_better_than_what_was_verified),
		TEST(certificate_of_version_1_still_verifies),
		TEST(html_page_is_whole_and_escaped),
		TEST(certificate_counts_for_its_own_destruction_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
