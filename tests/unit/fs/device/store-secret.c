/* What the store keeps sealed of itself: clock and holds. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "fs/device/private.h"
#include "tests/unit/fs/device/temp.h"

#define CLOCK "{\"boot_id\":\"synthetic\",\"trusted\":1767312000}"
#define HOLDS "{\"holds\":[],\"version\":1}"

static enum bl_status write_text(struct temp *temp, enum device_store_secret secret,
				 const char *text)
{
	return device_store_secret_write(temp->store, secret, text, strlen(text), NULL);
}

static void assert_reads(struct temp *temp, enum device_store_secret secret, const char *wanted)
{
	BL_CLEANUP(bl_free) uint8_t *bytes = NULL;
	struct bl_error why = {.text = ""};
	size_t length = 0;

	if (device_store_secret_read(temp->store, secret, &bytes, &length, &why) != BL_OK)
		fail_msg("%s", why.text);
	assert_int_equal(length, strlen(wanted));
	assert_memory_equal(bytes, wanted, length);
	assert_int_equal(bytes[length], '\0');
}

static enum bl_status read_status(struct temp *temp, enum device_store_secret secret,
				  struct bl_error *why)
{
	uint8_t *bytes = NULL;
	size_t length = 77;
	enum bl_status status = device_store_secret_read(temp->store, secret, &bytes, &length, why);

	if (status != BL_OK) {
		assert_null(bytes);
		assert_int_equal(length, 77);
	}
	free(bytes);
	return status;
}

static void nothing_is_there_at_first(void **state)
{
	struct temp *temp = *state;
	struct bl_error why = {.text = ""};

	assert_int_equal(read_status(temp, STORE_CLOCK, &why), BL_NOT_FOUND);
	assert_non_null(strstr(why.text, "'clock'"));
	assert_int_equal(read_status(temp, STORE_HOLDS, &why), BL_NOT_FOUND);
	assert_non_null(strstr(why.text, "'holds'"));
}

static void what_is_written_last_comes_back_after_a_restart(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(write_text(temp, STORE_CLOCK, "an older one, which is longer than it"),
			 BL_OK);
	assert_int_equal(write_text(temp, STORE_CLOCK, CLOCK), BL_OK);
	assert_int_equal(write_text(temp, STORE_HOLDS, HOLDS), BL_OK);
	for (unsigned pass = 0; pass < 2; pass++) {
		assert_reads(temp, STORE_CLOCK, CLOCK);
		assert_reads(temp, STORE_HOLDS, HOLDS);
		assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	}
}

static void nothing_may_be_written_too(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(write_text(temp, STORE_HOLDS, ""), BL_OK);
	assert_reads(temp, STORE_HOLDS, "");
}

static void file_is_private_and_does_not_hold_the_words(void **state)
{
	struct temp *temp = *state;
	struct stat st;
	char *bytes = NULL;
	size_t length = 0;

	assert_int_equal(write_text(temp, STORE_CLOCK, CLOCK), BL_OK);
	assert_int_equal(stat(temp_path(temp, "store/clock"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_load(device_store_fd(temp->store), "clock", &bytes, &length, NULL),
			 BL_OK);
	assert_null(memmem(bytes, length, "synthetic", strlen("synthetic")));
	assert_null(memmem(bytes, length, "trusted", strlen("trusted")));
	free(bytes);
}

static void over_the_limit_is_refused_and_the_old_one_stays(void **state)
{
	struct temp *temp = *state;
	size_t most = FILE_LIMIT - VAULT_SEAL_OVERHEAD;
	BL_CLEANUP(bl_free) uint8_t *bytes = calloc(1, most + 1);
	BL_CLEANUP(bl_free) uint8_t *again = NULL;
	size_t length = 0;

	assert_non_null(bytes);
	assert_int_equal(write_text(temp, STORE_HOLDS, HOLDS), BL_OK);
	assert_int_equal(device_store_secret_write(temp->store, STORE_HOLDS, bytes, most + 1, NULL),
			 BL_TOO_LARGE);
	assert_reads(temp, STORE_HOLDS, HOLDS);
	assert_int_equal(device_store_secret_write(temp->store, STORE_HOLDS, bytes, most, NULL),
			 BL_OK);
	assert_int_equal(device_store_secret_read(temp->store, STORE_HOLDS, &again, &length, NULL),
			 BL_OK);
	assert_int_equal(length, most);
}

/* ---- what somebody did to it ----------------------------------------------------------------------- */

/* The file's contents without its line, sealed as they are. */
static char *sealed_of(struct temp *temp, const char *name, size_t *out_length)
{
	char *bytes = NULL;

	assert_int_equal(file_get(device_store_fd(temp->store), name, &bytes, out_length, NULL),
			 BL_OK);
	return bytes;
}

/* With a line that is right: the seal alone has to notice. */
static void put_sealed(struct temp *temp, const char *name, const char *bytes, size_t length)
{
	assert_int_equal(file_put(device_store_fd(temp->store), name, bytes, length, NULL), BL_OK);
}

static void each_byte_that_is_another_is_noticed(void **state)
{
	struct temp *temp = *state;
	size_t length = 0;

	assert_int_equal(write_text(temp, STORE_HOLDS, HOLDS), BL_OK);

	BL_CLEANUP(bl_free) char *bytes = sealed_of(temp, "holds", &length);

	assert_int_equal(length, strlen(HOLDS) + VAULT_SEAL_OVERHEAD);
	for (size_t at = 0; at < length; at++) {
		struct bl_error why = {.text = ""};

		bytes[at] = (char)(bytes[at] ^ 1);
		put_sealed(temp, "holds", bytes, length);
		bytes[at] = (char)(bytes[at] ^ 1);
		if (read_status(temp, STORE_HOLDS, &why) != BL_TAMPERED || !*why.text)
			fail_msg("byte %zu: '%s'", at, why.text);
	}
	put_sealed(temp, "holds", bytes, length);
	assert_reads(temp, STORE_HOLDS, HOLDS);
}

static void what_is_cut_is_noticed(void **state)
{
	struct temp *temp = *state;
	size_t length = 0;

	assert_int_equal(write_text(temp, STORE_HOLDS, HOLDS), BL_OK);

	BL_CLEANUP(bl_free) char *bytes = sealed_of(temp, "holds", &length);

	for (size_t left = 0; left < length; left++) {
		put_sealed(temp, "holds", bytes, left);
		if (read_status(temp, STORE_HOLDS, NULL) != BL_TAMPERED)
			fail_msg("%zu bytes", left);
	}
}

static void one_in_the_place_of_the_other_is_noticed(void **state)
{
	struct temp *temp = *state;
	size_t length = 0;

	assert_int_equal(write_text(temp, STORE_CLOCK, CLOCK), BL_OK);

	BL_CLEANUP(bl_free) char *bytes = sealed_of(temp, "clock", &length);

	put_sealed(temp, "holds", bytes, length);
	assert_int_equal(read_status(temp, STORE_HOLDS, NULL), BL_TAMPERED);
}

static void one_of_another_store_is_noticed(void **state)
{
	struct temp *temp = *state;
	struct device_store *other = NULL;
	char path[96];
	size_t length = 0;

	snprintf(path, sizeof(path), "%s/other", temp->root);
	assert_int_equal(device_store_create(path, NULL, &other, NULL), BL_OK);

	enum bl_status status =
		device_store_secret_write(other, STORE_HOLDS, HOLDS, strlen(HOLDS), NULL);
	char *bytes = NULL;

	if (status == BL_OK)
		status = file_get(device_store_fd(other), "holds", &bytes, &length, NULL);
	device_store_close(other);
	assert_int_equal(status, BL_OK);
	put_sealed(temp, "holds", bytes, length);
	free(bytes);
	assert_int_equal(read_status(temp, STORE_HOLDS, NULL), BL_TAMPERED);
}

static void line_that_does_not_match_and_a_file_open_to_others_are_refused(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(write_text(temp, STORE_CLOCK, CLOCK), BL_OK);
	assert_int_equal(chmod(temp_path(temp, "store/clock"), 0644), 0);
	assert_int_equal(read_status(temp, STORE_CLOCK, NULL), BL_INVALID);
	assert_int_equal(chmod(temp_path(temp, "store/clock"), 0600), 0);
	assert_reads(temp, STORE_CLOCK, CLOCK);
	assert_true(put_file(temp_path(temp, "store/clock"), "bailee-file 1 clock 0 00\n"));
	assert_int_equal(read_status(temp, STORE_CLOCK, NULL), BL_TAMPERED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_there_at_first),
		TEST(what_is_written_last_comes_back_after_a_restart),
		TEST(nothing_may_be_written_too),
		TEST(file_is_private_and_does_not_hold_the_words),
		TEST(over_the_limit_is_refused_and_the_old_one_stays),
		TEST(each_byte_that_is_another_is_noticed),
		TEST(what_is_cut_is_noticed),
		TEST(one_in_the_place_of_the_other_is_noticed),
		TEST(one_of_another_store_is_noticed),
		TEST(line_that_does_not_match_and_a_file_open_to_others_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
