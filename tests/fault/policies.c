/*
 * Kept policies on a disk that fails and in a process that dies: each call that reaches the disk fails, or is the last one, in turn. A policy is
 * then kept whole or not at all, what was kept before stays, and keeping it once more works.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sodium.h>

#include "fs/device/policies.h"
#include "tests/fault/failing-disk.h"
#include "tests/unit/fs/device/temp.h"

static const char *const TEXTS[] = {"bailee: 1\n", "bailee: 1\nserial: 2\n"};

static enum bl_status keep(struct device_store *store, size_t which)
{
	return policies_keep(store, TEXTS[which], strlen(TEXTS[which]), NULL);
}

/* BL_OK only when it is the very text. */
static enum bl_status reads(struct device_store *store, size_t which)
{
	BL_CLEANUP(bl_free) char *bytes = NULL;
	uint8_t digest[DEVICE_DIGEST];
	size_t length = 0;

	crypto_generichash(digest, sizeof(digest), (const uint8_t *)TEXTS[which],
			   strlen(TEXTS[which]), NULL, 0);
	enum bl_status status = policies_read(store, digest, &bytes, &length, NULL);

	if (status == BL_OK)
		assert_string_equal(bytes, TEXTS[which]);
	return status;
}

static struct temp *anew(void **state, size_t kept)
{
	temp_tear_down(state);
	assert_int_equal(temp_set_up(state), 0);

	struct temp *temp = *state;

	for (size_t i = 0; i < kept; i++)
		assert_int_equal(keep(temp->store, i), BL_OK);
	return temp;
}

static void assert_whole_or_not(struct temp *temp, size_t which, bool was_acknowledged)
{
	enum bl_status status = reads(temp->store, which);

	if (status != BL_OK && (was_acknowledged || status != BL_NOT_FOUND))
		fail_msg("%s", bl_status_name(status));
	for (size_t i = 0; i < which; i++)
		assert_int_equal(reads(temp->store, i), BL_OK);
	assert_int_equal(keep(temp->store, which), BL_OK);
	assert_int_equal(reads(temp->store, which), BL_OK);
}

/* The first one makes the folder; one that is there is synced only. */
static void it_is_kept_whole_or_not_when_the_disk_fails(void **state)
{
	static const size_t LEAST[] = {6, 5};

	for (size_t which = 0; which < BL_COUNT(TEXTS); which++) {
		enum bl_status status = BL_FAILED;
		size_t at = 0;

		for (; status != BL_OK && at < TOO_MANY; at++) {
			struct temp *temp = anew(state, which);

			trouble_at((int)at);
			status = keep(temp->store, which);
			trouble_over();
			assert_true(status == BL_OK || status == BL_IO);
			assert_whole_or_not(temp, which, status == BL_OK);
		}
		assert_true(at > LEAST[which] - 1 && at < TOO_MANY);
	}
}

static void it_is_kept_whole_or_not_when_the_process_dies(void **state)
{
	for (size_t which = 0; which < BL_COUNT(TEXTS); which++) {
		bool has_died = true;

		for (int at = 0; has_died && at < TOO_MANY; at++) {
			struct temp *temp = anew(state, which);

			device_store_close(temp->store);
			temp->store = NULL;
			pid_t pid = fork();

			if (pid == 0) {
				struct device_store *store = NULL;

				if (device_store_open(temp->store_path, NULL, &store, NULL) !=
				    BL_OK)
					_exit(2);
				death_at(at);
				_exit(keep(store, which) == BL_OK ? 0 : 1);
			}
			has_died = child_died(pid);
			assert_int_equal(temp_reopen(temp, NULL), BL_OK);
			assert_whole_or_not(temp, which, !has_died);
		}
		assert_false(has_died);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_is_kept_whole_or_not_when_the_disk_fails),
		TEST(it_is_kept_whole_or_not_when_the_process_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
