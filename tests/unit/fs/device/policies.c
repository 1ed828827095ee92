/* Policies that were in force: kept once each, by what they are. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sodium.h>

#include "fs/device/policies.h"
#include "tests/unit/fs/device/temp.h"

struct named {
	uint8_t digest[DEVICE_DIGEST];
	char path[220];
};

static struct named name_of(struct temp *temp, const char *text)
{
	struct named named;
	char hex[2 * DEVICE_DIGEST + 1];

	crypto_generichash(named.digest, DEVICE_DIGEST, (const uint8_t *)text, strlen(text), NULL,
			   0);
	sodium_bin2hex(hex, sizeof(hex), named.digest, DEVICE_DIGEST);
	snprintf(named.path, sizeof(named.path), "%s/policies/%s", temp->store_path, hex);
	return named;
}

static enum bl_status keep(struct temp *temp, const char *text)
{
	return policies_keep(temp->store, text, strlen(text), NULL);
}

static enum bl_status reads(struct temp *temp, const char *text)
{
	BL_CLEANUP(bl_free) char *bytes = NULL;
	struct named named = name_of(temp, text);
	size_t length = 0;
	enum bl_status status = policies_read(temp->store, named.digest, &bytes, &length, NULL);

	if (status == BL_OK) {
		assert_int_equal(length, strlen(text));
		assert_string_equal(bytes, text);
	}
	return status;
}

static void what_is_kept_comes_back_after_a_restart(void **state)
{
	struct temp *temp = *state;
	struct stat st;

	assert_int_equal(reads(temp, "one\n"), BL_NOT_FOUND);
	assert_int_equal(keep(temp, "one\n"), BL_OK);
	assert_int_equal(keep(temp, "two\n"), BL_OK);
	assert_int_equal(keep(temp, "one\n"), BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(reads(temp, "one\n"), BL_OK);
	assert_int_equal(reads(temp, "two\n"), BL_OK);
	assert_int_equal(reads(temp, "three\n"), BL_NOT_FOUND);
	assert_int_equal(stat(name_of(temp, "one\n").path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_damaged_one_is_told_and_written_anew(void **state)
{
	struct temp *temp = *state;
	struct named named = name_of(temp, "one\n");

	assert_int_equal(keep(temp, "one\n"), BL_OK);
	assert_true(put_file(named.path, "on"));
	assert_int_equal(reads(temp, "one\n"), BL_TAMPERED);
	assert_int_equal(keep(temp, "one\n"), BL_OK);
	assert_int_equal(reads(temp, "one\n"), BL_OK);
}

static void a_folder_that_is_not_private_is_refused(void **state)
{
	struct temp *temp = *state;
	char path[200];

	assert_int_equal(keep(temp, "one\n"), BL_OK);
	snprintf(path, sizeof(path), "%s/policies", temp->store_path);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(keep(temp, "two\n"), BL_INVALID);
	assert_int_equal(reads(temp, "one\n"), BL_INVALID);
}

static bool is_it(void *context, const uint8_t digest[DEVICE_DIGEST])
{
	return memcmp(context, digest, DEVICE_DIGEST) == 0;
}

static void what_nobody_asks_for_any_more_is_forgotten(void **state)
{
	struct temp *temp = *state;
	struct named named = name_of(temp, "two\n");

	assert_int_equal(policies_forget(temp->store, is_it, named.digest, NULL), BL_OK);
	assert_int_equal(keep(temp, "one\n"), BL_OK);
	assert_int_equal(keep(temp, "two\n"), BL_OK);
	assert_int_equal(policies_forget(temp->store, is_it, named.digest, NULL), BL_OK);
	assert_int_equal(reads(temp, "one\n"), BL_NOT_FOUND);
	assert_int_equal(reads(temp, "two\n"), BL_OK);
}

static void there_are_never_more_than_the_limit(void **state)
{
	struct temp *temp = *state;
	char text[32];
	struct named first = name_of(temp, "policy 0\n");

	for (unsigned i = 0; i < POLICIES_KEPT + 1; i++) {
		snprintf(text, sizeof(text), "policy %u\n", i);
		assert_int_equal(i < POLICIES_KEPT - 1 && i
					 ? !put_file(name_of(temp, text).path, text)
					 : keep(temp, text),
				 BL_OK);
	}
	assert_int_equal(access(first.path, F_OK), -1);
	assert_int_equal(reads(temp, text), BL_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_kept_comes_back_after_a_restart),
		TEST(a_damaged_one_is_told_and_written_anew),
		TEST(a_folder_that_is_not_private_is_refused),
		TEST(what_nobody_asks_for_any_more_is_forgotten),
		TEST(there_are_never_more_than_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
